"""The patches of this package, in the order in which they are applied."""

from __future__ import annotations

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
)
