"""The cyclic collector beside loads: what loads makes alone starts it rarely, and cyclic garbage still goes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from support.sides import LOADS, counters, default_pair

PATIENCE = 8
"""Thresholds' worth of loaded objects that start a collection, as YoungGeneration says."""

OURS, THEIRS = default_pair().ours, default_pair().theirs
THRESHOLDS = gc.get_threshold()


class Holder:
    """Holds a state and itself: only the collector frees it."""

    def __init__(self, state: Any) -> None:
        self.state, self.itself = state, self


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    yield
    gc.set_threshold(*THRESHOLDS)
    gc.enable()


@pytest.fixture(scope="module")
def packed() -> Any:
    """No objects, whose plans other tests may have undone: nothing here goes through Python."""
    packed = OURS.dumps_typed(
        [{"id": i, "tags": ["a", "b"], "inner": {"numbers": [i]}} for i in range(400)]
    )
    before = counters()[LOADS]
    OURS.loads_typed(packed)
    done = counters()[LOADS] - before
    assert (done.calls, done.declines, done.callbacks) == (1, 0, 0)
    return packed


@pytest.fixture(scope="module")
def tracked(packed: Any) -> int:
    """Objects of one state that the collector sees."""
    gc.collect()
    gc.disable()
    before = gc.get_count()[0]
    state = THEIRS.loads_typed(packed)
    made = gc.get_count()[0] - before
    gc.enable()
    del state
    assert made > 400
    return made


def collections(serializer: Any, packed: Any, calls: int, hold: int) -> int:
    """Collections of the youngest generation while states are loaded, so many of them held at a time."""
    seen = []

    def count(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            seen.append(info["generation"])

    held: list[Any] = []
    gc.callbacks.append(count)
    try:
        for _ in range(calls):
            held.append((serializer.loads_typed(packed), Holder(None)))
            if len(held) > hold:
                held.clear()
    finally:
        gc.callbacks.remove(count)
    return len(seen)


@pytest.mark.parametrize("hold", [0, 10])
def test_loads_alone_start_collections_rarely(packed: Any, tracked: int, hold: int) -> None:
    calls = 40 * PATIENCE * THRESHOLDS[0] // tracked
    ours = collections(OURS, packed, calls, hold)
    theirs = collections(THEIRS, packed, calls, hold)
    assert 20 <= ours <= 60, f"{calls} calls; the original: {theirs}"
    if hold or tracked > THRESHOLDS[0]:  # else what is freed at once never starts the original's
        assert 2 * ours < theirs


def test_states_in_cycles_are_freed(packed: Any, tracked: int) -> None:
    """No more of them wait than two generations of what starts a collection."""
    wait = PATIENCE * THRESHOLDS[0] // tracked + 1
    alive: weakref.WeakSet[Holder] = weakref.WeakSet()
    most = 0
    for _ in range(40 * wait):
        alive.add(Holder(OURS.loads_typed(packed)))
        most = max(most, len(alive))
    # one of them is alive at each collection, and goes with the next generation's
    assert most <= wait + (THRESHOLDS[1] + 1) + wait


def test_other_garbage_goes_while_states_come_and_go(packed: Any, tracked: int) -> None:
    """Freed states are counted off, and must not hide the garbage of others for good."""
    alive: weakref.WeakSet[Holder] = weakref.WeakSet()
    most = 0
    for _ in range(60 * PATIENCE * THRESHOLDS[0] // tracked):
        OURS.loads_typed(packed)
        for _ in range(20):
            alive.add(Holder(None))
        most = max(most, len(alive))
    assert most <= 2 * 20 * (PATIENCE * THRESHOLDS[0] // tracked + 1)


@pytest.mark.parametrize("threshold", [0, 100, 50_000])
def test_a_threshold_of_the_users_own_counts_all(packed: Any, tracked: int, threshold: int) -> None:
    gc.collect()
    gc.set_threshold(threshold)
    before = gc.get_count()[0]
    state = OURS.loads_typed(packed)
    # from 3.12 on a collection that is due has run here already
    assert threshold == 100 or gc.get_count()[0] - before > 0.9 * tracked
    Holder(None)
    collected = gc.get_count()[0] < tracked / 2
    assert collected == (threshold == 100), "the next allocation starts a collection, or none"
    del state


def test_a_collector_that_is_off_counts_all(packed: Any, tracked: int) -> None:
    gc.collect()
    gc.disable()
    before = gc.get_count()[0]
    state = OURS.loads_typed(packed)
    assert gc.get_count()[0] - before > 0.9 * tracked
    del state


def test_a_state_is_not_counted(packed: Any, tracked: int) -> None:
    grown = []
    for _ in range(3):
        gc.collect()
        before = gc.get_count()[0]
        state = OURS.loads_typed(packed)
        grown.append(gc.get_count()[0] - before)
        del state
    # one of them may be the one that makes a collection due
    assert sorted(grown)[1] < 100
