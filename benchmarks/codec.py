"""Rows of the codec: JsonPlusSerializer.dumps_typed and loads_typed, patched against their originals."""

from __future__ import annotations

import functools
import types
from typing import Any, Callable, Iterator, List, Optional, Tuple

import ormsgpack
from langgraph.checkpoint.serde import jsonplus
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from benchmarks import data
from benchmarks.equality import canonical
from benchmarks.harness import Bar, Case, Result, Row, at_least, at_most, measure, never_slower

ATTEMPTS = 5


def original(name: str) -> Callable[[Any], Any]:
    """The unpatched method, bound as the patched one is."""
    patched = getattr(JsonPlusSerializer, name)
    wrapped = getattr(patched, "__wrapped__", None)
    if wrapped is None:
        raise RuntimeError(
            "JsonPlusSerializer.%s is not patched: import fast_langgraph first" % name
        )
    return types.MethodType(wrapped, serializer())


@functools.cache
def serializer() -> JsonPlusSerializer:
    """With the classes of these benchmarks on its allow-list, as users are told to; both sides use it."""
    return JsonPlusSerializer(allowed_msgpack_modules=[data.Step, data.Customer, data.Address])


def same_values(left: Any, right: Any) -> bool:
    """Equal with types, order and what models keep."""
    return bool(canonical(left) == canonical(right))


def dumps(name: str, value: Any, bar: Optional[Bar], must_serve: bool = False, **more: Any) -> Case:
    """A row of dumps_typed."""
    return Case(
        "%s: dumps" % name,
        original("dumps_typed"),
        serializer().dumps_typed,
        value,
        bar,
        patch="langgraph.dumps_typed",
        must_serve=must_serve,
        **more,
    )


def loads(name: str, value: Any, bar: Optional[Bar], must_serve: bool = False, **more: Any) -> Case:
    """A row of loads_typed on what the original stores; dropping the result is part of the time."""
    return Case(
        "%s: loads" % name,
        original("loads_typed"),
        serializer().loads_typed,
        original("dumps_typed")(value),
        bar,
        patch="langgraph.loads_typed",
        must_serve=must_serve,
        same=same_values,
        **more,
    )


def both(
    name: str,
    value: Any,
    to_dump: Bar,
    to_load: Bar = never_slower,
    must_serve: Tuple[bool, bool] = (True, False),
) -> List[Result]:
    """Both directions, measured; *must_serve* says for each whether only Java counts."""
    return [
        _measure(dumps(name, value, to_dump, must_serve[0])),
        _measure(loads(name, value, to_load, must_serve[1])),
    ]


def _measure(case: Case) -> Result:
    return measure(case, ATTEMPTS if case.bar == never_slower else 2)


def noop() -> List[Result]:
    """The cost of entering Java and coming back, beside len(); loop and argument are part of both."""
    from fast_jvm import _state

    function = _state.state.builtins["noop"].function
    case = Case(
        "no-op builtin, beside len([])", len, function, [], at_most(50e-9), same=_len_and_none
    )
    return [measure(case, ATTEMPTS)]


def _len_and_none(left: Any, right: Any) -> bool:
    return left == 0 and right is None


ALWAYS, NEED_NOT = (True, True), (False, False)


def messages(again: str = "") -> List[Result]:
    """200 messages of a support conversation."""
    name = "200 LangChain messages"
    found = both(name + again, data.messages(200), at_least(12), at_least(8), ALWAYS)
    if not again:
        name += ", OpenAI's token details"
        found += both(name, data.messages(200, details=True), never_slower, must_serve=ALWAYS)
    return found


def dataclass_steps() -> List[Result]:
    """Ext 2 in the wire format."""
    return both("200 dataclasses", data.dataclass_steps(200), at_least(40))


def pydantic_models() -> List[Result]:
    """Models of the user's own."""
    return both("200 pydantic models", data.pydantic_customers(200), at_least(3))


def identities() -> List[Result]:
    """Ext 0 and ext 3."""
    return both("200 × (UUID, datetime)", data.identities(200), at_least(8))


def plain_dict() -> List[Result]:
    """Against ormsgpack itself, called with the original's options."""
    value = data.plain_dict()
    option = jsonplus._option
    packed = original("dumps_typed")(value)
    size = "%.0f KB plain dict, against ormsgpack" % (len(packed[1]) / 1000)
    to_dump = dumps(size, value, at_least(1.1), must_serve=True)
    to_dump.original = functools.partial(ormsgpack.packb, option=option)
    to_dump.same = lambda left, right: bool(left == right[1])
    to_load = loads(size, value, at_least(1.2), must_serve=True)
    unpack = functools.partial(ormsgpack.unpackb, option=ormsgpack.OPT_NON_STR_KEYS)
    ours = to_load.ours
    pair, blob = to_load.argument, to_load.argument[1]
    to_load.argument = blob
    to_load.original = unpack
    to_load.ours = _with_type(ours, pair)
    return [measure(to_dump, 3), measure(to_load, 3)]


def _with_type(function: Callable[[Any], Any], pair: Tuple[str, bytes]) -> Callable[[Any], Any]:
    """Takes the blob alone, as ormsgpack does; costs ours one more call."""
    return lambda blob: function(pair)


def small() -> List[Result]:
    """What is named as never slower, and the ints that have to be faster."""
    found = both("one message", data.messages(2)[1:], never_slower, must_serve=NEED_NOT)
    found += both("an empty dict", {}, never_slower, must_serve=NEED_NOT)
    found += both('"abc"', "abc", never_slower, must_serve=NEED_NOT)
    found += both("a 10 MB string", "x" * 10_000_000, never_slower, must_serve=NEED_NOT)
    found += both("1e5 ints", data.integers(100_000), at_least(1.5))
    return found


def texts() -> List[Result]:
    """Texts beyond ASCII. A str keeps its UTF-8 once somebody asked: new strings and known ones both count."""
    found: List[Result] = []
    for kind in ("latin-1", "bmp", "astral"):
        for length in (12, 400, 20_000, 500_000):
            name = "%s text of %d" % (kind, length)
            value = data.text(kind, length)
            found.append(_measure(dumps(name, value, never_slower, budget=0.4, warm=0.2)))
            new = functools.partial(data.text, kind, length)
            found.append(
                _measure(
                    dumps(name + ", new", value, never_slower, fresh=new, budget=0.4, warm=0.2)
                )
            )
            found.append(_measure(loads(name, value, never_slower, budget=0.4, warm=0.2)))
    return found


LADDER = (1, 10, 100, 1_000, 10_000, 100_000)
SHAPES: "dict[str, tuple[Callable[[int], Any], int]]" = {
    "ints": (data.integers, 100_000),
    "floats": (lambda count: [number / 7 for number in range(count)], 100_000),
    "short strings": (lambda count: ["customer %d" % number for number in range(count)], 100_000),
    "dict of strings": (
        lambda count: {"key %d" % number: "value %d" % number for number in range(count)},
        100_000,
    ),
    "bools and None": (
        lambda count: [(True, False, None)[number % 3] for number in range(count)],
        100_000,
    ),
    "bytes": (lambda count: [b"%d" % number for number in range(count)], 100_000),
    "dicts in a list": (
        lambda count: [
            {"id": number, "name": "n%d" % number, "on": True} for number in range(count)
        ],
        10_000,
    ),
    "plain records": (lambda count: data.plain_dict(count), 1_000),
    "ascii text": (lambda count: data.text("ascii", count), 100_000),
    "latin-1 strings": (
        lambda count: [data.text("latin-1", 9 + number % 30) for number in range(count)],
        10_000,
    ),
    "bmp strings": (
        lambda count: [data.text("bmp", 9 + number % 30) for number in range(count)],
        10_000,
    ),
    "messages": (lambda count: data.messages(count, details=True), 1_000),
    "dataclasses": (data.dataclass_steps, 1_000),
    "pydantic models": (data.pydantic_customers, 1_000),
    "UUID, datetime": (data.identities, 1_000),
}


def ladder() -> List[Result]:
    """Every shape at every size, both ways: the place where "never slower at any size" is looked at."""
    return [
        measure(case, ATTEMPTS)
        for shape, (make, largest) in SHAPES.items()
        for size in LADDER
        if size <= largest
        for case in _rungs("%s × %d" % (shape, size), make(size))
    ]


def _rungs(name: str, value: Any) -> Iterator[Case]:
    yield dumps(name, value, never_slower, budget=0.15, warm=0.1)
    yield loads(name, value, never_slower, budget=0.15, warm=0.1)


def messages_again() -> List[Result]:
    """The same as the first rows, after the JVM has seen every other shape."""
    return messages(", after all other rows")


ROWS = [
    Row("noop", noop),
    Row("messages", messages),
    Row("dataclasses", dataclass_steps),
    Row("pydantic", pydantic_models),
    Row("identities", identities),
    Row("plain", plain_dict),
    Row("small", small),
    Row("texts", texts),
    Row("ladder", ladder),
    Row("messages-again", messages_again),
]
