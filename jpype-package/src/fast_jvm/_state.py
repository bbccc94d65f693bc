"""What is known of this process's one boot, and the lock that guards it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ._reasons import Reason

if TYPE_CHECKING:
    from ._jre import Jre


class State:
    """Where the boot is, and what it made."""

    def __init__(self) -> None:
        self.phase = "idle"  # idle, booting, up, failed
        self.reason = Reason("")
        self.host: Any = None
        self.alive = False  # a JVM that is ours, or that we joined, runs
        self.host_name = ""
        self.java = ""
        self.java_home = ""
        self.cache = ""
        self.options: list[str] = []
        self.logs = False  # a folder's log was opened
        self.make_cache: tuple[Jre, str, list[str], str, str] | None = None
        self.builtins: dict[str, Any] = {}
        self.prepared: dict[str, Any] = {}
        self.times: dict[str, float] = {}
        self.stopping = False
        self.working = False
        self.launching = False
        self.changed = threading.Condition(threading.RLock())


state = State()


def wait_idle(timeout: float) -> None:
    """Wait until no thread of ours is at work."""
    with state.changed:
        state.changed.wait_for(lambda: not state.working and not state.launching, timeout)


def renew_lock() -> None:
    """In a forked child the thread that held the lock may be gone."""
    state.changed = threading.Condition(threading.RLock())
