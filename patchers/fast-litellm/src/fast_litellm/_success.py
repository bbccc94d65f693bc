"""Where LiteLLM hands a call's success on: to those who do without its payload, where all who hear of it do."""

from __future__ import annotations

from concurrent.futures import Future
from types import MethodType
from typing import Any, Callable, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from . import _heard, _proxy_heard
from ._unheard import _silence


def make_submit(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of the logging pool's submit and its switch."""
    serving = Serving("litellm.success")
    studied = Serving("litellm.sync_success")  # whose gate looks at the handlers
    done: "Future[None]" = Future()
    done.set_result(None)

    def submit(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 4 and not kwargs and (serving.live or serving):
            handler: Any = args[0]  # (the function is a context's run)
            if (
                type(handler) is MethodType
                and handler.__name__ == "success_handler"
                and studied
                and (
                    _silence.covers(handler.__self__, args[1])
                    or _heard.tell_at_once(handler.__self__, *args[1:])
                )
            ):
                replacement.served += 1
                return done
        replacement.declined += 1
        return original(self, fn, *args, **kwargs)

    replacement: Any = submit
    return finish(replacement, serving)


def make_schedule(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _schedule_async_success_logging and its switch."""
    serving = Serving("litellm.async_success")
    studied = Serving("litellm.sync_success")

    def _schedule_async_success_logging(
        logging_obj: Any,
        result: Any,
        start_time: Any,
        end_time: Any,
        is_completion_with_fallbacks: Any,
    ) -> None:
        if (serving.live or serving) and studied and _silence.covers(logging_obj, result):
            logging_obj.claim_async_success_log()
            replacement.served += 1
            return
        if (
            serving
            and studied
            and is_completion_with_fallbacks is False
            and (
                _heard.tell_later(logging_obj, result, start_time, end_time)
                or _proxy_heard.tell_later(logging_obj, result, start_time, end_time)
            )
        ):
            replacement.served += 1
            return
        replacement.declined += 1
        original(
            logging_obj=logging_obj,
            result=result,
            start_time=start_time,
            end_time=end_time,
            is_completion_with_fallbacks=is_completion_with_fallbacks,
        )

    replacement: Any = _schedule_async_success_logging
    return finish(replacement, serving)
