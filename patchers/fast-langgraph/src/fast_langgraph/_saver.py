"""ChronicleSaver: LangGraph's checkpoints on Chronicle Queue's memory-mapped files."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import hashlib
import os
import random
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import (
    Any,
    AsyncIterator,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

import ormsgpack
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from fast_jvm._keyed_log import EMPTY, KeyedLog, Put, Value

from ._retention import Retention, said_at

T = TypeVar("T")

#: so many lists' ends are known at most
_ENDS = 4096
#: values of more bytes are large, see ``returns_soon``
_LARGE = 128 << 10


def _key(tag: str, *parts: str) -> bytes:
    """Return one key of several texts, whatever they hold."""
    key = tag
    for part in parts:
        key += f"{len(part)}:{part}"
    return _bytes(key)


#: keys of places, which come again with each put
_kept_key = functools.lru_cache(4096)(_key)


def _bytes(text: str) -> bytes:
    """Names may hold lone surrogates."""
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _pack(*values: Any) -> bytes:
    return ormsgpack.packb([_bytes(each) if type(each) is str else each for each in values])


def _unpack(data: bytes) -> list[Any]:
    return [_text(each) if type(each) is bytes else each for each in ormsgpack.unpackb(data)]


class _Stored:
    """A checkpoint as it lies in the log: its head is read, its serialized parts are not."""

    __slots__ = ("id", "ordered", "parent", "run", "_types", "_split", "_data")

    def __init__(self, head: bytes, data: bytes) -> None:
        self.id, self.parent, self.ordered, self.run, *self._types, self._split = _unpack(head)
        self._data = data

    @property
    def checkpoint(self) -> Tuple[str, bytes]:
        return self._types[0], self._data[: self._split]

    @property
    def metadata(self) -> Tuple[str, bytes]:
        return self._types[1], self._data[self._split :]


class ChronicleSaver(
    BaseCheckpointSaver[str],
    AbstractContextManager["ChronicleSaver", None],
    AbstractAsyncContextManager["ChronicleSaver", None],
):
    """A checkpoint saver on memory-mapped files, for threads and processes that share a folder.

    A channel's value is written once, however many checkpoints hold it, and a list that only grew
    is written as its new part. There is no implementation in Python: without a Java runtime the
    constructor raises ``fast_jvm.FastJvmUnavailable``, whose text says what helps.

    Args:
        folder: where the files lie; made for the user alone (0700) if it is not there.
        serde: the serializer, which decides what is stored; as with other savers.
        durability: what a put has survived once it has returned: "process", the end of this
            process, kill -9 included; or "disk", a loss of power.
        keep_last: of each thread and namespace the so many newest checkpoints are kept.
        keep_for: checkpoints older than this are removed. The age is that of the time in the id
            (LangGraph's are UUIDs of version 6), else of the checkpoint's ``ts``; what has
            neither is kept.

    What is no longer kept goes some puts later: a put looks through its own thread and namespace
    when half as many were put as are kept, eight at least, and whenever it is this saver's first
    there. ``compact`` does so for all threads, those included that nobody puts to any more. What
    a kept checkpoint needs stays: its pending writes, its values, and the ancestors that its delta
    channels are rebuilt from. The checkpoint that is put is never removed by its own put.

    Removed checkpoints take room until the folder is compacted: by ``compact``, or by itself, in
    the background, once a removal leaves 8 MB or more that nobody needs, and that is half of the
    folder or more.

    Raises:
        FastJvmUnavailable: there is no Java.
        OSError: the folder or its disk cannot serve; nothing that was stored is lost.
    """

    def __init__(
        self,
        folder: Union[str, os.PathLike[str]],
        *,
        serde: Union[SerializerProtocol, None] = None,
        durability: str = "process",
        keep_last: Union[int, None] = None,
        keep_for: Union[datetime.timedelta, None] = None,
    ) -> None:
        super().__init__(serde=serde)
        self._retention = Retention(keep_last, keep_for)
        self._log = KeyedLog(folder, durability=durability)
        # what this saver put last in lists of checkpoints, and where: nobody need be kept out while it is looked up
        self._ends: Dict[bytes, Tuple[int, str, bool]] = {}
        self._large = False
        #: so many puts that follow are expected to wait for something
        self.pause = 0

    def __enter__(self) -> ChronicleSaver:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    async def __aenter__(self) -> ChronicleSaver:
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the folder's files."""
        self._log.close()

    def returns_soon(self) -> bool:
        """Say whether a put is likely to take less than handing it to a thread."""
        if self.pause:
            self.pause -= 1
            return False
        return not self._large and self._log.durability == "process"

    # -- what is stored where

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; see ``BaseCheckpointSaver.put``."""
        thread, ns = _place(config)
        stored: Dict[str, Any] = checkpoint.copy()  # type: ignore[assignment]
        values = stored.pop("channel_values")
        blobs = [
            (channel, str(version), self.serde.dumps_typed(values[channel]))
            for channel, version in new_versions.items()
            if channel in values
        ]
        self._large = sum(len(data) for _, _, (_, data) in blobs) > _LARGE
        merged: Mapping[str, Any] = get_checkpoint_metadata(config, metadata or {})
        parts = (
            self.serde.dumps_typed(stored),
            self.serde.dumps_typed(merged),
        )
        run = merged.get("run_id")
        id_, list_ = checkpoint["id"], _kept_key("CL", thread, ns)
        before = [*_names(thread, ns)]
        for channel, version, blob in blobs:
            before += _blob(thread, ns, channel, version, blob)
        given = (
            (thread, ns, id_, config["configurable"].get("checkpoint_id")),
            parts,
            None if run is None else _digest(run),
        )
        end, last, ordered = self._ends.get(list_) or (EMPTY, "", True)
        ordered = ordered and last <= id_
        ends = self._log.put_behind(list_, end, *before, *_checkpoint(*given, list_, ordered))
        if ends is None:
            with self._log.writing():
                ordered = self._ordered(list_, id_)
                puts = _checkpoint(*given, list_, ordered)
                ends = self._log.put_behind(list_, None, *before, *puts)
        if len(self._ends) >= _ENDS:
            self._ends.clear()
        if ends is not None:
            self._ends[list_] = ends, id_, ordered
        self._retain(thread, ns, id_)
        return _config(thread, ns, id_)

    def _ordered(self, list_: bytes, id_: str) -> bool:
        """Say whether a list of checkpoints is in the order of its ids, one at its end included."""
        found = next(self._log.list(list_, data=False, damaged=True, page=1), None)
        last = None if found is None else _Stored(found.head, b"")
        return last is None or (last.ordered and last.id <= id_)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[Tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store a task's writes; see ``BaseCheckpointSaver.put_writes``."""
        thread, ns = _place(config)
        id_ = config["configurable"]["checkpoint_id"]
        puts = [
            _write(
                thread,
                ns,
                id_,
                (task_id, WRITES_IDX_MAP.get(channel, index), channel, task_path),
                self.serde.dumps_typed(value),
            )
            for index, (channel, value) in enumerate(writes)
        ]
        checkpoint = _key("C", thread, ns, id_)
        names = (*_names(thread, ns), _orphan(thread, ns, id_))
        self._log.put(*(each._replace(unless=checkpoint) for each in names), *puts)

    # -- reading

    def _read(self, thread: str, ns: str, id_: str) -> Union[_Stored, None]:
        found = self._log.get(_key("C", thread, ns, id_))
        return None if found is None else _Stored(*found)

    def _newest(self, thread: str, ns: str) -> Union[_Stored, None]:
        list_ = _kept_key("CL", thread, ns)
        last = self._log.last(list_)
        if last is None:
            return None
        stored = _Stored(last.head, last.data)
        if stored.ordered:
            return stored
        newest = max(map(_id, self._log.list(list_, data=False)), default=None)
        return None if newest is None else self._read(thread, ns, newest)

    def _asked(self, config: RunnableConfig) -> Union[_Stored, None]:
        """Return the checkpoint that a config names, the newest if it names none."""
        id_ = get_checkpoint_id(config)
        return self._read(*_place(config), id_) if id_ else self._newest(*_place(config))

    def _writes(self, thread: str, ns: str, id_: str) -> List[Tuple[Any, ...]]:
        """Return (task, index, channel, path, type, data) in the order of ``writes_sort_key``."""
        found = [
            (*_unpack(value.head), value.data)
            for value in self._log.list(_key("WL", thread, ns, id_))
        ]
        return sorted(found, key=lambda write: (write[3], write[0], write[1]))

    def _blob(
        self, thread: str, ns: str, channel: str, version: Any
    ) -> Union[Tuple[str, bytes], None]:
        found = self._log.get(_key("B", thread, ns, channel, str(version)))
        return None if found is None else (found[0].decode(), found[1])

    def _tuple(
        self, thread: str, ns: str, stored: _Stored, config: Union[RunnableConfig, None] = None
    ) -> Union[CheckpointTuple, None]:
        """Read the rest of a checkpoint; None where it is removed meanwhile."""
        load = self.serde.loads_typed
        checkpoint = load(stored.checkpoint)
        values = {}
        for channel, version in checkpoint["channel_versions"].items():
            blob = self._blob(thread, ns, channel, version)
            if blob is not None:
                values[channel] = load(blob)
        checkpoint["channel_values"] = values
        writes = self._writes(thread, ns, stored.id)
        if not self._log.has(_key("C", thread, ns, stored.id)):
            return None  # it goes first: what was read of the rest may be less than there was
        return CheckpointTuple(
            config=config or _config(thread, ns, stored.id),
            checkpoint=checkpoint,
            metadata=load(stored.metadata),
            parent_config=_config(thread, ns, stored.parent) if stored.parent else None,
            pending_writes=[
                (task, channel, load((kind, data))) for task, _, channel, _, kind, data in writes
            ],
        )

    def get_tuple(self, config: RunnableConfig) -> Union[CheckpointTuple, None]:
        """Return a checkpoint, the newest if none is named; see ``BaseCheckpointSaver.get_tuple``."""
        thread, ns = _place(config)
        stored = self._asked(config)
        if stored is None:
            return None
        return self._tuple(thread, ns, stored, config if get_checkpoint_id(config) else None)

    def _names(self, list_: bytes, damaged: bool = False) -> List[str]:
        """Return the names of a list, the oldest first."""
        return [_text(value.head) for value in self._log.list(list_, False, damaged)][::-1]

    def list(
        self,
        config: Union[RunnableConfig, None],
        *,
        filter: Union[Dict[str, Any], None] = None,
        before: Union[RunnableConfig, None] = None,
        limit: Union[int, None] = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, those with the highest ids first; see ``BaseCheckpointSaver.list``."""
        configurable = config["configurable"] if config else {}
        named = configurable.get("checkpoint_ns")
        threads = [str(configurable["thread_id"])] if config else self._names(_key("TL"))
        wanted = get_checkpoint_id(config) if config else None
        end = get_checkpoint_id(before) if before else None
        places = [
            (thread, ns)
            for thread in threads
            for ns in (self._names(_key("NL", thread)) if named is None else [named])
        ]
        left = -1 if limit is None else max(limit, 0)
        for thread, ns, id_ in self._ids(places):
            if left == 0:
                return
            if (wanted and id_ != wanted) or (end and id_ >= end):
                continue
            stored = self._read(thread, ns, id_)
            if stored is None:
                continue
            if filter:
                metadata = self.serde.loads_typed(stored.metadata)
                if any(metadata.get(key) != value for key, value in filter.items()):
                    continue
            found = self._tuple(thread, ns, stored)
            if found is not None:
                left -= 1
                yield found

    def _ids(self, places: Sequence[Tuple[str, str]]) -> Iterator[Tuple[str, str, str]]:
        """Yield (thread, namespace, id), the highest ids first."""
        if len(places) == 1:
            ((thread, ns),) = places
            list_ = _kept_key("CL", thread, ns)
            last = self._log.last(list_, data=False)
            if last is None:
                return
            if _Stored(last.head, b"").ordered:
                for value in self._log.list(list_, data=False):
                    yield thread, ns, _id(value)
                return
        found = [
            (_id(value), thread, ns)
            for thread, ns in places
            for value in self._log.list(_kept_key("CL", thread, ns), data=False)
        ]
        found.sort(key=lambda entry: entry[0], reverse=True)
        for id_, thread, ns in found:
            yield thread, ns, id_

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, Any]:
        """Walk the parents once for all channels; see ``BaseCheckpointSaver``."""
        thread, ns = _place(config)
        stored = self._asked(config)
        collected: Dict[str, List[Any]] = {channel: [] for channel in channels}
        seeds: Dict[str, Any] = {}
        remaining = set(channels)
        load = self.serde.loads_typed
        while remaining and stored is not None and stored.parent:
            stored = self._read(thread, ns, stored.parent)
            if stored is None:
                break
            versions = load(stored.checkpoint)["channel_versions"]
            for task, _, channel, _, kind, data in reversed(self._writes(thread, ns, stored.id)):
                if channel in remaining:
                    collected[channel].append((task, channel, load((kind, data))))
            for channel in list(remaining):
                if channel in versions:
                    blob = self._blob(thread, ns, channel, versions[channel])
                    if blob is not None:
                        seeds[channel] = load(blob)
                        remaining.discard(channel)
        return {
            channel: {
                "writes": collected[channel][::-1],
                **({"seed": seeds[channel]} if channel in seeds else {}),
            }
            for channel in channels
        }

    # -- removing, copying

    def _all(self, list_: bytes) -> List[Value]:
        """Return what is to be removed: what is damaged is in nobody's way."""
        return [*self._log.list(list_, data=False, damaged=True)]

    def _remove_checkpoint(
        self, thread: str, ns: str, id_: str, run: Union[str, None] = None
    ) -> None:
        """Remove a checkpoint, then its writes; where that is interrupted they can be found."""
        writes = self._all(_key("WL", thread, ns, id_))
        if writes:
            self._log.put(_orphan(thread, ns, id_))
        self._log.remove(_key("C", thread, ns, id_))
        for value in writes:
            self._log.remove(value.key)
        self._log.remove(_key("O", thread, ns, id_))
        if run is not None:
            self._log.remove(_key("R", run, thread, ns, id_))

    def delete_thread(self, thread_id: str) -> None:
        """Remove a thread's checkpoints, writes and values."""
        thread = str(thread_id)
        with self._log.writing():
            for ns in self._names(_key("NL", thread), damaged=True):
                for value in self._all(_kept_key("CL", thread, ns)):
                    stored = _Stored(value.head, b"")
                    self._remove_checkpoint(thread, ns, stored.id, stored.run)
                for id_ in self._names(_key("OL", thread, ns), damaged=True):
                    self._remove_checkpoint(thread, ns, id_)
                for channel in self._names(_key("KL", thread, ns), damaged=True):
                    self._remove_blobs(thread, ns, channel, set())
                    self._log.remove(_key("K", thread, ns, channel))
                self._log.remove(_key("N", thread, ns))
            self._log.remove(_key("T", thread))
        self._log.tidy()

    def _remove_blobs(self, thread: str, ns: str, channel: str, kept: set[bytes]) -> None:
        for value in self._all(_key("BL", thread, ns, channel)):
            if value.key not in kept:
                self._log.remove(value.key)

    def _sweep(self, thread: str, ns: str) -> None:
        """Remove the values that no checkpoint holds any more."""
        kept = set()
        for value in self._log.list(_kept_key("CL", thread, ns)):
            checkpoint = self.serde.loads_typed(_Stored(value.head, value.data).checkpoint)
            for channel, version in checkpoint["channel_versions"].items():
                kept.add(_key("B", thread, ns, channel, str(version)))
        for channel in self._names(_key("KL", thread, ns)):
            self._remove_blobs(thread, ns, channel, kept)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Remove the checkpoints and writes of runs."""
        with self._log.writing():
            touched = set()
            for run in run_ids:
                for value in self._all(_key("RL", _digest(run))):
                    thread, ns, id_ = _unpack(value.head)
                    self._remove_checkpoint(thread, ns, id_)
                    self._log.remove(value.key)
                    touched.add((thread, ns))
            for thread, ns in touched:
                self._sweep(thread, ns)
        self._log.tidy()

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread's checkpoints, writes and values."""
        source, target = str(source_thread_id), str(target_thread_id)
        with self._log.writing():
            for ns in self._names(_key("NL", source)):
                self._log.put(*_names(target, ns))
                for channel in self._names(_key("KL", source, ns)):
                    blobs = [*self._log.list(_key("BL", source, ns, channel))]
                    prefix = len(_key("B", source, ns, channel))
                    for value in reversed(blobs):
                        version = _text(value.key[prefix:].partition(b":")[2])
                        blob = (value.head.decode(), value.data)
                        self._log.put(*_blob(target, ns, channel, version, blob))
                for value in reversed([*self._log.list(_key("CL", source, ns))]):
                    stored = _Stored(value.head, value.data)
                    parts = (stored.checkpoint, stored.metadata)
                    list_ = _kept_key("CL", target, ns)
                    place = (target, ns, stored.id, stored.parent)
                    ordered = self._ordered(list_, stored.id)
                    self._log.put(
                        *_checkpoint(place, parts, stored.run, list_, ordered),
                        *(
                            _write(target, ns, stored.id, tuple(write), (kind, data))
                            for *write, kind, data in self._writes(source, ns, stored.id)
                        ),
                    )

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Keep each namespace's newest checkpoint, and what its delta channels are made of.

        ``strategy``: "keep_latest", or "delete", which removes all.
        """
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"strategy is 'keep_latest' or 'delete', not {strategy!r}")
        for thread in map(str, thread_ids):
            if strategy == "delete":
                self.delete_thread(thread)
                continue
            with self._log.writing():
                for ns in self._names(_key("NL", thread)):
                    newest = self._newest(thread, ns)
                    if newest is None:
                        continue
                    kept = self._with_ancestors(thread, ns, newest)
                    for value in self._all(_kept_key("CL", thread, ns)):
                        old = _Stored(value.head, b"")
                        if old.id not in kept:
                            self._remove_checkpoint(thread, ns, old.id, old.run)
                    self._sweep(thread, ns)
        self._log.tidy()

    def _with_ancestors(self, thread: str, ns: str, stored: _Stored) -> set[str]:
        """Return the ids of a checkpoint and of those its delta channels are rebuilt from."""
        load = self.serde.loads_typed
        kept = {stored.id}
        deltas = set(load(stored.metadata).get("counters_since_delta_snapshot") or ())
        current: Union[_Stored, None] = stored
        while deltas and current is not None:
            versions = load(current.checkpoint)["channel_versions"]
            deltas = {
                channel
                for channel in deltas
                if channel not in versions
                or not self._log.has(_key("B", thread, ns, channel, str(versions[channel])))
            }
            if deltas and current.parent:
                current = self._read(thread, ns, current.parent)
                if current is not None:
                    kept.add(current.id)
            else:
                current = None
        return kept

    # -- retention, compaction

    def _retain(self, thread: str, ns: str, put: str) -> None:
        """Remove what a place keeps no longer, now and then."""
        place = (thread, ns)
        if not self._retention.active or not self._retention.due(place):
            return
        left = 0
        # the checkpoint is stored: what cannot be removed now is no error of its put
        with contextlib.suppress(OSError), self._log.writing():
            left = self._expire(thread, ns, put)
        self._retention.looked(place, left)
        self._log.tidy()

    def _expire(self, thread: str, ns: str, put: Union[str, None] = None) -> int:
        """Remove a place's checkpoints that are no longer kept; return how many are left."""
        list_ = _kept_key("CL", thread, ns)
        stored = [_Stored(value.head, b"") for value in self._all(list_)]
        kept = self._retention.kept(
            [each.id for each in stored], lambda id_: self._said_at(thread, ns, id_)
        )
        if put is not None:
            kept.add(put)
        if len(kept) >= len(stored):
            return len(stored)
        needed, blobs = self._needed(thread, ns, kept)
        removed = [each for each in stored if each.id not in needed]
        if not removed:
            return len(stored)
        keys = [_key("C", thread, ns, each.id) for each in removed]
        for each in removed:
            keys += [value.key for value in self._all(_key("WL", thread, ns, each.id))]
            keys.append(_key("O", thread, ns, each.id))
            if each.run is not None:
                keys.append(_key("R", each.run, thread, ns, each.id))
        lists = [list_]
        for channel in self._names(_key("KL", thread, ns), damaged=True):
            blobs_list = _key("BL", thread, ns, channel)
            old = [value.key for value in self._all(blobs_list) if value.key not in blobs]
            if old:
                keys += old
                lists.append(blobs_list)
        self._log.remove_all(keys)
        for each_list in lists:
            self._log.trim(each_list)
        return len(stored) - len(removed)

    def _said_at(self, thread: str, ns: str, id_: str) -> Union[datetime.datetime, None]:
        stored = self._read(thread, ns, id_)
        return said_at(self.serde.loads_typed(stored.checkpoint).get("ts")) if stored else None

    def _needed(self, thread: str, ns: str, kept: set[str]) -> Tuple[set[str], set[bytes]]:
        """Return the ids that kept ones need, themselves included, and the keys of their values."""
        needed, blobs = set(kept), set()
        for id_ in kept:
            stored = self._read(thread, ns, id_)
            if stored is not None:
                needed |= self._with_ancestors(thread, ns, stored)
        for id_ in needed:
            stored = self._read(thread, ns, id_)
            if stored is not None:
                versions = self.serde.loads_typed(stored.checkpoint)["channel_versions"]
                blobs |= {
                    _key("B", thread, ns, channel, str(version))
                    for channel, version in versions.items()
                }
        return needed, blobs

    def compact(self) -> int:
        """Give the room of removed checkpoints back; return how many bytes the folder has less.

        Their bytes are then in no file of the folder. What ``keep_last`` and ``keep_for`` keep no
        longer is removed first, of all threads; a thread that has nothing left goes as a whole.
        Other threads and processes read and write meanwhile. A process that does not use its saver
        keeps what it read open, and its room taken, until its next call.

        Raises:
            OSError: there is no room to write anew what is kept, or a damaged record that is still
                asked for is in the way; nothing is lost.
        """
        if self._retention.active:
            for thread in self._names(_key("TL")):
                with self._log.writing():
                    places = self._names(_key("NL", thread))
                    had = any(self._log.last(_kept_key("CL", thread, ns), False) for ns in places)
                    left = sum(self._expire(thread, ns) for ns in places)
                    if had and not left:
                        self.delete_thread(thread)
        return self._log.compact()

    # -- the same for asyncio: files are memory; what waits for a disk waits in a thread

    async def _in_turn(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        if self._log.durability == "process":
            return work(*args, **kwargs)
        return await asyncio.to_thread(work, *args, **kwargs)

    async def aget_tuple(self, config: RunnableConfig) -> Union[CheckpointTuple, None]:
        """As ``get_tuple``."""
        return self.get_tuple(config)

    async def alist(
        self,
        config: Union[RunnableConfig, None],
        *,
        filter: Union[Dict[str, Any], None] = None,
        before: Union[RunnableConfig, None] = None,
        limit: Union[int, None] = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """As ``list``."""
        for each in self.list(config, filter=filter, before=before, limit=limit):
            yield each

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As ``put``."""
        return await self._in_turn(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[Tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """As ``put_writes``."""
        await self._in_turn(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """As ``delete_thread``."""
        await self._in_turn(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As ``delete_for_runs``."""
        await self._in_turn(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As ``copy_thread``."""
        await self._in_turn(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As ``prune``."""
        await self._in_turn(self.prune, thread_ids, strategy=strategy)

    async def acompact(self) -> int:
        """As ``compact``."""
        return await asyncio.to_thread(self.compact)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, Any]:
        """As ``get_delta_channel_history``."""
        return self.get_delta_channel_history(config=config, channels=channels)

    def get_next_version(self, current: Union[str, int, float, None], channel: None) -> str:
        """Return the version that follows; as the other savers do."""
        if current is None:
            number = 0
        elif isinstance(current, (int, float)):
            number = int(current)
        else:
            number = int(current.split(".")[0])
        return f"{number + 1:032}.{random.random():016}"


@functools.lru_cache(1024)
def _names(thread: str, ns: str) -> Tuple[Put, Put]:
    """Return what notes that there is a thread and a namespace."""
    return (
        Put(_key("T", thread), _key("TL"), _bytes(thread), b"", absent=True),
        Put(_key("N", thread, ns), _key("NL", thread), _bytes(ns), b"", absent=True),
    )


@functools.lru_cache(4096)
def _channel(thread: str, ns: str, channel: str) -> Tuple[Put, bytes, bytes]:
    """Return what notes that there is a channel, what its values' keys begin with, and their list."""
    known = _key("K", thread, ns, channel)
    return (
        Put(known, _key("KL", thread, ns), _bytes(channel), b"", absent=True),
        _key("B", thread, ns, channel),
        _key("BL", thread, ns, channel),
    )


def _blob(
    thread: str, ns: str, channel: str, version: str, blob: Tuple[str, bytes]
) -> Tuple[Put, Put]:
    """Return what is put for a channel's value."""
    kind, data = blob
    known, key, list_ = _channel(thread, ns, channel)
    key += _bytes(f"{len(version)}:{version}")
    return known, Put(key, list_, kind.encode(), bytes(data), share=kind == "msgpack")


def _checkpoint(
    place: Tuple[str, str, str, Union[str, None]],
    parts: Tuple[Tuple[str, bytes], Tuple[str, bytes]],
    run: Union[str, None],
    list_: bytes,
    ordered: bool,
) -> Iterator[Put]:
    """Yield what is put for a checkpoint.

    ``place``: thread, namespace, id, parent; ``ordered``: whether its list is in the order of its ids up to here.
    """
    thread, ns, id_, parent = place
    (first_type, first), (second_type, second) = parts
    head = _pack(id_, parent, ordered, run, first_type, second_type, len(first))
    yield Put(_key("C", thread, ns, id_), list_, head, b"".join((first, second)))
    if run is not None:
        yield Put(_key("R", run, thread, ns, id_), _key("RL", run), _pack(thread, ns, id_), b"")


def _orphan(thread: str, ns: str, id_: str) -> Put:
    """Return what notes that there are writes without a checkpoint (yet): they are to be found."""
    return Put(_key("O", thread, ns, id_), _key("OL", thread, ns), _bytes(id_), b"", absent=True)


def _write(
    thread: str, ns: str, id_: str, write: Tuple[str, int, str, str], blob: Tuple[str, bytes]
) -> Put:
    """Return what is put for one write of a task: those of special channels replace older ones."""
    task_id, index, *_ = write
    key = _key("W", thread, ns, id_, task_id, str(index))
    head = _pack(*write, blob[0])
    return Put(key, _key("WL", thread, ns, id_), head, bytes(blob[1]), absent=index >= 0)


def _id(value: Value) -> str:
    id_: str = _unpack(value.head)[0]
    return id_


def _place(config: RunnableConfig) -> Tuple[str, str]:
    """Return a config's thread and namespace."""
    configurable = config["configurable"]
    return str(configurable["thread_id"]), configurable.get("checkpoint_ns", "")


def _config(thread: str, ns: str, id_: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ns, "checkpoint_id": id_}}


def _digest(run: Any) -> str:
    """A run's id is part of the metadata, which the serializer may encrypt: only its hash is a key."""
    return hashlib.sha256(str(run).encode("utf-8", "surrogatepass")).hexdigest()[:32]
