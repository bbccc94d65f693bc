"""HTTP/1.1 on the loopback address: the same bytes, responses, errors and states as httpx's, httpcore's and h11's own."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any, Callable

import h11
import httpcore
import httpx
import openai
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from response_shapes import CHAT
from sides import originals, served

MANY = 1000 if LONG else 40
RESET, CLOSE = "reset", "close"
_GONE = frozenset((RESET, CLOSE))
NAMES = [
    "send",
    "send_single",
    "header",
    "http_exchange",
    "http_closed",
    "http_connection",
    "http_assign",
    "http_pool",
    "http_transport",
    "http_read",
]


class Server:
    """Answers each request with the next of its scripts: pieces of bytes, RESET or CLOSE; keeps what it was sent."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = "http://127.0.0.1:%d" % self.listening.getsockname()[1]
        self.begin([])
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, scripts: list[list[Any]]) -> None:
        self.scripts = list(scripts)
        self.seen: list[bytes] = []
        self.told = threading.Event()

    def _accept(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                found, _ = self.listening.accept()
                threading.Thread(target=self._serve, args=(found,), daemon=True).start()

    def _serve(self, found: socket.socket) -> None:
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        with contextlib.suppress(OSError), found:
            while True:
                while b"\r\n\r\n" not in data:
                    more = found.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, data = data.partition(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    name, _, value = line.partition(b":")
                    if name == b"content-length" and value.strip().isdigit():
                        length = int(value)
                while len(data) < length:
                    more = found.recv(65536)
                    if not more:
                        return
                    data += more
                self.seen.append(head + b"\r\n\r\n" + data[:length])
                data = data[length:]
                for number, piece in enumerate(self.scripts.pop(0) if self.scripts else [CLOSE]):
                    if number and piece in (CLOSE, RESET):
                        self.told.wait(0.15)  # not while the answer is being read
                    if piece is CLOSE:
                        return
                    if piece is RESET:
                        found.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )
                        return
                    if number:
                        time.sleep(0.004)
                    found.sendall(piece)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.listening.close()


def inside(client: Any) -> Any:
    """All that a pool, its connections and h11 know."""
    pool = client._transport._pool
    found = [repr(pool), len(pool._requests)]
    for connection in pool.connections:
        inner = connection._connection
        if inner is None:
            found.append("not connected")
            continue
        state = inner._h11_state
        found.append(
            (
                repr(connection),
                inner._state,
                inner._request_count,
                inner._expire_at is None,
                state.states,
                type(state._writer) if state._writer is None else repr(state._writer)[:20],
                getattr(state._reader, "__name__", type(state._reader)),
                state.their_http_version,
                state._request_method,
                bytes(state._receive_buffer),
                state._receive_buffer_closed,
                state._cstate.keep_alive,
                state._cstate.pending_switch_proposals,
                state.client_is_waiting_for_100_continue,
                {k: v for k, v in vars(state._reader).items() if k.startswith("_")}
                if hasattr(state._reader, "__dict__")
                and not callable(getattr(state._reader, "__code__", None))
                and "ContentLength" in type(state._reader).__name__
                else None,
            )
        )
    return found


def told(response: httpx.Response) -> Any:
    found = dict(vars(response))
    for name in ("stream", "_elapsed", "_request", "_decoder", "history", "headers", "extensions"):
        found.pop(name, None)
    following = found.pop("next_request", None)
    return (
        following and (repr(following), following.headers.raw),
        found,
        response.headers.raw,
        response.headers.multi_items(),
        sorted(response.extensions),
        response.extensions.get("http_version"),
        response.extensions.get("reason_phrase"),
        type(response.extensions.get("network_stream")),
        type(response.stream),
        type(vars(response).get("_decoder")),
        response.is_closed and response.elapsed.total_seconds() >= 0,
        [told(each) for each in response.history],
        str(response.url),
        list(vars(response)),
    )


def errors(error: BaseException | None) -> Any:
    """An error, and those behind it."""
    if error is None:
        return None
    request = getattr(error, "_request", None)
    return (
        type(error),
        str(error),
        request is not None and request.method,
        errors(error.__cause__),
    )


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return errors(error)


def exchange(
    server: Server, scripts: list[list[Any]], call: Callable[[Any], Any], **more: Any
) -> Any:
    """What a client of its own is told, one call for each script, and what the server has seen."""
    server.begin(scripts)
    with httpx.Client(timeout=more.pop("timeout", 5), **more) as client:
        client.headers["user-agent"] = "x"
        found = []
        for script in scripts:
            found.append(outcome(lambda: call(client)))
            found.append(inside(client))
            if not _GONE.isdisjoint(script):
                server.told.set()
                time.sleep(0.03)  # until the server has gone
                server.told.clear()
    return found, server.seen


def compare(
    server: Server, scripts: list[list[Any]], call: Callable[[Any], Any], **more: Any
) -> Any:
    ours = exchange(server, scripts, call, **more)
    with originals():
        theirs = exchange(server, scripts, call, **more)
    for one, other in zip(ours[0], theirs[0]):
        assert one == other
    assert ours == theirs
    return ours


def post(client: Any, address: str, body: bytes = b'{"a":1}', **more: Any) -> Any:
    return told(client.post(address + "/v1/x?y=z", content=body, **more))


def answer(body: bytes, *more: bytes, status: bytes = b"200 OK", framing: str = "length") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Type: application/json", *more]
    if framing == "length":
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        middle = len(body) // 2
        parts = [part for part in (body[:middle], body[middle:]) if part]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


BODY = b'{"id": "1", "text": "\xc3\xa9"}' * 40
PLAIN = answer(BODY)
ANSWERS: dict[str, list[list[Any]]] = {
    "plain": [[PLAIN]] * 3,
    "empty": [[answer(b"")], [PLAIN]],
    "chunked": [[answer(BODY, framing="chunked")]] * 2,
    "gzip": [[answer(gzip.compress(BODY), b"Content-Encoding: gzip")]] * 2,
    "gzip, chunked": [[answer(gzip.compress(BODY), b"Content-Encoding: gzip", framing="chunked")]]
    * 2,
    "deflate": [[answer(zlib.compress(BODY), b"content-encoding: deflate, identity")]] * 2,
    "no gzip": [[answer(BODY, b"Content-Encoding: gzip")], [PLAIN]],
    "half a gzip": [[answer(gzip.compress(BODY)[:30], b"Content-Encoding: gzip")], [PLAIN]],
    "empty gzip": [[answer(b"", b"Content-Encoding: gzip")], [PLAIN]],
    "until it closes": [[b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", BODY, CLOSE], [PLAIN]],
    "close": [[answer(BODY, b"Connection: close"), CLOSE], [PLAIN]],
    "keep-alive": [[answer(BODY, b"connection: Keep-Alive", b"Keep-Alive: timeout=5")]] * 2,
    "1.0": [[PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"), CLOSE], [PLAIN]],
    "no reason": [[PLAIN.replace(b" OK", b"")]] * 2,
    "empty reason": [[PLAIN.replace(b" OK", b" ")]] * 2,
    "other reasons": [[answer(BODY, status=b"418 I'm a \xe9 teapot")]] * 2,
    "204": [[b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"], [PLAIN]],
    "304": [[b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"], [PLAIN]],
    "100": [[b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN], [PLAIN]],
    "103": [[b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n", PLAIN], [PLAIN]],
    "101": [[b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nmore"], [PLAIN]],
    "folded": [[answer(BODY, b"A: b\r\n  c\r\n\td")]] * 2,
    "folded first": [[PLAIN.replace(b"\r\nContent-Type", b"\r\n Content-Type")], [PLAIN]],
    "bare newlines": [[PLAIN.replace(b"\r\n", b"\n")]] * 2,
    "one bare newline": [[PLAIN.replace(b"OK\r\n", b"OK\n")]] * 2,
    "an early blank line": [[PLAIN.replace(b"OK\r\n", b"OK\r\nB: c\n\r\n"), CLOSE], [PLAIN]],
    "spaces": [[answer(BODY, b"A:   b  \t", b"B:", b"C: \t", b"D: a \t b")]] * 2,
    "twice": [[answer(BODY, b"Set-Cookie: a=b", b"set-cookie: c=d; Path=/")]] * 2,
    "odd bytes": [[answer(BODY, b"A: \xff\xfe", b"B: \xc3\xa9")]] * 2,
    "a bad name": [[answer(BODY, b"A b: c")], [PLAIN]],
    "a bad value": [[answer(BODY, b"A: b\x00c")], [PLAIN]],
    "no colon": [[answer(BODY, b"Abc")], [PLAIN]],
    "no name": [[answer(BODY, b": x")], [PLAIN]],
    "a bad status": [[answer(BODY, status=b"20 OK")], [PLAIN]],
    "no HTTP": [[b"hello\r\n\r\n"], [PLAIN]],
    "TLS": [[b"\x16\x03\x01\x00\x00\r\n\r\n"], [PLAIN]],
    "lengths": [[answer(BODY, b"Content-Length: %d" % len(BODY))]] * 2,
    "other lengths": [[answer(BODY, b"Content-Length: 3")], [PLAIN]],
    "a list of lengths": [[PLAIN.replace(b"Length: ", b"Length: %d, " % len(BODY))]] * 2,
    "a bad length": [[PLAIN.replace(b"Length: ", b"Length: +")], [PLAIN]],
    "a long length": [[PLAIN.replace(b"Length: ", b"Length: " + b"0" * 30)], [PLAIN]],
    "length and chunks": [[answer(BODY, b"Content-Length: 3", framing="chunked")], [PLAIN]],
    "other codings": [[answer(BODY, b"Transfer-Encoding: gzip, chunked")], [PLAIN]],
    "Chunked": [[answer(BODY, framing="chunked").replace(b"chunked", b"Chunked")]] * 2,
    "chunks and trailers": [
        [answer(BODY, framing="chunked")[:-2] + b"A: b\r\n\r\n"],
        [PLAIN],
    ],
    "an extension of a chunk": [
        [answer(BODY, framing="chunked").replace(b"\r\n0\r\n", b"\r\n0;a=b\r\n")]
    ]
    * 2,
    "a chunk's end": [[answer(BODY, framing="chunked").replace(b"\r\n0\r\n", b"xx0\r\n")], [PLAIN]],
    "more than its chunks": [[answer(BODY, framing="chunked") + b"more"]],
    "bad chunks": [
        [answer(BODY, framing="chunked").replace(b"\r\n0\r\n", b"\r\nxyz\r\n")],
        [PLAIN],
    ],
    "more than its length": [[PLAIN + b"more"], [PLAIN]],
    "too little": [[PLAIN[:-5], CLOSE], [PLAIN]],
    "half a chunk": [[answer(BODY, framing="chunked")[:-9], CLOSE], [PLAIN]],
    "half a head": [[PLAIN[:30], CLOSE], [PLAIN]],
    "nothing": [[CLOSE], [PLAIN]],
    "reset": [[RESET], [PLAIN]],
    "reset in the body": [[PLAIN[:-5], RESET], [PLAIN]],
    "closed behind it": [[PLAIN, CLOSE], [PLAIN]],
    "two at once": [[PLAIN + PLAIN]],
    "a long head": [[answer(BODY, b"A: " + b"b" * 70_000)], [PLAIN]],
    "too long a head": [[answer(BODY, *[b"A%d: " % i + b"b" * 9_000 for i in range(14)])], [PLAIN]],
    "a large body": [[answer(BODY * 200)]] * 2,
    "errors": [[answer(BODY, status=b"%d X" % code)] for code in (400, 404, 429, 500, 503)],
    "cut in two": [[PLAIN[:20], PLAIN[20:]], [PLAIN[:-20], PLAIN[-20:]], [PLAIN]],
}
FAST = [
    "plain",
    "empty",
    "gzip",
    "chunked",
    "Chunked",
    "gzip, chunked",
    "keep-alive",
    "no reason",
    "spaces",
    "odd bytes",
    "errors",
]


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(server: Server, name: str) -> None:
    before = [served("litellm." + each) for each in NAMES]
    compare(server, ANSWERS[name], lambda client: post(client, server.address))
    if name in FAST:
        after = [served("litellm." + each) for each in NAMES]
        assert all(new > old for new, old in zip(after, before)), (NAMES, before, after)


@pytest.mark.parametrize("name", ["plain", "chunked", "too little", "close", "cut in two", "gzip"])
@pytest.mark.parametrize(
    "how", ["iter_bytes", "iter_raw", "iter_lines", "partly", "unread", "read"]
)
def test_streams(server: Server, name: str, how: str) -> None:
    if (name, how) == ("cut in two", "partly"):
        return  # how much came is the network's to say

    def call(client: Any) -> Any:
        with client.stream("POST", server.address, content=b"x") as response:
            found: Any = None
            if how == "partly":
                found = next(response.iter_raw(7))
            elif how != "unread":
                found = getattr(response, how)()
                found = found if isinstance(found, bytes) else b"".join(map(_bytes, found))
        return told(response), found

    compare(server, ANSWERS[name], call)


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else value


HEADERS = st.dictionaries(
    st.sampled_from(
        ["A", "b-c", "Content-Length", "connection", "expect", "Upgrade", "host", "X Y", "", "TE"]
    ),
    st.sampled_from(
        ["1", "", "é", "keep-alive", "close", "100-continue", " x ", "a\nb", "websocket", "v" * 600]
    ),
    max_size=3,
)


@settings(max_examples=MANY)
@given(
    HEADERS,
    st.sampled_from([b"", b"x", b"y" * 40_000]),
    st.sampled_from(["POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "post", "A B", "É"]),
    st.sampled_from(["/a", "/é?b=c d", "", "/a#f"]),
)
def test_requests(headers: Any, body: bytes, method: str, path: str) -> None:
    server = _shared()

    def call(client: Any) -> Any:
        return told(
            client.request(method, server.address + path, content=body or None, headers=headers)
        )

    compare(server, [[PLAIN]] * 2, call)


_servers: list[Server] = []


def _shared() -> Server:
    if not _servers:
        _servers.append(Server())
    return _servers[0]


@settings(max_examples=MANY)
@given(
    st.sampled_from(sorted(ANSWERS)),
    st.lists(st.floats(0, 1), max_size=2),
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([b"\r", b"\n", b" ", b"\xff", b"0", b":"])),
        max_size=2,
    ),
)
def test_answers_that_are_cut_and_spoiled(name: str, cuts: Any, spoiling: Any) -> None:
    server = _shared()
    whole = b"".join(piece for piece in ANSWERS[name][0] if isinstance(piece, bytes))[:3000]
    for place, byte in spoiling:
        at = int(place * min(len(whole), 150))
        whole = whole[:at] + byte + whole[at + 1 :]
    places = [0, *sorted(int(cut * len(whole)) for cut in cuts), len(whole)]
    pieces: list[Any] = [whole[a:b] for a, b in zip(places, places[1:]) if a < b]
    compare(server, [[*pieces, CLOSE], [PLAIN]], lambda client: post(client, server.address))


def test_a_body_that_the_server_does_not_want(server: Server) -> None:
    def call(client: Any) -> Any:
        found = outcome(lambda: post(client, server.address, b"z" * (1 << 20)))
        return type(found)

    compare(
        server, [[answer(b"too large", b"Connection: close", status=b"413 X"), CLOSE]] * 2, call
    )


def test_timeouts(server: Server) -> None:
    for scripts in ([[PLAIN[:10]]], [[PLAIN[:-3]]], [[]]):
        compare(
            server, [*scripts, [PLAIN]], lambda client: post(client, server.address), timeout=0.15
        )
    compare(
        server, [[PLAIN]], lambda client: post(client, server.address, timeout=httpx.Timeout(None))
    )


def test_redirects(server: Server) -> None:
    for code in (301, 302, 303, 307, 308):
        there = answer(b"there", b"Location: /there", status=b"%d X" % code)
        for more in (
            {"follow_redirects": True},
            {},
            {"follow_redirects": True, "max_redirects": 1},
        ):
            server_scripts = [[there], [there], [PLAIN], [PLAIN]]

            def call(client: Any) -> Any:
                return post(client, server.address)

            compare(server, server_scripts, call, **more)  # type: ignore[arg-type]
    nowhere = answer(b"", b"Location: http://[/", status=b"302 X")
    compare(server, [[nowhere], [PLAIN]], lambda client: post(client, server.address))


def test_hooks_and_auth(server: Server) -> None:
    seen: list[Any] = []

    def hook(value: Any) -> None:
        seen.append(type(value))

    def refuse(response: Any) -> None:
        raise ValueError("no")

    def signed(request: Any) -> Any:
        request.headers["signed"] = "1"
        return request

    cases: list[dict[str, Any]] = [
        {"event_hooks": {"request": [hook], "response": [hook]}},
        {"event_hooks": {"response": [refuse]}},
        {"auth": ("a", "b")},
        {"auth": httpx.DigestAuth("a", "b")},
        {"auth": signed},
        {"cookies": {"a": "b"}},
        {"params": {"q": "1"}},
        {"base_url": "http://127.0.0.1:1"},
    ]
    digest = b'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=MD5'
    for more in cases:
        refused = answer(b"", digest, status=b"401 X")
        before = len(seen)
        one = exchange(
            server, [[refused], [PLAIN]], lambda client: post(client, server.address), **more
        )
        middle = len(seen)
        with originals():
            other = exchange(
                server, [[refused], [PLAIN]], lambda client: post(client, server.address), **more
            )
        assert len(seen) - middle == middle - before
        assert one[0] == other[0] and len(one[1]) == len(other[1])
    compare(
        server,
        [[PLAIN]] * 2,
        lambda client: post(client, server.address.replace("//", "//user:secret@")),
    )


def test_own_transports_and_methods(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.headers["own"] = "1"
            return super().handle_request(request)

    for side in (contextlib.nullcontext, originals):
        with side():
            server.begin([[PLAIN]])
            with httpx.Client(transport=Own()) as client:
                client.post(server.address, content=b"x")
            assert b"own: 1" in server.seen[0]
            mock = httpx.MockTransport(lambda request: httpx.Response(201, json={"a": 1}))
            with httpx.Client(transport=mock) as client:
                response = client.post("http://x.example")
                assert response.json() == {"a": 1} and response.status_code == 201

    class Client(httpx.Client):
        def _send_single_request(self, request: Any) -> Any:
            return httpx.Response(299, request=request, content=b"mine")

        def _send_handling_redirects(self, request: Any, *rest: Any, **more: Any) -> Any:
            request.headers["seen"] = "1"
            return super()._send_handling_redirects(request, *rest, **more)

    with Client() as client:
        response = client.post("http://x.example")
        assert (response.status_code, response.request.headers["seen"]) == (299, "1")

    pool = httpcore.ConnectionPool.handle_request
    with monkeypatch.context() as patching:
        patching.setattr(
            httpcore.ConnectionPool,
            "handle_request",
            lambda self, request: httpcore.Response(202, content=b"recorded"),
        )
        with httpx.Client() as client:
            assert client.post("http://x.example").content == b"recorded"
    assert httpcore.ConnectionPool.handle_request is pool
    sent = []
    write = httpcore._sync.http11.HTTP11Connection._send_event
    with monkeypatch.context() as patching:
        patching.setattr(
            httpcore._sync.http11.HTTP11Connection,
            "_send_event",
            lambda self, event, timeout=None: (
                sent.append(type(event)),
                write(self, event, timeout),
            )[1],
        )
        server.begin([[PLAIN]])
        with httpx.Client() as client:
            client.post(server.address, content=b"x")
    assert len(sent) == 3
    events = []
    send = h11.Connection.send
    with monkeypatch.context() as patching:
        patching.setattr(
            h11.Connection, "send", lambda self, event: (events.append(event), send(self, event))[1]
        )
        server.begin([[PLAIN]] * 2)
        with httpx.Client() as client:
            client.post(server.address, content=b"x")
            client.post(server.address, content=b"x")
    assert len(events) == 6


def test_traces_and_logs(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    def call(client: Any) -> Any:
        seen: list[Any] = []

        def trace(name: str, information: Any) -> None:
            seen.append(name)

        request = client.build_request(
            "POST", server.address, content=b"x", extensions={"trace": trace}
        )
        response = client.send(request)
        return seen, told(response)

    compare(server, [[PLAIN]] * 2, call)
    for level, name in ((logging.DEBUG, "httpcore"), (logging.INFO, "httpx")):
        lines = []
        for side in (contextlib.nullcontext, originals):
            with side(), caplog.at_level(level, name):
                caplog.clear()
                exchange(server, [[PLAIN]] * 2, lambda client: post(client, server.address))
                lines.append([record.getMessage().split(" at 0x")[0] for record in caplog.records])
        assert lines[0] and len(lines[0]) == len(lines[1]) and lines[0][-1] == lines[1][-1]


def test_closed_and_asynchronous_streams(server: Server) -> None:
    async def parts() -> Any:
        yield b"x"

    client = httpx.Client()
    for side in (contextlib.nullcontext, originals):
        with side():
            with pytest.raises(RuntimeError, match="an async request"):
                client.post(server.address, content=parts())
    client.close()
    with pytest.raises(RuntimeError, match="has been closed"):
        client.post(server.address)


def test_threads_share_a_pool(server: Server) -> None:
    server.begin([[PLAIN]] * 400)
    limits = httpx.Limits(max_connections=3, max_keepalive_connections=2)
    failed: list[BaseException] = []
    with httpx.Client(limits=limits, timeout=20) as client:

        def many() -> None:
            try:
                for _ in range(25):
                    assert client.post(server.address, content=b"{}").content == BODY
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=many) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pool = client._transport._pool  # type: ignore[attr-defined]
        assert not failed and not pool._requests and len(pool.connections) <= 3
    assert len(server.seen) == 200


def test_a_pool_at_its_limits(server: Server) -> None:
    other = Server()

    def call(client: Any) -> Any:
        return [post(client, each)[1]["_content"] for each in (server.address, other.address) * 2]

    for limits in (
        httpx.Limits(max_connections=1),
        httpx.Limits(max_connections=2, max_keepalive_connections=1),
        httpx.Limits(max_keepalive_connections=0),
        httpx.Limits(keepalive_expiry=0.0),
    ):
        found = []
        for side in (contextlib.nullcontext, originals):
            other.begin([[PLAIN]] * 2)
            with side():
                found.append((exchange_of_two(server, call, limits), other.seen))
        assert str(found[0]) == str(found[1])
    other.listening.close()


def exchange_of_two(server: Server, call: Any, limits: Any) -> Any:
    server.begin([[PLAIN]] * 2)
    with httpx.Client(limits=limits, timeout=5) as client:
        found = (
            call(client),
            [repr(each).partition("http")[2][-40:] for each in client._transport._pool.connections],
        )  # type: ignore[attr-defined]
    return found, server.seen


def test_the_sdk(server: Server) -> None:
    said = json.dumps(CHAT).encode()
    good = answer(said, b"x-request-id: r1")
    scripts = {
        "good": [[good]] * 2,
        "gzip": [[answer(gzip.compress(said), b"Content-Encoding: gzip")]],
        "malformed": [[answer(said[:-3])]],
        "text": [[answer(b"hello").replace(b"application/json", b"text/plain")]],
        "retried": [
            [answer(b'{"error": {"message": "slow"}}', b"retry-after-ms: 1", status=b"429 X")],
            [answer(b"", b"retry-after: 0.001", status=b"503 X")],
            [good],
        ],
        "refused": [[answer(b'{"error": {"message": "m", "code": "c"}}', status=b"400 X")]],
        "unauthorized": [[answer(b"{}", b"x-should-retry: false", status=b"401 X")]],
        "reset": [[RESET], [good]],
        "lost": [[CLOSE], [CLOSE], [CLOSE]],
    }

    def called() -> Any:
        client = openai.OpenAI(api_key="k", base_url=server.address + "/v1", max_retries=2)
        client._sleep_for_retry = lambda **named: None  # type: ignore[method-assign]

        def once() -> Any:
            raw = client.chat.completions.with_raw_response.create(
                model="m", messages=[{"role": "user", "content": "é"}], timeout=5.0
            )
            return (
                raw.parse(),
                dict(raw.headers),
                raw.retries_taken,
                raw.request_id,
                raw.http_request.headers.raw,
                raw.http_request.content,
                told(raw.http_response),
            )

        with client:
            return [repr(outcome(once)) for _ in range(2 if len(server.scripts) == 2 else 1)]

    for name, script in scripts.items():
        found = []
        for side in (contextlib.nullcontext, originals):
            server.begin(script)
            with side():
                found.append((called(), server.seen))
        assert found[0] == found[1], name


def test_the_asynchronous_client(server: Server) -> None:
    async def call(more: Any) -> Any:
        async with httpx.AsyncClient(timeout=5, **more) as client:
            client.headers["user-agent"] = "x"
            found = []
            for _ in range(2):
                try:
                    response = await client.post(server.address, content=b"{}")
                    found.append(told(response)[:4])
                except Exception as error:
                    found.append(errors(error))
            return found

    async def hook(value: Any) -> None:
        value.headers["hooked"] = "1"

    before = served("litellm.async_send"), served("litellm.async_send_single")
    there = answer(b"there", b"Location: /there", status=b"307 X")
    for more in (
        {},
        {"follow_redirects": True},
        {"event_hooks": {"request": [hook]}},
        {"auth": ("a", "b")},
    ):
        for script in ([[PLAIN]] * 2, [[there], [there], [PLAIN], [PLAIN]], [[CLOSE], [RESET]]):
            found = []
            for side in (contextlib.nullcontext, originals):
                server.begin(script)
                with side():
                    found.append((asyncio.run(call(dict(more))), server.seen))
            assert found[0] == found[1]
    assert served("litellm.async_send") > before[0]
    assert served("litellm.async_send_single") > before[1]


@settings(max_examples=MANY)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"A", b"a", b"B-c"]),
            st.sampled_from([b"1", b"", b"\xff", "é".encode()]),
        ),
        max_size=4,
    ),
    st.sampled_from(["a", "A", "b-c", "é", "", "x"]),
    st.sampled_from([None, "ascii", "utf-8", "iso-8859-1"]),
)
def test_headers(listed: Any, name: str, encoding: Any) -> None:
    def found() -> Any:
        headers = httpx.Headers(listed, encoding=encoding)
        return (
            outcome(lambda: headers[name]),
            outcome(lambda: headers.get(name, 1)),
            headers._encoding,
        )

    ours = found()
    with originals():
        assert ours == found()
