"""Success logging that only Routers hear: their own callback counts a deployment's successes and tokens, and reads no more of the payload.

A Router registers itself with LiteLLM's callbacks, so that for each call a payload is made of all that is known of it: the response as a dict,
the model's entry of the map, what a proxy would say of the user. The Router's callbacks read the total of tokens, and the metadata that it
made itself. So where each callback is a Router's own, they are called with what they read; all that they do is theirs. What anybody else could
see is written as the original writes it: ``hidden_params`` in the metadata, which is the user's dict where one was given.

Asynchronous calls are told by LiteLLM's logging worker, when the original would be, and what is left out is decided there. Synchronous ones are told at once,
in place of a thread: a counter in memory is increased.
"""

from __future__ import annotations

import logging
import sys
from types import MethodType
from typing import Any, Callable, List, Optional, Set, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._deployments import deployment_functions
from ._router import _SCALARS, _models_of
from ._router_usage import _valid, usage_functions
from ._unheard import _silence, is_routed

#: What Router and call write into the metadata by themselves; no value of these can spoil the payload.
_OWN = frozenset(
    (
        "model_group",
        "model_group_alias",
        "attempted_fallbacks",
        "original_model_group",
        "model_group_size",
        "attempted_retries",
        "max_retries",
        "deployment",
        "model_info",
        "api_base",
        "deployment_model_name",
        "_routing_request_tags",
        "caching_groups",
        "hidden_params",
        "llm_api_timing_windows",
        "_litellm_router_usage_counted_tokens",
    )
)
#: A Router's callbacks as they were studied: of synchronous calls, of asynchronous ones.
_sync: Set[Any] = set()
_async: Set[Any] = set()
_studied = Serving("litellm.router_success")


def _listeners(owner: Any, result: Any, called: str, known: Set[Any]) -> Optional[List[Any]]:
    """Return whom the original would tell, where each is a Router's callback that needs no payload; else None."""
    names = _silence.litellm
    listeners = names[called]
    if (
        type(listeners) is not list
        or not listeners
        or names["callbacks"]
        or owner.logger_fn is not None
        or names["input_callback"]
        or names["_async_input_callback"]
        or not all(type(each) is MethodType and each.__func__ in known for each in listeners)
        or not all(
            type(each) is MethodType and each.__func__ in _sync
            for each in names["success_callback"]
        )  # they may be told of an asynchronous call too, in a thread, with the same details
        or not _silence.is_quiet(owner, result)
    ):
        return None
    details = owner.model_call_details
    parameters = details.get("litellm_params")
    if type(parameters) is not dict or parameters.get("proxy_server_request"):
        return None
    metadata = parameters.get("metadata")
    if (
        type(metadata) is not dict
        or not _OWN.issuperset(metadata)
        or type(metadata.get("model_info")) is not dict
        or type(metadata.get("_routing_request_tags")) is not tuple
        or type(metadata.get("llm_api_timing_windows", ())) is not tuple
        or type(metadata.get("deployment")) is not str
        or type(metadata.get("model_group")) is not str
        or parameters.get("litellm_metadata") is not None
        or type(parameters.get("model_info")) is not dict
    ):
        return None
    if type(result._hidden_params.get("response_cost")) is not float:
        return None
    hook = "success_handler" if known is _sync else "async_success_handler"
    if not all(owner.should_run_callback(each, parameters, hook) for each in listeners):
        return None
    return list(listeners)


def _tell(owner: Any, result: Any, end_time: Any) -> Any:
    """Write what the original writes before it tells; return the call's details."""
    details, hidden = owner.model_call_details, result._hidden_params
    details["end_time"] = end_time
    details["cache_hit"] = None
    details["response_cost"] = hidden["response_cost"]
    details["litellm_params"]["metadata"]["hidden_params"] = hidden
    details["log_event_type"] = "post_api_call"
    return details


def tell_at_once(owner: Any, result: Any, start_time: Any, end_time: Any) -> bool:
    """Tell Routers of a synchronous call; return whether that was all to do."""
    if not _sync or not _studied or not is_routed(owner):
        return False
    found = _listeners(owner, result, "success_callback", _sync)
    details = owner.model_call_details
    if (
        found is None
        or details.get("has_logged_sync_success") is True
        or not owner.is_sync_litellm_request(details["litellm_params"])
        or not _silence.calls_functions()
    ):
        return False
    models = _models_of(sys.modules["litellm.router"].__dict__)
    if any(models.cached(each.__self__) is None for each in found):
        return False  # another cache may take its time
    _tell(owner, result, end_time)["has_logged_sync_success"] = True
    for each in found:
        try:
            each(details, result, start_time, end_time)
        except Exception:  # (the original prints it where it is verbose)
            pass
    return True


def tell_later(owner: Any, result: Any, start_time: Any, end_time: Any) -> bool:
    """Have the logging worker tell Routers of an asynchronous call; return whether it is on its way."""
    if not _async or not _studied or not is_routed(owner) or not _silence.is_silent(owner):
        return False
    listeners = _silence.litellm["_async_success_callback"]
    if not listeners or not all(getattr(each, "__func__", None) in _async for each in listeners):
        return False
    if owner.claim_async_success_log():
        _silence.worker.ensure_initialized_and_enqueue(
            async_coroutine=async_success_handler(owner, result, start_time, end_time)
        )
    return True


async def async_success_handler(owner: Any, result: Any, start_time: Any, end_time: Any) -> None:
    """Tell Routers, or whoever listens by now."""
    found = _listeners(owner, result, "_async_success_callback", _async)
    details = owner.model_call_details
    usage = result.__pydantic_extra__["usage"] if found else None
    tokens = None if usage is None else usage.__dict__.get("total_tokens")
    if not found or type(tokens) is not int or details.get("has_logged_async_success") is True:
        await owner.async_success_handler(result=result, start_time=start_time, end_time=end_time)
        return
    _tell(owner, result, end_time)["standard_logging_object"] = {"total_tokens": tokens}
    details["has_logged_async_success"] = True
    for each in found:
        try:
            await each(details, result, start_time, end_time)
        except Exception:
            pass


async_success_handler.__qualname__ = (
    "Logging.async_success_handler"  # (the worker's warnings name it)
)


def make_router_success(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Router.deployment_callback_on_success and its switch: no model is made to see that a deployment is there."""
    serving = Serving("litellm.router_success")
    names = original.__globals__
    router, deployment = names["Router"], names["Deployment"]
    deployment_functions.add(router.get_deployment)
    counting = usage_functions

    def known(self: Any, kwargs: Any) -> Optional[Tuple[Any, Any, Any]]:
        """The call's parameters, metadata and deployment, where the original would find them."""
        if (
            kwargs.get("call_type") not in ("completion", "acompletion")
            or type(self).get_deployment not in deployment_functions
            or "get_deployment" in vars(self)
        ):
            return None
        payload, parameters = kwargs.get("standard_logging_object"), kwargs["litellm_params"]
        if type(payload) is not dict or type(parameters) is not dict:
            return None
        metadata, info = parameters.get("metadata"), parameters.get("model_info")
        if type(metadata) is not dict or type(info) is not dict:
            return None
        model_id = info.get("id")
        if metadata.get("model_group") is None or type(model_id) is not str:
            return None
        index = self.model_id_to_deployment_index_map.get(model_id)
        model = None if index is None else self.model_list[index]
        if type(model) is not dict:
            return None
        own, wanted = model.get("model_info"), model.get("litellm_params")
        if type(own) is not dict or type(wanted) is not dict:
            return None
        models = _models_of(names)
        validated = models.known(models.kept(self), wanted)
        if (
            validated is None
            or not _SCALARS.issuperset(map(type, validated.values))
            or not _valid(self, model, own, deployment)
        ):
            return None
        return parameters, metadata, model_id

    def is_plain(self: Any) -> bool:
        """Whether _increment_deployment_usage is LiteLLM's, and says nothing."""
        return (
            type(self)._increment_deployment_usage in counting
            and "_increment_deployment_usage" not in vars(self)
            and not names["verbose_router_logger"].isEnabledFor(logging.DEBUG)
        )

    async def deployment_callback_on_success(
        self: Any, kwargs: Any, completion_response: Any, start_time: Any, end_time: Any
    ) -> Any:
        found = None
        if (serving.live or serving) and type(kwargs) is dict and "litellm_params" in kwargs:
            found = known(self, kwargs)
        if found is None:
            replacement.declined += 1
            return await original(self, kwargs, completion_response, start_time, end_time)
        replacement.served += 1
        parameters, metadata, model_id = found
        try:
            names["increment_deployment_successes_for_current_minute"](
                litellm_router_instance=self, deployment_id=model_id
            )
            tokens = kwargs["standard_logging_object"].get("total_tokens", 0)
            counted = names["get_counted_usage_tokens"](parameters)
            if counted is not None and tokens - counted <= 0 and is_plain(self):
                return None  # nothing is left to count
            name = metadata.get("deployment", None)
            return await self._increment_deployment_usage(
                deployment_id=model_id,
                deployment_name=name if isinstance(name, str) else None,
                model_group=metadata["model_group"],
                total_tokens=tokens if counted is None else max(0, tokens - counted),
                rpm_increment=1 if counted is None else 0,
                parent_otel_span=names["get_parent_otel_span_from_kwargs"](kwargs),
            )
        except Exception as error:
            names["verbose_router_logger"].debug(
                "litellm.router.Router::deployment_callback_on_success(): Exception occured - %s",
                error,
            )

    replacement: Any = deployment_callback_on_success
    _async.update((original, replacement))
    _sync.add(vars(router)["sync_deployment_callback_on_success"])
    return finish(replacement, serving)
