"""Java up, and what it served printed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import fast_jvm
from fast_jvm import _deepcopy
from fast_jvm._builtins import Builtin
from fast_jvm._state import state


@pytest.fixture(scope="session")
def builtin() -> Builtin:
    """The builtin, set up."""
    fast_jvm.require("deepcopy", timeout=60)
    _deepcopy.set_up()
    assert _deepcopy._serve is not None
    return state.builtins["deepcopy"]  # type: ignore[no-any-return]


@pytest.fixture(params=["ready", "off"])
def served(
    request: pytest.FixtureRequest, builtin: Builtin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[bool]:
    """Whether Java serves; without it the original must, and equal itself."""
    ready = request.param == "ready"
    if not ready:
        monkeypatch.setattr(_deepcopy, "_serve", None)
        monkeypatch.setattr(_deepcopy, "_never", True)
    before = builtin.counters
    yield ready
    after = builtin.counters
    calls, declines = after.calls - before.calls, after.declines - before.declines
    print(
        f"deepcopy: {calls} calls, {declines} declines, {after.callbacks - before.callbacks} callbacks"
    )
    assert (calls > 0) == ready
