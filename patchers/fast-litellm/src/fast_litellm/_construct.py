"""``construct_type`` of the OpenAI SDK, which makes the models of a response.

The original asks for each value what its type is (origin, arguments, unions, aliases, each by hashing generic types), and does it again
for the next response. Here a model's fields are looked at once. A plan makes the model from a dict as ``BaseModel.construct`` does:
the same values, defaults, extra fields and order; unions go to the very validator that the SDK would take, and where that says no,
to the variants in the SDK's order. A class with a ``construct`` of its own, a generic one, names that bind its
parameters: the original makes it.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

_MOST = 4096
_ABSENT = object()

Make = Callable[[Any], Any]


class _Plans:
    """How values of types are made."""

    def __init__(self, original: Callable[..., Any]) -> None:
        from openai import _compat, _models

        self._original = original
        self._models = _models
        self._compat = _compat
        self._construct = _models.BaseModel.construct.__func__
        self._plans: Dict[int, Tuple[Any, Optional[Make]]] = {}

    def of(self, model: Any) -> Optional[Make]:
        """Return how a model of a class is made of a dict; None where the original has to."""
        known = self._plans.get(id(model))
        if known is None:
            if len(self._plans) >= _MOST or not getattr(
                model, "__pydantic_fields_complete__", True
            ):
                return None
            known = self._plans[id(model)] = (model, self._model(model))
        return known[1]

    def _is_plain(self, model: Any) -> bool:
        return (
            isinstance(model, type)
            and issubclass(model, self._models.BaseModel)
            and not issubclass(model, self._models.GenericModel)
            and getattr(model.construct, "__func__", None) is self._construct  # type: ignore[attr-defined]
            and self._models.get_origin(model) is None
        )

    def _model(self, model: Any) -> Optional[Make]:
        if not self._is_plain(model):
            return None
        try:
            fields = self._models.get_model_fields(model)
            extra = self._models._get_extra_fields_type(model)
            by_name = bool(self._models.get_model_config(model).get("populate_by_name"))
            rows = [
                (
                    name,
                    name if field.alias is None else field.alias,
                    self._value(field.annotation, field.metadata),
                    *self._default(field),
                )
                for name, field in fields.items()
                if field.annotation is not None
            ]
        except Exception:  # the original says what is wrong with this class
            return None
        if extra is not None or by_name or len(rows) != len(fields):
            return None
        if model.__pydantic_fields__ is not fields:
            return None
        return _maker(model, rows, fields, self._construct, self._original)

    def _default(self, field: Any) -> Tuple[Any, Optional[Callable[[], Any]]]:
        """Return a field's default, or what makes it anew each time."""
        get = self._compat.field_get_default
        if field.default_factory is None and (
            field.is_required() or type(field.default) in (type(None), bool, int, str, float)
        ):
            return get(field), None
        return None, lambda: get(field)

    def _value(self, annotation: Any, metadata: Any = None) -> Optional[Make]:
        """Return how a value of a type is made; None: it stays as it is."""
        models = self._models
        original = self._original

        def by_original(value: Any) -> Any:
            return original(value=value, type_=annotation, metadata=metadata)

        if models.is_type_alias_type(annotation):
            return by_original
        bare = annotation
        meta: Tuple[Any, ...] = tuple(metadata or ())
        if not meta and models.is_annotated_type(bare):
            meta = models.get_args(bare)[1:]
            bare = models.extract_type_arg(bare, 0)
        origin = models.get_origin(bare) or bare
        if models.is_union(origin):
            return self._union(bare, meta)
        if origin is dict or origin is list:
            if len(models.get_args(bare)) != (2 if origin is dict else 1):
                return by_original
            return self._container(bare, origin)
        if models.is_literal_type(bare) or not inspect.isclass(origin):
            return None
        if issubclass(origin, (models.BaseModel, models.GenericModel)):
            return self._nested(bare, by_original) if self._is_plain(bare) else by_original
        if origin is float:
            return _as_float
        return by_original if origin in (models.datetime, models.date) else None

    def _nested(self, model: Any, by_original: Make) -> Make:
        of = self.of  # when it is wanted: models hold each other

        def make(value: Any) -> Any:
            made = of(model)
            if made is None or type(value) is not dict:
                return by_original(value)
            return made(value)

        return make

    def _container(self, bare: Any, origin: Any) -> Make:
        arguments = self._models.get_args(bare)
        original = self._original
        inner = self._value(arguments[-1])

        def make_list(value: Any) -> Any:
            if type(value) is not list:
                return original(value=value, type_=bare)
            return value[:] if inner is None else [inner(each) for each in value]

        def make_dict(value: Any) -> Any:
            if type(value) is not dict:
                return original(value=value, type_=bare)
            return {key: each if inner is None else inner(each) for key, each in value.items()}

        return make_dict if origin is dict else make_list

    def _union(self, bare: Any, meta: Tuple[Any, ...]) -> Make:
        models = self._models
        of = self.of
        validator: Any = None
        variants: Optional[List[Optional[Make]]] = None

        def make(value: Any) -> Any:
            nonlocal validator, variants
            try:
                if validator is None:
                    validator = models.TypeAdapter(bare).validate_python
                return validator(value)
            except Exception:
                pass
            details = models._build_discriminated_union_meta(union=bare, meta_annotations=meta)
            if details and type(value) is dict:
                found = value.get(details.field_alias_from or details.field_name)
                wanted = details.mapping.get(found) if found and isinstance(found, str) else None
                if wanted:
                    known = of(wanted)
                    if known is not None:
                        return known(value)
                    return self._original(type_=wanted, value=value)
            if variants is None:
                variants = [self._value(each) for each in models.get_args(bare)]
            for variant in variants:
                try:
                    return value if variant is None else variant(value)
                except Exception:
                    continue
            raise RuntimeError(f"Could not convert data into a valid instance of {bare}")

        return make


def _as_float(value: Any) -> Any:
    if isinstance(value, int):
        coerced = float(value)
        return value if coerced != value else coerced
    return value


def _maker(
    model: Any,
    rows: List[Tuple[Any, ...]],
    names: Dict[str, Any],
    construct: Any,
    original: Callable[..., Any],
) -> Make:
    """Return what construct() does, for this class while it is as it was."""
    new, write = model.__new__, object.__setattr__
    absent = _ABSENT

    def make(value: Dict[str, Any]) -> Any:
        if (
            getattr(model.construct, "__func__", None) is not construct
            or model.__pydantic_fields__ is not names
            or "_fields_set" in value
            or "_BaseModel__cls" in value
        ):
            return original(value=value, type_=model)
        made = new(model)
        fields = {}
        given = set()
        get = value.get
        for name, key, handle, default, fresh in rows:
            found = get(key, absent)
            if found is absent or found is None:
                fields[name] = default if fresh is None else fresh()
                if found is None:
                    given.add(name)
            else:
                fields[name] = found if handle is None else handle(found)
                given.add(name)
        extra = {}
        if not names.keys() >= value.keys():
            extra = {key: each for key, each in value.items() if key not in names}
        write(made, "__dict__", fields)
        write(made, "__pydantic_private__", None)
        write(made, "__pydantic_extra__", extra)
        write(made, "__pydantic_fields_set__", given)
        return made

    return make


def make_construct_type(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of construct_type and its switch."""
    serving = Serving("litellm.construct")
    plans: Optional[_Plans] = None

    def construct_type(*, value: Any, type_: Any, metadata: Any = None) -> Any:
        nonlocal plans
        if type(value) is dict and isinstance(type_, type) and (serving.live or serving):
            if plans is None:
                plans = _Plans(original)
            make = plans.of(type_)
            if make is not None:
                replacement.served += 1
                return make(value)
            replacement.declined += 1
        return original(value=value, type_=type_, metadata=metadata)

    replacement: Any = construct_type
    return finish(replacement, serving)
