"""The JSON of flows' states by Java, of pydantic's models without a dump before, and their dumps without a copy before."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List, Tuple

from fast_jvm import _held, _json

from ._flows import Models

#: Codes of a shape, as dev.fastjvm.dump.PlainText reads them.
_SCALARS = {"str": 0, "int": 1, "float": 2, "bool": 3, "none": 4}
_NULLABLE, _LIST, _DICT, _UNION, _LITERAL, _MODEL = range(5, 11)
#: Serializers of such schemas are those of what is inside.
_TRANSPARENT = ("default", "function-before", "function-after", "function-wrap", "nullable")
#: What a core schema's config may say: nothing that a dump asks.
_CONFIG = frozenset(
    {
        "title", "strict", "extra_fields_behavior", "from_attributes", "validate_default", "frozen", "revalidate_instances",
        "populate_by_name", "validate_by_alias", "validate_by_name", "loc_by_alias", "hide_input_in_errors", "allow_inf_nan",
        "str_max_length", "str_min_length", "str_strip_whitespace", "str_to_lower", "str_to_upper", "regex_engine",
        "coerce_numbers_to_str", "cache_strings", "validation_error_cause", "url_preserve_empty_path",
    }
)  # fmt: skip
_FIELD = frozenset(
    {"type", "schema", "metadata", "validation_alias", "serialization_alias", "frozen"}
)
_SLOTS = ("__pydantic_extra__", "__pydantic_private__")
_DEEPEST = 24
_OPEN = object()
#: Classes that are kept; a flow whose state has no id makes a class of its own.
_KEPT = 32
#: So many texts are pydantic's after one that Java declined.
_PATIENCE = 32


class Unknown(Exception):
    """A schema that Java does not follow."""


class Shaped:
    """What Java makes of plain models, and of dicts, by one function of fast_jvm._json."""

    def __init__(self, models: Models, make: Callable[[Any, Any], Any] = _json.text) -> None:
        self._models, self._make = models, make
        #: of a class: its schema, its shape (None: not followed), and how often it is not asked for
        self._known: Dict[Any, List[Any]] = {}

    def __call__(self, state: Any) -> Any:
        """Return what is made, or NotImplemented."""
        if not _json.ready():
            return NotImplemented
        kind = type(state)
        known = self._known.get(kind)
        if known is None or kind is not dict and known[0] is not kind.__pydantic_core_schema__:
            known = self._find(kind)
        if known[1] is None and kind is not dict:
            return NotImplemented
        if known[2]:
            known[2] -= 1
            return NotImplemented
        made = self._make(state, known[1])
        if made is NotImplemented:
            known[2] = _PATIENCE
        return made

    def _find(self, kind: Any) -> List[Any]:
        if kind is dict:
            found = [None, None, 0]
        elif not self._models.plain_model(kind):
            return [None, None, 0]
        else:
            found = [kind.__pydantic_core_schema__, shape(kind, self._models), 0]
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[kind] = found
        return found


def shape(kind: Any, models: Models) -> Any:
    """Return the shape of a plain model's class, or None."""
    try:
        return _Reader(kind.__pydantic_core_schema__, models).made
    except (Unknown, LookupError, TypeError, AttributeError, RecursionError):
        return None


class _Reader:
    """Reads a core schema."""

    def __init__(self, schema: Any, models: Models) -> None:
        from pydantic_core import SchemaSerializer

        self._models = models
        self._serializer = SchemaSerializer
        self._slots = [vars(models.base)[name] for name in _SLOTS]
        self._definitions: Dict[str, Any] = {}
        self._shapes: Dict[str, Any] = {}
        self.made = self._of(schema, 0)

    def _of(self, schema: Any, depth: int) -> Any:
        kind = schema["type"]
        if "serialization" in schema or depth > _DEEPEST:
            raise Unknown(kind)
        if kind == "any":
            return None
        if kind in _SCALARS:
            return _SCALARS[kind]
        if kind == "definitions":
            self._definitions.update((one["ref"], one) for one in schema["definitions"])
            return self._of(schema["schema"], depth + 1)
        if kind == "definition-ref":
            return self._defined(schema["schema_ref"], depth)
        if kind in _TRANSPARENT:
            inner = self._of(schema["schema"], depth + 1)
            return (_NULLABLE, inner) if kind == "nullable" and inner is not None else inner
        if kind == "list":
            return _LIST, self._inner(schema, "items_schema", depth)
        if kind == "dict":
            if self._inner(schema, "keys_schema", depth) not in (None, _SCALARS["str"]):
                raise Unknown("keys")
            return _DICT, self._inner(schema, "values_schema", depth)
        if kind == "literal" and all(type(one) is str for one in schema["expected"]):
            return (_LITERAL, *schema["expected"])
        if kind == "union":
            choices = [one[0] if type(one) is tuple else one for one in schema["choices"]]
            return (_UNION, *(self._of(one, depth + 1) for one in choices))
        if kind == "model":
            return self._model(schema, depth)
        raise Unknown(kind)

    def _defined(self, name: str, depth: int) -> Any:
        if name not in self._shapes:
            self._shapes[name] = _OPEN
            self._shapes[name] = self._of(self._definitions[name], depth + 1)
        if self._shapes[name] is _OPEN:
            raise Unknown("recursive")
        return self._shapes[name]

    def _inner(self, schema: Any, name: str, depth: int) -> Any:
        return self._of(schema[name], depth + 1) if name in schema else None

    def _model(self, schema: Any, depth: int) -> Tuple[Any, ...]:
        kind = schema["cls"]
        own = kind.__mro__[: kind.__mro__.index(self._models.base)]
        if (
            not self._models.plain_model(kind)
            or type(kind.__pydantic_serializer__) is not self._serializer
            or any(
                name in vars(each) for each in own for name in ("__dict__", "__pydantic_extra__")
            )
            or not _CONFIG.issuperset(schema.get("config") or ())
        ):
            raise Unknown(kind)
        fields = schema["schema"]
        while fields["type"] in ("function-before", "function-after", "function-wrap"):
            fields = fields["schema"] if "serialization" not in fields else {"type": "unknown"}
        if (
            fields["type"] != "model-fields"
            or "serialization" in fields
            or fields.get("computed_fields")
        ):
            raise Unknown(fields["type"])
        made: List[Any] = [_MODEL, kind, *self._slots]
        for name, field in fields["fields"].items():
            if not _FIELD.issuperset(field):
                raise Unknown(name)
            made += [sys.intern(name), self._of(field["schema"], depth + 1)]
        return tuple(made)


def prepare(builtins: Dict[str, Callable[..., Any]], warm: Callable[..., Any]) -> None:
    """Warm Java, with models too."""
    from typing import Literal, Optional, Union

    from pydantic import BaseModel

    class Part(BaseModel):
        number: int = 7
        name: str = "some name"
        score: Optional[float] = 0.7
        more: Dict[str, Any] = {"a": [1, 2.5, "text", None]}

    class Whole(BaseModel):
        id: str = "x"
        parts: List[Part] = [Part(number=number) for number in range(30)]
        named: Dict[str, Part] = {"one": Part(), "two": Part(score=None)}
        kind: Literal["a", "b"] = "b"
        either: Union[int, str] = "text"
        done: bool = False

    _json.prepare(builtins, warm, Whole(), shape(Whole, Models()))
    _held.prepare(builtins, warm)
