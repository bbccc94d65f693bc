"""Whether objects hold what they held, by Java once it is up; for our packages.

What is taken down is a tuple of Python's, which keeps all of it alive (see dev.fastjvm.held). Both answer NotImplemented to what
Java does not follow, and while it does not serve: then whoever asked has to look by himself.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any, Callable

from ._state import state

TAKE, SAME = "held", "same_held"
#: Each of both is warmed for so long.
_MILLIS = 40


def _neither(*arguments: Any) -> Any:
    return NotImplemented


#: ``take(objects, values, deep)``, of two lists: what is in the ``__dict__`` of the objects, and in the values at all levels; if it is
#: to be deep, in what the objects hold too.
take: Callable[[Any, Any, bool], Any] = _neither
#: ``same(taken)``: whether all of that is as it was taken down.
same: Callable[[Any], Any] = _neither


def ready() -> bool:
    """Say whether Java serves; it does once whoever warms it had his turn."""
    if same is _neither and state.phase == "up" and not state.working and SAME in state.builtins:
        _set_up({name: state.builtins[name].function for name in (TAKE, SAME)})
    return same is not _neither


def _set_up(builtins: dict[str, Callable[..., Any]]) -> None:
    global take, same
    take, same = builtins[TAKE], builtins[SAME]


class _Holder:
    pass


def prepare(
    builtins: dict[str, Callable[..., Any]], warm: Callable[[str, object, int], int]
) -> None:
    """Warm Java, then serve."""
    holders = []
    for _ in range(40):
        holder = _Holder()
        holder.__dict__ = {f"name {at}": at for at in range(30)}
        holders.append(holder)
    values = [{"words": ["a", "b"], "more": {"deep": [number, None]}} for number in range(40)]
    taken = builtins[TAKE](holders, values, False)
    if type(taken) is not tuple:
        return
    warm(SAME, taken, _MILLIS)
    end = perf_counter_ns() + 1_000_000 * _MILLIS
    while perf_counter_ns() < end:  # it makes objects, so the GIL is held, for a call each
        builtins[TAKE](holders, values, False)
    _set_up(builtins)
