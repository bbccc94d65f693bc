"""Logs in folders: what those of keys and those of batches have in common."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Iterator, Union

from . import _boot, require

OPEN = 0
_LOCK, _UNLOCK, _FORCE, CLOSE = range(6, 10)
_DURABILITIES = ("process", "disk")


class FolderLog:
    """A folder's log that a builtin keeps; raises OSError where a file cannot serve, FastJvmUnavailable without Java.

    ``durability``: what a write survives once it has returned, "process" (kill -9) or "disk" (a loss
    of power). ``segment_bytes``: the size at which the next file is begun.
    """

    def __init__(
        self,
        builtin: str,
        folder: Union[str, os.PathLike[str]],
        durability: str,
        segment_bytes: int,
    ) -> None:
        if durability not in _DURABILITIES:
            raise ValueError(f"durability is one of {_DURABILITIES}, not {durability!r}")
        self._name, self._builtin = builtin, require(builtin)[builtin]
        self.folder = os.path.abspath(os.fspath(folder))
        self.durability = durability
        _boot.logs_opened()
        self._handle: int = self._call(
            OPEN, os.fsencode(self.folder), _DURABILITIES.index(durability), segment_bytes
        )

    def _call(self, *arguments: Any) -> Any:
        """Call the builtin; Java says an error as a str, "errno text"."""
        result = self._builtin(*arguments)
        if result is NotImplemented:
            require(self._name)  # names the reason
            raise OSError(f"{self.folder}: the log cannot be used")
        if type(result) is str:
            errno, _, text = result.partition(" ")
            raise OSError(int(errno), text, self.folder)
        return result

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers, threads and processes, out of a batch."""
        self._call(_LOCK, self._handle)
        try:
            yield
        finally:
            self._call(_UNLOCK, self._handle)

    def force(self) -> None:
        """Have the disk take all that was put."""
        self._call(_FORCE, self._handle)
