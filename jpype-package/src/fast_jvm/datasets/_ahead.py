"""Rows that come from the disk in any order: the kernel is asked for them before they are read.

A page fault waits for one row, while a disk answers many questions at once as quickly. Where rows are in memory nothing is
asked, which would cost as much as reading them: the process's page faults, looked at now and then, say which of both it is.
"""

from __future__ import annotations

from collections import deque
from typing import Deque, Iterable, Iterator, List, Protocol, Union

from ._format import Array

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

LOOK = 8
"""So many batches lie between two looks at the page faults."""
ASKED = 1024
"""So many batches are asked for until it is found out anew whether that is worth it."""
FAULTS = 8
"""One fault in so many rows, and they come from the disk."""
PIECE, PIECES = 32, 8
"""So many rows are a batch where there is none, and so many of these are asked for ahead."""


def _faults() -> int:
    """How many pages this process waited for, ever."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt if resource is not None else 0


class Pace:
    """Whether a dataset's rows come from the disk."""

    def __init__(self) -> None:
        self._turn = self._rows = self._left = 0
        self._before: Union[int, None] = None

    def asks(self, rows: int) -> bool:
        """Count a batch of rows that is about to be read, and say whether to ask for it."""
        if self._left:
            self._left -= 1
            if not self._left:
                self._before, self._rows, self._turn = _faults(), 0, 0
            return True
        self._turn += 1
        if self._turn == LOOK or self._before is None:
            faults = _faults()
            if self._before is not None and faults - self._before > self._rows // FAULTS:
                self._left = ASKED
            self._before, self._rows, self._turn = faults, 0, 0
        self._rows += rows
        return self._left > 0


class Rows(Protocol):
    """What is read."""

    pace: Pace

    def will_need(self, rows: Array) -> None:
        """Have the kernel read the pages of rows that are read soon."""


def pieces(numbers: Array) -> Iterator[Array]:
    """Yield numbers some at a time."""
    for first in range(0, len(numbers), PIECE):
        yield numbers[first : first + PIECE]


def ahead(rows: Rows, some: Iterable[Array]) -> Iterator[List[int]]:
    """Yield pieces of the numbers of a dataset's rows, which are read as they come; those behind are asked for meanwhile."""
    coming: Deque[Array] = deque()
    asked = False
    for piece in some:
        asks = rows.pace.asks(len(piece))
        if asks:
            for each in [piece] if asked else [*coming, piece]:
                rows.will_need(each)
        asked = asks
        coming.append(piece)
        if len(coming) > PIECES:
            yield coming.popleft().tolist()
    for piece in coming:
        yield piece.tolist()
