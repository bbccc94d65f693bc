"""One JVM for fast_jvm and for user code that calls jpype.startJVM, whoever comes first.

Theirs first: ours joins it. Ours first: their start gets ours, with their class path added; options
of the JVM come too late and are logged. JPype cannot join a JVM that it has not made, so its start
is given a library whose JNI_CreateJavaVM answers with ours.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import os
from typing import Any, Callable

from . import _guard, _platform
from ._log import log
from ._state import state

_start: Callable[..., None] | None = None  # JPype's own startJVM
_ours = False  # the JVM of this process is ours
_used = False  # user code called startJVM
_kept: list[Any] = []


def place(jpype: Any) -> None:
    """Have jpype.startJVM and isJVMStarted know of our JVM; called when jpype is imported."""
    global _start
    if _start is not None:
        return
    start, is_started = jpype.startJVM, jpype.isJVMStarted
    _start = start

    @functools.wraps(start)
    def start_jvm(*args: Any, **kwargs: Any) -> None:
        global _used
        with _guard.handlers_in_motion:  # a boot under way ends first
            if _ours and not _used:
                _lend(jpype, inspect.signature(start).bind(*args, **kwargs).arguments)
            else:
                start(*args, **kwargs)
            _used = True

    @functools.wraps(is_started)
    def is_jvm_started() -> bool:
        return bool(is_started()) and (_used or not _ours)

    for module in (jpype, jpype._core):
        module.startJVM, module.isJVMStarted = start_jvm, is_jvm_started


def start(jpype: Any, *args: Any, **kwargs: Any) -> None:
    """Start our JVM through JPype; raises what JPype raises."""
    place(jpype)
    assert _start is not None
    _start(*args, **kwargs)
    ours()


def ours() -> None:
    """Note that the JVM of this process is ours."""
    global _ours
    _ours = True


def support() -> list[str]:
    """Return the class path that JPype needs in a JVM that it is to join."""
    from importlib.util import find_spec

    try:
        spec = find_spec("jpype")
    except (ImportError, ValueError):
        return []
    if spec is None or not spec.origin:
        return []
    jar = os.path.join(os.path.dirname(os.path.dirname(spec.origin)), "org.jpype.jar")
    return [jar] if os.path.isfile(jar) else []


def _lend(jpype: Any, given: dict[str, Any]) -> None:
    """Serve the user's first startJVM with the JVM that runs."""
    options = [option for option in given.get("jvmargs", ()) if isinstance(option, str)]
    paths = given.get("classpath")
    wanted = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths or ())
    for option in options:
        name, _, value = option.partition("-Djava.class.path=")
        wanted += value.split(os.pathsep) if not name and value else []
    host = state.host
    if host.name == "jni":
        if not wanted:
            wanted = [path for path in jpype.getClassPath().split(os.pathsep) if path]
        _join(host, given)
        state.host = host.through_jpype()
    for path in wanted:
        if os.path.exists(os.path.join(path).rstrip("*")):  # a JVM ignores what is not there
            jpype.addClassPath(os.path.abspath(path))
    log.info("jpype.startJVM: fast_jvm's JVM is used, without the options %s", options)


def _join(host: Any, given: dict[str, Any]) -> None:
    """Have JPype start with the host's JVM; where that cannot be, it raises as it ever did."""

    def create(vm: int, env: int, _: int) -> int:
        ctypes.c_void_p.from_address(vm).value = host.vm
        ctypes.c_void_p.from_address(env).value = host.env()
        return 0

    def created(vms: int, size: int, count: int) -> int:
        ctypes.c_int32.from_address(count).value = 1
        if size:
            ctypes.c_void_p.from_address(vms).value = host.vm
        return 0

    number, pointer = ctypes.c_int32, ctypes.c_void_p
    functions = {
        "JNI_CreateJavaVM": ctypes.CFUNCTYPE(number, pointer, pointer, pointer)(create),
        "JNI_GetCreatedJavaVMs": ctypes.CFUNCTYPE(number, pointer, number, pointer)(created),
    }
    _kept.append(functions)
    addresses = {name: ctypes.cast(made, pointer).value or 0 for name, made in functions.items()}
    assert _start is not None
    with _platform.library_of(addresses) as path:
        _start(
            jvmpath=path,
            classpath=[],
            convertStrings=given.get("convertStrings", False),
            interrupt=True,  # no handlers of JPype's: Python keeps the signals
            minimum_version=given.get("minimum_version"),
        )
