"""The patches of this package, in the order in which they are applied."""

from __future__ import annotations

from typing import Dict, FrozenSet, Optional, Tuple

from fast_jvm import Patch

_CORE = "litellm.litellm_core_utils"


def _patch(
    name: str,
    target: str,
    code: str,
    make: str,
    builtins: Tuple[str, ...] = (),
    also: Optional[Dict[str, str]] = None,
    requires: Optional[Dict[str, str]] = None,
    of: Tuple[str, str] = ("litellm", ">=1.100,!=1.107.0,<2"),
) -> Patch:
    """Return a patch; one that leans on no builtin needs no Java."""
    accepted: Dict[str, FrozenSet[str]] = {
        path: frozenset({known}) for path, known in (also or {}).items()
    }
    return Patch(
        name=f"litellm.{name}",
        package="fast_litellm",
        target=target,
        distribution=of[0],
        versions=of[1],
        codes=frozenset({code}),
        also=accepted,
        requires=requires or {},
        builtins=builtins,
        make=f"fast_litellm.{make}",
        prepare="fast_litellm._prepare:prepare",
        plain=not builtins,
    )


_OPENAI = ("openai", ">=2.40,<3")
_SDK = "openai._utils._transform"
_TRANSFORM = {
    f"{_SDK}:_transform_recursive": "2ef94ce9fb5ee345",
    f"{_SDK}:_transform_typeddict": "08a4fd92305aaf91",
    "openai.types.embedding_create_params:EmbeddingCreateParams": "b04bf4b869bc6c91",
}

PATCHES = (
    _patch(
        "embeddings",
        "openai._legacy_response:LegacyAPIResponse._parse",
        "2af482682daa8fb3",
        "_embeddings:make_parse",
        ("litellm_embeddings",),
        {
            "openai._base_client:BaseClient._process_response_data": "2b64d83a7ec4c8d5",
            "openai._models:construct_type": "c46259e315cf2900",
            "openai._models:BaseModel.construct": "6f852e6c388f6db8",
            "openai._models:_construct_field": "0c2bb5576edcf3b2",
            "httpx:Response.json": "8fbdeec747b22863",
        },
        {"httpx": "!>=0.27,<1", "pydantic": "!>=2.7,<3"},
        _OPENAI,
    ),
    _patch(
        "post_call",
        f"{_CORE}.litellm_logging:Logging.post_call",
        "c27995c9345c1165",
        "_post_call:make_post_call",
    ),
    _patch(
        "tokens",
        f"{_CORE}.token_counter:_encoding_count",
        "b7b7bc8c96a92bbe",
        "_tokens:make_encoding_count",
        ("litellm_load_ranks", "litellm_count_tokens"),
        {"tiktoken.core:Encoding.encode": "c2716303a788a00a"},
        {"tiktoken": "!>=0.14,<0.15"},  # its regex crate knows Unicode by itself
    ),
    _patch(
        "embedding_parameters",
        "openai.resources.embeddings:maybe_transform",
        "83badab7dbf92df1",
        "_parameters:make_transform",
        also=_TRANSFORM,
        of=_OPENAI,
    ),
)
