"""What the cases share: Java up or not at all, and a table of what was served at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import fast_crewai  # noqa: F401  (before crewai)
import fast_jvm
from fast_jvm import _boot, _deepcopy, _registry

JAVA = os.environ.get("CREWAI_CASES_JAVA", "up") == "up"

settings.register_profile(
    "cases", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("cases")


@pytest.fixture(scope="session", autouse=True)
def ready() -> Iterator[None]:
    """All patches live."""
    import crewai.state.checkpoint_listener  # noqa: F401

    if JAVA:
        assert fast_jvm.wait_ready(60), fast_jvm.status()
        _deepcopy.set_up()
    else:
        _boot.THRESHOLD_NS = 1 << 62
    yield
    print()
    for entry in _registry.entries():
        replacement = entry.replacement
        print(  # test_crewai.py wants each to have served
            f"{entry.patch.name}: {entry.state} {entry.reason}, "
            f"served {replacement.served}, declined {replacement.declined}"
        )
    for name, builtin in _boot.state.builtins.items():
        if name == "deepcopy":
            print(name, builtin.counters)
