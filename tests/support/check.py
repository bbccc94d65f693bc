"""The check every suite uses: dump on both sides, compare bytes, read crosswise, compare deep."""

from __future__ import annotations

from typing import Any

from support.outcome import Outcome, assert_same_outcome, outcome
from support.same import Difference
from support.sides import VOLUME, Pair, default_pair


def check_dump(value: Any, sides: Pair | None = None) -> tuple[Outcome, Outcome]:
    """Same bytes or same exception, from ours first: caches inside the value (UTF-8, hashes) are still empty then."""
    sides = sides or default_pair()
    ours = outcome(sides.ours.dumps_typed, value)
    theirs = outcome(sides.theirs.dumps_typed, value)
    assert_same_outcome(ours, theirs)
    again = outcome(sides.ours.dumps_typed, value)  # and with the caches filled
    assert_same_outcome(again, theirs)
    return ours, theirs


def check_load(
    blob: tuple[str, Any], sides: Pair | None = None, *, ours_wrote: Any = None
) -> Outcome:
    """Both sides read *blob* (the original reads what ours wrote, where given)."""
    sides = sides or default_pair()
    ours = outcome(sides.ours.loads_typed, blob)
    theirs = outcome(sides.theirs.loads_typed, ours_wrote or blob)
    assert_same_outcome(ours, theirs)
    return theirs


def check(value: Any, sides: Pair | None = None, *, count: int = 1) -> Outcome:
    """Everything for one value; returns what the original loads."""
    ours, theirs = check_dump(value, sides)
    VOLUME.count(count, theirs.value[1] if theirs.error is None else None)
    if theirs.error is not None:
        return theirs
    if theirs.value[0] == "bytes" and ours.value[1] is not theirs.value[1]:
        raise Difference("bytes are handed through as they are")
    return check_load(theirs.value, sides, ours_wrote=ours.value)


def check_all(values: list[Any], sides: Pair | None = None) -> None:
    """Each value by itself, then all of them in one list."""
    for value in values:
        check(value, sides)
    check(values, sides, count=0)
