"""Building from what others wrote: the same rows from each format, errors that name file, line and reason."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_jvm.datasets import Dataset, DatasetError, Writer, _build, _sources, build
from fast_jvm.datasets.__main__ import main
from fast_jvm.datasets._build import REJECTS
from support.killing import LIMIT_S

Rows = list[dict[str, Any]]
ROWS: Rows = [
    {"ids": list(range(n % 7)), "text": 'row "%d", é\n' % n, "n": n, "share": n / 3, "ok": n % 2 == 0}
    for n in range(3000)
]  # fmt: skip
SCHEMA = {"ids": "list<int64>", "text": "string", "n": "int64", "share": "float64", "ok": "bool"}


def _lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _table(rows: Rows) -> pa.Table:
    return pa.Table.from_pylist(rows, pa.schema([
        ("ids", pa.list_(pa.int64())), ("text", pa.string()), ("n", pa.int64()),
        ("share", pa.float64()), ("ok", pa.bool_()),
    ]))  # fmt: skip


def _parquet(path: Path, rows: Rows) -> None:
    pq.write_table(_table(rows), path, row_group_size=len(rows))


def _arrow(path: Path, rows: Rows) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _table([]).schema) as file:
        for first in range(0, len(rows), 700):
            file.write_table(_table(rows[first : first + 700]))


def _stream(path: Path, rows: Rows) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, _table([]).schema) as file:
        file.write_table(_table(rows))


WAYS: dict[str, Callable[[Path, Rows], Any]] = {
    "rows.jsonl": lambda path, rows: path.write_bytes(_lines(rows)),
    "rows.jsonl.gz": lambda path, rows: path.write_bytes(gzip.compress(_lines(rows))),
    "rows.ndjson.zst": lambda path, rows: path.write_bytes(
        zstandard.compress(_lines(rows[:100])) + zstandard.compress(_lines(rows[100:]))
    ),
    "rows.json": lambda path, rows: path.write_bytes(json.dumps(rows).encode()),
    "indented.json.gz": lambda path, rows: path.write_bytes(
        gzip.compress(json.dumps(rows, indent=2, ensure_ascii=False).encode("utf-8-sig"))
    ),
    "lines.json": lambda path, rows: path.write_bytes(_lines(rows)),
    "rows.parquet": _parquet,
    "rows.arrow": _arrow,
    "stream.arrow": _stream,
}


def told(folder: Path) -> Rows:
    """A dataset's rows as plain values."""
    return [
        {name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
         for name, value in row.items()}
        for row in Dataset(folder)
    ]  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_each_format(java: str, tmp_path: Path, name: str) -> None:
    WAYS[name](tmp_path / name, ROWS)
    seen: list[tuple[str, int, int]] = []
    done = build([tmp_path / name], tmp_path / "set", progress=lambda *given: seen.append(given))
    assert done == (len(ROWS), 0)
    assert Dataset(tmp_path / "set").schema == SCHEMA
    assert told(tmp_path / "set") == ROWS
    assert seen[-1][1] == seen[-1][2] == (tmp_path / name).stat().st_size
    again = build([tmp_path / name], tmp_path / "set")  # all is there
    assert again == (len(ROWS), 0) and len(Dataset(tmp_path / "set")) == len(ROWS)


def test_tables_and_texts(java: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('\ufeffname,n\n"x, ""y""\nz",1\né,-2\n', "utf-8")
    (tmp_path / "b.tsv").write_text("name\tn\nlast\t3\n", "utf-8")
    schema = {"name": "string", "n": "int32"}
    sources = [tmp_path / "a.csv", str(tmp_path / "*.tsv")]
    assert build(sources, tmp_path / "tables", schema) == (3, 0)
    wanted = [('x, "y"\nz', 1), ("é", -2), ("last", 3)]
    assert [(row["name"], row["n"]) for row in told(tmp_path / "tables")] == wanted
    (tmp_path / "c.txt").write_bytes(b"one\r\n\n  two\nlast")
    assert build([tmp_path / "c.txt"], tmp_path / "texts") == (4, 0)
    assert [row["text"] for row in told(tmp_path / "texts")] == ["one", "", "  two", "last"]


BAD = [
    (b"{", "no JSON"),
    (b"[1]", "a list, not an object"),
    (b'{"n": 1}', "there is no 'ids'"),
    (b'{"ids": [1, "2"], "n": 1}', "'ids': a str is no int32"),
    (b'{"ids": [1], "n": 300}', "'n'"),
    (b'{"ids": [1], "n": 1.5}', "'n': a float is no uint8"),
    (b'{"ids": null, "n": 1}', "'ids': a NoneType is no list"),
    (b'{"ids": [2147483648], "n": 1}', "'ids'"),
    (b'{"ids": [1], "n": true}', "'n': a bool is no uint8"),
    (b'{"ids": [], "n": 1, "x": "\xff"}', "no UTF-8"),
    (b"[" * 100_000, "no JSON"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD, ids=range(len(BAD)))
def test_bad_rows(java: str, tmp_path: Path, bad: bytes, reason: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(b'{"ids": [1], "n": 1}\n\n' + bad + b'\n{"ids": [2], "n": 2}\n')
    schema = {"ids": "list<int32>", "n": "uint8"}
    with pytest.raises(DatasetError) as error:
        build([file], tmp_path / "set", schema)
    assert f"{file}, line 3: " in str(error.value) and reason in str(error.value), error.value
    arguments = ["build", str(file), str(tmp_path / "set"), "--schema", "ids=list<int32>,n=uint8"]
    assert main(arguments) == 2
    assert main([*arguments, "--on-error", "skip"]) == 1
    assert [row["n"] for row in told(tmp_path / "set")] == [1, 2]
    (line,) = (tmp_path / "set" / REJECTS).read_text("utf-8").splitlines()
    told_of = json.loads(line)
    assert told_of["file"] == str(file) and told_of["line"] == 3 and reason in told_of["reason"]
    assert main([*arguments, "--on-error", "skip"]) == 1  # once more: nothing is added
    assert len(Dataset(tmp_path / "set")) == 2


def test_bad_rows_of_arrow_files(java: str, tmp_path: Path) -> None:
    table = pa.table({"ids": [[1], None, [2, None], [3]], "n": [1, 2, 3, 400]})
    pq.write_table(table, tmp_path / "rows.parquet")
    schema = {"ids": "list<int32>", "n": "uint8"}
    with pytest.raises(DatasetError, match="line 2: 'ids': a NoneType is no list"):
        build([tmp_path / "rows.parquet"], tmp_path / "one", schema)
    done = build([tmp_path / "rows.parquet"], tmp_path / "set", schema, on_error="skip")
    assert done == (1, 3) and told(tmp_path / "set") == [{"ids": [1], "n": 1}]


def test_damaged_and_unknown_files(java: str, tmp_path: Path) -> None:
    packed = gzip.compress(_lines(ROWS))
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DatasetError, match=r"cut.jsonl.gz, line \d+: "):
        build([tmp_path / "cut.jsonl.gz"], tmp_path / "cut", SCHEMA)
    there = told(tmp_path / "cut")
    assert there == ROWS[: len(there)]
    (tmp_path / "rows.xlsx").write_bytes(b"")
    for sources, words in ((["rows.xlsx"], "not one of"), (["none.jsonl"], "no such file")):
        with pytest.raises(DatasetError, match=words):
            build([tmp_path / each for each in sources], tmp_path / "none")
    (tmp_path / "mixed.jsonl").write_text('{"a": 1}\n{"a": "b"}\n')
    with pytest.raises(DatasetError, match="give a schema"):
        build([tmp_path / "mixed.jsonl"], tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "one.jsonl").write_text('{"a": 1}\n')
    build([tmp_path / "one.jsonl"], tmp_path / "set")
    (tmp_path / "two.jsonl").write_text('{"a": 2}\n')
    with pytest.raises(DatasetError, match="other sources"):
        build([tmp_path / "two.jsonl"], tmp_path / "set")


WRONG = [
    ('[{"a": 1},\n{"a": 2}', "it ends"),
    ('[{"a": 1},\n]', "no JSON"),
    ('[{"a": 1}\n{"a": 2}]', "'{' in the place of ','"),
    ('[{"a": 1},\n{"a": 2}] 3', "behind"),
    ('[{"a": 1},\n{"a": }]', "no JSON"),
    ('[{"a": 1},\n{"a": "no end', "no JSON"),
    ('[{"a": 1},\n12345]', "a int, not an object"),
    ('[{"a": 1},\n' + "[" * 100_000, "no JSON"),
]


@pytest.mark.parametrize(("text", "reason"), WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_damaged_arrays(
    java: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str, chunk: int
) -> None:
    monkeypatch.setattr(_sources, "CHUNK", chunk)
    (tmp_path / "rows.json").write_text(text)
    with pytest.raises(DatasetError) as error:
        build([tmp_path / "rows.json"], tmp_path / "set", {"a": "int64"})
    assert "rows.json, line 2: " in str(error.value) and reason in str(error.value), error.value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=4), JSON, max_size=4), max_size=6),
    indent=st.sampled_from([None, 0, 3]),
    chunk=st.integers(1, 40),
    ascii_=st.booleans(),
)
def test_arrays_in_pieces(rows: Rows, indent: int | None, chunk: int, ascii_: bool) -> None:
    """Cut anywhere, an array is what json.loads says it is."""
    with tempfile.TemporaryDirectory() as base, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sources, "CHUNK", chunk)
        path = Path(base, "rows.json")
        path.write_bytes(
            json.dumps(rows, indent=indent, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")
        )
        try:
            wanted = json.loads(path.read_text("utf-8"))
        except UnicodeDecodeError:
            return
        assert [item.row for item in _sources._json_array(str(path))] == wanted


BUILDER = """
import sys, time
from fast_jvm.datasets import _sources, build
_sources.BLOCK = 20_000
def progress(path, read, size):
    print("on", flush=True)
build([sys.argv[1]], sys.argv[2], batch_bytes=2000, progress=progress)
"""


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_killed_build_goes_on(
    java: str, tmp_path: Path, fresh: Callable[..., dict[str, str]], name: str
) -> None:
    rows = [{**row, "n": n} for n, row in enumerate(ROWS * 4)]
    WAYS[name](tmp_path / name, rows)
    for kill in range(4):
        builder = subprocess.Popen(
            [sys.executable, "-c", BUILDER, str(tmp_path / name), str(tmp_path / "set")],
            env=fresh(),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert builder.stdout is not None
        for _ in range(2 + 3 * kill if name == "rows.jsonl" else 1):
            builder.stdout.readline()
        builder.kill()
        builder.communicate(timeout=LIMIT_S)
    assert build([tmp_path / name], tmp_path / "set") == (len(rows), 0)
    assert told(tmp_path / "set") == rows


@pytest.mark.parametrize("name", ["rows.parquet", "rows.arrow"])
@pytest.mark.parametrize("bad", [None, 3, 44])
def test_a_build_goes_on_amid_a_record_batch(
    java: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, bad: int | None
) -> None:
    """Batches without a row in doubt are not taken apart, those that are there neither; rejected rows do not count."""
    monkeypatch.setattr(_sources, "ARROW_BYTES", 1)
    schema = {"n": "int8", "ids": "list<int32>"}
    table = pa.table({
        "n": pa.array([1000 if n == bad else n for n in range(60)], pa.int64()),
        "ids": pa.array([[n] * (n % 5) for n in range(60)], pa.list_(pa.int64())),
    })  # fmt: skip
    if name == "rows.parquet":
        pq.write_table(table, tmp_path / name)
    else:
        with pa.OSFile(str(tmp_path / name), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:  # fmt: skip
            out.write_table(table)

    def rows(there: Dataset) -> list[tuple[int, list[int]]]:
        return [(int(row["n"]), row["ids"].tolist()) for row in there]

    wanted = [(n, [n] * (n % 5)) for n in range(60) if n != bad]
    told = {"sources": [[str(tmp_path / name), (tmp_path / name).stat().st_size]]}
    for there in (0, 1, 15, 16, 37, 59):
        folder = tmp_path / f"set{there}"
        with Writer(folder, schema, metadata=told) as writer:
            some = wanted[:there]
            writer.write({"n": [n for n, _ in some], "ids": [ids for _, ids in some]})
        apart: list[int] = []
        with pytest.MonkeyPatch.context() as patch:
            item = _build._Work.item
            patch.setattr(
                _build._Work, "item", lambda self, *each: (apart.append(1), item(self, *each))[1]
            )
            done = build([tmp_path / name], folder, schema, on_error="skip")
        assert done == (len(wanted), 60 - len(wanted))
        assert rows(Dataset(folder)) == wanted
        assert len(apart) == (0 if bad is None else 16 if bad < 48 else 12)


MEMORY = """
import json, sys
from fast_jvm.datasets import build
import fast_jvm, numpy
fast_jvm.require("batch_log")
if sys.argv[1].endswith("parquet"):
    import pyarrow.parquet
def anonymous():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))
before, most = anonymous(), [0]
build([sys.argv[1]], sys.argv[2], progress=lambda *_: most.append(anonymous()))
print(json.dumps((max(most) - before) / 1024))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.parquet"])
def test_memory_is_bounded(
    java: str, tmp_path: Path, fresh: Callable[..., dict[str, str]], name: str
) -> None:
    """A file of 150 MB, as one row group where it is Parquet."""
    rows = [{**ROWS[0], "ids": list(range(n, n + 1200)), "n": n} for n in range(20_000)]
    WAYS[name](tmp_path / name, rows)
    del rows
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / name), str(tmp_path / "set")],
        env=fresh(),
        capture_output=True,
        text=True,
        timeout=LIMIT_S * 3,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) < (150 if name == "rows.parquet" else 300)
    rows_there = Dataset(tmp_path / "set")
    assert len(rows_there) == 20_000 and rows_there["ids"][19_999][-1] == 21_198


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "ids": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5),
                "text": st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
                "n": st.integers(-(2**63), 2**63 - 1),
                "share": st.floats(allow_nan=False),
                "ok": st.booleans(),
            }
        ),
        min_size=1,
        max_size=20,
    )
)
def test_any_rows_from_each_format(java: str, rows: Rows) -> None:
    for name, write in WAYS.items():
        with tempfile.TemporaryDirectory() as base:
            write(Path(base, name), rows)
            assert build([Path(base, name)], Path(base, "set"), SCHEMA) == (len(rows), 0)
            assert told(Path(base, "set")) == rows
