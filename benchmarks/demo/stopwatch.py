"""Time inside methods, over all threads."""

from __future__ import annotations

import functools
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, TypeVar

Result = TypeVar("Result")
CODEC = ("dumps_typed", "loads_typed")


class Stopwatch:
    """Time inside a saver's methods, over all threads: wall (waits for the GIL included) and CPU."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: Dict[str, List[float]] = {}
        self._inside = threading.local()
        self.collected = 0.0
        """CPU of garbage collections that allocations of the codec set off."""

    def add(self, name: str, wall: float, cpu: float, calls: int = 1) -> None:
        """Charge one call."""
        with self._lock:
            spent = self._spent.setdefault(name, [0, 0.0, 0.0])
            spent[0] += calls
            spent[1] += wall
            spent[2] += cpu

    def figures(self) -> Dict[str, Dict[str, float]]:
        """What was charged, by method."""
        return {
            name: {"calls": spent[0], "wall": spent[1], "cpu": spent[2]}
            for name, spent in self._spent.items()
        }

    def cpu(self, *names: str) -> float:
        """CPU charged to these methods so far."""
        return sum(self._spent[name][2] for name in names if name in self._spent)

    def collection(self, phase: str, _: Dict[str, int]) -> None:
        """A callback of the garbage collector."""
        if phase == "start":
            self._inside.began = time.thread_time()
        elif getattr(self._inside, "codec", False):
            self.collected += time.thread_time() - self._inside.began

    def method(self, name: str, function: Callable[..., Result]) -> Callable[..., Result]:
        """The function, timed."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Result:
            wall, cpu = time.perf_counter(), time.thread_time()
            self._inside.codec = name in CODEC
            try:
                return function(*args, **kwargs)
            finally:
                self._inside.codec = False
                self.add(name, time.perf_counter() - wall, time.thread_time() - cpu)

        return timed

    def generator(
        self, name: str, function: Callable[..., Iterator[Result]]
    ) -> Callable[..., Iterator[Result]]:
        """The generator function, timed while it makes its items."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Iterator[Result]:
            items = function(*args, **kwargs)
            while True:
                wall, cpu = time.perf_counter(), time.thread_time()
                try:
                    item = next(items)
                except StopIteration:
                    return
                finally:
                    self.add(name, time.perf_counter() - wall, time.thread_time() - cpu)
                yield item

        return timed
