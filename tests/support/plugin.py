"""Pytest fixtures and hooks of the suites that compare both sides; a conftest imports what it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS

from support import sides

SCALE = float(os.environ.get("FAST_TEST_SCALE", "1"))
"""Multiplies the number of Hypothesis examples."""

# Hypothesis's own generator spends five of six examples on mutations of the last one, most of whose values were seen
# already. Any other provider name switches that off: the same generator, three times as many distinct values.
AVAILABLE_PROVIDERS["straight"] = AVAILABLE_PROVIDERS["hypothesis"]

_COMMON = {
    "backend": "straight",
    "deadline": None,
    "database": None,
    "print_blob": True,
    "suppress_health_check": list(HealthCheck),
}
# `pytest --hypothesis-profile=random` looks at other values every run; `ci` repeats the same ones
settings.register_profile("ci", derandomize=True, **_COMMON)  # type: ignore[arg-type]
settings.register_profile("random", derandomize=False, **_COMMON)  # type: ignore[arg-type]


def examples(n: int) -> settings:
    """A budget of *n* examples, scaled by FAST_TEST_SCALE."""
    return settings(max_examples=max(1, int(n * SCALE)))


@pytest.fixture(scope="session", autouse=True)
def ready() -> None:
    """Boot once a session."""
    sides.start()


@pytest.fixture(autouse=True)
def charged(request: pytest.FixtureRequest, ready: None) -> Iterator[None]:
    """What a test does is charged to its module."""
    with sides.VOLUME.of(request.module.__name__):
        yield


def report(terminalreporter: pytest.TerminalReporter) -> None:
    """The table at the end of a run; several conftests ask for it, one gets it."""
    if not sides.VOLUME.work or getattr(report, "done", False):
        return
    report.done = True  # type: ignore[attr-defined]
    terminalreporter.section("values compared, and what Java did")
    for line in sides.VOLUME.lines():
        terminalreporter.line(line)
    if not sides.ACCELERATED:
        terminalreporter.line("FAST_TEST_SIDES=original: both sides were the original")
