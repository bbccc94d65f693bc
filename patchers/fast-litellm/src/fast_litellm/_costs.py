"""What LiteLLM looks up of a model for each call, again and again: its entry in ``model_cost``, its rates, and counts of tokens.

``litellm.model_cost`` is a plain dict that anyone may change in place, so nothing is kept on trust. A model's info is kept with a
deep copy of the entry it was made of and the names that were tried before; it serves while the entry is equal to
that copy, those names are still not there and LiteLLM's own map of lower-case names is the same object. Rates are kept with a copy of the
info they were read from. To compare two equal dicts costs a microsecond; to read a model's 190 fields anew, thirty.
"""

from __future__ import annotations

import copy
import logging
from typing import Any, Callable, Dict, List, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST = 1024
_PLAIN = frozenset((str, int, float, bool, type(None)))


class _Known:
    """A model's info, and what it was made of."""

    __slots__ = ("before", "copied", "filling", "generation", "info", "key", "kept", "lower")

    def __init__(self, key: str, before: List[str], entry: Dict[str, Any]) -> None:
        self.key = key  # in model_cost
        self.before = before  # names that are not there
        self.copied = copy.deepcopy(entry)
        # what is handed out of an entry is its very lists
        self.kept = [(name, each) for name, each in entry.items() if type(each) not in _PLAIN]
        self.lower: Any = None
        self.filling: Any = None
        self.generation: Any = None
        self.info: Dict[str, Any] = {}


def make_model_info(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of get_model_info_helper and its switch."""
    serving = Serving("litellm.model_info")
    names = original.__globals__
    litellm: Any = names["litellm"]
    known: Dict[str, _Known] = {}
    rules: Any = None

    def holds(found: _Known) -> bool:
        costs = litellm.model_cost
        if (
            costs.get(found.key) != found.copied
            or names["_model_cost_mutation_generation"] != found.generation
            or names["_model_cost_lowercase_map"] is not found.lower
            or rules.fill_missing_rules is not found.filling
        ):
            return False
        for name in found.before:
            if name in costs:
                return False
        entry = costs[found.key]
        return all(entry[name] is each for name, each in found.kept)

    def learn(model: str, info: Any) -> None:
        """Keep what the original said, if it went the plain way."""
        nonlocal rules
        if rules is None:
            from litellm.litellm_core_utils import fallback_generalizations

            rules = fallback_generalizations._registry
        config = litellm.OpenAIGPTConfig
        tried = names["get_potential_model_names"](model=model, custom_llm_provider="openai")
        order = [
            tried["combined_model_name"],
            model,
            tried["region_free_combined_model_name"],
            tried["split_model"],
            tried["combined_stripped_model_name"],
            tried["stripped_model_name"],
            tried["provider_prefixed_model_name"],
        ]
        costs = litellm.model_cost
        key = info.get("key") if type(info) is dict else None
        if type(costs) is not dict or key not in order or hasattr(config, "get_model_info"):
            return
        before = order[: order.index(key)]
        lower = names["_model_cost_lowercase_map"]
        entry = costs.get(key)
        if (
            type(entry) is not dict
            or entry.get("litellm_provider") not in (None, "openai")
            or any(name in costs for name in before)
            or (before and (lower is None or any(name.lower() in lower for name in before)))
            or rules.match_fill_missing(key, entry.get("litellm_provider", "")) is not None
        ):
            return
        found = _Known(str(key), before, entry)
        found.lower, found.filling, found.info = lower, rules.fill_missing_rules, dict(info)
        found.generation = names["_model_cost_mutation_generation"]
        if len(known) >= _MOST:
            known.clear()
        known[model] = found

    def get_model_info_helper(
        model: Any,
        custom_llm_provider: Any = None,
        api_base: Any = None,
        api_key: Any = None,
    ) -> Any:
        if not (serving.live or serving):
            return original(model, custom_llm_provider, api_base, api_key)
        plain = (
            custom_llm_provider == "openai"
            and type(model) is str
            and model not in litellm.azure_llms
            and model not in litellm.azure_embedding_models
            and not names["verbose_logger"].isEnabledFor(logging.DEBUG)
            and serving.holds()
        )
        found = known.get(model) if plain else None
        if found is not None and holds(found):
            replacement.served += 1
            return dict(found.info)
        replacement.declined += 1
        info = original(model, custom_llm_provider, api_base, api_key)
        if plain:
            learn(model, info)
        return info

    replacement: Any = get_model_info_helper
    return finish(replacement, serving)


def is_flat(info: Dict[str, Any]) -> bool:
    """Whether a model's rates are the same at each hour and for each number of tokens, and numbers: an odd text is logged each time."""
    return (
        info.get("tiered_pricing") is None
        and info.get("off_peak_pricing") is None
        and all(
            value is None
            for key, value in info.items()
            if type(key) is not str
            or key.startswith("input_cost_per_token_above_")
            or (type(value) is str and "cost" in key)
        )
    )


def make_token_base_cost(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _get_token_base_cost and its switch: a model's rates where no tier, hour or number of tokens counts."""
    serving = Serving("litellm.token_base_cost")
    known: Dict[int, Tuple[Any, Dict[str, Any], Any]] = {}  # by the info's id, which is kept

    def _get_token_base_cost(
        model_info: Any,
        usage: Any,
        service_tier: Any = None,
        current_time: Any = None,
        *,
        threshold_is_inclusive: Any = False,
    ) -> Any:
        if (
            (serving.live or serving)
            and serving.holds()
            and service_tier is None
            and type(model_info) is dict
        ):
            found = known.get(id(model_info))
            if found is not None and found[1] == model_info:
                replacement.served += 1
                return found[2]
            replacement.declined += 1
            rates = original(
                model_info, usage, None, current_time, threshold_is_inclusive=threshold_is_inclusive
            )
            if is_flat(model_info):
                if len(known) >= _MOST:
                    known.clear()
                known[id(model_info)] = model_info, dict(model_info), rates
            return rates
        replacement.declined += 1
        return original(
            model_info,
            usage,
            service_tier,
            current_time,
            threshold_is_inclusive=threshold_is_inclusive,
        )

    replacement: Any = _get_token_base_cost
    return finish(replacement, serving)


def make_prompt_details(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of parse_prompt_tokens_details and its switch.

    pydantic makes an AttributeError for each of the counts that a provider does not report. Here the model's own dict is asked.
    """
    serving = Serving("litellm.prompt_details")
    names = original.__globals__
    plain: Any = None

    def parse_prompt_tokens_details(usage: Any) -> Any:
        nonlocal plain
        details = usage.prompt_tokens_details
        if (serving.live or serving) and serving.holds():
            if plain is None:
                from litellm.types.utils import PromptTokensDetailsWrapper

                plain = PromptTokensDetailsWrapper
            if type(details) is plain and not details.__pydantic_extra__:
                get = details.__dict__.get
                if get("cached_tokens_details") is None:
                    replacement.served += 1
                    return _details(get, names["_coerce_token_count"])
        replacement.declined += 1
        return original(usage)

    replacement: Any = parse_prompt_tokens_details
    return finish(replacement, serving)


def _details(get: Callable[..., Any], count: Callable[[Any], int]) -> Dict[str, Any]:
    hits = get("cached_tokens", 0) or 0
    created = get("cache_write_tokens", 0) or get("cache_creation_tokens", 0) or 0
    audio = min(0, hits)
    text = min(0, hits - audio)
    image = min(0, hits - audio - text)
    return {
        "cache_hit_tokens": hits,
        "cache_hit_audio_tokens": audio,
        "cache_creation_tokens": created,
        "cache_creation_token_details": get("cache_creation_token_details") or None,
        "text_tokens": max((get("text_tokens") or 0) - text, 0),
        "audio_tokens": max((get("audio_tokens", 0) or 0) - audio, 0),
        "image_tokens": max((get("image_tokens", 0) or 0) - image, 0),
        "video_tokens": count(get("video_tokens", 0)),
        "character_count": get("character_count", 0) or 0,
        "image_count": get("image_count", 0) or 0,
        "video_length_seconds": float(get("video_length_seconds", 0) or 0.0),
        "audio_length_seconds": float(get("audio_length_seconds", 0) or 0.0),
        "query_count": count(get("query_count", 0)),
    }
