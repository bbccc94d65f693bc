"""Values by their keys, in lists, in a folder of memory-mapped files: dev.fastjvm.log.KeyedLog."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import Any, Callable, Iterator, NamedTuple, Sequence, Union

from . import FastJvmUnavailable
from ._log_calls import CLOSE, OPEN, FolderLog

_PUT, _GET, _LIST, _REMOVE, _HAS = range(1, 6)
_COMPACT, _TIDY, _REMOVE_ALL, _TRIM = range(20, 24)
_ANY, _ELSEWHERE = -2, -3
_PAGE = 64
_TRAINING = 3000
#: where a list ends that never had a value
EMPTY = -1


class Value(NamedTuple):
    """A value of a list."""

    key: bytes
    head: bytes
    data: bytes
    #: where it was put; the same when the log is compacted, and higher than that of earlier ones
    position: int


class Put(NamedTuple):
    """A value to be put in the place of its key's older one, and at the end of a list (b"": none).

    ``share``: what it has in common with the list's last value is stored as a reference.
    ``absent``: it is put only where its key has no value; ``unless`` (b"": none): only where that
    key has none.
    """

    key: bytes
    list: bytes
    head: bytes
    data: bytes
    share: bool = False
    absent: bool = False
    unless: bytes = b""


class KeyedLog(FolderLog):
    """A folder's log, shared by threads and processes; raises OSError where a file cannot serve.

    ``durability``: what a put survives once it has returned, "process" (kill -9) or "disk" (a loss
    of power). ``segment_bytes``: the size at which the next file is begun.
    """

    def __init__(
        self,
        folder: Union[str, os.PathLike[str]],
        *,
        durability: str = "process",
        segment_bytes: int = 64 << 20,
    ) -> None:
        super().__init__("keyed_log", folder, durability, segment_bytes)

    def put(self, *values: Put) -> None:
        """Put values in their order; other writers come before or behind all of them."""
        self._call(_PUT, self._handle, values, b"", _ANY)

    def put_behind(self, list_: bytes, end: int | None, *values: Put) -> int | None:
        """Put values where a list ends where an earlier call said; return where it ends then.

        ``end``: EMPTY for a list that never had a value, None for any. None comes back where the list ends
        elsewhere, and nothing is put then.
        """
        ends: int = self._call(_PUT, self._handle, values, list_, _ANY if end is None else end)
        return None if ends == _ELSEWHERE else ends

    def get(self, key: bytes) -> tuple[bytes, bytes] | None:
        """Return (head, data), or None."""
        found: tuple[bytes, bytes] | None = self._call(_GET, self._handle, key)
        return found

    def has(self, key: bytes) -> bool:
        """Say whether there is a value."""
        return bool(self._call(_HAS, self._handle, key))

    def remove(self, key: bytes) -> None:
        """Forget a key; no-op where there is none."""
        self._call(_REMOVE, self._handle, key)

    def remove_all(self, keys: Sequence[bytes]) -> None:
        """Forget keys, in their order; all or, where the process is killed meanwhile, none."""
        if keys:
            self._call(_REMOVE_ALL, self._handle, len(keys), *keys)

    def trim(self, list_: bytes) -> None:
        """Note where a list ends, so that what was removed there is not read again."""
        self._call(_TRIM, self._handle, list_)

    def last(self, list_: bytes, data: bool = True) -> Value | None:
        """Return the last value of a list; without its data where that is not asked for."""
        found = self._call(_LIST, self._handle, list_, -1, 1, data, False, b"")
        return Value(*found[0]) if found else None

    def list(
        self, list_: bytes, data: bool = True, damaged: bool = False, page: int = _PAGE
    ) -> Iterator[Value]:
        """Yield a list's values from its end; without their data where that is not asked for.

        ``damaged``: values that cannot be read any more are left out, where else they raise.
        ``page``: so many are read at a time.
        """
        position, key = -1, b""
        while True:
            values = self._call(_LIST, self._handle, list_, position, page, data, damaged, key)
            for each in values:
                yield Value(*each)
            if len(values) < page:
                return
            key, position = values[-1][0], values[-1][3]

    def compact(self) -> int:
        """Give the room of what was removed or replaced back, and return how many bytes that were.

        Others read and write meanwhile. OSError where there is no room to write anew what is live,
        or a damaged record is in the way; nothing is lost then.
        """
        given: int = self._call(_COMPACT, self._handle)
        return given

    def tidy(self) -> None:
        """Begin to compact in the background where more bytes are dead than live; return at once."""
        self._call(_TIDY, self._handle)

    def close(self) -> None:
        """Close the folder's files; no-op where they are closed."""
        # a forked child has nothing to close
        with contextlib.suppress(FastJvmUnavailable):
            self._call(CLOSE, self._handle)


def train(builtins: dict[str, Callable[..., Any]], _: Any) -> None:
    """Put and read as savers do, in the process that makes an AOT cache: classes and methods are then known."""
    log = builtins["keyed_log"]
    with tempfile.TemporaryDirectory(prefix="fast-jvm-") as folder:
        handle = log(OPEN, os.fsencode(folder), 0, 64 << 20)
        for n in range(_TRAINING):
            list_, shared = b"list %d" % (n % 10), b"shared %d" % (n % 10)
            key, grown = b"key %d" % n, b"grown %d" % n
            puts = (
                Put(b"name", b"names", b"name", b"", absent=True),
                Put(b"other", b"names", b"name", b"", absent=True, unless=key),
                Put(grown, shared, b"head", b"\x91" + b"x" * (200 + n % 100), share=True),
                Put(key, list_, b"head", b"x" * 200),
            )
            log(_PUT, handle, puts, list_, _ANY)
            for each in (key, grown):
                log(_HAS, handle, each)
                log(_GET, handle, each)
            for data in (True, False):
                log(_LIST, handle, list_, -1, 2, data, not data, b"")
        log(CLOSE, handle)
