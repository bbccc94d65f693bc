"""Java programs that embed Python: compiled once a session, skipped in words where Jep cannot be built."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "java-core" / "src" / "test" / "java" / "dev" / "fastjvm" / "RunInsideJep.java"
EXAMPLE = ROOT / "examples" / "jep" / "AgentInJava.java"
LIBRARY = ROOT / "tests" / "boot" / "library"
TEXT_BLOCKS = 17
LIMIT_S = 60


@dataclasses.dataclass(frozen=True)
class Embedding:
    """What it takes to start a Java program with Python inside."""

    java: Path
    class_path: tuple[Path, ...]  # without our jar
    jar: Path
    library: Path
    folder: Path  # of Jep
    environment: dict[str, str]

    def program(
        self,
        *arguments: object,
        java: Path | None = None,
        with_jar: bool = True,
        options: tuple[str, ...] = (),
        timeout: float = LIMIT_S,
        **settings: Any,
    ) -> subprocess.CompletedProcess[str]:
        """Run a class of ours (the first argument) and wait until the process has ended."""
        class_path = [*self.class_path, *([self.jar] if with_jar else [])]
        command = [
            str(java or self.java),
            "-Xmx1g",
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",
            f"-Djava.library.path={self.library.parent}",
            f"-Djep.library={self.library}",
            # not resolved: by its path the embedded interpreter knows the environment it belongs to
            f"-Dpython.program={sys.executable}",
            f"-Dpython.path={self.folder}",
            *options,
            "-cp",
            os.pathsep.join(map(str, class_path)),
            *map(str, arguments),
        ]
        if java is None:
            command.insert(1, "--enable-native-access=ALL-UNNAMED")
        return subprocess.run(
            command,
            env={**self.environment, **{name: str(value) for name, value in settings.items()}},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
        )


Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def build() -> ModuleType:
    """java-core/build.py: it finds compilers and builds Jep."""
    spec = importlib.util.spec_from_file_location("build", ROOT / "java-core" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def embedding(java: str, build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Embedding:
    """The programs, compiled; skips where Jep, or what builds it, is missing."""
    from fast_jvm import _boot

    folder, missing = build.jep()
    if folder is None:
        pytest.skip(f"no CPython inside of Java: {missing}")
    jdk = build.find_jdk(at_least=TEXT_BLOCKS)
    if jdk is None:
        pytest.skip(f"no CPython inside of Java: a javac of {TEXT_BLOCKS} or newer is missing")
    (archive,) = (folder / "jep").glob("jep-*.jar")
    (library,) = (folder / "jep").glob("libjep.*")
    classes = tmp_path_factory.mktemp("classes")
    compiler = [jdk / "bin" / "javac", "--release", str(TEXT_BLOCKS)]
    subprocess.run(
        [*compiler, "-cp", archive, "-d", classes, PROGRAM, EXAMPLE], check=True, timeout=LIMIT_S
    )
    environment = {name: value for name, value in os.environ.items() if name[:5] != "FAST_"}
    environment |= {"VIRTUAL_ENV": sys.prefix, "PYTHONFAULTHANDLER": ""}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(LIBRARY)])
    program = Path(java, "bin", "java")
    if not program.exists():
        pytest.skip(f"{program} is missing: a runtime without the java command")
    return Embedding(program, (classes, archive), Path(_boot.JAR), library, folder, environment)


@pytest.fixture
def script(embedding: Embedding, tmp_path: Path) -> Script:
    """Run Python code inside of Java: `script("shared", 2, code)` on two threads, "sub" in sub-interpreters."""

    def run(kind: str, threads: int, code: str, **how: Any) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "program.py"
        file.write_text(code)
        return embedding.program("dev.fastjvm.RunInsideJep", kind, threads, file, **how)

    return run
