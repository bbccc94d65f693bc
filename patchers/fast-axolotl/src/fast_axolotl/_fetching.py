"""A packed batch from a prepared dataset into tensors, with no Python list in between.

The original's fetch makes lists of Arrow's rows, a dict for each, and its collator arrays, lists and tensors of them: seven
milliseconds for 4096 tokens. Arrow's memory is an array already; a batch is one copy of its stretches into int64, in plain
Python: numpy's concatenate does it, and there is no loop over tokens that Java could take over.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._padding import padding_of

_COLUMNS = frozenset({"input_ids", "labels", "attention_mask", "position_ids"})


def make_fetch(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _MapDatasetFetcher.fetch and its switch."""
    serving = Serving("axolotl.fetch")

    def fetch(self: Any, possibly_batched_index: Any) -> Any:
        if serving:
            batch = _batch(self, possibly_batched_index)
            if batch is not None:
                replacement.served += 1
                return batch
            replacement.declined += 1
        return original(self, possibly_batched_index)

    replacement: Any = fetch
    return finish(replacement, serving)


class _Source:
    """A dataset's columns, those that a collator may have: stretches of Arrow's memory."""

    def __init__(self, dataset: Any, packed: bool) -> None:
        self.packed = packed
        self.count = len(dataset)
        self._indices, self._firsts = [], [0]
        if dataset._indices is not None:
            self._indices = [chunk.to_numpy() for chunk in dataset._indices.column(0).chunks]
            self._firsts = _firsts(self._indices)
        self._columns = {
            name: _chunks(dataset.data.column(name))
            for name in dataset.column_names
            if name != "length"
        }
        firsts = [_firsts(chunks) for chunks in self._columns.values()]
        self._starts = firsts[0]
        self.even = all(other == self._starts for other in firsts)
        self._views: Dict[str, Dict[int, Tuple[Any, Any]]] = {name: {} for name in self._columns}

    def places(self, rows: List[int]) -> List[Tuple[int, int]]:
        """Return the chunk that each row lies in, and where in it."""
        if self._indices:
            chunks = [bisect_right(self._firsts, row) - 1 for row in rows]
            rows = [
                int(self._indices[chunk][row - self._firsts[chunk]])
                for chunk, row in zip(chunks, rows)
            ]
        starts = self._starts
        chunks = [bisect_right(starts, row) - 1 for row in rows]
        return [(chunk, row - starts[chunk]) for chunk, row in zip(chunks, rows)]

    def parts(self, places: List[Tuple[int, int]]) -> Iterator[Tuple[str, List[Any], List[int]]]:
        """Yield for each column its name, the rows' values, views of the table, and how many these are."""
        for name, views in self._views.items():
            parts, sizes = [], []
            for chunk, at in places:
                view = views.get(chunk)
                if view is None:
                    found = self._columns[name][chunk]
                    view = memoryview(found.offsets.to_numpy()), found.values.to_numpy()
                    views[chunk] = view
                start, end = view[0][at], view[0][at + 1]
                parts.append(view[1][start:end])
                sizes.append(end - start)
            yield name, parts, sizes


def _chunks(column: Any) -> List[Any]:
    return [chunk for chunk in column.chunks if len(chunk)]


def _firsts(chunks: List[Any]) -> List[int]:
    """Return the number of each chunk's first row."""
    return [0, *accumulate(map(len, chunks))][:-1]


def _source(fetcher: Any) -> Optional[_Source]:
    """Return what the fetcher's dataset has in memory, kept with it; None where the original has to fetch."""
    from axolotl.utils.collators.batching import (
        BatchSamplerDataCollatorForSeq2Seq,
        DataCollatorForSeq2Seq,
        V2BatchSamplerDataCollatorForSeq2Seq,
    )

    kind = type(fetcher.collate_fn)
    packed = kind in (BatchSamplerDataCollatorForSeq2Seq, V2BatchSamplerDataCollatorForSeq2Seq)
    if not (packed or kind is DataCollatorForSeq2Seq) or not fetcher.auto_collation:
        return None
    dataset = fetcher.dataset
    if not _known(dataset, packed):
        return None
    source = _Source(dataset, packed)
    return source if source.even else None


def _known(dataset: Any, packed: bool) -> bool:
    import datasets
    import pyarrow.types as types

    if type(dataset) is not datasets.Dataset or "__getitem__" in vars(dataset):
        return False
    names = dataset.column_names
    shown = dataset.format
    if shown["type"] is not None or shown["columns"] != names or not len(dataset):
        return False
    if "input_ids" not in names or set(names) - _COLUMNS - ({"length"} if packed else set()):
        return False
    lists = (
        datasets.Sequence if isinstance(datasets.Sequence, type) else None,
        getattr(datasets, "List", None),
        getattr(datasets, "LargeList", None),
    )
    for name in set(names) - {"length"}:
        feature, column = dataset.features[name], dataset.data.column(name)
        if type(feature) not in lists or type(feature.feature) is not datasets.Value:
            return False
        if not (types.is_list(column.type) or types.is_large_list(column.type)):
            return False
        kind = column.type.value_type
        if not types.is_integer(kind) or types.is_uint64(kind) or column.null_count:
            return False
        if any(chunk.values.null_count for chunk in column.chunks):
            return False
    return True


def _batch(fetcher: Any, index: Any) -> Optional[Any]:
    """Return what the collator returns for the rows of an index, or None."""
    known = vars(fetcher).get("_fast_axolotl")
    shown = (
        getattr(fetcher.dataset, "_format_type", None),
        getattr(fetcher.dataset, "_format_columns", None),
    )
    if (
        known is None
        or known[0] is not fetcher.dataset
        or known[1] is not fetcher.collate_fn
        or known[2] != shown
    ):
        known = fetcher.dataset, fetcher.collate_fn, shown, _source(fetcher)
        fetcher._fast_axolotl = known
    source: Optional[_Source] = known[3]
    if source is None or type(index) is not list or not index:
        return None
    packed = source.packed
    if type(index[0]) is list:
        bins: List[List[int]] = index
        if not packed:
            return None
    else:
        bins = [index] if packed else [[number] for number in index]
    for bin in bins:
        if type(bin) is not list or not bin:
            return None
        for number in bin:
            if type(number) is not int or not 0 <= number < source.count:
                return None
    padding = padding_of(fetcher.collate_fn)
    return None if padding is None else _laid(source, bins, fetcher.collate_fn, padding)


def _laid(source: _Source, bins: List[List[int]], collator: Any, padding: Any) -> Optional[Any]:
    import numpy as np
    import torch
    from transformers import BatchEncoding

    squashed = getattr(collator, "squash_position_ids", None)  # the second version's alone
    bins_parts = [list(source.parts(source.places(bin))) for bin in bins]
    counts = []
    for columns in bins_parts:
        sizes = columns[0][2]
        # of nothing the original makes floats
        if 0 in sizes or any(other != sizes for _, _, other in columns):
            return None
        counts.append(sum(sizes))
    width = padding.width(max(counts))
    found: Dict[str, Any] = {}
    for number, (name, _, sizes) in enumerate(bins_parts[0]):
        found[name] = torch.empty((len(bins), width), dtype=torch.int64)
        for row, columns, count in zip(found[name].numpy(), bins_parts, counts):
            _, parts, sizes = columns[number]
            if squashed and name == "position_ids":
                parts = [np.arange(count)]
            laid = padding.fill(name, row, parts, count)
            if squashed is not None and name == "attention_mask":
                laid *= np.repeat(np.arange(1, len(sizes) + 1), sizes)
    return BatchEncoding(found)
