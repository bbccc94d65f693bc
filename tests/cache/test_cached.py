"""cached: what the function returns, once; keys, flights, bounds."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import datetime
import decimal
import enum
import functools
import gc
import inspect
import os
import threading
import time
import weakref
from typing import Any, Callable

import pydantic
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from fast_langgraph import cached

LIMIT_S = 30


@pytest.fixture(params=["references", "bytes"])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """cached, over either kind of memory."""
    if request.param == "references":
        return cached
    request.getfixturevalue("java")
    return functools.partial(cached, max_bytes=1 << 24)


def counted(result: Callable[..., Any] = lambda *args, **kwargs: [args, kwargs]) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        """Say what it was called with."""
        function.runs += 1  # type: ignore[attr-defined]
        return result(*args, **kwargs)

    function.runs = 0  # type: ignore[attr-defined]
    return function


def test_hits_and_misses(make: Any) -> None:
    function = counted()
    call = make()(function)
    assert call(1, b=2) == call(1, b=2) == [(1,), {"b": 2}]
    assert call(2, b=2) == [(2,), {"b": 2}]
    assert function.runs == 2
    told = call.cache_stats()
    assert (told["hits"], told["misses"], told["size"]) == (1, 2, 2)
    assert told["hit_rate"] == pytest.approx(1 / 3)
    assert call.cache_contains(1, b=2) and not call.cache_contains(3)
    assert call.cache_stats()["hits"] == 1
    assert call.cache_invalidate(1, b=2) and not call.cache_invalidate(1, b=2)
    call(1, b=2)
    assert function.runs == 3
    call.cache_clear()
    told = call.cache_stats()
    assert told["hits"] == told["misses"] == told["size"] == told["hit_rate"] == 0
    call(1, b=2)
    assert function.runs == 4


def test_without_parentheses(make: Any) -> None:
    function = counted(lambda: None)
    call = make(function)
    assert call() is None and call() is None
    assert function.runs == 1, "None is a result"


def test_names() -> None:
    def function(a: int, b: str = "x") -> str:
        """What it does."""
        return b * a

    call = cached(max_size=5)(function)
    assert call.__name__ == "function" and call.__doc__ == "What it does."
    assert call.__wrapped__ is function and inspect.signature(call) == inspect.signature(function)
    assert call.cache_stats()["max_size"] == 5
    assert not inspect.iscoroutinefunction(call)

    @cached
    async def coroutine() -> int:
        return 1

    assert inspect.iscoroutinefunction(coroutine)


@dataclasses.dataclass
class Point:
    x: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: Any


class Model(pydantic.BaseModel):
    x: Any


class Other(pydantic.BaseModel):
    x: Any


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    pass


UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=1))
DIFFERENT: list[Callable[[], Any]] = [
    lambda: 1,
    lambda: 1.0,
    lambda: True,
    lambda: "1",
    lambda: b"1",
    lambda: Number.ONE,
    lambda: 0,
    lambda: 0.0,
    lambda: -0.0,
    lambda: False,
    lambda: None,
    lambda: "",
    lambda: b"",
    lambda: (),
    lambda: [],
    lambda: {},
    lambda: set(),
    lambda: frozenset(),
    lambda: (1,),
    lambda: [1],
    lambda: [1.0],
    lambda: [True],
    lambda: ((1,),),
    lambda: [(1,)],
    lambda: [[1]],
    lambda: [[1.0]],
    lambda: {"a": (1,)},
    lambda: {"a": [1]},
    lambda: [[n] for n in range(100)],
    lambda: [(n,) for n in range(100)],
    lambda: [[float(n)] for n in range(100)],
    lambda: [{"messages": [HumanMessage("hi", id=str(n))]} for n in range(100)],
    lambda: [{"messages": (HumanMessage("hi", id=str(n)),)} for n in range(100)],
    lambda: [b"1"],
    lambda: [bytearray(b"1")],
    lambda: [{1, 2}],
    lambda: [frozenset({1, 2})],
    lambda: [[0] * 500, ()],
    lambda: [[0] * 500, []],
    lambda: [[HumanMessage("hi", id="1")], ()],
    lambda: {"a": 1},
    lambda: {"a": 1.0},
    lambda: {"a": 1, "b": 2},
    lambda: {"b": 2, "a": 1},
    lambda: {1, 2},
    lambda: {1: "a"},
    lambda: {"1": "a"},
    lambda: Text("1"),
    lambda: Point(1),
    lambda: Point(1.0),
    lambda: Frozen(1),
    lambda: Frozen(True),
    lambda: Model(x=1),
    lambda: Model(x=2),
    lambda: Other(x=1),
    lambda: Colour.RED,
    lambda: HumanMessage("hi", id="1"),
    lambda: AIMessage("hi", id="1"),
    lambda: [HumanMessage("hi", id="1")],
    lambda: [HumanMessage("hi", id="2")],
    lambda: datetime.datetime(2025, 1, 1, tzinfo=UTC),
    lambda: datetime.datetime(2025, 1, 1, 1, tzinfo=EAST),
    lambda: decimal.Decimal("1.0"),
    lambda: decimal.Decimal("1.00"),
    lambda: 10**5000,
    lambda: "x" * 10_000,
    lambda: "x" * 10_001,
    lambda: [0] * 10_000,
    lambda: "\ud800",
    lambda: int,
    lambda: test_names,
    lambda: os.path,
]


def test_keys(make: Any) -> None:
    """Each is a key of its own, and found again by an equal argument."""
    function = counted(lambda value: type(value).__name__)
    call = make()(function)
    for turn in range(2):
        for number, value in enumerate(DIFFERENT):
            assert call(value()) == type(value()).__name__, number
            assert function.runs == (len(DIFFERENT) if turn else number + 1), number


def test_how_arguments_are_given(make: Any) -> None:
    function = counted(lambda *args, **kwargs: 1)
    call = make()(function)
    call(a=1, b=[2])
    call(b=[2], a=1)
    assert function.runs == 1
    calls: list[Any] = [
        lambda: call(1, b=[2]),
        lambda: call(1, [2]),
        lambda: call((1, [2])),
        lambda: call(("a", 1), ("b", [2])),
        lambda: call(a=1),
        lambda: call("kwargs", ("a", 1)),
        lambda: call((), ("kwargs",), ("a", 1)),
        lambda: call("a", 1),
    ]
    for number, each in enumerate(calls):
        each()
        each()
        assert function.runs == number + 2


def test_arguments_are_not_held_by_their_state(make: Any) -> None:
    function = counted(len)
    call = make()(function)
    value = [1]
    assert call(value) == 1
    value.append(2)
    assert call(value) == 2 and call([1]) == 1
    assert function.runs == 2


class Client:
    """Compares by identity."""

    runs = 0

    def __init__(self, name: str) -> None:
        self.name = name

    @cached
    def ask(self, text: str) -> str:
        Client.runs += 1
        return f"{self.name}: {text}"


def test_methods() -> None:
    one, two = Client("one"), Client("two")
    Client.runs = 0
    assert one.ask("x") == one.ask("x") == "one: x" and two.ask("x") == "two: x"
    assert Client.runs == 2
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None, "its results do not keep it alive"
    for n in range(50):
        assert Client(f"{n}").ask("x") == f"{n}: x", "no number is given twice"


def test_methods_with_bytes(java: str) -> None:
    class Asked:
        def __init__(self, name: str) -> None:
            self.name = name

        @cached(max_bytes=1 << 20)
        def ask(self, text: str) -> list[str]:
            return [self.name, text]

    one, two = Asked("one"), Asked("two")
    for _ in range(2):
        assert one.ask("x") == ["one", "x"] and two.ask("x") == ["two", "x"]
    assert Asked.ask.cache_stats()["misses"] == 2


class Equal:
    """Compares by an == of its own, and no serializer knows it."""

    __slots__ = ("n",)

    def __init__(self, n: int) -> None:
        self.n = n

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal) and other.n == self.n

    def __hash__(self) -> int:
        return hash(self.n)


class Unknown:
    __hash__ = None  # type: ignore[assignment]


def test_what_no_serializer_knows(java: str) -> None:
    function = counted(lambda value: 1)
    call = cached(function)
    call(Equal(1)), call(Equal(1)), call([Equal(2), "x"]), call([Equal(2), "x"])
    call({"k": [Equal(3)]}), call({"k": [Equal(3)]})
    assert function.runs == 3
    with pytest.raises(TypeError, match="give key="):
        call(Unknown())
    with pytest.raises(TypeError, match="give key="):
        cached(max_bytes=1000)(function)(Equal(1))
    by_key = cached(max_bytes=1000, key=lambda value: value.n)(lambda value: value.n)
    assert by_key(Equal(1)) == by_key(Equal(1)) == 1
    assert by_key.cache_stats()["misses"] == 1


def test_a_key_of_ones_own(make: Any) -> None:
    function = counted(lambda user, text: text)
    call = make(key=lambda user, text: (user["id"], text))(function)
    assert call({"id": 1, "at": 5}, "x") == call({"id": 1, "at": 6}, "x") == "x"
    assert call({"id": 2}, "x") == "x"
    assert function.runs == 2
    assert call.cache_contains({"id": 2}, "x")


def test_references_and_copies(java: str) -> None:
    same = cached(lambda: [1])
    assert same() is same()
    copies = cached(max_bytes=1 << 20)(lambda: [1, (2,), HumanMessage("x", id="1")])
    first, second, third = copies(), copies(), copies()
    assert first == second == third and second is not third
    second.append(4)
    assert copies() == third
    ours = cached(max_bytes=1 << 20, serde=JsonPlusSerializer())(
        lambda: [HumanMessage("x", id="1")]
    )
    assert ours() == ours()
    assert ours.cache_stats()["hits"] == 1


def test_the_least_lately_used_makes_room() -> None:
    function = counted(lambda n: n)
    call = cached(max_size=3)(function)
    for n in (1, 2, 3, 1, 4):
        call(n)
    assert [n for n in range(5) if call.cache_contains(n)] == [1, 3, 4]
    assert call.cache_stats()["evictions"] == 1
    none = cached(max_size=0)(function)
    none(1), none(1)
    assert none.cache_stats()["size"] == 0 and none.cache_stats()["misses"] == 2


def test_bounded_by_bytes(java: str) -> None:
    call = cached(max_bytes=100_000)(lambda n: b"x" * 5000)
    for n in range(100):
        call(n)
    told = call.cache_stats()
    assert 50_000 < told["bytes"] <= told["max_bytes"] == 100_000 and told["evictions"] > 50


def test_time_to_live(make: Any) -> None:
    function = counted(lambda n: n)
    call = make(ttl=10)(function)
    call(1)
    store = call.cache_clear.__self__.store
    now = [1000.0]
    if hasattr(store, "clock"):
        store.clock = lambda: now[0]
    else:
        store.cache._clock = lambda: round((now[0] + 10**6) * 1e9)
    call.cache_clear()
    function.runs = 0
    for passed, runs in ((0, 1), (9.5, 1), (0.5, 2), (9.5, 2), (20, 3)):
        now[0] += passed
        assert call(1) == 1
        assert function.runs == runs, now
    assert call.cache_stats()["expired"] == 2


def together(count: int, work: Callable[[], Any]) -> list[Any]:
    """Call from many threads at once; results or exceptions."""
    told: list[Any] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait(LIMIT_S)
        try:
            told.append(work())
        except BaseException as error:
            told.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert len(told) == count
    return told


def waited_for(call: Any, runs: int = 1) -> None:
    """Wait until others wait for the run that goes on."""
    end = time.monotonic() + LIMIT_S
    while call.cache_stats()["misses"] < runs and time.monotonic() < end:
        time.sleep(0.001)


def test_one_flight_of_threads(make: Any) -> None:
    call: Any = None

    def slow(n: int) -> list[int]:
        slow.runs += 1  # type: ignore[attr-defined]
        waited_for(call, 8)
        return [n]

    slow.runs = 0  # type: ignore[attr-defined]
    call = make()(slow)
    told = together(8, lambda: call(7))
    assert told == [[7]] * 8 and slow.runs == 1  # type: ignore[attr-defined]
    stats = call.cache_stats()
    assert (stats["hits"], stats["misses"]) == (7, 1)
    distinct = len({id(each) for each in told})
    assert distinct == (1 if "max_size" in stats else 8)


def test_an_error_is_everybodys_and_not_kept(make: Any) -> None:
    call: Any = None

    def fail(n: int) -> None:
        fail.runs += 1  # type: ignore[attr-defined]
        waited_for(call, 8 * fail.runs)  # type: ignore[attr-defined]
        raise ValueError(n)

    fail.runs = 0  # type: ignore[attr-defined]
    call = make()(fail)
    for turn in (1, 2):
        told = together(8, lambda: call(3))
        assert [repr(each) for each in told] == ["ValueError(3)"] * 8
        assert fail.runs == turn  # type: ignore[attr-defined]
    assert call.cache_stats()["size"] == 0


def test_who_is_stopped_hands_over(make: Any) -> None:
    call: Any = None
    runs = []

    def stopped(n: int) -> int:
        runs.append(n)
        if len(runs) == 1:
            waited_for(call, 4)
            raise KeyboardInterrupt
        return n

    call = make()(stopped)
    told = together(4, lambda: call(5))
    assert sorted(map(repr, told)) == ["5", "5", "5", "KeyboardInterrupt()"]
    assert len(runs) == 2


async def test_one_flight_of_tasks(make: Any) -> None:
    runs = 0

    async def slow(n: int) -> list[int]:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.02)
        return [n]

    call = make()(slow)
    assert await asyncio.gather(*(call(n % 2) for n in range(10))) == [[n % 2] for n in range(10)]
    assert runs == 2
    assert await call(0) == [0] and runs == 2
    assert call.cache_stats()["misses"] == 2

    async def fail() -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0.02)
        raise ValueError("no")

    failing = make()(fail)
    told = await asyncio.gather(*(failing() for _ in range(5)), return_exceptions=True)
    assert [repr(each) for each in told] == ["ValueError('no')"] * 5 and runs == 3


async def test_a_cancelled_task_hands_over(make: Any) -> None:
    runs = 0
    begun = asyncio.Event()

    async def slow() -> int:
        nonlocal runs
        runs += 1
        begun.set()
        await asyncio.sleep(0.02 if runs > 1 else LIMIT_S)
        return runs

    call = make()(slow)
    leader = asyncio.ensure_future(call())
    await begun.wait()
    others = [asyncio.ensure_future(call()) for _ in range(4)]
    await asyncio.sleep(0)
    leader.cancel()
    assert await asyncio.gather(*others) == [2] * 4
    assert leader.cancelled() and runs == 2


async def test_a_coroutine_that_is_given_up_hands_over(make: Any) -> None:
    runs = 0

    async def slow() -> int:
        nonlocal runs
        runs += 1
        if runs == 1:
            await asyncio.get_running_loop().create_future()
        return runs

    call = make()(slow)
    leader = call()
    contextvars.copy_context().run(leader.send, None)
    others = [asyncio.ensure_future(call()) for _ in range(3)]
    await asyncio.sleep(0)
    leader.close()
    assert await asyncio.wait_for(asyncio.gather(*others), LIMIT_S) == [2] * 3


async def test_a_cancelled_waiter_takes_nobody_along(make: Any) -> None:
    runs = 0
    go = asyncio.Event()

    async def slow() -> int:
        nonlocal runs
        runs += 1
        await go.wait()
        return runs

    call = make()(slow)
    tasks = [asyncio.ensure_future(call()) for _ in range(4)]
    await asyncio.sleep(0.01)
    tasks[1].cancel()
    await asyncio.sleep(0)
    go.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [told[0], told[2], told[3]] == [1, 1, 1]
    assert isinstance(told[1], asyncio.CancelledError)


def test_loops_share_a_flight(make: Any) -> None:
    runs = []
    call: Any = None

    async def slow() -> int:
        runs.append(1)
        while call.cache_stats()["misses"] < 3:
            await asyncio.sleep(0.001)
        return len(runs)

    call = make()(slow)
    assert together(3, lambda: asyncio.run(call())) == [1, 1, 1]


def test_a_function_that_calls_itself(make: Any) -> None:
    depth = []

    def again(n: int) -> int:
        depth.append(n)
        return n if len(depth) > 3 else call(n) + 1

    call = make()(again)
    assert call(1) == 4 and call(1) == 4

    @make()
    def fibonacci(n: int) -> int:
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    assert fibonacci(40) == 102334155
    assert fibonacci.cache_stats()["misses"] == 41


async def test_a_task_that_calls_its_own(make: Any) -> None:
    async def again(n: int) -> int:
        again.runs += 1  # type: ignore[attr-defined]
        if again.runs > 2:  # type: ignore[attr-defined]
            return n
        return await asyncio.ensure_future(call(n)) + 1

    again.runs = 0  # type: ignore[attr-defined]
    call = make()(again)
    assert await asyncio.wait_for(call(5), LIMIT_S) == 7


def test_what_is_cleared_meanwhile_is_not_kept(make: Any) -> None:
    call: Any = None

    def clear(n: int) -> int:
        if n:
            call.cache_clear()
        else:
            call.cache_invalidate(0)
        return n

    call = make()(clear)
    assert call(0) == 0 and call(1) == 1
    assert not call.cache_contains(0) and not call.cache_contains(1)


def test_generators() -> None:
    with pytest.raises(TypeError, match="list"):

        @cached
        def numbers() -> Any:
            yield 1

    with pytest.raises(TypeError, match="list"):

        @cached
        async def others() -> Any:
            yield 1

    with pytest.raises(TypeError, match="max_bytes"):
        cached(serde=object())(len)


def test_results_that_cannot_be_stored(java: str) -> None:
    function = counted(lambda: threading.Lock())
    call = cached(max_bytes=1000)(function)
    for runs in (1, 2):
        with pytest.raises(TypeError, match="pickle"):
            call()
        assert function.runs == runs


def test_without_java(run: Any) -> None:
    done = run(
        """
import fast_jvm, sys
from fast_langgraph import cached
plain = cached(lambda n: [n])
assert plain(1) is plain(1)
assert "langgraph" not in sys.modules
kept = cached(max_bytes=1000)(lambda n: [n])
for _ in range(2):
    try:
        kept(1)
    except fast_jvm.FastJvmUnavailable as error:
        print(error.cure)
""",
        FAST_JVM="off",
    )
    assert done.stdout == "unset FAST_JVM\n" * 2, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_amid_a_flight(run: Any) -> None:
    done = run(
        """
import os, threading, time
from fast_langgraph import cached
begun, go = threading.Event(), threading.Event()
@cached
def slow(n):
    begun.set()
    if os.getpid() == parent:
        go.wait(30)
    return n, os.getpid()
parent = os.getpid()
thread = threading.Thread(target=slow, args=(1,))
thread.start()
begun.wait()
child = os.fork()
if not child:
    os._exit(slow(1) != (1, os.getpid()))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
go.set()
thread.join()
assert slow(1) == (1, parent)
print("done")
""",
        timeout=40,
        FAST_JVM="off",
    )
    assert done.stdout == "done\n", done.stderr


def test_nothing_is_left(make: Any) -> None:
    """Functions, results and flights go when nobody holds them."""

    call = make()(lambda n: [n] * 10)
    for n in range(2000):
        call(n)
    calls = call.cache_clear.__self__
    assert not calls.flights
    gone = weakref.ref(calls)
    del call, calls
    gc.collect()
    assert gone() is None
