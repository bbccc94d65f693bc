"""What tells whether a value is as it was when it was dumped: live agents, tasks and tools are not dumped again for nothing.

A token is made of a value: None where the very object says it all (a text, a number), else something that compares. What a
serializer of crewai's reads is known where its code is the one that was studied; what another one reads is not, and then there is
no token.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import marshal
import sys
import types
import uuid
from itertools import chain
from operator import attrgetter, is_
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

from fast_jvm import _held
from fast_jvm._fingerprint import fingerprint, forget
from fast_jvm._registry import resolve

from . import _schemas

SCALARS = frozenset(
    {
        str, int, float, bool, type(None), datetime.datetime, datetime.date, datetime.timedelta, uuid.UUID,
    }
)  # fmt: skip
PLAIN = frozenset({str, int, float, bool, type(None)})
_STR = frozenset({str})
_JSON = PLAIN | {dict, list, tuple}
#: Levels of a plain value, and values of a level that are looked at in one step.
DEEP, WIDE = 100, 10_000
_ZONES = frozenset({type(None), datetime.timezone})
#: marshal's format that knows no references: equal bytes are equal values.
FORMAT = 2
#: No token: dump it anew.
ANEW = object()
#: Keys of a core schema behind which no schema is.
_NO_SCHEMA = frozenset(
    {"metadata", "default", "expected", "members", "cls", "config", "ref", "type"}
)
WRAPPING = frozenset({"function-before", "function-after", "function-wrap"})
#: Levels of models in a token.
DEPTH = 3


class _Read(NamedTuple):
    """What a serializer reads."""

    code: str
    kind: str


_TOOL = "crewai.tools.base_tool"
_AGENT = "crewai.agents.agent_builder.base_agent"
_RUNTIME = "crewai.flow.runtime"
_CONSTANTS = "crewai.utilities.constants"
#: Serializers that were studied: of a text, a number or None they make the same each time.
_STUDIED = {
    ("crewai.types.callback", "callable_to_string"): _Read("4e413cda2c227f17", "name"),
    (_AGENT, "_serialize_llm_ref"): _Read("6473261d7f5887b1", "dump"),
    (_AGENT, "_serialize_crew_ref"): _Read("9782fe516b1f8f0c", "id"),
    (_AGENT, "_serialize_executor_ref"): _Read("6e476c4c52f7f088", "none"),
    ("crewai.tools.structured_tool", "_serialize_schema"): _Read("2beca83e9c0241f9", "schema"),
    (_TOOL, "BaseTool._serialize_args_schema"): _Read("288c69b5e6b00db6", "schema"),
    (_TOOL, "BaseTool._serialize_result_schema"): _Read("2a56efccc1e33058", "schema"),
    ("crewai.task", "_serialize_model_class"): _Read("38d0485b9341a824", "schema"),
    ("crewai.agent.core", "_serialize_executor_class"): _Read("3f80a203d17c7650", "class"),
    ("crewai.utilities.guardrail", "serialize_guardrail_for_json"): _Read("141370087bb59bd0", "text"),
    ("crewai.utilities.guardrail", "serialize_guardrails_for_json"): _Read("79dbcb32279247c0", "text"),
    (_RUNTIME, "_serialize_initial_state"): _Read("621c3c4f3e65fa80", "none"),
    (_RUNTIME, "_serialize_input_provider"): _Read("532beab5c5dcfd95", "none"),
    (_RUNTIME, "_serialize_persistence"): _Read("b0147fdf8bfa09a8", "none"),
    ("crewai.llms.base_llm", "BaseLLM._serialize_response_format"): _Read("2b7a3a85b4069ef0", "none"),
    (_TOOL, "BaseTool.tool_type"): _Read("fc61af972ca3ac97", "type"),
    (_CONSTANTS, "_NotSpecified.__get_pydantic_core_schema__.<locals>.<lambda>"): _Read("30cb88ae01775632", "constant"),
}  # fmt: skip
#: Serializers of pydantic's own: of a path, of a sequence's items.
_PYDANTIC = "pydantic._internal."
_known: Dict[Any, str] = {}


def reads(function: Any) -> str:
    """Return what a serializer reads of a value, "" where that is not known."""
    found = _known.get(function)
    if found is None:
        plain = getattr(function, "__func__", function)
        module, name = getattr(plain, "__module__", ""), getattr(plain, "__qualname__", "")
        studied = _STUDIED.get((module, name))
        found = ""
        if studied is not None:
            found = studied.kind if code(plain) == studied.code else ""
        elif str(module).startswith(_PYDANTIC):
            found = "none"
        if len(_known) < len(_STUDIED) * 8:
            _known[function] = found
    return found


def code(function: Any) -> str:
    """Return a function's fingerprint, "" where there is none; a local one's is that of the function around it."""
    try:
        around, _, local = function.__qualname__.partition(".<locals>.")
        if not local:
            return fingerprint(function)
        outer = resolve(f"{function.__module__}:{around}")
        outer = getattr(outer, "__func__", outer)
        return fingerprint(outer) if function.__code__ in outer.__code__.co_consts else ""
    except (LookupError, OSError, SyntaxError, TypeError, AttributeError):
        return ""
    finally:
        forget()


class Field(NamedTuple):
    """A field of a class of models."""

    #: pydantic alone writes it: an equal value has an equal text
    pure: bool
    #: fields that have this in common write the same object alike
    share: Any
    #: it may hold anything
    open: bool
    #: the class that writes it, OWN where its model_dump does; whether it writes a list's items
    model: Any
    listed: bool
    #: classes of models that it is declared for
    models: FrozenSet[Any]
    #: None is null, whatever serializers there are
    nullable: bool
    #: what its outermost serializer reads; None where there is none, "" where it is not known
    reads: Optional[str]
    #: every serializer of it and of what it holds was studied
    studied: bool


def pure(schema: Any, definitions: Dict[str, Any], allowed: Callable[[Any], bool]) -> bool:
    """Say whether pydantic alone, and serializers that are allowed, write what a schema is for."""
    waiting, seen = [schema], set()
    while waiting:
        part = waiting.pop()
        if type(part) in (list, tuple):
            waiting.extend(part)
        elif type(part) is dict and id(part) not in seen:
            seen.add(id(part))
            if part.get("type") == "definition-ref":
                if part["schema_ref"] not in definitions:
                    return False
                waiting.append(definitions[part["schema_ref"]])
            if part.get("computed_fields") or "serialization_exclude_if" in part:
                return False
            if "serialization" in part:
                if not allowed(part["serialization"]):
                    return False
                if part["serialization"]["type"] == "function-plain":
                    continue
            waiting.extend(inner for key, inner in part.items() if key not in _NO_SCHEMA)
    return True


def none(serialization: Any) -> bool:
    """Allow no serializer."""
    return False


def studied(serialization: Any) -> bool:
    """Allow serializers that were studied."""
    function = serialization.get("function")
    return function is None or bool(reads(function))


def outermost(schema: Any) -> Tuple[bool, Optional[str]]:
    """Return whether None is null, and what the outermost serializer reads."""
    nullable = False
    while schema["type"] in WRAPPING or schema["type"] in ("default", "nullable"):
        if "serialization" in schema:
            break
        nullable = nullable or schema["type"] == "nullable"
        schema = schema["schema"]
    if "serialization" not in schema:
        return nullable, None
    serialization = schema["serialization"]
    function = serialization.get("function")
    if serialization["type"] != "function-plain" or function is None:
        return nullable, ""
    return nullable, reads(function)


def declared(schema: Any, definitions: Dict[str, Any]) -> FrozenSet[Any]:
    """Return the classes of models that a field is for, itself or one of several."""
    found = set()
    waiting = [schema]
    for _ in range(100):
        if not waiting:
            break
        part = waiting.pop()
        kind = part["type"]
        if kind == "definition-ref" and part["schema_ref"] in definitions:
            waiting.append(definitions[part["schema_ref"]])
        elif "serialization" in part:
            continue
        elif kind == "model":
            found.add(part["cls"])
        elif kind in WRAPPING or kind in ("default", "nullable"):
            waiting.append(part["schema"])
        elif kind == "union":
            waiting.extend(each[0] if type(each) is tuple else each for each in part["choices"])
        elif kind == "tagged-union":
            waiting.extend(part["choices"].values())
    return frozenset(found)


def plain(value: Any, depth: int = DEEP) -> bool:
    """Say whether a value is JSON's, and marshal's bytes tell it from all others."""
    level = [value]
    while True:
        kinds = {*map(type, level)}
        if kinds <= PLAIN:
            return True
        if not depth or not kinds <= _JSON:
            return False
        parts: List[Any] = []
        for each in level:
            kind = type(each)
            if kind is dict:
                if not _STR.issuperset(map(type, each)):
                    return False
                parts += each.values()
            elif kind is list or kind is tuple:
                parts += each
        depth -= 1
        if len(parts) > WIDE and len(parts) > len(level):
            # one that holds itself would have no end
            return all(plain(each, depth) for each in parts)
        level = parts


class Seen:
    """What a model or dataclass held."""

    __slots__ = ("keys", "kind", "serializer", "tokens", "values")

    def __init__(
        self,
        value: Any,
        values: List[Any],
        tokens: List[Tuple[int, Any]],
        keys: Optional[List[str]] = None,
    ) -> None:
        self.kind = type(value)
        self.serializer = getattr(self.kind, "__pydantic_serializer__", None)
        self.keys = [*value.__dict__] if keys is None else keys
        self.values = values
        self.tokens = tokens

    def same(self, value: Any) -> bool:
        """Say whether it is as it was."""
        if type(value) is not self.kind:
            return False
        held = value.__dict__
        if (
            [*held] != self.keys
            or not all(map(is_, held.values(), self.values))
            or self.serializer is not getattr(self.kind, "__pydantic_serializer__", None)
            or getattr(value, "__pydantic_extra__", None)
        ):
            return False
        for at, token in self.tokens:
            if not same(self.values[at], token):
                return False
        return True


class _Name:
    """A function's or class's name."""

    __slots__ = ("_names",)

    def __init__(self, value: Any) -> None:
        self._names = _names(value)

    def same(self, value: Any) -> bool:
        """Say whether it is named alike."""
        return named(value) and _names(value) == self._names


def _names(value: Any) -> Tuple[Any, ...]:
    return (
        isinstance(value, type),
        getattr(value, "__module__", None),
        getattr(value, "__qualname__", None),
        getattr(value, "__name__", None),
    )


_FUNCTIONS = frozenset({types.FunctionType, types.BuiltinFunctionType, types.MethodType})


def named(value: Any) -> bool:
    """Say whether a value is a function or class."""
    return type(value) in _FUNCTIONS or isinstance(value, type)


class _Id:
    """The id of a crew."""

    __slots__ = ("_id", "_kind")

    def __init__(self, value: Any) -> None:
        self._kind, self._id = type(value), value.__dict__["id"]

    def same(self, value: Any) -> bool:
        """Say whether it has that id."""
        return type(value) is self._kind and value.__dict__.get("id") is self._id


class _Schema:
    """A class whose JSON schema is known."""

    __slots__ = ("_cls", "_known")

    def __init__(self, cls: Any, known: Any) -> None:
        self._cls, self._known = cls, known

    def same(self, value: Any) -> bool:
        """Say whether it is that class, and what decides on its schema is as it was."""
        return value is self._cls and _schemas.known_schema(value) is self._known


class _Set:
    """A set of plain values, in the order in which it is written."""

    __slots__ = ("_bytes", "_kind")

    def __init__(self, value: Any) -> None:
        self._kind, self._bytes = type(value), marshal.dumps([*value], FORMAT)

    def same(self, value: Any) -> bool:
        """Say whether it has those values in that order."""
        if type(value) is not self._kind:
            return False
        found = [*value]
        return PLAIN.issuperset(map(type, found)) and marshal.dumps(found, FORMAT) == self._bytes


def same(value: Any, token: Any) -> bool:
    """Say whether a value is one that had this token, which is not None."""
    if type(token) is bytes:
        try:
            return marshal.dumps(value, FORMAT) == token
        except ValueError:
            return False
    return token is not ANEW and bool(token.same(value))


def row(tokens: List[bytes]) -> bytes:
    """Return the bytes of a list of the values that have these; marshal's format puts them in a row."""
    return b"[" + len(tokens).to_bytes(4, "little") + b"".join(tokens)


_DICT, _EXTRA = attrgetter("__dict__"), attrgetter("__pydantic_extra__")


class Group:
    """Values with their tokens, and what those hold: all looked at in one step of Java, or a few that CPython runs in C.

    What an object holds is the very object that it was, or all is at an end: so objects within it are looked at beside it. Java
    compares pointers, also within lists and dicts of plain values; only where those differ does their content decide.
    """

    __slots__ = (
        "_classes",
        "_kinds",
        "_known",
        "_lengths",
        "_models",
        "_names",
        "_objects",
        "_others",
        "_plain",
        "_taken",
        "_values",
    )

    def __init__(self, tokens: Iterable[Tuple[Any, Any]]) -> None:
        self._plain: List[Any] = []
        self._objects: List[Any] = []
        self._models: List[Any] = []
        self._others: List[Tuple[Any, Any]] = []
        self._known: List[bytes] = []
        found: List[Seen] = []
        waiting = [*tokens]
        for value, token in waiting:
            if type(token) is bytes:
                self._plain.append(value)
                self._known.append(token)
            elif type(token) is Seen:
                self._objects.append(value)
                found.append(token)
                if token.serializer is not None:
                    self._models.append(value)
                waiting.extend((token.values[at], each) for at, each in token.tokens)
            else:
                self._others.append((value, token))
        self._kinds = [seen.kind for seen in found]
        self._classes = {(seen.kind, seen.serializer) for seen in found}
        self._lengths = [len(seen.keys) for seen in found]
        self._names = [name for seen in found for name in seen.keys]
        self._values = [value for seen in found for value in seen.values]
        #: what Java took down of a moment at which all was as it was
        self._taken: Any = None

    def same(self) -> bool:
        """Say whether all is as it was."""
        if self._taken is None or _held.same(self._taken) is not True:
            taken = _held.take(self._objects, self._plain, False)
            self._taken = None
            if not self._look():
                return False
            if type(taken) is tuple:
                self._taken = taken
        if any(map(_EXTRA, self._models)):
            return False
        for kind, serializer in self._classes:
            if getattr(kind, "__pydantic_serializer__", None) is not serializer:
                return False
        for value, token in self._others:
            if not same(value, token):
                return False
        return True

    def _look(self) -> bool:
        """Say whether objects and plain values are as they were."""
        objects = self._objects
        if objects:
            held = [*map(_DICT, objects)]
            if (
                not all(map(is_, map(type, objects), self._kinds))
                or [*map(len, held)] != self._lengths
                or [*chain.from_iterable(held)] != self._names
                or not all(map(is_, chain.from_iterable(map(dict.values, held)), self._values))
            ):
                return False
        try:
            return not self._plain or marshal.dumps(self._plain, FORMAT) == row(self._known)
        except ValueError:
            return False


class Tokens:
    """Makes tokens; *plan_of* returns what is known of a class of models."""

    def __init__(self, base: Any, plan_of: Callable[[Any], Any]) -> None:
        self._base, self._plan_of = base, plan_of
        module = sys.modules.get(_CONSTANTS)
        self._constants = {getattr(module, "_NotSpecified", None)}

    def of_field(self, field: Field, value: Any, depth: int = DEPTH) -> Any:
        """Return the token of what a field holds."""
        kind = type(value)
        if field.pure:
            return self.of(value, depth)
        outer = field.reads
        if kind in PLAIN and (field.studied or value is None and field.nullable):
            return None
        if kind in self._constants and (outer is None or outer == "constant"):
            return None
        if not field.studied and not outer:
            return ANEW
        if kind in (list, tuple, dict) and not value:
            return marshal.dumps(value, FORMAT)
        if outer is None:
            return self._of_model(value, depth, True) if kind in field.models else ANEW
        if outer == "name" and named(value) or outer == "class" and isinstance(value, type):
            return _Name(value)
        if outer == "schema" and isinstance(value, type):
            known = _schemas.known_schema(value)
            return ANEW if known is None else _Schema(value, known)
        if not isinstance(value, self._base):
            return ANEW
        if outer == "id" and not hasattr(kind, "id"):
            return _Id(value) if type(value.__dict__.get("id")) in SCALARS else ANEW
        if outer == "dump" and not self._plan_of(kind).own:
            return self._of_model(value, depth, True)
        return ANEW

    def of(self, value: Any, depth: int = DEPTH) -> Any:
        """Return the token of what pydantic alone writes."""
        kind = type(value)
        if kind in SCALARS:
            return None if kind is not datetime.datetime or type(value.tzinfo) in _ZONES else ANEW
        if kind in (dict, list, tuple):
            try:
                return marshal.dumps(value, FORMAT) if plain(value) else ANEW
            except ValueError:
                return ANEW
        if kind in (set, frozenset):
            return _Set(value) if PLAIN.issuperset(map(type, value)) else ANEW
        if isinstance(value, enum.Enum):
            return None if type(value.value) in PLAIN else ANEW
        if isinstance(value, self._base):
            return self._of_model(value, depth, False)
        if not (dataclasses.is_dataclass(kind) and kind.__bases__ == (object,)) or (
            hasattr(kind, "__pydantic_serializer__") or not hasattr(value, "__dict__")
        ):
            return ANEW
        values = list(value.__dict__.values())
        return self._seen(value, values, [self.of(each, depth - 1) for each in values], depth)

    def _of_model(self, value: Any, depth: int, by_its_own: bool) -> Any:
        """Return the token of a model; *by_its_own* class, or by another one's fields."""
        plan = self._plan_of(type(value))
        if plan.whole or value.__pydantic_extra__ or not (by_its_own or plan.pure):
            return ANEW
        held = dict(value.__dict__)
        if not held.keys() <= plan.fields.keys():
            return ANEW
        tokens = [
            None if field is None else self.of_field(field, held[name], depth - 1)
            for name, field in ((name, plan.fields[name]) for name in held)
        ]
        return self._seen(value, list(held.values()), tokens, depth)

    def _seen(self, value: Any, values: List[Any], tokens: List[Any], depth: int) -> Any:
        if not depth or any(token is ANEW for token in tokens):
            return ANEW
        kept = [(at, token) for at, token in enumerate(tokens) if token is not None]
        return Seen(value, values, kept)
