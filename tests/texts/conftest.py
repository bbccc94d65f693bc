"""The builtin json_text, and what it served printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import pytest

import fast_jvm
from fast_jvm._state import state


@pytest.fixture(scope="session")
def text() -> Iterator[Callable[[Any, Any], Any]]:
    """The builtin."""
    fast_jvm.require("json_text", timeout=60)
    builtin = state.builtins["json_text"]
    before = builtin.counters
    yield builtin.function
    after = builtin.counters
    print(
        f"json_text: {after.calls - before.calls} calls, {after.declines - before.declines} declines"
    )
