"""Packed batches from Arrow's memory: the original's tensors, whatever the collator, its padding and the columns are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pytest
import torch
from axolotl.monkeypatch.data import batch_dataset_fetcher
from axolotl.utils.collators import (
    BatchSamplerDataCollatorForSeq2Seq,
    DataCollatorForSeq2Seq,
    V2BatchSamplerDataCollatorForSeq2Seq,
)
from axolotl.utils.samplers import MultipackBatchSampler
from calls import outcome
from chat_cases import trained
from datasets import Dataset, load_from_disk
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, RandomSampler
from transformers import BatchEncoding

Fetcher: Any = batch_dataset_fetcher._MapDatasetFetcher
fetch: Any = Fetcher.fetch
WORDS = {side: trained() for side in ("right", "left")}
WORDS["left"].padding_side = "left"
PACKED = [BatchSamplerDataCollatorForSeq2Seq, V2BatchSamplerDataCollatorForSeq2Seq]


@pytest.fixture(scope="module", autouse=True)
def patched() -> Iterator[None]:
    datasets.disable_progress_bars()
    batch_dataset_fetcher.apply_multipack_dataloader_patch()
    yield
    batch_dataset_fetcher.remove_multipack_dataloader_patch()


def shown(found: Any) -> Any:
    if not isinstance(found, BatchEncoding):
        return found
    return [
        type(found), {name: value for name, value in vars(found).items() if name != "data"},
        [(name, value.dtype, value.shape, value.tolist()) for name, value in found.items()],
    ]  # fmt: skip


def compare(dataset: Any, collator: Any, index: Any, mine: bool | None, auto: bool = True) -> None:
    """What both fetch; *mine*: whether it was to be ours."""
    before = fetch.served
    got = outcome(fetch, Fetcher(dataset, auto, collator, False), index)
    served = fetch.served > before
    want = outcome(fetch.__wrapped__, Fetcher(dataset, auto, collator, False), index)
    assert repr(shown(got)) == repr(shown(want))
    assert mine is None or served is mine


@st.composite
def prepared(draw: Any) -> Any:
    """A dataset of tokenized rows: any of the columns, kinds of integers, chunks, selections, on disk or not."""
    names = [*draw(st.permutations(["labels", "attention_mask", "position_ids"]))]
    names = ["input_ids", *names[: draw(st.integers(0, 3))]]
    if draw(st.booleans()):
        names.reverse()
    count = draw(st.integers(1, 30))
    sizes = draw(st.lists(st.integers(1, 20), min_size=count, max_size=count))
    seed = draw(st.integers(0, 99))
    rng = np.random.default_rng(seed)
    kinds = {
        name: draw(st.sampled_from([pa.int8(), pa.int32(), pa.int64(), pa.uint16()]))
        for name in names
    }
    large = draw(st.booleans())
    columns: dict[str, Any] = {
        name: pa.array(
            [rng.integers(0, 100, size).tolist() for size in sizes],
            (pa.large_list if large else pa.list_)(kind),
        )
        for name, kind in kinds.items()
    }
    if draw(st.booleans()):
        columns["length"] = pa.array(sizes)
    table = pa.table(columns)
    cut = draw(st.integers(0, count))
    found = Dataset(pa.concat_tables([table.slice(0, cut), table.slice(cut)]))
    if draw(st.booleans()):
        with tempfile.TemporaryDirectory() as folder:
            found.save_to_disk(folder)
            found = load_from_disk(folder)
    way = draw(st.sampled_from(["whole", "shuffled", "part"]))
    if way == "shuffled":
        found = found.shuffle(seed=seed)
    elif way == "part":
        found = found.select(range(count // 2, count))
    return found


@settings(max_examples=150)
@given(
    prepared(),
    st.sampled_from([*PACKED, DataCollatorForSeq2Seq]),
    st.sampled_from(["right", "left"]),
    st.sampled_from([None, 1, 8, 64]),
    st.booleans(),
    st.data(),
)
def test_batches(
    dataset: Any, kind: Any, side: str, multiple: Any, squash: bool, data: Any
) -> None:
    more: Any = {"squash_position_ids": squash} if kind is PACKED[1] else {}
    collator = kind(WORDS[side], pad_to_multiple_of=multiple, **more)
    bins = st.lists(st.integers(0, len(dataset) - 1), min_size=1, max_size=8)
    index = data.draw(bins)
    if kind is not DataCollatorForSeq2Seq:
        index = data.draw(st.one_of(bins, st.lists(bins, min_size=1, max_size=3)))
    elif "length" in dataset.column_names:
        dataset = dataset.remove_columns("length")
    compare(dataset, collator, index, True)


def rows(**columns: Any) -> Dataset:
    return Dataset(pa.table({"input_ids": [[1, 2], [3], [4, 5, 6]], **columns}))


class Mine(Dataset):
    """Somebody's dataset."""


class Own(V2BatchSamplerDataCollatorForSeq2Seq):
    """Somebody's collator."""


class Model:
    """One that makes decoder inputs."""

    def prepare_decoder_input_ids_from_labels(self, labels: Any) -> Any:
        return labels + 1


def test_what_is_left_to_the_original() -> None:
    words = WORDS["right"]
    labels = [[1, 2], [-100], [4, 5, 6]]
    for kind in PACKED:
        collator = kind(words, pad_to_multiple_of=8)
        plain = rows(labels=labels)
        compare(plain, collator, [[0, 2], [1]], True)
        for odd in (
            rows(labels=[[1, 2], None, [3, 4, 5]]),
            rows(labels=[[1, 2], [None], [3, 4, 5]]),
            rows(labels=[[1, 2], [3, 4], [3, 4, 5]]),
            rows(labels=[[1, 2], [], [3, 4, 5]]),
            rows(labels=[[1.0, 2.0], [3.0], [3.0, 4.0, 5.0]]),
            rows(token_type_ids=labels),
            rows(text=["a", "b", "c"]),
            Dataset(pa.table({"labels": labels})),
            plain.with_format("numpy"),
            plain.with_format("torch"),
            plain.with_format(columns=["labels"]),
            plain.with_transform(lambda batch: batch),
            Mine(plain.data),
            [{"input_ids": [1, 2]}, {"input_ids": [3]}, {"input_ids": [4]}],
        ):
            compare(odd, collator, [[0, 1], [2]], False)
        for index in ([[0, 3]], [[-1]], [[0], []], [], [[0, "1"]], [(0, 1)], [[True]]):
            compare(plain, collator, index, False)
        compare(plain, collator, [0, 1], False, auto=False)
        for more in (
            {"padding": False}, {"padding": "max_length", "max_length": 8}, {"return_tensors": "np"},
            {"model": Model()}, {"label_pad_token_id": 1.5},
        ):  # fmt: skip
            compare(plain, kind(words, **more), [[0, 1]], False)
    compare(rows(), Own(words), [[0, 1]], False)
    compare(rows(), DataCollatorForSeq2Seq(words), [[0, 1]], False)
    compare(rows(), lambda batch: batch, [[0, 1]], False)
    other = trained()
    other.pad_token = None
    compare(rows(), PACKED[0](other, pad_to_multiple_of=8), [[0, 1]], False)
    other = trained()
    other.model_input_names = ["input_ids"]
    compare(rows(), PACKED[0](other), [[0, 1]], False)


def test_a_format_that_comes_later() -> None:
    dataset = rows(labels=[[1, 2], [3], [4, 5, 6]])
    fetcher = Fetcher(dataset, True, PACKED[0](WORDS["right"]), False)
    before = fetch.served
    fetch(fetcher, [[0, 1]])
    dataset.set_format("torch")
    got = outcome(fetch, fetcher, [[0, 1]])
    assert fetch.served == before + 1
    assert repr(shown(got)) == repr(shown(outcome(fetch.__wrapped__, fetcher, [[0, 1]])))


@pytest.mark.parametrize("workers", [0, 2])
def test_loader(workers: int) -> None:
    """Epochs of a DataLoader over a packing sampler, in this process and in workers."""
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 60, 500)
    lists = [rng.integers(0, 900, size).tolist() for size in sizes]
    dataset = rows().from_dict(
        {"input_ids": lists, "labels": lists, "attention_mask": [[1] * len(row) for row in lists]}
    )

    def epoch() -> list[Any]:
        torch.manual_seed(2)
        sampler = MultipackBatchSampler(
            RandomSampler(dataset), batch_size=2, batch_max_len=128, lengths=sizes, bin_size=20
        )
        loader = DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=PACKED[1](WORDS["right"], pad_to_multiple_of=64),
            num_workers=workers,
        )
        return [shown(batch) for batch in loader]

    before = fetch.served
    got = epoch()
    assert len(got) > 40 and (workers or fetch.served == before + len(got))
    Fetcher.fetch = fetch.__wrapped__
    try:
        assert got == epoch()
    finally:
        Fetcher.fetch = fetch
