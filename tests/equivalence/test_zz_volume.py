"""Runs last: a whole run has compared enough values."""

from __future__ import annotations

import pytest

from support.plugin import SCALE
from support.sides import VOLUME

WANTED = 50_000
_SUITES = {
    f"equivalence.test_{name}"
    for name in (
        "plain keys kwargs stdlib dataclasses pydantic pydantic_v1 messages langgraph_types arrays mixed allowlists".split()
    )
}


def test_enough_values_were_compared() -> None:
    """A run of every suite compares at least the number promised; part of a run is not measured."""
    ran = {suite.rpartition(".")[2] for suite in VOLUME.work}
    missing = {s.rpartition(".")[2] for s in _SUITES} - ran
    if missing or SCALE < 1:
        pytest.skip(f"part of the suites only, or a scale of {SCALE}: {sorted(missing)}")
    assert sum(VOLUME.values.values()) >= WANTED
