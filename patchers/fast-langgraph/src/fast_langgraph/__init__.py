"""Makes LangGraph faster: import it before langgraph, and its checkpoint codec runs as Java.

Same bytes, same objects, same errors; what Java can't do exactly, the original does.
``ChronicleSaver`` keeps checkpoints in memory-mapped files.
"""

from typing import TYPE_CHECKING, Any

from fast_jvm import register

from ._patches import PATCHES

if TYPE_CHECKING:
    from ._copy import acopy_checkpoints, copy_checkpoints
    from ._saver import ChronicleSaver

__all__ = ["ChronicleSaver", "acopy_checkpoints", "copy_checkpoints"]
__version__ = "1.0.0"

register(PATCHES)


def __getattr__(name: str) -> Any:
    if name == "ChronicleSaver":  # it imports langgraph
        from ._saver import ChronicleSaver

        return ChronicleSaver
    if name in ("acopy_checkpoints", "copy_checkpoints"):
        from . import _copy

        return getattr(_copy, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
