"""LangGraph with the patches of its steps in place, and without."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any, Iterator
from unittest import mock

from fast_jvm import _registry
from fast_langgraph._patches import STEPS

Counters = dict[str, int]


def original_of(target: str) -> Any:
    """The library's own function, whatever stands in its place; its own decorators stay on it."""
    found = _registry.resolve(target)
    while hasattr(found, "served"):
        found = found.__wrapped__
    return found


def made(name: str) -> Any:
    """A live replacement around the original, by its patch's name."""
    patch = next(patch for patch in STEPS if patch.name == f"langgraph.{name}")
    replacement, activate = _registry.resolve(patch.make)(
        original_of(patch.target), lambda ns: None
    )
    activate({})
    return replacement


@contextlib.contextmanager
def in_place(served: Counters | None) -> Iterator[None]:
    """All replacements, whose calls are added to *served*; the originals for None."""
    with contextlib.ExitStack() as stack:
        switches = []
        for patch in STEPS:
            module, _, qualname = patch.target.partition(":")
            owner: Any = importlib.import_module(module)
            *path, name = qualname.split(".")
            for part in path:
                owner = getattr(owner, part)
            original = original_of(patch.target)
            if served is None:
                stack.enter_context(mock.patch.object(owner, name, original))
                continue
            replacement, activate = _registry.resolve(patch.make)(original, lambda ns: None)
            stack.enter_context(mock.patch.object(owner, name, replacement))
            switches.append((patch.name.partition(".")[2], replacement, activate))
        for _, _, activate in switches:
            activate({})
        yield
        for name, replacement, _ in switches:
            assert served is not None
            served[name] = served.get(name, 0) + replacement.served
