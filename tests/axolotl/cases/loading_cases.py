"""One JSON array and Parquet by the part: the Dataset, its features and errors are what the original makes of the whole."""

from __future__ import annotations

import io
import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from axolotl.utils.data.shared import load_dataset_with_config
from axolotl.utils.dict import DictDefault
from datasets.packaged_modules.json.json import Json
from datasets.packaged_modules.parquet.parquet import Parquet
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fast_axolotl import _loading

ours: dict[type, Any] = {Json: Json._generate_tables, Parquet: Parquet._generate_tables}
numbers = itertools.count()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_loading, "ARRAY_FROM", 0)
    monkeypatch.setattr(_loading, "GROUP_FROM", 0)
    monkeypatch.setattr(_loading, "PART", 40)
    datasets.disable_progress_bars()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def load(path: Path, cache: Path, **more: Any) -> Any:
    """The dataset as axolotl loads it, and the batches of its file; or the error and its causes."""
    datasets.config.HF_DATASETS_CACHE = str(cache)
    try:
        found = load_dataset_with_config(DictDefault(path=str(path), **more), False)
    except Exception as error:
        causes = []
        cause: Any = error
        while cause is not None:
            causes.append((type(cause), str(cause).replace(str(cache), "")))
            cause = cause.__cause__
        return causes
    return found


def both(kind: type, path: Path, folder: Path, serve: bool | None, **more: Any) -> Any:
    """Load with and without ours, and compare."""
    function = ours[kind]
    before = function.served
    got = load(path, folder / f"cache{next(numbers)}", **more)
    served = function.served > before
    kind._generate_tables = function.__wrapped__  # type: ignore[attr-defined]
    try:
        want = load(path, folder / f"cache{next(numbers)}", **more)
    finally:
        kind._generate_tables = function  # type: ignore[attr-defined]
    if isinstance(want, list):
        assert got == want and not served
        return served
    assert not isinstance(got, list), got
    assert got.features == want.features and list(got.features) == list(want.features)
    assert got.data.schema.equals(want.data.schema, check_metadata=True)
    assert got.data.table.equals(want.data.table)
    assert got._fingerprint.split("-")[0] == want._fingerprint.split("-")[0]
    assert str(got.split) == str(want.split) and got.num_rows == want.num_rows
    assert [len(chunk) for chunk in got.data.column(0).chunks] == [
        len(chunk) for chunk in want.data.column(0).chunks
    ]
    for one, other in zip(got, want):
        assert repr(one) == repr(other)
    if serve is not None:
        assert served is serve
    return served


def array(folder: Path, text: str | bytes) -> Path:
    path = folder / f"rows{next(numbers)}.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


texts = st.one_of(
    st.text(max_size=12),
    st.text('\\"[]{},: \n', max_size=12),
    st.sampled_from(["2020-01-01", "2020-01-01 10:00:00.5", "1000-01-01", "[[", '"}', "\\"]),
)
scalars: Any = st.one_of(
    st.none(),
    texts,
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)


@st.composite
def columns(draw: Any, depth: int = 0, nulls: bool = True) -> Any:
    """A strategy of the values of one column: mostly of one kind, some of them null."""
    kinds = ["text", "int", "float", "number", "bool", "stamp", "null", "any"]
    if not nulls:  # of nulls in lists Arrow's parser makes arrays that are none: reading them may end the process
        del kinds[-2:]
    kind = draw(st.sampled_from(kinds + (["list", "struct"] * 3 if depth < 3 else [])))
    if kind == "list":
        found: Any = st.lists(draw(columns(depth + 1, False)), max_size=3)
    elif kind == "struct":
        names = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
        found = st.fixed_dictionaries({name: draw(columns(depth + 1)) for name in names})
        if draw(st.integers(0, 5)) == 0:
            found = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 5), max_size=2)
    else:
        found = {
            "text": texts,
            "int": st.integers(-(2**63), 2**63 - 1),
            "float": st.floats(allow_nan=False, allow_infinity=False),
            "number": st.one_of(st.integers(-9, 9), st.floats(-9, 9)),
            "bool": st.booleans(),
            "stamp": st.sampled_from(
                ["2020-01-01", "2020-01-01 10:00:00.5", "1000-01-01", "x", "2021-05-05T00:00:00"]
            ),
            "null": st.none(),
            "any": scalars,
        }[kind]
    return st.one_of(st.none(), found) if nulls and draw(st.booleans()) else found


@st.composite
def rows(draw: Any) -> Any:
    names = draw(
        st.lists(
            st.sampled_from(["a", "b", "messages", 'q"\\', "é"]),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    kinds = {name: draw(columns()) for name in names}
    optional = draw(st.booleans())
    row = st.fixed_dictionaries({}, optional=kinds) if optional else st.fixed_dictionaries(kinds)
    return draw(st.lists(row, min_size=1, max_size=14))


served_of = [0, 0]


@settings(max_examples=150, phases=[Phase.explicit, Phase.generate])
@given(
    rows(),
    st.sampled_from([None, 1, "\t"]),
    st.booleans(),
    st.sampled_from(["", " ", "\n", " \r\n\t"]),
    st.sampled_from([8, 40, 300]),
)
def test_rows(
    folder: Path, found: list[Any], indent: Any, ascii_only: bool, end: str, part: int
) -> None:
    _loading.PART = part
    path = array(folder, json.dumps(found, indent=indent, ensure_ascii=ascii_only) + end)
    served_of[both(Json, path, folder, None)] += 1


def test_most_were_served() -> None:
    print("arrays left to the original, served:", served_of)
    assert served_of[1] > 60


def test_many_rows(folder: Path) -> None:
    """The writer's batches are the original's."""
    _loading.PART = 3000
    rows = [
        {
            "messages": [{"role": "user", "content": f'say "{n}" \\ [{n}'}] * (n % 3),
            "score": n if n < 4000 else n / 3,
            "late": None if n < 3000 else "x",
            **({"seldom": [n]} if n == 4999 else {}),
        }
        for n in range(5000)
    ]
    both(Json, array(folder, json.dumps(rows)), folder, True)
    both(Json, array(folder, json.dumps(rows)), folder, True, split="train[10%:20%]")


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1}, {"a": "x"}]',
        '[{"a": 1}, {"a": [1]}]',
        '[{"a": {"b": 1}}, {"a": {"c": 1}}, {"a": {"b": 1}}]',
        '[{"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 1}]}]',
        '[{"a": "1000-01-01"}, {"a": "2020-01-01 10:00:00.5"}]',
        '["a {", "b"]',
        '[{"a": 1}, 5]',
        '[{"a": 1}, 5, {"a": 2}]',
        '[{"a": 1}, null]',
        "[[{}]]",
        "[{}, {}]",
        "[]",
        '[{"a": 1}',
        '[{"a": 1},]',
        '[{"a": 1},,{"a": 2}]',
        '[{"a": 1} {"a": 2}]',
        '[{"a": 1}] x',
        '[{"a": 1}]]',
        '[{"a": 1}}, {"b": 2}]',
        '[{"a": "x\n"}]',
        '[{"a": NaN}, {"a": 1}]',
        '[{"a": 1e999}, {"a": 1}]',
        '[{"a": 99999999999999999999999}, {"a": 1}]',
        '[{"a": "\\ud800"}, {"a": "b"}]',
        '[{"a": "\\u0000"}, {"a": "b"}]',
        '[{"a": "b\0"}, {"a": "b"}]',
        b'[{"a": "\xff"}, {"a": "b"}]',
        b'\xef\xbb\xbf[{"a": "b"}]',
        ' [{"a": 1}, {"a": 2}]',
        '[{"a": 1, "a": "x"}, {"a": "y"}]',
        '[{"a": -0}, {"a": -0.0}, {"a": 1E5}]',
        '[{"a": ' + "[" * 1100 + "]" * 1100 + "}]",
        '[{"text": "' + "y" * 5000 + '"}, {"text": "\\\\"}, {"text": "\\\\\\""}]',
    ],
    ids=lambda text: str(text)[:40],
)
def test_edges(folder: Path, text: Any) -> None:
    for part in (5, 1000):
        _loading.PART = part
        both(Json, array(folder, text), folder, None)


@pytest.mark.parametrize(
    "rows", [[{"a": [None, None]}], [{"a": None}, {"a": [None, "x"]}], [{"a": {"b": [[1], None]}}]]
)
def test_nulls_in_lists_are_left_to_the_original(folder: Path, rows: Any) -> None:
    before = ours[Json].served
    load(array(folder, json.dumps(rows)), folder / f"cache{next(numbers)}")
    assert ours[Json].served == before


def test_what_is_left_to_the_original(folder: Path) -> None:
    both(Json, array(folder, '{"a": 1}\n{"a": 2}\n'), folder, False)
    both(Json, array(folder, '[{"a": 1}, {"a": "x"}]'), folder, False)
    text = array(folder, '[{"a": 1}, {"a": 2}]')
    both(Json, text, folder, True)
    two = folder / f"two{next(numbers)}"
    two.mkdir()
    for name in "ab":
        (two / f"{name}.json").write_text('[{"a": 1}]')
    files = [str(path) for path in two.iterdir()]
    both(Json, two, folder, False, data_files=files, ds_type="json", split="train")


@settings(max_examples=30)
@given(st.integers(1, 2600), st.sampled_from([None, 700, 1300]), st.integers(0, 2**32 - 1))
def test_parquet(folder: Path, count: int, group: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = pa.table(
        {
            "text": pa.array(["x" * n if n % 7 else None for n in rng.integers(0, 40, count)]),
            "ids": pa.array(
                [list(range(n)) for n in rng.integers(0, 5, count)], pa.list_(pa.int32())
            ),
            "messages": [[{"role": "user", "content": str(n)}] * (n % 3) for n in range(count)],
            "score": rng.random(count),
            "when": pa.array(rng.integers(0, 2**40, count), pa.timestamp("us")),
        }
    )
    path = folder / f"rows{next(numbers)}.parquet"
    pq.write_table(table, path, row_group_size=group or count, data_page_size=2000)
    both(Parquet, path, folder, True)


@pytest.mark.parametrize("size", [5_000, 40_000])
def test_parquet_of_long_rows(folder: Path, size: int) -> None:
    table = pa.table({"text": [str(n) * size for n in range(1500)]})
    path = folder / f"rows{next(numbers)}.parquet"
    pq.write_table(table, path)
    _loading.TABLE = 6 << 20
    before = ours[Parquet].served
    got = load(path, folder / f"cache{next(numbers)}")
    assert ours[Parquet].served > before and got.data.table.equals(table.replace_schema_metadata())


def test_damaged_parquet(folder: Path) -> None:
    table = pa.table({"text": [str(n) * 50 for n in range(3000)]})
    sink = io.BytesIO()
    pq.write_table(table, sink, use_dictionary=False, compression="NONE")
    data = bytearray(sink.getvalue())
    path = folder / f"rows{next(numbers)}.parquet"
    path.write_bytes(data[: len(data) // 2])
    both(Parquet, path, folder, None)
    data[8:60] = bytes(52)
    path.write_bytes(data)
    want = both_errors(path, folder)
    assert want


def both_errors(path: Path, folder: Path) -> bool:
    got = load(path, folder / f"cache{next(numbers)}")
    Parquet._generate_tables = ours[Parquet].__wrapped__  # type: ignore[method-assign]
    try:
        want = load(path, folder / f"cache{next(numbers)}")
    finally:
        Parquet._generate_tables = ours[Parquet]  # type: ignore[method-assign]
    assert [kind for kind, _ in got] == [kind for kind, _ in want]
    return got == want or got[-1][1] != ""
