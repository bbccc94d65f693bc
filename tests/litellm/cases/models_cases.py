"""The models of LiteLLM's response: the same state, field by field and in the same order, or the same error."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any, ClassVar

import litellm
import pydantic
import pytest
from conftest import LONG
from hypothesis import example, given, settings
from hypothesis import strategies as st
from litellm.litellm_core_utils.llm_response_utils import response_metadata
from litellm.types import utils as types
from response_shapes import ODD, USAGE
from sides import originals, served

from fast_jvm import _registry

MANY = 2000 if LONG else 200


def state(value: Any) -> Any:
    """All that a model has, types and order too."""
    if isinstance(value, pydantic.BaseModel):
        return [
            type(value).__name__,
            [(key, state(each)) for key, each in value.__dict__.items()],
            sorted(value.__pydantic_fields_set__),
            state(value.__pydantic_extra__),
            state(value.__pydantic_private__),
        ]
    if isinstance(value, dict):
        return ["dict", [(key, state(each)) for key, each in value.items()]]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(state, value)]
    return [type(value).__name__, repr(value)]


def made(kind: type, kwargs: Any) -> Any:
    try:
        return state(kind(**kwargs))
    except Exception as error:
        return type(error).__name__, str(error)


def compare(kind: type, kwargs: Any) -> Any:
    ours = made(kind, copy.deepcopy(kwargs))
    with originals():
        theirs = made(kind, copy.deepcopy(kwargs))
    assert ours == theirs
    return ours


REASONS = st.sampled_from(
    ["stop", "length", "tool_calls", "eos", "", "x", "function_call", None, 1]
)
FIELDS = st.one_of(st.none(), st.just({}), st.just({"refusal": None}), st.just({1: 2}), ODD)
COUNTS = st.one_of(
    st.none(), st.integers(-3, 10**20), st.booleans(), st.floats(0, 9), st.just("7"), st.just("x")
)
TEXT = st.one_of(st.none(), st.text(max_size=5), st.just("\ud800"), ODD)
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "content": TEXT,
        "role": st.sampled_from(["assistant", "user", "tool", "x", None, ""]),
        "tool_calls": st.sampled_from([None, [], [CALL], [1]]),
        "function_call": st.sampled_from([None, {"name": "f", "arguments": "{}"}, {}]),
        "annotations": st.sampled_from([None, [], [{"type": "url_citation"}], (), [1]]),
        "provider_specific_fields": FIELDS,
        "reasoning_content": TEXT,
        "audio": st.just(None),
        "images": st.sampled_from([None, []]),
        "thinking_blocks": st.sampled_from([None, []]),
        "more": ODD,
    },
)
PROMPT = st.dictionaries(
    st.sampled_from(
        [
            "cached_tokens",
            "audio_tokens",
            "text_tokens",
            "cache_write_tokens",
            "cache_creation_tokens",
            "cache_creation_input_tokens",
            "image_count",
            "web_search_requests",
            "cached_tokens_details",
            "unheard_of",
        ]
    ),
    COUNTS,
    max_size=4,
)
USAGES = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": COUNTS,
        "completion_tokens": COUNTS,
        "total_tokens": COUNTS,
        "reasoning_tokens": COUNTS,
        "prompt_tokens_details": st.one_of(PROMPT, st.none(), ODD),
        "completion_tokens_details": st.one_of(
            st.dictionaries(
                st.sampled_from(["reasoning_tokens", "audio_tokens", "text_tokens", "more"]),
                COUNTS,
                max_size=3,
            ),
            st.none(),
            ODD,
        ),
        "cost": st.sampled_from([None, 0.5]),
        "cache_read_input_tokens": COUNTS,
        "prompt_cache_hit_tokens": COUNTS,
    },
)


@pytest.mark.parametrize(
    "name, kwargs",
    [
        ("message", {"content": "é", "annotations": [], "provider_specific_fields": {"a": 1}}),
        ("choices", {"finish_reason": "stop", "index": 0, "message": {"content": "a"}}),
        ("prompt_tokens", {"cached_tokens": 3, "audio_tokens": 0}),
        ("usage", USAGE),
        ("response", {}),
    ],
)
def test_ours_serve(name: str, kwargs: dict[str, Any]) -> None:
    kind = {
        "message": types.Message,
        "choices": types.Choices,
        "prompt_tokens": types.PromptTokensDetailsWrapper,
        "usage": types.Usage,
        "response": types.ModelResponse,
    }[name]
    before = served(f"litellm.{name}")
    if name == "response":
        ours = types.ModelResponse()
        with originals():
            theirs = types.ModelResponse()
        theirs.id, theirs.created = ours.id, ours.created
        assert state(ours) == state(theirs)
        assert ours.id != types.ModelResponse().id
    else:
        compare(kind, kwargs)
        ours = kind(**kwargs)
    assert served(f"litellm.{name}") > before
    for twin in (copy.deepcopy(ours), copy.copy(ours), pickle.loads(pickle.dumps(ours))):
        assert state(twin) == state(ours) and twin == ours
    with originals():
        plain = inspect.signature(kind.__init__)
    assert inspect.signature(kind.__init__) == plain
    ours.added = 5  # what may be written into the original may be written into ours
    assert ours.added == 5 and ours.model_dump()["added"] == 5


def test_nothing_is_shared() -> None:
    one, other = types.ModelResponse(), types.ModelResponse()
    one.choices[0].message.content = "a"
    one._hidden_params["a"] = 1
    one.choices.append(1)
    assert other.choices[0].message.content is None
    assert other._hidden_params == {} and len(other.choices) == 1
    first, second = types.Usage(**USAGE), types.Usage(**USAGE)
    first.prompt_tokens_details.cached_tokens = 77
    assert second.prompt_tokens_details.cached_tokens == 3


def test_any_message() -> None:
    @settings(max_examples=MANY)
    @given(MESSAGES)
    def any_message(kwargs: Any) -> None:
        compare(types.Message, kwargs)

    any_message()


def test_any_choice() -> None:
    @settings(max_examples=MANY)
    @given(REASONS, st.one_of(COUNTS), st.one_of(MESSAGES, st.none(), st.just(5)), FIELDS)
    def any_choice(reason: Any, index: Any, message: Any, fields: Any) -> None:
        compare(
            types.Choices,
            {
                "finish_reason": reason,
                "index": index,
                "message": message,
                "provider_specific_fields": fields,
            },
        )

    any_choice()


def test_any_prompt_tokens() -> None:
    @settings(max_examples=MANY)
    @given(PROMPT)
    @example({"cached_tokens": 1_000_003, "audio_tokens": 1_000_003})
    def any_prompt(kwargs: Any) -> None:
        compare(types.PromptTokensDetailsWrapper, kwargs)

    any_prompt()


def test_any_usage() -> None:
    @settings(max_examples=2 * MANY)
    @given(USAGES)
    def any_usage(kwargs: Any) -> None:
        compare(types.Usage, kwargs)

    any_usage()


def test_subclasses_are_the_originals() -> None:
    class Mine(types.Message):
        more: int = 5

    class Counted(types.Usage):
        more: int = 5

    for kind, kwargs in ((Mine, {"content": "a"}), (Counted, USAGE)):
        assert "more" in str(compare(kind, kwargs))


class Dict(dict[Any, Any]):
    """A dict of another type."""


def base(model: Any, kwargs: Any) -> Any:
    try:
        return litellm.get_api_base(model, kwargs)
    except Exception as error:
        return type(error).__name__


def test_any_api_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call's base, of whatever it was given; response_metadata has the same function."""
    monkeypatch.setenv("GROQ_API_BASE", "http://groq")
    assert response_metadata.get_api_base.__module__.endswith("get_api_base")
    before = served("litellm.api_base")

    @settings(max_examples=MANY)
    @given(
        st.sampled_from(["gpt-4o", "openai/gpt-4o", "groq/x", "gemini/x", "no"]),
        st.fixed_dictionaries(
            {},
            optional={
                "model": st.sampled_from(["openai/gpt-4o", "groq/x", 5, None]),
                "api_base": st.sampled_from([None, "", "http://x", 5]),
                "base_url": st.sampled_from([None, "", "http://y", 5]),
                "api_key": st.sampled_from([None, "k", 5, "\ud800"]),
                "litellm_trace_id": st.sampled_from([None, "t", "é", 5]),
                "custom_llm_provider": st.sampled_from([None, "openai", "groq", "no"]),
                "max_retries": st.sampled_from([None, 2, "2", "x", True]),
                "timeout": st.sampled_from([None, 5, 2.5, "x", []]),
                "drop_params": st.booleans(),
                "tags": st.sampled_from([["a"], 5]),
                "metadata": st.just({"a": 1}),
                "self": st.just(1),
                "vertex_location": st.just("l"),
                "vertex_project": st.just("p"),
                "mock_response": st.just("m"),
                "stream": st.booleans(),
                "model_info": st.sampled_from(
                    [{}, {"id": "1", 2: [{}]}, None, 5, [], [("a", 1)], Dict()]
                ),
                "use_xai_oauth": st.sampled_from([True, None, 1, "yes", "x", 2]),
                "quality_router_config": st.sampled_from([None, {"a": {}}, "x"]),
            },
        ),
    )
    def any_base(model: Any, kwargs: Any) -> None:
        ours = response_metadata.get_api_base(model, kwargs)
        with originals():
            assert response_metadata.get_api_base(model, kwargs) == ours

    any_base()
    assert served("litellm.api_base") > before


def test_the_proxys_api_base_is_served() -> None:
    """The Router gives a deployment's info with each call."""
    before = served("litellm.api_base")
    kwargs = {"model": "openai/gpt-4o", "model_info": {"id": "1"}, "litellm_trace_id": "t"}
    assert response_metadata.get_api_base("openai/gpt-4o", kwargs) == "https://api.openai.com"
    assert served("litellm.api_base") == before + 1
    kwargs["model_info"] = 5
    assert response_metadata.get_api_base("openai/gpt-4o", kwargs) is None


def test_the_configs_class() -> None:
    """A configuration that is set on the class stays there, as with the original."""
    from litellm.llms.openai.chat.gpt_transformation import OpenAIGPTConfig

    class Mine(OpenAIGPTConfig):
        pass

    def found() -> Any:
        kind = type("Kind", (OpenAIGPTConfig,), {})
        kind()
        first = dict(kind.get_config()), vars(kind)["_is_base_class"]
        kind(max_tokens=5, temperature=0)
        return first, dict(kind.get_config()), kind.max_tokens

    ours = found()
    with originals():
        assert found() == ours
    assert Mine().max_tokens is None


# -- private attributes


class _Descriptor:
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return "described"


class _Plain(pydantic.BaseModel):
    field: int = 1
    _text: str = pydantic.PrivateAttr("a")
    _made: dict[str, Any] = pydantic.PrivateAttr(default_factory=dict)
    _unset: Any = pydantic.PrivateAttr()
    _described: Any = pydantic.PrivateAttr(_Descriptor())
    of_class: ClassVar[int] = 2

    @property
    def broken(self) -> Any:
        return self.no_such_one  # type: ignore[attr-defined]


class _More(_Plain):
    model_config = pydantic.ConfigDict(extra="allow")
    _more: list[int] = [1]


class _None(pydantic.BaseModel):
    field: int = 1


class _Own(_Plain):
    def __getattr__(self, item: str) -> Any:
        if item == "mine":
            return "mine"
        return super().__getattr__(item)  # type: ignore[misc]


ATTRIBUTES = st.sampled_from(
    "field _text _made _unset _described of_class broken _more extra absent mine __pydantic_private__"
    " __pydantic_extra__ __private_attributes__ __len__".split()
)


@settings(max_examples=MANY)
@given(st.sampled_from([_Plain, _More, _None, _Own]), ATTRIBUTES, st.booleans(), st.booleans())
def test_private_attributes(kind: Any, name: str, empty: bool, extra: bool) -> None:
    (entry,) = [one for one in _registry.entries() if one.patch.name == "litellm.private_attribute"]
    model = kind.__new__(kind) if empty else kind(**({"extra": 5} if extra else {}))

    def ask() -> Any:
        try:
            return getattr(model, name)
        except Exception as error:
            return type(error), str(error)

    entry.owner.__getattr__ = entry.original
    try:
        expected = ask()
    finally:
        entry.owner.__getattr__ = entry.placed
    before = served("litellm.private_attribute")
    ours = ask()
    assert ours is expected or ours == expected
    now = served("litellm.private_attribute")
    if kind is _Plain and not empty and name in ("_text", "_made", "absent"):
        assert now == before + 1
