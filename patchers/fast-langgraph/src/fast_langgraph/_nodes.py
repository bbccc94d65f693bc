"""A node's run: its function in a context of its own, then its writes.

Representation: the original's loop over a node's steps. A step that is one of LangGraph's own ChannelWrites reads
nothing of its config but the function that takes writes; so no child of the run manager is made for it, its entries are
not copied first, and it is not called through a Runnable that looks for arguments to inject. The first step's context is
entered and left without a generator.
What is not as it was studied (a subclass, a step of other kinds, a replaced helper) takes the original's way; an entry
that has to raise does, before anything was written.
"""

from __future__ import annotations

import sys
import types
from asyncio import _get_running_loop as _running_loop
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from fast_jvm._registry import Activate, Builtins, Meter
from fast_jvm._serving import among

if TYPE_CHECKING:  # names of the original's module, see among
    import asyncio
    from contextvars import copy_context
    from dataclasses import replace

    from langchain_core.callbacks.manager import (
        AsyncCallbackManagerForChainRun,
        CallbackManagerForChainRun,
    )
    from langchain_core.runnables.base import Runnable
    from langchain_core.tracers.langchain import LangChainTracer
    from langgraph._internal._config import patch_config, recast_checkpoint_ns
    from langgraph._internal._constants import (
        CONF,
        CONFIG_KEY_CHECKPOINT_NS,
        ERROR,
        INTERRUPT,
        RETURN,
    )
    from langgraph._internal._runnable import (
        ASYNCIO_ACCEPTS_CONTEXT,
        _set_config_context,
        _unset_config_context,
        set_config_context,
    )
    from langgraph._internal._typing import EMPTY_SEQ
    from langgraph.constants import TAG_HIDDEN
    from langgraph.errors import GraphBubbleUp, NodeCancelledError, ParentCommand
    from langgraph.pregel._retry import (
        SUPPORTS_EXC_NOTES,
        _checkpoint_ns_for_parent_command,
        _is_user_raised_cancelled,
    )
    from langgraph.types import Command


_WRITES = "langgraph.pregel._write"


def _sender() -> Tuple[Any, Callable[[Any, Any, Any], bool]]:
    """Return ChannelWrite and what does its ``invoke(value, config)``, or says False and has done nothing."""
    names: Dict[str, Any] = vars(sys.modules[_WRITES])
    writer: Any = names["ChannelWrite"]
    entry, entries = names["ChannelWriteEntry"], names["ChannelWriteTupleEntry"]
    passthrough, skip = names["PASSTHROUGH"], names["SKIP_WRITE"]
    conf, key, tasks = names["CONF"], names["CONFIG_KEY_SEND"], names["TASKS"]
    invoke, ainvoke = writer.invoke, writer.ainvoke
    write, awrite, do_write = writer._write, writer._awrite, writer.do_write
    assemble = names["_assemble_writes"]
    method: Any = types.MethodType

    def sends(step: Any, value: Any, config: Any) -> bool:
        function: Any = step.func
        if (
            type(function) is not method
            or function.__func__ is not write
            or step.trace is not False
            or function.__self__ is not step
            or writer.invoke is not invoke
            or writer.ainvoke is not ainvoke
            or writer._write is not write
            or writer._awrite is not awrite
            or writer.do_write is not do_write
            or names["_assemble_writes"] is not assemble
        ):
            return False
        writes = step.writes
        for each in writes:
            if type(each) is not entries and (type(each) is not entry or each[0] == tasks):
                return False
        send = config[conf][key]
        made: List[Any] = []
        for each in writes:
            given = each.value
            if given is passthrough:
                given = value
            if type(each) is entries:
                found = each.mapper(given)
                if found:
                    made.extend(found)
                continue
            channel, _, skip_none, mapper = each
            if mapper is not None:
                given = mapper(given)
            if given is skip or (skip_none and given is None):
                continue
            made.append((channel, given))
        send(made)
        return True

    return writer, sends


def make_invoke(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of RunnableSeq.invoke and its switch."""
    live = False
    writer: Any = None
    sends: Any = None
    scope = original.__globals__["set_config_context"]

    def invoke(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:
        if not live or config is None or set_config_context is not scope:
            return original(self, input, config, **kwargs)
        replacement.served += 1
        run_manager = self._start(input, config)
        plain = type(run_manager) is CallbackManagerForChainRun
        try:
            for i, step in enumerate(self.steps):
                if (
                    i
                    and plain
                    and type(step) is writer
                    and (type(input) is dict or not isinstance(input, Runnable))
                    and sends(step, input, config)
                ):
                    continue
                config = patch_config(config, callbacks=run_manager.get_child(f"seq:step:{i + 1}"))
                if i:
                    input = step.invoke(input, config)
                    continue
                for h in run_manager.handlers:
                    if isinstance(h, LangChainTracer):
                        run = h.run_map.get(str(run_manager.run_id))
                        break
                else:
                    run = None
                context = copy_context()
                token = context.run(_set_config_context, config, run)
                try:
                    input = context.run(step.invoke, input, config, **kwargs)
                finally:
                    context.run(_unset_config_context, token, run)
        except BaseException as e:
            run_manager.on_chain_error(e)
            raise
        else:
            self._end(run_manager, input)
            return input

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live, writer, sends
        if builtins is not None:
            writer, sends = _sender()
        live = builtins is not None

    replacement = among(original, invoke)
    return replacement, activate


def make_ainvoke(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of RunnableSeq.ainvoke and its switch."""
    live = False
    writer: Any = None
    sends: Any = None
    scope = original.__globals__["set_config_context"]

    async def ainvoke(self: Any, input: Any, config: Any = None, **kwargs: Any) -> Any:
        if (
            not live
            or config is None
            or not ASYNCIO_ACCEPTS_CONTEXT
            or set_config_context is not scope
        ):
            return await original(self, input, config, **kwargs)
        replacement.served += 1
        run_manager = await self._astart(input, config)
        plain = type(run_manager) is AsyncCallbackManagerForChainRun
        try:
            for i, step in enumerate(self.steps):
                if (
                    i
                    and plain
                    and type(step) is writer
                    and (type(input) is dict or not isinstance(input, Runnable))
                    and sends(step, input, config)
                ):
                    continue
                config = patch_config(config, callbacks=run_manager.get_child(f"seq:step:{i + 1}"))
                if i:
                    input = await step.ainvoke(input, config)
                    continue
                for h in run_manager.handlers:
                    if isinstance(h, LangChainTracer):
                        run = h.run_map.get(str(run_manager.run_id))
                        break
                else:
                    run = None
                context = copy_context()
                token = context.run(_set_config_context, config, run)
                try:
                    input = await asyncio.create_task(
                        step.ainvoke(input, config, **kwargs),
                        context=context,  # type: ignore[call-arg, unused-ignore]
                    )
                finally:
                    context.run(_unset_config_context, token, run)
        except BaseException as e:
            await run_manager.on_chain_error(e)
            raise
        else:
            await self._aend(run_manager, input)
            return input

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live, writer, sends
        if builtins is not None:
            writer, sends = _sender()
        live = builtins is not None

    replacement = among(original, ainvoke)
    return replacement, activate


def make_run(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of run_with_retry and its switch: one attempt, whose config is made once."""
    live = False
    prepared = _attempt(original)

    def run_with_retry(task: Any, retry_policy: Any, configurable: Any = None) -> Any:
        config = prepared(task, retry_policy, configurable) if live else None
        if config is None:
            return original(task, retry_policy, configurable)
        replacement.served += 1
        try:
            task.writes.clear()
            return task.proc.invoke(task.input, config)
        except ParentCommand as exc:
            ns = config[CONF][CONFIG_KEY_CHECKPOINT_NS]
            cmd = exc.args[0]
            if cmd.graph in (ns, recast_checkpoint_ns(ns), task.name):
                for w in task.writers:
                    w.invoke(cmd, config)
                return None
            if cmd.graph == Command.PARENT:
                exc.args = (replace(cmd, graph=_checkpoint_ns_for_parent_command(ns)),)
            raise
        except GraphBubbleUp:
            raise
        except asyncio.CancelledError as exc:
            raise NodeCancelledError(task.name) from exc
        except Exception as exc:
            if SUPPORTS_EXC_NOTES:
                exc.add_note(  # type: ignore[attr-defined, unused-ignore]
                    f"During task with name '{task.name}' and id '{task.id}'"
                )
            raise

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None

    replacement = among(original, run_with_retry)
    return replacement, activate


def make_arun(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of arun_with_retry and its switch: one attempt, whose config is made once."""
    live = False
    prepared = _attempt(original)

    async def arun_with_retry(
        task: Any, retry_policy: Any, stream: Any = False, configurable: Any = None
    ) -> Any:
        config = prepared(task, retry_policy, configurable) if live and not stream else None
        if config is None:
            return await original(task, retry_policy, stream, configurable)
        replacement.served += 1
        try:
            task.writes.clear()
            return await task.proc.ainvoke(task.input, config)
        except ParentCommand as exc:
            ns = config[CONF][CONFIG_KEY_CHECKPOINT_NS]
            cmd = exc.args[0]
            if cmd.graph in (ns, recast_checkpoint_ns(ns), task.name):
                for w in task.writers:
                    w.invoke(cmd, config)
                return None
            if cmd.graph == Command.PARENT:
                exc.args = (replace(cmd, graph=_checkpoint_ns_for_parent_command(ns)),)
            raise
        except GraphBubbleUp:
            raise
        except asyncio.CancelledError as exc:
            if _is_user_raised_cancelled():
                raise NodeCancelledError(task.name) from exc
            raise
        except Exception as exc:
            if SUPPORTS_EXC_NOTES:
                exc.add_note(  # type: ignore[attr-defined, unused-ignore]
                    f"During task with name '{task.name}' and id '{task.id}'"
                )
            raise

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None

    replacement = among(original, arun_with_retry)
    return replacement, activate


def _attempt(original: Any) -> Callable[[Any, Any, Any], Any]:
    """Return what makes the config of a task's only attempt; None where there may be another, or odd types."""
    names = original.__globals__
    patch, ensure = names["patch_configurable"], names["_ensure_execution_info"]
    runtimes, infos = names["Runtime"], names["ExecutionInfo"]
    conf, key = names["CONF"], names["CONFIG_KEY_RUNTIME"]

    def prepared(task: Any, retry_policy: Any, configurable: Any) -> Any:
        if (
            retry_policy
            or task.retry_policy
            or task.timeout is not None
            or names["patch_configurable"] is not patch
            or names["_ensure_execution_info"] is not ensure
        ):
            return None
        config = task.config
        if type(config) is not dict or conf not in config:
            return None
        own = {**config[conf]} if configurable is None else {**config[conf], **configurable}
        runtime: Any = own.get(key)
        if type(runtime) is not runtimes or type(runtime.execution_info) is not infos:
            return None
        own[key] = runtime.patch_execution_info(
            node_first_attempt_time=names["time"].time(), node_attempt=1
        )
        return {**config, conf: own}

    return prepared


def _release(waiter: Any) -> None:
    if not waiter.done():
        waiter.set_result(None)


def make_on_end(original: Callable[..., Any], meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of on_chain_end or on_llm_end of an async run, and its switch.

    The original makes a task, shields it and waits for it, for handlers to be told; without handlers only the turns of
    the loop are left of it, which other tasks run in. They stay as many, and cancelling ends the wait as it does the
    shield's, so everything runs in the same order.
    """
    live = False
    release, running = _release, _running_loop

    async def on_end(*args: Any, **kwargs: Any) -> Any:
        if live and len(args) == 2 and not args[0].handlers:
            loop = running()
            # an eager factory takes no turn
            if loop is not None and loop.get_task_factory() is None:
                replacement.served += 1
                # one turn for the task, one for what the shield is told, one for who waits
                waiter = loop.create_future()
                loop.call_soon(loop.call_soon, release, waiter)
                await waiter
                return None
        return await original(*args, **kwargs)

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None

    replacement = among(original, on_end)
    return replacement, activate


def make_map_output_updates(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of map_output_updates and its switch: one task's writes need no counting."""
    live = False

    def map_output_updates(output_channels: Any, tasks: Any, cached: Any = False) -> Any:
        if not live or len(tasks) != 1 or isinstance(output_channels, str):
            yield from original(output_channels, tasks, cached)
            return
        ((task, writes),) = tasks
        if any(chan == RETURN for chan, _ in writes):
            yield from original(output_channels, tasks, cached)
            return
        replacement.served += 1
        if task.config and TAG_HIDDEN in task.config.get("tags", EMPTY_SEQ):
            return
        first = writes[0][0]
        if first == ERROR or first == INTERRUPT:
            return
        keys = output_channels if len(output_channels) < 8 else frozenset(output_channels)
        found = [write for write in writes if write[0] in keys]
        value: Any = None
        if found:
            value = dict(found)
            if len(value) < len(found):
                value = [{chan: given} for chan, given in found]
        grouped = {task.name: value}
        if cached:
            grouped["__metadata__"] = {"cached": cached}
        yield grouped

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None

    replacement = among(original, map_output_updates)
    return replacement, activate
