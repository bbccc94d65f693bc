"""Reading: the index and the log's files are mapped; no Java, nothing is loaded, arrays are views.

A view keeps its mapping alive, also where the files are deleted meanwhile. Processes of one machine share the pages.
"""

from __future__ import annotations

import copy
import os
import time
from typing import Any, Dict, Iterator, List, Sequence, Union

import numpy as np

from . import _format
from ._ahead import Pace, ahead, pieces
from ._columns import Joined, Lists, Scalars
from ._format import (
    BATCH_ENTRY,
    BATCHES,
    HEAD,
    INDEX,
    OFFSET,
    OFFSET_BITS,
    Array,
    DatasetError,
)
from ._segments import Segments, private_maps


class Dataset:
    """The rows of a folder: ``rows[3]`` is a dict, ``rows["name"]`` a column, ``rows[3:9]`` a dict of columns.

    Reads what is there when it is opened, also while somebody writes; ``refresh`` sees what came since. DatasetError
    where the folder is no dataset, or a file is shorter than the index says.
    """

    def __init__(self, folder: Union[str, os.PathLike[str]]) -> None:
        self.folder = os.path.abspath(os.fspath(folder))
        self._order: Union[Array, None] = None
        self._kind = "numpy"
        self.pace = Pace()
        self._open()

    def _open(self) -> None:
        """Map what is there; once more where the folder was compacted meanwhile."""
        while True:
            try:
                held = _format.Held(self.folder)
            except OSError as error:
                raise DatasetError(f"{self.folder} is no dataset: {error.strerror}") from error
            try:
                self._read()
            except DatasetError:
                if held.stays():
                    raise
            else:
                if held.stays():
                    return
            finally:
                held.close()

    def _read(self) -> None:
        manifest = _format.read_manifest(self.folder)
        self.schema: Dict[str, str] = manifest["schema"]
        self.metadata: Dict[str, Any] = manifest["metadata"]
        self._schema = _format.columns(self.schema)
        self._shards: List[Dataset] = []
        self._joins = "shards" in manifest
        if self._joins:
            self._join(manifest["shards"])
        else:
            self._read_index()
        if self._all < manifest.get("rows", 0):
            raise DatasetError(
                f"{self.folder}: {self._all} rows are there, of at least {manifest['rows']}"
            )
        self._show(private=False, scattered=False)

    def _join(self, shards: Sequence[Dict[str, Any]]) -> None:
        for shard in shards:
            found = Dataset(os.path.join(self.folder, shard["folder"]))
            if list(found.schema.items()) != list(self.schema.items()):
                raise DatasetError(f"{found.folder} has the columns {found.schema}")
            if len(found) != shard["rows"]:
                raise DatasetError(f"{found.folder} has {len(found)} rows, not {shard['rows']}")
            self._shards.append(found)
        self._batches = np.empty(0, BATCH_ENTRY)
        self._all = sum(map(len, self._shards))

    def _read_index(self) -> None:
        path = os.path.join(self.folder, INDEX, BATCHES)
        try:
            whole = os.stat(path).st_size // BATCH_ENTRY.itemsize
        except FileNotFoundError as error:
            raise DatasetError(f"{path} is missing") from error
        data = Segments(self.folder).file(path, whole * BATCH_ENTRY.itemsize)
        self._batches = np.frombuffer(data, BATCH_ENTRY)
        self._all = int(self._batches["rows"][-1]) if whole else 0

    def _show(self, private: bool, scattered: bool) -> None:
        """Make the columns; ``private`` has a page that is written to become this process's own."""
        self._private = private
        if self._joins:
            for number, shard in enumerate(self._shards):
                if shard._private != private:
                    self._shards[number] = shard = copy.copy(shard)
                    shard._shards = list(shard._shards)
                    shard._show(private, scattered)
            self._columns: Dict[str, Any] = {
                column.name: Joined(column, [shard._columns[column.name] for shard in self._shards])
                for column in self._schema
            }
        else:
            self._segments = Segments(self.folder, private, scattered)
            self._map_segments()
            self._columns = {
                column.name: Lists(self._schema, number, self._segments, self._all)
                if column.listed
                else Scalars(column, self._segments, self._all, private)
                for number, column in enumerate(self._schema)
            }
        self._pairs = tuple(self._columns.items())

    def _map_segments(self) -> None:
        """Map all that the index names, so that it stays readable; find files that are missing or shorter."""
        positions = self._batches["position"]
        segments = positions >> np.uint64(OFFSET_BITS)
        # where a segment's last batch ends: positions rise
        for last in np.flatnonzero(np.diff(segments, append=np.uint64(1 << 40))).tolist():
            size = int(self._batches["bytes"][last])
            parts = size > _format.LARGEST_PLAIN  # they lie before it
            offset = int(positions[last]) & OFFSET
            self._segments.map(int(segments[last]), offset + HEAD + (0 if parts else size))

    @property
    def entries(self) -> Array:
        """The index of batches: position, bytes, rows up to the batch's end; empty where there are shards."""
        return self._batches

    @property
    def total(self) -> int:
        """How many rows the folder has, whatever was selected of them."""
        return self._all

    @property
    def shards(self) -> Union[List[Dataset], None]:
        """The datasets that this one joins; None where it has rows of its own."""
        return list(self._shards) if self._joins else None

    def payload(self, position: int) -> Any:
        """Return a batch's bytes, a view of the file."""
        return self._segments.payload(position)

    def refresh(self) -> int:
        """See what was written since; return how many rows there are. Not for a selection of rows."""
        if self._order is not None or self._joins:
            raise ValueError("a selection of rows does not grow, nor do shards")
        kind = self._kind
        self._open()
        self._format(kind)
        return self._all

    def follow(
        self, *, first: int = 0, timeout: Union[float, None] = None, poll: float = 0.05
    ) -> Iterator[Dict[str, Any]]:
        """Yield the rows from one on, and those that are written meanwhile, in their order.

        Ends when none came for ``timeout`` seconds, where None is never; looks each ``poll`` seconds.
        """
        row, last = first, time.monotonic()
        while True:
            while row < len(self):
                yield self[row]
                row, last = row + 1, time.monotonic()
            if self.refresh() <= row:
                if timeout is not None and time.monotonic() - last >= timeout:
                    return
                time.sleep(poll)

    def __len__(self) -> int:
        return self._all if self._order is None else len(self._order)

    def __getitem__(self, key: Any) -> Any:
        """Return a row as a dict, rows as a dict of columns, or a column by its name; see ``with_format``."""
        if self._kind == "arrow":
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
        self._coming(rows)
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
        found = list(map(int, rows))
        if self.pace.asks(len(found)):
            numbers = self._numbers(found)
            self._ask(numbers if self._order is None else self._order[numbers])
        return [self[row] for row in found]

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        if self._order is None:
            self.advise(scattered=False)
            for row in range(len(self)):
                yield self[row]
            return
        for some in ahead(self, pieces(np.arange(len(self)))):
            for row in some:
                yield self[row]

    def will_need(self, rows: Any) -> None:
        """Have the kernel begin to read rows that are wanted soon, all at once; one by one they would be waited for.

        The dataset does so by itself where it is asked for many rows at a time, and these come from the disk.
        """
        numbers = self._numbers(rows)
        numbers = numbers % max(len(self), 1) if self._order is None else self._order[numbers]
        for column in self._columns.values():
            column.will_need(numbers)

    def _coming(self, rows: Array) -> None:
        if self.pace.asks(len(rows)):
            self._ask(rows)

    def _ask(self, rows: Array) -> None:
        """Ask for rows by their number in the folder, unless they are in its order: the kernel knows which come next."""
        if len(rows) > 1 and int(rows[-1]) - int(rows[0]) != len(rows) - 1:
            self.advise(scattered=True)
            for column in self._columns.values():
                column.will_need(rows % max(self._all, 1))

    def advise(self, scattered: bool) -> None:
        """Tell the kernel whether rows are read in any order, or in that of the folder; of no effect on what is read."""
        if self._joins:
            for shard in self._shards:
                shard.advise(scattered)
        else:
            self._segments.advise(scattered)

    @property
    def _scattered(self) -> bool:
        return any(s._scattered for s in self._shards) if self._joins else self._segments.scattered

    def batches(self) -> Iterator[Dict[str, Any]]:
        """Yield the batches as they were written: a name's array, or a pair ``(flat, lengths)`` of arrays.

        The quickest way through all rows in their order. Not for a selection of rows.
        """
        for parts in self.batch_parts():
            yield {
                column.name: part.values if part.lengths is None else (part.values, part.lengths)
                for column, part in zip(self._schema, parts)
            }

    def arrow_batches(self) -> Iterator[Any]:
        """Yield the batches as ``pyarrow.RecordBatch``, views of the files; see ``batches``."""
        from . import _arrow

        for parts in self.batch_parts():
            yield _arrow.record_batch(self._schema, parts)

    def to_hf(self) -> Any:
        """Return a ``datasets.Dataset`` of the same rows, whose table is a view of the files.

        A worker that it is sent to opens the folder anew. Lists and strings are Arrow's ``list`` and ``string``, ``large_list``
        and ``large_string`` where a batch has 2**31 items or more.
        """
        from . import _hf

        # anew, for a selection has no batches
        return _hf.to_hf(Dataset(self.folder), self._all, self._order)

    def batch_parts(self) -> Iterator[List[_format.Part]]:
        """Yield the batches' columns, in the order of the schema."""
        if self._order is not None:
            raise ValueError("a selection of rows has no batches")
        self.advise(scattered=False)
        for shard in self._shards:
            yield from shard.batch_parts()
        for position in self._batches["position"].tolist():
            yield _format.read_batch(self._segments.payload(position), self._schema)[1]

    def with_format(self, kind: str) -> Dataset:
        """Return the same rows as arrays, tables or tensors.

        "numpy": the default. "arrow": ``rows[3:9]`` and ``rows[3]`` are tables, a column is an array. "torch": tensors in the
        arrays' place, views of the files; what is written to one is seen by this process alone, and never by the
        file. They are copies where the process may have no private mapping of the size (RLIMIT_DATA,
        vm.overcommit_memory = 2, Windows).
        """
        if kind not in ("numpy", "arrow", "torch"):
            raise ValueError(f"a format is 'numpy', 'arrow' or 'torch', not {kind!r}")
        made = copy.copy(self)
        made._shards = list(self._shards)
        made._format(kind)
        return made

    def _format(self, kind: str) -> None:
        private = kind == "torch" and private_maps()
        if private != self._private or self._kind == "torch":
            self._show(private, self._scattered)
        self._kind = kind
        if kind == "torch":
            from ._tensors import tensors

            self._columns = {name: tensors(column) for name, column in self._columns.items()}
            self._pairs = tuple(self._columns.items())

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
            (column.name, values.items() if column.listed else values)
            for column, values in zip(self._schema, self._columns.values())
        )
        found = _arrow.table(self._schema, plain[key])
        return found if name is None else found.column(name)

    def select(self, rows: Any) -> Dataset:
        """Return a dataset of these rows, in this order; IndexError where one is not there."""
        order = self._numbers(rows if hasattr(rows, "__len__") else list(rows)) % max(len(self), 1)
        return self._with(order if self._order is None else self._order[order])

    def shuffle(self, seed: Union[int, Sequence[int], None] = None) -> Dataset:
        """Return a dataset of the same rows in an order that the seed decides (``numpy.random.default_rng``)."""
        order = np.arange(len(self)) if self._order is None else self._order
        self.advise(scattered=True)
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

    def __copy__(self) -> Dataset:
        """The same maps; ``copy.copy`` would open the folder anew, which may hold more rows by now, or be gone."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def __reduce__(self) -> Any:
        """A worker opens the folder anew; nothing but the order of rows is sent."""
        return _opened, (self.folder, self._order, self._kind, self._scattered)

    def __repr__(self) -> str:
        return f"Dataset({self.folder!r}, {self.schema}, {len(self)} rows)"


def _opened(folder: str, order: Union[Array, None], kind: str, scattered: bool) -> Dataset:
    made = Dataset(folder)
    made._order = order
    made.advise(scattered)
    made._format(kind)
    return made
