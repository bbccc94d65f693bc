"""What each task of a graph calls several times, in fewer Python instructions.

A task costs its graph some 130 µs of Python, spread over a hundred small functions; these are the ones that
cost most for what they do: dataclasses.replace for a frozen Runtime, three child managers for callbacks that
nobody listens to, metadata whose every value is asked whether it is a Mapping, a signature that is taken apart
on each run. Each function here gives what the original gives, made directly. It runs among the original's
globals, and what it does not do itself, it checks to be what was studied: a subclass, an odd type or a
replaced helper is the original's.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from fast_jvm._registry import Activate, Builtins, Meter
from fast_jvm._serving import among

if TYPE_CHECKING:  # names of the original's module, see _among
    from collections.abc import Mapping

    from langgraph._internal._config import _copy_mapping_value


_PLAIN = frozenset({str, int, float, bool, bytes, tuple, list, type(None)})
"""Types of values that are no Mapping."""

_new = object.__new__


def _generated(kind: Any) -> bool:
    """Say whether a dataclass's constructor is the one that was made for it: it has no source to take a hash of."""
    code = getattr(kind.__init__, "__code__", None)
    return code is not None and code.co_filename == "<string>"


# -- langgraph.runtime


def make_override(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Runtime.override and its switch."""
    live = False
    theirs = original.__globals__["Runtime"]
    init, slots = theirs.__init__, vars(theirs)
    set_context, set_store = slots["context"].__set__, slots["store"].__set__
    set_writer, set_heartbeat = slots["stream_writer"].__set__, slots["heartbeat"].__set__
    set_previous, set_info = slots["previous"].__set__, slots["execution_info"].__set__
    set_server, set_control = slots["server_info"].__set__, slots["control"].__set__
    new = _new

    def override(self: Any, **overrides: Any) -> Any:
        if not live or type(self) is not theirs or theirs.__init__ is not init:
            return original(self, **overrides)
        fields = {
            "context": self.context,
            "store": self.store,
            "stream_writer": self.stream_writer,
            "heartbeat": self.heartbeat,
            "previous": self.previous,
            "execution_info": self.execution_info,
            "server_info": self.server_info,
            "control": self.control,
            **overrides,
        }
        if len(fields) != 8:
            return original(self, **overrides)
        replacement.served += 1
        made = new(theirs)
        set_context(made, fields["context"])
        set_store(made, fields["store"])
        set_writer(made, fields["stream_writer"])
        set_heartbeat(made, fields["heartbeat"])
        set_previous(made, fields["previous"])
        set_info(made, fields["execution_info"])
        set_server(made, fields["server_info"])
        set_control(made, fields["control"])
        return made

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None and _generated(theirs)

    replacement = among(original, override)
    return replacement, activate


def make_patch_execution_info(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Runtime.patch_execution_info and its switch."""
    live = False
    theirs = original.__globals__["Runtime"]
    infos = original.__globals__["ExecutionInfo"]
    init, info_init, patch = theirs.__init__, infos.__init__, infos.patch
    slots, parts = vars(theirs), vars(infos)
    set_context, set_store = slots["context"].__set__, slots["store"].__set__
    set_writer, set_heartbeat = slots["stream_writer"].__set__, slots["heartbeat"].__set__
    set_previous, set_info = slots["previous"].__set__, slots["execution_info"].__set__
    set_server, set_control = slots["server_info"].__set__, slots["control"].__set__
    set_checkpoint, set_ns = parts["checkpoint_id"].__set__, parts["checkpoint_ns"].__set__
    set_task, set_thread = parts["task_id"].__set__, parts["thread_id"].__set__
    set_run, set_attempt = parts["run_id"].__set__, parts["node_attempt"].__set__
    set_first = parts["node_first_attempt_time"].__set__
    new = _new

    def patch_execution_info(self: Any, **overrides: Any) -> Any:
        if (
            not live
            or type(self) is not theirs
            or type(info := self.execution_info) is not infos
            or theirs.__init__ is not init
            or infos.__init__ is not info_init
            or infos.patch is not patch
        ):
            return original(self, **overrides)
        fields = {
            "checkpoint_id": info.checkpoint_id,
            "checkpoint_ns": info.checkpoint_ns,
            "task_id": info.task_id,
            "thread_id": info.thread_id,
            "run_id": info.run_id,
            "node_attempt": info.node_attempt,
            "node_first_attempt_time": info.node_first_attempt_time,
            **overrides,
        }
        if len(fields) != 7:
            return original(self, **overrides)
        replacement.served += 1
        patched = new(infos)
        set_checkpoint(patched, fields["checkpoint_id"])
        set_ns(patched, fields["checkpoint_ns"])
        set_task(patched, fields["task_id"])
        set_thread(patched, fields["thread_id"])
        set_run(patched, fields["run_id"])
        set_attempt(patched, fields["node_attempt"])
        set_first(patched, fields["node_first_attempt_time"])
        made = new(theirs)
        set_context(made, self.context)
        set_store(made, self.store)
        set_writer(made, self.stream_writer)
        set_heartbeat(made, self.heartbeat)
        set_previous(made, self.previous)
        set_info(made, patched)
        set_server(made, self.server_info)
        set_control(made, self.control)
        return made

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None and _generated(theirs) and _generated(infos)

    replacement = among(original, patch_execution_info)
    return replacement, activate


# -- metadata and callbacks


def make_merge_metadata(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of langgraph's _merge_metadata and its switch."""
    live, plain = False, _PLAIN
    copier = original.__globals__["_copy_mapping_value"]

    def _merge_metadata(base: Any, new: Any) -> Any:
        if not live or _copy_mapping_value is not copier:
            return original(base, new)
        replacement.served += 1
        merged: Dict[str, Any] = {}
        if base:
            for key, value in base.items():
                merged[key] = value if type(value) in plain else copier(value)
        if new:
            for key, value in new.items():
                if type(value) in plain:
                    merged[key] = value
                elif (
                    key == "lc_versions"
                    and isinstance(merged.get(key), Mapping)
                    and isinstance(value, Mapping)
                ):
                    merged[key] = {**merged[key], **value}
                else:
                    merged[key] = copier(value)
        return merged

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None

    replacement = among(original, _merge_metadata)
    return replacement, activate


def make_add_metadata(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of BaseCallbackManager.add_metadata and its switch."""
    live = False
    merge: Any = None
    configs: Dict[str, Any] = {}

    def add_metadata(self: Any, metadata: Any, inherit: bool = True) -> None:
        if live and configs["_merge_metadata_dicts"] is merge and type(metadata) is dict:
            own, inherited = self.metadata, self.inheritable_metadata
            if (
                type(own) is dict
                and type(inherited) is dict
                and "lc_versions" not in metadata
                and "lc_versions" not in own
                and "lc_versions" not in inherited
            ):
                replacement.served += 1
                self.metadata = {**own, **metadata}
                if inherit:
                    self.inheritable_metadata = {**inherited, **metadata}
                return None
        return original(self, metadata, inherit)  # type: ignore[no-any-return]

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live, merge, configs
        if builtins is not None:
            import langchain_core.runnables.config

            configs = vars(langchain_core.runnables.config)
            merge = configs["_merge_metadata_dicts"]
        live = builtins is not None

    replacement = among(original, add_metadata)
    return replacement, activate


def make_get_child(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of ParentRunManager.get_child and its switch."""
    return _get_child(original, "CallbackManager")


def make_async_get_child(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of AsyncParentRunManager.get_child and its switch."""
    return _get_child(original, "AsyncCallbackManager")


def _get_child(original: Callable[..., Any], name: str) -> Tuple[Callable[..., Any], Activate]:
    live = False
    names: Dict[str, Any] = original.__globals__
    theirs = names[name]
    init: Any = None
    set_handlers: Any = None
    add_tags: Any = None
    add_metadata: Any = None
    merge: Any = None
    configs: Dict[str, Any] = {}
    new = _new

    def get_child(self: Any, tag: Optional[str] = None) -> Any:
        if (
            not live
            or names[name] is not theirs
            or theirs.__init__ is not init
            or theirs.set_handlers is not set_handlers
            or theirs.add_tags is not add_tags
            or theirs.add_metadata is not add_metadata
            or configs["_merge_metadata_dicts"] is not merge
            or type(tags := self.inheritable_tags) is not list
            or type(metadata := self.inheritable_metadata) is not dict
            or "lc_versions" in metadata
        ):
            return original(self, tag)
        replacement.served += 1
        made = new(theirs)
        made.handlers = []
        made.inheritable_handlers = []
        made.parent_run_id = self.run_id
        made.tags = [*tags]
        made.inheritable_tags = [*tags]
        made.metadata = {**metadata}
        made.inheritable_metadata = {**metadata}
        if handlers := self.inheritable_handlers:
            made.set_handlers(handlers)
        if tag is not None:
            if tag in tags:
                made.remove_tags([tag])
            made.tags.append(tag)
        return made

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live, init, set_handlers, add_tags, add_metadata, merge, configs
        if builtins is not None:
            import langchain_core.runnables.config

            configs = vars(langchain_core.runnables.config)
            merge = configs["_merge_metadata_dicts"]
            base = names["BaseCallbackManager"]  # whose methods passed the gate
            init, set_handlers = base.__init__, base.set_handlers
            add_tags, add_metadata = base.add_tags, base.add_metadata
        live = builtins is not None

    replacement = among(original, get_child)
    return replacement, activate


# -- savers


def make_accepts_task_path(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of put_writes_accepts_task_path and its switch: a plain method's code names its parameters."""
    live = False

    def put_writes_accepts_task_path(put_writes: Any) -> bool:
        if live and type(put_writes) is method:
            function = put_writes.__func__
            if type(function) is plain and not function.__dict__:
                code = function.__code__
                # *args take self too: signature leaves them in, and drops a first parameter
                if code.co_argcount:
                    named = code.co_argcount + code.co_kwonlyargcount
                    starred = bool(code.co_flags & 4) + bool(code.co_flags & 8)
                    replacement.served += 1
                    return "task_path" in code.co_varnames[1 : named + starred]
        return original(put_writes)  # type: ignore[no-any-return]

    method, plain = types.MethodType, types.FunctionType

    def activate(builtins: Optional[Builtins]) -> None:
        nonlocal live
        live = builtins is not None

    replacement = among(original, put_writes_accepts_task_path)
    return replacement, activate
