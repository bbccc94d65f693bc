"""Rows of building a dataset from files of others, beside reading the same into memory with pyarrow, or with HF `datasets`.

The original reads; ours reads, and writes rows that are there for good. Files are 1 GB of JSON of tokens, texts and
scalars, as lines, as one array, and as Parquet of one row group. Each side runs in a fresh process, its imports and
the JVM's start done before the clock runs; its memory is Pss_Anon beyond that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from benchmarks import stores
from benchmarks.building_children import NAMES
from benchmarks.harness import NEVER_SLOWER, Result, Row, at_least, at_most

MEGABYTES = 1000
ROUNDS = 3
CHILDREN = Path(__file__).parent / "building_children.py"


def _run(side: str, file: Path, watched: bool = False) -> Dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="building-", dir=file.parent) as folder:
        python = stores.python() if side == "HF datasets" else sys.executable
        command = [python, str(CHILDREN), side, str(file), folder + "/set"]
        command.append("watched" if watched else "")
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    found: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def building() -> List[Result]:
    """Seconds and memory of a build, and of each original that can read the file."""
    results = []
    with tempfile.TemporaryDirectory(prefix="building-") as base:
        # in a child: this process is a quiet bystander to the rows behind
        command = [sys.executable, str(CHILDREN), "make", base, str(MEGABYTES)]
        subprocess.run(command, check=True, timeout=600)
        for kind, name in NAMES.items():
            sides = ["ours", "json.load" if kind == "a JSON array" else "pyarrow", "HF datasets"]
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
