"""json_text beside json.dumps: equal to the byte, or declined where something is not plain."""

from __future__ import annotations

import collections
import datetime
import enum
import gc
import json
import os
import sys
import threading
from typing import Any, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import values as v

Text = Callable[[Any, Any], Any]

CHARS = st.sampled_from(v.CHARS + v.SURROGATES + "\b\f\n\r\t/<'`\x1f\x20~")
STRINGS = (
    st.text(max_size=12)
    | st.lists(CHARS, max_size=40).map("".join)
    | st.builds(str.__mul__, CHARS, st.sampled_from(v.SIZE_EDGES))
    | st.builds(lambda plain, one, at: plain[:at] + one + plain[at:], st.just("abcdefghijklmnopqrstuvwxyz" * 3), CHARS, st.integers(0, 78))
)  # fmt: skip
NUMBERS = (
    st.integers() | st.sampled_from(v.INT_EDGES) | st.integers(-(10**630), 10**630)
    | st.floats() | st.sampled_from(v.FLOATS) | st.floats(width=32) | st.integers(-(10**17), 10**17).map(float)
    | st.decimals(-1000, 1000, places=2).map(float)
)  # fmt: skip
SCALARS = st.none() | st.booleans() | NUMBERS | STRINGS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(STRINGS, inner, max_size=5),
        st.dictionaries(SCALARS, inner, max_size=3),
    ),
    max_leaves=40,
)


@given(VALUES)
@settings(max_examples=700, deadline=None)
def test_equal(text: Text, value: Any) -> None:
    """Java serves all of it."""
    assert text(value, None) == json.dumps(value)


def test_each_character(text: Text) -> None:
    for first in range(0, 0x110000, 0x400):
        value = "".join(map(chr, range(first, first + 0x400)))
        assert text(value, None) == json.dumps(value)
    for point in (*range(0x300), 0xD800, 0xDFFF, 0xFFFF, 0x10000, 0x10FFFF):
        for before in range(9):
            value = "x" * before + chr(point) + "y"
            assert text([value, {value: value}], None) == json.dumps([value, {value: value}])


def test_sizes(text: Text) -> None:
    rows: list[Any] = [{"n": n, "x": "x" * n, "é": [1.5, "é" * n]} for n in range(700)]
    for value in (
        rows,
        {"a": rows, "b": tuple(rows)},
        "x" * 5_000_000,
        '"' * 300_000,
        "\U0001f600" * 300_000,
    ):
        made = text(value, None)
        assert made == json.dumps(value)
        assert made.isascii() and type(made) is str
    assert text([1], None) == "[1]"


def test_dicts_with_holes_and_of_attributes(text: Text) -> None:
    value: dict[Any, Any] = {str(n): n for n in range(100)}
    for n in range(0, 100, 3):
        del value[str(n)]
    value["1"] = "again"
    assert text(value, None) == json.dumps(value)
    value.clear()
    assert text(value, None) == "{}"
    assert text({2: 2, "2": 3, True: 4, None: 5, 1.5: 6}, None) == json.dumps(
        {2: 2, "2": 3, True: 4, None: 5, 1.5: 6}
    )

    class Some:
        def __init__(self) -> None:
            self.a, self.b = 1, [2]

    found = text(vars(Some()), None)
    assert found is NotImplemented or found == '{"a": 1, "b": [2]}'


class Str(str):
    pass


class Int(int):
    def __repr__(self) -> str:
        raise AssertionError("asked")


class Float(float):
    pass


class List(list):  # type: ignore[type-arg]
    pass


class Dict(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise AssertionError("asked")


class Tuple(tuple):  # type: ignore[type-arg]
    pass


class Color(enum.IntEnum):
    RED = 1


class Name(str, enum.Enum):
    A = "a"


ODD = [
    Str("a"), Int(1), Float(1.5), List([1]), Dict(a=1), Tuple((1,)), Color.RED, Name.A, b"a", {1}, frozenset(), object(), 1j, range(3),
    datetime.date(2026, 1, 1), collections.OrderedDict(a=1), collections.namedtuple("N", "a")(1), NotImplemented, ..., len, int, 10**700,
    -(10**5000), bytearray(b"a"), iter(()),
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
def test_declined(text: Text, odd: Any) -> None:
    """Anywhere in a value; what is not plain is not asked anything."""
    for value in (odd, [odd], {"a": [1, {"b": odd}]}, (1, odd), ["x" * 100_000, odd]):
        assert text(value, None) is NotImplemented
    if getattr(odd, "__hash__", None):
        assert text({"other": 1, odd: 2}, None) is NotImplemented


def test_circles_and_depth(text: Text) -> None:
    circle: list[Any] = []
    circle += [circle, circle]
    assert text(circle, None) is NotImplemented
    around: dict[str, Any] = {}
    around["a"] = [1, (2, around)]
    assert text(around, None) is NotImplemented
    for levels in (98, 99, 100, 101, 102, 5000):
        value: Any = 1
        for level in range(levels):
            value = [value] if level % 2 else {"a": value}
        made = text(value, None)
        assert made is NotImplemented if levels > 100 else made == json.dumps(value)
    twice = [1, 2]
    assert text([twice, twice, {"a": twice}], None) == json.dumps([twice, twice, {"a": twice}])


@pytest.mark.parametrize("given_", [(), (1,), (1, None, 2), (1, (99,)), (1, ()), (1, "x")])
def test_other_arguments(text: Any, given_: Any) -> None:
    assert text(*given_) is NotImplemented


def test_from_threads_of_small_stacks(text: Text) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep, {"a": "b"}]
    value = [deep, {str(n): [n, n / 7, "é"] for n in range(500)}]
    wanted, wrong = json.dumps(value), []

    def work() -> None:
        for _ in range(50):
            if text(value, None) not in (wanted, NotImplemented):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_nothing_stays(text: Text) -> None:
    value = {
        "a": [1, 2.5, "x" * 50, None, True, {"b": ("é", "中", 2**80)}],
        "long": ["y" * 2000] * 20,
    }
    odd = [value, object()]
    held = [value, value["a"], value["long"], odd]

    def calls(times: int) -> None:
        for _ in range(times):
            text(value, None)
            text(odd, None)

    calls(500)
    gc.collect()
    before, blocks = [sys.getrefcount(one) for one in held], sys.getallocatedblocks()
    calls(int(os.environ.get("FAST_TEST_LEAK_CALLS", "20000")))
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == before
    assert sys.getallocatedblocks() - blocks < 500
