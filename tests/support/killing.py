"""Writers that are killed while they write, and readers that look at what is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable

LIMIT_S = 60


def killed(
    code: str, *arguments: str, environment: dict[str, str], first: bool, after_s: float
) -> list[int]:
    """Run a program that says "open" and then numbers; kill it in their midst; return the numbers.

    ``first``: it is not killed before the first of them. ``after_s``: so long it may go on.
    """
    victim = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None and victim.stderr is not None
    told: list[int] = []
    guard = threading.Timer(LIMIT_S, victim.kill)
    guard.start()
    try:
        line = victim.stdout.readline()
        assert line == "open\n", victim.stderr.read()
        if first:
            told.append(int(victim.stdout.readline()))
        time.sleep(after_s)
    finally:
        victim.send_signal(signal.SIGKILL)
        guard.cancel()
    told += map(int, victim.stdout.read().split())
    victim.wait(LIMIT_S)
    assert victim.returncode == -signal.SIGKILL, victim.stderr.read()
    victim.stdout.close()
    victim.stderr.close()
    return told


def survived(code: str, told: Iterable[int], environment: dict[str, str], number: int) -> None:
    """Run a program that checks what was told, which it reads from stdin."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        input=" ".join(map(str, told)),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, (number, done.stderr)
