"""Other Pythons, and virtual environments for them that last from run to run (``.venv.tests``)."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / ".venv.tests"
REQUIREMENTS = ROOT / "requirements"
PACKAGES = (
    "jpype-package",
    "patchers/fast-langgraph",
    "patchers/fast-axolotl",
    "patchers/fast-crewai",
)
SOURCES = tuple(ROOT / package / "src" for package in PACKAGES)
INSTALL_S = 600
LARGE_S = 1800


@functools.cache
def interpreter(version: str) -> Path:
    """CPython of that minor version: this one, one on PATH, or pyenv's; skips where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [
        sys.executable,
        shutil.which(f"python{version}") or "",
        *sorted(map(str, pyenv.glob(f"{version}.*/bin/python"))),
    ]
    ask = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])"
    for place in filter(None, places):
        done = subprocess.run([place, "-c", ask], capture_output=True, text=True, timeout=60)
        if done.stdout.split() == ["cpython", version]:
            return Path(place)
    pytest.skip(f"no CPython {version} on this machine")


def environment(python: Path, *wanted: str | Path, tag: str = "", uv: str | None = None) -> Path:
    """The Python of a virtual environment in which pip, or uv, has installed what is wanted; made once."""
    what = [str(python), *(_content(part) or str(part) for part in wanted)]
    name = hashlib.sha256("\0".join(what).encode()).hexdigest()[:12]
    folder = KEPT / f"{tag or python.name}-{name}"
    inside = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    ready = folder / ".ready"
    if not ready.exists():
        for old in KEPT.glob(f"{tag or python.name}-{'?' * 12}"):
            shutil.rmtree(old)
        run(python, "-m", "venv", *(["--without-pip"] if _modern(python) else []), folder)
        # this environment's pip installs for the others; those before 3.10 need their own
        pip: tuple[str | Path, ...] = (sys.executable, "-m", "pip", "--python", inside)
        pip = pip if _modern(python) else (inside, "-m", "pip")
        quietly = ("install", "--quiet", "--disable-pip-version-check", "--no-compile")
        with_uv = (uv or "", "pip", "install", "--quiet", "--python", inside)
        run(*(with_uv if uv else (*pip, *quietly)), *wanted, timeout=LARGE_S if uv else INSTALL_S)
        ready.touch()
    return inside


def _modern(python: Path) -> bool:
    done = run(python, "-c", "import sys; print(sys.version_info >= (3, 10))")
    return done.strip() == "True"


def _content(part: str | Path) -> str:
    path = Path(part)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def constraints(folder: Path, *free: str) -> Path:
    """The locked versions but those of some distributions, without their hashes."""
    text = (REQUIREMENTS / "test.txt").read_text()
    pins = re.findall(r"^([A-Za-z0-9._-]+)(==[^\\\n]+?)\s*\\?$", text, re.M)
    path = folder / "constraints.txt"
    path.write_text("".join(f"{name}{pin}\n" for name, pin in pins if name not in free))
    return path


def run(*command: str | Path, timeout: float = INSTALL_S, code: int = 0, **settings: str) -> str:
    """What a command prints; fails the test with both outputs where it ends with another code."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FAST_", "PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        env={**env, **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if done.returncode != code:
        pytest.fail(f"{done.args} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def sources() -> str:
    """PYTHONPATH for our packages as they are now."""
    return os.pathsep.join(map(str, SOURCES))
