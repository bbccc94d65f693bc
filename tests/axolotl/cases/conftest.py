"""What the cases share: Java up or not at all, and a table of what was served at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import fast_axolotl  # noqa: F401  (before axolotl)
import fast_jvm
from fast_axolotl import _first_fit
from fast_jvm import _boot, _registry

JAVA = os.environ.get("AXOLOTL_CASES_JAVA", "up") == "up"

settings.register_profile(
    "cases", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("cases")


@pytest.fixture(scope="session", autouse=True)
def ready() -> Iterator[None]:
    """All patches live."""
    import axolotl.monkeypatch.data.batch_dataset_fetcher
    import axolotl.prompt_strategies.chat_template
    import axolotl.utils.data.sft
    import axolotl.utils.data.utils
    import axolotl.utils.samplers.multipack
    import axolotl.utils.trainer  # noqa: F401

    if JAVA:
        assert fast_jvm.wait_ready(60), fast_jvm.status()
    else:  # Python's way: nothing waits for Java, and no boot begins
        _first_fit.WAIT_FROM = _first_fit.LARGEST
        _boot.THRESHOLD_NS = 1 << 62
    yield
    print()
    for entry in _registry.entries():
        replacement = entry.replacement
        print(  # test_axolotl.py wants each to have served
            f"{entry.patch.name}: {entry.state} {entry.reason}, "
            f"served {replacement.served}, declined {replacement.declined}"
        )
    for name, builtin in _boot.state.builtins.items():
        if name.startswith("axolotl"):
            print(name, builtin.counters)
