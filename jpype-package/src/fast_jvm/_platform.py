"""All that depends on the operating system, one function per question.

Linux, macOS (darwin) and Windows (win32) are told apart by ``SYSTEM``, which tests set; any other
system answers like Linux without /proc.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import sys
import threading
import time
from typing import Any, Dict, Iterable, Iterator, Mapping

SYSTEM = sys.platform
NAMES = {"darwin": "libjvm.dylib", "win32": "jvm.dll"}
SIGACTION_BYTES = 256  # more than any libc's struct sigaction
REPARSE_POINT = 0x400  # a junction or a symlink of Windows

Actions = Dict[int, bytes]


# -- where Java lies


def libjvm(home: str) -> str:
    """Return the JVM's library in a Java home, or in the bundle of macOS around one; empty without."""
    folder = "bin" if SYSTEM == "win32" else "lib"
    for root in homes(home):
        for kind in ("server", "client", "minimal"):
            path = os.path.join(root, folder, kind, NAMES.get(SYSTEM, "libjvm.so"))
            if os.path.isfile(path):
                return path
    return ""


def homes(home: str) -> tuple[str, ...]:
    """Return the folders that may be meant by a Java home."""
    return (home, os.path.join(home, "Contents", "Home")) if SYSTEM == "darwin" else (home,)


def java(home: str) -> str:
    """Return the path of a Java home's launcher."""
    return os.path.join(home, "bin", "java.exe" if SYSTEM == "win32" else "java")


# -- programs


def become(command: list[str], environment: dict[str, str]) -> int:
    """Replace this process by a program; Windows can't: there a child runs, and its exit code is returned."""
    if SYSTEM != "win32":
        return os.execve(command[0], command, environment)
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the child too: it answers
    return subprocess.call(command, env=environment)


# -- the environment


@contextlib.contextmanager
def hidden(names: Iterable[str]) -> Iterator[None]:
    """Hide variables from getenv, which knows this process alone; os.environ is not touched.

    Taking them out and setting them again would move the table that C code on other threads reads
    without a lock. One byte of each name is changed instead and put back; a child process that
    another thread starts meanwhile gets the changed name.
    """
    if SYSTEM == "win32":
        values = {name: os.environ[name] for name in names if name in os.environ}
        for name in values:
            os.putenv(name, "")  # this is how Windows removes one
        try:
            yield
        finally:
            for name, value in values.items():
                os.putenv(name, value)
        return
    import ctypes

    getenv = ctypes.PyDLL(None).getenv
    getenv.argtypes, getenv.restype = (ctypes.c_char_p,), ctypes.c_void_p
    changed: list[tuple[Any, bytes]] = []
    try:
        for name in names:
            entry = name.encode() + b"="
            value = getenv(name.encode())
            while value and ctypes.string_at(value - len(entry), len(entry)) == entry:
                letter = ctypes.c_char.from_address(value - len(entry))
                changed.append((letter, letter.value))
                letter.value = b"x"
                value = getenv(name.encode())  # a table may hold a name twice
        yield
    finally:
        for letter, was in changed:
            letter.value = was


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Give back what a JVM's start changes of the process and does not need.

    Java's first lines set all of the C library's locale from the environment, where Python sets LC_CTYPE alone;
    on Linux HotSpot has more written to core dumps.
    """
    import locale

    before, dumped = locale.setlocale(locale.LC_ALL, None), _core_filter()
    try:
        yield
    finally:
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, before)
        if dumped:
            _core_filter("0x" + dumped)


def _core_filter(value: str = "") -> str:
    """Return, or set, which mappings of memory a core dump has; empty where the system does not say."""
    if SYSTEM != "linux":
        return ""
    try:
        with open("/proc/self/coredump_filter", "w" if value else "r", encoding="ascii") as file:
            return str(file.write(value)) if value else file.read().strip()
    except OSError:
        return ""


# -- libraries


def open_jvm(path: str) -> Any:
    """Load the JVM's library."""
    import ctypes

    with _dll_folder(os.path.dirname(os.path.dirname(path))):
        return ctypes.CDLL(path)


@contextlib.contextmanager
def _dll_folder(folder: str) -> Iterator[None]:
    # jvm.dll lies in bin/server, the C++ runtime that it wants in bin
    if SYSTEM == "win32":
        with os.add_dll_directory(folder):  # type: ignore[attr-defined,unused-ignore]
            yield
    else:
        yield


def jvm_text(text: str) -> bytes:
    """Encode an option for the JVM, which reads it in the encoding of the system."""
    return text.encode("mbcs") if SYSTEM == "win32" else os.fsencode(text)


def loaded_jvms() -> list[str] | None:
    """Return the paths of the JVMs loaded in this process; None where that cannot be told."""
    import ctypes

    try:
        if SYSTEM == "win32":
            kernel = ctypes.CDLL("kernel32")
            find, name_of = kernel.GetModuleHandleW, kernel.GetModuleFileNameW
            find.argtypes, find.restype = (ctypes.c_wchar_p,), ctypes.c_void_p
            name_of.argtypes = (ctypes.c_void_p, ctypes.c_wchar_p, ctypes.c_uint32)
            module = find("jvm.dll")
            if not module:
                return []
            buffer = ctypes.create_unicode_buffer(1 << 15)
            name_of(module, buffer, len(buffer))
            return [buffer.value]
        if SYSTEM == "darwin":
            dyld = ctypes.CDLL(None)
            dyld._dyld_get_image_name.argtypes = (ctypes.c_uint32,)
            dyld._dyld_get_image_name.restype = ctypes.c_char_p
            images = [dyld._dyld_get_image_name(i) for i in range(dyld._dyld_image_count())]
            return [
                os.fsdecode(name) for name in images if name and name.endswith(b"/libjvm.dylib")
            ]
        with open("/proc/self/maps", "rb") as file:
            mapped = {line[line.index(b"/") :].strip() for line in file if b"/libjvm.so" in line}
        return sorted(os.fsdecode(path) for path in mapped)
    except (OSError, AttributeError):
        return None


@contextlib.contextmanager
def library_of(functions: Mapping[str, int]) -> Iterator[str | None]:
    """Load a library of these functions (name, address), give its path; None where there is no way."""
    if SYSTEM != "linux":
        yield None
        return
    import ctypes

    from ._elf import shared_object

    file = -1
    try:
        file = os.memfd_create("fast-jvm")
        os.write(file, shared_object(functions))
        path: str | None = f"/proc/self/fd/{file}"
        library = ctypes.CDLL(path)
        if any(
            ctypes.cast(library[name], ctypes.c_void_p).value != address
            for name, address in functions.items()
        ):
            path = None
    except (OSError, AttributeError, KeyError):
        path = None
    try:
        yield path
    finally:
        if file >= 0:
            os.close(file)


def any_function() -> int:
    """Return the address of a C function without arguments that answers with a positive number."""
    import ctypes

    return ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p).value or 0


def function_of_zero() -> int:
    """Return the address of a C function without arguments that answers 0."""
    import ctypes

    return ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0


# -- signals

JVM_SIGNALS = tuple(
    int(getattr(signal, name))
    for name in ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL")
    if hasattr(signal, name)
)


def other_signals() -> list[int]:
    """Return the signals whose action can be changed and that HotSpot does not need."""
    if SYSTEM == "win32":
        return []
    kept = {*JVM_SIGNALS, int(signal.SIGKILL), int(signal.SIGSTOP)}
    return [int(number) for number in signal.valid_signals() if int(number) not in kept]


def actions(numbers: Iterable[int]) -> Actions:
    """Return what the C library keeps of each signal; nothing on Windows, where HotSpot takes none."""
    if SYSTEM == "win32":
        return {}
    import ctypes

    found = {}
    for number in numbers:
        buffer = ctypes.create_string_buffer(SIGACTION_BYTES)
        if _sigaction()(number, None, buffer) == 0:
            found[number] = buffer.raw
    return found


def same_action(left: bytes, right: bytes | None) -> bool:
    """Compare two actions by their handler and mask; what follows may be what lay on libc's stack."""
    return right is not None and left[:16] == right[:16]


def put_actions(changed: Actions) -> None:
    """Give signals back the actions that ``actions`` returned."""
    for number, action in changed.items():
        _sigaction()(number, action, None)


_found: list[Any] = []


def _sigaction() -> Any:
    if not _found:
        import ctypes

        call = ctypes.PyDLL(None).sigaction  # with the GIL: the action may be Python's own
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p)
        _found.append(call)
    return _found[0]


def shield_thread() -> None:
    """Keep signals meant for Python away from this thread, and so from the threads the JVM makes."""
    if SYSTEM != "win32":
        spared = int(signal.SIGABRT)
        signal.pthread_sigmask(
            signal.SIG_BLOCK, [number for number in other_signals() if number != spared]
        )


def unshield_thread() -> None:
    """Let this thread have all signals."""
    if SYSTEM != "win32":
        signal.pthread_sigmask(signal.SIG_SETMASK, [])


def faulthandler_sees_java() -> bool:
    """Say whether faulthandler reports what is normal in a JVM: Windows asks it before HotSpot."""
    return SYSTEM == "win32"


# -- memory, stacks, threads


def memory_limit(smallest_stack: int) -> str:
    """Say which limit may make the JVM end the whole process; empty when there is none."""
    if SYSTEM == "win32":
        return ""
    import resource

    for name in ("RLIMIT_AS", "RLIMIT_DATA"):
        limit = getattr(resource, name, None)
        if limit is not None and resource.getrlimit(limit)[0] != resource.RLIM_INFINITY:
            return f"the address space is limited ({name})"
    stack = resource.getrlimit(resource.RLIMIT_STACK)[0]
    if stack != resource.RLIM_INFINITY and stack < smallest_stack:
        return "thread stacks are limited (RLIMIT_STACK)"
    return ""


FREE_FILES = 32
FREE_THREADS = 24
FEW_THREADS = 4096  # a limit below is worth a look


def lacking() -> str:
    """Say what a JVM would miss so much that it ends the process: a folder to be in, files, threads."""
    try:
        os.getcwd()
    except OSError as error:
        return f"the current folder: {error.strerror}"
    if SYSTEM == "win32":
        return ""
    return _files() or _threads()


def _files() -> str:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        count = len(os.listdir("/dev/fd"))
    except OSError as error:
        return (
            f"open files: {error.strerror}" if error.errno in (errno.EMFILE, errno.ENFILE) else ""
        )
    if limit == resource.RLIM_INFINITY or count + FREE_FILES <= limit:
        return ""
    return f"{count} of {limit} files are open (RLIMIT_NOFILE)"


def _threads() -> str:
    """Try it where threads are limited: who else has some is not known."""
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if (limit == resource.RLIM_INFINITY or limit > FEW_THREADS) and not _few_in_group():
        return ""
    done = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(FREE_THREADS):
            thread = threading.Thread(target=done.wait, name="fast-jvm-try", daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:
        return f"threads are limited (RLIMIT_NPROC, pids.max): {len(started)} more could be started"
    finally:
        done.set()
        for thread in started:
            thread.join()
    return ""


def _few_in_group() -> bool:
    """Say whether a control group limits threads: a container's own group is the root of what it sees."""
    for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/pids"):
        try:
            with open(os.path.join(folder, "pids.max"), encoding="ascii") as file:
                return file.read().strip() != "max"
        except OSError:
            continue
    return False


def strict_memory() -> str:
    """Say why the system may refuse memory that is only reserved; empty when it does not."""
    if SYSTEM != "linux":
        return ""
    try:
        with open("/proc/sys/vm/overcommit_memory", encoding="ascii") as file:
            return "vm.overcommit_memory=2" if file.read().strip() == "2" else ""
    except OSError:
        return ""


def stack_kib() -> int:
    """Return the size of the main thread's stack, for -Xss.

    HotSpot takes -Xss, 1 MiB by default, for it and lays its guard pages there: deep recursion of C
    code that was fine before would then end the process. On Windows it asks for the true bounds.
    """
    if SYSTEM == "win32":
        return 1024
    most = 1 << 20
    try:
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
    except (ImportError, OSError, ValueError):
        return 8192
    return most if soft == resource.RLIM_INFINITY else max(1024, min(most, soft >> 10))


def os_threads() -> int:
    """Return how many threads this process has; where the system does not say, Python's own."""
    if SYSTEM == "linux":
        try:
            return len(os.listdir("/proc/self/task"))
        except OSError:
            pass
    return threading.active_count()


_JVM_THREADS = (
    b"C1 Compiler",
    b"C2 Compiler",
    b"VM Thread",
    b"GC Thread",
    b"Service Thread",
    b"Monitor Deflati",
    b"Reference Handl",
    b"Finalizer",
    b"Common-Cleaner",
)


def wait_for_jvm_threads(seconds: float) -> None:
    """Wait until HotSpot's own threads sleep, as they do but for compilations and collections.

    Linux, proc_pid_stat(5); elsewhere nobody says what another thread does.
    """
    end = time.monotonic() + seconds
    seen = 0
    while SYSTEM == "linux" and seen < 3 and time.monotonic() < end:
        seen = seen + 1 if _jvm_threads_sleep() else 0
        time.sleep(0.001)


def _jvm_threads_sleep() -> bool:
    try:
        threads = os.listdir("/proc/self/task")
    except OSError:
        return True
    for thread in threads:
        try:
            with open(f"/proc/self/task/{thread}/stat", "rb") as file:
                _, _, named = file.read().partition(b"(")
        except OSError:
            continue  # it has ended
        name, _, rest = named.rpartition(b")")
        if name.startswith(_JVM_THREADS) and not rest.startswith(b" S"):
            return False
    return True


# -- child processes


def detached() -> dict[str, Any]:
    """Return what makes subprocess start a child that outlives us and does not hear our signals."""
    if SYSTEM == "win32":
        return {"creationflags": 0x00000008 | 0x00004000}  # DETACHED, BELOW_NORMAL_PRIORITY
    return {"start_new_session": True}


def forks() -> bool:
    """Say whether a process can fork."""
    return SYSTEM != "win32"


# -- files


def user_cache() -> str:
    """Return the folder for the user's caches; empty where none is known."""
    home = user_home()
    if SYSTEM == "win32":
        base = os.environ.get("LOCALAPPDATA") or home and os.path.join(home, "AppData", "Local")
    elif SYSTEM == "darwin":
        base = home and os.path.join(home, "Library", "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or home and os.path.join(home, ".cache")
    return base if os.path.isabs(base) else ""


def user_home() -> str:
    """Return the user's home, there or not; empty where none is known."""
    if SYSTEM != "win32" and os.environ.get("HOME") == "":
        return ""  # expanduser would say /
    home = os.path.expanduser("~")
    return home if os.path.isabs(home) else ""


def not_ours(path: str, directory: bool = False) -> str:
    """Say why somebody else could have made or changed a file or folder; OSError when it is missing."""
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode) or getattr(info, "st_file_attributes", 0) & REPARSE_POINT:
        return f"{path} is a symlink"
    if directory != stat.S_ISDIR(info.st_mode) or not (directory or stat.S_ISREG(info.st_mode)):
        return f"{path} is no {'folder' if directory else 'file'}"
    if SYSTEM == "win32":
        return _outside_profile(path)
    if info.st_uid != os.geteuid():
        return f"{path} belongs to user {info.st_uid}"
    if directory and info.st_mode & 0o077:
        return f"{path}: others may enter"
    if info.st_mode & 0o022:
        return f"{path} is writable for others"
    return ""


def _outside_profile(path: str) -> str:
    """Windows has no mode to look at, but lets nobody else into a user's profile."""
    profile = os.path.normcase(os.path.realpath(os.path.expanduser("~")))
    where = os.path.normcase(os.path.realpath(path))
    return "" if where.startswith(profile + os.sep) else f"{path} is outside of {profile}"


def open_parent(path: str) -> str:
    """Say where others may rename the folder's parents, and so swap the folder; empty if nowhere."""
    if SYSTEM == "win32":
        return ""
    parent = os.path.dirname(os.path.realpath(path))
    while True:
        info, above = os.stat(parent), os.path.dirname(parent)
        if info.st_mode & 0o002 and not info.st_mode & stat.S_ISVTX:
            return f"{parent} is writable for everybody"
        # a group of the user's own: many systems give each user one, and let it write
        if info.st_mode & 0o020 and not info.st_mode & stat.S_ISVTX:
            if info.st_gid not in (0, os.getegid()):
                return f"{parent} is writable for group {info.st_gid}"
        if parent == above:
            return ""
        if info.st_uid not in (0, os.geteuid()):
            return f"{parent} belongs to user {info.st_uid}"
        parent = above
