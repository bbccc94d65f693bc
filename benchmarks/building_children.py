"""Processes that `building` times: what each side does with a file, and the files.

python building_children.py SIDE FILE FOLDER [watched]   seconds, memory, and what was found, as one JSON object
python building_children.py make FOLDER MEGABYTES         the files
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

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
        os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
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


def _make(folder: Path, megabytes: int) -> None:
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
        while size < megabytes * 1_000_000:
            row = '%s, "n": %d}' % (samples[number % len(samples)][:-1], number)
            size += lines.write(row + "\n")
            array.write((", " if number else "[") + row)
            number += 1
        array.write("]")
    table = pyarrow.json.read_json(folder / NAMES["JSON lines"])
    pyarrow.parquet.write_table(table, folder / NAMES["Parquet, one row group"], row_group_size=len(table))  # fmt: skip


if __name__ == "__main__":
    sys.path.pop(0)  # this folder: its datasets.py would stand before HF's
    if sys.argv[1] == "make":
        _make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        print(json.dumps(_child(*sys.argv[1:])))
