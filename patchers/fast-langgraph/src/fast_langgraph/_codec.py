"""``JsonPlusSerializer.dumps_typed`` and ``loads_typed`` with Java behind them.

The replacements are the originals' own branches with ``_msgpack_enc`` and ``ormsgpack.unpackb``
redirected. What Java declines, or a single object inside that it has no plan for, the original
code of ``jsonplus`` encodes and decodes.
"""

from __future__ import annotations

import sys
import time
import types
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

from fast_jvm._registry import Activate, Builtins, Meter

if TYPE_CHECKING:  # names of the original's module, see _among
    import pickle

    import ormsgpack

    EMPTY_BYTES = b""


def make_dumps_typed(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of dumps_typed and its switch."""
    dumps: Callable[[Any], Any] | None = None
    metered = _metered(original, meter)

    def dumps_typed(self: Any, obj: Any) -> tuple[str, Any]:
        if dumps is None:
            return metered(self, obj)  # type: ignore[no-any-return]
        if obj is None:
            return "null", EMPTY_BYTES
        if isinstance(obj, bytes):
            return "bytes", obj
        if isinstance(obj, bytearray):
            return "bytearray", obj
        try:
            packed = dumps(obj)
        except TypeError:  # ormsgpack.MsgpackEncodeError
            if self.pickle_fallback:
                return "pickle", pickle.dumps(obj)
            raise
        if packed is NotImplemented:
            return original(self, obj)  # type: ignore[no-any-return]
        return "msgpack", packed

    def activate(builtins: Builtins | None) -> None:
        nonlocal dumps
        dumps = None if builtins is None else builtins["langgraph_dumps"]

    return _among(original, dumps_typed), activate


def make_loads_typed(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of loads_typed and its switch.

    Java gains by objects, which lie in exts, and by large maps. A pack below 40 bytes is hardly an object; one below 64 KB is
    asked for an ext's marker (0xC7, from 256 bytes on 0xC8, too); a long text (0xD9 to 0xDB) and a long list that
    starts with a scalar are ormsgpack's. What shows no object is read without the hook, which is sooner; an exception says
    that there was one after all, or that the original has to raise.

    A question costs up to a tenth of what an empty dict costs. So the numbers stand in the code, and whether Java is there
    is not asked: the switch exchanges the function's code, unless somebody put other code there. What he put calls a
    copy of the code that he found: each of the two serves in both positions of the switch.
    """
    loads: Callable[[Any, Any], Any] = _not_implemented
    option: int | None = None
    scalars = _SCALARS
    metered = serve = _metered(original, meter)

    def idle(self: Any, data: tuple[str, bytes]) -> Any:
        # a function's codes must have the same free variables
        _ = loads, option, original, scalars
        return serve(self, data)

    def live(self: Any, data: tuple[str, bytes]) -> Any:
        type_, data_ = data
        if type_ != "msgpack":
            _ = serve
            return original(self, (type_, data_))
        try:
            size = len(data_)
        except TypeError:
            size = 0
        if size >= 40:
            try:
                if size < 256:
                    if 0xC7 not in data_:
                        return ormsgpack.unpackb(data_, option=option)
                elif data_ < b"\xd9":
                    if 0xC7 not in data_ and size < 65536 and 0xC8 not in data_:
                        return ormsgpack.unpackb(data_, option=option)
                elif data_ < b"\xdc":
                    return ormsgpack.unpackb(data_)
                elif size < 65536:
                    if data_[3] in scalars or 0xC7 not in data_ and 0xC8 not in data_:
                        return ormsgpack.unpackb(data_, option=option)
            except Exception:
                pass
            else:
                value = loads(data_, self._unpack_ext_hook)
                if value is not NotImplemented:
                    return value
        return ormsgpack.unpackb(data_, ext_hook=self._unpack_ext_hook, option=option)

    # tracebacks and profilers show the name of the code
    asleep, awake = (
        version.__code__.replace(co_name=original.__name__) for version in (idle, live)
    )
    function = _among(original, idle)
    function.__code__ = asleep

    always = _among(original, function)
    always.__code__ = awake

    def activate(builtins: Builtins | None) -> None:
        nonlocal loads, option, serve
        if builtins is None:
            loads, serve = _not_implemented, metered
        else:
            loads, serve = builtins["langgraph_loads"], always
            option = original.__globals__["ormsgpack"].OPT_NON_STR_KEYS
        if function.__code__ is asleep or function.__code__ is awake:
            function.__code__ = asleep if builtins is None else awake

    return function, activate


_SCALARS = bytes([*range(0xCA, 0xD4), *range(0xE0, 0x100), *range(0xC0, 0xC7), *range(0x80)])
"""Markers of numbers, constants and bins, those first that are likely at the start of a long list."""


def _not_implemented(*_: Any) -> Any:
    return NotImplemented


def _metered(original: Callable[..., Any], meter: Meter) -> Callable[..., Any]:
    """Return the original with its cost told to the meter."""
    clock = time.thread_time_ns  # waiting for the GIL is no cost of the original

    def metered(self: Any, argument: Any) -> Any:
        start = clock()
        try:
            return original(self, argument)
        finally:
            meter(clock() - start)

    return metered


def _among(original: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with the original's globals: it uses the names that the original uses, as they are then."""
    assert isinstance(function, types.FunctionType) and isinstance(original, types.FunctionType)
    return types.FunctionType(
        function.__code__, original.__globals__, function.__name__, None, function.__closure__
    )


def encode(obj: Any, depth: int) -> bytes:
    """Have the original encode an object that stands inside ``depth`` containers: its limit on depth must hold."""
    for _ in range(depth):
        obj = [obj]
    return sys.modules["langgraph.checkpoint.serde.jsonplus"]._msgpack_enc(obj)  # type: ignore[no-any-return]


def encode_key(key: Any, depth: int) -> bytes:
    """Have the original encode a dict's key: Java takes the bytes between the map's head and its one nil."""
    return encode({key: None}, depth)


def _functions(code: Any) -> List[Any]:
    """Return a code object and all that are nested in it."""
    return [code] + [
        inner
        for const in code.co_consts
        if hasattr(const, "co_consts")
        for inner in _functions(const)
    ]


def _guards(scope: Dict[str, Any], *functions: Any) -> List[Tuple[Dict[str, Any], str, Any]]:
    """Return (dict, name, value) for every global that the functions use."""
    used = {
        name for function in functions for name in getattr(function, "__code__", function).co_names
    }
    return [(scope, sys.intern(name), scope[name]) for name in sorted(used) if name in scope]


def _attributes(*places: Tuple[str, str]) -> List[Tuple[Dict[str, Any], str, Any]]:
    """Return (dict, name, value) for attributes of modules."""
    return [
        (vars(sys.modules[module]), sys.intern(name), vars(sys.modules[module])[name])
        for module, name in places
    ]


def prepare(builtins: Builtins, warm: Callable[[str, object, int], int]) -> None:
    """Configure Java and warm it until it beats the original."""
    from . import _load_plans, _plans, _revive, _samples

    jsonplus = sys.modules["langgraph.checkpoint.serde.jsonplus"]
    ormsgpack = sys.modules["ormsgpack"]
    names = vars(jsonplus)
    lists = jsonplus._lg_msgpack
    events = sys.modules["langgraph.checkpoint.serde.event_hooks"]
    settings = {
        "describe": _plans.describe,
        "encode": encode,
        "encode_key": encode_key,
        "dumps_guards": _guards(names, jsonplus._msgpack_enc, jsonplus._msgpack_default)
        + _attributes(
            ("ormsgpack", "packb"),
            ("decimal", "Decimal"),
            ("dataclasses", "fields"),
            ("dataclasses", "is_dataclass"),
            ("pathlib", "Path"),
            ("re", "Pattern"),
        ),
        "describe_load": _load_plans.describe_load,
        "revive": _revive.revive,
        "allowed_modules": _revive.allowed_modules,
        "warned": jsonplus._warned_unregistered_types,
        "listeners": events._listeners,
        "hook_code": jsonplus._msgpack_ext_hook.__code__,
        "loads_guards": _guards(
            names,
            *_functions(jsonplus._create_msgpack_ext_hook.__code__),
            *([jsonplus._reconstruction_fallback] if _revive.falls_back() else ()),
        )
        + _attributes(
            (events.__name__, "_listeners"),
            ("ormsgpack", "unpackb"),
            ("importlib", "import_module"),
            (lists.__name__, "SAFE_MSGPACK_TYPES"),
            (lists.__name__, "SAFE_MSGPACK_METHODS"),
        ),
    }
    if builtins["langgraph_configure"](settings) is not None:
        raise RuntimeError("Java could not be configured")
    hook = jsonplus._msgpack_ext_hook

    def unpack(packed: bytes) -> Any:
        return ormsgpack.unpackb(packed, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)

    _samples.warm_up(builtins, warm, jsonplus._msgpack_enc, unpack, hook)
