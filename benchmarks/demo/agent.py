"""A support agent as applications write it: a chat model, three tools, conditional edges, `add_messages`.

The chat model is scripted, so that the demo needs no network: it reads the conversation and answers from it.
It fills in what langchain-openai fills in (ids, token usage, finish reason), because all of that is stored in
every checkpoint.

Every message gets its id where it is made. Left to `add_messages`, the id is set while a background thread of
LangGraph stores the message, and now and then the stored copy has none: two runs of the original would differ.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Callable, Dict, List, Optional, Sequence

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from typing_extensions import TypedDict

QUESTIONS = (
    "Where is my order {order}? It should have come last week and the tracking page shows nothing new.",
    "Do you have {query} in stock? I need two of them before the end of the month, if that is possible at all.",
    "I would like to send back one item of order {order}, how does that work and when do I get my money?",
)
SYSTEM = SystemMessage(
    "You are the support agent of a shop. Use the tools; never guess the state of an order."
)
_CARRIERS = ("DHL", "UPS", "DPD")
_STATES = ("packed", "shipped", "in delivery", "delivered")


class State(TypedDict):
    """What the graph keeps and every checkpoint stores."""

    messages: Annotated[List[AnyMessage], add_messages]
    customer: str
    turns: int


@tool
def lookup_order(order: int) -> str:
    """Look an order up: its state, carrier and items."""
    return json.dumps(
        {
            "order": order,
            "state": _STATES[order % 4],
            "carrier": _CARRIERS[order % 3],
            "tracking": _digest(order)[:18].upper(),
            "items": [
                {
                    "sku": "HP-%d" % (1000 + order % 977),
                    "title": "Wireless headphones",
                    "quantity": 1,
                }
            ],
        }
    )


@tool
def search_catalogue(query: str, limit: int = 3) -> str:
    """Search the catalogue for products."""
    return json.dumps(
        [
            {
                "sku": "HP-%d" % (1000 + int(_digest(query, hit)[:4], 16) % 9000),
                "title": "%s, model %s" % (query, _digest(query, hit)[:4]),
                "price": int(_digest(query, hit)[4:8], 16) / 100,
                "stock": int(_digest(query, hit)[8:10], 16) % 40,
            }
            for hit in range(limit)
        ]
    )


@tool
def start_return(order: int, reason: str) -> str:
    """Start the return of an order and make its label."""
    return json.dumps(
        {"order": order, "label": "RET-%s" % _digest(order, reason)[:12].upper(), "refund_days": 5}
    )


TOOLS: Sequence[BaseTool] = (lookup_order, search_catalogue, start_return)


def question(customer: str, turn: int) -> HumanMessage:
    """What *customer* asks in the given turn."""
    number = int(_digest(customer, turn)[:8], 16)
    text = QUESTIONS[turn % 3].format(
        order=40_000 + number % 9_000, query="wireless headphones %d" % (number % 90)
    )
    return HumanMessage(text, id=_identity(_digest(customer, turn, "question")))


class ScriptedChatModel(BaseChatModel):
    """Calls a tool for each question, then answers from the tool's result."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """The script knows its tools."""
        return self

    def _generate(
        self,
        messages: List[BaseMessage],
        stop: Optional[List[str]] = None,
        run_manager: Optional[CallbackManagerForLLMRun] = None,
        **kwargs: Any,
    ) -> ChatResult:
        last = messages[-1]
        seed = _digest(len(messages), last.content)
        if isinstance(last, ToolMessage):
            text, calls = _answer(last), []
        else:
            text, calls = "", [_call(str(last.content), seed)]
        asked, said = 90 * len(messages), 18 + len(text) // 4
        message = AIMessage(
            content=text,
            tool_calls=calls,
            id="lc_run--%s-0" % _identity(seed),
            additional_kwargs={"refusal": None},
            response_metadata={
                "token_usage": {
                    "completion_tokens": said,
                    "prompt_tokens": asked,
                    "total_tokens": asked + said,
                    "completion_tokens_details": {"audio_tokens": 0, "reasoning_tokens": 0},
                    "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
                },
                "model_provider": "openai",
                "model_name": "gpt-4o-2024-08-06",
                "system_fingerprint": "fp_%s" % seed[:10],
                "id": "chatcmpl-%s" % seed[:29],
                "finish_reason": "tool_calls" if calls else "stop",
                "logprobs": None,
            },
            usage_metadata={
                "input_tokens": asked,
                "output_tokens": said,
                "total_tokens": asked + said,
                "input_token_details": {"audio": 0, "cache_read": 0},
                "output_token_details": {"audio": 0, "reasoning": 0},
            },
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def build(saver: "BaseCheckpointSaver[Any]") -> "CompiledStateGraph[Any, Any, Any, Any]":
    """The compiled graph: agent -> tools -> agent … until the agent calls no tool."""
    model = ScriptedChatModel().bind_tools(TOOLS)

    def agent(state: State) -> Dict[str, Any]:
        return {
            "messages": [model.invoke([SYSTEM, *state["messages"]])],
            "turns": state["turns"] + 1,
        }

    node = ToolNode(TOOLS)

    def tools(state: State) -> Dict[str, Any]:
        results: List[ToolMessage] = node.invoke(state)["messages"]
        for result in results:
            result.id = _identity(_digest(result.tool_call_id))
        return {"messages": results}

    graph = StateGraph(State)
    graph.add_node("agent", agent)
    graph.add_node("tools", tools)
    graph.add_edge(START, "agent")
    route: Callable[..., Any] = tools_condition
    graph.add_conditional_edges("agent", route, {"tools": "tools", END: END})
    graph.add_edge("tools", "agent")
    return graph.compile(checkpointer=saver)


def _call(text: str, seed: str) -> Any:
    order = next((int(word.strip("?,")) for word in text.split() if word.strip("?,").isdigit()), 0)
    if text.startswith("Where"):
        name, arguments = "lookup_order", dict[str, Any](order=order)
    elif text.startswith("Do you have"):
        name, arguments = (
            "search_catalogue",
            {"query": text[12 : text.index(" in stock")], "limit": 3},
        )
    else:
        name, arguments = "start_return", {"order": order, "reason": "does not fit"}
    return {"name": name, "args": arguments, "id": "call_%s" % seed[:24], "type": "tool_call"}


def _answer(result: ToolMessage) -> str:
    found = json.loads(str(result.content))
    if isinstance(found, list):
        best = min(found, key=lambda hit: float(hit["price"]))
        return (
            "Yes. The best offer is %s (%s) at %.2f euros, %d in stock; two of them reach you in three days."
            % (
                best["title"],
                best["sku"],
                best["price"],
                best["stock"],
            )
        )
    if "label" in found:
        return (
            "Your return of order %d is open, the label is %s. Put the item into its box and bring it to a parcel "
            "shop; the refund follows within %d days of its arrival."
            % (found["order"], found["label"], found["refund_days"])
        )
    return (
        "Order %d is %s. The carrier is %s and the tracking number %s; it should reach you within two days."
        % (
            found["order"],
            found["state"],
            found["carrier"],
            found["tracking"],
        )
    )


def _identity(digest: str) -> str:
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
