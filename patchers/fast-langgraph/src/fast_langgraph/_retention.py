"""Which checkpoints a ChronicleSaver keeps: the last of each thread and namespace, or those of an age."""

from __future__ import annotations

import datetime
import operator
import uuid
from collections import OrderedDict
from typing import Any, Callable, Sequence, Tuple, Union

Place = Tuple[str, str]

#: a place is looked through after so many puts, or after half of what it keeps if that is more
_FEWEST_PUTS = 8
#: so many places' counts are remembered; one that is forgotten is looked through at its next put
_PLACES = 10_000
#: of a UUID's time, 100 ns since the Gregorian calendar began, at 1970
_EPOCH = 0x01B21DD213814000


def made_at(id_: str) -> Union[datetime.datetime, None]:
    """Return the time in a checkpoint's id: LangGraph's are UUIDs of version 6; None for others."""
    try:
        number = uuid.UUID(id_).int
    except ValueError:
        return None
    if number >> 76 & 0xF != 6:
        return None
    ticks = (number >> 96) << 28 | (number >> 80 & 0xFFFF) << 12 | number >> 64 & 0xFFF
    try:
        return datetime.datetime.fromtimestamp(0, datetime.timezone.utc) + datetime.timedelta(
            microseconds=(ticks - _EPOCH) // 10
        )
    except OverflowError:
        return None


def said_at(ts: Any) -> Union[datetime.datetime, None]:
    """Return the time of a checkpoint's ``ts``; None where that is no time."""
    try:
        time = datetime.datetime.fromisoformat(str(ts).replace("Z", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc)


class Retention:
    """What is kept; and when a place, a thread and namespace, is to be looked through."""

    def __init__(
        self, keep_last: Union[int, None], keep_for: Union[datetime.timedelta, None]
    ) -> None:
        if keep_last is not None:
            keep_last = operator.index(keep_last)
            if keep_last < 1:
                raise ValueError(f"keep_last is 1 or more, not {keep_last}")
        if keep_for is not None:
            if not isinstance(keep_for, datetime.timedelta):
                raise TypeError(f"keep_for is a datetime.timedelta, not {type(keep_for).__name__}")
            if keep_for <= datetime.timedelta():
                raise ValueError(f"keep_for is longer than nothing, not {keep_for}")
        self.keep_last = keep_last
        self.keep_for = keep_for
        self._left: OrderedDict[Place, int] = OrderedDict()

    @property
    def active(self) -> bool:
        """Whether anything is ever removed."""
        return self.keep_last is not None or self.keep_for is not None

    def due(self, place: Place) -> bool:
        """Count a put; say whether its place is to be looked through now."""
        left = self._left.get(place, 0) - 1
        if left < 0:
            return True
        self._left[place] = left
        return False

    def looked(self, place: Place, kept: int) -> None:
        """Note that a place was looked through."""
        self._left[place] = max(_FEWEST_PUTS, kept // 2) - 1
        self._left.move_to_end(place)
        while len(self._left) > _PLACES:
            self._left.popitem(last=False)

    def kept(
        self,
        ids: Sequence[str],
        time: Callable[[str], Union[datetime.datetime, None]],
    ) -> set[str]:
        """Return those of a place's ids that are kept; ``time`` is asked where an id has none."""
        newest = sorted(ids, reverse=True)
        if self.keep_last is not None:
            newest = newest[: self.keep_last]
        if self.keep_for is None:
            return {*newest}
        end = datetime.datetime.now(datetime.timezone.utc) - self.keep_for
        kept = set()
        for id_ in newest:
            at = made_at(id_) or time(id_)
            if at is None or at >= end:
                kept.add(id_)
        return kept
