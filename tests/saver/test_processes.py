"""A folder in several processes and threads: opened anew, shared, and left by a writer that is killed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

from saver.conftest import PROLOGUE
from support.killing import LIMIT_S, killed, survived


def test_opened_in_a_second_process(program: Callable[..., str]) -> None:
    program("""
saver = ChronicleSaver(FOLDER)
for n in range(150):
    put(saver, f"t{n % 3}", n, value=[["x" * 50, k] for k in range(n)], ns="sub" if n % 2 else "")
os._exit(0)  # not closed
""")
    program("""
with ChronicleSaver(FOLDER) as saver:
    for n in range(150):
        got = check(saver, f"t{n % 3}", n, "sub" if n % 2 else "")
        assert got.checkpoint["channel_values"]["value"] == [["x" * 50, k] for k in range(n)]
        assert got.pending_writes
    assert len([*saver.list(None)]) == 150
    put(saver, "t0", 500)
""")
    program("check(ChronicleSaver(FOLDER), 't0', 500)")


WRITER = """
name, others = sys.argv[1], sys.argv[2]
saver = ChronicleSaver(FOLDER)
errors = []
def work(thread, first):
    try:
        for n in range(40):
            put(saver, f"own {name} {thread}", n, value=["x" * 40] * n)
            put(saver, "same", first + n * 100, value=["y" * 40] * n)
            check(saver, f"own {name} {thread}", random.randrange(n + 1))
            check(saver, "same", first + random.randrange(n + 1) * 100)
            if n % 20 == 0:
                for each in saver.list(config("same")):
                    number = each.metadata["step"]
                    assert each.checkpoint["channel_values"]["who"] == f"same//{number}"
    except BaseException as error:
        errors.append(error)
threads = [threading.Thread(target=work, args=(k, int(others) + k)) for k in range(4)]
[each.start() for each in threads]
[each.join() for each in threads]
assert not errors, errors
"""


def test_processes_and_threads_at_once(
    fresh: Callable[..., dict[str, str]], java: str, folder: Path, program: Callable[..., str]
) -> None:
    """Own threads and one that all share; nothing is lost, nothing mixed."""
    code = "\n".join([PROLOGUE, f"FOLDER = {str(folder)!r}", WRITER])
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, f"p{number}", str(number * 10)],
            env=fresh(FAST_JVM_CACHE="off"),
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    for each in writers:
        _, errors = each.communicate(timeout=LIMIT_S)
        assert each.returncode == 0, errors
    program("""
saver = ChronicleSaver(FOLDER)
for p in range(2):
    for k in range(4):
        thread = f"own p{p} {k}"
        for n in range(40):
            assert check(saver, thread, n).checkpoint["channel_values"]["value"] == ["x" * 40] * n
            check(saver, "same", p * 10 + k + n * 100)
        assert [one.metadata["step"] for one in saver.list(config(thread))] == [*range(40)][::-1]
found = [one.metadata["step"] for one in saver.list(config("same"))]
assert found == sorted((p * 10 + k + n * 100 for p in (0, 1) for k in range(4) for n in range(40)),
                       reverse=True)
assert saver.get_tuple(config("same")).metadata["step"] == 3913
assert len([*saver.list(None)]) == 640
""")


def test_two_savers_in_one_process(program: Callable[..., str]) -> None:
    """The operating system's lock belongs to the process: one saver's close does not take the other's."""
    program("""
savers = [ChronicleSaver(FOLDER) for _ in range(3)]
errors = []
def work(k):
    try:
        for n in range(120):
            put(savers[k], f"t{k}", n)
            check(savers[(k + 1) % 3] if n % 2 else savers[k], f"t{k}", n)
            if n % 50 == 0:
                ChronicleSaver(FOLDER).close()
    except BaseException as error:
        errors.append(repr(error))
threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
[each.start() for each in threads]
[each.join() for each in threads]
assert not errors, errors
savers[0].close()
for k in range(3):
    for n in range(120):
        check(savers[1], f"t{k}", n)
""")


def test_readers_while_threads_are_removed(program: Callable[..., str]) -> None:
    """A reader sees a checkpoint whole, or none."""
    program("""
saver = ChronicleSaver(FOLDER)
stop, errors = [], []
def read():
    other = ChronicleSaver(FOLDER)
    while not stop:
        try:
            for got in [other.get_tuple(config("t")), *other.list(config("t"))]:
                if got is not None:
                    values, n = got.checkpoint["channel_values"], got.metadata["step"]
                    assert values == {"who": f"t//{n}", "value": ["z"] * n}, got
        except BaseException as error:
            errors.append(repr(error))
            return
readers = [threading.Thread(target=read) for _ in range(2)]
[each.start() for each in readers]
for turn in range(30):
    for n in range(10):
        put(saver, "t", n + 1, value=["z"] * (n + 1))
    if turn % 2:
        saver.prune(["t"])
        assert len([*saver.list(config("t"))]) == 1
    saver.delete_thread("t")
    assert saver.get_tuple(config("t")) is None
stop.append(1)
[each.join() for each in readers]
assert not errors, errors
""")


VICTIM = """
saver = ChronicleSaver(FOLDER, durability=sys.argv[2])
n = int(sys.argv[1])
for one in saver.list(None):
    if one.config["configurable"]["thread_id"] != "survivor":
        n = max(n, one.metadata["step"] + 1)
parent = None
print("open", flush=True)
while True:
    thread = f"t{n % 3}"
    put(saver, thread, n, value=[["x" * random.randrange(40), k] for k in range(n % 50)] + ["y" * (n % 9 == 0 and 300_000)])
    os.write(1, f"{n}\\n".encode())
    if n % 40 == 7:
        saver.delete_thread("gone")
    put(saver, "gone", n)
    n += 1
"""
SURVIVOR = """
import fast_jvm
assert fast_jvm.wait_ready(40)  # what is timed is not Java's start
start = time.perf_counter()
saver = ChronicleSaver(FOLDER)
opening = time.perf_counter() - start
assert opening < 8, opening
put(saver, "survivor", 0)
assert time.perf_counter() - start < 10
told = [*map(int, sys.stdin.read().split())]
for n in told:
    got = check(saver, f"t{n % 3}", n)
    assert got.pending_writes, got
    assert len(got.checkpoint["channel_values"]["value"]) == n % 50 + 1
for thread in ("t0", "t1", "t2", "gone", "survivor"):
    for got in saver.list(config(thread)):
        assert got.checkpoint["channel_values"]["who"] == f"{thread}//{got.metadata['step']}"
    assert saver.get_tuple(config(thread)) is not None or thread == "gone" or len(told) < 9
"""


def _killed(
    rounds: int, seed: int, folder: Path, environment: dict[str, str], durability: str
) -> None:
    """Kill a writer again and again; a second one writes on all the while."""
    chance = random.Random(seed)
    code = "\n".join([PROLOGUE, f"FOLDER = {str(folder)!r}", VICTIM])
    survivor = "\n".join([PROLOGUE, f"FOLDER = {str(folder)!r}", SURVIVOR])
    told: set[int] = set()
    for number in range(rounds):
        told.update(
            killed(
                code,
                "0",
                durability,
                environment=environment,
                first=number % 2 == 1,
                after_s=chance.random() * 0.3,
            )
        )
        if number % 5 == 4 or number == rounds - 1:
            survived(survivor, told, environment, number)
    assert len(told) >= rounds // 2


@pytest.mark.parametrize("durability,rounds", [("process", 10), ("disk", 2)])
def test_a_killed_writer(
    fresh: Callable[..., dict[str, str]], java: str, folder: Path, durability: str, rounds: int
) -> None:
    _killed(rounds, 1, folder, fresh(FAST_JVM_CACHE="off"), durability)


@pytest.mark.long
@pytest.mark.parametrize("durability", ["process", "disk"])
def test_a_writer_killed_200_times(
    fresh: Callable[..., dict[str, str]], java: str, folder: Path, durability: str
) -> None:
    _killed(200, 2, folder, fresh(FAST_JVM_CACHE="off"), durability)


def test_a_writer_killed_beside_another(
    fresh: Callable[..., dict[str, str]], java: str, folder: Path, program: Callable[..., str]
) -> None:
    """The one that lives neither waits nor loses what the dead one had put."""
    code = "\n".join([PROLOGUE, f"FOLDER = {str(folder)!r}", VICTIM])
    program(
        f"VICTIM = {code!r}",
        """
import subprocess
saver = ChronicleSaver(FOLDER)
chance = random.Random(3)
put(saver, "mine", 0)
count = 1
for turn in range(2):
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, "0", "process"], stdout=subprocess.PIPE, text=True)
    assert victim.stdout.readline() == "open\\n"
    end, longest = time.perf_counter() + 0.1 + chance.random() * 0.2, 0
    while time.perf_counter() < end:
        put(saver, "mine", count)
        count += 1
    victim.send_signal(signal.SIGKILL)
    for _ in range(50):
        start = time.perf_counter()
        put(saver, "mine", count)
        longest = max(longest, time.perf_counter() - start)
        count += 1
    told = [*map(int, victim.stdout.read().split())]
    victim.wait()
    assert longest < 3, longest
    for n in told:
        check(saver, f"t{n % 3}", n)
    assert [one.metadata["step"] for one in saver.list(config("mine"))] == [*range(count)][::-1]
""",
        timeout=LIMIT_S,
    )
