"""ChroniclePersistence beside SQLiteFlowPersistence: states, history, pending feedback, flows, copies, processes."""

from __future__ import annotations

import contextlib
import copy
import datetime
import json
import os
import pickle
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from calls import outcome
from crewai.flow.async_feedback.types import PendingFeedbackContext
from crewai.flow.flow import Flow, listen, start
from crewai.flow.persistence import FlowPersistence, SQLiteFlowPersistence, persist
from crewai.flow.persistence.base import _persistence_registry
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import fast_crewai
import fast_jvm
from fast_crewai import ChroniclePersistence


class State(BaseModel):
    id: str = "x"
    count: int = 0
    when: datetime.datetime = datetime.datetime(2026, 1, 1)
    more: dict[str, Any] = {}


class Small(BaseModel):
    id: str = "x"
    count: int = 0
    more: dict[str, Any] = {"a": [1]}


class Odd(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    lock: Any = None


@pytest.fixture(params=["process", "disk"])
def both(tmp_path: Path, request: Any) -> Iterator[list[Any]]:
    ours = ChroniclePersistence(tmp_path / "ours", durability=request.param)
    yield [ours, SQLiteFlowPersistence(str(tmp_path / "flows.db"))]
    ours.close()


def stored(persistence: Any, flow_uuid: str) -> list[tuple[str, Any]]:
    """The whole history, as JSON."""
    if isinstance(persistence, ChroniclePersistence):
        found = persistence.history(flow_uuid)
        assert [each.timestamp for each in found] == sorted(each.timestamp for each in found)
        return [(each.method_name, json.dumps(each.state)) for each in found]
    with contextlib.closing(sqlite3.connect(persistence.db_path)) as connection:
        return connection.execute(
            "SELECT method_name, state_json FROM flow_states WHERE flow_uuid = ? ORDER BY id",
            (flow_uuid,),
        ).fetchall()


def agree(both: list[Any], call: Callable[[Any], Any]) -> Any:
    ours, theirs = (outcome(call, each) for each in both)
    assert repr(ours) == repr(theirs)
    return ours


STATES = [
    {"id": "x"}, {"id": "x", "n": 1.5, "deep": [{"a": None}] * 3}, {}, State(count=3), State(more={"ü": "\ud800"}),
    {"set": {1}, "tuple": (1, 2), "when": datetime.date(2026, 1, 2), "model": State(), "path": Path("a"), 5: "int key"},
    Odd(lock=threading.Lock()), {"odd": Odd(lock=5)}, {"nan": float("nan"), "inf": float("inf")}, {"long": "x" * 300_000},
]  # fmt: skip


def test_states_and_history(both: list[Any]) -> None:
    for flow in ("a", "b", "ü\ud800"):
        agree(both, lambda each: each.load_state("a"))
        for at, state in enumerate(STATES):
            if isinstance(state, Odd):
                # the text of a lock has its address
                for each in both:
                    outcome(each.save_state, "odd", "m", state)
                continue
            if flow.endswith("\ud800"):
                continue  # SQLite has no such name
            agree(both, lambda each: each.save_state(flow, f"method {at}", state))
            agree(both, lambda each: each.load_state(flow))
    for flow in ("a", "b"):
        ours, theirs = (stored(each, flow) for each in both)
        assert ours == theirs and len(ours) == len(STATES) - 1
    assert both[0].history("none") == []


@pytest.mark.parametrize("state", [None, 5, "text", [1], State])
def test_what_is_no_state(both: list[Any], state: Any) -> None:
    agree(both, lambda each: each.save_state("a", "m", state))
    agree(both, lambda each: each.load_state("a"))


def test_circles_are_errors(both: list[Any]) -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    agree(both, lambda each: each.save_state("a", "m", circle))
    agree(both, lambda each: each.load_state("a"))


def context(flow_uuid: str, method: str = "review") -> PendingFeedbackContext:
    return PendingFeedbackContext(
        flow_id=flow_uuid,
        flow_class="cases.Some",
        method_name=method,
        method_output={"answer": ["ü", 1]},
        message="is this right?",
        emit=["yes", "no"],
        requested_at=datetime.datetime(2026, 1, 1),
    )


def test_pending_feedback(both: list[Any]) -> None:
    agree(both, lambda each: each.load_pending_feedback("a"))
    agree(both, lambda each: each.clear_pending_feedback("a"))
    for n in range(3):
        agree(
            both,
            lambda each: each.save_pending_feedback("a", context("a", f"m{n}"), State(count=n)),
        )
        found = agree(both, lambda each: each.load_pending_feedback("a"))
        assert found[0]["count"] == n and found[1].method_name == f"m{n}"
    agree(both, lambda each: each.save_state("a", "later", {"id": "a"}))
    assert agree(both, lambda each: each.load_pending_feedback("a"))[0]["count"] == 2
    assert stored(both[0], "a") == stored(both[1], "a")
    for _ in range(2):
        agree(both, lambda each: each.clear_pending_feedback("a"))
        assert agree(both, lambda each: each.load_pending_feedback("a")) is None
    assert agree(both, lambda each: each.load_state("a")) == {"id": "a"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)
STEPS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["save", "pend", "clear"]), st.dictionaries(st.text(max_size=3), JSON)),
    max_size=12,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=30)
def test_generated_steps(tmp_path_factory: Any, steps: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("steps")
    pair = [ChroniclePersistence(folder / "ours"), SQLiteFlowPersistence(str(folder / "flows.db"))]
    for flow, what, state in steps:
        if what == "save":
            agree(pair, lambda each: each.save_state(flow, "m", state))
        elif what == "pend":
            agree(pair, lambda each: each.save_pending_feedback(flow, context(flow), state))
        else:
            agree(pair, lambda each: each.clear_pending_feedback(flow))
        agree(pair, lambda each: each.load_state(flow))
        agree(pair, lambda each: each.load_pending_feedback(flow))
    for flow in "ab":
        assert stored(pair[0], flow) == stored(pair[1], flow)
    pair[0].close()


def counting(persistence: Any, kind: Any) -> Any:
    @persist(persistence)
    class Counting(Flow[kind]):  # type: ignore[valid-type]
        @start()
        def first(self) -> str:
            self.bump()
            return "first"

        @listen(first)
        def second(self) -> str:
            self.bump()
            return "second"

        @listen(second)
        async def third(self) -> str:
            self.bump()
            return "third"

        def bump(self) -> None:
            if isinstance(self.state, BaseModel):
                self.state.count += 1
            else:
                self.state["count"] = self.state.get("count", 0) + 1

    return Counting


@pytest.mark.parametrize("kind", [dict, State])
def test_flows(both: list[Any], kind: Any) -> None:
    histories = []
    for each in both:
        flow = counting(each, kind)()
        assert flow.kickoff(inputs={"id": "some id"}) == "third"
        again = counting(each, kind)()
        assert again.kickoff(inputs={"id": "some id"}) == "third"
        assert json.loads(stored(each, "some id")[-1][1])["count"] == 6
        forked = counting(each, kind)()
        forked.kickoff(restore_from_state_id="some id")
        assert (forked.state.count if kind is State else forked.state["count"]) == 9
        assert each.load_state("some id")["count"] == 6
        histories.append(stored(each, "some id"))
    assert histories[0] == histories[1] and len(histories[0]) == 6


def test_it_is_written_and_found_by_name(tmp_path: Path) -> None:
    ours = ChroniclePersistence(str(tmp_path / "a"), durability="disk")
    assert isinstance(ours, FlowPersistence)
    assert _persistence_registry["ChroniclePersistence"] is ChroniclePersistence
    again = ChroniclePersistence.model_validate(ours.model_dump(mode="json"))
    assert again == ours and again.durability == "disk"
    ours.save_state("a", "m", {"n": 1})
    for other in (again, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), ours.model_copy()):
        assert other.load_state("a") == {"n": 1}
    ours.close()
    assert again.load_state("a") == {"n": 1}
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o700
    assert "ChroniclePersistence" in fast_crewai.__all__
    assert Path(ChroniclePersistence.model_fields["path"].default_factory()).name == "flow_states"


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        ChroniclePersistence(tmp_path / "a", durability="never")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError):
        ChroniclePersistence(tmp_path / "file")


def test_threads(tmp_path: Path) -> None:
    ours = ChroniclePersistence(tmp_path / "ours")
    other = ChroniclePersistence(tmp_path / "ours", durability="disk")

    def work(n: int) -> None:
        for k in range(30):
            (ours if k % 2 else other).save_state(f"flow {n}", f"m{k}", {"n": n, "k": k})
            assert ours.load_state(f"flow {n}") == {"n": n, "k": k}

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for n in range(6):
        assert [each.state["k"] for each in ours.history(f"flow {n}")] == list(range(30))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_is_told(tmp_path: Path) -> None:
    ours = ChroniclePersistence(tmp_path / "ours")
    ours.save_state("a", "m", {"n": 1})
    child = os.fork()
    if child == 0:
        code = 1
        try:
            ours.load_state("a")
        except fast_jvm.FastJvmUnavailable:
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert ours.load_state("a") == {"n": 1}


# -- saves of the flows that our patches run


class Twisted(State):
    """A value whose dump is its own."""

    def model_dump(self, **more: Any) -> dict[str, Any]:
        return {"own": self.count}


@pytest.mark.parametrize(
    "state",
    [
        State(count=3, more={"ü": [1.5, None, True, {"a": "\ud800"}]}), State(more={"odd": threading.Lock}), Twisted(count=1),
        State(more={"model": Twisted()}), Odd(lock={1, 2}), State.model_construct(id=5, when="no date"), {"id": "x"},
    ],
    ids=lambda state: type(state).__name__,
)  # fmt: skip
def test_sqlite_rows_are_the_original_s(tmp_path: Path, state: Any) -> None:
    save = SQLiteFlowPersistence.save_state
    stores = [SQLiteFlowPersistence(str(tmp_path / name)) for name in ("ours.db", "theirs.db")]
    before = save.served
    ours = outcome(save, stores[0], "a", "m", state)
    assert ours == outcome(save.__wrapped__, stores[1], "a", "m", state)
    assert stored(stores[0], "a") == stored(stores[1], "a") != []
    assert save.served - before == (type(state) in (State, Odd, dict))


def test_sqlite_s_failures(tmp_path: Path) -> None:
    save = SQLiteFlowPersistence.save_state
    store = SQLiteFlowPersistence(str(tmp_path / "flows.db"))
    circle = State()
    circle.more["self"] = circle.more
    for state, name in ((circle, "m"), (State(), {"no": "name"})):
        assert outcome(save, store, "a", name, state) == outcome(
            save.__wrapped__, store, "a", name, state
        )
    assert stored(store, "a") == []
    store.db_path = str(tmp_path / "none" / "flows.db")
    ours = outcome(save, store, "a", "m", State())
    assert ours == outcome(save.__wrapped__, store, "a", "m", State())


@pytest.mark.parametrize(
    ("state", "durability", "at_once"),
    [
        ({"n": 1, "deep": [{"a": None}]}, "process", True), (State(count=1, more={"a": [1]}), "process", False),
        ({"n": 1}, "disk", False), ({"many": [1] * 100}, "process", False), ({"long": "x" * 2000}, "process", False),
        ({"set": {1}}, "process", False), (Small(count=2), "process", True), ({1: "a"}, "process", False),
    ],
)  # fmt: skip
def test_small_states_are_saved_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Any, durability: Any, at_once: bool
) -> None:
    stores: list[Any] = [
        ChroniclePersistence(tmp_path / "ours", durability=durability),
        SQLiteFlowPersistence(str(tmp_path / "flows.db")),
    ]
    threads: list[int] = []
    loop: list[int] = []
    save = ChroniclePersistence.save_state

    def spied(self: Any, *given_: Any, **named: Any) -> None:
        threads.append(threading.get_ident())
        save(self, *given_, **named)

    monkeypatch.setattr(ChroniclePersistence, "save_state", spied)
    for store in stores:

        @persist(store)
        class Two(Flow[type(state)]):  # type: ignore[misc]
            @start()
            async def one(self) -> str:
                loop.append(threading.get_ident())
                if isinstance(self.state, dict):
                    self.state["more"] = 1
                return "one"

            @listen(one)
            async def two(self) -> str:
                return "two"

        made = Two(suppress_flow_events=True)
        made._state = copy.deepcopy(state)
        if isinstance(state, dict):
            made._state["id"] = "x"
        assert made.kickoff() == "two"
    ours, theirs = (stored(store, "x") for store in stores)
    assert ours == theirs and [name for name, _ in ours] == ["one", "two"]
    assert [thread == loop[0] for thread in threads] == [at_once, at_once]
    stores[0].close()
