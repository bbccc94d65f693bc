"""What else could store the 235 KB of plain data and the 200 messages: printed beside ours, never part of a bar.

orjson and json write another format. The Rust peer (its 0.1.15, by exact pin) is installed to a folder of its
own, because it shares our import name, and runs in a process of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

from benchmarks import data

PEER = "fast-langgraph==0.1.15"
CONTENTS = (("plain dict", data.plain_dict), ("200 messages", lambda: data.messages(200)))
FOLDER = Path(__file__).parent / ".peers"


def run(console: Any) -> List[Dict[str, Any]]:
    """Each peer's two times, with whether it gave back what it was given; prints the table."""
    import orjson
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from rich.table import Table

    from benchmarks.harness import amount

    value = data.plain_dict()
    serializer = JsonPlusSerializer()
    found = [
        _timed(
            "ours, codec alone: plain dict", value, serializer.dumps_typed, serializer.loads_typed
        ),
        _timed("orjson: plain dict", value, orjson.dumps, orjson.loads),
        _timed("json: plain dict", value, json.dumps, json.loads),
        *_sqlite_saver(),
        *_node_caches(),
        *_cached_functions(),
        *rust(),
    ]
    table = Table(
        "library",
        "store",
        "load",
        "gives back the same?",
        "note",
        title="other ways to store the same",
    )
    for line in found:
        right = line.get("equal")
        times = [amount(line[key]) if right else "" for key in ("dumps", "loads")]
        table.add_row(
            line["name"], *times, {True: "yes", False: "no", None: ""}[right], line.get("note", "")
        )
    console.print(table)
    return found


def _sqlite_saver() -> List[Dict[str, Any]]:
    """LangGraph's own saver on a file, with our codec in it: the like of the peer's SQLite checkpointer."""
    import sqlite3
    import tempfile

    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph.checkpoint.sqlite import SqliteSaver

    found = []
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(os.path.join(folder, "ours.db"), check_same_thread=False)
        saver = SqliteSaver(connection)
        config: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}
        for content, value in CONTENTS:
            checkpoint = {**empty_checkpoint(), "channel_values": {"state": value()}}
            found.append(
                _timed(
                    "SqliteSaver with our codec: %s" % content,
                    checkpoint,
                    lambda given: saver.put(config, given, {}, {}),
                    lambda _: saver.get_tuple(config).checkpoint,  # type: ignore[union-attr]
                )
            )
        connection.close()
    return found


def _node_caches() -> List[Dict[str, Any]]:
    """LangGraph's cache in memory and ours, the codec being ours in both."""
    from langgraph.cache.memory import InMemoryCache

    from fast_langgraph import CaffeineCache

    key: Any = (("node",), "k" * 32)
    found = []
    for name, cache in (
        ("InMemoryCache with our codec", InMemoryCache()),
        ("CaffeineCache", CaffeineCache(max_bytes=1 << 24)),
    ):
        for content, value in CONTENTS:
            found.append(
                _timed(
                    "%s: %s" % (name, content),
                    value(),
                    lambda given, cache=cache: cache.set({key: (given, 60)}),
                    lambda _, cache=cache: cache.get([key])[key],
                )
            )
    return found


def _cached_functions() -> List[Dict[str, Any]]:
    """A function's results by its argument, which is the content: the first call, and those after it."""
    from fast_langgraph import cached

    ways = (("cached", {}), ("cached, max_bytes", {"max_bytes": 1 << 24}))
    return [line for name, settings in ways for line in _calls(name, cached, settings)]


def _calls(name: str, cached: Any, settings: Dict[str, Any]) -> List[Dict[str, Any]]:
    found = []
    for content, make in (("a text of 100", lambda: "x" * 100), *CONTENTS):
        value = make()
        call = cached(**settings)(lambda given: given)

        def first(given: Any, call: Any = call) -> Any:
            call.cache_clear()
            return call(given)

        line = _timed("%s: %s" % (name, content), value, first, call)
        found.append({**line, "equal": bool(call(value) == value)})
    return found


def _timed(
    name: str, value: Any, dump: Callable[[Any], Any], load: Callable[[Any], Any]
) -> Dict[str, Any]:
    stored = dump(value)
    loaded = load(stored)
    return {
        "name": name,
        "dumps": _best(dump, value),
        "loads": _best(load, stored),
        "equal": type(loaded) is type(value) and bool(loaded == value),
    }


def _best(function: Callable[[Any], Any], argument: Any, seconds: float = 0.7) -> float:
    best, clock, end = float("inf"), time.perf_counter, time.perf_counter() + seconds
    while clock() < end:
        start = clock()
        function(argument)
        best = min(best, clock() - start)
    return best


def rust() -> List[Dict[str, Any]]:
    """What the Rust peer's checkpointers need for the same content, or why there is no figure."""
    note = _install()
    if not note:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(FOLDER), str(Path(__file__).parent.parent))),
        }
        answer = subprocess.run(
            [sys.executable, "-m", "benchmarks.peers"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if answer.returncode == 0:
            found: List[Dict[str, Any]] = json.loads(answer.stdout.splitlines()[-1])
            return found
        note = "failed: " + (answer.stderr.strip().splitlines() or ["?"])[-1]
    return [{"name": PEER, "note": note}]


def _install() -> str:
    if (FOLDER / "fast_langgraph").is_dir():
        return ""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--target", str(FOLDER), PEER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        return "not installed: " + (done.stderr.strip().splitlines() or ["?"])[-1]
    return ""


def _in_the_peers_process() -> None:
    """Store and load through the peer's own checkpointers, in memory and on a file."""
    import tempfile

    peer: Any = importlib.import_module("fast_langgraph")
    if FOLDER not in Path(peer.__file__).parents:
        raise SystemExit("%s is not the peer" % peer.__file__)

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, make in (
            ("RustCheckpointer", peer.RustCheckpointer),
            (
                "RustSQLiteCheckpointer",
                lambda: peer.RustSQLiteCheckpointer(os.path.join(folder, "peer.db")),
            ),
        ):
            for content, value in CONTENTS:
                found.append(_stored("%s, %s: %s" % (PEER, name, content), make(), value()))
    found += _calls("%s, cached" % PEER, peer.cached, {})
    print(json.dumps(found))


def _stored(name: str, saver: Any, value: Any) -> Dict[str, Any]:
    checkpoint = {
        "channel_values": {"state": value},
        "channel_versions": {},
        "versions_seen": {},
        "step": 0,
    }
    try:
        line = _timed(
            name,
            checkpoint,
            lambda it: saver.put("thread", "checkpoint", it),
            lambda _: saver.get("thread", "checkpoint"),
        )
        loaded = saver.get("thread", "checkpoint")
        line["equal"] = bool(loaded["channel_values"]["state"] == value)
    except Exception as error:
        return {"name": name, "note": "%s: %s" % (type(error).__name__, error)}
    return line


if __name__ == "__main__":
    _in_the_peers_process()
