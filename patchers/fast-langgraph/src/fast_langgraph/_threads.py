"""Threads that outlive a graph's executor: the next graph borrows them instead of starting its own.

LangGraph makes a ThreadPoolExecutor for each run of a graph, and another for each step that calls tools. The executor
here is the original's in all but where its threads come from: bounds, queue, contexts, names, errors and shutdown are
the standard library's and langchain-core's own code. A thread is lent to one executor at a time, so nested graphs can't
wait for each other's threads. What is left in a threading.local or in the thread's own context ends with the loan, as it
would with a thread. From CPython 3.13 on a threading.local can't be reached: there the event loop alone is forgotten.
"""

from __future__ import annotations

import _thread
import collections
import concurrent.futures.thread as futures
import contextlib
import contextvars
import functools
import os
import queue
import sys
import threading
import types
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Builtins, Meter

#: A thread that nobody borrowed for so long ends.
IDLE_SECONDS = 5.0

_threading: Any = threading
_futures: Any = futures
_LOCALS_STAY = sys.version_info >= (3, 13)
IDLE_NAME = "fast-jvm-idle"  # whoever lists threads, as os.fork does, sees that it is ours
_idle: List[Lender] = []
_closing = False


class Loan:
    """Work for one borrowed thread; like a Thread, it can be joined."""

    __slots__ = ("__weakref__", "_arguments", "_done", "_ident", "_target", "name")

    def __init__(self, name: str, target: Callable[..., None], arguments: Tuple[Any, ...]) -> None:
        self.name, self._target, self._arguments = name, target, arguments
        self._ident: Optional[int] = None
        self._done = threading.Lock()
        self._done.acquire()

    def start(self) -> None:
        """Hand the work to an idle thread, or to a new one: RuntimeError where none can be started."""
        kind = _kind()
        while _idle:
            try:
                lender = _idle.pop()
            except IndexError:
                break
            if lender.kind == kind:
                lender.loan = self
                lender.woken.put(None)
                return
            lender.woken.put(None)
        Lender(kind, self).start()

    def join(self, timeout: Optional[float] = None) -> None:
        """Wait until the work is done."""
        if self._ident == threading.get_ident():
            raise RuntimeError("cannot join current thread")
        if self._done.acquire(timeout=-1 if timeout is None else timeout):
            self._done.release()

    def run(self, lender: Lender) -> None:
        """Do the work; whoever waits for its end finds the thread idle."""
        self._ident = threading.get_ident()
        try:
            contextvars.Context().run(self._target, *self._arguments)
        finally:
            self._ident = None
            del self._target, self._arguments
            lender.loan = None
            lender.forget()
            lender.name = IDLE_NAME
            if not _closing:
                _idle.append(lender)
            self._done.release()


class Lender(threading.Thread):
    """A thread that works for one borrower after the other."""

    def __init__(self, kind: Tuple[Any, ...], first: Loan) -> None:
        super().__init__(name=first.name)  # a daemon where its first borrower is one
        self.kind = kind
        self._state: Dict[Any, Any] = {}
        self.woken: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.loan: Optional[Loan] = first
        self.woken.put(None)

    def run(self) -> None:
        """Serve until nobody asks for long, or the process ends."""
        self._state = _thread_state()
        try:
            self._serve()
        finally:
            # an exception that another thread raised here, as PyThreadState_SetAsyncExc does, may have ended it
            with contextlib.suppress(ValueError):
                _idle.remove(self)
            if self.loan is not None:
                self.loan.start()

    def _serve(self) -> None:
        while True:
            try:
                self.woken.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                try:
                    _idle.remove(self)
                except ValueError:
                    if _closing:
                        return
                    continue  # somebody has just taken this thread
                return
            if self.loan is None:
                return
            self.name = self.loan.name
            self.loan.run(self)
            if _closing:
                return

    def forget(self) -> None:
        """Drop what this thread has in a threading.local, the current event loop among it."""
        for key in list(self._state):
            if type(key) is str and key.startswith("thread.local."):
                self._state.pop(key, None)
        if _LOCALS_STAY:
            policy = getattr(sys.modules.get("asyncio.events"), "_event_loop_policy", None)
            local = getattr(policy, "_local", None)
            if isinstance(local, threading.local):
                vars(local).clear()


def _thread_state() -> Dict[Any, Any]:
    """Return the dict of the running thread that each threading.local keeps a key in; an empty one where threads are greenlets."""
    if type(_thread.start_new_thread) is not types.BuiltinFunctionType:
        return {}
    import ctypes

    address = _state_of_thread()()
    return ctypes.cast(address, ctypes.py_object).value if address else {}


@functools.lru_cache(maxsize=None)
def _state_of_thread() -> Any:
    import ctypes  # 500 objects that a short script does without

    function = ctypes.PyDLL("pythonapi", handle=ctypes.pythonapi._handle).PyThreadState_GetDict
    function.restype = ctypes.c_void_p
    return function


def _kind() -> Tuple[Any, ...]:
    """What a new thread would be started with, and an old one can't be changed to."""
    return (
        threading.current_thread().daemon,
        threading.stack_size(),
        _threading._trace_hook,
        _threading._profile_hook,
    )


def _close() -> None:
    """End the idle threads: the interpreter waits for all that are no daemons."""
    global _closing
    _closing = True
    while _idle:
        _idle.pop().woken.put(None)


class Idle:
    """How many threads of an executor wait for work: a semaphore that is only ever asked, never waited for.

    The standard library's makes a lock and waits for it with a timeout of 0 whenever no thread is idle.
    """

    __slots__ = ("_tokens",)

    def __init__(self) -> None:
        self._tokens: collections.deque[None] = collections.deque()

    def acquire(self, blocking: bool = True, timeout: Optional[float] = None) -> bool:
        """Take one that waits; False where none does."""
        if not self._tokens:
            return False
        try:
            self._tokens.pop()
        except IndexError:  # another thread took it in between
            return False
        return True

    def release(self, n: int = 1) -> None:
        """One more waits."""
        self._tokens.extend((None,) * n)


def make_get_executor(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of get_executor_for_config and its switch."""
    from langchain_core.runnables.config import ContextThreadPoolExecutor

    class BorrowingExecutor(ContextThreadPoolExecutor):
        """ContextThreadPoolExecutor on borrowed threads."""

        _most: Optional[int] = None

        _idle_semaphore: Any

        def __init__(self, max_workers: Optional[int]) -> None:
            # who asks for no number of threads mostly needs none: the processors are counted when one starts
            super().__init__(max_workers=1 if max_workers is None else max_workers)
            self._most = max_workers
            self._idle_semaphore = Idle()

        @property
        def _max_workers(self) -> int:
            if self._most is None:
                self._most = ContextThreadPoolExecutor()._max_workers
            return self._most

        @_max_workers.setter
        def _max_workers(self, number: int) -> None:
            self._most = number

        def _adjust_thread_count(self: Any) -> None:
            if self._idle_semaphore.acquire(timeout=0):
                return

            def woken(_: Any, queue: Any = self._work_queue) -> None:
                queue.put(None)

            number = len(self._threads)
            if number < self._max_workers:
                loan = Loan(
                    f"{self._thread_name_prefix or self}_{number}",
                    _futures._worker,
                    (weakref.ref(self, woken), self._work_queue, None, ()),
                )
                loan.start()
                threads: Any = self._threads
                threads.add(loan)
                _futures._threads_queues[loan] = self._work_queue

    live = False

    def get_executor_for_config(config: Any) -> Any:
        if not live:
            return original(config)
        replacement.served += 1
        return BorrowingExecutor(max_workers=(config or {}).get("max_concurrency"))

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None

    replacement: Any = get_executor_for_config
    replacement.served = 0
    return get_executor_for_config, activate


if hasattr(_threading, "_register_atexit"):
    _threading._register_atexit(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)
