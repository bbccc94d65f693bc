"""The interpreter around a call: the collector at every allocation, many threads, little stack, warnings as errors."""

from __future__ import annotations

import gc
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import langchain_core.messages as lc
import pytest
from equivalence.test_served import conversation, plain_dict

from support import models as m
from support import objects as o
from support import sides
from support.check import check
from support.isolated import both
from support.outcome import assert_same_outcome, describe, outcome
from support.same import assert_same
from support.sides import VOLUME, default_pair


@pytest.fixture
def busy_collector() -> Iterator[None]:
    """Collections at almost every allocation of a container."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Finalized:
    """Garbage in a cycle whose end runs Python code, and our builtins."""

    done: list[int] = []

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        blob = default_pair().ours.dumps_typed([m.Plain("é" * 20), {"a": 1}])
        self.done.append(len(default_pair().ours.loads_typed(blob)))


def test_collector_at_every_allocation(busy_collector: None) -> None:
    """Results are whole although the collector looks at them while they are made."""
    for value in (
        *o.well_known(),
        conversation(6),
        plain_dict(3000),
        [[i] for i in range(300)],
        {str(i): {} for i in range(200)},
    ):
        check(value)


def test_finalizers_at_every_allocation(busy_collector: None) -> None:
    """Cyclic garbage dies inside the calls, and calls back."""
    values = [
        conversation(6),
        [[i, {}] for i in range(100)],
        plain_dict(2000),
        [m.Plain([i]) for i in range(20)],
    ]
    for value in values:
        blob = default_pair().theirs.dumps_typed(value)
        expected = default_pair().theirs.loads_typed(blob)
        for _ in range(20):
            for _ in range(3):
                _Finalized()
            assert default_pair().ours.dumps_typed(value) == blob
            loaded = default_pair().ours.loads_typed(blob)
            assert_same(loaded, expected)
        VOLUME.count(20)
    gc.collect()
    assert set(_Finalized.done) == {2}


def test_collector_switched_off() -> None:
    """It stays off, and stays on, through good calls and bad ones."""
    blob = default_pair().theirs.dumps_typed(conversation(3))
    bad = ("msgpack", blob[1][:-3])
    for state in (gc.enable, gc.disable):
        state()
        try:
            expected = gc.isenabled()
            for call in (
                lambda: default_pair().ours.dumps_typed(conversation(3)),
                lambda: default_pair().ours.dumps_typed([object()]),
                lambda: default_pair().ours.loads_typed(blob),
                lambda: default_pair().ours.loads_typed(bad),
            ):
                outcome(call)
                assert gc.isenabled() == expected
        finally:
            gc.enable()


def test_collector_switched_inside_a_call() -> None:
    """User code that switches the collector is obeyed."""

    class Switching(m.Plain):
        @property
        def count(self) -> Any:
            gc.disable()
            return 1

        @count.setter
        def count(self, value: Any) -> None:
            pass

    for side in (default_pair().ours, default_pair().theirs):
        try:
            side.dumps_typed([1, Switching("n"), 2])
            assert not gc.isenabled()
        finally:
            gc.enable()


def test_many_threads() -> None:
    """Threads that come and go, switched as often as can be: equal results in each."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    values = [conversation(4), plain_dict(1500), [m.Plain([i]) for i in range(10)], o.well_known()]
    blobs = [default_pair().theirs.dumps_typed(v) for v in values]
    expected = [default_pair().theirs.loads_typed(b) for b in blobs]
    failures: list[Any] = []

    def work(seed: int) -> None:
        try:
            for i in range(12):
                k = (seed + i) % len(values)
                if default_pair().ours.dumps_typed(values[k]) != blobs[k]:
                    failures.append(("dumps", k))
                assert_same(default_pair().ours.loads_typed(blobs[k]), expected[k])
        except BaseException as e:
            failures.append(describe(e))

    try:
        for _ in range(4):
            threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
    finally:
        sys.setswitchinterval(before)
    VOLUME.count(4 * 12 * 12)
    assert not failures, failures[:3]


def test_warnings_as_errors() -> None:
    """pydantic's warning becomes the exception that ends the call, on both sides."""
    msg = lc.HumanMessage("x")
    msg.content = 5  # type: ignore[assignment]
    model = m.Scalars(name="n")
    model.count = "five"  # type: ignore[assignment]
    for value in (
        msg,
        [msg],
        model,
        {"a": model},
        m.HoldsBase(item=m.Derived()),
        [m.Plain(msg)],
        lc.AIMessage("ok"),
    ):
        results = []
        for side in (default_pair().ours, default_pair().theirs):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    results.append(side.dumps_typed(value))
                except Exception as e:
                    results.append(describe(e))
        assert results[0] == results[1]
        VOLUME.count()


def test_log_handlers_that_raise() -> None:
    """A logging handler's exception in the middle of a load."""

    class Raising(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise RuntimeError(record.funcName)

    from langgraph.checkpoint.serde import jsonplus

    blob = default_pair().theirs.dumps_typed(
        [m.Plain(1), m.Frozen(2), m.Scalars(name="x"), m.Colour.RED]
    )
    handler = Raising()
    jsonplus.logger.addHandler(handler)
    try:
        results = [
            outcome(side.loads_typed, blob) for side in (default_pair().ours, default_pair().theirs)
        ]
    finally:
        jsonplus.logger.removeHandler(handler)
    for result in results:
        result.traces.sort(key=repr)
    assert_same_outcome(*results)


_STACKS = """
import threading
from support import models as m
from hostile.test_blobs import _nested_ext
from equivalence.test_served import conversation

def nested(n):
    value = 1
    for i in range(n):
        value = [value] if i & 1 else {"k": value}
    return value

def everything():
    tell("flat", serde.dumps_typed, conversation(9))
    tell("flat-load", serde.loads_typed, serde.dumps_typed(conversation(9)))
    for n in (10, 100, 254, 256):
        tell(f"dump-{n}", serde.dumps_typed, nested(n))
    for n in (10, 200, 1022, 1024):
        tell(f"load-{n}", serde.loads_typed, ("msgpack", b"\\x91" * n + b"\\xc0"))
        tell(f"load-map-{n}", serde.loads_typed, ("msgpack", b"\\x81\\x01" * n + b"\\xc0"))
    for code in (0, 2, 5, 7):
        tell(f"ext-{code}", serde.loads_typed, ("msgpack", _nested_ext(code, 15)))
    value = 1
    for _ in range(15):
        value = m.Plain(value)
    tell("objects", serde.dumps_typed, value)

threading.stack_size({size})
for _ in range(3):
    t = threading.Thread(target=everything)
    t.start()
    t.join()
threading.stack_size(0)
everything()
"""


@pytest.mark.skipif(not sides.ACCELERATED, reason="nothing to compare")
@pytest.mark.parametrize("size", [128, 256, 512, 1024])
def test_small_stacks(size: int) -> None:
    """Deep data in threads of little stack: where the original lives, so do we, with its outcomes."""
    ours, theirs = both(_STACKS.replace("{size}", str(size * 1024)))
    if theirs.returncode == 0:
        assert ours.returncode == 0, f"ended in {ours.started!r}: {ours.stderr}"
        assert ours.told == theirs.told
