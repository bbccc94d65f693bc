"""pydantic v1 models."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support import objects as o
from support.check import check_all
from support.plugin import examples


@examples(200)
@given(st.lists(o.v1_models(), min_size=10, max_size=10))
def test_models(values: list[Any]) -> None:
    """Stored as ext 4, rebuilt by the constructor or by construct()."""
    check_all(values)
