"""Crews whose model answers at once, by a script; what they emit, made comparable."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from crewai import Agent, Crew, Task
from crewai.events.base_events import BaseEvent
from crewai.events.event_bus import CrewAIEventsBus, crewai_event_bus
from crewai.llms.base_llm import BaseLLM
from crewai.tools import BaseTool
from pydantic import BaseModel, Field


class Query(BaseModel):
    """What to look for."""

    query: str = Field(description="The words to look for.")
    limit: int = Field(default=5, description="How many results.")


class Search(BaseTool):
    name: str = "Search Documents"
    description: str = "Searches the documents of the company for some words."
    args_schema: type[BaseModel] = Query

    def _run(self, query: str, limit: int = 5) -> str:
        return f"{limit} results for {query}: alpha, beta, gamma"


class Sum(BaseModel):
    numbers: list[float] = Field(description="Numbers to add.")
    unit: str | None = Field(default=None, description="Their unit.")


class Adder(BaseTool):
    name: str = "Adder"
    description: str = "Adds numbers."
    args_schema: type[BaseModel] = Sum

    def _run(self, numbers: list[float], unit: str | None = None) -> str:
        return f"{sum(numbers)} {unit or ''}"


class Failing(BaseTool):
    name: str = "Failing Tool"
    description: str = "Fails."

    def _run(self, word: str = "") -> str:
        raise ValueError(f"no {word}")


class Final(BaseTool):
    name: str = "Final Tool"
    description: str = "Its result is the answer."
    result_as_answer: bool = True

    def _run(self, word: str = "") -> str:
        return f"the answer is {word}"


class Scripted(BaseLLM):
    """Answers with a step for each message of its own that it sees, then with the answer."""

    native: bool = False
    steps: list[Any] = Field(default_factory=list)
    answer: str = "all done"
    wait: float = 0.0

    def supports_function_calling(self) -> bool:
        return self.native

    def _next(self, messages: Any, tools: Any) -> Any:
        mine = "tool" if self.native else "assistant"
        seen = len([each for each in messages if each.get("role") == mine])
        if seen >= len(self.steps):
            return self.answer if self.native else f"Thought: I know\nFinal Answer: {self.answer}"
        step = self.steps[seen]
        if isinstance(step, str):
            return step
        name, arguments = step
        given = json.dumps(arguments)
        if self.native:
            call = {"name": name, "arguments": given}
            return [{"id": f"call_{seen}", "type": "function", "function": call}]
        return f"Thought: step {seen}\nAction: {name}\nAction Input: {given}\n"

    def call(self, messages: Any, tools: Any = None, *given: Any, **named: Any) -> Any:
        if self.wait:
            time.sleep(self.wait)
        return self._next(messages, tools)

    async def acall(self, messages: Any, tools: Any = None, *given: Any, **named: Any) -> Any:
        if self.wait:
            await asyncio.sleep(self.wait)
        return self._next(messages, tools)


def searching(count: int) -> list[Any]:
    """Calls of both tools, in turn."""
    pairs: list[Any] = [
        (
            ("search_documents", {"query": f"words {i}", "limit": i}),
            ("adder", {"numbers": [i, 1.5]}),
        )
        for i in range(count)
    ]
    return [pair[i % 2] for i, pair in enumerate(pairs)]


def crew(
    native: bool = False,
    steps: list[Any] | None = None,
    agents: int = 3,
    tasks: int = 5,
    tools: Callable[[], list[Any]] = lambda: [Search(), Adder()],
    wait: float = 0.0,
    **more: Any,
) -> Crew:
    """Three agents, five tasks, fifty calls of tools, if nothing else is said."""
    found = searching(10) if steps is None else steps
    task_more = more.pop("task", {})
    made = [
        Agent(
            role=f"Worker {number}",
            goal="work",
            backstory="A worker.",
            llm=Scripted(model="scripted", native=native, steps=found, wait=wait),
            tools=tools(),
            max_iter=more.pop("max_iter", 40),
        )
        for number in range(agents)
    ]
    work = [
        Task(
            description=f"Do part {number} of the work for {{who}}",
            expected_output="a text",
            agent=made[number % agents],
            **task_more,
        )
        for number in range(tasks)
    ]
    return Crew(agents=made, tasks=work, **more)


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.\d]*(\+00:00|Z)?|datetime\.datetime\([^)]*\)+| at 0x[0-9a-f]+"
)


def comparable(value: Any) -> str:
    """Its text, with ids numbered as they come, without times and addresses."""
    seen: dict[str, str] = {}
    return _ID.sub(
        lambda found: seen.setdefault(found[0], f"id {len(seen)}"), _TIME.sub("TIME", repr(value))
    )


_PLACE = (
    *("event_id", "parent_event_id", "previous_event_id", "triggered_by_event_id"),
    *("started_event_id", "emission_sequence"),
)


def trees(events: list[Any], loose: tuple[str, ...] = ()) -> list[Any]:
    """What happens at once, comparable: each event above those of its scope, these in their order.

    Sorted are the outermost, and those in the scopes of the *loose* kinds of events.
    """
    below: dict[Any, list[Any]] = {}
    known = {dict(fields)["event_id"] for _, _, fields in events}
    for source, kind, fields in events:
        at = dict(fields)
        above = at["parent_event_id"] if at["parent_event_id"] in known else None
        kept = repr([each for each in fields if each[0] not in _PLACE])
        shown = _ID.sub("ID", _TIME.sub("TIME", kept))
        below.setdefault(above, []).append((source, kind, shown, at["event_id"]))
    count = 0

    def under(above: Any, kind: str) -> list[Any]:
        nonlocal count
        found = []
        for source, each, shown, key in below.get(above, []):
            count += 1
            found.append((source, each, shown, under(key, each)))
        return sorted(found, key=repr) if above is None or kind in loose else found

    made = under(None, "")
    assert count == len(events)
    return made


@contextlib.contextmanager
def recorded() -> Iterator[list[Any]]:
    """All that is emitted, in order, by threads' first emission."""
    events: list[Any] = []
    emit, prepare = CrewAIEventsBus.emit, CrewAIEventsBus._prepare_event
    lock = threading.Lock()

    def record(self: Any, source: Any, event: BaseEvent) -> Any:
        prepare(self, source, event)
        with lock:
            events.append((type(source).__name__, type(event).__name__, shown(event)))

    CrewAIEventsBus._prepare_event = record  # type: ignore[method-assign]
    try:
        yield events
        crewai_event_bus.flush()
    finally:
        CrewAIEventsBus._prepare_event = prepare  # type: ignore[method-assign]
    assert CrewAIEventsBus.emit is emit


def shown(event: BaseEvent) -> list[Any]:
    """An event's fields as they are when it is emitted; of models their names."""
    found = []
    for name, value in sorted(event.__dict__.items()):
        if name in ("timestamp", "started_at", "finished_at"):
            continue
        found.append((name, brief(value)))
    return found


def brief(value: Any) -> Any:
    """Models by name, all else as it is."""
    if isinstance(value, BaseModel) and not isinstance(value, BaseEvent):
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        return {key: brief(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [brief(each) for each in value]
    return repr(value)
