"""Graphs with a CachePolicy: what they return, stream and run is the same over either cache."""

from __future__ import annotations

import operator
from typing import Annotated, Any, Callable

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.types import CachePolicy, Command, Send, interrupt
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    messages: Annotated[list, add_messages]
    total: Annotated[int, operator.add]
    n: int


class Runs:
    """A graph whose nodes write down that they ran."""

    def __init__(self) -> None:
        self.ran: list[Any] = []

    def node(self, name: str, work: Callable[[Any], Any]) -> Callable[[State], Any]:
        def run(state: State) -> Any:
            self.ran.append(name)
            return work(state)

        return run


def messages(runs: Runs, cache: Any) -> list[Any]:
    graph = StateGraph(State)
    graph.add_node(
        "ask",
        runs.node("ask", lambda state: {"messages": [AIMessage("a" * 500, id="a")], "total": 1}),
        cache_policy=CachePolicy(),
    )
    graph.add_node(
        "sum", runs.node("sum", lambda s: {"total": s["total"]}), cache_policy=CachePolicy(ttl=3600)
    )
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "sum")
    graph.add_edge("sum", END)
    app = graph.compile(cache=cache)
    told: list[Any] = []
    for text in ("one", "one", "two", "one"):
        given = {"messages": [HumanMessage(text, id="q")]}
        told.append(app.invoke(given))
        told.append([*app.stream(given, stream_mode=["updates", "values"])])
    app.clear_cache()
    told.append(app.invoke({"messages": [HumanMessage("one", id="q")]}))
    return told


def key_function(runs: Runs, cache: Any) -> list[Any]:
    graph = StateGraph(State)
    graph.add_node(
        "half",
        runs.node("half", lambda state: {"total": state["n"]}),
        cache_policy=CachePolicy(key_func=lambda state: str(state["n"] // 2)),
    )
    graph.add_edge(START, "half")
    app = graph.compile(cache=cache)
    return [app.invoke({"n": n}) for n in (0, 1, 2, 3, 1)]


def map_reduce(runs: Runs, cache: Any) -> list[Any]:
    graph = StateGraph(State)
    graph.add_node(
        "one", runs.node("one", lambda n: {"total": n["n"] % 3}), cache_policy=CachePolicy()
    )
    graph.add_conditional_edges(
        START, lambda state: [Send("one", {"n": k % 5}) for k in range(state["n"])], ["one"]
    )
    app = graph.compile(cache=cache)
    first = app.invoke({"n": 5})
    return [first, app.invoke({"n": 9}), app.invoke({"n": 9})]


def interrupts(runs: Runs, cache: Any) -> list[Any]:
    def ask(state: State) -> Any:
        return {"total": interrupt("how many?")}

    graph = StateGraph(State)
    graph.add_node("before", runs.node("before", lambda s: {"n": 3}), cache_policy=CachePolicy())
    graph.add_node("ask", runs.node("ask", ask), cache_policy=CachePolicy())
    graph.add_edge(START, "before")
    graph.add_edge("before", "ask")
    app = graph.compile(cache=cache, checkpointer=InMemorySaver())
    told = []
    for thread in "ab":
        config: Any = {"configurable": {"thread_id": thread}}
        first = app.invoke({"n": 1}, config)
        told.append([each.value for each in first.get("__interrupt__", [])])
        told.append(app.invoke(Command(resume=7), config))
    return told


def tasks(runs: Runs, cache: Any) -> list[Any]:
    @task(cache_policy=CachePolicy())
    def square(n: int) -> int:
        runs.ran.append(("square", n))
        return n * n

    @entrypoint(cache=cache)
    def work(numbers: list[int]) -> list[int]:
        return [each.result() for each in [square(n) for n in numbers]]

    return [work.invoke([1, 2]), work.invoke([2, 3]), work.invoke([1, 2])]


def nested(runs: Runs, cache: Any) -> list[Any]:
    inner = StateGraph(State)
    inner.add_node(
        "leaf", runs.node("leaf", lambda s: {"total": s["n"]}), cache_policy=CachePolicy()
    )
    inner.add_edge(START, "leaf")
    outer = StateGraph(State)
    outer.add_node("inner", inner.compile(cache=cache))
    outer.add_edge(START, "inner")
    app = outer.compile(cache=cache)
    return [app.invoke({"n": n}) for n in (1, 1, 2)]


def failing(runs: Runs, cache: Any) -> list[Any]:
    def fail(state: State) -> Any:
        if runs.ran.count("fail") < 2:
            raise ValueError("once")
        return {"total": 5}

    graph = StateGraph(State)
    graph.add_node("fail", runs.node("fail", fail), cache_policy=CachePolicy())
    graph.add_edge(START, "fail")
    app = graph.compile(cache=cache)
    told: list[Any] = []
    for _ in range(3):
        try:
            told.append(app.invoke({"n": 1}))
        except ValueError as error:
            told.append(repr(error))
    return told


SCENARIOS = [messages, key_function, map_reduce, interrupts, tasks, nested, failing]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.__name__)
def test_as_with_the_original(java: str, scenario: Any) -> None:
    from fast_langgraph import CaffeineCache

    ours, original = Runs(), Runs()
    cache: Any = CaffeineCache(max_bytes=1 << 24)
    assert scenario(ours, cache) == scenario(original, InMemoryCache())
    assert sorted(map(str, ours.ran)) == sorted(map(str, original.ran))
    assert cache.cache_stats()["hits"] > 0


async def test_async(java: str) -> None:
    from fast_langgraph import CaffeineCache

    told = []
    for cache in (CaffeineCache(max_bytes=1 << 24), InMemoryCache()):
        ran: list[int] = []

        async def node(state: State, ran: list[int] = ran) -> Any:
            ran.append(state["n"])
            return {"total": state["n"]}

        graph = StateGraph(State)
        graph.add_node("node", node, cache_policy=CachePolicy())
        graph.add_edge(START, "node")
        app = graph.compile(cache=cache)
        told.append([[await app.ainvoke({"n": n}) for n in (1, 1, 2, 1)], ran])
        await app.aclear_cache()
        await app.ainvoke({"n": 1})
        assert ran == [1, 2, 1]
    assert told[0] == told[1]


def test_time_to_live(java: str) -> None:
    from fast_langgraph import CaffeineCache

    cache: Any = CaffeineCache(max_bytes=1 << 24)
    now = [10**12]
    cache._cache._clock = lambda: now[0]
    runs = Runs()
    graph = StateGraph(State)
    graph.add_node(
        "node", runs.node("node", lambda s: {"total": 1}), cache_policy=CachePolicy(ttl=5)
    )
    graph.add_edge(START, "node")
    app = graph.compile(cache=cache)
    for passed, ran in ((0, 1), (4, 1), (0.999, 1), (0.001, 2), (1, 2)):
        now[0] += round(passed * 1e9)
        assert app.invoke({"n": 1})["total"] == 1
        assert len(runs.ran) == ran
