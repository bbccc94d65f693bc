"""What ends a round of a graph's tasks: their writes are applied.

A lone task is asked for no sort key, a channel is looked up once, and what is no channel is told by one look-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Builtins, Meter
from fast_jvm._serving import among

if TYPE_CHECKING:  # names of the original's module, see among
    from langgraph._internal._constants import RESERVED
    from langgraph._internal._typing import EMPTY_SEQ
    from langgraph.checkpoint.base import writes_sort_key
    from langgraph.pregel._algo import task_path_str
    from langgraph.pregel._log import logger


def make_apply_writes(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of apply_writes and its switch."""
    live = False
    names = original.__globals__
    sort_key, path_text = names["writes_sort_key"], names["task_path_str"]
    special = frozenset(
        names[name]
        for name in (
            "NO_WRITES",
            "PUSH",
            "RESUME",
            "INTERRUPT",
            "RETURN",
            "ERROR",
            "ERROR_SOURCE_NODE",
        )
    )

    def apply_writes(
        checkpoint: Any, channels: Any, tasks: Any, get_next_version: Any, trigger_to_nodes: Any
    ) -> Any:
        if (
            not live
            or type(channels) is not dict
            or writes_sort_key is not sort_key
            or task_path_str is not path_text
        ):
            return original(checkpoint, channels, tasks, get_next_version, trigger_to_nodes)
        replacement.served += 1
        tasks = [*tasks]
        if len(tasks) > 1:
            tasks.sort(key=lambda task: sort_key(path_text(task.path)))
        bump_step = False
        versions, seen = checkpoint["channel_versions"], checkpoint["versions_seen"]
        for task in tasks:
            triggers = task.triggers
            if triggers:
                bump_step = True
            seen.setdefault(task.name, {}).update(
                {chan: versions[chan] for chan in triggers if chan in versions}
            )
        next_version = None
        if get_next_version is not None:
            next_version = get_next_version(max(versions.values()) if versions else None, None)
        for chan in {
            chan
            for task in tasks
            for chan in task.triggers
            if chan not in RESERVED and chan in channels
        }:
            if channels[chan].consume() and next_version is not None:
                versions[chan] = next_version
        pending: Dict[str, List[Any]] = {}
        for task in tasks:
            for chan, val in task.writes:
                if chan in special:
                    continue
                if chan in pending:
                    pending[chan].append(val)
                elif chan in channels:
                    pending[chan] = [val]
                else:
                    logger.warning(
                        f"Task {task.name} with path {task.path} wrote to unknown channel {chan}, ignoring it."
                    )
        updated = set()
        for chan, vals in pending.items():
            channel = channels[chan]
            if channel.update(vals) and next_version is not None:
                versions[chan] = next_version
                if channel.is_available():
                    updated.add(chan)
        if bump_step:
            for chan, channel in channels.items():
                if (
                    channel.is_available()
                    and chan not in updated
                    and channel.update(EMPTY_SEQ)
                    and next_version is not None
                ):
                    versions[chan] = next_version
                    if channel.is_available():
                        updated.add(chan)
            if updated.isdisjoint(trigger_to_nodes):
                for chan, channel in channels.items():
                    if channel.finish() and next_version is not None:
                        versions[chan] = next_version
                        if channel.is_available():
                            updated.add(chan)
        return updated

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None

    replacement = among(original, apply_writes)
    return replacement, activate
