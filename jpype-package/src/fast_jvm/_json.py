"""The text of plain data as ``json.dumps`` writes it by default, by Java once it is up; for our packages.

NotImplemented is the answer to all that Java does not write (see dev.fastjvm.dump.PlainText), while Java does not serve, and where
json is no longer what was imported: then json, and pydantic, make the text.
"""

from __future__ import annotations

import json
from typing import Any, Callable

from ._state import state

BUILTIN = "json_text"
_MILLIS = 150

_dumps, _encoder = json.dumps, json.JSONEncoder
_serve: Callable[[Any, Any], Any] | None = None


def ready() -> bool:
    """Say whether Java serves; it does once whoever warms it had his turn."""
    global _serve
    if _serve is None and state.phase == "up" and not state.working and BUILTIN in state.builtins:
        _serve = state.builtins[BUILTIN].function
    return _serve is not None


def text(value: Any, shape: Any = None) -> Any:
    """Return ``json.dumps(value)``, or that of the dump of a model of that shape, or NotImplemented."""
    if _serve is None or json.dumps is not _dumps or json.JSONEncoder is not _encoder:
        return NotImplemented
    return _serve(value, shape)


def prepare(
    builtins: dict[str, Callable[..., Any]], warm: Callable[[str, object, int], int], *samples: Any
) -> None:
    """Warm Java with pairs of values and shapes, then serve."""
    global _serve
    for sample in ((_PLAIN, None), *samples):
        warm(BUILTIN, sample, _MILLIS // (1 + len(samples)))
    _serve = builtins.get(BUILTIN)


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
