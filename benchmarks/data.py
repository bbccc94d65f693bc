"""Inputs of the rows: what LangGraph applications keep in their checkpoints.

Everything is deterministic, and every class that a row stores lives here at module level, so that the
original can import it again while it loads.
"""

from __future__ import annotations

import dataclasses
import datetime
import random
import uuid
from typing import Any, Dict, List, Optional

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from pydantic import BaseModel

_QUESTIONS = (
    "Where is my order %d? It should have come last week and the tracking page shows nothing.",
    "Can I still change the delivery address of order %d to my office?",
    "I would like to send back one of the two items of order %d, how does that work?",
    "What does the warranty cover for the headphones I bought with order %d?",
)
_ANSWERS = (
    "Your order %d left the warehouse on Tuesday and is with the carrier now. It should reach you within two "
    "working days; if it does not, tell me and I will open an inquiry with them.",
    "I have changed the address of order %d. You will get a new confirmation by mail in a few minutes.",
    "That works: I have made a return label for order %d. Put the item into its box, stick the label on it and "
    "bring it to any parcel shop. The refund follows within five days of its arrival.",
    "The warranty of order %d covers defects of material and workmanship for 24 months, batteries for 12.",
)
_STATES = ("packed", "shipped", "in delivery", "delivered")


def _uuid(source: random.Random) -> uuid.UUID:
    return uuid.UUID(int=source.getrandbits(128), version=4)


def messages(count: int, *, details: bool = False, seed: int = 4) -> List[AnyMessage]:
    """A support conversation: human, AI with a tool call, tool, AI; *count* messages of it.

    With *details* the AI messages carry what langchain-openai puts into them: nested token counts in
    `response_metadata` and the token details in `usage_metadata`. Without, only the totals.
    """
    source = random.Random(seed)
    made: List[AnyMessage] = []
    call = ""
    for number in range(count):
        turn, part = divmod(number, 4)
        order = 48_000 + turn
        if part == 0:
            made.append(HumanMessage(_QUESTIONS[turn % 4] % order, id=str(_uuid(source))))
        elif part == 1:
            call = "call_%024x" % source.getrandbits(96)
            made.append(_ai("", source, number, details, call=call, order=order))
        elif part == 2:
            content = (
                '{"order": %d, "state": "%s", "carrier": "DHL", "items": [{"sku": "HP-%d", "quantity": 1}]}'
                % (
                    order,
                    _STATES[turn % 4],
                    source.randrange(1000, 9999),
                )
            )
            made.append(
                ToolMessage(content, name="lookup_order", id=str(_uuid(source)), tool_call_id=call)
            )
        else:
            made.append(_ai(_ANSWERS[turn % 4] % order, source, number, details))
    return made


def _ai(
    text: str,
    source: random.Random,
    number: int,
    details: bool,
    *,
    call: Optional[str] = None,
    order: int = 0,
) -> AIMessage:
    asked, said = 180 + 60 * number, 20 + len(text) // 4
    metadata: Dict[str, Any] = {
        "finish_reason": "tool_calls" if call else "stop",
        "model_name": "gpt-4o-2024-08-06",
    }
    usage: Dict[str, Any] = {
        "input_tokens": asked,
        "output_tokens": said,
        "total_tokens": asked + said,
    }
    if details:
        metadata = {
            "token_usage": {
                "completion_tokens": said,
                "prompt_tokens": asked,
                "total_tokens": asked + said,
                "completion_tokens_details": {
                    "accepted_prediction_tokens": 0,
                    "audio_tokens": 0,
                    "reasoning_tokens": 0,
                    "rejected_prediction_tokens": 0,
                },
                "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
            },
            "model_provider": "openai",
            "model_name": "gpt-4o-2024-08-06",
            "system_fingerprint": "fp_%010x" % source.getrandbits(40),
            "id": "chatcmpl-%029x" % source.getrandbits(116),
            "service_tier": "default",
            "finish_reason": metadata["finish_reason"],
            "logprobs": None,
        }
        usage["input_token_details"] = {"audio": 0, "cache_read": 0}
        usage["output_token_details"] = {"audio": 0, "reasoning": 0}
    return AIMessage(
        content=text,
        additional_kwargs={"refusal": None} if details else {},
        response_metadata=metadata,
        id="lc_run--%s-0" % _uuid(source),
        tool_calls=[
            {
                "name": "lookup_order",
                "args": {"order": order},
                "id": call,
            }
        ]
        if call
        else [],
        usage_metadata=usage,
    )


@dataclasses.dataclass
class Step:
    """A step of a plan, as agents keep them in their state."""

    name: str
    tool: str
    arguments: Dict[str, Any]
    attempt: int
    score: float
    done: bool
    error: Optional[str] = None


def dataclass_steps(count: int, seed: int = 4) -> List[Step]:
    """*count* dataclass instances."""
    source = random.Random(seed)
    return [
        Step(
            name="step-%d" % number,
            tool=("search", "fetch", "summarise")[number % 3],
            arguments={
                "query": "warranty of HP-%d" % source.randrange(1000, 9999),
                "limit": 5 + number % 7,
            },
            attempt=number % 3,
            score=source.random(),
            done=number % 2 == 0,
            error=None if number % 5 else "timeout after 30 s",
        )
        for number in range(count)
    ]


class Address(BaseModel):
    """Nested in Customer."""

    street: str
    city: str
    postcode: Optional[str] = None


class Customer(BaseModel):
    """A user's own state model: str, int, float, bool, list, dict, Optional, nested."""

    name: str
    age: int
    balance: float
    active: bool
    tags: List[str]
    limits: Dict[str, int]
    referrer: Optional[str] = None
    address: Address


def pydantic_customers(count: int, seed: int = 4) -> List[Customer]:
    """*count* pydantic models of the user's own."""
    source = random.Random(seed)
    return [
        Customer(
            name="Customer %d" % number,
            age=18 + number % 60,
            balance=round(source.random() * 1000, 2),
            active=number % 3 != 0,
            tags=["newsletter", "premium"][: number % 3],
            limits={"daily": 100 + number, "monthly": 2000},
            referrer=None if number % 2 else "Customer %d" % (number // 2),
            address=Address(
                street="Main Street %d" % number, city="Springfield", postcode="%05d" % number
            ),
        )
        for number in range(count)
    ]


def identities(count: int, seed: int = 4) -> List[Any]:
    """*count* pairs (UUID, datetime): half of the datetimes aware, half naive, microseconds in most."""
    source = random.Random(seed)
    start = datetime.datetime(2025, 3, 1, 8, 30, 0)
    made: List[Any] = []
    for number in range(count):
        moment = start + datetime.timedelta(
            minutes=17 * number, microseconds=source.randrange(1_000_000)
        )
        if number % 2:
            moment = moment.replace(tzinfo=datetime.timezone.utc)
        made.append((_uuid(source), moment))
    return made


def plain_dict(records: int = 640, seed: int = 4) -> Dict[str, Any]:
    """Nested plain data, as tools and web services return it: 640 records are 235 KB packed."""
    source = random.Random(seed)
    words = (
        "battery carrier charger delivery headphone invoice refund return speaker warranty".split()
    )
    return {
        "query": {
            "text": "orders of the last quarter",
            "page": 1,
            "filters": {"state": ["shipped", "delivered"]},
        },
        "total": records,
        "records": [
            {
                "id": str(_uuid(source)),
                "order": 48_000 + number,
                "created": "2025-03-%02dT%02d:%02d:00Z"
                % (1 + number % 28, number % 24, number % 60),
                "customer": {
                    "name": "Customer %d" % number,
                    "mail": "c%d@example.org" % number,
                    "vip": number % 9 == 0,
                },
                "lines": [
                    {
                        "sku": "HP-%d" % source.randrange(1000, 9999),
                        "title": " ".join(source.choices(words, k=3)),
                        "quantity": source.randrange(1, 5),
                        "price": round(source.random() * 300, 2),
                    }
                    for _ in range(1 + number % 3)
                ],
                "total": round(source.random() * 900, 2),
                "notes": None if number % 4 else " ".join(source.choices(words, k=12)),
                "tags": source.sample(words, 3),
                "refunded": number % 11 == 0,
            }
            for number in range(records)
        ],
    }


def integers(count: int, seed: int = 4) -> List[int]:
    """*count* ints of every width that msgpack knows, small ones most."""
    source = random.Random(seed)
    return [
        source.getrandbits(source.choice((5, 7, 8, 15, 16, 31, 32, 50))) * source.choice((1, 1, -1))
        for _ in range(count)
    ]


TEXTS = {
    "ascii": "The quick brown fox jumps over the lazy dog. ",
    "latin-1": "Äpfel, Öl und Brötchen für dreißig Gäste à la carte. ",
    "bmp": "注文番号は四万八千です。Заказ отправлен. Η παραγγελία. ",
    "astral": "Thanks 🙏🏽 it arrived 📦🚚 and works 🎧✨ 𝔤𝔯𝔢𝔞𝔱. ",
}


def text(kind: str, length: int) -> str:
    """*length* code points of one of the TEXTS; a new object each time (no cached UTF-8)."""
    pattern = TEXTS[kind]
    return (pattern * (length // len(pattern) + 1))[:length]
