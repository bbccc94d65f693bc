"""Nameless files beside the datasets' cache, for what would fill the heap: tokens, and rows that wait.

What lies there is the system's to drop from memory, not the process's to keep.
"""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from array import array
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

SMALL = 4096
"""A row of fewer bytes stays where it is."""
BLOCK = 4096

_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})


def _temporary() -> Any:
    """Return a file without a name, where datasets keeps its own: a temporary folder may be memory."""
    from datasets import config

    folder = str(config.HF_DATASETS_CACHE)
    return tempfile.TemporaryFile(buffering=0, dir=folder if os.path.isdir(folder) else None)


def _write(file: Any, data: Any) -> None:
    view = memoryview(data).cast("B")
    while view:
        view = view[file.write(view) :]


def plain(value: Any) -> bool:
    """Say whether a value is made of what pickle gives back as it was."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is dict:
        return all(map(plain, value)) and all(map(plain, value.values()))
    return (kind is list or kind is tuple) and all(map(plain, value))


class Log:
    """Pieces of bytes, one behind the other."""

    def __init__(self) -> None:
        self._file: Any = None
        self._ends = array("q", [0])

    def append(self, data: Any) -> None:
        """Add a piece; where that is an OSError, it has those before it, and takes no more."""
        if self._file is None:
            self._file = _temporary()
        _write(self._file, data)
        self._ends.append(self._ends[-1] + memoryview(data).nbytes)

    def mapped(self) -> Any:
        """Return all of it, there for as long as somebody has it."""
        size = self._ends[-1]
        return mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ) if size else b""

    def pieces(self) -> Iterator[bytes]:
        """Yield what was added."""
        whole = self.mapped()
        for start, end in zip(self._ends, self._ends[1:]):
            yield whole[start:end]


class _Stored(NamedTuple):
    """Where a row lies."""

    blocks: Any
    size: int
    is_table: bool


class Spool:
    """Rows of a shuffle's buffer: each is put once and taken once, and its blocks are the next one's then."""

    def __init__(self) -> None:
        self._file: Any = None
        self._free: List[int] = []
        self._blocks = 0

    def put(self, row: Any) -> Any:
        """Return what stands for a row, a key with its example or table: itself where it is small, or unknown."""
        data = _dumped(row)
        if data is None or len(data) < SMALL:
            return row
        missing = -(-len(data) // BLOCK) - len(self._free)
        if missing > 0:
            self._free.extend(range(self._blocks + missing - 1, self._blocks - 1, -1))
            self._blocks += missing
        first = len(self._free) + -len(data) // BLOCK
        blocks = array("q", reversed(self._free[first:]))
        try:
            if self._file is None:
                self._file = _temporary()
            view = memoryview(data)
            for at, place, size in _runs(blocks, len(data)):
                self._file.seek(place)
                _write(self._file, view[at : at + size])
        except OSError:  # the disk is full: the original's place, memory, may not be
            return row
        del self._free[first:]
        return _Stored(blocks, len(data), type(row[1]) is not dict)

    def take(self, row: Any) -> Any:
        """Return the row that put() returned something for, which stands for nothing any more."""
        if type(row) is not _Stored:
            return row
        data = bytearray(row.size)
        view = memoryview(data)
        for at, place, size in _runs(row.blocks, row.size):
            self._file.seek(place)
            while size:
                done = self._file.readinto(view[at : at + size])
                if not done:
                    raise OSError("a temporary file of fast_axolotl has become shorter")
                at, size = at + done, size - done
        self._free.extend(reversed(row.blocks))
        return _loaded(data, row.is_table)


def _runs(blocks: Any, size: int) -> Iterator[Tuple[int, int, int]]:
    """Yield for neighbouring blocks where they are in the data, in the file, and their size."""
    first = 0
    for number in range(1, len(blocks) + 1):
        if number == len(blocks) or blocks[number] != blocks[number - 1] + 1:
            start = first * BLOCK
            yield start, blocks[first] * BLOCK, min(number * BLOCK, size) - start
            first = number


def _dumped(row: Any) -> Optional[Any]:
    import pyarrow as pa

    if type(row) is not tuple or len(row) != 2:
        return None
    if type(row[1]) is dict:
        return pickle.dumps(row, 5) if plain(row) else None
    if type(row[1]) is not pa.Table or row[1].nbytes < SMALL or not plain(row[0]):
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, row[1].schema) as stream:
        stream.write_table(row[1])
    return pickle.dumps(row[0], 5) + sink.getvalue().to_pybytes()


def _loaded(data: bytearray, is_table: bool) -> Any:
    import io

    import pyarrow as pa

    if not is_table:
        return pickle.loads(data)
    file = io.BytesIO(data)
    key = pickle.load(file)
    with pa.ipc.open_stream(pa.py_buffer(memoryview(data)[file.tell() :])) as stream:
        return key, stream.read_all()
