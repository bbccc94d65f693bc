"""Bytes by their keys, bounded by bytes, in Java's memory: dev.fastjvm.store.ByteCache."""

from __future__ import annotations

import sys
import time
import warnings
import weakref
from typing import Any, Callable, Dict

from . import FastJvmUnavailable, require
from ._reasons import Kind

_OPEN, _GET, _PUT, _REMOVE, _CLEAR, _STATS, _CLOSE, _HAS = range(8)
_FOREVER = 1 << 62
_STATISTICS = ("hits", "misses", "size", "bytes", "evictions", "expired")


class ByteCache:
    """A cache of (head, data) by key; which of them stay within ``max_bytes`` is Caffeine's W-TinyLFU.

    Where Java is gone (a forked child, the end of the process) everything is a miss and nothing is
    kept, which is right, if slow, for whatever a cache is asked; it is warned of once.
    """

    def __init__(self, max_bytes: int) -> None:
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int):
            raise TypeError(f"max_bytes is an int, not {type(max_bytes).__name__}")
        if not 0 < max_bytes < _FOREVER:
            raise ValueError(f"max_bytes is the number of bytes to keep, not {max_bytes}")
        self.max_bytes = max_bytes
        self._builtin = require("byte_cache")["byte_cache"]
        self._clock = time.monotonic_ns
        self._warned = False
        self._handle: int = self._builtin(_OPEN, max_bytes)
        if self._handle is NotImplemented:
            self._explain()
        weakref.finalize(self, _close, self._builtin, self._handle).atexit = False

    def _explain(self) -> None:
        """Raise what keeps Java from answering."""
        require("byte_cache")
        from ._boot import last_failure

        raise RuntimeError(f"the cache failed in Java: {last_failure()}")

    def _call(self, operation: int, *arguments: Any) -> Any:
        """Return what Java says, NotImplemented where it is gone."""
        found = self._builtin(operation, self._handle, self._clock(), *arguments)
        if found is NotImplemented and not sys.is_finalizing():
            try:
                self._explain()
            except FastJvmUnavailable as error:
                if not self._warned and error.reason.kind is not Kind.ENDING:
                    self._warned = True
                    warnings.warn(
                        f"a cache keeps nothing in this process: {error}",
                        RuntimeWarning,
                        stacklevel=4,
                    )
        return found

    def get(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return (head, data), or None."""
        found: tuple[bytes, bytes] | None = self._call(_GET, key)
        return None if found is NotImplemented else found

    def has(self, key: bytes) -> bool:
        """Say whether a value is there, which is no use of it."""
        return self._call(_HAS, key) is True

    def put(self, key: bytes, head: bytes, data: bytes, ttl: float | None = None) -> bool:
        """Put a value for ``ttl`` seconds; say whether it may stay: what is larger than all may not."""
        lifetime = _FOREVER if ttl is None else min(round(ttl * 1e9), _FOREVER)
        if lifetime <= 0:
            self._call(_REMOVE, key)
            return False
        return self._call(_PUT, key, head, data, lifetime) is True

    def remove(self, key: bytes) -> bool:
        """Forget a key; say whether there was a value."""
        return self._call(_REMOVE, key) is True

    def clear(self, prefix: bytes = b"") -> None:
        """Forget the keys that begin so."""
        self._call(_CLEAR, prefix)

    def stats(self) -> Dict[str, int]:
        """Return the counts; raises FastJvmUnavailable where Java is gone."""
        told = self._builtin(_STATS, self._handle, self._clock())
        if told is NotImplemented:
            self._explain()
        return {**dict(zip(_STATISTICS, told)), "max_bytes": self.max_bytes}


def _close(builtin: Callable[..., Any], handle: int) -> None:
    builtin(_CLOSE, handle)
