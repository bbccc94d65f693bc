"""A ChronicleSaver's small puts run where a graph submits them.

A put that holds the GIL and takes less than handing it to a thread does overlaps with nothing. What may take long goes to
the executor as ever: large values, a folder that others write to, a disk that is waited for, another saver.
"""

from __future__ import annotations

import sys
from concurrent.futures import Future
from contextvars import copy_context
from time import perf_counter_ns
from types import MethodType
from typing import Any, Callable, Optional, Tuple

from fast_jvm._registry import Activate, Builtins, Meter

#: A put that took longer has something to wait for: so many that follow are handed to threads.
SLOW_NS = 2_000_000
PAUSE = 64


def make_submit(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of BackgroundExecutor.submit and its switch."""
    live = False

    def submit(
        self: Any,
        fn: Callable[..., Any],
        *args: Any,
        __name__: Optional[str] = None,
        __cancel_on_exit__: bool = False,
        __reraise_on_exit__: bool = True,
        __next_tick__: bool = False,
        **kwargs: Any,
    ) -> Any:
        saver = _saver(fn, args) if live and not __next_tick__ else None
        if saver is None:
            return original(
                self,
                fn,
                *args,
                __name__=__name__,
                __cancel_on_exit__=__cancel_on_exit__,
                __reraise_on_exit__=__reraise_on_exit__,
                __next_tick__=__next_tick__,
                **kwargs,
            )
        replacement.served += 1
        task: Future[Any] = Future()
        task.set_running_or_notify_cancel()
        start = perf_counter_ns()
        try:
            result = copy_context().run(fn, *args, **kwargs)
        except Exception as error:
            task.set_exception(error)
        else:
            task.set_result(result)
        if perf_counter_ns() - start > SLOW_NS:
            saver.pause = PAUSE
        self.tasks[task] = (__cancel_on_exit__, __reraise_on_exit__)
        task.add_done_callback(self.done)
        return task

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None

    replacement: Any = submit
    replacement.served = 0
    return submit, activate


def _saver(fn: Any, args: Tuple[Any, ...]) -> Any:
    """Return the ChronicleSaver that a call writes to and that answers at once; None for all else."""
    if type(fn) is not MethodType:
        return None
    module: Any = sys.modules.get("fast_langgraph._saver")
    if module is None:
        return None
    saver: Any = fn.__self__
    name = fn.__func__.__name__
    if name == "_checkpointer_put_after_previous":
        saver = getattr(saver, "checkpointer", None)
        previous, delta_writes, *_ = args
        if not all(each is None or each.done() for each in (previous, *(delta_writes or ()))):
            return None
    elif name != "put_writes":
        return None
    return saver if type(saver) is module.ChronicleSaver and saver.returns_soon() else None
