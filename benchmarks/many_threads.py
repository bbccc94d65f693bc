"""`python -m benchmarks.many_threads [--threads N]`: a folder of 100,000 threads with 10 checkpoints each.

What it costs to open it in a fresh process, to resume one thread, and in memory; the bars are the exit code.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

CHECKPOINTS = 10
#: seconds, seconds, MB
BARS = {"open": 3.0, "resume": 0.001, "rss": 150.0}

MEASURED = """
import json, random, statistics, sys, time
import fast_jvm
import fast_langgraph
from fast_langgraph import ChronicleSaver
from langgraph.checkpoint.base import empty_checkpoint

def rss():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(sys.argv[3])) / 1024

def config(n):
    return {"configurable": {"thread_id": f"thread {n}", "checkpoint_ns": ""}}

assert fast_jvm.wait_ready(60)
import tempfile
with tempfile.TemporaryDirectory() as small, ChronicleSaver(small) as saver:  # Chronicle's own classes
    saver.put(config(0), {**empty_checkpoint(), "channel_values": {}}, {}, {})
    saver.get_tuple(config(0))
before = rss()
start = time.perf_counter()
saver = ChronicleSaver(sys.argv[1])
opened = time.perf_counter() - start
resumed = []
for n in random.Random(1).sample(range(int(sys.argv[2])), 1000):
    start = time.perf_counter()
    got = saver.get_tuple(config(n))
    resumed.append(time.perf_counter() - start)
    assert got.metadata["step"] == 9 and got.checkpoint["channel_values"]["n"] == n, got
print(json.dumps({"open": opened, "resume": statistics.median(resumed), "first resume": resumed[0],
                  "slowest resume": max(resumed), "rss": rss() - before}))
"""


def fill(folder: Path, threads: int) -> None:
    """Put every thread's checkpoints, as the saver lays them out."""
    from langgraph.checkpoint.base import empty_checkpoint

    from fast_langgraph import ChronicleSaver

    with ChronicleSaver(folder) as saver:
        for n in range(threads):
            for step in range(CHECKPOINTS):
                parent: Dict[str, Any] = {} if step == 0 else {"checkpoint_id": f"{step - 1:08}"}
                saver.put(
                    {"configurable": {"thread_id": f"thread {n}", "checkpoint_ns": "", **parent}},
                    {
                        **empty_checkpoint(),
                        "id": f"{step:08}",
                        "channel_values": {"n": n, "step": step},
                        "channel_versions": {"n": "1", "step": str(step)},
                    },
                    {"source": "loop", "step": step},
                    {"n": "1", "step": str(step)} if step == 0 else {"step": str(step)},
                )


def measured(folder: Path, threads: int, memory: str) -> Dict[str, float]:
    """The figures of one fresh process; ``memory``: a line of /proc/self/status."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(folder), str(threads), memory],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: Dict[str, float] = json.loads(done.stdout)
    return told


def main(arguments: Optional[List[str]] = None) -> int:
    """The exit code: 0 if every bar is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_threads", description=__doc__)
    parser.add_argument("--threads", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="a folder that an earlier run filled")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made) / "saver"
        if not folder.exists():
            start = time.perf_counter()
            fill(folder, options.threads)
            print(f"filled in {time.perf_counter() - start:.1f} s")
        told = measured(folder, options.threads, "RssAnon")
        told["rss with mapped files"] = measured(folder, options.threads, "VmRSS")["rss"]
        (folder / "index").unlink()
        told["open, index made anew"] = measured(folder, options.threads, "RssAnon")["open"]
    for name, figure in told.items():
        print(f"{name:>24} {figure:10.4f} {'MB' if 'rss' in name else 's'}")
    return int(any(told[name] > bar for name, bar in BARS.items()))


if __name__ == "__main__":
    raise SystemExit(main())
