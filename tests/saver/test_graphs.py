"""Whole graphs: what ChronicleSaver shows is what InMemorySaver and SqliteSaver show."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.checkpoint.sqlite import SqliteSaver

from saver.scenarios import SCENARIOS, chat, chat_graph, config, pinned, shown, snapshot


def same(ours: Any, theirs: Any) -> None:
    assert len(ours) == len(theirs)
    for number, (mine, other) in enumerate(zip(ours, theirs)):
        assert mine == other, number


def less(told: Any) -> Any:
    """What SqliteSaver tells too.

    It keeps the first of a task's resume values, since they come with other writes; and it keeps values
    with their checkpoint, so that one does not have the snapshot that another made of the same version.
    """
    if isinstance(told, (list, tuple)):
        kept = [each for each in told if not (isinstance(each, tuple) and "__resume__" in each)]
        return type(told)(map(less, kept)) if type(told) in (list, tuple) else told
    if isinstance(told, dict):
        return {
            name: less(value)
            for name, value in told.items()
            if not isinstance(value, _DeltaSnapshot)
        }
    return told


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_graph(chronicle: Callable[..., Any], name: str) -> None:
    scenario = SCENARIOS[name]
    with pinned():
        ours = scenario(chronicle())
    with pinned():
        memory = scenario(InMemorySaver())
    with pinned(), SqliteSaver.from_conn_string(":memory:") as saver:
        sqlite = scenario(saver)
    assert len(ours) > 3
    same(ours, memory)
    same(less(ours), less(sqlite))


@pytest.mark.parametrize("stored", ["process", "disk"])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_durability(chronicle: Callable[..., Any], durability: str, stored: str) -> None:
    with pinned():
        ours = chat(chronicle(durability=stored), durability)
    with pinned():
        same(ours, chat(InMemorySaver(), durability))
    with pinned(), SqliteSaver.from_conn_string(":memory:") as saver:
        same(ours, chat(saver, durability))


@pytest.mark.parametrize("stored", ["process", "disk"])
async def test_async(chronicle: Callable[..., Any], stored: str) -> None:
    async def told(saver: Any) -> list[Any]:
        graph = chat_graph(checkpointer=saver)
        seen: list[Any] = []
        for turn in range(3):
            given = {"messages": [HumanMessage(f"question {turn}", id=f"q{turn}")]}
            seen.append(await graph.ainvoke(given, config("t")))
            async for each in graph.astream(given, config("u"), stream_mode="values"):
                seen.append(each)
        history = [each async for each in graph.aget_state_history(config("t"))]
        seen += map(snapshot, history)
        await graph.aupdate_state(history[3].config, {"total": 7}, as_node="note")
        seen.append(snapshot(await graph.aget_state(config("t"))))
        seen += [shown(each) async for each in saver.alist(config("u"))]
        seen.append(shown(await saver.aget_tuple(config("u"))))
        await saver.adelete_thread("t")
        seen.append(await saver.aget_tuple(config("t")))
        return seen

    with pinned():
        ours = await told(chronicle(durability=stored))
    with pinned():
        same(ours, await told(InMemorySaver()))


def test_all_threads_at_once(chronicle: Callable[..., Any]) -> None:
    def told(saver: Any) -> list[Any]:
        chat(saver)
        found = [shown(each) for each in saver.list(None)]
        limited = [shown(each) for each in saver.list(None, filter={"source": "input"}, limit=3)]
        return [sorted(found, key=repr), len(limited)]

    with pinned():
        ours = told(chronicle())
    with pinned():
        same(ours, told(InMemorySaver()))
