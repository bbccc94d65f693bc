"""Whole graphs, with all patches in place and with none, in one process and in turn; CPU time, minima of the rounds."""

from __future__ import annotations

import asyncio
import contextlib
import operator
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send
from typing_extensions import Annotated, TypedDict

from benchmarks import harness
from benchmarks.demo import agent

MODEL_SECONDS = 0.2
AGENTS = 100


class State(TypedDict, total=False):
    """A number and a list that grows."""

    n: int
    seen: Annotated[List[Any], operator.add]


def fan_out() -> Callable[[], Any]:
    """100 Sends in one step."""
    graph = StateGraph(State)
    graph.add_node("start", lambda state: {})
    graph.add_node("work", lambda state: {"seen": [state["n"]]})
    graph.add_edge(START, "start")
    graph.add_conditional_edges(
        "start", lambda state: [Send("work", {"n": n}) for n in range(100)], ["work"]
    )
    graph.add_edge("work", END)
    compiled = graph.compile()
    return lambda: compiled.invoke({"n": 0, "seen": []})


def nested() -> Callable[[], Any]:
    """Three graphs, one in the other, of two nodes each."""

    def level(inner: Any) -> Any:
        graph = StateGraph(State)
        graph.add_node("a", lambda state: {"seen": ["a"]})
        graph.add_node("b", inner)
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        graph.add_edge("b", END)
        return graph.compile()

    compiled = level(level(level(lambda state: {"seen": ["b"]})))
    return lambda: compiled.invoke({"n": 0, "seen": []})


def sequential() -> Callable[[], Any]:
    """20 nodes that do next to nothing, one after the other."""
    graph = StateGraph(State)
    last = START
    for n in range(20):
        graph.add_node("n%d" % n, lambda state, n=n: {"n": n})
        graph.add_edge(last, "n%d" % n)
        last = "n%d" % n
    graph.add_edge(last, END)
    compiled = graph.compile()
    return lambda: compiled.invoke({"n": 0, "seen": []})


def conversation() -> Callable[[], Any]:
    """The agent of the demo: 200 messages, SqliteSaver on a file."""

    def run() -> Any:
        with tempfile.TemporaryDirectory() as folder:
            connection = sqlite3.connect(str(Path(folder) / "chat.db"), check_same_thread=False)
            with contextlib.closing(connection):
                graph = agent.build(SqliteSaver(connection))
                config: Any = {"configurable": {"thread_id": "one"}}
                given: Any = {"customer": "one", "turns": 0}
                for turn in range(50):
                    asked = {**given, "messages": [agent.question("one", turn)]}
                    found = graph.invoke(asked, config)
        return [message.content for message in found["messages"]]

    return run


class SlowModel(agent.ScriptedChatModel):
    """The demo's model, that lets the event loop wait for its answer."""

    async def _agenerate(
        self,
        messages: List[BaseMessage],
        stop: Optional[List[str]] = None,
        run_manager: Optional[AsyncCallbackManagerForLLMRun] = None,
        **kwargs: Any,
    ) -> ChatResult:
        await asyncio.sleep(MODEL_SECONDS)
        return self._generate(messages, stop)


def agents() -> Callable[[], Any]:
    """100 agents at once on one event loop, a turn each; the model answers in 200 ms."""
    model = SlowModel().bind_tools(agent.TOOLS)

    async def ask(state: Any) -> Dict[str, Any]:
        answer = await model.ainvoke([agent.SYSTEM, *state["messages"]])
        return {"messages": [answer], "turns": state["turns"] + 1}

    graph = StateGraph(agent.State)
    graph.add_node("agent", ask)
    graph.add_node("tools", ToolNode(agent.TOOLS))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", tools_condition, {"tools": "tools", END: END})
    graph.add_edge("tools", "agent")

    async def all_of_them() -> Any:
        compiled: Any = graph.compile(checkpointer=InMemorySaver())
        found = await asyncio.gather(
            *(
                compiled.ainvoke(
                    {"messages": [agent.question(str(n), n)], "customer": str(n), "turns": 0},
                    {"configurable": {"thread_id": str(n)}},
                )
                for n in range(AGENTS)
            )
        )
        return [[message.content for message in each["messages"]] for each in found]

    return lambda: asyncio.run(all_of_them())


@contextlib.contextmanager
def originals() -> Iterator[None]:
    """The library's own functions where ours are."""
    from fast_jvm import _registry

    placed = [entry for entry in _registry.entries() if entry.placed is not None]
    for entry in placed:
        setattr(entry.owner, entry.attribute, entry.raw)
    try:
        yield
    finally:
        for entry in placed:
            setattr(entry.owner, entry.attribute, entry.placed)


def _cpu(run: Callable[[], Any]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def measure(
    name: str, make: Callable[[], Callable[[], Any]], bar: float, rounds: int
) -> List[harness.Result]:
    """Compare what both sides return, then time them in turn."""
    run = make()
    result = harness.Result("%s: cpu" % name, bar=harness.at_least(bar))
    with originals():
        expected = run()
    result.equal = run() == expected
    theirs: List[float] = []
    ours: List[float] = []
    for _ in range(rounds):
        with originals():
            theirs.append(_cpu(run))
        ours.append(_cpu(run))
    result.runs = rounds
    result.original, result.ours = min(theirs), min(ours)
    result.original_median, result.ours_median = (
        statistics.median(theirs),
        statistics.median(ours),
    )
    return [result]


ROWS = [
    harness.Row(name, lambda name=name, row=row: measure(name, *row))  # type: ignore[misc]
    for name, row in (
        ("fan-out of 100 Sends", (fan_out, 1.5, 100)),
        ("3 nested graphs", (nested, 1.3, 600)),
        ("20 sequential nodes", (sequential, 1.3, 400)),
        ("agent, 200 messages, SqliteSaver", (conversation, 2.5, 9)),
        ("100 agents at once", (agents, 2.0, 15)),
    )
]
