"""Whole kickoffs: the same events in the same order, the same results, with us and without us."""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import contextlib
import contextvars
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from calls import outcome
from crewai import Agent
from crewai.flow.flow import Flow, and_, listen, or_, router, start
from crewai.flow.human_feedback import human_feedback
from crewai.flow.persistence import persist
from pydantic import BaseModel
from scripted import (
    Adder,
    Failing,
    Final,
    Scripted,
    Search,
    comparable,
    crew,
    recorded,
    searching,
    trees,
)

from fast_jvm import _registry


@contextlib.contextmanager
def originals() -> Iterator[None]:
    """All patches leave their calls to the originals."""
    entries = [each for each in _registry.entries() if each.activate is not None]
    for each in entries:
        each.activate(None)
    try:
        yield
    finally:
        for each in entries:
            if each.state != "skipped":
                each.activate({})


def run(work: Any) -> tuple[str, list[str]]:
    """What it returns or raises, and what is emitted meanwhile."""
    with recorded() as events:
        # events count from 1 in a context of its own
        found = contextvars.Context().run(outcome, work)
    return comparable(found), comparable(events)


def same(work: Any, served: "tuple[str, ...]" = ("execute_method",)) -> str:
    """Both sides of one piece of work; ours has served."""
    outcome(work)  # what is made once is made
    entries = {each.patch.name: each.replacement for each in _registry.entries()}
    before = {name: entries[f"crewai.{name}"].served for name in served}
    ours = run(work)
    for name in served:
        assert entries[f"crewai.{name}"].served > before[name], name
    with originals():
        counts = {name: each.served for name, each in entries.items()}
        theirs = run(work)
        assert counts == {name: each.served for name, each in entries.items()}
    assert ours[0] == theirs[0]
    assert ours[1] == theirs[1]
    return ours[0]


def text(output: Any) -> Any:
    """What a crew's output says."""
    if isinstance(output, list):
        return [text(each) for each in output]
    return output.raw, [each.raw for each in output.tasks_output], str(output.token_usage)


AGENTS = (
    "execute_method",
    "execute_single_listener",
    "find_triggered_methods",
    "start_method_names",
    "private_attributes",
    "create_initial_state",
    "run_sync",
)
WHO = {"inputs": {"who": "them"}}


@pytest.mark.parametrize("native", [False, True])
def test_crews(native: bool) -> None:
    served = (*AGENTS, "format_description_for_llm", "sanitize_tool_name")
    if not native:
        served = (*served, "model_json_schema", "select_tool")
    found = same(lambda: text(crew(native, agents=2, tasks=3).kickoff(**WHO)), served)
    assert "all done" in found


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    "steps",
    [
        [("failing_tool", {"word": "x"}), ("adder", {"numbers": [1]})],
        [("no_such_tool", {}), ("addr", {"numbers": [1, 2]})],
        [("adder", {"numbers": ["a"]}), ("adder", {"no": 1}), ("Adder", {"numbers": []})],
        [("adder", {"numbers": [1]}), ("adder", {"numbers": [1]})],
        [("final_tool", {"word": "x"})],
        ["nothing that is an action", "Action: adder", "Thought: x\nAction Input: {}"],
        [("search_documents", {"query": "q"})] * 6,
    ],
)
def test_tools(native: bool, steps: Any) -> None:
    """Errors in tools, unknown ones, wrong arguments, repetitions, an answer by a tool, too many steps."""

    def tools() -> Any:
        return [Search(), Adder(), Failing(), Final()]

    same(lambda: text(crew(native, steps, 1, 1, tools, max_iter=5).kickoff(**WHO)))


@pytest.mark.parametrize("native", [False, True])
def test_awaited_crews(native: bool) -> None:
    def made() -> Any:
        return crew(native, searching(2), agents=2, tasks=2)

    same(lambda: text(asyncio.run(made().akickoff(**WHO))))
    same(lambda: text(asyncio.run(made().kickoff_async(**WHO))))
    same(lambda: text(made().kickoff_for_each([{"who": "a"}, {"who": "b"}])))


def tasks_in_threads() -> Any:
    made = crew(False, searching(2), agents=2, tasks=3)
    for task in made.tasks[:2]:
        task.async_execution = True
    return text(made.kickoff(**WHO))


def one_crew(number: int) -> Any:
    return text(crew(number % 2 == 0, searching(3), 1, 2).kickoff(inputs={"who": str(number)}))


def crews_in_threads() -> Any:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(one_crew, range(12)))


def agents_in_threads() -> Any:
    def one(number: int) -> Any:
        steps = [("adder", {"numbers": [number]}), ("failing_tool", {"word": "x"})]
        agent = Agent(
            role=f"Worker {number}", goal="g", backstory="b", tools=[Adder(), Failing()],
            llm=Scripted(model="scripted", steps=steps, native=number % 2 == 1),
        )  # fmt: skip
        return agent.kickoff(f"Do part {number}").raw

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        return list(pool.map(one, range(12)))


EACH = [{"who": "a"}, {"who": "b"}, {"who": "c"}]


async def gathered() -> Any:
    made = [crew(n % 2 == 0, searching(2), 1, 2, wait=0.01) for n in range(4)]
    return [text(each) for each in await asyncio.gather(*(each.akickoff(**WHO) for each in made))]


async def flows_gathered() -> Any:
    return await asyncio.gather(*(kind().kickoff_async() for kind in (Routed, Waits, Routed)))


@pytest.mark.parametrize(
    "work",
    [
        tasks_in_threads,
        crews_in_threads,
        agents_in_threads,
        lambda: text(asyncio.run(crew(False, searching(2), 2, 2).kickoff_for_each_async(EACH))),
        lambda: text(asyncio.run(crew(True, searching(2), 2, 2).akickoff_for_each(EACH))),
        lambda: asyncio.run(gathered()),
        lambda: asyncio.run(flows_gathered()),
    ],
    ids=["tasks", "crews", "agents", "for_each_async", "akickoff_for_each", "gathered", "flows"],
)
def test_at_once(work: Any) -> None:
    """Each of what runs at once emits its events in their order."""
    outcome(work)  # what is made once is made

    def ran() -> Any:
        with recorded() as events:
            found = contextvars.Context().run(work)
        return found, trees(events, ("CrewKickoffStartedEvent",))

    replacement = next(
        each.replacement
        for each in _registry.entries()
        if each.patch.name == "crewai.execute_method"
    )
    before = replacement.served
    ours = ran()
    assert replacement.served > before
    with originals():
        theirs = ran()
    assert ours[0] == theirs[0]
    assert ours[1] == theirs[1]


def test_human_input(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def work() -> Any:
        said.extend(["do it again", ""])
        return text(crew(False, searching(1), 1, 1, task={"human_input": True}).kickoff(**WHO))

    monkeypatch.setattr(builtins, "input", lambda *given: said.pop(0) if said else "")
    same(work)


class State(BaseModel):
    count: int = 0
    words: list[str] = []


JUDGE = Scripted(model="scripted", native=True, answer="yes")


class Asking(Flow[State]):
    """People answer: on the console, and by a provider."""

    @start()
    @human_feedback(message="Is it good?")
    def draft(self) -> str:
        return "a draft"

    @listen(draft)
    def asked(self, given: Any) -> Any:
        self.state.words.append(str(self.ask("Which one?")))
        return given.feedback, given.output

    @router(asked)
    def way(self) -> str:
        return "more" if len(self.state.words) < 3 else "enough"

    @listen("more")
    async def again(self) -> None:
        self.state.words.append("again")

    @router(again)
    def turn(self) -> str:
        return "enough"

    @router("enough")
    @human_feedback(message="Publish?", emit=["yes", "no"], llm=JUDGE)
    def end(self) -> Any:
        return self.state.words

    @listen("yes")
    def published(self, given: Any) -> Any:
        self.state.words.append(f"published {given.outcome}")
        return self.state.words


def test_people_in_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    class Provider:
        def request_input(self, message: str, flow: Any, metadata: Any = None) -> str:
            return f"to {message}: the second"

    def work() -> Any:
        said.extend(["quite", "yes"])
        made = Asking(input_provider=Provider(), suppress_flow_events=False)
        return made.kickoff(), made.state.words, made.human_feedback_history

    monkeypatch.setattr(builtins, "input", lambda *given: said.pop(0) if said else "")
    found = same(work)
    assert "the second" in found and "quite" in found and "published yes" in found


def test_an_agent_alone() -> None:
    def work() -> Any:
        agent = Agent(
            role="Worker", goal="g", backstory="b", tools=[Adder()],
            llm=Scripted(model="scripted", steps=[("adder", {"numbers": [1]})]),
        )  # fmt: skip
        return agent.kickoff("Do it").raw

    same(work)


def test_guardrails_and_callbacks() -> None:
    def work() -> Any:
        seen: list[Any] = []
        tries: list[Any] = []

        def guardrail(output):  # type: ignore[no-untyped-def]
            tries.append(output.raw)
            return (len(tries) > 1, output.raw + "!" if len(tries) > 1 else "once more")

        made = crew(
            False, searching(2), 1, 2, task={"guardrail": guardrail},
            step_callback=lambda step: seen.append(type(step).__name__),
            task_callback=lambda task: seen.append(task.raw),
        )  # fmt: skip
        return text(made.kickoff(**WHO)), seen, tries

    same(work)


# -- flows


class Routed(Flow[State]):
    @start()
    def begin(self) -> str:
        self.state.words.append("begin")
        return "begun"

    @router(begin)
    def way(self, given: str) -> str:
        self.state.words.append(given)
        return "go" if self.state.count < 2 else "done"

    @listen("go")
    def left(self) -> str:
        self.state.count += 1
        return "left"

    @router(left)
    def again(self) -> str:
        return "go" if self.state.count < 3 else "done"

    @listen(or_("done", "never"))
    def end(self) -> Any:
        return self.state.count, self.state.words


class Joined(Flow[dict]):
    @start()
    async def a(self) -> str:
        return "a"

    @start()
    async def b(self) -> str:
        await asyncio.sleep(0.4)  # longer than any hop
        return "b"

    @listen(and_(a, b))
    def both(self) -> str:
        return "both"

    @listen(or_(a, b))
    async def either(self, given: str) -> str:
        return given

    @listen(both)
    async def last(self, given: str) -> Any:
        return given, sorted(self.state)


class Abrupt(Flow[dict]):
    @start()
    def first(self) -> str:
        return "first"

    @listen(first)
    def second(self) -> str:
        raise ValueError("no")

    @listen(second)
    def third(self) -> str:
        return "never"


class Waits(Flow[dict]):
    """Two coroutines that end in the same turn of the loop."""

    @start()
    async def first(self) -> str:
        return "first"

    @listen(first)
    async def one(self) -> str:
        return "one"

    @listen(first)
    async def two(self) -> str:
        return "two"

    @listen(and_(one, two))
    async def three(self, given: str) -> str:
        return given


class Racing(Flow[dict]):
    @start()
    async def first(self) -> str:
        return "first"

    @listen(first)
    async def quick(self) -> str:
        return "quick"

    @listen(first)
    async def slow(self) -> str:
        await asyncio.sleep(0.6)
        return "slow"

    @listen(or_(quick, slow))
    async def end(self, given: str) -> str:
        return given


class Nested(Flow[dict]):
    @start()
    def inner(self) -> Any:
        return Routed().kickoff()

    @listen(inner)
    async def waited(self, given: Any) -> Any:
        return given, await Joined().kickoff_async()

    @listen(waited)
    def crewed(self, given: Any) -> Any:
        return given, text(crew(False, searching(1), 1, 1).kickoff(**WHO))


class Conditional(Flow[dict]):
    @start()
    def begin(self) -> str:
        self.state["turns"] = 0
        return "x"

    @router(begin)
    def route(self) -> str:
        return "restart"

    @start("restart")
    def more(self) -> str:
        self.state["turns"] += 1
        return "more"

    @router(more)
    def route_more(self) -> str:
        return "restart" if self.state["turns"] < 3 else "over"

    @listen("over")
    def end(self) -> int:
        return self.state["turns"]


class Endless(Flow[dict]):
    max_method_calls: int = 5

    @start()
    def begin(self) -> str:
        return "x"

    @router(or_(begin, "again"))
    def turn(self) -> str:
        return "again"


@pytest.mark.parametrize(
    "kind", [Routed, Joined, Abrupt, Waits, Racing, Nested, Conditional, Endless]
)
@pytest.mark.parametrize("way", ["sync", "async"])
def test_flows(kind: Any, way: str) -> None:
    def work() -> Any:
        made = kind()
        if way == "sync":
            return made.kickoff()
        return asyncio.run(made.kickoff_async())

    same(work)


def test_a_flow_kicked_off_twice() -> None:
    def work() -> Any:
        made = Routed()
        first = made.kickoff()
        return first, made.kickoff(), made.method_outputs, made._method_execution_counts

    same(work)


def test_persisted_flows(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that has something to persist hops as ever."""
    from crewai.flow.persistence.sqlite import SQLiteFlowPersistence

    def work() -> Any:
        store = SQLiteFlowPersistence(str(tmp_path / "flows.db"))

        @persist(store)
        class Kept(Flow[State]):
            @start()
            def begin(self) -> str:
                self.state.words.append("begin")
                return "begun"

        class One(Flow[dict]):
            @start()
            @persist(store)
            def first(self) -> str:
                self.state["x"] = 1
                return "first"

            @listen(first)
            def second(self) -> str:
                self.state["x"] = 2
                return "second"

        made, one = Kept(), One()
        results = made.kickoff(), one.kickoff()
        return results, store.load_state(made.state.id), store.load_state(one.state["id"])

    assert "begin" in same(work)


def test_hooks_and_subclasses() -> None:
    class Own(Flow[State]):
        @start()
        def begin(self) -> str:
            return "begun"

        @listen(begin)
        def end(self) -> Any:
            return self.state.words

        async def _execute_method(self, *given: Any, **named: Any) -> Any:
            found = await super()._execute_method(*given, **named)
            self.state.words.append("own")
            return found

        def _persist_method_completion(self, name: Any) -> None:
            self.state.words.append(f"persisted {name}")

    assert "persisted begin" in same(lambda: Own().kickoff(), ("execute_single_listener",))


def test_a_replaced_to_thread_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    original = asyncio.to_thread

    async def to_thread(function: Any, *given: Any, **named: Any) -> Any:
        called.append(getattr(function, "__name__", ""))
        return await original(function, *given, **named)

    monkeypatch.setattr(asyncio, "to_thread", to_thread)
    Routed().kickoff()
    assert "_persist_method_completion" in called


def test_private_attributes() -> None:
    made = Routed()
    for name in ("_state", "_definition", "_cel_now", "_methods"):
        assert getattr(made, name) is made.__pydantic_private__[name]
    for name in ("_no", "no", "__no__", "_flow_post_init_undone"):
        with pytest.raises(AttributeError) as ours:
            getattr(made, name)
        with originals(), pytest.raises(AttributeError) as theirs:
            getattr(made, name)
        assert str(ours.value) == str(theirs.value)
    del made._cel_now
    with pytest.raises(AttributeError, match="_cel_now"):
        made._cel_now  # noqa: B018


def test_files_of_nobody() -> None:
    from uuid import uuid4

    from crewai.utilities import file_store

    async def other() -> int:
        await asyncio.sleep(0)
        return 3

    assert file_store.get_all_files(uuid4(), uuid4()) is None
    assert file_store.clear_files(uuid4()) is None
    assert file_store._run_sync(other()) == 3


def test_likeness() -> None:
    from crewai.tools.tool_usage import ToolUsage

    select = ToolUsage._select_tool
    usage = ToolUsage(
        tools_handler=None, tools=[each.to_structured_tool() for each in (Search(), Adder())],
        task=None, function_calling_llm=None, action=None,
    )  # fmt: skip
    for name in ("adder", "Adder", "addr", "ader", "search documents", "searchdocument", "x", ""):
        for _ in range(2):
            ours, theirs = outcome(select, usage, name), outcome(select.__wrapped__, usage, name)
            assert ours is theirs or ours == theirs


def test_quick_methods_are_those_that_were_studied() -> None:
    from crewai.agents import agent_executor

    from fast_crewai import _loop

    assert len(_loop._studied(agent_executor)) == len(_loop.QUICK)


def test_where_methods_run() -> None:
    """What a user's flow does stays in a thread of its own, where no loop runs."""

    class Here(Flow[dict]):
        @start()
        def first(self) -> bool:
            return threading.current_thread() is threading.main_thread()

        @listen(first)
        def second(self, given: bool) -> Any:
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            return given, threading.current_thread() is threading.main_thread()

    assert Here().kickoff() == (False, False)


def test_version(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    from calls import served
    from crewai.telemetry import telemetry

    ask = telemetry.version
    assert served(ask, "crewai") == served(ask, "crewai") == metadata.version("crewai")
    assert outcome(ask, "no-such-thing") == outcome(ask.__wrapped__, "no-such-thing")
    folder = tmp_path / "crewai-9.9.dist-info"
    folder.mkdir()
    file = folder / "METADATA"
    file.write_text("Metadata-Version: 2.1\nName: crewai\nVersion: 9.9\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert ask("crewai") == "9.9"
    file.write_text("Metadata-Version: 2.1\nName: crewai\nVersion: 9.10\n")
    assert ask("crewai") == "9.10"
    monkeypatch.undo()
    assert ask("crewai") == metadata.version("crewai")


ORDERS = """
import sys
if sys.argv[1] == "before":
    from scripted import crew, searching
    import crewai.agents.agent_executor, crewai.utilities.agent_utils
    import fast_crewai
else:
    import fast_crewai
    from scripted import crew, searching
from fast_jvm import _registry
found = crew(False, searching(2), 1, 2).kickoff(inputs={"who": "them"}).raw
print(found, sorted((e.patch.name, e.replacement.served) for e in _registry.entries() if e.state == "live"))
"""


def test_crewai_before_or_after_us() -> None:
    """Served alike: the same patches, as often, but for what crewai asks while it is imported."""
    said = [
        subprocess.run(
            [sys.executable, "-c", ORDERS, way],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout.splitlines()[-1:]
        for way in ("before", "after")
    ]
    both = [re.sub(r"'crewai.sanitize_tool_name', \d+", "", str(each)) for each in said]
    assert both[0] == both[1] and "crewai.execute_method" in both[0], said
