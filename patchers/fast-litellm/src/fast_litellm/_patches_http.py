"""The patches below LiteLLM: how the OpenAI SDK, httpx and its transports make, send and read a request."""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from fast_jvm import Patch

_OPENAI = ("openai", ">=2.40,<3")
_HTTPX = {"httpx": "!>=0.27,<1"}
_PYDANTIC = {"pydantic": "!>=2.7,<3"}
_BASE = "openai._base_client:BaseClient"
_SYNC, _ASYNC = "openai._client:OpenAI", "openai._client:AsyncOpenAI"
_CLIENT = "httpx._client:BaseClient"
_REQUEST = {
    f"{_BASE}._build_headers": "202ee9ca3e858b19",
    f"{_BASE}._auth_query": "3d765b07f54a0e5d",
    f"{_BASE}._prepare_url": "2b3cecdbdfcb405a",
    f"{_BASE}.platform_headers": "551ee7bfd45e1997",
    f"{_BASE}.default_headers.fget": "2f29f1d08e1f2551",
    f"{_BASE}.default_query.fget": "51e415f6986748d1",
    f"{_BASE}.user_agent.fget": "eb43c08edd24dbc1",
    f"{_BASE}.base_url.fget": "664a4ba241b14c02",
    f"{_SYNC}._auth_headers": "dc703ec6e2d64b2a",
    f"{_ASYNC}._auth_headers": "dc703ec6e2d64b2a",
    f"{_SYNC}._validate_headers": "4d51157b19d21fb6",
    f"{_ASYNC}._validate_headers": "4d51157b19d21fb6",
    f"{_SYNC}.default_headers.fget": "3ab72719acc5d9fd",
    f"{_ASYNC}.default_headers.fget": "b5de47fb819a3477",
    f"{_SYNC}._bearer_auth.fget": "bfbd1bbda359a98d",
    f"{_ASYNC}._bearer_auth.fget": "bfbd1bbda359a98d",
    f"{_SYNC}._admin_api_key_auth.fget": "3b4d56dcdb3c19b5",
    f"{_ASYNC}._admin_api_key_auth.fget": "3b4d56dcdb3c19b5",
    "openai._base_client:_merge_mappings": "50a67d37f80a259e",
    "openai._utils._utils:get_async_library": "b6297af2aa4e3f30",
    "openai._httpx2:normalize_httpx_timeout": "b3be6c63ed13a758",
    f"{_CLIENT}.build_request": "83eca17a5c1619de",
    f"{_CLIENT}._merge_url": "c00eab083354fc70",
    f"{_CLIENT}._merge_headers": "7474e93f2ecd7440",
    f"{_CLIENT}._merge_cookies": "8cafce0883428aad",
    f"{_CLIENT}._merge_queryparams": "7992ae8b215c0017",
    "httpx._models:Request.__init__": "6064a4ba15ed1469",
    "httpx._models:Request._prepare": "787a498fea44b587",
    "httpx._content:encode_request": "4cb173f98647ca61",
    "httpx._content:encode_content": "0b67969b4251f9f7",
}
_OF_HTTPX = ("httpx", ">=0.27,<1")
_OF_HTTPCORE = ("httpcore", ">=1,<2")
_H11 = {"h11": "!>=0.16,<0.17"}
_CORE = "httpcore._sync"
_SEND = {
    f"{_CLIENT}._build_request_auth": "850655b1535ca6d3",
    f"{_CLIENT}._set_timeout": "e5d384d70453098b",
    "httpx._models:Response.has_redirect_location.fget": "8d79788cab613351",
    "httpx._auth:Auth.auth_flow": "13ec530aee4713b0",
}
_POOL = {
    f"{_CORE}.connection_pool:PoolRequest": "13d4cc3823f9443f",
    f"{_CORE}.connection_pool:PoolByteStream": "4e8025a05efb9aa0",
}
_EXCHANGE = {
    f"{_CORE}.http11:HTTP11Connection.handle_request": "c521ff70ef0a5a71",
    f"{_CORE}.http11:HTTP11Connection._response_closed": "9a1dc326e8aeffed",
    f"{_CORE}.http11:HTTP11Connection._send_request_headers": "27b08de7d60813c3",
    f"{_CORE}.http11:HTTP11Connection._send_request_body": "c79bfb2c1288974a",
    f"{_CORE}.http11:HTTP11Connection._send_event": "d3cf56bb69444054",
    f"{_CORE}.http11:HTTP11Connection._receive_response_headers": "89484b59d58f8eb4",
    f"{_CORE}.http11:HTTP11Connection._receive_response_body": "7bd731e22eccb22d",
    f"{_CORE}.http11:HTTP11Connection._receive_event": "2bb64b6f8bbb1466",
    f"{_CORE}.http11:HTTP11Connection.has_expired": "a941810ba8246a96",
    f"{_CORE}.http11:HTTP11ConnectionByteStream": "79da452d5dd13480",
    "httpcore._backends.sync:SyncStream": "e0ebf9aa142c6a7e",
    "httpcore._models:Response.__init__": "198e8ae4c6e50bfa",
    "httpcore._models:Request.__init__": "9f6f52bd777cd2f0",
    "httpcore._models:URL.__init__": "d64821f3195d4002",
    "h11._connection:Connection": "814cc9f05e15b677",
    "h11._state:ConnectionState": "f0ec1962d8955aaa",
    "h11._connection:_body_framing": "f3f091c66ac2bf7a",
    "h11._connection:_keep_alive": "13c6380346ee931d",
    "h11._headers:has_expect_100_continue": "f6689a9933314440",
    "h11._headers:normalize_and_validate": "3eed960e0d60c5d0",
    "h11._headers:get_comma_header": "6935fb2443c376b0",
    "h11._readers:maybe_read_from_SEND_RESPONSE_server": "08e06542c2954d55",
    "h11._readers:_obsolete_line_fold": "326576f95ecbb222",
    "h11._readers:_decode_header_lines": "7223a7d7f25c1ee9",
    "h11._readers:ContentLengthReader": "0eaccd1d1d7e6a07",
    "h11._readers:ChunkedReader": "b4bce922abb549fa",
    "h11._writers:write_request": "e6fc47cbc2e2b30c",
    "h11._writers:write_headers": "579abf338ff7f716",
    "h11._writers:ContentLengthWriter": "1d9b78c3b1b999ee",
    "h11._receivebuffer:ReceiveBuffer": "d104fa91b5c9931d",
    "h11._events:Request.__init__": "93ff6bbd828186c5",
    "h11._events:_ResponseBase.__init__": "b688bbf7fd0b1b45",
    "h11._util:validate": "615a954208952950",
}


def patches(patch: Callable[..., Patch]) -> Tuple[Patch, ...]:
    """Return them, made by what makes a patch of this package."""
    options: Dict[str, Any] = {
        "requires": _PYDANTIC,
        "of": _OPENAI,
    }
    return (
        patch(
            "request_options",
            "openai._models:FinalRequestOptions.construct",
            "1ad15e80bf4eeee1",
            "_requests:make_construct_options",
            also={
                "openai._models:FinalRequestOptions": "75856b49c9b95edb",
                "openai._models:strip_not_given": "719940c07836821a",
                "pydantic.main:BaseModel.model_construct": "8baf90bca5af5c26",
            },
            **options,
        ),
        patch(
            "copy_options",
            "openai._compat:model_copy",
            "a6d3e860411793a0",
            "_requests:make_copy_options",
            also={
                "pydantic.main:BaseModel.model_copy": "6a67f035b84cf2cd",
                "pydantic.main:BaseModel.__copy__": "8d34d0aba27a062f",
            },
            copies=("openai._base_client", "openai.lib.azure"),
            **options,
        ),
        patch(
            "request_body",
            "openai._utils._json:openapi_dumps",
            "9cf2e45c93331175",
            "_requests:make_dumps",
            also={"openai._utils._json:_CustomEncoder": "c1aead3c16809d42"},
            of=_OPENAI,
            copies=("openai._base_client",),
        ),
        patch(
            "build_request",
            f"{_BASE}._build_request",
            "22093bcd352956f9",
            "_requests:make_build_request",
            also=_REQUEST,
            requires=_HTTPX,
            of=_OPENAI,
        ),
        *_sending(patch),
        *_wire(patch),
        *_aiohttp(patch),
    )


def _sending(patch: Callable[..., Patch]) -> Tuple[Patch, ...]:
    """Those around a request that httpx sends."""
    sync, asynchronous = "httpx._client:Client", "httpx._client:AsyncClient"
    return (
        patch(
            "send",
            f"{sync}.send",
            "4451221633417c44",
            "_sending:make_send",
            also={
                **_SEND,
                f"{sync}._send_handling_auth": "23313d5a9d99e627",
                f"{sync}._send_handling_redirects": "d47e82577debbc7d",
                "httpx._auth:Auth.sync_auth_flow": "2829af2c6fac887f",
            },
            of=_OF_HTTPX,
        ),
        patch(
            "async_send",
            f"{asynchronous}.send",
            "f5473f3e09491776",
            "_sending:make_async_send",
            also={
                **_SEND,
                f"{asynchronous}._send_handling_auth": "6d114188724bcfc5",
                f"{asynchronous}._send_handling_redirects": "fb2ed0bb71540a31",
                "httpx._auth:Auth.async_auth_flow": "67f021fa655c73e8",
            },
            of=_OF_HTTPX,
        ),
        patch(
            "send_single",
            f"{sync}._send_single_request",
            "fc2ada474bfd87f4",
            "_sending:make_send_single",
            also={"httpx._exceptions:request_context": "f223b72a260b79b8"},
            of=_OF_HTTPX,
        ),
        patch(
            "async_send_single",
            f"{asynchronous}._send_single_request",
            "8cb2c1d5bcef8ca7",
            "_sending:make_async_send_single",
            also={"httpx._exceptions:request_context": "f223b72a260b79b8"},
            of=_OF_HTTPX,
        ),
        patch(
            "header",
            "httpx._models:Headers.__getitem__",
            "a905070d152a0a43",
            "_sending:make_header",
            also={"httpx._models:Headers.encoding.fget": "d0dcc01e1a60efe3"},
            of=_OF_HTTPX,
        ),
    )


def _wire(patch: Callable[..., Patch]) -> Tuple[Patch, ...]:
    """Those of HTTP/1.1 itself."""
    httpcore: Dict[str, Any] = {"of": _OF_HTTPCORE, "requires": {**_HTTPX, **_H11}}
    return (
        patch(
            "http_exchange",
            f"{_CORE}.http11:HTTP11Connection.handle_request",
            "c521ff70ef0a5a71",
            "_wire:make_handle_request",
            also=_EXCHANGE,
            **httpcore,
        ),
        patch(
            "http_closed",
            f"{_CORE}.http11:HTTP11Connection._response_closed",
            "9a1dc326e8aeffed",
            "_wire:make_response_closed",
            also=_EXCHANGE,
            **httpcore,
        ),
        patch(
            "http_connection",
            f"{_CORE}.connection:HTTPConnection.handle_request",
            "753ba78c74399550",
            "_wire:make_connection_request",
            also={
                "httpcore._models:URL.origin.fget": "635726431255e365",
                "httpcore._models:Origin.__eq__": "05e585555770d96b",
            },
            **httpcore,
        ),
        patch(
            "http_assign",
            f"{_CORE}.connection_pool:ConnectionPool._assign_requests_to_connections",
            "ce5d469f1da0a989",
            "_wire:make_assign",
            also={
                **_POOL,
                f"{_CORE}.connection:HTTPConnection.is_available": "6be9c0fda8e1a35d",
                f"{_CORE}.connection:HTTPConnection.is_closed": "1a58edb08c41ce2f",
                f"{_CORE}.connection:HTTPConnection.has_expired": "4773ac9118bf8fe1",
                f"{_CORE}.connection:HTTPConnection.is_idle": "813742b5bc900bd3",
                f"{_CORE}.http11:HTTP11Connection.is_idle": "9897a00f8d812736",
                f"{_CORE}.http11:HTTP11Connection.is_closed": "f7aacad7ade02d39",
            },
            **httpcore,
        ),
        patch(
            "http_pool",
            f"{_CORE}.connection_pool:ConnectionPool.handle_request",
            "964a4d9a4881b848",
            "_wire:make_pool_request",
            also={**_POOL, "httpcore._models:Response.__init__": "198e8ae4c6e50bfa"},
            **httpcore,
        ),
        patch(
            "http_transport",
            "httpx._transports.default:HTTPTransport.handle_request",
            "66e01996468ebe86",
            "_wire:make_transport_request",
            also={
                "httpx._transports.default:map_httpcore_exceptions": "7f7c73cc0ee585e6",
                "httpx._models:Response.__init__": "ebf47defdf18da54",
                "httpcore._models:Request.__init__": "9f6f52bd777cd2f0",
                "httpcore._models:URL.__init__": "d64821f3195d4002",
            },
            requires={"httpcore": "!>=1,<2", **_H11},
            of=_OF_HTTPX,
        ),
        patch(
            "http_read",
            "httpx._models:Response.read",
            "2849da278269301a",
            "_wire:make_read",
            also={
                **_EXCHANGE,
                **_POOL,
                "httpx._models:Response.iter_bytes": "44c9f91ec87f4e64",
                "httpx._models:Response.iter_raw": "bb1d7f08e5384fdf",
                "httpx._models:Response.close": "fb839936f91cd174",
                "httpx._client:BoundSyncStream": "bc54d8f236b997b0",
                "httpx._transports.default:ResponseStream.__iter__": "5cd6686fce62c206",
                "httpx._transports.default:ResponseStream.close": "c29fb432189b1097",
            },
            requires={"httpcore": "!>=1,<2", **_H11},
            of=_OF_HTTPX,
        ),
    )


def _aiohttp(patch: Callable[..., Patch]) -> Tuple[Patch, ...]:
    """Those of LiteLLM's transport over aiohttp."""
    module = "litellm.llms.custom_httpx.aiohttp_transport"
    return (
        patch(
            "aiohttp_request",
            f"{module}:LiteLLMAiohttpTransport._make_aiohttp_request",
            "f602cfa9108ff90d",
            "_aiohttp:make_aiohttp_request",
            also={
                "aiohttp.client:ClientSession._prepare_headers": "310aa08184dc8f89",
                f"{module}:AiohttpResponseStream": "e2facdbed872c45a",
                f"{module}:map_aiohttp_exceptions": "88854863b28dbd9d",
            },
            requires={"aiohttp": "!>=3.10,<4", **_HTTPX},
        ),
        patch(
            "aiohttp_read",
            "httpx._models:Response.aread",
            "a5b8bc9d47819c8a",
            "_aiohttp:make_aread",
            also={  # (LiteLLM's own code is aiohttp_request's to look at: nothing here imports it)
                "httpx._models:Response.aiter_bytes": "157b3ea50a6e8e1b",
                "httpx._models:Response.aiter_raw": "2ac812364ee56242",
                "httpx._models:Response.aclose": "62c8db17f335041f",
                "httpx._client:BoundAsyncStream": "7d54cf2a38d8472b",
            },
            of=_OF_HTTPX,
        ),
    )
