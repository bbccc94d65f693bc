"""Reading what others wrote, row by row in bounded memory: JSON, CSV, text, Parquet and Arrow files.

``.jsonl`` ``.ndjson`` ``.json`` (one array, or lines) ``.csv`` ``.tsv`` ``.txt``, each also with ``.gz`` or ``.zst`` behind it (zstandard), and ``.parquet``,
``.arrow``, ``.feather`` (pyarrow).
"""

from __future__ import annotations

import csv
import glob
import gzip
import io
import json
import os
from typing import IO, Any, Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple, Union

import numpy as np

from ._format import KINDS, TEXTS, Array, Column, DatasetError

LONGEST_LINE = 1 << 30
"""A line of more bytes is an error: nothing larger is ever held."""
CHUNK = 1 << 20
"""So many bytes of a JSON array are taken at once, or as many as its largest element needs."""
ARROW_ROWS = 256
"""So many rows of an Arrow batch are taken at once."""


class Bad(NamedTuple):
    """A row that cannot be read: why, and its text where it has one."""

    reason: str
    text: str


class Item(NamedTuple):
    """One row of a source, or what is wrong with it."""

    line: int
    row: Union[Dict[str, Any], Bad]
    done: int  # bytes of the file that were read


def expand(patterns: Sequence[Union[str, os.PathLike[str]]]) -> List[str]:
    """Return the files of paths and globs, each pattern's in the order of their names; DatasetError where there is none."""
    found: List[str] = []
    for pattern in [os.fspath(each) for each in patterns]:
        matches = (
            [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern, recursive=True))
        )
        if not matches:
            raise DatasetError(f"{pattern}: there is no such file")
        found += matches
    return found


def reader(path: str) -> Callable[[str], Iterator[Item]]:
    """Return what reads a file, by the end of its name; DatasetError where it is not known."""
    name = os.path.basename(path).lower()
    for packed in (".gz", ".zst"):
        if name.endswith(packed):
            name = name[: -len(packed)]
    _, _, kind = name.rpartition(".")
    if kind not in _READERS:
        known = ", ".join("." + each for each in _READERS)
        raise DatasetError(f"{path}: not one of {known}")
    return _READERS[kind]


class _Counted(io.RawIOBase):
    """A file that knows how much of it was read."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb", buffering=0)
        self.done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._file.readinto(buffer) or 0
        self.done += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _open(path: str) -> Tuple[_Counted, IO[bytes]]:
    counted = _Counted(path)
    buffered: Any = io.BufferedReader(counted, 1 << 20)
    if path.lower().endswith(".gz"):
        unpacked: Any = gzip.GzipFile(fileobj=buffered)
        return counted, unpacked
    if path.lower().endswith(".zst"):
        import zstandard

        unpacked = zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True)
        return counted, io.BufferedReader(unpacked, 1 << 20)
    return counted, buffered


def _lines(path: str) -> Iterator[Tuple[int, Union[str, Bad], int]]:
    """Yield (number, line without its end, bytes read); a line that is not UTF-8 is bad, one that is cut short too."""
    counted, file = _open(path)
    with counted, file:
        number = 0
        while True:
            number += 1
            try:
                line = file.readline(LONGEST_LINE)
            except Exception as error:  # each format has its own errors of damaged data
                yield number, Bad(f"{type(error).__name__}: {error}", ""), -1
                return
            if not line:
                return
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                yield number, Bad(f"a line of more than {LONGEST_LINE} bytes", ""), -1
                return
            if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                line = line[3:]
            try:
                yield number, line.decode().rstrip("\r\n"), counted.done
            except UnicodeDecodeError as error:
                text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
                yield number, Bad(f"no UTF-8: {error.reason}", text), counted.done


def _json_lines(path: str) -> Iterator[Item]:
    for number, line, done in _lines(path):
        if isinstance(line, Bad):
            yield Item(number, line, done)
        elif line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Item(number, Bad(f"no JSON: {error}", line), done)
                continue
            if type(row) is dict:
                yield Item(number, row, done)
            else:
                yield Item(number, Bad(f"a {type(row).__name__}, not an object", line), done)


def _json(path: str) -> Iterator[Item]:
    counted, file = _open(path)
    with counted, file:
        start = file.read(CHUNK).decode("utf-8-sig", "replace").lstrip()
    return _json_array(path) if start.startswith("[") else _json_lines(path)


class _Array:
    """A JSON array that is read piece by piece: its elements, and the line each begins on."""

    def __init__(self, file: Any) -> None:
        self._text = io.TextIOWrapper(file, "utf-8-sig", newline="")
        self._scan = json.JSONDecoder().raw_decode
        self._buffer, self._at, self._ended = "", 0, False
        self.line = 1

    def _more(self) -> bool:
        """Read on, as much as there is unread at least; False at the end of the file."""
        unread = len(self._buffer) - self._at
        if unread > LONGEST_LINE:
            raise ValueError(f"an element of more than {LONGEST_LINE} characters")
        piece = "" if self._ended else self._text.read(max(CHUNK, unread))
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
        self._ended = not piece
        return bool(piece)

    def _skip(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._at, end)
        self._at = end

    def next(self) -> str:
        """Return the next character that is no space, "" at the end."""
        while True:
            end = self._at
            while end < len(self._buffer) and self._buffer[end] in " \t\r\n":
                end += 1
            self._skip(end)
            if end < len(self._buffer):
                return self._buffer[end]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Go behind one character; ValueError where it is another."""
        found = self.next()
        if found != wanted:
            raise ValueError(
                f"{found!r} in the place of {wanted!r}" if found else f"it ends before {wanted!r}"
            )
        self._skip(self._at + 1)

    def element(self) -> Tuple[Any, str]:
        """Return a value and its text; ValueError where there is none."""
        self.next()
        while True:
            try:
                value, end = self._scan(self._buffer, self._at)
            except json.JSONDecodeError as error:
                # it may go on behind what was read: so near to its end, or in the midst of a string
                cut = error.pos > len(self._buffer) - 16 or error.msg.startswith(
                    ("Untermin", "Invalid \\")
                )
                if not cut or not self._more():
                    raise
                continue
            if end == len(self._buffer) and self._more():
                continue  # a number may
            text = self._buffer[self._at : end]
            self._skip(end)
            return value, text


def _json_array(path: str) -> Iterator[Item]:
    """Yield the elements of one array; behind a syntax error nothing can be told apart, so that is the last item."""
    counted, file = _open(path)
    with counted, file:
        array, line = _Array(file), 1
        try:
            array.take("[")
            first = True
            while array.next() != "]":
                if not first:
                    array.take(",")
                    array.next()
                first, line = False, array.line
                value, text = array.element()
                wrong = Bad(f"a {type(value).__name__}, not an object", text)
                yield Item(line, value if type(value) is dict else wrong, counted.done)
            array.take("]")
            line = array.line
            if array.next():
                raise ValueError("something stands behind the array")
        except (ValueError, RecursionError, EOFError, OSError) as error:
            yield Item(array.line, Bad(f"no JSON: {error}", ""), -1)


def _text(path: str) -> Iterator[Item]:
    for number, line, done in _lines(path):
        yield Item(number, line if isinstance(line, Bad) else {"text": line}, done)


def _table(separator: str) -> Callable[[str], Iterator[Item]]:
    def read(path: str) -> Iterator[Item]:
        counted, file = _open(path)
        with counted, file:
            text = io.TextIOWrapper(file, "utf-8-sig", newline="")
            rows = csv.reader(text, delimiter=separator, strict=True)
            head: List[str] = []
            while True:
                try:
                    cells = next(rows)
                except StopIteration:
                    return
                except (csv.Error, ValueError, OSError, EOFError) as error:
                    yield Item(rows.line_num, Bad(f"no CSV: {error}", ""), -1)
                    return
                if not head:
                    head = cells
                elif len(cells) == len(head):
                    yield Item(rows.line_num, dict(zip(head, cells)), counted.done)
                elif cells:
                    said = f"{len(cells)} cells, not {len(head)}"
                    yield Item(rows.line_num, Bad(said, separator.join(cells)), counted.done)

    return read


def record_batches(path: str) -> Union[Iterator[Any], None]:
    """Yield the record batches of a Parquet or Arrow file, of few rows each; None where it is another file."""
    kind = path.lower().rpartition(".")[2]
    if kind == "parquet":
        return _parquet(path)
    return _arrow(path) if kind in ("arrow", "feather") else None


def _parquet(path: str) -> Iterator[Any]:
    import pyarrow.parquet as pq

    # pages are read as they are needed, not a row group at once
    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        yield from file.iter_batches(ARROW_ROWS)


def _arrow(path: str) -> Iterator[Any]:
    import pyarrow as pa

    with pa.memory_map(path) as source:
        try:
            file = pa.ipc.open_file(source)
            batches: Iterator[Any] = (file.get_batch(n) for n in range(file.num_record_batches))
        except pa.ArrowInvalid:
            source.seek(0)
            batches = iter(pa.ipc.open_stream(source))
        for batch in batches:
            for first in range(0, batch.num_rows, ARROW_ROWS):
                yield batch.slice(first, ARROW_ROWS)


def arrow_columns(batch: Any, columns: Sequence[Column]) -> Union[Dict[str, Any], None]:
    """Return a record batch as Writer.write takes it, its buffers as they are; None where a row may not fit."""
    import pyarrow as pa

    found: Dict[str, Any] = {}
    for column in columns:
        position = batch.schema.get_field_index(column.name)
        if position < 0:
            return None
        array, kind = batch.column(position), batch.schema.field(position).type
        if array.null_count:
            return None
        if not column.listed:
            if not pa.types.is_primitive(kind) or pa.types.is_temporal(kind):
                return None
            found[column.name] = array.to_numpy(zero_copy_only=False)
        elif column.type in TEXTS:
            texts = pa.types.is_string(kind) or pa.types.is_large_string(kind)
            raw = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
            if not (texts if column.type == "string" else raw):
                return None
            found[column.name] = _flat(
                array, pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
            )
        else:
            if not pa.types.is_list(kind) and not pa.types.is_large_list(kind):
                return None
            values, inner = array.flatten(), kind.value_type
            if values.null_count or not pa.types.is_primitive(inner) or pa.types.is_temporal(inner):
                return None
            lengths = array.value_lengths().to_numpy(zero_copy_only=False)
            found[column.name] = (values.to_numpy(zero_copy_only=False), lengths)
    return found


def _flat(array: Any, large: bool) -> Tuple[Array, Array]:
    """Return the bytes of an array of texts, and each one's length."""
    _, offsets, data = array.buffers()
    starts = np.frombuffer(
        offsets, "<i8" if large else "<i4", len(array) + 1, array.offset * (8 if large else 4)
    )
    whole = np.frombuffer(data, "u1") if data is not None else np.empty(0, "u1")
    return whole[int(starts[0]) : int(starts[-1])], np.diff(starts)


def arrow_schema(path: str) -> Dict[str, str]:
    """Return the columns of a Parquet or Arrow file; DatasetError where no column of ours holds one."""
    batches = record_batches(path)
    first = next(batches, None) if batches is not None else None
    if first is None:
        raise DatasetError(f"{path} has no rows: give a schema")
    return arrow_types(first.schema, path)


def arrow_types(schema: Any, where: str) -> Dict[str, str]:
    """Return an Arrow schema's columns; DatasetError where no column of ours holds one."""
    import pyarrow as pa

    found = {}
    for field in schema:
        kind, listed = field.type, False
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            kind, listed = kind.value_type, True
        name = {"string": "string", "large_string": "string", "binary": "bytes", "large_binary": "bytes",
                "float": "float32", "double": "float64"}.get(str(kind), str(kind))  # fmt: skip
        if name not in (KINDS if listed else {**KINDS, **TEXTS}):
            raise DatasetError(
                f"{where}: column {field.name!r} is {field.type}, which no column holds"
            )
        found[field.name] = f"list<{name}>" if listed else name
    return found


def _rows_of(batches: Callable[[str], Iterator[Any]]) -> Callable[[str], Iterator[Item]]:
    def read(path: str) -> Iterator[Item]:
        number = 0
        for batch in batches(path):
            for row in batch.to_pylist():
                number += 1
                yield Item(number, row, -1)

    return read


_READERS: Dict[str, Callable[[str], Iterator[Item]]] = {
    "jsonl": _json_lines,
    "ndjson": _json_lines,
    "json": _json,
    "csv": _table(","),
    "tsv": _table("\t"),
    "txt": _text,
    "parquet": _rows_of(_parquet),
    "arrow": _rows_of(_arrow),
    "feather": _rows_of(_arrow),
}
