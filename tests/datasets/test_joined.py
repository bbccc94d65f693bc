"""Several datasets as one, and a dataset that is read while it is written."""

from __future__ import annotations

import json
import pickle
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_jvm.datasets import Dataset, DatasetError, Writer, join
from fast_jvm.datasets.__main__ import main
from fast_jvm.datasets._verify import problems

SCHEMA = {"ids": "list<int32>", "n": "int64", "text": "string"}


def make(folder: Path, first: int, last: int) -> Path:
    with Writer(folder, SCHEMA, batch_bytes=100) as writer:
        for n in range(first, last):
            writer.write_row({"ids": np.full(n % 7, n, "i4"), "n": n, "text": f"row {n}"})
    return folder


def check(row: dict[str, Any], n: int) -> None:
    assert row["n"] == n and row["text"] == f"row {n}"
    assert row["ids"].tolist() == [n] * (n % 7)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 9), max_size=4), data=st.data())
def test_any_shards(java: str, sizes: list[int], data: st.DataObject) -> None:
    ends = np.cumsum([0, *sizes]).tolist()
    count = ends[-1]
    with tempfile.TemporaryDirectory() as base:
        shards = [
            make(Path(base, f"s{number}"), first, last)
            for number, (first, last) in enumerate(zip(ends, ends[1:], strict=False))
        ]
        rows = join(Path(base, "all"), shards, SCHEMA, metadata={"a": 1})
        assert len(rows) == count and rows.metadata == {"a": 1}
        for n in range(count):
            check(rows[n], n)
            check(rows[n - count], n)
        for wrong in (count, -count - 1):
            with pytest.raises(IndexError):
                rows[wrong]
        some = data.draw(st.slices(count))
        for key in (some, list(range(count))[some]):
            found = rows[key]
            numbers = list(range(count))[some]
            assert found["n"].tolist() == numbers and found["n"].dtype == np.int64
            assert found["text"] == [f"row {n}" for n in numbers]
            assert [each.tolist() for each in found["ids"]] == [[n] * (n % 7) for n in numbers]
        arrow = rows.with_format("arrow")[some]
        assert arrow.column("n").to_pylist() == numbers
        assert arrow.column("text").to_pylist() == [f"row {n}" for n in numbers]
        assert rows["n"][:].tolist() == list(range(count))
        assert sum(len(batch["n"]) for batch in rows.batches()) == count
        assert [each["n"] for each in rows.shuffle(2).shard(0, 1)] == [
            int(n) for n in np.random.default_rng(2).permutation(count)
        ]
        again = pickle.loads(pickle.dumps(rows.select(range(count))))
        assert [int(each["n"]) for each in again] == list(range(count))
        assert list(problems(Path(base, "all"))) == []


def test_it_is_moved_with_its_shards(
    java: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tmp_path / "base"
    join(base, [make(base / "shards" / str(n), 5 * n, 5 * n + 5) for n in range(3)])
    moved = base.rename(tmp_path / "moved")
    for n, row in enumerate(Dataset(moved)):
        check(row, n)
    assert main(["info", str(moved)]) == 0 and "15 in 3 shards" in capsys.readouterr().out
    assert main(["verify", str(moved)]) == 0


def test_shards_that_are_not_as_they_were_are_an_error(java: str, tmp_path: Path) -> None:
    shard = make(tmp_path / "shard", 0, 5)
    other = tmp_path / "other"
    with Writer(other, {"n": "int64"}) as writer:
        writer.write({"n": [1]})
    with pytest.raises(DatasetError, match="columns"):
        join(tmp_path / "all", [shard, other])
    joined = join(tmp_path / "all", [shard])
    with pytest.raises(DatasetError, match="holds a dataset"):
        join(tmp_path / "all", [shard])
    with pytest.raises(DatasetError, match="joins shards"):
        Writer(tmp_path / "all", SCHEMA)
    with pytest.raises(ValueError):
        joined.refresh()
    with pytest.raises(ValueError):
        join(tmp_path / "none", [])
    make(shard, 5, 6)
    check(joined[4], 4)
    with pytest.raises(DatasetError, match="6 rows, not 5"):
        Dataset(tmp_path / "all")
    manifest = json.loads((tmp_path / "all" / "manifest.json").read_text())
    assert manifest["shards"] == [{"folder": "../shard", "rows": 5}]


def test_a_log_is_followed(java: str, tmp_path: Path) -> None:
    """Rows come in their order, each once, until none comes for a while."""
    make(tmp_path / "set", 0, 20)
    writer = threading.Thread(
        target=lambda: [make(tmp_path / "set", n, n + 1) for n in range(20, 40)]
    )
    found: list[int] = []
    writer.start()
    for row in Dataset(tmp_path / "set").follow(first=3, timeout=5, poll=0.01):
        check(row, 3 + len(found))
        found.append(int(row["n"]))
        if len(found) == 37:
            break
    writer.join()
    assert found == list(range(3, 40))
    assert list(Dataset(tmp_path / "set").follow(first=40, timeout=0.05)) == []
