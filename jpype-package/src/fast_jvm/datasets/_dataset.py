"""Reading: the index and the log's files are mapped; no Java, nothing is loaded, arrays are views.

A view keeps its mapping alive, also where the files are deleted meanwhile. Processes of one machine share the pages.
"""

from __future__ import annotations

import copy
import os
from typing import Any, Callable, Dict, Iterator, List, Sequence, Union

import numpy as np

from . import _format
from ._format import (
    BATCH_ENTRY,
    BATCHES,
    HEAD,
    INDEX,
    OFFSET,
    OFFSET_BITS,
    PARTED,
    Array,
    DatasetError,
)
from ._segments import Segments, check_size, map_file


def _map(path: str, size: int) -> Any:
    """Map the first bytes of a file; DatasetError where it has fewer."""
    if size:
        return map_file(path, size, size)
    check_size(path, 0)
    return b""


class Scalars:
    """A column of one value a row, as one array."""

    def __init__(self, folder: str, column: _format.Column, rows: int) -> None:
        path = os.path.join(folder, INDEX, column.file)
        self._values = np.frombuffer(_map(path, rows * column.dtype.itemsize), column.dtype)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, row: Any) -> Any:
        """Return a scalar, or an array of the rows of a slice or of a sequence of numbers."""
        return self._values[row]


class Lists:
    """A column whose rows differ in length: ``column[i]`` is a view of the file, a str or bytes."""

    def __init__(
        self,
        folder: str,
        schema: Sequence[_format.Column],
        number: int,
        segments: Segments,
        rows: int,
    ) -> None:
        self._schema, self._number, self._segments, self._rows = schema, number, segments, rows
        self._dtype = schema[number].dtype
        self._item = self._dtype.itemsize
        path = os.path.join(folder, INDEX, schema[number].file)
        # position and number of items of each row; what is read of it are ints
        self._index = memoryview(_map(path, rows * _format.POSITION_AND_LENGTH)).cast("Q")
        self._views: List[Array] = []
        decode: Dict[str, Callable[[Array], Any]] = {
            "string": lambda items: items.tobytes().decode(),
            "bytes": lambda items: items.tobytes(),
        }
        self._decode = decode.get(schema[number].type)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, row: Any) -> Any:
        """Return a row, or a list of the rows of a slice or of a sequence of numbers."""
        try:
            position, length = self._index[2 * row], self._index[2 * row + 1]
            start = (position & OFFSET) // self._item
            items = self._views[position >> OFFSET_BITS][start : start + length]
            if len(items) != length:
                items = self._map(position, length)
        except (IndexError, TypeError):
            if isinstance(row, slice):
                return [self[each] for each in range(*row.indices(self._rows))]
            if hasattr(row, "__len__"):
                return [self[int(each)] for each in row]
            number = row.__index__()
            if not -self._rows <= number < self._rows:
                raise IndexError(f"row {number} of {self._rows}") from None
            items = self._map(self._index[2 * number], self._index[2 * number + 1])
        return items if self._decode is None else self._decode(items)

    def items(self) -> Lists:
        """Return the same column, whose strings and bytes are views of the file too."""
        made = copy.copy(self)
        made._decode = None
        return made

    @property
    def entries(self) -> Array:
        """The index: position and number of items of each row."""
        return np.frombuffer(self._index, "<u8").reshape(-1, 2)

    @property
    def lengths(self) -> Array:
        """The number of items of each row, a view of the index."""
        return self.entries[:, 1]

    def _map(self, position: int, length: int) -> Array:
        """Map what is not mapped yet and return a row's items; those of a large row are a copy."""
        if position & PARTED:
            payload = self._segments.payload(position & ~PARTED)
            return _format.read_batch(payload, self._schema)[1][self._number].values
        segment, start = position >> OFFSET_BITS, (position & OFFSET) // self._item
        mapped = self._segments.map(segment, (start + length) * self._item)
        while len(self._views) <= segment:
            self._views.append(np.empty(0, self._dtype))
        view = np.frombuffer(mapped, self._dtype, len(mapped) // self._item)
        self._views[segment] = view
        return view[start : start + length]


class Dataset:
    """The rows of a folder: ``rows[3]`` is a dict, ``rows["name"]`` a column, ``rows[3:9]`` a dict of columns.

    Reads what is there when it is opened, also while somebody writes; ``refresh`` sees what came since. DatasetError
    where the folder is no dataset, or a file is shorter than the index says.
    """

    def __init__(self, folder: Union[str, os.PathLike[str]]) -> None:
        self.folder = os.path.abspath(os.fspath(folder))
        manifest = _format.read_manifest(self.folder)
        self.schema: Dict[str, str] = manifest["schema"]
        self.metadata: Dict[str, Any] = manifest["metadata"]
        self._schema = _format.columns(self.schema)
        self._order: Union[Array, None] = None
        self._kind = "numpy"
        self._open()
        if self._all < manifest.get("rows", 0):
            raise DatasetError(
                f"{self.folder}: {self._all} rows are there, of at least {manifest['rows']}"
            )

    def _open(self) -> None:
        path = os.path.join(self.folder, INDEX, BATCHES)
        try:
            whole = os.stat(path).st_size // BATCH_ENTRY.itemsize
        except FileNotFoundError as error:
            raise DatasetError(f"{path} is missing") from error
        self._batches = np.frombuffer(_map(path, whole * BATCH_ENTRY.itemsize), BATCH_ENTRY)
        self._all = int(self._batches["rows"][-1]) if whole else 0
        self._segments = Segments(self.folder)
        self._check_segments()
        self._columns: Dict[str, Union[Scalars, Lists]] = {
            column.name: Lists(self.folder, self._schema, number, self._segments, self._all)
            if column.listed
            else Scalars(self.folder, column, self._all)
            for number, column in enumerate(self._schema)
        }
        self._pairs = tuple(self._columns.items())

    def _check_segments(self) -> None:
        """Find files that are missing or shorter than the index says."""
        positions = self._batches["position"]
        segments = positions >> np.uint64(OFFSET_BITS)
        # where a segment's last batch ends: positions rise
        for last in np.flatnonzero(np.diff(segments, append=np.uint64(1 << 40))).tolist():
            size = int(self._batches["bytes"][last])
            parts = size > _format.LARGEST_PLAIN  # they lie before it
            offset = int(positions[last]) & OFFSET
            self._segments.check(int(segments[last]), offset + HEAD + (0 if parts else size))

    @property
    def entries(self) -> Array:
        """The index of batches: position, bytes, rows up to the batch's end."""
        return self._batches

    def payload(self, position: int) -> Any:
        """Return a batch's bytes, a view of the file."""
        return self._segments.payload(position)

    def refresh(self) -> int:
        """See what was written since; return how many rows there are. Not for a selection of rows."""
        if self._order is not None:
            raise ValueError("a selection of rows does not grow")
        self._open()
        return self._all

    def __len__(self) -> int:
        return self._all if self._order is None else len(self._order)

    def __getitem__(self, key: Any) -> Any:
        """Return a row as a dict, rows as a dict of columns, or a column by its name; see ``with_format``."""
        if self._kind != "numpy":
            return self._arrow(key)
        order = self._order
        if type(key) is int:
            if order is not None:
                key = int(order[key])
            return {name: column[key] for name, column in self._pairs}
        if isinstance(key, str):
            column = self._columns[key]
            return column if order is None else column[order]
        if isinstance(key, slice):
            if order is None and key.step in (None, 1):
                return {name: column[key] for name, column in self._pairs}
            rows: Any = np.arange(len(self))[key] if order is None else order[key]
        elif hasattr(key, "__len__"):
            rows = self._numbers(key)
            rows = rows if order is None else order[rows]
        else:
            return self[key.__index__()]
        return {name: column[rows] for name, column in self._pairs}

    def _numbers(self, rows: Any) -> Array:
        """Return numbers of rows as an array; TypeError where they are none, IndexError where one is not there."""
        found = np.asarray(rows, None if len(rows) else "i8")
        if found.dtype.kind not in "iu":
            raise TypeError(f"rows are numbers, not {found.dtype}")
        if len(found) and not -len(self) <= int(found.min()) <= int(found.max()) < len(self):
            raise IndexError(f"rows {int(found.min())} to {int(found.max())} of {len(self)}")
        return found.astype("i8", copy=False)

    def __getitems__(self, rows: Sequence[int]) -> List[Dict[str, Any]]:
        """Return rows as a list of dicts: what torch's DataLoader asks for."""
        return [self[int(row)] for row in rows]

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        for row in range(len(self)):
            yield self[row]

    def batches(self) -> Iterator[Dict[str, Any]]:
        """Yield the batches as they were written: a name's array, or a pair ``(flat, lengths)`` of arrays.

        The quickest way through all rows in their order. Not for a selection of rows.
        """
        for parts in self._batch_parts():
            yield {
                column.name: part.values if part.lengths is None else (part.values, part.lengths)
                for column, part in zip(self._schema, parts)
            }

    def arrow_batches(self) -> Iterator[Any]:
        """Yield the batches as ``pyarrow.RecordBatch``, views of the files; see ``batches``."""
        from . import _arrow

        for parts in self._batch_parts():
            yield _arrow.record_batch(self._schema, parts)

    def _batch_parts(self) -> Iterator[List[_format.Part]]:
        if self._order is not None:
            raise ValueError("a selection of rows has no batches")
        for position in self._batches["position"].tolist():
            yield _format.read_batch(self._segments.payload(position), self._schema)[1]

    def with_format(self, kind: str) -> Dataset:
        """Return the same rows as "numpy", the default, or "arrow": ``rows[3:9]``, ``rows[3]`` are tables, a column an array."""
        if kind not in ("numpy", "arrow"):
            raise ValueError(f"a format is 'numpy' or 'arrow', not {kind!r}")
        made = copy.copy(self)
        made._kind = kind
        return made

    def _arrow(self, key: Any) -> Any:
        from . import _arrow

        name = key if isinstance(key, str) else None
        if name is not None:
            key = slice(None)
        elif not isinstance(key, slice) and not hasattr(key, "__len__"):
            key = [key.__index__()]
        plain = self.with_format("numpy")
        # texts are taken as they lie in the file
        plain._pairs = tuple(
            (each, column.items() if isinstance(column, Lists) else column)
            for each, column in self._pairs
        )
        found = _arrow.table(self._schema, plain[key])
        return found if name is None else found.column(name)

    def select(self, rows: Any) -> Dataset:
        """Return a dataset of these rows, in this order; IndexError where one is not there."""
        order = self._numbers(rows if hasattr(rows, "__len__") else list(rows)) % max(len(self), 1)
        return self._with(order if self._order is None else self._order[order])

    def shuffle(self, seed: Union[int, None] = None) -> Dataset:
        """Return a dataset of the same rows in an order that the seed decides (``numpy.random.default_rng``)."""
        order = np.arange(len(self)) if self._order is None else self._order
        return self._with(np.random.default_rng(seed).permutation(order))

    def shard(self, rank: int, world: int) -> Dataset:
        """Return each ``world``-th row from row ``rank`` on."""
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} of {world}")
        order = np.arange(len(self)) if self._order is None else self._order
        return self._with(order[rank::world])

    def _with(self, order: Array) -> Dataset:
        made = copy.copy(self)
        made._order = order
        return made

    def __reduce__(self) -> Any:
        """A worker opens the folder anew; nothing but the order of rows is sent."""
        return _opened, (self.folder, self._order, self._kind)

    def __repr__(self) -> str:
        return f"Dataset({self.folder!r}, {self.schema}, {len(self)} rows)"


def _opened(folder: str, order: Union[Array, None], kind: str) -> Dataset:
    made = Dataset(folder)
    made._order, made._kind = order, kind
    return made
