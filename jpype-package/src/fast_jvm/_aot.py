"""The child process that makes the AOT cache, and the one that tries risky flags first.

Both are a Python that boots through jni. The maker trains with the packages' own warm-up and ends
with DestroyJavaVM, which writes the cache to a temporary name; it is then renamed. It is started
once per machine and jar, by a process that is live already, runs niced, and is nobody's child.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from typing import Any

from . import _cache, _jre, _platform, _settings
from ._errors import FastJvmUnavailable
from ._jre import Jre
from ._log import log

PROBE_TIMEOUT_S = 30
MAKER_TIMEOUT_S = 110  # less than a claim lives
# sys needs no file; with -c the current folder stands first on the path, and this process may not import from it
_BOOTSTRAP = "import sys;sys.path[:]=filter(None,sys.path);import json;task=json.loads(sys.argv[1]);sys.path[:]=task['path'];from fast_jvm import _aot;_aot.child(task)"


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


# -- in the child


def child(task: dict[str, Any]) -> None:
    """Run a task in the child process."""
    _platform.unshield_thread()
    if task["task"] == "probe":
        try:
            _boot(task, [option for option in task["options"] if option != "-Xlog:disable"])
            print("booted", flush=True)
        except Exception as error:
            print(error.reason if isinstance(error, FastJvmUnavailable) else error, flush=True)
            os._exit(1)
        os._exit(0)
    if _platform.forks():
        if os.fork():
            os._exit(0)
        os.nice(10)
    try:
        _make(task)
    finally:
        _cache.release(task["directory"], task["key"])
    os._exit(0)


def _boot(task: dict[str, Any], options: list[str]) -> None:
    import ctypes

    from . import _boot, _hosts

    state = _boot.state
    state.host = _hosts.JniHost(Jre(*task["jre"]), _hosts.class_path(task["jar"]), options)
    state.builtins = _boot._make_builtins(
        state.host, ctypes.string_at(state.host.call("symbols")).decode()
    )


def _make(task: dict[str, Any]) -> None:
    """Make the cache and put it in place whole, or leave a verdict; half files are removed."""
    directory, key = task["directory"], task["key"]
    target = _cache.aot_file(directory, key)
    temporary = _cache.temporary(directory)
    os.unlink(temporary)  # the JVM makes it anew, in a folder that is ours alone
    os.umask(0o077)
    if not _cache.write_verdict(directory, key + ".aot", {"reason": "the maker did not finish"}):
        return
    try:
        _in_own_process(task, temporary)
        os.chmod(temporary, 0o600)
        os.replace(temporary, target)
        _cache.drop_verdict(directory, key + ".aot")
    except OSError as error:
        _cache.write_verdict(
            directory, key + ".aot", {"reason": f"the JVM wrote no AOT cache: {error}"}
        )
    finally:
        for leftover in (temporary, temporary + ".config"):
            _cache.remove(leftover)
        _cache.sweep(directory, target)


def _in_own_process(task: dict[str, Any], temporary: str) -> None:
    """Train where the VM may end the process, as it does when the disk is full; OSError when it did."""
    if not _platform.forks():
        _train(task, temporary)
        return
    worker = os.fork()
    if not worker:
        try:
            signal.alarm(MAKER_TIMEOUT_S)
            _train(task, temporary)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(worker, 0)[1]
    if status:
        raise OSError(f"its process ended with status {status}")


def _train(task: dict[str, Any], temporary: str) -> None:
    from . import _boot as boot
    from . import _keyed_log, _registry

    _boot(task, [*task["options"], f"-XX:AOTCacheOutput={temporary}"])
    functions = {name: builtin.function for name, builtin in boot.state.builtins.items()}
    for module, prepare in task["packages"]:
        try:
            importlib.import_module(module)
            _registry.resolve(prepare)(functions, boot.warm)
        except Exception:
            log.debug("training %s", prepare, exc_info=True)
    try:
        _keyed_log.train(functions["keyed_log"])
    except OSError:
        log.debug("training keyed_log", exc_info=True)
    boot.state.host.destroy()
