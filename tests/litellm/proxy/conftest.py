"""fast_litellm before litellm, in the environment that has the proxy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, settings

import fast_litellm
from fast_jvm import _registry

LONG = os.environ.get("LITELLM_CASES") == "long"

settings.register_profile(
    "cases", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("cases")


def counted(name: str) -> tuple[int, int]:
    """How often a patch served, and how often it declined."""
    stats = fast_litellm.get_performance_stats(name)
    return stats["served"], stats["declined"]


def served_by(name: str) -> int:
    """How often a patch served."""
    return counted(name)[0]


def placed(name: str) -> Any:
    """The registry's entry of a patch that stands."""
    (entry,) = [entry for entry in _registry.entries() if entry.patch.name == name]
    assert entry.placed is not None
    return entry


@contextlib.contextmanager
def originals(*names: str) -> Iterator[None]:
    """The originals of these patches, where the patches stand."""
    entries = [placed(name) for name in names]
    copies = [(module, entry) for entry in entries for module in entry.copies]
    for entry in entries:
        assert vars(entry.owner)[entry.attribute] is entry.placed
        if entry.raw is _registry.ABSENT:
            delattr(entry.owner, entry.attribute)
        else:
            setattr(entry.owner, entry.attribute, entry.raw)
    for module, entry in copies:
        setattr(module, entry.attribute, entry.original)
    try:
        yield
    finally:
        for entry in entries:
            setattr(entry.owner, entry.attribute, entry.placed)
        for module, entry in copies:
            setattr(module, entry.attribute, entry.placed)
