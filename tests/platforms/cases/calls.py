"""A replacement and its original, called with the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def outcome(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a call returns, or the error that it raises."""
    try:
        return function(*arguments, **named)
    except Exception as error:
        return type(error), str(error)


def served(function: Any, *arguments: Any, **named: Any) -> Any:
    """What ours returns; fails where the original served."""
    before = function.served
    found = function(*arguments, **named)
    assert function.served == before + 1, "left to the original"
    return found


def declined(function: Any, *arguments: Any, **named: Any) -> Any:
    """The outcome of what is the original's to do."""
    before = function.served
    found = outcome(function, *arguments, **named)
    assert function.served == before, "not left to the original"
    return found
