"""Rows of building a dataset from files of others, beside reading the same into memory with pyarrow, or with HF `datasets`.

The original reads; ours reads, and writes rows that are there for good. Files are 300 MB of JSON of tokens, texts and
scalars, as lines, as one array, and as Parquet of one row group. Each side runs in a fresh process, its imports and
the JVM's start done before the clock runs; its memory is Pss_Anon beyond that.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from benchmarks.harness import NEVER_SLOWER, Result, Row, at_least, at_most

MEGABYTES = 300
ROUNDS = 3
NAMES = {"JSON lines": "rows.jsonl", "a JSON array": "rows.json", "Parquet, one row group": "rows.parquet"}  # fmt: skip


def _anonymous() -> int:
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss_Anon:"))


def _sides() -> Dict[str, Callable[[], Callable[[str, str], Tuple[int, int]]]]:
    """What a child imports, and then does with a file and a fresh folder: rows, and the sum of their numbers."""

    def ours() -> Callable[[str, str], Tuple[int, int]]:
        import pyarrow.json
        import pyarrow.parquet  # noqa: F401

        import fast_jvm
        from fast_jvm.datasets import Dataset, build

        fast_jvm.require("batch_log")

        def work(file: str, folder: str) -> Tuple[int, int]:
            build([file], folder)
            rows = Dataset(folder)
            return len(rows), int(rows["n"][:].sum())

        return work

    def pyarrow() -> Callable[[str, str], Tuple[int, int]]:
        import pyarrow.compute
        import pyarrow.json
        import pyarrow.parquet

        def work(file: str, folder: str) -> Tuple[int, int]:
            parquet = file.endswith("parquet")
            table = (pyarrow.parquet.read_table if parquet else pyarrow.json.read_json)(file)
            return len(table), pyarrow.compute.sum(table["n"]).as_py()

        return work

    def plain() -> Callable[[str, str], Tuple[int, int]]:
        def work(file: str, folder: str) -> Tuple[int, int]:
            with open(file, encoding="utf-8") as opened:
                rows = json.load(opened)
            return len(rows), sum(row["n"] for row in rows)

        return work

    def hf() -> Callable[[str, str], Tuple[int, int]]:
        os.environ["HF_HUB_OFFLINE"] = "1"
        import datasets  # type: ignore[import-not-found]
        import pyarrow.compute

        def work(file: str, folder: str) -> Tuple[int, int]:
            kind = "parquet" if file.endswith("parquet") else "json"
            rows = datasets.load_dataset(kind, data_files=file, cache_dir=folder, split="train")
            return len(rows), pyarrow.compute.sum(rows.data["n"]).as_py()

        return work

    return {"ours": ours, "pyarrow": pyarrow, "json.load": plain, "HF datasets": hf}


def _child(side: str, file: str, folder: str, watched: str) -> Dict[str, Any]:
    work = _sides()[side]()
    before, most, ended = _anonymous(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            most.append(_anonymous())

    watching = threading.Thread(target=watch)
    if watched:  # that slows who maps files
        watching.start()
    start = time.perf_counter()
    found = work(file, folder)
    spent = time.perf_counter() - start
    ended.set()
    if watched:
        watching.join()
    return {"seconds": spent, "memory": max(most) - before, "found": found}


def _run(side: str, file: Path, watched: bool = False) -> Dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="building-", dir=file.parent) as folder:
        command = [sys.executable, "-m", "benchmarks.building", side, str(file), folder + "/set"]
        command.append("watched" if watched else "")
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    found: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _make(folder: Path) -> None:
    import numpy as np
    import pyarrow.json
    import pyarrow.parquet

    random = np.random.default_rng(1)
    words = np.array(["alpha", "beta", "été", 'gamma "q"', "delta\n", "row"])
    samples = []
    for _ in range(20_000):
        count = int(random.integers(20, 400))
        ids = random.integers(0, 128_000, count).tolist()
        text = " ".join(words[random.integers(0, len(words), count)])
        samples.append(json.dumps({"ids": ids, "text": text, "share": random.random(), "ok": True}))
    number = size = 0
    with open(folder / NAMES["JSON lines"], "w") as lines, open(folder / NAMES["a JSON array"], "w") as array:  # fmt: skip
        while size < MEGABYTES * 1_000_000:
            row = '%s, "n": %d}' % (samples[number % len(samples)][:-1], number)
            size += lines.write(row + "\n")
            array.write((", " if number else "[") + row)
            number += 1
        array.write("]")
    table = pyarrow.json.read_json(folder / NAMES["JSON lines"])
    pyarrow.parquet.write_table(table, folder / NAMES["Parquet, one row group"], row_group_size=len(table))  # fmt: skip


def building() -> List[Result]:
    """Seconds and memory of a build, and of each original that can read the file."""
    results = []
    with tempfile.TemporaryDirectory(prefix="building-") as base:
        # in a child: this process is a quiet bystander to the rows behind
        command = [sys.executable, "-m", "benchmarks.building", "make", base]
        subprocess.run(command, check=True, timeout=600)
        for kind, name in NAMES.items():
            sides = ["ours", "json.load" if kind == "a JSON array" else "pyarrow"]
            if importlib.util.find_spec("datasets"):
                sides.append("HF datasets")
            rounds: Dict[str, List[Dict[str, Any]]] = {side: [] for side in sides}
            for number in range(ROUNDS):
                for side in sides[:: -1 if number % 2 else 1]:
                    rounds[side].append(_run(side, Path(base, name)))
            best = {side: min(each["seconds"] for each in found) for side, found in rounds.items()}
            watched = [_run(side, Path(base, name), True) for side in sides[:2]]
            equal = len({tuple(each["found"]) for found in rounds.values() for each in found}) == 1
            for side in sides[1:]:
                results.append(
                    Result(
                        f"building from {kind}, beside {side}",
                        original=best[side],
                        ours=best["ours"],
                        bar=None if side == "json.load" else at_least(NEVER_SLOWER),
                        equal=equal,
                    )
                )
            results.append(
                Result(
                    f"building from {kind}: memory",
                    original=watched[1]["memory"],
                    ours=watched[0]["memory"],
                    unit="bytes",
                    bar=at_most(300 * 2**20, "bytes"),
                    equal=equal,
                    note=f"Pss_Anon beyond the imports, beside {sides[1]}",
                )
            )
    return results


ROWS = [Row("building", building)]

if __name__ == "__main__":
    if sys.argv[1] == "make":
        _make(Path(sys.argv[2]))
    else:
        print(json.dumps(_child(*sys.argv[1:])))
