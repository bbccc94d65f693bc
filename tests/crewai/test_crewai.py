"""fast_crewai's cases (cases/*_cases.py), in the environment that has crewai: once with Java up, once without it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from platforms.environments import run, sources

from crewai.environment import python

CASES = Path(__file__).parent / "cases"
LIMIT_S = 300


@pytest.mark.parametrize("java_is", ["up", pytest.param("off", marks=pytest.mark.long)])
def test_cases(java: str, tmp_path: Path, java_is: str) -> None:
    files = sorted(CASES.glob("*_cases.py"))
    command = ("-m", "pytest", "-q", "-s", "-c", os.devnull, "--rootdir", str(CASES))
    out = run(
        *(python(), *command, "-p", "no:cacheprovider"),
        "--confcutdir",  # tests/ on sys.path would hide crewai
        str(CASES),
        "--basetemp",
        str(tmp_path / "base"),
        *(str(path) for path in files),
        timeout=LIMIT_S,
        PYTHONPATH=os.pathsep.join([str(CASES), sources()]),
        FAST_JVM_CACHE="off",
        FAST_JVM_HOME=java,
        CREWAI_CASES_JAVA=java_is,
        HOME=str(tmp_path),
        CREWAI_DISABLE_TELEMETRY="true",
        CREWAI_TRACING_ENABLED="false",
        OTEL_SDK_DISABLED="true",
    )
    print(out)
    found = re.search(r"(\d+) passed", out)
    assert found and int(found[1]) >= 10 and "skipped" not in out, out
    rows = re.findall(r"^(crewai\.\w+): (\w+) .*served (\d+), declined (\d+)$", out, re.M)
    assert len(rows) >= 3
    for name, state, served, _ in rows:
        assert state == "live" and int(served), name
