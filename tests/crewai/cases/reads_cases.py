"""Private attributes of models and names of tools; the original beside ours."""

from __future__ import annotations

from typing import Any

import pytest
from crewai.utilities import string_utils
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel
from sides import outcome, served

READ = BaseModel.__getattr__
NAME = string_utils.sanitize_tool_name


class Descriptor:
    def __get__(self, instance: Any, owner: Any = None) -> str:
        return "described"


class Sly:
    """A __get__ of the instance's own."""

    def __init__(self) -> None:
        self.__get__ = lambda instance, owner: "sly"


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")
    field: int = 1
    _set: list[int] = PrivateAttr(default_factory=lambda: [1])
    _none: Any = PrivateAttr(default=None)
    _unset: int = PrivateAttr()
    _described: Any = PrivateAttr(default=Descriptor())
    _sly: Any = PrivateAttr(default=Sly())
    _type: Any = PrivateAttr(default=Descriptor)

    @property
    def failing(self) -> int:
        raise AttributeError("from inside")


class Child(Model):
    _own: str = PrivateAttr(default="own")
    _none: Any = PrivateAttr(default="not none")


class Root(RootModel[list[int]]):
    _more: int = PrivateAttr(default=3)


NAMES = [
    "_set", "_none", "_unset", "_described", "_sly", "_type", "_own", "_more", "failing", "extra", "missing", "__dunder__",
    "__pydantic_private__", "model_fields",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "make",
    [
        Model,
        Child,
        lambda: Root([1]),
        lambda: Model(extra=4),
        lambda: Model.model_construct(),
        lambda: Model.__new__(Model),
    ],
)
def test_reads(make: Any, name: str) -> None:
    model = make()
    ours, theirs = outcome(READ, model, name), outcome(READ.__wrapped__, model, name)
    assert ours is theirs or ours == theirs
    ours, theirs = outcome(getattr, model, name, "none"), outcome(READ.__wrapped__, model, name)
    assert ours == "none" or repr(ours) == repr(theirs) or name in vars(type(model))


def test_private_attributes_are_served() -> None:
    model = Child()
    assert served(READ, model, "_set") is model.__pydantic_private__["_set"]
    model._set = [2]
    assert served(READ, model, "_set") == [2]
    del model._set
    with pytest.raises(AttributeError):
        model._set  # noqa: B018


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
