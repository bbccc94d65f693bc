"""Keeps the process as it was: signals, faulthandler, fork, stack sizes, exit."""

from __future__ import annotations

import ctypes
import sys
import threading
from typing import Any

JVM_SIGNALS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL")


def forbidden() -> str:
    """Say why a JVM must not be started here; empty when it may."""
    return ""


def before_start() -> Any:
    return None


def started(before: Any) -> None:
    return None
