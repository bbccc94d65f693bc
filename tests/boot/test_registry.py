"""Import, patch, unpatch in every order; gates; what a replacement keeps."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import pickle
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import fast_jvm
from fast_jvm import _boot, _registry, _state
from support import wrappers

TARGETS = ("nothing", "Shape.empty", "Shape.static_empty", "Shape.class_empty")


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry of its own, no JVM, the library not imported yet."""
    monkeypatch.setenv("SHAPES_REGISTER", "no")
    monkeypatch.delenv("FAST_JVM", raising=False)
    monkeypatch.delenv("FAST_SHAPES", raising=False)
    monkeypatch.setattr(_registry, "_entries", {})
    monkeypatch.setattr(_registry, "_hooked", set())
    monkeypatch.setattr(_registry, "_booting", False)
    for name, value in vars(_state.State()).items():
        monkeypatch.setattr(_state.state, name, value)
    monkeypatch.setattr(_boot, "_spent", 0)
    monkeypatch.setattr(_boot, "start", lambda: None)
    for name in ("shapes", "fast_shapes"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    _registry.unpatch()


def patches(**changes: Any) -> list[fast_jvm.Patch]:
    fast_shapes = importlib.import_module("fast_shapes")
    if not changes:
        return fast_shapes.PATCHES
    target = changes.pop("target", "nothing")
    return [fast_shapes.patch("nothing", target, fast_shapes.CODES["nothing"], **changes)]


def library() -> ModuleType:
    return importlib.import_module("shapes")


def raw(module: ModuleType, path: str) -> Any:
    owner: Any = module
    *outer, name = path.split(".")
    for part in outer:
        owner = vars(owner)[part]
    return vars(owner)[name]


def states() -> list[str]:
    return [entry.state for entry in _registry.entries()]


def reason() -> str:
    _registry.check_gates()
    (entry,) = _registry.entries()
    return f"{entry.state}: {entry.reason}"


def test_registering_imports_no_target() -> None:
    fast_jvm.register(patches())
    assert "shapes" not in sys.modules
    assert states() == ["waiting"] * len(TARGETS)


@pytest.mark.parametrize("order", ["import first", "boot first"])
def test_late_patches_are_placed_when_a_boot_begins(order: str) -> None:
    fast_jvm.register([patch._replace(late=patch.name.endswith(".nothing")) for patch in patches()])
    names = [entry.patch.name.rpartition(".")[2] for entry in _registry.entries()]
    if order == "boot first":
        _registry.place_late()
        library()
    else:
        original = raw(library(), "nothing")
        _registry.retry_waiting()
        assert dict(zip(names, states())).pop("nothing") == "waiting"
        assert states().count("patched") == len(TARGETS) - 1
        assert raw(library(), "nothing") is original
        _registry.place_late()
    _registry.check_gates()
    assert states() == ["patched"] * len(TARGETS)


def test_eager_boots_place_late_patches_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAST_JVM", "eager")
    library()
    fast_jvm.register([patch._replace(late=True) for patch in patches()])
    assert states() == ["patched"] * len(TARGETS)


@pytest.mark.parametrize("order", ["import first", "register first"])
def test_orders(order: str) -> None:
    if order == "import first":
        module = library()
        originals = {path: raw(module, path) for path in TARGETS}
        fast_jvm.register(patches())
    else:
        fast_jvm.register(patches())
        module = library()
        originals = {}
    _registry.check_gates()
    assert states() == ["patched"] * len(TARGETS)
    replaced = {path: raw(module, path) for path in TARGETS}
    for path, original in originals.items():
        assert replaced[path] is not original
    assert module.nothing() is None
    assert module.Square.class_empty() is None
    assert module.Shape.static_empty() is None
    fast_jvm.register(patches())  # repeated: nothing happens
    assert {path: raw(module, path) for path in TARGETS} == replaced
    fast_jvm.unpatch("fast_other")
    assert states() == ["patched"] * len(TARGETS)
    fast_jvm.unpatch("fast_shapes")
    assert states() == ["undone"] * len(TARGETS)
    for path, original in originals.items():
        assert raw(module, path) is original
    fast_jvm.unpatch()
    fast_jvm.register(patches())  # and once more from the start
    assert states() == ["patched"] * len(TARGETS)
    fast_jvm.unpatch()
    for path, original in originals.items():
        assert raw(module, path) is original


def test_what_was_absent_is_absent_again() -> None:
    fast_shapes = importlib.import_module("fast_shapes")
    module = library()
    fast_jvm.register([fast_shapes.patch("inherited", "Square.empty", fast_shapes.CODES["empty"])])
    _registry.check_gates()
    assert states() == ["patched"]
    assert (
        "empty" in vars(module.Square)
        and vars(module.Square)["empty"] is not vars(module.Shape)["empty"]
    )
    fast_jvm.unpatch()
    assert "empty" not in vars(module.Square)


def test_a_later_patch_of_somebody_else_is_left_alone() -> None:
    module = library()
    fast_jvm.register(patches())
    ours = module.nothing

    def theirs() -> None:
        return ours()

    module.nothing = theirs
    fast_jvm.unpatch()
    assert module.nothing is theirs
    assert module.nothing() is None


def test_a_module_that_is_still_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    module = library()
    empty = ModuleType("shapes")
    empty.__spec__ = module.__spec__
    monkeypatch.setattr(module.__spec__, "_initializing", True, raising=False)
    monkeypatch.setitem(sys.modules, "shapes", empty)
    fast_jvm.register(patches())
    assert states() == ["waiting"] * len(TARGETS)
    vars(empty).update(vars(module))
    monkeypatch.setattr(module.__spec__, "_initializing", False, raising=False)
    _registry.retry_waiting()
    assert states() == ["patched"] * len(TARGETS)


@pytest.mark.parametrize("path", TARGETS)
def test_a_replacement_keeps_what_the_original_showed(path: str) -> None:
    module = library()

    def found() -> Any:
        owner: Any = module
        for name in path.split("."):
            owner = getattr(owner, name)
        return owner

    def seen() -> tuple[Any, ...]:
        thing = found()
        return (
            thing.__name__,
            thing.__qualname__,
            thing.__module__,
            thing.__doc__,
            inspect.signature(thing),
            thing.__annotations__,
            type(thing),
        )

    before, original = seen(), inspect.unwrap(getattr(found(), "__func__", found()))
    fast_jvm.register(patches())
    _registry.check_gates()
    assert seen() == before
    function = getattr(found(), "__func__", found())
    assert function.__wrapped__ is original
    assert inspect.getsource(found()) == inspect.getsource(original)
    if inspect.isfunction(found()):
        assert pickle.loads(pickle.dumps(found())) is found()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "patched: "),
        ({"versions": ">=1.3"}, "skipped: shapes-lib 1.2.0 is outside >=1.3"),
        ({"versions": ">=1.2,<1.2.0.post1"}, "patched: "),
        ({"distribution": "shapes-nowhere"}, "skipped: shapes-nowhere is not installed"),
        (
            {"codes": frozenset({"0" * 16})},
            "skipped: shapes:nothing has code that is not known (a11b73e749743acf)",
        ),
        ({"also": {"shapes:helper": "030483cc12288553"}}, "patched: "),
        ({"also": {"shapes:helper": frozenset({"x", "030483cc12288553"})}}, "patched: "),
        (
            {"also": {"shapes:helper": "0" * 16}},
            "skipped: shapes:helper has code that is not known (030483cc12288553)",
        ),
        ({"also": {"shapes:gone": "0" * 16}}, "skipped: shapes:gone does not exist"),
        ({"also": {"nowhere:gone": "0" * 16}}, "skipped: nowhere:gone does not exist"),
        ({"requires": {"wrapt": ">=1"}}, "patched: "),
        ({"requires": {"wrapt": ">=999"}}, "skipped: wrapt "),
        ({"requires": {"shapes-nowhere": ">=1"}}, "patched: "),
        ({"requires": {"shapes-nowhere": "!>=1"}}, "skipped: shapes-nowhere is not installed"),
        ({"target": "gone"}, "skipped: shapes:gone does not exist"),
        ({"target": "Nobody.gone"}, "skipped: shapes:Nobody.gone does not exist"),
        ({"make": "fast_shapes:nobody"}, "skipped: could not be patched: AttributeError"),
        ({"make": "fast_shapes:make_narrow"}, "skipped: shapes:nothing has other parameters"),
        (
            {"make": "fast_shapes:make_other_default"},
            "skipped: shapes:nothing has other parameters",
        ),
        ({"make": "fast_shapes:make_same"}, "patched: "),
    ],
)
def test_gates(changes: dict[str, Any], expected: str) -> None:
    module = library()
    original = module.nothing
    fast_jvm.register(patches(**{"also": {}, **changes}))
    assert reason().startswith(expected)
    assert (module.nothing is original) == expected.startswith("skipped")


def test_a_function_that_others_replaced_is_left_alone() -> None:
    module = library()
    module.nothing = lambda **_: None
    theirs = module.nothing
    fast_jvm.register(patches(also={}))
    assert reason().startswith("skipped: shapes:nothing")
    assert module.nothing is theirs


# -- wrappers, which show the attributes and the class of what they wrap

BEFORE = pytest.mark.line(
    "surroundings",
    "tracing wrappers (wrapt, functools.wraps, partial, code put in place) before ours",
    "original under them; the reason names them",
)
AFTER = pytest.mark.line(
    "surroundings", "tracing wrappers after ours", "called, and ours under them; kept when undone"
)
STYLES = pytest.mark.parametrize("style", wrappers.REFUSED, ids=lambda style: style.__name__)


def call(module: ModuleType, path: str) -> None:
    owner: Any = module.Shape() if path == "Shape.empty" else module
    for name in path.split(".")[path == "Shape.empty" :]:
        owner = getattr(owner, name)
    assert owner() is None


@BEFORE
@STYLES
@pytest.mark.parametrize("path", TARGETS)
def test_wrapped_before(style: Any, path: str) -> None:
    module, calls, target = library(), [], f"shapes:{path}"
    if style is wrappers.proxy and path != "nothing":
        return
    style(target, calls)
    theirs, code = raw(module, path), getattr(raw(module, path), "__code__", None)
    fast_jvm.register(patches())
    call(module, path)
    _registry.check_gates()
    (entry,) = (entry for entry in _registry.entries() if entry.patch.target == target)
    assert entry.state == "skipped" and wrappers.REFUSED[style] in entry.reason, entry.reason
    assert raw(module, path) is theirs and getattr(theirs, "__code__", None) is code
    call(module, path)
    assert calls == [target] * 2
    assert states().count("patched") == len(TARGETS) - 1


@AFTER
@STYLES
@pytest.mark.parametrize("path", TARGETS)
def test_wrapped_after(style: Any, path: str) -> None:
    module, calls, target = library(), [], f"shapes:{path}"
    if style is wrappers.proxy and path != "nothing":
        return
    fast_jvm.register(patches())
    style(target, calls)
    (entry,) = (entry for entry in _registry.entries() if entry.patch.target == target)
    _registry.retry_waiting()
    _registry.check_gates()
    assert entry.state == "patched", entry.reason
    call(module, path)
    assert (calls, entry.original_calls) == ([target], 1)
    theirs = raw(module, path)
    fast_jvm.unpatch()
    assert raw(module, path) is theirs
    call(module, path)
    assert calls == [target] * 2
    if style is wrappers.opentelemetry:
        wrappers.uninstrument(target)
        call(module, path)
        assert calls == [target] * 2


@BEFORE
@STYLES
def test_what_a_patch_leans_on_is_wrapped(style: Any) -> None:
    library()
    style("shapes:helper", [])
    fast_jvm.register(patches(also={"shapes:helper": "030483cc12288553"}))
    assert reason().startswith("skipped: shapes:helper") and wrappers.REFUSED[style] in reason()


@STYLES
def test_what_a_patch_leans_on_is_wrapped_late(style: Any) -> None:
    library()
    fast_jvm.register(patches(also={"shapes:helper": "030483cc12288553"}))
    assert reason() == "patched: "
    (entry,) = _registry.entries()
    assert _registry.replaced_since(entry) == ""
    style("shapes:helper", [])
    assert _registry.replaced_since(entry) == "shapes:helper was replaced while Java got ready"


def test_a_class_that_is_wrapped() -> None:
    module = library()
    module.Shape = theirs = wrappers.Proxy(module.Shape, [], "")
    fast_jvm.register(patches())
    assert states() == ["patched", *["skipped"] * 3]
    assert "is inside of a support.wrappers.Proxy" in _registry.entries()[1].reason
    assert module.Shape is theirs


def test_a_context_manager_is_told_by_what_was_decorated() -> None:
    fast_shapes, module = importlib.import_module("fast_shapes"), library()

    @contextlib.contextmanager
    def nothing() -> Iterator[None]:
        yield

    module.nothing = nothing
    code = fast_jvm.fingerprint(nothing)
    assert code == fast_jvm.fingerprint(nothing.__wrapped__)
    fast_jvm.register([fast_shapes.patch("nothing", "nothing", code)])
    assert reason() == "patched: "
    fast_jvm.unpatch()

    @contextlib.contextmanager
    @functools.wraps(nothing)
    def theirs() -> Iterator[None]:
        with nothing():
            yield

    module.nothing = theirs
    fast_jvm.register([fast_shapes.patch("nothing", "nothing", code)])
    assert reason().startswith("skipped: ") and module.nothing is theirs


@pytest.mark.line("surroundings", "importlib.reload of the library", "originals serve, equal")
def test_a_module_that_was_loaded_anew() -> None:
    module = library()
    fast_jvm.register(patches())
    old = module.Shape
    importlib.reload(module)
    for path in TARGETS:
        call(module, path)
    old.static_empty()
    _registry.retry_waiting()
    assert {(entry.state, entry.reason) for entry in _registry.entries()} == {
        ("skipped", f"shapes:{path} was loaded anew") for path in TARGETS
    }
    for path in TARGETS:
        call(module, path)
        found = raw(module, path)
        assert not hasattr(getattr(found, "__func__", found), "__wrapped__")


@pytest.mark.line("surroundings", "pickled functions", "by their names, as the originals")
def test_a_name_in_another_module_is_pickled_where_it_is() -> None:
    fast_shapes, module = importlib.import_module("fast_shapes"), library()
    other = sys.modules["shapes_user"] = ModuleType("shapes_user")
    try:
        other.nothing = module.nothing  # type: ignore[attr-defined]
        fast_jvm.register([fast_shapes.PATCHES[0]._replace(target="shapes_user:nothing", also={})])
        _registry.check_gates()
        assert states() == ["patched"]
        assert pickle.loads(pickle.dumps(other.nothing)) is other.nothing
        assert pickle.loads(pickle.dumps(module.nothing)) is module.nothing
    finally:
        fast_jvm.unpatch()
        del sys.modules["shapes_user"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"FAST_JVM": "off"}, ["FAST_JVM=off"] * 4),
        ({"FAST_SHAPES": "off"}, ["FAST_SHAPES leaves it out"] * 4),
        (
            {"FAST_SHAPES": "shapes.nothing,empty"},
            ["", "", "FAST_SHAPES leaves it out", "FAST_SHAPES leaves it out"],
        ),
    ],
)
def test_switches(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], expected: list[str]
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    fast_jvm.register(patches())
    library()
    assert [entry.reason for entry in _registry.entries()] == expected


def test_the_meter_starts_the_boot_at_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(_boot, "start", lambda: started.append(_boot.spent()))
    monkeypatch.setattr(_boot, "THRESHOLD_NS", 10_000_000)
    module = library()
    fast_jvm.register(patches())
    module.nothing()
    assert not started and 0 < _boot.spent() < 10_000_000
    while not started:
        module.nothing(times=1000)
    assert started[0] > 10_000_000
    entry = _registry.entries()[0]
    assert entry.original_calls > 1 and entry.original_ns == started[0]


def test_no_thread_looks_at_gates_beside_imports_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: begun.append(thread.name))
    fast_jvm.register(patches())
    library()
    _state.state.phase = "up"
    with _boot.importing():
        _boot.patched()
        assert not begun
    _boot.patched()
    assert begun == ["fast-jvm-ready"]


def test_public_surface() -> None:
    assert fast_jvm.__all__ == [
        "status",
        "wait_ready",
        "require",
        "register",
        "deepcopy",
        "Patch",
        "FastJvmUnavailable",
    ]
    assert issubclass(fast_jvm.FastJvmUnavailable, RuntimeError)
