"""The names of the Rust package: ``import fast_crewai.shim``, enable_acceleration, disable_acceleration.

Importing fast_crewai patches already, so ``enable_acceleration()`` is needed after ``disable_acceleration()``, or where
``FAST_CREWAI_ACCELERATION`` is 0.
"""

from __future__ import annotations

import fast_jvm

from ._patches import PATCHES

_IN_PLACE = ("patched", "warming", "live")


def enable_acceleration(verbose: bool = False) -> bool:
    """Put the patches in place, those of modules not yet imported at their import; say whether any is in place or waits."""
    fast_jvm.register(PATCHES)
    if verbose:
        print(fast_jvm.status())
    return any(state in (*_IN_PLACE, "waiting") for state in _states())


def disable_acceleration() -> bool:
    """Put the originals back; say whether none of the patches is in place any more."""
    fast_jvm.unpatch("fast_crewai")
    return not any(state in _IN_PLACE for state in _states())


def _states() -> list[str]:
    names = {patch.name for patch in PATCHES}
    return [patch.state for patch in fast_jvm.status().patches if patch.name in names]
