"""The standard library's types, each as the extension type the library gives it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import values as v
from support.check import check_all
from support.plugin import examples

_KINDS = {
    "uuid": v.uuids(),
    "datetime": v.datetimes(),
    "date": v.dates(),
    "time": v.times(),
    "timedelta": v.timedeltas(),
    "tzinfo": v.tzinfos(),
    "decimal": v.decimals(),
    "path": v.paths(),
    "address": v.addresses(),
    "pattern": v.patterns(),
    "enum": v.enums(),
    "set": v.sets(),
    "exception": v.exceptions(),
    "duck": v.duck_typed(),
    "refused": v.refused(),
}


@pytest.mark.parametrize("kind", _KINDS)
@examples(60)
@given(data=st.data())
def test_kind(kind: str, data: st.DataObject) -> None:
    """Batches of one kind."""
    check_all(data.draw(st.lists(_KINDS[kind], min_size=12, max_size=12)))


@examples(200)
@given(
    st.lists(
        v.containers(st.one_of(v.library_objects(), v.small_scalars())), min_size=8, max_size=8
    )
)
def test_inside_containers(values: list[Any]) -> None:
    """As values in lists, tuples and dicts, and inside each other."""
    check_all(values)
