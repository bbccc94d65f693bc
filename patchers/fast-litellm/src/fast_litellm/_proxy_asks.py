"""What LiteLLM's proxy asks anew for each request, where the answer is the last one's or is plain.

None of it is kept longer than what it was made of: lists are compared with what they held, methods that somebody replaced are called.
"""

from __future__ import annotations

import contextlib
import os
import sys
from types import MappingProxyType
from typing import Any, Callable, Dict, Optional, Tuple

from fast_jvm._fingerprint import decorated
from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._found import found

_MOST = 1024
_LONGEST = 512  # of litellm._logging, beyond which it cuts
_CHECKS = ("is_wildcard_pattern", "route_matches_wildcard_pattern", "_route_matches_pattern")


def make_route_access(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of RouteChecks.check_route_access and its switch: a route is matched with a list's patterns once."""
    serving = Serving("litellm.proxy_routes")
    names = original.__globals__
    studied: Any = None
    lists: Dict[Tuple[Any, ...], Dict[str, bool]] = {}

    def check_route_access(route: Any, allowed_routes: Any) -> bool:
        nonlocal studied
        kind = type(allowed_routes)
        if (serving.live or serving) and type(route) is str and (kind is list or kind is tuple):
            methods = vars(names["RouteChecks"])
            now = [methods[name] for name in _CHECKS]
            if studied is None:
                studied = now
            if now == studied:
                known = tuple(allowed_routes)
                answers = lists.get(known) if set(map(type, known)) == {str} else None
                if answers is None and set(map(type, known)) == {str}:
                    if len(lists) >= 64:
                        lists.clear()
                    answers = lists[known] = {}
                if answers is not None:
                    replacement.served += 1
                    answer = answers.get(route)
                    if answer is None:
                        answer = original(route, allowed_routes)
                        if len(answers) < _MOST:
                            answers[route] = answer
                    return answer
        replacement.declined += 1
        found: bool = original(route, allowed_routes)
        return found

    replacement: Any = check_route_access
    return finish(replacement, serving)


def make_markers(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _route_matches_any_marker and its switch."""
    serving = Serving("litellm.proxy_markers")
    known: Dict[Tuple[str, Tuple[str, ...]], bool] = {}

    def _route_matches_any_marker(route: Any, markers: Any) -> bool:
        if (serving.live or serving) and type(route) is str and type(markers) is tuple:
            try:
                answer = known.get((route, markers))
            except TypeError:  # (not hashable)
                answer = None
            else:
                if answer is None and all(type(each) is str for each in markers):
                    answer = original(route, markers)
                    if len(known) < _MOST:
                        known[route, markers] = answer
            if answer is not None:
                replacement.served += 1
                return answer
        replacement.declined += 1
        found: bool = original(route, markers)
        return found

    replacement: Any = _route_matches_any_marker
    return finish(replacement, serving)


def make_lazy(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of LazyFeatureMiddleware.__call__ and its switch: a path that none of the features has is known."""
    serving = Serving("litellm.proxy_lazy")
    features: Any = None
    nobodys: Dict[str, None] = {}

    async def __call__(self: Any, scope: Any, receive: Any, send: Any) -> None:
        nonlocal features, nobodys
        path: Any = scope.get("path") if (serving.live or serving) else None
        if type(path) is str and scope["type"] == "http" and type(self._features) is tuple:
            root = str(scope.get("root_path", "")).rstrip("/") or self._root_path
            if root and path.startswith(root + "/"):
                path = path[len(root) :]
            if features is not self._features:  # (a tuple of frozen dataclasses)
                features, nobodys = self._features, {}
            if path not in nobodys:
                with contextlib.suppress(Exception):  # (the original's to raise)
                    if not any(feature.matches(path) for feature in features):
                        if len(nobodys) >= _MOST:
                            nobodys.clear()
                        nobodys[path] = None
            if path in nobodys and serving.holds():
                replacement.served += 1
                await self.app(scope, receive, send)
                return
        replacement.declined += 1
        await original(self, scope, receive, send)

    replacement: Any = __call__
    return finish(replacement, serving)


class _Settings:
    """Look-ups in the proxy's settings, without the functions between them."""

    def __init__(self, names: Dict[str, Any]) -> None:
        self._names = names
        self.absent = names["ABSENT"]
        self._rows: Any = None
        #: What a database has stored, of which nothing is there; by its number, which stays its own as it is kept.
        self._empty: Dict[int, Any] = {}

    def knows(self, store: Any) -> bool:
        """Whether a store is one of the original's."""
        names = self._names
        return type(store) is names["SettingsStore"] and names["ABSENT"] is self.absent

    def find(self, store: Any, key: Any) -> Any:
        """Return a key's value, or ABSENT."""
        absent = self.absent
        if key in store._deleted_runtime_keys:
            return absent
        runtime = store._runtime_values
        if key in runtime:
            return runtime[key]
        value = store._yaml_values.get(key, absent)
        if value is absent:
            stored = store._database_rows
            if self._empty.get(id(stored)) is not stored and not self._is_empty(stored):
                if self._rows is None:
                    self._rows = sys.modules[self._names["rule_for"].__module__].DUAL_SOURCE_KEYS
                section = store._section
                rule = self._rows.get((section, key), self._rows[section, "*"])
                value = stored.get(rule.db_row, {}).get(key, absent)
                if value is None:
                    return absent
        return absent if isinstance(value, self._names["Absent"]) else value

    def _is_empty(self, stored: Any) -> bool:
        """Whether no row has a key; rows are never changed, but replaced."""
        if not all(type(row) is MappingProxyType and not row for row in stored.values()):
            return False
        if type(stored) is MappingProxyType:
            if len(self._empty) >= _MOST:
                self._empty.clear()
            self._empty[id(stored)] = stored
        return True


def make_setting(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of SettingsStore.__getitem__ and its switch."""
    serving = Serving("litellm.proxy_setting")
    look = _Settings(original.__globals__)

    def __getitem__(self: Any, key: Any) -> Any:
        if not ((serving.live or serving) and look.knows(self)):
            replacement.declined += 1
            return original(self, key)
        replacement.served += 1
        value = look.find(self, key)
        if value is look.absent:
            raise KeyError(key)
        return value

    replacement: Any = __getitem__
    return finish(replacement, serving)


def make_setting_get(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of SettingsStore.get and its switch: a key that is not there is no error to raise and to catch."""
    serving = Serving("litellm.proxy_setting_get")
    store: Any = sys.modules["litellm.proxy.config_resolvers.settings_store"]
    look = _Settings(vars(store))
    plain: Any = None

    def get(self: Any, key: Any, default: Any = None) -> Any:
        nonlocal plain
        if (serving.live or serving) and look.knows(self):
            reads = type(self).__getitem__
            if plain is None:
                plain = reads
            if reads is plain:
                replacement.served += 1
                value = look.find(self, key)
                return default if value is look.absent else value
        replacement.declined += 1
        return original(self, key, default)

    replacement: Any = get
    return finish(replacement, serving)


def make_settings_there(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of SettingsStore.__bool__ and its switch: one value says it, all keys need not be gathered."""
    serving = Serving("litellm.proxy_settings_there")
    names = original.__globals__

    def __bool__(self: Any) -> bool:
        if (
            (serving.live or serving)
            and type(self) is names["SettingsStore"]
            and not self._deleted_runtime_keys
            and serving.holds()
        ):
            absent = names["Absent"]
            for values in (self._runtime_values, self._yaml_values):
                for value in values.values():
                    if values is self._runtime_values or not isinstance(value, absent):
                        replacement.served += 1
                        return True
        replacement.declined += 1
        there: bool = original(self)
        return there

    replacement: Any = __bool__
    return finish(replacement, serving)


class _Target(contextlib.ContextDecorator):
    """What service_target() returns: it sets a context variable and puts it back."""

    __slots__ = ("_target", "_token", "_variable")

    def __init__(self, variable: Any, target: Any) -> None:
        self._variable, self._target = variable, target
        self._token: Any = None

    def __enter__(self) -> None:
        if self._token is not None:
            raise RuntimeError("generator didn't yield")  # (the original's is used up too)
        self._token = self._variable.set(self._target)

    def __exit__(self, *error: Any) -> None:
        try:
            self._variable.reset(self._token)
        except ValueError:  # of another context
            pass

    def _recreate_cm(self) -> "_Target":
        return _Target(self._variable, self._target)


def make_target(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of service_target and its switch."""
    serving = Serving("litellm.proxy_target")
    inner: Any = original
    names = decorated(inner).__globals__  # (a @contextmanager's own are contextlib's)

    def service_target(target: Any) -> Any:
        if serving.live or serving:
            replacement.served += 1
            return _Target(names["_service_target"], target)
        replacement.declined += 1
        return original(target)

    replacement: Any = service_target
    return finish(replacement, serving)


def make_db_related(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of is_exception_related_to_db and its switch: without Prisma its import fails as it failed before."""
    serving = Serving("litellm.proxy_db_error")
    missing: Optional[Tuple[Any, ...]] = None

    def is_exception_related_to_db(e: Any) -> bool:
        nonlocal missing
        if (
            missing is not None
            and (serving.live or serving)
            and "prisma" not in sys.modules
            and not found("prisma")
        ):
            replacement.served += 1
            text, name = missing
            raise ModuleNotFoundError(text, name=name)
        replacement.declined += 1
        try:
            answer: bool = original(e)
        except ModuleNotFoundError as error:
            if type(error) is ModuleNotFoundError and error.name == "prisma" and not error.path:
                missing = (error.msg, error.name)
            raise
        return answer

    replacement: Any = is_exception_related_to_db
    return finish(replacement, serving)


def make_scrub(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _scrub_access_arg and its switch: what of an access line hides no credential is remembered, not searched again."""
    serving = Serving("litellm.proxy_access_log")
    secrets = sys.modules["litellm.litellm_core_utils.secret_redaction"].__dict__
    pattern: Any = None
    clean: Dict[str, None] = {}

    def _scrub_access_arg(value: Any) -> Any:
        nonlocal pattern
        if (
            (serving.live or serving)
            and type(value) is str
            and len(value) <= _LONGEST
            and serving.holds()
        ):
            replacement.served += 1
            if pattern is not secrets["_SECRET_RE"]:
                pattern = secrets["_SECRET_RE"]
                clean.clear()
            if value in clean:
                return value
            scrubbed = original(value)
            if scrubbed == value:
                if len(clean) >= _MOST:
                    clean.clear()
                clean[value] = None
            return scrubbed
        replacement.declined += 1
        return original(value)

    replacement: Any = _scrub_access_arg
    return finish(replacement, serving)


_HANDLER = "litellm.proxy._experimental.mcp_server.auth.user_api_key_auth_mcp"
_TOLD_BY = "LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME"
_SERVERS = "litellm.proxy._experimental.mcp_server.mcp_server_manager"


def make_credential_headers(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of upstream_credential_headers and its switch: without MCP servers a header's own name says it."""
    serving = Serving("litellm.proxy_mcp_headers")
    variables = vars(sys.modules["litellm"])
    names = original.__globals__

    def is_alone() -> bool:
        """Whether nobody named a header, and no server of any."""
        manager = getattr(sys.modules.get(_SERVERS), "global_mcp_server_manager", None)
        proxy = sys.modules.get("litellm.proxy.proxy_server")
        return (
            manager is not None
            and variables.get("secret_manager_client", True) is None
            and _TOLD_BY not in os.environ
            and not manager.get_registry()
            and proxy is not None
            and proxy.general_settings.get("mcp_client_side_auth_header_name") is None
        )

    def upstream_credential_headers(header_names: Any) -> Any:
        if (serving.live or serving) and serving.holds() and is_alone():
            replacement.served += 1
            handler = sys.modules[_HANDLER].__dict__["MCPRequestHandler"]
            prefix = names["_MCP_SERVER_AUTH_HEADER_PREFIX"]
            own = handler.LITELLM_MCP_AUTH_HEADER_NAME.lower()
            others = (
                handler.LITELLM_MCP_SERVERS_HEADER_NAME.lower(),
                handler.LITELLM_MCP_ACCESS_GROUPS_HEADER_NAME.lower(),
            )
            return frozenset(
                [
                    name
                    for name in [each.lower() for each in header_names]
                    if name == own or (name.startswith(prefix) and name not in others)
                ]
            )
        replacement.declined += 1
        return original(header_names)

    replacement: Any = upstream_credential_headers
    return finish(replacement, serving)
