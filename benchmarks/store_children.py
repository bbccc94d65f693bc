"""Processes that `stores` times, in an environment of their own: what each store of samples does with the same ones.

    python store_children.py stores FOLDER SAMPLES      each store: write, read at random, read in order, bytes on disk
    python store_children.py epoch FOLDER TOKENS LIMIT   an epoch at random of two DataLoader workers in a memory cgroup
    python store_children.py records FOLDER COUNT        opening so many short records

Each prints one JSON object. The samples are 200 to 2,000 int32 tokens.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np

READS = 20_000
ROUNDS = 3
AT_ONCE = 2_000
IN_ORDER = 50_000_000
"""So many tokens at least are read in order."""

Read = Callable[[int], Any]


class Samples:
    """The same samples for every store, made anew piece by piece."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.lengths = np.random.default_rng(1).integers(200, 2000, count)
        self.tokens = int(self.lengths.sum())

    def pieces(self) -> Iterator[Tuple[Any, Any]]:
        """Yield (flat, lengths) of some samples at a time."""
        random = np.random.default_rng(2)
        for first in range(0, self.count, AT_ONCE):
            lengths = self.lengths[first : first + AT_ONCE]
            yield random.integers(0, 128_000, int(lengths.sum()), dtype="i4"), lengths


def rows(flat: Any, lengths: Any) -> List[Any]:
    """The samples of a piece, as arrays."""
    return np.split(flat, np.cumsum(lengths)[:-1])


def ours(folder: Path, samples: Samples) -> Tuple[float, Callable[[], Read]]:
    """fast_jvm.datasets."""
    from fast_jvm.datasets import Dataset, Writer

    took = 0.0
    with Writer(folder, {"ids": "list<int32>"}) as writer:
        for flat, lengths in samples.pieces():
            start = time.perf_counter()
            writer.write({"ids": (flat, lengths)})
            took += time.perf_counter() - start
    return took, lambda: Dataset(folder)["ids"].__getitem__


def memmap(folder: Path, samples: Samples) -> Tuple[float, Callable[[], Read]]:
    """One flat file and an array of offsets: what a careful user writes by hand."""
    folder.mkdir()
    took = 0.0
    with (folder / "tokens").open("wb") as file:
        for flat, _ in samples.pieces():
            start = time.perf_counter()
            file.write(flat.data)
            took += time.perf_counter() - start
    starts = np.concatenate([[0], np.cumsum(samples.lengths)]).tolist()

    def opened() -> Read:
        flat = np.memmap(folder / "tokens", "i4", "r")
        return lambda n: flat[starts[n] : starts[n + 1]]

    return took, opened


def hf(folder: Path, samples: Samples) -> Tuple[float, Callable[[], Read]]:
    """HF datasets' Arrow file, written batch by batch."""
    import pyarrow as pa
    from datasets import Dataset, Features, List, Value
    from datasets.arrow_writer import ArrowWriter

    folder.mkdir()
    path, took = str(folder / "data.arrow"), 0.0
    with ArrowWriter(path=path, features=Features({"ids": List(Value("int32"))})) as writer:
        for flat, lengths in samples.pieces():
            start = time.perf_counter()
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("i4")
            lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat))
            writer.write_table(pa.table({"ids": lists}))
            took += time.perf_counter() - start
        start = time.perf_counter()
        writer.finalize()
        took += time.perf_counter() - start

    def opened() -> Read:
        made = Dataset.from_file(path).with_format("numpy")
        return lambda n: made[n]["ids"]

    return took, opened


def mds(folder: Path, samples: Samples) -> Tuple[float, Callable[[], Read]]:
    """MosaicML's MDS, samples as they are, not compressed."""
    from streaming import MDSWriter, StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    took = 0.0
    with MDSWriter(out=str(folder), columns={"ids": "ndarray:int32"}) as writer:
        for flat, lengths in samples.pieces():
            some = rows(flat, lengths)
            start = time.perf_counter()
            for each in some:
                writer.write({"ids": each})
            took += time.perf_counter() - start

    def opened() -> Read:
        clean_stale_shared_memory()
        made = StreamingDataset(local=str(folder), shuffle=False, batch_size=1)
        return lambda n: made[n]["ids"]

    return took, opened


def megatron(folder: Path, samples: Samples) -> Tuple[float, Callable[[], Read]]:
    """Megatron's IndexedDataset, mapped."""
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDataset, IndexedDatasetBuilder

    folder.mkdir()
    took = 0.0
    builder = IndexedDatasetBuilder(str(folder / "data.bin"), dtype=np.int32)
    for flat, lengths in samples.pieces():
        some = [torch.from_numpy(each) for each in rows(flat, lengths)]
        start = time.perf_counter()
        for each in some:
            builder.add_item(each)
            builder.end_document()
        took += time.perf_counter() - start
    start = time.perf_counter()
    builder.finalize(str(folder / "data.idx"))
    took += time.perf_counter() - start
    return took, lambda: IndexedDataset(str(folder / "data"), mmap=True).__getitem__


def lmdb(folder: Path, samples: Samples) -> Tuple[float, Callable[[], Read]]:
    """LMDB, a key a sample; survives kill -9 as ours does, no fsync."""
    import lmdb

    took, number = 0.0, 0
    store = lmdb.open(str(folder), map_size=1 << 40, sync=False, writemap=True)
    for flat, lengths in samples.pieces():
        some = rows(flat, lengths)
        start = time.perf_counter()
        with store.begin(write=True) as transaction:
            for each in some:
                transaction.put(b"%012d" % number, each.data, append=True)
                number += 1
        took += time.perf_counter() - start
    store.close()

    def opened() -> Read:
        transaction = lmdb.open(str(folder), readonly=True, lock=False).begin(buffers=True)
        return lambda n: np.frombuffer(transaction.get(b"%012d" % n), "i4")

    return took, opened


STORES = {
    "ours": ours, "memmap": memmap, "HF Arrow": hf, "MDS": mds, "Megatron": megatron, "LMDB": lmdb
}  # fmt: skip


def stores(base: Path, count: int) -> Dict[str, Any]:
    """Seconds and bytes of each store, each checked against the samples and removed before the next."""
    samples = Samples(count)
    order = np.random.default_rng(3).permutation(count)[:READS].tolist()
    first = next(samples.pieces())
    some = rows(*first)
    found: Dict[str, Any] = {}
    for name, store in STORES.items():
        folder = base / name.replace(" ", "-")
        took, opened = store(folder, samples)
        read = opened()
        equal = all(np.array_equal(read(n), some[n]) for n in range(0, len(some), 7))
        equal = equal and all(len(read(n)) == samples.lengths[n] for n in order)  # and warm
        at_random = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            for n in order:
                read(n)
            at_random.append((time.perf_counter() - start) / len(order))
        tokens = numbers = 0
        start = time.perf_counter()
        while tokens < min(IN_ORDER, samples.tokens):
            tokens += len(read(numbers))
            numbers += 1
        in_order = (time.perf_counter() - start) / tokens
        blocks = sum(each.stat().st_blocks * 512 for each in folder.rglob("*") if each.is_file())
        found[name] = {
            "write": took / samples.tokens / 4 * 1e6,
            "random": min(at_random),
            "order": in_order * 1e6,
            "disk": blocks / samples.tokens,
            "equal": bool(equal),
        }
        print(name, found[name], file=sys.stderr, flush=True)
        del read, opened
        shutil.rmtree(folder)
    return found


def anonymous() -> float:
    """This process's own memory, bytes: Pss_Anon."""
    with open("/proc/self/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024.0
    return 0.0


class Collate:
    """Pads a batch, as training does, and notes the worker's memory."""

    def __init__(self) -> None:
        self.before, self.batches = 0.0, 0

    def __call__(self, batch: List[Dict[str, Any]]) -> Tuple[int, int, float]:
        import torch

        padded = torch.nn.utils.rnn.pad_sequence([each["ids"] for each in batch], batch_first=True)
        self.batches += 1
        # the kernel walks all that is mapped
        memory = anonymous() - self.before if self.batches % 500 == 1 else 0.0
        return len(batch), int(padded[:, 0].sum()), memory


def begin(number: int) -> None:
    """Note a worker's memory once all is imported."""
    from torch.utils.data import get_worker_info

    info: Any = get_worker_info()
    data = info.dataset
    data.collated.before = anonymous()


def _forget(folder: Path) -> None:
    """Have no page of a folder in memory: each is charged to who reads it first."""
    for each in folder.rglob("*"):
        if each.is_file():
            file = os.open(each, os.O_RDWR)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def epoch(base: Path, tokens: int, limit: int) -> Dict[str, Any]:
    """Write a set, then read it at random by two workers in a cgroup that it exceeds."""
    from torch.utils.data import DataLoader

    from fast_jvm.datasets import Dataset, Writer
    from fast_jvm.datasets.torch import IterableDataset

    samples = Samples(tokens // 1100)
    folder, wanted = base / "set", 0
    with Writer(folder, {"ids": "list<int32>"}) as writer:
        for flat, lengths in samples.pieces():
            wanted += int(flat[np.concatenate([[0], np.cumsum(lengths)[:-1]])].sum(dtype="i8"))
            writer.write({"ids": (flat, lengths)})
    _forget(folder)
    group = Path("/sys/fs/cgroup/memory/fast-jvm-epoch")
    group.mkdir(exist_ok=True)
    try:
        (group / "memory.limit_in_bytes").write_text(str(limit))
        outside = (Path("/proc/self/cgroup").read_text().split(":memory:")[1]).splitlines()[0]
        (group / "cgroup.procs").write_text(str(os.getpid()))
        data: Any = IterableDataset(Dataset(folder), seed=1, batch_size=32)
        data.collated = Collate()
        loader = DataLoader(
            data, batch_size=32, num_workers=2, worker_init_fn=begin, collate_fn=data.collated
        )
        count, total, most = 0, 0, 0.0
        start = time.perf_counter()
        for some, first, memory in loader:
            count, total, most = count + some, total + first, max(most, memory)
        took = time.perf_counter() - start
        peak = int((group / "memory.max_usage_in_bytes").read_text())
        Path("/sys/fs/cgroup/memory" + outside, "cgroup.procs").write_text(str(os.getpid()))
    finally:
        for _ in range(50):
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.1)
    size = sum(each.stat().st_blocks * 512 for each in folder.rglob("*") if each.is_file())
    return {
        "memory": most, "seconds": took, "bytes": size, "limit": limit, "peak": peak,
        "equal": count == samples.count and total == wanted,
    }  # fmt: skip


def records(base: Path, count: int) -> Dict[str, Any]:
    """Open many short records, in a process that has read none of them."""
    from fast_jvm.datasets import Dataset, Writer

    at_once = 1_000_000
    with Writer(base / "set", {"ids": "list<int32>"}, batch_bytes=4 << 20) as writer:
        for first in range(0, count, at_once):
            flat = np.arange(2 * first, 2 * (first + at_once), dtype="i4")
            writer.write({"ids": (flat, np.full(at_once, 2))})
    took = []
    for _ in range(5):
        start = time.perf_counter()
        made = Dataset(base / "set")
        took.append(time.perf_counter() - start)
    numbers = np.random.default_rng(1).integers(0, count, 1000).tolist()
    equal = all(made["ids"][n].tolist() == [2 * n, 2 * n + 1] for n in numbers)
    return {"open": min(took), "equal": equal and len(made) == count}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.path.pop(0)  # this folder: its datasets.py would stand before HF's
    what, place, *numbers = sys.argv[1:]
    does: Any = {"stores": stores, "epoch": epoch, "records": records}[what]
    print(json.dumps(does(Path(place), *map(int, numbers))))
