"""Puts of a ChronicleSaver that run where a graph submits them: equal to the original's, which hands them to a thread."""

from __future__ import annotations

import contextvars
import threading
from pathlib import Path
from typing import Any, Callable

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.pregel._loop import BackgroundExecutor
from typing_extensions import TypedDict

from fast_langgraph._inline import PAUSE, SLOW_NS
from graphs.sides import in_place, made

VAR = contextvars.ContextVar("VAR", default="outside")


class State(TypedDict):
    text: str
    n: int


class Watching(JsonPlusSerializer):
    """Notes which thread serializes, and fails at a value."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.threads: set[int] = set()
        self.seen: list[str] = []
        self.error = error

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        self.threads.add(threading.get_ident())
        self.seen.append(VAR.get())
        VAR.set("inside")
        if obj == "fail" and self.error is not None:
            raise self.error
        return super().dumps_typed(obj)


@pytest.fixture(autouse=True)
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Java is cold here: no put counts as slow."""
    monkeypatch.setattr("fast_langgraph._inline.perf_counter_ns", lambda: 0)


@pytest.fixture
def saver(java: str, tmp_path: Path) -> Any:
    from fast_langgraph import ChronicleSaver

    serde = Watching()
    with ChronicleSaver(tmp_path / "saver", serde=serde) as opened:
        yield opened


def graph(saver: Any, text: str = "text") -> Any:
    builder = StateGraph(State)

    def step(state: State) -> dict[str, Any]:
        assert VAR.get() == "outside"
        return {"text": text, "n": state["n"] + 1}

    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", lambda state: END if state["n"] > 2 else "step")
    return builder.compile(checkpointer=saver)


def served(run: Callable[[], Any]) -> int:
    counts: dict[str, int] = {}
    with in_place(counts):
        run()
    return counts["submit"]


CONFIG: Any = {"configurable": {"thread_id": "t"}}
GIVEN = {"text": "", "n": 0}


def test_on_the_graphs_own_thread(saver: Any) -> None:
    count = served(lambda: graph(saver).invoke(GIVEN, CONFIG))
    # the input's, three steps' and, but for the last one, their writes
    assert count >= 7
    assert saver.serde.threads == {threading.get_ident()}
    assert "inside" in saver.serde.seen and VAR.get() == "outside"


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("durability", ["sync", "async"])
def test_errors(java: str, tmp_path: Path, kind: Any, durability: Any) -> None:
    from fast_langgraph import ChronicleSaver

    found = []
    for side in (None, {}):
        with ChronicleSaver(tmp_path / str(side), serde=Watching(kind("no"))) as opened:
            with in_place(side), pytest.raises(kind, match="no"):
                graph(opened, "fail").invoke(GIVEN, CONFIG, durability=durability)
            found.append([each.metadata["step"] for each in opened.list(CONFIG)])  # type: ignore[index]
    assert found[0] == found[1]


def test_what_is_left_to_the_executor(java: str, tmp_path: Path, saver: Any) -> None:
    from fast_langgraph import ChronicleSaver

    class Own(ChronicleSaver):
        """Somebody's: what it does in a put is not known."""

    with Own(tmp_path / "own") as own:
        assert served(lambda: graph(own).invoke(GIVEN, CONFIG)) == 0
    with ChronicleSaver(tmp_path / "disk", durability="disk") as disk:
        assert served(lambda: graph(disk).invoke(GIVEN, CONFIG)) == 0
    assert served(lambda: graph(InMemorySaver()).invoke(GIVEN, CONFIG)) == 0
    assert served(lambda: graph(None).invoke(GIVEN)) == 0
    saver.pause = 4
    assert served(lambda: graph(saver).invoke(GIVEN, CONFIG)) >= 1 and saver.pause == 0


def test_large_values(saver: Any) -> None:
    served(lambda: graph(saver, "x" * 200_000).invoke(GIVEN, CONFIG))
    assert len(saver.serde.threads) > 1 and not saver.returns_soon()
    served(lambda: graph(saver).invoke(GIVEN, {"configurable": {"thread_id": "other"}}))
    assert saver.returns_soon()


def test_a_slow_put_is_the_last_for_a_while(saver: Any, monkeypatch: Any) -> None:
    clock = iter(range(0, 10**12, SLOW_NS + 1))
    monkeypatch.setattr("fast_langgraph._inline.perf_counter_ns", lambda: next(clock))
    assert served(lambda: graph(saver).invoke(GIVEN, CONFIG)) == 1
    assert 0 < saver.pause < PAUSE


def test_behind_a_put_that_is_not_done(saver: Any) -> None:
    """It would keep the graph waiting."""
    gate = threading.Event()
    submit = made("submit")
    with BackgroundExecutor({}) as original:
        executor = original.__self__  # type: ignore[attr-defined]
        earlier = original(gate.wait)

        class Loop:
            checkpointer = saver

            def _checkpointer_put_after_previous(self, *_: Any) -> int:
                return threading.get_ident()

        put = Loop()._checkpointer_put_after_previous
        waiting = submit(executor, put, earlier, [])
        beside = submit(executor, put, None, [earlier])
        assert submit.served == 0
        gate.set()
        assert threading.get_ident() not in (waiting.result(), beside.result())
        assert earlier.result()
        assert submit(executor, put, earlier, [waiting]).result() == threading.get_ident()
        assert submit(executor, put, None, [], __next_tick__=True).result() != threading.get_ident()
        assert submit.served == 1
