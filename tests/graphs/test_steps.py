"""Each function of LangGraph's steps that is patched: equal to the original, and the original where it must be."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import functools
import inspect
import operator
import sys
import types
from typing import Any, Callable
from unittest import mock

import langchain_core.callbacks.manager as managers
import langchain_core.runnables.config
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks.base import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph._internal import _config
from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SEND,
)
from langgraph._internal._runnable import RunnableSeq
from langgraph.channels import (
    AnyValue,
    BinaryOperatorAggregate,
    EphemeralValue,
    LastValue,
    NamedBarrierValue,
    Topic,
    UntrackedValue,
)
from langgraph.channels.last_value import LastValueAfterFinish
from langgraph.channels.named_barrier_value import NamedBarrierValueAfterFinish
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.pregel import _retry
from langgraph.pregel._algo import PregelTaskWrites, increment
from langgraph.pregel._log import logger
from langgraph.pregel._write import (
    SKIP_WRITE,
    ChannelWrite,
    ChannelWriteEntry,
    ChannelWriteTupleEntry,
)
from langgraph.runtime import ExecutionInfo, Runtime
from langgraph.types import Command, RetryPolicy, Send

from fast_jvm import _registry
from fast_langgraph._patches import STEPS
from graphs.sides import made, original_of

quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)
OVERRIDE = "langgraph.runtime:Runtime.override"
INFO = "langgraph.runtime:Runtime.patch_execution_info"
MERGE = "langgraph._internal._config:_merge_metadata"
ADD = "langchain_core.callbacks.base:BaseCallbackManager.add_metadata"
PATH = "langgraph.pregel._checkpoint:put_writes_accepts_task_path"
UPDATES = "langgraph.pregel._io:map_output_updates"


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result, or type and text of the error."""
    try:
        return "value", function(*args, **kwargs)
    except Exception as error:
        return type(error), str(error)


# -- Runtime

FIELDS = [field.name for field in dataclasses.fields(Runtime)]
PARTS = [field.name for field in dataclasses.fields(ExecutionInfo)]
objects = st.sampled_from([None, 0, "", "text", object(), [1], ExecutionInfo("c", "n", "t")])


def fields(thing: Any) -> Any:
    return type(thing), [getattr(thing, name) for name in FIELDS]


@quick
@given(
    st.dictionaries(st.sampled_from(FIELDS), objects),
    st.dictionaries(st.sampled_from([*FIELDS, "odd"]), objects),
)
def test_override(had: Any, wanted: Any) -> None:
    runtime, ours = Runtime(**had), made("runtime_override")
    kind, expected = outcome(original_of(OVERRIDE), runtime, **wanted)
    found_kind, found = outcome(ours, runtime, **wanted)
    assert found_kind == kind
    if kind != "value":
        assert found == expected
        return
    assert type(found) is Runtime and found is not runtime
    assert all(getattr(found, name) is getattr(expected, name) for name in FIELDS)
    assert found == expected and repr(found) == repr(expected)
    assert ours.served == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.store = None


@quick
@given(st.dictionaries(st.sampled_from([*PARTS, "odd"]), objects))
def test_patch_execution_info(wanted: Any) -> None:
    info = ExecutionInfo("c", "n", "t", thread_id="x", node_attempt=3)
    runtime, ours = Runtime(execution_info=info, previous=[1]), made("runtime_info")
    kind, expected = outcome(original_of(INFO), runtime, **wanted)
    found_kind, found = outcome(ours, runtime, **wanted)
    assert found_kind == kind
    if kind != "value":
        assert found == expected
        return
    assert found == expected and repr(found) == repr(expected)
    assert type(found.execution_info) is ExecutionInfo and found.previous is runtime.previous
    for name in PARTS:
        assert getattr(found.execution_info, name) is getattr(expected.execution_info, name)
    assert ours.served == 1


def test_runtimes_that_are_the_originals() -> None:
    """Subclasses, no info yet, a replaced constructor."""

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Mine(Runtime):
        more: int = 1

    @dataclasses.dataclass(frozen=True)
    class Info(ExecutionInfo):
        more: int = 2

    override, patch = made("runtime_override"), made("runtime_info")
    changed = override(Mine(more=5), store=7)
    assert (type(changed), changed.more, changed.store) == (Mine, 5, 7)
    runtime = Runtime(execution_info=Info("c", "n", "t", more=6))
    patched = patch(runtime, node_attempt=2).execution_info
    assert (type(patched), patched.more, patched.node_attempt) == (Info, 6, 2)
    with pytest.raises(RuntimeError, match="Cannot patch execution_info before it has been set"):
        patch(Runtime(), node_attempt=2)
    calls = []
    theirs = Runtime.__init__

    def init(self: Any, **given: Any) -> None:
        calls.append(given)
        theirs(self, **given)

    with mock.patch.object(Runtime, "__init__", init):
        override(Runtime(), store=1)
        patch(Runtime(execution_info=ExecutionInfo("c", "n", "t")), node_attempt=2)
    assert len(calls) == 4 and override.served == patch.served == 0


# -- metadata


class Text(str):
    pass


scalars = st.sampled_from([None, True, 3, 2.5, "text", Text("sub"), b"b", (1, {}), [{}]])
mappings = st.dictionaries(st.sampled_from("abc"), scalars, max_size=3).flatmap(
    lambda found: st.sampled_from(
        [
            found,
            collections.OrderedDict(found),
            collections.ChainMap(found),
            collections.UserDict(found),
            types.MappingProxyType(found),
        ]
    )
)
metadata = st.dictionaries(
    st.sampled_from(["lc_versions", "a", "b", "c"]), st.one_of(scalars, mappings), max_size=4
)


def shape(value: Any) -> Any:
    """A dict with its order and the types of its values."""
    return [(key, type(each), each) for key, each in value.items()]


@quick
@given(st.none() | metadata, st.none() | metadata)
def test_merge_metadata(base: Any, new: Any) -> None:
    ours, before = made("merge_metadata"), (repr(base), repr(new))
    for left in (base, base and collections.ChainMap(base)):
        expected, found = original_of(MERGE)(left, new), ours(left, new)
        assert type(found) is dict and shape(found) == shape(expected)
        for key, value in found.items():
            same = any(value is each for each in (*(base or {}).values(), *(new or {}).values()))
            assert same == any(
                expected[key] is each for each in (*(base or {}).values(), *(new or {}).values())
            )
    assert (repr(base), repr(new)) == before and ours.served == 2


def test_merge_metadata_with_a_replaced_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = made("merge_metadata")
    monkeypatch.setattr(_config, "_copy_mapping_value", lambda value: "mine")
    assert ours({"a": 1}, {"b": 2}) == {"a": "mine", "b": "mine"} and ours.served == 0


def _manager(**given: Any) -> Any:
    return managers.CallbackManager(handlers=[], **given)


@quick
@given(metadata, metadata, metadata, st.booleans())
def test_add_metadata(own: Any, inherited: Any, more: Any, inherit: bool) -> None:
    ours = made("add_metadata")
    managers_ = [_manager(metadata=own, inheritable_metadata=inherited) for _ in range(2)]
    before = repr((own, inherited, more))
    assert original_of(ADD)(managers_[0], more, inherit) is None
    assert ours(managers_[1], more, inherit=inherit) is None
    for name in ("metadata", "inheritable_metadata"):
        left, right = (getattr(manager, name) for manager in managers_)
        assert shape(left) == shape(right)
    assert managers_[1].metadata is not managers_[1].inheritable_metadata
    assert repr((own, inherited, more)) == before
    assert ours.served == ("lc_versions" not in {**own, **inherited, **more})


# -- child managers


class Handler(BaseCallbackHandler):
    """Equal to its like, as handlers may be."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handler) and other.number == self.number

    def __hash__(self) -> int:
        return self.number


CHILDREN = [
    ("get_child", managers.CallbackManagerForChainRun, managers.CallbackManager),
    ("async_get_child", managers.AsyncCallbackManagerForChainRun, managers.AsyncCallbackManager),
]


def run_manager(kind: Any, handlers: Any, tags: Any, metadata: Any) -> Any:
    return kind(
        run_id=5,
        handlers=[],
        inheritable_handlers=handlers,
        parent_run_id=4,
        tags=["own"],
        inheritable_tags=tags,
        metadata={"own": 1},
        inheritable_metadata=metadata,
    )


@pytest.mark.parametrize(("name", "kind", "child"), CHILDREN)
@quick
@given(
    handlers=st.lists(st.integers(0, 2).map(Handler), max_size=4),
    tags=st.lists(st.sampled_from(["x", "y", "seq:step:1"]), max_size=4),
    metadata=metadata,
    tag=st.none() | st.sampled_from(["x", "seq:step:1", ""]),
)
def test_get_child(
    name: str, kind: Any, child: Any, handlers: Any, tags: Any, metadata: Any, tag: Any
) -> None:
    ours = made(name)
    target = f"langchain_core.callbacks.manager:{kind.__mro__[1].__name__}.get_child"
    manager = run_manager(kind, handlers, tags, metadata)
    expected, found = original_of(target)(manager, tag), ours(manager, tag)
    assert type(found) is type(expected) is child
    assert list(vars(found)) == list(vars(expected)) and vars(found) == vars(expected)
    for attribute in ("metadata", "inheritable_metadata"):
        assert shape(getattr(found, attribute)) == shape(getattr(expected, attribute))
    for one, other in zip(found.handlers, expected.handlers):
        assert one is other
    mutable = [value for value in vars(found).values() if isinstance(value, (list, dict))]
    assert len({id(value) for value in (*mutable, handlers, tags, metadata)}) == len(mutable) + 3
    assert ours.served == ("lc_versions" not in metadata)


@pytest.mark.parametrize(("name", "kind", "child"), CHILDREN)
def test_children_that_are_the_originals(
    name: str, kind: Any, child: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replaced class, method or helper is called, as ever."""
    manager, calls = run_manager(kind, [], ["x"], {"a": 1}), []

    class Mine(child):
        pass

    ours = made(name)
    with mock.patch.object(managers, child.__name__, Mine):
        assert type(ours(manager, "t")) is Mine
    for method in ("__init__", "set_handlers", "add_tags", "add_metadata"):
        theirs = getattr(child, method)

        def traced(self: Any, *args: Any, theirs: Any = theirs, **kwargs: Any) -> Any:
            calls.append(theirs.__name__)
            return theirs(self, *args, **kwargs)

        with mock.patch.object(child, method, traced):
            ours(manager, "t")
        assert calls and set(calls) == {method}
        calls.clear()
    config = langchain_core.runnables.config
    theirs_merge = config._merge_metadata_dicts
    with mock.patch.object(config, "_merge_metadata_dicts", lambda a, b: {"mine": 1}):
        assert ours(manager).metadata == {"mine": 1}
    assert config._merge_metadata_dicts is theirs_merge and ours.served == 0
    assert ours(manager, "t").tags == ["x", "t"] and ours.served == 1


# -- signatures of savers


class Savers:
    def old(self, config: Any, writes: Any, task_id: str) -> None: ...
    def new(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None: ...
    def keyword(self, *, task_path: str = "") -> None: ...
    def starred(self, *task_path: Any) -> None: ...
    def doubled(self, **task_path: Any) -> None: ...
    def any(self, *args: Any, **kwargs: Any) -> None: ...
    def local(self) -> None:
        task_path = 1
        del task_path

    def only(*task_path: Any) -> None: ...
    def first(task_path) -> None: ...  # type: ignore[no-untyped-def]  # noqa: N805
    async def later(self, task_path: str = "") -> None: ...

    @functools.wraps(new)
    def wrapped(self, *args: Any) -> None: ...

    @classmethod
    def of_class(cls, task_path: str = "") -> None: ...

    @staticmethod
    def static(task_path: str = "") -> None: ...

    def shown(self, task_path: str = "") -> None: ...

    shown.__signature__ = inspect.Signature()  # type: ignore[attr-defined]
    partial = functools.partialmethod(new, task_path="")


class Callable_:
    def __call__(self, task_path: str) -> None: ...


@pytest.mark.parametrize("name", [name for name in vars(Savers) if not name.startswith("__")])
def test_accepts_task_path(name: str) -> None:
    ours = made("task_path")
    for method in (getattr(Savers(), name), getattr(Savers, name)):
        assert outcome(ours, method) == outcome(original_of(PATH), method)
    assert ours.served == (name not in ("only", "wrapped", "static", "shown", "partial")) + (
        name == "of_class"
    )


def test_accepts_task_path_of_other_callables() -> None:
    ours = made("task_path")
    for each in (Callable_(), Callable_().__call__, mock.Mock(), len, "text", lambda task_path: 1):
        assert outcome(ours, each) == outcome(original_of(PATH), each)


# -- updates


class Task:
    def __init__(self, name: str, config: Any) -> None:
        self.name, self.config = name, config


channels = ["a", "b", "c", "__return__", "__error__", "__interrupt__", "branch:to:x"]
writes_of = st.lists(st.tuples(st.sampled_from(channels), st.integers(0, 3)), max_size=5)
configs = st.sampled_from(
    [None, {}, {"tags": []}, {"tags": ["langsmith:hidden"]}, {"tags": ("x",)}, {"tags": None}]
)
tasks_of = st.lists(
    st.tuples(st.builds(Task, st.sampled_from(["n", "m", "__metadata__"]), configs), writes_of),
    max_size=3,
)
keys_of = st.sampled_from(["a", ["a", "b"], ("a",), [], [*"abcdefghij"]])


@quick
@given(keys_of, tasks_of, st.booleans())
def test_map_output_updates(keys: Any, tasks: Any, cached: bool) -> None:
    ours = made("map_updates")
    expected = outcome(lambda: [*original_of(UPDATES)(keys, tasks, cached)])
    assert outcome(lambda: [*ours(keys, tasks, cached=cached)]) == expected
    if expected[0] == "value":
        assert [list(each) for each in expected[1]] == [
            list(each) for each in ours(keys, tasks, cached)
        ]
    single = len(tasks) == 1 and type(keys) is not str
    returns = single and any(chan == "__return__" for chan, _ in tasks[0][1])
    assert bool(ours.served) == (single and not returns)


# -- the end of a round

APPLY = "langgraph.pregel._algo:apply_writes"
KINDS: dict[str, Callable[[], Any]] = {
    "last": lambda: LastValue(int),
    "sum": lambda: BinaryOperatorAggregate(list, operator.add),
    "gone": lambda: EphemeralValue(int),
    "loose": lambda: EphemeralValue(int, guard=False),
    "all": lambda: Topic(int),
    "kept": lambda: Topic(int, accumulate=True),
    "join": lambda: NamedBarrierValue(int, {1, 2}),
    "late": lambda: LastValueAfterFinish(int),
    "join late": lambda: NamedBarrierValueAfterFinish(int, {1}),
    "untracked": lambda: UntrackedValue(int),
    "any": lambda: AnyValue(int),
}
_names = [*KINDS, "__pregel_tasks", "unknown"]
_special = [
    "__no_writes__",
    "__resume__",
    "__interrupt__",
    "__return__",
    "__error__",
    "__pregel_push",
]
_writes = st.lists(st.tuples(st.sampled_from([*_names, *_special]), st.integers(0, 3)), max_size=4)
_paths = st.sampled_from(
    [
        (),
        ("__pregel_pull", "a"),
        ("__pregel_pull", "b"),
        ("__pregel_push", 2, False),
        ("__pregel_push", 10, False),
        ("__pregel_push", ("x", 1), 3, "id", True),
    ]
)
_rounds = st.lists(
    st.builds(
        PregelTaskWrites,
        path=_paths,
        name=st.sampled_from(["a", "b", "__start__"]),
        writes=_writes,
        triggers=st.lists(st.sampled_from([*_names, "__resume__"]), max_size=3),
    ),
    max_size=4,
)


def _state(channels: dict[str, Any], checkpoint: Any) -> Any:
    values = {
        name: [
            repr(getattr(channel, slot, "unset"))
            for kind in type(channel).__mro__
            for slot in getattr(kind, "__slots__", ())
            if slot != "typ"
        ]
        for name, channel in channels.items()
    }
    return values, checkpoint, [*checkpoint["channel_versions"]]


@quick
@given(
    _rounds,
    _rounds,
    st.sampled_from([None, increment, lambda current, channel: f"{len(current or '')}"]),
    st.sampled_from([{}, {"last": ["a"]}, dict.fromkeys(KINDS, ["b"])]),
)
def test_apply_writes(first: Any, second: Any, versions: Any, triggers: Any) -> None:
    ours, told = made("apply_writes"), []
    for function in (original_of(APPLY), ours):
        channels = {name: make() for name, make in KINDS.items()}
        for name, channel in channels.items():
            channel.key = name
        checkpoint: Any = {"channel_versions": {}, "versions_seen": {}}
        with mock.patch.object(logger, "warning") as warning:
            for tasks in (first, second, [*reversed(first)]):
                found = outcome(function, checkpoint, channels, iter(tasks), versions, triggers)
                told.append((found, repr(_state(channels, checkpoint)), warning.mock_calls[:]))
    half = len(told) // 2
    assert told[half:] == told[:half]
    assert ours.served == 3


def test_apply_writes_of_other_mappings() -> None:
    ours = made("apply_writes")
    channels = types.MappingProxyType({"last": LastValue(int)})
    checkpoint: Any = {"channel_versions": {}, "versions_seen": {}}
    task = PregelTaskWrites((), "a", [("last", 1)], ["t"])
    assert ours(checkpoint, channels, [task], increment, {"last": ["a"]}) == {"last"}
    assert channels["last"].get() == 1 and ours.served == 0


# -- a node's steps


def entries(*made_: Any) -> list[Any]:
    return list(made_)


def _raises(value: Any) -> Any:
    raise KeyError("mapper")


class Entry(ChannelWriteEntry):
    pass


WRITERS: dict[str, list[Any]] = {
    "passthrough": entries(ChannelWriteEntry("a")),
    "value": entries(ChannelWriteEntry("a", 1), ChannelWriteEntry("b", None)),
    "mapped": entries(ChannelWriteEntry("a", mapper=lambda value: [value])),
    "skipped": entries(
        ChannelWriteEntry("a", SKIP_WRITE),
        ChannelWriteEntry("b", None, skip_none=True),
        ChannelWriteEntry("c", 3, True, lambda value: None),
    ),
    "tuples": entries(
        ChannelWriteTupleEntry(lambda value: [("a", value), ("b", 2)]),
        ChannelWriteTupleEntry(lambda value: None),
        ChannelWriteTupleEntry(lambda value: (("c", value),), value=7),
        ChannelWriteEntry("d"),
    ),
    "sends": entries(ChannelWriteEntry("a", 1), Send("x", 1)),
    "reserved": entries(ChannelWriteEntry("a", 1), ChannelWriteEntry("__pregel_tasks", 1)),
    "invalid": entries(ChannelWriteEntry("a", 1), "odd"),
    "subclass": entries(Entry("a", 1)),
    "raising": entries(ChannelWriteEntry("a", 1), ChannelWriteTupleEntry(_raises)),
    "none": [],
}
INPUTS: dict[str, Any] = {
    "dict": {"k": 1},
    "none": None,
    "list": [1],
    "runnable": RunnableLambda(lambda value: ("ran", value)),
}
STUDIED = {"passthrough", "value", "mapped", "skipped", "tuples", "raising", "none"}


class Mine(ChannelWrite):
    """A user's own."""


def _told(function: Any, writes: Any, value: Any, kind: Any = ChannelWrite) -> Any:
    sent: list[Any] = []
    seq = RunnableSeq(RunnableLambda(lambda _: value), kind(writes), kind(writes), name="seq")
    config = {CONF: {CONFIG_KEY_SEND: sent.append}, "run_name": "named", "tags": ["t"]}
    told = outcome(function, seq, "given", config)
    return told, sent, sorted(config)


@pytest.mark.parametrize("value", INPUTS)
@pytest.mark.parametrize("writes", WRITERS)
def test_invoke(writes: str, value: str) -> None:
    ours = made("invoke")
    original = original_of("langgraph._internal._runnable:RunnableSeq.invoke")
    assert _told(ours, WRITERS[writes], INPUTS[value]) == _told(
        original, WRITERS[writes], INPUTS[value]
    )
    assert _told(ours, WRITERS[writes], INPUTS[value], Mine) == _told(
        original, WRITERS[writes], INPUTS[value], Mine
    )
    assert ours.served == 2


@pytest.mark.parametrize("value", INPUTS)
@pytest.mark.parametrize("writes", WRITERS)
async def test_ainvoke(writes: str, value: str) -> None:
    ours = made("ainvoke")
    original = original_of("langgraph._internal._runnable:RunnableSeq.ainvoke")
    assert inspect.iscoroutinefunction(ours)
    found = []
    for function in (original, ours):
        sent: list[Any] = []
        seq = RunnableSeq(RunnableLambda(lambda _: INPUTS[value]), ChannelWrite(WRITERS[writes]))
        config: Any = {CONF: {CONFIG_KEY_SEND: sent.append}}
        try:
            told = await function(seq, "given", config)
        except Exception as error:
            told = type(error), str(error)
        found.append((told, sent))
    assert found[0] == found[1]


def test_writers_are_served_without_a_child() -> None:
    """What is saved: no run manager's child for a writer; one for each step that is none."""
    made_, ours = [], made("invoke")
    theirs = managers.ParentRunManager.get_child

    def get_child(self: Any, tag: Any = None) -> Any:
        made_.extend([tag] if tag else [])
        return theirs(self, tag)

    with mock.patch.object(managers.ParentRunManager, "get_child", get_child):
        for name in WRITERS:
            made_.clear()
            _told(ours, WRITERS[name], {"k": 1})
            if name == "raising":
                assert made_ == ["seq:step:1"]
            elif name in STUDIED:
                assert made_ == ["seq:step:1"], name
            else:
                assert made_[:2] == ["seq:step:1", "seq:step:2"], name


@pytest.mark.parametrize("method", ["invoke", "_write", "do_write"])
def test_a_replaced_writer_is_called(method: str) -> None:
    ours, calls = made("invoke"), []
    theirs = getattr(ChannelWrite, method)

    def traced(*args: Any, **kwargs: Any) -> Any:
        calls.append(method)
        return theirs(*args, **kwargs)

    def written(
        self: Any, input: Any, config: RunnableConfig
    ) -> Any:  # its parameters are looked at
        return traced(self, input, config)

    replaced = {"invoke": traced, "_write": written, "do_write": staticmethod(traced)}[method]
    with mock.patch.object(ChannelWrite, method, replaced):
        told = _told(ours, WRITERS["value"], {"k": 1})
    assert told[1] == [[("a", 1), ("b", None)]] * 2 and calls == [method] * 2


def test_what_a_node_leaves_in_its_context() -> None:
    """Of the first step nothing; an error leaves as it was raised."""
    import contextvars

    place = contextvars.ContextVar("place", default="nowhere")
    seen = []

    def first(value: Any) -> Any:
        seen.append(
            (place.get(), langchain_core.runnables.config.var_child_runnable_config.get()["tags"])
        )
        place.set("left")
        if value == "raise":
            raise StopIteration("odd")
        return value

    for function in (
        original_of("langgraph._internal._runnable:RunnableSeq.invoke"),
        made("invoke"),
    ):
        seen.clear()
        from langgraph._internal._runnable import RunnableCallable

        seq = RunnableSeq(RunnableCallable(first, trace=False), ChannelWrite([]))
        config: Any = {CONF: {CONFIG_KEY_SEND: lambda _: seen.append(place.get())}, "tags": ["t"]}
        assert function(seq, 1, dict(config)) == 1
        with pytest.raises(StopIteration, match="odd"):
            function(seq, "raise", dict(config))
        assert seen == [("nowhere", ["t"]), "nowhere", ("nowhere", ["t"])]
        assert place.get() == "nowhere"
        assert langchain_core.runnables.config.var_child_runnable_config.get() is None


# -- attempts

RUN = "langgraph.pregel._retry:run_with_retry"
ARUN = "langgraph.pregel._retry:arun_with_retry"
NS = "outer:1|node:2"
ERRORS: dict[str, Callable[[], BaseException]] = {
    "value": lambda: ValueError("bad"),
    "bubble": lambda: GraphInterrupt(()),
    "cancelled": lambda: asyncio.CancelledError("own"),
    "exit": lambda: SystemExit(3),
    "to this graph": lambda: ParentCommand(Command(graph=NS, goto="x")),
    "to this graph, by name": lambda: ParentCommand(Command(graph="node", goto="x")),
    "to the parent": lambda: ParentCommand(Command(graph=Command.PARENT, goto="x")),
    "to another": lambda: ParentCommand(Command(graph="other", goto="x")),
}
CONFIGS: dict[str, Any] = {
    "usual": {
        CONF: {
            CONFIG_KEY_RUNTIME: Runtime(execution_info=ExecutionInfo("c", NS, "t")),
            CONFIG_KEY_CHECKPOINT_NS: NS,
            "a": 1,
        },
        "tags": ["t"],
    },
    "no info": {CONF: {CONFIG_KEY_RUNTIME: Runtime(), CONFIG_KEY_CHECKPOINT_NS: NS}},
    "no runtime": {CONF: {CONFIG_KEY_CHECKPOINT_NS: NS}, "tags": []},
    "another runtime": {CONF: {CONFIG_KEY_RUNTIME: "mine", CONFIG_KEY_CHECKPOINT_NS: NS}},
    "empty": {},
}


class Proc:
    """A node that tells how it was called, and raises at will."""

    def __init__(self, error: Any, told: list[Any]) -> None:
        self.error, self.told = error, told

    def invoke(self, value: Any, config: Any) -> Any:
        self.told.append((value, config, [*config], [*config.get(CONF, {})]))
        if self.error is not None:
            raise self.error()
        return "result"

    async def ainvoke(self, value: Any, config: Any) -> Any:
        await asyncio.sleep(0)
        return self.invoke(value, config)


def attempt(error: Any, config: Any, policy: Any = None) -> tuple[Any, list[Any]]:
    told: list[Any] = []
    writer = types.SimpleNamespace(invoke=lambda command, config: told.append((command, config)))
    task = types.SimpleNamespace(
        name="node", id="2", input="given", config=config, retry_policy=policy, timeout=None,
        writes=collections.deque([("left", 1)]), writers=[writer], proc=Proc(error, told),
    )  # fmt: skip
    return task, told


def ended(error: BaseException | None, value: Any = None) -> Any:
    if error is None:
        return value
    return type(error), repr(error.args), getattr(error, "__notes__", None), repr(error.__cause__)


POLICIES: dict[str, Any] = {
    "none": None,
    "retried": [RetryPolicy(max_attempts=2, initial_interval=0, jitter=False, retry_on=ValueError)],
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("error", [None, *ERRORS])
@pytest.mark.parametrize("configurable", [None, {"call": 1, "a": 2}])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_attempts(
    asynchronous: bool, configurable: Any, error: Any, config: str, policy: str
) -> None:
    name, target = ("arun", ARUN) if asynchronous else ("run", RUN)
    ours, found = made(name), []
    for function in (original_of(target), ours):
        task, told = attempt(error and ERRORS[error], CONFIGS[config], POLICIES[policy])
        before = repr(CONFIGS[config])
        with mock.patch.object(
            _retry, "time", types.SimpleNamespace(time=lambda: 7.5, sleep=lambda _: None)
        ):
            try:
                if asynchronous:
                    value = asyncio.run(function(task, None, configurable=configurable))
                else:
                    value = function(task, None, configurable)
                end = ended(None, value)
            except BaseException as raised:
                end = ended(raised)
        assert repr(CONFIGS[config]) == before
        found.append((end, told, [*task.writes]))
    assert found[1] == found[0]
    assert ours.served == (config == "usual" and policy == "none")


# -- the end of an async run

ENDS = [
    ("chain_end", managers.AsyncCallbackManagerForChainRun, "on_chain_end"),
    ("llm_end", managers.AsyncCallbackManagerForLLMRun, "on_llm_end"),
]
_operations = st.one_of(
    st.just("end"),
    st.just("pass"),
    st.tuples(st.just("cancel"), st.integers(0, 3)),
    st.just("spawn"),
)


@pytest.mark.parametrize(("name", "kind", "method"), ENDS)
@quick
@given(workers=st.lists(st.lists(_operations, max_size=5), min_size=1, max_size=4))
def test_the_loop_goes_round_as_often(name: str, kind: Any, method: str, workers: Any) -> None:
    """Tasks that end runs, pass, cancel each other: all happens in the original's order."""
    ours = made(name)

    async def run(on_end: Any) -> list[Any]:
        log: list[Any] = []
        manager = run_manager(kind, [], [], {})
        tasks: list[Any] = []

        async def work(number: int, operations: Any) -> None:
            try:
                for operation in operations:
                    log.append((number, operation))
                    if operation == "end":
                        assert await on_end(manager, "output") is None
                    elif operation == "pass":
                        await asyncio.sleep(0)
                    elif operation == "spawn":
                        await asyncio.create_task(asyncio.sleep(0))
                    elif operation[1] < len(tasks):
                        tasks[operation[1]].cancel()
                log.append((number, "done"))
            except asyncio.CancelledError:
                log.append((number, "cancelled"))

        tasks += [asyncio.create_task(work(*each)) for each in enumerate(workers)]
        await asyncio.gather(*tasks, return_exceptions=True)
        return log

    target = f"langchain_core.callbacks.manager:{kind.__name__}.{method}"
    assert asyncio.run(run(ours)) == asyncio.run(run(original_of(target)))
    assert bool(ours.served) <= any("end" in each for each in workers)


@pytest.mark.parametrize(("name", "kind", "method"), ENDS)
def test_ends_that_are_the_originals(name: str, kind: Any, method: str) -> None:
    """Handlers are told, in a context of their own; wrong arguments; an eager factory."""
    ours, told = made(name), []

    class Told(BaseCallbackHandler):
        run_inline = True

        def on_chain_end(self, outputs: Any, **kwargs: Any) -> None:
            told.append(outputs)

        on_llm_end = on_chain_end

    async def run() -> Any:
        manager = run_manager(kind, [], [], {})
        manager.handlers = [Told()]
        await ours(manager, "output")
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            await ours(manager)
        if sys.version_info >= (3, 12):
            manager.handlers = []
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
            await ours(manager, "output")

    asyncio.run(run())
    assert told == ["output"] and ours.served == 0


# -- what was replaced before us


def test_constructors_and_methods_that_were_replaced_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are none that were studied: all is left to the original."""
    calls: list[str] = []
    theirs, theirs_tags = Runtime.__init__, managers.CallbackManager.add_tags

    def init(self: Any, **given: Any) -> None:
        calls.append("init")
        theirs(self, **given)

    def add_tags(self: Any, *given: Any, **named: Any) -> None:
        calls.append("tags")
        theirs_tags(self, *given, **named)

    monkeypatch.setattr(Runtime, "__init__", init)
    monkeypatch.setattr(managers.CallbackManager, "add_tags", add_tags)
    made("runtime_override")(Runtime(), store=1)
    made("runtime_info")(Runtime(execution_info=ExecutionInfo("c", "n", "t")), node_attempt=2)
    made("get_child")(run_manager(managers.CallbackManagerForChainRun, [], [], {}), "t")
    assert calls == ["init"] * 4 + ["tags"] * 2


def test_the_gates_ask_for_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that was replaced on its class before us stops the patch, though the class's source is the same."""
    leans = {patch.name.partition(".")[2]: {*patch.also} for patch in STEPS}
    for name in ("invoke", "ainvoke", "_write", "_awrite", "do_write"):
        assert f"langgraph.pregel._write:ChannelWrite.{name}" in leans["invoke"] & leans["ainvoke"]
    assert "langgraph.pregel._algo:writes_sort_key" in leans["apply_writes"]
    assert "langgraph.pregel._retry:patch_configurable" in leans["run"] & leans["arun"]
    monkeypatch.setattr(ChannelWrite, "_write", lambda self, input, config: input)
    entry = _registry.Entry(next(patch for patch in STEPS if patch.name == "langgraph.invoke"))
    entry.original = original_of(entry.patch.target)
    assert "ChannelWrite._write" in _registry._code_gate(entry)
    monkeypatch.undo()
    assert _registry._code_gate(entry) == ""
