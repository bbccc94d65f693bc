"""Jupyter kernels: started, asked, interrupted, restarted, as a front end does it."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

pytest.importorskip("ipykernel")
pytest.importorskip("nbclient")

from jupyter_client import BlockingKernelClient, KernelManager  # noqa: E402

LIMIT_S = 90
PRESS_AGAIN_S = 10


@dataclasses.dataclass
class Reply:
    """What came of a cell."""

    error: str
    stdout: str = ""
    stderr: str = ""


class Kernel:
    """One kernel and the front end's side of it."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        # longer than a kernel may take: one that hangs is told by the force that ends it
        self.manager.shutdown_wait_time = 40
        self.manager.start_kernel(env=environment, cwd=str(folder))
        self.forced: list[str] = []
        self._connect()

    def _connect(self) -> None:
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=LIMIT_S)
        self._watch()

    def _watch(self) -> None:
        for name in ("kill", "terminate"):
            true = getattr(self.manager.provisioner, name)

            def forced(*given: Any, _name: str = name, _true: Any = true, **named: Any) -> Any:
                self.forced.append(_name)
                return _true(*given, **named)

            setattr(self.manager.provisioner, name, forced)

    def send(self, code: str) -> str:
        """Run a cell, not waiting for it."""
        return str(self.client.execute(code, store_history=False))

    def reply(self, request: str, seconds: float = LIMIT_S) -> Reply:
        """Wait for a cell's end."""
        limit = time.monotonic() + seconds
        while True:
            message = self.client.get_shell_msg(timeout=max(0.1, limit - time.monotonic()))
            if message["parent_header"].get("msg_id") == request:
                break
        reply = Reply(message["content"].get("ename", ""))
        for stream in self._streams(request, limit):
            name = stream["name"]
            setattr(reply, name, getattr(reply, name) + stream["text"])
        return reply

    def _streams(self, request: str, limit: float) -> Iterator[Any]:
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, limit - time.monotonic()))
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                yield content
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return

    def run(self, code: str) -> Reply:
        """Run a cell."""
        return self.reply(self.send(code))

    def wait_for(self, request: str, text: str) -> None:
        """Wait until a running cell has printed a text."""
        for stream in self._streams(request, time.monotonic() + LIMIT_S):
            if text in stream["text"]:
                return
        raise AssertionError(f"the cell ended before it printed {text!r}")

    def interrupt(self, code: str, after: float, presses: int = 1) -> Reply:
        """Run a cell, interrupt it a moment after it has printed "on", and wait for its end."""
        request = self.send(code)
        self.wait_for(request, "on")
        time.sleep(after)
        for _ in range(presses - 1):
            self.manager.interrupt_kernel()
            try:
                return self.reply(request, PRESS_AGAIN_S)
            except Empty:
                continue
        self.manager.interrupt_kernel()
        return self.reply(request)

    def restart(self) -> None:
        """Restart, as the menu does."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=False)
        self._connect()

    def end(self) -> int:
        """Ask for the shutdown; return the exit code."""
        process = self.manager.provisioner.process
        self.client.shutdown()
        return int(process.wait(timeout=40))

    def close(self) -> None:
        """Leave nothing behind, however the test ended."""
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def surroundings(fresh: Any, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The environment of a kernel: no settings and no files of the user's."""

    def surroundings(**settings: Any) -> dict[str, str]:
        for name in ("config", "data", "runtime", "ipython"):
            (tmp_path / name).mkdir(exist_ok=True, mode=0o700)
        return dict(
            fresh(**{"FAST_JVM_CACHE": "off", **settings}),
            JUPYTER_CONFIG_DIR=str(tmp_path / "config"),
            JUPYTER_DATA_DIR=str(tmp_path / "data"),
            JUPYTER_RUNTIME_DIR=str(tmp_path / "runtime"),
            IPYTHONDIR=str(tmp_path / "ipython"),
        )

    return surroundings


@pytest.fixture
def kernel(surroundings: Any, tmp_path: Path) -> Iterator[Callable[..., Kernel]]:
    """Start kernels; all of them end with the test."""
    if sys.platform == "win32":
        pytest.skip("kernels are interrupted by signals here")
    started: list[Kernel] = []

    def kernel(**settings: Any) -> Kernel:
        started.append(Kernel(surroundings(**settings), tmp_path))
        return started[-1]

    yield kernel
    for one in started:
        one.close()
