"""Whole calls through LiteLLM: the same responses, errors, retries and callbacks with the same payloads in the same order."""

from __future__ import annotations

import asyncio
import copy
import datetime
import enum
import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import httpx
import litellm
import openai
import pydantic
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler, HTTPHandler
from response_shapes import SHAPES, spoiled
from sides import originals, served

MANY = 300 if LONG else 8
HEADERS = {
    "x-request-id": "req_1",
    "openai-processing-ms": "120",
    "x-ratelimit-remaining-requests": "9",
    "openai-organization": "o",
}
MESSAGES = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": [{"type": "text", "text": "Where is Paris? é"}]},
]

#: What differs from one call to the next with the original too.
_MOVING = re.compile(
    r"(?i)time|duration|_ms$|trace_id|overhead|^created$|created_at|^date$|call_id|^id$|hash|traceback"
)


def calm(value: Any, name: str = "", depth: int = 0) -> Any:
    """A value without what differs each time, types and order of all else."""
    if depth > 12:
        return type(value).__name__
    if isinstance(value, (str, bytes, int, float, type(None), enum.Enum)):
        if _MOVING.search(name) and not isinstance(value, type(None)):
            return type(value).__name__
        text = repr(value)
        # LiteLLM writes tracebacks into messages, and where ours calls the original there is a frame of ours
        text = re.sub(r"  File [^,]*fast_litellm/(?:(?!  File ).)*(?=  File )", "", text)
        text = re.sub(r"(chatcmpl|cmpl|resp_|req_)-?[0-9a-zA-Z+/=_-]{12,}", "ID", text)
        return re.sub(
            r"0x[0-9a-f]+|created=\d+|\d+\.\d+ seconds|line \d+|time taken=[\d.]+", "", text
        )
    if isinstance(value, pydantic.BaseModel):
        return [
            type(value).__name__,
            [(key, calm(each, key, depth + 1)) for key, each in vars(value).items()],
            calm(value.model_extra, "", depth + 1),
            sorted(value.model_fields_set),
            [
                (key, calm(each, key, depth + 1))
                for key, each in (value.__pydantic_private__ or {}).items()
            ],
        ]
    if isinstance(value, Mapping):
        return [
            type(value).__name__,
            [(calm(key), calm(each, str(key), depth + 1)) for key, each in value.items()],
        ]
    if isinstance(value, (list, tuple)):
        if name == "llm_api_timing_windows":
            return type(value).__name__
        return [type(value).__name__, [calm(each, name, depth + 1) for each in value]]
    if isinstance(value, (set, frozenset)):
        return sorted(map(repr, value))
    if isinstance(value, (datetime.datetime, datetime.timedelta)):
        return type(value).__name__
    if isinstance(value, BaseException):
        return fault(value)
    return type(value).__name__


def fault(error: BaseException) -> Any:
    """All that an error says."""
    fields = {
        key: each
        for key, each in vars(error).items()
        if isinstance(each, (str, int, float, dict, type(None)))
    }
    response = getattr(error, "response", None)
    return [
        type(error).__name__,
        calm(str(error)),
        calm(fields),
        getattr(response, "status_code", None),
        calm(dict(getattr(response, "headers", {}))),
        [type(each).__name__ for each in (error.__cause__, error.__context__)],
    ]


class Recorder(CustomLogger):
    """Hears all that a callback may hear, as OpenTelemetry's and Langfuse's loggers do."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def _hear(self, name: str, *given: Any) -> None:
        for _ in range(100):  # what is given may be written to by a thread that logs
            try:
                found = calm(given)
            except RuntimeError as error:
                if "during iteration" not in str(error):
                    raise
            else:
                self.heard.append((name, found))
                return
        raise RuntimeError(f"{name} is never still")

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
        self._hear("pre", model, messages, kwargs)

    def log_post_api_call(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._hear("post", kwargs, response_obj)

    def log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._hear("success", kwargs, response_obj)

    def log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._hear("failure", kwargs, response_obj)

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._hear("async success", kwargs, response_obj)

    async def async_log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._hear("async failure", kwargs, response_obj)


Answer = Callable[[httpx.Request], httpx.Response]


class Transport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A provider in this process; it notes what it was sent."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.sent: list[Any] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        headers = [each for each in request.headers.raw if each[0].lower() != b"idempotency-key"]
        self.sent.append((request.method, str(request.url), headers, request.content))
        found = self.answers[min(len(self.sent), len(self.answers)) - 1]
        if isinstance(found, Exception):
            raise found
        status, content, headers_of = found
        return httpx.Response(status, content=content, headers={**HEADERS, **headers_of})

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self._answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self._answer(request)


def client_of(kind: str, transport: Transport, asynchronous: bool, retries: int) -> Any:
    if kind in OVER_HTTP:
        handler: Any = AsyncHTTPHandler() if asynchronous else HTTPHandler()
        handler.client = (httpx.AsyncClient if asynchronous else httpx.Client)(transport=transport)  # type: ignore[operator]
        return handler
    if kind == "azure":
        made = openai.AsyncAzureOpenAI if asynchronous else openai.AzureOpenAI
        inner: Any = httpx.AsyncClient if asynchronous else httpx.Client
        return made(
            api_key="k",
            azure_endpoint="http://x",
            api_version="2024-10-21",
            max_retries=retries,
            http_client=inner(transport=transport),
        )
    if asynchronous:
        return openai.AsyncOpenAI(
            api_key="k",
            base_url="http://x/v1",
            max_retries=retries,
            http_client=httpx.AsyncClient(transport=transport),
        )
    return openai.OpenAI(
        api_key="k",
        base_url="http://x/v1",
        max_retries=retries,
        http_client=httpx.Client(transport=transport),
    )


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (
        "completion",
        {"model": "openai/gpt-4o-mini", "messages": MESSAGES, "temperature": 0.5},
    ),
    "text": (
        "text_completion",
        {"model": "text-completion-openai/gpt-3.5-turbo-instruct", "prompt": "Say é", "n": 1},
    ),
    "anthropic": (
        "completion",
        {"model": "anthropic/claude-3-5-sonnet-20241022", "messages": MESSAGES, "max_tokens": 9},
    ),
    "azure": (
        "completion",
        {"model": "azure/gpt-4o-mini", "messages": MESSAGES, "api_base": "http://x", "api_version": "2024-10-21"},
    ),
    "groq": (
        "completion",
        {"model": "groq/llama-3.3-70b-versatile", "messages": MESSAGES, "temperature": 0.5},
    ),
    "gemini": (
        "completion",
        {"model": "gemini/gemini-2.5-flash", "messages": MESSAGES, "max_tokens": 9},
    ),
}  # fmt: skip
#: Those that LiteLLM asks through its own client of httpx.
OVER_HTTP = ("anthropic", "groq", "gemini")


def call(
    kind: str, answers: list[Any], asynchronous: bool = False, retries: int = 0, **more: Any
) -> Any:
    """What comes of a call: its result or error, what was sent, and what callbacks heard."""
    name, given = CALLS[kind]
    transport, recorder = Transport(answers), Recorder()
    client = client_of(kind, transport, asynchronous, retries)
    kwargs = {
        **json.loads(json.dumps(given)),
        "client": client,
        "api_key": "k",
        "max_retries": retries,
        "litellm_call_id": "call",
        **copy.deepcopy(more),  # LiteLLM writes into metadata
    }
    seen: list[Any] = []
    litellm.callbacks = [recorder]
    try:
        with logged():
            found = (
                asyncio.run(_waited("a" + name, kwargs)) if asynchronous else _done(name, kwargs)
            )
        seen = [*recorder.heard]
    finally:
        for each in ("callbacks", "input_callback", "success_callback", "failure_callback",
                     "_async_success_callback", "_async_failure_callback", "_async_input_callback"):  # fmt: skip
            setattr(litellm, each, [])
    return found, transport.sent, seen


def _done(name: str, kwargs: Any) -> Any:
    try:
        return calm(getattr(litellm, name)(**kwargs))
    except Exception as error:
        return fault(error)


async def _waited(name: str, kwargs: Any) -> Any:
    try:
        return calm(await getattr(litellm, name)(**kwargs))
    except Exception as error:
        return fault(error)
    finally:
        await asyncio.sleep(0.02)
        await GLOBAL_LOGGING_WORKER.flush()
        await asyncio.sleep(0.02)


@contextmanager
def logged() -> Iterator[None]:
    """Waits for what LiteLLM gives to its logging threads meanwhile."""
    pool = litellm.utils.executor
    submit, given = pool.submit, []

    def note(*arguments: Any, **named: Any) -> Any:
        given.append(submit(*arguments, **named))
        return given[-1]

    pool.submit = note
    try:
        yield
        waited = -1
        while waited < len(given):  # one may give another
            waited = len(given)
            futures.wait([each for each in given if each is not None], timeout=60)
    finally:
        del pool.submit


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two calm values differ."""
    if isinstance(one, (list, tuple)) and type(one) is type(other) and len(one) == len(other):
        found: list[str] = []
        for index, (left, right) in enumerate(zip(one, other)):
            named = isinstance(left, tuple) and len(left) == 2 and isinstance(left[0], str)
            found += differences(left, right, f"{path}/{left[0] if named else index}")
        return found
    return [] if one == other else [f"{path}: {one!r:.300} is not {other!r:.300}"]


def compare(kind: str, answers: list[Any], **more: Any) -> Any:
    ours = call(kind, answers, **more)
    with originals():
        theirs = call(kind, answers, **more)
    assert not differences(ours, theirs)
    return ours


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The SDK's retries wait for no time."""
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr(openai._base_client, "MAX_RETRY_DELAY", 0.002)
    yield


def answer(content: Any, status: int = 200, **headers: str) -> Any:
    found = content if isinstance(content, bytes) else json.dumps(content).encode()
    return status, found, {"content-type": "application/json", **headers}


BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


@BOTH
@pytest.mark.parametrize("kind", CALLS)
def test_calls(kind: str, asynchronous: bool) -> None:
    compare(kind, [answer(SHAPES[kind])], asynchronous=asynchronous)  # imports on the way
    names = ["litellm.extract_cookies", "litellm.generic_cost", "litellm.token_type_costs"]
    if kind not in OVER_HTTP:
        names += ["litellm.construct", "litellm.model_info", "litellm.token_cost"]
        names.append("litellm.async_transform" if asynchronous else "litellm.transform")
    before = [served(name) for name in names if kind == "chat"]
    found, sent, heard = compare(kind, [answer(SHAPES[kind])], asynchronous=asynchronous)
    assert found and len(sent) == 1 and heard
    if kind == "chat":
        assert all(served(name) > old for name, old in zip(names, before))


ERROR = {"error": {"message": "no é", "type": "t", "param": "p", "code": "c"}}
ERRORS: dict[str, Any] = {
    **{str(status): answer(ERROR, status) for status in (400, 401, 403, 404, 408, 409, 413, 422)},
    **{str(status): answer(ERROR, status) for status in (429, 500, 502, 503, 504)},
    "429 retry-after": answer(ERROR, 429, **{"retry-after": "0.001"}),
    "503 retry-after-ms": answer(ERROR, 503, **{"retry-after-ms": "1"}),
    "x-should-retry": answer(ERROR, 400, **{"x-should-retry": "true"}),
    "context window": answer(
        {
            "error": {
                "message": "maximum context length is 9 tokens",
                "code": "context_length_exceeded",
            }
        },
        400,
    ),
    "an error that is no JSON": answer(b"<html>no</html>", 500, **{"content-type": "text/html"}),
    "an error without a body": answer(b"", 502),
    "malformed JSON": answer(b'{"id": "x", "choices": ['),
    "no JSON": answer(b"hello", **{"content-type": "text/plain"}),
    "an empty body": answer(b""),
    "null": answer(None),
    "a list": answer([1, 2]),
    "text": answer("text"),
    "NaN": answer(b'{"id": NaN, "choices": []}'),
    "invalid UTF-8": answer(b'{"id": "\xff\xfe", "choices": []}'),
    "keys that come twice": answer(b'{"id": "a", "id": "b", "choices": [], "choices": null}'),
    "a number past double": answer(b'{"id": "a", "created": 1e999, "choices": []}'),
    "deep": answer(b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "an error with 200": answer(ERROR),
    "a redirect": answer(b"", 307, location="http://y/z"),
    "cookies": answer(SHAPES["chat"], **{"set-cookie": "a=b; Path=/"}),
    "connect": httpx.ConnectError("refused"),
    "reset": httpx.ReadError("reset by peer"),
    "cut": httpx.RemoteProtocolError("peer closed connection"),
    "read timeout": httpx.ReadTimeout("slow"),
    "connect timeout": httpx.ConnectTimeout("slow"),
    "pool timeout": httpx.PoolTimeout("slow"),
}


@BOTH
@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str, asynchronous: bool) -> None:
    compare("chat", [ERRORS[name]], asynchronous=asynchronous)


OTHERS = [
    (kind, name)
    for kind in ("anthropic", "azure", "groq", "gemini")
    for name in ERRORS
    if name not in ("cookies", "keys that come twice", "x-should-retry", "503 retry-after-ms")
]


@BOTH
@pytest.mark.parametrize(("kind", "name"), OTHERS if LONG else OTHERS[::7])
def test_errors_of_others(kind: str, name: str, asynchronous: bool) -> None:
    compare(kind, [ERRORS[name]], asynchronous=asynchronous)


@BOTH
@pytest.mark.parametrize("kind", ["chat", "anthropic"])
def test_errors_before_a_stream(kind: str, asynchronous: bool) -> None:
    for name in ("400", "429 retry-after", "503", "an error that is no JSON", "connect"):
        compare(kind, [ERRORS[name]], asynchronous=asynchronous, stream=True)


@BOTH
@pytest.mark.parametrize(
    "name", ["429", "503 retry-after-ms", "x-should-retry", "reset", "read timeout"]
)
def test_retries(name: str, asynchronous: bool) -> None:
    answers = [ERRORS[name], ERRORS[name], answer(SHAPES["chat"])]
    _, sent, _ = compare("chat", answers, asynchronous=asynchronous, retries=2)
    assert len(sent) == 3
    compare("chat", [ERRORS[name]], asynchronous=asynchronous, retries=1)


@pytest.mark.parametrize("kind", CALLS)
def test_any_response(kind: str) -> None:
    @settings(max_examples=MANY)
    @given(spoiled(SHAPES[kind]), st.booleans())
    def any_response(content: Any, asynchronous: bool) -> None:
        compare(kind, [answer(content)], asynchronous=asynchronous)

    any_response()


@BOTH
def test_other_parameters(asynchronous: bool) -> None:
    more: list[dict[str, Any]] = [
        {"response_format": {"type": "json_object"}, "n": 2, "stop": ["a"], "seed": 1},
        {"extra_headers": {"x-a": "b"}, "extra_body": {"more": {"a": [1]}}, "user": "u"},
        {"metadata": {"a": "b"}, "logit_bias": {"1": 2}},
        {"timeout": 3.5, "max_tokens": 7, "top_p": 0.5},
        {"service_tier": "flex", "reasoning_effort": "low", "drop_params": True},
        {"input_cost_per_token": 0.5, "output_cost_per_token": 0.25},
    ]
    for each in more:
        compare("chat", [answer(SHAPES["chat"])], asynchronous=asynchronous, **each)
