"""LangGraph's own tests of its caches, with CaffeineCache in the place of InMemoryCache and SqliteCache."""

from __future__ import annotations

from pathlib import Path

import pytest
from upstream import suites
from upstream.test_upstream import graphs_python

from support import sides


@pytest.mark.long
@pytest.mark.skipif(not sides.ACCELERATED, reason="both sides would be the original")
@pytest.mark.usefixtures("java")
def test_the_same_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = graphs_python(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    chosen = ["tests", "-p", "no:randomly", "-k", "cache"]
    with_us = suites.run_once(
        suites.GRAPHS, [*chosen, "-p", "cache.plugin"], live=True, python=python
    )
    original = suites.run_once(suites.GRAPHS, chosen, live=False, python=python)
    assert len(original.passed) > 20
    assert with_us.outcomes == original.outcomes
