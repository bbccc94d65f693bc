"""Pytest plugin for the upstream suites: with us or without, it writes down what passed and what Java did.

``FAST_UPSTREAM_REPORT`` names the file to write, ``FAST_UPSTREAM_MODULES`` what is imported first; ``FAST_UPSTREAM_LIVE``
names the package whose patches are put in place before; ``FAST_UPSTREAM_CHOSEN`` is a file of the ids that are run, where not all. This folder alone is on their path: beside it are folders of the names
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The chosen alone."""
    named = os.environ.get("FAST_UPSTREAM_CHOSEN")
    if not named:
        return
    chosen = set(json.loads(Path(named).read_text()))
    left = [item for item in items if item.nodeid not in chosen]
    items[:] = [item for item in items if item.nodeid in chosen]
    config.hook.pytest_deselected(items=left)


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
        for entry in fast_jvm._registry.entries():
            if not entry.patch.builtins:  # Python alone counts what it served
                declined = getattr(entry.replacement, "declined", 0)
                counts = done["patches"][entry.patch.name]
                done["patches"][entry.patch.name] = [counts[0] + declined, declined, counts[2]]
    Path(os.environ["FAST_UPSTREAM_REPORT"]).write_text(json.dumps(done))
