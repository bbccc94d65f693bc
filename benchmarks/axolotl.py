"""Rows of fast-axolotl, in the environment that has axolotl (tests/platforms/library.py makes it, `FAST_JVM_AXOLOTL` names another)."""

from __future__ import annotations

import tempfile
from typing import Any, Dict, List

from benchmarks.harness import Result, Row, at_least, at_most
from benchmarks.libraries import child

SAMPLES = 110_000
ROWS_OF_DEDUPLICATION = 20_000
DOCUMENTS = 10_000
COUNTS = (10, 30, 100, 300, 1000, 3000)
MEGABYTES = 50


def _child(what: str, *numbers: int, **settings: str) -> Dict[str, Any]:
    settings = {"HF_HUB_OFFLINE": "1", **settings}
    with tempfile.TemporaryDirectory(prefix="axolotl-") as base:
        return child("axolotl", "axolotl_children.py", what, base, *map(str, numbers), **settings)


def start() -> List[Result]:
    """The way to the first batch, each side in a process of its own, numba's compilation and Java's boot inside."""
    results = []
    for processes, bar in ((2, at_least(20)), (1, None)):
        theirs = _child("start", SAMPLES, processes, FAST_AXOLOTL="off")
        ours = _child("start", SAMPLES, processes)
        results.append(
            Result(
                f"axolotl: steps, sampler, first batch, {SAMPLES} rows, dataset_num_proc={processes}",
                original=theirs["seconds"],
                ours=ours["seconds"],
                bar=bar,
                equal=theirs["found"] == ours["found"],
            )
        )
    return results


def packing() -> List[Result]:
    """Bins of a million lengths."""
    found = _child("packing", 1_000_000)
    compiling = f"numba compiles for {found.pop('compiling'):.1f} s, once in each process"
    results = []
    for capacity, row in found.items():
        for key, text in (("original", "numba, compiled"), ("pool", "axolotl's pool of 4")):
            results.append(
                Result(
                    f"axolotl: packing a million lengths, cap {capacity}: {text}",
                    original=row[key],
                    ours=row["ours"],
                    bar=at_least(5),
                    equal=row["equal"],
                    note=compiling if key == "original" else "",
                )
            )
    return results


def few() -> List[Result]:
    """Bins of few lengths."""
    found = _child("few", 16384, *COUNTS)
    return [
        Result(f"axolotl: packing {count} lengths, cap 16384: numba, compiled: cpu", bar=at_least(1), **row)
        for count, row in found.items()
    ]  # fmt: skip


def preprocess() -> List[Result]:
    """Chats on disk to the prepared folder, each side in a process of its own, without its imports."""
    theirs = _child("preprocess", MEGABYTES, FAST_AXOLOTL="off")
    ours = _child("preprocess", MEGABYTES)
    equal = theirs["found"] == ours["found"]
    return [
        Result(
            f"axolotl: preprocess, {MEGABYTES} MB of chats, deduplicated: {text}",
            original=theirs[key],
            ours=ours[key],
            unit=unit,
            bar=bar,
            equal=equal,
        )
        for key, text, unit, bar in (
            ("seconds", "wall", "s", at_least(2)),
            ("cpu", "cpu", "s", at_least(2)),
            ("disk", "disk", "bytes", at_least(3)),
        )
    ]


def deduplication() -> List[Result]:
    """Per row."""
    return [
        Result(
            "axolotl: deduplication, a row",
            bar=at_least(30),
            **_child("deduplication", ROWS_OF_DEDUPLICATION),
        )
    ]


def streaming() -> List[Result]:
    """A buffer of axolotl's default size, by each side in a process of its own; the tokenizer alone in a third."""
    results = []
    for size, shuffle in ((20_000, 0), (20_000, 1), (50_000, 1)):
        ours = _child("streaming", size, DOCUMENTS, shuffle)
        theirs: Dict[str, Any] = {}
        if size == 20_000:  # with 50 kB it needs 8 GB
            theirs = _child("streaming", size, DOCUMENTS, shuffle, FAST_AXOLOTL="off")
        plain = _child("tokenizing", size, DOCUMENTS)
        name = f"axolotl: streaming, documents of {size // 1000} kB{', shuffled' * shuffle}"
        equal = not theirs or theirs["found"] == ours["found"]
        results.append(
            Result(
                f"{name}: memory",
                original=theirs.get("memory"),
                ours=ours["memory"],
                unit="bytes",
                bar=at_most(300 << 20, "bytes"),
                equal=equal,
                note="Pss_Anon beyond the imports",
            )
        )
        for key, text in (("seconds", "wall"), ("cpu", "cpu")):
            results.append(
                Result(
                    f"{name}: first batch, {text}",
                    original=theirs.get(key),
                    ours=ours[key],
                    bar=at_most(1.2 * plain[key]),
                    equal=equal,
                    note=f"the tokenizer alone: {plain[key]:.1f} s",
                )
            )
    return results


def loader() -> List[Result]:
    """CPU a batch of 4096 tokens."""
    return [
        Result(f"axolotl: loader, 4096 tokens, {kind}: cpu", bar=at_least(40), **row)
        for kind, row in _child("loader", 20_000).items()
    ]


ROWS = [
    Row("axolotl start", start),
    Row("axolotl packing", packing),
    Row("axolotl few", few),
    Row("axolotl deduplication", deduplication),
    Row("axolotl streaming", streaming),
    Row("axolotl loader", loader),
    Row("axolotl preprocess", preprocess),
]
