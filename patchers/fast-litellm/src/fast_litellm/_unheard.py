"""Logging that nobody hears: what LiteLLM does behind a call for its callbacks, where there are none.

After each call LiteLLM makes a payload for its callbacks, in a thread of a pool (sync) or in five tasks (async), and tells
a service logger how long the provider took. Without a callback nothing of it can be seen: the logging object is the call's own, and
so are the dicts in it. So it is left out where no callback is registered, for this call or for all, the logging object was made
within the call, no metadata of the user's would be written into, and the response is one whose text raises no warning.
All of that is asked when the original would hand the work over.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import os
import sys
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_TEXTS = frozenset((str, type(None)))
_COUNTS = frozenset((int, float, type(None)))
_HANDLERS = (
    "success_handler",
    "_success_handler_body",
    "async_success_handler",
    "_async_success_handler_body",
    "_success_handler_helper_fn",
    "_process_hidden_params_and_response_cost",
    "_build_standard_logging_payload",
    "should_run_logging",
    "mark_logging_complete",
    "claim_async_success_log",
)
_PAYLOAD = (
    "get_standard_logging_object_payload",
    "emit_standard_logging_payload",
    "redact_message_input_output_from_logging",
)

#: Logging objects that were made within a call of LiteLLM's, so that nobody else has them.
_own: "weakref.WeakSet[Any]" = weakref.WeakSet()
#: The same, of calls with metadata.
_routed: "weakref.WeakSet[Any]" = weakref.WeakSet()
#: Logging objects that the proxy made of a request.
_proxied: "weakref.WeakSet[Any]" = weakref.WeakSet()
_PROXY = "litellm.proxy.common_request_processing"


class _Silence:
    """Whether nobody listens; learnt once LiteLLM is imported."""

    def __init__(self) -> None:
        self.kind: Any = None  # Logging
        self.litellm: Dict[str, Any] = {}

    def _learn(self) -> None:
        from litellm._logging import verbose_logger
        from litellm.caching import redis_batch
        from litellm.litellm_core_utils import litellm_logging, logging_worker
        from litellm.types import utils as types

        self.kind = litellm_logging.Logging
        self.litellm = vars(sys.modules["litellm"])
        self._methods = vars(self.kind)
        self._names = vars(litellm_logging)
        self._known = self._code()
        self.worker: Any = logging_worker.GLOBAL_LOGGING_WORKER
        self._logger = verbose_logger
        self._batches = redis_batch._active_request_batches
        self._response = types.ModelResponse
        self._choice = types.Choices
        self._message = types.Message
        self._usage = types.Usage
        self._details = (types.PromptTokensDetailsWrapper, types.CompletionTokensDetailsWrapper)
        self._tool_call = types.ChatCompletionMessageToolCall
        self._function = types.Function

    def _code(self) -> List[Any]:
        return [
            *map(self._methods.get, _HANDLERS),
            *map(self._names.get, _PAYLOAD),
        ]

    def covers(self, owner: Any, result: Any) -> bool:
        """Whether all that the success handlers would do for this result is for nobody."""
        if self.kind is None:
            self._learn()
        names = self.litellm
        return bool(
            type(owner) is self.kind
            and owner in _own
            and not names["success_callback"]
            and not names["_async_success_callback"]
            and not names["callbacks"]
            and self.is_quiet(owner, result)
        )

    def is_silent(self, owner: Any) -> bool:
        """Whether the original would say nothing on its way to the logging worker."""
        return bool(
            not owner.defer_async_logging
            and not self.litellm["set_verbose"]
            and not self._logger.isEnabledFor(logging.DEBUG)
            and vars(self.worker).get("ensure_initialized_and_enqueue") is None
        )

    def calls_functions(self) -> bool:
        """Whether the original calls callbacks that are functions."""
        return self._names["customLogger"] is not None

    def is_quiet(self, owner: Any, result: Any, batched: bool = False) -> bool:
        """Whether the success handlers would but tell those callbacks that are registered for all calls; *batched*, within a batch for Redis too."""
        parameters = owner.litellm_params
        details = owner.model_call_details
        return bool(
            not owner.dynamic_success_callbacks
            and not owner.dynamic_async_success_callbacks
            and not owner.stream
            and owner.baseline_cache_context is None
            and owner.call_type in ("completion", "acompletion")
            and type(parameters) is dict
            and type(details) is dict
            and "cache_hit" not in details
            and "standard_logging_object" not in details
            and not os.environ.get("LITELLM_PRINT_STANDARD_LOGGING_PAYLOAD")
            and self.is_silent(owner)
            and (batched or self._batches.get() is None)
            and self._code() == self._known
            and self._is_plain(result)
        )

    def _is_plain(self, result: Any) -> bool:
        """Whether a response is of the types that its classes declare: its payload raises no error and no warning."""
        if type(result) is not self._response:
            return False
        fields, more = result.__dict__, result.__pydantic_extra__
        hidden = result._hidden_params
        usage = more.get("usage") if more else None
        if type(hidden) is not dict or type(fields.get("choices")) is not list:
            return False
        cost = hidden.get("response_cost", 0.0)
        return (
            (cost is None or (type(cost) is float and cost > 0))
            and type(fields.get("id")) is str
            and type(fields.get("created")) is int
            and type(fields.get("object")) is str
            and type(fields.get("model")) is str
            and type(fields.get("system_fingerprint")) in _TEXTS
            and type(usage) is self._usage
            and self._is_plain_usage(usage)
            and all(map(self._is_plain_choice, fields["choices"]))
        )

    def _is_plain_usage(self, usage: Any) -> bool:
        for value in usage.__dict__.values():
            kind = type(value)
            if kind is int or value is None:
                continue
            if kind not in self._details:
                return False
            if not all(type(each) in _COUNTS for each in value.__dict__.values()):
                return False
            if value.__pydantic_extra__:
                return False
        return not usage.__pydantic_extra__

    def _is_plain_choice(self, choice: Any) -> bool:
        if type(choice) is not self._choice or choice.__pydantic_extra__:
            return False
        fields = choice.__dict__
        message = fields.get("message")
        if (
            type(message) is not self._message
            or message.__pydantic_extra__
            or type(fields.get("finish_reason")) is not str
            or type(fields.get("index")) is not int
            or fields.get("logprobs") is not None
        ):
            return False
        for name, value in message.__dict__.items():
            if value is None or type(value) is str:
                continue
            if name == "tool_calls" and type(value) is list:
                if all(map(self._is_plain_tool_call, value)):
                    continue
            elif name == "provider_specific_fields" and type(value) is dict:
                if all(type(key) is str for key in value):
                    continue
            elif name == "annotations" and value == []:
                continue
            return False
        return type(message.__dict__.get("role")) is str

    def _is_plain_tool_call(self, call: Any) -> bool:
        if type(call) is not self._tool_call:
            return False
        fields = {**call.__dict__, **(call.__pydantic_extra__ or {})}
        function = fields.pop("function", None)
        return (
            type(function) is self._function
            and not function.__pydantic_extra__
            and type(function.__dict__.get("arguments")) is str
            and type(function.__dict__.get("name")) in _TEXTS
            and all(type(value) is str for value in fields.values())
        )


_silence = _Silence()


def is_routed(owner: Any) -> bool:
    """Whether a logging object was made within a call that was given metadata, as the Router gives it."""
    if _silence.kind is None:
        _silence._learn()
    return type(owner) is _silence.kind and owner in _routed


def make_setup(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of function_setup and its switch: it notes whose a logging object is."""
    serving = Serving("litellm.setup")
    names = original.__globals__
    wrappers: Any = None

    def function_setup(
        original_function: Any,
        rules_obj: Any,
        start_time: Any,
        *args: Any,
        is_async_call: bool = True,
        **kwargs: Any,
    ) -> Any:
        nonlocal wrappers
        made = original(
            original_function, rules_obj, start_time, *args, is_async_call=is_async_call, **kwargs
        )
        if serving.live or serving:
            if wrappers is None:
                wrappers = _codes_of(names["client"])
            caller = sys._getframe(1)
            if caller.f_code in wrappers and kwargs.get("litellm_metadata") is None:
                replacement.served += 1
                (_own if kwargs.get("metadata") is None else _routed).add(made[0])
                return made
            if caller.f_globals.get("__name__") == _PROXY:
                replacement.served += 1
                _proxied.add(made[0])
                return made
        replacement.declined += 1
        return made

    replacement: Any = function_setup
    return finish(replacement, serving)


def _codes_of(client: Any) -> Any:
    """The code of the two wrappers that `client` puts around functions."""
    return frozenset(
        each
        for each in client.__code__.co_consts
        if getattr(each, "co_name", None) in ("wrapper", "wrapper_async")
    )


def make_sync_success(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of handle_sync_success_callbacks_for_async_calls and its switch: no lists are made of no callbacks."""
    serving = Serving("litellm.sync_success")
    names = original.__globals__

    def handle_sync_success_callbacks_for_async_calls(
        self: Any, result: Any, start_time: Any, end_time: Any, cache_hit: Any = None
    ) -> None:
        if (
            (serving.live or serving)
            and not self.dynamic_success_callbacks
            and not names["litellm"].success_callback
            and not names["verbose_logger"].isEnabledFor(logging.DEBUG)
        ):
            replacement.served += 1
            return
        replacement.declined += 1
        original(self, result, start_time, end_time, cache_hit)

    replacement: Any = handle_sync_success_callbacks_for_async_calls
    return finish(replacement, serving)


class _Service:
    """Whether the service logger has nobody to tell."""

    def __init__(self) -> None:
        self.kind: Any = None

    def is_unheard(self, logger: Any) -> bool:
        """Whether a success would be told to nobody."""
        if self.kind is None:
            from litellm import _service_logger

            self.kind = _service_logger.ServiceLogging
            self._litellm = vars(sys.modules["litellm"])
            self._hook = self.kind.async_service_success_hook
            self.services = _service_logger.ServiceTypes
        return (
            type(logger) is self.kind
            and not self._litellm["service_callback"]
            and not logger.mock_testing
            and self.kind.async_service_success_hook is self._hook
            and "async_service_success_hook" not in vars(logger)
        )


_service = _Service()


def make_service(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ServiceLogging.service_success_hook and its switch.

    The original runs an event loop for it, the thread's or a new one. The thread's is left alone where nothing waits in it.
    """
    serving = Serving("litellm.service")

    def service_success_hook(
        self: Any,
        service: Any,
        duration: Any,
        call_type: Any,
        parent_otel_span: Any = None,
        start_time: Any = None,
        end_time: Any = None,
        caller: Any = None,
    ) -> None:
        if (
            (serving.live or serving)
            and type(duration) is float
            and type(call_type) is str
            and _service.is_unheard(self)
            and type(service) is _service.services
            and _is_idle()
        ):
            replacement.served += 1
            return
        replacement.declined += 1
        original(self, service, duration, call_type, parent_otel_span, start_time, end_time, caller)

    replacement: Any = service_success_hook
    return finish(replacement, serving)


def _is_idle() -> bool:
    """Whether to run the thread's event loop, or a new one, would move nothing."""
    try:
        loop: Any = asyncio.get_event_loop()
    except RuntimeError:
        return True
    if loop.is_closed():
        return False
    if loop.is_running():
        return True
    try:
        return not loop._ready and not loop._scheduled and len(loop._selector.get_map()) == 1
    except AttributeError:
        return False  # another kind of loop


def make_timed_request(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of make_openai_chat_completion_request and its switch: no task is made to tell nobody."""
    serving = Serving("litellm.timed_request")
    studied = Serving("litellm.service")
    names = original.__globals__
    inner: Optional[Callable[..., Any]] = getattr(original, "__wrapped__", None)

    async def make_openai_chat_completion_request(*args: Any, **kwargs: Any) -> Any:
        if not (
            (serving.live or serving)
            and inner is not None
            and _service.is_unheard(names["_get_service_logger"]())
            and studied
        ):
            replacement.declined += 1
            return await original(*args, **kwargs)
        replacement.served += 1
        start = datetime.datetime.now()
        logging_obj = kwargs.get("logging_obj", None)
        names["_get_parent_otel_span_from_logging_obj"](logging_obj)
        try:
            return await inner(*args, **kwargs)
        finally:
            names["_set_duration_in_model_call_details"](
                logging_obj=logging_obj, start_time=start, end_time=datetime.datetime.now()
            )

    replacement: Any = make_openai_chat_completion_request
    return finish(replacement, serving)
