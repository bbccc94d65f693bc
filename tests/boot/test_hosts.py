"""Both hosts boot, verify the layout and serve; what goes wrong leaves the originals and a reason."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures("java")

HOSTS = pytest.mark.parametrize("host", ["jni", "jpype"])
READY = """
import json, fast_jvm, fast_shapes, shapes
ready = fast_jvm.wait_ready(40)
"""
REPORT = """
print(json.dumps([ready, fast_jvm.status().as_dict()]))
"""


def report(done: subprocess.CompletedProcess[str]) -> tuple[bool, dict]:
    assert done.returncode == 0, done.stderr
    ready, status = json.loads(done.stdout.splitlines()[-1])
    return ready, status


@HOSTS
def test_boot(run, host: str) -> None:
    calls = "shapes.nothing(); shapes.Shape().empty(); shapes.Square.class_empty(); shapes.Shape.static_empty()"
    ready, status = report(run(READY, calls, "calls = 2", REPORT, FAST_JVM_HOST=host))
    assert ready and status["phase"] == "up" and status["host"] == host and status["reason"] == ""
    assert status["java"].split(".")[0] >= "25" and status["java_home"]
    assert status["cache"] == "off"
    assert [patch["state"] for patch in status["patches"]] == ["live"] * 4
    for patch in status["patches"]:
        calls, declines, callbacks = status["builtins"]["noop"]
        assert (patch["calls"], patch["declines"], patch["callbacks"]) == (
            calls,
            declines,
            callbacks,
        )
        assert (calls, declines) == (4, 0)  # what warmed it up was no one's call
        assert patch["won_ns"] == 50 * calls
    times = [status["boot_ms"][name] for name in ("start", "open", "jvm", "builtins", "ready")]
    assert times[0] == 0 and times == sorted(times)
    assert status["boot_cpu_ms"]["ready"] > 0


@HOSTS
def test_nothing_is_printed(run, host: str) -> None:
    done = run(READY, "shapes.nothing()", FAST_JVM_HOST=host)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@HOSTS
def test_the_switch(run, host: str) -> None:
    done = run(
        READY,
        "from fast_jvm import _state",
        "noop = _state.state.builtins['noop']",
        "answers = [noop.function()]",
        "noop.switch(False); answers += [noop.function(), noop.function(1, 2)]",
        "noop.switch(True); answers += [noop.function()]",
        "print(answers, noop.function.__name__)",
        FAST_JVM_HOST=host, check=True,
    )  # fmt: skip
    assert done.stdout == "[None, NotImplemented, NotImplemented, None] noop\n"


@HOSTS
def test_eager_and_late_import(run, host: str) -> None:
    code = """
import json, time, fast_jvm, fast_shapes
before = fast_jvm.wait_ready(40)
import shapes
ready = fast_jvm.wait_ready(40) and before
"""
    ready, status = report(run(code, REPORT, FAST_JVM_HOST=host, FAST_JVM="eager"))
    assert ready
    assert [patch["state"] for patch in status["patches"]] == ["live"] * 4


@HOSTS
def test_a_package_that_is_not_ready(run, host: str) -> None:
    ready, status = report(
        run(READY, "shapes.nothing()", REPORT, FAST_JVM_HOST=host, SHAPES_PREPARE="fail")
    )
    assert ready and status["phase"] == "up"
    for patch in status["patches"]:
        assert (patch["state"], patch["reason"]) == (
            "skipped",
            "not ready: RuntimeError: Java is slower",
        )


@HOSTS
def test_a_layout_that_is_not_known(run, host: str) -> None:
    lie = """
from fast_jvm import _layout
true = _layout.facts
_layout.facts = lambda: true() + [("int", 7, b"\\0" * 7 + b"\\x08")]
"""
    ready, status = report(run(lie, READY, REPORT, FAST_JVM_HOST=host))
    assert not ready and status["phase"] == "failed"
    assert "laid out in a way that is not known: int" in status["reason"]
    assert {patch["state"] for patch in status["patches"]} == {"skipped"}


@pytest.mark.line(
    "surroundings",
    "FAST_JVM_OPTIONS that are wrong",
    "tried in a child first; originals serve, the reason says why",
)
@HOSTS
@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("-XX:+NoSuchFlag", "NoSuchFlag"),
        ("-Xmx1k", "heap size"),
        ("-XX:+UseG1GC", "garbage collectors"),
    ],
)
def test_flags_that_no_jvm_survives(run, host: str, options: str, word: str) -> None:
    ready, status = report(
        run(READY, "shapes.nothing()", REPORT, FAST_JVM_HOST=host, FAST_JVM_OPTIONS=options)
    )
    assert not ready and status["reason"].startswith(
        "FAST_JVM_OPTIONS: a child process could not boot with them"
    )
    assert word in status["reason"]


@HOSTS
def test_good_flags(run, host: str) -> None:
    ready, status = report(
        run(
            READY,
            REPORT,
            FAST_JVM_HOST=host,
            FAST_JVM_OPTIONS="-Dx=y -XX:+UseStringDeduplication",
            FAST_JVM_HEAP="99m",
        )
    )
    assert ready
    assert "-Dx=y" in status["options"] and "-Xmx99m" in status["options"]


@pytest.mark.line("processes", "RLIMIT_AS, RLIMIT_DATA", "originals serve")
@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_a_limited_address_space(run, limit: str) -> None:
    limited = f"import resource; resource.setrlimit(resource.{limit}, (2 << 30, 2 << 30))"
    ready, status = report(run(limited, READY, "shapes.nothing()", REPORT, FAST_JVM_HOST="jni"))
    assert not ready and status["reason"] == f"the address space is limited ({limit})"


@pytest.mark.line("processes", "thread stacks below 128 KiB", "originals serve")
@HOSTS
def test_small_stacks(run, host: str) -> None:
    before = "import threading; threading.stack_size(64 * 1024)"
    ready, status = report(run(before, READY, REPORT, FAST_JVM_HOST=host))
    assert not ready and "stack_size() is 65536" in status["reason"]
    after = """
import threading
threading.stack_size(64 * 1024)
done = []
thread = threading.Thread(target=lambda: done.append(shapes.nothing()))
thread.start(); thread.join()
assert done == [None]
"""
    ready, status = report(run(READY, after, REPORT, FAST_JVM_HOST=host))
    assert ready
    assert {patch["state"] for patch in status["patches"]} == {"skipped"}
    assert "threading.stack_size(65536)" in status["patches"][0]["reason"]


def test_host_choice(run) -> None:
    one = report(run(READY, REPORT))[1]["host"]
    thread = (
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    many = report(run(thread, READY, REPORT))[1]["host"]
    loop = """
import asyncio, json, fast_jvm, fast_shapes, shapes
async def main():
    return fast_jvm.wait_ready(40)
ready = asyncio.run(main())
"""
    imported = "import jpype"
    assert one == "jpype"
    assert many == "jni"
    assert report(run(loop, REPORT))[1]["host"] == "jni"
    assert report(run(imported, thread, READY, REPORT))[1]["host"] == "jpype"


@pytest.mark.line(
    "surroundings",
    "jpype.startJVM by user code: before ours, after, meanwhile",
    "one JVM, both served",
)
def test_a_jvm_of_the_users_is_joined(run, java: str) -> None:
    theirs = f"""
import jpype
jpype.startJVM({java!r} + "/lib/server/libjvm.so", "-Xmx64m")
"""
    again = """
try:
    jpype.startJVM()
except OSError as error:
    assert str(error) == "JVM is already started"
else:
    raise AssertionError
"""
    ready, status = report(run(theirs, READY, "shapes.nothing()", again, REPORT))
    assert ready and status["host"] == "jpype"
    assert {patch["state"] for patch in status["patches"]} == {"live"}


LATER = """
import jpype
assert not jpype.isJVMStarted()
{add}
jpype.startJVM("-Xmx64m", {argument})
assert jpype.isJVMStarted()
assert jpype.JClass("java.lang.String")("x") == "x"
loader = jpype.JClass("org.jpype.JPypeContext").getInstance().getClassLoader()
assert loader.getResource("marker.txt") is not None

@jpype.JImplements("java.lang.Runnable")
class Run:
    @jpype.JOverride
    def run(self):
        ran.append(shapes.nothing())

ran = []
thread = jpype.JClass("java.lang.Thread")(Run())
thread.start()
thread.join()
assert ran == [shapes.nothing()]
try:
    jpype.startJVM()
except OSError as error:
    assert str(error) == "JVM is already started"
else:
    raise AssertionError
"""


@pytest.mark.line(
    "surroundings",
    "jpype.startJVM by user code: before ours, after, meanwhile",
    "one JVM, both served",
)
@pytest.mark.parametrize("way", ["keyword", "option", "added", "environment"])
@HOSTS
def test_the_users_start_comes_later(run, tmp_path, host: str, way: str) -> None:
    (tmp_path / "marker.txt").touch()
    here = str(tmp_path)
    argument = {
        "keyword": f"classpath=['nowhere.jar', {here!r}]",
        "option": f"'-Djava.class.path=nowhere.jar:{here}'",
    }.get(way, "")
    later = LATER.format(argument=argument, add=f"jpype.addClassPath({here!r})" * (way == "added"))
    environment = {"CLASSPATH": here} if way == "environment" else {}
    done = run(
        READY, later, "shapes.nothing()", REPORT, FAST_JVM_HOST=host, check=True, **environment
    )
    ready, status = report(done)
    assert ready and done.stderr == "", (status["reason"], done.stderr)
    assert {patch["state"] for patch in status["patches"]} == {"live"}


@pytest.mark.line(
    "surroundings",
    "jpype.startJVM by user code: before ours, after, meanwhile",
    "one JVM, both served",
)
@pytest.mark.parametrize("early", ["import jpype", "from jpype import startJVM", ""])
@HOSTS
def test_the_users_start_comes_meanwhile(run, java: str, host: str, early: str) -> None:
    meanwhile = f"""
import jpype
jpype.startJVM({java!r} + "/lib/server/libjvm.so", "--enable-native-access=ALL-UNNAMED")
assert jpype.JClass("java.lang.String")("x") == "x"
"""
    done = run(
        "import fast_shapes, fast_jvm",
        early,
        "import shapes; fast_jvm._boot.start()",
        meanwhile,
        READY,
        REPORT,
        FAST_JVM_HOST=host,
        check=True,
    )
    ready, status = report(done)
    assert ready and done.stderr == "", (status["reason"], done.stderr)


def test_a_jvm_that_others_made(run, java: str) -> None:
    theirs = f"""
import ctypes
ctypes.CDLL({java!r} + "/lib/server/libjvm.so")
"""
    ready, status = report(run(theirs, READY, REPORT, FAST_JVM_HOST="jni"))
    assert not ready and status["reason"] == "another JVM is loaded in this process"


def test_a_short_script_never_meets_java(run) -> None:
    code = """
import json, sys, importlib.metadata, packaging.specifiers, wrapt
before = set(sys.modules)
import fast_jvm, fast_shapes, shapes
for _ in range(100):
    shapes.nothing()
ready = False
assert not {"jpype", "ctypes", "numpy", "ast", "subprocess"} & (set(sys.modules) - before)
with open("/proc/self/maps") as file:
    assert "libjvm" not in file.read()
"""
    _, status = report(run(code, REPORT))
    assert status["phase"] == "idle"
    assert [patch["state"] for patch in status["patches"]] == ["patched"] * 4
    assert status["patches"][0]["original_calls"] == 100
    assert status["spent_ns"] < status["threshold_ns"]


def test_ski_rental(run) -> None:
    code = """
import json, time, fast_jvm, fast_shapes, shapes
for _ in range(10_000):
    shapes.nothing(times=10_000)
    if fast_jvm._registry.entries()[0].state == "live":
        break
ready = fast_jvm.wait_ready(40)
shapes.nothing()
"""
    ready, status = report(run(code, REPORT, FAST_JVM_HOST="jni"))
    assert ready and status["spent_ns"] > status["threshold_ns"]
    assert status["patches"][0]["state"] == "live"
    assert status["patches"][0]["won_ns"] > 0


def test_off(run) -> None:
    ready, status = report(run(READY, "shapes.nothing()", REPORT, FAST_JVM="off"))
    assert not ready and status["phase"] == "off"
    assert {patch["reason"] for patch in status["patches"]} == {"FAST_JVM=off"}


def test_a_jar_that_is_missing(run) -> None:
    ready, status = report(
        run("from fast_jvm import _boot; _boot.JAR = '/nowhere.jar'", READY, REPORT)
    )
    assert not ready and status["reason"] == "/nowhere.jar is missing"


@pytest.mark.line("processes", "sub-interpreters", "originals serve")
def test_sub_interpreters_keep_the_originals(run) -> None:
    code = """
try:
    import _interpreters as interpreters
    made = interpreters.create("legacy")
    call = lambda code: interpreters.exec(made, code)
except ImportError:
    import _xxsubinterpreters as interpreters
    made = interpreters.create(isolated=False)
    call = lambda code: interpreters.run_string(made, code)
failed = call('''
import fast_jvm, fast_shapes, shapes
assert not fast_jvm.wait_ready(30)
assert "sub-interpreter" in fast_jvm.status().reason, fast_jvm.status().reason
assert shapes.nothing() is None
print("checked")
''')
assert failed is None, failed
"""
    done = run(code)
    assert done.stdout == "checked\n", done.stderr
