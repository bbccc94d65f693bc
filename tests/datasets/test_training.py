"""Torch's, HF's and Ray's side, in an environment of its own: torch is too large for that of all tests."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from platforms.environments import REQUIREMENTS, environment, run, sources

CASES = Path(__file__).parent / "training"
LIMIT_S = 240


@pytest.fixture(scope="module")
def training() -> Path:
    """The Python that has torch, HF datasets and Ray."""
    locked = ("--require-hashes", "-r", REQUIREMENTS / "training.txt")
    return environment(Path(sys.executable), *locked, tag="training")


@pytest.mark.parametrize("cases", sorted(path.stem for path in CASES.glob("*_cases.py")))
def test_cases(
    java: str, training: Path, tmp_path: Path, cases: str, request: pytest.FixtureRequest
) -> None:
    command = (
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        str(CASES),
        "--confcutdir",  # tests/ on sys.path would hide HF's datasets
        str(CASES),
        "-p",
        "no:cacheprovider",
    )
    short = tempfile.mkdtemp(prefix="ray")
    request.addfinalizer(lambda: shutil.rmtree(short, ignore_errors=True))
    out = run(
        *(training, *command, "--basetemp", str(tmp_path / "base"), str(CASES / f"{cases}.py")),
        timeout=LIMIT_S,
        PYTHONPATH=os.pathsep.join([str(CASES), sources()]),
        FAST_JVM_CACHE="off",
        RAY_TMPDIR=short,  # sockets lie in it, whose paths have 107 bytes at most
        HF_HOME=str(tmp_path / "hf"),
        HF_DATASETS_OFFLINE="1",
    )
    print(out)
    found = re.search(r"^(\d+) passed", out, re.M)
    assert found and int(found[1]) >= 4 and "skipped" not in out, out
