"""Checkpoints: texts of every type of event, mutated ones too; kickoffs, files and databases, resumed; the original beside ours."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import datetime
import enum
import json
import sqlite3
import threading
import typing
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import crewai.events.event_types
import pytest
from calls import declined, outcome, served
from crewai import Crew, RuntimeState
from crewai.agents.agent_builder.base_agent import BaseAgent
from crewai.events import crewai_event_bus
from crewai.events.base_events import BaseEvent
from crewai.events.types.agent_events import AgentExecutionStartedEvent
from crewai.events.types.crew_events import CrewKickoffCompletedEvent
from crewai.events.types.task_events import TaskCompletedEvent
from crewai.events.types.tool_usage_events import ToolUsageFinishedEvent, ToolUsageStartedEvent
from crewai.state import checkpoint_listener, runtime
from crewai.state.checkpoint_config import CheckpointConfig
from crewai.state.provider import json_provider, sqlite_provider
from crewai.state.provider.json_provider import JsonProvider
from crewai.state.provider.sqlite_provider import SqliteProvider
from crewai.tasks.task_output import TaskOutput
from crews import Query, Scripted, Search, crew
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    computed_field,
    field_serializer,
    model_serializer,
)

from fast_crewai import _checkpoints, _fragments, _watch

DUMP = RuntimeState.model_dump_json
CHECKPOINT = checkpoint_listener._do_checkpoint

del crewai  # its events are loaded


def texts(state: Any) -> tuple[str, str]:
    """Our two texts."""
    known = _checkpoints._texts.states
    return served(DUMP, state), known.text(state, known.json, "an event")


def originals(state: Any) -> tuple[str, str]:
    payload = state.model_dump(mode="json")
    payload["trigger"] = "an event"
    return DUMP.__wrapped__(state), json.dumps(payload)


def equal(state: Any) -> None:
    """What was kept, and what is made now, is what the original makes."""
    ours, theirs = texts(state), originals(state)
    assert ours == theirs
    assert texts(state) == theirs


@dataclasses.dataclass
class Point:
    x: Any = 1
    y: Any = dataclasses.field(default_factory=lambda: ["y"])


class Colour(enum.Enum):
    RED = "red"


class Holder(BaseModel):
    model_config = ConfigDict(extra="allow")
    words: list[str] = ["a"]
    any: Any = None
    when: datetime.datetime = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


class Computed(BaseModel):
    parts: list[int] = [1]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> int:
        return sum(self.parts)


class Odd(BaseModel):
    value: Any = 1

    @model_serializer
    def dumped(self) -> Any:
        return {"odd": self.value}


class PlainEvent(BaseEvent):
    type: str = "case_plain"
    value: Any = None
    more: dict[str, Any] = Field(default_factory=dict)
    hidden: Any = Field(default=None, exclude=True)
    parts: list[Holder] = Field(default_factory=list)


class SerializedEvent(BaseEvent):
    type: str = "case_serialized"
    value: Any = None
    count: int = 0

    @field_serializer("value")
    def _value(self, value: Any) -> Any:
        return f"{value!r} of {self.count}"


class ComputedEvent(BaseEvent):
    type: str = "case_computed"
    value: Any = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shown(self) -> str:
        return repr(self.value)


class OwnDumpEvent(BaseEvent):
    type: str = "case_own_dump"
    value: Any = None

    def model_dump(self, **more: Any) -> dict[str, Any]:
        return {**super().model_dump(**more), "own": datetime.date(2026, 1, 1), "set": {1}}


class ExtraEvent(BaseEvent):
    model_config = ConfigDict(extra="allow")
    type: str = "case_extra"


CREWS: list[Crew] = []


def shared() -> Crew:
    """Making one is slow."""
    if not CREWS:
        CREWS.append(crew(1, 1))
    return CREWS[0]


def value_for(annotation: Any, name: str) -> Any:
    """A value that a field may have."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return value_for(inner[0], name)
    if origin is typing.Literal:
        return inner[0]
    if origin is not None and type(None) in inner:
        return value_for(next(each for each in inner if each is not type(None)), name)
    if name in ("agent", "from_agent"):
        return shared().agents[0]
    if name in ("task", "from_task"):
        return shared().tasks[0]
    if annotation is Any:
        return {"k": [1, {"a": None, "ü": 1.5}], "e": ""}
    if origin is dict or annotation is dict:
        return {"k": [1, {"a": None}]}
    if origin in (list, tuple, typing.Sequence) or "Sequence" in str(origin):
        return [Search()] if name == "tools" else []
    if annotation is datetime.datetime:
        return datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
    if isinstance(annotation, type):
        if issubclass(annotation, bool):
            return True
        if issubclass(annotation, (int, float, str)) and not issubclass(annotation, enum.Enum):
            return annotation("7" if name != "type" else "x")
        if issubclass(annotation, enum.Enum):
            return next(iter(annotation))
        if issubclass(annotation, BaseAgent):
            return shared().agents[0]
        if issubclass(annotation, TaskOutput):
            return TaskOutput(
                description="d", agent="a", raw="raw", messages=[{"role": "user", "content": "c"}]
            )
        if issubclass(annotation, BaseException):
            return ValueError("some error")
        if issubclass(annotation, BaseModel):
            with contextlib.suppress(Exception):
                return annotation()
            return annotation.model_construct()
    if origin is not None and inner:
        return value_for(inner[0], name)
    return "text"


def events() -> Iterator[type[BaseEvent]]:
    seen, open_ = set(), [BaseEvent]
    while open_:
        for kind in open_.pop().__subclasses__():
            if kind not in seen:
                seen.add(kind)
                open_.append(kind)
                if kind.__module__.startswith("crewai"):
                    yield kind


def made(kind: type[BaseEvent]) -> BaseEvent:
    values = {}
    for name, field in kind.model_fields.items():
        if name in BaseEvent.model_fields and not field.is_required():
            continue
        if field.is_required() or field.default is None:
            values[name] = value_for(field.annotation, name)
    if values.get("type", "x") == "x":
        values["type"] = kind.model_fields["type"].default or kind.__name__
        if not isinstance(values["type"], str):
            values["type"] = kind.__name__
    for given_ in (
        values,
        {name: values[name] for name in values if kind.model_fields[name].is_required()},
    ):
        with contextlib.suppress(Exception):
            return kind(**given_)
    return kind.model_construct(**values)


KINDS = sorted(events(), key=lambda kind: kind.__qualname__)


def state_with(*recorded: BaseEvent) -> RuntimeState:
    state = RuntimeState(root=[])
    for event in recorded:
        state.event_record.add(event)
    return state


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event(kind: type[BaseEvent]) -> None:
    event = made(kind)
    other = made(kind)
    other.parent_event_id = event.event_id
    state = state_with(event, other)
    theirs = outcome(originals, state)
    if type(theirs) is tuple and isinstance(theirs[0], type):
        # json has no word for it
        assert outcome(DUMP, state) == outcome(DUMP.__wrapped__, state)
        return
    equal(state)
    for name, value in list(event.__dict__.items()):
        if name == "event_id":
            continue
        if isinstance(value, dict):
            value["added"] = [1]
        elif isinstance(value, list):
            value.append(value[0] if value else "added")
        elif isinstance(value, str):
            event.__dict__[name] = value + " more"
        elif type(value) is int:
            event.__dict__[name] = bool(value)
        elif dataclasses.is_dataclass(value):
            with contextlib.suppress(Exception):
                vars(value)["text"] = "another text"
        elif value is None:
            event.__dict__[name] = "something"
        else:
            continue
        if type(outcome(originals, state)[0]) is str:
            equal(state)
        else:
            assert outcome(DUMP, state) == outcome(DUMP.__wrapped__, state)
            event.__dict__[name] = value


def test_agents_and_tasks_change() -> None:
    made_ = crew(2, 2)
    agent, task = made_.agents[0], made_.tasks[0]
    state = state_with(
        ToolUsageStartedEvent(tool_name="t", tool_args={}, agent=agent),
        ToolUsageStartedEvent(tool_name="t", tool_args="{}", agent=agent),
        TaskCompletedEvent(output=TaskOutput(description="d", agent="a", raw="r"), task=task),
    )
    state.root.append(made_)
    equal(state)
    agent.goal = "another goal"
    equal(state)
    agent.tools_results.append({"result": ["x"], "n": 1})
    equal(state)
    agent.tools_results[0]["n"] = True
    equal(state)
    task.description += " more"
    equal(state)
    task.agent = made_.agents[1]
    equal(state)
    agent.tools.append(Search(name="Other"))
    equal(state)
    made_.tasks.reverse()
    equal(state)
    del made_.agents[:]
    equal(state)
    state.root.append(agent)
    equal(state)
    state.root.clear()
    equal(state)


@pytest.mark.parametrize(
    "value",
    [
        Point(), Point(Point(1, 2)), Point({1, 2}), Colour.RED, Holder(), Holder(any=Holder()), Computed(), Odd(),
        {"s": {1}}, {"p": Point()}, (1, 2), b"bytes", uuid.UUID(int=5), 1.5, float("inf"), float("nan"), 2**70,
        datetime.timedelta(1), datetime.time(1), Holder(other=[1]), ["a"] * 300, "ü\U0001f642\x00\u2028", {1: "a"}, {"a": {True: 1}},
        type("Text", (str,), {})("text"), type("Number", (int,), {})(7), [[[[1]]]], {}, [], Path("a"), Query,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
@pytest.mark.parametrize(
    "kind", [PlainEvent, SerializedEvent, ComputedEvent, OwnDumpEvent, ExtraEvent]
)
def test_values_and_what_becomes_of_them(kind: type[BaseEvent], value: Any) -> None:
    value = copy.deepcopy(value)
    event = kind(value=value)
    state = state_with(event)
    if type(outcome(originals, state)[0]) is not str:
        assert outcome(DUMP, state) == outcome(DUMP.__wrapped__, state)
        return
    equal(state)
    for change in changes(event, value):
        change()
        if type(outcome(originals, state)[0]) is str:
            equal(state)


def changes(event: Any, value: Any) -> Iterator[Callable[[], Any]]:
    yield lambda: setattr(event, "value", value)
    if isinstance(value, (Point, Holder, Computed, Odd)):
        for name in list(vars(value)):
            yield lambda name=name: vars(value).__setitem__(name, [*"ab"])
            yield lambda name=name: vars(value)[name].append("c")
        yield lambda: vars(value).update(dict(reversed(list(vars(value).items()))))
    if isinstance(value, Holder):
        yield lambda: value.__dict__.pop("any")
    if isinstance(value, dict):
        yield lambda: value.update(new=1)
        yield lambda: value.update(new=True)
        yield lambda: value.update(new=1.0)
        yield lambda: value.update(new={"deep": [1]})
        yield lambda: value["new"]["deep"].append(2)
    if isinstance(value, list):
        yield lambda: value.append(-0.0)
        yield lambda: value.__setitem__(-1, 0.0)
    yield lambda: setattr(event, "value", 1)
    yield lambda: setattr(event, "value", True)
    yield lambda: setattr(event, "value", 1.0)
    yield lambda: event.__dict__.pop("task_name")
    yield lambda: event.__dict__.update(dict(reversed(list(event.__dict__.items()))))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
VALUES = (
    PLAIN
    | st.builds(Point, PLAIN, PLAIN)
    | st.builds(Holder, words=st.lists(st.text(), max_size=3), any=PLAIN)
    | st.builds(lambda x: {"inner": Point(x), "set": {1}}, PLAIN)
)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["value", "more", "inside"]), VALUES),
        max_size=8,
    )
)
@settings(max_examples=150)
def test_generated_changes(steps: list[tuple[int, str, Any]]) -> None:
    recorded = [PlainEvent(value=n, more={"n": n}) for n in range(4)]
    state = state_with(*recorded)
    equal(state)
    for at, what, value in steps:
        if at >= len(recorded):
            recorded.append(PlainEvent(value=value, previous_event_id=recorded[-1].event_id))
            state.event_record.add(recorded[-1])
        elif what == "inside":
            recorded[at].more["inside"] = value
        elif what == "more":
            recorded[at].more = {"of": value}
        else:
            recorded[at].value = value
        equal(state)


def called(output: Any = None) -> bool:
    """A callback that has a name."""
    return True


class Other(Search):
    name: str = "Other"
    extra: dict[str, Any] = {}
    note: str = "n"

    @field_serializer("note")
    def _note(self, note: str) -> str:
        return f"{note} {self.extra}"


class Renamed(Search):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def tool_type(self) -> str:
        return f"own {self.name}"


class Asking(Scripted):
    options: dict[str, Any] = {}
    deep: list[Any] = []
    name_of: Any = None

    @field_serializer("name_of")
    def _name(self, value: Any) -> str:
        return f"{value} {self.options}"


class Arguments(BaseModel):
    words: list[str] = ["a"]
    more: dict[str, Any] = Field(default={"k": [1]}, json_schema_extra={"x": [1]})


class Watched:
    """A crew, whose agents, tasks and tools somebody changes; each step leaves it able to be dumped."""

    def __init__(self) -> None:
        self.crew = crew(2, 3)
        agent, task = self.crew.agents[0], self.crew.tasks[0]
        self.crew.agents[1].llm = Asking(model="m")
        self.crew.agents[1].tools = [Other(), Renamed(args_schema=Arguments)]
        self.state = state_with(
            ToolUsageStartedEvent(tool_name="t", tool_args={}, agent=agent),
            TaskCompletedEvent(output=TaskOutput(description="d", agent="a", raw="r"), task=task),
        )
        self.state.event_record.add(
            AgentExecutionStartedEvent(
                agent=agent, task=task, tools=[*agent.tools, Other()], task_prompt="p"
            )
        )
        self.state.root += [self.crew, self.crew.agents[1]]

    def steps(self, value: Any) -> list[Callable[[], Any]]:
        one, two = self.crew.agents[0], self.crew.agents[1]
        task, second, third = self.crew.tasks
        text = str(value)
        return [
            lambda: setattr(one, "goal", text),
            lambda: one.__dict__.update(max_iter=value),
            lambda: one.__dict__.update(verbose=value),
            lambda: setattr(one.llm, "calls", len(text)),
            lambda: setattr(one, "llm", two.llm),
            lambda: two.llm.__dict__.get("options", {}).update({text: value}),
            lambda: two.llm.__dict__.get("deep", []).append([value]),
            lambda: two.llm.__dict__.update(name_of=value),
            lambda: one.llm.additional_params.update({text: [value]}),
            lambda: one.llm.stop.append(text),
            lambda: setattr(one, "step_callback", called),
            lambda: setattr(called, "__qualname__", f"called{len(text)}"),
            lambda: setattr(task, "callback", called),
            lambda: one.callbacks.append(called) if one.callbacks is not None else None,
            lambda: one.tools[0].__dict__.update(description=text),
            lambda: one.tools[0].__dict__.update(current_usage_count=value),
            lambda: one.tools.append(Other(note=text)),
            lambda: two.tools[0].extra.update({text: value}),
            lambda: two.tools[0].__dict__.update(name=text),
            lambda: two.tools.reverse(),
            lambda: one.tools[0].__dict__.update(args_schema=Arguments),
            lambda: setattr(Arguments, "__doc__", text),
            lambda: Arguments.model_fields["more"].default.update({text: 1}),
            lambda: Arguments.model_config.update(title=text),
            lambda: type.__setattr__(Other, "__qualname__", f"Other{len(text)}"),
            lambda: self.crew.__dict__.update(id=uuid.uuid5(uuid.NAMESPACE_DNS, text)),
            lambda: one.__dict__.update(crew=text),
            lambda: one.security_config.fingerprint.metadata.update({text: value}),
            lambda: setattr(task, "context", [second]),
            lambda: task.context.append(third) if isinstance(task.context, list) else None,
            lambda: setattr(second, "context", None),
            lambda: setattr(second, "description", text),
            lambda: task.processed_by_agents.add(text),
            lambda: task.processed_by_agents.discard(text),
            lambda: setattr(task, "output_pydantic", Arguments),
            lambda: setattr(task, "guardrail", text),
            lambda: setattr(task, "output", TaskOutput(description=text, agent="a", raw="r")),
            lambda: task.output.messages.append({"role": "user", "content": text}) if task.output else None,
            lambda: self.crew.__dict__.update(memory=value is True),
            lambda: setattr(self.crew, "checkpoint", CheckpointConfig(location=text)),
            lambda: self.crew.checkpoint.on_events.append(text) if self.crew.checkpoint else None,
            lambda: one.__dict__.update(another=value),
            lambda: one.__dict__.pop("another", None),
            lambda: one.__dict__.update(goal=one.__dict__.pop("goal")),
            lambda: setattr(one, "tools_results", [{"n": value}]),
            lambda: one.tools_results[0].update({text: True}) if one.tools_results else None,
            lambda: object.__setattr__(one, "__dict__", dict(one.__dict__)),
            lambda: one.model_fields_set.clear(),
            lambda: one.create_agent_executor(),
            lambda: one.agent_executor._state.messages.append({"role": "user", "content": text}) if one.agent_executor else None,
            lambda: self.state.root.append(one.agent_executor) if one.agent_executor and len(self.state.root) < 4 else None,
            lambda: self.crew.tasks.reverse(),
        ]  # fmt: skip


STEPS = len(Watched().steps(0))


def change(watched: Watched, number: int, value: Any) -> None:
    """Take a step, and compare."""
    # what cannot be changed so stays
    with contextlib.suppress(ValidationError, AttributeError, TypeError):
        watched.steps(value)[number]()
    runtime._prepare_entities(watched.state.root)
    if type(outcome(originals, watched.state)[0]) is str:
        equal(watched.state)
    else:
        assert outcome(DUMP, watched.state) == outcome(DUMP.__wrapped__, watched.state)


@given(
    st.lists(
        st.tuples(st.integers(0, STEPS - 1), st.sampled_from([0, 1, True, "a", "ü", 1.0, None, 2])),
        min_size=3,
        max_size=14,
    )
)
@settings(max_examples=12)
def test_live_objects_change(steps: list[tuple[int, Any]]) -> None:
    watched = Watched()
    equal(watched.state)
    for number, value in steps:
        change(watched, number, value)


def test_each_live_change() -> None:
    watched = Watched()
    for number in range(STEPS):
        for value in (1, True):
            change(watched, number, value)


def test_what_did_not_change_is_not_dumped(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    equal(watched.state)
    dumped: list[list[str]] = []
    dump = _fragments._Fields._dump
    monkeypatch.setattr(
        _fragments._Fields,
        "_dump",
        lambda self, again, *more: dumped.append(again) or dump(self, again, *more),
    )
    agent, task = watched.crew.agents[0], watched.crew.tasks[0]
    agent.goal, task.description = "another", "another"
    agent.tools[0].current_usage_count += 1
    texts(watched.state)
    # what holds serializers of others is dumped each time
    told = sorted({name for again in dumped for name in again} - {"memory", "llm", "note"})
    assert told == ["current_usage_count", "description", "goal"]


def test_edges_and_nodes_change() -> None:
    recorded = [PlainEvent(value=n) for n in range(5)]
    state = state_with(*recorded)
    nodes = state.event_record.nodes
    equal(state)
    state.event_record.add(PlainEvent(parent_event_id=recorded[0].event_id))
    equal(state)
    nodes[recorded[1].event_id].add_edge("child", "é")
    equal(state)
    nodes[recorded[1].event_id].edges["child"].clear()
    equal(state)
    nodes[recorded[1].event_id].event = PlainEvent(value="another")
    equal(state)
    nodes["again"] = nodes.pop(recorded[2].event_id)
    equal(state)
    nodes[recorded[3].event_id] = type(nodes["again"])(event=recorded[0])
    equal(state)
    state.event_record.clear()
    equal(state)
    state._parent_id, state._branch = "pärent", "a/b"
    equal(state)


#: What becomes of a value in place, by a number, at any depth.
LEAVES = st.sampled_from([0, 1, True, False, 1.0, -0.0, None, "", "a", "ü", 2**70, 10**9])


def containers(value: Any) -> list[Any]:
    """All dicts, lists and objects with fields of a value, itself too."""
    found, waiting = [], [value]
    while waiting and len(found) < 200:
        each = waiting.pop()
        if isinstance(each, dict):
            found.append(each)
            waiting += each.values()
        elif isinstance(each, list):
            found.append(each)
            waiting += each
        elif isinstance(each, (Point, Holder, Computed)):
            found.append(each.__dict__)
            waiting += each.__dict__.values()
    return found


def changed_within(value: Any, which: int, leaf: Any) -> None:
    """Change a container of a value in place."""
    found = containers(value)
    if not found:
        return
    each = found[which % len(found)]
    if isinstance(each, list):
        if leaf is None and each:
            del each[which % len(each)]
        elif each and which % 2:
            each[which % len(each)] = leaf
        else:
            each.append(leaf)
    elif each and which % 3:
        each[[*each][which % len(each)]] = leaf
    elif not {"x", "words", "parts"} & {*each}:
        each[f"k{which % 5}"] = leaf


def valued() -> st.SearchStrategy[Any]:
    return st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "b", "ü"]), inner, max_size=3)
            | st.builds(Point, inner, inner)
            | st.builds(lambda each: Holder(any=each), inner)
        ),
        max_leaves=6,
    )


@given(
    st.lists(valued(), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1000), LEAVES), min_size=4, max_size=20),
    st.integers(0, 40),
)
@settings(max_examples=25)
def test_blocks_of_events_change(
    values: list[Any], steps: list[tuple[int, int, Any]], more: int
) -> None:
    """Several blocks: changes in place at any depth, of edges, nodes and their order, and events that come."""
    recorded: list[Any] = [
        (SerializedEvent if n % 29 == 28 else PlainEvent)(
            value=copy.deepcopy(values[n % len(values)])
        )
        for n in range(2 * _fragments.BLOCK + more)
    ]
    state = state_with(*recorded)
    nodes = state.event_record.nodes
    equal(state)
    for what, which, leaf in steps:
        event = [node.event for node in nodes.values()][which % len(nodes)]
        key = event.event_id
        if what < 4:
            changed_within(event.value, which, leaf)
        elif what == 4:
            event.__dict__["value"] = leaf
        elif what == 5:
            event.__dict__["task_name"] = str(leaf)
        elif what == 6:
            nodes[key].add_edge("child", str(leaf))
        elif what == 7:
            nodes[key] = nodes.pop(key)
        elif what == 8:
            nodes.pop(key)
        else:
            state.event_record.add(
                PlainEvent(value=leaf, parent_event_id=key, previous_event_id=key)
            )
        theirs = outcome(originals, state)
        if type(theirs[0]) is str:
            assert texts(state) == theirs
        else:
            # what failed is in no text later
            assert outcome(DUMP, state) == outcome(DUMP.__wrapped__, state)
            event.__dict__["value"] = None
    equal(state)


def test_a_failed_text_leaves_nothing_stale() -> None:
    recorded = [PlainEvent(value={"n": [n]}) for n in range(2 * _fragments.BLOCK)]
    state = state_with(*recorded)
    equal(state)
    held = recorded[5].value
    recorded[5].value = object()
    state.event_record.nodes[recorded[0].event_id].add_edge("child", "added")
    assert outcome(DUMP, state) == outcome(DUMP.__wrapped__, state)
    recorded[5].value = held
    equal(state)


def test_blocks_are_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing changed no node is looked at by itself but those behind the last block."""
    recorded = [
        PlainEvent(value={"n": [n, {"a": 1.5, "b": None}]}, more={"p": "ü"}, parts=[Holder()])
        for n in range(3 * _fragments.BLOCK + 5)
    ]
    state = state_with(*recorded)
    state.event_record.add(PlainEvent(value=Point(), parent_event_id=recorded[0].event_id))
    equal(state)
    looked: list[str] = []
    entry = _fragments._Record._entry
    monkeypatch.setattr(
        _fragments._Record,
        "_entry",
        lambda self, key, *more: looked.append(key) or entry(self, key, *more),
    )
    known = _checkpoints._texts.states
    assert known.text(state, known.json, "an event") == originals(state)[1]
    assert looked == [*state.event_record.nodes][3 * _fragments.BLOCK :]
    looked.clear()
    recorded[40].value["n"][1]["a"] = 1
    assert known.text(state, known.json, "an event") == originals(state)[1]
    assert len(looked) == _fragments.BLOCK + 6
    looked.clear()
    state.event_record.nodes[recorded[40].event_id].add_edge("next", "added")
    assert known.text(state, known.json, "an event") == originals(state)[1]
    assert len(looked) == 6


def slow_plain(value: Any, depth: int = _watch.DEEP) -> bool:
    kind = type(value)
    if kind in _watch.PLAIN:
        return True
    if not depth:
        return False
    if kind is dict:
        return all(type(key) is str and slow_plain(each, depth - 1) for key, each in value.items())
    return kind in (list, tuple) and all(slow_plain(each, depth - 1) for each in value)


@given(
    st.recursive(
        LEAVES | st.sampled_from([b"b", 1j, frozenset(), Colour.RED]),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(st.sampled_from(["a", "b", 1]), inner, max_size=3)
        ),
        max_leaves=30,
    )
)
def test_plain_values(value: Any) -> None:
    assert _watch.plain(value) == slow_plain(value)


def test_plain_values_that_are_deep_or_wide_or_hold_themselves() -> None:
    round_: list[Any] = []
    round_ += [round_, {"a": round_}]
    assert not _watch.plain(round_)
    deep: Any = 1
    for n in range(_watch.DEEP + 1):
        assert _watch.plain(deep) == slow_plain(deep) == (n <= _watch.DEEP)
        deep = [deep]
    assert not _watch.plain(deep)
    wide: Any = [[n, [str(n)]] for n in range(2 * _watch.WIDE)]
    assert _watch.plain(wide)
    wide[-1][1].append(b"")
    assert not _watch.plain(wide)


def test_files_are_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JsonProvider's own file, whatever the pieces; other providers get one text."""
    monkeypatch.setattr(_checkpoints, "CHUNK", 64)
    write = _checkpoints._writes(JsonProvider)
    where = {"parent_id": "parent", "branch": "main"}
    for pieces in ([], [""], ["a" * 1000], ["a", "", "b" * 100] * 50, [str(n) for n in range(999)]):
        ours = write(JsonProvider(), pieces, str(tmp_path / "ours"), **where)
        theirs = JsonProvider().checkpoint("".join(pieces), str(tmp_path / "theirs"), **where)
        assert type(ours) is type(theirs) is str
        assert Path(ours).read_bytes() == Path(theirs).read_bytes()
        assert Path(ours).stat().st_mode == Path(theirs).stat().st_mode
        assert len(ours) == len(theirs) - 2 and ours.endswith("_p-parent.json")

    class Other(JsonProvider):
        def checkpoint(self, data: str, *arguments: Any, **named: Any) -> str:
            return data

    assert write(Other(), ["a", "b"], str(tmp_path), **where) == "ab"
    taken = tmp_path / "taken"
    taken.write_text("")
    for bad in ({"branch": "../out"}, {"branch": "a\0b"}):
        args = {**where, **bad}
        assert outcome(write, JsonProvider(), ["a"], str(tmp_path), **args) == outcome(
            JsonProvider().checkpoint, "a", str(tmp_path), **args
        )
    ours = outcome(write, JsonProvider(), ["a"], str(taken), **where)
    assert ours == outcome(JsonProvider().checkpoint, "a", str(taken), **where)
    opened: list[Any] = []
    monkeypatch.setattr(
        json_provider, "open", lambda *a, **k: opened.append(a) or open(*a, **k), raising=False
    )
    write(JsonProvider(), ["a"], str(tmp_path), **where)
    assert len(opened) == 1
    monkeypatch.delattr(json_provider, "open")
    monkeypatch.setattr(JsonProvider, "checkpoint", lambda self, data, *a, **k: data)
    assert write(JsonProvider(), ["a", "b"], str(tmp_path), **where) == "ab"


def test_others_are_left_to_the_original() -> None:
    class Own(RuntimeState):
        pass

    assert declined(DUMP, Own(root=[])) == DUMP.__wrapped__(Own(root=[]))
    state = state_with(PlainEvent(value=1))
    assert declined(DUMP, state, indent=2) == DUMP.__wrapped__(state, indent=2)
    state.event_record.nodes["odd"] = PlainEvent(value=object())
    assert declined(DUMP, state) == outcome(DUMP.__wrapped__, state)


@pytest.fixture(autouse=True)
def jsonb(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite below 3.45 has no jsonb(): text will do."""
    if sqlite3.sqlite_version_info >= (3, 45):
        return

    class Sqlite:
        @staticmethod
        def connect(*arguments: Any, **named: Any) -> sqlite3.Connection:
            connection = sqlite3.connect(*arguments, **named)
            connection.create_function("jsonb", 1, lambda text: text)
            return connection

    monkeypatch.setattr(sqlite_provider, "sqlite3", Sqlite)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


@pytest.mark.parametrize("run", range(3))
def test_a_kickoff_writes_each_file(tmp_path: Path, run: int) -> None:
    before = CHECKPOINT.served
    made_ = crew(2, 5, checkpoint=CheckpointConfig(location=str(tmp_path)))
    result = made_.kickoff()
    assert crewai_event_bus.flush(60)
    assert CHECKPOINT.served == before + 5
    found = files(tmp_path)
    assert len(found) == 5
    contents = [json.loads(each.read_text(encoding="utf-8")) for each in found]
    assert {each["trigger"] for each in contents} == {"task_completed"}
    # one behind the other: each names the one before
    parents = {each["parent_id"] for each in contents}
    assert len(parents) == 5 and None in parents
    last = max(found, key=lambda each: len(each.read_bytes()))
    assert Crew.from_checkpoint(CheckpointConfig(restore_from=last)).kickoff().raw == result.raw


def test_branches_of_folders(tmp_path: Path) -> None:
    base = tmp_path / "base"
    (base / "there").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (base / "out").symlink_to(tmp_path / "outside")
    (base / "in").symlink_to(base / "there")
    (base / "round").symlink_to(base / "round")
    (tmp_path / "link").symlink_to(base)
    safe = json_provider._safe_branch
    before = safe.served
    for folder in (base, tmp_path / "link", tmp_path / "none", base / "round", Path("rel")):
        for branch in (
            "main",
            "there",
            "out",
            "in",
            "round",
            "..",
            ".",
            "",
            "a/b",
            "../x",
            "/",
            "a\0b",
        ):
            for given_ in (str(folder), folder):
                ours = outcome(safe, given_, branch)
                assert ours == outcome(safe.__wrapped__, given_, branch)
    assert served(safe, str(tmp_path / "link"), "main") is None
    assert safe.served - before < 40


def test_branches_of_the_root_and_of_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").symlink_to("/")
    (tmp_path / "root").symlink_to("/")
    safe = json_provider._safe_branch
    for folder in ("/", "//", "/..", "/tmp/..", "root", str(tmp_path / "root"), "", ".", "./x/.."):
        for branch in ("main", "out", "tmp", "."):
            assert outcome(safe, folder, branch) == outcome(safe.__wrapped__, folder, branch)
    assert isinstance(outcome(safe, "/", "main"), tuple), "the original refuses it"


def test_a_kickoff_with_every_event(tmp_path: Path) -> None:
    database = tmp_path / "all.db"
    seen: list[str] = []
    lock = threading.Lock()
    config = CheckpointConfig(location=str(database), provider=SqliteProvider(), on_events=["*"])
    original = checkpoint_listener._should_checkpoint

    def counted(source: Any, event: BaseEvent) -> Any:
        found = original(source, event)
        if found is not None:
            with lock:
                seen.append(event.type)
        return found

    checkpoint_listener._should_checkpoint = counted
    try:
        crew(1, 2, checkpoint=config).kickoff()
        assert crewai_event_bus.flush(120)
    finally:
        checkpoint_listener._should_checkpoint = original
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id, parent_id, json(data) FROM checkpoints").fetchall()
    assert len(rows) == len(seen) > 10
    assert sorted(json.loads(row[2])["trigger"] for row in rows) == sorted(seen)
    known = {row[0] for row in rows}
    assert all(row[1] is None or row[1] in known for row in rows)
    last = f"{database}#{rows[-1][0]}"
    restored = Crew.from_checkpoint(CheckpointConfig(restore_from=last))
    assert restored.kickoff().raw == "all done"


@pytest.mark.parametrize("provider", [JsonProvider, SqliteProvider])
def test_each_resumes_the_other_s(tmp_path: Path, provider: Any) -> None:
    found: list[Any] = []

    def grab(source: Any, event: Any, state: Any) -> None:
        found.append(state)

    crewai_event_bus.on(CrewKickoffCompletedEvent)(grab)
    made_ = crew(2, 2)
    raw = made_.kickoff().raw
    crewai_event_bus.flush()
    crewai_event_bus.off(CrewKickoffCompletedEvent, grab)
    (state,) = found
    equal(state)
    event = next(
        node.event
        for node in state.event_record.nodes.values()
        if node.event.type == "task_completed"
    )
    for ours in (True, False):
        place = tmp_path / f"{ours}{'.db' if provider is SqliteProvider else ''}"
        config = CheckpointConfig(location=str(place), provider=provider())
        (CHECKPOINT if ours else CHECKPOINT.__wrapped__)(state, config, event)
        crewai_event_bus.flush()
        if provider is SqliteProvider:
            with contextlib.closing(sqlite3.connect(place)) as connection:
                (row,) = connection.execute("SELECT id FROM checkpoints").fetchall()
            location = f"{place}#{row[0]}"
        else:
            location = str(*files(place))
        restored = Crew.from_checkpoint(CheckpointConfig(restore_from=location))
        assert [task.output.raw for task in restored.tasks if task.output] == [raw, raw]
        assert restored.kickoff().raw == raw
        if ours:
            with outside(state):
                assert (
                    json.loads(provider().from_checkpoint(location))["trigger"] == "task_completed"
                )


@contextlib.contextmanager
def outside(state: Any) -> Iterator[None]:
    """Nothing that was kept of a state changes what the original makes."""
    before = originals(state)
    yield
    assert originals(state) == before


def test_a_handler_mutates_what_was_recorded(tmp_path: Path) -> None:
    done = threading.Event()

    def mutate(source: Any, event: Any, state: Any) -> None:
        event.output = "changed"
        event.tool_args["changed"] = {"by": ["handler"]}
        done.set()

    states: list[Any] = []

    def grab(source: Any, event: Any, state: Any) -> None:
        states.append(state)

    crewai_event_bus.on(ToolUsageFinishedEvent)(mutate)
    crewai_event_bus.on(TaskCompletedEvent)(grab)
    try:
        crew(1, 2, checkpoint=CheckpointConfig(location=str(tmp_path))).kickoff()
        crewai_event_bus.flush()
    finally:
        crewai_event_bus.off(ToolUsageFinishedEvent, mutate)
        crewai_event_bus.off(TaskCompletedEvent, grab)
    assert done.is_set()
    equal(states[0])
    assert "handler" in texts(states[0])[0]


def test_a_record_that_grows_meanwhile() -> None:
    """What the original loses: events recorded by another thread while a checkpoint is made."""
    state = state_with(*[PlainEvent(value={"n": n}) for n in range(200)])
    stop = threading.Event()
    errors: list[BaseException] = []

    def record() -> None:
        last = next(iter(state.event_record.nodes))
        while not stop.is_set():
            event = PlainEvent(value=["x"], previous_event_id=last, parent_event_id=last)
            state.event_record.add(event)
            last = event.event_id
            for each in list(state.event_record.nodes.values())[-3:]:
                each.event.more[str(uuid.uuid4())] = 1

    thread = threading.Thread(target=record)
    thread.start()
    try:
        for _ in range(30):
            try:
                json.loads(texts(state)[1])
            except BaseException as error:
                errors.append(error)
    finally:
        stop.set()
        thread.join()
    assert not errors
    equal(state)


def test_failures_are_the_original_s(tmp_path: Path) -> None:
    state = state_with(PlainEvent(value=object()))
    config = CheckpointConfig(location=str(tmp_path))
    ours, theirs = (
        outcome(CHECKPOINT, state, config),
        outcome(CHECKPOINT.__wrapped__, state, config),
    )
    assert ours == theirs and ours[0] is not None
    crewai_event_bus.flush()
    assert not files(tmp_path)


def test_what_goes_is_forgotten() -> None:
    import gc

    known = _checkpoints._texts.states._known
    gc.collect()
    before = len(known)
    state = state_with(PlainEvent(value=1))
    texts(state)
    assert len(known) == before + 2
    del state
    gc.collect()
    assert len(known) == before
