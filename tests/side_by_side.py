"""`make test`'s pytest as two sessions beside each other: most tests start a process and wait for it, on one core.

What runs in environments of their own (or installs them) is the second session; its output is kept, and printed once the
first one has ended, whose output is shown as it comes. Each ends with pytest's own summary.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SECOND = [str(TESTS / name) for name in ("axolotl", "crewai", "litellm", "platforms", "upstream")]


def main(arguments: list[str]) -> int:
    """Run both to their ends; the exit code of the first that failed."""
    pytest = ["-m", "pytest", *arguments]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # `timeout`: what there is, is shown
    with tempfile.TemporaryFile() as kept:
        second = subprocess.Popen(
            [sys.executable, "-u", *pytest, *SECOND], stdout=kept, stderr=subprocess.STDOUT
        )
        try:
            others = (f"--ignore={path}" for path in SECOND)
            first = subprocess.call([sys.executable, *pytest, *others, str(TESTS)])
            return first or second.wait()
        finally:
            if sys.exc_info()[0]:
                second.send_signal(signal.SIGINT)
            second.wait()
            kept.seek(0)
            shutil.copyfileobj(kept, sys.stdout.buffer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
