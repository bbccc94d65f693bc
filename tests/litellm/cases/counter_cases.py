"""token_counter over models x messages x tools x options: the same numbers, errors, warnings and log lines as with the originals."""

from __future__ import annotations

import base64
import logging
import struct
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import litellm
import pytest
import tokenizers_made
from calls import outcome
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.litellm_core_utils import token_counter, tokenizer
from sides import originals, served
from texts import PARTS, encodings

import fast_litellm
from fast_litellm import _huggingface

MODELS = [
    "gpt-3.5-turbo-0301", "gpt-3.5-turbo", "gpt-3.5-turbo-16k", "gpt-4", "gpt-4-32k-0613", "gpt-4-turbo", "gpt-4o", "gpt-4o-mini",
    "chatgpt-4o-latest", "gpt-4.1", "gpt-5", "o1", "o1-mini", "o3-mini", "o4-mini", "text-davinci-003", "text-embedding-3-small", "davinci",
    "azure/gpt-35-turbo", "azure/gpt-4o", "azure/my-deployment", "gpt-35-turbo", "openai/gpt-4o", "openai/gpt-4", "openrouter/openai/gpt-4o",
    "claude-3-opus-20240229", "claude-3-5-sonnet-20240620", "claude-sonnet-4-5", "claude-opus-4-1", "claude-instant-1.2", "claude-2.1",
    "anthropic/claude-sonnet-4-5", "bedrock/anthropic.claude-3-sonnet-20240229-v1:0", "vertex_ai/claude-sonnet-4@20250514",
    "command-r", "command-r-plus", "cohere/command-r", "cohere_chat/command-r", "command-nightly", "meta-llama/Llama-2-7b-chat", "llama-2-70b",
    "replicate/meta/llama-2-70b-chat", "groq/llama3-8b-8192", "meta-llama/llama-3-8b", "together_ai/meta-llama/Llama-3-8b-chat-hf",
    "gemini/gemini-1.5-pro", "gemini-2.5-flash", "vertex_ai/gemini-pro", "mistral/mistral-large", "deepseek/deepseek-chat", "nobody/knows", "", None,
]  # fmt: skip
#: Those for which LiteLLM fetches a tokenizer; Command R's as well, where the list of models has them still.
FETCHED = [name for name in MODELS if name and litellm.utils.huggingface_tokenizer_kind(name) not in (None, "anthropic")]  # fmt: skip
WORDS = [*PARTS, "a longer text that has some words in it, and more than forty-eight characters", "Bonjour " * 30, "日本語の文章を" * 12, '{"city": "a", "days": [1, 2.5, null]}' * 3, "🙂👩‍👩‍👧 " * 20, "<|endoftext|> and <EOT>"]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(WORDS),
    st.lists(st.sampled_from(WORDS), max_size=12).map("".join),
    st.text(st.characters(min_codepoint=1, max_codepoint=0x2FFF), max_size=60),
    st.text(max_size=12),
)
ODD = st.one_of(
    st.integers(-3, 3), st.booleans(), st.floats(allow_nan=False), st.just([]), st.just({})
)


def _url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()


def _png(width: int, height: int) -> str:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
    return _url("png", head + struct.pack(">II", width, height) + b"\x08\x02\x00\x00\x00")


def _gif(width: int, height: int) -> str:
    return _url("gif", b"GIF89a" + struct.pack("<HH", width, height) + b"\xf7\x00\x00")


def _jpeg(width: int, height: int) -> str:
    head = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    quantization = b"\xff\xdb\x00\x05\x00\x01\x02"
    frame = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width) + b"\x03\x01\x22\x00"
    return _url("jpeg", head + quantization + frame)


def _webp(kind: bytes) -> Callable[[int, int], str]:
    def made(width: int, height: int) -> str:
        body = {
            b"VP8X": bytes(4)
            + struct.pack("<I", width - 1)[:3]
            + struct.pack("<I", height - 1)[:3],
            b"VP8 ": b"\x00\x00\x00\x9d\x01\x2a"[:6]
            + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF),
            b"VP8L": b"\x2f" + struct.pack("<I", (width - 1) & 0x3FFF | ((height - 1) & 0x3FFF) << 14),
        }[kind]  # fmt: skip
        return _url("webp", b"RIFF\x40\x00\x00\x00WEBP" + kind + struct.pack("<I", 40) + body)

    return made


def _heic(width: int, height: int) -> str:
    return _url("heic", b"\x00\x00\x00\x18ftypheic" + bytes(40))


SIZES = st.one_of(
    st.integers(1, 3000), st.sampled_from([1, 511, 512, 513, 768, 769, 2000, 2048, 16383, 60_000])
)
IMAGES = st.one_of(
    st.builds(
        lambda make, width, height: make(width, height),
        st.sampled_from([_png, _gif, _jpeg, _heic, *map(_webp, (b"VP8X", b"VP8 ", b"VP8L"))]),
        SIZES,
        SIZES,
    ),
    st.sampled_from(
        [
            _url("png", b"\x89PNG\r\n\x1a\n"),
            _url("jpeg", b"\xff\xd8\xff"),
            _url("png", b"unknown"),
            "data:image/png;base64,!!!",
            "data:no comma",
            "http://127.0.0.1:9/none.png",
            "",
            " ",
        ]
    ),
    st.none(),
    st.integers(0, 1),
)
DETAILED = st.fixed_dictionaries(
    {"url": IMAGES},
    optional={"detail": st.sampled_from(["low", "high", "high", "auto", "medium", None])},
)


def blocks(deeper: Any) -> Any:
    text = st.fixed_dictionaries({"type": st.just("text")}, optional={"text": st.one_of(TEXT, ODD)})
    cache = {"cache_control": st.just({"type": "ephemeral"})}
    source = st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("base64"), "data": st.sampled_from(["AAAA", "", None])},
            optional={"media_type": st.sampled_from(["image/png", "application/pdf", None])},
        ),
        st.fixed_dictionaries(
            {"type": st.just("url"), "url": st.sampled_from(["http://127.0.0.1:9/a", "", None])}
        ),
        st.fixed_dictionaries({"type": st.just("text"), "data": TEXT}),
        st.fixed_dictionaries({"type": st.just("content"), "content": st.one_of(TEXT, deeper)}),
        st.fixed_dictionaries({"type": st.just("file"), "file_id": st.just("f")}),
    )
    names = st.fixed_dictionaries({}, optional={"title": TEXT, "context": TEXT})
    return st.one_of(
        TEXT,
        text,
        st.fixed_dictionaries({"type": st.just("image_url"), "image_url": st.one_of(IMAGES, DETAILED)}),
        st.fixed_dictionaries({"type": st.just("image"), "source": source}),
        st.builds(lambda a, b: {"type": "document", "source": a, **b}, source, names),
        st.fixed_dictionaries({"type": st.just("file"), "file": st.one_of(ODD, st.fixed_dictionaries({}, optional={"filename": TEXT, "file_data": st.sampled_from(["data:application/pdf;base64,AAAA", "data:text/plain;base64,aGk=", "", None])}))}),
        st.fixed_dictionaries(
            {"type": st.just("tool_use"), "name": TEXT, "id": st.just("t")},
            optional={"input": st.dictionaries(TEXT, st.one_of(TEXT, ODD), max_size=3), **cache},
        ),
        st.fixed_dictionaries(
            {"type": st.just("tool_result"), "tool_use_id": st.just("t")},
            optional={"content": st.one_of(TEXT, deeper, st.none()), "is_error": st.booleans(), **cache},
        ),
        st.fixed_dictionaries({"type": st.sampled_from(["thinking", "redacted_thinking"])}, optional={"thinking": st.one_of(TEXT, st.none()), "signature": TEXT, "data": TEXT}),
        st.fixed_dictionaries({"type": st.just("tool_reference")}, optional={"tool_name": st.one_of(TEXT, st.none())}),
        st.fixed_dictionaries({}, optional={"type": st.sampled_from(["input_audio", "video", None, 3]), "text": TEXT}),
        ODD,
    )  # fmt: skip


CONTENT = st.deferred(lambda: st.lists(blocks(CONTENT), max_size=3))
CALL = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("c"),
        "type": st.just("function"),
        "function": st.fixed_dictionaries(
            {},
            optional={"name": TEXT, "arguments": st.one_of(TEXT, st.none(), st.just({"a": 1}))},
        ),
    },
)
WHOLE_CALL = st.builds(
    lambda name, text: {"id": "1", "type": "function", "function": {"name": name, "arguments": text}},
    st.sampled_from(["f", "weather"]),
    TEXT,
)  # fmt: skip
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool", "function", "developer"]),
        "content": st.one_of(TEXT, TEXT, CONTENT, st.none(), ODD),
    },
    optional={
        "name": st.one_of(TEXT, st.none()),
        "tool_call_id": TEXT,
        "tool_calls": st.one_of(st.lists(WHOLE_CALL, max_size=2), st.lists(CALL, max_size=2), st.none(), ODD),
        "function_call": st.one_of(CALL.map(lambda call: call.get("function", {})), st.none(), ODD),
        "reasoning_content": TEXT,
        "refusal": st.none(),
        "search_results": st.lists(st.fixed_dictionaries({"type": st.just("search_result")}, optional={"title": TEXT, "content": st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}), max_size=2)}), max_size=2),
        "thinking_blocks": st.lists(st.fixed_dictionaries({"type": st.just("thinking"), "thinking": TEXT}), max_size=1),
        "odd": ODD,
    },
)  # fmt: skip
OBJECT = st.builds(
    lambda content, calls: litellm.Message(content=content, role="assistant", tool_calls=calls),
    st.one_of(TEXT, st.none()),
    st.one_of(st.none(), st.lists(WHOLE_CALL, max_size=2)),
)
SCHEMA = st.deferred(
    lambda: st.one_of(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["string", "integer", "number"])},
            optional={
                "enum": st.lists(st.sampled_from(["a", "b", 3]), max_size=3),
                "description": TEXT,
            },
        ),
        st.fixed_dictionaries({"type": st.sampled_from(["boolean", "null", "any", None])}),
        st.fixed_dictionaries({"type": st.just("array")}, optional={"items": SCHEMA}),
        st.fixed_dictionaries(
            {"type": st.just("object")},
            optional={
                "properties": st.dictionaries(
                    st.sampled_from(["city", "days", "日"]), SCHEMA, max_size=2
                ),
                "required": st.lists(st.sampled_from(["city", "days"]), max_size=2),
                "description": TEXT,
            },
        ),
    )
)
FUNCTION = st.fixed_dictionaries(
    {}, optional={"name": TEXT, "description": TEXT, "parameters": st.one_of(SCHEMA, ODD)}
)
TOOL = st.one_of(
    st.builds(lambda function: {"type": "function", "function": function}, FUNCTION),
    st.builds(
        lambda functions: {"function_declarations": functions}, st.lists(FUNCTION, max_size=2)
    ),
    st.builds(lambda function: {**function, "input_schema": {"type": "object"}}, FUNCTION),
    FUNCTION,
    ODD,
)
CHOICE = st.sampled_from(
    [
        None,
        "auto",
        "none",
        "required",
        {"type": "function", "function": {"name": "weather"}},
        {"type": "function"},
        {},
    ]
)
CALLS = st.fixed_dictionaries(
    {"model": st.sampled_from(MODELS)},
    optional={
        "count_response_tokens": st.sampled_from([True, False, None]),
        "use_default_image_token_count": st.sampled_from([True, False, None]),
        "default_token_count": st.sampled_from([None, 0, 7]),
        "tools": st.one_of(st.none(), st.lists(TOOL, max_size=3)),
        "tool_choice": CHOICE,
        "custom": st.sampled_from(
            ["llama3", "llama2", "command_r", "anthropic", "openai", "odd", "none"]
        ),
    },
)
SAID = st.one_of(
    st.builds(
        lambda each: {"messages": each}, st.lists(st.one_of(MESSAGE, MESSAGE, OBJECT), max_size=4)
    ),
    st.builds(lambda each: {"messages": each}, st.lists(MESSAGE, min_size=1, max_size=2)),
    st.builds(
        lambda each: {"text": each}, st.one_of(TEXT, st.lists(st.one_of(TEXT, ODD), max_size=4))
    ),
    st.sampled_from(
        [
            {},
            {"text": "a", "messages": []},
            {"text": ""},
            {"messages": []},
            {"text": 3},
            {"messages": [3]},
        ]
    ),
)
TOKENIZERS: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def loaded(ready: None) -> Iterator[None]:
    """All encodings, and tokenizers of the kinds that LiteLLM fetches; short texts are Java's too."""
    encodings()
    made = tokenizers_made.made()
    patched = pytest.MonkeyPatch()
    from litellm.rust_bridge import tokenizer as tokenizer_dispatch

    fetched = {
        "Xenova/c4ai-command-r-v01-tokenizer": "command_r",
        "hf-internal-testing/llama-tokenizer": "llama2",
        "Xenova/llama-3-tokenizer": "llama3",
    }
    patched.setattr(
        tokenizer_dispatch, "from_pretrained", lambda name, **_: made[fetched[name]], raising=True
    )
    for kind in ("llama3", "llama2", "command_r", "anthropic"):
        TOKENIZERS[kind] = {"type": "huggingface_tokenizer", "tokenizer": made[kind]}
    TOKENIZERS["openai"] = {"type": "openai_tokenizer", "tokenizer": encodings()["p50k_base"]}
    TOKENIZERS["odd"] = {"type": "nothing"}
    TOKENIZERS["none"] = None
    chosen = [made[kind] for kind in ("llama3", "llama2", "command_r", "anthropic")]
    chosen.append(litellm.utils.select_tokenizer("claude-sonnet-4-5")["tokenizer"])
    for each in chosen:
        entry = _huggingface.note(each)
        _huggingface.load(entry)
        entry.least = 0
        assert (entry.number or 0) >= 0
    assert not isinstance(chosen[-1], tokenizer.HuggingFaceTokenizer)  # no Rust bridge here
    yield
    patched.undo()


class Lines(logging.Handler):
    """What is logged meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


def told(function: Callable[..., Any], debug: bool, **call: Any) -> Any:
    """The outcome of a call, what it logged and what it warned of."""
    handler, logger = Lines(), litellm.verbose_logger
    level, handlers = logger.level, logger.handlers[:]
    logger.handlers[:] = [handler]
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = outcome(function, **call)
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)
    return found, handler.lines, [str(each.message) for each in caught]


def declined() -> int:
    return int(fast_litellm.get_performance_stats("litellm.tokens")["declined"])


def test_matrix() -> None:
    seen: set[str] = set()
    before = served("litellm.tokens"), served("litellm.tokenizer_count")

    @settings(max_examples=6000 if LONG else 400)
    @given(CALLS, SAID, st.booleans())
    def run(call: dict[str, Any], said: dict[str, Any], debug: bool) -> None:
        call = {**call, **said}
        if "custom" in call:
            call["custom_tokenizer"] = TOKENIZERS[call.pop("custom")]
        ours = told(litellm.token_counter, debug, **call)
        with originals():
            assert ours == told(litellm.token_counter, debug, **call)
        seen.add("error" if isinstance(ours[0], tuple) else "number")

    run()
    assert seen == {"error", "number"}
    assert served("litellm.tokens") > before[0] + 100
    assert served("litellm.tokenizer_count") > before[1] + 15


@pytest.mark.parametrize("model", MODELS)
def test_each_model(model: Any) -> None:
    """Whole conversations: Java counts all of each text."""
    tool = {"type": "function", "function": {"name": "weather", "description": "Get the weather", "parameters": {"type": "object", "properties": {"city": {"type": "string", "enum": ["a"]}, "days": {"type": "array", "items": {"type": "integer"}}}, "required": ["city"]}}}  # fmt: skip
    kinds = [_png, _gif, _jpeg, _heic, *map(_webp, (b"VP8X", b"VP8 ", b"VP8L"))]
    images = [
        {"type": "image_url", "image_url": {"url": kind(1300, 700 + 90 * place), "detail": detail}}
        for place, kind in enumerate(kinds)
        for detail in ("low", "high", "auto")
    ]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You're kind, and answer in as few words as you can. " * 3},
        {"role": "user", "name": "ann", "content": "日本語の文章 🙂 and some English, all in one message of a user"},
        {"role": "user", "content": [{"type": "text", "text": "what are these?"}, *images]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "a", "days": [1, 2, 3]}'}}]},
        {"role": "tool", "tool_call_id": "1", "name": "weather", "content": "sunny, 21 degrees, no wind " * 40},
        {"role": "assistant", "content": "", "function_call": {"name": "weather", "arguments": "{}"}},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "a result"}]}, {"type": "thinking", "thinking": "hm, " * 30, "signature": "x"}]},
    ]  # fmt: skip
    refused = declined()
    for choice in (None, "none", "auto", {"type": "function", "function": {"name": "weather"}}):
        for tools in (None, [tool], [tool, tool]):
            for response in (True, False) if LONG else (False,):
                call = {
                    "model": model,
                    "messages": messages,
                    "tools": tools,
                    "tool_choice": choice,
                    "count_response_tokens": response,
                }
                ours = told(litellm.token_counter, True, **call)
                with originals():
                    assert ours == told(litellm.token_counter, True, **call)
                if model is not None:
                    assert type(ours[0]) is int and ours[0] > 500
    assert declined() == refused


def test_offline_the_same_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a tokenizer cannot be fetched LiteLLM warns, and counts with tiktoken."""
    from litellm.rust_bridge import tokenizer as tokenizer_dispatch

    def refuse(name: str, **_: Any) -> Any:
        raise OSError(f"no network for {name}")

    monkeypatch.setattr(tokenizer_dispatch, "from_pretrained", refuse)
    litellm.utils._load_huggingface_tokenizer.cache_clear()
    try:
        for model in FETCHED:
            call = {"model": model, "text": "some words " * 20}
            ours = told(litellm.token_counter, False, **call)
            with originals():
                assert ours == told(litellm.token_counter, False, **call)
            assert [line[:32] for line in ours[1]] == ["WARNING Falling back to tiktoken"], model
    finally:
        litellm.utils._load_huggingface_tokenizer.cache_clear()


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "disable_token_counter", True)
    assert litellm.token_counter(model="gpt-4o", text="abc") == 0
    assert token_counter.token_counter(model="gpt-4o", text="abc") == 0
