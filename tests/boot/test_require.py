"""``fast_jvm.require``: what has no original gets its builtins, or an error that says why and what helps."""

from __future__ import annotations

import pickle
import sys

import pytest

import fast_jvm
from fast_jvm import _boot
from fast_jvm._reasons import Kind, Reason

HOSTS = pytest.mark.parametrize("host", ["jni", "jpype"])
LINE = pytest.mark.line(
    "falling back",
    "a feature without an original, Java stays away",
    "FastJvmUnavailable: reason, cure",
)
# a saver that keeps its data in a file that Java maps
SAVER = """
import os, sys, fast_jvm
class Saver:
    def __init__(self, timeout=40):
        self.noop = fast_jvm.require("noop", timeout=timeout)["noop"]
    def put(self):
        result = self.noop()
        if result is NotImplemented:
            fast_jvm.require("noop")
        return result
def refused(call, *args):
    try: call(*args)
    except fast_jvm.FastJvmUnavailable as error: return str(error)
    raise AssertionError("not refused")
"""


@HOSTS
def test_builtins(run, java: str, host: str) -> None:
    done = run(
        SAVER, "saver = Saver()",
        "assert saver.put() is None and fast_jvm.status().phase == 'up'",
        "assert fast_jvm.require() == {} and [*fast_jvm.require('noop', 'verify')] == ['noop', 'verify']",
        "print(refused(fast_jvm.require, 'noop', 'table_open', 'table_read'))",
        FAST_JVM_HOST=host, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout == f"Java has no table_open, table_read. Cure: {Kind.JAR.value}\n"


@LINE
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"FAST_JVM": "off"}, "FAST_JVM=off. Cure: unset FAST_JVM"),
        ({"FAST_JVM_HOME": "/nowhere"}, "/nowhere): no such folder. Cure: set FAST_JVM_HOME to"),
    ],
)
def test_refused(run, settings: dict[str, str], said: str) -> None:
    done = run(SAVER, "print(refused(Saver)); print(refused(Saver))", check=True, **settings)
    first, again = done.stdout.splitlines()
    assert said in first and first == again and done.stderr == ""


@LINE
@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@HOSTS
def test_a_forked_child(run, java: str, host: str) -> None:
    done = run(
        SAVER, "saver = Saver(); saver.put()",
        "child = os.fork()",
        "if not child:",
        "    print(refused(saver.put) == refused(Saver), refused(saver.put))",
        "    sys.exit(5)",
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5",
        "assert saver.put() is None",
        FAST_JVM_HOST=host, check=True,
    )  # fmt: skip
    said = "a forked child of a process that runs Java. Cure: fork before Java boots, or start children by spawn or forkserver"
    assert (done.stdout, done.stderr) == (f"True {said}\n", "")


@LINE
def test_switched_off_while_it_lives(run, java: str) -> None:
    """Small stacks and the end of the process."""
    done = run(
        SAVER, "import atexit, threading",
        # registered first, so it runs when Java is let go already
        "atexit.register(lambda: print(refused(Saver)))",
        "saver = Saver()",
        "if len(sys.argv) == 1: threading.stack_size(65536); print(refused(saver.put))",
        FAST_JVM_HOST="jni", check=True,
    )  # fmt: skip
    stack = "threading.stack_size(65536): a call into Java needs 131072. Cure: leave threading.stack_size() at 0, or at 131072 or more\n"
    assert done.stdout == stack * 2
    done = run(
        SAVER, "import atexit; atexit.register(lambda: print(refused(Saver)))", "Saver()",
        FAST_JVM_HOST="jni", check=True,
    )  # fmt: skip
    assert done.stdout == "the process ends. Cure: none: it is too late\n"


@LINE
def test_too_early(run, java: str) -> None:
    """The time runs out; and the boot itself must not wait for the boot."""
    done = run(
        SAVER, "print(refused(Saver, 0)); Saver()", FAST_JVM_HOST="jni", check=True
    )  # fmt: skip
    assert done.stdout == f"Java is not up yet. Cure: {Kind.LATER.value}\n"
    inside = """
from fast_jvm import _registry
import fast_shapes, shapes
said, true = [], _registry.check_gates
def gates():
    import threading
    if threading.current_thread().name == "fast-jvm-boot" and not said: said.append(refused(Saver))
    true()
_registry.check_gates = gates
assert fast_jvm.wait_ready(40)
print(said[0])
"""
    done = run(SAVER, inside, FAST_JVM_HOST="jni", check=True)
    assert done.stdout == f"Java is not up yet. Cure: {Kind.LATER.value}\n"


def test_it_waits_for_no_warm_up(run, java: str) -> None:
    code = """
import time, fast_shapes, shapes
def slow(builtins, warm): time.sleep(30)
fast_shapes.prepare = slow
start = time.time()
Saver().put()
assert time.time() - start < 25 and fast_jvm.status().patches[0].state == "warming"
sys.stdout.flush(); os._exit(0)
"""
    assert run(SAVER, code, FAST_JVM_HOST="jni", check=True).stderr == ""


def test_the_error() -> None:
    error = fast_jvm.FastJvmUnavailable(Reason("why", Kind.ENDING))
    assert (error.reason, error.cure) == ("why", Kind.ENDING.value)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.reason.kind) == (str(error), Kind.ENDING)
    assert fast_jvm.FastJvmUnavailable("odd").cure == Kind.UNKNOWN.value
    assert Reason("", Kind.OFF).cure == "" and not Reason("")
    assert Reason(error.reason, Kind.OFF).kind is Kind.ENDING
    assert isinstance(_boot.unusable(), Reason)
