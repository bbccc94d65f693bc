"""The tables of functions behind JavaVM* and JNIEnv*, of which each host and a forked child need a few."""

from __future__ import annotations

import ctypes
from typing import Any

from . import _platform

VERSION = 0x000A0000

# places in the table behind a JNIEnv*
FIND_CLASS = 6
EXCEPTION_DESCRIBE = 16
EXCEPTION_CLEAR = 17
NEW_GLOBAL_REF = 21
GET_STATIC_METHOD_ID = 113
CALL_STATIC_LONG_METHOD_A = 134
EXCEPTION_CHECK = 228
# and in that behind a JavaVM*
DESTROY, ATTACH, DETACH, GET_ENV, ATTACH_AS_DAEMON = 3, 4, 5, 6, 7

_P = ctypes.c_void_p
_ENV_FUNCTIONS = 240  # more than JNIEnv has, 235 as of JDK 25
_VM_FUNCTIONS = 8
_silent: list[Any] = []


def function(pointer: Any, place: int, result: Any, *arguments: Any) -> Any:
    """Return the function at a place of the table behind a JNIEnv* or JavaVM*; calls drop the GIL."""
    table = ctypes.cast(pointer, ctypes.POINTER(ctypes.POINTER(_P)))
    return ctypes.CFUNCTYPE(result, _P, *arguments)(int(table[0][place] or 0))


def created_vm() -> int:
    """Return the address of this process's JavaVM, 0 where there is none."""
    try:
        vm, count = _P(), ctypes.c_int32()
        for path in _platform.loaded_jvms() or ():
            ctypes.CDLL(path).JNI_GetCreatedJavaVMs(ctypes.byref(vm), 1, ctypes.byref(count))
        return vm.value or 0
    except (OSError, AttributeError):
        return 0


def sealed(vm: int) -> Any:
    """Return a copy of the functions behind a JavaVM in which attach and detach do nothing.

    In a forked child both take locks of threads that are not there, and HotSpot detaches at exit
    each thread that a builtin had attached.
    """
    table = ctypes.cast(vm, ctypes.POINTER(ctypes.POINTER(_P)))[0]
    copy = (_P * _VM_FUNCTIONS)(*[table[place] for place in range(_VM_FUNCTIONS)])
    refuse = _platform.any_function()  # any number but 0 is an error
    for place in (DESTROY, ATTACH, DETACH, ATTACH_AS_DAEMON):
        copy[place] = refuse
    return copy


def current_env(vm: int) -> int:
    """Return the address of the calling thread's JNIEnv, 0 where it is not attached."""
    if not _silent:  # a child must not need to load anything
        answer = _platform.function_of_zero()
        _silent.append((_P * _ENV_FUNCTIONS)(*[answer] * _ENV_FUNCTIONS))
    env = _P()
    function(_P(vm), GET_ENV, ctypes.c_int32, _P, ctypes.c_int32)(
        _P(vm), ctypes.byref(env), VERSION
    )
    return env.value or 0


def silence(env: int) -> None:
    """Let each function behind a JNIEnv answer 0, without Java."""
    _P.from_address(env).value = ctypes.addressof(_silent[0])
