"""What a call cost, where its usage is plain: prompt, cached, completion and reasoning tokens of a model with one rate for each.

LiteLLM asks pydantic models for counts that they do not have, which raises an AttributeError each time, and works out the same rates twice.
Here the models' own dicts are asked. Rates are kept with a copy of the info they were read from, and serve while the info is equal to it.
What is multiplied and added, and in which order, is the original's; whatever else a usage or an info has goes to the original.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._costs import is_flat

_MOST = 1024
_LARGE = 1 << 53
_BY_TOKENS = frozenset(
    ("completion", "acompletion", "text_completion", "atext_completion", "embedding", "aembedding")
)
_FREE = frozenset(("accepted_prediction_tokens", "rejected_prediction_tokens"))  # nobody bills them
_Counts = Tuple[int, int, int, int]


def _only(model: Any, kind: str, name: str) -> int:
    """The one count that details have; -1 where they have others."""
    if type(model) is not getattr(sys.modules["litellm.types.utils"], kind):
        return -1
    if model.__pydantic_extra__:
        return -1
    found = 0
    for field, value in model.__dict__.items():
        if value is None or field in _FREE:
            continue
        if type(value) is not int or not 0 <= value < _LARGE:
            return -1
        if value:
            if field != name:
                return -1
            found = value
    return found


def _counts(usage: Any) -> Optional[_Counts]:
    """The tokens of the prompt, of its cached part, of the completion and of its reasoning; None where the usage has more than these."""
    if type(usage) is not sys.modules["litellm.types.utils"].Usage or usage.__pydantic_extra__:
        return None
    private = usage.__pydantic_private__
    if type(private) is not dict or any(private.values()):
        return None
    fields = usage.__dict__
    try:
        prompt, completion = fields["prompt_tokens"], fields["completion_tokens"]
        details, output = fields["prompt_tokens_details"], fields["completion_tokens_details"]
    except KeyError:
        return None
    if type(prompt) is not int or type(completion) is not int:
        return None
    if not 0 <= prompt < _LARGE or not 0 <= completion < _LARGE:
        return None
    cached = reasoning = 0
    if details is not None:
        cached = _only(details, "PromptTokensDetailsWrapper", "cached_tokens")
    if output is not None:
        reasoning = _only(output, "CompletionTokensDetailsWrapper", "reasoning_tokens")
    if cached < 0 or reasoning < 0 or cached > prompt:
        return None
    return prompt, cached, completion, reasoning


class _Rates:
    """The rates of a model, by its info's id, which is kept."""

    __slots__ = ("_known", "_names")

    def __init__(self, names: Dict[str, Any]) -> None:
        self._names = names
        self._known: Dict[int, Tuple[Any, Dict[str, Any], Any]] = {}

    def of(self, info: Any) -> Any:
        """A BilledTokenRates, or None."""
        found = self._known.get(id(info))
        return found[2] if found is not None and found[1] == info else None

    def learn(self, info: Any, usage: Any) -> None:
        """Keep the original's rates, if they follow from the info alone."""
        if type(info) is not dict or not is_flat(info):
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        rates = self._names["_cost_map_billed_rates"](
            model_info=info,
            usage=usage,
            custom_llm_provider=None,
            service_tier=None,
            data_residency=None,
            vertex_location=None,
            current_time=None,
        )
        self._known[id(info)] = info, dict(info), rates


def make_generic_cost(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of generic_cost_per_token and its switch."""
    serving = Serving("litellm.generic_cost")
    names = original.__globals__
    known = _Rates(names)

    def generic_cost_per_token(
        model: Any,
        usage: Any,
        custom_llm_provider: Any,
        service_tier: Any = None,
        data_residency: Any = None,
        model_info: Any = None,
        vertex_location: Any = None,
        current_time: Any = None,
    ) -> Any:
        counts = (
            _counts(usage)
            if serving
            and serving.holds()
            and service_tier is None
            and data_residency is None
            and model_info is None
            and vertex_location is None
            and type(custom_llm_provider) is str
            and custom_llm_provider != "fireworks_ai"  # has a rate of its own for cached tokens
            else None
        )
        if counts is None:
            replacement.declined += 1
            return original(
                model,
                usage,
                custom_llm_provider,
                service_tier,
                data_residency,
                model_info,
                vertex_location,
                current_time,
            )
        info = names["get_model_info"](model=model, custom_llm_provider=custom_llm_provider)
        rates = known.of(info)
        if rates is None:
            replacement.declined += 1
            costs = original(
                model, usage, custom_llm_provider, None, None, info, None, current_time
            )
            known.learn(info, usage)
            return costs
        replacement.served += 1
        prompt, cached, completion, reasoning = counts
        input_cost = float(prompt - cached) * rates.input_cost_per_token
        input_cost += float(cached) * rates.cache_read_input_token_cost
        input_cost += 0.0 * rates.cache_read_input_audio_token_cost
        if reasoning:
            output_cost = float(max(0, completion - reasoning)) * rates.output_cost_per_token
            output_cost += float(reasoning) * rates.output_cost_per_reasoning_token
        else:
            output_cost = float(completion) * rates.output_cost_per_token
        return input_cost, output_cost

    replacement: Any = generic_cost_per_token
    return finish(replacement, serving)


def make_token_type_costs(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of get_token_type_cost_breakdown and its switch."""
    serving = Serving("litellm.token_type_costs")
    names = original.__globals__
    known = _Rates(names)

    def get_token_type_cost_breakdown(
        model: Any,
        custom_llm_provider: Any,
        usage: Any,
        service_tier: Any = None,
        data_residency: Any = None,
        vertex_location: Any = None,
        current_time: Any = None,
        custom_cost_per_token: Any = None,
    ) -> Any:
        counts = (
            _counts(usage)
            if serving
            and serving.holds()
            and service_tier is None
            and data_residency is None
            and vertex_location is None
            and custom_cost_per_token is None
            and (custom_llm_provider is None or type(custom_llm_provider) is str)
            and custom_llm_provider != "fireworks_ai"
            else None
        )
        info = None
        if counts is not None:
            try:
                info = names["get_model_info"](model=model, custom_llm_provider=custom_llm_provider)
            except Exception:
                replacement.served += 1
                return names["TokenTypeCostBreakdown"](0.0, 0.0, 0.0)
            rates = known.of(info)
            if rates is not None:
                replacement.served += 1
                return names["TokenTypeCostBreakdown"](
                    reasoning_cost=float(counts[3]) * rates.output_cost_per_reasoning_token,
                    cache_read_cost=(
                        float(counts[1]) * rates.cache_read_input_token_cost
                        + 0.0 * rates.cache_read_input_audio_token_cost
                    ),
                    cache_creation_cost=0.0 + 0 * rates.cache_creation_input_token_cost,
                    rates=rates,
                )
        replacement.declined += 1
        found = original(
            model,
            custom_llm_provider,
            usage,
            service_tier,
            data_residency,
            vertex_location,
            current_time,
            custom_cost_per_token,
        )
        if info is not None:
            known.learn(info, usage)
        return found

    replacement: Any = get_token_type_cost_breakdown
    return finish(replacement, serving)


def make_token_cost(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of cost_per_token and its switch: the way to OpenAI's own function for it."""
    serving = Serving("litellm.token_cost")
    names = original.__globals__

    def cost_per_token(
        model: Any = "",
        prompt_tokens: Any = 0,
        completion_tokens: Any = 0,
        response_time_ms: Any = 0.0,
        custom_llm_provider: Any = None,
        region_name: Any = None,
        prompt_characters: Any = None,
        completion_characters: Any = None,
        cache_creation_input_tokens: Any = 0,
        cache_read_input_tokens: Any = 0,
        custom_cost_per_token: Any = None,
        custom_cost_per_second: Any = None,
        number_of_queries: Any = None,
        usage_object: Any = None,
        rerank_billed_units: Any = None,
        call_type: Any = "completion",
        audio_transcription_file_duration: Any = 0.0,
        service_tier: Any = None,
        data_residency: Any = None,
        vertex_location: Any = None,
        response: Any = None,
        request_model: Any = None,
        custom_model_info: Any = None,
    ) -> Any:
        if (
            serving
            and serving.holds()
            and type(model) is str
            and type(custom_llm_provider) is str
            and custom_llm_provider == "openai"
            and not model.startswith("openai/openai/")
            and region_name is None
            and custom_cost_per_token is None
            and custom_cost_per_second is None
            and type(call_type) is str
            and call_type in _BY_TOKENS
            and _is_count(prompt_tokens)
            and (cache_creation_input_tokens is None or _is_count(cache_creation_input_tokens))
            and (cache_read_input_tokens is None or _is_count(cache_read_input_tokens))
            and _counts(usage_object) is not None
        ):
            costs = names["litellm"].model_cost
            wanted = model
            full = model if model.startswith("openai/") else "openai/" + model
            if full in costs:
                wanted = full
            elif model not in costs:
                rest = model.partition("/")[2] if "/" in model else model
                if rest in costs:
                    wanted = rest
            try:
                info = names["cached_get_model_info_helper"](
                    model=wanted, custom_llm_provider=custom_llm_provider
                )
            except Exception:
                info = None  # no price a second
            if info is None or names["_has_token_or_tiered_pricing"](info):
                replacement.served += 1
                return names["openai_cost_per_token"](
                    model=wanted,
                    usage=usage_object,
                    service_tier=service_tier,
                    data_residency=data_residency,
                )
        replacement.declined += 1
        return original(
            model,
            prompt_tokens,
            completion_tokens,
            response_time_ms,
            custom_llm_provider,
            region_name,
            prompt_characters,
            completion_characters,
            cache_creation_input_tokens,
            cache_read_input_tokens,
            custom_cost_per_token,
            custom_cost_per_second,
            number_of_queries,
            usage_object,
            rerank_billed_units,
            call_type,
            audio_transcription_file_duration,
            service_tier,
            data_residency,
            vertex_location,
            response,
            request_model,
            custom_model_info,
        )

    replacement: Any = cost_per_token
    return finish(replacement, serving)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGE


def make_built_in_tools(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of get_cost_for_built_in_tools and its switch: nothing, where neither response nor usage tells of a tool."""
    serving = Serving("litellm.built_in_tools")
    names = original.__globals__

    def is_without(response: Any, usage: Any) -> bool:
        if type(response) is not names["ModelResponse"]:
            return False
        if usage is not None and _counts(usage) is None:
            return False
        if usage is not None and usage.__dict__.get("server_tool_use") is not None:
            return False
        choices = response.__dict__.get("choices")
        if type(choices) is not list:
            return False
        kind, message = sys.modules["litellm.types.utils"].Choices, names["Message"]
        for choice in choices:
            if type(choice) is not kind:
                return False
            said = choice.__dict__.get("message")
            if type(said) is not message:
                return False
            annotations = said.__dict__.get("annotations")
            if annotations is not None and (type(annotations) is not list or annotations):
                return False
            if said.__pydantic_extra__ and "annotations" in said.__pydantic_extra__:
                return False
        return True

    def get_cost_for_built_in_tools(
        model: Any,
        response_object: Any,
        usage: Any = None,
        custom_llm_provider: Any = None,
        standard_built_in_tools_params: Any = None,
    ) -> Any:
        if (
            serving
            and serving.holds()
            and (custom_llm_provider is None or type(custom_llm_provider) is str)
            and custom_llm_provider != "azure"
            and (
                standard_built_in_tools_params is None
                or type(standard_built_in_tools_params) is dict
            )
            and is_without(response_object, usage)
        ):
            replacement.served += 1
            return 0.0
        replacement.declined += 1
        return original(
            model, response_object, usage, custom_llm_provider, standard_built_in_tools_params
        )

    replacement: Any = get_cost_for_built_in_tools
    return finish(replacement, serving)
