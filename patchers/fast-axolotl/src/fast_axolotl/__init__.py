"""Makes Axolotl's way to training shorter: import it, or list ``fast_axolotl.Plugin`` in the YAML's plugins.

Same bins, same rows, same order; what is not known exactly, the original does.
"""

import importlib
from typing import TYPE_CHECKING, Any

from fast_jvm import register

from ._patches import PATCHES

if TYPE_CHECKING:
    from ._plugin import Plugin
    from .functions import (
        concatenate_and_pack,
        create_padding_mask,
        deduplicate_indices,
        pack_sequences,
        pad_sequences,
        parallel_hash_rows,
        streaming_dataset_reader,
    )

__all__ = [
    "Plugin",
    "concatenate_and_pack",
    "create_padding_mask",
    "deduplicate_indices",
    "pack_sequences",
    "pad_sequences",
    "parallel_hash_rows",
    "streaming_dataset_reader",
]
__version__ = "1.0.0"

# they import axolotl or numpy, or are not needed by everybody
_LATER = {
    "Plugin": "_plugin",
    "concatenate_and_pack": "functions",
    "create_padding_mask": "functions",
    "deduplicate_indices": "functions",
    "pack_sequences": "functions",
    "pad_sequences": "functions",
    "parallel_hash_rows": "functions",
    "streaming_dataset_reader": "functions",
}

register(PATCHES)


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
    globals()[name] = found
    return found
