"""What the running CPython looks like: the spec and the facts.

The facts are known objects with the bytes the Java side must read from their memory. Only when
all of them agree are builtins used.
"""

from __future__ import annotations

import struct
import sys
import types
from typing import Any

from ._python import has_gil

_kept: list[Any] = []


def spec(addresses: dict[str, int]) -> bytes:
    """Return the key=value lines of the boot call."""
    import ctypes

    integers = (ctypes.c_void_p * 262)(*[id(number) for number in range(-5, 257)])
    _kept.append(integers)
    values: dict[str, int] = dict(addresses)
    values["version"] = sys.hexversion
    kinds = (
        str,
        int,
        float,
        bool,
        bytes,
        bytearray,
        list,
        dict,
        tuple,
        set,
        frozenset,
        memoryview,
        type,
        object,
    )
    for kind in kinds:
        values[f"type.{kind.__name__}"] = id(kind)
    values["type.function"] = id(types.FunctionType)
    values["type.module"] = id(types.ModuleType)
    values["type.NoneType"] = id(type(None))
    for singleton in (None, True, False, NotImplemented, Ellipsis):
        values[repr(singleton)] = id(singleton)
    values["smallints"] = ctypes.addressof(integers)
    values["header"] = object.__basicsize__
    values["unicode.ascii"] = sys.getsizeof("") - 1
    values["type.basicsize"] = type.__basicsize__  # type: ignore[assignment]
    values["debug"] = int(hasattr(sys, "gettotalrefcount"))
    values["gil"] = int(has_gil())
    values["sys.modules"] = id(sys.modules)
    values["gc.young"] = _young_generation()
    return "".join(f"{key}={value}\n" for key, value in values.items()).encode()


# How far into PyInterpreterState its GC may begin, in bytes: at 656, 688, 152 and 7440 in 3.10 to 3.13.
_INTERPRETER_BYTES = 2048 if sys.version_info < (3, 13) else 8192
_GENERATION_BYTES = 24
_ALLOCATED = 64


def _young_generation() -> int:
    """Return the address of the youngest GC generation's threshold, its count behind it; 0 where it is not found.

    Looked for by the three generations' thresholds and verified by counting allocations; nothing is set.
    """
    import ctypes
    import gc

    from ._builtins import private_api

    api = private_api()
    api.PyInterpreterState_Get.restype = ctypes.c_void_p
    start = api.PyInterpreterState_Get()
    integers = (ctypes.c_int * (_INTERPRETER_BYTES // 4)).from_address(start)
    wanted, step = gc.get_threshold(), _GENERATION_BYTES // 4
    found = [
        index
        for index, value in enumerate(integers[: -2 * step])
        if value == wanted[0] and (integers[index + step], integers[index + 2 * step]) == wanted[1:]
    ]
    if len(found) != 1 or 0 in wanted:
        return 0
    count = found[0] + 1
    for _ in range(4):  # other threads allocate too, and a collection may come between
        before, told = integers[count], gc.get_count()[0]
        kept: list[set[int]] = [set() for _ in range(_ALLOCATED)]
        grown = integers[count] - before
        del kept
        if abs(told - before) <= 8 and _ALLOCATED - 8 <= grown <= _ALLOCATED + 8:
            return start + 4 * found[0]  # type: ignore[no-any-return]
    return 0


class _Plain:
    """Instances keep their attributes as the interpreter likes best."""

    _names = tuple(sys.intern(name) for name in ("first", "second", "third"))

    def __init__(self) -> None:
        self.first: Any = object()
        self.second: Any = "two"
        self.third: Any = 3.5


class _Child(_Plain):
    """A subclass without slots."""


class _Grown(_Plain):
    """One attribute comes later."""

    _names = (*_Plain._names, sys.intern("fourth"))


def facts() -> list[tuple[str, Any, bytes]]:
    """Return (kind, object, the bytes that Java must compute from its memory)."""
    rows: list[tuple[str, Any, bytes]] = []
    for text in _texts():
        rows.append(("str", text, text.encode()))
    for number in (
        0,
        1,
        -1,
        -5,
        256,
        257,
        -6,
        2**15,
        2**30 - 1,
        2**30,
        -(2**30),
        2**45 + 7,
        2**60 - 1,
        2**60,
        -(2**62) - 3,
        2**63 - 1,
        -(2**63),
    ):
        rows.append(("int", number, struct.pack(">q", number)))
    for real in (0.0, -0.0, 1.5, -2.25e300, 5e-324, float("inf")):
        rows.append(("float", real, struct.pack(">d", real)))
    for data in (b"", b"a", bytes(range(256))):
        rows.append(("bytes", data, data))
    for items in ([], [1], list(range(300, 320)), [None, True, "x", 2.5]):
        rows.append(("list", items, _ids(items)))
        rows.append(("tuple", tuple(items), _ids(items)))
    for table in _tables():
        rows.append(("dict", table, _ids([part for pair in table.items() for part in pair])))
    for thing in _instances():
        rows.append(("attrs", thing, _ids([getattr(thing, name) for name in thing._names])))
    rows.append(("immortal", None, b"\x01" if sys.version_info >= (3, 12) else b"\x00"))
    for members in (set(), {1.5}, set(range(1000, 1100)), frozenset({"a", None, 7})):
        rows.append(("set", members, _ids(list(members))))
    for kind in (_Plain, _Child):
        rows.append(("name", kind, kind.__name__.encode()))
    rows.append(("code", facts, struct.pack(">Q", id(facts.__code__))))
    return rows


def _ids(objects: Any) -> bytes:
    return struct.pack(">%dQ" % len(objects), *[id(item) for item in objects])


def _texts() -> list[str]:
    # joined at run time: constants may be shared or interned
    return ["", "a"] + [
        piece * count
        for piece in ("b", "caf\u00e9", "\u4e2d\u6587", "\U0001f40d!")
        for count in (1, 3, 9, 40)
    ]


def _tables() -> list[dict[Any, Any]]:
    combined = {"key%d" % number: number * 1.5 for number in range(9)}
    large = {"name%d" % number: str(number) for number in range(200)}
    general = {number * 1000: str(number) for number in range(6)}
    mixed = {"a": 1.25, 7.5: "b", (1, 2): None}
    holes = {"gone%d" % number: [number] for number in range(20)}
    for number in range(0, 20, 3):
        del holes["gone%d" % number]
    return [
        {},
        {"one": 1.0},
        combined,
        large,
        general,
        mixed,
        holes,
        vars(_Plain()),
        dict(vars(_Plain())),
    ]


def _instances() -> list[Any]:
    inline, materialized, child, grown = _Plain(), _Plain(), _Child(), _Grown()
    vars(materialized)
    grown.fourth = object()  # type: ignore[attr-defined]
    return [inline, materialized, child, grown]
