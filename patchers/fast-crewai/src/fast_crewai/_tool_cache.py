"""ToolCache: what tools returned, bounded by bytes and time, in Java's memory."""

from __future__ import annotations

import pickle
from typing import Any, Dict, Optional

from crewai.agents.cache.cache_handler import CacheHandler
from crewai.tools.tool_failure import ToolFailure
from pydantic import PrivateAttr

from fast_jvm._byte_cache import ByteCache

_TEXT, _PICKLE = b"t", b"p"


def _key(tool: str, given: str) -> bytes:
    name, text = (str.encode(each, "utf-8", "surrogatepass") for each in (tool, given))
    return b"%d:%b%b" % (len(name), name, text)


class ToolCache(CacheHandler):  # type: ignore[misc]
    """CrewAI's cache handler, bounded: ``Agent(cache_handler=ToolCache(64 << 20, ttl=600))``.

    A tool's ``cache_function`` decides as ever whether a result is kept, and a ToolFailure never is. Results lie in native
    memory, texts as UTF-8, others pickled: each hit of those is a copy, and what can't be pickled is not kept. What stays
    within the bound is decided by Caffeine's W-TinyLFU, by how often and how lately each was asked for.
    For threads and event loops of one process; in a forked child every read is a miss, with one RuntimeWarning.

    Args:
        max_bytes: how many bytes of inputs and results are kept. A result that is larger than all of it is not.
        ttl: for how many seconds a result is kept; without it for as long as there is room.

    Raises:
        FastJvmUnavailable: there is no Java; the text says what helps.
    """

    _store: Any = PrivateAttr()
    _ttl: Optional[float] = PrivateAttr(default=None)

    def __init__(self, max_bytes: int, *, ttl: Optional[float] = None) -> None:
        super().__init__()
        self._store = ByteCache(max_bytes)
        self._ttl = ttl

    def use_in(self, crew: Any) -> None:
        """Have all agents of a crew use it, in place of the handler that the crew gave them."""
        crew._cache_handler = self
        for agent in crew.agents:
            agent.set_cache_handler(self)

    def add(self, tool: str, input: str, output: Any) -> None:
        """Keep a tool's result."""
        if isinstance(output, ToolFailure):
            return
        if type(output) is str:
            kind, data = _TEXT, str.encode(output, "utf-8", "surrogatepass")
        else:
            try:
                kind, data = _PICKLE, pickle.dumps(output, 5)
            except Exception:  # a lock, a local class: whatever its __reduce__ raises
                self._store.remove(_key(tool, input))
                return
        self._store.put(_key(tool, input), kind, data, self._ttl)

    def read(self, tool: str, input: str) -> Any:
        """Return a tool's result, or None."""
        found = self._store.get(_key(tool, input))
        if found is None:
            return None
        kind, data = found
        return data.decode("utf-8", "surrogatepass") if kind == _TEXT else pickle.loads(data)

    def clear(self) -> None:
        """Forget all."""
        self._store.clear()

    def cache_stats(self) -> Dict[str, Any]:
        """Return hits, misses, size (entries), bytes, max_bytes, evictions, expired and hit_rate."""
        told: Dict[str, Any] = self._store.stats()
        asked = told["hits"] + told["misses"]
        return {**told, "hit_rate": told["hits"] / asked if asked else 0.0}

    def __copy__(self) -> ToolCache:
        """A copy of a crew shares it."""
        return self

    def __deepcopy__(self, memo: Any = None) -> ToolCache:
        return self
