"""The environment that has litellm 1.106.1: LiteLLM pins much of what it uses, so it has one of its own.

`python tests/litellm/environment.py` prints its Python; `FAST_JVM_LITELLM` names another one that has all of
requirements/litellm.txt.
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
    given = os.environ.get("FAST_JVM_LITELLM")
    if given:
        return Path(given)
    locked = ("--require-hashes", "-r", REQUIREMENTS / "litellm.txt")
    return environment(Path(sys.executable), *locked, tag="litellm", uv=shutil.which("uv"))


if __name__ == "__main__":
    print(python())
