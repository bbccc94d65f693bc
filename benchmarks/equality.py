"""What "equal" means here: value, exact type, order, and all that a model keeps beside its fields."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from pydantic import BaseModel


def canonical(value: Any) -> Any:
    """The value as JSON that keeps exact types, dict order and everything a model stores."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    name = "%s.%s" % (kind.__module__, kind.__qualname__)
    if kind is float:
        return [name, value.hex()]
    if isinstance(value, BaseModel):
        return [
            name,
            canonical(value.__dict__),
            sorted(value.__pydantic_fields_set__),
            canonical(value.__pydantic_extra__),
            canonical(value.__pydantic_private__),
        ]
    if isinstance(value, dict):
        return [name, [[canonical(key), canonical(item)] for key, item in value.items()]]
    if isinstance(value, (list, tuple)):
        return [name, [canonical(item) for item in value]]
    if isinstance(value, (set, frozenset)):
        return [name, sorted(json.dumps(canonical(item)) for item in value)]
    if dataclasses.is_dataclass(value):
        return [
            name,
            [
                [field.name, canonical(getattr(value, field.name))]
                for field in dataclasses.fields(value)
            ],
        ]
    return [name, repr(value)]
