"""Datasets in folders of memory-mapped files: larger than memory, crash-safe, as fast to read as a bare map.

Writing is Java's (Chronicle Queue, a checksum for each batch) and needs numpy; reading needs numpy alone:

    with Writer(folder, {"input_ids": "list<int32>", "label": "int64"}) as writer:
        writer.write({"input_ids": [[1, 2, 3], [4]], "label": [0, 1]})
    rows = Dataset(folder)
    rows[0]["input_ids"]         # a view of the file
    rows["input_ids"][1]         # the same, of one column, quicker

``fast_jvm.datasets.torch`` has torch's datasets, ``fast_jvm.datasets.ray`` a sink. docs/datasets.md has the byte layout.
"""

from __future__ import annotations

from typing import Any

from ._build import Built, build
from ._compact import compact
from ._dataset import Dataset
from ._format import DatasetError
from ._joined import join
from ._writer import Writer

__all__ = ["Built", "Dataset", "DatasetError", "Writer", "build", "compact", "from_hf", "join"]


def __getattr__(name: str) -> Any:
    """``from_hf`` needs HF's datasets, which nothing else here does."""
    if name == "from_hf":
        from ._from_hf import from_hf

        return from_hf
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
