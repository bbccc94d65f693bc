"""Who may be rebuilt: every allow-list mode, with its warnings and events."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde import _msgpack, jsonplus

from support import models as m
from support import objects as o
from support import values as v
from support.check import check, check_all, check_load
from support.outcome import assert_same_outcome, outcome
from support.plugin import examples
from support.sides import ACCELERATED, Pair, counters, default_pair, pair

NEVER_WIDER = pytest.mark.line(
    "security",
    "deserialization: every allow-list, forged data",
    "what the original builds, no more",
)
_KEYS = [
    ("support.models", "Plain"),
    ("support.models", "Scalars"),
    ("support.models", "Colour"),
    ("support.models", "Registered"),
]


def _modes() -> dict[str, Pair]:
    return {
        "true": pair(allowed_msgpack_modules=True),
        "none": pair(allowed_msgpack_modules=None),
        "empty": pair(allowed_msgpack_modules=[]),
        "false": pair(allowed_msgpack_modules=False),
        "set": pair(allowed_msgpack_modules=set(_KEYS)),
        "classes": pair(
            allowed_msgpack_modules=[m.Registered, m.Slotted, ("support.models", "Point")]
        ),
        "clone": pair(allowed_msgpack_modules=None).map(
            lambda s: s.with_msgpack_allowlist([m.Plain, *_KEYS])
        ),
        "clone_of_set": pair(allowed_msgpack_modules=_KEYS[:1]).map(
            lambda s: s.with_msgpack_allowlist([m.Frozen])
        ),
        "clone_of_true": default_pair().map(lambda s: s.with_msgpack_allowlist([m.Frozen])),
        "clone_unchanged": pair(allowed_msgpack_modules=_KEYS).map(
            lambda s: s.with_msgpack_allowlist(_KEYS)
        ),
        "odd_entries": pair(allowed_msgpack_modules=[("a",), ("support.models", "Plain", "x"), ()]),
    }


MODES = _modes()
_objects = st.one_of(
    o.typed_models(),
    o.dataclass_objects(v.small_plain()),
    o.messages(),
    v.library_objects(),
    o.library_types(),
    v.duck_typed(),
    o.v1_models(),
    o.secrets(),
)


@NEVER_WIDER
@pytest.mark.parametrize("mode", MODES)
@examples(40)
@given(data=st.data())
def test_mode(mode: str, data: st.DataObject) -> None:
    """Blocked types come back as their stored payload."""
    check_all(data.draw(st.lists(_objects, min_size=8, max_size=8)), MODES[mode])


@NEVER_WIDER
@pytest.mark.parametrize("mode", MODES)
def test_well_known(mode: str) -> None:
    """The fixed selection in every mode, alone and together."""
    check_all(o.well_known(), MODES[mode])


def _ext(code: int, payload: Any) -> bytes:
    return ormsgpack.packb(ormsgpack.Ext(code, jsonplus._msgpack_enc(payload)))


FORGED: list[Any] = [
    ("os", "system", "true"),
    ("support.models", "Plain", {"name": 1}),
    ("support.models", "Plain", ["a", 2]),
    ("support.models", "Missing", [1]),
    ("no.such.module", "X", [1]),
    ("support.models", "Plain"),
    ("support.models",),
    (),
    [],
    None,
    5,
    "abc",
    {"0": 1},
    {0: "support.models", 1: "Plain", 2: {"name": 3}},
    (["unhashable"], "x", 1),
    (1, 2, 3),
    (None, None, None),
    (b"support.models", b"Plain", 1),
    ("builtins", "set", [[]]),
    ("builtins", "set", 5),
    ("builtins", "eval", "1+1"),
    ("uuid", "UUID", "zz"),
    ("uuid", "UUID", "00000000000000000000000000000005"),
    ("uuid", "UUID", "00000000-0000-0000-0000-000000000005"),
    ("uuid", "UUID", "{00000000000000000000000000000005}"),
    ("uuid", "UUID", "urn:uuid:00000000000000000000000000000005"),
    ("uuid", "UUID", "0000000000000000000000000000000_"),
    ("uuid", "UUID", "+000000000000000000000000000000f"),
    ("uuid", "UUID", "٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠١"),
    ("uuid", "UUID", "0000000000000000000000000000000F"),
    ("uuid", "UUID", 5),
    ("uuid", "UUID", None),
    ("uuid", "UUID", b"0" * 32),
    ("uuid", "UUID", ["00000000000000000000000000000005"]),
    ("datetime", "datetime", [2024, 1, 2]),
    ("datetime", "datetime", [2024, 13, 2]),
    ("datetime", "date", [2024, 1, 2]),
    ("datetime", "date", [2024, 2, 30]),
    ("datetime", "date", [True, 1, 2]),
    ("datetime", "date", [2024.0, 1, 2]),
    ("datetime", "timedelta", [1, 2, 3]),
    ("datetime", "timedelta", [1.5, 2, 3]),
    ("datetime", "timedelta", [10**9 - 1, 10**12, 10**17]),
    ("datetime", "timezone", [5]),
    ("datetime", "time", {"hour": 25}),
    (
        "datetime",
        "time",
        {"hour": 1, "minute": 2, "second": 3, "microsecond": 4, "tzinfo": None, "fold": 1},
    ),
    ("decimal", "Decimal", "x"),
    ("decimal", "Decimal", [0, [1], 2]),
    ("collections", "deque", [1]),
    ("builtins", "frozenset", [1, 1, 2]),
    ("pathlib", "Path", ["a", "b"]),
    ("pathlib", "PosixPath", ["a", 1]),
    ("re", "compile", ["(", 0]),
    ("re", "compile", ["a", 2]),
    ("ipaddress", "IPv4Address", "1.2.3"),
    ("zoneinfo", "ZoneInfo", "No/Where"),
    ("langgraph.types", "Send", ["n", 1]),
    ("langgraph.types", "Send", ["n", 1, 2.0]),
    ("langgraph.types", "Send", ["n", 1, {"a": 1}]),
    ("langgraph.types", "Send", ["n"]),
    ("langgraph.types", "Send", {"n": 1, "m": 2}),
    ("langgraph.types", "Send", {"node": "n", "arg": 1}),
    ("langgraph.types", "Command", {"goto": "x"}),
    ("langgraph.types", "Command", {"nope": "x"}),
    ("langgraph.types", "Interrupt", {"value": 1, "id": "i"}),
    ("langgraph.types", "Interrupt", {"value": 1, "ns": ["a"], "resumable": True}),
    (
        "langgraph.store.base",
        "Item",
        {
            "value": {},
            "key": "k",
            "namespace": ["a"],
            "created_at": "2024-01-01",
            "updated_at": "x",
        },
    ),
    ("langchain_core.messages.human", "HumanMessage", {"content": "x"}),
    ("langchain_core.messages.human", "HumanMessage", {"content": "x", "type": "ai"}),
    ("langchain_core.messages.human", "HumanMessage", {"content": 5}),
    ("langchain_core.messages.human", "HumanMessage", {"content": "x", "id": 5}),
    ("langchain_core.messages.human", "HumanMessage", {"content": "x", "name": 5}),
    ("langchain_core.messages.human", "HumanMessage", {"content": "x", "odd": 5, "type": "human"}),
    ("langchain_core.messages.human", "HumanMessage", {"content": ["a", {"b": 1}, 3]}),
    ("langchain_core.messages.human", "HumanMessage", {"content": [{"b": 1}, {1: 2}]}),
    ("langchain_core.messages.human", "HumanMessage", {1: 2}),
    ("langchain_core.messages.human", "HumanMessage", {}),
    ("langchain_core.messages.human", "HumanMessage", "x"),
    ("langchain_core.messages.human", "HumanMessage", ["x"]),
    ("langchain_core.messages.human", "HumanMessage", None),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {"content": "", "tool_calls": [{"name": "f", "args": {}, "id": "1"}]},
    ),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {"content": "", "tool_calls": [{"args": {}, "name": "f", "id": "1", "type": "tool_call"}]},
    ),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {"content": "", "tool_calls": [{"name": "f", "args": {}, "id": "1", "type": "x"}]},
    ),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {"content": "", "tool_calls": [{"name": "f", "args": [], "id": "1"}]},
    ),
    ("langchain_core.messages.ai", "AIMessage", {"content": "", "tool_calls": [5]}),
    ("langchain_core.messages.ai", "AIMessage", {"content": "", "tool_calls": {}}),
    ("langchain_core.messages.ai", "AIMessage", {"content": "", "tool_calls": None}),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {
            "content": "",
            "usage_metadata": {"input_tokens": 1.0, "output_tokens": 2, "total_tokens": 3},
        },
    ),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {
            "content": "",
            "usage_metadata": {"output_tokens": 2, "input_tokens": 1, "total_tokens": 3},
        },
    ),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {
            "content": "",
            "usage_metadata": {"input_tokens": True, "output_tokens": "2", "total_tokens": 3},
        },
    ),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {"content": "", "usage_metadata": {"input_tokens": 1}},
    ),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {
            "content": "",
            "additional_kwargs": {
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]
            },
        },
    ),
    (
        "langchain_core.messages.ai",
        "AIMessage",
        {
            "content": "",
            "additional_kwargs": {
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]
            },
            "tool_calls": [],
        },
    ),
    ("langchain_core.messages.tool", "ToolMessage", {"content": "x", "tool_call_id": 5}),
    ("langchain_core.messages.tool", "ToolMessage", {"content": 5, "tool_call_id": "5"}),
    ("langchain_core.messages.tool", "ToolMessage", {"content": [1, "a"], "tool_call_id": "5"}),
    ("langchain_core.messages.tool", "ToolMessage", {"content": "x"}),
    (
        "langchain_core.messages.tool",
        "ToolMessage",
        {"content": "x", "tool_call_id": "5", "status": "odd"},
    ),
    (
        "langchain_core.messages.tool",
        "ToolMessage",
        {"content": "x", "tool_call_id": "5", "artifact": {"a": [1]}},
    ),
    ("langchain_core.messages.modifier", "RemoveMessage", {"id": "x", "content": ""}),
    ("langchain_core.messages.modifier", "RemoveMessage", {"id": "x", "content": "y"}),
    ("langchain_core.messages.chat", "ChatMessage", {"content": "x", "role": "r"}),
    (
        "langchain_core.documents.base",
        "Document",
        {"page_content": "p", "metadata": {"a": 1}, "id": 5},
    ),
    (
        "langchain_core.documents.base",
        "Document",
        {"page_content": "p", "type": "Document", "lost": 1},
    ),
    ("datetime", "datetime", "2024-01-02T03:04:05", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05.123456+05:30", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05Z", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02 03:04", "fromisoformat"),
    ("datetime", "datetime", "20240102T030405", "fromisoformat"),
    ("datetime", "datetime", "2024-W01-1", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T24:00:00", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05.1", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05,123", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05.123456789", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05+00:00", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05+23:59:59.999999", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05-00:00", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05+24:00", "fromisoformat"),
    ("datetime", "datetime", "2024-01-02é03:04:05", "fromisoformat"),
    ("datetime", "datetime", "٢٠٢٤-01-02T03:04:05", "fromisoformat"),
    ("datetime", "datetime", "2024-02-30T03:04:05", "fromisoformat"),
    ("datetime", "datetime", "0000-01-01T00:00:00", "fromisoformat"),
    ("datetime", "datetime", "", "fromisoformat"),
    ("datetime", "datetime", "garbage", "fromisoformat"),
    ("datetime", "datetime", 5, "fromisoformat"),
    ("datetime", "datetime", "2024-01-02T03:04:05", "strptime"),
    ("datetime", "datetime", "2024-01-02T03:04:05", None),
    ("datetime", "datetime", "2024-01-02T03:04:05", ["x"]),
    ("datetime", "date", "2024-01-02", "fromisoformat"),
    ("support.models", "MyDatetime", "2024-01-02T03:04:05", "fromisoformat"),
    ("support.models", "Scalars", {"name": "a"}, "model_validate_json"),
    ("support.models", "Scalars", {"name": 5, "count": "7"}, "other"),
    ("support.models", "Scalars", {"name": "a", "count": [], "extra": 1}, "model_validate_json"),
    ("support.models", "Scalars", "not a dict", "model_validate_json"),
    ("support.models", "Validated", {"a": -1}, "model_validate_json"),
    ("support.models", "Colour", "red"),
    ("support.models", "Colour", "blue"),
    ("support.models", "Level", 1),
    ("<f8", [2], "C", b"\0" * 16),
    ("<f8", [3], "C", b"\0" * 16),
    ("<f8", [2, 1], "F", b"\0" * 16),
    ("O", [1], "C", b"\0" * 8),
    ("zz", [1], "C", b"\0" * 8),
    ("<f8", [-1], "C", b"\0" * 16),
    ("<f8", [2], "Z", b"\0" * 16),
    ("<f8", [2], "C", "text"),
    ("<f8", [2], "C"),
]


@NEVER_WIDER
@pytest.mark.parametrize("mode", ["true", "none", "set"])
def test_forged_extensions(mode: str) -> None:
    """Every payload under every code, well formed and not: same value, same warnings, same events."""
    for payload in FORGED:
        if payload and isinstance(payload, tuple) and payload[0] == "os":
            if mode == "true":
                continue
        for code in (*range(10), 127):
            blob = _ext(code, payload)
            check_load(("msgpack", blob), MODES[mode])
            check_load(("msgpack", b"\x92\x01" + blob), MODES[mode])


@NEVER_WIDER
@pytest.mark.parametrize("mode", ["true", "none"])
def test_raw_extension_data(mode: str) -> None:
    """The extension's data is no msgpack, or too much of it."""
    good = jsonplus._msgpack_enc(("uuid", "UUID", "0" * 32))
    for code in (*range(10), 126, 127, 128, 200, 255):
        for data in (
            b"",
            b"\xc1",
            b"\x93",
            good[:-1],
            good + b"\0",
            b"\xc0",
            b"\x93\xa1a\xa1b\xc7",
        ):
            head = b"\xc7" + bytes([len(data), code])
            check_load(("msgpack", head + data), MODES[mode])
            check_load(("msgpack", b"\x81\xa1k" + head + data), MODES[mode])
            check_load(("msgpack", b"\x81" + head + data + b"\x01"), MODES[mode])


_CANARY = """
done = ["imported"]
class Canary:
    def __init__(self, *args, **kwargs):
        done.append((type(self).__name__, args, kwargs))
        if kwargs: raise ValueError
    @classmethod
    def construct(cls, *args, **kwargs): done.append(("construct", args, kwargs))
    model_construct = model_validate = model_validate_json = fromisoformat = evil = construct
class Allowed(Canary): pass
def function(*args): done.append(("function", args))
"""


@NEVER_WIDER
@pytest.mark.parametrize("mode", ["true", "none", "empty", "false", "set"])
def test_what_is_imported_and_called(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole modules, constructors, methods: only those that the original would have touched."""
    monkeypatch.syspath_prepend(tmp_path)
    done: dict[str, Any] = {}
    for name in ("ours", "theirs"):
        module = f"canary_{mode}_{name}"
        (tmp_path / f"{module}.py").write_text(_CANARY)
        allowed: Any = {"true": True, "none": None, "empty": [], "false": False}.get(
            mode, [(module, "Allowed")]
        )
        serde = getattr(pair(allowed_msgpack_modules=allowed), name)
        blobs = [
            _ext(code, (module, cls, payload, method))
            for code in range(6)
            for cls in ("Allowed", "Canary", "function", "os.system", "__builtins__")
            for payload in ([], ["x"], {"x": 1}, "x")
            for method in ("fromisoformat", "evil", "__init__")
        ]
        nested = _ext(1, (module, "Canary", [ormsgpack.Ext(2, blobs[0]), {"k": [1, 2]}]))
        packed = b"\xdc" + (len(blobs) + 2).to_bytes(2, "big") + b"".join(blobs) + nested
        packed += jsonplus._msgpack_enc("x" * 1000)
        before = counters()["loads_typed"]
        result = outcome(serde.loads_typed, ("msgpack", packed))
        assert result.error is None
        if name == "ours" and ACCELERATED:
            work = counters()["loads_typed"] - before
            assert (work.calls, work.declines) == (1, 0)  # Java read it
        loaded = sys.modules.get(module)
        text = repr((result.value, result.traces)).replace(module, "canary")
        done[name] = re.sub("0x[0-9a-f]+", "0x", text), getattr(loaded, "done", [])
    assert done["ours"] == done["theirs"]
    touched = {entry[0] for entry in done["ours"][1] if isinstance(entry, tuple)}
    if mode == "true":
        assert {"Allowed", "Canary", "construct", "function"} <= touched
    else:
        assert touched <= {"Allowed", "construct"} and bool(touched) == (mode == "set")


_unpickled: list[int] = []


def _note() -> None:
    _unpickled.append(1)


class _Reduced:
    def __reduce__(self) -> Any:
        return _note, ()


@pytest.mark.line("security", "stored as pickle or json", "the original's code, never Java")
@pytest.mark.parametrize("fallback", [False, True])
def test_pickle(fallback: bool) -> None:
    """Unpickled only where the serializer was told to, as before."""
    import pickle

    blob = ("pickle", pickle.dumps(_Reduced()))
    sides = pair(pickle_fallback=fallback)
    done = []
    before = counters()["loads_typed"]
    for side in (sides.ours, sides.theirs):
        _unpickled.clear()
        result = outcome(side.loads_typed, blob)
        done.append((result.error, len(_unpickled)))
    assert done[0] == done[1] and done[0][1] == (1 if fallback else 0)
    assert counters()["loads_typed"] == before
    json_blob = ("json", b'{"lc": 2, "type": "constructor", "id": ["os", "getcwd"]}')
    check_load(json_blob, sides)
    assert counters()["loads_typed"] == before


def _hook(code: int, data: bytes) -> Any:
    return ("hooked", type(code), code, type(data), data)


def _raising(code: int, data: bytes) -> Any:
    raise LookupError("from the hook")


def _interrupting(code: int, data: bytes) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "hook",
    [
        _hook,
        _raising,
        _interrupting,
        jsonplus._msgpack_ext_hook,
        jsonplus._msgpack_ext_hook_to_json,
        5,
    ],
)
def test_custom_hooks(hook: Any) -> None:
    """A hook of the user's own sees every extension, and a clone keeps it."""
    sides = pair(__unpack_ext_hook__=hook)
    for value in o.well_known():
        check([value, 1], sides)
        check(value, sides.map(lambda s: s.with_msgpack_allowlist([m.Plain])))
        check(
            value,
            pair(__unpack_ext_hook__=hook, allowed_msgpack_modules=_KEYS).map(
                lambda s: s.with_msgpack_allowlist([m.Frozen])
            ),
        )


def test_hook_replaced_after_creation() -> None:
    """The attribute is read at each call."""
    sides = pair()
    for value in o.well_known():
        for side in (sides.ours, sides.theirs):
            side._unpack_ext_hook = _hook
        check(value, sides)
        fresh = pair(allowed_msgpack_modules=None)
        for side in (sides.ours, sides.theirs):
            side._unpack_ext_hook = fresh.theirs._unpack_ext_hook
        check(value, sides)


@NEVER_WIDER
def test_safe_types_replaced() -> None:
    """The module's own set is looked up at each check, so a replaced one counts."""
    before = _msgpack.SAFE_MSGPACK_TYPES
    values = o.well_known()
    try:
        for changed in (
            frozenset(),
            before | {("support.models", "Plain")},
            before - {("uuid", "UUID")},
            frozenset({("uuid", "UUID")}),
        ):
            _msgpack.SAFE_MSGPACK_TYPES = changed
            for mode in ("true", "none", "set"):
                check_all(values, MODES[mode])
    finally:
        _msgpack.SAFE_MSGPACK_TYPES = before
    check_all(values, MODES["none"])


def test_safe_methods_replaced() -> None:
    """The same for methods."""
    import datetime

    before = _msgpack.SAFE_MSGPACK_METHODS
    value = [
        datetime.datetime(2024, 1, 2),
        datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc),
    ]
    try:
        _msgpack.SAFE_MSGPACK_METHODS = frozenset()
        check_all(value)
        check_all(value, MODES["none"])
    finally:
        _msgpack.SAFE_MSGPACK_METHODS = before
    check_all(value)


@NEVER_WIDER
def test_allowed_set_changed_in_place() -> None:
    """The set a serializer holds is the one its hook looks into."""
    sides = pair(allowed_msgpack_modules=_KEYS)
    value = [m.Plain(1), m.Frozen(2)]
    check(value, sides)
    for side in (sides.ours, sides.theirs):
        side._allowed_msgpack_modules.add(("support.models", "Frozen"))
    check(value, sides)
    for side in (sides.ours, sides.theirs):
        side._allowed_msgpack_modules.clear()
    check(value, sides)


def test_warned_once_per_process() -> None:
    """A second load of the same type is silent on both sides, and events go on."""
    from langgraph.checkpoint.serde import event_hooks

    blob = default_pair().theirs.dumps_typed([m.Plain(1), m.Plain(2), m.Frozen(3)])
    for mode in ("true", "none"):
        seen: dict[str, list[Any]] = {}
        for name, side in (("ours", MODES[mode].ours), ("theirs", MODES[mode].theirs)):
            jsonplus._warned_unregistered_types.clear()
            jsonplus._warned_blocked_types.clear()
            events: list[Any] = []
            stop = event_hooks.register_serde_event_listener(events.append)
            try:
                side.loads_typed(blob)
                first = len(events)
                side.loads_typed(blob)
            finally:
                stop()
            seen[name] = [
                events,
                first,
                set(jsonplus._warned_unregistered_types),
                set(jsonplus._warned_blocked_types),
            ]
        assert seen["ours"] == seen["theirs"]


def test_failing_listener() -> None:
    """A listener that raises is logged; one that raises BaseException ends the load."""
    from langgraph.checkpoint.serde import event_hooks

    blob = default_pair().theirs.dumps_typed([m.Plain(1), m.Frozen(3)])
    for error in (ValueError("x"), KeyboardInterrupt()):

        def listener(event: Any, error: BaseException = error) -> None:
            raise error

        stop = event_hooks.register_serde_event_listener(listener)
        try:
            for mode in ("true", "none"):
                check_load(blob, MODES[mode])
        finally:
            stop()


def test_reviver_json_is_untouched() -> None:
    """The old json format stays with the original."""
    import json

    value = {"lc": 2, "type": "constructor", "id": ["uuid", "UUID"], "args": ["0" * 32]}
    check_load(("json", json.dumps({"a": value}).encode()))
    check_load(("json", b"[1, 2"))
    check_load(("json", b'{"lc": 2, "type": "constructor", "id": ["os", "getcwd"]}'))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        "text",
        None,
        5,
        bytearray(b"\x01"),
        memoryview(b"\x01"),
        memoryview(b"\x92\x00\x01\x00")[::2],
        m.MyBytes(b"\x01"),
        [1],
    ],
)
def test_odd_input(data: Any) -> None:
    """What is not bytes: bytearray and memoryview are read, the rest is refused."""
    for tag in (
        "msgpack",
        "null",
        "bytes",
        "bytearray",
        "pickle",
        "json",
        "odd",
        m.MyStr("msgpack"),
        None,
        5,
    ):
        check_load((tag, data))
        check_load((tag, data), pair(pickle_fallback=True)) if tag != "pickle" else None
    for odd in (
        ("msgpack",),
        (),
        ("msgpack", b"\x01", 1),
        ["msgpack", b"\x01"],
        {"msgpack": 1, "x": 2},
        None,
        5,
        "ab",
        iter(("msgpack", b"\x05")),
    ):
        if hasattr(odd, "__next__"):
            ours = outcome(default_pair().ours.loads_typed, iter(("msgpack", b"\x05")))
            theirs = outcome(default_pair().theirs.loads_typed, iter(("msgpack", b"\x05")))
            assert_same_outcome(ours, theirs)
        else:
            check_load(odd)  # type: ignore[arg-type]


@NEVER_WIDER
@pytest.mark.parametrize("value", ["1", "true", "YES", "false", ""])
def test_strict_mode(value: str) -> None:
    """LANGGRAPH_STRICT_MSGPACK is read at import: a process of its own."""
    env = {**os.environ, "LANGGRAPH_STRICT_MSGPACK": value}
    env["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).parents[1]), *filter(None, [env.get("PYTHONPATH")])]
    )
    code = (
        "from support import sides, check, objects\n"
        "sides.start()\n"
        "check.check_all(objects.well_known())\n"
        "from langgraph.checkpoint.serde import _msgpack\n"
        "print(_msgpack.STRICT_MSGPACK_ENABLED)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == str(value.lower() in ("1", "true", "yes"))


def test_plain_values_by_mode() -> None:
    """Plain data does not touch the lists."""
    for sides in MODES.values():
        check({"a": [1, 2.5, None, b"x", {"b": ()}]}, sides)
