"""Graphs that repeat to the byte, and what a saver shows of them."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import operator
import random
import types
import uuid
from typing import Annotated, Any, Callable, Iterator
from unittest import mock

import langgraph.checkpoint.base.id
import langgraph.checkpoint.memory
import langgraph.checkpoint.sqlite
import langgraph.graph.message
import langgraph.pregel._checkpoint
import langgraph.pregel._loop
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

START_TIME = datetime.datetime(2025, 3, 1, 8, 30, tzinfo=datetime.timezone.utc)


class _Clock:
    def __init__(self) -> None:
        self._ticks = itertools.count()

    def now(self, zone: Any = None) -> datetime.datetime:
        return START_TIME + datetime.timedelta(milliseconds=next(self._ticks))


@contextlib.contextmanager
def pinned() -> Iterator[None]:
    """The same ids, versions and times whenever it is entered."""
    import fast_langgraph._saver

    ticks = itertools.count(int(START_TIME.timestamp() * 1e9), 1_000_000)
    ids = random.Random(4)
    names = {
        (langgraph.checkpoint.base.id, "time"): types.SimpleNamespace(time_ns=lambda: next(ticks)),
        (langgraph.checkpoint.base.id, "random"): random.Random(6),
        (langgraph.checkpoint.base.id, "_last_v6_timestamp"): None,
        (langgraph.checkpoint.sqlite, "random"): random.Random(7),
        (langgraph.checkpoint.memory, "random"): random.Random(7),
        (fast_langgraph._saver, "random"): random.Random(7),
        (langgraph.graph.message, "uuid"): types.SimpleNamespace(
            uuid4=lambda: uuid.UUID(int=ids.getrandbits(128), version=4)
        ),
        (langgraph.pregel._checkpoint, "datetime"): _Clock(),
        (langgraph.pregel._loop, "datetime"): _Clock(),
    }
    with contextlib.ExitStack() as stack:
        for (module, name), replacement in names.items():
            stack.enter_context(mock.patch.object(module, name, replacement))
        yield


def shown(found: Any) -> Any:
    """A CheckpointTuple, comparable: writes in no order, since tasks end in none."""
    if found is None:
        return None
    return (
        found.config["configurable"],
        found.checkpoint,
        found.metadata,
        found.parent_config and found.parent_config["configurable"],
        sorted(found.pending_writes or [], key=repr),
    )


def snapshot(state: Any) -> Any:
    tasks = [
        (task.id, task.name, task.path, repr(task.error), task.interrupts, task.result)
        for task in state.tasks
    ]
    return (
        state.values,
        state.next,
        state.config["configurable"],
        state.metadata,
        state.created_at,
        state.parent_config and state.parent_config["configurable"],
        sorted(tasks, key=repr),
        state.interrupts,
    )


def everything(saver: Any, graph: Any, *threads: str) -> list[Any]:
    """All that a saver shows of threads."""
    told: list[Any] = []
    for thread in threads:
        config = {"configurable": {"thread_id": thread}}
        told.append([snapshot(each) for each in graph.get_state_history(config)])
        told.append(snapshot(graph.get_state(config)))
        found = sorted(
            saver.list(config), key=lambda each: each.config["configurable"]["checkpoint_id"]
        )
        told.append([*map(shown, found)])
        for each in found:
            named = each.config["configurable"]
            told.append(shown(saver.get_tuple({"configurable": dict(named)})))
            before = sorted(
                one.config["configurable"]["checkpoint_id"]
                for one in saver.list(config, before=each.config)
            )
            told.append(before)
        root = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        for limit in (1, 2, 1000):
            told.append([shown(each) for each in saver.list(root, limit=limit)])
        for wanted in ({"source": "loop"}, {"step": 1}, {"source": "update"}, {"no": "such"}):
            told.append([shown(each) for each in saver.list(root, filter=wanted)])
            told.append([shown(each) for each in saver.list(root, filter=wanted, limit=1)])
    return told


# -- graphs


class Chat(TypedDict, total=False):
    messages: Annotated[list, add_messages]
    total: Annotated[int, operator.add]
    notes: dict


def chat_graph(**compiled: Any) -> Any:
    def ask(state: Chat) -> Chat:
        n = len(state["messages"])
        return {"messages": [AIMessage(f"answer {n} " + "x" * 200, id=f"a{n}")], "total": n}

    def note(state: Chat) -> Chat:
        return {"notes": {"seen": len(state["messages"]), "odd": (1, {2}, b"3")}}

    graph = StateGraph(Chat)
    graph.add_node("ask", ask)
    graph.add_node("note", note)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "note")
    graph.add_edge("note", END)
    return graph.compile(**compiled)


def config(thread: Any, **more: Any) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread, **more}}


def chat(saver: Any, durability: str = "async") -> list[Any]:
    graph = chat_graph(checkpointer=saver)
    for turn in range(5):
        graph.invoke(
            {"messages": [HumanMessage(f"question {turn}", id=f"q{turn}")]},
            config("t"),
            durability=durability,
        )
    graph.invoke(
        {"messages": [HumanMessage("other", id="o")]}, config("u", user="me"), durability=durability
    )
    return everything(saver, graph, "t", "u")


def forks(saver: Any) -> list[Any]:
    graph = chat_graph(checkpointer=saver)
    for turn in range(3):
        graph.invoke({"messages": [HumanMessage(f"question {turn}", id=f"q{turn}")]}, config("t"))
    old = [*graph.get_state_history(config("t"))][4]
    told: list[Any] = [graph.invoke(None, old.config)]
    changed = graph.update_state(old.config, {"messages": [HumanMessage("instead", id="i")]}, "ask")
    told.append(changed["configurable"])
    told.append(graph.invoke(None, changed))
    told.append(
        graph.update_state(config("t"), {"total": 100, "notes": {"by": "hand"}}, as_node="note")[
            "configurable"
        ]
    )
    return told + everything(saver, graph, "t")


class Many(TypedDict, total=False):
    items: list
    done: Annotated[list, operator.add]
    answer: str


def interrupts(saver: Any) -> list[Any]:
    def ask(state: Many) -> Many:
        first = interrupt({"which": 1})
        second = interrupt({"which": 2, "first": first})
        return {"done": [first, second], "answer": f"{first}{second}"}

    def beside(state: Many) -> Many:
        return {"done": ["beside"]}

    graph_ = StateGraph(Many)
    graph_.add_node("ask", ask)
    graph_.add_node("beside", beside)
    graph_.add_edge(START, "ask")
    graph_.add_edge(START, "beside")
    graph = graph_.compile(checkpointer=saver)
    told: list[Any] = [graph.invoke({"items": [1]}, config("t"))]
    told += everything(saver, graph, "t")
    told.append(graph.invoke(Command(resume="one"), config("t")))
    told += everything(saver, graph, "t")
    told.append(graph.invoke(Command(resume="two"), config("t")))
    return told + everything(saver, graph, "t")


def subgraphs(saver: Any) -> list[Any]:
    def leaf(state: Many) -> Many:
        return {"done": [interrupt("leaf?")]}

    inner = StateGraph(Many)
    inner.add_node("leaf", leaf)
    inner.add_node("after", lambda state: {"answer": "after"})
    inner.add_edge(START, "leaf")
    inner.add_edge("leaf", "after")
    middle = StateGraph(Many)
    middle.add_node("inner", inner.compile())
    middle.add_edge(START, "inner")
    outer = StateGraph(Many)
    outer.add_node("middle", middle.compile())
    outer.add_node("end", lambda state: {"done": ["end"]})
    outer.add_edge(START, "middle")
    outer.add_edge("middle", "end")
    graph = outer.compile(checkpointer=saver)
    told: list[Any] = [graph.invoke({"items": []}, config("t"))]
    told += everything(saver, graph, "t")
    state = graph.get_state(config("t"), subgraphs=True)
    told.append(state.tasks[0].state.config["configurable"]["checkpoint_ns"])
    told.append(graph.invoke(Command(resume="yes"), config("t")))
    return told + everything(saver, graph, "t")


def failing(saver: Any) -> list[Any]:
    fails = [True]

    def bad(state: Many) -> Many:
        if fails[0]:
            raise ValueError("not yet")
        return {"done": ["bad"]}

    calls = []

    def good(state: Many) -> Many:
        calls.append(1)
        return {"done": ["good"], "answer": "good"}

    graph_ = StateGraph(Many)
    graph_.add_node("bad", bad)
    graph_.add_node("good", good)
    graph_.add_edge(START, "bad")
    graph_.add_edge(START, "good")
    graph = graph_.compile(checkpointer=saver)
    told: list[Any] = []
    for _ in range(2):
        try:
            graph.invoke({"items": []} if not told else None, config("t"))
        except ValueError as error:
            told.append(str(error))
        told.append(
            [write for write in shown(saver.get_tuple(config("t")))[4] if write[1] != "__error__"]
        )
    fails[0] = False
    told.append(graph.invoke(None, config("t")))
    told.append(len(calls) <= 2)
    return told + everything(saver, graph, "t")


def map_reduce(saver: Any) -> list[Any]:
    def spread(state: Many) -> list[Send]:
        return [Send("work", {"items": [n]}) for n in state["items"]]

    graph_ = StateGraph(Many)
    graph_.add_node("work", lambda state: {"done": [state["items"][0] ** 2]})
    graph_.add_node("join", lambda state: {"answer": str(sorted(state["done"]))}, defer=True)
    graph_.add_conditional_edges(START, spread, ["work"])
    graph_.add_edge("work", "join")
    graph = graph_.compile(checkpointer=saver)
    told: list[Any] = [graph.invoke({"items": [*range(20)]}, config("t"))]
    return told + everything(saver, graph, "t")


def _append(state: list, writes: Any) -> list:
    return [*state, *(each for write in writes for each in write)]


class Delta(TypedDict, total=False):
    log: Annotated[list, DeltaChannel(_append, list, snapshot_frequency=4)]
    n: int


def deltas(saver: Any) -> list[Any]:
    graph_ = StateGraph(Delta)
    graph_.add_node("one", lambda state: {"log": [len(state["log"])], "n": 1})
    graph_.add_node("two", lambda state: {"log": ["two"]})
    graph_.add_edge(START, "one")
    graph_.add_edge("one", "two")
    graph = graph_.compile(checkpointer=saver)
    told: list[Any] = [graph.invoke({"log": ["in"]}, config("t")) for _ in range(6)]
    old = [*graph.get_state_history(config("t"))][5]
    told.append(graph.invoke(None, old.config))
    for each in [*saver.list(config("t"))]:
        told.append(saver.get_delta_channel_history(config=each.config, channels=["log"]))
    return told + everything(saver, graph, "t")


SCENARIOS: dict[str, Callable[[Any], list[Any]]] = {
    each.__name__: each
    for each in (chat, forks, interrupts, subgraphs, failing, map_reduce, deltas)
}
