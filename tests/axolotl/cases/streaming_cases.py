"""Streaming pretraining by windows: the original's rows, draws, order, errors and state, and memory that does not grow with them."""

from __future__ import annotations

import functools
import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axolotl.utils.data.streaming as streaming
import datasets
import numpy as np
import pyarrow as pa
import pytest
import torch
from axolotl.utils.data.wrappers import get_dataset_wrapper
from axolotl.utils.dict import DictDefault
from chat_cases import WORDS, trained
from datasets import Dataset, IterableDataset
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing
from torch.utils.data import DataLoader

from fast_axolotl import _spool, _streaming

ours: Any = streaming.wrap_streaming_dataset


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_streaming, "GROUP", 60)
    monkeypatch.setattr(_streaming, "GROUP_ROWS", 4)
    monkeypatch.setattr(_spool, "SMALL", 0)
    monkeypatch.setattr(_spool, "BLOCK", 64)
    datasets.disable_progress_bars()


@functools.cache
def tokenizer(begins: bool, side: str) -> Any:
    found = trained()
    if begins:
        found.backend_tokenizer.post_processor = TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", found.convert_tokens_to_ids("<s>"))]
        )
    found.padding_side = side
    return found


def stream(rows: list[dict[str, Any]], kind: str) -> IterableDataset:
    """A streaming dataset, of one of the kinds that load_dataset makes."""
    if kind == "arrow":
        return Dataset.from_list(rows).to_iterable_dataset(num_shards=min(2, len(rows)))
    if kind == "table":  # as a JSON file is read: tables, no features known

        def tables(shards: list[int]) -> Iterator[Any]:
            for shard in shards:
                some = rows[shard::2]
                for start in range(0, len(some), 3):
                    yield f"{shard}_{start}", pa.Table.from_pylist(some[start : start + 3])

        from datasets.iterable_dataset import ArrowExamplesIterable

        return IterableDataset(ArrowExamplesIterable(tables, {"shards": [0, 1]}))

    def examples(shards: list[int]) -> Iterator[Any]:
        for shard in shards:
            yield from rows[shard::2]

    return IterableDataset.from_generator(examples, gen_kwargs={"shards": [0, 1]})


def wrapped(function: Callable[..., Any], source: Any, words: Any, settings: dict[str, Any]) -> Any:
    """A dataset as sft's _load_streaming_dataset makes it, and the config afterwards."""
    cfg = DictDefault(
        pretraining_dataset=[{"path": "x", "text_column": "text", "type": "pretrain"}], **settings
    )
    wrapper = functools.partial(
        get_dataset_wrapper,
        dataset_config=DictDefault(path="x", type=settings.get("type", "pretrain")),
        tokenizer=words,
        cfg=cfg,
        dataset_base_type=settings.get("type", "pretrain"),
    )
    return function(source, words, cfg, wrapper).with_format(settings.get("format")), cfg


def outcome(function: Callable[..., Any], make: Callable[[], Any], words: Any, more: Any) -> Any:
    """All that is to be seen: each row's columns, types and values, an error, the generator, the state on the way."""
    torch.manual_seed(more["seed"])
    found: list[Any] = []
    try:
        dataset, cfg = wrapped(function, make(), words, more)
        found.append(cfg.micro_batch_size)
        for epoch in range(more["epochs"]):
            dataset.set_epoch(epoch)
            for number, row in enumerate(dataset):
                found.append({name: shown(value) for name, value in row.items()})
                if number == more["stop"]:
                    found.append(state(dataset.state_dict()))
                    again, _ = wrapped(function, make(), words, more)
                    again.load_state_dict(dataset.state_dict())
                    again.set_epoch(epoch)
                    for _, other in zip(range(3), again):
                        found.append({name: shown(value) for name, value in other.items()})
    except Exception as error:
        found.append((type(error), str(error)))
    found.append(shown(torch.get_rng_state()))
    return found


def shown(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.stride(), value.tolist()
    return type(value), value


def state(value: Any) -> Any:
    return json.loads(json.dumps(value))


def compare(make: Callable[[], Any], words: Any, **more: Any) -> tuple[int, int]:
    """How many windows were ours and the original's."""
    before = ours.served, ours.declined
    got = outcome(ours, make, words, more)
    counts = ours.served - before[0], ours.declined - before[1]
    want = outcome(ours.__wrapped__, make, words, more)
    assert got == want
    assert (ours.served, ours.declined) == (before[0] + counts[0], before[1] + counts[1])
    return counts


DEFAULTS: dict[str, Any] = {
    "sample_packing": True,
    "sequence_len": 24,
    "micro_batch_size": 2,
    "pretrain_multipack_attn": True,
    "streaming_multipack_buffer_size": 8,
    "shuffle_merged_datasets": True,
    "sample_packing_bin_size": 200,
    "seed": 3,
    "epochs": 1,
    "stop": 2,
}
ROWS = [{"text": " ".join(WORDS[n : n + n % 17]), "id": n} for n in range(30)]

texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join),
    st.text(max_size=20),
    st.sampled_from(["", " ", "</s>", "a"]),
)
others: Any = st.sampled_from(
    [
        st.integers(-5, 5),
        st.one_of(st.none(), st.text(max_size=5)),
        st.lists(st.integers(0, 3), max_size=3),
        st.fixed_dictionaries({"set": st.text(max_size=3), "score": st.floats(-1, 1)}),
        st.one_of(st.integers(-9, 9), st.floats(-9, 9)),
        st.booleans(),
    ]
)


@st.composite
def documents(draw: Any) -> list[dict[str, Any]]:
    columns = {"text": texts}
    for name in draw(st.sampled_from([[], ["id"], ["id", "meta"]])):
        columns[name] = draw(others)
    return draw(st.lists(st.fixed_dictionaries(columns), min_size=1, max_size=40))  # type: ignore[no-any-return]


counted = [0, 0]


@settings(max_examples=80, phases=[Phase.explicit, Phase.generate])
@given(
    documents(),
    st.sampled_from(["examples", "arrow", "table"]),
    st.booleans(),
    st.sampled_from(["right", "left"]),
    st.fixed_dictionaries(
        {
            "sample_packing": st.sampled_from([True, True, True, False]),
            "sequence_len": st.sampled_from([8, 24, 100]),
            "micro_batch_size": st.integers(1, 3),
            "pretrain_multipack_attn": st.sampled_from([True, False, None]),
            "pretraining_sample_concatenation": st.sampled_from([True, False, None]),
            "streaming_multipack_buffer_size": st.sampled_from([1, 5, 16, 1000]),
            "shuffle_merged_datasets": st.booleans(),
            "sample_packing_bin_size": st.sampled_from([1, 3, 200]),
            "seed": st.integers(0, 9),
            "epochs": st.sampled_from([1, 1, 2]),
            "stop": st.integers(0, 9),
            "format": st.sampled_from([None, "torch"]),
        }
    ),
)
def test_rows(
    rows: list[dict[str, Any]], kind: str, begins: bool, side: str, more: dict[str, Any]
) -> None:
    mine, theirs = compare(lambda: stream(rows, kind), tokenizer(begins, side), **more)
    counted[0] += mine
    counted[1] += theirs


def test_most_windows_were_ours() -> None:
    print("windows that were ours, the original's:", counted)
    assert counted[0] > 60


@pytest.mark.parametrize("packing", [True, False])
def test_a_window_is_ours(packing: bool) -> None:
    for kind in ("examples", "arrow", "table"):
        more = {**DEFAULTS, "sample_packing": packing, "pretraining_sample_concatenation": True}
        rows = [row for row in ROWS if row["text"]]
        mine, theirs = compare(lambda: stream(rows, kind), tokenizer(True, "right"), **more)
        assert mine >= 4 and not theirs


ODD: list[list[Any]] = [
    [{"text": None}],
    [{"text": 5}],
    [{"text": ["a", "b"]}],
    [{"text": "\ud800"}],
    [{"texts": "a"}],
    [{"text": "a", "new": 1}],
    [{"text": "a", "id": "x"}],
    [{"text": "a", "id": 2**70}],
    [{"text": "a", "id": "\ud800"}],
    [{"text": "a", "id": {"b": 1}}],
    [{"text": "a", "id": 2.5}, {"text": "b", "id": 2**60}],
    [{"text": "a", "id": np.float32(1)}],
    [{"text": "a", "id": pa}],
    [{"text": ""}] * 30,
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:40])
@pytest.mark.parametrize("packing", [True, False])
def test_what_is_odd(odd: Any, packing: bool) -> None:
    """At the beginning, in the middle, at the end: what the original makes of it, an error mostly."""
    for at in (0, 1, 11, 30):
        rows = [*ROWS[:at], *odd, *ROWS[at:]]
        for shuffle in (False, True):
            more = {**DEFAULTS, "shuffle_merged_datasets": shuffle, "sample_packing": packing}
            compare(lambda: stream(rows, "examples"), tokenizer(False, "right"), **more)


def test_a_source_that_fails() -> None:
    def examples() -> Iterator[Any]:
        yield from ROWS[:13]
        raise OSError("gone")

    compare(lambda: IterableDataset.from_generator(examples), tokenizer(False, "right"), **DEFAULTS)


def test_what_stays_the_originals() -> None:
    rows = [{**row, "input_ids": [1, 2]} for row in ROWS]
    for source, more in ((rows, {}), (ROWS, {"type": "completion"}), (ROWS, {"skip_prepare_dataset": True})):  # fmt: skip
        counts = compare(
            lambda source=source: stream(source, "examples"),  # type: ignore[misc]
            tokenizer(False, "right"),
            **{**DEFAULTS, **more},
        )
        assert counts[0] == 0 < counts[1]
    words = trained()
    words.pad = lambda *arguments, **more: type(words).pad(words, *arguments, **more)
    assert not compare(lambda: stream(ROWS, "examples"), words, **DEFAULTS)[0]


def test_a_state_is_the_originals() -> None:
    """What was saved with the original goes on with ours, and the other way round."""
    words = tokenizer(True, "right")
    for kind in ("arrow", "table", "examples"):
        states, rows = [], []
        for function in (ours, ours.__wrapped__):
            dataset, _ = wrapped(function, stream(ROWS, kind), words, DEFAULTS)
            torch.manual_seed(4)
            for _ in zip(range(6), dataset):
                pass
            states.append(dataset.state_dict())
        assert states[0] == states[1]
        for function in (ours, ours.__wrapped__):
            dataset, _ = wrapped(function, stream(ROWS, kind), words, DEFAULTS)
            dataset.load_state_dict(states[0])
            torch.manual_seed(5)
            rows.append([{name: shown(row[name]) for name in row} for row in dataset])
        assert rows[0] == rows[1] and rows[0]


def test_workers_and_pickle() -> None:
    """Shards go to workers, by fork and by pickle."""
    words = tokenizer(True, "right")
    found = []
    for function in (ours, ours.__wrapped__):
        dataset, _ = wrapped(
            function, stream(ROWS, "arrow"), words, {**DEFAULTS, "format": "torch"}
        )
        torch.manual_seed(6)
        again = pickle.loads(pickle.dumps(dataset))
        rows = [*again, *DataLoader(dataset, batch_size=None, num_workers=2)]
        found.append([{name: shown(row[name]) for name in row} for row in rows])
    assert found[0] == found[1] and found[0]


def test_what_is_no_dataset() -> None:
    class Fake:
        features = {"text": None}

        def map(self, *arguments: Any, **more: Any) -> str:
            return "mapped"

    cfg = {**DEFAULTS, "shuffle_merged_datasets": False}
    for config in ([{"type": "pretrain"}], None):
        assert ours(Fake(), None, DictDefault(pretraining_dataset=config, **cfg), None) == "mapped"


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **more: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_spool.tempfile, "TemporaryFile", full)
    dataset, _ = wrapped(ours, stream(ROWS, "examples"), tokenizer(True, "right"), DEFAULTS)
    assert list(dataset)


def test_spool() -> None:
    rng = random.Random(5)
    spool, kept = _spool.Spool(), {}
    for number in range(3000):
        row: Any = (str(number), {"text": "x" * rng.randrange(900), "n": [number, None, 2.5]})
        if number % 3 == 0:
            row = (number, pa.table({"a": ["y" * rng.randrange(900)], "b": [number]}))
        kept[number] = row, spool.put(row)
        if len(kept) > 40:
            row, stored = kept.pop(rng.choice(list(kept)))
            assert spool.take(stored) == row
    assert spool._blocks < 41 * 30


CHILD = """
import functools, sys, threading, time
import fast_axolotl
import torch
import axolotl.utils.data.streaming as streaming
from axolotl.utils.data.wrappers import get_dataset_wrapper
from axolotl.utils.dict import DictDefault
from datasets import load_dataset
from transformers import PreTrainedTokenizerFast

def anonymous():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss_Anon:")) / 1024

words = PreTrainedTokenizerFast.from_pretrained(sys.argv[1])
config = {"path": sys.argv[2], "type": "pretrain", "text_column": "text"}
cfg = DictDefault(
    pretraining_dataset=[config], sample_packing=True, sequence_len=1024, micro_batch_size=2,
    pretrain_multipack_attn=True, streaming_multipack_buffer_size=400, shuffle_merged_datasets=True,
    sample_packing_bin_size=200, seed=1,
)
source = load_dataset("json", data_files=sys.argv[2], split="train", streaming=True)
wrapper = functools.partial(
    get_dataset_wrapper, dataset_config=DictDefault(config), tokenizer=words, cfg=cfg, dataset_base_type="pretrain"
)
peak, before = [0.0], anonymous()
def watch():
    while True:
        peak[0] = max(peak[0], anonymous())
        time.sleep(0.02)
threading.Thread(target=watch, daemon=True).start()
torch.manual_seed(1)
total = 0
for number, row in enumerate(streaming.wrap_streaming_dataset(source, words, cfg, wrapper)):
    total += int((row["input_ids"] * row["position_ids"]).sum())
    if number == 100:
        break
print(total, peak[0] - before)
"""


def test_memory(tmp_path: Path) -> None:
    """Windows of 8 MB of text: what the original needs grows with them, what we need does not."""
    rng = random.Random(2)
    path = tmp_path / "rows.jsonl"
    with open(path, "w") as file:
        for _ in range(420):
            file.write(json.dumps({"text": " ".join(rng.choices(WORDS, k=4000))}) + "\n")
    tokenizer(False, "right").save_pretrained(tmp_path / "words")
    found = []
    for switch in ("on", "off"):
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(tmp_path / "words"), str(path)],
            env={**os.environ, "FAST_AXOLOTL": switch, "HF_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        total, peak = done.stdout.splitlines()[-1].split()
        found.append((total, float(peak)))
    print("MiB, ours and the original:", found)
    assert found[0][0] == found[1][0]
    assert found[0][1] < 80 < found[1][1]
