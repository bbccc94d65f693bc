"""Who asks, and for what: original and ours on the same keys, requests, bodies and settings."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import fastapi
import litellm
import pytest
from conftest import LONG, originals, placed, served_by
from fastapi.dependencies import utils as fastapi_utils
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.proxy import proxy_server
from litellm.proxy._experimental.mcp_server import mcp_server_manager
from litellm.proxy._experimental.mcp_server import utils as mcp_utils
from litellm.proxy._types import LitellmUserRoles, UserAPIKeyAuth
from litellm.proxy.auth import auth_checks, auth_utils, user_api_key_auth
from litellm.proxy.config_resolvers.settings_store import SettingsStore
from pydantic import BaseModel
from starlette.datastructures import QueryParams
from starlette.requests import Request

EXAMPLES = 400 if LONG else 80


def told(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Return what comes out, or the error."""
    try:
        return "returned", function(*arguments, **named)
    except Exception as error:
        return type(error), str(error)


def state(model: Any) -> Any:
    """Return all that a model is."""
    if not isinstance(model, BaseModel):
        return model
    return (
        type(model),
        [(name, state(value)) for name, value in model.__dict__.items()],
        [type(value) for value in model.__dict__.values()],
        model.__pydantic_fields_set__,
        model.__pydantic_extra__,
        model.__pydantic_private__,
    )


# -- keys

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from([None, "default_user_id", "", 3]),
        "max_budget": st.sampled_from([None, 1, 1.0, True, "2.5", "x"]),
        "spend": st.sampled_from([0.0, -0.0, 0, None]),
        "rpm_limit": st.sampled_from([1, 1.0, True, "1"]),
        "end_user_id": st.sampled_from([None, "e", 7]),
        "allowed_model_region": st.sampled_from([None, "eu", "us", "moon"]),
        "organization_id": st.sampled_from([None, "o"]),
        "litellm_budget_table_max_budget": st.sampled_from([None, 3.0]),
        "api_key": st.sampled_from([None, "sk-other"]),
        "token": st.just("t"),
        "via_virtual_key": st.just(True),
        "models": st.sampled_from([[], ["m"]]),
        "metadata": st.sampled_from([{}, {"a": 1}]),
        "parent_otel_span": st.just("span"),
        "no_such_field": st.just(1),
    },
)
KEYS = st.sampled_from(["sk-1234", "Bearer sk-1234", "litellm_proxy_master_key", "a.b.c", ""])
ROLES = st.sampled_from([None, LitellmUserRoles.PROXY_ADMIN, LitellmUserRoles.INTERNAL_USER])


def key(fields: Any, api_key: Any, role: Any, route: Any = "/v1/x", start: Any = NOW) -> Any:
    async def ask() -> Any:
        made = await user_api_key_auth._return_user_api_key_auth_obj(
            user_obj=None,
            api_key=api_key,
            parent_otel_span=None,
            valid_token_dict=fields,
            route=route,
            start_time=start,
            user_role=role,
        )
        others = asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]
        await asyncio.gather(*others, return_exceptions=True)
        return made

    return told(asyncio.run, ask())


@settings(max_examples=EXAMPLES)
@given(FIELDS, KEYS, ROLES)
def test_keys(fields: Any, api_key: Any, role: Any) -> None:
    given_ = {name: value for name, value in fields.items()}
    with originals("litellm.proxy_key"):
        expected = key(dict(given_), api_key, role)
    before = served_by("litellm.proxy_key")
    for _ in range(3):
        ours = key(dict(given_), api_key, role)
        assert ours[0] == expected[0] and state(ours[1]) == state(expected[1])
        if ours[0] == "returned":  # nothing of it is another one's
            for name in ("metadata", "models", "aliases", "permissions"):
                assert getattr(ours[1], name) == getattr(expected[1], name)
            if "metadata" not in given_:
                ours[1].metadata["mine"] = 1
            if "models" not in given_:
                ours[1].models.append("mine")
            ours[1]._managed_delegation_verified = True
            ours[1].spend = 9.0
            ours[1].request_route = "mine"
    plain = role is not None and not {list, dict, float} & set(map(type, given_.values()))
    assert served_by("litellm.proxy_key") - before == 3 * plain


@pytest.mark.parametrize("told_to", ["callback", "mock", "hash", "route", "start", "longest"])
def test_keys_that_the_original_makes(told_to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []

    class Hears(BaseModel):
        async def async_service_success_hook(self, payload: Any = None, **_: Any) -> None:
            heard.append((payload.service, payload.call_type))

    arguments: Any = [{"user_id": "u"}, "sk-1234", LitellmUserRoles.PROXY_ADMIN, "/v1/x", NOW]
    if told_to == "callback":
        monkeypatch.setattr(litellm, "service_callback", ["datadog"])
        logger = user_api_key_auth.user_api_key_service_logger_obj
        monkeypatch.setattr(logger, "dd_logger", Hears(), raising=False)
    if told_to == "mock":
        monkeypatch.setattr(
            user_api_key_auth.user_api_key_service_logger_obj, "mock_testing", True, raising=False
        )
    if told_to == "hash":
        monkeypatch.setattr(
            UserAPIKeyAuth, "_safe_hash_litellm_api_key", classmethod(lambda *_: "hashed")
        )
    if told_to == "route":
        arguments[3] = None
    if told_to == "start":
        arguments[4] = 3
    if told_to == "longest":
        arguments[1] = "k" * 600
    with originals("litellm.proxy_key"):
        expected = key(*arguments)
    told_then = list(heard)
    heard.clear()
    before = served_by("litellm.proxy_key")
    ours = key(*arguments)
    assert ours[0] == expected[0] and state(ours[1]) == state(expected[1])
    assert heard == told_then and bool(heard) == (told_to == "callback")
    assert served_by("litellm.proxy_key") == before
    if told_to == "hash":
        assert ours[1].api_key == "hashed"


# -- models


def request(
    headers: Any = (),
    client: Any = ("10.0.0.1", 5),
    path: str = "/v1/chat/completions",
    query: bytes = b"",
    endpoint: Any = None,
) -> Request:
    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "query_string": query,
            "client": client,
            "endpoint": endpoint,
        }
    )


MARKED = [path for name in dir(auth_utils) if name.endswith("_ROUTE_MARKERS") for path in getattr(auth_utils, name)]  # fmt: skip
PATHS = st.one_of(
    st.sampled_from(["/v1/chat/completions", "/chat/completions", "/v1/messages", "", "/"]),
    st.sampled_from(MARKED).map(lambda path: f"/v1{path}"),
    st.sampled_from(
        [
            "/openai/deployments/d/chat/completions",
            "/v1beta/models/g:generateContent",
            "/models/a/b:stream",
            "/vertex_ai/v1/models/x:predict",
            "/bedrock/model/y/invoke",
            "/Bedrock/model/y/converse",
            "/azure/openai/deployments/z",
            "/azure_ai/z/x",
            "/nvidia_nim/v1/n",
            "/laya/v1/systemone",
            "/bespoke/v1/systemone/",
            "/cost/predict-cache",
        ]
    ),
)
MODELS = st.sampled_from(["m", " m ", "a,b", "", " ", ",", None, 3, ["a", "b"], ["a,b"], {"x": 1}])
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "model": MODELS,
        "target_model_names": st.sampled_from([["t"], "t,u", None]),
        "session": st.sampled_from([{"model": "s"}, None, "s"]),
        "completion": st.sampled_from([{"model": "c"}, None]),
        "file_id": st.just("file-1"),
    },
)


def passes() -> None:
    """An endpoint."""


def passed() -> None:
    """An endpoint that passes requests through."""


setattr(passed, auth_utils.LITELLM_PASS_THROUGH_ENDPOINT_MARKER, True)


@settings(max_examples=EXAMPLES * 3)
@given(
    BODIES,
    PATHS,
    st.sampled_from([b"", b"model=q", b"target_model_names=w"]),
    st.lists(st.sampled_from([("x-litellm-model", "h"), ("a", "b")]), max_size=2),
    st.sampled_from([None, passes, passed]),
    st.booleans(),
)
def test_models(
    body: Any, path: str, query: bytes, headers: Any, endpoint: Any, there: bool
) -> None:
    def asked() -> Any:
        return request(headers, path=path, query=query, endpoint=endpoint) if there else None

    with originals("litellm.proxy_model"):
        expected = told(user_api_key_auth._get_model_from_request_context, body, path, asked())
        of_utils = told(auth_utils.get_model_from_request, body, path, dict(headers), {}, None)
    before = served_by("litellm.proxy_model")
    one = asked()
    ours = told(user_api_key_auth._get_model_from_request_context, body, path, one)
    assert ours == expected
    if there:
        assert one.state._cached_headers == dict(headers)
    for module in (auth_utils, auth_checks, user_api_key_auth):
        assert module.get_model_from_request is placed("litellm.proxy_model").placed
    assert told(auth_utils.get_model_from_request, body, path, dict(headers), {}, None) == of_utils
    model = body.get("model")
    elsewhere = (
        "/bedrock", "/azure/", "/azure_ai/", "/nvidia_nim/", "/laya/", "/bespoke/", "/cost/"
    )  # fmt: skip
    plain = (
        type(model) is str
        and bool(model.strip())
        and "," not in model
        and not any(auth_utils._route_matches_any_marker(path, (each,)) for each in MARKED)
        and not path.lower().startswith(elsewhere)
    )
    assert served_by("litellm.proxy_model") == before + 2 * plain


def test_a_model_that_a_mock_names(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = user_api_key_auth._get_model_from_request_context
    assert ask({"model": "m"}, "/v1/chat/completions", None) == "m"
    with monkeypatch.context() as patched:
        patched.setattr(user_api_key_auth, "get_model_from_request", lambda **_: "mock")
        assert ask({"model": "m"}, "/v1/chat/completions", None) == "mock"
    with monkeypatch.context() as patched:
        patched.setattr(auth_utils, "_format_model_candidates", lambda _: "mock")
        assert ask({"model": "m"}, "/v1/chat/completions", None) == "mock"
        assert auth_utils.get_model_from_request({"model": "m"}, "/v1/x") == "mock"
    with monkeypatch.context() as patched:
        patched.setattr(auth_utils, "_MODEL_ROUTING_BODY_TARGET_MODEL_ROUTE_MARKERS", ("/chat",))
        body = {"model": "m", "target_model_names": "t"}
        assert ask(body, "/v1/chat/completions", None) == ["m", "t"]
    assert ask({"model": "m"}, "/v1/chat/completions", None) == "m"


# -- settings

NAMES = st.sampled_from(
    ["a", "b", "master_key", "disable_custom_api_keys", "pass_through_endpoints"]
)
VALUES = st.sampled_from([None, False, 0, "", "x", [], {"y": 1}])
ROWS = st.sampled_from(["general_settings", "ui_settings", "litellm_settings"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("load_yaml"), st.dictionaries(NAMES, VALUES, max_size=3)),
        st.tuples(st.just("apply_db_row"), ROWS, st.dictionaries(NAMES, VALUES, max_size=2)),
        st.tuples(st.just("apply_runtime_values"), st.dictionaries(NAMES, VALUES, max_size=2)),
        st.tuples(st.just("__setitem__"), NAMES, VALUES),
        st.tuples(st.just("__delitem__"), NAMES),
        st.tuples(st.just("clear")),
    ),
    max_size=6,
)


@settings(max_examples=EXAMPLES * 3)
@given(STEPS, st.sampled_from(["general_settings", "litellm_settings"]))
def test_settings(steps: Any, section: Any) -> None:
    def answers() -> Any:
        store = SettingsStore(section)
        seen: list[Any] = []
        for step, *arguments in [("load_yaml", {}), *steps]:
            seen.append(told(getattr(store, step), *arguments))
            for name in ("a", "b", "master_key", "disable_custom_api_keys", "no", 3, ["x"]):
                seen.append(told(store.get, name))
                seen.append(told(store.get, name, default="else"))
                seen.append(told(store.__getitem__, name))
                seen.append(told(store.__contains__, name))
            seen += [bool(store), dict(store), len(store)]
        return seen

    with originals(
        "litellm.proxy_setting", "litellm.proxy_setting_get", "litellm.proxy_settings_there"
    ):
        expected = answers()
    before = served_by("litellm.proxy_setting_get")
    assert answers() == expected
    assert served_by("litellm.proxy_setting_get") > before


def test_settings_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    store = SettingsStore("general_settings")
    store.load_yaml({"a": 1})
    assert store.get("a") == 1 and store
    monkeypatch.setattr(SettingsStore, "__getitem__", lambda self, key: "mine")
    assert store.get("b") == "mine"
    monkeypatch.undo()

    class Mine(SettingsStore):
        def __getitem__(self, key: str) -> Any:
            return "mine"

    assert Mine("general_settings").get("b") == "mine" and not Mine("general_settings")
    assert store.get("b") is None


# -- headers of MCP servers

HEADERS = st.lists(
    st.sampled_from(
        ["X-MCP-Auth", "x-mcp-servers", "X-Mcp-Access-Groups", "x-mcp-git-token", "host", "Mine"]
    ),
    max_size=5,
)
SERVERS = st.sampled_from([{}, {}, {"s": SimpleNamespace(extra_headers=["Mine", "Host"])}])


@settings(max_examples=EXAMPLES * 2)
@given(
    HEADERS,
    SERVERS,
    st.sampled_from([None, None, "Mine", ""]),
    st.sampled_from([None, None, "host", ""]),
    st.sampled_from([None, {"header_name": "Mine"}, 3]),
)
def test_credential_headers(
    headers: Any, servers: Any, environment: Any, setting: Any, mappings: Any
) -> None:
    manager = mcp_server_manager.global_mcp_server_manager
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(manager, "get_registry", lambda: servers, raising=False)
        if environment is not None:
            patched.setenv("LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME", environment)
        told_so = {"mcp_client_side_auth_header_name": setting, "user_header_mappings": mappings}
        patched.setattr(proxy_server, "general_settings", told_so)
        expected = placed("litellm.proxy_mcp_headers").original(headers)
        before = served_by("litellm.proxy_mcp_headers")
        assert mcp_utils.upstream_credential_headers(iter(headers)) == expected
        assert served_by("litellm.proxy_mcp_headers") - before == (
            not servers and environment is None and setting is None
        )


# -- parameters


def endpoint(
    request: Request,
    model: str | None = None,
    number: int = 3,
    listed: list[str] = fastapi.Query([]),  # noqa: B006, B008
    here: str = fastapi.Query("x", alias="there"),  # noqa: B008
) -> None: ...


def strict(needed: int, model: str | None = None) -> None: ...


def factory(made: str = fastapi.Query(default_factory=lambda: "new")) -> None: ...  # noqa: B008


def plain(model: str | None = None, flag: bool = False) -> None: ...


@settings(max_examples=EXAMPLES)
@given(
    st.sampled_from([endpoint, strict, factory, plain]),
    st.sampled_from(
        ["", "", "model=m", "there=y&number=z", "listed=a&listed=b", "needed=4&flag=1"]
    ),
    st.booleans(),
)
def test_parameters(function: Any, query: str, mapping: bool) -> None:
    fields = fastapi_models(function)
    received: Any = QueryParams(query)
    if mapping:
        received = dict(received)
    expected = told(placed("litellm.proxy_params").original, fields, received)
    before = served_by("litellm.proxy_params")
    for _ in range(3):
        ours = told(fastapi_utils.request_params_to_args, fields, received)
        assert ours == expected
        if ours[0] == "returned":
            ours[1][0]["mine"] = 1
    assert served_by("litellm.proxy_params") - before == 2 * (
        function is plain and not query and not mapping
    )


def fastapi_models(function: Any) -> Any:
    return fastapi_utils.get_dependant(path="/", call=function).query_params


def test_a_default_that_changes() -> None:
    fields = fastapi_models(plain)
    ask = fastapi_utils.request_params_to_args
    assert ask(fields, QueryParams("")) == ask(fields, QueryParams(""))
    fields[0].field_info.default = "m"
    assert ask(fields, QueryParams(""))[0] == {"model": "m", "flag": False}
    fields.pop()
    assert ask(fields, QueryParams(""))[0] == {"model": "m"}
