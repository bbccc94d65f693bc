"""The log's files, mapped to be read without Java; a view keeps its mapping."""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from typing import Any, Dict, Iterator, List, Sequence

import numpy as np

from ._format import (
    FLAG_ALIGNED,
    FLAG_PARTED,
    HEAD,
    OFFSET,
    OFFSET_BITS,
    DatasetError,
    segment_file,
)

_LENGTH = (1 << 30) - 1
_MAGIC = 0x4A4C
PAGE = mmap.PAGESIZE
WILL_NEED = getattr(mmap, "MADV_WILLNEED", None)
_RANDOM, _NORMAL = getattr(mmap, "MADV_RANDOM", None), getattr(mmap, "MADV_NORMAL", None)


@contextlib.contextmanager
def _opened(path: str, least: int) -> Iterator[Any]:
    """Open a file, and look at that very one: another may have its name by then.

    DatasetError where it is missing, or has fewer bytes.
    """
    try:
        file = open(path, "rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatasetError(f"{path} is missing") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if size < least:
            raise DatasetError(f"{path} is truncated: {size} bytes, of at least {least}")
        yield file


def map_file(path: str, least: int, size: int, private: bool = False) -> mmap.mmap:
    """Map so many bytes of a file, all where ``size`` is 0; DatasetError where it has fewer than ``least``.

    ``private``: a page that is written to becomes this process's own; the file never changes.
    """
    with _opened(path, least) as file:
        access = mmap.ACCESS_COPY if private else mmap.ACCESS_READ
        return mmap.mmap(file.fileno(), size, access=access)


def _advise(mapped: mmap.mmap, scattered: bool, was: bool = False) -> None:
    advice = _RANDOM if scattered else _NORMAL if was else None
    if advice is not None:
        with contextlib.suppress(OSError):
            mapped.madvise(advice)


def private_maps() -> bool:
    """Say whether pages of a private mapping cost nothing until they are written to.

    RLIMIT_DATA counts such a mapping whole, vm.overcommit_memory = 2 and Windows set room aside for it.
    """
    try:
        import resource
    except ImportError:
        return False
    if resource.getrlimit(resource.RLIMIT_DATA)[0] != resource.RLIM_INFINITY:
        return False
    try:
        with open("/proc/sys/vm/overcommit_memory", encoding="ascii") as file:
            return file.read().strip() != "2"
    except OSError:
        return True


class Segments:
    """Maps segments, and anew when they have grown; reads records by position."""

    def __init__(self, folder: str, private: bool = False, scattered: bool = False) -> None:
        self.folder, self._private = folder, private
        self.scattered = scattered
        self._mapped: Dict[int, mmap.mmap] = {}
        self._others: List[mmap.mmap] = []

    def file(self, path: str, size: int, private: bool = False) -> Any:
        """Map the first bytes of a file that lies beside; DatasetError where it has fewer."""
        if not size:
            with _opened(path, 0):
                return b""
        found = map_file(path, size, size, private)
        self._others.append(found)
        _advise(found, self.scattered)
        return found

    def advise(self, scattered: bool) -> None:
        """Tell the kernel whether rows are read in any order: then it reads nothing that was not asked for."""
        if scattered != self.scattered:
            self.scattered = scattered
            for mapped in [*self._mapped.values(), *self._others]:
                _advise(mapped, scattered, not scattered)

    def will_need(
        self, segments: Sequence[int], starts: Sequence[int], sizes: Sequence[int]
    ) -> None:
        """Have the kernel read parts of segments, each from a multiple of a page on."""
        if WILL_NEED is not None:
            for segment, start, size in zip(segments, starts, sizes):
                mapped = self._mapped.get(segment)
                if mapped is not None and start < len(mapped):
                    with contextlib.suppress(OSError):  # it is a wish
                        mapped.madvise(WILL_NEED, start, size)

    def map(self, segment: int, least: int) -> mmap.mmap:
        """Return the mapping of a segment of so many bytes at least; DatasetError where the file is shorter."""
        found = self._mapped.get(segment)
        if found is None or len(found) < least:
            path = segment_file(self.folder, segment)
            found = self._mapped[segment] = map_file(path, least, 0, self._private)
            _advise(found, self.scattered)
        return found

    def payload(self, position: int) -> Any:
        """Return a record's payload, a view of the file; a copy where it is of several parts."""
        segment, offset = position >> OFFSET_BITS, position & OFFSET
        mapped = self.map(segment, offset + HEAD)
        (header,) = struct.unpack_from("<I", mapped, offset - 4)
        length = header & _LENGTH
        mapped = self.map(segment, offset + length)
        _, magic, _, flags = struct.unpack_from("<IHBB", mapped, offset)
        if magic != _MAGIC or header >> 30 or length < HEAD:
            raise DatasetError(f"{segment_file(self.folder, segment)}: no record at {offset}")
        start = offset + HEAD + (mapped[offset + HEAD] if flags & FLAG_ALIGNED else 0)
        view = memoryview(mapped)[start : offset + length]
        return self._joined(view) if flags & FLAG_PARTED else view

    def _joined(self, parts: memoryview) -> Any:
        (size,) = struct.unpack_from("<Q", parts)
        whole = np.empty(size, "u1")
        at = 0
        positions: List[int] = np.frombuffer(parts, "<u8", offset=8).tolist()
        for position in positions:
            part = np.frombuffer(self.payload(position), "u1")
            whole[at : at + len(part)] = part
            at += len(part)
        if at != size:
            raise DatasetError(f"{self.folder}: a record of {size} bytes has parts of {at}")
        whole.flags.writeable = False
        return whole
