"""Mixed calls from many threads for minutes: each result is compared, and memory must stay where it was.

    python -m tests.soak                            `make soak`: 1,000,000 calls and 10 minutes, 8 threads
    python -m tests.soak --calls 20000 --seconds 20
    python -m tests.soak --side original            the same calls without Java: what the library itself needs

It runs until both the calls and the seconds are reached. What a call returns or raises is compared with what the
original returned or raised, by value and exact type. RSS is sampled each second; the first fifth is warm-up, the
rest is cut into windows, and no window's median may lie more than --flat above an earlier one's.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import gc
import json
import logging
import os
import random
import statistics
import struct
import sys
import threading
import time
import traceback
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

WARM_UP = 0.2
WINDOWS = 16
BATCH = 32
KEPT = 10
"""So many differences are kept for the report; all are counted."""
SERVED = 0.5
"""Java must have been entered for this share of the calls, at least."""
MB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Case:
    """One call, and what the original made of it: a value, or an exception as plain data."""

    group: str
    call: Callable[..., Any]
    argument: Any
    value: Any = None
    error: tuple[Any, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Sample:
    """The process at one moment."""

    second: float
    calls: int
    rss: int
    blocks: int  # of memory that CPython has given out
    tracked: int = 0  # objects the collector knows; counted once a window
    kinds: dict[str, int] = dataclasses.field(default_factory=dict)  # RSS by kind of mapping


# -- the calls


def cases() -> list[Case]:
    """Every kind of input, on our side, with the original's answers."""
    return [*_dumps_cases(), *_loads_cases(), *_malformed_cases()]


def _values() -> dict[str, list[Any]]:
    import langchain_core.messages as lc
    import numpy as np
    from equivalence.test_served import conversation, plain_dict
    from langgraph.checkpoint.serde.types import _DeltaSnapshot
    from langgraph.types import Command, Interrupt, Send

    from support import models as m

    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 6, datetime.timezone.utc)
    point = m.Point(1, [2])
    return {
        "messages": [
            conversation(1),
            conversation(3),
            {"messages": conversation(9), "n": 1},
            _DeltaSnapshot(conversation(2)),
            lc.HumanMessage("Grüße, 世界 😀" * 20, id="m"),
        ],
        "dataclasses": [
            [m.Plain(f"n{i}", i, ["a"]) for i in range(10)],
            m.Frozen("x"),
            [m.Slotted("é", i) for i in range(5)],
        ],
        "pydantic": [
            [m.Scalars(name=f"n{i}", count=i) for i in range(5)],
            m.Nested(one=m.Scalars(name="a"), some=[m.Scalars(name="b")]),
            {"old": m.V1Scalars(name="a")},
        ],
        "plain": [
            plain_dict(1500),
            plain_dict(8000),
            {},
            "text",
            ["a" * 300, "é" * 300, list(range(50)), [[[[]]]]],
            {"a": [1, 2.5, None, True, "x", b"y"], "é": "中文", "big": 1 << 60, (1, "k"): {}},
            list(range(2000)),
        ],
        "types": [
            [(uuid.UUID(int=i << 90), moment + datetime.timedelta(hours=i)) for i in range(10)],
            [Send("n", {"a": 1}), Command(goto="x", update={"k": 1})],
            [{1, 2}, frozenset("a"), m.Colour.RED, datetime.date(2024, 1, 2)],
        ],
        "numpy": [np.arange(100, dtype="f8"), {"a": np.ones((2, 3), order="F"), "n": [1]}],
        "callbacks": [
            [Interrupt(value=1, id="i"), point, collections.deque([1], 3)],
            [lc.AIMessageChunk(content="x"), m.MyStr("s"), 1.5],
            {"e": [ValueError("x"), "a\ud800b"], "z": datetime.time(1, 2)},
        ],
        "handed through": [None, b"x" * 100, bytearray(b"y")],
    }


def _refused() -> list[Any]:
    import langchain_core.messages as lc

    from support import models as m

    loop: list[Any] = []
    loop.append(loop)
    return [
        [object],
        {"a": 1 << 70},
        {"a": {"\ud800": 1}},
        [{frozenset({1}): 1}],
        ["x" * 100, [m.Plain(m)]],
        [lc.HumanMessage("x", additional_kwargs={"a": {1: print}})],
        loop,
    ]


def _dumps_cases() -> Iterator[Case]:
    from support.sides import default_pair, pair

    plain = default_pair()
    for group, values in _values().items():
        for value in values:
            yield _case(group, plain.ours.dumps_typed, plain.theirs.dumps_typed, value)
    for value in _refused():
        yield _case("errors", plain.ours.dumps_typed, plain.theirs.dumps_typed, value)
    falls_back = pair(pickle_fallback=True)
    for value in ({"a": 1 << 70}, [{frozenset({1}): 1}], _refused()[0]):
        yield _case("pickle", falls_back.ours.dumps_typed, falls_back.theirs.dumps_typed, value)


def _loads_cases() -> Iterator[Case]:
    from support import models as m
    from support.sides import default_pair, pair

    plain = default_pair()
    values = _values()
    blobs = {
        group: [plain.theirs.dumps_typed(value) for value in values[group]] for group in values
    }
    for group, packed in blobs.items():
        for blob in packed:
            yield _case(group, plain.ours.loads_typed, plain.theirs.loads_typed, blob)
    modes = (
        pair(allowed_msgpack_modules=True),
        pair(allowed_msgpack_modules=None),
        pair(allowed_msgpack_modules=[("support.models", "Plain")]),
        pair(allowed_msgpack_modules=None).map(lambda s: s.with_msgpack_allowlist([m.Slotted])),
    )
    for mode in modes:
        for group in ("messages", "dataclasses", "pydantic", "types", "callbacks"):
            for blob in blobs[group][:2]:
                yield _case("allow-lists", mode.ours.loads_typed, mode.theirs.loads_typed, blob)
    falls_back = pair(pickle_fallback=True)
    for value in ({"a": 1 << 70}, [{frozenset({1}): 1}]):
        blob = falls_back.theirs.dumps_typed(value)
        yield _case("pickle", falls_back.ours.loads_typed, falls_back.theirs.loads_typed, blob)
        yield _case("errors", plain.ours.loads_typed, plain.theirs.loads_typed, blob)
    for odd in (("odd", b"x"), ("msgpack", "text"), ("msgpack", b"")):
        yield _case("errors", plain.ours.loads_typed, plain.theirs.loads_typed, odd)


def _malformed_cases() -> Iterator[Case]:
    from support.sides import default_pair

    plain = default_pair()
    for group, values in _values().items():
        for value in values[:2]:
            kind, blob = plain.theirs.dumps_typed(value)
            if kind != "msgpack":
                continue
            n = len(blob)
            for bad in (
                blob[: n // 2],
                blob[: n - 1],
                blob[: n // 3] + b"\xc1" + blob[n // 3 :],
                b"\xdd\x00\x00\xff\xff" + blob,
                blob[:20] + b"\xff\xff" + blob[22:],
            ):
                yield _case(
                    "malformed",
                    plain.ours.loads_typed,
                    plain.theirs.loads_typed,
                    ("msgpack", bad),
                )


def _passing(r: random.Random) -> Case:
    """An object of a class that is made for this call and dropped."""
    from support.sides import default_pair

    cls = dataclasses.make_dataclass("Passing", [(f"f{r.randrange(100)}", int), ("g", Any, None)])
    sides = default_pair()
    value = [cls(r.randrange(1 << 20)), cls(1, "x")]
    return _case("passing classes", sides.ours.dumps_typed, sides.theirs.dumps_typed, value)


def _case(group: str, ours: Callable[..., Any], theirs: Callable[..., Any], argument: Any) -> Case:
    value, error = _outcome(theirs, argument)
    return Case(group, ours, argument, value, error)


def _fresh(r: random.Random) -> Case:
    """A state with texts, keys, ids and sizes that were never seen; a dump, or the load of one."""
    import langchain_core.messages as lc

    from support import models as m
    from support.sides import default_pair

    def text() -> str:
        letters = r.choice(("abcdefgh ", "aé ß", "中文字", "a😀"))
        return "".join(r.choices(letters, k=r.choice((1, 7, 31, 32, 80, 300))))

    call = {"name": "f", "args": {text(): r.random()}, "id": text(), "type": "tool_call"}
    value: dict[str, Any] = {
        "messages": [
            lc.HumanMessage(text(), id=str(uuid.UUID(int=r.getrandbits(128)))),
            lc.AIMessage(text(), tool_calls=[call], response_metadata={text(): text()}),
            lc.ToolMessage(text(), tool_call_id=text(), artifact={text(): [r.getrandbits(40)]}),
        ][: r.randrange(4)],
        f"key {r.getrandbits(40):x}": [m.Plain(text(), r.randrange(1 << 33), [text()])],
        text(): [uuid.UUID(int=r.getrandbits(128)), datetime.timedelta(r.randrange(1000))],
        "rows": [{"id": i, "text": text(), "score": r.random()} for i in range(r.randrange(6))],
    }
    sides = default_pair()
    if r.random() < 0.5:
        return _case("ever new", sides.ours.dumps_typed, sides.theirs.dumps_typed, value)
    blob = sides.theirs.dumps_typed(value)
    return _case("ever new", sides.ours.loads_typed, sides.theirs.loads_typed, blob)


def _outcome(call: Callable[..., Any], argument: Any) -> tuple[Any, tuple[Any, ...] | None]:
    """What a call returned, or what it raised, as plain data (an exception would keep its frames)."""
    from support.outcome import describe

    try:
        return call(argument), None
    except Exception as error:
        return None, describe(error)


# -- the comparison


def identical(a: Any, b: Any) -> bool:
    """The same value and type all the way down; what is not plain is compared by the suites' own walk."""
    if a is b:
        return True
    cls = type(a)
    if cls is not type(b):
        return False
    if cls is str or cls is int or cls is bytes:
        return bool(a == b)
    if cls is float:
        return struct.pack("d", a) == struct.pack("d", b)
    if cls is list or cls is tuple:
        return len(a) == len(b) and all(map(identical, a, b))
    if cls is dict:
        return (
            len(a) == len(b)
            and all(map(identical, a, b))
            and all(map(identical, a.values(), b.values()))
        )
    if _is_model(cls):
        get = object.__getattribute__
        return all(identical(get(a, name), get(b, name)) for name in _MODEL_STATE) and (
            a.__pydantic_fields_set__ == b.__pydantic_fields_set__
        )
    from support.same import same

    return same(a, b)


_MODEL_STATE = ("__dict__", "__pydantic_extra__", "__pydantic_private__")


def _is_model(cls: type) -> bool:
    import pydantic

    return issubclass(cls, pydantic.BaseModel)


# -- the run


class Soak:
    """Threads that call, and what came of it."""

    def __init__(self, seed: int, threads: int) -> None:
        self.cases = cases()
        self.seed = seed
        self.stop = threading.Event()
        self.counts: list[collections.Counter[str]] = [
            collections.Counter() for _ in range(threads)
        ]
        self.differences = 0
        self.kept: list[str] = []
        self.died: list[str] = []
        self.samples: list[Sample] = []
        by_group = collections.Counter(case.group for case in self.cases)
        self.weights = [1 / by_group[case.group] for case in self.cases]

    @property
    def calls(self) -> int:
        """How many calls were made and compared."""
        return sum(count.total() for count in self.counts)

    def run(self, calls: int, seconds: float, tell: Callable[[str], None]) -> None:
        """Call until both are reached, and sample meanwhile."""
        threads = [
            threading.Thread(target=self._work, args=(i,), name=f"soak-{i}")
            for i in range(len(self.counts))
        ]
        for thread in threads:
            thread.start()
        try:
            self._watch(calls, seconds, tell)
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def _watch(self, calls: int, seconds: float, tell: Callable[[str], None]) -> None:
        started, next_window, line = time.monotonic(), 0.0, "{:>8}{:>11}{:>10}{:>11}{:>11}  {}"
        tell(line.format("second", "calls", "RSS MB", "blocks", "tracked", "RSS by mapping, MB"))
        while True:
            second, done = time.monotonic() - started, self.calls
            progress = min(done / calls, second / seconds if seconds else 1.0)
            details = progress >= next_window
            self.samples.append(sample(second, done, details))
            if details:
                now = self.samples[-1]
                kinds = "  ".join(f"{kind} {size / MB:.1f}" for kind, size in now.kinds.items())
                tell(
                    line.format(
                        f"{second:.0f}",
                        f"{done:,}",
                        f"{now.rss / MB:.1f}",
                        f"{now.blocks:,}",
                        f"{now.tracked:,}",
                        kinds,
                    )
                )
                next_window = progress + 1 / (WINDOWS + 4)
            if progress >= 1 or self.died:
                return
            time.sleep(min(1.0, max(0.05, seconds / 200)))

    def _work(self, index: int) -> None:
        r = random.Random(f"{self.seed} {index}")
        count = self.counts[index]
        try:
            while not self.stop.is_set():
                for case in r.choices(self.cases, self.weights, k=BATCH):
                    self._one(case, count)
                self._one(_fresh(r), count)
                self._one(_fresh(r), count)
                if r.random() < 0.1:
                    self._one(_passing(r), count)
        except BaseException:
            self.died.append(traceback.format_exc())

    def _one(self, case: Case, count: collections.Counter[str]) -> None:
        value, error = _outcome(case.call, case.argument)
        if error != case.error or not identical(value, case.value):
            self.differences += 1
            if len(self.kept) < KEPT:
                self.kept.append(
                    f"{case.group}: {case.call.__name__}({case.argument!r:.200}): "
                    f"{error or value!r:.300}, the original {case.error or case.value!r:.300}"
                )
        count[case.group] += 1


def sample(second: float, calls: int, details: bool) -> Sample:
    """The process as it is now."""
    return Sample(
        second,
        calls,
        rss(),
        sys.getallocatedblocks(),
        len(gc.get_objects()) if details else 0,
        rss_by_kind() if details else {},
    )


def rss() -> int:
    """Resident memory, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def rss_by_kind() -> dict[str, int]:
    """RSS by what is mapped: malloc's main arena, Java's heap (it reserves 2^32's upper end), files, the rest."""
    kinds = {"[heap]": 0, "Java heap": 0, "files": 0, "anonymous": 0}
    kind = "anonymous"
    for line in Path("/proc/self/smaps").read_text(errors="replace").splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            path = words[5] if len(words) > 5 else ""
            start = int(words[0].partition("-")[0], 16)
            kind = (
                "[heap]"
                if path == "[heap]"
                else "files"
                if path.startswith("/")
                else "Java heap"
                if (1 << 31) <= start < (1 << 32)
                else "anonymous"
            )
        elif words[0] == "Rss:":
            kinds[kind] += int(words[1]) << 10
    return kinds


# -- the verdict


@dataclasses.dataclass(frozen=True)
class Memory:
    """RSS after warm-up."""

    medians: list[int]  # of the windows

    @property
    def rise(self) -> int:
        """The most that a window's median lies above that of an earlier window."""
        lowest, worst = self.medians[0], 0
        for median in self.medians:
            lowest = min(lowest, median)
            worst = max(worst, median - lowest)
        return worst

    @property
    def spread(self) -> int:
        """Highest median less lowest."""
        return max(self.medians) - min(self.medians)

    @property
    def trend(self) -> float:
        """Growth from the first window to the last by Theil and Sen's line through the medians."""
        n = len(self.medians)
        slopes = [
            (self.medians[j] - self.medians[i]) / (j - i) for i in range(n) for j in range(i + 1, n)
        ]
        return statistics.median(slopes) * (n - 1) if slopes else 0.0


def memory(samples: list[Sample]) -> Memory:
    """Cut what follows the warm-up into windows of equal time."""
    last = samples[-1].second
    first = last * WARM_UP
    width = (last - first) / WINDOWS or 1.0
    windows: list[list[int]] = [[] for _ in range(WINDOWS)]
    for one in samples:
        if one.second >= first:
            windows[min(WINDOWS - 1, int((one.second - first) / width))].append(one.rss)
    return Memory([int(statistics.median(window)) for window in windows if window])


def main(arguments: list[str]) -> int:
    """Run, print, judge: 0 where everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--flat", type=float, default=5.0, help="MB that RSS may rise by")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--host", choices=("jni", "jpype"), default="jni")
    parser.add_argument("--side", choices=("ours", "original"), default="ours")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    given = parser.parse_args(arguments)
    if not os.path.exists("/proc/self/smaps"):
        parser.error("memory is read from Linux's /proc")

    os.environ["FAST_JVM_HOST"] = given.host
    os.environ["FAST_TEST_SIDES"] = "original" if given.side == "original" else ""
    warnings.simplefilter("ignore")
    from support import sides

    logging.disable(logging.CRITICAL)  # the library tells of each type once, whoever loads it
    sides.start()
    soak = Soak(given.seed, given.threads)
    before = sides.counters()
    soak.run(given.calls, given.seconds, lambda line: print(line, flush=True))
    work = {name: done - before[name] for name, done in sides.counters().items()}
    flat = memory(soak.samples)
    return _report(given, soak, work, flat)


def _report(given: argparse.Namespace, soak: Soak, work: dict[str, Any], flat: Memory) -> int:
    from support import sides

    seconds = soak.samples[-1].second
    groups = sum(soak.counts, collections.Counter())
    entered = sum(done.calls for done in work.values())
    served = sum(done.calls - done.declines for done in work.values())
    failure = _last_failure() if sides.ACCELERATED else ""
    print("\ncalls       " + ", ".join(f"{group} {n:,}" for group, n in groups.most_common()))
    for name, done in work.items():
        print(
            f"{name:12}{done.calls:,} calls, {done.declines:,} declines, {done.callbacks:,} callbacks"
        )
    print("medians     " + " ".join(f"{median / MB:.1f}" for median in flat.medians) + " MB")
    print(
        f"trend       {flat.trend / MB:+.2f} MB over these windows, spread {flat.spread / MB:.2f} MB"
    )
    if failure:
        print(f"Java        {failure}")
    bars = [
        ("calls", f"{soak.calls:,}", f">= {given.calls:,}", soak.calls >= given.calls),
        ("seconds", f"{seconds:.0f}", f">= {given.seconds:.0f}", seconds >= given.seconds),
        ("threads that died", str(len(soak.died)), "0", not soak.died),
        ("results that differ", str(soak.differences), "0", not soak.differences),
        (
            "RSS after warm-up, rise",
            f"{flat.rise / MB:.2f} MB",
            f"<= {given.flat:.1f} MB",
            flat.rise <= given.flat * MB,
        ),
    ]
    if sides.ACCELERATED:
        bars.append(
            (
                "calls that Java served",
                f"{served:,}",
                f">= {SERVED:.0%} of all",
                served >= SERVED * soak.calls,
            )
        )
    print()
    for name, value, bar, met in bars:
        print(f"{name:26}{value:>14}   {bar:18}{'yes' if met else 'NO'}")
    for text in (*soak.kept, *soak.died):
        print(text)
    held = all(met for *_, met in bars)
    if given.json is not None:
        document = {
            "held": held,
            "settings": {k: str(v) for k, v in vars(given).items()},
            "bars": [list(bar) for bar in bars],
            "calls": groups,
            "java": {name: dataclasses.asdict(done) for name, done in work.items()},
            "entered": entered,
            "medians": flat.medians,
            "samples": [dataclasses.asdict(one) for one in soak.samples],
        }
        given.json.write_text(json.dumps(document, indent=1))
    print("soak: " + ("held" if held else "FAILED"))
    return 0 if held else 1


def _last_failure() -> str:
    from fast_jvm import _boot

    return _boot.last_failure()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
