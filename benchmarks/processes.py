"""Rows that need fresh processes: import, short scripts, boot, stalls, memory.

Processes of the two sides run in turn. A process's CPU is what the kernel accounts for it and for everything it
started, orphans included: this process adopts them and waits for them.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from benchmarks.harness import Result, Row, at_least, at_most

SHORT = at_least(0.97)
"""Within 3 % of the original."""
ATTEMPTS = 3
"""So often a row that other work on the machine may have spoilt is measured on; all runs count."""


class Run(NamedTuple):
    """One finished process."""

    wall: float
    cpu: float
    answer: Dict[str, Any]


def run(*arguments: str, module: str = "benchmarks.children", **environment: str) -> Run:
    """Run a task of a module in a fresh process."""
    _adopt_orphans()
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process.stdout as output:
        answer = output.readline()
        output.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime + sum(_orphans())
    if process.returncode or not answer:
        raise RuntimeError("%s ended with %d" % (" ".join(arguments), process.returncode))
    return Run(wall, cpu, json.loads(answer))


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def _orphans() -> Iterator[float]:
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return
        yield usage.ru_utime + usage.ru_stime


def imports(pairs: int = 15) -> List[Result]:
    """`import fast_langgraph` before langgraph, and what it must not bring along."""
    run("imports", "ours")
    answers: Dict[str, List[Dict[str, Any]]] = {"original": [], "ours": []}
    for _ in range(ATTEMPTS):
        for _ in range(pairs):
            for side, done in answers.items():
                done.append(run("imports", side, FAST_JVM="auto").answer)
        best = {side: min(answer["wall"] for answer in done) for side, done in answers.items()}
        extra = [
            ours["wall"] - original["wall"]
            for original, ours in zip(answers["original"], answers["ours"])
        ]
        difference = Result(
            "  difference",
            ours=max(best["ours"] - best["original"], 0.0),
            ours_median=statistics.median(extra),
            bar=at_most(0.030),
            note="median of %d pairs: %.1f ms" % (len(extra), 1e3 * statistics.median(extra)),
        )
        if difference.met:
            break
    last = {side: done[-1] for side, done in answers.items()}
    brought = [
        name for name in ("numpy", "jvm", "jpype") if last["ours"][name] > last["original"][name]
    ]
    if brought:
        difference.equal, difference.note = False, "brings " + ", ".join(brought)
    name = "import langgraph, alone and after fast_langgraph"
    return [Result(name, original=best["original"], ours=best["ours"]), difference]


def short_scripts(pairs: int = 10) -> List[Result]:
    """Scripts whose codec costs less than a boot: with us in front they cost what they cost without us."""
    found: List[Result] = []
    most = _turns_below_a_boot()
    for name, sizes in (
        # of several lengths: where one more collection of Python's falls is luck, and 7 % of one turn
        ("one to four turns", [(1, turns) for turns in (1, 2, 3, 4)]),
        ("two conversations of %d messages" % (4 * most), [(2, most)]),
    ):
        for cache, folder in (("cold", None), ("warm", _warm_cache())):
            found += _short(name, cache, folder, max(5, pairs // len(sizes)), sizes)
    return found


def _turns_below_a_boot(most: int = 50, sample: int = 20, share: float = 0.75) -> int:
    """Turns of two conversations whose originals cost that share of the threshold: a machine's speed decides."""
    answers = [run("script", "ours", "2", str(sample), FAST_JVM="auto").answer for _ in range(3)]
    spent = max(answer["spent"] for answer in answers)
    # each turn's checkpoints hold all turns before it
    return int(min(most, sample * math.sqrt(share * answers[0]["threshold"] / spent)))


def _short(
    name: str, cache: str, warm: Optional[str], pairs: int, sizes: List[Tuple[int, int]]
) -> List[Result]:
    """Scripts of several sizes, as one amount: pairs of runs of each, and the sums of the minima."""
    runs: Dict[str, List[List[Run]]] = {"original": [], "ours": []}
    results: List[Result] = []
    for _ in range(ATTEMPTS):
        for _ in range(pairs):
            for side, done in runs.items():
                done.append([_script(side, warm, size) for size in sizes])
        results = []
        booted = sum(one.answer["jvm"] for many in runs["ours"] for one in many)
        for kind in ("wall", "cpu"):
            amounts = {
                side: [[getattr(one, kind) for one in many] for many in done]
                for side, done in runs.items()
            }
            best = {side: sum(map(min, zip(*each))) for side, each in amounts.items()}
            sums = {side: list(map(sum, each)) for side, each in amounts.items()}
            ratios = [left / right for left, right in zip(sums["original"], sums["ours"])]
            results.append(
                Result(
                    "script, %s, %s cache: %s" % (name, cache, kind),
                    original=best["original"],
                    ours=best["ours"],
                    original_median=statistics.median(sums["original"]),
                    ours_median=statistics.median(sums["ours"]),
                    bar=SHORT,
                    equal=not booted,
                    note="%d booted a JVM" % booted
                    if booted
                    else "%d pairs, median ratio %.3f" % (len(ratios), statistics.median(ratios)),
                )
            )
        if all(result.met for result in results):
            break
    return results


def _script(side: str, warm: Optional[str], size: Tuple[int, int]) -> Run:
    with tempfile.TemporaryDirectory(prefix="cache-") as folder:
        return run("script", side, *map(str, size), FAST_JVM="auto", FAST_JVM_CACHE=warm or folder)


def boots(runs: int = 7) -> List[Result]:
    """From boot to ready with the AOT cache in place."""
    found: List[Result] = []
    for host in ("jni", "jpype"):
        done = [
            run("boot", FAST_JVM="auto", FAST_JVM_HOST=host, FAST_JVM_CACHE=_warm_cache())
            for _ in range(runs)
        ]
        good = all(
            one.answer["ready"] and one.answer["live"] and one.answer["host"] == host
            for one in done
        )
        for kind, limit in (("wall", 0.4), ("cpu", 0.6)):
            amounts = [one.answer[kind] for one in done]
            found.append(
                Result(
                    "boot to ready, AOT cache, %s: %s" % (host, kind),
                    ours=min(amounts),
                    ours_median=statistics.median(amounts),
                    bar=at_most(limit) if host == "jni" else None,
                    equal=good,
                    note="median %.0f ms" % (1e3 * statistics.median(amounts))
                    if good
                    else str(done[-1].answer),
                )
            )
    return found


def stalls(runs: int = 7) -> List[Result]:
    """The lateness of a loop that ticks every 5 ms; the worst tick of each run, the median run's."""
    found: List[Result] = []
    plain = [run("stall", "original").answer for _ in range(runs)]
    for host in ("jni", "jpype"):
        settings = {"FAST_JVM": "auto", "FAST_JVM_HOST": host, "FAST_JVM_CACHE": _warm_cache()}
        done = [run("stall", "ours", **settings).answer for _ in range(runs)]
        good = all(answer["live"] and answer["host"] == host for answer in done)
        found.append(_stall("boot and warm-up", "boot", host, 0.015, plain, done, good))
        found.append(_stall("codec in use, ready", "after", host, 0.005, plain, done, good))
    return found


def _stall(
    name: str,
    phase: str,
    host: str,
    limit: float,
    plain: List[Dict[str, Any]],
    done: List[Dict[str, Any]],
    good: bool,
) -> Result:
    worst = sorted(answer[phase] for answer in done)
    note = "runs: %s ms; idle before: %.1f ms; collections apart: up to %.1f ms" % (
        ", ".join("%.1f" % (1e3 * amount) for amount in worst),
        1e3 * statistics.median(answer["before"] for answer in done),
        1e3 * max(answer["collection"] for answer in done),
    )
    return Result(
        "worst stall, %s, %s" % (name, host),
        original=statistics.median(answer[phase] for answer in plain),
        ours=statistics.median(worst),
        bar=at_most(limit) if host == "jni" or phase == "after" else None,
        equal=good,
        note=note if good else str(done[-1]),
    )


def memory(runs: int = 3) -> List[Result]:
    """Resident memory once live and used, beside the same work without us."""
    found: List[Result] = []
    original = min(run("memory", "original").answer["rss"] for _ in range(runs))
    for host in ("jni", "jpype"):
        settings = {"FAST_JVM": "auto", "FAST_JVM_HOST": host, "FAST_JVM_CACHE": _warm_cache()}
        done = [run("memory", "ours", **settings).answer for _ in range(runs)]
        ours = statistics.median(answer["rss"] for answer in done)
        found.append(
            Result(
                "RSS once live, beyond the original's, %s" % host,
                ours=float(ours - original),
                unit="bytes",
                bar=at_most(80 * 2**20, "bytes") if host == "jni" else None,
                equal=all(answer["live"] for answer in done),
                note="%.0f MB without us, %.0f MB with us" % (original / 2**20, ours / 2**20),
            )
        )
    return found


_cache: "List[tempfile.TemporaryDirectory[str]]" = []


def _warm_cache() -> str:
    """A cache folder of these benchmarks' own, with the AOT caches of both hosts made."""
    if not _cache:
        _cache.append(tempfile.TemporaryDirectory(prefix="aot-"))
        for host in ("jni", "jpype"):
            for _ in range(2):
                run("boot", FAST_JVM="auto", FAST_JVM_HOST=host, FAST_JVM_CACHE=_cache[0].name)
                _wait(lambda: any(Path(_cache[0].name).glob("*.aot")), 60)
    return _cache[0].name


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)


def demo() -> List[Result]:
    """`make demo`, three runs of each process, the fastest of each."""
    from benchmarks.demo import __main__ as command

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "demo.json")
        code = command.main(["--repeat", "3", "--json", str(file)])
        if not file.exists():
            raise RuntimeError("the demo failed (%d)" % code)
        content = json.loads(file.read_text())
    found: List[Result] = []
    for mode, part, name, bar in (
        ("accelerated", "total", "agent of make demo, whole process", at_least(2)),
        ("live", "work", "agent of make demo, once live", at_least(2)),
    ):
        for kind in ("wall", "cpu"):
            original = [one[part][kind] for one in content["runs"]["original"]]
            ours = [one[part][kind] for one in content["runs"][mode]]
            found.append(
                Result(
                    "%s: %s" % (name, kind),
                    original=min(original),
                    ours=min(ours),
                    original_median=statistics.median(original),
                    ours_median=statistics.median(ours),
                    bar=bar,
                    equal=content["equal"] and content["served"],
                    note="%d conversations of %d messages"
                    % (content["customers"], content["messages"]),
                )
            )
    return found


ROWS = [
    Row("import", imports),
    Row("scripts", short_scripts),
    Row("boot", boots),
    Row("stall", stalls),
    Row("memory", memory),
    Row("demo", demo),
]
