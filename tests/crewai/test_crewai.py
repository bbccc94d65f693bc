"""fast_crewai's cases (cases/*_cases.py), in the environment that has crewai: once with Java up, once without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from platforms.environments import run, sources
from platforms.library import python, run_cases

CASES = Path(__file__).parent / "cases"
FILES = sorted(CASES.glob("*_cases.py"))
#: what there is of Java alone
JAVAS = ("persistence_cases.py",)
QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
}


@pytest.mark.parametrize("java_is", ["up", pytest.param("off", marks=pytest.mark.long)])
def test_cases(java: str, tmp_path: Path, java_is: str) -> None:
    run_cases(
        "crewai",
        [file for file in FILES if java_is == "up" or file.name not in JAVAS],
        tmp_path,
        java,
        least=17,
        timeout=600,
        CREWAI_CASES_JAVA=java_is,
        HOME=str(tmp_path),
        **QUIET,
    )


@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=pytest.mark.long)])
def test_killed_savers(java: str, tmp_path: Path, rounds: int) -> None:
    out = run(
        *(python("crewai"), CASES / "kills.py", tmp_path / "states", rounds),
        timeout=60 + 15 * rounds,
        PYTHONPATH=sources(),
        FAST_JVM_CACHE="off",
        FAST_JVM_HOME=java,
        HOME=str(tmp_path),
        **QUIET,
    )
    told, _, rest = out.strip().splitlines()[-1].partition(" ")
    assert int(told) >= rounds // 2 and rest == "acknowledged, none lost"


def test_switched_off(java: str, tmp_path: Path) -> None:
    out = run(
        *(python("crewai"), CASES / "switched_off.py"),
        timeout=120,
        PYTHONPATH=sources(),
        FAST_JVM="off",
        FAST_JVM_HOME=java,
        HOME=str(tmp_path),
        **QUIET,
    )
    assert out.strip().splitlines()[-1] == "originals"
