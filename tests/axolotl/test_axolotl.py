"""fast_axolotl's cases (cases/*_cases.py), in the environment that has axolotl: once with Java up, once without it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from platforms.environments import run, sources

from axolotl.environment import python

CASES = Path(__file__).parent / "cases"
LIMIT_S = 600


@pytest.mark.parametrize("java_is", ["up", pytest.param("off", marks=pytest.mark.long)])
def test_cases(java: str, tmp_path: Path, java_is: str) -> None:
    files = sorted(CASES.glob("*_cases.py"))
    command = ("-m", "pytest", "-q", "-s", "-c", os.devnull, "--rootdir", str(CASES))
    out = run(
        *(python(), *command, "-p", "no:cacheprovider"),
        "--confcutdir",  # tests/ on sys.path would hide axolotl and HF's datasets
        str(CASES),
        "--basetemp",
        str(tmp_path / "base"),
        *(str(path) for path in files if java_is == "up" or path.stem != "starting_cases"),
        timeout=LIMIT_S,
        PYTHONPATH=os.pathsep.join([str(CASES), sources()]),
        FAST_JVM_CACHE="off",
        FAST_JVM_HOME=java,
        AXOLOTL_CASES_JAVA=java_is,
        HF_HOME=str(tmp_path / "hf"),
        HF_HUB_OFFLINE="1",
        HF_DATASETS_OFFLINE="1",
        AXOLOTL_DO_NOT_TRACK="1",
    )
    print(out)
    found = re.search(r"(\d+) passed", out)
    assert found and int(found[1]) >= 10 and "skipped" not in out, out
    rows = re.findall(r"^(axolotl\.\w+): (\w+) .*served (\d+), declined (\d+)$", out, re.M)
    assert len(rows) >= 4
    for name, state, served, _ in rows:
        assert state == "live" and int(served), name
