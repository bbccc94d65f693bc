"""Makes Axolotl's way to training shorter: import it, or list ``fast_axolotl.Plugin`` in the YAML's plugins.

Same bins, same rows, same order; what is not known exactly, the original does.
"""

import importlib
from typing import TYPE_CHECKING, Any

from fast_jvm import register

from ._patches import PATCHES

if TYPE_CHECKING:
    from ._plugin import Plugin

__all__ = ["Plugin"]
__version__ = "1.0.0"

# they import axolotl or numpy, or are not needed by everybody
_LATER = {"Plugin": "_plugin"}

register(PATCHES)


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
    globals()[name] = found
    return found
