"""The patches of this package, in the order in which they are applied."""

from __future__ import annotations

from typing import Dict, FrozenSet, Optional, Tuple

from fast_jvm import Patch

_CORE = "litellm.litellm_core_utils"
_COSTS = f"{_CORE}.llm_cost_calc.utils"


def _patch(
    name: str,
    target: str,
    code: str,
    make: str,
    builtins: Tuple[str, ...] = (),
    also: Optional[Dict[str, str]] = None,
    requires: Optional[Dict[str, str]] = None,
    of: Tuple[str, str] = ("litellm", ">=1.100,!=1.107.0,<2"),
    copies: Tuple[str, ...] = (),
) -> Patch:
    """Return a patch; one that leans on no builtin needs no Java."""
    accepted: Dict[str, FrozenSet[str]] = {
        path: frozenset({known}) for path, known in (also or {}).items()
    }
    return Patch(
        name=f"litellm.{name}",
        package="fast_litellm",
        target=target,
        distribution=of[0],
        versions=of[1],
        codes=frozenset({code}),
        also=accepted,
        requires=requires or {},
        builtins=builtins,
        make=f"fast_litellm.{make}",
        prepare="fast_litellm._prepare:prepare",
        plain=not builtins,
        copies=copies,
    )


_OPENAI = ("openai", ">=2.40,<3")
_SDK = "openai._utils._transform"
_TRANSFORM = {
    f"{_SDK}:_transform_recursive": "2ef94ce9fb5ee345",
    f"{_SDK}:_transform_typeddict": "08a4fd92305aaf91",
    f"{_SDK}:_maybe_transform_key": "bf51c4f45aa7c409",
}

_PROVIDER = f"{_CORE}.get_llm_provider_logic"
_ROUTER = {
    "litellm.router:Router.get_router_model_info": "a4910f315bf501b8",
    "litellm.router:Router.get_discovered_model_info": "082750426d0c9983",
    "litellm.utils:get_model_info": "456a53e8c8278edb",
    f"{_PROVIDER}:get_llm_provider": "2ce8d01589cf2cc7",
    f"{_PROVIDER}:_get_openai_compatible_provider_info": "b1ebc7d4a772559c",
    "litellm.types.router:LiteLLM_Params": "e212a818e182c066",
    "litellm.types.router:GenericLiteLLMParams": "0c4a06c9d9963cc6",
    "litellm.utils:get_non_default_params": "fc13697ad20d6904",
    "litellm.caching.dual_cache:DualCache.get_cache": "f0a24bb9542e477d",
    "litellm.caching.in_memory_cache:InMemoryCache.get_cache": "b81306801835ab73",
}

PATCHES = (
    _patch(
        "embeddings",
        "openai._legacy_response:LegacyAPIResponse._parse",
        "2af482682daa8fb3",
        "_embeddings:make_parse",
        ("litellm_embeddings",),
        {
            "openai._base_client:BaseClient._process_response_data": "2b64d83a7ec4c8d5",
            "openai._models:construct_type": "c46259e315cf2900",
            "openai._models:BaseModel.construct": "6f852e6c388f6db8",
            "openai._models:_construct_field": "0c2bb5576edcf3b2",
            "httpx:Response.json": "8fbdeec747b22863",
        },
        {"httpx": "!>=0.27,<1", "pydantic": "!>=2.7,<3"},
        _OPENAI,
    ),
    _patch(
        "post_call",
        f"{_CORE}.litellm_logging:Logging.post_call",
        "c27995c9345c1165",
        "_post_call:make_post_call",
    ),
    _patch(
        "tokens",
        f"{_CORE}.token_counter:_encoding_count",
        "b7b7bc8c96a92bbe",
        "_tokens:make_encoding_count",
        ("litellm_load_ranks", "litellm_count_tokens"),
        {"tiktoken.core:Encoding.encode": "c2716303a788a00a"},
        {"tiktoken": "!>=0.14,<0.15"},  # its regex crate knows Unicode by itself
    ),
    _patch(
        "transform",
        f"{_SDK}:transform",
        "1454523767d7fcf3",
        "_transform:make_transform",
        also=_TRANSFORM,
        of=_OPENAI,
        copies=("openai._utils",),
    ),
    _patch(
        "async_transform",
        f"{_SDK}:async_transform",
        "501b3daafb058b75",
        "_transform:make_async_transform",
        also={
            **_TRANSFORM,
            f"{_SDK}:_async_transform_recursive": "aaf9c08701531c03",
            f"{_SDK}:_async_transform_typeddict": "b7b173dce9d06eea",
        },
        of=_OPENAI,
        copies=("openai._utils",),
    ),
    _patch(
        "construct",
        "openai._models:construct_type",
        "c46259e315cf2900",
        "_construct:make_construct_type",
        also={
            "openai._models:BaseModel.construct": "6f852e6c388f6db8",
            "openai._models:_construct_field": "0c2bb5576edcf3b2",
            "openai._models:_get_extra_fields_type": "3d288c05ced21c4d",
            "openai._models:validate_type": "e48bf00322c905ee",
            "openai._models:_validate_non_model_type": "9212456a9b9e5d73",
            "openai._compat:field_get_default": "7ef9c6981fcf3dd2",
        },
        requires={"pydantic": "!>=2.7,<3"},
        of=_OPENAI,
        copies=("openai._base_client", "openai._exceptions"),
    ),
    _patch(
        "prepare_url",
        "openai._base_client:BaseClient._prepare_url",
        "2b3cecdbdfcb405a",
        "_http:make_prepare_url",
        of=_OPENAI,
    ),
    _patch(
        "extract_cookies",
        "httpx._models:Cookies.extract_cookies",
        "f3260936ac43cc76",
        "_http:make_extract_cookies",
        of=("httpx", ">=0.27,<1"),
    ),
    _patch(
        "router_checks",
        "litellm.router:Router._pre_call_checks",
        "819a0bbda3c23baa",
        "_router:make_pre_call_checks",
        also=_ROUTER,
    ),
    _patch(
        "router_limits",
        "litellm.router:Router._deployment_max_input_tokens",
        "4efff56f98631337",
        "_router:make_max_input_tokens",
        also=_ROUTER,
    ),
    _patch(
        "model_info",
        "litellm.utils:get_model_info_helper",
        "e17c31d0a25bf2db",
        "_costs:make_model_info",
        also={
            "litellm.utils:get_potential_model_names": "0203144092f11208",
            "litellm.utils:_first_registered_match": "2cb39f75efdd7a7d",
            "litellm.utils:get_model_cost_key": "34fc40a85e150474",
            "litellm.utils:_check_provider_match": "5b1a5c386d2761dc",
            "litellm.utils:_get_model_info_from_model_cost": "1d04478feaf7a078",
            f"{_CORE}.fallback_generalizations:match_fill_missing_generalizations": "ed49212d1dfae269",
            f"{_CORE}.fallback_generalizations:_FallbackGeneralizations": "2d2cb79f12f2190a",
        },
        copies=("litellm.main",),
    ),
    _patch(
        "token_base_cost",
        f"{_COSTS}:_get_token_base_cost",
        "8dfd16cd5c407296",
        "_costs:make_token_base_cost",
        also={
            f"{_COSTS}:_get_tiered_base_costs": "5c1ac728fcb99a04",
            f"{_COSTS}:_select_priced_tier": "e5b4196542740e4f",
            f"{_COSTS}:_open_off_peak_block": "610bcb9db9d1cac3",
            f"{_COSTS}:get_cost_per_unit": "ddef8419d5a34a1f",
        },
    ),
    _patch(
        "prompt_details",
        f"{_COSTS}:parse_prompt_tokens_details",
        "e50e94ee7e29182c",
        "_costs:make_prompt_details",
        also={
            f"{_COSTS}:_get_token_detail_value": "42a70bf093ad8561",
            "litellm.types.utils:PromptTokensDetailsWrapper": "387f9d870ac957ac",
        },
        copies=("litellm.cost_calculator", "litellm.batches.batch_utils"),
    ),
)
