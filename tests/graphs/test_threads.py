"""The executor on borrowed threads: langchain-core's own, but for where its threads come from."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import operator
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Annotated, Any

import pytest
from langchain_core.runnables.config import ContextThreadPoolExecutor, get_executor_for_config
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

from fast_langgraph import _threads

PLACE = contextvars.ContextVar("PLACE", default="nowhere")
HOST = "jni"


@pytest.fixture(params=["original", "borrowed"])
def executor_for(request: pytest.FixtureRequest) -> Any:
    """Both sides; what is asserted holds for either."""
    if request.param == "original":
        return get_executor_for_config
    replacement, activate = _threads.make_get_executor(get_executor_for_config, lambda ns: None)
    activate({})
    return replacement


def test_results_errors_and_order(executor_for: Any) -> None:
    def work(n: int) -> int:
        if n == 3:
            raise ValueError(n)
        return n * n

    with executor_for(None) as executor:
        assert isinstance(executor, ContextThreadPoolExecutor)
        made = [executor.submit(work, n) for n in range(6)]
        assert [f.result() for f in made if f is not made[3]] == [0, 1, 4, 16, 25]
        with pytest.raises(ValueError, match="3"):
            made[3].result()
        assert list(executor.map(work, [4, 5])) == [16, 25]
        with pytest.raises(ValueError):
            list(executor.map(work, [1, 3]))
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(work, 1)


def test_an_exit_waits_for_all(executor_for: Any) -> None:
    done = []
    with executor_for({"max_concurrency": 2}) as executor:
        for n in range(4):
            executor.submit(lambda n=n: (time.sleep(0.03), done.append(n)))
    assert sorted(done) == [0, 1, 2, 3]


def test_the_bound_on_concurrency(executor_for: Any) -> None:
    lock, now, most = threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    for limit in (1, 3):
        now = most = 0
        with executor_for({"max_concurrency": limit}) as executor:
            list(executor.map(work, range(9)))
        assert most == limit
    with pytest.raises(ValueError, match="max_workers"), executor_for({"max_concurrency": 0}):
        pass


def test_contexts(executor_for: Any) -> None:
    """Each task has a copy of its submitter's, and leaves nothing behind."""

    def work(value: str) -> str:
        before = PLACE.get()
        PLACE.set(value)
        return before

    PLACE.set("main")
    for _ in range(3):
        with executor_for({"max_concurrency": 1}) as executor:
            assert [executor.submit(work, str(n)).result() for n in range(3)] == ["main"] * 3
            assert list(executor.map(work, ["a", "b"])) == ["main"] * 2
    assert PLACE.get() == "main"


def test_cancelled_and_dropped(executor_for: Any) -> None:
    gate = threading.Event()
    with executor_for({"max_concurrency": 1}) as executor:
        first = executor.submit(gate.wait)
        second = executor.submit(print)
        assert second.cancel() and second.cancelled()
        gate.set()
        assert first.result()
    gate.clear()
    started = threading.Event()
    scope = executor_for({"max_concurrency": 1})
    executor = scope.__enter__()
    running = executor.submit(lambda: started.set() or gate.wait(5))
    waiting = executor.submit(print)
    assert started.wait(5)
    executor.shutdown(wait=False, cancel_futures=True)
    gate.set()
    assert running.result() and waiting.cancelled()
    scope.__exit__(None, None, None)


def test_names_and_kind(executor_for: Any) -> None:
    def tell() -> tuple[str, bool, bool]:
        thread = threading.current_thread()
        return thread.name, thread.daemon, thread is threading.main_thread()

    with executor_for(None) as executor:
        name, daemon, main = executor.submit(tell).result()
    prefix, _, number = name.rpartition("_")
    assert prefix.startswith("ThreadPoolExecutor-") and number == "0"
    assert not daemon and not main


def test_nothing_is_left_on_a_thread(executor_for: Any) -> None:
    """Of one executor to the next: no event loop, nothing in the thread's own context, up to 3.12 in no threading.local."""
    local, dropped, seen = threading.local(), [], []
    locals_stay = sys.version_info >= (3, 13)

    class Kept:
        def __del__(self) -> None:
            dropped.append(threading.get_ident())

    def loop() -> Any:
        try:
            found = asyncio.get_event_loop()
        except RuntimeError:
            found = asyncio.new_event_loop()
            asyncio.set_event_loop(found)
        return found

    async def work() -> str:
        return "done"

    def task(gate: threading.Event) -> Any:
        assert gate.wait(10)
        before = getattr(local, "value", None), threading.get_ident()
        local.value, local.kept = "left", Kept()
        return before

    def ask() -> str:
        return str(loop().run_until_complete(work()))

    def called_back(_: Any) -> None:
        seen.append(PLACE.get())
        PLACE.set("left")

    for _ in range(3):
        gate = threading.Event()
        with executor_for({"max_concurrency": 1}) as executor:
            future = executor.submit(task, gate)
            future.add_done_callback(called_back)
            gate.set()
            value, thread = future.result(10)
            assert value is None or locals_stay
            assert executor.submit(getattr, local, "value").result(10) == "left"
            assert [executor.submit(ask).result(10) for _ in range(2)] == ["done", "done"]
            assert locals_stay or not dropped
            executor.submit(lambda: loop().close()).result(10)
        assert locals_stay or dropped.pop() == thread and not dropped
    assert seen == ["nowhere"] * 3


def test_daemons(executor_for: Any) -> None:
    """Threads are what their borrower is, and what a task starts is what they are."""

    def kind() -> tuple[bool, bool]:
        return threading.current_thread().daemon, threading.Thread().daemon

    def run() -> None:
        with executor_for(None) as executor:
            kinds.append(executor.submit(kind).result())

    kinds: list[Any] = []
    for daemon in (True, False, True):
        thread = threading.Thread(target=run, daemon=daemon)
        thread.start()
        thread.join(10)
    assert kinds == [(True, True), (False, False), (True, True)]


def test_a_task_that_shuts_its_executor_down(executor_for: Any) -> None:
    with executor_for(None) as executor:
        with pytest.raises(RuntimeError, match="cannot join current thread"):
            executor.submit(executor.shutdown).result(10)


def test_base_exceptions(executor_for: Any) -> None:
    """SystemExit in a task is the task's."""
    with executor_for(None) as executor:
        with pytest.raises(SystemExit):
            executor.submit(sys.exit, 3).result()
        assert executor.submit(int, "3").result() == 3


@pytest.fixture
def borrowing() -> Any:
    replacement, activate = _threads.make_get_executor(get_executor_for_config, lambda ns: None)
    activate({})
    return replacement


def _ident(executor: Any) -> int:
    return executor.submit(threading.get_ident).result()


def test_threads_are_borrowed_again(borrowing: Any) -> None:
    seen = set()
    before = threading.active_count()
    for _ in range(200):
        with borrowing(None) as executor:
            seen.add(_ident(executor))
    assert len(seen) < 5
    assert threading.active_count() <= before + 5


def test_a_thread_serves_one_executor_at_a_time(borrowing: Any) -> None:
    """However deep executors are nested, each finds a thread."""

    def nest(depth: int) -> int:
        if depth == 0:
            return 0
        with borrowing({"max_concurrency": 1}) as executor:
            return 1 + executor.submit(nest, depth - 1).result(timeout=20)

    assert nest(40) == 40


def test_many_borrowers_at_once(borrowing: Any) -> None:
    def user(n: int) -> int:
        total = 0
        for _ in range(30):
            with borrowing({"max_concurrency": 3}) as executor:
                total += sum(executor.map(lambda x: x + n, range(5)))
        return total

    with ThreadPoolExecutor(8) as users:
        assert list(users.map(user, range(8))) == [30 * (10 + 5 * n) for n in range(8)]


def test_a_thread_that_is_ended_while_idle(borrowing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception raised in it from outside ends it; nobody's work is lost."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with borrowing(None) as executor:
        ident = _ident(executor)
    lender = next(one for one in _threads._idle if one.ident == ident)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(SystemExit))
    for _ in range(3):
        with borrowing(None) as executor:
            executor.submit(int, "3").result(10)
    lender.join(10)
    assert not lender.is_alive() and lender not in _threads._idle


def test_idle_threads_end(borrowing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threads, "IDLE_SECONDS", 0.05)
    while _threads._idle:
        _threads._idle.pop().woken.put(None)
    gate = threading.Event()
    with borrowing({"max_concurrency": 6}) as executor:
        waiting = [executor.submit(gate.wait, 5) for _ in range(6)]
        lenders = [t for t in threading.enumerate() if isinstance(t, _threads.Lender)]
        assert len(lenders) >= 6
        gate.set()
        wait(waiting, return_when=FIRST_COMPLETED)
    for lender in lenders:
        lender.join(5)
        assert not lender.is_alive()
    with borrowing(None) as executor:
        assert executor.submit(int, "1").result() == 1


def test_a_thread_of_another_kind_is_not_borrowed(borrowing: Any) -> None:
    """A new thread would have the stack size and the trace function of now."""
    with borrowing(None) as executor:
        usual = _ident(executor)
    size = threading.stack_size(1 << 20)
    try:
        with borrowing(None) as executor:
            assert _ident(executor) != usual or not _threads._idle
    finally:
        threading.stack_size(size)
    calls = []
    threading.setprofile(lambda *event: calls.append(event))
    try:
        with borrowing(None) as executor:
            executor.submit(int, "3").result()
    finally:
        threading.setprofile(None)
    assert calls


class State(TypedDict):
    n: int
    seen: Annotated[list[Any], operator.add]


def _graph(inner: Any = None) -> Any:
    def split(state: State) -> Any:
        return [Send("work", {"n": n, "seen": []}) for n in range(state["n"])]

    def work(state: State) -> Any:
        if state["n"] == 99:
            raise KeyError("ninety-nine")
        if inner is not None:
            return {"seen": inner.invoke({"n": 3, "seen": []})["seen"]}
        return {"seen": [(state["n"], PLACE.get())]}

    graph = StateGraph(State)
    graph.add_node("start", lambda state: {})
    graph.add_node("work", work)
    graph.add_edge(START, "start")
    graph.add_conditional_edges("start", split, ["work"])
    graph.add_edge("work", END)
    return graph.compile()


@pytest.mark.parametrize("limit", [None, 1, 2])
def test_graphs(monkeypatch: pytest.MonkeyPatch, borrowing: Any, limit: int | None) -> None:
    """Fan-out, nested graphs on small pools, context variables and errors: as with the original's executor."""
    config: Any = {"max_concurrency": limit} if limit else {}
    PLACE.set("here")

    def outcomes() -> list[Any]:
        plain, nested = _graph(), _graph(_graph(_graph()))
        found = [
            plain.invoke({"n": 12, "seen": []}, config)["seen"],
            nested.invoke({"n": 3, "seen": []}, config)["seen"],
            list(plain.stream({"n": 3, "seen": []}, config, stream_mode="values")),
        ]
        with pytest.raises(KeyError) as raised:
            plain.invoke({"n": 100, "seen": []}, {**config, "recursion_limit": 5})
        return [*found, str(raised.value)]

    from langgraph.pregel import _executor

    theirs_name = "get_executor_for_config"
    monkeypatch.setattr(_executor, theirs_name, get_executor_for_config)
    theirs = outcomes()
    monkeypatch.setattr(_executor, theirs_name, borrowing)
    before = borrowing.served
    assert outcomes() == theirs
    assert borrowing.served > before


SCENARIOS = {
    "exit with idle threads": "",
    "exit by sys.exit": "sys.exit(3)",
    "exit with a running graph in a thread": """
threading.Thread(target=lambda: (run(0.5), print("ended", flush=True))).start()
time.sleep(0.25)
""",
    "threads of a node that go on": """
def late():
    time.sleep(0.3); os.write(1, b"late\\n")
run(0.01, lambda: threading.Thread(target=late).start())
""",
    "a forked child": """
pid = os.fork()
if pid == 0:
    run(0.01); print("child", flush=True); sys.exit(4)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
run(0.01)
""",
    "an error at the end": "raise ValueError('end')",
    "an atexit function that runs a graph": """
import atexit
def late():
    try: run(0.01); print("ran")
    except RuntimeError as error: print(error)
atexit.register(late)
""",
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_processes(scenario: str, tmp_path: Any, java: str) -> None:
    """The end of a process, with and without."""
    code = f"""
import os, sys, threading, time
import fast_jvm, fast_langgraph
from langgraph.graph import START, StateGraph
from langgraph.types import Send

def run(seconds, also=lambda: None):
    def work(state):
        time.sleep(seconds); also()
    graph = StateGraph(dict)
    graph.add_node("start", lambda state: None)
    graph.add_node("work", work)
    graph.add_edge(START, "start")
    graph.add_conditional_edges("start", lambda state: [Send("work", {{}})] * 4, ["work"])
    graph.compile().invoke({{"a": 1}})

assert fast_jvm.wait_ready(60) or os.environ["FAST_JVM"] == "off"
run(0.01); run(0.01)
if os.environ["FAST_JVM"] != "off":
    calls = {{p.name: p.calls for p in fast_jvm.status().patches}}
    assert calls["langgraph.executor"] >= 2, calls
{SCENARIOS[scenario]}
"""
    ends = []
    for mode in ("off", "auto"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "FAST_JVM": mode, "FAST_JVM_HOST": HOST, "FAST_LANGGRAPH": "on"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        ends.append((done.returncode, done.stdout, done.stderr))
    assert ends[0] == ends[1]
