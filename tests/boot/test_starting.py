"""``python -m fast_jvm run`` behaves as python itself; FAST_JVM_AUTOLOAD does the same for child processes."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path

import pytest

from fast_jvm import _start

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
AS_PYTHON = "as python itself: argv, path, __main__, environment, output, exit code"
SHARE = "served by Java"


def starting(what: str, outcome: str) -> pytest.MarkDecorator:
    return pytest.mark.line("starting", what, outcome)


# -- as python itself

# what a program can see of how it was started; whether we are there goes to a file of its own
SELF = """
import json, os, sys
main = sys.modules["__main__"]
class Mine: pass
import pickle
spec = main.__spec__
print(json.dumps({
    "same": main.__dict__ is globals(), "pickle": type(pickle.loads(pickle.dumps(Mine()))) is Mine,
    "argv": sys.argv, "orig": getattr(sys, "orig_argv", 0), "path": sys.path, "flags": repr(sys.flags), "warn": sys.warnoptions,
    "file": globals().get("__file__"), "name": __name__, "package": __package__, "spec": spec and spec.name,
    "loader": type(__loader__).__name__, "cached": str(globals().get("__cached__")), "doc": __doc__,
    "names": sorted(globals()), "stdin": sys.stdin.read(), "site": "sitecustomize" in sys.modules and sys.modules["sitecustomize"].__file__,
    "environment": dict(os.environ),
}, sort_keys=True))
with open("loaded.txt", "w") as file:
    file.write(str("fast_langgraph" in sys.modules))
"""


@pytest.fixture
def same(run, tmp_path: Path):
    """Run a program plainly and by ``run``: what comes of it is equal, and only then are we there."""

    def same(*arguments: str, options: tuple[str, ...] = (), loads: bool = True, **how):
        results = []
        for command in ((), ("-m", "fast_jvm", "run")):
            (tmp_path / "loaded.txt").unlink(missing_ok=True)
            done = run(argv=(*options, *command, *arguments), **how)
            results.append((done.returncode, done.stdout, done.stderr))
            if loads:
                assert (tmp_path / "loaded.txt").read_text() == str(bool(command)), done.stderr
        code, said, errors = results[0]
        # two Pythons start, so the site's own words come twice
        twice = errors * 2 if errors.startswith("Error in sitecustomize") else errors
        assert results[1] == (code, said, twice)
        return results[0]

    return same


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    path = tmp_path / "tools" / "tool.py"
    path.parent.mkdir()
    path.write_text(SELF)
    return path


@starting("run: a script, by a relative path or by a link", AS_PYTHON)
@pytest.mark.parametrize(
    "name", ["tools/tool.py", pytest.param("bin/link.py", marks=POSIX)], ids=["path", "link"]
)
def test_a_script(same, tool: Path, name: str) -> None:
    (tool.parent.parent / "bin").mkdir()
    if name.startswith("bin"):
        (tool.parent.parent / name).symlink_to(tool)
    code, said, _ = same(name, "-m", "x y", "--flag", input="text\n")
    seen = json.loads(said)
    assert (code, seen["argv"], seen["stdin"]) == (0, [name, "-m", "x y", "--flag"], "text\n")
    assert seen["path"][0] == str(tool.parent) and seen["pickle"] and seen["same"]


@starting("run: -m module, -m package, a folder, a zip file", AS_PYTHON)
@pytest.mark.parametrize("kind", ["module", "package", "folder", "zip"])
def test_other_programs(same, tool: Path, kind: str) -> None:
    (tool.parent / "__main__.py").write_text(SELF)
    with zipfile.ZipFile(tool.parent.parent / "tool.zip", "w") as archive:
        archive.writestr("__main__.py", SELF)
    arguments = {"module": ("-m", "tools.tool"), "package": ("-m", "tools"), "folder": ("tools",)}
    code, said, _ = same(*arguments.get(kind, ("tool.zip",)), "a")
    assert (code, json.loads(said)["name"]) == (0, "__main__")


@starting("run: -c code, and - for a program on stdin", AS_PYTHON)
def test_code(same) -> None:
    assert same("-c", SELF, "a", "-")[0] == 0
    code, said, _ = same("-", "a", input=SELF)
    assert (code, json.loads(said)["argv"]) == (0, ["-", "a"])


@starting("run: options of the interpreter in front (-X dev -W error -u -O)", AS_PYTHON)
def test_options(same, tool: Path) -> None:
    assert same(str(tool), options=("-X", "dev", "-W", "error", "-u", "-O"))[0] == 0
    seen = json.loads(same("tools/tool.py", options=("-Bs",), PYTHONSAFEPATH="")[1])
    assert "dont_write_bytecode=1" in seen["flags"]


ENDS = {
    "an exit code": ("import sys; sys.exit(3)", 3),
    "a text": ("import sys; sys.exit('no')", 1),
    "an error": ("def f():\n    return 1 / 0\n\nf()", 1),
    "a cause": ("try:\n    {}[1]\nexcept KeyError as e:\n    raise ValueError('x') from e", 1),
    "no Python": ("def f(:", 1),
    "at once": ("import os; os._exit(7)", 7),
    "SIGTERM": ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15),
    "Ctrl-C": ("raise KeyboardInterrupt", -2),
    "an import that is not there": ("import nowhere_at_all", 1),
}


@starting("run: how a program ends", "as python itself: exit code, signal, traceback to the letter")
@POSIX
@pytest.mark.parametrize("how", ENDS)
def test_ends(same, tmp_path: Path, how: str) -> None:
    code, number = ENDS[how]
    (tmp_path / "ends.py").write_text(code)
    returncode, _, said = same("ends.py", loads=False)
    assert returncode == number
    assert "fast_jvm" not in said and "runpy" not in said


@starting("run: what is not there, or no program", "as python itself: exit code and words")
@pytest.mark.parametrize("arguments", [("nowhere.py",), ("-m", "nowhere_at_all"), (".",)])
def test_not_there(same, arguments: tuple[str, ...]) -> None:
    assert same(*arguments, loads=False)[0] in (1, 2)


@starting("run: a console script, by its path or its name", AS_PYTHON)
@POSIX
def test_a_console_script(run, same) -> None:
    path = Path(sys.executable).with_name("pytest")
    if not path.exists():
        pytest.skip("pytest has no console script here")
    code, said, _ = same(str(path), "--version", loads=False)
    done = run(argv=("-m", "fast_jvm", "run", "pytest", "--version"))
    assert (code, done.returncode) == (0, 0) and done.stdout + done.stderr == said + _
    assert "pytest" in done.stdout + done.stderr


@starting("run: multiprocessing by spawn, classes of __main__ pickled", AS_PYTHON)
def test_spawn(same, tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text("""
import multiprocessing, os, sys
class Job:
    def __init__(self, n): self.n = n
def work(job):
    loaded = any(name.startswith("fast_") for name in sys.modules)
    return Job((job.n * 2, loaded, os.environ.get("PYTHONPATH"), type(job).__module__))
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print([job.n for job in pool.map(work, [Job(1), Job(2)])])
    open("loaded.txt", "w").write(str("fast_langgraph" in sys.modules))
""")
    code, said, _ = same("pool.py")
    assert code == 0 and "(4, False, " in said  # without the variable a child has nothing of ours


@starting("run: the user's own sitecustomize", "runs, and stands in sys.modules")
@pytest.mark.parametrize("body", ["import os; os.environ['CAME'] = 'yes'", "raise KeyError('own')"])
def test_sitecustomize(same, tool: Path, tmp_path: Path, body: str) -> None:
    theirs = tmp_path / "theirs" / "sitecustomize.py"
    theirs.parent.mkdir()
    theirs.write_text(body)
    paths = os.pathsep.join([str(theirs.parent), *_paths()])
    code, said, errors = same(str(tool), PYTHONPATH=paths)
    seen = json.loads(said)
    if body.startswith("raise"):
        assert "Error in sitecustomize" in errors
    else:
        assert (seen["environment"]["CAME"], seen["site"]) == ("yes", str(theirs))


def _paths() -> list[str]:
    import fast_jvm

    return [
        str(Path(fast_jvm.__file__).parents[1]),
        *filter(None, [os.environ.get("PYTHONPATH")]),
    ]


# -- who serves

SERVED = """
import fast_jvm, shapes
assert "fast_shapes" in __import__("sys").modules
assert fast_jvm.wait_ready(40), fast_jvm.status().reason
shapes.nothing()
(row,) = [patch for patch in fast_jvm.status().patches if patch.name == "shapes.nothing"]
assert row.state == "live" and row.calls > row.declines, row
print("served by", fast_jvm.status().host)
"""


@starting("run: LangGraph in a script that never heard of us", SHARE)
@pytest.mark.parametrize("boot", ["auto", "eager"])
def test_served(run, java: str, boot: str) -> None:
    done = run(
        argv=("-m", "fast_jvm", "run", "-c", """
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langchain_core.messages import HumanMessage
import sys
fast_jvm = sys.modules["fast_jvm"]
assert fast_jvm.wait_ready(40), fast_jvm.status().reason
serde = JsonPlusSerializer()
value = {"messages": [HumanMessage("hello", id=str(n)) for n in range(20)]}
before = {patch.name: patch.calls - patch.declines for patch in fast_jvm.status().patches}
for _ in range(10):
    assert serde.loads_typed(serde.dumps_typed(value)) == value
after = {patch.name: patch.calls - patch.declines for patch in fast_jvm.status().patches}
print({name: after[name] - before[name] for name in after if "typed" in name})
"""),
        FAST_JVM=boot, FAST_JVM_HOST="jni", check=True,
    )  # fmt: skip
    assert done.stdout == "{'langgraph.dumps_typed': 10, 'langgraph.loads_typed': 10}\n"
    assert done.stderr == ""


CHILDREN = {
    "subprocess": "subprocess.run([sys.executable, 'served.py'], check=True)",
    "a launcher's -m": "subprocess.run([sys.executable, '-m', 'served'], check=True)",
    "a script by its shebang": "subprocess.run(['./served.py'], check=True)",
    "a grandchild": "subprocess.run([sys.executable, '-c', 'import subprocess, sys; subprocess.run([sys.executable, \"served.py\"], check=True)'], check=True)",
    "spawn": "import served_in; p = multiprocessing.get_context('spawn').Process(target=served_in.main); p.start(); p.join(); sys.exit(p.exitcode)",
    "forkserver": "import served_in; p = multiprocessing.get_context('forkserver').Process(target=served_in.main); p.start(); p.join(); sys.exit(p.exitcode)",
}


@starting("FAST_JVM_AUTOLOAD: children of a program of run, whichever way they start", SHARE)
@POSIX
@pytest.mark.parametrize("way", CHILDREN)
def test_children(run, java: str, tmp_path: Path, way: str) -> None:
    served = tmp_path / "served.py"
    served.write_text(f"#!{sys.executable}\n{SERVED}")
    served.chmod(0o755)
    body = "\n    ".join(SERVED.splitlines())
    (tmp_path / "served_in.py").write_text(f"def main():\n    {body}\n")
    (tmp_path / "launch.py").write_text(
        f"import multiprocessing, subprocess, sys\nif __name__ == '__main__':\n    {CHILDREN[way]}\n"
    )
    done = run(
        argv=("-m", "fast_jvm", "run", "launch.py"),
        FAST_JVM_AUTOLOAD="fast_shapes",
        FAST_JVM_HOST="jni",
        check=True,
    )
    assert (done.stdout, done.stderr) == ("served by jni\n", "")


LOOK = "import sys; print([name for name in ('fast_jvm', 'fast_langgraph', 'fast_shapes', 'wrapt') if name in sys.modules])"
CHILD = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, *sys.argv[1:], '-c', {LOOK!r}]).returncode)"


@starting("FAST_JVM_AUTOLOAD: unset, off, or a Python with -I, -E or -S", "nothing is imported")
@pytest.mark.parametrize(
    ("value", "flags"),
    [(None, ()), ("off", ()), ("fast_shapes", ("-I",)), ("fast_shapes", ("-E",)), ("on", ("-S",))],
)
def test_nothing(run, value: str | None, flags: tuple[str, ...]) -> None:
    settings = {} if value is None else {"FAST_JVM_AUTOLOAD": value}
    done = run(argv=("-m", "fast_jvm", "run", "-c", CHILD, *flags), check=True, **settings)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@starting("FAST_JVM_AUTOLOAD: unset, off, or a Python with -I, -E or -S", "nothing is imported")
def test_nothing_where_only_the_folder_is_left(run) -> None:
    """A program may hand PYTHONPATH on without the variable."""
    done = run(LOOK, check=True, PYTHONPATH=os.pathsep.join([_start.FOLDER, *_paths()]))
    assert (done.stdout, done.stderr) == ("[]\n", "")


@starting("FAST_JVM_AUTOLOAD: on, or a list of packages", "those are loaded")
@pytest.mark.parametrize(
    ("value", "loaded"),
    [("on", "fast_langgraph"), ("1", "fast_langgraph"), ("fast_shapes", "fast_shapes")],
)
def test_which(run, value: str, loaded: str) -> None:
    done = run(argv=("-m", "fast_jvm", "run", "-c", CHILD), check=True, FAST_JVM_AUTOLOAD=value)
    assert done.stdout == f"{['fast_jvm', loaded, 'wrapt']}\n"


@starting(
    "FAST_JVM_AUTOLOAD: a package that is not there", "silent; FAST_JVM_LOG and doctor say it"
)
def test_a_package_that_is_not_there(run) -> None:
    how = {"argv": ("-m", "fast_jvm", "run", "-c", "print(1)"), "FAST_JVM_AUTOLOAD": "nowhere"}
    done = run(**how, check=True)
    assert (done.stdout, done.stderr) == ("1\n", "")
    done = run(**how, check=True, FAST_JVM_LOG="info")
    said = "nowhere: ModuleNotFoundError"
    assert done.stdout == "1\n" and f"WARNING:fast_jvm:not loaded: {said}" in done.stderr
    done = run(argv=("-m", "fast_jvm", "doctor"), FAST_JVM_AUTOLOAD="nowhere", FAST_JVM="off")
    assert f"problem     {said}" in done.stdout


@starting("FAST_JVM_AUTOLOAD: a child of another Python, without fast_jvm", "silent, as without us")
def test_another_python(run) -> None:
    other = getattr(sys, "_base_executable", "")
    if not other or sys.prefix == sys.base_prefix:
        pytest.skip("this Python is in no virtual environment")
    code = f"import subprocess; subprocess.run([{other!r}, '-c', 'print(1)'], check=True)"
    done = run(code, check=True, PYTHONPATH=_start.FOLDER, FAST_JVM_AUTOLOAD="on")
    assert (done.stdout, done.stderr) == ("1\n", "")


@starting("run: from a Python with -I or -E", "loaded in that very process")
@pytest.mark.parametrize("kind", ["script", "-c", "-", "-m"])
@pytest.mark.parametrize("flag", ["-I", "-E"])
def test_isolated(run, tmp_path: Path, flag: str, kind: str) -> None:
    code = "import sys; print(__name__, sys.argv[1:], 'fast_langgraph' in sys.modules); sys.exit(4)"
    (tmp_path / "tool.py").write_text(code)
    arguments = {
        "script": ("tool.py",),
        "-c": ("-c", code),
        "-": ("-",),
        "-m": ("-m", "this" if flag == "-I" else "tool"),
    }[kind]
    done = run(
        argv=(flag, "-m", "fast_jvm", "run", *arguments, "a"), input=code if kind == "-" else None
    )
    if "No module named" in done.stderr and "fast_jvm" in done.stderr:
        pytest.skip("fast_jvm is not installed here, only on PYTHONPATH")
    if arguments[-1] == "this":
        assert done.returncode == 0 and done.stdout.startswith("The Zen")
    else:
        assert (done.returncode, done.stderr) == (4, "")
        assert done.stdout == "__main__ ['a'] True\n"


@starting("the AOT cache's maker and the probe of options, beside FAST_JVM_AUTOLOAD", "unharmed")
def test_children_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from fast_jvm import _aot

    for name in ("FAST_JVM_AUTOLOAD", "FAST_JVM_LOG", "FAST_JVM_RUN"):
        monkeypatch.setenv(name, "on")
    assert not {"FAST_JVM_AUTOLOAD", "FAST_JVM_LOG", "FAST_JVM_RUN"} & set(_aot._environment())
