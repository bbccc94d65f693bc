"""``python -m fast_jvm``: doctor, run, fingerprint."""

from __future__ import annotations

import os
import sys
from importlib import import_module, metadata
from typing import Any

USAGE = """\
usage: python -m fast_jvm doctor
       python -m fast_jvm run [-m module | script] arguments...
       python -m fast_jvm fingerprint module:qualname...
"""


def main(arguments: list[str]) -> int:
    """Run a command and return the exit code."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "doctor":
        return doctor()
    if command == "run" and rest:
        return run(rest)
    if command == "fingerprint" and rest:
        return fingerprints(rest)
    print(USAGE, end="", file=sys.stdout if command in ("-h", "--help") else sys.stderr)
    return 0 if command in ("-h", "--help") else 2


def patch_packages() -> list[str]:
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


def import_packages() -> list[str]:
    """Import the patch packages: they register and do nothing else; return what went wrong."""
    wrong = []
    for name in patch_packages():
        try:
            import_module(name)
        except Exception as error:
            wrong.append(f"{name}: {error!r}")
    return wrong


def doctor() -> int:
    """Boot, and print what was found: settings, Java, host, cache, one line per patch."""
    import fast_jvm

    from . import _boot, _cache, _jre, _python, _registry, _settings

    print(f"fast_jvm    {fast_jvm.__version__} ({os.path.dirname(os.path.abspath(__file__))})")
    print(
        f"python      {sys.version.split()[0]} ({sys.executable}): {_python.unsupported() or 'served'}"
    )
    for setting in _settings.SETTINGS:
        if os.environ.get(setting.name):
            print(f"setting     {setting.name}={os.environ[setting.name]}")
    for line in [*_settings.problems(), *import_packages()]:
        print(f"problem     {line}")
    search = _jre.find()
    jre = search.jre
    print(
        f"java        {f'{jre.version} from {jre.source} ({jre.home})' if jre else search.reason}"
    )
    for line in search.refused if jre else ():
        print(f"refused     {line}")
    directory, why = _cache.folder()
    print(f"cache       {directory or why}")
    for entry in _registry.entries():
        module = entry.patch.target.partition(":")[0]
        try:
            import_module(module)
        except ImportError as error:
            if entry.state == "waiting":
                entry.skip(f"{module}: {error}")
    ready = fast_jvm.wait_ready(60)
    found = fast_jvm.status()
    print(f"boot        {found.headline()}")
    if found.phase == "up":
        print(f"aot cache   {found.cache}")
        print(
            "times       "
            + ", ".join(
                f"{name} {ms:.0f} ms (CPU {found.boot_cpu_ms[name]:.0f})"
                for name, ms in found.boot_ms.items()
            )
        )
    if not found.patches:
        print("patches     none registered")
    for patch in found.patches:
        print(
            f"patch       {patch.name}: {'active' if patch.state == 'live' else patch.state}{': ' + patch.reason if patch.reason else ''} [{patch.distribution} {patch.version}]".rstrip()
        )
    failure = _boot.last_failure()
    if failure:
        print(f"last error inside Java:\n{failure}")
    return 0 if ready and all(patch.state == "live" for patch in found.patches) else 1


def run(arguments: list[str]) -> int:
    """Run a script or module as python would, with the accelerators in place."""
    import runpy

    for line in import_packages():
        print(f"fast_jvm: {line}", file=sys.stderr)
    if arguments[0] == "-m":
        if len(arguments) < 2:
            print(USAGE, end="", file=sys.stderr)
            return 2
        sys.argv = arguments[1:]
        if sys.path and not getattr(sys.flags, "safe_path", False):
            sys.path[0] = os.getcwd()
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        if not getattr(sys.flags, "safe_path", False):
            sys.path[0] = os.path.dirname(os.path.realpath(arguments[0]))
        runpy.run_path(arguments[0], run_name="__main__")
    return 0


def fingerprints(paths: list[str]) -> int:
    """Print the fingerprint of each function, for a patch's ``codes`` and ``also``."""
    from ._fingerprint import fingerprint
    from ._registry import resolve

    for path in paths:
        try:
            print(f"{fingerprint(resolve(path))}  {path}")
        except (ImportError, AttributeError, LookupError, OSError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
