"""Folders that are missing, read-only or full; and which files are left where."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from fast_jvm import _aot, _boot, _cache, _jre

HOSTS = pytest.mark.parametrize("host", ["jni", "jpype"])
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
# until the maker has gone: it leaves the cache, a verdict, or neither
SETTLED = """
import threading, time
for thread in threading.enumerate():
    if thread.name.startswith("fast-jvm"):
        thread.join()
folder = os.path.join(os.environ.get("FAST_JVM_CACHE") or os.path.join(os.environ["HOME"], ".cache", "fast-jvm"))
end = time.time() + 40
while time.time() < end and any(name.endswith((".claim", ".part", ".config")) for name in os.listdir(folder)):
    time.sleep(0.05)
"""


def line(what: str, outcome: str) -> pytest.MarkDecorator:
    return pytest.mark.line("surroundings", what, outcome)


# -- where nothing can be kept


@line("HOME is missing", "served, nothing is made there, no AOT cache")
def test_no_home(around: Callable[..., Any], tmp_path: Path) -> None:
    home = tmp_path / "nobody" / "home"
    seen = around(HOME=home, FAST_JVM_CACHE="", FAST_JVM_HOST="jni").by_java()
    assert seen.status["cache"] == f"{home} does not exist"
    assert f"-XX:ErrorFile={os.devnull}" in seen.status["options"]


@line("HOME is empty, relative, or no folder", "served, nothing is made there, no AOT cache")
@pytest.mark.parametrize("home", ["relative", os.devnull])
def test_odd_homes(around: Callable[..., Any], home: str) -> None:
    seen = around(HOME=home, FAST_JVM_CACHE="", FAST_JVM_HOST="jni").by_java()
    expected = f"{home} does not exist" if home == os.devnull else "the user has no home"
    assert seen.status["cache"] == expected


@line("HOME is read-only", "served, no AOT cache")
@LINUX
def test_a_home_that_is_read_only(around: Callable[..., Any]) -> None:
    """For root too: nobody makes a folder in /proc."""
    seen = around(HOME="/proc", FAST_JVM_CACHE="", FAST_JVM_HOST="jni").by_java()
    assert seen.status["cache"].startswith("/proc/")


@line("HOME is read-only", "served, no AOT cache")
@POSIX
def test_a_home_without_rights(around: Callable[..., Any], tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "home").mkdir(mode=0o500)
    seen = around(FAST_JVM_CACHE="", FAST_JVM_HOST="jni").by_java()
    assert "denied" in seen.status["cache"]


@line("the current folder was removed", "originals serve")
@POSIX
@HOSTS
def test_a_current_folder_that_is_gone(around: Callable[..., Any], host: str) -> None:
    """A JVM would end the process."""
    gone = "import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir(os.getcwd())"
    around(gone, FAST_JVM_HOST=host).by_originals("the current folder: No such file or directory")


# -- a full folder


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 256 KiB that is full."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("may not mount")
    try:
        (folder / "cache").mkdir(mode=0o700)
        with open(folder / "ballast", "wb", buffering=0) as file, pytest.raises(OSError):
            while file.write(b"x" * 4096):
                pass
        yield folder / "cache"
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


FULL = line("a full cache folder", "served, no AOT cache, no half file")


@FULL
def test_a_full_folder(around: Callable[..., Any], full: Path) -> None:
    seen = around(
        FAST_JVM_CACHE=full, FAST_JVM_HOST="jni", FAST_JVM_OPTIONS="-Dx=y", after=SETTLED
    ).by_java()
    assert (seen.status["cache"], list(full.iterdir())) == ("not made yet", [])


@FULL
@POSIX
@pytest.mark.parametrize("most", [0, 1 << 20])
def test_a_disk_that_fills_up(around: Callable[..., Any], tmp_path: Path, most: int) -> None:
    """No file may be larger: the verdict cannot be written, or the JVM stops in the middle of its cache."""
    place = tmp_path / "cache"
    place.mkdir(mode=0o700)
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))"
    seen = around(
        limit, FAST_JVM_CACHE=place, FAST_JVM_HOST="jni", FAST_JVM_OPTIONS="-Dx=y", after=SETTLED
    )
    assert seen.ready and seen.served == 1 and seen.done.stderr == ""
    left = sorted("".join(path.suffixes) for path in place.iterdir())
    assert left == ([] if not most else [".aot.json", ".probe.json"])
    if most:
        (verdict,) = place.glob("*.aot.json")
        assert "the JVM wrote no AOT cache" in verdict.read_text()


@FULL
def test_little_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_aot.subprocess, "Popen", lambda *_, **__: pytest.fail("made"))
    usage = _cache.shutil.disk_usage(tmp_path)
    free = _cache.LEAST_FREE - 1
    monkeypatch.setattr(_cache.shutil, "disk_usage", lambda _: usage._replace(free=free))
    assert _cache.space(str(tmp_path)) == f"{tmp_path}: 63 MB free"
    jre = _jre.Jre("home", "25", "libjvm.so", "PATH")
    assert _aot.make_in_background(jre, "jar", [], str(tmp_path), "key", []) is None
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(_cache.shutil, "disk_usage", lambda _: usage._replace(free=free + 1))
    assert _cache.space(str(tmp_path)) == ""


@FULL
@LINUX
def test_what_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither verdicts nor claims raise, and nothing half is left."""

    def no_space(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_cache.json, "dump", no_space)
        assert not _cache.write_verdict(str(tmp_path), "x", {})
    with monkeypatch.context() as patch:
        patch.setattr(_cache.os, "open", no_space)
        assert not _cache.write_verdict(str(tmp_path), "x", {})
        assert not _cache.claim(str(tmp_path), "x")
    _cache.drop_verdict(str(tmp_path), "x")
    assert list(tmp_path.iterdir()) == []


@line("what makers of AOT caches left that were ended", "removed after a day")
def test_leftovers_are_swept(tmp_path: Path) -> None:
    now = time.time()
    ages = {"new": now - 3600, "days": now - 3 * 86400, "old": now - 60 * 86400}
    for name, age in ages.items():
        for suffix in (".aot", ".json", ".log", ".part", ".part.config", ".claim", ".txt"):
            path = tmp_path / (name + suffix)
            path.touch()
            os.utime(path, (age, age))
    mine = tmp_path / "mine.aot"
    mine.touch()
    os.utime(mine, (0, 0))
    _cache.sweep(str(tmp_path), str(mine))
    left = {path.name for path in tmp_path.iterdir()}
    gone = {"days.part", "days.part.config", "days.claim"}
    gone |= {
        f"old{suffix}" for suffix in (".aot", ".json", ".log", ".part", ".part.config", ".claim")
    }
    assert {path for path in ("new.claim", "days.aot", "old.txt", "mine.aot")} <= left
    assert not gone & left and len(left) == 22 - len(gone)


# -- which files are left


@line(
    "files of the JVM in HOME, TMPDIR, /tmp, the current folder",
    "none; one AOT cache in the cache folder",
)
@HOSTS
def test_files_left(around: Callable[..., Any], tmp_path: Path, host: str) -> None:
    seen = around(FAST_JVM_CACHE="", FAST_JVM_HOST=host, after=SETTLED)
    cache = {path for path in seen.left if path.startswith(os.path.join("home", ".cache"))}
    assert (seen.ready, seen.done.stderr, seen.left - cache) == (True, "", set())
    assert sorted(os.path.splitext(path)[1] for path in cache) == ["", "", ".aot"], cache


CRASH = """
import resource, signal
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.kill(os.getpid(), signal.SIGSEGV)
"""


@line(
    "files of the JVM in HOME, TMPDIR, /tmp, the current folder: after a crash",
    "a report in the cache folder; none where that is off",
)
@POSIX
@pytest.mark.parametrize("kept", [True, False], ids=["cache", "off"])
@HOSTS
def test_files_after_a_crash(
    around: Callable[..., Any], tmp_path: Path, host: str, kept: bool
) -> None:
    place = tmp_path / "100% mine"
    place.mkdir(mode=0o700)
    no_aot = "from fast_jvm import _boot; _boot._make_cache = lambda: None"
    seen = around(
        no_aot,
        FAST_JVM_CACHE=place if kept else "off",
        FAST_JVM_HOST=host,
        after="print(os.getpid(), flush=True)" + CRASH,
    )
    pid, *said = seen.stdout.splitlines()
    assert seen.ready and (seen.done.returncode, seen.done.stderr) == (-6, "")
    assert any("SIGSEGV" in line for line in said)  # HotSpot says so on stdout, whatever it is told
    report = {os.path.join(place.name, f"hs_err_{pid}.log")}
    assert seen.left == (report if kept else set())


def test_the_compilers_report_goes_there_too(tmp_path: Path) -> None:
    assert f"-XX:ReplayDataFile={tmp_path / 'replay_%p.log'}" in _boot.jvm_options(str(tmp_path))
    assert "-XX:-DumpReplayDataOnError" in _boot.jvm_options("")
    assert "-XX:-UsePerfData" in _boot.BASE_OPTIONS
