"""Reading what others wrote, row by row in bounded memory: JSON, CSV, text, Parquet and Arrow files.

``.jsonl`` ``.ndjson`` ``.json`` (one array, or lines) ``.csv`` ``.tsv`` ``.txt``, each also with ``.gz`` or ``.zst`` behind it (zstandard), and ``.parquet``,
``.arrow``, ``.feather`` (pyarrow).
"""

from __future__ import annotations

import csv
import glob
import gzip
import io
import itertools
import json
import os
import re
from typing import (
    IO,
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Sequence,
    Tuple,
    Union,
    cast,
)

from ._format import KINDS, TEXTS, DatasetError

if TYPE_CHECKING:
    from ._blocks import Block, Parser

LONGEST_LINE = 1 << 30
"""A line of more bytes is an error: nothing larger is ever held."""
CHUNK = 8 << 20
"""So many bytes of a JSON array are taken at once, or as many as its largest element needs."""
BLOCK = 4 << 20
"""A block of lines or elements has so many bytes, or those of its longest."""
BLOCKS = 2
"""So many blocks of lines are read at once."""
ARROW_BYTES = 1 << 20
"""So many bytes of rows of Arrow or Parquet are taken at once, by what the first rows take."""
ARROW_ROWS = 16, 256, 1 << 16
"""Rows that are taken at once: at least, of those that are looked at, at most."""
BOM = b"\xef\xbb\xbf"


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


_Line = Tuple[int, Union[str, Bad], int]
Piece = Union["Block", Iterator[Item]]
"""What is read at once: a block, or rows where it is in doubt."""


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


def _lines(path: str) -> Iterator[_Line]:
    counted, file = _open(path)
    with counted, file:
        yield from _lines_of(file, 1, counted)


def _lines_of(file: IO[bytes], first: int, done: Union[int, _Counted]) -> Iterator[_Line]:
    """Yield (number, line without its end, bytes read); a line that is not UTF-8 is bad, one that is cut short too."""
    for number in itertools.count(first):
        try:
            line = file.readline(LONGEST_LINE)
        except Exception as error:  # each format has its own errors of damaged data
            yield number, _damaged(error), -1
            return
        if not line:
            return
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            yield number, Bad(f"a line of more than {LONGEST_LINE} bytes", ""), -1
            return
        if number == 1 and line.startswith(BOM):
            line = line[3:]
        read = done if isinstance(done, int) else done.done
        try:
            yield number, line.decode().rstrip("\r\n"), read
        except UnicodeDecodeError as error:
            text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
            yield number, Bad(f"no UTF-8: {error.reason}", text), read


def _damaged(error: Exception) -> Bad:
    return Bad(f"{type(error).__name__}: {error}", "")


def _json_lines(path: str) -> Iterator[Item]:
    return _objects(_lines(path))


def _objects(lines: Iterator[_Line]) -> Iterator[Item]:
    for number, line, done in lines:
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


def _line_pieces(path: str, parser: Parser) -> Iterator[Piece]:
    counted, file = _open(path)
    with counted, file:
        number, left, size = 1, b"", BLOCK * BLOCKS
        while True:
            data, error = _take(file, size - len(left))
            ended = len(data) < size - len(left)
            data = left + data
            first = data.find(b"\n")
            if (first if first >= 0 else len(data)) >= LONGEST_LINE:
                yield _objects(_lines_of(io.BytesIO(data), number, -1))
                return
            end = len(data) if ended and error is None else data.rfind(b"\n") + 1
            blocks = [data[at:to] for at, to in cuts(data, b"\n", 0, end)]
            bare = list(blocks)
            if bare and number == 1 and data.startswith(BOM):
                bare[0] = bare[0][len(BOM) :]
            for block, found in zip(blocks, parser.lines(bare, counted.done)):
                yield found or _objects(_lines_of(io.BytesIO(block), number, counted.done))
                number += block.count(b"\n")
            if error is not None:
                yield iter([Item(number, _damaged(error), -1)])
            if ended:
                return
            left, size = data[end:], BLOCK * BLOCKS if end else 2 * size


def cuts(data: Any, mark: Any, at: int, end: int) -> List[Tuple[int, int]]:
    """Return where blocks begin and end, each behind the first character of a mark."""
    found = []
    while at < end:
        to = data.rfind(mark, at, min(at + BLOCK, end)) + 1
        if at + BLOCK >= end:
            to = end
        elif to <= at:
            to = data.find(mark, at + 1, end) + 1 or end
        found.append((at, to))
        at = to
    return found


def _take(file: Any, size: int) -> Tuple[bytes, Union[Exception, None]]:
    """Return so many bytes, or all up to the end or to what is damaged, and that error."""
    pieces = []
    raw = getattr(file, "raw", None)
    try:
        while size > 0:
            if isinstance(raw, _Counted):
                piece = raw.read(size)  # nothing is unpacked, nothing is buffered
            else:
                piece = file.read1(
                    min(size, len(file.peek(1)))
                )  # read() loses what it has when it raises
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
    except Exception as error:
        return b"".join(pieces), error
    return b"".join(pieces), None


def _json(path: str) -> Iterator[Item]:
    return _json_array(path) if _is_array(path) else _json_lines(path)


def _is_array(path: str) -> bool:
    counted, file = _open(path)
    with counted, file:
        start, _ = _take(file, 1 << 20)
        return start.decode("utf-8-sig", "replace").lstrip().startswith("[")


def json_pieces(path: str, parser: Parser) -> Iterator[Piece]:
    """Yield what a file of JSON holds, in blocks where they are beyond doubt, in rows elsewhere."""
    if reader(path) is _json and _is_array(path):
        return _array_pieces(path, parser)
    return _line_pieces(path, parser)


def is_json(path: str) -> bool:
    """Whether a file is lines or an array of JSON, by the end of its name."""
    return reader(path) in (_json, _json_lines)


_BEHIND = re.compile(r'[ \t\r\n]*,[ \t\r\n]*\{[ \t\r\n]*"[^"\\]*"[ \t\r\n]*:')
"""What parts two elements, up to the first name of the second: nothing within an element looks like it, as a rule."""


class _Array:
    """A JSON array that is read piece by piece: its elements, and the line each begins on."""

    def __init__(self, file: Any) -> None:
        self._text = io.TextIOWrapper(file, "utf-8-sig", newline="")
        self._scan = json.JSONDecoder().raw_decode
        self._buffer, self._at, self._ended = "", 0, False
        self._between, self._tried = "", 0
        self.line = 1

    def _more(self) -> bool:
        """Read on, as much as there is unread at least; False at the end of the file."""
        unread = len(self._buffer) - self._at
        if unread > LONGEST_LINE:
            raise ValueError(f"an element of more than {LONGEST_LINE} characters")
        piece = "" if self._ended else self._text.read(max(CHUNK, unread))
        self._tried -= self._at
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
            behind = _BEHIND.match(self._buffer, end) if text.endswith("}") else None
            if behind is not None:
                self._between = "}" + behind.group()
            self._skip(end)
            return value, text

    def blocks(self, parser: Parser, done: int) -> Iterator[Block]:
        """Yield the elements from here on that the buffer surely has whole, up to a block that is in doubt."""
        between = self._between
        if self._at < self._tried or not between:
            return
        end = self._buffer.rfind(between, self._at) + 1
        texts: List[str] = []
        ends: List[int] = []
        for at, to in cuts(self._buffer, between, self._at, end):
            texts.append(self._buffer[at + between.index("{") - 1 if texts else at : to])
            ends.append(to)
        for number, (to, found) in enumerate(zip(ends, parser.elements(texts, between, done))):
            self._tried = to
            if found is None:
                return
            if number:
                self.take(",")
            self._skip(to)
            yield found


def _json_array(path: str) -> Iterator[Item]:
    """Yield the elements of one array; behind a syntax error nothing can be told apart, so that is the last item."""
    for piece in _array_pieces(path, None):
        yield from cast(Iterator[Item], piece)  # without a parser there are no blocks


def _array_pieces(path: str, parser: Union[Parser, None]) -> Iterator[Piece]:
    counted, file = _open(path)
    with counted, file:
        array = _Array(file)
        items: List[Item] = []
        size = 0
        try:
            array.take("[")
            first = True
            while array.next() != "]":
                if not first:
                    array.take(",")
                    array.next()
                first, line = False, array.line
                if size > CHUNK:
                    yield iter(items)
                    items, size = [], 0
                found = False
                for block in array.blocks(parser, counted.done) if parser is not None else ():
                    if items:
                        yield iter(items)
                    yield block
                    items, size, found = [], 0, True
                if found:
                    continue
                value, text = array.element()
                wrong = Bad(f"a {type(value).__name__}, not an object", text)
                items.append(Item(line, value if type(value) is dict else wrong, counted.done))
                size += len(text)
            array.take("]")
            if array.next():
                raise ValueError("something stands behind the array")
        except (ValueError, RecursionError, EOFError, OSError) as error:
            items.append(Item(array.line, Bad(f"no JSON: {error}", ""), -1))
        yield iter(items)


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
        first = next(file.iter_batches(ARROW_ROWS[1]), None)
        if first is not None:
            groups = map(file.metadata.row_group, range(file.num_row_groups))
            mean = max(each.total_byte_size / max(each.num_rows, 1) for each in groups)
            yield from file.iter_batches(_rows_at_once(first, mean))


def _rows_at_once(first: Any, mean: float = 1) -> int:
    """How many rows are about so many bytes, as a batch of the first has them, or a row in the mean."""
    least, _, most = ARROW_ROWS
    return int(min(max(ARROW_BYTES / max(first.nbytes / first.num_rows, mean), least), most))


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
            count = _rows_at_once(batch.slice(0, ARROW_ROWS[1])) if batch.num_rows else 1
            for first in range(0, batch.num_rows, count):
                yield batch.slice(first, count)


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
