"""Small questions that LiteLLM asks anew in each call, where the answer is the last one's or is plain."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Dict, List, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST = 512


class _Answers:
    """What was found out with a list, as long as the list is equal."""

    def __init__(self, ask: Callable[[List[Any], str], bool]) -> None:
        self._ask = ask
        self._known: Tuple[List[Any], Dict[str, bool]] = ([], {})

    def get(self, values: Any, text: str) -> bool:
        """The answer about a text."""
        known, answers = self._known
        if (
            values != known
        ):  # (the elements are the same objects as a rule, which costs next to nothing)
            known, answers = self._known = (list(values), {})
        found = answers.get(text)
        if found is None:
            found = self._ask(known, text)
            if len(answers) < _MOST:
                answers[text] = found
        return found


#: Where get_llm_provider looks for a model's name without a provider.
_OF_MODELS = (
    "open_ai_chat_completion_models openai_image_generation_models openai_video_generation_models"
    " open_ai_text_completion_models anthropic_models cohere_models cohere_embedding_models cohere_chat_models"
    " replicate_models openrouter_models maritalk_models vertex_chat_models vertex_code_chat_models"
    " vertex_text_models vertex_code_text_models vertex_language_models vertex_embedding_models"
    " vertex_vision_models vertex_ai_image_models vertex_ai_video_models ai21_chat_models ai21_models"
    " aleph_alpha_models baseten_models nlp_cloud_models petals_models bedrock_models bedrock_embedding_models"
    " bedrock_converse_models watsonx_models open_ai_embedding_models empower_models gradient_ai_models"
).split()
_KNOWN_BY_START = ("gpt-image", "amazon_nova")
_UNKNOWN = (
    "LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model={}\n"
    " Pass model as E.g. For 'Huggingface' inference endpoints pass in"
    " `completion(model='huggingface/starcoder',..)` Learn more: https://docs.litellm.ai/docs/providers"
)


def make_provider(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of get_llm_provider and its switch: for openai's models, by their names or by the provider's, and for names that are no model's."""
    serving = Serving("litellm.provider")
    names = original.__globals__
    variables = vars(names["litellm"])
    asks: Any = None  # what the original asks for a proxy
    providers = _Answers(lambda values, text: text in values)

    def is_elsewhere(endpoints: List[Any], base: str) -> bool:
        """Whether a base URL is none of the endpoints' (an error is the original's to raise)."""
        try:
            return not any(names["_endpoint_matches_api_base"](each, base) for each in endpoints)
        except Exception:
            return False

    bases = _Answers(is_elsewhere)

    def is_direct() -> bool:
        """Whether no proxy of LiteLLM's is asked for, and nothing but the environment would be asked about it."""
        nonlocal asks
        kind = variables.get("LiteLLMProxyChatConfig")  # (imported by the first call)
        if kind is None:
            return False
        asked = vars(kind).get("should_use_litellm_proxy_by_default")
        if asks is None:
            asks = asked
        return (
            asked is asks
            and variables.get("use_litellm_proxy", True) is not True
            and variables.get("secret_manager_client", True) is None
            and "USE_LITELLM_PROXY" not in os.environ
        )

    def is_known(model: str) -> bool:
        """Whether the original may find a model among LiteLLM's own, or prints that it does not."""
        if (
            model == "*"
            or ":" in model
            or model.startswith(_KNOWN_BY_START)
            or variables.get("suppress_debug_info") is False
        ):
            return True
        for name in _OF_MODELS:
            models = variables.get(name)
            if (type(models) is not set and type(models) is not list) or model in models:
                return True
        return bool(names["match_routing_generalization"](model))

    def parameters() -> Tuple[Any, ...]:
        """The classes of a Router's and of a call's validated parameters."""
        module = sys.modules.get("litellm.types.router")
        return getattr(module, "LiteLLM_Params", None), getattr(
            module, "GenericLiteLLMParams", None
        )

    def get_llm_provider(
        model: Any,
        custom_llm_provider: Any = None,
        api_base: Any = None,
        api_key: Any = None,
        litellm_params: Any = None,
    ) -> Any:
        named, base, key = custom_llm_provider, api_base, api_key
        if litellm_params is not None:  # (as the original takes them)
            if type(litellm_params) not in parameters() or litellm_params.use_litellm_proxy is True:
                replacement.declined += 1
                return original(model, named, base, key, litellm_params)
            if custom_llm_provider is None and api_base is None and api_key is None:
                custom_llm_provider = litellm_params.custom_llm_provider
                api_base, api_key = litellm_params.api_base, litellm_params.api_key
        if (
            (serving.live or serving)
            and type(model) is str
            and (api_base is None or type(api_base) is str)
            and (
                custom_llm_provider is None
                or (type(custom_llm_provider) is str and custom_llm_provider == "openai")
            )
            and is_direct()
            and type(variables.get("provider_list")) is list
            and type(variables.get("openai_compatible_endpoints")) is list
            and type(variables.get("model_list_set")) is set
            and type(variables.get("open_ai_chat_completion_models")) is set
        ):
            first, slash, rest = model.partition("/")
            if (
                first == "openai"
                if slash
                else (custom_llm_provider and model not in ("", "openai"))
            ):
                if (
                    "openai" not in names["JSONProviderRegistry"]._providers
                    and providers.get(variables["provider_list"], "openai")
                    and "openai" not in variables["model_list_set"]
                ):
                    replacement.served += 1
                    return rest if slash else model, "openai", api_key, api_base
            elif (
                not slash
                and not custom_llm_provider
                and model in variables["open_ai_chat_completion_models"]
                and not providers.get(variables["provider_list"], model)
                and (not api_base or bases.get(variables["openai_compatible_endpoints"], api_base))
            ):
                replacement.served += 1
                return model, "openai", None, api_base
            elif (
                not slash
                and not custom_llm_provider
                and litellm_params is None
                and not api_base
                and not is_known(model)
                and not providers.get(variables["provider_list"], model)
            ):
                replacement.served += 1
                raise variables["exceptions"].BadRequestError(
                    message=_UNKNOWN.format(model), model=model, response=None, llm_provider=""
                )
        replacement.declined += 1
        return original(model, named, base, key, litellm_params)

    replacement: Any = get_llm_provider
    return finish(replacement, serving)


def make_client_key(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of BaseOpenAILLM.get_openai_client_cache_key and its switch: one format for all fields."""
    serving = Serving("litellm.client_key")
    names = original.__globals__
    known: Tuple[Any, Tuple[str, ...], Callable[..., str]] = (None, (), "".format)

    def get_openai_client_cache_key(client_initialization_params: Any, client_type: Any) -> str:
        nonlocal known
        given = client_initialization_params
        if (serving.live or serving) and type(given) is dict:
            kind = names["BaseOpenAILLM"]
            fields = kind.get_openai_client_initialization_param_fields(client_type=client_type)
            last, every, template = known
            if fields is not last:
                every, template = _template(fields)
                known = (fields, every, template)
            if every:
                key = given.get("api_key")
                if key is not None:
                    key = names["hashlib"].sha256(key.encode()).hexdigest()
                replacement.served += 1
                return template(key, *map(given.get, every))
        replacement.declined += 1
        return original(  # type: ignore[no-any-return]
            client_initialization_params=client_initialization_params, client_type=client_type
        )

    replacement: Any = get_openai_client_cache_key
    return finish(replacement, serving)


_OWN = ("timeout", "max_retries", "organization", "api_base", "workload_identity_config")


def _template(fields: Any) -> Tuple[Tuple[str, ...], Callable[..., str]]:
    """The names of all fields and what makes a key of their values; no names where the fields are not plain."""
    if type(fields) is not tuple or not all(
        type(each) is str and each.isidentifier() for each in fields
    ):
        return (), "".format
    every = ("is_async", *fields, *_OWN)
    return every, ",".join("%s={}" % each for each in ("hashed_api_key", *every)).format


def make_hosted(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _targets_openai_hosted_endpoint and its switch: each base URL is parsed once."""
    serving = Serving("litellm.hosted")
    names = original.__globals__
    known: Dict[Any, bool] = {}

    def _targets_openai_hosted_endpoint(self: Any, custom_llm_provider: Any, api_base: Any) -> Any:
        if (serving.live or serving) and custom_llm_provider == "openai":
            getenv = names["os"].getenv
            base = (
                api_base
                or names["litellm"].api_base
                or getenv("OPENAI_BASE_URL")
                or getenv("OPENAI_API_BASE")
            )
            if type(base) is str or base is None:
                found = known.get(base) if base else True
                if found is None:
                    found = original(self, custom_llm_provider, base)
                    if len(known) < _MOST:
                        known[base] = found
                replacement.served += 1
                return found
        replacement.declined += 1
        return original(self, custom_llm_provider, api_base)

    replacement: Any = _targets_openai_hosted_endpoint
    return finish(replacement, serving)


def make_coroutine(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of check_coroutine and its switch: a response is none."""
    serving = Serving("litellm.coroutine")
    kind: Any = None

    def check_coroutine(value: Any) -> Any:
        nonlocal kind
        if serving.live or serving:
            if kind is None:
                kind = sys.modules["litellm.types.utils"].ModelResponse
            if (
                type(value) is kind
                and kind.__hash__ is None  # so that the original finds it in no cache
                and not callable(value)
                and "__call__" not in value.__dict__
                and "__call__" not in (value.__pydantic_extra__ or ())
            ):
                replacement.served += 1
                return False
        replacement.declined += 1
        return original(value)

    replacement: Any = check_coroutine
    return finish(replacement, serving)
