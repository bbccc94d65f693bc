"""What is done once for every chunk when a stream ends: the walks over all chunks, past those that have nothing to say.

LiteLLM asks each chunk three times for its usage, dumps its delta to see whether it is text alone, and reads a private attribute to sort
by. Here a chunk's own dicts are looked at. The originals get the chunks that may say something, or all of them where one is of another
class than LiteLLM's.
"""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_ABSENT: Any = object()
_SCALARS = frozenset((str, int, float, bool, type(None)))
#: All that a delta may have beside its text; a field of its own is here, or in no place but its __dict__.
_MORE = (
    "tool_calls",
    "function_call",
    "annotations",
    "audio",
    "images",
    "reasoning_content",
    "thinking_blocks",
    "provider_specific_fields",
)


class _Types:
    """LiteLLM's classes, looked up when they are needed first."""

    def __init__(self) -> None:
        self.chunk: Any = None
        self.choice: Any = None
        self.delta: Any = None

    def find(self) -> None:
        """Look them up."""
        from litellm.types import utils

        self.choice, self.delta = utils.StreamingChoices, utils.Delta
        self.chunk = utils.ModelResponseStream


_types = _Types()


def _telling(chunks: Any) -> Optional[List[Any]]:
    """Return the first chunk and those that have usage or a finish reason; None where something is of another class."""
    if type(chunks) is not list or not chunks:
        return None
    if _types.chunk is None:
        _types.find()
    kind, choice_kind = _types.chunk, _types.choice
    found = chunks[:1]
    try:
        for chunk in chunks[1:]:
            if type(chunk) is not kind:
                return None
            own, extra = chunk.__dict__, chunk.__pydantic_extra__
            usage = extra.get("usage", _ABSENT)
            if usage is _ABSENT:
                usage = chunk.__pydantic_private__["_hidden_params"].get("usage")
            if usage is not None or "usage" in own:
                found.append(chunk)
                continue
            for choice in own["choices"]:
                if (
                    type(choice) is not choice_kind
                    or choice.__pydantic_extra__["finish_reason"] is not None
                ):
                    found.append(chunk)
                    break
    except (LookupError, AttributeError, TypeError):
        return None
    return found


def make_usage(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ``ChunkProcessor._calculate_usage_per_chunk`` and its switch."""
    serving = Serving("litellm.stream_usage")
    names = original.__globals__

    def _calculate_usage_per_chunk(self: Any, chunks: Any) -> Any:
        found = None
        if serving and type(self) is names["ChunkProcessor"]:
            found = _telling(chunks)
        if found is None:
            replacement.declined += 1
            return original(self, chunks)
        replacement.served += 1
        return original(self, found)

    replacement: Any = _calculate_usage_per_chunk
    return finish(replacement, serving)


def make_total(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ``calculate_total_usage`` and its switch."""
    serving = Serving("litellm.stream_total")

    def calculate_total_usage(chunks: Any) -> Any:
        found = _telling(chunks) if serving else None
        if found is None:
            replacement.declined += 1
            return original(chunks)
        replacement.served += 1
        return original(found)

    replacement: Any = calculate_total_usage
    return finish(replacement, serving)


def make_text(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ``_simple_text_part`` and its switch."""
    serving = Serving("litellm.stream_text")

    def _simple_text_part(choices: Any) -> Any:
        text = _text(choices) if serving else None
        if text is None:
            replacement.declined += 1
            return original(choices)
        replacement.served += 1
        return text

    replacement: Any = _simple_text_part
    return finish(replacement, serving)


def _text(choices: Any) -> Optional[str]:
    """Return the text of a choice that has nothing else; None where the original has to look."""
    if _types.chunk is None:
        _types.find()
    if type(choices) is not list or len(choices) != 1 or type(choices[0]) is not _types.choice:
        return None
    try:
        delta = choices[0].__pydantic_extra__["delta"]
        if type(delta) is not _types.delta:
            return None
        own, extra = delta.__dict__, delta.__pydantic_extra__
        if not _SCALARS.issuperset(map(type, extra.values())):
            return None
        for value in own.values():
            if value is not None:
                return None
        for name in _MORE:
            if extra.get(name) is not None:
                return None
        content = extra.get("content")
    except (LookupError, AttributeError, TypeError):
        return None
    return content if type(content) is str else ""


def make_order(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ``ChunkProcessor._sort_chunks`` and its switch."""
    serving = Serving("litellm.stream_order")

    def _sort_chunks(self: Any, chunks: Any) -> Any:
        found = _sorted(chunks) if serving else None
        if found is None:
            replacement.declined += 1
            return original(self, chunks)
        replacement.served += 1
        return found

    replacement: Any = _sort_chunks
    return finish(replacement, serving)


def _sorted(chunks: Any) -> Optional[List[Any]]:
    """Return the chunks by the time they were made; None where one is of another class, or has no time."""
    if type(chunks) is not list or not chunks:
        return None
    if _types.chunk is None:
        _types.find()
    kind = _types.chunk
    times = []
    try:
        for chunk in chunks:
            if type(chunk) is not kind:
                return None
            time = chunk.__pydantic_private__["_hidden_params"]["created_at"]
            if type(time) is not float:
                return None
            times.append(time)
    except (LookupError, AttributeError, TypeError):
        return None
    if not times[0]:
        return None
    if times == sorted(times):
        return chunks[:]
    return [chunks[i] for i in sorted(range(len(chunks)), key=times.__getitem__)]
