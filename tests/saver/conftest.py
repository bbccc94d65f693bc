"""Savers on folders of their own, and whole programs that use one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator

import pytest

LIMIT_S = 60
PROLOGUE = """
import gc, os, random, signal, sys, threading, time
import fast_langgraph
from fast_langgraph import ChronicleSaver
from langgraph.checkpoint.base import empty_checkpoint

def checkpoint(id_, values, version):
    return {**empty_checkpoint(), "id": id_, "channel_values": values,
            "channel_versions": {name: version for name in values}}

def config(thread, id_=None, ns=""):
    named = {"thread_id": thread, "checkpoint_ns": ns}
    return {"configurable": named if id_ is None else {**named, "checkpoint_id": id_}}

def put(saver, thread, n, parent=None, value=None, ns=""):
    '''One checkpoint whose every part says which it is.'''
    values = {"who": f"{thread}/{ns}/{n}", "value": value}
    version = f"{n:032}.0"
    saved = saver.put(config(thread, parent, ns), checkpoint(f"{n:08}", values, version),
                      {"source": "loop", "step": n, "parents": {}},
                      {name: version for name in values})
    saver.put_writes(saved, [("who", f"write {thread}/{ns}/{n}")], f"task{n}")
    return saved["configurable"]["checkpoint_id"]

def check(saver, thread, n, ns=""):
    got = saver.get_tuple(config(thread, f"{n:08}", ns))
    assert got is not None, (thread, n)
    assert got.checkpoint["channel_values"]["who"] == f"{thread}/{ns}/{n}", got
    assert got.metadata["step"] == n
    assert got.pending_writes in ([(f"task{n}", "who", f"write {thread}/{ns}/{n}")], []), got
    return got

def anonymous_kb():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))
"""


def killed(
    code: str, *arguments: str, environment: dict[str, str], first: bool, after_s: float
) -> list[int]:
    """Run a program that says "open" and then numbers; kill it in their midst; return the numbers.

    ``first``: it is not killed before the first of them. ``after_s``: so long it may go on.
    """
    victim = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None and victim.stderr is not None
    told: list[int] = []
    guard = threading.Timer(LIMIT_S, victim.kill)
    guard.start()
    try:
        line = victim.stdout.readline()
        assert line == "open\n", victim.stderr.read()
        if first:
            told.append(int(victim.stdout.readline()))
        time.sleep(after_s)
    finally:
        victim.send_signal(signal.SIGKILL)
        guard.cancel()
    told += map(int, victim.stdout.read().split())
    victim.wait(LIMIT_S)
    assert victim.returncode == -signal.SIGKILL, victim.stderr.read()
    victim.stdout.close()
    victim.stderr.close()
    return told


def survived(code: str, told: Iterable[int], environment: dict[str, str], number: int) -> None:
    """Run a program that checks what was told, which it reads from stdin."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        input=" ".join(map(str, told)),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, (number, done.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "saver"


@pytest.fixture
def chronicle(java: str, folder: Path) -> Iterator[Callable[..., Any]]:
    """Open a saver; it is closed when the test ends."""
    from fast_langgraph import ChronicleSaver

    opened: list[Any] = []

    def open_(where: Path = folder, **settings: Any) -> Any:
        opened.append(ChronicleSaver(where, **settings))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
def program(run: Any, java: str, folder: Path) -> Callable[..., str]:
    """Run a program after PROLOGUE with FOLDER; what it prints."""

    def program(*code: str, **settings: Any) -> str:
        done = run(PROLOGUE, f"FOLDER = {str(folder)!r}", *code, **settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout  # type: ignore[no-any-return]

    return program


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mount something; skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(*arguments: str) -> Path:
        at = tmp_path / f"mount{len(mounted)}"
        at.mkdir()
        command = ["mount", *arguments, str(at)]
        if os.geteuid() or not shutil.which("mount"):
            pytest.skip("only root mounts")
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"mount: {done.stderr.strip()}")
        mounted.append(at)
        return at

    yield mount
    for at in mounted:
        subprocess.run(["umount", "-l", str(at)], check=True)
