"""The errors of this package."""

from __future__ import annotations

from ._reasons import Reason


class FastJvmUnavailable(RuntimeError):
    """Java cannot be used in this process; the message says why, and what helps."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = Reason(reason)

    @property
    def cure(self) -> str:
        """Say what helps."""
        return self.reason.cure

    def __str__(self) -> str:
        return f"{self.reason}. Cure: {self.cure}"
