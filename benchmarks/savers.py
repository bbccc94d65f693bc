"""Rows of savers: ChronicleSaver beside LangGraph's own, like with like, and whole graphs end to end.

The original is LangGraph as a user without us has it: its savers with the original codec. "process" durability
stands beside SqliteSaver with `synchronous=NORMAL` and OFF, "disk" beside its default, FULL. Results are compared
before anything is timed; both sides run in turn, in one process or, end to end, in fresh processes.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import types
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from benchmarks import data, peers
from benchmarks.codec import original
from benchmarks.equality import canonical
from benchmarks.harness import Bar, Result, Row, at_least
from benchmarks.processes import run
from benchmarks.saver_children import TIMEOUT_S, opened

MODULE = "benchmarks.saver_children"
PAIRS = (
    ("sqlite-NORMAL", "chronicle-process", True),
    ("sqlite-OFF", "chronicle-process", True),
    ("sqlite-FULL", "chronicle-disk", True),
    ("memory", "chronicle-process", False),
)
"""An original saver, ours beside it, and whether the bars are for this pair."""
NAMES = {
    "sqlite-FULL": "SqliteSaver",
    "sqlite-NORMAL": "SqliteSaver, synchronous=NORMAL",
    "sqlite-OFF": "SqliteSaver, synchronous=OFF",
    "memory": "InMemorySaver",
    "none": "no saver",
    "chronicle-process": "ChronicleSaver",
    "chronicle-disk": 'ChronicleSaver("disk")',
    "free-memory": "a saver that costs nothing",
    "free-sqlite-FULL": "SqliteSaver with a codec that costs nothing",
    "free-sqlite-OFF": "SqliteSaver, synchronous=OFF, with a codec that costs nothing",
}
CHAIN = 8
"""So many checkpoints of one thread are put one after the other."""


@functools.cache
def original_serializer() -> Any:
    """JsonPlusSerializer without our codec."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    made: Any = JsonPlusSerializer()
    for name in ("dumps_typed", "loads_typed"):
        setattr(made, name, types.MethodType(original(name).__func__, made))  # type: ignore[attr-defined]
    return made


@contextlib.contextmanager
def _sides(left: str, right: str) -> Iterator[Tuple[Any, Any]]:
    """Two savers: the original with the original codec, and ours."""
    with tempfile.TemporaryDirectory(prefix="savers-") as folder:
        with opened(left, folder, serde=original_serializer()) as first:
            with opened(right, folder) as second:
                yield first, second


def _in_turn(
    sides: Dict[str, Callable[[], float]], seconds: float, least: int = 5
) -> Dict[str, List[float]]:
    """What each side measures of itself, round by round; the first round is for warming."""
    found: Dict[str, List[float]] = {side: [] for side in sides}
    order = list(sides)
    for side in order:
        sides[side]()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(found[order[0]]) < least:
        for side in order:
            found[side].append(sides[side]())
        order.reverse()
    return found


def _result(
    name: str, found: Dict[str, List[float]], bar: Optional[Bar], equal: bool, note: str = ""
) -> Result:
    return Result(
        name,
        original=min(found["original"]),
        ours=min(found["ours"]),
        original_median=statistics.median(found["original"]),
        ours_median=statistics.median(found["ours"]),
        runs=len(found["ours"]),
        bar=bar,
        equal=equal,
        note=note,
    )


# -- single calls


def _states() -> Dict[str, List[Any]]:
    """States as they follow each other in a thread: a dict with a changed part, a list that grows."""
    found = data.plain_dict()
    dicts = []
    for number in range(CHAIN):
        records = list(found["records"])
        records[number] = {**records[number], "refunded": True, "notes": "step %d" % number}
        query = {**found["query"], "page": number}
        dicts.append({**found, "query": query, "records": records})
    messages = data.messages(200)
    lists = [messages[: 200 - CHAIN + 1 + number] for number in range(CHAIN)]
    return {"235 KB dict state": dicts, "200-message state": lists}


class _Chain:
    """Puts a chain of checkpoints on a new thread each time, and gets the last of them."""

    def __init__(self, saver: Any, states: List[Any]) -> None:
        from langgraph.checkpoint.base import empty_checkpoint

        self._saver, self._thread = saver, 0
        self._checkpoints: List[Any] = [
            {
                **empty_checkpoint(),
                "id": "%08d" % number,
                "ts": "2025-03-01T08:30:00+00:00",
                "channel_values": {"state": state},
                "channel_versions": {"state": "%032d.0" % (number + 1)},
            }
            for number, state in enumerate(states)
        ]
        self.config: Any = None

    def put(self) -> float:
        """Seconds a put."""
        self._thread += 1
        config: Any = {"configurable": {"thread_id": str(self._thread), "checkpoint_ns": ""}}
        put, start = self._saver.put, time.perf_counter()
        for number, checkpoint in enumerate(self._checkpoints):
            metadata = {"source": "loop", "step": number, "parents": {}}
            config = put(config, checkpoint, metadata, checkpoint["channel_versions"])
        spent = time.perf_counter() - start
        named = config["configurable"]
        self.config = {"configurable": {**named}}
        self.config["configurable"].pop("checkpoint_id")
        return spent / len(self._checkpoints)

    def get(self) -> float:
        """Seconds a get of the thread's newest checkpoint."""
        get, start = self._saver.get_tuple, time.perf_counter()
        for _ in range(CHAIN):
            get(self.config)
        return (time.perf_counter() - start) / CHAIN

    def told(self) -> Any:
        """All that was put, as the saver shows it."""
        return [canonical(_shown(each)) for each in self._saver.list(self.config)]


def _shown(found: Any) -> Any:
    """A CheckpointTuple's parts, its names and its writes in no order."""
    if found is None:
        return None
    checkpoint = {**found.checkpoint}
    for part in ("channel_values", "channel_versions", "versions_seen"):
        checkpoint[part] = sorted(checkpoint[part].items())  # savers keep channels in no order
    return [
        found.config["configurable"]["checkpoint_id"],
        sorted(checkpoint.items()),
        sorted(found.metadata.items()),
        found.parent_config and dict(found.parent_config["configurable"]),
        sorted((list(write) for write in found.pending_writes or ()), key=repr),
    ]


def calls() -> List[Result]:
    """put and get_tuple of a large state."""
    found: List[Result] = []
    for content, states in _states().items():
        for left, right, counts in PAIRS:
            with _sides(left, right) as (first, second):
                chains = {"original": _Chain(first, states), "ours": _Chain(second, states)}
                for each in chains.values():
                    each.put()
                equal = chains["original"].told() == chains["ours"].told()
                name = "%s of a %s: %s, %s" % ("%s", content, NAMES[left], NAMES[right])
                puts = _in_turn({side: each.put for side, each in chains.items()}, 2.0)
                found.append(_result(name % "put", puts, at_least(10) if counts else None, equal))
                if left != "sqlite-OFF":  # reading waits for no disk
                    gets = _in_turn({side: each.get for side, each in chains.items()}, 1.0)
                    bar = at_least(8) if counts else None
                    found.append(_result(name % "get_tuple", gets, bar, equal))
    return found


def peer() -> List[Result]:
    """The Rust package's savers beside ours with the same content, each through its own API."""
    answers = peers.rust()
    found: List[Result] = []
    states = dict(zip((name for name, _ in peers.CONTENTS), _states().values()))
    with tempfile.TemporaryDirectory(prefix="savers-") as folder:
        for content, chain_states in states.items():
            with opened("chronicle-process", os.path.join(folder, content)) as saver:
                chain = _Chain(saver, chain_states)
                chain.put()
                ours = {"dumps": chain.put, "loads": chain.get}
                times = {key: _in_turn({"ours": each}, 1.0)["ours"] for key, each in ours.items()}
            for answer in answers:
                if not answer["name"].endswith(": " + content):
                    continue
                right = bool(answer.get("equal"))
                for key, call in (("dumps", "put"), ("loads", "get_tuple")):
                    found.append(
                        Result(
                            "%s: %s, beside ChronicleSaver" % (call, answer["name"]),
                            original=answer[key] if right else None,
                            ours=min(times[key]),
                            bar=at_least(8) if right else None,
                            note="" if right else answer.get("note", "gives back something else"),
                        )
                    )
    if not found:
        found = [Result("the Rust package's savers", note=answers[0].get("note", "?"))]
    return found


# -- one conversation's calls


@functools.cache
def recorded(turns: int = 50) -> List[Tuple[str, Tuple[Any, ...]]]:
    """Every call that the demo's agent makes to its saver in one conversation."""
    from langgraph.checkpoint.memory import InMemorySaver

    from benchmarks.demo import agent

    made: List[Tuple[str, Tuple[Any, ...]]] = []

    class Recorder(InMemorySaver):
        def put(self, *given: Any) -> Any:
            made.append(("put", given))
            return super().put(*given)

        def put_writes(self, *given: Any) -> None:
            made.append(("put_writes", given))
            super().put_writes(*given)

        def get_tuple(self, config: Any) -> Any:
            made.append(("get_tuple", (config,)))
            return super().get_tuple(config)

    graph = agent.build(Recorder())
    for turn in range(turns):
        graph.invoke(
            {"messages": [agent.question("customer", turn)], "customer": "customer", "turns": 0},
            {"configurable": {"thread_id": "thread"}},
        )
    return made


def replay() -> List[Result]:
    """The same calls on each saver; what they return is compared first."""
    script = recorded()

    def play(side: str, name: str, told: Optional[List[Any]] = None) -> float:
        settings = {"serde": original_serializer()} if side == "original" else {}
        with tempfile.TemporaryDirectory(prefix="savers-") as folder:
            with opened(name, folder, **settings) as saver:
                steps = [(getattr(saver, call), given) for call, given in script]
                if told is not None:
                    for step, given in steps:
                        step(*given)
                    listed = saver.list({"configurable": {"thread_id": "thread"}})
                    told += [canonical(_shown(each)) for each in listed]
                    return 0.0
                start = time.perf_counter()
                for step, given in steps:
                    step(*given)
                return time.perf_counter() - start

    found: List[Result] = []
    note = "%d calls" % len(script)
    shown: Dict[str, List[Any]] = {}
    for left, right, counts in PAIRS:
        for side, name in (("original", left), ("ours", right)):
            if name not in shown:
                play(side, name, shown.setdefault(name, []))
        found.append(
            _result(
                "an agent's calls, replayed: %s, %s" % (NAMES[left], NAMES[right]),
                _in_turn(
                    {
                        "original": functools.partial(play, "original", left),
                        "ours": functools.partial(play, "ours", right),
                    },
                    4.0,
                ),
                at_least(8) if counts else None,
                shown[left] == shown[right] and len(shown[left]) > 100,
                note,
            )
        )
    return found


# -- end to end, in fresh processes

Side = Tuple[str, str]
"""original or ours, and the saver."""


def _runs(task: str, sides: List[Side], *settings: str) -> Dict[Side, Dict[str, Any]]:
    """Each side in two fresh processes, in turn; the minima, and what the first run told."""
    found: Dict[Side, Dict[str, Any]] = {}
    for _ in range(2):
        for side in sides:
            answer = run(task, *side, *settings, module=MODULE, **_mode(side[0])).answer
            known = found.setdefault(side, answer)
            for kind in ("wall", "cpu"):
                known[kind] = min(known[kind], answer[kind])
        sides = sides[::-1]
    return found


def _compared(
    name: str, runs: Dict[Side, Dict[str, Any]], left: Side, right: Side, bar: Optional[Bar]
) -> Iterator[Result]:
    for kind in ("wall", "cpu"):
        how = "import only" if left[1] == right[1] else NAMES[right[1]]
        yield Result(
            "%s, %s, %s: %s" % (name, NAMES[left[1]], how, kind),
            original=runs[left][kind],
            ours=runs[right][kind],
            runs=2,
            bar=bar if kind == "wall" else None,
            equal=runs[left]["told"] == runs[right]["told"],
        )


def _floors(
    name: str, runs: Dict[Side, Dict[str, Any]], pairs: Iterable[Tuple[str, str]]
) -> Iterator[Result]:
    """What no saver or codec of ours can beat: the rest of the graph, with our patches."""
    for left, right in pairs:
        yield Result(
            "the most that can be won: %s, %s, %s: wall" % (name, NAMES[left], NAMES[right]),
            original=runs["original", left]["wall"],
            ours=runs["ours", right]["wall"],
            runs=2,
            equal=runs["original", left]["told"] == runs["ours", right]["told"],
        )


FLOORS = (
    ("sqlite-FULL", "free-sqlite-FULL"),
    ("sqlite-OFF", "free-sqlite-OFF"),
    ("sqlite-FULL", "free-memory"),
    ("sqlite-OFF", "free-memory"),
    ("memory", "free-memory"),
)


def agents() -> List[Result]:
    """One conversation of 200 messages, a new graph each time, once live; and its files."""
    beside = ("sqlite-FULL", "sqlite-OFF", "memory")
    ours: Side = ("ours", "chronicle-process")
    disk: Side = ("ours", "chronicle-disk")
    sides = [(side, name) for name in beside for side in ("original", "ours")]
    floors: List[Side] = [("ours", name) for name in dict.fromkeys(right for _, right in FLOORS)]
    runs = _runs("agent", [*sides, ours, disk, *floors], "50", "5")
    found: List[Result] = []
    name = "agent of 200 messages, end to end"
    for saver, bar in zip(beside, (at_least(2.5), at_least(2.5), None)):
        found += _compared(name, runs, ("original", saver), ("ours", saver), bar)
    for saver, limit in zip(beside, (5, 3, 1.5)):
        found += _compared(name, runs, ("original", saver), ours, at_least(limit))
    found += _compared(name, runs, ("original", "sqlite-FULL"), disk, None)
    found += _floors(name, runs, FLOORS)
    sqlite, chronicle = runs["original", "sqlite-FULL"], runs[ours]
    found.append(
        Result(
            "allocated blocks, chat of 200 messages: SqliteSaver, ChronicleSaver",
            original=float(min(sqlite["blocks"], sqlite["blocks_open"])),
            ours=float(max(chronicle["blocks"], chronicle["blocks_open"])),
            unit="bytes",
            bar=at_least(10),
            equal=sqlite["told"] == chronicle["told"],
            note="closed %.2f MB; SqliteSaver open %.1f MB"
            % (chronicle["blocks"] / 2**20, sqlite["blocks_open"] / 2**20),
        )
    )
    return found


def dicts() -> List[Result]:
    """20 steps over a state of 235 KB."""
    beside = ("sqlite-FULL", "sqlite-OFF", "memory")
    ours: Side = ("ours", "chronicle-process")
    sides = [("original", name) for name in beside]
    free: Side = ("ours", "free-memory")
    runs = _runs("big", [*sides, ("ours", "sqlite-FULL"), ours, free], "20", "8")
    name = "20 steps over a 235 KB dict state, end to end"
    kept: Side = ("ours", "sqlite-FULL")
    found = [*_compared(name, runs, ("original", "sqlite-FULL"), kept, None)]
    for saver, bar in zip(beside, (at_least(8), None, None)):
        found += _compared(name, runs, ("original", saver), ours, bar)
    return [*found, *_floors(name, runs, FLOORS[2:3])]


# -- several threads and processes


def shared() -> List[Result]:
    """Many writers on one folder: the time of a put and a put_writes, nothing lost and nothing mixed."""
    found: List[Result] = []
    for title, processes, threads, count in (
        ("16 threads on one folder", 1, 16, 200),
        ("4 processes of 4 threads on one folder", 4, 4, 200),
    ):
        for left, right, counts in PAIRS:
            if not counts:
                continue
            figures: Dict[str, List[float]] = {"original": [], "ours": []}
            wrong: List[str] = []
            for side, name in (("original", left), ("ours", right)):
                spent, problems = _written(side, name, processes, threads, count)
                figures[side].append(spent)
                wrong += ["%s: %s" % (NAMES[name], problem) for problem in problems]
            puts = [1 / min(figures[side]) for side in ("original", "ours")]
            note = "; ".join(wrong) or "%.0f and %.0f puts a second; 0 lost, 0 mixed" % (*puts,)
            name = "%s: %s, %s" % (title, NAMES[left], NAMES[right])
            found.append(_result(name, figures, None, not wrong, note))
    return found


def _written(
    side: str, name: str, processes: int, threads: int, count: int
) -> Tuple[float, List[str]]:
    """Seconds a put, all writers counted; and what went wrong."""
    environment = {**os.environ, **_mode(side)}
    command = [sys.executable, "-m", MODULE]
    with tempfile.TemporaryDirectory(prefix="savers-") as folder, contextlib.ExitStack() as stack:
        writers = []
        for number in range(processes):
            writer = subprocess.Popen(
                [*command, "write", side, name, folder, str(number), str(threads), str(count)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            stack.callback(_ended, writer)
            writers.append(writer)
        for writer in writers:
            assert writer.stdout is not None
            if writer.stdout.readline().strip() != "ready":
                raise RuntimeError("a writer on %s did not start" % name)
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
        done = [writer.communicate(timeout=TIMEOUT_S)[0] for writer in writers]
        answers = [json.loads(each.splitlines()[-1]) for each in done]
        sizes = str(processes), str(threads), str(count)
        seen = run("read", side, name, folder, *sizes, module=MODULE, **_mode(side)).answer
    spent = max(one["end"] for one in answers) - min(one["start"] for one in answers)
    problems = [problem for one in answers for problem in one["failed"]]
    problems += ["%d %s" % (seen[kind], kind) for kind in ("lost", "mixed") if seen[kind]]
    return spent / (processes * threads * count), problems


def _mode(side: str) -> Dict[str, str]:
    return {"FAST_JVM": "eager" if side == "ours" else "off"}


def _ended(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


PROCESSES = [
    Row("saver-agent", agents),
    Row("saver-dict", dicts),
    Row("saver-shared", shared),
]
"""In fresh processes: they come before the JVM runs in this one."""
ROWS = [Row("saver-calls", calls), Row("saver-replay", replay), Row("saver-peer", peer)]
