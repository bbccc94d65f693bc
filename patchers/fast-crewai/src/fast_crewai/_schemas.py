"""JSON schemas and descriptions of tools' arguments, made once for each class.

A schema that pydantic makes is a function of the class's core schema and of what its generator reads of the
classes in it: name, docstring, config. Where that is all (no functions of the user's, no enums, no dataclasses),
the result is kept, pickled; what it was made of is looked at on each call, and each caller gets a copy of his own.
"""

from __future__ import annotations

import pickle
import sys
from types import MethodType
from typing import Any, Callable, Dict, List, Optional, Tuple
from weakref import WeakSet

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

#: Classes that are known at a time; one holds its core schema, some kB.
CLASSES = 128
#: Results kept of a class: a tool's name and description are part of one's key.
RESULTS = 32

_MODEL = "pydantic.main"
_JSON = "pydantic.json_schema"
_UTILS = "crewai.utilities.pydantic_schema_utils"

_LEAVES = frozenset(
    "any none bool int float str bytes date time datetime timedelta uuid url decimal definition-ref".split()
)
#: Where the schemas inside of a schema are.
_INNER = {
    "list": "items_schema",
    "set": "items_schema",
    "frozenset": "items_schema",
    "nullable": "schema",
    "default": "schema",
    "function-before": "schema",
    "function-after": "schema",
    "function-wrap": "schema",
    "model-field": "schema",
}
_SCALARS = frozenset({str, int, float, bool, type(None)})
_ARGUMENTS = frozenset({"ref_template"})


class _Odd(Exception):
    """More than the class decides on its schema."""


class _Known:
    """What a class's schema was made of, and what was made of it."""

    __slots__ = ("_own", "classes", "core", "results", "watched")

    def __init__(self, cls: Any, functions: "_Functions") -> None:
        self.core = cls.__pydantic_core_schema__
        self._own = functions.own
        self.classes: List[Tuple[Any, str, Optional[str], Dict[str, Any]]] = []
        self.watched: List[Tuple[Any, bytes]] = []
        self.results: Dict[Any, bytes] = {}
        self._look(self.core)

    def _look(self, schema: Any) -> None:
        kind = schema["type"]
        if "serialization" in schema or "json_schema_input_schema" in schema:
            raise _Odd
        self._metadata(schema.get("metadata"))
        if kind in _LEAVES:
            pass
        elif kind == "literal":
            if not all(type(value) in _SCALARS for value in schema["expected"]):
                raise _Odd
        elif kind in _INNER:
            if kind == "default" and "default" in schema:
                self._watch(schema["default"])
            inner = schema.get(_INNER[kind])
            if inner is not None:
                self._look(inner)
        elif kind == "dict":
            for name in ("keys_schema", "values_schema"):
                if name in schema:
                    self._look(schema[name])
        elif kind in ("tuple", "union"):
            for each in schema["items_schema" if kind == "tuple" else "choices"]:
                self._look(each[0] if type(each) is tuple else each)
        elif kind == "model-fields":
            if schema.get("computed_fields") or "extras_schema" in schema:
                raise _Odd
            for field in schema["fields"].values():
                self._look(field)
        elif kind == "definitions":
            for each in schema["definitions"]:
                self._look(each)
            self._look(schema["schema"])
        elif kind == "model" and not schema["root_model"]:
            self._class(schema["cls"])
            self._look(schema["schema"])
        else:
            raise _Odd

    def _metadata(self, metadata: Any) -> None:
        for name, value in (metadata or {}).items():
            if name == "pydantic_js_functions":
                own = self._own
                if not all(type(each) is MethodType and each.__func__ is own for each in value):
                    raise _Odd
            elif name in ("pydantic_js_updates", "pydantic_js_extra"):
                self._watch(value)
            elif name.startswith("pydantic_js"):
                raise _Odd

    def _class(self, cls: Any) -> None:
        config = cls.model_config
        if (
            type(config) is not dict
            or hasattr(cls, "__deprecated__")
            or cls.__pydantic_root_model__
            or not all(type(value) in _SCALARS or _texts(value) for value in config.values())
            or not isinstance(cls.__doc__, (str, type(None)))
        ):
            raise _Odd
        self.classes.append((cls, cls.__name__, cls.__doc__, dict(config)))

    def _watch(self, value: Any) -> None:
        """Note what the user may still change; what is not JSON is odd."""
        if type(value) in _SCALARS:
            return
        _plain(value)
        self.watched.append((value, pickle.dumps(value, 5)))

    def holds(self, cls: Any) -> bool:
        """Say whether all that decided is as it was."""
        if cls.__pydantic_core_schema__ is not self.core:
            return False
        for each, name, doc, config in self.classes:
            if (
                each.__name__ != name
                or each.__doc__ != doc
                or each.model_config != config
                or hasattr(each, "__deprecated__")
            ):
                return False
        return all(pickle.dumps(value, 5) == was for value, was in self.watched)


def _texts(value: Any) -> bool:
    return type(value) is tuple and all(type(each) is str for each in value)


def _plain(value: Any) -> None:
    kind = type(value)
    if kind is list:
        for each in value:
            _plain(each)
    elif kind is dict:
        for key, each in value.items():
            if type(key) is not str:
                raise _Odd
            _plain(each)
    elif kind not in _SCALARS:
        raise _Odd


class _Functions:
    """What makes schemas: as it was when our first question came, or the originals run."""

    def __init__(self) -> None:
        self._model = sys.modules[_MODEL].BaseModel
        self._json = sys.modules[_JSON]
        self._generator = self._json.GenerateJsonSchema
        self._methods = dict(vars(self._generator))
        self._make = self._json.model_json_schema
        self.own = vars(self._model)["__get_pydantic_json_schema__"].__func__
        self._class_method = vars(self._model)["model_json_schema"]
        self._known: Dict[Any, _Known] = {}
        self._odd: "WeakSet[Any]" = WeakSet()

    def known(self, cls: Any) -> Optional[_Known]:
        """Return what is known of a class, looked at now; None where it is the originals'."""
        if (
            vars(self._json)["model_json_schema"] is not self._make
            or vars(self._json)["GenerateJsonSchema"] is not self._generator
            or vars(self._generator) != self._methods
            or vars(self._model)["model_json_schema"] is not self._class_method
        ):
            return None
        found = self._known.get(cls)
        if found is not None and found.holds(cls):
            return found
        return None if cls in self._odd else self._learn(cls)

    def _learn(self, cls: Any) -> Optional[_Known]:
        known = self._known
        known.pop(cls, None)
        try:
            inherited = getattr(cls.model_json_schema, "__func__", None)
            if inherited is not self._class_method.__func__ or cls is self._model:
                raise _Odd
            if type(cls.__pydantic_core_schema__) is not dict:
                return None  # not made yet
            made = _Known(cls, self)
        except (_Odd, KeyError, AttributeError, TypeError, RecursionError):
            self._odd.add(cls)
            return None
        if len(known) >= CLASSES:
            try:
                del known[next(iter(known))]
            except (StopIteration, KeyError, RuntimeError):
                pass  # another thread did
        known[cls] = made
        return made


_functions: Optional[_Functions] = None


def known_schema(cls: Any) -> Optional[_Known]:
    """Return what is known of a class's schema, looked at now; None where it is the originals'."""
    global _functions
    if _functions is None:
        _functions = _Functions()
    return _functions.known(cls)


def _keep(known: _Known, key: Any, value: Any) -> None:
    try:
        _plain(value)
    except (_Odd, RecursionError):
        return
    results = known.results
    if len(results) >= RESULTS:
        results.clear()
    results[key] = pickle.dumps(value, 5)


def make_model_json_schema(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``BaseModel.model_json_schema`` with its defaults, or another ref_template."""
    serving = Serving("crewai.model_json_schema")

    def replacement(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs and kwargs.keys() != _ARGUMENTS or not serving:
            return original(cls, *args, **kwargs)
        key = kwargs.get("ref_template")
        known = known_schema(cls) if key is None or type(key) is str else None
        if known is None:
            replacement.declined += 1  # type: ignore[attr-defined]
            return original(cls, **kwargs)
        replacement.served += 1  # type: ignore[attr-defined]
        made = known.results.get(key)
        if made is not None:
            return pickle.loads(made)
        found = original(cls, **kwargs)
        _keep(known, key, found)
        return found

    return finish(replacement, serving)


class _Same:
    """Whether a module still has the helpers that were there."""

    def __init__(self, module: str, *names: str) -> None:
        self._found = vars(sys.modules[module])
        self._helpers = [(name, self._found[name]) for name in names]

    def __bool__(self) -> bool:
        found = self._found
        return all(found.get(name) is helper for name, helper in self._helpers)


#: What generate_model_description puts a schema through.
STEPS = (
    "force_additional_properties_false",
    "strip_unsupported_formats",
    "ensure_type_in_schemas",
    "resolve_refs",
    "fix_discriminator_mappings",
    "convert_oneof_to_anyof",
    "ensure_all_properties_required",
    "strip_null_from_types",
)


def make_generate_model_description(
    original: Any, meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """``generate_model_description``."""
    serving = Serving("crewai.generate_model_description")
    steps = _Same(_UTILS, *STEPS)

    def replacement(model: Any, *, strip_null_types: bool = True) -> Any:
        if not serving:
            return original(model, strip_null_types=strip_null_types)
        known = known_schema(model) if isinstance(model, type) and steps else None
        if known is None:
            replacement.declined += 1  # type: ignore[attr-defined]
            return original(model, strip_null_types=strip_null_types)
        replacement.served += 1  # type: ignore[attr-defined]
        key = "description", bool(strip_null_types)
        made = known.results.get(key)
        if made is not None:
            return pickle.loads(made)
        found = original(model, strip_null_types=strip_null_types)
        _keep(known, key, found)
        return found

    return finish(replacement, serving)


def make_format_description(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``format_description_for_llm``: a text for each schema, name and description."""
    serving = Serving("crewai.format_description_for_llm")
    steps = _Same(_UTILS, *STEPS)
    names = original.__globals__
    describe, sanitize = names["generate_model_description"], names["sanitize_tool_name"]
    strip, dumps = names["strip_composite_description_prefix"], names["json"].dumps

    def format_description_for_llm(name: str, args_schema: Any, description: str) -> Any:
        if not serving:
            return original(name, args_schema, description)
        known = None
        if (
            type(name) is str
            and type(description) is str
            and isinstance(args_schema, type)
            and steps
            and names["generate_model_description"] is describe
            and names["sanitize_tool_name"] is sanitize
            and names["strip_composite_description_prefix"] is strip
            and names["json"].dumps is dumps
        ):
            known = known_schema(args_schema)
        if known is None:
            replacement.declined += 1
            return original(name, args_schema, description)
        replacement.served += 1
        key = "text", name, description
        made = known.results.get(key)
        if made is not None:
            return pickle.loads(made)
        found = original(name, args_schema, description)
        _keep(known, key, found)
        return found

    replacement: Any = format_description_for_llm
    return finish(replacement, serving)
