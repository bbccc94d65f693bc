"""How requests are made: the same options, headers, URLs, bodies and errors as the OpenAI SDK's and httpx's own."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Callable

import httpx
import openai
import pydantic
import pytest
from calls import outcome
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import NotGiven, Omit
from openai import _base_client as base_client
from openai._models import FinalRequestOptions
from sides import originals, served

MANY = 2000 if LONG else 150
OPTIONS = ["litellm.request_options", "litellm.copy_options"]
REQUEST = ["litellm.build_request", "litellm.request_body"]


def shown(value: Any) -> Any:
    """What there is to see of options, requests and their headers."""
    if isinstance(value, FinalRequestOptions):
        told = value.__pydantic_extra__, value.__pydantic_private__
        return shown(vars(value)), sorted(value.model_fields_set), told
    if isinstance(value, httpx.Request):
        found = dict(vars(value))
        stream = found.pop("stream")
        found["headers"] = value.headers._list, value.headers._encoding
        found["stream"] = type(stream), vars(stream).get("_stream")
        found["url"] = type(value.url), str(value.url), value.url.raw_path
        return [(name, shown(each)) for name, each in found.items()]
    if isinstance(value, dict):
        return type(value), [(name, shown(each)) for name, each in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [shown(each) for each in value]
    if isinstance(value, (NotGiven, Omit)):
        return type(value)
    if isinstance(value, httpx.Timeout):
        return type(value), vars(value)
    return type(value), value


def compare(call: Callable[[], Any]) -> Any:
    """Ours, twice (learnt and known), and the original."""
    found = [shown(outcome(call)) for _ in range(2)]
    with originals():
        theirs = shown(outcome(call))
    assert [repr(each) for each in found] == [repr(theirs)] * 2
    return theirs


TEXTS = st.sampled_from(["a", "é", "", "application/json", "57", "gzip", "true", "\n"])
NAMES = st.sampled_from(
    [
        "X-Stainless-Raw-Response",
        "content-type",
        "Content-Length",
        "Transfer-Encoding",
        "Authorization",
        "Host",
        "user-agent",
        "accept",
        "X-Stainless-Read-Timeout",
        "x-stainless-retry-count",
        "Idempotency-Key",
        "x-é",
    ]
)
HEADERS = st.one_of(
    st.none(),
    st.dictionaries(NAMES, st.one_of(TEXTS, st.builds(Omit), st.builds(NotGiven)), max_size=3),
)
TIMEOUTS = st.one_of(
    st.sampled_from([None, 600, 600.0, 5, True, 1e300, httpx.Timeout(3), httpx.Timeout(None)]),
    st.builds(httpx.Timeout, st.floats(0, 9), connect=st.integers(1, 3)),
)
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.text(),
        st.builds(NotGiven),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


class Body(pydantic.BaseModel):
    a: int = 1


BODIES = st.one_of(
    st.dictionaries(st.text(max_size=4), JSON, max_size=4),
    st.sampled_from([None, [], [1], "x", b"x", {"m": Body()}, {}]),
)
GIVEN = st.fixed_dictionaries(
    {"url": st.sampled_from(["/chat/completions", "/a?b=c", "http://o.example/x", "//x/y", "é"])},
    optional={
        "json_data": BODIES,
        "headers": HEADERS.filter(lambda found: found is not None),
        "extra_json": st.one_of(st.none(), st.dictionaries(st.text(max_size=3), JSON, max_size=2)),
        "params": st.sampled_from([{}, {"a": 1}, {"a": [1, 2], "b": NotGiven()}]),
        "timeout": TIMEOUTS,
        "max_retries": st.integers(0, 2),
        "idempotency_key": st.just("k"),
        "security": st.sampled_from(
            [{"bearer_auth": True}, {}, {"admin_api_key_auth": True}, {"bearer_auth": 1}]
        ),
        "follow_redirects": st.booleans(),
        "files": st.sampled_from([None, {"f": b"x"}]),
        "content": st.sampled_from([None, b"x"]),
        "unknown": st.just(1),
    },
)
CLIENTS: list[dict[str, Any]] = [
    {"base_url": "http://127.0.0.1:9/v1"},
    {"base_url": "https://a_b.example/v1", "organization": "o", "project": "p", "timeout": 7},
    {
        "base_url": "http://x.example/",
        "default_headers": {"X-A": "1", "Accept": "b"},
        "timeout": None,
    },
    {"base_url": "http://x.example/", "default_query": {"q": "1"}},
    {"base_url": "http://x.example/", "admin_api_key": "admin", "default_headers": {"A": Omit()}},
    {"base_url": "/relative"},
    {"base_url": "http://x.example/", "default_headers": {"content-length": "3"}},
]


@settings(max_examples=MANY)
@given(GIVEN, st.sampled_from(["post", "get", "POST", "put"]))
def test_options(given: Any, method: str) -> None:
    def made() -> Any:
        options = FinalRequestOptions.construct(method=method, **given)
        copied = base_client.model_copy(options)
        same = [
            vars(copied)[name] is each
            for name, each in vars(options).items()
            if name in options.model_fields_set
        ]
        return options, copied, same, copied.model_fields_set is options.model_fields_set

    compare(made)


def test_options_share_nothing() -> None:
    first, second = (FinalRequestOptions.construct(method="post", url="/a") for _ in range(2))
    assert first.params is not second.params and first.security is not second.security
    assert first.headers is not second.headers
    assert {type(first).construct.__name__, type(first).model_construct.__name__} == {"construct"}
    with originals():
        theirs = FinalRequestOptions.construct(method="post", url="/a")
    assert repr(first) == repr(theirs)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("settings_", CLIENTS)
def test_requests(asynchronous: bool, settings_: Any) -> None:
    kind = openai.AsyncOpenAI if asynchronous else openai.OpenAI
    client: Any = kind(api_key="key", **settings_)

    @settings(max_examples=MANY // 3)
    @given(GIVEN, st.integers(0, 1))
    def compare_requests(given: Any, retries: int) -> None:
        with originals():  # the very same options
            options = FinalRequestOptions.construct(method="post", **given)
        compare(lambda: client._build_request(options, retries_taken=retries))

    compare_requests()


def build(client: Any, **given: Any) -> Any:
    options = FinalRequestOptions.construct(
        method="post", url="/chat/completions", **{"json_data": {"a": 1}, **given}
    )
    return client._build_request(options)


def test_requests_are_served() -> None:
    raw = {"X-Stainless-Raw-Response": "true"}
    for client in (openai.OpenAI(api_key="k"), openai.AsyncOpenAI(api_key="k")):
        before = [served(name) for name in [*OPTIONS[:1], *REQUEST]]
        for number in range(5):
            compare(
                lambda: build(client, headers=raw, timeout=600.0, json_data={"n": "é" * number})  # noqa: B023
            )
        after = [served(name) for name in [*OPTIONS[:1], *REQUEST]]
        assert [new - old for new, old in zip(after, before)] == [10, 9, 10]


def changed(client: Any) -> list[Callable[[], Any]]:
    """Each thing that a request follows from, changed."""

    def put(where: Any, name: str, value: Any) -> Callable[[], Any]:
        return lambda: setattr(where, name, value)

    inner = client._client
    return [
        put(client, "api_key", "another"),
        put(client, "organization", "o2"),
        put(client, "project", "p2"),
        put(client, "admin_api_key", "a2"),
        put(client, "base_url", "http://other.example/v2"),
        put(client, "timeout", 3),
        put(client, "timeout", httpx.Timeout(4, read=2)),
        put(client, "_version", "0.0"),
        put(client, "_custom_query", {"a": "b"}),
        put(client, "_custom_query", {}),
        put(client, "_custom_headers", {"X-B": "2", "X-C": "3"}),
        lambda: client._custom_headers.update({"X-B": "4"}),
        lambda: client._custom_headers.update({"X-B": client._custom_headers.pop("X-B")}),
        lambda: client._custom_headers.update({"Accept": Omit()}),
        put(client, "_custom_headers", {}),
        lambda: inner.headers.update({"X-Inner": "1"}),
        put(inner, "headers", {"User-Agent": "mine"}),
        lambda: inner.cookies.set("a", "b", domain="other.example"),
        lambda: inner.cookies.clear(),
        put(inner, "params", {"z": "1"}),
        put(inner, "params", {}),
        put(client, "_idempotency_header", "Idempotency-Key"),
        put(client, "_idempotency_header", None),
        put(client, "_build_headers", lambda options, retries_taken: httpx.Headers({"own": "1"})),
    ]


@pytest.mark.parametrize("kind", [openai.OpenAI, openai.AsyncOpenAI])
def test_what_changes_is_seen(kind: Any) -> None:
    client: Any = kind(api_key="k", base_url="http://x.example/v1", default_headers={"X-A": "1"})
    compare(lambda: build(client))
    for change in changed(client):
        change()
        compare(lambda: build(client))


def test_what_was_patched_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    client = openai.OpenAI(api_key="k")
    compare(lambda: build(client))
    before = served("litellm.build_request")
    with monkeypatch.context() as patching:
        patching.setattr(openai.OpenAI, "default_headers", property(lambda self: {"only": "this"}))
        patching.setattr(openai.OpenAI, "_validate_headers", lambda *rest: None)
        assert build(client).headers["only"] == "this"
    with monkeypatch.context() as patching:
        merged = httpx.Client._merge_headers
        patching.setattr(
            httpx.Client,
            "_merge_headers",
            lambda self, headers: {**merged(self, headers), "more": "1"},
        )
        assert build(client).headers["more"] == "1"

    class Own(httpx.Client):
        def build_request(self, *rest: Any, **named: Any) -> httpx.Request:
            return httpx.Request("PUT", "http://own.example")

    class Mine(openai.OpenAI):
        pass

    for _ in range(2):
        assert build(openai.OpenAI(api_key="k", http_client=Own())).method == "PUT"
        compare(lambda: build(Mine(api_key="k")))
    assert served("litellm.build_request") == before


def test_requests_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    client = openai.OpenAI(api_key="k")
    build(client)
    with caplog.at_level(logging.DEBUG, "openai"):
        build(client)
    assert "Request options" in caplog.text


def test_requests_within_a_loop() -> None:
    client = openai.AsyncOpenAI(api_key="k")
    compare(lambda: build(client))

    async def within() -> Any:
        return build(client)

    def name() -> Any:
        return asyncio.run(within()).headers["X-Stainless-Async"]

    assert [name(), name(), build(client).headers["X-Stainless-Async"]] == [
        "async:asyncio",
        "async:asyncio",
        "async:false",
    ]


def test_clients_are_not_kept() -> None:
    import gc
    import weakref

    client = openai.OpenAI(api_key="k")
    build(client), build(client)
    seen = weakref.ref(client)
    del client
    gc.collect()
    assert seen() is None
