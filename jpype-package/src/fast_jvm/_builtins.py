"""Builtins made from PyMethodDefs in Java's memory, and the switch that makes them decline.

CPython reads ``ml_meth`` on each call and that memory is ours: with the address of
PyObject_SelfIter there, a builtin whose self is NotImplemented returns just that, in C.
"""

from __future__ import annotations

import ctypes
from typing import Any, Callable, NamedTuple

_ML_METH = 8


class Counters(NamedTuple):
    """What a builtin counted."""

    calls: int
    declines: int
    callbacks: int


class Builtin:
    """One builtin: the callable, its counters, its switch."""

    def __init__(self, name: str, method_def: int, counters: int) -> None:
        api = private_api()
        make = ctypes.PYFUNCTYPE(
            ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p, ctypes.c_void_p
        )(("PyCMethod_New", api))
        self.name = name
        self.function: Callable[..., Any] = make(method_def, NotImplemented, None, None)
        self._meth = ctypes.c_void_p.from_address(method_def + _ML_METH)
        self._java = self._meth.value
        self._decline = ctypes.cast(api.PyObject_SelfIter, ctypes.c_void_p).value
        self._counters = (ctypes.c_int64 * 3).from_address(counters)
        self._before: Counters | None = None

    @property
    def counters(self) -> Counters:
        """Read the counters."""
        return Counters(*map(int.__sub__, self._counters, self._before or (0, 0, 0)))

    def begin(self) -> None:
        """Leave out what was counted before a patch was live: the calls that warmed it up."""
        self._before = self._before or Counters(*self._counters)

    def switch(self, on: bool) -> None:
        """Let calls reach Java, or answer each with NotImplemented."""
        self._meth.value = self._java if on else self._decline


_api: ctypes.PyDLL | None = None


def private_api() -> ctypes.PyDLL:
    """Return pythonapi with function objects of our own: others set types on the shared ones."""
    global _api
    if _api is None:
        _api = ctypes.PyDLL("pythonapi", handle=ctypes.pythonapi._handle)
    return _api


def addresses(symbols: str) -> dict[str, int]:
    """Return the address of each C-API name, one per line; ``?`` marks an optional one."""
    found: dict[str, int] = {}
    api = private_api()
    for line in symbols.split():
        name = line.rstrip("?")
        try:
            if name.startswith("PyExc_"):
                address = ctypes.c_void_p.in_dll(api, name).value
            else:
                address = ctypes.cast(getattr(api, name), ctypes.c_void_p).value
        except (AttributeError, ValueError):
            if line.endswith("?"):
                continue
            raise LookupError(f"this Python has no {name}") from None
        found[name] = address or 0
    return found
