"""Writers that are killed, disks that are full, files that others changed."""

from __future__ import annotations

import errno
import multiprocessing
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fast_jvm.datasets import Dataset, DatasetError, Writer
from fast_jvm.datasets.__main__ import main
from fast_jvm.datasets._format import segment_file
from fast_jvm.datasets._verify import problems
from support.killing import LIMIT_S, killed, survived

from .rows import SCHEMA, check, write

PROLOGUE = f"""
import os, random, sys
import numpy as np
from fast_jvm.datasets import Dataset, Writer
from fast_jvm.datasets._verify import problems
SCHEMA = {SCHEMA!r}
def row(n):
    return {{"ids": np.full(n * 37 % 900, n, "i4"), "n": n, "text": "row %d" % n}}
def check(rows, n):
    got = rows[n]
    assert got["n"] == n and got["text"] == "row %d" % n, got
    assert len(got["ids"]) == n * 37 % 900 and (got["ids"] == n).all(), got
"""
VICTIM = (
    PROLOGUE
    + """
writer = Writer(sys.argv[1], SCHEMA, batch_bytes=3000, segment_bytes=1 << 20, durability=sys.argv[2])
print("open", flush=True)
n = writer.rows
while True:
    count = random.randrange(1, 20)
    some = [row(each) for each in range(n, n + count)]
    writer.write({name: [each[name] for each in some] for name in SCHEMA})
    n += count
    print(n, flush=True)
"""
)
SURVIVOR = (
    PROLOGUE
    + """
told = max(map(int, sys.stdin.read().split()), default=0)
folder = sys.argv[1] if len(sys.argv) > 1 else os.environ["FOLDER"]
with Writer(folder, SCHEMA) as writer:
    assert writer.rows >= told, (writer.rows, told)
rows = Dataset(folder)
for n in range(len(rows)):
    check(rows, n)
assert not list(problems(folder)), list(problems(folder))
"""
)


def _killed(
    rounds: int, folder: Path, environment: dict[str, str], durability: str, seed: int
) -> None:
    environment["FOLDER"] = str(folder)
    waits = np.random.default_rng(seed).uniform(0, 0.15, rounds).tolist()
    told = [0]
    for number, after_s in enumerate(waits):
        told += killed(
            VICTIM, str(folder), durability, environment=environment, first=number % 5 > 0, after_s=after_s
        )  # fmt: skip
        if number % 5 == 4 or number == rounds - 1:
            survived(SURVIVOR, told, environment, number)
    assert len(told) > rounds


@pytest.mark.parametrize(("durability", "rounds"), [("process", 8), ("disk", 3)])
def test_a_killed_writer(
    java: str, tmp_path: Path, fresh: Callable[..., dict[str, str]], durability: str, rounds: int
) -> None:
    """All that was acknowledged is there, nothing else is torn, and the next writer goes on at once."""
    _killed(rounds, tmp_path / "set", fresh(FAST_JVM_CACHE="off"), durability, 1)


@pytest.mark.long
def test_a_writer_killed_100_times(
    java: str, tmp_path: Path, fresh: Callable[..., dict[str, str]]
) -> None:
    _killed(100, tmp_path / "set", fresh(FAST_JVM_CACHE="off"), "process", 2)


def test_a_full_disk(java: str, mount: Callable[..., Path], tmp_path: Path) -> None:
    """An error that says so; what was acknowledged is read, and a writer with room again goes on."""
    at = mount("-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs")
    done = 0
    writer = Writer(at / "set", SCHEMA, segment_bytes=1 << 30)
    with pytest.raises(OSError) as error:
        while done < 100_000:
            write(writer, done, done + 50)
            done += 50
    assert error.value.errno == errno.ENOSPC
    there = len(Dataset(at / "set"))
    assert there in (done, done + 50)  # the log may have it, and then the index had no room
    check(Dataset(at / "set"), there)
    with pytest.raises(OSError):
        for _ in range(50):
            write(writer, writer.rows, writer.rows + 50)
    subprocess.run(["mount", "-o", "remount,size=30m", str(at)], check=True)
    first = writer.rows
    assert first >= done
    write(writer, first, first + 500)
    writer.close()
    check(Dataset(at / "set"), first + 500)
    assert list(problems(at / "set")) == []


@pytest.fixture
def folder(java: str, tmp_path: Path) -> Path:
    """A dataset of 2,000 rows in several batches and segments."""
    with Writer(tmp_path / "set", SCHEMA, batch_bytes=100_000, segment_bytes=1 << 20) as writer:
        write(writer, 0, 2000)
    return tmp_path / "set"


def _segments(folder: Path) -> list[Path]:
    return sorted((folder / "log").glob("*L.cq4"))


def test_files_that_are_cut_or_gone_are_found_when_it_is_opened(folder: Path) -> None:
    paths = [*_segments(folder), *(folder / "index").iterdir(), folder / "manifest.json"]
    assert len(paths) >= 6
    for path in paths:
        for what in ("cut", "gone"):
            copy = folder.parent / "copy"
            shutil.copytree(folder, copy)
            target = copy / path.relative_to(folder)
            if what == "gone":
                target.unlink()
            else:
                with target.open("r+b") as file:
                    file.truncate(target.stat().st_size // 2 if "index" in path.parts or
                                  path.suffix == ".json" else 50_000)  # fmt: skip
            with pytest.raises(DatasetError) as error:
                Dataset(copy)
            named = str(error.value)
            assert path.name in named or path.name == "batches" or "manifest" in named, named
            assert main(["info", str(copy)]) == 2
            shutil.rmtree(copy)


def test_a_flipped_bit_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder)]) == 0
    rows = Dataset(folder)
    random = np.random.default_rng(3)
    for number in random.choice(len(rows.entries), 8, replace=False).tolist():
        entry = rows.entries[number]
        position = int(entry["position"])
        segment, offset = position >> 40, position & ((1 << 40) - 1)
        path = Path(segment_file(str(folder), segment))
        at = offset + 16 + int(random.integers(int(entry["bytes"])))
        with path.open("r+b") as file:
            file.seek(at)
            (byte,) = file.read(1)
            file.seek(at)
            file.write(bytes([byte ^ 1 << int(random.integers(8))]))
            file.flush()
            assert main(["verify", str(folder)]) == 1
            out = capsys.readouterr().out
            assert path.name in out and f"rows up to {int(entry['rows'])}:" in out, out
            file.seek(at)
            file.write(bytes([byte]))
    for name in [path.name for path in (folder / "index").iterdir()]:
        copy = folder.parent / name
        shutil.copytree(folder, copy)
        with (copy / "index" / name).open("r+b") as file:
            file.seek(int(random.integers(file.seek(0, 2))))
            (byte,) = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte ^ 4]))
        assert main(["verify", str(copy)]) in (1, 2), name


def test_half_a_batch_of_a_killed_writer_is_no_damage(folder: Path) -> None:
    """It was told to nobody, and the next batch goes elsewhere or over it."""
    entry = Dataset(folder).entries[-1]
    position = int(entry["position"])
    with open(segment_file(str(folder), position >> 40), "r+b") as file:
        file.seek((position & ((1 << 40) - 1)) - 4)
        (header,) = struct.unpack("<I", file.read(4))
        file.seek((header & ((1 << 30) - 1)) + 3 & ~3, 1)
        file.write(struct.pack("<I", 1 << 31) + b"half a batch" * 40)
    assert list(problems(folder)) == []
    check(Dataset(folder), 2000)


def test_what_is_deleted_stays_readable_while_it_is_mapped(folder: Path) -> None:
    rows = Dataset(folder)
    check(rows, 2000)
    view = rows["ids"][1999]
    shutil.rmtree(folder)
    check(rows, 2000)
    del rows
    assert (view == 1999).all() and len(view) == 1999 * 37 % 900


READER = (
    PROLOGUE
    + """
import time
rows = Dataset(sys.argv[1])
print("open", flush=True)
seen, end = 0, time.monotonic() + 30
while seen < 3000 and time.monotonic() < end:
    there = rows.refresh()
    for n in range(seen, there):
        check(rows, n)
    for n in range(0, there, 97):
        check(rows, n)
    seen = there
assert seen == 3000, seen
import fast_jvm
assert fast_jvm.status().phase == "idle"
"""
)


def test_readers_follow_a_writer(
    java: str, tmp_path: Path, fresh: Callable[..., dict[str, str]]
) -> None:
    """Two processes read while one writes: never a torn row; and no reader has started Java."""
    writer = Writer(tmp_path / "set", SCHEMA, segment_bytes=1 << 20)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(tmp_path / "set")],
            env=fresh(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout is not None and reader.stdout.readline() == "open\n"
    for first in range(0, 3000, 10):
        write(writer, first, first + 10)
        if first % 300 == 0:
            time.sleep(0.01)
    for reader in readers:
        _, errors = reader.communicate(timeout=LIMIT_S)
        assert reader.returncode == 0, errors
    writer.close()


WRITER = (
    PROLOGUE
    + """
who = int(sys.argv[2])
writer = Writer(sys.argv[1], {"who": "int32", "n": "int32", "ids": "list<int32>"}, segment_bytes=1 << 20)
for n in range(200):
    writer.write({"who": [who] * 3, "n": [n] * 3, "ids": [[who, n, each] * (n % 50) for each in range(3)]})
writer.close()
"""
)


def test_writers_of_several_processes(
    java: str, tmp_path: Path, fresh: Callable[..., dict[str, str]]
) -> None:
    """Batches of all are there, whole, each writer's in its order."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "set"), str(who)],
            env=fresh(),
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in range(3)
    ]
    for each in writers:
        _, errors = each.communicate(timeout=LIMIT_S)
        assert each.returncode == 0, errors
    rows = Dataset(tmp_path / "set")
    assert len(rows) == 3 * 200 * 3
    told: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for first in range(0, len(rows), 3):
        for each in range(3):
            row = rows[first + each]
            who, n = int(row["who"]), int(row["n"])
            assert row["ids"].tolist() == [who, n, each] * (n % 50)
        told[who].append(n)
    assert all(numbers == list(range(200)) for numbers in told.values())
    assert list(problems(tmp_path / "set")) == []


def _total(rows: Dataset, first: int, last: int) -> int:
    return sum(int(rows[n]["ids"].sum()) for n in range(first, last))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers(folder: Path, method: str) -> None:
    """A dataset goes to workers, as a DataLoader sends it."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    rows = Dataset(folder)
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.starmap(_total, [(rows, 0, 1000), (rows, 1000, 2000)])
    assert sum(found) == sum(n * (n * 37 % 900) for n in range(2000))


def test_what_cannot_be_written(java: str, tmp_path: Path) -> None:
    """Each is an error that names the column; nothing of the batch is written."""
    schema = {"ids": "list<int32>", "n": "uint8", "flag": "bool", "text": "string", "raw": "bytes"}
    good: dict[str, Any] = {
        "ids": [[1], [2]], "n": [1, 2], "flag": [True, False], "text": ["a", "b"], "raw": [b"", b"x"],
    }  # fmt: skip
    wrong: dict[str, list[Any]] = {
        "ids": [[[1]], [[1], [2**31]], [[1.5], [2]], [[[1]], [[2]]], [["a"], ["b"]], [1, 2],
                (np.arange(3), np.array([1, 1])), (np.arange(3), np.array([4, -1]))],
        "n": [[1], [1, 256], [1, -1], [1, 2.5], [1, "2"], [[1], [2]], 5],
        "flag": [[1, 0], ["", ""]],
        "text": [["a"], [b"a", "b"], ["a", 5], ["a", "\ud800"]],
        "raw": [["a", "b"], [b"", 5]],
    }  # fmt: skip
    with Writer(tmp_path / "set", schema) as writer:
        writer.write(good)
        for name, values in wrong.items():
            for value in values:
                with pytest.raises((ValueError, TypeError)):
                    writer.write({**good, name: value})
                    pytest.fail(f"{name}: {value}")
        for batch in ({}, {**good, "more": [1, 2]}, {k: v for k, v in good.items() if k != "n"}):
            with pytest.raises(ValueError, match="columns"):
                writer.write(batch)
            with pytest.raises(ValueError, match="columns"):
                writer.write_row(batch)
        writer.write({**good, "n": np.array([3.0, 4.0]), "flag": np.array([True, True])})
        assert writer.rows == 4
    with pytest.raises(DatasetError, match="columns"):
        Writer(tmp_path / "set", {"other": "int32"})
    for schema in ({}, {"a": "int31"}, {"a": "list<string>"}, {"a b": "int8"}, {"batches": "int8"}):
        with pytest.raises(ValueError):
            Writer(tmp_path / "none", schema)
    assert not (tmp_path / "none").exists()
    assert main(["info", str(tmp_path / "none")]) == 2
    assert main(["info", str(tmp_path / "set")]) == 0
    manifest = tmp_path / "set" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("dataset 1", "dataset 9"))
    with pytest.raises(DatasetError, match="dataset 9"):
        Dataset(tmp_path / "set")


def test_nobody_else_reads(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
