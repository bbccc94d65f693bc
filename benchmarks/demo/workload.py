"""What the demo does: several customers talk to the agent, then everything is resumed and travelled in.

1. `grow`: each customer's conversation grows turn by turn (a turn is four messages: question, tool call,
   tool result, answer), the customers taking turns, as a server sees them. After each turn the page is
   drawn from the newest states of the history, ten of them, as LangGraph's own `useStream` hook does.
2. `resume`: the database is closed and opened again, a new graph object goes on from what is on disk.
3. `travel`: each customer's history is read page by page (`get_state_history`) and the ends of the last ten
   turns are looked at (`get_state`); then the question of an older checkpoint is replaced (`update_state`) and the
   agent runs again from there; at last the conversation goes on from its old end.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import StateSnapshot

from benchmarks.demo import agent
from benchmarks.demo.stopwatch import Stopwatch
from benchmarks.equality import canonical

PHASES = ("grow", "resume", "travel")
RESUMED = 3
"""So many of the turns come after the restart."""
DRAWN = 10
"""So many states of the history a page is drawn from: what `useStream` fetches after a run by default."""
PAGE = 20
"""So many states a page of the history shows."""
BACK = 10
"""Time travel goes so many turns back."""

HISTORIES = 3
"""So many histories are compared state by state; their rows in the database are, all of them."""

Progress = Iterator[Tuple[int, int]]


class Moment(NamedTuple):
    """One line of a conversation's history."""

    config: RunnableConfig
    created_at: Optional[str]
    next: Tuple[str, ...]
    messages: int
    last: Optional[str]


class Workload:
    """The customers' conversations in one database."""

    def __init__(self, database: Path, customers: int, turns: int, watch: Stopwatch) -> None:
        self._database = database
        self._customers = ["customer-%02d" % number for number in range(customers)]
        self._turns = turns
        self._watch = watch
        self._open()

    def grow(self) -> Progress:
        """All turns but the last few."""
        yield from self._talk(0, self._turns - RESUMED)

    def resume(self) -> Progress:
        """From disk, in a new graph object: the last turns."""
        self._saver.conn.close()
        self._open()
        yield from self._talk(self._turns - RESUMED, self._turns)

    def travel(self) -> Progress:
        """To an older checkpoint of each conversation, with another question from there; then back."""
        for number, customer in enumerate(self._customers):
            timeline = self._timeline(customer)
            ends = [moment for moment in timeline if not moment.next][:BACK]
            shown = [self._graph.get_state(moment.config) for moment in ends]
            if [len(state.values["messages"]) for state in shown] != [end.messages for end in ends]:
                raise AssertionError("the history and its states do not agree")
            wanted = 4 * (self._turns - BACK) + 1
            past = next(moment for moment in timeline if moment.messages == wanted)
            other = agent.question(customer, self._turns + BACK)
            other.id = past.last
            fork = self._graph.update_state(past.config, {"messages": [other]})
            self._graph.invoke(None, fork)
            question = agent.question(customer, self._turns)
            self._graph.invoke({"messages": [question]}, timeline[0].config)
            yield number + 1, len(self._customers)

    def _draw(self, customer: str, messages: int) -> None:
        """The page after a turn: the newest state, and those before it that offer another branch."""
        states = list(self._graph.get_state_history(_config(customer), limit=DRAWN))
        if len(states[0].values["messages"]) != messages:
            raise AssertionError("the page does not show the last turn")

    def _timeline(self, customer: str) -> List[Moment]:
        """What a page that shows the history needs of every state, newest first; no state is kept."""
        timeline: List[Moment] = []
        before: Optional[RunnableConfig] = None
        while True:
            page = list(self._graph.get_state_history(_config(customer), before=before, limit=PAGE))
            timeline += map(_moment, page)
            if len(page) < PAGE:
                return timeline
            before = page[-1].config

    def states(self) -> List[Any]:
        """Every final state in full, and of some histories a digest of every state; never timed."""
        final = [
            canonical(self._graph.get_state(_config(customer))) for customer in self._customers
        ]
        for customer in self._customers[:HISTORIES]:
            for state in self._graph.get_state_history(_config(customer)):
                text = json.dumps(canonical(state))
                final.append(hashlib.sha256(text.encode()).hexdigest())
        return final

    def _talk(self, first: int, end: int) -> Progress:
        total = (end - first) * len(self._customers)
        for turn in range(first, end):
            for number, customer in enumerate(self._customers):
                given: Dict[str, Any] = {"messages": [agent.question(customer, turn)]}
                if turn == 0:
                    given.update(customer=customer, turns=0)
                state = self._graph.invoke(given, _config(customer))
                if len(state["messages"]) != 4 * (turn + 1):
                    raise AssertionError(
                        "the agent lost its way: %d messages" % len(state["messages"])
                    )
                self._draw(customer, 4 * (turn + 1))
                yield (turn - first) * len(self._customers) + number + 1, total

    def _open(self) -> None:
        self._saver = _timed(self._watch)(
            sqlite3.connect(str(self._database), check_same_thread=False)
        )
        self._graph = agent.build(self._saver)


def _moment(state: StateSnapshot) -> Moment:
    messages = state.values.get("messages", ())
    last = messages[-1].id if messages else None
    return Moment(state.config, state.created_at, state.next, len(messages), last)


def _timed(watch: Stopwatch) -> "type[SqliteSaver]":
    """SqliteSaver itself, with a stopwatch on what a graph calls."""
    timed: Dict[str, Any] = {
        name: watch.method(name, getattr(SqliteSaver, name))
        for name in ("put", "put_writes", "get_tuple")
    }
    timed["list"] = watch.generator("list", SqliteSaver.list)
    return type("SqliteSaver", (SqliteSaver,), timed)


def _config(customer: str) -> Any:
    return {"configurable": {"thread_id": customer}}
