"""LiteLLM's own half of a call: the same results, errors, log lines and payloads, with callbacks and without."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from concurrent import futures
from contextlib import nullcontext
from typing import Any

import httpx
import litellm
import openai
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm._service_logger import ServiceLogging
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from requests_cases import (
    CALLS,
    ERRORS,
    Recorder,
    Transport,
    answer,
    calm,
    client_of,
    differences,
    fault,
    logged,
)
from response_shapes import CHAT, spoiled
from sides import originals, served

MANY = 300 if LONG else 20
BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
#: As most providers answer: no log probabilities, no annotations.
PLAIN: dict[str, Any] = copy.deepcopy(CHAT)
for _choice in PLAIN["choices"]:
    _choice.pop("logprobs", None)
    _choice["message"].pop("annotations", None)
    _choice["message"].pop("function_call", None)
LISTS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "service_callback",
    "_async_success_callback",
    "_async_failure_callback",
    "_async_input_callback",
)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """What is imported, and warned of, within a first call."""
    for asynchronous in (False, True):
        call([answer(PLAIN)], asynchronous)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No time between retries, no callbacks before and after."""
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr(openai._base_client, "MAX_RETRY_DELAY", 0.002)
    _forget()
    yield
    _forget()


def _forget() -> None:
    for each in LISTS:
        setattr(litellm, each, [])


class Lines(logging.Handler):
    """What is logged, without times."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self.lines.append((record.levelname, calm(record.getMessage())))


def call(
    answers: list[Any], asynchronous: bool, wait: bool = True, model: Any = None, **more: Any
) -> Any:
    """What comes of a call, what was sent, what was logged and warned of, and what became of the user's objects."""
    transport, lines = Transport(answers), Lines()
    name, given = CALLS["chat"]
    mine = dict(more)
    kwargs = {
        **json.loads(json.dumps(given)),
        "client": client_of("chat", transport, asynchronous, 0),
        "api_key": "k",
        "max_retries": 0,
        **mine,
    }
    if model is not None:
        kwargs["model"] = model
    names = [logging.getLogger(each) for each in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")]
    for each in names:
        each.addHandler(lines)
    try:
        with warnings.catch_warnings(record=True) as warned, logged():
            warnings.simplefilter("always")
            if asynchronous:
                found = asyncio.run(_later("a" + name, kwargs))
            else:
                found = _now(name, kwargs)
    finally:
        for each in names:
            each.removeHandler(lines)
    texts = sorted(
        {calm(str(each.message)) for each in warned if each.category is not ResourceWarning}
    )
    return found, transport.sent, lines.lines, texts, calm(mine)


def _now(name: str, kwargs: Any) -> Any:
    try:
        return calm(getattr(litellm, name)(**kwargs))
    except Exception as error:
        return fault(error)


async def _later(name: str, kwargs: Any) -> Any:
    try:
        return calm(await getattr(litellm, name)(**kwargs))
    except Exception as error:
        return fault(error)
    finally:
        await asyncio.sleep(0.01)
        if GLOBAL_LOGGING_WORKER._queue is not None:
            await GLOBAL_LOGGING_WORKER.flush()
        await asyncio.sleep(0.01)


def compare(answers: list[Any], asynchronous: bool, **more: Any) -> Any:
    ours = call(answers, asynchronous, **copy.deepcopy(more))
    with originals():
        theirs = call(answers, asynchronous, **copy.deepcopy(more))
    assert not differences(ours, theirs)
    return ours


UNHEARD = {
    False: ["litellm.setup", "litellm.success", "litellm.service"],
    True: ["litellm.setup", "litellm.async_success", "litellm.timed_request"],
}


@BOTH
def test_unheard(asynchronous: bool) -> None:
    compare([answer(PLAIN)], asynchronous)
    before = [served(name) for name in UNHEARD[asynchronous]]
    found, sent, lines, warned, _ = compare([answer(PLAIN)], asynchronous)
    assert found[0] == "ModelResponse" and len(sent) == 1 and not lines and not warned
    assert all(served(name) > old for name, old in zip(UNHEARD[asynchronous], before))


@BOTH
def test_metadata_is_written_into(asynchronous: bool) -> None:
    for name in ("metadata", "litellm_metadata"):
        before = served("litellm.success") + served("litellm.async_success")
        *_, mine = compare([answer(PLAIN)], asynchronous, **{name: {"a": "b"}})
        assert served("litellm.success") + served("litellm.async_success") == before
        assert mine


@BOTH
@pytest.mark.parametrize("name", ERRORS)
def test_errors_unheard(name: str, asynchronous: bool) -> None:
    compare([ERRORS[name]], asynchronous)


def test_any_response_unheard() -> None:
    @settings(max_examples=MANY)
    @given(spoiled(CHAT), st.booleans())
    def any_response(content: Any, asynchronous: bool) -> None:
        compare([answer(content)], asynchronous)

    any_response()


PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.one_of(st.none(), st.floats(0, 2), st.just("warm")),
        "top_p": st.sampled_from([0.5, 1, None]),
        "n": st.sampled_from([1, 2, "3"]),
        "stop": st.sampled_from(["a", ["a", "b"], ["a"] * 9]),
        "max_tokens": st.sampled_from([1, 10**9, "5"]),
        "max_completion_tokens": st.integers(1, 9),
        "seed": st.integers(),
        "user": st.text(max_size=4),
        "response_format": st.sampled_from([{"type": "json_object"}, {"type": "text"}, {"a": 1}]),
        "tools": st.sampled_from(
            [
                [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
                [{"type": "web_search"}],
                [],
                [{"type": "mcp", "server_url": "x"}],
            ]
        ),
        "tool_choice": st.sampled_from(["auto", "none", {"type": "function"}, 5]),
        "parallel_tool_calls": st.booleans(),
        "logprobs": st.booleans(),
        "logit_bias": st.just({"1": 2}),
        "reasoning_effort": st.sampled_from(["low", "none", {"effort": "low"}]),
        "extra_headers": st.just({"x-a": "b"}),
        "extra_body": st.just({"a": {"b": [1]}}),
        "drop_params": st.booleans(),
        "allowed_openai_params": st.just(["reasoning_effort"]),
        "service_tier": st.sampled_from(["flex", "default"]),
        "unknown": st.sampled_from([1, "a", {"a": 1}]),
        "custom_llm_provider": st.sampled_from(["openai", "groq", "azure", "custom_openai", "no"]),
        "base_url": st.sampled_from(["http://x/v1", "https://api.groq.com/openai/v1"]),
        "metadata": st.sampled_from([None, {}, {"a": "b"}]),
        "timeout": st.sampled_from([3, 2.5, "4"]),
        "mock_response": st.just("mocked"),
        "no-log": st.booleans(),
        "verbose": st.booleans(),
        "prompt_id": st.just("p"),
        "deployment_id": st.just("d"),
        "num_retries": st.sampled_from([0, 1]),
        "api_version": st.just("v"),
    },
)
MODELS = st.sampled_from(
    [
        "openai/gpt-4o-mini",
        "gpt-4o-mini",
        "openai/gpt-5-mini",
        "gpt-5.4",
        "openai/o3-mini",
        "openai/unheard-of",
        "unheard-of",
        "groq/llama-3.1-8b-instant",
        "deepseek/deepseek-chat",
        "openrouter/openai/gpt-4o",
        "hosted_vllm/m",
        "azure/d",
        "openai/gpt-4o-audio-preview",
        "openai/responses/gpt-4o",
        "custom_openai/m",
        "together_ai/m",
        "perplexity/sonar",
        "mistral/mistral-small-latest",
        "xai/grok-4",
    ]
)


def test_any_parameters() -> None:
    @settings(max_examples=8 * MANY)
    @given(MODELS, PARAMETERS, st.booleans())
    def any_parameters(model: str, given: Any, asynchronous: bool) -> None:
        compare([answer(PLAIN)], asynchronous, model=model, **given)

    any_parameters()


@BOTH
def test_callbacks_that_come_and_go(asynchronous: bool) -> None:
    """Whoever is registered when a call ends hears of it, by whatever list."""

    def heard() -> Any:
        found: list[Any] = []

        def function(kwargs: Any, response: Any, start: Any, end: Any) -> None:
            found.append(calm((kwargs, response)))

        async def later(kwargs: Any, response: Any, start: Any, end: Any) -> None:
            found.append(calm((kwargs, response)))

        given = later if asynchronous else function
        recorder = Recorder()
        call([answer(PLAIN)], asynchronous, litellm_call_id="c")
        for name in ("success_callback", "callbacks"):
            held: Any = getattr(litellm, name)
            held.append(given if name == "success_callback" else recorder)
            call([answer(PLAIN)], asynchronous, litellm_call_id="c")
            _forget()
            call([answer(PLAIN)], asynchronous, litellm_call_id="c")
        call([answer(PLAIN)], asynchronous, litellm_call_id="c", success_callback=[given])
        call([answer(PLAIN)], asynchronous, litellm_call_id="c", callbacks=[recorder])
        _forget()
        return found, recorder.heard

    ours = heard()
    with originals():
        theirs = heard()
    assert ours[0] and ours[1] and not differences(ours, theirs)


@BOTH
def test_a_logging_object_of_the_users(asynchronous: bool) -> None:
    """Who gives a logging object may look into it afterwards."""
    import datetime

    def kept() -> Any:
        mine = Logging(
            model="openai/gpt-4o-mini",
            messages=CALLS["chat"][1]["messages"],
            stream=False,
            call_type="acompletion" if asynchronous else "completion",
            start_time=datetime.datetime.now(),
            litellm_call_id="c",
            function_id="f",
        )
        call([answer(PLAIN)], asynchronous, litellm_logging_obj=mine, litellm_call_id="c")
        return calm(mine.model_call_details)

    ours = kept()
    with originals():
        theirs = kept()
    assert not differences(ours, theirs)
    assert any(key == "standard_logging_object" for key, _ in _pairs(ours))


def _pairs(value: Any) -> Any:
    return [(key.strip("'"), each) for key, each in value[1]]


@BOTH
def test_patched_handlers_are_called(asynchronous: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    name = "async_success_handler" if asynchronous else "success_handler"
    before = getattr(Logging, name)

    def note(self: Any, *given: Any, **named: Any) -> Any:
        called.append(name)
        return before(self, *given, **named)

    call([answer(PLAIN)], asynchronous)
    with monkeypatch.context() as patching:
        patching.setattr(Logging, name, note)
        call([answer(PLAIN)], asynchronous)
    call([answer(PLAIN)], asynchronous)
    assert called == [name]


@BOTH
def test_the_payload_is_printed(
    asynchronous: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LITELLM_PRINT_STANDARD_LOGGING_PAYLOAD", "1")
    with originals():
        call([answer(PLAIN)], asynchronous)
    theirs = capsys.readouterr().out
    call([answer(PLAIN)], asynchronous)
    assert len(capsys.readouterr().out.splitlines()) == len(theirs.splitlines()) > 10


@BOTH
def test_the_service_logger(asynchronous: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who listens to services is told, and who patched the hook."""
    told: list[Any] = []

    async def note(self: Any, **named: Any) -> None:
        told.append((named["service"], named["call_type"]))

    with monkeypatch.context() as patching:
        patching.setattr(ServiceLogging, "async_service_success_hook", note)
        call([answer(PLAIN)], asynchronous)
        ours, told = told, []
        with originals():
            call([answer(PLAIN)], asynchronous)
    assert len(ours) == len(told) == 1 and ours[0][1] == told[0][1]


def test_the_threads_loop_moves_on() -> None:
    """Something that waits in the thread's loop runs within a synchronous call, as it does with the original."""

    def moved(ready: bool) -> list[int]:
        found: list[int] = []

        def within() -> None:
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            if ready:
                loop.call_soon(found.append, 1)
            call([answer(PLAIN)], False)
            found.append(2)
            loop.run_until_complete(asyncio.sleep(0))
            asyncio.set_event_loop(None)
            loop.close()

        thread = threading.Thread(target=within)
        thread.start()
        thread.join()
        return found

    for ready in (True, False):
        ours = moved(ready)
        with originals():
            assert moved(ready) == ours
        assert ours == ([1, 2] if ready else [2])


def test_a_synchronous_call_within_a_loop() -> None:
    async def within() -> Any:
        return _now(
            "completion",
            {
                **CALLS["chat"][1],
                "client": client_of("chat", Transport([answer(PLAIN)]), False, 0),
                "api_key": "k",
            },
        )

    ours = asyncio.run(within())
    with originals():
        theirs = asyncio.run(within())
    assert not differences(ours, theirs)


class Pool(futures.ThreadPoolExecutor):
    """An executor of the user's."""

    given = 0

    def submit(self, *given: Any, **named: Any) -> Any:
        type(self).given += 1
        return super().submit(*given, **named)


def test_an_executor_of_the_users_is_used() -> None:
    async def within() -> None:
        asyncio.get_running_loop().set_default_executor(Pool(1))
        await _later("acompletion", _chat())

    found = []
    for side in (nullcontext(), originals()):
        Pool.given = 0
        with side:
            asyncio.run(within())
        found.append(Pool.given)
    assert found[0] == found[1] > 0


def _chat(**more: Any) -> dict[str, Any]:
    client = client_of("chat", Transport([answer(PLAIN)]), True, 0)
    return {**CALLS["chat"][1], "client": client, "api_key": "k", **more}


_VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")


def test_context_variables() -> None:
    """What a call sets stays in it; what was set before is seen."""

    class Setter(CustomLogger):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[str] = []

        def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
            self.seen.append(_VARIABLE.get())
            _VARIABLE.set("inside")

    def found() -> Any:
        setter = Setter()
        litellm.callbacks = [setter]

        async def one(name: str) -> str:
            _VARIABLE.set(name)
            await litellm.acompletion(**_chat())
            return _VARIABLE.get()

        async def many() -> Any:
            return await asyncio.gather(*[one(str(number)) for number in range(9)])

        after = asyncio.run(many())
        _forget()
        return sorted(setter.seen), after

    ours = found()
    with originals():
        assert found() == ours


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # the original's own
def test_many_at_once_and_cancelled() -> None:
    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(0.05)
            return httpx.Response(200, content=json.dumps(PLAIN).encode())

    async def many() -> Any:
        client = openai.AsyncOpenAI(
            api_key="k", base_url="http://x/v1", http_client=httpx.AsyncClient(transport=Slow())
        )
        tasks = [
            asyncio.ensure_future(litellm.acompletion(**{**_chat(), "client": client}))
            for _ in range(20)
        ]
        await asyncio.sleep(0.02)
        for task in tasks[::2]:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        return [type(each).__name__ for each in found]

    ours = asyncio.run(many())
    with originals():
        assert asyncio.run(many()) == ours
    assert ours == ["CancelledError", "ModelResponse"] * 10


@pytest.mark.parametrize("prompt", [False, True])
def test_prompt_management(prompt: bool) -> None:
    """A callback that writes prompts is asked in the executor's thread, as the original does."""
    from litellm.integrations.custom_prompt_management import CustomPromptManagement

    class Prompts(CustomPromptManagement):
        threads: list[bool] = []

        def get_chat_completion_prompt(self, model: Any, messages: Any, *given: Any, **named: Any) -> Any:  # fmt: skip
            self.threads.append(threading.current_thread() is threading.main_thread())
            return model, messages, {}

    def found() -> Any:
        Prompts.threads = []
        litellm.callbacks = [Prompts()]
        kwargs = _chat(prompt_id="p") if prompt else _chat()
        made = asyncio.run(_later("acompletion", kwargs))
        _forget()
        return made, Prompts.threads

    ours = found()
    with originals():
        assert not differences(found(), ours)
