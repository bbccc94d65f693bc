"""The JSON text of a RuntimeState, put together of pieces that are made once.

A checkpoint holds every event so far, and an event what it was given: its own few values, and often the agent or the task
that it is about, as they are now. So an event's text is in pieces: what only the event decides on, kept until that changes, and
between them each agent, task and the like, dumped once a checkpoint however many events hold it. Each piece is pydantic's own dump.

Whether an event is as it was is looked at, each time: a scalar is the very object it was, a list or dict of plain values has the
bytes it had (marshal's, which tell 1 from True), a dataclass or model of such values likewise. What is anything else is dumped
anew: fields with serializers, objects of other classes; whole events whose class has more than fields.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import json
import marshal
import sys
import threading
import uuid
from operator import is_
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, TypeVar
from weakref import ref

#: Times that a text is begun anew where other threads change what is walked.
ATTEMPTS = 50
#: Classes of events and values that are known at a time.
CLASSES = 1024

_SCALARS = frozenset(
    {
        str, int, float, bool, type(None), datetime.datetime, datetime.date, datetime.timedelta, uuid.UUID,
    }
)  # fmt: skip
_PLAIN = frozenset({str, int, float, bool, type(None)})
_ZONES = frozenset({type(None), datetime.timezone})
#: Keys of a core schema behind which no schema is.
_NO_SCHEMA = frozenset(
    {"metadata", "default", "expected", "members", "cls", "config", "ref", "type"}
)
_FUNCTIONS = frozenset({"function-before", "function-after", "function-wrap"})
#: marshal's format that knows no references: equal bytes are equal values.
_FORMAT = 2
_ANEW = object()
_OWN = object()
#: Serializers of crewai that call model_dump(mode="json").
_OWN_DUMPS = frozenset(
    {
        ("crewai.agents.agent_builder.base_agent", "_serialize_executor_ref"),
        ("crewai.tools.base_tool", "BaseTool.__get_pydantic_core_schema__.<locals>.<lambda>"),
    }
)


_T = TypeVar("_T")


class _Changed(Exception):
    """A class is not what it looked like."""


def steady(made: Callable[[], _T]) -> _T:
    """Return what is made, again where a thread changed what was walked; what it did is then in it."""
    for _ in range(ATTEMPTS):
        try:
            return made()
        except BaseException as error:
            # pydantic's Rust panics where a dict changes
            if type(error).__name__ != "PanicException" and not (
                isinstance(error, (RuntimeError, ValueError)) and "during iteration" in str(error)
            ):
                raise
    return made()


class Form:
    """How a text is written: json.dumps's way, or pydantic's."""

    __slots__ = ("colon", "comma", "dumps")

    def __init__(self, dumps: Callable[[Any], str], comma: str, colon: str) -> None:
        self.dumps, self.comma, self.colon = dumps, comma, colon


def forms() -> Tuple[Form, Form]:
    """Return the form of ``json.dumps`` and that of ``model_dump_json``."""
    from pydantic_core import SchemaSerializer, core_schema

    to_json = SchemaSerializer(core_schema.any_schema()).to_json
    return Form(json.dumps, ", ", ": "), Form(lambda value: to_json(value).decode(), ",", ":")


class Field(NamedTuple):
    """A field of a class of models."""

    #: pydantic alone writes it: an equal value has an equal text
    pure: bool
    #: fields that have this in common write the same object alike
    share: Any
    #: it may hold anything
    open: bool
    #: the class that writes it, _OWN where its model_dump does, and whether that is in a list
    model: Any
    listed: bool


class _Plan:
    """What is known of a class of models."""

    __slots__ = ("fields", "keys", "models", "own", "pure", "serializer", "whole")

    def __init__(self, kind: Any, model_dump: Any, shared: Any) -> None:
        self.serializer = kind.__pydantic_serializer__
        self.own = kind.model_dump is not model_dump
        #: the order of names that was seen last: most have the same
        self.keys: List[str] = []
        #: by name; None is not dumped
        self.fields: Dict[str, Optional[Field]] = {}
        self.whole = not self._look(kind)
        found = [(name, field) for name, field in self.fields.items() if field is not None]
        self.pure = all(field.pure for _, field in found)
        self.models = [(name, field) for name, field in found if field.model in shared]

    def _look(self, kind: Any) -> bool:
        schema = kind.__pydantic_core_schema__
        if type(schema) is not dict or kind.model_config.get("serialize_by_alias"):
            return False
        definitions = {}
        if schema["type"] == "definitions":
            definitions = {each["ref"]: each for each in schema["definitions"]}
            schema = schema["schema"]
        if schema["type"] == "definition-ref":
            schema = definitions[schema["schema_ref"]]
        for wanted in ("model", "model-fields"):
            while schema["type"] in _FUNCTIONS and "serialization" not in schema:
                schema = schema["schema"]
            if schema["type"] != wanted or "serialization" in schema:
                return False
            if wanted == "model":
                if schema.get("root_model"):
                    return False
                schema = schema["schema"]
        if schema.get("computed_fields"):
            return False
        written = tuple(
            (key, each) for key, each in kind.model_config.items() if key.startswith("ser_")
        )
        for name, field in schema["fields"].items():
            if "serialization_exclude_if" in field:
                return False
            inner = field["schema"]
            self.fields[name] = None if field.get("serialization_exclude") else Field(
                _pure(inner), (kind, name), _anything(inner) and not written, *_model(inner, definitions)
            )  # fmt: skip
        return True


def _own_dump(serialization: Any) -> bool:
    """Say whether a serializer returns what the model's own model_dump(mode="json") does."""
    function = serialization.get("function")
    known = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    return serialization["type"] == "function-plain" and known in _OWN_DUMPS


def _model(schema: Any, definitions: Dict[str, Any]) -> Tuple[Any, bool]:
    """Return the class of models that a field holds, one or a list of them."""
    listed = False
    for _ in range(100):
        kind = schema["type"]
        if kind == "model":
            return schema["cls"], listed
        if "serialization" in schema:
            return (_OWN if _own_dump(schema["serialization"]) else None), listed
        if kind in _FUNCTIONS or kind in ("default", "nullable"):
            schema = schema["schema"]
        elif kind == "definition-ref" and schema["schema_ref"] in definitions:
            schema = definitions[schema["schema_ref"]]
        elif kind == "list" and not listed and "items_schema" in schema:
            schema, listed = schema["items_schema"], True
        else:
            break
    return None, False


def _pure(schema: Any) -> bool:
    """Say whether pydantic alone writes what such a field holds."""
    if type(schema) in (list, tuple):
        return all(map(_pure, schema))
    if type(schema) is not dict:
        return True
    if schema.get("type") == "definition-ref" or schema.get("computed_fields"):
        return False
    if "serialization" in schema or "serialization_exclude_if" in schema:
        return False
    return all(_pure(inner) for key, inner in schema.items() if key not in _NO_SCHEMA)


def _anything(schema: Any) -> bool:
    while schema["type"] in ("default", "nullable") and "serialization" not in schema:
        schema = schema["schema"]
    return schema["type"] == "any" and "serialization" not in schema


def _plain(value: Any, depth: int = 100) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return True
    if not depth:
        return False
    if kind is dict:
        return all(type(key) is str and _plain(each, depth - 1) for key, each in value.items())
    return kind in (list, tuple) and all(_plain(each, depth - 1) for each in value)


class _Seen:
    """What a model or dataclass held."""

    __slots__ = ("keys", "kind", "tokens", "values")

    def __init__(self, value: Any, values: List[Any], tokens: List[Tuple[int, Any]]) -> None:
        self.kind = type(value)
        self.keys = [*value.__dict__]
        self.values = values
        self.tokens = tokens

    def same(self, value: Any) -> bool:
        """Say whether it is as it was."""
        held = value.__dict__
        return (
            type(value) is self.kind
            and [*held] == self.keys
            and all(map(is_, held.values(), self.values))
            and (not self.tokens or all(_same(self.values[at], token) for at, token in self.tokens))
            and not getattr(value, "__pydantic_extra__", None)
        )


def _same(value: Any, token: Any) -> bool:
    if type(token) is bytes:
        try:
            return marshal.dumps(value, _FORMAT) == token
        except ValueError:
            return False
    return bool(token.same(value))


class Plans:
    """Classes of models, as they are now."""

    def __init__(self) -> None:
        from pydantic import BaseModel
        from pydantic_core import SchemaSerializer, core_schema

        self.base = BaseModel
        self.jsonable = SchemaSerializer(core_schema.any_schema()).to_python
        self._model_dump = BaseModel.model_dump
        # what many events and crews hold; other models are small, and dumped with what holds them
        names = ("crewai.agents.agent_builder.base_agent", "BaseAgent"), ("crewai.task", "Task")
        self._shared = {getattr(sys.modules.get(module), name, None) for module, name in names}
        self._shared = self._shared - {None} | {_OWN}
        self._known: Dict[Any, _Plan] = {}

    def of(self, kind: Any) -> _Plan:
        """Return what is known of a class."""
        plan = self._known.get(kind)
        if plan is None or plan.serializer is not kind.__pydantic_serializer__:
            if len(self._known) >= CLASSES:
                self._known.clear()
            try:
                plan = _Plan(kind, self._model_dump, self._shared)
            except (KeyError, AttributeError, TypeError, RecursionError):
                plan = _Plan(kind, self._model_dump, self._shared)
                plan.whole = True
            self._known[kind] = plan
        return plan

    def token(self, value: Any, depth: int = 3) -> Any:
        """Return what tells a change of a value; None where it has none, _ANEW where that is not known."""
        kind = type(value)
        if kind in _SCALARS:
            return None if kind is not datetime.datetime or type(value.tzinfo) in _ZONES else _ANEW
        if kind in (dict, list, tuple):
            try:
                return marshal.dumps(value, _FORMAT) if _plain(value) else _ANEW
            except ValueError:
                return _ANEW
        if not depth:
            return _ANEW
        if isinstance(value, enum.Enum):
            return None if type(value.value) in _PLAIN else _ANEW
        if isinstance(value, self.base):
            plan = self.of(kind)
            if plan.whole or value.__pydantic_extra__ or not plan.pure:
                return _ANEW
        elif not (dataclasses.is_dataclass(kind) and kind.__bases__ == (object,)) or (
            hasattr(kind, "__pydantic_serializer__") or not hasattr(value, "__dict__")
        ):
            return _ANEW
        held = list(value.__dict__.values())
        tokens = []
        for at, each in enumerate(held):
            token = self.token(each, depth - 1)
            if token is _ANEW:
                return _ANEW
            if token is not None:
                tokens.append((at, token))
        return _Seen(value, held, tokens)


class _Dump:
    """The text of what was dumped: made anew where the dump is another."""

    __slots__ = ("_names", "_pieces", "_token", "of")

    def __init__(self, of: Any) -> None:
        #: kept: no other object gets its id
        self.of = of
        self._token: Optional[bytes] = None
        self._names: Any = None
        self._pieces: List[str] = []

    def pieces(self, dumped: Any, names: Any, split: Any, form: Form) -> List[str]:
        """Return the text, cut where the fields of *split* belong in the order of *names*."""
        try:
            token: Optional[bytes] = marshal.dumps(dumped, _FORMAT)
        except ValueError:
            token = None
        if token is None or token != self._token or names != self._names:
            self._pieces = _cut(dumped, names, split, form) if names else [form.dumps(dumped)]
            self._token, self._names = token, names
        return self._pieces


def _cut(dumped: Any, names: Any, split: Any, form: Form) -> List[str]:
    pieces: List[str] = []
    text, comma = "{", ""
    run: Dict[str, Any] = {}
    for name in names:
        if name not in split:
            run[name] = dumped[name]
            continue
        if run:
            text += comma + form.dumps(run)[1:-1]
            run, comma = {}, form.comma
        pieces.append(text + comma + form.dumps(name) + form.colon)
        text, comma = "", form.comma
    if run:
        text += comma + form.dumps(run)[1:-1]
    return [*pieces, text + "}"]


class _Pass:
    """One dump of what events and entities hold: each object once."""

    def __init__(self, form: Form, plans: Plans, before: Dict[Any, _Dump]) -> None:
        self._form, self._plans, self._before = form, plans, before
        self.dumps: Dict[Any, _Dump] = {}
        self._texts: Dict[Any, str] = {}

    def _dump(self, which: Any, value: Any) -> _Dump:
        dump = self._before.get(which)
        if dump is None:
            dump = _Dump(value)
        self.dumps[which] = dump
        return dump

    def entity(self, entity: Any) -> str:
        """Return what ``entity.model_dump(mode="json")`` is."""
        kind = type(entity)
        if not self._plans.of(kind).own:
            return self.model(kind, entity)
        which = _OWN, id(entity)
        text = self._texts.get(which)
        if text is None:
            dumped = self._plans.jsonable(entity.model_dump(mode="json"), mode="json")
            (text,) = self._dump(which, entity).pieces(dumped, None, None, self._form)
            self._texts[which] = text
        return text

    def model(self, kind: Any, value: Any) -> str:
        """Return a model's text, as a field for ``kind`` writes it."""
        which = kind, id(value)
        text = self._texts.get(which)
        if text is None:
            self._texts[which] = text = self._model(kind, value, self._dump(which, value))
        return text

    def field(self, event: Any, name: str, field: Field) -> str:
        """Return the text of a field."""
        value = event.__dict__[name]
        if isinstance(value, self._plans.base):
            if field.open:
                return self.model(type(value), value)
            if field.model is not None and not field.listed:
                if isinstance(value, self._holder(field)):
                    return self._held(field, value)
        held = tuple(value) if type(value) is list else value
        which = field.share, tuple(map(id, held)) if held is not value else id(value)
        text = self._texts.get(which)
        if text is None:
            dumped = event.model_dump(mode="json", include={name})[name]
            (text,) = self._dump(which, held).pieces(dumped, None, None, self._form)
            self._texts[which] = text
        return text

    def _holder(self, field: Field) -> Any:
        return self._plans.base if field.model is _OWN else field.model

    def _held(self, field: Field, value: Any) -> str:
        return self.entity(value) if field.model is _OWN else self.model(field.model, value)

    def _model(self, kind: Any, value: Any, dump: _Dump) -> str:
        form = self._form
        plan = self._plans.of(kind)
        held = value.__dict__
        split: Dict[str, str] = {}
        if not plan.whole and not value.__pydantic_extra__:
            for name, field in plan.models:
                each = held.get(name)
                if not field.listed:
                    if isinstance(each, self._holder(field)):
                        split[name] = self._held(field, each)
                elif type(each) is list and each:
                    kinds = self._holder(field)
                    if all(isinstance(one, kinds) for one in each):
                        texts = form.comma.join([self._held(field, one) for one in each])
                        split[name] = f"[{texts}]"
        made = functools.partial(plan.serializer.to_python, value)
        if kind is type(value) and not plan.own:
            # its warnings name this call
            made = value.model_dump
        if split:
            dumped = made(mode="json", exclude=set(split))
            names = [name for name in held if plan.fields.get(name) is not None]
            if [*dumped] == [name for name in names if name not in split]:
                pieces = dump.pieces(dumped, names, split, form)
                found = [pieces[0]]
                for name, piece in zip([name for name in names if name in split], pieces[1:]):
                    found += split[name], piece
                return "".join(found)
        return dump.pieces(made(mode="json"), None, None, form)[0]


class _Entry:
    """A node's text."""

    __slots__ = ("edges", "edges_text", "event", "lives", "node", "pieces", "plan", "seen")

    def __init__(self, node: Any, event: Any) -> None:
        self.node, self.event = node, event
        self.edges: bytes = b""
        self.edges_text = ""
        self.plan: Any = None
        self.seen: Any = None
        #: what is between the pieces
        self.lives: List[Tuple[str, Field]] = []
        self.pieces: List[str] = []


class _Record:
    """The texts of a state and its record, in one form."""

    def __init__(self, form: Form, plans: Plans) -> None:
        self._form, self._plans = form, plans
        self._lock = threading.RLock()
        self._entries: Dict[str, _Entry] = {}
        self._dumps: Dict[Any, _Dump] = {}

    def text(self, head: Dict[str, Any], root: Any, record: Any, node_kind: Any, tail: str) -> str:
        """Return the text of a state."""
        form = self._form
        comma, colon = form.comma, form.colon
        with self._lock:
            dumps = _Pass(form, self._plans, self._dumps)
            pieces = [form.dumps(head)[:-1], f'{comma}"entities"{colon}[']
            pieces.append(comma.join([dumps.entity(entity) for entity in root]))
            pieces.append(f']{comma}"event_record"{colon}{{"nodes"{colon}{{')
            with record._lock.r_locked():
                nodes = list(record.nodes.items())
            self._nodes(nodes, node_kind, dumps, pieces)
            pieces.append("}}" + tail + "}")
            self._dumps = dumps.dumps
        return "".join(pieces)

    def _nodes(
        self, nodes: List[Tuple[str, Any]], node_kind: Any, dumps: _Pass, pieces: List[str]
    ) -> None:
        form, entries = self._form, self._entries
        if len(entries) > 2 * len(nodes) + 16:
            kept = {key for key, _ in nodes}
            self._entries = entries = {key: each for key, each in entries.items() if key in kept}
        marshalled, add, field_text, comma = marshal.dumps, pieces.append, dumps.field, form.comma
        get = entries.get
        for key, node in nodes:
            if type(node) is not node_kind:
                raise _Changed
            held = node.__dict__
            event = held["event"]
            entry = get(key)
            if entry is None or entry.node is not node or entry.event is not event:
                entry = entries[key] = _Entry(node, event)
                self._read(entry, key)
            elif entry.plan is not None and not (
                entry.plan.serializer is type(event).__pydantic_serializer__
                and entry.seen.same(event)
            ):
                self._read(entry, key)
            edges = marshalled(held["edges"], _FORMAT)
            if edges != entry.edges:
                self._edges(entry, edges)
            if entry.plan is None:
                add(entry.pieces[0])
                add(form.dumps(node.model_dump(mode="json", include={"event"})["event"]))
            else:
                at = 0
                for name, field in entry.lives:
                    add(entry.pieces[at])
                    add(field_text(event, name, field))
                    at += 1
                add(entry.pieces[at])
            add(entry.edges_text)
            add(comma)
        if nodes:
            pieces.pop()

    def _read(self, entry: _Entry, key: str) -> None:
        """Dump what an event alone decides on."""
        form, event = self._form, entry.event
        opening = f'{form.dumps(key)}{form.colon}{{"event"{form.colon}'
        entry.plan, entry.seen, entry.lives, entry.pieces = None, None, [], [opening]
        entry.edges = b""
        if not isinstance(event, self._plans.base):
            return
        plan = self._plans.of(type(event))
        held = dict(event.__dict__)
        if (
            plan.whole
            or plan.own
            or event.__pydantic_extra__
            or not held.keys() <= plan.fields.keys()
        ):
            return
        lives: List[Tuple[str, Field]] = []
        tokens: List[Tuple[int, Any]] = []
        names = []
        for at, (name, value) in enumerate(held.items()):
            field = plan.fields[name]
            if field is None:
                continue
            names.append(name)
            token = self._plans.token(value) if field.pure else _ANEW
            if token is _ANEW:
                lives.append((name, field))
            elif token is not None:
                tokens.append((at, token))
        outside = {name for name, _ in lives}
        dumped = event.model_dump(mode="json", exclude=outside or None)
        seen = _Seen(event, list(held.values()), tokens)
        if [*dumped] != [name for name in names if name not in outside] or seen.keys != [*held]:
            return
        if seen.keys == plan.keys:
            seen.keys = plan.keys
        else:
            plan.keys = seen.keys
        first, *rest = _cut(dumped, names, outside, form)
        entry.plan, entry.seen, entry.lives, entry.pieces = (
            plan,
            seen,
            lives,
            [opening + first, *rest],
        )

    def _edges(self, entry: _Entry, edges: bytes) -> None:
        found = marshal.loads(edges)
        if type(found) is not dict or not _plain(found):
            raise _Changed
        form = self._form
        entry.edges = edges
        entry.edges_text = f'{form.comma}"edges"{form.colon}{form.dumps(found)}}}'


class States:
    """Texts of RuntimeStates."""

    def __init__(self) -> None:
        runtime, events = (
            sys.modules["crewai.state.runtime"],
            sys.modules["crewai.state.event_record"],
        )
        self._runtime, self.kind = runtime, runtime.RuntimeState
        self._record, self._node = events.EventRecord, events.EventNode
        self._plans = Plans()
        self.json, self.pydantic = forms()
        self._known: Dict[Tuple[int, int], Tuple[Any, _Record]] = {}

    def odd(self, state: Any) -> bool:
        """Say whether a state or its record is not as crewai makes it."""
        return (
            type(state) is not self.kind
            or type(state._event_record) is not self._record
            or bool(self.kind.model_config.keys() - {"arbitrary_types_allowed"})
        )

    def text(self, state: Any, form: Form, trigger: Optional[str] = None) -> str:
        """Return the text of a state."""
        return steady(lambda: self._text(state, form, trigger))

    def _text(self, state: Any, form: Form, trigger: Optional[str]) -> str:
        record = state._event_record
        head = {
            "crewai_version": self._runtime.get_crewai_version(),
            "parent_id": state._parent_id,
            "branch": state._branch,
        }
        tail = "" if trigger is None else f'{form.comma}"trigger"{form.colon}{form.dumps(trigger)}'
        return self._texts(record, form).text(head, list(state.root), record, self._node, tail)

    def _texts(self, record: Any, form: Form) -> _Record:
        key = id(record), id(form)
        found = self._known.get(key)
        if found is None or found[0]() is not record:
            known = self._known
            made = ref(record, lambda gone: known.pop(key, None))
            found = known[key] = made, _Record(form, self._plans)
        return found[1]
