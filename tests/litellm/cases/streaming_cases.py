"""Streams: the same chunks, state, callbacks and errors from any events, however they are cut, sync and async."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import litellm
import openai
import pytest
from calls import outcome
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils import streaming_handler
from litellm.litellm_core_utils.thread_pool_executor import executor
from pydantic import BaseModel
from sides import originals, served

SYNC, ASYNC = "litellm.stream", "litellm.async_stream"
PARTS = (SYNC, ASYNC, *(f"litellm.stream_{what}" for what in ("usage", "total", "text", "order")))
MANY = 3000 if LONG else 30
MESSAGES = [{"role": "user", "content": "hi there"}]
BASE = {
    "id": "chatcmpl-abc123",
    "object": "chat.completion.chunk",
    "created": 1700000000,
    "model": "gpt-4o-2024-08-06",
    "service_tier": "default",
    "system_fingerprint": "fp_123",
}


def event(data: Any, end: str = "\n\n") -> bytes:
    """One event."""
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return ("data: " + text + end).encode("utf-8", "surrogatepass")


def chunk(delta: Any, reason: Any = None, usage: Any = None, **more: Any) -> dict[str, Any]:
    """A chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return {**BASE, "choices": [choice], "usage": usage, **more}


def words(*texts: str, **more: Any) -> list[Any]:
    """A whole stream of texts."""
    return [
        chunk({"role": "assistant", "content": "", "refusal": None}, **more),
        *(chunk({"content": text}, **more) for text in texts),
        chunk({}, "stop", **more),
    ]


def body(chunks: list[Any], end: str = "\n\n", done: bool = True) -> bytes:
    """The bytes of a stream."""
    return b"".join(event(one, end) for one in chunks) + (event("[DONE]", end) if done else b"")


TEXTS = ("Hello", " wörld", " \U0001f642", ' \\n"quoted"\n', " the", " end.")
PLAIN = body(words(*TEXTS))
USAGE = {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}
CALLS = [
    chunk({"role": "assistant", "content": None, "tool_calls": [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
    ]}),
    *(chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}) for part in ('{"', "city", '":', '"Rom"', "}")),
    chunk({"tool_calls": [
        {"index": 1, "id": "call_2", "type": "function", "function": {"name": "g", "arguments": ""}}
    ]}),
    *(chunk({"tool_calls": [{"index": 1, "function": {"arguments": part}}]}) for part in ("{", '"a"', ": 1", "}")),
    chunk({}, "tool_calls"),
]  # fmt: skip


def shown(value: Any) -> Any:
    """All that a value is; what the clock or chance made of it is left out."""
    if isinstance(value, BaseModel):
        return (
            type(value).__qualname__,
            [(name, shown(field)) for name, field in vars(value).items() if name != "created"],
            [(name, shown(field)) for name, field in (value.model_extra or {}).items()],
            sorted(value.model_fields_set),
            shown(value.__pydantic_private__),
        )
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return [
            (name, type(item) if name in ("created", "created_at") else shown(item))
            for name, item in value.items()
        ]
    if isinstance(value, litellm.types.utils.HiddenParams | httpx.Headers):
        return repr(value)
    if isinstance(value, str) and _MADE_UP.fullmatch(value):
        if value not in _made_up:
            _made_up.append(value)
        return "made up", _made_up.index(value)
    return type(value).__qualname__, repr(value)


_MADE_UP = re.compile("(chatcmpl-)?[0-9a-f-]{36}")
_made_up: list[str] = []  # ids that LiteLLM makes up; equal where they come in the same order

STATE = (
    "response_uptil_now", "response_id", "model", "system_fingerprint", "received_finish_reason",
    "intermittent_finish_reason", "sent_first_chunk", "sent_last_chunk", "holding_chunk", "tool_call",
    "sent_stream_usage", "_repeated_messages_count", "_provider_response_model", "complete_response",
)  # fmt: skip


class Watcher(CustomLogger):
    """Writes down what it is told at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def note(self, what: str, details: Any, response: Any) -> None:
        """Keep what does not depend on the clock."""
        kept = ("stream", "cache_hit", "log_event_type", "response_cost", "model", "messages")
        payload = details.get("standard_logging_object") or {}
        self.told.append(
            (
                what,
                [(name, repr(details.get(name, "-"))) for name in kept],
                "completion_start_time" in details,
                sorted(payload),
                [
                    (name, repr(payload.get(name)))
                    for name in (
                        "status",
                        "total_tokens",
                        "messages",
                        "response_cost",
                        "error_str",
                        "stream",
                    )
                ],
                type(response).__name__,
                getattr(response, "choices", None) and repr(response.choices),
                repr(getattr(response, "usage", None)),
            )
        )

    def log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.note("success", kwargs, response_obj)

    def log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.note("failure", kwargs, response_obj)

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.note("async success", kwargs, response_obj)

    async def async_log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.note("async failure", kwargs, response_obj)


class Reader(Watcher):
    """One that looks at every chunk."""

    def log_stream_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.told.append(("chunk", response_obj.choices[0].delta.content))


def error(found: BaseException) -> Any:
    """What an exception says; ids and addresses are not in our streams."""
    original = getattr(found, "original_exception", None)
    return (
        type(found).__qualname__,
        str(found),
        {
            name: repr(getattr(found, name, None))
            for name in ("status_code", "llm_provider", "model", "generated_content", "is_pre_first_chunk")
        },
        error(original) if isinstance(original, Exception) else None,
    )  # fmt: skip


def parts_of(content: Any) -> list[Any]:
    """Pieces, as bytes come in; an exception among them breaks the connection."""
    return content if isinstance(content, list) else [content]


class Bytes(httpx.SyncByteStream):
    """A body in pieces; notes that it was closed."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts, self.closed, self.given = parts, False, 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            self.given += 1
            yield part

    def close(self) -> None:
        self.closed = True


class AsyncBytes(httpx.AsyncByteStream):
    """The same, asynchronous."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts, self.closed, self.given = parts, False, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            if part == b"(wait)":
                await asyncio.sleep(3600)
            self.given += 1
            await asyncio.sleep(0)
            yield part

    async def aclose(self) -> None:
        self.closed = True


def settle() -> None:
    """Wait for LiteLLM's threads."""
    end = time.monotonic() + 10
    while executor._pending_slots._value < executor._max_pending_tasks:
        assert time.monotonic() < end
        time.sleep(0.001)


def told_of(callbacks: list[Any]) -> list[Any]:
    """What the callbacks were told, in order."""
    settle()
    end = time.monotonic() + 0.5
    while (
        callbacks
        and not any(getattr(one, "told", None) for one in callbacks)
        and time.monotonic() < end
    ):
        time.sleep(0.005)  # (a failure is told by a thread of its own)
    return [getattr(one, "told", None) for one in callbacks]


def sync_outcome(
    content: Any,
    callbacks: Callable[[], list[Any]] = list,
    take: int | None = None,
    reader: Callable[[Any], Iterator[Any]] = iter,
    **more: Any,
) -> Any:
    """Everything that a synchronous stream does."""
    stream = Bytes(parts_of(content))
    client = openai.OpenAI(
        api_key="k",
        http_client=httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(
            200, headers={"content-type": "text/event-stream", "x-request-id": "r"}, stream=stream
        ))),
    )  # fmt: skip
    litellm.callbacks = watching = callbacks()
    chunks: list[Any] = []
    raised: Any = None
    made: set[int] = set()  # the clock's, one for a stream
    try:
        wrapper = litellm.completion(
            model="openai/gpt-4o", messages=MESSAGES, stream=True, client=client, **more
        )
        try:
            for one in reader(wrapper):
                chunks.append((shown(one), shown(one.model_dump()), stream.given))
                made.add(getattr(one, "created", 0))
                if watching:
                    settle()  # the original's threads would tell in any order
                if len(chunks) == take:
                    break
        except Exception as found:
            raised = error(found)
        told = told_of(watching)
        return (
            chunks,
            raised,
            [(name, shown(getattr(wrapper, name))) for name in STATE],
            shown(wrapper.chunks),
            sorted(vars(wrapper)),
            stream.closed,
            len(made),
            told,
        )
    finally:
        clear_callbacks()


def clear_callbacks() -> None:
    """No callbacks any more."""
    litellm.callbacks = []
    litellm.success_callback, litellm.failure_callback = [], []
    litellm._async_success_callback, litellm._async_failure_callback = [], []
    litellm.input_callback = []


async def async_run(
    content: Any, watching: list[Any], take: int | None, more: dict[str, Any]
) -> Any:
    stream = AsyncBytes(parts_of(content))
    client = openai.AsyncOpenAI(
        api_key="k",
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(
            200, headers={"content-type": "text/event-stream", "x-request-id": "r"}, stream=stream
        ))),
    )  # fmt: skip
    chunks: list[Any] = []
    raised: Any = None
    made: set[int] = set()  # the clock's, one for a stream
    wrapper = await litellm.acompletion(
        model="openai/gpt-4o", messages=MESSAGES, stream=True, client=client, **more
    )
    try:
        async for one in wrapper:
            made.add(getattr(one, "created", 0))
            chunks.append((shown(one), shown(one.model_dump()), stream.given))
            if len(chunks) == take:
                break
    except Exception as found:
        raised = error(found)
    if take is not None:
        await wrapper.aclose()
    end = time.monotonic() + 0.5
    while (
        watching
        and not any(getattr(one, "told", None) for one in watching)
        and time.monotonic() < end
    ):
        await asyncio.sleep(0.005)
    await asyncio.sleep(0)
    return (
        chunks,
        raised,
        [(name, shown(getattr(wrapper, name))) for name in STATE],
        shown(wrapper.chunks),
        sorted(vars(wrapper)),
        stream.closed,
        len(made),
        [getattr(one, "told", None) for one in watching],
    )


def async_outcome(
    content: Any, callbacks: Callable[[], list[Any]] = list, take: int | None = None, **more: Any
) -> Any:
    """Everything that an asynchronous stream does."""
    litellm.callbacks = watching = callbacks()
    try:
        return asyncio.run(async_run(content, watching, take, more))
    finally:
        clear_callbacks()
        settle()


def compare(content: Any, least: int = 0, **more: Any) -> Any:
    """Both sides' outcome, sync and async; ours made *least* chunks itself."""
    found = None
    for run, name in ((sync_outcome, SYNC), (async_outcome, ASYNC)):
        if run is async_outcome and "reader" in more:
            continue
        before = served(name)
        _made_up.clear()
        ours = run(content, **more)
        assert served(name) - before >= least, (name, served(name) - before)
        _made_up.clear()
        with originals(*PARTS):
            theirs = run(content, **more)
        assert ours == theirs, difference(ours, theirs)
        found = ours
    return found


def difference(ours: Any, theirs: Any, path: str = "") -> str:
    """Where two outcomes differ first."""
    if type(ours) is type(theirs) and isinstance(ours, (list, tuple)) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs)):
            if one != other:
                return difference(one, other, f"{path}/{index}")
    return f"{path}: {str(ours)[:900]}\n!= {str(theirs)[:900]}"


def test_plain() -> None:
    found = compare(PLAIN, least=4)
    assert found[1] is None and len(found[0]) >= 7


def test_every_byte() -> None:
    cuts = range(1, len(PLAIN)) if LONG else random.Random(1).sample(range(1, len(PLAIN)), 12)
    for cut in cuts:
        compare([PLAIN[:cut], PLAIN[cut:]], least=4)
    compare([PLAIN[i : i + 1] for i in range(len(PLAIN))], least=4)
    compare([PLAIN[i : i + 7] for i in range(0, len(PLAIN), 7)], least=4)


@pytest.mark.parametrize(
    "end", ["\r\n\r\n", "\r\r", "\n\n\n", "\n: a comment\n\n", "\nid: 7\n\n", "\nretry: 10\n\n"]
)
def test_ends(end: str) -> None:
    content = body(words(*TEXTS), end)
    least = 4 if end != "\nretry: 10\n\n" else 0
    compare(content, least=least)
    for cut in (40, 41, 399, 400, 401, 402, 403):
        compare([content[:cut], content[cut:]])
    compare([content[i : i + 1] for i in range(len(content))])


ODD_EVENTS = [
    b": ping\n\n",
    b"event: ping\ndata: {}\n\n",
    b"data: {\"a\":\ndata: 1}\n\n",
    b"data:{}\n\n",
    b"data\n\n",
    b"\n\n\n",
    b"retry: 5\n\n",
    b"data: \xff\xfe\n\n",
    b"data: {\n\n",
    b"data: null\n\n",
    b"data: 7\n\n",
    b"data: [1]\n\n",
    b'data: "text"\n\n',
    b"event: thread.x\ndata: {\"a\": 1}\n\n",
    b'data: {"error": {"message": "bad", "code": 429}}\n\n',
    b'data: {"error": "text"}\n\n',
    b'event: error\ndata: {"error": {"message": 5}}\n\n',
    b"data: " + b"[" * 100_000 + b"\n\n",
    b"data: [DONE] and more\n\n",
    b"data: [DONE]",
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_EVENTS, ids=lambda odd: repr(odd[:24]))
def test_odd_events(odd: bytes) -> None:
    chunks = [event(one) for one in words(*TEXTS)]
    for place in (1, 5):
        parts = [*chunks[:place], odd, *chunks[place:], event("[DONE]")]
        compare(parts)
        compare(b"".join(parts))


def test_usage() -> None:
    last = {**BASE, "choices": [], "usage": USAGE}
    chunks = [*words(*TEXTS), last]
    compare(body(chunks), least=4)
    compare(body(chunks), least=4, stream_options={"include_usage": True})
    compare(body(words(*TEXTS, usage=USAGE)))


def test_tool_calls() -> None:
    compare(body(CALLS), least=6)


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning(name: str) -> None:
    chunks = [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({name: text}) for text in TEXTS),
        *(chunk({"content": text}) for text in TEXTS),
        chunk({}, "stop"),
    ]
    compare(body(chunks), least=8)
    compare(body(chunks), merge_reasoning_content_in_choices=True)


def test_fields() -> None:
    chance = random.Random(3)
    chunks = words(*TEXTS)
    for one in chunks:
        one["obfuscation"] = "x" * chance.randrange(1, 9)
        one["created"] += chance.randrange(3)
    compare(body(chunks), least=4)
    compare(body(words(*TEXTS, citations=["a"], provider="p", extra={"a": [1, {}]})), least=4)
    compare(body(words(*TEXTS, id=None)))
    varying = words(*TEXTS)
    for index, one in enumerate(varying):
        one["id"] = f"id-{index}"
    compare(body(varying))


def test_surrogates() -> None:
    chunks = [event(one) for one in words(*TEXTS)]
    lone = event(json.dumps(chunk({"content": "~"}), separators=(",", ":")).replace("~", "\\ud83d"))
    compare(b"".join([*chunks[:5], lone, *chunks[5:], event("[DONE]")]))


def test_repetition() -> None:
    compare(body(words(*["same"] * 20)), least=10)
    compare(body(words(*["same"] * 150)), least=50)
    compare(body(words(*["ab"] * 150)), least=100)


def test_broken_connection() -> None:
    for broken in (
        httpx.ReadError("cut"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("gone"),
    ):
        for place in (0, 1, 4, 7):
            parts: list[Any] = [event(one) for one in words(*TEXTS)]
            compare([*parts[:place], broken], callbacks=lambda: [Watcher()])
    compare([PLAIN[: len(PLAIN) // 2]])
    compare(body(words(*TEXTS), done=False), least=4)
    compare(b"")


def test_callbacks() -> None:
    found = compare(PLAIN, least=4, callbacks=lambda: [Watcher()])
    assert any(found[-1])
    before = served(SYNC)
    ours = sync_outcome(PLAIN, callbacks=lambda: [Reader()])
    assert served(SYNC) == before
    with originals(*PARTS):
        theirs = sync_outcome(PLAIN, callbacks=lambda: [Reader()])
    assert ours[:-1] == theirs[:-1]
    seen, wanted = ([one for one in told[-1][0] if one[0] == "chunk"] for told in (ours, theirs))
    assert sorted(map(repr, seen)) == sorted(map(repr, wanted)) and seen  # (threads)


def test_function_callback() -> None:
    def run() -> int:
        calls: list[Any] = []
        litellm.success_callback = [lambda kwargs, response, start, end: calls.append(response)]
        sync_outcome(PLAIN, callbacks=lambda: [])
        return len(calls)

    before = served(SYNC)
    ours = run()
    assert served(SYNC) == before
    with originals(*PARTS):
        assert ours == run()


def test_stops_early() -> None:
    for take in (1, 2, 5):
        compare([event(one) for one in words(*TEXTS)], take=take)


def test_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "post_call_rules", [lambda text: "end" not in text])
    compare(PLAIN)


def test_stream_read_past_the_wrapper() -> None:
    def reader(wrapper: Any) -> Iterator[Any]:
        yield next(wrapper)
        yield next(wrapper)
        yield next(wrapper)
        yield next(wrapper.completion_stream)
        for one in wrapper.completion_stream:
            yield one
            break
        yield from wrapper

    compare(PLAIN, reader=reader)


def test_chunks_are_the_callers_own() -> None:
    def reader(wrapper: Any) -> Iterator[Any]:
        for one in wrapper:
            yield one
            one.choices[0].delta.content = "changed"
            one.choices[0].delta.new = 1
            one.hidden_params["mine"] = []
            one.choices.append(1)

    compare(PLAIN, least=1, reader=reader)


def test_response_is_closed_with_the_stream() -> None:
    def closed() -> bool:
        stream = Bytes([event(one) for one in words(*TEXTS)])
        client = openai.OpenAI(
            api_key="k",
            http_client=httpx.Client(
                transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=stream))
            ),
        )
        wrapper = litellm.completion(
            model="openai/gpt-4o", messages=MESSAGES, stream=True, client=client
        )
        for _ in range(5):
            next(wrapper)
        settle()
        del wrapper
        gc.collect()
        return stream.closed

    ours = closed()
    with originals(*PARTS):
        assert ours == closed()


def test_cancellation() -> None:
    async def run() -> Any:
        stream = AsyncBytes([*(event(one) for one in words(*TEXTS)[:5]), b"(wait)"])
        client = openai.AsyncOpenAI(
            api_key="k",
            http_client=httpx.AsyncClient(
                transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=stream))
            ),
        )
        got: list[Any] = []

        async def consume() -> None:
            async for one in await litellm.acompletion(
                model="openai/gpt-4o", messages=MESSAGES, stream=True, client=client
            ):
                got.append(shown(one))

        task = asyncio.create_task(consume())
        while stream.given < 5 or len(got) < 5:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return got, stream.closed

    ours = asyncio.run(run())
    with originals(*PARTS):
        assert ours == asyncio.run(run())


def test_a_long_line() -> None:
    text = "x" * ((100 if LONG else 2) << 20)
    content = body(
        [
            chunk({"content": "a"}),
            chunk({"content": "b"}),
            chunk({"content": text}),
            chunk({}, "stop"),
        ]
    )
    parts = [content[i : i + 65536] for i in range(0, len(content), 65536)]
    ours = sync_outcome(parts, take=4)
    with originals(*PARTS):
        theirs = sync_outcome(parts, take=4)
    assert ours == theirs


def test_an_endless_stream() -> None:
    def endless() -> Iterator[bytes]:
        yield from (event(one) for one in words("a", "b", "c")[:-1])
        while True:
            yield b": ping\n\n"
            yield event(chunk({"content": "more"}))
            yield event(chunk({"content": " and"}))

    stream = Bytes(endless())  # type: ignore[arg-type]
    client = openai.OpenAI(
        api_key="k",
        http_client=httpx.Client(
            transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=stream))
        ),
    )
    wrapper = litellm.completion(
        model="openai/gpt-4o", messages=MESSAGES, stream=True, client=client
    )
    before = served(SYNC)
    for _ in range(2000):
        next(wrapper)
    assert served(SYNC) - before > 1900 and stream.given < 3100  # nothing is read ahead
    wrapper.completion_stream.close()


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(),
    st.text(max_size=4),
    st.just([]),
    st.just({}),
)
DELTAS = st.dictionaries(
    st.sampled_from(
        [
            "content",
            "role",
            "refusal",
            "reasoning_content",
            "tool_calls",
            "function_call",
            "audio",
            "x",
        ]
    ),
    SCALARS,
    max_size=3,
)
CHUNKS = st.one_of(
    st.text(min_size=1, max_size=6).map(lambda text: chunk({"content": text})),
    st.builds(chunk, DELTAS, st.sampled_from([None, None, "stop", "length", "weird", "error", 5])),
    st.builds(
        lambda name, value: chunk({"content": "x"}, **{name: value}),
        st.sampled_from(["id", "model", "created", "object", "choices", "usage", "system_fingerprint", "service_tier", "new"]),
        SCALARS,
    ),
    st.builds(
        lambda name, value: {**BASE, "choices": [{"index": 0, "delta": {"content": "x"}, name: value}]},
        st.sampled_from(["index", "delta", "logprobs", "finish_reason", "message", "new"]),
        SCALARS,
    ),
)  # fmt: skip


@given(st.lists(CHUNKS, max_size=6), st.integers(1, 400), st.booleans())
@settings(max_examples=MANY)
def test_any_chunks(chunks: list[Any], size: int, compact: bool) -> None:
    stream = [*words("a", "b", "c")[:-1], *chunks, *words("d", "e")[1:]]
    texts = [json.dumps(one, separators=(",", ":") if compact else None) for one in stream]
    content = b"".join(map(event, texts)) + event("[DONE]")
    compare([content[i : i + size] for i in range(0, len(content), size)])


def assembled(chunks: list[Any]) -> Any:
    """What is made of chunks at a stream's end, and by its parts."""
    processor = litellm.litellm_core_utils.streaming_chunk_builder_utils.ChunkProcessor
    return [
        outcome(lambda: shown(litellm.stream_chunk_builder(chunks, messages=MESSAGES))),
        outcome(lambda: shown(streaming_handler.calculate_total_usage(chunks=chunks))),
        outcome(lambda: processor(chunks)._calculate_usage_per_chunk(chunks)),
        outcome(lambda: [id(one) for one in processor(chunks).chunks]),
        [outcome(lambda: litellm.main._simple_text_part(one.choices)) for one in chunks],  # noqa: B023
    ]


def built(
    delta: dict[str, Any], reason: Any, usage: Any, hidden: dict[str, Any], more: dict[str, Any]
) -> Any:
    """A chunk as LiteLLM makes one."""
    choices = [] if more.get("bare") else [{"index": 0, "delta": delta, "finish_reason": reason}]
    made = litellm.types.utils.ModelResponseStream(id="i", model="m", created=1, choices=choices)
    if more.get("touched"):
        made.usage = usage
    made.hidden_params = {"created_at": 1.0, **hidden}
    for name in more.get("set", ()):
        setattr(made.choices[0].delta if made.choices else made, name, more["value"])
    return made


USAGES = st.sampled_from([None, USAGE, litellm.Usage(**USAGE), {"completion_tokens": 1}])
BUILT = st.builds(
    built,
    st.dictionaries(
        st.sampled_from(["content", "role", "reasoning_content", "x"]),
        st.one_of(st.none(), st.text(max_size=3)),
    ),
    st.sampled_from([None, None, "stop", "length"]),
    USAGES,
    st.fixed_dictionaries(
        {},
        optional={
            "usage": USAGES,
            "created_at": st.sampled_from([0.5, 2.0, 2, None]),
            "custom_llm_provider": st.just("anthropic"),
            "provider_specific_fields": st.just({"a": 1}),
        },
    ),
    st.fixed_dictionaries(
        {"value": st.sampled_from([None, "v", 0, [], {"k": "v"}])},
        optional={
            "bare": st.booleans(),
            "touched": st.booleans(),
            "set": st.lists(
                st.sampled_from(
                    ["content", "audio", "images", "thinking_blocks", "new", "reasoning_items"]
                ),
                max_size=2,
            ),
        },
    ),
)


@given(st.lists(BUILT, max_size=6))
@settings(max_examples=6 * MANY)
def test_any_end(chunks: list[Any]) -> None:
    _made_up.clear()
    ours = assembled(chunks)
    _made_up.clear()
    with originals(*PARTS):
        theirs = assembled(chunks)
    assert ours == theirs, difference(ours, theirs)
