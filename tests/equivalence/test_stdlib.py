"""The standard library's types, each as the extension type the library gives it."""

from __future__ import annotations

import collections
import datetime
import ipaddress
import pathlib
import re
import zoneinfo
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import models as m
from support import values as v
from support.check import check_all, check_dump
from support.outcome import outcome
from support.plugin import examples
from support.sides import default_pair

_KINDS = {
    "uuid": v.uuids(),
    "datetime": v.datetimes(),
    "date": v.dates(),
    "time": v.times(),
    "timedelta": v.timedeltas(),
    "tzinfo": v.tzinfos(),
    "decimal": v.decimals(),
    "path": v.paths(),
    "address": v.addresses(),
    "pattern": v.patterns(),
    "enum": v.enums(),
    "set": v.sets(),
    "exception": v.exceptions(),
    "duck": v.duck_typed(),
    "refused": v.refused(),
}


@pytest.mark.parametrize("kind", _KINDS)
@examples(60)
@given(data=st.data())
def test_kind(kind: str, data: st.DataObject) -> None:
    """Batches of one kind."""
    check_all(data.draw(st.lists(_KINDS[kind], min_size=12, max_size=12)))


@examples(200)
@given(
    st.lists(
        v.containers(st.one_of(v.library_objects(), v.small_scalars())), min_size=8, max_size=8
    )
)
def test_inside_containers(values: list[Any]) -> None:
    """As values in lists, tuples and dicts, and inside each other."""
    check_all(values)


def _shadowed() -> Any:
    network = ipaddress.ip_network("10.0.0.0/8")
    network.__dict__["dict"] = lambda: {"mine": 1}
    return network


def _endless() -> Any:
    endless: collections.deque[Any] = collections.deque()
    endless.append(endless)
    return endless


class _Steps(collections.deque):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        return iter("abc")


class _Offset(datetime.timedelta):
    pass


_MISFITS: dict[str, Callable[[], Any]] = {
    "address without a number": lambda: ipaddress.IPv4Address.__new__(ipaddress.IPv4Address),
    "network without anything": lambda: ipaddress.IPv6Network.__new__(ipaddress.IPv6Network),
    "network with a dict of its own": _shadowed,
    "deque in itself": _endless,
    "deque of what is refused": lambda: collections.deque([1, object()]),
    "deque of models and exceptions": lambda: collections.deque([m.Scalars(name="x"), KeyError(1)]),
    "deque that iterates otherwise": lambda: _Steps([1, 2]),
    "deque of surrogates": lambda: collections.deque(["\ud800"]),
    "path with surrogates": lambda: pathlib.Path("a/\udc80"),
    "time of a zone of the user's": lambda: datetime.time(1, tzinfo=m.MyZone()),
    "zone of a subclass's offset": lambda: datetime.timezone(_Offset(hours=1)),
    "zone of a subclass's name": lambda: datetime.timezone(datetime.timedelta(0), m.MyStr("x")),
    "zone of a key of another type": lambda: _with_key({"a": object}),
    "zone without a key": lambda: _with_key(None),
    "pattern of a subclass": lambda: re.compile(m.MyStr("x+")),
    "pattern of many flags": lambda: re.compile("x", re.VERBOSE | re.ASCII | re.MULTILINE),
}


def _with_key(key: Any) -> Any:
    import io

    # version, no transitions, one type: UTC
    header = b"TZif" + b"\0" * 16 + b"\0\0\0\0" * 4 + b"\0\0\0\1" + b"\0\0\0\4"
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(header + b"\0" * 6 + b"UTC\0"), key=key)


@pytest.mark.parametrize("name", _MISFITS)
def test_misfits(name: str) -> None:
    """Alone, beside a planned object, and inside one."""
    for around in (
        lambda x: x,
        lambda x: [m.Plain(1), x, x],
        lambda x: {"a": x, "b": "more"},
        lambda x: m.Plain(x),
        lambda x: collections.deque([x]),
    ):
        check_dump(around(_MISFITS[name]()))


def test_paths_keep_what_they_computed() -> None:
    """The original's reading of parts fills a Path's caches, and so does ours."""

    def filled(dump: Callable[[Any], Any]) -> list[str]:
        path = pathlib.Path("a/b") / "c"
        dump([path])
        names = {name for cls in type(path).__mro__ for name in getattr(cls, "__slots__", ())}
        return sorted(name for name in names - {"__weakref__"} if hasattr(path, name))

    pair = default_pair()
    assert filled(pair.ours.dumps_typed) == filled(pair.theirs.dumps_typed)


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        (ipaddress.IPv4Address, "__str__", lambda self: "mine"),
        (ipaddress.IPv4Address, "dict", lambda self: {"mine": 1}),
        (ipaddress.IPv4Address, "_string_from_ip_int", classmethod(lambda cls, ip: f"mine {ip}")),
        (pathlib.PurePath, "parts", property(lambda self: ("mine",))),
        (pathlib.PosixPath, "__getattr__", lambda self, name: None),
        (zoneinfo.ZoneInfo, "model_dump", lambda self: {"mine": 1}),
    ],
)
def test_classes_that_were_patched(
    cls: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also once their plan is known, and when they are what they were again."""
    values = [
        ipaddress.IPv4Address(7),
        pathlib.Path("a/b"),
        zoneinfo.ZoneInfo("Europe/Berlin"),
    ]
    check_dump(values)
    try:
        monkeypatch.setattr(cls, name, value, raising=False)
    except TypeError:
        pytest.skip("immutable")
    check_dump(values)
    monkeypatch.undo()
    check_dump(values)
    assert outcome(default_pair().ours.dumps_typed, values).error is None
