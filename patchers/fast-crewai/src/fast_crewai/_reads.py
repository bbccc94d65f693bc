"""Private attributes of pydantic models, and names of tools."""

from __future__ import annotations

import functools
from typing import Any, Callable, Tuple

from fast_jvm._registry import Activate, Meter

from fast_jvm._serving import Serving, finish

#: Tools that a process knows; a name is some ten bytes.
NAMES = 4096


def make_getattr(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``BaseModel.__getattr__`` for private attributes that are set and whose default is no descriptor.

    The original asks each attribute's default for ``__get__`` and has an AttributeError raised and caught, twice, to hear that
    there is none.
    """
    serving = Serving("crewai.private_attributes")
    plain: Any = None
    read = object.__getattribute__

    def replacement(self: Any, item: str) -> Any:
        nonlocal plain
        if serving:
            if plain is None:
                from pydantic.fields import ModelPrivateAttr

                plain = ModelPrivateAttr
            try:
                attributes = read(self, "__private_attributes__")
                attribute = attributes[item] if item in attributes else None
                if type(attribute) is plain and not hasattr(type(attribute.default), "__get__"):
                    found = read(self, "__pydantic_private__")[item]
                    # an instance may have an attribute of that name, which hasattr of the original sees
                    if not hasattr(attribute.default, "__get__"):
                        replacement.served += 1  # type: ignore[attr-defined]
                        return found
            except (KeyError, TypeError, AttributeError):
                pass
        return original(self, item)

    return finish(replacement, serving)


def make_sanitize_tool_name(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``sanitize_tool_name``, once for each name."""
    serving = Serving("crewai.sanitize_tool_name")
    known = functools.lru_cache(maxsize=NAMES)(original)

    def replacement(name: str, max_length: int = 64) -> str:
        if type(name) is str and type(max_length) is int and serving:
            replacement.served += 1  # type: ignore[attr-defined]
            return known(name, max_length)  # type: ignore[no-any-return]
        return original(name, max_length)  # type: ignore[no-any-return]

    return finish(replacement, serving)
