"""Rows that come from the disk are asked for ahead: what is read is the same, in the same order."""

from __future__ import annotations

import itertools
import pickle
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_jvm.datasets import Dataset, Writer, _ahead, join

from .rows import SCHEMA, check, write

COUNT = 700


@pytest.fixture(scope="module")
def sets(java: str) -> Iterator[list[Dataset]]:
    """One with files of its own, and one that joins two."""
    with tempfile.TemporaryDirectory() as base:
        for name, first, last in (("one", 0, COUNT), ("a", 0, 300), ("b", 300, COUNT)):
            with Writer(Path(base, name), SCHEMA, batch_bytes=20_000) as writer:
                write(writer, first, last)
        yield [Dataset(Path(base, "one")), join(Path(base, "all"), [Path(base, n) for n in "ab"])]


def plain(row: dict[str, object]) -> tuple[int, str, list[int]]:
    return int(row["n"]), row["text"], row["ids"].tolist()  # type: ignore[call-overload, return-value, attr-defined]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process waits for its pages, always."""
    monkeypatch.setattr(_ahead, "_faults", itertools.count(0, 10_000).__next__)
    monkeypatch.setattr(_ahead, "LOOK", 1)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_same_rows(sets: list[Dataset], data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ahead, "_faults", itertools.count(0, 10_000).__next__)
        patch.setattr(_ahead, "LOOK", data.draw(st.integers(1, 3)))
        patch.setattr(_ahead, "ASKED", data.draw(st.integers(1, 50)))
        patch.setattr(_ahead, "PIECE", data.draw(st.integers(1, 40)))
        patch.setattr(_ahead, "PIECES", data.draw(st.integers(0, 9)))
        rows = data.draw(st.sampled_from(sets))
        known = {n: plain(rows[n]) for n in range(0, COUNT)}
        numbers = data.draw(st.lists(st.integers(-COUNT, COUNT - 1), min_size=1, max_size=200))
        wanted = [known[n % COUNT] for n in numbers]
        for _ in range(3):
            assert [plain(row) for row in rows.__getitems__(numbers)] == wanted
            found = rows[numbers]
            assert found["n"].tolist() == [n for n, _, _ in wanted]
            assert [each.tolist() for each in found["ids"]] == [ids for _, _, ids in wanted]
        some = rows.select(numbers)
        assert [plain(row) for row in some] == wanted
        assert [plain(row) for row in some.__getitems__(range(len(some)))] == wanted
        assert some.will_need(range(len(some))) is None
        shuffled = rows.shuffle(3)
        order = np.random.default_rng(3).permutation(COUNT).tolist()
        assert [plain(row) for row in shuffled] == [known[n] for n in order]
        assert [plain(row) for row in pickle.loads(pickle.dumps(shuffled))][:9] == [
            known[n] for n in order[:9]
        ]
        assert [plain(row) for row in rows] == list(known.values())


def test_a_row_that_is_not_there(sets: list[Dataset], slow: None) -> None:
    for rows in sets:
        rows.__getitems__([3, 1])
        for wrong in ([0, COUNT], [-COUNT - 1]):
            with pytest.raises(IndexError):
                rows.__getitems__(wrong)
            with pytest.raises(IndexError):
                rows.will_need(wrong)


def test_large_and_empty_rows(java: str, tmp_path: Path, slow: None) -> None:
    """A row of several parts, an empty one, and several segments."""
    lengths = [3_000_000, 0, 5, 0, 1_000_000, 7]
    with Writer(tmp_path / "set", {"ids": "list<int32>"}, segment_bytes=16 << 20) as writer:
        for n, length in enumerate(lengths):
            writer.write({"ids": [np.full(length, n, "i4")]})
    rows = Dataset(tmp_path / "set")
    for _ in range(3):
        for n, row in zip([5, 0, 3, 1, 4, 2], rows.__getitems__([5, 0, 3, 1, 4, 2]), strict=True):
            assert len(row["ids"]) == lengths[n] and (row["ids"] == n).all()


def flags(folder: str) -> set[bool]:
    """Of each map of a folder's files: whether it is read in any order."""
    text = Path("/proc/self/smaps").read_text()
    found = re.findall(
        r"^[0-9a-f]+-[^\n]* (/\S+)\n(?:\w+: [^\n]*\n)*?VmFlags: ([^\n]*)", text, re.M
    )
    return {"rr" in held.split() for path, held in found if path.startswith(folder + "/")}


def test_a_selection_is_of_the_maps_that_are_there(java: str, tmp_path: Path) -> None:
    with Writer(tmp_path / "set", SCHEMA) as writer:
        write(writer, 0, 9)
    rows = Dataset(tmp_path / "set")
    with Writer(tmp_path / "set", SCHEMA) as writer:
        write(writer, 9, 12)
    shutil.rmtree(tmp_path / "set")
    assert sorted(int(row["n"]) for row in rows.shuffle(1)) == list(range(9))
    check(rows.select(range(9)), 9)
    assert rows.with_format("arrow")[2:4].column("n").to_pylist() == [2, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_kernel_knows_the_order(java: str, tmp_path: Path) -> None:
    with Writer(tmp_path / "set", SCHEMA) as writer:
        write(writer, 0, 50)
    rows = Dataset(tmp_path / "set")
    folder = rows.folder
    check(rows, 50)
    assert flags(folder) == {False}
    shuffled = rows.shuffle(1)
    assert True in flags(folder)
    assert len(list(rows.batches())) == 1 and flags(folder) == {False}
    assert len(list(shuffled)) == 50
    sent = pickle.dumps(rows.shuffle(1))
    del rows, shuffled
    again = pickle.loads(sent)
    assert True in flags(folder)
    assert len(list(again)) == 50


def test_nothing_is_asked_for_rows_in_memory(sets: list[Dataset]) -> None:
    """And a look at the page faults is rare."""
    pace = _ahead.Pace()
    with pytest.MonkeyPatch.context() as patch:
        looks = itertools.count()

        def few() -> int:
            next(looks)
            return 5

        patch.setattr(_ahead, "_faults", few)
        assert not any(pace.asks(32) for _ in range(800))
        assert next(looks) <= 110
        many = itertools.count(0, 1000)
        patch.setattr(_ahead, "_faults", many.__next__)
        asked = [pace.asks(32) for _ in range(3000)]
        assert asked.index(True) <= 2 * _ahead.LOOK
        assert sum(asked) > 2900
