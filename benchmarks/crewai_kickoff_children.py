"""What `crewai_kickoffs` times, in crewai's environment: original and ours in turn, one JSON object.

    python crewai_kickoff_children.py kickoffs|crews|flows|copies|states

crewai is imported before us, so the originals are put back exactly where theirs is the turn. Results are compared before
anything is timed.
"""

from __future__ import annotations

import copy
import json
import logging
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "crewai" / "cases"))

from crewai.flow.flow import Flow, listen, start
from crewai.flow.persistence import persist
from crewai.flow.persistence.sqlite import SQLiteFlowPersistence
from pydantic import BaseModel
from scripted import crew, searching

import fast_crewai  # noqa: F401
import fast_jvm
from fast_crewai._flows import Models
from fast_crewai._shapes import Shaped
from fast_jvm import _json, _registry

logging.disable(logging.CRITICAL)
WHO = {"who": "them"}


def switch(ours: bool) -> None:
    """Put the replacements in place, or the very originals."""
    for entry in _registry.entries():
        if entry.owner is None:
            continue
        if ours:
            setattr(entry.owner, entry.attribute, entry.placed)
        elif entry.raw is _registry.ABSENT:
            if entry.attribute in vars(entry.owner):
                delattr(entry.owner, entry.attribute)
        else:
            setattr(entry.owner, entry.attribute, entry.raw)
        for module in entry.copies:
            setattr(module, entry.attribute, entry.placed if ours else entry.original)


def measured(
    make: Callable[[], Any],
    work: Callable[[Any], Any],
    rounds: int,
    shown: Callable[[Any], Any] = lambda found: found,
) -> Dict[str, Any]:
    """Least wall and CPU time of the work, both sides in turn; what is made for it is not timed."""
    results: Dict[bool, Any] = {}
    times: Dict[bool, List[Any]] = {True: [], False: []}
    for number in range(rounds + 1):
        for ours in (True, False) if number % 2 else (False, True):
            switch(ours)
            made = make()
            wall, cpu = time.perf_counter(), time.process_time()
            found = work(made)
            took = time.perf_counter() - wall, time.process_time() - cpu
            if number:
                times[ours].append(took)
            else:  # the first round warms
                results[ours] = shown(found)
    best = {ours: [min(column) for column in zip(*each)] for ours, each in times.items()}
    return {
        "equal": results[True] == results[False],
        "wall": {"original": best[False][0], "ours": best[True][0]},
        "cpu": {"original": best[False][1], "ours": best[True][1]},
    }


def text(output: Any) -> Any:
    """What a crew's output says."""
    return output.raw, [each.raw for each in output.tasks_output]


def kickoffs() -> Dict[str, Any]:
    """3 agents, 5 tasks, 50 tool calls, a model that answers at once."""
    return {
        name: measured(
            lambda native=native: crew(native),  # type: ignore[misc]
            lambda made: text(made.kickoff(inputs=WHO)),
            9,
        )
        for name, native in (("react", False), ("native", True))
    }


def crews() -> Dict[str, Any]:
    """50 crews at once, the model answers in 200 ms: 3 agents, 3 tasks, 9 tool calls each."""

    def work(made: Any) -> Any:
        with ThreadPoolExecutor(50) as pool:
            return [text(each) for each in pool.map(lambda one: one.kickoff(inputs=WHO), made)]

    return {
        name: measured(
            lambda native=native: [  # type: ignore[misc]
                crew(native, searching(3), tasks=3, wait=0.2) for _ in range(50)
            ],
            work,
            3,
        )
        for name, native in (("react", False), ("native", True))
    }


def item(number: int) -> Dict[str, Any]:
    """Some 150 bytes of JSON."""
    source = random.Random(number)
    return {
        "id": number, "name": f"name {number}", "tags": ["a", "b", str(number)],
        "score": source.random(), "meta": {"ok": True, "none": None, "n": [1, 2, 3]},
        "text": "x" * source.randrange(60),
    }  # fmt: skip


def sized(items: int) -> Dict[str, Any]:
    """A state's fields: 830 items are 250 KB, 33 are 10 KB."""
    return {
        "items": [item(number) for number in range(items)],
        "history": {str(number): item(number) for number in range(items // 2)},
    }


class Item(BaseModel):
    id: int
    name: str
    tags: List[str]
    score: float
    meta: Dict[str, Any]
    text: str


class Structured(BaseModel):
    id: str = "x"
    items: List[Any] = []
    history: Dict[str, Any] = {}


class OfModels(BaseModel):
    id: str = "x"
    items: List[Item] = []
    history: Dict[str, Item] = {}


def flow(state: Any, store: Any = None) -> Any:
    """A class of ten methods, one after the other."""

    def step(self: Any) -> int:
        return 0

    methods: Dict[str, Any] = {}
    for number in range(10):
        made = type(step)(step.__code__, globals(), f"m{number}")
        methods[f"m{number}"] = (listen(f"m{number - 1}") if number else start())(made)
    base: Any = Flow[type(state)] if isinstance(state, BaseModel) else Flow[dict]
    kind = type("Ten", (base,), {"__module__": __name__, **methods})
    return persist(store)(kind) if store is not None else kind


def flows() -> Dict[str, Any]:
    """Ten methods, events on."""
    found: Dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteFlowPersistence(str(Path(folder) / "flows.db"))
        for name, state, kept in (
            ("dict, 250 KB", sized(830), None),
            ("structured, 250 KB", Structured(**sized(830)), None),
            ("structured of models, 250 KB", OfModels(**sized(830)), None),
            ("structured, 250 KB, SQLite persistence", Structured(**sized(830)), store),
            ("dict, 10 KB", sized(33), None),
            ("structured, 10 KB", Structured(**sized(33)), None),
            ("tiny", {"a": 1}, None),
        ):
            kind = flow(state, kept)

            def make(kind: Any = kind, state: Any = state) -> Any:
                made = kind(suppress_flow_events=False)
                made._state = copy.deepcopy(state)
                if isinstance(state, dict):
                    made._state["id"] = "x"
                return made

            def work(made: Any) -> Any:
                made.kickoff()
                return made

            def shown(made: Any) -> Any:
                return made.method_outputs, json.dumps(made._copy_and_serialize_state())

            found[name] = measured(make, work, 9 if "250" in name else 25, shown)
    return found


def copies() -> Dict[str, Any]:
    """fast_jvm.deepcopy beside copy.deepcopy."""
    found = {}
    for name, value in (("10 KB", sized(33)), ("250 KB", sized(830))):
        number = 3 if len(value["items"]) > 100 else 60
        found[name] = beside(copy.deepcopy, fast_jvm.deepcopy, value, number)
    return found


def beside(
    original: Callable[[Any], Any], ours: Callable[[Any], Any], value: Any, number: int
) -> Dict[str, Any]:
    """CPU time of two functions of a value, called so often in turn."""

    def many(function: Callable[[Any], Any]) -> float:
        started = time.process_time()
        for _ in range(number):
            function(value)
        return (time.process_time() - started) / number

    equal = repr(ours(value)) == repr(original(value))
    rounds = [(many(original), many(ours)) for _ in range(12)]
    return {"equal": equal, "cpu": dict(zip(("original", "ours"), map(min, zip(*rounds))))}


def states() -> Dict[str, Any]:
    """The text and the dump of a flow's state, beside pydantic and json."""
    text, dump = Shaped(Models()), Shaped(Models(), _json.dump)
    found = {}
    for name, state in (
        ("structured, 250 KB", Structured(**sized(830))),
        ("structured of models, 250 KB", OfModels(**sized(830))),
        ("structured, 10 KB", Structured(**sized(33))),
        ("structured, tiny", Structured()),
    ):
        number = 3 if "250" in name else 60
        found[name + ": text"] = beside(
            lambda one: json.dumps(one.model_dump(mode="json")), text, state, number
        )
        found[name + ": dump of a copy"] = beside(
            lambda one: one.model_copy(deep=True).model_dump(mode="json"), dump, state, number
        )
    numbers = list(map(item(5)["score"].__mul__, range(1000)))
    for name, value in (
        ("dict, 250 KB", sized(830)), ("dict, 10 KB", sized(33)), ("dict, tiny", {"a": 1}), ("1,000 floats", {"a": numbers}), ("1,000 ints", {"a": list(range(1000))}),
        ("escapes", {"a": ["ab\n\"cd\"\t"] * 1000}), ("beyond ASCII", {"a": ["žluťoučký kůň " * 9] * 100}),
    ):  # fmt: skip
        found[name + ": text"] = beside(json.dumps, text, value, 3 if "250" in name else 60)
    return found


if __name__ == "__main__":
    assert fast_jvm.wait_ready(120), fast_jvm.status()
    what: Any = {
        "kickoffs": kickoffs,
        "crews": crews,
        "flows": flows,
        "copies": copies,
        "states": states,
    }
    answer = what[sys.argv[1]]()
    served = {
        entry.patch.name: [entry.state, entry.replacement.served]
        for entry in _registry.entries()
        if entry.replacement is not None
    }
    print(json.dumps({"rows": answer, "served": served}))
