"""Describes to Java which classes it may load without running the original's hook.

Only classes of ``SAFE_MSGPACK_TYPES``, which are loaded in every mode and without an event: those of
the standard library are called by Java itself, messages and documents are built without their
constructor when their validators are the ones that were studied.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import types
from typing import Any, Tuple, Union

from . import _revive
from ._plans import Plan, Unplanned, core_schema, is_genuine, lookup, model_fields

_JSONPLUS = "langgraph.checkpoint.serde.jsonplus"
_SINGLE, _POSITIONAL, _METHOD, _MODEL = 0, 1, 3, 5
_FOUR_ITEMS = 0x94
# Modules whose classes are called with numbers and texts; a set's members may be anything and answer to the hook once.
_STANDARD = frozenset(
    {"datetime", "decimal", "ipaddress", "pathlib", "pathlib._local", "uuid", "zoneinfo"}
)

# sha256 of the source of what runs when a message is made from its stored fields.
_INIT = frozenset(
    {
        "4ce3ea6f732bd3db",  # Serializable
        "6d572bb35fbbd303",  # BaseMessage, langchain-core 1.0
        "eaef8d223ba7c256",  # BaseMessage, 1.7
        "972ede87fecd09f6",  # HumanMessage and SystemMessage, 1.0
        "b4d54a5c777f652f",  # HumanMessage and SystemMessage, 1.7
        "bb669ead8c93bfbc",  # AIMessage, 1.0
        "3579f0f68666ef68",  # AIMessage, 1.7
        "bf19c84d5bc5fe87",  # ToolMessage, 1.0
        "71b0fb2c1ca17c67",  # ToolMessage, 1.7
        "c8151b27e3d0347c",  # Document, 1.0
        "a47970129989cd25",  # Document, 1.4
    }
)
_VALIDATORS = {
    "89b98673303fcdf8": "tool_calls",  # AIMessage._backwards_compat_tool_calls, 1.0
    "4acfd61772ec3552": "tool_calls",  # 1.4
    "2bb394177a6624f6": "tool_calls",  # 1.7
    "6c2f90e692e9eef5": "coerce_args",  # ToolMessage.coerce_args, 1.0
    "c72576da33111ae2": "coerce_args",  # 1.7
}

# What a str or a number may be checked for besides its type.
_FREE = {
    "str": {"type", "coerce_numbers_to_str", "metadata", "ref"},
    "int": {"type", "metadata", "ref"},
    "float": {"type", "metadata", "ref"},
    "bool": {"type", "metadata", "ref"},
    "list": {"type", "items_schema", "metadata", "ref"},
    "dict": {"type", "keys_schema", "values_schema", "metadata", "ref"},
}


def describe_load(head: bytes, code: int) -> Union[Plan, None, bool]:
    """Return the load plan of the class that ``[module, name,`` names; None for never, False for not yet."""
    module, name = _names(head)
    safe = (module, name) in sys.modules[_JSONPLUS]._lg_msgpack.SAFE_MSGPACK_TYPES
    owner = sys.modules.get(module)
    if type(owner) is not types.ModuleType or vars(owner).get(name) is None:
        return False
    found = vars(owner)[name]
    guards = [(sys.modules, sys.intern(module), owner), (vars(owner), sys.intern(name), found)]
    plan = None
    if safe and module in _STANDARD:
        plan = _standard(found, guards, code, (module, name))
    elif safe and code == _MODEL and head[0] == _FOUR_ITEMS and isinstance(found, type):
        plan = _model(found, guards)
    if plan is None and code in _revive.by_code() and (module, name) != ("langgraph.types", "Send"):
        plan = ("revive", None, guards, found, _revive.by_code()[code], safe, (module, name))
    return plan


def _names(head: bytes) -> Tuple[str, str]:
    import ormsgpack

    module, name = ormsgpack.unpackb(b"\x92" + head[1:])
    return module, name


def _standard(found: Any, guards: list[Any], code: int, names: tuple[str, str]) -> Plan | None:
    cls = found if isinstance(found, type) and found.__flags__ & 1 << 9 else None
    if cls is not None:
        lookup(cls, "__init__"), getattr(cls, "__init__", None)
    if code == _METHOD:
        if names == ("datetime", "datetime"):
            return ("call", cls, guards, found.fromisoformat, False, sys.intern("fromisoformat"))
        return None
    if code not in (_SINGLE, _POSITIONAL):
        return None
    return ("call", cls, guards, found, code == _POSITIONAL, None)


def _model(cls: Any, guards: list[Any]) -> Plan | None:
    main = sys.modules.get("pydantic.main")
    if main is None or not issubclass(cls, main.BaseModel):
        return None
    try:
        return _planned_model(cls, guards, main.BaseModel)
    except (Unplanned, LookupError, TypeError, AttributeError, OSError):
        return None


def _planned_model(cls: Any, guards: list[Any], base: Any) -> Plan:
    for name in ("__new__", "__setattr__", "__getattribute__", "__dict__"):
        if lookup(cls, name) is not lookup(base, name):
            raise Unplanned(name)
    main = sys.modules["pydantic.main"]
    if not is_genuine(base.__dict__.get("__init__"), main, "__init__") or not is_genuine(
        base.__dict__.get("__setattr__"), main, "__setattr__"
    ):
        raise Unplanned("BaseModel is patched")
    if lookup(cls, "__del__") is not lookup(object, "__del__") or lookup(
        cls, "__pydantic_post_init__"
    ):
        raise Unplanned("hooks")
    for ancestor in cls.__mro__[: cls.__mro__.index(base)]:
        if (
            "__init__" in ancestor.__dict__
            and source_hash(ancestor.__dict__["__init__"]) not in _INIT
        ):
            raise Unplanned("__init__")
    if (
        type(lookup(cls, "__pydantic_validator__"))
        is not sys.modules["pydantic_core"].SchemaValidator
    ):
        raise Unplanned("a plugin of pydantic's looks on")
    if cls.__private_attributes__:
        raise Unplanned("private attributes")
    schema, definitions = core_schema(cls)
    studied = set()
    while schema["type"] != "model-fields":
        if schema["type"] == "function-before":
            function = schema["function"]["function"]
            studied.add(_VALIDATORS.get(source_hash(getattr(function, "__func__", function)), ""))
        elif schema["type"] != "model" or schema.get("post_init"):
            raise Unplanned(schema["type"])
        schema = schema["schema"]
    if "" in studied:
        raise Unplanned("validator")
    names, shapes = model_fields(cls)
    for name in names:
        _require_free(schema["fields"][name]["schema"], definitions, 0)
        if "validation_alias" in schema["fields"][name]:
            raise Unplanned("alias")
    template: dict[str, Any] = dict.fromkeys(names)
    template[names[0]] = []  # has the GC track its copies
    slots = tuple(
        lookup(base, f"__pydantic_{name}__") for name in ("fields_set", "extra", "private")
    )
    allows = cls.model_config.get("extra") == "allow"
    adapted = tuple(_adapt(name, shape, studied) for name, shape in zip(names, shapes))
    return (
        "model",
        cls,
        guards,
        names,
        adapted,
        template,
        set(names),
        slots,
        allows,
        sys.intern("__dict__"),
    )


def source_hash(function: Any) -> str:
    """Return 16 hex digits over the lines of a function."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]


def _adapt(name: str, shape: Plan, studied: set[str]) -> Plan:
    """Narrow a field to what AIMessage's validator leaves as it is."""
    if "tool_calls" in studied:
        if name == "invalid_tool_calls":
            return ("empty-list",)
        if name == "additional_kwargs":
            return ("dict-without", "tool_calls")
        if name == "tool_calls":
            kind, (_, keys, items, _, _) = shape
            return (kind, ("typed-dict", keys, items, (True,) * len(keys), None))
    return shape


def _require_free(schema: Any, definitions: dict[str, Any], depth: int) -> None:
    """Refuse what validation does besides looking at the type."""
    if isinstance(schema, (list, tuple)):
        for item in schema:
            _require_free(item, definitions, depth)
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if depth > 12 or str(kind).startswith("function") or kind in ("is-instance", "definition-ref"):
        raise Unplanned(str(kind))
    if isinstance(kind, str) and kind in _FREE and not set(schema) <= _FREE[kind]:
        raise Unplanned(kind)
    for key, inner in schema.items():
        if key not in ("metadata", "default", "default_factory", "expected"):
            _require_free(inner, definitions, depth + 1)
