"""What benchmarks/axolotl.py measures, in the environment that has axolotl: `start`, `packing` …, and sizes."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import logging
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pyarrow as pa

# this folder has modules of the names of libraries; processes that it starts have it gone already
if sys.path[0] == str(Path(__file__).parent):
    sys.path.pop(0)

import fast_axolotl  # noqa: F401  (before axolotl)
import fast_jvm


def tokens(count: int, seed: int = 0, positions: bool = False) -> Any:
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
    if positions:
        places = np.arange(len(ids)) - np.repeat(offsets[:-1], sizes)
        columns["position_ids"] = pa.ListArray.from_arrays(offsets, pa.array(places))
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


def _compiled() -> Tuple[Any, float]:
    """axolotl's multipack once Java is up and numba has compiled, and the seconds that the latter took."""
    import axolotl.utils.samplers.multipack as multipack

    assert fast_jvm.wait_ready(60), fast_jvm.status()
    compiling, _ = timed(lambda: multipack.pack_group(lengths(10), 0, 4096, 10, 200, True))
    return multipack, compiling


def packing(count: int) -> Dict[str, Any]:
    """pack_parallel beside a pack_group that numba has compiled, in one process and in axolotl's pool of four."""
    multipack, compiling = _compiled()
    ours: Any = multipack.pack_parallel
    original = ours.__wrapped__
    found: Dict[str, Any] = {"compiling": compiling}
    for capacity in (2048, 4096, 16384, 65536):
        sizes = np.minimum(lengths(count), capacity)
        alone = (sizes, capacity, 100_000, 200, 1)
        theirs, want = timed(functools.partial(original, *alone))
        seconds, got = timed(functools.partial(ours, *alone), 3)
        row = {"original": theirs, "ours": seconds, "equal": got == want}
        row["pool"], want = timed(functools.partial(original, *alone[:4], 4))
        row["equal"] = row["equal"] and got == want
        found[str(capacity)] = row
    return found


def few(capacity: int, *counts: int) -> Dict[str, Any]:
    """The same for few samples, alternating, CPU seconds of a call."""
    multipack, _ = _compiled()
    ours: Any = multipack.pack_parallel
    found = {}
    for count in counts:
        alone = (np.minimum(lengths(count), capacity), capacity, 100_000, 200, 1)
        sides = (functools.partial(ours.__wrapped__, *alone), functools.partial(ours, *alone))
        least = [float("inf")] * 2
        for _ in range(max(5, min(3000, 100_000 // count))):
            for side, function in enumerate(sides):
                started = time.thread_time()
                function()
                least[side] = min(least[side], time.thread_time() - started)
        equal = sides[0]() == sides[1]()
        found[str(count)] = {"original": least[0], "ours": least[1], "equal": equal}
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
    seconds, got = timed(lambda: ours(dataset)[0])  # once: it is what a process does
    assert ours.served == 1  # type: ignore[attr-defined]
    equal = got._fingerprint == want._fingerprint and len(got) == len(want) == unique
    return {"original": theirs / count, "ours": seconds / count, "equal": equal}


def documents(size: int, count: int) -> Any:
    """Texts of words, and a tokenizer that was trained on such."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    rng = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=2 + rng.randrange(9))) for _ in range(8000)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        [" ".join(rng.choices(words, k=2000)) for _ in range(200)],
        trainers.BpeTrainer(
            vocab_size=16000,
            special_tokens=["<unk>", "<s>", "</s>", "<pad>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    return fast, (" ".join(rng.choices(words, k=size // 7)) for _ in range(count))


def tokenizing(size: int, count: int) -> Dict[str, Any]:
    """The tokenizer alone, a thousand documents at once, as datasets' map calls it."""
    tokenizer, texts = documents(size, count)
    seconds = cpu = 0.0
    while some := [text for _, text in zip(range(1000), texts)]:
        started, worked = time.perf_counter(), time.process_time()
        tokenizer(
            some, truncation=True, max_length=2047, return_overflowing_tokens=True, stride=256
        )
        seconds += time.perf_counter() - started
        cpu += time.process_time() - worked
    return {"seconds": seconds, "cpu": cpu}


def streaming(size: int, count: int, shuffle: int) -> Dict[str, Any]:
    """To the first batch of a buffer of so many documents, and 200 more; where `FAST_AXOLOTL=off` it is the original."""
    import hashlib

    import torch
    from axolotl.utils.data.sft import _extract_pretraining_config, _load_streaming_dataset
    from axolotl.utils.dict import DictDefault

    tokenizer, texts = documents(size, count + count // 20)
    path = str(Path(BASE) / "rows.jsonl")
    with open(path, "w") as file:
        for text in texts:
            file.write(json.dumps({"text": text}) + "\n")
    cfg = DictDefault(
        pretraining_dataset=[{"path": "json", "data_files": path, "text_column": "text", "type": "pretrain"}],
        sample_packing=True, sequence_len=2048, micro_batch_size=2, pretrain_multipack_attn=True,
        streaming_multipack_buffer_size=count, shuffle_merged_datasets=bool(shuffle), seed=7,
        sample_packing_bin_size=200,
    )  # fmt: skip
    peak, before = [0], anonymous()

    def watch() -> None:
        while True:
            peak[0] = max(peak[0], anonymous())
            time.sleep(0.05)

    threading.Thread(target=watch, daemon=True).start()
    torch.manual_seed(5)
    started, worked = time.perf_counter(), time.process_time()
    rows = iter(_load_streaming_dataset(_extract_pretraining_config(cfg), cfg, tokenizer))
    found = [next(rows)]
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    seen = hashlib.sha256()
    for row in [*found, *(row for _, row in zip(range(200), rows))]:
        for name, values in row.items():
            seen.update(f"{name} {values.dtype} {values.shape}".encode() + values.numpy().tobytes())
    seen.update(torch.get_rng_state().numpy().tobytes())
    return {"seconds": seconds, "cpu": cpu, "memory": peak[0] - before, "found": seen.hexdigest()}


def anonymous() -> int:
    """This process's own memory, bytes."""
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss_Anon:")) * 1024


def loader(count: int) -> Dict[str, Any]:
    """CPU a batch of a DataLoader, fetch, collator and sampler inside, both sides in turn."""
    import torch
    from axolotl.monkeypatch.data import batch_dataset_fetcher
    from axolotl.utils import collators
    from axolotl.utils.samplers import MultipackBatchSampler
    from torch.utils.data import DataLoader, RandomSampler

    assert fast_jvm.wait_ready(60), fast_jvm.status()
    batch_dataset_fetcher.apply_multipack_dataloader_patch()
    fetcher: Any = batch_dataset_fetcher._MapDatasetFetcher
    ours = fetcher.fetch
    dataset = tokens(count, positions=True)
    tokenizer, _ = documents(0, 0)
    found = {}
    for kind in ("BatchSamplerDataCollatorForSeq2Seq", "V2BatchSamplerDataCollatorForSeq2Seq"):
        collate = getattr(collators, kind)(tokenizer, pad_to_multiple_of=4096)
        least: Dict[str, float] = {}
        equal = True
        for turn in range(6):
            batches = {}
            for name, function in (("original", ours.__wrapped__), ("ours", ours)):
                fetcher.fetch = function
                torch.manual_seed(turn)
                sampler = MultipackBatchSampler(
                    RandomSampler(dataset), batch_size=1, batch_max_len=4096, lengths=lengths(count), bin_size=200
                )  # fmt: skip
                rows = iter(DataLoader(dataset, batch_sampler=sampler, collate_fn=collate))
                batches[name] = [next(rows) for _ in range(20)]
                started = time.process_time()
                for _ in range(200):
                    next(rows)
                spent = (time.process_time() - started) / 200
                least[name] = min(spent, least.get(name, spent))
            for one, other in zip(*batches.values()):
                equal = equal and list(one) == list(other)
                equal = equal and all(torch.equal(one[name], other[name]) for name in one)
        found[kind] = {**least, "equal": equal}
    return found


def preprocess(megabytes: int) -> Dict[str, Any]:
    """`axolotl preprocess` of chats, one in ten a copy: seconds and CPU seconds without the imports, bytes on the disk, rows."""
    import os

    folders = [Path(BASE) / name for name in ("hf", "tmp", "prepared")]
    config = chats(Path(BASE) / "given", megabytes, str(folders[2]))
    for folder in folders[:2]:
        folder.mkdir()
    os.environ.update(HF_HOME=str(folders[0]), TMPDIR=str(folders[1]), AXOLOTL_DO_NOT_TRACK="1")
    tempfile.tempdir = None
    from axolotl.cli.preprocess import do_cli

    most = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.2):
            most = max(most, used(folders))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    sys.argv = sys.argv[:1]
    before = os.times()
    seconds, _ = timed(lambda: do_cli(config))
    after = os.times()
    done.set()
    watcher.join()
    (folder,) = (each for each in folders[2].iterdir() if each.is_dir())
    rows = load_rows(folder)
    cpu = sum(after[:4]) - sum(before[:4])
    return {"seconds": seconds, "cpu": cpu, "disk": max(most, used(folders)), "found": rows}


def used(folders: List[Path]) -> int:
    """Bytes of the files below."""
    found = 0
    for folder in folders:
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):  # it is gone again
                found += path.stat().st_size if path.is_file() else 0
    return found


def load_rows(folder: Path) -> Any:
    """A prepared folder's features, and a hash of its rows and their order."""
    import hashlib

    from datasets import load_from_disk

    dataset = load_from_disk(str(folder))
    state = hashlib.sha256()
    for table in dataset.with_format("arrow").iter(1000):
        state.update(json.dumps(table.to_pydict()).encode())
    return [len(dataset), str(dataset.features), state.hexdigest()]


def chats(folder: Path, megabytes: int, prepared: str) -> str:
    """Write conversations, a tokenizer trained on such texts and a model's config; the YAML's path."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, PreTrainedTokenizerFast

    rng = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(rng.choices(letters, k=1 + int(rng.expovariate(0.25)))) for _ in range(20000)]
    weights = list(itertools.accumulate(1 / (n + 3) for n in range(len(words))))

    def text(size: int) -> str:
        return " ".join(rng.choices(words, cum_weights=weights, k=size))

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8000,
        special_tokens=["<unk>", "<s>", "<pad>", "<|im_start|>", "<|im_end|>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([text(60) for _ in range(4000)], trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    ).save_pretrained(folder)  # fmt: skip
    LlamaConfig(
        vocab_size=8000, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
    ).save_pretrained(folder)  # fmt: skip
    kept: List[str] = []
    with open(folder / "chats.jsonl", "w", encoding="utf-8") as file:
        while file.tell() < megabytes * 1_000_000:
            if kept and rng.random() < 0.1:
                file.write(rng.choice(kept))
                continue
            turns = [
                {"role": role, "content": text(max(3, int(rng.lognormvariate(4.0, 0.6))))}
                for role in ("user", "assistant") * rng.choice([1, 2, 2, 3])
            ]
            kept.append(json.dumps({"messages": turns}) + "\n")
            file.write(kept[-1])
    config = {
        "base_model": str(folder), "datasets": [{
            "path": str(folder / "chats.jsonl"), "type": "chat_template", "chat_template": "chatml", "ds_type": "json",
            "roles_to_train": ["assistant"], "train_on_eos": "turn",
        }],
        "dataset_exact_deduplication": True, "dataset_prepared_path": prepared, "dataset_num_proc": 1,
        "sequence_len": 2048, "sample_packing": True, "pad_to_sequence_len": True, "micro_batch_size": 1,
        "gradient_accumulation_steps": 1, "num_epochs": 1, "learning_rate": 1e-4, "optimizer": "adamw_torch",
        "lr_scheduler": "cosine", "output_dir": str(folder / "out"), "special_tokens": {"pad_token": "<pad>"}, "seed": 42,
        "flash_attention": True,
    }  # fmt: skip
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    return str(folder / "config.yaml")


if __name__ == "__main__":
    what, BASE, *numbers = sys.argv[1:]
    logging.disable(logging.INFO)
    Path(BASE).mkdir(exist_ok=True)
    measure: Any = {
        function.__name__: function
        for function in (
            *(start, packing, few, deduplication, preprocess),
            *(tokenizing, streaming, loader),
        )
    }[what]
    print(json.dumps(measure(*map(int, numbers))))
