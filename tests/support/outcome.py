"""All that a call does that can be seen from outside: value or exception, warnings, log records, serde events.

The library warns once a type and remembers it in module sets; these are emptied before each call, or the side that
runs second would stay silent.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

from langgraph.checkpoint.serde import event_hooks, jsonplus

from support.same import Difference, assert_same

_LOGGERS = (jsonplus.logger, event_hooks.logger)
_REMEMBERED = (
    jsonplus._warned_unregistered_types,
    jsonplus._warned_blocked_types,
    getattr(jsonplus, "_warned_unreconstructable_types", set()),  # since checkpoint 4.3
)


@dataclasses.dataclass
class Outcome:
    """One call's result; ``error`` describes the exception (the exception itself would keep frames alive)."""

    value: Any = None
    error: tuple[Any, ...] | None = None
    traces: list[tuple[Any, ...]] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        return repr(self.error) if self.error else f"{self.value!r:.300}"


class _Trace(logging.Handler):
    def __init__(self, into: list[tuple[Any, ...]]) -> None:
        super().__init__()
        self.into = into

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        self.into.append(
            ("log", record.name, record.levelno, record.getMessage(), error, record.funcName)
        )


def describe(error: BaseException | None, depth: int = 4) -> tuple[Any, ...] | None:
    """Type, message, notes and the chain behind an exception, as plain data."""
    if error is None or depth == 0:
        return None
    try:
        text = str(error)
    except Exception as e:
        text = f"<unprintable: {type(e).__name__}>"
    return (
        type(error),
        text,
        tuple(getattr(error, "__notes__", ())),
        describe(error.__cause__, depth - 1),
        describe(error.__context__, depth - 1),
        error.__suppress_context__,
    )


def forget_warned() -> None:
    """Empty the library's once-only memories."""
    for remembered in _REMEMBERED:
        remembered.clear()


def outcome(fn: Callable[..., Any], *args: Any) -> Outcome:
    """Call *fn* and record everything. Every exception is caught, KeyboardInterrupt too: it may be the expected one."""
    forget_warned()
    out = Outcome()
    traces = out.traces
    handler = _Trace(traces)
    stop = event_hooks.register_serde_event_listener(
        lambda event: traces.append(("event", dict(event)))
    )

    def show(message: Any, category: Any, filename: str, lineno: int, *_: Any) -> None:
        traces.append(("warning", category, str(message), os.path.basename(filename), lineno))

    for log in _LOGGERS:
        log.addHandler(handler)
        log.propagate = False  # pytest would keep every record
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show  # type: ignore[assignment]
            try:
                out.value = fn(*args)
            except BaseException as e:
                out.error = describe(e)
    finally:
        for log in _LOGGERS:
            log.removeHandler(handler)
            log.propagate = True
        stop()
    return out


def quiet(fn: Callable[..., Any], *args: Any) -> Outcome:
    """Call *fn* as a process does that has warned already and has no listener: nothing is reset, nothing is heard."""
    out = Outcome()
    handler = _Trace(out.traces)
    for log in _LOGGERS:
        log.addHandler(handler)
        log.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                out.value = fn(*args)
            except BaseException as e:
                out.error = describe(e)
    finally:
        for log in _LOGGERS:
            log.removeHandler(handler)
            log.propagate = True
    return out


def assert_same_outcome(ours: Outcome, theirs: Outcome, *, message: bool = True) -> None:
    """Same value or same exception, and the same traces in the same order."""
    if (ours.error is None) != (theirs.error is None):
        raise Difference(f"ours {ours} but the original {theirs}")
    if ours.error is not None and theirs.error is not None:
        left, right = (ours.error, theirs.error) if message else (ours.error[:1], theirs.error[:1])
        if left != right:
            raise Difference(f"exception: ours {left} but the original {right}")
    else:
        assert_same(ours.value, theirs.value)
    if ours.traces != theirs.traces:
        raise Difference(f"traces: ours {ours.traces} but the original {theirs.traces}")
