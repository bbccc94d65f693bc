"""Arrow's record batches as ``Writer.write`` takes them."""

from __future__ import annotations

from typing import Any, Dict, Sequence, Tuple, Union

import numpy as np

from ._format import TEXTS, Array, Column


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
