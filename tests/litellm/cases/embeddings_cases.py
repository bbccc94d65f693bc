"""Embeddings: the same models, floats bit by bit, and the same errors, from any response."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import struct
import warnings
from typing import Any

import httpx
import litellm
import openai
import pytest
from calls import outcome
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from openai._legacy_response import LegacyAPIResponse
from openai._models import FinalRequestOptions
from openai.types import CreateEmbeddingResponse
from sides import originals, served

from fast_litellm import _embeddings

NAME = "litellm.embeddings"
MANY = 20_000 if LONG else 400
CLIENT = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:1")
STRICT = openai.OpenAI(api_key="k", base_url="http://x", _strict_response_validation=True)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Java is asked for the smallest responses too."""
    monkeypatch.setattr(_embeddings, "_LEAST", 0)


def shown(value: Any) -> Any:
    """All that a model is: types, order of fields, what was set, what is extra; floats by their bits."""
    if isinstance(value, openai.BaseModel):
        return (
            type(value),
            [(name, shown(field)) for name, field in vars(value).items()],
            [(name, shown(field)) for name, field in (value.model_extra or {}).items()],
            sorted(value.model_fields_set),
            value.__pydantic_private__,
            getattr(value, "_request_id", None),
        )
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return [(name, shown(item)) for name, item in value.items()]
    return type(value), repr(value)


def parsed(content: bytes, client: Any = CLIENT, **headers: str) -> Any:
    """What the SDK makes of a response."""
    response = httpx.Response(
        200,
        content=content,
        headers={"content-type": "application/json", "x-request-id": "r1", **headers},
        request=httpx.Request("POST", "http://x"),
    )
    raw = LegacyAPIResponse(
        raw=response,
        cast_to=CreateEmbeddingResponse,
        client=client,
        stream=False,
        stream_cls=None,
        options=FinalRequestOptions(method="post", url="/embeddings"),
    )
    return outcome(lambda: shown(raw.parse()))


def compare(content: bytes, client: Any = CLIENT, **headers: str) -> None:
    """Ours and the original's outcome."""
    ours = parsed(content, client, **headers)
    with originals():
        theirs = parsed(content, client, **headers)
    assert ours == theirs, content


def body(*arrays: str, extra: str = "", item: str = "") -> bytes:
    """A response with arrays written as they are."""
    items = ",".join(
        f'{{"object":"embedding","index":{i},"embedding":{array}{item}}}'
        for i, array in enumerate(arrays)
    )
    return (
        f'{{"object":"list","data":[{items}],"model":"m",'
        f'"usage":{{"prompt_tokens":1,"total_tokens":1}}{extra}}}'
    ).encode()


def test_served() -> None:
    before = served(NAME)
    compare(body("[0.1, -2.5e-3]", "[1,2,-0,-0.0]", "[]"))
    assert served(NAME) == before + 1


ODD = [
    "[NaN]",
    "[Infinity, -Infinity]",
    "[1e999]",
    "[-1e999, 1e-999]",
    "[123456789012345678901234567890]",
    "[9007199254740993]",
    "[999999999999999, 1000000000000000]",
    "[1" + "0" * 400 + "]",
    "[true, 1.0]",
    "[null]",
    '["1.0"]',
    "[[1.0]]",
    "[{}]",
    "null",
    '"AACAPw=="',
    "{}",
    "1.5",
    "[01]",
    "[1.]",
    "[.5]",
    "[+1]",
    "[1e]",
    "[-]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[0x1]",
    "[1.0",
    "[ 1.0 ,\n\t2.0\r ]",
    "[1E5, 1e+5, 1E-5, 0e0, -0e-0, 0.0e5]",
    "[4.9e-324, 2.4703282292062327e-324, 2.4703282292062328e-324, 2.2250738585072011e-308]",
    "[1.7976931348623157e308, 1.7976931348623159e308, 1.797693134862315807e308]",
    "[9007199254740993.0, 9007199254740992.5, 9007199254740993.00000000000000000001]",
    "[0." + "0" * 400 + "1]",
    "[0.1" + "0" * 900 + "1]",
    "[" + "1" * 30 + ".5]",
    "[8.988465674311580e307, 6.631236846766476e-316]",
]


@pytest.mark.parametrize("array", ODD)
def test_odd_arrays(array: str) -> None:
    compare(body(array))
    compare(body("[0.5]", array))
    compare(body(array, "[0.25,1]"))


SHAPES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"3",
    b'"x"',
    b"{}",
    b'{"data":[]}',
    b'{"data":[{}]}',
    b'{"data":null}',
    b'{"data":{"embedding":[1.0]}}',
    b'{"data":[{"embedding":[1.0]}]}',
    b'{"data":[{"embedding":[1.0]},3]}',
    b'{"data":[{"embedding":[1.0]},null,[]]}',
    b'{"data":[{"embedding":[1.0],"index":null,"object":"embedding"}]}',
    b'{"data":[{"embedding":[1.0],"index":"0","object":null}]}',
    b'{"data":[{"embedding":[1.0],"index":0,"object":"embedding","more":{"embedding":[2.0]}}]}',
    b'{"data":[{"embedding":[1.0],"embedding":[2.0],"index":0,"object":"embedding"}]}',
    b'{"data":[{"embedding":[1.0],"embeddin\\u0067":[2.0],"index":0,"object":"embedding"}]}',
    b'{"data":[{"embedding":[1.0],"index":0,"index":1,"object":"embedding"}]}',
    b'{"data":[{"embedding":[1.0]}],"data":[{"embedding":[2.0]}]}',
    b'{"data":[{"embedding":[1.0]}],"d\\u0061ta":[{"embedding":[2.0]}]}',
    b'{"data":[{"embedding":[1.0]}]}x',
    b'{"data":[{"embedding":[1.0]}],}',
    b'{"data":[{"embedding":[1.0],}]}',
    b'{"data":[{"embedding":[1.0]},]}',
    b'{"data":[{"embedding":[1.0]}]} \n',
    b' {"data":[{"embedding":[1.0]}]}',
    b'\xef\xbb\xbf{"data":[{"embedding":[1.0]}]}',
    b'{"data":[{"embedding":[1.0],"x":"\xff"}]}',
    b'{"data":[{"embedding":[1.0],"x":"\x00"}]}',
    b'{"data":[{"embedding":[1.0],"x":"\xed\xa0\x80"}]}',
    b'{"data":[{"embedding":[1.0],"x":"\\"]},{","y":[}]}',
    b'{"data":[{"embedding":[1.0],"x":"\\"]},{","y":[{"a":[1,[2]]}]}]}',
    b'{"data":[{"embedding":[1.0],"x":01}]}',
    b'{"data":[{"embedding":[1.0],"x":NaN}]}',
    b'{"data":[{"embedding":[1.0],"x":]}]}',
    b'{"data":[{"embedding":[1.0],"x":"\\',
    b'{"data":[{"embedding":[1.0],"x":"\\\x00"}]}',
    b'{"data":[{"embedding":[1.0],"_fields_set":1}]}',
    b'{"data":[{"embedding":[1.0],"__cls":1}]}',
    b'{"data":[{"embedding":[1.0],"self":1}]}',
    b'{"usage":{"embedding":[1]},"embedding":[1],"data":[{"embedding":[1]}]}',
    b'{"data":[{"embedding":[1.0],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
    '{"data":[{"embedding":[1.0]}]}'.encode("utf-16"),
    '{"data":[{"embedding":[1.0]}]}'.encode("utf-32-le"),
]


@pytest.mark.parametrize("content", SHAPES, ids=range(len(SHAPES)))
def test_shapes(content: bytes) -> None:
    compare(content)


def test_settings() -> None:
    good = body("[0.1]", "[2]")
    for content in (good, body('"AACAPw=="'), body("[null]"), b"x"):
        compare(content, STRICT)
        for kind in ("text/plain", "application/json; charset=utf-8", "application/vnd.x+json", ""):
            compare(content, **{"content-type": kind})
    compare(body("[1.0]", extra=',"more":[1,{"a":2}],"error":null'))
    compare(body("[1.0]", item=',"more":{"embedding":[1]}'))


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**17), 10**17).map(str),
    st.from_regex(r"\A-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?\Z"),
    st.builds(
        "{:.{}e}".format, st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 25)
    ),
)


@settings(max_examples=MANY)
@given(
    st.lists(
        st.lists(numbers, max_size=12).map(lambda found: f"[{', '.join(found)}]"),
        min_size=1,
        max_size=4,
    )
)
def test_numbers(arrays: list[str]) -> None:
    compare(body(*arrays))


def test_halfway_numbers() -> None:
    """Decimals that lie between two doubles, or just beside: the hardest to round."""
    import random
    from decimal import Decimal, localcontext

    random.seed(7)
    found = []
    for _ in range(20 * MANY):
        bits = random.getrandbits(52) | random.randrange(1023 - 60, 1023 + 60) << 52
        low = struct.unpack("<d", struct.pack("<q", bits))[0]
        with localcontext() as context:
            context.prec = 60
            middle = (Decimal(low) + Decimal(math.nextafter(low, math.inf))) / 2
            for digits in (17, 18, 19, 20, 40):
                context.prec = digits
                text = str(+middle)
                found.append(text if "." in text or "E" in text else f"{text}.0")
    content = body(f"[{','.join(found)}]")
    before = served(NAME)
    numbers = parsed(content)[1][0][1][0][1][0][1]
    assert served(NAME) == before + 1
    assert [text for _, text in numbers] == [repr(float(text)) for text in found]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
items = st.dictionaries(
    st.sampled_from(["object", "index", "embedding", "more", "é"]),
    st.lists(st.floats(allow_nan=False) | st.integers(-5, 5), max_size=4) | values,
    max_size=5,
)
responses = st.dictionaries(
    st.sampled_from(["object", "data", "model", "usage", "error", "more"]),
    values | st.lists(items, max_size=3) | st.fixed_dictionaries({"prompt_tokens": values}),
    max_size=6,
)


@settings(max_examples=MANY)
@given(
    responses, st.lists(items, min_size=1, max_size=3), st.booleans(), st.sampled_from([None, 1])
)
def test_structures(rest: dict[str, Any], data: list[Any], plain: bool, indent: int | None) -> None:
    response = {**rest, "data": data} if plain else rest
    compare(json.dumps(response, ensure_ascii=plain, indent=indent).encode())


@settings(max_examples=MANY)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=1), st.booleans())
def test_damage(place: int, byte: bytes, cut: bool) -> None:
    content = body("[0.125, 3, -1e-7]", "[5.5]", item=',"text":"a\\"b\u00e9"')
    place %= len(content)
    compare(content[:place] + (b"" if cut else byte) + content[place + 1 :])
    compare(content[:place])


# -- through litellm


def client_of(content: bytes, status: int = 200, asynchronous: bool = False) -> Any:
    """An SDK client whose transport answers by itself."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            status,
            content=content,
            headers={"content-type": "application/json", "x-request-id": "r"},
        )

    transport = httpx.MockTransport(answer)
    if asynchronous:
        return openai.AsyncOpenAI(
            api_key="k", http_client=httpx.AsyncClient(transport=transport), max_retries=0
        )
    return openai.OpenAI(api_key="k", http_client=httpx.Client(transport=transport), max_retries=0)


class Seen(litellm.integrations.custom_logger.CustomLogger):
    """What a callback is told."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []

    def log_post_api_call(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.events.append(
            ("post", str(kwargs["original_response"]), repr(kwargs["additional_args"]))
        )

    def log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.events.append(("success", response_obj.model_dump(), kwargs["response_cost"]))


def embed(content: bytes, status: int = 200, asynchronous: bool = False, **named: Any) -> Any:
    """What litellm returns, its hidden parameters, its warnings, and what a callback saw."""
    seen = Seen()
    litellm.input_callback, litellm.callbacks = [seen], []
    arguments = {
        "model": "openai/text-embedding-3-small",
        "input": ["a", "b"],
        "api_key": "k",
        "client": client_of(content, status, asynchronous),
        "max_retries": 0,
        **named,
    }
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        if asynchronous:
            found = outcome(lambda: asyncio.run(litellm.aembedding(**arguments)))
        else:
            found = outcome(litellm.embedding, **arguments)
    litellm.input_callback = []
    if isinstance(found, tuple):
        return found, seen.events
    hidden = {
        name: value
        for name, value in found._hidden_params.items()
        if name
        not in (
            "litellm_call_id",
            "_response_ms",
            "litellm_overhead_time_ms",
            "callback_duration_ms",
        )
    }
    told = [(one.category, str(one.message)) for one in warned if "serializer" in str(one.message)]
    return (
        type(found),
        shown(vars(found)["data"]),
        found.model,
        repr(found.usage),
        repr(hidden),
        seen.events,
        told,
    )


BASE64 = base64.b64encode(struct.pack("<3f", 0.1, -2.0, 3e-8)).decode()


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("content", "status", "named"),
    [
        (body("[0.1, 2]", "[-0.5, 1e-9]"), 200, {}),
        (body("[0.1, 2]", "[-0.5, 1e-9]"), 200, {"encoding_format": "float"}),
        (body(f'"{BASE64}"', f'"{BASE64}"'), 200, {"encoding_format": "base64"}),
        (body("[NaN, 1]"), 200, {}),
        (body("[1.0]", extra=',"error":{"message":"no","code":429}'), 200, {}),
        (b'{"data":[{"embedding":[1.0]}]}', 200, {}),
        (b'{"data":[],"usage":null}', 200, {}),
        (b"not json", 200, {}),
        (b'{"error":{"message":"slow down"}}', 429, {}),
        (b'{"error":{"message":"no"}}', 500, {}),
    ],
)
def test_through_litellm(
    content: bytes, status: int, named: dict[str, Any], asynchronous: bool
) -> None:
    ours = embed(content, status, asynchronous, **named)
    with originals():
        theirs = embed(content, status, asynchronous, **named)
    assert ours == theirs


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1, 1),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.builds(lambda digits, power: float(f"{digits}e{power}"), st.integers(-99999, 99999), st.integers(-330, 300)),
    st.builds(lambda power: 2.0**power, st.integers(-1074, 1023)),
)  # fmt: skip


@given(st.lists(NUMBERS, min_size=64, max_size=200))
@settings(max_examples=2000 if LONG else 60)
def test_text_of_numbers(numbers: list[float]) -> None:
    response = {"data": [{"embedding": numbers, "index": 0, "object": "é"}], "model": None}
    assert _embeddings.json_text(response) == json.dumps(response, default=str)


ODD_TEXTS: list[Any] = [
    {"data": [{"embedding": [float("nan")] * 99}]},
    {"data": [{"embedding": [1.5] * 98 + [1]}]},
    {"data": [{"embedding": [1.5] * 98 + [True]}]},
    {"data": [{"embedding": [1.5] * 99, "index": [1]}]},
    {"data": [{"embedding": [1.5] * 99, 1: 2}]},
    {"data": [{"embedding": [1.5] * 99}], 1: 2},
    {"data": [{"embedding": [1.5] * 99}], "usage": {"a": {}}},
    {"data": [{"embedding": "text"}, {"embedding": [1.5] * 99}]},
    {"data": [None]},
    {"data": []},
    {"data": {}},
    {},
]


@pytest.mark.parametrize("response", ODD_TEXTS)
def test_what_json_writes(response: Any) -> None:
    assert _embeddings.json_text(response) is None


def test_text_is_served() -> None:
    """An asynchronous call's callbacks are shown the text that the original makes."""
    numbers = json.dumps([(i * 7919 % 1013 - 500) / 977 for i in range(300)])
    content = body(numbers, numbers)
    before = served("litellm.post_call")
    ours = embed(content, asynchronous=True)
    assert served("litellm.post_call") == before + 1
    with originals():
        assert ours == embed(content, asynchronous=True)
    assert ours[5][0][1].startswith('{"data": [{"embedding": [-0.51')


def test_lists_are_not_shared() -> None:
    """A callback that changes the SDK's model changes nothing of what the caller gets, as with the original."""
    kept: list[Any] = []

    class Changes(Seen):
        def log_post_api_call(
            self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
        ) -> None:
            kept.append(kwargs["original_response"])

    litellm.input_callback = [Changes()]
    try:
        found = litellm.embedding(
            model="openai/text-embedding-3-small",
            input=["a"],
            api_key="k",
            client=client_of(body("[0.1, 2.5]")),
        )
    finally:
        litellm.input_callback = []
    assert kept[0].data[0].embedding == found.data[0]["embedding"] == [0.1, 2.5]
    assert kept[0].data[0].embedding is not found.data[0]["embedding"]


def test_a_patched_sdk_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    kind = CreateEmbeddingResponse.model_fields["data"].annotation.__args__[0]

    def construct(_fields_set: Any = None, **values: Any) -> Any:
        calls.append(values)
        return openai.BaseModel.construct.__func__(kind, _fields_set, **values)

    monkeypatch.setattr(kind, "construct", construct)
    before = served(NAME)
    parsed(body("[0.1]"))
    assert calls and served(NAME) == before


def test_debug_lines_are_written(caplog: pytest.LogCaptureFixture) -> None:
    logger = litellm.verbose_logger
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level("DEBUG", logger=logger.name):
            embed(body("[0.125]"))
            ours = [line for line in caplog.messages if line.startswith("RAW RESPONSE")]
            caplog.clear()
            with originals():
                embed(body("[0.125]"))
            assert ours == [line for line in caplog.messages if line.startswith("RAW RESPONSE")]
            assert "0.125" in ours[0]
        caplog.clear()
        embed(body("[0.125]"))
        assert not [line for line in caplog.messages if line.startswith("RAW") or not line]
    finally:
        logger.removeHandler(caplog.handler)


class Text(str):
    pass


INPUTS: list[Any] = [
    "a",
    ["a", "b"],
    ["a", Text("b")],
    Text("a"),
    [],
    [1, 2],
    [[1, 2], [3]],
    ("a", "b"),
    ["a", 1],
    ["a", None],
    [{"a": 1}],
    {"a": 1},
    None,
    b"x",
    3,
    iter(["a"]),
]


@pytest.mark.parametrize("place", range(len(INPUTS)))
def test_parameters(place: int) -> None:
    from openai import NotGiven, omit
    from openai.resources import embeddings
    from openai.types.embedding_create_params import EmbeddingCreateParams

    given = INPUTS[place]
    more: list[dict[str, Any]] = [
        {},
        {"model": "m", "user": omit, "dimensions": 3, "encoding_format": "float"},
        {"user": NotGiven(), "dimensions": True, "model": Text("m")},
        {"dimensions": None, "more": 1},
    ]
    for rest in more:
        for kind in (EmbeddingCreateParams, dict[str, object]):
            parameters = {**rest, "input": list(given) if hasattr(given, "__next__") else given}
            ours = outcome(embeddings.maybe_transform, parameters, kind)
            with originals():
                theirs = outcome(embeddings.maybe_transform, parameters, kind)
            assert repr(ours) == repr(theirs)
            if isinstance(ours, dict) and type(given) is list:
                assert (ours["input"] is given) == (theirs["input"] is given)
    assert embeddings.maybe_transform(None, EmbeddingCreateParams) is None


def test_parameters_are_served() -> None:
    before = served("litellm.transform")
    for asynchronous in (False, True):
        embed(body("[0.1]"), asynchronous=asynchronous, encoding_format="float")
    assert served("litellm.transform") == before + 2
