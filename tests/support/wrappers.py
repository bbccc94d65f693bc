"""Wrappers in the ways in which tracing libraries put them around other people's functions."""

from __future__ import annotations

import functools
import sys
import types
from typing import Any, Callable

import wrapt

Calls = list[str]


def place(target: str) -> tuple[Any, str]:
    """Where "module:Class.function" lies: the owner and the attribute."""
    module, _, path = target.partition(":")
    owner: Any = sys.modules[module]
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    return owner, name


def raw(target: str) -> Any:
    """What lies there, descriptors as they are."""
    owner, name = place(target)
    return vars(owner)[name]


def _function(thing: Any) -> Any:
    return thing.__func__ if type(thing) in (staticmethod, classmethod) else thing


def opentelemetry(target: str, calls: Calls) -> None:
    """wrapt's FunctionWrapper, as OpenTelemetry's instrumentations and ddtrace's integrations put it."""
    owner, name = place(target)

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append(target)
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(owner, name, wrapper)


def uninstrument(target: str) -> None:
    """As opentelemetry.instrumentation.utils.unwrap does it."""
    owner, name = place(target)
    found = raw(target)
    assert type(found) is wrapt.FunctionWrapper
    setattr(owner, name, found.__wrapped__)


def langfuse(target: str, calls: Calls) -> None:
    """A closure under functools.wraps, as @observe makes it."""
    owner, name = place(target)
    before = raw(target)
    function = _function(before)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        calls.append(target)
        return function(*args, **kwargs)

    setattr(owner, name, wrapper if function is before else type(before)(wrapper))


def ddtrace(target: str, calls: Calls) -> None:
    """Code put into the function itself, as ddtrace.internal.wrapping.wrap does it."""
    function = _function(raw(target))
    true = function.__code__
    inner = types.FunctionType(
        true, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    inner.__kwdefaults__ = function.__kwdefaults__

    def hook(args: Any, kwargs: Any) -> Any:
        calls.append(target)
        return inner(*args, **kwargs)

    def template(*args: Any, **kwargs: Any) -> Any:
        hook: Any = "hook"
        return hook(args, kwargs)

    code = template.__code__
    changes = {
        "co_consts": tuple(hook if const == "hook" else const for const in code.co_consts),
        "co_freevars": true.co_freevars,
        "co_name": true.co_name,
        "co_filename": true.co_filename,
        "co_firstlineno": true.co_firstlineno,
    }
    if sys.version_info >= (3, 11):
        changes["co_qualname"] = true.co_qualname
    function.__code__ = code.replace(**changes)


def partial(target: str, calls: Calls) -> None:
    """functools.partial around a function, partialmethod around a method."""
    owner, name = place(target)
    before = raw(target)
    langfuse(target, calls)
    make: Any = functools.partialmethod if isinstance(owner, type) else functools.partial
    setattr(owner, name, make(raw(target)))
    assert raw(target) is not before


class Proxy(wrapt.CallableObjectProxy):
    """A proxy of one's own."""

    def __init__(self, wrapped: Any, calls: Calls, target: str) -> None:
        super().__init__(wrapped)
        self._self_calls, self._self_target = calls, target

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._self_calls.append(self._self_target)
        return self.__wrapped__(*args, **kwargs)


def proxy(target: str, calls: Calls) -> None:
    """A proxy around a module's function."""
    owner, name = place(target)
    setattr(owner, name, Proxy(raw(target), calls, target))


#: style -> what a gate says of it
REFUSED: dict[Callable[[str, Calls], None], str] = {
    opentelemetry: f"FunctionWrapper of {__name__}",
    langfuse: f", of {__name__})",
    ddtrace: "was replaced inside of the function",
    partial: "functools.partial",
    proxy: f"{__name__}.Proxy",
}
