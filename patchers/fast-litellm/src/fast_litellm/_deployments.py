"""``Router.get_deployment``, which the proxy asks several times in each call: what pydantic made of a deployment is copied.

The original validates a deployment's some hundred fields each time. Here the copy is made of what the original made last, as long as
every value of the deployment, of its parameters and of its info is the very object that it was, and none can be changed in place.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, MutableMapping, Optional, Set, Tuple
from weakref import WeakKeyDictionary

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._router import _FLAGS, _SCALARS, _Known

_NESTED = ("litellm_params", "model_info")
#: Router.get_deployment as it was studied, and ours.
deployment_functions: Set[Any] = set()
_Kept = Tuple[_Known, _Known, _Known, Any]
_write = object.__setattr__


def _copied(model: Any) -> Any:
    """A copy of a pydantic model whose values nobody can change in place."""
    kind: Any = type(model)
    found = kind.__new__(kind)
    extra = model.__pydantic_extra__
    _write(found, "__dict__", model.__dict__.copy())
    _write(found, "__pydantic_extra__", None if extra is None else extra.copy())
    _write(found, "__pydantic_fields_set__", model.__pydantic_fields_set__.copy())
    _write(found, "__pydantic_private__", None)
    return found


def _copied_deployment(deployment: Any) -> Any:
    """A copy of a deployment, with copies of its parameters and its info."""
    found = _copied(deployment)
    for name in _NESTED:
        found.__dict__[name] = _copied(deployment.__dict__[name])
    return found


def _is_plain(model: Any, kind: Any, nested: Tuple[str, ...] = ()) -> bool:
    """Whether a model can be copied so."""
    return (
        type(model) is kind
        and model.__pydantic_private__ is None
        and _SCALARS.issuperset(map(type, (model.__pydantic_extra__ or {}).values()))
        and all(
            type(value) in _SCALARS for name, value in model.__dict__.items() if name not in nested
        )
    )


def _learnt(model: Dict[str, Any], made: Any, kinds: Tuple[Any, Any, Any]) -> Optional[_Kept]:
    """What the next call may copy; None where it has to ask the original."""
    parameters, info = model.get("litellm_params"), model.get("model_info")
    if (
        type(parameters) is not dict
        or type(info) is not dict
        or info.get("id") is None  # (gets a new one each time)
        or type(parameters.get("drop_params")) not in _FLAGS  # (others are warned of)
        or not _SCALARS.issuperset(map(type, (*parameters.values(), *info.values())))
        or any(type(value) not in _SCALARS for key, value in model.items() if key not in _NESTED)
        or not _is_plain(made, kinds[0], _NESTED)
        or not _is_plain(made.litellm_params, kinds[1])
        or not _is_plain(made.model_info, kinds[2])
    ):
        return None
    held = [_Known(each, None, None) for each in (model, parameters, info)]
    # the caller may change what it gets
    return held[0], held[1], held[2], _copied_deployment(made)


def make_get_deployment(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Router.get_deployment and its switch."""
    serving = Serving("litellm.deployment")
    names, types = original.__globals__, sys.modules["litellm.types.router"]
    kept: MutableMapping[Any, Dict[int, _Kept]] = WeakKeyDictionary()

    def get_deployment(self: Any, model_id: Any) -> Any:
        if not (serving and serving.holds() and names["Deployment"] is types.Deployment):
            replacement.declined += 1
            return original(self, model_id)
        index = self.model_id_to_deployment_index_map.get(model_id)
        model = None if index is None else self.model_list[index]
        if type(model) is not dict:
            replacement.declined += 1
            return original(self, model_id)
        known = kept.get(self)
        if known is None:
            known = kept[self] = {}
        found = known.get(id(model))
        if (
            found is not None
            and found[0].fresh(model)
            and found[1].fresh(model["litellm_params"])
            and found[2].fresh(model["model_info"])
        ):
            replacement.served += 1
            return _copied_deployment(found[3])
        replacement.declined += 1
        made = original(self, model_id)
        learnt = _learnt(model, made, (types.Deployment, types.LiteLLM_Params, types.ModelInfo))
        if learnt is not None:
            if len(known) > 2 * len(self.model_list) + 64:
                known.clear()  # of deployments that are gone
            known[id(model)] = learnt
        return made

    replacement: Any = get_deployment
    deployment_functions.update((original, replacement))
    return finish(replacement, serving)
