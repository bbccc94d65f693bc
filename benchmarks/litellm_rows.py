"""Rows of fast-litellm: LiteLLM against a provider on the loopback address, in an environment of its own.

`FAST_JVM_LITELLM` names a Python that has all of requirements/litellm.txt.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from benchmarks.harness import Bar, Result, Row, at_least, at_most, never_slower
from benchmarks.libraries import child

BARS: Dict[str, Bar] = {
    "float": at_least(20),
    "base64": at_least(3),
    "cl100k_base: 100 KB": at_least(4),
    "o200k_base: 100 KB": at_least(3),
    "cl100k_base: 20 messages": at_least(2),
    "o200k_base: 20 messages": at_least(2),
    **{
        who + name: at_least(times)
        for who in ("", "Anthropic, ", "groq, ")
        for name, times in (
            ("sync", 6),
            ("async", 5),
            ("sync, a CustomLogger", 3),
            ("async, a CustomLogger", 3),
        )
    },
    "cl100k_base: 8 bytes": never_slower,
    "o200k_base: 8 bytes": never_slower,
    "checks, 1 deployments of 1 models": never_slower,
    "checks, 200 deployments of 1 models": at_least(30),
    "checks, 200 deployments of 10 models": at_least(30),
    "call, 1 deployments of 1 models": at_least(2),
    "call, 1 deployments of 1 models, 50 at once": at_least(2),
    "call, 20 deployments of 10 models": at_least(2),
    "call, 20 deployments of 10 models, 50 at once": at_least(2),
    "call, 200 deployments of 1 models": at_least(2),
    "call, 200 deployments of 10 models": at_least(2),
    "a provider, 1 deployments, sync": at_least(2),
    "a provider, 20 deployments, sync": at_least(2),
    "a provider, 1 deployments, 50 at once": at_least(2),
    "a provider, 20 deployments, 50 at once": at_least(2),
    **{
        "a provider, %s, %s" % (which, how): never_slower
        for which in (
            "1 deployments, no checks",
            "20 deployments, least-busy",
            "20 deployments, latency-based-routing",
            "20 deployments, usage-based-routing-v2",
        )
        for how in ("sync", "50 at once")
    },
    "import litellm": never_slower,
    "chat, sync": at_least(2),
    "chat, async, 50 at once": at_least(2),
    "chat, 100 agents": at_least(2),
}
#: What has to serve in each of the proxy's rows.
PROXY = {
    "plain": (
        "litellm.async_transform",
        "litellm.proxy_heap",
        "litellm.proxy_dependencies",
        "litellm.proxy_success",
    ),
    "streaming": ("litellm.async_stream", "litellm.proxy_destinations"),
}


def _child(what: str) -> Dict[str, Any]:
    settings = {"FAST_JVM": "eager", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return child("litellm", "litellm_children.py", what, **settings)


def _result(text: str, name: str, found: Dict[str, Any], note: str = "") -> Result:
    bar: Optional[Bar] = BARS.get(name)
    return Result(
        text,
        original=found["original"],
        ours=found["ours"],
        bar=bar,
        equal=found["equal"] and found["served"],
        note=note,
    )


def embeddings() -> List[Result]:
    """A request's CPU, beside what httpx and json alone take."""
    found = _child("embeddings")
    alone = found.pop("httpx")
    note = "httpx and json alone: %.1f ms" % (1e3 * alone)
    return [
        _result("100 x 1536 embeddings, %s: cpu" % name, name, both, note)
        for name, both in found.items()
    ]


def streaming(what: str = "streaming") -> List[Result]:
    """A chunk's CPU, of 300 in a stream; asynchronous streams 50 at once."""
    found = _child(what)
    alone = found.pop("httpx")
    note = "httpx alone: %.1f us" % (1e6 * alone)
    return [
        _result("a streamed chunk, %s: cpu" % name, name, both, note)
        for name, both in found.items()
    ]


def readers() -> List[Result]:
    """The same of Anthropic's and groq's streams."""
    return streaming("readers")


def imports() -> List[Result]:
    """CPU of a fresh process that imports litellm."""
    return [_result("%s: cpu" % name, name, both) for name, both in _child("imports").items()]


def tokens() -> List[Result]:
    """token_counter's CPU; the growth from 1e5 to 1e6 of one letter; LiteLLM's own Rust counter."""
    found = _child("tokens")
    results = []
    for name, both in found.items():
        if "growth" in both:
            growth = both["growth"]
            results.append(
                Result(
                    "token_counter, %s against 1e5: times as long" % name,
                    ours=growth,
                    unit="x",
                    equal=growth <= 12,
                    note="linear: at most 12" if growth <= 12 else "more than 12",
                )
            )
            continue
        what = name if name.startswith(("encode", "decode")) else "token_counter, %s" % name
        results.append(_result("%s: cpu" % what, name, both))
        if "rust" in both:
            results.append(
                Result(
                    "%s, LiteLLM's Rust count(fast=True): cpu" % name,
                    original=both["rust"],
                    ours=both["ours"],
                    bar=at_least(1.5),
                )
            )
    return results


def router() -> List[Result]:
    """CPU of the Router's pre-call checks and of its call, with a mocked model behind it, a provider, or nothing ("alone")."""
    found = _child("router")
    return [_result("Router, %s: cpu" % name, name, both) for name, both in found.items()]


def limits() -> List[Result]:
    """A rate limit's check through Python, and the table's bytes a key."""
    results = []
    for name, told in _child("limits").items():
        for what, text in (("one", "one key"), ("turn", "10,000 keys in turn")):
            results.append(
                Result(
                    "rate limit's check, %s, %s: cpu" % (name, text),
                    ours=told[what],
                    bar=at_most(400e-9),
                )
            )
        results.append(
            Result(
                "rate limits, %s: bytes a key" % name,
                ours=told["bytes"],
                unit="bytes",
                bar=at_most(55, "bytes"),
            )
        )
    return results


def chat() -> List[Result]:
    """A chat call's CPU, beside what httpx, aiohttp and the OpenAI SDK alone take; requests a second; an agent's CPU."""
    found = _child("chat")
    alone = ", ".join("%s %.2f ms" % (name, 1e3 * cpu) for name, cpu in found.pop("alone").items())
    rate = found.pop("requests a second, 50 at once")
    results = [
        _result("chat, %s: cpu" % name, "chat, " + name, both, "alone: " + alone)
        for name, both in found.items()
    ]
    results.append(
        Result(
            "chat, 50 at once: time a request",
            original=1 / rate["original"],
            ours=1 / rate["ours"],
            bar=at_least(2),
            equal=rate["equal"] and rate["served"],
            note="%.0f and %.0f requests a second" % (rate["original"], rate["ours"]),
        )
    )
    return results


def proxy() -> List[Result]:
    """A worker's CPU and time for a request of 50 clients at once, plain and streaming."""
    settings = {"FAST_JVM": "eager", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    found = child("litellm_proxy", "litellm_proxy_children.py", **settings)
    results = []
    for kind in ("plain", "streaming"):
        told = found[kind]
        equal = told["equal"] and all(found["served"][name] > 0 for name in PROXY[kind])
        rates = "%.0f and %.0f requests a second" % (1 / told["original"], 1 / told["ours"])
        results.append(
            Result(
                "proxy, %s, 50 at once: cpu of the worker" % kind,
                original=told["cpu"]["original"],
                ours=told["cpu"]["ours"],
                bar=at_least(2),
                equal=equal,
            )
        )
        results.append(
            Result(
                "proxy, %s, 50 at once: time a request" % kind,
                original=told["original"],
                ours=told["ours"],
                bar=at_least(2),
                equal=equal,
                note=rates,
            )
        )
    return results


ROWS = [
    Row("litellm-chat", chat),
    Row("litellm-embeddings", embeddings),
    Row("litellm-tokens", tokens),
    Row("litellm-router", router),
    Row("litellm-limits", limits),
    Row("litellm-import", imports),
    Row("litellm-streaming", streaming),
    Row("litellm-proxy", proxy),
    Row("litellm-readers", readers),
]
