"""A function that is not the one that was studied: the original serves, nothing is printed, status() says why."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fast_axolotl._patches import PATCHES

MULTIPACK = "axolotl.utils.samplers.multipack"
CHILD = """
import importlib.abc, importlib.machinery, json, sys

COPIES = json.loads(sys.argv[1])


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in COPIES:
            return None
        loader = importlib.machinery.SourceFileLoader(name, COPIES[name])
        return importlib.util.spec_from_file_location(name, COPIES[name], loader=loader)


sys.meta_path.insert(0, Finder())
import fast_axolotl
import fast_jvm
from fast_jvm import _registry

entries = [entry for entry in _registry.entries() if entry.patch.package == "fast_axolotl"]
for entry in entries:
    __import__(entry.patch.target.partition(":")[0])
found = {}
for entry in entries:
    _registry.ready(entry.patch.name)
for entry in entries:
    ours = hasattr(_registry.resolve(entry.patch.target), "__wrapped__")
    (told,) = (p for p in fast_jvm.status().patches if p.name == entry.patch.name)
    found[entry.patch.name] = [told.state, ours, str(told.reason), told.calls]
import numpy as np
from axolotl.utils.samplers.multipack import pack_parallel
bins = pack_parallel(np.array([3, 7, 4, 6, 10]), 10, 100, 20, 1)
print(json.dumps([found, bins]))
"""


def outcome(copies: dict[str, Path]) -> Any:
    """What becomes of the patches where some modules of the libraries are these copies; and some bins."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("FAST_AX")}
    given = json.dumps({module: str(path) for module, path in copies.items()})
    done = subprocess.run(
        [sys.executable, "-c", CHILD, given], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "fast_jvm" not in done.stderr and "fast_axolotl" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec and spec.origin
    return Path(spec.origin).read_text()


def with_a_statement(module: str, names: set[str]) -> str:
    """The module, but that each of these functions and classes begins by one more statement."""
    tree, left = ast.parse(source(module)), set(names)

    def walk(node: ast.AST, prefix: str) -> None:
        for each in ast.iter_child_nodes(node):
            if isinstance(each, ast.ClassDef):
                walk(each, f"{prefix}{each.name}.")
            if isinstance(each, (ast.ClassDef, ast.FunctionDef)) and prefix + each.name in names:
                each.body[:0] = ast.parse("changed = 1").body
                left.discard(prefix + each.name)

    walk(tree, "")
    assert not left
    return ast.unparse(ast.fix_missing_locations(tree))


def test_one_token(tmp_path: Path) -> None:
    """`>=` is `>` in pack_group: a bin that would be full is not filled, by whichever way packing is asked for."""
    head, start, rest = source(MULTIPACK).partition("def pack_group(")
    assert ">= size" in rest
    copy = tmp_path / "multipack.py"
    copy.write_text(head + start + rest.replace(">= size", "> size", 1))
    found, bins = outcome({MULTIPACK: copy})
    assert bins == [[0, 2], [1], [3], [4]]  # [[0, 1], [2, 3], [4]] by the function that was studied
    for patch in PATCHES:
        state, ours, reason, calls = found[patch.name]
        leans = any(path.startswith(f"{MULTIPACK}:pack_group") for path in patch.also)
        assert (state, ours) == (("skipped", False) if leans else ("live", True)), patch.name
        assert calls == 0 and ("pack_group" in reason) == leans, (patch.name, reason)


@pytest.mark.parametrize("which", ["target", "also"])
def test_every_patch(which: str, tmp_path: Path) -> None:
    """Each patch's own function is another one; each leans on what is another."""
    targets = {patch.target for patch in PATCHES}
    leaning = {path for patch in PATCHES for path in patch.also} - targets
    modules: dict[str, set[str]] = {}
    for path in targets if which == "target" else leaning:
        module, _, name = path.partition(":")
        modules.setdefault(module, set()).add(name.removesuffix(".py_func"))
    copies = {}
    for module, names in modules.items():
        copies[module] = tmp_path / f"{module}.py"
        copies[module].write_text(with_a_statement(module, names))
    found, bins = outcome(copies)
    assert bins == [[0, 1], [2, 3], [4]]
    for patch in PATCHES:
        state, ours, reason, calls = found[patch.name]
        if which == "target" or not leaning.isdisjoint(patch.also):
            assert (state, ours, calls) == ("skipped", False, 0), (patch.name, state)
            assert "has code that is not known" in reason, reason
        else:
            assert state == "live"


def test_the_release() -> None:
    """The one that is installed is one that the patches know."""
    print("axolotl", importlib.metadata.version("axolotl"))
    import fast_jvm

    states = {p.name: p.state for p in fast_jvm.status().patches if p.name.startswith("axolotl.")}
    assert set(states.values()) == {"live"}, fast_jvm.status()
