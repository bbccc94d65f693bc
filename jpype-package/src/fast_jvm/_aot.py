"""The child process that makes the AOT cache, and the one that tries risky flags first: how they are started.

The maker is started once per machine and jar, by a process that is live already, runs niced, and is
nobody's child. What both do stands in ``_training``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from . import _cache, _jre, _platform, _settings
from ._jre import Jre
from ._log import log

PROBE_TIMEOUT_S = 30
# sys needs no file; with -c the current folder stands first on the path, and this process may not import from it
_BOOTSTRAP = "import sys;sys.path[:]=filter(None,sys.path);import json;task=json.loads(sys.argv[1]);sys.path[:]=task['path'];from fast_jvm import _training;_training.child(task)"


def needs_probe(options: list[str]) -> str:
    """Say what makes it unsafe to start a JVM here untried; empty when nothing does."""
    if _settings.get("FAST_JVM_OPTIONS"):
        return "FAST_JVM_OPTIONS"
    if os.environ.get("FAST_JVM_HEAP"):
        return "FAST_JVM_HEAP"
    return _platform.strict_memory()


def probe(jre: Jre, jar: str, options: list[str], directory: str, key: str) -> str:
    """Boot in a child; return why that failed, or an empty string. The verdict is kept."""
    verdict = _cache.read_verdict(directory, key + ".probe") if directory else None
    if verdict is None:
        verdict = {"reason": _probe(jre, jar, options)}
        if directory:
            _cache.write_verdict(directory, key + ".probe", verdict)
    return str(verdict.get("reason", ""))


def _probe(jre: Jre, jar: str, options: list[str]) -> str:
    command = _command({"task": "probe", "jre": list(jre), "jar": jar, "options": options})
    if not command:
        return "there is no Python executable to try them in"
    try:
        done = subprocess.run(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"a child process could not try them: {error}"
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode == 0 and said.endswith("booted"):
        return ""
    return f"a child process could not boot with them (exit code {done.returncode}): {said[-500:]}"


def make_in_background(
    jre: Jre,
    jar: str,
    options: list[str],
    directory: str,
    key: str,
    packages: list[tuple[str, str]],
) -> subprocess.Popen[bytes] | None:
    """Start the maker unless the cache is there, failed before, or is being made.

    ``packages`` are (module of a target, path of the package's prepare).
    """
    if not _cache.usable(_cache.aot_file(directory, key)) or _cache.read_verdict(
        directory, key + ".aot"
    ):
        return None
    task = {
        "task": "make",
        "jre": list(jre),
        "jar": jar,
        "options": options,
        "directory": directory,
        "key": key,
        "packages": packages,
    }
    command = _command(task)
    full = _cache.space(directory)
    if full:
        log.info("AOT cache: not made (%s)", full)
        return None
    if not command or not _cache.claim(directory, key):
        return None
    log.info("AOT cache: a child process makes it")
    try:
        return subprocess.Popen(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            **_platform.detached(),
        )
    except OSError as error:
        log.debug("AOT cache: %s", error)
        _cache.release(directory, key)
        return None


def reap(started: subprocess.Popen[bytes]) -> None:
    """Take leave of the maker: it forks and ends at once, so that it is nobody's child."""
    if _platform.forks():
        started.wait()
    else:
        started.returncode = 0  # it outlives us: no ResourceWarning


def _command(task: dict[str, Any]) -> list[str]:
    executable = sys.executable or ""
    if "python" not in os.path.basename(os.path.realpath(executable)).lower() or getattr(
        sys, "frozen", False
    ):
        return []  # embedded or frozen: that program is no Python interpreter
    task["path"] = [os.path.abspath(entry) if entry else os.getcwd() for entry in sys.path]
    return [executable, "-c", _BOOTSTRAP, json.dumps(task)]


def _environment() -> dict[str, str]:
    environment = _jre.environment()
    environment["FAST_JVM"] = "off"
    # nothing is to be loaded before the task, nothing to be written beside its answer
    for name in ("PYTHONSTARTUP", "FAST_JVM_AUTOLOAD", "FAST_JVM_RUN", "FAST_JVM_LOG"):
        environment.pop(name, None)
    return environment
