"""Rows of fast-crewai: kickoffs of crews and flows, copies of states, in crewai's environment.

`FAST_JVM_CREWAI` names a Python that has all of requirements/crewai.txt.
"""

from __future__ import annotations

import tempfile
from typing import Any, Dict, List

from benchmarks.crewai_rows import QUIET
from benchmarks.harness import Bar, Result, Row, at_least, never_slower
from benchmarks.libraries import child

BARS: Dict[str, Bar] = {
    "react: cpu": at_least(2.3),
    "react: wall": at_least(2.1),
    "native: cpu": at_least(1.9),
    "native: wall": at_least(1.6),
    "dict, 250 KB: cpu": at_least(2.8),
    "structured, 250 KB: cpu": at_least(2.8),
    "structured of models, 250 KB: cpu": never_slower,
    "structured, 250 KB, SQLite persistence: cpu": at_least(4),
    "dict, 10 KB: cpu": at_least(1.3),
    "structured, 10 KB: cpu": at_least(1.3),
    "tiny: cpu": never_slower,
}


def _child(what: str) -> Dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        script = "crewai_kickoff_children.py"
        return child("crewai", script, what, FAST_JVM="eager", HOME=home, **QUIET)


def _results(what: str, title: str, clocks: "tuple[str, ...]", needed: List[str]) -> List[Result]:
    answer = _child(what)
    served = all(answer["served"][f"crewai.{name}"][0] == "live" for name in needed)
    served = served and all(answer["served"][f"crewai.{name}"][1] for name in needed)
    return [
        Result(
            f"{title}{name}: {clock}",
            original=both[clock]["original"],
            ours=both[clock]["ours"],
            bar=BARS.get(f"{name}: {clock}") if what in ("kickoffs", "flows") else None,
            equal=both["equal"] and served,
        )
        for name, both in answer["rows"].items()
        for clock in clocks
    ]


def kickoffs() -> List[Result]:
    """3 agents, 5 tasks, 50 tool calls."""
    needed = ["execute_method", "find_triggered_methods", "format_description_for_llm"]
    return _results("kickoffs", "crewai: kickoff of 50 tool calls, ", ("cpu", "wall"), needed)


def crews() -> List[Result]:
    """CPU of all 50; a crew's share is its fiftieth."""
    found = _results("crews", "crewai: 50 crews at once, 200 ms a call, ", ("cpu",), ["run_sync"])
    for result in found:
        result.bar = at_least(2)
    return found


def flows() -> List[Result]:
    """Ten methods by state."""
    needed = ["copy_state", "copy_and_serialize_state", "execute_method"]
    return _results("flows", "crewai: flow of ten methods, ", ("cpu", "wall"), needed)


def copies() -> List[Result]:
    """Deep copies."""
    found = _results("copies", "fast_jvm.deepcopy of a dict, ", ("cpu",), [])
    for result in found:
        result.bar = at_least(8)
    return found


def states() -> List[Result]:
    """Texts and dumps of states."""
    found = _results("states", "crewai: state, ", ("cpu",), [])
    for result in found:
        result.bar = never_slower
    return found


ROWS = [
    Row("crewai-kickoffs", kickoffs),
    Row("crewai-crews", crews),
    Row("crewai-flows", flows),
    Row("crewai-copies", copies),
    Row("crewai-states", states),
]
