"""Runs risky code in a process of its own, on either side, and tells how it ended."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

from support import sides

_TESTS = Path(__file__).resolve().parents[1]
_PRELUDE = """
import sys
from support import sides
sides.start()
from support.sides import default_pair
from support.outcome import outcome
serde = getattr(default_pair(), {side!r})

def tell(name, fn, *args):
    print("start", name, flush=True)
    out = outcome(fn, *args)
    error = out.error and (out.error[0].__name__, out.error[1])
    print("end", name, repr(error or type(out.value).__name__), flush=True)

"""


@dataclasses.dataclass(frozen=True)
class Ending:
    """How the process ended, and what it told."""

    returncode: int
    told: dict[str, str]
    started: str
    stderr: str


def run(code: str, side: str, *, timeout: float = 240) -> Ending:
    """Run *code* after the prelude: ``serde`` is that side's serializer, ``tell`` reports an outcome."""
    env = dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join([str(_TESTS), *filter(None, [env.get("PYTHONPATH")])])
    if side == "theirs":
        env["FAST_TEST_SIDES"] = "original"  # no JVM: what breaks there is the original's own
    done = subprocess.run(
        [sys.executable, "-c", _PRELUDE.format(side=side) + code],
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    told: dict[str, str] = {}
    started = ""
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word == "start":
            started = rest
        elif word == "end":
            name, _, result = rest.partition(" ")
            told[name] = result
            started = ""
    return Ending(done.returncode, told, started, done.stderr[-3000:])


def both(code: str, *, timeout: float = 240) -> tuple[Ending, Ending]:
    """The same code with ours and with the original alone."""
    theirs = run(code, "theirs", timeout=timeout)
    return (run(code, "ours", timeout=timeout) if sides.ACCELERATED else theirs), theirs
