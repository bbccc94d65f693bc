"""What the proxy's own callbacks hear of a request: counters, budgets, details and log lines are the original's, and whoever else listens gets the whole payload."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import datetime
import logging
import re
from collections.abc import Iterator
from types import FunctionType
from typing import Any
from unittest.mock import patch

import litellm
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.caching.dual_cache import DualCache
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3
from litellm.proxy.hooks.model_max_budget_limiter import _PROXY_VirtualKeyModelMaxBudgetLimiter
from litellm.proxy.utils import ProxyLogging

import fast_litellm
from fast_jvm import _registry

NAME = "litellm.proxy_success"
LISTS = ("callbacks", "input_callback", "success_callback", "failure_callback", "_async_success_callback", "_async_failure_callback", "_async_input_callback")  # fmt: skip
HASH = "ab" * 32
#: When a window began, what a clock says, or an id of each call's own.
PASSING = re.compile(
    r"\b\d{10}\b|\d\d-\d\d|\d\d:\d\d:\d\d|[0-9a-f]{8}-[0-9a-f-]{27}|chatcmpl-[\w-]+|0x[0-9a-f]+"
)
TIMES = {"_response_ms", "litellm_overhead_time_ms", "callback_duration_ms", "llm_api_timing_windows", "llm_api_duration_ms", "end_time", "start_time", "completion_start_time", "api_call_start_time", "first_api_call_start_time"}  # fmt: skip


def _setup(function: Any, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


#: As the proxy makes a logging object.
SETUP: Any = FunctionType(
    _setup.__code__, {"__name__": "litellm.proxy.common_request_processing"}, "setup"
)


@contextlib.contextmanager
def original() -> Iterator[None]:
    """The original tells: whoever is asked whether the patch may serve says no."""
    from fast_litellm import _proxy_heard

    with patch.object(_proxy_heard, "tell_later", lambda *_: False):
        yield


def counts() -> tuple[int, int]:
    found = fast_litellm.get_performance_stats(NAME)
    return found["served"], found["declined"]


def shown(value: Any) -> Any:
    """A value without what differs from call to call."""
    if isinstance(value, dict):
        return {
            PASSING.sub("~", str(key)): shown(each)
            for key, each in value.items()
            if key not in TIMES
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        found = [shown(each) for each in value]
        return sorted(found, key=repr) if isinstance(value, (set, frozenset)) else found
    if isinstance(value, (int, float)) and value > 1_000_000_000:
        return "time"
    return value if isinstance(value, (int, float, type(None))) else PASSING.sub("~", str(value))


class Recorder(CustomLogger):
    """A logger of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        payload = kwargs["standard_logging_object"]
        self.heard.append((sorted(payload), payload["messages"], payload["response_cost"]))


class Quiet(CustomLogger):
    """A logger of the user's that is told nothing behind a call, but could look at its details."""


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.seen: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().partition("Traceback")[0]
        self.seen.append((record.levelname, PASSING.sub("~", text)))


async def _outcome(case: dict[str, Any], token: dict[str, Any], change: Any, times: int) -> Any:
    litellm.in_memory_llm_clients_cache.flush_cache()
    for name in LISTS:
        setattr(litellm, name, [])
    deployment = {"model": "gpt-4o", "api_key": "k", "mock_response": "fine and good"}
    router = litellm.Router(
        model_list=[
            {
                "model_name": "m",
                "litellm_params": {**deployment, **case.get("deployment", {})},
                "model_info": {"id": "d0"},
            }
        ],
        num_retries=0,
    )
    logs = ProxyLogging(user_api_key_cache=DualCache())
    budgets = _PROXY_VirtualKeyModelMaxBudgetLimiter(dual_cache=DualCache())
    litellm.logging_callback_manager.add_litellm_callback(budgets)
    logs._init_litellm_callbacks(llm_router=router)
    kinds = {type(each).__name__: each for each in litellm.callbacks}
    limiter = kinds["_PROXY_MaxParallelRequestsHandler_v3"]
    recorder = change(limiter, budgets) if change else None
    key = UserAPIKeyAuth(api_key=HASH, **token)
    answers: list[Any] = []
    for place in range(times):
        metadata = {"headers": {}, **copy.deepcopy(case.get("metadata", {}))}
        data: dict[str, Any] = {
            "model": "m",
            "messages": [{"role": "user", "content": "hello there"}],
            "metadata": metadata,
            "litellm_call_id": f"call-{place}",
            "proxy_server_request": {
                "url": "http://x/v1/chat/completions",
                "method": "POST",
                "headers": {"user-agent": "curl/8", **case.get("headers", {})},
                "body": dict(case.get("body", {})),
            },
            **copy.deepcopy(case.get("more", {})),
        }
        try:
            await limiter.async_pre_call_hook(key, limiter.internal_usage_cache, data, "completion")
        except Exception as error:
            answers.append((type(error).__name__, shown(str(error))))
            continue
        owner, data = SETUP(
            litellm.utils.function_setup,
            original_function="acompletion",
            rules_obj=litellm.utils.Rules(),
            start_time=datetime.datetime.now(),
            **data,
        )
        response = await router.acompletion(**data, litellm_logging_obj=owner)
        for _ in range(3):
            await asyncio.sleep(0)
        await GLOBAL_LOGGING_WORKER.flush()
        await asyncio.sleep(0.005)
        details = {**owner.model_call_details}
        payload = details.pop("standard_logging_object", None)
        told = details["litellm_params"].get("metadata") or {}
        answers.append(
            (
                shown(details),
                shown(told.get("hidden_params")),
                shown(response._hidden_params),
                (payload or {}).get("total_tokens"),
                owner.completion_start_time is not None,
                owner._async_success_scheduled,
            )
        )
    caches = (limiter.internal_usage_cache.dual_cache, budgets.dual_cache, router.cache)
    return (
        answers,
        [shown(each.in_memory_cache.cache_dict) for each in caches],
        getattr(recorder, "heard", None),
    )


def outcome(case: dict[str, Any], token: Any = None, change: Any = None, times: int = 2) -> Any:
    lines = Lines()
    loggers = [logging.getLogger(name) for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")]
    for logger in loggers:
        logger.addHandler(lines)
    try:
        found = asyncio.run(_outcome(case, token or {}, change, times))
    finally:
        for logger in loggers:
            logger.removeHandler(lines)
        for name in LISTS:
            setattr(litellm, name, [])
    return found, lines.seen


def both(case: dict[str, Any], token: Any = None, change: Any = None, times: int = 2) -> int:
    """Compare; return how many requests ours told."""
    with original():
        expected = outcome(case, token, change, times)
    served = counts()[0]
    found = outcome(case, token, change, times)
    assert found == expected
    return counts()[0] - served


TEXTS = st.sampled_from(["a", "b:c", "é"])
BUDGET = {"m": {"budget_limit": 5.0, "time_period": "1d"}}
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "user_api_key": st.sampled_from([HASH, "sk-text", "", None]),
        "user_api_key_hash": st.sampled_from([HASH, None]),
        "user_api_key_user_id": TEXTS,
        "user_api_key_team_id": TEXTS,
        "user_api_key_org_id": TEXTS,
        "user_api_key_project_id": TEXTS,
        "user_api_key_end_user_id": st.sampled_from(["e", "", None]),
        "user_api_key_model_max_budget": st.sampled_from(
            [BUDGET, {}, None, {"other": BUDGET["m"]}]
        ),
        "user_api_key_team_model_max_budget": st.sampled_from([BUDGET, None]),
        "user_api_key_end_user_model_max_budget": st.sampled_from([BUDGET, None]),
        "agent_id": TEXTS,
        "session_id": TEXTS,
        "trace_id": TEXTS,
        "tags": st.sampled_from([["t"], [], None]),
        "requester_metadata": st.dictionaries(TEXTS, TEXTS, max_size=2),
        "routing_decision": st.sampled_from([None, {"classifier_cost": 1.0}]),
        "applied_guardrails": st.sampled_from([[], ["g"]]),
        "anything": st.sampled_from([1, [1], {"x": None}, "text"]),
    },
)
TOKENS = st.fixed_dictionaries(
    {},
    optional={
        "tpm_limit": st.sampled_from([30, 1000]),
        "rpm_limit": st.sampled_from([1, 9]),
        "max_parallel_requests": st.sampled_from([1, 5]),
        "user_id": TEXTS,
        "user_tpm_limit": st.just(500),
        "team_id": TEXTS,
        "team_tpm_limit": st.just(700),
    },
)
CASES = st.fixed_dictionaries(
    {"metadata": METADATA},
    optional={
        "headers": st.sampled_from([{}, {"x-mine": "1"}]),
        "body": st.sampled_from([{}, {"user": "u9"}]),
        "more": st.sampled_from([{}, {"user": "u7"}, {"temperature": 0.5, "max_tokens": 7}]),
    },
)


@settings(max_examples=150 if LONG else 30)
@given(CASES, TOKENS)
def test_counters_and_budgets(case: Any, token: Any) -> None:
    refused = token.get("rpm_limit") == 1 or token.get("tpm_limit") == 30
    told = both(case, token)
    assert 1 <= told <= 2 if refused else told == 2


@pytest.mark.parametrize(
    "case",
    [
        {"metadata": {"standard_logging_guardrail_information": [{"guardrail_status": "success"}]}},
        {"metadata": {"tags": "text"}},
        {"headers": {"x-litellm-disable-callbacks": "langfuse"}},
        {"metadata": {"headers": {"x-litellm-enable-message-redaction": "true"}}},
        {"more": {"no-log": True}},
        {"deployment": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}},
    ],
)
def test_what_could_spoil_the_payload(case: Any) -> None:
    assert both(case) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("turn_off_message_logging", True),
        ("standard_logging_payload_excluded_fields", ["metadata"]),
        ("global_disable_no_log_param", True),
    ],
)
def test_settings(name: str, value: Any) -> None:
    with patch.object(litellm, name, value, create=True):
        assert both({}) == 0
    assert both({}) == 2


def test_other_listeners() -> None:
    def hears(*_: Any) -> Any:
        recorder = Recorder()
        litellm.logging_callback_manager.add_litellm_async_success_callback(recorder)
        return recorder

    def looks(*_: Any) -> Any:
        litellm.input_callback.append(Quiet())

    def calls(*_: Any) -> Any:
        async def function(*_: Any) -> None:
            """Hear."""

        litellm.logging_callback_manager.add_litellm_async_success_callback(function)

    for change in (hears, looks, calls):
        assert both({}, change=change) == 0
    with original():
        assert outcome({}, change=hears)[0][2]
    assert outcome({}, change=hears)[0][2]


def test_who_replaced_a_method_is_called() -> None:
    async def mine(*_: Any, **__: Any) -> None:
        heard.append(1)

    heard: list[int] = []

    def on_instance(limiter: Any, budgets: Any) -> Any:
        budgets.async_log_success_event = mine

    assert both({}, change=on_instance) == 0
    assert len(heard) == 4
    heard.clear()
    kind = v3._PROXY_MaxParallelRequestsHandler_v3
    with patch.object(kind, "async_log_success_event", mine):
        assert both({}) == 0
    assert len(heard) == 4
    assert both({}) == 2


def test_a_callback_that_fails() -> None:
    """The original says so, and goes on with the next."""

    def spoil(limiter: Any, budgets: Any) -> Any:
        budgets.dual_cache = None
        budgets._charge_entity = None

    case = {"metadata": {"user_api_key_hash": HASH, "user_api_key_model_max_budget": BUDGET}}

    async def run() -> Any:
        return await _outcome_without_budgets(case, spoil)

    with original():
        expected = _lines(run)
    served = counts()[0]
    assert _lines(run) == expected
    assert counts()[0] - served == 1
    assert any("while success logging" in line for _, line in expected)


async def _outcome_without_budgets(case: Any, spoil: Any) -> None:
    with contextlib.suppress(AttributeError):  # (its cache is gone)
        await _outcome(case, {}, spoil, 1)


def _lines(run: Any) -> Any:
    lines = Lines()
    logger = logging.getLogger("LiteLLM")
    logger.addHandler(lines)
    try:
        asyncio.run(run())
    finally:
        logger.removeHandler(lines)
        for name in LISTS:
            setattr(litellm, name, [])
    return lines.seen


def test_logging_objects_of_others() -> None:
    """Only the proxy's own: whoever made one may look at it."""
    with patch.dict(SETUP.__globals__, {"__name__": "mine"}):
        served = counts()[0]
        assert outcome({})
        assert counts()[0] == served


def test_what_served() -> None:
    entry = next(entry for entry in _registry.entries() if entry.patch.name == NAME)
    assert entry.state == "live"
    assert counts()[0] > 0
    assert counts()[1] > 0
