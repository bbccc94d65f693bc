"""The Router's counters on a table of ``RateLimits``: what its Routers count in memory without Redis, all workers of a host count together.

LiteLLM keeps them as entries of the Router's cache whose names end with a kind and a minute (``…:rpm:12-30``): of usage-based routing, of
deployments whose limits are enforced, of the headers. A minute is the window, whoever asks, so each has a key of its own here; it is
forgotten where it was not used for longer than the longest window. Only the cache of a Router is another one: what reads and counts stays
LiteLLM's own code. Version 1 of usage-based routing keeps a dict of deployments for each model group; its numbers are counted one by one.

A deployment's requests in flight take slots of the table, which are free again after an hour where their worker died.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import time
import uuid
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm import Patch
from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._limits import RateLimits
from ._patch import patch

_COUNTER = re.compile(r"(.*):(rpm|tpm|itpm|otpm):(\d\d-\d\d)", re.DOTALL)
#: Where a kind is counted: a word in the key, and whether with the tokens.
_PLACES = {"rpm": ("", False), "tpm": ("", True), "itpm": ("io:", False), "otpm": ("io:", True)}
#: Of these names both requests and tokens are counted at once.
_BOTH = "global_router:"
#: A minute's counters stay until no one can name that minute any more.
_WINDOW = 120
_MOST = (1 << 31) - 1
_SLOT_SECONDS = 3600

_CLIENTS = "litellm.router_utils.client_initalization_utils"
_SETUP = f"{_CLIENTS}:InitalizeCachedClient.set_max_parallel_requests_client"
_TARGETS = {
    "limits_router": (
        "litellm.router:Router._init_routing_groups",
        "8dd63370ba5cd9f1",
        "routing_groups",
    ),
    "limits_parallel": (_SETUP, "ff079396fed0b858", "parallel"),
}
_ALSO = {
    "litellm.caching.in_memory_cache:InMemoryCache": "8b95aa5bcbcda323",
    "litellm.caching.dual_cache:DualCache": "71e47b0f0f5efbd0",
    "litellm.router_strategy.lowest_tpm_rpm:LowestTPMLoggingHandler": "233c1df2187c5ac6",
    "litellm.router_strategy.lowest_tpm_rpm_v2:LowestTPMLoggingHandler_v2": "cefe80ce65a1ea5f",
    "litellm.router_strategy.base_routing_strategy:BaseRoutingStrategy": "08146cb655bf0b15",
    f"{_CLIENTS}:MaxParallelRequestsLimit": "933e5b4a8b60de12",
}

#: A Router that has none of these counts by deployment alone.
_SELECTORS = ("lowesttpm_logger", "_group_selectors", "_override_selectors")

_opened: Optional[Callable[[], RateLimits]] = None


def names() -> List[str]:
    """Return the patches' names."""
    return [f"litellm.{name}" for name in _TARGETS]


def patches(opened: Callable[[], RateLimits]) -> List[Patch]:
    """Return the patches of the Router, which counts in the table that is returned when it first counts."""
    global _opened
    _opened = opened
    return [
        patch(name, target, code, f"_router_limits:make_{make}", also=_ALSO)
        for name, (target, code, make) in _TARGETS.items()
    ]


class _Handed(Dict[str, Any]):
    """A model group's numbers by deployment, and what the table had of them when they were last looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Dict[str, int] = {}


class _Counts:
    """What a Router's cache knows of the table."""

    def __init__(self, router: Any, dual: Any) -> None:
        self._router = weakref.ref(router)
        self._dual = weakref.ref(dual)
        self._told = False
        self.lock = threading.Lock()

    def counted(self, key: Any) -> Optional[Tuple[str, str, str]]:
        """Return the parts of a counter's name; None of another entry, or with Redis, which workers share."""
        if type(key) is not str or key[-3:-2] != "-":
            return None
        found = _COUNTER.fullmatch(key)
        dual = self._dual()
        if found is None or dual is None or dual.redis_cache is not None:
            return None
        return found[1], found[2], found[3]

    def add(self, name: Tuple[str, str, str], amount: int, now: float) -> int:
        """Count; return the sum, or the largest number, which every limit refuses, where nothing can be counted."""
        word, tokens = _PLACES[name[1]]
        try:
            assert _opened is not None
            told = _opened().add(
                f"router:{word}{name[2]}:{name[0]}",
                max(-_MOST, min(amount, _MOST)),
                tokens=tokens,
                now=int(now),
                window=_WINDOW,
            )
        except Exception as error:
            return self._refuse(error)
        return told[1] if type(told) is tuple else _MOST

    def get(self, name: Tuple[str, str, str], now: float) -> Optional[int]:
        """Return a counter; None where nothing was counted."""
        word, tokens = _PLACES[name[1]]
        try:
            assert _opened is not None
            told = _opened().get(
                f"router:{word}{name[2]}:{name[0]}", tokens=tokens, now=int(now), window=_WINDOW
            )
        except Exception as error:
            return self._refuse(error)
        if told is None or (told[1] == 0 and not (name[0].startswith(_BOTH) and not word)):
            return None  # the other counter of this key was used
        return told[1]

    def _refuse(self, error: Exception) -> int:
        """Say once why requests are refused: the callers of a cache take an error for an unused counter."""
        if not self._told:
            self._told = True
            logging.getLogger("LiteLLM Router").error(
                "rate limits cannot be counted, deployments with limits refuse requests: %s", error
            )
        return _MOST

    def group(self, name: Tuple[str, str, str]) -> List[str]:
        """Return the ids of the deployments of a model group whose numbers version 1 of usage-based routing keeps."""
        router = self._router()
        if router is None or name[0].partition(":")[0] in router.model_id_to_deployment_index_map:
            return []
        if not any(getattr(router, attribute, None) for attribute in _SELECTORS):
            return []
        listed = router.get_model_list(model_name=name[0]) or ()
        ids = [(each.get("model_info") or {}).get("id") for each in listed]
        return [each for each in ids if type(each) is str]

    def refresh(self, handed: _Handed, name: Tuple[str, str, str], now: float) -> None:
        """Bring a group's numbers up to what all workers counted; what is added to them meanwhile stays added."""
        prefix, kind, minute = name
        with self.lock:
            for each in dict.fromkeys([*handed, *self.group(name)]):
                found = self.get((f"{prefix}:{each}", kind, minute), now) or 0
                if found or each in handed:
                    handed[each] = handed.get(each, 0) + found - handed.seen.get(each, 0)
                    handed.seen[each] = found

    def put(self, handed: _Handed, name: Tuple[str, str, str], now: float) -> None:
        """Count what was added to a group's numbers."""
        prefix, kind, minute = name
        with self.lock:
            for each, value in handed.items():
                more = _whole(value) - handed.seen.get(each, 0)
                if more:
                    handed.seen[each] = _whole(value)
                    self.add((f"{prefix}:{each}", kind, minute), more, now)


def _whole(value: Any) -> int:
    return int(math.ceil(value))


_counting: List[Any] = []


def counting_class() -> Any:
    """Return LiteLLM's InMemoryCache with counters on the table; None before any Router has one."""
    return _counting[0] if _counting else None


def _make_class() -> Any:
    from litellm.caching.in_memory_cache import InMemoryCache

    class Counting(InMemoryCache):  # type: ignore[misc]
        """A Router's cache: counters of minutes are the table's, all else is LiteLLM's own."""

        fast_counts: _Counts

        def get_cache(self, key: Any, **kwargs: Any) -> Any:
            name = self.fast_counts.counted(key)
            found = super().get_cache(key, **kwargs)
            if name is None or (found is not None and type(found) is not _Handed):
                return found
            if found is None:
                count = self.fast_counts.get(name, self._clock())
                if count is not None or not self.fast_counts.group(name):
                    return count
                found = _Handed()
                self.fast_counts.refresh(found, name, self._clock())
                if not found:
                    return None
                super().set_cache(key, found, ttl=60)
            else:
                self.fast_counts.refresh(found, name, self._clock())
            return found

        def set_cache(self, key: Any, value: Any, **kwargs: Any) -> None:
            name = self.fast_counts.counted(key)
            if name is None:
                super().set_cache(key, value, **kwargs)
            elif type(value) is int:
                now = self._clock()
                self.fast_counts.add(name, value - (self.fast_counts.get(name, now) or 0), now)
            elif isinstance(value, dict) and all(
                type(each) in (int, float) for each in value.values()
            ):
                handed = value
                if type(handed) is not _Handed:
                    handed = _Handed()
                    handed.update(value)
                self.fast_counts.put(handed, name, self._clock())
                super().set_cache(key, handed, **kwargs)
            else:
                super().set_cache(key, value, **kwargs)

        def increment_cache(self, key: Any, value: Any, **kwargs: Any) -> Any:
            name = self.fast_counts.counted(key)
            if name is None or type(value) not in (int, float) or key in self.cache_dict:
                return super().increment_cache(key, value, **kwargs)
            return self.fast_counts.add(name, _whole(value), self._clock())

        def delete_cache(self, key: Any) -> None:
            name = self.fast_counts.counted(key)
            if name is not None:
                self.set_cache(key, 0)
            super().delete_cache(key)

    return Counting


def _share(router: Any) -> bool:
    """Have a Router count in the table, if its cache is LiteLLM's own."""
    from litellm.caching.dual_cache import DualCache
    from litellm.caching.in_memory_cache import InMemoryCache

    dual = router.cache
    memory = dual.in_memory_cache
    if type(dual) is not DualCache or type(memory) is not InMemoryCache:
        return type(memory) is counting_class()
    if not _counting:
        _counting.append(_make_class())
    memory.fast_counts = _Counts(router, dual)
    memory.__class__ = _counting[0]
    return True


def make_routing_groups(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _init_routing_groups, which a Router calls when it has its cache and nothing is counted yet."""

    def _init_routing_groups(self: Any, groups_input: Any) -> None:
        if _share(self):
            replacement.served += 1
        else:
            replacement.declined += 1
        original(self, groups_input)

    replacement: Any = _init_routing_groups
    return finish(replacement, Serving("litellm.limits_router"))


_limits: List[Any] = []


def _make_limit() -> Any:
    from litellm.router_utils.client_initalization_utils import MaxParallelRequestsLimit

    class Shared(MaxParallelRequestsLimit):  # type: ignore[misc]
        """A deployment's requests in flight, of all workers."""

        def __init__(self, limit: Any) -> None:
            super().__init__(limit.max_parallel_requests, limit.model_id, limit.model_group)
            self._held: List[Tuple[RateLimits, str]] = []
            self._key = f"router parallel:{limit.model_id}"
            self._limit = max(0, min(math.ceil(limit.max_parallel_requests), _MOST))

        def acquire(self) -> None:
            assert _opened is not None
            table, request = _opened(), uuid.uuid4().hex
            place, _ = table.acquire(
                [(self._key, self._limit)], request, now=time.time(), ttl=_SLOT_SECONDS
            )
            if place is not None:
                full = MaxParallelRequestsLimit(
                    self.max_parallel_requests, self.model_id, self.model_group
                )
                full.in_flight = self.max_parallel_requests
                full.acquire()  # raises
            self._held.append((table, request))
            self.in_flight += 1

        def release(self) -> None:
            self.in_flight -= 1
            table, request = self._held.pop()
            table.release(self._key, request)

    return Shared


def make_parallel(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of set_max_parallel_requests_client and its switch."""
    names = original.__globals__

    def set_max_parallel_requests_client(litellm_router_instance: Any, model: Any) -> None:
        original(litellm_router_instance, model)
        cache = litellm_router_instance.cache
        key = f"{model['model_info']['id']}_max_parallel_requests_client"
        limit = cache.get_cache(key=key, local_only=True)
        if (
            type(limit) is not names["MaxParallelRequestsLimit"]
            or cache.redis_cache is not None
            or type(cache.in_memory_cache) is not counting_class()
        ):
            replacement.declined += 1
            return
        replacement.served += 1
        if not _limits:
            _limits.append(_make_limit())
        cache.set_cache(key=key, value=_limits[0](limit), local_only=True)

    replacement: Any = set_max_parallel_requests_client
    return finish(replacement, Serving("litellm.limits_parallel"))
