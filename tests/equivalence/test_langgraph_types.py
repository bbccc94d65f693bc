"""LangGraph's own types."""

from __future__ import annotations

from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.types import Send

from support import objects as o
from support import sides
from support.check import check_all, check_load
from support.plugin import examples


@examples(400)
@given(st.lists(o.library_types(), min_size=8, max_size=8))
def test_types(values: list[Any]) -> None:
    """Send, Command, Interrupt, Overwrite, Item, snapshots, named tuples."""
    check_all(values)


@examples(150)
@given(st.lists(o.sends(o.sends()), min_size=8, max_size=8))
def test_sends_in_sends(values: list[Any]) -> None:
    """Packs in packs."""
    check_all(values)


@pytest.mark.parametrize("code", range(8))
@pytest.mark.parametrize(
    "payload",
    [["n", 1], ["n"], ["n", 1, None], ["n", 1, 2, 3], [], "no", 7, None, {"node": "n", "arg": 1}],
    ids=repr,
)
def test_stored_sends(code: int, payload: Any) -> None:
    """Send has a line of its own in one branch of the hook, whatever its arguments are."""
    pack = ormsgpack.packb(["langgraph.types", "Send", payload, "model_validate_json"])
    short = ormsgpack.packb(["langgraph.types", "Send", payload])
    for packed in (pack, short):
        check_load(("msgpack", ormsgpack.packb([ormsgpack.Ext(code, packed)] * 3 + ["x" * 40])))


@pytest.mark.skipif(not sides.ACCELERATED, reason="both sides are the original")
def test_sends_are_loaded_by_java() -> None:
    """In a list of nothing else."""
    serde = sides.default_pair()
    blob = serde.theirs.dumps_typed([Send("n", {"a": i}) for i in range(20)])
    before = sides.counters()[sides.LOADS]
    serde.ours.loads_typed(blob)
    did = sides.counters()[sides.LOADS] - before
    assert (did.calls, did.declines) == (1, 0)
