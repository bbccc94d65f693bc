"""Names of tools."""

from __future__ import annotations

import functools
from typing import Any, Callable, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

#: Tools that a process knows; a name is some ten bytes.
NAMES = 4096


def make_sanitize_tool_name(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``sanitize_tool_name``, once for each name."""
    serving = Serving("crewai.sanitize_tool_name")
    known = functools.lru_cache(maxsize=NAMES)(original)

    def sanitize_tool_name(name: str, max_length: int = 64) -> Any:
        if type(name) is str and type(max_length) is int and serving:
            replacement.served += 1
            return known(name, max_length)
        return original(name, max_length)

    replacement: Any = sanitize_tool_name
    return finish(replacement, serving)
