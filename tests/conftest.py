"""Fixtures that more than one suite uses; nothing happens at import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from support.matrix import (  # noqa: F401  (hooks)
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_logreport,
    pytest_terminal_summary,
)

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "tests" / "boot" / "library"
TIMEOUT_S = 180  # tells what hangs: the machine may be busy

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def fresh_environment(**settings: Any) -> dict[str, str]:
    """The environment of a fresh process: no FAST_* of this one, the same fast_jvm."""
    import fast_jvm

    package = Path(fast_jvm.__file__).parent.parent
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("FAST_")
    }
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(package), str(LIBRARY), environment.get("PYTHONPATH", "")]
    )
    environment.update({name: str(value) for name, value in settings.items()})
    return environment


@pytest.fixture(scope="session")
def fresh() -> Callable[..., dict[str, str]]:
    """The environment of a fresh process, for what is not started by ``run``."""
    return fresh_environment


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run code, or a command line, in a fresh Python; settings are environment variables."""

    def run(
        *code: str,
        timeout: float = TIMEOUT_S,
        argv: tuple[str, ...] = (),
        check: bool = False,
        input: str | None = None,
        **settings: Any,
    ) -> subprocess.CompletedProcess[str]:
        settings.setdefault("FAST_JVM_CACHE", "off")
        command = [sys.executable, *(["-c", "\n".join(code)] if code else []), *argv]
        done = subprocess.run(
            command,
            env=fresh_environment(**settings),
            cwd=tmp_path,
            capture_output=True,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def java() -> str:
    """The Java runtime's home; skips where there is none of 25 or newer."""
    from fast_jvm import _boot, _jre

    search = _jre.find()
    if search.jre is None:
        pytest.skip(search.reason)
    if not os.path.isfile(_boot.JAR):
        pytest.fail(f"{_boot.JAR} is missing: make jar")
    return search.jre.home


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mount something; skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(*arguments: str) -> Path:
        at = tmp_path / f"mount{len(mounted)}"
        at.mkdir()
        command = ["mount", *arguments, str(at)]
        if os.geteuid() or not shutil.which("mount"):
            pytest.skip("only root mounts")
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"mount: {done.stderr.strip()}")
        mounted.append(at)
        return at

    yield mount
    for at in mounted:
        subprocess.run(["umount", "-l", str(at)], check=True)
