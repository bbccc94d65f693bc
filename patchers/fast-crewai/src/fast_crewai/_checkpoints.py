"""Checkpoints of a RuntimeState: their text from pieces, and none lost to a race.

The original runs each of them in a thread of its own, while events are recorded: what it walks may change under it, and the
checkpoint is then lost. Ours begins its text anew, and where crewai's own providers write, one is written after the other.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import os
import stat
import sys
import threading
import time
from typing import Any, Callable, ContextManager, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from . import _watch
from ._fragments import States, steady

_LISTENER = "crewai.state.checkpoint_listener"
_JSON = "crewai.state.provider.json_provider"
#: JsonProvider.checkpoint as it was studied.
_STUDIED = "033e2155ff3fa164"
_dumps = json.dumps
#: Bytes that are written at a time: as one text, all of it would be copied twice more, to memory that no cache holds.
CHUNK = 1 << 18
#: A piece of so many characters is not copied into a text with others; and so many parts any system takes at a time.
LONG, PARTS = 1 << 12, 1024
_NO_NAMES = frozenset({"", os.curdir, os.pardir})
#: With these, or a drive, a name may lead elsewhere.
_SEPARATORS = frozenset("/\\:\0")


class _Texts:
    """What both patches share; a forked child begins anew."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget all texts and who holds the lock."""
        self.writing = threading.RLock()
        self._states: Optional[States] = None

    @property
    def states(self) -> States:
        """The texts that are known."""
        if self._states is None:
            self._states = States()
        return self._states


_texts = _Texts()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_texts.forget)


def make_model_dump_json(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``RuntimeState.model_dump_json`` without arguments."""
    serving = Serving("crewai.runtime_state_json")

    def replacement(self: Any, **kwargs: Any) -> Any:
        if not kwargs and serving:
            states = _texts.states
            if not states.odd(self):
                with contextlib.suppress(Exception):
                    made = states.text(self, states.pydantic)
                    replacement.served += 1  # type: ignore[attr-defined]
                    return made
            replacement.declined += 1  # type: ignore[attr-defined]
        return original(self, **kwargs)

    return finish(replacement, serving)


def make_do_checkpoint(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``_do_checkpoint``."""
    serving = Serving("crewai.do_checkpoint")
    names = vars(sys.modules[_LISTENER])
    config = sys.modules[names["CheckpointConfig"].__module__]
    own = config.JsonProvider, config.SqliteProvider
    write = _writes(config.JsonProvider)

    def replacement(state: Any, cfg: Any, event: Any = None) -> None:
        if not serving or names["json"].dumps is not _dumps or _texts.states.odd(state):
            original(state, cfg, event)
            return
        one_by_one: ContextManager[Any] = contextlib.nullcontext()
        if type(cfg.provider) in own:
            one_by_one = _texts.writing
        with one_by_one:
            _checkpoint(names, write, state, cfg, event)
        replacement.served += 1  # type: ignore[attr-defined]

    return finish(replacement, serving)


def make_safe_branch(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``_safe_branch``: a plain name that is no link stays where it is; the original resolves every folder on the way, twice."""
    serving = Serving("crewai.safe_branch")

    def replacement(base: Any, branch: Any) -> None:
        if (
            type(base) is str
            and type(branch) is str
            and branch not in _NO_NAMES
            and not _SEPARATORS.intersection(branch)
            and os.pardir not in base  # out of a folder that is not there is nowhere to lstat
            and serving
        ):
            try:
                # below the root no branch is safe to the original, which looks for "//"
                link = os.path.samestat(os.stat(base or os.curdir), os.stat(os.sep))
                link = link or stat.S_ISLNK(os.lstat(os.path.join(base, branch)).st_mode)
            except FileNotFoundError:
                link = False
            except (OSError, ValueError):
                link = True
            if not link:
                replacement.served += 1  # type: ignore[attr-defined]
                return
        original(base, branch)

    return finish(replacement, serving)


def _pieces(state: Any, event: Any) -> List[str]:
    states = _texts.states
    with contextlib.suppress(Exception):
        return states.pieces(state, states.json, None if event is None else event.type)
    # its own errors
    payload = state.model_dump(mode="json")
    if event is not None:
        payload["trigger"] = event.type
    return [_dumps(payload)]


def _writes(own: Any) -> Callable[..., Any]:
    """Return what has a provider write a text: for crewai's JsonProvider piece by piece."""
    module, studied = vars(sys.modules[_JSON]), own.checkpoint
    known = _watch.code(studied) == _STUDIED

    def write(
        provider: Any, pieces: List[str], location: Any, *, parent_id: Any, branch: Any
    ) -> Any:
        if not (
            known
            and type(provider) is own
            and own.checkpoint is studied
            and "checkpoint" not in vars(provider)
            and "open" not in module
            and builtins.open is io.open
        ):
            text = "".join(pieces)
            return provider.checkpoint(text, location, parent_id=parent_id, branch=branch)
        path = module["_build_path"](location, branch, parent_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb", buffering=0) as file:
            _write(file, pieces)
        return str(path)

    return write


def _write(file: Any, pieces: List[str]) -> None:
    """Write a text that has no line's end: a long piece as it is, from one copy wherever it is in the text, short ones joined."""
    known: Dict[int, bytes] = {}
    parts: List[bytes] = []
    size = start = 0
    for at, piece in enumerate(pieces):
        if len(piece) < LONG:
            continue
        if start < at:
            parts.append("".join(pieces[start:at]).encode())
        start = at + 1
        long = known.get(id(piece))
        if long is None:
            long = known[id(piece)] = piece.encode()
        parts.append(long)
        size += len(long)
        if size > CHUNK:
            _flush(file, parts)
            parts, size = [], 0
    parts.append("".join(pieces[start:]).encode())
    _flush(file, parts)


def _flush(file: Any, parts: List[bytes]) -> None:
    """Write all of the parts, however many the system takes at a time."""
    written = 0
    if len(parts) > 1 and hasattr(os, "writev") and len(parts) <= PARTS:
        written = os.writev(file.fileno(), parts)
        if written == sum(map(len, parts)):
            return
    left = memoryview(b"".join(parts))[written:]
    while left:
        left = left[file.write(left) :]


def _checkpoint(names: Dict[str, Any], write: Any, state: Any, cfg: Any, event: Any) -> None:
    emit = names["crewai_event_bus"].emit
    told: Dict[str, Any] = {
        "provider": type(cfg.provider).__name__,
        "trigger": event.type if event is not None else None,
        "branch": state._branch,
        "parent_id": state._parent_id,
        "task_id": event.task_id if event is not None else None,
        "task_name": event.task_name if event is not None else None,
        "agent_id": event.agent_id if event is not None else None,
        "agent_role": event.agent_role if event is not None else None,
    }
    emit(cfg, names["CheckpointStartedEvent"](location=cfg.location, **told))
    start = time.perf_counter()
    try:
        steady(lambda: names["_prepare_entities"](state.root))
        location = write(
            *(cfg.provider, _pieces(state, event), cfg.location),
            parent_id=told["parent_id"],
            branch=told["branch"],
        )
        state._chain_lineage(cfg.provider, location)
        checkpoint_id: str = cfg.provider.extract_id(location)
    except Exception as exc:
        emit(cfg, names["CheckpointFailedEvent"](location=cfg.location, error=str(exc), **told))
        raise
    duration_ms = (time.perf_counter() - start) * 1000.0
    names["logger"].info(f"Checkpoint saved. Resume with: crewai checkpoint resume {checkpoint_id}")
    emit(
        cfg,
        names["CheckpointCompletedEvent"](
            location=location, checkpoint_id=checkpoint_id, duration_ms=duration_ms, **told
        ),
    )
    if cfg.max_checkpoints is None:
        return
    try:
        removed = cfg.provider.prune(cfg.location, cfg.max_checkpoints, branch=told["branch"])
    except Exception:
        names["logger"].warning(
            "Checkpoint prune failed for %s (branch=%s)",
            cfg.location,
            told["branch"],
            exc_info=True,
        )
        return
    emit(
        cfg,
        names["CheckpointPrunedEvent"](
            location=cfg.location,
            removed_count=removed,
            max_checkpoints=cfg.max_checkpoints,
            **told,
        ),
    )
