"""Looking at every checksum, and whether the index says what the log holds."""

from __future__ import annotations

import os
from typing import Iterator, Union

import numpy as np

from . import _format
from ._columns import Lists
from ._dataset import Dataset
from ._format import LARGEST_PLAIN, OFFSET, OFFSET_BITS, Array, segment_file
from ._log import BatchLog


def problems(folder: Union[str, os.PathLike[str]]) -> Iterator[str]:
    """Yield what is wrong with a dataset, the first damage first; nothing where all is well.

    Reads the whole log, and Java looks at each record's CRC-32C. Raises DatasetError where the folder is no dataset,
    FastJvmUnavailable where Java stays away.
    """
    rows = Dataset(folder)
    if rows.shards is not None:
        for shard in rows.shards:
            yield from problems(shard.folder)
        return
    schema = _format.columns(rows.schema)
    known = rows.entries
    log = BatchLog(rows.folder, "process", 1 << 30)
    try:
        row, number = 0, 0
        for position, size in log.scan(-1):
            where = (
                f"{segment_file(rows.folder, position >> OFFSET_BITS)}, offset {position & OFFSET}"
            )
            if size < 0:
                # without a batch of the index in it, it is what a killed writer left of one that nobody was told of
                if np.any((known["position"] >= position) & (known["position"] < position - size)):
                    yield f"{where}: {-size} bytes are damaged (row {row} of the index is the next)"
                continue
            if number == len(known):
                yield f"{where}: a batch that is not in the index; a writer adds it"
                continue
            while number < len(known) and int(known["position"][number]) < position:
                row = int(known["rows"][number])
                yield f"rows up to {row}: their batch cannot be read any more"
                number += 1
            if number == len(known) or int(known["position"][number]) != position:
                yield f"{where}: a batch that the index does not know"
                continue
            starts, parts = _format.read_batch(rows.payload(position), schema)
            end = int(known["rows"][number])
            if end - row != _format.rows_of(parts[0]) or int(known["bytes"][number]) != size:
                yield f"{where}: the index has another size for rows {row} to {end}"
            else:
                payload = position + _format.lead(position)
                for column, start, part in zip(schema, starts, parts):
                    if not _agrees(
                        rows[column.name], row, end, payload + start, part, size, position
                    ):
                        yield f"index/{column.file}: rows {row} to {end} differ from their batch"
            row = end
            number += 1
        while number < len(known):
            yield f"rows up to {int(known['rows'][number])}: their batch is missing"
            number += 1
    finally:
        log.close()


def _agrees(
    column: object, first: int, last: int, start: int, part: _format.Part, size: int, position: int
) -> bool:
    """Say whether the index has a batch's rows as the batch has them."""
    if part.lengths is None:
        there: Array = column[first:last]  # type: ignore[index]
        return bool(np.array_equal(there.view("u1"), part.values.view("u1")))
    assert isinstance(column, Lists)
    entries = column.entries[first:last]
    return bool(
        np.array_equal(
            entries,
            _format.places(part, start, position if size > LARGEST_PLAIN else None),
        )
    )
