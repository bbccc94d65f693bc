"""dev.fastjvm.log.SegmentedLog for writers: a log of batches."""

from __future__ import annotations

from typing import Any, Iterator, List, Sequence, Tuple

import numpy as np

from .._log_calls import CLOSE, FolderLog

_APPEND, _SCAN, _LAST = range(1, 4)


class BatchLog(FolderLog):
    """A folder's log of a dataset's batches."""

    def __init__(self, folder: str, durability: str, segment_bytes: int) -> None:
        super().__init__("batch_log", folder, durability, segment_bytes)

    def append(self, pieces: Sequence[Any]) -> int:
        """Append a record of buffers; return its position."""
        # they are alive until this returns
        buffers = [np.frombuffer(piece, "u1") for piece in pieces]
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

    def close(self) -> None:
        """Close the files."""
        self._call(CLOSE, self._handle)
