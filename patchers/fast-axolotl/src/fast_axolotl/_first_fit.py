"""First fit in order of arrival, in O(n log b): what pack_group does in O(n b).

A tree over the bins but the last holds in each node the most room of the bins below it; the leftmost bin with room for a sample
is found by one walk down, and the change goes up as far as it matters. What fits none of them goes to the last bin, or to a new
one. A bin that has as many samples as it may counts as full. The bins are the original's, since no choice is made differently.

Java does it once it is up, on all groups at once and without the GIL, and makes the lists; Python before that.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional

from fast_jvm import FastJvmUnavailable, require
from fast_jvm._registry import Meter
from fast_jvm._state import state

BUILTIN = "axolotl_first_fit"
LISTS = "axolotl_pack"

#: So many samples cost more in Python than a boot does: they wait for it.
WAIT_FROM = 1_500_000
_BOOT_S = 20.0

#: The Java side takes what fits 32 bits.
LARGEST = 2**31 - 1


class Bins(NamedTuple):
    """Samples in the order of their bins, and where each bin ends."""

    order: Any
    ends: Any

    def lists(self, values: Any) -> List[List[Any]]:
        """Return each bin's list of what an array has for its samples."""
        flat = values[self.order].tolist()
        return self.cut(flat)

    def cut(self, flat: List[Any]) -> List[List[Any]]:
        """Return a list with a list for each bin."""
        ends = self.ends.tolist()
        with collecting_later():
            return [flat[start:end] for start, end in zip([0, *ends], ends)]


@contextmanager
def collecting_later() -> Iterator[None]:
    """Make lists by the thousand, all of them alive: the collector would walk them, and all of torch, several times."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def first_fit(
    lengths: Any, capacity: int, group: int, bin_size: int, meter: Meter, times: int = 1
) -> Bins:
    """Pack an array of int32, none of them below 0, group by group; as many are to be packed so many times."""
    count = len(lengths)
    serve = _java(BUILTIN, count * times)
    if serve is not None:
        import numpy as np

        order, ends = np.empty(count, np.int32), np.empty(count, np.int32)
        arrays = (lengths, order, ends)
        at, order_at, ends_at = (_address(array) for array in arrays)
        made = serve(at, count, min(group, count), capacity, bin_size, order_at, ends_at)
        if made is not NotImplemented:
            return Bins(order, ends[:made].copy())
    started = perf_counter_ns()
    bins = _in_python(lengths, capacity, group, bin_size)
    meter(perf_counter_ns() - started)
    return bins


def first_fit_lists(
    lengths: Any, capacity: int, group: int, bin_size: int
) -> Optional[List[List[int]]]:
    """Have Java pack an array of int32 or int64; None where it is not up, or a length is not within 0 and 31 bits."""
    count = len(lengths)
    serve = _java(LISTS, count)
    if serve is None:
        return None
    group = min(group, count)
    made = serve(_address(lengths), lengths.itemsize, count, group, capacity, bin_size)
    return None if made is NotImplemented else made


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _java(builtin: str, count: int) -> Optional[Callable[..., Any]]:
    """Return a builtin of Java's where it is up, or worth being waited for."""
    found = state.builtins.get(builtin)
    if found is not None:
        function: Callable[..., Any] = found.function
        return function
    if count < WAIT_FROM:
        return None
    try:
        return require(builtin, timeout=_BOOT_S)[builtin]
    except FastJvmUnavailable:
        return None


def _in_python(lengths: Any, capacity: int, group: int, bin_size: int) -> Bins:
    import numpy as np

    order: List[int] = []
    ends: List[int] = []
    for start in range(0, len(lengths), group):
        bins = pack(lengths[start : start + group].tolist(), capacity, bin_size)
        for samples in bins:
            order.extend(samples if not start else [sample + start for sample in samples])
            ends.append(len(order))
    return Bins(np.array(order, np.int32), np.array(ends, np.int32))


def pack(lengths: Iterable[int], capacity: int, bin_size: int) -> List[List[int]]:
    """Pack one group; the bins' lists of places in it."""
    bins: List[List[int]] = []
    width = 1
    room = [-1, -1]  # room[1] is the root, room[width + b] bin b; no bin: no room
    samples: List[int] = []  # the last bin's
    last_room = -1
    for sample, size in enumerate(lengths):
        if room[1] >= size:
            node = 1
            while node < width:
                node += node
                if room[node] < size:
                    node += 1
            found = bins[node - width]
            found.append(sample)
            left = room[node] - size if len(found) < bin_size else -1
        elif last_room >= size:
            samples.append(sample)
            last_room = last_room - size if len(samples) < bin_size else -1
            continue
        else:
            node, left = len(bins) - 1, last_room
            samples = [sample]
            bins.append(samples)
            last_room = capacity - size if bin_size > 1 else -1
            if left < 0:
                continue
            while node >= width:
                room = _wider(room, width)
                width += width
            node += width
        room[node] = left
        while node > 1:
            other = room[node ^ 1]
            if other > left:
                left = other
            node >>= 1
            if room[node] == left:
                break
            room[node] = left
    return bins


def _wider(room: List[int], width: int) -> List[int]:
    """The same tree as the left half of one with twice the leaves."""
    wider = [-1] * (4 * width)
    wider[1] = room[1]
    level = 1
    while level <= width:
        wider[2 * level : 3 * level] = room[level : 2 * level]
        level += level
    return wider


def prepare(builtins: Dict[str, Callable[..., Any]], warm: Callable[..., Any]) -> None:
    """Nothing is made ready: the kernel's first thousand samples compile it."""
