"""A model's info, its rates and counts of tokens: the original's, whatever was changed in litellm.model_cost meanwhile."""

from __future__ import annotations

import copy
import datetime
import operator
import sys
from collections.abc import Callable, Iterator
from itertools import product
from types import FunctionType
from typing import Any

import litellm
import pytest
from calls import outcome
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.litellm_core_utils import fallback_generalizations as generalizations
from litellm.litellm_core_utils.llm_cost_calc import utils as costs
from litellm.types.utils import PromptTokensDetailsWrapper, Usage
from sides import originals, served

from fast_jvm import _registry

MANY = 2000 if LONG else 150
MODEL = "gpt-4o-mini"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The cost map as it was."""
    kept, rules = litellm.model_cost, generalizations.get_fallback_generalization_rules()
    litellm.model_cost = copy.deepcopy(kept)
    litellm.model_cost[MODEL]["supported_endpoints"] = ["/a"]
    litellm.utils._invalidate_model_cost_lowercase_map()
    yield
    litellm.model_cost = kept
    generalizations.set_fallback_generalizations(rules)
    litellm.utils._invalidate_model_cost_lowercase_map()


def info(model: str = MODEL, provider: Any = "openai") -> Any:
    found = outcome(litellm.utils.get_model_info_helper, model, provider)
    return list(found.items()) if isinstance(found, dict) else found


def compare(model: str = MODEL, provider: Any = "openai") -> Any:
    ours = info(model, provider)
    with originals():
        theirs = info(model, provider)
    assert ours == theirs
    return ours


@pytest.mark.parametrize(
    "model",
    [
        MODEL,
        "openai/" + MODEL,
        "GPT-4o-Mini",
        "ft:gpt-4o-mini:x",
        "gpt-4o-mini-2099-01-01",
        "none",
        "",
    ],
)
@pytest.mark.parametrize("provider", ["openai", None, "azure", "anthropic"])
def test_model_info(model: str, provider: Any) -> None:
    for _ in range(3):
        compare(model, provider)


def entry() -> Any:
    return litellm.model_cost[MODEL]


def _lower() -> None:
    litellm.model_cost["OPENAI/" + MODEL] = {"litellm_provider": "openai", "mode": "embedding"}
    litellm.utils._invalidate_model_cost_lowercase_map()


CHANGES: dict[str, Callable[[], Any]] = {
    "a price in place": lambda: entry().update(input_cost_per_token=1.0),
    "a new field": lambda: entry().update(output_cost_per_token_above_9k_tokens=2.0),
    "a field is gone": lambda: entry().pop("max_tokens", None),
    "a nested list in place": lambda: entry()["supported_endpoints"].append("/x"),
    "a nested list, another one": lambda: entry().update(
        supported_endpoints=list(entry()["supported_endpoints"])
    ),
    "another provider": lambda: entry().update(litellm_provider="azure"),
    "another entry": lambda: litellm.model_cost.update({MODEL: {"litellm_provider": "openai"}}),
    "the entry is gone": lambda: litellm.model_cost.pop(MODEL, None),
    "an entry that comes first": lambda: litellm.model_cost.update(
        {"openai/" + MODEL: {"litellm_provider": "openai", "max_tokens": 3}}
    ),
    "one by another case": _lower,
    "another map": lambda: setattr(litellm, "model_cost", {MODEL: {"mode": "chat"}}),
    "an empty map": lambda: setattr(litellm, "model_cost", {}),
    "registered": lambda: litellm.register_model({MODEL: {"input_cost_per_token": 7.0}}),
    "a rule that fills": lambda: generalizations.set_fallback_generalizations(
        [
            {
                "pattern": "gpt-4o.*",
                "model_info": {"supports_x": True, "max_query": 1, "supports_web_search": True},
                "fill_missing_for_providers": ["openai"],
            }
        ]
    ),
    "an azure name": lambda: litellm.azure_llms.update({MODEL: "gpt-4"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes_are_seen(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm, "azure_llms", dict(litellm.azure_llms))
    before = served("litellm.model_info")
    for _ in range(3):
        compare()
    assert served("litellm.model_info") >= before + 2
    CHANGES[change]()
    for _ in range(3):
        compare()


def test_an_info_is_the_callers() -> None:
    for _ in range(3):
        found = litellm.utils.get_model_info_helper(MODEL, "openai")
        assert found["mode"] == "chat"
        found["mode"] = "changed"
        assert found["supported_endpoints"] is entry()["supported_endpoints"]


PRICES = st.one_of(
    st.none(), st.floats(0, 1), st.integers(0, 3), st.sampled_from(["1e-7", "x", "", True, []])
)
FIELDS = [
    "key",
    "input_cost_per_token",
    "output_cost_per_token",
    "output_cost_per_image_token",
    "cache_creation_input_token_cost",
    "cache_creation_input_token_cost_above_1hr",
    "cache_read_input_token_cost",
    "input_cost_per_token_priority",
    "input_cost_per_token_above_128k_tokens",
    "input_cost_per_token_above_200k_tokens_priority",
    "output_cost_per_token_above_128k_tokens",
    "input_cost_per_token_above_x",
]
TIERS = [{"range": [0, 100], "input_cost_per_token": 1.0}, {"input_cost_per_token": 2.0}]
OFF = {"hours_utc": "00:00-12:00", "input_cost_per_token": 9.0}


@settings(max_examples=MANY)
@given(
    st.dictionaries(st.sampled_from(FIELDS), PRICES),
    st.sampled_from([None, None, TIERS, []]),
    st.sampled_from([None, None, OFF, {}]),
    st.lists(
        st.tuples(
            st.sampled_from([0, 50, 150_000, 250_000]),
            st.sampled_from([None, "priority", "default"]),
            st.sampled_from([3, 15]),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
    st.dictionaries(st.sampled_from(FIELDS), PRICES, max_size=2),
)
def test_rates(found: Any, tiers: Any, off: Any, calls: Any, change: Any) -> None:
    def rates() -> Any:
        results = []
        for given in (first, {**first, **change}):
            for tokens, tier, hour, inclusive in calls:
                usage = Usage(prompt_tokens=tokens, completion_tokens=1, total_tokens=tokens)
                at = datetime.datetime(2026, 1, 1, hour, tzinfo=datetime.timezone.utc)
                results.append(
                    outcome(
                        costs._get_token_base_cost,
                        given,
                        usage,
                        tier,
                        at,
                        threshold_is_inclusive=inclusive,
                    )
                )
            first.update(change)  # in place
        return repr(results)

    given = {**found, "tiered_pricing": tiers, "off_peak_pricing": off}
    first = dict(given)
    ours = rates()
    first = dict(given)
    with originals():
        theirs = rates()
    assert ours == theirs


def test_rates_are_served() -> None:
    before = served("litellm.token_base_cost")
    found = dict(litellm.get_model_info(MODEL, "openai"))
    usage = Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
    assert costs._get_token_base_cost(found, usage) == costs._get_token_base_cost(found, usage)
    assert served("litellm.token_base_cost") == before + 1


COUNTS = st.one_of(st.none(), st.integers(-2, 9), st.sampled_from([0, 1, 10**20]))


@settings(max_examples=MANY)
@given(
    st.dictionaries(
        st.sampled_from([*PromptTokensDetailsWrapper.model_fields, "more"]).filter(
            lambda name: "details" not in name
        ),
        COUNTS,
    ),
    st.sampled_from([{}, {}, {"cached_tokens_details": {"audio_tokens": 1, "text_tokens": 2}}]),
)
def test_prompt_details(counts: Any, more: Any) -> None:
    made = outcome(lambda: PromptTokensDetailsWrapper(**counts, **more))
    usage = Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
    usage.prompt_tokens_details = None if isinstance(made, tuple) else made
    ours = outcome(lambda: list(costs.parse_prompt_tokens_details(usage).items()))
    with originals():
        theirs = outcome(lambda: list(costs.parse_prompt_tokens_details(usage).items()))
    assert repr(ours) == repr(theirs)


def test_prompt_details_are_served() -> None:
    before = served("litellm.prompt_details")
    usage = Usage(
        prompt_tokens=3,
        completion_tokens=4,
        total_tokens=7,
        prompt_tokens_details={"cached_tokens": 2},
    )
    costs.parse_prompt_tokens_details(usage)
    assert served("litellm.prompt_details") == before + 1


@pytest.mark.parametrize("change", CHANGES)
def test_costs(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a call costs, by LiteLLM's own function for it."""
    monkeypatch.setattr(litellm, "azure_llms", dict(litellm.azure_llms))

    def cost() -> Any:
        usage = Usage(
            prompt_tokens=300,
            completion_tokens=40,
            total_tokens=340,
            prompt_tokens_details={"cached_tokens": 20, "audio_tokens": 3},
        )
        response = litellm.ModelResponse(model=MODEL, usage=usage)
        return outcome(litellm.completion_cost, response, custom_llm_provider="openai")

    for changed in (False, True):
        if changed:
            CHANGES[change]()
        ours = [cost() for _ in range(3)]
        with originals():
            theirs = [cost() for _ in range(3)]
        assert ours == theirs


RATES = st.one_of(
    st.none(), st.floats(0, 1), st.integers(0, 3), st.sampled_from(["1e-7", True, float("inf")])
)
PRICED = [
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "cache_read_input_audio_token_cost",
    "output_cost_per_reasoning_token",
    "output_cost_per_image_token",
    "input_cost_per_token_above_128k_tokens",
    "input_cost_per_second",
    "regional_processing_uplift_multiplier_eu",
]
NEW = ["generic_cost", "token_type_costs", "token_cost", "built_in_tools"]
DETAILS = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["cached_tokens", "cached_tokens", "audio_tokens", "text_tokens", "more"]),
        COUNTS,
    ),
    st.fixed_dictionaries({"cached_tokens": st.integers(0, 50)}),
)
OUTPUT = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["reasoning_tokens", "text_tokens", "audio_tokens", "more"]), COUNTS
    ),
    st.fixed_dictionaries(
        {"reasoning_tokens": st.integers(0, 9), "rejected_prediction_tokens": st.integers(0, 9)}
    ),
)
MORE = st.sampled_from(
    [
        {},
        {},
        {},
        {"cache_read_input_tokens": 5},
        {"cache_creation_input_tokens": 5},
        {"reasoning_tokens": 3},
        {"server_tool_use": {"web_search_requests": 2}},
        {"server_side_tool_usage_details": {"web_search_calls": 1}},
        {"inference_geo": "us"},
        {"cost": 0.5},
        {"service_tier": "priority"},
    ]
)


def breakdown(usage: Any, model: str, provider: Any, **more: Any) -> Any:
    return costs.get_token_type_cost_breakdown(model, provider, usage, **more)


def price(prompt: int, completion: int, details: Any, output: Any, more: Any, model: str) -> Any:
    """All that a call's usage comes to, again and again, with what may be said beside it."""
    results: list[Any] = []
    made = outcome(
        lambda: Usage(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=prompt + completion,
            prompt_tokens_details=details,
            completion_tokens_details=output,
            **more,
        )
    )
    if isinstance(made, tuple):
        return made
    for said in ({}, {}, {"service_tier": "priority"}, {"data_residency": "eu"}):
        for provider in ("openai", "fireworks_ai"):
            results.append(outcome(breakdown, made, model, provider, **said))
            results.append(outcome(costs.generic_cost_per_token, model, made, provider, **said))
        for name in (model, "openai/openai/" + model, "x/" + model):
            results.append(
                outcome(
                    litellm.cost_per_token,
                    model=name,
                    custom_llm_provider="openai",
                    prompt_tokens=prompt,
                    completion_tokens=completion,
                    usage_object=made,
                    response_time_ms=1500.0,
                    **said,
                )
            )
    return repr(results)


@settings(max_examples=MANY // 3)
@given(
    st.dictionaries(st.sampled_from(PRICED), RATES),
    st.integers(0, 200_000),
    st.integers(0, 300),
    DETAILS,
    OUTPUT,
    MORE,
    st.sampled_from([None, None, OFF]),
    st.sampled_from([None, None, TIERS]),
    st.dictionaries(st.sampled_from(PRICED), RATES, max_size=2),
)
def test_prices(
    rates: Any,
    prompt: int,
    completion: int,
    details: Any,
    output: Any,
    more: Any,
    off: Any,
    tiers: Any,
    change: Any,
) -> None:
    """Costs by any rates, and by others put into model_cost, and into the cached info, in place."""

    def prices() -> Any:
        entry = {"litellm_provider": "openai", "mode": "chat", **rates}
        entry.update(off_peak_pricing=off, tiered_pricing=tiers)
        litellm.model_cost["made"] = entry
        litellm.utils._invalidate_model_cost_lowercase_map()
        results = [price(prompt, completion, details, output, more, "made")]
        entry.update(change)
        results.append(price(prompt, completion, details, output, more, "made"))
        litellm.utils._invalidate_model_cost_lowercase_map()
        results.append(price(prompt, completion, details, output, more, "made"))
        found = outcome(litellm.get_model_info, "made", "openai")
        if isinstance(found, dict):
            found.update({name: value for name, value in change.items() if value is not None})
        results.append(price(prompt, completion, details, output, more, "made"))
        return results

    ours = prices()
    with originals():
        theirs = prices()
    assert ours == theirs


def answer(**more: Any) -> Any:
    usage = Usage(
        prompt_tokens=30,
        completion_tokens=40,
        total_tokens=70,
        prompt_tokens_details={"cached_tokens": 20, "audio_tokens": 0},
        completion_tokens_details={"reasoning_tokens": 9, "audio_tokens": 0},
    )
    message = litellm.Message(content="x", role="assistant")
    for name, value in more.items():
        setattr(message, name, value)
    return litellm.ModelResponse(
        model=MODEL, usage=usage, choices=[litellm.Choices(message=message, index=0)]
    )


def test_prices_are_served() -> None:
    for _ in range(2):
        before = [served(f"litellm.{name}") for name in NEW]
        found = litellm.completion_cost(answer(), custom_llm_provider="openai")
        usage = answer().usage
        assert costs.get_token_type_cost_breakdown("openai/" + MODEL, "openai", usage).rates
        after = [served(f"litellm.{name}") for name in NEW]
        assert found > 0
    assert all(new > old for new, old in zip(after, before, strict=True)), (before, after)


CITED = [{"type": "url_citation", "url_citation": {"url": "u"}}]
FILED = [{"type": "file_citation"}]


TOOLS: list[Any] = [
    None,
    {},
    {"web_search_options": {"search_context_size": "low"}},
    {"code_interpreter_sessions": 3},
]
USED: list[Any] = [
    None,
    {},
    {"prompt_tokens_details": {"web_search_requests": 2}},
    {"prompt_tokens_details": {"google_maps_grounding_requests": 2}},
    {"server_tool_use": {"web_search_requests": 2}},
    {"server_side_tool_usage_details": {"web_search_calls": 1}},
]


@pytest.mark.parametrize(
    "annotations", [None, [], CITED, FILED], ids=["none", "empty", "url", "file"]
)
def test_tools(annotations: Any) -> None:
    from litellm.litellm_core_utils.llm_cost_calc import tool_call_cost_tracking as tracking

    def priced(usage: Any, provider: Any, tools: Any) -> Any:
        cost = tracking.StandardBuiltInToolCostTracking.get_cost_for_built_in_tools
        made = None if usage is None else Usage(prompt_tokens=3, completion_tokens=4, **usage)
        responses = [
            answer(annotations=annotations),
            answer(annotations=annotations).model_dump(),
            litellm.ModelResponse(choices=[]),
            None,
        ]
        return [outcome(cost, MODEL, each, made, provider, tools) for each in responses]

    for usage, provider, tools in product(USED, ["openai", "azure", "gemini", None], TOOLS):
        before = served("litellm.built_in_tools")
        ours = priced(usage, provider, tools)
        if not annotations and usage in (None, {}) and provider != "azure":
            assert served("litellm.built_in_tools") == before + 2
        with originals():
            assert repr(ours) == repr(priced(usage, provider, tools))


def standing() -> dict[str, Any]:
    """Functions that somebody may replace, of those that the costs' patches lean on: owner and name by path."""
    found = {}
    for entry in _registry.entries():
        if entry.patch.name.partition(".")[2] in (*NEW, "model_info", "token_base_cost"):
            for path in entry.patch.also:
                module, _, qualname = path.partition(":")
                outer, _, name = qualname.rpartition(".")
                owner = _registry.resolve(f"{module}:{outer}") if outer else sys.modules[module]
                if isinstance(_registry.resolve(path), FunctionType):
                    found[path] = owner, name
    return found


def test_what_was_replaced_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mock of what a patch leans on is called as by the original, and no more once it is gone."""

    def priced() -> list[Any]:
        litellm.utils._cached_get_model_info.cache_clear()
        litellm.utils.cached_get_model_info_helper.cache_clear()
        found: list[Any] = []
        for _ in range(3):
            usage = answer().usage
            found += (
                litellm.completion_cost(answer(), custom_llm_provider="openai"),
                litellm.cost_per_token("openai/" + MODEL, usage_object=usage),
                costs.get_token_type_cost_breakdown("openai/" + MODEL, "openai", usage),
            )
        return found

    def mocked(owner: Any, name: str) -> Any:
        raw = vars(owner)[name]
        function, called = getattr(raw, "__func__", raw), 0

        def mock(*arguments: Any, **named: Any) -> Any:
            nonlocal called
            called += 1
            return function(*arguments, **named)

        with monkeypatch.context() as patching:
            patching.setattr(owner, name, type(raw)(mock) if raw is not function else mock)
            return priced(), bool(called)

    places = standing()
    assert len(places) > 30
    plain = priced()
    ours = {path: mocked(*place) for path, place in places.items()}
    before = [served(f"litellm.{each}") for each in NEW]
    assert priced() == plain
    assert all(map(operator.lt, before, [served(f"litellm.{each}") for each in NEW]))
    with originals():
        assert priced() == plain
        assert ours == {path: mocked(*place) for path, place in places.items()}
    assert sum(called for _, called in ours.values()) > 20


def test_an_odd_text_is_logged_each_time(caplog: pytest.LogCaptureFixture) -> None:
    usage = Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
    info: Any = {"input_cost_per_token": "much", "output_cost_per_token": "3e-7"}

    def told() -> Any:
        caplog.clear()
        found = [outcome(costs._get_token_base_cost, info, usage) for _ in range(3)]
        return found, [record.getMessage() for record in caplog.records]

    ours = told()
    with originals():
        assert ours == told()
    assert len(ours[1]) == 3
