"""FastAPI's way around an endpoint, as LiteLLM's proxy uses it: dependencies without parameters, and JSON that is plain already."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST = 4096
_OTHER = object()
_PLAIN = frozenset((str, int, float, bool, type(None)))


def _copy(value: Any) -> Any:
    """Return what jsonable_encoder makes of dicts and lists that are JSON already; _OTHER where one is not."""
    if type(value) is dict:
        made = {}
        for key, each in value.items():
            if type(key) is not str or key.startswith("_sa"):
                return _OTHER
            if type(each) not in _PLAIN:
                each = _copy(each)
                if each is _OTHER:
                    return _OTHER
            made[key] = each
        return made
    if type(value) is list:
        items = []
        for each in value:
            if type(each) not in _PLAIN:
                each = _copy(each)
                if each is _OTHER:
                    return _OTHER
            items.append(each)
        return items
    return _OTHER


def make_jsonable(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of jsonable_encoder and its switch: dicts that are JSON already are copied by one function."""
    serving = Serving("litellm.proxy_json")
    names = original.__globals__

    def jsonable_encoder(
        obj: Any,
        include: Any = None,
        exclude: Any = None,
        by_alias: bool = True,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        custom_encoder: Any = None,
        sqlalchemy_safe: bool = True,
    ) -> Any:
        if (
            (serving.live or serving)
            and include is None
            and exclude is None
            and not exclude_none
            and not custom_encoder
            and sqlalchemy_safe
        ):
            value = obj
            if (
                by_alias is True
                and not exclude_unset
                and not exclude_defaults
                and isinstance(obj, names["BaseModel"])
            ):
                value = obj.model_dump(
                    mode="json",
                    include=None,
                    exclude=None,
                    by_alias=True,
                    exclude_unset=False,
                    exclude_none=False,
                    exclude_defaults=False,
                )
            try:
                made = value if type(value) in _PLAIN else _copy(value)
            except RecursionError:
                made = _OTHER
            if made is not _OTHER:
                replacement.served += 1
                return made
            if value is not obj:  # (dumped once, as the original does)
                replacement.declined += 1
                return original(
                    value, exclude_none=False, exclude_defaults=False, sqlalchemy_safe=True
                )
        replacement.declined += 1
        return original(
            obj,
            include,
            exclude,
            by_alias,
            exclude_unset,
            exclude_defaults,
            exclude_none,
            custom_encoder,
            sqlalchemy_safe,
        )

    replacement: Any = jsonable_encoder
    return finish(replacement, serving)


class _Kinds:
    """Which kind of callable a dependency is, by the object itself, as FastAPI's own caches have it."""

    def __init__(self, names: Dict[str, Any]) -> None:
        self._names = names
        self._known: Dict[int, Tuple[Any, bool, bool]] = {}

    def get(self, call: Any) -> Tuple[Any, bool, bool]:
        """The callable, whether it is a generator of any kind, and whether it is to be awaited."""
        known = self._known.get(id(call))
        if known is None or known[0] is not call:
            names = self._names
            known = (
                call,
                names["_is_gen_callable"](call) or names["_is_async_gen_callable"](call),
                names["_is_coroutine_callable"](call),
            )
            if len(self._known) < _MOST:
                self._known[id(call)] = known
        return known


def _is_leaf(dependant: Any) -> bool:
    """Whether a dependency asks for nothing but the request."""
    return not (
        dependant.dependencies
        or dependant.path_params
        or dependant.query_params
        or dependant.header_params
        or dependant.cookie_params
        or dependant.body_params
        or dependant.websocket_param_name
        or dependant.background_tasks_param_name
        or dependant.response_param_name
        or dependant.security_scopes_param_name
    )


def make_solve(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of solve_dependencies and its switch.

    The original makes an object for each dependency, looks for parameters of four kinds where it has none, and takes its callable apart for a
    key. Here what asks for the request alone gets it, and the rest is the original's course, step by step.
    """
    serving = Serving("litellm.proxy_dependencies")
    names = original.__globals__
    kinds = _Kinds(names)

    async def solve_dependencies(
        *,
        request: Any,
        dependant: Any,
        body: Any = names["Undefined"],
        background_tasks: Any = None,
        response: Any = None,
        dependency_overrides_provider: Any = None,
        dependency_cache: Any = None,
        async_exit_stack: Any,
        embed_body_fields: bool,
        _uses_scopes_cache: Any = None,
    ) -> Any:
        if (
            not (serving.live or serving)
            or type(dependant) is not names["Dependant"]
            or not isinstance(request, names["Request"])
            or (
                dependency_overrides_provider and dependency_overrides_provider.dependency_overrides
            )
        ):
            replacement.declined += 1
            return await original(
                request=request,
                dependant=dependant,
                body=body,
                background_tasks=background_tasks,
                response=response,
                dependency_overrides_provider=dependency_overrides_provider,
                dependency_cache=dependency_cache,
                async_exit_stack=async_exit_stack,
                embed_body_fields=embed_body_fields,
                _uses_scopes_cache=_uses_scopes_cache,
            )
        replacement.served += 1
        scope = request.scope
        for stack in ("fastapi_inner_astack", "fastapi_function_astack"):
            assert isinstance(scope.get(stack), names["AsyncExitStack"]), (
                f"{stack} not found in request scope"
            )
        values: Dict[str, Any] = {}
        errors: List[Any] = []
        if response is None:
            response = names["Response"]()
            del response.headers["content-length"]
            response.status_code = None
        if dependency_cache is None:
            dependency_cache = {}
        if _uses_scopes_cache is None:
            _uses_scopes_cache = {}
        for each in dependant.dependencies:
            call = each.call
            if _is_leaf(each):
                given = {}
                if each.http_connection_param_name:
                    given[each.http_connection_param_name] = request
                if each.request_param_name:
                    given[each.request_param_name] = request
            else:
                solved = await names["solve_dependencies"](
                    request=request,
                    dependant=each,
                    body=body,
                    background_tasks=background_tasks,
                    response=response,
                    dependency_overrides_provider=dependency_overrides_provider,
                    dependency_cache=dependency_cache,
                    async_exit_stack=async_exit_stack,
                    embed_body_fields=embed_body_fields,
                    _uses_scopes_cache=_uses_scopes_cache,
                )
                background_tasks = solved.background_tasks
                if solved.errors:
                    errors.extend(solved.errors)
                    continue
                given = solved.values
            _, generator, awaited = kinds.get(call)
            if each.own_oauth_scopes or each.parent_oauth_scopes:
                key = names["_get_cache_key"](dependant=each, uses_scopes_cache=_uses_scopes_cache)
            else:
                key = (call, (), each.scope or ("request" if generator else ""))
            if each.use_cache and key in dependency_cache:
                value = dependency_cache[key]
            elif generator:
                kind = "function" if each.scope == "function" else "inner"
                value = await names["_solve_generator"](
                    request=request,
                    dependant=each,
                    stack=scope[f"fastapi_{kind}_astack"],
                    sub_values=given,
                )
            elif awaited:
                if each.concurrency is None:
                    value = await call(**given)
                else:
                    async with each.concurrency.get_semaphore():
                        value = await call(**given)
            elif each.concurrency is None:
                value = await names["run_in_threadpool"](call, **given)
            else:
                async with each.concurrency.get_semaphore():
                    value = await names["run_in_threadpool"](call, **given)
            if each.name is not None:
                values[each.name] = value
            if key not in dependency_cache:
                dependency_cache[key] = value
        for fields, part in (
            (dependant.path_params, "path_params"),
            (dependant.query_params, "query_params"),
            (dependant.header_params, "headers"),
            (dependant.cookie_params, "cookies"),
        ):
            if fields:
                told, wrong = names["request_params_to_args"](fields, getattr(request, part))
                values.update(told)
                errors += wrong
        if dependant.body_params:
            told, wrong = await names["request_body_to_args"](
                body_fields=dependant.body_params,
                received_body=body,
                embed_body_fields=embed_body_fields,
            )
            values.update(told)
            errors.extend(wrong)
        if dependant.http_connection_param_name:
            values[dependant.http_connection_param_name] = request
        if dependant.request_param_name:
            values[dependant.request_param_name] = request
        if dependant.background_tasks_param_name:
            if background_tasks is None:
                background_tasks = names["BackgroundTasks"]()
            values[dependant.background_tasks_param_name] = background_tasks
        if dependant.response_param_name:
            values[dependant.response_param_name] = response
        if dependant.security_scopes_param_name:
            values[dependant.security_scopes_param_name] = names["SecurityScopes"](
                scopes=names["_get_oauth_scopes"](dependant=dependant)
            )
        return names["SolvedDependency"](
            values=values,
            errors=errors,
            background_tasks=background_tasks,
            response=response,
            dependency_cache=dependency_cache,
        )

    replacement: Any = solve_dependencies
    return finish(replacement, serving)


def make_params(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of request_params_to_args and its switch: what fields hold without a query is known after one."""
    serving = Serving("litellm.proxy_params")
    names = original.__globals__
    query = sys.modules["starlette.datastructures"].__dict__["QueryParams"]
    known: Dict[int, Tuple[Any, List[Tuple[Any, ...]], Dict[str, Any]]] = {}

    def told(fields: List[Any]) -> List[Tuple[Any, ...]]:
        """What the fields hold by themselves."""
        return [(field, field.field_info, field.field_info.default) for field in fields]

    def is_plain(field: Any) -> bool:
        information = field.field_info
        return (
            type(field) is names["ModelField"]
            and information.default_factory is None
            and not information.validate_default
        )

    def request_params_to_args(fields: Any, received_params: Any) -> Any:
        if (
            (serving.live or serving)
            and type(received_params) is query
            and not received_params._list
            and type(fields) is list
            and serving.holds()
        ):
            found = known.get(id(fields))
            if found is not None and found[0] is fields and found[1] == told(fields):
                replacement.served += 1
                return found[2].copy(), []
            made: Any = original(fields, received_params)
            values, errors = made
            if (
                not errors
                and all(type(value) in _PLAIN for value in values.values())
                and all(map(is_plain, fields))
            ):
                if len(known) >= _MOST:
                    known.clear()
                known[id(fields)] = (fields, told(fields), values.copy())
            replacement.declined += 1
            return made
        replacement.declined += 1
        return original(fields, received_params)

    replacement: Any = request_params_to_args
    return finish(replacement, serving)


def make_update(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of MutableHeaders.update and its switch: the names that are there are gathered once, not for each that is added."""
    serving = Serving("litellm.proxy_headers")
    kind = original.__globals__["MutableHeaders"]
    one: Any = kind.__setitem__

    def update(self: Any, other: Any) -> None:
        if (
            (serving.live or serving)
            and type(self) is kind
            and type(self._list) is list
            and kind.__setitem__ is one
        ):
            replacement.served += 1
            pairs = self._list
            there: Any = None
            for key, value in other.items():
                name = key.lower().encode("latin-1")
                if there is None:
                    there = {name for name, _ in pairs}
                if name in there:
                    self[key] = value
                else:
                    pairs.append((name, value.encode("latin-1")))
                    there.add(name)
            return
        replacement.declined += 1
        original(self, other)

    replacement: Any = update
    return finish(replacement, serving)
