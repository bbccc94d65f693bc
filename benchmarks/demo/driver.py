"""One run of the demo in one process: `python -m benchmarks.demo.driver MODE FOLDER CUSTOMERS TURNS`.

MODE is `original` (our packages are never imported), `accelerated` (imported; the JVM starts when the
library's own rule says so), `live` (the same, but the work starts after `wait_ready()`) or `profile` (the
original with a stopwatch on its codec). Progress goes to standard output, one JSON object a line; databases,
states and figures go to FOLDER.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, Dict

from benchmarks.demo.stopwatch import CODEC, Stopwatch


def main(mode: str, folder: Path, customers: int, turns: int) -> None:
    """Run the workload, then write what the parent compares and prints."""
    figures: Dict[str, Any] = {"mode": mode}
    accelerated = mode in ("accelerated", "live")
    if accelerated:
        import fast_langgraph  # noqa: F401  (before langgraph, as a user would)

    from benchmarks.demo import pins, workload

    pins.pin()
    figures["imported"] = _now()
    if mode == "live":
        import fast_jvm

        figures["ready"] = fast_jvm.wait_ready(120)
        figures["booted"] = _now()
    watch = Stopwatch()
    if mode == "profile":
        from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

        gc.callbacks.append(watch.collection)
        for name in CODEC:
            setattr(JsonPlusSerializer, name, watch.method(name, getattr(JsonPlusSerializer, name)))
    run = workload.Workload(folder / "checkpoints.sqlite", customers, turns, watch)
    phases: Dict[str, Dict[str, float]] = {}
    for name in workload.PHASES:
        before, codec, collected = _now(), watch.cpu(*CODEC), watch.collected
        for done, total in getattr(run, name)():
            print(json.dumps({"phase": name, "done": done, "total": total}), flush=True)
        after = _now()
        phases[name] = {key: after[key] - before[key] for key in ("wall", "cpu")}
        phases[name]["codec"] = watch.cpu(*CODEC) - codec
        phases[name]["codec_gc"] = watch.collected - collected
    figures["finished"] = _now()
    figures["phases"] = phases
    figures["saver"] = watch.figures()
    figures["rss"] = _peak_rss()
    if accelerated:
        figures.update(_accelerators())
    (folder / "states.json").write_text(json.dumps(run.states()))
    (folder / "figures.json").write_text(json.dumps(figures))
    print(json.dumps({"verified": time.time()}), flush=True)


def _now() -> Dict[str, float]:
    own, children = (
        resource.getrusage(resource.RUSAGE_SELF),
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    return {
        "wall": time.time(),
        "cpu": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
    }


def _peak_rss() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def _accelerators() -> Dict[str, Any]:
    """What status() says, and when the boot began and ended, by the wall clock."""
    import fast_jvm
    from fast_jvm import _state

    status = fast_jvm.status()
    to_wall = time.time() - time.perf_counter()
    times = _state.state.times
    return {
        "host": status.host,
        "java": status.java,
        "boot_ms": status.boot_ms,
        "boot_at": {key: times[key] + to_wall for key in ("start", "ready") if key in times},
        "aot_cache": any("AOTCache=" in option for option in status.options),
        "patches": [
            {
                key: getattr(patch, key)
                for key in (
                    *("name", "version", "state", "reason", "calls", "declines", "callbacks"),
                    *("original_calls", "original_ns"),
                )
            }
            for patch in status.patches
        ],
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    sys.stdout.flush()
