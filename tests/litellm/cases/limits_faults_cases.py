"""The table of rate limits under what can happen to it: files cut, spoiled, removed and replaced while they are in use, other rights, full
disks, odd numbers, and processes that are killed at any moment while the clock steps."""

from __future__ import annotations

import collections
import os
import random
import shutil
import struct
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_litellm import RateLimits

NOW = 1_800_000_000
MOST = 2**31 - 1


def truncated(size: int) -> Callable[[Path], None]:
    return lambda file: os.truncate(file, size)


def overwritten(file: Path) -> None:
    with open(file, "r+b") as opened:
        opened.write(b"something else " * 500)


def removed(file: Path) -> None:
    file.unlink()


def folder_removed(file: Path) -> None:
    shutil.rmtree(file.parent)


def another(file: Path) -> None:
    RateLimits(file.parent.parent / "another", keys=500).check("k", 1)
    os.replace(file.parent.parent / "another" / "limits", file)


def longer(file: Path) -> None:
    """Whoever has it mapped does not see it; whoever opens it makes a new one."""
    with open(file, "ab") as opened:
        opened.write(b"x")
    with pytest.warns(RuntimeWarning, match="could not be read"):
        RateLimits(file.parent)


DAMAGES = [truncated(0), truncated(4096), truncated(5000), overwritten, removed, folder_removed, another, longer]  # fmt: skip
CALLS: dict[str, Callable[[RateLimits, int], Any]] = {
    "check": lambda table, now: table.check("k", 9, now=now),
    "add": lambda table, now: table.add("k", 2, tokens=True, now=now, window=60),
    "get": lambda table, now: table.get("k", tokens=True, now=now, window=60),
    "acquire": lambda table, now: table.acquire([("g", 3)], "r", now=float(now), ttl=60),
    "release": lambda table, now: table.release("g", "r"),
    "in_flight": lambda table, now: table.in_flight("g", now=float(now), ttl=60),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_table_that_is_damaged_while_it_is_used(tmp_path: Path, call: str) -> None:
    """What is asked next is answered by a new table, with a warning; those that have the folder open count together again."""
    for place, damage in enumerate(DAMAGES * (30 if LONG else 1)):
        folder = tmp_path / str(place)
        table, other = RateLimits(folder, keys=2000), RateLimits(folder)
        for key in range(40):  # (the pages behind the first)
            assert table.check(f"key {key}", 3, now=NOW)
        assert table.check("k", 9, now=NOW) and other.check("k", 9, now=NOW)
        damage(folder / "limits")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            CALLS[call](table, NOW + 1)
            for one in (other, table):
                assert one.acquire([("h", 2)], str(one is table), now=NOW + 2.0, ttl=60)[0] is None
                assert one.check("two", 2, now=NOW + 2)
            assert not table.check("two", 2, now=NOW + 2) and not other.check("two", 2, now=NOW + 2)
            assert table.acquire([("h", 2)], "3", now=NOW + 2.0, ttl=60) == (0, (2,))
        told = [str(each.message) for each in caught]
        assert all("counts from nothing" in text for text in told)
        if damage not in (another, longer):  # ...which somebody else put there
            assert len(told) == 1, told
            assert caught[0].category is RuntimeWarning


def test_compiled_code_survives_a_file_that_is_cut(tmp_path: Path) -> None:
    """Each call meets pages that are gone."""
    table = RateLimits(tmp_path / "l", keys=5000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for turn in range(60_000 if LONG else 20_000):
            if turn % 40 == 20:
                os.truncate(tmp_path / "l" / "limits", (turn * 37) % 100_000)
            table.check(f"key {turn % 3000}", 5, now=NOW)
            table.add(f"key {turn % 3000}", 5, tokens=True, now=NOW, window=60)
            table.get(f"key {turn % 2999}", tokens=False, now=NOW, window=60)
            if turn % 7 == 0:
                table.acquire([(f"g {turn % 300}", 5)], str(turn), now=float(NOW), ttl=60)
                table.release(f"g {turn % 300}", str(turn))
    assert len(caught) > 300


def test_old_keys_make_room(tmp_path: Path) -> None:
    """A key for each minute, as the Router has them: none is refused once the table has been full of old ones."""
    table = RateLimits(tmp_path / "l", keys=1000)
    for minute in range(600):
        for deployment in range(10):
            key, now = f"router:{minute}:{deployment}", NOW + 60 * minute
            assert table.add(key, 1, tokens=False, now=now, window=120) == (now, 1)
            assert table.add(key, 7, tokens=True, now=now + 59, window=120) == (now, 7)
    assert table.used <= 1400


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.mark.parametrize("mask", [0, 0o022, 0o077, 0o007])
def test_rights(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        RateLimits(tmp_path / "new" / "l")
        (tmp_path / "loose").mkdir(mode=0o777)
        RateLimits(tmp_path / "loose")
        (tmp_path / "loose" / "limits").chmod(0o666)
        (tmp_path / "loose").chmod(0o777)
        RateLimits(tmp_path / "loose")
    for folder in (tmp_path / "new" / "l", tmp_path / "loose"):
        assert mode(folder) == 0o700
        assert {mode(each) for each in folder.iterdir()} == {0o600}


def test_a_folder_that_others_may_write_into(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "another's").touch()
    for loose in (0o777, 0o1777, 0o775, 0o702):
        folder.chmod(loose)
        with pytest.raises(OSError, match="others may write"):
            RateLimits(folder)
        assert mode(folder) == loose and [each.name for each in folder.iterdir()] == ["another's"]
    folder.chmod(0o755)
    assert RateLimits(folder).check("k", 1)
    assert mode(folder) == 0o755 and mode(folder / "limits") == 0o600


def test_links(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(b"kept")
    for name in ("limits", "lock", "limits.part"):
        folder = tmp_path / f"of {name}"
        folder.mkdir(mode=0o700)
        (folder / name).symlink_to(mine)
        if name == "limits.part":  # what nobody finished
            assert RateLimits(folder).check("k", 1)
        else:
            with pytest.raises(OSError):
                RateLimits(folder)
        assert mine.read_bytes() == b"kept"
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError):
        RateLimits(tmp_path / "dangling")
    assert not (tmp_path / "nowhere").exists()
    mine.unlink()
    (tmp_path / "a folder" / "limits").mkdir(parents=True)
    for odd in (tmp_path / "a folder", tmp_path / "of lock" / "lock" / "under a file"):
        with pytest.raises(OSError):
            RateLimits(odd)


FULL = """
import os, sys
from fast_litellm import RateLimits
{before}
try:
    RateLimits(sys.argv[1], keys=1_000_000)
except OSError as error:
    print(error.errno, os.listdir(sys.argv[1]) if os.path.isdir(sys.argv[1]) else None)
{after}
"""
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))"


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """An error, nothing left behind, and a smaller table serves: its pages are there before they are used."""
    after = "print(RateLimits(sys.argv[1], keys=1000).check('k', 1))"
    code = FULL.format(before=LIMITED, after=after)
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "l")],
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert out.stdout == "27 ['lock']\nTrue\n" and out.returncode == 0
    if os.getuid() != 0 or shutil.which("unshare") is None:
        return  # a file system of our own wants root
    mount = 'mkdir "$1" && mount -t tmpfs -o size=1m none "$1" && "$2" -c "$3" "$1/l" && mount -o remount,ro "$1" && "$2" -c "$4" "$1/l" "$1/m"'
    read_only = FULL.format(before="", after="").replace(
        "sys.argv[1], keys", "sys.argv[2], keys"
    ) + (
        "try:\n    RateLimits(sys.argv[1])\nexcept OSError as error:\n    print(error.errno, 'ro')\n"
    )
    code = FULL.format(before="", after=after)
    command = ["unshare", "-m", "sh", "-c", mount, "sh", str(tmp_path / "t"), sys.executable]
    run = subprocess.run(
        [*command, code, read_only], stdout=subprocess.PIPE, text=True, timeout=240
    )
    if run.returncode == 0:
        assert run.stdout == "28 ['lock']\nTrue\n30 ['limits', 'lock']\n30 ro\n"


def test_numbers(tmp_path: Path) -> None:
    table = RateLimits(tmp_path / "l", keys=100)
    for wrong in (-1, 2**32, int(1000 * time.time()), 1.5, None, True):
        with pytest.raises(TypeError):
            table.add("k", 1, tokens=False, now=wrong, window=60)  # type: ignore[arg-type]
        if wrong is not None:
            with pytest.raises(TypeError):
                table.check("k", 1, now=wrong)  # type: ignore[arg-type]
    for wrong in (-1, 2**31, 2**70, 1.5):
        with pytest.raises(TypeError):
            table.check("k", 1, wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            table.get("k", tokens=False, now=NOW, window=wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            table.acquire([("g", 1)], "r", now=1.8e9, ttl=wrong)  # type: ignore[arg-type]
    for now in (-1.0, 2.0**32, float("nan"), float("inf")):
        with pytest.raises(TypeError):
            table.acquire([("g", 1)], "r", now=now, ttl=60)
    with pytest.raises(TypeError):
        table.acquire([("g", 1.5)], "r", now=1.8e9, ttl=60)  # type: ignore[list-item]
    assert table.used == 0
    for limit in (0, -1, -(2**70)):
        assert table.acquire([("g", limit)], "r", now=1.8e9, ttl=60) == (0, (0,))
    for limit in (2**31, 2**62, 2**70):
        assert table.acquire([("g", limit)], str(limit), now=1.8e9, ttl=60)[0] is None


LIMIT = st.one_of(
    st.integers(-2, 6),
    st.sampled_from([MOST - 1, MOST, MOST + 1, 2**40, 2**59 - 1, 2**59, 2**60, 2**70]),
)
AMOUNT = st.one_of(
    st.integers(-3, 5), st.sampled_from([-MOST, MOST - 1, MOST, MOST + 1, 2**40, -(2**40)])
)


@settings(max_examples=2000 if LONG else 300)
@given(st.lists(st.tuples(LIMIT, AMOUNT, st.booleans(), st.integers(0, 2)), max_size=25))
def test_limits_that_change_and_are_large(
    steps: list[tuple[int, int, bool, int]],
) -> None:
    """Counters end at 2**31 - 1, and no limit is larger."""
    table = shared()
    key = f"key {next(runs)}"
    counts = {True: 0, False: 0}
    began = False
    for limit, amount, tokens, hours in steps:
        before = counts[tokens]
        over = before + amount > min(limit, MOST) if amount > 0 else before >= limit
        if limit >= 2**59 - 1:  # clamped below what is no limit
            over = before + amount > MOST if amount > 0 else False
        told = table.add(
            key, amount, tokens=tokens, now=NOW + hours, window=9000, limit=limit, started=-1
        )
        if over:
            assert told == before
        else:
            start = told[0] if isinstance(told, tuple) else None
            counts[tokens] = max(-(2**31), min(before + amount, MOST))
            assert told == (start, counts[tokens])
            assert not began or start == began
            began = start or NOW


runs = iter(range(1 << 30))
opened: list[RateLimits] = []


def shared() -> RateLimits:
    return opened[0]


@pytest.fixture(scope="module", autouse=True)
def one_table(tmp_path_factory: pytest.TempPathFactory) -> None:
    opened.append(RateLimits(tmp_path_factory.mktemp("shared") / "l", keys=50_000))


WORKER = """
import mmap, os, random, struct, sys, time
from fast_litellm import RateLimits
folder, out, seed = sys.argv[1], os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), int(sys.argv[3])
table, source = RateLimits(folder), random.Random(seed)
with open(folder + "/../clock", "r+b") as file:
    clock = mmap.mmap(file.fileno(), 8)
open(sys.argv[2] + ".ready", "w").close()
turn = 0
while True:
    turn += 1
    now = int(time.time()) + struct.unpack("q", clock)[0]
    for key in range(6):
        tokens, amount = key % 2 == 1, source.randint(1, 5)
        found = table.add(f"key {key}", amount, tokens=tokens, now=now, window=1, limit=90)
        if type(found) is tuple:
            os.write(out, struct.pack("=Bqdd", key, found[0], amount, 0))
            if source.random() < 0.1:  # some of it is given back
                os.write(out, struct.pack("=Bqdd", key, found[0], -1, 0))
                back = table.add(f"key {key}", -1, tokens=tokens, now=now, window=1, started=found[0])
                if back is None:
                    os.write(out, struct.pack("=Bqdd", key, found[0], 1, 0))
    for _ in range(3):  # new keys, more than there is room for
        table.add(f"new {seed} {turn} {source.random()}", 1, tokens=False, now=now, window=1)
    asked = time.time()
    gauge = table.acquire([("gauge", 3), ("wide", 50)], f"{seed} {turn}", now=asked, ttl=5)
    if gauge[0] is None:
        begin = time.time()
        time.sleep(0.002 * source.random())
        end = time.time()
        table.release("gauge", f"{seed} {turn}")
        table.release("wide", f"{seed} {turn}")
        os.write(out, struct.pack("=Bqdd", 200, 0, begin, min(end, asked + 5)))
"""


def test_killed_processes_and_a_clock_that_steps(tmp_path: Path) -> None:
    """Eight of them (four, when it has to be short), one killed and replaced again and again, windows of a second that the clock steps through in both directions."""
    seconds, many = (20.0, 8) if LONG else (2.0, 4)
    folder = tmp_path / "limits"
    RateLimits(folder, keys=3000)
    (tmp_path / "clock").write_bytes(bytes(8))
    source = random.Random(5)
    number = 0
    workers: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        nonlocal number
        number += 1
        command = [sys.executable, "-c", WORKER, str(folder), str(tmp_path / f"out {number}")]
        workers.append(subprocess.Popen([*command, str(number)]))

    killed = steps = 0
    try:
        for _ in range(many):
            start()
        end = time.monotonic() + 180
        while len(list(tmp_path.glob("*.ready"))) < many:
            assert time.monotonic() < end and all(each.poll() is None for each in workers)
            time.sleep(0.05)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.1)
            with open(tmp_path / "clock", "r+b") as clock:
                clock.write(struct.pack("q", source.randint(-3, 3)))
            steps += 1
            if source.random() < 0.3:
                victim = workers.pop(source.randrange(len(workers)))
                assert victim.poll() is None
                victim.kill()
                victim.wait()
                killed += 1
                start()
        assert all(each.poll() is None for each in workers)
    finally:
        for each in workers:
            each.kill()
            each.wait()
    admitted: Any = collections.Counter()
    held: list[tuple[float, int]] = []
    size = struct.calcsize("=Bqdd")
    for file in tmp_path.glob("out *"):
        written = file.read_bytes() if not file.name.endswith("ready") else b""
        for key, window, one, other in struct.iter_unpack(
            "=Bqdd", written[: len(written) // size * size]
        ):
            if key == 200:
                held += [(one, 1), (other, -1)]
            else:
                admitted[key, window] += int(one)
    together = most = 0
    for _, change in sorted(held):
        together += change
        most = max(most, together)
    print(
        f"{many} processes, {seconds} s, {killed} killed, {steps} steps of the clock: {sum(admitted.values())} admitted in "
        f"{len(admitted)} windows, {max(admitted.values()) - 90} over the limit; of 3 slots {most} were held at once"
    )
    assert steps and len(admitted) > (12 if LONG else 4) and len(held) > 20
    assert max(admitted.values()) <= 90
    assert 0 < most <= 3
    assert RateLimits(folder).in_flight("gauge", now=time.time() + 6, ttl=5) == 0
