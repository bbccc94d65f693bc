"""What is asked again and again and has one answer: names of tools, their likeness, crewai's version, files of nobody."""

from __future__ import annotations

import functools
import os
import sys
from importlib import metadata
from types import CoroutineType
from typing import Any, Callable, Dict, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm._serving import Serving, finish

#: Tools that a process knows; a name is some ten bytes.
NAMES = 4096


def make_sanitize_tool_name(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``sanitize_tool_name``, once for each name."""
    serving = Serving("crewai.sanitize_tool_name")
    known = functools.lru_cache(maxsize=NAMES)(original)

    def sanitize_tool_name(name: str, max_length: int = 64) -> Any:
        if type(name) is str and type(max_length) is int and (serving.live or serving):
            replacement.served += 1
            return known(name, max_length)
        return original(name, max_length)

    replacement: Any = sanitize_tool_name
    return finish(replacement, serving)


def make_select_tool(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``ToolUsage._select_tool``: how like two names are is worked out once. Where no tool is found, the original says so."""
    serving = Serving("crewai.select_tool")
    names = original.__globals__
    matcher, sanitize = names["SequenceMatcher"], names["sanitize_tool_name"]

    @functools.lru_cache(maxsize=NAMES)
    def ratio(name: str, wanted: str) -> float:
        return matcher(None, name, wanted).ratio()  # type: ignore[no-any-return]

    def replacement(self: Any, tool_name: Any) -> Any:
        if (
            not serving
            or names["SequenceMatcher"] is not matcher
            or names["sanitize_tool_name"] is not sanitize
            or type(tool_name) is not str
        ):
            return original(self, tool_name)
        wanted = sanitize(tool_name)
        likeness = [(ratio(sanitize(tool.name), wanted), tool) for tool in self.tools]
        likeness.sort(key=_first, reverse=True)
        if likeness and likeness[0][0] > 0.85:  # 1.0 for the same name
            replacement.served += 1  # type: ignore[attr-defined]
            return likeness[0][1]
        return original(self, tool_name)

    return finish(replacement, serving)


def _first(pair: Tuple[float, Any]) -> float:
    return pair[0]


def make_run_sync(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``file_store._run_sync`` where there is no store (aiocache is not installed): its coroutines never wait then.

    The original starts an event loop for each, 15 a kickoff.
    """
    serving = Serving("crewai.run_sync")
    names = original.__globals__
    functions = [(name, names[name]) for name in FILES]
    codes = frozenset(function.__code__ for _, function in functions)

    def replacement(coro: Any) -> Any:
        if (
            not serving
            or names["_file_store"] is not None
            or type(coro) is not CoroutineType
            or coro.cr_code not in codes
            or any(names[name] is not function for name, function in functions)
        ):
            return original(coro)
        try:
            coro.send(None)
        except StopIteration as done:
            replacement.served += 1  # type: ignore[attr-defined]
            return done.value
        raise AssertionError("it waited")

    return finish(replacement, serving)


#: Coroutines of file_store.
FILES = (
    "astore_files",
    "aget_files",
    "aclear_files",
    "astore_task_files",
    "aget_task_files",
    "aclear_task_files",
    "aget_all_files",
)


def make_version(original: Any, meter: Meter) -> Tuple[Callable[..., Any], Activate]:
    """``version`` as telemetry asks it: the file is read again when it, or a folder where it is looked for, changed."""
    serving = Serving("crewai.telemetry_version")
    known: Dict[str, Tuple[Any, str, Any, str]] = {}

    def replacement(distribution_name: str) -> Any:
        if not serving or type(distribution_name) is not str:
            return original(distribution_name)
        folders = [(folder, *_changed(folder or os.curdir)) for folder in sys.path]
        folders.extend((id(finder),) for finder in sys.meta_path)
        found = known.get(distribution_name)
        if found is not None and found[0] == folders and found[2] == _changed(found[1]):
            replacement.served += 1  # type: ignore[attr-defined]
            return found[3]
        path = getattr(metadata.distribution(distribution_name), "_path", None)
        file = os.path.join(str(path), "METADATA")
        changed = _changed(file)
        version = original(distribution_name)
        if path is not None and changed:
            replacement.served += 1  # type: ignore[attr-defined]
            known[distribution_name] = folders, file, changed, version
        return version

    return finish(replacement, serving)


def _changed(path: str) -> Tuple[int, ...]:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
