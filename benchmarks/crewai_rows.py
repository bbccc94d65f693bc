"""Rows of fast-crewai, in an environment of CrewAI's own.

`FAST_JVM_CREWAI` names a Python that has all of requirements/crewai.txt.
"""

from __future__ import annotations

from typing import Any, Dict, List

from benchmarks.harness import Result, Row, at_least
from benchmarks.libraries import child

#: CrewAI tells nobody.
QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
}


def _child(what: str) -> Dict[str, Any]:
    return child("crewai", "crewai_children.py", what, FAST_JVM="eager", **QUIET)


def checkpoints() -> List[Result]:
    """A checkpoint's CPU, the first and again, beside what none can do without: a dump of the crew, one str, the write."""
    found = _child("checkpoints")
    text = "checkpoint, %d events, %.0f MB" % (found["events"], found["megabytes"])
    equal = found["equal"] and found["served"]
    first, again, load = found["first"], found["again"], found["load"]
    return [
        Result("%s, the first: cpu" % text, bar=at_least(2), equal=equal, **first),
        Result("%s, again: cpu" % text, bar=at_least(8), equal=equal, **again),
        Result(
            "%s, again: beside its floor" % text,
            original=sum(found["floor"]),
            ours=again["ours"],
            bar=at_least(round(1 / 1.5, 2)),
            note="dump of the crew %.1f ms, one str %.1f, the write %.1f"
            % tuple(1e3 * each for each in found["floor"]),
        ),
        Result("%s, Crew.from_checkpoint: cpu" % text, note="the original serves", **load),
    ]


def kickoffs() -> List[Result]:
    """Kickoffs that write checkpoints: CPU, files that are there at the end, and the floor: none written, and the files' bytes."""
    results = []
    for events, found in _child("kickoffs").items():
        text = 'kickoff, on_events=["%s"]' % events
        note = "files: the original's %s, ours %s" % tuple(
            "/".join(map(str, found["files"][name])) for name in ("original", "ours")
        )
        figures = {name: found[name] for name in ("original", "ours")}
        bar = at_least(2) if events != "*" else None
        results.append(
            Result("%s: cpu" % text, bar=bar, equal=found["equal"], note=note, **figures)
        )
        results.append(
            Result(
                "%s: beside its floor" % text,
                original=found["floor"],
                ours=found["ours"],
                bar=at_least(0.5) if events == "*" else None,
                note="a kickoff that writes none, and the writes: cpu",
            )
        )
    return results


def persistence() -> List[Result]:
    """A flow of ten methods with @persist, and a save alone: durability like with like."""
    results = []
    for name, found in _child("persistence").items():
        bar = at_least(5) if name.startswith("flow") else None
        results.append(Result(name, bar=bar, **found))
    return results


def imports(pairs: int = 7) -> List[Result]:
    """`import crewai` in fresh processes, alone and after us, in turn."""
    found: Dict[str, List[Dict[str, float]]] = {"original": [], "ours": []}
    for _ in range(pairs + 1):
        for side, answers in found.items():
            answers.append(
                child("crewai", "crewai_children.py", "import", side, FAST_JVM="auto", **QUIET)
            )
    return [
        Result(
            "import crewai, alone and after fast_crewai: %s" % clock,
            bar=at_least(0.97),
            # the first fills the caches of the disk
            **{side: min(each[clock] for each in answers[1:]) for side, answers in found.items()},
        )
        for clock in ("wall", "cpu")
    ]


ROWS = [
    Row("crewai-import", imports),
    Row("crewai-checkpoints", checkpoints),
    Row("crewai-checkpointed", kickoffs),
    Row("crewai-persistence", persistence),
]
