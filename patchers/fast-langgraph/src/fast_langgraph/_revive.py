"""The rest of the original's ext hook, for what Java has unpacked already.

``revive`` is ``_create_msgpack_ext_hook``'s ``ext_hook`` from the line behind each ``ormsgpack.unpackb``
on; its checks of the allow-list are the hook's own closures, with their warnings and events.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Callable, Dict, Tuple

_SINGLE, _POSITIONAL, _KEYWORDS, _METHOD, _V1, _V2, _ARRAY, _DELTA = range(8)
_KEPT = 64

_closures: Dict[int, Tuple[Any, Callable[..., bool], Callable[..., bool]]] = {}


def _checks(hook: Any) -> tuple[Any, Callable[..., bool], Callable[..., bool]]:
    known = _closures.get(id(hook))
    if known is None or known[0] is not hook:
        cells = dict(zip(hook.__code__.co_freevars, hook.__closure__))
        known = (hook, cells["_check_allowed"].cell_contents, cells["_check_allowed_method"].cell_contents)
        if len(_closures) >= _KEPT:
            _closures.clear()
        _closures[id(hook)] = known
    return known


def revive(code: int, tup: Any, hook: Any) -> Any:
    """Return the object of an ext whose pack is unpacked."""
    jsonplus = sys.modules["langgraph.checkpoint.serde.jsonplus"]
    if code == _DELTA:
        return jsonplus._DeltaSnapshot(tup)
    if code == _ARRAY:
        return _array(tup)
    _, allowed, allowed_method = _checks(hook)
    if code == _V1 or code == _V2:
        return _model(code, tup, allowed)
    try:
        if code == _METHOD:
            if not allowed_method(tup[0], tup[1], tup[3]):
                return tup[2]
            return getattr(getattr(importlib.import_module(tup[0]), tup[1]), tup[3])(tup[2])
        if not allowed(tup[0], tup[1]):
            return tup[2]
        if code == _SINGLE:
            return getattr(importlib.import_module(tup[0]), tup[1])(tup[2])
        if code == _POSITIONAL:
            if tup[0] == "langgraph.types" and tup[1] == "Send":
                return jsonplus._send_from_args(tup[2])
            return getattr(importlib.import_module(tup[0]), tup[1])(*tup[2])
        return getattr(importlib.import_module(tup[0]), tup[1])(**tup[2])
    except Exception as exc:
        return jsonplus._reconstruction_fallback(tup, exc)


def _model(code: int, tup: Any, allowed: Callable[..., bool]) -> Any:
    try:
        if not allowed(tup[0], tup[1]):
            return tup[2]
        cls = getattr(importlib.import_module(tup[0]), tup[1])
        try:
            return cls(**tup[2])
        except Exception:
            return cls.construct(**tup[2]) if code == _V1 else cls.model_construct(**tup[2])
    except Exception:
        # the original's: what can't be found or rebuilt is returned as its fields
        try:
            return tup[2]
        except NameError:
            return None


def _array(tup: Any) -> Any:
    try:
        import numpy as np

        dtype, shape, order, buffer = tup
        return np.frombuffer(buffer, dtype=np.dtype(dtype)).reshape(shape, order=order)
    except Exception:
        return None
