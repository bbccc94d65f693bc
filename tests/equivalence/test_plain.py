"""Plain data at every size edge."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import values as v
from support.check import check, check_all
from support.plugin import examples


@examples(500)
@given(st.lists(v.scalars(), min_size=24, max_size=24))
def test_scalars(values: list[Any]) -> None:
    """One by one, and side by side in a list."""
    check_all(values)


@examples(350)
@given(st.lists(v.plain(), min_size=8, max_size=8))
def test_nested(values: list[Any]) -> None:
    """Lists, tuples and dicts in each other."""
    check_all(values)


@examples(200)
@given(st.lists(v.sized_containers(), min_size=3, max_size=3))
def test_container_sizes(values: list[Any]) -> None:
    """Lengths around 15, 31, 255."""
    check_all(values)


@examples(120)
@given(st.lists(v.big_ints(), min_size=4, max_size=4))
def test_ints_beyond_64_bits(values: list[Any]) -> None:
    """Refused, with the original's message."""
    check_all(values)


@examples(200)
@given(st.lists(v.subclasses(), min_size=8, max_size=8))
def test_subclasses_of_builtins(values: list[Any]) -> None:
    """Taken for their base, or refused."""
    check_all(values)


@examples(200)
@given(st.lists(v.buffers(), min_size=8, max_size=8))
def test_buffers(values: list[Any]) -> None:
    """bytes and bytearray at the top stay as they are; inside they are bin."""
    check_all(values)


@pytest.mark.parametrize("n", v.SIZE_EDGES + v.BIG_EDGES)
@pytest.mark.parametrize("char", ["a", "é", "中", "😀", "\ud800"])
def test_every_str_length(n: int, char: str) -> None:
    """As a value, in a list, and as a key; as long in bytes as in characters, or twice to four times."""
    for k in {n, n // len(char.encode("utf-8", "replace")), max(0, n - 1)}:
        text = char * k
        check(text)
        check([text, text])
        check({char * k: 1})
        check({char * k + "a": char * k})
        check("a" * k + char)


@pytest.mark.parametrize("n", v.SIZE_EDGES + v.BIG_EDGES)
def test_every_length(n: int) -> None:
    """bytes, bytearray, memoryview, list, tuple, dict, set, deque."""
    for value in (
        b"b" * n,
        [b"b" * n],
        [bytearray(n)],
        [memoryview(bytes(n))],
        [0] * n,
        [None] * n,
        ["s"] * n,
        [1.0] * n,
        [[]] * n,
        tuple(range(n)),
        {str(i): i for i in range(n)},
        {i: i for i in range(n)},
        {(i, "t"): None for i in range(min(n, 300))},
        set(range(n)),
        frozenset(str(i) for i in range(min(n, 300))),
    ):
        check(value)


def test_every_int_edge() -> None:
    """Alone, in a run of its own kind, and among others."""
    for i in v.INT_EDGES:
        check(i)
        check([i])
        check({i: i})
    check(v.INTS_64)
    for i in range(-300, 300):
        check(i)


def test_every_nesting_depth() -> None:
    """Packing ends at 255 containers; a tuple, a list and a dict count alike."""
    wraps = (lambda x: [x], lambda x: (x,), lambda x: {"k": x}, lambda x: {1: x}, lambda x: [x, 1])
    for wrap in wraps:
        value: Any = 1
        for depth in range(1, 300):
            value = wrap(value)
            if depth < 5 or 250 <= depth <= 260 or depth == 299:
                check(value)
    value = ()
    for depth in range(300):  # a tuple as a key nests, too
        value = (value,)
        if 250 <= depth <= 260:
            check({value: 1})


def test_a_mebibyte() -> None:
    """One of each large thing."""
    n = 1 << 20
    for value in (
        "a" * n,
        "é" * n,
        "中" * n,
        "😀" * n,
        [b"x" * n],
        list(range(n // 8)),
        ["ab"] * (n // 8),
    ):
        check(value)


def test_shared_objects_are_written_twice() -> None:
    """Sharing is no part of the format."""
    shared: list[int] = [1]
    check([shared, shared, {"a": shared}])
    text = "é" * 40
    check([text, text, {text: text}])


def test_strings_whose_utf8_is_cached() -> None:
    """The cache of a string is filled by the first dump; a key's, too."""
    text = "ключ" * 20
    for _ in range(3):
        check({text: text, "b": [text]})


def test_dicts_of_every_layout() -> None:
    """Combined, split, general, with holes, after growth, emptied."""

    class Plain:
        def __init__(self) -> None:
            self.a, self.b, self.c = 1, "two", [3]

    split = Plain().__dict__
    check(split)
    other = Plain()
    del other.b
    check(other.__dict__)
    holes = {f"k{i}": i for i in range(50)}
    for i in range(0, 50, 3):
        del holes[f"k{i}"]
    check(holes)
    holes["again"] = 1
    check(holes)
    holes.clear()
    check(holes)
    mixed: dict[Any, Any] = {"a": 1}
    mixed[2] = "b"
    check(mixed)
    del mixed[2]
    check(mixed)
    grown: dict[Any, Any] = {}
    for i in range(300):
        grown[str(i)] = i
        grown.pop(str(i - 7), None)
    check(grown)
    check(dict.fromkeys(["x", "y"]))
    check({"a": 1, **split})
    moved = dict(grown)
    first = next(iter(moved))
    moved[first] = moved.pop(first)
    check(moved)
