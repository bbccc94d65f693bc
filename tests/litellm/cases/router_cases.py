"""The Router's pre-call checks: the same deployments, errors, log lines and cache entries as the original's over generated model lists."""

from __future__ import annotations

import asyncio
import copy
import logging
import random
from typing import Any

import litellm
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm import Router
from litellm.types.router import ModelInfo
from sides import originals, served

CHECKS, LIMITS = "litellm.router_checks", "litellm.router_limits"
USAGE, GROUP = "litellm.router_usage", "litellm.router_group_usage"

MODELS = [
    "gpt-4o", "gpt-4", "gpt-3.5-turbo-0301", "openai/gpt-4o-mini", "openai/unknown-model", "azure/gpt-4o", "azure/mine",
    "azure/command-r-plus", "anthropic/claude-3-5-sonnet-20240620", "anthropic/claude-2", "claude-2", "groq/llama3-8b-8192",
    "gemini/gemini-1.5-pro", "bedrock/anthropic.claude-v2", "mistral/mistral-large-latest", "deepseek/deepseek-chat",
    "openrouter/openai/gpt-4o", "together_ai/x/y", "cohere/command-r", "replicate/meta/llama", "huggingface/a/b", "ollama/llama2",
    "xai/grok-beta", "nobody/knows", "unknown", "ft:gpt-3.5-turbo:me", "openai/*", "*", "perplexity/sonar", "hosted_vllm/m",
    "fireworks_ai/accounts/fireworks/models/x", "azure_ai/mistral-large", "jina_ai/m", "vertex_ai/gemini-pro", "text-davinci-003",
]  # fmt: skip
BASES = [None, "", "https://here.example/v1", "https://api.groq.com/openai/v1", "https://api.deepseek.com/v1", "https://x.openai.azure.com"]  # fmt: skip
PROVIDERS = [None, None, None, "openai", "azure", "anthropic", "groq", "cohere", "xai", "nobody"]

deployments = st.fixed_dictionaries(
    {"model": st.sampled_from(MODELS)},
    optional={
        "api_key": st.sampled_from([None, "", "k1", "k2"]),
        "api_base": st.sampled_from(BASES),
        "custom_llm_provider": st.sampled_from(PROVIDERS),
        "base_model": st.sampled_from([None, "gpt-4o", "azure/gpt-4o", "gpt-4", "nobody/knows"]),
        "rpm": st.sampled_from([None, 0, 1, 3, 1000]),
        "region_name": st.sampled_from([None, "eu", "us"]),
        "use_litellm_proxy": st.booleans(),
        "drop_params": st.sampled_from([None, True, "true", "odd"]),
        "tags": st.lists(st.sampled_from(["a", "b"]), max_size=2),
        "max_retries": st.sampled_from([1, "2"]),
    },
)
infos = st.fixed_dictionaries(
    {},
    optional={
        "max_input_tokens": st.sampled_from([None, 1, 5, 100, 1_000_000]),
        "base_model": st.sampled_from([None, "gpt-4", "azure/gpt-4o", ""]),
    },
)
calls = st.fixed_dictionaries(
    {},
    optional={
        "messages": st.sampled_from([None, [{"role": "user", "content": "hello " * 8}]]),
        "input": st.sampled_from([None, "some words", ["some words"]]),
        "request_kwargs": st.sampled_from(
            [
                None,
                {},
                {"response_format": {"type": "json_object"}},
                {"temperature": 0.5, "metadata": {}},
                {"allowed_model_region": "eu"},
                {"allowed_model_region": None, "response_format": None},
                {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
            ]
        ),
        "input_token_count": st.sampled_from([None, 0, 7, 10_000_000]),
        "skip_inline_token_count": st.booleans(),
    },
)


class Lines(logging.Handler):
    """What a logger says."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


def router_of(
    parameters: list[dict[str, Any]], more: list[dict[str, Any]], strategy: str = "simple-shuffle"
) -> Router:
    """A Router that holds these deployments as they are, without its own view of them."""
    made = Router(
        model_list=[
            {
                "model_name": "m",
                "litellm_params": {"model": "gpt-4o", "api_key": "k"},
                "model_info": {"id": str(place)},
            }
            for place in range(len(parameters))
        ],
        enable_pre_call_checks=True,
    )
    made.routing_strategy = strategy
    for deployment, wanted, info in zip(made.model_list, parameters, more):
        deployment["litellm_params"] = wanted
        deployment["model_info"] = {**deployment["model_info"], **info}
    return made


def told(router: Router, state: dict[str, Any], arguments: dict[str, Any]) -> Any:
    """What a call does: its result or error, the log, the cache, its arguments."""
    cache = router.cache.in_memory_cache
    cache.cache_dict.clear()
    cache.ttl_dict.clear()
    for key, value in copy.deepcopy(state).items():
        cache.cache_dict[key] = value
    mine = copy.deepcopy(arguments)
    handler = Lines()
    logger = logging.getLogger("LiteLLM Router")
    others, logger.handlers = logger.handlers, [handler]
    try:
        try:
            found = router._pre_call_checks("m", router.model_list, **mine)
            outcome: Any = [
                next(i for i, one in enumerate(router.model_list) if one is each) for each in found
            ]
        except Exception as error:
            outcome = (type(error), str(error))
        limits = [router._deployment_max_input_tokens("m", each) for each in router.model_list]
    finally:
        logger.handlers = others
    return outcome, limits, handler.lines, cache.cache_dict, mine


def compare(router: Router, state: dict[str, Any], arguments: dict[str, Any]) -> Any:
    with originals(CHECKS, LIMITS):
        theirs = told(router, state, arguments)
        theirs = (*theirs[:3], copy.deepcopy(theirs[3]), theirs[4])
    for _ in range(2):
        ours = told(router, state, arguments)
        assert ours == theirs
    return theirs[0]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hints, and one minute: the next one has counters of its own."""
    now = litellm.router.get_utc_datetime()
    monkeypatch.setattr(litellm.router, "get_utc_datetime", lambda: now)
    monkeypatch.setattr(litellm, "suppress_debug_info", True)


@settings(max_examples=4000 if LONG else 250)
@given(
    st.lists(st.tuples(deployments, infos), min_size=1, max_size=6),
    calls,
    st.sampled_from(["simple-shuffle", "usage-based-routing-v2"]),
    st.booleans(),
    st.integers(0, 5),
)
def test_generated(
    listed: list[tuple[dict[str, Any], dict[str, Any]]],
    arguments: dict[str, Any],
    strategy: str,
    grouped: bool,
    used: int,
) -> None:
    router = router_of([p for p, _ in listed], [i for _, i in listed], strategy)
    from litellm.router import get_utc_datetime

    state: dict[str, Any] = {"0": used} if used else {}
    if grouped:
        minute = get_utc_datetime().strftime("%H-%M")
        state[f"m:rpm:{minute}"] = {"1": used}
    compare(router, state, arguments)


def test_served_and_equal() -> None:
    router = router_of(
        [{"model": "gpt-4o", "api_key": f"k{i}"} for i in range(30)], [{} for _ in range(30)]
    )
    arguments = {"messages": [{"role": "user", "content": "x"}], "request_kwargs": {}}
    before = served(CHECKS), served(LIMITS)
    assert compare(router, {}, arguments) == list(range(30))
    assert (served(CHECKS), served(LIMITS)) == (before[0] + 2, before[1] + 60)


def test_deployments_that_change() -> None:
    """Parameters, the model's information and the model map change in place, between calls."""
    parameters = [{"model": "gpt-4o", "api_key": "k", "rpm": 5, "tags": ["a"]} for _ in range(3)]
    router = router_of(parameters, [{}, {}, {}])
    arguments = {"messages": [{"role": "user", "content": "x " * 50}], "request_kwargs": {}}
    assert compare(router, {}, arguments) == [0, 1, 2]
    parameters[0]["rpm"] = 0
    assert compare(router, {}, arguments) == [1, 2]
    parameters[0]["rpm"] = True
    compare(router, {}, arguments)
    parameters[1]["model"] = "nobody/knows"
    compare(router, {}, arguments)
    parameters[1]["api_key"] = 7
    compare(router, {}, arguments)
    del parameters[1]["api_key"]
    parameters[1].update(model="openai/mine", region_name="eu")
    compare(router, {}, {**arguments, "request_kwargs": {"allowed_model_region": "eu"}})
    router.model_list[2]["model_info"]["max_input_tokens"] = 3
    assert 2 not in compare(router, {}, arguments)
    parameters[2]["tags"].append(3)  # no text: what was validated is not valid any more
    compare(router, {}, arguments)
    try:
        litellm.register_model(
            {"openai/mine": {"max_input_tokens": 4, "litellm_provider": "openai", "mode": "chat"}}
        )
        compare(router, {}, arguments)
        litellm.model_cost["openai/mine"]["max_input_tokens"] = 10_000
        compare(router, {}, arguments)
        litellm.utils.get_model_info.cache_clear()
        compare(router, {}, arguments)
    finally:
        litellm.model_cost.pop("openai/mine", None)
        litellm.utils.get_model_info.cache_clear()


def test_deployments_that_come_and_go() -> None:
    router = Router(model_list=[], enable_pre_call_checks=True)
    source = random.Random(3)
    arguments = {"messages": [{"role": "user", "content": "x"}], "request_kwargs": {}}
    for place in range(60):
        router.add_deployment(
            litellm.Deployment(
                model_name="m",
                litellm_params=litellm.LiteLLM_Params(
                    model=source.choice(["gpt-4o", "gpt-4", "openai/mine"]),
                    api_key="k",
                    rpm=source.choice([0, 9]),
                ),
                model_info=ModelInfo(id=f"d{place}"),
            )
        )
        if place % 3 == 2:
            router.delete_deployment(f"d{source.randrange(place)}")
        compare(router, {"d3": 4}, arguments)


@pytest.mark.parametrize("value", [True, False])
def test_the_environment(monkeypatch: pytest.MonkeyPatch, value: bool) -> None:
    router = router_of([{"model": "gpt-4o"}, {"model": "groq/x", "api_base": ""}], [{}, {}])
    arguments = {
        "messages": [{"role": "user", "content": "x"}],
        "request_kwargs": {"response_format": {"type": "json_object"}},
    }
    compare(router, {}, arguments)
    monkeypatch.setenv("USE_LITELLM_PROXY", str(value))
    compare(router, {}, arguments)
    monkeypatch.setattr(litellm, "drop_params", value)
    compare(router, {}, arguments)
    monkeypatch.setattr(litellm, "use_litellm_proxy", value)
    compare(router, {}, arguments)


def test_replaced_functions_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody put in the place of a function that the answers come from, serves."""
    router = router_of([{"model": "gpt-4o"}] * 2, [{}, {}])
    arguments = {"messages": [{"role": "user", "content": "x " * 50}], "request_kwargs": {}}
    before = served(CHECKS)
    monkeypatch.setattr(
        router, "get_router_model_info", lambda **_: {"max_input_tokens": 1}, raising=False
    )
    assert compare(router, {}, arguments)[0] is litellm.ContextWindowExceededError
    monkeypatch.undo()
    monkeypatch.setattr(litellm, "get_model_info", lambda **_: {"max_input_tokens": 1})
    assert compare(router, {}, arguments)[0] is litellm.ContextWindowExceededError
    assert served(CHECKS) == before


@pytest.mark.parametrize("strategy", ["simple-shuffle", "least-busy", "latency-based-routing"])
def test_choices(strategy: str) -> None:
    """With the same seed the same deployments are chosen, of those that do not cool down."""

    def run() -> list[Any]:
        random.seed(7)
        router = Router(
            model_list=[
                {
                    "model_name": "m",
                    "litellm_params": {
                        "model": MODELS[place % 3],
                        "api_base": "https://here.example/v1",
                        "custom_llm_provider": "openai",
                        "rpm": 50 + place,
                        "order": 1 + place % 2,
                    },
                    "model_info": {"id": f"m{place}", "max_input_tokens": 1000 * (1 + place % 3)},
                }
                for place in range(12)
            ],
            enable_pre_call_checks=True,
            routing_strategy=strategy,
        )
        seen: list[Any] = []
        for place in range(60):
            if place % 5 == 4:
                router.cooldown_cache.add_deployment_to_cooldown(
                    model_id=f"m{place // 5}",
                    original_exception=Exception("x"),
                    exception_status=429,
                    cooldown_time=60,
                )
            content = "long " * (1500 if place % 2 else 3)
            try:
                found = router.get_available_deployment(
                    "m", [{"role": "user", "content": content}], request_kwargs={}
                )
                seen.append(found["model_info"]["id"])
            except Exception as error:
                seen.append((type(error).__name__, str(error)[:60]))
        return seen

    before = served(CHECKS)
    ours = run()
    assert served(CHECKS) >= before + 60 and len(set(map(str, ours))) > 2
    with originals(CHECKS, LIMITS):
        assert ours == run()


def test_whole_calls() -> None:
    """Errors, retries and fallbacks of calls; without cooldowns, which threads of their own bring in."""

    def run() -> list[Any]:
        random.seed(5)
        router = Router(
            model_list=[
                {
                    "model_name": name,
                    "litellm_params": {
                        "model": MODELS[place % 2],
                        "api_key": "k",
                        "mock_response": "litellm.RateLimitError"
                        if name == "m" and place % 3 == 0
                        else f"{name}{place}",
                        "rpm": 9,
                        "weight": place + 1,
                    },
                    "model_info": {"id": f"{name}{place}"},
                }
                for name, many in (("m", 6), ("other", 2))
                for place in range(many)
            ],
            enable_pre_call_checks=True,
            fallbacks=[{"m": ["other"]}],
            num_retries=1,
            disable_cooldowns=True,
            retry_after=0,
        )
        seen: list[Any] = []
        for place in range(24):
            content = "long " * (10_000 if place % 7 == 6 else 3)
            try:
                answer = router.completion("m", [{"role": "user", "content": content}])
                seen.append((answer.choices[0].message.content, answer._hidden_params["model_id"]))
            except Exception as error:
                seen.append((type(error).__name__, str(error)[:60]))
        return seen

    before = served(CHECKS)
    ours = run()
    assert served(CHECKS) > before and len(set(map(str, ours))) > 3
    with originals(CHECKS, LIMITS):
        assert ours == run()


# -- what is counted behind a call

counted = st.fixed_dictionaries(
    {"model": st.sampled_from(MODELS)},
    optional={
        "rpm": st.sampled_from([None, 0, 3]),
        "tpm": st.sampled_from([None, 0, 30]),
        "itpm": st.sampled_from([None, 5]),
        "base_model": st.sampled_from([None, "gpt-4", "nobody/knows"]),
        "tags": st.lists(st.sampled_from(["a", 3]), max_size=1),
        "max_retries": st.sampled_from([1, "2", "odd"]),
    },
)
counted_info = st.fixed_dictionaries(
    {},
    optional={
        "tpm": st.sampled_from([None, 7]),
        "rpm": st.sampled_from([None, 7]),
        "otpm": st.sampled_from([None, 7]),
        "tier": st.sampled_from([None, "free", "odd"]),
        "base_model": st.sampled_from([None, "gpt-4", "azure/gpt-4o"]),
    },
)
uses = st.lists(
    st.tuples(st.integers(0, 4), st.integers(-3, 40), st.integers(0, 1)), min_size=1, max_size=8
)


def told_usage(router: Router, taken: list[tuple[int, int, int]]) -> Any:
    """What is counted: results or errors, the cache, the sums of the group."""
    memory = router.cache.in_memory_cache
    memory.flush_cache()

    async def run() -> list[Any]:
        seen: list[Any] = []
        for which, tokens, requests in taken:
            try:
                seen.append(
                    await router._increment_deployment_usage(
                        deployment_id=str(which),
                        deployment_name=f"n{which % 2}",
                        model_group="m",
                        total_tokens=tokens,
                        rpm_increment=requests,
                        parent_otel_span=None,
                    )
                )
            except Exception as error:
                seen.append((type(error), str(error)))
            for group in ("m", "alias", "nobody"):
                seen.append(await router.get_model_group_usage(group))
        return seen

    return asyncio.run(run()), copy.deepcopy(memory.cache_dict)


def compare_usage(router: Router, taken: list[tuple[int, int, int]]) -> Any:
    with originals(USAGE, GROUP):
        theirs = told_usage(router, taken)
    for _ in range(2):
        assert told_usage(router, taken) == theirs
    return theirs


@settings(max_examples=2000 if LONG else 120)
@given(st.lists(st.tuples(counted, counted_info), min_size=1, max_size=4), uses)
def test_usage_generated(
    listed: list[tuple[dict[str, Any], dict[str, Any]]], taken: list[tuple[int, int, int]]
) -> None:
    router = router_of([p for p, _ in listed], [i for _, i in listed])
    router.model_group_alias = {"alias": "m"}
    for place, deployment in enumerate(router.model_list):
        deployment["litellm_params"]["model"] = f"n{place % 2}" if place == 3 else MODELS[place]
    compare_usage(router, taken)


def test_usage_served_and_changed() -> None:
    parameters = [{"model": "gpt-4o", "rpm": 5}, {"model": "openai/gpt-4o-mini"}]
    router = router_of(parameters, [{}, {"tpm": 4}])
    taken = [(0, 5, 1), (1, 7, 1), (0, 2, 1)]
    before = served(USAGE), served(GROUP)
    with originals(USAGE, GROUP):
        assert told_usage(router, taken)[0][1] == (None, None)
    answers = compare_usage(router, taken)
    assert served(USAGE) == before[0] + 6 and served(GROUP) == before[1] + 18
    assert [one for one in answers[0] if isinstance(one, str)]
    del parameters[0]["rpm"]
    compare_usage(router, taken)
    router.model_list[0]["model_info"]["rpm"] = 3
    compare_usage(router, taken)
    router.model_list[1]["model_info"]["tier"] = "odd"  # no Deployment any more
    compare_usage(router, taken)
    parameters[0]["model"] = "nobody/knows"
    compare_usage(router, taken)
    router.model_list[1]["model_info"]["tier"] = "free"
    router.delete_deployment("0")
    compare_usage(router, taken)
    memory = router.cache.in_memory_cache
    memory.async_increment_pipeline = type(memory).async_increment_pipeline.__get__(memory)
    compare_usage(router, taken)


def test_prompts_of_any_length() -> None:
    """A prompt that may be too long is counted, one that cannot be is not."""
    router = router_of([{"model": "gpt-4o"}] * 2, [{"max_input_tokens": 40}, {}])
    contents: list[Any] = [
        "x",
        "x" * 10,
        "\U0001f642" * 8,
        "\U0001f642" * 12,
        "word " * 36,
        "",
        None,
    ]
    contents += ["word " * 40, "\ud800" * 9, ["x"], [{"type": "text", "text": "word " * 50}]]
    more: list[Any] = [{}, {"system": "word " * 40}, {"tools": [{"function": {"name": "f"}}]}]
    for content in contents:
        for role in ("user", None, "tool"):
            for kwargs in more:
                messages = [{"role": role, "content": content}] * 2
                compare(router, {}, {"messages": messages, "request_kwargs": kwargs})
    compare(router, {}, {"messages": [{"role": "user", "content": "a", "name": "b"}] * 9})
    compare(router, {}, {"messages": [], "request_kwargs": {}})
