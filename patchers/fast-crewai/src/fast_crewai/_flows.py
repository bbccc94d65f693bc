"""Flows: copies of states, the methods that an event triggers, persistence steps."""

from __future__ import annotations

import copy
import copyreg
import dataclasses
import datetime
import decimal
import enum
import gc
import sys
import uuid
from operator import attrgetter
from typing import Any, Callable, Dict, List, Tuple, TypeVar
from weakref import WeakKeyDictionary, ref

from fast_jvm import _held, _json, deepcopy
from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

from ._watch import PLAIN

_T = TypeVar("_T")
_deepcopy = copy.deepcopy
_RUNTIME = "crewai.flow.runtime"
_EXECUTOR = "crewai.agents.agent_executor"


def make_copy_state(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``Flow._copy_state`` with fast_jvm.deepcopy: it meters and falls back by itself."""
    serving = Serving("crewai.copy_state")
    models: Any = None
    hidden = _Hidden(sys.modules[_RUNTIME].Flow, "_state")

    def replacement(self: Any) -> Any:
        nonlocal models
        if not serving or copy.deepcopy is not _deepcopy or hidden(type(self)):
            return original(self)
        if models is None:
            models = Models()
        try:
            state = object.__getattribute__(self, "__pydantic_private__")["_state"]
        except (AttributeError, KeyError, TypeError):
            return original(self)
        if not isinstance(state, models.base):
            try:
                made = deepcopy(state)
            except (TypeError, AttributeError):
                made = state.copy()
        elif not models.copies_as_usual(state):
            replacement.declined += 1  # type: ignore[attr-defined]
            return original(self)
        else:
            try:
                made = models.copied(state)
            except (TypeError, AttributeError):
                # not by the original: objects' own methods have run
                try:
                    made = type(state)(**state.model_dump())
                except Exception:
                    made = state.model_copy(deep=False)
        replacement.served += 1  # type: ignore[attr-defined]
        return made

    return finish(replacement, serving)


def make_copy_and_serialize(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``Flow._copy_and_serialize_state`` of models: dumped by Java, or, where fields hold models, without the copy before.

    A dump to JSON's types makes every container anew, so nothing of the live state is in it. Java looks whether a copy would be
    the same while it dumps; for pydantic that is looked at first, where fields hold models: a state of plain data alone is
    copied in Java sooner than it is looked at. No collection of Python's starts within a dump.
    """
    serving = Serving("crewai.copy_and_serialize_state")
    flow = sys.modules[_RUNTIME].Flow
    hidden, copy_state = _Hidden(flow, "_state"), flow._copy_state
    models: Any = None
    dump: Any = None
    kept: Any = None

    def replacement(self: Any) -> Any:
        nonlocal models, dump, kept
        kind = type(self)
        if (
            not serving
            or copy.deepcopy is not _deepcopy
            or kind._copy_state is not copy_state
            or hidden(kind)
        ):
            return original(self)
        if models is None:
            from ._shapes import Shaped

            models = Models()
            dump = Shaped(models, _json.dump)
            kept = _Dumps(models)
        try:
            state = object.__getattribute__(self, "__pydantic_private__")["_state"]
        except (AttributeError, KeyError, TypeError):
            return original(self)
        if not isinstance(state, models.base) or not models.plain_model(type(state)):
            return original(self)
        made = dump(state)
        if made is not NotImplemented:
            replacement.served += 1  # type: ignore[attr-defined]
            return made
        if not models.shows_models(state):
            replacement.served += 1  # type: ignore[attr-defined]
            copied = self._copy_state()
            try:
                return models.dumped(copied)
            except Exception:
                return copied.model_dump()
        try:
            found = kept.of(self, state)
            if found is not None:
                replacement.served += 1  # type: ignore[attr-defined]
                return found
            if models.looked_at(state):
                found = kept.made(self, state)
                replacement.served += 1  # type: ignore[attr-defined]
                return found
        except Exception:  # the original fails too, after its copy
            pass
        replacement.declined += 1  # type: ignore[attr-defined]
        return original(self)

    return finish(replacement, serving)


class _Hidden:
    """Whether a class of flows has something of its own where Flow has a private attribute."""

    def __init__(self, flow: Any, *names: str) -> None:
        self._flow, self._names = flow, names
        self._known: Any = WeakKeyDictionary()

    def __call__(self, kind: Any) -> bool:
        found: "bool | None" = self._known.get(kind)
        if found is None:
            found = any(name in vars(each) for each in kind.__mro__ for name in self._names)
            own, flow = kind.__private_attributes__, self._flow.__private_attributes__
            found = found or any(own.get(name) is not flow.get(name) for name in self._names)
            self._known[kind] = found
        return found


#: A copy of such a value is the value.
_SCALARS = frozenset(
    {
        str, int, float, bool, bytes, type(None), datetime.date, datetime.datetime, datetime.timedelta,
        datetime.time, uuid.UUID, decimal.Decimal,
    }
)  # fmt: skip
#: Thresholds of the collector that CPython starts with.
THRESHOLDS = (700, 2000)
#: What decides on a copy of an object, or on pydantic's dump of it, but its __dict__.
_OF_COPIES = (
    "__deepcopy__", "__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__getnewargs_ex__", "__getnewargs__",
    "__new__", "__slots__", "__getattribute__", "__getattr__", "__setattr__", "__pydantic_serializer__",
)  # fmt: skip
#: Levels of a state that are looked into.
DEPTH = 60
#: States of a class that was odd, at most, between two looks.
UNSEEN = 64
#: Dumps that are not kept, at most, after one that was of no use; and objects in a state of which one is.
UNUSED, OBJECTS = 15, 64


def uncollected(made: Callable[[], _T]) -> _T:
    """Return what is made.

    All of it is alive when it is there: collections on the way look at it and free none of it, thirty of them in a dump of 250 KB.
    So the collector waits for it, unless the process has it off or has thresholds of its own.
    """
    if not gc.isenabled() or gc.get_threshold()[0] not in THRESHOLDS:
        return made()
    try:
        gc.disable()
        return made()
    finally:
        gc.enable()


def _has_serializers(schema: Any) -> bool:
    """Say whether a core schema has serializers of the user's, or computed fields."""
    waiting, seen = [schema], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if type(part) is dict:
            if "serialization" in part or part.get("computed_fields"):
                return True
            waiting.extend(part.values())
        elif type(part) in (list, tuple):
            waiting.extend(part)
    return False


def _plain_dataclass(kind: Any) -> bool:
    """Say whether a copy of an object is its class's, with a copy of its ``__dict__``."""
    return (
        "__dataclass_fields__" in vars(kind)
        and kind.__bases__ == (object,)
        and dataclasses.is_dataclass(kind)
        and not any(name in vars(kind) for name in _OF_COPIES)
        and kind not in copyreg.dispatch_table
    )


class Models:
    """``BaseModel.__deepcopy__`` with fast_jvm.deepcopy for what it copies."""

    def __init__(self) -> None:
        from pydantic import BaseModel
        from pydantic_core import PydanticUndefined

        self.base = BaseModel
        self._undefined = PydanticUndefined
        self._model_copy = BaseModel.model_copy
        self._deepcopy = BaseModel.__deepcopy__
        self._set = object.__setattr__
        names = ("model_copy", "__deepcopy__", "model_dump", "__getattr__", "__eq__")
        self._functions = [(name, getattr(BaseModel, name)) for name in names]
        self._classes: Any = WeakKeyDictionary()
        #: of classes whose last state was odd: how many are not looked at now, and how many were not before
        self._odd: Any = WeakKeyDictionary()

    def copies_as_usual(self, state: Any) -> bool:
        """Say whether nobody replaced what copies this model."""
        kind: Any = type(state)
        return (
            kind.model_copy is self._model_copy
            and kind.__deepcopy__ is self._deepcopy
            and kind.__new__ is object.__new__
            and not kind.__pydantic_root_model__
            and not self.shows_models(state)
        )

    def shows_models(self, state: Any) -> bool:
        """Say whether a field of the state holds models."""
        return any(map(self._holds_models, state.__dict__.values()))

    def _holds_models(self, value: Any) -> bool:
        """Say whether a field shows models at once: pydantic copies those, and sooner without us."""
        if type(value) is list and value:
            value = value[0]
        elif type(value) is dict and value:
            value = next(iter(value.values()))
        return isinstance(value, self.base)

    def looked_at(self, state: Any) -> bool:
        """Say whether a state is ``known``: one whose class had an odd one is not after 1, 2, 4 … others that nobody looked at.

        A look takes a quarter of a copy, and what is odd may come last.
        """
        kind = type(state)
        left, waited = self._odd.get(kind, (0, 0))
        if left:
            self._odd[kind] = left - 1, waited
            return False
        waited = min(2 * waited, UNSEEN) or 1
        self._odd[kind] = waited, waited
        parts = state.__dict__.values()
        if not all(type(part) in _SCALARS or self._may_be_known(type(part)) for part in parts):
            return False
        if not self.known(state):
            return False
        del self._odd[kind]
        return True

    def _may_be_known(self, kind: Any) -> bool:
        """Say whether a value of a class may be known, and its own values are what decides."""
        return (
            kind in (dict, list, tuple)
            or self.is_its_copy(kind)
            or _plain_dataclass(kind)
            or self.plain_model(kind)
        )

    def is_its_copy(self, kind: Any) -> bool:
        """Say whether a class is an enum whose members are their own copies."""
        copier = vars(enum.Enum).get("__deepcopy__")
        return (
            isinstance(kind, enum.EnumMeta)
            and copier is not None
            and getattr(kind, "__deepcopy__", None) is copier
        )

    def known(self, value: Any, depth: int = 0) -> bool:
        """Say whether a model, list, dict or tuple holds only what a copy of it would hold too, at any depth."""
        kind = type(value)
        if kind is dict:
            parts = value.values()
            if not _SCALARS.issuperset(map(type, value)):
                return False
        elif kind is list or kind is tuple:
            parts = value
        elif _plain_dataclass(kind):
            parts = value.__dict__.values()
        elif self.is_its_copy(kind):
            return True
        elif not self.plain_model(kind):
            return False
        else:
            private = value.__pydantic_private__
            if private and not self.known(private, depth + 1):
                return False
            extra = value.__pydantic_extra__
            if extra and not self.known(extra, depth + 1):
                return False
            parts = value.__dict__.values()
        if _SCALARS.issuperset(map(type, parts)):
            return True
        return depth < DEPTH and all(
            type(part) in _SCALARS or self.known(part, depth + 1) for part in parts
        )

    def plain_model(self, kind: Any) -> bool:
        """Say whether a class's models are copied and dumped by pydantic alone."""
        found: "bool | None" = self._classes.get(kind)
        if found is None:
            found = (
                isinstance(kind, type)
                and issubclass(kind, self.base)
                and all(getattr(kind, name) is function for name, function in self._functions)
                and kind.__new__ is object.__new__
                and kind.__getattribute__ is object.__getattribute__
                and not kind.__pydantic_root_model__
                and type(kind.__pydantic_core_schema__) is dict
                and not _has_serializers(kind.__pydantic_core_schema__)
            )
            self._classes[kind] = found
        return found

    def dumped(self, state: Any) -> Any:
        """Return ``state.model_dump(mode="json")`` of a plain model."""
        return uncollected(lambda: state.model_dump(mode="json"))

    def copied(self, state: Any) -> Any:
        """Return ``state.model_copy(deep=True)``."""
        kind: Any = type(state)
        made = kind.__new__(kind)
        put = self._set
        put(made, "__dict__", deepcopy(state.__dict__))
        put(made, "__pydantic_extra__", deepcopy(state.__pydantic_extra__))
        put(made, "__pydantic_fields_set__", copy.copy(state.__pydantic_fields_set__))
        if not hasattr(state, "__pydantic_private__") or state.__pydantic_private__ is None:
            put(made, "__pydantic_private__", None)
        else:
            undefined = self._undefined
            private = {k: v for k, v in state.__pydantic_private__.items() if v is not undefined}
            put(made, "__pydantic_private__", deepcopy(private))
        return made


class _Dumps:
    """The last dump of a flow's state, while that holds what it held: checkpoints of many executors find most of them idle."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._known: Dict[int, _Dumped] = {}
        #: of classes of states that Java does not follow: how many are not looked at now
        self._odd: Any = WeakKeyDictionary()

    def of(self, flow: Any, state: Any) -> Any:
        """Return a copy of what the state's dump was, None where it may be another."""
        found = self._known.get(id(flow))
        if found is None or found.flow() is not flow or not found.holds(state, self._models):
            return None
        found.missed = 0
        return deepcopy(found.dump)

    def made(self, flow: Any, state: Any) -> Any:
        """Return the dump of a state that is ``known``; one that is another each time is kept after 1, 3, 7 … others."""
        models, kind = self._models, type(state)
        before = self._known.get(id(flow))
        missed = before.missed if before is not None and before.flow() is flow else 0
        odd = self._odd.get(kind, 0)
        if odd:
            self._odd[kind] = odd - 1
        if odd or before is not None and before.waits():
            return models.dumped(state)
        objects = self._objects(state) if _held.ready() else []
        taken = _held.take(objects, [], True) if objects else NotImplemented
        if type(taken) is not tuple:
            self._odd[kind] = UNSEEN
            return models.dumped(state)
        made = _Dumped(objects, taken, models)
        made.missed = min(2 * missed + 1, UNUSED)
        made.left = missed
        try:
            dump = uncollected(lambda: state.model_dump(mode="json", warnings="error"))
        except Exception:  # what it warns of, it has to warn of each time
            self._odd[kind] = UNSEEN
            return models.dumped(state)
        made.dump = deepcopy(dump)
        if made.holds(state, models):
            known, key = self._known, id(flow)
            made.flow = ref(flow, lambda gone: known.pop(key, None))
            known[key] = made
        else:
            self._odd[kind] = UNSEEN
        return dump

    def _objects(self, state: Any) -> List[Any]:
        """Return the models and dataclasses in a state that is ``known``, itself first; none where Java follows not all of it."""
        found: List[Any] = []
        waiting = [state]
        for part in waiting:
            kind = type(part)
            if kind in PLAIN:
                continue
            if kind is dict:
                waiting.extend(part.values())
            elif kind is list or kind is tuple:
                waiting.extend(part)
            elif len(found) < OBJECTS and (
                isinstance(part, self._models.base) or _plain_dataclass(kind)
            ):
                found.append(part)
                waiting.extend(part.__dict__.values())
            else:
                return []
        return found


class _Dumped:
    """A dump, and what it was made of."""

    __slots__ = ("_classes", "_models", "_taken", "dump", "flow", "left", "missed")

    def __init__(self, objects: List[Any], taken: Any, models: Models) -> None:
        #: how many others are not kept in its place, and how many were not used in a row
        self.left = self.missed = 0
        self.flow: Any = None
        self.dump: Any = None
        self._taken = taken
        self._models = [each for each in objects if isinstance(each, models.base)]
        self._classes = {
            (type(each), getattr(type(each), "__pydantic_serializer__", None)) for each in objects
        }

    def waits(self) -> bool:
        """Say whether the next is not kept in its place."""
        if self.missed and self.left:
            self.left -= 1
            return True
        return False

    def holds(self, state: Any, models: Models) -> bool:
        """Say whether a state's dump would be this one."""
        return (
            state is self._models[0]
            and _held.same(self._taken) is True
            and not any(map(_EXTRA, self._models))
            and not any(map(_PRIVATE, self._models))
            and all(
                getattr(kind, "__pydantic_serializer__", None) is serializer
                and (_plain_dataclass(kind) or models.plain_model(kind))
                for kind, serializer in self._classes
            )
        )


_EXTRA, _PRIVATE = attrgetter("__pydantic_extra__"), attrgetter("__pydantic_private__")


def make_find_triggered_methods(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``Flow._find_triggered_methods`` in one loop, for flows that don't override its steps.

    Nothing is kept from call to call: definitions may change. Every pending event is noted as the original notes it, since a
    checkpoint holds them.
    """
    serving = Serving("crewai.find_triggered_methods")
    runtime = sys.modules[_RUNTIME]
    flow: Any = runtime.Flow
    definition = runtime.FlowMethodDefinition
    listener_methods, condition_met = flow._listener_methods, flow._condition_met
    hidden = _Hidden(flow, "_definition", "_fired_or_listeners", "_pending_events")
    is_multi, satisfied = runtime._is_multi_event_or, runtime._condition_satisfied

    def replacement(self: Any, trigger_method: Any, router_only: bool) -> List[Any]:
        kind = type(self)
        if (
            not (serving.live or serving)
            or kind._listener_methods is not listener_methods
            or kind._condition_met is not condition_met
            or runtime._is_multi_event_or is not is_multi
            or runtime._condition_satisfied is not satisfied
            or type(router_only) is not bool
            or hidden(kind)
        ):
            return original(self, trigger_method, router_only)  # type: ignore[no-any-return]
        try:
            private = object.__getattribute__(self, "__pydantic_private__")
            methods = private["_definition"].methods
            fired, pending = private["_fired_or_listeners"], private["_pending_events"]
        except (AttributeError, KeyError, TypeError):
            return original(self, trigger_method, router_only)  # type: ignore[no-any-return]
        trigger = str(trigger_method)
        triggered: List[Any] = []
        for name, method in methods.items():
            if type(method) is not definition:
                condition, router = method.listen, method.router
            else:
                fields = method.__dict__
                condition, router = fields["listen"], fields["router"]
            if condition is None or router_only != router:
                continue
            if type(condition) is str:
                if condition != trigger:
                    # the more common: noted, since a later checkpoint holds it
                    seen = pending.get(name)
                    if seen is None:
                        pending[str(name)] = {trigger}
                    elif condition in seen:
                        del pending[name]
                        triggered.append(name)
                    else:
                        seen.add(trigger)
                else:
                    pending.pop(name, None)
                    triggered.append(name)
                continue
            once = not router_only and is_multi(condition)
            if once and name in fired:
                continue
            seen = pending.setdefault(str(name), set())
            seen.add(trigger)
            try:
                # branches of texts alone
                if "and" in condition:
                    met = seen.issuperset(condition["and"])
                else:
                    met = not seen.isdisjoint(condition["or"])
            except TypeError:
                met = satisfied(condition, seen)
            if met:
                del pending[str(name)]
                triggered.append(name)
                if once:
                    fired.add(name)
        replacement.served += 1  # type: ignore[attr-defined]
        return triggered

    return finish(replacement, serving)


def make_create_initial_state(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``_create_initial_state`` of crewai's own agent executors: a state that is replaced at once.

    The original derives a model from AgentExecutorState for each executor, some milliseconds, and the executor then takes an
    AgentExecutorState. Here the derived model is made once. Any other flow's state stays: each has a class of its own.
    """
    serving = Serving("crewai.create_initial_state")
    executors = sys.modules[_EXECUTOR]
    executor, state = executors.AgentExecutor, executors.AgentExecutorState
    made: Any = None

    def replacement(self: Any) -> Any:
        nonlocal made
        kind = type(self)
        if kind is not executor or not serving:
            return original(self)
        core = state.__pydantic_core_schema__
        if (
            self.initial_state is not None
            or kind._initial_state_t is not state
            or self._create_default_extension_state() is not None
        ):
            replacement.declined += 1  # type: ignore[attr-defined]
            return original(self)
        replacement.served += 1  # type: ignore[attr-defined]
        if made is not None and made[0] is core:
            return made[1]()
        first = original(self)
        made = core, type(first)
        return first

    return finish(replacement, serving)
