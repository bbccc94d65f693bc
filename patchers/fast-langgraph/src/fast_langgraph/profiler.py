"""GraphProfiler: where the time of graphs goes, by node and by phase, the codec and the saver named.

While a profiler is on, LangGraph's node runner, loop, serializer, savers and caches are wrapped for
the whole process; when the last one goes off, each name holds again what it held. Who belongs to
which node is kept in a context variable, which LangGraph hands on to its threads and tasks, so
nested graphs, sync and async alike, count for the node that runs them too.
"""

from __future__ import annotations

import functools
import html
import inspect
import json
import threading
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

NODE_COLUMNS = ("node", "calls", "errors", "total", "mean", "max", "codec", "checkpoint")
PHASE_COLUMNS = ("phase", "calls", "total", "mean", "codec", "checkpoint")

_SAVER = {
    "put": "checkpoint: put",
    "put_writes": "checkpoint: put_writes",
    "get_tuple": "checkpoint: get",
    "list": "checkpoint: list",
    "get_delta_channel_history": "checkpoint: get",
}
_SAVER.update({"a" + name: phase for name, phase in _SAVER.items()})
_CACHE = {"get": "cache: get", "aget": "cache: get", "set": "cache: set", "aset": "cache: set"}
_LOOP = {"tick": "plan", "after_tick": "apply"}
_CODEC = {"dumps_typed": "codec: dumps", "loads_typed": "codec: loads"}

_now = time.perf_counter
_lock = threading.RLock()
_active: List[GraphProfiler] = []
_placed: List[Tuple[Any, str, Any, Any]] = []
_nodes: ContextVar[Tuple[str, ...]] = ContextVar("fast_langgraph_nodes", default=())
_saving: ContextVar[str] = ContextVar("fast_langgraph_saving", default="")


class _Local(threading.local):
    """What runs in this thread and lets nothing else run in it meanwhile."""

    def __init__(self) -> None:
        self.phase = ""
        self.coding = False


_local = _Local()


class _Row:
    """What was spent on one node or phase."""

    __slots__ = ("calls", "errors", "total", "least", "most", "codec", "checkpoint")

    def __init__(self) -> None:
        self.calls = self.errors = 0
        self.total = self.most = self.codec = self.checkpoint = 0.0
        self.least = float("inf")

    def add(self, seconds: float, error: bool = False) -> None:
        self.calls += 1
        self.errors += error
        self.total += seconds
        self.least = min(self.least, seconds)
        self.most = max(self.most, seconds)

    def stats(self) -> Dict[str, float]:
        return {
            "count": float(self.calls),
            "errors": float(self.errors),
            "total_time": self.total,
            "avg_time": self.total / self.calls if self.calls else 0.0,
            "min_time": self.least if self.calls else 0.0,
            "max_time": self.most,
            "codec_time": self.codec,
            "checkpoint_time": self.checkpoint,
        }


class NodeProfiler:
    """Times by node."""

    def __init__(self) -> None:
        self._rows: Dict[str, _Row] = {}

    def _row(self, name: str) -> _Row:
        return self._rows.setdefault(name, _Row())

    @contextmanager
    def profile_node(self, node_name: str) -> Iterator[None]:
        """Time a block of your own as a node."""
        start, failed = _now(), True
        try:
            yield
            failed = False
        finally:
            with _lock:
                self._row(node_name).add(_now() - start, failed)

    def get_stats(self) -> Dict[str, Dict[str, float]]:
        """Return count, errors and seconds by node; codec and checkpoint are shares of the total."""
        with _lock:
            return {name: row.stats() for name, row in self._rows.items() if row.calls}

    def print_report(self) -> None:
        """Print the table."""
        print(_text(NODE_COLUMNS, _cells(self.get_stats(), NODE_COLUMNS)))


class GraphProfiler:
    """Times of graphs by node and phase: a context manager, a table, HTML in a notebook.

        profiler = GraphProfiler()
        with profiler.profile_run():  # or: with profiler:
            graph.invoke(...)
        print(profiler)

    Nodes of a nested graph stand below the node that ran it ("outer/inner"), whose time they are
    part of. ``plan`` is what LangGraph takes to find the next tasks, ``apply`` to apply their
    writes; savers may work beside the nodes, so phases can add up to more than the run.
    All graphs that run in the process meanwhile are counted.
    """

    def __init__(self) -> None:
        self.node_profiler = NodeProfiler()
        self.graph_runs: List[Dict[str, Any]] = []
        self.checkpoints_saved = 0
        self.checkpoints_loaded = 0
        self.cache_hits = 0
        self.cache_misses = 0
        self._phases = NodeProfiler()
        self._entered: List[Any] = []

    @contextmanager
    def profile_run(self) -> Iterator[GraphProfiler]:
        """Profile what runs inside."""
        run: Dict[str, Any] = {"start_time": _now()}
        _switch_on(self)
        try:
            yield self
        finally:
            _switch_off(self)
            run["end_time"] = _now()
            run["total_time"] = run["end_time"] - run["start_time"]
            self.graph_runs.append(run)

    def __enter__(self) -> GraphProfiler:
        run = self.profile_run()
        run.__enter__()
        self._entered.append(run)
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.pop().__exit__(*error)

    def record_checkpoint_save(self) -> None:
        """Count a checkpoint that was saved."""
        self.checkpoints_saved += 1

    def record_checkpoint_load(self) -> None:
        """Count a checkpoint that was loaded."""
        self.checkpoints_loaded += 1

    def record_cache_hit(self) -> None:
        """Count a hit of a node cache."""
        self.cache_hits += 1

    def record_cache_miss(self) -> None:
        """Count a miss of a node cache."""
        self.cache_misses += 1

    def get_summary(self) -> Dict[str, Any]:
        """Return all that was counted; seconds."""
        if not self.graph_runs:
            return {"error": "No graph runs profiled"}
        times = [run["total_time"] for run in self.graph_runs]
        asked = self.cache_hits + self.cache_misses
        return {
            "total_runs": len(times),
            "total_time": sum(times),
            "avg_time_per_run": sum(times) / len(times),
            "min_time": min(times),
            "max_time": max(times),
            "checkpoints_saved": self.checkpoints_saved,
            "checkpoints_loaded": self.checkpoints_loaded,
            "cache_hits": self.cache_hits,
            "cache_misses": self.cache_misses,
            "cache_hit_rate": self.cache_hits / asked if asked else 0.0,
            "node_stats": self.node_profiler.get_stats(),
            "phase_stats": self._phases.get_stats(),
        }

    def headline(self) -> str:
        """Say in one line what was profiled."""
        told = self.get_summary()
        if "error" in told:
            return str(told["error"])
        return (
            f"{told['total_runs']} run(s), {_time(told['total_time'])}; checkpoints: "
            f"{told['checkpoints_saved']} saved, {told['checkpoints_loaded']} loaded; node cache: "
            f"{told['cache_hits']} hits, {told['cache_misses']} misses"
        )

    def _tables(self) -> List[Tuple[Sequence[str], List[Tuple[str, ...]]]]:
        return [
            (columns, _cells(profiler.get_stats(), columns))
            for columns, profiler in (
                (NODE_COLUMNS, self.node_profiler),
                (PHASE_COLUMNS, self._phases),
            )
        ]

    def __str__(self) -> str:
        tables = [_text(columns, rows) for columns, rows in self._tables() if rows]
        return "\n\n".join([self.headline(), *tables])

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(self.headline())}</p>"]
        for columns, rows in self._tables():
            head = "".join(f"<th>{column}</th>" for column in columns)
            body = "".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                for row in rows
            )
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        return "".join(parts)

    def print_report(self) -> None:
        """Print the tables."""
        print(self)

    def export_json(self, filename: str) -> None:
        """Write the summary into a file."""
        with open(filename, "w", encoding="utf-8") as file:
            json.dump(self.get_summary(), file, indent=2)

    # -- what the wrappers tell; _lock is held

    def _node(self, name: str, seconds: float, error: bool) -> None:
        self.node_profiler._row(name).add(seconds, error)

    def _phase(self, name: str, seconds: float, error: bool, share: str) -> None:
        """Add a phase's time, and to ``share`` of all that it is a part of."""
        self._phases._row(name).add(seconds, error)
        if share:
            rows = [self.node_profiler._row(node) for node in dict.fromkeys(_nodes.get())]
            around = {_local.phase, _saving.get()} - {"", name}
            rows += [self._phases._row(phase) for phase in around]
            for row in rows:
                setattr(row, share, getattr(row, share) + seconds)
        if name == "checkpoint: put":
            self.checkpoints_saved += 1
        elif name == "checkpoint: get":
            self.checkpoints_loaded += 1


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds / size < 1000 else f"{seconds:.0f} s"
    return f"{seconds * 1e6:.3g} µs"


def _cells(stats: Dict[str, Dict[str, float]], columns: Sequence[str]) -> List[Tuple[str, ...]]:
    """Return the rows' texts, the dearest first."""
    rows = []
    for name, row in sorted(stats.items(), key=lambda item: -item[1]["total_time"]):
        total = row["total_time"]
        texts = {
            "calls": str(int(row["count"])),
            "errors": str(int(row["errors"])),
            "total": _time(total),
            "mean": _time(row["avg_time"]),
            "max": _time(row["max_time"]),
            "codec": f"{row['codec_time'] / total:.0%}" if total else "-",
            "checkpoint": f"{row['checkpoint_time'] / total:.0%}" if total else "-",
        }
        rows.append((name, *[texts[column] for column in columns[1:]]))
    return rows


def _text(columns: Sequence[str], rows: List[Tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(columns, *rows)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in [tuple(columns), *rows]
    )


# -- wrappers


def _tell(name: str, seconds: float, error: bool, share: str = "") -> None:
    with _lock:
        for profiler in dict.fromkeys(_active):
            profiler._phase(name, seconds, error, share)


def _node_name(task: Any) -> str:
    """Return the node's name, below those of the nodes whose graphs it runs in."""
    namespace = task.config.get("configurable", {}).get("checkpoint_ns") or task.name
    return "/".join(part.partition(":")[0] for part in namespace.split("|"))


class _NodeRun:
    """One run of a node."""

    def __init__(self, task: Any) -> None:
        self._name = _node_name(task)

    def __enter__(self) -> None:
        self._token = _nodes.set((*_nodes.get(), self._name))
        self._start = _now()

    def __exit__(self, kind: Any, *_: Any) -> None:
        from langgraph.errors import GraphBubbleUp

        seconds = _now() - self._start
        with suppress(ValueError):  # a coroutine that was given up is closed in another context
            _nodes.reset(self._token)
        error = kind is not None and not issubclass(kind, GraphBubbleUp)
        with _lock:
            for profiler in dict.fromkeys(_active):
                profiler._node(self._name, seconds, error)


def _node(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def run(task: Any, *args: Any, **kwargs: Any) -> Any:
        if task.name == "__start__":  # the input, which LangGraph hands on like a node's result
            return original(task, *args, **kwargs)
        with _NodeRun(task):
            return original(task, *args, **kwargs)

    @functools.wraps(original)
    async def arun(task: Any, *args: Any, **kwargs: Any) -> Any:
        if task.name == "__start__":
            return await original(task, *args, **kwargs)
        with _NodeRun(task):
            return await original(task, *args, **kwargs)

    return arun if inspect.iscoroutinefunction(original) else run


def _of_loop(phase: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def step(*args: Any, **kwargs: Any) -> Any:
        before, _local.phase = _local.phase, phase
        start, failed = _now(), True
        try:
            result = original(*args, **kwargs)
            failed = False
            return result
        finally:
            seconds = _now() - start
            _local.phase = before
            _tell(phase, seconds, failed)

    return step


def _of_codec(phase: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def code(*args: Any, **kwargs: Any) -> Any:
        if _local.coding:
            return original(*args, **kwargs)
        _local.coding = True
        start, failed = _now(), True
        try:
            result = original(*args, **kwargs)
            failed = False
            return result
        finally:
            seconds = _now() - start
            _local.coding = False
            _tell(phase, seconds, failed, "codec")

    return code


class _Saving:
    """One call of a saver or cache; what it calls of its own is part of it."""

    def __init__(self, phase: str) -> None:
        self._phase = phase
        self._share = "checkpoint" if phase.startswith("checkpoint") else ""

    def __enter__(self) -> None:
        self._token = _saving.set(self._phase)
        self._start = _now()

    def __exit__(self, kind: Any, *_: Any) -> None:
        seconds = _now() - self._start
        with suppress(ValueError):
            _saving.reset(self._token)
        _tell(self._phase, seconds, kind not in (None, StopAsyncIteration), self._share)


def _of_saver(phase: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _saving.get():
            return original(*args, **kwargs)
        with _Saving(phase):
            return _seen(phase, args, original(*args, **kwargs))

    @functools.wraps(original)
    async def acall(*args: Any, **kwargs: Any) -> Any:
        if _saving.get():
            return await original(*args, **kwargs)
        with _Saving(phase):
            return _seen(phase, args, await original(*args, **kwargs))

    @functools.wraps(original)
    def each(*args: Any, **kwargs: Any) -> Any:
        found = original(*args, **kwargs)
        while True:
            # its reader's code runs between two of them
            if _saving.get():
                yield from found
                return
            with _Saving(phase):
                value = next(found, _each_end)
            if value is _each_end:
                return
            yield value

    @functools.wraps(original)
    async def aeach(*args: Any, **kwargs: Any) -> Any:
        found = original(*args, **kwargs).__aiter__()
        while True:
            try:
                if _saving.get():
                    value = await found.__anext__()
                else:
                    with _Saving(phase):
                        value = await found.__anext__()
            except StopAsyncIteration:
                return
            yield value

    if inspect.isasyncgenfunction(original):
        return aeach
    if inspect.isgeneratorfunction(original):
        return each
    return acall if inspect.iscoroutinefunction(original) else call


_each_end = object()


def _seen(phase: str, args: Sequence[Any], result: Any) -> Any:
    if phase == "cache: get" and len(args) > 1:
        with _lock:
            for profiler in dict.fromkeys(_active):
                profiler.cache_hits += len(result)
                profiler.cache_misses += len(args[1]) - len(result)
    return result


# -- putting them there and away


def _families(base: Any) -> List[Any]:
    found, left = [], [base]
    while left:
        cls = left.pop()
        if cls not in found:
            found.append(cls)
            left += cls.__subclasses__()
    return found


def _targets() -> Iterator[Tuple[Any, str, Callable[[Any], Any]]]:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    from langgraph.pregel import _loop, _runner

    for name in ("run_with_retry", "arun_with_retry"):
        yield _runner, name, _node
    for name, phase in _LOOP.items():
        yield _loop.PregelLoop, name, functools.partial(_of_loop, phase)
    for name, phase in _CODEC.items():
        yield JsonPlusSerializer, name, functools.partial(_of_codec, phase)
    families: List[Tuple[Any, Dict[str, str]]] = [(BaseCheckpointSaver, _SAVER)]
    try:
        from langgraph.cache.base import BaseCache

        families.append((BaseCache, _CACHE))
    except ImportError:
        pass
    for base, phases in families:
        for cls in _families(base):
            for name, phase in phases.items():
                if inspect.isfunction(vars(cls).get(name)):
                    yield cls, name, functools.partial(_of_saver, phase)


def _switch_on(profiler: GraphProfiler) -> None:
    with _lock:
        if not _active:
            try:
                for owner, name, wrap in _targets():
                    raw = vars(owner)[name]
                    placed = wrap(raw)
                    setattr(owner, name, placed)
                    _placed.append((owner, name, raw, placed))
            except BaseException:
                _take_away()
                raise
        _active.append(profiler)


def _switch_off(profiler: GraphProfiler) -> None:
    with _lock:
        _active.remove(profiler)
        if not _active:
            _take_away()


def _take_away() -> None:
    while _placed:
        owner, name, raw, placed = _placed.pop()
        # who wrapped it meanwhile keeps calling it: it tells nobody any more
        if vars(owner).get(name) is placed:
            setattr(owner, name, raw)


# -- the Rust package's other names


def create_profiler() -> GraphProfiler:
    """Return a new profiler."""
    return GraphProfiler()


def create_node_profiler() -> NodeProfiler:
    """Return a new profiler of blocks that you name."""
    return NodeProfiler()


def profile_function(func: F) -> F:
    """Have a function print what each call took."""

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        start = _now()
        result = func(*args, **kwargs)
        print(f"{getattr(func, '__name__', func)} took {1000 * (_now() - start):.2f} ms")
        return result

    return wrapper  # type: ignore[return-value]
