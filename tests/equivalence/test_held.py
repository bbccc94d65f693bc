"""Whether objects hold what they held: Java's answer beside a look in Python, under generated changes of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fast_jvm._state import state
from support.plugin import examples


class Thing:
    """Attributes that share their keys with others of the class."""

    def __init__(self, *values: Any) -> None:
        self.a, self.b, self.c = values


class Other(Thing):
    pass


def own_dict(*values: Any) -> Thing:
    """A thing with a dict that is its own, as pydantic's models have."""
    made = Thing.__new__(Thing)
    made.__dict__ = dict(zip("abc", values))
    return made


def take(objects: Any, values: Any, deep: bool = False) -> Any:
    return state.builtins["held"].function(objects, values, deep)


def same(taken: Any) -> Any:
    return state.builtins["same_held"].function(taken)


def seen(objects: list[Any], values: list[Any], deep: bool) -> list[Any]:
    """What is held, in order; compared by identity."""
    found: list[Any] = []
    waiting = list(values)
    for each in objects:
        found += each, type(each), each.__dict__
        for pair in each.__dict__.items():
            found += pair
        if deep:
            waiting += each.__dict__.values()
    while waiting:
        part = waiting.pop()
        if type(part) is dict:
            found.append(part)
            for pair in part.items():
                found += pair
            waiting += part.values()
        elif type(part) in (list, tuple):
            found += part, *part
            waiting += part
    return found


def equal(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other))


def store(thing: Any, value: Any) -> None:
    """One place that CPython makes a store of its own for."""
    thing.b = value


def containers(things: list[Any], values: list[Any]) -> Iterator[Any]:
    waiting = [*values, *(part for thing in things for part in thing.__dict__.values())]
    while waiting:
        part = waiting.pop()
        if type(part) in (dict, list):
            yield part
        if type(part) is dict:
            waiting += part.values()
        elif type(part) in (list, tuple):
            waiting += part


CHANGES: list[Callable[[Any, Any], Any]] = [
    lambda thing, value: store(thing, value),
    lambda thing, value: store(thing, thing.__dict__.get("b")),
    lambda thing, value: [store(thing, n) for n in range(20)],
    lambda thing, value: setattr(thing, "a", value),
    lambda thing, value: setattr(thing, "more", value),
    lambda thing, value: thing.__dict__.pop("c", None),
    lambda thing, value: thing.__dict__.update(c=value),
    lambda thing, value: thing.__dict__.update(reversed(list(thing.__dict__.items()))),
    lambda thing, value: setattr(thing, "__dict__", dict(thing.__dict__)),
    lambda thing, value: setattr(thing, "__class__", Other),
    lambda thing, value: thing.__dict__.clear(),
]
WITHIN: list[Callable[[Any, Any], Any]] = [
    lambda part, value: part.update(a=value) if type(part) is dict else part.append(value),
    lambda part, value: part.popitem() if type(part) is dict else part.pop(),
    lambda part, value: part.clear(),
    lambda part, value: part.setdefault("new", value) if type(part) is dict else part.reverse(),
    lambda part, value: part.update(dict(part)) if type(part) is dict else part.extend([]),
    lambda part, value: part.__setitem__(next(iter(part)) if type(part) is dict else 0, value),
    lambda part, value: part.__delitem__(next(iter(part)) if type(part) is dict else 0),
    lambda part, value: (
        part.update(zip(part, part.values())) if type(part) is dict else part.sort(key=str)
    ),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@examples(600)
@given(
    st.lists(st.tuples(st.booleans(), VALUES, VALUES, VALUES), min_size=1, max_size=4),
    st.lists(VALUES, max_size=3),
    st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 99), VALUES), max_size=4),
    st.booleans(),
)
def test_changes(things: Any, values: Any, steps: Any, deep: bool) -> None:
    """Nothing that changed is called the same; what nobody touched is."""
    objects = [(own_dict if own else Thing)(*each) for own, *each in things]
    before = seen(objects, values, deep)
    taken = take(objects, values, deep)
    assert type(taken) is tuple
    assert same(taken) is True
    for outside, which, at, value in steps:
        try:
            if outside:
                CHANGES[which % len(CHANGES)](objects[at % len(objects)], value)
            else:
                parts = list(containers(objects, values))
                if parts:
                    WITHIN[which % len(WITHIN)](parts[at % len(parts)], value)
        except (IndexError, KeyError, StopIteration):
            pass
        if same(taken):
            assert equal(before, seen(objects, values, deep))
        after = take(objects, values, deep)
        assert type(after) is tuple
        assert same(after) is True
    if not steps:
        assert same(taken) is True


def test_objects_among_values() -> None:
    inner = own_dict(1, [2], None)
    outer = own_dict([{"x": inner}], (inner,), "c")
    assert take([outer], [], True) is NotImplemented
    taken = take([outer, inner], [], True)
    assert same(taken) is True
    inner.b.append(3)
    assert same(taken) is False
    assert same(take([outer], [], False)) is True


class Slots:
    __slots__ = ("a",)


@pytest.mark.parametrize(
    "objects, values",
    [
        ([], [{1: 2}]), ([], [{1, 2}]), ([], [b"a"]), ([], [object()]), ([], [[type("L", (list,), {})()]]), ([Slots()], []),
        ([1], []), ((), []), ([], ()), ([None], []), ([], [type("T", (str,), {})("a")]),
    ],
)  # fmt: skip
def test_declined(objects: Any, values: Any) -> None:
    assert take(objects, values) is NotImplemented


def test_odd_calls() -> None:
    function = state.builtins["held"].function
    for arguments in ((), ([],), ([], []), ([], [], True, 1)):
        assert function(*arguments) is NotImplemented
    for taken in (
        (),
        [],
        (1,),
        None,
        (b"",),
        (b"\0" * 16,),
        (b"\2" + b"\0" * 15, 1),
        (b"\xff" * 24, [], 1),
    ):
        assert same(taken) in (True, False, NotImplemented)
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    assert take([], [deep]) is NotImplemented
    around: Any = {}
    around["a"] = [around]
    assert take([], [around]) is NotImplemented
    doubled: Any = ()
    for _ in range(90):
        doubled = (doubled, doubled)
    assert take([], [doubled]) is NotImplemented


def test_nothing_stays_and_all_of_it_lives() -> None:
    """What was taken down cannot give way to another object at its address; and it goes with the tuple."""
    import gc
    import sys
    import weakref

    thing = own_dict([1.5], {"k": [2.5]}, None)
    gone = weakref.ref(thing)
    item = thing.__dict__["a"]
    counts = sys.getrefcount(item), sys.getrefcount(thing)
    for _ in range(100):
        taken = take([thing], [item], True)
        assert same(taken)
    assert sys.getrefcount(item) > counts[0]
    del taken
    assert (sys.getrefcount(item), sys.getrefcount(thing)) == counts
    taken = take([thing], [], True)
    del thing
    gc.collect()
    assert gone() is not None
    assert same(taken) is True
    del taken
    gc.collect()
    assert gone() is None
