"""Whole calls of Routers: over generated model lists, settings and failures, the deployments, errors, retries, fallbacks and cooldowns of the original."""

from __future__ import annotations

import asyncio
import copy
import datetime
import logging
import random
import re
import time
from collections.abc import Iterator
from typing import Any

import litellm
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm import Router
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from litellm.litellm_core_utils.thread_pool_executor import executor
from litellm.router_strategy import lowest_cost, lowest_latency, lowest_tpm_rpm, lowest_tpm_rpm_v2
from litellm.router_utils.pre_call_checks import model_rate_limit_check
from litellm.types.router import AllowedFailsPolicy, RetryPolicy
from sides import originals, served

CALLED = ["router_checks", "router_usage", "router_group_usage", "run_async"]

FAILURES = {
    "401": lambda model: litellm.AuthenticationError("no key", "openai", model),
    "400": lambda model: litellm.BadRequestError("bad", model, "openai"),
    "404": lambda model: litellm.NotFoundError("gone", model, "openai"),
    "408": lambda model: litellm.Timeout("late", model, "openai"),
    "429": lambda model: litellm.RateLimitError("slow down", "openai", model),
    "500": lambda model: litellm.InternalServerError("broken", "openai", model),
    "503": lambda model: litellm.ServiceUnavailableError("busy", "openai", model),
    "window": lambda model: litellm.ContextWindowExceededError("long", model, "openai"),
    "policy": lambda model: litellm.ContentPolicyViolationError("rude", model, "openai"),
}
OUTCOMES = ["fine"] * 12 + list(FAILURES)
MODELS = [
    "gpt-4o",
    "openai/gpt-4o-mini",
    "openai/mine",
    "azure/gpt-4o",
    "groq/llama-3.1-8b-instant",
]
STRATEGIES = ["simple-shuffle", "simple-shuffle", "least-busy", "latency-based-routing", "usage-based-routing", "usage-based-routing-v2", "cost-based-routing"]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def failing() -> Iterator[None]:
    """Outcomes by name; no waiting between retries; one minute."""
    patched = pytest.MonkeyPatch()
    known = litellm.main._handle_mock_potential_exceptions

    def outcome(mock_response: Any, model: str, custom_llm_provider: Any = None) -> None:
        if mock_response in FAILURES:
            raise FAILURES[mock_response](model)
        known(mock_response, model, custom_llm_provider)

    patched.setattr(litellm.main, "_handle_mock_potential_exceptions", outcome)
    patched.setattr(litellm, "suppress_debug_info", True)
    patched.setattr(litellm, "calculate_retry_after", lambda **_: 0)
    now = datetime.datetime(2027, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)

    class Standing(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now

    for module in (lowest_tpm_rpm, lowest_cost, lowest_latency):
        patched.setattr(module, "datetime", Standing)
    for module in (litellm.router, lowest_tpm_rpm_v2, model_rate_limit_check):
        patched.setattr(module, "get_utc_datetime", lambda: now)
    for name in ("LiteLLM", "LiteLLM Router"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    yield
    patched.undo()


def optional(**strategies: Any) -> Any:
    return st.fixed_dictionaries({}, optional=strategies)


DEPLOYMENTS = st.lists(
    st.tuples(
        st.sampled_from(["m", "m", "m", "n", "openai/*", "team"]),
        st.sampled_from(MODELS),
        st.sampled_from(OUTCOMES),
        optional(
            rpm=st.integers(1, 4),
            tpm=st.sampled_from([5, 100, 10_000]),
            weight=st.integers(0, 3),
            order=st.integers(1, 2),
            tags=st.sampled_from([["a"], ["b"], ["a", "b"], ["default"]]),
            num_retries=st.integers(0, 2),
            max_retries=st.just(0),
            input_cost_per_token=st.sampled_from([0.1, 0.2]),
            max_parallel_requests=st.integers(1, 2),
            timeout=st.sampled_from([5, 9.5]),
        ),
        optional(
            max_input_tokens=st.sampled_from([3, 1000]),
            base_model=st.sampled_from(["gpt-4o", "azure/gpt-4"]),
            team_id=st.sampled_from(["t1", "t2"]),
            blocked=st.booleans(),
        ),
    ),
    min_size=1,
    max_size=5,
)
FALLBACKS = st.sampled_from([[{"m": ["n"]}], [{"n": ["m"]}, {"m": ["n"]}], [{"*": ["n"]}]])
SETTINGS = optional(
    enable_pre_call_checks=st.booleans(),
    fallbacks=FALLBACKS,
    context_window_fallbacks=FALLBACKS,
    content_policy_fallbacks=FALLBACKS,
    default_fallbacks=st.just(["n"]),
    num_retries=st.integers(0, 2),
    allowed_fails=st.integers(0, 2),
    cooldown_time=st.sampled_from([0, 60]),
    disable_cooldowns=st.booleans(),
    enable_tag_filtering=st.booleans(),
    enable_weighted_failover=st.booleans(),
    allowed_fails_policy=st.just(
        AllowedFailsPolicy(RateLimitErrorAllowedFails=1, InternalServerErrorAllowedFails=0)
    ),
    retry_policy=st.just(RetryPolicy(RateLimitErrorRetries=2, BadRequestErrorRetries=1)),
    optional_pre_call_checks=st.just(["enforce_model_rate_limits"]),
    max_fallbacks=st.integers(0, 2),
)
CALLS = st.lists(
    st.tuples(
        st.sampled_from(["m", "m", "m", "n", "alias", "openai/mine", "d0", "nobody", "team"]),
        st.sampled_from(["short", "long " * 300]),
        optional(
            metadata=st.sampled_from(
                [{}, {"tags": ["a"]}, {"tags": ["c"]}, {"user_api_key_team_id": "t1"}]
            ),
            num_retries=st.integers(0, 2),
            fallbacks=st.just(["n"]),
            disable_fallbacks=st.booleans(),
            mock_testing_fallbacks=st.booleans(),
            temperature=st.just(0.5),
            response_format=st.just({"type": "json_object"}),
            specific_deployment=st.booleans(),
            timeout=st.just(7),
        ),
    ),
    min_size=1,
    max_size=5,
)


def router_of(deployments: list[Any], given_settings: dict[str, Any], strategy: str) -> Router:
    made = Router(
        model_list=[
            {
                "model_name": group,
                "litellm_params": {
                    "model": "openai/*" if group == "openai/*" else model,
                    "api_key": "k",
                    "mock_response": outcome if outcome in FAILURES else f"{outcome} {place}",
                    **parameters,
                },
                "model_info": {"id": f"d{place}", **info},
            }
            for place, (group, model, outcome, parameters, info) in enumerate(deployments)
        ],
        routing_strategy=strategy,
        model_group_alias={"alias": "m"},
        retry_after=0,
        **given_settings,
    )
    if made.lowestlatency_logger is not None:  # what it measures is another each time
        for name in ("log_success_event", "async_log_success_event", "async_log_failure_event"):
            setattr(made.lowestlatency_logger, name, _nothing if name[0] == "a" else _never)
    return made


async def _nothing(*_: Any, **__: Any) -> None:
    pass


def _never(*_: Any, **__: Any) -> None:
    pass


def settle() -> None:
    """Wait for what LiteLLM does in threads behind a call."""
    end = time.monotonic() + 60
    while executor._pending_slots._value < executor._max_pending_tasks:
        assert time.monotonic() < end
        time.sleep(0.0005)


def forget(router: Router) -> None:
    router.discard()
    for callbacks in (
        litellm.callbacks,
        litellm.success_callback,
        litellm._async_success_callback,
        litellm.failure_callback,
        litellm._async_failure_callback,
        litellm.input_callback,
    ):
        callbacks.clear()


_mapped = set(litellm.model_cost)
_entries = {
    name: copy.deepcopy(entry)
    for name, entry in litellm.model_cost.items()
    if re.search("gpt-4|mine|llama-3.1-8b", name)
}


def restore() -> None:
    """The model map, into which Routers write what their deployments say."""
    for name in set(litellm.model_cost) - _mapped:
        del litellm.model_cost[name]
    for name, entry in _entries.items():
        if litellm.model_cost.get(name) != entry:
            litellm.model_cost[name] = copy.deepcopy(entry)
    litellm.utils.get_model_info.cache_clear()


def shown(value: Any) -> Any:
    """A text without what differs from call to call: ids, times, addresses."""
    text = re.sub(r"chatcmpl-[\w-]+|0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}", "id", str(value))
    return re.sub(r"\d+\.\d{3,}|\b1[78]\d{8}\b", "time", text)


def answered(response: Any, chunks: list[Any]) -> Any:
    hidden = response._hidden_params
    headers = dict(hidden.get("additional_headers") or {})
    text = "".join(each.choices[0].delta.content or "" for each in chunks)
    if not chunks:
        text = response.choices[0].message.content
    return (
        text,
        hidden.get("model_id"),
        shown(sorted(headers.items())),
        response.model if not chunks else None,
    )


def failed(error: Exception) -> Any:
    return (
        type(error),
        shown(error),
        getattr(error, "num_retries", None),
        getattr(error, "status_code", None),
    )


def told(
    deployments: list[Any], wanted: dict[str, Any], strategy: str, calls: list[Any], is_async: bool
) -> Any:
    random.seed(11)
    seen: list[Any] = []
    restore()
    # a Router adds to what it is given
    deployments, wanted, calls = copy.deepcopy((deployments, wanted, calls))
    try:
        router = router_of(deployments, wanted, strategy)
    except Exception as error:
        return failed(error)
    litellm.in_memory_llm_clients_cache.flush_cache()

    async def once(model: str, messages: Any, kwargs: Any) -> Any:
        try:
            response = await router.acompletion(model, messages, **kwargs)
            chunks = [chunk async for chunk in response] if kwargs.get("stream") else []
            return answered(response, chunks)
        except Exception as error:
            return failed(error)

    async def all_of_them() -> None:
        for model, content, kwargs in calls:
            kwargs = {**kwargs, "metadata": dict(kwargs.get("metadata", {}))}
            messages = [{"role": "user", "content": content}]
            seen.append(await once(model, messages, kwargs))
            await asyncio.sleep(0)
            await GLOBAL_LOGGING_WORKER.flush()
            await asyncio.to_thread(settle)
            cooled = await router.cooldown_cache.async_get_active_cooldowns(
                router.get_model_ids(), parent_otel_span=None
            )
            seen.append(sorted(each for each, _ in cooled))

    if is_async:
        asyncio.run(all_of_them())
    else:
        for model, content, kwargs in calls:
            kwargs = {**kwargs, "metadata": dict(kwargs.get("metadata", {}))}
            try:
                response = router.completion(
                    model, [{"role": "user", "content": content}], **kwargs
                )
                seen.append(answered(response, list(response) if kwargs.get("stream") else []))
            except Exception as error:
                seen.append(failed(error))
            settle()
            cooled = router.cooldown_cache.get_active_cooldowns(
                router.get_model_ids(), parent_otel_span=None
            )
            seen.append(sorted(each for each, _ in cooled))
    cached = {
        re.sub(r"\d\d-\d\d$", "", key): shown(value)
        for key, value in router.cache.in_memory_cache.cache_dict.items()
        if not key.endswith(("_client", "cooldown")) and "latency" not in key
    }
    forget(router)
    return seen, cached


@settings(max_examples=700 if LONG else 40)
@given(DEPLOYMENTS, SETTINGS, st.sampled_from(STRATEGIES), CALLS, st.booleans())
def test_generated(
    deployments: list[Any], wanted: dict[str, Any], strategy: str, calls: list[Any], is_async: bool
) -> None:
    ours = told(deployments, wanted, strategy, calls, is_async)
    with originals():
        theirs = told(deployments, wanted, strategy, calls, is_async)
    assert ours == theirs


def test_served() -> None:
    """The plain call, sync and async, is ours; of many deployments each is chosen as often as by the original."""
    before = [served(f"litellm.{name}") for name in CALLED]
    deployments = [("m", MODELS[place % 3], "fine", {"rpm": 50 + place}, {}) for place in range(9)]
    calls = [("m", "short", {})] * 12
    for is_async in (False, True):
        ours = told(
            deployments, {"enable_pre_call_checks": True}, "simple-shuffle", calls, is_async
        )
        with originals():
            assert ours == told(
                deployments, {"enable_pre_call_checks": True}, "simple-shuffle", calls, is_async
            )
        assert len({answer[1] for answer in ours[0][::2]}) > 3
    after = [served(f"litellm.{name}") for name in CALLED]
    assert all(new > old for new, old in zip(after, before)), (before, after)


def test_streams() -> None:
    """Their chunks; what is counted behind them LiteLLM does in threads, in any order."""
    deployments = [("m", MODELS[place % 3], "fine", {"rpm": 50 + place}, {}) for place in range(4)]
    calls = [("m", "short", {"stream": True})] * 6
    for is_async in (False, True):
        ours = told(deployments, {"disable_cooldowns": True}, "simple-shuffle", calls, is_async)
        with originals():
            theirs = told(
                deployments, {"disable_cooldowns": True}, "simple-shuffle", calls, is_async
            )
        assert ours[0] == theirs[0] and ours[0][0][0].startswith("fine")
