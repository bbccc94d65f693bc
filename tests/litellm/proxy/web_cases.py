"""FastAPI's dependencies and a worker's start, original and ours, with a real client of applications made here."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import queue
import sys
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Annotated, Any

import fastapi.routing
import pytest
from conftest import LONG, counted, originals
from fastapi import (
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    Security,
    WebSocket,
)
from fastapi.dependencies import utils
from fastapi.requests import HTTPConnection
from fastapi.security import APIKeyHeader, HTTPBearer, OAuth2PasswordBearer, SecurityScopes
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import MutableHeaders
from uvicorn import Config
from uvicorn.lifespan.on import LifespanOn

from fast_jvm import _pages, _registry
from fast_litellm import _proxy_worker

DEPENDENCIES, HEAP = "litellm.proxy_dependencies", "litellm.proxy_heap"
events: list[Any] = []
numbers = itertools.count()


@contextlib.contextmanager
def original() -> Iterator[None]:
    (entry,) = [each for each in _registry.entries() if each.patch.name == DEPENDENCIES]
    places = (utils, fastapi.routing)
    assert all(vars(place)["solve_dependencies"] is entry.placed for place in places)
    for place in places:
        place.solve_dependencies = entry.original  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for place in places:
            place.solve_dependencies = entry.placed  # type: ignore[attr-defined]


class Called:
    """A dependency that is an object."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, request: Request) -> str:
        return tell(self.name, request.url.path)


class Made:
    """One that is a class."""

    def __init__(self, q: int = 3, cookie: Annotated[str | None, Cookie()] = None) -> None:
        self.told = tell("made", q, cookie)


def tell(*what: Any) -> str:
    events.append(what)
    return repr(what)


async def number(request: Request) -> int:
    tell("number", request.method)
    return next(numbers)


def thread(connection: HTTPConnection, x: Annotated[list[int] | None, Header()] = None) -> str:
    return tell("thread", connection.url.path, x)


async def nested(one: Annotated[int, Depends(number)], two: Annotated[str, Depends(thread)]) -> Any:
    return one, two


async def opened(response: Response, q: Annotated[int, Query(gt=0)] = 1) -> AsyncIterator[str]:
    response.headers["x-opened"] = str(q)
    tell("open", q)
    try:
        yield "opened"
    except HTTPException as error:
        tell("seen", error.status_code)
        raise
    finally:
        tell("closed")


def opened_in_thread(tasks: BackgroundTasks) -> Iterator[str]:
    tasks.add_task(tell, "behind")
    tell("open thread")
    yield "in thread"
    tell("closed thread")


def refusing(request: Request) -> None:
    if "refuse" in request.headers:
        raise HTTPException(status_code=418, detail=tell("refused"))


async def scoped(
    scopes: SecurityScopes,
    key: Annotated[str | None, Depends(OAuth2PasswordBearer("t", auto_error=False))],
) -> Any:
    return tell("scoped", scopes.scopes, key)


async def plain() -> str:
    return tell("plain")


async def bound(prefix: str, request: Request) -> str:
    return tell(prefix, request.url.query)


KINDS: list[Any] = [
    Depends(number),
    Depends(number, use_cache=False),
    Depends(thread),
    Depends(nested),
    Depends(opened),
    Depends(opened, scope="function"),
    Depends(opened_in_thread),
    Depends(refusing),
    Depends(plain),
    Depends(Called("called")),
    Depends(Made),
    Depends(partial(bound, "partial")),
    Security(APIKeyHeader(name="x-key", auto_error=False)),
    Security(APIKeyHeader(name="x-key")),
    Security(HTTPBearer(auto_error=False)),
    Security(scoped, scopes=["b", "a"]),
    Security(scoped, scopes=["c"]),
    Security(nested, scopes=["a"]),
]


def application(inner: list[int], outer: list[int]) -> FastAPI:
    app = FastAPI()

    def endpoint(**values: Any) -> Any:
        tell("endpoint", sorted(values))
        if values["request"].headers.get("fail"):
            raise HTTPException(status_code=409, detail="failed")
        values["response"].headers["x-end"] = "1"
        return {
            name: value
            if isinstance(value, (str, list, int, tuple, type(None)))
            else type(value).__name__
            for name, value in values.items()
        }

    import inspect

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("request", kind, annotation=Request),
        inspect.Parameter("response", kind, annotation=Response),
        inspect.Parameter("item", kind, annotation=int),
        inspect.Parameter("page", kind, annotation=Annotated[int, Query(lt=9)], default=2),
        inspect.Parameter(
            "body", kind, annotation=Annotated[dict[str, int] | None, Body()], default=None
        ),
        *(
            inspect.Parameter(f"d{at}", kind, default=KINDS[number])
            for at, number in enumerate(inner)
        ),
    ]

    async def called(**values: Any) -> Any:
        return endpoint(**values)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    app.post("/{item}", dependencies=[KINDS[number] for number in outer])(called)
    return app


REQUESTS = st.fixed_dictionaries(
    {"path": st.sampled_from(["/1", "/x"])},
    optional={
        "params": st.dictionaries(
            st.sampled_from(["page", "q"]), st.sampled_from(["1", "0", "10", "x"])
        ),
        "headers": st.dictionaries(
            st.sampled_from(["x", "x-key", "refuse", "fail", "authorization", "cookie"]),
            st.sampled_from(["1", "Bearer a", "cookie=c", "y"]),
        ),
        "json": st.sampled_from([None, {"a": 1}, {"a": "b"}, []]),
    },
)


def answered(client: TestClient, wanted: dict[str, Any]) -> Any:
    """Status, headers, body, and what ran in which order."""
    global numbers
    numbers = itertools.count()
    events.clear()
    more = {name: value for name, value in wanted.items() if name != "path"}
    answer = client.post(wanted["path"], **more)
    return answer.status_code, sorted(answer.headers.items()), answer.content, list(events)


@settings(max_examples=40 if LONG else 15)
@given(
    st.lists(st.integers(0, len(KINDS) - 1), max_size=5),
    st.lists(st.integers(0, len(KINDS) - 1), max_size=3),
    st.lists(REQUESTS, min_size=1, max_size=3),
    st.booleans(),
)
def test_dependencies(inner: list[int], outer: list[int], requests: list[Any], other: bool) -> None:
    app = application(inner, outer)
    if other:
        app.dependency_overrides[plain] = number
    client = TestClient(app, raise_server_exceptions=False)
    before = counted(DEPENDENCIES)
    for wanted in requests:
        ours = answered(client, wanted)
        with original():
            theirs = answered(client, wanted)
        assert ours == theirs
    served, declined = counted(DEPENDENCIES)
    assert (served > before[0]) is not other
    assert other or declined == before[1]


async def address(websocket: WebSocket, connection: HTTPConnection) -> str:
    return websocket.url.path + connection.url.query


def test_a_web_socket() -> None:
    app = FastAPI()

    @app.websocket("/w")
    async def talk(websocket: WebSocket, key: Annotated[str, Depends(address)], q: int = 1) -> None:
        await websocket.accept()
        await websocket.send_text(key + str(q))
        await websocket.close()

    texts = []
    for side in (contextlib.nullcontext(), original()):
        with side, TestClient(app).websocket_connect("/w?q=4") as socket:
            texts.append(socket.receive_text())
    assert texts == ["/wq=44"] * 2


# -- headers

HEADERS = "litellm.proxy_headers"
NAMES = ["vary", "Vary", "x-a", "X-\xe4", "x-b", "\u20ac", 1]
VALUES = st.sampled_from(["", "1", "a, b", "\xff", "\u20ac", 2])


class Shown(MutableHeaders):
    def __setitem__(self, key: str, value: str) -> None:
        super().__setitem__(key, value.upper())


class Others:
    """Not a mapping, and with names twice."""

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        self.pairs = pairs

    def items(self) -> Iterator[tuple[Any, Any]]:
        return iter(self.pairs)


@settings(max_examples=3000 if LONG else 300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([b"vary", b"x-a", b"x-c"]), st.sampled_from([b"", b"1"]))),
    st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6),
    st.sampled_from([list, tuple]),
    st.sampled_from([dict, Others]),
    st.sampled_from([MutableHeaders, MutableHeaders, Shown]),
)
def test_headers_that_are_added(held: Any, added: Any, kept: Any, form: Any, kind: Any) -> None:
    def run() -> Any:
        headers = kind(raw=kept(held))
        try:
            return headers.update(form(added)), headers.raw
        except Exception as error:
            return type(error), str(error), headers.raw

    before = counted(HEADERS)
    found = run()
    served = kind is MutableHeaders and kept is list
    assert counted(HEADERS) == (before[0] + served, before[1] + (not served))
    with originals(HEADERS):
        assert run() == found


# -- the heap


async def quiet(scope: Any, receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def failing(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no"})


def started(app: Any) -> LifespanOn:
    async def run() -> LifespanOn:
        lifespan = LifespanOn(Config(app, log_config=None))
        await lifespan.startup()
        if not lifespan.should_exit:
            await lifespan.shutdown()
        return lifespan

    return asyncio.run(run())


@pytest.fixture
def heap() -> Iterator[None]:
    callbacks, threshold = list(gc.callbacks), gc.get_threshold()
    assert gc.get_freeze_count() == 0
    yield
    _proxy_worker._watch = None
    gc.callbacks[:] = callbacks
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_a_started_worker_keeps_its_heap_out_of_collections(heap: None) -> None:
    import litellm.proxy.proxy_server  # noqa: F401

    before, calls = counted(HEAP), len(gc.callbacks)
    assert started(quiet).should_exit is False
    frozen = gc.get_freeze_count()
    assert frozen > 100_000 and counted(HEAP) == (before[0] + 1, before[1])
    more: Any = [[] for _ in range(10_000)]
    gc.collect()
    assert gc.get_freeze_count() >= frozen + 10_000  # once more, at the first full collection
    assert len(gc.callbacks) == calls
    frozen, more = gc.get_freeze_count(), [more, [[] for _ in range(10_000)]]
    gc.collect()
    assert gc.get_freeze_count() <= frozen
    started(quiet)  # a second start in one process
    assert counted(HEAP) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("later", ["full", "imports"])
def test_what_a_worker_holds_is_put_into_huge_pages_twice(
    heap: None, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    import litellm.proxy.proxy_server  # noqa: F401

    done: queue.SimpleQueue[set[int]] = queue.SimpleQueue()
    monkeypatch.setattr(_pages, "size", lambda: 2 << 20)
    monkeypatch.setattr(_pages, "collapse", done.put)
    started(quiet)
    first = done.get(timeout=30)
    assert len(first) > 50  # 100 MB and more
    more = [[] for _ in range(50_000)]  # type: ignore[var-annotated]
    if later == "full":
        gc.collect()
    else:
        gc.set_threshold(50_000, 4, 1_000_000)
        more.extend([[]] for _ in range(300_000))
    again = done.get(timeout=30)
    assert sum(id(each) >> 21 in again for each in more[:50_000]) > 45_000
    gc.collect()
    gc.collect()
    assert done.empty()


def test_a_callback_of_ones_own_is_not_passed_over(heap: None) -> None:
    import litellm.proxy.proxy_server  # noqa: F401

    started(quiet)
    heard: list[str] = []
    gc.callbacks.append(lambda phase, info: heard.append(phase))
    gc.collect()
    gc.collect()
    assert heard == ["start", "stop"] * 2


@pytest.mark.parametrize("why", ["failed", "disabled", "no proxy", "frozen"])
def test_heaps_that_are_left_alone(heap: None, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    import litellm.proxy.proxy_server  # noqa: F401

    if why == "disabled":
        gc.disable()
    elif why == "no proxy":
        monkeypatch.delitem(sys.modules, "litellm.proxy.proxy_server")
    elif why == "frozen":
        gc.freeze()
    before, frozen = counted(HEAP), gc.get_freeze_count()
    try:
        assert started(failing if why == "failed" else quiet).should_exit is (why == "failed")
    finally:
        gc.enable()
    assert counted(HEAP) == (before[0], before[1] + 1)
    assert gc.get_freeze_count() <= frozen


@pytest.mark.parametrize("set_by", ["nobody", "code", "environment"])
def test_young_objects_are_looked_at_less_often_unless_told(
    heap: None, monkeypatch: pytest.MonkeyPatch, set_by: str
) -> None:
    import litellm.proxy.proxy_server  # noqa: F401

    youngest, *older = gc.get_threshold()
    if set_by == "code":
        gc.set_threshold(4_000, 5, 5)
    elif set_by == "environment":
        monkeypatch.setenv("PYTHON_GC_THRESHOLD", f"{youngest},10,10")
    expected = gc.get_threshold()
    started(quiet)
    assert gc.get_threshold() == ((5_000, *older) if set_by == "nobody" else expected)


@pytest.fixture
def watched(heap: None) -> None:
    import litellm.proxy.proxy_server  # noqa: F401

    assert _proxy_worker._resident() > 100 << 20
    started(quiet)


def answer(times: int) -> None:
    for _ in range(times):
        _proxy_worker.answered()


@pytest.mark.parametrize("why", ["", "no answers", "set", "unknown"])
def test_more_young_objects_while_memory_is_small(
    watched: None, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "set":
        gc.set_threshold(3_000, 7, 7)
    elif why == "unknown":
        monkeypatch.setattr(_proxy_worker, "_STATM", "/proc/none")
    before = gc.get_threshold()
    answer(7 if why == "no answers" else 8)
    assert gc.get_threshold() == (before if why else (20_000, *before[1:]))


def test_fewer_once_it_has_grown(watched: None, monkeypatch: pytest.MonkeyPatch) -> None:
    resident = 300 << 20
    monkeypatch.setattr(_proxy_worker, "_resident", lambda: resident)
    found = []
    for resident in (300 << 20, 364 << 20, (364 << 20) + 1, 500 << 20, 0, 350 << 20):  # noqa: B007
        answer(8)
        found.append(gc.get_threshold()[0])
    assert found == [20_000, 20_000, 5_000, 5_000, 5_000, 20_000]


def test_what_is_resident_is_counted() -> None:
    before = _proxy_worker._resident()
    held = b"x" * (32 << 20)
    assert 30 << 20 < _proxy_worker._resident() - before < 64 << 20
    del held
