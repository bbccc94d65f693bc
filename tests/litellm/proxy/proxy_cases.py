"""The proxy in processes of its own, started by the one line of docs/litellm.md: two gunicorn workers of a preloading master."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest

AUTH = """
from litellm.proxy._types import UserAPIKeyAuth
async def user_api_key_auth(request, api_key):
    return UserAPIKeyAuth(api_key=api_key, rpm_limit=None if api_key.startswith("sk-free") else 5)
"""
CONFIG = """
model_list:
  - model_name: m
    litellm_params: {{model: openai/gpt-4o, api_base: "http://127.0.0.1:{port}/v1", api_key: k}}
general_settings:
  custom_auth: my_auth.user_api_key_auth
  master_key: sk-9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a
router_settings: {{num_retries: 0}}
"""


class Provider(BaseHTTPRequestHandler):
    """Answers as OpenAI does."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        wanted = json.loads(self.rfile.read(int(self.headers["content-length"])))
        base = {"id": "c", "created": 1, "model": "m"}
        code, kind = 200, "application/json"
        if wanted["messages"][-1]["content"] == "fail":
            code, body = (
                400,
                json.dumps({"error": {"message": "no", "type": "invalid_request_error"}}),
            )
        elif wanted.get("stream"):
            kind = "text/event-stream"
            deltas = [({"role": "assistant", "content": f"w{i} "}, None) for i in range(5)] + [
                ({}, "stop")
            ]
            body = (
                "".join(
                    "data: "
                    + json.dumps(
                        {
                            **base,
                            "object": "chat.completion.chunk",
                            "choices": [{"index": 0, "delta": delta, "finish_reason": end}],
                        }
                    )
                    + "\n\n"
                    for delta, end in deltas
                )
                + "data: [DONE]\n\n"
            )
        else:
            message = {"role": "assistant", "content": "hi"}
            body = json.dumps(
                {
                    **base,
                    "object": "chat.completion",
                    "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
                }
            )
        self.send_response(code)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    folder = tmp_path_factory.mktemp("proxy")
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    (folder / "my_auth.py").write_text(AUTH)
    (folder / "config.yaml").write_text(CONFIG.format(port=provider.server_port))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "FAST_JVM": "auto",
        "FAST_JVM_AUTOLOAD": "on",
        "FAST_LITELLM_RATE_LIMITS": str(folder / "limits"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    command = (
        sys.executable,
        "-m",
        "fast_jvm",
        "run",
        "litellm",
        "--config",
        "config.yaml",
        "--host",
        "127.0.0.1",
    )
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--num_workers", "2", "--run_gunicorn"],
            cwd=folder,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 240
        while True:
            try:
                urllib.request.urlopen(address + "/health/liveliness", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None and time.monotonic() < end, (
                    folder / "log"
                ).read_text()
                time.sleep(0.5)
        yield process, address, folder
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        provider.shutdown()


def client(address: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=address, api_key=key, max_retries=0, timeout=120)


def test_answers_streams_and_errors(proxy: tuple[Any, str, Path]) -> None:
    free = client(proxy[1], "sk-free")
    asked: Any = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    for _ in range(4):
        assert free.chat.completions.create(**asked).choices[0].message.content == "hi"
    chunks = list(free.chat.completions.create(**asked, stream=True))
    assert (
        "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        == "w0 w1 w2 w3 w4 "
    )
    with pytest.raises(openai.BadRequestError, match="no"):
        free.chat.completions.create(model="m", messages=[{"role": "user", "content": "fail"}])


def test_limits_hold_over_both_workers(proxy: tuple[Any, str, Path]) -> None:
    def ask(place: int) -> str:
        with client(
            proxy[1], f"sk-key-{place % 2}"
        ) as limited:  # a connection each: either worker may get it
            try:
                limited.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "x"}]
                )
            except openai.RateLimitError:
                return "refused"
        return str(place % 2)

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        found = list(pool.map(ask, range(40)))
    assert time.monotonic() - start < 60, "the machine is too slow: a window ended meanwhile"
    assert (found.count("0"), found.count("1"), found.count("refused")) == (5, 5, 30)
    limits = (proxy[2] / "limits" / "limits").read_bytes()
    assert b"sk-key" not in limits and len(limits) > 4096


def test_it_ends_in_order(proxy: tuple[Any, str, Path]) -> None:
    proxy[0].send_signal(signal.SIGTERM)
    assert proxy[0].wait(60) == 0
