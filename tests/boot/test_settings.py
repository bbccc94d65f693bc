"""The table of settings and the switches of packages."""

from __future__ import annotations

import pytest

from fast_jvm import _settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in _settings.SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
    monkeypatch.delenv("FAST_SHAPES", raising=False)


def test_defaults_are_choices() -> None:
    for setting in _settings.SETTINGS:
        assert _settings.get(setting.name) == setting.default
        assert not setting.choices or setting.default in setting.choices


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        ("eager", "eager"),
        ("EAGER ", "eager"),
        ("off", "off"),
        ("0", "off"),
        ("no", "off"),
        ("nonsense", "auto"),
        ("", "auto"),
    ],
)
def test_mode(monkeypatch: pytest.MonkeyPatch, value: str, mode: str) -> None:
    monkeypatch.setenv("FAST_JVM", value)
    assert _settings.get("FAST_JVM") == mode


def test_an_unknown_choice_is_a_problem_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _settings.problems() == []
    monkeypatch.setenv("FAST_JVM_HOST", "jpipe")
    assert _settings.get("FAST_JVM_HOST") == "auto"
    assert _settings.problems() == [
        "FAST_JVM_HOST=jpipe: not one of auto, jpype, jni, jep; auto is used"
    ]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("", True), ("on", True), ("1", True), ("off", False), ("0", False), ("empty", True), ("shapes.empty", True),
     ("nothing", False), ("nothing, empty", True), ("nothing,other", False)],
)  # fmt: skip
def test_package_switch(monkeypatch: pytest.MonkeyPatch, value: str, wanted: bool) -> None:
    monkeypatch.setenv("FAST_SHAPES", value)
    assert _settings.wanted("fast_shapes", "shapes.empty") is wanted
