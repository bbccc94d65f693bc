"""Writing: batches into the log, then their places into the index, under one lock for all writers.

The log is what counts. The index follows it: whatever it lacks, because a writer was killed between the two, the next
writer reads from the log, checksums looked at.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple, Union

import numpy as np

from . import _format
from ._format import (
    BATCH_ENTRY,
    BATCHES,
    INDEX,
    LARGEST_PLAIN,
    TEXTS,
    Array,
    Column,
    DatasetError,
    Part,
    rows_of,
)
from ._log import BatchLog
from ._segments import Segments

SEGMENT_BYTES = 1 << 30
BATCH_BYTES = 1 << 20
LARGEST_BATCH = 4 << 20
"""A row that is larger is a batch of its own."""


class Writer:
    """Writes a dataset, or goes on with one; several writers, threads' and processes', may share a folder.

    ``schema``: names and types, as ``{"input_ids": "list<int32>", "text": "string", "label": "int64"}``.
    ``durability``: what ``write`` survives once it has returned, "process" (kill -9) or "disk" (a loss of
    power). ``metadata``: JSON values that the manifest keeps, of the source or the tokenizer. Raises
    DatasetError where the folder holds another schema, OSError where it cannot be written, and
    FastJvmUnavailable where Java stays away.
    """

    def __init__(
        self,
        folder: Union[str, os.PathLike[str]],
        schema: Mapping[str, str],
        *,
        durability: str = "process",
        batch_bytes: int = BATCH_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        metadata: Union[Mapping[str, Any], None] = None,
    ) -> None:
        self.folder = os.path.abspath(os.fspath(folder))
        self.columns: Sequence[Column] = _format.columns(schema)
        self._schema, self._metadata = dict(schema), metadata
        self._batch_bytes = min(batch_bytes, LARGEST_BATCH)
        self._settings = (durability, segment_bytes)
        self._pending: Dict[str, List[Any]] = {column.name: [] for column in self.columns}
        self._pending_bytes = 0
        self._files: List[int] = []
        self._open()

    def _open(self) -> None:
        while True:
            if not os.path.isdir(self.folder):
                BatchLog(self.folder, *self._settings).close()  # makes it
            self._held = _format.Held(self.folder)
            try:
                self._log = BatchLog(self.folder, *self._settings)
            except BaseException:
                self._held.close()
                raise
            try:
                with self._log.writing():
                    if self._held.stays():
                        self._join(self._schema, self._metadata)
                        self._segments = Segments(self.folder)
                        self._catch_up()
                        return
            except BaseException:
                self._release()
                raise
            self._release()  # it was compacted meanwhile: another folder is in its place

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Keep other writers out of the folder that is there now."""
        while True:
            with self._log.writing():
                if self._held.stays():
                    yield
                    return
            if not os.path.isdir(self.folder):
                raise FileNotFoundError(errno.ENOENT, "the dataset was removed", self.folder)
            self._release()
            self._open()

    def _join(self, schema: Dict[str, str], metadata: Union[Mapping[str, Any], None]) -> None:
        """Make the manifest and the index's files, or find the same schema in them."""
        if os.path.lexists(os.path.join(self.folder, _format.MANIFEST)):
            manifest = _format.read_manifest(self.folder)
            if "shards" in manifest:
                raise DatasetError(f"{self.folder} joins shards: rows are written to those")
            there = manifest["schema"]
            if there != schema or list(there) != list(schema):
                raise DatasetError(f"{self.folder} has the columns {there}, not {schema}")
        else:
            content = {"format": _format.FORMAT, "schema": schema, "metadata": dict(metadata or {})}
            _format.write_manifest(self.folder, content)
        index = os.path.join(self.folder, INDEX)
        if not os.path.isdir(index) or os.path.islink(index):
            os.mkdir(index, 0o700)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        names = [BATCHES, *(column.file for column in self.columns)]
        self._files = [os.open(os.path.join(index, name), flags, 0o600) for name in names]

    @property
    def rows(self) -> int:
        """How many rows are in the dataset, those of other writers too; where a build goes on after a crash."""
        return self._indexed()[1]

    def _indexed(self) -> Tuple[int, int]:
        """The position of the last batch of the index, and the rows up to its end."""
        whole = os.fstat(self._files[0]).st_size // BATCH_ENTRY.itemsize
        if not whole:
            return -1, 0
        data = _read(self._files[0], BATCH_ENTRY.itemsize, (whole - 1) * BATCH_ENTRY.itemsize)
        last = np.frombuffer(data, BATCH_ENTRY)[0]
        return int(last["position"]), int(last["rows"])

    def _catch_up(self) -> int:
        """Index what the log has and the index has not, and return how many rows there are; needs the lock."""
        position, rows = self._indexed()
        self._cut(rows)
        for at, size in self._log.scan(position):
            if size > 0:
                starts, parts = _format.read_batch(self._segments.payload(at), self.columns)
                rows = self._index(at, size, rows, starts, parts)
        return rows

    def _cut(self, rows: int) -> None:
        """Drop what a killed writer left half done in the index."""
        whole = os.fstat(self._files[0]).st_size // BATCH_ENTRY.itemsize
        os.ftruncate(self._files[0], whole * BATCH_ENTRY.itemsize)
        for column, file in zip(self.columns, self._files[1:]):
            entry = _format.POSITION_AND_LENGTH if column.listed else column.dtype.itemsize
            if os.fstat(file).st_size < rows * entry:
                raise DatasetError(
                    f"{self.folder}: index/{column.file} is shorter than {BATCHES} says"
                )
            os.ftruncate(file, rows * entry)

    def _index(
        self, position: int, size: int, before: int, starts: Sequence[int], parts: Sequence[Part]
    ) -> int:
        """Append a batch's places, and return the rows up to its end.

        index/batches comes last, what it does not count is not there.
        """
        rows = before + rows_of(parts[0])
        payload = position + _format.lead(position)
        for file, start, part in zip(self._files[1:], starts, parts):
            if part.lengths is None:
                _write(file, part.values)
                continue
            parted = position if size > LARGEST_PLAIN else None
            _write(file, _format.places(part, payload + start, parted))
        _write(self._files[0], np.array([(position, size, rows)], BATCH_ENTRY))
        return rows

    def write(self, batch: Mapping[str, Any]) -> None:
        """Write rows, column by column; once it returns they have survived what ``durability`` says.

        A column of scalars is an array or a sequence; one of lists a sequence of arrays, of str or bytes for texts,
        or a pair ``(flat, lengths)`` of arrays, which is not copied. ValueError where a column is missing, has
        another number of rows, or holds what its type cannot. Buffered rows go first.
        """
        self.flush()
        self._write(self._parts(batch))

    def check(self, batch: Mapping[str, Any]) -> None:
        """Raise the ValueError that ``write`` would; write nothing."""
        self._parts(batch)

    def write_row(self, row: Mapping[str, Any]) -> None:
        """Buffer one row; ``flush``, ``close`` or a full batch writes it."""
        if row.keys() != self._pending.keys():
            raise ValueError(f"a row has the columns {list(self._pending)}, not {list(row)}")
        for name, value in row.items():
            self._pending[name].append(value)
            size = getattr(value, "nbytes", None)
            self._pending_bytes += 8 + (
                size or (8 * len(value) if hasattr(value, "__len__") else 0)
            )
        if self._pending_bytes >= self._batch_bytes:
            self.flush()

    def flush(self) -> None:
        """Write the buffered rows; where that raises, none of them is kept."""
        if self._pending_bytes:
            batch, self._pending = self._pending, {name: [] for name in self._pending}
            self._pending_bytes = 0
            self._write(self._parts(batch))

    def _parts(self, batch: Mapping[str, Any]) -> List[Part]:
        if batch.keys() != self._pending.keys():
            raise ValueError(f"a batch has the columns {list(self._pending)}, not {list(batch)}")
        parts = [_part(column, batch[column.name]) for column in self.columns]
        counts = {column.name: rows_of(part) for column, part in zip(self.columns, parts)}
        if len(set(counts.values())) != 1:
            raise ValueError(f"columns differ in their number of rows: {counts}")
        return parts

    def _write(self, parts: List[Part]) -> None:
        rows = rows_of(parts[0])
        sizes = np.zeros(rows + 1, "i8")
        for values, lengths in parts:
            sizes[1:] += values.itemsize * (1 if lengths is None else lengths.astype("i8"))
        ends = np.cumsum(sizes)
        items = [
            None if part.lengths is None else _format.starts_of(part.lengths) for part in parts
        ]
        first = 0
        while first < rows:
            last = int(np.searchsorted(ends, ends[first] + self._batch_bytes, "right")) - 1
            last = min(max(last, first + 1), rows)
            self._append([_rows(*each, first, last) for each in zip(parts, items)])
            first = last

    def _append(self, parts: Sequence[Part]) -> None:
        pieces, starts, size = _format.layout(parts)
        with self._writing():
            last, rows = self._indexed()
            if self._log.last() != last:
                rows = self._catch_up()
            self._index(self._log.append(pieces), size, rows, starts, parts)

    def close(self) -> None:
        """Write what is buffered, note the counts in the manifest, and close; no-op where it is closed."""
        if not self._files:
            return
        try:
            self.flush()
            with self._writing():
                self._catch_up()
                self._log.force()
                self._note_counts()
        finally:
            self._release()

    def _note_counts(self) -> None:
        import zlib

        for file in self._files:
            os.fsync(file)
        content = _format.read_manifest(self.folder)
        size = os.fstat(self._files[0]).st_size
        content["rows"] = self._indexed()[1]
        content["batches"] = size // BATCH_ENTRY.itemsize
        content["checksum"] = "crc32:%08x" % zlib.crc32(_read(self._files[0], size, 0))
        _format.write_manifest(self.folder, content)

    def _release(self) -> None:
        files, self._files = self._files, []
        for file in files:
            os.close(file)
        self._held.close()
        self._log.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self.close()
        elif self._files:
            self._release()  # what was written stays, what is buffered is the failed batch's


def _rows(part: Part, items: Union[Array, None], first: int, last: int) -> Part:
    """Return some of a part's rows; ``items``: where each row begins."""
    if items is None or part.lengths is None:
        return Part(part.values[first:last], None)
    return Part(part.values[items[first] : items[last]], part.lengths[first:last])


def _read(file: int, size: int, at: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, size, at)
    os.lseek(file, at, os.SEEK_SET)
    return os.read(file, size)


def _write(file: int, values: Any) -> None:
    data = memoryview(np.ascontiguousarray(values).view("u1").data).cast("B")
    while data:
        data = data[os.write(file, data) :]


def _part(column: Column, given: Any) -> Part:
    """Return a column's values as the format has them; ValueError where that would change one."""
    if not column.listed:
        return Part(exact(column, given), None)
    if isinstance(given, tuple) and len(given) == 2 and hasattr(given[0], "dtype"):
        flat, lengths = given
        lengths = np.asarray(lengths)
        if int(lengths.sum()) != len(flat) or (len(lengths) and int(lengths.min()) < 0):
            raise ValueError(
                f"column {column.name!r}: the lengths do not add up to {len(flat)} items"
            )
        return Part(exact(column, flat), lengths.astype("<u4"))
    given = list(given)  # it may be a generator
    if column.type in TEXTS:
        kinds: Tuple[type, ...] = (
            (str,) if column.type == "string" else (bytes, bytearray, memoryview)
        )
        for each in given:
            if not isinstance(each, kinds):
                kind = type(each).__name__
                raise ValueError(f"column {column.name!r}: a {kind} is no {column.type}")
        try:
            texts = [each.encode() if isinstance(each, str) else bytes(each) for each in given]
        except UnicodeEncodeError as error:
            raise ValueError(f"column {column.name!r}: {error}") from error
        lengths = np.fromiter(map(len, texts), "<u4", len(texts))
        return Part(np.frombuffer(b"".join(texts), "u1"), lengths)
    rows = [exact(column, each) for each in given]
    lengths = np.fromiter(map(len, rows), "<u4", len(rows))
    flat = np.concatenate(rows) if rows else np.empty(0, column.dtype)
    return Part(flat, lengths)


def exact(column: Column, given: Any) -> Array:
    """Return an array of the column's type; ValueError where a value would become another."""
    array = np.asarray(given)
    if array.ndim != 1:
        raise ValueError(f"column {column.name!r}: values have {array.ndim} dimensions, not one")
    if array.dtype == column.dtype:
        return np.ascontiguousarray(array)
    if not array.size:
        return np.empty(0, column.dtype)
    if array.dtype.kind not in "biuf" or (array.dtype.kind == "b") != (column.dtype.kind == "b"):
        raise ValueError(f"column {column.name!r}: {array.dtype} is no {column.dtype}")
    with np.errstate(all="ignore"):
        made = array.astype(column.dtype)
    if not np.array_equal(made, array, equal_nan=array.dtype.kind == "f"):
        raise ValueError(f"column {column.name!r}: a value does not fit {column.dtype}")
    return made
