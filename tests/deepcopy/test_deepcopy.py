"""fast_jvm.deepcopy beside copy.deepcopy: structure, identities, order, memo, errors."""

from __future__ import annotations

import copy
import gc
import sys
import threading
from typing import Any, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fast_jvm
from fast_jvm._builtins import Builtin

from .graphs import ATOMS, BAD, ODD, Own, Plain, graph, places, shape

MANY = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def outcome(copier: Callable[..., Any], value: Any, *memo: Any) -> Any:
    """Return the copy's shape, or the error's type and text."""
    originals = places(value)
    try:
        made = copier(value, *memo)
    except Exception as error:
        return type(error), str(error)
    return shape(made, originals)


def same(value: Any) -> None:
    """Copy by both, compare; the value stays as it was."""
    before = shape(value, {})
    assert outcome(fast_jvm.deepcopy, value) == outcome(copy.deepcopy, value)
    assert shape(value, {}) == before


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.0, 0.05, 0.3]), st.integers(5, 300))
@MANY
def test_graphs(served: bool, seed: int, odd: float, size: int) -> None:
    same(graph(seed, odd, 0.0, size))


@given(st.integers(0, 2**32), st.integers(5, 200))
@MANY
def test_errors(served: bool, seed: int, size: int) -> None:
    same(graph(seed, 0.1, 0.05, size))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.tuples(inner, inner)
    ),
)


@given(JSON)
@MANY
def test_plain_data(served: bool, value: Any) -> None:
    same(value)


@given(st.integers(0, 2**32), st.booleans())
@MANY
def test_memo(served: bool, seed: int, replace: bool) -> None:
    """A memo of the caller's takes the same entries, and what it holds already is used."""
    value = graph(seed, 0.05, 0.0, 60)
    memos: list[dict[int, Any]] = []
    outcomes = []
    for copier in (fast_jvm.deepcopy, copy.deepcopy):
        memo: dict[int, Any] = {}
        if replace:
            memo[id(value[0])] = "instead"
        outcomes.append(outcome(copier, value, memo))
        memos.append(memo)
    assert outcomes[0] == outcomes[1]
    ours, theirs = memos
    numbers = places(value)
    assert [numbers.get(key, -1) for key in ours if key != id(ours)] == [
        numbers.get(key, -1) for key in theirs if key != id(theirs)
    ]
    kept = [[numbers.get(id(each), -1) for each in memo.get(id(memo), [])] for memo in memos]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("value", ATOMS, ids=repr)
def test_atomic(builtin: Builtin, value: Any) -> None:
    assert fast_jvm.deepcopy(value) is copy.deepcopy(value) or value == frozenset()
    same([value, {"a": value}, (value, [value])])


@pytest.mark.parametrize("index", range(len(ODD)))
def test_others(served: bool, index: int) -> None:
    import random

    value = ODD[index](random.Random(1), lambda: [1, {"a": (2, [3])}])
    same(value)
    same([value, {"k": value}, (value,)])


def test_java_served_plain_data(builtin: Builtin) -> None:
    before = builtin.counters
    for seed in range(200):
        fast_jvm.deepcopy(graph(seed, 0.0, 0.0, 100))
    after = builtin.counters
    assert after.calls - before.calls == 200
    assert after.declines == before.declines


@pytest.mark.parametrize("levels", [50, 99, 100, 101, 150, 5000, 100_000])
@pytest.mark.parametrize("kind", ["list", "dict", "tuple", "mixed"])
def test_depth(builtin: Builtin, levels: int, kind: str) -> None:
    """A result where the original has one, else its RecursionError."""
    value: Any = [] if kind != "mixed" else [Plain()]
    for level in range(levels):
        which = kind if kind != "mixed" else ("list", "dict", "tuple")[level % 3]
        value = [value] if which == "list" else {"a": value} if which == "dict" else (value,)

    def tried(copier: Callable[[Any], Any]) -> Any:
        try:
            made, depth = copier(value), 0
        except RecursionError:
            return RecursionError
        while type(made) in (list, dict, tuple) and made:
            made, depth = made["a"] if type(made) is dict else made[0], depth + 1
        return depth

    if kind == "mixed" and levels == 150:
        assert tried(fast_jvm.deepcopy) in (tried(copy.deepcopy), levels + 1)
    else:
        assert tried(fast_jvm.deepcopy) == tried(copy.deepcopy)


class _Changing:
    """Changes its container while it is copied."""

    def __init__(self, change: Callable[[Any], None]) -> None:
        self.change = change
        self.container: Any = None

    def __deepcopy__(self, memo: dict[int, Any]) -> str:
        self.change(self.container)
        return "changed"


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.clear(),
        lambda c: c.update(more=1),
        lambda c: c.update({f"new{i}": i for i in range(50)}),
        lambda c: (c.pop("z"), c.update(y=1)),
        lambda c: c.update(z=[1]),
        lambda c: gc.collect(),
    ],
)
def test_dict_that_changes(builtin: Builtin, change: Any) -> None:
    def tried(copier: Callable[[Any], Any]) -> Any:
        item = _Changing(change)
        value = {"a": [1], "b": item, "c": [2], "z": 3}
        item.container = value
        return outcome(copier, value), shape({k: v for k, v in value.items() if k != "b"}, {})

    assert tried(fast_jvm.deepcopy) == tried(copy.deepcopy)


@pytest.mark.parametrize(
    "change",
    [lambda c: c.clear(), lambda c: c.append([9]), lambda c: c.extend([0] * 99), lambda c: c.pop()],
)
def test_list_that_changes(builtin: Builtin, change: Any) -> None:
    def tried(copier: Callable[[Any], Any]) -> Any:
        item = _Changing(change)
        value = [[1], item, [2], 3]
        item.container = value
        return outcome(copier, value), len(value)

    assert tried(fast_jvm.deepcopy) == tried(copy.deepcopy)


def test_registered_copiers_are_honoured(builtin: Builtin) -> None:
    """Entries of copy's dispatch table and of copyreg's."""
    import copyreg

    known: Any = copy
    for table, kind, copier in (
        (known._deepcopy_dispatch, list, lambda x, memo: "a list"),
        (known._deepcopy_dispatch, set, lambda x, memo: "a set"),
        (copyreg.dispatch_table, frozenset, lambda x: (list, ([1],))),
    ):
        before = table.get(kind)
        table[kind] = copier
        try:
            same({"l": [1], "s": {1}, "f": frozenset({2})})
        finally:
            if before is None:
                del table[kind]
            else:
                table[kind] = before
    same({"l": [1], "s": {1}, "f": frozenset({2})})


def test_other_memos(served: bool) -> None:
    class Memo(dict):  # type: ignore[type-arg]
        pass

    for memo in (Memo(), {}, None):
        assert fast_jvm.deepcopy([[1]], memo) == [[1]]
    with pytest.raises(AttributeError):
        fast_jvm.deepcopy([[1]], 5)  # type: ignore[arg-type]


def test_references(builtin: Builtin) -> None:
    """Nothing is kept, nothing is released too often: good values, odd ones, failing ones."""
    marks = [object(), "a text of its own " + str(id(builtin)), 12345678901, Plain()]
    values: list[Any] = [
        {"m": marks[1], "n": [marks[2], (marks[1], [marks[2]])], "s": {marks[1]}, "f": 2.5},
        [Own([marks[1], {"a": marks[2]}]), marks[3], marks[1]],
        [[marks[1], {"deep": [marks[2]]}], BAD[0](), marks[1]],
        {(marks[1], 5): [BAD[1]()], "x": marks[2]},
    ]
    values[0]["cycle"] = values[0]

    def run(times: int) -> None:
        for _ in range(times):
            for value in values:
                try:
                    fast_jvm.deepcopy(value)
                except (TypeError, ValueError):
                    pass
            fast_jvm.deepcopy(values[1], {})

    run(50)
    gc.collect()
    before = [sys.getrefcount(mark) for mark in marks], len(gc.get_objects())
    run(2000)
    gc.collect()
    after = [sys.getrefcount(mark) for mark in marks], len(gc.get_objects())
    assert after[0] == before[0]
    assert abs(after[1] - before[1]) < 50


def test_collector_is_as_before(builtin: Builtin) -> None:
    for on in (True, False):
        (gc.enable if on else gc.disable)()
        try:
            fast_jvm.deepcopy([[Own(1)], {"a": [1]}])
            with pytest.raises(ValueError):
                fast_jvm.deepcopy([[], BAD[1]()])
            assert gc.isenabled() is on
        finally:
            gc.enable()


def test_threads(builtin: Builtin) -> None:
    values = [graph(seed, 0.1, 0.0, 200) for seed in range(8)]
    wanted = [outcome(copy.deepcopy, value) for value in values]
    wrong: list[int] = []

    def work(index: int) -> None:
        for _ in range(40):
            if outcome(fast_jvm.deepcopy, values[index]) != wanted[index]:
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
