"""A Java program that embeds Python by Jep gets the same builtins, and ends as it would without us."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SUITE = Path(__file__).with_name("inside_jep.py")
SERVED = re.compile(r"served by Java, host jep: (\S+): (\d+) calls, (\d+) declines")

READY = """
import fast_langgraph, fast_jvm
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
ready = fast_jvm.wait_ready(60)
status = fast_jvm.status()
serde = JsonPlusSerializer()
value = {"n": [1, 2.5, "é"], "deep": [{"a": (1, "b")}] * 20}
"""
EQUAL = """
import inspect
dumps, loads = (inspect.unwrap(vars(JsonPlusSerializer)[name]) for name in ("dumps_typed", "loads_typed"))
assert serde.dumps_typed(value) == dumps(serde, value)
assert serde.loads_typed(dumps(serde, value)) == loads(serde, dumps(serde, value))
"""


def check(done) -> str:
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def suite(embedding, *paths: str, scale: float, timeout: float) -> None:
    done = embedding.program(
        "dev.fastjvm.RunInsideJep", "shared", 1, SUITE, *paths,
        FAST_TEST_SCALE=scale, timeout=timeout,
    )  # fmt: skip
    output = check(done)
    print(output)
    patches = {name: int(calls) for name, calls, _ in SERVED.findall(output)}
    assert set(patches) == {"langgraph.dumps_typed", "langgraph.loads_typed"}
    assert min(patches.values()) > 1000
    assert re.search(r"^\d+ passed", output, re.MULTILINE)


@pytest.mark.line(
    "hosts", "Java embeds Python by Jep: the equivalence suite", "served, equal to the original"
)
def test_the_suite(embedding) -> None:
    names = ("test_messages", "test_dataclasses", "test_mixed", "test_stdlib")
    suite(embedding, *(f"equivalence/{name}.py" for name in names), scale=0.05, timeout=180)


@pytest.mark.long
@pytest.mark.line(
    "hosts", "Java embeds Python by Jep: the equivalence suite", "served, equal to the original"
)
def test_the_whole_suite(embedding) -> None:
    suite(embedding, "equivalence", "hostile", scale=1, timeout=3000)


@pytest.mark.line("hosts", "a suite that Java does not serve inside of Jep", "fails")
def test_the_suite_notices_originals(embedding) -> None:
    done = embedding.program(
        "dev.fastjvm.RunInsideJep", "shared", 1, SUITE, "equivalence/test_kwargs.py",
        with_jar=False, FAST_TEST_SCALE=0.01,
    )  # fmt: skip
    assert done.returncode == 1 and "is not on the class path" in done.stdout


@pytest.mark.line("hosts", "a Java program with a LangGraph agent (examples/jep)", "as without us")
def test_the_example(embedding) -> None:
    questions = ("Hello", "Grüße", "Bye")
    ours = check(embedding.program("AgentInJava", *questions)).splitlines()
    theirs = check(embedding.program("AgentInJava", *questions, FAST_JVM="off")).splitlines()
    assert (
        ours[:3] == theirs[:3] == ["1: Hello, you say?", "3: Grüße, you say?", "5: Bye, you say?"]
    )
    assert "by jep" in ours[3] and "no Java: off" in theirs[3]
    (row,) = (line for line in ours if "langgraph.dumps_typed" in line)
    assert "live" in row


@pytest.mark.line("hosts", "Jep: interpreters on two Java threads at once", "served on both")
def test_two_threads(script) -> None:
    code = (
        READY
        + EQUAL
        + """
import threading
assert ready and status.host == "jep", status
counted = fast_jvm._state.state.builtins["langgraph_dumps"]
before = counted.counters[0]
for _ in range(3000):
    assert serde.loads_typed(serde.dumps_typed(value)) == loads(serde, dumps(serde, value))
assert counted.counters[0] >= before + 3000
assert counted.counters[1] == 0
import os
os.write(1, b"served %d\\n" % threading.get_ident())
"""
    )
    output = check(script("shared", 2, code)).split()
    assert output.count("served") == 2 and len(set(output)) == 3


@pytest.mark.line("hosts", "Jep: threads that Python starts inside of Java", "served on each")
def test_python_threads(script) -> None:
    code = (
        READY
        + """
import threading
answers = []
def work():
    answers.extend(serde.dumps_typed(value) for _ in range(100))
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert answers == [JsonPlusSerializer.dumps_typed.__wrapped__(serde, value)] * 800
assert fast_jvm._state.state.builtins["langgraph_dumps"].counters[0] >= 800
"""
    )
    check(script("shared", 1, code))


@pytest.mark.line("hosts", "Jep: a SubInterpreter", "originals serve")
def test_sub_interpreter(script) -> None:
    code = (
        READY
        + EQUAL
        + """
assert not ready
assert (status.phase, status.reason) == ("failed", "this is a sub-interpreter")
print({patch.state for patch in status.patches})
"""
    )
    assert check(script("sub", 1, code)) == "{'skipped'}\n"


@pytest.mark.line("hosts", "Jep: a SubInterpreter", "originals serve")
def test_sub_interpreter_beside_one_that_is_served(script) -> None:
    # LangGraph can't be imported a second time: pydantic refuses
    code = """
import fast_jvm, fast_shapes, shapes
print(fast_jvm.wait_ready(60), fast_jvm.status().reason, shapes.nothing())
"""
    assert check(script("both", 1, code)) == "True  None\nFalse this is a sub-interpreter None\n"


@pytest.mark.line("hosts", "Jep: our jar is not on the class path", "originals serve")
def test_no_jar(script) -> None:
    code = READY + EQUAL + "print(ready, status.host, status.reason)"
    output = check(script("shared", 1, code, with_jar=False))
    assert output.startswith("False jep the jar is not on the class path")


@pytest.mark.line("hosts", "Jep: the embedding Java is older than 25", "originals serve")
def test_old_java(script, build) -> None:
    homes = [home for home in build.java_homes() if 17 <= build.java_version(home) < 25]
    if not homes:
        pytest.skip("no Java from 17 to 24 on this machine")
    code = READY + EQUAL + "print(ready, status.host, status.reason)"
    old = build.java_version(homes[0])
    output = check(script("shared", 1, code, java=homes[0] / "bin" / "java"))
    assert output.startswith(
        f"False jep the Java that embeds this Python is {old}, 25 or newer is needed"
    )


@pytest.mark.line("hosts", "Jep: a list of packages that does not know ours", "served")
def test_another_list_of_packages(script) -> None:
    output = check(script("shared", 1, READY + "print(ready)", options=("-Denquirer=naming",)))
    assert output == "True\n"


@pytest.mark.line("hosts", "Jep: Java threads once Python has booted us", "none of ours is left")
def test_no_thread_is_left(script) -> None:
    code = (
        READY
        + """
import threading, time
from java.lang import Thread
for _ in range(20):
    thread = threading.Thread(target=serde.dumps_typed, args=(value,))
    thread.start()
    thread.join()
for _ in range(100):  # a thread detaches as it ends, a little after join() saw it end
    names = sorted(str(thread.getName()) for thread in Thread.getAllStackTraces().keySet())
    left = [name for name in names if name.startswith("Thread-")]
    if not left:
        break
    time.sleep(0.05)
print(left, "python-0" in names)
"""
    )
    assert check(script("shared", 1, code)) == "[] True\n"


@pytest.mark.line(
    "hosts", "Jep: faulthandler on and off, once we have booted", "Java's handlers stay"
)
def test_faulthandler(script) -> None:
    code = (
        READY
        + """
import ctypes, faulthandler, signal
def handlers():
    found = []
    for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
        action = ctypes.create_string_buffer(256)
        ctypes.CDLL(None).sigaction(int(number), None, action)
        found.append(action.raw[:8])  # the handler's address comes first
    return found
before = handlers()
assert len(set(before)) == 1
for switch in (faulthandler.enable, faulthandler.disable, faulthandler.enable):
    switch()
    assert handlers() == before
print(ready)
"""
    )
    assert check(script("shared", 1, code)) == "True\n"
