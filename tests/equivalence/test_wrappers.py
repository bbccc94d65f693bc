"""Around the codec: what passes through, what wraps it, what inherits from it."""

from __future__ import annotations

import copy
import inspect
import pickle
import threading
from typing import Any

import pytest
from langgraph.checkpoint.serde.base import SerializerProtocol, maybe_add_typed_methods
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from support import models as m
from support import objects as o
from support import sides
from support.check import check, check_dump, check_load
from support.outcome import assert_same_outcome, outcome
from support.sides import OriginalSerializer, Pair, default_pair, pair

ODD = [
    object(),
    m.Unserializable(),
    lambda: 0,
    1 << 70,
    [1 << 64],
    {"a": object()},
    {"\ud800": 1},
    {frozenset({1}): 1},
]


def test_what_stays_as_it_is() -> None:
    """None, bytes and bytearray are handed through, the very objects; their subclasses, too."""
    serde = default_pair().ours
    for value in (b"", b"abc", bytearray(b"x"), m.MyBytes(b"y"), m.MyBytearray(b"z")):
        tag, data = serde.dumps_typed(value)
        assert data is value
        check(value)
    assert serde.dumps_typed(None) == ("null", b"")
    assert serde.loads_typed(("null", b"anything")) is None
    raw = b"raw"
    assert serde.loads_typed(("bytes", raw)) is raw
    assert type(serde.loads_typed(("bytearray", raw))) is bytearray


def test_the_result_is_what_the_original_returns() -> None:
    """An exact tuple of two: an exact str and exact bytes."""
    result = default_pair().ours.dumps_typed({"a": 1})
    assert [type(x) for x in (result, *result)] == [tuple, str, bytes]
    assert result[0] is default_pair().theirs.dumps_typed(1)[0]


@pytest.mark.parametrize("value", ODD, ids=lambda v: type(v).__name__)
def test_pickle_fallback(value: Any) -> None:
    """On: pickled, or pickle's own error. Off: refused."""
    check_dump(value)
    sides_ = pair(pickle_fallback=True)
    _, theirs = check_dump(value, sides_)
    if theirs.error is None:
        assert theirs.value[0] == "pickle"
        check_load(theirs.value)  # fallback off: unknown type
        if not isinstance(value, (list, dict)) and type(value) not in (
            object,
            m.Unserializable,
        ):
            check_load(theirs.value, sides_)


def test_pickled_values_are_read() -> None:
    """With the fallback on."""
    for value in (1 << 70, [1 << 64, "a"], {"a": {1, 2}}):
        check_load(("pickle", pickle.dumps(value)), pair(pickle_fallback=True))


def _encrypted(side: Any) -> EncryptedSerializer:
    return EncryptedSerializer.from_pycryptodome_aes(side, key=b"k" * 32)


def test_encrypted() -> None:
    """Either side reads what the other one encrypted; plain blobs go through."""
    pytest.importorskip("Crypto")
    both = default_pair().map(_encrypted)
    for value in (*o.well_known(), None, b"b", bytearray(b"c"), {"a": [1]}, object()):
        ours, theirs = (
            outcome(both.ours.dumps_typed, value),
            outcome(both.theirs.dumps_typed, value),
        )
        assert (ours.error, ours.traces) == (theirs.error, theirs.traces)
        if ours.error is None:
            assert ours.value[0] == theirs.value[0]
            assert_same_outcome(
                outcome(both.ours.loads_typed, theirs.value),
                outcome(both.theirs.loads_typed, ours.value),
            )
            plain = default_pair().theirs.dumps_typed(value)
            check_load(plain, both)
    blob = both.theirs.dumps_typed({"a": 1})
    check_load((blob[0], blob[1][:-1]), both)
    check_load((blob[0].replace("aes", "xor"), blob[1]), both)


class Upper(JsonPlusSerializer):
    """A user's subclass that calls on to the base."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        tag, data = super().dumps_typed(obj)
        return tag.upper(), data

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return [super().loads_typed((data[0].lower(), data[1]))]


class UpperOriginal(OriginalSerializer):
    """The same over the original."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        tag, data = super().dumps_typed(obj)
        return tag.upper(), data

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return [super().loads_typed((data[0].lower(), data[1]))]


def test_subclasses() -> None:
    """super() works, and so do attributes missing because __init__ was not called."""
    for value in o.well_known():
        check(value, Pair(Upper(), UpperOriginal()))
    bare = Pair(
        JsonPlusSerializer.__new__(JsonPlusSerializer),
        OriginalSerializer.__new__(OriginalSerializer),
    )
    check({"a": 1}, bare)  # loads: no attribute _unpack_ext_hook
    check(object(), bare)  # dumps: no attribute pickle_fallback
    check(None, bare)
    check_load(("pickle", b""), bare)


def test_copies_and_threads() -> None:
    """copy works; calls from many threads agree."""
    both = default_pair().map(copy.copy)
    value = o.well_known()
    check(value, both)
    expected = both.theirs.dumps_typed(value)
    failures: list[Any] = []

    def work() -> None:
        for _ in range(20):
            if both.ours.dumps_typed(value) != expected:
                failures.append("dumps")
            if len(both.ours.loads_typed(expected)) != len(value):
                failures.append("loads")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_looks_like_the_original() -> None:
    """Name, signature, documentation; pickled by reference; the original behind it."""
    for name in ("dumps_typed", "loads_typed"):
        ours = getattr(JsonPlusSerializer, name)
        theirs = inspect.unwrap(ours)
        for attribute in (
            "__name__",
            "__qualname__",
            "__module__",
            "__doc__",
            "__annotations__",
            "__defaults__",
            "__kwdefaults__",
        ):
            assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
        assert inspect.isfunction(ours)
        assert inspect.signature(ours) == inspect.signature(theirs)
        assert pickle.loads(pickle.dumps(ours)) is ours
        assert (ours is not theirs) == sides.ACCELERATED
    assert isinstance(JsonPlusSerializer(), SerializerProtocol)
    serde = JsonPlusSerializer()
    assert maybe_add_typed_methods(serde) is serde


def test_calling_conventions() -> None:
    """By keyword, unbound, with too few and too many arguments."""
    both = default_pair()
    for side in (both.ours, both.theirs):
        assert side.dumps_typed(obj=1) == ("msgpack", b"\x01")
        assert side.loads_typed(data=("msgpack", b"\x01")) == 1
        assert type(side).dumps_typed(side, 1) == ("msgpack", b"\x01")
    for method in ("dumps_typed", "loads_typed"):
        for args, kwargs in (((), {}), ((1, 2), {}), ((1,), {"obj": 2}), ((), {"nope": 1})):
            ours, theirs = (
                outcome(lambda s=s: getattr(s, method)(*args, **kwargs))
                for s in (both.ours, both.theirs)
            )
            assert_same_outcome(ours, theirs)


@pytest.mark.line(
    "surroundings", "functions that the codec leans on, replaced while live", "declined, equal"
)
def test_functions_patched_in_the_module() -> None:
    """Who replaces _msgpack_enc or _msgpack_default in the module is heard."""
    import ormsgpack
    from langgraph.checkpoint.serde import jsonplus

    before = jsonplus._msgpack_enc, jsonplus._msgpack_default, jsonplus._option
    value = [1, {"a": m.Plain(1)}, o.well_known()[0]]
    try:
        jsonplus._msgpack_enc = lambda data: b"\xc0"
        check(value)
        jsonplus._msgpack_enc = before[0]
        jsonplus._msgpack_default = lambda obj: "replaced"
        check(value)
        jsonplus._msgpack_default = before[1]
        jsonplus._option = before[2] | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
        check([value, m.MyStr("x"), m.MyDict(a=1)])
        jsonplus._option = 0
        check(value)
        check({1: 2})
    finally:
        jsonplus._msgpack_enc, jsonplus._msgpack_default, jsonplus._option = before
    check(value)
    packb, unpackb = ormsgpack.packb, ormsgpack.unpackb
    try:
        ormsgpack.packb = lambda *a, **k: b"\xc3"  # type: ignore[assignment]
        check(value)
        ormsgpack.packb = packb
        ormsgpack.unpackb = lambda *a, **k: "read"  # type: ignore[assignment]
        check(value)
    finally:
        ormsgpack.packb, ormsgpack.unpackb = packb, unpackb
    check(value)


def test_classes_replaced_in_the_module() -> None:
    """isinstance in the hook looks names up in the module's globals."""
    import collections
    import uuid

    from langgraph.checkpoint.serde import jsonplus

    values = o.well_known()
    for name, new in (
        ("UUID", m.MyUUID),
        ("Enum", int),
        ("SendProtocol", dict),
        ("_DeltaSnapshot", m.Point),
        ("deque", collections.OrderedDict),
        ("datetime", m.MyDatetime),
        ("EXT_METHOD_SINGLE_ARG", 99),
        ("EXT_PYDANTIC_V2", 55),
        ("EMPTY_BYTES", b"not empty"),
    ):
        before = getattr(jsonplus, name)
        setattr(jsonplus, name, new)
        try:
            for value in values:
                check(value)
            check(uuid.UUID(int=1))
            check(None)
        finally:
            setattr(jsonplus, name, before)
    for value in values:
        check(value)
