"""The proxy's limiter v3 on our table answers as on LiteLLM's in-memory cache."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import LONG, originals
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm import DualCache
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.proxy.hooks import parallel_request_limiter_v3 as v3
from litellm.proxy.utils import InternalUsageCache

import fast_litellm
from fast_litellm import _limiter

NAMES = [f"litellm.{name}" for name in _limiter._METHODS]


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("limits") / "table"
    fast_litellm.use_rate_limits(made, keys=200_000)
    fast_litellm.use_rate_limits(made)
    with pytest.raises(RuntimeError, match="already"):
        fast_litellm.use_rate_limits(made.parent / "other")
    components = fast_litellm.health_check()["components"]
    assert all(components[name]["status"] == "live" for name in NAMES)
    yield made
    stats = fast_litellm.get_performance_stats()
    for name in NAMES:
        print(f"{name}: served {stats[name]['served']}, declined {stats[name]['declined']}")
        assert stats[name]["served"] > 0, name


class Clock:
    """A time for a handler and its cache."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.5

    def __call__(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.now)


def handler(clock: Clock, redis: Any = None) -> Any:
    memory = InMemoryCache(max_size_in_memory=10_000)
    memory._clock = lambda: clock.now
    cache = DualCache(in_memory_cache=memory)
    made = v3.PROXY_MaxParallelRequestsHandler_v3(InternalUsageCache(cache), time_provider=clock)
    made.window_size = 60
    cache.redis_cache = redis
    return made


runs = iter(range(1 << 30))
descriptors = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["api_key", "user", "model_per_key"]),
            "value": st.sampled_from(["a", "b:c", "é"]),
            "rate_limit": st.fixed_dictionaries(
                {},
                optional={
                    "requests_per_unit": st.integers(0, 4),
                    "tokens_per_unit": st.integers(0, 30),
                    "max_parallel_requests": st.integers(0, 3),
                },
            ),
        }
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: (one["key"], one["value"]),
)
steps = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from([0.0, 7.0, 200.0])),
    st.tuples(
        st.just("should"), descriptors, st.booleans(), st.booleans(), st.sampled_from("pqrs")
    ),
    st.tuples(st.just("reserve"), descriptors, st.integers(0, 12)),
    st.tuples(st.just("settle"), st.integers(-8, 8)),
    st.tuples(st.just("spend"), st.integers(1, 9)),
    st.tuples(st.just("release"), st.sampled_from("pqrs")),
)


async def told(made: Any, clock: Clock, taken: list[Any], run: str) -> list[Any]:
    """What a handler answers to the steps; its keys are of this run alone."""
    answers: list[Any] = []
    windows: list[tuple[str, str, float]] = []

    def named(found: list[Any]) -> list[Any]:
        return [{**one, "value": run + one["value"]} for one in found]

    for step in taken:
        kind = step[0]
        if kind == "pass":
            clock.now += step[1]
            if step[1] == 200.0:
                windows.clear()
        elif kind == "should":
            response = await made.should_rate_limit(
                named(step[1]),
                read_only=step[2],
                skip_tpm_check=step[3],
                parallel_slot_id=run + step[4],
            )
            answers.append(response)
        elif kind == "reserve":
            wanted = named(step[1])
            response = await made.atomic_check_and_increment_by_n(
                wanted, [{"requests": 1, "tokens": step[2]} for _ in wanted]
            )
            windows += [
                (key, start, clock.now) for key, start, _ in response.get("reservation_windows", ())
            ]
            answers.append(
                {**response, "reservation_windows": sorted(response.get("reservation_windows", ()))}
            )
        elif kind in ("settle", "spend"):
            # of windows that are open still: what is counted later begins one of its own
            for key, start, _ in sorted({one for one in windows if clock.now - one[2] < 50}):
                operation: Any = {"key": key, "increment_value": step[1], "ttl": 60}
                if kind == "settle":
                    operation.update(
                        window_key=key.rpartition(":")[0] + ":window",
                        expected_window_start=start,
                        reservation_backend="local",
                    )
                    await made.async_increment_reservation_aware_tokens([operation])
                else:
                    await made.async_increment_tokens_with_ttl_preservation([operation])
        else:
            keys = [
                f"{{{key}:{run}{value}}}:max_parallel_requests"
                for key in ("api_key", "user")
                for value in ("a", "é")
            ]
            await made._release_parallel_request_slots(
                {"slot_id": run + step[1], "counter_keys": keys}
            )
    return [strip(answer, run) for answer in answers]


def strip(answer: Any, run: str) -> Any:
    return eval(repr(answer).replace(run, ""), {"frozenset": frozenset})


@settings(max_examples=800 if LONG else 200)
@given(st.lists(steps, min_size=1, max_size=14))
def test_as_in_memory(taken: list[Any]) -> None:
    sides = []
    for ours in (True, False):
        clock, run = Clock(), f"<{next(runs)}>"
        with contextlib.nullcontext() if ours else originals(*NAMES):
            sides.append(asyncio.run(told(handler(clock), clock, taken, run)))
    assert sides[0] == sides[1]


def test_past_200_keys() -> None:
    """The original's cache forgets; the table does not."""

    async def admitted() -> int:
        made = handler(Clock())
        made.internal_usage_cache.dual_cache.in_memory_cache.max_size_in_memory = 200
        found, run = 0, f"<{next(runs)}>"
        for _ in range(3):
            for place in range(300):
                limit = {
                    "key": "api_key",
                    "value": f"{run}{place}",
                    "rate_limit": {"requests_per_unit": 1},
                }
                found += (await made.should_rate_limit([limit]))["overall_code"] == "OK"
        return found

    assert asyncio.run(admitted()) == 300
    with originals(*NAMES):
        assert asyncio.run(admitted()) > 300


def test_what_is_given_back_late_is_no_room_in_the_next_window() -> None:
    """A call of more than a window reserved 90 tokens and took 10: the original forgets the 80 as the next window begins."""
    run = f"<{next(runs)}>"
    limit = [{"key": "api_key", "value": run, "rate_limit": {"tokens_per_unit": 100}}]
    key = f"{{api_key:{run}}}:tokens"

    async def admitted() -> list[str]:
        clock = Clock()
        made = handler(clock)
        codes = [await made.reserve_tpm_tokens(limit, 90)]
        clock.now += 61
        await made.async_increment_tokens_with_ttl_preservation(
            [{"key": key, "increment_value": -80, "ttl": 60}]
        )
        for _ in range(3):
            codes.append(await made.reserve_tpm_tokens(limit, 60))
        await made.async_increment_tokens_with_ttl_preservation(
            [{"key": key, "increment_value": -40, "ttl": 60}]
        )
        codes.append(await made.reserve_tpm_tokens(limit, 60))
        return [code["overall_code"] for code in codes]

    ours = asyncio.run(admitted())
    assert ours == ["OK", "OK", "OVER_LIMIT", "OVER_LIMIT", "OK"]
    with originals(*NAMES):
        assert ours == asyncio.run(admitted())


def test_what_others_look_up_in_the_cache() -> None:
    """The dynamic limiter reads how far a model is used, batches when their day began."""
    run = f"<{next(runs)}>"

    async def found() -> list[Any]:
        clock = Clock()
        made = handler(clock)
        cache = made.internal_usage_cache
        minute = {
            "key": "model_saturation_check",
            "value": run,
            "rate_limit": {"requests_per_unit": 50, "tokens_per_unit": 500},
        }
        day = {
            "key": "api_key_tpd",
            "value": run,
            "rate_limit": {"tokens_per_unit": 1000, "window_size": 86400},
        }
        read: list[Any] = []

        async def look() -> None:
            for key in ("model_saturation_check", "api_key_tpd"):
                for kind in ("requests", "tokens", "window"):
                    name = f"{{{key}:{run}}}:{kind}"
                    read.append(await cache.async_get_cache(name, None))
                    read.append(await cache.async_get_cache(name, None, local_only=True, ttl=5))
            read.append(await cache.async_get_cache("{odd}", None))
            read.append(await cache.async_get_cache(f"{{api_key_tpd:{run}}}:else", None))

        await look()
        await made.should_rate_limit([minute], skip_tpm_check=True)
        await made.atomic_check_and_increment_by_n(
            [minute, day], [{"requests": 2, "tokens": 7}, {"tokens": 30}]
        )
        await look()
        clock.now += 59
        await look()
        clock.now += 40_000
        await look()
        await cache.async_set_cache(f"{{api_key_tpd:{run}}}:else", 3, None)
        await look()
        return read

    ours = asyncio.run(found())
    assert 3 in ours and 7 in ours and 30 in ours
    with originals(*NAMES):
        assert ours == asyncio.run(found())


def test_a_dynamic_limiter_sees_how_far_a_model_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import litellm
    from litellm.proxy.hooks.dynamic_rate_limiter_v3 import _PROXY_DynamicRateLimitHandlerV3
    from litellm.types.router import ModelGroupInfo

    monkeypatch.setattr(litellm, "priority_reservation", {"prod": 0.75, "dev": 0.25})
    run = f"<{next(runs)}>"

    async def saturation() -> list[float]:
        clock = Clock()
        cache = handler(clock).internal_usage_cache.dual_cache
        made = _PROXY_DynamicRateLimitHandlerV3(internal_usage_cache=cache, time_provider=clock)
        info = ModelGroupInfo(model_group="m", providers=["openai"], rpm=10, tpm=100)
        limit = {
            "key": "model_saturation_check",
            "value": run,
            "rate_limit": {"requests_per_unit": 10, "tokens_per_unit": 100},
        }
        told = [await made._check_model_saturation(run, info)]
        for _ in range(3):
            await made.v3_limiter.atomic_check_and_increment_by_n(
                [limit], [{"requests": 1, "tokens": 15}]
            )
            told.append(await made._check_model_saturation(run, info))
        return told

    ours = asyncio.run(saturation())
    assert ours == [0.0, 0.15, 0.3, 0.45]
    with originals(*NAMES):
        assert ours == asyncio.run(saturation())


def test_redis_stays_litellms_own() -> None:
    """A handler with Redis is not ours: workers share that."""

    async def run() -> None:
        made = handler(Clock(), redis=object())
        before = fast_litellm.get_performance_stats("litellm.limits_read")
        assert (
            await made._batch_get_counter_values(["{a:b}:window", "{a:b}:requests"], None, True)
            is None
            or True
        )
        after = fast_litellm.get_performance_stats("litellm.limits_read")
        assert (after["served"], after["declined"]) == (before["served"], before["declined"] + 1)

    asyncio.run(run())


def test_slots_of_a_dead_worker_expire() -> None:
    async def run() -> None:
        clock, value = Clock(), f"<{next(runs)}>"
        limit = [{"key": "api_key", "value": value, "rate_limit": {"max_parallel_requests": 1}}]
        assert (await handler(clock).should_rate_limit(limit, parallel_slot_id="1"))[
            "overall_code"
        ] == "OK"
        other = handler(clock)
        assert (await other.should_rate_limit(limit, parallel_slot_id="2"))[
            "overall_code"
        ] == "OVER_LIMIT"
        clock.now += v3.PARALLEL_REQUEST_SLOT_TTL_SECONDS + 1
        assert (await other.should_rate_limit(limit, parallel_slot_id="2"))["overall_code"] == "OK"

    asyncio.run(run())
