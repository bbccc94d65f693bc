"""Savers on folders of their own, and whole programs that use one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

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
