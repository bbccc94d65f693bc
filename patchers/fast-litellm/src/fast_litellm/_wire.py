"""HTTP/1.1 on a connection that is kept alive: httpcore's pool and h11's events, where a request and its response are plain.

For each request h11 validates every header by two regexes, makes events, asks its state machine six times and serializes; for each
response it does so once more, and httpcore looks at everything behind five tracing contexts and five nested generators. Here the
bytes of a head are h11's own, kept while the headers are the same but for the length of the body, and a response's head is
taken apart by h11's regexes, a line at a time, each line once. The connection's state is h11's at each point where somebody else
may look at it; what is not plain (another state, a head in pieces, 1xx, 204, folded lines, Connection: close, no length) is given to h11,
byte for byte, and the original goes on from there.
"""

from __future__ import annotations

import logging
import re
import time
from importlib import import_module
from operator import attrgetter, is_
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST_LINES, _LONGEST_LINE = 2048, 512
_TOGETHER = 1 << 15  # a body up to this goes with its head
_READ = 64 * 1024
_LENGTH = b"content-length"
_DIGITS = re.compile(rb"[0-9]{1,20}")
_FRAMING = frozenset((_LENGTH, b"transfer-encoding", b"connection", b"upgrade", b"expect"))
_BODYLESS = frozenset((204, 304))
_STEPS = attrgetter(
    "_send_request_headers",
    "_send_request_body",
    "_send_event",
    "_receive_response_headers",
    "_receive_event",
)
_MACHINE = attrgetter("send", "send_with_data_passthrough", "receive_data", "next_event")
_STEP_NAMES = frozenset(
    ("_send_request_headers", "_send_request_body", "_send_event", "_receive_event")
)

Pairs = List[Tuple[bytes, bytes]]


class _Library:
    """What of httpcore and h11 is looked at all the time."""

    def __init__(self) -> None:
        import h11
        import httpcore
        import httpx

        state: Any = import_module("h11._state")
        readers: Any = import_module("h11._readers")
        writers: Any = import_module("h11._writers")
        headers: Any = import_module("h11._headers")
        events: Any = import_module("h11._events")
        http11: Any = import_module("httpcore._sync.http11")
        connection: Any = import_module("httpcore._sync.connection")
        sync: Any = import_module("httpcore._backends.sync")
        pool: Any = import_module("httpcore._sync.connection_pool")
        self.h11, self.httpcore, self.httpx, self.http11 = h11, httpcore, httpx, http11
        self.client, self.server = state.CLIENT, state.SERVER
        self.idle, self.done, self.body = state.IDLE, state.DONE, state.SEND_BODY
        self.answer = state.SEND_RESPONSE
        self.readers, self.writers = readers.READERS, writers.WRITERS
        self.by_length = readers.ContentLengthReader
        self.by_chunks = readers.ChunkedReader
        self.write_length = writers.ContentLengthWriter
        self.field = readers.header_field_re
        self.status = readers.status_line_re
        self.chunk = readers.chunk_header_re
        self.name, self.value = headers._field_name_re, headers._field_value_re
        self.method, self.target = events.method_re, events.request_target_re
        self.stream = sync.SyncStream
        self.connection = http11.HTTP11Connection
        self.outer = connection.HTTPConnection
        self.states = http11.HTTPConnectionState
        self.byte_stream = http11.HTTP11ConnectionByteStream
        self.pool_stream = pool.PoolByteStream
        self.pool_request = pool.PoolRequest
        self.pool = pool.ConnectionPool
        self.log = http11.logger
        self.steps = _STEPS(self.connection)
        self.machine = _MACHINE(h11.Connection)
        self.write_error = httpcore.WriteError
        self._lines: Dict[bytes, Tuple[bytes, bytes, bytes]] = {}
        self._starts: Dict[bytes, Tuple[int, bytes]] = {}
        self._requests: Dict[Tuple[bytes, bytes], bytes] = {}
        self._sent: Dict[Tuple[bytes, bytes], bytes] = {}
        self._hosts: Dict[Tuple[bytes, bytes], bytes] = {}

    def is_plain(self, connection: Any) -> bool:
        """Say whether a connection's steps are httpcore's own, and nobody listens to them."""
        return (
            type(connection) is self.connection
            and all(map(is_, _STEPS(self.connection), self.steps))
            and all(map(is_, _MACHINE(self.h11.Connection), self.machine))
            and _STEP_NAMES.isdisjoint(connection.__dict__)
            and type(connection._network_stream) is self.stream
            and not self.log.isEnabledFor(logging.DEBUG)
        )

    def head(self, method: bytes, target: bytes, headers: Pairs, length: int) -> Optional[bytes]:
        """Return the bytes of a head, as h11 writes them; None where it has to look at them."""
        first = method, target
        start = self._requests.get(first)
        if start is None:
            if (
                method in (b"CONNECT", b"HEAD")
                or self.method.fullmatch(method) is None
                or self.target.fullmatch(target) is None
            ):
                return None
            start = b"%s %s HTTP/1.1\r\n" % first
            self._keep(self._requests, first, start, len(target))
        parts = [start, b""]
        sized = False
        known = self._sent.get
        for pair in headers:
            line = known(pair)
            if line is None:
                name, value = pair
                lower = name.lower()
                if lower == _LENGTH:
                    if sized or value != b"%d" % length:
                        return None
                    sized = True
                    line = b"%s: %s\r\n" % pair
                elif lower == b"host":
                    line = self._hosts.get(pair) or self._line(self._hosts, pair)
                    if parts[1] or line is None:
                        return None
                    parts[1] = line
                    continue
                elif lower in _FRAMING and (lower != b"connection" or value != b"keep-alive"):
                    return None
                else:
                    line = self._line(self._sent, pair)
                    if line is None:
                        return None
            parts.append(line)
        if not sized or not parts[1]:
            return None
        parts.append(b"\r\n")
        return b"".join(parts)

    def _line(self, known: Any, pair: Tuple[bytes, bytes]) -> Optional[bytes]:
        name, value = pair
        if self.name.fullmatch(name) is None or self.value.fullmatch(value) is None:
            return None
        line = b"%s: %s\r\n" % pair
        self._keep(known, pair, line, len(line))
        return line

    def _keep(self, known: Any, key: Any, value: Any, length: int) -> None:
        if length < _LONGEST_LINE:
            if len(known) >= _MOST_LINES:
                known.clear()
            known[key] = value

    def answer_of(self, data: bytes) -> Optional[Tuple[int, bytes, Pairs, Any, bytes]]:
        """Take a response's head apart: status, reason, headers, what reads its body, and the rest of the bytes."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = data[:end].split(b"\r\n")
        if data.count(b"\n", 0, end) != len(lines) - 1:
            return None
        start = self._starts.get(lines[0])
        if start is None:
            match = self.status.fullmatch(lines[0])
            if match is None or match["http_version"] != b"1.1":
                return None
            start = int(match["status_code"]), match["reason"] or b""
            if start[0] < 200 or start[0] in _BODYLESS:
                return None
            self._keep(self._starts, lines[0], start, len(lines[0]))
        headers = []
        reader = None
        known = self._lines
        for line in lines[1:]:
            field = known.get(line)
            if field is None:
                match = self.field.fullmatch(line)  # (a folded line is none)
                if match is None:
                    return None
                name = match["field_name"]
                field = name, name.lower(), match["field_value"]
                self._keep(known, line, field, len(line))
            name, lower, value = field
            if lower in _FRAMING:
                if lower == b"connection":
                    if value.lower() != b"keep-alive":
                        return None
                elif lower in (b"upgrade", b"expect"):
                    pass
                elif reader is not None:
                    return None
                elif lower == _LENGTH:
                    if _DIGITS.fullmatch(value) is None:
                        return None
                    reader = self.by_length(int(value))
                else:
                    value = value.lower()
                    if value != b"chunked":
                        return None
                    reader = self.by_chunks()
            headers.append((name, value))
        if reader is None:
            return None
        return (*start, headers, reader, data[end + 4 :])

    def response(self, status: int, headers: Pairs, stream: Any, extensions: Any) -> Any:
        """Return httpcore's Response of what is known to be bytes."""
        made = self.httpcore.Response.__new__(self.httpcore.Response)
        made.status = status
        made.headers = headers
        made.stream = stream
        made.extensions = extensions
        made._stream_consumed = False
        return made

    def whole_body(self, connection: Any) -> Optional[bytes]:
        """Return the rest of a response's body where all of it is there; nothing is taken."""
        inside = connection._h11_state
        states = inside._cstate.states
        reader = inside._reader
        if (
            states[self.client] is not self.done
            or states[self.server] is not self.body
            or not inside._cstate.keep_alive
            or inside._cstate.pending_switch_proposals
        ):
            return None
        data = inside._receive_buffer._data
        if type(reader) is self.by_length:
            if len(data) != reader._remaining:  # (more than it: h11 pauses)
                return None
            return bytes(data)
        if type(reader) is self.by_chunks:
            begun = reader._bytes_in_chunk or reader._bytes_to_discard or reader._reading_trailer
            return None if begun else self._unchunked(data)
        return None

    def _unchunked(self, data: bytearray) -> Optional[bytes]:
        """Return what the chunks hold; None where they are not all there, or there is anything else."""
        parts: List[bytearray] = []
        place = 0
        while True:
            end = data.find(b"\r\n", place) + 2
            match = self.chunk.fullmatch(data, place, end) if end > 1 else None
            if match is None:
                return None
            size = int(match["chunk_size"], 16)
            if size == 0:
                return b"".join(parts) if data[end:] == b"\r\n" else None
            place = end + size
            parts.append(data[end:place])
            if data[place : place + 2] != b"\r\n":
                return None
            place += 2

    def take_all(self, connection: Any) -> None:
        """Leave h11 where it is after the last event of a body that whole_body has returned."""
        inside = connection._h11_state
        inside._receive_buffer._extract(len(inside._receive_buffer))
        inside._cstate.states[self.server] = self.done
        inside._reader = self.readers[self.server, self.done]


_library: Optional[_Library] = None


def library() -> _Library:
    """Return what there is of httpcore and h11, looked up once."""
    global _library
    if _library is None:
        _library = _Library()
    return _library


def _start(wire: _Library, connection: Any, request: Any) -> Optional[Tuple[bytes, bytes]]:
    """Return the head and the body of a request that is plain, on a connection that is; nothing is changed."""
    inside = connection._h11_state
    stream = request.stream
    url = request.url
    origin = connection._origin
    if (
        not wire.is_plain(connection)
        or type(request) is not wire.httpcore.Request
        or type(stream) is not wire.httpx.ByteStream
        or type(stream._stream) is not bytes
        or "trace" in request.extensions
        or type(inside) is not wire.h11.Connection
        or inside._receive_buffer
        or inside._receive_buffer_closed
        or inside.client_is_waiting_for_100_continue
        or url.scheme != origin.scheme
        or url.host != origin.host
        or (url.port or (443 if url.scheme == b"https" else 80)) != origin.port
        or url.scheme not in (b"http", b"https")
    ):
        return None
    machine = inside._cstate
    states = machine.states
    if (
        states[wire.client] is not wire.idle
        or states[wire.server] is not wire.idle
        or machine.pending_switch_proposals
        or not machine.keep_alive
    ):
        return None
    body = stream._stream
    head = wire.head(request.method, url.target, request.headers, len(body))
    return None if head is None else (head, body)


def make_handle_request(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of HTTP11Connection.handle_request and its switch."""
    serving = Serving("litellm.http_exchange")

    def handle_request(self: Any, request: Any) -> Any:
        if not serving:
            return original(self, request)
        wire = library()
        plain = _start(wire, self, request)
        if plain is None:
            replacement.declined += 1
            return original(self, request)
        states = wire.states
        with self._state_lock:
            if self._state in (states.NEW, states.IDLE):
                self._request_count += 1
                self._state = states.ACTIVE
                self._expire_at = None
            else:
                raise wire.http11.ConnectionNotAvailable()
        replacement.served += 1
        try:
            return _exchange(wire, self, request, *plain)
        except BaseException as exc:
            self._response_closed()
            raise exc

    replacement: Any = handle_request
    return finish(replacement, serving)


def _exchange(wire: _Library, connection: Any, request: Any, head: bytes, body: bytes) -> Any:
    inside, stream = connection._h11_state, connection._network_stream
    states = inside._cstate.states
    timeouts = request.extensions.get("timeout", {})
    timeout = timeouts.get("write", None)
    inside._request_method = request.method
    states[wire.client], states[wire.server] = wire.body, wire.answer
    inside._writer = wire.write_length(len(body))
    inside._reader = wire.readers[wire.server, wire.answer]
    try:
        if len(body) <= _TOGETHER:
            stream.write(head + body, timeout=timeout)
        else:
            stream.write(head, timeout=timeout)
            stream.write(body, timeout=timeout)
        inside._writer = None
        states[wire.client] = wire.done
    except wire.write_error:
        pass  # there may be an answer all the same
    data = stream.read(_READ, timeout=timeouts.get("read", None))
    found = wire.answer_of(data)
    if found is None or states[wire.client] is not wire.done:
        if data == b"":
            raise wire.http11.RemoteProtocolError("Server disconnected without sending a response.")
        inside.receive_data(data)
        version, status, reason, headers, trailing = connection._receive_response_headers(
            request=request
        )
        if status == 101:
            stream = wire.http11.HTTP11UpgradeStream(stream, trailing)
    else:
        status, reason, headers, reader, rest = found
        version = b"HTTP/1.1"
        inside.their_http_version = b"1.1"
        inside._cstate.pending_switch_proposals = set()
        states[wire.server] = wire.body
        inside._reader = reader
        if rest:
            inside._receive_buffer += rest
    return wire.response(
        status,
        headers,
        wire.byte_stream(connection, request),
        {"http_version": version, "reason_phrase": reason, "network_stream": stream},
    )


def make_response_closed(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of HTTP11Connection._response_closed and its switch."""
    serving = Serving("litellm.http_closed")

    def _response_closed(self: Any) -> None:
        if not serving:
            return original(self)  # type: ignore[no-any-return]
        wire = library()
        inside = self._h11_state
        if type(self) is not wire.connection or type(inside) is not wire.h11.Connection:
            return original(self)  # type: ignore[no-any-return]
        with self._state_lock:
            machine = inside._cstate
            states = machine.states
            plain = (
                states[wire.client] is wire.done
                and states[wire.server] is wire.done
                and machine.keep_alive
                and not machine.pending_switch_proposals
                and not inside.client_is_waiting_for_100_continue
            )
            if plain:
                self._state = wire.states.IDLE
                machine.states = {wire.client: wire.idle, wire.server: wire.idle}
                inside._request_method = None
                inside._writer = wire.writers[wire.client, wire.idle]
                inside._reader = wire.readers[wire.server, wire.idle]
                if self._keepalive_expiry is not None:
                    self._expire_at = time.monotonic() + self._keepalive_expiry
        if plain:
            replacement.served += 1
        else:
            replacement.declined += 1
            original(self)

    replacement: Any = _response_closed
    return finish(replacement, serving)


def make_connection_request(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of HTTPConnection.handle_request and its switch: a connection that stands is there to stay."""
    serving = Serving("litellm.http_connection")

    def handle_request(self: Any, request: Any) -> Any:
        if serving:
            wire = library()
            inner, url, origin = self._connection, request.url, self._origin
            if (
                type(inner) is wire.connection
                and type(self) is wire.outer
                and url.scheme == origin.scheme
                and url.host == origin.host
                and url.scheme in (b"http", b"https")
                and (url.port or (443 if url.scheme == b"https" else 80)) == origin.port
            ):
                replacement.served += 1
                return inner.handle_request(request)
            replacement.declined += 1
        return original(self, request)

    replacement: Any = handle_request
    return finish(replacement, serving)


def make_assign(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ConnectionPool._assign_requests_to_connections and its switch."""
    serving = Serving("litellm.http_assign")

    def _assign_requests_to_connections(self: Any) -> Any:
        if not serving:
            return original(self)
        wire = library()
        connections = self._connections
        if not all(
            type(each) is wire.outer and type(each._connection) is wire.connection
            for each in connections
        ):
            replacement.declined += 1
            return original(self)
        replacement.served += 1
        closing: List[Any] = []
        states = wire.states
        for connection in list(connections):
            inner = connection._connection
            state = inner._state
            if state == states.CLOSED:
                connections.remove(connection)
            elif inner.has_expired():
                connections.remove(connection)
                closing.append(connection)
            elif state == states.IDLE and len(connections) > self._max_keepalive_connections:
                connections.remove(connection)
                closing.append(connection)
        for request in self._requests:
            if request.connection is None:
                return closing + _assign_queued(self)
        return closing

    replacement: Any = _assign_requests_to_connections
    return finish(replacement, serving)


def _assign_queued(pool: Any) -> List[Any]:
    """Give connections to who waits for one, as the original does; return those that have to go for it."""
    closing: List[Any] = []
    for request in [each for each in pool._requests if each.is_queued()]:
        origin = request.request.url.origin
        for connection in pool._connections:
            if connection.can_handle_request(origin) and connection.is_available():
                request.assign_to_connection(connection)
                break
        else:
            if len(pool._connections) >= pool._max_connections:
                spare = [each for each in pool._connections if each.is_idle()]
                if not spare:
                    continue
                pool._connections.remove(spare[0])
                closing.append(spare[0])
            connection = pool.create_connection(origin)
            pool._connections.append(connection)
            request.assign_to_connection(connection)
    return closing


def make_pool_request(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ConnectionPool.handle_request and its switch: its response is made of bytes already."""
    serving = Serving("litellm.http_pool")

    def handle_request(self: Any, request: Any) -> Any:
        if not serving:
            return original(self, request)
        wire = library()
        if type(request) is not wire.httpcore.Request or request.url.scheme not in (
            b"http",
            b"https",
        ):
            replacement.declined += 1
            return original(self, request)
        timeout = request.extensions.get("timeout", {}).get("pool", None)
        replacement.served += 1
        with self._optional_thread_lock:
            waiting = wire.pool_request(request)
            self._requests.append(waiting)
        try:
            while True:
                with self._optional_thread_lock:
                    closing = self._assign_requests_to_connections()
                self._close_connections(closing)
                connection = waiting.wait_for_connection(timeout=timeout)
                try:
                    response = connection.handle_request(waiting.request)
                except wire.http11.ConnectionNotAvailable:
                    waiting.clear_connection()
                else:
                    break
        except BaseException as exc:
            with self._optional_thread_lock:
                self._requests.remove(waiting)
                closing = self._assign_requests_to_connections()
            self._close_connections(closing)
            raise exc from None
        assert type(response.stream) is wire.byte_stream or isinstance(response.stream, Iterable)
        stream = wire.pool_stream(stream=response.stream, pool_request=waiting, pool=self)
        if type(response) is wire.httpcore.Response:
            return wire.response(response.status, response.headers, stream, response.extensions)
        return wire.httpcore.Response(
            status=response.status,
            headers=response.headers,
            content=stream,
            extensions=response.extensions,
        )

    replacement: Any = handle_request
    return finish(replacement, serving)


def make_transport_request(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of httpx.HTTPTransport.handle_request and its switch."""
    serving = Serving("litellm.http_transport")
    names = original.__globals__

    def handle_request(self: Any, request: Any) -> Any:
        if not serving:
            return original(self, request)
        wire = library()
        httpx, httpcore = wire.httpx, wire.httpcore
        if (
            type(request) is not httpx.Request
            or type(request.stream) is not httpx.ByteStream
            or type(request.headers) is not httpx.Headers
            or type(request.url) is not httpx.URL
            or "target" in request.extensions
            or type(request.method) is not str
            or not request.method.isascii()
        ):
            replacement.declined += 1
            return original(self, request)
        replacement.served += 1
        url = request.url
        where = httpcore.URL.__new__(httpcore.URL)
        where.scheme = url.raw_scheme
        where.host = url.raw_host
        where.port = url.port
        where.target = url.raw_path
        asked = httpcore.Request.__new__(httpcore.Request)
        asked.method = request.method.encode("ascii")
        asked.url = where
        asked.headers = [(name, value) for name, _, value in request.headers._list]
        asked.stream = request.stream
        asked.extensions = request.extensions
        try:
            found = self._pool.handle_request(asked)
        except Exception:
            with names["map_httpcore_exceptions"]():
                raise
        assert type(found.stream) is wire.pool_stream or isinstance(found.stream, Iterable)
        stream = names["ResponseStream"](found.stream)
        headers = found.headers
        if type(found) is httpcore.Response:
            told = httpx.Headers.__new__(httpx.Headers)  # type: ignore[call-overload]
            told._list = [(name, name.lower(), value) for name, value in headers]
            told._encoding = None
            headers = told
        return names["Response"](
            status_code=found.status, headers=headers, stream=stream, extensions=found.extensions
        )

    replacement: Any = handle_request
    return finish(replacement, serving)


_READING = attrgetter("iter_bytes", "iter_raw", "close", "_get_content_decoder")


def make_read(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of httpx.Response.read and its switch: for a body that has come with its head."""
    serving = Serving("litellm.http_read")
    plain: Any = None
    kinds: Any = None

    def look() -> None:
        nonlocal plain, kinds
        wire = library()
        client: Any = import_module("httpx._client")
        transport: Any = import_module("httpx._transports.default")
        kinds = client.BoundSyncStream, transport.ResponseStream
        plain = wire.httpx.Response, *_READING(wire.httpx.Response)

    def whole(response: Any) -> Any:
        """The connection whose body is there, and the body."""
        wire = library()
        bound = response.stream
        if (
            type(response) is not plain[0]
            or response.is_stream_consumed
            or response.is_closed
            or type(bound) is not kinds[0]
            or type(bound._stream) is not kinds[1]
            or not all(map(is_, _READING(plain[0]), plain[1:]))
        ):
            return None
        pooled = bound._stream._httpcore_stream
        if type(pooled) is not wire.pool_stream or pooled._closed:
            return None
        inner = pooled._stream
        if type(inner) is not wire.byte_stream or inner._closed:
            return None
        connection = inner._connection
        if "trace" in inner._request.extensions or not wire.is_plain(connection):
            return None
        body = wire.whole_body(connection)
        return None if body is None else (connection, body)

    def read(self: Any) -> Any:
        if not serving or "_content" in self.__dict__:
            return original(self)
        if plain is None:
            look()
        found = whole(self)
        decoded = None
        if found is not None:
            connection, body = found
            decoder = self._get_content_decoder()
            try:
                decoded = (decoder.decode(body) if body else b"") + decoder.flush()
            except Exception:  # the original meets it, with a decoder of its own
                del self._decoder
        if decoded is None:
            replacement.declined += 1
            return original(self)
        replacement.served += 1
        library().take_all(connection)
        self.is_stream_consumed = True
        self._num_bytes_downloaded = len(body)
        self.close()
        self._content = decoded
        return decoded

    replacement: Any = read
    return finish(replacement, serving)
