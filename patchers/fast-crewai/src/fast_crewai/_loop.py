"""What a flow's every step goes through, and with it an agent's loop: the executor is a flow of 40 methods."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Callable, FrozenSet, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, among, finish

from ._saves import AtOnce

if TYPE_CHECKING:  # names of the original's module, see among()
    import contextvars
    import inspect

    from crewai.events.event_bus import crewai_event_bus
    from crewai.events.types.flow_events import (
        MethodExecutionFailedEvent,
        MethodExecutionFinishedEvent,
        MethodExecutionPausedEvent,
        MethodExecutionStartedEvent,
    )
    from crewai.flow.async_feedback.types import HumanFeedbackPending
    from crewai.flow.runtime import logger

_RUNTIME = "crewai.flow.runtime"
_EXECUTOR = "crewai.agents.agent_executor"


def make_getattr(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``BaseModel.__getattr__`` for flows alone: a private attribute's value in one step, all else the original's way."""
    serving = Serving("crewai.private_attributes")
    look = object.__getattribute__

    def __getattr__(self: Any, item: str) -> Any:
        if serving.live or serving:
            try:
                default = look(self, "__private_attributes__")[item].default
                # what a descriptor for a default means, pydantic says
                if default is undefined or default is None:
                    value = look(self, "__pydantic_private__")[item]
                    replacement.served += 1
                    return value
            except (KeyError, AttributeError, TypeError):
                pass
        return original(self, item)

    replacement = among(original, __getattr__)
    from pydantic_core import PydanticUndefined as undefined

    return finish(replacement, serving)


#: Methods of AgentExecutor that neither wait nor call what is another's: fingerprints.
QUICK = {
    "continue_iteration": "7d4db4c7515affeb",
    "check_max_iterations": "85dec05f439a7bcf",
    "route_by_answer_type": "98f282454ed17b89",
    "check_todo_completion": "583828bc401ce4ab",
    "check_native_todo_completion": "0387b9704d6c79e2",
    "increment_and_continue": "a2521b7b09c32638",
}
#: What those call.
CALLED = {
    "AgentExecutor._route_finish_with_todos": "c0a830ba59536036",
    "has_reached_max_iterations": "21ca625baae5cfc1",
}


class _Quick:
    """Whether a flow's method is one of QUICK, as it was studied."""

    def __init__(self, runtime: Any) -> None:
        self._wrappers = frozenset((runtime.ListenMethod, runtime.RouterMethod))
        self._executor: Any = None
        self._codes: Any = frozenset()

    def __call__(self, flow: Any, method: Any) -> bool:
        if type(method) not in self._wrappers:
            return False
        if type(flow) is not self._executor:
            module = sys.modules.get(_EXECUTOR)
            if module is None or type(flow) is not vars(module).get("AgentExecutor"):
                return False
            self._codes, self._executor = _studied(module), type(flow)
        return method._instance is flow and getattr(method._meth, "__code__", None) in self._codes


def _studied(module: Any) -> FrozenSet[Any]:
    """Return the code of the methods that are as they were studied; none if what they call is not."""
    from fast_jvm._fingerprint import fingerprint, forget
    from fast_jvm._registry import resolve

    def same(path: str, code: str) -> bool:
        try:
            return fingerprint(resolve(f"{_EXECUTOR}:{path}")) == code
        except (LookupError, OSError, SyntaxError, AttributeError):
            return False

    found = frozenset(
        resolve(f"{_EXECUTOR}:AgentExecutor.{name}._meth").__code__
        for name, code in QUICK.items()
        if same(f"AgentExecutor.{name}._meth", code)
    )
    called = all(same(name, code) for name, code in CALLED.items())
    forget()
    return found if called else frozenset()


def make_execute_method(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``Flow._execute_method`` without hops to other threads that have nothing to do there.

    Such are a persistence step that has nothing to persist, or saves a small state where no disk is waited for, and six methods
    of crewai's own executor that read a field or two. The original's steps in its order; where it hopped, the loop still gets its turn.
    """
    serving = Serving("crewai.execute_method")
    flow = sys.modules[_RUNTIME].Flow
    quick, at_once = _Quick(sys.modules[_RUNTIME]), AtOnce(flow)
    persist, to_thread = flow._persist_method_completion, asyncio.to_thread

    async def _execute_method(
        self: Any, method_name: Any, method: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        if (
            not (serving.live or serving)
            or asyncio.to_thread is not to_thread
            or type(self)._persist_method_completion is not persist
        ):
            return await original(self, method_name, method, *args, **kwargs)
        replacement.served += 1
        try:
            dumped_params = {f"_{i}": arg for i, arg in enumerate(args)} | (kwargs or {})
            if not self.suppress_flow_events:
                future = crewai_event_bus.emit(
                    self,
                    MethodExecutionStartedEvent(
                        type="method_execution_started",
                        method_name=method_name,
                        flow_name=self._definition.name,
                        params=dumped_params,
                        state=self._copy_and_serialize_state(),
                    ),
                )
                if future:
                    self._event_futures.append(future)

            from crewai.hooks.contexts import StepContext
            from crewai.hooks.dispatch import InterceptionPoint

            if not self._skip_interception(InterceptionPoint.PRE_STEP):
                pre_step = StepContext(
                    kind="flow_method", step_name=str(method_name), flow=self, payload=dumped_params
                )
                self._dispatch_interception(InterceptionPoint.PRE_STEP, pre_step)
                updated = pre_step.payload
                if isinstance(updated, dict):
                    positional = sorted(
                        (key for key in updated if key.startswith("_") and key[1:].isdigit()),
                        key=lambda key: int(key[1:]),
                    )
                    args = tuple(updated[key] for key in positional)
                    kwargs = {
                        key: value
                        for key, value in updated.items()
                        if not (key.startswith("_") and key[1:].isdigit())
                    }

            from crewai.flow.flow_context import current_flow_method_name

            token = current_flow_method_name.set(method_name)
            try:
                if asyncio.iscoroutinefunction(method):
                    result = await method(*args, **kwargs)
                elif quick(self, method):
                    result = contextvars.copy_context().run(method, *args, **kwargs)
                    await asyncio.sleep(0)
                else:
                    context = contextvars.copy_context()
                    result = await asyncio.to_thread(context.run, method, *args, **kwargs)
            finally:
                current_flow_method_name.reset(token)
            if asyncio.iscoroutine(result):
                result = await result

            name = str(method_name)
            definition = self._definition.methods[name]
            if definition.human_feedback is not None:
                result = await self._run_human_feedback_step(
                    method_name, definition.human_feedback, result
                )

            if not self._skip_interception(InterceptionPoint.POST_STEP):
                post_step = StepContext(
                    kind="flow_method", step_name=name, flow=self, output=result, payload=result
                )
                self._dispatch_interception(InterceptionPoint.POST_STEP, post_step)
                result = post_step.payload

            self._method_outputs.append({"method": name, "output": result})
            if method_name in self._human_feedback_method_outputs:
                feedback = self._human_feedback_method_outputs.pop(method_name)
                self._method_outputs[-1] = {
                    "method": name,
                    "output": feedback.output,
                    "human_feedback": feedback,
                }
            counts = self._method_execution_counts
            counts[method_name] = counts.get(method_name, 0) + 1
            self._completed_methods.add(method_name)

            persisted = self._definition.methods[name].persist
            if persisted is None:
                persisted = self._definition.persist
            if persisted is None or not persisted.enabled:
                await asyncio.sleep(0)
            elif at_once(self, persisted):
                contextvars.copy_context().run(self._persist_method_completion, method_name)
                await asyncio.sleep(0)
            else:
                await asyncio.to_thread(self._persist_method_completion, method_name)

            finished_event_id = None
            if not self.suppress_flow_events:
                finished = MethodExecutionFinishedEvent(
                    type="method_execution_finished",
                    method_name=method_name,
                    flow_name=self._definition.name,
                    state=self._copy_and_serialize_state(),
                    result=result,
                )
                finished_event_id = finished.event_id
                future = crewai_event_bus.emit(self, finished)
                if future:
                    self._event_futures.append(future)
            return result, finished_event_id
        except Exception as error:
            if isinstance(error, HumanFeedbackPending):
                error.context.method_name = method_name
                if self.persistence is None:
                    from crewai.flow.persistence.factory import default_flow_persistence

                    self.persistence = default_flow_persistence()
                if not self.suppress_flow_events:
                    future = crewai_event_bus.emit(
                        self,
                        MethodExecutionPausedEvent(
                            type="method_execution_paused",
                            method_name=method_name,
                            flow_name=self._definition.name,
                            state=self._copy_and_serialize_state(),
                            flow_id=error.context.flow_id,
                            message=error.context.message,
                            emit=error.context.emit,
                        ),
                    )
                    if future:
                        self._event_futures.append(future)
            elif not self.suppress_flow_events:
                future = crewai_event_bus.emit(
                    self,
                    MethodExecutionFailedEvent(
                        type="method_execution_failed",
                        method_name=method_name,
                        flow_name=self._definition.name,
                        error=error,
                    ),
                )
                if future:
                    self._event_futures.append(future)
            raise error

    replacement = among(original, _execute_method)
    return finish(replacement, serving)


def make_execute_single_listener(
    original: Any, meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """``Flow._execute_single_listener`` for methods that carry their signature; what was completed is the original's."""
    serving = Serving("crewai.execute_single_listener")
    names = original.__globals__
    wrappers = frozenset(names[name] for name in ("StartMethod", "ListenMethod", "RouterMethod"))
    signature, of = names["inspect"].signature, names["inspect"].Signature
    # triggered_by_scope is two steps around the call
    triggering = sys.modules["crewai.events.event_context"]._triggering_event_id
    scope = names["triggered_by_scope"]

    async def _execute_single_listener(
        self: Any, listener_name: Any, result: Any, triggering_event_id: Any = None
    ) -> Any:
        method: Any = None
        if (
            serving
            and inspect.signature is signature
            and names["triggered_by_scope"] is scope
            and not self._is_execution_resuming
        ):
            method = self._methods.get(listener_name)
        given: Any = vars(method).get("__signature__") if type(method) in wrappers else None
        if type(given) is not of:
            return await original(self, listener_name, result, triggering_event_id)
        replacement.served += 1
        counts = self._method_call_counts
        count = counts.get(listener_name, 0) + 1
        if count > self.max_method_calls:
            return await original(self, listener_name, result, triggering_event_id)
        counts[listener_name] = count
        completed = self._completed_methods
        if listener_name in completed:
            completed.discard(listener_name)
            self._clear_or_listeners()
        try:
            takes = any(name != "self" for name in given.parameters)
            if triggering_event_id:
                previous = triggering.get()
                triggering.set(triggering_event_id)
                try:
                    if takes:
                        found, finished = await self._execute_method(listener_name, method, result)
                    else:
                        found, finished = await self._execute_method(listener_name, method)
                finally:
                    triggering.set(previous)
            elif takes:
                found, finished = await self._execute_method(listener_name, method, result)
            else:
                found, finished = await self._execute_method(listener_name, method)
            await self._execute_listeners(listener_name, found, finished)
            return found, finished
        except Exception as error:
            if not isinstance(error, HumanFeedbackPending):
                if not getattr(error, "_flow_listener_logged", False):
                    logger.error(f"Error executing listener {listener_name}: {error}")
                    error._flow_listener_logged = True  # type: ignore[attr-defined]
            raise

    replacement = among(original, _execute_single_listener)
    return finish(replacement, serving)


def make_start_method_names(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``Flow._start_method_names``: asked after every router's result."""
    serving = Serving("crewai.start_method_names")
    definition = sys.modules[_RUNTIME].FlowMethodDefinition

    def replacement(self: Any) -> Any:
        if not serving:
            return original(self)
        replacement.served += 1  # type: ignore[attr-defined]
        return [
            name
            for name, method in self._definition.methods.items()
            if (method.__dict__["start"] if type(method) is definition else method.is_start)
        ]

    return finish(replacement, serving)
