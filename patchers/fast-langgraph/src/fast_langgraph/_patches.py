"""The patches of this package, in the order in which they are applied."""

from __future__ import annotations

from typing import Dict, FrozenSet

from fast_jvm import Patch

_JSONPLUS = "langgraph.checkpoint.serde.jsonplus"
_REQUIRES = {"ormsgpack": "!>=1.10,<2", "pydantic": ">=2.7,<3", "langchain-core": ">=0.3,<2"}

_EXECUTOR = "langchain_core.runnables.config"
_POOL = "concurrent.futures.thread"


def _threads(name: str, module: str) -> Patch:
    """Return the patch of one module's name for langchain-core's get_executor_for_config."""
    return Patch(
        name=name,
        package="fast_langgraph",
        target=f"{module}:get_executor_for_config",
        distribution="langchain-core",
        versions=">=0.3,<2",
        codes=frozenset({"9e78bf9157194a68"}),
        also={
            f"{_EXECUTOR}:ContextThreadPoolExecutor": frozenset({"09ad1e7a91738af1"}),
            f"{_POOL}:ThreadPoolExecutor": frozenset({"367907537f6f6426", "95b02b309c920293"}),
            # what is made anew: who wraps a method beside it is still called
            f"{_POOL}:ThreadPoolExecutor._adjust_thread_count": frozenset({"52423d7fc14b20f4"}),
            f"{_POOL}:_worker": frozenset({"d2cf69e4ff56c3e3", "d5f8e031e6e342ec"}),
        },
        builtins=(),
        make="fast_langgraph._threads:make_get_executor",
        prepare="fast_langgraph._codec:prepare",
    )


_MANAGERS = "langchain_core.callbacks.manager"
_CONFIGS = "langgraph._internal._config"
_RUNTIME = "langgraph.runtime"
_WRITES = "langgraph.pregel._write"
_BASE = "langchain_core.callbacks.base:BaseCallbackManager"
_MERGE = {"langchain_core.runnables.config:_merge_metadata_dicts": frozenset({"1adf600c42a2763b"})}
_CHANNEL_WRITE = {
    f"{_WRITES}:ChannelWrite": frozenset({"3a8c2db3b2ec4ffd"}),
    f"{_WRITES}:ChannelWriteEntry": frozenset({"548ea94a4351bf62"}),
    f"{_WRITES}:ChannelWriteTupleEntry": frozenset({"eff9538e93184826"}),
    f"{_WRITES}:_assemble_writes": frozenset({"74ea55f48dc414b6"}),
    # what runs, beside what the class's source says
    f"{_WRITES}:ChannelWrite.invoke": frozenset({"6352b715575e3e43"}),
    f"{_WRITES}:ChannelWrite.ainvoke": frozenset({"f1b0762f093c7e6a"}),
    f"{_WRITES}:ChannelWrite._write": frozenset({"6e5313d121be65a7"}),
    f"{_WRITES}:ChannelWrite._awrite": frozenset({"ce71f572f780ddfa"}),
    f"{_WRITES}:ChannelWrite.do_write": frozenset({"65f582aa736fddae"}),
    "langgraph._internal._runnable:set_config_context": frozenset({"ceb77c297ae04e25"}),
}

_ATTEMPT = {
    "langgraph.pregel._retry:patch_configurable": frozenset({"bf5eb504365ea962"}),
    "langgraph.pregel._retry:_ensure_execution_info": frozenset({"cf0045dec8373d28"}),
    f"{_RUNTIME}:Runtime": frozenset({"45214ba4b2e8e9c3"}),
    f"{_RUNTIME}:ExecutionInfo": frozenset({"4fc268f6e82e1fa8"}),
}


def _python(name: str, target: str, code: str, make: str, also: Dict[str, FrozenSet[str]]) -> Patch:
    """Return the patch of a function of LangGraph's steps; langchain-core's are told by their code."""
    return Patch(
        name=f"langgraph.{name}",
        package="fast_langgraph",
        target=target,
        distribution="langgraph",
        versions=">=1.2,<2",
        codes=frozenset({code}),
        also=also,
        builtins=(),
        make=f"fast_langgraph.{make}",
        prepare="fast_langgraph._codec:prepare",
        late=True,
    )


# A target's module is one whose import has brought in all that the patch leans on.
STEPS = (
    _python(
        "runtime_override",
        f"{_RUNTIME}:Runtime.override",
        "5e896b3ea3d7fb30",
        "_steps:make_override",
        {f"{_RUNTIME}:Runtime": frozenset({"45214ba4b2e8e9c3"})},
    ),
    _python(
        "runtime_info",
        f"{_RUNTIME}:Runtime.patch_execution_info",
        "d896768e5936e03c",
        "_steps:make_patch_execution_info",
        {
            f"{_RUNTIME}:Runtime": frozenset({"45214ba4b2e8e9c3"}),
            f"{_RUNTIME}:ExecutionInfo": frozenset({"4fc268f6e82e1fa8"}),
            f"{_RUNTIME}:ExecutionInfo.patch": frozenset({"82c74879ff2bd4cb"}),
        },
    ),
    _python(
        "merge_metadata",
        f"{_CONFIGS}:_merge_metadata",
        "2c42be1820164c64",
        "_steps:make_merge_metadata",
        {f"{_CONFIGS}:_copy_mapping_value": frozenset({"fd9eac796432733f"})},
    ),
    _python(
        "add_metadata",
        f"{_CONFIGS}:BaseCallbackManager.add_metadata",
        "369a581355a8c3b4",
        "_steps:make_add_metadata",
        _MERGE,
    ),
    _python(
        "get_child",
        "langgraph.pregel._algo:ParentRunManager.get_child",
        "d97a5619e96cdde4",
        "_steps:make_get_child",
        {
            **_MERGE,
            f"{_BASE}.__init__": frozenset({"4b942ba673170a36"}),
            f"{_BASE}.set_handlers": frozenset({"e1049c8400f47376"}),
            f"{_BASE}.add_tags": frozenset({"e8ffb3f612a0e8ed"}),
            f"{_BASE}.add_metadata": frozenset({"369a581355a8c3b4"}),
        },
    ),
    _python(
        "async_get_child",
        "langgraph.pregel._algo:AsyncParentRunManager.get_child",
        "b3e2fc4b9511d13d",
        "_steps:make_async_get_child",
        {
            **_MERGE,
            f"{_BASE}.__init__": frozenset({"4b942ba673170a36"}),
            f"{_BASE}.set_handlers": frozenset({"e1049c8400f47376"}),
            f"{_BASE}.add_tags": frozenset({"e8ffb3f612a0e8ed"}),
            f"{_BASE}.add_metadata": frozenset({"369a581355a8c3b4"}),
        },
    ),
    _python(
        "task_path",
        "langgraph.pregel._loop:put_writes_accepts_task_path",
        "83fb5a3cd431e2e2",
        "_steps:make_accepts_task_path",
        {},
    ),
    _python(
        "invoke",
        "langgraph.pregel._read:RunnableSeq.invoke",
        "d6252be95432f1b9",
        "_nodes:make_invoke",
        _CHANNEL_WRITE,
    ),
    _python(
        "ainvoke",
        "langgraph.pregel._read:RunnableSeq.ainvoke",
        "6d1eb6bdd998b4f7",
        "_nodes:make_ainvoke",
        _CHANNEL_WRITE,
    ),
    _python(
        "run",
        "langgraph.pregel._runner:run_with_retry",
        "a7610e1b25244b6a",
        "_nodes:make_run",
        _ATTEMPT,
    ),
    _python(
        "arun",
        "langgraph.pregel._runner:arun_with_retry",
        "22e1dba3146ac459",
        "_nodes:make_arun",
        _ATTEMPT,
    ),
    _python(
        "chain_end",
        "langgraph._internal._runnable:AsyncCallbackManagerForChainRun.on_chain_end",
        "4598a684bcbcb7db",
        "_nodes:make_on_end",
        {
            f"{_MANAGERS}:AsyncCallbackManagerForChainRun.on_chain_end.__wrapped__.__wrapped__": frozenset(
                {"42f7942ad50c4f31"}
            ),
        },
    ),
    _python(
        "llm_end",
        "langchain_core.language_models.chat_models:AsyncCallbackManagerForLLMRun.on_llm_end",
        "4598a684bcbcb7db",
        "_nodes:make_on_end",
        {
            f"{_MANAGERS}:AsyncCallbackManagerForLLMRun.on_llm_end.__wrapped__.__wrapped__": frozenset(
                {"af31a6e50e91bc55"}
            ),
        },
    ),
    _python(
        "map_updates",
        "langgraph.pregel._loop:map_output_updates",
        "88e27c8a3626115a",
        "_nodes:make_map_output_updates",
        {},
    ),
    _python(
        "submit",
        "langgraph.pregel._loop:BackgroundExecutor.submit",
        "f617b950ff092bd3",
        "_inline:make_submit",
        {
            "langgraph.pregel._loop:BackgroundExecutor.done": frozenset({"bb1ffa4cbdb0ff61"}),
            "langgraph.pregel._loop:SyncPregelLoop._checkpointer_put_after_previous": frozenset(
                {"664e0eae2c728b81"}
            ),
        },
    ),
    _python(
        "apply_writes",
        "langgraph.pregel._loop:apply_writes",
        "4ccf4306822b1bcb",
        "_rounds:make_apply_writes",
        {
            "langgraph.pregel._algo:task_path_str": frozenset({"6a93616ee2ac627c"}),
            "langgraph.pregel._algo:writes_sort_key": frozenset({"1bfcd9b1acfb7a5c"}),
        },
    ),
)

PATCHES = (
    Patch(
        name="langgraph.dumps_typed",
        package="fast_langgraph",
        target=f"{_JSONPLUS}:JsonPlusSerializer.dumps_typed",
        distribution="langgraph-checkpoint",
        versions=">=2.1,<5",
        codes=frozenset({"3e8623d46a975339"}),
        also={
            f"{_JSONPLUS}:_msgpack_default": frozenset({"3e2b20bfe011dd2b"}),
            f"{_JSONPLUS}:_msgpack_enc": frozenset({"6d343079a2931c26"}),
        },
        requires=_REQUIRES,
        builtins=("langgraph_configure", "langgraph_dumps"),
        make="fast_langgraph._codec:make_dumps_typed",
        prepare="fast_langgraph._codec:prepare",
    ),
    Patch(
        name="langgraph.loads_typed",
        package="fast_langgraph",
        target=f"{_JSONPLUS}:JsonPlusSerializer.loads_typed",
        distribution="langgraph-checkpoint",
        versions=">=2.1,<5",
        codes=frozenset({"c1427e1d57b56d87"}),
        also={
            # 4.3, and 4.1 and 4.2: what cannot be rebuilt is None there
            f"{_JSONPLUS}:_create_msgpack_ext_hook": frozenset(
                {"7d7deee25c2a057e", "a32d6436a2036deb"}
            )
        },
        requires=_REQUIRES,
        builtins=("langgraph_configure", "langgraph_loads"),
        make="fast_langgraph._codec:make_loads_typed",
        prepare="fast_langgraph._codec:prepare",
    ),
    _threads("langgraph.executor", "langgraph.pregel._executor"),
    _threads("langgraph.tool_executor", "langgraph.prebuilt.tool_node"),
    *STEPS,
)
