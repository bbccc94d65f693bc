"""What a Router hears of its calls, and who else does: its counters, the caller's metadata and other callbacks' payloads are the original's."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable
from typing import Any

import litellm
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm import Router
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from litellm.types.router import LiteLLM_Params
from router_calls_cases import forget, restore, settle, shown
from sides import originals, served

MESSAGES = [{"role": "user", "content": "hello there"}]


pytestmark = pytest.mark.usefixtures("loggers_quiet")


#: Values of a payload that are equal in two calls.
STEADY = ("call_type", "status", "model", "model_group", "model_id", "messages", "total_tokens", "prompt_tokens", "response_cost", "cache_hit", "request_tags")  # fmt: skip
CLOCKS = {
    "_response_ms",
    "litellm_overhead_time_ms",
    "callback_duration_ms",
    "llm_api_timing_windows",
    "startTime",
    "endTime",
    "completionStartTime",
    "response_time",
}


def without_times(value: Any) -> Any:
    """Metadata or a cache's entries, without what a clock says."""
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if key not in CLOCKS}
    if value is None or (isinstance(value, int) and value < 1_000_000_000):
        return value
    return shown(value)


class Recorder(CustomLogger):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def _note(self, what: str, kwargs: Any, response: Any) -> None:
        payload = kwargs.get("standard_logging_object")
        told = {key: type(value) for key, value in (payload or {}).items()}
        told.update({key: payload[key] for key in STEADY if payload})
        self.heard.append((what, told, response.choices[0].message.content))

    def log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._note("sync", kwargs, response_obj)

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self._note("async", kwargs, response_obj)


def outcome(
    call_kwargs: dict[str, Any],
    *,
    is_async: bool,
    times: int = 2,
    parameters: Any = None,
    kind: type[Router] = Router,
    others: int = 0,
    before: Callable[[Router], Any] = lambda _: None,
    meanwhile: Callable[[], Any] = lambda: None,
    **given_settings: Any,
) -> Any:
    """Answers, the caller's metadata, the Router's cache, and what a Recorder heard."""
    restore()
    litellm.in_memory_llm_clients_cache.flush_cache()
    deployment = {"model": "gpt-4o", "api_key": "k", "mock_response": "fine", **(parameters or {})}
    routers = [
        kind(
            model_list=[
                {
                    "model_name": "m",
                    "litellm_params": dict(deployment),
                    "model_info": {"id": f"d{number}"},
                }
            ],
            num_retries=0,
            **given_settings,
        )
        for number in range(1 + others)
    ]
    recorder = before(routers[0])
    seen: list[Any] = []

    def finish(response: Any, kwargs: Any) -> None:
        hidden = without_times(response._hidden_params)
        seen.append((response.choices[0].message.content, hidden, kwargs.get("metadata")))

    async def call() -> None:
        for _ in range(times):
            kwargs = copy.deepcopy(call_kwargs)
            try:
                response = await routers[0].acompletion("m", MESSAGES, **kwargs)
            except Exception as error:
                seen.append((type(error), shown(error)))
                continue
            meanwhile()
            await asyncio.sleep(0)
            await GLOBAL_LOGGING_WORKER.flush()
            await asyncio.to_thread(settle)
            finish(response, kwargs)

    if is_async:
        asyncio.run(call())
    else:
        for _ in range(times):
            kwargs = copy.deepcopy(call_kwargs)
            try:
                response = routers[0].completion("m", MESSAGES, **kwargs)
            except Exception as error:
                seen.append((type(error), shown(error)))
                continue
            meanwhile()
            settle()
            finish(response, kwargs)
    seen = [
        tuple(without_times(part) if isinstance(part, dict) else part for part in each)
        for each in seen
    ]
    caches = [
        {
            key[:-5] if key[-3:-2] == "-" else key: value
            for key, value in router.cache.in_memory_cache.cache_dict.items()
            if isinstance(value, (int, float))
        }
        for router in routers
    ]
    for router in routers:
        forget(router)
    return seen, caches, getattr(recorder, "heard", None)


def compared(kwargs: dict[str, Any] | None = None, **wanted: Any) -> Any:
    """Ours, which is the original's."""
    ours = outcome(kwargs or {}, **wanted)
    with originals():
        theirs = outcome(kwargs or {}, **wanted)
    assert ours == theirs
    return ours


METADATA = st.one_of(
    st.none(),
    st.just({}),
    st.dictionaries(
        st.sampled_from(
            ["user_id", "tags", "session_id", "model_info", "hidden_params", "deployment", "metadata", "api_base", "_routing_request_tags", "user_api_key", "previous_models", "max_retries"]
        ),  # fmt: skip
        st.one_of(
            st.text("ab", max_size=2), st.integers(0, 3), st.just({"id": "x"}), st.just(["a"]), st.none()
        ),
        max_size=3,
    ),
)  # fmt: skip


@settings(max_examples=300 if LONG else 25)
@given(
    METADATA,
    st.fixed_dictionaries(
        {},
        optional={
            "rpm": st.integers(1, 3),
            "tpm": st.sampled_from([20, 1000]),
            "mock_response": st.sampled_from(["some text " * 20]),
            "input_cost_per_token": st.sampled_from([0.0, 0.5]),
            "tags": st.just(["x"]),
        },
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "no-log": st.booleans(),
            "user": st.just("u"),
            "n": st.just(2),
            "litellm_metadata": st.just({"a": "b"}),
            "stream": st.just(False),
        },
    ),
    st.booleans(),
    st.integers(0, 1),
)
def test_generated(metadata: Any, parameters: Any, more: Any, is_async: bool, others: int) -> None:
    kwargs = dict(more) if metadata is None else {**more, "metadata": metadata}
    compared(kwargs, is_async=is_async, parameters=parameters, others=others)


@pytest.mark.parametrize("is_async", [False, True])
def test_served(is_async: bool) -> None:
    """A plain call, with the caller's own metadata: no payload is made, and the caller sees what the original leaves in it."""
    names = ["async_success", "router_success", "router_counts"] if is_async else ["success"]
    before = [served(f"litellm.{name}") for name in names]
    seen, caches, _ = compared(
        {"metadata": {}},
        is_async=is_async,
        parameters={"rpm": 100},
        enable_pre_call_checks=True,
    )
    assert all(served(f"litellm.{name}") > count for name, count in zip(names, before))
    assert caches[0]["d0:successes"] == 2
    assert seen[0][2]["hidden_params"]["model_id"] == "d0"


def count_payloads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A list that grows with each payload that the original makes."""
    from litellm.litellm_core_utils import litellm_logging

    made: list[Any] = []
    known = litellm_logging.Logging._build_standard_logging_payload

    def counted(self: Any, *args: Any) -> Any:
        made.append(1)
        return known(self, *args)

    monkeypatch.setattr(
        litellm_logging.Logging, "_build_standard_logging_payload", counted, raising=True
    )
    return made


@pytest.mark.parametrize("is_async", [False, True])
def test_patched_payload(is_async: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who patches what makes the payload is called."""
    made = count_payloads(monkeypatch)
    outcome({}, is_async=is_async)
    assert len(made) == 2


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("where", ["callbacks", "success", "sync", "input", "function"])
def test_others_hear(is_async: bool, where: str) -> None:
    """Another callback gets the whole payload."""

    def before(_: Router) -> Recorder:
        recorder = Recorder()
        if where == "callbacks":
            litellm.callbacks.append(recorder)
        elif where == "success":
            litellm.success_callback.append(recorder)
            litellm._async_success_callback.append(recorder)
        elif where == "sync":
            litellm.success_callback.append(lambda kwargs, *_: recorder._note("sync", kwargs, _[0]))
        elif where == "input":
            litellm.input_callback.append(recorder)
        else:

            def told(kwargs: Any, response: Any, *_: Any) -> None:
                recorder._note("function", kwargs, response)

            async def told_later(kwargs: Any, response: Any, *_: Any) -> None:
                recorder._note("function", kwargs, response)

            litellm.success_callback.append(told)
            litellm._async_success_callback.append(told_later)
        return recorder

    _, caches, heard = compared({"metadata": {}}, is_async=is_async, before=before)
    assert caches[0]["d0:successes"] == 2
    if where != "input" and not (where == "sync" and is_async):
        assert heard and all(payload and len(payload) > 30 for _, payload, _ in heard)


def test_heard_late() -> None:
    """A callback that comes behind the call, before its logging runs, is told of it."""
    recorders: list[Recorder] = []

    def before(_: Router) -> Recorder:
        recorders.append(Recorder())
        return recorders[-1]

    def meanwhile() -> None:
        if recorders[-1] not in litellm._async_success_callback:
            litellm._async_success_callback.append(recorders[-1])

    heard = compared(is_async=True, before=before, meanwhile=meanwhile)[2]
    assert len(heard) == 2 and all(len(payload) > 30 for _, payload, _ in heard)


class Own(Router):
    """A Router with methods of its own."""

    def get_deployment(self, model_id: str) -> Any:
        self.cache.in_memory_cache.increment_cache("asked", 1)
        return super().get_deployment(model_id)

    async def _increment_deployment_usage(self, **kwargs: Any) -> Any:
        self.cache.in_memory_cache.increment_cache("counted", kwargs["rpm_increment"] + 1)
        return await super()._increment_deployment_usage(**kwargs)

    def _deployment_max_input_tokens(self, model: str, deployment: Any) -> Any:
        self.cache.in_memory_cache.increment_cache("limits", 1)
        return super()._deployment_max_input_tokens(model, deployment)


class Deaf(Router):
    """A Router whose callbacks fail."""

    async def deployment_callback_on_success(self, *_: Any) -> Any:
        raise ValueError("deaf")

    def sync_deployment_callback_on_success(self, *_: Any) -> Any:
        raise ValueError("deaf")


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("kind", [Own, Deaf])
def test_subclasses(is_async: bool, kind: type[Router]) -> None:
    compared(
        {"metadata": {}},
        is_async=is_async,
        kind=kind,
        parameters={"rpm": 100},
        enable_pre_call_checks=True,
    )


@pytest.mark.parametrize("is_async", [False, True])
def test_broken_cache(is_async: bool) -> None:
    """A counter that raises spoils no call."""

    def before(router: Router) -> None:
        def fails(*_: Any, **__: Any) -> Any:
            raise OSError("no room")

        router.cache.increment_cache = fails  # type: ignore[method-assign]

    seen = compared({"metadata": {}}, is_async=is_async, before=before)[0]
    assert seen[0][0] == "fine"


@pytest.mark.parametrize("is_async", [False, True])
def test_debug(is_async: bool, caplog: pytest.LogCaptureFixture) -> None:
    """At level DEBUG the original speaks."""
    logging.getLogger("LiteLLM").setLevel(logging.DEBUG)
    before = served("litellm.success") + served("litellm.async_success")
    outcome({}, is_async=is_async)
    assert served("litellm.success") + served("litellm.async_success") == before


@settings(max_examples=200 if LONG else 25)
@given(
    st.lists(st.sampled_from([None, 1, 9, 12, 40, 100_000]), min_size=1, max_size=4),
    st.sampled_from(["", "hi", "some words " * 3, "long " * 300, "x" * 20_000]),
    st.lists(st.sampled_from(["user", "assistant"]), min_size=1, max_size=3),
    st.sampled_from([{}, {"tools": []}, {"temperature": 0.5}]),
)
def test_short_prompts(limits: list[Any], content: str, roles: list[str], more: Any) -> None:
    """Deployments that a prompt does not fit are left out, as the original does it; if none is left, its error."""
    messages = [{"role": role, "content": content} for role in roles]

    def run() -> Any:
        restore()
        router = Router(
            model_list=[
                {
                    "model_name": "m",
                    "litellm_params": {"model": "gpt-4o", "api_key": "k"},
                    "model_info": {"id": f"d{place}"}
                    if limit is None
                    else {"id": f"d{place}", "max_input_tokens": limit},
                }
                for place, limit in enumerate(limits)
            ],
            enable_pre_call_checks=True,
        )

        async def healthy() -> Any:
            return await router.async_get_healthy_deployments("m", dict(more), messages)

        try:
            return [each["model_info"]["id"] for each in asyncio.run(healthy())]
        except Exception as error:
            return type(error), shown(error)
        finally:
            forget(router)

    ours = run()
    with originals():
        assert ours == run()


def test_counts_for_others() -> None:
    """Who asks for the number of tokens himself gets it."""
    router = Router(
        model_list=[{"model_name": "m", "litellm_params": {"model": "gpt-4o", "api_key": "k"}}],
        enable_pre_call_checks=True,
    )

    def ask() -> Any:
        return asyncio.run(
            router._acount_pre_call_check_tokens("m", router.model_list, MESSAGES, None, {})
        )

    ours = ask()
    with originals():
        assert ours == ask() and type(ours) is int
    forget(router)


@settings(max_examples=1000 if LONG else 150)
@given(
    st.sampled_from(
        [
            "gpt-4o",
            "openai/gpt-4o",
            "openai/mine",
            "mine",
            "openai",
            "azure/gpt-4o",
            "groq/x",
            "",
            "gpt-4o/x",
            "command-r",
        ]
    ),  # fmt: skip
    st.sampled_from([None, "openai", "azure", "groq", ""]),
    st.sampled_from([None, "", "http://127.0.0.1/v1", "https://api.groq.com/openai/v1"]),
    st.sampled_from([None, "", "k"]),
    st.sampled_from([None, False, True]),
    st.fixed_dictionaries(
        {},
        optional={
            "custom_llm_provider": st.sampled_from(["openai", "groq"]),
            "api_base": st.sampled_from(["http://127.0.0.1/v1", ""]),
            "api_key": st.sampled_from(["own", ""]),
        },
    ),
)
def test_providers(
    model: str, provider: Any, base: Any, key: Any, proxied: Any, direct: dict[str, Any]
) -> None:
    """Who serves a model, by a deployment's parameters."""

    def ask() -> Any:
        parameters = LiteLLM_Params(
            model=model,
            custom_llm_provider=provider,
            api_base=base,
            api_key=key,
            use_litellm_proxy=proxied,
        )
        try:
            return litellm.get_llm_provider(model=model, litellm_params=parameters, **direct)
        except Exception as error:
            return type(error), shown(error)

    ours = ask()
    with originals():
        assert ours == ask()
