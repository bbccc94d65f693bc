"""What the rows of savers run in fresh processes: `python -m benchmarks.saver_children TASK …`, as children.py does.

A side is "original" (LangGraph without us) or "ours"; a saver is a name that `opened` knows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import sys
import tempfile
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Tuple

from benchmarks.served import served

TIMEOUT_S = 300


class Free:
    """A serializer that keeps the objects themselves: what is left of a saver is a bound for any codec."""

    def __init__(self) -> None:
        self._kept: List[Any] = []

    def dumps_typed(self, value: Any) -> Tuple[str, bytes]:
        """The object's number in place of its bytes."""
        self._kept.append(value)
        return "msgpack", str(len(self._kept) - 1).encode()

    def loads_typed(self, data: Tuple[str, bytes]) -> Any:
        """The object."""
        return self._kept[int(data[1])]


@contextlib.contextmanager
def opened(name: str, folder: str, **settings: Any) -> Iterator[Any]:
    """A saver whose files lie in *folder*.

    Names: "memory"; "chronicle-process", "chronicle-disk"; "sqlite-FULL" (its default), "-NORMAL", "-OFF";
    "free-memory", "free-sqlite-FULL" and so on: the same where serializing costs nothing.
    """
    kind, _, setting = name.partition("-")
    if kind == "free":
        with opened(setting, folder, serde=Free()) as saver:
            yield saver
    elif kind == "memory":
        from langgraph.checkpoint.memory import InMemorySaver

        yield InMemorySaver(**settings)
    elif kind == "chronicle":
        from fast_langgraph import ChronicleSaver

        with ChronicleSaver(os.path.join(folder, name), durability=setting, **settings) as saver:
            yield saver
    else:
        from langgraph.checkpoint.sqlite import SqliteSaver

        connection = sqlite3.connect(
            os.path.join(folder, "%s.sqlite" % name),
            check_same_thread=False,
            timeout=TIMEOUT_S,
        )
        with contextlib.closing(connection):
            saver = SqliteSaver(connection, **settings)
            saver.setup()
            connection.execute("PRAGMA synchronous=%s" % setting)
            yield saver


def allocated(folder: str) -> int:
    """The bytes of the blocks that a folder's files take, whatever their lengths say."""
    return sum(
        512 * os.lstat(os.path.join(root, name)).st_blocks
        for root, folders, files in os.walk(folder)
        for name in (*files, *folders)
    )


def _join(side: str) -> None:
    """With us in front, and live before anything is measured."""
    if side == "ours":
        import langgraph.graph
        import langgraph.prebuilt  # noqa: F401

        import fast_jvm
        import fast_langgraph  # noqa: F401

        if not (fast_jvm.wait_ready(120) and served(fast_jvm.status())):
            raise RuntimeError("Java is not live: %s" % fast_jvm.status())


def _told(graph: Any, config: Any) -> str:
    """A digest of what a thread's history shows, but for what differs in every run."""
    told = [
        (sorted(state.values), state.next, (state.metadata or {}).get("step"))
        for state in graph.get_state_history(config)
    ]
    return hashlib.sha256(repr((told, graph.get_state(config).values)).encode()).hexdigest()


def _timed(work: Callable[[Any], Any], name: str, rounds: int) -> Dict[str, Any]:
    """The best of some rounds, each on a saver and in a folder of its own."""
    walls: List[float] = []
    cpus: List[float] = []
    answer: Dict[str, Any] = {}
    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory(prefix="saver-") as folder:
            with opened(name, folder) as saver:
                wall, cpu = time.perf_counter(), time.process_time()
                graph, config = work(saver)
                if number:  # the first is for warming
                    walls.append(time.perf_counter() - wall)
                    cpus.append(time.process_time() - cpu)
                else:
                    answer["blocks_open"] = allocated(folder)
                    answer["told"] = _told(graph, config) if config else repr(graph)
            if not number:
                answer["blocks"] = allocated(folder)
    return {**answer, "wall": min(walls), "cpu": min(cpus)}


def agent(side: str, name: str, turns: str, rounds: str) -> Dict[str, Any]:
    """One conversation of the demo's agent; a turn is four messages."""
    _join(side)
    from benchmarks.demo import agent as demo

    config: Any = {"configurable": {"thread_id": "thread"}}

    def work(saver: Any) -> Tuple[Any, Any]:
        graph = demo.build(saver)
        for turn in range(int(turns)):
            graph.invoke(
                {"messages": [demo.question("customer", turn)], "customer": "customer", "turns": 0},
                config,
            )
        return graph, config

    return _timed(work, name, int(rounds))


def big(side: str, name: str, steps: str, rounds: str) -> Dict[str, Any]:
    """A graph that loops over a state of 235 KB and changes a part of it in each step."""
    _join(side)
    from langgraph.graph import END, START, StateGraph
    from typing_extensions import TypedDict

    from benchmarks import data

    class State(TypedDict):
        found: Dict[str, Any]
        step: int

    def fetch(state: State) -> Dict[str, Any]:
        step, found = state["step"] + 1, state["found"]
        records = list(found["records"])
        records[step] = {**records[step], "refunded": True, "notes": "step %d" % step}
        query = {**found["query"], "page": step}
        return {"found": {**found, "query": query, "records": records}, "step": step}

    given, config = data.plain_dict(), {"configurable": {"thread_id": "thread"}}

    def work(saver: Any) -> Tuple[Any, Any]:
        builder = StateGraph(State)
        builder.add_node("fetch", fetch)
        builder.add_edge(START, "fetch")
        builder.add_conditional_edges(
            "fetch", lambda state: END if state["step"] == int(steps) else "fetch"
        )
        graph = builder.compile(checkpointer=saver)
        limited: Any = {**config, "recursion_limit": int(steps) + 2}
        graph.invoke({"found": given, "step": 0}, limited)
        return graph, config

    return _timed(work, name, int(rounds))


def _content(thread: str, number: int) -> Dict[str, Any]:
    """What a put holds: every part says which it is."""
    from benchmarks import data

    return {"who": [thread, number], "messages": data.messages(20, seed=number % 7)}


def write(side: str, name: str, folder: str, writer: str, threads: str, count: str) -> Any:
    """Several threads put checkpoints and writes, each on a thread of its own and on one that all share.

    Starts when a line comes on stdin, so that all processes start at once.
    """
    _join(side)
    from langgraph.checkpoint.base import empty_checkpoint

    contents = [_content("", number) for number in range(7)]
    failed: List[str] = []

    def put(saver: Any, thread: str, ns: str, number: int) -> None:
        version = "%032d.0" % (number + 1)
        values = {"messages": contents[number % 7]["messages"], "who": [thread, ns, number]}
        checkpoint: Any = {
            **empty_checkpoint(),
            "id": "%08d" % number,
            "channel_values": values,
            "channel_versions": dict.fromkeys(values, version),
        }
        config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ns}}
        metadata: Any = {"source": "loop", "step": number, "parents": {}}
        saved = saver.put(config, checkpoint, metadata, checkpoint["channel_versions"])
        saver.put_writes(saved, [("who", [thread, ns, number])], "task")

    def work(saver: Any, own: str) -> None:
        try:
            for number in range(int(count)):
                if number % 4 == 3:
                    put(saver, "shared", own, number)
                else:
                    put(saver, own, "", number)
        except Exception as error:
            failed.append(repr(error))

    with opened(name, folder) as saver:
        put(saver, "warm %s" % writer, "", 0)
        workers = [
            threading.Thread(target=work, args=(saver, "%s-%d" % (writer, number)))
            for number in range(int(threads))
        ]
        print("ready", flush=True)
        sys.stdin.readline()
        start = time.monotonic()  # the same clock in all processes
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        return {"start": start, "end": time.monotonic(), "failed": failed}


def read(side: str, name: str, folder: str, writers: str, threads: str, count: str) -> Any:
    """Look for everything that `write` has put: what is lost, and what shows another's content."""
    _join(side)
    lost = mixed = 0
    contents = [_content("", number) for number in range(7)]
    with opened(name, folder) as saver:
        for own in (
            "%d-%d" % (writer, number)
            for writer in range(int(writers))
            for number in range(int(threads))
        ):
            for number in range(int(count)):
                thread, ns = ("shared", own) if number % 4 == 3 else (own, "")
                found = saver.get_tuple(
                    {
                        "configurable": {
                            "thread_id": thread,
                            "checkpoint_ns": ns,
                            "checkpoint_id": "%08d" % number,
                        }
                    }
                )
                who = [thread, ns, number]
                values = {"messages": contents[number % 7]["messages"], "who": who}
                if found is None:
                    lost += 1
                elif (
                    found.checkpoint["channel_values"] != values
                    or found.metadata["step"] != number
                    or found.pending_writes != [("task", "who", who)]
                ):
                    mixed += 1
    return {"lost": lost, "mixed": mixed}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])), flush=True)
