"""dev.fastjvm.log.SegmentedLog for writers: a log of batches."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Iterator, List, Sequence, Tuple

import numpy as np

from .._log_calls import log_calls

_OPEN, _APPEND, _SCAN, _LAST, _LOCK, _UNLOCK, _FORCE, _CLOSE = range(8)
DURABILITIES = ("process", "disk")


class BatchLog:
    """A folder's log; raises OSError where a file cannot serve, FastJvmUnavailable where Java stays away."""

    def __init__(self, folder: str, durability: str, segment_bytes: int) -> None:
        if durability not in DURABILITIES:
            raise ValueError(f"durability is one of {DURABILITIES}, not {durability!r}")
        self._call = log_calls("batch_log", folder)
        self._handle: int = self._call(
            _OPEN, os.fsencode(folder), DURABILITIES.index(durability), segment_bytes
        )

    def append(self, pieces: Sequence[Any]) -> int:
        """Append a record of buffers; return its position."""
        buffers = [
            np.frombuffer(piece, "u1") for piece in pieces
        ]  # they are alive until this returns
        where: List[int] = []
        for buffer in buffers:
            where += (buffer.ctypes.data, buffer.nbytes)
        position: int = self._call(_APPEND, self._handle, len(buffers), *where)
        return position

    def scan(self, after: int) -> Iterator[Tuple[int, int]]:
        """Yield (position, bytes) of whole records behind a position, (position, -bytes) of damage."""
        while True:
            found = self._call(_SCAN, self._handle, after, 10_000)
            yield from found
            if len(found) < 10_000:
                return
            after = found[-1][0]

    def last(self) -> int:
        """Return the position of the last record that any process appended, -1 where there is none."""
        found: int = self._call(_LAST, self._handle)
        return found

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers, threads and processes, out."""
        self._call(_LOCK, self._handle)
        try:
            yield
        finally:
            self._call(_UNLOCK, self._handle)

    def force(self) -> None:
        """Have the disk take all that was appended."""
        self._call(_FORCE, self._handle)

    def close(self) -> None:
        """Close the files."""
        self._call(_CLOSE, self._handle)
