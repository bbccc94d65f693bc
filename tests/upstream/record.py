"""``python -m upstream.record`` (in tests/): write down what passes without us, for the installed versions."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from upstream.suites import GRAPHS, SUITES, write_record
from upstream.test_upstream import graphs_python


def main() -> None:
    """Write one file per suite."""
    with tempfile.TemporaryDirectory() as folder:
        pythons = {GRAPHS.distribution: graphs_python(Path(folder))}
    for suite in (*SUITES, GRAPHS):
        record = write_record(suite, pythons.get(suite.distribution, sys.executable))
        print(f"{suite.record.name}: {len(record['passed'])} of {record['tests']} passed")


if __name__ == "__main__":
    main()
