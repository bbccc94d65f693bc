"""LangGraph under tracing libraries, a reloaded LangGraph, pickled functions; with Java behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

TESTS = str(Path(__file__).parents[1])
USE = f"""
import json, pickle, sys
sys.path.insert(0, {TESTS!r})
from support import wrappers
import fast_jvm
JSONPLUS = "langgraph.checkpoint.serde.jsonplus"
DUMPS, LOADS = (JSONPLUS + ":JsonPlusSerializer." + name for name in ("dumps_typed", "loads_typed"))
EXECUTOR = "langgraph.pregel._executor:get_executor_for_config"
STYLES = [wrappers.opentelemetry, wrappers.langfuse, wrappers.ddtrace]

def library():
    import langgraph.checkpoint.serde.jsonplus, langgraph.pregel._executor, langgraph.prebuilt.tool_node

def run(cls=None):
    from langchain_core.messages import HumanMessage
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
    serde = (cls or JsonPlusSerializer)()
    messages = [HumanMessage("x" * 30, id=str(number)) for number in range(50)]
    packed = serde.dumps_typed(messages)
    assert serde.loads_typed(packed) == messages
    from langgraph.pregel._executor import get_executor_for_config
    with get_executor_for_config(None) as executor:
        assert executor.submit(len, "abc").result() == 3
    return packed[1].hex()

def report(**more):
    print(json.dumps({{"patches": {{patch.name: [patch.state, patch.reason, patch.calls, patch.declines]
        for patch in fast_jvm.status().patches}}, **more}}))
"""
NAMES = ("langgraph.dumps_typed", "langgraph.loads_typed", "langgraph.executor")


def line(what: str, outcome: str) -> pytest.MarkDecorator:
    return pytest.mark.line("surroundings", what, outcome)


@pytest.fixture(scope="module")
def expected(fresh: Any) -> str:
    """What the originals dump, in a process without us."""
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", f"{USE}\nlibrary()\nprint(run())"],
        env=fresh(FAST_JVM="off"), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout.strip()


def told(run: Any, *code: str) -> dict[str, Any]:
    done = run(USE, *code, check=True, FAST_JVM_HOST="jni")
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@line(
    "tracing wrappers (wrapt, functools.wraps, partial, code put in place) before ours",
    "original under them; the reason names them",
)
def test_traced_before(run: Any, java: str, expected: str) -> None:
    """Each function under another library's wrapper; then fast_langgraph, imported last."""
    found = told(
        run,
        "library(); calls = []",
        "for style, target in zip(STYLES, (DUMPS, LOADS, EXECUTOR)): style(target, calls)",
        # the other patches would have Java boot, and its warm-up counts
        f"import os; os.environ['FAST_LANGGRAPH'] = {','.join([*NAMES, 'langgraph.tool_executor'])!r}",
        "import fast_langgraph; run(); fast_jvm.wait_ready(40)",
        "packed = run(); report(calls=calls, packed=packed)",
    )
    assert found["packed"] == expected and len(found["calls"]) == 2 * 3
    words = (
        "FunctionWrapper of support.wrappers",
        ", of support.wrappers)",
        "inside of the function",
    )
    for name, word in zip((*NAMES, "langgraph.tool_executor"), (*words, words[-1])):
        state, reason, served, _ = found["patches"][name]
        assert (state, served) == ("skipped", 0) and word in reason, reason


@line("tracing wrappers after ours", "called, and ours under them; kept when undone")
@pytest.mark.parametrize("when", ["patched", "live"])
def test_traced_after(run: Any, java: str, expected: str, when: str) -> None:
    found = told(
        run,
        "import fast_langgraph; library(); calls = []",
        "assert fast_jvm.wait_ready(40)" if when == "live" else "",
        "for style, target in zip(STYLES, (DUMPS, LOADS, EXECUTOR)): style(target, calls)",
        "assert fast_jvm.wait_ready(40)",
        "before = {patch.name: patch.calls for patch in fast_jvm.status().patches}",
        "packed = run()",
        "served = {patch.name: patch.calls - before[patch.name] for patch in fast_jvm.status().patches}",
        "theirs = [wrappers.raw(target) for target in (DUMPS, LOADS, EXECUTOR)]",
        "fast_jvm.unpatch()",
        "assert [wrappers.raw(target) for target in (DUMPS, LOADS, EXECUTOR)] == theirs",
        "assert run() == packed; report(calls=calls, packed=packed, served=served)",
    )
    assert found["packed"] == expected and len(found["calls"]) == 2 * 3
    assert [found["served"][name] for name in NAMES] == [1, 1, 1]


@line("tracing wrappers after ours", "called, and ours under them; kept when undone")
@pytest.mark.parametrize("when", ["patched", "live"])
def test_code_put_into_ours(run: Any, java: str, expected: str, when: str) -> None:
    """The switch to Java and back leaves code alone that somebody put into our functions."""
    found = told(
        run,
        "import fast_langgraph; library(); calls = []",
        "assert fast_jvm.wait_ready(40)" if when == "live" else "",
        "for target in (DUMPS, LOADS): wrappers.ddtrace(target, calls)",
        "assert fast_jvm.wait_ready(40)",
        "before = {patch.name: patch.calls for patch in fast_jvm.status().patches}",
        "packed = run()",
        "served = {patch.name: patch.calls - before[patch.name] for patch in fast_jvm.status().patches}",
        "fast_jvm.unpatch()",
        "assert run() == packed; report(calls=calls, packed=packed, served=served)",
    )
    assert found["packed"] == expected and len(found["calls"]) == 2 * 2
    assert [found["served"][name] for name in NAMES[:2]] == [1, 1]


@line("importlib.reload of the library", "originals serve, equal")
def test_reloaded(run: Any, java: str, expected: str) -> None:
    found = told(
        run,
        "import fast_langgraph, importlib; library(); assert fast_jvm.wait_ready(40)",
        "from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer as Old",
        "first = run()",
        "for name in (JSONPLUS, 'langgraph.pregel._executor'): importlib.reload(sys.modules[name])",
        "again = [run(), run(Old)]",
        "fast_jvm.status(); again += [run(), run(Old)]",
        "report(packed=[first, *again])",
    )
    assert found["packed"] == [expected] * 5
    for name in NAMES:
        assert found["patches"][name][0] == "skipped"
        assert found["patches"][name][1].endswith(" was loaded anew")


@line("pickled functions", "by their names, as the originals")
def test_pickled(run: Any, java: str, expected: str) -> None:
    """What was pickled before and after is read by either."""
    found = told(
        run,
        "library()",
        "def functions(): return [wrappers.raw(target) for target in (DUMPS, LOADS)]",
        "before = [pickle.dumps(function) for function in functions()]",
        "import fast_langgraph; assert fast_jvm.wait_ready(40)",
        "assert [pickle.dumps(function) for function in functions()] == before",
        "assert [pickle.loads(packed) for packed in before] == functions()",
        "executor = wrappers.raw(EXECUTOR)",
        "assert pickle.loads(pickle.dumps(executor)) is executor",
        "report(packed=run())",
    )
    assert found["packed"] == expected


@line("import after the library", "served")
def test_imported_last(run: Any, java: str, expected: str) -> None:
    """A class and a serializer that are known already are served, too."""
    found = told(
        run,
        "library()",
        "from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer as Known",
        "run(Known)",
        "import fast_langgraph; assert fast_jvm.wait_ready(40)",
        "report(packed=run(Known))",
    )
    assert found["packed"] == expected
    states = {name: state for name, (state, *_) in found["patches"].items()}
    assert states == dict.fromkeys(states, "live") and {*NAMES, "langgraph.tool_executor"} < {
        *states
    }
    assert all(found["patches"][name][2] > 0 for name in NAMES)
    assert found["patches"][NAMES[0]][3] == 0
