"""Flows: states and their copies, triggered methods, whole runs; the original beside ours."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import decimal
import enum
import functools
import gc
import re
import threading
import uuid
from typing import Any

import pytest
from calls import outcome, served
from crewai.events import crewai_event_bus
from crewai.events.types.flow_events import (
    MethodExecutionFinishedEvent,
    MethodExecutionStartedEvent,
)
from crewai.flow.flow import Flow, and_, listen, or_, router, start
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    computed_field,
    field_serializer,
)

from fast_crewai._flows import Models

COPY = Flow._copy_state
FIND = Flow._find_triggered_methods


class Inner(BaseModel):
    words: list[str] = []
    more: dict[str, Any] = {}


class State(BaseModel):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)
    id: str = "x"
    count: int = 0
    anything: Any = None
    inner: Inner = Field(default_factory=Inner)
    _hidden: list[int] = PrivateAttr(default_factory=list)


class OwnCopy(BaseModel):
    id: str = "x"
    items: list[int] = []

    def __deepcopy__(self, memo: Any = None) -> OwnCopy:
        return OwnCopy(id=self.id, items=[*self.items, 99])


class Picky(BaseModel):
    """Can't be made again from its dump."""

    id: str = "x"
    lock: Any = None
    wanted: int = Field(alias="Wanted", default=1)

    def __init__(self, **values: Any) -> None:
        if "wanted" in values:
            raise ValueError("picky")
        super().__init__(**values)


class Big(Flow[dict]):
    @start()
    def first(self) -> str:
        return "first"


FLOWS: list[Any] = []


def flow(state: Any) -> Any:
    """Making a flow is slow: one is used again."""
    if not FLOWS:
        FLOWS.append(Big())
    FLOWS[0]._state = state
    return FLOWS[0]


def described(value: Any) -> Any:
    """Types, values, sets of fields, and which places are one object."""
    seen: dict[int, int] = {}

    def walk(found: Any) -> Any:
        if isinstance(found, (dict, list, tuple, set, BaseModel)):
            if id(found) in seen:
                return seen[id(found)]
            seen[id(found)] = len(seen)
        if isinstance(found, BaseModel):
            private = found.__pydantic_private__
            return (
                type(found), walk(found.__dict__), walk(found.__pydantic_extra__),
                sorted(found.__pydantic_fields_set__), walk(private),
            )  # fmt: skip
        if isinstance(found, dict):
            return [(walk(key), walk(item)) for key, item in found.items()]
        if isinstance(found, (list, tuple)):
            return type(found), [walk(item) for item in found]
        if isinstance(found, threading.Lock().__class__):
            return id(found)
        return type(found), repr(found)

    return walk(value)


def cleaned(found: Any) -> str:
    """Its text, without ids and addresses."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}| at 0x[0-9a-f]+", "ID", repr(found))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=40,
)


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=6))
def test_dict_states(state: dict[str, Any]) -> None:
    state["shared"] = [state.get("a"), [1]]
    state["again"] = state["shared"]
    made = flow(state)
    ours, theirs = served(COPY, made), COPY.__wrapped__(made)
    assert described(ours) == described(theirs) == described(state)
    assert ours is not state and ours["shared"] is not state["shared"]


@given(VALUES, st.lists(st.text()), st.dictionaries(st.text(max_size=4), VALUES, max_size=3))
def test_model_states(anything: Any, words: list[str], more: dict[str, Any]) -> None:
    state = State(anything=anything, inner=Inner(words=words, more=more), other=[anything])
    state._hidden.append(3)
    state.anything = [anything, state.inner]
    made = flow(state)
    ours, theirs = COPY(made), COPY.__wrapped__(made)
    assert described(ours) == described(theirs)
    assert ours.inner is not state.inner and ours._hidden is not state._hidden
    assert made._copy_and_serialize_state() == theirs.model_dump(mode="json")


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"lock": threading.Lock(), "a": [1]},
        lambda: State(anything=threading.Lock()),
        lambda: Picky(lock=threading.Lock()),
        lambda: OwnCopy(items=[1]),
        lambda: State(anything=datetime.datetime(2020, 1, 1), count=3),
        lambda: {"when": datetime.date(2020, 1, 1), "inner": Inner(words=["a"])},
        lambda: {},
        lambda: State(),
    ],
)
def test_odd_states(make: Any) -> None:
    made = flow(make())
    assert described(outcome(COPY, made)) == described(outcome(COPY.__wrapped__, made))


def test_a_replaced_deepcopy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy, "deepcopy", lambda value: "replaced")
    assert COPY(flow({"a": [1]})) == "replaced"


class Flat(BaseModel):
    id: str = "x"
    anything: Any = None
    words: list[str] = []
    _hidden: list[int] = PrivateAttr(default_factory=list)


@given(VALUES, st.lists(st.text()))
def test_flat_model_states(anything: Any, words: list[str]) -> None:
    state = Flat(anything=anything, words=words)
    state._hidden.append(3)
    made = flow(state)
    ours, theirs = served(COPY, made), COPY.__wrapped__(made)
    assert described(ours) == described(theirs)
    assert ours.words is not state.words and ours._hidden is not state._hidden


# -- states that are dumped

DUMP = Flow._copy_and_serialize_state


class Leaf(BaseModel):
    number: int = 0
    when: datetime.datetime = datetime.datetime(2020, 1, 1)
    more: dict[str, Any] = {}


class Deep(BaseModel):
    id: str = "x"
    leaves: list[Leaf] = []
    by_name: dict[str, Leaf] = {}
    pair: tuple[Leaf, int] | None = None
    anything: Any = None
    _hidden: dict[str, Any] = PrivateAttr(default_factory=dict)


class Computed(BaseModel):
    inner: Inner = Field(default_factory=Inner)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def length(self) -> int:
        return len(self.inner.words)


class Serialized(BaseModel):
    inner: Inner = Field(default_factory=Inner)

    @field_serializer("inner")
    def as_text(self, inner: Inner) -> str:
        inner.words.append("serialized")
        return ",".join(inner.words)


class Copied(Inner):
    def __deepcopy__(self, memo: Any = None) -> Copied:
        return Copied(words=[*self.words, "copied"])


LOCK = threading.Lock()


class Words(list):  # type: ignore[type-arg]
    def __deepcopy__(self, memo: Any) -> list[str]:
        return ["copied"]


def containers(value: Any) -> set[int]:
    """The identities of all that can be changed in it."""
    found: set[int] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (dict, list, BaseModel)) and id(part) not in found:
            found.add(id(part))
            parts = (
                part
                if isinstance(part, list)
                else part.__dict__
                if isinstance(part, BaseModel)
                else part
            )
            waiting.extend(parts if isinstance(parts, list) else parts.values())
    return found


@given(VALUES, st.lists(st.integers(), min_size=1), VALUES, st.booleans())
def test_dumped_states(anything: Any, numbers: list[int], hidden: Any, pair: bool) -> None:
    leaves = [Leaf(number=each, more={"a": anything, "n": [each]}) for each in numbers]
    state = Deep(leaves=leaves, by_name={"first": leaves[0]}, anything=[anything, leaves[0]])
    state.pair = (leaves[0], 1) if pair else None
    state._hidden["x"] = hidden
    before = described(state)
    made = flow(state)
    ours, theirs = served(DUMP, made), DUMP.__wrapped__(made)
    assert described(ours) == described(theirs)
    assert described(state) == before
    assert not containers(ours) & containers(state)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Computed(),
        lambda: Serialized(),
        lambda: Deep(leaves=[Leaf()], anything=Words("ab")),
        lambda: Deep(leaves=[Leaf()], anything={1, 2}),
        lambda: Deep(leaves=[Leaf()], anything=object()),
        lambda: Flat(anything=object()),
        lambda: Flat(anything=[{1}, Words("a")], words=["x"]),
        lambda: Flat.model_construct(id=3, words="text", anything=LOCK),
        lambda: Deep(leaves=[Leaf()], anything=(each for each in "ab")),
        lambda: Deep(leaves=[Leaf()], anything=Copied(words=["a"])),
        lambda: Deep.model_construct(id="x", leaves=[Copied(words=["a"])], by_name={}),
        lambda: Deep.model_construct(id="x", leaves=[Leaf()], by_name={"a": LOCK}),
        lambda: Deep(leaves=[Leaf(more={"when": datetime.date(2020, 1, 1), "b": b"\xff"})]),
        lambda: Deep.model_construct(id=3, leaves=[Leaf()], by_name={"a": "text"}),
    ],
)
def test_odd_dumped_states(make: Any) -> None:
    one, other = make(), make()
    ours = outcome(DUMP, flow(one))
    theirs = outcome(DUMP.__wrapped__, flow(other))
    assert cleaned(described(ours)) == cleaned(described(theirs))
    assert cleaned(described(one)) == cleaned(described(other))


@dataclasses.dataclass
class Answer:
    text: Any = "text"
    parts: list[Any] = dataclasses.field(default_factory=lambda: [{"a": 1}])


@dataclasses.dataclass
class OwnReduce(Answer):
    def __reduce_ex__(self, protocol: Any) -> Any:
        return Answer, ("reduced",)


@dataclasses.dataclass(slots=True)
class Slotted:
    text: str = "text"


@dataclasses.dataclass
class Loud:
    text: str = "text"

    def __setstate__(self, state: Any) -> None:
        self.text = "copied"


class Answering(BaseModel):
    leaf: Leaf = Field(default_factory=Leaf)
    answer: Answer | Leaf | None = None
    anything: Any = None


@pytest.mark.parametrize("make", [Answer, OwnReduce, Slotted, Loud])
def test_dumped_dataclasses(make: Any) -> None:
    def state() -> Answering:
        made = Answering(answer=Answer([1]), anything=[make()])
        made.answer.more = {"m": [1]}
        return made

    one, other = state(), state()
    dump: Any = functools.partial(served, DUMP) if make is Answer else DUMP
    ours, theirs = dump(flow(one)), DUMP.__wrapped__(flow(other))
    assert ours == theirs and repr(ours) == repr(theirs)
    assert repr(one) == repr(other) and not containers(ours) & containers(one)


class Colour(enum.Enum):
    RED = "red"
    SHADES = ["dark", "light"]


class Many(BaseModel):
    id: str = "x"
    leaves: list[Leaf] = Field(default_factory=lambda: [Leaf(), Leaf(number=2)])
    at: datetime.time = datetime.time(1, 2)
    key: uuid.UUID = uuid.UUID(int=5)
    price: decimal.Decimal = decimal.Decimal("1.50")
    anything: Any = None


@pytest.mark.parametrize(
    "colour", [None, Colour.RED, Colour.SHADES, [Colour.RED, {"c": Colour.SHADES}]]
)
def test_dumped_enums_ids_and_decimals(colour: Any) -> None:
    one, other = Many(anything=colour), Many(anything=colour)
    # members of Python 3.10's are made anew by a copy
    known = colour is None or hasattr(enum.Enum, "__deepcopy__")
    dump: Any = functools.partial(served, DUMP) if known else DUMP
    ours, theirs = dump(flow(one)), DUMP.__wrapped__(flow(other))
    assert ours == theirs and repr(ours) == repr(theirs)
    assert not containers(ours) & (containers(one) | containers(Colour.SHADES.value))


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (lambda: Many(anything={1, 2}), 0),
        (lambda: Many(leaves=[Leaf(), Leaf(more={"odd": {1}})]), 9),
    ],
)
def test_odd_states_are_seldom_looked_at(
    make: Any, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look costs a quarter of the copy that an odd state needs all the same."""
    looks: list[int] = []
    known = Models.known

    def counted(self: Models, value: Any, depth: int = 0) -> bool:
        looks.append(depth)
        return known(self, value, depth)

    class Own(Many):
        pass

    state = Own(**dict(make()))
    monkeypatch.setattr(Models, "known", counted)
    for _ in range(200):
        assert DUMP(flow(state)) == DUMP.__wrapped__(flow(state))
    assert looks.count(0) <= most
    state.anything, state.leaves = None, [Leaf()]
    before = DUMP.served
    for _ in range(70):
        assert DUMP(flow(state)) == DUMP.__wrapped__(flow(state))
    assert DUMP.served - before > 5


def test_hidden_locks_and_cycles() -> None:
    for change in (
        lambda state: state._hidden.update(lock=threading.Lock()),
        lambda state: setattr(state, "anything", [state.leaves]) or state.leaves.append(state),
    ):
        results = []
        for function in (DUMP, DUMP.__wrapped__):
            state = Deep(leaves=[Leaf()], by_name={"a": Leaf(number=2)})
            change(state)  # type: ignore[no-untyped-call]
            results.append(cleaned(described(outcome(function, flow(state)))))
        assert results[0] == results[1]


@pytest.mark.parametrize("state", [Flat(words=["a"]), Deep(leaves=[Leaf()]), Computed()])
def test_the_collector_is_as_it_was(state: Any) -> None:
    made = flow(state)
    assert gc.isenabled()
    DUMP(made)
    assert gc.isenabled()
    gc.disable()
    try:
        DUMP(made)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_flat_states_are_served() -> None:
    state = Flat(anything={"a": [1, {"b": None}]}, words=["x"])
    ours = served(DUMP, flow(state))
    assert ours == DUMP.__wrapped__(flow(state))
    assert not containers(ours) & containers(state)


def test_an_overridden_copy_is_honoured() -> None:
    class Own(Flow[dict]):
        @start()
        def first(self) -> str:
            return "first"

        def _copy_state(self) -> Any:
            return {"own": 1}

    made = Own()
    made._state = Deep(leaves=[Leaf()])
    assert DUMP(made) == {"own": 1}


# -- triggered methods


class Conditions(Flow[dict]):
    @start()
    def a(self) -> str:
        return "a"

    @start()
    def b(self) -> str:
        return "b"

    @listen(a)
    def after_a(self) -> str:
        return "after_a"

    @listen(or_(a, b))
    def either(self) -> str:
        return "either"

    @listen(and_(a, b))
    def both(self) -> str:
        return "both"

    @listen(and_(or_(a, after_a), b))
    def nested(self) -> str:
        return "nested"

    @router(both)
    def route(self) -> str:
        return "left"

    @router(or_(after_a, b))
    def route_again(self) -> str:
        return "right"

    @listen("left")
    def on_left(self) -> str:
        return "on_left"

    @listen(or_("left", "right"))
    def on_any(self) -> str:
        return "on_any"


PAIR: list[Any] = []
NAMES = ["a", "b", "after_a", "either", "both", "nested", "left", "right", "on_left", "none"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=25))
def test_triggered(events: list[tuple[str, bool]]) -> None:
    if not PAIR:
        PAIR.extend([Conditions(), Conditions()])
    ours, theirs = PAIR
    for each in PAIR:
        each._pending_events.clear()
        each._fired_or_listeners.clear()
    for name, router_only in events:
        found = served(FIND, ours, name, router_only)
        assert found == FIND.__wrapped__(theirs, name, router_only)
        assert ours._pending_events == theirs._pending_events
        assert list(ours._pending_events) == list(theirs._pending_events)
        assert ours._fired_or_listeners == theirs._fired_or_listeners


def test_overridden_steps_are_the_originals() -> None:
    class Own(Conditions):
        def _condition_met(self, *given: Any) -> bool:
            return True

    before = FIND.served
    ours, theirs = Own(), Own()
    assert FIND(ours, "a", False) == FIND.__wrapped__(theirs, "a", False)
    assert FIND.served == before


# -- whole runs


class Run(Flow[State]):
    @start()
    def begin(self) -> str:
        self.state.anything = {"steps": [1]}
        return "begun"

    @listen(begin)
    def middle(self, given: str) -> str:
        self.state.anything["steps"].append(given)
        self.state.inner.words.append("middle")
        return "middle"

    @router(middle)
    def way(self) -> str:
        return "left" if self.state.count < 3 else "done"

    @listen("left")
    def turn(self) -> str:
        self.state.count += 1
        return "turned"

    @listen(or_("done", and_("turn", "middle")))
    def end(self) -> list[Any]:
        return [self.state.count, self.state.anything]


def events_of(kind: Any, monkeypatch: pytest.MonkeyPatch, original: bool) -> Any:
    seen: list[Any] = []
    with monkeypatch.context() as patch, crewai_event_bus.scoped_handlers():
        if original:
            patch.setattr(Flow, "_copy_state", COPY.__wrapped__)
            patch.setattr(Flow, "_find_triggered_methods", FIND.__wrapped__)

        @crewai_event_bus.on(MethodExecutionStartedEvent)
        def started(source: Any, event: Any) -> None:
            seen.append(("started", event.method_name, event.state))

        @crewai_event_bus.on(MethodExecutionFinishedEvent)
        def finished(source: Any, event: Any) -> None:
            seen.append(("finished", event.method_name, event.state, event.result))

        made = kind(suppress_flow_events=False)
        result = made.kickoff()
        crewai_event_bus.flush()
    return result, sorted(map(repr, seen)), described(made.state)[1:]


@pytest.mark.parametrize("kind", [Run, Big])
def test_runs(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows with one start: those with two race in the original too."""

    assert cleaned(events_of(kind, monkeypatch, False)) == cleaned(
        events_of(kind, monkeypatch, True)
    )


def test_events_hold_no_part_of_the_live_state() -> None:
    seen: list[Any] = []
    with crewai_event_bus.scoped_handlers():

        @crewai_event_bus.on(MethodExecutionFinishedEvent)
        def finished(source: Any, event: Any) -> None:
            seen.append(event.state)

        made = Run()
        made.kickoff()
        crewai_event_bus.flush()
    assert seen
    before = described(made.state)
    for state in seen:
        if isinstance(state["anything"], dict):
            state["anything"]["steps"].append("not live")
    assert described(made.state) == before
