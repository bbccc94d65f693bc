"""The cache folder belongs to us alone, and so does an AOT cache that is loaded."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fast_jvm import _cache, _jre

FOLDER = pytest.mark.line(
    "security", "the cache folder", "0700, the user's; symlinks refused, and where others rename"
)
FILES = pytest.mark.line("security", "files in the cache folder", "0600, whole or not there")
LOADED = pytest.mark.line(
    "security", "an AOT cache of others, writable for others, a symlink", "not loaded"
)
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX rights")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAST_JVM_CACHE", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


def mode(path: Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


@FOLDER
@POSIX
def test_made_private(place: Path) -> None:
    assert _cache.folder() == (str(place), "")
    assert mode(place) == 0o700
    os.chmod(place, 0o755)
    assert _cache.folder() == (str(place), "")  # ours, so it is closed again
    assert mode(place) == 0o700


@FOLDER
@POSIX
def test_a_folder_of_other_things_is_left_alone(place: Path) -> None:
    place.mkdir(parents=True)
    for bits in (0o755, 0o777, 0o1777):
        os.chmod(place, bits)
        if bits == 0o755:
            (place / "letter.txt").write_text("")
        assert _cache.folder() == ("", f"{place}: others may enter")
        assert mode(place) == bits
        (place / "letter.txt").unlink(missing_ok=True)
    os.chmod(place, 0o755)
    assert _cache.folder() == (str(place), "")


@FOLDER
@POSIX
def test_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.parent.mkdir()
    elsewhere = place.parent / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    place.symlink_to(elsewhere)
    assert _cache.folder() == ("", f"{place} is a symlink")
    place.unlink()
    place.write_text("")
    assert _cache.folder() == ("", f"{place} is no folder")
    place.unlink()
    os.chmod(place.parent, 0o777)
    assert _cache.folder() == ("", f"{place.parent} is writable for everybody")
    os.chmod(place.parent, 0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert _cache.folder()[1] == f"{place} belongs to user {os.getuid()}"


@FOLDER
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root: chown")
def test_a_parent_of_others(place: Path) -> None:
    place.parent.mkdir(mode=0o755)
    os.chown(place.parent, 12345, 0)
    assert _cache.folder() == ("", f"{place.parent} belongs to user 12345")
    os.chown(place.parent, 0, 12345)
    assert _cache.folder() == (str(place), "")
    os.chmod(place.parent, 0o775)
    assert _cache.folder() == ("", f"{place.parent} is writable for group 12345")
    os.chown(place.parent, 0, os.getegid())
    assert _cache.folder() == (str(place), "")


@FILES
@POSIX
def test_files_are_private(place: Path) -> None:
    before = os.umask(0)
    try:
        _cache.folder()
        assert mode(place) == 0o700
        _cache.write_verdict(str(place), "x", {})
        assert _cache.claim(str(place), "x")
        _cache.temporary(str(place))
    finally:
        os.umask(before)
    assert [mode(path) for path in place.iterdir()] == [0o600] * 3


@LOADED
@POSIX
def test_verdicts_of_others(place: Path) -> None:
    _cache.folder()
    _cache.write_verdict(str(place), "x", {"reason": ""})
    os.chmod(place / "x.json", 0o606)
    assert _cache.read_verdict(str(place), "x") is None
    (place / "y.json").symlink_to(place / "x.json")
    os.chmod(place / "x.json", 0o600)
    assert _cache.read_verdict(str(place), "y") is None


@LOADED
@POSIX
def test_which_files_are_loaded(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _cache.folder()
    file = place / "x.aot"
    assert _cache.usable(str(file)) == "not made yet"
    file.write_text("")
    os.chmod(file, 0o600)
    assert _cache.usable(str(file)) == ""
    for bits in (0o620, 0o602):
        os.chmod(file, bits)
        assert _cache.usable(str(file)) == f"{file} is writable for others"
    os.chmod(file, 0o600)
    link = place / "link.aot"
    link.symlink_to(file)
    assert _cache.usable(str(link)) == f"{link} is a symlink"
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert "belongs to user" in _cache.usable(str(file))


@pytest.mark.parametrize("value", ["off", "none", "0"])
def test_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("FAST_JVM_CACHE", value)
    assert _cache.folder() == ("", "off")


@pytest.mark.skipif(sys.platform != "linux", reason="XDG")
def test_default_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAST_JVM_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert _cache.folder_path() == "/somewhere/fast-jvm"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert _cache.folder_path() == "/home/somebody/.cache/fast-jvm"


@pytest.mark.line("security", "an AOT cache's name", "hash of jar, Java and flags")
def test_the_key_covers_jar_java_and_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar, libjvm, release = tmp_path / "x.jar", tmp_path / "libjvm.so", tmp_path / "release"
    for file in (jar, libjvm, release):
        file.write_text("one")
    jre = _jre.Jre(str(tmp_path), "25", str(libjvm), "PATH")

    def key(*options: str) -> str:
        return _cache.key(jre, [str(jar)], list(options))

    keys = {key(), key("-Xmx1g")}
    jar.write_text("two")
    keys.add(key())
    release.write_text("two")
    before = key()
    keys.add(before)
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dx=y")  # does not reach our JVM
    assert len(keys) == 4 and key() == before


def test_claims_and_verdicts(place: Path) -> None:
    directory, _ = _cache.folder()
    assert _cache.claim(directory, "x")
    assert not _cache.claim(directory, "x")
    _cache.release(directory, "x")
    assert _cache.claim(directory, "x")
    long_ago = time.time() - 1000
    os.utime(place / "x.claim", (long_ago, long_ago))
    assert _cache.claim(directory, "x")
    assert _cache.read_verdict(directory, "x") is None
    _cache.write_verdict(directory, "x", {"reason": "words"})
    assert mode(place / "x.json") == 0o600
    assert _cache.read_verdict(directory, "x") == {"reason": "words"}
    os.utime(place / "x.json", (time.time() - 2 * 86400,) * 2)
    assert _cache.read_verdict(directory, "x") is None


LIVE = """
import json, os, sys, time, fast_jvm, fast_shapes, shapes
assert fast_jvm.wait_ready(40), fast_jvm.status().reason
shapes.nothing()
status = fast_jvm.status()
print(json.dumps({"cache": status.cache, "options": status.options, "boot": status.boot_ms, "live": [patch.state for patch in status.patches]}))
"""
SETTLED = """
end = time.time() + 40
while time.time() < end and not any(name.endswith(".aot") for name in os.listdir(os.environ["FAST_JVM_CACHE"])):
    time.sleep(0.05)
"""


@LOADED
@pytest.mark.parametrize("host", ["jni", "jpype"])
def test_the_aot_cache_is_made_used_and_refused(
    run: Any, java: str, place: Path, host: str
) -> None:
    def boot(*code: str) -> dict[str, Any]:
        done = run(LIVE, *code, FAST_JVM_CACHE=place, FAST_JVM_HOST=host, check=True)
        assert done.stderr == ""
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["live"] == ["live"] * 4
        return found

    first = boot(SETTLED)
    assert first["cache"] == "not made yet"
    (file,) = place.glob("*.aot")
    assert mode(file) == 0o600 and file.stat().st_size > 1_000_000
    deadline = time.time() + 20
    while set(place.iterdir()) != {file} and time.time() < deadline:
        time.sleep(0.05)
    assert set(place.iterdir()) == {file}  # no claim, no verdict, no configuration left

    second = boot()
    assert second["cache"] == str(file) and f"-XX:AOTCache={file}" in second["options"]

    os.chmod(file, 0o666)
    third = boot()
    assert third["cache"] == f"{file} is writable for others"
    os.chmod(file, 0o600)

    # a torn file is no reason to fail
    with open(file, "r+b") as torn:
        torn.truncate(file.stat().st_size // 2)
    boot()
    file.write_bytes(b"nonsense")
    boot()


LOG = """
import tempfile
from fast_jvm._keyed_log import KeyedLog, Put
with tempfile.TemporaryDirectory() as folder:
    log = KeyedLog(folder)
    log.put(Put(b"k", b"l", b"", b"data"))
    assert log.get(b"k") == (b"", b"data")
    log.close()
"""


@pytest.mark.parametrize("first", [True, False])
def test_a_process_that_uses_logs_has_a_cache_of_its_own_made(
    run: Any, java: str, place: Path, first: bool
) -> None:
    """Before the boot or once it is done; the next boots take the larger one."""

    def boot(*code: str) -> dict[str, Any]:
        done = run(*code, FAST_JVM_CACHE=place, FAST_JVM_HOST="jni", check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    if not first:
        boot(LIVE, SETTLED)
        plain = list(place.glob("*.aot"))
        assert len(plain) == 1 and not plain[0].name.endswith(".logs.aot")
    logs = SETTLED.replace('".aot"', '".logs.aot"')
    boot(*((LOG, LIVE, logs) if first else (LIVE, LOG, logs)))
    (file,) = place.glob("*.logs.aot")
    assert mode(file) == 0o600
    assert boot(LIVE, LOG)["cache"] == str(file)
    assert boot(LIVE)["cache"] == str(file)


def test_a_maker_that_fails_is_not_tried_again(run: Any, java: str, place: Path) -> None:
    broken = "from fast_jvm import _aot; _aot._BOOTSTRAP = 'import sys; sys.exit(3)'"
    run(broken, LIVE, FAST_JVM_CACHE=place, FAST_JVM_HOST="jni", check=True)
    assert [path.suffix for path in place.iterdir()] == [".claim"]
    run(LIVE, FAST_JVM_CACHE=place, FAST_JVM_HOST="jni", check=True)
    assert [path.suffix for path in place.iterdir()] == [".claim"]


def test_no_child_where_nothing_went_live(run: Any, java: str, place: Path) -> None:
    run("import fast_jvm; assert fast_jvm.wait_ready(40)", FAST_JVM_CACHE=place, check=True)
    assert list(place.iterdir()) == []


def test_a_verdict_is_kept(run: Any, java: str, place: Path) -> None:
    code = "import fast_jvm, time; start = time.time(); fast_jvm.wait_ready(40); print(fast_jvm.status().reason)"
    for _ in range(2):
        done = run(code, FAST_JVM_CACHE=place, FAST_JVM_OPTIONS="-XX:+NoSuchFlag", check=True)
        assert "NoSuchFlag" in done.stdout
        (verdict,) = place.iterdir()
        assert "NoSuchFlag" in json.loads(verdict.read_text())["reason"]
