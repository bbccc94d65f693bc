"""Twenty steps of training through axolotl's own commands: the same losses and weights, whichever way we come in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
import yaml

STEPS = 20
OURS = ("get_dataset_lengths", "generate_batches", "sampler_len", "deduplicate", "chat_template")
"""What such a training calls; what it does not: pack_parallel, which the originals of these call, and loading of large files."""


class Trainings:
    """A model, a dataset, and what trainings on them reported."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        tiny.write_model(folder / "model")
        tiny.write_rows(folder / "rows.jsonl", tiny.chats(60))

    def run(self, name: str, *commands: list[str], plugin: bool = False, **settings: str) -> Any:
        """Run commands on a configuration, which is their last argument; the losses, the weights, and counts of all processes."""
        work = self._folder / name
        (work / "reports").mkdir(parents=True)
        plugins = [*(["fast_axolotl.Plugin"] if plugin else []), "recorder.Recorder"]
        content = tiny.config(
            self._folder / "model", self._folder / "rows.jsonl", work,
            plugins=plugins, num_epochs=4, max_steps=STEPS,
        )  # fmt: skip
        (work / "config.yml").write_text(yaml.safe_dump(content))
        env = {key: value for key, value in os.environ.items() if not key.startswith("FAST_AX")}
        # axolotl looks for accelerate's command on PATH
        env["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), env["PATH"]])
        env |= {"RECORDER_FOLDER": str(work / "reports"), "CUDA_VISIBLE_DEVICES": "", **settings}
        env["HF_HOME"] = str(work / "hf")  # where datasets keeps what one training has tokenized
        for command in commands:
            done = subprocess.run(
                [sys.executable, *command, str(work / "config.yml")],
                env=env,
                cwd=work,
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
        found = [json.loads(path.read_text()) for path in (work / "reports").iterdir()]
        assert len(found) == len(commands)
        (trained,) = (each for each in found if each["weights"])
        assert len(trained["losses"]) == STEPS
        patches: dict[str, list[int]] = {}
        for each in found:
            for patch, counts in each["patches"].items():
                before = patches.get(patch, [0, 0])
                patches[patch] = [a + b for a, b in zip(before, counts)]
        return trained["losses"], trained["weights"], patches


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> Trainings:
    return Trainings(tmp_path_factory.mktemp("trainings"))


@pytest.fixture(scope="module")
def original(trainings: Trainings) -> Any:
    losses, weights, patches = trainings.run("original", ["-m", "axolotl.cli.train"])
    assert len(set(losses)) > STEPS // 2 and not patches
    return losses, weights


def same(found: Any, original: Any) -> None:
    """Bit by bit; and it was us."""
    *values, patches = found
    print({name: counts for name, counts in patches.items() if any(counts)})
    assert tuple(values) == original
    for name in OURS:
        calls, declines = patches[f"axolotl.{name}"]
        assert calls > declines, (name, patches)


def test_an_import(trainings: Trainings, original: Any) -> None:
    code = "import fast_axolotl, sys; from axolotl.cli.train import do_cli; do_cli(sys.argv.pop())"
    same(trainings.run("import", ["-c", code]), original)


def test_as_a_plugin(trainings: Trainings, original: Any) -> None:
    same(trainings.run("plugin", ["-m", "axolotl.cli.train"], plugin=True), original)


def test_run_and_its_children(trainings: Trainings, original: Any) -> None:
    """Preprocess, then train, which accelerate's launcher does in a child."""
    axolotl = ["-m", "fast_jvm", "run", "-m", "axolotl.cli.main"]
    commands = ([*axolotl, "preprocess"], [*axolotl, "train"])
    same(trainings.run("run", *commands, FAST_JVM_AUTOLOAD="fast_axolotl"), original)
