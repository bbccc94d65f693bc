"""Hypothesis strategies for objects: dataclasses, pydantic models, LangChain messages, LangGraph's own types."""

from __future__ import annotations

import collections
import datetime
import decimal
import pathlib
import uuid
import warnings
from collections.abc import Callable
from typing import Any

import langchain_core.messages as lc
import pydantic
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.messages.base import BaseMessage, BaseMessageChunk
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.store.base import GetOp, Item, SearchItem
from langgraph.types import (
    Command,
    Interrupt,
    Overwrite,
    PregelTask,
    Send,
    StateSnapshot,
)

from support import models as m
from support import values as v

try:
    from langgraph.types import TimeoutPolicy
except ImportError:  # LangGraph before 1.2: a Send has no timeout
    TimeoutPolicy = None  # type: ignore[assignment,misc]

Strategy = st.SearchStrategy[Any]


def built(cls: Any, fields: Strategy) -> Strategy:
    """*cls* from drawn keywords: by its constructor, or where that refuses by ``model_construct``."""

    def make(kw: dict[str, Any]) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return cls(**kw)
            except Exception:
                return cls.model_construct(**kw)

    return fields.map(make)


# --- dataclasses ----------------------------------------------------------------------------------


def dataclass_objects(inner: Strategy | None = None) -> Strategy:
    """Every dataclass of ``support.models``, with extra and missing attributes too."""
    value = inner if inner is not None else st.one_of(v.small_plain(), v.library_objects())

    def extra(obj: Any, name: str, x: Any) -> Any:
        obj.__dict__[name] = x
        return obj

    def missing(obj: Any) -> Any:
        del obj.count
        return obj

    two = st.one_of(
        st.builds(
            lambda c, a, b: c(a, b),
            st.sampled_from([m.Slotted, m.Frozen, m.OnlyNode]),
            value,
            value,
        ),
        st.builds(
            lambda c, a, b: c(a=a, b=b), st.sampled_from([m.KwOnly, m.AllThree]), value, value
        ),
        st.builds(m.PostInit, value, value),
        st.builds(
            lambda c, n, a: c(n, a),
            st.sampled_from([m.LooksLikeSend, m.FrozenLooksLikeSend, m.UnhashableSend]),
            v.short_texts(),
            value,
        ),
        st.builds(m.FrozenLooksLikeSend, v.short_texts(), value, v.small_scalars()),
    )
    return st.one_of(
        st.builds(m.Plain, v.short_texts(), v.small_scalars(), value),
        st.builds(m.Plain, value, value, value),
        two,
        st.builds(lambda c, a: c(a), st.sampled_from(m.ONE_FIELD), value),
        st.builds(m.Child, value, extra=value),
        st.builds(m.SlottedChild, value, more=value),
        st.builds(m.Empty),
        st.builds(m.ManyFields, value, f16=value),
        st.builds(m.PydDataclass, st.integers(), st.none()),
        st.just("bad").map(_unchecked(m.Refuses)),
        st.builds(
            extra, st.builds(m.Plain, value), st.sampled_from(["name", "other", "dict", "é"]), value
        ),
        st.builds(
            extra,
            st.builds(m.Plain, value),
            st.sampled_from(["dict", "model_dump", "_asdict"]),
            st.just(len),
        ),
        st.builds(missing, st.builds(m.Plain, value)),
    )


def _unchecked(cls: Any) -> Callable[[Any], Any]:
    def make(a: Any) -> Any:
        obj = cls.__new__(cls)
        obj.a = a
        return obj

    return make


# --- pydantic -------------------------------------------------------------------------------------


def _fields(**kw: Strategy) -> Strategy:
    """Keywords, all optional."""
    return st.fixed_dictionaries({}, optional=kw)


def _needs(required: dict[str, Strategy], **optional: Strategy) -> Strategy:
    return st.fixed_dictionaries(required, optional=optional)


_int = st.integers(-(1 << 63), (1 << 64) - 1)
_small = st.integers(-9, 300)


def scalar_models() -> Strategy:
    """The plain user model."""
    return built(
        m.Scalars,
        _needs(
            {"name": v.short_texts()},
            count=_int,
            ratio=v.floats(),
            on=st.booleans(),
            note=st.one_of(st.none(), v.short_texts()),
            raw=v.binaries(),
        ),
    )


def typed_models() -> Strategy:
    """Models of every kind of field."""
    return st.one_of(
        scalar_models(),
        built(
            m.Times,
            _needs(
                {"at": v.datetimes()},
                day=v.dates(),
                clock=v.times(),
                span=v.timedeltas(),
                key=v.uuids(),
                money=v.decimals(),
                path=st.builds(pathlib.Path, st.sampled_from(["a", "/b/c"])),
            ),
        ),
        built(
            m.Containers,
            _fields(
                items=st.lists(_int, max_size=3),
                table=st.dictionaries(v.short_texts(), v.floats(), max_size=3),
                pair=st.tuples(_small, v.short_texts()),
                many=st.lists(_small, max_size=3).map(tuple),
                unique=st.sets(v.short_texts(), max_size=3),
                fixed=st.frozensets(_small, max_size=3),
                queue=st.lists(_small, max_size=3).map(collections.deque),
                by_number=st.dictionaries(_small, v.short_texts(), max_size=2),
            ),
        ),
        built(
            m.Nested,
            _needs(
                {"one": scalar_models()},
                some=st.lists(scalar_models(), max_size=2),
                maybe=scalar_models(),
            ),
        ),
        built(
            m.Nested,
            _needs(
                {"one": scalar_models()},
                named=st.dictionaries(v.short_texts(), scalar_models(), max_size=2),
            ),
        ),
        built(
            m.Node,
            _needs(
                {"label": v.short_texts()},
                meta=st.dictionaries(v.short_texts(), v.small_plain(), max_size=2),
            ),
        ),
        st.builds(
            lambda a, b: m.Node(label=a, children=[m.Node(label=b), m.Node(label="")]),
            v.short_texts(),
            v.short_texts(),
        ),
        built(
            m.ExtraAllow,
            st.dictionaries(st.sampled_from(["a", "b", "é", "node"]), v.small_plain(), max_size=3),
        ),
        built(m.TypedExtra, st.dictionaries(st.sampled_from(["a", "b"]), _small, max_size=2)),
        built(m.ExtraForbid, _fields(a=_int)),
        built(
            m.Unions,
            _fields(
                u=st.one_of(_small, v.short_texts(), st.floats(allow_nan=False)),
                lit=st.sampled_from(["x", 1, None]),
            ),
        ),
        built(
            m.Unions,
            _fields(
                m=st.sampled_from([m.Cat(), m.Dog(good=False)]),
                d=st.sampled_from([m.Cat(lives=1), m.Dog()]),
            ),
        ),
        built(
            m.Enums,
            _fields(
                c=st.sampled_from(list(m.Colour)),
                i=st.sampled_from(list(m.Level)),
                w=st.sampled_from(list(m.Word)),
            ),
        ),
        built(m.EnumValues, _fields(c=st.sampled_from(list(m.Colour)))),
        built(m.Secrets, _fields(key=v.short_texts(), raw=v.binaries())),
        built(m.Anything, _fields(a=v.small_plain(), b=v.library_objects(), o=v.small_plain())),
        built(
            m.Anything,
            _fields(
                a=st.builds(m.Plain, v.small_plain()), b=st.one_of(scalar_models(), messages())
            ),
        ),
        built(m.StrKeys, _fields(k=st.dictionaries(v.short_texts(), v.short_texts(), max_size=3))),
        built(m.HoldsMessages, _fields(messages=st.lists(messages(), max_size=2), last=messages())),
        built(
            m.WithDictField,
            _fields(node=v.small_plain(), arg=v.small_plain(), get_secret_value=v.small_plain()),
        ),
        built(m.DefaultFactories, _fields(a=st.lists(_small, max_size=2), d=v.short_texts())),
        built(
            m.HoldsDataclass,
            _fields(d=st.builds(m.Plain, v.small_plain()), o=st.just({"flag": True})),
        ),
        built(m.Box[int], _fields(content=_small)),
        built(m.Box[str], _fields(content=v.short_texts())),
        built(m.Box, _fields(content=v.small_plain())),
        st.builds(m.Numbers, st.lists(_small, max_size=3)),
        st.builds(m.Table, st.dictionaries(v.short_texts(), v.small_plain(), max_size=3)),
    )


def behaving_models() -> Strategy:
    """Models with code of their own in the way of dumping or loading."""
    one_int = st.sampled_from(
        [
            m.Private,
            m.PostInitModel,
            m.Computed,
            m.FieldSer,
            m.ModelSer,
            m.WrapSer,
            m.Validated,
            m.Before,
            m.OwnInit,
            m.OwnDump,
            m.OwnDict,
            m.FrozenModel,
            m.Assigning,
            m.Strict,
            m.Slotful,
            m.ClassVars,
            m.CachedProp,
            m.Excluding,
            m.SerializeByAlias,
            m.NoFields,
            m.Registered,
            m.Unregistered,
        ]
    )

    def make(cls: Any, a: int) -> Any:
        try:
            return cls(a=a)
        except pydantic.ValidationError:
            return cls.model_construct(a=a)

    def private(a: int, secret: Any) -> Any:
        obj = m.Private(a=a)
        obj._secret = secret
        return obj

    return st.one_of(
        st.builds(make, one_int, _small),
        st.builds(private, _small, v.small_plain()),
        built(m.Aliased, _fields(A=_small, B=_small, c=_small)),
        built(m.AliasedByName, _fields(a=_small)),
        built(m.Stripping, _fields(s=st.sampled_from([" A ", "b", "É "]))),
        built(m.Constrained, _fields(small=st.integers(-1, 12), short=v.short_texts())),
        st.builds(
            lambda b: m.HoldsBase(item=m.Derived(b=b), items=[m.Base(), m.Derived()]),
            v.short_texts(),
        ),
        st.builds(lambda b: m.HoldsBase(item=m.Base(), any_item=m.Derived(b=b)), v.short_texts()),
    )


_MUTABLE_MODELS = (
    m.Scalars,
    m.Containers,
    m.Anything,
    m.ExtraAllow,
    m.Private,
    m.Unions,
    m.StrKeys,
    m.Node,
)


def mutated_models() -> Strategy:
    """Models whose content does not fit their fields: pydantic warns, or stores it, or refuses."""

    def make(cls: Any, how: int, field: int, value: Any) -> Any:
        names = list(cls.model_fields)
        name = names[field % len(names)]
        base = {"name": "n", "label": "l"}
        if how == 0:
            return cls.model_construct(**{**base, name: value})
        obj = (
            cls.model_construct(**base)
            if how == 1
            else cls(**{k: x for k, x in base.items() if k in names})
        )
        if how in (1, 2):
            setattr(obj, name, value)
        elif how == 3:
            obj.__dict__["stowaway"] = value
        elif how == 4:
            del obj.__dict__[name]
        elif how == 5:
            obj.__dict__.update({name: obj.__dict__.pop(name)})  # the same, in another order
        elif how == 6:
            obj.__pydantic_fields_set__.clear()
        elif how == 7:
            object.__setattr__(obj, "__dict__", {k: obj.__dict__[k] for k in reversed(names)})
        return obj

    value = st.one_of(
        v.small_plain(),
        v.library_objects(),
        v.surrogate_texts(),
        scalar_models(),
        v.refused(),
        v.big_ints(),
    )
    return st.builds(
        make, st.sampled_from(_MUTABLE_MODELS), st.integers(0, 7), st.integers(0, 7), value
    )


def v1_models() -> Strategy:
    """pydantic.v1, as old code still has it."""
    scalars = st.builds(
        lambda n, c, x: m.V1Scalars(name=n, count=c, note=x),
        v.short_texts(),
        _small,
        st.one_of(st.none(), v.short_texts()),
    )

    def construct(value: Any) -> Any:
        return m.V1Scalars.construct(name=value, stray=value)

    def assigned(obj: Any, value: Any) -> Any:
        object.__setattr__(obj, "__dict__", {**obj.__dict__, "count": value})
        return obj

    return st.one_of(
        scalars,
        st.builds(lambda a, b: m.V1Nested(one=a, some=[b]), scalars, scalars),
        st.builds(lambda a, b: m.V1Extra(a=a, b=b), _small, v.small_plain()),
        st.builds(lambda a: m.V1Private(a=a), _small),
        st.builds(lambda a: m.V1Validated(a=abs(a)), _small),
        st.builds(lambda a: m.V1Validated.construct(a=a), _small),
        st.builds(lambda a: m.V1Dict(a=a), _small),
        st.builds(lambda a: m.V1Secret(key=a), v.short_texts()),
        st.builds(construct, v.small_plain()),
        st.builds(assigned, scalars, v.small_plain()),
    )


def secrets() -> Strategy:
    """pydantic's secret types, by themselves."""
    return st.one_of(
        st.builds(pydantic.SecretStr, v.short_texts()),
        st.builds(pydantic.SecretBytes, v.binaries()),
        st.builds(lambda x: pydantic.Secret[int](x), _small),
    )


# --- LangChain ------------------------------------------------------------------------------------

MESSAGE_CLASSES: tuple[Any, ...] = (
    lc.HumanMessage,
    lc.HumanMessageChunk,
    lc.AIMessage,
    lc.AIMessageChunk,
    lc.SystemMessage,
    lc.SystemMessageChunk,
    lc.ToolMessage,
    lc.ToolMessageChunk,
    lc.FunctionMessage,
    lc.FunctionMessageChunk,
    lc.ChatMessage,
    lc.ChatMessageChunk,
    lc.RemoveMessage,
    BaseMessage,
    BaseMessageChunk,
    m.MyHuman,
    m.MyAI,
    m.LoudTool,
)

_block = st.one_of(
    v.short_texts(),
    st.fixed_dictionaries({"type": st.just("text"), "text": v.short_texts()}),
    st.fixed_dictionaries(
        {"type": st.just("image_url"), "image_url": st.fixed_dictionaries({"url": v.short_texts()})}
    ),
    st.fixed_dictionaries(
        {"type": st.just("tool_use"), "id": v.short_texts(), "input": st.just({"a": 1}).map(dict)}
    ),
    st.dictionaries(v.short_texts(), v.small_plain(), max_size=2),
    st.dictionaries(v.keys(), v.small_plain(), max_size=2),
)
contents = st.one_of(v.short_texts(), v.short_texts(), v.texts(), st.lists(_block, max_size=3))

_args = st.one_of(
    st.just({}).map(dict),
    st.dictionaries(v.short_texts(), v.small_plain(), max_size=2),
)
tool_calls = st.one_of(
    st.fixed_dictionaries(
        {
            "name": v.short_texts(),
            "args": _args,
            "id": st.one_of(st.none(), v.short_texts()),
            "type": st.just("tool_call"),
        }
    ),
    st.fixed_dictionaries({"name": v.short_texts(), "args": _args, "id": v.short_texts()}),
    st.fixed_dictionaries(
        {
            "type": st.just("tool_call"),
            "id": v.short_texts(),
            "args": _args,
            "name": v.short_texts(),
        }
    ),
    st.fixed_dictionaries(
        {"name": v.short_texts(), "args": _args, "id": v.short_texts(), "extras": v.small_plain()}
    ),
)
invalid_tool_calls = st.fixed_dictionaries(
    {
        "name": st.one_of(st.none(), v.short_texts()),
        "args": st.one_of(st.none(), v.short_texts()),
        "id": st.one_of(st.none(), v.short_texts()),
        "error": st.one_of(st.none(), v.short_texts()),
    },
    optional={"type": st.just("invalid_tool_call")},
)
tool_call_chunks = st.fixed_dictionaries(
    {
        "name": st.one_of(st.none(), v.short_texts()),
        "args": st.sampled_from([None, "", "{}", '{"a": 1}', "[1", "é"]),
        "id": st.one_of(st.none(), v.short_texts()),
        "index": st.one_of(st.none(), st.integers(0, 3), st.just("x")),
    },
    optional={"type": st.just("tool_call_chunk")},
)
_count = st.one_of(st.integers(0, 300), st.sampled_from([1 << 31, 1 << 40]))
usage = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"input_tokens": _count, "output_tokens": _count, "total_tokens": _count}
    ),
    st.fixed_dictionaries(
        {"total_tokens": _count, "input_tokens": _count, "output_tokens": _count},
        optional={
            "input_token_details": st.fixed_dictionaries(
                {}, optional={"audio": _count, "cache_read": _count, "other": _count}
            ),
            "output_token_details": st.fixed_dictionaries({}, optional={"reasoning": _count}),
        },
    ),
    st.fixed_dictionaries(
        {
            "input_tokens": st.sampled_from([1.0, True, "3"]),
            "output_tokens": _count,
            "total_tokens": _count,
        }
    ),
)
_additional = st.one_of(
    st.just({}).map(dict),
    st.dictionaries(v.short_texts(), v.small_plain(), max_size=2),
    st.dictionaries(v.keys(), v.small_plain(), max_size=2),
    st.builds(
        lambda args: {
            "tool_calls": [
                {"id": "c1", "function": {"name": "f", "arguments": args}, "type": "function"}
            ]
        },
        st.sampled_from(["{}", '{"a": [1]}', "broken", ""]),
    ),
    st.sampled_from(
        [
            {"tool_calls": []},
            {"tool_calls": None},
            {"function_call": {"name": "f", "arguments": "{}"}},
        ]
    ).map(dict),
)
_metadata = st.one_of(
    st.just({}).map(dict),
    st.fixed_dictionaries({"model_name": v.short_texts(), "finish_reason": st.just("stop")}),
    st.dictionaries(v.short_texts(), st.one_of(v.small_plain(), v.library_objects()), max_size=2),
    st.just({"output_version": "v1"}).map(dict),
)
_id = st.one_of(st.none(), v.short_texts(), st.uuids().map(str), st.just("run--1"))


def _message_fields(cls: Any) -> Strategy:
    required: dict[str, Strategy] = {"content": contents}
    optional: dict[str, Strategy] = {
        "additional_kwargs": _additional,
        "response_metadata": _metadata,
        "name": st.one_of(st.none(), v.short_texts()),
        "id": _id,
    }
    if issubclass(cls, lc.AIMessage):
        optional |= {
            "tool_calls": st.lists(tool_calls, max_size=2),
            "invalid_tool_calls": st.lists(invalid_tool_calls, max_size=2),
            "usage_metadata": usage,
            "example": st.booleans(),
        }
    if issubclass(cls, lc.AIMessageChunk):
        optional |= {
            "tool_call_chunks": st.lists(tool_call_chunks, max_size=2),
            "chunk_position": st.sampled_from([None, "last"]),
        }
    if issubclass(cls, lc.HumanMessage):
        optional["example"] = st.booleans()
    if issubclass(cls, lc.ToolMessage):
        required["tool_call_id"] = v.short_texts()
        optional |= {
            "artifact": st.one_of(v.small_plain(), v.library_objects()),
            "status": st.sampled_from(["success", "error"]),
        }
    if issubclass(cls, lc.FunctionMessage):
        required["name"] = v.short_texts()
    if issubclass(cls, lc.ChatMessage):
        required["role"] = v.short_texts()
    if issubclass(cls, lc.RemoveMessage):
        required.pop("content")
        required["id"] = v.short_texts()
    if cls in (BaseMessage, BaseMessageChunk):
        required["type"] = v.short_texts()
    if cls is m.MyHuman:
        optional["mood"] = v.short_texts()
    return st.fixed_dictionaries(
        required, optional={k: x for k, x in optional.items() if k not in required}
    )


_FIELDS_OF = {cls: _message_fields(cls) for cls in MESSAGE_CLASSES}
_BY_CLASS = {cls: built(cls, fields) for cls, fields in _FIELDS_OF.items()}


def messages_of(cls: Any) -> Strategy:
    """Messages of exactly one class, as their constructor makes them."""
    return _BY_CLASS[cls]


def messages() -> Strategy:
    """The four classes that conversations are made of, more often than the others."""
    common = (lc.HumanMessage, lc.AIMessage, lc.ToolMessage, lc.SystemMessage)
    return st.one_of(
        *[_BY_CLASS[c] for c in common], *[_BY_CLASS[c] for c in common], *_BY_CLASS.values()
    )


FIELD_NAMES = (
    "content",
    "additional_kwargs",
    "response_metadata",
    "type",
    "name",
    "id",
    "tool_calls",
    "invalid_tool_calls",
    "usage_metadata",
    "tool_call_id",
    "artifact",
    "status",
    "role",
    "example",
    "unknown",
    "tool_call_chunks",
)

# what fits no field, or only by coercion
wrong_values = st.one_of(
    v.small_plain(),
    v.surrogate_texts(),
    v.library_objects(),
    st.sampled_from([1, 1.5, True, b"b", ("a",), {"a"}, 10**30]),
    st.builds(m.MyStr, v.short_texts()),
    st.builds(m.MyDict, st.dictionaries(v.short_texts(), v.small_scalars(), max_size=2)),
    st.builds(m.MyList, st.lists(v.small_scalars(), max_size=2)),
    st.lists(st.one_of(tool_calls, v.small_plain()), max_size=2),
    st.lists(
        st.fixed_dictionaries(
            {"name": v.small_plain(), "args": v.small_plain(), "id": v.small_plain()},
            optional={"type": v.small_scalars(), "more": v.small_scalars()},
        ),
        max_size=2,
    ),
    st.dictionaries(
        st.sampled_from(["input_tokens", "output_tokens", "total_tokens", "x"]),
        v.small_plain(),
        max_size=4,
    ),
    v.refused(),
)


def mutated_messages() -> Strategy:
    """Changed after creation: by setattr, through ``__dict__``, by model_construct, by extra fields."""

    def make(cls: Any, how: int, kw: dict[str, Any], field: str, value: Any) -> Any:
        if how == 0:
            return cls.model_construct(**{**kw, field: value})
        try:
            obj = cls(**kw)
        except Exception:
            obj = cls.model_construct(**kw)
        names = [n for n in type(obj).model_fields if n in obj.__dict__]
        inside = field if field in names else names[len(field) % len(names)]
        if how == 1:
            setattr(obj, field, value)
        elif how == 2:
            obj.__dict__[field] = value
        elif how == 3:
            obj.__dict__.pop(inside)
        elif how == 4:
            obj.__dict__.update({inside: obj.__dict__.pop(inside)})
        elif how == 5:
            obj.__pydantic_fields_set__.discard(inside)
        elif how == 6:
            obj.__pydantic_extra__[field] = value
        elif how == 7:
            for name in ("tool_calls", "content", "additional_kwargs", "response_metadata"):
                held = obj.__dict__.get(name)
                if isinstance(held, list):
                    held.append(value)
                elif isinstance(held, dict):
                    held[field] = value
        elif how == 8:
            object.__setattr__(obj, "__pydantic_extra__", None)
        elif how == 9:
            object.__setattr__(obj, "__dict__", m.MyDict(obj.__dict__))
        return obj

    pick = st.sampled_from(MESSAGE_CLASSES)
    return pick.flatmap(
        lambda cls: st.builds(
            make,
            st.just(cls),
            st.integers(0, 9),
            _FIELDS_OF[cls],
            st.sampled_from(FIELD_NAMES),
            wrong_values,
        )
    )


def documents() -> Strategy:
    """LangChain's Document."""
    return st.builds(
        lambda t, md, i: Document(page_content=t, metadata=md, id=i),
        v.short_texts(),
        st.dictionaries(v.short_texts(), v.small_plain(), max_size=2),
        st.one_of(st.none(), v.short_texts()),
    )


# --- LangGraph ------------------------------------------------------------------------------------


def timed(node: Any, arg: Any, timeout: Any) -> Send:
    """A Send with a timeout, where there are any."""
    return Send(node, arg) if TimeoutPolicy is None else Send(node, arg, timeout=timeout)


def timeouts() -> Strategy:
    """What Send takes for a timeout."""
    if TimeoutPolicy is None:
        return st.none()
    return st.one_of(
        st.none(),
        st.floats(0.1, 1e6),
        st.integers(1, 100),
        st.just(datetime.timedelta(seconds=3)),
        st.builds(
            lambda r, i, o: TimeoutPolicy(run_timeout=r, idle_timeout=i, refresh_on=o),
            st.one_of(st.none(), st.floats(0.1, 10)),
            st.one_of(st.none(), st.floats(0.1, 10)),
            st.sampled_from(["auto", "heartbeat"]),
        ),
    )


def sends(inner: Strategy | None = None) -> Strategy:
    """Send, with and without a timeout."""
    arg = (
        inner if inner is not None else st.one_of(v.small_plain(), messages(), v.library_objects())
    )
    return st.one_of(
        st.builds(Send, v.short_texts(), arg),
        st.builds(timed, v.short_texts(), arg, timeouts()),
        st.builds(lambda n, a: Send(n, a), v.small_plain(), arg),
    )


def commands() -> Strategy:
    """Command in every use."""
    goto = st.one_of(
        st.just(()),
        v.short_texts(),
        sends(),
        st.lists(st.one_of(v.short_texts(), sends()), max_size=2),
    )
    return st.builds(
        lambda g, u, r, to: Command(graph=g, update=u, resume=r, goto=to),
        st.sampled_from([None, "__parent__", "g"]),
        st.one_of(v.small_plain(), st.lists(messages(), max_size=1), st.just([("a", 1)])),
        v.small_plain(),
        goto,
    )


def interrupts() -> Strategy:
    """Interrupt, with ids of every make."""
    return st.one_of(
        st.builds(lambda x: Interrupt(value=x), v.small_plain()),
        st.builds(lambda x, i: Interrupt(value=x, id=i), v.small_plain(), v.short_texts()),
        st.builds(
            lambda x: Interrupt(value=x, id="i", response_schema={"type": "object"}), messages()
        ),
        st.builds(lambda x: Interrupt(value=x, id="i", response_schema=int), v.small_plain()),
    )


def items() -> Strategy:
    """The store's Item and SearchItem."""
    made = {
        "value": st.dictionaries(v.short_texts(), v.small_plain(), max_size=2),
        "key": v.short_texts(),
        "namespace": st.lists(v.short_texts(), max_size=2).map(tuple),
        "created_at": v.datetimes(),
        "updated_at": st.one_of(v.datetimes(), st.just("2024-01-01T00:00:00")),
    }
    return st.one_of(
        st.builds(lambda kw: Item(**kw), st.fixed_dictionaries(made)),
        st.builds(
            lambda kw: SearchItem(**kw),
            st.fixed_dictionaries({**made, "score": st.one_of(st.none(), v.floats())}),
        ),
    )


def library_types() -> Strategy:
    """LangGraph's own types."""
    inner = st.one_of(v.small_plain(), messages(), v.library_objects())
    return st.one_of(
        sends(),
        commands(),
        interrupts(),
        items(),
        st.builds(Overwrite, inner),
        st.builds(_DeltaSnapshot, inner),
        st.builds(_DeltaSnapshot, st.lists(messages(), max_size=2)),
        st.builds(lambda x: _DeltaSnapshot(_DeltaSnapshot(x)), inner),
        timeouts(),
        st.builds(lambda k: GetOp(("a",), k), v.short_texts()),
        st.builds(
            lambda x: PregelTask("id", "name", ("__pregel_pull", "n"), interrupts=(Interrupt(x),)),
            v.small_plain(),
        ),
        st.builds(
            lambda x: PregelTask("id", "n", ("p", 0), error=ValueError("x"), result=x),
            v.small_plain(),
        ),
        st.builds(
            lambda x: StateSnapshot(
                {"v": x}, ("n",), {"configurable": {"thread_id": "1"}}, None, "t", None, (), ()
            ),
            inner,
        ),
    )


def anything(depth: int = 3) -> Strategy:
    """Objects of every kind among plain data, and inside each other."""
    leaf = st.one_of(
        v.small_scalars(),
        v.library_objects(),
        messages(),
        typed_models(),
        dataclass_objects(v.small_plain()),
        library_types(),
        documents(),
        secrets(),
        v.exceptions(),
    )
    return v.nested(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(v.short_texts(), inner, max_size=3),
            st.lists(inner, max_size=2).map(tuple),
            st.lists(inner, max_size=2).map(collections.deque),
            st.builds(m.Plain, inner, inner),
            st.builds(m.Slotted, inner),
            st.builds(lambda x: m.Anything(a=x), inner),
            st.builds(lambda x: Send("n", x), inner),
            st.builds(lambda x: Command(update=x), inner),
            st.builds(lambda x: Interrupt(value=x), inner),
            st.builds(lambda x: lc.ToolMessage(content="c", tool_call_id="t", artifact=x), inner),
            st.builds(lambda x: lc.HumanMessage(content="c", extra_field=x), inner),
            st.builds(_DeltaSnapshot, inner),
            st.builds(Overwrite, inner),
        ),
        depth,
    )


def well_known() -> list[Any]:
    """A fixed selection: one object of each kind, as good ones look."""
    return [
        uuid.UUID(int=5),
        datetime.datetime(2024, 1, 2, 3, 4, 5, 6),
        datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc),
        datetime.date(2024, 1, 2),
        datetime.time(1, 2),
        datetime.timedelta(1, 2, 3),
        decimal.Decimal("1.5"),
        pathlib.Path("a/b"),
        {1, 2},
        frozenset("a"),
        collections.deque([1], 3),
        m.Colour.RED,
        m.Point(1, 2),
        m.Plain("a"),
        m.Slotted("a"),
        m.Scalars(name="a"),
        m.Nested(one=m.Scalars(name="b")),
        m.V1Scalars(name="a"),
        lc.HumanMessage("hi", id="1"),
        lc.AIMessage(
            "",
            tool_calls=[{"name": "f", "args": {"x": [1]}, "id": "c", "type": "tool_call"}],
            usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        ),
        lc.ToolMessage("out", tool_call_id="c", artifact={"a": 1}),
        lc.SystemMessage("be"),
        lc.AIMessageChunk(
            content="c", tool_call_chunks=[{"name": "f", "args": "{", "id": "1", "index": 0}]
        ),
        lc.RemoveMessage(id="x"),
        Document(page_content="p", metadata={"a": 1}),
        Send("n", {"a": 1}),
        timed("n", [1], 2.0),
        Command(goto=[Send("n", 1)], update={"a": 1}),
        Interrupt(value={"q": 1}, id="i"),
        Overwrite([1]),
        _DeltaSnapshot([1, 2]),
        ValueError("x"),
    ]
