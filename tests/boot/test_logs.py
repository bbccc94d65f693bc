"""Logs: quiet by default, one line for each patch that is skipped, nothing on stdout."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from fast_jvm import _boot

PATCHES = ("nothing", "empty", "static_empty", "class_empty")
USE = """
import fast_jvm, fast_shapes, shapes
ready = fast_jvm.wait_ready(40)
shapes.nothing()
states = {patch.state for patch in fast_jvm.status().patches}
"""
SKIPPED = 'assert states == {"skipped"}, states\n'
LIVE = 'assert ready and states == {"live"}, (fast_jvm.status().reason, states)\n'
CONFIGURED = "import logging; logging.basicConfig(level=logging.INFO)\n"


def logs(what: str, outcome: str) -> pytest.MarkDecorator:
    return pytest.mark.line("logs", what, outcome)


def skipped(text: str) -> list[str]:
    """The patches that a line says were skipped, in order."""
    return re.findall(r"^INFO:fast_jvm:shapes\.(\w+): original \(.+\)$", text, re.MULTILINE)


REASONS = {
    "FAST_JVM=off": ({"FAST_JVM": "off"}, "FAST_JVM=off"),
    "its package's switch": ({"FAST_SHAPES": "off"}, "FAST_SHAPES leaves it out"),
    "no Java": ({"FAST_JVM_HOME": "nowhere"}, "no Java 25: FAST_JVM_HOME"),
    "its warm-up fails": ({"SHAPES_PREPARE": "fail"}, "not ready: RuntimeError: Java is slower"),
    "no such version": ({"VERSION": "3.0"}, "shapes-lib 3.0 is outside >=1.0,<2"),
    "small stacks": ({"STACK": "65536"}, "threading.stack_size() is 65536"),
}
CHANGES = """
import os, importlib.metadata as metadata
true = metadata.version
metadata.version = lambda name: os.environ.get("VERSION", true(name)) if name == "shapes-lib" else true(name)
if "STACK" in os.environ:
    import threading; threading.stack_size(int(os.environ["STACK"]))
"""


@logs("a patch is skipped, the program logs at INFO", "one line per patch, with the reason")
@pytest.mark.parametrize("why", REASONS)
def test_one_line_per_patch(run, java: str, why: str) -> None:
    settings, reason = REASONS[why]
    again = "fast_jvm.status(); fast_jvm.wait_ready(1); import fast_shapes; fast_jvm.register(fast_shapes.PATCHES)"
    done = run(
        CONFIGURED, CHANGES, USE, SKIPPED, again, check=True, FAST_JVM_HOST="jni", **settings
    )
    assert sorted(skipped(done.stderr)) == sorted(PATCHES)
    assert done.stderr.count(f"original ({reason}") == len(PATCHES)
    assert done.stdout == ""


@logs("a patch is skipped, the program logs at INFO", "one line per patch, with the reason")
def test_a_live_patch_that_is_switched_off(run, java: str) -> None:
    late = "import threading; threading.stack_size(65536); threading.stack_size(65536)"
    done = run(CONFIGURED, USE, LIVE, late, check=True, FAST_JVM_HOST="jni")
    assert sorted(skipped(done.stderr)) == sorted(PATCHES)
    assert done.stderr.count(": live\n") == len(PATCHES)


HOSTS = pytest.mark.parametrize("host", ["jni", "jpype"])


@logs("no configuration, all is well or nothing is", "quiet: stdout and stderr are empty")
@HOSTS
@pytest.mark.parametrize("boot", ["auto", "eager", "off"])
def test_quiet(run, java: str, host: str, boot: str, tmp_path: Path) -> None:
    check = SKIPPED if boot == "off" else LIVE
    done = run(USE, check, check=True, FAST_JVM_HOST=host, FAST_JVM=boot)
    assert (done.stdout, done.stderr) == ("", "")
    done = run(USE, SKIPPED, check=True, FAST_JVM_HOST=host, FAST_JVM_HOME=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")


@logs("no configuration, all is well or nothing is", "quiet: stdout and stderr are empty")
def test_quiet_while_the_cache_is_made(run, java: str, tmp_path: Path) -> None:
    done = run(USE, LIVE, check=True, FAST_JVM_HOST="jni", FAST_JVM_CACHE=tmp_path / "cache")
    assert (done.stdout, done.stderr) == ("", "")


@logs("the program logs at WARNING", "quiet")
def test_a_usual_configuration(run, java: str) -> None:
    for settings, check in (({}, LIVE), ({"FAST_JVM": "off"}, SKIPPED)):
        done = run(
            "import logging; logging.basicConfig()",
            USE,
            check,
            check=True,
            FAST_JVM_HOST="jni",
            **settings,
        )
        assert (done.stdout, done.stderr) == ("", "")


@logs("FAST_JVM_LOG=info, no configuration", "on stderr, stdout is empty")
@HOSTS
def test_log_variable(run, java: str, host: str, tmp_path: Path) -> None:
    done = run(USE, LIVE, check=True, FAST_JVM_LOG="info", FAST_JVM_HOST=host)
    assert "INFO:fast_jvm:shapes.nothing: live\n" in done.stderr
    assert re.search("^INFO:fast_jvm:ready after [0-9]+ ms$", done.stderr, re.MULTILINE)
    assert done.stdout == ""
    done = run(
        USE, SKIPPED, check=True, FAST_JVM_LOG="INFO", FAST_JVM_HOST=host, FAST_JVM_HOME=tmp_path
    )
    assert sorted(skipped(done.stderr)) == sorted(PATCHES)
    assert done.stdout == ""


@logs(
    "FAST_JVM_LOG=info, and the program has handlers", "each line once, where the program wants it"
)
@pytest.mark.parametrize("level", ["", "level=logging.ERROR"])
def test_handlers_of_the_program(run, level: str) -> None:
    done = run(
        f"import logging; logging.basicConfig({level})",
        USE,
        SKIPPED,
        check=True,
        FAST_JVM_LOG="info",
        FAST_JVM="off",
    )
    assert sorted(skipped(done.stderr)) == sorted(PATCHES)
    to_file = "import logging; logging.basicConfig(filename='log.txt'); print(end='')"
    done = run(
        to_file,
        USE,
        SKIPPED,
        "print(open('log.txt').read())",
        check=True,
        FAST_JVM_LOG="info",
        FAST_JVM="off",
    )
    assert (sorted(skipped(done.stdout)), done.stderr) == (sorted(PATCHES), "")


@logs("FAST_JVM_LOG: levels", "what is below is left out; an unknown level means warning")
@pytest.mark.parametrize(
    ("level", "said"), [("warning", False), ("error", False), ("loud", False), ("debug", True)]
)
def test_levels(run, level: str, said: bool) -> None:
    done = run(CONFIGURED, USE, SKIPPED, check=True, FAST_JVM_LOG=level, FAST_JVM="off")
    assert skipped(done.stderr) == (list(PATCHES) if said else [])
    assert said or done.stderr == ""


@logs("FAST_JVM_LOG=info, and stderr is closed or was replaced", "the program goes on")
def test_no_stderr(run) -> None:
    for change in ("sys.stderr = None", "sys.stderr.close()", "os.close(2)"):
        done = run(
            f"import os, sys; {change}",
            USE,
            SKIPPED,
            "print('on')",
            FAST_JVM_LOG="info",
            FAST_JVM="off",
        )
        assert done.stdout == "on\n", change
    replaced = "import io, sys; sys.stderr = io.StringIO()"
    done = run(
        replaced,
        USE,
        SKIPPED,
        "print(sys.stderr.getvalue())",
        check=True,
        FAST_JVM_LOG="info",
        FAST_JVM="off",
    )
    assert (skipped(done.stdout), done.stderr) == (list(PATCHES), "")


@logs(
    "everything on: FAST_JVM_LOG=debug, JAVA_TOOL_OPTIONS, verbose JVM options", "stdout is empty"
)
@HOSTS
def test_stdout(run, java: str, host: str) -> None:
    done = run(
        USE, LIVE, check=True,
        FAST_JVM_LOG="debug", FAST_JVM="eager", FAST_JVM_HOST=host,
        JAVA_TOOL_OPTIONS="-Duser.language=de", FAST_JVM_OPTIONS="-XX:+PrintCommandLineFlags",
    )  # fmt: skip
    assert done.stdout == ""


@logs(
    "a forked child, the program logs at INFO", "one line per patch that was live, none on stdout"
)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child(run, java: str) -> None:
    child = """
import os, sys
logging.getLogger().handlers[0].flush()
pid = os.fork()
if not pid:
    shapes.nothing()
    sys.exit()
assert os.waitpid(pid, 0)[1] == 0
"""
    done = run(CONFIGURED, USE, LIVE, child, check=True, FAST_JVM_HOST="jni")
    assert (sorted(skipped(done.stderr)), done.stdout) == (sorted(PATCHES), "")


def test_jvm_output_goes_to_stderr() -> None:
    assert {"-Xlog:disable", "-XX:+DisplayVMOutputToStderr"} <= set(_boot.BASE_OPTIONS)
