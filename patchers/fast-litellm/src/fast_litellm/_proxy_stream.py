"""What LiteLLM's proxy does with each chunk of a stream, where it can be told from the chunk's own dicts.

The original dumps a chunk's delta to see whether it is empty, copies the chunk through pydantic to put the model's name that the
client asked for into it, and asks the chunk for twenty attributes, most of which pydantic makes an AttributeError of, to write it.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_set = object.__setattr__
_TEXTS = frozenset((str, type(None)))
_TOP = ("id", "object", "created")
_RICH = ("provider_specific_fields", "system_fingerprint", "usage")
_RICH_DELTA = frozenset(
    (
        *("function_call", "tool_calls", "audio", "images", "annotations", "reasoning_content"),
        *("thinking_blocks", "provider_specific_fields", "refusal"),
    )
)


class _Kinds:
    """LiteLLM's classes of a chunk, as they were studied."""

    def __init__(self) -> None:
        from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices
        from pydantic import BaseModel
        from pydantic_core import PydanticUndefined

        self.chunk: Any = ModelResponseStream
        self.choice: Any = StreamingChoices
        self.delta: Any = Delta
        self.undefined: Any = PydanticUndefined
        self._model_copy, self._copy = BaseModel.model_copy, BaseModel.__copy__
        # a name that is no attribute of its class is looked up in the object's dicts alone
        self.plain = not any(
            hasattr(kind, name)
            for kind, names in (
                (self.chunk, (*_TOP, "choices", "model", "service_tier", *_RICH)),
                (self.choice, ("logprobs", "enhancements", "delta", "index", "finish_reason")),
                (self.delta, ("role", "content", *_RICH_DELTA)),
            )
            for name in names
        )

    def copied(self, chunk: Any, model: str) -> Any:
        """Return what model_copy returns, the name of the model another one; None where somebody changed the way."""
        kind = self.chunk
        if kind.model_copy is not self._model_copy or kind.__copy__ is not self._copy:
            return None
        more, private = chunk.__pydantic_extra__, chunk.__pydantic_private__
        made = kind.__new__(kind)
        _set(made, "__dict__", {**chunk.__dict__, "model": model})
        _set(made, "__pydantic_extra__", None if more is None else dict(more))
        _set(made, "__pydantic_fields_set__", {*chunk.__pydantic_fields_set__, "model"})
        if private is not None:
            nothing = self.undefined
            private = {name: value for name, value in private.items() if value is not nothing}
        _set(made, "__pydantic_private__", private)
        return made

    def simple(self, chunk: Any) -> Any:
        """Return what a chunk of nothing but text is written as; None of another one, NotImplemented of what is not known."""
        told = {**(chunk.__pydantic_extra__ or {}), **chunk.__dict__}
        if any(told.get(name) is not None for name in _RICH):
            return None
        choices: Any = told.get("choices")
        if type(choices) is not list or len(choices) != 1:
            return None if type(choices) is list else NotImplemented
        choice = choices[0]
        if type(choice) is not self.choice:
            return NotImplemented
        chosen = {**(choice.__pydantic_extra__ or {}), **choice.__dict__}
        if chosen.get("logprobs") is not None or chosen.get("enhancements") is not None:
            return None
        delta: Any = chosen.get("delta")
        if type(delta) is not self.delta:
            return NotImplemented
        written: Dict[str, Any] = {}
        said = {**(delta.__pydantic_extra__ or {}), **delta.__dict__}
        for name, value in said.items():
            if value is not None and name in _RICH_DELTA:
                return None
        for name in ("role", "content"):
            if said.get(name) is not None:
                written[name] = said[name]
        made = {"index": chosen.get("index", 0), "delta": written}
        if chosen.get("finish_reason") is not None:
            made["finish_reason"] = chosen["finish_reason"]
        if told.get("model") is None:
            return None
        payload = {name: told[name] for name in _TOP if told.get(name) is not None}
        payload["model"] = told["model"]
        if told.get("service_tier") is not None:
            payload["service_tier"] = told["service_tier"]
        payload["choices"] = [made]
        return payload


def _says_something(kinds: _Kinds, chunk: Any) -> bool:
    """Say whether a chunk's first choice surely has a text; nothing that the original's dump would trip over."""
    own = chunk.__dict__
    choices: Any = own.get("choices")
    if (
        own.get("provider_specific_fields", chunk) is not None
        or type(choices) is not list
        or not choices
    ):
        return False
    choice = choices[0]
    if type(choice) is not kinds.choice or choice.__dict__:
        return False
    told = choice.__pydantic_extra__ or {}
    if told.get("finish_reason", told) is not None or told.get("logprobs") is not None:
        return False
    delta: Any = told.get("delta")
    if type(delta) is not kinds.delta:
        return False
    more = delta.__pydantic_extra__ or {}
    return (
        type(more.get("content")) is str
        and _TEXTS.issuperset(map(type, more.values()))
        and _TEXTS.issuperset(map(type, delta.__dict__.values()))
    )


def make_usage_artifact(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _is_injected_stream_usage_artifact and its switch."""
    serving = Serving("litellm.proxy_usage_artifact")
    kinds: Optional[_Kinds] = None

    def _is_injected_stream_usage_artifact(chunk: Any) -> Any:
        nonlocal kinds
        if serving:
            if kinds is None:
                kinds = _Kinds()
            if type(chunk) is kinds.chunk and _says_something(kinds, chunk):
                replacement.served += 1
                return False
        replacement.declined += 1
        return original(chunk)

    replacement: Any = _is_injected_stream_usage_artifact
    return finish(replacement, serving)


def make_restamp(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _restamp_streaming_chunk_model and its switch."""
    serving = Serving("litellm.proxy_restamp")
    names = original.__globals__
    kinds: Optional[_Kinds] = None

    def _restamp_streaming_chunk_model(
        *,
        chunk: Any,
        requested_model_from_client: Any,
        request_data: Any,
        model_mismatch_logged: Any,
        fallback_was_attempted: Any = False,
        fallback_model_from_metadata: Any = None,
    ) -> Any:
        nonlocal kinds
        if serving and model_mismatch_logged is True and not fallback_was_attempted:
            if kinds is None:
                kinds = _Kinds()
            wanted = requested_model_from_client
            if (
                type(chunk) is kinds.chunk
                and type(wanted) is str
                and wanted
                and not names["should_return_raw_model_name"](request_data)
                and not names["is_azure_model_router_request"](wanted)
                and not request_data.get("fastest_response", False)
                and chunk.__dict__.get("model", wanted) != wanted
            ):
                made = kinds.copied(chunk, wanted)
                if made is not None:
                    told = request_data.get("litellm_logging_obj")
                    if isinstance(told, names["LiteLLMLoggingObj"]):
                        told.client_facing_stream_model = wanted
                    replacement.served += 1
                    return made, True
        replacement.declined += 1
        return original(
            chunk=chunk,
            requested_model_from_client=requested_model_from_client,
            request_data=request_data,
            model_mismatch_logged=model_mismatch_logged,
            fallback_was_attempted=fallback_was_attempted,
            fallback_model_from_metadata=fallback_model_from_metadata,
        )

    replacement: Any = _restamp_streaming_chunk_model
    return finish(replacement, serving)


def make_serialize(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _serialize_streaming_chunk and its switch."""
    serving = Serving("litellm.proxy_serialize")
    kinds: Optional[_Kinds] = None
    dumps: Any = None

    def _serialize_streaming_chunk(chunk: Any) -> Any:
        nonlocal kinds, dumps
        if serving:
            if kinds is None:
                import orjson

                kinds, dumps = _Kinds(), orjson.dumps
            if kinds.plain and type(chunk) is kinds.chunk:
                fingerprint = chunk.__dict__.get("system_fingerprint")
                payload = kinds.simple(chunk) if fingerprint is None else None
                if payload is not NotImplemented:
                    replacement.served += 1
                    if payload is None:
                        return chunk.model_dump_json(exclude_none=True, exclude_unset=True)
                    return dumps(payload)
        replacement.declined += 1
        return original(chunk)

    replacement: Any = _serialize_streaming_chunk
    return finish(replacement, serving)
