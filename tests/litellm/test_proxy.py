"""The proxy with our patches, and its limiter on our table, in the environment that has LiteLLM's proxy."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from platforms.environments import run, sources
from platforms.library import python

CASES = Path(__file__).parent / "proxy"


@pytest.mark.long
def test_cases(java: str, tmp_path: Path) -> None:
    command = ("-m", "pytest", "-q", "-s", "-c", os.devnull, "--rootdir", str(CASES))
    files = sorted(CASES.glob("*_cases.py"))
    limiter = CASES / "limiter_cases.py"  # it comes before a process's first Router
    passed = 0
    for number, group in enumerate([[limiter], [file for file in files if file != limiter]]):
        out = run(
            *(python("litellm_proxy"), *command, "-p", "no:cacheprovider"),
            "--confcutdir",
            str(CASES),
            "--basetemp",
            str(tmp_path / f"base{number}"),
            *map(str, group),
            timeout=2400,
            PYTHONPATH=os.pathsep.join([str(CASES), sources()]),
            FAST_JVM_CACHE="off",
            FAST_JVM_HOME=java,
            LITELLM_CASES="long",
            LITELLM_LOCAL_MODEL_COST_MAP="True",
        )
        print(out)
        found = re.search(r"(\d+) passed", out)
        assert found and "skipped" not in out, out
        passed += int(found[1])
    assert passed >= 100
