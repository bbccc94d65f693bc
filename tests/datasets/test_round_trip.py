"""What is written is what is read, in every way of reading, whatever the types, batches and writers."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fast_jvm.datasets import Dataset, Writer, compact
from fast_jvm.datasets._format import KINDS
from fast_jvm.datasets._verify import problems

Rows = list[dict[str, Any]]


def _values(kind: str) -> st.SearchStrategy[Any]:
    if kind == "string":
        return st.text(max_size=20)
    if kind == "bytes":
        return st.binary(max_size=40)
    inner = kind.removeprefix("list<").removesuffix(">")
    items = arrays.from_dtype(KINDS[inner])
    if kind == inner:
        return items
    return st.lists(items, max_size=12).map(lambda values: np.array(values, KINDS[inner]))


KIND = st.sampled_from([*KINDS, *(f"list<{kind}>" for kind in KINDS), "string", "bytes"])


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, str], Rows]:
    """A schema and rows of it."""
    schema = {f"c{n}": kind for n, kind in enumerate(draw(st.lists(KIND, min_size=1, max_size=4)))}
    row = st.fixed_dictionaries({name: _values(kind) for name, kind in schema.items()})
    return schema, draw(st.lists(row, max_size=30))


def same(left: Any, right: Any) -> bool:
    """Equal in value and type, NaN to NaN and -0.0 to -0.0."""
    if isinstance(left, np.ndarray | np.generic):
        if left.dtype != right.dtype or left.shape != right.shape:
            return False
        return left.tobytes() == right.tobytes()
    return type(left) is type(right) and left == right


def check(rows: Dataset, wanted: Rows) -> None:
    """Each way of reading shows the rows."""
    assert len(rows) == len(wanted)
    for number, want in enumerate(wanted):
        for key in (number, number - len(wanted), np.int64(number)):
            got = rows[key]
            assert list(got) == list(rows.schema) and got.keys() == want.keys()
            for name, value in want.items():
                assert same(got[name], value), (name, got[name], value)
                assert same(rows[name][key], value)
    for number in (len(wanted), -len(wanted) - 1):
        with pytest.raises(IndexError):
            rows[number]


def plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def check_arrow(rows: Dataset, wanted: Rows) -> None:
    """Arrow's tables hold the same; repr tells NaN from nothing else, and -0.0 from 0.0."""
    plain_rows = [{name: plain(row[name]) for name in rows.schema} for row in wanted]
    arrow = rows.with_format("arrow")
    for key in (slice(None), slice(2, 9), slice(None, None, -2)):
        assert repr(arrow[key].to_pylist()) == repr(plain_rows[key])
    batches = [row for batch in rows.arrow_batches() for row in batch.to_pylist()]
    assert repr(batches) == repr(plain_rows)
    for name in rows.schema:
        assert repr(arrow[name].to_pylist()) == repr([row[name] for row in plain_rows])
    if wanted:
        assert repr(arrow[-1].to_pylist()) == repr(plain_rows[-1:])
        assert repr(arrow.shuffle(3)[:].to_pylist()) == repr(
            [plain_rows[n] for n in np.random.default_rng(3).permutation(len(wanted))]
        )
        assert pickle.loads(pickle.dumps(arrow))[0].to_pylist()


def _check_compacted(folder: Path, before: Dataset, wanted: Rows) -> None:
    compact(folder)
    after = Dataset(folder)
    assert len(after.entries) <= 1
    check(after, wanted)
    check_arrow(after, wanted)
    check(before, wanted)
    assert list(problems(folder)) == []


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    table=tables(),
    cuts=st.lists(st.integers(0, 30), max_size=4),
    batch_bytes=st.sampled_from([1, 64, 1000, 1 << 20]),
    writers=st.integers(1, 3),
)
def test_any_table(
    java: str,
    table: tuple[dict[str, str], Rows],
    cuts: list[int],
    batch_bytes: int,
    writers: int,
) -> None:
    schema, wanted = table
    cuts = sorted({0, len(wanted), *(cut for cut in cuts if cut < len(wanted))})
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base, "set")
        opened = [
            Writer(folder, schema, batch_bytes=batch_bytes, segment_bytes=1 << 20)
            for _ in range(writers)
        ]
        for number, (first, last) in enumerate(zip(cuts, cuts[1:], strict=False)):
            some = wanted[first:last]
            opened[number % writers].write({name: [row[name] for row in some] for name in schema})
        for writer in opened:
            assert writer.rows == len(wanted)
            writer.close()
        rows = Dataset(folder)
        check(rows, wanted)
        check(pickle.loads(pickle.dumps(rows)), wanted)
        assert list(problems(folder)) == []
        some = wanted[3:17]
        for name, values in rows[3:17].items():
            assert all(same(got, row[name]) for got, row in zip(values, some, strict=True))
        if wanted:
            order = np.random.default_rng(5).permutation(len(wanted))
            check(rows.shuffle(5), [wanted[n] for n in order])
            check(rows.shuffle(5).shard(1, 3), [wanted[n] for n in order[1::3]])
            check(rows.select([-1, 0]), [wanted[-1], wanted[0]])
            check(rows.select([-1, 0])[[1]] and rows.select([0]), wanted[:1])
        check_arrow(rows, wanted)
        _check_compacted(folder, rows, wanted)
        told: dict[str, list[Any]] = {name: [] for name in schema}
        for batch in rows.batches():
            for name, part in batch.items():
                flat, lengths = part if isinstance(part, tuple) else (part, None)
                pieces = flat if lengths is None else np.split(flat, np.cumsum(lengths)[:-1])
                told[name] += list(pieces)
        for name, kind in schema.items():
            for got, row in zip(told[name], wanted, strict=True):
                value = row[name]
                if kind in ("string", "bytes"):
                    value = value.encode() if kind == "string" else value
                    got = got.tobytes()
                assert same(got, value)


def test_rows_one_by_one(java: str, tmp_path: Path) -> None:
    schema = {"ids": "list<int32>", "text": "string", "weight": "float64"}
    wanted = [
        {"ids": np.arange(n, dtype="i4"), "text": "é" * n, "weight": np.float64(n / 7)}
        for n in range(300)
    ]
    with Writer(tmp_path / "set", schema, batch_bytes=5000) as writer:
        for row in wanted:
            writer.write_row(row)
    rows = Dataset(tmp_path / "set")
    check(rows, wanted)
    assert 5 < len(rows.entries) < 100
    assert rows["ids"].lengths.tolist() == list(range(300))
    assert [row["text"] for row in rows] == [row["text"] for row in wanted]
    assert rows.__getitems__([2, 1])[0]["text"] == "éé"


@pytest.mark.parametrize(
    ("kind", "empty"), [("string", ""), ("bytes", b""), ("list<int32>", np.empty(0, "i4"))]
)
def test_rows_that_are_empty(java: str, tmp_path: Path, kind: str, empty: Any) -> None:
    with Writer(tmp_path / "set", {"x": kind}) as writer:
        writer.write_row({"x": empty})
        writer.write_row({"x": empty})
        writer.flush()
        writer.write({"x": (each for each in [empty, empty])})
        writer.write_row({"x": empty})
    check(Dataset(tmp_path / "set"), [{"x": empty}] * 5)


@pytest.mark.parametrize("kind", ["list<int64>", "string", "bytes"])
def test_rows_larger_than_a_record(java: str, tmp_path: Path, kind: str) -> None:
    """Larger than eight megabytes: the log stores parts, the reader puts them together."""
    large: dict[str, Any] = {
        "list<int64>": np.arange(1_500_000),
        "string": "0123456789é" * 1_000_000,
        "bytes": bytes(range(256)) * 70_000,
    }
    small: dict[str, Any] = {"list<int64>": np.arange(3), "string": "s", "bytes": b"b"}
    wanted = [{"x": each[kind], "n": np.int32(n)} for n, each in enumerate([small, large, small])]
    with Writer(tmp_path / "set", {"x": kind, "n": "int32"}) as writer:
        writer.write({"x": [row["x"] for row in wanted], "n": [row["n"] for row in wanted]})
    check(Dataset(tmp_path / "set"), wanted)
    assert list(problems(tmp_path / "set")) == []


def test_flat_arrays_are_views_of_the_file(java: str, tmp_path: Path) -> None:
    flat, lengths = np.arange(100_000, dtype="i4"), np.full(1000, 100)
    with Writer(tmp_path / "set", {"ids": "list<int32>"}) as writer:
        writer.write({"ids": (flat, lengths)})
    rows = Dataset(tmp_path / "set")
    row = rows["ids"][7]
    assert row.tolist() == list(range(700, 800))
    assert not row.flags.writeable and not row.flags.owndata and row.ctypes.data % 4 == 0
    eights = Dataset(tmp_path / "set").payload(int(rows.entries["position"][0]))
    assert np.frombuffer(eights, "u1").ctypes.data % 8 == 0
