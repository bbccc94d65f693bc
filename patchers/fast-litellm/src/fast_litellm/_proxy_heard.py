"""Success logging of the proxy's requests, where LiteLLM's own limiters are all that hear it.

For each request LiteLLM's logging worker makes a payload of 50 fields (the response as a dict, the model's entry of the map, whether the logged error is
one) and goes through eleven callbacks twice. Of these, in a proxy without a database or a logger of the user's, five do nothing behind a
call, and the others read six fields: the tokens, the cost, whose key it was. So where each callback is one of those, they are called with
what they read, in the original's order; those that would do nothing for this request are not called: the budget of a model where nobody has one,
the budget of a session without a session, the observer of Anthropic's own route, the service logger where ``litellm.service_callback`` is empty.

Who is there is asked when the worker comes to it; for any other callback, and whatever could spoil the payload, the original runs.
"""

from __future__ import annotations

import datetime
import logging
import sys
import traceback
from operator import attrgetter
from types import MethodType
from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm import _fingerprint
from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from . import _heard
from ._unheard import _proxied, _service, _silence

_HOOKS = "litellm.proxy.hooks."
_SILENT, _OBSERVER, _ROUTER, _LIMITER, _BUDGET, _SESSION, _SERVICE = range(7)
#: What hears, and its method, without the decorator, as it was studied.
_ROLES = {
    "litellm._service_logger.ServiceLogging": (_SERVICE, "a7df0067a815c784"),
    f"{_HOOKS}parallel_request_limiter_v3._PROXY_MaxParallelRequestsHandler_v3": (_LIMITER, "c32d914f3e2d8573"),
    f"{_HOOKS}model_max_budget_limiter._PROXY_VirtualKeyModelMaxBudgetLimiter": (_BUDGET, "8c894e6f149b70d8"),
    f"{_HOOKS}max_budget_per_session_limiter._PROXY_MaxBudgetPerSessionHandler": (_SESSION, "402eaa0fb64af509"),
    f"{_HOOKS}prompt_cache_prediction.PromptCacheObserver": (_OBSERVER, "03aaaf2d6940864a"),
}  # fmt: skip
_TARGETED = "2c348fb2425b1d0c"  # what with_service_target makes
_LIMITERS_HOOK = "f8817d4a73b11b5b"
_METHODS = (
    "async_log_success_event",
    "async_logging_hook",
    "redact_standard_logging_payload_from_model_call_details",
)
_methods_of = attrgetter(*_METHODS)
#: Of the payload's metadata: what the limiters read.
_READ = frozenset(
    f"user_api_key_{each}"
    for each in ("hash", "user_id", "team_id", "org_id", "project_id", "end_user_id")
) | {"agent_id", "session_id", "trace_id"}
_MODEL_BUDGETS = tuple(
    f"user_api_key_{each}model_max_budget" for each in ("", "team_", "user_", "end_user_")
)
#: litellm_enterprise's switch of callbacks, as it was studied.
_CONTROLS = "fd6a3d1fcca76da8"
_OTHERS = ("callbacks", "success_callback", "input_callback", "_async_input_callback")
_NONE = type(None)

Found = List[Tuple[Any, int]]


def _code(method: Any) -> str:
    """The fingerprint of a method, of what with_service_target was put on."""
    outer: Any = getattr(method, "__wrapped__", None)
    if outer is not None and _fingerprint.fingerprint(method) != _TARGETED:
        return ""
    return _fingerprint.fingerprint(method if outer is None else outer)


class _Proxy:
    """What the proxy's callbacks are; learnt at the first request."""

    def __init__(self, mirror: Callable[..., Any]) -> None:
        self.mirror = mirror
        self.names: Dict[str, Any] = {}
        self._kinds: Dict[type, Optional[Tuple[int, Tuple[Any, ...]]]] = {}
        self._others: List[List[Any]] = []

    def learn(self) -> None:
        """Look at LiteLLM, once it is imported."""
        from litellm._internal_context import post_response_phase
        from litellm._logging import verbose_proxy_logger
        from litellm.constants import INTERNAL_CALL_ORIGIN_METADATA_KEY
        from litellm.integrations.custom_logger import CustomLogger

        self._base = CustomLogger
        self.phase = post_response_phase
        self._log = verbose_proxy_logger
        self._origin = INTERNAL_CALL_ORIGIN_METADATA_KEY
        names = vars(sys.modules["litellm.litellm_core_utils.litellm_logging"])
        self._read = _READ & names["_STANDARD_LOGGING_METADATA_KEYS"]
        controls = names["EnterpriseCallbackControls"]
        self._controls = controls
        self._is_known = controls is None or _fingerprint.fingerprint(controls) == _CONTROLS
        self.names = names

    def _kind(self, kind: type) -> Optional[Tuple[int, Tuple[Any, ...]]]:
        """What instances of a class do behind a call, and with which methods; None where that is not known."""
        if kind not in self._kinds:
            self._kinds[kind] = self._look_at(kind)
        return self._kinds[kind]

    def _look_at(self, kind: Any) -> Optional[Tuple[int, Tuple[Any, ...]]]:
        base = self._base
        if not issubclass(kind, base) or issubclass(kind, self.names["CustomGuardrail"]):
            return None
        methods: Tuple[Any, ...] = _methods_of(kind)
        heard, hook, redact = (mine is theirs for mine, theirs in zip(methods, _methods_of(base)))
        role, code = _ROLES.get(f"{kind.__module__}.{kind.__qualname__}", (_SILENT, ""))
        if role == _SILENT and not (heard and kind.__module__.startswith(_HOOKS)):
            return None
        if role != _SILENT and _code(methods[0]) != code:
            return None
        if not (_code(methods[1]) == _LIMITERS_HOOK if role == _LIMITER else hook):
            return None
        looked_up = kind.__getattribute__ is object.__getattribute__
        called = any("__call__" in vars(each) for each in kind.__mro__)
        return (role, methods) if redact and looked_up and not called else None

    def _role(self, callback: Any) -> Optional[int]:
        """What a callback does behind a call; None where that is not known."""
        kind = type(callback)
        if kind is MethodType:
            return _ROUTER if callback.__func__ in _heard._async else None
        known = self._kind(kind)
        if (
            known is None
            or _methods_of(kind) != known[1]
            or not callback.__dict__.keys().isdisjoint(_METHODS)
        ):
            return None
        if getattr(callback, "message_logging", True) is not True:
            return None
        if getattr(callback, "turn_off_message_logging", False) is not False:
            return None
        return known[0]

    def listeners(self) -> Optional[Found]:
        """Whom the original would tell, where each of them is known; else None."""
        names = _silence.litellm
        heard = names["_async_success_callback"]
        if type(heard) is not list or names.get("standard_logging_payload_excluded_fields"):
            return None
        others = [names[name] for name in _OTHERS]
        if others != self._others:  # (they are not told, but could look at the call's details)
            for callback in (each for other in others for each in other):
                if type(callback) is MethodType:
                    if callback.__func__ not in _heard._sync | _heard._async:
                        return None
                elif self._kind(type(callback)) is None:
                    return None
            self._others = [list(other) for other in others]
        found = []
        for callback in heard:
            role = self._role(callback)
            if role is None:
                return None
            found.append((callback, role))
        return found

    def payload(self, owner: Any, result: Any) -> Optional[Dict[str, Any]]:
        """Of the payload what is read, where the original could make it; else None."""
        details = owner.model_call_details
        params = details.get("litellm_params")
        if type(params) is not dict or params.get("litellm_metadata") is not None:
            return None
        metadata, request = params.get("metadata"), params.get("proxy_server_request")
        if type(metadata) is not dict or type(request) is not dict:
            return None
        names, body, hidden = self.names, request.get("body"), result._hidden_params
        group, cost = metadata.get("model_group"), hidden.get("response_cost")
        tokens = result.__pydantic_extra__["usage"].__dict__.get("total_tokens")
        if not (
            type(body) is dict
            and type(request.get("headers")) is dict
            and type(metadata.get("headers", {})) is dict
            and type(metadata.get("model_info")) is dict
            and type(group) is str
            and group
            and type(metadata.get("deployment")) is str
            and type(metadata.get("tags")) in (list, _NONE)
            and metadata.get("standard_logging_guardrail_information") is None
            and not metadata.get(self._origin)
            and type(hidden.get("additional_headers")) in (dict, _NONE)
            and type(cost) is float
            and type(tokens) is int
            and type(details.get("optional_params")) is dict
            and details.get("combined_usage_object") is None
            and not details.get("applied_guardrails")
            and not names["litellm"].global_disable_no_log_param
            and params.get("no-log", False) is not True
            and not names["should_redact_message_logging"](details)
        ):
            return None
        if self._controls is not None and (
            self._controls.get_disabled_callbacks(params, owner.standard_callback_dynamic_params)
            is not None
        ):
            return None
        read = {key: metadata[key] for key in self._read if key in metadata}
        key = metadata.get("user_api_key")
        if key and isinstance(key, str) and names["is_valid_sha256_hash"](key):
            read["user_api_key_hash"] = key
        return {
            "metadata": read,
            "end_user": read.get("user_api_key_end_user_id") or body.get("user", None),
            "model": group,  # (its own name is asked for where there is no group)
            "model_group": group,
            "response_cost": cost + 0.0,
            "total_tokens": tokens,
        }

    def found(self, owner: Any, result: Any, start_time: Any, end_time: Any) -> Any:
        """Whom to tell and the payload; None where the original has to."""
        if (
            not self._is_known
            or type(start_time) is not datetime.datetime
            or type(end_time) is not datetime.datetime
            or self._log.isEnabledFor(logging.DEBUG)
            or not _silence.is_quiet(owner, result, batched=True)
            or owner.model_call_details.get("has_logged_async_success") is True
        ):
            return None
        listeners = self.listeners()
        payload = None if listeners is None else self.payload(owner, result)
        return None if payload is None else (listeners, payload)

    async def tell(
        self, owner: Any, found: Any, result: Any, start_time: Any, end_time: Any
    ) -> None:
        """What the original does, but for those who do nothing."""
        listeners, payload = found
        details, hidden = owner.model_call_details, result._hidden_params
        if owner.completion_start_time is None:
            owner.completion_start_time = details["completion_start_time"] = end_time
        details["log_event_type"] = "successful_api_call"
        details["end_time"] = end_time
        details["cache_hit"] = None
        owner._surface_response_headers_from_result(result)
        metadata = details["litellm_params"]["metadata"]
        metadata["hidden_params"] = hidden
        details["response_cost"] = hidden["response_cost"]
        details["zero_cost_diagnostic"] = None
        details["standard_logging_object"] = payload
        for callback, role in listeners:
            if role == _LIMITER:
                try:
                    self.mirror(callback, details, result)
                except Exception:
                    self._failed(owner, callback, "in async_logging_hook")
        owner.mark_logging_complete(event_type="async_success")
        for callback, role in listeners:
            if role == _ROUTER:
                details["log_event_type"] = "post_api_call"
                try:
                    await callback(details, result, start_time, end_time)
                except Exception:  # (the original prints it where it is verbose)
                    pass
            elif (
                role == _LIMITER
                or (role == _BUDGET and any(map(metadata.get, _MODEL_BUDGETS)))
                or (role == _SESSION and None not in map(metadata.get, ("session_id", "agent_id")))
                or (role == _SERVICE and not _service.is_unheard(callback))
            ):
                try:
                    await callback.async_log_success_event(
                        kwargs=details,
                        response_obj=result,
                        start_time=start_time,
                        end_time=end_time,
                    )
                except Exception:
                    self._failed(owner, callback, "while success logging")
        await self.names["flush_post_call_redis_batches"]()

    def _failed(self, owner: Any, callback: Any, where: str) -> None:
        text = f"LiteLLM.LoggingError: [Non-Blocking] Exception occurred {where} %s"
        self.names["verbose_logger"].error(text, traceback.format_exc())
        owner._handle_callback_failure(callback=callback)


_proxy: Optional[_Proxy] = None
_serving = Serving("litellm.proxy_success")
_replacement: Any = None


def tell_later(owner: Any, result: Any, start_time: Any, end_time: Any) -> bool:
    """Have the logging worker tell those who hear of a proxy's request; return whether it is on its way."""
    global _proxy
    if _proxy is None or owner not in _proxied or not (_serving.live or _serving):
        return False
    if not _proxy.names:
        try:
            _proxy.learn()
        except (AttributeError, ImportError, KeyError):  # another LiteLLM
            _proxy = None
            return False
    if not _silence.is_silent(owner) or not _serving.holds() or _proxy.listeners() is None:
        return False
    if owner.claim_async_success_log():
        _silence.worker.ensure_initialized_and_enqueue(
            async_coroutine=async_success_handler(_proxy, owner, result, start_time, end_time)
        )
    return True


async def async_success_handler(
    proxy: _Proxy, owner: Any, result: Any, start_time: Any, end_time: Any
) -> None:
    """Tell those who hear, or whoever does by now."""
    found = proxy.found(owner, result, start_time, end_time)
    if found is None:
        await owner.async_success_handler(result=result, start_time=start_time, end_time=end_time)
        return
    _replacement.served += 1
    try:
        with proxy.phase():
            await proxy.tell(owner, found, result, start_time, end_time)
    finally:
        owner._restore_correlation_context()


async_success_handler.__qualname__ = (
    "Logging.async_success_handler"  # (the worker's warnings name it)
)


def make_mirror(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of the limiter's _mirror_ratelimit_response_into_logging_payload and its switch.

    It is LiteLLM's own, and counts as declined: the original's way to the callbacks goes through it, once in each request. What is served does not.
    """
    global _proxy, _replacement
    _proxy = _Proxy(original)

    def _mirror_ratelimit_response_into_logging_payload(
        self: Any, kwargs: Any, response_obj: Any
    ) -> None:
        replacement.declined += 1
        original(self, kwargs, response_obj)

    replacement: Any = _mirror_ratelimit_response_into_logging_payload
    _replacement = replacement
    return finish(replacement, _serving)
