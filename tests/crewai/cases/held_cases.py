"""What was kept of events in blocks and of executors' states, under generated changes; and how a text is written."""

from __future__ import annotations

import dataclasses
import datetime
import io
import os
import threading
import uuid
from typing import Any

import pytest
from calls import outcome, served
from checkpoints_cases import PLAIN, Colour, PlainEvent, Point, equal, originals, shared, state_with
from conftest import JAVA
from crewai.events.types.tool_usage_events import ToolUsageStartedEvent
from crewai.flow.flow import Flow
from crewai.state.event_record import EventNode
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PrivateAttr

from fast_crewai import _checkpoints, _flows
from fast_jvm._state import state as fast_state

DUMP = Flow._copy_and_serialize_state


def asked() -> int:
    """How often Java was asked whether all holds what it held."""
    return fast_state.builtins["same_held"].counters.calls if JAVA else 0


def replace_dict(model: Any, value: Any) -> None:
    object.__setattr__(model, "__dict__", dict(model.__dict__))
    model.more["again"] = value


CHANGES: list[Any] = [
    lambda node, event, value: setattr(event, "value", value),
    lambda node, event, value: event.__dict__.update(value=value),
    lambda node, event, value: event.more.update(x=value),
    lambda node, event, value: event.more["deep"].append(value),
    lambda node, event, value: event.more["deep"][0].update(y=value),
    lambda node, event, value: setattr(event.more["point"], "x", value),
    lambda node, event, value: event.more["point"].y.append("z"),
    lambda node, event, value: setattr(event, "task_name", "a task"),
    lambda node, event, value: replace_dict(event, value),
    lambda node, event, value: event.more.update(reversed(list(event.more.items()))),
    lambda node, event, value: node.edges.setdefault("next", []).append("an id"),
    lambda node, event, value: node.edges.pop("previous", None),
    lambda node, event, value: setattr(node, "edges", {"child": ["another"]}),
    lambda node, event, value: setattr(node, "event", PlainEvent(value=value, more=event.more)),
    lambda node, event, value: event.parts.append(value),
    lambda node, event, value: setattr(event, "hidden", value),
    lambda node, event, value: None,
]


@given(
    st.integers(1, 75),
    st.lists(
        st.tuples(st.integers(0, 99), st.integers(0, len(CHANGES) - 1), PLAIN, st.integers(0, 3)),
        max_size=5,
    ),
)
@settings(max_examples=40)
def test_blocks(count: int, steps: Any) -> None:
    events = [
        PlainEvent(value=n, more={"n": n, "deep": [{"y": n}], "point": Point(n)})
        if n % 5
        else ToolUsageStartedEvent(tool_name="t", tool_args={"n": n}, agent=shared().agents[0])
        for n in range(count)
    ]
    for one, other in zip(events, events[1:]):
        other.previous_event_id = one.event_id
    state = state_with(*events)
    before = asked()
    equal(state)
    equal(state)
    assert not JAVA or count < 9 or asked() > before + 2
    nodes = list(state.event_record.nodes.values())
    for at, what, value, more in steps:
        node = nodes[at % count]
        if isinstance(node.event, PlainEvent):
            CHANGES[what](node, node.event, value)
        else:
            node.event.tool_args["n"] = value
        for _ in range(more):
            state.event_record.add(
                PlainEvent(value=value, previous_event_id=nodes[-1].event.event_id)
            )
        if type(outcome(originals, state)[0]) is str:
            equal(state)
    if len(nodes) > 3:
        key = next(iter(state.event_record.nodes))
        node = state.event_record.nodes.pop(key)
        state.event_record.nodes[key] = EventNode(event=node.event, edges={"parent": [key]})
        if type(outcome(originals, state)[0]) is str:
            equal(state)


@dataclasses.dataclass
class Answer:
    text: Any
    parts: Any = None


class Todo(BaseModel):
    name: str = "todo"
    more: dict[str, Any] = Field(default_factory=dict)


class Working(BaseModel):
    """Like AgentExecutorState."""

    id: str = "x"
    messages: list[dict[str, Any]] = Field(default_factory=list)
    answer: Answer | None = None
    todos: list[Todo] = Field(default_factory=lambda: [Todo(), Todo()])
    by_name: dict[str, Todo] = Field(default_factory=lambda: {"a": Todo()})
    rest: Any = None


class Hiding(Working):
    """Its private attributes are copied too, each time."""

    _hidden: dict[str, Any] = PrivateAttr(default_factory=dict)


def working(state: Any) -> Any:
    class Works(Flow[Working]):
        initial_state = Working

    made = Works(suppress_flow_events=True)
    made._state = state
    return made


STATES: list[Any] = [
    lambda state, value: state.messages.append({"role": "user", "content": value}),
    lambda state, value: state.messages and state.messages[0].update(content=value),
    lambda state, value: setattr(state, "answer", Answer(value, [value])),
    lambda state, value: state.answer and setattr(state.answer, "text", value),
    lambda state, value: state.answer and state.answer.parts.append(value),
    lambda state, value: state.todos[0].more.update(k=value),
    lambda state, value: state.todos.append(Todo(more={"v": value})),
    lambda state, value: setattr(state.by_name["a"], "name", "another"),
    lambda state, value: state.by_name.update(b=state.by_name["a"]),
    lambda state, value: setattr(state, "rest", value),
    lambda state, value: (state.__pydantic_private__ or {}).get("_hidden", {}).update(h=value),
    lambda state, value: object.__setattr__(state, "__dict__", dict(state.__dict__)),
    lambda state, value: object.__setattr__(state.todos[0], "__pydantic_extra__", {"e": value}),
    lambda state, value: setattr(state, "rest", Todo(name="in any")),
    lambda state, value: state.__dict__.update(id=7),  # pydantic warns of it
    lambda state, value: None,
]


@given(
    st.sampled_from([Working, Hiding]),
    st.lists(
        st.tuples(st.integers(0, len(STATES) - 1), st.recursive(PLAIN, st.lists, max_leaves=3)),
        max_size=6,
    ),
)
@settings(max_examples=80)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_states(kind: Any, steps: Any) -> None:
    state = kind(messages=[{"role": "user", "content": "a"}], answer=Answer("a", []))
    flow = working(state)
    for what, value in [(len(STATES) - 1, None), *steps]:
        STATES[what](state, value)
        for _ in range(3):
            theirs = outcome(DUMP.__wrapped__, flow)
            ours = outcome(DUMP, flow)
            assert repr(ours) == repr(theirs)
            if type(ours) is dict:
                # whoever has one may do with it what he likes
                ours["messages"].append("mine")
                ours["todos"].clear()


def test_an_idle_state_is_dumped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dumped: list[Any] = []
    uncollected = _flows.uncollected
    monkeypatch.setattr(
        _flows, "uncollected", lambda made: dumped.append(made) or uncollected(made)
    )
    flow, other = working(Working(answer=Answer("a"))), working(Working(answer=Answer("b")))
    for each in (flow, other, flow, other, flow, other):
        assert served(DUMP, each) == DUMP.__wrapped__(each)
    assert len(dumped) == (2 if JAVA else 6)
    flow.state.messages.append({"role": "user"})
    assert served(DUMP, flow) == DUMP.__wrapped__(flow)
    assert len(dumped) == (3 if JAVA else 7)
    flow._state = Working()
    assert served(DUMP, flow) == DUMP.__wrapped__(flow)
    flow._state = Working(answer=Answer("c"))
    for number in range(50):  # another each time, then idle
        flow.state.rest = number
        assert served(DUMP, flow) == DUMP.__wrapped__(flow)
    dumped.clear()
    for _ in range(60):
        assert served(DUMP, flow) == DUMP.__wrapped__(flow)
    assert not JAVA or 1 <= len(dumped) < 20


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED, [Colour.RED], datetime.date(2020, 1, 1), b"a", {1: Todo()}, [Todo()] * 300, Todo, object, uuid.UUID(int=1),
        {"a": [Point(Point(1))]}, Answer(Colour.RED), Answer(Answer), (1, (Todo(),)), threading.Lock(), float("nan"),
    ],
    ids=repr,
)  # fmt: skip
def test_odd_states(value: Any) -> None:
    flow = working(Working(rest=value, answer=Answer("a")))
    for _ in range(3):
        assert repr(outcome(DUMP, flow)) == repr(outcome(DUMP.__wrapped__, flow))
        flow.state.messages.append({"role": "user"})


@given(st.lists(st.tuples(st.text(max_size=9), st.integers(0, 3)), max_size=40), st.integers(1, 9))
@settings(max_examples=60)
def test_writes(texts: Any, most: int) -> None:
    """Long pieces, short ones, the same one often; whatever the system takes at a time."""
    made = [text * (1, 700, 6000, 30_000)[times] for text, times in texts]
    pieces = [*made, *made[::2], "ü" * 5000, *made]
    sizes = iter(range(most, 10**9, 7))

    class File(io.BytesIO):
        def fileno(self) -> int:
            return 0

        def write(self, given: Any) -> int:
            return super().write(bytes(given)[: max(1, len(given) // 2)])

    file = File()

    def writev(number: int, parts: list[bytes]) -> int:
        return io.BytesIO.write(file, b"".join(parts)[: next(sizes) * 1000])

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "writev", writev, raising=False)
        text = "".join(pieces)
        wanted = outcome(text.encode)
        found = outcome(_checkpoints._write, file, pieces)
    if type(wanted) is bytes:
        assert found is None
        assert file.getvalue() == wanted
    else:
        assert found[0] is wanted[0]
