"""The proxy's limiter v3 on a table of ``RateLimits``: what it counts in memory without Redis, all workers of a host count together.

The Router's counters, which are counted there too, are in ``_router_limits``.

Replaced are the methods that read and write LiteLLM's in-memory cache. A handler with Redis keeps LiteLLM's own: there Redis is what
workers share. The patches are registered by ``use_rate_limits`` alone, and serve together or not at all.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import math
import os
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from fast_jvm import FastJvmUnavailable, Patch, _registry, register
from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from . import _router_limits
from ._limits import RateLimits
from ._patch import patch

_MODULE = "litellm.proxy.hooks.parallel_request_limiter_v3"
_CLASS = f"{_MODULE}:_PROXY_MaxParallelRequestsHandler_v3"
_ROUTER = "litellm.router"
_MOST = (1 << 31) - 1
_SETTING = "FAST_LITELLM_RATE_LIMITS"

#: Method, fingerprint, name of what makes its replacement.
_METHODS = {
    "limits_window": ("_in_memory_cache_sliding_window", "e30d2aacbf74f363", "window"),
    "limits_read": ("_batch_get_counter_values", "0c394f293d93727f", "read"),
    "limits_reserve": ("_atomic_check_and_increment_in_memory", "88d3a5c7c29c5bc1", "reserve"),
    "limits_settle": ("_apply_local_window_guarded_token_increments", "5b59fb71125ae6bc", "settle"),
    "limits_acquire": ("_acquire_parallel_slots_in_memory", "1a6f85614a8c41bb", "acquire"),
    "limits_release": ("_release_parallel_request_slots_in_memory", "e931f528a2bba93b", "release"),
    "limits_in_flight": ("_read_local_gauge_counts", "8b20ce0b3fdc4533", "in_flight"),
}


class _Shared:
    """The table of this process: opened by the process that counts, which a preloading master does not."""

    def __init__(self, folder: str, keys: int) -> None:
        self.folder, self.keys = folder, keys
        self.table: Optional[RateLimits] = None

    def opened(self) -> RateLimits:
        """Return the table; raises FastJvmUnavailable, and the request fails, where Java stays away."""
        if self.table is None:
            self.table = RateLimits(self.folder, keys=self.keys)
        return self.table


_shared: Optional[_Shared] = None


def use_rate_limits(
    folder: Union[str, os.PathLike[str]], *, keys: int = 100_000, opened: bool = True
) -> None:
    """Have the proxy's limiter and all Routers count in a folder's table, for as long as this process lives.

    Raises FastJvmUnavailable without Java, OSError where the folder cannot serve, RuntimeError where LiteLLM's limiter or Router is one
    that is not known, or a Router counts already; nothing is changed then. ``opened=False``: the table is opened with the first request,
    for processes that fork first. Without what LiteLLM's proxy needs installed there is no limiter, and Routers alone count.
    """
    global _shared
    path = os.path.abspath(os.fspath(folder))
    if _shared is not None:
        if _shared.folder != path:
            raise RuntimeError(f"this process counts in {_shared.folder} already")
        return
    made = _Shared(path, keys)
    if opened:
        made.opened()
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module(_MODULE)
    router = importlib.import_module(_ROUTER)
    if router._live_routers:
        gc.collect()
        if router._live_routers:
            raise RuntimeError("a Router counts already: rate limits come before the first Router")
    _shared = made
    done: List[str] = []
    for names, patches in _groups().values():
        try:
            _serve(names, patches)
        except RuntimeError as error:
            for name in done:
                _give_up(name, error)
            _shared = None
            raise
        done += names


def _groups() -> Dict[str, Tuple[List[str], List[Patch]]]:
    """Return the patches of the limiter and of the Router by their modules, of those that are imported."""
    found = {
        _MODULE: (_names(), _patches()),
        _ROUTER: (_router_limits.names(), _router_limits.patches(_opened)),
    }
    return {module: group for module, group in found.items() if module in sys.modules}


def _opened() -> RateLimits:
    """Return this process's table."""
    if _shared is None:
        raise FastJvmUnavailable("rate limits were given up")
    return _shared.opened()


def _serve(names: List[str], patches: List[Patch]) -> None:
    """Place some patches, all or none."""
    register(patches)
    refused = [name for name in names if not _registry.ready(name, now=True)]
    if refused:
        reason = _entry(refused[0]).reason
        for name in names:
            _give_up(name, reason)
        raise RuntimeError(f"LiteLLM's rate limits cannot be served: {reason}")


def _entry(name: str) -> Any:
    return next(entry for entry in _registry.entries() if entry.patch.name == name)


def _give_up(name: str, reason: Any) -> None:
    _registry.give_up(_entry(name), reason if isinstance(reason, str) else str(reason))


def follow_setting() -> None:
    """Do so once LiteLLM's limiter or Router is imported, where the environment names a folder; the table is opened with the first use."""
    folder = os.environ.get(_SETTING)
    if folder:
        import wrapt

        for module in (_MODULE, _ROUTER):
            wrapt.register_post_import_hook(functools.partial(_follow, folder), module)


def _follow(folder: str, module: Any) -> None:
    global _shared
    if _shared is None:
        _shared = _Shared(os.path.abspath(folder), 100_000)
    _serve(*_groups()[module.__name__])


def _names() -> List[str]:
    return [f"litellm.{name}" for name in _METHODS]


def _patches() -> List[Patch]:
    codes = {f"{_CLASS}.{method}": code for method, code, _ in _METHODS.values()}
    codes[f"{_CLASS}.should_rate_limit"] = "2c348fb2425b1d0c"
    codes["litellm.caching.in_memory_cache:InMemoryCache.async_increment_pipeline"] = (
        "a1b014e65a1a364f"
    )
    return [
        patch(name, f"{_CLASS}.{method}", code, f"_limiter:make_{make}", also=codes)
        for name, (method, code, make) in _METHODS.items()
    ]


def _table(handler: Any) -> Optional[RateLimits]:
    """Return the table to count in; None where a handler has Redis."""
    dual = handler.internal_usage_cache.dual_cache
    if _shared is None or dual.redis_cache is not None:
        return None
    table = _shared.opened()
    memory = dual.in_memory_cache
    if memory is not None and "async_increment" not in vars(memory):
        _share_cache(memory, handler, table)
    return table


def _share_cache(memory: Any, handler: Any, table: RateLimits) -> None:
    """Have what is counted behind a request's answer, and what others look up, counted and looked up in the table."""
    increment, get = memory.async_increment, memory.get_cache
    dual = handler.internal_usage_cache.dual_cache

    async def async_increment(key: Any, value: Any, **kwargs: Any) -> Any:
        found = _entry_of(key)
        if found is None or found[1] == "window" or dual.redis_cache is not None:
            return await increment(key, value, **kwargs)
        prefix, kind = found
        asked: Dict[str, Any] = {"tokens": kind == "tokens", "now": _now(handler)}
        asked["window"] = int(kwargs.get("ttl") or _length(handler, prefix))
        started = -1
        if value < 0:  # what is given back behind a window's end is no room in the next one
            there = table.get(prefix, **asked)
            if there is None:
                return value
            started = there[0]
        told = table.add(prefix, _whole(value), started=started, **asked)
        return told[1] if type(told) is tuple else value

    def get_cache(key: Any, **kwargs: Any) -> Any:
        found = _entry_of(key)
        if found is None or dual.redis_cache is not None:
            return get(key, **kwargs)
        prefix, kind = found
        there = table.get(
            prefix, tokens=kind == "tokens", now=_now(handler), window=_length(handler, prefix)
        )
        return None if there is None else there[kind != "window"]

    memory.async_increment, memory.get_cache = async_increment, get_cache


def _entry_of(key: Any) -> Optional[Tuple[str, str]]:
    """Return the key and what is asked of it: a counter or the start of its window; None of another entry of the cache."""
    if type(key) is str and key[:1] == "{":
        prefix, _, kind = key.rpartition(":")
        if prefix[-1:] == "}" and kind in ("tokens", "requests", "window"):
            return prefix, kind
    return None


def _length(handler: Any, prefix: str) -> int:
    """Return the length of a key's window: a day for a batch's tokens, else the handler's."""
    constants = sys.modules["litellm.constants"]
    if prefix.partition(":")[0].endswith(constants.BATCH_TPD_DESCRIPTOR_SUFFIX):
        return int(constants.BATCH_TPD_WINDOW_SECONDS)
    return int(handler.window_size)


def _whole(value: Any) -> int:
    return int(math.ceil(value))


def _now(handler: Any) -> int:
    return int(handler._get_current_time().timestamp())


def make_window(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _in_memory_cache_sliding_window and its switch."""

    async def window(self: Any, keys: List[str], now_int: int, window_size: int) -> Any:
        table = _table(self)
        if table is None:
            replacement.declined += 1
            return await original(self, keys=keys, now_int=now_int, window_size=window_size)
        replacement.served += 1
        results: List[Any] = []
        for window_key, counter_key in zip(keys[::2], keys[1::2]):
            told = table.add(
                window_key.removesuffix(":window"),
                1,
                tokens=counter_key.endswith(":tokens"),
                now=now_int,
                window=window_size,
            )
            # a table without room admits nobody new
            start, count = told if type(told) is tuple else (now_int, _MOST)
            results += (str(start), count)
        return results

    replacement: Any = window
    return finish(replacement, Serving("litellm.limits_window"))


def make_read(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _batch_get_counter_values and its switch."""

    async def read(self: Any, keys: List[str], parent_otel_span: Any, local_only: bool) -> Any:
        table = _table(self)
        if table is None:
            replacement.declined += 1
            return await original(
                self, keys=keys, parent_otel_span=parent_otel_span, local_only=local_only
            )
        replacement.served += 1
        now = _now(self)
        results: List[Any] = []
        for window_key, counter_key in zip(keys[::2], keys[1::2]):
            prefix = window_key.removesuffix(":window")
            told = table.get(
                prefix,
                tokens=counter_key.endswith(":tokens"),
                now=now,
                window=_length(self, prefix),
            )
            results += (None, None) if told is None else told
        return results

    replacement: Any = read
    return finish(replacement, Serving("litellm.limits_read"))


def make_reserve(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _atomic_check_and_increment_in_memory and its switch."""

    async def reserve(self: Any, per_counter_meta: Any, parent_otel_span: Any = None) -> Any:
        table = _table(self)
        if table is None:
            replacement.declined += 1
            return await original(self, per_counter_meta, parent_otel_span)
        replacement.served += 1
        now = _now(self)
        if len(per_counter_meta) > 1:  # what is refused already begins no window of the others
            for meta in per_counter_meta:
                before = _before(table, meta, now)
                more = meta["increment"]
                if before + more > meta["current_limit"] or before == meta["current_limit"]:
                    return _refused(meta, before)
        counted: List[Tuple[Any, int, int]] = []
        for meta in per_counter_meta:
            told = _reserved(table, meta, now)
            if type(told) is not tuple:
                for done, start, _ in counted:
                    _reserved(table, done, now, start)
                return _refused(meta, _MOST if told is False else told)
            counted.append((meta, *told))
        return {
            "overall_code": "OK",
            "statuses": [_status(meta, "OK", count) for meta, _, count in counted],
            "reservation_windows": frozenset(
                (meta["counter_key"], str(start), "local") for meta, start, _ in counted
            ),
        }

    replacement: Any = reserve
    return finish(replacement, Serving("litellm.limits_reserve"))


def _refused(meta: Any, count: Any) -> Dict[str, Any]:
    return {"overall_code": "OVER_LIMIT", "statuses": [_status(meta, "OVER_LIMIT", count)]}


def _before(table: RateLimits, meta: Any, now: int) -> int:
    there = table.get(
        meta["window_key"].removesuffix(":window"),
        tokens=meta["counter_key"].endswith(":tokens"),
        now=now,
        window=meta["window_size"],
    )
    return 0 if there is None else there[1]


def _reserved(table: RateLimits, meta: Any, now: int, taken_back: int = -1) -> Any:
    return table.add(
        meta["window_key"].removesuffix(":window"),
        meta["increment"] if taken_back < 0 else -meta["increment"],
        tokens=meta["counter_key"].endswith(":tokens"),
        now=now,
        window=meta["window_size"],
        limit=meta["current_limit"] if taken_back < 0 else None,
        started=taken_back,
    )


def _status(meta: Any, code: str, count: Any) -> Dict[str, Any]:
    return {
        "code": code,
        "current_limit": meta["current_limit"],
        "limit_remaining": max(0, meta["current_limit"] - count),
        "rate_limit_type": meta["rate_limit_type"],
        "descriptor_key": meta["descriptor_key"],
        "descriptor_value": meta["descriptor_value"],
    }


def make_settle(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _apply_local_window_guarded_token_increments and its switch."""

    async def settle(self: Any, operations: Any, parent_otel_span: Any = None) -> None:
        table = _table(self)
        if table is None:
            replacement.declined += 1
            await original(self, operations, parent_otel_span)
            return
        replacement.served += 1
        now = _now(self)
        for operation in operations:
            start, found = operation.get("expected_window_start"), _entry_of(operation["key"])
            if operation.get("window_key") is not None and start is not None and found is not None:
                table.add(
                    found[0],
                    _whole(operation["increment_value"]),
                    tokens=found[1] == "tokens",
                    now=now,
                    window=int(operation["ttl"] or self.window_size),
                    started=int(start),
                )

    replacement: Any = settle
    return finish(replacement, Serving("litellm.limits_settle"))


def _ttl() -> int:
    ttl: int = sys.modules[_MODULE].PARALLEL_REQUEST_SLOT_TTL_SECONDS
    return ttl


def make_acquire(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _acquire_parallel_slots_in_memory and its switch."""

    async def acquire(self: Any, gauges: Any, slot_id: str, parent_otel_span: Any = None) -> Any:
        table = _table(self)
        if table is None:
            replacement.declined += 1
            return await original(self, gauges, slot_id, parent_otel_span)
        replacement.served += 1
        place, counts = table.acquire(
            [(gauge["counter_key"], gauge["limit"]) for gauge in gauges],
            slot_id,
            now=self._get_current_time().timestamp(),
            ttl=_ttl(),
        )
        if place is not None:
            status = self._gauge_status(gauges[place], counts[0], "OVER_LIMIT")
            return {"overall_code": "OVER_LIMIT", "statuses": [status]}
        return {
            "overall_code": "OK",
            "statuses": [
                self._gauge_status(gauge, count + 1, "OK") for gauge, count in zip(gauges, counts)
            ],
        }

    replacement: Any = acquire
    return finish(replacement, Serving("litellm.limits_acquire"))


def make_release(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _release_parallel_request_slots_in_memory and its switch."""

    async def release(self: Any, counter_keys: Any, slot_id: str, parent_otel_span: Any) -> None:
        table = _table(self)
        if table is None:
            replacement.declined += 1
            await original(self, counter_keys, slot_id, parent_otel_span)
            return
        replacement.served += 1
        for key in counter_keys:
            table.release(key, slot_id)

    replacement: Any = release
    return finish(replacement, Serving("litellm.limits_release"))


def make_in_flight(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _read_local_gauge_counts and its switch."""

    async def in_flight(self: Any, gauge_keys: List[str], parent_otel_span: Any = None) -> Any:
        table = _table(self)
        if table is None:
            replacement.declined += 1
            return await original(self, gauge_keys, parent_otel_span)
        replacement.served += 1
        now, ttl = self._get_current_time().timestamp(), _ttl()
        return [table.in_flight(key, now=now, ttl=ttl) for key in gauge_keys]

    replacement: Any = in_flight
    return finish(replacement, Serving("litellm.limits_in_flight"))
