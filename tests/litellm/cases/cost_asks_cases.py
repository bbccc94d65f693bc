"""What LiteLLM asks of a call's metadata, and the Router's models of deployments: equal to the original's, also in what they leave behind."""

from __future__ import annotations

import asyncio
import copy
import datetime
from collections.abc import Callable
from typing import Any
from unittest import mock

import litellm
import pytest
from conftest import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from litellm import Router
from litellm import router as router_module
from litellm.litellm_core_utils import litellm_logging as logs
from requests_cases import fault
from sides import originals, served

MANY = 3000 if LONG else 200


pytestmark = pytest.mark.usefixtures("loggers_quiet")


class Mine(dict[Any, Any]):
    """A dict of another type."""


def outcome(call: Callable[[], Any]) -> Any:
    try:
        found = call()
    except Exception as error:
        return fault(error)
    return type(found), found, list(found) if isinstance(found, dict) else None


def compare(call: Callable[[], Any]) -> Any:
    ours = outcome(call)
    with originals():
        theirs = outcome(call)
    assert ours == theirs
    return theirs


KEYS = st.sampled_from(
    ["a", "user_api_key_auth", "user_api_key_budget_reservation", "model_info", "routing_decision", 7]
)  # fmt: skip
INFO = st.sampled_from(
    [None, {}, {"id": "1"}, {"input_cost_per_token": None}, {"input_cost_per_token": 1.0}, {"off_peak_pricing": {}}, [], "x", Mine(a=1), 5]
)  # fmt: skip
DECISION = st.sampled_from(
    [None, {}, {"router_type": "complexity", "tier": "t", "score": 0.5}, {"router_type": "x"}, 5, Mine(router_type="complexity", cause="c")]
)  # fmt: skip
METADATA = (
    st.none()
    | st.dictionaries(KEYS, st.integers(), max_size=4)
    | st.fixed_dictionaries({}, optional={"model_info": INFO, "routing_decision": DECISION, "b": st.just([1]), "\ud800": st.just(1)})
    | st.sampled_from([[], "x", 5, Mine(), Mine(model_info={"id": "1"})])
)  # fmt: skip
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "metadata": METADATA,
        "litellm_metadata": METADATA,
        "input_cost_per_token": st.sampled_from([None, 0, 1.5]),
        "input_cost_per_second": st.sampled_from([None, 0.0]),
        "other": st.just(1),
        9: st.just(1),
    },
) | st.sampled_from([None, Mine(), 5, Mine(metadata={"a": 1})])


def test_any_metadata() -> None:
    names = (
        "litellm.metadata",
        "litellm.custom_pricing",
        "litellm.routing_headers",
        "litellm.failed_deployment",
    )
    before = [served(name) for name in names]

    @settings(max_examples=MANY)
    @given(PARAMETERS)
    def any_metadata(parameters: Any) -> None:
        known = copy.deepcopy(parameters)
        compare(lambda: logs.StandardLoggingPayloadSetup.merge_litellm_metadata(parameters))
        compare(lambda: logs.use_custom_pricing_for_model(parameters))
        compare(lambda: router_module.complexity_router_decision_headers(parameters))
        compare(lambda: router_module._deployment_that_just_failed(parameters))
        compare(
            lambda: router_module._deployment_that_just_failed(
                parameters.get("metadata") if isinstance(parameters, dict) else {7: 1}
            )
        )
        assert parameters == known

    any_metadata()
    assert all(served(name) > count for name, count in zip(names, before, strict=True))


def test_plain_metadata_is_served() -> None:
    parameters = {"metadata": {"a": 1, "user_api_key_auth": 2}, "litellm_metadata": {"a": 3, "user_api_key_auth": 4, "model_info": {"id": "1"}}}  # fmt: skip
    names = (
        "litellm.metadata",
        "litellm.custom_pricing",
        "litellm.routing_headers",
        "litellm.failed_deployment",
    )
    before = [served(name) for name in names]
    merged = logs.StandardLoggingPayloadSetup.merge_litellm_metadata(parameters)
    assert list(merged.items()) == [("a", 1), ("user_api_key_auth", 4), ("model_info", {"id": "1"})]
    assert logs.use_custom_pricing_for_model(parameters) is False
    assert dict(router_module.complexity_router_decision_headers(parameters)) == {}
    assert router_module._deployment_that_just_failed(parameters) is None
    assert [served(name) for name in names] == [count + 1 for count in before]


def logging_of(parameters: Any, **details: Any) -> logs.Logging:
    made = logs.Logging(
        model="gpt-4o",
        messages=[],
        stream=False,
        call_type="acompletion",
        start_time=datetime.datetime(2026, 1, 1),
        litellm_call_id="c",
        function_id="f",
    )
    made.litellm_params = parameters
    made.model_call_details.update(details)
    return made


RESPONSE = litellm.ModelResponse(model="gpt-4o", usage={"prompt_tokens": 3, "completion_tokens": 4})


def test_any_diagnostic() -> None:
    before = served("litellm.zero_cost")

    @settings(max_examples=MANY)
    @given(
        PARAMETERS,
        st.sampled_from([None, 0.0, 1, 0.5, True, float("nan"), "x"]),
        st.booleans(),
        st.sampled_from([{}, {"cache_hit": True}, {"zero_cost_diagnostic": 5}]),
        st.sampled_from([RESPONSE, None]),
    )
    def any_diagnostic(parameters: Any, cost: Any, failed: bool, details: Any, result: Any) -> None:
        def told() -> Any:
            made = logging_of(parameters, **details)
            made._record_zero_cost_diagnostic(result, cost, calculation_failed=failed)
            return [made.model_call_details.get("zero_cost_diagnostic", "-"), made.zero_cost_warned]

        compare(told)

    any_diagnostic()
    assert served("litellm.zero_cost") > before


def test_a_replaced_finding_is_asked() -> None:
    made = logging_of({})
    before = served("litellm.zero_cost")
    made._record_zero_cost_diagnostic(RESPONSE, 0.5)
    assert served("litellm.zero_cost") == before + 1
    for where in (made, logs.Logging):
        with mock.patch.object(where, "_zero_cost_finding", return_value=("found", "text")):
            made._record_zero_cost_diagnostic(RESPONSE, 0.5)
        assert made.model_call_details["zero_cost_diagnostic"] == "found"
    assert served("litellm.zero_cost") == before + 1


def dumped(deployment: Any) -> Any:
    """All that a Deployment has."""
    if deployment is None:
        return None
    every = (deployment, deployment.litellm_params, deployment.model_info)
    return [
        (
            type(each),
            {key: value for key, value in each.__dict__.items() if key not in ("litellm_params", "model_info")},
            list(each.__dict__),
            each.__pydantic_extra__,
            each.__pydantic_fields_set__,
            each.__pydantic_private__,
        )
        for each in every
    ] + [deployment.model_dump(), deployment.model_dump_json()]  # fmt: skip


VALUES = st.sampled_from([None, 5, "5", 1.5, True, "x", ["a"], {"a": 1}])


def test_any_deployment() -> None:
    before = served("litellm.deployment")

    @settings(max_examples=MANY // 2, deadline=None)
    @given(
        st.fixed_dictionaries({}, optional=dict.fromkeys(["rpm", "tags", "timeout", "drop_params", "max_retries", "mine", "input_cost_per_token"], VALUES)),
        st.fixed_dictionaries({}, optional=dict.fromkeys(["tier", "mine", "base_model", "blocked", "ptu_count", "id"], VALUES)),
        st.lists(st.tuples(st.sampled_from(["litellm_params", "model_info", ""]), st.sampled_from(["rpm", "mine", "blocked", "model_name"]), VALUES), max_size=3),
    )  # fmt: skip
    def any_deployment(parameters: Any, info: Any, changes: Any) -> None:
        router = Router(
            [{"model_name": "m", "litellm_params": {"model": "gpt-4o", "api_key": "k"}}]
        )
        model = router.model_list[0]
        model["litellm_params"].update(parameters)
        model["model_info"].update(info)
        key = next(iter(router.model_id_to_deployment_index_map))
        for part, name, value in [("", "", None), *changes]:
            if name:
                (model[part] if part else model)[name] = value

            def asked() -> Any:
                return dumped(router.get_deployment(key))

            if model["model_info"].get("id") is None:  # a new one each time
                continue
            compare(asked)
            compare(asked)
        compare(lambda: router.get_deployment("nobody"))

    any_deployment()
    assert served("litellm.deployment") > before


def test_a_deployment_is_the_callers_own() -> None:
    """Who writes into one changes nobody else's; and what changes in the Router is heard."""
    router = Router([{"model_name": "m", "litellm_params": {"model": "gpt-4o", "api_key": "k"}}])
    key = router.model_list[0]["model_info"]["id"]
    plain = dumped(router.get_deployment(key))
    before = served("litellm.deployment")
    for _ in range(3):
        found: Any = router.get_deployment(key)
        assert dumped(found) == plain
        found.model_name = "other"
        found.litellm_params.api_key = "other"
        found.litellm_params["new"] = 1
        found.model_info.id = "other"
        found["new"] = 1
    assert served("litellm.deployment") == before + 3
    router.model_list[0]["litellm_params"]["api_key"] = "k2"
    assert router.get_deployment(key).litellm_params.api_key == "k2"  # type: ignore[union-attr]
    with mock.patch.object(router_module, "Deployment", lambda **given: given):
        assert type(router.get_deployment(key)) is dict
    router.delete_deployment(key)
    assert router.get_deployment(key) is None


def test_a_routers_call() -> None:
    """A whole call: the same response, hidden parameters and metadata, each patch at work."""

    async def called() -> Any:
        router = Router(
            [
                {
                    "model_name": "m",
                    "litellm_params": {"model": "gpt-4o", "api_key": "k", "mock_response": "hi"},
                }
            ]
        )
        metadata: dict[str, Any] = {"a": 1}
        found = await router.acompletion(
            "m", [{"role": "user", "content": "hello"}], metadata=metadata
        )
        hidden = found._hidden_params
        return [
            found.choices[0].message.content,
            hidden["response_cost"],
            hidden["api_base"],
            sorted(hidden["additional_headers"]),
            sorted(metadata),
        ]

    names = (
        "litellm.metadata",
        "litellm.custom_pricing",
        "litellm.routing_headers",
        "litellm.zero_cost",
    )
    before = [served(name) for name in names]
    ours = asyncio.run(called())
    assert all(served(name) > count for name, count in zip(names, before, strict=True))
    with originals():
        assert asyncio.run(called()) == ours
