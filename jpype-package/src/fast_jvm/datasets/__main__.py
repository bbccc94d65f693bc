"""`python -m fast_jvm.datasets info | verify FOLDER`.

Exits with 0; 1 where ``verify`` found damage; 2 where the folder is no dataset, or Java stays away.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import List, Union

from .. import FastJvmUnavailable
from ._dataset import Dataset
from ._format import DatasetError
from ._verify import problems


def main(arguments: Union[List[str], None] = None) -> int:
    """Run a command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fast_jvm.datasets", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="what a dataset holds").add_argument("folder")
    commands.add_parser("verify", help="look at every checksum").add_argument("folder")
    options = parser.parse_args(arguments)
    try:
        return info(options.folder) if options.command == "info" else verify(options.folder)
    except (DatasetError, FastJvmUnavailable, OSError) as error:
        print(error, file=sys.stderr)
        return 2


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


if __name__ == "__main__":
    sys.exit(main())
