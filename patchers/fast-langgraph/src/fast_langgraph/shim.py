"""The patches by the names of the Rust package: patch_langgraph, unpatch_langgraph, print_status.

Importing fast_langgraph patches already, so ``patch_langgraph()`` is needed after
``unpatch_langgraph()``, or where ``FAST_LANGGRAPH_AUTO_PATCH`` is 0.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any, Dict

import fast_jvm
from fast_jvm import _registry

from ._patches import PATCHES

PACKAGE = "fast_langgraph"
_IN_PLACE = ("patched", "warming", "live")


def _states() -> Dict[str, str]:
    return {
        patch.name: patch.state
        for patch in fast_jvm.status().patches
        if patch.name.startswith("langgraph.")
    }


def patch_langgraph(verbose: bool = True) -> bool:
    """Put the patches in place, importing what they patch; say whether at least one is."""
    fast_jvm.register(PATCHES)
    for patch in PATCHES:
        with contextlib.suppress(ImportError):
            importlib.import_module(patch.target.partition(":")[0])
    _registry.place_late()
    if verbose:
        print_status()
    return is_patched()


def unpatch_langgraph(verbose: bool = True) -> bool:
    """Put the originals back; say whether none of the patches is in place any more."""
    fast_jvm.unpatch(PACKAGE)
    if verbose:
        print_status()
    return not is_patched()


def is_patched() -> bool:
    """Say whether at least one patch is in place."""
    return any(state in _IN_PLACE for state in _states().values())


def is_func_patched(module_name: str, func_name: str) -> bool:
    """Say whether a function, "Class.method" or "function", of a module is patched."""
    states = _states()
    target = f"{module_name}:{func_name}"
    return any(patch.target == target and states.get(patch.name) in _IN_PLACE for patch in PATCHES)


def get_patch_status() -> Dict[str, Any]:
    """Return what is patched ("automatic"), what else can be used ("manual"), and a summary."""
    states = _states()
    automatic = {
        patch.name.partition(".")[2]: states.get(patch.name) in _IN_PLACE for patch in PATCHES
    }
    status = fast_jvm.status()
    java = status.phase not in ("off", "failed")
    manual = {
        "ChronicleSaver": java,
        "CaffeineCache": java,
        "cached": True,
        "langgraph_state_update": True,
    }
    count = sum(automatic.values())
    summary = f"{count} of {len(automatic)} functions patched; {status.headline()}"
    return {"automatic": automatic, "manual": manual, "summary": summary}


def print_status() -> None:
    """Print what is patched, and what Java does."""
    print(fast_jvm.status())
    print(get_patch_status()["summary"])
