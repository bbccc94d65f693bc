"""The Rust package's functions: plain Python's results, and a reader that streams."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fast_axolotl

LISTS = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=6)


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_hashes(rows: list[str], before: list[str]) -> None:
    hashes = [hashlib.sha256(row.encode()).hexdigest() for row in rows]
    assert fast_axolotl.parallel_hash_rows(rows, 3) == hashes
    existing = fast_axolotl.parallel_hash_rows(before)
    places, new = fast_axolotl.deduplicate_indices(rows, existing)
    first = [n for n, row in enumerate(rows) if row not in rows[:n] and row not in before]
    assert places == first and new == [hashes[n] for n in first]


def test_padding() -> None:
    """What the Rust package answers."""
    pad = fast_axolotl.pad_sequences
    assert pad([[1, 2, 3], [4]]) == [[1, 2, 3], [4, 0, 0]]
    assert pad([[1, 2, 3], [4]], None, 9, "left", 4) == [[9, 1, 2, 3], [9, 9, 9, 4]]
    assert pad([[1, 2, 3], [4]], 2) == [[1, 2], [4, 0]]
    assert pad([[1, 2, 3], [4]], 5, 0, "right", 4)[1] == [4] + [0] * 7
    assert pad([]) == [] and pad([[1]], pad_to_multiple_of=0) == [[1]]
    with pytest.raises(ValueError):
        pad([[1]], padding_side="middle")
    assert fast_axolotl.create_padding_mask(3, 7) == [0, 1, 2, 3]
    assert fast_axolotl.create_padding_mask(7, 3) == []


@given(LISTS, st.integers(8, 20))
def test_packing(sequences: list[list[int]], length: int) -> None:
    packed = fast_axolotl.pack_sequences(sequences, length, 0, 2)
    assert all(len(row) == length for rows in packed.values() for row in rows)
    flat = [token for row in packed["input_ids"] for token in row]
    marks = [mark for row in packed["attention_mask"] for mark in row]
    kept = [token for token, mark in zip(flat, marks) if mark]
    assert kept == [token for sequence in sequences for token in [*sequence, 2]]
    labels = [token for row in packed["labels"] for token in row]
    assert labels == [token if mark else -100 for token, mark in zip(flat, marks)]


def test_packing_as_the_rust_package() -> None:
    assert fast_axolotl.pack_sequences([[]], 4, 0, 2) == {
        "input_ids": [[2, 0, 0, 0]], "labels": [[2, -100, -100, -100]], "attention_mask": [[1, 0, 0, 0]]
    }  # fmt: skip
    ids = [[1, 2, 3], [4, 5]]
    assert fast_axolotl.concatenate_and_pack(ids, ids, [[1] * 3, [1] * 2], 4, 0) == {
        "input_ids": [[1, 2, 3, 0], [4, 5, 0, 0]],
        "labels": [[1, 2, 3, -100], [4, 5, -100, -100]],
        "attention_mask": [[1, 1, 1, 0], [1, 1, 0, 0]],
    }
    with pytest.raises(ValueError, match="takes 5 places"):
        fast_axolotl.pack_sequences([[1, 2, 3]], 4, 0, 2)


ROWS = [{"a": n, "t": f"x{n}"} for n in range(7)]


def test_reading(tmp_path: Path) -> None:
    lines = "\n".join(map(json.dumps, ROWS))
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.json").write_text(json.dumps(ROWS))
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write(lines)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    want = [
        {"a": [0, 1, 2], "t": ["x0", "x1", "x2"]},
        {"a": [3, 4, 5], "t": ["x3", "x4", "x5"]},
        {"a": [6], "t": ["x6"]},
    ]
    for name, kind in (
        ("a.jsonl", "jsonl"),
        ("a.jsonl", "json"),
        ("a.json", "json"),
        ("a.jsonl.gz", "jsonl"),
        ("a.parquet", "parquet"),
    ):
        assert list(fast_axolotl.streaming_dataset_reader(str(tmp_path / name), kind, 3)) == want, (
            name
        )
    assert list(fast_axolotl.streaming_dataset_reader(str(tmp_path / "a.txt"), "text")) == [
        {"text": ["one", "two"]}
    ]
    (tmp_path / "bad.jsonl").write_text('{"a": 1}\n{"a":\n')
    with pytest.raises(ValueError, match="line 2"):
        list(fast_axolotl.streaming_dataset_reader(str(tmp_path / "bad.jsonl"), "jsonl", 1))
    with pytest.raises(FileNotFoundError):
        next(fast_axolotl.streaming_dataset_reader(str(tmp_path / "none"), "json"))
    with pytest.raises(ValueError):
        next(fast_axolotl.streaming_dataset_reader(str(tmp_path / "a.txt"), "xml"))


def test_it_streams(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("w") as file:
        for _ in range(30):
            file.write((json.dumps({"text": "x" * 1000}) + "\n") * 1000)
    tracemalloc.start()
    reader: Any = fast_axolotl.streaming_dataset_reader(str(path), "jsonl", 100)
    assert sum(len(batch["text"]) for batch in itertools.islice(reader, 200)) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 << 20
