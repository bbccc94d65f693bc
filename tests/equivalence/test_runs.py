"""Lists of texts and of bytes: runs that Java writes in one go, and what ends them."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest

from support import models as m
from support import sides
from support.check import check
from support.outcome import outcome
from support.sides import DUMPS, default_pair

KINDS = {"ascii": "a", "latin-1": "é", "bmp": "中", "astral": "😀"}
EDGES = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 254, 255, 256, 257]
EDGES += [511, 512, 513, 4095, 4096, 4097, 65_535, 65_536]


def text(char: str, size: int) -> str:
    """A new str of *size* bytes of UTF-8, filled up with ASCII in front."""
    width = len(char.encode())
    return "x" * (size % width) + char * (size // width)


def served(value: Any) -> None:
    """Checked, and the first dump, of uncached texts, was Java's without a callback."""
    before = sides.counters()[DUMPS]
    ours = outcome(default_pair().ours.dumps_typed, value)
    did = sides.counters()[DUMPS] - before
    assert ours.error is None
    if sides.ACCELERATED:
        assert (did.calls, did.declines, did.callbacks) == (1, 0, 0)
    assert ours.value == default_pair().theirs.dumps_typed(value)
    check(value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_length_in_a_run(kind: str) -> None:
    """New texts, then the same with their UTF-8 cached; alone, in the middle, at the end."""
    served([text(KINDS[kind], size) for size in EDGES])
    for size in EDGES:
        served([text(KINDS[kind], size)] * 3)
        served(["a", text(KINDS[kind], size), text(KINDS[kind], size + 1), "b"])


def test_every_length_of_bytes() -> None:
    """Heads of one, two and four bytes of length."""
    served([bytes(size) for size in EDGES])
    for size in EDGES:
        served([b"a", b"y" * size, b"z" * (size + 1), b"b"])


@pytest.mark.parametrize("other", [None, 1, 1.5, b"b", [1], {"k": "v"}, ("é",), True, m.MyStr("é")])
def test_runs_that_end(other: Any) -> None:
    """Another type in front of, inside and behind texts of every kind."""
    words = [text(char, size) for size in (3, 40, 300) for char in KINDS.values()]
    for at in range(len(words) + 1):
        value = words[:at] + [other] + words[at:]
        (check if isinstance(other, str) else served)(value)
    check([other, b"a" * 40, other, b"b"])


@pytest.mark.parametrize("count", [1, 255, 256, 257, 511, 512, 513, 5000])
def test_more_than_a_run(count: int) -> None:
    """Runs have 256 items; the room for the bytes grows inside of them."""
    for char in KINDS.values():
        served([text(char, size % 90) for size in range(count)])
        served([text(char, 250) for _ in range(count)])
    served([b"x" * (size % 300) for size in range(count)])


def test_some_cached() -> None:
    """Texts with and without cached UTF-8 take turns."""
    words = [text(char, 30 + size) for size in range(200) for char in KINDS.values()]
    for word in words[::3]:
        check(word)
    served(words)


@pytest.mark.parametrize(
    "surrogate", ["\ud800", "\udfff", "a\udc80b", "中" * 9 + "\ud83d", "😀" * 5 + "\udbff"]
)
def test_surrogates_in_a_run(surrogate: str) -> None:
    """First, in the middle and last, of any length, among new texts."""
    for at in (0, 3, 7):
        for times in (1, 20, 5000):
            words = [text(char, 40) for char in KINDS.values()] * 2
            words[at] = surrogate * times
            check(words)
            check([*words, surrogate + "x", *words])
    check(surrogate * 20_000)


def test_surrogates_leave_the_collector_on() -> None:
    """It is off while UTF-8 is made, on CPython up to 3.11."""
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            for value in (
                ["é\ud800"],
                ["é" * 9],
                ["中" * 9, "\udfff" * 90],
                "é" * 900,
                "\ud800" * 900,
            ):
                default_pair().ours.dumps_typed(value)
                assert gc.isenabled() is enabled
        finally:
            gc.enable()


@pytest.mark.parametrize("length", [1, 127, 128, 129, 512, 4095, 4096, 4097, 30_000])
def test_new_texts_alone(length: int) -> None:
    """The whole pack: written to a bytes object of its exact size."""
    for char in KINDS.values():
        served(char * length)
        served("a" * length + char)
        check(char * length + "\ud800")


def test_texts_keep_their_references() -> None:
    """Nothing of a run is counted up or down."""
    words = [text(char, 40) for char in KINDS.values()] + [b"b" * 40]
    counts = [sys.getrefcount(word) for word in words]
    for _ in range(100):
        default_pair().ours.dumps_typed(words)
    assert [sys.getrefcount(word) for word in words] == counts
