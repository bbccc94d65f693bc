"""Whole runs and state histories of graphs, with the patches of LangGraph's steps and without."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import operator
from pathlib import Path
from typing import Annotated, Any, Callable

import pytest
from langchain_core.callbacks.base import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.pregel import NodeBuilder
from langgraph.runtime import Runtime, get_runtime
from langgraph.types import Command, RetryPolicy, Send, interrupt
from saver.scenarios import SCENARIOS, chat, chat_graph, config, everything, pinned, snapshot
from typing_extensions import TypedDict

from graphs.sides import Counters, in_place

SERVED: Counters = {}
PLACE = contextvars.ContextVar("PLACE", default="nowhere")
MODES = ["values", "updates", "debug", "messages", "custom", "checkpoints", "tasks"]


class State(TypedDict, total=False):
    n: int
    seen: Annotated[list[Any], operator.add]
    messages: Annotated[list[Any], add_messages]


def outcome(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as error:
        return type(error), str(error), getattr(error, "__notes__", None)


def on_both(told: Callable[[], Any]) -> Any:
    """Run it with the originals, then with ours: both must tell the same."""
    with in_place(None), pinned():
        expected = told()
    with in_place(SERVED), pinned():
        found = told()
    assert len(expected) == len(found) > 0
    for number, (left, right) in enumerate(zip(found, expected)):
        assert left == right, number
    return found


# two tasks of which one fails: when the other's writes are stored is a race of the original's own
@pytest.mark.parametrize("name", sorted({*SCENARIOS} - {"failing"}))
def test_scenarios(name: str) -> None:
    on_both(lambda: SCENARIOS[name](InMemorySaver()))


@pytest.mark.parametrize("name", sorted({*SCENARIOS} - {"failing"}))
def test_scenarios_on_a_saver_of_ours(
    java: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Its puts run where they are submitted."""
    from fast_langgraph import ChronicleSaver

    # Java is cold here: no put counts as slow
    monkeypatch.setattr("fast_langgraph._inline.perf_counter_ns", lambda: 0)
    folders = itertools.count()

    def told() -> Any:
        with ChronicleSaver(tmp_path / str(next(folders))) as saver:
            return SCENARIOS[name](saver)

    on_both(told)


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_durability(durability: str) -> None:
    on_both(lambda: chat(InMemorySaver(), durability))


def _plain(chunk: Any) -> Any:
    """A chunk of a stream without what differs from run to run: times, ids of runs, functions."""
    if isinstance(chunk, dict):
        return {
            key: _plain(value)
            for key, value in chunk.items()
            if key not in ("timestamp", "langgraph_request_id", "run_id")
            and not key.startswith("__pregel")
        }
    if isinstance(chunk, (list, tuple)):
        return [_plain(each) for each in chunk]
    return chunk


def fan_out(n: int, defer: bool = False, **compiled: Any) -> Any:
    graph = StateGraph(State)
    graph.add_node("start", lambda state: {"seen": ["start"]})
    graph.add_node("work", lambda state: {"seen": [(state["n"], PLACE.get())]})
    graph.add_node("join", lambda state: {"n": len(state["seen"])}, defer=defer)
    graph.add_edge(START, "start")
    graph.add_conditional_edges(
        "start", lambda state: [Send("work", {"n": k}) for k in range(n)], ["work"]
    )
    graph.add_edge("work", "join")
    graph.add_edge("join", END)
    return graph.compile(**compiled)


def nested(depth: int, **compiled: Any) -> Any:
    graph = StateGraph(State)

    def first(state: State, config: RunnableConfig, runtime: Runtime) -> State:
        info = runtime.execution_info
        assert info is not None and info == get_runtime().execution_info
        meta = config["metadata"]
        return {
            "seen": [
                (
                    depth,
                    info.checkpoint_ns,
                    info.task_id,
                    info.node_attempt,
                    sorted(meta),
                    config.get("tags"),
                )
            ]
        }

    graph.add_node("first", first)
    inner = (
        nested(depth - 1)
        if depth > 1
        else lambda state: {"n": state.get("n", 0) + 1, "seen": ["leaf"]}
    )
    graph.add_node("inner", inner, metadata={"level": depth, "lc_versions": {"mine": str(depth)}})
    graph.add_edge(START, "first")
    graph.add_edge("first", "inner")
    return graph.compile(**compiled)


@pytest.mark.parametrize("limit", [None, 1, 2])
def test_fan_out_and_nested_on_small_pools(limit: int | None) -> None:
    """The recursion limit is not hit, deferred nodes run, small pools do not lock up, contexts are kept."""

    def told() -> list[Any]:
        PLACE.set("here")
        saver = InMemorySaver()
        given: Any = {
            **config("t"),
            "recursion_limit": 8,
            "tags": ["mine"],
            "metadata": {"who": "me", "lc_versions": {"a": "1"}},
        }
        if limit:
            given["max_concurrency"] = limit
        wide, deep = fan_out(30, defer=True, checkpointer=saver), nested(3, checkpointer=saver)
        found = [wide.invoke({"n": 0}, given)]
        found.append(deep.invoke({"n": 0}, {**given, **config("u")}))
        return [*found, *everything(saver, wide, "t"), *everything(saver, deep, "u")]

    on_both(told)


@pytest.mark.parametrize("mode", [*MODES, MODES])
@pytest.mark.parametrize("subgraphs", [False, True])
def test_streams(mode: Any, subgraphs: bool) -> None:
    def told() -> list[Any]:
        graph = nested(2, checkpointer=InMemorySaver())
        given: Any = {**config("t"), "tags": ["mine"]}
        stream = graph.stream({"n": 1}, given, stream_mode=mode, subgraphs=subgraphs)
        return [*map(_plain, stream), "end"]

    on_both(told)


def test_commands_and_updates() -> None:
    """Command as a node's result, alone and in a list, to the parent too; None, an odd result, two writes of a key."""

    class Pair(TypedDict, total=False):
        n: int
        seen: Annotated[list[Any], operator.add]

    def told() -> list[Any]:
        found: list[Any] = []
        inner = StateGraph(Pair)
        inner.add_node(
            "up", lambda state: Command(graph=Command.PARENT, goto="last", update={"seen": ["up"]})
        )
        inner.add_edge(START, "up")
        results: list[Any] = [
            None,
            {},
            {"unknown": 1},
            {"n": 1, "seen": ["a"]},
            Command(update={"n": 2}, goto="last"),
            Command(goto=[Send("last", {"n": 9}), "last"]),
            [
                Command(update={"seen": ["one"]}),
                {"seen": ["two"]},
                Command(goto="last", update=[("n", 4)]),
            ],
            [{"n": 1}, Command(update={"n": 2})],
            "odd",
            RunnableLambda(lambda state: {"seen": ["from a runnable"]}),
        ]
        for result in results:
            saver = InMemorySaver()
            graph = StateGraph(Pair)
            graph.add_node("node", lambda state, result=result: result)
            graph.add_node("last", lambda state: {"seen": [("last", state.get("n"))]})
            graph.add_node("inner", inner.compile(), destinations=("last",))
            graph.add_edge(START, "node")
            graph.add_edge("node", "inner")
            compiled = graph.compile(checkpointer=saver)
            found.append(outcome(lambda: compiled.invoke({"n": 0}, config("t"))))  # noqa: B023
            found.append(outcome(lambda: everything(saver, compiled, "t")))  # noqa: B023
        return found

    on_both(told)


def test_errors_retries_and_interrupts() -> None:
    def told() -> list[Any]:
        saver, attempts = InMemorySaver(), []

        def shaky(state: State, runtime: Runtime) -> State:
            info = runtime.execution_info
            assert info is not None and info.node_first_attempt_time
            attempts.append(info.node_attempt)
            if len(attempts) < 3:
                raise OSError("shaky")
            answer = interrupt("which?")
            return {"seen": [answer, interrupt("and?"), [*attempts]]}

        def bad(state: State) -> State:
            raise ValueError("bad")

        graph = StateGraph(State)
        policy = RetryPolicy(initial_interval=0, jitter=False, max_attempts=4, retry_on=OSError)
        graph.add_node("shaky", shaky, retry_policy=policy)
        graph.add_node("bad", bad)
        graph.add_edge(START, "shaky")
        graph.add_conditional_edges(
            "shaky", lambda state: "bad" if state["n"] else END, ["bad", END]
        )
        compiled = graph.compile(checkpointer=saver, interrupt_after=["shaky"])
        found = [outcome(lambda: compiled.invoke({"n": 1}, config("t")))]
        for resume in ("one", "two"):
            found.append(outcome(lambda: compiled.invoke(Command(resume=resume), config("t"))))  # noqa: B023
        found += everything(saver, compiled, "t")
        found.append(outcome(lambda: compiled.invoke(None, config("t"))))
        return [*found, attempts, *everything(saver, compiled, "t")]

    found = on_both(told)
    assert found[3:] and any(type(each) is tuple and each[0] is ValueError for each in found)


class Listener(BaseCallbackHandler):
    """What handlers are told: names, tags, metadata."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, tags: Any = None, metadata: Any = None, **kwargs: Any
    ) -> None:
        self.told.append(
            (
                "start",
                kwargs.get("name"),
                tags,
                sorted((metadata or {}).items(), key=repr),
                kwargs["parent_run_id"] is None,
            )
        )

    def on_chain_end(self, outputs: Any, *, tags: Any = None, **kwargs: Any) -> None:
        self.told.append(("end", repr(outputs), tags))

    def on_chain_error(self, error: BaseException, *, tags: Any = None, **kwargs: Any) -> None:
        self.told.append(("error", repr(error), tags))

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.told.append(("model", repr(messages)))

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        self.told.append(("answer", response.generations[0][0].text))


def test_callbacks() -> None:
    """Handlers hear of the same runs, in the same order, with the same tags and metadata."""

    def told() -> list[Any]:
        listener = Listener()
        given: Any = {
            "callbacks": [listener],
            "tags": ["mine"],
            "metadata": {"a": 1},
            "run_name": "outer",
        }
        nested(3).invoke({"n": 0}, given)
        graph = StateGraph(State)

        def bad(state: State) -> State:
            raise ValueError("bad")

        graph.add_node("bad", RunnableLambda(bad), metadata={"b": 2})
        graph.add_edge(START, "bad")
        listener.told.append(outcome(lambda: graph.compile().invoke({"n": 0}, given)))
        return listener.told

    assert len(on_both(told)) > 20


def test_messages() -> None:
    """add_messages: appended, replaced, removed."""

    def told() -> list[Any]:
        saver = InMemorySaver()
        graph = chat_graph(checkpointer=saver)
        for turn in range(3):
            graph.invoke({"messages": [HumanMessage(f"q{turn}", id=f"q{turn}")]}, config("t"))
        graph.update_state(
            config("t"),
            {"messages": [AIMessage("other", id="a1"), RemoveMessage(id="q0")]},
            as_node="ask",
        )
        graph.invoke({"messages": ("user", "no id")}, config("t"))
        return everything(saver, graph, "t")

    on_both(told)


def test_pregel_nodes_without_a_state() -> None:
    """A graph of channels: one writer alone, a sequence without a function."""
    from langgraph.channels import EphemeralValue, LastValue
    from langgraph.pregel import Pregel

    def told() -> list[Any]:
        nodes = {
            "one": NodeBuilder()
            .subscribe_only("a")
            .do(lambda value: value + 1)
            .write_to("b", c=lambda v: v * 2),
            "two": NodeBuilder().subscribe_to("b", "c").do(lambda value: [value]).write_to("out"),
            "echo": NodeBuilder().subscribe_only("b").write_to("copy"),
        }
        kinds = {
            "a": EphemeralValue(int),
            "b": LastValue(int),
            "c": LastValue(int),
            "out": LastValue(list),
            "copy": LastValue(int),
        }
        graph = Pregel(
            nodes=nodes,
            channels=kinds,
            input_channels="a",
            output_channels=["out", "copy"],
            stream_channels=["b", "c", "out"],
        )
        return [
            graph.invoke(1),
            *graph.stream(2, stream_mode=["values", "updates"]),
            *graph.stream(2, output_keys="out", stream_mode="updates"),
        ]

    on_both(told)


def test_async() -> None:
    """The same graphs on an event loop: fan-out, nested, streams, interrupts, errors, durability."""

    async def runs() -> list[Any]:
        PLACE.set("here")
        saver, listener = InMemorySaver(), Listener()
        model = FakeListChatModel(responses=["answer"])
        found: list[Any] = []

        async def ask(state: State, config: RunnableConfig) -> State:
            before = PLACE.get()
            PLACE.set("left")
            await asyncio.sleep(0)
            if state["n"] == 3:
                raise KeyError("three")
            answer = interrupt("which?") if state["n"] == 2 else None
            return {
                "seen": [(before, answer, config["metadata"]["langgraph_step"])],
                "n": state["n"] + 1,
            }

        graph = StateGraph(State)
        graph.add_node("ask", ask)
        graph.add_node("sync", lambda state: {"seen": [PLACE.get()]})
        graph.add_node("deep", nested(2))
        graph.add_edge(START, "ask")
        graph.add_edge("ask", "sync")
        graph.add_edge("sync", "deep")
        compiled = graph.compile(checkpointer=saver)
        for n, durability in ((1, "sync"), (2, "async"), (3, "exit")):
            thread = config(f"t{n}")
            try:
                found.append(await compiled.ainvoke({"n": n}, thread, durability=durability))
            except KeyError as error:
                found.append(str(error))
            if n == 2:
                async for each in compiled.astream(
                    Command(resume="it"), thread, stream_mode=MODES, subgraphs=True
                ):
                    found.append(_plain(each))
            found += [snapshot(each) async for each in compiled.aget_state_history(thread)]
        told = await model.ainvoke("question", {"callbacks": [listener]})
        found.append(told.content)
        found.append(
            await (model | RunnableLambda(lambda message: message.content)).ainvoke("question")
        )
        found.append([each[0] for each in listener.told])
        wide = fan_out(25, defer=True, checkpointer=saver)
        found.append(await wide.ainvoke({"n": 0}, config("w")))
        found += everything(saver, wide, "w")
        both = await asyncio.gather(
            *(compiled.ainvoke({"n": 7}, config(f"g{k}")) for k in range(8))
        )
        assert PLACE.get() == "here"
        return [*found, *(each["n"] for each in both)]

    on_both(lambda: asyncio.run(runs()))


def test_every_patch_served() -> None:
    """By the graphs above (run together): a decline would make each of them pass."""
    from fast_langgraph._patches import STEPS

    if len(SERVED) == 0:
        pytest.skip("the graphs of this file did not run")
    assert {
        patch.name.partition(".")[2]: SERVED.get(patch.name.partition(".")[2], 0) > 0
        for patch in STEPS
    } == {patch.name.partition(".")[2]: True for patch in STEPS}
