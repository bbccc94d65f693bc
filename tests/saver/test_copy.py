"""copy_checkpoints: what a copy shows is what its source shows, and it can be taken up again."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from saver.scenarios import SCENARIOS, Many, chat, config, deltas, pinned, shown, snapshot
from saver.test_graphs import less

pytestmark = pytest.mark.usefixtures("java")


def tuples(saver: Any) -> list[Any]:
    return ordered(saver.list(None))


def ordered(found: Any) -> list[Any]:
    return sorted(map(shown, found), key=lambda each: sorted(each[0].items()))


def numbered(saver: Any) -> list[Any]:
    """Task ids, numbers, channels and paths of all writes, as the saver keeps them."""
    from fast_langgraph import _copy

    told = []
    for found in [*saver.list(None)]:  # SqliteSaver is locked while it lists
        place, id_ = _copy._named(found)
        told.append((place, id_, _copy._finish(_copy._numbered(_copy._Sync(saver), place, id_))))
    return sorted(told, key=repr)


@contextlib.contextmanager
def sqlite(**settings: Any) -> Any:
    with SqliteSaver.from_conn_string(":memory:") as saver:
        if settings:
            saver = SqliteSaver(saver.conn, **settings)
        yield saver


@pytest.mark.parametrize("name", SCENARIOS)
def test_there_and_back(chronicle: Callable[..., Any], name: str) -> None:
    from fast_langgraph import copy_checkpoints

    with sqlite() as first, sqlite() as last:
        with pinned():
            SCENARIOS[name](first)
        savers = [first, chronicle(), InMemorySaver(), last]
        wanted, writes = tuples(first), numbered(first)
        assert len(wanted) >= 3
        assert any(path for *_, rows in writes for *_, path in rows)
        for source, target in zip(savers, savers[1:]):
            assert copy_checkpoints(source, target) == len(wanted)
            assert less(tuples(target)) == less(wanted)
            if name != "deltas":  # a snapshot is all checkpoints' that have its version
                assert tuples(target) == wanted
            assert numbered(target) == writes
        assert tuples(first) == wanted


@pytest.mark.parametrize("name", SCENARIOS)
def test_from_memory(chronicle: Callable[..., Any], name: str) -> None:
    """InMemorySaver keeps what SqliteSaver does not: a task's later resume values, snapshots."""
    from fast_langgraph import copy_checkpoints

    source, target, back = InMemorySaver(), chronicle(), InMemorySaver()
    with pinned():
        SCENARIOS[name](source)
    assert copy_checkpoints(source, target) == copy_checkpoints(target, back) >= 3
    assert tuples(source) == tuples(target) == tuples(back)
    assert numbered(source) == numbered(target) == numbered(back)


def test_delta_channels_are_rebuilt(chronicle: Callable[..., Any]) -> None:
    from fast_langgraph import copy_checkpoints

    with sqlite() as source, sqlite() as last:
        deltas(source)
        target = chronicle()
        copy_checkpoints(source, target)
        copy_checkpoints(target, last)
        for found in [*source.list(None)]:
            asked = {"config": found.config, "channels": ["log"]}
            wanted = source.get_delta_channel_history(**asked)["log"]
            for copy in (target, last):
                got = copy.get_delta_channel_history(**asked)["log"]
                assert rebuilt(got) == rebuilt(wanted)


def rebuilt(history: Any) -> list[Any]:
    seed = history.get("seed")
    start = getattr(seed, "value", seed) or []
    return [*start, *(each for _, _, value in history["writes"] for each in value)]


def resuming_graph(saver: Any) -> Any:
    def ask(state: Many) -> Many:
        first = interrupt("first?")
        return {"done": [first, interrupt("second?")]}

    graph = StateGraph(Many)
    graph.add_node("ask", ask)
    graph.add_node("beside", lambda state: {"done": ["beside"]})
    graph.add_edge(START, "ask")
    graph.add_edge(START, "beside")
    return graph.compile(checkpointer=saver)


def test_an_interrupted_graph_goes_on(chronicle: Callable[..., Any], tmp_path: Path) -> None:
    from fast_langgraph import copy_checkpoints

    with sqlite() as source, sqlite() as last:
        graph = resuming_graph(source)
        graph.invoke({"items": [1]}, config("t"))
        graph.invoke(Command(resume="one"), config("t"))
        target = chronicle()
        assert copy_checkpoints(source, target) == copy_checkpoints(target, last) > 0
        wanted = graph.invoke(Command(resume="two"), config("t"))
        assert wanted["done"] == ["one", "two", "beside"]
        for copy in (target, last):
            copied = resuming_graph(copy)
            assert copied.get_state(config("t")).interrupts
            assert copied.invoke(Command(resume="two"), config("t")) == wanted
            assert not copied.get_state(config("t")).next


def test_each_side_has_its_serializer(chronicle: Callable[..., Any], tmp_path: Path) -> None:
    from fast_langgraph import copy_checkpoints

    first = EncryptedSerializer.from_pycryptodome_aes(key=b"1" * 16)
    second = EncryptedSerializer.from_pycryptodome_aes(key=b"2" * 32)
    with sqlite(serde=first) as source, sqlite() as last:
        chat(source)
        target = chronicle(serde=second)
        wanted = tuples(source)
        assert copy_checkpoints(source, target) == copy_checkpoints(target, last) == len(wanted)
        assert tuples(target) == tuples(last) == wanted
        # an encrypted value differs each time it is written: nothing was written
        stored = [*source.conn.execute("SELECT * FROM checkpoints")]
        assert copy_checkpoints(target, source) == 0
        assert [*source.conn.execute("SELECT * FROM checkpoints")] == stored


class Stops(Exception):
    pass


@pytest.mark.parametrize("after", [0, 1, 2, 5, 11, 16])
@pytest.mark.parametrize("kind, name", [("memory", "map_reduce"), ("chronicle", "subgraphs")])
def test_a_copy_that_was_stopped(
    chronicle: Callable[..., Any], kind: str, name: str, after: int
) -> None:
    from fast_langgraph import copy_checkpoints

    source = InMemorySaver()
    with pinned():
        SCENARIOS[name](source)
    target = InMemorySaver() if kind == "memory" else chronicle()
    put, put_writes, left = target.put, target.put_writes, [after]

    def counted(function: Any) -> Any:
        def call(*given: Any) -> Any:
            if not left[0]:
                raise Stops
            left[0] -= 1
            return function(*given)

        return call

    target.put, target.put_writes = counted(put), counted(put_writes)
    with pytest.raises(Stops):
        copy_checkpoints(source, target)
    target.put, target.put_writes = put, put_writes
    there = len(tuples(target))
    assert copy_checkpoints(source, target) == len(tuples(source)) - there
    assert tuples(target) == tuples(source)
    assert numbered(target) == numbered(source)


def test_a_second_copy_writes_nothing(chronicle: Callable[..., Any]) -> None:
    from fast_langgraph import copy_checkpoints

    with sqlite() as source:
        chat(source)
        target = chronicle()
        copy_checkpoints(source, target)

        def none(*_: Any) -> Any:
            raise AssertionError("written again")

        target.put = target.put_writes = none
        assert copy_checkpoints(source, target) == 0


def test_what_came_since_is_copied() -> None:
    from fast_langgraph import copy_checkpoints

    source, target = InMemorySaver(), InMemorySaver()
    graph = resuming_graph(source)
    graph.invoke({"items": [1]}, config("t"))
    copied = copy_checkpoints(source, target)
    graph.invoke(Command(resume="one"), config("t"))  # more writes, no new checkpoint
    assert copied and copy_checkpoints(source, target) == 0
    assert tuples(target) == tuples(source)
    graph.invoke(Command(resume="two"), config("t"))
    assert copy_checkpoints(source, target) == 1
    assert tuples(target) == tuples(source)
    assert snapshot(resuming_graph(target).get_state(config("t"))) == snapshot(
        graph.get_state(config("t"))
    )


def test_some_threads(chronicle: Callable[..., Any]) -> None:
    from fast_langgraph import copy_checkpoints

    source, target = InMemorySaver(), chronicle()
    chat(source)
    assert copy_checkpoints(source, target, threads=["u"]) > 0
    assert {each[0]["thread_id"] for each in tuples(target)} == {"u"}
    assert copy_checkpoints(source, target, threads="u") == 0
    assert copy_checkpoints(source, target, threads=["none"]) == 0
    with pytest.raises(ValueError, match="same saver"):
        copy_checkpoints(source, source)


class Plain(BaseCheckpointSaver[str]):
    """A saver that nobody knows: the public methods and no more."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = InMemorySaver()

    def list(self, *given: Any, **named: Any) -> Any:
        return self.kept.list(*given, **named)

    def get_tuple(self, *given: Any) -> Any:
        return self.kept.get_tuple(*given)

    def put(self, *given: Any) -> Any:
        return self.kept.put(*given)

    def put_writes(self, *given: Any) -> None:
        self.kept.put_writes(*given)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_saver_that_nobody_knows(name: str) -> None:
    from fast_langgraph import copy_checkpoints

    source, target = Plain(), InMemorySaver()
    with pinned():
        SCENARIOS[name](source.kept)
    copy_checkpoints(source, target)
    in_order = [[each.pending_writes for each in one.list(None)] for one in (source, target)]
    assert in_order[0] == in_order[1]
    assert tuples(source) == tuples(target)


async def test_async(chronicle: Callable[..., Any], tmp_path: Path) -> None:
    from fast_langgraph import acopy_checkpoints, copy_checkpoints

    with sqlite() as first:
        with pinned():
            SCENARIOS["interrupts"](first)
        wanted, writes = tuples(first), numbered(first)
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as second:
            target, memory = chronicle(), InMemorySaver()
            for one, other in ((first, second), (second, target), (target, memory)):
                assert await acopy_checkpoints(one, other) == len(wanted)
                assert await acopy_checkpoints(one, other) == 0
            assert ordered([each async for each in second.alist(None)]) == wanted
            assert tuples(target) == tuples(memory) == wanted
            assert numbered(target) == numbered(memory) == writes
            other = InMemorySaver()  # from another thread than the loop's
            assert await asyncio.to_thread(copy_checkpoints, second, other) == len(wanted)
            assert numbered(other) == writes


def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    from fast_langgraph import copy_checkpoints

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    source = InMemorySaver()
    chat(source)
    total = len(tuples(source))
    told: list[Any] = []
    copy_checkpoints(source, InMemorySaver(), progress=lambda *given: told.append(given))
    assert told == [(number + 1, total) for number in range(total)]
    for stream, setting, shows in (
        (Terminal(), True, True),
        (Terminal(), False, False),
        (io.StringIO(), True, False),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        copy_checkpoints(source, InMemorySaver(), progress=setting)
        assert (f"{total} of {total} checkpoints" in stream.getvalue()) == shows
        assert stream.getvalue().endswith("\n") == shows
