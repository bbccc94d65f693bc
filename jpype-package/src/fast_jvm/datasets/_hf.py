"""To and from HF `datasets`: its table is a view of the files."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, List, Mapping, Union

import pyarrow as pa
from datasets import Dataset as HFDataset
from datasets.table import MemoryMappedTable

from . import _arrow, _format
from ._build import write_arrow, write_rows
from ._dataset import Dataset
from ._format import Array
from ._sources import arrow_types
from ._writer import BATCH_BYTES, Writer


def _table(rows: Dataset) -> pa.Table:
    batches = list(rows.batch_parts())
    columns = _format.columns(rows.schema)
    large = any(len(part.values) >= 1 << 31 for parts in batches for part in parts)
    return pa.Table.from_batches(
        [_arrow.record_batch(columns, parts, large) for parts in batches],
        _arrow.schema(columns, large),
    )


class FolderTable(MemoryMappedTable):
    """A table of a dataset's folder: what is sent to a worker is its path, and what was done with it since."""

    def __setstate__(self, state: Dict[str, Any]) -> None:
        rows = Dataset(os.path.dirname(state["path"]))
        table = self._apply_replays(_table(rows), state["replays"])
        MemoryMappedTable.__init__(self, table, path=state["path"], replays=state["replays"])


def _kept(name: str) -> Any:
    def method(self: FolderTable, *args: Any, **kwargs: Any) -> FolderTable:
        made = getattr(MemoryMappedTable, name)(self, *args, **kwargs)
        return FolderTable(made.table, made.path, made.replays)

    method.__name__ = name
    method.__doc__ = getattr(MemoryMappedTable, name).__doc__
    return method


for _name in (
    "slice filter flatten combine_chunks cast replace_schema_metadata add_column append_column"
    " remove_column set_column rename_columns drop select"
).split():
    setattr(FolderTable, _name, _kept(_name))


def to_hf(rows: Dataset, order: Union[Array, None]) -> HFDataset:
    """Return a dataset of HF's; see ``Dataset.to_hf``."""
    path = os.path.join(rows.folder, _format.MANIFEST)
    whole = Dataset(rows.folder)
    # the rows that were there when it was opened: a worker that opens it anew may find more
    replays: List[Any] = [("slice", (0, rows.total), {})]
    table = FolderTable(_table(whole).slice(0, rows.total), path, replays)
    there = os.stat(path)
    told: List[Any] = [path, there.st_ino, there.st_mtime_ns, rows.total, rows.schema]
    mark = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
    made = HFDataset(table, fingerprint=mark)
    return made if order is None else made.select(order)


def from_hf(
    dataset: Any,
    folder: Union[str, os.PathLike[str]],
    schema: Union[Mapping[str, str], None] = None,
    *,
    durability: str = "process",
    batch_bytes: int = BATCH_BYTES,
    metadata: Union[Mapping[str, Any], None] = None,
) -> Dataset:
    """Write the rows of a ``datasets.Dataset`` or ``IterableDataset`` into a folder, and return them.

    ``schema``: the columns to take, all where it is left out. DatasetError where a column of ours cannot hold one, or a row
    does not fit.
    """
    features = dataset.features
    if schema is None and features is None:
        raise ValueError("the dataset does not say its features: give a schema")
    schema = dict(schema) if schema is not None else arrow_types(features.arrow_schema, "dataset")
    with Writer(
        folder, schema, durability=durability, batch_bytes=batch_bytes, metadata=metadata
    ) as writer:
        if isinstance(dataset, HFDataset):
            batches = (
                batch
                for table in dataset.with_format("arrow").iter(batch_size=1000)
                for batch in table.to_batches()
            )
            write_arrow(writer, batches, "dataset")
        else:  # a stream's batches need not agree in their types
            write_rows(writer, dataset, "dataset")
    return Dataset(folder)
