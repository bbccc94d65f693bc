"""Makes LangGraph faster: import it before langgraph, and its checkpoint codec runs as Java.

Same bytes, same objects, same errors; what Java can't do exactly, the original does.
``ChronicleSaver`` keeps checkpoints in memory-mapped files, ``CaffeineCache`` the results of nodes,
``cached`` those of functions; ``profiler`` says where a graph's time goes.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

from fast_jvm import _settings, register

from ._patches import PATCHES

if TYPE_CHECKING:
    from . import profiler, shim
    from ._cache import CaffeineCache
    from ._cached import cached
    from ._copy import acopy_checkpoints, copy_checkpoints
    from ._saver import ChronicleSaver
    from ._state import langgraph_state_update
    from .profiler import GraphProfiler

__all__ = [
    "CaffeineCache",
    "ChronicleSaver",
    "GraphProfiler",
    "acopy_checkpoints",
    "cached",
    "copy_checkpoints",
    "langgraph_state_update",
    "profiler",
    "shim",
]
__version__ = "1.0.0"

# they import langgraph, or are not needed by everybody
_LATER = {
    "CaffeineCache": "_cache",
    "ChronicleSaver": "_saver",
    "GraphProfiler": "profiler",
    "acopy_checkpoints": "_copy",
    "copy_checkpoints": "_copy",
    "cached": "_cached",
    "langgraph_state_update": "_state",
}

if _settings.switch(os.environ.get("FAST_LANGGRAPH_AUTO_PATCH", "")) is not False:
    register(PATCHES)


def __getattr__(name: str) -> Any:
    if name in _LATER:
        found = getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
    elif name in ("profiler", "shim"):
        found = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found
