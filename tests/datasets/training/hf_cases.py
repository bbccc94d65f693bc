"""HF datasets to and from folders: the same rows, without copies, in workers too."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import datasets as hf
import numpy as np
import pytest
from sets import SCHEMA, make, plain, row

from fast_jvm.datasets import Dataset, DatasetError, Writer, compact, from_hf, join

COUNT = 300


@pytest.fixture
def rows(tmp_path: Path) -> Dataset:
    return make(tmp_path / "set", COUNT)


def check(found: hf.Dataset, numbers: list[int]) -> None:
    assert found.column_names == list(SCHEMA)
    assert found[:] == {name: [plain(row(n))[name] for n in numbers] for name in SCHEMA}


def test_there(rows: Dataset) -> None:
    found = rows.to_hf()
    check(found, list(range(COUNT)))
    assert str(found.features["ids"]) == "List(Value('int32'))"
    assert found.features["text"].dtype == "string"
    order = np.random.default_rng(1).permutation(COUNT)[::2].tolist()
    check(rows.select(order).to_hf(), order)
    check(rows.with_format("torch").to_hf(), list(range(COUNT)))
    assert len(rows.select([]).to_hf()) == 0


def test_its_lists_are_views(rows: Dataset) -> None:
    """Of the mapped file: not one copy of the values is made."""
    values = rows.to_hf().data.column("ids").chunk(0).values.buffers()[1]
    maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    holders = [
        line[5]
        for line in maps
        if len(line) > 5
        and int(line[0].split("-")[0], 16) <= values.address < int(line[0].split("-")[1], 16)
    ]
    assert len(holders) == 1 and holders[0].startswith(rows.folder)


def test_what_is_sent_to_a_worker_is_a_path(rows: Dataset) -> None:
    found = rows.to_hf()
    assert len(pickle.dumps(found)) < 3000
    check(pickle.loads(pickle.dumps(found)), list(range(COUNT)))
    part = found.select(range(20, 90)).rename_column("n", "number").select_columns(["number"])
    sent = pickle.dumps(part)
    assert len(sent) < 3000
    assert pickle.loads(sent)["number"][:3] == [20, 21, 22]
    with Writer(rows.folder, SCHEMA) as writer:
        writer.write_row(row(COUNT))
    check(pickle.loads(pickle.dumps(found)), list(range(COUNT)))  # the rows that it had
    assert len(Dataset(rows.folder).to_hf()) == COUNT + 1
    mapped = found.map(lambda each: {"twice": 2 * each["n"]}, num_proc=2)
    assert mapped["twice"][:] == [2 * n for n in range(COUNT)]
    assert compact(rows.folder) >= 0
    check(Dataset(rows.folder).to_hf().select(range(COUNT)), list(range(COUNT)))


def test_and_back(rows: Dataset, tmp_path: Path) -> None:
    back = from_hf(rows.to_hf(), tmp_path / "back", metadata={"source": "here"})
    assert back.schema == SCHEMA and back.metadata == {"source": "here"}
    assert [plain(each) for each in back] == [plain(row(n)) for n in range(COUNT)]
    order = list(range(COUNT))[::-3]
    part = from_hf(rows.to_hf().select(order), tmp_path / "part", {"n": "int64"})
    assert part["n"][:].tolist() == order
    stream = rows.to_hf().to_iterable_dataset().filter(lambda each: each["good"])
    streamed = from_hf(stream, tmp_path / "stream", SCHEMA)
    assert streamed["n"][:].tolist() == list(range(0, COUNT, 3))


def test_of_anothers_making(tmp_path: Path) -> None:
    tokens = hf.Dataset.from_dict(
        {"input_ids": [[1, 2], [], [3]], "label": [0, 1, 0]},
        features=hf.Features(
            {"input_ids": hf.List(hf.Value("int32")), "label": hf.ClassLabel(names=["a", "b"])}
        ),
    )
    rows = from_hf(tokens, tmp_path / "set")
    assert rows.schema == {"input_ids": "list<int32>", "label": "int64"}
    assert rows[0]["input_ids"].tolist() == [1, 2] and rows["label"][1] == 1
    with pytest.raises(DatasetError, match="which no column holds"):
        from_hf(hf.Dataset.from_dict({"a": [{"b": 1}]}), tmp_path / "deep")
    with pytest.raises(DatasetError, match="line 2"):
        from_hf(hf.Dataset.from_dict({"a": [1, None]}), tmp_path / "null")
    with pytest.raises(DatasetError, match="line 2"):
        from_hf(hf.Dataset.from_dict({"a": [1, 300]}), tmp_path / "wide", {"a": "uint8"})


def test_shards(rows: Dataset, tmp_path: Path) -> None:
    other = make(tmp_path / "other", 40)
    joined = join(tmp_path / "joined", [rows.folder, other.folder]).to_hf()
    check(joined, [*range(COUNT), *range(40)])
    check(pickle.loads(pickle.dumps(joined)), [*range(COUNT), *range(40)])
    assert os.path.dirname(joined.cache_files[0]["filename"]) == str(tmp_path / "joined")
