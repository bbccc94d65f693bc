"""Tensors that are views, DataLoaders with workers of both kinds, and the way back into an epoch."""

from __future__ import annotations

import gc
import itertools
import pickle
import resource
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sets import make, plain, row
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

from fast_jvm.datasets import Dataset, _ahead, join
from fast_jvm.datasets._permutation import Permutation
from fast_jvm.datasets.torch import IterableDataset, MapDataset

COUNT = 503


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("torch") / "set", COUNT)


@pytest.fixture(autouse=True, scope="module")
def now_and_then_from_the_disk() -> Iterator[None]:
    """Rows are asked for ahead, a while, and not, a while."""
    with pytest.MonkeyPatch.context() as patch:
        faults = itertools.accumulate(itertools.cycle([0, 0, 10_000]))
        patch.setattr(_ahead, "_faults", faults.__next__)
        patch.setattr(_ahead, "LOOK", 2)
        patch.setattr(_ahead, "ASKED", 5)
        yield


def same(got: dict[str, Any], n: int) -> None:
    want = plain(row(n))
    assert plain(got) == want
    assert got["ids"].dtype == torch.int32 and got["n"].dtype == torch.int64
    assert got["weight"].dtype == torch.float32 and got["good"].dtype == torch.bool


def test_each_way_of_reading(rows: Dataset) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch's, of arrays that may not be written to
        tensors = rows.with_format("torch")
        for n in range(COUNT):
            same(tensors[n], n)
            same(tensors[n - COUNT], n)
        some = tensors[400:3:-7]
        assert some["n"].tolist() == list(range(400, 3, -7))
        assert [each.tolist() for each in some["ids"]] == [
            row(n)["ids"].tolist() for n in range(400, 3, -7)
        ]
        assert tensors[[5, 1, -1]]["n"].tolist() == [5, 1, COUNT - 1]
        assert tensors["n"][:].tolist() == list(range(COUNT))
        assert tensors["text"][7] == row(7)["text"]
        for wrong in (COUNT, -COUNT - 1):
            with pytest.raises(IndexError):
                tensors[wrong]
        shuffled = tensors.shuffle(3).shard(1, 2)
        for number, n in enumerate(np.random.default_rng(3).permutation(COUNT)[1::2].tolist()):
            same(shuffled[number], n)
        again = pickle.loads(pickle.dumps(shuffled))
        assert plain(again[9]) == plain(shuffled[9])
        same(MapDataset(rows)[11], 11)
        assert plain(tensors.with_format("numpy")[3]) == plain(row(3))


def test_a_tensor_is_a_view_and_the_file_never_changes(rows: Dataset) -> None:
    tensors = rows.with_format("torch")
    one, other = tensors[49]["ids"], tensors[49]["ids"]
    assert len(one) > 3 and one.data_ptr() == other.data_ptr()
    one[0] = -7
    assert int(other[0]) == -7  # this process's page
    assert rows[49]["ids"].tolist() == row(49)["ids"].tolist()
    assert Dataset(rows.folder).with_format("torch")[49]["ids"].tolist() == row(49)["ids"].tolist()
    column = tensors["n"][:]
    column[3] = 1000
    assert int(rows["n"][3]) == 3
    del tensors, other
    gc.collect()
    assert int(one[0]) == -7  # its mapping lives


def test_where_private_mappings_are_limited_tensors_are_copies(rows: Dataset) -> None:
    code = f"""
import resource, torch
from fast_jvm.datasets import Dataset
limit = 3 << 30
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
tensors = Dataset({rows.folder!r}).with_format("torch")
one, other = tensors[49]["ids"], tensors[49]["ids"]
assert one.tolist() == other.tolist() and one.data_ptr() != other.data_ptr()
one[0] = 5
"""
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


def test_a_large_row_and_shards(tmp_path: Path) -> None:
    from fast_jvm.datasets import Writer

    folder = tmp_path / "large"
    with Writer(folder, {"ids": "list<int64>"}) as writer:
        writer.write({"ids": [np.arange(3), np.arange(2_000_000)]})
    tensors = Dataset(folder).with_format("torch")
    assert torch.equal(tensors[1]["ids"], torch.arange(2_000_000))
    joined = join(tmp_path / "joined", [folder, folder]).with_format("torch")
    assert torch.equal(joined[3]["ids"], torch.arange(2_000_000))
    assert joined[[2, 0]]["ids"][0].tolist() == [0, 1, 2]


def collate(batch: list[dict[str, Any]]) -> list[int]:
    for each in batch:
        same(each, int(each["n"]))
    return [int(each["n"]) for each in batch]


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers(rows: Dataset, context: str) -> None:
    loader = DataLoader(
        MapDataset(rows), batch_size=16, shuffle=True, num_workers=2,
        collate_fn=collate, multiprocessing_context=context, generator=torch.Generator().manual_seed(5),
    )  # fmt: skip
    alone = DataLoader(
        rows.with_format("torch"), batch_size=16, shuffle=True,
        collate_fn=collate, generator=torch.Generator().manual_seed(5),
    )  # fmt: skip
    found = list(loader)
    assert sorted(sum(found, [])) == list(range(COUNT))
    assert found == list(alone)


def test_the_default_collate_takes_columns_of_one_value(rows: Dataset) -> None:
    scalars = [{"n": each["n"], "weight": each["weight"]} for each in rows.with_format("torch")]
    batch = next(iter(DataLoader(scalars, batch_size=4)))
    assert batch["n"].tolist() == [0, 1, 2, 3] and batch["weight"].dtype == torch.float32


def iterable(rows: Dataset, **more: Any) -> IterableDataset:
    return IterableDataset(rows, **{"seed": 7, "batch_size": 8, **more})


def loaded(data: Any, workers: int, kind: Any = DataLoader, **more: Any) -> Any:
    return kind(data, batch_size=8, num_workers=workers, collate_fn=collate, **more)


def test_the_order_is_the_same_for_any_number_of_workers(rows: Dataset) -> None:
    wanted = list(loaded(iterable(rows), 0))
    assert sorted(sum(wanted, [])) == list(range(COUNT)) and sum(wanted, []) != list(range(COUNT))
    for workers in (1, 3):
        assert list(loaded(iterable(rows), workers)) == wanted
    assert list(loaded(iterable(rows), 2, multiprocessing_context="spawn")) == wanted
    unshuffled = sum(loaded(iterable(rows, seed=None), 2), [])
    assert unshuffled == list(range(COUNT))
    other = iterable(rows)
    other.set_epoch(1)
    assert list(loaded(other, 0)) != wanted


def test_ranks_share_the_rows(rows: Dataset) -> None:
    found = []
    for rank in range(3):
        data = iterable(rows, rank=rank, world=3)
        some = sum(loaded(data, 2), [])
        assert len(some) == len(data)
        found += some
    assert sorted(found) == list(range(COUNT))
    with pytest.raises(ValueError):
        iterable(rows, rank=3, world=3)


@pytest.mark.parametrize("workers", [0, 2, 3])
@pytest.mark.parametrize("later", [0, 2])
def test_a_plain_loader_is_resumed_with_any_number_of_workers(
    rows: Dataset, workers: int, later: int
) -> None:
    data = iterable(rows)
    data.set_epoch(4)
    wanted = list(loaded(data, 0))
    seen, state = 0, None
    for number, batch in enumerate(loaded(data, workers)):
        assert batch == wanted[number]
        seen += len(batch)
        if number == 20:
            state = data.state_dict(seen)
            break
    assert state is not None
    if workers:
        with pytest.raises(ValueError, match="seen"):
            data.state_dict()
    else:
        assert data.state_dict()["start"] + data.state_dict()["taken"] == state["start"]
    again = iterable(rows)
    again.load_state_dict(pickle.loads(pickle.dumps(state)))
    rest = loaded(again, later)
    taken = []
    for batch in rest:
        taken.append(batch)
        if len(taken) == 5:
            break
    assert taken == wanted[21:26]
    # from where it was gone on with, once more
    third = iterable(rows)
    third.load_state_dict(again.state_dict(seen=40))
    assert list(loaded(third, 1)) == wanted[26:]


@pytest.mark.parametrize("workers", [0, 2])
def test_torchdatas_loader_is_resumed(rows: Dataset, workers: int) -> None:
    """In the middle of an epoch, and of the next one."""
    wanted = list(loaded(iterable(rows), 0))
    for stop in (1, 13, len(wanted) - 1):
        loader = loaded(iterable(rows), workers, StatefulDataLoader)
        step = iter(loader)
        assert [next(step) for _ in range(stop)] == wanted[:stop]
        state = pickle.loads(pickle.dumps(loader.state_dict()))
        del step, loader
        again = loaded(iterable(rows), workers, StatefulDataLoader)
        again.load_state_dict(state)
        assert list(again) == wanted[stop:]


def test_torchdatas_loader_resumes_a_map(rows: Dataset) -> None:
    def fresh() -> Any:
        generator = torch.Generator().manual_seed(3)
        return loaded(MapDataset(rows), 2, StatefulDataLoader, shuffle=True, generator=generator)

    wanted = list(fresh())
    loader = fresh()
    step = iter(loader)
    assert [next(step) for _ in range(9)] == wanted[:9]
    again = fresh()
    again.load_state_dict(loader.state_dict())
    assert list(again) == wanted[9:]


def test_workers_that_live_on_see_the_epoch(rows: Dataset) -> None:
    data = iterable(rows)
    loader = loaded(data, 2, persistent_workers=True)
    orders = []
    for epoch in (0, 1, 0):
        data.set_epoch(epoch)
        orders.append(list(loader))
    assert orders[0] == orders[2] != orders[1]


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 60), world=st.integers(1, 4), workers=st.integers(1, 4),
    size=st.integers(1, 9), seen=st.integers(0, 20), seed=st.none() | st.integers(0, 5),
)  # fmt: skip
def test_any_cut_of_an_epoch(
    rows: Dataset, count: int, world: int, workers: int, size: int, seen: int, seed: int | None
) -> None:
    """Workers' batches, taken in turn, are the order of one process; a resumed one is its rest."""
    found = []
    for rank in range(world):
        data = IterableDataset(
            rows.select(range(count)), seed=seed, rank=rank, world=world, batch_size=size
        )
        order = [int(each["n"]) for each in data]
        turns = [
            np.concatenate(list(data._numbers(w, workers)) or [np.empty(0, "i8")])
            for w in range(workers)
        ]
        batches = [
            [turn[at : at + size].tolist() for at in range(0, len(turn), size)] for turn in turns
        ]
        mixed = [
            number
            for at in range(max(map(len, batches), default=0))
            for worker in batches
            if at < len(worker)
            for number in worker[at]
        ]
        assert mixed == order
        data.load_state_dict(data.state_dict(seen=min(seen, len(order))))
        assert [int(each["n"]) for each in data] == order[seen:]
        assert [int(each["n"]) for each in data] == order  # and then a whole epoch
        found += order
    assert sorted(found) == list(range(count))


@settings(max_examples=200, deadline=None)
@given(count=st.integers(1, 3000), seed=st.integers(0, 2**40))
def test_a_permutation(count: int, seed: int) -> None:
    order = Permutation(count, [seed, 1])(np.arange(count))
    assert np.array_equal(np.sort(order), np.arange(count))


def test_permutations_look_random() -> None:
    """Where a number stands, over seeds, and what follows what: chi-squared of 16 x 16 cells, 0.01 % bounds."""
    count, seeds = 16, 8000
    at = np.zeros((count, count))
    next_to = np.zeros((count, count))
    for seed in range(seeds):
        order = Permutation(count, [seed])(np.arange(count))
        at[np.arange(count), order] += 1
        next_to[order[:-1], order[1:]] += 1
    wanted = seeds / count
    assert ((at - wanted) ** 2 / wanted).sum() < 330
    pairs = next_to[~np.eye(count, dtype=bool)]
    wanted = seeds * (count - 1) / len(pairs)
    assert ((pairs - wanted) ** 2 / wanted).sum() < 345
