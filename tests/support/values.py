"""Hypothesis strategies for plain data and the standard library's types. Sizes sit on msgpack's edges."""

from __future__ import annotations

import collections
import datetime
import decimal
import ipaddress
import math
import pathlib
import re
import struct
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from support import models as m

SIZE_EDGES = (0, 1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257)
BIG_EDGES = (65535, 65536, 65537)

INT_EDGES = sorted(
    {
        sign * (1 << bits) + d
        for bits in (
            0,
            4,
            5,
            7,
            8,
            15,
            16,
            29,
            30,
            31,
            32,
            59,
            60,
            61,
            62,
            63,
            64,
            65,
            90,
            127,
            128,
        )
        for d in (-1, 0, 1)
        for sign in (1, -1)
    }
    | {-5, -6, -32, -33, 256, 257}
)
INTS_64 = [i for i in INT_EDGES if -(1 << 63) <= i < (1 << 64)]

FLOATS = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.1,
    1e300,
    5e-324,
    math.inf,
    -math.inf,
    math.nan,
    struct.unpack(">d", b"\xff\xf8\x00\x00\x00\x00\x00\x00")[0],  # NaN, sign set
    struct.unpack(">d", b"\x7f\xf8\x00\x00\xde\xad\xbe\xef")[0],  # NaN with a payload
]

# one per storage kind, and what sits at the edges of UTF-8
CHARS = 'aZ0 \x00\x7f"\\\n\x80\xa0éÿĀ߿ࠀ中￿\ufeff\U00010000\U0001f600\U0010ffff'
SURROGATES = "\ud800\udbff\udc00\udfff"


def texts() -> st.SearchStrategy[str]:
    """Every storage kind and length edge; no surrogates."""
    return st.one_of(
        st.text(st.sampled_from(CHARS), max_size=12),
        st.text(max_size=6),
        st.sampled_from(
            ["", "a", "content", "messages", "é", "中文", "😀", "\x00", "a" * 64, "b" * 65]
        ),
        st.builds(
            lambda c, n, tail: c * n + tail,
            st.sampled_from(CHARS),
            st.sampled_from(SIZE_EDGES),
            st.sampled_from(["", "é", "中", "😀"]),
        ),
    )


def short_texts() -> st.SearchStrategy[str]:
    """Cheap ones, for fields of larger things."""
    return st.one_of(
        st.sampled_from(
            [
                "",
                "a",
                "x y",
                "héllo",
                "Привет",
                "中文字",
                "emoji 😀",
                "line\nline",
                "a" * 40,
                "\x00",
            ]
        ),
        st.text(st.sampled_from(CHARS), max_size=5),
        st.text(max_size=8),
        st.integers(0, 1 << 60).map(lambda i: f"id-{i:x}"),
    )


def surrogate_texts() -> st.SearchStrategy[str]:
    """Strings UTF-8 cannot hold: replaced as a value, refused as a key."""
    return st.builds(
        lambda a, s, b: a + s + b,
        st.sampled_from(["", "a", "é", "中", "😀", "x" * 31, "x" * 254]),
        st.text(st.sampled_from(SURROGATES), min_size=1, max_size=3),
        st.sampled_from(["", "b", "é", "😀"]),
    )


def ints() -> st.SearchStrategy[int]:
    """All edges of 64 bits and of CPython's digits."""
    return st.one_of(
        st.sampled_from(INTS_64), st.integers(-300, 300), st.integers(-(1 << 63), (1 << 64) - 1)
    )


def big_ints() -> st.SearchStrategy[int]:
    """Beyond 64 bits: refused."""
    return st.sampled_from([i for i in INT_EDGES if i not in set(INTS_64)])


def floats() -> st.SearchStrategy[float]:
    """Every class of double, NaN payloads too."""
    return st.one_of(st.sampled_from(FLOATS), st.floats())


def binaries() -> st.SearchStrategy[bytes]:
    """bytes at the length edges."""
    return st.one_of(
        st.binary(max_size=8),
        st.builds(
            lambda b, n: b * n,
            st.sampled_from([b"\x00", b"\xff", b"q"]),
            st.sampled_from(SIZE_EDGES),
        ),
    )


def scalars() -> st.SearchStrategy[Any]:
    """What JSON has, and bytes."""
    return st.one_of(
        st.sampled_from([None, True, False]),
        ints(),
        floats(),
        texts(),
        short_texts(),
        binaries(),
        surrogate_texts(),
    )


def small_scalars() -> st.SearchStrategy[Any]:
    """Scalars that are cheap to draw."""
    return st.one_of(
        st.sampled_from(
            [None, True, False, 0, 1, -1, 127, 128, 1.5, "", "a", "é", "中", b"x", 1 << 40]
        ),
        short_texts(),
        st.integers(-200, 70000),
        st.integers(-(1 << 63), (1 << 64) - 1),
        st.floats(allow_nan=False),
    )


def keys() -> st.SearchStrategy[Any]:
    """Keys that may be stored and read back."""
    return st.one_of(
        short_texts(),
        st.sampled_from(
            [
                "",
                "k",
                "content",
                "a" * 31,
                "a" * 32,
                "a" * 64,
                "a" * 65,
                "é" * 33,
                0,
                1,
                -1,
                1 << 63,
                1.5,
                b"k",
                None,
                True,
            ]
        ),
    )


def odd_keys() -> st.SearchStrategy[Any]:
    """Every key type ormsgpack knows, and some that it refuses; some of them change type on the way."""
    return st.one_of(
        ints(),
        floats(),
        binaries(),
        texts(),
        surrogate_texts(),
        big_ints(),
        st.tuples(small_scalars(), small_scalars()),
        st.tuples(st.tuples(short_texts()), surrogate_texts()),
        st.just(()),
        st.builds(lambda n: tuple(range(n)), st.sampled_from([15, 16, 64, 65])),
        uuids(),
        datetimes(),
        dates(),
        times(),
        enums(),
        st.builds(m.MyStr, texts()),
        st.builds(m.MyInt, ints()),
        st.builds(m.MyFloat, floats()),
        st.builds(m.MyTuple, st.lists(ints(), max_size=2)),
        st.frozensets(ints(), max_size=2),
        st.builds(memoryview, binaries()),
        st.just(m.Point(1, 2)),
        st.just(decimal.Decimal(1)),
        st.just(pathlib.Path("k")),
        st.just(datetime.timedelta(1)),
    )


def nested(
    leaves: st.SearchStrategy[Any],
    wrap: Callable[[st.SearchStrategy[Any]], st.SearchStrategy[Any]],
    depth: int,
) -> st.SearchStrategy[Any]:
    """What *wrap* makes of *leaves*, up to *depth* times over (st.recursive draws again what grew too large)."""
    out = leaves
    for _ in range(depth):
        out = st.one_of(leaves, wrap(out))
    return out


def containers(leaves: st.SearchStrategy[Any], depth: int = 3) -> st.SearchStrategy[Any]:
    """Lists, tuples and dicts of *leaves*, nested."""
    return nested(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(keys(), inner, max_size=4),
            st.lists(inner, max_size=3).map(tuple),
        ),
        depth,
    )


def plain() -> st.SearchStrategy[Any]:
    """Plain data: what most states are made of."""
    leaves = scalars()
    return containers(
        st.one_of(leaves, st.lists(leaves, max_size=4), st.dictionaries(keys(), leaves, max_size=4))
    )


def small_plain() -> st.SearchStrategy[Any]:
    """Plain data that is cheap to draw, for fields of larger things."""
    return st.one_of(
        small_scalars(),
        st.lists(small_scalars(), max_size=3),
        st.dictionaries(short_texts(), small_scalars(), max_size=3),
        st.sampled_from([{}, [], (), {"a": {"b": [1, {"c": None}]}}, [[]], ({},)]).map(_copy),
    )


def _copy(x: Any) -> Any:
    """A fresh value: Hypothesis hands out the same object otherwise."""
    if isinstance(x, dict):
        return {k: _copy(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(_copy(v) for v in x)
    return x


def sized(fill: Callable[[int], Any]) -> st.SearchStrategy[Any]:
    """Containers whose length is an edge."""
    return st.sampled_from(SIZE_EDGES).map(fill)


def sized_containers() -> st.SearchStrategy[Any]:
    """Lists, tuples, dicts at the length edges, of one kind of element each."""
    element = st.sampled_from(
        [
            lambda i: i,
            lambda i: -i,
            lambda i: str(i),
            lambda i: None,
            lambda i: i / 3,
            lambda i: i << 33,
            lambda i: "é" * (i % 5),
            lambda i: [i],
            lambda i: {"i": i},
            lambda i: (i, str(i)),
            lambda i: bool(i & 1),
            lambda i: b"x" * (i % 40),
        ]
    )
    return st.one_of(
        st.builds(lambda n, f: [f(i) for i in range(n)], st.sampled_from(SIZE_EDGES), element),
        st.builds(lambda n, f: tuple(f(i) for i in range(n)), st.sampled_from(SIZE_EDGES), element),
        st.builds(
            lambda n, f: {f"k{i}": f(i) for i in range(n)}, st.sampled_from(SIZE_EDGES), element
        ),
        st.builds(lambda n, f: {i: f(i) for i in range(n)}, st.sampled_from(SIZE_EDGES), element),
    )


def _moved(items: dict[Any, Any]) -> Any:
    """An OrderedDict whose order is no longer that of the dict beneath."""
    out = collections.OrderedDict(items)
    out.move_to_end(next(iter(out)))
    return out


def subclasses() -> st.SearchStrategy[Any]:
    """Subclasses of the builtins: some are taken for their base, some go to the hook."""
    return st.one_of(
        st.builds(m.MyStr, st.one_of(texts(), surrogate_texts())),
        st.builds(m.LyingStr, texts()),
        st.builds(m.MyInt, st.one_of(ints(), big_ints())),
        st.builds(m.LyingInt, ints()),
        st.builds(m.MyFloat, floats()),
        st.builds(m.MyBytes, binaries()),
        st.builds(m.MyBytearray, binaries()),
        st.builds(m.MyList, st.lists(small_plain(), max_size=3)),
        st.builds(m.LyingList, st.lists(small_plain(), max_size=3)),
        st.builds(m.MyTuple, st.lists(small_plain(), max_size=3)),
        st.builds(m.MyDict, st.dictionaries(keys(), small_plain(), max_size=3)),
        st.builds(m.LyingDict, st.dictionaries(keys(), small_plain(), max_size=3)),
        st.builds(m.MySet, st.lists(small_scalars(), max_size=3)),
        st.builds(m.MyFrozenset, st.lists(small_scalars(), max_size=3)),
        st.builds(m.MyDeque, st.lists(small_scalars(), max_size=3)),
        st.builds(
            lambda d: collections.OrderedDict(d), st.dictionaries(keys(), small_plain(), max_size=3)
        ),
        st.builds(_moved, st.dictionaries(short_texts(), small_plain(), min_size=2, max_size=4)),
        st.builds(
            lambda d: collections.defaultdict(list, d),
            st.dictionaries(keys(), small_plain(), max_size=3),
        ),
        st.builds(
            lambda d: collections.Counter(d),
            st.dictionaries(short_texts(), st.integers(0, 9), max_size=3),
        ),
        st.builds(m.Point, small_plain(), small_plain()),
        st.builds(m.OldPoint, small_plain(), small_plain()),
    )


def buffers() -> st.SearchStrategy[Any]:
    """bytearray and memoryview, at the top and inside."""
    made = st.one_of(
        st.builds(bytearray, binaries()),
        st.builds(memoryview, binaries()),
        st.builds(lambda b: memoryview(bytearray(b)), binaries()),
        st.builds(lambda b: memoryview(b)[::2], binaries()),
        st.builds(lambda b: memoryview(b + b"\0" * (-len(b) % 4)).cast("I"), binaries()),
        binaries(),
    )
    return st.one_of(
        made, made.map(lambda x: [x]), made.map(lambda x: {"k": x}), made.map(lambda x: (x,))
    )


def sets() -> st.SearchStrategy[Any]:
    """set, frozenset, deque of hashables."""
    item = st.one_of(
        small_scalars(), st.tuples(small_scalars()), enums(), uuids(), st.just(math.nan)
    )
    return st.one_of(
        st.builds(set, st.lists(item, max_size=4)),
        st.builds(frozenset, st.lists(item, max_size=4)),
        st.builds(collections.deque, st.lists(small_plain(), max_size=4)),
        st.builds(lambda x: collections.deque(x, 3), st.lists(small_plain(), max_size=4)),
        st.builds(lambda x: {frozenset(x)}, st.lists(small_scalars(), max_size=3)),
        st.sampled_from(SIZE_EDGES).map(lambda n: set(range(n))),
    )


def uuids() -> st.SearchStrategy[uuid.UUID]:
    """UUIDs, a subclass, and every is_safe."""
    value = st.one_of(
        st.sampled_from([0, 1, (1 << 128) - 1, 0x1234 << 64]), st.integers(0, (1 << 128) - 1)
    )
    return st.one_of(
        st.builds(lambda i: uuid.UUID(int=i), value),
        st.builds(lambda i: m.MyUUID(int=i), value),
        st.builds(
            lambda i, s: uuid.UUID(int=i, is_safe=s), value, st.sampled_from(list(uuid.SafeUUID))
        ),
    )


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Etc/GMT+12",
    "Australia/Lord_Howe",
]


def tzinfos() -> st.SearchStrategy[Any]:
    """timezone in all its shapes, ZoneInfo, a user's own."""
    minutes = st.integers(-23 * 60 - 59, 23 * 60 + 59)
    return st.one_of(
        st.none(),
        st.just(datetime.timezone.utc),
        st.builds(lambda x: datetime.timezone(datetime.timedelta(minutes=x)), minutes),
        st.builds(
            lambda x: datetime.timezone(datetime.timedelta(seconds=x)), st.integers(-86399, 86399)
        ),
        st.builds(
            lambda x: datetime.timezone(datetime.timedelta(microseconds=x)),
            st.integers(-(10**7), 10**7),
        ),
        st.builds(lambda x: datetime.timezone(datetime.timedelta(minutes=x), "NAME é"), minutes),
        st.sampled_from(ZONES).map(zoneinfo.ZoneInfo),
        st.sampled_from(ZONES).map(zoneinfo.ZoneInfo.no_cache),
        st.builds(m.MyZone),
    )


_MICROS = st.sampled_from([0, 1, 10, 999, 1000, 100000, 123456, 999999])
_YEARS = st.one_of(
    st.sampled_from([1, 999, 1000, 1900, 1970, 2000, 2024, 9999]), st.integers(1, 9999)
)


def datetimes() -> st.SearchStrategy[datetime.datetime]:
    """Naive and aware, both folds, subclasses."""
    cls = st.sampled_from([datetime.datetime] * 6 + [m.MyDatetime, m.ShoutingDatetime])
    return st.builds(
        lambda c, y, mo, d, h, mi, s, us, tz, fold: c(y, mo, d, h, mi, s, us, tz, fold=fold),
        cls,
        _YEARS,
        st.integers(1, 12),
        st.integers(1, 28),
        st.integers(0, 23),
        st.integers(0, 59),
        st.sampled_from([0, 1, 59]),
        _MICROS,
        tzinfos(),
        st.sampled_from([0, 0, 1]),
    )


def dates() -> st.SearchStrategy[datetime.date]:
    """date and a subclass."""
    return st.builds(
        lambda c, y, mo, d: c(y, mo, d),
        st.sampled_from([datetime.date] * 4 + [m.MyDate]),
        _YEARS,
        st.integers(1, 12),
        st.integers(1, 28),
    )


def times() -> st.SearchStrategy[datetime.time]:
    """time, with zone and fold, and a subclass."""
    return st.builds(
        lambda c, h, mi, us, tz, fold: c(h, mi, 7, us, tz, fold=fold),
        st.sampled_from([datetime.time] * 4 + [m.MyTime]),
        st.integers(0, 23),
        st.integers(0, 59),
        _MICROS,
        tzinfos(),
        st.sampled_from([0, 0, 1]),
    )


def timedeltas() -> st.SearchStrategy[datetime.timedelta]:
    """timedelta to its limits, and a subclass."""
    return st.one_of(
        st.builds(
            lambda c, d, s, us: c(d, s, us),
            st.sampled_from([datetime.timedelta] * 4 + [m.MyTimedelta]),
            st.integers(-1000, 1000),
            st.integers(-90000, 90000),
            _MICROS,
        ),
        st.sampled_from(
            [datetime.timedelta.max, datetime.timedelta.min, datetime.timedelta.resolution]
        ),
    )


def decimals() -> st.SearchStrategy[decimal.Decimal]:
    """Every exponent, special values, a subclass."""
    return st.one_of(
        st.sampled_from(
            [
                "0",
                "-0",
                "1.50",
                "1E+3",
                "NaN",
                "-NaN",
                "sNaN",
                "NaN123",
                "Infinity",
                "-Infinity",
                "1E-999",
            ]
        ).map(decimal.Decimal),
        st.decimals(),
        st.builds(m.MyDecimal, st.sampled_from(["1.0", "2"])),
    )


def paths() -> st.SearchStrategy[Any]:
    """Path; pure paths are refused."""
    return st.one_of(
        st.sampled_from(
            [".", "", "/", "a/b", "/tmp/x.txt", "../up", "~", "é/中", "a//b", "//host/x", "a" * 300]
        ).map(pathlib.Path),
        st.sampled_from(["a/b", "c:\\x"]).map(pathlib.PurePosixPath),
        st.sampled_from(["a/b", "c:\\x"]).map(pathlib.PureWindowsPath),
    )


def addresses(smallest_prefix: int = 0) -> st.SearchStrategy[Any]:
    """All six types of ipaddress. A network is iterable, and pydantic takes it for a list: keep those small."""
    v4 = st.one_of(st.sampled_from([0, 1, (1 << 32) - 1]), st.integers(0, (1 << 32) - 1))
    v6 = st.one_of(
        st.sampled_from([0, 1, (1 << 128) - 1, 0xFFFF << 32]), st.integers(0, (1 << 128) - 1)
    )
    return st.one_of(
        v4.map(ipaddress.IPv4Address),
        v6.map(ipaddress.IPv6Address),
        st.just("fe80::1%eth0").map(ipaddress.IPv6Address),
        st.builds(lambda i, p: ipaddress.IPv4Interface((i, p)), v4, st.integers(0, 32)),
        st.builds(lambda i, p: ipaddress.IPv6Interface((i, p)), v6, st.integers(0, 128)),
        st.builds(
            lambda i, p: ipaddress.IPv4Network((i, p), strict=False),
            v4,
            st.integers(smallest_prefix and 30, 32),
        ),
        st.builds(
            lambda i, p: ipaddress.IPv6Network((i, p), strict=False),
            v6,
            st.integers(smallest_prefix, 128),
        ),
    )


def patterns() -> st.SearchStrategy[Any]:
    """Compiled patterns: str and bytes, flags."""
    return st.one_of(
        st.builds(
            re.compile,
            st.sampled_from(["", "a+", "(?i)x", r"\d{3}", "é|中", "(?P<n>.)", "^$"]),
            st.sampled_from([0, re.I, re.M | re.S, re.A, re.X]),
        ),
        st.builds(
            re.compile, st.sampled_from([b"", b"a+", rb"\w"]), st.sampled_from([0, re.I, re.M])
        ),
    )


def enums() -> st.SearchStrategy[Any]:
    """Members of every kind of enum, flags and their unions."""
    return st.one_of(
        st.sampled_from([member for cls in m.ENUMS for member in cls]),
        st.sampled_from([member for cls in m.FLAGS for member in cls]),
        st.builds(lambda i: m.Perm(i), st.integers(0, 7)),
        st.builds(lambda i: m.IntPerm(i), st.integers(0, 16)),
    )


def library_objects() -> st.SearchStrategy[Any]:
    """One of everything above that is no plain data."""
    return st.one_of(
        uuids(),
        datetimes(),
        dates(),
        times(),
        timedeltas(),
        tzinfos(),
        decimals(),
        paths(),
        addresses(126),
        patterns(),
        enums(),
        sets(),
    )


def exceptions() -> st.SearchStrategy[Any]:
    """Stored as their repr."""
    return st.one_of(
        st.builds(ValueError, short_texts()),
        st.builds(KeyError, small_scalars()),
        st.builds(OSError, st.integers(1, 40), short_texts()),
        st.builds(m.MyError, small_plain()),
        st.sampled_from(
            [KeyboardInterrupt(), SystemExit(3), StopIteration(1), RecursionError("deep")]
        ),
        st.builds(m.ReprError, short_texts()),
        st.builds(lambda s: UnicodeEncodeError("utf-8", s, 0, 1, "why"), surrogate_texts()),
    )


def refused() -> st.SearchStrategy[Any]:
    """Not serializable."""
    return st.sampled_from(
        [
            object(),
            m.Unserializable(),
            m.Unserializable,
            m.Plain,
            m.Scalars,
            len,
            lambda: 0,
            1j,
            range(3),
            iter([]),
            (i for i in ()),
            NotImplemented,
            ...,
            type,
            re,
            slice(1),
            m.UnhashableKey(),
            m.DumpNotMapping(),
            {}.keys(),
            m.Colour,
        ]
    )


def duck_typed() -> st.SearchStrategy[Any]:
    """Objects taken for models by the methods they have."""
    return st.one_of(
        st.builds(m.Secretive, small_plain()),
        st.builds(lambda v: m.DictLike(a=v), small_plain()),
        st.builds(m.DumpLike, small_plain()),
        st.builds(lambda v: m.AsdictLike(a=v), small_plain()),
        st.builds(m.SendLike, short_texts(), small_plain()),
        st.builds(m.SendLike, short_texts(), small_plain(), st.sampled_from([None, 1.5, "t"])),
    )
