"""Which host FAST_JVM_HOST=auto takes: the one that fits what runs already."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.usefixtures("java")

READY = """
import fast_jvm, fast_shapes, shapes
ready = fast_jvm.wait_ready(40)
"""
IN_LOOP = """
import asyncio
async def main():
    import fast_jvm, fast_shapes, shapes
    return fast_jvm.wait_ready(40)
ready = asyncio.run(main())
import fast_jvm
"""
# what a graph's executor does: its threads are gone when the boot begins
EXECUTOR = """
import fast_jvm, fast_shapes, shapes
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    pool.submit(shapes.nothing).result()
"""
THREAD = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
# what a kernel looks like before any cell has run: the package, and a thread that waits
KERNEL = "import sys, types; sys.modules['ipykernel'] = types.ModuleType('ipykernel'); " + THREAD
REPORT = """
import json
print(json.dumps([ready, fast_jvm.status().host, [patch.state for patch in fast_jvm.status().patches]]))
"""

SURROUNDINGS = {
    "a script, one thread": ("", READY, "jpype"),
    "the boot is asked for in an event loop": ("", IN_LOOP, "jni"),
    "other threads run": (THREAD, READY, "jni"),
    "originals were called on other threads": (EXECUTOR, READY, "jni"),
    "a Jupyter kernel": (KERNEL, READY, "jpype"),
    "a Jupyter kernel, in its event loop": (KERNEL, IN_LOOP, "jpype"),
    "JPype is imported, other threads run": ("import jpype\n" + THREAD, READY, "jpype"),
}


def lines() -> list:
    return [
        pytest.param(*case, marks=pytest.mark.line("hosts", f"choice: {name}", case[2]), id=name)
        for name, case in SURROUNDINGS.items()
    ]


@pytest.mark.parametrize(("before", "boot", "host"), lines())
def test_choice(run, before: str, boot: str, host: str) -> None:
    done = run(before, boot, REPORT, check=True)
    assert json.loads(done.stdout) == [True, host, ["live"] * 4]


@pytest.mark.line("hosts", "choice: FAST_JVM_HOST names one, whatever runs", "that one")
@pytest.mark.parametrize(
    ("before", "host"), [("", "jni"), (THREAD, "jpype"), ("import jpype", "jni")]
)
def test_a_host_that_was_asked_for(run, before: str, host: str) -> None:
    done = run(before, READY, REPORT, FAST_JVM_HOST=host, check=True)
    assert json.loads(done.stdout) == [True, host, ["live"] * 4]


@pytest.mark.line("hosts", "choice: JPype is not installed", "jni")
def test_without_jpype(run) -> None:
    hide = """
import importlib.util
true = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "jpype" else true(name, *rest)
"""
    done = run(hide, READY, REPORT, check=True)
    assert json.loads(done.stdout) == [True, "jni", ["live"] * 4]
