"""Boot once, charge each suite, print the table."""

from __future__ import annotations

import pytest
from hypothesis import settings

from support.plugin import charged, ready, report

__all__ = ["charged", "ready"]


def pytest_configure(config: pytest.Config) -> None:
    """The same values every run, unless another Hypothesis profile is asked for."""
    if not config.getoption("--hypothesis-profile", default=None):
        settings.load_profile("ci")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Values, calls, declines, callbacks."""
    report(terminalreporter)
