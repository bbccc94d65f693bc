"""langgraph-checkpoint-conformance, in full."""

from __future__ import annotations

from pathlib import Path
from typing import Any, AsyncIterator

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

CAPABILITIES = {
    *("put", "put_writes", "get_tuple", "list"),
    *("delete_thread", "delete_for_runs", "copy_thread", "prune"),
}


@pytest.mark.parametrize("durability", ["process", "disk"])
async def test_conformance(java: str, tmp_path: Path, durability: str) -> None:
    from fast_langgraph import ChronicleSaver

    numbers = iter(range(10_000))

    @checkpointer_test(name=f"ChronicleSaver, {durability}")
    async def saver() -> AsyncIterator[Any]:
        async with ChronicleSaver(tmp_path / f"{next(numbers)}", durability=durability) as opened:
            yield opened

    report = await validate(saver)
    told = report.to_dict()["results"] if "results" in report.to_dict() else report.to_dict()
    assert report.passed_all(), told
    assert {name for name, result in report.results.items() if result.passed} >= CAPABILITIES
    for result in report.results.values():
        assert result.tests_failed == 0 and result.tests_passed > 0, result
