"""Java in the same process as CPython: boot, builtins, and the patches that use them.

Importing this package starts nothing. A patch package registers its patches; the JVM boots in
the background once the originals have cost this process about what a boot costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from . import _boot, _registry
from ._deepcopy import deepcopy
from ._errors import FastJvmUnavailable
from ._registry import Patch, register

if TYPE_CHECKING:
    from ._status import Status

__version__ = "1.0.0"
__all__ = ["status", "wait_ready", "require", "register", "deepcopy", "Patch", "FastJvmUnavailable"]

_registry.boot = _boot


def status() -> Status:
    """Return what runs and what does not: host, Java, boot times, one row per patch."""
    from . import _status

    return _status.collect()


def wait_ready(timeout: float | None = None) -> bool:
    """Start the boot if need be and wait until every patched patch is live or skipped.

    Returns True when Java is up and nothing is left to wait for; False when the time ran out or
    Java stays away (``status()`` says why).
    """
    return _boot.wait_ready(timeout)


def require(*builtins: str, timeout: float | None = None) -> dict[str, Callable[..., Any]]:
    """Return builtins by their names for a feature that has no original to fall back on.

    Starts the boot if need be and waits until Java is up; raises FastJvmUnavailable, whose text
    names the reason and the cure, where it stays away or the time runs out. Once Java is gone (in
    a forked child, at the end of the process) a builtin answers NotImplemented; ask again then,
    and the reason is raised:

        read = fast_jvm.require("table_read")["table_read"]
    """
    return _boot.require(builtins, timeout)


def fingerprint(function: Any) -> str:
    """Return the hash of a function's or class's code, blind to line numbers, paths and docs."""
    from . import _fingerprint

    return _fingerprint.fingerprint(function)


def unpatch(package: str | None = None) -> None:
    """Put every original back (of one package, or of all), last patch first."""
    _registry.unpatch(package)
