"""fork: children of a booted parent never use Java, children of another may boot."""

from __future__ import annotations

import pytest

CHILD = """
def child(code, body=lambda: None):
    pid = os.fork()
    if pid == 0:
        for _ in range(1000):
            assert shapes.nothing() is None
            assert shapes.Square.class_empty() is None
        body()
        sys.exit(code)
    start = time.perf_counter()
    status = os.waitpid(pid, 0)[1]
    print("child", status, time.perf_counter() - start < 60, flush=True)
"""


@pytest.mark.line("processes", "fork: children of a parent that booted", "originals serve")
def test_a_child_of_a_booted_parent(same) -> None:
    same(f"""
{CHILD}
live(); shapes.nothing()
for code in (0, 7):
    child(code)
child(3, lambda: child(2))
child(1, gc.collect)
child(0, lambda: faulthandler.enable())
child(0, lambda: os._exit(9))
def fail(): raise ValueError("in the child")
child(0, fail)
child(0, lambda: threading.Thread(target=shapes.nothing).start())
for _ in range(100):
    shapes.nothing()
sys.exit(8)
""")


@pytest.mark.line("processes", "fork: children of a parent that booted", "originals serve")
@pytest.mark.parametrize("host", ["jni", "jpype"])
def test_java_is_not_entered_in_the_child(run, java: str, host: str) -> None:
    done = run(
        "import fast_jvm, fast_shapes, shapes, os, sys",
        "assert fast_jvm.wait_ready(40)",
        "before = fast_jvm.status().builtins['noop'].calls",
        "if os.fork():",
        "    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))",
        "noop = fast_jvm._state.state.builtins['noop']",
        "assert noop.function() is NotImplemented",
        "assert not fast_jvm.wait_ready(5)",
        "status = fast_jvm.status()",
        "assert status.builtins['noop'].calls == before",
        "assert status.reason == 'a forked child of a process that runs Java', status.reason",
        "assert {patch.state for patch in status.patches} == {'skipped'}",
        "sys.exit(11)",
        FAST_JVM_HOST=host,
    )
    assert (done.returncode, done.stdout, done.stderr) == (11, "", "")


@pytest.mark.line("processes", "fork: children of a parent that booted", "originals serve")
def test_many_children_while_java_compiles(same) -> None:
    """A compiler thread may hold any of HotSpot's locks at the fork; the child's exit takes none."""
    done = same("""
live()
for number in range(25):
    for _ in range(300):
        shapes.nothing()
    pid = os.fork()
    if pid == 0:
        shapes.nothing()
        sys.exit(number)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == number
print("all")
""")
    assert done.stdout == "all\n"


@pytest.mark.line("processes", "fork: JPype's own hooks in a child", "never enter Java")
def test_jpype_in_a_child(run, java: str) -> None:
    """JPype registers Java's types with the ABCs, and frees its objects at exit: neither hangs."""
    done = run(
        "import fast_jvm, fast_shapes, shapes, os, sys, collections.abc, threading",
        "assert fast_jvm.wait_ready(40)",
        "import jpype",
        "kept = jpype.JClass('java.lang.String')('kept')",
        "if os.fork():",
        "    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))",
        "class Plain: pass",
        "print(isinstance(Plain(), collections.abc.Mapping), isinstance(Plain(), collections.abc.Sequence))",
        "def other():",
        "    try: jpype.JClass('java.lang.String')('x')",
        "    except RuntimeError: print('refused')",
        "thread = threading.Thread(target=other); thread.start(); thread.join()",
        "sys.exit(5)",
        FAST_JVM_HOST="jpype",
    )
    assert (done.returncode, done.stdout, done.stderr) == (5, "False False\nrefused\n", "")


@pytest.mark.line("processes", "fork: JPype's own hooks in a child", "never enter Java")
def test_a_safepoint_under_way_at_the_fork(run, java: str) -> None:
    """A child that asked the JVM anything would wait for a safepoint that never ends."""
    done = run(
        "import fast_jvm, fast_shapes, shapes, os, sys, collections.abc, threading, time",
        "assert fast_jvm.wait_ready(40)",
        "import jpype",
        "text = jpype.JClass('java.lang.String')('x' * 1000)",
        "busy = threading.Event()  # at the fork, not while the child runs: it would starve",
        "def churn():",
        "    while busy.wait(): text.repeat(5000)",
        "for _ in range(2): threading.Thread(target=churn, daemon=True).start()",
        "for _ in range(30):",
        "    busy.set()",
        "    time.sleep(0.02)",
        "    pid = os.fork()",
        "    if pid == 0:",
        "        class Plain: pass",
        "        asked = isinstance(Plain(), (collections.abc.Mapping, collections.abc.Sequence))",
        "        del text",
        "        sys.exit(asked)",
        "    busy.clear()",
        "    assert os.waitpid(pid, 0)[1] == 0",
        "os._exit(5)",
        timeout=300,  # a child that hangs, hangs for good
        FAST_JVM_HOST="jpype",
    )
    assert (done.returncode, done.stdout, done.stderr) == (5, "", "")


@pytest.mark.line("processes", "fork: signals and faulthandler in a child", "as without us")
def test_signals_of_the_child(same) -> None:
    same(f"""
{CHILD}
live(); shapes.nothing()
child(0, lambda: os.kill(os.getpid(), signal.SIGTERM))
child(0, lambda: os.kill(os.getpid(), signal.SIGSEGV))
child(0, lambda: os.kill(os.getpid(), signal.SIGBUS))
def interrupted():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except KeyboardInterrupt:
        os._exit(33)
child(0, interrupted)
print("parent", shapes.nothing())
""")


@pytest.mark.line("processes", "fork: signals and faulthandler in a child", "as without us")
def test_faulthandler_in_the_child(same) -> None:
    same(f"""
{CHILD}
live()
faulthandler.enable(file=sys.stdout)
def crash():
    faulthandler.enable(file=open(os.devnull, "w"))
    os.kill(os.getpid(), signal.SIGSEGV)
child(0, crash)
""")


@pytest.mark.line("processes", "multiprocessing: fork, spawn, forkserver", "as without us")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(same, method: str, tmp_path) -> None:
    (tmp_path / "work.py").write_text(
        "def work(n):\n    import fast_shapes, shapes\n    return [shapes.nothing() for _ in range(n)]\n"
    )
    same(f"""
sys.path.insert(0, {str(tmp_path)!r})
import multiprocessing, work
if __name__ == "__main__":
    live(); shapes.nothing()
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        print(pool.map(work.work, [3, 4]))
""")


@pytest.mark.line("processes", "fork: children of a parent that never booted", "may boot, served")
@pytest.mark.parametrize("host", ["jni", "jpype"])
def test_a_child_of_a_parent_that_never_booted_may_boot(run, java: str, host: str) -> None:
    done = run(
        "import fast_jvm, fast_shapes, shapes, os, sys",
        "shapes.nothing()",
        "for _ in range(2):",
        "    if os.fork() == 0:",
        "        assert fast_jvm.wait_ready(40), fast_jvm.status().reason",
        "        shapes.nothing()",
        "        assert fast_jvm.status().builtins['noop'].calls > 0",
        "        sys.exit(21)",
        "codes = [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(2)]",
        "assert fast_jvm.status().phase == 'idle'",
        "print(codes)",
        FAST_JVM_HOST=host,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[21, 21]\n", "")


@pytest.mark.line("processes", "a fork in the middle of the boot", "as without us")
@pytest.mark.parametrize("delay", [0, 0.02, 0.05, 0.1, 0.2])
def test_a_fork_in_the_middle_of_the_boot(same, delay: float) -> None:
    same(f"""
{CHILD}
if os.environ["FAST_JVM"] != "off":
    from fast_jvm import _boot
    _boot.start()
time.sleep({delay})
child(7)
live()
child(6)
print(shapes.nothing())
""")


@pytest.mark.line(
    "processes", "the warning of a fork beside threads", "of the user's threads alone"
)
@pytest.mark.parametrize("action", ["default", "error"])
def test_the_warning_of_threads(same, action: str) -> None:
    """3.12 warns of a fork beside threads: of the user's, not of ours."""
    same(f"""
import warnings, re
warnings.simplefilter("{action}")
warnings.showwarning = lambda message, category, filename, line, *_: print(re.sub("pid=[0-9]+", "", str(message)), filename, line)
def fork():
    try:
        pid = os.fork()
    except DeprecationWarning as warning:
        print("error", re.sub("pid=[0-9]+", "", str(warning)))
        return
    if pid == 0:
        os._exit(3)
    print(os.waitpid(pid, 0)[1], flush=True)
live()
fork()
event = threading.Event()
thread = threading.Thread(target=event.wait)
thread.start()
fork()
event.set()
thread.join()
fork()
""")
