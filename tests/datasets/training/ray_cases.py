"""Ray Data's tasks write shards that one manifest joins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from sets import SCHEMA, plain, row

from fast_jvm.datasets import Dataset, DatasetError
from fast_jvm.datasets._verify import problems
from fast_jvm.datasets.ray import DatasetSink

COUNT = 200


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20
    )
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    yield
    ray.shutdown()


def data(blocks: int = 5) -> Any:
    rows = [plain(row(n)) for n in range(COUNT)]
    return ray.data.from_items(rows, override_num_blocks=blocks)


def test_each_task_writes_a_shard(tmp_path: Path) -> None:
    data().write_datasink(DatasetSink(tmp_path / "set", SCHEMA, metadata={"by": "ray"}))
    rows = Dataset(tmp_path / "set")
    assert len(rows.shards) > 1 and rows.metadata == {"by": "ray"}
    assert [plain(each) for each in rows] == [plain(row(n)) for n in range(COUNT)]
    assert list(problems(tmp_path / "set")) == []
    assert sorted(os.listdir(tmp_path / "set")) == ["manifest.json", "shards"]
    with pytest.raises(DatasetError, match="holds a dataset"):
        DatasetSink(tmp_path / "set")


def test_the_columns_may_be_rays(tmp_path: Path) -> None:
    def tokens(batch: dict[str, Any]) -> dict[str, Any]:
        return {"input_ids": [np.arange(n, dtype="i4") for n in batch["id"]], "id": batch["id"]}

    ray.data.range(100, override_num_blocks=4).map_batches(tokens).write_datasink(
        DatasetSink(tmp_path / "set", {"input_ids": "list<int32>", "id": "int64"})
    )
    rows = Dataset(tmp_path / "set")
    assert sorted(rows["id"][:].tolist()) == list(range(100))
    assert all(np.array_equal(each["input_ids"], np.arange(each["id"])) for each in rows)
    ray.data.range(30, override_num_blocks=3).write_datasink(DatasetSink(tmp_path / "own"))
    assert Dataset(tmp_path / "own").schema == {"id": "int64"}
    assert sorted(Dataset(tmp_path / "own")["id"][:].tolist()) == list(range(30))


def test_a_task_that_fails_leaves_no_dataset(tmp_path: Path) -> None:
    def bad(each: dict[str, Any]) -> dict[str, Any]:
        return {"n": -1 if each["id"] == 17 else each["id"]}

    sink = DatasetSink(tmp_path / "set", {"n": "uint8"})
    with pytest.raises(Exception, match="does not fit|is no uint8|-1"):
        ray.data.range(30, override_num_blocks=3).map(bad).write_datasink(sink)
    with pytest.raises(DatasetError):
        Dataset(tmp_path / "set")
    assert not os.path.exists(tmp_path / "set" / "shards")


def test_a_task_that_is_tried_again_is_counted_once(tmp_path: Path) -> None:
    """Another attempt's shard lies beside: it is not joined, and goes."""
    sink = DatasetSink(tmp_path / "set", {"id": "int64"})

    class Twice(DatasetSink):
        def write(self, blocks: Any, ctx: Any) -> Any:
            blocks = list(blocks)
            super().write(blocks, ctx)
            return super().write(blocks, ctx)

    sink.__class__ = Twice
    ray.data.range(40, override_num_blocks=2).write_datasink(sink)
    rows = Dataset(tmp_path / "set")
    assert sorted(rows["id"][:].tolist()) == list(range(40))
    assert len(os.listdir(tmp_path / "set" / "shards")) == len(rows.shards)


def test_no_rows(tmp_path: Path) -> None:
    empty = ray.data.range(10).filter(lambda each: False)
    empty.write_datasink(DatasetSink(tmp_path / "set", {"id": "int64"}))
    assert len(Dataset(tmp_path / "set")) == 0
