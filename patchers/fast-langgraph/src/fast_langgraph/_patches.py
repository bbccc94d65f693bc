"""The patches of this package, in the order in which they are applied."""

from __future__ import annotations

from fast_jvm import Patch

_JSONPLUS = "langgraph.checkpoint.serde.jsonplus"
_REQUIRES = {"ormsgpack": "!>=1.10,<2", "pydantic": ">=2.7,<3", "langchain-core": ">=0.3,<2"}

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
)
