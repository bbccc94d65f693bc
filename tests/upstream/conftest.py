"""The cache holds other people's tests: they run in processes of their own, never from here."""

from __future__ import annotations

import pytest

from upstream import test_upstream

collect_ignore = ["cache"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What passed and what Java did."""
    if test_upstream.TABLE:
        terminalreporter.section("upstream suites, patches live")
        for line in test_upstream.TABLE:
            terminalreporter.line(line)
