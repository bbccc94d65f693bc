"""``python -m fast_jvm``, and how status prints."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def doctor(run):
    def doctor(**settings):
        code = "import sys, fast_shapes; from fast_jvm.__main__ import main; sys.exit(main(['doctor']))"
        return run(code, **settings)

    return doctor


@pytest.mark.parametrize("host", ["jni", "jpype"])
def test_doctor(doctor, java: str, host: str) -> None:
    done = doctor(FAST_JVM_HOST=host)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(
        line.split(None, 1) for line in done.stdout.splitlines() if not line.startswith("patch")
    )
    assert lines["python"].endswith(": served")
    assert java in lines["java"]
    assert lines["setting"].startswith("FAST_JVM_")
    assert f"by {host}" in lines["boot"]
    for name in ("nothing", "empty", "static_empty", "class_empty"):
        assert f"patch       shapes.{name}: active [shapes-lib 1.2.0]\n" in done.stdout


def test_doctor_says_why_not(doctor, tmp_path: Path) -> None:
    done = doctor(FAST_JVM_HOME=tmp_path / "nowhere", FAST_JVM_HOST="jpipe")
    assert done.returncode == 1
    assert (
        f"java        no Java 25: FAST_JVM_HOME ({tmp_path / 'nowhere'}): no such folder\n"
        in done.stdout
    )
    assert "problem     FAST_JVM_HOST=jpipe: not one of" in done.stdout
    assert "patch       shapes.nothing: skipped: no Java 25: FAST_JVM_HOME" in done.stdout
    done = doctor(FAST_SHAPES="empty", FAST_JVM="off")
    assert "patch       shapes.nothing: skipped: FAST_JVM=off" in done.stdout


def test_usage(run) -> None:
    for arguments, code in (
        ((), 2),
        (("nonsense",), 2),
        (("run",), 2),
        (("run", "-m"), 2),
        (("run", "-I", "x.py"), 2),
        (("--help",), 0),
    ):
        done = run(argv=("-m", "fast_jvm", *arguments))
        assert done.returncode == code
        assert (done.stderr if code else done.stdout).startswith("usage: python -m fast_jvm doctor")


@pytest.mark.parametrize("rich", [True, False])
def test_status_prints_a_table(run, java: str, rich: bool) -> None:
    if rich:
        pytest.importorskip("rich")
    hide = (
        "" if rich else "import sys; sys.modules['rich'] = None; sys.modules['rich.console'] = None"
    )
    done = run(
        hide,
        "import fast_jvm, fast_shapes, shapes",
        "assert fast_jvm.wait_ready(40); shapes.nothing()",
        "print(fast_jvm.status()); print(fast_jvm.status()._repr_html_())",
        FAST_JVM_HOST="jni", check=True,
    )  # fmt: skip
    assert "Java 25" in done.stdout and "by jni, ready after" in done.stdout
    assert "shapes.static_empty" in done.stdout and "shapes-lib 1.2.0" in done.stdout
    html = done.stdout.splitlines()[-1]
    assert html.startswith("<p>Java ") and html.count("<tr>") == 5 and html.endswith("</table>")


def test_html_is_escaped(run) -> None:
    done = run(
        "import fast_jvm; print(fast_jvm.status()._repr_html_())", FAST_JVM_HOME="/<b>", check=True
    )
    assert done.stdout.startswith("<p>no Java: idle</p>")
