"""Each scenario runs three times: without us, and live with either host; the process must not show a difference."""

from __future__ import annotations

import re
import subprocess
from typing import Any, Callable

import pytest

PROLOGUE = """
import atexit, faulthandler, gc, os, signal, sys, threading, time
import fast_jvm, fast_shapes, shapes

def live():
    ready = fast_jvm.wait_ready(40)
    assert ready or os.environ["FAST_JVM"] == "off", fast_jvm.status().reason

"""
LIMIT_S = 90

_without: dict[Any, Any] = {}


def outcome(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """What a user sees; addresses are not part of it."""
    return (
        done.returncode,
        *(re.sub("0x[0-9a-f]+", "0x", text) for text in (done.stdout, done.stderr)),
    )


@pytest.fixture(params=["jni", "jpype"])
def same(
    request: pytest.FixtureRequest, run: Any, java: str
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a scenario without us and with a host; the exit code and all output are equal."""

    def compare(code: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        settings = {"timeout": LIMIT_S, "PYTHONFAULTHANDLER": "", **settings}
        key = (code, *settings.items())
        if key not in _without:
            _without[key] = outcome(run(PROLOGUE, code, FAST_JVM="off", **settings))
        ours = run(PROLOGUE, code, FAST_JVM="auto", FAST_JVM_HOST=request.param, **settings)
        assert outcome(ours) == _without[key]
        return ours

    return compare
