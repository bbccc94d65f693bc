"""Whether Java serves what the rows measure; only the standard library is needed here."""

from __future__ import annotations

from typing import Any


def served(status: Any) -> bool:
    """Whether the codec's patches are live, and every other one whose module is imported."""
    codec = [patch for patch in status.patches if patch.name.endswith("_typed")]
    return (
        len(codec) == 2
        and all(patch.state == "live" for patch in codec)
        and all(patch.state in ("live", "waiting") for patch in status.patches)
    )
