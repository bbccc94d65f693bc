"""The events of an OpenAI SDK stream, over the very bytes that the user's client and transport hand out.

``Events`` and ``AsyncEvents`` stand where ``Stream.__stream__`` puts its generator. Whoever asks for the next item gets what the SDK
would have made, or its error; LiteLLM's wrapper may look at the text of an event before, and take it as it is. Nothing is read
ahead: the next bytes are asked for when what came is used up.
"""

from __future__ import annotations

import json
from types import AsyncGeneratorType, GeneratorType
from typing import Any, AsyncIterator, Iterator, List, Optional, Tuple

from . import _templates

NOTHING: Any = object()
_END = b"\n\n"
_ENDS = (b"\r\r", b"\n\n", b"\r\n\r\n")


class Failure:
    """An error that is due where its item would have been."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Splitter:
    """``SSEDecoder.iter_bytes``, pushed: bytes come in, and what is complete comes out.

    An item is the text of an event's data, or the SDK's event itself where its name asks for more, or a `Failure`. What is not
    plain, it gives to the SDK's own decoder, line by line.
    """

    __slots__ = ("_decoder", "_exact", "_parts", "_tail")

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self._parts: List[bytes] = []
        self._tail = b""  # the last bytes of _parts
        self._exact = False

    def feed(self, chunk: bytes) -> List[Any]:
        """Return what these bytes complete."""
        items: List[Any] = []
        if self._exact or b"\r" in chunk:
            self._exact = True
            self._feed_lines(chunk, items)
            return items
        if self._parts:
            if _END not in chunk and not (self._tail[-1:] == b"\n" and chunk[:1] == b"\n"):
                self._keep(chunk)
                return items
            chunk = b"".join(self._parts) + chunk
            self._parts.clear()
        start, end = 0, chunk.find(_END)
        while end >= 0:
            if not self._block(chunk, start, end, items):
                return items
            start = end + 2
            if self._decoder._last_event_id:  # now an empty line is an event
                self._exact = True
                self._feed_lines(chunk[start:], items)
                return items
            end = chunk.find(_END, start)
        if start < len(chunk):
            self._keep(chunk[start:] if start else chunk)
        return items

    def flush(self) -> List[Any]:
        """Return what the last bytes hold, which no empty line ends."""
        items: List[Any] = []
        if self._parts:
            self._lines(b"".join(self._parts), items)
            self._parts.clear()
        return items

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)
        self._tail = (self._tail + part)[-4:] if len(part) < 4 else part[-4:]

    def _block(self, chunk: bytes, start: int, end: int, items: List[Any]) -> bool:
        """Take the lines before an empty one; false after an error."""
        if chunk.startswith(b"data: ", start) and chunk.find(b"\n", start, end) < 0:
            try:
                items.append(chunk[start + 6 : end].decode("utf-8"))
            except UnicodeDecodeError:  # the original's error is about the whole line
                return self._lines(chunk[start : end + 2], items)
            return True
        return self._lines(chunk[start : end + 2], items)

    def _feed_lines(self, chunk: bytes, items: List[Any]) -> None:
        parts = self._parts
        for line in chunk.splitlines(keepends=True):
            self._keep(line)
            if self._tail.endswith(_ENDS):
                data = b"".join(parts)
                parts.clear()
                self._tail = b""
                if not self._lines(data, items):
                    return

    def _lines(self, data: bytes, items: List[Any]) -> bool:
        decode = self._decoder.decode
        for raw in data.splitlines():
            try:
                event = decode(raw.decode("utf-8"))
            except Exception as error:
                items.append(Failure(error))
                return False
            if event:
                name = event.event
                items.append(event if name and name.startswith("thread.") else event.data)
        return True


def _convert(stream: Any, process: Any, item: Any) -> Any:
    """Make of an event what ``Stream.__stream__`` makes of it."""
    if type(item) is str:
        event = None
        data = json.loads(item)
        wrong = _is_error(data)
    else:
        event = item.event
        data = item.json()
        wrong = event == "error" and _is_error(data)
    if wrong:
        from openai._exceptions import APIError

        error = data["error"]
        message = error.get("message") if _mapping(error) else None
        if not message or not isinstance(message, str):
            message = "An error occurred during streaming"
        raise APIError(message=message, request=stream.response.request, body=error)
    if event is not None:
        data = {"data": data, "event": event}
    return process(data=data, cast_to=stream._cast_to, response=stream.response)


def _mapping(value: Any) -> bool:
    from openai._utils import is_mapping

    return bool(is_mapping(value))


def _is_error(data: Any) -> bool:
    return type(data) is dict and bool(data.get("error"))


def _ends(item: Any) -> bool:
    """Say whether an item is the stream's end; raises the error that it stands for."""
    if type(item) is Failure:
        raise item.error
    return type(item) is str and item.startswith("[DONE]")


def _items(stream: Any) -> Iterator[Any]:
    response = stream.response
    splitter = Splitter(stream._decoder)
    try:
        for chunk in response.iter_bytes():
            for item in splitter.feed(chunk):
                if _ends(item):
                    return
                yield item
        for item in splitter.flush():
            if _ends(item):
                return
            yield item
    finally:
        response.close()


async def _async_items(stream: Any) -> AsyncIterator[Any]:
    response = stream.response
    splitter = Splitter(stream._decoder)
    try:
        async for chunk in response.aiter_bytes():
            for item in splitter.feed(chunk):
                if _ends(item):
                    return
                yield item
        for item in splitter.flush():
            if _ends(item):
                return
            yield item
    finally:
        await response.aclose()


class _Shared:
    """What both kinds have: an item that was looked at and not taken, and what the wrapper remembers about the stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._process = stream._client._process_response_data
        self._held: Any = NOTHING
        self.given: Optional[str] = None  # the text that the SDK's code was given last
        self.gave = 0
        self.places = _templates.OPENAI
        self.memory: Any = None

    def fits(self, stream: Any) -> bool:
        """Say whether the stream is as it was studied; it was looked at before we were put into it."""
        return True

    def take(self) -> None:
        """The item that was looked at is used."""
        self._held = NOTHING

    def state(self, stream: Any) -> Any:
        """Return what of the stream's state a chunk depends on."""
        return None

    def sizes(self, stream: Any) -> Any:
        """Return the lists of the stream that grow."""
        return None

    def grown(self, stream: Any, sizes: Any, text: str, template: Any) -> List[Tuple[str, int]]:
        """Return what a chunk put into which list."""
        return []

    def _due(self, item: Any) -> Any:
        self.gave += 1
        self.given = item if type(item) is str else None
        return _convert(self._stream, self._process, item)


class Events(_Shared):
    """The iterator of a ``Stream``."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._items: Any = _items(stream)

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> Any:
        item = self._held
        if item is NOTHING:
            item = next(self._items)
        else:
            self._held = NOTHING
            if type(item) is Failure:
                raise item.error
        try:
            return self._due(item)
        except BaseException:
            self._items.close()
            raise

    def peek(self, wrapper: Any) -> Any:
        """Return the next event's text; None where the SDK's code has to see it, or an end, or an error."""
        item = self._held
        if item is NOTHING:
            try:
                self._held = item = next(self._items)
            except StopIteration:
                return None  # and so it will be when the original asks
            except Exception as error:
                self._held = Failure(error)
                return None
        return item if type(item) is str else None

    def close(self) -> None:
        """A generator's close."""
        self._held = NOTHING
        self._items.close()


class AsyncEvents(_Shared):
    """The iterator of an ``AsyncStream``."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._items: Any = _async_items(stream)

    def __aiter__(self) -> AsyncEvents:
        return self

    async def __anext__(self) -> Any:
        item = self._held
        if item is NOTHING:
            item = await self._items.__anext__()
        else:
            self._held = NOTHING
            if type(item) is Failure:
                raise item.error
        try:
            return self._due(item)
        except BaseException:
            await self._items.aclose()
            raise

    async def peek(self, wrapper: Any) -> Any:
        """Return the next event's text; None where the SDK's code has to see it, or an end, or an error."""
        item = self._held
        if item is NOTHING:
            try:
                self._held = item = await self._items.__anext__()
            except StopAsyncIteration:
                return None
            except Exception as error:
                self._held = Failure(error)
                return None
        return item if type(item) is str else None

    async def aclose(self) -> None:
        """A generator's aclose."""
        self._held = NOTHING
        await self._items.aclose()


def _unstarted(frame: Any) -> bool:
    """Say whether a generator of ``__stream__`` has not begun: its first lines would have set more than its argument."""
    return frame is not None and list(frame.f_locals) == ["self"]


class Sdk:
    """The SDK's classes as they were studied, and whether a stream is one of them, untouched."""

    def __init__(self) -> None:
        import openai
        from openai import _streaming
        from openai._base_client import BaseClient
        from openai.types.chat import ChatCompletionChunk

        self._chunk = ChatCompletionChunk
        self._decoder = _streaming.SSEDecoder
        self._stream: Any = openai.Stream
        self._async_stream: Any = openai.AsyncStream
        self._base = BaseClient
        self._kept = [(owner, name, vars(owner)[name]) for owner, name in (
            (_streaming.SSEDecoder, "decode"),
            (_streaming.SSEDecoder, "iter_bytes"),
            (_streaming.SSEDecoder, "_iter_chunks"),
            (_streaming.SSEDecoder, "aiter_bytes"),
            (_streaming.SSEDecoder, "_aiter_chunks"),
            (_streaming.ServerSentEvent, "json"),
            (openai.Stream, "__next__"),
            (openai.Stream, "__stream__"),
            (openai.Stream, "_iter_events"),
            (openai.AsyncStream, "__aiter__"),
            (openai.AsyncStream, "__anext__"),
            (openai.AsyncStream, "__stream__"),
            (openai.AsyncStream, "_iter_events"),
            (BaseClient, "_process_response_data"),
        )]  # fmt: skip

    def events(self, stream: Any) -> Optional[Events]:
        """Put our iterator into a stream that nobody has read from; None where it is another one."""
        found = stream._iterator
        if (
            type(found) is not GeneratorType
            or found.gi_code is not self._stream.__stream__.__code__
            or not _unstarted(found.gi_frame)
            or not self._plain(stream)
        ):
            return None
        made = stream._iterator = Events(stream)
        return made

    def async_events(self, stream: Any) -> Optional[AsyncEvents]:
        """The same of an asynchronous one."""
        found = stream._iterator
        if (
            type(found) is not AsyncGeneratorType
            or found.ag_code is not self._async_stream.__stream__.__code__
            or not _unstarted(found.ag_frame)
            or not self._plain(stream)
        ):
            return None
        made = stream._iterator = AsyncEvents(stream)
        return made

    def _plain(self, stream: Any) -> bool:
        client, decoder, options = stream._client, stream._decoder, stream._options
        return (
            stream._cast_to is self._chunk
            and type(decoder) is self._decoder
            and vars(decoder)
            == {"_event": None, "_data": [], "_last_event_id": None, "_retry": None}
            and not (options is not None and options.synthesize_event_and_data)
            and not client._strict_response_validation
            and getattr(type(client), "_process_response_data", None)
            is self._base._process_response_data
            and "_process_response_data" not in vars(client)
            and "_iter_events" not in vars(stream)
            and all(vars(owner)[name] is known for owner, name, known in self._kept)
        )
