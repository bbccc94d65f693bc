"""Libraries that have an environment of their own, and our package's cases there.

`python tests/platforms/library.py axolotl` prints the Python of the environment that has requirements/axolotl.txt;
`FAST_JVM_AXOLOTL` names another one that has all of it. With `--there` it installs nothing: an empty line where it is not there.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from platforms.environments import KEPT, REQUIREMENTS, environment, run, sources  # noqa: E402

CALLS = Path(__file__).parent / "cases"


def python(name: str) -> Path:
    """The Python of a library's environment; made once, by uv and out of its cache where uv is on PATH."""
    given = os.environ.get(f"FAST_JVM_{name.upper()}")
    if given:
        return Path(given)
    locked = ("--require-hashes", "-r", REQUIREMENTS / f"{name}.txt")
    return environment(Path(sys.executable), *locked, tag=name, uv=shutil.which("uv"))


def there(name: str) -> bool:
    """Whether python() has nothing to install."""
    return f"FAST_JVM_{name.upper()}" in os.environ or any(KEPT.glob(f"{name}-*/.ready"))


def run_cases(
    name: str,
    groups: list[list[Path]],
    tmp_path: Path,
    java: str,
    least: int,
    timeout: float,
    elsewhere: tuple[str, ...] = (),
    **more: str,
) -> None:
    """Run files of one folder's cases; all pass, and each patch, *least* or more, is live and has served.

    Each group of files is a process, and two run at a time. ``elsewhere``: beginnings of patches' names whose modules these
    cases never import; other cases serve them.
    """
    cases = groups[0][0].parent
    command = ("-m", "pytest", "-q", "-s", "-c", os.devnull, "--rootdir", str(cases))
    inside = python(name)

    def outcome(group: list[Path]) -> str:
        return run(
            *(inside, *command, "-p", "no:cacheprovider"),
            "--confcutdir",  # tests/ on sys.path would hide the library
            str(cases),
            "--basetemp",
            str(tmp_path / group[0].stem),
            *map(str, group),
            timeout=timeout,
            PYTHONPATH=os.pathsep.join([str(cases), str(CALLS), sources()]),
            FAST_JVM_CACHE="off",
            FAST_JVM_HOME=java,
            **more,
        )

    passed = 0
    served: dict[str, int] = {}
    with ThreadPoolExecutor(2) as pool:
        outs = list(pool.map(outcome, groups))
    for out in outs:
        print(out)
        found = re.search(r"(\d+) passed", out)
        assert found and "skipped" not in out, out
        passed += int(found[1])
        for patch, state, calls in re.findall(
            rf"^({name}\.\w+): (\w+) .*served (\d+), declined \d+$", out, re.M
        ):
            if patch.startswith(elsewhere):
                continue
            assert state == "live", patch
            served[patch] = served.get(patch, 0) + int(calls)
    assert passed >= 10
    assert len(served) >= least and all(served.values()), served


if __name__ == "__main__":
    print(python(sys.argv[1]) if "--there" not in sys.argv or there(sys.argv[1]) else "")
