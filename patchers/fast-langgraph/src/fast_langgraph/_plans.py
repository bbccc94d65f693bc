"""Describes classes to Java: which of their instances it may write by reading memory, and how.

``describe(cls)`` answers a tuple that ``PlanReader`` reads. It must be certain that the original
would run no code of the user's for an instance and read nothing but the attributes named: where it
is not, the answer is ``("odd",)`` and the original encodes the object. Nothing here calls into the
class; attributes are looked up in the dictionaries of its bases.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import decimal
import enum
import ipaddress
import operator
import pathlib
import re
import sys
import types
import uuid
from typing import Any, Iterable, Tuple

import zoneinfo

Plan = Tuple[Any, ...]
ODD: Plan = ("odd",)

_MISSING: Any = object()
_ASDICT = vars(collections.namedtuple("_ASDICT", "a"))["_asdict"].__code__
_ENUM_VALUE = enum.Enum.__dict__["value"]

# _msgpack_default asks every object for these first.
_ASKED = ("model_dump", "get_secret_value", "dict", "_asdict")

# Instances of these take a branch of _msgpack_default before that of enums, Send and dataclasses.
_BRANCHES = (
    pathlib.Path,
    re.Pattern,
    uuid.UUID,
    decimal.Decimal,
    set,
    frozenset,
    collections.deque,
    ipaddress.IPv4Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Address,
    ipaddress.IPv6Network,
    datetime.date,
    datetime.timedelta,
    datetime.time,
    datetime.tzinfo,
    BaseException,
)

_ADDRESSES = (
    ipaddress.IPv4Address,
    ipaddress.IPv4Interface,
    ipaddress.IPv4Network,
    ipaddress.IPv6Address,
    ipaddress.IPv6Interface,
    ipaddress.IPv6Network,
)

# What an instance without its attributes raises, or any at the end of the stack: the original has words for both.
_MISFITS = (AttributeError, RecursionError)

# Configuration of pydantic's that changes nothing in model_dump().
_CONFIG = frozenset(
    {
        "extra",
        "arbitrary_types_allowed",
        "frozen",
        "validate_assignment",
        "validate_default",
        "validate_by_alias",
        "validate_by_name",
        "populate_by_name",
        "protected_namespaces",
        "title",
        "str_strip_whitespace",
        "str_to_lower",
        "str_to_upper",
        "str_min_length",
        "str_max_length",
        "strict",
        "from_attributes",
        "coerce_numbers_to_str",
        "use_attribute_docstrings",
        "json_schema_extra",
        "revalidate_instances",
        "hide_input_in_errors",
        "loc_by_alias",
        "alias_generator",
        "ignored_types",
        "defer_build",
        "regex_engine",
    }
)


class Unplanned(Exception):
    """A schema that Java does not follow."""


def lookup(cls: type, name: str) -> Any:
    """Return what a class or its first base that has it binds to a name, without calling any descriptor."""
    for base in cls.__mro__:
        found = base.__dict__.get(name, _MISSING)
        if found is not _MISSING:
            return found
    return _MISSING


def is_genuine(function: Any, module: Any, name: str) -> bool:
    """Say whether a function is the one of that name that its module defined, not a wrapper or a replacement."""
    return (
        type(function) is types.FunctionType
        and function.__globals__ is vars(module)
        and function.__code__.co_name == name
        and function.__code__.co_filename == getattr(module, "__file__", None)
    )


def describe(cls: type) -> Plan:
    """Return the plan of a class."""
    if not _is_plain(cls):
        return ODD
    with contextlib.suppress(AttributeError):
        type.__getattribute__(cls, "a name that no class has")  # gives the class a version
    plan = _standard(cls) or _subclass(cls) or _model(cls) or _default(cls)
    return plan or ODD


def _is_plain(cls: type) -> bool:
    """Say whether ``obj.__class__``, its module and its name are what they seem."""
    meta = type(cls)
    if meta is not type:
        for name in ("__module__", "__name__", "__mro__", "__getattribute__"):
            if lookup(meta, name) is not lookup(type, name) and name != "__module__":
                return False
        if isinstance(lookup(meta, "__module__"), property):
            return False
    return (
        lookup(cls, "__class__") is object.__dict__["__class__"]
        and type(cls.__dict__.get("__module__", "")) is str
        and type(cls.__module__) is str
        and type(cls.__name__) is str
    )


def _standard(cls: type) -> Plan | None:
    module, name = cls.__module__, cls.__name__
    if cls is uuid.UUID:
        hexadecimal = cls.__dict__.get("hex")
        genuine = (
            type(hexadecimal) is property
            and is_genuine(hexadecimal.fget, uuid, "hex")
            and _is_slot(cls.__dict__.get("int"))
        )
        return ("uuid", module, name, cls.__dict__["int"]) if genuine else ODD
    if cls is datetime.datetime:
        return ("datetime", module, name, datetime.timezone)
    if cls is datetime.date:
        return ("date", module, name)
    if cls is datetime.timedelta:
        return ("timedelta", module, name)
    if cls is decimal.Decimal:
        return ("decimal", module, name) if "_decimal" in sys.modules else ODD
    if cls is set or cls is frozenset:
        return ("set", module, name)
    if cls is datetime.time:
        return ("time", module, name)
    if cls is datetime.timezone:
        return ("timezone", module, name)
    if cls is collections.deque:
        return ("deque", module, name, tuple)
    if cls is re.Pattern:
        slots = (cls.__dict__.get("pattern"), cls.__dict__.get("flags"))
        return ("pattern", slots) if all(map(_is_slot, slots)) else ODD
    if not issubclass(cls, (datetime.tzinfo, pathlib.Path, *_ADDRESSES)) or _is_asked(cls):
        return None
    if cls is zoneinfo.ZoneInfo:
        key = cls.__dict__.get("key")
        return ("zone", module, name, key) if _is_slot(key) else ODD
    if cls in _ADDRESSES:
        genuine = is_genuine(lookup(cls, "__str__"), ipaddress, "__str__")
        return _payload(cls, False, str) if genuine else ODD
    if cls in (pathlib.PosixPath, pathlib.WindowsPath):
        parts = lookup(cls, "parts")
        home = sys.modules[pathlib.PurePath.__module__]
        genuine = type(parts) is property and is_genuine(parts.fget, home, "parts")
        return _payload(cls, True, operator.attrgetter("parts")) if genuine else ODD
    return None


def _is_asked(cls: type) -> bool:
    """Say whether _msgpack_default may stop at an instance before it asks for its class."""
    return not _reads_plainly(cls) or _has_any(cls, _ASKED)


def _payload(cls: Any, positional: bool, function: Any) -> Plan:
    """Return the plan of a class whose ext holds what a function makes of an instance."""
    asked = tuple(map(sys.intern, _ASKED)) if cls.__dictoffset__ else ()
    return ("payload", cls.__module__, cls.__name__, positional, function, _MISFITS, asked)


def _subclass(cls: type) -> Plan | None:
    """ormsgpack's own order: members of enums first, then subclasses of the builtin types."""
    if type(cls) is enum.EnumMeta:
        return _enum(cls)
    for base in (str, int, list, dict):
        if issubclass(cls, base):
            return (base.__name__,)
    return None


def _is_slot(descriptor: Any) -> bool:
    return type(descriptor) is types.MemberDescriptorType


# Some builtin types have object's, PyObject_GenericGetAttr, as a __getattribute__ of their own.
_GENERIC = [
    base.__dict__["__getattribute__"]
    for base in (object, str, int, float, bytes, tuple, zoneinfo.ZoneInfo)
    if "__getattribute__" in base.__dict__
]


def _reads_plainly(cls: type) -> bool:
    return lookup(cls, "__getattribute__") in _GENERIC and lookup(cls, "__getattr__") is _MISSING


def _enum(cls: type) -> Plan:
    if (
        issubclass(cls, enum.Enum)
        and not issubclass(cls, _BRANCHES)
        and lookup(cls, "value") is _ENUM_VALUE
        and lookup(cls, "_value_") is _MISSING
        and _reads_plainly(cls)
        and not _has_any(cls, _ASKED)
        # up to 3.11 a member that is an int has its dict where its digits end
        and (cls.__itemsize__ == 0 or sys.version_info >= (3, 12))
    ):
        asked = tuple(map(sys.intern, _ASKED))
        return ("enum", cls.__module__, cls.__name__, sys.intern("_value_"), asked)
    return ODD


def _has_any(cls: type, names: Iterable[str]) -> bool:
    return any(lookup(cls, name) is not _MISSING for name in names)


def _default(cls: type) -> Plan | None:
    """Follow _msgpack_default for what is neither a model nor of the standard library."""
    jsonplus = sys.modules.get("langgraph.checkpoint.serde.jsonplus")
    if jsonplus is not None and cls is jsonplus.__dict__.get("_DeltaSnapshot"):
        return ("delta",) if _is_namedtuple(cls) else ODD
    if not _reads_plainly(cls) or issubclass(cls, _BRANCHES):
        return ODD
    if _is_namedtuple(cls):
        return _namedtuple(cls)
    if _has_any(cls, _ASKED):
        return ODD
    graph = sys.modules.get("langgraph.types")
    if graph is not None and cls is graph.__dict__.get("Send"):
        return _send(cls)
    if lookup(cls, "__dataclass_fields__") is not _MISSING:
        return _dataclass(cls)
    return ODD


def _is_namedtuple(cls: type) -> bool:
    asdict = lookup(cls, "_asdict")
    fields = lookup(cls, "_fields")
    return (
        issubclass(cls, tuple)
        and getattr(asdict, "__code__", None) is _ASDICT
        and type(fields) is tuple
        and all(type(field) is str for field in fields)
        and lookup(cls, "__iter__") is tuple.__dict__["__iter__"]
    )


def _namedtuple(cls: Any) -> Plan:
    # an instance's own dict may shadow what the class has
    if (
        _has_any(cls, ("model_dump", "get_secret_value", "dict"))
        or cls.__dictoffset__ != 0
        or len(set(cls._fields)) != len(cls._fields)
    ):
        return ODD
    return ("namedtuple", cls.__module__, cls.__name__, lookup(cls, "_fields"))


def _send(cls: type) -> Plan:
    slots = [name for name in ("node", "arg", "timeout") if name in cls.__dict__]
    descriptors = tuple(cls.__dict__[name] for name in slots)
    if (
        len(slots) < 2
        or not all(map(_is_slot, descriptors))
        or cls.__dict__.get("__slots__") != tuple(slots)
    ):
        return ODD
    return ("send", cls.__module__, cls.__name__, descriptors)


def _dataclass(cls: Any) -> Plan:
    fields = lookup(cls, "__dataclass_fields__")
    if type(fields) is not dict or not all(
        isinstance(field, dataclasses.Field) for field in fields.values()
    ):
        return ODD
    names = tuple(
        sys.intern(field.name) for field in dataclasses.fields(cls) if type(field.name) is str
    )
    present = set(names)
    if (
        not names
        or len(present) != len(names)
        or present & set(_ASKED)
        or "__class__" in present
        or issubclass(cls, tuple)
    ):
        return ODD
    # isinstance(obj, SendProtocol) is a question of attributes, asked before that of dataclasses
    if all(name in present or lookup(cls, name) is not _MISSING for name in ("node", "arg")):
        return ODD
    attributes = [lookup(cls, name) for name in names]
    slots = [attribute if _is_slot(attribute) else None for attribute in attributes]
    if all(slot is not None for slot in slots):
        return ("dataclass", cls.__module__, cls.__name__, names, tuple(slots))
    if any(slot is not None for slot in slots) or any(
        _is_data_descriptor(attribute) for attribute in attributes
    ):
        return ODD
    return ("dataclass", cls.__module__, cls.__name__, names, (None,) * len(names))


def _is_data_descriptor(attribute: Any) -> bool:
    return attribute is not _MISSING and _has_any(type(attribute), ("__set__", "__delete__"))


# -- pydantic


def _model(cls: Any) -> Plan | None:
    main = sys.modules.get("pydantic.main")
    if main is None or not issubclass(cls, main.BaseModel):
        return None
    base = main.BaseModel
    for name in ("model_dump", "__getattr__", "__getattribute__", "__pydantic_extra__", "__dict__"):
        if lookup(cls, name) is not lookup(base, name):
            return ODD
    if not is_genuine(base.__dict__.get("model_dump"), main, "model_dump") or not is_genuine(
        base.__dict__.get("__getattr__"), main, "__getattr__"
    ):
        return ODD
    if (
        not _is_slot(base.__dict__.get("__pydantic_extra__"))
        or lookup(base, "__getattribute__") is not object.__dict__["__getattribute__"]
        or type(lookup(cls, "__pydantic_serializer__"))
        is not sys.modules["pydantic_core"].SchemaSerializer
    ):
        return ODD
    try:
        names, shapes = model_fields(cls)
    except (Unplanned, LookupError, TypeError, AttributeError):
        return ODD
    return (
        "model",
        cls.__module__,
        cls.__name__,
        names,
        shapes,
        lookup(base, "__pydantic_extra__"),
    )


def core_schema(cls: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a model's own core schema of the type ``model``, and the definitions that it refers to."""
    schema = lookup(cls, "__pydantic_core_schema__")
    if type(schema) is not dict or lookup(cls, "__pydantic_complete__") is not True:
        raise Unplanned("schema is not built")
    definitions: dict[str, Any] = {}
    while schema["type"] == "definitions":
        definitions.update((one["ref"], one) for one in schema["definitions"])
        schema = schema["schema"]
    if schema["type"] == "definition-ref":
        schema = definitions[schema["schema_ref"]]
    if schema["type"] != "model" or schema["cls"] is not cls or schema.get("root_model"):
        raise Unplanned(schema["type"])
    return schema, definitions


def model_fields(cls: Any) -> tuple[tuple[str, ...], tuple[Plan, ...]]:
    """Return the names of a model's fields and how model_dump() treats each."""
    if not set(cls.model_config) <= _CONFIG:
        raise Unplanned("config")
    decorators = cls.__pydantic_decorators__
    if decorators.field_serializers or decorators.model_serializers or decorators.computed_fields:
        raise Unplanned("serializers")
    schema, definitions = core_schema(cls)
    while schema["type"] != "model-fields":
        if "serialization" in schema or schema["type"] not in (
            "model",
            "function-before",
            "function-after",
            "function-wrap",
        ):
            raise Unplanned(schema["type"])
        schema = schema["schema"]
    if schema.get("computed_fields") or "serialization" in schema:
        raise Unplanned("computed fields")
    names = tuple(sys.intern(name) for name in lookup(cls, "__pydantic_fields__"))
    if set(names) != set(schema["fields"]) or not names:
        raise Unplanned("fields")
    shapes = []
    for name in names:
        field = schema["fields"][name]
        if any(key.startswith("serialization_exclude") for key in field):
            raise Unplanned("exclude")
        shapes.append(_shape(field["schema"], definitions, 0))
    return names, tuple(shapes)


_EXACT = {
    "int": int,
    "float": float,
    "bool": bool,
    "bytes": bytes,
    "none": type(None),
    "datetime": datetime.datetime,
    "date": datetime.date,
    "timedelta": datetime.timedelta,
    "uuid": uuid.UUID,
    "decimal": decimal.Decimal,
}
_TRANSPARENT = {
    "default": "schema",
    "function-before": "schema",
    "function-after": "schema",
    "function-wrap": "schema",
    "lax-or-strict": "strict_schema",
    "json-or-python": "python_schema",
}
_DEEPEST = 12


def _shape(schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Plan:
    kind = schema["type"]
    if "serialization" in schema or depth > _DEEPEST:
        raise Unplanned(kind)
    if kind in ("any", "is-instance"):
        return ("any",)
    if kind == "str":
        return ("str",)
    if kind in _EXACT:
        return ("exact", _EXACT[kind])
    if kind == "enum":
        return ("exact", schema["cls"])
    if kind in _TRANSPARENT:
        return _shape(schema[_TRANSPARENT[kind]], definitions, depth + 1)
    if kind == "definition-ref":
        return _shape(definitions[schema["schema_ref"]], definitions, depth + 1)
    if kind == "nullable":
        return ("nullable", _shape(schema["schema"], definitions, depth + 1))
    if kind == "literal":
        if not all(type(one) is str for one in schema["expected"]):
            raise Unplanned(kind)
        return ("literal", tuple(schema["expected"]))
    if kind == "list":
        return ("list", _shape(schema.get("items_schema", {"type": "any"}), definitions, depth + 1))
    if kind == "dict":
        return _dict(schema, definitions, depth)
    if kind == "typed-dict":
        return _typed_dict(schema, definitions, depth)
    if kind == "union":
        choices = [
            choice[0] if isinstance(choice, tuple) else choice for choice in schema["choices"]
        ]
        return ("union", tuple(_shape(choice, definitions, depth + 1) for choice in choices))
    if kind == "model" and not schema.get("root_model"):
        return ("model", schema["cls"])
    raise Unplanned(kind)


def _dict(schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Plan:
    keys = _shape(schema.get("keys_schema", {"type": "any"}), definitions, depth + 1)
    if keys not in (("any",), ("str",)):
        raise Unplanned("keys")
    return (
        "dict",
        keys == ("str",),
        _shape(schema.get("values_schema", {"type": "any"}), definitions, depth + 1),
    )


def _typed_dict(schema: dict[str, Any], definitions: dict[str, Any], depth: int) -> Plan:
    fields = schema["fields"]
    if schema.get("computed_fields") or schema.get("extras_schema") or len(fields) > 64:
        raise Unplanned("typed-dict")
    total = schema.get("total", True)
    shapes, required = [], []
    for field in fields.values():
        if any(key.startswith("serialization_exclude") for key in field):
            raise Unplanned("exclude")
        shapes.append(_shape(field["schema"], definitions, depth + 1))
        required.append(bool(field.get("required", total)))
    extra = ("any",) if schema.get("extra_behavior") == "allow" else None
    return ("typed-dict", tuple(map(sys.intern, fields)), tuple(shapes), tuple(required), extra)
