"""What LiteLLM asks about a call's metadata on the way to its cost and headers, where the answer needs no copy and no validation."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Callable, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_OPTIONAL = frozenset((dict, type(None)))
_METADATA = ("metadata", "litellm_metadata")


def _is_plain(parameters: Any) -> bool:
    """Whether both of a call's metadata are exact dicts, where they are there."""
    return (
        type(parameters) is dict
        and type(parameters.get("metadata")) in _OPTIONAL
        and type(parameters.get("litellm_metadata")) in _OPTIONAL
    )


def make_merge_metadata(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of merge_litellm_metadata and its switch: one copy in place of five."""
    serving = Serving("litellm.metadata")
    names = original.__globals__

    def merge_litellm_metadata(litellm_params: Any) -> Any:
        if not ((serving.live or serving) and _is_plain(litellm_params)):
            replacement.declined += 1
            return original(litellm_params)
        replacement.served += 1
        metadata, more = litellm_params.get("metadata"), litellm_params.get("litellm_metadata")
        merged = {} if metadata is None else metadata.copy()
        for key in names["_UNSERIALIZABLE_METADATA_KEYS"]:
            merged.pop(key, None)
        if more:
            for key, value in more.copy().items():
                merged.setdefault(key, value)
        return merged

    replacement: Any = merge_litellm_metadata
    return finish(replacement, serving)


def make_zero_cost(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _record_zero_cost_diagnostic and its switch: a cost that is not zero has no such diagnostic."""
    serving = Serving("litellm.zero_cost")
    names = original.__globals__

    def _record_zero_cost_diagnostic(
        self: Any,
        result: Any,
        response_cost: Any,
        *,
        calculation_failed: Any = False,
        litellm_model_name: Any = None,
        router_model_id: Any = None,
    ) -> None:
        if (
            serving
            and serving.holds()
            and type(response_cost) is float
            and response_cost
            and type(self) is names["Logging"]
            and "_zero_cost_finding" not in self.__dict__
            and _is_plain(self.__dict__.get("litellm_params"))
        ):
            replacement.served += 1
            self.model_call_details["zero_cost_diagnostic"] = None
            return
        replacement.declined += 1
        original(
            self,
            result,
            response_cost,
            calculation_failed=calculation_failed,
            litellm_model_name=litellm_model_name,
            router_model_id=router_model_id,
        )

    replacement: Any = _record_zero_cost_diagnostic
    return finish(replacement, serving)


def make_custom_pricing(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of use_custom_pricing_for_model and its switch: no sets are made of what there is."""
    serving = Serving("litellm.custom_pricing")
    names = original.__globals__

    def use_custom_pricing_for_model(litellm_params: Any) -> Any:
        if not ((serving.live or serving) and _is_plain(litellm_params)):
            replacement.declined += 1
            return original(litellm_params)
        for name in _METADATA:
            metadata = litellm_params.get(name)
            if metadata and type(metadata.get("model_info")) not in _OPTIONAL:
                replacement.declined += 1
                return original(litellm_params)
        replacement.served += 1
        prices = names["_CUSTOM_PRICING_KEYS"]
        for key, value in litellm_params.items():
            if value is not None and key in prices:
                return True
        prices = names["_MODEL_INFO_CUSTOM_PRICING_KEYS"]
        for name in _METADATA:
            info = (litellm_params.get(name) or {}).get("model_info")
            if info and not prices.isdisjoint(info):
                for key, value in info.items():
                    if value is not None and key in prices:
                        return True
        return False

    replacement: Any = use_custom_pricing_for_model
    return finish(replacement, serving)


def make_routing_headers(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of complexity_router_decision_headers and its switch: where there was no decision, nothing is validated."""
    serving = Serving("litellm.routing_headers")

    def complexity_router_decision_headers(request_kwargs: Any) -> Any:
        if (serving.live or serving) and _is_plain(request_kwargs):
            # (whatever pydantic says of the keys, without a decision there are no headers)
            name = _METADATA["litellm_metadata" in request_kwargs]
            metadata = request_kwargs.get(name)
            if not metadata or metadata.get("routing_decision") is None:
                replacement.served += 1
                return MappingProxyType({})
        replacement.declined += 1
        return original(request_kwargs)

    replacement: Any = complexity_router_decision_headers
    return finish(replacement, serving)


def make_failed_deployment(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _deployment_that_just_failed and its switch: without an info there was no deployment."""
    serving = Serving("litellm.failed_deployment")

    def _deployment_that_just_failed(request_metadata: Any) -> Any:
        if (
            (serving.live or serving)
            and type(request_metadata) is dict
            and request_metadata.get("model_info") is None
        ):
            replacement.served += 1
            return None
        replacement.declined += 1
        return original(request_metadata)

    replacement: Any = _deployment_that_just_failed
    return finish(replacement, serving)
