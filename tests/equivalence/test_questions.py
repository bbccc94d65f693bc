"""What loads_typed asks a pack before it asks Java: an object is found, and all else is as the original has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support import models as m
from support import sides
from support.check import check
from support.outcome import assert_same_outcome, outcome
from support.sides import LOADS, default_pair, pair


def _pads() -> list[Any]:
    return ["", *("x" * size for size in (20, 60, 180, 300, 4000, 70_000)), list(range(40))]


@pytest.mark.parametrize(
    "wrap", [lambda *v: list(v), lambda *v: {str(i): x for i, x in enumerate(v)}]
)
def test_objects_beside_plain_data(wrap: Callable[..., Any]) -> None:
    """An object is found wherever it stands and whatever the size of its ext."""
    for made in (
        lambda: {1, 2},
        lambda: m.Plain("n"),
        lambda: m.Plain("n" * 300),
        lambda: m.Plain("n" * 70_000),
    ):
        for pad in _pads():
            check(wrap(pad, made()))
            check(wrap(made(), pad))
            check(wrap(*[pad] * 3, *[1] * 20, made()))
            check([made()] * 20)


@pytest.mark.parametrize("byte", [0xC7, 0xC8, 0xC9])
def test_markers_by_chance(byte: int) -> None:
    """The marker of an ext as the payload of ints, floats, lengths and texts."""
    for value in (
        [byte] * 12, [byte] * 60, [byte << 8] * 60, "x" * byte, ["x" * byte] * 3, [b"x" * byte] * 20,
        {i: byte for i in range(30)}, {"k" * byte: byte}, [chr(0x1C0 + i) * 40 for i in range(40)], [-1.5e300, 2.0**byte] * 40,
    ):  # fmt: skip
        check(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc7",
        b"\xc1" * 60,
        b"\xd9" * 300,
        b"\xda\x01\x00" + b"\xff" * 256,
        b"\xdc\x00\x20" + b"\x01" * 60,
        b"\xdd" + b"\x01" * 300,
        b"\x91\xd4\x00\x01" + b"x" * 60,
    ],
)
def test_bad_packs_of_every_size(data: bytes) -> None:
    """The original's error, with no other in its context."""
    both = default_pair()
    for given in (
        data,
        bytearray(data),
        memoryview(data),
        data + bytes(5000),
        None,
        5,
        "text",
        "x" * 300,
    ):
        ours = outcome(both.ours.loads_typed, ("msgpack", given))
        theirs = outcome(both.theirs.loads_typed, ("msgpack", given))
        assert_same_outcome(ours, theirs)


def test_buffers_are_read_as_the_original_reads_them() -> None:
    """Java takes exact bytes alone."""
    both = default_pair()
    for value in ({"a": 1}, ["é" * 40] * 9, {"k": "x" * 5000}, [m.Plain("n")] * 3):
        kind, packed = both.theirs.dumps_typed(value)
        for buffer in (bytearray, memoryview):
            assert both.ours.loads_typed((kind, buffer(packed))) == value


def test_a_hook_is_called_once() -> None:
    """A hook that raises is not asked again."""
    calls: list[int] = []

    def hook(code: int, data: bytes) -> Any:
        calls.append(code)
        raise KeyError(code)

    serde = pair(__unpack_ext_hook__=hook)
    for pad in _pads():
        blob = serde.theirs.dumps_typed([pad, {1, 2}, m.Plain("n" * 90)])
        del calls[:]
        theirs = outcome(serde.theirs.loads_typed, blob)
        expected = list(calls)
        del calls[:]
        ours = outcome(serde.ours.loads_typed, blob)
        assert calls == expected
        assert_same_outcome(ours, theirs)


def test_who_serves_what() -> None:
    """Java is asked for objects of every size and large maps, and not for what it would decline."""
    if not sides.ACCELERATED:
        pytest.skip("nothing to serve")
    both = default_pair()

    def asked(value: Any) -> bool:
        before = sides.counters()[LOADS]
        both.ours.loads_typed(both.theirs.dumps_typed(value))
        return (sides.counters()[LOADS] - before).calls == 1

    for value in ([m.Plain("n")], [m.Plain("n" * 300)], [m.Plain("n")] * 20, {"pad": "x" * 5000, "m": m.Plain("n")}, {str(i): "v" for i in range(20_000)}):  # fmt: skip
        assert asked(value)
    for value in (
        {},
        [1],
        "x" * 100,
        "x" * 10_000,
        "é" * 400,
        [1] * 100,
        [0.5] * 7000,
        {"text": "x" * 10_000},
    ):
        assert not asked(value)


def test_the_function_keeps_its_name() -> None:
    """Its code is exchanged when Java is there; a traceback shows the same name."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    assert JsonPlusSerializer.loads_typed.__code__.co_name == "loads_typed"
    assert JsonPlusSerializer.loads_typed.__name__ == "loads_typed"
