"""Pytest plugin for LangGraph's own suite: where it makes a cache in memory or SQLite, it gets a CaffeineCache."""

from __future__ import annotations

from typing import Any

import langgraph.cache.memory
import langgraph.cache.sqlite
import pytest

import fast_langgraph

made: list[Any] = []


class Cache(fast_langgraph.CaffeineCache):  # type: ignore[type-arg]
    """As the originals are made."""

    def __init__(self, *, path: str = "", serde: Any = None) -> None:
        super().__init__(max_bytes=1 << 24, serde=serde)
        made.append(self)


langgraph.cache.memory.InMemoryCache = Cache  # type: ignore[assignment,misc]
langgraph.cache.sqlite.SqliteCache = Cache  # type: ignore[assignment,misc]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run that asked no cache says nothing."""
    hits = sum(each.cache_stats()["hits"] for each in made)
    if not hits:
        session.exitstatus = pytest.ExitCode.USAGE_ERROR
        raise pytest.UsageError(f"{len(made)} caches were made, and none was hit")
