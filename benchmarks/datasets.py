"""Rows of memory-mapped datasets, beside a bare `numpy.memmap` of the same tokens.

The original is what a careful user writes by hand: one file of tokens, an array of offsets in memory; it survives
no crash of its writer and has no checksum. The samples are a million of 200 to 2,000 int32 tokens.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import numpy as np

from benchmarks.harness import Bar, Result, Row, at_most

SAMPLES = 1_000_000
AT_ONCE = 5_000
READS = 100_000
EPOCH = """
import json, os, sys
import numpy as np
def anonymous():
    for line in open("/proc/self/smaps_rollup"):
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) / 1024
    return 0.0
from fast_jvm.datasets import Dataset
before = anonymous()
rows = Dataset(sys.argv[1]).shuffle(1).shard(int(sys.argv[2]), 2)
total = most = 0
for number in range(len(rows)):
    total += int(rows[number]["ids"][-1])
    if number % 20000 == 0:
        most = max(most, anonymous())
print(json.dumps({"total": total, "more": max(most, anonymous()) - before, "rows": len(rows)}))
"""


def _best(rounds: int, *sides: Callable[[], float]) -> List[List[float]]:
    found: List[List[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for times, side in zip(found, sides):
            times.append(side())
    return found


def _clock(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _result(
    row: str, ours: List[float], original: Optional[List[float]], bar: Optional[Bar], **more: Any
) -> Result:
    return Result(
        row, original=min(original) if original else None, ours=min(ours), bar=bar, **more
    )


def _blocks(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


class _Sets:
    """The same samples in a dataset and in one flat file."""

    def __init__(self, base: Path) -> None:
        from fast_jvm.datasets import Writer

        random = np.random.default_rng(1)
        self.lengths = random.integers(200, 2000, SAMPLES)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self.folder, self.file = base / "set", base / "flat"
        self.ours = self.theirs = 0.0
        with Writer(self.folder, {"ids": "list<int32>"}) as writer, self.file.open("wb") as file:
            for first in range(0, SAMPLES, AT_ONCE):
                lengths = self.lengths[first : first + AT_ONCE]
                flat = random.integers(0, 128_000, int(lengths.sum()), dtype="i4")
                self.theirs += _clock(lambda flat=flat: file.write(flat.data))
                self.ours += _clock(
                    lambda flat=flat, lengths=lengths: writer.write({"ids": (flat, lengths)})
                )


def datasets() -> List[Result]:
    """Reading at random and in order, writing, opening, room on disk, workers' memory."""
    from fast_jvm.datasets import Dataset

    with tempfile.TemporaryDirectory(prefix="datasets-") as name:
        sets = _Sets(Path(name))
        rows = Dataset(sets.folder)
        column, starts = rows["ids"], sets.starts.tolist()
        flat = np.asarray(np.memmap(sets.file, "i4", "r"))  # a memmap's own slices are slower
        order = np.random.default_rng(2).permutation(SAMPLES)[:READS].tolist()
        equal = len(rows) == SAMPLES and all(
            np.array_equal(column[n], flat[starts[n] : starts[n + 1]]) for n in order[::10]
        )
        tokens = int(sets.starts[-1])

        def theirs() -> None:
            for n in order:
                flat[starts[n] : starts[n + 1]]

        def of_column() -> None:
            for n in order:
                column[n]

        def of_rows() -> None:
            for n in order:
                rows[n]

        sums: Dict[str, int] = {}

        def ours_in_order() -> None:
            sums["ours"] = sum(int(batch["ids"][0].sum(dtype="i8")) for batch in rows.batches())

        def theirs_in_order() -> None:
            step = 1 << 18
            sums["theirs"] = sum(
                int(flat[at : at + step].sum(dtype="i8")) for at in range(0, len(flat), step)
            )

        calls = [_best(5, *(lambda side=side: _clock(side) / READS for side in pair))
                 for pair in ((theirs, of_column), (theirs, of_rows))]  # fmt: skip
        in_order = _best(2, *(lambda side=side: _clock(side) / tokens * 1e6
                              for side in (theirs_in_order, ours_in_order)))  # fmt: skip
        opened = _best(9, lambda: _clock(lambda: Dataset(sets.folder)))[0]
        size = 4 * tokens / 1e6
        workers = _epoch(sets)
        kept = equal and sums["ours"] == sums["theirs"]
        return [
            _result(
                "a sample at random, column", calls[0][1], calls[0][0], at_most(1.5e-6), equal=equal
            ),
            _result(
                "a sample at random, row", calls[1][1], calls[1][0], at_most(1.5e-6), equal=equal
            ),
            _result(
                "a million tokens in order", in_order[1], in_order[0], at_most(1e-3), equal=kept
            ),
            _result(
                "writing a megabyte",
                [sets.ours / size],
                [sets.theirs / size],
                at_most(1 / 200),
                note="kill -9 loses neither; the flat file has no checksums and no index",
            ),
            _result("opening 1e6 records", opened, None, at_most(5e-3)),
            Result(
                "bytes on disk a token",
                original=sets.file.stat().st_blocks * 512 / tokens,
                ours=_blocks(sets.folder) / tokens,
                unit="bytes",
                bar=at_most(4.1, "bytes"),
            ),
            Result(
                "anonymous memory of a worker, an epoch at random",
                ours=max(each["more"] for each in workers) * 2**20,
                unit="bytes",
                bar=at_most(50 * 2**20, "bytes"),
                equal=sum(each["rows"] for each in workers) == SAMPLES
                and sum(each["total"] for each in workers)
                == int(np.sum(flat[sets.starts[1:] - 1], dtype="i8")),
                note="2 workers, Pss_Anon beyond the import",
            ),
        ]


def _epoch(sets: _Sets) -> List[Dict[str, Any]]:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", EPOCH, os.fspath(sets.folder), str(rank)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    return [json.loads(worker.communicate(timeout=600)[0]) for worker in workers]


ROWS = [Row("datasets", datasets)]
