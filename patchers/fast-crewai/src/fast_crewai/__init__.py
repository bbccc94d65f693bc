"""Makes CrewAI's own work around the model's shorter: import it before or after crewai.

Same results, same events, same order; what is not known exactly, the original does.
``ChroniclePersistence`` keeps flows' states in memory-mapped files, ``ToolCache`` what tools returned.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

from fast_jvm import register

from ._patches import PATCHES

if TYPE_CHECKING:
    from ._persistence import ChroniclePersistence
    from ._tool_cache import ToolCache

__all__ = ["ChroniclePersistence", "ToolCache"]
__version__ = "1.0.0"

# they import crewai
_LATER = {"ChroniclePersistence": "_persistence", "ToolCache": "_tool_cache"}

# the Rust package's switch: there 1 is needed, here what is not off is on
if os.environ.get("FAST_CREWAI_ACCELERATION", "1").strip().lower() not in ("0", "off", "false"):
    register(PATCHES)


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
    return found
