"""First fit in order of arrival, in O(n log b): what pack_group does in O(n b).

A tree over the bins holds in each node the most room of the bins below it; the leftmost bin with room for a sample is found
by one walk down, and the change goes up as far as it matters. A bin that has as many samples as it may counts as full. The
bins are the original's, since no choice is made differently.

Java does it for samples by the thousand, once it is up, on all groups at once and without the GIL; Python before that.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional

from fast_jvm import FastJvmUnavailable, require
from fast_jvm._registry import Meter
from fast_jvm._state import state

BUILTIN = "axolotl_first_fit"

#: From here on the way into Java pays.
JAVA_FROM = 64

#: So many samples cost more in Python than a boot does: they wait for it.
WAIT_FROM = 400_000
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
        return [flat[start:end] for start, end in zip([0, *ends], ends)]


def first_fit(
    lengths: Any, capacity: int, group: int, bin_size: int, meter: Meter, times: int = 1
) -> Bins:
    """Pack an array of int32, none of them below 0, group by group; as many are to be packed so many times."""
    count = len(lengths)
    serve = _java(count * times) if count >= JAVA_FROM else None
    if serve is not None:
        import numpy as np

        order, ends = np.empty(count, np.int32), np.empty(count, np.int32)
        arrays = (lengths, order, ends)
        at, order_at, ends_at = (array.__array_interface__["data"][0] for array in arrays)
        made = serve(at, count, min(group, count), capacity, bin_size, order_at, ends_at)
        if made is not NotImplemented:
            return Bins(order, ends[:made].copy())
    started = perf_counter_ns()
    bins = _in_python(lengths, capacity, group, bin_size)
    meter(perf_counter_ns() - started)
    return bins


def _java(count: int) -> Optional[Callable[..., Any]]:
    """Return Java's builtin where it is up, or worth being waited for."""
    found = state.builtins.get(BUILTIN)
    if found is not None:
        function: Callable[..., Any] = found.function
        return function
    if count < WAIT_FROM:
        return None
    try:
        return require(BUILTIN, timeout=_BOOT_S)[BUILTIN]
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
    for sample, size in enumerate(lengths):
        if room[1] >= size:
            node = 1
            while node < width:
                node += node
                if room[node] < size:
                    node += 1
            samples = bins[node - width]
            samples.append(sample)
            left = room[node] - size if len(samples) < bin_size else -1
        else:
            if len(bins) == width:
                room = _wider(room, width)
                width += width
            node = width + len(bins)
            bins.append([sample])
            left = capacity - size if bin_size > 1 else -1
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
