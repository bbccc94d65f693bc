"""``get_dataset_lengths`` from Arrow's offsets, where the original makes a Python list of each row.

A row's length is the distance of two offsets. What is not a plain Dataset of integers and lists of integers without
nulls, or has a format, the original answers, errors included.
"""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish


def make_get_dataset_lengths(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of get_dataset_lengths and its switch."""
    serving = Serving("axolotl.get_dataset_lengths")

    def get_dataset_lengths(dataset: Any, from_arrow: Any = False) -> Any:
        if serving:
            lengths = dataset_lengths(dataset, from_arrow)
            if lengths is not None:
                replacement.served += 1
                return lengths
            replacement.declined += 1
        return original(dataset, from_arrow)

    replacement: Any = get_dataset_lengths
    return finish(replacement, serving)


def dataset_lengths(dataset: Any, from_arrow: Any) -> Optional[Any]:
    """Return what the original would, or None where it has to."""
    import datasets

    if type(dataset) is not datasets.Dataset or dataset.format["type"] is not None:
        return None
    if dataset.format["output_all_columns"] or not len(dataset):
        return None
    names = dataset.column_names
    shown = dataset.format["columns"]
    if "length" in names:
        return _values(dataset) if "length" in shown else None
    if "position_ids" in names:
        return _lasts(dataset) if "position_ids" in shown else None
    if "input_ids" not in names or (not from_arrow and "input_ids" not in shown):
        return None
    found = sizes(dataset.data.column("input_ids"))
    # from Arrow the original looks at the table as it lies there, selected rows or not
    return found if from_arrow or found is None else selected(dataset, found)


def selected(dataset: Any, values: Any) -> Any:
    """Of the values of a table those of the dataset's rows."""
    if dataset._indices is None:
        return values
    return values[dataset._indices.column(0).to_numpy()]


def _values(dataset: Any) -> Optional[Any]:
    import numpy as np
    import pyarrow.types as types

    column = dataset.data.column("length")
    # a list of Python ints becomes int64, but for those that do not fit it
    if not types.is_integer(column.type) or types.is_uint64(column.type) or column.null_count:
        return None
    return selected(dataset, column.to_numpy()).astype(np.int64)


def _chunks(column: Any) -> Optional[List[Any]]:
    """The chunks of a column of lists; None where it is of another kind, or has nulls."""
    import pyarrow.types as types

    kind = column.type
    if not (types.is_list(kind) or types.is_large_list(kind)) or column.null_count:
        return None
    chunks: List[Any] = column.chunks
    return chunks


def sizes(column: Any) -> Optional[Any]:
    """How long a column's lists are; None where it is of another kind, or has nulls."""
    import numpy as np

    chunks = _chunks(column)
    if chunks is None:
        return None
    parts = [np.diff(chunk.offsets.to_numpy()) for chunk in chunks]
    return np.concatenate(parts).astype(np.int64)


def _lasts(dataset: Any) -> Optional[Any]:
    """Each row's last position, plus one."""
    import numpy as np
    import pyarrow.types as types

    chunks = _chunks(dataset.data.column("position_ids"))
    if chunks is None:
        return None
    kind = dataset.data.column("position_ids").type.value_type
    if not types.is_integer(kind) or types.is_uint64(kind):
        return None
    parts = []
    for chunk in chunks:
        offsets = chunk.offsets.to_numpy()
        lasts = chunk.values.take(_array(offsets[1:] - 1)) if _none_empty(offsets) else None
        if lasts is None or lasts.null_count:
            return None
        parts.append(lasts.to_numpy())
    lasts = selected(dataset, np.concatenate(parts).astype(np.int64))
    return None if lasts.max() == np.iinfo(np.int64).max else lasts + 1


def _none_empty(offsets: Any) -> bool:
    return bool((offsets[1:] > offsets[:-1]).all())


def _array(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(values)
