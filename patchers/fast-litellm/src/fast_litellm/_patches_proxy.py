"""The patches of what LiteLLM's proxy does around a call: its worker, FastAPI's way to an endpoint, and what it asks anew."""

from __future__ import annotations

from typing import Callable, Tuple

from fast_jvm import Patch

_PROXY = "litellm.proxy"
_CHECKS = f"{_PROXY}.auth.auth_checks"
_AUTH = f"{_PROXY}.auth.user_api_key_auth"
_GZIP = f"{_PROXY}.middleware.gzip_middleware"
_LAZY = f"{_PROXY}._lazy_features"
_HOOK = f"{_PROXY}.hooks.parallel_request_limiter_v3"
_LIMITER = f"{_HOOK}:_PROXY_MaxParallelRequestsHandler_v3"
_ROUTES = f"{_PROXY}.auth.route_checks:RouteChecks"
_RULES = f"{_PROXY}.config_resolvers.settings_rules"
_STORE = f"{_PROXY}.config_resolvers.settings_store"
_MODELS = "fastapi.dependencies.models"
_SOLVE = "fastapi.dependencies.utils"
_LOGGING = "litellm.litellm_core_utils.litellm_logging"
_REDACT = "litellm.litellm_core_utils.redact_messages"
_CALLBACK = "litellm.integrations.custom_logger:CustomLogger"
_AUTHS = f"{_PROXY}.auth.auth_utils"
_MCP = f"{_PROXY}._experimental.mcp_server"
#: What looks a setting up.
_SETTING = {
    f"{_STORE}:SettingsStore.__getitem__": "4dbfbf89ff45a062",
    f"{_STORE}:SettingsStore._resolution_for": "cd9963c7f62a62bc",
    f"{_STORE}:SettingsStore._db_value": "f513a601235e50ee",
    f"{_RULES}:rule_for": "3c93fd84682b241c",
    f"{_RULES}:resolve": "f067acb8af63a55b",
    f"{_RULES}:_db_is_present": "42d66cc9250f217a",
    f"{_RULES}:is_absent": "fa58159b91021f98",
    f"{_RULES}:Absent": "3c12e42b8ddc645c",
}
#: What gathers futures as well as coroutines.
_GATHERED = {f"{_CHECKS}:common_checks": "6ee6219052608691"}
_FASTAPI = ("fastapi", ">=0.120,<1")
_STARLETTE = ("starlette", ">=0.40,<2")
_UVICORN = ("uvicorn", ">=0.30,<1")


def patches(patch: Callable[..., Patch]) -> Tuple[Patch, ...]:
    """The patches, each made by *patch*."""
    return (
        patch(
            "proxy_heap",
            "uvicorn.lifespan.on:LifespanOn.startup",
            "9e6a9ccfe621d43c",
            "_proxy_worker:make_startup",
            of=_UVICORN,
        ),
        patch(
            "proxy_dependencies",
            f"{_SOLVE}:solve_dependencies",
            "19984352eb18aa2b",
            "_proxy_web:make_solve",
            also={
                f"{_SOLVE}:request_params_to_args": "bf631dcd3f3d41e3",
                f"{_SOLVE}:SolvedDependency": "6ec9599e901b4f1c",
                f"{_MODELS}:Dependant": "1db1fe2eac186399",
                f"{_MODELS}:_get_cache_key": "5a3df08940d5a8dc",
                f"{_MODELS}:_get_oauth_scopes": "12d902c9154d60a2",
                f"{_MODELS}:_get_computed_scope": "329da978820412f1",
            },
            of=_FASTAPI,
            copies=("fastapi.routing",),
        ),
        patch(
            "proxy_params",
            f"{_SOLVE}:request_params_to_args",
            "bf631dcd3f3d41e3",
            "_proxy_web:make_params",
            also={
                f"{_SOLVE}:_get_param_model": "d368899a13977779",
                f"{_SOLVE}:_get_param_aliases": "0d93aba385c539c7",
                f"{_SOLVE}:_get_multidict_value": "1af2ab39cd5a36fa",
                f"{_SOLVE}:_validate_value_with_model_field": "7da285caebb73a9b",
                f"{_SOLVE}:_request_param_model_to_args": "2a9deb0e9a1115e2",
                f"{_SOLVE}:ModelField": "fc1a506e91f91e71",
            },
            of=_FASTAPI,
        ),
        patch(
            "proxy_json",
            "fastapi.encoders:jsonable_encoder",
            "d3c5e481300b1036",
            "_proxy_web:make_jsonable",
            of=_FASTAPI,
            copies=(
                "fastapi.routing",
                "fastapi.exception_handlers",
                f"{_PROXY}.proxy_server",
            ),
        ),
        patch(
            "proxy_routes",
            f"{_ROUTES}.check_route_access",
            "9cef9948b7011993",
            "_proxy_asks:make_route_access",
            also={
                f"{_ROUTES}.is_wildcard_pattern": "c6e6199a9624d526",
                f"{_ROUTES}.route_matches_wildcard_pattern": "5f66874ffb8b1799",
                f"{_ROUTES}._route_matches_pattern": "420eb39aef1e8b6f",
            },
        ),
        patch(
            "proxy_markers",
            f"{_PROXY}.auth.auth_utils:_route_matches_any_marker",
            "63cdd9a838425190",
            "_proxy_asks:make_markers",
        ),
        patch(
            "proxy_lazy",
            f"{_LAZY}:LazyFeatureMiddleware.__call__",
            "464b382bda2e49df",
            "_proxy_asks:make_lazy",
            also={
                f"{_LAZY}:LazyFeature": "a3ec77d894bc7611",
                f"{_LAZY}:LazyFeature.matches": "0d93c08432dd8c2f",
            },
        ),
        patch(
            "proxy_setting",
            f"{_STORE}:SettingsStore.__getitem__",
            "4dbfbf89ff45a062",
            "_proxy_asks:make_setting",
            also=_SETTING,
        ),
        patch(
            "proxy_setting_get",
            f"{_STORE}:SettingsStore.get",
            "f7574732a5057b81",
            "_proxy_asks:make_setting_get",
            also=_SETTING,
        ),
        patch(
            "proxy_settings_there",
            f"{_STORE}:SettingsStore.__bool__",
            "9123a6161f8b3800",
            "_proxy_asks:make_settings_there",
            also={
                f"{_STORE}:SettingsStore.__iter__": "6d2b3c7ea8cb9825",
                f"{_STORE}:SettingsStore._keys": "9a63cc2c344197b0",
                f"{_STORE}:SettingsStore._resolution_for": "cd9963c7f62a62bc",
                f"{_RULES}:resolve": "f067acb8af63a55b",
                f"{_RULES}:Absent": "3c12e42b8ddc645c",
            },
        ),
        patch(
            "proxy_key",
            f"{_AUTH}:_return_user_api_key_auth_obj",
            "9f1525cdbc73dc97",
            "_proxy_identity:make_key",
            also={
                f"{_PROXY}._types:UserAPIKeyAuth": "09629f6a72500f52",
                f"{_PROXY}._types:LiteLLM_VerificationTokenView": "63321448257672ec",
                f"{_PROXY}._types:UserAPIKeyAuth._safe_hash_litellm_api_key": "13864c0ad3f9f8fd",
                f"{_PROXY}._types:hash_token": "f3178a3e37fa1cbc",
                "litellm.models.verification_token:LiteLLM_VerificationToken": "311d23d14a14fd6b",
                f"{_PROXY}.auth.handle_jwt:JWTHandler.is_jwt": "70ce83075fd44fbc",
                "litellm._service_logger:ServiceLogging.async_service_success_hook": "32a7c4bab49e7f67",
            },
        ),
        patch(
            "proxy_model",
            f"{_AUTHS}:get_model_from_request",
            "dd99b9664f51ee5f",
            "_proxy_identity:make_model",
            also={
                f"{_AUTHS}:_extract_model_candidates_from_request": "5386a9f749556457",
                f"{_AUTHS}:_append_model_candidates": "70f11ba243c23b8c",
                f"{_AUTHS}:_dedupe_model_candidates": "26f2be9ee14540c2",
                f"{_AUTHS}:_format_model_candidates": "cc9c4f108e3a9b13",
                f"{_AUTHS}:_route_uses_model_routing_sources": "585f4201ce29ada7",
            },
            copies=(
                _AUTH,
                _CHECKS,
                f"{_PROXY}.spend_tracking.budget_reservation",
                f"{_PROXY}.pass_through_endpoints.pass_through_endpoints",
            ),
        ),
        patch(
            "proxy_mcp_headers",
            f"{_MCP}.utils:upstream_credential_headers",
            "e92e4f80e9d74137",
            "_proxy_asks:make_credential_headers",
            also={
                f"{_MCP}.utils:_mcp_client_side_auth_header_name": "ec41c6efc71d1d24",
                f"{_MCP}.utils:_forwarded_upstream_header_names": "d58e188098382bb2",
                f"{_MCP}.utils:_identity_header_names": "119bfed65944c499",
                f"{_MCP}.auth.user_api_key_auth_mcp:MCPRequestHandler.get_mcp_client_side_auth_header_name": "3e4220ad2774faa9",
                "litellm.secret_managers.main:get_secret": "de5010e0923aeea5",
                "litellm.secret_managers.main:get_secret_str": "d7674d4b9d5c8ecf",
            },
        ),
        patch(
            "proxy_target",
            "litellm._internal_context:service_target",
            "ae0c3133995220d7",
            "_proxy_asks:make_target",
            also={"litellm._internal_context:_restore": "5252875d69f5585d"},
            copies=(
                "litellm.router_utils.routing_read_batch",
                "litellm.router_utils.cooldown_cache",
                "litellm.router_utils.prompt_caching_cache",
                "litellm.router_utils.cooldown_handlers",
                "litellm.integrations.SlackAlerting.slack_alerting",
                f"{_PROXY}.auth.auth_object_prefetch",
                f"{_PROXY}.auth.user_api_key_auth",
                f"{_PROXY}.spend_tracking.spend_counter_batch",
                f"{_PROXY}.utils",
                "litellm.caching.caching",
                "litellm.caching.redis_batch",
            ),
        ),
        patch(
            "proxy_db_error",
            f"{_PROXY}.db.log_db_metrics:is_exception_related_to_db",
            "1129e73c4ab717dc",
            "_proxy_asks:make_db_related",
            copies=(f"{_PROXY}.db.db_span", f"{_PROXY}.utils"),
        ),
        patch(
            "proxy_access_log",
            "litellm._logging:_scrub_access_arg",
            "edfd4481987a7c66",
            "_proxy_asks:make_scrub",
            also={
                "litellm._logging:_drop_encoded_credential": "afbf6b542b6402e0",
                "litellm._logging:_hides_a_credential": "55751e3ad5347258",
                "litellm._logging:python_redact_string": "21a59adc1a814c13",
            },
        ),
        patch(
            "proxy_body",
            f"{_GZIP}:_BufferedBodyGzipResponder.__call__",
            "05236c1f37aa080a",
            "_proxy_http:make_responder",
        ),
        patch(
            "proxy_send",
            "uvicorn.protocols.http.h11_impl:RequestResponseCycle.send",
            "734eb0ab00bdb8b2",
            "_proxy_http:make_send",
            also={
                "h11._headers:normalize_and_validate": "3eed960e0d60c5d0",
                "h11._headers:Headers": "758d2419f2dab450",
                "h11._events:_ResponseBase.__init__": "b688bbf7fd0b1b45",
                "h11._util:validate": "615a954208952950",
            },
            of=_UVICORN,
        ),
        patch(
            "proxy_access_line",
            "uvicorn.logging:AccessFormatter.formatMessage",
            "e178f8aa33d5ff11",
            "_proxy_http:make_access",
            also={
                "uvicorn.logging:AccessFormatter.get_status_code": "4376a489bb253620",
                "uvicorn.logging:ColourizedFormatter.formatMessage": "daba3eae8e6cddcb",
            },
            of=_UVICORN,
        ),
        patch(
            "proxy_headers",
            "starlette.datastructures:MutableHeaders.update",
            "7f130ed49832f3a8",
            "_proxy_web:make_update",
            also={"starlette.datastructures:MutableHeaders.__setitem__": "dbb9f36940281d5e"},
            of=_STARLETTE,
        ),
        patch(
            "proxy_team_max",
            f"{_CHECKS}:team_max_budget_check",
            "80a0db48dd96f5ab",
            "_proxy_checks:make_team_max",
            also=_GATHERED,
        ),
        patch(
            "proxy_team_windows",
            f"{_CHECKS}:_team_multi_budget_check",
            "397ca48678396c2b",
            "_proxy_checks:make_team_windows",
            also=_GATHERED,
        ),
        patch(
            "proxy_key_windows",
            f"{_CHECKS}:_virtual_key_multi_budget_check",
            "c74f17c31251a688",
            "_proxy_checks:make_key_windows",
            also=_GATHERED,
        ),
        patch(
            "proxy_team_soft",
            f"{_CHECKS}:_team_soft_budget_check",
            "289f6d6737beb255",
            "_proxy_checks:make_team_soft",
            also=_GATHERED,
        ),
        patch(
            "proxy_organization",
            f"{_CHECKS}:organization_max_budget_check",
            "82316074fbe6d833",
            "_proxy_checks:make_organization",
            also=_GATHERED,
        ),
        patch(
            "proxy_tags",
            f"{_CHECKS}:_tag_max_budget_check",
            "ecb1f7cd414d5ae4",
            "_proxy_checks:make_tags",
            also={
                **_GATHERED,
                f"{_CHECKS}:tag_max_budget_check_for_tags": "ddc7141e229ea38a",
                f"{_PROXY}.common_utils.http_parsing_utils:get_tags_from_request_body": "b36dc2717466aab0",
                "litellm.litellm_core_utils.core_helpers:get_metadata_variable_name_from_kwargs": "f03b0a362ea0a047",
            },
        ),
        patch(
            "proxy_member",
            f"{_CHECKS}:_check_team_member_budget",
            "92010cdcefa01393",
            "_proxy_checks:make_member",
            also=_GATHERED,
        ),
        patch(
            "proxy_fetch",
            f"{_AUTH}:_safe_fetch",
            "215d672dfe12d142",
            "_proxy_checks:make_fetch",
            also={
                f"{_AUTH}:_noop_none": "22ad0e475aaeb11a",
                f"{_AUTH}:run_centralized_common_checks": "f6f2d361d04b3368",
            },
        ),
        patch(
            "proxy_vector_stores",
            f"{_CHECKS}:_vector_store_deny_by_default",
            "03d90b0942b5b3bf",
            "_proxy_checks:make_deny",
        ),
        patch(
            "proxy_key_limit",
            f"{_LIMITER}._key_owns_model_tpm_limit_from_request_metadata",
            "99e956b29d0db6a3",
            "_proxy_checks:make_key_owns",
            also={
                f"{_LIMITER}._key_owns_model_limit": "5816b983e265f880",
                f"{_HOOK}:get_key_own_model_rate_limit": "1af5298788fad446",
            },
        ),
        patch(
            "proxy_success",
            f"{_LIMITER}._mirror_ratelimit_response_into_logging_payload",
            "3e66a8745d133f1b",
            "_proxy_heard:make_mirror",
            also={
                f"{_LIMITER}._build_success_event_pipeline_operations": "e17e827aa25c9935",
                f"{_LIMITER}._build_io_token_reservation_ops": "6d11da572d47d050",
                f"{_LIMITER}._collect_tpm_scope_targets": "722fe2ea5cd1acce",
                f"{_PROXY}.hooks.model_max_budget_limiter:_resolve_entity_model_budgets": "c76a54c08e73ccff",
                f"{_PROXY}.hooks.prompt_cache_prediction:_Event": "8e8b88dc312bdcb1",
                f"{_CALLBACK}.async_log_success_event": "b7a51c30373d63d9",
                f"{_CALLBACK}.async_logging_hook": "31fd37ca57cc665d",
                f"{_CALLBACK}.async_log_event": "434f2fa5e2821182",
                f"{_CALLBACK}.redact_standard_logging_payload_from_model_call_details": "e349237b8cc4ab56",
                f"{_LOGGING}:Logging.should_run_callback": "179e41e33227d898",
                f"{_LOGGING}:Logging.normalize_logging_result": "aa1d95f7b0b49770",
                f"{_LOGGING}:Logging._transform_usage_objects": "3eaa3a08f82d8976",
                f"{_LOGGING}:Logging._record_zero_cost_diagnostic": "970456fa4ac49930",
                f"{_LOGGING}:StandardLoggingPayloadSetup": "7a8f52ea031f15e3",
                f"{_LOGGING}:redact_message_input_output_from_logging": "4a67ae84e86197ed",
                f"{_REDACT}:redact_message_input_output_from_custom_logger": "308fe631d64700a6",
                f"{_REDACT}:redact_streaming_responses_for_custom_logger": "5eeaa85d77116a9e",
            },
        ),
    )
