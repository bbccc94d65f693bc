"""What the process rows run in fresh processes: `python -m benchmarks.children TASK …`, one JSON object as answer.

Only the standard library is needed to import this; each task imports what it measures.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import tempfile
import threading
import time
from typing import Any, Dict, List

from benchmarks.served import served


def imports(ours: str) -> Dict[str, Any]:
    """Time `import langgraph` with or without us in front of it."""
    start, cpu = time.perf_counter(), time.process_time()
    if ours == "ours":
        import fast_langgraph  # noqa: F401
    import langgraph.checkpoint.sqlite
    import langgraph.graph  # noqa: F401

    spent = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    return {
        **spent,
        "numpy": "numpy" in sys.modules,
        "jvm": _jvm_loaded(),
        "jpype": "jpype" in sys.modules,
    }


def script(ours: str, conversations: str, turns: str) -> Dict[str, Any]:
    """A short script: the demo's agent, a few conversations, done."""
    if ours == "ours":
        import fast_langgraph  # noqa: F401
    import sqlite3

    from langgraph.checkpoint.sqlite import SqliteSaver

    from benchmarks.demo import agent

    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(os.path.join(folder, "script.sqlite"), check_same_thread=False)
        graph = agent.build(SqliteSaver(connection))
        for turn in range(int(turns)):
            for number in range(int(conversations)):
                given: Dict[str, Any] = {"messages": [agent.question(str(number), turn)]}
                if turn == 0:
                    given.update(customer=str(number), turns=0)
                graph.invoke(given, {"configurable": {"thread_id": str(number)}})
        connection.close()
    if ours != "ours":
        return {"jvm": _jvm_loaded()}
    import fast_jvm._boot

    spent, threshold = fast_jvm._boot.spent(), fast_jvm._boot.THRESHOLD_NS
    return {"jvm": _jvm_loaded(), "spent": spent, "threshold": threshold}


def boot() -> Dict[str, Any]:
    """From boot to ready, in an otherwise idle process that has langgraph imported."""
    import langgraph.checkpoint.serde.jsonplus  # noqa: F401

    import fast_jvm
    import fast_langgraph  # noqa: F401

    start, cpu, children = time.perf_counter(), time.process_time(), _children_cpu()
    ready = fast_jvm.wait_ready(120)
    wall, spent = (
        time.perf_counter() - start,
        time.process_time() - cpu + _children_cpu() - children,
    )
    status = fast_jvm.status()
    return {"wall": wall, "cpu": spent, "ready": ready, **_state(status)}


def stall(ours: str) -> Dict[str, Any]:
    """An asyncio loop that ticks every 5 ms: how late it was before, during and after the boot.

    Python's own collections are left out of the lateness and told apart: they come with or without us.
    """
    import asyncio

    if ours == "ours":
        import fast_langgraph  # noqa: F401
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    from benchmarks import data

    serializer, value = JsonPlusSerializer(), data.messages(200)
    late: Dict[str, List[float]] = {"before": [], "boot": [], "after": []}
    collector = {"began": 0.0, "spent": 0.0, "worst": 0.0}

    def collection(phase: str, _: Dict[str, int]) -> None:
        if phase == "start":
            collector["began"] = time.perf_counter()
        else:
            spent = time.perf_counter() - collector["began"]
            collector["spent"] += spent
            collector["worst"] = max(collector["worst"], spent)

    async def tick(phase: str, until: Any, work: bool = False) -> None:
        gc.collect()
        while not late[phase] or not until():
            start, collected = time.perf_counter(), collector["spent"]
            await asyncio.sleep(0.005)
            if work:
                serializer.loads_typed(serializer.dumps_typed(value))
            collected = collector["spent"] - collected
            late[phase].append(time.perf_counter() - start - 0.005 - collected)

    async def main() -> Dict[str, Any]:
        gc.callbacks.append(collection)
        await tick("before", _after(1.0))
        answer: Dict[str, Any] = {}
        if ours == "ours":
            import fast_jvm

            done = threading.Event()

            def wait() -> None:
                fast_jvm.wait_ready(120)
                done.set()

            waiter = threading.Thread(target=wait)
            waiter.start()
            await tick("boot", done.is_set)
            waiter.join()
            answer = _state(fast_jvm.status())
        else:
            await tick("boot", _after(0.5))
        await tick("after", _after(2.0), work=True)
        return answer

    answer = asyncio.run(main())
    worst = {phase: max(amounts) for phase, amounts in late.items()}
    return {**answer, **worst, "collection": collector["worst"]}


def memory(ours: str) -> Dict[str, Any]:
    """Resident memory after the codec was used for a while, live or without us."""
    if ours == "ours":
        import fast_langgraph  # noqa: F401
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    from benchmarks import data

    answer: Dict[str, Any] = {}
    if ours == "ours":
        import fast_jvm

        fast_jvm.wait_ready(120)
    serializer = JsonPlusSerializer()
    for value in (
        data.messages(200),
        data.plain_dict(),
        data.identities(200),
        data.dataclass_steps(200),
    ):
        for _ in range(300):
            serializer.loads_typed(serializer.dumps_typed(value))
    if ours == "ours":
        answer = _state(fast_jvm.status())
    gc.collect()
    with open("/proc/self/status", encoding="ascii") as lines:
        fields = dict(line.split(":", 1) for line in lines)
    return {
        **answer,
        "rss": 1024 * int(fields["VmRSS"].split()[0]),
        "peak": 1024 * int(fields["VmHWM"].split()[0]),
    }


def _after(seconds: float) -> Any:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def _state(status: Any) -> Dict[str, Any]:
    return {
        "host": status.host,
        "live": served(status),
        "why": "; ".join(patch.reason for patch in status.patches if patch.reason),
    }


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _jvm_loaded() -> bool:
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
            return any("libjvm" in line for line in lines)
    except OSError:
        return False


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])), flush=True)
