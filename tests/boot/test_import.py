"""What importing costs, and what it leaves alone."""

from __future__ import annotations

import json

HEAVY = ("numpy", "jpype", "_jpype", "ctypes", "ast", "subprocess", "asyncio", "rich")
# modules that a library with checkpoints has loaded long before
ORDINARY = "import json, logging, threading, functools, importlib.metadata, dataclasses, inspect, packaging.specifiers, wrapt"


def test_nothing_heavy_is_imported(run) -> None:
    done = run(
        ORDINARY,
        "import sys; before = set(sys.modules)",
        "import fast_shapes",
        "print(json.dumps(sorted(set(sys.modules) - before)))",
        check=True,
    )
    loaded = set(json.loads(done.stdout))
    assert "fast_jvm" in loaded and "shapes" not in loaded
    assert not loaded & set(HEAVY)


def test_no_thread_no_child_no_jvm(run) -> None:
    done = run(
        "import fast_shapes, shapes, threading, os, sys",
        "shapes.nothing()",
        "print(threading.active_count(), '_jpype' in sys.modules)",
        "try: os.waitpid(-1, os.WNOHANG)",
        "except ChildProcessError: print('no child')",
        check=True,
    )
    assert done.stdout == "1 False\nno child\n"


def test_budget(run) -> None:
    """Less than 30 ms of CPU on top of what the library imported by itself."""
    code = f"{ORDINARY}\nimport time; start = time.process_time()\nimport shapes, fast_shapes\nprint(time.process_time() - start)"
    seconds = [float(run(code, check=True).stdout) for _ in range(5)]
    assert min(seconds) < 0.030, seconds
