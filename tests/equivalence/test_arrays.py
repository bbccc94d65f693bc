"""numpy arrays and scalars."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.check import check, check_all
from support.plugin import examples

np = pytest.importorskip("numpy")

DTYPES = [
    "?", "i1", "u1", "<i2", ">i2", "<i4", "<u4", "<i8", ">i8", "<u8", "<f2", "<f4", ">f4", "<f8", ">f8", "<c8", "<c16",
    "S3", "<U2", "<M8[ns]", "<m8[s]", "V4",
]  # fmt: skip
SHAPES = [(), (0,), (1,), (3,), (2, 3), (3, 0), (2, 1, 2), (16,), (5, 7)]


def _make(dtype: str, shape: tuple[int, ...], layout: int, start: int) -> Any:
    n = int(np.prod(shape)) if shape else 1
    d = np.dtype(dtype)
    raw = bytes((start + i) % 251 for i in range(n * d.itemsize))
    if d.kind == "b":
        raw = bytes(b & 1 for b in raw)
    if d.kind == "U":
        base = np.array([chr(97 + (start + i) % 26) for i in range(n)], dtype=d).reshape(shape)
    else:
        base = np.frombuffer(raw, dtype=d).reshape(shape).copy()
    if layout == 1:
        return np.asfortranarray(base)
    if layout == 2 and base.ndim:
        return base[::2]
    if layout == 3 and base.ndim:
        return base[::-1]
    if layout == 4:
        return base.T
    if layout == 5:
        base.setflags(write=False)
    if layout == 6 and base.ndim:
        return np.broadcast_to(base, (2, *base.shape))
    return base


arrays = st.builds(
    _make, st.sampled_from(DTYPES), st.sampled_from(SHAPES), st.integers(0, 6), st.integers(0, 9)
)


@examples(250)
@given(st.lists(arrays, min_size=8, max_size=8))
def test_arrays(values: list[Any]) -> None:
    """Every dtype, shape and layout."""
    check_all(values)


SCALARS = [
    np.bool_(True), np.int8(-1), np.uint8(255), np.int16(3), np.int32(-5), np.int64(1 << 40), np.uint64((1 << 64) - 1),
    np.float16(1.5), np.float32(0.1), np.float64(-0.0), np.float64("nan"), np.complex64(1j), np.str_("é"), np.bytes_(b"x"),
    np.datetime64("2024-01-01"), np.timedelta64(3, "s"), np.longdouble(1),
]  # fmt: skip


def test_scalars() -> None:
    """Refused, all but those that are Python's own by inheritance; as keys too."""
    check_all(SCALARS)
    for scalar in SCALARS:
        check({scalar: 1})


def test_special_arrays() -> None:
    """Objects, structures, records, masked, subclasses, and big ones."""

    class Sub(np.ndarray):
        pass

    structured = np.array([(1, 2.5)], dtype=[("a", "<i4"), ("b", "<f8")])
    check_all(
        [
            np.array([1, "a", None], dtype=object),
            np.array([], dtype=object),
            structured,
            structured.view(np.recarray),
            np.array([(1, [2, 3])], dtype=[("a", "i4"), ("b", "i4", (2,))]),
            np.ma.masked_array([1, 2], [True, False]),
            np.arange(4).view(Sub),
            np.arange(70000, dtype="u1"),
            np.arange(70000, dtype="<f8").reshape(700, 100),
            np.arange(70000, dtype="<f8").reshape(700, 100).T,
            np.memmap,
            np.dtype("f8"),
        ]
    )


@examples(60)
@given(st.lists(arrays, min_size=4, max_size=4))
def test_inside_objects(values: list[Any]) -> None:
    """In dicts, dataclasses and artifacts."""
    from langchain_core.messages import ToolMessage

    from support import models as m

    check_all([{"a": x} for x in values])
    check_all([m.Plain(x) for x in values])
    check_all([ToolMessage("c", tool_call_id="t", artifact=x) for x in values])
