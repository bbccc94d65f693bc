"""The boot: from the first metered call to live patches, in one daemon thread.

Ski rental: the originals' cost in this process is summed up, and when it passes what a boot costs
the boot starts. Whatever goes wrong on the way, the originals serve on and the reason is kept.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from typing import Any, Callable, Iterable, Iterator

from . import _platform, _registry, _settings
from ._errors import FastJvmUnavailable
from ._log import log
from ._reasons import Kind, Reason
from ._state import state

# What a boot costs in CPU, nanoseconds; originals that cost less never meet a JVM.
THRESHOLD_NS = 500_000_000
SWITCH_INTERVAL_S = 0.001
FACTS_A_CALL = 6
#: Ends the name of an AOT cache whose training wrote and read logs: larger, and made where logs are used.
LOGS = ".logs"
IMPORTS_S = 60  # a package's import that takes longer is looked into while it is under way
JAR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fast-jvm.jar")
BASE_OPTIONS = (
    "-Xrs",
    "-XX:+UseSerialGC",
    # the heap holds nothing but ours, see TypePlans
    "-Ddev.fastjvm.ownHeap=true",
    "--enable-native-access=ALL-UNNAMED",
    # Chronicle's: it maps files and frees buffers through the JDK's own classes
    "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
    "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-XX:-UsePerfData",
    # RLIMIT_NOFILE stays what it is
    "-XX:-MaxFDLimit",
    # with -Xrs the VM would open a socket for jcmd and agents, /tmp/.java_pid, which ending children remove
    "-XX:+DisableAttachMechanism",
    "-Xms8m",
    # walks over nested data are recursive
    "-XX:MaxRecursiveInlineLevel=2",
    # a JVM that talks does so on stdout; it warns of a .hotspotrc in the current folder
    "-Xlog:disable",
    "-XX:-PrintWarnings",
    "-XX:+DisplayVMOutputToStderr",
)


_kept: list[Any] = []
_spent = 0
_concurrent = False


def spend(ns: int) -> None:
    """Charge an original's cost; the boot starts when a boot would have been cheaper."""
    global _spent, _concurrent
    _spent += ns
    # executors' threads come and go: none may run when the boot begins
    if threading.get_ident() != threading.main_thread().ident:
        _concurrent = True
    if _spent > THRESHOLD_NS and state.phase == "idle":
        start()


def spent() -> int:
    """Return what the originals cost this process so far, nanoseconds."""
    return _spent


def last_failure() -> str:
    """Return the last Throwable that a builtin turned into a decline, as text."""
    if state.phase != "up":
        return ""
    import ctypes

    try:
        return ctypes.string_at(state.host.call("failure")).decode("utf-8", "replace")
    except FastJvmUnavailable:
        return ""


def unusable() -> Reason:
    """Say why this process will never boot; empty while it may."""
    from . import _python

    if state.phase == "failed":
        return state.reason
    return _python.unsupported()


def start() -> None:
    """Start the boot in the background, once."""
    global _concurrent
    from . import _process

    with state.changed:
        if state.phase != "idle" or _settings.switched_off():
            return
        _concurrent = _concurrent or _running_loop()
        state.phase, state.working = "booting", True
        _stamp("start")
        _process.watch(_in_child, _at_exit)
        try:
            threading.Thread(target=_run, name="fast-jvm-boot", daemon=True).start()
        except RuntimeError as error:
            _fail(Reason(f"no thread for the boot: {error}", Kind.JVM))
            state.working = False


def _in_child() -> None:
    from . import _guard

    _guard.in_child()


def _at_exit() -> None:
    from . import _guard

    _guard.at_exit()


def _running_loop() -> bool:
    """Say whether the calling thread runs an event loop."""
    asyncio = sys.modules.get("asyncio")
    current: Callable[[], Any] | None = getattr(asyncio, "_get_running_loop", None)
    return current is not None and current() is not None


def patched() -> None:
    """Called when patches were placed: once Java is up they go live as soon as they are ready."""
    with state.changed:
        if state.phase == "failed":
            for entry in _registry.entries():
                if entry.state == "patched" and not entry.patch.plain:
                    _registry.give_up(entry, state.reason)
        if state.phase != "up" or state.working or state.stopping:
            return
        state.working = True
        try:
            threading.Thread(target=_settle_late, name="fast-jvm-ready", daemon=True).start()
        except RuntimeError:
            state.working = False


def wait_ready(timeout: float | None) -> bool:
    """Start the boot if need be; wait until nothing is left to become live."""
    if _settings.switched_off():
        return False
    _registry.retry_waiting()
    start()
    patched()
    if threading.current_thread().name in ("fast-jvm-boot", "fast-jvm-ready"):
        return False
    with state.changed:
        state.changed.wait_for(lambda: not state.working, timeout)
        return state.phase == "up" and not state.working


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Have no thread of ours bring patches live within: a gate imports too, and two threads' imports of a package can wait for each other."""
    with state.changed:
        state.changed.wait_for(lambda: not state.working, IMPORTS_S)
        ours = state.phase == "up" and not state.working
        state.working = state.working or ours
    try:
        yield
    finally:
        if ours:
            with state.changed:
                state.working = False
                state.changed.notify_all()


def require(names: Iterable[str], timeout: float | None) -> dict[str, Callable[..., Any]]:
    """Boot if need be; return builtins by name, or raise what keeps them away."""
    reason = _settings.switched_off() if state.phase == "idle" else Reason("")
    if not reason:
        start()
        reason = _wait_up(timeout)
    missing = [name for name in names if name not in state.builtins]
    if missing and not reason:
        reason = Reason(f"Java has no {', '.join(missing)}", Kind.JAR)
    if reason:
        raise FastJvmUnavailable(reason)
    return {name: state.builtins[name].function for name in names}


def _wait_up(timeout: float | None) -> Reason:
    """Wait until Java is up; say why it is not, or not any more."""
    if threading.current_thread().name == "fast-jvm-boot":
        timeout = 0  # it would wait for itself
    with state.changed:
        done = state.changed.wait_for(lambda: state.phase != "booting", timeout)
        return state.reason if done else Reason("Java is not up yet", Kind.LATER)


def logs_opened() -> None:
    """Have the AOT cache for the boots to come made with logs in it."""
    with state.changed:
        if state.logs:
            return
        state.logs = True
        if state.working or state.phase != "up":
            return  # made at the end of that
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=_make_cache, name="fast-jvm-cache", daemon=True).start()


def _stamp(name: str) -> None:
    state.times[name] = time.perf_counter()
    state.times[name + ".cpu"] = time.process_time()


def _fail(reason: Reason) -> None:
    log.info("originals serve: %s", reason)
    with state.changed:
        state.phase, state.reason = "failed", reason
        state.changed.notify_all()
        for entry in _registry.entries():
            if entry.state in ("patched", "warming", "waiting") and not entry.patch.plain:
                _registry.give_up(entry, reason)


@contextlib.contextmanager
def _gently() -> Iterator[None]:
    """Let other threads have the GIL sooner while ours works beside them."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, SWITCH_INTERVAL_S))
    try:
        yield
    finally:
        if sys.getswitchinterval() <= SWITCH_INTERVAL_S:
            sys.setswitchinterval(usual)


def _run() -> None:
    with _gently():
        _run_boot()
    _make_cache()


def _run_boot() -> None:

    try:
        try:
            _platform.shield_thread()
            _boot()
            with state.changed:
                state.phase = "up"
                state.changed.notify_all()
            _settle()
            _stamp("ready")
            log.info("ready after %.0f ms", 1000 * (state.times["ready"] - state.times["start"]))
        except FastJvmUnavailable as error:
            _fail(error.reason)
        except BaseException as error:
            log.debug("boot", exc_info=True)
            _fail(Reason(f"{type(error).__name__}: {error}"))
    finally:
        _finished()


def _settle_late() -> None:

    try:
        _platform.shield_thread()
        with _gently():
            _settle()
    finally:
        _finished()
    _make_cache()


def _finished() -> None:
    if state.host is not None:
        try:
            state.host.close()
        except Exception:
            log.debug("detach", exc_info=True)
    with state.changed:
        state.working = False
        state.changed.notify_all()
    if any(entry.state == "patched" for entry in _registry.entries()):
        patched()  # placed while this thread was about to end


def jvm_options(cache: str) -> list[str]:
    """Return the flags of the JVM, without the AOT cache."""
    options = [
        *BASE_OPTIONS,
        f"-Xmx{_settings.get('FAST_JVM_HEAP')}",
        f"-Xss{_platform.stack_kib()}k",
    ]
    if cache:  # the VM itself would write into the current folder
        folder = cache.replace("%", "%%")
        options += [
            f"-XX:{flag}={os.path.join(folder, name)}"
            for flag, name in (
                ("ErrorFile", "hs_err_%p.log"),
                ("ReplayDataFile", "replay_%p.log"),
            )
        ]
    else:
        options += [f"-XX:ErrorFile={os.devnull}", "-XX:-DumpReplayDataOnError"]
    import shlex

    try:
        return options + shlex.split(_settings.get("FAST_JVM_OPTIONS"))
    except ValueError as error:
        text = f"FAST_JVM_OPTIONS: {error}"
        raise FastJvmUnavailable(Reason(text, Kind.OPTIONS, variable="FAST_JVM_OPTIONS")) from error


def _boot() -> None:
    import ctypes

    from . import _guard, _hosts, _jni, _python

    reason = _python.unsupported() or _guard.forbidden() or _broken(JAR)
    if reason:
        raise FastJvmUnavailable(reason)
    state.host_name = _hosts.choose(_settings.get("FAST_JVM_HOST"), _concurrent)
    jre = None if state.host_name == "jep" else _find_jre()
    _registry.place_late()
    if not _registry.importing():
        _registry.check_gates()
    _stamp("open")
    _stop_point()
    with _guard.handlers_in_motion:
        before, theirs = _guard.before_start(), _jni.created_vm()
        try:
            state.host = _hosts.open_host(state.host_name, jre, JAR, state.options)
        except BaseException:
            vm = _jni.created_vm()
            state.alive = vm != theirs
            _guard.half_started(before, theirs, vm)
            raise
        state.alive, state.java = True, state.host.java
        _guard.started(before, state.host.vm)
    _stamp("jvm")
    _stop_point()
    symbols = ctypes.string_at(state.host.call("symbols")).decode()
    state.builtins = make_builtins(state.host, symbols)
    _stamp("builtins")


def _broken(jar: str) -> Reason:
    """Say why a jar is not worth a start: torn, of others, unreadable; empty when it looks whole."""
    import struct

    from ._hosts import BOOT_CLASS

    text = ""
    try:
        with open(jar, "rb") as file:
            data = file.read()
        # a zip ends with the list of its files and a record that says where that list lies
        end = data.rfind(b"PK\5\6")
        size, start = struct.unpack_from("<II", data, end + 12) if end >= 0 else (0, 0)
        if start + size != end:
            text = f"{jar} is torn, or no jar"
        elif BOOT_CLASS.replace(".", "/").encode() + b".class" not in data[start:end]:
            text = f"{jar} holds no {BOOT_CLASS}"
    except FileNotFoundError:
        text = f"{jar} is missing"
    except (OSError, struct.error) as error:
        text = f"{jar}: {error}"
    return Reason(text, Kind.JAR)


def _find_jre() -> Any:
    """Find Java, its flags and its AOT cache; try risky flags in a child first."""
    from . import _aot, _cache, _hosts, _jre

    search = _jre.find()
    jre = search.jre
    if jre is None:
        raise FastJvmUnavailable(search.reason)
    state.java, state.java_home = jre.version, jre.home
    directory, state.cache = _cache.folder()
    options = jvm_options(directory)
    key = _cache.key(jre, _hosts.class_path(JAR), options)
    risk = _aot.needs_probe(options)
    if risk:
        reason = _aot.probe(jre, JAR, options, directory, key)
        if reason:
            raise FastJvmUnavailable(Reason(f"{risk}: {reason}", Kind.OPTIONS, variable=risk))
    if directory:
        files = [_cache.aot_file(directory, name) for name in (key + LOGS, key)]
        state.cache = next((file for file in files if not _cache.usable(file)), "")
        state.cache = state.cache or _cache.usable(files[-1])
        state.make_cache = (jre, JAR, options, directory, key)
    state.options = (
        [*options, f"-XX:AOTCache={state.cache}"] if state.cache.endswith(".aot") else options
    )
    return jre


def _stop_point() -> None:
    if state.stopping:
        raise FastJvmUnavailable(state.reason)


def make_builtins(host: Any, symbols: str) -> dict[str, Any]:
    """Have Java make its builtins, and verify this Python's layout; FastJvmUnavailable where it is not known."""
    import ctypes

    from . import _builtins, _layout

    try:
        spec = _layout.spec(_builtins.addresses(symbols))
    except LookupError as error:
        raise FastJvmUnavailable(Reason(str(error), Kind.LAYOUT)) from error
    answer = ctypes.string_at(host.call("boot", _text(spec))).decode()
    if answer.startswith("error "):
        raise FastJvmUnavailable(Reason(f"Java: {answer[6:]}", Kind.LAYOUT))
    found = {}
    for line in answer.splitlines():
        name, method_def, counters = line.split()
        found[name] = _builtins.Builtin(name, int(method_def), int(counters))
    if "verify" in found:
        wrong = _verify(found["verify"].function, _layout.facts())
        if wrong is not None:
            for builtin in found.values():
                builtin.switch(False)
            text = f"this Python's memory is laid out in a way that is not known: {wrong}"
            raise FastJvmUnavailable(Reason(text, Kind.LAYOUT))
    return found


def _verify(verify: Callable[..., Any], facts: list[Any]) -> str | None:
    """Verify a few facts at a time: Java still interprets, and the GIL is held."""
    for start in range(0, len(facts), FACTS_A_CALL):
        wrong: str | None = verify(facts[start : start + FACTS_A_CALL])
        if wrong is not None:
            return wrong
        time.sleep(0.0002)
    return None


def _text(data: bytes) -> int:
    import ctypes

    buffer = ctypes.create_string_buffer(data)
    _kept.append(buffer)
    return ctypes.addressof(buffer)


def warm(builtin: str, sample: object, millis: int) -> int:
    """Run a builtin's read-only part on a private sample, without the GIL; best ns a call."""
    import ctypes

    _stop_point()
    buffer = ctypes.create_string_buffer(
        f"builtin={builtin}\nobject={id(sample)}\nmillis={millis}\n".encode()
    )
    result: int = state.host.call("warm", ctypes.addressof(buffer))
    return result


def _make_cache() -> None:
    """Have the AOT cache made once this process itself is live."""
    if not state.make_cache:
        return
    from . import _aot

    live = {
        entry.patch.prepare: entry.patch.target.partition(":")[0]
        for entry in _registry.entries()
        if entry.state == "live"
    }
    if not live:
        return
    with state.changed:
        if state.stopping:
            return
        state.launching = True
    packages = [(module, prepare) for prepare, module in live.items()]
    jre, jar, options, directory, key = state.make_cache
    if state.logs:
        key += LOGS
        packages.append(("fast_jvm._keyed_log", "fast_jvm._keyed_log:train"))
    try:
        maker = _aot.make_in_background(jre, jar, options, directory, key, packages)
    except OSError as error:
        log.debug("AOT cache: %s", error)
        return
    finally:
        with state.changed:
            state.launching = False
            state.changed.notify_all()
    if maker is not None:
        _aot.reap(maker)


def _await_imports() -> None:
    """Let another thread's import of a patched package end, at most for a while."""
    end = time.monotonic() + IMPORTS_S
    while _registry.importing() and not state.stopping and time.monotonic() < end:
        time.sleep(0.01)


def _settle() -> None:
    """Bring every patched patch to live or skipped, package by package."""
    _registry.retry_waiting()  # modules that were being imported when late patches were placed
    while True:
        _await_imports()
        _registry.check_gates()
        waiting = [entry for entry in _registry.entries() if entry.state == "patched"]
        if not waiting or state.stopping:
            return
        package = waiting[0].patch.package
        prepare = waiting[0].patch.prepare
        for entry in waiting:
            if entry.patch.package == package:
                entry.state = "warming"
                _go_live(entry, _prepare(package, prepare))


def _prepare(package: str, path: str) -> str:
    """Prepare a package once; return why it is not ready, or an empty string."""
    if package not in state.prepared:
        try:
            prepare: Callable[..., Any] = _registry.resolve(path)
            state.prepared[package] = (
                "",
                prepare({name: builtin.function for name, builtin in state.builtins.items()}, warm),
            )
        except BaseException as error:
            log.debug("prepare %s", package, exc_info=True)
            state.prepared[package] = (f"not ready: {type(error).__name__}: {error}", None)
    reason: str = state.prepared[package][0]
    return reason


def _go_live(entry: Any, reason: str) -> None:
    if state.stopping or entry.state != "warming":
        return
    missing = [name for name in entry.patch.builtins if name not in state.builtins]
    if missing:
        reason = Reason(f"Java has no {', '.join(missing)}", Kind.JAR)
    reason = reason or Reason(
        _registry.replaced_since(entry), Kind.CODE, package=entry.patch.package
    )
    if reason:
        _registry.give_up(entry, reason)
        return
    for name in entry.patch.builtins:
        state.builtins[name].begin()
    entry.activate({name: state.builtins[name].function for name in entry.patch.builtins})
    entry.state = "live"
    log.info("%s: live", entry.patch.name)
