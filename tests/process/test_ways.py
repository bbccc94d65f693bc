"""Ways to start, load and limit a process; what Java is meant to serve there, it must have served."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LIBRARY = str(Path(__file__).parents[1] / "boot" / "library")
# equal output is not enough: where we are on, Java's counters must have moved
SERVED = """
on = os.environ["FAST_JVM"] != "off"
def served(work, builtin="noop", least=1):
    before = fast_jvm._state.state.builtins[builtin].counters if on else None
    result = work()
    if on:
        now = fast_jvm._state.state.builtins[builtin].counters
        assert now.calls - before.calls >= least and now.declines == before.declines, (before, now)
    return result
"""
CODEC = (
    SERVED
    + """
import logging
logging.disable(logging.CRITICAL)
import fast_langgraph
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langchain_core.messages import HumanMessage
serde = JsonPlusSerializer()
class Odd:  # Java hands it back to Python
    def __init__(self, act): self.act = act
    def model_dump(self):
        self.act()
        return {"odd": 1}
"""
)


@pytest.mark.line("processes", "500 short threads, 128 KiB stacks", "served, no growth")
def test_short_threads(same) -> None:
    done = same(
        SERVED
        + """
live()
threading.stack_size(128 * 1024)
answers = []
def threads(count):
    for _ in range(count):
        thread = threading.Thread(target=lambda: answers.append(shapes.nothing()))
        thread.start(); thread.join()
def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
threads(100)
size, count = rss(), len(os.listdir("/proc/self/task"))
served(lambda: threads(500), least=500)
time.sleep(0.2)
assert rss() - size < 8, (size, rss())
assert len(os.listdir("/proc/self/task")) <= count + 2  # HotSpot's own compilers come and go
print(answers == [None] * 600, threading.active_count())
"""
    )
    assert done.stdout == "True 1\n"


@pytest.mark.line("processes", "asyncio.run twice, uvloop", "as without us")
def test_event_loops(same) -> None:
    same(
        SERVED
        + """
import asyncio, uvloop
async def main():
    await asyncio.to_thread(live)
    served(shapes.nothing)
    return await asyncio.gather(*(asyncio.to_thread(shapes.nothing) for _ in range(20)))
for _ in range(2):
    print(asyncio.run(main()) == [None] * 20)
for _ in range(2):
    print(uvloop.run(main()) == [None] * 20)
"""
    )


@pytest.mark.line("processes", "python -X dev -W error; -I", "as without us")
@pytest.mark.parametrize("flags", [("-X", "dev", "-W", "error"), ("-I",)], ids=" ".join)
@pytest.mark.parametrize("host", ["jni", "jpype"])
def test_flags(run, java: str, flags: tuple[str, ...], host: str) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {LIBRARY!r})
import fast_jvm, fast_shapes, shapes
{SERVED}
ready = fast_jvm.wait_ready(40)
assert ready or not on, fast_jvm.status().reason
print(served(shapes.nothing), sys.flags.dev_mode, sys.flags.isolated)
sys.exit(3)
"""
    off, ours = (
        run(argv=(*flags, "-c", code), FAST_JVM=mode, FAST_JVM_HOST=host, PYTHONFAULTHANDLER="")
        for mode in ("off", "auto")
    )
    assert (ours.returncode, ours.stdout, ours.stderr) == (3, off.stdout, off.stderr)
    assert off.returncode == 3


@pytest.mark.line(
    "processes", "profilers and debuggers, before and after the boot", "as without us"
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_hooks(same, when: str) -> None:
    switch_on = """
seen = set()
def hook(frame, event, arg):
    # pydantic's own model_dump is what Java spares
    if frame.f_code.co_name in ("user", "model_dump") and frame.f_globals is globals():
        seen.add((frame.f_code.co_name, event))
    return hook
import cProfile
sys.settrace(hook); sys.setprofile(hook); threading.setprofile(hook); threading.settrace(hook)
"""
    same(
        f"""
{CODEC}
{switch_on if when == "before" else ""}
live()
{switch_on if when == "after" else ""}
def user():
    return served(lambda: serde.dumps_typed([HumanMessage("x", id="1"), Odd(int)]), "langgraph_dumps")
packed = [user() for _ in range(20)][0]
sys.settrace(None); sys.setprofile(None)
print(sorted(seen), packed)
profile = cProfile.Profile()
print(profile.runcall(user) == packed, shapes.nothing())
profile.enable(); user(); profile.disable()
print(any(entry.code == user.__code__ for entry in profile.getstats()))
""",
        timeout=180,
    )


@pytest.mark.line(
    "processes", "finalizers and weakref callbacks: collection, teardown", "as without us"
)
def test_finalizers(same) -> None:
    same(
        f"""
import weakref
{CODEC}
live()
message = HumanMessage("x" * 50, id="1")
expected = serde.dumps_typed([message] * 3)
count = [0, 0]
class Loop:
    def __init__(self):
        self.me = self
        self.ref = weakref.ref(self, Loop.gone)
    def __del__(self):
        assert serde.loads_typed(serde.dumps_typed([message] * 3)) == [message] * 3
        count[0] += 1
    @staticmethod
    def gone(_):
        assert serde.dumps_typed([message] * 3) == expected
        count[1] += 1
gc.set_threshold(50, 2, 2)
kept = []
def work():
    for n in range(3000):
        Loop()
        other = Loop(); kept.append(weakref.ref(other, Loop.gone)); del other
        serde.loads_typed(serde.dumps_typed({{"m": [message] * 5, "n": list(range(30))}}))
    gc.collect()
served(work, "langgraph_dumps", 3000)
print(count)
sys.modules["kept"] = Loop()
class Last:
    def __del__(self, dumps=serde.dumps_typed, message=message, expected=expected, write=os.write):
        write(1, b"last %r\\n" % (dumps([message] * 3) == expected))
cycle = Last(); cycle.me = cycle
last = Last()
""",
        timeout=180,
    )


@pytest.mark.line("processes", "a daemon thread inside a callback at the end", "as without us")
@pytest.mark.parametrize("ending", ["sys.exit(6)", "raise KeyError('x')", "os._exit(4)"])
def test_daemon_inside_a_callback(same, ending: str) -> None:
    same(
        f"""
{CODEC}
live()
inside = threading.Event()
def act():
    inside.set()
    time.sleep(0.5)  # wakes up while the interpreter ends
def work():
    while True: serde.dumps_typed([1, Odd(act)])
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
assert inside.wait(120)
class Slow:
    def __del__(self, sleep=time.sleep): sleep(0.3)
slow = Slow()
{ending}
""",
        timeout=180,
    )


@pytest.mark.line("processes", "a fork inside a callback", "as without us")
def test_fork_inside_a_callback(same) -> None:
    """The child comes back to Java frames whose JVM has no other thread left."""
    same(
        f"""
{CODEC}
live()
for number in range(10):
    pids = []
    packed = serde.dumps_typed([1, Odd(lambda: pids.append(os.fork())), HumanMessage("x", id="1")] * 1)
    if pids[0] == 0:
        assert packed == serde.dumps_typed([1, Odd(int), HumanMessage("x", id="1")])
        sys.exit(number)
    print(os.waitstatus_to_exitcode(os.waitpid(pids[0], 0)[1]), flush=True)
if on:
    assert fast_jvm._state.state.builtins["langgraph_dumps"].counters.callbacks >= 10
""",
        timeout=180,
    )


@pytest.mark.line("processes", "SIGINT and SIGTERM: a long graph, a long builtin", "as without us")
@pytest.mark.parametrize(
    ("busy", "number"),
    [
        ("builtin", "SIGINT"),
        ("graph", "SIGTERM"),
        pytest.param("graph", "SIGINT", marks=pytest.mark.long),
        pytest.param("builtin", "SIGTERM", marks=pytest.mark.long),
    ],
)
def test_signals_while_busy(same, busy: str, number: str) -> None:
    done = same(
        f"""
{CODEC}
from typing import Any, TypedDict
from langgraph.graph import StateGraph
from langgraph.checkpoint.memory import MemorySaver
class State(TypedDict):
    items: list[Any]
def grow(state): return {{"items": state["items"][-50:] + [HumanMessage("x", id=str(len(state["items"])))]}}
builder = StateGraph(State)
builder.add_node("grow", grow)
builder.set_entry_point("grow")
builder.add_conditional_edges("grow", lambda state: "grow")
app = builder.compile(checkpointer=MemorySaver())
live()
large = [{{"k%d" % n: [n, "v" * 20]}} for n in range(300_000)]
started = threading.Event()
def graph():
    app.invoke({{"items": []}}, {{"configurable": {{"thread_id": "1"}}, "recursion_limit": 10**9}})
def builtin():
    while True: serde.dumps_typed(large)
before = fast_jvm._state.state.builtins["langgraph_dumps"].counters if on else None
def kill():
    time.sleep(1.5)
    os.kill(os.getpid(), signal.{number})
threading.Thread(target=kill, daemon=True).start()
try:
    {busy}()
except KeyboardInterrupt:
    if on:
        assert fast_jvm._state.state.builtins["langgraph_dumps"].counters.calls > before.calls
    print("interrupted")
    sys.exit(7)
""",
        timeout=180,
    )
    assert done.returncode == (7 if number == "SIGINT" else -15)


@pytest.mark.line("processes", "ulimit -v", "originals serve")
def test_ulimit(run, java: str) -> None:
    code = "import fast_jvm, fast_shapes, shapes; print(fast_jvm.wait_ready(30), shapes.nothing(), fast_jvm.status().reason)"
    done = run(
        "import os, sys",
        f"os.execv('/bin/sh', ['sh', '-c', 'ulimit -v 1500000; exec \"$0\" -c \"$1\"', sys.executable, {code!r}])",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "False None the address space is limited (RLIMIT_AS)\n"


@pytest.fixture
def container() -> Iterator[str]:
    """The file that takes a process into a control group of 512 MiB; skips where none can be made."""
    root = Path("/sys/fs/cgroup")
    for folder, limit in ((root / "memory", "memory.limit_in_bytes"), (root, "memory.max")):
        group = folder / f"fast-jvm-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(512 << 20))
            yield str(group / "cgroup.procs")
            return
        except OSError:
            continue
        finally:
            group.rmdir()
    pytest.skip("no control group of memory can be made here")


AGENT = f"""
import os, fast_jvm
{CODEC}
assert fast_jvm.wait_ready(60), fast_jvm.status().reason
messages = [HumanMessage('x' * 200, id=str(n)) for n in range(2000)]
for _ in range(100):
    assert served(lambda: serde.loads_typed(serde.dumps_typed(messages)), 'langgraph_loads') == messages
print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))
"""
SMALL = pytest.mark.line(
    "processes", "a 512 MiB container: peak of a live agent's memory", "fits, served"
)


@SMALL
@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize("host", ["jni", "jpype"])
def test_peak_memory(run, java: str, host: str) -> None:
    done = run(AGENT, FAST_JVM="auto", FAST_JVM_HOST=host, check=True)
    assert int(done.stdout) < 400 * 1024  # getrusage would answer with pytest's own peak


@SMALL
@pytest.mark.parametrize("host", ["jni", "jpype"])
def test_small_container(run, java: str, container: str, host: str) -> None:
    enter = f"open({container!r}, 'w').write(str(__import__('os').getpid()))"
    run(enter, AGENT, FAST_JVM="auto", FAST_JVM_HOST=host, check=True)


SERVER = """
import fast_jvm, fast_shapes, shapes, os
PARENT = os.getpid()
shapes.nothing()
if os.environ.get("EARLY") == "1":
    fast_jvm.wait_ready(40)

def app(environ, start_response):
    assert os.getpid() != PARENT
    ready = fast_jvm.wait_ready(40)
    calls = 0
    before = ready and fast_jvm.status().builtins["noop"].calls
    assert [shapes.nothing() for _ in range(100)] == [None] * 100
    if ready:
        calls = fast_jvm.status().builtins["noop"].calls - before
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % calls]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.parametrize(
    "early",
    [
        pytest.param(
            early,
            marks=pytest.mark.line(
                "processes", f"gunicorn --preload, a master that {what}", outcome
            ),
        )
        for early, what, outcome in (
            (False, "did not boot", "its workers are served"),
            (True, "booted", "originals serve its workers"),
        )
    ],
)
@pytest.mark.parametrize("host", ["jni", "jpype"])
def test_gunicorn(run, java: str, tmp_path: Path, host: str, early: bool) -> None:
    (tmp_path / "server.py").write_text(SERVER)
    done = run(
        f"""
import os, signal, subprocess, sys, time, urllib.request
port_file = {str(tmp_path / "port")!r}
server = subprocess.Popen([sys.executable, "-m", "gunicorn", "--preload", "-w", "2", "-t", "60",
    "-b", "unix:" + port_file, "--no-control-socket", "server:app"], stderr=subprocess.PIPE, text=True)
import http.client, socket
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(port_file)
def get():
    connection = Connection("x"); connection.request("GET", "/")
    return connection.getresponse().read().decode()
end = time.time() + 120
while True:
    try:
        answers = [get()]
        break
    except OSError:
        if time.time() > end: raise
        time.sleep(0.1)
answers += [get() for _ in range(5)]
server.send_signal(signal.SIGTERM)
errors = server.communicate(timeout=60)[1]
print(sorted(set(answers)), server.returncode, "Traceback" in errors, "SIGKILL" in errors)
if server.returncode: print(errors)
""",
        FAST_JVM="auto", FAST_JVM_HOST=host, EARLY=int(early), timeout=300, check=True,
    )  # fmt: skip
    assert done.stdout == f"{['0'] if early else ['100']} 0 False False\n"
