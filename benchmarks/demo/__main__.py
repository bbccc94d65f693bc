"""`python -m benchmarks.demo`: run the demo in fresh processes, compare what they stored, print the table.

Three processes do the same work: the original; accelerated, judged from process start to its end, the boot of
the JVM included; and once more with the accelerators live before the work starts, which is what a long-running
server sees. The exit code is 0 only where all databases and all final states are equal, and Java served.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.demo import compare

MODES = {"original": "original", "accelerated": "accelerated", "live": "accelerated, already live"}
PHASES = ("grow", "resume", "travel")
BAR = 2.0


def main(arguments: Optional[List[str]] = None) -> int:
    """Run, compare, print; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo", description=__doc__.split("\n")[0]
    )
    parser.add_argument(
        "--customers", type=int, default=12, help="conversations in the database (default 12)"
    )
    parser.add_argument(
        "--turns", type=int, default=50, help="turns of four messages each (default 50)"
    )
    parser.add_argument(
        "--repeat", type=int, default=1, help="runs of each process, the fastest counts (default 1)"
    )
    parser.add_argument(
        "--profile", action="store_true", help="also print the codec's share of the original"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    console = Console()
    modes = [*MODES, "profile"] if options.profile else list(MODES)
    with tempfile.TemporaryDirectory(prefix="demo-") as scratch:
        runs: Dict[str, List[Dict[str, Any]]] = {mode: [] for mode in modes}
        for repeat in range(options.repeat):
            for mode in modes:
                folder = Path(scratch, mode + str(repeat))
                runs[mode].append(_run(console, mode, folder, options))
                if runs[mode][-1].get("failed"):
                    console.print("[red]the %s process failed[/red]" % mode)
                    return 1
        rows, unequal = 0, []  # type: int, List[str]
        first = Path(scratch, "original0")
        for mode in modes:
            for repeat in range(options.repeat):
                if (mode, repeat) != ("original", 0):
                    compared, found = compare.differences(first, Path(scratch, mode + str(repeat)))
                    rows += compared
                    unequal += ["%s: %s" % (mode, line) for line in found]
    best = {
        mode: min(of_mode, key=lambda run: float(run["total"]["wall"]))
        for mode, of_mode in runs.items()
    }
    served = [_served(best[mode]) for mode in ("accelerated", "live")]
    result = {
        "customers": options.customers,
        "messages": 4 * options.turns,
        "runs": runs,
        "ratio": {
            kind: best["original"]["total"][kind] / best["accelerated"]["total"][kind]
            for kind in ("wall", "cpu")
        },
        "live_ratio": {
            kind: best["original"]["work"][kind] / best["live"]["work"][kind]
            for kind in ("wall", "cpu")
        },
        "rows_compared": rows,
        "equal": not unequal,
        "served": all(served),
    }
    _print(console, best, result, unequal)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if result["equal"] and result["served"] else 1


def _run(console: Console, mode: str, folder: Path, options: argparse.Namespace) -> Dict[str, Any]:
    folder.mkdir()
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("FAST_JVM_LOG", "LANGSMITH"))
    }
    environment.setdefault("FAST_LANGGRAPH", "on")
    environment["FAST_JVM"] = "auto" if mode in ("accelerated", "live") else "off"
    command = [sys.executable, "-m", "benchmarks.demo.driver", mode, str(folder)]
    command += [str(options.customers), str(options.turns)]
    columns = (
        TextColumn("{task.description:28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    started = time.time()
    marks: Dict[str, float] = {}
    with Progress(*columns, console=console, refresh_per_second=4) as progress:
        bar = progress.add_task("%s: start" % mode, total=None)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env=environment, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if not line.startswith("{"):
                    console.print(line.rstrip())
                    continue
                marks.update(_follow(progress, bar, mode, json.loads(line)))
        ended = time.time()
    if process.returncode:
        return {"failed": True}
    figures: Dict[str, Any] = json.loads((folder / "figures.json").read_text())
    before = figures.get("booted", figures["imported"])
    finished = figures["finished"]
    exit_wall = ended - marks["verified"]
    figures["total"] = {"wall": finished["wall"] - started + exit_wall, "cpu": finished["cpu"]}
    figures["work"] = {kind: finished[kind] - before[kind] for kind in ("wall", "cpu")}
    figures["exit"] = exit_wall
    if "boot_at" in figures:
        figures["boot_at"] = {key: at - started for key, at in figures["boot_at"].items()}
    return figures


def _follow(progress: Progress, bar: Any, mode: str, told: Dict[str, Any]) -> Dict[str, float]:
    if "verified" in told:
        return {"verified": told["verified"]}
    done, total = told["done"], told["total"]
    description = "%s: %s" % (mode, told["phase"])
    if done == total:
        description += ", done"
    if done % 10 == 0 or done == total:
        progress.update(bar, description=description, completed=done, total=total)
    return {}


IDLE = {
    "langgraph.%s" % name
    for name in (
        "async_get_child",
        "ainvoke",
        "arun",
        "chain_end",
        "llm_end",
        "task_path",
        "submit",
    )
}
"""Patches that serve nothing here: the agent is synchronous, its saver is SqliteSaver, whose put_writes is wrapped by a clock."""


def _served(run: Dict[str, Any]) -> bool:
    return bool(run["patches"]) and all(
        patch["state"] == "live" and (patch["calls"] > 0 or patch["name"] in IDLE)
        for patch in run["patches"]
    )


def _print(
    console: Console, best: Dict[str, Dict[str, Any]], result: Dict[str, Any], unequal: List[str]
) -> None:
    modes = list(MODES)
    original = best["original"]
    table = Table(
        title="%d conversations of %d messages, SqliteSaver on a file"
        % (result["customers"], result["messages"])
    )
    table.add_column("")
    for mode in modes:
        table.add_column(MODES[mode], justify="right")

    def row(name: str, value: Any, unit: str = "s", ratio: bool = True) -> None:
        cells = []
        for mode in modes:
            amount = value(best[mode])
            if amount is None:
                cells.append("")
                continue
            cell = "%.2f s" % amount if unit == "s" else "%.0f %s" % (amount, unit)
            reference = value(original)
            if ratio and mode != "original" and reference:
                cell += "  [bold]%.2fx[/bold]" % (reference / amount)
            cells.append(cell)
        table.add_row(name, *cells)

    row("whole process, wall", lambda run: run["total"]["wall"])
    row("whole process, CPU", lambda run: run["total"]["cpu"])
    table.add_section()
    row("agent's work, wall", lambda run: run["work"]["wall"])
    row("agent's work, CPU", lambda run: run["work"]["cpu"])
    for phase in PHASES:
        row("  %s, wall" % phase, lambda run, phase=phase: run["phases"][phase]["wall"])
    table.add_section()
    row(
        "checkpoints, time in saver",
        lambda run: sum(spent["wall"] for spent in run["saver"].values()),
    )
    row(
        "checkpoints, CPU in saver",
        lambda run: sum(spent["cpu"] for spent in run["saver"].values()),
    )
    table.add_section()
    row("peak RSS", lambda run: run["rss"] / 2**20, "MB", ratio=False)
    row("boot and warm-up, wall", lambda run: _boot(run, "wall"), ratio=False)
    row("boot and warm-up, CPU", lambda run: _boot(run, "cpu"), ratio=False)
    console.print(table)

    for mode in ("accelerated", "live"):
        _print_accelerators(console, mode, best[mode])
    if "profile" in best:
        _print_share(console, best["profile"])
    ratio = result["ratio"]
    console.print(
        "whole process against the original: wall %.2fx, CPU %.2fx (bar: %.0fx both)"
        % (ratio["wall"], ratio["cpu"], BAR)
    )
    if not result["served"]:
        console.print("[red]Java did not serve every patch[/red]")
    for line in unequal:
        console.print("[red]%s[/red]" % line)
    console.print(
        "equal: %s (%d rows of the databases in all columns, every final state, every state of some histories)"
        % ("yes" if result["equal"] else "[red]no[/red]", result["rows_compared"])
    )


def _boot(run: Dict[str, Any], kind: str) -> Optional[float]:
    """What was waited for; where nothing waited, the boot's wall time (its CPU is not told apart)."""
    if "booted" in run:
        return float(run["booted"][kind] - run["imported"][kind])
    if kind == "wall" and "ready" in run.get("boot_at", ()):
        return float(run["boot_at"]["ready"] - run["boot_at"]["start"])
    return None


def _print_accelerators(console: Console, mode: str, run: Dict[str, Any]) -> None:
    at = run["boot_at"]
    began = "never booted"
    if "ready" in at:
        began = "boot began %.1f s after process start, live at %.1f s" % (at["start"], at["ready"])
    cache = "with" if run["aot_cache"] else "without"
    table = Table(
        *("patch", "state", "calls", "declines", "callbacks", "original's"),
        title="%s: Java %s, host %s, %s AOT cache; %s"
        % (MODES[mode], run["java"], run["host"], cache, began),
    )
    for patch in run["patches"]:
        figures = (str(patch[key]) for key in ("calls", "declines", "callbacks", "original_calls"))
        state = ": ".join(text for text in (patch["state"], patch["reason"]) if text)
        table.add_row(patch["name"], state, *figures)
    console.print(table)


def _print_share(console: Console, run: Dict[str, Any]) -> None:
    """How much faster each part of the original could get if its codec cost nothing (Amdahl).

    Collections that the loaded objects set off are not the codec's: the same objects are made by any.
    """
    table = Table(
        *("the original's CPU", "seconds", "codec", "collector, in the codec", "at most"),
        title="what a codec that costs nothing would win",
    )
    phases = [run["phases"][phase] for phase in PHASES]
    whole = {key: sum(phase[key] for phase in phases) for key in ("codec", "codec_gc")}
    parts = list(zip(PHASES, phases))
    parts.append(("agent's work", {**whole, "cpu": run["work"]["cpu"]}))
    parts.append(("whole process", {**whole, "cpu": run["total"]["cpu"]}))
    for name, part in parts:
        total, collected = part["cpu"], part["codec_gc"]
        codec = part["codec"] - collected
        shares = ["%.0f %%" % (100 * share / total) for share in (codec, collected)]
        table.add_row(name, "%.2f" % total, *shares, "%.2fx" % (total / (total - codec)))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
