"""The proxy's authorization checks, gathered: original and ours on the same tokens, teams and bodies."""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable
from types import MappingProxyType
from typing import Any
from unittest.mock import AsyncMock, patch

from conftest import LONG, originals, placed, served_by
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.caching.dual_cache import DualCache
from litellm.proxy import proxy_server
from litellm.proxy._types import (
    LiteLLM_TeamTableCachedObj,
    LiteLLM_UserTable,
    UserAPIKeyAuth,
)
from litellm.proxy.auth import auth_checks, user_api_key_auth
from litellm.proxy.hooks import parallel_request_limiter_v3 as limiter
from litellm.proxy.utils import ProxyLogging
from starlette.requests import Request

from fast_jvm import _registry
from fast_litellm._proxy_checks import _Gathered

CHECKS = ("team_max", "team_windows", "key_windows", "team_soft", "organization", "tags", "member")
NAMES = [f"litellm.proxy_{each}" for each in (*CHECKS, "fetch")]
LIMITER = limiter._PROXY_MaxParallelRequestsHandler_v3
EXAMPLES = 300 if LONG else 60
LOGGING = ProxyLogging(user_api_key_cache=DualCache())


def served() -> dict[str, int]:
    return {name: served_by(name) for name in NAMES}


def told(make: Callable[[], Any]) -> Any:
    """Return what comes of a coroutine in a loop of its own, or the error."""

    async def run() -> Any:
        try:
            return "returned", await make()
        except Exception as error:
            return type(error), error.args, vars(error)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a coroutine that nobody awaited
        return asyncio.run(run())


def request() -> Request:
    return Request(
        {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    )


WINDOWS = st.sampled_from(
    [
        None,
        [],
        [{"budget_duration": "1d", "max_budget": 0.0, "reset_at": None}],
        [{"budget_duration": "1d", "max_budget": 9.0, "reset_at": None}],
    ]
)
MONEY = st.sampled_from([None, 0.0, 1.0, 5.0])
TEAMS = st.none() | st.builds(
    LiteLLM_TeamTableCachedObj,
    team_id=st.just("t"),
    max_budget=MONEY,
    soft_budget=MONEY,
    spend=MONEY,
    budget_limits=WINDOWS,
    organization_id=st.sampled_from([None, "o"]),
)
USERS = st.none() | st.builds(
    LiteLLM_UserTable, user_id=st.just("u"), max_budget=MONEY, spend=st.just(1.0)
)
TOKENS = st.builds(
    UserAPIKeyAuth,
    api_key=st.just("sk-1"),
    user_id=st.sampled_from([None, "u"]),
    team_id=st.sampled_from([None, "t"]),
    budget_limits=WINDOWS,
    org_id=st.sampled_from([None, "o"]),
    max_budget=MONEY,
)
BODIES = st.fixed_dictionaries(
    {"model": st.just("m")},
    optional={
        "tags": st.sampled_from([["a"], "a", None]),
        "metadata": st.sampled_from([{"tags": ["b"]}, '{"tags": ["b"]}', "{", None, {}]),
        "litellm_metadata": st.sampled_from([{"tags": ["c"]}, "[]", None]),
        "user": st.just("e"),
    },
)


def checks(body: Any, token: Any, team: Any = None, user: Any = None, skip: bool = False) -> Any:
    return auth_checks.common_checks(
        request_body=dict(body),
        team_object=team,
        user_object=user,
        end_user_object=None,
        global_proxy_spend=None,
        general_settings={},
        route="/v1/chat/completions",
        llm_router=None,
        proxy_logging_obj=LOGGING,
        valid_token=token,
        request=request(),
        skip_budget_checks=skip,
    )


@settings(max_examples=EXAMPLES)
@given(BODIES, TEAMS, USERS, TOKENS, st.booleans())
def test_common_checks(body: Any, team: Any, user: Any, token: Any, skip: bool) -> None:
    def ask() -> Any:
        return checks(body, token, team, user, skip)

    with originals(*NAMES):
        expected = told(ask)
    before = served()
    assert told(ask) == expected
    counts = {name: count - before[name] for name, count in served().items()}
    if expected[0] == "returned":
        text = any(type(body.get(name)) is str for name in ("metadata", "litellm_metadata"))
        gathered = not skip
        assert counts["litellm.proxy_team_max"] == (gathered and team is None)
        assert counts["litellm.proxy_team_windows"] == (gathered and team is None)
        assert counts["litellm.proxy_team_soft"] == (gathered and team is None)
        assert counts["litellm.proxy_member"] == (gathered and team is None)
        assert counts["litellm.proxy_organization"] == gathered
        assert counts["litellm.proxy_key_windows"] == (gathered and not token.budget_limits)
        assert counts["litellm.proxy_tags"] == (gathered and not text)


@settings(max_examples=EXAMPLES)
@given(BODIES, TOKENS)
def test_what_is_fetched_before(body: Any, token: Any) -> None:
    def ask() -> Any:
        return user_api_key_auth.run_centralized_common_checks(
            user_api_key_auth_obj=token.model_copy(deep=True),
            request=request(),
            request_data=dict(body),
            route="/v1/chat/completions",
        )

    with (
        patch.object(proxy_server, "master_key", "sk-master"),
        patch.object(proxy_server, "proxy_logging_obj", LOGGING),
    ):
        with originals(*NAMES):
            expected = told(ask)
        before = served()["litellm.proxy_fetch"]
        assert told(ask) == expected
    nothing = [token.team_id is None, token.user_id is None, True, "user" not in body]
    assert served()["litellm.proxy_fetch"] - before == sum(nothing)


def test_other_callers_get_coroutines() -> None:
    names = [entry for entry in _registry.entries() if entry.patch.name in NAMES]
    assert len(names) == len(NAMES)
    for entry in names:
        assert asyncio.iscoroutinefunction(entry.placed)
    before = served()

    async def run() -> None:
        for made in (
            auth_checks.team_max_budget_check(None, None, LOGGING),
            auth_checks._team_multi_budget_check(team_object=None),
            auth_checks._tag_max_budget_check({}, None, DualCache(), LOGGING, None),
            user_api_key_auth._safe_fetch("x", user_api_key_auth._noop_none()),
        ):
            assert inspect.iscoroutine(made)
            assert await asyncio.create_task(made) is None

    asyncio.run(run())
    asyncio.run(auth_checks._team_multi_budget_check(None))
    assert served() == before


def test_a_mock_is_asked() -> None:
    """Of what a check calls, and of the check itself."""

    def ask() -> Any:
        return checks({"model": "m"}, UserAPIKeyAuth(api_key="sk-1"))

    assert told(ask) == ("returned", True)
    with patch.object(auth_checks, "tag_max_budget_check_for_tags", AsyncMock()) as asked:
        assert told(ask) == ("returned", True)
    assert asked.await_count == 1
    with patch.object(auth_checks, "team_max_budget_check") as asked:
        assert isinstance(asked, AsyncMock)
        assert told(ask) == ("returned", True)
    assert asked.await_count == 1
    assert told(ask) == ("returned", True)


def test_a_release_without_the_one_that_gathers() -> None:
    """Such a LiteLLM's own gate declines it; a call is the original's all the same."""
    fetch = placed("litellm.proxy_fetch").original
    gathered = _Gathered("litellm.proxy_fetch", fetch, "nobody_gathers")
    gathered.serving.live = True

    def fetched(label: str, awaitable: Any) -> Any:
        return gathered.of(True, label, awaitable)

    replacement: Any = gathered.finish(fetched)[0]

    async def run() -> Any:
        awaitable = asyncio.sleep(0, "found")
        made = replacement("team", awaitable)
        assert inspect.iscoroutine(made)
        return await made

    assert asyncio.run(run()) == "found"
    assert (replacement.served, replacement.declined) == (0, 1)


@settings(max_examples=EXAMPLES)
@given(
    st.sampled_from([True, False, None, 0, 1, "true", "maybe", [], 2.0]),
    st.booleans(),
    st.sampled_from([dict, MappingProxyType]),
)
def test_vector_stores(value: Any, given: bool, kind: Any) -> None:
    entry = placed("litellm.proxy_vector_stores")
    sections = kind({"vector_store_deny_by_default": value} if given else {"other": value})
    before = served_by("litellm.proxy_vector_stores")
    for _ in range(2):
        ours = auth_checks._vector_store_deny_by_default(sections)
        assert ours is entry.original(sections)
    plain = not given or type(value) is bool
    assert served_by("litellm.proxy_vector_stores") - before == 2 * plain


LIMITS = st.sampled_from([None, {}, {"m": 1}, {"g": 0}])
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "user_api_key_metadata": st.sampled_from([None, {}, 0, "x", ["a"]])
        | st.fixed_dictionaries({}, optional={"model_tpm_limit": LIMITS}),
        "user_api_key_model_max_budget": st.sampled_from(
            [None, {}, {"m": {"tpm_limit": 3}}, {"m": {"max_budget": 1.0}}, {"m": 1}]
        ),
    },
)


@settings(max_examples=EXAMPLES * 2)
@given(METADATA, st.none() | st.builds(limiter.RateLimitedModel, st.just("m"), st.just("g")))
def test_a_key_s_own_limit(metadata: Any, model: Any) -> None:
    handler = LIMITER.__new__(LIMITER)
    entry = placed("litellm.proxy_key_limit")

    def asked(function: Any) -> Any:
        try:
            return function(handler, metadata, model)
        except Exception as error:
            return type(error), str(error)

    before = served_by("litellm.proxy_key_limit")
    ours = LIMITER._key_owns_model_tpm_limit_from_request_metadata
    assert asked(ours) == asked(entry.original)
    nothing = model is not None and not any(metadata.values())
    assert served_by("litellm.proxy_key_limit") - before == nothing


def test_a_handler_of_ones_own_is_asked() -> None:
    class Mine(LIMITER):  # type: ignore[misc, valid-type]
        def _key_owns_model_limit(self, *_: Any) -> bool:
            return True

    model = limiter.RateLimitedModel("m", "g")
    handler = Mine.__new__(Mine)
    assert handler._key_owns_model_tpm_limit_from_request_metadata({}, model) is True
    handler = LIMITER.__new__(LIMITER)
    assert handler._key_owns_model_tpm_limit_from_request_metadata({}, model) is False
    with patch.object(limiter, "get_key_own_model_rate_limit", lambda *_: {"m": 1}):
        assert handler._key_owns_model_tpm_limit_from_request_metadata({}, model) is True
    handler._key_owns_model_limit = lambda *_: True  # type: ignore[method-assign]
    assert handler._key_owns_model_tpm_limit_from_request_metadata({}, model) is True
