"""LiteLLM's transport over aiohttp: the same bytes on the wire, responses and errors."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import aiohttp
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.llms.custom_httpx.aiohttp_transport import LiteLLMAiohttpTransport
from sides import originals, served
from wire_cases import ANSWERS, BODY, PLAIN, Server, errors, server, told

__all__ = ["server"]
PATCHES = ["litellm.aiohttp_request", "litellm.aiohttp_read"]


async def calls(server: Server, many: int, session: Any, body: bytes, **more: Any) -> Any:
    transport = LiteLLMAiohttpTransport(client=session)
    found: list[Any] = []
    async with httpx.AsyncClient(transport=transport, timeout=5) as client:
        client.headers["user-agent"] = "x"
        for _ in range(many):
            try:
                response = await client.post(server.address + "/é?a=b", content=body, **more)
                found.append(told(response))
            except Exception as error:
                found.append(errors(error))
            server.told.set()
            await asyncio.sleep(0.01)
            server.told.clear()
    return found


def compare(
    server: Server,
    scripts: list[list[Any]],
    session: Any = aiohttp.ClientSession,
    body: bytes = b"{}",
    **more: Any,
) -> Any:
    found = []
    for side in (contextlib.nullcontext, originals):
        server.begin(scripts)
        with side():
            found.append(
                (asyncio.run(calls(server, len(scripts), session, body, **more)), server.seen)
            )
    assert str(found[0]) == str(found[1])
    return found[0]


@pytest.mark.parametrize("name", [name for name in ANSWERS if "too" not in name and "101" != name])
def test_answers(server: Server, name: str) -> None:
    before = [served(patch) for patch in PATCHES]
    compare(server, ANSWERS[name])
    if name in ("plain", "gzip", "chunked", "errors"):
        after = [served(patch) for patch in PATCHES]
        assert all(new > old for new, old in zip(after, before))


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "a", "b-c", "Content-Type", "host", "Authorization"]),
            st.sampled_from(["1", "", "x y"]),
        ),
        max_size=4,
    ),
    st.sampled_from([b"", b"x", b"y" * 40_000]),
    st.sampled_from([None, 3, httpx.Timeout(4, connect=2.5), httpx.Timeout(None)]),
)
def test_requests(headers: Any, body: bytes, timeout: Any) -> None:
    from wire_cases import _shared

    compare(_shared(), [[PLAIN]], body=body, headers=headers, timeout=timeout)


def test_own_sessions(server: Server) -> None:
    def traced() -> aiohttp.ClientSession:
        async def started(session: Any, context: Any, params: Any) -> None:
            params.headers["traced"] = "1"

        config = aiohttp.TraceConfig()
        config.on_request_start.append(started)
        return aiohttp.ClientSession(trace_configs=[config], headers={"X-Default": "d"})

    before = served(PATCHES[0])
    with pytest.warns(DeprecationWarning):
        kind = type("Own", (aiohttp.ClientSession,), {})
    compare(server, [[PLAIN]] * 2, kind)
    assert served(PATCHES[0]) == before
    seen = compare(server, [[PLAIN]] * 2, traced)[1]
    assert all(b"traced: 1" in each and b"X-Default: d" in each for each in seen)


def test_cancelled_and_late(server: Server) -> None:
    async def cancelled() -> Any:
        transport = LiteLLMAiohttpTransport(client=aiohttp.ClientSession)
        async with httpx.AsyncClient(transport=transport, timeout=5) as client:
            task = asyncio.ensure_future(client.post(server.address, content=b"x"))
            await asyncio.sleep(0.1)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            connector = transport.client._connector  # type: ignore[union-attr]
            left = len(connector._acquired)  # type: ignore[union-attr]
            try:
                await client.post(server.address, content=b"x", timeout=0.1)
            except Exception as error:
                return left, errors(error)

    found = []
    for side in (contextlib.nullcontext, originals):
        server.begin([[PLAIN[:-9]], [PLAIN[:-9]]])
        with side():
            found.append(asyncio.run(cancelled()))
    assert found[0] == found[1] and found[0][0] == 0


def test_other_streams() -> None:
    async def parts() -> Any:
        yield BODY

    async def call() -> Any:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, content=parts()))
        async with httpx.AsyncClient(transport=transport) as client:
            return (await client.get("http://x.example")).content

    assert asyncio.run(call()) == BODY
