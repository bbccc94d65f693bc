"""The environment that has crewai: it wants another pydantic than LangGraph has; made once, by uv where uv is on PATH.

`python tests/crewai/environment.py` prints its Python; `FAST_JVM_CREWAI` names another one that has all of
requirements/crewai.txt.
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
    given = os.environ.get("FAST_JVM_CREWAI")
    if given:
        return Path(given)
    locked = ("--require-hashes", "-r", REQUIREMENTS / "crewai.txt")
    return environment(Path(sys.executable), *locked, tag="crewai", uv=shutil.which("uv"))


if __name__ == "__main__":
    print(python())
