"""With FAST_JVM=off: crewai is as it was, and what has no original says so. Prints "originals" where all held."""

from __future__ import annotations

import copy
import json
import tempfile

import fast_crewai
import fast_jvm
from fast_jvm import _registry

import crewai  # isort: skip
from crewai.events import crewai_event_bus  # isort: skip
from crewai.flow.flow import Flow, listen, start  # isort: skip
from crewai.flow.persistence import SQLiteFlowPersistence, persist  # isort: skip
from crewai.state.checkpoint_config import CheckpointConfig  # isort: skip
from pathlib import Path  # isort: skip
from scripted import crew, searching  # isort: skip

assert crewai.Crew
for entry in _registry.entries():
    assert entry.state != "live" and entry.placed is None, entry
value = {"a": [1, {"b": None}]}
copied = fast_jvm.deepcopy(value)
assert copied == copy.deepcopy(value) and copied["a"] is not value["a"]

with tempfile.TemporaryDirectory() as folder:
    made = crew(
        steps=searching(2), tasks=2, checkpoint=CheckpointConfig(location=folder, on_events=["crew_kickoff_completed"])
    )  # fmt: skip
    assert made.kickoff(inputs={"who": "them"}).raw == "all done"
    crewai_event_bus.flush()
    (file,) = Path(folder).rglob("*.json")
    assert json.loads(file.read_text())["entities"]

    store = SQLiteFlowPersistence(f"{folder}/flows.db")

    @persist(store)
    class Two(Flow[dict]):  # type: ignore[type-arg]
        @start()
        def one(self) -> str:
            self.state["n"] = 1
            return "one"

        @listen(one)
        def two(self) -> str:
            return "two"

    flow = Two(suppress_flow_events=True)
    assert flow.kickoff() == "two"
    assert store.load_state(flow.state["id"]) == {"n": 1, "id": flow.state["id"]}
    for make in (
        lambda: fast_crewai.ChroniclePersistence(f"{folder}/c"),
        lambda: fast_crewai.ToolCache(1 << 20),
    ):
        try:
            make()
        except fast_jvm.FastJvmUnavailable as error:
            assert "off" in str(error), error
        else:
            raise AssertionError("there is no Java")
print("originals")
