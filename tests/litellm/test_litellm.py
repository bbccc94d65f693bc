"""fast_litellm's cases (cases/*_cases.py), in the environment that has litellm: with Java up, and without it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from platforms.environments import run, sources

from litellm.environment import python

CASES = Path(__file__).parent / "cases"
LIMIT_S = 300


@pytest.mark.parametrize("volume", ["short", pytest.param("long", marks=pytest.mark.long)])
def test_cases(java: str, tmp_path: Path, volume: str) -> None:
    command = ("-m", "pytest", "-q", "-s", "-c", os.devnull, "--rootdir", str(CASES))
    out = run(
        *(python(), *command, "-p", "no:cacheprovider"),
        "--confcutdir",  # tests/ on sys.path would hide litellm
        str(CASES),
        "--basetemp",
        str(tmp_path / "base"),
        *(str(path) for path in sorted(CASES.glob("*_cases.py"))),
        timeout=LIMIT_S if volume == "short" else 10 * LIMIT_S,
        PYTHONPATH=os.pathsep.join([str(CASES), sources()]),
        FAST_JVM="eager",
        FAST_JVM_CACHE="off",
        FAST_JVM_HOME=java,
        LITELLM_CASES=volume,
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
    print(out)
    found = re.search(r"(\d+) passed", out)
    assert found and int(found[1]) >= 10 and "skipped" not in out, out
    rows = re.findall(r"^(litellm\.\w+): (\w+) .*served (\d+), declined (\d+)$", out, re.M)
    assert len(rows) >= 2
    for name, state, served, _ in rows:
        assert state == "live" and int(served), name
