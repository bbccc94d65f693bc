"""The ways in: import before or after axolotl, axolotl's plugins, the switch; and what an import costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

LOOK = """
import json, sys
import fast_jvm
from fast_jvm import _registry
import axolotl.prompt_strategies.chat_template, axolotl.utils.data.sft, axolotl.utils.data.utils, datasets.packaged_modules
import axolotl.monkeypatch.data.batch_dataset_fetcher
import axolotl.utils.trainer as users, axolotl.utils.samplers.multipack as multipack
ours = [entry for entry in _registry.entries() if entry.patch.package == "fast_axolotl"]
fine = all([_registry.ready(entry.patch.name) for entry in ours])
names = [hasattr(users.get_dataset_lengths, "__wrapped__"), hasattr(multipack.pack_parallel, "__wrapped__")]
print(json.dumps([fine, names, {entry.patch.name: entry.state for entry in ours}]))
"""


def run(code: str, **settings: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FAST_AXOLOTL")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**env, **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "way",
    [
        "import fast_axolotl",
        "from axolotl.integrations.base import PluginManager as P; P.get_instance().register('fast_axolotl.Plugin')",
    ],
)
def test_ways_in(way: str) -> None:
    fine, names, states = json.loads(run(way + LOOK))
    assert fine and names == [True, True] and len(states) >= 4
    assert set(states.values()) == {"live"}


def test_the_switch() -> None:
    fine, names, states = json.loads(run("import fast_axolotl" + LOOK, FAST_AXOLOTL="off"))
    assert not fine and names == [False, False] and set(states.values()) == {"skipped"}
    fine, names, states = json.loads(
        run("import fast_axolotl" + LOOK, FAST_AXOLOTL="pack_parallel")
    )
    assert names == [False, True] and states["axolotl.pack_parallel"] == "live"


def test_undone() -> None:
    """What was imported by name before us is as it was."""
    code = "import axolotl.utils.trainer; import fast_axolotl" + LOOK
    code += "\nassert fine and names == [True, True]"
    undo = "\nfast_jvm.unpatch()\nprint([hasattr(users.get_dataset_lengths, '__wrapped__'), hasattr(multipack.pack_parallel, '__wrapped__')])"
    assert run(code + undo) == "[False, False]"


def test_run_without_an_import_line() -> None:
    code = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-m', 'fast_jvm', 'run', '-c', {LOOK!r}]).returncode)"
    fine, names, states = json.loads(run(code))
    assert fine and names == [True, True]


def test_an_import_is_cheap() -> None:
    code = """
import sys, json, logging, threading, functools, importlib.metadata, packaging.specifiers, wrapt, time
start = time.process_time()
import fast_axolotl
print(json.dumps([time.process_time() - start, [name for name in ("numpy", "torch", "axolotl", "datasets") if name in sys.modules]]))
"""
    seconds, loaded = zip(*(json.loads(run(code)) for _ in range(5)))
    assert min(seconds) < 0.030 and not any(loaded), seconds
