"""The two sides: the patched serializer and the untouched original behind it.

``FAST_TEST_SIDES=original`` makes both sides the original, to work on the suites themselves without Java.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("FAST_JVM", "eager")

ACCELERATED = os.environ.get("FAST_TEST_SIDES", "") != "original"

if ACCELERATED:
    import fast_langgraph  # noqa: F401  (registers the hooks; must come before the library)

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer  # noqa: E402

_ORIGINAL_DUMPS = inspect.unwrap(JsonPlusSerializer.__dict__["dumps_typed"])
_ORIGINAL_LOADS = inspect.unwrap(JsonPlusSerializer.__dict__["loads_typed"])

DUMPS, LOADS = "dumps_typed", "loads_typed"


class OriginalSerializer(JsonPlusSerializer):
    """The library's own code, whatever is patched."""

    dumps_typed = _ORIGINAL_DUMPS  # type: ignore[assignment]
    loads_typed = _ORIGINAL_LOADS  # type: ignore[assignment]


# error messages name the class
OriginalSerializer.__name__ = OriginalSerializer.__qualname__ = JsonPlusSerializer.__name__


@dataclasses.dataclass(frozen=True)
class Counters:
    """What one patch has done so far."""

    calls: int = 0
    declines: int = 0
    callbacks: int = 0

    def __sub__(self, other: Counters) -> Counters:
        return Counters(
            self.calls - other.calls,
            self.declines - other.declines,
            self.callbacks - other.callbacks,
        )

    def __add__(self, other: Counters) -> Counters:
        return Counters(
            self.calls + other.calls,
            self.declines + other.declines,
            self.callbacks + other.callbacks,
        )


def counters() -> dict[str, Counters]:
    """Per patch (short name): calls, declines, callbacks."""
    if not ACCELERATED:
        return {DUMPS: Counters(), LOADS: Counters()}
    import fast_jvm

    return {
        p.name.rpartition(".")[2]: Counters(p.calls, p.declines, p.callbacks)
        - ASIDE.get(p.name.rpartition(".")[2], Counters())
        for p in fast_jvm.status().patches
        if p.name.endswith((DUMPS, LOADS))
    }


ASIDE: dict[str, Counters] = {}
"""Calls that are not part of any comparison."""


@contextmanager
def aside(name: str, patch: str) -> Iterator[None]:
    """What builtin *name* does inside is not counted for *patch*."""
    from fast_jvm import _state

    counted = _state.state.builtins[name]
    before = Counters(*counted.counters)
    try:
        yield
    finally:
        ASIDE[patch] = ASIDE.get(patch, Counters()) + (Counters(*counted.counters) - before)


@functools.cache
def builtin(name: str) -> Any:
    """One of Java's builtins itself, without the Python function around it."""
    from fast_jvm import _state

    return _state.state.builtins[name].function


def start() -> None:
    """Boot and wait; raises where Java does not serve, so that no suite passes by declining."""
    if not ACCELERATED:
        return
    import fast_jvm

    if not fast_jvm.wait_ready(timeout=120):
        raise RuntimeError(f"not ready after two minutes:\n{fast_jvm.status()}")
    states = {p.name.rpartition(".")[2]: (p.state, p.reason) for p in fast_jvm.status().patches}
    for name in (DUMPS, LOADS):
        if states.get(name, ("missing", ""))[0] != "live":
            raise RuntimeError(f"{name} is not live: {states.get(name)}\n{fast_jvm.status()}")
        if not hasattr(getattr(JsonPlusSerializer, name), "__wrapped__"):
            raise RuntimeError(f"{name} is live but has no __wrapped__")


@dataclasses.dataclass(frozen=True)
class Pair:
    """One configuration on both sides."""

    ours: Any
    theirs: Any

    def map(self, fn: Any) -> Pair:
        """The same derivation on both sides."""
        return Pair(fn(self.ours), fn(self.theirs))


def pair(**kwargs: Any) -> Pair:
    """Serializers of both sides with the same arguments."""
    return Pair(JsonPlusSerializer(**kwargs), OriginalSerializer(**kwargs))


@functools.cache
def default_pair() -> Pair:
    """The default configuration (permissive, warns)."""
    return pair()


@dataclasses.dataclass
class Volume:
    """How many values were compared, and what Java did for them, per suite."""

    values: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    work: dict[str, dict[str, Counters]] = dataclasses.field(default_factory=dict)
    suite: str = ""
    stored: dict[str, set[int]] = dataclasses.field(default_factory=dict)

    @contextmanager
    def of(self, suite: str) -> Iterator[None]:
        """Charge what happens inside to *suite*."""
        self.suite = suite
        before = counters()
        try:
            yield
        finally:
            after = counters()
            done = self.work.setdefault(suite, {})
            for name, now in after.items():
                done[name] = done.get(name, Counters()) + (now - before.get(name, Counters()))

    def count(self, n: int = 1, stored: Any = None) -> None:
        """*n* more values were compared; *stored* is their form on the wire, to tell how many were distinct."""
        self.values[self.suite] += n
        if isinstance(stored, bytes):
            self.stored.setdefault(self.suite, set()).add(hash(stored))

    def lines(self) -> list[str]:
        """A table for the terminal."""
        out = [
            f"{'suite':<28}{'values':>9}{'distinct':>10}   {'patch':<12}{'calls':>10}{'declines':>10}{'callbacks':>10}"
        ]
        for suite, work in self.work.items():
            head = f"{suite:<28}{self.values[suite]:>9}{len(self.stored.get(suite, ())):>10}"
            for name, c in work.items():
                out.append(f"{head}   {name:<12}{c.calls:>10}{c.declines:>10}{c.callbacks:>10}")
                head = " " * 47
        distinct = len(set().union(*self.stored.values()))
        out.append(f"{'all':<28}{sum(self.values.values()):>9}{distinct:>10}")
        return out


VOLUME = Volume()
