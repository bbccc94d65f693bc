"""``python -m upstream.record`` (in tests/): write down what passes without us, for the installed versions.

With names of distributions, of those alone.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from platforms import library

from upstream.suites import AXOLOTL, CREWAI, GRAPHS, SUITES, write_record
from upstream.test_upstream import graphs_python


def main(names: list[str]) -> None:
    """Write one file per suite."""
    for suite in (*SUITES, GRAPHS, AXOLOTL, CREWAI):
        if names and suite.distribution not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            python = sys.executable
            if suite is GRAPHS:
                python = graphs_python(Path(folder))
            elif suite in (AXOLOTL, CREWAI):
                python = str(library.python(suite.distribution))
        record = write_record(suite, python)
        print(f"{suite.distribution}: {len(record['passed'])} of {record['tests']} passed")


if __name__ == "__main__":
    main(sys.argv[1:])
