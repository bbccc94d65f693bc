"""The patches of this package, in the order in which they are applied.

All are plain: what they save is Python's own steps, and ``fast_jvm.deepcopy`` goes over to Java by itself.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Mapping, Tuple

from fast_jvm import Patch

_RUNTIME = "crewai.flow.runtime"
_STRINGS = "crewai.utilities.string_utils"
_MODEL = "pydantic.main:BaseModel"

#: Modules of crewai that import sanitize_tool_name by name.
_USERS = (
    "crewai.agent.core",
    "crewai.agents.agent_adapters.openai_agents.openai_agent_tool_adapter",
    "crewai.agents.agent_builder.base_agent_executor",
    "crewai.agents.agent_executor",
    "crewai.agents.step_executor",
    "crewai.crew",
    "crewai.experimental.evaluation.metrics.tools_metrics",
    "crewai.hooks.decorators",
    "crewai.hooks.dispatch",
    "crewai.llm",
    "crewai.llms.providers.utils.common",
    "crewai.mcp.client",
    "crewai.mcp.tool_resolver",
    "crewai.skills.tool",
    "crewai.telemetry.telemetry",
    "crewai.tools.base_tool",
    "crewai.tools.cache_tools.cache_tools",
    "crewai.tools.structured_tool",
    "crewai.tools.tool_usage",
    "crewai.utilities.agent_utils",
    "crewai.utilities.reasoning_handler",
    "crewai.utilities.streaming",
    "crewai.utilities.tool_utils",
)

_STATES = {
    f"{_MODEL}.model_copy": frozenset({"b86a3d48514147c8"}),
    f"{_MODEL}.__deepcopy__": frozenset({"fc8bcf3d0fe25f78"}),
}
_CONDITIONS = {
    f"{_RUNTIME}:Flow._listener_methods": frozenset({"714501938b29f54f"}),
    f"{_RUNTIME}:Flow._condition_met": frozenset({"6e8d1be94f17262f"}),
    f"{_RUNTIME}:_is_multi_event_or": frozenset({"d013754ad5bb166f"}),
    f"{_RUNTIME}:_condition_satisfied": frozenset({"8589157b63f03fc2"}),
    f"{_RUNTIME}:_condition_branches": frozenset({"b38319580a4d86d6"}),
}
_RECORDS = {
    "crewai.state.runtime:RuntimeState._serialize": frozenset({"e52ba50aa2431c1f"}),
    "crewai.state.event_record:EventNode": frozenset({"f2ca2ea9c7c13313"}),
    "crewai.utilities.rw_lock:RWLock.r_locked": frozenset({"1885a58d2000c820"}),
    "crewai.agents.agent_builder.base_agent:_serialize_executor_ref": frozenset(
        {"6e476c4c52f7f088"}
    ),
    "crewai.tools.base_tool:BaseTool.__get_pydantic_core_schema__": frozenset({"041e755d9a9d8d49"}),
    f"{_MODEL}.model_dump": frozenset({"25e2b169530c0c26"}),
}


def _patch(
    name: str,
    target: str,
    code: str,
    make: str,
    also: Mapping[str, FrozenSet[str]],
    requires: Dict[str, str],
    distribution: str = "crewai",
    versions: str = ">=1.15,<1.16",
    copies: Tuple[str, ...] = (),
) -> Patch:
    return Patch(
        name=f"crewai.{name}",
        package="fast_crewai",
        target=target,
        distribution=distribution,
        versions=versions,
        codes=frozenset({code}),
        also=also,
        requires=requires,
        builtins=(),
        make=f"fast_crewai.{make}",
        prepare="fast_crewai._flows:prepare",
        plain=True,
        copies=copies,
    )


PATCHES = (
    _patch(
        "copy_state",
        f"{_RUNTIME}:Flow._copy_state",
        "176d7827ddb43659",
        "_flows:make_copy_state",
        _STATES,
        {"pydantic": "!>=2.11,<3"},
    ),
    _patch(
        "find_triggered_methods",
        f"{_RUNTIME}:Flow._find_triggered_methods",
        "8b11445c84601429",
        "_flows:make_find_triggered_methods",
        _CONDITIONS,
        {"pydantic": "!>=2.11,<3"},
    ),
    _patch(
        "sanitize_tool_name",
        f"{_STRINGS}:sanitize_tool_name",
        "a108ee384110c32d",
        "_reads:make_sanitize_tool_name",
        {},
        {},
        copies=_USERS,
    ),
    _patch(
        "runtime_state_json",
        "crewai.state.runtime:RuntimeState.model_dump_json",
        "e9d13d25996e04e2",
        "_checkpoints:make_model_dump_json",
        _RECORDS,
        {"pydantic": "!>=2.11,<3"},
    ),
    _patch(
        "do_checkpoint",
        "crewai.state.checkpoint_listener:_do_checkpoint",
        "6a7325fbc490bea0",
        "_checkpoints:make_do_checkpoint",
        _RECORDS,
        {"pydantic": "!>=2.11,<3"},
    ),
)
