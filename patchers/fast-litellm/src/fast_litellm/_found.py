"""Whether a package that was missing can be imported now, asked for each request.

``importlib.util.find_spec`` walks through all folders of the path for a package that is in none. ``importlib.machinery.FileFinder`` lists a folder anew
only when its time of change is another one; so long as that holds for each, what was in none is in none still.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import zipimport
from importlib.machinery import FileFinder, PathFinder
from typing import Any, Dict, List, Optional, Tuple

_KNOWN = (FileFinder, zipimport.zipimporter, type(None))

#: Of a name: the path it was not found on, the finders and hooks then, and the times of change of the path's folders.
_State = Tuple[List[str], List[Any], int, List[Optional[int]]]
_missed: Dict[str, _State] = {}


def _times(path: List[str]) -> List[Optional[int]]:
    times: List[Optional[int]] = []
    for entry in path:
        try:
            times.append(os.stat(entry or ".").st_mtime_ns)
        except OSError:
            times.append(None)
    return times


def _same(left: List[Any], right: List[Any]) -> bool:
    return len(left) == len(right) and all(a is b for a, b in zip(left, right))


def _missed_still(name: str, path: List[str], search: Any) -> bool:
    """Say whether nothing has changed since *name* was not found on *path*."""
    state = _missed.get(name)
    if (
        state is None
        or state[0] != path
        or state[2] != len(sys.path_hooks)
        or not _same(state[1], sys.meta_path)
        or state[3] != _times(path)
    ):
        return False
    # others than the path's may answer by whatever they like
    return all(
        finder is PathFinder or finder.find_spec(name, search, None) is None for finder in state[1]
    )


def found(name: str) -> bool:
    """Say whether a package can be imported now; its parents are imported."""
    parent = name.rpartition(".")[0]
    if name in sys.modules or (parent and parent not in sys.modules):
        return True
    try:
        search = sys.modules[parent].__path__ if parent else None
        path = [
            entry for entry in (sys.path if search is None else search) if isinstance(entry, str)
        ]
        if _missed_still(name, path, search):
            return False
        # looked at before the folders are searched: what comes meanwhile is another time
        state = (path, list(sys.meta_path), len(sys.path_hooks), _times(path))
        if importlib.util.find_spec(name) is not None:
            return True
        cache = sys.path_importer_cache
        if all(isinstance(cache.get(entry or os.getcwd()), _KNOWN) for entry in path):
            _missed[name] = state
    except Exception:
        return True
    return False
