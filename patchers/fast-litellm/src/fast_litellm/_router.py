"""``Router._pre_call_checks`` and ``_deployment_max_input_tokens``: what they ask of a deployment's model is asked once for equal deployments.

The original asks, for each deployment, who its provider is (twice), copies what is known of its model to read one number of it, and
asks which parameters its provider knows. The answers follow from the model's name and few parameters more, so LiteLLM's own functions
are called once for each such set, in each call anew: there is nothing to invalidate. Between calls only validated parameters are kept,
and only as long as each of them is the very object that was validated; and which models' parameters were asked for before, without an
error, so that a call without ``response_format``, which needs no answer, asks no more. Tokens are counted where a prompt's length does
not say yet that it fits.

A deployment whose answer is an error or a log line, or may open a connection, is asked for as the original does.
"""

from __future__ import annotations

import logging
import sys
from operator import is_
from typing import Any, Callable, Dict, List, MutableMapping, Optional, Set, Tuple
from weakref import WeakKeyDictionary

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._router_limits import counting_class

#: With these in front of the model's name the provider does not follow from what api_base and api_key are, but whether they are there.
_BY_NAME = frozenset(
    (
        "anthropic",
        "azure",
        "bedrock",
        "cerebras",
        "cohere",
        "cohere_chat",
        "dashscope",
        "databricks",
        "deepinfra",
        "deepseek",
        "fireworks_ai",
        "gemini",
        "groq",
        "hosted_vllm",
        "huggingface",
        "lm_studio",
        "mistral",
        "moonshot",
        "nvidia_nim",
        "ollama",
        "openai",
        "openrouter",
        "perplexity",
        "replicate",
        "sagemaker",
        "text-completion-openai",
        "together_ai",
        "vertex_ai",
        "watsonx",
    )
)
#: Values that no one can change in place.
_SCALARS = frozenset((str, int, float, bool, type(None)))
_FLAGS = frozenset((bool, type(None)))
_UNKNOWN: Any = object()
#: In place of the number of tokens: of a prompt so short that it may be counted where it matters.
_SHORT: Any = object()
_SHORT_TOKENS = 16_384
#: Parts of a request, beside its messages, that have tokens.
_COUNTED = ("tools", "system", "instructions")
_ANY = 1 << 62
_MOST_TOLD = 10_000

Shape = Tuple[Any, ...]


class _Known:
    """A deployment's validated parameters, as long as ``fresh`` says so."""

    __slots__ = ("keys", "parameters", "shape", "validated", "values")

    def __init__(self, parameters: Dict[str, Any], validated: Any, shape: Optional[Shape]) -> None:
        self.parameters = parameters
        self.keys = list(parameters)
        self.values = list(parameters.values())
        self.validated = validated
        self.shape = shape

    def fresh(self, parameters: Dict[str, Any]) -> bool:
        """Say whether these are the parameters, unchanged."""
        return (
            self.parameters is parameters
            and len(parameters) == len(self.keys)
            and self.keys == list(parameters)
            and all(map(is_, self.values, parameters.values()))
        )


class _Models:
    """What is known of deployments' models."""

    def __init__(self, names: Dict[str, Any]) -> None:
        import litellm
        from litellm.caching.in_memory_cache import InMemoryCache
        from litellm.constants import PROVIDERS_THAT_AUTHENTICATE_ON_PROVIDER_INFO
        from litellm.litellm_core_utils import get_llm_provider_logic, get_supported_openai_params
        from litellm.types.router import LiteLLM_Params

        self.litellm: Any = litellm
        self.provider: Any = get_llm_provider_logic.get_llm_provider
        self.supported: Any = get_supported_openai_params.get_supported_openai_params
        utils: Any = sys.modules["litellm.utils"]
        self.info: Any = utils.get_model_info
        self.params: Any = LiteLLM_Params
        self.dual: Any = names["DualCache"]
        self.dual_get: Any = self.dual.get_cache
        self.memory: Any = InMemoryCache
        self.memory_get: Any = InMemoryCache.get_cache
        self.router: Any = names["Router"]
        self.router_info: Any = self.router.get_router_model_info
        self.discovered: Any = self.router.get_discovered_model_info
        self.count: Any = self.router._count_pre_call_check_tokens
        self.counter: Any = litellm.token_counter
        self.loggers: Any = (names["verbose_router_logger"], utils.verbose_logger)
        self.unasked: Any = PROVIDERS_THAT_AUTHENTICATE_ON_PROVIDER_INFO
        self._known: MutableMapping[Any, Dict[int, _Known]] = WeakKeyDictionary()
        #: Shapes and models whose parameters were told without an error.
        self.told: Set[Any] = set()

    def fit(self, router: Any) -> bool:
        """Say whether LiteLLM's own functions would be asked, and no debug line would tell of it."""
        litellm, own = self.litellm, vars(router)
        kind = type(router)
        return (
            litellm.get_llm_provider is self.provider
            and litellm.get_model_info is self.info
            and litellm.get_supported_openai_params is self.supported
            and kind.get_router_model_info is self.router_info
            and kind.get_discovered_model_info is self.discovered
            and "get_router_model_info" not in own
            and "get_discovered_model_info" not in own
            and litellm.secret_manager_client is None
            and not litellm.set_verbose
            and not any(logger.isEnabledFor(logging.DEBUG) for logger in self.loggers)
        )

    def fits(self, router: Any, messages: Any, wanted: Dict[str, Any]) -> int:
        """Return a number that the messages' tokens do not exceed; a very large one where only counting tells.

        A token is a byte or more, and a long text's count, which LiteLLM guesses from parts, is no more than four for each character.
        """
        if (
            type(messages) is not list
            or not wanted.keys().isdisjoint(_COUNTED)
            or self.litellm.token_counter is not self.counter
            or type(router)._count_pre_call_check_tokens is not self.count
            or "_count_pre_call_check_tokens" in vars(router)
        ):
            return _ANY
        most = 16
        for message in messages:
            if type(message) is not dict or len(message) != 2:
                return _ANY
            role, content = message.get("role"), message.get("content")
            if type(role) is not str or type(content) is not str:
                return _ANY
            most += 16 + 4 * (len(role) + len(content))
        return most

    def cached(self, router: Any) -> Any:
        """Return the dict that the Router's cache looks into first; None where it is another cache."""
        cache = router.cache
        if type(cache) is self.dual and self.dual.get_cache is self.dual_get:
            memory = cache.in_memory_cache
            if (
                type(memory) in (self.memory, counting_class())
                and self.memory.get_cache is self.memory_get
                and "get_cache" not in vars(memory)
                and "get_cache" not in vars(cache)
            ):
                return memory.cache_dict
        return None

    def kept(self, router: Any) -> Dict[int, _Known]:
        """Return what is kept for a Router, by the identity of a deployment's parameters."""
        found = self._known.get(router)
        if found is None:
            found = self._known[router] = {}
        elif len(found) > 2 * len(router.model_list) + 64:
            found.clear()  # of deployments that are gone
        return found

    def known(self, kept: Dict[int, _Known], parameters: Dict[str, Any]) -> Optional[_Known]:
        """Return a deployment's validated parameters; None where the original has to look at them."""
        found = kept.get(id(parameters))
        if found is not None and found.fresh(parameters):
            return found
        if "model" not in parameters or type(parameters.get("drop_params")) not in _FLAGS:
            return None
        try:
            validated = self.params.model_validate(parameters)
        except Exception:
            return None
        made = _Known(parameters, validated, self._shape(validated))
        if _SCALARS.issuperset(map(type, parameters.values())):
            kept[id(parameters)] = made
        return made

    def _shape(self, validated: Any) -> Optional[Shape]:
        """Return what the provider follows from; None where asking for it is more than a question."""
        model, provider = validated.model, validated.custom_llm_provider
        base, key = validated.api_base, validated.api_key
        named = provider or (model.split("/", 1)[0] if "/" in model else None)
        if named in self.unasked or named == "bedrock_mantle":
            return None
        if (base is None and named is None) or (
            named in _BY_NAME and (provider is None or provider in _BY_NAME)
        ):
            base = None if base is None else bool(base)
        elif named is not None:
            return (model, provider, base, key, validated.use_litellm_proxy)
        return (
            model,
            provider,
            base,
            None if key is None else bool(key),
            validated.use_litellm_proxy,
        )

    def name(self, model: str, provider: str, base_model: Any) -> Optional[str]:
        """Return the name that get_router_model_info looks up; None where that has more to do or to say."""
        wanted = base_model
        if provider == "azure":
            if base_model is None:
                fallback = model if model.startswith("azure/") else f"azure/{model}"
                entry = self.litellm.model_cost.get(fallback)
                if entry is None or not (
                    (entry.get("max_input_tokens") or 0) > 0
                    or (entry.get("max_tokens") or 0) > 0
                    or (entry.get("input_cost_per_token") or 0) > 0
                ):
                    return None
                wanted = model
        else:
            wanted = model
            if "*" in wanted:
                return None
        return wanted if wanted.startswith(f"{provider}/") else f"{provider}/{wanted}"


class _Call:
    """The answers of one call."""

    __slots__ = ("_discovered", "_infos", "_models", "_providers", "_supported")

    def __init__(self, models: _Models, router: Any) -> None:
        self._models = models
        self._discovered = bool(router._discovered_model_info_cache.cache_dict)
        self._providers: Dict[Any, Any] = {}
        self._infos: Dict[Any, Any] = {}
        self._supported: Dict[Any, Any] = {}

    def _provider(self, known: _Known, model: str) -> Any:
        """Return get_llm_provider's answer; None where it raises."""
        key = (known.shape, model)
        if key not in self._providers:
            try:
                found = self._models.provider(model=model, litellm_params=known.validated)
            except Exception:
                found = None
            self._providers[key] = found
        return self._providers[key]

    def limit(self, known: Optional[_Known], model_info: Dict[str, Any], base_model: Any) -> Any:
        """Return max_input_tokens of get_router_model_info's answer; _UNKNOWN where the original has to say it."""
        info = self.info(known, base_model)
        if info is _UNKNOWN:
            return _UNKNOWN
        own = model_info.get("max_input_tokens")
        return info.get("max_input_tokens") if own is None else own

    def info(self, known: Optional[_Known], base_model: Any) -> Any:
        """Return what is known of a deployment's model, without its own model_info; _UNKNOWN where the original has to say it."""
        if known is None or known.shape is None or self._discovered:
            return _UNKNOWN
        if base_model is not None and type(base_model) is not str:
            return _UNKNOWN
        key = (known.shape, base_model)
        found = self._infos.get(key, self)
        if found is self:
            found = self._infos[key] = self._mapped(known, base_model)
        return found

    def _mapped(self, known: _Known, base_model: Any) -> Any:
        provided = self._provider(known, known.validated.model)
        if provided is None:
            return _UNKNOWN
        try:
            name = self._models.name(provided[0], provided[1], base_model)
            info = None if name is None else self._models.info(model=name)
        except Exception:
            return _UNKNOWN
        return _UNKNOWN if info is None else info

    def supported(self, known: _Known, model: str) -> Any:
        """Return the parameters that a model's provider knows; _UNKNOWN where the provider cannot be told."""
        key = (known.shape, model)
        found = self._supported.get(key, self)
        if found is self:
            provided = self._provider(known, model)
            found = self._supported[key] = (
                _UNKNOWN
                if provided is None
                else self._models.supported(model=provided[0], custom_llm_provider=provided[1])
            )
            if provided is not None:
                if len(self._models.told) > _MOST_TOLD:
                    self._models.told.clear()
                self._models.told.add(key)
        return found


_shared: Dict[int, _Models] = {}
#: Router._deployment_max_input_tokens as it was studied, and ours.
_limits: Set[Any] = set()


def _models_of(names: Dict[str, Any]) -> _Models:
    """Return what both replacements know."""
    found = _shared.get(id(names))
    if found is None:
        found = _shared[id(names)] = _Models(names)
    return found


def _base_model(model_info: Dict[str, Any], parameters: Dict[str, Any]) -> Any:
    found = model_info.get("base_model", None)
    return parameters.get("base_model", None) if found is None else found


def make_max_input_tokens(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _deployment_max_input_tokens and its switch."""
    serving = Serving("litellm.router_limits")
    names = original.__globals__

    def _deployment_max_input_tokens(self: Any, model: Any, deployment: Any) -> Any:
        if serving and type(deployment) is dict:
            models = _models_of(names)
            info, parameters = deployment.get("model_info"), deployment.get("litellm_params")
            if type(info) is dict and type(parameters) is dict and models.fit(self):
                known = models.known(models.kept(self), parameters)
                found = _Call(models, self).limit(known, info, _base_model(info, parameters))
                if found is not _UNKNOWN:
                    replacement.served += 1
                    return found if isinstance(found, int) else None
        replacement.declined += 1
        return original(self, model, deployment)

    replacement: Any = _deployment_max_input_tokens
    _limits.update((original, replacement))
    return finish(replacement, serving)


def make_pre_call_checks(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _pre_call_checks and its switch."""
    serving = Serving("litellm.router_checks")
    names = original.__globals__

    def _pre_call_checks(
        self: Any,
        model: str,
        healthy_deployments: List[Any],
        messages: Any = None,
        input: Any = None,
        request_kwargs: Any = None,
        input_token_count: Optional[int] = None,
        skip_inline_token_count: bool = False,
    ) -> Any:
        if input_token_count is _SHORT:
            input_token_count, skip_inline_token_count = None, False
        if serving:
            models = _models_of(names)
            if type(request_kwargs) in (dict, type(None)) and models.fit(self):
                cached = models.cached(self)
                if cached is not None:
                    replacement.served += 1
                    return _checked(
                        names,
                        models,
                        cached,
                        self,
                        model,
                        healthy_deployments,
                        messages,
                        input,
                        request_kwargs,
                        input_token_count,
                        skip_inline_token_count,
                    )
        replacement.declined += 1
        return original(
            self,
            model,
            healthy_deployments,
            messages,
            input,
            request_kwargs,
            input_token_count,
            skip_inline_token_count,
        )

    replacement: Any = _pre_call_checks
    replacement.counts_short = True
    return finish(replacement, serving)


def make_count_tokens(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _acount_pre_call_check_tokens and its switch: a short prompt is not counted in a thread ahead."""
    serving = Serving("litellm.router_counts")
    names = original.__globals__
    checks = Serving("litellm.router_checks")
    router = names["Router"]
    caller = router.async_get_healthy_deployments.__code__

    async def _acount_pre_call_check_tokens(
        self: Any,
        model: Any,
        healthy_deployments: Any,
        messages: Any,
        input: Any,
        request_kwargs: Any,
    ) -> Any:
        if (
            (serving.live or serving)
            and checks
            and sys._getframe(1).f_code is caller
            and getattr(type(self)._pre_call_checks, "counts_short", False)
            and "_pre_call_checks" not in vars(self)
            and type(self)._deployment_max_input_tokens in _limits
            and "_deployment_max_input_tokens" not in vars(self)
            and type(request_kwargs) is dict
        ):
            models = _models_of(names)
            if (
                models.fit(self)
                and models.cached(self) is not None
                and models.fits(self, messages, request_kwargs) <= _SHORT_TOKENS
            ):
                replacement.served += 1
                return _SHORT
        replacement.declined += 1
        return await original(
            self,
            model=model,
            healthy_deployments=healthy_deployments,
            messages=messages,
            input=input,
            request_kwargs=request_kwargs,
        )

    replacement: Any = _acount_pre_call_check_tokens
    return finish(replacement, serving)


def _checked(
    names: Dict[str, Any],
    models: _Models,
    cached: Dict[Any, Any],
    router: Any,
    model: str,
    healthy_deployments: List[Any],
    messages: Any,
    input: Any,
    request_kwargs: Optional[Dict[str, Any]],
    input_tokens: Optional[int],
    skip_inline_token_count: bool,
) -> Any:
    """Do what the original does, in its order, with the answers of ``_Call`` where it has them."""
    litellm, logger, validate = models.litellm, names["verbose_router_logger"], models.params
    deployments = list(healthy_deployments)
    invalid = set()
    context_error, context_text, rate_error = False, "", False
    span = names["get_parent_otel_span_from_kwargs"](request_kwargs)
    countable = (messages is not None or input is not None) and not names["compaction_pending"](
        request_kwargs
    )
    minute = names["get_utc_datetime"]().strftime("%H-%M")
    group = (
        router.cache.get_cache(key=f"{model}:rpm:{minute}", local_only=True, parent_otel_span=span)
        or {}
    )
    by_rpm = isinstance(group, dict) and router.routing_strategy != "usage-based-routing-v2"
    region = None if request_kwargs is None else request_kwargs.get("allowed_model_region")
    parameters_matter = request_kwargs is not None and litellm.drop_params is False
    given: Any = None
    formatted = parameters_matter and "response_format" in (request_kwargs or ())
    most = -1
    call, kept = _Call(models, router), models.kept(router)
    for index, deployment in enumerate(deployments):
        parameters = deployment.get("litellm_params", {})
        info = deployment.get("model_info", {})
        known: Optional[_Known] = None
        deployment_model = None
        try:
            base_model = _base_model(info, parameters)
            deployment_model = base_model or parameters.get("model", None)
            limit = _UNKNOWN
            if type(deployment) is dict and type(parameters) is dict and type(info) is dict:
                known = models.known(kept, parameters)
                limit = call.limit(known, info, base_model)
            if limit is _UNKNOWN:
                found = router.get_router_model_info(
                    deployment=deployment, received_model_name=model
                )
                limit = found.get("max_input_tokens") if isinstance(found, dict) else None
            if isinstance(limit, int) and countable:
                fitting = False
                if input_tokens is None:
                    if skip_inline_token_count:
                        return deployments
                    if most < 0:
                        most = models.fits(router, messages, request_kwargs or {})
                    fitting = most <= limit
                if input_tokens is None and not fitting:
                    try:
                        input_tokens = router._count_pre_call_check_tokens(
                            messages=messages, input=input, request_kwargs=request_kwargs
                        )
                    except Exception as error:
                        logger.error(
                            "litellm.router.py::_pre_call_checks: failed to count tokens. Returning initial list of deployments. Got - %s",
                            error,
                        )
                        return deployments
                if input_tokens is not None and input_tokens > limit:
                    invalid.add(index)
                    context_error = True
                    context_text += (
                        f"Model={deployment_model}, Max Input Tokens={limit}, Got={input_tokens}"
                    )
                    continue
        except Exception as error:
            logger.exception("An error occurs - %s", error)

        model_id = info.get("id", "")
        requests = 0
        if type(model_id) is not str or model_id in cached:
            requests = (
                router.cache.get_cache(key=model_id, local_only=True, parent_otel_span=span) or 0
            )
        if by_rpm:
            group[model_id] = group.get(model_id, 0)
            current = max(requests, group[model_id])
            if isinstance(parameters, dict):
                rpm = parameters.get("rpm", None)
                if rpm is not None and isinstance(rpm, int) and rpm <= current:
                    invalid.add(index)
                    rate_error = True
                    continue

        if region is not None:
            validated = validate.model_validate(parameters) if known is None else known.validated
            if not names["is_region_allowed"](
                litellm_params=validated, allowed_model_region=region
            ):
                invalid.add(index)
                continue

        if parameters_matter:
            wanted: Any = deployment_model or model
            supported: Any = _UNKNOWN
            if known is not None and known.shape is not None and _by_name(wanted, known):
                if not formatted and (known.shape, wanted) in models.told:
                    continue
                supported = call.supported(known, wanted)
            if supported is _UNKNOWN:
                try:
                    validated = (
                        validate.model_validate(parameters) if known is None else known.validated
                    )
                    wanted, provider, _, _ = litellm.get_llm_provider(
                        model=wanted, litellm_params=validated
                    )
                except Exception:
                    continue
                supported = litellm.get_supported_openai_params(
                    model=wanted, custom_llm_provider=provider
                )
            if supported is None:
                continue
            if given is None:
                given = litellm.utils.get_non_default_params(passed_params=request_kwargs)
            if "response_format" in given and "response_format" not in supported:
                invalid.add(index)

    if len(invalid) == len(deployments):
        if rate_error is True:
            raise names["RouterRateLimitErrorBasic"](model=model)
        elif context_error is True:
            raise litellm.ContextWindowExceededError(
                message=f"litellm._pre_call_checks: Context Window exceeded for given call. No models have context window large enough for this call.\n{context_text}",
                model=model,
                llm_provider="",
            )
    if invalid:
        deployments = [each for index, each in enumerate(deployments) if index not in invalid]
    return deployments


def _by_name(model: Any, known: _Known) -> bool:
    """Say whether what the shape says of a deployment's own model holds for the name that is asked for, its base_model."""
    if type(model) is not str:
        return False
    if model == known.validated.model:
        return True
    named = known.validated.custom_llm_provider or (model.split("/", 1)[0] if "/" in model else "")
    return named in _BY_NAME or (not named and known.validated.api_base is None)
