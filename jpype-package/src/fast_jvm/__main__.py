"""``python -m fast_jvm``: doctor, run, fingerprint."""

from __future__ import annotations

import os
import sys
from importlib import import_module

USAGE = """\
usage: python -m fast_jvm doctor       what runs, what does not, why, and what helps; 0 if every patch is live, else 1
       python -m fast_jvm run [-m module | -c code | script | -] arguments...
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


def doctor() -> int:
    """Boot, and print what was found: settings, Java, host, cache, one line per patch; reasons with their cures.

    Returns 0 when every patch is live, else 1; a library that is not installed beside one that is does not count.
    """
    import fast_jvm

    from . import _boot, _cache, _jre, _python, _registry, _settings, _start

    print(f"fast_jvm    {fast_jvm.__version__} ({os.path.dirname(os.path.abspath(__file__))})")
    print(
        f"python      {sys.version.split()[0]} ({sys.executable}): {_python.unsupported() or 'served'}"
    )
    for setting in _settings.SETTINGS:
        if os.environ.get(setting.name):
            print(f"setting     {setting.name}={os.environ[setting.name]}")
    for line in [
        *_settings.problems(),
        *_start.import_packages(dict.fromkeys([*_start.packages(), *_start.wanted()])),
    ]:
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
    with _boot.importing():
        for entry in _registry.entries():
            module = entry.patch.target.partition(":")[0]
            try:
                if entry.state == "waiting":
                    import_module(module)
            except ImportError as error:
                entry.skip(f"{module}: {error}")
    ready = fast_jvm.wait_ready(60)
    found = fast_jvm.status()
    print(f"boot        {found.headline()}")
    if found.cure:
        print(f"cure        {found.cure}")
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
        if patch.cure not in ("", found.cure):
            print(f"cure        {patch.cure}")
    failure = _boot.last_failure()
    if failure:
        print(f"last error inside Java:\n{failure}")
    there = [patch for patch in found.patches if _registry.installed(patch.distribution)]
    return 0 if ready and all(patch.state == "live" for patch in there or found.patches) else 1


def run(arguments: list[str]) -> int:
    """Run a program as python would, with the accelerators in place."""
    from . import _start

    if arguments[0] in ("-m", "-c"):
        complete = len(arguments) > 1
    else:  # the interpreter's options go in front of our -m
        complete = arguments[0] == "-" or not arguments[0].startswith("-")
    if not complete:
        print(USAGE, end="", file=sys.stderr)
        return 2
    return _start.run(arguments)


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
