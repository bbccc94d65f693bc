"""Keeps the process what it was without a JVM: signals, faulthandler, fork, stack sizes, exit.

HotSpot needs its own handlers of SIGSEGV, SIGBUS, SIGFPE and SIGILL for as long as it lives. All
other signals it takes are given back after its start. faulthandler's enable and disable set the
four anew, so both are wrapped and the JVM's handlers put back after each. In a forked child no
Java thread lives on: every builtin declines there and the four handlers are those that a process
without Java would have.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import os
import sys
import threading
from typing import Any, Callable

from . import _platform, _process, _registry, _state
from ._jni import sealed
from ._log import log
from ._platform import JVM_SIGNALS, Actions, actions, other_signals, put_actions
from ._reasons import Kind, Reason
from ._state import state

SMALLEST_STACK = 128 * 1024
EXIT_WAIT_S = 5.0
ENDING = Reason("the process ends", Kind.ENDING)
FAULTHANDLER = Reason(
    "faulthandler is on: here it would report what is normal inside a JVM", Kind.FAULTHANDLER
)

_jvm_actions: Actions = {}
_first_actions: Actions = {}  # before the boot
_other_actions: Actions = {}  # what a process without Java would have now
_sealed: tuple[int, Any] | None = None
_enabled_with: tuple[tuple[Any, ...], dict[str, Any]] | None = None


def forbidden() -> Reason:
    """Say why a JVM must not be started here; empty when it may."""
    if _sub_interpreter():
        return Reason("this is a sub-interpreter", Kind.SUB_INTERPRETER)
    if 0 < _stack_size() < SMALLEST_STACK:
        text = f"threading.stack_size() is {_stack_size()}, a JVM needs {SMALLEST_STACK}"
        return Reason(text, Kind.STACK)
    faulthandler = sys.modules.get("faulthandler")
    if (
        _platform.faulthandler_sees_java()
        and faulthandler is not None
        and faulthandler.is_enabled()
    ):
        return FAULTHANDLER
    reason = _platform.memory_limit(SMALLEST_STACK) or _platform.lacking()
    return Reason(reason, Kind.LIMIT)


def _sub_interpreter() -> bool:
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            module: Any = importlib.import_module(name)
            return bool(module.get_current() != module.get_main())
        except (ImportError, AttributeError):
            continue
    return False


# -- signals


# Held while the JVM sets its handlers and until they are noted: faulthandler waits for that.
handlers_in_motion = threading.RLock()


def before_start() -> Actions:
    """Note every signal's action just before the JVM starts."""
    _guard_faulthandler()
    return actions([*other_signals(), *JVM_SIGNALS])


def started(before: Actions, vm: int) -> None:
    """Give back the signals the JVM does not need, keep what it needs, and stand guard."""
    if before:
        put_actions(
            {number: action for number, action in before.items() if number not in JVM_SIGNALS}
        )
        _jvm_actions.update(actions(JVM_SIGNALS))
        _first_actions.update(
            {number: before[number] for number in JVM_SIGNALS if number in before}
        )
        _other_actions.update(_first_actions)
    _seal(vm)
    _guard_stack_size()
    _process.last_in_first_out()


def half_started(before: Actions, theirs: int, vm: int) -> None:
    """Guard a JVM that started and is of no use; where none did, all is as before. ``theirs`` is not ours."""
    if vm == theirs:
        put_actions(before)
    else:
        started(before, vm)


def _wrap(module: Any, name: str, after: Callable[..., None]) -> None:
    original = getattr(module, name)
    if getattr(original, "__fast_jvm__", False):
        return

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with handlers_in_motion:
            result = original(*args, **kwargs)
            after(*args, **kwargs)
        return result

    wrapped.__fast_jvm__ = True  # type: ignore[attr-defined]
    setattr(module, name, wrapped)


def _guard_faulthandler() -> None:
    import faulthandler

    _wrap(faulthandler, "enable", _enabled)
    _wrap(faulthandler, "disable", _disabled)


def _enabled(*args: Any, **kwargs: Any) -> None:
    global _enabled_with
    _enabled_with = args, kwargs
    if _platform.faulthandler_sees_java():
        switch_off(FAULTHANDLER)
    _take_back()


def _disabled(*_: Any, **__: Any) -> None:
    global _enabled_with
    _enabled_with = None
    _take_back()


def _take_back() -> None:
    """Put the JVM's handlers back; what a process without Java would have instead is noted."""
    if not _jvm_actions:
        return
    for number, action in actions(JVM_SIGNALS).items():
        if not _platform.same_action(action, _jvm_actions.get(number)):
            _other_actions[number] = action
        elif _enabled_with is None:
            _other_actions[number] = _first_actions.get(number, action)
    put_actions(_jvm_actions)


def _restore_faulthandler() -> None:
    """In a forked child: the handlers of a process without Java, faulthandler's among them."""
    import faulthandler

    global _enabled_with
    _jvm_actions.clear()
    if _enabled_with is not None and faulthandler.is_enabled():
        args, kwargs = _enabled_with
        faulthandler.disable()
        put_actions(_first_actions)
        try:
            faulthandler.enable(*args, **kwargs)
        except Exception:
            log.debug("faulthandler", exc_info=True)
    else:
        put_actions(_other_actions)


# -- small stacks


def _guard_stack_size() -> None:
    _wrap(threading, "stack_size", _check_stack_size)


def _stack_size() -> int:
    import _thread

    size = _thread.stack_size()  # asking sets it to the default
    if size:
        _thread.stack_size(size)
    return size


def _check_stack_size(*_: Any) -> None:
    size = _stack_size()
    if 0 < size < SMALLEST_STACK:
        text = f"threading.stack_size({size}): a call into Java needs {SMALLEST_STACK}"
        switch_off(Reason(text, Kind.STACK))


def _seal(vm: int) -> None:
    """Keep at hand what a forked child puts in the place of the JavaVM's functions."""
    global _sealed
    if vm and hasattr(os, "register_at_fork"):
        _sealed = vm, sealed(vm)


# -- the ends: a forked child, a process that exits


def switch_off(reason: Reason) -> None:
    """Let every builtin decline from now on, for the rest of this process."""
    for builtin in state.builtins.values():
        builtin.switch(False)
    state.stopping, state.reason = True, reason
    for entry in _registry.entries():
        if entry.state in ("waiting", "patched", "warming", "live"):
            _registry.give_up(entry, reason)
    log.info("originals serve: %s", reason)


def in_child() -> None:
    """In a forked child no Java thread lives on: nothing of ours may enter Java."""
    global handlers_in_motion

    _state.renew_lock()
    _registry.renew_lock()
    handlers_in_motion = threading.RLock()
    alive = state.alive
    state.working = state.alive = False
    if state.phase == "failed" and not alive:
        return  # no Java was started: the reason holds here too
    switch_off(Reason("a forked child of a process that runs Java", Kind.FORK))
    state.phase = "failed"
    if _jvm_actions:
        _restore_faulthandler()
    if _sealed is not None:
        vm, functions = _sealed
        ctypes.c_void_p.from_address(vm).value = ctypes.addressof(functions)
    if alive and state.host is not None:
        state.host.in_child()
    _calm_jpype()


def _calm_jpype() -> None:
    """Keep JPype out of the Java that did not survive the fork: at exit, and in each collection."""
    import gc

    config = sys.modules.get("jpype.config")
    if config is None:
        return
    config.onexit = False  # type: ignore[attr-defined]
    native = sys.modules.get("_jpype")
    gc.callbacks[:] = [
        callback for callback in gc.callbacks if getattr(callback, "__self__", None) is not native
    ]


def at_exit() -> None:
    """Let late finalizers decline; a boot under way ends first, as a half-made JVM can crash."""
    if not state.stopping:
        state.stopping, state.reason = True, state.reason or ENDING
    for builtin in state.builtins.values():
        builtin.switch(False)
    _state.wait_idle(EXIT_WAIT_S)
    for builtin in state.builtins.values():
        builtin.switch(False)
    if state.alive and state.host is not None:
        try:
            state.host.exit()
        except Exception:
            log.debug("exit", exc_info=True)
    faulthandler = sys.modules.get("faulthandler")
    if _jvm_actions and faulthandler is not None and faulthandler.is_enabled():
        # the interpreter would disable it later, behind our back
        faulthandler.disable()
