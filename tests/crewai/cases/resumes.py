"""A crew and a flow that are saved half-way, and ended by another process: `resumes.py ours|theirs save|end FOLDER...`.

``save`` writes checkpoints in the midst of the work, configured ones and by `checkpoint()`; ``end`` prints what comes of each.
"""

from __future__ import annotations

import contextvars
import json
import re
import sqlite3
import sys
from pathlib import Path
from typing import Any

from crewai import Crew
from crewai.events import crewai_event_bus
from crewai.events.types.task_events import TaskStartedEvent
from crewai.flow.flow import Flow, and_, listen, router, start
from crewai.state import checkpoint_listener
from crewai.state.checkpoint_config import CheckpointConfig
from crewai.state.provider import sqlite_provider
from crewai.state.provider.json_provider import JsonProvider
from crewai.state.provider.sqlite_provider import SqliteProvider
from crewai.tools import BaseTool
from pydantic import BaseModel
from scripted import Adder, Scripted, Search, comparable, crew, recorded

PLACES: list[Path] = []


class Sqlite:
    """SQLite below 3.45 has no jsonb(): text will do."""

    @staticmethod
    def connect(*given: Any, **named: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*given, **named)
        connection.create_function("jsonb", 1, lambda text: text)
        return connection


if sqlite3.sqlite_version_info < (3, 45):
    sqlite_provider.sqlite3 = Sqlite  # type: ignore[attr-defined]


def save() -> None:
    """What a crew or flow would have written by now, where it is due: in this thread, so that nothing goes on meanwhile."""
    if not PLACES:
        return
    folder = PLACES.pop()
    state = crewai_event_bus.runtime_state
    assert state is not None
    state.checkpoint(str(folder / "asked"))
    for provider, name in ((JsonProvider(), "configured"), (SqliteProvider(), "configured.db")):
        config = CheckpointConfig(location=str(folder / name), provider=provider)
        checkpoint_listener._do_checkpoint(state, config, TaskStartedEvent(context="", task=None))


class Saver(BaseTool):
    name: str = "Saver"
    description: str = "Saves all."

    def _run(self, word: str = "") -> str:
        save()
        return f"saved {word}"


STEPS = [("adder", {"numbers": [1]}), ("saver", {"word": "ü"}), ("search_documents", {"query": "q"})]  # fmt: skip


def worked() -> Crew:
    return crew(False, STEPS, 2, 4, lambda: [Search(), Adder(), Saver()])


def answering(found: Any) -> Any:
    """A checkpoint has no word for a model of one's own: crewai makes one of its providers'."""
    if isinstance(found, Crew):
        for agent in [*found.agents, *(task.agent for task in found.tasks)]:
            for each in (agent, getattr(agent, "agent_executor", None)):
                if each is not None:
                    each.llm = Scripted(model="scripted", steps=STEPS)
    return found


class State(BaseModel):
    count: int = 0
    words: list[str] = []
    more: dict[str, Any] = {}


class Way(Flow[State]):
    @start()
    def begin(self) -> str:
        self.state.more["begun"] = [1, {"ü": None}]
        return "begun"

    @listen(begin)
    def left(self, given: str) -> str:
        self.state.words.append(given)
        return "left"

    @listen(left)
    def halt(self) -> str:
        self.state.count += 1
        save()
        return "halted"

    @router(and_(left, halt))
    def turn(self) -> str:
        return "on"

    @listen("on")
    def end(self) -> Any:
        return self.state.count, self.state.words, self.state.more, len(self.method_outputs)


KINDS: dict[str, Any] = {
    "crew": (Crew, worked, {"inputs": {"who": "them"}}),
    "flow": (Way, Way, {}),
}


def text(found: Any) -> Any:
    return (
        [found.raw, [each.raw for each in found.tasks_output]] if hasattr(found, "raw") else found
    )


def save_both(folder: Path) -> None:
    for kind, (_, make, given) in KINDS.items():
        PLACES.append(folder / kind)
        print("DONE", kind, comparable(text(make().kickoff(**given))))
        assert not PLACES and crewai_event_bus.flush(60)


def end_all(folder: Path) -> None:
    for kind, (owner, _, given) in KINDS.items():
        database = folder / kind / "configured.db"
        rows = sqlite3.connect(database).execute("SELECT id FROM checkpoints").fetchall()
        files = sorted(map(str, (folder / kind).rglob("*.json")))
        for place in (*files, *(f"{database}#{row[0]}" for row in rows)):
            print("DONE", kind, contextvars.copy_context().run(resumed, owner, given, place))


def resumed(owner: Any, given: Any, place: str) -> str:
    with recorded() as events:
        found = owner.from_checkpoint(CheckpointConfig(restore_from=place))
        done = answering(found).kickoff(**given)
        assert crewai_event_bus.flush(60)
    shown = comparable((text(done), events)).replace(place, "PLACE")
    return re.sub(r"\d{8}T\d{6}_[0-9a-f]{8}|('duration_ms', )'[^']+'", r"\1", shown)


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        import fast_crewai  # noqa: F401
        import fast_jvm

        assert fast_jvm.wait_ready(60), fast_jvm.status()
    for each in sys.argv[3:]:
        {"save": save_both, "end": end_all}[sys.argv[2]](Path(each))
        print("END")
    if sys.argv[1] == "ours":
        rows = fast_jvm.status().patches
        print("COUNTS", json.dumps({row.name.removeprefix("crewai."): row.calls for row in rows}))
