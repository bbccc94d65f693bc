"""``python -m upstream.record`` (in tests/): write down what passes without us, for the installed versions."""

from __future__ import annotations

from upstream.suites import SUITES, write_record


def main() -> None:
    """Write one file per suite."""
    for suite in SUITES:
        record = write_record(suite)
        print(f"{suite.record.name}: {len(record['passed'])} of {record['tests']} passed")


if __name__ == "__main__":
    main()
