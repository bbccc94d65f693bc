"""Variables, options and files that a user keeps for other Javas, and bad ones for ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import pytest

from fast_jvm import _aot, _boot, _jre

HOSTS = pytest.mark.parametrize("host", ["jni", "jpype"])


def line(what: str, outcome: str) -> pytest.MarkDecorator:
    return pytest.mark.line("surroundings", what, outcome)


# a JVM that reads one of them does not start
BAD = {name: "-Dx=y -XX:+NoSuchFlag" for name in _jre.OTHERS_OPTIONS}
SAME = f"""
import ctypes, os, subprocess, sys
names = {_jre.OTHERS_OPTIONS!r}
getenv = ctypes.PyDLL(None).getenv
getenv.restype = ctypes.c_char_p
def seen():
    child = "import os; print([os.environ.get(name) for name in %r])" % (names,)
    return [
        [os.environ.get(name) for name in names],
        [getenv(name.encode()) for name in names],
        subprocess.run([sys.executable, "-S", "-c", child], stdout=subprocess.PIPE, text=True).stdout,
    ]
first = seen()
"""


@line(
    "JAVA_TOOL_OPTIONS, _JAVA_OPTIONS, JDK_JAVA_OPTIONS",
    "served without them, nothing printed, all as it was",
)
@HOSTS
def test_options_for_other_javas(around: Callable[..., Any], host: str) -> None:
    theirs = """
assert seen() == first
if os.environ["FAST_JVM_HOST"] == "jpype":
    import jpype
    system = jpype.java.lang.System
    assert [str(system.getenv(name)) for name in names] == first[0] and system.getProperty("x") is None
print(first[0] == [os.environ[name] for name in names])
"""
    seen = around(SAME, after=theirs, FAST_JVM_HOST=host, **BAD).by_java()
    assert seen.stdout == "True\n"


@line(
    "JAVA_TOOL_OPTIONS, _JAVA_OPTIONS, JDK_JAVA_OPTIONS",
    "served without them, nothing printed, all as it was",
)
def test_they_do_not_reach_our_children(around: Callable[..., Any]) -> None:
    """The probe of FAST_JVM_OPTIONS boots a JVM, too."""
    seen = around(FAST_JVM_HOST="jni", FAST_JVM_OPTIONS="-Dours=1", **BAD).by_java()
    assert "-Dours=1" in seen.status["options"]


def test_children_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in BAD.items():
        monkeypatch.setenv(name, value)
    assert not set(BAD) & set(_aot._environment()) and not set(BAD) & set(_jre.environment())
    assert not _aot.needs_probe([]) or "JAVA" not in _aot.needs_probe([])


@line("CLASSPATH", "served: our jar comes first")
@HOSTS
def test_classpath(around: Callable[..., Any], tmp_path: Path, host: str) -> None:
    """A class of the same name, a jar that is none, and what is not there."""
    folder = tmp_path / "classes" / "dev" / "fastjvm"
    folder.mkdir(parents=True)
    (folder / "Boot.class").write_bytes(b"none")
    (tmp_path / "broken.jar").write_bytes(b"PK")
    theirs = os.pathsep.join([str(tmp_path / "classes"), str(tmp_path / "broken.jar"), "nowhere"])
    around(FAST_JVM_HOST=host, CLASSPATH=theirs).by_java()


@line("JAVA_HOME, PATH and LD_LIBRARY_PATH of another JDK", "served by ours")
@HOSTS
def test_another_java(around: Callable[..., Any], java: str, tmp_path: Path, host: str) -> None:
    old = Path("/usr/lib/jvm/openjdk-17")
    for place in Path("/usr/lib/jvm").glob("*17*"):
        if (place / "lib" / "server" / "libjvm.so").exists():
            old = place
    if not old.is_dir():
        old = tmp_path / "old"
        (old / "lib" / "server").mkdir(parents=True)
        (old / "lib" / "server" / "libjvm.so").touch()
        (old / "release").write_text('JAVA_VERSION="17.0.9"\n')
    seen = around(
        FAST_JVM_HOST=host,
        JAVA_HOME=old,
        PATH=f"{old / 'bin'}{os.pathsep}{os.environ['PATH']}",
        LD_LIBRARY_PATH=f"{old / 'lib'}{os.pathsep}{old / 'lib' / 'server'}",
    ).by_java()
    assert seen.status["java_home"] == java


BAD_OPTIONS = {
    "no such flag": ("-XX:+NoSuchFlag", "NoSuchFlag"),
    "a quote that is open": ("-Dx='y", "FAST_JVM_OPTIONS: No closing quotation"),
    "an agent that is not there": ("-javaagent:nowhere.jar", "nowhere.jar"),
    "an agent's library that is not there": ("-agentpath:nowhere.so", "nowhere.so"),
    "another class path": ("-Djava.class.path=nowhere", "finds no dev.fastjvm.Boot"),
    "no option at all": ("nonsense", "nonsense"),
}


@line(
    "FAST_JVM_OPTIONS that are wrong",
    "tried in a child first; originals serve, the reason says why",
)
@pytest.mark.parametrize("what", BAD_OPTIONS)
def test_bad_options(around: Callable[..., Any], what: str) -> None:
    options, reason = BAD_OPTIONS[what]
    seen = around(FAST_JVM_HOST="jni", FAST_JVM_OPTIONS=options).by_originals(reason)
    assert seen.reason.startswith("FAST_JVM_OPTIONS")


@line(".hotspotrc and .hotspot_compiler in the current folder", "served, nothing printed")
@HOSTS
def test_files_of_hotspot(around: Callable[..., Any], tmp_path: Path, host: str) -> None:
    (tmp_path / ".hotspotrc").write_text("+NoSuchFlag\n")
    (tmp_path / ".hotspot_compiler").write_text("nonsense\n")
    around(FAST_JVM_HOST=host).by_java()


def test_users_may_ask_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two options HotSpot takes the later."""
    monkeypatch.setenv("FAST_JVM_OPTIONS", "-XX:-DisableAttachMechanism -XX:+PrintWarnings")
    options = _boot.jvm_options("")
    for flag in ("DisableAttachMechanism", "PrintWarnings"):
        mine, theirs = (n for n, option in enumerate(options) if option.endswith(flag))
        assert mine < theirs
