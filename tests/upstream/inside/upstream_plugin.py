"""Pytest plugin for the upstream suites: with us or without, it writes down what passed and what Java did.

``FAST_UPSTREAM_REPORT`` names the file to write, ``FAST_UPSTREAM_MODULES`` what is imported first; ``FAST_UPSTREAM_LIVE``
names the package whose patches are put in place before. This folder alone is on their path: beside it are folders of the names
of libraries.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

LIVE = os.environ.get("FAST_UPSTREAM_LIVE", "")

if LIVE:
    importlib.import_module(LIVE)  # before anything of the library

_outcomes: dict[str, str] = {}
_WORST = ("failed", "skipped", "passed")


def pytest_configure(config: pytest.Config) -> None:
    """Everything whose module is there is live before the first test, or nothing is measured."""
    for name in os.environ["FAST_UPSTREAM_MODULES"].split():
        importlib.import_module(name)
    if not LIVE:
        return
    import fast_jvm

    if not fast_jvm.wait_ready(timeout=120) or any(
        p.state not in ("live", "waiting") for p in fast_jvm.status().patches
    ):
        raise pytest.UsageError(f"the patches are not live:\n{fast_jvm.status()}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test passed when its set-up, call and teardown did; a retried one counts by its last run."""
    if report.when == "setup":
        _outcomes[report.nodeid] = report.outcome
    elif report.outcome not in _WORST:  # "retried": another call follows, without a set-up
        _outcomes[report.nodeid] = "passed"
    else:
        _outcomes[report.nodeid] = min(_outcomes[report.nodeid], report.outcome, key=_WORST.index)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report."""
    done: dict[str, Any] = {"outcomes": _outcomes, "patches": {}}
    if LIVE:
        import fast_jvm

        done["patches"] = {
            p.name: [p.calls, p.declines, p.callbacks] for p in fast_jvm.status().patches
        }
    Path(os.environ["FAST_UPSTREAM_REPORT"]).write_text(json.dumps(done))
