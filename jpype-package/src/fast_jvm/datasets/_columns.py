"""Columns of a dataset that is read: views of the files, mapped as they are asked for."""

from __future__ import annotations

import bisect
import contextlib
import copy
import os
from typing import Any, Callable, Dict, List, Sequence, Union

import numpy as np

from . import _format
from ._format import INDEX, OFFSET, OFFSET_BITS, PARTED, Array
from ._segments import PAGE, WILL_NEED, Segments


class Scalars:
    """A column of one value a row, as one array."""

    def __init__(
        self, column: _format.Column, segments: Segments, rows: int, private: bool
    ) -> None:
        path = os.path.join(segments.folder, INDEX, column.file)
        self._data = segments.file(path, rows * column.dtype.itemsize, private)
        self._values = np.frombuffer(self._data, column.dtype)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, row: Any) -> Any:
        """Return a scalar, or an array of the rows of a slice or of a sequence of numbers."""
        return self._values[row]

    def will_need(self, rows: Array) -> None:
        """Have the kernel read the pages of rows that are read soon."""
        if WILL_NEED is not None:
            places = np.unique(rows * self._values.itemsize // PAGE) * PAGE
            for place in places.tolist():
                with contextlib.suppress(OSError):  # it is a wish
                    self._data.madvise(WILL_NEED, place, PAGE)


class Lists:
    """A column whose rows differ in length: ``column[i]`` is a view of the file, a str or bytes."""

    def __init__(
        self,
        schema: Sequence[_format.Column],
        number: int,
        segments: Segments,
        rows: int,
    ) -> None:
        self._schema, self._number, self._segments, self._rows = schema, number, segments, rows
        self._dtype = schema[number].dtype
        self._item = self._dtype.itemsize
        path = os.path.join(segments.folder, INDEX, schema[number].file)
        # position and number of items of each row; what is read of it are ints
        data = segments.file(path, rows * _format.POSITION_AND_LENGTH)
        self._index = memoryview(data).cast("Q")
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

    def will_need(self, rows: Array) -> None:
        """Have the kernel read the pages of rows that are read soon; those of a large row come in its order anyway."""
        entries = self.entries[rows]
        entries = entries[(entries[:, 0] < PARTED) & (entries[:, 1] > 0)]
        places = (entries[:, 0] & np.uint64(OFFSET)).astype("i8")
        starts = places // PAGE * PAGE
        sizes = places + entries[:, 1].astype("i8") * self._item - starts
        segments = entries[:, 0] >> np.uint64(OFFSET_BITS)
        self._segments.will_need(segments.tolist(), starts.tolist(), sizes.tolist())

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


class Joined:
    """A column of several datasets, one behind the other."""

    def __init__(self, type: _format.Column, columns: Sequence[Column]) -> None:
        self._type, self._columns = type, columns
        self._ends: List[int] = np.cumsum([len(column) for column in columns]).tolist()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, row: Any) -> Any:
        """Return a row; those of a slice or of a sequence of numbers as the datasets' own columns do."""
        if isinstance(row, slice):
            return self._rows(np.arange(len(self))[row])
        if hasattr(row, "__len__"):
            return self._rows(np.asarray(row, "i8"))
        number = row.__index__()
        if not -len(self) <= number < len(self):
            raise IndexError(f"row {number} of {len(self)}")
        number %= len(self)
        which = bisect.bisect_right(self._ends, number)
        return self._columns[which][number - (self._ends[which - 1] if which else 0)]

    def _rows(self, numbers: Array) -> Any:
        if self._type.listed:
            return [self[number] for number in numbers.tolist()]
        values = np.empty(len(numbers), self._type.dtype)
        numbers = numbers % max(len(self), 1)
        which = np.searchsorted(self._ends, numbers, "right")
        for each in np.unique(which).tolist():
            before = self._ends[each - 1] if each else 0
            values[which == each] = self._columns[each][numbers[which == each] - before]
        return values

    def will_need(self, rows: Array) -> None:
        """Have the kernel read the pages of rows that are read soon."""
        which = np.searchsorted(self._ends, rows, "right")
        for each in np.unique(which).tolist():
            before = self._ends[each - 1] if each else 0
            self._columns[each].will_need(rows[which == each] - before)

    def items(self) -> Joined:
        """Return the same column, whose strings and bytes are views of the files too."""
        columns = [column.items() for column in self._columns if not isinstance(column, Scalars)]
        return Joined(self._type, columns)


Column = Union[Scalars, Lists, Joined]
