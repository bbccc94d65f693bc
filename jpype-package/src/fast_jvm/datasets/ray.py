"""A sink for Ray Data: ``ds.write_datasink(DatasetSink(folder))``; each task writes a shard, one manifest joins them."""

from __future__ import annotations

import os
import shutil
import uuid
from typing import Any, Dict, Iterable, List, Mapping, Tuple, Union

from ray.data.block import BlockAccessor
from ray.data.datasource import Datasink

from . import _format
from ._build import write_arrow
from ._format import DatasetError
from ._joined import join
from ._sources import arrow_types
from ._writer import BATCH_BYTES, Writer

__all__ = ["DatasetSink"]

SHARDS = "shards"


class DatasetSink(Datasink):
    """Writes a dataset of shards into a folder that all tasks see.

    ``schema``: the columns to take, all where it is left out. A task that is tried again writes another shard; only those of
    tasks that ended are joined. DatasetError where the folder holds a dataset.
    """

    def __init__(
        self,
        folder: Union[str, os.PathLike[str]],
        schema: Union[Mapping[str, str], None] = None,
        *,
        durability: str = "process",
        batch_bytes: int = BATCH_BYTES,
        metadata: Union[Mapping[str, Any], None] = None,
    ) -> None:
        self.folder = os.path.abspath(os.fspath(folder))
        self._schema = dict(schema) if schema is not None else None
        self._durability, self._batch_bytes, self._metadata = durability, batch_bytes, metadata
        if os.path.lexists(os.path.join(self.folder, _format.MANIFEST)):
            raise DatasetError(f"{self.folder} holds a dataset")

    def on_write_start(self, schema: Any = None) -> None:
        """Settle the columns, by Ray's schema where none was given."""
        if self._schema is None and schema is not None:
            self._schema = arrow_types(schema, "the dataset")
        os.makedirs(os.path.join(self.folder, SHARDS), mode=0o700, exist_ok=True)

    def write(self, blocks: Iterable[Any], ctx: Any) -> List[Tuple[int, str, Dict[str, str]]]:
        """Write one task's blocks to a shard; return its task, its name and its columns, nothing without rows."""
        name = f"{ctx.task_idx:06d}-{uuid.uuid4().hex[:8]}"
        path = os.path.join(self.folder, SHARDS, name)
        schema, writer = self._schema, None
        try:
            for block in blocks:
                table = BlockAccessor.for_block(block).to_arrow()
                if not table.num_rows:
                    continue
                if writer is None:
                    schema = schema or arrow_types(table.schema, "the dataset")
                    writer = Writer(
                        path, schema, durability=self._durability, batch_bytes=self._batch_bytes
                    )
                write_arrow(writer, table.to_batches(), f"task {ctx.task_idx}")
            if writer is None or schema is None:
                return []
            writer.close()
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return [(ctx.task_idx, name, schema)]

    def on_write_complete(self, write_result: Any) -> None:
        """Join the shards in the order of their tasks, and remove those of tasks that were tried again."""
        told = sorted(each for returned in write_result.write_returns for each in returned or [])
        schema = self._schema or (told[0][2] if told else None)
        if schema is None:
            raise DatasetError("no rows: give a schema")
        base = os.path.join(self.folder, SHARDS)
        names = [name for _, name, _ in told]
        for other in set(os.listdir(base) if os.path.isdir(base) else []) - set(names):
            shutil.rmtree(os.path.join(base, other), ignore_errors=True)
        join(
            self.folder,
            [os.path.join(base, each) for each in names],
            schema,
            metadata=self._metadata,
        )

    def on_write_failed(self, error: Exception) -> None:
        """Remove what was written."""
        shutil.rmtree(os.path.join(self.folder, SHARDS), ignore_errors=True)
