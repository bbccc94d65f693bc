"""What the proxy does with each chunk of a stream, original and ours on the same chunks."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.proxy import proxy_server
from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices

import fast_litellm
from fast_jvm import _registry

NAMES = {
    "litellm.proxy_usage_artifact": "_is_injected_stream_usage_artifact",
    "litellm.proxy_restamp": "_restamp_streaming_chunk_model",
    "litellm.proxy_serialize": "_serialize_streaming_chunk",
}
TEXT = st.one_of(st.text(max_size=8), st.sampled_from(["\ud800", '"\\\n', "é\u2028🙂"]))
CALL = st.fixed_dictionaries(
    {"id": TEXT, "index": st.integers(0, 3), "function": st.fixed_dictionaries({"name": TEXT})}
)
PLAIN = st.fixed_dictionaries(
    {"content": TEXT}, optional={"role": st.just("assistant"), "custom": st.one_of(st.none(), TEXT)}
)
RICH = st.fixed_dictionaries(
    {},
    optional={
        "content": st.one_of(st.none(), TEXT, st.integers(), st.lists(TEXT, max_size=2)),
        "role": st.one_of(st.none(), st.just("assistant")),
        "reasoning_content": st.one_of(st.none(), TEXT),
        "reasoning": TEXT,
        "tool_calls": st.lists(CALL, max_size=2),
        "refusal": st.one_of(st.none(), TEXT),
        "annotations": st.just([]),
        "custom": st.one_of(st.none(), TEXT, st.floats(allow_nan=True)),
        "provider_specific_fields": st.one_of(st.none(), st.just({"a": 1})),
    },
)
CHOICE = st.one_of(
    st.fixed_dictionaries({"delta": PLAIN}),
    st.fixed_dictionaries(
        {"delta": st.one_of(st.none(), PLAIN, RICH)},
        optional={
            "finish_reason": st.sampled_from([None, "stop", "tool_calls"]),
            "index": st.one_of(st.integers(0, 2), st.none()),
            "logprobs": st.one_of(st.none(), st.just({"content": []})),
            "enhancements": st.just({"b": 2}),
            "more": TEXT,
        },
    ),
)
CHUNK = st.fixed_dictionaries(
    {"choices": st.one_of(st.lists(CHOICE, min_size=1, max_size=1), st.lists(CHOICE, max_size=3))},
    optional={
        "id": st.one_of(st.none(), TEXT),
        "model": st.one_of(st.none(), TEXT),
        "created": st.integers(0, 1 << 70),
        "system_fingerprint": st.one_of(st.none(), TEXT),
        "service_tier": st.one_of(st.none(), TEXT),
        "provider_specific_fields": st.one_of(st.none(), st.just({"c": None})),
        "usage": st.just({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
        "citations": st.lists(TEXT, max_size=1),
    },
)


@pytest.fixture(scope="module", autouse=True)
def served() -> Any:
    yield
    for name in NAMES:
        stats = fast_litellm.get_performance_stats(name)
        print(f"{name}: served {stats['served']}, declined {stats['declined']}")
        assert stats["served"] >= 10, name


def sides(name: str) -> list[Any]:
    """Return the original and ours."""
    (entry,) = [entry for entry in _registry.entries() if entry.patch.name == name]
    assert getattr(proxy_server, NAMES[name]) is entry.placed
    return [entry.original, entry.placed]


def told(call: Any, *arguments: Any, **more: Any) -> Any:
    """Return a result or an error, and the warnings."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            found = call(*arguments, **more)
        except Exception as error:
            found = (type(error), str(error))
    return found, [str(warning.message) for warning in seen]


def made(fields: dict[str, Any]) -> Any:
    fields = copy.deepcopy(fields)
    choices = [
        StreamingChoices(
            **{**each, "delta": None if each["delta"] is None else Delta(**each["delta"])}
        )
        for each in fields.pop("choices")
    ]
    return ModelResponseStream(choices=choices, **fields)


def inside(chunk: Any) -> Any:
    return [
        repr(getattr(chunk, name))
        for name in ("__dict__", "__pydantic_extra__", "__pydantic_private__")
    ] + [chunk.__pydantic_fields_set__, type(chunk)]


@settings(max_examples=1000 if LONG else 200)
@given(CHUNK)
def test_writing_a_chunk(fields: dict[str, Any]) -> None:
    chunk = made(fields)
    before = inside(chunk)
    original, ours = (told(side, chunk) for side in sides("litellm.proxy_serialize"))
    assert original == ours and type(original[0]) is type(ours[0])
    assert inside(chunk) == before


@settings(max_examples=1000 if LONG else 200)
@given(CHUNK)
def test_an_empty_chunk(fields: dict[str, Any]) -> None:
    chunk = made(fields)
    original, ours = (told(side, chunk) for side in sides("litellm.proxy_usage_artifact"))
    assert original == ours


@settings(max_examples=500 if LONG else 200)
@given(
    CHUNK,
    st.sampled_from(["m", "n", "é", "", "azure-model-router", "model_router/x"]),
    st.fixed_dictionaries(
        {},
        optional={
            "fastest_response": st.sampled_from([False, False, True]),
            "metadata": st.sampled_from([None, {}, {"return_raw_model_name": True}]),
        },
    ),
    st.sampled_from([True, True, False]),
    st.sampled_from([False, False, True]),
    st.sampled_from([None, "other"]),
)
def test_the_models_name(
    fields: dict[str, Any],
    wanted: str,
    data: dict[str, Any],
    logged: bool,
    fallback: bool,
    named: Any,
) -> None:
    chunk = made(fields)
    before = inside(chunk)
    answers = []
    for side in sides("litellm.proxy_restamp"):
        log = object.__new__(Logging)
        (found, flag), seen = told(
            side,
            chunk=chunk,
            requested_model_from_client=wanted,
            request_data={**data, "litellm_logging_obj": log},
            model_mismatch_logged=logged,
            fallback_was_attempted=fallback,
            fallback_model_from_metadata=named,
        )
        assert found is chunk or found._hidden_params is chunk._hidden_params
        answers.append((inside(found), found is chunk, flag, seen, vars(log)))
    assert answers[0] == answers[1]
    assert inside(chunk) == before


def test_other_chunks() -> None:
    """Dicts, texts, subclasses and chunks whose way to copy somebody changed are the original's."""

    class Mine(ModelResponseStream):
        def model_dump_json(self, **_: Any) -> str:
            return "mine"

    mine = Mine(
        choices=[StreamingChoices(delta=Delta(content="x"))], model="n", system_fingerprint="f"
    )
    before = fast_litellm.get_performance_stats("litellm.proxy_serialize")["served"]
    assert proxy_server._serialize_streaming_chunk(mine) == "mine"
    assert fast_litellm.get_performance_stats("litellm.proxy_serialize")["served"] == before
    assert proxy_server._is_injected_stream_usage_artifact({"choices": []}) is False

    class Copying(ModelResponseStream):
        def model_copy(self, **_: Any) -> Any:
            return "copied"

    for chunk, expected in (
        (Copying(choices=[], model="n"), "copied"),
        ({"model": "n"}, {"model": "m"}),
    ):
        found, _ = proxy_server._restamp_streaming_chunk_model(
            chunk=chunk,
            requested_model_from_client="m",
            request_data={},
            model_mismatch_logged=True,
        )
        assert found == expected
