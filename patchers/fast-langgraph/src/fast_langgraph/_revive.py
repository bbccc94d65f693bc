"""The rest of the original's ext hook, for what Java has unpacked already.

``revive`` is ``_create_msgpack_ext_hook``'s ``ext_hook`` from the line behind each ``ormsgpack.unpackb``
on; its checks of the allow-list are the hook's own closures, with their warnings and events.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Callable, Dict

_JSONPLUS = "langgraph.checkpoint.serde.jsonplus"
_SINGLE, _POSITIONAL, _KEYWORDS, _METHOD, _V1, _V2, _ARRAY, _DELTA = range(8)


def _closure(function: Any) -> dict[str, Any]:
    return {name: cell.cell_contents for name, cell in zip(function.__code__.co_freevars, function.__closure__)}


def allowed_modules(hook: Any) -> Any:
    """Return the allow-list of a hook: True, a set, or None."""
    return _closure(_closure(hook)["_check_allowed"])["allowed_modules"]


def _single(cls: Any, tup: Any) -> Any:
    try:
        return cls(tup[2])
    except Exception as exc:
        return sys.modules[_JSONPLUS]._reconstruction_fallback(tup, exc)


def _positional(cls: Any, tup: Any) -> Any:
    try:
        return cls(*tup[2])
    except Exception as exc:
        return sys.modules[_JSONPLUS]._reconstruction_fallback(tup, exc)


def _keywords(cls: Any, tup: Any) -> Any:
    try:
        return cls(**tup[2])
    except Exception as exc:
        return sys.modules[_JSONPLUS]._reconstruction_fallback(tup, exc)


def _pydantic_v1(cls: Any, tup: Any) -> Any:
    try:
        try:
            return cls(**tup[2])
        except Exception:
            return cls.construct(**tup[2])
    except Exception:
        return tup[2]


def _pydantic_v2(cls: Any, tup: Any) -> Any:
    try:
        try:
            return cls(**tup[2])
        except Exception:
            return cls.model_construct(**tup[2])
    except Exception:
        return tup[2]


#: What is left of each ext code's branch once the class is found and allowed.
BY_CODE: Dict[int, Callable[[Any, Any], Any]] = {
    _SINGLE: _single,
    _POSITIONAL: _positional,
    _KEYWORDS: _keywords,
    _V1: _pydantic_v1,
    _V2: _pydantic_v2,
}


def revive(code: int, tup: Any, hook: Any) -> Any:
    """Return the object of an ext whose pack is unpacked."""
    jsonplus = sys.modules[_JSONPLUS]
    if code == _DELTA:
        return jsonplus._DeltaSnapshot(tup)
    if code == _ARRAY:
        return _array(tup)
    closure = _closure(hook)
    allowed, allowed_method = closure["_check_allowed"], closure["_check_allowed_method"]
    try:
        if code == _METHOD:
            if not allowed_method(tup[0], tup[1], tup[3]):
                return tup[2]
            return getattr(getattr(importlib.import_module(tup[0]), tup[1]), tup[3])(tup[2])
        if not allowed(tup[0], tup[1]):
            return tup[2]
        if code == _POSITIONAL and tup[0] == "langgraph.types" and tup[1] == "Send":
            return jsonplus._send_from_args(tup[2])
        cls = getattr(importlib.import_module(tup[0]), tup[1])
    except Exception as exc:
        return _payload(tup) if code in (_V1, _V2) else jsonplus._reconstruction_fallback(tup, exc)
    return BY_CODE[code](cls, tup)


def _payload(tup: Any) -> Any:
    # the original's own: what can't be found is returned as its fields
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
