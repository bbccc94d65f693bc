"""pydantic v2 models of the user's own."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import models as m
from support import objects as o
from support.check import check, check_all
from support.plugin import examples


@examples(350)
@given(st.lists(o.typed_models(), min_size=6, max_size=6))
def test_fields(values: list[Any]) -> None:
    """Every kind of field."""
    check_all(values)


@examples(200)
@given(st.lists(o.behaving_models(), min_size=10, max_size=10))
def test_behaviour(values: list[Any]) -> None:
    """Validators, serializers, private attributes, overrides."""
    check_all(values)


@examples(700)
@given(st.lists(o.mutated_models(), min_size=10, max_size=10))
def test_content_that_does_not_fit(values: list[Any]) -> None:
    """Warnings and errors are the original's."""
    check_all(values)


@examples(60)
@given(st.lists(o.secrets(), min_size=8, max_size=8))
def test_secrets(values: list[Any]) -> None:
    """SecretStr and its kin."""
    check_all(values)


def test_many_of_one_class() -> None:
    """Two hundred of the plain user model; defaults must not be shared between the loaded ones."""
    check([m.Scalars(name=f"n{i}", count=i, note="é") for i in range(200)], count=200)
    check([m.DefaultFactories() for _ in range(50)], count=50)
    check([m.Containers() for _ in range(50)], count=50)
    check(
        [m.Nested(one=m.Scalars(name="a"), some=[m.Scalars(name=str(i))]) for i in range(50)],
        count=50,
    )


@pytest.mark.parametrize("n", [0, 1, 2, 15, 16, 17, 40])
def test_number_of_fields(n: int) -> None:
    """The map's header changes at 16."""
    cls = pydantic.create_model("Made", **{f"f{i}": (int, i) for i in range(n)})  # type: ignore[call-overload]
    cls.__module__ = "support.models"
    m.Made = cls  # type: ignore[attr-defined]
    try:
        check(cls())
        check([cls(), cls()])
    finally:
        del m.Made  # type: ignore[attr-defined]


def test_a_model_changed_between_calls() -> None:
    """Fields added, dump overridden, config changed, rebuilt, on the class, a base and the instance."""

    class Root(pydantic.BaseModel):
        a: int = 1

    class Leaf(Root):
        b: str = "b"

    value = Leaf()
    check(value)
    Leaf.model_dump = lambda self, **kw: {"a": 5}  # type: ignore[method-assign,assignment]
    check(value)
    del Leaf.model_dump
    check(value)
    Root.model_dump = lambda self, **kw: {"a": 6}  # type: ignore[method-assign,assignment]
    check(value)
    del Root.model_dump
    check(value)
    object.__setattr__(value, "__dict__", {**value.__dict__, "model_dump": lambda: {"a": 7}})
    check(value)
    value = Leaf()
    Leaf.model_fields["a"].exclude = True
    Leaf.model_rebuild(force=True)
    check(value)
    Leaf.model_config["extra"] = "allow"
    Leaf.model_rebuild(force=True)
    check(Leaf(x=1))  # type: ignore[call-arg]


def test_instances_stored_under_another_class() -> None:
    """The stored name leads to another class, or to none."""

    class Hidden(pydantic.BaseModel):
        a: int = 1

    check(Hidden())
    Hidden.__module__ = "support.models"
    Hidden.__name__ = "Scalars"
    check(Hidden())  # loads as Scalars, which lacks a name: falls to model_construct
    Hidden.__name__ = "len"
    check(Hidden())
    Hidden.__module__ = "no.such.module"
    check(Hidden())
    Hidden.__module__ = "support.models"
    Hidden.__name__ = "Plain"
    check(Hidden())
