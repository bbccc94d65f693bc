"""What was removed is gone from the disk; what was not stays, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path
from typing import Any, Callable

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from saver.conftest import PROLOGUE
from saver.scenarios import SCENARIOS, config, pinned, shown
from saver.test_graphs import same
from saver.test_values import everywhere, put
from support.killing import LIMIT_S, killed, survived

SECRET = "Xq7-secret-Zw9"


def blocks(folder: Path) -> int:
    """Bytes that a folder's files take on the disk."""
    taken = 0
    for each in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # it may be compacted meanwhile
            taken += each.stat().st_blocks * 512
    return taken


def test_what_is_deleted_is_gone(chronicle: Callable[..., Any], folder: Path) -> None:
    saver, other = chronicle(), chronicle()
    stays = {"messages": ["hello"] * 50}
    for n in range(1, 30):
        put(saver, "stays", n, stays)
        saved = put(
            saver,
            SECRET + "thread",
            n,
            {SECRET + "channel": [SECRET] * n, "b": 1},
            metadata={"source": SECRET, "step": n, "run_id": SECRET + "run"},
            checkpoint_ns=SECRET + "ns",
        )
        saver.put_writes(saved, [(SECRET, SECRET)], SECRET + "task", SECRET + "path")
        saver.put_writes(config(SECRET, checkpoint_id=SECRET + "orphan"), [("a", 1)], SECRET)
    assert SECRET.encode() in everywhere(folder)
    saver.delete_thread(SECRET + "thread")
    saver.delete_thread(SECRET)
    assert other.get_tuple(config("stays")).metadata["step"] == 29
    assert saver.compact() > 0
    assert SECRET.encode() not in everywhere(folder)
    assert not any(SECRET in str(each) for each in folder.rglob("*"))
    for each in (saver, other, chronicle()):
        assert [one.metadata["step"] for one in each.list(None)] == [*range(1, 30)][::-1]
        for one in each.list(None):
            assert one.checkpoint["channel_values"] == stays
    assert saver.compact() == 0


async def test_async(chronicle: Callable[..., Any], folder: Path) -> None:
    saver = chronicle()
    for n in range(1, 5):
        put(saver, SECRET, n, {"a": SECRET})
    await saver.adelete_thread(SECRET)
    assert await saver.acompact() > 0
    assert SECRET.encode() not in everywhere(folder)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_graph(chronicle: Callable[..., Any], folder: Path, name: str) -> None:
    """All that a saver shows is the same before and after, and when its index is made anew."""
    saver = chronicle()
    with pinned():
        SCENARIOS[name](saver)
    with pinned():
        memory = InMemorySaver()
        SCENARIOS[name](memory)

    def told(saver: Any) -> list[Any]:
        found = sorted(
            saver.list(config("t")), key=lambda each: each.config["configurable"]["checkpoint_id"]
        )
        return [
            *map(shown, found),
            *(shown(saver.get_tuple(each.config)) for each in found),
            *(
                saver.get_delta_channel_history(config=each.config, channels=["log"])
                for each in found
            ),
        ]

    wanted = told(memory)
    for turn in range(4):
        put(saver, f"gone{turn}", 1, {"a": "x" * 1000})
        saver.delete_thread(f"gone{turn}")
        saver.compact()
        for each in (saver, chronicle()):
            same(told(each), wanted)
        if turn % 2 == 1:
            (folder / "index").unlink()
            same(told(chronicle()), wanted)
            saver = chronicle()


def test_space_is_given_back(chronicle: Callable[..., Any], folder: Path) -> None:
    saver, other = chronicle(), chronicle()
    for n in range(1, 200):
        put(saver, f"t{n % 20}", n, {"a": os.urandom(50_000)})
    assert len([*other.list(config("t1"))]) == 10
    full = blocks(folder)
    for thread in range(19):
        saver.delete_thread(f"t{thread}")
    saver.compact()
    assert blocks(folder) < full / 4
    assert len([*other.list(config("t19"))]) == 10
    with open("/proc/self/maps") as maps:  # neither saver holds a file that is gone
        assert not [line for line in maps if str(folder / "log") in line and "deleted" in line]


def test_readers_in_other_processes(
    fresh: Callable[..., dict[str, str]], java: str, folder: Path, program: Callable[..., str]
) -> None:
    reader = """
saver = ChronicleSaver(FOLDER)
print("open", flush=True)
end = time.perf_counter() + 4
count = 0
while time.perf_counter() < end:
    thread = random.randrange(3)
    n = random.randrange(1, 31)
    got = check(saver, f"t{thread}", n)
    assert got.pending_writes and got.checkpoint["channel_values"]["value"] == ["v" * 300] * n
    assert [one.metadata["step"] for one in saver.list(config(f"t{thread}"))] == [*range(1, 31)][::-1]
    count += 1
print(count)
"""
    code = "\n".join([PROLOGUE, f"FOLDER = {str(folder)!r}", reader])
    told = program(
        f"READER = {code!r}",
        """
import subprocess
saver = ChronicleSaver(FOLDER)
for thread in range(3):
    for n in range(1, 31):
        put(saver, f"t{thread}", n, value=["v" * 300] * n)
readers = [subprocess.Popen([sys.executable, "-c", READER], stdout=subprocess.PIPE, text=True) for _ in range(2)]
errors, rounds = [], 0
def here():
    try:
        for n in range(1, 100_000):
            if stop:
                return
            check(saver, f"t{n % 3}", n % 30 + 1)
    except BaseException as error:
        errors.append(error)
stop = []
thread = threading.Thread(target=here)
for each in readers:
    assert each.stdout.readline() == "open\\n"
thread.start()
while any(each.poll() is None for each in readers):
    for n in range(20):
        put(saver, "churn", n, value="c" * 1000)
    saver.delete_thread("churn")
    saver.compact()
    rounds += 1
stop.append(1)
thread.join()
assert not errors, errors
assert all(each.returncode == 0 for each in readers)
assert all(int(each.stdout.read()) > 10 for each in readers)
assert rounds > 1  # four seconds of a busy machine
print(rounds)
""",
        timeout=LIMIT_S,
    )
    assert int(told) > 1


VICTIM = """
saver = ChronicleSaver(FOLDER, durability=sys.argv[1])
n = int(sys.argv[2])
def compact():
    try:
        while True:
            saver.compact()
    except BaseException as error:
        os.write(2, repr(error).encode())
        os._exit(9)
thread = threading.Thread(target=compact, daemon=True)
print("open", flush=True)
thread.start()
while True:
    put(saver, f"keep{n % 3}", n, value=[["x" * 30, k] for k in range(n % 50)])
    os.write(1, f"{n}\\n".encode())
    put(saver, f"gone{n % 2}", n, value="z" * 2000)
    if n % 5 == 4:
        saver.delete_thread(f"gone{n % 2}")
        os.write(1, f"-{n}\\n".encode())
    n += 1
"""
SURVIVOR = """
saver = ChronicleSaver(FOLDER)
told = [*map(int, sys.stdin.read().split())]
kept, gone = {n for n in told if n >= 0}, [-n for n in told if n < 0]
for k in range(3):
    steps = [one.metadata["step"] for one in saver.list(config(f"keep{k}"))]
    assert steps == sorted(set(steps), reverse=True), steps
    assert {n for n in kept if n % 3 == k} <= set(steps)
    for n in steps:
        got = check(saver, f"keep{k}", n)
        values = got.checkpoint["channel_values"]["value"]
        assert values == [["x" * 30, k] for k in range(n % 50)], (n, got)
        assert got.pending_writes or n not in kept, n
for k in range(2):
    steps = [one.metadata["step"] for one in saver.list(config(f"gone{k}"))]
    assert all(n > max((each for each in gone if each % 2 == k), default=-1) for n in steps), steps
"""


def _killed(
    rounds: int, folder: Path, environment: dict[str, str], durability: str, seed: int = 1
) -> None:
    chance = random.Random(seed)
    code = "\n".join([PROLOGUE, f"FOLDER = {str(folder)!r}", VICTIM])
    survivor = "\n".join([PROLOGUE, f"FOLDER = {str(folder)!r}", SURVIVOR])
    told: list[int] = []
    for number in range(rounds):
        first = max((abs(n) for n in told), default=-1) + 3
        told += killed(
            code,
            durability,
            str(first),
            environment=environment,
            first=True,
            after_s=chance.random() * 0.25,
        )
        if number % 3 == 2:
            (folder / "index").unlink()
        if number % 5 == 4 or number == rounds - 1:
            survived(survivor, told, environment, number)
    assert len(told) >= rounds


@pytest.mark.parametrize("durability,rounds", [("process", 18), ("disk", 4)])
def test_a_killed_compaction(
    fresh: Callable[..., dict[str, str]], java: str, folder: Path, durability: str, rounds: int
) -> None:
    _killed(rounds, folder, fresh(FAST_JVM_CACHE="off"), durability)


@pytest.mark.long
@pytest.mark.parametrize("durability", ["process", "disk"])
def test_a_compaction_killed_200_times(
    fresh: Callable[..., dict[str, str]], java: str, folder: Path, durability: str
) -> None:
    _killed(200, folder, fresh(FAST_JVM_CACHE="off"), durability, seed=2)


def test_a_full_disk(program: Callable[..., str], mount: Callable[..., Path]) -> None:
    """There is no room for what is live: an error, and nothing is lost; with room it goes on."""
    at = mount("-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs")
    told = program(
        f"FOLDER = {str(at / 'saver')!r}",
        """
saver = ChronicleSaver(FOLDER)
ballast = os.path.join(os.path.dirname(FOLDER), "ballast")
for n in range(100):
    put(saver, f"t{n % 5}", n, value=os.urandom(25_000).hex())
def all_there():
    for n in range(100):
        if n % 5:
            check(saver, f"t{n % 5}", n)
    for k in range(1, 5):
        assert len([*saver.list(config(f"t{k}"))]) == 20
saver.delete_thread("t0")
room = os.statvfs(os.path.dirname(FOLDER))
for left in (0, 300, 1000, 3000):
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, os.statvfs(os.path.dirname(FOLDER)).f_bavail * 4096 - (left << 10))
    try:
        saver.compact()
    except OSError as error:
        print(error.errno)
    all_there()
    os.unlink(ballast)
print(saver.compact() > 0)
all_there()
saver.close()
saver = ChronicleSaver(FOLDER)
all_there()
assert saver.get_tuple(config("t0")) is None
""",
    )
    assert told.split() == ["28"] * 4 + ["True"]


def test_damage(chronicle: Callable[..., Any], folder: Path) -> None:
    """A damaged checkpoint that is still asked for stays an error, and is said."""
    saver = chronicle()
    for n in range(1, 6):
        put(saver, "t", n, {"a": f"value {n}"})
        put(saver, "gone", n, {"a": SECRET})
    saver.close()
    (file,) = folder.rglob("*L.cq4")
    with open(file, "r+b") as opened:
        opened.seek(opened.read(1 << 20).rindex(b"value 3"))
        opened.write(b"X")
    saver = chronicle()
    saver.delete_thread("gone")
    with pytest.raises(OSError, match="damaged"):
        saver.compact()
    for n in (1, 2, 4, 5):
        got = saver.get_tuple(config("t", checkpoint_id=f"{n:08}"))
        assert got.checkpoint["channel_values"] == {"a": f"value {n}"}
    with pytest.raises(OSError):
        saver.get_tuple(config("t", checkpoint_id="00000003"))
    saver.delete_thread("t")
    assert saver.get_tuple(config("gone")) is None


def test_closed(chronicle: Callable[..., Any]) -> None:
    saver = chronicle()
    saver.close()
    with pytest.raises(OSError, match="closed"):
        saver.compact()
