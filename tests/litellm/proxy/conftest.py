"""fast_litellm before litellm, in the environment that has the proxy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

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


@contextlib.contextmanager
def originals(*names: str) -> Iterator[None]:
    """The originals of these patches, where the patches stand."""
    entries = [entry for entry in _registry.entries() if entry.patch.name in names]
    assert len(entries) == len(names)
    for entry in entries:
        assert vars(entry.owner)[entry.attribute] is entry.placed
        setattr(entry.owner, entry.attribute, entry.original)
    try:
        yield
    finally:
        for entry in entries:
            setattr(entry.owner, entry.attribute, entry.placed)
