"""Makes CrewAI's own work around the model's shorter: import it before or after crewai.

Same results, same events, same order; what is not known exactly, the original does.
"""

import os
from typing import Any

from fast_jvm import register

from ._patches import PATCHES

__all__ = ["ToolCache"]
__version__ = "1.0.0"

# the Rust package's switch: there 1 is needed, here what is not off is on
if os.environ.get("FAST_CREWAI_ACCELERATION", "1").strip().lower() not in ("0", "off", "false"):
    register(PATCHES)


def __getattr__(name: str) -> Any:
    """ToolCache is one of crewai's cache handlers: it imports crewai."""
    if name == "ToolCache":
        from ._tool_cache import ToolCache

        return ToolCache
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
