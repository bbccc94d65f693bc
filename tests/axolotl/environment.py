"""The environment that has axolotl: 6.3 GB, so it is made once, by uv and out of its cache where uv is on PATH.

`python tests/axolotl/environment.py` prints its Python; `FAST_JVM_AXOLOTL` names another one that has all of
requirements/axolotl.txt. No dependency is left out: what wants CUDA imports without it, and runs on the CPU.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from platforms.environments import REQUIREMENTS, environment  # noqa: E402


def python() -> Path:
    """The Python of that environment."""
    given = os.environ.get("FAST_JVM_AXOLOTL")
    if given:
        return Path(given)
    locked = ("--require-hashes", "-r", REQUIREMENTS / "axolotl.txt")
    return environment(Path(sys.executable), *locked, tag="axolotl", uv=shutil.which("uv"))


if __name__ == "__main__":
    print(python())
