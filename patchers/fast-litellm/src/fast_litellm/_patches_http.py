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
    "httpx:Request.__init__": "6064a4ba15ed1469",
    "httpx:Request._prepare": "787a498fea44b587",
    "httpx._content:encode_request": "4cb173f98647ca61",
    "httpx._content:encode_content": "0b67969b4251f9f7",
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
                "openai._models:FinalRequestOptions": "75856b49c9b95edb",
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
    )
