"""The patches of this package, in the order in which they are applied.

All are plain: what they save is Python's own steps, and what is made by Java (copies, texts) goes over to it by itself.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Mapping, Tuple, Union

from fast_jvm import Patch

_RUNTIME = "crewai.flow.runtime"
_STRINGS = "crewai.utilities.string_utils"
_MODEL = "pydantic.main:BaseModel"
_UTILS = "crewai.utilities.pydantic_schema_utils"
_EXECUTOR = "crewai.agents.agent_executor"
_FILES = "crewai.utilities.file_store"
_SQLITE = "crewai.flow.persistence.sqlite"
_TOOL = "crewai.tools.structured_tool"

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
_SCHEMAS = {
    f"{_MODEL}.__get_pydantic_json_schema__": frozenset({"097cf0f7fade5ae2"}),
    "pydantic.json_schema:model_json_schema": frozenset({"af552d9b040e92da"}),
    **{
        f"pydantic.json_schema:GenerateJsonSchema.{name}": frozenset({code})
        for name, code in (
            ("generate", "60d55937ddca145c"),
            ("generate_inner", "51ff31427f92c262"),
            ("model_schema", "1a74d48fce3bdca0"),
            ("default_schema", "b115f99de01f1f2d"),
            ("_update_class_schema", "1303a2b123c9711e"),
        )
    },
}
_STEPS = {
    f"{_UTILS}:{name}": frozenset({code})
    for name, code in (
        ("force_additional_properties_false", "d227e31971852991"),
        ("strip_unsupported_formats", "c51441a4a79fb825"),
        ("ensure_type_in_schemas", "7216e5dd06a234c5"),
        ("resolve_refs", "6e06bba75eebca96"),
        ("fix_discriminator_mappings", "c1bc629eb94c93be"),
        ("convert_oneof_to_anyof", "ac810126168390fd"),
        ("ensure_all_properties_required", "341822d5d501be08"),
        ("strip_null_from_types", "2f1067c283cba1a2"),
    )
}
_DESCRIBING = (
    "crewai.agent.core",
    "crewai.agent.utils",
    "crewai.agents.agent_adapters.base_converter_adapter",
    "crewai.lite_agent",
    "crewai.llms.providers.azure.completion",
    "crewai.llms.providers.bedrock.completion",
    "crewai.llms.providers.gemini.completion",
    "crewai.llms.providers.openai.completion",
    "crewai.llms.providers.utils.common",
    "crewai.tools.structured_tool",
    "crewai.utilities.agent_utils",
    "crewai.utilities.converter",
    "crewai.utilities.evaluators.task_evaluator",
)


def _patch(
    name: str,
    target: str,
    code: Union[str, Tuple[str, ...]],
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
        codes=frozenset({code} if isinstance(code, str) else code),
        also=also,
        requires=requires,
        builtins=(),
        make=f"fast_crewai.{make}",
        prepare="fast_crewai._shapes:prepare",
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
        "copy_and_serialize_state",
        f"{_RUNTIME}:Flow._copy_and_serialize_state",
        "860f778f28e73214",
        "_flows:make_copy_and_serialize",
        {
            f"{_RUNTIME}:Flow._copy_state": frozenset({"176d7827ddb43659"}),
            f"{_MODEL}.model_dump": frozenset({"25e2b169530c0c26"}),
            **_STATES,
        },
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
    _patch(
        "safe_branch",
        "crewai.state.provider.json_provider:_safe_branch",
        "e815726a0f91ca11",
        "_checkpoints:make_safe_branch",
        {},
        {},
    ),
    _patch(
        "model_json_schema",
        f"{_MODEL}.model_json_schema",
        "8f5b41258facdab8",
        "_schemas:make_model_json_schema",
        _SCHEMAS,
        {"pydantic": "!>=2.11,<2.13"},
    ),
    _patch(
        "generate_model_description",
        f"{_UTILS}:generate_model_description",
        "b35d8427f6fcbf62",
        "_schemas:make_generate_model_description",
        {f"{_MODEL}.model_json_schema": frozenset({"8f5b41258facdab8"}), **_SCHEMAS, **_STEPS},
        {"pydantic": "!>=2.11,<2.13"},
        copies=_DESCRIBING,
    ),
    _patch(
        "format_description_for_llm",
        f"{_TOOL}:format_description_for_llm",
        "246c3e8760159bf2",
        "_schemas:make_format_description",
        {
            f"{_TOOL}:strip_composite_description_prefix": frozenset({"960dc6aa2d973468"}),
            f"{_STRINGS}:sanitize_tool_name": frozenset({"a108ee384110c32d"}),
            f"{_UTILS}:generate_model_description": frozenset({"b35d8427f6fcbf62"}),
            f"{_MODEL}.model_json_schema": frozenset({"8f5b41258facdab8"}),
            **_SCHEMAS,
            **_STEPS,
        },
        {"pydantic": "!>=2.11,<2.13"},
        copies=("crewai.tools.base_tool",),
    ),
    _patch(
        "private_attributes",
        f"{_RUNTIME}:Flow.__getattr__",
        "174a191088291abe",
        "_loop:make_getattr",
        {"pydantic.fields:ModelPrivateAttr.__getattr__": frozenset({"941e31dcb8435c93"})},
        {"pydantic": "!>=2.11,<3"},
    ),
    _patch(
        "execute_method",
        f"{_RUNTIME}:Flow._execute_method",
        "12adf736a8b8511f",
        "_loop:make_execute_method",
        {
            f"{_RUNTIME}:Flow._persist_method_completion": frozenset({"8e9c41be43398d47"}),
            "crewai.flow.flow_wrappers:FlowMethod.__call__": frozenset({"91cab00c0a16a977"}),
        },
        {},
    ),
    _patch(
        "save_state",
        f"{_SQLITE}:SQLiteFlowPersistence.save_state",
        "d23a8975e2b4b12e",
        "_saves:make_save_state",
        {
            f"{_SQLITE}:SQLiteFlowPersistence._save_state_sql": frozenset({"597265dc534d5f54"}),
            f"{_SQLITE}:SQLiteFlowPersistence._to_state_dict": frozenset({"1f108c2c67ce46ad"}),
        },
        {"pydantic": "!>=2.11,<3"},
    ),
    _patch(
        "execute_single_listener",
        f"{_RUNTIME}:Flow._execute_single_listener",
        "8f056c734dee288b",
        "_loop:make_execute_single_listener",
        {"crewai.events.event_context:triggered_by_scope": frozenset({"52b25cd03b546014"})},
        {},
    ),
    _patch(
        "start_method_names",
        f"{_RUNTIME}:Flow._start_method_names",
        "9ca766b8f1d96d00",
        "_loop:make_start_method_names",
        {},
        {},
    ),
    _patch(
        "create_initial_state",
        f"{_EXECUTOR}:AgentExecutor._create_initial_state",
        "0f62d21eba4313bc",
        "_flows:make_create_initial_state",
        {
            f"{_EXECUTOR}:AgentExecutor._setup_executor": frozenset({"ed02ba6492f710b1"}),
        },
        {},
    ),
    _patch(
        "select_tool",
        "crewai.tools.tool_usage:ToolUsage._select_tool",
        "29d4ead643241446",
        "_reads:make_select_tool",
        {"difflib:SequenceMatcher.ratio": frozenset({"98343fad86bc0cdd"})},
        {},
    ),
    _patch(
        "run_sync",
        f"{_FILES}:_run_sync",
        "c672b19ec2c5c7dd",
        "_reads:make_run_sync",
        {
            f"{_FILES}:aget_all_files": frozenset({"34cb46c532d423fa"}),
            f"{_FILES}:aget_files": frozenset({"b49cf3628b442bee"}),
            f"{_FILES}:aget_task_files": frozenset({"97596faf11adc264"}),
            f"{_FILES}:astore_files": frozenset({"11c3f14b6fb64fbb"}),
            f"{_FILES}:aclear_files": frozenset({"6d072f11f43d0dcd"}),
            f"{_FILES}:astore_task_files": frozenset({"ce40fb0d4c7b4de6"}),
            f"{_FILES}:aclear_task_files": frozenset({"d00c086a5f1ae02b"}),
        },
        {},
    ),
    _patch(
        "telemetry_version",
        "crewai.telemetry.telemetry:version",
        ("f8c0c26ec023f96f", "8272c4c888e4b893"),
        "_reads:make_version",
        {},
        {},
    ),
)
