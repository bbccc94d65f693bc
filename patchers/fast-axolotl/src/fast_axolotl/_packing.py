"""MultipackBatchSampler's packing: the original's bins, batches, statistics and draws of its sampler.

A RandomSampler draws another order each time, so what ten calls of generate_batches return can't be kept from one to the
next. They are made cheap instead: no process pool, no numba to compile in each of its children, lists only where somebody gets
them, and no gc.collect() for garbage that is not made (0.4 s each, with torch and transformers loaded). For the calls of one
``len()`` over samples in their own order, whose answer is the same, one is enough.
"""

from __future__ import annotations

import sys
import time
from multiprocessing import get_all_start_methods
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from fast_jvm import fingerprint
from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._first_fit import LARGEST, Bins, collecting_later, first_fit, first_fit_lists

_MODULE = "axolotl.utils.samplers.multipack"

#: With fewer bins a pack_group that numba has compiled is quicker than Python's tree.
_FEW_BINS = 3000

#: Up to so many samples it is quicker than a call of Java; up to more of them where a bin holds many.
_FEW, _FEW_OF_LARGE, _LARGE = 300, 1500, 8192

#: What _known_way looked at last, and found as it was studied; the pack_group that _compiled found compiled.
_ways: List[Any] = []
_compiled_ones: List[Any] = []

_START_METHODS = (None, "", *get_all_start_methods())


def _whole(*numbers: Any) -> bool:
    """Say whether all are ints from 1 on that Java can take."""
    for number in numbers:  # a generator costs more than small packings do
        if type(number) is not int or not 0 < number <= LARGEST:
            return False
    return True


def _known_lengths(lengths: Any) -> Optional[Any]:
    """Return lengths as an array of int32; None where that would change them, or one is below 0."""
    import numpy as np

    if type(lengths) is not np.ndarray or lengths.ndim != 1 or lengths.dtype.kind != "i":
        return None
    if not len(lengths):
        return lengths.astype(np.int32)
    if lengths.min() < 0 or len(lengths) > LARGEST:
        return None
    if lengths.dtype != np.int32 and lengths.max() > LARGEST:
        return None
    return np.ascontiguousarray(lengths, np.int32)


def _untouched(*functions: Tuple[str, str]) -> bool:
    """Say whether what the originals call is what was studied, and no one's stand-in."""
    module = sys.modules.get(_MODULE)
    for name, python in functions:
        function: Any = getattr(module, name, None)
        function = getattr(function, "py_func", function)
        function = getattr(function, "__wrapped__", function)
        if getattr(function, "__module__", None) != _MODULE or function.__name__ != python:
            return False
    return True


def _compiled() -> bool:
    """Say whether numba has compiled pack_group in this process, or somebody replaced it."""
    pack_group = getattr(sys.modules[_MODULE], "pack_group", None)
    if _compiled_ones and _compiled_ones[0] is pack_group:
        return True
    if not getattr(pack_group, "signatures", True):
        return False
    _compiled_ones[:] = [pack_group]
    return True


def make_pack_parallel(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of pack_parallel and its switch."""
    serving = Serving("axolotl.pack_parallel")

    def pack_parallel(
        sequence_lengths: Any,
        bin_capacity: Any,
        group_size: Any,
        bin_size: Any,
        num_processes: Any = None,
        safe_mode: Any = True,
        mp_start_method: Any = "fork",
    ) -> Any:
        if serving.live or serving:
            bins = _parallel(
                sequence_lengths, bin_capacity, group_size, bin_size, num_processes, mp_start_method, meter
            )  # fmt: skip
            if bins is not None:
                replacement.served += 1
                return bins
        replacement.declined += 1
        return original(
            sequence_lengths,
            bin_capacity,
            group_size,
            bin_size,
            num_processes,
            safe_mode,
            mp_start_method,
        )

    replacement: Any = pack_parallel
    return finish(replacement, serving)


def _parallel(
    sequence_lengths: Any,
    capacity: Any,
    group: Any,
    bin_size: Any,
    processes: Any,
    start_method: Any,
    meter: Meter,
) -> Optional[List[List[int]]]:
    if not _whole(capacity, group, bin_size) or not _known_way(processes, start_method):
        return None
    module: Any = sys.modules[_MODULE]
    if processes is None:
        processes = max(1, min(len(sequence_lengths) // group, module.cpu_count(), 16))
    if processes == 1 and _few(sequence_lengths, capacity) and _compiled():
        return None
    bins = None
    if _flat(sequence_lengths):
        bins = first_fit_lists(sequence_lengths, capacity, group, bin_size)
    if bins is None:
        lengths = _known_lengths(sequence_lengths)
        if lengths is None:
            return None
        expected = float(lengths[:group].sum(dtype=float)) / capacity
        if processes == 1 and expected < _FEW_BINS and _compiled():
            return None
        found = first_fit(lengths, capacity, group, bin_size, meter)
        bins = found.cut(found.order.tolist())
    if processes == 1:
        module.LOG.debug("Using single process for pack_parallel, running sequentially.")
    return bins


def _few(lengths: Any, capacity: int) -> bool:
    return len(lengths) <= (_FEW if capacity < _LARGE else _FEW_OF_LARGE)


def _flat(lengths: Any) -> bool:
    """Say whether Java can read lengths where they lie."""
    if type(lengths) is not sys.modules["numpy"].ndarray or lengths.ndim != 1:
        return False
    kind = lengths.dtype
    return bool(
        kind.kind == "i"
        and kind.itemsize >= 4
        and kind.isnative
        and lengths.flags.c_contiguous
        and len(lengths) <= LARGEST
    )


def _known_way(processes: Any, start_method: Any) -> bool:
    """Say whether the original would start its processes, and with no warning."""
    module: Any = sys.modules[_MODULE]
    if _ways != [module._process_group, module.pack_group]:
        if not _untouched(("_process_group", "_process_group"), ("pack_group", "pack_group")):
            return False
        _ways[:] = [module._process_group, module.pack_group]
    return (processes is None or _whole(processes)) and start_method in _START_METHODS


class _Packed(NamedTuple):
    """What one call of generate_batches found, its lists not made yet."""

    indices: Any
    bins: Bins
    total_used: Any
    total_slots: Any
    first_dropped: int

    def batches(self, size: int) -> List[List[List[Any]]]:
        """The lists: batches of bins of what the sampler gave."""
        last = int(self.bins.ends[self.first_dropped - 1]) if self.first_dropped else 0
        kept = Bins(self.bins.order[:last], self.bins.ends[: self.first_dropped])
        if type(self.indices) is list:
            flat = [self.indices[place] for place in kept.order.tolist()]
        else:
            flat = self.indices[kept.order].tolist()
        bins = kept.cut(flat)
        with collecting_later():
            return [bins[start : start + size] for start in range(0, len(bins), size)]


def _can_pack(sampler: Any) -> bool:
    """Say whether a sampler is as the original's constructor made it; asked before its own sampler is."""
    import numpy as np

    capacity, group, bin_size = sampler.batch_max_len, sampler.group_size, sampler.bin_size
    if not _whole(capacity, sampler.batch_size) or type(sampler.drop_last) is not bool:
        return False
    if type(sampler.lengths) is not np.ndarray or sampler.lengths.dtype != np.int32:
        return False
    if _known_lengths(sampler.lengths) is None:
        return False
    if sampler.sequential:
        return _untouched(("allocate_sequentially", "allocate_sequentially"))
    processes = sampler.num_processes or 1
    return (
        _untouched(("pack_parallel", "pack_parallel"))
        and _whole(group, bin_size or capacity)
        and _known_way(processes, sampler.mp_start_method)
    )


def _pack(sampler: Any, meter: Meter, indices: Optional[Any] = None, times: int = 1) -> _Packed:
    """Draw, and pack what was drawn: one of so many times."""
    import numpy as np

    if indices is None:
        indices = _permutation(sampler.sampler)
    if indices is None:
        indices = list(sampler.sampler)
    lengths = sampler.lengths[indices]
    capacity: int = sampler.batch_max_len
    if sampler.sequential:
        bins = _in_a_row(lengths, capacity)
        total_used: Any = int(lengths.sum(dtype=np.int64))
        total_slots = len(bins.ends) * capacity
    else:
        module: Any = sys.modules[_MODULE]
        if min(4, sampler.num_processes or 1) == 1:
            module.LOG.debug("Using single process for pack_parallel, running sequentially.")
        bins = first_fit(
            np.ascontiguousarray(lengths),
            capacity,
            sampler.group_size,
            sampler.bin_size or capacity,
            meter,
            times,
        )
        total_used = lengths.sum()
        total_slots = len(bins.ends) * capacity
    found, size = len(bins.ends), sampler.batch_size
    kept = found - found % size if sampler.drop_last else found
    if kept < found:
        total_slots -= (found - kept) * capacity
        dropped = bins.order[bins.ends[kept - 1] if kept else 0 :]
        total_used -= _added(lengths[dropped])
    return _Packed(indices, bins, total_used, total_slots, kept)


#: RandomSampler.__iter__ whose draws _permutation makes.
_DRAWS = frozenset({"04ef4de1c8b4d6cf"})
_seen: List[Any] = []


def _permutation(sampler: Any) -> Optional[Any]:
    """Draw what a RandomSampler would, as an array; None, and nothing drawn, for other samplers."""
    import torch
    from torch.utils.data import RandomSampler

    if type(sampler) is not RandomSampler or sampler.replacement:
        return None
    if not _seen:
        _seen.append(RandomSampler.__iter__ if fingerprint(RandomSampler.__iter__) in _DRAWS else 0)
    count = len(sampler.data_source)
    if RandomSampler.__iter__ is not _seen[0] or not count or sampler.num_samples != count:
        return None
    generator: Any = sampler.generator
    if generator is None:
        seed = int(torch.empty((), dtype=torch.int64).random_().item())
        generator = torch.Generator()
        generator.manual_seed(seed)
    order = torch.randperm(count, generator=generator)
    if sampler.generator is not None:
        torch.randperm(count, generator=generator)  # it draws for a rest that is empty
    return order.cpu().numpy()


def _added(lengths: Any) -> Any:
    """Add up as Python's sum() does: int32 it stays."""
    total = int(lengths.sum(dtype="int64"))
    return lengths.dtype.type(total) if total <= LARGEST else sum(lengths)


def _in_a_row(lengths: Any, capacity: int) -> Bins:
    """Bins of neighbours: allocate_sequentially's, for one rank."""
    import bisect

    import numpy as np

    until = np.cumsum(lengths, dtype=np.int64).tolist()
    ends: List[int] = []
    start, before = 0, 0
    while start < len(until):
        start = max(bisect.bisect_right(until, before + capacity, start), start + 1)
        before = until[start - 1]
        ends.append(start)
    return Bins(np.arange(len(until), dtype=np.int32), np.array(ends, np.int32))


def make_generate_batches(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of MultipackBatchSampler.generate_batches and its switch."""
    serving = Serving("axolotl.generate_batches")

    def generate_batches(self: Any, set_stats: Any = False) -> Any:
        if self._batches is not None:
            return self._batches
        if not serving or not _can_pack(self):
            replacement.declined += 1
            return original(self, set_stats)
        replacement.served += 1
        packed = _pack(self, meter)
        batches = packed.batches(self.batch_size)
        if set_stats:
            self.total_tokens_used += packed.total_used
            self.total_token_slots += packed.total_slots
        self._batches = batches
        return batches

    replacement: Any = generate_batches
    return finish(replacement, serving)


def make_len(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of MultipackBatchSampler.__len__ and its switch."""
    serving = Serving("axolotl.sampler_len")

    def __len__(self: Any) -> Any:
        if self._len_across_ranks is not None and self._batches is not None:
            return self._len_across_ranks
        if (
            not serving
            or not _ours(type(self))
            or vars(self).get("generate_batches") is not None
            or not _whole(self.num_count_samples)
            or not _can_pack(self)
        ):
            replacement.declined += 1
            return original(self)
        replacement.served += 1
        return _count(self, meter)

    replacement: Any = __len__
    return finish(replacement, serving)


def _ours(kind: type) -> bool:
    """Say whether a class's generate_batches is that which _pack stands for."""
    import fast_jvm._registry as registry

    return registry.ready("axolotl.generate_batches") and any(
        entry.replacement is kind.generate_batches  # type: ignore[attr-defined]
        for entry in registry.entries()
        if entry.patch.name == "axolotl.generate_batches"
    )


def _count(sampler: Any, meter: Meter) -> Any:
    """The original's __len__, with lists made for the last of its calls alone: the others' are thrown away."""
    from torch.utils.data import SequentialSampler

    module: Any = sys.modules[_MODULE]
    in_order: Optional[_Packed] = None
    times = 1 + sampler.num_count_samples

    def packed() -> _Packed:
        nonlocal in_order
        if type(sampler.sampler) is not SequentialSampler:
            return _pack(sampler, meter, times=times)
        indices = list(sampler.sampler)
        if in_order is None or len(indices) != len(in_order.indices):
            in_order = _pack(sampler, meter, indices)
        return in_order

    first = None
    if sampler._batches is None:
        first = packed()
        sampler.total_tokens_used += first.total_used
        sampler.total_token_slots += first.total_slots
        if sampler._len_across_ranks is not None:
            sampler._batches = first.batches(sampler.batch_size)
    if sampler._len_across_ranks is None:
        sampled = []
        last = None
        for _ in range(sampler.num_count_samples):
            sampler._batches = None
            started = time.time()
            last = packed()
            sampled.append(-(-last.first_dropped // sampler.batch_size))
            module.LOG.debug(f"generate_batches time: {time.time() - started}")
        assert last is not None
        sampler._batches = last.batches(sampler.batch_size)
        sampler._len_across_ranks = sampler.gather_len_batches(min(sampled))
    return sampler._len_across_ranks
