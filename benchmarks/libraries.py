"""Children in a library's environment, the tests' own; each prints what it found as its last line, in JSON."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 1800


@functools.cache
def python(library: str) -> str:
    """The Python of a library's environment: made where it is not there yet, or what `FAST_JVM_<LIBRARY>` names."""
    command = [sys.executable, str(ROOT / "tests" / "platforms" / "library.py"), library]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT_S)
    return done.stdout.split()[-1]


def child(library: str, script: str, *arguments: str, **settings: str) -> Dict[str, Any]:
    """What a script of benchmarks/ says, which has the library and our package for it, and these environment variables."""
    package = "fast-" + library.partition("_")[0]
    sources = (ROOT / "jpype-package" / "src", ROOT / "patchers" / package / "src")
    done = subprocess.run(
        [python(library), str(ROOT / "benchmarks" / script), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sources)), **settings},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LIMIT_S,
    )
    found: Dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
