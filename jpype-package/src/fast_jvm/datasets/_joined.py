"""One dataset of several: a manifest that names them, so that many tasks and machines write without a common lock."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Sequence, Union

from . import _format
from ._dataset import Dataset
from ._format import DatasetError

FolderLike = Union[str, "os.PathLike[str]"]


def join(
    folder: FolderLike,
    shards: Sequence[FolderLike],
    schema: Union[Mapping[str, str], None] = None,
    *,
    metadata: Union[Mapping[str, Any], None] = None,
) -> Dataset:
    """Make a dataset of the rows of others, in their order, and return it; they stay where they are.

    Paths are kept relative to ``folder``, so that it can be moved with shards that lie in it. ``schema``: of a dataset without
    shards. DatasetError where shards differ in their columns, or the folder holds a dataset.
    """
    folder = os.path.abspath(os.fspath(folder))
    if os.path.lexists(os.path.join(folder, _format.MANIFEST)):
        raise DatasetError(f"{folder} holds a dataset")
    opened = [Dataset(shard) for shard in shards]
    found = dict(schema) if schema is not None else opened[0].schema if opened else {}
    _format.columns(found)
    for each in opened:
        if list(each.schema.items()) != list(found.items()):
            raise DatasetError(f"{each.folder} has the columns {each.schema}, not {found}")
    told: List[Dict[str, Any]] = [
        {"folder": os.path.relpath(each.folder, folder).replace(os.sep, "/"), "rows": len(each)}
        for each in opened
    ]
    os.makedirs(folder, mode=0o700, exist_ok=True)
    content = {"format": _format.FORMAT, "schema": found, "metadata": dict(metadata or {})}
    _format.write_manifest(folder, {**content, "rows": sum(map(len, opened)), "shards": told})
    return Dataset(folder)
