"""Responses of each provider's shape, and how to spoil them."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

USAGE = {
    "prompt_tokens": 24,
    "completion_tokens": 60,
    "total_tokens": 84,
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 5,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 1,
        "rejected_prediction_tokens": 2,
    },
}
CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-4o-mini-2024-07-18",
    "system_fingerprint": "fp_1",
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Paris, \u00e9t\u00e9 \U0001f642",
                "refusal": None,
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {
                            "start_index": 1,
                            "end_index": 2,
                            "title": "t",
                            "url": "http://x",
                        },
                    }
                ],
            },
            "logprobs": {
                "content": [{"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []}],
                "refusal": None,
            },
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"a": 1}'},
                    },
                ],
                "function_call": {"name": "f", "arguments": "{}"},
            },
            "finish_reason": "tool_calls",
        },
    ],
    "usage": USAGE,
}
TEXT: dict[str, Any] = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1700000000,
    "model": "gpt-3.5-turbo-instruct",
    "choices": [
        {
            "text": "hello",
            "index": 0,
            "logprobs": {
                "tokens": ["a"],
                "token_logprobs": [-0.5],
                "top_logprobs": [{"a": -1}],
                "text_offset": [0],
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 20, "total_tokens": 25},
}
RESPONSES: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1700000000,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "model": "gpt-4o-mini-2024-07-18",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "content": [
                {"type": "output_text", "annotations": [], "logprobs": [], "text": "Paris"}
            ],
            "role": "assistant",
        },
        {
            "id": "fc_1",
            "type": "function_call",
            "call_id": "call_1",
            "name": "f",
            "arguments": "{}",
            "status": "completed",
        },
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]},
    ],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}],
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": {
        "input_tokens": 24,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 30,
    },
    "user": None,
    "metadata": {},
}
ANTHROPIC: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-3-5-sonnet-20241022",
    "content": [
        {"type": "text", "text": "Paris."},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 20, "output_tokens": 5, "cache_read_input_tokens": 2},
}
GEMINI: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "thought", "thought": True},
                    {"text": "Paris, été"},
                    {"functionCall": {"name": "f", "args": {"a": 1}}},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
            "avgLogprobs": -0.25,
            "safetyRatings": [
                {"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}
            ],
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 24,
        "candidatesTokenCount": 60,
        "totalTokenCount": 90,
        "thoughtsTokenCount": 6,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 24}],
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "resp_1",
}
SHAPES = {
    "chat": CHAT,
    "text": TEXT,
    "responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "azure": CHAT,
    "groq": CHAT,
    "gemini": GEMINI,
}

#: What JSON may have where something else is expected.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["stop", "length", "tool_calls", "content_filter", "unheard_of", "", "eos"]),
    st.just([]),
    st.just({}),
    st.lists(st.one_of(st.none(), st.integers(), st.just({"a": 1})), max_size=2),
    st.dictionaries(
        st.sampled_from(["role", "text", "id", "_fields_set", "self", "cls", "é"]),
        st.integers(),
        max_size=2,
    ),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, each in value.items():
            found += places(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            found += places(each, (*path, index))
    return found


@st.composite
def spoiled(draw: Any, shape: dict[str, Any]) -> dict[str, Any]:
    """A response of which some values are missing, null, of another type, or more than there should be."""
    made = copy.deepcopy(shape)
    for _ in range(draw(st.integers(0, 4))):
        paths = places(made)
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        holder: Any = made
        for step in way:
            holder = holder[step]
        what = draw(st.sampled_from(["drop", "null", "odd", "odd", "more"]))
        if what == "drop":
            del holder[last]
        elif what == "null":
            holder[last] = None
        elif what == "odd":
            holder[last] = draw(ODD)
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(["more", "_fields_set", "model_config", "type"]))] = draw(
                ODD
            )
        else:
            holder.append(draw(ODD))
    return made
