"""Building a dataset from files of others, in bounded memory; a build that was killed goes on where it was."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    Mapping,
    NamedTuple,
    Sequence,
    Union,
)

import numpy as np

from . import _format
from ._arrow_columns import arrow_columns
from ._blocks import AHEAD, Ahead, Block, Parser
from ._format import Column, DatasetError
from ._sources import (
    Bad,
    Item,
    Piece,
    arrow_schema,
    expand,
    is_json,
    json_pieces,
    reader,
    record_batches,
)
from ._writer import BATCH_BYTES, Writer, exact

SAMPLE = 1000
"""So many rows decide the types where none are given."""
REJECTS = "rejects.jsonl"


class Built(NamedTuple):
    """What a build did."""

    rows: int
    rejected: int


def build(
    sources: Sequence[Union[str, os.PathLike[str]]],
    folder: Union[str, os.PathLike[str]],
    schema: Union[Mapping[str, str], None] = None,
    *,
    on_error: str = "raise",
    metadata: Union[Mapping[str, Any], None] = None,
    durability: str = "process",
    batch_bytes: int = BATCH_BYTES,
    progress: Union[Callable[[str, int, int], None], None] = None,
) -> Built:
    """Write the rows of files and globs into a dataset, in their order.

    ``schema``: the columns to take; where it is left out, the first rows' values decide, and all their columns are taken.
    ``on_error``: "raise", a DatasetError that names file, line and reason, or "skip": the row goes to the file
    ``rejects.jsonl`` of the folder. ``progress`` is called with (file, bytes read of all, bytes of all).
    A folder whose build was killed is built on: rows that are there are not written again.
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error is 'raise' or 'skip', not {on_error!r}")
    files = expand(sources)
    readers = [reader(path) for path in files]  # before anything is made
    schema = dict(schema) if schema is not None else _there(folder) or guess(files)
    columns = _format.columns(schema)
    told = {"sources": [[path, os.path.getsize(path)] for path in files], **(metadata or {})}
    with contextlib.ExitStack() as stack:
        # while the log is opened, whose classes Java loads, the first file is read
        first = stack.enter_context(contextlib.closing(_Reading(files[0], readers[0], columns)))
        writer = stack.enter_context(
            Writer(folder, schema, durability=durability, batch_bytes=batch_bytes, metadata=told)
        )
        there = _format.read_manifest(writer.folder)["metadata"]
        if there != json.loads(json.dumps(told)):
            raise DatasetError(f"{writer.folder} was built from other sources: {there}")
        rejects = None
        if on_error == "skip":
            path = os.path.join(writer.folder, REJECTS)
            rejects = stack.enter_context(open(path, "w", encoding="utf-8", opener=_format.private))
        work = _Work(
            writer, columns, rejects, progress, sum(map(os.path.getsize, files)), writer.rows
        )
        work.file(files[0], first)
        for path, read in zip(files[1:], readers[1:]):
            with contextlib.closing(_Reading(path, read, columns)) as reading:
                work.file(path, reading)
        if work.count < work.skip:
            raise DatasetError(
                f"{writer.folder} has {work.skip} rows, its sources have {work.count}"
            )
    return Built(work.count, work.rejected)


class _Work:
    """Where a build is."""

    def __init__(
        self,
        writer: Writer,
        columns: Sequence[Column],
        rejects: Any,
        progress: Any,
        size: int,
        skip: int,
    ) -> None:
        self.skip, self.count, self.rejected = skip, 0, 0
        self._writer, self._columns, self._rejects = writer, columns, rejects
        self._progress, self._size, self._before = progress, size, 0

    def file(self, path: str, reading: _Reading) -> None:
        """Write what a file holds."""
        if reading.batches is not None:
            self.arrow(path, reading.batches)
        else:
            for piece in reading.pieces:
                self._piece(path, piece)
        self._before += os.path.getsize(path)
        self._tell(path, 0)

    def arrow(self, path: str, batches: Iterable[Any]) -> None:
        """Write record batches, row by row where one may not fit."""
        line = 0
        for batch in batches:
            if self._whole(batch):
                line += batch.num_rows
                continue
            for row in batch.to_pylist():
                line += 1
                self.item(path, Item(line, row, -1))

    def _whole(self, batch: Any) -> bool:
        """Write what is not there yet of a record batch; False, and nothing, where a row may not fit."""
        values = arrow_columns(batch, self._columns)
        if values is None:
            return False
        there = max(self.skip - self.count, 0)
        try:
            if there:
                self._writer.check(values)
                if there < batch.num_rows:
                    self._writer.write(arrow_columns(batch.slice(there), self._columns) or {})
            else:
                self._writer.write(values)
        except ValueError:
            return False
        self.count += batch.num_rows
        return True

    def _piece(self, path: str, piece: Piece) -> None:
        if not isinstance(piece, Block):
            for item in piece:
                self.item(path, item)
            return
        there = max(self.skip - self.count, 0)
        if there < piece.rows:
            self._writer.write(piece.behind(there) if there else piece.values)
        self.count += piece.rows
        self._tell(path, piece.done)

    def item(self, path: str, item: Item) -> None:
        """Write one row, or say what is wrong with it."""
        made = _row(self._columns, item)
        if isinstance(made, Bad):
            if self._rejects is None:
                raise DatasetError(f"{path}, line {item.line}: {made.reason}")
            self.rejected += 1
            told = {"file": path, "line": item.line, "reason": made.reason, "text": made.text}
            self._rejects.write(json.dumps(told) + "\n")
            return
        self.count += 1
        if self.count > self.skip:
            self._writer.write_row(made)
        if self.count % 256 == 0:
            self._tell(path, max(item.done, 0))

    def _tell(self, path: str, read: int) -> None:
        if self._progress is not None:
            self._progress(path, self._before + read, self._size)


def write_arrow(writer: Writer, batches: Iterable[Any], where: str) -> int:
    """Write Arrow's record batches and return how many rows; DatasetError that names a row that does not fit."""
    work = _Work(writer, writer.columns, None, None, 0, skip=0)
    work.arrow(where, batches)
    writer.flush()
    return work.count


def write_rows(writer: Writer, rows: Iterable[Dict[str, Any]], where: str) -> int:
    """Write rows and return how many; DatasetError that names one that does not fit."""
    work = _Work(writer, writer.columns, None, None, 0, skip=0)
    for line, row in enumerate(rows, 1):
        work.item(where, Item(line, row, -1))
    writer.flush()
    return work.count


class _Reading:
    """A file that is read from now on, in a thread where that is of use: what it holds as record batches, or in pieces."""

    def __init__(
        self, path: str, read: Callable[[str], Iterator[Item]], columns: Sequence[Column]
    ) -> None:
        self._ends = contextlib.ExitStack()
        self.batches: Union[Iterable[Any], None] = None
        self.pieces: Iterable[Piece] = ()
        batches = record_batches(path)
        if batches is not None:
            self.batches = self._ends.enter_context(contextlib.closing(Ahead(batches, _bytes)))
            return
        parser = None
        if is_json(path) and all(column.type != "bytes" for column in columns):
            with contextlib.suppress(ImportError):
                parser = self._ends.enter_context(contextlib.closing(Parser(columns)))
        if parser is None:
            self.pieces = [read(path)]
        else:
            pieces = Ahead(json_pieces(path, parser), _block_bytes)
            self.pieces = self._ends.enter_context(contextlib.closing(pieces))

    def close(self) -> None:
        """End the threads."""
        self._ends.close()


def _bytes(batch: Any) -> int:
    size: int = batch.get_total_buffer_size()
    return size


def _block_bytes(piece: Piece) -> int:
    return _bytes(piece.batch) if isinstance(piece, Block) else AHEAD


def _there(folder: Union[str, os.PathLike[str]]) -> Union[Dict[str, str], None]:
    """Return the schema of a build that is gone on with."""
    with contextlib.suppress(DatasetError):
        found: Dict[str, str] = _format.read_manifest(os.fspath(folder))["schema"]
        return found
    return None


def guess(files: Sequence[str]) -> Dict[str, str]:
    """Return the schema that the first rows' values say; DatasetError where a column has values of several kinds."""
    if record_batches(files[0]) is not None:
        return arrow_schema(files[0])
    found: Dict[str, str] = {}
    rows = (item for path in files for item in reader(path)(path))
    for item in itertools.islice(rows, SAMPLE):
        if isinstance(item.row, Bad):
            continue
        for name, value in item.row.items():
            kind = _kind(value)
            if not kind or kind == found.get(name):
                continue
            both = {kind, found.get(name, kind)}
            for wide in (kind, found.get(name, kind), "float64", "list<int64>", "list<float64>"):
                if both <= _NARROWER.get(wide, {wide}):
                    found[name] = wide
                    break
            else:
                raise DatasetError(
                    f"column {name!r} has values of {' and '.join(sorted(both))}: give a schema"
                )
    if not found:
        raise DatasetError("no row says what the columns are: give a schema")
    return {name: "list<int64>" if kind == _EMPTY else kind for name, kind in found.items()}


_EMPTY = "an empty list"
_NARROWER = {
    "float64": {"int64", "float64"},
    "list<int64>": {_EMPTY, "list<int64>"},
    "list<float64>": {_EMPTY, "list<int64>", "list<float64>"},
    "list<bool>": {_EMPTY, "list<bool>"},
}


def _kind(value: Any) -> str:
    """The type of a value; "" for None, which says nothing."""
    scalars = {bool: "bool", int: "int64", float: "float64", str: "string", bytes: "bytes"}
    if type(value) in scalars:
        return scalars[type(value)]
    if type(value) is list:
        kinds = {type(each) for each in value}
        if not kinds:
            return _EMPTY
        if kinds <= {int}:
            return "list<int64>"
        if kinds <= {int, float}:
            return "list<float64>"
        if kinds == {bool}:
            return "list<bool>"
    if value is None:
        return ""
    return f"{type(value).__name__}, which no column holds"


def _row(columns: Sequence[Column], item: Item) -> Union[Dict[str, Any], Bad]:
    """Return a row as its columns have it, or why it cannot be one."""
    row = item.row
    if isinstance(row, Bad):
        return row
    made = {}
    for column in columns:
        if column.name not in row:
            return _bad(row, f"there is no {column.name!r}")
        value = row[column.name]
        try:
            made[column.name] = _value(column, value)
        except (ValueError, TypeError, OverflowError) as error:
            return _bad(row, f"{column.name!r}: {error}")
    return made


def _bad(row: Dict[str, Any], reason: str) -> Bad:
    return Bad(reason, json.dumps(row, default=repr))


def _value(column: Column, value: Any) -> Any:
    """Return a value of a column; ValueError where it is another."""
    if column.type == "string":
        if type(value) is not str:
            raise ValueError(f"a {type(value).__name__} is no string")
        value.encode()
        return value
    if column.type == "bytes":
        if type(value) is not bytes:
            raise ValueError(f"a {type(value).__name__} is no bytes")
        return value
    dtype = column.dtype
    if column.listed:
        if isinstance(value, np.ndarray):
            return exact(column, value)
        if type(value) is not list:
            raise ValueError(f"a {type(value).__name__} is no list")
        for each in set(map(type, value)):
            _number(dtype, each)
        if dtype.kind not in "iu":
            return np.array(value, dtype)
        array = np.array(value, "i8")  # OverflowError beyond
        if array.size and dtype.itemsize < 8:
            limits = np.iinfo(dtype)
            if array.min() < limits.min or array.max() > limits.max:
                raise ValueError(f"a value does not fit {dtype}")
        return array.astype(dtype, copy=False)
    if type(value) is str and dtype.kind != "b":  # a cell of a table
        value = float(value) if dtype.kind == "f" else int(value)
    _number(dtype, type(value))
    made = dtype.type(value)
    if dtype.kind in "iu" and int(made) != value:
        raise ValueError(f"{value} does not fit {dtype}")
    return made


def _number(dtype: np.dtype[Any], kind: type) -> None:
    fitting = {"b": (bool,), "f": (int, float)}.get(dtype.kind, (int,))
    if kind not in fitting:
        raise ValueError(f"a {kind.__name__} is no {dtype}")
