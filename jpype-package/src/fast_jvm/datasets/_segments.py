"""The log's files, mapped to be read without Java; a view keeps its mapping."""

from __future__ import annotations

import mmap
import os
import struct
from typing import Any, Dict, List

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


def check_size(path: str, least: int) -> None:
    """Raise DatasetError where a file is missing, or has fewer bytes."""
    try:
        size = os.stat(path).st_size
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing") from error
    if size < least:
        raise DatasetError(f"{path} is truncated: {size} bytes, of at least {least}")


def map_file(path: str, least: int, size: int) -> mmap.mmap:
    """Map so many bytes of a file, all where ``size`` is 0; DatasetError where it has fewer than ``least``."""
    check_size(path, least)
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)


class Segments:
    """Maps each segment when it is first read, and anew when it has grown; reads records by position."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._mapped: Dict[int, mmap.mmap] = {}

    def map(self, segment: int, least: int) -> mmap.mmap:
        """Return the mapping of a segment of so many bytes at least; DatasetError where the file is shorter."""
        found = self._mapped.get(segment)
        if found is None or len(found) < least:
            found = self._mapped[segment] = map_file(segment_file(self.folder, segment), least, 0)
        return found

    def check(self, segment: int, least: int) -> None:
        """Raise DatasetError where a segment's file has fewer bytes."""
        check_size(segment_file(self.folder, segment), least)

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
