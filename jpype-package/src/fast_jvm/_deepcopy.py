"""fast_jvm.deepcopy: copy.deepcopy, by Java once it is up.

Java copies dicts, lists, tuples and sets of plain data by itself; every other object goes through copy.deepcopy with the same
memo, so that ``__deepcopy__``, ``__reduce_ex__``, copyreg and subclasses mean what they mean there.
"""

from __future__ import annotations

import copy
import copyreg
import threading
from time import perf_counter_ns
from typing import Any, Callable, TypeVar, cast

from . import _boot
from ._state import state

T = TypeVar("T")
Copier = Callable[[Any, Any], Any]

BUILTIN = "deepcopy"

_original: Any = copy.deepcopy
_serve: Copier | None = None
_never = False
_lock = threading.Lock()


def deepcopy(x: T, memo: dict[int, Any] | None = None) -> T:
    """Return what ``copy.deepcopy(x, memo)`` does: equal structure, identities, errors and memo."""
    if _serve is not None:
        made = _serve(x, memo)
        if made is not NotImplemented:
            return cast(T, made)
        return cast(T, _original(x, memo))
    return cast(T, _meanwhile(x, memo))


def _meanwhile(x: Any, memo: Any) -> Any:
    """Serve until Java is up, and count what that costs."""
    if state.phase == "up" and not _never:
        set_up()
        if _serve is not None:
            return deepcopy(x, memo)
    if _never or not isinstance(x, (dict, list, tuple)):
        return _original(x, memo)
    started = perf_counter_ns()
    made = _original(x, memo)
    _boot.spend(perf_counter_ns() - started)
    return made


def set_up() -> None:
    """Tell Java what this Python's deepcopy takes to be atomic; nothing where it is another deepcopy."""
    global _serve, _never
    with _lock:
        if _serve is not None or _never or BUILTIN not in state.builtins:
            return
        found = settings()
        if found is None:
            _never = True
            return
        state.builtins["deepcopy_configure"].function(*found)
        _serve = state.builtins[BUILTIN].function


def settings() -> tuple[Any, ...] | None:
    """Return what the Java side is configured with; None where copy has other insides than those known."""
    known: Any = copy
    try:
        dispatch, atomic = known._deepcopy_dispatch, known._deepcopy_atomic
        kinds = [kind for kind, copier in dispatch.items() if copier is atomic]
        containers = {
            dict: known._deepcopy_dict,
            list: known._deepcopy_list,
            tuple: known._deepcopy_tuple,
        }
        functions = ("deepcopy", "_deepcopy_dispatch", "_keep_alive", "_reconstruct")
        guards = [(vars(copy), name, vars(copy)[name]) for name in functions]
        keep_alive = known._keep_alive
    except (AttributeError, KeyError):
        return None
    leaves = {str, int, float, bool, bytes, type(None)}
    whole = {kind: dispatch.get(kind) for kind in (*containers, *kinds)}
    modules = {getattr(function, "__module__", "") for function in (*whole.values(), copy.deepcopy)}
    if not leaves <= set(kinds) or modules != {"copy"}:
        return None
    if any(dispatch[kind] is not copier for kind, copier in containers.items()):
        return None
    guards += [(dispatch, kind, copier) for kind, copier in whole.items()]
    return _original, keep_alive, kinds, guards, dispatch, copyreg.dispatch_table
