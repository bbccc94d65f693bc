"""The patches of this package, in the order in which they are applied."""

from __future__ import annotations

from ._patch import patch as _patch
from ._patches_http import patches as _http_patches
from ._patches_proxy import patches as _proxy_patches

_CORE = "litellm.litellm_core_utils"
_COSTS = f"{_CORE}.llm_cost_calc.utils"
_TOOLS = f"{_CORE}.llm_cost_calc.tool_call_cost_tracking"
_TRACKING = f"{_TOOLS}:StandardBuiltInToolCostTracking"
_PLAIN_USAGE = {
    "litellm.types.utils:Usage": "f2ab1d648112fed2",
    "litellm.types.utils:CompletionTokensDetailsWrapper": "6ae31713f683f8b0",
    "litellm.types.utils:PromptTokensDetailsWrapper": "387f9d870ac957ac",
}
_RATES = {
    **_PLAIN_USAGE,
    f"{_COSTS}:parse_prompt_tokens_details": "e50e94ee7e29182c",
    f"{_COSTS}:parse_completion_tokens_details": "2144b96f7d68fbcf",
    "litellm.types.utils:text_tokens_without_nested_reasoning": "ee64f3245913af24",
    f"{_COSTS}:_get_token_base_cost": "8dfd16cd5c407296",
    f"{_COSTS}:get_cost_per_unit": "ddef8419d5a34a1f",
    f"{_COSTS}:get_service_tier_cost_key": "aa2300be3c59fa6a",
    f"{_COSTS}:get_regional_uplift_multiplier": "266bbbd60b1cf2c0",
    f"{_COSTS}:get_vertex_regional_endpoint_uplift": "ed4f802fee3bfa4d",
    f"{_COSTS}:_resolve_billed_reasoning_rate": "d40af1877d22b84c",
    f"{_COSTS}:_resolve_reasoning_token_cost": "e03756528bc0bde2",
    f"{_COSTS}:_get_tiered_reasoning_rate": "663d40f3167eefe9",
    f"{_COSTS}:apply_provider_cache_read_default": "c3d8b2f93719a609",
    f"{_COSTS}:_cost_map_billed_rates": "3be2f92500b4d737",
    f"{_COSTS}:get_provider_specific_geo_multiplier": "36def2ab40246c3b",
    f"{_COSTS}:BilledTokenRates": "ea328b9844ca8fe8",
}

_OPENAI = ("openai", ">=2.40,<3")
_TIKTOKEN = ("tiktoken", ">=0.14,<0.15")  # its regex crate knows Unicode by itself
_TOKENIZERS = {"tokenizers": ">=0.23,<0.24"}  # so do its regexes and normal forms
_SDK = "openai._utils._transform"
_TRANSFORM = {
    f"{_SDK}:_transform_recursive": "2ef94ce9fb5ee345",
    f"{_SDK}:_transform_typeddict": "08a4fd92305aaf91",
    f"{_SDK}:_maybe_transform_key": "bf51c4f45aa7c409",
}

_PROVIDER = f"{_CORE}.get_llm_provider_logic"
_ROUTED = "litellm.router:Router"
_METRICS = "litellm.router_utils.router_callbacks.track_deployment_metrics"
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
_ROUTER_COUNTS = {
    "litellm.router:Router._count_pre_call_check_tokens": "697a80e6892fef9c",
    "litellm.utils:token_counter": "a5af6c0d1a318e71",
    f"{_CORE}.token_counter:_count_messages": "5e608421f36e60cb",
    f"{_CORE}.token_counter:_get_extrapolating_count_function": "36bd92a07202d6f5",
}

_HANDLER = f"{_CORE}.streaming_handler"
_WRAPPER = f"{_HANDLER}:CustomStreamWrapper"
_LOGGING = f"{_CORE}.litellm_logging:Logging"
_STREAM = {
    f"{_WRAPPER}.chunk_creator": "37563e651bc22980",
    f"{_WRAPPER}._dispatch_provider_chunk": "15d46b368a3cf756",
    f"{_WRAPPER}.return_processed_chunk_logic": "023c3d0b6865ba9a",
    f"{_WRAPPER}.model_response_creator": "d50edd574cbbb4b6",
    f"{_WRAPPER}.handle_openai_chat_completion_chunk": "4d39e8e7f4607adf",
    f"{_WRAPPER}.is_chunk_non_empty": "4ac2da108dedaa47",
    f"{_WRAPPER}.raise_on_model_repetition": "a777d0f0b5caa628",
    f"{_WRAPPER}.check_special_tokens": "960229235fdc64f2",
    f"{_WRAPPER}.strip_role_from_delta": "ec6bc4d4ee581171",
    f"{_WRAPPER}.set_model_id": "13c5a17192146fa9",
    f"{_WRAPPER}._check_max_streaming_duration": "feaa338ea7ba1dc3",
    f"{_WRAPPER}._optional_combine_thinking_block_in_choices": "bb44edcfcaf71022",
    f"{_WRAPPER}._add_mcp_list_tools_to_first_chunk": "da80f89856fd664f",
    f"{_WRAPPER}._has_special_delta_content": "b6399a8f6e8dd3a3",
    f"{_HANDLER}:generic_chunk_has_all_required_fields": "f942c07574cdafe7",
    f"{_HANDLER}:_provider_hidden_params": "6ea6a80c8c99d878",
    f"{_CORE}.core_helpers:preserve_upstream_non_openai_attributes": "00ccb770861d6e98",
    "litellm.types.utils:Delta": "5ecb1bcdec549184",
    "litellm.types.utils:StreamingChoices": "8a39f944fda72c76",
    "litellm.types.utils:ModelResponseStream": "b7da1eb9841d1d52",
    "litellm.types.utils:ModelResponseBase": "ab52ecc589bf87b9",
    "litellm.types.utils:ChatCompletionDeltaToolCall": "e85919a208f5f9d1",
    "litellm.types.utils:Function": "98d3d102cdc2b782",
    "openai._streaming:SSEDecoder": "6069970ffc719fe4",
    "openai._streaming:ServerSentEvent": "3bebc0beda680630",
    "openai._base_client:BaseClient._process_response_data": "2b64d83a7ec4c8d5",
    "openai._models:construct_type": "c46259e315cf2900",
    "openai._models:BaseModel.construct": "6f852e6c388f6db8",
    "openai._models:_construct_field": "0c2bb5576edcf3b2",
    "openai.types.chat.chat_completion_chunk:ChatCompletionChunk": "d59428d7b5e9fc60",
}
_BUILDER = f"{_CORE}.streaming_chunk_builder_utils:ChunkProcessor"
_CHUNKS = {
    name: _STREAM[name]
    for name in (
        "litellm.types.utils:Delta",
        "litellm.types.utils:StreamingChoices",
        "litellm.types.utils:ModelResponseStream",
        "litellm.types.utils:ModelResponseBase",
    )
}
_STREAM_LOGGING = {
    f"{_WRAPPER}.run_success_logging_and_cache_storage": "c471331ade8b6f4b",
    f"{_LOGGING}.success_handler": "2c09583683a64d33",
    f"{_LOGGING}._success_handler_body": "b540a23f8aad0476",
    f"{_LOGGING}._async_success_handler_body": "860acbcbcc2f01ec",
    f"{_LOGGING}._success_handler_helper_fn": "3d4895aaae247c16",
    f"{_CORE}.redact_messages:should_redact_message_logging": "f86684f3185c832c",
}
_SERVER = "litellm.proxy.proxy_server"
_MODELS_NEED = {"openai": "!>=2.40,<3", "pydantic": "!>=2.7,<3"}
_STREAM_NEEDS = {"openai": "!>=2.40,<3", "httpx": "!>=0.27,<1", "pydantic": "!>=2.7,<3"}

_PROXY = "litellm.llms.litellm_proxy.chat.transformation:LiteLLMProxyChatConfig"
_SERVICE = "litellm._service_logger:ServiceLogging"
_TIMED = "litellm.llms.openai.openai:OpenAIChatCompletion.make_openai_chat_completion_request"

PATCHES = (
    _patch(
        "embeddings",
        "openai._legacy_response:LegacyAPIResponse._parse",
        "2af482682daa8fb3",
        "_embeddings:make_parse",
        ("litellm_embeddings", "litellm_float_text"),
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
        {_TIKTOKEN[0]: "!" + _TIKTOKEN[1]},
    ),
    _patch(
        "encode",
        "tiktoken.core:Encoding.encode",
        "c2716303a788a00a",
        "_encoding:make_encode",
        ("litellm_encode_tokens",),
        of=_TIKTOKEN,
    ),
    _patch(
        "tokenizer_count",
        f"{_CORE}.token_counter:_get_exact_count_function",
        "bf663113677c3435",
        "_huggingface:make_count_function",
        ("litellm_count_text",),
        requires=_TOKENIZERS,
    ),
    _patch(
        "tokenizer_encode",
        "litellm.utils:encode",
        "23930daa2c0d19df",
        "_huggingface:make_encode",
        ("litellm_encode_text",),
        requires=_TOKENIZERS,
        copies=("litellm",),
    ),
    _patch(
        "tokenizer_decode",
        "litellm.utils:decode",
        "51a3bb96e123827d",
        "_huggingface:make_decode",
        ("litellm_decode_text",),
        also={f"{_CORE}.tokenizer:strip_special_tokens": "ba4557898f779c2c"},
        requires=_TOKENIZERS,
        copies=("litellm",),
    ),
    _patch(
        "decode",
        "tiktoken.core:Encoding.decode",
        "e53d70f630792b39",
        "_encoding:make_decode",
        ("litellm_decode_tokens",),
        of=_TIKTOKEN,
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
        also={**_ROUTER, **_ROUTER_COUNTS},
    ),
    _patch(
        "router_limits",
        "litellm.router:Router._deployment_max_input_tokens",
        "4efff56f98631337",
        "_router:make_max_input_tokens",
        also=_ROUTER,
    ),
    _patch(
        "router_usage",
        "litellm.router:Router._increment_deployment_usage",
        "bc8fbf0fcdb4a950",
        "_router_usage:make_deployment_usage",
        also={
            **_ROUTER,
            "litellm.router:Router.get_deployment": "53a62af75a187444",
            "litellm.types.router:Deployment": "87924819fc0df1f4",
            "litellm.types.router:ModelInfo": "f953bcd81bb86e2e",
        },
    ),
    _patch(
        "router_counts",
        f"{_ROUTED}._acount_pre_call_check_tokens",
        "416ef0f7cf92343d",
        "_router:make_count_tokens",
        also={
            **_ROUTER,
            **_ROUTER_COUNTS,
            f"{_ROUTED}.async_get_healthy_deployments": "43d49f151b5667d5",
            f"{_ROUTED}._pre_call_checks_need_token_count": "20eb9e05f0c44941",
        },
    ),
    _patch(
        "router_success",
        f"{_ROUTED}.deployment_callback_on_success",
        "31e7a542a2f343b4",
        "_heard:make_router_success",
        also={
            **_ROUTER,
            f"{_ROUTED}.sync_deployment_callback_on_success": "23a57b1d8d706b7e",
            f"{_ROUTED}.get_deployment": "53a62af75a187444",
            f"{_METRICS}:get_counted_usage_tokens": "6d37203b172a7618",
            f"{_METRICS}:increment_deployment_successes_for_current_minute": "6e5f5d00eedeb474",
            "litellm.integrations.custom_logger:CustomLogger.log_event": "dfca33742a913f29",
            "litellm.integrations.custom_logger:CustomLogger.async_log_event": "434f2fa5e2821182",
            "litellm.types.router:Deployment": "87924819fc0df1f4",
            "litellm.types.router:ModelInfo": "f953bcd81bb86e2e",
        },
    ),
    _patch(
        "run_async",
        f"{_CORE}.asyncify:run_async_function",
        "ce1571b9c532810a",
        "_loops:make_run",
        copies=(
            "litellm.router",
            "litellm.main",
            f"{_CORE}.fallback_utils",
            "litellm.llms.custom_httpx.llm_http_handler",
        ),
    ),
    _patch(
        "router_group_usage",
        "litellm.router:Router.get_model_group_usage",
        "a9517c63a3e4d3fa",
        "_router_usage:make_group_usage",
        also={
            **_ROUTER,
            "litellm.caching.dual_cache:DualCache.async_batch_get_cache": "559cc9aa81a3734d",
            "litellm.caching.dual_cache:DualCache._prepare_batch_get": "6f58342f18c82504",
            "litellm.caching.in_memory_cache:InMemoryCache.async_batch_get_cache": "67ef2530d81e420b",
        },
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
    _patch(
        "generic_cost",
        f"{_COSTS}:generic_cost_per_token",
        "6bb5efec64add1a6",
        "_call_costs:make_generic_cost",
        also={**_RATES, f"{_COSTS}:_calculate_input_cost": "847b45429a104606"},
        copies=(
            "litellm.cost_calculator",
            *(
                f"litellm.llms.{name}"
                for name in (
                    "amazon_nova.cost_calculation",
                    "anthropic.cost_calculation",
                    "azure.cost_calculation",
                    "azure_ai.cost_calculator",
                    "bedrock.cost_calculation",
                    "databricks.cost_calculator",
                    "deepseek.cost_calculator",
                    "openai.cost_calculation",
                    "openai.image_generation.cost_calculator",
                    "tencent.cost_calculator",
                    "vertex_ai.cost_calculator",
                    "xai.cost_calculator",
                )
            ),
        ),
    ),
    _patch(
        "token_type_costs",
        f"{_COSTS}:get_token_type_cost_breakdown",
        "9ba85b6213257724",
        "_call_costs:make_token_type_costs",
        also={
            **_RATES,
            f"{_COSTS}:get_billed_token_rates": "a173f2d2adb8835e",
            f"{_COSTS}:_cache_token_counts": "062bac8f720b7615",
            f"{_COSTS}:_reasoning_token_count": "b94b7bf774e622ea",
            f"{_COSTS}:calculate_cache_writing_cost": "89d49ced375ea2aa",
            f"{_COSTS}:TokenTypeCostBreakdown": "643230af43725d85",
        },
        copies=("litellm.cost_calculator",),
    ),
    _patch(
        "token_cost",
        "litellm.cost_calculator:cost_per_token",
        "3c2f78f7b8c76661",
        "_call_costs:make_token_cost",
        also={
            **_PLAIN_USAGE,
            "litellm.cost_calculator:_cost_per_token_custom_pricing_helper": "7ee912e0f1562338",
            "litellm.cost_calculator:_per_second_pricing_cost": "210e77f5278f3261",
        },
        copies=("litellm",),
    ),
    _patch(
        "built_in_tools",
        f"{_TRACKING}.get_cost_for_built_in_tools",
        "e74ff3cad3b629ec",
        "_call_costs:make_built_in_tools",
        also={
            **_PLAIN_USAGE,
            f"{_TRACKING}._handle_google_maps_grounding_cost": "45db86a6ac15d272",
            f"{_TRACKING}.response_object_includes_web_search_call": "1041576c4940ca66",
            f"{_TRACKING}.response_object_includes_file_search_call": "5d9bf479d442ce23",
            f"{_TRACKING}.response_includes_annotation_type": "e981b3f358468786",
            f"{_TRACKING}._handle_azure_assistant_costs": "5d41ed57eac8a7e0",
            f"{_TOOLS}:_usage_reports_server_side_web_search_calls": "0447e38347bb4fd3",
            f"{_COSTS}:get_web_search_requests_from_usage": "bda07527afd2d585",
            "litellm.types.utils:Message": "cc34bdb6fd3fac0e",
            "litellm.types.utils:Choices": "866a6177021dfec5",
            "litellm.types.utils:ModelResponse": "99d4fa664c8f6186",
        },
    ),
    _patch(
        "stream",
        f"{_WRAPPER}.__next__",
        "2938002bde58ed93",
        "_streaming:make_next",
        also={
            **_STREAM,
            **_STREAM_LOGGING,
            "openai._streaming:Stream.__stream__": "80f70b321c51fc9f",
            "openai._streaming:Stream.__next__": "85505dcd2c254a75",
        },
        requires=_STREAM_NEEDS,
    ),
    _patch(
        "async_stream",
        f"{_WRAPPER}.__anext__",
        "c8e4ea6d0bced30e",
        "_streaming:make_anext",
        also={
            **_STREAM,
            "openai._streaming:AsyncStream.__stream__": "e6ab3b0d35a8ea5e",
            "openai._streaming:AsyncStream.__aiter__": "fe1c527f09b6d56e",
        },
        requires=_STREAM_NEEDS,
    ),
    _patch(
        "stream_usage",
        f"{_BUILDER}._calculate_usage_per_chunk",
        "9bee5e9a480a6a12",
        "_assembly:make_usage",
        also={
            **_CHUNKS,
            f"{_BUILDER}._extract_usage_chunk": "4ccae88dcaf07775",
            f"{_BUILDER}._saw_finish_reason": "ca3468d15ef2c441",
            f"{_BUILDER}._finish_reason_of_choice": "d41b8bda3cc54442",
            f"{_BUILDER}._chunk_choices": "71439d2e12a1e3f7",
            f"{_BUILDER}._reset_anthropic_cursor_completion_tokens": "b9d9d5b87ee9841b",
            f"{_BUILDER}._last_provider_pricing_field": "9a4dc98e01dc1e77",
        },
    ),
    _patch(
        "stream_total",
        f"{_HANDLER}:calculate_total_usage",
        "e022cf6bf91ba23c",
        "_assembly:make_total",
        also=_CHUNKS,
    ),
    _patch(
        "stream_text",
        "litellm.main:_simple_text_part",
        "95715d7c35c106c1",
        "_assembly:make_text",
        also={
            **_CHUNKS,
            "litellm.main:_stream_choice_delta": "30ba71e1f1d7addd",
            "litellm.main:_delta_carries_more_than_text": "2238904186d79701",
        },
    ),
    _patch(
        "stream_order",
        f"{_BUILDER}._sort_chunks",
        "5b1bc307564da83d",
        "_assembly:make_order",
        also=_CHUNKS,
    ),
    *_http_patches(_patch),
    _patch(
        "proxy_destinations",
        "litellm.proxy.auth.user_api_key_auth:_seed_request_destinations",
        "fea21fddb38750db",
        "_proxy_auth:make_seed_destinations",
    ),
    _patch(
        "setup",
        "litellm.utils:function_setup",
        "1c47dca9390af744",
        "_unheard:make_setup",
        also={"litellm.utils:client": "5529f3bb1d9ed9f9"},
    ),
    _patch(
        "success",  # (its gate looks at nothing of LiteLLM's that is imported after it: sync_success does)
        f"{_CORE}.thread_pool_executor:BoundedLoggingThreadPoolExecutor.submit",
        "0e65931f596e5b55",
        "_success:make_submit",
    ),
    _patch(
        "async_success",
        "litellm.utils:_schedule_async_success_logging",
        "ccc7ac249c56e682",
        "_success:make_schedule",
        also={"litellm.utils:_client_async_logging_helper": "4b51c533b04087c8"},
    ),
    _patch(
        "sync_success",
        f"{_LOGGING}.handle_sync_success_callbacks_for_async_calls",
        "67530a2941bc8072",
        "_unheard:make_sync_success",
        also={
            f"{_LOGGING}._should_run_sync_callbacks_for_async_calls": "dff136a3859d1ece",
            f"{_LOGGING}.get_combined_callback_list": "7a042e1ebd5052bc",
            f"{_LOGGING}.success_handler": "2c09583683a64d33",
            f"{_LOGGING}.async_success_handler": "235d54b29a960417",
            f"{_LOGGING}._success_handler_body": "b540a23f8aad0476",
            f"{_LOGGING}._async_success_handler_body": "860acbcbcc2f01ec",
            f"{_LOGGING}._success_handler_helper_fn": "3d4895aaae247c16",
            f"{_LOGGING}._process_hidden_params_and_response_cost": "839fc4a3e50cd3a3",
            f"{_LOGGING}._build_standard_logging_payload": "2b87eb28613cb698",
            f"{_CORE}.litellm_logging:get_standard_logging_object_payload": "6fe6cb96c3e047d1",
        },
    ),
    _patch(
        "bridge_check",
        "litellm.main:responses_api_bridge_check",
        "1c20cb656bd4d59f",
        "_providers:make_bridge_check",
    ),
    _patch(
        "api_base",
        f"{_CORE}.llm_response_utils.get_api_base:get_api_base",
        "2b4d064560ad3841",
        "_providers:make_api_base",
        also={
            "litellm.types.router:LiteLLM_Params": "e212a818e182c066",
            "litellm.types.router:GenericLiteLLMParams": "0c4a06c9d9963cc6",
        },
        copies=(f"{_CORE}.llm_response_utils.response_metadata",),
    ),
    _patch(
        "gpt_config",
        "litellm.llms.openai.chat.gpt_transformation:OpenAIGPTConfig.__init__",
        "97952ac16876ebc2",
        "_providers:make_gpt_config",
    ),
    _patch(
        "provider",
        f"{_PROVIDER}:get_llm_provider",
        "2ce8d01589cf2cc7",
        "_calls:make_provider",
        also={
            f"{_PROVIDER}:_get_openai_compatible_provider_info": "b1ebc7d4a772559c",
            f"{_PROVIDER}:_endpoint_matches_api_base": "e687ca51a3d07788",
            f"{_PROVIDER}:handle_cohere_chat_model_custom_llm_provider": "b83c7bd3f7ba3189",
            f"{_PROVIDER}:handle_anthropic_text_model_custom_llm_provider": "203307a7f0f2376f",
            f"{_PROXY}.should_use_litellm_proxy_by_default": "fe6aecdbd514248d",
            "litellm.secret_managers.main:get_secret": "de5010e0923aeea5",
            "litellm.secret_managers.main:get_secret_bool": "4f8d22e6a05d3100",
            "litellm.secret_managers.main:_should_read_secret_from_secret_manager": "1339a1cf32bd7ae7",
            "litellm.llms.openai_like.json_loader:JSONProviderRegistry.exists": "a73029e0ca37c94e",
        },
        copies=(
            "litellm",
            "litellm.utils",
            "litellm.main",
            "litellm.router",
            f"{_CORE}.llm_response_utils.get_api_base",
            "litellm.llms.openai.chat.o_series_transformation",
        ),
    ),
    _patch(
        "client_key",
        "litellm.llms.openai.common_utils:BaseOpenAILLM.get_openai_client_cache_key",
        "9e06473b97ce9f36",
        "_calls:make_client_key",
    ),
    _patch(
        "hosted",
        "litellm.llms.openai.chat.gpt_transformation:OpenAIGPTConfig._targets_openai_hosted_endpoint",
        "56ed0507df784f3b",
        "_calls:make_hosted",
    ),
    _patch(
        "coroutine",
        "litellm.utils:check_coroutine",
        "0b407835eb3241c9",
        "_calls:make_coroutine",
        also={
            f"{_CORE}.coroutine_checker:CoroutineChecker.is_async_callable": "4c50f10f13e9a12d",
            "litellm.types.utils:ModelResponse": "99d4fa664c8f6186",
        },
        requires={"pydantic": "!>=2.7,<3"},
    ),
    _patch(
        "message",
        "litellm.types.utils:Message.__init__",
        "0ddbf8b8dd358adf",
        "_models:make_message",
        also={
            "litellm.types.utils:Message": "cc34bdb6fd3fac0e",
            "litellm.types.utils:SafeAttributeModel": "1c0c55609625cb10",
        },
        requires=_MODELS_NEED,
    ),
    _patch(
        "choices",
        "litellm.types.utils:Choices.__init__",
        "c2360f45f9d39a57",
        "_models:make_choices",
        also={
            "litellm.types.utils:Choices": "866a6177021dfec5",
            "litellm.types.utils:Message": "cc34bdb6fd3fac0e",
            "litellm.types.utils:SafeAttributeModel": "1c0c55609625cb10",
        },
        requires=_MODELS_NEED,
    ),
    _patch(
        "prompt_tokens",
        "litellm.types.utils:PromptTokensDetailsWrapper.__init__",
        "95758f9576c35995",
        "_models:make_prompt_tokens",
        also={
            "litellm.types.utils:PromptTokensDetailsWrapper": "387f9d870ac957ac",
            "litellm.types.utils:SafeAttributeModel": "1c0c55609625cb10",
        },
        requires=_MODELS_NEED,
    ),
    _patch(
        "usage",
        "litellm.types.utils:Usage.__init__",
        "072777c8e90136be",
        "_models:make_usage",
        also={
            "litellm.types.utils:Usage": "f2ab1d648112fed2",
            "litellm.types.utils:CompletionTokensDetailsWrapper": "6ae31713f683f8b0",
            "litellm.types.utils:PromptTokensDetailsWrapper": "387f9d870ac957ac",
            "litellm.types.utils:SafeAttributeModel": "1c0c55609625cb10",
        },
        requires=_MODELS_NEED,
    ),
    _patch(
        "response",
        "litellm.types.utils:ModelResponse.__init__",
        "2e95e8348ab47e97",
        "_models:make_response",
        also={
            "litellm.types.utils:ModelResponse": "99d4fa664c8f6186",
            "litellm.types.utils:ModelResponseBase": "ab52ecc589bf87b9",
            "litellm.types.utils:generate_id": "26ae12605bc99c4d",
        },
        requires=_MODELS_NEED,
    ),
    _patch(
        "service",
        f"{_SERVICE}.service_success_hook",
        "60c98b0e8585eef8",
        "_unheard:make_service",
        also={
            f"{_SERVICE}.async_service_success_hook": "32a7c4bab49e7f67",
            f"{_SERVICE}._dispatch_from_sync": "21939a4c0497df66",
        },
    ),
    _patch(
        "timed_request",
        _TIMED,
        "24eed27efe2b1d4f",
        "_unheard:make_timed_request",
        also={f"{_TIMED}.__wrapped__.__wrapped__": "665a8dd27504484a"},
    ),
    _patch(
        "deployment",
        f"{_ROUTED}.get_deployment",
        "53a62af75a187444",
        "_deployments:make_get_deployment",
        also={
            "litellm.types.router:Deployment": "87924819fc0df1f4",
            "litellm.types.router:ModelInfo": "f953bcd81bb86e2e",
            "litellm.types.router:MirroredPricingParams": "d11192b2e647561b",
            "litellm.types.router:LiteLLM_Params": "e212a818e182c066",
            "litellm.types.router:GenericLiteLLMParams": "0c4a06c9d9963cc6",
        },
        requires={"pydantic": "!>=2.7,<3"},
    ),
    _patch(
        "metadata",
        f"{_CORE}.litellm_logging:StandardLoggingPayloadSetup.merge_litellm_metadata",
        "76a36860c1c3ab9a",
        "_cost_asks:make_merge_metadata",
    ),
    _patch(
        "zero_cost",
        f"{_LOGGING}._record_zero_cost_diagnostic",
        "970456fa4ac49930",
        "_cost_asks:make_zero_cost",
        also={
            f"{_LOGGING}._zero_cost_finding": "2901b0ef69685a42",
            f"{_CORE}.litellm_logging:StandardLoggingPayloadSetup.merge_litellm_metadata": "76a36860c1c3ab9a",
        },
    ),
    _patch(
        "custom_pricing",
        f"{_CORE}.litellm_logging:use_custom_pricing_for_model",
        "d6c465ab78bc338c",
        "_cost_asks:make_custom_pricing",
        copies=(
            "litellm.proxy.pass_through_endpoints.llm_provider_handlers.anthropic_passthrough_logging_handler",
        ),
    ),
    _patch(
        "routing_headers",
        "litellm.router_utils.add_retry_fallback_headers:complexity_router_decision_headers",
        "813c69017f2b62bc",
        "_cost_asks:make_routing_headers",
        also={
            "litellm.router_utils.add_retry_fallback_headers:_routing_header_mapping": "6555bf001b51b090"
        },
        copies=("litellm.router",),
    ),
    _patch(
        "failed_deployment",
        "litellm.router:_deployment_that_just_failed",
        "fdc91572660f5b24",
        "_cost_asks:make_failed_deployment",
    ),
    _patch(
        "proxy_usage_artifact",
        f"{_SERVER}:_is_injected_stream_usage_artifact",
        "8baad1ffa41fe115",
        "_proxy_stream:make_usage_artifact",
        also={**_CHUNKS, f"{_SERVER}:_is_empty_streaming_choice": "50a2c03a7410f21a"},
        requires={"pydantic": "!>=2.7,<3"},
    ),
    _patch(
        "proxy_restamp",
        f"{_SERVER}:_restamp_streaming_chunk_model",
        "b76458d16fbc62b1",
        "_proxy_stream:make_restamp",
        also=_CHUNKS,
        requires={"pydantic": "!>=2.7,<3"},
    ),
    _patch(
        "proxy_serialize",
        f"{_SERVER}:_serialize_streaming_chunk",
        "86c249555858b1ca",
        "_proxy_stream:make_serialize",
        also={
            **_CHUNKS,
            f"{_SERVER}:_fast_serialize_simple_model_response_stream": "2ce2cbde1c13cc79",
        },
        requires={"pydantic": "!>=2.7,<3"},
    ),
    *_proxy_patches(_patch),
)
