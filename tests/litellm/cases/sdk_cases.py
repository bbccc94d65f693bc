"""The OpenAI SDK's requests and responses: the same parameters, models, URLs and cookies, and the same errors."""

from __future__ import annotations

import asyncio
import datetime
import enum
import typing
from http.cookiejar import CookieJar
from typing import Annotated, Any, Dict, Iterable, List, Literal, Optional, Union

import httpx
import openai
import pydantic
import pytest
from calls import outcome
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import NotGiven, omit
from openai import _base_client as base_client
from openai import _models as models
from openai._utils import _transform as transforms
from openai.types import Completion, CreateEmbeddingResponse
from openai.types import completion_create_params as text_params
from openai.types import embedding_create_params as embedding_params
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat import completion_create_params as chat_params
from openai.types.responses import Response, ResponseStreamEvent, response_create_params
from response_shapes import CHAT, RESPONSES, TEXT, USAGE, spoiled
from sides import originals, served
from typing_extensions import Required, TypedDict

MANY = 3000 if LONG else 150
PARAMETERS = [
    chat_params.CompletionCreateParamsNonStreaming,
    response_create_params.ResponseCreateParamsNonStreaming,
    text_params.CompletionCreateParamsNonStreaming,
    embedding_params.EmbeddingCreateParams,
]


def names(kind: Any, found: set[str], depth: int = 0) -> set[str]:
    """The keys of all dicts that a type may hold."""
    if depth < 12:
        if transforms.is_typeddict(kind):
            for name, inner in transforms.get_type_hints(kind, include_extras=True).items():
                if name not in found:
                    found.add(name)
                    names(inner, found, depth + 1)
        for inner in typing.get_args(kind):
            names(inner, found, depth + 1)
    return found


def alike(value: Any, given: Any) -> Any:
    """A value with, at each place, whether it is the very object that was given."""
    if type(value) is dict:
        inner = given if isinstance(given, dict) else {}
        return value is given, [(key, alike(each, inner.get(key))) for key, each in value.items()]
    if type(value) is list:
        inner = list(given) if type(given) in (list, tuple) else []
        inner += [None] * len(value)
        return value is given, [alike(each, old) for each, old in zip(value, inner)]
    return value is given, type(value), repr(value)


def compare_transform(given: Any, kind: Any) -> Any:
    def ours() -> Any:
        return outcome(lambda: alike(transforms.maybe_transform(given, kind), given))

    def waited() -> Any:
        return outcome(
            lambda: alike(asyncio.run(transforms.async_maybe_transform(given, kind)), given)
        )

    found = ours(), waited()
    with originals():
        theirs = ours(), waited()
    assert found == theirs, given
    return found


class Text(str):
    pass


class Kind(str, enum.Enum):
    one = "user"


class Model(pydantic.BaseModel):
    role: str = "user"
    content: Optional[str] = None


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.sampled_from(["user", "system", "assistant", "text", "image_url", "é", ""]),
    st.sampled_from([NotGiven(), omit]),
    st.sampled_from([Text("a"), Kind.one, b"x", (1, 2), ("a",), datetime.date(2020, 1, 2)]),
    st.builds(Model),
)


def parameters(kind: Any) -> st.SearchStrategy[Any]:
    keys = st.sampled_from([*sorted(names(kind, set())), "more", "é"])
    return st.dictionaries(
        keys,
        st.recursive(
            LEAVES,
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)
            ),
            max_leaves=12,
        ),
        max_size=6,
    )


@pytest.mark.parametrize("kind", PARAMETERS)
def test_transform(kind: Any) -> None:
    @settings(max_examples=MANY)
    @given(parameters(kind))
    def compare(given: Any) -> None:
        compare_transform(given, kind)

    compare()


MESSAGES: list[Any] = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": [{"type": "text", "text": "t"}]},
    {
        "role": "user",
        "content": [
            {"type": "image_url", "image_url": {"url": "http://x", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}},
            {"type": "file", "file": {"file_data": "x"}},
        ],
    },
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "2", "type": "custom", "custom": {"name": "f", "input": "x"}},
        ],
    },
    {"role": "tool", "tool_call_id": "1", "content": "x", "more": {"a": [1]}},
]
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "f",
            "strict": True,
            "parameters": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
        },
    }
]


def test_transform_is_served() -> None:
    before = served("litellm.transform"), served("litellm.async_transform")
    compare_transform(
        {
            "messages": MESSAGES,
            "tools": TOOLS,
            "model": "m",
            "stop": ["a"],
            "user": omit,
            "metadata": {"a": "b"},
            "logit_bias": {"1": 2},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
            "stream": False,
            "temperature": 0.5,
        },
        PARAMETERS[0],
    )
    compare_transform(
        {"input": [*MESSAGES, {"type": "item_reference", "id": "1"}], "tools": [], "model": "m"},
        PARAMETERS[1],
    )
    compare_transform({"prompt": ["a", "b"], "model": "m"}, PARAMETERS[2])
    compare_transform({"prompt": [[1, 2], [3]], "model": "m"}, PARAMETERS[2])
    after = served("litellm.transform"), served("litellm.async_transform")
    assert [new - old for new, old in zip(after, before)] == [4, 4]


class Inner(TypedDict, total=False):
    a_b: Annotated[str, transforms.PropertyInfo(alias="aB")]
    when: Annotated[Union[datetime.date, str], transforms.PropertyInfo(format="iso8601")]
    same: Annotated[List[int], transforms.PropertyInfo(discriminator="x")]
    itself: Inner
    every: Iterable[Inner]


class Outer(TypedDict, total=False):
    inner: Required[Inner]
    inners: Union[str, Iterable[Inner], Dict[str, Inner]]
    mixed: Union[Inner, Dict[str, Inner]]
    bare: list  # type: ignore[type-arg]
    bare_dict: dict  # type: ignore[type-arg]
    floats: List[float]
    lists: List[List[float]]
    literal: Literal["a"]


@pytest.mark.parametrize(
    "kind", [Outer, Inner, Dict[str, Inner], List[Inner], str, Union[str, Outer]]
)
def test_transform_of_other_types(kind: Any) -> None:
    @settings(max_examples=MANY)
    @given(parameters(Outer))
    def compare(given: Any) -> None:
        compare_transform(given, kind)

    compare()


def test_transform_of_itself() -> None:
    given: Any = {"itself": {"itself": {"itself": {"same": [1], "every": [{}, {"same": []}]}}}}
    before = served("litellm.transform")
    compare_transform(given, Inner)
    assert served("litellm.transform") == before + 1
    compare_transform({"inner": {"a_b": 1}}, Outer)
    assert served("litellm.transform") == before + 1


def shown(value: Any) -> Any:
    """All that a model is: types, order of fields, what was set, what is extra."""
    if isinstance(value, pydantic.BaseModel):
        return (
            type(value),
            [(name, shown(field)) for name, field in vars(value).items()],
            [(name, shown(field)) for name, field in (value.model_extra or {}).items()],
            sorted(value.model_fields_set),
            value.__pydantic_private__,
        )
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return [(name, shown(item)) for name, item in value.items()]
    return type(value), repr(value)


def compare_construct(kind: Any, value: Any) -> None:
    def made() -> Any:
        return outcome(lambda: shown(models.construct_type(type_=kind, value=value)))

    found = made()
    with originals():
        theirs = made()
    assert found == theirs, value


CHUNK: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "delta": {
                "role": "assistant",
                "content": "a",
                "tool_calls": [{"index": 0, "id": "1", "function": {"name": "f"}}],
            },
            "finish_reason": None,
        }
    ],
    "usage": USAGE,
}
EVENT: dict[str, Any] = {
    "type": "response.completed",
    "sequence_number": 3,
    "response": RESPONSES,
}
KINDS = [
    (ChatCompletion, CHAT),
    (Completion, TEXT),
    (Response, RESPONSES),
    (ChatCompletionChunk, CHUNK),
    (ResponseStreamEvent, EVENT),
    (CreateEmbeddingResponse, {"object": "list", "model": "m", "data": [], "usage": {}}),
]


@pytest.mark.parametrize("kind,shape", KINDS)
def test_construct(kind: Any, shape: Any) -> None:
    @settings(max_examples=MANY)
    @given(spoiled(shape))
    def compare(value: Any) -> None:
        compare_construct(kind, value)

    before = served("litellm.construct")
    compare_construct(kind, shape)
    assert kind is ResponseStreamEvent or served("litellm.construct") > before
    compare()


class Held(openai.BaseModel):
    at: Optional[datetime.datetime] = None
    day: datetime.date
    number: float
    numbers: List[float]
    many: Dict[str, Optional[float]] = pydantic.Field(default_factory=dict)
    named: Optional[str] = pydantic.Field(alias="given_name", default="x")
    literal: Literal["a", "b"] = "a"
    any_list: list  # type: ignore[type-arg]
    held: Optional[List[Held]] = None
    either: Union[int, "Held", List[str]] = 3


@settings(max_examples=MANY)
@given(
    st.dictionaries(
        st.sampled_from([*Held.model_fields, "given_name", "more", "self", "_fields_set"]),
        st.recursive(
            st.one_of(
                st.none(),
                st.integers(),
                st.just(10**400),
                st.booleans(),
                st.floats(),
                st.sampled_from(["a", "2020-01-02", "2020-01-02T03:04:05Z", "é"]),
                st.sampled_from([Text("a"), (1, 2), {1: 2}]),
            ),
            lambda inner: st.one_of(
                st.lists(inner, max_size=2),
                st.dictionaries(st.sampled_from(["day", "number", "held", "x"]), inner, max_size=3),
            ),
            max_leaves=6,
        ),
    )
)
def test_construct_of_other_models(value: Any) -> None:
    compare_construct(Held, value)


def test_construct_that_was_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    compare_construct(ChatCompletion, CHAT)
    kind = ChatCompletion.model_fields["choices"].annotation.__args__[0]
    seen = []

    def construct(_fields_set: Any = None, **values: Any) -> Any:
        seen.append(values)
        return openai.BaseModel.construct.__func__(kind, _fields_set, **values)

    monkeypatch.setattr(kind, "construct", construct)
    models.construct_type(type_=ChatCompletion, value=CHAT)
    assert len(seen) == len(CHAT["choices"])


BASES = ["http://x", "https://x/v1/", "http://x:8/a%20b/?q=1", "http://é.x/v1"]


@pytest.mark.parametrize("base", BASES)
def test_urls(base: str) -> None:
    client = openai.OpenAI(api_key="k", base_url=base)
    paths = ["/chat/completions", "a?b=c", "http://other/x", "//x/y", "", "/é b", "../z"]
    before = served("litellm.prepare_url")
    for _ in range(3):
        for path in paths:
            ours = outcome(lambda: client._prepare_url(path))  # noqa: B023
            with originals():
                theirs = outcome(lambda: client._prepare_url(path))  # noqa: B023
            assert (type(ours), str(ours)) == (type(theirs), str(theirs))
    assert served("litellm.prepare_url") >= before + 2 * (len(paths) - 1)
    client.base_url = "http://another/v2"
    assert str(client._prepare_url("/a")) == "http://another/v2/a"


@pytest.mark.parametrize("url", ["http://x.example/a", "https://x.example", "foo://x", "/relative"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "application/json")],
        [("Set-Cookie", "a=b; Path=/"), ("set-cookie", "c=d; Domain=x.example")],
        [("Set-Cookie2", "a=b; Version=1")],
        [("x-set-cookie", "a=b")],
    ],
)
@pytest.mark.parametrize("known", [False, True])
def test_cookies(url: str, headers: Any, known: bool) -> None:
    def extracted() -> Any:
        cookies = httpx.Cookies({"kept": "1"} if known else None)
        response = httpx.Response(200, headers=headers, request=httpx.Request("GET", url))
        cookies.extract_cookies(response)
        assert isinstance(cookies.jar, CookieJar)
        times = vars(cookies.jar).get("_now", 0), vars(cookies.jar._policy).get("_now", 0)
        return [repr(each) for each in cookies.jar], [each > 0 for each in times]

    ours = outcome(extracted)
    with originals():
        theirs = outcome(extracted)
    assert ours == theirs


def test_cookies_without_a_request() -> None:
    response = httpx.Response(200)
    ours = outcome(lambda: httpx.Cookies().extract_cookies(response))
    with originals():
        theirs = outcome(lambda: httpx.Cookies().extract_cookies(response))
    assert repr(ours) == repr(theirs)


def test_the_copies_are_ours() -> None:
    assert base_client.construct_type is models.construct_type
    assert openai._utils.transform is transforms.transform
