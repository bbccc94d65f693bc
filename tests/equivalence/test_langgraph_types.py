"""LangGraph's own types."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support import objects as o
from support.check import check_all
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
