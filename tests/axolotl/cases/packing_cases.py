"""Packing: the original's bins, batches, statistics, draws and errors."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import axolotl.utils.samplers.multipack as multipack
import numpy as np
import pytest
import torch
from axolotl.utils.samplers import MultipackBatchSampler
from calls import declined, outcome, served
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import RandomSampler, SequentialSampler

from fast_axolotl import _first_fit
from fast_jvm import _boot

pack_parallel: Any = multipack.pack_parallel
generate_batches: Any = MultipackBatchSampler.generate_batches
sampler_len: Any = MultipackBatchSampler.__len__


@pytest.fixture(autouse=True, scope="module")
def no_collections() -> Iterator[None]:
    """The original collects garbage in each call: 0.4 s with torch and transformers loaded."""
    multipack.gc = SimpleNamespace(collect=lambda: 0)
    yield
    multipack.gc = gc


class Originals(MultipackBatchSampler):
    """The sampler as it is without us; its pack_parallel is the original's too."""

    def generate_batches(self, set_stats: bool = False) -> Any:
        multipack.pack_parallel = pack_parallel.__wrapped__
        try:
            return generate_batches.__wrapped__(self, set_stats)
        finally:
            multipack.pack_parallel = pack_parallel

    def __len__(self) -> int:
        return sampler_len.__wrapped__(self)


@st.composite
def lengths(draw: Any) -> np.ndarray:
    """Lengths of few kinds, or of any, long runs of them too."""
    most = draw(st.sampled_from([1, 5, 100, 3000, 2**31 - 1]))
    some = draw(st.lists(st.integers(0, most), max_size=40))
    if draw(st.booleans()) and some:
        seed = draw(st.integers(0, 2**32 - 1))
        rng = np.random.default_rng(seed)
        some = rng.choice(some, draw(st.integers(1, 700))).tolist()
    return np.array(some, draw(st.sampled_from([np.int32, np.int64])))


@settings(max_examples=300)
@given(
    lengths(),
    st.one_of(st.integers(1, 300), st.sampled_from([2048, 65536, 2**31 - 1])),
    st.sampled_from([1, 2, 7, 64, 100_000]),
    st.sampled_from([1, 2, 3, 50, 65536]),
    st.booleans(),
)
def test_bins(sizes: np.ndarray, capacity: int, group: int, bin_size: int, safe: bool) -> None:
    want = pack_parallel.__wrapped__(sizes, capacity, group, bin_size, 1, safe)
    arguments = (sizes.astype(np.int32), capacity, group, bin_size, lambda ns: None)
    bins = _first_fit.first_fit(*arguments)
    assert bins.cut(bins.order.tolist()) == want
    assert _first_fit.first_fit_lists(sizes, *arguments[1:4]) in (want, None)
    got = served(pack_parallel, sizes, capacity, group, bin_size, 2, safe)
    assert got == want
    assert all(type(place) is int for each in got for place in each)


@pytest.mark.parametrize("count", [3000, 130_000])
@pytest.mark.parametrize("capacity", [2048, 4096, 65536])
def test_many(count: int, capacity: int) -> None:
    rng = np.random.default_rng(count + capacity)
    sizes = np.clip(rng.lognormal(5.8, 0.8, count), 1, 2 * capacity).astype(np.int64)
    for bin_size in (200, 20):
        want = pack_parallel.__wrapped__(sizes, capacity, 100_000, bin_size, 1)
        assert served(pack_parallel, sizes, capacity, 100_000, bin_size, 4) == want
        assert _first_fit.pack(sizes[:100_000].tolist(), capacity, bin_size) == pack_parallel.__wrapped__(
            sizes[:100_000], capacity, 100_000, bin_size, 1
        )  # fmt: skip


def test_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipack, "ProcessPoolExecutor", None)
    assert served(pack_parallel, np.array([3, 3, 3]), 6, 2, 9, 4) == [[0, 1], [2]]


def test_what_numba_has_compiled_is_the_originals_for_few() -> None:
    pack_parallel.__wrapped__(np.array([3, 3]), 6, 2, 9, 1)
    assert declined(pack_parallel, np.array([3, 3, 3]), 6, 2, 9, 1) == [[0, 1], [2]]
    declined(pack_parallel, np.full(1500, 3), 8192, 100_000, 9, 1)
    whose: Any = served if _first_fit.LISTS in _boot.state.builtins else declined
    whose(pack_parallel, np.full(301, 3), 6, 100_000, 9, 1)
    whose(pack_parallel, np.full(1501, 3), 8192, 100_000, 9, 1)
    served(pack_parallel, np.full(9000, 3), 6, 100_000, 9, 1)


def test_many_lists_and_the_collector() -> None:
    """They are no reason for it to run, and it is as it was."""
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        before = [each["collections"] for each in gc.get_stats()[1:]]
        served(pack_parallel, np.full(90_000, 3), 6, 100_000, 9, 2)
        assert gc.isenabled() == enabled
        assert [each["collections"] for each in gc.get_stats()[1:]][1] == before[1]
    gc.enable()


@pytest.mark.parametrize(
    "arguments",
    [
        (np.array([1.5, 2.5]), 4, 10, 10, 1),
        (np.array([[1, 2], [3, 4]]), 4, 10, 10, 1),
        (np.array([1, 2], np.uint64), 4, 10, 10, 1),
        (np.array([-1, 2]), 4, 10, 10, 1),
        (np.array([1, 2**31]), 4, 10, 10, 1),
        (np.array([1, 2]), 4.0, 10, 10, 1),
        (np.array([1, 2]), 0, 10, 10, 1),
        (np.array([1, 2]), -3, 10, 10, 1),
        (np.array([1, 2]), 4, None, 10, 1),
        (np.array([1, 2]), 4, 0, 10, 1),
        (np.array([1, 2]), 4, 10, 0, 1),
        (np.array([1, 2]), True, 10, 10, 1),
        (np.array([1, 2]), 4, 10, 10, 0),
        (np.array([1, 2]), 4, 10, 10, 1, True, "sometimes"),
    ],
    ids=str,
)
def test_what_is_left_to_the_original(arguments: Any) -> None:
    want = outcome(pack_parallel.__wrapped__, *arguments)
    assert declined(pack_parallel, *arguments) == want


def make(kind: type, sizes: np.ndarray, order: str, seed: int, **settings: Any) -> Any:
    torch.manual_seed(seed)
    rows = range(len(sizes))
    sampler: Any = {
        "random": lambda: RandomSampler(rows),
        "sequential": lambda: SequentialSampler(rows),
        "replacement": lambda: RandomSampler(rows, replacement=True, num_samples=len(sizes) + 3),
        "own generator": lambda: RandomSampler(rows, generator=torch.Generator().manual_seed(seed)),
        "subset": lambda: list(rows)[::-2],
        "numpy": lambda: np.arange(len(sizes)),
        "negative": lambda: [-1, 0, -1],
    }[order]()
    return kind(sampler, lengths=sizes, **settings)


ORDERS = ("random", "sequential", "replacement", "own generator", "subset", "numpy", "negative")
SWITCHES = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 4),
        "batch_max_len": st.sampled_from([1, 50, 4096]),
        "bin_size": st.sampled_from([None, 1, 3, 200]),
        "drop_last": st.booleans(),
        "num_count_samples": st.integers(1, 4),
        "sequential": st.sampled_from([None, False, True]),
        "group_size": st.sampled_from([5, 100_000]),
        "num_processes": st.sampled_from([None, 1]),
        "safe_mode": st.booleans(),
    }
)


def same(ours: Any, theirs: Any) -> None:
    """Value and type, and of the lists what is in them."""
    assert type(ours) is type(theirs) and ours == theirs
    if type(ours) is list:
        for one, other in zip(ours, theirs):
            same(one, other)


def state_of(sampler: Any) -> Any:
    return (
        sampler._batches,
        sampler._len_across_ranks,
        sampler.total_tokens_used,
        sampler.total_token_slots,
        sampler.epoch,
    )


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=60),
    st.sampled_from(ORDERS),
    SWITCHES,
    st.lists(st.sampled_from(["len", "iter", "epoch", "stats", "plain", "efficiency"]), max_size=5),
    st.integers(0, 100),
)
def test_a_sampler(
    sizes: list[int], order: str, switches: Any, steps: list[str], seed: int
) -> None:
    """Any use of it, step by step: same values, and as many draws."""
    sides = [
        make(kind, np.array(sizes), order, seed, **switches)
        for kind in (MultipackBatchSampler, Originals)
    ]
    generators = [torch.Generator().manual_seed(seed) for _ in sides]
    do: dict[str, Any] = {
        "len": len,
        "iter": lambda sampler: list(sampler),
        "epoch": lambda sampler: sampler.set_epoch(sampler.epoch + 1),
        "stats": lambda sampler: sampler.generate_batches(set_stats=True),
        "plain": lambda sampler: sampler.generate_batches(),
        "efficiency": lambda sampler: outcome(sampler.efficiency),
    }
    for step in steps:
        found = []
        for sampler, generator in zip(sides, generators):
            torch.set_rng_state(generator.get_state())
            found.append((outcome(do[step], sampler), state_of(sampler)))
            generator.set_state(torch.get_rng_state())
        (ours, after), (theirs, their_after) = found
        same(ours, theirs)
        for one, other in zip(after, their_after):
            same(one, other)
        assert torch.equal(generators[0].get_state(), generators[1].get_state())


def test_served() -> None:
    sizes = np.random.default_rng(0).integers(1, 900, 3000)
    sampler = make(
        MultipackBatchSampler, sizes, "random", 1, batch_size=1, batch_max_len=2048, bin_size=99
    )
    served(sampler_len, sampler)
    sampler.set_epoch(2)
    served(generate_batches, sampler)
    in_a_row = make(
        MultipackBatchSampler, sizes, "sequential", 1, batch_size=1, batch_max_len=2048, bin_size=99,
        sequential=True,
    )  # fmt: skip
    served(sampler_len, in_a_row)
    served(
        generate_batches,
        make(MultipackBatchSampler, sizes, "random", 1, batch_size=1, batch_max_len=9, bin_size=0),
    )


def test_what_is_replaced_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for what the sampler calls, a subclass with packing of its own."""
    sizes = np.array([3, 3, 3, 5])
    settings = {"batch_size": 1, "batch_max_len": 6, "bin_size": 9, "num_processes": 1}

    class Own(MultipackBatchSampler):
        def generate_batches(self, set_stats: bool = False) -> Any:
            self._batches = [[[0]]] * 5
            return self._batches

    assert len(make(Own, sizes, "random", 0, **settings)) == 5
    monkeypatch.setattr(multipack, "pack_parallel", lambda *_, **__: [[0], [1], [2], [3]])
    assert len(make(MultipackBatchSampler, sizes, "random", 0, **settings)) == 4
    monkeypatch.undo()
    monkeypatch.setattr(multipack, "pack_group", lambda *_: [[0]])
    assert len(make(MultipackBatchSampler, sizes, "random", 0, **settings)) == 1
    monkeypatch.undo()
    sampler = make(MultipackBatchSampler, sizes, "random", 0, **settings)
    monkeypatch.setattr(sampler, "generate_batches", lambda set_stats=False: [1, 2, 3])
    assert len(sampler) == 3


def test_its_sampler_fails() -> None:
    class Broken:
        def __iter__(self) -> Any:
            yield 0
            raise KeyError("no more")

    for kind in (MultipackBatchSampler, Originals):
        sampler = kind(Broken(), 1, 10, np.array([1, 2]), 5)
        assert outcome(len, sampler) == (KeyError, "'no more'")
        assert sampler._batches is None and sampler.total_tokens_used == 0
        sampler = kind([0, 7], 1, 10, np.array([1, 2]), 5)
        assert outcome(sampler.generate_batches)[0] is IndexError


def test_java_served() -> None:
    sampler = make(
        MultipackBatchSampler, np.full(9000, 3), "random", 1, batch_size=1, batch_max_len=6, bin_size=9
    )  # fmt: skip
    for name, call in (
        (_first_fit.LISTS, lambda: pack_parallel(np.full(9000, 3), 6, 1000, 9, 2)),
        (_first_fit.BUILTIN, sampler.generate_batches),
    ):
        builtin = _boot.state.builtins.get(name)
        if builtin is not None:
            before = builtin.counters
            call()
            after = builtin.counters
            assert after.calls == before.calls + 1 and after.declines == before.declines


def test_a_random_sampler_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever RandomSampler became, its draws are taken."""
    monkeypatch.setattr(RandomSampler, "__iter__", lambda self: iter([2, 0, 1, 3]))
    sampler = make(
        MultipackBatchSampler, np.array([3, 3, 3, 3]), "random", 1, batch_size=1, batch_max_len=6, bin_size=9
    )  # fmt: skip
    assert served(generate_batches, sampler) == [[[2, 0]], [[1, 3]]]


def test_nothing_is_left_behind() -> None:
    sizes = np.random.default_rng(0).integers(1, 900, 5000).astype(np.int32)
    for _ in range(20):
        pack_parallel(sizes, 2048, 1000, 99, 2)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(200):
        pack_parallel(sizes, 2048, 1000, 99, 2)
    gc.collect()
    assert len(gc.get_objects()) < before + 50
