"""The three ways to a JVM in this process, behind one interface: ``call`` and ``close``.

jpype starts the JVM through JPype, so that scripts and notebooks have Java at hand; it holds the
GIL for most of the start. jni starts it through ctypes, which drops the GIL: nothing stands still.
jep is for a Python that lives inside Java. Only longs cross, and no call may need the GIL.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import threading
from typing import Any, Protocol

from . import _jni, _platform, _share
from ._errors import FastJvmUnavailable
from ._jre import OLDEST, OTHERS_OPTIONS, Jre
from ._log import log
from ._reasons import Kind, Reason

BOOT_CLASS = "dev.fastjvm.Boot"
REST_WAIT_S = 5.0
LOG_JAR = "fast-jvm-log.jar"  # Chronicle, and the logs on it


class Host(Protocol):
    """A way to call the static methods of Boot."""

    name: str
    java: str  # its version
    vm: int  # address of the JavaVM, 0 where it is not known

    def call(self, method: str, argument: int | None = None) -> int:
        """Call ``long method()`` or ``long method(long)`` without the GIL."""

    def close(self) -> None:
        """Detach the calling thread from the JVM."""

    def before_fork(self) -> None:
        """Prepare the thread that forks for its life in the child."""

    def in_child(self) -> None:
        """Keep whoever talks to the JVM by himself out of it."""

    def exit(self) -> None:
        """Prepare for the end of the interpreter; the JVM lives on until the process ends."""


def choose(wanted: str, concurrent: bool) -> str:
    """Return the host to use: the one asked for, or the one that fits this process.

    ``concurrent``: an event loop runs, or originals were called on threads beside the main one.
    """
    if inside_jep():
        return "jep"
    if wanted in ("jpype", "jni"):
        return wanted
    from importlib.util import find_spec

    if "_jpype" in sys.modules:
        return "jpype"
    if find_spec("jpype") is None:
        return "jni"
    if "ipykernel" in sys.modules:
        return "jpype"
    others = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and thread is not threading.current_thread()
    ]
    return "jni" if others or concurrent else "jpype"


def inside_jep() -> bool:
    """Say whether Java embeds this Python."""
    return "_jep" in sys.modules


def open_host(name: str, jre: Jre | None, jar: str, options: list[str]) -> Host:
    """Start or join a JVM; FastJvmUnavailable when that cannot be."""
    if name == "jep":
        return JepHost()
    if name == "jpype" or "jpype" in sys.modules:
        import jpype  # type: ignore[import-untyped,unused-ignore]

        if jpype.isJVMStarted():
            return JpypeHost.join(jar)
    if jre is None:
        raise FastJvmUnavailable(Reason("no Java", Kind.JAVA))
    _refuse_second_jvm()
    with _platform.hidden(OTHERS_OPTIONS), _platform.unchanged():
        if name == "jpype":
            return JpypeHost.start(jre, jar, options)
        host = JniHost(jre, [*class_path(jar), *_share.support()], options)
    _share.ours()
    return host


def _refuse_second_jvm() -> None:
    """Two HotSpots in one process fight over signals."""
    loaded = _platform.loaded_jvms()
    if "jnius" in sys.modules if loaded is None else loaded:
        raise FastJvmUnavailable(Reason("another JVM is loaded in this process", Kind.OTHER_JVM))


def class_path(jar: str) -> list[str]:
    """Return the jar and those beside it that it needs, where they are there."""
    log_jar = os.path.join(os.path.dirname(jar), LOG_JAR)
    return [jar, *([log_jar] if os.path.isfile(log_jar) else [])]


class JpypeHost:
    """The JVM through JPype."""

    name = "jpype"

    def __init__(self) -> None:
        import jpype

        self._jpype = jpype
        self._boot: Any = None
        self.java = ".".join(map(str, jpype.getJVMVersion()))
        self.vm = _jni.created_vm()
        self._env = 0  # of the thread that forks

    @classmethod
    def start(cls, jre: Jre, jar: str, options: list[str]) -> JpypeHost:
        """Start the JVM with the jar first on its class path (the AOT cache asks for that)."""
        import jpype
        import jpype.config

        # Destroying the JVM at exit would abort late finalizers and wait for daemon threads.
        jpype.config.destroy_jvm = False
        classpath = class_path(jar) + [
            path for path in jpype.getClassPath().split(os.pathsep) if path
        ]
        try:
            _share.start(
                jpype,
                jre.libjvm,
                # JPype asks for a full collection after Python's; ours, see TypePlans, are few
                "-XX:+DisableExplicitGC",
                *options,
                classpath=classpath,
                convertStrings=False,
                interrupt=False,
                ignoreUnrecognized=False,
            )
        except Exception as error:
            text = f"JPype could not start the JVM: {error}"
            raise FastJvmUnavailable(Reason(text, Kind.JVM)) from error
        return cls()

    @classmethod
    def join(cls, jar: str) -> JpypeHost:
        """Use the JVM that somebody else started through JPype."""
        import jpype
        import jpype.config

        version = jpype.getJVMVersion()
        if not version or version[0] < OLDEST:
            text = "the running JVM is Java %s, %d or newer is needed" % (
                ".".join(map(str, version)),
                OLDEST,
            )
            raise FastJvmUnavailable(Reason(text, Kind.OTHER_JVM))
        jpype.config.destroy_jvm = False
        for path in class_path(jar):
            jpype.addClassPath(path)
        host = cls()
        host.call("failure")  # where it does not take the jar, it is left alone
        return host

    def call(self, method: str, argument: int | None = None) -> int:
        """Call a method of Boot; JPype drops the GIL."""
        try:
            if self._boot is None:
                self._boot = self._jpype.JClass(BOOT_CLASS)
            target = getattr(self._boot, method)
            return int(target() if argument is None else target(argument))
        except Exception as error:
            raise FastJvmUnavailable(Reason(f"{BOOT_CLASS}: {error}", Kind.JAR)) from None

    def close(self) -> None:
        """Detach, or the process would wait for this thread at exit."""
        self._jpype.java.lang.Thread.detach()

    def before_fork(self) -> None:
        """Attach: JPype asks Java in places of no note (isinstance with an ABC, freeing an object).

        In the child it then finds its thread attached, where attaching might never end.
        """
        self._jpype.java.lang.Thread.attachAsDaemon()
        self._env = _jni.current_env(self.vm) if self.vm else 0
        _rest_before_fork(self)

    def in_child(self) -> None:
        """Have every question get the answer 0: a safepoint that was under way at the fork never ends."""
        if self._env:
            _jni.silence(self._env)

    def exit(self) -> None:
        """Stop the Java thread that frees Python objects: ending on its way to the GIL it would abort."""
        self._jpype.JClass("org.jpype.ref.JPypeReferenceQueue").getInstance().stop()


class JepHost:
    """The JVM that embeds this Python."""

    name = "jep"

    def __init__(self) -> None:
        load = _jep_class_loader()
        properties = load("java.lang.System")
        self.java = str(properties.getProperty("java.version"))
        version = str(properties.getProperty("java.specification.version"))
        if not version.isdigit() or int(version) < OLDEST:  # "1.8" was the last with a dot
            text = f"the Java that embeds this Python is {version}, {OLDEST} or newer is needed"
            raise FastJvmUnavailable(Reason(text, Kind.EMBEDDED))
        try:
            self._boot = load(BOOT_CLASS)
        except Exception as error:
            text = (
                "the jar is not on the class path of the Java that embeds this Python "
                f"({type(error).__name__}: {error})"
            )
            raise FastJvmUnavailable(Reason(text, Kind.EMBEDDED)) from error
        self.vm = _jni.created_vm()

    def call(self, method: str, argument: int | None = None) -> int:
        """Call a method of Boot; Jep drops the GIL."""
        target = getattr(self._boot, method)
        return int(target() if argument is None else target(argument))

    def close(self) -> None:
        """Detach the calling thread: Jep attaches it and Java would list it for ever."""
        if self.vm:
            _jni.function(_P(self.vm), _jni.DETACH, ctypes.c_int32)(_P(self.vm))

    def before_fork(self) -> None:
        """Nothing: Jep's threads are attached."""

    def in_child(self) -> None:
        """Nothing: whoever forks inside Java is on its own."""

    def exit(self) -> None:
        """Nothing: Java goes on."""


def _rest_before_fork(host: Host) -> None:
    """Let HotSpot's threads come to rest where a builtin waits for the code that forks.

    The child goes back through Java, and would wait there for ever for what a thread was doing.
    """
    try:
        if host.vm and _jni.current_env(host.vm) and host.call("insideBuiltin"):
            _platform.wait_for_jvm_threads(REST_WAIT_S)
    except FastJvmUnavailable:
        log.debug("before a fork", exc_info=True)


def _jep_class_loader() -> Any:
    """Return loadClass of the loader that Jep was given.

    An import would ask Jep's list of packages first, which may not know dev.fastjvm, or a package
    of Python's that is called dev.
    """
    for finder in sys.meta_path:
        loader = getattr(finder, "classLoader", None)
        if loader is not None:
            return loader.loadClass
    text = "Jep's importer of Java classes is not on sys.meta_path"
    raise FastJvmUnavailable(Reason(text, Kind.EMBEDDED))


class _Option(ctypes.Structure):
    _fields_ = (("optionString", ctypes.c_char_p), ("extraInfo", ctypes.c_void_p))


class _InitArgs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int32),
        ("nOptions", ctypes.c_int32),
        ("options", ctypes.POINTER(_Option)),
        ("ignoreUnrecognized", ctypes.c_uint8),
    )


JNI_ERRORS = {
    -1: "unknown error",
    -2: "thread detached",
    -3: "version",
    -4: "not enough memory",
    -5: "a JVM already exists",
    -6: "invalid arguments",
}
_P = ctypes.c_void_p


class JniHost:
    """The JVM through its invocation interface, by ctypes: each call drops the GIL."""

    name = "jni"

    def __init__(self, jre: Jre, classpath: list[str], options: list[str]) -> None:
        self.java = jre.version
        arguments = [f"-Djava.class.path={os.pathsep.join(classpath)}", *options]
        table = (_Option * len(arguments))()
        for slot, argument in zip(table, arguments):
            slot.optionString = _platform.jvm_text(argument)
        init = _InitArgs(_jni.VERSION, len(arguments), table, 0)
        self._vm, env = _P(), _P()
        try:
            library = _platform.open_jvm(jre.libjvm)
        except OSError as error:
            text = f"{jre.libjvm} does not load: {error}"
            raise FastJvmUnavailable(Reason(text, Kind.JAVA_HOME)) from error
        code = library.JNI_CreateJavaVM(
            ctypes.byref(self._vm), ctypes.byref(env), ctypes.byref(init)
        )
        if code:
            text = f"the JVM did not start: {JNI_ERRORS.get(code, code)}"
            raise FastJvmUnavailable(Reason(text, Kind.JVM))
        self.vm = self._vm.value or 0
        self._class = _P()

    def call(self, method: str, argument: int | None = None) -> int:
        """Call a method of Boot; the calling thread stays attached until it says ``close``."""
        env = _P(self.env())
        if not self._class:
            self._class = self._find(env)
        signature = b"()J" if argument is None else b"(J)J"
        found = _jni.function(
            env, _jni.GET_STATIC_METHOD_ID, _P, _P, ctypes.c_char_p, ctypes.c_char_p
        )(env, self._class, method.encode(), signature)
        if not found:
            _clear(env)
            raise FastJvmUnavailable(Reason(f"{BOOT_CLASS} has no {method}", Kind.JAR))
        values = (ctypes.c_int64 * 1)(argument or 0)
        result = _jni.function(env, _jni.CALL_STATIC_LONG_METHOD_A, ctypes.c_int64, _P, _P, _P)(
            env, self._class, found, ctypes.cast(values, _P)
        )
        if _clear(env):
            raise FastJvmUnavailable(Reason(f"{BOOT_CLASS}.{method} threw", Kind.JAR))
        return int(result)

    def _find(self, env: Any) -> Any:
        name = BOOT_CLASS.replace(".", "/").encode()
        found = _jni.function(env, _jni.FIND_CLASS, _P, ctypes.c_char_p)(env, name)
        if not found:
            _clear(env)
            raise FastJvmUnavailable(Reason(f"Java finds no {BOOT_CLASS}", Kind.JAR))
        return _P(_jni.function(env, _jni.NEW_GLOBAL_REF, _P, _P)(env, found))

    def close(self) -> None:
        """Detach the calling thread; builtins attach their threads by themselves."""
        self._invocation(_jni.DETACH, ctypes.c_int32)(self._vm)

    def before_fork(self) -> None:
        """Wait where the child enters the JVM: on its way back from a callback."""
        _rest_before_fork(self)

    def in_child(self) -> None:
        """Nothing: nobody else knows this JVM."""

    def exit(self) -> None:
        """Nothing: no Java thread wants the GIL."""

    def destroy(self) -> None:
        """End the JVM in order: only a child that writes an AOT cache does this."""
        self._invocation(_jni.DESTROY, ctypes.c_int32)(self._vm)

    def through_jpype(self) -> JpypeHost:
        """Return this JVM's host once JPype has joined it."""
        import jpype.config

        jpype.config.destroy_jvm = False
        return JpypeHost()

    def env(self) -> int:
        """Return the address of the calling thread's JNIEnv; the thread is attached if need be."""
        env = _P()
        if self._invocation(_jni.GET_ENV, ctypes.c_int32, _P, ctypes.c_int32)(
            self._vm, ctypes.byref(env), _jni.VERSION
        ):
            self._invocation(_jni.ATTACH_AS_DAEMON, ctypes.c_int32, _P, _P)(
                self._vm, ctypes.byref(env), None
            )
        return env.value or 0

    def _invocation(self, place: int, result: Any, *arguments: Any) -> Any:
        return _jni.function(self._vm, place, result, *arguments)


def _clear(env: Any) -> bool:
    if not _jni.function(env, _jni.EXCEPTION_CHECK, ctypes.c_uint8)(env):
        return False
    if log.isEnabledFor(logging.DEBUG):
        _jni.function(env, _jni.EXCEPTION_DESCRIBE, None)(env)
    _jni.function(env, _jni.EXCEPTION_CLEAR, None)(env)
    return True
