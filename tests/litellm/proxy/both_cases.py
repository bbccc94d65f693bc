"""Two proxies, the original and ours, get the same requests of a real client: the same answers, headers, hooks and callbacks."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from proxy_cases import Provider

CONFIG = """
model_list:
  - model_name: m
    litellm_params: {{model: openai/gpt-4o, api_base: "http://127.0.0.1:{port}/v1", api_key: k}}
  - model_name: other
    litellm_params: {{model: openai/gpt-4o-mini, api_base: "http://127.0.0.1:{port}/v1", api_key: k}}
  - model_name: dear
    litellm_params:
      {{model: openai/gpt-4, api_base: "http://127.0.0.1:{port}/v1", api_key: k, max_budget: 0.00001, budget_duration: 1d}}
litellm_settings:
  callbacks: [ours.hooks]
  enable_post_custom_auth_checks: true
general_settings:
  custom_auth: ours.auth
  custom_auth_run_common_checks: true
  master_key: sk-9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a
router_settings: {{num_retries: 0}}
"""
#: Keys of several kinds; hooks that act where a message asks for it; what callbacks are told, line by line.
OURS = """
import json, os, signal, sys
from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import UserAPIKeyAuth

async def auth(request, api_key):
    if api_key == "sk-none":
        raise HTTPException(status_code=401, detail="no such key")
    if api_key == "sk-rich":
        return UserAPIKeyAuth(api_key=api_key, token="rich", max_budget=100.0, spend=0.25, user_id="u")
    if api_key == "sk-one":
        return UserAPIKeyAuth(api_key=api_key, token="one", rpm_limit=1)
    if api_key == "sk-other":
        return UserAPIKeyAuth(api_key=api_key, token="other", models=["other"])
    return UserAPIKeyAuth(api_key=api_key)

def asked(data):
    messages = data.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    text = last.get("content") if isinstance(last, dict) else None
    return text if isinstance(text, str) else ""

def tell(*line):
    with open("told", "a") as file:
        file.write(json.dumps(line, default=str) + "\\n")

class Hooks(CustomLogger):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        if asked(data).startswith("refuse"):
            raise HTTPException(status_code=418, detail={"error": "a teapot"})
        if asked(data).startswith("cool"):
            data["temperature"] = 0.125
        tell("pre", call_type, asked(data), data.get("temperature"))
        return data

    async def async_moderation_hook(self, data, user_api_key_dict, call_type):
        if asked(data).startswith("moderate"):
            raise HTTPException(status_code=400, detail="not nice")

    async def async_post_call_success_hook(self, data, user_api_key_dict, response):
        if asked(data).startswith("change"):
            response.choices[0].message.content = "changed"
        return response

    async def async_post_call_streaming_iterator_hook(self, user_api_key_dict, response, request_data):
        async for chunk in response:
            if asked(request_data).startswith("change") and chunk.choices and chunk.choices[0].delta.content:
                chunk.choices[0].delta.content = chunk.choices[0].delta.content.upper()
            yield chunk
        tell("streamed", asked(request_data))

    async def async_post_call_failure_hook(self, request_data, original_exception, user_api_key_dict, traceback_str=None):
        tell("failed", type(original_exception).__name__, str(original_exception))

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        log = kwargs["standard_logging_object"]
        tell("success", log["model"], log["response_cost"], log["total_tokens"], log["messages"], log["stream"],
             response_obj.choices[0].message.content, log["metadata"]["user_api_key_hash"])

hooks = Hooks()

def serving(*_):
    ours = sys.modules.get("fast_litellm")
    with open("served.new", "w") as file:
        json.dump(ours.get_performance_stats() if ours else {}, file)
    os.rename("served.new", "served")
signal.signal(signal.SIGUSR1, serving)
"""
VARYING = re.compile(
    r'"(id|created|litellm_call_id)": ?("[^"]*"|\d+)|\b[0-9a-f]{8}-[0-9a-f-]{27}\b'
    r"|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d"  # when a limit ends
)
PASSING = re.compile(
    r"retry-after|reset_at|(llm_provider-)?date|.*-(call-id|duration-ms|model-id|reset-[a-z-]+)"
)


class Proxy:
    """A process of one worker."""

    def __init__(self, folder: Path, provider: int, ours: bool) -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "config.yaml").write_text(CONFIG.format(port=provider))
        (folder / "ours.py").write_text(OURS)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        start = ["-m", "fast_jvm", "run"] if ours else []
        command = [sys.executable, *start, str(Path(sys.executable).parent / "litellm")]
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [*command, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
                cwd=folder,
                env={**os.environ, **({"FAST_JVM_AUTOLOAD": "on"} if ours else {})},
                stdout=log,
                stderr=log,
            )

    def up(self) -> None:
        end = time.monotonic() + 300
        while True:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(self.address + "/health/liveliness", timeout=5).close()
                return
            assert self.process.poll() is None and time.monotonic() < end, self.log()
            time.sleep(0.5)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def ask(self, body: bytes, key: str) -> Any:
        """Return status, headers and body, without what is another in each call."""
        headers = {"authorization": "Bearer " + key, "content-type": "application/json"}
        request = urllib.request.Request(
            self.address + "/v1/chat/completions", data=body, headers=headers
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                status, told, text = answer.status, answer.headers.items(), answer.read()
        except urllib.error.HTTPError as error:
            status, told, text = error.code, error.headers.items(), error.read()
        kept = sorted((k.lower(), v) for k, v in told if not PASSING.fullmatch(k.lower()))
        shown = VARYING.sub("~", text.decode())
        lengths = [pair for pair in kept if pair[0] != "content-length"]
        return status, lengths, shown

    def told(self) -> list[str]:
        """Return what hooks and callbacks were told, in any order, once nothing more comes."""
        file, before = self.folder / "told", -1
        while file.stat().st_size != before:
            before = file.stat().st_size
            time.sleep(3)
        lines = [VARYING.sub("~", line) for line in file.read_text().splitlines()]
        # a moderation runs beside the model's call, which may have ended by then; a budget may be counted late
        return sorted(
            one
            for one in lines
            if "moderate" not in one and 'gpt-4"' not in one and "dear" not in one
        )

    def served(self) -> dict[str, Any]:
        self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 30
        while not (self.folder / "served").exists():
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)
        found: dict[str, Any] = json.loads((self.folder / "served").read_text())
        return found


@pytest.fixture(scope="module")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Proxy]]:
    folder = tmp_path_factory.mktemp("both")
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    made = [
        Proxy(folder / name, provider.server_port, name == "ours") for name in ("original", "ours")
    ]
    try:
        for proxy in made:
            proxy.up()
        yield made
    finally:
        for proxy in made:
            if proxy.process.poll() is None:
                proxy.process.kill()
            proxy.process.wait()
        provider.shutdown()


def both(proxies: list[Proxy], wanted: Any, key: str = "sk-any") -> Any:
    """Return the answer that both gave."""
    body = wanted if isinstance(wanted, bytes) else json.dumps(wanted).encode()
    original, ours = (proxy.ask(body, key) for proxy in proxies)
    assert original == ours
    return ours


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def test_keys_budgets_and_limits(proxies: list[Proxy]) -> None:
    assert both(proxies, chat("x"))[0] == 200
    assert both(proxies, chat("x"), "sk-none")[0] == 401
    assert both(proxies, chat("x"), "sk-rich")[0] == 200
    assert [both(proxies, chat("x"), "sk-one")[0] for _ in range(3)] == [200, 429, 429]
    assert both(proxies, chat("x"), "sk-other")[0] in (401, 403)
    assert both(proxies, {**chat("x"), "model": "other"}, "sk-other")[0] == 200


def test_a_deployments_budget(proxies: list[Proxy]) -> None:
    """It is spent with the first answer, and counted behind it."""
    body = json.dumps({**chat("dear"), "model": "dear"}).encode()
    refusals = []
    for proxy in proxies:
        assert proxy.ask(body, "sk-any")[0] == 200
        end = time.monotonic() + 60
        while (found := proxy.ask(body, "sk-any"))[0] == 200:
            assert time.monotonic() < end, proxy.log()
            time.sleep(0.5)
        refusals.append(found)
    assert refusals[0] == refusals[1]
    assert refusals[0][0] == 429 and "udget" in refusals[0][2]


def test_hooks(proxies: list[Proxy]) -> None:
    for stream in (False, True):
        assert both(proxies, chat("refuse", stream=stream))[0] == 418
        assert both(proxies, chat("moderate", stream=stream))[0] == 400
        assert both(proxies, chat("cool", stream=stream))[0] == 200
        assert both(proxies, chat("fail", stream=stream))[0] == 400
        text = both(proxies, chat("change", stream=stream))[2]
        assert ("W0 " in text) if stream else ("changed" in text)
        assert (
            both(proxies, chat("x", stream=stream, stream_options={"include_usage": True}))[0]
            == 200
        )


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 5), st.text(max_size=6), st.just([]), st.just({})
)
REQUESTS = st.one_of(
    st.fixed_dictionaries(
        {
            "model": st.sampled_from(["m", "m", "other", "nobody"]),
            "messages": st.lists(
                st.fixed_dictionaries(
                    {
                        "role": st.sampled_from(["user", "system", "assistant"]),
                        "content": st.text(st.characters(codec="utf-8"), max_size=12),
                    }
                ),
                min_size=1,
                max_size=3,
            ),
        },
        optional={
            "stream": st.booleans(),
            "temperature": st.floats(0, 2),
            "max_tokens": st.integers(1, 9),
            "user": st.text(max_size=5),
            "stop": st.lists(st.text(max_size=3), max_size=2),
            "n": st.integers(1, 2),
            "metadata": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
            "seed": VALUES,
            "tool_choice": st.sampled_from(["auto", "none"]),
        },
    ),
    st.dictionaries(
        st.sampled_from(["model", "messages", "stream", "n", "odd"]), VALUES, max_size=4
    ),
    st.sampled_from([b"", b"{", b"[]", b"null", b'{"model": "m"}']),
)


def test_requests(proxies: list[Proxy]) -> None:
    @settings(max_examples=120 if LONG else 30)
    @given(REQUESTS)
    def run(wanted: Any) -> None:
        both(proxies, wanted)

    run()


def test_what_hooks_and_callbacks_were_told(proxies: list[Proxy]) -> None:
    lines, ours = (proxy.told() for proxy in proxies)
    assert sum('"success"' in line for line in lines) > 10
    assert lines == ours


def test_ours_served(proxies: list[Proxy]) -> None:
    served = proxies[1].served()
    for name in (
        *("destinations", "serialize", "restamp", "usage_artifact"),
        *("heap", "dependencies", "json", "routes", "markers", "lazy", "setting", "target"),
    ):
        assert served[f"litellm.proxy_{name}"]["served"] > 0, name
    assert proxies[0].served() == {}


def test_they_end_in_order(proxies: list[Proxy]) -> None:
    for proxy in proxies:
        proxy.process.send_signal(signal.SIGTERM)
    assert [proxy.process.wait(60) for proxy in proxies] == [proxies[0].process.returncode] * 2
