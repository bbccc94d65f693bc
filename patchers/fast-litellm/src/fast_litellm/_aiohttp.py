"""LiteLLM's transport over aiohttp: what it hands over for each request, and the way of a body through five asynchronous generators."""

from __future__ import annotations

import sys
from importlib import import_module
from operator import attrgetter, is_
from typing import Any, Callable, Dict, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST = 512
_SESSION = attrgetter("request", "_request", "_prepare_headers", "_build_url")
_READING = attrgetter("aiter_bytes", "aiter_raw", "aclose", "_get_content_decoder")


def make_aiohttp_request(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _make_aiohttp_request and its switch."""
    serving = Serving("litellm.aiohttp_request")
    names = original.__globals__
    urls: Dict[int, Tuple[Any, Any]] = {}
    timeouts: Dict[Any, Any] = {}
    session: Any = None
    steps: Any = None
    kinds: Any = None

    def look() -> None:
        nonlocal session, steps, kinds
        import httpx

        aiohttp = import_module("aiohttp")
        headers, url = import_module("multidict").CIMultiDict, import_module("yarl").URL
        session, steps = aiohttp.ClientSession, _SESSION(aiohttp.ClientSession)
        kinds = httpx.Request, httpx.Headers, httpx.URL, headers, url, aiohttp.ClientTimeout

    def url_of(url: Any) -> Any:
        known = urls.get(id(url))
        if known is None:
            if len(urls) >= _MOST:
                urls.clear()
            known = urls[id(url)] = url, kinds[4](str(url), encoded=True)
        return known[1]

    def timeout_of(timeout: Any) -> Any:
        key = timeout.connect, timeout.read, timeout.pool
        known = timeouts.get(key)
        if known is None:
            if len(timeouts) >= _MOST:
                timeouts.clear()
            known = timeouts[key] = kinds[5](
                sock_connect=timeout.connect, sock_read=timeout.read, connect=timeout.pool
            )
        return known

    async def _make_aiohttp_request(
        self: Any,
        client_session: Any,
        request: Any,
        timeout: Any,
        proxy: Any,
        sni_hostname: Any,
        ssl_verify: Any = None,
    ) -> Any:
        told = None
        if serving.live or serving:
            if session is None:
                look()
            if (
                type(client_session) is session
                and all(map(is_, _SESSION(session), steps))
                and type(request) is kinds[0]
                and type(request.headers) is kinds[1]
                and type(request.url) is kinds[2]
                and "_content" in request.__dict__
                and type(timeout) is names["HttpxTimeoutExtension"]
            ):
                told = {lower: value for _, lower, value in request.headers._list}
                if len(told) != len(request.headers._list):  # some name comes twice
                    told = None
        if told is None:
            replacement.declined += 1
            return await original(
                self, client_session, request, timeout, proxy, sni_hostname, ssl_verify
            )
        encoding = request.headers.encoding
        replacement.served += 1
        more = names["_NO_SSL_OVERRIDE"] if ssl_verify is None else {"ssl": ssl_verify}
        return await client_session.request(
            method=request.method,
            url=url_of(request.url),
            headers=kinds[3](
                [(name.decode(encoding), value.decode(encoding)) for name, value in told.items()]
            ),
            data=request._content or None,
            allow_redirects=False,
            auto_decompress=False,
            timeout=timeout_of(timeout),
            proxy=proxy,
            server_hostname=sni_hostname,
            **more,
        ).__aenter__()

    replacement: Any = _make_aiohttp_request
    return finish(replacement, serving)


def make_aread(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of httpx.Response.aread and its switch: for bodies of LiteLLM's transport."""
    serving = Serving("litellm.aiohttp_read")
    transport = Serving("litellm.aiohttp_request")  # whose gate has looked at LiteLLM's stream
    names = original.__globals__
    bound: Any = None
    plain: Any = None

    def look() -> None:
        nonlocal bound, plain
        bound = import_module("httpx._client").BoundAsyncStream
        plain = names["Response"], *_READING(names["Response"])

    def source(response: Any) -> Any:
        """The stream of LiteLLM's transport under a response that nobody has begun to read, and its module."""
        if plain is None:
            look()
        stream = response.stream
        if (
            type(stream) is not bound
            or type(response) is not plain[0]
            or response.is_stream_consumed
            or response.is_closed
            or not all(map(is_, _READING(plain[0]), plain[1:]))
        ):
            return None
        inner = stream._stream
        module = sys.modules.get("litellm.llms.custom_httpx.aiohttp_transport")
        if module is None or type(inner) is not module.AiohttpResponseStream or not transport:
            return None
        return inner, module

    async def aread(self: Any) -> Any:
        if not (serving.live or serving) or "_content" in self.__dict__:
            return await original(self)
        found = source(self)
        if found is None:
            replacement.declined += 1
            return await original(self)
        replacement.served += 1
        parts: Any = []
        try:
            decoder = self._get_content_decoder()
            async for chunk in _chunks(self, *found):
                parts.append(decoder.decode(chunk))
            await self.aclose()
            parts.append(decoder.flush())
        except Exception:
            with names["request_context"](request=self._request):
                raise
        self._content = b"".join(parts)
        return self._content

    replacement: Any = aread
    return finish(replacement, serving)


async def _chunks(response: Any, stream: Any, module: Any) -> Any:
    """The pieces of a body as aiohttp has them, and the errors that LiteLLM makes of aiohttp's."""
    response.is_stream_consumed = True
    response._num_bytes_downloaded = 0
    try:
        async for chunk in stream._aiohttp_response.content.iter_chunked(stream.CHUNK_SIZE):
            response._num_bytes_downloaded += len(chunk)
            yield chunk
    except RuntimeError as error:
        if "Connection closed" not in str(error):
            raise
        raise module.httpx.ReadError(str(error)) from error
    except module.aiohttp.http_exceptions.TransferEncodingError as error:
        raise module.httpx.ReadError(str(error)) from error
    except Exception:
        with module.map_aiohttp_exceptions():
            raise
    finally:
        stream._aiohttp_response.close()
