"""Iterables that stand in a streaming dataset in place of datasets' own, or before one; what was not asked of them they pass on.

Their place in the stream is the state of what is below them: a state that was saved with the originals is theirs, and the
other way round.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Iterator, List

from datasets.iterable_dataset import BufferShuffledExamplesIterable, _BaseExamplesIterable

from ._spool import Spool


class Shuffled(BufferShuffledExamplesIterable):
    """datasets' shuffle buffer, with the rows on disk: the same draws, the same order."""

    def __iter__(self) -> Iterator[Any]:
        return self._shuffled(self.ex_iterable)

    def _iter_arrow(self) -> Iterator[Any]:
        return self._shuffled(self.ex_iterable.iter_arrow())

    def _shuffled(self, rows: Any) -> Iterator[Any]:
        rng = deepcopy(self.generator)
        numbers = self._iter_random_indices(rng, self.buffer_size)
        spool = Spool()
        kept: List[Any] = []
        for row in rows:
            if len(kept) == self.buffer_size:
                number = next(numbers)
                yield spool.take(kept[number])
                kept[number] = spool.put(row)
            else:
                kept.append(spool.put(row))
        rng.shuffle(kept)
        for row in kept:
            yield spool.take(row)

    def shift_rngs(self, value: int) -> Any:
        return shuffled(super().shift_rngs(value))

    def shuffle_data_sources(self, *args: Any, **more: Any) -> Any:
        return shuffled(super().shuffle_data_sources(*args, **more))

    def shard_data_sources(self, *args: Any, **more: Any) -> Any:
        return shuffled(super().shard_data_sources(*args, **more))

    def reshard_data_sources(self, *args: Any, **more: Any) -> Any:
        return shuffled(super().reshard_data_sources(*args, **more))


def shuffled(original: BufferShuffledExamplesIterable) -> Shuffled:
    """Return one of ours for one of datasets'."""
    return Shuffled(original.ex_iterable, original.buffer_size, original.generator)


class Windowed(_BaseExamplesIterable):
    """Examples on their way to a batched map: their tokens stay in a window, and what goes on is the window."""

    def __init__(self, ex_iterable: Any, plan: Any) -> None:
        super().__init__()
        self.ex_iterable = ex_iterable
        self.plan = plan

    def __iter__(self) -> Iterator[Any]:
        window: Any = None
        for key, example in self.ex_iterable:
            if window is None or window.closed:
                window = self.plan.window()
            yield key, window.add(example)

    def _init_state_dict(self) -> Any:
        self._state_dict = self.ex_iterable._init_state_dict()
        return self._state_dict

    def shuffle_data_sources(self, *args: Any, **more: Any) -> Any:
        return Windowed(self.ex_iterable.shuffle_data_sources(*args, **more), self.plan)

    def shard_data_sources(self, *args: Any, **more: Any) -> Any:
        return Windowed(self.ex_iterable.shard_data_sources(*args, **more), self.plan)

    def reshard_data_sources(self, *args: Any, **more: Any) -> Any:
        return Windowed(self.ex_iterable.reshard_data_sources(*args, **more), self.plan)

    @property
    def num_shards(self) -> int:
        count: int = self.ex_iterable.num_shards
        return count
