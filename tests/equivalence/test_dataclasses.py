"""Dataclasses of every make."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support import models as m
from support import objects as o
from support.check import check, check_all
from support.plugin import examples


@examples(350)
@given(st.lists(o.dataclass_objects(), min_size=12, max_size=12))
def test_dataclasses(values: list[Any]) -> None:
    """One by one and together."""
    check_all(values)


@examples(100)
@given(st.lists(o.dataclass_objects(o.dataclass_objects()), min_size=6, max_size=6))
def test_nested(values: list[Any]) -> None:
    """In each other."""
    check_all(values)


def test_many_of_one_class() -> None:
    """Two hundred, as a state has them."""
    for make in (
        lambda i: m.Plain(f"n{i}", i, ["t", str(i)]),
        lambda i: m.Slotted(i, "é" * i),
        lambda i: m.Frozen(None, {"i": i}),
        lambda i: m.ManyFields(*range(i % 17)),
        lambda i: m.Child("x", extra=i),
    ):
        check([make(i) for i in range(200)], count=200)


def test_sizes_of_the_extension() -> None:
    """The length of the packed extension is an edge: 1 to 16, 255, 65535."""
    for n in [*range(0, 40), *range(180, 300), 65400, 65480, 65490, 65500, 65530, 65536]:
        check(m.Plain("a" * n))
        check([m.Slotted("é" * (n // 2)), n])


def test_nesting_depth() -> None:
    """Each object starts a pack of its own; the interpreter's recursion limit is the only end."""
    value: Any = 1
    for depth in range(60):
        value = m.Plain(value) if depth % 2 else [m.Slotted(value)]
        check(value)


def test_a_class_changed_between_calls() -> None:
    """What was learned about a class does not outlive a change of it."""
    import dataclasses

    @dataclasses.dataclass
    class Local:
        a: Any
        b: Any = 2

    value = Local(1)
    check(value)
    Local.b = 7  # type: ignore[assignment]
    del value.b
    check(value)
    Local.dict = lambda self: {"now": "a model"}  # type: ignore[attr-defined]
    check(value)
    del Local.dict  # type: ignore[attr-defined]
    check(value)
    Local._asdict = lambda self: {"a": 5}  # type: ignore[attr-defined]
    check(value)
    del Local._asdict  # type: ignore[attr-defined]
    Local.__dataclass_fields__ = {}  # type: ignore[misc]
    check(value)
    del Local.__dataclass_fields__  # type: ignore[misc]
    check(value)
    Local.__name__ = "Renamed"
    Local.__module__ = "elsewhere"
    check(value)
