"""fast_crewai's cases (cases/*_cases.py), in the environment that has crewai: once with Java up, once without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from platforms.library import run_cases

FILES = sorted((Path(__file__).parent / "cases").glob("*_cases.py"))


@pytest.mark.parametrize("java_is", ["up", pytest.param("off", marks=pytest.mark.long)])
def test_cases(java: str, tmp_path: Path, java_is: str) -> None:
    run_cases(
        "crewai",
        FILES,
        tmp_path,
        java,
        least=3,
        timeout=600,
        CREWAI_CASES_JAVA=java_is,
        HOME=str(tmp_path),
        CREWAI_DISABLE_TELEMETRY="true",
        CREWAI_TRACING_ENABLED="false",
        OTEL_SDK_DISABLED="true",
    )
