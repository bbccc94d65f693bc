"""fast_litellm's cases (cases/*_cases.py), in the environment that has litellm: with Java up, and without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from platforms.library import run_cases

FILES = sorted((Path(__file__).parent / "cases").glob("*_cases.py"))


@pytest.mark.parametrize("volume", ["short", pytest.param("long", marks=pytest.mark.long)])
def test_cases(java: str, tmp_path: Path, volume: str) -> None:
    run_cases(
        "litellm",
        FILES,
        tmp_path,
        java,
        least=76,
        apart=True,
        elsewhere=("litellm.proxy_",),  # test_proxy.py
        timeout=300 if volume == "short" else 3000,
        FAST_JVM="eager",
        LITELLM_CASES=volume,
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
