"""Exit codes and the end of a process."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.line("processes", "sys.exit, os._exit, an exception, fatal signals", "as without us")
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("sys.exit(0)", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('words')", 1),
        ("raise ValueError('words')", 1),
        ("os._exit(7)", 7),
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(20)", -15),
        ("os.kill(os.getpid(), signal.SIGHUP); time.sleep(20)", -1),
        ("os.kill(os.getpid(), signal.SIGQUIT); time.sleep(20)", -3),
        ("os.kill(os.getpid(), signal.SIGKILL); time.sleep(20)", -9),
        ("os.abort()", -6),
        ("threading.Thread(target=sys.exit, args=(4,)).start()", 0),
        ("def fail(): raise KeyError('late')\natexit.register(fail)", 0),
    ],
)
def test_codes(same, code: str, expected: int) -> None:
    assert same(f"live(); shapes.nothing()\n{code}").returncode == expected


@pytest.mark.line("processes", "daemon threads inside a builtin at the end", "as without us")
def test_threads_that_go_on(same) -> None:
    same("""
live()
def work(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        assert shapes.nothing() is None
for daemon, seconds in ((True, 600), (True, 600), (False, 0.3)):
    threading.Thread(target=work, args=(seconds,), daemon=daemon).start()
sys.exit(6)
""")


@pytest.mark.line(
    "processes", "finalizers and weakref callbacks: collection, teardown", "as without us"
)
def test_late_finalizers(same) -> None:
    same("""
live()
class Late:
    def __del__(self, nothing=shapes.nothing, write=os.write):
        write(1, repr(nothing()).encode() + b" late\\n")
first = Late()
cycle = [Late()]; cycle.append(cycle)
sys.modules["kept"] = Late()
atexit.register(shapes.nothing)
""")


@pytest.mark.line("processes", "exit in the middle of the boot", "as without us")
@pytest.mark.parametrize("delay", [0, 0.005, 0.02, 0.06, 0.12, 0.25])
def test_an_exit_in_the_middle_of_the_boot(same, delay: float) -> None:
    same(f"""
if os.environ["FAST_JVM"] != "off":
    from fast_jvm import _boot
    _boot.start()
time.sleep({delay})
sys.exit(5)
""")


@pytest.mark.line("processes", "exec, subprocess", "as without us")
def test_an_exec(same) -> None:
    same("""
live(); shapes.nothing()
os.execv(sys.executable, [sys.executable, "-c",
    "import signal; print([signal.getsignal(s) for s in (signal.SIGSEGV, signal.SIGPIPE, signal.SIGTERM)], signal.pthread_sigmask(0, []))"])
""")


@pytest.mark.line("processes", "exec, subprocess", "as without us")
def test_a_subprocess(same) -> None:
    same("""
import subprocess
live(); shapes.nothing()
for restore in (True, False):
    print(subprocess.run(["/bin/sh", "-c", "grep -E '^Sig(Ign|Blk|Cgt)' /proc/self/status; exit 9"],
          restore_signals=restore, stdout=subprocess.PIPE).stdout)
""")


@pytest.mark.line(
    "falling back", "a broken jar: the JVM is up, and of no use", "originals serve, as without us"
)
def test_a_jar_that_the_jvm_refuses(same, tmp_path: Path) -> None:
    """Signals, faulthandler, forks and the end are guarded although nothing is served."""
    same(
        """
from fast_jvm import _boot, _platform
import zipfile
with zipfile.ZipFile("broken.jar", "w") as broken:  # whole: a torn one starts no JVM
    broken.writestr("dev/fastjvm/Boot.class", b"no class")
_boot.JAR = os.path.abspath("broken.jar")
others, fatal = _platform.other_signals(), _platform.JVM_SIGNALS
def handlers(numbers):
    return {number: action[:16] for number, action in _platform.actions(numbers).items()}
before, first = handlers(others), handlers(fatal)
assert not fast_jvm.wait_ready(40)
reason = fast_jvm.status().reason
assert os.environ["FAST_JVM"] == "off" or "dev.fastjvm.Boot" in reason, reason
print(handlers(others) == before, shapes.nothing())
now = handlers(fatal)
faulthandler.enable(); faulthandler.disable()
print(handlers(fatal) == now)
gc.collect()
sys.stdout.flush()
pid = os.fork()
if not pid:
    gc.collect()
    print(handlers(fatal) == first, shapes.nothing())
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
sys.exit(5)
"""
    )
