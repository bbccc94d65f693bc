"""Every CPython that is served runs the same suite; those that are not fall back and say so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fast_jvm import _python

from .environments import REQUIREMENTS, ROOT, environment, interpreter, run, sources

SERVED = tuple("%d.%d" % pair for pair in _python.SERVED)
OLD = ("3.8", "3.9")
SMOKE = Path(__file__).parent / "smoke.py"
SUITE_S = 2400


def pythons(what: str, outcome: str, versions: tuple[str, ...]) -> list[Any]:
    lines = [pytest.mark.line("Pythons and versions", what.format(v), outcome) for v in versions]
    return [pytest.param(v, marks=line, id=v) for v, line in zip(versions, lines)]


def smoke(python: Path, **settings: str) -> dict[str, Any]:
    said = run(
        *(python, "-W", "error::RuntimeWarning", SMOKE),
        timeout=300,
        PYTHONPATH=sources(),
        FAST_JVM="eager",
        FAST_JVM_CACHE="off",
        **settings,
    )
    found: dict[str, Any] = json.loads(said)
    return found


def was_served(found: dict[str, Any]) -> None:
    assert found["ready"], found
    assert {name: state for name, (state, _) in found["patches"].items()} == {
        "langgraph.dumps_typed": "live",
        "langgraph.loads_typed": "live",
    }, found
    for calls, declines in found["served"].values():
        assert calls >= 300 and declines == 0, found
    assert found["child"] == 7, found


@pytest.mark.usefixtures("java")
@pytest.mark.parametrize(
    "version", pythons("CPython {}: boot, 300 values, fork, exit", "served", SERVED)
)
def test_smoke(version: str) -> None:
    python = interpreter(version)
    inside = environment(
        python, "--require-hashes", "-r", REQUIREMENTS / "runtime.txt", tag=f"runtime-{version}"
    )
    found = smoke(inside)
    assert found["python"].startswith(version)
    was_served(found)


@pytest.mark.long
@pytest.mark.usefixtures("java")
@pytest.mark.parametrize(
    "version", pythons("CPython {}: the equivalence suite", "served, equal", SERVED)
)
def test_suite(version: str) -> None:
    inside = environment(
        interpreter(version),
        *("--require-hashes", "-r", REQUIREMENTS / "test.txt"),
        tag=f"suite-{version}",
    )
    suite(inside)


def suite(inside: Path, *arguments: str) -> str:
    """The equivalence suite with a tenth of its generated values."""
    said = run(
        *(inside, "-m", "pytest", "-q", ROOT / "tests" / "equivalence", *arguments),
        timeout=SUITE_S,
        PYTHONPATH=sources(),
        FAST_TEST_SCALE="0.1",
    )
    assert " passed" in said and "values compared" in said, said
    return said


@pytest.mark.parametrize(
    "version", pythons("CPython {}: install, import, status, doctor", "originals serve", OLD)
)
def test_not_served(version: str, wheels: list[Path], java: str) -> None:
    inside = environment(interpreter(version), *wheels, tag=f"old-{version}")
    reason = f"Python {version} is not served (3.10, 3.11, 3.12, 3.13)"
    code = """
import json, fast_langgraph, fast_jvm
print(json.dumps([fast_jvm.wait_ready(5), sorted({p.reason for p in fast_jvm.status().patches})]))
"""
    for settings in ({}, {"FAST_JVM": "eager", "FAST_JVM_HOME": java}):  # a Java changes nothing
        said = run(inside, "-W", "error", "-c", code, **settings)
        assert json.loads(said) == [False, [reason]]
    assert reason in run(inside, "-m", "fast_jvm", "doctor", code=1)  # nothing is accelerated


@pytest.mark.long
@pytest.mark.line("Pythons and versions", "CPython 3.9 with LangGraph 0.6", "originals serve")
def test_langgraph_on_39(wheels: list[Path]) -> None:
    inside = environment(interpreter("3.9"), *wheels, "langgraph==0.6.11", tag="langgraph-3.9")
    code = """
import fast_langgraph, fast_jvm
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langchain_core.messages import HumanMessage
serde, value = JsonPlusSerializer(), {"messages": [HumanMessage("x", id="1")]}
assert serde.loads_typed(serde.dumps_typed(value)) == value
assert not hasattr(JsonPlusSerializer.dumps_typed, "__wrapped__")
print(fast_jvm.status().patches[0].reason)
"""
    assert run(inside, "-c", code).startswith("Python 3.9 is not served")
