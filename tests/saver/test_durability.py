"""What "process" and "disk" ask of the operating system, as strace sees it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

from saver.conftest import PROLOGUE

TRACED = """
saver = ChronicleSaver(FOLDER, durability=sys.argv[1])
put(saver, "t", 0)
mark = os.open(os.devnull, os.O_WRONLY)
for n in range(1, 6):
    saved = config("t", f"{n:08}")
    os.write(mark, b"put begins")
    saver.put(config("t"), checkpoint(f"{n:08}", {"a": n}, n), {"source": "loop", "step": n}, {"a": n})
    os.write(mark, b"put returned")
    os.write(mark, b"writes begin")
    saver.put_writes(saved, [("a", 1)], "task")
    os.write(mark, b"writes returned")
os.write(mark, b"delete begins")
saver.delete_thread("t")
os.write(mark, b"delete returned")
os._exit(0)
"""


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_when_the_disk_has_it(
    fresh: Callable[..., dict[str, str]],
    java: str,
    folder: Path,
    tmp_path: Path,
    durability: str,
) -> None:
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "-f", "true"], capture_output=True).returncode:
        pytest.skip("no strace, or it may not trace")
    code = "\n".join([PROLOGUE, f"FOLDER = {str(folder)!r}", TRACED])
    trace = tmp_path / "trace"
    calls = "trace=fsync,fdatasync,msync,sync_file_range,write"
    done = subprocess.run(
        [strace, "-f", "-y", "-e", calls, "-o", str(trace), sys.executable, "-c", code, durability],
        env=fresh(FAST_JVM_CACHE="off"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    counts: dict[str, list[int]] = {}
    inside = None
    for line in trace.read_text(errors="replace").splitlines():
        marked = re.search(r'"(put|writes|delete) (begins?|returned)"', line)
        if marked and marked[2] != "returned":
            inside = counts.setdefault(marked[1], [])
            inside.append(0)
        elif marked:
            inside = None
        elif (
            inside is not None
            and re.search(r"\b(fsync|fdatasync)\(\d+<", line)
            and ".cq4" in line
            and not line.endswith("= -1")
        ):
            inside[-1] += 1
        elif inside is not None and durability == "process":
            assert "sync" not in line, line
    assert [len(each) for each in counts.values()] == [5, 5, 1], counts
    for each in counts.values():
        assert all((n > 0) == (durability == "disk") for n in each), counts
