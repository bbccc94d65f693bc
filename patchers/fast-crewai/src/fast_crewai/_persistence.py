"""ChroniclePersistence: states of flows on Chronicle Queue's memory-mapped files."""

from __future__ import annotations

import json
import os
import struct
import threading
import uuid
from datetime import date, datetime, timezone
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterator,
    List,
    Literal,
    NamedTuple,
    Optional,
    Tuple,
    Union,
)

from crewai.flow.persistence.base import FlowPersistence
from crewai_core.paths import db_storage_path
from pydantic import BaseModel, Field, model_validator

from fast_jvm._keyed_log import KeyedLog, Put

from ._flows import Models, uncollected
from ._shapes import Shaped

if TYPE_CHECKING:
    from crewai.flow.async_feedback.types import PendingFeedbackContext

_STATES, _PENDING = b"states:", b"pending:"
_SPLIT = struct.Struct("<Q")
_texts = Shaped(Models())


class SavedState(NamedTuple):
    """A state that was saved."""

    method_name: str
    #: when, as SQLiteFlowPersistence writes it
    timestamp: str
    state: Any


class _Logs:
    """The folders that this process has open: a persistence is copied and pickled, a log is not."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Dict[Tuple[str, str, int], KeyedLog] = {}

    def of(self, path: str, durability: str) -> KeyedLog:
        """Return a folder's log; it is opened where it is not."""
        key = path, durability, os.getpid()
        found = self._open.get(key)
        if found is None:
            folder = os.path.realpath(path)
            os.makedirs(os.path.dirname(folder), exist_ok=True)
            with self._lock:
                found = self._open.get(key)
                if found is None:
                    found = self._open[key] = KeyedLog(folder, durability=durability)
        return found

    def close(self, path: str, durability: str) -> None:
        """Close a folder's log."""
        found = self._open.pop((path, durability, os.getpid()), None)
        if found is not None:
            found.close()

    def renew_lock(self) -> None:
        """In a forked child the thread that held the lock may be gone."""
        self._lock = threading.Lock()


_logs = _Logs()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_logs.renew_lock)


class ChroniclePersistence(FlowPersistence):
    """A FlowPersistence on memory-mapped files, for threads and processes that share a folder.

    Like SQLiteFlowPersistence it keeps every state that was saved, as the same JSON, and pending feedback beside the
    state. There is no implementation in Python: without a Java runtime the constructor raises
    ``fast_jvm.FastJvmUnavailable``, whose text says what helps; in a forked child each call does.

    Args:
        path: the folder where the files lie; made for the user alone (0700) if it is not there.
        durability: what a save has survived once it has returned: "process", the end of this process, kill -9
            included; or "disk", a loss of power.

    Raises:
        FastJvmUnavailable: there is no Java.
        OSError: the folder or its disk cannot serve; nothing that was saved is lost.
    """

    persistence_type: str = Field(default="ChroniclePersistence")
    path: str = Field(default_factory=lambda: str(Path(db_storage_path()) / "flow_states"))
    durability: Literal["process", "disk"] = "process"

    def __init__(self, path: Union[str, "os.PathLike[str]", None] = None, /, **kwargs: Any) -> None:
        if path is not None:
            kwargs["path"] = os.fspath(path)
        super().__init__(**kwargs)

    @model_validator(mode="after")
    def _set_up(self) -> "ChroniclePersistence":
        self.path = os.path.abspath(self.path)
        self.init_db()
        return self

    def init_db(self) -> None:
        """Open the folder."""
        _logs.of(self.path, self.durability)

    def save_state(
        self, flow_uuid: str, method_name: str, state_data: Union[Dict[str, Any], BaseModel]
    ) -> None:
        """Save a state behind those that a flow has."""
        made = _texts(state_data)
        if made is not NotImplemented:
            text = made.encode()
        elif isinstance(state_data, BaseModel):
            text = uncollected(lambda: _dumped(_dump(state_data)))
        else:
            text = _dumped(_as_dict(state_data))
        _logs.of(self.path, self.durability).put(_saved(flow_uuid, method_name, text))

    def load_state(self, flow_uuid: str) -> Optional[Dict[str, Any]]:
        """Return the state that was saved last, or None."""
        found = _logs.of(self.path, self.durability).last(_key(_STATES, flow_uuid))
        state = json.loads(found.data) if found is not None else None
        return state if isinstance(state, dict) else None

    def save_pending_feedback(
        self,
        flow_uuid: str,
        context: "PendingFeedbackContext",
        state_data: Union[Dict[str, Any], BaseModel],
    ) -> None:
        """Save a state, and that feedback is awaited."""
        text = _dumped(_as_dict(state_data))
        told = _dumped(context.to_dict())
        _logs.of(self.path, self.durability).put(
            _saved(flow_uuid, context.method_name, text),
            Put(
                _key(_PENDING, flow_uuid),
                b"",
                _SPLIT.pack(len(told)),
                told + text,
            ),
        )

    def load_pending_feedback(
        self, flow_uuid: str
    ) -> "Optional[Tuple[Dict[str, Any], PendingFeedbackContext]]":
        """Return the state and what feedback is awaited for, or None."""
        from crewai.flow.async_feedback.types import PendingFeedbackContext

        found = _logs.of(self.path, self.durability).get(_key(_PENDING, flow_uuid))
        if found is None:
            return None
        (split,) = _SPLIT.unpack(found[0])
        state = json.loads(found[1][split:])
        return state, PendingFeedbackContext.from_dict(json.loads(found[1][:split]))

    def clear_pending_feedback(self, flow_uuid: str) -> None:
        """Forget that feedback is awaited; its room is given back in the background."""
        log = _logs.of(self.path, self.durability)
        key = _key(_PENDING, flow_uuid)
        if log.has(key):
            log.remove(key)
            log.tidy()

    def history(self, flow_uuid: str) -> List[SavedState]:
        """Return all states of a flow in the order in which they were saved."""
        found = list(self._newest_first(flow_uuid))
        return found[::-1]

    def _newest_first(self, flow_uuid: str) -> Iterator[SavedState]:
        for value in _logs.of(self.path, self.durability).list(_key(_STATES, flow_uuid)):
            method_name, timestamp = json.loads(value.head)
            yield SavedState(method_name, timestamp, json.loads(value.data))

    def close(self) -> None:
        """Close the folder's files, for all of this process; the next call opens them."""
        _logs.close(self.path, self.durability)


def _key(tag: bytes, flow_uuid: str) -> bytes:
    return tag + flow_uuid.encode("utf-8", "surrogatepass")


def _saved(flow_uuid: str, method_name: str, text: bytes) -> Put:
    timestamp = datetime.now(timezone.utc).isoformat()
    head = json.dumps([method_name, timestamp]).encode()
    return Put(uuid.uuid4().bytes, _key(_STATES, flow_uuid), head, text)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, default=_default).encode()


def _default(value: Any) -> Any:
    """Return what stands for a value that JSON has not, as with SQLiteFlowPersistence."""
    if isinstance(value, BaseModel):
        return _dump(value)
    if isinstance(value, (set, tuple)):
        return list(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


def _dump(model: BaseModel) -> Dict[str, Any]:
    try:
        return model.model_dump(mode="json")
    except Exception:
        return model.model_dump(mode="python")


def _as_dict(state_data: Any) -> Dict[str, Any]:
    if isinstance(state_data, BaseModel):
        return _dump(state_data)
    if isinstance(state_data, dict):
        return state_data
    raise ValueError(
        f"state_data must be either a Pydantic BaseModel or dict, got {type(state_data)}"
    )
