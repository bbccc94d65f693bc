"""The models of LiteLLM's own response, made without pydantic where it would change nothing.

Each of them hands its values to pydantic and deletes afterwards what was not given: 10 to 40 µs a model. Values of exactly the declared
types come out as they went in, so the state is written as it would be. Which fields there are, and in which order, is learnt from the
original, with numbers that are told apart.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST = 256
_LARGE = 1 << 62
_REASONS = frozenset(("stop", "length", "tool_calls", "content_filter", "function_call"))
_write = object.__setattr__


def _become(
    model: Any, fields: Dict[str, Any], known: Any, private: Optional[Dict[str, Any]] = None
) -> None:
    """Give a model its state."""
    _write(model, "__dict__", fields)
    _write(model, "__pydantic_fields_set__", known)
    _write(model, "__pydantic_extra__", {})
    _write(model, "__pydantic_private__", private)


def make_message(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Message.__init__ and its switch: of a plain text, the model's state without pydantic."""
    serving = Serving("litellm.message")
    names = original.__globals__

    def __init__(
        self: Any,
        content: Any = None,
        role: Any = "assistant",
        function_call: Any = None,
        tool_calls: Any = None,
        audio: Any = None,
        images: Any = None,
        provider_specific_fields: Any = None,
        reasoning_content: Any = None,
        thinking_blocks: Any = None,
        reasoning_items: Any = None,
        annotations: Any = None,
        **params: Any,
    ) -> None:
        if (
            (serving.live or serving)
            and not params
            and type(self) is names["Message"]
            and (content is None or type(content) is str)
            and role == "assistant"
            and type(role) is str
            and function_call is None
            and tool_calls is None
            and audio is None
            and images is None
            and reasoning_content is None
            and thinking_blocks is None
            and reasoning_items is None
            and (annotations is None or (type(annotations) is list and not annotations))
            and (not provider_specific_fields or type(provider_specific_fields) is dict)
        ):
            replacement.served += 1
            fields = {
                "content": content,
                "role": role,
                "tool_calls": None,
                "function_call": None,
                "provider_specific_fields": provider_specific_fields or None,
            }
            known = {"content", "role", "tool_calls", "function_call"}
            if provider_specific_fields:
                known.add("provider_specific_fields")
            if annotations is not None:
                fields["annotations"] = []
                known.add("annotations")
            _become(self, fields, known)
            return
        replacement.declined += 1
        original(
            self,
            content,
            role,
            function_call,
            tool_calls,
            audio,
            images,
            provider_specific_fields,
            reasoning_content,
            thinking_blocks,
            reasoning_items,
            annotations,
            **params,
        )

    replacement: Any = __init__
    return finish(replacement, serving)


def make_choices(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Choices.__init__ and its switch."""
    serving = Serving("litellm.choices")
    names = original.__globals__

    def __init__(
        self: Any,
        finish_reason: Any = None,
        index: Any = 0,
        message: Any = None,
        logprobs: Any = None,
        enhancements: Any = None,
        provider_specific_fields: Any = None,
        **params: Any,
    ) -> None:
        if (
            (serving.live or serving)
            and not params
            and type(self) is names["Choices"]
            and (
                finish_reason is None
                or (
                    type(finish_reason) is str
                    and finish_reason in _REASONS
                    and names["map_finish_reason"](finish_reason) == finish_reason
                )
            )
            and (type(index) is int and -_LARGE < index < _LARGE)
            and (message is None or type(message) is names["Message"] or type(message) is dict)
            and logprobs is None
            and enhancements is None
        ):
            try:
                inner = message
                if message is None:
                    inner = names["Message"]()
                elif type(message) is dict:
                    inner = names["Message"](**message)
            except Exception:
                inner = None  # the original raises it, from where it does
        else:
            inner = None
        if inner is not None:
            fields = {
                "finish_reason": "stop" if finish_reason is None else finish_reason,
                "index": index,
                "message": inner,
            }
            if provider_specific_fields is not None:
                fields["provider_specific_fields"] = provider_specific_fields
            replacement.served += 1
            _become(
                self,
                fields,
                {"finish_reason", "index", "message", "logprobs", "provider_specific_fields"},
            )
            return
        replacement.declined += 1
        original(
            self,
            finish_reason,
            index,
            message,
            logprobs,
            enhancements,
            provider_specific_fields,
            **params,
        )

    replacement: Any = __init__
    return finish(replacement, serving)


class _Layouts:
    """The state of a model of numbers, by the names that are given."""

    def __init__(self, original: Callable[..., Any]) -> None:
        self._original = original
        self._known: Dict[Any, Optional[Tuple[List[Tuple[str, Optional[str]]], Any]]] = {}

    def of(self, kind: Any, given: Dict[str, Any]) -> Any:
        """The fields, each with the name whose value it has, or None; and those that count as set. None where that is not plain."""
        key = tuple([(name, value is None) for name, value in given.items()])
        found = self._known.get(key, self)
        if found is self:
            if len(self._known) >= _MOST:
                self._known.clear()
            found = self._known[key] = self._learn(kind, given)
        return found

    def _learn(
        self, kind: Any, given: Dict[str, Any]
    ) -> Optional[Tuple[List[Tuple[str, Optional[str]]], Any]]:
        marks = {
            name: None if value is None else 1_000_003 + number
            for number, (name, value) in enumerate(given.items())
        }
        names = {mark: name for name, mark in marks.items() if mark is not None}
        probe: Any = kind.__new__(kind)
        try:
            self._original(probe, **marks)
        except Exception:
            return None
        fields = probe.__dict__
        if probe.__pydantic_extra__ or probe.__pydantic_private__ is not None:
            return None
        if not all(value is None or names.get(value) for value in fields.values()):
            return None
        layout = [(name, None if value is None else names[value]) for name, value in fields.items()]
        return layout, frozenset(probe.__pydantic_fields_set__)


def make_prompt_tokens(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of PromptTokensDetailsWrapper.__init__ and its switch."""
    serving = Serving("litellm.prompt_tokens")
    names = original.__globals__
    layouts = _Layouts(original)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if (
            (serving.live or serving)
            and not args
            and type(self) is names["PromptTokensDetailsWrapper"]
        ):
            for value in kwargs.values():
                if value is not None and not (type(value) is int and -_LARGE < value < _LARGE):
                    break
            else:
                found = layouts.of(type(self), kwargs)
                if found is not None:
                    replacement.served += 1
                    layout, known = found
                    fields = {
                        name: None if source is None else kwargs[source] for name, source in layout
                    }
                    _become(self, fields, set(known))
                    return
        replacement.declined += 1
        original(self, *args, **kwargs)

    replacement: Any = __init__
    return finish(replacement, serving)


def make_usage(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Usage.__init__ and its switch."""
    serving = Serving("litellm.usage")
    names = original.__globals__
    order: List[str] = []
    private: List[str] = []
    wanted = {
        "completion_tokens",
        "prompt_tokens",
        "total_tokens",
        "completion_tokens_details",
        "prompt_tokens_details",
    }

    def is_known() -> bool:
        """Whether a usage has the fields that were studied; in which order is learnt."""
        if not order:
            probe: Any = names["Usage"].__new__(names["Usage"])
            original(probe)
            counts = set((probe.__pydantic_private__ or {}).values())
            if (
                set(probe.__dict__) == wanted
                and probe.__pydantic_fields_set__ == wanted
                and probe.__pydantic_extra__ == {}
                and counts == {0}
            ):
                order.extend(probe.__dict__)
                private.extend(probe.__pydantic_private__)
            else:
                order.append("")
        return bool(private)

    def __init__(
        self: Any,
        prompt_tokens: Any = None,
        completion_tokens: Any = None,
        total_tokens: Any = None,
        reasoning_tokens: Any = None,
        prompt_tokens_details: Any = None,
        completion_tokens_details: Any = None,
        server_tool_use: Any = None,
        cost: Any = None,
        **params: Any,
    ) -> None:
        if (
            (serving.live or serving)
            and not params
            and reasoning_tokens is None
            and server_tool_use is None
            and cost is None
            and type(self) is names["Usage"]
            and _is_count(prompt_tokens)
            and _is_count(completion_tokens)
            and _is_count(total_tokens)
            and (prompt_tokens_details is None or type(prompt_tokens_details) is dict)
            and (completion_tokens_details is None or type(completion_tokens_details) is dict)
            and is_known()
        ):
            try:
                details = (
                    names["CompletionTokensDetailsWrapper"](**completion_tokens_details)
                    if completion_tokens_details
                    else None
                )
                prompt = (
                    names["PromptTokensDetailsWrapper"](**prompt_tokens_details)
                    if prompt_tokens_details
                    else None
                )
                plain = True
            except Exception:
                plain = False  # the original raises it, from where it does
        else:
            plain = False
        if plain:
            replacement.served += 1
            found = {
                "completion_tokens": completion_tokens or 0,
                "prompt_tokens": prompt_tokens or 0,
                "total_tokens": total_tokens or 0,
                "completion_tokens_details": details,
                "prompt_tokens_details": prompt,
            }
            _become(
                self,
                {name: found[name] for name in order},
                set(order),
                dict.fromkeys(private, 0),
            )
            return
        replacement.declined += 1
        original(
            self,
            prompt_tokens,
            completion_tokens,
            total_tokens,
            reasoning_tokens,
            prompt_tokens_details,
            completion_tokens_details,
            server_tool_use,
            cost,
            **params,
        )

    replacement: Any = __init__
    return finish(replacement, serving)


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and -_LARGE < value < _LARGE)


def make_response(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ModelResponse.__init__ and its switch: the empty one that each call begins with."""
    serving = Serving("litellm.response")
    names = original.__globals__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if (
            (serving.live or serving)
            and not args
            and not kwargs
            and type(self) is names["ModelResponse"]
        ):
            replacement.served += 1
            choices = [names["Choices"]()]
            fields = {
                "id": names["generate_id"](),
                "created": int(time.time()),
                "model": None,
                "object": "chat.completion",
                "system_fingerprint": None,
                "choices": choices,
            }
            _become(self, fields, set(fields), {"_hidden_params": {}, "_response_headers": None})
            return
        replacement.declined += 1
        original(self, *args, **kwargs)

    replacement: Any = __init__
    return finish(replacement, serving)


#: Of these, a default has no ``__get__`` of its own.
_UNBOUND = (bool, int, float, str, list, dict, tuple, set, frozenset, type(None))


def make_private(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of pydantic's BaseModel.__getattr__ and its switch.

    The original asks of each private attribute whether its default is a descriptor, which raises an error and catches it.
    """
    serving = Serving("litellm.private_attribute")
    read = object.__getattribute__
    declared: Any = None
    unbound: Any = ()

    def __getattr__(self: Any, item: Any) -> Any:
        nonlocal declared, unbound
        if serving.live or serving:
            if declared is None:
                from pydantic.fields import ModelPrivateAttr
                from pydantic_core import PydanticUndefined

                unbound = frozenset((*_UNBOUND, type(PydanticUndefined)))
                declared = ModelPrivateAttr
            private = read(self, "__private_attributes__")
            if item not in private:
                try:
                    more = read(self, "__pydantic_extra__")
                except AttributeError:
                    more = None
                if not more and not hasattr(self.__class__, item):
                    replacement.served += 1
                    raise AttributeError(
                        f"{type(self).__name__!r} object has no attribute {item!r}"
                    )
            elif type(private[item]) is declared and type(private[item].default) in unbound:
                try:
                    value = read(self, "__pydantic_private__")[item]
                except (AttributeError, KeyError, TypeError):
                    pass
                else:
                    replacement.served += 1
                    return value
        replacement.declined += 1
        return original(self, item)

    replacement: Any = __getattr__
    return finish(replacement, serving)
