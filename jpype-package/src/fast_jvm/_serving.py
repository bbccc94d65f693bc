"""What a replacement that needs no Java has: whether it may serve, how often it did, the original's globals."""

from __future__ import annotations

import types
from operator import itemgetter
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import _registry
from ._registry import Activate


class Serving:
    """Whether a patch may serve: its gates are looked at when it is called first, an undone one never does."""

    __slots__ = ("_around", "_name", "live")

    def __init__(self, name: str) -> None:
        self._name = name
        self._around: Optional[List[Tuple[Callable[..., Any], Any, Any]]] = None
        #: True where it may; hot functions ask this before they ask the object itself.
        self.live: Optional[bool] = None

    def activate(self, builtins: Optional[Dict[str, Callable[..., Any]]]) -> None:
        """The registry's switch."""
        self.live = builtins is not None

    def __bool__(self) -> bool:
        if self.live is None:
            # the gates' own answer is kept by activate(); what was skipped is asked for again, which costs a look-up
            return _registry.ready(self._name)
        return self.live

    def holds(self) -> bool:
        """Say whether what the patch leans on stands where its gate found it: a mock in its place wants to be called."""
        try:
            if self._around is not None and all(
                read(names) == known for read, names, known in self._around
            ):
                return True
        except KeyError:
            pass
        found = _registry.leaning(self._name)
        if found is None:
            self._around = None
            return False
        self._around = [
            (read, vars(owner), read(vars(owner)))
            for owner, read in ((owner, itemgetter(*names)) for owner, names in found)
        ]
        return True


def finish(replacement: Any, serving: Serving) -> Tuple[Callable[..., Any], Activate]:
    """Return what a ``make`` function returns."""
    replacement.served = 0
    replacement.declined = 0
    return replacement, serving.activate


def among(original: Any, function: Any) -> Any:
    """Return the function with the original's globals and defaults, counting what it serves."""
    made: Any = types.FunctionType(
        function.__code__,
        original.__globals__,
        function.__name__,
        original.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = original.__kwdefaults__
    made.served = 0
    return made
