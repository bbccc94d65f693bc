"""``CustomStreamWrapper.__next__`` and ``__anext__`` over the OpenAI SDK's streams, and over those that LiteLLM reads itself.

The original makes of each chunk a model of the SDK and then one of LiteLLM, writes both into a text that nobody reads, and, where it is
synchronous, starts an event loop in a thread to tell callbacks about it. Here the original does so until it has made a chunk of a kind
(see `_templates`), and those that are like it are copies of that with texts of their own. What differs in anything else, ends the stream
or breaks it, goes to the original, which finds the stream where it left it (see `_sse`, `_lines`).

A synchronous stream's logging runs for the chunks that the original makes. For the others it would set again what it set before, so it is
left out, unless somebody looks at single chunks: a callback that is a function, a name of a logger that sends them, one that overrides
`log_stream_event` or the logging hooks.
"""

from __future__ import annotations

import json
import logging
from operator import itemgetter
from typing import Any, Callable, List, Optional, Tuple
from weakref import ref

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from . import _lines, _sse, _templates
from ._templates import Template

#: What is not part of a stream's state: what changes from chunk to chunk, and what refers to the stream, which nobody is to hold longer.
_APART = frozenset(
    ("chunks", "response_uptil_now", "_repeated_messages_count", "completion_stream", "logging_obj")
)
_TEMPLATES = 8  # for a stream
_ATTEMPTS = 12
#: Loggers by name that wait for the end of a stream.
_PATIENT = frozenset(
    ("langfuse", "supabase", "logfire", "lunary", "helicone", "greenscale", "s3", "dynamodb")
)
_HOOKS = (
    "log_stream_event",
    "async_log_stream_event",
    "logging_hook",
    "async_logging_hook",
    "redact_standard_logging_payload_from_model_call_details",
)
_METHODS = (
    "chunk_creator",
    "_dispatch_provider_chunk",
    "return_processed_chunk_logic",
    "model_response_creator",
    "handle_openai_chat_completion_chunk",
    "is_chunk_non_empty",
    "_has_special_delta_content",
    "raise_on_model_repetition",
    "check_special_tokens",
    "strip_role_from_delta",
    "set_model_id",
    "run_success_logging_and_cache_storage",
    "_check_max_streaming_duration",
    "_optional_combine_thinking_block_in_choices",
    "_add_mcp_list_tools_to_first_chunk",
)


class _Memory:
    """What is remembered about one stream."""

    __slots__ = ("attempts", "fits", "keys", "learnt", "log", "quiet", "seen", "templates")

    def __init__(self, fits: bool, log: Any) -> None:
        self.fits = fits
        self.log: Any = ref(log) if fits else None
        self.templates: List[Template] = []
        self.learnt = 0
        self.attempts = 0
        self.keys: Any = None  # itemgetter of the wrapper's state
        self.seen: Any = None  # callbacks that were looked at
        self.quiet = False


class _LiteLLM:
    """LiteLLM as it was studied."""

    def __init__(self) -> None:
        import litellm
        from litellm import constants
        from litellm._logging import verbose_logger
        from litellm.integrations.custom_guardrail import CustomGuardrail
        from litellm.integrations.custom_logger import CustomLogger
        from litellm.litellm_core_utils import litellm_logging, redact_messages, streaming_handler
        from litellm.types.utils import ModelResponseStream
        from pydantic import BaseModel

        self.module: Any = litellm
        self.constants: Any = constants
        self.logger = verbose_logger
        self.base = BaseModel
        self.chunk = ModelResponseStream
        self.wrapper: Any = streaming_handler.CustomStreamWrapper
        self.logging: Any = litellm_logging.Logging
        self.custom: Any = CustomLogger
        self.guardrail: Any = CustomGuardrail
        self.redacts: Any = redact_messages.should_redact_message_logging
        self.sdk = _sse.Sdk()
        self.readers = _lines.Readers()
        self._methods = [(name, vars(self.wrapper)[name]) for name in _METHODS]
        self._hooks = [(name, getattr(CustomLogger, name)) for name in _HOOKS]

    def fits(self, wrapper: Any) -> bool:
        """Say whether a stream is one that the studied code would serve, and nothing in it was replaced."""
        own, found = vars(wrapper), vars(self.wrapper)
        return (
            type(wrapper.logging_obj) is self.logging
            and wrapper.custom_llm_provider != "sagemaker"
            and not wrapper.merge_reasoning_content_in_choices
            and all(found[name] is known and name not in own for name, known in self._methods)
        )

    def idle(self) -> bool:
        """Say whether nobody reads along, and no rule or limit looks at single chunks."""
        module = self.module
        return not (
            module.set_verbose
            or module.post_call_rules
            or module._custom_providers
            or self.constants.LITELLM_MAX_STREAMING_DURATION_SECONDS is not None
            or self.logger.isEnabledFor(logging.DEBUG)
        )

    def quiet(self, memory: _Memory, wrapper: Any) -> bool:
        """Say whether no callback looks at single chunks of a synchronous stream."""
        module, log = self.module, wrapper.logging_obj
        seen = memory.seen
        if (
            seen is None
            or seen[0] != module.success_callback
            or seen[1] != module._async_success_callback
            or seen[2] != log.dynamic_success_callbacks
            or seen[3] != log.dynamic_async_success_callbacks
            or seen[4] is not module.turn_off_message_logging
            or wrapper.logging_loop is not None
        ):
            found: Tuple[Any, ...] = (
                list(module.success_callback),
                list(module._async_success_callback),
                log.dynamic_success_callbacks and list(log.dynamic_success_callbacks),
                log.dynamic_async_success_callbacks and list(log.dynamic_async_success_callbacks),
                module.turn_off_message_logging,
            )
            memory.seen = found
            memory.quiet = (
                wrapper.logging_loop is None
                and log.stream is True
                and log.call_type in ("completion", "acompletion")
                and "success_handler" not in vars(log)
                and "async_success_handler" not in vars(log)
                and not self.redacts(log.model_call_details)
                and all(self._waits(callback) for some in found[:4] for callback in some or ())
            )
        return memory.quiet

    def _waits(self, callback: Any) -> bool:
        if type(callback) is str:
            return callback in _PATIENT
        if (
            not isinstance(callback, self.custom)
            or isinstance(callback, self.guardrail)
            or callable(callback)
        ):
            return False
        kind, own = type(callback), vars(callback)
        return all(
            getattr(kind, name, None) is known and name not in own for name, known in self._hooks
        )


class _Pump:
    """What both replacements do between a look at the next text and a chunk."""

    def __init__(self, name: str) -> None:
        self.serving = Serving(name)
        self._library: Optional[_LiteLLM] = None

    @property
    def library(self) -> _LiteLLM:
        """LiteLLM, looked at when it is needed first."""
        found = self._library
        if found is None:
            found = self._library = _LiteLLM()
        return found

    def remember(self, wrapper: Any, events: Any) -> Optional[_Memory]:
        """Return what is known of a stream; None where the original serves it."""
        if events is None:
            return None
        memory: Optional[_Memory] = events.memory
        log = wrapper.logging_obj
        if memory is None or (memory.fits and memory.log() is not log):
            fits = self.library.fits(wrapper) and events.fits(wrapper.completion_stream)
            memory = events.memory = _Memory(fits, log)
        return memory if memory.fits else None

    def chunk(self, wrapper: Any, memory: _Memory, events: Any, text: str) -> Any:
        """Return a chunk like one before; None where the original has to make it."""
        for template in memory.templates:
            values = template.values(text)
            if values is None:
                continue
            own, stream = wrapper.__dict__, wrapper.completion_stream
            state, more = template.state
            if (
                memory.keys(own) != state
                or len(own) != len(state) + len(_APART)
                or events.state(stream) != more
            ):
                return None
            repeated = self._repeated(wrapper)
            if not repeated:
                return None
            made = template.make(values)
            if repeated > 0:
                wrapper._repeated_messages_count = repeated
            if template.content >= 0:
                wrapper.response_uptil_now += values[template.content]
            for name, index in template.grows:
                stream.__dict__[name].append(json.loads(text) if index < 0 else values[index])
            wrapper.chunks.append(made)
            template.used += 1
            return made
        return None

    def _repeated(self, wrapper: Any) -> int:
        """Return the new count of equal chunks, -1 where it stays; 0 where the original has to look, or to raise."""
        chunks = wrapper.chunks
        if len(chunks) < 2:
            return -1
        kind = self.library.chunk
        last, before = chunks[-1], chunks[-2]
        if type(last) is not kind or type(before) is not kind:
            return 0
        try:
            last = (
                last.__dict__["choices"][0]
                .__pydantic_extra__["delta"]
                .__pydantic_extra__["content"]
            )
            if type(last) is not str or len(last) <= 2:
                return 1 if last is None or type(last) is str else 0
            before = before.__dict__["choices"][0].__pydantic_extra__["delta"]
            if last != before.__pydantic_extra__["content"]:
                return 1
        except (LookupError, TypeError, AttributeError):
            return 0
        count: int = wrapper._repeated_messages_count + 1
        return count if count < self.library.module.REPEATED_STREAMING_CHUNK_LIMIT else 0

    def before(self, wrapper: Any, memory: _Memory, events: Any) -> Any:
        """Return the stream's state, in three parts, where a template may be learnt of what the original makes next; else None."""
        if (
            memory.learnt >= _TEMPLATES
            or memory.attempts >= _ATTEMPTS
            or not wrapper.sent_first_chunk
            or wrapper.sent_last_chunk
            or wrapper.received_finish_reason is not None
        ):
            return None
        own = wrapper.__dict__
        if memory.keys is None:
            if not _APART.issubset(own):
                return None
            memory.keys = itemgetter(*(name for name in own if name not in _APART))
        stream = wrapper.completion_stream
        try:
            return memory.keys(own), events.state(stream), events.sizes(stream)
        except KeyError:
            return None

    def learn(
        self, wrapper: Any, memory: _Memory, events: Any, before: Any, gave: int, made: Any
    ) -> None:
        """Learn of a chunk that the original made of one text, if it changed nothing else."""
        memory.attempts += 1
        own, stream = wrapper.__dict__, wrapper.completion_stream
        chunks = wrapper.chunks
        state, more, sizes = before
        if (
            events.gave != gave + 1
            or events.given is None
            or type(made) is not self.library.chunk
            or not chunks
            or chunks[-1] is not made
            or len(own) != len(state) + len(_APART)
            or not all(map(_same, memory.keys(own), state))
            or not all(map(_same, events.state(stream) or (), more or ()))
            or getattr(made, "usage", None) is not None
        ):
            return
        template = _templates.learn(
            events.given, made, self.library.base, wrapper._base_hidden_params, events.places
        )
        if template is None:
            return
        grows = events.grown(stream, sizes, events.given, template)
        if grows is not None:
            template.state, template.grows = (state, more), grows
            memory.learnt += 1
            memory.attempts = 0
            memory.templates.insert(0, template)


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is str and type(other) is str and one == other)


def make_next(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ``__next__`` and its switch."""
    pump = _Pump("litellm.stream")
    serving = pump.serving
    events_of = _Sides(pump, "events", "Stream", _sse.Events)

    def __next__(self: Any) -> Any:
        events: Any = events_of(self) if serving else None
        memory = pump.remember(self, events)
        if memory is None:
            replacement.declined += 1
            return original(self)
        library = pump.library
        if library.idle() and self.logging_obj.completion_start_time is not None:
            text = events.peek(self)
            if text is not None:
                quiet = library.module.disable_streaming_logging or library.quiet(memory, self)
                made = pump.chunk(self, memory, events, text) if quiet else None
                if made is not None:
                    events.take()
                    replacement.served += 1
                    return made
                if quiet:
                    before, gave = pump.before(self, memory, events), events.gave
                    if before is not None:
                        made = original(self)
                        pump.learn(self, memory, events, before, gave, made)
                        return made
        replacement.declined += 1
        return original(self)

    replacement: Any = __next__
    return finish(replacement, serving)


def make_anext(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ``__anext__`` and its switch."""
    pump = _Pump("litellm.async_stream")
    serving = pump.serving
    events_of = _Sides(pump, "async_events", "AsyncStream", _sse.AsyncEvents)

    async def __anext__(self: Any) -> Any:
        events: Any = events_of(self) if serving else None
        memory = pump.remember(self, events)
        if memory is None:
            replacement.declined += 1
            return await original(self)
        if pump.library.idle() and self.logging_obj.completion_start_time is not None:
            text = await events.peek(self)
            if text is not None:
                made = pump.chunk(self, memory, events, text)
                if made is not None:
                    events.take()
                    replacement.served += 1
                    return made
                before, gave = pump.before(self, memory, events), events.gave
                if before is not None:
                    made = await original(self)
                    pump.learn(self, memory, events, before, gave, made)
                    return made
        replacement.declined += 1
        return await original(self)

    replacement: Any = __anext__
    return finish(replacement, serving)


class _Sides:
    """Finds our iterator in a wrapper's stream, or puts it there."""

    def __init__(self, pump: _Pump, maker: str, stream: str, kind: Any) -> None:
        self._pump, self._maker, self._name, self._kind = pump, maker, stream, kind
        self._stream: Any = None

    def __call__(self, wrapper: Any) -> Any:
        """Return our iterator; None where the stream is another one."""
        stream = wrapper.completion_stream
        if type(stream) is not self._stream:
            if self._stream is not None or type(stream).__name__ != self._name:
                return self._read_by_litellm(wrapper, stream)
            import openai

            self._stream = getattr(openai, self._name)
            return self(wrapper)
        found = stream._iterator
        if type(found) is self._kind:
            return found
        library = self._pump.library
        if type(wrapper) is not library.wrapper:
            return None
        return getattr(library.sdk, self._maker)(stream)

    def _read_by_litellm(self, wrapper: Any, stream: Any) -> Any:
        library = self._pump.library
        kind = library.readers.kinds.get(type(stream))
        if kind is None or type(wrapper) is not library.wrapper:
            return None
        return getattr(library.readers, self._maker)(stream, kind)
