"""Classes a user could have written. Importable under their own names, as stored objects must be."""

# ruff: noqa: D101, D102, D103, D105, D107
# No `from __future__ import annotations`: pydantic resolves these annotations at class creation.

import collections
import dataclasses
import datetime
import decimal
import enum
import pathlib
import uuid
from typing import Annotated, Any, ClassVar, Generic, Literal, NamedTuple, Optional, TypeVar, Union

import pydantic
import pydantic.v1
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from typing_extensions import TypedDict

# --- subclasses of builtins -----------------------------------------------------------------------


class MyStr(str):
    pass


class MyInt(int):
    pass


class MyFloat(float):
    pass


class MyBytes(bytes):
    pass


class MyBytearray(bytearray):
    pass


class MyList(list):  # type: ignore[type-arg]
    pass


class MyDict(dict):  # type: ignore[type-arg]
    pass


class MyTuple(tuple):  # type: ignore[type-arg]
    pass


class MySet(set):  # type: ignore[type-arg]
    pass


class MyFrozenset(frozenset):  # type: ignore[type-arg]
    pass


class MyDeque(collections.deque):  # type: ignore[type-arg]
    pass


class LyingList(list):  # type: ignore[type-arg]
    """The C code must not ask it."""

    def __iter__(self) -> Any:
        return iter(["lie"])

    def __len__(self) -> int:
        return 1

    def __getitem__(self, i: Any) -> Any:
        return "lie"


class LyingDict(dict):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return iter(["lie"])

    def items(self) -> Any:
        return [("lie", 1)]

    def __len__(self) -> int:
        return 7


class LyingStr(str):
    def __str__(self) -> str:
        return "lie"

    def encode(self, *_: Any) -> bytes:
        return b"lie"


class LyingInt(int):
    def __index__(self) -> int:
        return 666

    def __int__(self) -> int:
        return 666


class MyUUID(uuid.UUID):
    pass


class MyDatetime(datetime.datetime):
    pass


class ShoutingDatetime(datetime.datetime):
    def isoformat(self, *_: Any, **__: Any) -> str:
        return "2001-02-03T04:05:06"


class MyDate(datetime.date):
    pass


class MyTime(datetime.time):
    pass


class MyTimedelta(datetime.timedelta):
    pass


class MyDecimal(decimal.Decimal):
    pass


class MyZone(datetime.tzinfo):
    def utcoffset(self, dt: Any) -> datetime.timedelta:
        return datetime.timedelta(hours=3, minutes=7)

    def tzname(self, dt: Any) -> str:
        return "mine"

    def dst(self, dt: Any) -> datetime.timedelta:
        return datetime.timedelta(0)


# --- enums ----------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"
    ALSO_RED = "red"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Word(str, enum.Enum):
    YES = "yes"
    NO = "no"


class Perm(enum.Flag):
    R = 4
    W = 2
    X = 1


class IntPerm(enum.IntFlag):
    R = 4
    W = 2
    X = 1


class Odd(enum.Enum):
    """Values that are no plain scalars."""

    TUPLE = (1, 2)
    NONE = None
    FLOAT = 1.5
    BYTES = b"x"
    UUID = uuid.UUID(int=7)


class WithMethods(enum.Enum):
    A = "a"

    def dict(self) -> dict[str, int]:
        return {"not": 1}


class Meta(enum.EnumMeta):
    pass


class MetaEnum(enum.Enum, metaclass=Meta):
    """ormsgpack looks at the exact metaclass: this one it does not take for an enum."""

    A = "a"
    B = 2


ENUMS = (Colour, Level, Word, Odd, WithMethods, MetaEnum)
FLAGS = (Perm, IntPerm)

# --- named tuples, typed dicts --------------------------------------------------------------------


class Point(NamedTuple):
    x: Any
    y: Any = 0


OldPoint = collections.namedtuple("OldPoint", ["a", "b"])


class Options(TypedDict, total=False):
    flag: bool
    names: list[str]


# --- dataclasses ----------------------------------------------------------------------------------


@dataclasses.dataclass
class Plain:
    name: Any
    count: Any = 0
    tags: Any = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Slotted:
    name: Any
    count: Any = 0


@dataclasses.dataclass(frozen=True)
class Frozen:
    name: Any
    when: Any = None


@dataclasses.dataclass(kw_only=True)
class KwOnly:
    a: Any
    b: Any = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AllThree:
    a: Any
    b: Any = 2


@dataclasses.dataclass
class Child(Plain):
    extra: Any = None


@dataclasses.dataclass(slots=True)
class SlottedChild(Slotted):
    more: Any = "m"


@dataclasses.dataclass
class Empty:
    pass


@dataclasses.dataclass
class NoInit:
    """Fields the constructor does not take: loading falls back to the stored kwargs."""

    a: Any
    b: Any = dataclasses.field(default=5, init=False)
    c: ClassVar[int] = 3
    d: dataclasses.InitVar[Any] = None


@dataclasses.dataclass
class WithProperty:
    a: Any

    @property
    def doubled(self) -> Any:
        return [self.a, self.a]


@dataclasses.dataclass
class WithCall:
    a: Any
    f: Any = len  # a callable as a value: not serializable

    def __call__(self) -> int:
        return 1


@dataclasses.dataclass
class FieldDict:
    dict: Any = None


@dataclasses.dataclass
class FieldModelDump:
    model_dump: Any = None


@dataclasses.dataclass
class FieldSecret:
    get_secret_value: Any = None


@dataclasses.dataclass
class FieldAsdict:
    _asdict: Any = None


@dataclasses.dataclass
class LooksLikeSend:
    """Satisfies SendProtocol: stored as positional arguments."""

    node: Any
    arg: Any


@dataclasses.dataclass(frozen=True)
class FrozenLooksLikeSend:
    node: Any
    arg: Any
    timeout: Any = None


@dataclasses.dataclass(eq=True)
class UnhashableSend:
    """``__hash__`` is None: SendProtocol wants one."""

    node: Any
    arg: Any


@dataclasses.dataclass
class OnlyNode:
    node: Any
    other: Any = None


@dataclasses.dataclass
class MethodDict:
    a: Any = 1

    def dict(self) -> dict[str, Any]:
        return {"a": self.a, "from": "dict()"}


@dataclasses.dataclass
class MethodModelDump:
    a: Any = 1

    def model_dump(self) -> dict[str, Any]:
        return {"a": self.a, "from": "model_dump()"}


@dataclasses.dataclass
class MethodSecret:
    a: Any = 1

    def get_secret_value(self) -> Any:
        return self.a


@dataclasses.dataclass
class MethodAsdict:
    a: Any = 1

    def _asdict(self) -> dict[str, Any]:
        return {"a": self.a}


@dataclasses.dataclass
class GetAttr:
    """Every name exists, none is callable."""

    a: Any = 1

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


@dataclasses.dataclass
class PostInit:
    a: Any
    b: Any = None

    def __post_init__(self) -> None:
        self.b = [self.a]


@dataclasses.dataclass
class Refuses:
    """The constructor raises on what was stored."""

    a: Any

    def __post_init__(self) -> None:
        if self.a == "bad":
            raise ValueError("bad")


@dataclasses.dataclass
class Descriptor:
    """A field whose value comes from a property of the same name, set after creation."""

    a: Any

    def __getattribute__(self, name: str) -> Any:
        if name == "a":
            return "seen through __getattribute__"
        return object.__getattribute__(self, name)


@dataclasses.dataclass
class ManyFields:
    f0: Any = None
    f1: Any = None
    f2: Any = None
    f3: Any = None
    f4: Any = None
    f5: Any = None
    f6: Any = None
    f7: Any = None
    f8: Any = None
    f9: Any = None
    f10: Any = None
    f11: Any = None
    f12: Any = None
    f13: Any = None
    f14: Any = None
    f15: Any = None
    f16: Any = None


class Outer:
    @dataclasses.dataclass
    class Inner:
        """Its name is not reachable from the module: loading falls back."""

        a: Any = 1


TWO_FIELDS = (
    Slotted,
    Frozen,
    KwOnly,
    AllThree,
    PostInit,
    LooksLikeSend,
    FrozenLooksLikeSend,
    UnhashableSend,
    OnlyNode,
)
ONE_FIELD = (
    WithProperty,
    FieldDict,
    FieldModelDump,
    FieldSecret,
    FieldAsdict,
    MethodDict,
    MethodModelDump,
    MethodSecret,
    MethodAsdict,
    GetAttr,
    Refuses,
    Descriptor,
    Outer.Inner,
    NoInit,
    WithCall,
)

# --- pydantic v2 ----------------------------------------------------------------------------------


class Scalars(pydantic.BaseModel):
    """The shape of most user models."""

    name: str
    count: int = 0
    ratio: float = 1.0
    on: bool = True
    note: Optional[str] = None
    raw: bytes = b""


class Times(pydantic.BaseModel):
    at: datetime.datetime
    day: Optional[datetime.date] = None
    clock: Optional[datetime.time] = None
    span: Optional[datetime.timedelta] = None
    key: uuid.UUID = uuid.UUID(int=1)
    money: decimal.Decimal = decimal.Decimal("1.50")
    path: pathlib.Path = pathlib.Path(".")


class Containers(pydantic.BaseModel):
    items: list[int] = []
    table: dict[str, float] = {}
    pair: tuple[int, str] = (1, "a")
    many: tuple[int, ...] = ()
    unique: set[str] = set()
    fixed: frozenset[int] = frozenset()
    queue: collections.deque[int] = collections.deque()
    by_number: dict[int, str] = {}


class Node(pydantic.BaseModel):
    label: str
    children: list["Node"] = []
    meta: dict[str, Any] = {}


class Nested(pydantic.BaseModel):
    one: Scalars
    some: list[Scalars] = []
    named: dict[str, Scalars] = {}
    maybe: Optional[Scalars] = None


class ExtraAllow(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: int = 1


class ExtraForbid(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    a: int = 1


class TypedExtra(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int] = pydantic.Field(init=False)
    a: int = 1


class Private(pydantic.BaseModel):
    a: int = 1
    _secret: int = pydantic.PrivateAttr(default=5)
    _made: list[int] = pydantic.PrivateAttr(default_factory=list)


class PostInitModel(pydantic.BaseModel):
    a: int = 1
    _seen: int = 0

    def model_post_init(self, context: Any, /) -> None:
        self._seen = self.a * 2


class Computed(pydantic.BaseModel):
    w: int = 1

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> int:
        return self.w * self.w


class FieldSer(pydantic.BaseModel):
    a: int = 1

    @pydantic.field_serializer("a")
    def _a(self, v: int) -> str:
        return f"<{v}>"


class ModelSer(pydantic.BaseModel):
    a: int = 1

    @pydantic.model_serializer
    def _m(self) -> dict[str, Any]:
        return {"a": self.a, "more": 1}


class WrapSer(pydantic.BaseModel):
    a: int = 1

    @pydantic.model_serializer(mode="wrap")
    def _m(self, handler: Any) -> Any:
        out = handler(self)
        out["wrapped"] = True
        return out


class Aliased(pydantic.BaseModel):
    a: int = pydantic.Field(1, alias="A")
    b: int = pydantic.Field(2, validation_alias="B")
    c: int = pydantic.Field(3, serialization_alias="C")


class AliasedByName(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=True)
    a: int = pydantic.Field(1, alias="A")


class SerializeByAlias(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(serialize_by_alias=True)
    a: int = pydantic.Field(1, alias="A")


class Excluding(pydantic.BaseModel):
    a: int = 1
    hidden: int = pydantic.Field(2, exclude=True)


class Validated(pydantic.BaseModel):
    a: int = 1
    b: str = "b"

    @pydantic.field_validator("a")
    @classmethod
    def _a(cls, v: int) -> int:
        if v < 0:
            raise ValueError("negative")
        return v + 1  # not idempotent: a reload must run it

    @pydantic.model_validator(mode="after")
    def _m(self) -> "Validated":
        self.b = self.b.upper()
        return self


class Before(pydantic.BaseModel):
    a: int = 1

    @pydantic.model_validator(mode="before")
    @classmethod
    def _m(cls, values: Any) -> Any:
        if isinstance(values, dict):
            values = {**values, "a": int(values.get("a", 0)) + 10}
        return values


class OwnInit(pydantic.BaseModel):
    a: int = 1

    def __init__(self, **kw: Any) -> None:
        kw["a"] = kw.get("a", 0) + 100
        super().__init__(**kw)


class OwnDump(pydantic.BaseModel):
    a: int = 1

    def model_dump(self, **kw: Any) -> dict[str, Any]:  # type: ignore[override]
        return {"a": self.a, "overridden": True}


class OwnDict(pydantic.BaseModel):
    a: int = 1

    def __getattr__(self, name: str) -> Any:
        if name == "ghost":
            return 1
        return super().__getattr__(name)  # type: ignore[misc]


T = TypeVar("T")


class Box(pydantic.BaseModel, Generic[T]):
    content: T


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Table(pydantic.RootModel[dict[str, Any]]):
    pass


class Base(pydantic.BaseModel):
    a: int = 1


class Derived(Base):
    b: str = "b"


class HoldsBase(pydantic.BaseModel):
    """A derived instance in ``item`` is dumped as its base, with a warning or without its fields."""

    item: Base
    items: list[Base] = []
    any_item: pydantic.SerializeAsAny[Base] = pydantic.Field(default_factory=Base)


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(pydantic.BaseModel):
    kind: Literal["dog"] = "dog"
    good: bool = True


class Unions(pydantic.BaseModel):
    u: Union[int, str, float, None] = None
    m: Union[Cat, Dog, None] = None
    d: Optional[Annotated[Union[Cat, Dog], pydantic.Field(discriminator="kind")]] = None
    lit: Literal["x", 1, None] = "x"


class Enums(pydantic.BaseModel):
    c: Colour = Colour.RED
    i: Level = Level.LOW
    w: Word = Word.YES


class EnumValues(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(use_enum_values=True)
    c: Colour = Colour.RED


class Secrets(pydantic.BaseModel):
    key: pydantic.SecretStr = pydantic.SecretStr("s")
    raw: Optional[pydantic.SecretBytes] = None


class Anything(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    a: Any = None
    b: Any = None
    o: object = None


class FrozenModel(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)
    a: int = 1
    b: str = ""


class Assigning(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(validate_assignment=True)
    a: int = 1


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    a: int = 1
    t: tuple[int, ...] = ()


class Stripping(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(str_strip_whitespace=True, str_to_lower=True)
    s: str = ""


class Constrained(pydantic.BaseModel):
    small: Annotated[int, pydantic.Field(ge=0, le=10)] = 1
    short: Annotated[str, pydantic.StringConstraints(max_length=5)] = ""


class HoldsDataclass(pydantic.BaseModel):
    d: Plain = pydantic.Field(default_factory=lambda: Plain("n"))
    o: Options = {}
    p: Point = Point(1, 2)


class HoldsMessages(pydantic.BaseModel):
    messages: list[AnyMessage] = []
    last: Optional[BaseMessage] = None


class StrKeys(pydantic.BaseModel):
    k: dict[str, str] = {}


class Slotful(pydantic.BaseModel):
    __slots__ = ("_extra_slot",)
    a: int = 1


class ClassVars(pydantic.BaseModel):
    limit: ClassVar[int] = 3
    a: int = 1


class CachedProp(pydantic.BaseModel):
    a: int = 1

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def c(self) -> list[int]:
        return [self.a]


class DefaultFactories(pydantic.BaseModel):
    a: list[int] = pydantic.Field(default_factory=list)
    b: dict[str, int] = pydantic.Field(default_factory=dict)
    c: list[int] = pydantic.Field(default_factory=lambda: [1, 2])
    d: str = pydantic.Field(default_factory=lambda: "made")


class NoFields(pydantic.BaseModel):
    pass


class WithDictField(pydantic.BaseModel):
    """Field names that the encoder's duck typing asks for."""

    node: Any = None
    arg: Any = None
    get_secret_value: Any = None


class MyHuman(HumanMessage):
    mood: str = "fine"


class MyAI(AIMessage):
    """A subclass without fields of its own."""


class LoudTool(ToolMessage):
    def model_dump(self, **kw: Any) -> dict[str, Any]:  # type: ignore[override]
        return {**super().model_dump(**kw), "content": "LOUD"}


@pydantic.dataclasses.dataclass
class PydDataclass:
    a: int = 1
    b: Optional[str] = None


class Registered(pydantic.BaseModel):
    """The one the allow-list tests allow."""

    a: int = 1


class Unregistered(pydantic.BaseModel):
    a: int = 1


# --- pydantic v1 ----------------------------------------------------------------------------------


class V1Scalars(pydantic.v1.BaseModel):
    name: str
    count: int = 0
    note: Optional[str] = None


class V1Nested(pydantic.v1.BaseModel):
    one: V1Scalars
    some: list[V1Scalars] = []


class V1Extra(pydantic.v1.BaseModel):
    class Config:
        extra = "allow"

    a: int = 1


class V1Private(pydantic.v1.BaseModel):
    a: int = 1
    _p: int = pydantic.v1.PrivateAttr(3)


class V1Validated(pydantic.v1.BaseModel):
    a: int = 1

    @pydantic.v1.validator("a")
    def _a(cls, v: int) -> int:
        if v < 0:
            raise ValueError("negative")
        return v + 1


class V1Dict(pydantic.v1.BaseModel):
    a: int = 1

    def dict(self, **kw: Any) -> dict[str, Any]:  # type: ignore[override]
        return {"a": self.a, "mine": 1}


class V1Secret(pydantic.v1.BaseModel):
    key: pydantic.v1.SecretStr = pydantic.v1.SecretStr("s")


# --- others ---------------------------------------------------------------------------------------


class Unserializable:
    def __repr__(self) -> str:
        return "<Unserializable>"


class Secretive:
    def __init__(self, value: Any) -> None:
        self.value = value

    def get_secret_value(self) -> Any:
        return self.value


class DictLike:
    """pydantic v1 by duck typing."""

    def __init__(self, **kw: Any) -> None:
        self.kw = kw

    def dict(self) -> dict[str, Any]:
        return self.kw

    @classmethod
    def construct(cls, **kw: Any) -> "DictLike":
        return cls(**kw)


class DumpLike:
    """pydantic v2 by duck typing; its constructor refuses keywords, model_construct takes them."""

    def __init__(self, kw: Any = None) -> None:
        self.kw = kw

    def model_dump(self) -> Any:
        return {"a": self.kw}

    @classmethod
    def model_construct(cls, **kw: Any) -> "DumpLike":
        return cls(kw)


class DumpNotMapping:
    def model_dump(self) -> Any:
        return [1, 2]


class AsdictLike:
    def __init__(self, **kw: Any) -> None:
        self.kw = kw

    def _asdict(self) -> dict[str, Any]:
        return self.kw


class SendLike:
    """SendProtocol by duck typing."""

    def __init__(self, node: Any, arg: Any, timeout: Any = None) -> None:
        self.node = node
        self.arg = arg
        if timeout is not None:
            self.timeout = timeout

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SendLike)


class MyError(Exception):
    def __init__(self, a: Any, b: Any = 2) -> None:
        super().__init__(a, b)


class ReprError(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class UnhashableKey:
    __hash__ = None  # type: ignore[assignment]
