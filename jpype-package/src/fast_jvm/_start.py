"""Starting with the accelerators in place, without an import line.

``run`` becomes a plain Python, so that nothing of ours shows: not in ``__main__``, ``sys.argv``, tracebacks
or exit codes. What puts the accelerators in is a ``sitecustomize`` in a folder of its own, first on that
Python's PYTHONPATH, as ddtrace-run and opentelemetry-instrument do it: no file of ours takes part in
anybody else's start, which a ``.pth`` in site-packages would. FAST_JVM_AUTOLOAD leaves the folder there for
child processes; without it the folder is gone again before the program's first line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module, metadata
from typing import Any, Iterable

from . import _platform, _settings
from ._log import log

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_autoload")


# -- which packages


def packages() -> list[str]:
    """Return the installed packages that register patches (entry points of group fast_jvm)."""
    try:
        points: Any = metadata.entry_points()
        # a dict before Python 3.10
        group = (
            points.select(group="fast_jvm")
            if hasattr(points, "select")
            else points.get("fast_jvm", ())
        )
        names = {point.value.partition(":")[0] for point in group}
    except Exception:
        names = set()
    from importlib.util import find_spec

    known = ("fast_langgraph", "fast_litellm", "fast_crewai", "fast_axolotl")
    return sorted(names | {name for name in known if find_spec(name)})


def wanted() -> list[str]:
    """Return the packages that FAST_JVM_AUTOLOAD asks for; unset, none."""
    value = _settings.get("FAST_JVM_AUTOLOAD")
    switch = _settings.switch(value)
    if switch is not None:
        return packages() if switch else []
    return [name.strip() for name in value.split(",") if name.strip()]


def import_packages(names: Iterable[str]) -> list[str]:
    """Import patch packages: they register and do nothing else; return what went wrong."""
    wrong = []
    for name in names:
        try:
            import_module(name)
        except Exception as error:
            wrong.append(f"{name}: {error!r}")
    return wrong


def autoload(everything: bool) -> None:
    """Import what is asked for, or else everything; the program starts whatever becomes of that."""
    for line in import_packages(wanted() or (packages() if everything else ())):
        log.warning("not loaded: %s", line)


# -- run


def run(arguments: list[str]) -> int:
    """Run a script, module, command or stdin as python would; return the exit code."""
    if not arguments[0].startswith("-"):
        arguments = [_script(arguments[0]), *arguments[1:]]
    flags = sys.flags
    if not sys.executable or flags.ignore_environment or flags.no_site:
        return _run_here(arguments)  # no sitecustomize would be found
    sys.stdout.flush()
    return _platform.become([sys.executable, *_options(), *arguments], _environment())


def _script(name: str) -> str:
    """Return the path of a console script of this environment, where no such file is meant."""
    import sysconfig

    if os.path.dirname(name) or os.path.exists(name):
        return name
    path = os.path.join(sysconfig.get_path("scripts"), name)
    try:
        with open(path, "rb") as file:
            first = file.readline()
    except OSError:
        return path + ".exe" if os.path.isfile(path + ".exe") else name
    return path if first.startswith(b"#!") else name


def _options() -> list[str]:
    """Return the interpreter's own options, as they were given."""
    given: list[str] = getattr(sys, "orig_argv", [])  # from 3.10 on
    head = given[1 : len(given) - len(sys.argv) + 1]
    if head[-2:] == ["-m", "fast_jvm"] and given[len(head) + 1 :] == sys.argv[1:]:
        return head[:-2]
    rebuild: Any = getattr(subprocess, "_args_from_interpreter_flags", list)
    return list(rebuild())


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    paths = environment.get("PYTHONPATH")
    if paths is None:
        environment["PYTHONPATH"] = FOLDER
    elif paths.partition(os.pathsep)[0] != FOLDER:
        environment["PYTHONPATH"] = FOLDER + os.pathsep + paths
    environment["FAST_JVM_RUN"] = "all" if wanted() else "once"
    return environment


def _run_here(arguments: list[str]) -> int:
    """Run in this very process: with -I, -E or -S. Tracebacks then begin with frames of ours."""
    import runpy

    autoload(everything=True)
    kind, here = arguments[0], not getattr(sys.flags, "safe_path", sys.flags.isolated)
    if kind == "-m":
        sys.argv = arguments[1:]
        if here:
            sys.path[0] = os.getcwd()
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif kind in ("-c", "-"):
        code = arguments[1] if kind == "-c" else sys.stdin.read()
        sys.argv = [kind, *arguments[2 if kind == "-c" else 1 :]]
        if here:
            sys.path[0] = ""
        main = sys.modules["__main__"] = type(sys)("__main__")
        exec(compile(code, "<string>" if kind == "-c" else "<stdin>", "exec"), vars(main))
    else:
        sys.argv = arguments
        if here:
            sys.path[0] = os.path.dirname(os.path.realpath(kind))
        runpy.run_path(kind, run_name="__main__")
    return 0
