"""The Router's counters on the table: the choices and errors of LiteLLM's own, and, of all workers, no request over a limit."""

from __future__ import annotations

import asyncio
import collections
import datetime
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import litellm
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from litellm import Router
from litellm.caching.in_memory_cache import InMemoryCache
from litellm.router_strategy import lowest_tpm_rpm, lowest_tpm_rpm_v2
from litellm.router_utils.pre_call_checks import io_token_rate_limit_check, model_rate_limit_check
from sides import originals, served

import fast_litellm
from fast_litellm import RateLimits, _router_limits

NAMES = _router_limits.names()
MESSAGES = [{"role": "user", "content": "hi"}]
START = 1_800_000_000.0 - 1_800_000_000 % 60


class Clock:
    """The time of LiteLLM's minutes and of its cache."""

    now = START

    @classmethod
    def utc(cls) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(cls.now, datetime.timezone.utc)


class _Local:
    now = staticmethod(Clock.utc)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("limits") / "table"
    with originals():
        before = Router(model_list=[])
    with pytest.raises(RuntimeError, match="counts already"):
        fast_litellm.use_rate_limits(made)
    before.discard()
    fast_litellm.use_rate_limits(made, keys=400_000)
    patched = pytest.MonkeyPatch()
    for module in (lowest_tpm_rpm_v2, model_rate_limit_check, io_token_rate_limit_check):
        patched.setattr(module, "get_utc_datetime", Clock.utc)
    patched.setattr(litellm.router, "get_utc_datetime", Clock.utc)
    patched.setattr(lowest_tpm_rpm, "datetime", _Local)
    patched.setattr(litellm, "suppress_debug_info", True)
    yield made
    patched.undo()


runs = iter(range(1 << 30))


def router_of(
    limits: list[dict[str, Any]], strategy: str, run: int, enforced: bool = False
) -> Router:
    made = Router(
        model_list=[
            {
                "model_name": "m" if strategy != "usage-based-routing" else f"m{run}",
                "litellm_params": {"model": "openai/gpt-4o", "api_key": "k", **limit},
                "model_info": {"id": f"{run}-{place}"},
            }
            for place, limit in enumerate(limits)
        ],
        routing_strategy=strategy,
        optional_pre_call_checks=["enforce_model_rate_limits"] if enforced else None,
    )
    made.cache.in_memory_cache._clock = lambda: Clock.now
    return made


def forget(router: Router) -> None:
    """Its callbacks, which LiteLLM counts."""
    router.discard()
    for callbacks in (
        litellm.callbacks,
        litellm.success_callback,
        litellm._async_success_callback,
        litellm.failure_callback,
        litellm._async_failure_callback,
        litellm.input_callback,
    ):
        callbacks.clear()


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "rpm": st.integers(0, 5),
        "tpm": st.sampled_from([0, 20, 60, 1000]),
        "itpm": st.sampled_from([10, 40]),
        "otpm": st.sampled_from([10, 40]),
    },
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.sampled_from([0.4, 9.0, 31.0, 60.0, 86400.0])),
        st.tuples(st.just("choose"), st.booleans(), st.booleans(), st.integers(0, 30)),
        st.tuples(st.just("choose"), st.booleans(), st.booleans(), st.integers(0, 30)),
        st.tuples(st.just("refund"), st.integers(0, 3)),
    ),
    min_size=1,
    max_size=25,
)


def told(router: Router, taken: list[Any], run: int) -> list[Any]:
    """What a Router answers: choices, errors, and the usage of its group."""
    random.seed(5)
    seen: list[Any] = []
    group = router.model_list[0]["model_name"]

    async def once(step: Any) -> Any:
        _, is_async, succeeds, tokens = step
        kwargs: dict[str, Any] = {"metadata": {}, "max_tokens": 7}
        parent = {"parent_otel_span": None}
        try:
            if is_async:
                found = await router.async_get_available_deployment(
                    group, request_kwargs=kwargs, messages=MESSAGES
                )
                await router.async_routing_strategy_pre_call_checks(
                    deployment=found, logging_obj=None, **parent
                )
            else:
                found = router.get_available_deployment(group, MESSAGES, request_kwargs=kwargs)
                router.routing_strategy_pre_call_checks(deployment=found)
        except Exception as error:
            return type(error), str(error).replace(f"{run}-", "").replace(f"m{run}", "m")
        if succeeds:
            ended: Any = {
                "litellm_params": {
                    "metadata": {"model_group": group, "deployment": "openai/gpt-4o"},
                    "model_info": found["model_info"],
                },
                "standard_logging_object": {
                    "model_group": group,
                    "model_id": found["model_info"]["id"],
                    "hidden_params": {"litellm_model_name": found["litellm_params"]["model"]},
                    "total_tokens": tokens,
                },
            }
            response = {"usage": {"total_tokens": tokens}}
            for callback in list(litellm.callbacks):
                if is_async:
                    await callback.async_log_success_event(ended, response, None, None)
                else:
                    callback.log_success_event(ended, response, None, None)
            await router.deployment_callback_on_success(ended, response, None, None)
        return found["model_info"]["id"].partition("-")[2]

    for step in taken:
        if step[0] == "pass":
            Clock.now += step[1]
        elif step[0] == "choose":
            seen.append(asyncio.run(once(step)))
        else:
            key = f"global_router:{run}-{step[1]}:openai/gpt-4o:itpm:{Clock.utc():%H-%M}"
            router.cache.increment_cache(key=key, value=-2, ttl=60)
        seen.append(asyncio.run(router.get_model_group_usage(group)))
    return seen


@settings(max_examples=1500 if LONG else 60)
@given(
    st.lists(LIMITS, min_size=1, max_size=4),
    st.sampled_from(["usage-based-routing", "usage-based-routing-v2", "simple-shuffle"]),
    STEPS,
)
def test_as_in_memory(limits: list[dict[str, Any]], strategy: str, taken: list[Any]) -> None:
    sides = []
    for ours in (True, False):
        Clock.now, run = START, next(runs)
        if ours:
            router = router_of(limits, strategy, run, enforced=strategy == "simple-shuffle")
            assert type(router.cache.in_memory_cache) is not InMemoryCache
        else:
            with originals(*NAMES):
                router = router_of(limits, strategy, run, enforced=strategy == "simple-shuffle")
            assert type(router.cache.in_memory_cache) is InMemoryCache
        sides.append(told(router, taken, run))
        forget(router)
    assert sides[0] == sides[1]


class Workers(RuleBasedStateMachine):
    """Three Routers of one deployment each way, as workers have them, and what a minute of LiteLLM's admits."""

    @initialize(rpm=st.integers(1, 4), tpm=st.sampled_from([None, 30]))
    def made(self, rpm: int, tpm: int | None) -> None:
        Clock.now = START + random.Random(rpm).random() * 40
        self.run = next(runs)
        self.rpm, self.tpm = rpm, tpm
        limits = [{"rpm": rpm, "tpm": tpm}] * 2
        self.routers = [
            router_of(limits, "usage-based-routing-v2", self.run, enforced=False) for _ in range(3)
        ]
        self.counted: Any = collections.Counter()
        self.tokens: Any = collections.Counter()

    def teardown(self) -> None:
        for router in getattr(self, "routers", ()):
            forget(router)

    @rule(seconds=st.sampled_from([0.3, 7.0, 31.0, 59.0, 60.0, 86400.0, -30.0, -61.0]))
    def time_passes(self, seconds: float) -> None:
        Clock.now += seconds

    @rule(which=st.integers(0, 2), place=st.integers(0, 1), is_async=st.booleans())
    def check(self, which: int, place: int, is_async: bool) -> None:
        router, slot = self.routers[which], (place, int(Clock.now // 60))
        deployment = router.model_list[place]
        selector = router.lowesttpm_logger_v2
        assert selector is not None
        try:
            if is_async:
                asyncio.run(selector.async_pre_call_check(deployment, None))
            else:
                selector.pre_call_check(deployment)
        except litellm.RateLimitError as error:
            assert self.counted[slot] >= self.rpm
            assert f"current usage={self.counted[slot]}" in str(error)
        else:
            self.counted[slot] += 1
            assert self.counted[slot] <= self.rpm

    @rule(which=st.integers(0, 2), place=st.integers(0, 1), amount=st.integers(1, 20))
    def spend(self, which: int, place: int, amount: int) -> None:
        key = f"{self.run}-{place}:openai/gpt-4o:tpm:{Clock.utc():%H-%M}"
        slot = (place, int(Clock.now // 60))
        self.tokens[slot] += amount
        found = self.routers[which].cache.increment_cache(key=key, value=amount, ttl=60)
        assert found == self.tokens[slot]

    @rule(which=st.integers(0, 2))
    def choose(self, which: int) -> None:
        """The least used of those that have room, as LiteLLM says it."""
        minute = int(Clock.now // 60)
        wanted = {}
        for place in (0, 1):
            used = self.counted[place, minute]
            tokens = self.tokens[place, minute]
            if not (used and used + 1 >= self.rpm) and not (
                self.tpm is not None and tokens + 8 > self.tpm
            ):
                wanted[place] = tokens
        try:
            found = self.routers[which].get_available_deployment("m", MESSAGES, request_kwargs={})
        except Exception:
            assert not wanted
        else:
            place = int(found["model_info"]["id"].partition("-")[2])
            assert wanted[place] == min(wanted.values())


def test_workers_together() -> None:
    run_state_machine_as_test(
        Workers, settings=settings(max_examples=400 if LONG else 25, stateful_step_count=40)
    )


def test_version_one_counts_together() -> None:
    """Of three workers, each finds what all have used, and what two add at once is not lost."""
    Clock.now, run = START, next(runs)
    routers = [
        router_of([{"rpm": 4, "tpm": 100}, {"tpm": 100}], "usage-based-routing", run)
        for _ in range(3)
    ]
    key = f"m{run}:tpm:{Clock.utc():%H-%M}"
    assert routers[0].cache.get_cache(key) is None
    first, second = ({f"{run}-0": 5}, {f"{run}-1": 7})
    routers[0].cache.set_cache(key, first, ttl=60)
    routers[1].cache.set_cache(key, second, ttl=60)
    both = {f"{run}-0": 5, f"{run}-1": 7}
    assert all(router.cache.get_cache(key) == both for router in routers)
    held = [router.cache.get_cache(key) for router in routers]
    for place, numbers in enumerate(held):
        numbers[f"{run}-0"] += 10 + place
    assert routers[0].cache.get_cache(key) == {f"{run}-0": 15, f"{run}-1": 7}
    for router, numbers in zip(routers, held):
        router.cache.set_cache(key, numbers, ttl=60)
    assert routers[2].cache.get_cache(key) == {f"{run}-0": 5 + 33, f"{run}-1": 7}
    found = routers[2].get_available_deployment(f"m{run}", MESSAGES, request_kwargs={})
    assert found["model_info"]["id"] == f"{run}-1"
    Clock.now += 61
    assert routers[0].cache.get_cache(f"m{run}:tpm:{Clock.utc():%H-%M}") is None
    for router in routers:
        forget(router)


def test_redis_and_other_caches_stay() -> None:
    """A Router with Redis, one that gets it later, and one with a cache of its own kind, count as LiteLLM does."""

    class Redis:
        def __init__(self) -> None:
            self.values: Any = collections.Counter()

        def increment_cache(self, key: str, value: int, **_: Any) -> int:
            self.values[key] += value
            return int(self.values[key])

        def get_cache(self, key: str, **_: Any) -> Any:
            return self.values.get(key)

    Clock.now, run = START, next(runs)
    router = router_of([{"rpm": 2}], "usage-based-routing-v2", run)
    selector: Any = router.lowesttpm_logger_v2
    selector.pre_call_check(router.model_list[0])
    redis = Redis()
    router.cache.redis_cache = redis
    selector.pre_call_check(router.model_list[0])
    key = f"{run}-0:openai/gpt-4o:rpm:{Clock.utc():%H-%M}"
    assert redis.values[key] == 1 and router.cache.in_memory_cache.cache_dict[key] == 1
    forget(router)

    class Mine(InMemoryCache):
        pass

    before = fast_litellm.get_performance_stats("litellm.limits_router")["declined"]
    router.cache.in_memory_cache = Mine()
    router._init_routing_groups(None)
    after = fast_litellm.get_performance_stats("litellm.limits_router")["declined"]
    assert after == before + 1 and type(router.cache.in_memory_cache) is Mine


def test_a_strategy_of_somebody_elses() -> None:
    """A subclass of LiteLLM's strategy, on the same cache, is called and counts."""

    class Mine(lowest_tpm_rpm_v2.LowestTPMLoggingHandler_v2):
        called = 0

        def pre_call_check(self, deployment: Any) -> Any:
            self.called += 1
            return super().pre_call_check(deployment)

    Clock.now, run = START, next(runs)
    router = router_of([{"rpm": 1}], "usage-based-routing-v2", run)
    mine = Mine(router.cache)
    router.lowesttpm_logger_v2 = mine
    litellm.callbacks[:] = [mine]
    router.routing_strategy_pre_call_checks(deployment=router.model_list[0])
    with pytest.raises(litellm.RateLimitError):
        router.routing_strategy_pre_call_checks(deployment=router.model_list[0])
    assert mine.called == 2
    forget(router)


def test_requests_in_flight() -> None:
    """The slots of a deployment are those of all workers, and of one that died, free after an hour."""
    run = next(runs)
    routers = [router_of([{"max_parallel_requests": 2}], "simple-shuffle", run) for _ in range(2)]
    limits = [
        router._get_client(router.model_list[0], {}, client_type="max_parallel_requests")
        for router in routers
    ]
    with limits[0], limits[1]:
        with pytest.raises(litellm.RateLimitError) as ours, limits[1]:
            pass
        with originals(*NAMES):
            alone = router_of([{"max_parallel_requests": 0.5}], "simple-shuffle", run)
            theirs = type(limits[0]).__mro__[1](2, f"{run}-0", "m")
        theirs.in_flight = 2
        with pytest.raises(litellm.RateLimitError) as expected:
            theirs.acquire()
        assert str(ours.value) == str(expected.value)
    with limits[1], limits[0]:
        assert [limit.in_flight for limit in limits] == [1, 1]
    assert [limit.in_flight for limit in limits] == [0, 0]
    limits[0].acquire()
    limits[0].acquire()
    table = _router_limits._opened()  # type: ignore[misc]
    key = f"router parallel:{run}-0"
    assert table.in_flight(key, now=time.time(), ttl=3600) == 2
    assert table.in_flight(key, now=time.time() + 3601, ttl=3600) == 0
    for router in (*routers, alone):
        forget(router)


def test_whole_calls_are_limited() -> None:
    """router.completion and acompletion, with limits of two Routers together."""
    Clock.now, run = START, next(runs)
    routers = [
        Router(
            model_list=[
                {
                    "model_name": "m",
                    "litellm_params": {"model": "gpt-4o", "mock_response": "hi", "rpm": 5},
                    "model_info": {"id": f"{run}-0"},
                }
            ],
            optional_pre_call_checks=["enforce_model_rate_limits"],
            num_retries=0,
            disable_cooldowns=True,
        )
        for _ in range(2)
    ]
    for router in routers:
        router.cache.in_memory_cache._clock = lambda: Clock.now

    async def call(router: Router) -> Any:
        return await router.acompletion("m", MESSAGES)

    admitted = 0
    for turn in range(8):
        router = routers[turn % 2]
        for check in router.optional_callbacks or ():
            litellm.callbacks[:] = [check]
        try:
            if turn % 3:
                router.completion("m", MESSAGES)
            else:
                asyncio.run(call(router))
            admitted += 1
        except litellm.RateLimitError as error:
            assert "RPM limit=5" in str(error)
    assert admitted == 5
    assert served("litellm.limits_router") and served("litellm.limits_parallel")
    for router in routers:
        forget(router)


WORKERS = """
import datetime, os, random, struct, sys, time
import fast_litellm, litellm
from litellm.router_strategy import lowest_tpm_rpm_v2

folder, many, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
litellm.suppress_debug_info = True
begin, last = time.time(), ""


def scaled():  # a minute a second
    return begin + (time.time() - begin) * 60


def utc():
    global last
    found = datetime.datetime.fromtimestamp(scaled(), datetime.timezone.utc)
    last = found.strftime("%H-%M")
    return found


lowest_tpm_rpm_v2.get_utc_datetime = utc
router = litellm.Router(
    model_list=[
        {
            "model_name": "m",
            "litellm_params": {"model": "openai/gpt-4o", "api_key": "k", "rpm": 60},
            "model_info": {"id": str(place)},
        }
        for place in range(3)
    ],
    routing_strategy="usage-based-routing-v2",
)
router.cache.in_memory_cache._clock = scaled
selector = router.lowesttpm_logger_v2
children = []
for place in range(many):
    child = os.fork()
    if child:
        children.append(child)
        continue
    random.seed(place)
    out = os.open("%s/out %d" % (folder, place), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    router.cache.get_cache("0:x:rpm:00-00")  # opens the table
    open("%s/ready %d" % (folder, place), "w").close()
    while not os.path.exists(folder + "/go"):
        time.sleep(0.01)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        deployment = random.choice(router.model_list)
        try:
            selector.pre_call_check(deployment)
        except litellm.RateLimitError:
            os.write(out, b"-" * 7)
        else:
            os.write(out, struct.pack("=BB5s", 43, int(deployment["model_info"]["id"]), last.encode()))
    os._exit(0)
print(*children, flush=True)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def test_processes(tmp_path: Path) -> None:
    """Workers that a master made, which loaded all and counted nothing; some are killed on the way. A minute lasts a second."""
    many, seconds, killed = (8, 10.0, 3) if LONG else (4, 2.0, 1)
    command = [sys.executable, "-c", WORKERS, str(tmp_path), str(many), str(seconds)]
    environment = {**os.environ, "FAST_LITELLM_RATE_LIMITS": str(tmp_path / "limits")}
    environment["FAST_JVM"] = "on"
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as master:
        try:
            assert master.stdout is not None
            children = [int(each) for each in master.stdout.readline().split()]
            assert len(children) == many
            end = time.monotonic() + 120
            while len(list(tmp_path.glob("ready *"))) < many:
                assert time.monotonic() < end and master.poll() is None
                time.sleep(0.05)
            (tmp_path / "go").touch()
            time.sleep(seconds / 2)
            for child in children[:killed]:
                os.kill(child, signal.SIGKILL)
            master.wait(120)
        finally:
            master.kill()
    admitted: Any = collections.Counter()
    refused = 0
    for place in range(many):
        written = (tmp_path / f"out {place}").read_bytes()
        for found in struct.iter_unpack("=BB5s", written[: len(written) // 7 * 7]):
            refused += found[0] == ord("-")
            admitted[found[1:]] += found[0] == ord("+")
    windows = {name: count for name, count in admitted.items() if count}
    print(
        f"{many} processes, {seconds} s, {killed} killed: {sum(windows.values())} admitted in "
        f"{len(windows)} windows, {refused} refused, {max(windows.values()) - 60} over the limit"
    )
    assert len(windows) >= 3 * (seconds - 1)
    assert max(windows.values()) <= 60 and refused


def test_a_child_of_one_that_counted_refuses() -> None:
    """It has no table: a request with a limit is refused, one without goes on."""
    Clock.now, run = START, next(runs)
    router = router_of([{"rpm": 9}, {}], "usage-based-routing-v2", run)
    selector: Any = router.lowesttpm_logger_v2
    selector.pre_call_check(router.model_list[0])
    child = os.fork()
    if child == 0:
        try:
            selector.pre_call_check(router.model_list[1])
            selector.pre_call_check(router.model_list[0])
            os._exit(1)
        except litellm.RateLimitError:
            os._exit(0)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    forget(router)


def test_a_full_table_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Clock.now, run = START, next(runs)
    small = RateLimits(tmp_path / "small", keys=10)
    for place in range(100):
        small.check(str(place), 5, now=int(Clock.now))
    monkeypatch.setattr(_router_limits, "_opened", lambda: small)
    router = router_of([{"rpm": 9}], "usage-based-routing-v2", run)
    selector: Any = router.lowesttpm_logger_v2
    with pytest.raises(litellm.RateLimitError, match="2147483647"):
        selector.pre_call_check(router.model_list[0])
    forget(router)
