"""CaffeineCache: as InMemoryCache to all who ask, bounded by bytes, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from typing import Any, Callable

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

MB = 1 << 20


@pytest.fixture
def caffeine(java: str) -> Callable[..., Any]:
    from fast_langgraph import CaffeineCache

    def make(max_bytes: int = 64 * MB, **settings: Any) -> Any:
        return CaffeineCache(max_bytes=max_bytes, **settings)

    return make


class Clock:
    """Stands for the cache's clock."""

    def __init__(self, cache: Any) -> None:
        self._now = time.monotonic_ns()
        cache._cache._clock = lambda: self._now

    def pass_(self, seconds: float) -> None:
        self._now += round(seconds * 1e9)


NAMESPACES = [(), ("a",), ("a", "b"), ("a:b",), ("ab",), ("", "a"), ("a", ""), ("ü", "\ud800")]


def values() -> list[Any]:
    return [
        None,
        "",
        "text",
        b"bytes",
        bytearray(b"array"),
        17,
        [("messages", [HumanMessage("hi", id="1"), AIMessage("hello", id="2")])],
        {"deep": [{"er": (1, 2.5, {3})}]},
        "x" * 100_000,
    ]


def test_as_the_original(caffeine: Any) -> None:
    ours, original = caffeine(), InMemoryCache()
    rng = random.Random(2)
    keys = [(ns, key) for ns in NAMESPACES for key in ("", "k", "key", "ü")]
    for _ in range(600):
        what = rng.random()
        some = rng.sample(keys, rng.randrange(5))
        if what < 0.5:
            pairs = {key: (rng.choice(values()), rng.choice([None, 100, 0])) for key in some}
            ours.set(pairs)
            original.set(pairs)
        elif what < 0.55:
            spaces = rng.choice([None, rng.sample(NAMESPACES, 2)])
            ours.clear(spaces)
            original.clear(spaces)
        found, wanted = ours.get(some), original.get(some)
        assert found == wanted
        assert [*map(type, found.values())] == [*map(type, (wanted[key] for key in found))]
    everything = ours.get(keys)
    assert everything == original.get(keys)
    assert ours.cache_stats()["size"] == len(everything)


async def test_async(caffeine: Any) -> None:
    cache = caffeine()
    await cache.aset({(("a",), "k"): ([1, 2], None), (("b",), "k"): ("other", 60)})
    assert await cache.aget([(("a",), "k"), (("c",), "k")]) == {(("a",), "k"): [1, 2]}
    await cache.aclear([("a",)])
    assert await cache.aget([(("a",), "k"), (("b",), "k")]) == {(("b",), "k"): "other"}
    await cache.aclear()
    assert await cache.aget([(("b",), "k")]) == {}
    assert cache.cache_stats()["size"] == cache.cache_stats()["bytes"] == 0


def test_copies(caffeine: Any) -> None:
    cache = caffeine()
    value = [1, [2]]
    cache.set({((), "k"): (value, None)})
    value[1].append(3)
    first = cache.get([((), "k")])[((), "k")]
    first.append(4)
    assert cache.get([((), "k")]) == {((), "k"): [1, [2]]}


def test_time_to_live(caffeine: Any) -> None:
    cache = caffeine()
    clock = Clock(cache)
    cache.set({((), "a"): (1, 1), ((), "b"): (2, 3600), ((), "c"): (3, None), ((), "d"): (4, -1)})
    keys = [((), key) for key in "abcd"]
    clock.pass_(0.999)
    assert {key for _, key in cache.get(keys)} == {"a", "b", "c"}
    clock.pass_(0.001)
    assert {key for _, key in cache.get(keys)} == {"b", "c"}
    cache.set({((), "b"): (2, 1)})
    clock.pass_(1)
    assert {key for _, key in cache.get(keys)} == {"c"}
    clock.pass_(10**9)
    assert {key for _, key in cache.get(keys)} == {"c"}
    told = cache.cache_stats()
    assert (told["size"], told["expired"], told["evictions"]) == (1, 2, 0)


def test_bounded_by_bytes(caffeine: Any) -> None:
    cache = caffeine(MB)
    for n in range(2000):
        cache.set({(("n",), str(n)): (b"x" * random.Random(n).randrange(20_000), None)})
        assert cache.cache_stats()["bytes"] <= MB
    told = cache.cache_stats()
    assert told["bytes"] > MB // 2 and told["evictions"] > 1000
    assert told["size"] == len(cache.get([(("n",), str(n)) for n in range(2000)]))
    cache.set({((), "large"): (b"x" * 2 * MB, None)})
    assert cache.get([((), "large")]) == {}


def test_what_is_larger_replaces_nothing_stale(caffeine: Any) -> None:
    cache = caffeine(10_000)
    cache.set({((), "k"): ("old", None)})
    cache.set({((), "k"): ("x" * 20_000, None)})
    assert cache.get([((), "k")]) == {}


def test_stats(caffeine: Any) -> None:
    cache = caffeine(MB)
    assert cache.cache_stats()["hit_rate"] == 0
    cache.set({((), "k"): (b"12345", None)})
    cache.get([((), "k"), ((), "l"), ((), "m"), ((), "k")])
    told = cache.cache_stats()
    assert (told["hits"], told["misses"], told["size"], told["max_bytes"]) == (2, 2, 1, MB)
    assert told["hit_rate"] == 0.5
    assert 5 < told["bytes"] < 30


@pytest.mark.parametrize("wrong, error", [(0, ValueError), (-1, ValueError), (1 << 70, ValueError), ("1", TypeError), (True, TypeError), (1.5, TypeError)])  # fmt: skip
def test_wrong_bounds(caffeine: Any, wrong: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        caffeine(wrong)


def test_the_serializer_decides(caffeine: Any) -> None:
    pytest.importorskip("Crypto")
    serde = EncryptedSerializer.from_pycryptodome_aes(key=b"0" * 16)
    cache = caffeine(serde=serde)
    cache.set({((), "k"): ({"secret": "pa55word"}, None)})
    assert cache.get([((), "k")]) == {((), "k"): {"secret": "pa55word"}}
    head, data = cache._cache.get(b"0|1:k")
    assert b"aes" in head and b"pa55word" not in data


def test_what_it_cannot_serialize(caffeine: Any) -> None:
    for cache in (caffeine(), InMemoryCache()):
        cache.set({((), "k"): (1, None)})
        with pytest.raises(TypeError):
            cache.set({((), "k"): (object(), None)})
        assert cache.get([((), "k")]) == {((), "k"): 1}


def test_threads(caffeine: Any) -> None:
    cache = caffeine(MB)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(1500):
                n = rng.randrange(300)
                key = ((str(n % 3),), str(n))
                if rng.random() < 0.4:
                    cache.set({key: ([n] * (n * 10), rng.choice([None, 1000]))})
                elif rng.random() < 0.02:
                    cache.clear([(str(n % 3),)])
                for found in cache.get([key]).values():
                    assert found == [n] * (n * 10)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert cache.cache_stats()["bytes"] <= MB


PROGRAM = """
import gc, os, sys, threading, time, warnings
import fast_langgraph
from fast_langgraph import CaffeineCache
def anonymous_kb():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))
"""


def test_memory_is_given_back(run: Any, java: str) -> None:
    done = run(
        PROGRAM,
        """
MB = 1 << 20
cache = CaffeineCache(16 * MB)
def work(first, count):
    for n in range(first, first + count):
        cache.set({(("n",), str(n)): (os.urandom(1000 + n % 50_000), 3600 if n % 2 else None)})
        cache.get([(("n",), str(n - 50))])
work(0, 6000)
gc.collect()
before = anonymous_kb()
work(6000, 9000)
gc.collect()
print(anonymous_kb() - before)
cache.clear()
print(cache.cache_stats()["bytes"])
for _ in range(200):  # caches that nobody closes
    each = CaffeineCache(16 * MB)
    each.set({((), str(n)): (b"x" * 100_000, None) for n in range(20)})
del each
gc.collect()
print(anonymous_kb() - before)
""",
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    grown, held, after = map(int, done.stdout.split())
    assert grown < 16 << 10 and held == 0 and after < 24 << 10, done.stdout


def test_values_are_not_on_a_heap(run: Any, java: str) -> None:
    """More than the Java heap may hold."""
    done = run(
        PROGRAM,
        """
cache = CaffeineCache(200 << 20)
for n in range(150):
    cache.set({((), str(n)): (b"x" * (1 << 20), None)})
assert len(cache.get([((), str(n)) for n in range(150)])) == 150
print(cache.cache_stats()["size"])
""",
        FAST_JVM_HEAP="32m",
    )
    assert done.returncode == 0 and done.stdout == "150\n", done.stdout + done.stderr


def test_no_thread_and_a_quick_end(run: Any, java: str) -> None:
    done = run(
        PROGRAM,
        """
import fast_jvm
fast_jvm.wait_ready()
cache = CaffeineCache(1 << 20)
before = sorted(os.listdir("/proc/self/task"))
for n in range(500):
    cache.set({((), str(n)): (b"x" * 10_000, 1)})
cache.get([((), "1")])
made = set(os.listdir("/proc/self/task")) - set(before)
names = [open(f"/proc/self/task/{each}/comm").read().strip() for each in made]
print([name for name in names if "Compiler" not in name])
class Late:
    def __del__(self):
        cache.set({((), "late"): (1, None)})
        cache.get([((), "late")])
late = Late()
""",
    )
    assert done.returncode == 0 and done.stdout == "[]\n" and not done.stderr, done.stderr


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork here")
def test_a_forked_child(run: Any, java: str) -> None:
    done = run(
        PROGRAM,
        """
import fast_jvm
cache = CaffeineCache(1 << 20)
cache.set({((), "k"): (1, None)})
child = os.fork()
if not child:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert cache.get([((), "k")]) == {}
        cache.set({((), "k"): (2, None)})
        assert cache.get([((), "k")]) == {}
        cache.clear()
    assert [each.category for each in told] == [RuntimeWarning], told
    assert "forked child" in str(told[0].message) and told[0].filename == "<string>", told[0]
    for work in (cache.cache_stats, lambda: CaffeineCache(1 << 20)):
        try:
            work()
        except fast_jvm.FastJvmUnavailable as error:
            assert "forked child" in str(error)
        else:
            os._exit(9)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert cache.get([((), "k")]) == {((), "k"): 1}
print("done")
""",
    )
    assert done.stdout == "done\n", done.stderr


def test_without_java(run: Any) -> None:
    done = run(
        """
import fast_jvm
from fast_langgraph import CaffeineCache
try:
    CaffeineCache(max_bytes=1000)
except fast_jvm.FastJvmUnavailable as error:
    print(error)
""",
        FAST_JVM="off",
    )
    assert done.stdout == "FAST_JVM=off. Cure: unset FAST_JVM\n", done.stderr


def test_who_uses_no_cache_loads_none(run: Any, java: str) -> None:
    done = run(
        """
import fast_jvm, fast_langgraph, langgraph.graph, sys
assert fast_jvm.wait_ready()
print(fast_jvm.status().builtins["byte_cache"].calls)
print([name for name in sys.modules if name.startswith(("fast_langgraph._ca", "fast_jvm._byte"))])
"""
    )
    assert done.stdout == "0\n[]\n", done.stderr


def test_event_loop(caffeine: Any) -> None:
    """Tasks of several loops at once."""
    cache = caffeine(MB)

    async def work(n: int) -> None:
        for k in range(50):
            key = (("loop",), f"{n} {k}")
            await cache.aset({key: ([n, k], None)})
            assert await cache.aget([key]) == {key: [n, k]}

    async def all_() -> None:
        await asyncio.gather(*(work(n) for n in range(10)))

    threads = [threading.Thread(target=lambda: asyncio.run(all_())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert cache.cache_stats()["misses"] == 0


def test_collected_caches(caffeine: Any) -> None:
    import weakref

    cache = caffeine()
    cache.set({((), "k"): (1, None)})
    gone = weakref.ref(cache._cache)
    del cache
    gc.collect()
    assert gone() is None
