"""Dict keys: ormsgpack encodes them by rules of their own."""

from __future__ import annotations

import datetime
import enum
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import models as m
from support import sides
from support import values as v
from support.check import check, check_all
from support.plugin import examples

_utc = datetime.timezone.utc


@examples(350)
@given(st.lists(v.odd_keys(), min_size=10, max_size=10))
def test_one_key(keys: list[Any]) -> None:
    """Each key type by itself, as a key of a dict in a list too."""
    values: list[Any] = []
    for key in keys:
        try:
            values.append({key: 1})
        except TypeError:  # unhashable memoryview
            values.append({"unhashable": key})
    check_all(values)


@examples(250)
@given(
    st.lists(
        st.lists(st.tuples(st.one_of(v.odd_keys(), v.keys()), v.small_plain()), max_size=6),
        min_size=4,
        max_size=4,
    )
)
def test_mixed_keys(rows: list[list[tuple[Any, Any]]]) -> None:
    """Several kinds in one dict; equal keys meet when they are read back."""
    values = []
    for row in rows:
        made: dict[Any, Any] = {}
        for key, value in row:
            try:
                made[key] = value
            except TypeError:
                continue
        values.append(made)
    check_all(values)


def test_keys_that_collide_when_read_back() -> None:
    """Different in Python, the same on the wire: the last value wins, the first place stays."""
    check({m.MyStr("a"): 1, "b": 2})
    check({1: "int", "1": "str", b"1": "bytes", 1.5: "float", (1,): "tuple"})
    check({m.Colour.RED: 1, "red": 2, "x": 3})
    check({"red": 2, "x": 3, m.Colour.RED: 1})
    check({float("nan"): 1, float("-nan"): 2})
    check({0.0: 1})
    check({-0.0: 1})
    check({(1, 2): 1, m.Point(3, 4): 2})
    check({True: 1, False: 0, None: -1, 2: 2})


def test_surrogates_in_keys() -> None:
    """An exact str with surrogates is refused as a key, a subclass or a tuple's element is not."""
    for bad in ("\ud800", "a\udfff", "中\ud800"):
        check({bad: 1})
        check({m.MyStr(bad): 1})
        check({(bad,): 1})
        check({"a": {bad: 1}})
        check([{"a": 1}, {"b": bad}])


@pytest.mark.skipif(not sides.ACCELERATED, reason="both sides are the original")
@pytest.mark.parametrize("key", [1, 1.5, b"b", None, (1, "a")], ids=repr)
def test_large_maps_of_other_keys_are_ormsgpacks(key: Any) -> None:
    """Java shares keys that are str; an object beside them is reason enough to stay."""
    serde = sides.default_pair()
    plain = [{key: "text", 2: 3.5}] * 10_000
    for value, declines in (plain, 1), ([{key: m.Plain(1)}, plain], 0):
        blob = serde.theirs.dumps_typed(value)
        before = sides.counters()[sides.LOADS]
        assert serde.ours.loads_typed(blob) == serde.theirs.loads_typed(blob)
        assert (sides.counters()[sides.LOADS] - before).declines == declines


@pytest.mark.skipif(not sides.ACCELERATED, reason="both sides are the original")
@pytest.mark.parametrize(
    "value",
    [
        {m.Colour.RED: 1, m.Colour.GREEN: 2},
        {m.Word.YES: 1, "more": {m.Word.NO: [m.Colour.RED]}},
        {"a": {(1, "b", None, 2.5, b"c", ("d", ())): 1, (): 2}},
        {uuid.UUID(int=(7 << 120) + i): i for i in range(3)},
        {datetime.datetime(2024, 1, 2, 3, 4, 5, us, tz): 1 for us in (0, 9) for tz in (None, _utc)},
        [{(m.Colour.RED.value, 1): m.Plain({(1, 2): {m.Colour.RED: 3}})}],
    ],
    ids=repr,
)
def test_keys_that_are_javas(value: Any) -> None:
    """Members of enums, tuples of scalars, UUIDs, datetimes: nothing is handed over once their class is known."""
    serde = sides.default_pair()
    for _ in range(80):
        check(value)
    before = sides.counters()[sides.DUMPS]
    serde.ours.dumps_typed(value)
    did = sides.counters()[sides.DUMPS] - before
    assert (did.calls, did.declines, did.callbacks) == (1, 0, 0)


def test_keys_that_are_not_javas() -> None:
    """Tuples and enums of what a key can't be, too large, too deep, or of text that is no UTF-8."""

    class Odd(enum.Enum):
        HUGE = 1 << 70
        PAIR = (1, 2)
        LIST = [1]
        LONE = "\ud800"
        WIDE = "中"

    nested: Any = ()
    for _ in range(300):
        nested = (nested,)
    for key in (
        *Odd,
        (1 << 70,),
        ("\ud800", "é"),
        (object(),),
        nested,
        (frozenset(),),
        (Odd.WIDE,),
    ):
        check({key: 1})
        check([{"a": 1, key: [2]}, m.Plain({key: 3})])
        check({key: {key: key}})


@examples(100)
@given(st.lists(st.one_of(v.uuids(), v.datetimes(), v.enums()), min_size=10, max_size=10))
def test_planned_keys(keys: list[Any]) -> None:
    """Alone, in a list, and inside a planned object."""
    for key in keys:
        check_all([{key: 1}, [{"a": 2, key: "x"}], m.Plain({key: None})])
