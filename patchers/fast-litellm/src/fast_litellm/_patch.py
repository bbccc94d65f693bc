"""One of this package's patches, in short."""

from __future__ import annotations

from typing import Dict, FrozenSet, Optional, Tuple

from fast_jvm import Patch


def patch(
    name: str,
    target: str,
    code: str,
    make: str,
    builtins: Tuple[str, ...] = (),
    also: Optional[Dict[str, str]] = None,
    requires: Optional[Dict[str, str]] = None,
    of: Tuple[str, str] = ("litellm", ">=1.100,!=1.107.0,<2"),
    copies: Tuple[str, ...] = (),
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
        copies=copies,
    )
