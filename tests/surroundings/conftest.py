"""A process in surroundings of its own: HOME, TMPDIR and current folder; what it printed, and which files it left."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

HOSTS = pytest.mark.parametrize("host", ["jni", "jpype"])
REPORT = """
import json, os, fast_jvm, fast_shapes, shapes
ready = fast_jvm.wait_ready(40)
def calls():
    return fast_jvm.status().builtins["noop"].calls if ready else 0
before = calls()
assert shapes.nothing() is None
print(json.dumps({
    "ready": ready, "served": calls() - before, "status": fast_jvm.status().as_dict(),
    "tmp": [name for name in (".java_pid%d", ".attach_pid%d", "hs_err_pid%d.log") if os.path.exists("/tmp/" + name % os.getpid())],
}))
"""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What came of it; ``stdout`` is what stood before the report."""

    done: subprocess.CompletedProcess[str]
    stdout: str
    ready: bool
    served: int
    reason: str
    status: dict[str, Any]
    left: set[str]

    def by_java(self) -> Seen:
        """Served, silently, no file left; returns itself."""
        assert self.ready and self.served == 1, self.reason
        return self.unharmed()

    def by_originals(self, reason: str) -> Seen:
        """Declined with this reason, silently, no file left; returns itself."""
        assert not self.ready and reason in self.reason, self.reason
        assert {patch["state"] for patch in self.status["patches"]} == {"skipped"}
        return self.unharmed()

    def unharmed(self) -> Seen:
        """Silent, no file left; returns itself."""
        assert (self.done.returncode, self.done.stderr, self.left) == (0, "", set())
        return self


def files(folder: Path) -> set[str]:
    """All that is below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def around(run: Any, java: str, tmp_path: Path) -> Callable[..., Seen]:
    """Run code before the boot and report; HOME, TMPDIR and the current folder lie in tmp_path."""

    def around(*code: str, after: str = "", **settings: Any) -> Seen:
        for name in ("home", "tmp"):
            (tmp_path / name).mkdir(exist_ok=True)
        places = {"HOME": tmp_path / "home", "TMPDIR": tmp_path / "tmp", "XDG_CACHE_HOME": ""}
        before = files(tmp_path)
        done = run(*code, REPORT, after, **{**places, **settings})
        left = files(tmp_path) - before
        said = done.stdout.splitlines(keepends=True)
        number = next((n for n, line in enumerate(said) if line.startswith('{"ready"')), None)
        assert number is not None, done.stdout + done.stderr
        report = json.loads(said.pop(number))
        assert report["tmp"] == []
        return Seen(
            done,
            "".join(said),
            report["ready"],
            report["served"],
            report["status"]["reason"],
            report["status"],
            left,
        )

    return around
