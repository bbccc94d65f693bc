"""Columns of tensors in the arrays' place."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ._columns import Scalars
from ._format import Array


def tensor(values: Any) -> torch.Tensor:
    """Return an array as a tensor: a view where it may be written to, a copy where torch would ignore that it may not."""
    if not values.flags.writeable or any(stride < 0 for stride in values.strides):
        values = values.copy()
    return torch.from_numpy(values)


class Tensors:
    """A column whose rows are tensors; strings and bytes stay what they are."""

    def __init__(self, column: Any) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, row: Any) -> Any:
        """Return a tensor of a row; of rows a list, or one tensor where the column has one value a row."""
        found = self._column[row]
        if isinstance(found, np.ndarray):
            return tensor(found)
        if isinstance(found, list):
            return [tensor(each) if isinstance(each, np.ndarray) else each for each in found]
        return found if isinstance(found, (str, bytes)) else torch.tensor(found)

    def will_need(self, rows: Array) -> None:
        """Have the kernel read the pages of rows that are read soon."""
        self._column.will_need(rows)


class _ScalarTensors(Tensors):
    """One tensor, whose items are views of it."""

    def __init__(self, column: Scalars) -> None:
        super().__init__(column)
        self._all = tensor(column[:])

    def __getitem__(self, row: Any) -> Any:
        return super().__getitem__(row) if hasattr(row, "__len__") or _back(row) else self._all[row]


def _back(row: Any) -> bool:
    return isinstance(row, slice) and (row.step or 1) < 0  # torch has none


def tensors(column: Any) -> Tensors:
    """Return a column of tensors."""
    return _ScalarTensors(column) if isinstance(column, Scalars) else Tensors(column)
