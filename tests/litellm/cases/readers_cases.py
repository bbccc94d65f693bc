"""Streams that LiteLLM reads itself (Anthropic's, and providers with OpenAI's chunks): the same outcome however lines are cut."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import litellm
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.llms.anthropic.chat.handler import ModelResponseIterator
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler
from sides import originals, served
from streaming_cases import (
    ASYNC,
    CALLS,
    MESSAGES,
    PARTS,
    STATE,
    SYNC,
    TEXTS,
    USAGE,
    AsyncBytes,
    Bytes,
    Reader,
    Watcher,
    _made_up,
    body,
    chunk,
    clear_callbacks,
    difference,
    error,
    event,
    parts_of,
    settle,
    shown,
    told_of,
    words,
)

MANY = 2000 if LONG else 15
#: Providers whose chunks are OpenAI's; each has an iterator of its own.
SPEAKERS = (
    "deepseek", "groq", "xai", "mistral", "openrouter", "cometapi", "edenai", "fireworks_ai", "azure_ai",
)  # fmt: skip
HEADERS = {"content-type": "text/event-stream", "request-id": "r"}


def says(data: Any, end: str = "\n\n") -> bytes:
    """One of Anthropic's events."""
    line = "\r\n" if end.startswith("\r\n") else end[0]
    name = "event: %s%s" % (data.get("type"), line)
    return name.encode() + event(data, end)


def start(**more: Any) -> dict[str, Any]:
    """A message's begin."""
    usage = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 3}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage, **more,
    }  # fmt: skip
    return {"type": "message_start", "message": message}


def block(content: dict[str, Any], *deltas: dict[str, Any], index: int = 0) -> list[Any]:
    """A content block with its deltas."""
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def end(reason: str = "end_turn") -> list[Any]:
    """A message's end."""
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 15}},
        {"type": "message_stop"},
    ]


def texts(*parts: str, index: int = 0) -> list[Any]:
    """A block of text."""
    deltas = ({"type": "text_delta", "text": part} for part in parts)
    return block({"type": "text", "text": ""}, *deltas, index=index)


def call(name: str, *parts: str, index: int = 0, kind: str = "tool_use") -> list[Any]:
    """A block that calls a tool."""
    content = {"type": kind, "id": f"toolu_{index}", "name": name, "input": {}}
    deltas = ({"type": "input_json_delta", "partial_json": part} for part in parts)
    return block(content, *deltas, index=index)


def thoughts(*parts: str, index: int = 0) -> list[Any]:
    """A block of thinking, signed."""
    deltas = [{"type": "thinking_delta", "thinking": part} for part in parts]
    signed = {"type": "signature_delta", "signature": "c2ln"}
    return block({"type": "thinking", "thinking": ""}, *deltas, signed, index=index)


def message(*blocks: list[Any], reason: str = "end_turn") -> list[Any]:
    """A whole message's events."""
    return [start(), {"type": "ping"}, *(one for each in blocks for one in each), *end(reason)]


def lines(events: list[Any], end: str = "\n\n") -> bytes:
    """The bytes of Anthropic's stream."""
    return b"".join(says(one, end) for one in events)


PLAIN = lines(message(texts(*TEXTS)))
ALL = message(
    thoughts("So", " what", " is", " this", " wörld"),
    texts(*TEXTS, index=1),
    call("f", "", '{"ci', 'ty"', ': "', "Rom", '"}', index=2),
    call("g", index=3),
    texts("And", " more", " of", " it", index=4),
    reason="tool_use",
)


def reader_state(stream: Any) -> Any:
    """What LiteLLM's iterator has remembered."""
    own = dict(vars(stream))
    for name in (
        "streaming_response",
        "response_iterator",
        "async_response_iterator",
        "http_response",
    ):
        own.pop(name, None)
    if "_json_buffer" in own:
        own["_json_buffer"] = own["_json_buffer"].snapshot()
    return [(name, shown(value)) for name, value in own.items()]


def asked(provider: str, **more: Any) -> dict[str, Any]:
    """A call's arguments."""
    return {
        "model": f"{provider}/some-model",
        "messages": MESSAGES,
        "stream": True,
        "api_key": "k",
        "api_base": "http://provider/v1",
        **more,
    }


def outcome_of(wrapper: Any, chunks: Any, raised: Any, stream: Any, told: Any) -> Any:
    """Everything that is to be equal."""
    return (
        chunks,
        raised,
        [(name, shown(getattr(wrapper, name))) for name in STATE],
        shown(wrapper.chunks),
        sorted(vars(wrapper)),
        wrapper.completion_stream and reader_state(wrapper.completion_stream),
        stream.closed,
        told,
    )


def sync_outcome(
    provider: str,
    content: Any,
    callbacks: Callable[[], list[Any]] = list,
    take: int | None = None,
    reader: Callable[[Any], Iterator[Any]] = iter,
    **more: Any,
) -> Any:
    """Everything that a synchronous stream does."""
    stream = Bytes(parts_of(content))
    transport = httpx.MockTransport(
        lambda request: httpx.Response(200, headers=HEADERS, stream=stream)
    )
    client = HTTPHandler(client=httpx.Client(transport=transport))
    litellm.callbacks = watching = callbacks()
    chunks: list[Any] = []
    raised: Any = None
    try:
        wrapper: Any = litellm.completion(**asked(provider, client=client, **more))
        try:
            for one in reader(wrapper):
                chunks.append((shown(one), shown(one.model_dump()), stream.given))
                if watching:
                    settle()  # the original's threads would tell in any order
                if len(chunks) == take:
                    break
        except Exception as found:
            raised = error(found)
        return outcome_of(wrapper, chunks, raised, stream, told_of(watching))
    finally:
        clear_callbacks()


async def async_run(
    provider: str, content: Any, watching: list[Any], take: int | None, more: dict[str, Any]
) -> Any:
    stream = AsyncBytes(parts_of(content))
    transport = httpx.MockTransport(
        lambda request: httpx.Response(200, headers=HEADERS, stream=stream)
    )
    client = AsyncHTTPHandler()
    client.client = httpx.AsyncClient(transport=transport)
    chunks: list[Any] = []
    raised: Any = None
    wrapper: Any = await litellm.acompletion(**asked(provider, client=client, **more))
    try:
        async for one in wrapper:
            chunks.append((shown(one), shown(one.model_dump()), stream.given))
            if len(chunks) == take:
                break
    except Exception as found:
        raised = error(found)
    if take is not None:
        await wrapper.aclose()
    for _ in range(100):
        if not watching or any(one.told for one in watching):
            break
        await asyncio.sleep(0.005)
    await asyncio.sleep(0)
    return outcome_of(wrapper, chunks, raised, stream, [one.told for one in watching])


def async_outcome(
    provider: str,
    content: Any,
    callbacks: Callable[[], list[Any]] = list,
    take: int | None = None,
    **more: Any,
) -> Any:
    """Everything that an asynchronous stream does."""
    litellm.callbacks = watching = callbacks()
    try:
        return asyncio.run(async_run(provider, content, watching, take, more))
    finally:
        clear_callbacks()
        settle()


def compare(content: Any, least: int = 0, provider: str = "anthropic", **more: Any) -> Any:
    """Both sides' outcome, sync and async; ours made *least* chunks itself."""
    found = None
    for run, name in ((sync_outcome, SYNC), (async_outcome, ASYNC)):
        if run is async_outcome and "reader" in more:
            continue
        before = served(name)
        _made_up.clear()
        ours = run(provider, content, **more)
        assert served(name) - before >= least, (name, served(name) - before)
        _made_up.clear()
        with originals(*PARTS):
            theirs = run(provider, content, **more)
        assert ours == theirs, difference(ours, theirs)
        found = ours
    return found


def test_plain() -> None:
    found = compare(PLAIN, least=4)
    assert found[1] is None and len(found[0]) >= 7


def test_all_kinds() -> None:
    compare(lines(ALL), least=12)
    compare(lines(ALL), least=12, callbacks=lambda: [Watcher()])


def test_every_byte() -> None:
    content = lines(ALL)
    cuts = range(1, len(content)) if LONG else random.Random(1).sample(range(1, len(content)), 5)
    for cut in cuts:
        compare([content[:cut], content[cut:]], least=12)
    compare([content[i : i + 1] for i in range(len(content))], least=12)
    compare([content[i : i + 7] for i in range(0, len(content), 7)], least=12)


@pytest.mark.parametrize(
    "end", ["\r\n\r\n", "\r\r", "\n\n\n", "\n: a comment\n\n", "\nid: 7\n\n", "\nretry: 10\n\n"]
)
@pytest.mark.parametrize("provider", ["anthropic", "groq"])
def test_ends(provider: str, end: str) -> None:
    whole = message(texts(*TEXTS))
    content = lines(whole, end) if provider == "anthropic" else body(words(*TEXTS), end)
    compare(content, least=4, provider=provider)
    for cut in (40, 41, 699, 700, 701) if LONG else (41, 700):
        compare([content[:cut], content[cut:]], provider=provider)
    compare([content[i : i + 1] for i in range(len(content))], provider=provider)


@pytest.mark.parametrize("provider", SPEAKERS)
def test_speakers(provider: str) -> None:
    compare(body(words(*TEXTS)), least=4, provider=provider)
    chunks = words(*TEXTS, extra={"a": [1]}, citations=["a"])
    for one, padding in zip(chunks, "abcdefgh"):
        one["obfuscation"] = padding * 3
    content = body(chunks)
    compare([content[i : i + 11] for i in range(0, len(content), 11)], least=4, provider=provider)
    compare(body(CALLS), least=5, provider=provider)
    for name in ("reasoning", "reasoning_content"):
        chunks = [
            chunk({"role": "assistant", "content": ""}),
            *(chunk({name: text}) for text in TEXTS),
            *(chunk({"content": text}) for text in TEXTS),
            chunk({}, "stop"),
        ]
        compare(body(chunks), least=4, provider=provider)
    last = {**words("x")[0], "choices": [], "usage": USAGE}
    compare(body([*words(*TEXTS), last]), least=4, provider=provider)
    more = {"stream_options": {"include_usage": True}, "callbacks": lambda: [Watcher()]}
    compare(body([*words(*TEXTS), last]), least=4, provider=provider, **more)
    compare(body(words(*TEXTS, usage=USAGE)), provider=provider)
    compare(body(words(*TEXTS), done=False), least=4, provider=provider)


ODD_LINES = [
    b": ping\n\n",
    b"event: ping\ndata: {}\n\n",
    b"data: {\"type\":\ndata: \"ping\"}\n\n",
    b"data:{}\n\n",
    b"data\n\n",
    b"\n\n\n",
    b" \n",
    b"text\n",
    b"{}\n",
    b"retry: 5\n\n",
    b"data: \xff\xfe\n\n",
    b"data: {\n\n",
    b"data: {\"type\": \"content_block_delta\", \n\ndata: \"index\": 0, \"delta\": {\"text\": \"a\"}}\n\n",
    b"data: null\n\n",
    b"data: 7\n\n",
    b"data: [1]\n\n",
    b'data: "text"\n\n',
    b'data: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n',
    b'data: {"type": "error", "error": null}\n\n',
    b'data: {"error": {"message": "bad", "code": 429}}\n\n',
    b'data: {"error": "text"}\n\n',
    b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ""}}\n\n',
    b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": null}}\n\n',
    b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a\xe2\x80\xa8b"}}\n\n',
    b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "\\ud83d"}}\n\n',
    b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a", "text": "b"}}\n\n',
    b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "[DONE]"}}\n\n',
    b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {"a": 1}}}\n\n',
    b"data: " + b"[" * 100_000 + b"\n\n",
    b"data: [DONE]\n\n",
    b": [DONE]\n\n",
    b"data: [DONE] and more\n\n",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_LINES, ids=lambda odd: repr(odd[:24]))
@pytest.mark.parametrize("provider", ["anthropic", "groq"])
def test_odd_lines(provider: str, odd: bytes) -> None:
    if provider == "anthropic":
        parts = [says(one) for one in message(texts(*TEXTS))]
    else:
        parts = [event(one) for one in words(*TEXTS)]
    for place in (1, 6):
        compare([*parts[:place], odd, *parts[place:]], provider=provider)


def test_text_that_says_done() -> None:
    chunks = [event(one) for one in words("a", "b", "c", "[DONE]", "d", "e")]
    compare(b"".join(chunks), provider="groq", least=1)


def test_json_mode() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    for name in ("json_tool_call", "other"):
        content = lines(message(texts(*TEXTS), call(name, '{"a"', ": ", "1", "23", "}", index=1)))
        compare(content, response_format=schema)


def test_tools_of_the_server() -> None:
    result = {"type": "web_search_tool_result", "tool_use_id": "toolu_0", "content": [{"url": "u"}]}
    compare(
        lines(
            message(
                call("web_search", '{"q', 'uery"', ': "x', '"}', kind="server_tool_use"),
                block(result, {"type": "input_json_delta", "partial_json": "{}"}, index=1),
                block({"type": "redacted_thinking", "data": "x"}, index=2),
                block(
                    {"type": "text", "text": ""},
                    {"type": "citations_delta", "citation": {"url": "u"}},
                    *({"type": "text_delta", "text": text} for text in TEXTS),
                    index=3,
                ),
            )
        ),
        least=4,
    )


def test_broken_connection() -> None:
    broken: list[Any] = [httpx.ReadError("cut"), httpx.ReadTimeout("slow")]
    broken.append(httpx.RemoteProtocolError("gone"))
    for found in broken:
        for place in (0, 1, 5, 8, 10) if LONG else (1, 6):
            parts: list[Any] = [says(one) for one in message(texts(*TEXTS))]
            compare([*parts[:place], found], callbacks=lambda: [Watcher()])
        parts = [event(one) for one in words(*TEXTS)]
        compare([*parts[:6], found], provider="groq", callbacks=lambda: [Watcher()])
    compare([PLAIN[: len(PLAIN) // 2]])
    compare(b"")


def test_readers_of_chunks() -> None:
    before = served(SYNC)
    ours = sync_outcome("anthropic", PLAIN, callbacks=lambda: [Reader()])
    assert served(SYNC) == before
    with originals(*PARTS):
        theirs = sync_outcome("anthropic", PLAIN, callbacks=lambda: [Reader()])
    seen, wanted = ([one for one in told[-1][0] if one[0] == "chunk"] for told in (ours, theirs))
    assert sorted(map(repr, seen)) == sorted(map(repr, wanted)) and seen  # (threads)


def test_stops_early() -> None:
    for take in (1, 2, 5):
        compare([says(one) for one in message(texts(*TEXTS))], take=take)
        compare([event(one) for one in words(*TEXTS)], take=take, provider="groq")


def test_iterator_read_past_the_wrapper() -> None:
    def reader(wrapper: Any) -> Iterator[Any]:
        for _ in range(4):
            yield next(wrapper)
        next(wrapper.completion_stream)
        next(wrapper.completion_stream.response_iterator)
        yield from wrapper

    compare(PLAIN, reader=reader)
    compare(body(words(*TEXTS)), reader=reader, provider="groq")


def test_replaced_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    original = ModelResponseIterator.chunk_parser

    def parser(self: Any, chunk: Any) -> Any:
        made = original(self, chunk)
        made.choices[0].delta.content = made.choices[0].delta.content.upper()
        return made

    with monkeypatch.context() as patched:
        patched.setattr(ModelResponseIterator, "chunk_parser", parser)
        before = served(SYNC)
        compare(PLAIN)
        assert served(SYNC) == before
    compare(PLAIN, least=4)


def test_connection_ends_with_the_stream() -> None:
    def ended() -> list[bool]:
        found = []

        class Watched(Bytes):
            def __iter__(self) -> Iterator[bytes]:
                try:
                    yield from super().__iter__()
                finally:
                    found.append(True)

        stream = Watched([says(one) for one in message(texts(*TEXTS))])
        transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=stream))
        client = HTTPHandler(client=httpx.Client(transport=transport))
        wrapper: Any = litellm.completion(**asked("anthropic", client=client))
        for _ in range(5):
            next(wrapper)
        settle()
        wrapper.completion_stream = None
        return found

    ours = ended()
    with originals(*PARTS):
        assert ours == ended()


@pytest.mark.parametrize("provider", ["anthropic", "groq"])
def test_cancellation(provider: str) -> None:
    async def run() -> Any:
        whole = message(texts(*TEXTS))
        parts = map(says, whole[:7]) if provider == "anthropic" else map(event, words(*TEXTS)[:5])
        stream = AsyncBytes([*parts, b"(wait)"])
        transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=stream))
        client = AsyncHTTPHandler()
        client.client = httpx.AsyncClient(transport=transport)
        got: list[Any] = []

        async def consume() -> None:
            async for one in await litellm.acompletion(**asked(provider, client=client)):
                got.append(shown(one))

        task = asyncio.create_task(consume())
        while len(got) < 4:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return got, stream.closed

    _made_up.clear()
    ours = asyncio.run(run())
    _made_up.clear()
    with originals(*PARTS):
        assert ours == asyncio.run(run())


def test_an_endless_stream() -> None:
    def endless() -> Iterator[bytes]:
        yield from (says(one) for one in message(texts("a", "b", "c"))[:-3])
        while True:
            yield b": ping\n\n"
            yield from map(says, texts("more", " and")[1:3])

    stream = Bytes(endless())  # type: ignore[arg-type]
    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=stream))
    client = HTTPHandler(client=httpx.Client(transport=transport))
    wrapper: Any = litellm.completion(**asked("anthropic", client=client))
    before = served(SYNC)
    for _ in range(2000):
        next(wrapper)
    assert served(SYNC) - before > 1900 and stream.given < 3100  # nothing is read ahead


def test_a_long_line() -> None:
    text = "x" * ((100 if LONG else 2) << 20)
    whole = message(texts("a", "b", "c", text, "d"))
    content = lines(whole)
    parts = [content[i : i + 65536] for i in range(0, len(content), 65536)]
    _made_up.clear()
    ours = sync_outcome("anthropic", parts, take=4)
    _made_up.clear()
    with originals(*PARTS):
        theirs = sync_outcome("anthropic", parts, take=4)
    assert ours == theirs


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=4), st.just([]), st.just({})
)
DELTAS = st.one_of(
    st.builds(lambda text: {"type": "text_delta", "text": text}, st.text(max_size=5)),
    st.builds(lambda text: {"type": "thinking_delta", "thinking": text}, st.text(max_size=5)),
    st.builds(lambda text: {"type": "input_json_delta", "partial_json": text}, st.text(max_size=5)),
    st.dictionaries(
        st.sampled_from(["type", "text", "thinking", "partial_json", "signature", "citation", "x"]),
        VALUES,
        max_size=3,
    ),
)
EVENTS = st.one_of(
    st.lists(DELTAS, max_size=4).flatmap(
        lambda deltas: st.builds(
            lambda kind, name, value: block(
                {"type": kind, "text": "", "id": "t", "name": "f", "input": {}, name: value},
                *deltas,
            ),
            st.sampled_from(["text", "tool_use", "thinking", "server_tool_use", "odd"]),
            st.sampled_from(["x", "text", "id", "name", "type"]),
            VALUES,
        )
    ),
    st.builds(
        lambda kind, name, value: [{"type": kind, "index": 0, name: value}],
        st.sampled_from(["ping", "message_delta", "message_start", "content_block_delta", "error", "new"]),
        st.sampled_from(["index", "delta", "message", "usage", "error", "content_block"]),
        VALUES,
    ),
)  # fmt: skip


@given(st.lists(EVENTS, max_size=3), st.integers(1, 300))
@settings(max_examples=MANY)
def test_any_events(blocks: list[Any], size: int) -> None:
    whole = message(texts("a", "b", "c"), *blocks, texts("d", "e", "f"), call("f", "{", "}"))
    content = b"".join(map(event, map(json.dumps, whole)))
    compare([content[i : i + size] for i in range(0, len(content), size)])
