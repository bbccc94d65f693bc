"""ToolCache beside crewai's own handler, alone and in kickoffs."""

from __future__ import annotations

import copy
import threading
import time
from typing import Any

import pytest
from crewai import Agent
from crewai.agents.cache.cache_handler import CacheHandler
from crewai.tools import BaseTool
from crewai.tools.tool_failure import ToolFailure, ToolFailureReason
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, crew

import fast_crewai
from fast_crewai import ToolCache

RESULTS = st.text() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
CACHE: list[Any] = []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=3), RESULTS), max_size=8))
def test_as_the_original(steps: Any) -> None:
    if not CACHE:
        CACHE.append(ToolCache(8 << 20))
    ours, theirs = CACHE[0], CacheHandler()
    ours.clear()
    for tool, text, result in steps:
        ours.add(tool=tool, input=text, output=result)
        theirs.add(tool=tool, input=text, output=result)
        for asked, given_text, _ in steps:
            one = ours.read(tool=asked, input=given_text)
            other = theirs.read(tool=asked, input=given_text)
            assert type(one) is type(other) and one == other


def test_what_is_not_kept() -> None:
    cache = ToolCache(1 << 20)
    cache.add("a", "x", "first")
    cache.add("a", "x", threading.Lock())
    assert cache.read("a", "x") is None
    cache.add("a", "x", ToolFailure(message="no", reason=ToolFailureReason.INVALID_INPUT))
    assert cache.read("a", "x") is None
    cache.add("a", "b", "in")
    assert cache.read("ab", "") is None and cache.read("", "ab") is None


def test_bounds() -> None:
    cache = ToolCache(100_000)
    for number in range(200):
        cache.add("tool", str(number), "x" * 5_000)
    told = cache.cache_stats()
    assert told["bytes"] <= told["max_bytes"] == 100_000 and told["evictions"] > 100
    cache.add("tool", "large", "x" * 200_000)
    assert cache.read("tool", "large") is None


def test_time() -> None:
    cache = ToolCache(1 << 20, ttl=0.3)
    cache.add("tool", "x", "kept")
    assert cache.read("tool", "x") == "kept"
    time.sleep(0.4)
    assert cache.read("tool", "x") is None


def test_wrong_bounds() -> None:
    for wrong in (0, -1, True, 1.5, "1"):
        with pytest.raises((TypeError, ValueError)):
            ToolCache(wrong)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        fast_crewai.NoSuchThing  # noqa: B018


def test_copies_share_it() -> None:
    cache = ToolCache(1 << 20)
    assert copy.deepcopy({"cache": cache})["cache"] is cache and copy.copy(cache) is cache


class Counting(BaseTool):
    name: str = "Counting"
    description: str = "Counts."
    runs: list[int] = []

    def _run(self, number: int) -> str:
        self.runs.append(number)
        return f"counted {number}"


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("way", ["agent", "crew"])
@pytest.mark.parametrize("keep", [True, False])
def test_kickoffs(native: bool, way: str, keep: bool) -> None:
    """The second agent's same calls are answered out of the cache, if the tool lets them be kept."""
    runs: list[int] = []
    steps: list[Any] = [("counting", {"number": 1}), ("counting", {"number": 2})]
    cache = ToolCache(1 << 20)

    def tools() -> list[Any]:
        made = Counting(cache_function=lambda given, result: keep)
        made.runs = runs
        return [made]

    if way == "crew":
        made = crew(native, steps, 2, 2, tools, cache=True)
        cache.use_in(made)
        made.kickoff(inputs={"who": "them"})
    else:
        for _ in range(2):
            Agent(
                role="Worker", goal="g", backstory="b", tools=tools(), cache_handler=cache,
                llm=Scripted(model="scripted", native=native, steps=steps),
            ).kickoff("Do it")  # fmt: skip
    assert runs == ([1, 2] if keep else [1, 2, 1, 2])
    told = cache.cache_stats()
    assert (told["hits"], told["size"]) == ((2, 2) if keep else (0, 0))
