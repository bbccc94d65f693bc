"""What LiteLLM asks about a model's provider in each call, where the answer is plain."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, FrozenSet, Optional, Set, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST = 512


def make_bridge_check(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of responses_api_bridge_check and its switch.

    Without tools, web search and reasoning the answer is the model's info; a base URL is parsed once, since that may raise an error.
    """
    serving = Serving("litellm.bridge_check")
    names = original.__globals__
    parsed: Set[str] = set()

    def responses_api_bridge_check(
        model: Any,
        custom_llm_provider: Any,
        web_search_options: Any = None,
        tools: Any = None,
        reasoning_effort: Any = None,
        reasoning_summary: Any = None,
        api_base: Any = None,
    ) -> Any:
        if not (
            (serving.live or serving)
            and custom_llm_provider == "openai"
            and type(model) is str
            and web_search_options is None
            and not tools
            and reasoning_effort is None
            and reasoning_summary is None
            and not model.startswith("responses/")
            and not names["litellm"].route_all_chat_openai_to_responses
            and not names["verbose_logger"].isEnabledFor(logging.DEBUG)
        ):
            replacement.declined += 1
            return original(
                model,
                custom_llm_provider,
                web_search_options,
                tools,
                reasoning_effort,
                reasoning_summary,
                api_base,
            )
        replacement.served += 1
        try:
            info = names["get_model_info_helper"](
                model=model, custom_llm_provider=custom_llm_provider
            )
        except Exception:
            info = {}
        base = names["_resolve_openai_api_base"](api_base).strip()
        if base and base not in parsed:
            names["_is_openai_backed_api_base"](base)
            if len(parsed) < _MOST:
                parsed.add(base)
        return info, model

    replacement: Any = responses_api_bridge_check
    return finish(replacement, serving)


_NUMBERS = frozenset((int, float, type(None)))
#: Fields that are read or looked at further, or whose validators do more than look at a type.
_READ = frozenset(
    ("vertex_location", "vertex_project", "provider_affinity_header", "drop_params", "model")
)


def _plain_fields(kind: Any) -> Dict[str, FrozenSet[type]]:
    """The types of a model's fields which it takes as they are, for the fields of which nothing else is asked."""
    found: Dict[str, FrozenSet[type]] = {}
    for name, field in kind.model_fields.items():
        for plain in (dict, bool, str):
            if field.annotation == Optional[plain] and not field.metadata and name not in _READ:
                found[name] = frozenset((plain, type(None)))
    return found


def make_api_base(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of get_api_base and its switch.

    The original makes a pydantic model of all that a call was given, to read four of its fields.
    """
    serving = Serving("litellm.api_base")
    names = original.__globals__
    fields: Any = None
    plain: Any = None

    def is_valid(given: Any) -> bool:
        """Whether the model takes each field's value, and as it is."""
        nonlocal fields, plain
        if fields is None:
            plain = _plain_fields(names["LiteLLM_Params"])
            fields = frozenset(names["LiteLLM_Params"].model_fields)
        for name in fields.intersection(given):
            kind = type(given[name])
            if kind is str and not given[name].isascii():  # (surrogates are no text to pydantic)
                return False
            if name == "model":
                if kind is not str:
                    return False
            elif name == "max_retries":
                if kind is not int and given[name] is not None:
                    return False
            elif name == "timeout":
                if kind not in _NUMBERS:
                    return False
            elif name not in plain or kind not in plain[name]:
                return False
        return True

    def get_api_base(model: Any, optional_params: Any) -> Any:
        if not (
            (serving.live or serving)
            and type(optional_params) is dict
            and type(model) is str
            and is_valid(optional_params)
        ):
            replacement.declined += 1
            return original(model, optional_params)
        replacement.served += 1
        get = optional_params.get
        if get("api_base") is not None:
            return get("api_base")
        alias = get("base_url")
        if isinstance(alias, str) and alias:
            return alias
        aliases = names["litellm"].model_alias_map
        if aliases and model in aliases:
            model = aliases[model]
        provider = get("custom_llm_provider")
        declared = names["declared_authenticating_provider"](model, provider)
        if declared is not None:
            return names["_api_base_without_login"](declared)
        try:
            model, provider, _, base = names["get_llm_provider"](
                model=model, custom_llm_provider=provider, api_base=None, api_key=get("api_key")
            )
        except Exception as error:
            names["verbose_logger"].debug("Error occurred in getting api base - %s", error)
            provider = base = None
        if base is not None:
            return base
        return names["_provider_default_api_base"](model, provider, False)

    replacement: Any = get_api_base
    return finish(replacement, serving)


def make_gpt_config(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of OpenAIGPTConfig.__init__ and its switch.

    The original writes into its class each time, which has Python forget what it knew of the class's attributes; here it does so where
    it changes something.
    """
    serving = Serving("litellm.gpt_config")

    def __init__(
        self: Any,
        frequency_penalty: Any = None,
        function_call: Any = None,
        functions: Any = None,
        logit_bias: Any = None,
        max_tokens: Any = None,
        n: Any = None,
        presence_penalty: Any = None,
        stop: Any = None,
        temperature: Any = None,
        top_p: Any = None,
        response_format: Any = None,
    ) -> None:
        given = (
            frequency_penalty,
            function_call,
            functions,
            logit_bias,
            max_tokens,
            n,
            presence_penalty,
            stop,
            temperature,
            top_p,
            response_format,
        )
        if (serving.live or serving) and given == _NOTHING:
            kind = self.__class__
            if vars(kind).get("_is_base_class") is not False:
                kind._is_base_class = False
            replacement.served += 1
            return
        replacement.declined += 1
        original(self, *given)

    replacement: Any = __init__
    return finish(replacement, serving)


_NOTHING = (None,) * 11
