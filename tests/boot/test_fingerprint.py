"""Fingerprints see code and nothing else."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
import shapes

import fast_jvm

SOURCE = '''
def add(a, b=1):
    """Add."""
    if a:
        return f"{a!r:>{b}} and {b}"
    return a + b

@staticmethod
def make(kind):
    class Inner(kind):
        def get(self):
            return 1
    return Inner

make = make.__func__

class Box:
    """A box."""
    size: int = 3
    def get(self):
        "Return it."
        return self.size
'''


def module(folder: Path, name: str, source: str) -> ModuleType:
    path = folder / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("name", ["add", "make", "Box"])
def test_lines_comments_docstrings_paths_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    changed = "\n\n# moved\n" + SOURCE.replace('"""Add."""', '"""Other words."""').replace(
        "return a + b", "return a + b  # sum"
    ).replace('"""A box."""\n', "\n")
    first, second = module(tmp_path, "one", SOURCE), module(tmp_path, "two", changed)
    for made in (first, second):
        monkeypatch.setitem(__import__("sys").modules, made.__name__, made)
    assert fast_jvm.fingerprint(getattr(first, name)) == fast_jvm.fingerprint(getattr(second, name))


@pytest.mark.parametrize(
    ("old", "new"),
    [("a + b", "a - b"), ("b=1", "b=2"), ("b=1", "b=1.0"), (" and ", " or "), ("!r", "!s")],
)
def test_code_counts(tmp_path: Path, old: str, new: str) -> None:
    first, second = (
        module(tmp_path, "one", SOURCE),
        module(tmp_path, "two", SOURCE.replace(old, new)),
    )
    assert fast_jvm.fingerprint(first.add) != fast_jvm.fingerprint(second.add)


def test_equal_over_python_versions() -> None:
    # the same line holds on each Python that the suite runs with
    assert fast_jvm.fingerprint(shapes.nothing) == "a11b73e749743acf"


@pytest.mark.parametrize("thing", [len, 3, eval("lambda: 1")])
def test_no_source(thing: object) -> None:
    with pytest.raises(LookupError):
        fast_jvm.fingerprint(thing)


def test_a_frozen_module_of_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code says no file, where CPython has it frozen; another file than that of its code is not believed."""
    known = fast_jvm.fingerprint(Mapping.get)
    assert known == "f7574732a5057b81"
    if Mapping.get.__code__.co_filename.startswith("<frozen"):
        monkeypatch.setitem(Mapping.get.__globals__, "__file__", __file__)
        with pytest.raises(LookupError):
            fast_jvm.fingerprint(Mapping.get)


def test_command(run) -> None:
    done = run(
        argv=("-m", "fast_jvm", "fingerprint", "shapes:Shape.static_empty", "shapes:helper"),
        check=True,
    )
    assert (
        done.stdout
        == "645966e77f72e014  shapes:Shape.static_empty\n030483cc12288553  shapes:helper\n"
    )
    assert run(argv=("-m", "fast_jvm", "fingerprint", "shapes:nobody")).returncode == 1


CLASSES = '''
import dataclasses
def noted(*names):
    return lambda made: made
TEXT = """
{text}
"""
@noted("a",
       "b")
@dataclasses.dataclass(frozen=True)
class Point:
    x: int = 1
    label: str = """
at column 0"""

    def moved(self):
        return Point(self.x + 1)
'''


def test_a_class_is_the_same_parsed_alone_or_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"alone": "no other", "with_its_file": "class Point: in a string"}
    made = {}
    for name, text in texts.items():
        loaded = module(tmp_path, name, CLASSES.replace("{text}", text))
        monkeypatch.setitem(__import__("sys").modules, name, loaded)
        made[name] = fast_jvm.fingerprint(loaded.Point)
    other = module(tmp_path, "other", CLASSES.replace("{text}", "").replace('"b"', '"c"'))
    monkeypatch.setitem(__import__("sys").modules, "other", other)
    assert made["alone"] == made["with_its_file"]
    assert fast_jvm.fingerprint(other.Point) != made["alone"]
