"""Schemas and descriptions of tools; the original beside ours, also where a class is changed."""

from __future__ import annotations

import enum
import gc
import json
import threading
import weakref
from typing import Any, Literal, Optional, Union

import pytest
from calls import declined, outcome, served
from crewai.tools import BaseTool
from crewai.tools import structured_tool as tools
from crewai.utilities import pydantic_schema_utils as utils
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model, field_validator
from pydantic.json_schema import GenerateJsonSchema, SkipJsonSchema

from fast_crewai import _schemas

SCHEMA = vars(BaseModel)["model_json_schema"].__func__
DESCRIBE = utils.generate_model_description
TEXT = tools.format_description_for_llm


class Inner(BaseModel):
    """The inner one."""

    words: list[str] = []
    more: dict[str, Any] = Field(default_factory=dict, examples=[{"a": 1}])


class Tree(BaseModel):
    value: int = Field(ge=0, le=10, description="A number")
    children: list[Tree] = []
    parent: Optional[Tree] = None


class Query(BaseModel):
    """What to look for.

    In two lines.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())
    query: str = Field(alias="q", min_length=1, json_schema_extra={"examples": ["x"]})
    kind: Literal["a", "b", 3] = "a"
    inner: Inner
    either: Union[int, str, None] = None
    pair: tuple[int, str] = (1, "a")

    @field_validator("kind")
    @classmethod
    def checked(cls, value: Any) -> Any:
        return value


class Colour(enum.Enum):
    RED = "red"


class Enums(BaseModel):
    colour: Colour = Colour.RED


class Own(BaseModel):
    x: int

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return {**handler(schema), "title": "own"}


class Overridden(BaseModel):
    x: int

    @classmethod
    def model_json_schema(cls, *given: Any, **named: Any) -> Any:
        return {"type": "object", "properties": {"y": {"type": "integer"}}}


class Extra(BaseModel):
    model_config = ConfigDict(json_schema_extra=lambda schema: schema.update(seen=len(schema)))
    x: int


class Skipped(BaseModel):
    x: SkipJsonSchema[int] = 3


PLAIN = [Inner, Tree]
ODD = [Enums, Own, Extra, Skipped]


def ours(cls: Any, **named: Any) -> Any:
    return SCHEMA(cls, **named)


def theirs(cls: Any, **named: Any) -> Any:
    return SCHEMA.__wrapped__(cls, **named)


def text(value: Any) -> str:
    """With the order of keys."""
    return json.dumps(value, default=repr)


def all_equal(cls: Any) -> None:
    for _ in range(2):
        assert text(outcome(ours, cls)) == text(outcome(theirs, cls))
        named = {"ref_template": "#/$defs/{model}"}
        assert text(outcome(ours, cls, **named)) == text(outcome(theirs, cls, **named))
        for strip in (True, False):
            assert text(outcome(DESCRIBE, cls, strip_null_types=strip)) == text(
                outcome(DESCRIBE.__wrapped__, cls, strip_null_types=strip)
            )
        assert outcome(TEXT, "A tool", cls, "does") == outcome(
            TEXT.__wrapped__, "A tool", cls, "does"
        )


@pytest.mark.parametrize("cls", PLAIN)
def test_served(cls: Any) -> None:
    all_equal(cls)
    for function in (SCHEMA, DESCRIBE):
        first, second = served(function, cls), served(function, cls)
        assert first == second and first is not second
        second.clear()
        assert served(function, cls) == first
    served(TEXT, "A tool", cls, "does")


@pytest.mark.parametrize("cls", [*ODD, Query, Overridden])
def test_equal(cls: Any) -> None:
    all_equal(cls)


@pytest.mark.parametrize("cls", ODD)
def test_left_to_the_original(cls: Any) -> None:
    declined(SCHEMA, cls)
    declined(DESCRIBE, cls)
    declined(TEXT, "a", cls, "b")


FIELDS: Any = st.sampled_from(
    [
        (int, ...), (str, "x"), (float, 1.5), (bool, True), (Optional[int], None),
        (list[str], []), (dict[str, int], {}), (Inner, ...), (Optional[Tree], None),
        (Literal["a", 1], "a"), (Any, None), (set[int], ...), (tuple[int, ...], ()),
        (Union[int, list[str]], 3), (Colour, Colour.RED), (bytes, b"x"),
        (int, Field(default=3, description="d", gt=1)), (str, Field(alias="other")),
        (list[Inner], Field(default_factory=list)), (float, float("inf")),
    ]
)  # fmt: skip


@given(st.lists(FIELDS, max_size=6), st.text(max_size=8), st.sampled_from([{}, {"title": "T"}]))
def test_generated(fields: Any, doc: str, config: Any) -> None:
    made: Any = create_model(
        "Made",
        __config__=ConfigDict(**config),
        __doc__=doc,
        **{f"field_{number}": each for number, each in enumerate(fields)},
    )
    all_equal(made)


def changeable() -> Any:
    class Changing(BaseModel):
        """First."""

        x: int = 3
        items: list[int] = Field(default=[1], json_schema_extra={"examples": [1]})
        inner: Optional[Inner] = None

    return Changing


def rebuilt(cls: Any) -> None:
    cls.model_fields["x"].description = "new"
    cls.model_rebuild(force=True)


def doc(cls: Any) -> None:
    cls.__doc__ = "Second."


def name(cls: Any) -> None:
    cls.__name__ = "Other"


def config(cls: Any) -> None:
    cls.model_config["title"] = "New title"


def extra(cls: Any) -> None:
    cls.model_config = {**cls.model_config, "json_schema_extra": {"more": 1}}


def default(cls: Any) -> None:
    cls.model_fields["items"].default.append(2)


def examples(cls: Any) -> None:
    cls.model_fields["items"].json_schema_extra["examples"].append(True)


def deprecated(cls: Any) -> None:
    cls.__deprecated__ = "old"


CHANGES = [rebuilt, doc, name, config, extra, default, examples, deprecated]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_classes(change: Any) -> None:
    cls = changeable()
    all_equal(cls)
    served(SCHEMA, cls)
    before = text(ours(cls))
    change(cls)
    all_equal(cls)
    assert text(ours(cls)) != before


def test_a_changed_inner_class(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = changeable()
    served(SCHEMA, cls)
    monkeypatch.setattr(Inner, "__doc__", "Changed.")
    all_equal(cls)
    assert "Changed." in text(ours(cls))


def test_replaced_makers_are_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = changeable()
    all_equal(cls)
    with monkeypatch.context() as patch:
        patch.setattr(GenerateJsonSchema, "int_schema", lambda self, schema: {"type": "replaced"})
        assert "replaced" in text(ours(cls)) and "replaced" in TEXT("a", cls, "b")
    with monkeypatch.context() as patch:
        patch.setattr(utils, "resolve_refs", lambda schema: {"type": "object"})
        all_equal(cls)
        assert DESCRIBE(cls)["json_schema"]["schema"] != ours(cls)
    with monkeypatch.context() as patch:
        patch.setattr(tools, "sanitize_tool_name", lambda name: "replaced")
        assert "replaced" in TEXT("a", cls, "b")
    all_equal(cls)


def test_classes_that_are_not_ready() -> None:
    class Waiting(BaseModel):
        later: "Later"  # type: ignore[name-defined]  # noqa: F821

    assert outcome(ours, Waiting) == outcome(theirs, Waiting)
    Waiting.model_rebuild(_types_namespace={"Later": Inner})
    all_equal(Waiting)
    served(SCHEMA, Waiting)


@pytest.mark.parametrize("given", [BaseModel, None, 3, int, "text", Inner(words=[])])
def test_other_arguments(given: Any) -> None:
    for function in (DESCRIBE, lambda each: TEXT("a", each, "b")):
        original = getattr(function, "__wrapped__", lambda each: TEXT.__wrapped__("a", each, "b"))
        assert text(outcome(function, given)) == text(outcome(original, given))


def test_other_ways_to_ask() -> None:
    for named in ({"by_alias": False}, {"mode": "serialization"}):
        assert ours(Query, **named) == theirs(Query, **named)
    assert Query.model_json_schema(True, "#/x/{model}") == theirs(Query, ref_template="#/x/{model}")

    class Generator(GenerateJsonSchema):
        def int_schema(self, schema: Any) -> Any:
            return {"type": "own"}

    assert "own" in text(Tree.model_json_schema(schema_generator=Generator))


def test_few_classes_are_kept() -> None:
    gone = []
    for number in range(_schemas.CLASSES + 40):
        made = create_model(f"Made{number}", x=(int, number))
        served(SCHEMA, made)
        gone.append(weakref.ref(made))
    del made
    gc.collect()
    assert sum(each() is not None for each in gone) <= _schemas.CLASSES


def test_threads() -> None:
    wrong = []

    def run() -> None:
        for number in range(60):
            made = create_model(f"T{number}", x=(int, number))
            if ours(made) != theirs(made) or ours(Tree) != theirs(Tree):
                wrong.append(number)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_tools_show_theirs() -> None:
    class Search(BaseTool):
        name: str = "Search"
        description: str = "Looks for words."
        args_schema: type[BaseModel] = Inner

        def _run(self, words: list[str]) -> str:
            return ""

    before = TEXT.served
    shown = Search().to_structured_tool().formatted_description
    assert shown == TEXT.__wrapped__("Search", Inner, "Looks for words.")
    assert TEXT.served > before
