"""uvicorn's end of an answer: its head goes out with its body, in one write.

LiteLLM's gzip middleware holds an answer's start until its body is there and then sends both; uvicorn writes each to the socket, and a client is
woken twice. Nothing else may see a difference: the head waits for the body that is sent next, and no longer than until the event loop's next turn.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from . import _proxy_worker

#: Bytes of a body that are copied behind its head.
_LONGEST = 1 << 16
_MOST = 1024


class _Head:
    """The head of an answer whose body is sent next."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        #: uvicorn's cycle, the bytes, and the event loop's turn that would write them.
        self._held: Optional[Tuple[Any, bytes, asyncio.Handle]] = None

    def hold(self, cycle: Any, output: bytes) -> None:
        """Keep the bytes back."""
        self._held = cycle, output, asyncio.get_running_loop().call_soon(self.write)
        _waiting[id(cycle)] = self

    def write(self, body: bytes = b"") -> None:
        """Write the bytes and those of the body, if they are still here."""
        if self._held is not None:
            cycle, output, turn = self._held
            self._held = None
            turn.cancel()
            del _waiting[id(cycle)]
            cycle.transport.write(output + body)


#: By the id of a message that starts an answer, and by that of uvicorn's cycle: both live as long as they are in here.
_awaited: Dict[int, _Head] = {}
_waiting: Dict[int, _Head] = {}


def make_responder(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _BufferedBodyGzipResponder.__call__ and its switch."""
    serving = Serving("litellm.proxy_body")

    async def __call__(self: Any, message: Any) -> None:
        start = self.held_start
        if (
            (serving.live or serving)
            and start is not None
            and not self.decided
            and message["type"] == "http.response.body"
            and not message.get("more_body", False)
        ):
            replacement.served += 1
            head = _awaited[id(start)] = _Head()
            try:
                await original(self, message)
            finally:
                del _awaited[id(start)]
                head.write()
            return
        replacement.declined += 1
        await original(self, message)

    replacement: Any = __call__
    return finish(replacement, serving)


class _Names:
    """h11's check of an answer's header fields; what a name is checked for is known the second time."""

    def __init__(self) -> None:
        headers = sys.modules["h11._headers"]
        self._made: Any = headers.Headers
        self._name: Any = headers._field_name_re.fullmatch
        self._value: Any = headers._field_value_re.fullmatch
        self._digits: int = headers.CONTENT_LENGTH_MAX_DIGITS
        self._known: Dict[bytes, bytes] = {}

    def headers(self, pairs: List[Any]) -> Any:
        """Return what ``normalize_and_validate`` makes of them; the pairs where it has more to say."""
        known, value_of, length = self._known, self._value, False
        full = []
        for name, value in pairs:
            if type(name) is not bytes or type(value) is not bytes:
                return pairs
            lower = known.get(name)
            if lower is None:
                lower = name.lower()
                if lower == b"transfer-encoding" or not self._name(name):
                    return pairs
                if len(known) >= _MOST:
                    known.clear()
                known[name] = lower
            if lower == b"content-length":
                if length or not value.isdigit() or len(value) > self._digits:
                    return pairs
                length = True
            elif not value_of(value):
                return pairs
            full.append((name, lower, value))
        return self._made(full)


def make_send(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of RequestResponseCycle.send and its switch."""
    serving = Serving("litellm.proxy_send")
    names = original.__globals__
    known = _Names()

    async def send(self: Any, message: Any) -> None:
        if not self.response_started:
            _proxy_worker.answered()
        flows = not (self.flow.write_paused or self.disconnected)
        head = _waiting.get(id(self))
        if head is not None:
            if (
                flows
                and message["type"] == "http.response.body"
                and not message.get("more_body", False)
                and len(message.get("body", b"")) <= _LONGEST
            ):
                replacement.served += 1
                _finish(self, message, names["h11"], head)
                return
            head.write()
        elif flows and not self.response_started and (serving.live or serving):
            head = _awaited.get(id(message))
            if head is not None and message["type"] == "http.response.start":
                replacement.served += 1
                head.hold(self, _start(self, message, names, known))
                return
        replacement.declined += 1
        await original(self, message)

    replacement: Any = send
    return finish(replacement, serving)


def _start(cycle: Any, message: Any, names: Dict[str, Any], known: _Names) -> bytes:
    """As uvicorn starts an answer: its access line, its status line and its header fields."""
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    status = message["status"]
    headers = cycle.default_headers + list(message.get("headers", []))
    close = names["CLOSE_HEADER"]
    if close in cycle.scope["headers"] and close not in headers:
        headers = [*headers, close]
    if cycle.access_log:
        cycle.access_logger.info(
            '%s - "%s %s HTTP/%s" %d',
            names["get_client_addr"](cycle.scope),
            cycle.scope["method"],
            names["get_path_with_query_string"](cycle.scope),
            cycle.scope["http_version"],
            status,
        )
    reason = names["STATUS_PHRASES"][status]
    response = names["h11"].Response(
        status_code=status, headers=known.headers(headers), reason=reason
    )
    output: bytes = cycle.conn.send(event=response)
    return output


def _finish(cycle: Any, message: Any, h11: Any, head: _Head) -> None:
    """As uvicorn sends a whole body, with the head before it in the same write."""
    body = message.get("body", b"")
    data = b"" if cycle.scope["method"] == "HEAD" else body
    try:
        output = cycle.conn.send(event=h11.Data(data=data))
    except BaseException:
        head.write()
        raise
    head.write(output)
    cycle.response_complete = True
    cycle.message_event.set()
    output = cycle.conn.send(event=h11.EndOfMessage())
    if output:
        cycle.transport.write(output)
    if cycle.conn.our_state is h11.MUST_CLOSE or not cycle.keep_alive:
        cycle.conn.send(event=h11.ConnectionClosed())
        cycle.transport.close()
    cycle.on_response()


def make_access(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of AccessFormatter.formatMessage and its switch: a line's fields are put beside its record's, which isn't copied twice for them."""
    serving = Serving("litellm.proxy_access_line")
    names = original.__globals__

    def formatMessage(self: Any, record: Any) -> str:
        style = self._style
        if (
            (serving.live or serving)
            and type(self) is names["AccessFormatter"]
            and type(record) is logging.LogRecord
            and type(style) is logging.PercentStyle
            and not getattr(style, "_defaults", None)
            and not self.use_colors
            and serving.holds()
        ):
            try:
                arguments: Any = record.args
                client, method, path, version, status = arguments
                level = record.levelname
                text: str = style._fmt % {
                    **record.__dict__,
                    "client_addr": client,
                    "request_line": f"{method} {path} HTTP/{version}",
                    "status_code": self.get_status_code(int(status)),
                    "levelprefix": level + ":" + " " * (8 - len(level)),
                }
            except Exception:  # the original's is raised
                pass
            else:
                replacement.served += 1
                return text
        replacement.declined += 1
        made: str = original(self, record)
        return made

    replacement: Any = formatMessage
    return finish(replacement, serving)
