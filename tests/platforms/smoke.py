"""Runs in another Python or beside another LangGraph: boot, some hundred values, a fork, the exit.

Prints one line of JSON. Values are compared with the original: bytes, and what either side reads.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import inspect
import json
import os
import random
import sys
import uuid
from dataclasses import dataclass
from typing import Any

import fast_langgraph  # noqa: F401

import fast_jvm  # isort: skip
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt, Send
from pydantic import BaseModel

VALUES = 300


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: float
    y: Any
    label: str = ""


class Fragile:
    """Its like can be stored, and not be made again."""

    refuses = False

    def __init__(self) -> None:
        if Fragile.refuses:
            raise ValueError("no")


@dataclass
class Broken(Fragile):
    x: int = 1

    def __post_init__(self) -> None:
        Fragile.__init__(self)


class Old(enum.Enum):
    KNOWN = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        raise KeyError(value)


class Person(BaseModel):
    name: str
    age: int
    tags: list[str] = []


def value(chance: random.Random, depth: int = 0) -> Any:
    text = "".join(chance.choice("ab \u00e9\u4e2d\U0001f40d") for _ in range(chance.randrange(40)))
    number = chance.randrange(-(2**63), 2**63) >> chance.randrange(64)
    leaves: list[Any] = [
        text,
        number,
        chance.random() * 10 ** chance.randrange(-9, 9),
        None,
        chance.random() < 0.5,
        text.encode(),
        uuid.UUID(int=chance.getrandbits(128)),
        datetime.datetime(2026, 1, 1 + chance.randrange(28), tzinfo=datetime.timezone.utc),
        datetime.timedelta(seconds=number % 10**6),
        decimal.Decimal(number) / 1000,
        chance.choice(list(Color)),
        {number, text},
        (text, number),
        HumanMessage(text, id=str(number)),
        SystemMessage(text),
        AIMessage(
            text,
            tool_calls=[{"name": "f", "args": {"a": number % 99, "b": [text]}, "id": "c1"}],
            usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        ),
        ToolMessage(text, tool_call_id="c1"),
        Point(1.5, number, text),
        Person(name=text, age=number % 99, tags=[text]),
        Interrupt(value=text),
        Send("node", {"x": number % 99}),
    ]
    if depth < 3 and chance.random() < 0.6:
        parts = [value(chance, depth + 1) for _ in range(chance.randrange(6))]
        return parts if chance.random() < 0.5 else {f"k{i}": part for i, part in enumerate(parts)}
    return chance.choice(leaves)


def unbuildable(serde: JsonPlusSerializer, loads: Any) -> None:
    """What cannot be made again is what the original makes of it: its fields, and None before 4.3."""
    sample = {"broken": [Broken(), Person(name="x" * 40, age=1)], "old": [Old.KNOWN]}
    stored = serde.dumps_typed(sample)
    Fragile.refuses = True
    stored = (stored[0], stored[1].replace(b"\xa3Old\x01", b"\xa3Old\x02"))
    for _ in range(2):
        ours, theirs = serde.loads_typed(stored), loads(serde, stored)
        assert repr(ours) == repr(theirs), (ours, theirs)
        assert "Broken" not in repr(ours) and "Old" not in repr(ours), ours
    Fragile.refuses = False


def codec() -> list[Any]:
    """The patches that this is about."""
    return [patch for patch in fast_jvm.status().patches if patch.name.endswith("_typed")]


def main() -> None:
    serde = JsonPlusSerializer()
    ready = fast_jvm.wait_ready(60)
    patches = {patch.name: [patch.state, patch.reason] for patch in codec()}
    dumps = inspect.unwrap(JsonPlusSerializer.dumps_typed)
    loads = inspect.unwrap(JsonPlusSerializer.loads_typed)
    before = {patch.name: patch.calls for patch in codec()}
    chance = random.Random(5)
    for _ in range(VALUES):
        # large enough for loads to be Java's, see make_loads_typed
        sample = {"value": value(chance), "message": HumanMessage("x" * 50, id="1")}
        stored, original = serde.dumps_typed(sample), dumps(serde, sample)
        assert stored == original, (sample, stored, original)
        ours, theirs = serde.loads_typed(original), loads(serde, stored)
        assert ours == theirs and repr(ours) == repr(theirs), (sample, ours, theirs)
    unbuildable(serde, loads)
    served = {patch.name: [patch.calls - before[patch.name], patch.declines] for patch in codec()}
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        same = serde.dumps_typed(sample) == original and repr(serde.loads_typed(stored)) == repr(
            theirs
        )
        sys.exit(7 if same else 8)
    _, code = os.waitpid(child, 0)
    status = fast_jvm.status()
    print(
        json.dumps(
            {
                "python": sys.version.split()[0],
                "ready": ready,
                "reason": status.reason,
                "patches": patches,
                "served": served,
                "child": os.waitstatus_to_exitcode(code),
            }
        )
    )


main()
