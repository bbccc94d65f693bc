"""The errors of this package."""

from __future__ import annotations


class FastJvmUnavailable(RuntimeError):
    """Java cannot be used in this process; the message says why."""
