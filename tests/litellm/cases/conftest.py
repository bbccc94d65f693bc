"""What the cases share: Java up, and a table of what was served at the end."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import fast_jvm
import fast_litellm  # (before litellm)

LONG = os.environ.get("LITELLM_CASES") == "long"

settings.register_profile(
    "cases", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("cases")


@pytest.fixture(scope="session", autouse=True)
def ready() -> Iterator[None]:
    """All patches live."""
    import litellm._service_logger
    import litellm.litellm_core_utils.llm_response_utils.get_api_base
    import litellm.llms.openai.openai
    import litellm.types.router  # noqa: F401
    import openai.resources.embeddings  # noqa: F401  (lazily imported, as those above)

    assert fast_jvm.wait_ready(60), fast_jvm.status()
    yield
    print()
    stats = fast_litellm.get_performance_stats()
    for name, component in fast_litellm.health_check()["components"].items():
        print(  # test_litellm.py wants each to have served
            f"{name}: {component['status']} {component['reason']}, "
            f"served {stats[name]['served']}, declined {stats[name]['declined']}"
        )


@pytest.fixture
def loggers_quiet() -> Iterator[None]:
    """LiteLLM's loggers write nothing."""
    levels = {name: logging.getLogger(name).level for name in ("LiteLLM", "LiteLLM Router")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
