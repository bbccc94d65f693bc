"""patch_langgraph, unpatch_langgraph, print_status, FAST_LANGGRAPH_AUTO_PATCH, langgraph_state_update."""

from __future__ import annotations

from typing import Any

import pytest

import fast_langgraph
from fast_langgraph import langgraph_state_update
from fast_langgraph._patches import PATCHES

PROLOGUE = """
import importlib, sys
NAMES = ["langgraph.checkpoint.serde.jsonplus:JsonPlusSerializer.dumps_typed",
         "langgraph.checkpoint.serde.jsonplus:JsonPlusSerializer.loads_typed",
         "langgraph.pregel._executor:get_executor_for_config",
         "langgraph.prebuilt.tool_node:get_executor_for_config"]
def there():
    found = []
    for name in NAMES:
        module, _, path = name.partition(":")
        owner = importlib.import_module(module)
        *classes, attribute = path.split(".")
        for each in classes:
            owner = getattr(owner, each)
        found.append(vars(owner)[attribute])
    return found
"""


def test_there_and_back(run: Any, java: str) -> None:
    """Each name holds the very object that it held; and again."""
    done = run(
        PROLOGUE,
        """
before = there()
import fast_langgraph, fast_jvm
from fast_langgraph import shim
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
serde = JsonPlusSerializer()
for turn in range(3):
    assert shim.patch_langgraph(verbose=False) is True
    assert shim.is_patched() and shim.is_func_patched("langgraph.pregel._executor", "get_executor_for_config")
    assert shim.is_func_patched("langgraph.runtime", "Runtime.override")
    assert not shim.is_func_patched("langgraph.pregel._algo", "prepare_next_tasks")
    assert not any(now is was for now, was in zip(there(), before))
    assert fast_jvm.wait_ready(60)
    live = [patch.state for patch in fast_jvm.status().patches]
    assert len(live) > 4 and {*live} == {"live"}, fast_jvm.status()
    calls = fast_jvm.status().patches[0].calls
    stored = serde.dumps_typed({"a": [1, (2,)]})
    served = fast_jvm.status().patches[0].calls
    assert served > calls
    assert all(shim.get_patch_status()["automatic"].values())
    assert shim.unpatch_langgraph(verbose=False) is True
    assert all(now is was for now, was in zip(there(), before))
    assert not shim.is_patched() and not any(shim.get_patch_status()["automatic"].values())
    assert serde.dumps_typed({"a": [1, (2,)]}) == stored
    assert serde.loads_typed(stored) == {"a": [1, [2]]}
    assert fast_jvm.status().patches[0].calls == served
print("done")
""",
    )
    assert done.stdout == "done\n", done.stdout + done.stderr


def test_what_it_prints(run: Any, java: str) -> None:
    done = run("""
import fast_langgraph
fast_langgraph.shim.patch_langgraph()
print("--")
fast_langgraph.shim.unpatch_langgraph()
print("--")
fast_langgraph.shim.print_status()
""")
    first, second, third = done.stdout.split("--\n")
    every = len(PATCHES)
    assert "langgraph.dumps_typed" in first, done.stderr
    assert f"{every} of {every} functions patched" in first
    assert f"0 of {every} functions patched" in second and second == third


@pytest.mark.parametrize("value, patched", [("1", True), ("", True), ("0", False), ("off", False)])
def test_auto_patch(run: Any, value: str, patched: bool) -> None:
    done = run(
        PROLOGUE,
        f"""
import fast_langgraph
import langgraph.pregel
assert fast_langgraph.shim.is_patched() is {patched}
assert fast_langgraph.shim.patch_langgraph(verbose=False)
assert fast_langgraph.shim.is_patched()
print("done")
""",
        FAST_LANGGRAPH_AUTO_PATCH=value,
    )
    assert done.stdout == "done\n", done.stderr


def test_names() -> None:
    for name in fast_langgraph.__all__:
        assert getattr(fast_langgraph, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        fast_langgraph.nothing  # noqa: B018
    assert set(fast_langgraph.__all__) >= {"cached", "langgraph_state_update", "profiler", "shim"}


def test_the_import_loads_none_of_it(run: Any) -> None:
    done = run(
        "import fast_langgraph, sys",
        "print([name for name in sys.modules if name.startswith(('fast_langgraph.', 'langgraph'))])",
    )
    assert done.stdout == "['fast_langgraph._patches']\n", done.stderr


def test_state_update() -> None:
    state = {"messages": ["a"], "count": 1, "meta": {"k": 1}, "tuple": (1,)}
    updates = {"messages": ["b"], "count": 2, "new": ["n"], "tuple": (2,)}
    before = repr((state, updates))
    keys = ["messages", "new", "tuple", "absent", "messages"]
    result = langgraph_state_update(state, updates, append_keys=keys)
    assert result == {
        "messages": ["a", "b"],
        "count": 2,
        "meta": {"k": 1},
        "tuple": (2,),
        "new": ["n"],
    }
    assert list(result) == ["messages", "count", "meta", "tuple", "new"]
    assert repr((state, updates)) == before
    result["messages"].append("c")
    assert repr((state, updates)) == before and result["meta"] is state["meta"]
    assert langgraph_state_update(state, updates)["messages"] == ["b"]
    assert langgraph_state_update({}, {}) == {}
    assert langgraph_state_update({"m": None}, {"m": ["b"]}, ["m"]) == {"m": ["b"]}
    assert langgraph_state_update({"m": ["a"]}, {"m": None}, ["m"]) == {"m": None}
