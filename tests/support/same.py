"""Deep comparison: value, exact type, order, sharing, and the invariants of CPython itself.

``==`` is never trusted: user classes override it, ``1 == True == 1.0``, ``-0.0 == 0.0``, and two models
are equal with different ``__fields_set__``. The walk keeps its own stack, so depth is no limit.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import functools
import gc
import ipaddress
import pathlib
import re
import struct
import sys
import types
import uuid
import zoneinfo
from typing import Any

import pydantic
import pydantic.v1

try:
    import numpy as np
except ImportError:  # pragma: no cover - numpy is in the pins
    np = None  # type: ignore[assignment]

_ABSENT = object()

_BY_IDENTITY = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ModuleType,
    type(None),
    type(NotImplemented),
    type(...),
    bool,
)
_PLAIN_HASH = (str, int, float, bytes, type(None), bool)


class Difference(AssertionError):
    """Two values are not the same; the message holds the path to the first difference."""


def _fail(path: str, what: str, a: Any, b: Any) -> None:
    def show(x: Any) -> str:
        try:
            text = repr(x)
        except BaseException as e:  # a hostile __repr__ must not hide the difference
            text = f"<unprintable {type(x).__name__}: {type(e).__name__}>"
        return text if len(text) < 400 else text[:400] + "…"

    raise Difference(f"at {path or '<root>'}: {what}: {show(a)} != {show(b)}")


def _slots(cls: type) -> list[str]:
    names: list[str] = []
    for base in cls.__mro__:
        declared = base.__dict__.get("__slots__", ())
        for name in (declared,) if isinstance(declared, str) else tuple(declared):
            if name in ("__dict__", "__weakref__"):
                continue
            if name.startswith("__") and not name.endswith("__"):
                name = f"_{base.__name__.lstrip('_')}{name}"
            names.append(name)
    return names


def _state(obj: Any) -> list[tuple[str, Any]]:
    """Slots and ``__dict__`` without running user code."""
    out: list[tuple[str, Any]] = []
    for name in _slots(type(obj)):
        try:
            out.append((name, object.__getattribute__(obj, name)))
        except AttributeError:
            out.append((name, _ABSENT))
    try:
        out.append(("__dict__", object.__getattribute__(obj, "__dict__")))
    except AttributeError:
        pass
    return out


def _tracked(obj: Any, path: str) -> None:
    """A container the collector does not see may not hold one that it does."""
    if gc.is_tracked(obj):
        return
    held = list(obj.values()) if isinstance(obj, dict) else list(obj)
    if any(gc.is_tracked(x) for x in held):
        raise Difference(f"at {path}: untracked {type(obj).__name__} holds tracked objects")


def assert_same(a: Any, b: Any, *, sharing: bool = True) -> None:
    """Raise :class:`Difference` unless *a* and *b* are the same value, type and shape, all the way down.

    With *sharing*, a mutable container met twice on one side must be met twice on the other.
    """
    stack: list[tuple[str, Any, Any]] = [("", a, b)]
    seen: set[tuple[int, int]] = set()
    pairs: dict[int, int] = {}
    back: dict[int, int] = {}
    keep: list[Any] = []  # ids stay unique only while their objects live

    while stack:
        path, a, b = stack.pop()
        if a is b:
            continue
        cls = type(a)
        if cls is not type(b):
            _fail(path, f"type {cls!r} is not {type(b)!r}", a, b)
        if cls is int:
            if a != b:
                _fail(path, "int", a, b)
            if -5 <= a <= 256:
                _fail(path, "a small int that is not the interpreter's own", id(a), id(b))
            continue
        if cls is str:
            if a != b or len(a) != len(b):
                _fail(path, "str", a, b)
            if hash(a) != hash(b):
                _fail(path, "str with another hash (storage not canonical?)", a, b)
            if not a:
                _fail(path, "an empty str that is not the interpreter's own", id(a), id(b))
            continue
        if cls is float:
            if struct.pack(">d", a) != struct.pack(">d", b):
                _fail(path, "float", a.hex(), b.hex())
            continue
        if cls is bytes:
            if a != b:
                _fail(path, "bytes", a, b)
            continue
        if isinstance(a, _BY_IDENTITY) or isinstance(a, enum.Enum):
            _fail(path, "not the very same object", a, b)

        key = (id(a), id(b))
        if key in seen:
            continue
        seen.add(key)
        if sharing and cls in (list, dict, set, bytearray, collections.deque):
            if pairs.setdefault(id(a), id(b)) != id(b) or back.setdefault(id(b), id(a)) != id(a):
                raise Difference(f"at {path}: a {cls.__name__} is shared on one side only: {a!r}")
            keep += (a, b)

        if isinstance(a, dict):
            _dict(path, a, b, stack)
        elif isinstance(a, (list, tuple)):
            if len(a) != len(b):
                _fail(path, f"length {len(a)} != {len(b)}", a, b)
            if cls in (list, tuple):
                _tracked(a, path)
            for i in range(len(a) - 1, -1, -1):
                stack.append((f"{path}[{i}]", cls.__getitem__(a, i), cls.__getitem__(b, i)))
        elif isinstance(a, (set, frozenset)):
            _set(path, a, b, stack)
        elif isinstance(a, collections.deque):
            if a.maxlen != b.maxlen:
                _fail(path, "deque maxlen", a, b)
            stack.append((path + "|deque", list(a), list(b)))
            keep += stack[-1][1:]
        elif isinstance(a, pydantic.BaseModel):
            _model(path, a, b, stack)
            continue
        elif isinstance(a, pydantic.v1.BaseModel):
            pass  # slots and __dict__ say it all
        elif isinstance(a, bytearray):
            if bytes(a) != bytes(b):
                _fail(path, "bytearray", a, b)
        elif isinstance(a, memoryview):
            for name in ("format", "shape", "strides", "readonly", "itemsize", "ndim"):
                if getattr(a, name) != getattr(b, name):
                    _fail(path, f"memoryview.{name}", getattr(a, name), getattr(b, name))
            if a.tobytes() != b.tobytes():
                _fail(path, "memoryview", a.tobytes(), b.tobytes())
        elif isinstance(a, (int, str, float)):  # subclasses
            base = int if isinstance(a, int) else str if isinstance(a, str) else float
            if np is not None and isinstance(a, np.generic):
                _numpy_scalar(path, a, b)
                continue
            stack.append((f"{path}|{base.__name__}", base.__new__(base, a), base.__new__(base, b)))  # type: ignore[call-overload]
        elif isinstance(a, (datetime.datetime, datetime.date, datetime.time)):
            _moment(path, a, b, stack)
        elif isinstance(a, datetime.timedelta):
            if (a.days, a.seconds, a.microseconds) != (b.days, b.seconds, b.microseconds):
                _fail(path, "timedelta", a, b)
        elif isinstance(a, datetime.timezone):
            if a.__getinitargs__() != b.__getinitargs__() or repr(a) != repr(b):  # type: ignore[attr-defined]
                _fail(path, "timezone", a, b)
            if (a is datetime.timezone.utc) != (b is datetime.timezone.utc):
                _fail(path, "timezone.utc", a, b)
        elif isinstance(a, zoneinfo.ZoneInfo):
            if a.key is None or a.key != b.key:
                _fail(path, "ZoneInfo", a, b)
        elif isinstance(a, decimal.Decimal):
            if a.as_tuple() != b.as_tuple():
                _fail(path, "Decimal", a, b)
        elif isinstance(a, uuid.UUID):
            stack.append((path + "|uuid", (a.int, a.is_safe), (b.int, b.is_safe)))
        elif isinstance(a, pathlib.PurePath):
            if str(a) != str(b) or a.parts != b.parts:
                _fail(path, "path", a, b)
            continue  # caches in slots differ by use
        elif isinstance(a, re.Pattern):
            if (a.pattern, a.flags) != (b.pattern, b.flags):
                _fail(path, "pattern", a, b)
        elif isinstance(
            a,
            (
                ipaddress._BaseAddress,
                ipaddress._BaseNetwork,
            ),
        ):
            if str(a) != str(b) or hash(a) != hash(b):
                _fail(path, "ip", a, b)
            continue  # functools.cached_property fills __dict__ by use
        elif np is not None and isinstance(a, np.ndarray):
            _array(path, a, b, stack)
        elif np is not None and isinstance(a, np.generic):
            _numpy_scalar(path, a, b)
        elif isinstance(a, BaseException):
            stack.append((path + ".args", a.args, b.args))
            stack.append((path + ".__dict__", a.__dict__, b.__dict__))
            continue
        elif isinstance(a, functools.partial):
            stack.append(
                (path + "|partial", (a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
            )

        left, right = _state(a), _state(b)
        if [k for k, _ in left] != [k for k, _ in right]:
            _fail(path, "state", left, right)
        for (name, x), (_, y) in zip(left, right):
            if x is not y:
                stack.append((f"{path}.{name}", x, y))


def _dict(
    path: str, a: dict[Any, Any], b: dict[Any, Any], stack: list[tuple[str, Any, Any]]
) -> None:
    if dict.__len__(a) != dict.__len__(b):
        _fail(path, f"dict length {dict.__len__(a)} != {dict.__len__(b)}", a, b)
    if type(a) is dict:
        _tracked(a, path)
    if isinstance(a, collections.defaultdict):
        stack.append((path + ".default_factory", a.default_factory, b.default_factory))
    items = list(zip(dict.items(a), dict.items(b)))
    for i, ((ka, va), (kb, vb)) in enumerate(reversed(items)):
        where = (
            f"{path}[{ka!r}]" if type(ka) in _PLAIN_HASH else f"{path}[key {len(items) - 1 - i}]"
        )
        stack.append((where, va, vb))
        stack.append((where + "|key", ka, kb))
        if type(ka) in _PLAIN_HASH and dict.get(a, ka, _ABSENT) is not va:
            raise Difference(f"at {where}: the dict does not find its own key")


def _set(path: str, a: Any, b: Any, stack: list[tuple[str, Any, Any]]) -> None:
    if len(a) != len(b):
        _fail(path, f"length {len(a)} != {len(b)}", a, b)
    left, right = list(a), list(b)
    try:
        assert_same(left, right, sharing=False)
        return
    except Difference:
        # the order of a set follows the hashes: by address for some types, so pair the elements up
        if all(type(x) in (str, int, bytes, bool) for x in left):
            raise
    for x in left:
        for i, y in enumerate(right):
            try:
                assert_same(x, y, sharing=False)
            except Difference:
                continue
            del right[i]
            break
        else:
            _fail(path, "element missing", x, right)


def _model(path: str, a: Any, b: Any, stack: list[tuple[str, Any, Any]]) -> None:
    get = object.__getattribute__
    for name in (
        "__pydantic_private__",
        "__pydantic_extra__",
        "__pydantic_fields_set__",
        "__dict__",
    ):
        sides = []
        for obj in (a, b):
            try:
                sides.append(get(obj, name))
            except AttributeError:
                sides.append(_ABSENT)
        x, y = sides
        if x is y:
            if isinstance(x, (dict, set)):
                raise Difference(f"at {path}: {name} is one object for two models")
            continue
        if name == "__pydantic_fields_set__" and isinstance(x, set) and isinstance(y, set):
            if x != y:
                _fail(f"{path}.{name}", "fields set", sorted(x), sorted(y))
            continue
        stack.append((f"{path}.{name}", x, y))
    if not gc.is_tracked(a):
        raise Difference(f"at {path}: an untracked model")


def _moment(path: str, a: Any, b: Any, stack: list[tuple[str, Any, Any]]) -> None:
    names = ["year", "month", "day"] if isinstance(a, datetime.date) else []
    if not (isinstance(a, datetime.date) and not isinstance(a, datetime.datetime)):
        names += ["hour", "minute", "second", "microsecond", "fold"]
        stack.append((path + ".tzinfo", a.tzinfo, b.tzinfo))
    for name in names:
        if getattr(a, name) != getattr(b, name):
            _fail(f"{path}.{name}", type(a).__name__, a, b)


def _numpy_scalar(path: str, a: Any, b: Any) -> None:
    if a.dtype != b.dtype or str(a.dtype) != str(b.dtype) or a.tobytes() != b.tobytes():
        _fail(path, "numpy scalar", a, b)


def _array(path: str, a: Any, b: Any, stack: list[tuple[str, Any, Any]]) -> None:
    if a.dtype != b.dtype or a.dtype.str != b.dtype.str or repr(a.dtype) != repr(b.dtype):
        _fail(path, "dtype", a.dtype, b.dtype)
    if a.shape != b.shape or a.strides != b.strides:
        _fail(path, "shape or strides", (a.shape, a.strides), (b.shape, b.strides))
    for flag in ("c_contiguous", "f_contiguous", "writeable", "owndata"):
        if getattr(a.flags, flag) != getattr(b.flags, flag):
            _fail(path, f"flag {flag}", a.flags, b.flags)
    if type(a.base) is not type(b.base):
        _fail(path, "base", type(a.base), type(b.base))
    if a.dtype.hasobject:
        stack.append((path + "|objects", a.ravel("K").tolist(), b.ravel("K").tolist()))
    elif a.tobytes("A") != b.tobytes("A"):
        _fail(path, "array", a, b)


def same(a: Any, b: Any) -> bool:
    """Whether :func:`assert_same` holds."""
    try:
        assert_same(a, b)
    except Difference:
        return False
    return True


assert sys.version_info >= (3, 10)
