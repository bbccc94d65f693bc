"""The datasets that the cases read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fast_jvm.datasets import Dataset, Writer

SCHEMA = {
    "ids": "list<int32>",
    "n": "int64",
    "weight": "float32",
    "text": "string",
    "raw": "bytes",
    "good": "bool",
}


def row(n: int) -> dict[str, Any]:
    return {
        "ids": np.arange(n, n + n * 37 % 50, dtype="i4"),
        "n": n,
        "weight": n / 4,
        "text": f"row {n} ü",
        "raw": b"\x00\xff" * (n % 5),
        "good": n % 3 == 0,
    }


def plain(found: dict[str, Any]) -> dict[str, Any]:
    """A row without arrays and tensors."""
    return {
        name: value.tolist() if hasattr(value, "tolist") else value for name, value in found.items()
    }


def write(writer: Writer, first: int, last: int) -> None:
    some = [row(n) for n in range(first, last)]
    writer.write({name: [each[name] for each in some] for name in SCHEMA})


def make(folder: Path, count: int, batch_bytes: int = 5000) -> Dataset:
    with Writer(folder, SCHEMA, batch_bytes=batch_bytes, segment_bytes=1 << 20) as writer:
        for first in range(0, count, 50):
            write(writer, first, min(first + 50, count))
    return Dataset(folder)
