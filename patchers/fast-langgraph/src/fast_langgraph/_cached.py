"""cached: the results of a function, kept by its arguments; plain Python, or bytes in Java's memory.

Without ``max_bytes`` the results are kept as they are, by reference: the fastest there is, and Java
could hold no Python object. With it they are serialized into a ``CaffeineCache``'s memory.

Keys. Equal arguments of other types are others, at any depth of lists, tuples, dicts and sets (1,
1.0, True; 0.0, -0.0; a list, a tuple), and so are dicts in another order: a miss too many is slow, a
hit too many is wrong. Messages, models and other objects count by their serialized content, as a
checkpoint would hold it; what compares by identity (self, a client) by a number of its own, which
does not keep it alive; what the serializer does not know, by its own ``==`` and hash.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import inspect
import io
import itertools
import marshal
import os
import pickle
import threading
import time
import weakref
from collections import OrderedDict
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any, Callable, Dict, FrozenSet, Hashable, Tuple, Union

from fast_jvm import FastJvmUnavailable

_SAME = frozenset({str, bytes, int, type(None)})
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
_ALIKE = frozenset({tuple, bytearray, memoryview})  # LangGraph's serializer: list, bytes
_KEYWORDS = ("kwargs",)
_MANY = 64  # containers in one argument from which a pickle is found sooner than their types
_LONGEST = 256  # bytes of a key that are kept as they are
_IDENTITY: Any = object.__hash__
_MISS: Any = object()
_AGAIN: Any = object()

_numbers = itertools.count()
_numbered: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_leading: ContextVar[FrozenSet[int]] = ContextVar("fast_langgraph_cached", default=frozenset())


@functools.lru_cache(maxsize=None)
def _serializer() -> Any:
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    return JsonPlusSerializer(pickle_fallback=False)


def _number(thing: Any) -> int:
    """Return the number of an object that compares by identity; no other one ever gets it."""
    found = _numbered.get(thing)
    return _numbered.setdefault(thing, next(_numbers)) if found is None else found


def _part(value: Any) -> Hashable:
    """Return what stands for an argument in a key."""
    kind = type(value)
    if kind in _SAME:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return ("bool", value)
    if kind is float:
        return ("float", repr(value))
    if kind.__hash__ is _IDENTITY:
        try:
            return ("is", _number(value))
        except TypeError:  # no weak references to it: the key keeps it
            return ("is it", _Same(value))
    return _content(value)


def _content(value: Any) -> Hashable:
    """Return what stands for a value whose content counts."""
    kind = type(value)
    if kind in _CONTAINERS and not _kept_apart(value):
        try:
            return (_number(kind), "pickle digest", _digest(_pickled(value)))
        except Exception:
            return _short(_items(value))
    try:
        how, data = _serializer().dumps_typed(value)
    except Exception as error:
        if kind in _CONTAINERS:
            return _short(_items(value))
        try:
            hash(value)
        except TypeError:
            raise TypeError(
                f"no key can be made of a {kind.__qualname__}, which is neither hashable nor known "
                "to the serializer; give key="
            ) from error
        return ("equal", _number(kind), value)
    if len(data) > _LONGEST:
        return (_number(kind), how + " digest", _digest(data))
    return (_number(kind), how, bytes(data))


def _kept_apart(value: Any) -> bool:
    """Say whether the serializer writes other types otherwise, and few containers had to be asked."""
    asked, left = 0, [value]
    while left:
        asked += 1
        each: Any = left.pop()
        inner = [*each, *each.values()] if type(each) is dict else each
        kinds = set(map(type, inner))
        if asked > _MANY or not kinds.isdisjoint(_ALIKE):
            return False
        if not kinds.isdisjoint(_CONTAINERS):
            left += [one for one in inner if type(one) in _CONTAINERS]
    return True


def _pickled(value: Any) -> Any:
    """Return a pickle without a memo: what is equal in all types is written alike."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 5)
    pickler.fast = True
    pickler.dump(value)
    return file.getbuffer()


def _items(value: Any) -> Hashable:
    kind = type(value)
    if kind is dict:
        return (_number(kind), tuple([(_part(name), _part(each)) for name, each in value.items()]))
    parts = [_part(each) for each in value]
    return (_number(kind), frozenset(parts) if kind in (set, frozenset) else tuple(parts))


def _short(parts: Any) -> Hashable:
    """Return a digest in the place of what is long, where all of it has a content."""
    if _by_equality(parts):
        return parts  # type: ignore[no-any-return]
    data = _bytes(parts)
    return parts if len(data) <= _LONGEST else (parts[0], "items digest", _digest(data))


def _bytes(key: Any) -> bytes:
    # version 0 writes equal values alike, interned or not
    return marshal.dumps(key, 0)


def _digest(data: Any) -> bytes:
    return hashlib.sha256(data).digest()


def _by_equality(key: Any) -> bool:
    """Say whether something in a key compares by an ``==`` of its own, or has no order."""
    if type(key) is tuple:
        return any(map(_by_equality, key))
    return type(key) not in _SAME and type(key) is not bool


class _Same:
    """Stands for an object in a key, by identity."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return type(other) is _Same and other.thing is self.thing

    def __hash__(self) -> int:
        return id(self.thing)


def _key(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """Return the key of a call; the order of keywords is no matter."""
    parts: Any = args
    for value in args:
        if type(value) not in _SAME:
            parts = tuple(map(_part, args))
            break
    if kwargs:
        named = [(name, _part(kwargs[name])) for name in sorted(kwargs)]
        return (parts, _KEYWORDS, *named)
    return parts


# -- where results are kept


class _References:
    """The results themselves, the least lately used making room."""

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.kept: OrderedDict[Hashable, Tuple[Any, Union[float, None]]] = OrderedDict()
        self.hits = self.misses = self.evictions = self.expired = 0
        self.clock = time.monotonic

    def look(self, key: Hashable, count: bool = True) -> Any:
        found = self.kept.get(key)
        if found is not None:
            value, end = found
            if end is None or self.clock() < end:
                if count:
                    self.kept.move_to_end(key)
                    self.hits += 1
                return value
            del self.kept[key]
            self.expired += 1
        self.misses += count
        return _MISS

    def name(self, key: Hashable) -> Hashable:
        return key

    def pack(self, value: Any) -> Any:
        return value

    def load(self, packed: Any) -> Any:
        return packed

    def keep(self, key: Hashable, packed: Any, ttl: Union[float, None]) -> None:
        if self.max_size <= 0 or (ttl is not None and ttl <= 0):
            self.kept.pop(key, None)
            return
        self.kept[key] = packed, (None if ttl is None else self.clock() + ttl)
        self.kept.move_to_end(key)
        while len(self.kept) > self.max_size:
            self.kept.popitem(last=False)
            self.evictions += 1

    def drop(self, key: Hashable) -> bool:
        return self.kept.pop(key, None) is not None

    def clear(self) -> None:
        self.kept.clear()
        self.hits = self.misses = self.evictions = self.expired = 0

    def stats(self) -> Dict[str, Any]:
        return {
            "hits": self.hits,
            "misses": self.misses,
            "size": len(self.kept),
            "max_size": self.max_size,
            "evictions": self.evictions,
            "expired": self.expired,
        }


class _Pickle:
    """Copies that are equal in every type; what it reads was written by this process."""

    def dumps_typed(self, value: Any) -> Tuple[str, bytes]:
        return "pickle", pickle.dumps(value, 5)

    def loads_typed(self, data: Tuple[str, bytes]) -> Any:
        return pickle.loads(data[1])


class _Bytes:
    """Serialized results in Java's memory, opened by the first call."""

    def __init__(self, max_bytes: int, serde: Any) -> None:
        self.max_bytes = max_bytes
        self.serde = serde
        self.before: Dict[str, int] = {}
        self._opened: Any = None

    @property
    def cache(self) -> Any:
        if self._opened is None:
            from fast_jvm._byte_cache import ByteCache

            self.serde = self.serde or _Pickle()
            self._opened = ByteCache(self.max_bytes)
        return self._opened

    def name(self, key: Any) -> bytes:
        if _by_equality(key):
            raise TypeError(
                "with max_bytes a key is made of scalars, of what the serializer knows, or of what "
                "compares by identity; give key="
            )
        return _digest(_bytes(key))

    def look(self, key: bytes, count: bool = True) -> Any:
        if not count:
            return None if self.cache.has(key) else _MISS
        found = self.cache.get(key)
        return _MISS if found is None else found

    def pack(self, value: Any) -> Any:
        how, data = self.serde.dumps_typed(value)
        return how.encode(), bytes(data)

    def load(self, packed: Any) -> Any:
        return self.serde.loads_typed((packed[0].decode(), packed[1]))

    def keep(self, key: bytes, packed: Any, ttl: Union[float, None]) -> None:
        self.cache.put(key, *packed, ttl)

    def drop(self, key: bytes) -> bool:
        return self.cache.remove(key)  # type: ignore[no-any-return]

    def clear(self) -> None:
        if self._opened is not None:
            self.cache.clear()
            with contextlib.suppress(FastJvmUnavailable):
                self.before = self.cache.stats()

    def stats(self) -> Dict[str, Any]:
        counted = ("hits", "misses", "evictions", "expired")
        told = dict.fromkeys((*counted, "size", "bytes"), 0)
        if self._opened is not None:
            told.update(self.cache.stats())
        for name in counted:
            told[name] -= self.before.get(name, 0)
        return {**told, "max_bytes": self.max_bytes}


# -- who runs the function


class _Flight(Future):  # type: ignore[type-arg]
    """One run of the function that others wait for: its packed result, its exception, or _AGAIN."""

    def __init__(self) -> None:
        super().__init__()
        self.number = next(_numbers)
        self.wanted = True  # nothing was cleared or invalidated since it began
        self.set_running_or_notify_cancel()  # a waiter that is cancelled takes nobody along


class _Calls:
    """The cached calls of one function."""

    def __init__(
        self,
        store: Any,
        ttl: Union[float, None],
        key: Union[Callable[..., Hashable], None],
    ) -> None:
        self.store = store
        self.ttl = ttl
        self.own_key = key
        self.key: Callable[[Tuple[Any, ...], Dict[str, Any]], Any] = self._named
        if key is None and isinstance(store, _References):
            self.key = _key  # the shortest way for the commonest case
        self.shared = 0
        self.renew()
        _all.add(self)

    def renew(self) -> None:
        """In a forked child there is neither whoever held the lock nor any flight."""
        self.lock = threading.RLock()  # keys may compare by code that calls this function
        self.flights: Dict[Any, _Flight] = {}

    def _named(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
        own = self.own_key
        key = _key(args, kwargs) if own is None else (_part(own(*args, **kwargs)),)
        return self.store.name(key)

    def begin(self, key: Any) -> Tuple[Any, Union[_Flight, None], bool]:
        """Return (packed, None, _), or (_, flight, whether it is ours); (_MISS, None, _): run, alone."""
        with self.lock:
            packed = self.store.look(key)
            if packed is not _MISS:
                return packed, None, False
            flight = self.flights.get(key)
            if flight is None:
                flight = self.flights[key] = _Flight()
                return _MISS, flight, True
        if flight.number in _leading.get():
            return _MISS, None, False  # the function calls itself: who waited would wait for ever
        return _MISS, flight, False

    def share(self, packed: Any) -> Any:
        """Return what another's run gave; _AGAIN where it gave nothing."""
        if packed is _AGAIN:
            return packed
        with self.lock:
            self.shared += 1
        return self.store.load(packed)

    def land(self, key: Any, flight: _Flight, value: Any) -> None:
        """Keep a result and give it to those who wait."""
        packed = self.store.pack(value)
        with self.lock:
            if flight.wanted:
                self.store.keep(key, packed, self.ttl)
            self._end(key, flight)
        flight.set_result(packed)

    def fail(self, key: Any, flight: _Flight, error: BaseException) -> None:
        """Give an error to those who wait; where the run was only stopped, one of them begins anew."""
        with self.lock:
            self._end(key, flight)
        if isinstance(error, Exception) and not isinstance(error, asyncio.CancelledError):
            flight.set_exception(error)
        else:
            flight.set_result(_AGAIN)

    def _end(self, key: Any, flight: _Flight) -> None:
        if self.flights.get(key) is flight:
            del self.flights[key]

    # -- what users call

    def cache_stats(self) -> Dict[str, Any]:
        """Return hits (what another's run gave among them), misses, size, hit_rate and the bounds."""
        with self.lock:
            told: Dict[str, Any] = self.store.stats()
            told["hits"] += self.shared
            told["misses"] -= self.shared
        asked = told["hits"] + told["misses"]
        return {**told, "hit_rate": told["hits"] / asked if asked else 0.0}

    def cache_clear(self) -> None:
        """Forget all results and counts; what is being computed meanwhile is not kept."""
        with self.lock:
            self.store.clear()
            self.shared = 0
            for flight in self.flights.values():
                flight.wanted = False
            self.flights.clear()

    def cache_contains(self, *args: Any, **kwargs: Any) -> bool:
        """Say whether the result of these arguments is kept."""
        key = self.key(args, kwargs)
        with self.lock:
            return self.store.look(key, count=False) is not _MISS

    def cache_invalidate(self, *args: Any, **kwargs: Any) -> bool:
        """Forget the result of these arguments; say whether there was one."""
        key = self.key(args, kwargs)
        with self.lock:
            flight = self.flights.pop(key, None)
            if flight is not None:
                flight.wanted = False
            return self.store.drop(key)  # type: ignore[no-any-return]


_all: weakref.WeakSet[_Calls] = weakref.WeakSet()


def _in_child() -> None:
    for calls in _all:
        calls.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


class _Leading:
    """Marks this context, and those that are copied from it, as part of a flight."""

    def __init__(self, flight: _Flight) -> None:
        self._flight = flight

    def __enter__(self) -> None:
        self._token = _leading.set(_leading.get() | {self._flight.number})

    def __exit__(self, *_: Any) -> None:
        # a coroutine that nobody awaits any more is closed in another context, where the mark is not
        with contextlib.suppress(ValueError):
            _leading.reset(self._token)


def _sync(function: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        key = calls.key(args, kwargs)
        while True:
            packed, flight, ours = calls.begin(key)
            if flight is None:
                return function(*args, **kwargs) if packed is _MISS else calls.store.load(packed)
            if not ours:
                value = calls.share(flight.result())
                if value is _AGAIN:
                    continue
                return value
            try:
                with _Leading(flight):
                    value = function(*args, **kwargs)
                calls.land(key, flight, value)
            except BaseException as error:
                calls.fail(key, flight, error)
                flight = None  # or the error would hold itself
                raise
            return value

    return wrapper


def _async(function: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        key = calls.key(args, kwargs)
        while True:
            packed, flight, ours = calls.begin(key)
            if flight is None:
                if packed is _MISS:
                    return await function(*args, **kwargs)
                return calls.store.load(packed)
            if not ours:
                value = calls.share(await asyncio.wrap_future(flight))
                if value is _AGAIN:
                    continue
                return value
            try:
                with _Leading(flight):
                    value = await function(*args, **kwargs)
                calls.land(key, flight, value)
            except BaseException as error:
                calls.fail(key, flight, error)
                flight = None  # or the error would hold itself
                raise
            return value

    return wrapper


def cached(
    func: Any = None,
    *,
    max_size: int = 1000,
    ttl: Union[float, None] = None,
    max_bytes: Union[int, None] = None,
    key: Union[Callable[..., Any], None] = None,
    serde: Any = None,
) -> Any:
    """Keep a function's results by its arguments; for functions, methods and coroutine functions.

    Calls with the same arguments that come while one is running wait for it and get its result, or
    its exception, which is not kept; where it was cancelled, one of them runs instead. The
    decorated function has ``cache_stats()``, ``cache_clear()``, ``cache_contains(...)``,
    ``cache_invalidate(...)`` and ``__wrapped__``.

    Args:
        func: the function, where the decorator stands without parentheses.
        max_size: how many results are kept, the least lately used making room. They are the very
            objects that were returned: do not change them.
        ttl: how many seconds a result is kept.
        max_bytes: keep serialized results, so many bytes of them, in Java's memory instead; no
            ``max_size`` then. Each hit returns an equal copy of its own. The first call waits
            for Java and raises ``fast_jvm.FastJvmUnavailable`` where there is none.
        key: called with the arguments; its result is the key, in place of all of them.
        serde: with ``max_bytes``: the serializer of the results, pickle if not given;
            LangGraph's ``JsonPlusSerializer()`` is faster for messages, and makes lists of tuples.
    """
    if max_bytes is None and serde is not None:
        raise TypeError("serde belongs to max_bytes")

    def decorate(function: Any) -> Any:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("what a generator yields is gone once it was read; cache a list of it")
        store = _References(max_size) if max_bytes is None else _Bytes(max_bytes, serde)
        calls = _Calls(store, ttl, key)
        called = getattr(function, "__call__", None)  # noqa: B004  (an object that is called)
        is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
        wrapper: Any = functools.wraps(function)((_async if is_async else _sync)(function, calls))
        for name in ("cache_stats", "cache_clear", "cache_contains", "cache_invalidate"):
            setattr(wrapper, name, getattr(calls, name))
        return wrapper

    return decorate if func is None else decorate(func)
