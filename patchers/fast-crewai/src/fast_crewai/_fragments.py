"""The JSON text of a RuntimeState, put together of pieces that are made once.

A checkpoint holds every event so far, and an event what it was given: its own few values, and often the agent or the task
that it is about, as they are now. So an event's text is in pieces: what only the event decides on, kept until that changes, and
between them each agent, task and the like, dumped once a checkpoint however many events hold it. Each piece is pydantic's own dump.

Whether an event is as it was is looked at, each time: a scalar is the very object it was, a list or dict of plain values has the
bytes it had (marshal's, which tell 1 from True), a dataclass or model of such values likewise. What is anything else is dumped
anew: fields with serializers, objects of other classes; whole events whose class has more than fields.

Events are looked at in blocks, each in a few steps that CPython runs in C; one by one only where a block is not as it was.
"""

from __future__ import annotations

import functools
import json
import marshal
import sys
import threading
from operator import attrgetter, is_, itemgetter
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, TypeVar
from weakref import ref

from fast_jvm import _held

from . import _watch

#: Times that a text is begun anew where other threads change what is walked.
ATTEMPTS = 50
#: Classes of events and values that are known at a time.
CLASSES = 1024
#: Nodes that are looked at in one step; and of those at the end, too few for that.
BLOCK, FEW = 32, 8
#: A field that was another so often in a row gets no token, but for each eighth time: making it would be for nothing.
FICKLE, AGAIN = 8, 8

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

    __slots__ = ("_names", "colon", "comma", "dumps")

    def __init__(self, dumps: Callable[[Any], str], comma: str, colon: str) -> None:
        self.dumps, self.comma, self.colon = dumps, comma, colon
        self._names: Dict[str, str] = {}

    def pair(self, name: str, text: Any) -> str:
        """Return a field's name and its text, or those of its items."""
        found = self._names.get(name)
        if found is None:
            if len(self._names) >= CLASSES:
                self._names.clear()
            found = self._names[name] = self.dumps(name) + self.colon
        return found + text if type(text) is str else f"{found}[{self.comma.join(text)}]"


def _encoder() -> Callable[[Any], str]:
    """Return ``json.dumps`` for what holds itself nowhere: one encoder for all texts, where json has one in C."""
    make = getattr(json.encoder, "c_make_encoder", None)
    encode = getattr(json.encoder, "c_encode_basestring_ascii", None)
    if make is None or encode is None:
        return json.dumps
    fail = json.JSONEncoder().default
    encoder = make(None, fail, encode, None, ": ", ", ", False, False, True)
    return lambda value: encode(value) if type(value) is str else "".join(encoder(value, 0))


def forms() -> Tuple[Form, Form]:
    """Return the form of ``json.dumps`` and that of ``model_dump_json``."""
    from pydantic_core import SchemaSerializer, core_schema

    to_json = SchemaSerializer(core_schema.any_schema()).to_json
    return Form(_encoder(), ", ", ": "), Form(lambda value: to_json(value).decode(), ",", ":")


class _Plan:
    """What is known of a class of models."""

    __slots__ = (
        "computed",
        "fields",
        "keys",
        "lists",
        "models",
        "own",
        "pure",
        "serializer",
        "whole",
    )

    def __init__(self, kind: Any, model_dump: Any, shared: Any) -> None:
        self.serializer = kind.__pydantic_serializer__
        self.own = kind.model_dump is not model_dump
        #: the order of names that was seen last: most have the same
        self.keys: List[str] = []
        #: by name; None is not dumped
        self.fields: Dict[str, Optional[_watch.Field]] = {}
        #: names of properties that are dumped too: what they tell is of the class
        self.computed: List[str] = []
        #: lists of such models, by field: whether each is written as its model_dump does
        self.lists: Dict[Any, bool] = {}
        self.whole = not self._look(kind)
        found = [(name, field) for name, field in self.fields.items() if field is not None]
        self.pure = not self.computed and all(field.pure for _, field in found)
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
            while schema["type"] in _watch.WRAPPING and "serialization" not in schema:
                schema = schema["schema"]
            if schema["type"] != wanted or "serialization" in schema:
                return False
            if wanted == "model":
                if schema.get("root_model"):
                    return False
                schema = schema["schema"]
        for computed in schema.get("computed_fields") or ():
            found = getattr(kind, computed["property_name"], None)
            if not isinstance(found, property) or _watch.reads(found.fget) != "type":
                return False
            if "alias" in computed or not _watch.pure(computed["return_schema"], {}, _watch.none):
                return False
            self.computed.append(computed["property_name"])
        written = tuple(
            (key, each) for key, each in kind.model_config.items() if key.startswith("ser_")
        )
        for name, field in schema["fields"].items():
            if "serialization_exclude_if" in field:
                return False
            inner = field["schema"]
            self.fields[name] = None if field.get("serialization_exclude") else _watch.Field(
                _watch.pure(inner, definitions, _watch.none), (kind, name), _anything(inner) and not written,
                *_model(inner, definitions), _watch.declared(inner, definitions), *_watch.outermost(inner),
                _watch.pure(inner, definitions, _watch.studied),
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
        if kind in _watch.WRAPPING or kind in ("default", "nullable"):
            schema = schema["schema"]
        elif kind == "definition-ref" and schema["schema_ref"] in definitions:
            schema = definitions[schema["schema_ref"]]
        elif kind == "list" and not listed and "items_schema" in schema:
            schema, listed = schema["items_schema"], True
        else:
            break
    return None, False


def _anything(schema: Any) -> bool:
    while schema["type"] in ("default", "nullable") and "serialization" not in schema:
        schema = schema["schema"]
    return schema["type"] == "any" and "serialization" not in schema


class Plans:
    """Classes of models, as they are now."""

    def __init__(self) -> None:
        from pydantic import BaseModel
        from pydantic_core import SchemaSerializer, core_schema

        self.base = BaseModel
        self.jsonable = SchemaSerializer(core_schema.any_schema()).to_python
        self._model_dump = BaseModel.model_dump
        # what many events and crews hold; other models are small, and dumped with what holds them
        names = (
            ("crewai.agents.agent_builder.base_agent", "BaseAgent"),
            ("crewai.agents.agent_executor", "AgentExecutor"),
            ("crewai.task", "Task"),
        )
        self._shared = {getattr(sys.modules.get(module), name, None) for module, name in names}
        self._shared = self._shared - {None} | {_OWN}
        self._known: Dict[Any, _Plan] = {}
        self.tokens = _watch.Tokens(BaseModel, self.of)

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


class _Dump:
    """The text of what was dumped: made anew where the dump is another."""

    __slots__ = ("_text", "_token", "of")

    def __init__(self, of: Any) -> None:
        #: kept: no other object gets its id
        self.of = of
        self._token: Optional[bytes] = None
        self._text = ""

    def text(self, dumped: Any, form: Form) -> str:
        """Return the text of a dump."""
        try:
            token: Optional[bytes] = marshal.dumps(dumped, _watch.FORMAT)
        except ValueError:
            token = None
        if token is None or token != self._token:
            self._text = form.dumps(dumped)
            self._token = token
        return self._text


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


class _Fields:
    """The text of a model, field by field: only what is not as it was is dumped."""

    __slots__ = (
        "_fickle",
        "_group",
        "_held",
        "_keys",
        "_names",
        "_parts",
        "_plan",
        "_split",
        "_text",
        "_texts",
        "_tokens",
        "of",
    )

    def __init__(self, of: Any) -> None:
        #: kept: no other object gets its id
        self.of = of
        self._keys: List[str] = []
        self._names: List[Tuple[int, str, Any]] = []
        self._plan: Any = None
        self._forget()

    def _forget(self) -> None:
        self._held: List[Any] = []
        self._tokens: List[Any] = []
        #: how often in a row a field was not as it was
        self._fickle: Dict[str, int] = {}
        #: what has a token that compares, or none
        self._parts: List[Tuple[Any, Any]] = []
        #: of the model and the parts, made when it is wanted
        self._group: Optional[_watch.Group] = None
        self._texts: Dict[str, str] = {}
        self._split: Dict[str, Any] = {}
        self._text = ""

    def text(
        self, plan: _Plan, tokens: _watch.Tokens, made: Any, split: Dict[str, Any], form: Form
    ) -> Optional[str]:
        """Return the text, with that of the fields in *split*; None where it is more than its fields."""
        again: List[str] = []
        if not (
            plan is self._plan
            and split.keys() == self._split.keys()
            and self._group is not None
            and self._group.same()
        ):
            again = self._changed(plan, tokens, split)
        if again:
            self._dump(again, made, split, form)
            if len(self._texts) + len(split) != len(self._names):
                self._forget()
                return None
        elif split == self._split and self._text:
            return self._text
        texts = self._texts
        self._split = split
        parts = [
            texts[name] if name in texts else form.pair(name, split[name])
            for _, name, _ in self._names
        ]
        self._text = "{" + form.comma.join(parts) + "}"
        return self._text

    def _changed(self, plan: _Plan, tokens: _watch.Tokens, split: Dict[str, Any]) -> List[str]:
        """Return the names of fields that are not as they were."""
        value = self.of
        held = dict(value.__dict__)
        keys, values = [*held], [*held.values(), *[type(value)] * len(plan.computed)]
        if not self._texts or plan is not self._plan:
            self._forget()
        if keys != self._keys or plan is not self._plan or split.keys() != self._split.keys():
            self._forget()
            names = [(at, name, plan.fields.get(name)) for at, name in enumerate(keys)]
            self._names = [each for each in names if each[2] is not None]
            self._names += [
                (len(keys) + at, name, COMPUTED) for at, name in enumerate(plan.computed)
            ]
            self._keys, self._plan = keys, plan
        was = self._held
        if (
            was
            and self._group is None
            and _watch.ANEW not in self._tokens
            and all(map(is_, values, was))
        ):
            seen = _watch.Seen(value, values[: len(keys)], [], keys)
            self._group = _watch.Group([(value, seen), *self._parts])
            if self._group.same():
                return []
        return self._look(values, tokens, split)

    def _look(self, values: List[Any], tokens: _watch.Tokens, split: Dict[str, Any]) -> List[str]:
        """Return the names of fields that are not as they were."""
        again = []
        was, known = self._held, self._tokens
        found: List[Any] = [None] * len(values)
        parts = []
        for at, name, field in self._names:
            if name in split:
                continue
            value = values[at]
            if was:
                token = known[at]
                if value is was[at] if token is None else _watch.same(value, token):
                    found[at] = token
                    if token is not None:
                        parts.append((value, token))
                        self._fickle.pop(name, None)
                    continue
                times = self._fickle[name] = self._fickle.get(name, 0) + 1
            else:
                times = 0
            if times > FICKLE and times % AGAIN and known[at] is not None:
                token = _watch.ANEW
            else:
                token = tokens.of_field(field, value)
            found[at] = token
            if token is not None:
                parts.append((value, token))
            again.append(name)
        self._held, self._tokens = values, found
        self._parts, self._group = parts, None
        return again

    def _dump(self, again: List[str], made: Any, split: Dict[str, Any], form: Form) -> None:
        texts = self._texts
        self._texts = {}
        self._text = ""
        if texts:
            dumped = made(mode="json", include=set(again))
        else:
            dumped = made(mode="json", exclude=set(split) or None)
        if [*dumped] != again:
            return
        for name, each in dumped.items():
            texts[name] = form.pair(name, form.dumps(each))
        self._texts = texts


#: What a property that tells of the class alone is like.
COMPUTED = _watch.Field(False, None, False, None, False, frozenset(), False, "class", True)


class _Pass:
    """One dump of what events and entities hold: each object once."""

    def __init__(self, form: Form, plans: Plans, before: Dict[Any, Any]) -> None:
        self._form, self._plans, self._before = form, plans, before
        self.dumps: Dict[Any, Any] = {}
        self._texts: Dict[Any, str] = {}

    def _dumped(self, which: Any, of: Any, dumped: Any) -> str:
        dump = self._before.get(which)
        if type(dump) is not _Dump:
            dump = _Dump(of)
        self.dumps[which] = dump
        return dump.text(dumped, self._form)

    def entity(self, entity: Any) -> str:
        """Return what ``entity.model_dump(mode="json")`` is."""
        kind = type(entity)
        if not self._plans.of(kind).own:
            return self.model(kind, entity)
        which = _OWN, id(entity)
        text = self._texts.get(which)
        if text is None:
            dumped = self._plans.jsonable(entity.model_dump(mode="json"), mode="json")
            self._texts[which] = text = self._dumped(which, entity, dumped)
        return text

    def model(self, kind: Any, value: Any) -> str:
        """Return a model's text, as a field for ``kind`` writes it."""
        which = kind, id(value)
        text = self._texts.get(which)
        if text is None:
            self._texts[which] = text = self._model(which, kind, value)
        return text

    def field(self, event: Any, name: str, field: _watch.Field) -> str:
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
            text = self._texts[which] = self._field(which, event, name, held, type(value) is list)
        return text

    def _field(self, which: Any, event: Any, name: str, held: Any, listed: bool) -> str:
        joined, known = "", None
        if listed and held and all(isinstance(each, self._plans.base) for each in held):
            # what writes an item is its class's affair: looked at once, then known
            lists, key = self._plans.of(type(event)).lists, (name, *map(type, held))
            known = lists.get(key)
            if known is not False:
                joined = f"[{self._form.comma.join(map(self.entity, held))}]"
                if known:
                    return joined
        text = self._dumped(which, held, event.model_dump(mode="json", include={name})[name])
        if joined and len(lists) < CLASSES:
            lists[key] = text == joined
        return text

    def _holder(self, field: _watch.Field) -> Any:
        return self._plans.base if field.model is _OWN else field.model

    def _held(self, field: _watch.Field, value: Any) -> str:
        return self.entity(value) if field.model is _OWN else self.model(field.model, value)

    def _items(self, field: _watch.Field, value: Any) -> Any:
        """Return the texts of a list's models, None where it has others."""
        kinds = self._holder(field)
        if not all(isinstance(each, kinds) for each in value):
            return None
        return tuple([self._held(field, each) for each in value])

    def _model(self, which: Any, kind: Any, value: Any) -> str:
        plan = self._plans.of(kind)
        held = value.__dict__
        made = functools.partial(plan.serializer.to_python, value)
        if kind is type(value) and not plan.own:
            # its warnings name this call
            made = value.model_dump
        if not plan.whole and not value.__pydantic_extra__:
            split: Dict[str, Any] = {}
            for name, field in plan.models:
                each = held.get(name)
                if not field.listed:
                    if isinstance(each, self._holder(field)):
                        split[name] = self._held(field, each)
                elif type(each) is list and each:
                    texts = self._items(field, each)
                    if texts is not None:
                        split[name] = texts
            fields = self._before.get(which)
            if type(fields) is not _Fields:
                fields = _Fields(value)
            text = fields.text(plan, self._plans.tokens, made, split, self._form)
            if text is not None:
                self.dumps[which] = fields
                return text
        return self._dumped(which, value, made(mode="json"))


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
        self.lives: List[Tuple[str, _watch.Field]] = []
        self.pieces: List[str] = []

    def look(self, edges: Any, form: Form) -> None:
        """Have the text of its edges as they are now."""
        known = marshal.dumps(edges, _watch.FORMAT)
        if known == self.edges:
            return
        found = marshal.loads(known)
        if type(found) is not dict or not _watch.plain(found):
            raise _Changed
        self.edges = known
        self.edges_text = f'{form.comma}"edges"{form.colon}{form.dumps(found)}}}'


_DICT, _EDGES = attrgetter("__dict__"), itemgetter("edges")


class _Block:
    """Nodes that follow each other, and what they held when their texts were made."""

    __slots__ = (
        "_edges",
        "_ends",
        "_entries",
        "_keys",
        "_looked",
        "_nodes",
        "_taken",
        "lives",
        "pieces",
    )

    def __init__(self, keys: List[str], entries: List[_Entry], comma: str) -> None:
        self._keys, self._entries = keys, entries
        self._nodes = [entry.node for entry in entries]
        looked = [(entry.event, entry.seen) for entry in entries if entry.plan is not None]
        self._looked = _watch.Group([*map(_seen, entries), *looked])
        #: of edges that have these bytes
        self._taken: Any = None
        self._edges = _watch.row([entry.edges for entry in entries])
        self.pieces, self.lives, self._ends = _flat(entries, comma)

    def same(self, keys: List[str], nodes: List[Any]) -> bool:
        """Say whether these are its nodes, with events as they were."""
        return keys == self._keys and all(map(is_, nodes, self._nodes)) and self._looked.same()

    def look(self, form: Form) -> None:
        """Have the texts of all nodes in a row, with their edges as they are now."""
        if self._taken is not None and _held.same(self._taken) is True:
            return
        edges = [*map(_EDGES, map(_DICT, self._nodes))]
        taken = _held.take([], edges, False)
        known = marshal.dumps(edges, _watch.FORMAT)
        if known != self._edges:
            for entry, held, at in zip(self._entries, edges, self._ends):
                entry.look(held, form)
                self.pieces[at] = entry.edges_text
            # not what was read above: another thread may have been here
            self._edges = _watch.row([entry.edges for entry in self._entries])
        self._taken = taken if known == self._edges and type(taken) is tuple else None


def _seen(entry: _Entry) -> Tuple[Any, _watch.Seen]:
    """Return an entry's node with what it held: that event."""
    held = dict(entry.node.__dict__)
    if "event" in held:
        held["event"] = entry.event
    return entry.node, _watch.Seen(entry.node, [*held.values()], [], [*held])


def _flat(
    entries: List[_Entry], comma: str
) -> Tuple[List[str], List[Tuple[int, _Entry, Any]], List[int]]:
    """Return the texts of nodes, where between them what is dumped each time belongs, and where their edges are."""
    pieces: List[str] = []
    ends: List[int] = []
    lives: List[Tuple[int, _Entry, Any]] = []
    for entry in entries:
        pieces.append(entry.pieces[0])
        for live, piece in zip(entry.lives, entry.pieces[1:]):
            lives.append((len(pieces), entry, live))
            pieces += "", piece
        if entry.plan is None:
            lives.append((len(pieces), entry, None))
            pieces.append("")
        ends.append(len(pieces))
        pieces += entry.edges_text, comma
    return pieces, lives, ends


def _parts(count: int) -> Iterator[Tuple[int, int]]:
    """Return where blocks of so many nodes start and end, and the few that are none."""
    full, most = count - count % BLOCK, count - count % FEW
    yield from ((at, at + BLOCK) for at in range(0, full, BLOCK))
    yield from ((at, at + FEW) for at in range(full, most, FEW))
    yield most, count


class _Record:
    """The texts of a state and its record, in one form."""

    def __init__(self, form: Form, plans: Plans) -> None:
        self._form, self._plans = form, plans
        self._lock = threading.RLock()
        self._entries: Dict[str, _Entry] = {}
        self._blocks: Dict[Tuple[int, int], _Block] = {}
        self._dumps: Dict[Any, Any] = {}

    def pieces(
        self, head: Dict[str, Any], root: Any, record: Any, node_kind: Any, tail: str
    ) -> List[str]:
        """Return the text of a state, in pieces."""
        form = self._form
        comma, colon = form.comma, form.colon
        _held.ready()
        with self._lock:
            dumps = _Pass(form, self._plans, self._dumps)
            pieces = [form.dumps(head)[:-1], f'{comma}"entities"{colon}[']
            for entity in root:
                pieces += dumps.entity(entity), comma
            if root:
                pieces.pop()
            pieces.append(f']{comma}"event_record"{colon}{{"nodes"{colon}{{')
            with record._lock.r_locked():
                nodes = dict(record.nodes)
            self._nodes(nodes, node_kind, dumps, pieces)
            pieces.append("}}" + tail + "}")
            self._dumps = dumps.dumps
        return pieces

    def _nodes(
        self, nodes: Dict[str, Any], node_kind: Any, dumps: _Pass, pieces: List[str]
    ) -> None:
        form, entries, blocks = self._form, self._entries, self._blocks
        if len(entries) > 2 * len(nodes) + 16:
            self._entries = {key: each for key, each in entries.items() if key in nodes}
        keys, held = [*nodes], [*nodes.values()]
        full = len(keys) - len(keys) % BLOCK
        for at in [at for at in blocks if at[1] > (full if at[1] - at[0] == BLOCK else len(keys))]:
            del blocks[at]
        for at in [at for at in blocks if at[1] - at[0] < BLOCK and at[0] < full]:
            del blocks[at]
        for at in _parts(len(keys)):
            some, these = keys[slice(*at)], held[slice(*at)]
            block = blocks.get(at)
            if block is None or not block.same(some, these):
                blocks.pop(at, None)
                found = [self._entry(key, node, node_kind) for key, node in zip(some, these)]
                if len(some) < FEW:
                    added, lives, _ = _flat(found, form.comma)
                    self._add(added, lives, dumps, pieces)
                    break
                block = blocks[at] = _Block(some, found, form.comma)
            else:
                block.look(form)
            self._add(block.pieces, block.lives, dumps, pieces)
        if nodes:
            pieces.pop()

    def _add(
        self,
        added: List[str],
        lives: List[Tuple[int, _Entry, Any]],
        dumps: _Pass,
        pieces: List[str],
    ) -> None:
        start = len(pieces)
        pieces += added
        for at, entry, live in lives:
            if live is None:
                dumped = entry.node.model_dump(mode="json", include={"event"})["event"]
                pieces[start + at] = self._form.dumps(dumped)
            else:
                pieces[start + at] = dumps.field(entry.event, *live)

    def _entry(self, key: str, node: Any, node_kind: Any) -> _Entry:
        """Return what is known of a node, as it is now."""
        if type(node) is not node_kind:
            raise _Changed
        event = node.__dict__["event"]
        entry = self._entries.get(key)
        if entry is None or entry.node is not node or entry.event is not event:
            entry = self._entries[key] = _Entry(node, event)
            self._read(entry, key)
        elif entry.plan is not None and not (
            entry.plan.serializer is type(event).__pydantic_serializer__ and entry.seen.same(event)
        ):
            self._read(entry, key)
        entry.look(node.__dict__["edges"], self._form)
        return entry

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
        lives: List[Tuple[str, _watch.Field]] = []
        tokens: List[Tuple[int, Any]] = []
        names = []
        for at, (name, value) in enumerate(held.items()):
            field = plan.fields[name]
            if field is None:
                continue
            names.append(name)
            if field.studied and type(value) in _watch.PLAIN:
                continue
            token = self._plans.tokens.of_field(field, value)
            if token is _watch.ANEW:
                lives.append((name, field))
            elif token is not None:
                tokens.append((at, token))
        outside = {name for name, _ in lives}
        dumped = event.model_dump(mode="json", exclude=outside or None)
        seen = _watch.Seen(event, list(held.values()), tokens)
        if [*dumped] != [name for name in names if name not in outside] or seen.keys != [*held]:
            return
        if seen.serializer is not plan.serializer:
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
        return "".join(self.pieces(state, form, trigger))

    def pieces(self, state: Any, form: Form, trigger: Optional[str] = None) -> List[str]:
        """Return the text of a state, in pieces."""
        return steady(lambda: self._pieces(state, form, trigger))

    def _pieces(self, state: Any, form: Form, trigger: Optional[str]) -> List[str]:
        record = state._event_record
        head = {
            "crewai_version": self._runtime.get_crewai_version(),
            "parent_id": state._parent_id,
            "branch": state._branch,
        }
        tail = "" if trigger is None else f'{form.comma}"trigger"{form.colon}{form.dumps(trigger)}'
        return self._texts(record, form).pieces(head, list(state.root), record, self._node, tail)

    def _texts(self, record: Any, form: Form) -> _Record:
        key = id(record), id(form)
        found = self._known.get(key)
        if found is None or found[0]() is not record:
            known = self._known
            made = ref(record, lambda gone: known.pop(key, None))
            found = known[key] = made, _Record(form, self._plans)
        return found[1]
