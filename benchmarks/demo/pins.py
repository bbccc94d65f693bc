"""Ids and clocks that repeat, so that two processes store the same bytes.

Only sources of time and chance are replaced, in the modules that draw from them while a graph runs, and in
the same way in every process of the demo. The code that turns them into ids stays LangGraph's own.
"""

from __future__ import annotations

import datetime
import itertools
import random
import types
import uuid
from typing import Any, Callable, Dict, Tuple

_START = datetime.datetime(2025, 3, 1, 8, 30, tzinfo=datetime.timezone.utc)


class _Clock:
    """Stands in for the name `datetime` where a module only asks for now(); each such module has its own."""

    def __init__(self) -> None:
        self._ticks = itertools.count()

    def now(self, zone: Any = None) -> datetime.datetime:
        """A millisecond after the time before."""
        return _START + datetime.timedelta(milliseconds=next(self._ticks))


def pin() -> None:
    """Replace the sources of time and chance. To be called once, after langgraph is imported."""
    import langgraph.checkpoint.base.id
    import langgraph.checkpoint.sqlite
    import langgraph.graph.message
    import langgraph.pregel._checkpoint
    import langgraph.pregel._loop

    ticks = itertools.count(int(_START.timestamp() * 1e9), 1_000_000)
    ids = random.Random(4)
    pinned: Dict[Tuple[types.ModuleType, str], Any] = {
        (langgraph.checkpoint.base.id, "time"): _namespace(time_ns=lambda: next(ticks)),
        (langgraph.checkpoint.base.id, "random"): random.Random(6),
        (langgraph.checkpoint.sqlite, "random"): random.Random(7),
        (langgraph.graph.message, "uuid"): _namespace(
            uuid4=lambda: uuid.UUID(int=ids.getrandbits(128), version=4)
        ),
        (langgraph.pregel._checkpoint, "datetime"): _Clock(),
        (langgraph.pregel._loop, "datetime"): _Clock(),
    }
    for (module, name), replacement in pinned.items():
        getattr(
            module, name
        )  # a library that no longer draws from here is an error, not a silent difference
        setattr(module, name, replacement)


def _namespace(**functions: Callable[..., Any]) -> types.SimpleNamespace:
    return types.SimpleNamespace(**functions)
