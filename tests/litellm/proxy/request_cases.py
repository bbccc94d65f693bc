"""What the proxy asks anew of each request, original and ours on the same."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import enum
import importlib
import importlib.machinery
import importlib.util
import logging
import os
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import LONG, placed, served_by
from fastapi.encoders import jsonable_encoder
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm import ModelResponse, _internal_context, _logging
from litellm.litellm_core_utils import secret_redaction
from litellm.proxy import _lazy_features
from litellm.proxy._types import LiteLLMRoutes
from litellm.proxy.auth import auth_utils
from litellm.proxy.auth.route_checks import RouteChecks
from litellm.proxy.config_resolvers import settings_rules
from litellm.proxy.config_resolvers.settings_store import SettingsStore
from litellm.proxy.db import log_db_metrics
from pydantic import BaseModel, ConfigDict, Field

from fast_litellm._found import found

EXAMPLES = 600 if LONG else 100


def original(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = placed(name).original
    return found


def told(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Return what comes out, or the error."""
    try:
        return "returned", function(*arguments, **named)
    except Exception as error:
        return type(error), error.args


# -- routes

PARTS = st.sampled_from(
    [
        "v1",
        "chat",
        "completions",
        "key",
        "team",
        "{id}",
        "{id:path}",
        "x:y",
        "a*",
        "*",
        "",
        "\n",
        "{",
    ]
)
PATHS = st.lists(PARTS, max_size=4).map(lambda parts: "/" + "/".join(parts))
ROUTES = st.one_of(
    PATHS, st.sampled_from(list(LiteLLMRoutes.management_routes.value)), st.text(max_size=6)
)
ODD = st.one_of(st.none(), st.integers(), st.just(b"/v1"))


@settings(max_examples=EXAMPLES)
@given(
    st.one_of(ROUTES, ODD),
    st.one_of(
        st.just(LiteLLMRoutes.management_routes.value),
        st.just(LiteLLMRoutes.openai_routes.value),
        st.lists(st.one_of(PATHS, PATHS, PATHS, ODD), max_size=5),
        st.lists(PATHS, max_size=5).map(tuple),
        st.sets(PATHS, max_size=3),
    ),
)
def test_routes(route: Any, allowed: Any) -> None:
    for _ in range(2):
        ours = told(RouteChecks.check_route_access, route, allowed)
        assert ours == told(original("litellm.proxy_routes"), route, allowed)


def test_a_list_that_changes_and_a_method_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = ["/a/{id}"]
    before = served_by("litellm.proxy_routes")
    assert RouteChecks.check_route_access(route="/a/b", allowed_routes=allowed)
    allowed[0] = "/b"
    assert not RouteChecks.check_route_access(route="/a/b", allowed_routes=allowed)
    assert served_by("litellm.proxy_routes") == before + 2
    monkeypatch.setattr(
        RouteChecks, "_route_matches_pattern", staticmethod(lambda route, pattern: True)
    )
    assert RouteChecks.check_route_access(route="/a/b", allowed_routes=allowed)
    assert served_by("litellm.proxy_routes") == before + 2


@settings(max_examples=EXAMPLES)
@given(
    st.one_of(PATHS, ODD), st.one_of(st.lists(PARTS, max_size=4).map(tuple), st.just(((), [])), ODD)
)
def test_markers(route: Any, markers: Any) -> None:
    for _ in range(2):
        ours = told(auth_utils._route_matches_any_marker, route, markers)
        assert ours == told(original("litellm.proxy_markers"), route, markers)


FEATURES = st.lists(
    st.sampled_from(_lazy_features.LAZY_FEATURES), max_size=8, unique_by=lambda one: one.name
).map(tuple)
ROOTS = st.sampled_from(["", "/", "/api", "/api/", "/v1"])


def loaded(
    call: Any, features: Any, asked: list[Any], root: str, already: set[str]
) -> tuple[Any, ...]:
    """Return which features were loaded and what the application was asked."""
    heard: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        heard.append((scope["type"], scope.get("path"), receive, send))

    async def load(app: Any, feature: Any, known: Any) -> None:
        heard.append(feature.name)

    state = SimpleNamespace(lazy_loaded=already, lazy_locks={})
    app = SimpleNamespace(state=state, router=SimpleNamespace(routes=[]))
    middleware = _lazy_features.LazyFeatureMiddleware(application, app, features)  # type: ignore[arg-type]
    middleware._root_path = root
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_lazy_features, "_force_load", load)
        for scope in asked:
            heard.append(told(asyncio.run, call(middleware, dict(scope), "receive", "send")))
    return heard, already


@settings(max_examples=EXAMPLES)
@given(st.data(), FEATURES, ROOTS, ROOTS)
def test_lazy_features(data: st.DataObject, features: Any, root: str, root_of_one: str) -> None:
    paths = [""] + [
        prefix for one in features for prefix in (*one.path_prefixes, *one.path_suffixes)
    ]
    asked = [
        {
            "type": data.draw(st.sampled_from(["http", "http", "websocket", "lifespan"])),
            "path": data.draw(st.sampled_from(["", root, "/v1"]))
            + data.draw(st.sampled_from(paths))
            + data.draw(ROUTES),
            **({"root_path": root_of_one} if data.draw(st.booleans()) else {}),
        }
        for _ in range(3)
    ]
    asked += [*asked, {"type": "http"}, {"type": "http", "path": 3}, {"type": "lifespan"}]
    already = {one.module_path for one in features if data.draw(st.booleans())}
    ours = _lazy_features.LazyFeatureMiddleware.__call__
    assert loaded(ours, features, asked, root, set(already)) == loaded(
        original("litellm.proxy_lazy"), features, asked, root, set(already)
    )


def test_a_path_of_no_feature_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    features = _lazy_features.LAZY_FEATURES
    asked = [{"type": "http", "path": "/v1/chat/completions"}] * 3
    before = served_by("litellm.proxy_lazy")
    ours = _lazy_features.LazyFeatureMiddleware.__call__
    loaded(ours, features, asked, "", set())
    assert served_by("litellm.proxy_lazy") == before + 3
    monkeypatch.setattr(_lazy_features.LazyFeature, "matches", lambda self, path: True)
    heard, _ = loaded(ours, features, asked, "", set())
    assert heard[: len(features)] == [one.name for one in features]


# -- settings

KEYS = st.sampled_from(
    [
        "master_key",
        "alerting",
        "pass_through_endpoints",
        "a",
        "b",
        *sorted(settings_rules._UI_SETTINGS_FIELDS)[:3],
    ]
)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.text(max_size=2))
MAPPINGS = st.dictionaries(KEYS, VALUES, max_size=3)
STEPS = st.one_of(
    st.tuples(st.just("load_yaml"), MAPPINGS),
    st.tuples(
        st.just("apply_db_row"), st.sampled_from(["general_settings", "ui_settings"]), MAPPINGS
    ),
    st.tuples(st.just("apply_runtime_values"), MAPPINGS),
    st.tuples(st.just("__setitem__"), KEYS, VALUES),
    st.tuples(st.just("__delitem__"), KEYS),
    st.tuples(st.just("clear")),
)


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(["general_settings", "litellm_settings"]), st.lists(STEPS, max_size=8))
def test_settings(section: Any, steps: list[Any]) -> None:
    """Each key after each step; what no row holds is absent."""
    store = SettingsStore(section)
    before = served_by("litellm.proxy_setting")
    for step in steps:
        told(getattr(store, step[0]), *step[1:])
        for key in (
            "master_key",
            "alerting",
            "pass_through_endpoints",
            "a",
            "b",
            "none",
            *settings_rules._UI_SETTINGS_FIELDS,
        ):
            assert told(store.__getitem__, key) == told(
                original("litellm.proxy_setting"), store, key
            )
    assert not steps or served_by("litellm.proxy_setting") > before

    class Own(SettingsStore):
        def _resolution_for(self, key: str) -> Any:
            return settings_rules.Resolved(value="own", source="config")

    assert Own(section)["x"] == "own"


# -- what datastore calls are for


def test_targets() -> None:
    """Nested, with errors, out of another context, as a decorator, and used up."""
    before = served_by("litellm.proxy_target")
    seen: list[list[Any]] = []
    for make in (_internal_context.service_target, original("litellm.proxy_target")):
        now: list[Any] = []
        with make("a") as entered:
            now.append((entered, _internal_context.current_service_target()))
            try:
                with make(None):
                    now.append(_internal_context.current_service_target())
                    raise KeyError(1)
            except KeyError as error:
                now.append((error.args, error.__context__))
            now.append(_internal_context.current_service_target())
        now.append(_internal_context.current_service_target())

        @make("decorated")
        def inside() -> Any:
            return _internal_context.current_service_target()

        now += [inside(), inside()]
        other = make("b")
        contextvars.copy_context().run(other.__enter__)
        now.append(told(other.__exit__, None, None, None)[0])
        used = make("c")
        with used:
            pass
        try:
            with used:
                now.append("again")
        except Exception as error:
            now.append(type(error))
        now.append(_internal_context.current_service_target())
        seen.append(now)
    assert served_by("litellm.proxy_target") > before
    ours, theirs = seen
    assert ours[:-2] == theirs[:-2] and ours[-1] == theirs[-1] is None
    assert issubclass(ours[-2], (RuntimeError, AttributeError)), theirs[-2]


# -- errors of a database that is not there


def test_an_error_without_prisma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, theirs = log_db_metrics.is_exception_related_to_db, original("litellm.proxy_db_error")
    assert "prisma" not in sys.modules
    assert told(ask, ValueError())[0] is ModuleNotFoundError
    before = served_by("litellm.proxy_db_error")
    errors = []
    for function in (ask, theirs):
        with pytest.raises(ModuleNotFoundError) as error:
            function(ValueError())
        errors.append(
            (
                type(error.value),
                error.value.args,
                error.value.name,
                error.value.path,
                error.value.msg,
            )
        )
    assert errors[0] == errors[1]
    assert served_by("litellm.proxy_db_error") == before + 1
    (tmp_path / "prisma").mkdir()
    (tmp_path / "prisma" / "__init__.py").write_text("")
    (tmp_path / "prisma" / "errors.py").write_text("class PrismaError(Exception): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert ask(ValueError()) is False
    assert ask(importlib.import_module("prisma.errors").PrismaError()) is True
    for name in ("prisma.errors", "prisma"):
        sys.modules.pop(name)
    monkeypatch.undo()
    assert told(ask, ValueError())[0] is ModuleNotFoundError
    assert served_by("litellm.proxy_db_error") == before + 2


@settings(max_examples=EXAMPLES // 4, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["write", "remove", "prepend", "drop", "chdir", "finder", "no finder", "invalidate"]
        ),
        max_size=8,
    )
)
def test_a_package_is_looked_for_where_something_changed(steps: list[str]) -> None:
    class Finder:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
            return importlib.machinery.ModuleSpec(name, None) if name == "came_late" else None

    kept = list(sys.path), list(sys.meta_path), os.getcwd()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        sys.path.append(str(folder))
        sys.path.append("")
        try:
            assert found("came_late") is False
            for step in steps:
                if step == "write":
                    time.sleep(0.02)  # a folder's times of change have ticks
                    (folder / "came_late.py").write_text("")
                elif step == "remove":
                    time.sleep(0.02)
                    (folder / "came_late.py").unlink(missing_ok=True)
                elif step == "prepend":
                    sys.path.insert(0, str(folder))
                elif step == "drop":
                    sys.path[:] = [entry for entry in sys.path if entry != str(folder)]
                elif step == "chdir":
                    os.chdir(folder)
                elif step == "finder":
                    sys.meta_path.append(Finder)
                elif step == "no finder":
                    sys.meta_path[:] = kept[1]
                else:
                    importlib.invalidate_caches()
                for _ in range(2):
                    assert found("came_late") is (importlib.util.find_spec("came_late") is not None)
        finally:
            sys.path[:], sys.meta_path[:] = kept[0], kept[1]
            os.chdir(kept[2])


# -- the access log

PIECES = st.sampled_from(
    [
        *("/v1/chat/completions", "127.0.0.1:54321", "POST", "1.1", "?", "&", "key=", "api_key="),
        *("sk-1234567890abcdef1234", "k%65y=", "sk%2D1234567890abcdef1234", "a", " ", "%0A"),
        *(
            "Bearer ",
            "eyJhbGciOiJIUzI1.abc.def",
            "x" * 300,
            "password",
            ":",
            "https://a:b@c/",
            "\u00e9",
        ),
    ]
)


@settings(max_examples=EXAMPLES * 3)
@given(st.lists(PIECES, max_size=6).map("".join))
def test_access_lines(value: str) -> None:
    theirs = original("litellm.proxy_access_log")
    before = served_by("litellm.proxy_access_log")
    for _ in range(2):
        assert told(_logging._scrub_access_arg, value) == told(theirs, value)
    served = served_by("litellm.proxy_access_log") - before
    assert served == (2 if len(value) <= 512 else 0)


def test_what_access_lines_hide_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _logging._scrub_access_arg("/mine/secretly") == "/mine/secretly"
    record = logging.LogRecord(
        "uvicorn.access", 20, "", 0, "%s %s", ("/mine?api_key=abcdefgh", 200), None
    )
    assert _logging._access_log_filter.filter(record)
    assert record.args == ("/mine?REDACTED", 200)
    with monkeypatch.context() as patched:
        patched.setattr(_logging, "python_redact_string", lambda value: "mine")
        assert _logging._scrub_access_arg("/mine/secretly") == "mine"
    with monkeypatch.context() as patched:
        patched.setattr(secret_redaction, "_SECRET_RE", re.compile("secretly"))
        assert _logging._scrub_access_arg("/mine/secretly") == "/mine/REDACTED"
    assert _logging._scrub_access_arg("/mine/secretly") == "/mine/secretly"
    for value in (b"a", 3, None):
        assert told(_logging._scrub_access_arg, value) == told(
            original("litellm.proxy_access_log"), value
        )


# -- JSON


class Kind(str, enum.Enum):
    A = "a"


class Inner(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: Any = Field(default=None, alias="b")
    when: Any = None


@dataclasses.dataclass
class Data:
    x: Any


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(
        [Kind.A, b"x", uuid.UUID(int=1), Path("/a"), Data(1), Inner(b={"c": Kind.A}), object]
    ),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner),
        st.dictionaries(
            st.one_of(st.text(max_size=3), st.just("_sa_x"), st.integers(0, 3)), inner, max_size=3
        ),
        inner.map(lambda value: Inner(b=value, extra=value)),
    ),
    max_leaves=12,
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "exclude_none": st.booleans(),
        "exclude_unset": st.booleans(),
        "exclude_defaults": st.booleans(),
        "by_alias": st.booleans(),
        "sqlalchemy_safe": st.booleans(),
        "include": st.sampled_from([None, {"a"}, ["x"]]),
        "exclude": st.sampled_from([None, {"a"}]),
        "custom_encoder": st.sampled_from([None, {}, {str: len}]),
    },
)


def shape(value: Any) -> Any:
    """What it is, types and order too; NaN is itself."""
    if isinstance(value, dict):
        return type(value), [(shape(key), shape(each)) for key, each in value.items()]
    if isinstance(value, list):
        return type(value), [shape(each) for each in value]
    return type(value), repr(value)


def containers(value: Any) -> set[int]:
    if isinstance(value, dict):
        return {id(value)}.union(*map(containers, value.values()))
    if isinstance(value, list):
        return {id(value)}.union(*map(containers, value))
    return set()


@settings(max_examples=EXAMPLES * 2)
@given(JSON, OPTIONS)
def test_json(value: Any, options: dict[str, Any]) -> None:
    ours, theirs = (
        told(function, value, **options)
        for function in (jsonable_encoder, original("litellm.proxy_json"))
    )
    assert ours[0] == theirs[0]
    if ours[0] == "returned":
        assert shape(ours[1]) == shape(theirs[1])
        assert not containers(value) & containers(ours[1])
    else:
        assert str(ours[1]) == str(theirs[1])


def test_json_of_responses() -> None:
    response = ModelResponse(
        model="m", choices=[{"message": {"content": "x", "role": "assistant"}}]
    )
    before = served_by("litellm.proxy_json")
    for value in (response, response.model_dump()):
        assert shape(jsonable_encoder(value)) == shape(original("litellm.proxy_json")(value))
    assert served_by("litellm.proxy_json") >= before + 2
