# ruff: noqa: B023  (what a lambda binds is called within the round)
"""What `litellm_rows` times, in LiteLLM's environment: original and ours in turn, against a provider on the loopback address.

    python litellm_children.py embeddings     one request, 100 x 1536 floats or base64: CPU of this process
    python litellm_children.py tokens         token_counter: CPU of a call
    python litellm_children.py router         the Router's pre-call checks, and calls of a mocked model, of a provider, and of none: CPU
    python litellm_children.py limits         a check of a rate limit through Python: CPU; the table's bytes a key
    python litellm_children.py chat           chat calls: one after another, 50 at once, 100 agents of a model that takes 200 ms
    python litellm_children.py streaming      streams of 300 chunks, sync and 50 at once, with a CustomLogger and without: CPU of a chunk
    python litellm_children.py readers        the same of Anthropic's and groq's streams, which LiteLLM reads itself
    python litellm_children.py imports        import litellm in fresh processes, alone and after fast_litellm: CPU
    python litellm_children.py provider PORTFILE

Each prints one JSON object. Results are compared before anything is timed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import product
from typing import Any, Callable, Dict, Iterator, List

INPUTS, SIZE = 100, 1536
CHUNKS, AT_ONCE = 300, 50
ROUNDS = 7
AGENTS, TURNS = 100, 3
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "gpt-4o-mini-2024-07-18",
    "system_fingerprint": "fp_1",
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "The capital of France is Paris. " * 8,
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 24,
        "completion_tokens": 60,
        "total_tokens": 84,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    },
}


def body(encoded: bool) -> bytes:
    """An embeddings response."""
    source = random.Random(1)
    data: List[Dict[str, Any]] = []
    for index in range(INPUTS):
        numbers = [source.uniform(-0.1, 0.1) for _ in range(SIZE)]
        text = base64.b64encode(struct.pack("<%df" % SIZE, *numbers)).decode()
        data.append(
            {"object": "embedding", "index": index, "embedding": text if encoded else numbers}
        )
    usage = {"prompt_tokens": INPUTS, "total_tokens": INPUTS}
    return json.dumps({"object": "list", "data": data, "model": "m", "usage": usage}).encode()


def stream_parts() -> List[bytes]:
    """The events of a chat completion, as OpenAI sends them."""
    base = {
        "id": "chatcmpl-abc123",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "system_fingerprint": "fp_123",
    }
    source = random.Random(2)

    def event(delta: Dict[str, Any], reason: Any = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        more = {"usage": None, "obfuscation": "x" * source.randrange(1, 12)}
        text = json.dumps({**base, "choices": [choice], **more}, separators=(",", ":"))
        return ("data: %s\n\n" % text).encode()

    texts = (" %x" % source.randrange(1 << 20) for _ in range(CHUNKS))
    return [
        event({"role": "assistant", "content": "", "refusal": None}),
        *(event({"content": text}) for text in texts),
        event({}, "stop"),
        b"data: [DONE]\n\n",
    ]


def message_parts() -> List[bytes]:
    """The events of a message, as Anthropic sends them."""
    source = random.Random(2)

    def event(kind: str, **more: Any) -> bytes:
        text = json.dumps({"type": kind, **more}, separators=(",", ":"))
        return ("event: %s\ndata: %s\n\n" % (kind, text)).encode()

    usage = {"input_tokens": 9, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
    message.update(content=[], stop_reason=None, stop_sequence=None, usage=usage)
    texts = (" %x" % source.randrange(1 << 20) for _ in range(CHUNKS))
    return [
        event("message_start", message=message),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("ping"),
        *(
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
            for text in texts
        ),
        event("content_block_stop", index=0),
        event(
            "message_delta",
            delta={"stop_reason": "end_turn", "stop_sequence": None},
            usage={"output_tokens": CHUNKS},
        ),
        event("message_stop"),
    ]


def provider(port_file: str) -> None:
    """Answer requests until the parent ends us."""
    from aiohttp import web

    bodies = {False: body(False), True: body(True)}
    said = json.dumps(CHAT).encode()

    async def say(request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        if wanted.get("stream"):
            return await stream(request)
        if wanted.get("user") == "slow":
            await asyncio.sleep(0.2)
        return web.Response(body=said, content_type="application/json")

    async def answer(request: web.Request) -> web.Response:
        wanted = await request.json()
        found = bodies[wanted.get("encoding_format") == "base64"]
        return web.Response(body=found, content_type="application/json")

    streams = {"/v1/chat/completions": stream_parts(), "/v1/messages": message_parts()}

    async def stream(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for part in streams[request.path]:  # each is a chunk of HTTP's
            await response.write(part)
        await response.write_eof()
        return response

    async def serve() -> None:
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/v1/embeddings", answer)
        app.router.add_post("/v1/chat/completions", say)
        app.router.add_post("/v1/messages", stream)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        with open(port_file + ".new", "w") as file:
            file.write(str(port))
        os.rename(port_file + ".new", port_file)
        await asyncio.sleep(3600)

    asyncio.run(serve())


@contextmanager
def provided() -> Iterator[str]:
    """The address of a provider."""
    with tempfile.TemporaryDirectory(prefix="provider-") as folder:
        file = os.path.join(folder, "port")
        with subprocess.Popen([sys.executable, __file__, "provider", file]) as process:
            try:
                end = time.monotonic() + 60
                while not os.path.exists(file):
                    if time.monotonic() > end:
                        raise RuntimeError("the provider did not start")
                    time.sleep(0.05)
                with open(file) as written:
                    yield "http://127.0.0.1:%s/v1" % written.read()
            finally:
                process.terminate()


@contextmanager
def running() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop, closed in order: the interpreter ends with a segfault where LiteLLM's tasks are left in an open one."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:  # (of none, gather makes a future of another loop)
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@contextmanager
def originals() -> Iterator[None]:
    """The originals in the places of our patches."""
    from fast_jvm import _registry

    found = [entry for entry in _registry.entries() if entry.placed is not None]

    def put(ours: bool) -> None:
        for entry in found:
            raw = entry.original if entry.raw is _registry.ABSENT else entry.raw
            setattr(entry.owner, entry.attribute, entry.placed if ours else raw)
            for module in entry.copies:
                setattr(module, entry.attribute, entry.placed if ours else entry.original)

    put(False)
    try:
        yield
    finally:
        put(True)


def cpu(call: Callable[[], Any], number: int) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    for _ in range(number):
        call()
    return (time.process_time() - start) / number


def compare(
    call: Callable[[], Any],
    shown: Callable[[Any], Any],
    number: int,
    original: int,
    names: List[str],
    warming: int = 0,
    rounds: int = ROUNDS,
) -> Dict[str, Any]:
    """Compare the two results, then time both in turn; the minima. Java wants to be warm, plain Python does not."""
    import fast_litellm

    def serves() -> List[int]:
        return [int(fast_litellm.get_performance_stats(name)["served"]) for name in names]

    with originals():
        theirs = shown(call())
    call()  # what is looked at once
    before = serves()
    equal = shown(call()) == theirs
    served = all(new > old for new, old in zip(serves(), before))
    for _ in range(warming):
        call()
    ours, found = [], []
    for _ in range(rounds):
        ours.append(cpu(call, number))
        with originals():
            found.append(cpu(call, original))
    return {"ours": min(ours), "original": min(found), "equal": equal, "served": served}


def ready() -> None:
    """All patches live."""
    import litellm._service_logger
    import litellm.litellm_core_utils.llm_response_utils.get_api_base
    import litellm.llms.openai.openai
    import litellm.types.router  # noqa: F401
    import openai.resources.embeddings  # noqa: F401  (else imported by the first call, and patched while the originals are in place)

    import fast_jvm
    import fast_litellm  # noqa: F401

    if not fast_jvm.wait_ready(60):
        raise RuntimeError(str(fast_jvm.status()))


def embeddings() -> Dict[str, Any]:
    """Floats and base64, sync and async; and what httpx and json alone take."""
    ready()
    import warnings

    import httpx
    import litellm

    warnings.simplefilter(
        "ignore"
    )  # pydantic's, of base64 in a list[float]: its text is made all the same

    with provided() as address, running() as loop:

        def arguments(form: str) -> Dict[str, Any]:
            return {
                "model": "openai/text-embedding-3-small",
                "input": ["some text"] * INPUTS,
                "api_base": address,
                "api_key": "k",
                "encoding_format": form,
            }

        def shown(response: Any) -> str:
            return repr(response.model_dump())

        names = ["litellm.embeddings", "litellm.post_call"]
        found: Dict[str, Any] = {}
        for form, number in (("float", 3), ("base64", 10)):
            wanted = arguments(form)
            # Java declines base64, and the models are made in Python
            counted = names if form == "float" else names[1:]
            found[form] = compare(
                lambda: litellm.embedding(**wanted),
                shown,
                number,
                max(number // 3, 1),
                counted,
                20 * number,
            )
            found[form + ", async"] = compare(
                lambda: loop.run_until_complete(litellm.aembedding(**wanted)),
                shown,
                number,
                max(number // 3, 1),
                counted,
                20 * number,
            )
        client = httpx.Client()
        sent = {"input": ["some text"] * INPUTS, "model": "m"}
        found["httpx"] = min(
            cpu(lambda: client.post(address + "/embeddings", json=sent).json(), 3)
            for _ in range(ROUNDS)
        )
    return found


def chat() -> Dict[str, Any]:
    """CPU of a call and of an agent, requests a second; beside the OpenAI SDK, httpx and aiohttp alone."""
    ready()
    import aiohttp
    import httpx
    import litellm
    import openai

    messages = [
        {"role": "system", "content": "You are helpful."},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    with provided() as address, running() as loop:
        wanted: Dict[str, Any] = {
            "model": "openai/gpt-4o-mini",
            "messages": messages,
            "api_base": address,
            "api_key": "k",
            "temperature": 0.5,
        }
        sent = {"model": "gpt-4o-mini", "messages": messages, "temperature": 0.5}

        async def many() -> Any:
            calls = [litellm.acompletion(**wanted) for _ in range(AT_ONCE)]
            return (await asyncio.gather(*calls))[-1]

        async def agent() -> Any:
            told = list(messages)
            for _ in range(TURNS):
                found = await litellm.acompletion(**{**wanted, "messages": told, "user": "slow"})
                told += [
                    {"role": "assistant", "content": found.choices[0].message.content},
                    {"role": "user", "content": "And then?"},
                ]
            return found

        async def agents() -> Any:
            return (await asyncio.gather(*[agent() for _ in range(AGENTS)]))[-1]

        def shown(response: Any) -> str:
            return repr(response.model_dump())

        common = ["construct", "build_request", "model_info", "generic_cost", "token_type_costs"]
        counted = ["litellm." + name for name in common]
        found: Dict[str, Any] = {
            "sync": compare(
                lambda: litellm.completion(**wanted),
                shown,
                60,
                60,
                [*counted, "litellm.transform"],
                60,
            )
        }
        several = [*counted, "litellm.async_transform"]
        walls: Dict[str, List[float]] = {"original": [], "ours": []}
        both = compare(lambda: loop.run_until_complete(many()), shown, 2, 2, several, 1)
        for _ in range(ROUNDS):
            for side in walls:
                with originals() if side == "original" else nothing():
                    start = time.perf_counter()
                    loop.run_until_complete(many())
                    walls[side].append(AT_ONCE / (time.perf_counter() - start))
        for side in walls:
            both[side] /= AT_ONCE
        found["async, 50 at once"] = both
        found["requests a second, 50 at once"] = {
            **both,
            **{side: max(rates) for side, rates in walls.items()},
        }
        both = compare(lambda: loop.run_until_complete(agents()), shown, 1, 1, several, 1)
        found["100 agents"] = {
            **both,
            "original": both["original"] / AGENTS,
            "ours": both["ours"] / AGENTS,
        }

        client, sdk = httpx.Client(), openai.OpenAI(api_key="k", base_url=address)

        async def raw() -> None:
            async with aiohttp.ClientSession() as session:

                async def one() -> None:
                    async with session.post(address + "/chat/completions", json=sent) as answer:
                        await answer.json()

                for _ in range(4):
                    await asyncio.gather(*[one() for _ in range(AT_ONCE)])

        def least(call: Callable[[], Any], number: int) -> float:
            return min(cpu(call, number) for _ in range(ROUNDS))

        def asked() -> Any:
            return sdk.chat.completions.create(**sent)  # type: ignore[call-overload]

        found["alone"] = {"the OpenAI SDK with ours": least(asked, 60)}
        with originals():
            found["alone"]["the OpenAI SDK"] = least(asked, 60)
            found["alone"]["httpx"] = least(
                lambda: client.post(address + "/chat/completions", json=sent).json(), 60
            )
            found["alone"]["aiohttp"] = (
                least(lambda: loop.run_until_complete(raw()), 1) / 4 / AT_ONCE
            )
    return found


@contextmanager
def nothing() -> Iterator[None]:
    """Ours, as they are."""
    yield


def streaming() -> Dict[str, Any]:
    """Chunks of the OpenAI SDK's streams."""
    return chunks_of({"": {"model": "openai/gpt-4o"}})


def readers() -> Dict[str, Any]:
    """Chunks of streams that LiteLLM reads itself."""
    return chunks_of(
        {
            "Anthropic, ": {"model": "anthropic/claude-sonnet-4-5", "path": ""},
            "groq, ": {"model": "groq/some-model"},
        }
    )


def chunks_of(providers: Dict[str, Dict[str, str]]) -> Dict[str, Any]:
    """Chunks of a stream, sync and 50 at once, without and with a CustomLogger that looks at the end; and httpx alone."""
    ready()
    import httpx
    import litellm
    from litellm.integrations.custom_logger import CustomLogger
    from litellm.litellm_core_utils.thread_pool_executor import executor

    class Last(CustomLogger):  # type: ignore[misc]
        def log_success_event(self, *rest: Any, **named: Any) -> None:
            pass

        async def async_log_success_event(self, *rest: Any, **named: Any) -> None:
            pass

    def settle() -> None:
        end = time.monotonic() + 60
        while executor._pending_slots._value < executor._max_pending_tasks:
            if time.monotonic() > end:
                raise RuntimeError("LiteLLM's threads did not end")
            time.sleep(0.002)

    def seen(chunk: Any) -> Any:
        choices = [
            (choice.delta.model_dump(), choice.finish_reason, choice.index)
            for choice in chunk.choices
        ]
        named = who == "Anthropic, " or chunk.id  # LiteLLM makes up the id of Anthropic's chunks
        return named, chunk.model, chunk.system_fingerprint, chunk.model_extra, choices

    with provided() as address, running() as loop:
        wanted: Dict[str, Any] = {
            "messages": [{"role": "user", "content": "hi there"}],
            "api_key": "k",
            "stream": True,
        }

        def one() -> List[Any]:
            chunks = list(litellm.completion(**wanted))
            settle()
            return chunks

        async def many() -> List[Any]:
            async def each() -> List[Any]:
                return [chunk async for chunk in await litellm.acompletion(**wanted)]

            found = await asyncio.gather(*(each() for _ in range(AT_ONCE)))
            await asyncio.sleep(0.05)  # what LiteLLM does after the last chunk
            return [chunk for chunks in found for chunk in chunks]

        def shown(chunks: List[Any]) -> List[Any]:
            return [seen(chunk) for chunk in chunks]

        def at_once() -> List[Any]:
            return loop.run_until_complete(many())

        found: Dict[str, Any] = {}
        for who, logger in product(providers, (False, True)):
            api_base = address[: -len("/v1")] + providers[who].get("path", "/v1")
            wanted.update(model=providers[who]["model"], api_base=api_base)
            litellm.callbacks = [Last()] if logger else []
            for name, call, number, streams in (
                ("sync", one, 4, 1),
                ("async", at_once, 1, AT_ONCE),
            ):
                found[who + name + ", a CustomLogger" * logger] = both = compare(
                    call,
                    shown,
                    number,
                    1,
                    ["litellm.stream" if streams == 1 else "litellm.async_stream"],
                    rounds=5 if streams == 1 else 2,
                )
                for side in ("ours", "original"):
                    both[side] /= streams * (CHUNKS + 2)
        client = httpx.Client()

        def alone() -> None:
            with client.stream(
                "POST", address + "/chat/completions", json={"stream": True}
            ) as response:
                for _ in response.iter_bytes():
                    pass

        found["httpx"] = min(cpu(alone, 3) for _ in range(ROUNDS)) / (CHUNKS + 2)
    return found


def imports() -> Dict[str, Any]:
    """CPU of fresh processes that import litellm, alone and after fast_litellm, in turn; both are told the same class."""
    script = (
        "%simport litellm, resource; used = resource.getrusage(resource.RUSAGE_SELF);"
        "print(used.ru_utime + used.ru_stime, litellm.ModelResponse.__module__)"
    )
    sides = {"original": "", "ours": "import fast_litellm; "}
    least, told = {}, {}
    environment = {**os.environ, "FAST_JVM": "auto"}
    for _ in range(ROUNDS):
        for side, before in sides.items():
            command = [sys.executable, "-c", script % before]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            done.check_returncode()
            used, told[side] = done.stdout.split()[-2:]
            least[side] = min(float(used), least.get(side, 1e9))
    return {"import litellm": {**least, "equal": len(set(told.values())) == 1, "served": True}}


def fastest(model: str, text: str) -> float:
    """CPU seconds of counting a text."""
    import litellm

    return min(cpu(lambda: litellm.token_counter(model=model, text=text), 1) for _ in range(5))


def tokens() -> Dict[str, Any]:
    """Counts of texts by model, and LiteLLM's own Rust counter where it has one."""
    ready()
    import litellm
    from litellm.litellm_core_utils.tokenizer import OpenAIEncoding
    from litellm.rust_bridge.tokenizer import get_encoding

    from fast_litellm import _huggingface, _tokens

    with open(litellm.__file__, encoding="utf-8") as file:
        text = (file.read() * 10)[:100_000]
    names = {"gpt-3.5-turbo": "cl100k_base", "gpt-4o": "o200k_base"}
    for name in names.values():
        while not _tokens.loaded(get_encoding(name)):
            litellm.token_counter(model="gpt-4o", text="x")
            litellm.token_counter(model="gpt-3.5-turbo", text="x")
            time.sleep(0.01)
    claude = "claude-sonnet-4-5"
    tokenizer = litellm.utils.select_tokenizer(claude)["tokenizer"]
    _huggingface.load(_huggingface.note(tokenizer))
    chat = [{"role": "user", "content": text[i * 300 : i * 300 + 300]} for i in range(20)]
    found: Dict[str, Any] = {}
    claudes: List[Any] = [("100 KB", 3, {"text": text}), ("8 bytes", 1000, {"text": "hello wo"})]
    for what, number, given in [*claudes, ("20 messages", 20, {"messages": chat})]:
        found["Claude 4: %s" % what] = compare(
            lambda: litellm.token_counter(model=claude, **given),
            int,
            number,
            number,
            [] if what == "8 bytes" else ["litellm.tokenizer_count"],
            10 * number,
        )
    found["encode, Claude 4: 100 KB"] = compare(
        lambda: litellm.utils.encode(model=claude, text=text),
        list,
        3,
        3,
        ["litellm.tokenizer_encode"],
        20,
    )
    for model, name in names.items():
        for what, number, given in (
            ("100 KB", 10, {"text": text}),
            ("8 bytes", 2000, {"text": "hello wo"}),
            ("20 messages", 50, {"messages": chat}),
        ):
            found["%s: %s" % (name, what)] = compare(
                lambda: litellm.token_counter(model=model, **given),
                int,
                number,
                number,
                ["litellm.tokens"],
                20 * number,
            )
        encoding = get_encoding(name)
        for what, number, part in (("100 KB", 10, text), ("8 bytes", 2000, "hello wo")):
            found["encode, %s: %s" % (name, what)] = compare(
                lambda: encoding.encode(part), list, number, number, ["litellm.encode"], number
            )
            ids = encoding.encode(part)
            found["decode, %s: %s" % (name, what)] = compare(
                lambda: encoding.decode(ids), str, number, number, ["litellm.decode"], number
            )
        native = OpenAIEncoding.from_tiktoken(name)
        pieces = found["%s: 100 KB" % name]
        pieces["rust"] = min(cpu(lambda: native.count(text, fast=True), 5) for _ in range(ROUNDS))
        for letter in ("a", " ", "\U0001f642"):
            times = [fastest(model, letter * length) for length in (100_000, 1_000_000)]
            found["%s: %s" % (name, "1e6 of U+%04X" % ord(letter))] = {
                "growth": times[1] / times[0]
            }
    return found


def routed(made: Any, messages: Any) -> Any:
    """A Router's call, with what LiteLLM does behind it in threads."""
    from litellm.litellm_core_utils.thread_pool_executor import executor

    answer = made.completion("m", messages)
    while executor._pending_slots._value < executor._max_pending_tasks:
        time.sleep(0.0001)
    return answer


async def routed_at_once(made: Any, messages: Any) -> Any:
    """Many calls of a Router at once, with what LiteLLM does behind them in its logging worker."""
    from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

    calls = (made.acompletion("m", messages) for _ in range(AT_ONCE))
    answers = await asyncio.gather(*calls)
    await asyncio.sleep(0)
    await GLOBAL_LOGGING_WORKER.flush()
    return answers[-1]


def unheard() -> None:
    """Forget the callbacks of Routers made before: each hears all calls."""
    import litellm

    for name in ("callbacks", "input_callback", "success_callback", "failure_callback"):
        getattr(litellm, name).clear()
    litellm._async_success_callback.clear()
    litellm._async_failure_callback.clear()


def router() -> Dict[str, Any]:
    """Pre-call checks by the number of deployments, of one model and of ten; a Router's call, its model mocked; without any; of a provider."""
    ready()
    import litellm

    names = ["gpt-4o", "openai/gpt-4o-mini", "azure/gpt-4o", "anthropic/claude-3-haiku-20240307"]
    names += [
        "groq/llama-3.1-8b-instant",
        "gemini/gemini-2.0-flash",
        "mistral/mistral-large-latest",
    ]
    names += ["deepseek/deepseek-chat", "openrouter/openai/gpt-4o", "gpt-4-turbo"]
    messages = [{"role": "user", "content": "hello there"}]
    served = ["litellm.router_checks"]
    found: Dict[str, Any] = {}
    for many, models in ((1, 1), (20, 10), (200, 1), (200, 10)):
        parameters = [
            {
                "model": names[i % models],
                "api_key": "k%d" % i,
                "mock_response": "hi",
                "rpm": 1000000,
            }
            for i in range(many)
        ]
        unheard()
        made = litellm.Router(
            model_list=[{"model_name": "m", "litellm_params": each} for each in parameters],
            enable_pre_call_checks=True,
        )
        name = "%d deployments of %d models" % (many, models)
        found["checks, " + name] = compare(
            lambda: made._pre_call_checks("m", made.model_list, messages, request_kwargs={}),
            len,
            20,
            3,
            served,
        )
        found["call, " + name] = compare(
            lambda: routed(made, messages),
            lambda answer: answer.choices[0].message.content,
            max(5, 40 // many),
            max(5, 40 // many),
            served,
        )
        if many < 200:
            with running() as loop:
                both = compare(
                    lambda: loop.run_until_complete(routed_at_once(made, messages)),
                    lambda answer: answer.choices[0].message.content,
                    2,
                    2,
                    [*served, "litellm.router_counts", "litellm.router_success"],
                )
            for side in ("ours", "original"):
                both[side] /= AT_ONCE
            found["call, %s, 50 at once" % name] = both
        answer, chat = made.completion("m", messages), litellm.completion
        litellm.completion = lambda **_: answer
        try:  # what a call costs beside the chat call inside
            found["alone, " + name] = compare(
                lambda: made.completion("m", messages),
                lambda answer: answer.choices[0].message.content,
                40,
                10,
                [*served, "litellm.run_async", "litellm.router_group_usage"],
            )
        finally:
            litellm.completion = chat
    with provided() as address, running() as loop:
        for many in (1, 20):
            found.update(_routed(litellm, loop, address, many, messages))
        found.update(_routed(litellm, loop, address, 1, messages, checks=False))
        for strategy in ("least-busy", "latency-based-routing", "usage-based-routing-v2"):
            found.update(_routed(litellm, loop, address, 20, messages, strategy))
    return found


def _routed(
    litellm: Any,
    loop: Any,
    address: str,
    many: int,
    messages: Any,
    strategy: str = "simple-shuffle",
    checks: bool = True,
) -> Dict[str, Any]:
    """Calls of a Router whose deployments are at a provider, one after another and 50 at once."""
    unheard()
    made = litellm.Router(
        model_list=[
            {
                "model_name": "m",
                "litellm_params": {
                    "model": "openai/gpt-4o",
                    "api_base": address,
                    "api_key": "k%d" % i,
                    "rpm": 1000000,
                },
            }
            for i in range(many)
        ],
        enable_pre_call_checks=checks,
        routing_strategy=strategy,
    )

    def shown(answer: Any) -> Any:
        return answer.choices[0].message.content, answer.usage.model_dump()

    name = "a provider, %d deployments" % many
    name += "" if strategy == "simple-shuffle" else ", " + strategy
    name += "" if checks else ", no checks"
    counted = ["litellm.router_usage", *(["litellm.router_checks"] if checks else [])]
    found = {
        name + ", sync": compare(
            lambda: routed(made, messages), shown, 30, 30, [*counted, "litellm.run_async"]
        )
    }
    both = compare(
        lambda: loop.run_until_complete(routed_at_once(made, messages)), shown, 2, 2, counted, 1
    )
    for side in ("ours", "original"):
        both[side] /= AT_ONCE
    found[name + ", 50 at once"] = both
    return found


def limits() -> Dict[str, Any]:
    """A check of one key, and of many in turn; what a key takes in the table's file."""
    from fast_litellm import RateLimits

    found: Dict[str, Any] = {}
    for many in (10_000, 1_000_000):
        with tempfile.TemporaryDirectory(prefix="limits-") as folder:
            table = RateLimits(folder + "/table", keys=many)
            keys = ["{api_key:%064d}" % i for i in range(many)]
            for key in keys:
                table.check(key, 1 << 30)

            def each(some: List[str]) -> None:
                for key in some:
                    table.check(key, 1 << 30)

            one, turn = [keys[7]] * 20_000, keys[:: many // 10_000]
            each(one * 10)  # compiled by then
            found["%d keys" % many] = {
                "bytes": os.path.getsize(folder + "/table/limits") / many,
                "one": min(cpu(lambda: each(one), 1) / len(one) for _ in range(ROUNDS)),
                "turn": min(cpu(lambda: each(turn), 1) / len(turn) for _ in range(ROUNDS)),
            }
    return found


if __name__ == "__main__":
    if sys.argv[1] == "provider":
        provider(sys.argv[2])
    else:
        rows = {
            function.__name__: function
            for function in (embeddings, tokens, chat, streaming, readers, imports, router, limits)
        }
        print(json.dumps(rows[sys.argv[1]]()))
