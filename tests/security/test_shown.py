"""What a process with a live JVM shows to others, and what it takes from them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.line("security", "jcmd, agents and jps of other processes", "find no socket, no file")
@pytest.mark.skipif(sys.platform != "linux", reason="/proc, /tmp")
@pytest.mark.parametrize("host", ["jni", "jpype"])
def test_nobody_attaches(run: Any, java: str, host: str) -> None:
    done = run(
        "import glob, os, tempfile, fast_jvm, fast_shapes, shapes",
        "def left():",
        "    for folder in {'/tmp', tempfile.gettempdir(), os.getcwd()}:",
        "        for name in ('.java_pid*', '.attach_pid*', 'hsperfdata_*/*', 'hs_err*'):",
        "            for path in glob.glob(os.path.join(folder, name)):",
        "                if str(os.getpid()) in os.path.basename(path): yield path",
        "older = {*left()}  # an earlier process may have had this number",
        "assert fast_jvm.wait_ready(40)",
        "for path in {*left()} - older: print(path)",
        "with open('/proc/net/unix') as file:",
        "    print([line for line in file if f'.java_pid{os.getpid()}' in line])",
        FAST_JVM_HOST=host,
        check=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.line("security", "modules in the current folder", "not imported by child processes")
def test_the_current_folder(run: Any, fresh: Any, java: str, tmp_path: Path) -> None:
    """The one that tries options, and the one that makes the AOT cache."""
    for module in ("json", "ctypes", "fast_jvm", "sitecustomize", "subprocess", "shapes"):
        (tmp_path / f"{module}.py").write_text(
            f"open({str(tmp_path / 'imported')!r}, 'a').write({module!r})"
        )
    script = tmp_path / "elsewhere" / "script.py"
    script.parent.mkdir()
    script.write_text(
        "import fast_jvm, fast_shapes, shapes\nassert fast_jvm.wait_ready(40), fast_jvm.status()"
    )
    cache = tmp_path / "cache"
    path = [entry for entry in fresh()["PYTHONPATH"].split(os.pathsep) if entry]
    settings = {"FAST_JVM_CACHE": cache, "FAST_JVM_OPTIONS": "-Dx=y", "FAST_JVM_HOST": "jni"}
    run(argv=(str(script),), check=True, PYTHONPATH=os.pathsep.join(path), **settings)
    assert list(cache.glob("*.probe.json"))
    deadline = time.time() + 30
    while not list(cache.glob("*.aot")) and time.time() < deadline:
        time.sleep(0.05)
    assert list(cache.glob("*.aot")) and not (tmp_path / "imported").exists()
