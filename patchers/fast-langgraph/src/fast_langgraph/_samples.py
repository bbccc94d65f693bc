"""Brings the codec's builtins to speed on private objects before they serve anybody.

Encoding only reads memory, so a sample is encoded without the GIL; decoding makes objects, so it runs
in short bursts with sleeps between them. Ready is: faster than the original on a conversation.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from typing import Any, Callable, Dict, List, Tuple

from fast_jvm._registry import Builtins

_DUMPS_MILLIS = 45
_LOADS_CALLS = 60
_BURST_NS = 800_000
_PAUSE_SECONDS = 0.0005
_PATIENCE_SECONDS = 10.0
_COMPARED = 7


@dataclasses.dataclass
class _Note:
    title: str
    tags: List[str]
    score: float


class NotReady(RuntimeError):
    """Java is not faster than the original here."""


def plain() -> Dict[str, Any]:
    """Return plain data of every kind that msgpack knows."""
    return {
        "step": 3,
        "name": "agent",
        "text": "a somewhat longer text with é and 日本語" * 3,
        "items": [
            {"id": i, "score": i / 3, "ok": i % 2 == 0, "note": None, "tags": ["a", "b"]}
            for i in range(12)
        ],
        "numbers": list(range(-40, 400, 7)) + [2**20, 2**40, -(2**40)],
        "floats": [i / 7 for i in range(24)],
        "flags": [True, None, False, None] * 6,
        "raw": [b"", b"bytes", b"longer bytes, but not by much"] * 4,
        "words": ["a", "für", "日本語", "two words", "some more words, in one text of a list"] * 6,
        "pair": (1, "two"),
        "by_number": {1: "one", 2: "two"},
        "note": _Note("title", ["x"], 0.5),
    }


def messages() -> List[Any]:
    """Return a conversation, where langchain-core's messages are imported."""
    human = sys.modules.get("langchain_core.messages.human")
    ai = sys.modules.get("langchain_core.messages.ai")
    tool = sys.modules.get("langchain_core.messages.tool")
    if human is None or ai is None or tool is None:
        return []
    made: List[Any] = []
    for i in range(4):
        call = {
            "name": "search",
            "args": {"query": "weather", "limit": i},
            "id": f"call_{i}",
            "type": "tool_call",
        }
        usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        made.append(human.HumanMessage(content=f"What is the weather in city {i}?", id=f"h{i}"))
        made.append(
            ai.AIMessage(
                content="",
                id=f"a{i}",
                tool_calls=[call],
                usage_metadata=usage,
                response_metadata={"model": "m"},
            )
        )
        made.append(
            tool.ToolMessage(
                content="Sunny, 21 degrees, light wind.",
                tool_call_id=f"call_{i}",
                name="search",
                id=f"t{i}",
            )
        )
    return made


def warm_up(
    builtins: Builtins,
    warm: Callable[[str, object, int], int],
    original: Callable[[Any], bytes],
    undo: Callable[[bytes], Any],
    hook: Any,
) -> None:
    """Run the builtins on samples until they beat the original; NotReady where they never do."""
    sample: List[Any] = [messages() or plain(), plain()]
    dumps, loads = builtins["langgraph_dumps"], builtins["langgraph_loads"]
    if dumps(sample) != original(sample):
        raise NotReady("a sample is encoded in another way")
    del sample[1]["note"]  # loading it would be an event
    packed = original(sample)
    warm("langgraph_dumps", sample, _DUMPS_MILLIS)
    _repeat(lambda: loads(packed, hook), _LOADS_CALLS)
    end = time.monotonic() + _PATIENCE_SECONDS
    while not _wins(lambda: dumps(sample), lambda: original(sample)):
        if time.monotonic() > end:
            raise NotReady("encoding is not faster than the original")
        warm("langgraph_dumps", sample, _DUMPS_MILLIS)
    while not _wins(lambda: loads(packed, hook), lambda: undo(packed)):
        if time.monotonic() > end:
            raise NotReady("decoding is not faster than the original")
        _repeat(lambda: loads(packed, hook), _LOADS_CALLS)


def _repeat(call: Callable[[], Any], times: int) -> None:
    clock = time.perf_counter_ns
    done = 0
    while done < times:
        end = clock() + _BURST_NS
        while done < times and clock() < end:
            call()
            done += 1
        time.sleep(_PAUSE_SECONDS)


def _wins(ours: Callable[[], Any], original: Callable[[], Any]) -> bool:
    """Compare medians of calls that take turns."""
    rounds: List[Tuple[int, int]] = []
    clock = time.perf_counter_ns
    for _ in range(_COMPARED):
        start = clock()
        ours()
        middle = clock()
        original()
        rounds.append((middle - start, clock() - middle))
        time.sleep(_PAUSE_SECONDS)
    half = _COMPARED // 2
    return sorted(one for one, _ in rounds)[half] < sorted(other for _, other in rounds)[half]
