"""fast_crewai's cases (cases/*_cases.py), in the environment that has crewai: once with Java up, once without it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from platforms.environments import run, sources
from platforms.library import python, run_cases

CASES = Path(__file__).parent / "cases"
FILES = sorted(CASES.glob("*_cases.py"))
#: what there is of Java alone
JAVAS = ("persistence_cases.py", "shapes_cases.py")
QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
}


@pytest.mark.parametrize("java_is", ["up", pytest.param("off", marks=pytest.mark.long)])
def test_cases(java: str, tmp_path: Path, java_is: str) -> None:
    run_cases(
        "crewai",
        [[file for file in FILES if java_is == "up" or file.name not in JAVAS]],
        tmp_path,
        java,
        least=17,
        timeout=1200,
        CREWAI_CASES_JAVA=java_is,
        HOME=str(tmp_path),
        **QUIET,
    )


@pytest.mark.parametrize("rounds", [4, pytest.param(100, marks=pytest.mark.long)])
def test_killed_savers(java: str, tmp_path: Path, rounds: int) -> None:
    out = run(
        *(python("crewai"), CASES / "kills.py", tmp_path / "states", rounds),
        timeout=300 + 15 * rounds,
        PYTHONPATH=sources(),
        FAST_JVM_CACHE="off",
        FAST_JVM_HOME=java,
        HOME=str(tmp_path),
        **QUIET,
    )
    told, _, rest = out.strip().splitlines()[-1].partition(" ")
    assert int(told) >= rounds // 2 and rest == "acknowledged, none lost"


def test_resumed_by_the_other(java: str, tmp_path: Path) -> None:
    """Saved half-way with us, ended without us, and the other way round: the same results and events."""

    def done(side: str, what: str, *folders: Path) -> list[list[str]]:
        out = run(
            *(python("crewai"), CASES / "resumes.py", side, what, *folders),
            timeout=300,
            PYTHONPATH=sources(),
            FAST_JVM_CACHE="off",
            FAST_JVM_HOME=java,
            HOME=str(tmp_path),
            OPENAI_API_KEY="none",
            **QUIET,
        )
        if side == "ours":
            (counts,) = re.findall(r"^COUNTS (.*)$", out, re.M)
            served = json.loads(counts)
            written = (served["runtime_state_json"], served["do_checkpoint"])
            assert what == "end" or written == (2, 4)
            assert served["execute_method"] and served["find_triggered_methods"], served
        return [re.findall(r"^DONE (.*)$", part, re.M) for part in out.split("\nEND\n")[:-1]]

    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    saved = done("ours", "save", ours)
    assert saved == done("theirs", "save", theirs) and len(saved[0]) == 2
    by_us, by_them = done("ours", "end", ours, theirs), done("theirs", "end", ours, theirs)
    assert len(by_them[1]) == 6
    assert by_us == by_them and by_us[0] == by_us[1]


def test_switched_off(java: str, tmp_path: Path) -> None:
    out = run(
        *(python("crewai"), CASES / "switched_off.py"),
        timeout=300,
        PYTHONPATH=sources(),
        FAST_JVM="off",
        FAST_JVM_HOME=java,
        HOME=str(tmp_path),
        **QUIET,
    )
    assert out.strip().splitlines()[-1] == "originals"
