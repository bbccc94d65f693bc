"""To HF `datasets`: its table is a view of the files."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, Iterator, List, Protocol, Union

import pyarrow as pa
from datasets import Dataset as HFDataset
from datasets.table import MemoryMappedTable

from . import _arrow, _format
from ._format import Array


class Rows(Protocol):
    """A dataset of ours; sent to another process, it opens its folder anew."""

    folder: str
    schema: Dict[str, str]

    def batch_parts(self) -> Iterator[List[_format.Part]]:
        """Yield the batches' columns."""


def _table(rows: Rows) -> pa.Table:
    batches = list(rows.batch_parts())
    columns = _format.columns(rows.schema)
    large = any(len(part.values) >= 1 << 31 for parts in batches for part in parts)
    return pa.Table.from_batches(
        [_arrow.record_batch(columns, parts, large) for parts in batches],
        _arrow.schema(columns, large),
    )


class FolderTable(MemoryMappedTable):
    """A table of a dataset's rows: what is sent to a worker is the dataset, and what was done with the table since."""

    def __init__(self, table: pa.Table, path: str, replays: List[Any], rows: Rows) -> None:
        super().__init__(table, path, replays)
        self.rows = rows

    def __getstate__(self) -> Dict[str, Any]:
        return {**super().__getstate__(), "rows": self.rows}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        table = self._apply_replays(_table(state["rows"]), state["replays"])
        FolderTable.__init__(self, table, **state)


def _kept(name: str) -> Any:
    def method(self: FolderTable, *args: Any, **kwargs: Any) -> FolderTable:
        made = getattr(MemoryMappedTable, name)(self, *args, **kwargs)
        return FolderTable(made.table, made.path, made.replays, self.rows)

    method.__name__ = name
    method.__doc__ = getattr(MemoryMappedTable, name).__doc__
    return method


for _name in (
    "slice filter flatten combine_chunks cast replace_schema_metadata add_column append_column"
    " remove_column set_column rename_columns drop select"
).split():
    setattr(FolderTable, _name, _kept(_name))


def to_hf(rows: Rows, count: int, order: Union[Array, None]) -> HFDataset:
    """Return a dataset of HF's of the first *count* rows, or of some of them; see ``Dataset.to_hf``."""
    path = os.path.join(rows.folder, _format.MANIFEST)
    # the rows that were there when it was opened: a worker that opens it anew may find more
    replays: List[Any] = [("slice", (0, count), {})]
    table = FolderTable(_table(rows).slice(0, count), path, replays, rows)
    there = os.stat(path)
    told: List[Any] = [path, there.st_ino, there.st_mtime_ns, count, rows.schema]
    mark = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
    made = HFDataset(table, fingerprint=mark)
    return made if order is None else made.select(order)
