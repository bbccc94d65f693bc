"""What crewai's tests find in their workspace's conftest, which is not in the sdist: state, folders, cassettes; no network.

A connection to anywhere but this machine is refused at once: tests that need one fail in no time.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

HOME = tempfile.TemporaryDirectory()  # crewai keeps answers and traces in the user's folders
os.environ["HOME"] = HOME.name

_LOCAL = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", None)
_connect, _connect_ex, _resolve = (
    socket.socket.connect,
    socket.socket.connect_ex,
    socket.getaddrinfo,
)


def _here(address: Any) -> bool:
    return not isinstance(address, tuple) or address[0] in _LOCAL


def _connected(self: socket.socket, address: Any) -> None:
    if not _here(address):
        raise ConnectionRefusedError(f"no network in these tests: {address}")
    _connect(self, address)


def _connected_ex(self: socket.socket, address: Any) -> int:
    return _connect_ex(self, address) if _here(address) else 111


def _resolved(host: Any, *given: Any, **named: Any) -> Any:
    if host not in _LOCAL and host != socket.gethostname():
        raise socket.gaierror(socket.EAI_NONAME, f"no network in these tests: {host}")
    return _resolve(host, *given, **named)


socket.socket.connect = _connected  # type: ignore[method-assign,assignment]
socket.socket.connect_ex = _connected_ex  # type: ignore[method-assign,assignment]
socket.getaddrinfo = _resolved  # type: ignore[assignment]


class Cassettes:
    """Fixtures in place of pytest-recording's, so registered after those."""

    @pytest.fixture(scope="module")
    def vcr_cassette_dir(self, request: pytest.FixtureRequest) -> str:
        """Cassettes lie in one folder, in folders like the tests' own."""
        tests = request.config.rootpath / "tests"
        return str(tests / "cassettes" / request.path.parent.relative_to(tests))

    @pytest.fixture(scope="module")
    def vcr_config(self) -> dict[str, Any]:
        """Requests are found by their address; none is recorded."""
        return {
            "record_mode": "none",
            "match_on": ["method", "scheme", "host", "port", "path"],
        }


def pytest_configure(config: pytest.Config) -> None:
    """Marks of theirs; what is missing is not asked for again and again."""
    from openai import _base_client

    config.addinivalue_line("markers", "telemetry: telemetry is not mocked")
    config.pluginmanager.register(Cassettes())
    _base_client.INITIAL_RETRY_DELAY = _base_client.MAX_RETRY_DELAY = 0.01  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def apart() -> Iterator[None]:
    """Each test has counters, handlers and a folder of its own, and leaves the environment as it was."""
    from crewai.events import base_events, event_context
    from crewai.events.event_bus import crewai_event_bus
    from crewai.events.listeners.tracing.trace_listener import TraceCollectionListener

    base_events.reset_emission_counter()
    event_context._event_id_stack.set(())
    event_context._event_context_config.set(event_context.EventContextConfig())
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ |= {"CREWAI_STORAGE_DIR": folder, "CREWAI_TESTING": "true"}
        yield
    os.environ.clear()
    os.environ |= before
    TraceCollectionListener._instance = None
    with contextlib.suppress(Exception), crewai_event_bus._rwlock.w_locked():
        crewai_event_bus._sync_handlers.clear()
        crewai_event_bus._async_handlers.clear()
