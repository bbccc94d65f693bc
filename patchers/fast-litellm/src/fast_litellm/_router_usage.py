"""What the Router does behind each call: it counts a deployment's tokens and requests, and sums those of a model group for the headers.

The original makes a pydantic model of the deployment and a copy of all that is known of its model, to learn whether one of six limits is
set; and it looks into its cache through five functions for each counter of each deployment of the group. Here a deployment is looked at
anew where one of its values is another object; its model is asked for in each call, as in ``_router``. Counters go through LiteLLM's own
cache. Java would not pay.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, List, MutableMapping, Optional, Set, Tuple
from weakref import WeakKeyDictionary

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._deployments import deployment_functions
from ._router import (
    _SCALARS,
    _UNKNOWN,
    _base_model,
    _Call,
    _Known,
    _Models,
    _models_of,
)

Kept = Dict[int, Tuple[_Known, _Known]]
_kept: MutableMapping[Any, Kept] = WeakKeyDictionary()
#: Router._increment_deployment_usage as it was studied, and ours.
usage_functions: Set[Any] = set()
_NESTED = ("litellm_params", "model_info")


def _valid(router: Any, model: Dict[str, Any], info: Dict[str, Any], deployment: Any) -> bool:
    """Say whether LiteLLM makes a Deployment of it: asked once, as long as each value is the very object that it was."""
    kept = _kept.get(router)
    if kept is None:
        kept = _kept[router] = {}
    elif len(kept) > 2 * len(router.model_list) + 64:
        kept.clear()  # of deployments that are gone
    found = kept.get(id(model))
    if found is not None and found[0].fresh(model) and found[1].fresh(info):
        return True
    values = [value for key, value in model.items() if key not in _NESTED] + list(info.values())
    if not _SCALARS.issuperset(map(type, values)):
        return False
    try:
        deployment(**model)
    except Exception:
        return False
    kept[id(model)] = _Known(model, None, None), _Known(info, None, None)
    return True


def _limited(models: _Models, router: Any, deployment: Any, model_id: str) -> Optional[bool]:
    """Say whether a deployment has a limit that is counted; None where the original has to say it."""
    index = router.model_id_to_deployment_index_map.get(model_id)
    model = None if index is None else router.model_list[index]
    if type(model) is not dict:
        return None
    parameters, info = model.get("litellm_params"), model.get("model_info")
    if type(parameters) is not dict or type(info) is not dict:
        return None
    known = models.known(models.kept(router), parameters)
    if known is None or not _SCALARS.issuperset(map(type, known.values)):
        return None
    if not _valid(router, model, info, deployment):
        return None
    told = _Call(models, router).info(known, _base_model(info, parameters))
    if told is _UNKNOWN:
        return None
    set_here = (model.get("tpm"), model.get("rpm"), known.validated.tpm, known.validated.rpm)
    if any(limit is not None for limit in set_here) or any(
        info.get(name) is not None or told.get(name) is not None for name in ("tpm", "rpm")
    ):
        return True
    if any(part.get(name) is not None for part in (model, parameters, info) for name in _SPLIT):
        return None
    return False


_SPLIT = ("itpm", "otpm")


def make_deployment_usage(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of _increment_deployment_usage and its switch."""
    serving = Serving("litellm.router_usage")
    names = original.__globals__
    deployment_functions.add(names["Router"].get_deployment)
    deployment = names["Deployment"]

    async def _increment_deployment_usage(
        self: Any,
        *,
        deployment_id: str,
        deployment_name: Optional[str],
        model_group: str,
        total_tokens: float,
        rpm_increment: int,
        parent_otel_span: Any,
    ) -> Optional[str]:
        limited = None
        if serving:
            models = _models_of(names)
            if (
                models.fit(self)
                and type(self).get_deployment in deployment_functions
                and "get_deployment" not in vars(self)
            ):
                limited = _limited(models, self, deployment, deployment_id)
        if limited is None:
            replacement.declined += 1
            found: Optional[str] = await original(
                self,
                deployment_id=deployment_id,
                deployment_name=deployment_name,
                model_group=model_group,
                total_tokens=total_tokens,
                rpm_increment=rpm_increment,
                parent_otel_span=parent_otel_span,
            )
            return found
        replacement.served += 1
        if not limited or (total_tokens <= 0 and rpm_increment <= 0):
            return None
        minute = names["get_utc_datetime"]().strftime("%H-%M")
        tokens_key = f"global_router:{deployment_id}:{deployment_name}:tpm:{minute}"
        requests_key = f"global_router:{deployment_id}:{deployment_name}:rpm:{minute}"
        ttl = names["RoutingArgs"].ttl.value
        operations = [
            {"key": tokens_key, "increment_value": total_tokens, "ttl": ttl},
            {"key": requests_key, "increment_value": rpm_increment, "ttl": ttl},
        ]
        values = await self.cache.async_increment_cache_pipeline(
            increment_list=operations, parent_otel_span=parent_otel_span
        )
        if values is not None and self.cache.redis_cache is not None:
            for operation, value in zip(operations, values):
                await self.cache.async_set_cache(
                    operation["key"], int(value), local_only=True, ttl=ttl
                )
        return tokens_key

    replacement: Any = _increment_deployment_usage
    usage_functions.update((original, replacement))
    return finish(replacement, serving)


def make_group_usage(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of get_model_group_usage and its switch."""
    serving = Serving("litellm.router_group_usage")
    names = original.__globals__
    dual = names["DualCache"]
    batch = dual.async_batch_get_cache, dual._prepare_batch_get

    async def get_model_group_usage(self: Any, model_group: str) -> Any:
        cached = None
        if serving and self.cache.redis_cache is None:
            cached = _models_of(names).cached(self)
            if (
                (dual.async_batch_get_cache, dual._prepare_batch_get) != batch
                or "async_batch_get_cache" in vars(self.cache)
                or not _plain_batches(self.cache.in_memory_cache)
            ):
                cached = None
        if cached is None:
            replacement.declined += 1
            return await original(self, model_group)
        replacement.served += 1
        minute = names["get_utc_datetime"]().strftime("%H-%M")
        models = self.get_model_list(model_name=model_group)
        if models is None:
            return None, None
        memory = self.cache.in_memory_cache
        usage: List[Optional[int]] = []
        keys = []
        for model in models:
            model_id = model.get("model_info", {}).get("id")
            name = model["litellm_params"].get("model")
            if model_id is not None and name is not None:
                keys.append(f"global_router:{model_id}:{name}:")
        for end in (f"tpm:{minute}", f"rpm:{minute}"):
            total: Optional[int] = None
            for key in keys:
                if key + end in cached:
                    value = memory.get_cache(key=key + end)
                    if isinstance(value, int):
                        total = (total or 0) + value
            usage.append(total)
        return tuple(usage)

    replacement: Any = get_model_group_usage
    return finish(replacement, serving)


def _plain_batches(memory: Any) -> bool:
    """Say whether many entries are read one by one, all out of its dict."""
    plain = sys.modules["litellm.caching.in_memory_cache"].InMemoryCache
    return type(memory) is plain and "async_batch_get_cache" not in vars(memory)
