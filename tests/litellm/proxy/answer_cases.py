"""What uvicorn writes of answers, original and ours: bytes, access lines, errors, whether the connection stays."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import Any

from conftest import LONG, counted, originals
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm.proxy.middleware.gzip_middleware import GZipBufferedResponseMiddleware
from uvicorn.config import LOGGING_CONFIG, Config
from uvicorn.logging import AccessFormatter
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

BODY, SEND, LINE = "litellm.proxy_body", "litellm.proxy_send", "litellm.proxy_access_line"
NAMES = [
    b"content-type",
    b"X-Call-Id",
    b"date",
    b"vary",
    b"set-cookie",
    b"etag",
    b"bad name",
    b"x-\xe4",
]
VALUES = [
    b"text/plain",
    b"1",
    b"",
    b"a, b",
    b" padded",
    b"new\nline",
    b"\xff",
    b"no-transform",
    b"x" * 500,
]


class Transport(asyncio.Transport):
    """Keeps what is written, write by write; may be told to be full."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Any] = []
        self.closed = False

    def write(self, data: Any) -> None:
        if data:
            self.log.append(bytes(data))

    def close(self) -> None:
        if not self.closed:
            self.log.append("closed")
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("10.0.0.9", 4711), "sockname": ("10.0.0.1", 4000)}.get(name, default)

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def set_protocol(self, protocol: Any) -> None:
        pass


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(
            (record.name, record.levelname, record.getMessage(), bool(record.exc_info))
        )


def answers(app: Callable[..., Any], requests: list[bytes], between: Any = None) -> tuple[Any, ...]:
    """What a connection writes, in one stream, and what is logged; how many writes it took."""
    transport, lines = Transport(), Lines()
    loggers = [logging.getLogger(name) for name in ("uvicorn.access", "uvicorn.error")]

    async def run() -> None:
        config = Config(
            GZipBufferedResponseMiddleware(app),
            log_config=None,
            date_header=False,
            server_header=True,
        )
        config.load()
        protocol = H11Protocol(config, ServerState(), {}, asyncio.get_running_loop())
        protocol.connection_made(transport)
        for request in requests:
            if transport.closed:
                break
            try:
                protocol.data_received(request)
            except Exception as error:
                transport.log.append(repr(error))
            for _ in range(6):
                await asyncio.sleep(0)
                if between is not None:
                    between(protocol, transport)
        for _ in range(40):
            await asyncio.sleep(0)
        protocol.resume_writing()
        protocol.connection_lost(None)
        for _ in range(40):
            await asyncio.sleep(0)
        assert not protocol.tasks

    for logger in loggers:
        logger.addHandler(lines)
        logger.setLevel(logging.INFO)
    try:
        asyncio.run(run())
    finally:
        for logger in loggers:
            logger.removeHandler(lines)
    stream: list[Any] = []
    for joined, group in itertools.groupby(transport.log, lambda each: isinstance(each, bytes)):
        stream.extend([b"".join(group)] if joined else group)
    return (stream, lines.seen), len([each for each in transport.log if isinstance(each, bytes)])


def same(app: Callable[..., Any], requests: list[bytes], between: Any = None) -> tuple[int, int]:
    """Both give the same; how many writes it took the original and ours."""
    with originals(BODY, SEND):
        wanted, writes = answers(app, requests, between)
    found, ours = answers(app, requests, between)
    assert found == wanted
    return writes, ours


def request(
    method: bytes = b"GET",
    version: bytes = b"1.1",
    headers: tuple[bytes, ...] = (),
    body: bytes = b"",
) -> bytes:
    lines = [b"%s /path?q=1 HTTP/%s" % (method, version), b"host: here", *headers]
    if body:
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def plain(body: bytes, headers: list[tuple[bytes, bytes]], status: int = 200) -> Callable[..., Any]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def test_head_and_body_are_one_write() -> None:
    before = counted(BODY), counted(SEND)
    app = plain(b"{}", [(b"content-type", b"application/json"), (b"content-length", b"2")])
    assert same(app, [request(), request()]) == (4, 2)
    after = counted(BODY), counted(SEND)
    assert after[0] == (before[0][0] + 2, before[0][1] + 2)  # of each answer the start, too
    assert after[1] == (before[1][0] + 4, before[1][1])


headers = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)),
        st.tuples(
            st.sampled_from([b"content-length", b"Content-Length"]),
            st.sampled_from([b"5", b"0", b"700", b"5, 5", b"5,6", b"x", b"+5", b"", b"9" * 30]),
        ),
        st.tuples(
            st.sampled_from([b"transfer-encoding", b"connection", b"content-encoding"]),
            st.sampled_from([b"chunked", b"close", b"gzip", b"keep-alive"]),
        ),
    ),
    max_size=5,
)


@settings(max_examples=3000 if LONG else 300, deadline=None)
@given(
    st.lists(
        st.builds(
            request,
            st.sampled_from([b"GET", b"HEAD", b"POST"]),
            st.sampled_from([b"1.1", b"1.0"]),
            st.lists(
                st.sampled_from(
                    [
                        b"connection: close",
                        b"accept-encoding: gzip",
                        b"expect: 100-continue",
                        b"x: y",
                    ]
                ),
                max_size=2,
                unique=True,
            ).map(tuple),
            st.sampled_from([b"", b"12345"]),
        ),
        min_size=1,
        max_size=3,
    ),
    headers,
    st.sampled_from([b"", b"hello", b"0123456789" * 70, b"y" * 70_000]),
    st.sampled_from([200, 200, 204, 206, 304, 404, 500, 100, 999, "200"]),
    st.lists(
        st.sampled_from(
            ["read", "start", "body", "more", "last", "raise", "wait", "return", "odd"]
        ),
        max_size=5,
    ),
)
def test_answers_of_all_kinds(
    requests: list[bytes], fields: Any, body: bytes, status: Any, steps: list[str]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for step in steps or ["read", "start", "last"]:
            if step == "read":
                await receive()
            elif step == "start":
                await send({"type": "http.response.start", "status": status, "headers": fields})
            elif step == "body":
                await send({"type": "http.response.body"})
            elif step in ("more", "last"):
                await send(
                    {"type": "http.response.body", "body": body, "more_body": step == "more"}
                )
            elif step == "wait":
                await asyncio.sleep(0)
            elif step == "raise":
                raise KeyError(step)
            elif step == "odd":
                await send({"type": "http.response.debug"})
            else:
                return

    writes, ours = same(app, requests)
    assert ours <= writes


@settings(max_examples=300 if LONG else 60, deadline=None)
@given(st.integers(0, 8), st.sampled_from(["pause", "resume", "lost", "shutdown"]), st.booleans())
def test_a_connection_that_changes_meanwhile(turn: int, change: str, wait: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if wait:
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"hello"})

    turns = itertools.count()

    def between(protocol: Any, transport: Transport) -> None:
        now = next(turns)
        if now == turn:
            if change in ("pause", "resume"):
                protocol.pause_writing()
            elif change == "lost":
                transport.closed = True
                protocol.connection_lost(None)
                turns.__next__()
            else:
                protocol.shutdown()
        elif now == turn + 2 and change == "resume":
            protocol.resume_writing()

    def run() -> Any:
        nonlocal turns
        turns = itertools.count()
        return answers(app, [request(), request()], between)

    with originals(BODY, SEND):
        wanted, _ = run()
    found, _ = run()
    assert found == wanted


def test_a_middleware_that_waits_between_head_and_body() -> None:
    """The head does not wait for it."""
    seen: list[Any] = []

    def waits(app: Any) -> Any:
        async def middleware(scope: Any, receive: Any, send: Any) -> None:
            async def slowly(message: Any) -> None:
                if message["type"] == "http.response.body":
                    for _ in range(3):
                        await asyncio.sleep(0)
                    seen.append(len(transports[-1].log))
                await send(message)

            await app(scope, receive, slowly)

        return middleware

    transports: list[Any] = []

    async def run() -> None:
        app = GZipBufferedResponseMiddleware(plain(b"hello", [(b"content-length", b"5")]))
        config = Config(waits(app), log_config=None)
        config.load()
        protocol = H11Protocol(config, ServerState(), {}, asyncio.get_running_loop())
        transport = Transport()
        transports.append(transport)
        protocol.connection_made(transport)
        protocol.data_received(request())
        while protocol.tasks:
            await asyncio.sleep(0)
        protocol.connection_lost(None)

    asyncio.run(run())
    assert seen == [1] and transports[-1].log[1:] == [b"hello", "closed"]


def test_a_head_whose_body_fails_is_written() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        )
        await send({"type": "http.response.body", "body": b"more than two"})

    writes, ours = same(app, [request()])
    assert (writes, ours) == (1, 1)


class Loud(AccessFormatter):
    def get_status_code(self, status_code: int) -> str:
        return f"{status_code}!"


ACCESS: str = LOGGING_CONFIG["formatters"]["access"]["fmt"]


@settings(max_examples=3000 if LONG else 300, deadline=None)
@given(
    st.one_of(
        st.tuples(
            st.sampled_from(["10.0.0.9:4711", ""]),
            st.sampled_from(["GET", "POST"]),
            st.text(max_size=9),
            st.sampled_from(["1.1", "1.0"]),
            st.sampled_from([200, 404, 799, 99, "200", "x", None]),
        ),
        st.sampled_from([(), ("a",), ("a", "b", "c", "d", 200, "f"), {"a": 1}, None]),
    ),
    st.sampled_from([ACCESS, "%(message)s", "%(levelname)s %(process)d %(status_code)s", "%(no)s"]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([AccessFormatter, AccessFormatter, AccessFormatter, Loud]),
    st.sampled_from(["INFO", "WARNING", "CRITICAL", "Level 3"]),
    st.booleans(),
)
def test_access_lines(
    arguments: Any, layout: str, colors: bool, kind: Any, level: str, colored: bool
) -> None:
    formatter = kind(fmt=layout, use_colors=colors)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "p", 1, "%s %s", (), None)
    record.args, record.levelname, record.msg = arguments, level, "line"
    if colored:
        record.color_message = "colored"

    def run() -> Any:
        try:
            text = formatter.formatMessage(record)
        except Exception as error:
            text = type(error), str(error)
        return text, dict(record.__dict__)

    record.message = "line"
    before = counted(LINE)
    found = run()
    after = counted(LINE)
    served = after[0] - before[0]
    assert served + after[1] - before[1] == 1
    assert served == (kind is AccessFormatter and not colors and type(found[0]) is str)
    with originals(LINE):
        assert run() == found


def test_access_lines_with_fields_of_ones_own() -> None:
    line = ("h", "GET", "/", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "p", 1, "%s", line, None)
    named = AccessFormatter(fmt="%(site)s %(status_code)s", use_colors=False)
    named._style = logging.PercentStyle("%(site)s %(status_code)s", defaults={"site": "here"})
    braces = AccessFormatter(fmt="{client_addr} {status_code}", style="{", use_colors=False)
    before = counted(LINE)
    assert named.formatMessage(record) == "here 200 OK"
    assert braces.formatMessage(record) == "h 200 OK"
    assert counted(LINE) == (before[0], before[1] + 2)
