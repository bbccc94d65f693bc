"""The text of plain data as ``json.dumps`` writes it by default, and dumps of pydantic's models, by Java once it is up; for our packages.

NotImplemented is the answer to all that Java does not do (see dev.fastjvm.dump), while Java does not serve, and where json is no
longer what was imported: then json, and pydantic, have to.
"""

from __future__ import annotations

import json
from time import perf_counter_ns
from typing import Any, Callable

from ._state import state

TEXT, DUMP = "json_text", "model_dump"
#: Each of both is warmed for so long.
_MILLIS = 150

_dumps, _encoder = json.dumps, json.JSONEncoder
_serve: Callable[[Any, Any], Any] | None = None
_dump: Callable[[Any, Any], Any] | None = None


def ready() -> bool:
    """Say whether Java serves; it does once whoever warms it had his turn."""
    if _serve is None and state.phase == "up" and not state.working and TEXT in state.builtins:
        _set_up({name: state.builtins[name].function for name in (TEXT, DUMP)})
    return _serve is not None


def _set_up(builtins: dict[str, Callable[..., Any]]) -> None:
    global _serve, _dump
    _serve, _dump = builtins[TEXT], builtins[DUMP]


def text(value: Any, shape: Any = None) -> Any:
    """Return ``json.dumps(value)``, or that of the dump of a model of that shape, or NotImplemented."""
    if _serve is None or json.dumps is not _dumps or json.JSONEncoder is not _encoder:
        return NotImplemented
    return _serve(value, shape)


def dump(model: Any, shape: Any) -> Any:
    """Return what ``model_dump(mode="json")`` of a deep copy returns of a model of that shape, or NotImplemented."""
    return NotImplemented if _dump is None else _dump(model, shape)


def prepare(
    builtins: dict[str, Callable[..., Any]],
    warm: Callable[[str, object, int], int],
    model: Any,
    shape: Any,
) -> None:
    """Warm Java with a model of a shape, then serve."""
    warm(TEXT, (_PLAIN, None), _MILLIS // 2)
    warm(TEXT, (model, shape), _MILLIS // 2)
    end = perf_counter_ns() + 1_000_000 * _MILLIS
    while perf_counter_ns() < end:  # it makes objects, so the GIL is held, for a call each
        builtins[DUMP](model, shape)
    _set_up(builtins)


_PLAIN = {
    "items": [
        {
            "id": 123 * number, "name": f"name {number}", "flags": [True, False, None, -number, 2**40, 2**70],
            "numbers": [number / 7, 0.25, 3.0, 1e-7, 1e20], "text": "of some length " * number,
            "lines": 'first\n\t"second"\\\x00\x7f', "wide": ["é" * number, "一二三" * number, "a\U0001f600"],
            "pair": (1, "two"), 5: 6,
        }
        for number in range(12)
    ]
}  # fmt: skip
