"""What every replacement of this package has: whether it may serve, and how often it did."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Tuple

from fast_jvm import _registry
from fast_jvm._registry import Activate


class Serving:
    """Whether a patch may serve: its gates are looked at when it is called first, an undone one never does."""

    __slots__ = ("_live", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._live: Optional[bool] = None

    def activate(self, builtins: Optional[Dict[str, Callable[..., Any]]]) -> None:
        """The registry's switch."""
        self._live = builtins is not None

    def __bool__(self) -> bool:
        if self._live is None:
            # the gates' own answer is kept by activate(); what was skipped is asked for again, which costs a look-up
            return _registry.ready(self._name)
        return self._live


def finish(replacement: Any, serving: Serving) -> Tuple[Callable[..., Any], Activate]:
    """Return what a ``make`` function returns."""
    replacement.served = 0
    replacement.declined = 0
    return replacement, serving.activate
