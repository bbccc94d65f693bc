"""ResponseCache: LiteLLM's cache of responses, bounded by bytes, in Java's memory."""

from __future__ import annotations

import asyncio
import json
import pickle
import struct
import threading
import time
import weakref
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, Union

from litellm.caching.base_cache import BaseCache

from fast_jvm._byte_cache import ByteCache

_TEXT, _BYTES, _OBJECT = b"t", b"b", b"o"
_HEAD = struct.Struct("<cd")  # the kind of a value, and when it expires

Key = Union[str, Any]


def _bytes_of(key: Key) -> bytes:
    """A key's bytes; what is no str never begins like one: no UTF-8 has an 0xff."""
    if isinstance(key, str):
        return str.encode(key, "utf-8", "surrogatepass")
    return b"\xff" + f"{type(key).__qualname__}:{key!r}".encode("utf-8", "surrogatepass")


class _Flight:
    """Somebody is on the way to a value; who asks meanwhile waits here."""

    __slots__ = ("leader", "waiting")

    def __init__(self, leader: Any) -> None:
        self.leader = leader
        self.waiting: List[Callable[[], None]] = []


class ResponseCache(BaseCache):  # type: ignore[misc]
    """A cache for ``litellm.cache.cache``, in place of LiteLLM's in-memory one, bounded by bytes and not by 200 entries.

    Values lie in native memory: neither Python's heap nor Java's holds them. What stays within the bound is decided by
    Caffeine's W-TinyLFU, by how often and how lately each was asked for. What LiteLLM's InMemoryCache does to a value is done here
    too: text that is JSON comes back read, a value that is put again keeps its time. Unlike there, what comes back is a copy.
    For threads and event loops of one process. In a forked child every get is a miss and nothing is kept, with one
    RuntimeWarning.

    ::

        litellm.cache = litellm.Cache()
        litellm.cache.cache = fast_litellm.ResponseCache(max_bytes=256 << 20)

    Args:
        max_bytes: how many bytes of keys and values are kept. A value that is larger than all of it is not.
        default_ttl: seconds that a value is kept if the one who puts it says nothing.
        single_flight: seconds that one who asks for a value waits while another, who asked before, is on the way to it. The
            wait ends when the value is put, when the other's task ends or asks for something else. 0: nobody waits.

    Raises:
        FastJvmUnavailable: there is no Java; the text says what helps.
    """

    def __init__(
        self, max_bytes: int, *, default_ttl: float = 600, single_flight: float = 0
    ) -> None:
        super().__init__(default_ttl=default_ttl)
        self.single_flight = single_flight
        self._cache = ByteCache(max_bytes)
        self._lock = threading.RLock()
        self._flights: Dict[bytes, _Flight] = {}
        self._led: Dict[Any, bytes] = {}  # by leader
        self._watched: weakref.WeakSet[Any] = weakref.WeakSet()  # tasks whose end is heard of

    # -- values

    def _put(self, key: bytes, value: Any, ttl: Any) -> None:
        now = time.time()
        kept = self._cache.get(key)
        # as LiteLLM's: a value that is put again keeps its time
        expires = _HEAD.unpack(kept[0])[1] if kept is not None else 0.0
        if expires < now:
            expires = now + (self.default_ttl if ttl is None else float(ttl))
        if type(value) is str:
            kind, data = _TEXT, value.encode("utf-8", "surrogatepass")
        elif type(value) is bytes:
            kind, data = _BYTES, value
        else:
            try:
                kind, data = _OBJECT, pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
            except Exception:  # it cannot be kept, which is no error of a cache
                self._cache.remove(key)
                return
        self._cache.put(key, _HEAD.pack(kind, expires), data, expires - now)

    def _get(self, key: bytes) -> Any:
        found = self._cache.get(key)
        if found is None:
            return None
        kind, expires = _HEAD.unpack(found[0])
        if time.time() > expires:
            self._cache.remove(key)
            return None
        if kind == _OBJECT:
            return pickle.loads(found[1])
        value: Any = found[1] if kind == _BYTES else found[1].decode("utf-8", "surrogatepass")
        try:
            return json.loads(value)
        except Exception:
            return value

    # -- one flight

    def _join(self, key: bytes, leader: Any, wake: Callable[[], None]) -> bool:
        """Say whether to wait for somebody else; otherwise who asks is on the way now."""
        with self._lock:
            self._leave(leader)
            flight = self._flights.get(key)
            if flight is not None:
                flight.waiting.append(wake)
                return True
            self._flights[key] = _Flight(leader)
            self._led[leader] = key
            return False

    def _leave(self, leader: Any) -> None:
        """End the flight that one led: the value was put, or will not be."""
        with self._lock:
            key = self._led.pop(leader, None)
            flight = self._flights.get(key) if key is not None else None
            if flight is not None and flight.leader is leader:
                self._land(key)  # type: ignore[arg-type]

    def _land(self, key: bytes) -> None:
        with self._lock:
            flight = self._flights.pop(key, None)
            if flight is None:
                return
            if self._led.get(flight.leader) == key:
                del self._led[flight.leader]
        for wake in flight.waiting:
            wake()

    def _look_again(self, key: bytes, leader: Any) -> Any:
        """Return what was put just before one was on the way."""
        found = self._get(key)
        if found is not None:
            self._leave(leader)
        return found

    # -- LiteLLM's names

    def get_cache(self, key: Key, **kwargs: Any) -> Any:
        """Return a value, or None."""
        name = _bytes_of(key)
        found = self._get(name)
        if found is not None or not self.single_flight or _running() is not None:
            return found
        end = time.monotonic() + self.single_flight
        leader = threading.current_thread()
        while True:
            landed = threading.Event()
            if not self._join(name, leader, landed.set):
                return self._look_again(name, leader)
            waited = landed.wait(end - time.monotonic())
            found = self._get(name)
            if found is not None or not waited:
                return found

    async def async_get_cache(self, key: Key, **kwargs: Any) -> Any:
        """As ``get_cache``; waiting for another's flight it lets the loop go on."""
        name = _bytes_of(key)
        found = self._get(name)
        if found is not None or not self.single_flight:
            return found
        end = time.monotonic() + self.single_flight
        loop = asyncio.get_running_loop()
        leader = asyncio.current_task()
        while True:
            landed = asyncio.Event()
            if not self._join(name, leader, _waker(loop, landed)):
                if leader is not None and leader not in self._watched:
                    self._watched.add(leader)
                    # a task that it made to put the value comes first
                    leader.add_done_callback(lambda task: loop.call_soon(self._leave, task))
                return self._look_again(name, leader)
            try:
                await asyncio.wait_for(landed.wait(), max(end - time.monotonic(), 0))
            except asyncio.TimeoutError:
                return self._get(name)
            found = self._get(name)
            if found is not None:
                return found

    def set_cache(self, key: Key, value: Any, **kwargs: Any) -> None:
        """Keep a value for ``ttl`` seconds, or for as long as there is room."""
        name = _bytes_of(key)
        self._put(name, value, kwargs.get("ttl"))
        if self._flights:
            self._land(name)

    async def async_set_cache(self, key: Key, value: Any, **kwargs: Any) -> None:
        """As ``set_cache``: it waits for nothing."""
        self.set_cache(key, value, **kwargs)

    async def async_set_cache_pipeline(
        self, cache_list: Iterable[Tuple[Key, Any]], ttl: Optional[float] = None, **kwargs: Any
    ) -> None:
        """Keep several values."""
        for key, value in cache_list:
            self.set_cache(key, value, ttl=ttl)

    async def batch_cache_write(self, key: Key, value: Any, **kwargs: Any) -> None:
        """As ``set_cache``."""
        self.set_cache(key, value, **kwargs)

    def batch_get_cache(self, keys: Iterable[Key], **kwargs: Any) -> List[Any]:
        """Return several values, None where there is none; it waits for nobody."""
        return [self._get(_bytes_of(key)) for key in keys]

    async def async_batch_get_cache(self, keys: Iterable[Key], **kwargs: Any) -> List[Any]:
        """As ``batch_get_cache``."""
        return self.batch_get_cache(keys)

    def increment_cache(self, key: Key, value: float, **kwargs: Any) -> float:
        """Add to a number, 0 where there is none, and return the sum."""
        with self._lock:
            total: float = (self._get(_bytes_of(key)) or 0) + value
            self.set_cache(key, total, **kwargs)
            return total

    async def async_increment(self, key: Key, value: float, **kwargs: Any) -> float:
        """As ``increment_cache``."""
        return self.increment_cache(key, value, **kwargs)

    async def async_get_ttl(self, key: Key) -> Optional[float]:
        """Return when a value expires, in seconds since 1970, as LiteLLM's in-memory cache does."""
        found = self._cache.get(_bytes_of(key))
        return None if found is None else float(_HEAD.unpack(found[0])[1])

    def delete_cache(self, key: Key) -> None:
        """Forget a value."""
        self._cache.remove(_bytes_of(key))

    def flush_cache(self, namespace: Optional[str] = None) -> None:
        """Forget all, or the values of one of LiteLLM's namespaces."""
        self._cache.clear(b"" if namespace is None else _bytes_of(f"{namespace}:"))

    async def disconnect(self) -> None:
        """There is nothing to disconnect from."""

    async def test_connection(self) -> Dict[str, Any]:
        """Say whether values are kept in this process."""
        try:
            self._cache.stats()
        except RuntimeError as error:
            return {"status": "failed", "message": "nothing is kept", "error": str(error)}
        return {"status": "success", "message": "values are kept in this process"}

    def cache_stats(self) -> Dict[str, Any]:
        """Return hits, misses, size (entries), bytes, max_bytes, evictions, expired and hit_rate."""
        told: Dict[str, Any] = self._cache.stats()
        asked = told["hits"] + told["misses"]
        return {**told, "hit_rate": told["hits"] / asked if asked else 0.0}


def _running() -> Any:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _waker(loop: Any, landed: asyncio.Event) -> Callable[[], None]:
    def wake() -> None:
        try:
            loop.call_soon_threadsafe(landed.set)
        except RuntimeError:  # its loop is closed, and nobody waits
            pass

    return wake
