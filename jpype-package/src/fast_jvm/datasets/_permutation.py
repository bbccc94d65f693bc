"""An order of any number of rows that takes no memory: a Feistel network over the numbers' bits."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from ._format import Array

_ROUNDS = 6


class Permutation:
    """The numbers below ``count`` in an order that the seed decides; ``order(numbers)`` says what stands where.

    Luby and Rackoff, "How to Construct Pseudorandom Permutations from Pseudorandom Functions" (1988); numbers beyond
    ``count`` are walked on from until one is not (Black and Rogaway 2002).
    """

    def __init__(self, count: int, seed: Sequence[int]) -> None:
        self._count = np.uint64(count)
        half = max(1, ((count - 1).bit_length() + 1) // 2)
        self._half, self._mask = np.uint64(half), np.uint64((1 << half) - 1)
        self._keys = np.random.SeedSequence(list(seed)).generate_state(_ROUNDS, np.uint64)

    def __call__(self, places: Array) -> Array:
        """Return the numbers at places, each below ``count``."""
        found = self._once(places.astype("u8"))
        while True:
            beyond = np.flatnonzero(found >= self._count)
            if not len(beyond):
                return found.astype("i8")
            found[beyond] = self._once(found[beyond])

    def _once(self, numbers: Array) -> Array:
        left, right = numbers >> self._half, numbers & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mix(right, key) & self._mask)
        found: Array = left << self._half | right
        return found


def _mix(values: Array, key: np.uint64) -> Array:
    """Return 64 well-mixed bits of each: the finalizer of SplitMix64 (Steele et al. 2014)."""
    mixed = values + np.array(key)  # arrays wrap without a warning
    mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    found: Array = mixed ^ mixed >> np.uint64(31)
    return found
