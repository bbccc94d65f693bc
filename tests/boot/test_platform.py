"""What depends on the operating system: each branch, on whatever system the tests run."""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import errno
import io
import locale
import os
import signal
import stat
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any, Iterator

import pytest

from fast_jvm import _aot, _cache, _guard, _hosts, _jni, _jre, _platform
from fast_jvm._errors import FastJvmUnavailable

SYSTEMS = ("linux", "darwin", "win32")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def line(what: str) -> Any:
    return pytest.mark.line("platforms", what, "each system's branch tested")


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(_platform, "SYSTEM", request.param)
    return str(request.param)


def become(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(_platform, "SYSTEM", system)


def test_it_is_this_system() -> None:
    assert _platform.SYSTEM == sys.platform


# -- where Java lies

LIBRARY = {
    "linux": "lib/server/libjvm.so",
    "darwin": "lib/server/libjvm.dylib",
    "win32": "bin/server/jvm.dll",
}


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@line("names and places of libjvm and java")
def test_libjvm(system: str, tmp_path: Path) -> None:
    assert _platform.libjvm(str(tmp_path)) == ""
    for other in SYSTEMS:
        if other != system:
            touch(tmp_path / LIBRARY[other])
    assert _platform.libjvm(str(tmp_path)) == ""
    minimal = touch(tmp_path / LIBRARY[system].replace("server", "minimal"))
    assert _platform.libjvm(str(tmp_path)) == str(minimal)
    server = touch(tmp_path / LIBRARY[system])
    assert _platform.libjvm(str(tmp_path)) == str(server)


@line("names and places of libjvm and java")
def test_the_bundle_of_macos(system: str, tmp_path: Path) -> None:
    inner = touch(tmp_path / "Contents" / "Home" / LIBRARY[system])
    (tmp_path / "Contents" / "Home" / "release").write_text('JAVA_VERSION="25.0.2"\n')
    found = _jre._check(str(tmp_path), "PATH")
    if system == "darwin":
        assert isinstance(found, _jre.Jre) and found.libjvm == str(inner)
    else:
        assert isinstance(found, str) and found.endswith("no Java there")


@line("names and places of libjvm and java")
def test_the_launcher(system: str) -> None:
    name = "java.exe" if system == "win32" else "java"
    assert _platform.java("home") == os.path.join("home", "bin", name)


# -- the environment


@line("variables are hidden from getenv")
def test_hidden_from_getenv(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("a table of entries is looked at")
    getenv = ctypes.PyDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    texts = [b"SEEN=one", b"SEEN=two", b"SEEN_TOO=three"]
    table = (ctypes.c_char_p * (len(texts) + 1))(*texts, None)
    true = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ")
    before = true.value
    true.value = ctypes.addressof(table)  # a name may stand there twice
    try:
        with pytest.raises(KeyError), _platform.hidden(["SEEN", "ABSENT"]):
            inside = [getenv(name) for name in (b"SEEN", b"SEEN_TOO", b"ABSENT", b"xEEN")]
            raise KeyError
        after = getenv(b"SEEN")
    finally:
        true.value = before
    assert inside == [None, b"three", None, b"one"]
    assert (after, list(table)) == (b"one", [*texts, None])
    monkeypatch.setenv("SEEN", "usual")
    with _platform.hidden(["SEEN"]):
        assert (getenv(b"SEEN"), os.environ["SEEN"]) == (None, "usual")
    assert getenv(b"SEEN") == b"usual"


@line("variables are hidden from getenv")
def test_hidden_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    become(monkeypatch, "win32")
    monkeypatch.setenv("SEEN", "usual")
    done: list[Any] = []
    monkeypatch.setattr(os, "putenv", lambda *pair: done.append(pair))
    with pytest.raises(KeyError), _platform.hidden(["SEEN", "ABSENT"]):
        assert done == [("SEEN", "")] and os.environ["SEEN"] == "usual"
        raise KeyError
    assert done == [("SEEN", ""), ("SEEN", "usual")]


# -- libraries


@line("a library of functions that are there already")
def test_a_library_of_functions(system: str) -> None:
    functions = {"first": _platform.any_function(), "second": _platform.function_of_zero()}
    descriptors = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    with _platform.library_of(functions) as path:
        assert (path is not None) == (system == "linux" == sys.platform)
        if path is not None:
            library = ctypes.CDLL(path)
            assert library.first() == os.getpid() and library.second() == 0
            with pytest.raises(AttributeError):
                library.third  # noqa: B018
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) == descriptors


@line("a library of functions that are there already")
def test_a_machine_without_such_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with _platform.library_of({"first": _platform.any_function()}) as path:
        assert path is None


@line("how libjvm is loaded, and found where it is")
def test_the_folder_of_dlls(
    system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, java: str
) -> None:
    seen: list[str] = []

    class Folder:
        def __init__(self, path: str) -> None:
            seen.append("+" + path)

        def __enter__(self) -> None:
            return None

        def __exit__(self, *_: Any) -> None:
            seen.append("-")

    monkeypatch.setattr(os, "add_dll_directory", Folder, raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda path: seen.append(path) or "library")
    path = os.path.join("home", "bin", "server", "jvm.dll")
    assert _platform.open_jvm(path) == "library"
    folder = os.path.join("home", "bin")
    assert seen == (["+" + folder, path, "-"] if system == "win32" else [path])


@line("how libjvm is loaded, and found where it is")
def test_the_encoding_of_options(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "-Dpath=caf\u00e9"
    if system != "win32":
        assert _platform.jvm_text(text) == os.fsencode(text)
        return
    codec = "cp1252" if sys.platform != "win32" else "mbcs"  # elsewhere a stand-in
    codecs.register({"mbcs": codecs.lookup(codec)}.get)
    assert _platform.jvm_text(text) == text.encode(codec)
    with pytest.raises(UnicodeError):
        _platform.jvm_text("\U0001f40d")


class Kernel32:
    """What the two functions of Windows answer."""

    def __init__(self, path: str) -> None:
        self.asked: list[str] = []

        def find(name: str) -> int:
            self.asked.append(name)
            return 77 if path else 0

        def name_of(module: int, buffer: Any, size: int) -> int:
            assert module == 77 and size == len(buffer) > len(path)
            buffer.value = path
            return len(path)

        self.GetModuleHandleW, self.GetModuleFileNameW = find, name_of


class Dyld:
    """What the two functions of macOS answer."""

    def __init__(self, *images: bytes | None) -> None:
        def name_of(index: int) -> bytes | None:
            return images[index]

        self._dyld_get_image_name = name_of
        self._dyld_image_count = lambda: len(images)


@line("how libjvm is loaded, and found where it is")
def test_loaded_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    become(monkeypatch, "win32")
    for path in ("", "C:\\java\\bin\\server\\jvm.dll"):
        kernel = Kernel32(path)
        monkeypatch.setattr(ctypes, "CDLL", {"kernel32": kernel}.__getitem__)
        assert _platform.loaded_jvms() == ([path] if path else [])
        assert kernel.asked == ["jvm.dll"]


@line("how libjvm is loaded, and found where it is")
def test_loaded_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    become(monkeypatch, "darwin")
    path = b"/jre/lib/server/libjvm.dylib"
    for images, found in (
        ((b"/usr/lib/libSystem.B.dylib", None), []),
        ((b"/usr/bin/python3", path), [os.fsdecode(path)]),
    ):
        monkeypatch.setattr(ctypes, "CDLL", {None: Dyld(*images)}.__getitem__)
        assert _platform.loaded_jvms() == found
    monkeypatch.setattr(ctypes, "CDLL", {None: object()}.__getitem__)
    assert _platform.loaded_jvms() is None  # no dyld: nothing is known


@LINUX
@line("how libjvm is loaded, and found where it is")
def test_loaded_on_linux(run: Any, java: str) -> None:
    code = (
        "from fast_jvm import _platform, _jni, _jre, _hosts",
        "path = _jre.find().jre.libjvm",
        "print(_platform.loaded_jvms())",
        "_hosts._refuse_second_jvm()",
        "_platform.open_jvm(path)",
        "assert _platform.loaded_jvms() == [path], _platform.loaded_jvms()",
        "assert _jni.created_vm() == 0  # loaded, not started",
        "try: _hosts._refuse_second_jvm()",
        "except Exception as error: print(error.reason)",
    )
    done = run(*code, check=True)
    assert done.stdout == "[]\nanother JVM is loaded in this process\n"


@line("how libjvm is loaded, and found where it is")
def test_where_loaded_libraries_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_platform, "loaded_jvms", lambda: None)
    _hosts._refuse_second_jvm()
    assert _jni.created_vm() == 0
    monkeypatch.setitem(sys.modules, "jnius", types.ModuleType("jnius"))
    with pytest.raises(FastJvmUnavailable, match="another JVM"):
        _hosts._refuse_second_jvm()


@pytest.mark.parametrize("missing", ["darwin", "linux"])
def test_a_system_that_does_not_say(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    become(monkeypatch, missing)
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert _platform.loaded_jvms() is None


def refuse(*_: Any, **__: Any) -> Any:
    raise OSError("no")


@POSIX
def test_a_function_that_refuses() -> None:
    assert ctypes.CFUNCTYPE(ctypes.c_int)(_platform.any_function())() == os.getpid()


@POSIX
def test_a_function_of_zero() -> None:
    assert ctypes.CFUNCTYPE(ctypes.c_int64)(_platform.function_of_zero())() == 0


# -- signals


@line("signals: sigaction, masks, faulthandler")
def test_which_signals(system: str) -> None:
    others = _platform.other_signals()
    if system == "win32":
        assert others == []
    elif sys.platform != "win32":
        assert {signal.SIGINT, signal.SIGTERM, signal.SIGABRT} <= set(others)
        assert not {signal.SIGKILL, signal.SIGSTOP, *_platform.JVM_SIGNALS} & set(others)
    assert signal.SIGSEGV in _platform.JVM_SIGNALS


@POSIX
@line("signals: sigaction, masks, faulthandler")
def test_actions_are_read_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    heard: list[int] = []
    try:
        signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
        kept = _platform.actions([signal.SIGUSR1])
        assert list(kept) == [signal.SIGUSR1]
        libc = ctypes.CDLL(None)
        libc.signal.argtypes, libc.signal.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_void_p
        libc.signal(signal.SIGUSR1, 1)  # SIG_IGN, behind Python's back
        (ignored,) = _platform.actions([signal.SIGUSR1]).values()
        assert not _platform.same_action(ignored, kept[signal.SIGUSR1])
        os.kill(os.getpid(), signal.SIGUSR1)
        assert heard == []
        _platform.put_actions(kept)
        (again,) = _platform.actions([signal.SIGUSR1]).values()
        assert _platform.same_action(again, kept[signal.SIGUSR1])
        assert not _platform.same_action(again, None)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert heard == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert _platform.actions([100_000]) == {}  # no such signal
    become(monkeypatch, "win32")
    assert _platform.actions([signal.SIGUSR1]) == {}


@line("signals: sigaction, masks, faulthandler")
def test_masks(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, set[int]]] = []
    monkeypatch.setattr(signal, "SIG_BLOCK", 0, raising=False)
    monkeypatch.setattr(signal, "SIG_SETMASK", 2, raising=False)
    monkeypatch.setattr(
        signal, "pthread_sigmask", lambda how, of: calls.append((how, set(of))), raising=False
    )
    _platform.shield_thread()
    _platform.unshield_thread()
    if system == "win32":
        assert calls == []
    elif sys.platform != "win32":
        (block, blocked), (setmask, none) = calls
        assert (block, setmask, none) == (0, 2, set())
        assert {signal.SIGINT, signal.SIGTERM} <= blocked
        assert not {signal.SIGSEGV, signal.SIGABRT} & blocked


@line("signals: sigaction, masks, faulthandler")
def test_faulthandler(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import faulthandler

    answers: list[str] = []
    monkeypatch.setattr(_platform, "memory_limit", lambda smallest: "")
    monkeypatch.setattr(_guard, "switch_off", answers.append)
    for on in (False, True):
        monkeypatch.setattr(faulthandler, "is_enabled", lambda on=on: on)
        answers.append(_guard.forbidden())
    _guard._enabled()
    _guard._disabled()
    sees = system == "win32"
    assert answers == ["", *([_guard.FAULTHANDLER] * 2 if sees else [""])]


def test_nothing_of_signals_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    become(monkeypatch, "win32")
    monkeypatch.setattr(_guard, "_guard_faulthandler", lambda: None)
    monkeypatch.setattr(_guard, "_seal", lambda vm: None)
    monkeypatch.setattr(_guard, "_guard_stack_size", lambda: None)
    monkeypatch.setattr(_guard._process, "last_in_first_out", lambda: None)
    for name in ("_jvm_actions", "_first_actions", "_other_actions"):
        monkeypatch.setattr(_guard, name, {})  # this process may run a JVM
    before = _guard.before_start()
    assert before == {}
    _guard.started(before, 0)
    assert _guard._jvm_actions == {}


# -- memory, stacks, threads


class Limits(types.ModuleType):
    """A module resource with these limits."""

    RLIM_INFINITY = -1
    RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK = "as", "data", "stack"
    RLIMIT_NOFILE, RLIMIT_NPROC = "files", "threads"

    def __init__(self, **limits: int) -> None:
        super().__init__("resource")
        self.limits = limits

    def getrlimit(self, which: str) -> tuple[int, int]:
        return self.limits.get(which, -1), -1


@line("limits: address space, stacks, overcommit")
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({}, ""),
        ({"as": 1 << 30}, "the address space is limited (RLIMIT_AS)"),
        ({"data": 1 << 30}, "the address space is limited (RLIMIT_DATA)"),
        ({"stack": 64 << 10}, "thread stacks are limited (RLIMIT_STACK)"),
        ({"stack": 8 << 20}, ""),
    ],
)
def test_limits(
    system: str, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], reason: str
) -> None:
    monkeypatch.setitem(sys.modules, "resource", Limits(**limits))
    assert _platform.memory_limit(128 << 10) == ("" if system == "win32" else reason)


@line("limits: address space, stacks, overcommit")
def test_a_system_without_some_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(stack=8 << 20)
    monkeypatch.setitem(sys.modules, "resource", limits)
    monkeypatch.delattr(Limits, "RLIMIT_AS")
    become(monkeypatch, "darwin")
    assert _platform.memory_limit(128 << 10) == ""


@line("limits: address space, stacks, overcommit")
@pytest.mark.parametrize(
    ("limit", "kib"), [(8 << 20, 8192), (64 << 10, 1024), (-1, 1 << 20), (1 << 40, 1 << 20)]
)
def test_stacks(system: str, monkeypatch: pytest.MonkeyPatch, limit: int, kib: int) -> None:
    monkeypatch.setitem(sys.modules, "resource", Limits(stack=limit))
    assert _platform.stack_kib() == (1024 if system == "win32" else kib)


def test_stacks_that_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    become(monkeypatch, "linux")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert _platform.stack_kib() == 8192


@line("limits: address space, stacks, overcommit")
@pytest.mark.parametrize(
    ("text", "reason"), [("0\n", ""), ("2\n", "vm.overcommit_memory=2"), (None, "")]
)
def test_overcommit(
    system: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, reason: str
) -> None:
    file = tmp_path / "overcommit_memory"
    if text is not None:
        file.write_text(text)
    original = open

    def instead(path: Any, *args: Any, **kwargs: Any) -> Any:
        assert path == "/proc/sys/vm/overcommit_memory"
        return original(file, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", instead)
        said = _platform.strict_memory()
    assert said == (reason if system == "linux" else "")


@line("limits: files, threads, a folder to be in")
@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({}, ""),
        ({"files": 42}, ""),
        ({"files": 41}, "10 of 41 files are open (RLIMIT_NOFILE)"),
        ({"threads": 5000}, ""),
        ({"threads": 500}, "threads are limited (RLIMIT_NPROC, pids.max): 5 more could be started"),
    ],
)
def test_what_a_jvm_would_miss(
    system: str, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], reason: str
) -> None:
    ended: list[bool] = []

    class Thread:
        count = 0

        def __init__(self, **_: Any) -> None:
            Thread.count += 1

        def start(self) -> None:
            if Thread.count > 5:
                raise RuntimeError("can't start new thread")

        def join(self) -> None:
            ended.append(True)

    monkeypatch.setitem(sys.modules, "resource", Limits(**limits))
    monkeypatch.setattr(os, "listdir", lambda path: {"/dev/fd": list("0123456789")}[path])
    monkeypatch.setattr(threading, "Thread", Thread)
    monkeypatch.setattr(_platform, "_few_in_group", lambda: False)
    assert _platform.lacking() == ("" if system == "win32" else reason)
    assert len(ended) == min(Thread.count, 5)


@line("limits: files, threads, a folder to be in")
def test_threads_that_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    monkeypatch.setitem(sys.modules, "resource", Limits(threads=4000))
    become(monkeypatch, "linux")
    assert (_platform.lacking(), threading.active_count()) == ("", before)


@line("limits: files, threads, a folder to be in")
def test_a_folder_that_is_gone(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", gone)
    assert _platform.lacking() == "the current folder: No such file or directory"


@line("limits: files, threads, a folder to be in")
def test_no_file_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def listdir(_: str) -> list[str]:
        raise OSError(number, os.strerror(number))

    become(monkeypatch, "linux")
    monkeypatch.setitem(sys.modules, "resource", Limits(files=100))
    monkeypatch.setattr(os, "listdir", listdir)
    for number in (errno.EMFILE, errno.ENFILE):
        assert _platform.lacking() == f"open files: {os.strerror(number)}"
    number = errno.ENOENT  # not told
    assert _platform.lacking() == ""


@line("limits: files, threads, a folder to be in")
@pytest.mark.parametrize(("text", "few"), [("max\n", False), ("100\n", True), (None, False)])
def test_control_groups(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, few: bool
) -> None:
    def instead(path: str, *_: Any, **__: Any) -> Any:
        assert path in ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")
        return file.open()

    file = tmp_path / "pids.max"
    if text is not None:
        file.write_text(text)
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", instead)
        said = _platform._few_in_group()
    assert said is few


@line("what a JVM's start changes: locale, core dumps")
def test_unchanged(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"locale": "C.UTF-8;C", "dumped": "33"}

    def setlocale(_: int, value: str | None = None) -> str:
        if value == "gone":
            raise locale.Error
        kept["locale"] = value or kept["locale"]
        return kept["locale"]

    def instead(path: str, mode: str, **_: Any) -> Any:
        assert (system, path) == ("linux", "/proc/self/coredump_filter")
        if mode == "r":
            return io.StringIO(kept["dumped"] + "\n")
        file = io.StringIO()
        file.write = lambda text: kept.update(dumped=text) or 1  # type: ignore[assignment,func-returns-value]
        return file

    with monkeypatch.context() as patch:
        patch.setattr(locale, "setlocale", setlocale)
        patch.setattr("builtins.open", instead)
        with contextlib.suppress(KeyError), _platform.unchanged():
            kept.update(locale="de_DE", dumped="3f")
            raise KeyError
        first = dict(kept)
        kept["locale"] = "gone"
        with _platform.unchanged():
            pass
    assert first == {"locale": "C.UTF-8;C", "dumped": "0x33" if system == "linux" else "3f"}


def test_threads(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "listdir", lambda path: {"/proc/self/task": ["1", "2", "3"]}[path])
    monkeypatch.setattr(threading, "active_count", lambda: 7)
    assert _platform.os_threads() == (3 if system == "linux" else 7)
    monkeypatch.setattr(os, "listdir", refuse)
    assert _platform.os_threads() == 7


# -- child processes


class Started:
    """A child of which nobody takes leave."""

    returncode: int | None = None

    def wait(self) -> None:
        self.returncode = 5


@line("child processes: detached, niced, reaped")
def test_children(system: str) -> None:
    assert _platform.forks() == (system != "win32")
    options = _platform.detached()
    if system == "win32":
        flags = {
            name: getattr(subprocess, name, value)
            for name, value in (("DETACHED_PROCESS", 8), ("BELOW_NORMAL_PRIORITY_CLASS", 0x4000))
        }
        assert options == {"creationflags": sum(flags.values())}
    else:
        assert options == {"start_new_session": True}
    child: Any = Started()
    _aot.reap(child)
    assert child.returncode == (0 if system == "win32" else 5)


# -- files


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    for name in ("LOCALAPPDATA", "XDG_CACHE_HOME", "FAST_JVM_CACHE"):
        monkeypatch.delenv(name, raising=False)
    yield folder


@line("the user's cache folder")
def test_the_cache_folder(system: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = {
        "linux": (".cache",),
        "darwin": ("Library", "Caches"),
        "win32": ("AppData", "Local"),
    }[system]
    usual = home.joinpath(*place)
    assert Path(_platform.user_cache()) == usual
    assert Path(_cache.folder_path()) == usual / "fast-jvm"
    variable = {"linux": "XDG_CACHE_HOME", "win32": "LOCALAPPDATA"}.get(system)
    if variable:
        monkeypatch.setenv(variable, str(home / "chosen"))
        assert Path(_platform.user_cache()) == home / "chosen"
        monkeypatch.setenv(variable, "not/absolute")
        assert _platform.user_cache() == _cache.folder_path() == ""


@line("the user's cache folder")
@pytest.mark.parametrize("home", ["", "relative"])
def test_a_user_without_home(system: str, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("HOME", home)
    for name in ("LOCALAPPDATA", "XDG_CACHE_HOME", "FAST_JVM_CACHE"):
        monkeypatch.delenv(name, raising=False)
    if system == "win32":
        monkeypatch.setattr(os.path, "expanduser", lambda _: home)
    assert (_platform.user_home(), _platform.user_cache(), _cache.folder_path()) == ("", "", "")
    assert _cache.folder() == ("", "the user has no home")


@line("who may write the cache: owner, mode, links, profile")
def test_whose_folder(system: str, home: Path) -> None:
    folder = home / "cache"
    folder.mkdir(mode=0o700)
    assert _platform.not_ours(str(folder), directory=True) == ""
    assert _platform.not_ours(str(folder)) == f"{folder} is no file"
    file = folder / "x.aot"
    file.touch(mode=0o600)
    assert _platform.not_ours(str(file)) == ""
    assert _platform.not_ours(str(file), directory=True) == f"{file} is no folder"
    with pytest.raises(FileNotFoundError):
        _platform.not_ours(str(folder / "missing"))


@POSIX
@line("who may write the cache: owner, mode, links, profile")
def test_modes(system: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, file, link = home / "cache", home / "x.aot", home / "link.aot"
    folder.mkdir()
    file.touch()
    link.symlink_to(file)
    assert _platform.not_ours(str(link)) == f"{link} is a symlink"
    os.chmod(folder, 0o750)
    os.chmod(file, 0o602)
    windows = system == "win32"
    said = _platform.not_ours(str(folder), directory=True)
    assert said == ("" if windows else f"{folder}: others may enter")
    assert _platform.not_ours(str(file)) == ("" if windows else f"{file} is writable for others")
    os.chmod(file, 0o600)
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    said = _platform.not_ours(str(file))
    assert said == ("" if windows else f"{file} belongs to user {os.getuid()}")


@line("who may write the cache: owner, mode, links, profile")
def test_parents(system: str, home: Path) -> None:
    open_one = home / "everybody"
    open_one.mkdir()
    os.chmod(open_one, 0o777)
    below = open_one / "cache"
    if sys.platform != "win32":
        said = _platform.open_parent(str(below))
        assert said == ("" if system == "win32" else f"{open_one} is writable for everybody")
        os.chmod(open_one, 0o1777)
    assert _platform.open_parent(str(below)) == ""


@line("who may write the cache: owner, mode, links, profile")
def test_outside_of_a_profile(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    become(monkeypatch, "win32")
    inside, beside = home / "cache", tmp_path / "home-of-another"
    for folder in (inside, beside):
        folder.mkdir(mode=0o700)
    assert _platform.not_ours(str(inside), directory=True) == ""
    said = _platform.not_ours(str(beside), directory=True)
    assert said.startswith(f"{beside} is outside of ")
    monkeypatch.setenv("FAST_JVM_CACHE", str(beside))
    assert _cache.folder() == ("", said)
    monkeypatch.setenv("FAST_JVM_CACHE", str(inside))
    assert _cache.folder() == (str(inside), "")


@line("who may write the cache: owner, mode, links, profile")
def test_a_junction(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "cache"
    folder.mkdir(mode=0o700)
    true = os.lstat(folder)
    for attributes, said in ((0x10, ""), (0x410, f"{folder} is a symlink")):
        info = types.SimpleNamespace(
            st_mode=stat.S_IFDIR | 0o700, st_uid=true.st_uid, st_file_attributes=attributes
        )
        with monkeypatch.context() as patch:
            patch.setattr(_platform, "SYSTEM", "win32")
            patch.setattr(_platform.os, "lstat", lambda path, info=info: info)
            patch.setattr(_platform, "_outside_profile", lambda path: "")
            assert _platform.not_ours(str(folder), directory=True) == said


@line("programs that take this one's place (python -m fast_jvm run)")
def test_become(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows keeps the process and answers with the child's exit code; the others leave it."""
    command = [sys.executable, "-c", "import os, sys; sys.exit(int(os.environ['CODE']))"]
    left = []
    monkeypatch.setattr(os, "execve", lambda *call: left.append(call))
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        code = _platform.become(command, {**os.environ, "CODE": "7"})
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, interrupt)
    assert (code, ignored, left == []) == (
        (7, True, True) if system == "win32" else (None, False, False)
    )
    assert all(call[:2] == (command[0], command) for call in left)
