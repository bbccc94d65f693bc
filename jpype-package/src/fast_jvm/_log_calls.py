"""Calls of the builtins that keep logs: their errors, and a Java that is gone."""

from __future__ import annotations

from typing import Any, Callable

from . import require


def log_calls(name: str, folder: str) -> Callable[..., Any]:
    """Return what calls a log's builtin; it raises OSError where a file cannot serve, FastJvmUnavailable without Java.

    Java says an error as a str, "errno text".
    """
    builtin = require(name)[name]

    def call(*arguments: Any) -> Any:
        result = builtin(*arguments)
        if result is NotImplemented:
            require(name)  # names the reason
            raise OSError(f"{folder}: the log cannot be used")
        if type(result) is str:
            errno, _, text = result.partition(" ")
            raise OSError(int(errno), text, folder)
        return result

    return call
