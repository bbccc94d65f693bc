"""The lengths of a dataset's rows: the original's array, from Arrow's offsets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from axolotl.utils.trainer import get_dataset_lengths
from calls import declined, outcome, served
from datasets import Dataset, concatenate_datasets
from hypothesis import given
from hypothesis import strategies as st

original: Any = get_dataset_lengths.__wrapped__

rows = st.lists(st.lists(st.integers(-100, 2**31 - 1), max_size=5), min_size=1, max_size=12)


def same(dataset: Dataset, from_arrow: bool, serve: bool = True) -> None:
    want = outcome(original, dataset, from_arrow)
    got = (served if serve else declined)(get_dataset_lengths, dataset, from_arrow)
    if isinstance(want, tuple):
        assert got == want
    else:
        assert got.dtype == want.dtype and got.shape == want.shape and got.tolist() == want.tolist()


@given(rows, st.sampled_from(["list", "large_list"]), st.data())
def test_token_lists(ids: list[list[int]], kind: str, data: Any) -> None:
    make = pa.list_(pa.int32()) if kind == "list" else pa.large_list(pa.int32())
    parts = data.draw(st.integers(1, 3))
    dataset = concatenate_datasets(
        [Dataset(pa.table({"input_ids": pa.array(ids, make)})) for _ in range(parts)]
    )
    chosen = data.draw(st.lists(st.integers(0, len(dataset) - 1), min_size=1))
    for some in (
        dataset,
        dataset.select(chosen),
        dataset.select(range(len(dataset) // 2, len(dataset))),
    ):
        for from_arrow in (False, True):
            same(some, from_arrow)


@given(
    st.lists(st.integers(-5, 2**31 - 1), min_size=1),
    st.sampled_from(["int8", "int32", "int64", "uint16"]),
)
def test_a_length_column(lengths: list[int], kind: str) -> None:
    limits = np.iinfo(kind)
    column = np.clip(lengths, limits.min, limits.max).astype(kind)
    dataset = Dataset(pa.table({"length": column, "input_ids": [[1]] * len(column)}))
    same(dataset, False)
    same(dataset.select(list(range(len(column)))[::-2]), True)


@given(st.lists(st.lists(st.integers(0, 9000), min_size=1, max_size=5), min_size=1))
def test_position_ids(positions: list[list[int]]) -> None:
    dataset = Dataset.from_dict({"position_ids": positions, "input_ids": [[1]] * len(positions)})
    same(dataset, False)
    same(dataset.select(list(range(len(positions)))[::-2]), False)


@pytest.mark.parametrize(
    "columns",
    [
        {"length": [1, None]},
        {"length": pa.array([1, 2**63], pa.uint64())},
        {"length": [1.5, 2]},
        {"length": ["a", "b"]},
        {"position_ids": [[0, 1], []]},
        {"position_ids": [[0, 1], [None]]},
        {"position_ids": [[0, 1], None]},
        {"position_ids": [[0.5], [1.5]]},
        {"position_ids": pa.array([[2**63 - 1], [0]], pa.list_(pa.int64()))},
        {"input_ids": [[1], None]},
        {"input_ids": ["ab", "c"]},
        {"input_ids": pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2))},
        {"other": [1, 2]},
        {"length": pa.array([], pa.int64())},
        {"input_ids": pa.array([], pa.list_(pa.int32()))},
    ],
    ids=str,
)
def test_what_is_left_to_the_original(columns: dict[str, Any]) -> None:
    dataset = Dataset(pa.table(columns))
    for from_arrow in (False, True):
        same(dataset, from_arrow, serve=False)


@pytest.mark.parametrize("kind", ["numpy", "torch", "pandas"])
def test_a_format_is_the_originals(kind: str) -> None:
    dataset = Dataset.from_dict({"input_ids": [[1, 2], [3]], "length": [2, 1]})
    assert declined(get_dataset_lengths, dataset.with_format(kind)).tolist() == [2, 1]
    hidden = dataset.with_format(None, columns=["input_ids"])
    assert type(declined(get_dataset_lengths, hidden)) is type(outcome(original, hidden))


def test_who_has_it_by_name() -> None:
    import axolotl.core.trainers.base
    import axolotl.utils.data.streaming
    import axolotl.utils.data.utils
    import axolotl.utils.samplers
    import axolotl.utils.trainer

    for module in (
        axolotl.core.trainers.base,
        axolotl.utils.data.streaming,
        axolotl.utils.data.utils,
        axolotl.utils.samplers,
        axolotl.utils.samplers.utils,
        axolotl.utils.trainer,
    ):
        assert module.get_dataset_lengths is get_dataset_lengths
