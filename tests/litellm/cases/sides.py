"""Ours and the original, called with the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import fast_litellm
from fast_jvm import _registry


@contextmanager
def originals(*names: str) -> Iterator[None]:
    """The originals in their places; of all patches where none is named."""
    found = [
        entry
        for entry in _registry.entries()
        if entry.patch.package == "fast_litellm"
        and (
            entry.patch.name in names
            if names
            else entry.patch.target.partition(":")[0] in sys.modules  # the proxy's are not here
        )
    ]
    assert found and all(entry.placed is not None for entry in found)
    copies = [  # who imported it by name, ours or the original
        (entry, module)
        for entry in found
        for module in map(sys.modules.get, entry.patch.copies)
        if module is not None and vars(module).get(entry.attribute) is entry.placed
    ]
    for entry in found:
        setattr(
            entry.owner,
            entry.attribute,
            entry.raw if entry.raw is not _registry.ABSENT else entry.original,
        )
    for entry, module in copies:
        setattr(module, entry.attribute, entry.original)
    try:
        yield
    finally:
        for entry in found:
            setattr(entry.owner, entry.attribute, entry.placed)
        for entry, module in copies:
            setattr(module, entry.attribute, entry.placed)


def served(name: str) -> int:
    """How often a patch has served so far."""
    return int(fast_litellm.get_performance_stats(name)["served"])
