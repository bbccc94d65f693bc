"""The soak, short here and whole with --long; and that it would notice what it looks for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from soak import MB, Case, Memory, Sample, Soak, identical, memory

from support import models as m

ROOT = Path(__file__).resolve().parents[2]
WARM_UP_IS_LONGER = 60
"""MB: in seconds memory does not settle; a leak of one object a call would be more."""


def soak(tmp_path: Path, *arguments: str, timeout: float) -> dict:
    file = tmp_path / "soak.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", f"--json={file}", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(file.read_text())


@pytest.mark.usefixtures("java")
@pytest.mark.line("processes", "mixed calls from 8 threads, short", "results equal, no error")
def test_short(tmp_path: Path) -> None:
    found = soak(
        tmp_path, "--calls=40000", "--seconds=10", f"--flat={WARM_UP_IS_LONGER}", timeout=200
    )
    assert sum(found["calls"].values()) >= 40_000 and min(found["calls"].values()) > 0
    assert found["entered"] > 20_000


@pytest.mark.long
@pytest.mark.usefixtures("java")
@pytest.mark.line(
    "processes",
    "1,000,000 mixed calls from 8 threads, 10 minutes",
    "results equal, no error, RSS flat",
)
def test_whole(tmp_path: Path) -> None:
    assert sum(soak(tmp_path, timeout=1500)["calls"].values()) >= 1_000_000


def samples(*sizes: float) -> list[Sample]:
    return [Sample(second, second, int(size * MB), 0) for second, size in enumerate(sizes)]


def test_it_notices_growth() -> None:
    rising = memory(samples(*(100 + 0.1 * second for second in range(100))))
    assert rising.rise > 7 * MB and rising.trend > 7 * MB
    late = memory(samples(*[100] * 90, *[106] * 10))
    assert late.rise == 6 * MB
    warming = memory(samples(*range(20), *[20] * 80))
    assert warming.rise == 0 == warming.trend
    assert Memory([9, 5, 6]).rise == 1 and Memory([9, 5, 6]).spread == 4


def test_it_notices_differences() -> None:
    assert identical({"a": [1, (2.0, "x")]}, {"a": [1, (2.0, "x")]})
    for one, other in (
        (1, True), (1, 1.0), (0.0, -0.0), ([1], (1,)), ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: 1}, {True: 1}), ([1], [1, 2]), (m.Scalars(name="a"), m.Scalars(name="b")),
        (m.Scalars(name="a", count=0), m.Scalars(name="a")), (m.Plain("a"), m.Frozen("a")),
        ({1, 2}, frozenset({1, 2})), ([b"x"], [bytearray(b"x")]),
    ):  # fmt: skip
        assert not identical(one, other) and not identical([one], [other])


@pytest.mark.parametrize(
    ("value", "error"),
    [(4, None), (3.0, None), (None, (ValueError,))],
    ids=["value", "type", "error"],
)
def test_it_counts_them(value, error) -> None:
    run = Soak.__new__(Soak)
    run.__dict__.update(differences=0, kept=[])
    from collections import Counter

    count: Counter[str] = Counter()
    run._one(Case("group", len, "abc", 3), count)
    assert (run.differences, run.kept) == (0, [])
    run._one(Case("group", len, "abc", value, error), count)
    assert run.differences == 1 and len(run.kept) == 1 and count["group"] == 2
