"""What belongs to the process: a JVM's start changes none of it, and is not tried where it would end it."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable

import pytest

HOSTS = pytest.mark.parametrize("host", ["jni", "jpype"])
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
STATE = """
import ctypes, os, resource, signal, threading
libc = ctypes.PyDLL(None)
libc.setlocale.restype = ctypes.c_char_p
resource.setrlimit(resource.RLIMIT_NOFILE, (500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
def read(path):
    try:
        with open(path) as file: return file.read()
    except OSError: return ""
def state():
    umask = os.umask(0)
    os.umask(umask)
    return {
        "locale": libc.setlocale(6, None), "umask": umask, "folder": os.getcwd(), "fpu": libc.fegetround() if hasattr(libc, "fegetround") else 0,
        "limits": [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
        "nice": os.getpriority(os.PRIO_PROCESS, 0), "mask": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "dumped": read("/proc/self/coredump_filter"), "killed": read("/proc/self/oom_score_adj"),
        "environment": read("/proc/self/environ"),
    }
first = state()
"""


@pytest.mark.line(
    "surroundings", "the process's locale, limits, umask, core filter, environment", "as they were"
)
@POSIX
@HOSTS
def test_unchanged(around: Callable[..., Any], host: str) -> None:
    same = """
now = state()
print([name for name in now if now[name] != first[name]])
"""
    seen = around(STATE, after=same, FAST_JVM_HOST=host, LANG="C.UTF-8", LC_ALL="").by_java()
    assert seen.stdout == "[]\n"


@pytest.mark.line(
    "surroundings", "hardly any file or thread left to the process", "originals serve"
)
@POSIX
@HOSTS
def test_few_files(around: Callable[..., Any], host: str) -> None:
    """A JVM that cannot load its libraries would end the process."""
    few = "import resource, json, fast_jvm, fast_shapes, shapes, ctypes; resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))"
    modules = "from fast_jvm import _guard, _hosts, _cache, _aot, _fingerprint, _status"
    around(modules, few, FAST_JVM_HOST=host).by_originals("files are open (RLIMIT_NOFILE)")


@pytest.mark.line(
    "surroundings", "hardly any file or thread left to the process", "originals serve"
)
@POSIX
def test_few_threads(around: Callable[..., Any]) -> None:
    if os.geteuid() == 0:
        pytest.skip("root is not limited")
    few = "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (6, 6))"
    seen = around(few, FAST_JVM_HOST="jni")
    assert not seen.ready and "thread" in seen.reason
