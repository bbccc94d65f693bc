"""A worker's heap, once the proxy has started: Python's collector leaves it alone.

LiteLLM's proxy holds some 700,000 objects that its imports made and that stay. Each full collection walks over all of them, half a second with
the GIL held, and under load there is one every few hundred requests. When a worker has started, what is there is collected once more and
then kept out of all later collections (``gc.freeze``); so is what the first full collection after that leaves, since the first requests import
100,000 objects more. All of it is freed as ever with its last reference; only what hangs in a cycle, was there at one of these two moments (at the
second: a few requests in flight), and is dropped later stays in memory. A preloading master has no start-up of its own: it freezes nothing.

Young objects are looked at after 5,000 new ones instead of 700 (2,000 from CPython 3.13 on), if nobody has set another number: so many are
those of some 20 requests. Some 15 objects of a request that succeeds are in cycles; of one that fails, its frames, which hold its body. Where
the system says how much memory is resident, and answers go out through ``proxy_send``, it is 20,000, until 64 MB more are resident than at the first
answers: then it is 5,000 again, since garbage that fills what malloc keeps is not seen there.

What stays is put into huge pages by a thread that doesn't hold the GIL, where Linux can: at the start, and when some 200,000 more objects have
been made.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import Any, Callable, Dict, Optional, Tuple

from fast_jvm import _pages
from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_APPLICATION = "litellm.proxy.proxy_server"
#: CPython's own thresholds of the youngest generation, and ours.
_DEFAULTS, _YOUNG, _WATCHED = (700, 2000), 5_000, 20_000
#: Resident bytes more than at first from which on few objects may hold much, and answers between two looks.
_GROWN, _EACH = 64 << 20, 8
_STATM = "/proc/self/statm"
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
#: New objects until those that the first requests import are there.
_IMPORTED = 200_000


def _collapse() -> None:
    """Put what the collector knows and hasn't frozen into huge pages, in a thread."""
    if _pages.size():
        found = _pages.places(gc.get_objects()[::16])  # of thousands in a place
        threading.Thread(
            target=_pages.collapse, args=(found,), name="fast-litellm-pages", daemon=True
        ).start()


class _Later:
    """What is done once more: freezing, when the next full collection is over; huge pages, then or after so many new objects."""

    def __init__(self) -> None:
        self._left = _IMPORTED

    def __call__(self, phase: str, info: Dict[str, int]) -> None:
        if phase != "stop" or not info["generation"]:
            return
        youngest, middle, _ = gc.get_threshold()
        left, self._left = self._left, self._left - youngest * max(middle, 1)
        full = info["generation"] == 2
        if left > 0 and (full or self._left <= 0):
            self._left = 0
            _collapse()
        if full:
            gc.freeze()
            if gc.callbacks[-1] is self:  # (another's would be passed over this time)
                gc.callbacks.pop()


def _resident() -> int:
    """Bytes of this process that are in memory; 0 where the system does not say."""
    try:
        file = os.open(_STATM, os.O_RDONLY)
    except OSError:
        return 0
    try:
        return int(os.read(file, 128).split()[1]) * _PAGE
    finally:
        os.close(file)


class _Watch:
    """Has young objects looked at more often where memory has grown."""

    def __init__(self) -> None:
        self._left = _EACH
        self._first = 0

    def __call__(self) -> None:
        """Count an answer, and look if it is one of so many."""
        self._left -= 1
        if self._left:
            return
        self._left = _EACH
        now = _resident()
        self._first = self._first or now
        small = 0 < now <= self._first + _GROWN
        youngest, *older = gc.get_threshold()
        if youngest == (_YOUNG if small else _WATCHED):
            gc.set_threshold(_WATCHED if small else _YOUNG, *older)


_watch: Optional[_Watch] = None


def answered() -> None:
    """An answer begins."""
    if _watch is not None:
        _watch()


def make_startup(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of uvicorn's LifespanOn.startup and its switch."""
    serving = Serving("litellm.proxy_heap")

    async def startup(self: Any) -> None:
        global _watch
        await original(self)
        if (
            not self.should_exit
            and _APPLICATION in sys.modules
            and gc.isenabled()
            and not gc.get_debug()
            and not gc.get_freeze_count()  # somebody sees to it, or it is our second start-up
            and (serving.live or serving)
        ):
            gc.collect()
            _collapse()
            gc.freeze()
            gc.callbacks.append(_Later())
            youngest, *older = gc.get_threshold()
            if youngest in _DEFAULTS and not os.getenv("PYTHON_GC_THRESHOLD"):
                gc.set_threshold(_YOUNG, *older)
                _watch = _Watch()
            replacement.served += 1
        else:
            replacement.declined += 1

    replacement: Any = startup
    return finish(replacement, serving)
