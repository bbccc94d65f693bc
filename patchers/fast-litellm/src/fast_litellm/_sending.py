"""What httpx's clients do around a request that is sent once, without hooks and without authentication."""

from __future__ import annotations

import logging
import time
from operator import attrgetter, is_
from typing import Any, Callable, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_NAMES = (
    "_send_handling_auth",
    "_send_handling_redirects",
    "_build_request_auth",
    "_set_timeout",
)
_STEPS = attrgetter(*_NAMES)
_OWN = frozenset(_NAMES)


class _Around:
    """Whether there is nothing but the request itself to send."""

    def __init__(self, kind: Any, names: Any) -> None:
        self._steps = _STEPS(kind)
        self._closed = names["ClientState"].CLOSED
        self._default = names["USE_CLIENT_DEFAULT"]
        self._response = names["Response"]
        self._names = names

    def nothing(self, client: Any, request: Any, auth: Any) -> bool:
        """Say so."""
        own = client.__dict__
        hooks = own["_event_hooks"]
        return (
            auth is self._default
            and own["_auth"] is None
            and not hooks["request"]
            and not hooks["response"]
            and own["_state"] != self._closed
            and own["max_redirects"] >= 0
            and type(request) is self._names["Request"]
            and "timeout" in request.extensions
            and type(request.url) is self._names["URL"]
            and not request.url._uri_reference.userinfo
            and all(map(is_, _STEPS(type(client)), self._steps))
            and _OWN.isdisjoint(own)
        )

    def follows(self, client: Any, asked: Any) -> bool:
        """Say whether redirects are followed."""
        return client.follow_redirects if asked is self._default else asked  # type: ignore[no-any-return]

    def redirects(self, response: Any) -> bool:
        """Say whether a response leads elsewhere."""
        if type(response) is self._response and response.status_code not in _REDIRECTS:
            return False
        return response.has_redirect_location  # type: ignore[no-any-return]


def make_send(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of httpx.Client.send and its switch."""
    serving = Serving("litellm.send")
    names = original.__globals__
    default = names["USE_CLIENT_DEFAULT"]
    around: Any = None

    def send(
        self: Any,
        request: Any,
        *,
        stream: bool = False,
        auth: Any = default,
        follow_redirects: Any = default,
    ) -> Any:
        nonlocal around
        if around is None and serving:
            around = _Around(names["Client"], names)
        if not (serving.live or serving) or not around.nothing(self, request, auth):
            replacement.declined += 1
            return original(
                self, request, stream=stream, auth=auth, follow_redirects=follow_redirects
            )
        self._state = names["ClientState"].OPENED
        follow = around.follows(self, follow_redirects)
        replacement.served += 1
        response = self._send_single_request(request)
        try:
            response.history = []
            if around.redirects(response):
                following = self._build_redirect_request(request, response)
                if follow:
                    response.read()
                else:
                    response.next_request = following
            else:
                follow = False
        except BaseException as exc:
            response.close()
            raise exc
        if follow:
            response = self._send_handling_redirects(
                following, follow_redirects=follow, history=[response]
            )
        try:
            if not stream:
                response.read()
            return response
        except BaseException as exc:
            response.close()
            raise exc

    replacement: Any = send
    return finish(replacement, serving)


def make_async_send(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of httpx.AsyncClient.send and its switch."""
    serving = Serving("litellm.async_send")
    names = original.__globals__
    default = names["USE_CLIENT_DEFAULT"]
    around: Any = None

    async def send(
        self: Any,
        request: Any,
        *,
        stream: bool = False,
        auth: Any = default,
        follow_redirects: Any = default,
    ) -> Any:
        nonlocal around
        if around is None and serving:
            around = _Around(names["AsyncClient"], names)
        if not (serving.live or serving) or not around.nothing(self, request, auth):
            replacement.declined += 1
            return await original(
                self, request, stream=stream, auth=auth, follow_redirects=follow_redirects
            )
        self._state = names["ClientState"].OPENED
        follow = around.follows(self, follow_redirects)
        replacement.served += 1
        response = await self._send_single_request(request)
        try:
            response.history = []
            if around.redirects(response):
                following = self._build_redirect_request(request, response)
                if follow:
                    await response.aread()
                else:
                    response.next_request = following
            else:
                follow = False
        except BaseException as exc:
            await response.aclose()
            raise exc
        if follow:
            response = await self._send_handling_redirects(
                following, follow_redirects=follow, history=[response]
            )
        try:
            if not stream:
                await response.aread()
            return response
        except BaseException as exc:
            await response.aclose()
            raise exc

    replacement: Any = send
    return finish(replacement, serving)


def _is_quiet(logger: Any) -> bool:
    """Say whether a line at level INFO would be heard by nobody."""
    return (
        type(logger) is logging.Logger
        and "info" not in vars(logger)
        and not logger.isEnabledFor(logging.INFO)
    )


def make_send_single(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of httpx.Client._send_single_request and its switch."""
    serving = Serving("litellm.send_single")
    names = original.__globals__

    def _send_single_request(self: Any, request: Any) -> Any:
        if not (serving.live or serving) or not _is_quiet(names["logger"]):
            return original(self, request)
        transport = self._transport_for_url(request.url)
        start = time.perf_counter()
        if not isinstance(request.stream, names["SyncByteStream"]):
            raise RuntimeError("Attempted to send an async request with a sync Client instance.")
        replacement.served += 1
        try:
            response = transport.handle_request(request)
        except Exception:
            with names["request_context"](request=request):
                raise
        assert isinstance(response.stream, names["SyncByteStream"])
        response.request = request
        response.stream = names["BoundSyncStream"](response.stream, response=response, start=start)
        self.cookies.extract_cookies(response)
        response.default_encoding = self._default_encoding
        return response

    replacement: Any = _send_single_request
    return finish(replacement, serving)


def make_async_send_single(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of httpx.AsyncClient._send_single_request and its switch."""
    serving = Serving("litellm.async_send_single")
    names = original.__globals__

    async def _send_single_request(self: Any, request: Any) -> Any:
        if not (serving.live or serving) or not _is_quiet(names["logger"]):
            return await original(self, request)
        transport = self._transport_for_url(request.url)
        start = time.perf_counter()
        if not isinstance(request.stream, names["AsyncByteStream"]):
            raise RuntimeError("Attempted to send an sync request with an AsyncClient instance.")
        replacement.served += 1
        try:
            response = await transport.handle_async_request(request)
        except Exception:
            with names["request_context"](request=request):
                raise
        assert isinstance(response.stream, names["AsyncByteStream"])
        response.request = request
        response.stream = names["BoundAsyncStream"](response.stream, response=response, start=start)
        self.cookies.extract_cookies(response)
        response.default_encoding = self._default_encoding
        return response

    replacement: Any = _send_single_request
    return finish(replacement, serving)


def make_header(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of httpx.Headers.__getitem__ and its switch: each header is not asked for its encoding."""
    serving = Serving("litellm.header")
    names = original.__globals__

    def __getitem__(self: Any, key: str) -> Any:
        if not (serving.live or serving) or type(self) is not names["Headers"]:
            return original(self, key)
        encoding = self._encoding
        if encoding is None:
            if not b"".join(
                [part for name, _, value in self._list for part in (name, value)]
            ).isascii():
                replacement.declined += 1
                return original(self, key)
            encoding = self._encoding = "ascii"
        wanted = key.lower().encode(encoding)
        replacement.served += 1
        found = [value.decode(encoding) for _, name, value in self._list if name == wanted]
        if found:
            return found[0] if len(found) == 1 else ", ".join(found)
        raise KeyError(key)

    replacement: Any = __getitem__
    return finish(replacement, serving)
