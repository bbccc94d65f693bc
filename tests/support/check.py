"""The check every suite uses: dump on both sides, compare bytes, read crosswise, compare deep."""

from __future__ import annotations

import functools
from typing import Any

from support.outcome import Outcome, assert_same_outcome, outcome, quiet
from support.same import Difference, assert_same
from support.sides import ACCELERATED, DUMPS, VOLUME, Pair, aside, builtin, default_pair

_SMALL = 65536
_WRAP = b"\x81\xa1v"
_ARGUMENTS: tuple[tuple[tuple[Any, ...], dict[str, Any]], ...] = (
    ((), {}),
    ((), {"content": "c"}),
    ((), {"content": "c", "tool_call_id": "t"}),
    ((), {"content": "c", "name": "n"}),
    ((), {"content": "c", "role": "r"}),
    ((), {"content": "c", "type": "t"}),
    ((), {"id": "i"}),
    ((), {"name": "n"}),
    ((), {"label": "l"}),
    ((), {"a": 1}),
    (("x",), {}),
    (("x", 1), {}),
)


@functools.cache
def _well_formed(cls: type) -> Any:
    for args, kw in _ARGUMENTS:
        try:
            return cls(*args, **kw)
        except Exception:
            continue
    return None


def wake(value: Any) -> None:
    """Dump well-formed objects of the same class: a plan that met misfits rests, and would not be tested."""
    if (
        ACCELERATED
        and hasattr(type(value), "__dict__")
        and not isinstance(value, (str, bytes, int, float, list, tuple, dict))
    ):
        good = _well_formed(type(value))
        if good is not None:
            dumps = builtin("langgraph_dumps")
            with aside("langgraph_dumps", DUMPS):
                for _ in range(68):
                    try:
                        dumps([good])
                    except TypeError:
                        return


def check_dump(value: Any, sides: Pair | None = None) -> tuple[Outcome, Outcome]:
    """Same bytes or same exception, from ours first: caches inside the value (UTF-8, hashes) are still empty then."""
    sides = sides or default_pair()
    wake(value)
    ours = outcome(sides.ours.dumps_typed, value)
    theirs = outcome(sides.theirs.dumps_typed, value)
    assert_same_outcome(ours, theirs)
    again = outcome(sides.ours.dumps_typed, value)  # and with the caches filled
    assert_same_outcome(again, theirs)
    return ours, theirs


def check_load(
    blob: tuple[str, Any], sides: Pair | None = None, *, ours_wrote: Any = None
) -> Outcome:
    """Both sides read *blob* (the original reads what ours wrote, where given).

    What is small the patch leaves to ormsgpack, and Java leaves plain lists to it; Java is asked for it all the
    same here, in a dict where it declines it alone.
    """
    sides = sides or default_pair()
    ours = outcome(sides.ours.loads_typed, blob)
    theirs = outcome(sides.theirs.loads_typed, ours_wrote or blob)
    assert_same_outcome(ours, theirs)
    # the original has just warned of all there is to warn of
    assert_same_outcome(
        quiet(sides.ours.loads_typed, blob), quiet(sides.theirs.loads_typed, ours_wrote or blob)
    )
    if ACCELERATED and type(blob) is tuple and len(blob) == 2 and blob[0] == "msgpack":
        data = blob[1]
        hook = getattr(sides.ours, "_unpack_ext_hook", None)
        if (
            hook is not None
            and type(data) is bytes
            and (len(data) < _SMALL or 0xD9 <= data[0] <= 0xDB)
        ):
            direct = outcome(builtin("langgraph_loads"), data, hook)
            if direct.value is not NotImplemented:
                assert_same_outcome(direct, theirs)
            elif theirs.error is None:
                inside = outcome(builtin("langgraph_loads"), _WRAP + data, hook)
                if inside.value is not NotImplemented:
                    assert inside.error is None
                    assert_same(inside.value, {"v": theirs.value})
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
