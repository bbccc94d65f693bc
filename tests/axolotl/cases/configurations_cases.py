"""Whole configurations: what axolotl prepares with us and without, in processes of their own, is the same to the last row."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.json
import pyarrow.parquet
import tiny
from conftest import JAVA

COUNT = 6 if JAVA else 20
OURS = ("deduplicate", "get_dataset_lengths", "sampler_len", "json_array", "parquet")
"""What is called in the process itself; chat rows are made in forked ones, which training_cases counts."""
SWITCHES: dict[str, list[Any]] = {
    "sample_packing": [True, True, False],
    "eval_sample_packing": [True, False, None],
    "pad_to_sequence_len": [True, False, None],
    "train_on_inputs": [False, True],
    "dataset_exact_deduplication": [True, True, False, None],
    "val_set_size": [0, 0.1, 0.25, 7],
    "seed": [1, 42, 2024],
    "shuffle_merged_datasets": [True, True, False],
    "shuffle_before_merging_datasets": [False, True],
    "curriculum_sampling": [False, False, True],
    "sequence_len": [64, 256, 1024],
    "excess_length_strategy": ["drop", "drop", "truncate", "raise", None],
    "min_sample_len": [None, 2, 20],
    "sample_packing_group_size": [7, 100_000],
    "sample_packing_bin_size": [2, 200],
    "sample_packing_sequentially": [False, False, True],
    "micro_batch_size": [1, 2],
    "dataset_num_proc": [1]
    if JAVA
    else [1, 2],  # of the original each packing starts processes that compile anew
    "group_by_length": [False, False, True],
    "max_steps": [None, 20],
}
OF_A_SET: dict[str, list[Any]] = {
    "roles_to_train": [["assistant"], ["assistant", "user"], [], None],
    "train_on_eos": ["turn", "all", "last", "none", None],
    "drop_system_message": [False, True],
    "message_field_training": [None, "train"],
}


def written(folder: Path, rng: random.Random, number: int) -> dict[str, Any]:
    """A dataset of chats in one of the three kinds of files, and its switches."""
    kind = rng.choice(["lines", "array", "parquet"])
    rows = tiny.chats(rng.choice([40, 90]), rng.randrange(5), rng.choice([8, 40]))
    path = folder / f"{number}.{kind}.{'parquet' if kind == 'parquet' else 'json'}"
    tiny.write_rows(path, rows, array=kind == "array")
    if kind == "parquet":
        table = pyarrow.json.read_json(path)
        pyarrow.parquet.write_table(table, path)
    found: dict[str, Any] = {
        "path": str(path),
        "ds_type": "parquet" if kind == "parquet" else "json",
        "type": "chat_template",
    }
    for name, values in OF_A_SET.items():
        value = rng.choice(values)
        if value is not None:
            found[name] = value
    return found


def test_configurations(tmp_path: Path) -> None:
    rng = random.Random(8)
    tiny.write_model(tmp_path / "model")
    folder = tmp_path / "configurations"
    folder.mkdir()
    for number in range(COUNT):
        switches = {name: rng.choice(values) for name, values in SWITCHES.items()}
        sets = [written(tmp_path, rng, 10 * number + n) for n in range(rng.choice([1, 1, 2]))]
        content = tiny.config(
            tmp_path / "model", tmp_path / "unused", Path("SIDE") / str(number),
            **{name: value for name, value in switches.items() if value is not None},
        ) | {"datasets": sets}  # fmt: skip
        (folder / f"{number:03}.json").write_text(json.dumps(content))
    theirs, none = side(folder, "original")
    ours, counts = side(folder, "ours")
    assert not none
    errors = [found for found in theirs if isinstance(found[0], str)]
    print(f"{COUNT} configurations, {len(errors)} end with an error: {errors}; {counts}")
    assert len(errors) < COUNT / 3
    for number, (found, wanted) in enumerate(zip(ours, theirs, strict=True)):
        assert found == wanted, (folder / f"{number:03}.json").read_text()
    for name in OURS:
        calls, declines = counts[f"axolotl.{name}"]
        assert calls > declines, (name, counts)


def side(folder: Path, name: str) -> tuple[list[Any], Any]:
    """What one side prepares; each has caches of its own."""
    work = folder.parent / name
    (work / "in").mkdir(parents=True)
    for path in folder.glob("*.json"):
        text = path.read_text().replace("SIDE/", f"{work}/")
        (work / "in" / path.name).write_text(text)
    env = {key: value for key, value in os.environ.items() if not key.startswith("FAST_AX")}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "configurations.py"), str(work / "in"), name],
        env={**env, "HF_HOME": str(work / "hf"), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    found, counts = json.loads((work / "in" / "found").read_text())
    return found, counts
