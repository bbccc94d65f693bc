"""keep_last and keep_for: what is kept, what kept ones need, and what it does to the disk."""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path
from typing import Any, Callable
from unittest import mock

import langgraph.checkpoint.base.id
import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from saver.scenarios import Delta, chat_graph, config, pinned, snapshot
from saver.test_compaction import blocks
from saver.test_values import everywhere, put

SLACK = 8
DAY = datetime.timedelta(days=1)


def steps(saver: Any, thread: str, **more: Any) -> list[int]:
    return [one.metadata["step"] for one in saver.list(config(thread, **more))]


@pytest.mark.parametrize("keep", [1, 5, 40])
def test_the_last(chronicle: Callable[..., Any], keep: int) -> None:
    saver = chronicle(keep_last=keep)
    count = 3 * keep + 60
    for n in range(1, count + 1):
        saved = put(saver, "t", n, {"a": f"value {n}", "same": "x"}, version=n)
        saver.put_writes(saved, [("a", n)], "task")
        put(saver, "t", n, {"a": n}, checkpoint_ns="sub")
        if n % 10 == 0:
            put(saver, f"other{n}", 1, {"a": n})
        assert len(steps(saver, "t")) <= 2 * (keep + max(SLACK, keep // 2) + 1)
    found = steps(saver, "t", checkpoint_ns="")
    assert found == [*range(count, count - len(found), -1)]
    assert keep <= len(found) <= keep + max(SLACK, keep // 2)
    assert len(steps(saver, "t", checkpoint_ns="sub")) == len(found)
    saver.compact()
    for each in (saver, chronicle()):
        assert steps(each, "t", checkpoint_ns="") == [*range(count, count - keep, -1)]
        for n in range(count, count - keep, -1):
            got = each.get_tuple(config("t", checkpoint_id=f"{n:08}"))
            assert got.checkpoint["channel_values"] == {"a": f"value {n}", "same": "x"}
            assert got.pending_writes == [("task", "a", n)]
        assert each.get_tuple(config("t", checkpoint_id=f"{count - keep:08}")) is None
        for n in range(10, count + 1, 10):
            assert steps(each, f"other{n}") == [1]


def test_values_that_are_still_held(chronicle: Callable[..., Any], folder: Path) -> None:
    """A channel that is hardly ever written stays readable; versions that nobody holds go."""
    saver = chronicle(keep_last=2)
    put(saver, "t", 1, {"rare": "the rare value", "often": "value 1."}, version=1)
    for n in range(2, 60):
        checkpoint = {
            **empty_checkpoint(),
            "id": f"{n:08}",
            "channel_values": {"often": f"value {n}."},
            "channel_versions": {"rare": 1, "often": n},
        }
        saver.put(config("t"), checkpoint, {"source": "loop", "step": n}, {"often": n})
    saver.compact()
    for n in (58, 59):
        got = saver.get_tuple(config("t", checkpoint_id=f"{n:08}"))
        assert got.checkpoint["channel_values"] == {
            "rare": "the rare value",
            "often": f"value {n}.",
        }
    stored = everywhere(folder)
    assert b"value 58." in stored and b"value 57." not in stored


def test_ids_that_come_in_no_order(chronicle: Callable[..., Any]) -> None:
    saver = chronicle(keep_last=3)
    for n in [*range(100, 130), *range(1, 30)]:
        put(saver, "t", n, {"a": n}, version=n)
        assert saver.get_tuple(config("t", checkpoint_id=f"{n:08}")) is not None
    saver.compact()
    assert steps(saver, "t") == [129, 128, 127]


def test_delta_channels(chronicle: Callable[..., Any]) -> None:
    """What a kept checkpoint is rebuilt from stays."""

    def told(saver: Any) -> list[Any]:
        graph_ = StateGraph(Delta)
        graph_.add_node("one", lambda state: {"log": [len(state["log"])], "n": 1})
        graph_.add_node("two", lambda state: {"log": ["two"]})
        graph_.add_edge(START, "one")
        graph_.add_edge("one", "two")
        graph_.add_edge("two", END)
        graph = graph_.compile(checkpointer=saver)
        seen: list[Any] = []
        for turn in range(30):
            seen.append(graph.invoke({"log": [f"in {turn}"]}, config("t")))
            seen.append(snapshot(graph.get_state(config("t")))[:2])
            if turn % 7 == 6 and hasattr(saver, "compact"):
                saver.compact()
        return seen

    with pinned():
        ours = told(chronicle(keep_last=2))
    with pinned():
        assert ours == told(InMemorySaver())


def test_a_chat(chronicle: Callable[..., Any]) -> None:
    saver = chronicle(keep_last=3)

    def told(saver: Any) -> list[Any]:
        graph = chat_graph(checkpointer=saver)
        for turn in range(20):
            graph.invoke(
                {"messages": [HumanMessage(f"question {turn}", id=f"q{turn}")]}, config("t")
            )
        history = [*graph.get_state_history(config("t"))][:3]
        return [graph.invoke(None, history[1].config), *map(snapshot, history)]

    with pinned():
        ours = told(saver)
    with pinned():
        assert ours == told(InMemorySaver())


def aged(saver: Any, thread: str, step: int, age: datetime.timedelta) -> str:
    """Put a checkpoint whose id was made some time ago."""
    at = time.time_ns() - int(age.total_seconds() * 1e9)
    with (
        mock.patch.object(langgraph.checkpoint.base.id, "_last_v6_timestamp", None),
        mock.patch.object(langgraph.checkpoint.base.id.time, "time_ns", lambda: at),
    ):
        id_ = str(uuid6())
    saver.put(
        config(thread),
        {**empty_checkpoint(), "id": id_},
        {"source": "loop", "step": step},
        {},
    )
    return id_


def test_an_age(chronicle: Callable[..., Any]) -> None:
    saver = chronicle(keep_for=DAY)
    for n in range(30):
        aged(saver, "t", n, datetime.timedelta(hours=58 - 2 * n))
    assert len(steps(saver, "t")) <= 11 + SLACK + 1
    saver.compact()
    assert steps(saver, "t") == [*range(29, 17, -1)]
    # a thread that nobody puts to: its newest is not removed but by compact
    every = chronicle()
    aged(every, "idle", 1, 3 * DAY)
    aged(every, "idle", 2, 2 * DAY)
    aged(saver, "idle too", 3, 2 * DAY)
    assert steps(saver, "idle") == [2, 1] and steps(saver, "idle too") == [3]
    saver.put_writes(config("coming", checkpoint_id="x"), [("a", 1)], "task")
    saver.compact()
    assert steps(saver, "idle") == [] and steps(saver, "idle too") == []
    assert len(steps(saver, "t")) == 12
    assert {one.config["configurable"]["thread_id"] for one in saver.list(None)} == {"t"}
    put(saver, "coming", 1, {})


def test_an_age_by_ts(chronicle: Callable[..., Any]) -> None:
    """Ids that are no UUIDs of version 6: the checkpoint's own time counts; none of it, and it stays."""
    saver = chronicle()
    now = datetime.datetime.now(datetime.timezone.utc)
    for n, ts in enumerate(
        [(now - 3 * DAY).isoformat(), (now - DAY / 2).isoformat(), "no time", None, "2020-01-01"]
    ):
        saver.put(
            config("t"),
            {**empty_checkpoint(), "id": f"{n:08}", "ts": ts},
            {"source": "loop", "step": n},
            {},
        )
    chronicle(keep_for=DAY).compact()
    assert steps(saver, "t") == [3, 2, 1]


@pytest.mark.parametrize(
    "settings,error",
    [
        ({"keep_last": 0}, ValueError),
        ({"keep_last": -1}, ValueError),
        ({"keep_last": 1.5}, TypeError),
        ({"keep_for": datetime.timedelta()}, ValueError),
        ({"keep_for": 60}, TypeError),
    ],
)
def test_no_such_setting(
    chronicle: Callable[..., Any], folder: Path, settings: Any, error: Any
) -> None:
    with pytest.raises(error, match="keep_|integer"):
        chronicle(**settings)
    assert not folder.exists()


def test_the_disk_stays_bounded(chronicle: Callable[..., Any], folder: Path) -> None:
    """A thread that is put to 2,000 times, 60 MB in all: it is compacted by itself."""
    saver = chronicle(keep_last=5)
    largest = 0
    for n in range(2000):
        put(saver, "t", n, {"a": os.urandom(30_000), "b": n}, version=n)
        if n % 50 == 0:
            largest = max(largest, blocks(folder))
    assert largest < 40 << 20
    for _ in range(100):  # one that was begun may still be at it
        if blocks(folder) < 20 << 20:
            break
        time.sleep(0.1)
    assert blocks(folder) < 20 << 20
    assert steps(saver, "t")[:5] == [1999, 1998, 1997, 1996, 1995]
    saver.compact()
    assert blocks(folder) < 2 << 20
    assert len([*saver.list(config("t"))]) == 5


def test_damage_is_no_error_of_a_put(chronicle: Callable[..., Any], folder: Path) -> None:
    saver = chronicle()
    for n in range(1, 12):
        put(saver, "t", n, {"a": f"value {n}."}, version=n)
    saver.close()
    (file,) = folder.rglob("*L.cq4")
    with open(file, "r+b") as opened:
        opened.seek(opened.read(1 << 20).rindex(b"00000011"))
        opened.write(b"1")
    saver = chronicle(keep_last=3)
    for n in range(12, 40):
        put(saver, "t", n, {"a": f"value {n}."}, version=n)
    assert saver.get_tuple(config("t")).metadata["step"] == 39
