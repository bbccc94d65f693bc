"""LangChain's messages and documents: what most checkpoints are made of."""

from __future__ import annotations

from typing import Any

import langchain_core.messages as lc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import objects as o
from support import values as v
from support.check import check, check_all
from support.plugin import examples


@pytest.mark.parametrize("cls", o.MESSAGE_CLASSES, ids=lambda c: f"{c.__module__}.{c.__name__}")
@examples(70)
@given(data=st.data())
def test_class(cls: Any, data: st.DataObject) -> None:
    """Each class, as its constructor makes it."""
    check_all(data.draw(st.lists(o.messages_of(cls), min_size=6, max_size=6)))


@examples(1000)
@given(st.lists(o.mutated_messages(), min_size=6, max_size=6))
def test_mutated(values: list[Any]) -> None:
    """Changed after creation in every way; pydantic's warnings are compared too."""
    check_all(values)


@examples(150)
@given(st.lists(o.messages(), min_size=6, max_size=6))
def test_conversations(values: list[Any]) -> None:
    """As a state holds them."""
    check({"messages": values, "n": len(values)}, count=len(values))


@examples(80)
@given(st.lists(o.documents(), min_size=10, max_size=10))
def test_documents(values: list[Any]) -> None:
    """LangChain's Document."""
    check_all(values)


@pytest.mark.parametrize("n", (*v.SIZE_EDGES, 180, 190, 200, 210, 220, 65300, *v.BIG_EDGES))
def test_content_length(n: int) -> None:
    """The content's header and the extension's header both have edges."""
    for char in ("a", "é", "中"):
        check(
            [
                lc.HumanMessage(char * n, id="x"),
                lc.AIMessage(char * n),
                lc.ToolMessage(char * n, tool_call_id="t"),
            ],
            count=3,
        )


def test_two_hundred() -> None:
    """The issue's own bench row; loaded defaults must not be shared."""
    out: list[Any] = []
    for i in range(50):
        out.append(lc.HumanMessage(f"question {i}", id=f"h{i}"))
        out.append(
            lc.AIMessage(
                "",
                id=f"a{i}",
                tool_calls=[
                    {"name": "f", "args": {"q": f"{i}"}, "id": f"c{i}", "type": "tool_call"}
                ],
                usage_metadata={"input_tokens": i, "output_tokens": 3, "total_tokens": i + 3},
                response_metadata={"model_name": "fake", "finish_reason": "tool_calls"},
            )
        )
        out.append(lc.ToolMessage(f"result {i}", tool_call_id=f"c{i}", name="f", id=f"t{i}"))
        out.append(lc.AIMessage(f"answer {i}", id=f"b{i}"))
    check(out, count=200)
    check({"messages": out}, count=200)


def test_fields_in_another_order() -> None:
    """The order of the instance's own dict is the order on the wire."""
    for cls, kw in (
        (lc.HumanMessage, {}),
        (lc.AIMessage, {}),
        (lc.ToolMessage, {"tool_call_id": "t"}),
        (lc.SystemMessage, {}),
    ):
        obj = cls(content="c", **kw)
        for name in list(obj.__dict__):
            obj.__dict__[name] = obj.__dict__.pop(name)
            check(obj)
        obj = cls(content="c", **kw)
        first = next(iter(obj.__dict__))
        obj.__dict__[first] = obj.__dict__.pop(first)
        check(obj)


def test_keys_that_are_not_interned() -> None:
    """Equal names, other objects."""
    obj = lc.HumanMessage("c")
    object.__setattr__(obj, "__dict__", {"".join(list(k)): x for k, x in obj.__dict__.items()})
    check(obj)
    blob_like = {"".join(["con", "tent"]): "x", "type": "human"}
    check(lc.HumanMessage(**blob_like))
