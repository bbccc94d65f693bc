"""What benchmarks/axolotl.py measures, in the environment that has axolotl: `start`, `packing` or `deduplication`, and a size."""

from __future__ import annotations

import functools
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np
import pyarrow as pa

sys.path.pop(0)  # this folder, which has modules of the names of libraries

import fast_axolotl  # noqa: F401  (before axolotl)
import fast_jvm


def tokens(count: int, seed: int = 0) -> Any:
    """A dataset of tokenized samples on disk, as axolotl prepares one: log-normal lengths, 330 tokens in the middle."""
    from datasets import Dataset, load_from_disk

    rng = np.random.default_rng(seed)
    sizes = lengths(count, seed)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    ids = rng.integers(0, 32000, offsets[-1], dtype=np.int32)
    columns = {
        "input_ids": pa.ListArray.from_arrays(offsets, pa.array(ids)),
        "attention_mask": pa.ListArray.from_arrays(offsets, pa.array(np.ones(len(ids), np.int8))),
        "labels": pa.ListArray.from_arrays(offsets, pa.array(ids.astype(np.int64))),
    }
    folder = tempfile.mkdtemp(dir=BASE)
    Dataset(pa.table(columns)).save_to_disk(folder)
    return load_from_disk(folder)


def lengths(count: int, seed: int = 0) -> Any:
    drawn = np.random.default_rng(seed).lognormal(5.8, 0.8, count).astype(np.int32)
    return np.clip(drawn, 8, 4096)


def timed(function: Callable[[], Any], rounds: int = 1) -> Tuple[float, Any]:
    """The least of some rounds' seconds, and what the last one returned."""
    least = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        found = function()
        least = min(least, time.perf_counter() - started)
    return least, found


def start(count: int, processes: int) -> Dict[str, Any]:
    """From the prepared dataset to the first batch; where `FAST_AXOLOTL=off` it is the original. Java boots inside."""
    import torch
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.trainer import MultipackBatchSampler, calculate_total_num_steps
    from axolotl.utils.trainer import get_dataset_lengths as sizes
    from torch.utils.data import RandomSampler

    dataset = tokens(count).add_column("length", lengths(count))
    group = {"sample_packing_group_size": 100_000, "sample_packing_bin_size": 200}
    cfg = DictDefault(
        sample_packing=True, sequence_len=4096, micro_batch_size=1, batch_size=1, num_epochs=1,
        attn_supports_packing=True, dataset_num_proc=processes, **group,
    )  # fmt: skip

    def first_batch() -> Any:
        torch.manual_seed(3)
        steps = calculate_total_num_steps(cfg, dataset)
        sampler = MultipackBatchSampler(
            RandomSampler(dataset), lengths=sizes(dataset), batch_max_len=4096, batch_size=1,
            group_size=100_000, bin_size=200, drop_last=True, num_processes=processes,
        )  # fmt: skip
        return [steps, len(sampler), next(iter(sampler)), float(cfg.sample_packing_eff_est)]

    seconds, found = timed(first_batch)
    return {"seconds": seconds, "found": found}


def packing(count: int) -> Dict[str, Any]:
    """pack_parallel beside a pack_group that numba has compiled, in one process and in axolotl's pool of four."""
    import axolotl.utils.samplers.multipack as multipack

    assert fast_jvm.wait_ready(60), fast_jvm.status()
    ours: Any = multipack.pack_parallel
    original = ours.__wrapped__
    compiling, _ = timed(lambda: multipack.pack_group(lengths(10), 0, 4096, 10, 200, True))
    found: Dict[str, Any] = {"compiling": compiling}
    for capacity in (2048, 4096, 16384, 65536):
        sizes = np.minimum(lengths(count), capacity)
        rounds = 1 if count >= 1_000_000 else 5
        alone = (sizes, capacity, 100_000, 200, 1)
        theirs, want = timed(functools.partial(original, *alone), rounds)
        seconds, got = timed(functools.partial(ours, *alone), max(rounds, 2))
        row = {"original": theirs, "ours": seconds, "equal": got == want}
        if count >= 1_000_000:
            row["pool"], want = timed(functools.partial(original, *alone[:4], 4))
            row["equal"] = row["equal"] and got == want
        found[str(capacity)] = row
    return found


def deduplication(count: int) -> Dict[str, Any]:
    """Three in ten rows are copies, the rows in any order."""
    from axolotl.utils.data.utils import deduplicate_and_log_datasets as ours

    rng = np.random.default_rng(1)
    unique = count * 7 // 10
    rows = np.concatenate([np.arange(unique), rng.integers(0, unique, count - unique)])
    shuffled = tokens(count).select(rng.permutation(rows))
    folder = tempfile.mkdtemp(dir=BASE)
    shuffled.save_to_disk(folder)
    dataset = type(shuffled).load_from_disk(folder)
    theirs, want = timed(lambda: ours.__wrapped__(dataset)[0])  # type: ignore[attr-defined]
    seconds, got = timed(lambda: ours(dataset)[0], 2)
    assert ours.served == 2  # type: ignore[attr-defined]
    equal = got._fingerprint == want._fingerprint and len(got) == len(want) == unique
    return {"original": theirs / count, "ours": seconds / count, "equal": equal}


if __name__ == "__main__":
    what, BASE, *numbers = sys.argv[1:]
    logging.disable(logging.INFO)
    Path(BASE).mkdir(exist_ok=True)
    measure: Any = {"start": start, "packing": packing, "deduplication": deduplication}[what]
    print(json.dumps(measure(*map(int, numbers))))
