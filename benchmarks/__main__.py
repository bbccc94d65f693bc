"""`python -m benchmarks [--rows PATTERN] [--json FILE] [--readme FILE]`: measure, print, write."""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from rich.console import Console

from benchmarks import readme
from benchmarks.served import served

RESULTS = Path(__file__).parent / "results" / "bench.json"


def main(arguments: Optional[List[str]] = None) -> int:
    """The exit code: see harness.verdict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--rows", default="*", help="names of rows, with wildcards and commas; --list prints them"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument(
        "--json",
        type=Path,
        help="where the figures go; a full run has %s as default" % RESULTS.name,
    )
    parser.add_argument(
        "--readme",
        type=Path,
        help="fill this file's table from the last full run and do nothing else",
    )
    options = parser.parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    if options.readme:
        readme.fill(options.readme, RESULTS)
        return 0
    from benchmarks import (
        axolotl,
        building,
        codec,
        crewai_kickoffs,
        crewai_rows,
        datasets,
        graphs,
        harness,
        litellm_rows,
        peers,
        processes,
        savers,
        stores,
    )

    _compile()

    # processes first: once the JVM runs in this one, it is no longer a quiet bystander
    quiet = [
        *processes.ROWS,
        *savers.PROCESSES,
        *datasets.ROWS,
        *building.ROWS,
        *stores.ROWS,
        *axolotl.ROWS,
        *litellm_rows.ROWS,
        *crewai_kickoffs.ROWS,
        *crewai_rows.ROWS,
    ]
    rows = [*quiet, *codec.ROWS, *graphs.ROWS, *savers.ROWS, harness.Row("peers", lambda: [])]
    patterns = options.rows.split(",")
    wanted = [
        row
        for row in rows
        if any(fnmatch.fnmatch(row.name, pattern.strip()) for pattern in patterns)
    ]
    if options.list:
        console.print(" ".join(row.name for row in rows))
        return 0
    more: Dict[str, Any] = {}
    results: List[harness.Result] = []
    summary: List[harness.Result] = []
    ready = False
    for row in wanted:
        console.print("[dim]%s[/dim]" % row.name)
        note = ""
        try:
            if row not in quiet:
                ready = ready or _ready()
            found = row.measure() if row.name != "peers" else []
            if row.name == "peers":
                more["peers"] = peers.run(console)
        except Exception as error:  # the other rows are still worth their figures
            console.print_exception()
            note = "%s: %s" % (type(error).__name__, error)
            found = [harness.Result(row.name, equal=False, note=note)]
        for result in found:
            result.group = row.name
        if row.name == "ladder" and not note:
            _print_ladder(console, found)
        elif found:
            harness.print_table(console, row.name, found)
            summary += found
        results += found
    if ready:
        more.update(_status(console))
    harness.print_table(console, "all rows but the ladder", summary)
    file = options.json or (RESULTS if len(wanted) == len(rows) else None)
    if file:
        harness.write_json(file, results, **more)
    return harness.verdict(console, results)


def _compile() -> None:
    """Compile our packages to bytecode, as pip did with the libraries: PYTHONDONTWRITEBYTECODE may be set."""
    import compileall

    import fast_jvm
    import fast_langgraph

    for package in (fast_jvm, fast_langgraph, sys.modules[__package__]):
        compileall.compile_dir(os.path.dirname(str(package.__file__)), quiet=2)


def _ready() -> bool:
    """Make the patches live in this process, eagerly."""
    os.environ["FAST_JVM"] = "eager"
    import langgraph.checkpoint.serde.jsonplus  # noqa: F401

    import fast_jvm
    import fast_langgraph  # noqa: F401

    ready = fast_jvm.wait_ready(120)
    status = fast_jvm.status()
    if not (ready and served(status)):
        raise RuntimeError("Java is not live: %s" % status)
    return True


def _status(console: Console) -> Dict[str, Any]:
    import fast_jvm

    status = fast_jvm.status()
    console.print("host %s, Java %s" % (status.host, status.java))
    for patch in status.patches:
        figures = patch.name, patch.state, patch.calls, patch.declines, patch.callbacks
        console.print("%s: %s, %d calls, %d declines, %d callbacks" % figures)
    return {"host": status.host, "java": str(status.java)}


def _print_ladder(console: Console, found: List[Any]) -> None:
    """A line a shape and direction: the ratio at each size."""
    from rich.table import Table

    table = Table(title="never slower at any size: original / ours")
    table.add_column("shape")
    cells: Dict[str, Dict[int, Any]] = {}
    for result in found:
        shape, _, rest = result.row.partition(" × ")
        size, _, direction = rest.partition(": ")
        cells.setdefault("%s, %s" % (shape, direction), {})[int(size)] = result
    sizes = sorted({size for of_shape in cells.values() for size in of_shape})
    for size in sizes:
        table.add_column("%d" % size, justify="right")
    for name, of_shape in cells.items():
        line = []
        for size in sizes:
            result = of_shape.get(size)
            text = (
                ""
                if result is None
                else "%.2f" % result.ratio
                if result.equal
                else "[red]not equal[/red]"
            )
            line.append("[red]%s[/red]" % text if result is not None and result.slower else text)
        table.add_row(name, *line)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
