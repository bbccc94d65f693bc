"""From HF ``datasets``."""

from __future__ import annotations

import os
from typing import Any, Mapping, Union

from datasets import Dataset as HFDataset

from ._build import write_arrow, write_rows
from ._dataset import Dataset
from ._sources import arrow_types
from ._writer import BATCH_BYTES, Writer


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
