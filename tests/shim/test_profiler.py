"""GraphProfiler: each node and phase is counted, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import operator
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.pregel import _loop, _runner
from langgraph.types import CachePolicy, Command, Send, interrupt
from typing_extensions import TypedDict

from fast_langgraph import profiler as profiling
from fast_langgraph.profiler import GraphProfiler, NodeProfiler


class State(TypedDict, total=False):
    messages: Annotated[list, add_messages]
    total: Annotated[int, operator.add]
    n: int


def nap(state: State) -> Any:
    time.sleep(0.01)
    return {"messages": [AIMessage("x" * 1000)], "total": 1}


async def anap(state: State) -> Any:
    await asyncio.sleep(0.01)
    return {"messages": [AIMessage("x" * 1000)], "total": 1}


def graph_of(node: Any, **compiled: Any) -> Any:
    inner = StateGraph(State)
    inner.add_node("leaf", node)
    inner.add_edge(START, "leaf")
    graph = StateGraph(State)
    graph.add_node("first", node)
    graph.add_node("nested", inner.compile())
    graph.add_node("each", node)
    graph.add_edge(START, "first")
    graph.add_edge("first", "nested")
    graph.add_conditional_edges("nested", lambda state: [Send("each", state)] * 3, ["each"])
    graph.add_edge("each", END)
    return graph.compile(**compiled)


def config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


def held() -> list[Any]:
    """All that a profiler wraps."""
    owners = [_runner, _loop.PregelLoop, JsonPlusSerializer, *profiling._families(BaseCheckpointSaver)]  # fmt: skip
    owners += profiling._families(InMemoryCache.__mro__[1])
    names = {*profiling._LOOP, *profiling._CODEC, *profiling._SAVER, *profiling._CACHE}
    names |= {"run_with_retry", "arun_with_retry"}
    return [
        (owner, name, vars(owner)[name])
        for owner in owners
        for name in sorted(names)
        if name in vars(owner)
    ]


@pytest.fixture(autouse=True)
def nothing_left() -> Any:
    before = held()
    yield
    assert held() == before and not profiling._active and not profiling._placed


EXPECTED = {"first": 1, "nested": 1, "nested/leaf": 1, "each": 3}


def check(profiler: GraphProfiler, times: int = 1) -> None:
    told = profiler.get_summary()
    counts = {name: row["count"] for name, row in told["node_stats"].items()}
    assert counts == {name: times * count for name, count in EXPECTED.items()}
    for row in told["node_stats"].values():
        assert row["min_time"] <= row["avg_time"] <= row["max_time"] <= row["total_time"]
        assert row["min_time"] > 0.009 and not row["errors"]
        assert row["codec_time"] <= row["total_time"]
    nodes = told["node_stats"]
    assert nodes["nested"]["total_time"] > nodes["nested/leaf"]["total_time"]


def test_sync() -> None:
    saver = InMemorySaver()
    graph = graph_of(nap, checkpointer=saver)
    profiler = GraphProfiler()
    for turn in range(2):
        with profiler.profile_run() as same:
            assert same is profiler
            graph.invoke({"n": 1}, config(f"{turn}"))
    graph.invoke({"n": 1}, config("2"))
    check(profiler, 2)
    told = profiler.get_summary()
    assert told["total_runs"] == 2
    assert told["checkpoints_saved"] == sum(
        len([*saver.list(config(thread))]) for thread in ("0", "1")
    )
    assert told["checkpoints_loaded"] >= 2
    phases = told["phase_stats"]
    assert phases["plan"]["count"] >= phases["apply"]["count"] >= 2 * (3 + 1)
    assert phases["codec: dumps"]["count"] > 10
    assert phases["checkpoint: put"]["count"] == told["checkpoints_saved"]
    put = phases["checkpoint: put"]
    assert 0 < put["codec_time"] < put["total_time"]


async def test_async() -> None:
    graph = graph_of(anap, checkpointer=InMemorySaver())
    with GraphProfiler() as profiler:
        await asyncio.gather(*(graph.ainvoke({"n": 1}, config(f"{n}")) for n in range(3)))
    check(profiler, 3)
    assert profiler.get_summary()["phase_stats"]["checkpoint: put"]["count"] > 10


def test_a_saver_that_calls_itself_counts_once() -> None:
    with GraphProfiler() as profiler:
        asyncio.run(graph_of(anap, checkpointer=InMemorySaver()).ainvoke({"n": 1}, config("a")))
        saved = profiler.checkpoints_saved
    assert saved == profiler.get_summary()["phase_stats"]["checkpoint: put"]["count"]


def test_lists_and_sqlite() -> None:
    with SqliteSaver.from_conn_string(":memory:") as saver:
        graph = graph_of(nap, checkpointer=saver)
        with GraphProfiler() as profiler:
            graph.invoke({"n": 1}, config("a"))
            history = [*graph.get_state_history(config("a"))]
        told = profiler.get_summary()
        assert told["checkpoints_saved"] >= len(history) > 3
        assert told["phase_stats"]["checkpoint: list"]["count"] >= len(history)


def test_a_node_that_uses_the_codec() -> None:
    def node(state: State) -> Any:
        serde = JsonPlusSerializer()
        for _ in range(50):
            serde.loads_typed(serde.dumps_typed([AIMessage("x" * 1000)] * 20))
        return {"total": 1}

    graph = StateGraph(State)
    graph.add_node("code", node)
    graph.add_edge(START, "code")
    with GraphProfiler() as profiler:
        graph.compile().invoke({"n": 1})
    row = profiler.get_summary()["node_stats"]["code"]
    assert 0 < row["codec_time"] <= row["total_time"] and row["checkpoint_time"] == 0


def test_errors_and_interrupts() -> None:
    def fail(state: State) -> Any:
        if state["n"] == 1:
            raise ValueError("no")
        return {"total": interrupt("how many?")}

    graph = StateGraph(State)
    graph.add_node("fail", fail)
    graph.add_edge(START, "fail")
    app = graph.compile(checkpointer=InMemorySaver())
    with GraphProfiler() as profiler:
        with pytest.raises(ValueError, match="no"):
            app.invoke({"n": 1}, config("a"))
        app.invoke({"n": 2}, config("b"))
        assert app.invoke(Command(resume=5), config("b"))["total"] == 5
    row = profiler.get_summary()["node_stats"]["fail"]
    assert (row["count"], row["errors"]) == (3, 1)
    with pytest.raises(ZeroDivisionError), profiler.profile_run():
        1 / 0
    assert profiler.get_summary()["total_runs"] == 2


def test_node_caches() -> None:
    graph = StateGraph(State)
    graph.add_node("node", nap, cache_policy=CachePolicy(key_func=lambda state: str(state["n"])))
    graph.add_edge(START, "node")
    app = graph.compile(cache=InMemoryCache())
    with GraphProfiler() as profiler:
        for n in (1, 1, 2, 1):
            app.invoke({"n": n})
    told = profiler.get_summary()
    assert (told["cache_hits"], told["cache_misses"]) == (2, 2)
    assert told["cache_hit_rate"] == 0.5
    assert told["node_stats"]["node"]["count"] == 2


def test_several_at_once() -> None:
    graph = graph_of(nap)
    with GraphProfiler() as one:
        graph.invoke({"n": 1})
        with GraphProfiler() as two:
            graph.invoke({"n": 1})
            with one:
                pass
        threads = [threading.Thread(target=graph.invoke, args=({"n": 1},)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    check(two)
    check(one, 6)


def test_what_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profiler = GraphProfiler()
    assert str(profiler) == "No graph runs profiled"
    assert profiler.get_summary() == {"error": "No graph runs profiled"}
    assert "No graph runs" in profiler._repr_html_()
    graph = StateGraph(State)
    graph.add_node("<b>", nap)
    graph.add_edge(START, "<b>")
    with profiler:
        graph.compile(checkpointer=InMemorySaver()).invoke({"n": 1}, config("a"))
    lines = str(profiler).splitlines()
    assert lines[0].startswith("1 run(s), ") and "saved" in lines[0]
    assert lines[2].split() == list(profiling.NODE_COLUMNS)
    assert lines[3].split()[:3] == ["<b>", "1", "0"]
    assert len({len(line) for line in lines[2:4]}) == 1
    page = profiler._repr_html_()
    assert page.count("<table>") == 2 and "<td>&lt;b&gt;</td>" in page and "<td><b>" not in page
    profiler.print_report()
    assert capsys.readouterr().out == str(profiler) + "\n"
    profiler.export_json(str(tmp_path / "told.json"))
    assert json.loads((tmp_path / "told.json").read_text()) == profiler.get_summary()


def test_blocks_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = profiling.create_node_profiler()
    assert isinstance(nodes, NodeProfiler)
    assert isinstance(profiling.create_profiler(), GraphProfiler)
    for _ in range(2):
        with nodes.profile_node("mine"):
            time.sleep(0.001)
    with pytest.raises(KeyError), nodes.profile_node("mine"):
        raise KeyError
    told = nodes.get_stats()["mine"]
    assert (told["count"], told["errors"]) == (3, 1) and told["total_time"] > 0.002
    nodes.print_report()
    assert "mine" in capsys.readouterr().out
    assert profiling.profile_function(len)([1]) == 1
    assert "len took" in capsys.readouterr().out


def test_beside_the_patches(run: Any, java: str) -> None:
    """Java goes live under a profiler, and serves when it is gone."""
    done = run("""
import fast_langgraph, fast_jvm, langgraph.prebuilt
from fast_langgraph import GraphProfiler
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
serde = JsonPlusSerializer()
placed = JsonPlusSerializer.dumps_typed
with GraphProfiler() as profiler:
    assert JsonPlusSerializer.dumps_typed is not placed
    assert fast_jvm.wait_ready(60)
    fast_jvm.status()
    for _ in range(100):
        serde.loads_typed(serde.dumps_typed({"a": 1}))
assert JsonPlusSerializer.dumps_typed is placed
assert profiler.get_summary()["phase_stats"]["codec: dumps"]["count"] == 100
before = fast_jvm.status().patches[0]
assert before.state == "live" and before.calls >= 100, before
serde.dumps_typed({"a": 1})
assert fast_jvm.status().patches[0].calls == before.calls + 1
print("done")
""")
    assert done.stdout == "done\n", done.stderr
