"""faulthandler switched on and off before and after the boot, as pytest's own plugin does."""

from __future__ import annotations

import itertools

import pytest

STEPS = (
    "",
    "faulthandler.enable()",
    "faulthandler.disable()",
    "faulthandler.enable(); faulthandler.disable()",
)
# Java frames that fault on purpose: safepoints of running threads, null checks
EXERCISE = """
end = time.perf_counter() + 0.4
while time.perf_counter() < end:
    for _ in range(2000):
        assert shapes.nothing() is None
    if os.environ["FAST_JVM"] != "off":
        from fast_jvm import _boot
        _boot.warm("noop", [], 1)
print(faulthandler.is_enabled())
"""


@pytest.mark.line(
    "processes", "faulthandler on and off, before and after the boot", "as without us"
)
@pytest.mark.parametrize(("before", "after"), list(itertools.product(STEPS, STEPS)))
def test_on_and_off(same, before: str, after: str) -> None:
    same(f"{before}\nlive()\n{after}\n{EXERCISE}")


def test_environment(same) -> None:
    same(f"live()\n{EXERCISE}", PYTHONFAULTHANDLER="1")


def test_names_and_signatures(same) -> None:
    same("""
import inspect, pickle
live()
for function in (faulthandler.enable, faulthandler.disable):
    print(function.__name__, function.__qualname__, function.__module__, function.__doc__, pickle.loads(pickle.dumps(function)) is function)
    try:
        print(inspect.signature(function))
    except ValueError:
        print("no signature")
try:
    faulthandler.enable(nonsense=1)
except TypeError as error:
    print("refused")
print(threading.stack_size.__name__, threading.stack_size(), threading.stack_size(1 << 20), threading.stack_size())
""")


def test_dumps_still_work(same) -> None:
    done = same("""
live()
faulthandler.enable()
faulthandler.dump_traceback(all_threads=False)
faulthandler.register(signal.SIGUSR1, all_threads=False)
os.kill(os.getpid(), signal.SIGUSR1)
faulthandler.unregister(signal.SIGUSR1)
""")
    assert done.stderr.count('File "<string>"') == 2
