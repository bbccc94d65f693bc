"""`python -m fast_jvm.datasets build SOURCE... FOLDER | info FOLDER | verify FOLDER | compact FOLDER`.

Exits with 0; 1 where ``verify`` found damage or ``build --on-error skip`` left rows out; 2 where that could not be
done: no dataset, a bad row, no Java.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Dict, List, Union

from .. import FastJvmUnavailable
from ._build import REJECTS, build
from ._compact import compact
from ._dataset import Dataset
from ._format import DatasetError
from ._verify import problems


def main(arguments: Union[List[str], None] = None) -> int:
    """Run a command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fast_jvm.datasets", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="what a dataset holds").add_argument("folder")
    commands.add_parser("verify", help="look at every checksum").add_argument("folder")
    commands.add_parser("compact", help="put small batches together").add_argument("folder")
    made = commands.add_parser("build", help="make a dataset of files")
    made.add_argument("sources", nargs="+", metavar="SOURCE", help="files and globs")
    made.add_argument("folder")
    made.add_argument(
        "--schema", type=_schema, help="columns to take: input_ids=list<int32>,text=string"
    )
    made.add_argument("--on-error", choices=("raise", "skip"), default="raise")
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            return build_(options.sources, options.folder, options.schema, options.on_error)
        return {"info": info, "verify": verify, "compact": compact_}[options.command](
            options.folder
        )
    except (DatasetError, FastJvmUnavailable, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def _schema(text: str) -> Dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    return {name.strip(): kind.strip() for name, _, kind in pairs}


def build_(
    sources: List[str], folder: str, schema: Union[Dict[str, str], None], on_error: str
) -> int:
    """Build a dataset, with a progress bar where rich is installed and somebody looks."""
    try:
        from rich.progress import Progress
    except ImportError:
        done = build(sources, folder, schema, on_error=on_error)
    else:
        with Progress(disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("building")

            def progress(path: str, read: int, size: int) -> None:
                bar.update(task, description=os.path.basename(path), completed=read, total=size)

            done = build(sources, folder, schema, on_error=on_error, progress=progress)
    print(f"{done.rows} rows")
    if done.rejected:
        print(f"{done.rejected} rows were left out, see {os.path.join(folder, REJECTS)}")
    return 1 if done.rejected else 0


def info(folder: str) -> int:
    """Print what a dataset holds."""
    rows = Dataset(folder)
    size = sum(
        os.stat(os.path.join(path, name)).st_blocks * 512
        if hasattr(os.stat_result, "st_blocks")
        else os.path.getsize(os.path.join(path, name))
        for path, _, names in os.walk(rows.folder)
        for name in names
    )
    print(f"folder    {rows.folder}")
    if rows.shards is not None:
        print(f"rows      {len(rows)} in {len(rows.shards)} shards")
    else:
        print(f"rows      {len(rows)} in {len(rows.entries)} batches")
    print(f"on disk   {size / 1e6:.1f} MB")
    for name, kind in rows.schema.items():
        print(f"column    {name}: {kind}")
    for key, value in rows.metadata.items():
        print(f"metadata  {key}: {value}")
    return 0


def verify(folder: str) -> int:
    """Print what is damaged."""
    found = 0
    for problem in problems(folder):
        found += 1
        print(problem)
    print(f"{found} problems" if found else "no problem")
    return 1 if found else 0


def compact_(folder: str) -> int:
    """Compact a dataset, and print what that saved."""
    saved = compact(folder)
    print(f"{saved / 1e6:.1f} MB less, {len(Dataset(folder).entries)} batches")
    return 0


if __name__ == "__main__":
    sys.exit(main())
