"""Makes LangGraph faster: import it before langgraph, and its checkpoint codec runs as Java.

Same bytes, same objects, same errors; what Java can't do exactly, the original does.
``ChronicleSaver`` keeps checkpoints in memory-mapped files, ``CaffeineCache`` the results of nodes,
``cached`` those of functions.
"""

import importlib
from typing import TYPE_CHECKING, Any

from fast_jvm import register

from ._patches import PATCHES

if TYPE_CHECKING:
    from ._cache import CaffeineCache
    from ._cached import cached
    from ._saver import ChronicleSaver

__all__ = [
    "CaffeineCache",
    "ChronicleSaver",
    "cached",
]
__version__ = "1.0.0"

# they import langgraph, or are not needed by everybody
_LATER = {
    "CaffeineCache": "_cache",
    "ChronicleSaver": "_saver",
    "cached": "_cached",
}

register(PATCHES)


def __getattr__(name: str) -> Any:
    if name in _LATER:
        found = getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found
