"""Datasets for torch's DataLoader: tensors that are views of the files, and an order that is gone on with.

Needs torch. ``Dataset.with_format("torch")`` alone serves a DataLoader too; these are for what asks for torch's own
classes, and for training that is stopped in the middle of an epoch.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Sequence, Union

import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset as TorchIterable
from torch.utils.data import get_worker_info

from ._ahead import ahead, pieces
from ._dataset import Dataset
from ._format import Array
from ._permutation import Permutation

AT_ONCE = 4096
"""So many rows' places in the order are found at once."""

__all__ = ["IterableDataset", "MapDataset"]


class MapDataset(TorchDataset):
    """Rows by their number, as tensors: a ``torch.utils.data.Dataset``.

    What resumes it is its sampler: torchdata's ``StatefulDataLoader`` does that.
    """

    def __init__(self, rows: Dataset) -> None:
        self.rows = rows.with_format("torch")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Dict[str, Any]:
        """Return a row."""
        found: Dict[str, Any] = self.rows[row]
        return found

    def __getitems__(self, rows: Sequence[int]) -> List[Dict[str, Any]]:
        """Return the rows of a batch."""
        return self.rows.__getitems__(rows)


class IterableDataset(TorchIterable):
    """A rank's rows in an order that seed and epoch decide, whatever the number of workers; an exact way back into it.

    ``seed``: with the epoch it decides the order, which takes no memory; None keeps the rows' own.
    ``batch_size``: the DataLoader's. With it the workers' batches come in the order of one process, and a run may be
    resumed with another number of workers.

    ``state_dict(seen)`` with a plain DataLoader: ``seen`` rows were taken from it since this epoch began, or since
    ``load_state_dict``. Without workers nothing need be said. torchdata's ``StatefulDataLoader`` asks each worker.
    ``set_epoch`` begins another order, in workers too that live on.
    """

    def __init__(
        self,
        rows: Dataset,
        *,
        seed: Union[int, None] = None,
        rank: int = 0,
        world: int = 1,
        batch_size: int = 1,
    ) -> None:
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} of {world}")
        if batch_size < 1:
            raise ValueError(f"a batch of {batch_size}")
        self.rows = rows.with_format("torch")
        self.seed, self.rank, self.world, self.batch_size = seed, rank, world, batch_size
        # shared with workers: the epoch, the row of the epoch to begin at, whether workers read
        self._shared = torch.zeros(3, dtype=torch.int64).share_memory_()
        self._start, self._taken = 0, 0  # where this process began, and how many rows it took since
        self._resumed = False

    @property
    def epoch(self) -> int:
        """The epoch whose order is read."""
        return int(self._shared[0])

    def set_epoch(self, epoch: int) -> None:
        """Have the next iteration read an epoch from its beginning."""
        self._shared[0], self._shared[1], self._shared[2] = epoch, 0, 0
        self._start, self._taken, self._resumed = 0, 0, False

    def __len__(self) -> int:
        """How many rows an epoch has for this rank."""
        return len(range(self.rank, len(self.rows), self.world))

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        """Yield the rows of this process: each ``workers``-th batch, from where the epoch is gone on with."""
        info = get_worker_info()
        if info is not None:
            self._shared[2] = 1
        if not self._resumed:
            self._start, self._taken = int(self._shared[1]), 0
        self._resumed = False
        self.rows.advise(scattered=self.seed is not None)
        numbers = self._numbers(*((info.id, info.num_workers) if info else (0, 1)))
        for some in ahead(self.rows, (each for many in numbers for each in pieces(many))):
            for row in some:
                self._taken += 1
                yield self.rows[row]
        if info is None:
            self._shared[1], self._start, self._taken = 0, 0, 0

    def _numbers(self, worker: int, workers: int) -> Iterator[Array]:
        """Yield the numbers of the rows that a worker reads, many at a time."""
        size = self.batch_size
        order = (
            Permutation(len(self.rows), [self.seed, self.epoch]) if self.seed is not None else None
        )
        batch, inside = divmod(self._taken, size)
        while True:
            some = np.arange(batch, batch + max(1, AT_ONCE // size))
            firsts = self._start + (some * workers + worker) * size
            mine = (firsts[:, None] + np.arange(size)).ravel()[inside:]
            mine = mine[mine < len(self)] * self.world + self.rank
            if not len(mine):
                return
            yield mine if order is None else order(mine)
            batch, inside = batch + len(some), 0

    def state_dict(self, seen: Union[int, None] = None) -> Dict[str, int]:
        """Return where the epoch is: see the class. ValueError where workers read and ``seen`` is not given."""
        info = get_worker_info()
        if seen is None and info is None and int(self._shared[2]):
            raise ValueError("workers read the rows: say how many were seen, state_dict(seen)")
        workers = info.num_workers if info is not None else 1
        state = {
            "epoch": self.epoch,
            "start": self._start,
            "taken": self._taken,
            "workers": workers,
        }
        if seen is not None:
            state.update(start=int(self._shared[1]) + seen, taken=0, workers=1)
        return state

    def load_state_dict(self, state: Dict[str, int]) -> None:
        """Have the next iteration go on where a state was taken; ValueError where workers were and are not as many."""
        info = get_worker_info()
        workers = info.num_workers if info is not None else 1
        if state["taken"] and state["workers"] != workers:
            raise ValueError(f"a state of {state['workers']} workers, not {workers}")
        self._shared[0] = state["epoch"]
        if info is None:
            self._start, self._taken = state["start"] + state["taken"], 0
            self._shared[1], self._shared[2] = self._start, 0
        else:
            self._start, self._taken, self._resumed = state["start"], state["taken"], True
