"""fast_litellm before litellm, in the environment that has the proxy."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

import fast_litellm  # noqa: F401  (before litellm)

LONG = os.environ.get("LITELLM_CASES") == "long"

settings.register_profile(
    "cases", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("cases")
