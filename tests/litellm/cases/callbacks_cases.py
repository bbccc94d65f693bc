"""What loggers are told: LiteLLM's OpenTelemetry and Langfuse integrations, and callbacks of the user's own, patched and not.

Where OpenTelemetry's or Langfuse's SDK is not installed, there are no cases of it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from readers_cases import PLAIN as MESSAGE
from requests_cases import CALLS, SHAPES, Transport, answer, calm, client_of, differences, logged
from sides import originals
from streaming_cases import PLAIN as STREAM
from streaming_cases import clear_callbacks

NUMBERS = [(i * 7919 % 1013 - 500) / 977 for i in range(300)]
EMBEDDED = {
    "object": "list",
    "data": [{"object": "embedding", "index": i, "embedding": NUMBERS} for i in range(2)],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}
EVENTS = {"content-type": "text/event-stream"}
ERROR = {"error": {"message": "no", "type": "t", "param": None, "code": "c"}}
EMBEDDING = {
    "model": "openai/text-embedding-3-small",
    "input": ["a", "b"],
    "encoding_format": "float",
}
#: Kind of client, function, arguments, what the provider answers.
RUNS: dict[str, tuple[str, str, dict[str, Any], Any]] = {
    "chat": ("chat", *CALLS["chat"], answer(SHAPES["chat"])),
    "text": ("text", *CALLS["text"], answer(SHAPES["text"])),
    "anthropic": ("anthropic", *CALLS["anthropic"], answer(SHAPES["anthropic"])),
    "stream": ("chat", "completion", {**CALLS["chat"][1], "stream": True}, (200, STREAM, EVENTS)),
    "anthropic stream": (
        "anthropic",
        "completion",
        {**CALLS["anthropic"][1], "stream": True},
        (200, MESSAGE, EVENTS),
    ),
    "embeddings": ("chat", "embedding", EMBEDDING, answer(EMBEDDED)),
    "error": ("chat", *CALLS["chat"], answer(ERROR, 429)),
    "error of a stream": (
        "chat",
        "completion",
        {**CALLS["chat"][1], "stream": True},
        answer(ERROR, 400),
    ),
    "anthropic error": ("anthropic", *CALLS["anthropic"], answer(ERROR, 500)),
    "embeddings error": ("chat", "embedding", EMBEDDING, answer(ERROR, 401)),
}


def run(name: str, asynchronous: bool, listen: Callable[[], Callable[[], Any]]) -> Any:
    """What *listen*'s loggers were told of a call; a stream is read to its end."""
    kind, function, given, found = RUNS[name]
    client = client_of(kind, Transport([found]), asynchronous, 0)
    kwargs = {**json.loads(json.dumps(given)), "client": client, "api_key": "k", "max_retries": 0}
    kwargs.update(metadata={"trace_name": "t", "tags": ["a"]}, user="u", litellm_call_id="call")
    told = listen()
    try:
        with logged():
            if asynchronous:
                asyncio.run(_read(getattr(litellm, "a" + function), kwargs, told))
            else:
                try:
                    response = getattr(litellm, function)(**kwargs)
                    for _ in response if given.get("stream") else ():
                        pass
                except Exception:  # noqa: S110  (the loggers are told)
                    pass
        return told()
    finally:
        clear_callbacks()


async def _read(function: Any, kwargs: Any, told: Callable[[], Any]) -> None:
    try:
        response = await function(**kwargs)
        if kwargs.get("stream"):
            async for _ in response:
                pass
    except Exception:  # noqa: S110
        pass
    finally:
        heard, end = -1, time.monotonic() + 3
        while len(told()) != heard and time.monotonic() < end:
            heard = len(told())
            for _ in range(3):
                await asyncio.sleep(0.04)
                await GLOBAL_LOGGING_WORKER.flush()


_ran: set[tuple[str, bool, str]] = set()


def compare(
    name: str,
    asynchronous: bool,
    listen: Callable[[], Callable[[], Any]],
    who: str,
    least: int = 1,
) -> None:
    """Both sides' loggers were told the same in the same order."""
    if (name, asynchronous, who) not in _ran:
        _ran.add((name, asynchronous, who))
        run(name, asynchronous, listen)  # imports on the way
    for _ in range(
        3
    ):  # LiteLLM's threads read its lists late: a call before may be told to the loggers of this one
        ours = run(name, asynchronous, listen)
        with originals():
            theirs = run(name, asynchronous, listen)
        if len(ours) == len(theirs):
            break
    assert len(ours) == len(theirs)
    assert differences(ours, theirs) == []
    assert len(ours) >= least, name


def written(text: Any) -> Any:
    """A span's attribute: JSON in it is read, what moves is left out."""
    if isinstance(text, str) and text[:1] in "{[":
        try:
            return calm(json.loads(text))
        except ValueError:
            return calm(text)
    return calm(text)


def spans_of(exporter: Any) -> Any:
    """All that was exported, in order, with the parents' names for their ids."""
    spans = exporter.get_finished_spans()
    names = {span.context.span_id: span.name for span in spans}
    return [
        (
            span.name,
            names.get(span.parent.span_id, "?") if span.parent else None,
            span.kind.name,
            span.status.status_code.name,
            calm(span.status.description),
            [
                (key, type(value).__name__ if _moves(key) else written(value))
                for key, value in sorted((span.attributes or {}).items())
            ],
            [(event.name, sorted(event.attributes or {})) for event in span.events],
        )
        for span in spans
    ]


def _moves(name: str) -> bool:
    return any(
        part in name
        for part in ("time", "duration", "trace_id", "call_id", "hidden_params", ".id", "stacktrace", "date", "overhead")
    )  # fmt: skip


BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])

if find_spec("opentelemetry") and find_spec("opentelemetry.sdk"):
    from litellm.integrations.opentelemetry import OpenTelemetry, OpenTelemetryConfig
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    def telemetry() -> Callable[[], Any]:
        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        config = OpenTelemetryConfig(exporter=exporter, capture_message_content="true")
        litellm.callbacks = [OpenTelemetry(config=config, tracer_provider=provider)]
        return lambda: spans_of(exporter)

    @BOTH
    @pytest.mark.parametrize("name", RUNS)
    def test_open_telemetry(name: str, asynchronous: bool) -> None:
        compare(name, asynchronous, telemetry, "telemetry")


if find_spec("langfuse"):
    from litellm.integrations.langfuse.langfuse import LangFuseLogger
    from litellm.litellm_core_utils import litellm_logging
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    @BOTH
    @pytest.mark.parametrize("name", RUNS)
    def test_langfuse(name: str, asynchronous: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LANGFUSE_MOCK", "true")
        monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", "pk-1")
        monkeypatch.setenv("LANGFUSE_SECRET_KEY", "sk-1")
        logger = LangFuseLogger()
        exporter = InMemorySpanExporter()
        logger.tracing.provider.add_span_processor(SimpleSpanProcessor(exporter))
        monkeypatch.setattr(litellm_logging, "langFuseLogger", logger)
        monkeypatch.setattr(
            litellm_logging.LangFuseHandler,
            "get_langfuse_logger_for_request",
            staticmethod(lambda **named: logger),
        )

        def listen() -> Callable[[], Any]:
            exporter.clear()
            litellm.success_callback = ["langfuse"]
            litellm.failure_callback = ["langfuse"]
            return lambda: spans_of(exporter)

        try:
            compare(name, asynchronous, listen, "langfuse")
        finally:
            logger.stop()


class Loud(CustomLogger):
    """All hooks of a logger that looks at whole calls."""

    def __init__(self, heard: list[Any]) -> None:
        super().__init__()
        self._heard = heard

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
        self._heard.append(("pre", calm([model, messages, kwargs])))

    def log_post_api_call(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._heard.append(("post", calm([kwargs, response_obj])))

    def log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._heard.append(("success", calm([kwargs, response_obj])))

    def log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._heard.append(("failure", calm([kwargs, response_obj])))

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._heard.append(("async success", calm([kwargs, response_obj])))

    async def async_log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._heard.append(("async failure", calm([kwargs, response_obj])))


def loud(heard: list[Any]) -> None:
    """A CustomLogger."""
    litellm.callbacks = [Loud(heard)]


def functions(heard: list[Any]) -> None:
    """Functions for successes and failures."""

    def plain(kwargs: Any, response: Any, start: Any, end: Any) -> None:
        heard.append(("function", calm([kwargs, response])))

    litellm.success_callback = [plain]
    litellm.failure_callback = [plain]


def coroutines(heard: list[Any]) -> None:
    """Functions that are awaited, and one that is called before."""

    async def waiting(kwargs: Any, response: Any, start: Any, end: Any) -> None:
        heard.append(("async function", calm([kwargs, response])))

    def before(kwargs: Any) -> None:
        heard.append(("input", calm(kwargs)))

    litellm.input_callback = [before]
    litellm.success_callback = [waiting]


# one kind at a time: LiteLLM's threads write into what they tell others at the same moment
@pytest.mark.parametrize(
    ("name", "register", "asynchronous"),
    [
        *(
            (name, register, both)
            for name in RUNS
            for register in (loud, coroutines)
            for both in (False, True)
        ),
        # each chunk is told to functions by a thread of its own (streaming_cases counts them); asynchronous calls tell them nothing
        *((name, functions, False) for name in RUNS if "stream" not in name),
    ],
)
def test_the_users_own(
    name: str, register: Callable[[list[Any]], None], asynchronous: bool
) -> None:
    def listen() -> Callable[[], Any]:
        heard: list[Any] = []
        register(heard)

        def told() -> Any:
            end = time.monotonic() + 5
            while register is functions and not heard and time.monotonic() < end:
                time.sleep(0.005)  # by a thread that nobody waits for
            return sorted(heard, key=lambda one: one[0])

        return told

    compare(name, asynchronous, listen, register.__name__, 0 if register is coroutines else 1)
