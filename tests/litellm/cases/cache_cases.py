"""ResponseCache beside LiteLLM's InMemoryCache, through LiteLLM's own Cache, and one flight for who asks at once."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import warnings
from types import SimpleNamespace
from typing import Any

import httpx
import litellm
import openai
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.caching.in_memory_cache import InMemoryCache
from response_shapes import CHAT

import fast_litellm
from fast_litellm import _response_cache

MANY = 1000 if LONG else 100


class Clock:
    now = 1_700_000_000.0

    def time(self) -> float:
        return self.now


VALUES = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.floats(allow_nan=False),
    st.sampled_from(['{"a": 1}', "[1, 2]", "1", "null", b'{"b": 2}', {"timestamp": 1.5, "r": "x"}]),
    st.sampled_from([{1: (2, "\ud800")}, [None], "\ud800", {"é"}, True]),
)
KEYS = st.sampled_from(["a", "b", "ns:a", "ns:b", "é", "\ud800", ""])
CALLS = st.one_of(
    st.tuples(st.just("set"), KEYS, VALUES, st.sampled_from([None, None, 5, 50, 0.5, "7"])),
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 10, 100, 700])),
    st.tuples(st.just("pipeline"), st.lists(st.tuples(KEYS, VALUES), max_size=3)),
    st.tuples(st.just("batch"), st.lists(KEYS, max_size=3)),
    st.tuples(st.just("ttl"), KEYS),
    st.tuples(st.just("flush")),
)


def run(cache: Any, clock: Clock, calls: Any, asynchronous: bool) -> list[Any]:
    """What a cache answers."""

    async def go() -> list[Any]:
        told: list[Any] = []
        for name, *named in calls:
            if name == "set":
                key, value, ttl = named
                if asynchronous:
                    told.append(await cache.async_set_cache(key, value, ttl=ttl))
                else:
                    told.append(cache.set_cache(key, value, ttl=ttl))
            elif name == "get":
                told.append(
                    await cache.async_get_cache(*named) if asynchronous else cache.get_cache(*named)
                )
            elif name == "delete":
                cache.delete_cache(*named)
            elif name == "wait":
                clock.now += named[0] + 0.001
            elif name == "pipeline":
                await cache.async_set_cache_pipeline(named[0])
            elif name == "batch":
                told += [cache.batch_get_cache(*named), await cache.async_batch_get_cache(*named)]
            elif name == "ttl":
                # (LiteLLM's forgets an expired one when somebody asks for it)
                at = await cache.async_get_ttl(*named)
                told.append(None if at is None or at < clock.now else round(at, 6))
            else:
                cache.flush_cache()
        return told

    return asyncio.run(go())


@settings(max_examples=MANY)
@given(st.lists(CALLS, max_size=12), st.booleans())
def test_as_in_memory(calls: Any, asynchronous: bool) -> None:
    theirs_clock, ours_clock = Clock(), Clock()
    theirs = run(InMemoryCache(clock=theirs_clock.time), theirs_clock, calls, asynchronous)
    cache = fast_litellm.ResponseCache(1 << 20)
    cache._cache._clock = lambda: int(ours_clock.now * 1e9)
    kept = _response_cache.time
    _response_cache.time = SimpleNamespace(time=ours_clock.time, monotonic=time.monotonic)  # type: ignore[assignment]
    try:
        ours = run(cache, ours_clock, calls, asynchronous)
    finally:
        _response_cache.time = kept  # type: ignore[assignment]
    assert repr(ours) == repr(theirs)


def test_increments() -> None:
    theirs, ours = InMemoryCache(), fast_litellm.ResponseCache(1 << 20)
    for cache in (theirs, ours):
        assert [cache.increment_cache("n", 2), cache.increment_cache("n", 1.5)] == [2, 3.5]
        assert asyncio.run(cache.async_increment("n", 1)) == 4.5

    def add() -> None:
        for _ in range(200):
            ours.increment_cache("m", 1)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ours.get_cache("m") == 800


def test_bounded_by_bytes() -> None:
    cache = fast_litellm.ResponseCache(100_000)
    for i in range(1000):
        cache.set_cache(f"k{i}", "x" * 1000)
    cache.set_cache("large", "x" * 200_000)
    assert cache.get_cache("large") is None
    told = cache.cache_stats()
    assert told["bytes"] <= 100_000 and told["size"] > 20


def test_namespaces_are_flushed() -> None:
    cache = fast_litellm.ResponseCache(1 << 20)
    for key in ("one:a", "one:b", "onetwo:a", "two:a"):
        cache.set_cache(key, key)
    cache.flush_cache("one")
    assert cache.batch_get_cache(["one:a", "one:b", "onetwo:a", "two:a"]) == [
        None,
        None,
        "onetwo:a",
        "two:a",
    ]


def test_keys_of_other_types() -> None:
    cache = fast_litellm.ResponseCache(1 << 20)
    for key in ("1", 1, 1.0, (1,), b"1"):
        cache.set_cache(key, [repr(key)])
    assert cache.batch_get_cache(["1", 1, 1.0, (1,), b"1"]) == [
        ["'1'"],
        ["1"],
        ["1.0"],
        ["(1,)"],
        ["b'1'"],
    ]


def test_what_comes_back_is_a_copy() -> None:
    cache = fast_litellm.ResponseCache(1 << 20)
    cache.set_cache("a", {"b": [1]})
    cache.get_cache("a")["b"].append(2)
    assert cache.get_cache("a") == {"b": [1]}
    cache.set_cache("f", lambda: None)
    assert cache.get_cache("f") is None


class Provider:
    """Answers, and counts how often it was asked."""

    def __init__(self, delay: float = 0) -> None:
        self.calls = 0
        self.delay = delay
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        time.sleep(self.delay)
        return httpx.Response(self.status, json=CHAT if self.status == 200 else {"error": "no"})

    async def wait(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        await asyncio.sleep(self.delay)
        return httpx.Response(self.status, json=CHAT if self.status == 200 else {"error": "no"})


def sync_client(provider: Provider) -> Any:
    transport = httpx.MockTransport(provider)
    return openai.OpenAI(api_key="k", http_client=httpx.Client(transport=transport), max_retries=0)


def async_client(provider: Provider) -> Any:
    client = httpx.AsyncClient(transport=httpx.MockTransport(provider.wait))
    return openai.AsyncOpenAI(api_key="k", http_client=client, max_retries=0)


@pytest.fixture(autouse=True)
def hits(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM 1.106.1 looks at each hit with its proxy's code, which wants more than LiteLLM requires."""
    from litellm.caching import caching_handler

    monkeypatch.setattr(
        caching_handler,
        "_should_defer_streaming_cache_hit_callbacks",
        lambda cached_result: False,
    )


def asked(text: str, **more: Any) -> dict[str, Any]:
    return {
        "model": "openai/gpt-4o-mini",
        "messages": [{"role": "user", "content": text}],
        "max_retries": 0,
        **more,
    }


def told(response: Any) -> Any:
    """What a response says; LiteLLM's cached ones lack some provider's fields."""
    texts = [choice.message.content for choice in response.choices]
    return response.model, texts, response.usage.total_tokens


@pytest.fixture(params=["theirs", "ours"])
def cached(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """LiteLLM's Cache, with its in-memory cache and with ours."""
    cache = litellm.Cache(namespace="ns", ttl=60)
    if request.param == "ours":
        cache.cache = fast_litellm.ResponseCache(1 << 20)
    monkeypatch.setattr(litellm, "cache", cache)
    return cache


def test_through_litellm(cached: Any) -> None:
    provider = Provider()
    client = sync_client(provider)
    first = litellm.completion(**asked("a"), client=client)
    second = litellm.completion(**asked("a"), client=client)
    assert provider.calls == 1 and told(first) == told(second)
    assert second._hidden_params["cache_hit"] is True
    litellm.completion(**asked("b"), client=client)
    litellm.completion(**asked("a", cache={"no-cache": True}), client=client)
    litellm.completion(**asked("a", cache={"namespace": "other"}), client=client)
    assert provider.calls == 4


def test_through_litellm_async(cached: Any) -> None:
    provider = Provider()

    async def go() -> None:
        client = async_client(provider)
        first = await litellm.acompletion(**asked("a"), client=client)
        await asyncio.sleep(0.05)
        second = await litellm.acompletion(**asked("a"), client=client)
        assert provider.calls == 1 and told(first) == told(second)

    asyncio.run(go())


def flight(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Any:
    cache = litellm.Cache()
    cache.cache = fast_litellm.ResponseCache(1 << 20, single_flight=seconds)
    monkeypatch.setattr(litellm, "cache", cache)
    return cache.cache


def test_one_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = flight(monkeypatch, 30)
    provider = Provider(0.2)

    async def go() -> list[Any]:
        client = async_client(provider)
        return await asyncio.gather(
            *[litellm.acompletion(**asked("ab"[i % 2]), client=client) for i in range(20)]
        )

    found = asyncio.run(go())
    assert provider.calls == 2 and len({json.dumps(told(each)) for each in found}) == 1
    assert not cache._flights and not cache._led


def test_one_flight_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = flight(monkeypatch, 30)
    provider = Provider(0.2)
    client = sync_client(provider)
    threads = [
        threading.Thread(target=lambda: litellm.completion(**asked("c"), client=client))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert provider.calls == 1 and not cache._flights and not cache._led


def test_a_flight_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for one whose call failed: the next one goes."""
    cache = flight(monkeypatch, 60)
    provider = Provider(0.05)
    provider.status = 400

    async def go() -> list[Any]:
        client = async_client(provider)
        calls = [litellm.acompletion(**asked("d"), client=client) for _ in range(4)]
        return await asyncio.gather(*calls, return_exceptions=True)

    start = time.monotonic()
    found = asyncio.run(go())
    assert provider.calls == 4 and time.monotonic() - start < 30
    assert all(isinstance(each, litellm.BadRequestError) for each in found)
    assert not cache._flights and not cache._led


def test_a_flight_that_is_cancelled_or_slow() -> None:
    cache = fast_litellm.ResponseCache(1 << 20, single_flight=0.2)

    async def go() -> None:
        async def lead() -> None:
            assert await cache.async_get_cache("a") is None
            await asyncio.sleep(60)

        leader = asyncio.create_task(lead())
        await asyncio.sleep(0)
        assert await cache.async_get_cache("a") is None  # it waited as long as it may
        waiter = asyncio.create_task(cache.async_get_cache("a"))
        await asyncio.sleep(0)
        leader.cancel()
        assert await waiter is None
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not cache._flights and not cache._led

    asyncio.run(go())


def test_one_who_asks_again_leaves() -> None:
    cache = fast_litellm.ResponseCache(1 << 20, single_flight=30)
    assert cache.get_cache("a") is None and cache.get_cache("b") is None
    assert list(cache._flights) == [b"b"]
    assert cache.get_cache("b") is None
    cache.set_cache("b", 1)
    assert cache.get_cache("b") == 1 and not cache._flights


def test_arguments() -> None:
    for wrong in (0, -1):
        with pytest.raises(ValueError):
            fast_litellm.ResponseCache(wrong)
    with pytest.raises(TypeError):
        fast_litellm.ResponseCache(1.5)  # type: ignore[arg-type]
    assert asyncio.run(fast_litellm.ResponseCache(1000).test_connection())["status"] == "success"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_keeps_nothing() -> None:
    cache = fast_litellm.ResponseCache(1 << 20)
    cache.set_cache("a", 1)
    child = os.fork()
    if not child:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cache.set_cache("b", 2)
            os._exit(0 if cache.get_cache("a") is None and cache.get_cache("b") is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert cache.get_cache("a") == 1
