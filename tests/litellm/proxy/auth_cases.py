"""What the proxy does before a request, original and ours."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import counted, originals
from litellm.proxy._types import UserAPIKeyAuth
from litellm.proxy.auth import user_api_key_auth

NAME = "litellm.proxy_destinations"


def seed() -> None:
    assert user_api_key_auth._seed_request_destinations(UserAPIKeyAuth(api_key="k")) is None


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Any:
    logger = logging.getLogger("LiteLLM Proxy")
    level = logger.level
    logger.addHandler(caplog.handler)
    yield caplog
    logger.setLevel(level)
    logger.removeHandler(caplog.handler)


def test_a_missing_package_is_not_imported_again(told: Any) -> None:
    """Without OpenTelemetry's SDK; the debug line is the original's."""
    pytest.importorskip("opentelemetry")
    assert "opentelemetry.sdk" not in sys.modules
    for _ in range(3):
        before = counted(NAME)
        seed()
        assert counted(NAME) == (before[0] + 1, before[1])
    modules = set(sys.modules)
    with originals(NAME):
        seed()
    assert set(sys.modules) == modules
    logger = logging.getLogger("LiteLLM Proxy")
    logger.setLevel(logging.DEBUG)
    lines = []
    for side in (contextlib.nullcontext(), originals(NAME)):
        told.clear()
        before = counted(NAME)
        with side:
            seed()
        lines.append([record.getMessage() for record in told.records])
    assert lines[0] == lines[1] and "opentelemetry.sdk" in lines[0][0]


def test_a_package_that_comes_later_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    seed()
    import opentelemetry

    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk" / "__init__.py").write_text("came = True\n")
    monkeypatch.setattr(opentelemetry, "__path__", [*opentelemetry.__path__, str(tmp_path)])
    before = counted(NAME)
    seed()
    assert counted(NAME) == (before[0], before[1] + 1)
    assert sys.modules.pop("opentelemetry.sdk").came
    monkeypatch.undo()
    seed()
    assert counted(NAME) == (before[0] + 1, before[1] + 1)
