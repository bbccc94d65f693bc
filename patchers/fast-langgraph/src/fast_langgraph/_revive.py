"""The rest of the original's ext hook, for what Java has unpacked already.

``revive`` is ``_create_msgpack_ext_hook``'s ``ext_hook`` from the line behind each ``ormsgpack.unpackb``
on; its checks of the allow-list are the hook's own closures, with their warnings and events.

Constructors may look at their caller (``warnings.warn`` with a stack level does), so the functions that
call them are compiled as if they stood in the original's file, on the original's lines.
"""

from __future__ import annotations

import functools
import importlib
import linecache
import sys
from typing import Any, Callable, Dict

_JSONPLUS = "langgraph.checkpoint.serde.jsonplus"
_SINGLE, _POSITIONAL, _KEYWORDS, _METHOD, _V1, _V2, _ARRAY, _DELTA = range(8)
_SEND = -1  # ext 1 of langgraph.types.Send, which has a line of its own

# What is left of each ext code's branch once the class is found and allowed: the text of the original's line that
# calls it, which of the lines with that text it is, and the branch, whose third line takes that line's number.
_FOUND = "return getattr(importlib.import_module(tup[0]), tup[1])"
_BRANCHES: Dict[int, tuple[str, int, str]] = {
    _SINGLE: (
        f"{_FOUND}(tup[2])",
        0,
        "def revive(cls, tup):\n try:\n  return cls(tup[2])\n except Exception as exc:\n  return _reconstruction_fallback(tup, exc)",
    ),
    _SEND: (
        "return _send_from_args(tup[2])",
        0,
        "def revive(cls, tup):\n try:\n  return _send_from_args(tup[2])\n except Exception as exc:\n  return _reconstruction_fallback(tup, exc)",
    ),
    _POSITIONAL: (
        f"{_FOUND}(*tup[2])",
        0,
        "def revive(cls, tup):\n try:\n  return cls(*tup[2])\n except Exception as exc:\n  return _reconstruction_fallback(tup, exc)",
    ),
    _KEYWORDS: (
        f"{_FOUND}(**tup[2])",
        0,
        "def revive(cls, tup):\n try:\n  return cls(**tup[2])\n except Exception as exc:\n  return _reconstruction_fallback(tup, exc)",
    ),
    _V1: (
        "return cls(**tup[2])",
        0,
        "def revive(cls, tup):\n try:\n  try: return cls(**tup[2])\n  except Exception:\n"
        "   return cls.construct(**tup[2])\n except Exception:\n  return tup[2]",
    ),
    _V2: (
        "return cls(**tup[2])",
        1,
        "def revive(cls, tup):\n try:\n  try: return cls(**tup[2])\n  except Exception:\n"
        "   return cls.model_construct(**tup[2])\n except Exception:\n  return tup[2]",
    ),
}


@functools.lru_cache(maxsize=None)
def by_code() -> Dict[int, Callable[[Any, Any], Any]]:
    """Return per ext code the function that calls a class with what was unpacked."""
    jsonplus = sys.modules[_JSONPLUS]
    code = jsonplus._msgpack_ext_hook.__code__
    lines = linecache.getlines(code.co_filename)
    functions = {}
    for ext, (text, which, source) in _BRANCHES.items():
        places = [
            i for i in range(code.co_firstlineno, len(lines) + 1) if lines[i - 1].strip() == text
        ]
        number = places[which] if which < len(places) else code.co_firstlineno + 3
        if not falls_back():
            source = source.replace("_reconstruction_fallback(tup, exc)", "None")
        made: Dict[str, Any] = {}
        exec(compile("\n" * (number - 3) + source, code.co_filename, "exec"), vars(jsonplus), made)
        functions[ext] = made["revive"]
    return functions


def function_of(code: int, names: tuple[str, str]) -> Callable[[Any, Any], Any] | None:
    """Return the function that calls a class of that module and name, or None."""
    send = code == _POSITIONAL and names == ("langgraph.types", "Send")
    return by_code().get(_SEND if send else code)


def falls_back() -> bool:
    """Say whether what cannot be rebuilt is handed out as it was stored; None before 4.3."""
    return hasattr(sys.modules[_JSONPLUS], "_reconstruction_fallback")


def _closure(function: Any) -> dict[str, Any]:
    return {
        name: cell.cell_contents
        for name, cell in zip(function.__code__.co_freevars, function.__closure__)
    }


def allowed_modules(hook: Any) -> Any:
    """Return the allow-list of a hook: True, a set, or None."""
    return _closure(_closure(hook)["_check_allowed"])["allowed_modules"]


def revive(code: int, tup: Any, hook: Any) -> Any:
    """Return the object of an ext whose pack is unpacked."""
    jsonplus = sys.modules[_JSONPLUS]
    if code == _DELTA:
        return jsonplus._DeltaSnapshot(tup)
    if code == _ARRAY:
        return _array(tup)
    closure = _closure(hook)
    try:
        if code == _METHOD:
            if not closure["_check_allowed_method"](tup[0], tup[1], tup[3]):
                return tup[2]
            return getattr(getattr(importlib.import_module(tup[0]), tup[1]), tup[3])(tup[2])
        if not closure["_check_allowed"](tup[0], tup[1]):
            return tup[2]
        if code == _POSITIONAL and tup[0] == "langgraph.types" and tup[1] == "Send":
            return by_code()[_SEND](None, tup)
        cls = getattr(importlib.import_module(tup[0]), tup[1])
    except Exception as exc:
        if code in (_V1, _V2):
            return tup[2]
        return jsonplus._reconstruction_fallback(tup, exc) if falls_back() else None
    return by_code()[code](cls, tup)


def _array(tup: Any) -> Any:
    try:
        import numpy as np

        dtype, shape, order, buffer = tup
        return np.frombuffer(buffer, dtype=np.dtype(dtype)).reshape(shape, order=order)
    except Exception:
        return None
