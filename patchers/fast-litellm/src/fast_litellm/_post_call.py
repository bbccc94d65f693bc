"""``Logging.post_call`` without the text of a debug line that nobody reads.

The original writes the whole response into "RAW RESPONSE: ..." before it asks whether the level is on: for 100 embeddings that
is a repr of 150,000 floats. A copy of its code has a format string that says nothing while the level is off; all else is
the original's own code. It serves responses whose text has no side effects. The JSON of embeddings, which callbacks are shown, is
handed over as the text that the original would make of them, with Java writing the numbers.
"""

from __future__ import annotations

import json
import logging
from types import CodeType, FunctionType
from typing import Any, Callable, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from . import _embeddings

_dumps, _encoder = json.dumps, json.JSONEncoder
_LINE = "RAW RESPONSE:\n{}\n\n"


class _Unread(str):
    """A format string that is only filled in where somebody reads it."""

    __slots__ = ()
    is_read: Callable[[], bool]

    def format(self, *values: Any, **named: Any) -> str:
        """Fill it in if the level is on."""
        return str.format(self, *values, **named) if self.is_read() else ""


def make_post_call(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of post_call and its switch."""
    serving = Serving("litellm.post_call")
    names = original.__globals__
    plain_debug = logging.Logger.debug

    def is_read() -> bool:
        return bool(names["verbose_logger"].isEnabledFor(logging.DEBUG))

    quiet = _without_line(original, is_read)

    def post_call(
        self: Any,
        original_response: Any,
        input: Any = None,
        api_key: Any = None,
        additional_args: Any = {},  # noqa: B006  (the original's own)
    ) -> Any:
        if (serving.live or serving) and quiet is not None:
            logger = names["verbose_logger"]
            if (
                not self.litellm_request_debug
                and _is_plain(original_response)
                and type(logger) is logging.Logger
                and logging.Logger.debug is plain_debug
                and "debug" not in vars(logger)
                and not logger.isEnabledFor(logging.DEBUG)
            ):
                replacement.served += 1
                if type(original_response) is dict and _writes(names):
                    text = _embeddings.json_text(original_response)
                    if text is not None:
                        original_response = text
                return quiet(self, original_response, input, api_key, additional_args)
            replacement.declined += 1
        return original(self, original_response, input, api_key, additional_args)

    post_call.__defaults__ = original.__defaults__
    replacement: Any = post_call
    return finish(replacement, serving)


def _writes(names: Any) -> bool:
    """Say whether the original would ask Python's own json."""
    return names["json"] is json and json.dumps is _dumps and json.JSONEncoder is _encoder


def _is_plain(response: Any) -> bool:
    """Say whether making a text of a response is all that it does."""
    kind = type(response)
    if kind is str or kind is dict:
        return True
    return kind.__name__ == "CreateEmbeddingResponse" and kind.__module__.startswith("openai.types")


def _without_line(original: Any, is_read: Callable[[], bool]) -> Any:
    code: CodeType = original.__code__
    if _LINE not in code.co_consts:
        return None
    line = type("_Line", (_Unread,), {"is_read": staticmethod(is_read)})(_LINE)
    constants = tuple(line if value == _LINE else value for value in code.co_consts)
    made = FunctionType(
        code.replace(co_consts=constants),
        original.__globals__,
        original.__name__,
        original.__defaults__,
        original.__closure__,
    )
    made.__kwdefaults__ = original.__kwdefaults__
    return made
