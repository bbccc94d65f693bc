"""Settings: environment variables, read when they are needed, listed in one table."""

from __future__ import annotations

import os
from typing import FrozenSet, NamedTuple

from ._reasons import Kind, Reason


class Setting(NamedTuple):
    """One environment variable."""

    name: str
    default: str
    choices: tuple[str, ...]
    meaning: str


SETTINGS = (
    Setting(
        "FAST_JVM",
        "auto",
        ("auto", "eager", "off"),
        "when the JVM boots: once it pays, at import, never",
    ),
    Setting("FAST_JVM_HOME", "", (), "home of the Java runtime to use (25 or newer)"),
    Setting("FAST_JVM_OPTIONS", "", (), "more JVM options, separated by blanks"),
    Setting("FAST_JVM_HEAP", "256m", (), "largest Java heap"),
    Setting(
        "FAST_JVM_CACHE",
        "",
        (),
        "folder of the AOT cache; off = none; empty = the user's cache folder",
    ),
    Setting(
        "FAST_JVM_LOG",
        "warning",
        ("debug", "info", "warning", "error"),
        "level of the logger fast_jvm, shown on stderr",
    ),
    Setting(
        "FAST_JVM_AUTOLOAD",
        "off",
        (),
        "python -m fast_jvm run: also in child processes (on, or a list of packages)",
    ),
    Setting("FAST_JVM_HOST", "auto", ("auto", "jpype", "jni", "jep"), "how the JVM is started"),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_OFF = frozenset({"off", "0", "false", "no", "none"})
_ON = frozenset({"", "on", "1", "true", "yes", "all"})


def get(name: str) -> str:
    """Return the setting's value; an unknown choice counts as the default."""
    setting = _BY_NAME[name]
    value = os.environ.get(name, "").strip()
    if not setting.choices:
        return value or setting.default
    value = value.lower()
    if name == "FAST_JVM" and value in _OFF:
        return "off"
    return value if value in setting.choices else setting.default


def switched_off() -> Reason:
    """Say that Java is switched off; empty when it is not."""
    return Reason("FAST_JVM=off" if get("FAST_JVM") == "off" else "", Kind.OFF)


def problems() -> list[str]:
    """Return a line for every variable whose value is not one of its choices."""
    found = []
    for setting in SETTINGS:
        value = os.environ.get(setting.name, "").strip().lower()
        if (
            value
            and setting.choices
            and value not in setting.choices
            and not (setting.name == "FAST_JVM" and value in _OFF)
        ):
            found.append(
                f"{setting.name}={value}: not one of {', '.join(setting.choices)}; {setting.default} is used"
            )
    return found


def package_switch(package: str) -> str:
    """Return the name of a patch package's own switch: fast_langgraph -> FAST_LANGGRAPH."""
    return package.upper()


def switch(value: str) -> bool | None:
    """Return what a word switches, on or off; None when it is a list of names."""
    value = value.strip().lower()
    return True if value in _ON else False if value in _OFF else None


def wanted(package: str, patch: str) -> bool:
    """Say whether the package's switch lets this patch in: on, off, or a list of names."""
    value = os.environ.get(package_switch(package), "")
    switched = switch(value)
    if switched is not None:
        return switched
    names: FrozenSet[str] = frozenset(name.strip() for name in value.split(",") if name.strip())
    return patch in names or patch.rsplit(".", 1)[-1] in names
