"""``acompletion`` without a thread: what it does before a request is no work for one.

LiteLLM's ``acompletion`` runs ``completion`` in the event loop's default executor, and gets a coroutine back that makes the request: a
thread is woken, takes the GIL, and wakes the loop through a socket. For OpenAI's own provider nothing in there waits for anything, so
it is run where it is, in the same copy of the context. What may wait, or runs code of the user's in that thread, goes to the
executor: other providers, a secret manager, prompt management, mocks, fallbacks, an executor that somebody set.
"""

from __future__ import annotations

import contextvars
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Callable, Dict, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_RUN = type(contextvars.copy_context().run)
#: What has `completion` do something else than to ask the provider.
_OTHERWISE = (
    "deployment_id",
    "model_list",
    "fallbacks",
    "mock_response",
    "mock_tool_calls",
    "mock_timeout",
    "mock_delay",
    "prompt_id",
    "azure",
    "litellm_system_prompt",
    "litellm_credential_name",
    "use_litellm_proxy",
    "custom_prompt_dict",
    "callbacks",
    "provider_affinity_header",
    "shared_session",
)


def make_run_in_executor(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of BaseEventLoop.run_in_executor and its switch."""
    serving = Serving("litellm.inline")
    studied = Serving("litellm.bridge_check")  # whose gate looks at LiteLLM's side of this

    def run_in_executor(self: Any, executor: Any, func: Any, *args: Any) -> Any:
        if executor is not None or args or type(func) is not partial:
            return original(self, executor, func, *args)
        call: Any = func.args[0] if len(func.args) == 1 else None
        if type(func.func) is not _RUN or type(call) is not partial or not _is_completion(call):
            return original(self, executor, func)
        if serving and studied and _is_at_once(self, call):
            replacement.served += 1
            future = self.create_future()
            try:
                future.set_result(func())
            except BaseException as error:
                future.set_exception(error)
            return future
        replacement.declined += 1
        return original(self, executor, func)

    replacement: Any = run_in_executor
    return finish(replacement, serving)


def _is_completion(call: Any) -> bool:
    """Whether a call is one of LiteLLM's `completion`."""
    main = sys.modules.get("litellm.main")
    return main is not None and call.func is vars(main).get("completion")


def _is_at_once(loop: Any, call: Any) -> bool:
    """Whether nothing waits in a call of `completion` for acompletion."""
    names: Dict[str, Any] = vars(sys.modules["litellm"])
    given = call.keywords
    model, tools = given.get("model"), given.get("tools")
    return bool(
        not call.args
        and given.get("acompletion") is True
        and type(model) is str
        and (
            model.startswith("openai/")
            or ("/" not in model and model in names["open_ai_chat_completion_models"])
        )
        and given.get("custom_llm_provider") in (None, "openai")
        and not any(given.get(name) for name in _OTHERWISE)
        and names["secret_manager_client"] is None
        and names["proxy_auth"] is None
        and not names["model_fallbacks"]
        and not names["model_alias_map"]
        and not names["use_litellm_proxy"]
        and (not tools or (type(tools) is list and all(map(_is_function, tools))))
        and all(map(_has_no_prompts, names["callbacks"]))
        and not loop.get_debug()
        and _has_plain_executor(loop)
    )


def _is_function(tool: Any) -> bool:
    return type(tool) is dict and tool.get("type") == "function"


def _has_no_prompts(callback: Any) -> bool:
    """Whether a callback does not write prompts, which LiteLLM would ask for in the thread."""
    from litellm.integrations.custom_logger import CustomLogger

    if isinstance(callback, str) or not isinstance(callback, CustomLogger):
        return False
    kind = type(callback)
    return getattr(
        kind, "get_chat_completion_prompt", None
    ) is CustomLogger.get_chat_completion_prompt and not hasattr(
        kind, "should_run_prompt_management"
    )


def _has_plain_executor(loop: Any) -> bool:
    executor = getattr(loop, "_default_executor", loop)
    return (executor is None or type(executor) is ThreadPoolExecutor) and not getattr(
        loop, "_executor_shutdown_called", False
    )
