"""Saves of flows' states: a text is made with no collection on the way; what waits for nothing needs no thread."""

from __future__ import annotations

import json
import sys
from time import perf_counter_ns
from typing import Any, Callable, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._flows import Models, uncollected
from ._shapes import Shaped
from ._watch import PLAIN

_DECORATORS = "crewai.flow.persistence.decorators"
_OURS = "fast_crewai._persistence"
_dumps = json.dumps
#: Values of a state that is saved at once: some 50 microseconds.
SMALL = 64
_INSERT = (
    "INSERT INTO flow_states (flow_uuid, method_name, timestamp, state_json) VALUES (?, ?, ?, ?)"
)


def make_save_state(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``SQLiteFlowPersistence.save_state`` of plain models and of dicts: the text is Java's.

    What Java does not write, pydantic and json do: of models with no collection on the way, the dump is gone again when the
    collector may look.
    """
    serving = Serving("crewai.save_state")
    names = original.__globals__
    own = names["SQLiteFlowPersistence"]
    to_dict, insert = own._to_state_dict, own._save_state_sql
    models: Any = None
    texts: Any = None

    def dumped_text(state: Any) -> str:
        try:
            dumped = state.model_dump(mode="json")
        except Exception:
            dumped = state.model_dump(mode="python")
        return _dumps(dumped, default=names["_json_default"])

    def replacement(self: Any, flow_uuid: Any, method_name: Any, state_data: Any) -> None:
        nonlocal models, texts
        kind = type(self)
        if models is None:
            models = Models()
            texts = Shaped(models)
        if (
            not serving
            or kind._to_state_dict is not to_dict
            or kind._save_state_sql is not insert
            or names["json"].dumps is not _dumps
            or not (type(state_data) is dict or models.plain_model(type(state_data)))
        ):
            original(self, flow_uuid, method_name, state_data)
            return
        text, failure = texts(state_data), None
        if text is NotImplemented:
            if type(state_data) is dict:
                original(self, flow_uuid, method_name, state_data)
                return
            started = perf_counter_ns()
            try:
                text = uncollected(lambda: dumped_text(state_data))
            except Exception as error:  # the original's comes once it is connected
                failure = error
            meter(perf_counter_ns() - started)
        replacement.served += 1  # type: ignore[attr-defined]
        connect, timeout = names["sqlite3"].connect, names["_SQLITE_BUSY_TIMEOUT_SECONDS"]
        lock, closing = names["store_lock"], names["closing"]
        with lock(self._lock_name), closing(connect(self.db_path, timeout=timeout)) as conn, conn:
            now = names["datetime"].now(names["timezone"].utc).isoformat()
            if failure is not None:
                raise failure
            conn.execute(_INSERT, (flow_uuid, method_name, now, text))

    return finish(replacement, serving)


class AtOnce:
    """Whether saving a flow's state is some microseconds' work: a small plain one, by a ChroniclePersistence that waits for no disk."""

    def __init__(self, flow: Any) -> None:
        self._flow = flow
        self._state = vars(flow)["state"]
        self._persist: Any = None
        self._models: Any = None

    def __call__(self, flow: Any, persisted: Any) -> bool:
        """Answer for a flow and the definition of its persistence."""
        ours, decorators = sys.modules.get(_OURS), sys.modules.get(_DECORATORS)
        if ours is None or decorators is None or persisted.verbose:
            return False
        persist = vars(decorators.PersistenceDecorator).get("persist_state")
        if self._persist is None:
            self._persist, self._models = persist, Models()
        if flow._instance_persistence and flow.persistence is not None:
            backend = flow.persistence
        else:
            backend = flow._persist_backends.get(id(persisted))
        if (
            type(backend) is not ours.ChroniclePersistence
            or backend.durability != "process"
            or persist is not self._persist
            or type(flow).state is not self._state
            or type(flow)._persist_backend_for is not self._flow._persist_backend_for
        ):
            return False
        state = flow._state
        if type(state) is dict:
            return _left(state, SMALL) > 0
        return self._models.plain_model(type(state)) and _left(state.__dict__, SMALL) > 0


def _left(value: Any, left: int) -> int:
    """Return what is left of so many values once those of a plain one are counted; 0 where it is not small, or not plain."""
    kind = type(value)
    if kind in PLAIN:
        return left - 1 if kind is not str or len(value) < 1000 else 0
    if kind is dict:
        if any(type(key) is not str for key in value):
            return 0
        parts = value.values()
    elif kind is list:
        parts = value
    else:
        return 0
    if len(parts) >= left:
        return 0
    for part in parts:
        left = _left(part, left)
        if left <= 0:
            return 0
    return left - 1
