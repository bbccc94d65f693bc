"""Rows that say by their number what they hold."""

from __future__ import annotations

import numpy as np

from fast_jvm.datasets import Dataset, Writer

SCHEMA = {"ids": "list<int32>", "n": "int64", "text": "string"}


def write(writer: Writer, first: int, last: int) -> None:
    numbers = range(first, last)
    ids = [np.full(n * 37 % 900, n, "i4") for n in numbers]
    writer.write({"ids": ids, "n": list(numbers), "text": ["row %d" % n for n in numbers]})


def check(rows: Dataset, count: int) -> None:
    assert len(rows) == count
    for n in range(count):
        row = rows[n]
        assert row["n"] == n and row["text"] == "row %d" % n
        assert len(row["ids"]) == n * 37 % 900 and (row["ids"] == n).all()
