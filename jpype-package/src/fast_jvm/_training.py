"""What the child processes do: boot through jni and try flags, or train and make the AOT cache.

The maker trains with the packages' own warm-up and ends with DestroyJavaVM, which writes the cache
to a temporary name; it is then renamed.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
from typing import Any

from . import _boot, _cache, _hosts, _platform, _registry
from ._errors import FastJvmUnavailable
from ._jre import Jre
from ._log import log
from ._state import state

MAKER_TIMEOUT_S = 110  # less than a claim lives


def child(task: dict[str, Any]) -> None:
    """Run a task in the child process."""
    _platform.unshield_thread()
    if task["task"] == "probe":
        try:
            _start(task, [option for option in task["options"] if option != "-Xlog:disable"])
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


def _start(task: dict[str, Any], options: list[str]) -> None:
    state.host = _hosts.JniHost(Jre(*task["jre"]), _hosts.class_path(task["jar"]), options)
    state.builtins = _boot.make_builtins(
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
    _start(task, [*task["options"], f"-XX:AOTCacheOutput={temporary}"])
    functions = {name: builtin.function for name, builtin in state.builtins.items()}
    for module, prepare in task["packages"]:
        try:
            importlib.import_module(module)
            _registry.resolve(prepare)(functions, _boot.warm)
        except Exception:
            log.debug("training %s", prepare, exc_info=True)
    state.host.destroy()
