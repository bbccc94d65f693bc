"""CaffeineCache: LangGraph's node cache, bounded by bytes, in Java's memory."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Tuple, Union

from langgraph.cache.base import BaseCache, FullKey, Namespace, ValueT
from langgraph.checkpoint.serde.base import SerializerProtocol

from fast_jvm._byte_cache import ByteCache


def _parts(*texts: str) -> bytes:
    """Texts behind each other, each with its length: no list of them begins as another's end."""
    encoded = [str.encode(text, "utf-8", "surrogatepass") for text in texts]
    return b"".join([b"%d:%b" % (len(each), each) for each in encoded])


def _prefix(namespace: Namespace) -> bytes:
    return b"%d|%b" % (len(namespace), _parts(*namespace))


class CaffeineCache(BaseCache[ValueT]):
    """A cache for ``compile(cache=...)`` and ``CachePolicy``, bounded by bytes.

    Values are serialized, as in LangGraph's other caches, and lie in native memory: neither Python's
    heap nor Java's holds them, and what an evicted one took is free at once. What stays within
    the bound is decided by Caffeine's W-TinyLFU, by how often and how lately each was asked for.
    For threads and event loops of one process. In a forked child every get is a miss and
    nothing is kept, with one RuntimeWarning: nodes run, as without a cache.

    Args:
        max_bytes: how many bytes of keys and values are kept. A value that is larger than all of
            it is not. Each entry also takes some 320 bytes of the Java heap (``FAST_JVM_HEAP``), of
            which a cache takes no more than a quarter.
        serde: the serializer; as with other caches.

    Raises:
        FastJvmUnavailable: there is no Java; the text says what helps.
    """

    def __init__(self, max_bytes: int, *, serde: Union[SerializerProtocol, None] = None) -> None:
        super().__init__(serde=serde)
        self._cache = ByteCache(max_bytes)

    def get(self, keys: Sequence[FullKey]) -> Dict[FullKey, ValueT]:
        """Return the values that are there."""
        values: Dict[FullKey, ValueT] = {}
        for namespace, key in keys:
            namespace = tuple(namespace)
            found = self._cache.get(_prefix(namespace) + _parts(key))
            if found is not None:
                kind, data = found
                values[(namespace, key)] = self.serde.loads_typed((kind.decode(), data))
        return values

    async def aget(self, keys: Sequence[FullKey]) -> Dict[FullKey, ValueT]:
        """As ``get``: it waits for nothing."""
        return self.get(keys)

    def set(self, pairs: Mapping[FullKey, Tuple[ValueT, Union[int, None]]]) -> None:
        """Keep values, each for so many seconds, or for as long as there is room."""
        for (namespace, key), (value, ttl) in pairs.items():
            kind, data = self.serde.dumps_typed(value)
            self._cache.put(_prefix(namespace) + _parts(key), kind.encode(), bytes(data), ttl)

    async def aset(self, pairs: Mapping[FullKey, Tuple[ValueT, Union[int, None]]]) -> None:
        """As ``set``: it waits for nothing."""
        self.set(pairs)

    def clear(self, namespaces: Union[Sequence[Namespace], None] = None) -> None:
        """Forget what is in these namespaces, or all."""
        if namespaces is None:
            self._cache.clear()
        else:
            for namespace in namespaces:
                self._cache.clear(_prefix(tuple(namespace)))

    async def aclear(self, namespaces: Union[Sequence[Namespace], None] = None) -> None:
        """As ``clear``."""
        self.clear(namespaces)

    def cache_stats(self) -> Dict[str, Any]:
        """Return hits, misses, size (entries), bytes, max_bytes, evictions, expired and hit_rate."""
        told: Dict[str, Any] = self._cache.stats()
        asked = told["hits"] + told["misses"]
        return {**told, "hit_rate": told["hits"] / asked if asked else 0.0}
