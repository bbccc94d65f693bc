"""Hooks of fork and exit, in place from the moment a boot begins.

A fork waits for a boot under way, whose locks would stay locked in the child. CPython 3.12 warns
of a fork beside other threads; the JVM's are not the user's, so the warning is given for those alone.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
import threading
from typing import Any, Callable

from . import _platform
from ._state import state, wait_idle

FORK_WAIT_S = 5.0

_threads_before = 1
_exits: list[Callable[[], None]] = []


def watch(in_child: Callable[[], None], at_exit: Callable[[], None]) -> None:
    """Stand guard over fork and exit; called once, before the thread of the boot starts."""
    global _threads_before
    _threads_before = _platform.os_threads()
    _exits.append(at_exit)
    last_in_first_out()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_child=in_child)
    for name in ("fork", "forkpty"):
        if hasattr(os, name) and sys.version_info >= (3, 12):
            setattr(os, name, _without_our_warning(name, getattr(os, name)))


def last_in_first_out() -> None:
    """Run our exit before the exits that were registered during the boot: JPype's."""
    for at_exit in _exits:
        atexit.unregister(at_exit)
        atexit.register(at_exit)


def _before_fork() -> None:
    if not threading.current_thread().name.startswith("fast-jvm-"):
        wait_idle(FORK_WAIT_S)
    if state.alive and state.host is not None:
        state.host.before_fork()


def _without_our_warning(name: str, original: Callable[[], Any]) -> Callable[[], Any]:
    @functools.wraps(original)
    def wrapped() -> Any:
        import warnings

        theirs = [
            thread for thread in threading.enumerate() if not thread.name.startswith("fast-jvm-")
        ]
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "This process .*is multi-threaded", DeprecationWarning
            )
            result = original()
        pid = result[0] if isinstance(result, tuple) else result
        if pid and (len(theirs) > 1 or _threads_before > 1):
            text = (
                f"This process (pid={os.getpid()}) is multi-threaded, "
                f"use of {name}() may lead to deadlocks in the child."
            )
            try:
                warnings.warn(text, DeprecationWarning, stacklevel=2)
            except DeprecationWarning:
                pass  # as CPython does: the child is there already
        return result

    return wrapped
