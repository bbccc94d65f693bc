"""The lines of the streams that LiteLLM reads itself: Anthropic's, and those of providers that speak OpenAI's chunks.

LiteLLM's iterators make chunks of the lines that httpx cuts (`Response.iter_lines`, `aiter_lines`). ``Lines`` and ``AsyncLines`` stand
between the two: the wrapper may look at the next line before the iterator gets it, and take it as it is. Lines that say nothing (an
event's name, a comment, an empty one) make the wrapper build a chunk that it drops; once the stream is on its way they are skipped.
"""

from __future__ import annotations

import hashlib
import json
from operator import itemgetter
from types import AsyncGeneratorType, FunctionType, GeneratorType
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import _templates
from ._sse import NOTHING, Failure

_SILENT: Any = object()
_BLANK: Any = object()
_NAMES = (":", "event:", "id:", "retry:")  # none of them begins JSON
_ANTHROPIC = "litellm.llms.anthropic.chat.handler:ModelResponseIterator"
_OPENAI = "litellm.llms.openai.chat.gpt_transformation:OpenAIChatCompletionStreamingHandler"
#: Iterators that were studied, and a hash of the code of all their functions, inherited ones too.
_KNOWN = {
    _ANTHROPIC: "76287e67162a8b14",
    _OPENAI: "91804e0f74150f81",
    "litellm.llms.openai.openai:OpenAIChatCompletionResponseIterator": "461f3079ccd077cb",
    "litellm.llms.groq.chat.transformation:GroqChatCompletionStreamingHandler": "7f102a8f28b11fbc",
    "litellm.llms.xai.chat.transformation:XAIChatCompletionStreamingHandler": "1d7678f88f91d72e",
    "litellm.llms.mistral.chat.transformation:MistralChatResponseIterator": "2ca96d9638e731aa",
    "litellm.llms.openrouter.chat.transformation:OpenRouterChatCompletionStreamingHandler": "3d3cb3152dd9a585",
    "litellm.llms.cometapi.chat.transformation:CometAPIChatCompletionStreamingHandler": "22a3933f13514109",
    "litellm.llms.edenai.chat.transformation:EdenAIChatCompletionStreamingHandler": "53d2e5eeaac88983",
    "litellm.llms.fireworks_ai.chat.transformation:FireworksAIChatCompletionStreamingHandler": "11bc288a0b71ffda",
}
#: Lists of Anthropic's iterator that grow by what a chunk says.
_GROWING = ("content_blocks", "reasoning_content_chunks")
#: Where an iterator keeps its lines.
_SOURCES = ("streaming_response", "response_iterator", "async_response_iterator", "http_response")


def code_hash(kind: type) -> str:
    """Return a hash of a class's functions, with those of the classes it inherits from."""
    from fast_jvm._fingerprint import fingerprint

    parts = []
    for owner, name, value in _functions(kind):
        parts.append("%s.%s:%s" % (owner.__qualname__, name, fingerprint(_plain(value))))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    return value.__func__ if isinstance(value, (staticmethod, classmethod)) else value


def _functions(kind: type) -> List[Tuple[type, str, Any]]:
    return [
        (owner, name, value)
        for owner in kind.__mro__[:-1]
        for name, value in sorted(vars(owner).items())
        if type(_plain(value)) is FunctionType
    ]


class Kind:
    """An iterator's class: how its lines are read, and that nothing in it was replaced."""

    __slots__ = ("_functions", "growing", "places", "text")

    def __init__(self, kind: type, anthropic: bool) -> None:
        self._functions = _functions(kind)
        self.growing = _GROWING if anthropic else ()
        self.places = _templates.ANTHROPIC if anthropic else _templates.OPENAI
        self.text: Callable[[str], Any] = _anthropic_text if anthropic else _openai_text

    def untouched(self, stream: Any) -> bool:
        """Say whether a stream runs the code that was studied."""
        own = vars(stream)
        return all(
            vars(owner).get(name) is known and name not in own
            for owner, name, known in self._functions
        )


class Kinds:
    """The classes that were met so far."""

    def __init__(self) -> None:
        self._found: Dict[type, Optional[Kind]] = {}

    def get(self, kind: type) -> Optional[Kind]:
        """Return what is known about an iterator's class; None where it is another one, or has other code."""
        try:
            return self._found[kind]
        except KeyError:
            found = self._found[kind] = self._look(kind)
            return found

    def _look(self, kind: type) -> Optional[Kind]:
        path = "%s:%s" % (kind.__module__, kind.__qualname__)
        known = _KNOWN.get(path)
        if known is None:
            return None
        try:
            if code_hash(kind) != known:
                return None
        except (LookupError, OSError, SyntaxError):
            return None
        return Kind(kind, path == _ANTHROPIC)


def _anthropic_text(line: str) -> Any:
    return line[5:] if line.startswith("data:") else _SILENT


def _openai_text(line: str) -> Any:
    """Return the JSON of a line, as `BaseModelResponseIterator` looks for it."""
    if line.startswith("data:"):
        if "[DONE]" in line:
            return None
        return line[6:] if line.startswith("data: ") else line[5:]
    if not line or line.isspace():
        return _BLANK
    return _SILENT if line.startswith(_NAMES) and "[DONE]" not in line else None


def _under_way(wrapper: Any) -> bool:
    """Say whether a chunk without anything in it changes nothing in the wrapper."""
    return bool(
        wrapper.sent_first_chunk
        and not wrapper.sent_last_chunk
        and wrapper.received_finish_reason is None
        and wrapper.response_id is not None
        and wrapper.created is not None
    )


class _Shared:
    """What both kinds have: a line that was looked at and not taken, and what the wrapper remembers about the stream."""

    def __init__(self, lines: Any, kind: Kind) -> None:
        self._lines = lines
        self._kind = kind
        self._held: Any = NOTHING
        self._keys: Any = None  # itemgetter of the iterator's state
        self.places = kind.places
        self.given: Optional[str] = None  # the JSON that the iterator was given last
        self.gave = 0
        self.memory: Any = None

    def fits(self, stream: Any) -> bool:
        """Say whether the iterator's code was left as it is."""
        return self._kind.untouched(stream)

    def take(self) -> None:
        """The line that was looked at is used."""
        self._held = NOTHING

    def state(self, stream: Any) -> Any:
        """Return the iterator's state, but for its lines and the lists that grow."""
        own = stream.__dict__
        if self._keys is None:
            moving = (*self._kind.growing, *_SOURCES)
            self._keys = itemgetter("json_mode", *(name for name in own if name not in moving))
        try:
            return self._keys(own)
        except KeyError:
            return None

    def sizes(self, stream: Any) -> List[Tuple[Any, int]]:
        """Return the lists that grow, and how long they are."""
        own = stream.__dict__
        return [(own[name], len(own[name])) for name in self._kind.growing]

    def grown(
        self, stream: Any, sizes: List[Tuple[Any, int]], text: str, template: Any
    ) -> Optional[List[Tuple[str, int]]]:
        """Return what a chunk put into which list: the index of one of its texts, -1 for all its JSON; None where it did more."""
        own, found = stream.__dict__, []
        if own.get("json_mode") and "partial_json" in template.names:
            return None  # arguments may become content
        for name, (before, size) in zip(self._kind.growing, sizes):
            now = own[name]
            if now is not before or len(now) - size not in (0, 1):
                return None
            if len(now) == size:
                continue
            if now[-1] == json.loads(text):
                found.append((name, -1))
                continue
            values = template.values(text)
            if values is None or now[-1] not in values:
                return None
            found.append((name, values.index(now[-1])))
        return found

    def _due(self, line: Any) -> Any:
        self.gave += 1
        text = self._kind.text(line) if type(line) is str else None
        self.given = text if type(text) is str else None
        return line

    def _said(self, line: Any, wrapper: Any) -> Any:
        """Return a line's JSON; None where the iterator has to see it; the mark of one to be skipped."""
        text = self._kind.text(line)
        if text is _SILENT and not _under_way(wrapper):
            return None
        return text


class Lines(_Shared):
    """A synchronous stream's lines."""

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> Any:
        line = self._held
        if line is NOTHING:
            line = next(self._lines)
        else:
            self._held = NOTHING
            if type(line) is Failure:
                raise line.error
        return self._due(line)

    def peek(self, wrapper: Any) -> Any:
        """Return the next line's JSON; None where the iterator has to see it, or an end, or an error."""
        while True:
            line = self._held
            if line is NOTHING:
                try:
                    self._held = line = next(self._lines)
                except StopIteration:
                    return None
                except Exception as error:
                    self._held = Failure(error)
                    return None
            if type(line) is not str:
                return None
            text = self._said(line, wrapper)
            if text is not _SILENT and text is not _BLANK:
                return text
            self._held = NOTHING

    def close(self) -> None:
        """A generator's close."""
        self._held = NOTHING
        self._lines.close()


class AsyncLines(_Shared):
    """An asynchronous stream's lines."""

    def __aiter__(self) -> AsyncLines:
        return self

    async def __anext__(self) -> Any:
        line = self._held
        if line is NOTHING:
            line = await self._lines.__anext__()
        else:
            self._held = NOTHING
            if type(line) is Failure:
                raise line.error
        return self._due(line)

    async def peek(self, wrapper: Any) -> Any:
        """Return the next line's JSON; None where the iterator has to see it, or an end, or an error."""
        while True:
            line = self._held
            if line is NOTHING:
                try:
                    self._held = line = await self._lines.__anext__()
                except StopAsyncIteration:
                    return None
                except Exception as error:
                    self._held = Failure(error)
                    return None
            if type(line) is not str:
                return None
            text = self._said(line, wrapper)
            if text is not _SILENT and text is not _BLANK:
                return text
            self._held = NOTHING

    async def aclose(self) -> None:
        """A generator's aclose."""
        self._held = NOTHING
        await self._lines.aclose()


class Readers:
    """Puts our lines between httpx and LiteLLM's iterators."""

    def __init__(self) -> None:
        import httpx

        self.kinds = Kinds()
        self._lines: Any = httpx.Response.iter_lines
        self._async_lines: Any = httpx.Response.aiter_lines

    def events(self, stream: Any, kind: Kind) -> Optional[Lines]:
        """Return the lines of a synchronous stream; None where they are not httpx's."""
        found = stream.response_iterator
        if type(found) is Lines:
            return found
        if (
            type(found) is not GeneratorType
            or found.gi_code is not self._lines.__code__
            or stream.streaming_response is not found
        ):
            return None
        made = stream.response_iterator = stream.streaming_response = Lines(found, kind)
        return made

    def async_events(self, stream: Any, kind: Kind) -> Optional[AsyncLines]:
        """The same of an asynchronous one."""
        found = stream.streaming_response
        if type(found) is AsyncLines:
            return found
        if (
            type(found) is not AsyncGeneratorType
            or found.ag_code is not self._async_lines.__code__
            or stream.response_iterator is not found
        ):
            return None
        made = stream.response_iterator = stream.streaming_response = AsyncLines(found, kind)
        return made
