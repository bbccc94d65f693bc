"""Objects that change, raise, lie or call back while they are walked.

Each case is made afresh for each side; what it did to itself and to the world (``log``) is compared as well.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import decimal
import enum
import gc
import inspect
import pathlib
import sys
import types
import unittest.mock
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import langchain_core.messages as lc
import ormsgpack
import pydantic
import pytest
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Command, Interrupt, Send
from pydantic.plugin import SchemaTypePath
from pydantic.plugin._schema_validator import PluggableSchemaValidator

from support import isolated
from support import models as m
from support.isolated import both
from support.outcome import assert_same_outcome, outcome
from support.same import assert_same
from support.sides import VOLUME, default_pair

RAISED: list[Callable[[], BaseException]] = [
    lambda: ValueError("v"),
    lambda: TypeError("t"),
    lambda: AttributeError("a"),
    lambda: KeyError("k"),
    lambda: RecursionError("r"),
    lambda: MemoryError("m"),
    lambda: KeyboardInterrupt(),
    lambda: SystemExit(3),
    lambda: GeneratorExit(),
    lambda: StopIteration(1),
]

# ormsgpack before 1.13 dies of keys whose own code raises
_CRASHES = ormsgpack.__version__.startswith("1.12.")

Log = list[Any]
CASES: dict[str, Callable[[Log], Any]] = {}


def case(make: Callable[[Log], Any]) -> Callable[[Log], Any]:
    """Register a factory; it gets the log its objects write to."""
    CASES[make.__name__] = make
    return make


def _run(make: Callable[[Log], Any], side: Any) -> tuple[Any, Log]:
    log: Log = []
    value = make(log)
    out = outcome(side.dumps_typed, value)
    if out.error is None and out.value[0] == "msgpack":
        back = outcome(side.loads_typed, out.value)
        # a class made by the factory is another one each time: compare what can be
        log.append(
            ("loaded", back.error, repr(type(back.value).__name__), [t[:3] for t in back.traces])
        )
    return out, log


def _same(make: Callable[[Log], Any]) -> None:
    ours, our_log = _run(make, default_pair().ours)
    theirs, their_log = _run(make, default_pair().theirs)
    assert_same_outcome(ours, theirs)
    assert_same(our_log, their_log)
    again, _ = _run(make, default_pair().ours)  # nothing of the first time stays behind
    assert_same_outcome(again, theirs)
    VOLUME.count(1, theirs.value[1] if theirs.error is None else None)


@pytest.mark.parametrize("name", [])
def test_registered(name: str) -> None:
    """Filled in below by pytest_generate_tests."""
    _same(CASES[name])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a case, although the cases stand below."""
    if metafunc.function is test_registered:
        metafunc.definition.own_markers.clear()
        metafunc.parametrize("name", list(CASES))


# --- changing the container that is being walked --------------------------------------------------


def _acting(action: Callable[[], Any], log: Log) -> Any:
    """A dataclass whose field acts when it is read."""

    class Acting(m.Plain):
        @property
        def count(self) -> Any:
            log.append("read")
            return action()

        @count.setter
        def count(self, value: Any) -> None:
            pass

    return Acting("n")


@case
def list_grows(log: Log) -> Any:
    out: list[Any] = [1]
    out += [_acting(lambda: out.append(len(out)), log), 2, 3]
    return out


@case
def list_grows_a_lot(log: Log) -> Any:
    out: list[Any] = [1]
    out += [_acting(lambda: out.extend(range(5000)), log), 2, 3]
    return out


@case
def list_item_replaced_ahead(log: Log) -> Any:
    out: list[Any] = [1]

    def act() -> None:
        out[2] = "replaced"

    out += [_acting(act, log), 2, 3]
    return out


@case
def list_item_replaces_itself(log: Log) -> Any:
    out: list[Any] = []

    def act() -> Any:
        out[0] = None
        gc.collect()
        return "gone"

    out += [_acting(act, log), 2]
    return out


@case
def list_sorted_during_walk(log: Log) -> Any:
    out: list[Any] = [_acting(lambda: out.reverse(), log), 1, 2, 3]
    return out


@case
def dict_grows(log: Log) -> Any:
    out: dict[str, Any] = {"a": 1}
    out["b"] = _acting(lambda: out.update(new=1), log)
    out["c"] = 3
    return out


@case
def dict_grows_a_lot(log: Log) -> Any:
    out: dict[Any, Any] = {"a": 1}
    out["b"] = _acting(lambda: out.update({f"n{i}": i for i in range(100)}), log)
    out["c"] = 3
    return out


@case
def dict_grows_by_other_keys(log: Log) -> Any:
    out: dict[Any, Any] = {"a": 1}
    out["b"] = _acting(lambda: out.update({i: i for i in range(100)}), log)
    out["c"] = 3
    return out


@case
def dict_shrinks(log: Log) -> Any:
    out: dict[str, Any] = {"a": 1}
    out["b"] = _acting(lambda: out.pop("c", 0), log)
    out["c"] = 3
    out["d"] = 4
    return out


@case
def dict_value_replaced(log: Log) -> Any:
    out: dict[str, Any] = {"a": 1}
    out["b"] = _acting(lambda: out.update(c="other"), log)
    out["c"] = 3
    return out


@case
def dict_in_the_fields_grows(log: Log) -> Any:
    inner: dict[str, Any] = {"x": 1}
    return {"first": inner, "act": _acting(lambda: inner.update(y=2), log), "again": inner}


@case
def instance_dict_changes(log: Log) -> Any:
    obj = m.Plain("n")
    obj.tags = _acting(lambda: obj.__dict__.update(count=99, added=1), log)
    obj.count = _acting(lambda: obj.__dict__.update(tags="other"), log)
    return [obj, obj]


@case
def class_changes(log: Log) -> Any:
    @dataclasses.dataclass
    class Local:
        a: Any
        b: Any = 1

    def act() -> Any:
        Local.dict = lambda self: {"dict": 1}  # type: ignore[attr-defined]
        return 0

    return [Local(1), Local(_acting(act, log)), Local(3), [Local(4)]]


@case
def class_of_the_instance_changes(log: Log) -> Any:
    other = m.Plain("other")

    def act() -> Any:
        other.__class__ = m.Child  # type: ignore[assignment]
        other.__dict__["extra"] = 1
        return 0

    return [other, _acting(act, log), other]


@case
def message_changes(log: Log) -> Any:
    msg = lc.HumanMessage("before", id="1")

    def act() -> Any:
        msg.content = "after"
        msg.__dict__["extra"] = 1
        return 0

    return [msg, _acting(act, log), msg]


@case
def message_holds_an_acting_value(log: Log) -> Any:
    msg = lc.ToolMessage("c", tool_call_id="t")
    msg.artifact = _acting(lambda: msg.additional_kwargs.update(a=1), log)
    return [msg, msg]


@case
def model_dump_changes_the_list(log: Log) -> Any:
    out: list[Any] = []

    class Changing(m.Registered):
        def model_dump(self, **kw: Any) -> dict[str, Any]:  # type: ignore[override]
            log.append("dumped")
            out.append(1)
            return {"a": out[:2] and 1}

    out += [Changing(), Changing(), 2]
    return out


@case
def serializer_changes_the_model(log: Log) -> Any:
    class Changing(m.Registered):
        b: int = 2

        @pydantic.field_serializer("a")
        def _a(self, v: int) -> int:
            log.append("a")
            self.__dict__["b"] = 77
            return v

    return [Changing(), Changing()]


@case
def set_changes(log: Log) -> Any:
    class Item:
        def __hash__(self) -> int:
            log.append("hash")
            return 1

        def __eq__(self, other: object) -> bool:
            log.append("eq")
            return False

    return {"s": {1, 2}, "d": collections.deque([_acting(lambda: 0, log)])}


@case
def deque_changes(log: Log) -> Any:
    out: collections.deque[Any] = collections.deque()
    out += [_acting(lambda: out.append(5), log), 2]
    return [out, out]


@case
def bytearray_changes(log: Log) -> Any:
    data = bytearray(b"x" * 40)
    return [data, _acting(lambda: data.extend(b"y" * 4000), log), data]


@case
def exported_memoryview(log: Log) -> Any:
    data = bytearray(b"x" * 40)
    view = memoryview(data)
    return [view, _acting(lambda: view.release(), log), view, data]


@case
def released_memoryview(log: Log) -> Any:
    view = memoryview(b"abc")
    view.release()
    return [view]


# --- calling back ---------------------------------------------------------------------------------


@case
def dumps_inside_dumps(log: Log) -> Any:
    value = [m.Plain(1), lc.HumanMessage("x", id="1"), {"a": "é" * 50}]
    return [1, _acting(lambda: default_pair().ours.dumps_typed(value)[1], log), "after", *value]


@case
def loads_inside_dumps(log: Log) -> Any:
    blob = default_pair().theirs.dumps_typed([m.Plain(1), lc.HumanMessage("x", id="1")])
    return [1, _acting(lambda: default_pair().ours.loads_typed(blob), log), "after", m.Slotted(1)]


@case
def collection_inside(log: Log) -> Any:
    return [[1], _acting(lambda: [gc.collect(), 1][1], log), {"a": [1]}]


@case
def thread_inside(log: Log) -> Any:
    import threading

    def act() -> Any:
        t = threading.Thread(
            target=lambda: log.append(len(default_pair().ours.dumps_typed([m.Plain(1)] * 3)[1]))
        )
        t.start()
        t.join()
        return 1

    return [1, _acting(act, log), 2]


@case
def finalizer_inside(log: Log) -> Any:
    class Dying:
        def __del__(self) -> None:
            log.append(len(default_pair().ours.dumps_typed(["é", m.Plain(1)])[1]))

    holder = [Dying()]
    return [1, _acting(lambda: holder.clear(), log), 2]


# --- raising --------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", RAISED, ids=lambda e: type(e()).__name__)
def test_raising(error: Callable[[], BaseException]) -> None:
    """Every kind of exception from every place that runs the user's code."""

    def throw(*_: Any, **__: Any) -> Any:
        raise error()

    class Raising(m.Plain):
        @property
        def count(self) -> Any:
            throw()

        @count.setter
        def count(self, value: Any) -> None:
            pass

    class HasAttr(m.Plain):
        def __getattr__(self, name: str) -> Any:
            throw()

    class GetAttribute(m.Plain):
        def __getattribute__(self, name: str) -> Any:
            if name in ("name", "model_dump", "_asdict"):
                throw()
            return super().__getattribute__(name)

    class ClassProperty(m.Plain):
        __class__ = property(throw)  # type: ignore[assignment]

    class Hex(uuid.UUID):
        hex = property(throw)  # type: ignore[assignment]

    class Iso(datetime.datetime):
        isoformat = throw  # type: ignore[assignment]

    class Year(datetime.date):
        year = property(throw)  # type: ignore[assignment]

    class Days(datetime.timedelta):
        days = property(throw)  # type: ignore[assignment]

    class Zone(datetime.tzinfo):
        utcoffset = throw  # type: ignore[assignment]

        def dst(self, dt: Any) -> None:
            return None

        def tzname(self, dt: Any) -> None:
            return None

    class Text(decimal.Decimal):
        __str__ = throw  # type: ignore[assignment]

    class Iter(set):  # type: ignore[type-arg]
        __iter__ = throw  # type: ignore[assignment]

    class Parts(type(pathlib.Path())):  # type: ignore[misc]
        parts = property(throw)

    class Repr(Exception):
        __repr__ = throw  # type: ignore[assignment]

    class Asdict(m.Point):
        _asdict = throw  # type: ignore[assignment]

    class Dump(m.Registered):
        model_dump = throw  # type: ignore[assignment]

    class DumpProperty(m.Registered):
        model_dump = property(throw)  # type: ignore[assignment]

    class FieldSer(m.Registered):
        @pydantic.field_serializer("a")
        def _a(self, v: int) -> int:
            throw()
            return v

    class Message(lc.HumanMessage):
        model_dump = throw  # type: ignore[assignment]

    class Meta(type):
        __module__ = property(throw)  # type: ignore[assignment]

    class MetaModule(metaclass=Meta):
        def _asdict(self) -> dict[str, int]:
            return {}

    class BadEnum(enum.Enum):
        A = 1

        @property
        def value(self) -> Any:  # type: ignore[override]
            throw()

    makes: list[Callable[[], Any]] = [
        lambda: Raising("n"),
        lambda: HasAttr("n"),
        lambda: GetAttribute("n"),
        lambda: ClassProperty("n"),
        lambda: Hex(int=1),
        lambda: Iso(2024, 1, 1),
        lambda: Year(2024, 1, 1),
        lambda: Days(1),
        lambda: datetime.datetime(2024, 1, 1, tzinfo=Zone()),
        lambda: datetime.time(1, tzinfo=Zone()),
        lambda: Text("1"),
        lambda: Iter([1]),
        lambda: Parts("a"),
        lambda: Repr("x"),
        lambda: Asdict(1, 2),
        lambda: Dump(),
        lambda: DumpProperty(),
        lambda: FieldSer(),
        lambda: Message("x"),
        lambda: MetaModule(),
        lambda: BadEnum.A,
        lambda: {"k": Raising("n"), "after": 1},
        lambda: Send("n", Raising("n")),
        lambda: lc.ToolMessage("c", tool_call_id="t", artifact=Raising("n")),
        lambda: _DeltaSnapshot([Raising("n")]),
    ]
    if not _CRASHES:
        makes += [
            lambda: {BadEnum.A: 1},
            lambda: {Hex(int=1): 1},
            lambda: {datetime.datetime(2024, 1, 1, tzinfo=Zone()): 1},
        ]
    for make in makes:
        for around in (lambda x: x, lambda x: [1, x, 2]):
            try:
                make()
            except BaseException:
                continue  # cannot even be made with this exception
            _same(lambda log: around(make()))


@pytest.mark.parametrize("error", RAISED, ids=lambda e: type(e()).__name__)
def test_raising_while_loading(
    error: Callable[[], BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constructors, validators, hooks of the loaded classes."""
    calls: list[str] = []

    def throw(*_: Any, **__: Any) -> Any:
        calls.append("called")
        raise error()

    class Model(pydantic.BaseModel):
        a: int = 1

        @pydantic.field_validator("a")
        @classmethod
        def _a(cls, v: int) -> int:
            throw()
            return v

    class Construct(Model):
        model_construct = classmethod(throw)  # type: ignore[assignment]

    class Data(m.Plain):
        __init__ = throw  # type: ignore[assignment]

    class New:
        __new__ = throw  # type: ignore[assignment]

    class Eq:
        def __init__(self, *_: Any) -> None:
            pass

        __hash__ = throw  # type: ignore[assignment]

    blobs = []
    from langgraph.checkpoint.serde import jsonplus

    for cls in (Model, Construct, Data, New, Eq):
        cls.__module__, cls.__qualname__ = "support.models", f"Throwing{cls.__name__}"
        cls.__name__ = cls.__qualname__
        monkeypatch.setattr(m, cls.__name__, cls, raising=False)
        for code, args in ((0, 1), (1, [1]), (2, {"a": 1}), (4, {"a": 1}), (5, {"a": 1})):
            payload = ormsgpack.Ext(
                code, jsonplus._msgpack_enc(("support.models", cls.__name__, args, "x"))
            )
            blobs.append(jsonplus._msgpack_enc([1, payload, 2]))
            inside = ormsgpack.Ext(0, jsonplus._msgpack_enc(("builtins", "set", (payload,))))
            blobs.append(jsonplus._msgpack_enc([1, inside]))
    monkeypatch.setattr(m, "__getattr__", throw, raising=False)
    blobs.append(
        jsonplus._msgpack_enc(
            ormsgpack.Ext(0, jsonplus._msgpack_enc(("support.models", "Nowhere", 1)))
        )
    )
    for blob in blobs:
        counts = []
        outs = []
        for side in (default_pair().ours, default_pair().theirs):
            calls.clear()
            outs.append(outcome(side.loads_typed, ("msgpack", blob)))
            counts.append(len(calls))
        assert_same_outcome(*outs)
        assert counts[0] == counts[1]
        VOLUME.count(1, blob)


def _shadow(*_: Any, **__: Any) -> str:
    return "from the instance"


@pytest.mark.parametrize(
    "attribute", ["value", "__members__", "_value_", "name", "hex", "isoformat"]
)
def test_shadowed_attributes(attribute: str) -> None:
    """An instance attribute over the class's own."""

    class Open(uuid.UUID):
        __setattr__ = object.__setattr__  # type: ignore[assignment]

    class Moment(datetime.datetime):
        pass

    for make in (
        lambda: Open(int=1),
        lambda: Moment(2024, 1, 1),
        lambda: m.Plain("x"),
        lambda: lc.HumanMessage("x"),
    ):

        def shadowed(log: Log, make: Any = make) -> Any:
            obj = make()
            try:
                object.__setattr__(
                    obj, attribute, _shadow
                )  # one function: messages hold its address
            except AttributeError:
                pass
            return [obj, obj]

        _same(shadowed)


# --- lying ----------------------------------------------------------------------------------------


def _liar(pretended: Any, **attributes: Any) -> Any:
    """An object whose ``__class__`` names another class."""
    own = {"__class__": property(lambda self: pretended), "__repr__": lambda self: "<liar>"}
    return type("Liar", (), {**own, **attributes})()


for _name, _pretended in {
    "uuid": uuid.UUID,
    "datetime": datetime.datetime,
    "date": datetime.date,
    "set": set,
    "deque": collections.deque,
    "enum": m.Colour,
    "path": pathlib.Path,
    "decimal": decimal.Decimal,
    "exception": ValueError,
    "message": lc.HumanMessage,
    "list": list,
    "str": str,
    "none": type(None),
    "plain": m.Plain,
    "model": m.Scalars,
    "delta": _DeltaSnapshot,
    "not_a_class": 5,
    "itself": type,
}.items():
    CASES[f"class_lies_{_name}"] = lambda log, p=_pretended: [1, _liar(p), 2]
    CASES[f"class_lies_{_name}_with_what_it_takes"] = lambda log, p=_pretended: [
        _liar(
            p,
            hex="x",
            value=1,
            year=1,
            month=2,
            day=3,
            isoformat=lambda self: "iso",
            parts=(1,),
            __iter__=lambda self: iter([1]),
        ),
        _liar(p, _asdict=lambda self: {"a": 1}),
        _liar(p, model_dump=lambda self: {"a": 1}),
        _liar(p, dict=lambda self: {"a": 1}),
        _liar(p, get_secret_value=lambda self: 1),
        _liar(p, node="n", arg=1),
    ]


@case
def module_and_name_lie(log: Log) -> Any:
    class Local(m.Plain):
        pass

    out: list[Any] = []
    for module, name in (
        ("uuid", "UUID"),
        ("", ""),
        ("é", "中"),
        ("x" * 70000, "y"),
        (m.MyStr("a"), "b"),
    ):
        cls = dataclasses.dataclass(type("Local", (m.Plain,), {}))
        cls.__module__, cls.__name__ = module, name
        out.append(cls("x"))
    for module in (None, 5, ["list"], b"bytes", 1 << 70):
        cls = dataclasses.dataclass(type("Local", (m.Plain,), {}))
        cls.__module__ = module  # type: ignore[assignment]
        out.append([cls("x")])
    return out[:5]


@pytest.mark.parametrize(
    "module", [None, 5, ["list"], b"bytes", 1 << 70, "a\ud800", object()], ids=repr
)
def test_modules_that_are_no_str(module: Any) -> None:
    """Packed as they are, or refused."""

    def make(log: Log) -> Any:
        cls = dataclasses.dataclass(type("Local", (m.Plain,), {}))
        cls.__module__ = module
        model = type("Model", (m.Registered,), {})
        model.__module__ = module
        return {"d": cls("x"), "m": model()}

    _same(make)
    _same(lambda log: [make(log)["m"]])


@case
def metaclass_tricks(log: Log) -> Any:
    class Meta(type):
        @property
        def __module__(cls) -> Any:  # type: ignore[override]
            log.append("module")
            return f"mod{len(log)}"

        @property
        def __name__(cls) -> Any:  # type: ignore[override]
            log.append("name")
            return f"name{len(log)}"

        def __instancecheck__(cls, other: Any) -> bool:
            log.append("instancecheck")
            return True

        def __getattribute__(cls, name: str) -> Any:
            if not name.startswith("__"):
                log.append(name)
            return super().__getattribute__(name)

    class Local(metaclass=Meta):
        def _asdict(self) -> dict[str, int]:
            return {"a": 1}

    log.clear()
    return [Local(), Local()]


@case
def getattr_makes_everything(log: Log) -> Any:
    class Everything:
        def __getattr__(self, name: str) -> Any:
            log.append(name)
            return lambda *a, **k: {"made": name}

    return [Everything()]


@case
def getattr_makes_strings(log: Log) -> Any:
    class Everything:
        def __getattr__(self, name: str) -> Any:
            log.append(name)
            return name

    return [Everything(), m.GetAttr(1)]


@case
def getattribute_counts(log: Log) -> Any:
    class Counting(m.Plain):
        def __getattribute__(self, name: str) -> Any:
            log.append(name)
            return super().__getattribute__(name)

    return [Counting(1), Counting(2)]


@case
def properties_count(log: Log) -> Any:
    class Counting(m.Plain):
        @property
        def name(self) -> Any:
            log.append("name")
            return len(log)

        @name.setter
        def name(self, v: Any) -> None:
            log.append("set")

    return [Counting(1), Counting(2)]


@case
def descriptors(log: Log) -> Any:
    class Field:
        def __get__(self, obj: Any, owner: Any = None) -> Any:
            log.append("get")
            return "from the descriptor"

        def __set__(self, obj: Any, value: Any) -> None:
            log.append("set")

    class Local(m.Plain):
        count = Field()  # type: ignore[assignment]

    return [Local("a"), Local("b", 5)]


@case
def non_data_descriptor(log: Log) -> Any:
    class Field:
        def __get__(self, obj: Any, owner: Any = None) -> Any:
            log.append("get")
            return "from the descriptor"

    class Local(m.Plain):
        count = Field()  # type: ignore[assignment]

    a, b = Local("a"), Local("b")
    del a.__dict__["count"]
    return [a, b]


@case
def slots_deleted(log: Log) -> Any:
    obj = m.Slotted("a")
    del obj.count
    return {"a": obj}


@case
def slots_with_a_dict_behind(log: Log) -> Any:
    class Local(m.Slotted):
        pass

    obj = Local("a")
    obj.extra = 1  # type: ignore[attr-defined]
    return [obj]


@case
def mock_with_spec(log: Log) -> Any:
    return [unittest.mock.Mock(spec=m.Plain), unittest.mock.Mock(spec=uuid.UUID)]


@case
def simple_namespace(log: Log) -> Any:
    return [types.SimpleNamespace(a=1)]


@case
def namespace_that_is_a_send(log: Log) -> Any:
    return [types.SimpleNamespace(node="n", arg=1)]


@case
def weak_proxy(log: Log) -> Any:
    import weakref

    obj = m.Plain("x")
    log.append(obj)
    return [weakref.proxy(obj)]


@case
def dead_weak_proxy(log: Log) -> Any:
    import weakref

    return [weakref.proxy(m.Plain("x"))]


@case
def enum_value_changed(log: Log) -> Any:
    class Local(enum.Enum):
        A = [1]

    Local.A._value_ = [1, 2]
    Local.A.value.append(3)
    return [Local.A, {"x": Local.A}]


@case
def enum_value_is_a_property(log: Log) -> Any:
    class Local(enum.Enum):
        A = 1

    type.__setattr__(Local, "_value_", property(lambda self: log.append("asked") or "mine"))
    return [Local.A, {Local.A: 1}]


@case
def enum_without_value(log: Log) -> Any:
    class Local(enum.Enum):
        A = 1

    del Local.A._value_
    return [Local.A]


@case
def enum_members_with_what_is_asked_for(log: Log) -> Any:
    class Local(enum.Enum):
        A = 1
        B = 2
        C = 3

        def __init__(self, number: int) -> None:
            if number == 2:
                self.dict = lambda: {"from": "dict"}

    Local.A.model_dump = lambda: {"from": "model_dump"}
    Local.C.__dict__["get_secret" + "_value"] = lambda: "secret"
    return [Local.B, Local.A, {"x": Local.C}, *Local]


@case
def slots_beside_a_dict(log: Log) -> Any:
    class Base:
        pass

    @dataclasses.dataclass
    class Local(Base):
        __slots__ = ("x",)
        x: int

    out: list[Any] = [Local(0) for _ in range(8)]
    for number, name in enumerate(("model_dump", "dict", "_asdict", "get_secret_value", "other")):
        setattr(out[number], name, lambda: {"from": "an attribute"})
    out[5].node, out[5].arg = "node", 1
    out[6].__dict__  # noqa: B018 (exists now)
    return out


@case
def uuid_without_int(log: Log) -> Any:
    return [uuid.UUID.__new__(uuid.UUID)]


@case
def uuid_with_a_wrong_int(log: Log) -> Any:
    out: list[Any] = []
    for wrong in (-1, 1 << 128, 5.0, True, m.MyInt(3)):
        u = uuid.UUID(int=1)
        object.__setattr__(u, "int", wrong)
        out.append(u)
    return out[3:]


@pytest.mark.parametrize(
    "wrong", [-1, 1 << 128, 1 << 200, 5.0, "5", None, True, m.MyInt(3), m.LyingInt(3)], ids=repr
)
def test_uuid_with_a_wrong_int(wrong: Any) -> None:
    """``hex`` is '%032x' of it."""

    def make(log: Log) -> Any:
        u = uuid.UUID(int=1)
        object.__setattr__(u, "int", wrong)
        return [u]

    _same(make)


@case
def datetime_with_odd_zone(log: Log) -> Any:
    class Zone(datetime.tzinfo):
        def utcoffset(self, dt: Any) -> Any:
            log.append("utcoffset")
            return datetime.timedelta(hours=len(log))

        def dst(self, dt: Any) -> Any:
            return None

        def tzname(self, dt: Any) -> Any:
            return None

    zone = Zone()
    return [datetime.datetime(2024, 1, 1, tzinfo=zone), datetime.datetime(2024, 1, 1, tzinfo=zone)]


@pytest.mark.parametrize(
    "offset",
    [None, 5, "x", datetime.timedelta(days=2), datetime.timedelta(microseconds=1)],
    ids=repr,
)
def test_zones_that_return_nonsense(offset: Any) -> None:
    """isoformat raises for most of them."""

    class Zone(datetime.tzinfo):
        def utcoffset(self, dt: Any) -> Any:
            return offset

        def dst(self, dt: Any) -> Any:
            return offset

        def tzname(self, dt: Any) -> Any:
            return offset

    _same(lambda log: [datetime.datetime(2024, 1, 1, tzinfo=Zone())])
    _same(lambda log: [datetime.time(1, tzinfo=Zone())])
    try:
        hash(datetime.time(1, tzinfo=Zone()))
    except (TypeError, ValueError):
        return
    _same(lambda log: {datetime.time(1, tzinfo=Zone()): 1})


@case
def dataclass_fields_changed(log: Log) -> Any:
    @dataclasses.dataclass
    class Local:
        a: Any = 1
        b: Any = 2

    one = Local()
    fields = dict(Local.__dataclass_fields__)
    Local.__dataclass_fields__ = dict(reversed(fields.items()))
    return [one, Local()]


@case
def dataclass_field_renamed(log: Log) -> Any:
    @dataclasses.dataclass
    class Local:
        a: Any = 1
        b: Any = 2

    Local.__dataclass_fields__["a"].name = "b"
    return [Local()]


@case
def dataclass_field_with_surrogates(log: Log) -> Any:
    cls = dataclasses.make_dataclass("Local", [("a", Any, 1)])
    cls.__dataclass_fields__["a"].name = "b\ud800"
    setattr(cls, "b\ud800", 5)
    return [cls()]


@case
def dataclass_instance_attribute_fields(log: Log) -> Any:
    obj = m.Plain("x")
    obj.__dict__["__dataclass_fields__"] = {}
    return [obj]


@case
def not_a_dataclass_but_says_so(log: Log) -> Any:
    class Local:
        __dataclass_fields__: dict[str, Any] = {}

    return [Local()]


@case
def dataclass_fields_are_no_dict(log: Log) -> Any:
    class Local:
        __dataclass_fields__ = [1]

    return [Local()]


@pytest.mark.parametrize("cls", [unittest.mock.Mock, unittest.mock.MagicMock])
def test_mocks(cls: Any) -> None:
    """model_dump() of a mock is a mock, without end: the recursion limit ends it."""
    depth = len(inspect.stack(0))
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 170)
    try:
        _same(lambda log: [1, cls()])
        _same(lambda log: {"m": cls()})
    finally:
        sys.setrecursionlimit(before)


# --- models -----------------------------------------------------------------------------------------


@case
def model_without_its_state(log: Log) -> Any:
    return [m.Scalars.__new__(m.Scalars)]


@case
def message_without_its_state(log: Log) -> Any:
    return [lc.HumanMessage.__new__(lc.HumanMessage)]


@case
def message_with_a_foreign_dict(log: Log) -> Any:
    msg = lc.HumanMessage("x")
    object.__setattr__(msg, "__dict__", {1: 2, "content": "y"})
    return [msg]


@case
def message_of_another_class(log: Log) -> Any:
    msg = lc.HumanMessage("x")
    object.__setattr__(msg, "__class__", lc.SystemMessage)
    return [msg]


@case
def message_with_instance_model_dump(log: Log) -> Any:
    msg = lc.HumanMessage("x")
    object.__setattr__(msg, "model_dump", lambda **k: {"content": "other"})
    return [msg, lc.HumanMessage("y")]


@case
def message_with_extra_model_dump(log: Log) -> Any:
    return [lc.HumanMessage("x", model_dump=5)]


@case
def message_with_extra_none(log: Log) -> Any:
    msg = lc.AIMessage("x")
    object.__setattr__(msg, "__pydantic_extra__", {"a": {"b": object()}})
    return [msg]


@case
def message_in_a_message(log: Log) -> Any:
    inner = lc.HumanMessage("in")
    return [
        lc.HumanMessage("out", additional_kwargs={"m": inner}),
        lc.AIMessage("o", response_metadata={"m": [inner]}),
    ]


@case
def message_with_itself(log: Log) -> Any:
    msg = lc.HumanMessage("x")
    msg.additional_kwargs["me"] = msg
    return [msg]


@case
def message_with_a_cycle(log: Log) -> Any:
    msg = lc.HumanMessage("x")
    msg.additional_kwargs["me"] = msg.additional_kwargs
    return [msg]


@case
def model_with_itself(log: Log) -> Any:
    node = m.Node(label="x")
    node.children.append(node)
    return [node]


@case
def content_is_a_str_subclass(log: Log) -> Any:
    msg = lc.HumanMessage("x")
    msg.__dict__["content"] = m.LyingStr("y")
    return [msg]


@case
def lists_inside_are_subclasses(log: Log) -> Any:
    msg = lc.AIMessage("x")
    msg.__dict__["tool_calls"] = m.LyingList(
        [{"name": "f", "args": {}, "id": "1", "type": "tool_call"}]
    )
    msg.__dict__["additional_kwargs"] = m.LyingDict(a=1)
    return [msg]


@case
def keys_of_dicts_inside_act(log: Log) -> Any:
    class Key(str):
        def __hash__(self) -> int:
            log.append("hash")
            return str.__hash__(self)

        def __eq__(self, other: object) -> bool:
            log.append("eq")
            return str.__eq__(self, other)

    value = {Key("a"): 1}
    log.clear()
    return [value, m.Plain(value), lc.HumanMessage("x", additional_kwargs={"k": 1})]


@case
def deep_in_everything(log: Log) -> Any:
    return Command(
        goto=[Send("n", Interrupt(value=m.Plain(_acting(lambda: {"x": object()}, log))))]
    )


@contextlib.contextmanager
def _replaced(target: Any, name: str, new: Any) -> Iterator[None]:
    """``mock.patch.object`` deletes what it finds inherited, ``__name__`` of a class too."""
    own = name in vars(target) or name == "__name__"
    before = vars(target).get(name, getattr(target, name, None))
    setattr(target, name, new)
    try:
        yield
    finally:
        if own:
            setattr(target, name, before)
        else:
            delattr(target, name)


def _patched(target: Any, name: str, new: Any, value: Callable[[], Any]) -> None:
    """Dump and load before, during and after *name* of *target* is replaced."""
    before = value()
    blob = default_pair().theirs.dumps_typed(before)

    def run() -> None:
        for make in (lambda: before, value):
            ours = outcome(default_pair().ours.dumps_typed, make())
            theirs = outcome(default_pair().theirs.dumps_typed, make())
            assert_same_outcome(ours, theirs)
        ours = outcome(default_pair().ours.loads_typed, blob)
        theirs = outcome(default_pair().theirs.loads_typed, blob)
        assert_same_outcome(ours, theirs)
        VOLUME.count(2)

    run()
    with _replaced(target, name, new):
        run()
    run()


_PATCHES: dict[str, tuple[Any, str, Any]] = {
    "HumanMessage.model_dump": (
        lc.HumanMessage,
        "model_dump",
        lambda self, **k: {"content": "patched"},
    ),
    "BaseMessage.model_dump": (
        lc.BaseMessage,
        "model_dump",
        lambda self, **k: {"content": "patched"},
    ),
    "BaseModel.model_dump": (
        pydantic.BaseModel,
        "model_dump",
        lambda self, **k: {"content": "patched"},
    ),
    "Serializable.__init__": (
        lc.BaseMessage.__mro__[1],
        "__init__",
        lambda self, *a, **k: pydantic.BaseModel.__init__(self, **{**k, "name": "patched"}),
    ),
    "HumanMessage.__init__": (
        lc.HumanMessage,
        "__init__",
        lambda self, content="", **k: lc.BaseMessage.__init__(self, f"{content}!", **k),
    ),
    "HumanMessage.model_post_init": (
        lc.HumanMessage,
        "model_post_init",
        lambda self, ctx: self.__dict__.update(name="post"),
    ),
    "HumanMessage.model_construct": (
        lc.HumanMessage,
        "model_construct",
        classmethod(lambda cls, **k: "constructed"),
    ),
    "HumanMessage.dict": (lc.HumanMessage, "dict", lambda self: {"d": 1}),
    "HumanMessage.__setattr__": (lc.HumanMessage, "__setattr__", lambda self, k, v: None),
    "HumanMessage.__getattribute__": (
        lc.HumanMessage,
        "__getattribute__",
        lambda self, name: (
            (lambda **k: {"content": "?"})
            if name == "model_dump"
            else object.__getattribute__(self, name)
        ),
    ),
    "HumanMessage.__module__": (lc.HumanMessage, "__module__", "support.models"),
    "HumanMessage.__name__": (lc.HumanMessage, "__name__", "Renamed"),
    "HumanMessage.__pydantic_serializer__": (
        lc.HumanMessage,
        "__pydantic_serializer__",
        lc.SystemMessage.__pydantic_serializer__,
    ),
    "HumanMessage.__pydantic_validator__": (
        lc.HumanMessage,
        "__pydantic_validator__",
        lc.SystemMessage.__pydantic_validator__,
    ),
    "human.HumanMessage": (sys.modules["langchain_core.messages.human"], "HumanMessage", m.MyHuman),
    "human.HumanMessage gone": (sys.modules["langchain_core.messages.human"], "HumanMessage", 5),
    "ai.AIMessage": (sys.modules["langchain_core.messages.ai"], "AIMessage", m.MyAI),
    "AIMessage.model_dump": (lc.AIMessage, "model_dump", lambda self, **k: {"content": "patched"}),
    "ToolMessage.model_dump": (
        lc.ToolMessage,
        "model_dump",
        lambda self, **k: {"content": "patched"},
    ),
    "Plain.__init__": (m.Plain, "__init__", lambda self, **k: self.__dict__.update(k, patched=1)),
    "Plain.__getattribute__": (
        m.Plain,
        "__getattribute__",
        lambda self, name: object.__getattribute__(self, "tags" if name == "name" else name),
    ),
    "Plain.model_dump": (m.Plain, "model_dump", lambda self: {"m": 1}),
    "Plain.name": (m.Plain, "name", property(lambda self: "property", lambda self, v: None)),
    "Plain.__class_getitem__": (m.Plain, "__class_getitem__", 5),
    "models.Plain": (m, "Plain", m.Slotted),
    "Slotted.count": (m.Slotted, "count", property(lambda self: 9, lambda self, v: None)),
    "Scalars.model_dump": (m.Scalars, "model_dump", lambda self, **k: {"name": "patched"}),
    "Scalars.__init__": (
        m.Scalars,
        "__init__",
        lambda self, **k: pydantic.BaseModel.__init__(self, name="patched"),
    ),
    "models.Scalars": (m, "Scalars", m.Registered),
    "Colour.__new__": (m.Colour, "_missing_", classmethod(lambda cls, v: cls.GREEN)),
    "models.Colour": (m, "Colour", m.Word),
    "Send.__init__": (
        Send,
        "__init__",
        lambda self, node, arg, **k: (
            setattr(self, "node", "patched"),
            setattr(self, "arg", arg),
            setattr(self, "timeout", None),
        )[0],
    ),
    "Send._asdict": (Send, "_asdict", lambda self: {"n": 1}),
    "types.Send": (sys.modules["langgraph.types"], "Send", m.SendLike),
    "types.Command": (sys.modules["langgraph.types"], "Command", dict),
    "Command.__post_init__": (
        Command,
        "__post_init__",
        lambda self: object.__setattr__(self, "graph", "post"),
    ),
    "Interrupt.__init__": (
        Interrupt,
        "__init__",
        lambda self, value, id="x", **k: (
            setattr(self, "value", value),
            setattr(self, "id", "patched"),
            setattr(self, "response_schema", None),
        )[0],
    ),
    "uuid.UUID": (uuid, "UUID", m.MyUUID),
    "UUID.hex": (uuid.UUID, "hex", property(lambda self: "patched")),
    "UUID.__init__": (
        uuid.UUID,
        "__init__",
        lambda self, *a, **k: [
            object.__setattr__(self, n, x)
            for n, x in (("int", 7), ("is_safe", uuid.SafeUUID.unknown))
        ][0],
    ),
    "datetime.datetime": (datetime, "datetime", m.MyDatetime),
    "decimal.Decimal": (decimal, "Decimal", m.MyDecimal),
    "dataclasses.fields": (dataclasses, "fields", lambda obj: ()),
    "dataclasses.is_dataclass": (dataclasses, "is_dataclass", lambda obj: False),
    "collections.deque": (collections, "deque", m.MyDeque),
    "importlib.import_module": (sys.modules["importlib"], "import_module", lambda name: m),
}


def _values() -> list[Any]:
    return [
        lc.HumanMessage("h", id="1"),
        lc.AIMessage(
            "a", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "c", "type": "tool_call"}]
        ),
        lc.ToolMessage("t", tool_call_id="c"),
        m.Plain("p", 1, ["x"]),
        m.Slotted("s"),
        m.Scalars(name="n"),
        m.Colour.RED,
        Send("n", {"a": 1}),
        Command(goto="x", update={"a": 1}),
        Interrupt(value=1, id="i"),
        uuid.UUID(int=5),
        datetime.datetime(2024, 1, 2, 3, 4, 5),
        decimal.Decimal("1.5"),
        {1, 2},
        collections.deque([1]),
    ]


_KEPT = _values()


@pytest.mark.parametrize("patch", _PATCHES)
def test_monkeypatched(patch: str) -> None:
    """A class or a function of the library changed between two calls, and changed back."""
    target, name, new = _PATCHES[patch]
    _patched(target, name, new, lambda: list(_KEPT))
    for value in _KEPT:
        _patched(target, name, new, lambda value=value: value)


def test_pydantic_plugin() -> None:
    """What looks on while models are validated, as logfire does, sees the messages that are loaded."""
    log: Log = []

    class Handler:
        def on_enter(self, value: Any, **_: Any) -> None:
            log.append(value["content"])

    class Plugin:
        def new_schema_validator(self, *_: Any) -> Any:
            return Handler(), None, None

    plain = lc.HumanMessage.__pydantic_validator__
    value = [lc.HumanMessage("a text of some length", id=str(n)) for n in range(4)]
    ours, theirs = default_pair().ours, default_pair().theirs
    blob = theirs.dumps_typed(value)
    try:
        lc.HumanMessage.__pydantic_validator__ = PluggableSchemaValidator(
            lc.HumanMessage.__pydantic_core_schema__,
            lc.HumanMessage,
            SchemaTypePath(lc.HumanMessage.__module__, "HumanMessage"),
            "BaseModel",
            None,
            [Plugin()],
            {},
        )
        for side in (theirs, ours, ours):
            log.clear()
            assert len(side.loads_typed(blob)) == 4
            assert len(log) == len(value)
    finally:
        lc.HumanMessage.__pydantic_validator__ = plain


def test_class_redefined() -> None:
    """Under the same name: between dump and load, and between two dumps."""
    for base in (m.Plain, m.Scalars, m.Colour, lc.HumanMessage):
        home = sys.modules[base.__module__]

        def values(cls: Any) -> Any:
            if isinstance(cls, enum.EnumMeta):
                return list(cls)
            if "content" in getattr(cls, "model_fields", ()):
                return [cls(content="x")]
            try:
                return [cls(name="x")]
            except pydantic.ValidationError:
                return [cls(name=5)]

        original = values(base)
        blob = default_pair().theirs.dumps_typed(original)
        versions: list[Any] = []
        if base is m.Plain:
            versions = [
                dataclasses.make_dataclass(
                    "Plain", [("tags", Any, None), ("count", Any, 5), ("name", Any, None)]
                ),
                dataclasses.make_dataclass("Plain", [("name", Any)]),
                dataclasses.make_dataclass(
                    "Plain", [("name", Any, 1), ("count", Any, 2), ("tags", Any, 3)], frozen=True
                ),
            ]
        elif base is m.Colour:
            versions = [enum.Enum("Colour", {"RED": "red"}), enum.Enum("Colour", {"BLUE": "blue"})]
        elif base is m.Scalars:
            versions = [
                pydantic.create_model("Scalars", name=(str, ...)),
                pydantic.create_model("Scalars", name=(int, ...), count=(int, 0)),
                pydantic.create_model("Scalars", count=(int, 7), name=(str, "d")),
            ]
        else:
            versions = [
                type("HumanMessage", (lc.HumanMessage,), {}),
                pydantic.create_model("HumanMessage", content=(str, ...)),
            ]
        for _ in range(2):
            for version in versions:
                version.__module__ = base.__module__
                with unittest.mock.patch.object(home, base.__name__, version):
                    for value in (original, values(version), [original, values(version)]):
                        ours = outcome(default_pair().ours.dumps_typed, value)
                        theirs = outcome(default_pair().theirs.dumps_typed, value)
                        assert_same_outcome(ours, theirs)
                        blobs = [blob] + ([theirs.value] if theirs.error is None else [])
                        for b in blobs:
                            assert_same_outcome(
                                outcome(default_pair().ours.loads_typed, b),
                                outcome(default_pair().theirs.loads_typed, b),
                            )
                        VOLUME.count(1)


def test_thousands_of_classes() -> None:
    """Classes come and go; what was learned about the dead must not serve the living."""
    for round_ in range(3):
        for i in range(400):
            cls = dataclasses.make_dataclass(
                f"C{i % 7}", [(f"f{j}", Any, j) for j in range((i + round_) % 5)]
            )
            if i % 3 == 0:
                cls = dataclasses.make_dataclass("S", [(f"g{i % 11}", Any, i)], slots=True)
            if i % 5 == 0:
                cls = pydantic.create_model("P", **{f"h{i % 13}": (int, i)})  # type: ignore[call-overload]
            _same(lambda log, cls=cls: [cls(), {"x": cls()}])
            del cls
        gc.collect()


def test_no_two_classes_in_each_others_way() -> None:
    """Whatever their names: loaded in turn, each is described once."""
    home = types.ModuleType("home_of_many")
    sys.modules[home.__name__] = home
    described = 0

    def profile(frame: types.FrameType, event: str, _: Any) -> None:
        nonlocal described
        described += event == "call" and frame.f_code.co_name == "describe_load"

    try:
        for number in range(1500):
            cls = dataclasses.make_dataclass(f"Class{number}", ["x"])
            cls.__module__ = home.__name__
            setattr(home, cls.__name__, cls)
            value = [lc.HumanMessage("h", id="1"), cls(1), lc.HumanMessage("h", id="2"), cls(2)]
            blob = default_pair().theirs.dumps_typed(value)
            for _ in range(2):
                default_pair().ours.loads_typed(blob)
            sys.setprofile(profile)
            default_pair().ours.loads_typed(blob)
            sys.setprofile(None)
    finally:
        sys.setprofile(None)
        del sys.modules[home.__name__]
    assert described == 0


def test_validators_run_as_often() -> None:
    """A validator with an effect has it once a load, on both sides."""
    seen: list[Any] = []

    class Counting(pydantic.BaseModel):
        a: int = 1

        @pydantic.model_validator(mode="after")
        def _m(self) -> Counting:
            seen.append(self.a)
            return self

    Counting.__module__, Counting.__name__ = "support.models", "CountingModel"
    m.CountingModel = Counting  # type: ignore[attr-defined]
    try:
        blob = default_pair().theirs.dumps_typed([Counting(a=i) for i in range(5)])
        counts = []
        for side in (default_pair().ours, default_pair().theirs):
            seen.clear()
            side.loads_typed(blob)
            counts.append(list(seen))
        assert counts[0] == counts[1] == [0, 1, 2, 3, 4]
    finally:
        del m.CountingModel  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["settrace", "setprofile"])
def test_traced(kind: str) -> None:
    """A trace or profile function in force: same values."""
    blob = default_pair().theirs.dumps_typed(_KEPT)
    events: list[str] = []

    def trace(frame: Any, event: str, arg: Any) -> Any:
        events.append(event)
        return trace

    before = sys.gettrace(), sys.getprofile()
    getattr(sys, kind)(trace)
    try:
        ours = default_pair().ours.dumps_typed(_KEPT)
        back = default_pair().ours.loads_typed(blob)
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
    assert ours == blob
    assert_same(back, default_pair().theirs.loads_typed(blob))
    assert events


_UNDEFINED = """
import collections, gc
from support import models as m
from hostile.test_objects import _acting
log = []

def shrink_list():
    out = [1]
    out += [_acting(lambda: out.clear(), log), 2, 3]
    return out

def pop_list():
    out = [1]
    out += [_acting(lambda: [out.pop(), out.pop()], log), "x" * 50, m.Plain(1)]
    return out

def shrink_to_one():
    out = [[i] for i in range(1000)]
    out[0] = _acting(lambda: out.__delitem__(slice(1, None)), log)
    return out

def clear_dict():
    out = {"a": 1}
    out["b"] = _acting(lambda: out.clear(), log)
    out["c"] = 3
    return out

def replace_dict():
    out = {"a": 1}
    def act():
        out.clear()
        out.update({str(i): [i] for i in range(50)})
        gc.collect()
    out["b"] = _acting(act, log)
    out["c"] = 3
    return out

def clear_outer():
    inner = []
    outer = [inner, 1]
    def act():
        outer.clear()
        gc.collect()
        return 5
    inner += [_acting(act, log), 2, 3]
    return outer

def shrink_bytearray():
    data = bytearray(1 << 20)
    return [_acting(lambda: data.clear(), log), data]

import sys
value = globals()[{name!r}]()
tell({name!r}, serde.dumps_typed, value)
tell("after", serde.dumps_typed, [1, m.Plain(1)])
"""


@pytest.mark.parametrize(
    "name",
    [
        "shrink_list",
        "pop_list",
        "shrink_to_one",
        "clear_dict",
        "replace_dict",
        "clear_outer",
        "shrink_bytearray",
    ],
)
def test_undefined_for_the_original(name: str) -> None:
    """Containers that shrink under the walk may kill the original itself; ours may not where the original lives."""
    ours, theirs = both(_UNDEFINED.replace("{name!r}", repr(name)))
    if theirs.returncode == 0:
        assert ours.returncode == 0, ours.stderr
        assert ours.told.keys() == theirs.told.keys()


_CLEARED = """
import collections, gc
victim = None

def act(phase, info):
    global victim
    if phase == "start" and victim is not None:
        victim, emptied = None, victim
        emptied.clear()
        emptied += [bytes(90) for _ in range(3)]

def learned():
    return [collections.deque(["x"] * 100), collections.deque([type("New", (), {})()]), 5]

def surrogates():
    return ["\\u00e9\\ud800" * length for length in (2, 9000, 2)]

gc.callbacks.append(act)
for make in learned, surrogates:
    for _ in range(40):
        value = make()
        victim = value
        gc.set_threshold(1, 1, 1)
        try:
            serde.dumps_typed([1, value])
        except (TypeError, ValueError):
            pass
        gc.set_threshold(700)
        victim = None
    print("end", make.__name__, flush=True)
"""


def test_cleared_by_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a class is learned, or an error is made of a surrogate: the original dies of the second before CPython 3.12."""
    monkeypatch.setenv("PYTHONMALLOC", "debug")
    ours = isolated.run(_CLEARED, "ours")
    assert ours.returncode == 0, ours.stderr
    assert ours.told.keys() == {"learned", "surrogates"}
