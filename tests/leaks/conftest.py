"""Boot once, charge each suite, print the table."""

from __future__ import annotations

import pytest

from support.plugin import charged, ready, report

__all__ = ["charged", "ready"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Values, calls, declines, callbacks."""
    report(terminalreporter)
