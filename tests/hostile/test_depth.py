"""Cycles and depth. What could take the process down runs in one of its own."""

from __future__ import annotations

from typing import Any

import pytest

from support import models as m
from support import sides
from support.check import check
from support.isolated import both


def _cycles() -> dict[str, Any]:
    loop: list[Any] = []
    loop.append(loop)
    table: dict[str, Any] = {}
    table["self"] = table
    pair: list[Any] = []
    pair.append((pair, {"p": pair}))
    data = m.Plain("x")
    data.tags = data
    slotted = m.Slotted("x")
    slotted.count = [slotted]
    wide: list[Any] = []
    wide.extend([wide] * 3)
    return {
        "list": loop,
        "dict": table,
        "tuple": pair,
        "dataclass": data,
        "slotted": slotted,
        "wide": wide,
    }


@pytest.mark.parametrize("kind", ["list", "dict", "tuple", "wide"])
def test_cycles_of_containers(kind: str) -> None:
    """The limit of 255 containers ends them."""
    check(_cycles()[kind])


@pytest.mark.parametrize("depth", [250, 254, 255, 256, 257, 300, 1000, 100_000])
def test_deep_containers(depth: int) -> None:
    """Refused from 256 on."""
    value: Any = None
    for i in range(depth):
        value = [value] if i % 3 == 0 else (value,) if i % 3 == 1 else {"k": value}
    check(value)
    value = ()
    for _ in range(depth):
        value = (value,)
    check({"a": value})


_DEEP = """
import threading
from support import models as m
import langchain_core.messages as lc
from langgraph.types import Send, Overwrite
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from support.same import assert_same
from hostile.test_depth import _cycles
from hostile.test_blobs import _nested_ext

def chain(wrap, depth):
    value = 1
    for _ in range(depth):
        value = wrap(value)
    return value

WRAPS = {
    "dataclass": m.Plain,
    "slotted": m.Slotted,
    "send": lambda x: Send("n", x),
    "overwrite": Overwrite,
    "delta": _DeltaSnapshot,
    "artifact": lambda x: lc.ToolMessage("c", tool_call_id="t", artifact=x),
    "extra": lambda x: lc.HumanMessage("c", extra=x),
    "kwargs": lambda x: lc.HumanMessage("c", additional_kwargs={"x": x}),
    "model": lambda x: m.Anything(a=x),
    "namedtuple": m.Point,
    "list of dataclass": lambda x: [m.Plain([x])],
    "set": lambda x: frozenset([x]),
    "secret": m.Secretive,
}

def everything():
    for name, wrap in WRAPS.items():
        for depth in (60, 5000):
            tell(f"{name.replace(' ', '_')}-{depth}", serde.dumps_typed, chain(wrap, depth))
    for name, value in _cycles().items():
        tell(f"cycle-{name}", serde.dumps_typed, value)
    for depth in (100_000,):
        for name in ("dataclass", "slotted", "send"):
            tell(f"{name}-{depth}", serde.dumps_typed, chain(WRAPS[name], depth))
    for code in range(8):
        tell(f"ext-{code}-2000", serde.loads_typed, ("msgpack", _nested_ext(code, 2000)))
    for marker in (b"\\x91", b"\\x81\\x01"):
        tell(f"deep-{marker[0]}", serde.loads_typed, ("msgpack", marker * 1_000_000))
    tell("after", serde.dumps_typed, {"a": [1, m.Plain(2)]})
"""


def _compare(code: str, timeout: float = 240) -> None:
    ours, theirs = both(code, timeout=timeout)
    assert theirs.returncode == 0, (
        f"the original ended with {theirs.returncode} in {theirs.started}: {theirs.stderr}"
    )
    assert ours.returncode == 0, (
        f"ours ended with {ours.returncode} in {ours.started!r}: {ours.stderr}"
    )
    assert not ours.started and ours.told
    assert ours.told == theirs.told


def test_deep_objects_in_the_main_thread() -> None:
    """Thousands of objects in each other, cycles through objects, 100,000 levels."""
    _compare(_DEEP + "everything()\n")


def test_deep_objects_in_a_thread() -> None:
    """The same on a thread's smaller stack."""
    _compare(_DEEP + "t = threading.Thread(target=everything)\nt.start()\nt.join()\n")


def test_low_recursion_limit() -> None:
    """The interpreter's limit counts frames: few are left, and the outcome is still the original's."""
    code = """
import sys
from support import models as m
import langchain_core.messages as lc
from equivalence.test_served import conversation
values = [1, {"a": [1]}, [m.Plain(m.Slotted(1))], conversation(3), [m.Scalars(name="x")]]
blobs = [serde.dumps_typed(v) for v in values]
sys.setrecursionlimit(200)
for i, (v, b) in enumerate(zip(values, blobs)):
    tell(f"dump-{i}", serde.dumps_typed, v)
    tell(f"load-{i}", serde.loads_typed, b)

def down(n, fn, *args):
    return fn(*args) if n == 0 else down(n - 1, fn, *args)

for i, (v, b) in enumerate(zip(values, blobs)):
    tell(f"deep-dump-{i}", down, 120, serde.dumps_typed, v)
    tell(f"deep-load-{i}", down, 120, serde.loads_typed, b)
"""
    _compare(code)


@pytest.mark.skipif(not sides.ACCELERATED, reason="nothing to compare")
def test_no_stack_left() -> None:
    """Right below the limit anything may be refused, by either side; the process must live and work on."""
    code = """
import sys
from support import models as m
from equivalence.test_served import conversation
values = [1, {"a": [1]}, [m.Plain(m.Slotted(1))], conversation(3), [m.Scalars(name="x")]]
blobs = [serde.dumps_typed(v) for v in values]

def down(n, fn, arg):
    if n == 0:
        try:
            return fn(arg)
        except (RecursionError, TypeError, ValueError):
            return None
    return down(n - 1, fn, arg)

for left in range(0, 60):
    for v, b in zip(values, blobs):
        for fn, arg in ((serde.dumps_typed, v), (serde.loads_typed, b)):
            try:
                down(sys.getrecursionlimit() - left - 20, fn, arg)
            except RecursionError:
                pass
tell("after", lambda: [serde.loads_typed(serde.dumps_typed(v)) for v in values])
"""
    _compare(code)


_NESTED = """
import ormsgpack
from langchain_core.messages import AIMessage
def nested(depth, width):
    value = {}
    for level in range(depth):
        value = {"level%d key%d" % (level, i): i for i in range(width - 1)} | {"inner": value}
    return value
def message(depth, width):
    return [AIMessage("x", response_metadata=nested(depth, width), id="1")]
def load(make, store, depth, width):
    packed = store(make(depth, width))
    tell("%dx%d" % (depth, width), lambda: serde.loads_typed(packed) == make(depth, width) or 1 / 0)
"""


@pytest.mark.parametrize(
    ("make", "store", "sizes"),
    [
        (
            "nested",
            "lambda value: ('msgpack', ormsgpack.packb(value))",
            [(40, 4), (9, 12), (100, 3), (60, 16)],
        ),
        ("message", "serde.dumps_typed", [(3, 12), (9, 12), (60, 3)]),
    ],
    ids=["maps", "below a message's fields"],
)
def test_what_outgrows_what_was_reserved(
    make: str, store: str, sizes: list[tuple[int, int]]
) -> None:
    """In a fresh process, whose decoder has seen nothing: each level reserves while those above it wait for their values."""
    ours, theirs = both(
        _NESTED + "".join(f"load({make}, {store}, {depth}, {width})\n" for depth, width in sizes)
    )
    assert ours.returncode == theirs.returncode == 0, ours.stderr
    assert len(ours.told) == len(sizes) and ours.told == theirs.told
    assert set(ours.told.values()) == {"'bool'"}
