"""What LiteLLM asks about a model's provider in each call, where the answer is plain."""

from __future__ import annotations

import logging
from typing import Any, Callable, Set, Tuple

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
            serving
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
