"""What Java must do itself: a suite that only ever declines would pass everything else.

A case says how many objects inside it may be handed to Python code (callbacks); ``None`` means any number. What is all
Python's by itself (an array, a v1 model) may be declined when it stands alone: such cases stand in a state, which must be
served around them.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import pathlib
import random
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import langchain_core.messages as lc
import pydantic
import pytest
from langchain_core.documents import Document
from langchain_core.messages.base import BaseMessage
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.store.base import Item
from langgraph.types import Command, Interrupt, Overwrite, Send

from support import models as m
from support import objects as o
from support import sides
from support.check import check
from support.outcome import outcome
from support.sides import DUMPS, LOADS, Counters, Pair, default_pair, pair

pytestmark = pytest.mark.skipif(
    not sides.ACCELERATED, reason="nothing to serve: both sides are the original"
)


ORIGINAL = -1
"""Loading it may be left to the original, which is as fast."""


class Case(NamedTuple):
    """A value, and the callbacks that dumping and loading it may take."""

    name: str
    make: Callable[[], Any]
    dumps: int | None = 0
    loads: int | None = 0


def conversation(n: int) -> list[Any]:
    """Human, AI with tool calls and usage, tool: what the bench dumps."""
    out: list[Any] = []
    for i in range(n):
        kind = i % 3
        if kind == 0:
            out.append(
                lc.HumanMessage(f"question {i}: how is the weather in city {i}?", id=f"h-{i}")
            )
        elif kind == 1:
            out.append(
                lc.AIMessage(
                    f"let me look {i}",
                    id=f"a-{i}",
                    tool_calls=[
                        {
                            "name": "weather",
                            "args": {"city": f"c{i}", "n": i},
                            "id": f"call-{i}",
                            "type": "tool_call",
                        }
                    ],
                    usage_metadata={"input_tokens": i, "output_tokens": 7, "total_tokens": i + 7},
                    response_metadata={"model_name": "fake", "finish_reason": "tool_calls"},
                )
            )
        else:
            out.append(
                lc.ToolMessage(
                    f"sunny, {i} degrees", tool_call_id=f"call-{i - 1}", name="weather", id=f"t-{i}"
                )
            )
    return out


def plain_dict(size: int) -> dict[str, Any]:
    """A state of plain data of about *size* bytes."""
    r = random.Random(7)
    rows = [
        {
            "id": i,
            "name": f"item-{i}",
            "score": r.random(),
            "tags": [f"t{r.randrange(50)}" for _ in range(3)],
            "on": bool(i & 1),
            "none": None,
            "big": r.randrange(1 << 40),
        }
        for i in range(size // 95)
    ]
    return {"rows": rows, "n": len(rows)}


def _moments(n: int) -> list[Any]:
    base = datetime.datetime(2024, 1, 1, 12, 30, 15, 123456)
    return [(uuid.UUID(int=(i << 90) + i), base + datetime.timedelta(hours=i)) for i in range(n)]


_utc = datetime.timezone.utc

CASES = [
    # the bench's rows
    Case("200 messages", lambda: conversation(200)),
    Case("200 messages in a state", lambda: {"messages": conversation(200)}),
    Case("200 dataclasses", lambda: [m.Plain(f"n{i}", i, ["a", "b"]) for i in range(200)], 0, None),
    Case("200 slotted dataclasses", lambda: [m.Slotted(f"n{i}", i) for i in range(200)], 0, None),
    Case(
        "200 pydantic models",
        lambda: [m.Scalars(name=f"n{i}", count=i) for i in range(200)],
        None,
        None,
    ),
    Case("200 UUIDs and datetimes", lambda: _moments(200)),
    Case("plain dict of 235 KB", lambda: plain_dict(235_000)),
    Case("one human message", lambda: lc.HumanMessage("hi", id="1")),
    Case("one AI message", lambda: conversation(2)[1]),
    Case("one tool message", lambda: conversation(3)[2]),
    Case("empty dict", lambda: {}),
    Case("short string", lambda: "hello"),
    Case("100000 ints", lambda: list(range(100_000)), 0, ORIGINAL),
    # what the codec has to know
    Case(
        "scalars",
        lambda: [None, True, False, 0, -1, 1 << 63, -(1 << 63), (1 << 64) - 1, 1.5, "s", b"b"],
    ),
    Case("int keys", lambda: {i: str(i) for i in range(20)}),
    Case("keys of every plain kind", lambda: {1: 1, "a": 2, b"b": 3, 1.5: 4, None: 5}),
    Case("nested containers", lambda: [[[[{"a": ({"b": [()]},)}]]]]),
    Case("non-ASCII in a state", lambda: {"text": "Grüße, 世界 😀", "é": "ü" * 100}),
    Case("system message", lambda: lc.SystemMessage("be kind")),
    Case("human chunk", lambda: lc.HumanMessageChunk(content="x"), None, None),
    Case("AI chunk", lambda: lc.AIMessageChunk(content="x"), None, None),
    Case("system chunk", lambda: lc.SystemMessageChunk(content="x"), None, None),
    Case("tool chunk", lambda: lc.ToolMessageChunk(content="x", tool_call_id="1"), None, None),
    Case("function message", lambda: lc.FunctionMessage(content="x", name="f"), None, None),
    Case("chat message", lambda: lc.ChatMessage(content="x", role="r"), None, None),
    Case("remove message", lambda: lc.RemoveMessage(id="x"), None, None),
    Case("base message", lambda: BaseMessage(content="x", type="t"), None, None),
    Case("document", lambda: Document(page_content="p", metadata={"a": 1}), None, None),
    Case("content blocks", lambda: lc.HumanMessage([{"type": "text", "text": "x"}, "y"]), 0, None),
    Case("message subclass", lambda: m.MyHuman("x"), None, None),
    Case("Send", lambda: Send("n", {"a": 1}), 0, None),
    Case("Send of messages", lambda: [Send("n", lc.HumanMessage("x"))], 0, None),
    Case(
        "Send with a timeout",
        lambda: o.timed("n", 1, o.TimeoutPolicy and o.TimeoutPolicy(run_timeout=1.0)),
        None,
        None,
    ),
    Case(
        "Command",
        lambda: Command(goto=[Send("a", 1), "b"], update={"x": 1}, resume={"i": 2}),
        0,
        None,
    ),
    Case("Interrupt", lambda: Interrupt(value={"q": 1}, id="i"), None, None),
    Case("Overwrite", lambda: Overwrite([1]), 0, None),
    Case("delta", lambda: _DeltaSnapshot([1, {"a": 2}]), 0, None),
    Case("delta of messages", lambda: _DeltaSnapshot(conversation(6)), 0, None),
    Case("enum", lambda: [m.Colour.RED, m.Colour.GREEN], 0, None),
    Case("enums that are int and str", lambda: [m.Level.LOW, m.Word.YES], None, None),
    Case("sets", lambda: [{1, 2}, frozenset("ab")], 0, None),
    Case("deque", lambda: [collections.deque([1], 3)], None, None),
    Case(
        "dates",
        lambda: [
            datetime.date(2024, 1, 2),
            datetime.timedelta(1),
            datetime.datetime(2024, 1, 2, tzinfo=_utc),
        ],
        0,
        None,
    ),
    Case("time and zone", lambda: [datetime.time(1, 2), _utc], None, None),
    Case("decimal", lambda: decimal.Decimal("1.50"), None, None),
    Case("path", lambda: pathlib.Path("a/b"), None, None),
    Case("named tuples", lambda: [m.Point(1, m.Point(2)), m.OldPoint("a", None)], 0, None),
    Case("keys of odd kinds", lambda: {"k": {(i, 1): i for i in range(40)}}, 1, ORIGINAL),
    Case("enums that are str", lambda: [m.Word.YES, {"no": m.Word.NO}], 0, None),
    Case("subclass of list", lambda: [type("Bare", (list,), {})([1])], 0, ORIGINAL),
    Case(
        "nested packs", lambda: m.Plain(m.Slotted(Send("n", m.Frozen(uuid.UUID(int=1))))), 0, None
    ),
    Case("frozen dataclass", lambda: m.Frozen("a"), 0, None),
    Case(
        "nested models",
        lambda: m.Nested(one=m.Scalars(name="a"), some=[m.Scalars(name="b")]),
        None,
        None,
    ),
    Case("pydantic v1 model", lambda: m.V1Scalars(name="a"), None, None),
    Case("secret", lambda: pydantic.SecretStr("s"), None, None),
    Case(
        "item",
        lambda: Item(
            value={},
            key="k",
            namespace=("a",),
            created_at=datetime.datetime(2024, 1, 1),
            updated_at=datetime.datetime(2024, 1, 1),
        ),
        None,
        None,
    ),
    Case("exception", lambda: [ValueError("x")], None),
    Case("surrogates", lambda: ["a\ud800b"], None),
    Case("str subclass", lambda: [m.MyStr("x"), {m.MyStr("k"): 1}], None),
    Case("memoryview and bytearray", lambda: [bytearray(b"x"), memoryview(b"y")], None),
]


def _array_cases() -> list[Case]:
    np = pytest.importorskip("numpy")
    return [
        Case("array", lambda: np.arange(10, dtype="f8"), None, None),
        Case(
            "arrays in a state",
            lambda: {"a": np.ones((2, 3), order="F"), "b": np.arange(6)[::2]},
            None,
            None,
        ),
    ]


CASES += _array_cases()


def _around(case: Case) -> Any:
    value = case.make()
    return value if case.dumps is not None else {"value": value, "n": [1, 2.5, "x"]}


SMALL = 65536
"""Blobs below this may stay with the original, and so may lists of scalars: entering Java would not pay."""


def _did(name: str, before: dict[str, Counters]) -> Counters:
    return sides.counters()[name] - before[name]


def _serve(name: str, fn: Callable[..., Any], arg: Any, allowed: int | None) -> Any:
    """Call until Java serves it; other suites may have left a plan resting, a hundred calls wake each."""
    did = Counters()
    for _ in range(100):
        before = sides.counters()
        result = outcome(fn, arg)
        did = _did(name, before)
        assert result.error is None
        assert did.calls >= 1, f"Java was not asked: {did}"
        if did.declines == 0 and (allowed is None or did.callbacks <= allowed):
            return result.value
    raise AssertionError(f"not served, {allowed} callbacks allowed: {did}")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_served(case: Case) -> None:
    """The first call for a fresh value and the second one are both served, and both are right."""
    serde = default_pair()
    for _ in range(2):
        blob = _serve(DUMPS, serde.ours.dumps_typed, _around(case), case.dumps)
        assert blob == serde.theirs.dumps_typed(_around(case))
        if len(blob[1]) < SMALL or isinstance(case.make(), (str, list)):
            blob = serde.theirs.dumps_typed({"value": case.make(), "more": ["text"] * (SMALL // 4)})
        if case.loads != ORIGINAL:
            _serve(LOADS, serde.ours.loads_typed, blob, case.loads)
    check(case.make())


_MODES = {
    "true": lambda: pair(allowed_msgpack_modules=True),
    "none": lambda: pair(allowed_msgpack_modules=None),
    "set": lambda: pair(allowed_msgpack_modules=[("support.models", "Plain")]),
    "clone": lambda: pair(allowed_msgpack_modules=None).map(
        lambda s: s.with_msgpack_allowlist([m.Plain])
    ),
}


@pytest.mark.parametrize("mode", _MODES)
def test_served_in_every_allowlist_mode(mode: str) -> None:
    """The lists are no reason to decline, nor are blocked types."""
    serde: Pair = _MODES[mode]()
    for value in (conversation(3), _moments(2), [m.Plain(1), m.Slotted(2)], plain_dict(100_000)):
        blob = serde.theirs.dumps_typed(value)
        _serve(LOADS, serde.ours.loads_typed, blob, None)
        check(value, serde)


def test_messages_need_no_callback_in_strict_mode() -> None:
    """What LangGraph itself marks as safe is built without Python, whatever the list."""
    for mode in _MODES.values():
        serde = mode()
        blob = serde.theirs.dumps_typed(conversation(9))
        _serve(LOADS, serde.ours.loads_typed, blob, 0)


def test_served_inside_encryption() -> None:
    """EncryptedSerializer asks the patched serializer."""
    pytest.importorskip("Crypto")
    from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

    serde = EncryptedSerializer.from_pycryptodome_aes(key=b"0" * 16)
    blob = _serve(DUMPS, serde.dumps_typed, conversation(3), 0)
    _serve(LOADS, serde.loads_typed, blob, 0)


def test_served_in_subclasses_that_override_nothing() -> None:
    """A subclass without its own methods is served, too."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    class Mine(JsonPlusSerializer):
        pass

    blob = _serve(DUMPS, Mine().dumps_typed, conversation(3), 0)
    _serve(LOADS, Mine().loads_typed, blob, 0)
