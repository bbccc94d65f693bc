"""langgraph_state_update: a state with updates in it."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Union


def langgraph_state_update(
    state: Mapping[Any, Any],
    updates: Mapping[Any, Any],
    append_keys: Union[Iterable[Any], None] = None,
) -> Dict[Any, Any]:
    """Return a state with updates in it; lists under ``append_keys`` stand behind those that were there.

    What is not a list on both sides is replaced. Neither argument is changed, nor a list in it.
    Plain Python: a copy of a dict and of the lists that grow is all there is to do.
    """
    result = {**state, **updates}
    for name in append_keys or ():
        if name in updates and name in state:
            old, new = state[name], updates[name]
            if isinstance(old, list) and isinstance(new, list):
                result[name] = [*old, *new]
    return result
