"""Deduplication: the original's survivors, in its order, whatever the columns hold."""

from __future__ import annotations

import logging
import math
from typing import Any

import axolotl.utils.data.utils as utils
import numpy as np
import pyarrow as pa
import pytest
from axolotl.utils.data.utils import deduplicate_and_log_datasets
from calls import declined, outcome, served
from datasets import Array2D, Dataset, Features, Value, concatenate_datasets
from hypothesis import given, settings
from hypothesis import strategies as st

original: Any = deduplicate_and_log_datasets.__wrapped__

# few values, so that rows are often the same, and those that are easily taken for each other
FLOATS = st.sampled_from([0.0, -0.0, 1.0, 1.5, math.nan, -math.nan, math.inf, -math.inf, 5e-324])
TEXTS = st.sampled_from(
    ["", "a", "b", "ab", "None", "'", '"', "\\", "\n", "ä", "\u2028", "\0", "😀", "1"]
)
BYTES = st.sampled_from([b"", b"a", b"\0", b"\xff", b"None", b"ab", b"b"])
INTS = st.sampled_from([0, 1, -1, 127, 2])


def leaves() -> Any:
    return st.one_of(
        st.sampled_from([pa.int8(), pa.int32(), pa.int64(), pa.uint8()]).map(
            lambda kind: (kind, INTS if kind != pa.uint8() else INTS.map(abs))
        ),
        st.just((pa.uint64(), st.sampled_from([0, 2**64 - 1, 2**63]))),
        st.sampled_from([pa.float32(), pa.float64()]).map(lambda kind: (kind, FLOATS)),
        st.sampled_from([pa.string(), pa.large_string()]).map(lambda kind: (kind, TEXTS)),
        st.sampled_from([pa.binary(), pa.large_binary()]).map(lambda kind: (kind, BYTES)),
        st.just((pa.bool_(), st.booleans())),
        st.just((pa.null(), st.none())),
    )


def nested(inner: Any) -> Any:
    def lists(each: Any) -> Any:
        kind, values = each
        return st.sampled_from([pa.list_(kind), pa.large_list(kind)]).map(
            lambda made: (made, st.lists(values, max_size=3))
        )

    def structs(parts: Any) -> Any:
        kind = pa.struct([(f"f{number}", part[0]) for number, part in enumerate(parts)])
        values = st.tuples(*(part[1] for part in parts)).map(
            lambda found: {f"f{number}": value for number, value in enumerate(found)}
        )
        return kind, values

    nullable = inner.map(lambda each: (each[0], st.one_of(st.none(), each[1])))
    return st.one_of(
        nullable.flatmap(lists), st.lists(nullable, min_size=1, max_size=3).map(structs)
    )


KINDS = st.recursive(leaves(), nested, max_leaves=4)


@st.composite
def tables(draw: Any) -> Any:
    """A function that makes tables of some columns."""
    columns = draw(st.lists(KINDS, min_size=1, max_size=3))
    schema = pa.schema([(f"c{number}", kind) for number, (kind, _) in enumerate(columns)])
    nulls = draw(st.booleans())

    def table(count: int) -> Dataset:
        made = []
        for kind, values in columns:
            some = draw(st.lists(values, min_size=1, max_size=3))
            some = [*some, None] if nulls else some
            chosen = draw(st.lists(st.sampled_from(some), min_size=count, max_size=count))
            made.append(pa.array(chosen, kind))
        return Dataset(pa.table(made, schema=schema))

    return table


def rows(dataset: Any) -> Any:
    return None if dataset is None else [str(row) for row in dataset]


def same(dataset: Dataset, other: Dataset | None = None, serve: bool = True) -> None:
    want = outcome(original, dataset, other)
    got = (served if serve else declined)(deduplicate_and_log_datasets, dataset, other)
    for ours, theirs in zip(got, want):
        assert rows(ours) == rows(theirs)
        if ours is not None:
            assert ours._fingerprint == theirs._fingerprint and ours.features == theirs.features
            assert (ours._indices is None) == (theirs._indices is None)


@settings(max_examples=300)
@given(tables(), st.data())
def test_any_columns(table: Any, data: Any) -> None:
    parts = [table(data.draw(st.integers(1, 12))) for _ in range(data.draw(st.integers(1, 3)))]
    dataset = concatenate_datasets(parts)
    same(dataset)
    chosen = data.draw(st.lists(st.integers(0, len(dataset) - 1), min_size=1, max_size=20))
    same(dataset.select(chosen))
    same(dataset.select(range(len(dataset) // 2, len(dataset))))
    same(dataset, table(data.draw(st.integers(1, 12))))
    same(dataset.select(chosen), dataset)


def test_tokens() -> None:
    rng = np.random.default_rng(0)
    ids = [rng.integers(0, 3, rng.integers(0, 4)).tolist() for _ in range(2000)]
    dataset = Dataset.from_dict(
        {
            "input_ids": ids,
            "attention_mask": [[1] * len(each) for each in ids],
            "labels": ids,
            "length": list(map(len, ids)),
        }
    )
    same(dataset)
    same(dataset.shuffle(seed=1), dataset.select(range(1000)))


def test_what_lies_under_a_null() -> None:
    """Arrow leaves the bytes of a null open: they are no part of the row."""
    valid = pa.py_buffer(bytes([0b0101]))
    numbers = pa.Array.from_buffers(
        pa.int32(), 4, [valid, pa.py_buffer(np.array([1, 7, 1, 9], "i4"))], 2
    )
    lists = pa.Array.from_buffers(
        pa.list_(pa.int32()), 4, [valid, pa.py_buffer(np.array([0, 1, 2, 3, 4], "i4"))], 2,
        children=[pa.array([1, 7, 1, 9], pa.int32())],
    )  # fmt: skip
    texts = pa.Array.from_buffers(
        pa.string(),
        4,
        [valid, pa.py_buffer(np.array([0, 1, 2, 3, 4], "i4")), pa.py_buffer(b"abac")],
        2,
    )
    structs = pa.StructArray.from_arrays(
        [pa.array([1, 7, 1, 9])], ["f"], mask=pa.array([False, True, False, True])
    )
    for column in (numbers, lists, texts, structs):
        dataset = Dataset(pa.table({"c": column}))
        same(dataset)
        assert len(deduplicate_and_log_datasets(dataset)[0]) == 2
        nested = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3, 4], pa.int32()), column)
        same(Dataset(pa.table({"c": nested})))


def test_where_a_row_ends_matters() -> None:
    same(Dataset.from_dict({"a": ["ab", "a", ""], "b": ["c", "bc", "abc"]}))
    same(Dataset.from_dict({"a": [["ab"], ["a", "b"], [""], []]}))
    same(Dataset.from_dict({"a": [[[1], [2]], [[1, 2]], [[], [1, 2]], [[1, 2], []]]}))


@pytest.mark.parametrize(
    "kind",
    [pa.timestamp("s"), pa.date32(), pa.duration("s"), pa.float16(), pa.decimal128(5, 1)],
    ids=str,
)
def test_kinds_that_are_left_to_the_original(kind: pa.DataType) -> None:
    column = pa.array([None, None, None], kind)
    same(Dataset(pa.table({"c": column})), serve=False)
    same(Dataset(pa.table({"c": pa.array([None], pa.list_(kind))})), serve=False)


def test_what_else_is_left_to_the_original() -> None:
    plain = Dataset.from_dict({"a": [1, 1], "b": [1, 1]})
    same(plain.with_format("numpy"), serve=False)
    same(plain.with_format(None, columns=["a"]), serve=False)
    same(plain, plain.select_columns(["b", "a"]), serve=False)
    same(plain, plain.cast_column("a", Value("int32")), serve=False)
    same(plain.select([]), serve=False)
    features = Features({"c": Array2D((1, 2), "int32")})
    same(Dataset.from_dict({"c": [[[1, 2]], [[1, 2]]]}, features), serve=False)

    class Own(Dataset):
        pass

    same(Own(plain.data), serve=False)
    assert declined(deduplicate_and_log_datasets, None) == outcome(original, None)


def test_what_is_replaced_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Dataset.from_dict({"a": [1, 2, 1]})
    monkeypatch.setattr(utils, "sha256", lambda text: "x")
    assert len(declined(deduplicate_and_log_datasets, plain)[0]) == 1


def test_what_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    plain = Dataset.from_dict({"a": [1, 2, 1]})
    said = []
    for function in (deduplicate_and_log_datasets, original):
        records: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: records.append(f"{record.levelname} {record.getMessage()}")
        utils.LOG.logger.addHandler(handler)
        function(plain, plain, "one", other_name="two")
        utils.LOG.logger.removeHandler(handler)
        said.append(records)
    assert said[0] == said[1]


def test_who_has_it_by_name() -> None:
    import axolotl.utils.data.rl
    import axolotl.utils.data.sft
    import axolotl.utils.data.shared

    for module in (axolotl.utils.data.rl, axolotl.utils.data.sft, axolotl.utils.data.shared):
        assert module.deduplicate_and_log_datasets is deduplicate_and_log_datasets
