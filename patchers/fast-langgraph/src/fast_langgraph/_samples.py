"""Private sample objects on which the builtins are warmed."""

from __future__ import annotations

from typing import Any, Callable, Dict


def warm_up(builtins: Dict[str, Callable[..., Any]], warm: Callable[[str, object, int], int]) -> None:
    """Run the builtins on samples until they are compiled."""
