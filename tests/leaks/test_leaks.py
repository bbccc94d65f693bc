"""A hundred thousand calls of each builtin: what goes in keeps its reference count, nothing stays behind.

RSS is read from the system, so its bounds are wide; reference counts and the number of tracked objects are exact.
"""

from __future__ import annotations

import collections
import datetime
import gc
import logging
import os
import resource
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import langchain_core.messages as lc
import ormsgpack
import pytest
from equivalence.test_served import conversation, plain_dict
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Command, Interrupt, Send

from support import models as m
from support import sides
from support.outcome import forget_warned
from support.sides import default_pair, pair

CALLS = int(os.environ.get("FAST_TEST_LEAK_CALLS", "100000"))
"""Calls per builtin and kind of input; spread over the cases of that kind."""

GROWTH = 8 << 20
"""Bytes the process may grow over a whole test: a leak of one object a call would be several times that."""


def _rss() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
            1 if sys.platform == "darwin" else 1024
        )


def _is_shared(obj: Any) -> bool:
    """Small ints, single characters, names: the interpreter's own, counted by everybody."""
    if isinstance(obj, int):
        return -5 <= obj <= 256
    if isinstance(obj, str):
        return len(obj) <= 1 or sys.intern(obj) is obj
    return obj is None or isinstance(obj, (bytes, tuple)) and len(obj) <= 1


def _reachable(value: Any) -> list[Any]:
    """*value* and what it holds, a few levels deep, that a builtin could forget to release."""
    seen: dict[int, Any] = {}
    stack = [(value, 0)]
    while stack:
        obj, depth = stack.pop()
        if id(obj) in seen or depth > 6 or len(seen) > 3000:
            continue
        if isinstance(obj, (type, type(gc), type(_rss))):
            continue
        seen[id(obj)] = obj
        for inner in gc.get_referents(obj):
            stack.append((inner, depth + 1))
    return list(seen.values())


def _counts(objects: list[Any]) -> list[int]:
    return [sys.getrefcount(o) for o in objects]


def _quiet(fn: Callable[[Any], Any], arg: Any) -> None:
    try:
        fn(arg)
    except (TypeError, ValueError, RecursionError, NotImplementedError):
        pass


def _drive(fn: Callable[[Any], Any], inputs: list[Any], each: int) -> None:
    for arg in inputs:
        for _ in range(each):
            _quiet(fn, arg)


def _hold(fn: Callable[[Any], Any], inputs: list[Any], calls: int = 0) -> None:
    """Call *fn* on each input in turn; nothing may have grown. No local name may hold what is counted."""
    each = max(1, (calls or CALLS) // len(inputs))
    _drive(fn, inputs, 60)  # caches of the library, of pydantic and of ours fill here
    watched = [x for x in _reachable(inputs) if x is not inputs]
    free = [_is_shared(x) for x in watched]
    gc.collect()
    before = _counts(watched)
    before_shared = _counts(SHARED)
    before_tracked = len(gc.get_objects())
    before_rss = _rss()
    _drive(fn, inputs, each)
    grown = _rss() - before_rss
    gc.collect()
    tracked = len(gc.get_objects()) - before_tracked
    after, after_shared = _counts(watched), _counts(SHARED)
    for obj, loose, b, a in zip(watched, free, before, after):
        # what few hold is exact; what is shared, or immortal, may move by itself
        if loose or b >= 100:
            assert abs(a - b) < max(20, each // 10), f"{obj!r:.80}: {b} -> {a}"
        else:
            assert a == b, f"{type(obj).__name__} {obj!r:.80}: {b} -> {a}"
    for obj, b, a in zip(SHARED, before_shared, after_shared):
        assert abs(a - b) < max(200, each // 10), f"{obj!r}: {b} -> {a}"
    assert abs(tracked) < 500, f"tracked objects: {tracked:+}"
    assert grown < GROWTH, f"grew by {grown >> 10} KiB over {each * len(inputs)} calls"


SHARED = [
    None,
    True,
    False,
    (),
    "",
    b"",
    Send,
    m.Plain,
    lc.HumanMessage,
    uuid.UUID,
    datetime.datetime,
    str,
    dict,
    list,
    int,
]

_aware = datetime.datetime(2024, 1, 2, 3, 4, 5, 6, datetime.timezone.utc)

GOOD: dict[str, list[Any]] = {
    "plain": [
        {"a": [1, 2.5, None, True, "x", b"y"], "é": "中文", "big": 1 << 60, (1, "k"): {}},
        ["a" * 300, "é" * 300, list(range(50)), [[[[]]]]],
        "text",
        {},
        plain_dict(2000),
    ],
    "messages": [conversation(3), {"messages": conversation(4)}, lc.SystemMessage("x", name="n")],
    "types": [
        [uuid.UUID(int=1 << 99), _aware, datetime.date(2024, 1, 2), datetime.timedelta(1)],
        [Send("n", {"a": 1}), Command(goto="x", update={"k": 1}), _DeltaSnapshot([1])],
        [{1, 2}, frozenset("a"), m.Colour.RED],
    ],
    "dataclasses": [[m.Plain("a", 1, [2]), m.Frozen("x"), m.Slotted(1)]],
    "callbacks": [
        [Interrupt(value=1, id="i"), m.Point(1, 2), collections.deque([1])],
        [m.Scalars(name="x")],
        [lc.AIMessageChunk(content="x"), m.MyStr("s"), 1.5],
    ],
}

_loop: list[Any] = []
_loop.append(_loop)

BAD: dict[str, list[Any]] = {
    "refused": [
        [object(), "é" * 40],
        {"a": 1 << 70},
        {"a": {"\ud800": 1}},
        [{frozenset({1}): 1}],
        ["x", [m.Plain(object())]],
        [lc.HumanMessage("x", additional_kwargs={"a": object()})],
        ["\ud800" * 3],
    ],
    "deep": [_loop],
}


def _broken(blob: bytes) -> list[bytes]:
    n = len(blob)
    return [
        blob[: n // 2],
        blob[: n - 1],
        blob[: n // 3] + b"\xc1" + blob[n // 3 :],
        b"\xdd\x00\x00\xff\xff" + blob,
        blob[:20] + b"\xff\xff" + blob[22:],
    ]


@pytest.mark.parametrize("kind", GOOD)
def test_dumps(kind: str) -> None:
    """Good input."""
    calls = CALLS if kind not in ("callbacks", "dataclasses") else CALLS // 2
    _hold(default_pair().ours.dumps_typed, GOOD[kind], calls if sides.ACCELERATED else CALLS // 20)


@pytest.mark.parametrize("kind", BAD)
def test_dumps_of_bad_input(kind: str) -> None:
    """What is refused, in the middle of a walk."""
    _hold(default_pair().ours.dumps_typed, BAD[kind], CALLS if sides.ACCELERATED else CALLS // 20)


@pytest.mark.parametrize("kind", GOOD)
def test_loads(kind: str) -> None:
    """Good blobs, in every mode."""
    forget_warned()
    blobs = [default_pair().theirs.dumps_typed(v) for v in GOOD[kind]]
    calls = CALLS if kind not in ("callbacks", "dataclasses") else CALLS // 4
    calls = calls if sides.ACCELERATED else CALLS // 20
    _hold(default_pair().ours.loads_typed, blobs, calls)
    strict = pair(allowed_msgpack_modules=None)
    _hold(strict.ours.loads_typed, blobs, calls // 4)


@pytest.mark.parametrize("kind", GOOD)
def test_loads_of_bad_input(kind: str) -> None:
    """Blobs that end, or turn bad, half way through: what was built is given back."""
    blobs = [
        ("msgpack", b) for v in GOOD[kind] for b in _broken(default_pair().theirs.dumps_typed(v)[1])
    ]
    ours = default_pair().ours
    loads = ours.loads_typed
    if ormsgpack.__version__.startswith("1.12."):  # loses references itself when a blob is bad
        if not sides.ACCELERATED or kind != "plain":
            pytest.skip("the original, which reads bad packs inside of blobs, leaks")
        java, hook = sides.builtin("langgraph_loads"), ours._unpack_ext_hook
        loads = lambda data: java(data[1], hook)
    _hold(loads, blobs, CALLS // 2 if sides.ACCELERATED else CALLS // 20)


def test_other_input() -> None:
    """What the wrappers hand through."""
    serde = default_pair().ours
    _hold(serde.dumps_typed, [None, b"x", bytearray(b"y")], CALLS // 4)
    _hold(
        serde.loads_typed,
        [("null", b""), ("bytes", b"x"), ("odd", b"x"), ("msgpack", "text"), ("msgpack", b"")],
        CALLS // 4,
    )


def test_noop_and_switched_off_builtins() -> None:
    """The builtins themselves, called directly with good and bad arguments."""
    if not sides.ACCELERATED:
        pytest.skip("both sides are the original")
    for name, args in (
        ("noop", [(), (1,)]),
        ("langgraph_dumps", [({"a": [1]},), (), (1, 2), (object(),)]),
        (
            "langgraph_loads",
            [(b"\x91\x01", print), (b"\xc1", print), (), (1,), (b"\x01", 2, 3), (None, None)],
        ),
    ):
        fn = sides.builtin(name)
        _hold(lambda a, fn=fn: fn(*a), args, CALLS)


def test_classes_come_and_go() -> None:
    """Plans of classes that nobody uses any more are let go."""
    import dataclasses

    serde = default_pair().ours

    def once(_: Any) -> None:
        cls = dataclasses.make_dataclass("Passing", [("a", Any, 1)])
        serde.dumps_typed([cls(), cls(2)])

    for _ in range(300):
        once(None)
    gc.collect()
    before = sum(1 for o in gc.get_objects() if isinstance(o, type) and o.__name__ == "Passing")
    for _ in range(1000):
        once(None)
    gc.collect()
    after = sum(1 for o in gc.get_objects() if isinstance(o, type) and o.__name__ == "Passing")
    assert after <= before + 600, f"classes alive: {before} -> {after}"


def test_results_die() -> None:
    """What is loaded is collected when it is dropped, cycles or not; what is dumped is freed at once."""
    import weakref

    serde = default_pair()
    blob = serde.theirs.dumps_typed(conversation(3) + [m.Plain("x"), m.Scalars(name="x")])
    loaded = serde.ours.loads_typed(blob)
    refs = [weakref.ref(x) for x in loaded]
    dicts = [weakref.ref(x) for x in loaded if hasattr(x, "__weakref__")]
    del loaded
    gc.collect()
    assert not [r for r in refs + dicts if r() is not None]
    looped = serde.ours.loads_typed(blob)
    ref = weakref.ref(looped[0])
    looped[0].additional_kwargs["me"] = looped
    del looped
    gc.collect()
    assert ref() is None
    data = serde.ours.dumps_typed(["x" * 1000])[1]
    assert sys.getrefcount(data) == 2


def test_ever_new_input() -> None:
    """Keys, strings, names and classes that were never seen before: caches are bounded."""
    import ormsgpack
    from langgraph.checkpoint.serde import jsonplus

    serde = default_pair().ours
    calls = CALLS // 2 if sides.ACCELERATED else CALLS // 20

    def drive(start: int, n: int) -> None:
        for i in range(start, start + n):
            serde.dumps_typed([{f"key {i} é": f"value {i}", i: [i]}])
            serde.loads_typed(
                ("msgpack", ormsgpack.packb({f"key {i} é" + "x" * 40: f"v{i}", f"k{i}": {}}))
            )
            if i % 10 == 0:
                pack = jsonplus._msgpack_enc((f"no_such_module_{i}", f"Name{i}", {"a": i}))
                serde.loads_typed(
                    (
                        "msgpack",
                        ormsgpack.packb([i, ormsgpack.Ext(2, pack), ormsgpack.Ext(5, pack)]),
                    )
                )

    logging.getLogger(jsonplus.__name__).disabled = True
    try:
        drive(0, 5000)
        gc.collect()
        objects, rss = len(gc.get_objects()), _rss()
        drive(5000, calls)
        grown = _rss() - rss
        gc.collect()
        assert (
            abs(len(gc.get_objects()) - objects) < 2500
        )  # the library remembers a thousand names it warned of
        assert grown < GROWTH, f"grew by {grown >> 10} KiB over {calls} calls"
    finally:
        logging.getLogger(jsonplus.__name__).disabled = False
        forget_warned()
