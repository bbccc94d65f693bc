"""The prepared folder: the original's files, rows, order, log and errors, whatever the configuration."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import datasets.arrow_dataset as arrow_dataset
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from axolotl.datasets import TokenizedPromptDataset
from axolotl.utils.data import sft
from axolotl.utils.dict import DictDefault
from calls import declined, outcome, served
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

load: Any = sft._load_raw_datasets
TOKENIZER: Any = type("Tokenizer", (), {"name_or_path": "tokenizer"})()


class Strategy:
    """What is tokenized, in the shape in which axolotl's strategies give it."""

    supports_batched = False

    def tokenize_prompt(self, row: Any) -> Any:
        return {
            "input_ids": [row["seed"] + n for n in range(row["size"])],
            "labels": [7 * (row["seed"] + n) if n < row["trained"] else -100 for n in range(row["size"])],
            "attention_mask": [1] * row["size"],
        }  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def forks() -> Iterator[None]:
    """What the original saves with is forked: a process that begins anew imports torch first."""
    context = arrow_dataset.mp.get_context
    arrow_dataset.mp.get_context = lambda method=None: context("fork")
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()
    arrow_dataset.mp.get_context = context


class Kept(logging.Handler):
    """What was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append((record.name, record.levelname, record.getMessage()))


def sources(sets: Any, base: str) -> list[Any]:
    made = []
    for number, rows in enumerate(sets):
        path = Path(base) / f"{number}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        made.append(DictDefault({"path": str(path), "type": "own"}))
    return made


def single(dataset_config: Any, cfg: Any, **rest: Any) -> Any:
    rows = [json.loads(line) for line in Path(dataset_config.path).read_text().splitlines()]
    raw = datasets.Dataset.from_list(rows)
    with_own: Any = TokenizedPromptDataset(Strategy(), raw, process_count=cfg.dataset_num_proc)  # type: ignore[arg-type]
    return with_own, None


def totals(dataset: Any) -> list[Any]:
    """What calculate_total_num_steps counts, which looks at the table."""
    labels = dataset.data.column("labels")
    return [
        pc.sum(pc.list_value_length(dataset.data.column("input_ids"))).as_py(),
        sum(int((batch.flatten().to_numpy() != -100).sum()) for batch in labels.chunks),
        pc.sum(dataset.data.column("length")).as_py() if "length" in dataset.column_names else None,
        dataset.data.num_rows,
    ]


def prepared(function: Any, sets: Any, cfg: Any, split: str, call: Any) -> Any:
    """The outcome of a call, the log, and what lies in the folder after it."""
    base = tempfile.mkdtemp()
    kept = Kept()
    log = logging.getLogger("axolotl.utils")
    log.addHandler(kept)
    original, sft._load_and_process_single_dataset = sft._load_and_process_single_dataset, single
    try:
        configs = sources(sets, base)
        cfg = DictDefault({**cfg, "dataset_prepared_path": base + "/prepared"})
        found = call(function, cfg, configs, TOKENIZER, split)
        if isinstance(found[0], type):
            return found, kept.texts, None
        dataset, prompters = found
        (folder,) = Path(base, "prepared").iterdir() if not cfg.skip_prepare_dataset else (None,)
        files: Any = {}
        for path in sorted(folder.iterdir()) if folder else ():
            if path.suffix == ".json":
                files[path.name] = json.loads(path.read_text())
                files[path.name].pop("_fingerprint", None)
            else:
                reader = pa.ipc.open_stream(path.read_bytes())
                files[path.name] = (reader.schema.metadata, [batch.to_pydict() for batch in reader])
        names = [
            (dataset.features, dataset.split, prompters),
            dataset.column_names,
            totals(dataset),
        ]
        return names, dataset.to_list(), files, kept.texts
    except ValueError as error:
        return str(error).replace(base, ""), kept.texts
    finally:
        sft._load_and_process_single_dataset = original
        log.removeHandler(kept)
        shutil.rmtree(base)


ROWS = st.lists(
    st.builds(
        lambda seed, size, trained: {"seed": seed, "size": size, "trained": trained},
        st.integers(0, 4),
        st.sampled_from([1, 2, 3, 5, 9, 30]),
        st.sampled_from([0, 1, 30]),
    ),
    min_size=1,
    max_size=30,
)
SWITCHES = st.fixed_dictionaries(
    {
        "sequence_len": st.sampled_from([4, 9, 2048]),
        "eval_sequence_len": st.sampled_from([None, 5]),
        "min_sample_len": st.sampled_from([None, None, 0, 1, 3]),
        "sample_packing": st.sampled_from([True, True, False, None]),
        "eval_sample_packing": st.sampled_from([True, False, None]),
        "dataset_exact_deduplication": st.booleans(),
        "dataset_num_proc": st.sampled_from([None, 1, 2]),
        # more files than rows have the original wait for ever for a process that failed
        "num_dataset_shards_to_save": st.sampled_from([None, None, 1]),
        "shuffle_merged_datasets": st.booleans(),
        "shuffle_before_merging_datasets": st.booleans(),
        "curriculum_sampling": st.sampled_from([None, True]),
        "is_preprocess": st.booleans(),
        "seed": st.integers(0, 3),
    }
)


@settings(max_examples=20, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(ROWS, min_size=1, max_size=2), SWITCHES, st.sampled_from(["train", "train", "test"])
)
def test_folders(sets: Any, cfg: Any, split: str) -> None:
    theirs = prepared(load.__wrapped__, sets, cfg, split, outcome)
    assert prepared(load, sets, cfg, split, outcome) == theirs


@pytest.mark.parametrize("files", [None, 3])
def test_many_rows(files: Any) -> None:
    """More than a batch, in several files."""
    rows = [{"seed": n % 900, "size": 1 + n % 40, "trained": n % 7} for n in range(2600)]
    cfg = {
        "sequence_len": 30,
        "sample_packing": True,
        "dataset_exact_deduplication": True,
        "dataset_num_proc": 2,
        "shuffle_merged_datasets": True,
        "is_preprocess": True,
        "seed": 1,
        "num_dataset_shards_to_save": files,
    }
    theirs = prepared(load.__wrapped__, [rows], cfg, "train", outcome)
    ours = prepared(load, [rows], cfg, "train", served)
    assert ours == theirs and len(ours[2]) == 2 + (files or 2)


@pytest.mark.parametrize(
    "more",
    [
        {"excess_length_strategy": "truncate"},
        {"excess_length_strategy": "raise"},
        {"group_by_length": True},
        {"use_pose": True, "pose_max_context_len": 64},
        {"skip_prepare_dataset": True},
        {"model_config_type": "gemma3"},
    ],
    ids=str,
)
def test_what_is_left_to_the_original(more: Any) -> None:
    rows = [{"seed": n, "size": 4 + n % 9, "trained": 3} for n in range(20)]
    cfg = {"sequence_len": 9, "sample_packing": True, "is_preprocess": True, "seed": 1, **more}
    if "use_pose" in more:
        assert prepared(load, [rows], cfg, "train", declined)
        return  # its positions are drawn
    theirs = prepared(load.__wrapped__, [rows], cfg, "train", outcome)
    assert prepared(load, [rows], cfg, "train", declined) == theirs


def test_a_step_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[Any] = []
    monkeypatch.setattr(sft, "save_preprocessed_dataset", lambda *given: saved.append(given[1]))
    rows = [{"seed": n, "size": 4, "trained": 3} for n in range(20)]
    cfg = {"sequence_len": 9, "sample_packing": True, "is_preprocess": True, "seed": 1}
    with tempfile.TemporaryDirectory() as base:
        monkeypatch.setattr(sft, "_load_and_process_single_dataset", single)
        found = declined(load, DictDefault(cfg), sources([rows], base), TOKENIZER, "train")
    assert len(saved) == 1 and found[0].to_list() == saved[0].to_list()
    assert "position_ids" in saved[0].column_names


def test_what_is_no_strategys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another column, nulls, and a dataset that carries a description."""
    row = {"input_ids": [1, 2, 3], "labels": [1, 2, 3], "attention_mask": [1, 1, 1]}
    plain = datasets.Dataset.from_list([row] * 3)
    described = datasets.Dataset(
        plain.data, info=datasets.DatasetInfo(description="d", features=plain.features)
    )
    for odd in (
        plain.add_column("more", [1, 2, 3]),
        datasets.Dataset.from_list([row, {**row, "labels": [1, None, 2]}]),
        described,
        plain.with_format("numpy"),
    ):
        monkeypatch.setattr(
            sft, "_load_and_process_single_dataset", lambda odd=odd, **_: (odd, None)
        )
        cfg = {"sequence_len": 9, "is_preprocess": True, "seed": 1}
        sides = []
        for number, (function, call) in enumerate(((load.__wrapped__, outcome), (load, declined))):
            there = str(tmp_path / f"{number}-{id(odd)}")
            given_cfg = DictDefault({**cfg, "dataset_prepared_path": there})
            config = [DictDefault({"path": "p", "type": "t"})]
            sides.append(call(function, given_cfg, config, TOKENIZER, "train"))
        assert str(sides[0]) == str(sides[1])
