"""The table of rate limits: it says what a model of LiteLLM's windows says, to all that have the folder open, and no key stands in it."""

from __future__ import annotations

import collections
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import LONG
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fast_jvm import FastJvmUnavailable
from fast_litellm import RateLimits

NOW = 1_800_000_000
TTL = 3600
KEYS = ["{api_key:a}", "{api_key:b}", "{user:é}", "{team:日本}", "{team:🙂}", "x" * 300, ""]


class Limits(RuleBasedStateMachine):
    """Two openers of one folder, and a model: a window begins with the first use behind the end of the one before."""

    folder: Path

    @initialize()
    def opened(self) -> None:
        name = self.folder / f"limits {len(list(self.folder.iterdir()))}"
        self.tables = [RateLimits(name, keys=200), RateLimits(name, keys=999)]
        self.now = float(NOW)
        self.windows: dict[str, list[int]] = {}  # start, requests, tokens
        self.slots: dict[str, dict[str, float]] = collections.defaultdict(dict)

    def window(self, key: str, size: int) -> list[int]:
        found = self.windows.get(key)
        if found is None or int(self.now) - found[0] >= size:
            found = [int(self.now), 0, 0]
        return found

    @rule(
        seconds=st.one_of(
            st.floats(0, 5), st.sampled_from([-30.0, 29.5, 59.0, 61.0, 3500.0, 3601.0])
        )
    )
    def time_passes(self, seconds: float) -> None:
        self.now = max(float(NOW) / 2, self.now + seconds)

    @rule(
        which=st.integers(0, 1),
        key=st.sampled_from(KEYS),
        limit=st.integers(0, 4),
        amount=st.integers(0, 3),
    )
    def check(self, which: int, key: str, limit: int, amount: int) -> None:
        window = self.window(key, 60)
        wanted = window[1] + amount <= limit if amount else window[1] < limit
        assert self.tables[which].check(key, limit, 60, amount, int(self.now)) is wanted
        if wanted:
            window[1] += amount
            self.windows[key] = window

    @rule(
        which=st.integers(0, 1),
        key=st.sampled_from(KEYS),
        tokens=st.booleans(),
        amount=st.integers(-5, 50),
        size=st.sampled_from([60, 10]),
        expected=st.sampled_from([None, 0, -1, 7]),
    )
    def add(
        self, which: int, key: str, tokens: bool, amount: int, size: int, expected: int | None
    ) -> None:
        window = self.window(key, size)
        known = self.windows.get(key)
        started = -1 if expected is None else (known or window)[0] + expected
        found = self.tables[which].add(
            key, amount, tokens=tokens, now=int(self.now), window=size, started=started
        )
        if expected is not None and (window is not known or started != known[0]):
            assert found is None
            return
        window[1 + tokens] += amount
        self.windows[key] = window
        assert found == (window[0], window[1 + tokens])

    @rule(which=st.integers(0, 1), key=st.sampled_from(KEYS), tokens=st.booleans())
    def get(self, which: int, key: str, tokens: bool) -> None:
        known = self.windows.get(key)
        there = known is not None and int(self.now) - known[0] < 60
        found = self.tables[which].get(key, tokens=tokens, now=int(self.now), window=60)
        assert found == ((known[0], known[1 + tokens]) if there and known else None)

    def held(self, gauge: str) -> int:
        return sum(1 for taken in self.slots[gauge].values() if taken >= self.now - TTL)

    @rule(
        which=st.integers(0, 1),
        wanted=st.lists(
            st.tuples(st.sampled_from(["p", "q"]), st.integers(0, 5)),
            min_size=1,
            max_size=2,
            unique_by=lambda one: one[0],
        ),
        request=st.sampled_from(["1", "2", "3", "4", "5", "6"]),
    )
    def acquire(self, which: int, wanted: list[tuple[str, int]], request: str) -> None:
        found = self.tables[which].acquire(wanted, request, now=self.now, ttl=TTL)
        for place, (gauge, limit) in enumerate(wanted):
            if self.held(gauge) + 1 > limit:
                assert found == (place, (self.held(gauge),))
                return
        assert found == (None, tuple(self.held(gauge) for gauge, _ in wanted))
        for gauge, _ in wanted:
            self.slots[gauge] = {
                name: taken for name, taken in self.slots[gauge].items() if taken >= self.now - TTL
            }
            self.slots[gauge][request] = self.now

    @rule(
        which=st.integers(0, 1),
        gauge=st.sampled_from(["p", "q", "r"]),
        request=st.sampled_from(["1", "2", "9"]),
    )
    def release(self, which: int, gauge: str, request: str) -> None:
        self.tables[which].release(gauge, request)
        self.slots[gauge].pop(request, None)

    @invariant()
    def in_flight(self) -> None:
        if hasattr(self, "tables"):
            for gauge in ("p", "q"):
                for table in self.tables:
                    assert table.in_flight(gauge, now=self.now, ttl=TTL) == self.held(gauge)


def test_model(tmp_path: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    Limits.folder = tmp_path
    run_state_machine_as_test(
        Limits, settings=settings(max_examples=1500 if LONG else 60, stateful_step_count=60)
    )


def test_no_key_in_the_folder(tmp_path: Path) -> None:
    one, other = RateLimits(tmp_path / "a" / "b", keys=50), RateLimits(tmp_path / "c", keys=50)
    for table in (one, other):
        for place in range(20):
            assert table.check(f"{{api_key:sk-secret-{place}}}", 5)
    assert one.used == 20
    files = [(tmp_path / name / "limits").read_bytes() for name in ("a/b", "c")]
    slots = [
        {file[at : at + 16] for at in range(4096, len(file), 32)} - {bytes(16)} for file in files
    ]
    assert all(b"sk-secret" not in file for file in files)
    assert (
        len(slots[0]) == len(slots[1]) == 20 and not slots[0] & slots[1]
    )  # a key of each file's own
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700
    for file in (tmp_path / "c").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    assert RateLimits(tmp_path / "l").check("k", 1)
    assert not RateLimits(tmp_path / "l").check("k", 1)
    (tmp_path / "l" / "limits").write_bytes(b"something else" * 1000)
    with pytest.warns(RuntimeWarning, match="counts from nothing"):
        assert RateLimits(tmp_path / "l").check("k", 1)
    (tmp_path / "link").symlink_to(tmp_path / "l")
    with pytest.raises(OSError, match="link"):
        RateLimits(tmp_path / "link")
    (tmp_path / "l" / "limits").unlink()
    (tmp_path / "l" / "limits").symlink_to(tmp_path / "away")
    with pytest.raises(OSError, match="symbolic link"):
        RateLimits(tmp_path / "l")


def test_arguments(tmp_path: Path) -> None:
    table = RateLimits(tmp_path / "l", keys=10)
    for wrong in ((3, 1), ("k", "1"), ("k", 1.5), ("k", 1, 60, True), ("k", 1 << 70), (b"k", 1)):
        with pytest.raises(TypeError):
            table.check(*wrong)
    with pytest.raises(ValueError, match="keys"):
        RateLimits(tmp_path / "l", keys=0)

    class Text(str):
        pass

    with pytest.raises(TypeError):
        table.check(Text("k"), 1)


def test_a_full_table_refuses_new_keys(tmp_path: Path) -> None:
    table = RateLimits(tmp_path / "l", keys=100)
    found = [table.check(str(place), 10, now=NOW) for place in range(500)]
    assert sum(found) == table.used == 140
    assert table.check("0", 10, now=NOW) and not table.check("499", 10, now=NOW)
    assert table.add("499", 1, tokens=True, now=NOW, window=60) is False
    assert any(table.check(str(place), 10, now=NOW + 62) for place in range(500, 520))


def test_a_forked_child_is_told(tmp_path: Path) -> None:
    table = RateLimits(tmp_path / "l")
    assert table.check("k", 3)
    child = os.fork()
    if child == 0:
        try:
            table.check("k", 3)
            os._exit(1)
        except FastJvmUnavailable:
            os._exit(0)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


WORKER = """
import os, struct, sys, time
from fast_litellm import RateLimits
table = RateLimits(sys.argv[1], keys=1000)
out = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
open(sys.argv[2] + ".ready", "w").close()
while not os.path.exists(sys.argv[1] + "/go"):
    time.sleep(0.01)
end, turn = time.monotonic() + float(sys.argv[3]), 0
while time.monotonic() < end:
    turn += 1
    now = int(time.time())
    for key in range(4):
        found = table.add(f"key {key}", 1, tokens=key % 2 == 1, now=now, window=1, limit=40)
        if type(found) is tuple:
            os.write(out, struct.pack("=BQ", key, found[0]))
    gauge = table.acquire([("gauge", 3)], sys.argv[2] + str(turn), now=time.time(), ttl=3600)
    if gauge[0] is None:
        os.write(out, struct.pack("=BQ", 9, 0))
        table.add(f"new {turn}", 1, tokens=False, now=now, window=1)
        table.release("gauge", sys.argv[2] + str(turn))
"""


def test_processes_admit_no_more_than_the_limit(tmp_path: Path) -> None:
    """Eight of them, three killed on the way; windows of a second."""
    seconds, many = (10.0, 8) if LONG else (2.0, 8)
    folder = tmp_path / "limits"
    RateLimits(folder, keys=1000)
    workers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                WORKER,
                str(folder),
                str(tmp_path / f"out {place}"),
                str(seconds),
            ]
        )
        for place in range(many)
    ]
    try:
        end = time.monotonic() + 120
        while len(list(tmp_path.glob("*.ready"))) < many:
            assert time.monotonic() < end and all(each.poll() is None for each in workers)
            time.sleep(0.05)
        (folder / "go").touch()
        time.sleep(seconds / 2)
        for each in workers[:3]:
            each.send_signal(signal.SIGKILL)
        for each in workers[3:]:
            assert each.wait(60) == 0
    finally:
        for each in workers:
            each.kill()
            each.wait()
    admitted: Any = collections.Counter()
    for place in range(many):
        written = (tmp_path / f"out {place}").read_bytes()
        whole = written[: len(written) // 9 * 9]
        admitted.update(struct.iter_unpack("=BQ", whole))
    acquired = admitted.pop((9, 0), 0)
    assert acquired and len(admitted) >= 4 * (seconds - 1)
    print(
        f"{many} processes, {seconds} s, 3 killed: {sum(admitted.values())} admitted in "
        f"{len(admitted)} windows, {max(admitted.values()) - 40} over the limit"
    )
    assert max(admitted.values()) == 40  # and it was reached
    # what a killed process held is still counted, no more
    left = RateLimits(folder).in_flight("gauge", now=time.time(), ttl=TTL)
    assert left <= 3
    assert RateLimits(folder).in_flight("gauge", now=time.time() + TTL + 1, ttl=TTL) == 0
