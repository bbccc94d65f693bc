"""A compacted dataset holds the same rows, whoever reads, writes or is killed meanwhile."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fast_jvm.datasets import Dataset, DatasetError, Writer, compact, join
from fast_jvm.datasets.__main__ import main
from fast_jvm.datasets._verify import problems
from support.killing import LIMIT_S, killed

from .rows import SCHEMA, check, write

PROLOGUE = f"""
import os, sys, time
import numpy as np
from fast_jvm.datasets import Dataset, Writer, compact
SCHEMA = {SCHEMA!r}
def write(writer, first, last):
    numbers = range(first, last)
    writer.write({{"ids": [np.full(n * 37 % 900, n, "i4") for n in numbers], "n": list(numbers), "text": ["row %d" % n for n in numbers]}})
"""
COMPACTING = (
    PROLOGUE
    + """
print("open", flush=True)
while True:
    compact(sys.argv[1], segment_bytes=1 << 20)
    print(1, flush=True)
"""
)
WRITING = (
    PROLOGUE
    + """
writer = Writer(sys.argv[1], SCHEMA, segment_bytes=1 << 20)
print("open", flush=True)
for n in range(int(sys.argv[2]), int(sys.argv[3])):
    write(writer, n, n + 1)
writer.close()
"""
)
READING = (
    PROLOGUE
    + """
rows = Dataset(sys.argv[1])
print("open", flush=True)
least = len(rows)
while not os.path.exists(sys.argv[2]):
    for n in range(len(rows)):
        row = rows[n]
        assert row["n"] == n and row["text"] == "row %d" % n and (row["ids"] == n).all(), (n, row)
    assert rows.refresh() >= least
    least = len(rows)
"""
)


@pytest.fixture
def folder(java: str, tmp_path: Path) -> Path:
    """A dataset of 400 rows in as many batches."""
    with Writer(tmp_path / "set", SCHEMA, segment_bytes=1 << 20, metadata={"of": "rows"}) as writer:
        for n in range(400):
            write(writer, n, n + 1)
    return tmp_path / "set"


def test_batches_are_put_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rejects.jsonl").write_text("{}\n")
    before = Dataset(folder)
    view = before[89]["ids"]
    assert main(["compact", str(folder)]) == 0
    assert "1 batches" in capsys.readouterr().out
    after = Dataset(folder)
    assert len(after.entries) == 1 and after.metadata == {"of": "rows"}
    check(after, 400)
    check(before, 400)  # in the old files
    assert (view == 89).all()
    assert before.refresh() == 400 and len(before.entries) == 1
    assert list(problems(folder)) == []
    assert (folder / "rejects.jsonl").read_text() == "{}\n"
    assert sorted(os.listdir(folder.parent)) == ["set"]
    if os.name == "posix":
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_writer_goes_on_in_the_new_files(folder: Path) -> None:
    writer = Writer(folder, SCHEMA, segment_bytes=1 << 20)
    write(writer, 400, 410)
    writer.write_row({"ids": np.full(410 * 37 % 900, 410, "i4"), "n": 410, "text": "row 410"})
    compact(folder)
    write(writer, 411, 430)
    assert writer.rows == 430
    compact(folder)
    writer.close()
    check(Dataset(folder), 430)
    assert list(problems(folder)) == []


def test_a_folder_that_is_gone_is_an_error(folder: Path) -> None:
    writer = Writer(folder, SCHEMA)
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError):
        write(writer, 400, 401)
    assert not folder.exists()


def test_what_is_damaged_is_left_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = next((folder / "log").glob("*L.cq4"))
    whole = path.read_bytes()
    at = whole.index(b"row 17")
    path.write_bytes(whole[:at] + b"X" + whole[at + 1 :])
    assert main(["compact", str(folder)]) == 2
    assert "damaged" in capsys.readouterr().err
    assert len(Dataset(folder)) == 400 and os.listdir(folder.parent) == ["set"]
    with pytest.raises(DatasetError):
        compact(folder.parent / "none")
    assert not (folder.parent / "none").exists()


def test_a_full_disk(java: str, mount: Callable[..., Path]) -> None:
    at = mount("-t", "tmpfs", "-o", "size=6m,mode=700", "tmpfs")
    with Writer(at / "set", {"raw": "bytes"}, segment_bytes=1 << 20) as writer:
        for n in range(300):
            writer.write({"raw": [random.Random(n).randbytes(12_000)]})
    with pytest.raises(OSError):
        compact(at / "set")
    rows = Dataset(at / "set")
    assert all(rows["raw"][n] == random.Random(n).randbytes(12_000) for n in range(300))
    assert os.listdir(at) == ["set"]


def test_killed_meanwhile(folder: Path, fresh: Callable[..., dict[str, str]]) -> None:
    """It is as it was or as it is to be, and the next one succeeds."""
    environment = fresh(FAST_JVM_CACHE="off")
    waits = np.random.default_rng(5).uniform(0, 0.12, 8).tolist()
    for number, after_s in enumerate(waits):
        killed(
            COMPACTING, str(folder), environment=environment, first=number % 4 > 0, after_s=after_s
        )
        check(Dataset(folder), 400)
        assert list(problems(folder)) == []
    compact(folder)
    check(Dataset(folder), 400)
    assert os.listdir(folder.parent) == ["set"]


def test_readers_and_writers_of_other_processes(
    folder: Path, fresh: Callable[..., dict[str, str]]
) -> None:
    """None of them sees another's row, and no row is lost."""
    environment, done = fresh(FAST_JVM_CACHE="off"), folder.parent / "done"
    writer = [sys.executable, "-c", WRITING, str(folder), "400", "700"]
    reader = [sys.executable, "-c", READING, str(folder), str(done)]
    processes: list[Any] = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for command in (writer, reader, reader)
    ]
    try:
        for each in processes:
            assert each.stdout.readline() == "open\n"
        rounds = 0
        while processes[0].poll() is None or rounds < 3:
            compact(folder, segment_bytes=1 << 20)
            rounds += 1
        done.touch()
        for each in processes:
            assert each.wait(LIMIT_S) == 0
    finally:
        for each in processes:
            each.kill()
            each.communicate()
    check(Dataset(folder), 700)
    assert list(problems(folder)) == []


def test_shards_are_compacted_by_themselves(folder: Path, tmp_path: Path) -> None:
    joined = join(tmp_path / "all", [folder, folder])
    assert len(joined) == 800
    with pytest.raises(DatasetError, match="joins shards"):
        compact(tmp_path / "all")
    compact(folder)
    assert Dataset(tmp_path / "all")[799]["text"] == "row 399"
