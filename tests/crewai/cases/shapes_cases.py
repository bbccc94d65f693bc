"""Texts and dumps of flows' states by Java: for generated models those of pydantic and json, never where those warn or fail."""

from __future__ import annotations

import contextlib
import datetime
import enum
import gc
import json
import sqlite3
import sys
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import pydantic
import pytest
from calls import outcome
from crewai.flow.flow import Flow, FlowState
from crewai.flow.persistence import SQLiteFlowPersistence
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model

from fast_crewai._flows import Models
from fast_crewai._persistence import ChroniclePersistence
from fast_crewai._shapes import _PATIENCE, Shaped, shape
from fast_jvm import _json
from fast_jvm._state import state as fast_state

# -- classes and values made by chance


class Leaf(BaseModel):
    n: int = 1
    name: str = "é"


class Deep(BaseModel):
    leaf: Leaf = Leaf()
    leaves: list[Leaf] = []
    named: dict[str, Optional[Leaf]] = {}
    either: Union[Leaf, str, None] = None


class Checked(BaseModel):
    model_config = ConfigDict(validate_assignment=True, str_strip_whitespace=True, extra="allow")
    low: Annotated[int, Field(ge=0, description="low")] = 0
    kind: Literal["a", "b"] = Field("a", alias="Kind")

    @pydantic.field_validator("low")
    @classmethod
    def _even(cls, value: int) -> int:
        return value

    @pydantic.model_validator(mode="after")
    def _whole(self) -> "Checked":
        return self


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=4) | st.lists(inner, max_size=2).map(tuple),
    max_leaves=12,
)  # fmt: skip
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
LEAVES = st.builds(Leaf, n=st.integers(), name=TEXTS)
CHECKED = st.builds(Checked, low=st.integers(0, 9), Kind=st.sampled_from(["a", "b"]))
DEEP = st.builds(
    Deep,
    leaf=LEAVES,
    leaves=st.lists(LEAVES, max_size=3),
    named=st.dictionaries(TEXTS, st.none() | LEAVES, max_size=3),
    either=st.none() | LEAVES | TEXTS,
)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
#: types of fields and values that conform to them
BASIC: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()), (str, TEXTS), (float, FLOATS), (bool, st.booleans()), (None, st.none()), (Any, PLAIN), (list, st.lists(PLAIN, max_size=3)),
    (dict, st.dictionaries(TEXTS, PLAIN, max_size=3)), (Literal["x", "yy"], st.sampled_from(["x", "yy"])), (Leaf, LEAVES), (Deep, DEEP), (Checked, CHECKED),
]  # fmt: skip


def nested(kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        kinds.map(lambda one: (Optional[one[0]], st.none() | one[1])),
        kinds.map(lambda one: (list[one[0]], st.lists(one[1], max_size=3))),
        kinds.map(lambda one: (dict[str, one[0]], st.dictionaries(TEXTS, one[1], max_size=3))),
        st.tuples(kinds, kinds).map(
            lambda two: (Union[two[0][0], two[1][0]], two[0][1] | two[1][1])
        ),
    )


KINDS = st.recursive(st.sampled_from(BASIC), nested, max_leaves=4)
ANYTHING = st.one_of(
    PLAIN, LEAVES, DEEP, CHECKED, st.sampled_from([float("nan"), float("inf"), "\ud800", {"\udfff": 1}, b"a", {1}, {1: 2}, {1: 2, "1": 3}, datetime.date(2026, 1, 1), True, (1, 2), Leaf, 10**700, [[1, ["\ud83d"]]]]),
)  # fmt: skip


@st.composite
def states(draw: Any, odd: bool) -> Any:
    """A model of a class made for it; odd: some fields hold what their type does not promise."""
    found = draw(st.lists(KINDS, min_size=1, max_size=5))
    fields: Any = {f"f{at}": (kind, None) for at, (kind, _) in enumerate(found)}
    kind = create_model("Made", __base__=draw(st.sampled_from([BaseModel, FlowState])), **fields)
    made = kind.model_construct(
        **{
            f"f{at}": draw(ANYTHING if odd and draw(st.booleans()) else values)
            for at, (_, values) in enumerate(found)
        }
    )
    if odd and draw(st.booleans()):
        made.__dict__[draw(st.sampled_from(["more", "f0"]))] = draw(ANYTHING)
    if odd and draw(st.booleans()):
        made.__dict__.pop("f0", None)
        if draw(st.booleans()):
            made.__dict__["f0"] = 1
    return made


def dumped(state: Any) -> tuple[Any, list[str]]:
    """The original's text or error, and its warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        made = outcome(lambda: json.dumps(state.model_dump(mode="json")))
    return made, [str(one.message) for one in told]


def containers(value: Any) -> list[Any]:
    """All dicts, lists and models in a value."""
    if isinstance(value, BaseModel):
        value = vars(value)
    if type(value) is dict:
        return [value, *(one for part in value.values() for one in containers(part))]
    if type(value) in (list, tuple):
        inner = [one for part in value for one in containers(part)]
        return [value, *inner] if type(value) is list else inner
    return []


def alone(made: Any, state: Any) -> None:
    """Nothing of the state is in its dump, nothing twice, and the collector sees what holds containers."""
    found, before = containers(made), containers(state)
    assert len({id(one) for one in found}) == len(found)
    assert not {id(one) for one in found} & {id(one) for one in before}
    for one in found:
        parts = one.values() if type(one) is dict else one
        assert gc.is_tracked(one) or not any(type(part) in (dict, list) for part in parts)


@given(states(odd=False))
@settings(max_examples=80)
def test_models(state: Any) -> None:
    """What conforms is served."""
    wanted, told = dumped(state)
    assert type(wanted) is str and not told
    before = repr(state)
    made = Shaped(Models(), _json.dump)(state)
    if made is not NotImplemented:
        assert repr(made) == repr(state.model_copy(deep=True).model_dump(mode="json"))
        alone(made, state)
    assert repr(state) == before
    made = Shaped(Models())(state)
    if made is NotImplemented:
        # of a union's lists the first is looked into
        assert "Union" in repr(type(state).model_fields)
    else:
        assert made == wanted


@given(states(odd=True))
@settings(max_examples=120)
def test_odd_models(state: Any) -> None:
    """What does not is served alike or not at all, and never where pydantic warns or fails."""
    made = Shaped(Models())(state)
    wanted, told = dumped(state)
    assert made is NotImplemented or (made == wanted and not told)
    made = Shaped(Models(), _json.dump)(state)
    if made is not NotImplemented:
        assert not told and repr(made) == repr(state.model_dump(mode="json"))
        alone(made, state)


class Color(enum.Enum):
    RED = "red"


class Recursive(BaseModel):
    below: list["Recursive"] = []


class Serialized(BaseModel):
    at: int = 1

    @pydantic.field_serializer("at")
    def _at(self, value: int) -> str:
        return "at"


class Computed(BaseModel):
    at: int = 1

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def more(self) -> int:
        return 2


class Excluded(BaseModel):
    at: int = Field(1, exclude=True)


class Aliased(BaseModel):
    model_config = ConfigDict(serialize_by_alias=True)
    at: int = Field(1, alias="At")


class Infinite(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings")
    at: float = 1.0


class Root(pydantic.RootModel[list[int]]):
    root: list[int] = []


class Own(BaseModel):
    at: int = 1

    def __getattribute__(self, name: str) -> Any:
        return {"at": 5} if name == "__dict__" else super().__getattribute__(name)


@pytest.mark.parametrize(
    "kind", [Color, datetime.datetime, Recursive, Serialized, Computed, Excluded, Aliased, Infinite, Root, Own, set[int], tuple[int, str], dict[int, str], pydantic.SecretStr, bytes, Literal[1], Annotated[int, pydantic.PlainSerializer(str)], Annotated[Any, pydantic.SerializeAsAny()]],
    ids=str,
)  # fmt: skip
def test_left_to_pydantic(kind: Any) -> None:
    class Holds(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        one: Optional[kind] = None

    assert shape(Holds, Models()) is None or kind == Annotated[Any, pydantic.SerializeAsAny()]
    assert Shaped(Models())(Holds()) in (NotImplemented, '{"one": null}')


class Private(BaseModel):
    at: int = Field(3, serialization_alias="AT", title="a", description="b", ge=0)
    _hidden: int = 5
    kind: Literal["a", "b"] = "a"


class Below(Private):
    more: dict[str, Any] = {}


def test_served() -> None:
    texts = Shaped(Models())
    for state in (
        Private(), Below(at=2, more={"a": [1]}), Deep(leaf=Leaf(n=2), leaves=[Leaf()] * 40, named={"a": None}), Checked(low=1),
        FlowState(), Deep.model_validate_json(Deep(leaves=[Leaf()]).model_dump_json()), Deep().model_copy(deep=True), Leaf.model_construct(n=5),
    ):  # fmt: skip
        assert texts(state) == dumped(state)[0]
    state = Private()
    state.at = 7
    assert texts(state) == '{"at": 7, "kind": "a"}'
    assert texts({"a": (1, float("nan"))}) == '{"a": [1, NaN]}'
    for odd in (
        Checked(more=1),
        Deep(leaf=type("Sub", (Leaf,), {})()),
        Private.model_construct(at="x"),
    ):
        assert texts(odd) is NotImplemented


class Hidden(BaseModel):
    at: int = 1
    _secret: Any = pydantic.PrivateAttr(default_factory=dict)


class Copied(BaseModel):
    at: int = 1

    def __deepcopy__(self, memo: Any) -> "Copied":
        return Copied(at=99)


def test_dumps() -> None:
    shared = [1, {"a": (2, "é")}]
    for state in (
        Deep(leaf=Leaf(n=2), leaves=[Leaf()] * 40, named={"a": None}), Deep(leaves=[]), FlowState(), Below(more={"a": shared, "b": shared, "c": (1, (shared,))}),
        Below(more={str(n): n for n in range(300)}), Below(more={"a": {}, "b": [], "c": (), "d": {"e": ()}}),
    ):  # fmt: skip
        made = Shaped(Models(), _json.dump)(state)
        if isinstance(state, Below):  # its private attribute is the original's to copy
            assert made is NotImplemented
            state.__pydantic_private__ = None
            made = Shaped(Models(), _json.dump)(state)
        assert repr(made) == repr(state.model_dump(mode="json"))
        alone(made, state)
    dump = Shaped(Models(), _json.dump)
    for odd in (
        Hidden(),
        Below(),
        create_model("Holds", one=(Copied, Copied()))(),
        create_model("Holds", one=(Hidden, Hidden()))(),
    ):
        assert dump(odd) is NotImplemented
    around = Below()
    around.__pydantic_private__ = None
    around.more["self"] = [around.more]
    assert dump(around) is NotImplemented
    deep: Any = 1
    for level in range(150):
        deep = [deep, level]
    assert Shaped(Models(), _json.dump)(Deep.model_construct(leaf=deep)) is NotImplemented


def test_no_cycle_is_lost() -> None:
    """A dict that held a tuple of numbers holds a list: the collector must look into it."""
    kind = create_model("Tuples", more=(dict, {}))
    held = {"a": (1, 2)}
    state = kind.model_construct(more=held)
    gc.collect()
    made = Shaped(Models(), _json.dump)(state)
    assert made == {"more": {"a": [1, 2]}} and type(made["more"]["a"]) is list
    assert gc.is_tracked(made["more"])


def test_nothing_stays() -> None:
    shared = {"a": (2, "é" * 9), "b": [1.5, None]}
    kind = create_model("Held", leaf=(Leaf, Leaf()), more=(Any, None), rows=(list[Leaf], []))
    state = kind(more={"x": shared, "y": [shared] * 9}, rows=[Leaf() for _ in range(9)])
    odd = kind(more={"x": shared, "y": [shared] * 9, "z": object()}, rows=state.rows)
    dump, text = (
        fast_state.builtins["model_dump"].function,
        fast_state.builtins["json_text"].function,
    )
    of = shape(kind, Models())
    held = [
        shared,
        shared["a"],
        shared["b"],
        shared["a"][1],
        state,
        odd,
        state.rows,
        state.rows[0],
        kind,
        of,
    ]  # type: ignore[index]

    def calls(times: int) -> None:
        for _ in range(times):
            assert dump(state, of) is not NotImplemented and text(state, of) is not NotImplemented
            assert dump(odd, of) is NotImplemented and text(odd, of) is NotImplemented

    calls(300)
    gc.collect()
    counts, blocks = [sys.getrefcount(one) for one in held], sys.getallocatedblocks()
    calls(5000)
    gc.collect()
    assert [sys.getrefcount(one) for one in held] == counts
    assert sys.getallocatedblocks() - blocks < 500


def test_a_flow_s_dump_is_served() -> None:
    copy_and_serialize: Any = Flow._copy_and_serialize_state
    flow = Flow[Deep](suppress_flow_events=True)
    flow._state = Deep(leaves=[Leaf(n=n) for n in range(50)], either="é")
    before = fast_state.builtins["model_dump"].counters
    made = copy_and_serialize(flow)
    after = fast_state.builtins["model_dump"].counters
    assert (after.calls - before.calls, after.declines - before.declines) == (1, 0)
    assert repr(made) == repr(copy_and_serialize.__wrapped__(flow))
    alone(made, flow._state)


def test_patience() -> None:
    texts, calls = Shaped(Models()), fast_state.builtins["json_text"].counters.calls
    state = Deep(either=None)
    assert texts(state) != NotImplemented
    state.either = object()  # type: ignore[assignment]
    assert texts(state) is NotImplemented
    state.either = None
    for _ in range(_PATIENCE):
        assert texts(state) is NotImplemented
    assert texts(state) == dumped(state)[0]
    assert fast_state.builtins["json_text"].counters.calls == calls + 3


def test_a_class_that_is_made_anew() -> None:
    texts = Shaped(Models())
    kind = create_model("Later", a=(int, 1))
    assert texts(kind()) == '{"a": 1}'
    kind.model_fields["a"].annotation = str  # type: ignore[assignment]
    kind.model_rebuild(force=True)
    made = kind.model_construct(a="x")
    assert texts(made) == dumped(made)[0] == '{"a": "x"}'
    made = kind.model_construct(a=1)
    assert texts(made) is NotImplemented and dumped(made)[1]
    kind.model_dump = lambda self, **more: {"own": 1}  # type: ignore[method-assign]
    fresh = Shaped(Models())
    assert fresh(made) is NotImplemented


def test_another_json(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Shaped(Models())
    with monkeypatch.context() as patched:
        patched.setattr(json, "dumps", lambda *a, **k: "own")
        assert texts({"a": 1}) is NotImplemented
    with monkeypatch.context() as patched:
        patched.setattr(json, "JSONEncoder", type("Own", (json.JSONEncoder,), {}))
        assert texts({"a": 1}) is NotImplemented
    assert Shaped(Models())({"a": 1}) == '{"a": 1}'


# -- what is saved


def rows(path: Path) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT id, flow_uuid, method_name, typeof(state_json), CAST(state_json AS BLOB) FROM flow_states ORDER BY id"
        ).fetchall()


SAVED: list[Any] = [
    {"id": "x", "n": [1, 2.5, "é\ud800", None, (True,)], 5: "key"}, {}, Private(), Deep(leaves=[Leaf(name="中" * n) for n in range(900)]),
    {"rows": [{"n": n, "x": n / 7, "text": "x" * 50} for n in range(2000)]}, Below(more={"nan": float("nan")}), Serialized(), {"set": {1}},
]  # fmt: skip


def test_saves(tmp_path: Path) -> None:
    """SQLite's rows and the log's history are the original's bytes; ours are Java's, each of the first five."""
    stores = [SQLiteFlowPersistence(str(tmp_path / name)) for name in ("ours.db", "theirs.db")]
    log = ChroniclePersistence(tmp_path / "log")
    save: Any = SQLiteFlowPersistence.save_state
    other = SQLiteFlowPersistence(str(tmp_path / "other.db"))
    for state in ({}, Private(), Deep()):  # no class is passed over for what other cases saved
        for _ in range(_PATIENCE):
            save(other, "a", "m", state)
            log.save_state("b", "m", state)
    counters = fast_state.builtins["json_text"].counters
    for at, state in enumerate(SAVED):
        save(stores[0], "a", f"m{at}", state)
        log.save_state("a", f"m{at}", state)
        save.__wrapped__(stores[1], "a", f"m{at}", state)
        if at == 4:
            after = fast_state.builtins["json_text"].counters
            assert after.calls - counters.calls == 10 and after.declines == counters.declines
    assert rows(tmp_path / "ours.db") == rows(tmp_path / "theirs.db")
    history = [(each.method_name, json.dumps(each.state)) for each in log.history("a")]
    assert history == [
        (name, json.dumps(json.loads(text))) for _, _, name, _, text in rows(tmp_path / "ours.db")
    ]
    log.close()


@given(st.lists(states(odd=True), max_size=3))
@settings(max_examples=20)
def test_generated_saves(tmp_path_factory: Any, given_: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("saves")
    stores = [SQLiteFlowPersistence(str(folder / name)) for name in ("ours.db", "theirs.db")]
    save: Any = SQLiteFlowPersistence.save_state
    for state in given_:
        found = []
        for function, store in ((save, stores[0]), (save.__wrapped__, stores[1])):
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                made = outcome(function, store, "a", "m", state)
            found.append((made, [str(one.message) for one in told]))
        assert found[0] == found[1]
    assert rows(folder / "ours.db") == rows(folder / "theirs.db")
