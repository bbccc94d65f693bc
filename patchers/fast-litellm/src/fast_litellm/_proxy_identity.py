"""Who asks, and for what, as LiteLLM's proxy works it out for each request: a key's model of pydantic's, and the name of the model in its body."""

from __future__ import annotations

import datetime
import enum
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._unheard import _service as service

_MOST = 256
_LONGEST = 512
_PLAIN = frozenset((str, int, float, bool, type(None)))
_EXACT = _PLAIN - {float}
_write = object.__setattr__


class _Mold:
    """A model's state, to be given to another one of its class."""

    __slots__ = ("_fresh", "_private", "_set", "_state", "_validator")

    def __init__(self, made: Any) -> None:
        self._validator = type(made).__pydantic_validator__
        self._state: Dict[str, Any] = dict(made.__dict__)
        self._set: Set[str] = set(made.__pydantic_fields_set__)
        self._private: Dict[str, Any] = dict(made.__pydantic_private__)
        self._fresh = [
            (name, type(value))
            for name, value in self._state.items()
            if type(value) in (list, dict)
        ]

    @classmethod
    def of(cls, made: Any) -> Optional["_Mold"]:
        """Return that of a model; None where it has more than plain values and empty collections."""
        private = made.__pydantic_private__
        if (
            made.__pydantic_extra__ is None
            and type(private) is dict
            and all(type(value) in _PLAIN for value in private.values())
            and all(
                type(value) in _PLAIN
                or (type(value) in (list, dict) and not value)
                or isinstance(value, enum.Enum)
                for value in made.__dict__.values()
            )
        ):
            return cls(made)
        return None

    def fits(self, kind: Any) -> bool:
        """Say whether the class is as it was."""
        return kind.__pydantic_validator__ is self._validator

    def cast(self, kind: Any) -> Any:
        """Return a new one."""
        state = self._state.copy()
        for name, collection in self._fresh:
            state[name] = collection()
        made = kind.__new__(kind)
        _write(made, "__dict__", state)
        _write(made, "__pydantic_fields_set__", self._set.copy())
        _write(made, "__pydantic_extra__", None)
        _write(made, "__pydantic_private__", self._private.copy())
        return made


def make_key(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _return_user_api_key_auth_obj and its switch.

    What pydantic made of the same plain values, as a master key's are with each request, is made without it; and no task to tell nobody.
    """
    serving = Serving("litellm.proxy_key")
    names = original.__globals__
    molds: Dict[Any, _Mold] = {}

    async def _return_user_api_key_auth_obj(
        user_obj: Any,
        api_key: Any,
        parent_otel_span: Any,
        valid_token_dict: Any,
        route: Any,
        start_time: Any,
        user_role: Any = None,
    ) -> Any:
        kind = names["UserAPIKeyAuth"]
        if (
            (serving.live or serving)
            and user_obj is None
            and parent_otel_span is None
            and type(valid_token_dict) is dict
            and type(route) is str
            and type(start_time) is datetime.datetime
            and type(user_role) is names["LitellmUserRoles"]
            and type(api_key) is str
            and len(api_key) <= _LONGEST
            and all(type(value) in _EXACT for value in valid_token_dict.values())
            and service.is_unheard(names["user_api_key_service_logger_obj"])
            and serving.holds()
        ):
            replacement.served += 1
            start_time.timestamp()
            # with their types: 1 is True to a dict; floats are left out, as 0.0 is -0.0 to it
            key = (
                api_key,
                user_role,
                *valid_token_dict.items(),
                *map(type, valid_token_dict.values()),
            )
            mold = molds.get(key)
            if mold is not None and mold.fits(kind):
                return mold.cast(kind)
            made = kind.model_validate(
                {
                    "api_key": api_key,
                    "parent_otel_span": None,
                    "user_role": user_role,
                    **valid_token_dict,
                }
            )
            mold = _Mold.of(made)
            if mold is not None:
                if len(molds) >= _MOST:
                    molds.clear()
                molds[key] = mold
            return made
        replacement.declined += 1
        return await original(
            user_obj, api_key, parent_otel_span, valid_token_dict, route, start_time, user_role
        )

    replacement: Any = _return_user_api_key_auth_obj
    return finish(replacement, serving)


_MARKERS = (
    "_MODEL_ROUTING_ROUTE_MARKERS",
    "_MODEL_ROUTING_HEADER_OR_QUERY_ROUTE_MARKERS",
    "_MODEL_ROUTING_QUERY_TARGET_MODEL_ROUTE_MARKERS",
    "_MODEL_ROUTING_BODY_TARGET_MODEL_ROUTE_MARKERS",
    "_MODEL_ROUTING_COMPLETION_MODEL_ROUTE_MARKERS",
    "_MODEL_ROUTING_SESSION_MODEL_ROUTE_MARKERS",
)
_ELSEWHERE = ("/laya/", "/bespoke/", "/cost/", "/bedrock", "/azure/", "/azure_ai/", "/nvidia_nim/")


class _Routes:
    """Routes whose requests name their model in the body alone."""

    def __init__(self, names: Dict[str, Any]) -> None:
        self._names = names
        self._markers: List[Any] = []
        self._known: Dict[str, bool] = {}

    def model(self, body: Any, route: Any) -> Optional[str]:
        """Return the model that a request's body names; None where the original is to say."""
        if type(route) is not str or type(body) is not dict:
            return None
        model = body.get("model")
        if type(model) is not str or "," in model:
            return None
        names = self._names
        markers = [names[name] for name in _MARKERS]
        if markers != self._markers:
            self._markers, self._known = markers, {}
        plain = self._known.get(route)
        if plain is None:
            plain = not route.lower().startswith(_ELSEWHERE) and not any(
                names["_route_matches_any_marker"](route=route, markers=each) for each in markers
            )
            if len(self._known) < _MOST and len(route) <= _LONGEST:
                self._known[route] = plain
        return (model.strip() or None) if plain else None


def make_model(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of get_model_from_request and its switch: a body names one model, and its route has no other place for one."""
    serving = Serving("litellm.proxy_model")
    names = original.__globals__
    routes = _Routes(names)

    def get_model_from_request(
        request_data: Any,
        route: Any,
        request_headers: Any = None,
        request_query_params: Any = None,
        llm_router: Any = None,
        request: Any = None,
        team_id: Any = None,
    ) -> Any:
        if (serving.live or serving) and serving.holds():
            model = routes.model(request_data, route)
            if model is not None:
                replacement.served += 1
                passed = names["request_dispatched_to_pass_through_endpoint"](request)
                return None if passed else model
        replacement.declined += 1
        return original(
            request_data, route, request_headers, request_query_params, llm_router, request, team_id
        )

    replacement: Any = get_model_from_request
    return finish(replacement, serving)
