"""What the Rust package of this name calls ``health_check`` and ``get_performance_stats``, about our patches."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from fast_jvm import _registry
from fast_jvm._state import state

_PACKAGE = "fast_litellm"


def _entries() -> List[Any]:
    return [entry for entry in _registry.entries() if entry.patch.package == _PACKAGE]


def health_check() -> Dict[str, Any]:
    """Return whether the patches serve, each with its state and, where it does not serve, the reason."""
    components = {
        entry.patch.name: {"status": entry.state, "reason": str(entry.reason)}
        for entry in _entries()
    }
    return {
        "status": "ok",
        "overall_healthy": not any(one["status"] == "skipped" for one in components.values()),
        "components": components,
    }


def get_performance_stats(component: Optional[str] = None) -> Dict[str, Any]:
    """Return calls, and how many of them were left to the original, by patch; or those of one patch."""
    stats: Dict[str, Any] = {}
    for entry in _entries():
        served = getattr(entry.replacement, "served", 0)
        declined = getattr(entry.replacement, "declined", 0)
        for name in entry.patch.builtins:
            builtin = state.builtins.get(name)
            if builtin is not None:
                calls, declines, _ = builtin.counters
                served += calls - declines
                declined += declines
        stats[entry.patch.name] = {
            "served": served,
            "declined": declined,
            "original_calls": entry.original_calls,
            "original_seconds": entry.original_ns / 1e9,
        }
    return stats if component is None else stats.get(component, {})
