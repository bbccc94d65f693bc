"""Datasets in folders of memory-mapped files: larger than memory, crash-safe, as fast to read as a bare map.

Writing is Java's (Chronicle Queue, a checksum for each batch) and needs numpy; reading needs numpy alone:

    with Writer(folder, {"input_ids": "list<int32>", "label": "int64"}) as writer:
        writer.write({"input_ids": [[1, 2, 3], [4]], "label": [0, 1]})
    rows = Dataset(folder)
    rows[0]["input_ids"]         # a view of the file
    rows["input_ids"][1]         # the same, of one column, quicker

docs/datasets.md has the byte layout.
"""

from __future__ import annotations

from ._build import Built, build
from ._dataset import Dataset
from ._format import DatasetError
from ._writer import Writer

__all__ = ["Built", "Dataset", "DatasetError", "Writer", "build"]
