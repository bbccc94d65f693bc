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
        lines = [line.split() for line in file if line.startswith(("VmRSS", "RssAnon"))]
    return {name: int(kb) / 1024 for name, kb, _ in lines}

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
start = time.perf_counter()
assert saver.get_tuple(config(77)).metadata["step"] == 9
first = time.perf_counter() - start
one = rss()
resumed = []
for n in random.Random(1).sample(range(int(sys.argv[2])), 1000):
    start = time.perf_counter()
    got = saver.get_tuple(config(n))
    resumed.append(time.perf_counter() - start)
    assert got.metadata["step"] == 9 and got.checkpoint["channel_values"]["n"] == n, got
many = rss()
print(json.dumps({"open": opened, "first resume": first, "resume": statistics.median(resumed),
                  "slowest resume": max(resumed), "rss": one["VmRSS:"] - before["VmRSS:"],
                  "rss, 1000 resumed, own": many["RssAnon:"] - before["RssAnon:"],
                  "rss, 1000 resumed, mapped too": many["VmRSS:"] - before["VmRSS:"]}))
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


def measured(folder: Path, threads: int) -> Dict[str, float]:
    """The figures of one fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(folder), str(threads)],
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
        told = measured(folder, options.threads)
        (folder / "index").unlink()
        told["open, index made anew"] = measured(folder, options.threads)["open"]
    for name, figure in told.items():
        print(f"{name:>30} {figure:10.4f} {'MB' if 'rss' in name else 's'}")
    return int(any(told[name] > bar for name, bar in BARS.items()))


if __name__ == "__main__":
    raise SystemExit(main())
