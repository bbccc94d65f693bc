"""What the OpenAI SDK does to make a request, where it is what it was for the last one.

The options of a request (a pydantic model, copied twice), its headers (merged and normalized by the SDK and again by httpx) and its
URL follow from the client and from few arguments. A plan is what the original made of them, all but the body and its length; it
serves while each thing it was made of is there unchanged: the very strings of the client, its mappings by what they hold, httpx's
own headers, and each method on the way. Whatever differs is made by the original, and learnt from it.
"""

from __future__ import annotations

import logging
import weakref
from importlib import import_module
from operator import attrgetter, is_
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST_CLIENTS, _MOST_PLANS = 256, 32
_LENGTH = b"content-length"
_FRAMING = frozenset(("content-length", "transfer-encoding"))
# what the SDK's client does on the way to a request's headers and URL, and what httpx's does to both
_OF_CLIENT = (
    "_build_headers _auth_headers _auth_query _validate_headers _prepare_url platform_headers default_headers"
    " default_query user_agent base_url qs _bearer_auth _admin_api_key_auth"
).split()
_OF_HTTPX = (
    "build_request _merge_url _merge_headers _merge_cookies _merge_queryparams"
    " headers cookies params timeout"
).split()
_READ = attrgetter(*_OF_CLIENT)
_READ_HTTPX = attrgetter(*_OF_HTTPX)
_STATE = attrgetter(
    "api_key",
    "admin_api_key",
    "organization",
    "project",
    "_version",
    "_platform",
    "_base_url",
    "_client",
    "_custom_headers",
    "_custom_query",
)
_STRINGS = 5  # of _STATE, strings or None


def make_construct_options(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of FinalRequestOptions.construct and its switch."""
    serving = Serving("litellm.request_options")
    names = original.__globals__
    rows: Optional[List[Tuple[str, Any, Optional[Callable[[], Any]]]]] = None
    fields: Any = None
    write = object.__setattr__

    def learn(cls: Any) -> None:
        nonlocal rows, fields
        found = []
        for name, field in cls.__pydantic_fields__.items():
            plain = field.alias is None and field.validation_alias is None
            if not plain or field.default_factory is not None:
                return
            fresh, default = None, None
            if not field.is_required():
                default = field.default
                if type(default) is names["NotGiven"] or type(default) is dict:
                    fresh = _maker(default)
                if fresh is None and type(default) not in (type(None), bool, int, str):
                    return
            found.append((name, _MISSING if field.is_required() else default, fresh))
        rows, fields = found, cls.__pydantic_fields__

    def construct(cls: Any, _fields_set: Any = None, **values: Any) -> Any:
        if (
            not (serving.live or serving)
            or cls is not names["FinalRequestOptions"]
            or _fields_set is not None
        ):
            return original(cls, _fields_set, **values)
        if fields is not cls.__pydantic_fields__:
            learn(cls)
            if fields is not cls.__pydantic_fields__:
                replacement.declined += 1
                return original(cls, _fields_set, **values)
        not_given, strip = names["NotGiven"], names["strip_not_given"]
        made: Dict[str, Any] = {}
        given = set()
        for name, default, fresh in rows:  # type: ignore[union-attr]
            if name in values:
                value = values[name]
                kind = type(value)
                if kind is dict:
                    value = {
                        key: each for key, each in value.items() if not isinstance(each, not_given)
                    }
                elif kind is not str and value is not None:
                    value = strip(value)
                made[name] = value
                given.add(name)
            elif fresh is not None:
                made[name] = fresh()
            elif default is not _MISSING:
                made[name] = default
        found = cls.__new__(cls)
        write(found, "__dict__", made)
        write(found, "__pydantic_fields_set__", given)
        write(found, "__pydantic_extra__", None)
        write(found, "__pydantic_private__", None)
        replacement.served += 1
        return found

    replacement: Any = construct
    return finish(replacement, serving)


_MISSING = object()


def _maker(default: Any) -> Optional[Callable[[], Any]]:
    """Return what makes a default anew, as a deep copy does."""
    if type(default) is not dict:
        return type(default)
    if all(type(value) is bool for value in default.values()):
        return default.copy
    return None


def make_copy_options(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of model_copy and its switch: for a request's options alone."""
    serving = Serving("litellm.copy_options")
    write = object.__setattr__
    kind: Any = None
    plain: Any = None

    def model_copy(model: Any, *, deep: bool = False) -> Any:
        nonlocal kind, plain
        if not (serving.live or serving):
            return original(model, deep=deep)
        if kind is None:
            from openai._models import FinalRequestOptions
            from pydantic import BaseModel

            kind, plain = FinalRequestOptions, (BaseModel.model_copy, BaseModel.__copy__)
        if (
            deep is not False
            or type(model) is not kind
            or kind.model_copy is not plain[0]
            or kind.__copy__ is not plain[1]
            or model.__pydantic_extra__ is not None
            or model.__pydantic_private__ is not None
        ):
            replacement.declined += 1
            return original(model, deep=deep)
        made = kind.__new__(kind)  # type: ignore[call-overload]
        write(made, "__dict__", model.__dict__.copy())
        write(made, "__pydantic_extra__", None)
        write(made, "__pydantic_fields_set__", model.__pydantic_fields_set__.copy())
        write(made, "__pydantic_private__", None)
        replacement.served += 1
        return made

    replacement: Any = model_copy
    return finish(replacement, serving)


def make_dumps(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of openapi_dumps and its switch: one encoder for all requests."""
    import json

    serving = Serving("litellm.request_body")
    names = original.__globals__
    plain = json.dumps
    encoder: Any = None

    def openapi_dumps(obj: Any) -> bytes:
        nonlocal encoder
        kind = names["_CustomEncoder"]
        if not (serving.live or serving) or names["json"] is not json or json.dumps is not plain:
            return original(obj)  # type: ignore[no-any-return]
        if type(encoder) is not kind:
            encoder = kind(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        replacement.served += 1
        return encoder.encode(obj).encode()  # type: ignore[no-any-return]

    replacement: Any = openapi_dumps
    return finish(replacement, serving)


class _Plan(NamedTuple):
    """What the original made of a request, but for its body."""

    url: Any
    method: str
    headers: List[Tuple[bytes, bytes, bytes]]
    length: int  # where Content-Length stands
    name: bytes


class _Known(NamedTuple):
    """What was made for a client, and what of the client it was made of."""

    client: Any
    state: Tuple[Any, ...]
    custom: List[Tuple[str, str]]
    headers: List[Tuple[bytes, bytes, bytes]]
    plans: Dict[Any, _Plan]


class _Builder:
    """Requests of known clients."""

    def __init__(self, original: Callable[..., Any]) -> None:
        import httpx
        from openai._models import FinalRequestOptions

        _client: Any = import_module("openai._client")  # (openai._client itself is another thing)
        self._names = original.__globals__
        self._module = _client
        self._httpx = httpx
        self._options = FinalRequestOptions
        self._timeout = httpx.Timeout
        self._url = httpx.URL
        self._clients = {kind: _READ(kind) for kind in (_client.OpenAI, _client.AsyncOpenAI)}
        self._asynchronous = _client.AsyncOpenAI
        self._https = (_READ_HTTPX(httpx.Client), _READ_HTTPX(httpx.AsyncClient))
        self._known: Dict[int, _Known] = {}

    def _state(self, client: Any) -> Optional[Tuple[Any, ...]]:
        """What a client's requests follow from; None where something on the way is not the SDK's or httpx's own."""
        expected = self._clients.get(type(client))
        if expected is None or not all(map(is_, _READ(type(client)), expected)):
            return None
        own = client.__dict__
        if (
            own["_provider_runtime"] is not None
            or own["_idempotency_header"] is not None
            or own["_custom_query"]
            or not _NAMES.isdisjoint(own)
        ):
            return None
        inner = own["_client"]
        found = _READ_HTTPX(type(inner))
        if not any(all(map(is_, found, each)) for each in self._https):
            return None
        inside = inner.__dict__
        if (
            not _NAMES_HTTPX.isdisjoint(inside)
            or inside["_params"]._dict
            or inside["_cookies"].jar._cookies
            or type(inside["_cookies"]) is not self._httpx.Cookies
            or type(inside["_headers"]) is not self._httpx.Headers
        ):
            return None
        return _STATE(client)

    def _key(self, client: Any, options: Any, timeout: Any, retries: int) -> Any:
        headers = options.headers
        if type(headers) is dict:
            told: Tuple[Any, ...] = tuple(headers.items())
            for name, value in told:
                if type(name) is not str or type(value) is not str:
                    return None
        elif type(headers) is self._names["NotGiven"]:
            told = ()
        else:
            return None
        kind = type(timeout)
        read = timeout.read if kind is self._timeout else timeout
        if type(read) not in (float, int, type(None)):
            return None
        security = options.security
        if type(security) is not dict or type(options.url) is not str:
            return None
        library = ""
        if type(client) is self._asynchronous:
            library = self._module.get_async_library()
        return (
            options.url,
            told,
            type(read),
            read,
            retries,
            security.get("bearer_auth", False) is True,
            security.get("admin_api_key_auth", False) is True,
            library,
        )

    def build(
        self, original: Callable[..., Any], client: Any, options: Any, retries: int
    ) -> Tuple[Any, bool]:
        """Return a request, and whether it was made of a plan."""
        if (
            type(options) is not self._options
            or options.method != "post"
            or options.files is not None
            or options.content is not None
            or type(options.params) is not dict
            or options.params
            or type(options.json_data) is not dict
            or (options.extra_json is not None and type(options.extra_json) is not dict)
            or any(type(value) is not bool for value in options.security.values())
            or type(retries) is not int
            or self._names["log"].isEnabledFor(logging.DEBUG)
        ):
            return original(client, options, retries_taken=retries), False
        timeout = options.timeout
        if type(timeout) is self._names["NotGiven"]:
            timeout = client.timeout
        state = self._state(client)
        key = None if state is None else self._key(client, options, timeout, retries)
        if key is None:
            return original(client, options, retries_taken=retries), False
        known = self._known.get(id(client))
        if known is not None and self._is_same(known, client, state):
            plan = known.plans.get(key)
            if plan is not None:
                return self._request(plan, options, timeout), True
        elif known is not None:
            del self._known[id(client)]
        request = original(client, options, retries_taken=retries)
        self._learn(client, key, options, request)
        return request, False

    def _is_same(self, known: _Known, client: Any, state: Any) -> bool:
        custom = client._custom_headers
        return (
            known.client() is client
            and all(map(is_, state, known.state))
            and list(custom.items()) == known.custom
            and not any(type(value) is not str for value in custom.values())
            and client._client._headers._list == known.headers
        )

    def _learn(self, client: Any, key: Any, options: Any, request: Any) -> None:
        state = self._state(client)  # (the original may have set a platform)
        custom = client._custom_headers
        inner = client._client._headers._list
        if (
            state is None
            or type(custom) is not dict
            or any(type(part) is not str for pair in custom.items() for part in pair)
            or any(type(part) not in (str, type(None)) for part in state[:_STRINGS])
            or not client._base_url.is_absolute_url
            or any(name.lower() in _FRAMING for name in custom)
            or any(name.lower() in _FRAMING for name, _ in key[1])
            or any(name.decode("latin-1") in _FRAMING for _, name, _ in inner)
        ):
            return
        plan = self._plan(request)
        if plan is None:
            return
        known = self._known.get(id(client))
        if known is None or not self._is_same(known, client, state):
            if len(self._known) >= _MOST_CLIENTS:
                self._known.clear()
            number = id(client)
            gone = self._known.pop
            known = self._known[number] = _Known(
                weakref.ref(client, lambda _: gone(number, None)),
                state,
                list(custom.items()),
                list(inner),
                {},
            )
        if len(known.plans) >= _MOST_PLANS:
            known.plans.clear()
        known.plans[key] = plan

    def _plan(self, request: Any) -> Optional[_Plan]:
        httpx = self._httpx
        if (
            type(request) is not httpx.Request
            or type(request.url) is not self._url
            or type(request.stream) is not httpx.ByteStream
            or list(request.extensions) != ["timeout"]
            or list(vars(request))
            != ["method", "url", "headers", "extensions", "stream", "_content"]
        ):
            return None
        headers = request.headers._list
        lengths = [number for number, (_, name, _) in enumerate(headers) if name == _LENGTH]
        if len(lengths) != 1 or headers[lengths[0]][2] != b"%d" % len(request._content):
            return None
        if any(name == b"transfer-encoding" for _, name, _ in headers):
            return None
        return _Plan(request.url, request.method, list(headers), lengths[0], headers[lengths[0]][0])

    def _request(self, plan: _Plan, options: Any, timeout: Any) -> Any:
        body = options.json_data
        if options.extra_json is not None:
            body = self._names["_merge_mappings"](body, options.extra_json)
        content = self._names["openapi_dumps"](body)
        httpx = self._httpx
        if type(timeout) is self._timeout:
            limits = {
                "connect": timeout.connect,
                "read": timeout.read,
                "write": timeout.write,
                "pool": timeout.pool,
            }
        else:
            limits = {"connect": timeout, "read": timeout, "write": timeout, "pool": timeout}
        listed = plan.headers.copy()
        listed[plan.length] = (plan.name, _LENGTH, b"%d" % len(content))
        headers = httpx.Headers.__new__(httpx.Headers)
        headers._list = listed
        headers._encoding = None
        request = httpx.Request.__new__(httpx.Request)
        stream = httpx.ByteStream(content)
        request.__dict__ = {
            "method": plan.method,
            "url": plan.url,
            "headers": headers,
            "extensions": {"timeout": limits},
            "stream": stream,
            "_content": content,
        }
        return request


_NAMES = frozenset(_OF_CLIENT)
_NAMES_HTTPX = frozenset(_OF_HTTPX)


def make_build_request(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _build_request and its switch."""
    serving = Serving("litellm.build_request")
    builder: Optional[_Builder] = None

    def _build_request(self: Any, options: Any, *, retries_taken: int = 0) -> Any:
        nonlocal builder
        if not (serving.live or serving):
            return original(self, options, retries_taken=retries_taken)
        if builder is None:
            builder = _Builder(original)
        request, served = builder.build(original, self, options, retries_taken)
        if served:
            replacement.served += 1
        else:
            replacement.declined += 1
        return request

    replacement: Any = _build_request
    return finish(replacement, serving)
