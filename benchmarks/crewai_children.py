"""What the rows of fast-crewai run in crewai's own environment; one JSON line each."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

ROUNDS = 5


@contextmanager
def originals() -> Iterator[None]:
    """The originals in the places of our patches."""
    from fast_jvm import _registry

    found = [entry for entry in _registry.entries() if entry.placed is not None]
    for entry in found:
        raw = entry.original if entry.raw is _registry.ABSENT else entry.raw
        setattr(entry.owner, entry.attribute, raw)
        for module in entry.copies:
            setattr(module, entry.attribute, entry.original)
    try:
        yield
    finally:
        for entry in found:
            for owner in (entry.owner, *entry.copies):
                setattr(owner, entry.attribute, entry.placed)


def ready() -> None:
    """All patches live, telemetry and logs quiet."""
    logging.disable(logging.CRITICAL)
    import crewai  # noqa: F401

    import fast_crewai  # noqa: F401
    import fast_jvm

    if not fast_jvm.wait_ready(60):
        raise RuntimeError(str(fast_jvm.status()))


def took(call: Callable[[], Any]) -> Tuple[float, float]:
    """Wall and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def crew(agents: int, tasks: int, calls: int, checkpoint: Any = None) -> Any:
    """A crew with two tools an agent, whose model answers at once and calls tools so often a task."""
    from crewai import Agent, Crew, Task
    from crewai.llms.base_llm import BaseLLM
    from crewai.tools import BaseTool
    from pydantic import BaseModel, Field

    global Query, Search, Sums, Adder, Scripted
    if "Scripted" not in globals():

        class Query(BaseModel):
            """What to look for."""

            query: str = Field(description="The words to look for.")
            limit: int = Field(default=5, description="How many results.")

        class Search(BaseTool):
            name: str = "Search Documents"
            description: str = "Searches the documents of the company for some words."
            args_schema: type[BaseModel] = Query

            def _run(self, query: str, limit: int = 5) -> str:
                return "%d results for %s: alpha, beta, gamma" % (limit, query)

        class Sums(BaseModel):
            numbers: List[float] = Field(description="Numbers to add.")
            unit: Optional[str] = Field(default=None, description="Their unit.")

        class Adder(BaseTool):
            name: str = "Adder"
            description: str = "Adds numbers."
            args_schema: type[BaseModel] = Sums

            def _run(self, numbers: List[float], unit: Optional[str] = None) -> str:
                return "%s %s" % (sum(numbers), unit or "")

        class Scripted(BaseLLM):
            calls: int = 10

            def supports_function_calling(self) -> bool:
                return False

            def call(self, messages: Any, *arguments: Any, **named: Any) -> str:
                n = len([each for each in messages if each.get("role") == "assistant"])
                if n >= self.calls:
                    return "Thought: I now know the final answer\nFinal Answer: all done"
                given: Dict[str, Any] = {"query": "words %d" % n, "limit": n}
                name = "search_documents"
                if n % 2:
                    name, given = "adder", {"numbers": [n, 1.5], "unit": "kg"}
                return "Thought: step %d\nAction: %s\nAction Input: %s\n" % (
                    n,
                    name,
                    json.dumps(given),
                )

    workers = [
        Agent(
            role="Worker %d" % n,
            goal="work",
            backstory="A worker.",
            llm=Scripted(model="scripted", calls=calls),
            tools=[Search(), Adder()],
            max_iter=100,
            cache=False,
        )
        for n in range(agents)
    ]
    work = [
        Task(
            description="Do part %d of the work" % n,
            expected_output="a text",
            agent=workers[n % agents],
        )
        for n in range(tasks)
    ]
    return Crew(agents=workers, tasks=work, cache=False, checkpoint=checkpoint)


def _state(made: Any) -> Tuple[Any, Any]:
    """The RuntimeState of a kickoff, and one of its events."""
    from crewai.events import crewai_event_bus
    from crewai.events.types.crew_events import CrewKickoffCompletedEvent

    found: List[Any] = []

    def grab(source: Any, event: Any, state: Any) -> None:
        found.append((state, event))

    crewai_event_bus.on(CrewKickoffCompletedEvent)(grab)
    made.kickoff()
    crewai_event_bus.flush(None)
    crewai_event_bus.off(CrewKickoffCompletedEvent, grab)
    return found[0]  # type: ignore[no-any-return]


def checkpoints() -> Dict[str, Any]:
    """_do_checkpoint of a crew of 10 agents and 20 tasks that has ended: the first, and again; and what none can do without."""
    ready()
    from crewai.events import crewai_event_bus
    from crewai.state import checkpoint_listener as listener
    from crewai.state.checkpoint_config import CheckpointConfig
    from crewai.state.provider.json_provider import JsonProvider

    from fast_crewai import _checkpoints

    state, event = _state(crew(10, 20, 17))
    provider = JsonProvider()
    texts: List[str] = []
    found: Dict[str, Any] = {"events": len(state.event_record)}

    with tempfile.TemporaryDirectory(prefix="checkpoints-") as folder:

        class Remembering(JsonProvider):
            def checkpoint(self, data: str, *arguments: Any, **named: Any) -> str:
                texts[:] = [data]
                location = provider.checkpoint(data, *arguments, **named)
                os.unlink(location)
                return location

        config = CheckpointConfig(location=folder)
        config.provider = Remembering()

        def quiet() -> None:
            """As it was before: a checkpoint's own events are recorded too."""
            crewai_event_bus.flush(None)
            for key in list(state.event_record.nodes)[found["events"] :]:
                del state.event_record.nodes[key]
            state._parent_id = None

        def once() -> None:
            listener._do_checkpoint(state, config, event)

        def of(prepare: Callable[[], None], rounds: int) -> Dict[str, Any]:
            ours: List[Tuple[float, float]] = []
            theirs: List[Tuple[float, float]] = []
            for _ in range(rounds):
                quiet()
                with originals():
                    theirs.append(took(once))
                quiet()
                prepare()
                ours.append(took(once))
            return {
                "original": min(cpu for _, cpu in theirs),
                "ours": min(cpu for _, cpu in ours),
            }

        before = listener._do_checkpoint.served
        found["first"] = of(_checkpoints._texts.forget, 3)
        found["again"] = of(lambda: None, ROUNDS)
        quiet()
        found["served"] = listener._do_checkpoint.served - before == 3 + ROUNDS
        # each checkpoint takes the time and the number of events with it: what is compared is one moment's
        known = _checkpoints._texts.states
        found["equal"] = known.text(state, known.json) == json.dumps(
            state.model_dump(mode="json")
        ) and state.model_dump_json() == type(state).model_dump_json.__wrapped__(state)

        def root() -> None:
            json.dumps([entity.model_dump(mode="json") for entity in state.root])

        text = texts[0]
        found["megabytes"] = len(text) / 1e6
        parts = [text[at : at + 10_000] for at in range(0, len(text), 10_000)]
        floor = [
            min(took(call)[1] for _ in range(7))
            for call in (
                root,
                lambda: "".join(parts),
                lambda: os.unlink(provider.checkpoint(text, folder)),
            )
        ]
        found["floor"] = floor
        restore = CheckpointConfig(restore_from=provider.checkpoint(text, folder))
        crew_kind = next(type(each) for each in state.root if each.entity_type == "crew")
        loads: Dict[str, List[float]] = {"original": [], "ours": []}
        for number in range(6):
            for side in list(loads)[:: 1 if number % 2 else -1]:
                gc.collect()  # each load leaves a thousand classes: whoever comes later would collect them
                with originals() if side == "original" else contextlib.nullcontext():
                    loads[side].append(took(lambda: crew_kind.from_checkpoint(restore))[1])
        found["load"] = {name: min(times) for name, times in loads.items()}
    return found


def _kickoff(agents: int, tasks: int, calls: int, events: List[str], rounds: int) -> Dict[str, Any]:
    from crewai.events import crewai_event_bus
    from crewai.state.checkpoint_config import CheckpointConfig

    ours: List[Tuple[float, float]] = []
    theirs: List[Tuple[float, float]] = []
    floors: List[Tuple[float, float]] = []
    counts: Dict[str, List[int]] = {"original": [], "ours": []}
    equal = True

    def run(made: Any) -> Callable[[], None]:
        def call() -> None:
            made.kickoff()
            crewai_event_bus.flush(None)

        return call

    for _ in range(rounds):
        for name, times in (("original", theirs), ("ours", ours)):
            with tempfile.TemporaryDirectory(prefix="checkpoints-") as folder:
                made = crew(
                    agents, tasks, calls, CheckpointConfig(location=folder, on_events=events)
                )
                if name == "original":
                    with originals():
                        times.append(took(run(made)))
                else:
                    times.append(took(run(made)))
                files = list(Path(folder).rglob("*.json"))
                counts[name].append(len(files))
                if name == "ours":
                    contents = [file.read_text(encoding="utf-8") for file in files]
                    equal = equal and all(map(json.loads, contents))

                    def write(files: Any = files, contents: Any = contents) -> None:
                        for file, text in zip(files, contents):
                            file.unlink()
                            with open(file, "w", encoding="utf-8") as opened:
                                opened.write(text)

                    kickoff, writes = took(run(crew(agents, tasks, calls))), took(write)
                    floors.append((kickoff[0] + writes[0], kickoff[1] + writes[1]))
    return {
        "original": min(cpu for _, cpu in theirs),
        "ours": min(cpu for _, cpu in ours),
        "original wall": min(wall for wall, _ in theirs),
        "ours wall": min(wall for wall, _ in ours),
        "floor": min(cpu for _, cpu in floors),
        "floor wall": min(wall for wall, _ in floors),
        "files": counts,
        "equal": equal and len(set(counts["ours"])) == 1,
    }


def kickoffs() -> Dict[str, Any]:
    """Kickoffs that write checkpoints, files counted; the floor: a kickoff without, and writing the same files."""
    ready()
    return {
        "task_completed": _kickoff(10, 20, 10, ["task_completed"], 2),
        "*": _kickoff(3, 5, 10, ["*"], 2),
    }


def imported(side: str) -> Dict[str, Any]:
    """The import of crewai, alone or after us."""
    logging.disable(logging.CRITICAL)

    def brought() -> None:
        if side == "ours":
            import fast_crewai  # noqa: F401
        import crewai  # noqa: F401

    wall, cpu = took(brought)
    return {"wall": wall, "cpu": cpu}


def _kicked(kind: Any) -> Callable[[], Any]:
    return lambda: kind(suppress_flow_events=True).kickoff()


def _save(saver: Any) -> Callable[[], Any]:
    return lambda: saver.save_state("a", "m", {"id": "a"})


def persistence() -> Dict[str, Any]:
    """Wall time of a flow whose ten methods are persisted, and of one save; SQLite as it is, and with synchronous=OFF.

    The original is crewai without us; one row is the flow without @persist: no saver makes it faster than that.
    """
    ready()
    import sqlite3

    from crewai.flow.flow import Flow, listen, start
    from crewai.flow.persistence import SQLiteFlowPersistence, persist, sqlite

    from fast_crewai import ChroniclePersistence

    class Unsynced:
        """sqlite3 for crewai's module: what survives is the process's end."""

        @staticmethod
        def connect(*arguments: Any, **named: Any) -> Any:
            connection = sqlite3.connect(*arguments, **named)
            connection.execute("PRAGMA synchronous=OFF")
            return connection

        def __getattr__(self, name: str) -> Any:
            return getattr(sqlite3, name)

    def flow(saver: Any) -> Any:
        def step(self: Any) -> int:
            self.state["n"] = self.state.get("n", 0) + 1
            return 0

        def method(name: str) -> Any:
            made = type(step)(step.__code__, globals(), name)
            made.__qualname__ = name
            return made

        names: Dict[str, Any] = {"__module__": __name__, "m0": start()(method("m0"))}
        for n in range(1, 10):
            names["m%d" % n] = listen("m%d" % (n - 1))(method("m%d" % n))
        kind = type("Ten", (Flow[dict],), names)
        return persist(saver)(kind) if saver is not None else kind

    found: Dict[str, Any] = {}
    alone: Dict[str, List[float]] = {"original": [], "ours": []}
    call = _kicked(flow(None))
    for _ in range(4 * ROUNDS):
        with originals():
            alone["original"].append(took(call)[0])
        alone["ours"].append(took(call)[0])
    found["no @persist, the same flow: wall"] = {
        name: min(each[1:]) for name, each in alone.items()
    }
    with tempfile.TemporaryDirectory(prefix="states-") as folder:
        for durability, module in (("process", Unsynced()), ("disk", sqlite3)):
            savers = {
                "original": SQLiteFlowPersistence(os.path.join(folder, durability + ".db")),
                "ours": ChroniclePersistence(
                    os.path.join(folder, durability), durability=durability
                ),
            }
            sqlite.sqlite3 = module
            for saver in savers.values():
                for _ in range(2000 if durability == "process" else 0):  # Java compiles
                    saver.save_state("warm", "m", {"id": "warm"})
            for text, calls in (
                (
                    "flow, 10 methods, @persist, tiny state, %s: wall",
                    {name: _kicked(flow(saver)) for name, saver in savers.items()},
                ),
                (
                    "a save of a tiny state, %s: wall",
                    {name: _save(saver) for name, saver in savers.items()},
                ),
            ):
                times: Dict[str, List[float]] = {name: [] for name in calls}
                for _ in range(4 * ROUNDS):
                    with originals():
                        times["original"].append(took(calls["original"])[0])
                    times["ours"].append(took(calls["ours"])[0])
                found[text % durability] = {name: min(each[1:]) for name, each in times.items()}
            sqlite.sqlite3 = sqlite3
            equal = [saver.load_state("a") for saver in savers.values()]
            assert equal[0] == equal[1] == {"id": "a"}
    return found


if __name__ == "__main__":
    what: Dict[str, Callable[..., Any]] = {
        "checkpoints": checkpoints,
        "kickoffs": kickoffs,
        "persistence": persistence,
        "import": imported,
    }
    print(json.dumps(what[sys.argv[1]](*sys.argv[2:])))
