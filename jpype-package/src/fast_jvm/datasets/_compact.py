"""Writing a dataset anew: full batches in the place of many small ones."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from typing import Any, Dict, Iterator, List, Sequence, Union

import numpy as np

from . import _format
from ._dataset import Dataset
from ._format import Column, DatasetError, Part
from ._log import BatchLog
from ._verify import problems
from ._writer import BATCH_BYTES, SEGMENT_BYTES, Writer

AT_ONCE = 16
"""So many full batches are put together at once: what is left over is a smaller one."""
BESIDE = ".compacting"


def compact(
    folder: Union[str, os.PathLike[str]],
    *,
    batch_bytes: int = BATCH_BYTES,
    segment_bytes: int = SEGMENT_BYTES,
) -> int:
    """Write the rows anew beside the folder, exchange the two at once, and return how many bytes less the files take.

    Needs the room of a copy. Writers wait and go on in the new files; readers go on in the old ones until ``refresh``. A process
    that is killed meanwhile leaves the folder as it was, or as it is to be. DatasetError where a batch is damaged or the
    folder joins shards, OSError where the system cannot exchange two folders.
    """
    folder = os.path.realpath(folder)
    rows = Dataset(folder)
    if rows.shards is not None:
        raise DatasetError(f"{folder} joins shards: compact those")
    beside = folder + BESIDE
    log = BatchLog(folder, "process", segment_bytes)
    try:
        with log.writing():
            for problem in problems(folder):
                raise DatasetError(problem)
            rows = Dataset(folder)
            shutil.rmtree(beside, ignore_errors=True)
            try:
                with Writer(
                    beside,
                    rows.schema,
                    batch_bytes=batch_bytes,
                    segment_bytes=segment_bytes,
                    metadata=rows.metadata,
                ) as writer:
                    for batch in _merged(rows, writer.columns, AT_ONCE * batch_bytes):
                        writer.write(batch)
                _rest(folder, beside)
                saved = _size(folder) - _size(beside)
                _exchange(folder, beside)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
    finally:
        log.close()
    return saved


def _merged(rows: Dataset, columns: Sequence[Column], size: int) -> Iterator[Dict[str, Any]]:
    waiting: List[List[Part]] = []
    held = 0
    for parts in rows.batch_parts():
        waiting.append(parts)
        held += sum(part.values.nbytes for part in parts)
        if held >= size:
            yield _together(columns, waiting)
            waiting, held = [], 0
    if waiting:
        yield _together(columns, waiting)


def _together(columns: Sequence[Column], batches: List[List[Part]]) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for number, column in enumerate(columns):
        parts = [parts[number] for parts in batches]
        values = np.concatenate([part.values for part in parts])
        lengths = [part.lengths for part in parts if part.lengths is not None]
        found[column.name] = (values, np.concatenate(lengths)) if lengths else values
    return found


def _rest(folder: str, beside: str) -> None:
    """Take along what others laid into the folder: the rows that a build rejected, say."""
    known = {_format.MANIFEST, _format.INDEX, _format.LOG, "format", "lock"}
    for name in set(os.listdir(folder)) - known - set(os.listdir(beside)):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.copytree(path, os.path.join(beside, name), symlinks=True)
        else:
            shutil.copy2(path, os.path.join(beside, name), follow_symlinks=False)


def _size(folder: str) -> int:
    return sum(
        os.lstat(os.path.join(path, name)).st_blocks * 512
        for path, _, names in os.walk(folder)
        for name in names
    )


def _exchange(one: str, other: str) -> None:
    """Have two folders change places: renameat2(2) with RENAME_EXCHANGE, renamex_np(2) with RENAME_SWAP on macOS."""
    names = os.fsencode(one), os.fsencode(other)
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        failed = library.renamex_np(*names, 2)
    elif hasattr(library, "renameat2"):
        at = -100  # AT_FDCWD
        failed = library.renameat2(at, names[0], at, names[1], 2)
    else:
        raise OSError(errno.ENOSYS, "two folders cannot be exchanged here", one)
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), one)
    parent = os.open(os.path.dirname(one), os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
