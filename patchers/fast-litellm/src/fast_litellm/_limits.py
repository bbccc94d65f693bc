"""Rate limits in a file that all workers of a host share: dev.fastjvm.limits.CounterTable.

A key has two counters, requests and tokens, in one window that begins with its first use, and slots of requests in flight.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, Optional, Sequence, Tuple, Union

from fast_jvm import require

_OPEN, _ADD, _GET, _ACQUIRE, _RELEASE, _IN_FLIGHT, _USED, _CHECK = range(8)
_NAME = "rate_limits"
#: CounterTable.Origin.
_THERE, _, _REBUILT = range(3)
#: An OSError's number, EIO: also what a page is that is gone.
_DAMAGED = "5 "
#: No limit is larger: counters end at 2**31 - 1.
_NO_LIMIT = 1 << 59
_MOST_KEYS = 1 << 31

Counted = Tuple[int, int]


class RateLimits:
    """A folder's table of counters; raises FastJvmUnavailable without Java, OSError where the folder cannot serve.

    ``keys``: for so many there is room (52 bytes each); a table that is there keeps its size. A new key takes the place of one that was
    not used for longer than the longest window; where there is none, ``add`` refuses it. No key stands in the file, but its hash
    (SipHash-2-4, 128 bits) under a random key of the file's own.
    """

    def __init__(self, folder: Union[str, os.PathLike[str]], *, keys: int = 100_000) -> None:
        if type(keys) is not int or not 0 < keys < _MOST_KEYS:
            raise ValueError(f"keys is the number of keys to have room for, not {keys!r}")
        self.folder = os.path.abspath(os.fspath(folder))
        self._builtin = require(_NAME)[_NAME]
        self._keys, self._handle = keys, -1
        if self._opened() == _REBUILT:
            self._warn("could not be read", 3)

    def _opened(self) -> int:
        """Open the table, or open it again; return how it was found."""
        found = self._builtin(_OPEN, os.fsencode(self.folder), self._keys, self._handle)
        self._handle, origin = self._told(found)
        return int(origin)

    def _warn(self, why: str, level: int) -> None:
        text = f"{self.folder}: the table {why}; a new one counts from nothing"
        warnings.warn(text, RuntimeWarning, stacklevel=level)

    def _ask(self, operation: int, *arguments: Any) -> Any:
        """Return what Java says; where the table was damaged or removed meanwhile, what it says of one that is opened anew."""
        found = self._builtin(operation, self._handle, *arguments)
        if type(found) is str and found.startswith(_DAMAGED):
            if self._opened() != _THERE:
                self._warn("was damaged or removed while it was used", 4)
            found = self._builtin(operation, self._handle, *arguments)
        return self._told(found)

    def _told(self, found: Any) -> Any:
        """Return what Java says; it says an error as a str, "errno text"."""
        if found is NotImplemented:
            require(_NAME)  # names the reason, as in a forked child
            raise TypeError(
                "a key is a str, numbers are ints below 2**60, times are of 0 to 2**32 s, windows shorter than 2**31 s"
            )
        if type(found) is str:
            errno, _, text = found.partition(" ")
            raise OSError(int(errno), text, self.folder)
        return found

    def check(
        self, key: str, limit: int, window: int = 60, amount: int = 1, now: Optional[int] = None
    ) -> bool:
        """Count requests in a key's window and say True, unless that were more than the limit: then count nothing.

        ``now``: seconds, where it is another time than the system's.
        """
        found = self._builtin(_CHECK, self._handle, key, limit, window, amount, now)
        if found is True or found is False:
            return found
        told: bool = self._ask(_CHECK, key, limit, window, amount, now)
        return told

    def add(
        self,
        key: str,
        amount: int,
        *,
        tokens: bool,
        now: int,
        window: int,
        limit: Optional[int] = None,
        started: int = -1,
    ) -> Union[Counted, int, None]:
        """Count; return the window's start and the sum.

        An int, what is counted already, where it would be more than ``limit``; None where a window is wanted that ``started`` then and is
        no more; False where the table has no room for a new key.
        """
        most = _NO_LIMIT if limit is None else min(limit, _NO_LIMIT - 1)
        found: Union[Counted, int, None] = self._ask(
            _ADD, key, int(tokens), now, window, amount, most, started
        )
        return found

    def get(self, key: str, *, tokens: bool, now: int, window: int) -> Optional[Counted]:
        """Return the window's start and the counter, or None where there is no window."""
        found: Optional[Counted] = self._ask(_GET, key, int(tokens), now, window)
        return found

    def acquire(
        self, gauges: Sequence[Tuple[str, int]], request: str, *, now: float, ttl: int
    ) -> Tuple[Optional[int], Tuple[int, ...]]:
        """Take a slot of each gauge (key, limit), or none.

        Returns None and how many each had in flight before; or the place of the gauge that is full, and how many it has.
        """
        keys = tuple(key for key, _ in gauges)
        limits = tuple(max(0, min(limit, _NO_LIMIT)) for _, limit in gauges)
        found = self._ask(_ACQUIRE, keys, limits, request, float(now), ttl)
        return (None, found) if type(found) is tuple else (found >> 32, (found & 0xFFFFFFFF,))

    def release(self, key: str, request: str) -> None:
        """Free the slot that a request has of a gauge, if any."""
        self._ask(_RELEASE, key, request)

    def in_flight(self, key: str, *, now: float, ttl: int) -> int:
        """Return how many slots of a gauge are taken."""
        found: int = self._ask(_IN_FLIGHT, key, float(now), ttl)
        return found

    @property
    def used(self) -> int:
        """How many keys have a place."""
        found: int = self._ask(_USED)
        return found
