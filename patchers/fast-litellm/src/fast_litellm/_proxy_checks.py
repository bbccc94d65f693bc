"""What the proxy's authorization gathers, where a check or a look-up has nothing to do.

Each request makes a task of each of 13 coroutines, most of which return at once: there is no team, no budget window, no database.
``asyncio.gather`` takes a future that is done as well, and the same one for all of them. Other callers than the two that gather get coroutines.
Two more validate a model to learn what is known without it.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from inspect import CORO_CREATED, getcoroutinestate
from types import CodeType, CoroutineType
from typing import Any, Callable, Dict, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_LIMITER = "_PROXY_MaxParallelRequestsHandler_v3"

#: The loop asked last, and its future whose result is None.
_last: Tuple[Any, Any] = (None, None)


def _done() -> Any:
    """Return such a future of the running loop; None where none runs."""
    global _last
    loop = asyncio._get_running_loop()
    if loop is None:
        return None
    known, future = _last
    if loop is not known:
        future = loop.create_future()
        future.set_result(None)
        _last = (loop, future)
    return future


class _Gathered:
    """One patch: its original, and the function that gathers what it returns."""

    __slots__ = ("_code", "_gatherer", "_original", "_replacement", "serving")

    def __init__(self, name: str, original: Any, gatherer: str) -> None:
        self.serving = Serving(name)
        self._original = original
        self._gatherer = gatherer
        self._code: Optional[CodeType] = None
        self._replacement: Any = None

    def of(self, nothing: bool, *arguments: Any) -> Any:
        """Return the future where there is nothing to do and the replacement's caller gathers it, else the original's coroutine."""
        if nothing and (self.serving.live or self.serving):
            if self._code is None:
                gatherer = self._original.__globals__.get(self._gatherer)
                self._code = getattr(inspect.unwrap(gatherer), "__code__", None)
            future = _done() if sys._getframe(2).f_code is self._code else None
            if future is not None:
                self._replacement.served += 1
                return future
        self._replacement.declined += 1
        return self._original(*arguments)

    def finish(self, replacement: Any) -> Tuple[Callable[..., Any], Activate]:
        """Return what a ``make`` function returns; who asks is told of a coroutine function, as the original is one."""
        self._replacement = replacement
        mark = getattr(inspect, "markcoroutinefunction", None)
        if mark is not None:
            mark(replacement)
        else:
            replacement._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
        return finish(replacement, self.serving)


def make_team_max(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of team_max_budget_check and its switch."""
    gathered = _Gathered("litellm.proxy_team_max", original, "common_checks")

    def team_max_budget_check(team_object: Any, valid_token: Any, proxy_logging_obj: Any) -> Any:
        return gathered.of(team_object is None, team_object, valid_token, proxy_logging_obj)

    return gathered.finish(team_max_budget_check)


def make_team_windows(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _team_multi_budget_check and its switch."""
    gathered = _Gathered("litellm.proxy_team_windows", original, "common_checks")

    def _team_multi_budget_check(team_object: Any) -> Any:
        return gathered.of(team_object is None, team_object)

    return gathered.finish(_team_multi_budget_check)


def make_key_windows(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _virtual_key_multi_budget_check and its switch."""
    gathered = _Gathered("litellm.proxy_key_windows", original, "common_checks")
    token = original.__globals__["UserAPIKeyAuth"]

    def _virtual_key_multi_budget_check(valid_token: Any) -> Any:
        nothing = type(valid_token) is token and not valid_token.budget_limits
        return gathered.of(nothing, valid_token)

    return gathered.finish(_virtual_key_multi_budget_check)


def make_team_soft(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _team_soft_budget_check and its switch."""
    gathered = _Gathered("litellm.proxy_team_soft", original, "common_checks")

    def _team_soft_budget_check(team_object: Any, valid_token: Any, proxy_logging_obj: Any) -> Any:
        return gathered.of(team_object is None, team_object, valid_token, proxy_logging_obj)

    return gathered.finish(_team_soft_budget_check)


def make_organization(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of organization_max_budget_check and its switch."""
    gathered = _Gathered("litellm.proxy_organization", original, "common_checks")

    def organization_max_budget_check(
        valid_token: Any,
        team_object: Any,
        prisma_client: Any,
        user_api_key_cache: Any,
        proxy_logging_obj: Any,
    ) -> Any:
        given = (valid_token, team_object, prisma_client, user_api_key_cache, proxy_logging_obj)
        return gathered.of(prisma_client is None, *given)

    return gathered.finish(organization_max_budget_check)


def make_tags(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _tag_max_budget_check and its switch: without a database nobody asks what tags a body has."""
    gathered = _Gathered("litellm.proxy_tags", original, "common_checks")
    serving = gathered.serving

    def _tag_max_budget_check(
        request_body: Any,
        prisma_client: Any,
        user_api_key_cache: Any,
        proxy_logging_obj: Any,
        valid_token: Any,
    ) -> Any:
        nothing = (
            prisma_client is None
            and type(request_body) is dict
            and type(request_body.get("metadata")) is not str  # which would be parsed
            and type(request_body.get("litellm_metadata")) is not str
            and (serving.live or serving)
            and serving.holds()
        )
        given = (request_body, prisma_client, user_api_key_cache, proxy_logging_obj, valid_token)
        return gathered.of(bool(nothing), *given)

    return gathered.finish(_tag_max_budget_check)


def make_member(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _check_team_member_budget and its switch."""
    gathered = _Gathered("litellm.proxy_member", original, "common_checks")

    def _check_team_member_budget(
        team_object: Any,
        user_object: Any,
        valid_token: Any,
        prisma_client: Any,
        user_api_key_cache: Any,
        proxy_logging_obj: Any,
        team_membership: Any = None,
        team_membership_loaded: bool = False,
    ) -> Any:
        given = (team_object, user_object, valid_token, prisma_client, user_api_key_cache)
        more = (proxy_logging_obj, team_membership, team_membership_loaded)
        return gathered.of(team_object is None, *given, *more)

    return gathered.finish(_check_team_member_budget)


def make_fetch(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _safe_fetch and its switch."""
    gathered = _Gathered("litellm.proxy_fetch", original, "run_centralized_common_checks")
    noop = original.__globals__["_noop_none"].__code__

    def _safe_fetch(label: Any, awaitable: Any) -> Any:
        nothing = (
            type(awaitable) is CoroutineType
            and awaitable.cr_code is noop
            and getcoroutinestate(awaitable) == CORO_CREATED
        )
        made = gathered.of(nothing, label, awaitable)
        if asyncio.isfuture(made):
            awaitable.close()  # nobody awaits it
        return made

    return gathered.finish(_safe_fetch)


def make_deny(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _vector_store_deny_by_default and its switch: of a bool pydantic says the same each time."""
    serving = Serving("litellm.proxy_vector_stores")
    names = original.__globals__
    answers: Dict[bool, Tuple[Any, bool]] = {}

    def _vector_store_deny_by_default(general_settings: Any) -> bool:
        if serving.live or serving:
            value = general_settings.get("vector_store_deny_by_default", False)
            if value is False or value is True:
                replacement.served += 1
                validator = getattr(names["ConfigGeneralSettings"], "__pydantic_validator__", None)
                known = answers.get(value)
                if known is None or known[0] is not validator:
                    known = answers[value] = (
                        validator,
                        original({"vector_store_deny_by_default": value}),
                    )
                return known[1]
            general_settings = {"vector_store_deny_by_default": value}
        replacement.declined += 1
        denied: bool = original(general_settings)
        return denied

    replacement: Any = _vector_store_deny_by_default
    return finish(replacement, serving)


def make_key_owns(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _key_owns_model_tpm_limit_from_request_metadata and its switch: a key of nothing owns no limit."""
    serving = Serving("litellm.proxy_key_limit")
    names = original.__globals__

    def _key_owns_model_tpm_limit_from_request_metadata(
        self: Any, request_metadata: Any, model: Any
    ) -> bool:
        if (
            type(request_metadata) is dict
            and type(model) is names["RateLimitedModel"]
            and not request_metadata.get("user_api_key_metadata")
            and not request_metadata.get("user_api_key_model_max_budget")
            and (serving.live or serving)
            and serving.holds()
            and type(self)._key_owns_model_limit is names[_LIMITER]._key_owns_model_limit
            and "_key_owns_model_limit" not in self.__dict__
        ):
            replacement.served += 1
            return False
        replacement.declined += 1
        owned: bool = original(self, request_metadata, model)
        return owned

    replacement: Any = _key_owns_model_tpm_limit_from_request_metadata
    return finish(replacement, serving)
