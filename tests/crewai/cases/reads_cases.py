"""Names of tools; the original beside ours."""

from __future__ import annotations

from typing import Any

import pytest
from calls import outcome, served
from crewai.utilities import string_utils
from hypothesis import given
from hypothesis import strategies as st

NAME = string_utils.sanitize_tool_name


@given(st.text() | st.sampled_from(["SearchTool", "a" * 90, "HTTPGet it!", "", "Ünï code", "'q'"]))
def test_names(name: str) -> None:
    for _ in range(2):
        assert served(NAME, name) == NAME.__wrapped__(name)
        assert served(NAME, name, 20) == NAME.__wrapped__(name, 20)


@pytest.mark.parametrize("name", [None, 5, b"bytes", type("Text", (str,), {})("Some Tool")])
def test_other_names(name: Any) -> None:
    assert outcome(NAME, name) == outcome(NAME.__wrapped__, name)


def test_signature() -> None:
    import inspect

    assert inspect.signature(NAME) == inspect.signature(NAME.__wrapped__)
    assert NAME(name="A Tool", max_length=64) == "a_tool"


def test_modules_use_ours() -> None:
    from crewai.tools import base_tool, tool_usage

    assert base_tool.sanitize_tool_name is tool_usage.sanitize_tool_name is NAME
