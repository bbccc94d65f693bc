"""Makes LangGraph faster: import it before langgraph, and its checkpoint codec runs as Java.

Same bytes, same objects, same errors; what Java can't do exactly, the original does.
``ChronicleSaver`` keeps checkpoints in memory-mapped files.
"""

from typing import TYPE_CHECKING, Any

from fast_jvm import register

from ._patches import PATCHES

if TYPE_CHECKING:
    from ._saver import ChronicleSaver

__all__ = ["ChronicleSaver"]
__version__ = "1.0.0"

register(PATCHES)


def __getattr__(name: str) -> Any:
    if name == "ChronicleSaver":  # it imports langgraph
        from ._saver import ChronicleSaver

        return ChronicleSaver
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
