"""The patch registry: hooks, gates, patching, undoing, and each patch's way to live.

waiting (its module is not imported, or no boot has begun and it is late) -> patched (the original serves and its cost is metered)
-> warming (Java is up) -> live, or skipped with the reason. Registering imports no target. Gates
(versions, fingerprints of code) are looked at when a boot is near or somebody asks, and what does
not pass is undone: until then the original serves anyhow, and short scripts never pay for them.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from types import FunctionType, ModuleType
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Protocol,
    Tuple,
    Union,
    cast,
)

from . import _settings
from ._log import log
from ._reasons import Kind, Reason, kind

ABSENT = object()
#: Flags of code that takes *args and **kwargs (CO_VARARGS, CO_VARKEYWORDS).
_PLACED, _NAMED = 0x04, 0x08
JPYPE = "jpype"

Builtins = Dict[str, Callable[..., Any]]
Activate = Callable[[Union[Builtins, None]], None]
Meter = Callable[[int], None]


class Patch(NamedTuple):
    """One function of a library, and what may serve in its place."""

    name: str  # "langgraph.dumps_typed"
    package: str  # its switch is this name in capitals
    target: str  # "module:Class.function"
    distribution: str
    versions: str
    codes: FrozenSet[str]  # fingerprints of the originals that were studied
    builtins: Tuple[str, ...]
    make: str  # "module:function": (original, meter) -> (replacement, activate)
    prepare: str  # "module:function": (builtins, warm) -> measured ns or None
    also: Mapping[str, Union[str, FrozenSet[str]]] = {}  # other code it leans on: fingerprints
    requires: Mapping[str, str] = {}  # distribution -> versions; "!..." = must be installed
    late: bool = False  # placed when a boot begins: it serves no sooner and meters nothing
    plain: bool = False  # needs no Java: see ready()
    copies: Tuple[str, ...] = ()  # modules that import it by name, and may have done so before us


class Entry:
    """A registered patch and where it is in its life."""

    def __init__(self, patch: Patch) -> None:
        self.patch = patch
        self.state = "waiting"
        self.reason = Reason("")
        self.version = ""
        self.original: Any = None
        self.raw: Any = ABSENT
        self.owner: Any = None
        self.replacement: Any = None
        self.placed: Any = None
        self.copies: List[ModuleType] = []
        self.code: Any = None  # of the replacement
        self.leans_on: List[Tuple[str, Any, Any]] = []  # path, object and code that passed the gate
        self.activate: Activate | None = None
        self.gated = False
        self.original_calls = 0
        self.original_ns = 0

    @property
    def attribute(self) -> str:
        """The last part of the target's name."""
        return self.patch.target.rpartition(":")[2].rpartition(".")[2]

    def skip(self, reason: str) -> None:
        """Let the original serve for good and say why, once."""
        if self.state == "skipped":
            return
        self.state, self.reason = "skipped", Reason(reason)
        log.info("%s: original (%s)", self.patch.name, reason)


class Boot(Protocol):
    """What patches want of the boot, which stands above them."""

    def start(self) -> None:
        """Start the boot in the background, once."""

    def patched(self) -> None:
        """Hear that patches were placed."""

    def unusable(self) -> Reason:
        """Say why this process will never boot; empty while it may."""

    def spend(self, ns: int) -> None:
        """Charge an original's cost."""


boot = cast(Boot, None)  # fast_jvm sets it
_lock = threading.RLock()
_entries: dict[str, Entry] = {}
_hooked: set[str] = set()
_booting = False
_known: Dict[
    int, Tuple[Any, Any, str]
] = {}  # of what patches lean on: itself, its code, its fingerprint
_versions: Dict[str, str] = {}  # of distributions, as ready() found them


def renew_lock() -> None:
    """In a forked child the thread that held the lock may be gone."""
    global _lock
    _lock = threading.RLock()


def entries() -> list[Entry]:
    """Return all entries in the order of their registration."""
    return list(_entries.values())


def register(patches: Iterable[Patch]) -> None:
    """Note patches; each is put in place when its target's module is imported, late ones not before a boot."""
    global _booting
    eager = _settings.get("FAST_JVM") == "eager"
    targets: list[str] = []
    with _lock:
        _booting = _booting or eager
        for patch in patches:
            known = _entries.get(patch.name)
            if known is not None and known.state != "undone":
                continue
            entry = _entries[patch.name] = Entry(patch)
            reason = _settings.switched_off() or _left_out(patch) or boot.unusable()
            if reason:
                entry.skip(reason)
            else:
                module = patch.target.partition(":")[0]
                if module not in targets and (_booting or not patch.late):
                    targets.append(module)
    _place_in(targets)
    if targets and JPYPE not in _hooked:
        import wrapt

        _hooked.add(JPYPE)
        wrapt.register_post_import_hook("fast_jvm._share:place", JPYPE)
    if targets and eager:
        boot.start()


def _place_in(modules: Iterable[str]) -> None:
    for module in modules:
        if module in sys.modules:
            _imported(module)
        if module not in _hooked:
            _hook(module)


def place_late() -> None:
    """Place what was kept back: a boot begins, or somebody wants all that there is."""
    global _booting
    _booting = True
    _place_in(
        dict.fromkeys(
            entry.patch.target.partition(":")[0]
            for entry in entries()
            if entry.patch.late and entry.state == "waiting"
        )
    )


def _left_out(patch: Patch) -> Reason:
    switch = _settings.package_switch(patch.package)
    wanted = _settings.wanted(patch.package, patch.name)
    return Reason("" if wanted else f"{switch} leaves it out", Kind.LEFT_OUT, switch=switch)


def _hook(module: str) -> None:
    _hooked.add(module)
    if module not in sys.modules or _initializing(sys.modules[module]):
        import wrapt

        wrapt.register_post_import_hook(lambda loaded: _imported(module), module)


def _initializing(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _imported(module: str) -> None:
    """Patch what is registered for a module; an import must never fail because of us.

    Nothing is imported while the lock is held: importing threads hold locks of their own.
    """
    with _lock:
        claimed = [
            entry
            for entry in entries()
            if entry.state == "waiting"
            and entry.patch.target.partition(":")[0] == module
            and (_booting or not entry.patch.late)
        ]
        for entry in claimed:
            entry.state = "placing"
    for entry in claimed:
        try:
            _place(entry)
        except Exception as error:
            entry.skip(f"could not be patched: {error!r}")
            log.debug("%s", entry.patch.name, exc_info=True)
    if any(entry.state == "patched" for entry in claimed):
        boot.patched()


def retry_waiting() -> None:
    """Patch targets whose module was still being imported when its hook ran; give up what a reload replaced."""
    for entry in entries():
        if entry.placed is not None and _reloaded(entry):
            text = f"{entry.patch.target} was loaded anew"
            give_up(entry, Reason(text, Kind.RELOADED, package=entry.patch.package))
    for module in {
        entry.patch.target.partition(":")[0]
        for entry in entries()
        if entry.state == "waiting" and (_booting or not entry.patch.late)
    }:
        if module in sys.modules and not _initializing(sys.modules[module]):
            _imported(module)


def _reloaded(entry: Entry) -> bool:
    """Say whether the original's code stands in our place, as after importlib.reload."""
    from ._fingerprint import code_of

    try:
        now = resolve(entry.patch.target)
    except (ImportError, AttributeError):
        return False
    return now is not entry.replacement and code_of(now) == code_of(entry.original)


def _place(entry: Entry) -> None:
    patch = entry.patch
    module_name, _, qualname = patch.target.partition(":")
    owner: Any = sys.modules[module_name]
    *path, attribute = qualname.split(".")
    for name in path:
        owner = getattr(owner, name, None)
    if not hasattr(owner, attribute):
        if _initializing(sys.modules[module_name]):
            entry.state = "waiting"
        else:
            entry.skip(_other_code(patch, "does not exist"))
        return
    if not issubclass(type(owner), (type, ModuleType)):
        entry.skip(_other_code(patch, f"is inside of a {kind(owner)}"))
        return
    raw = vars(owner).get(attribute, ABSENT)
    wrap: Any = type(raw) if type(raw) in (staticmethod, classmethod) else None
    original = (
        raw.__func__ if wrap is not None else (getattr(owner, attribute) if raw is ABSENT else raw)
    )
    if type(original) is not FunctionType:  # isinstance believes a wrapper
        entry.skip(_other_code(patch, f"is wrapped by a {kind(original)}"))
        return
    replacement, activate = resolve(patch.make)(original, _meter(entry))
    if not _takes(replacement, original):
        entry.skip(_other_code(patch, "has other parameters"))  # who imports it by name keeps it
        return
    functools.update_wrapper(replacement, original)
    if module_name != original.__module__ and not path:
        replacement.__module__ = module_name  # pickle looks for it where its name says
    entry.owner, entry.raw, entry.original, entry.replacement = owner, raw, original, replacement
    entry.code = replacement.__code__
    entry.placed = wrap(replacement) if wrap is not None else replacement
    entry.activate = activate
    setattr(owner, attribute, entry.placed)
    entry.copies = [
        module
        for module in map(sys.modules.get, patch.copies)
        if module is not None and vars(module).get(attribute) is original
    ]
    for module in entry.copies:
        setattr(module, attribute, entry.placed)
    entry.state = "patched"  # marked last: all that is needed to undo it is there


def _takes(ours: Any, theirs: Any) -> bool:
    """Say whether a replacement is called as the original is: its parameters, in their order, and their defaults; or it passes all on."""
    code, known = ours.__code__, theirs.__code__
    if code.co_flags & _NAMED and (code.co_flags & _PLACED or known.co_argcount <= 1):
        return True
    if known.co_flags & _NAMED and known.co_flags & _PLACED and not known.co_argcount:
        return True  # a decorator's, as @contextmanager's: it does not say
    return _parameters(ours) == _parameters(theirs)


def _parameters(function: Any) -> Tuple[Any, ...]:
    code = function.__code__
    placed, named = code.co_argcount, code.co_kwonlyargcount
    names = code.co_varnames[: placed + named]
    return (
        *(names[min(placed, 1) : placed], names[placed:]),  # self may have any name
        *(code.co_flags & (_PLACED | _NAMED), placed),
        *(function.__defaults__ or (), function.__kwdefaults__ or {}),
    )


def _other_code(patch: Patch, what: str) -> Reason:
    return Reason(f"{patch.target} {what}", Kind.CODE, package=patch.package)


def unpatch(package: str | None = None) -> None:
    """Undo in reverse order: what was absent is absent again."""
    with _lock:
        for entry in reversed(entries()):
            if package in (None, entry.patch.package):
                _undo(entry)
                entry.state, entry.reason = "undone", Reason("unpatched", Kind.UNPATCHED)


def give_up(entry: Entry, reason: str) -> None:
    """Put the original back for good and say why."""
    with _lock:
        _undo(entry)
        entry.skip(reason)


def _undo(entry: Entry) -> None:
    if entry.activate is not None:
        entry.activate(None)
    if entry.placed is None:
        return
    for module in entry.copies:
        if vars(module).get(entry.attribute) is entry.placed:
            setattr(module, entry.attribute, entry.original)
    # somebody who patched over us, or put code into our replacement, keeps calling it: it serves the original now
    if (
        vars(entry.owner).get(entry.attribute) is entry.placed
        and entry.replacement.__code__ is entry.code
    ):
        if entry.raw is ABSENT:
            delattr(entry.owner, entry.attribute)
        else:
            setattr(entry.owner, entry.attribute, entry.raw)
    entry.placed = None


def _meter(entry: Entry) -> Meter:
    spend = boot.spend

    def meter(ns: int) -> None:
        entry.original_calls += 1
        entry.original_ns += ns
        spend(ns)

    return meter


def resolve(path: str) -> Any:
    """Return the object that "module:qualname" names, functions out of their descriptors."""
    module, _, qualname = path.partition(":")
    found: Any = importlib.import_module(module)
    for name in qualname.split("."):
        raw: Any = vars(found).get(name) if issubclass(type(found), type) else None
        if type(raw) in (staticmethod, classmethod):
            found = raw.__func__
        else:
            found = getattr(found, name) if raw is None else raw
    return found


# -- gates


def installed(distribution: str) -> str:
    """Return the version of an installed distribution, or an empty string."""
    from importlib import metadata

    try:
        return metadata.version(distribution) or ""
    except metadata.PackageNotFoundError:
        return ""


def _version(distribution: str, versions: Dict[str, str]) -> str:
    """The version, looked up once for all patches: to read a distribution's metadata costs ms."""
    if distribution not in versions:
        versions[distribution] = installed(distribution)
    return versions[distribution]


def fits(version: str, specifier: str) -> bool:
    """Say whether a version is in the range; prereleases of it count."""
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(version, prereleases=True)


def _version_gate(entry: Entry, versions: Dict[str, str]) -> Reason:
    patch = entry.patch
    entry.version = _version(patch.distribution, versions)
    return _release(patch.distribution, entry.version, patch.versions)


def _release(distribution: str, version: str, versions: str) -> Reason:
    """Say why a distribution's version is not one of those that are wanted; empty when it is."""
    text = ""
    if not version:
        text = f"{distribution} is not installed"
    elif not fits(version, versions):
        text = f"{distribution} {version} is outside {versions}"
    return Reason(text, Kind.RELEASE, wanted=f"{distribution}{versions}")


def check_gates() -> None:
    """Look at fingerprints and requirements of what is patched; undo what does not pass."""
    from . import _fingerprint

    versions: Dict[str, str] = {}
    for entry in entries():
        if entry.state == "patched" and not entry.gated:
            _check_gate(entry, versions)
    _fingerprint.forget()


def importing() -> bool:
    """Say whether a package that gates would look into is being imported.

    A gate imports what it looks at: from another thread that can deadlock with the import that is under way, from the same one it changes
    its order.
    """
    return any(map(_importing, entries()))


def _importing(entry: Entry) -> bool:
    if entry.state != "patched" or entry.gated:
        return False
    for path in (entry.patch.target, *entry.patch.also):
        package = sys.modules.get(path.partition(":")[0].partition(".")[0])
        if getattr(getattr(package, "__spec__", None), "_initializing", False):
            return True
    return False


def _check_gate(entry: Entry, versions: Dict[str, str]) -> None:
    try:
        reason = (
            _version_gate(entry, versions)
            or Reason(_code_gate(entry), Kind.CODE, package=entry.patch.package)
            or _requirements_gate(entry.patch, versions)
        )
    except Exception as error:
        reason = Reason(f"gates could not be looked at: {error!r}")
    with _lock:
        if entry.state == "patched" and not entry.gated:
            entry.gated = True
            if reason:
                give_up(entry, reason)


def ready(name: str, now: bool = False) -> bool:
    """Say whether a patch that needs no Java may serve; at the first call its gate is looked at, and it goes live.

    Its function may run once in a process, for minutes: what waits for a boot would never serve it. Only its own gate: a library
    that calls it while it is being imported does not wait for all of them; not even for that one, unless *now*.
    """
    entry = _entries.get(name)
    if entry is None:
        return False
    if entry.state == "patched" and not entry.gated:
        if not now and _importing(entry):
            return False
        _check_gate(entry, _versions)
    with _lock:
        if entry.state in ("patched", "warming") and entry.gated and entry.patch.plain:
            assert entry.activate is not None
            entry.activate({})
            entry.state = "live"
            log.info("%s: live", name)
    return entry.state == "live"


def _code_gate(entry: Entry) -> str:
    from ._fingerprint import code_of, fingerprint

    checks: List[Tuple[str, Any, Union[str, FrozenSet[str]]]] = [
        (entry.patch.target, entry.original, entry.patch.codes)
    ]
    for path, accepted in entry.patch.also.items():
        try:
            checks.append((path, _unpatched(resolve(path)), accepted))
        except (ImportError, AttributeError):
            return f"{path} does not exist"
    for path, target, accepted in checks:
        known, running, code = _known.get(id(target), (None, None, ""))
        if known is not target or running is not code_of(target):
            try:
                code = fingerprint(target)
            except (LookupError, OSError, SyntaxError) as error:
                return f"{path}: {error}"
            _known[id(target)] = target, code_of(target), code
        if code != accepted and code not in (accepted if not isinstance(accepted, str) else ()):
            return f"{path} has code that is not known ({code}{_of_another_module(path, target)})"
    entry.leans_on = [(path, target, code_of(target)) for path, target, _ in checks]
    return ""


def _of_another_module(path: str, target: Any) -> str:
    """Name the module of a function that was put in the place of another: its __module__ may be the other's."""
    module = getattr(target, "__globals__", {}).get("__name__")
    return f", of {module}" if module and module != path.partition(":")[0] else ""


def replaced_since(entry: Entry) -> str:
    """Say what that passed the gate is not there any more: Java would go on as if it were."""
    from ._fingerprint import code_of

    for path, target, code in entry.leans_on:
        try:
            now = entry.original if path == entry.patch.target else _unpatched(resolve(path))
        except (ImportError, AttributeError):
            now = None
        if now is not target or code_of(now) is not code:
            return f"{path} was replaced while Java got ready"
    return ""


def leaning(name: str) -> List[Tuple[Any, List[str]]] | None:
    """Return owners and names of what a patch leans on, beside its target; None where something else stands there by now."""
    entry = _entries[name]
    found: Dict[int, Tuple[Any, List[str]]] = {}
    for path, target, _ in entry.leans_on:
        module, _, qualname = path.partition(":")
        outer, _, attribute = qualname.rpartition(".")
        if path == entry.patch.target:
            continue
        try:
            if _unpatched(resolve(path)) is not target:
                return None
            owner = resolve(f"{module}:{outer}") if outer else sys.modules[module]
        except (ImportError, AttributeError):
            return None
        if attribute in getattr(
            owner, "__dict__", ()
        ):  # (not so: of a base class, or a property's)
            found.setdefault(id(owner), (owner, []))[1].append(attribute)
    return list(found.values())


def _unpatched(target: Any) -> Any:
    for entry in entries():
        if target is entry.replacement:
            return entry.original
    return target


def _requirements_gate(patch: Patch, versions: Dict[str, str]) -> Reason:
    for distribution, specifier in patch.requires.items():
        version = _version(distribution, versions)
        if version or specifier.startswith("!"):
            reason = _release(distribution, version, specifier.lstrip("!"))
            if reason:
                return reason
    return Reason("")
