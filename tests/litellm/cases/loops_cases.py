"""Calls without an event loop of their own: what they see, leave behind and raise is what it was with one."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import warnings
from typing import Any

import litellm.router
import pytest
from litellm.litellm_core_utils import asyncify
from sides import originals, served

from fast_litellm import _loops

RUN = "litellm.run_async"


@pytest.fixture(autouse=True)
def emptied() -> Any:
    _loops._close()
    yield
    _loops._close()


def run(function: Any, *args: Any, **kwargs: Any) -> Any:
    return litellm.router.run_async_function(function, *args, **kwargs)


async def nothing() -> None:
    pass


def both(function: Any, *args: Any) -> Any:
    """What ours and the original answer or raise."""
    sides = []
    for ours in (True, False):
        try:
            if ours:
                before = served(RUN)
                sides.append(run(function, *args))
                assert served(RUN) == before + 1
            else:
                with originals(RUN):
                    sides.append(run(function, *args))
        except BaseException as error:
            sides.append((type(error), *map(repr, (error, error.__cause__, error.__context__))))
    assert sides[0] == sides[1]
    return sides[0]


def test_one_loop_serves_calls_that_leave_nothing() -> None:
    assert litellm.router.run_async_function is asyncify.run_async_function
    run(nothing)
    assert len(_loops._idle) == 1
    first = id(_loops._idle[0][0])
    for _ in range(5):
        both(asyncio.sleep, 0.001, "x")
        run(nothing)
        assert [id(each[0]) for each in _loops._idle] == [first]


async def fails(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyboardInterrupt("y"), StopIteration(), asyncio.CancelledError()]
)
def test_errors(error: BaseException) -> None:
    both(fails, error)
    both(lambda: 7)  # no coroutine
    both(nothing, 1)
    both(asyncio.sleep, 0, "after")


async def gathered() -> Any:
    loop = asyncio.get_running_loop()
    task = loop.create_task(asyncio.sleep(0.002, 3))
    found = await asyncio.gather(asyncio.sleep(0.001, 1), task, asyncio.to_thread(lambda: 5))
    return found, loop.get_debug(), loop.is_running(), loop.get_exception_handler()


def test_tasks_and_threads() -> None:
    for _ in range(3):
        assert both(gathered)[0] == [1, 3, 5]
        assert both(asyncio.sleep, 0.001, 4) == 4


async def leaves(kind: str, seen: list[str]) -> None:
    loop = asyncio.get_running_loop()

    async def later() -> None:
        try:
            await asyncio.sleep(0.05)
            seen.append("ran on")
        finally:
            seen.append("ended")

    if kind == "task":
        loop.create_task(later())
    elif kind == "soon":
        loop.call_soon(lambda: loop.call_soon(seen.append, "called"))
    elif kind == "timer":
        loop.call_later(0.001, seen.append, "called")
    elif kind == "handler":
        loop.set_exception_handler(lambda *_: seen.append("handled"))
    elif kind == "factory":
        loop.set_task_factory(lambda loop, coro, **_: asyncio.Task(coro, loop=loop))
    elif kind == "debug":
        loop.set_debug(True)
    elif kind == "attribute":
        loop.mine = 1  # type: ignore[attr-defined]
    elif kind == "reader":
        loop.add_reader(os.pipe()[0], lambda: None)
    elif kind == "stopped":
        loop.call_soon(loop.stop)
        await asyncio.sleep(0.01)


KINDS = ["task", "soon", "timer", "handler", "factory", "debug", "attribute", "reader", "stopped"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_behind_is_not_seen_again(kind: str) -> None:
    sides = []
    for ours in (True, False):
        seen: list[str] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for function, args in (
                (leaves, (kind, seen)),
                (asyncio.sleep, (0.02,)),
                (gathered, ()),
            ):
                try:
                    if ours:
                        run(function, *args)
                    else:
                        with originals(RUN):
                            run(function, *args)
                except RuntimeError as error:
                    seen.append(str(error))
            gc.collect()
        sides.append(seen)
    assert sides[0] == sides[1]


def test_a_loop_that_somebody_holds_is_closed() -> None:
    async def mine() -> Any:
        return asyncio.get_running_loop()

    held = run(mine)
    assert held.is_closed() and not _loops._idle

    async def future() -> Any:
        return asyncio.get_running_loop().create_future()

    waiting = run(future)
    with pytest.raises(RuntimeError, match="closed"):
        waiting.get_loop().call_soon_threadsafe(print)


def test_other_loops_and_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    run(nothing)

    class Mine(asyncio.DefaultEventLoopPolicy):
        made = 0

        def new_event_loop(self) -> Any:
            Mine.made += 1
            return super().new_event_loop()

    asyncio.set_event_loop_policy(Mine())
    try:
        before = served(RUN)
        assert run(asyncio.sleep, 0, 1) == 1
        assert Mine.made == 1 and served(RUN) == before
    finally:
        asyncio.set_event_loop_policy(None)
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    _loops._close()
    assert both(gathered)[1] is True
    assert not _loops._idle

    async def outer() -> Any:
        return run(asyncio.sleep, 0.001, "inner")  # in a thread

    before = served(RUN)
    assert asyncio.run(outer()) == "inner" and served(RUN) == before
    with pytest.raises(RuntimeError, match="no current event loop|no running"):
        asyncio.get_event_loop_policy().get_event_loop()


def test_threads_at_once_and_nested() -> None:
    async def inner(depth: int) -> int:
        if depth:
            found: list[Any] = []
            thread = threading.Thread(target=lambda: found.append(run(inner, depth - 1)))
            thread.start()
            thread.join()
            return int(found[0]) + 1
        await asyncio.sleep(0.001)
        return 0

    found: list[int] = []

    def many() -> None:
        found.extend(run(inner, place % 3) for place in range(60))

    threads = [threading.Thread(target=many) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found.count(0) == 240 and found.count(1) == 240 and found.count(2) == 240
    assert 1 <= len(_loops._idle) <= _loops._MOST


def test_a_forked_child_leaves_its_parents_loops_alone() -> None:
    run(nothing)
    child = os.fork()
    if child == 0:
        try:
            assert not _loops._idle
            run(asyncio.sleep, 0.001)
            gc.collect()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    async def woken() -> str:  # by another thread, through the loop's sockets
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def wake() -> None:
            time.sleep(0.05)
            loop.call_soon_threadsafe(future.set_result, "woken")

        thread = threading.Thread(target=wake)
        thread.start()
        found = await asyncio.wait_for(future, 20)
        thread.join()
        return str(found)

    assert run(woken) == "woken"
