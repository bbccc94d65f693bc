"""Graphs of objects for deep copies, made twice alike, and what of two copies must be equal."""

from __future__ import annotations

import collections
import copy
import datetime
import decimal
import fractions
import random
import re
import uuid
import weakref
from typing import Any, Callable


class Plain:
    """Attributes in a dict."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Slotted:
    """Attributes in slots."""

    __slots__ = ("left", "right")

    def __init__(self, left: Any, right: Any = None) -> None:
        self.left, self.right = left, right


class Own:
    """A __deepcopy__ that notes what its memo holds."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.known = inner, -1

    def __deepcopy__(self, memo: dict[int, Any]) -> Own:
        made = Own(None)
        made.known = len([key for key in memo if key != id(memo)])
        memo[id(self)] = made
        made.inner = copy.deepcopy(self.inner, memo)
        return made


class Same:
    """Its own copy."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Same:
        return self


class Reduced:
    """Made by a call."""

    def __init__(self, *given: Any) -> None:
        self.given = given

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Reduced, self.given, {"protocol": protocol}


class Refusing:
    """Can't be copied."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle this")


class Failing:
    """Its __deepcopy__ fails."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        raise ValueError("no copies of this")


class Dict(dict):  # type: ignore[type-arg]
    """A subclass."""


class List(list):  # type: ignore[type-arg]
    """A subclass."""


class Tuple(tuple):  # type: ignore[type-arg]
    """A subclass."""


class Str(str):
    """A subclass."""


class Int(int):
    """A subclass."""


class Hashed:
    """A key with Python's own hash and equality."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __hash__(self) -> int:
        return self.value % 3

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hashed) and other.value == self.value


def function() -> None:
    """An atomic."""


ATOMS: list[Any] = [
    None, True, False, 0, 1, -7, 2**70, 1.5, float("inf"), "", "a", "é", "日本", "x" * 300, b"", b"ab", 3j, range(3),
    Ellipsis, NotImplemented, int, Plain, function, len, property(), weakref.ref(Plain), (), (1, "a"), frozenset(),
]  # fmt: skip

ODD: list[Callable[[random.Random, Callable[[], Any]], Any]] = [
    lambda r, v: Plain(a=v(), b=v()),
    lambda r, v: Slotted(v(), v()),
    lambda r, v: Own(v()),
    lambda r, v: Same(),
    lambda r, v: Reduced(v(), v()),
    lambda r, v: Dict(a=v()),
    lambda r, v: List([v(), v()]),
    lambda r, v: Tuple([v()]),
    lambda r, v: Str("s"),
    lambda r, v: Int(5),
    lambda r, v: {Hashed(1): v(), Hashed(4): v()},
    lambda r, v: {(1, ("deep", 2)): v(), Plain: v()},
    lambda r, v: {Hashed(3), "a"},
    lambda r, v: collections.OrderedDict(a=v(), b=1),
    lambda r, v: collections.deque([v()]),
    lambda r, v: collections.defaultdict(list, a=[v()]),
    lambda r, v: bytearray(b"abc"),
    lambda r, v: datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
    lambda r, v: decimal.Decimal("1.50"),
    lambda r, v: fractions.Fraction(1, 3),
    lambda r, v: uuid.UUID(int=7),
    lambda r, v: re.compile("a+"),
    lambda r, v: vars(Plain(a=v(), b=v())),
]

BAD: list[Callable[[], Any]] = [Refusing, Failing]


def graph(seed: int, odd: float, bad: float, size: int) -> Any:
    """Return a graph with shared references and cycles; the same for the same arguments."""
    r = random.Random(seed)
    made: list[Any] = []
    left = [size]

    def value(depth: int = 0) -> Any:
        left[0] -= 1
        if left[0] < 0 or depth > 12 or r.random() < 0.4:
            return r.choice(ATOMS)
        if made and r.random() < 0.2:
            return r.choice(made)
        if r.random() < bad:
            return r.choice(BAD)()
        if r.random() < odd:
            found = r.choice(ODD)(r, lambda: value(depth + 1))
            made.append(found)
            return found
        kind = r.randrange(6)
        if kind == 0:
            result: Any = []
            made.append(result)
            result.extend(value(depth + 1) for _ in range(r.randrange(6)))
        elif kind in (1, 2):
            result = {}
            made.append(result)
            for index in range(r.randrange(6)):
                key = r.choice([f"key{index}", index, (index, "t"), float(index), None, b"k"])
                result[key] = value(depth + 1)
            for key in [key for key in result if r.random() < 0.1]:
                del result[key]
        elif kind == 3:
            result = tuple(value(depth + 1) for _ in range(r.randrange(5)))
            made.append(result)
        elif kind == 4:
            result = {r.choice(["a", 1, 2.5, None, b"b", "long text", 10**20]) for _ in range(5)}
            made.append(result)
        else:
            result = frozenset(r.sample(range(100), r.randrange(6)))
            made.append(result)
        return result

    # the root holds all: cycles close here
    root: list[Any] = [value() for _ in range(4)]
    for found in made:
        if type(found) is list and r.random() < 0.2:
            found.append(root if r.random() < 0.5 else r.choice(made))
        elif type(found) is dict and r.random() < 0.2:
            found["back"] = root if r.random() < 0.5 else r.choice(made)
    return root


def _parts(value: Any) -> list[Any]:
    kind = type(value)
    if issubclass(kind, dict):
        return [part for pair in value.items() for part in pair]
    if issubclass(kind, (list, tuple, set, frozenset, collections.deque)):
        return [*value]
    if isinstance(value, Slotted):
        return [value.left, value.right]
    if isinstance(value, Plain):
        return [*vars(value).items()] and [part for pair in vars(value).items() for part in pair]
    if isinstance(value, Own):
        return [value.inner]
    if isinstance(value, Reduced):
        return [value.given, vars(value).get("protocol")]
    return []


def shape(value: Any, originals: dict[int, int]) -> list[Any]:
    """Return a copy's structure: types in order, values of leaves, which places are one object, which are the original's."""
    seen: dict[int, int] = {}
    kept: list[Any] = []
    rows: list[Any] = []
    stack = [value]
    while stack:
        found = stack.pop()
        if id(found) in seen:
            rows.append(seen[id(found)])
            continue
        number = seen[id(found)] = len(seen)
        kept.append(found)
        parts = _parts(found)
        leaf = "" if parts or isinstance(found, (Own, Hashed, Same, Plain)) else repr(found)[:80]
        known = found.known if isinstance(found, Own) else None
        rows.append((number, type(found), len(parts), leaf, originals.get(id(found), -1), known))
        stack.extend(reversed(parts))
    return rows


def places(value: Any) -> dict[int, int]:
    """Return the number of each object of a graph by its id."""
    seen: dict[int, int] = {}
    stack = [value]
    while stack:
        found = stack.pop()
        if id(found) not in seen:
            seen[id(found)] = len(seen)
            stack.extend(reversed(_parts(found)))
    return seen
