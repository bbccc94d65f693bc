"""Rows of Arrow tables as bytes: two rows are the same where str() of them is.

A column is taken apart into streams, arrays of which each row has a stretch: values, lengths of lists and texts, what is
null. repr() of ints, bools, texts, bytes, lists and structs tells apart all that differs; of floats it tells 0.0 from -0.0, and
one NaN is as another. What has another kind is not known here: ``Unknown``.

Bytes lie where Arrow has them; a copy is made only of what nulls or NaNs leave open.
"""

from __future__ import annotations

from typing import Any, Iterator, List, NamedTuple


class Unknown(Exception):
    """A kind of column whose rows are left to str()."""


class Stream(NamedTuple):
    """Bytes, and where each row's stretch of them begins and ends; one of fixed width is given by ``rows`` alone.

    A type has as many streams in each table, nulls or not: ``NOTHING`` is one whose stretches are empty.
    """

    data: Any
    starts: Any
    ends: Any
    rows: Any = None


NOTHING = Stream(None, None, None)


def check(kind: Any) -> None:
    """Raise Unknown where an Arrow type is not known."""
    import pyarrow.types as types

    if types.is_list(kind) or types.is_large_list(kind):
        check(kind.value_type)
    elif types.is_struct(kind):
        names = [field.name for field in kind]
        if len(set(names)) < len(names):
            raise Unknown(str(kind))
        for field in kind:
            check(field.type)
    elif not (
        types.is_integer(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
        or types.is_float32(kind)
        or types.is_float64(kind)
        or _is_text(kind)
    ):
        raise Unknown(str(kind))


def _is_text(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def streams(array: Any) -> List[Stream]:
    """Return the streams of a column's chunk, a row for each of its places."""
    import numpy as np

    at = np.arange(len(array) + 1, dtype=np.int64)
    return list(_streams(array, at[:-1], at[1:], True))


def _streams(array: Any, starts: Any, ends: Any, single: bool) -> Iterator[Stream]:
    """Yield the streams of an array of which each row has the places from its start to its end, one if ``single``."""
    import numpy as np
    import pyarrow.types as types

    kind = array.type
    if types.is_null(kind):
        return
    yield _nulls(array, starts, ends, single)
    if types.is_struct(kind):
        # field() does without the struct's own nulls, flatten() puts them in
        for part in array.flatten():
            yield from _streams(part, starts, ends, single)
    elif types.is_list(kind) or types.is_large_list(kind):
        array = _filled(array)
        offsets = array.offsets.to_numpy().astype(np.int64)
        yield _fixed(np.diff(offsets), starts, ends, single)
        first, last = int(offsets[0]), int(offsets[-1])
        values = array.values.slice(first, last - first)
        offsets = offsets - first
        yield from _streams(values, offsets[starts], offsets[ends], False)
    elif _is_text(kind):
        yield from _texts(array, starts, ends, single)
    else:
        yield _fixed(_numbers(array), starts, ends, single)


def _nulls(array: Any, starts: Any, ends: Any, single: bool) -> Stream:
    """What is null; of a row with many places nothing unless one is."""
    import numpy as np

    if not array.null_count:
        return _fixed(np.zeros(len(array), np.uint8), starts, ends, True) if single else NOTHING
    null = np.asarray(array.is_null().cast("uint8"))
    if single:
        return _fixed(null, starts, ends, True)
    until = np.concatenate([[0], np.cumsum(null, dtype=np.int64)])
    return _fixed(null, starts, np.where(until[ends] > until[starts], ends, starts), False)


def _fixed(values: Any, starts: Any, ends: Any, single: bool) -> Stream:
    import numpy as np

    values = np.ascontiguousarray(values)
    if single:
        rows = values.view(np.uint8).reshape(len(values), values.itemsize)
        return Stream(None, None, None, rows)
    return Stream(_bytes(values), starts * values.itemsize, ends * values.itemsize)


def _bytes(values: Any) -> Any:
    """An array's memory."""
    import numpy as np

    return memoryview(values.view(np.uint8)) if len(values) else memoryview(b"")


def _numbers(array: Any) -> Any:
    import numpy as np
    import pyarrow.types as types

    if types.is_boolean(array.type):
        array = array.cast("uint8")
    if array.null_count:
        array = array.fill_null(0)
    values = array.to_numpy()
    if values.dtype.kind == "f":
        odd = np.isnan(values)
        if odd.any():
            values = np.where(odd, np.array(np.nan, values.dtype), values)
    return values


def _filled(array: Any) -> Any:
    """A list array whose nulls have no values: Arrow leaves open what lies under them."""
    import pyarrow as pa

    if not array.null_count:
        return array
    lists = pa.ListArray if pa.types.is_list(array.type) else pa.LargeListArray
    sizes = array.value_lengths().fill_null(0)
    offsets = pa.concat_arrays([pa.array([0], sizes.type), pa.compute.cumulative_sum(sizes)])
    return lists.from_arrays(offsets, array.flatten())


def _texts(array: Any, starts: Any, ends: Any, single: bool) -> Iterator[Stream]:
    import numpy as np
    import pyarrow.types as types

    if array.null_count:
        array = array.fill_null(
            b"" if types.is_binary(array.type) or types.is_large_binary(array.type) else ""
        )
    wide = types.is_large_string(array.type) or types.is_large_binary(array.type)
    _, places, data = array.buffers()
    kind = np.int64 if wide else np.int32
    if not len(array):
        offsets = np.zeros(1, np.int64)
    else:
        offsets = np.frombuffer(
            places, kind, len(array) + 1, array.offset * np.dtype(kind).itemsize
        )
        offsets = offsets.astype(np.int64)
    if not single:
        yield _fixed(np.diff(offsets), starts, ends, False)
    text = memoryview(data) if data is not None else memoryview(b"")
    yield Stream(text, offsets[starts], offsets[ends])
