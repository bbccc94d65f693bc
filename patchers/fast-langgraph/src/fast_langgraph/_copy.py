"""copy_checkpoints: everything that one checkpoint saver holds, put into another.

Two passes: the first lists what there is, so that the oldest come first and no listing is open while
something else is asked of the saver; the second gets each checkpoint and puts it.

``list`` and ``get_tuple`` give a task's writes without the task's path and without their numbers, and
both decide the order in which writes are replayed. They are read where LangGraph's savers and ours
keep them; a saver that is none of these gets paths that keep the order its writes came in.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import (
    Any,
    Callable,
    Coroutine,
    Dict,
    Iterable,
    List,
    Mapping,
    Sequence,
    Set,
    Tuple,
    TypeVar,
    Union,
)

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver, CheckpointTuple

T = TypeVar("T")
Progress = Union[bool, Callable[[int, int], None]]

_Place = Tuple[str, str]
"""A thread and a namespace."""
_Numbered = Tuple[str, int, str, str]
"""A write's task, number, channel and task path."""
_SQL = (
    "SELECT task_id, idx, channel, task_path FROM {table} "
    "WHERE thread_id = {mark} AND checkpoint_ns = {mark} AND checkpoint_id = {mark} "
    "ORDER BY task_path, task_id, idx"
)


def copy_checkpoints(
    source: BaseCheckpointSaver[Any],
    target: BaseCheckpointSaver[Any],
    *,
    threads: Union[Iterable[str], None] = None,
    progress: Progress = True,
) -> int:
    """Copy checkpoints, with their writes, from one saver into another; the source stays as it is.

    Ids, versions, parents, namespaces, metadata, task ids and task paths are kept, and each side's
    own serializer is used. What the target has already is left alone, so a copy that was stopped is
    taken up by calling this again, and a second copy changes nothing.

    Args:
        source: the saver to read.
        target: the saver to write.
        threads: the ids of the threads to copy; all if it is None.
        progress: show a line on stderr if that is a terminal or a notebook; or a function that
            is called with the number of checkpoints looked at and their total.

    Returns:
        The number of checkpoints that were new to the target.
    """
    return _finish(_copy(_Sync(source), _Sync(target), threads, progress))


async def acopy_checkpoints(
    source: BaseCheckpointSaver[Any],
    target: BaseCheckpointSaver[Any],
    *,
    threads: Union[Iterable[str], None] = None,
    progress: Progress = True,
) -> int:
    """As ``copy_checkpoints``, with the asynchronous methods of savers that have them."""
    return await _copy(_side(source), _side(target), threads, progress)


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise RuntimeError("a synchronous copy has nothing to wait for")


# -- the two ways to call a saver


class _Sync:
    """A saver by its synchronous methods; nothing here waits."""

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        self.saver = saver

    async def places(self, config: Union[RunnableConfig, None]) -> List[Tuple[_Place, str]]:
        return [_named(each) for each in self.saver.list(config)]

    async def get(self, config: RunnableConfig) -> Union[CheckpointTuple, None]:
        return self.saver.get_tuple(config)

    async def put(self, *given: Any) -> None:
        self.saver.put(*given)

    async def put_writes(self, *given: Any) -> None:
        self.saver.put_writes(*given)

    async def rows(self, sql: str, names: Sequence[str]) -> List[_Numbered]:
        saver: Any = self.saver
        if hasattr(saver, "loop"):  # an asynchronous saver, called from another thread
            work = _Async(saver).rows(sql, names)
            found: List[_Numbered] = asyncio.run_coroutine_threadsafe(work, saver.loop).result()
            return found
        if hasattr(saver, "cursor"):
            with saver.cursor(transaction=False) as cursor:
                return [*cursor.execute(sql, names)]
        with saver._cursor() as cursor:
            return [_row(each) for each in cursor.execute(sql, names)]


class _Async:
    """A saver by its asynchronous methods."""

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        self.saver = saver

    async def places(self, config: Union[RunnableConfig, None]) -> List[Tuple[_Place, str]]:
        return [_named(each) async for each in self.saver.alist(config)]

    async def get(self, config: RunnableConfig) -> Union[CheckpointTuple, None]:
        return await self.saver.aget_tuple(config)

    async def put(self, *given: Any) -> None:
        await self.saver.aput(*given)

    async def put_writes(self, *given: Any) -> None:
        await self.saver.aput_writes(*given)

    async def rows(self, sql: str, names: Sequence[str]) -> List[_Numbered]:
        saver: Any = self.saver
        if hasattr(saver, "_cursor"):
            async with saver._cursor() as cursor:
                await cursor.execute(sql, names)
                return [_row(each) for each in await cursor.fetchall()]
        async with saver.lock, saver.conn.execute(sql, names) as cursor:
            return [each async for each in cursor]


_Side = Union[_Sync, _Async]


def _side(saver: BaseCheckpointSaver[Any]) -> _Side:
    """SqliteSaver and PostgresSaver have synchronous methods alone."""
    alone = {("sqlite", "SqliteSaver"), ("postgres", "PostgresSaver")}
    known = {(each.__module__.rpartition(".")[2], each.__name__) for each in type(saver).__mro__}
    plain = type(saver).aget_tuple is BaseCheckpointSaver.aget_tuple
    return _Sync(saver) if plain or known & alone else _Async(saver)


def _row(row: Any) -> _Numbered:
    """Rows of psycopg are dicts, with the names in the order of the query."""
    task, number, channel, path = row.values() if isinstance(row, Mapping) else row
    return task, number, channel, path


def _named(found: CheckpointTuple) -> Tuple[_Place, str]:
    named = found.config["configurable"]
    return (named["thread_id"], named.get("checkpoint_ns", "")), named["checkpoint_id"]


def _config(place: _Place, id_: Union[str, None]) -> RunnableConfig:
    configurable = {"thread_id": place[0], "checkpoint_ns": place[1]}
    if id_ is not None:
        configurable["checkpoint_id"] = id_
    return {"configurable": configurable}


# -- the copy


async def _copy(
    source: _Side, target: _Side, threads: Union[Iterable[str], None], progress: Progress
) -> int:
    if source.saver is target.saver:
        raise ValueError("source and target are the same saver")
    if isinstance(threads, str):
        threads = (threads,)
    configs: List[Union[RunnableConfig, None]] = [None]
    if threads is not None:
        configs = [{"configurable": {"thread_id": thread}} for thread in threads]
    places: Dict[_Place, Set[str]] = {}
    for config in configs:
        for place, id_ in await source.places(config):
            places.setdefault(place, set()).add(id_)
    total, looked_at, copied = sum(map(len, places.values())), 0, 0
    told = _Line() if progress is True else progress or None
    try:
        for place in sorted(places, key=lambda each: min(places[each])):
            stored: Set[Tuple[str, Any]] = set()  # channels' versions that the target has
            for id_ in sorted(places.pop(place)):
                copied += await _copy_one(source, target, place, id_, stored)
                looked_at += 1
                if told is not None:
                    told(looked_at, total)
    finally:
        if isinstance(told, _Line):
            told.close()
    return copied


async def _copy_one(
    source: _Side, target: _Side, place: _Place, id_: str, stored: Set[Tuple[str, Any]]
) -> bool:
    """Copy one checkpoint and then its writes; whether it was new."""
    found = await source.get(_config(place, id_))
    if found is None:  # deleted meanwhile
        return False
    there = await target.get(_config(place, id_))
    versions, values = found.checkpoint["channel_versions"], found.checkpoint["channel_values"]
    held = {channel: version for channel, version in versions.items() if channel in values}
    if there is None:
        new = {
            channel: version
            for channel, version in held.items()
            if (channel, version) not in stored
        }
        parent = found.parent_config
        parent_id = parent["configurable"]["checkpoint_id"] if parent else None
        await target.put(_config(place, parent_id), found.checkpoint, found.metadata, new)
    stored.update(held.items())
    writes = found.pending_writes or []
    if writes and not (there and _same(writes, there.pending_writes or [])):
        for task, path, calls in _calls(writes, await _numbered(source, place, id_)):
            for call in calls:
                await target.put_writes(_config(place, id_), call, task, path)
    return there is None


def _same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether writes are equal; what can't be compared is not."""
    try:
        return len(left) == len(right) and all(
            one[:2] == other[:2] and bool(one[2] == other[2])
            for one, other in zip(sorted(left, key=_order), sorted(right, key=_order))
        )
    except Exception:
        return False


def _order(write: Any) -> Tuple[str, str]:
    return write[0], write[1]


async def _numbered(side: _Side, place: _Place, id_: str) -> Union[List[_Numbered], None]:
    """Return the writes of a checkpoint as their saver numbers them; None if we can't know."""
    saver: Any = side.saver
    known = {(each.__module__, each.__name__) for each in type(saver).__mro__}
    names = (str(place[0]), place[1], id_)
    if ("fast_langgraph._saver", "ChronicleSaver") in known:
        return [write[:4] for write in saver._writes(*names)]
    if ("langgraph.checkpoint.memory", "InMemorySaver") in known:
        found = [
            (task, number, channel, path)
            for (task, number), (_, channel, _, path) in saver.writes.get((*place, id_), {}).items()
        ]
        return sorted(found, key=lambda write: (write[3], write[0], write[1]))
    if any(module.startswith("langgraph.checkpoint.sqlite") for module, _ in known):
        if not getattr(saver, "_has_task_path", True):
            return None
        return await side.rows(_SQL.format(table="writes", mark="?"), names)
    if any(module.startswith("langgraph.checkpoint.postgres") for module, _ in known):
        return await side.rows(_SQL.format(table="checkpoint_writes", mark="%s"), names)
    return None


def _calls(
    writes: Sequence[Tuple[str, str, Any]], numbered: Union[List[_Numbered], None]
) -> List[Tuple[str, str, List[List[Tuple[str, Any]]]]]:
    """Return (task, path, arguments of put_writes): the calls that give each write its number again.

    Special channels have numbers of their own, and are put apart, since some savers replace them
    only then. Any other write's number is its place in the list: where one is missing, a special
    write, which is stored already, stands in.
    """
    if numbered is None or sorted(each[:2] for each in writes) != sorted(
        (task, channel) for task, _, channel, _ in numbered
    ):
        numbered = None
    paths: Dict[str, str] = {}
    numbers: Dict[str, Dict[str, List[int]]] = {}
    for task, number, channel, path in numbered or ():
        paths[task] = path
        numbers.setdefault(task, {}).setdefault(channel, []).append(number)
    tasks: Dict[str, List[Tuple[str, Any]]] = {}
    for task, channel, value in writes:
        tasks.setdefault(task, []).append((channel, value))
    calls = []
    for position, (task, given) in enumerate(tasks.items()):
        special = [write for write in given if write[0] in WRITES_IDX_MAP]
        plain = [write for write in given if write[0] not in WRITES_IDX_MAP]
        if numbered is not None:
            queues = {channel: sorted(found) for channel, found in numbers[task].items()}
            placed = {queues[channel].pop(0): (channel, value) for channel, value in plain}
            last = max(placed, default=-1)
            if special or len(placed) == last + 1:
                plain = [
                    placed[number] if number in placed else special[0] for number in range(last + 1)
                ]
        path = paths.get(task, "~%08d" % position)
        calls.append((task, path, [each for each in (special, plain) if each]))
    return calls


class _Line:
    """A line on stderr that is written over, where somebody can see it."""

    def __init__(self) -> None:
        stream = sys.stderr
        notebook = type(stream).__module__.startswith("ipykernel")
        self._stream = stream if stream and (notebook or stream.isatty()) else None
        self._start = self._shown = time.monotonic()
        self._written = False

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._stream is None or (now - self._shown < 0.1 and done < total):
            return
        self._shown, self._written = now, True
        filled = 30 * done // total
        rate = done / max(now - self._start, 1e-9)
        line = f"\r{'#' * filled}{'.' * (30 - filled)} {done:,} of {total:,} checkpoints, {rate:,.0f}/s "
        self._stream.write(line)
        self._stream.flush()

    def close(self) -> None:
        if self._stream is not None and self._written:
            self._stream.write("\n")
            self._stream.flush()
