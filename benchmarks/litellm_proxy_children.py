"""What `litellm_rows` times of the proxy, in its environment: one worker each of the original and of ours, in turn, 50 clients at once.

Provider, proxies and client are processes of their own. Prints one JSON object; answers are compared before anything is timed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List

from litellm_children import AT_ONCE, CHUNKS, provided

ROUNDS = 7
#: Of a round: the original's collector walks over the whole heap once in some 200 plain requests, and each round is to have its share of that.
REQUESTS = {"plain": 450, "streaming": 50}
KEY = "sk-5d1c0e7f2b9a4c6e8f3a1b7d9c2e4f60"
CONFIG = """
model_list:
  - model_name: m
    litellm_params: {{model: openai/gpt-4o-mini, api_base: "{address}", api_key: k}}
general_settings: {{master_key: {key}, custom_key_generate: told.tell}}
"""
#: Writes what the patches of a worker have served, when it gets a signal; the config names it for what no request here asks for.
TOLD = """
import json, os, signal, sys
def tell(*_):
    ours = sys.modules.get("fast_litellm")
    with open("served.new", "w") as file:
        json.dump(ours.get_performance_stats() if ours else {}, file)
    os.rename("served.new", "served")
signal.signal(signal.SIGUSR1, tell)
"""
#: What differs from call to call, in a body and among the headers.
VARYING = re.compile(r'"(id|created)": ?("[^"]*"|\d+)')
PASSING = re.compile(r"(llm_provider-)?date|.*(-id|duration-ms|-timing)", re.I)


class Worker:
    """One process of the proxy."""

    def __init__(self, folder: Path, ours: bool, address: str) -> None:
        folder.mkdir()
        (folder / "config.yaml").write_text(CONFIG.format(address=address, key=KEY))
        (folder / "told.py").write_text(TOLD)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        start = ["-m", "fast_jvm", "run"] if ours else []
        command = [sys.executable, *start, str(Path(sys.executable).parent / "litellm")]
        command += ["--config", "config.yaml", "--host", "127.0.0.1", "--port", str(self.port)]
        # a worker's connections rest while the other one is timed; closed after 5 s, the next request would fail
        command += ["--keepalive_timeout", "60"]
        settings = {"FAST_JVM_AUTOLOAD": "on"} if ours else {}
        # compiled modules, as pip leaves them: what is imported again and again would be compiled again and again
        settings["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        settings["PYTHONDONTWRITEBYTECODE"] = ""
        self.folder = folder
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdout=log,
                stderr=log,
                env={**os.environ, **settings, "PYTHONUNBUFFERED": "1"},
            )

    def cpu(self) -> float:
        """CPU seconds of the worker so far, all threads."""
        told = Path("/proc/%d/stat" % self.process.pid).read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")

    def served(self) -> Dict[str, Any]:
        """What the patches of the worker say."""
        (self.folder / "served").unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 20
        while not (self.folder / "served").exists():
            if time.monotonic() > end:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)
        found: Dict[str, Any] = json.loads((self.folder / "served").read_text())
        return found

    def stop(self) -> None:
        """End it, in order if it can."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def workers(address: str) -> Iterator[Dict[str, Worker]]:
    """The two proxies."""
    folder = Path(tempfile.mkdtemp(prefix="proxy-"))
    with ExitStack() as ends:
        ends.callback(shutil.rmtree, folder, ignore_errors=True)
        found = {}
        for side in ("original", "ours"):
            found[side] = Worker(folder / side, side == "ours", address)
            ends.callback(found[side].stop)
        yield found


class Client:
    """50 clients of a proxy at once."""

    def __init__(self, session: Any) -> None:
        self.session = session

    async def up(self, worker: Worker) -> None:
        """Wait until it answers."""
        import aiohttp

        end = time.monotonic() + 600
        while True:
            try:
                async with self.session.get(
                    "http://127.0.0.1:%d/health/liveliness" % worker.port
                ) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            if worker.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((worker.folder / "log").read_text())
            await asyncio.sleep(0.3)

    async def ask(self, worker: Worker, kind: str) -> Any:
        """One request; status, headers and body."""
        async with self.session.post(
            "http://127.0.0.1:%d/v1/chat/completions" % worker.port,
            json={
                "model": "m",
                "messages": [
                    {"role": "system", "content": "You are helpful."},
                    {"role": "user", "content": "What is the capital of France?"},
                ],
                "temperature": 0.5,
                **({"stream": True} if kind == "streaming" else {}),
            },
            headers={"authorization": "Bearer " + KEY},
        ) as answer:
            return answer.status, answer.headers, await answer.read()

    async def shown(self, worker: Worker, kind: str) -> Any:
        """An answer without what is another in each."""
        status, headers, body = await self.ask(worker, kind)
        told = sorted((k.lower(), v) for k, v in headers.items() if not PASSING.fullmatch(k))
        return status, told, VARYING.sub(r'"\1"', body.decode())

    async def load(self, worker: Worker, kind: str, requests: int) -> None:
        """So many requests, 50 at once."""
        left = iter(range(requests))

        async def one() -> None:
            for _ in left:
                status, _, body = await self.ask(worker, kind)
                if status != 200:
                    raise RuntimeError(body)

        await asyncio.gather(*[one() for _ in range(AT_ONCE)])


async def measure(both: Dict[str, Worker], rounds: int) -> Dict[str, Any]:
    """CPU of the worker and time for a request, plain and streaming, in turn."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=0)
    found: Dict[str, Any] = {}
    async with aiohttp.ClientSession(connector=connector) as session:
        client = Client(session)
        for worker in both.values():
            await client.up(worker)
        for kind, requests in REQUESTS.items():
            for worker in both.values():
                await client.load(worker, kind, requests)
            shown = {side: await client.shown(worker, kind) for side, worker in both.items()}
            times: Dict[str, List[Any]] = {side: [] for side in both}
            for _ in range(rounds):
                for side, worker in both.items():
                    await asyncio.sleep(0.5)  # what runs behind the answers
                    before, start = worker.cpu(), time.perf_counter()
                    await client.load(worker, kind, requests)
                    wall = time.perf_counter() - start
                    await asyncio.sleep(0.5)
                    times[side].append((wall / requests, (worker.cpu() - before) / requests))
            found[kind] = {
                "equal": shown["original"] == shown["ours"],
                **{side: min(wall for wall, _ in done) for side, done in times.items()},
                "cpu": {side: min(cpu for _, cpu in done) for side, done in times.items()},
            }
            if not found[kind]["equal"]:
                print(shown, file=sys.stderr)
    return found


def main(rounds: int = ROUNDS) -> None:
    """Measure, and ask what has served."""
    with provided() as address, workers(address) as both:
        found = asyncio.run(measure(both, rounds))
        stats = both["ours"].served()
        found["served"] = {name: told["served"] for name, told in stats.items()}
        found["declined"] = {name: told["declined"] for name, told in stats.items()}
        found["chunks"] = CHUNKS
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)
