"""Blobs that are cut, flipped, made up or lying about their lengths."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from typing import Any

import langchain_core.messages as lc
import ormsgpack
import pytest

from support import models as m
from support import objects as o
from support.check import check_load
from support.same import assert_same
from support.sides import VOLUME, default_pair, pair

SMALL = 400


def _plain() -> list[Any]:
    return [
        {
            "a": [1, -1, 200, 70000, 1 << 40, 1.5, None, True, False],
            "é": ["ü", "中", "😀" * 9, b"bytes"],
        },
        ["a" * 32, "b" * 256, {"k" * 40: {"n": [[], {}, ()]}}, list(range(20))],
        {1: 2, (1, "t"): 3, b"k": 4, 1.5: 5, None: 6, False: 7},
        [[[[[[["deep"]]]]]]],
    ]


def corpus() -> list[bytes]:
    """One blob of each kind, all small."""
    dumps = default_pair().theirs.dumps_typed
    blobs = [dumps(x)[1] for x in (*o.well_known(), *_plain())]
    return sorted({b for b in blobs if isinstance(b, bytes)}, key=len)


# ormsgpack before 1.13 asks for as much memory as an array says it is long
_TRUSTING = tuple(int(x) for x in ormsgpack.__version__.split(".")[:2]) < (1, 13)
_HUGE_ARRAY = re.compile(rb"\xdd(?!\x00[\x00-\x0f])", re.DOTALL)


def _same(blob: Any, sides: Any = None) -> None:
    if _TRUSTING and _HUGE_ARRAY.search(blob):
        return
    try:
        check_load(("msgpack", blob), sides)
    except AssertionError as e:
        raise AssertionError(f"{blob!r}: {e}") from None
    VOLUME.count(1, bytes(blob) if isinstance(blob, (bytes, bytearray)) else None)


def test_cut_at_every_byte() -> None:
    """Every prefix of every blob, and every suffix."""
    for blob in corpus():
        for n in range(len(blob)):
            _same(blob[:n])
        for n in range(1, min(len(blob), 40)):
            _same(blob[n:])


def test_every_bit_flipped() -> None:
    """Small blobs: each bit."""
    for blob in corpus():
        if len(blob) > SMALL:
            continue
        for i in range(len(blob) * 8):
            flipped = bytearray(blob)
            flipped[i // 8] ^= 1 << (i % 8)
            _same(bytes(flipped))


def test_bits_flipped_in_strict_mode() -> None:
    """A sample, with nothing allowed but what is safe."""
    strict = pair(allowed_msgpack_modules=None)
    r = random.Random(11)
    for blob in corpus():
        for _ in range(30):
            flipped = bytearray(blob)
            for _ in range(r.choice([1, 1, 2, 5])):
                flipped[r.randrange(len(blob))] ^= 1 << r.randrange(8)
            _same(bytes(flipped), strict)


def test_large_blobs() -> None:
    """A conversation and a plain state: sampled cuts and flips."""
    from equivalence.test_served import conversation, plain_dict

    r = random.Random(5)
    for value in (
        conversation(40),
        {"messages": conversation(12), "s": plain_dict(3000)},
        plain_dict(40_000),
    ):
        blob = default_pair().theirs.dumps_typed(value)[1]
        for _ in range(120):
            _same(blob[: r.randrange(len(blob))])
        for _ in range(250):
            flipped = bytearray(blob)
            flipped[r.randrange(len(blob))] ^= 1 << r.randrange(8)
            _same(bytes(flipped))


def test_spliced() -> None:
    """Pieces of one blob inside another, bytes removed, doubled, swapped."""
    r = random.Random(3)
    blobs = corpus()
    for _ in range(1500):
        a, b = r.choice(blobs), r.choice(blobs)
        i, j = r.randrange(len(a)), r.randrange(len(b))
        how = r.randrange(4)
        if how == 0:
            _same(a[:i] + b[j:])
        elif how == 1:
            _same(a[:i] + a[i + 1 :])
        elif how == 2:
            _same(a[:i] + a[i : i + 3] + a[i:])
        else:
            _same(a[:i] + b + a[i:])


def test_random_bytes() -> None:
    """Uniform, and made of markers."""
    r = random.Random(1)
    markers = [
        *range(0xC0, 0xE0),
        0x80,
        0x81,
        0x82,
        0x90,
        0x91,
        0x93,
        0xA0,
        0xA1,
        0xFF,
        0x00,
        0x01,
        0x05,
    ]
    for _ in range(2500):
        _same(bytes(r.randrange(256) for _ in range(r.randrange(1, 24))))
    for _ in range(2500):
        _same(bytes(r.choice(markers) for _ in range(r.randrange(1, 16))))


def test_every_first_byte() -> None:
    """All markers, followed by nothing, by zeros, by ones, by themselves."""
    for first in range(256):
        for tail in (
            b"",
            b"\0",
            b"\0" * 40,
            b"\xff" * 40,
            bytes([first]) * 40,
            b"\x01" * 300,
            b"abc" * 100,
        ):
            _same(bytes([first]) + tail)
            _same(b"\x92\x01" + bytes([first]) + tail)
            _same(b"\x81" + bytes([first]) + tail)  # as a key
            _same(b"\x81\x91" + bytes([first]) + tail)  # in a tuple key


LENGTHS = [0, 1, 63, 64, 65, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


def _lying() -> Iterator[bytes]:
    for n in LENGTHS:
        four, two, one = n.to_bytes(4, "big"), (n & 0xFFFF).to_bytes(2, "big"), bytes([n & 0xFF])
        for body in (b"", b"\x01", b"\x01" * 70, b"\xa1k\x01" * 30):
            for marker in (0xDD, 0xDF, 0xDB, 0xC6):  # array, map, str, bin with 32-bit lengths
                yield bytes([marker]) + four + body
            for marker in (0xDC, 0xDE, 0xDA, 0xC5):
                yield bytes([marker]) + two + body
            for marker in (0xD9, 0xC4):
                yield bytes([marker]) + one + body
            for code in (0, 5, 255):
                yield b"\xc9" + four + bytes([code]) + body
                yield b"\xc8" + two + bytes([code]) + body
                yield b"\xc7" + one + bytes([code]) + body


def test_lying_lengths() -> None:
    """Four thousand million entries promised, none there: at the top, in a list, as key, in an ext."""
    for blob in _lying():
        _same(blob)
        _same(b"\x92\xc0" + blob)
        _same(b"\x81" + blob)
        _same(b"\x81\xa1k" + blob)
        _same(b"\xdd\xff\xff\xff\xff" + blob)
        if len(blob) < 256:
            for code in (0, 2, 5, 6, 7):
                _same(b"\xc7" + bytes([len(blob), code]) + blob)


def test_nesting() -> None:
    """Arrays, maps and tuple keys around the limit of 1023."""
    for depth in (1, 10, 500, 1020, 1021, 1022, 1023, 1024, 1025, 2000, 100_000):
        for opening, end in (
            (b"\x91", b"\xc0"),
            (b"\x81\x01", b"\xc0"),
            (b"\x81\xa1k", b"\x01"),
            (b"\x91\x81\x01", b"\xc0"),
            (b"\xdc\x00\x01", b"\xc0"),
            (b"\xdd\x00\x00\x00\x01", b"\xc0"),
            (b"\xde\x00\x01\x01", b"\xc0"),
            (b"\x91", b""),
            (b"\x91", b"\xc1"),
            (b"\x92\x01", b"\x90"),
        ):
            _same(opening * depth + end)
        _same(b"\x81" + b"\x91" * depth + b"\x01" + b"\x02")
        _same(b"\x81" + b"\x91" * depth + b"\xc0")
        _same(b"\x91" * 1000 + b"\x81" + b"\x91" * (depth % 100) + b"\x01" + b"\x02")


def _nested_ext(code: int, depth: int, around: Any = None) -> bytes:
    data = ormsgpack.packb(1)
    for _ in range(depth):
        if code in (6, 7):
            inner = ormsgpack.Ext(code, data)
        else:
            payload = ["langgraph.types", "Overwrite", {"value": 0}, "x"]
            packed = ormsgpack.packb(payload)
            inner = ormsgpack.Ext(code, packed.replace(b"\xa5value\x00", b"\xa5value" + data))
        data = ormsgpack.packb(inner)
    return data


@pytest.mark.parametrize("depth", [1, 2, 20, 50, 200])
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 6, 7])
def test_nested_extensions(code: int, depth: int) -> None:
    """Packs in packs."""
    _same(_nested_ext(code, depth))
    _same(b"\x91" * 500 + _nested_ext(code, depth))


_UTF8 = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF]  # fmt: skip


def test_utf8_of_every_shape() -> None:
    """Overlong, surrogate, too large, cut: refused alike; what is good is equal."""
    ours, theirs = default_pair().ours.loads_typed, default_pair().theirs.loads_typed

    def same(blob: bytes) -> None:
        results = []
        for side in (ours, theirs):
            try:
                results.append(side(("msgpack", blob)))
            except ValueError as e:
                results.append((type(e), str(e)))
        assert_same(*results)

    n = 0
    for length in (1, 2, 3):
        for raw in itertools.product(_UTF8, repeat=length):
            text = bytes(raw)
            same(bytes([0xA0 + length]) + text)
            n += 1
    for lead in (0xF0, 0xF1, 0xF3, 0xF4, 0xF5):
        for rest in itertools.product(_UTF8[::2], repeat=3):
            same(b"\xa4" + bytes([lead, *rest]))
            n += 1
    odd = [
        b"\xc3\xa9",
        b"\xe4\xb8\xad",
        b"\xf0\x9f\x98\x80",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xe4\xb8",
        b"\xf4\x90\x80\x80",
        b"\x80",
        b"\xff",
    ]
    for text in odd:
        for before in range(70):
            for after in (0, 1, 7, 8, 15, 40):
                s = b"a" * before + text + b"z" * after
                head = bytes([0xA0 + len(s)]) if len(s) < 32 else bytes([0xD9, len(s)])
                same(head + s)
                same(b"\x81" + head + s + b"\x01")
                n += 2
    VOLUME.count(n)


_ALPHABETS = [
    "abc xyz0",
    "aé",
    "éüöàß",
    "яжщ ",
    "ж",
    "中文字",
    "中a",
    "a中é",
    "😀",
    "a😀中я",
    "\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff",
]


def test_broken_text() -> None:
    """Long text of every mix, whole, cut, and with one byte changed, at every offset into the blob."""
    r = random.Random(9)
    ours, theirs = default_pair().ours.loads_typed, default_pair().theirs.loads_typed
    n = 0
    for alphabet in _ALPHABETS:
        for length in (*range(1, 20), 24, 31, 33, 40, 64, 80):
            for _ in range(12):
                raw = bytearray("".join(r.choice(alphabet) for _ in range(length)).encode())
                how = r.randrange(5)
                if how == 1:
                    raw[r.randrange(len(raw))] ^= 1 << r.randrange(8)
                elif how == 2:
                    raw[r.randrange(len(raw))] = r.choice(_UTF8)
                elif how == 3:
                    del raw[r.randrange(len(raw)) :]
                elif how == 4:
                    del raw[r.randrange(len(raw))]
                head = (
                    bytes([0xD9, len(raw)])
                    if len(raw) < 256
                    else b"\xda" + len(raw).to_bytes(2, "big")
                )
                pad = r.randrange(12)
                for blob in (
                    bytes([0x90 + pad + 2]) + b"\xff" * pad + head + raw + b"\x01",
                    bytes([0x80 + pad + 1])
                    + bytes(x for i in range(pad) for x in (i, 0xFF))
                    + head
                    + raw
                    + b"\x01",
                    b"\x91" + head + raw,
                ):
                    results = []
                    for side in (ours, theirs):
                        try:
                            results.append(side(("msgpack", blob)))
                        except ValueError as e:
                            results.append((type(e), str(e)))
                    try:
                        assert_same(*results)
                    except AssertionError as e:
                        raise AssertionError(f"{blob!r}: {e}") from None
                    n += 1
    VOLUME.count(n)


def test_keys_twice() -> None:
    """The last value wins, the first place stays; keys equal across types meet."""
    for body in (
        b"\x82\xa1a\x01\xa1a\x02",
        b"\x83\xa1a\x01\xa1b\x02\xa1a\x03",
        b"\x84\x01\x01\xcb?\xf0\x00\x00\x00\x00\x00\x00\x02\xc3\x03\xcc\x01\x04",
        b"\x82\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x01\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x02",
        b"\x82\x00\x01\xcb\x80\x00\x00\x00\x00\x00\x00\x00\x02",
        b"\x82\xc4\x01a\x01\xa1a\x02",
        b"\x82\x91\x01\x01\x91\xc3\x02",
    ):
        _same(body)


def test_keys_in_longer_forms() -> None:
    """What other writers write: each str of a message's pack with a wider head than it needs."""
    function = {"name": "f", "arguments": '{"a": 1}'}
    message = lc.AIMessage("a", id="1", response_metadata={"some": "thing", "tool_calls": 1})
    message.additional_kwargs["tool_calls"] = [{"id": "c", "function": function}]
    pack = default_pair().theirs.dumps_typed(message)[1]
    assert pack[0] in (0xC7, 0xC8)
    pack = pack[3 if pack[0] == 0xC7 else 4 :]
    texts = [x.encode() for x in ("tool_calls", "additional_kwargs", "some", "thing", "name", "f")]
    for text in texts:
        for head in (b"\xd9%c", b"\xda\0%c", b"\xdb\0\0\0%c"):
            longer = pack.replace(b"%c" % (0xA0 | len(text)) + text, head % len(text) + text)
            assert longer != pack
            _same(b"\x91\xc8" + len(longer).to_bytes(2, "big") + b"\x05" + longer)


def test_extensions_without_a_name() -> None:
    """Behind an object of user code, where it is too late for a decline: a well-formed pack is None or its payload."""
    first = default_pair().theirs.dumps_typed({"first": m.Plain("x"), "then": None})[1]
    for code in range(9):
        for body in (
            b"\x91\xa4UUID",
            b"\x91\xa4uuid\xda",
            b"\x91\xa3abc\xa9",
            b"\x92\xa4uuid\xa4UUID",
            b"\x93\xa4uuid",
            b"\x90\xa4uuid",
        ):
            inner = b"\xc7%c%c" % (len(body), code) + body
            _same(first[:-1] + inner)
            _same(first[:-1] + b"\x92" + 2 * inner)
            outer = b"\x93\xa4uuid\xa4UUID" + inner
            _same(first[:-1] + b"\xc7%c\x00" % len(outer) + outer)


def test_trailing_bytes() -> None:
    """Ignored, whatever they are."""
    for blob in corpus():
        _same(blob + b"\xc1")
        _same(blob + blob)


def test_readers_input_is_not_bytes() -> None:
    """bytearray and memoryview: read, also cut and flipped."""
    for blob in corpus()[:12]:
        for n in range(0, len(blob) + 1, 3):
            check_load(("msgpack", bytearray(blob[:n])))
            check_load(("msgpack", memoryview(blob)[:n]))
            check_load(("msgpack", memoryview(blob)[::2]))


def test_more_items_than_bytes() -> None:
    """The items that are there have their effects, and theirs is the error that comes first; behind an object and without one."""
    odd = ormsgpack.packb(ormsgpack.Ext(1, ormsgpack.packb(["langgraph.types", "Send", ["n"]])))
    heads = (b"\xdc\x80\x00", b"\xdd\xff\xff\xff\xff", b"\x9f")
    bodies = (b"", b"\x01", odd, b"\xc1", odd + b"\xc1", b"\x92\x01", b"\x91" * 300, b"\xa1\xff")
    for before, head, body in itertools.product((b"\x01", odd), heads, bodies):
        _same(b"\x92" + before + head + body)
        _same(b"\x82\xa1a" + before + head + body)
        _same(b"\x82\xa1a" + before + b"\xa1b" + head + body)
