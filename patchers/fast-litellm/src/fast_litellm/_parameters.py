"""``maybe_transform`` of an embeddings request: the SDK walks each text through five types, to find that there is nothing to do.

Served are exact strs, ints and floats, and lists of strs: the original returns a new dict, without what was not given, with a new
list. Everything else it does itself.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_SCALARS = frozenset((str, int, float))
_STR = frozenset((str,))


def make_transform(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of maybe_transform and its switch."""
    serving = Serving("litellm.embedding_parameters")
    transform = _transformer(original)

    def maybe_transform(data: Any, expected_type: Any) -> Any:
        made = transform(data, expected_type) if serving else None
        if made is None:
            replacement.declined += 1
            return original(data, expected_type)
        replacement.served += 1
        return made

    replacement: Any = maybe_transform
    return finish(replacement, serving)


def _transformer(original: Any) -> Callable[[Any, Any], Any]:
    wanted: Any = None
    absent: Any = ()
    plain = frozenset(("input", "model", "user", "dimensions", "encoding_format"))

    def transform(data: Any, expected_type: Any) -> Any:
        nonlocal wanted, absent
        if wanted is None:
            from openai._types import NotGiven, Omit
            from openai.types import embedding_create_params

            absent = (NotGiven, Omit)
            wanted = embedding_create_params.EmbeddingCreateParams
        if type(data) is not dict or expected_type is not wanted or not plain.issuperset(data):
            return None
        made: Dict[str, Any] = {}
        for name, value in data.items():
            kind = type(value)
            if kind in _SCALARS:
                made[name] = value
            elif kind is list and name == "input":
                if not value or not _STR.issuperset(map(type, value)):
                    return None
                made[name] = value[:]
            elif kind not in absent:
                return None
        return made

    return transform
