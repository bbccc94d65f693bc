"""Columns as Arrow arrays: those of a batch are views of the file, those of chosen rows are gathered once."""

from __future__ import annotations

from typing import Any, Dict, Sequence

import numpy as np
import pyarrow as pa

from ._format import TEXTS, Array, Column, Part, starts_of


def schema(columns: Sequence[Column], large: bool = True) -> pa.Schema:
    """Return the columns as Arrow's types; lists, strings and bytes with offsets of 64 bits, of 32 where not ``large``."""
    return pa.schema([(column.name, _type(column, large)) for column in columns])


def _type(column: Column, large: bool) -> pa.DataType:
    if column.type == "string":
        return pa.large_string() if large else pa.string()
    if column.type == "bytes":
        return pa.large_binary() if large else pa.binary()
    inner = pa.from_numpy_dtype(column.dtype)
    if not column.listed:
        return inner
    return pa.large_list(inner) if large else pa.list_(inner)


def record_batch(
    columns: Sequence[Column], parts: Sequence[Part], large: bool = True
) -> pa.RecordBatch:
    """Return a batch's columns; all but bools are not copied."""
    arrays = [_array(column, part, large) for column, part in zip(columns, parts)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema(columns, large))


def _array(column: Column, part: Part, large: bool) -> pa.Array:
    if part.lengths is None:
        return pa.array(part.values)
    offsets = starts_of(part.lengths).astype("i8" if large else "i4", copy=False)
    buffers = [None, pa.py_buffer(offsets)]
    rows = len(part.lengths)
    if column.type in TEXTS:
        buffers.append(pa.py_buffer(part.values))
        return pa.Array.from_buffers(_type(column, large), rows, buffers)
    values = pa.array(part.values)
    return pa.Array.from_buffers(_type(column, large), rows, buffers, children=[values])


def table(columns: Sequence[Column], rows: Dict[str, Any]) -> pa.Table:
    """Return chosen rows: an array for each column of scalars, a list of arrays for each of lists."""
    parts = []
    for column in columns:
        values = rows[column.name]
        if not column.listed:
            parts.append(Part(np.ascontiguousarray(values), None))
            continue
        lengths = np.fromiter(map(len, values), "<u4", len(values))
        flat: Array = np.concatenate(values) if len(values) else np.empty(0, column.dtype)
        parts.append(Part(flat, lengths))
    return pa.Table.from_batches([record_batch(columns, parts)])
