"""Stored fields that no sender would have written: other orders, types, missing, surplus and doubled keys.

Objects that were changed before they were dumped reach some of this; here the stored form itself is changed.
"""

from __future__ import annotations

from typing import Any

import ormsgpack
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde import jsonplus

from support import models as m
from support import objects as o
from support import values as v
from support.check import check_load
from support.plugin import examples
from support.sides import VOLUME, pair

_STRICT = pair(allowed_msgpack_modules=None)

Change = tuple[int, int, Any]
_changes = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 12), o.wrong_values), max_size=3)


def _pack_map(items: list[tuple[Any, Any]]) -> bytes:
    """A map as it stands, doubled keys and all."""
    head = (
        bytes([0x80 | len(items)]) if len(items) < 16 else b"\xde" + len(items).to_bytes(2, "big")
    )
    return head + b"".join(ormsgpack.packb({k: x}, **_OPTIONS)[1:] for k, x in items)


_OPTIONS: dict[str, Any] = {"default": jsonplus._msgpack_default, "option": jsonplus._option}


def _change(items: list[tuple[Any, Any]], change: Change) -> list[tuple[Any, Any]]:
    how, where, value = change
    if not items:
        return items
    i = where % len(items)
    key, before = items[i]
    if how == 0:
        items[i] = (key, value)
    elif how == 1:
        del items[i]
    elif how == 2:
        items.append(items.pop(i))
    elif how == 3:
        items.insert(0, items.pop(i))
    elif how == 4:
        items.append((key, value))
    elif how == 5:
        items.append((o.FIELD_NAMES[where % len(o.FIELD_NAMES)], value))
    elif how == 6:
        items[i] = (value if isinstance(value, (str, int)) else "é", before)
    elif how == 7 and isinstance(before, list):
        items[i] = (key, [*before, value])
    elif how == 7 and isinstance(before, dict):
        items[i] = (key, {**before, "é": value})
    elif (
        how == 8
        and isinstance(before, list)
        and before
        and isinstance(before[0], dict)
        and before[0]
    ):
        inner = list(before[0].items())
        j = where % len(inner)
        inner[j] = (inner[j][0], value)
        items[i] = (key, [dict(reversed(inner)) if where & 1 else dict(inner), *before[1:]])
    return items


def _blob(obj: Any, changes: list[Change], code: int) -> bytes | None:
    """The object's stored form, changed."""
    try:
        stored = obj.model_dump(warnings=False) if hasattr(obj, "model_dump") else dict(obj)
        items = list(stored.items())
        for change in changes:
            items = _change(items, change)
        fields = _pack_map(items)
        cls = type(obj) if not isinstance(obj, dict) else m.Plain
        ends = ormsgpack.packb(cls.__module__) + ormsgpack.packb(cls.__name__)
        pack = b"\x94" + ends + fields + ormsgpack.packb("model_validate_json")
        return ormsgpack.packb(ormsgpack.Ext(code, pack))
    except (TypeError, ValueError, AttributeError):
        return None


def _check(blobs: list[bytes | None]) -> None:
    good = [b for b in blobs if b is not None][:15]
    for blob in good:
        check_load(("msgpack", blob))
        VOLUME.count(1, blob)
    check_load(("msgpack", bytes([0x90 | len(good)]) + b"".join(good)), _STRICT)


@examples(500)
@given(st.lists(st.tuples(o.messages(), _changes), min_size=8, max_size=8))
def test_messages(rows: list[tuple[Any, list[Change]]]) -> None:
    """Whatever the constructor would coerce, reorder, refuse or rewrite."""
    _check([_blob(obj, changes, 5) for obj, changes in rows])


@examples(150)
@given(st.lists(st.tuples(o.typed_models(), _changes), min_size=8, max_size=8))
def test_models(rows: list[tuple[Any, list[Change]]]) -> None:
    """The user's own models."""
    _check([_blob(obj, changes, 5) for obj, changes in rows])


@examples(80)
@given(st.lists(st.tuples(o.documents(), _changes), min_size=8, max_size=8))
def test_documents(rows: list[tuple[Any, list[Change]]]) -> None:
    """Documents; and as pydantic v1 would be stored."""
    _check([_blob(obj, changes, 5) for obj, changes in rows])
    _check([_blob(obj, changes, 4) for obj, changes in rows])


@examples(80)
@given(
    st.lists(
        st.tuples(
            st.fixed_dictionaries(
                {"name": v.small_plain(), "count": v.small_plain(), "tags": v.small_plain()}
            ),
            _changes,
        ),
        min_size=8,
        max_size=8,
    )
)
def test_dataclasses(rows: list[tuple[Any, list[Change]]]) -> None:
    """Keywords for a dataclass's constructor."""
    _check([_blob(obj, changes, 2) for obj, changes in rows])
