"""``run_async_function`` without an event loop of its own for each call: the Router's synchronous methods run in one.

The original makes a loop with its selector and a pair of sockets, and closes them behind the call. Here a loop that a call left as it was
made serves the next one: nothing waits in it, nobody watches a file in it, and nobody holds it, which its count of references says. Any
other loop is closed as the original closes it. Other loops than asyncio's own on epoll, debug mode, and a call from within a running
loop are the original's.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import selectors
import sys
from typing import Any, Callable, List, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST = 8
_idle: List[Tuple[Any, int, int]] = []
_make = asyncio.new_event_loop


def _plain() -> bool:
    """Say whether a new loop would be asyncio's own."""
    policy = asyncio.get_event_loop_policy()
    selector: Any = selectors.DefaultSelector
    return (
        type(policy) is asyncio.DefaultEventLoopPolicy
        and asyncio.new_event_loop is _make
        and "new_event_loop" not in vars(policy)
        and policy._loop_factory is asyncio.SelectorEventLoop  # type: ignore[attr-defined]
        and selector is getattr(selectors, "EpollSelector", None)
    )


def _untouched(loop: Any, attributes: int) -> bool:
    """Say whether a loop is as it was made."""
    return not (
        loop._closed
        or loop._ready
        or loop._scheduled
        or loop._stopping
        or loop._debug
        or loop._default_executor is not None
        or loop._exception_handler is not None
        or loop._task_factory is not None
        or loop._signal_handlers
        or len(loop._asyncgens)
        or len(loop._selector.get_map()) != 1  # its own pair of sockets
        or len(vars(loop)) != attributes
    )


async def _nothing() -> None:
    pass


def _taken() -> Tuple[Any, int, int]:
    """Return a loop, how many attributes it has, and how many references there are to it where nobody else holds it."""
    while _idle:
        try:
            loop, attributes, references = _idle.pop()
        except IndexError:  # another thread took it
            break
        if _untouched(loop, attributes):
            return loop, attributes, references
        loop.close()
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop or loop._debug:  # type: ignore[attr-defined]
        return loop, -1, 0
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_nothing())
    asyncio.set_event_loop(None)
    references = sys.getrefcount(loop)
    return loop, len(vars(loop)), references


def _put(loop: Any, attributes: int, references: int, alone: bool) -> None:
    """Keep a loop for the next call, or close it."""
    if attributes > 0 and alone and len(_idle) < _MOST and _untouched(loop, attributes):
        _idle.append((loop, attributes, references))
    else:
        loop.close()


def _forget() -> None:
    """In a forked child: give up the loops, whose epoll is the parent's too."""
    while _idle:
        loop = _idle.pop()[0]
        loop._selector.close()
        loop._ssock.close()
        loop._csock.close()
        loop._closed = True


def _close() -> None:
    while _idle:
        _idle.pop()[0].close()


def make_run(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of run_async_function and its switch."""
    serving = Serving("litellm.run_async")
    os.register_at_fork(after_in_child=_forget)
    atexit.register(_close)

    def run_async_function(async_function: Any, *args: Any, **kwargs: Any) -> Any:
        if not serving or asyncio._get_running_loop() is not None or not _plain():
            replacement.declined += 1
            return original(async_function, *args, **kwargs)
        replacement.served += 1
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # the context of what the coroutine raises
            loop, attributes, references = _taken()
            try:
                asyncio.set_event_loop(loop)
                return loop.run_until_complete(async_function(*args, **kwargs))
            finally:
                asyncio.set_event_loop(None)
                alone = sys.getrefcount(loop) <= references
                _put(loop, attributes, references, alone)

    replacement: Any = run_async_function
    return finish(replacement, serving)
