"""Runs the suites in a Python that Java embeds, and fails unless Java served them: `inside_jep.py <test paths>`.

RunInsideJep.java starts it, with pytest's arguments; it leaves pytest's exit code in ``code``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
HANDLERS = "no:faulthandler"
"""HotSpot has its handlers already: faulthandler's would come in front of them before we can stand guard."""


def main(paths: list[str]) -> int:
    """Pytest's exit code, or 3 where it passed without Java."""
    arguments = ["-p", HANDLERS, "-q", f"--rootdir={TESTS.parent}", "-c"]
    arguments += [str(TESTS.parent / "pyproject.toml"), *(str(TESTS / path) for path in paths)]
    ended = int(pytest.main(arguments))
    return ended or verdict()


def verdict() -> int:
    """Say who served."""
    import fast_jvm

    status = fast_jvm.status()
    codec = [patch for patch in status.patches if patch.name.endswith("_typed")]
    idle = [patch.name for patch in codec if patch.state != "live" or not patch.calls]
    if status.host != "jep" or idle or not codec:
        print(f"Java inside of Jep did not serve: host {status.host!r}, idle {idle}\n{status}")
        return 3
    for patch in codec:
        print(
            f"served by Java, host jep: {patch.name}: {patch.calls} calls, "
            f"{patch.declines} declines, {patch.callbacks} callbacks"
        )
    return 0


code = main(sys.argv[1:])
