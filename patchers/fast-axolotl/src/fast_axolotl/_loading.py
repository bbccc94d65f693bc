"""HF's builders of one JSON array and of Parquet's large row groups, in bounded memory.

An array is parsed part by part with the very functions that the original gives the whole of it to. What it infers over
the whole is the union of what the parts have: parts that lack some of it are parsed once more, with that schema given.
All this happens before the first table is handed out, in a file beside the dataset; every doubt is the original's.
"""

from __future__ import annotations

import io
import mmap
import os
import tempfile
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from fast_jvm._registry import Activate, Meter
from fast_jvm.datasets._sources import LONGEST_LINE

from ._serving import Serving, finish

ARRAY_FROM = 32 << 20
"""A smaller file is loaded as the original does."""
PART = 4 << 20
"""So many bytes of an array are parsed at once, or its longest element."""
GROUP_FROM = 32 << 20
"""A file whose largest row group has fewer bytes is read as the original does."""
TABLE = 16 << 20
"""So many bytes are handed out at once: more are held while they are written."""


_SPACE = b" \t\r\n"


class _Doubt(Exception):
    """The original has to do this one."""


def make_json_tables(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Json._generate_tables and its switch."""
    serving = Serving("axolotl.json_array")

    def _generate_tables(
        self: Any, base_files: Any, files_iterables: Any, allow_full_read: Any = True
    ) -> Any:
        if serving and allow_full_read:
            path = _one_array(self, files_iterables)
            if path is not None:
                with tempfile.TemporaryFile(dir=_beside(self)) as spool:
                    try:
                        parts = _Parts(path, spool)
                    except (_Doubt, OSError, ValueError, RecursionError):
                        replacement.declined += 1
                    else:
                        replacement.served += 1
                        for number, table in enumerate(parts.tables(self._writer_batch_size)):
                            yield _key(0, number), table
                        return
        yield from original(self, base_files, files_iterables, allow_full_read)

    replacement: Any = _generate_tables
    return finish(replacement, serving)


def _key(shard: int, number: int) -> Any:
    from datasets.builder import Key

    return Key(shard, number)


def _one_array(builder: Any, files_iterables: Any) -> Optional[str]:
    """The one file of a builder that has no say in how it is read, where that is a large array of objects."""
    from datasets.packaged_modules.json.json import Json

    config = builder.config
    if type(builder) is not Json or builder.info.features is not None:
        return None
    if (
        config.field is not None
        or config.encoding != "utf-8"
        or config.on_mixed_types != "use_json"
    ):
        return None
    if config.chunksize < 100:
        return None
    files = [file for files in files_iterables for file in files]
    if len(files) != 1 or not os.path.isfile(files[0]) or os.path.getsize(files[0]) < ARRAY_FROM:
        return None
    with open(files[0], "rb") as file:
        start = file.read(100)
    # as the original tells a list of objects from one of strings
    if not start.startswith(b"[") or b"{" not in start.split(b'"', 1)[0]:
        return None
    return str(files[0])


def _beside(builder: Any) -> Optional[str]:
    """Where the dataset is being written: a temporary folder may be memory."""
    for name in ("_output_dir", "_cache_dir_root"):
        folder = getattr(builder, name, None)
        if isinstance(folder, str) and os.path.isdir(folder):
            return folder
    return None


class _Part(NamedTuple):
    """Some elements of an array: where their text lies in its file, their table in the spool."""

    text: Tuple[int, int]
    table: Tuple[int, int]
    schema: Any


class _Parts:
    """The tables of an array's parts, all of one schema."""

    def __init__(self, path: str, spool: Any) -> None:
        import pyarrow as pa

        self._spool = spool
        self._parts: List[_Part] = []
        kind: Any = pa.struct([])
        with open(path, "rb") as file:
            for place, text in _elements(file):
                table = _parse(text, None)
                self._parts.append(_Part(place, self._keep(table), table.schema))
                kind = _union(kind, pa.struct(list(table.schema)), top=True)
            if not self._parts or not kind.num_fields:
                raise _Doubt
            schema = pa.schema([kind.field(number) for number in range(kind.num_fields)])
            for number, part in enumerate(self._parts):
                if not part.schema.equals(schema):
                    file.seek(part.text[0])
                    table = _parse(file.read(part.text[1]), schema)
                    if not table.schema.equals(schema):
                        raise _Doubt
                    self._parts[number] = part._replace(table=self._keep(table))
        spool.flush()

    def _keep(self, table: Any) -> Tuple[int, int]:
        import pyarrow as pa

        start = self._spool.tell()
        with pa.ipc.new_stream(self._spool, table.schema) as stream:
            stream.write_table(table)
        end = self._spool.tell()
        self._spool.write(bytes(-end % 64))  # buffers are aligned where they are mapped
        return start, end - start

    def tables(self, batch: Optional[int]) -> Iterator[Any]:
        """Yield the rows, cut where the writer cuts the whole, unless so many rows are too large."""
        import pyarrow as pa
        from datasets import config

        batch = batch or config.DEFAULT_MAX_BATCH_SIZE
        # never closed: who took a table may have it still
        whole = pa.py_buffer(mmap.mmap(self._spool.fileno(), 0, access=mmap.ACCESS_READ))
        pending: Any = None
        for part in self._parts:
            with pa.ipc.open_stream(whole.slice(*part.table)) as stream:
                table = stream.read_all()
            pending = table if pending is None else pa.concat_tables([pending, table])
            rows = len(pending) // batch * batch
            if pending.nbytes > TABLE and not rows:
                rows = len(pending)
            if rows:
                yield pending.slice(0, rows)
                pending = pending.slice(rows)
        if len(pending):
            yield pending


def _elements(file: Any) -> Iterator[Tuple[Tuple[int, int], bytes]]:
    """Yield an array's elements, some at a time, and where they are: place and length."""
    place, text = 1, b""
    file.seek(1)
    while True:
        piece = file.read(max(PART, len(text)))
        text += piece
        end, closed = _last_end(text)
        if not end:
            if closed or not piece or len(text) > LONGEST_LINE:
                raise _Doubt
            continue
        yield (place, end), text[:end]
        behind = text[end:].lstrip(_SPACE)
        while not behind:
            piece = file.read(PART)
            if not piece:
                raise _Doubt
            text += piece
            behind = text[end:].lstrip(_SPACE)
        if behind[:1] == b"]":
            if behind[1:].strip(_SPACE) or file.read(PART).strip(_SPACE) or file.read(1):
                raise _Doubt
            return
        if behind[:1] != b",":
            raise _Doubt
        place += len(text) - len(behind) + 1
        text = behind[1:]


def _last_end(text: bytes) -> Tuple[int, bool]:
    """Return where the last whole object ends, and whether the array is closed behind it."""
    import numpy as np

    found = np.frombuffer(text, "u1")
    quotes = np.flatnonzero(found == ord('"'))
    slashes = np.flatnonzero(found == ord("\\"))
    if len(slashes):  # behind an odd number of them a quote is a character
        numbers = np.arange(len(slashes))
        firsts = np.maximum.accumulate(np.where(np.diff(slashes, prepend=-2) != 1, numbers, 0))
        before = np.searchsorted(slashes, quotes) - 1
        quotes = quotes[(slashes[before] != quotes - 1) | ((before - firsts[before]) % 2 == 1)]
    marks = np.flatnonzero((found & 0xD9) == 0x59)  # brackets and few others
    marks = marks[np.isin(found[marks], np.frombuffer(b"[]{}", "u1"))]
    marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
    depth = np.cumsum(np.where(found[marks] & 0x04, -1, 1))
    closed = np.flatnonzero(depth < 0)
    ends = np.flatnonzero(depth[: closed[0]] == 0 if len(closed) else depth == 0)
    return (int(marks[ends[-1]]) + 1 if len(ends) else 0), len(closed) > 0


def _parse(text: bytes, schema: Any) -> Any:
    """Return the table of some elements; of what they lack there are nulls where a schema is given."""
    import pyarrow as pa
    import pyarrow.json as paj
    from datasets.utils.json import find_mixed_struct_types_field_paths, ujson_dumps, ujson_loads

    if b"\0" in text:
        raise _Doubt
    rows = ujson_loads(b"[" + text + b"]")
    if schema is None and (
        not all(type(row) is dict for row in rows) or find_mixed_struct_types_field_paths(rows)
    ):
        raise _Doubt
    count = len(rows)
    lines = "\n".join([ujson_dumps(row) for row in rows]).encode()
    del rows
    try:
        table = paj.read_json(
            io.BytesIO(lines),
            read_options=paj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=paj.ParseOptions(
                explicit_schema=schema,
                unexpected_field_behavior="infer" if schema is None else "error",
            ),
        )
    except pa.ArrowException:
        raise _Doubt from None
    if len(table) != count or any(
        _null_items(chunk) for column in table.columns for chunk in column.chunks
    ):
        raise _Doubt
    return table


def _null_items(array: Any) -> bool:
    """Whether a list has a null in it: Arrow's parser loses some, depending on what stands before."""
    import pyarrow as pa
    import pyarrow.types as types

    try:
        array.validate()
    except pa.ArrowInvalid:
        return True
    if types.is_list(array.type):
        return bool(array.values.null_count) or _null_items(array.values)
    if types.is_struct(array.type):
        return any(_null_items(array.field(number)) for number in range(array.type.num_fields))
    return False


def _union(one: Any, other: Any, top: bool = False) -> Any:
    """Return what Arrow infers of values of which it infers two types part by part."""
    import pyarrow as pa
    import pyarrow.types as types

    if one.equals(other) or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    if types.is_struct(one) and types.is_struct(other):
        fields: Dict[str, Any] = {field.name: field for field in one}
        if not top and set(fields) != {field.name for field in other}:
            raise _Doubt  # the original makes JSON of them
        for field in other:
            known = fields.get(field.name)
            kind = field.type if known is None else _union(known.type, field.type)
            fields[field.name] = pa.field(field.name, kind)
        return pa.struct(list(fields.values()))
    if types.is_list(one) and types.is_list(other):
        return pa.list_(_union(one.value_type, other.value_type))
    kinds = {one, other}
    if kinds == {pa.int64(), pa.float64()}:
        return pa.float64()
    stamps = {pa.timestamp("s"), pa.timestamp("ns")}
    if kinds == stamps:
        return pa.timestamp("ns")
    if pa.string() in kinds and kinds - {pa.string()} <= stamps:
        return pa.string()
    raise _Doubt


def make_parquet_tables(
    original: Callable[..., Any], meter: Meter
) -> Tuple[Callable[..., Any], Activate]:
    """Return the replacement of Parquet._generate_tables and its switch."""
    serving = Serving("axolotl.parquet")

    def _generate_tables(self: Any, files: Any, row_groups_list: Any) -> Any:
        if serving:
            rows = _large_groups(self, files, row_groups_list)
            if rows is not None:
                replacement.served += 1
                yield from _parquet_tables(self, files, rows)
                return
            replacement.declined += 1
        yield from original(self, files, row_groups_list)

    replacement: Any = _generate_tables
    return finish(replacement, serving)


def _large_groups(builder: Any, files: Any, row_groups_list: Any) -> Optional[List[int]]:
    """Of each file how many rows are read at once; None where the original reads as well, or has to."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq
    from datasets import config as settings
    from datasets.packaged_modules.parquet.parquet import Parquet

    config = builder.config
    if type(builder) is not Parquet or config.batch_size is not None or config.columns is not None:
        return None
    if config.filters is not None or config.fragment_scan_options is not None:
        return None
    if config.on_bad_files != "error" or any(groups is not None for groups in row_groups_list):
        return None
    if not files or len(files) != len(row_groups_list) or not all(map(os.path.isfile, files)):
        return None
    batch = builder._writer_batch_size or settings.DEFAULT_MAX_BATCH_SIZE
    found, largest = [], 0
    for path in files:
        try:
            with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file, open(
                path, "rb"
            ) as opened:
                meta = file.metadata
                groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
                fragment = ds.ParquetFileFormat().make_fragment(opened)
                if not file.schema_arrow.equals(fragment.physical_schema, check_metadata=True):
                    return None
        except (OSError, pa.ArrowException):
            return None
        # the original cuts a row group where it has more rows than the first
        if not groups or any(not 0 < each.num_rows <= groups[0].num_rows for each in groups):
            return None
        size = max(each.total_byte_size for each in groups)
        widest = max(each.total_byte_size / each.num_rows for each in groups)
        largest = max(largest, size)
        batches = int(TABLE / widest) // batch
        found.append(batch * batches if batches else max(1, int(TABLE / widest)))
    return found if largest >= GROUP_FROM else None


def _parquet_tables(builder: Any, files: Any, rows: List[int]) -> Iterator[Any]:
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    logger = datasets.utils.logging.get_logger("datasets.packaged_modules.parquet.parquet")
    for number, (path, count) in enumerate(zip(files, rows)):
        try:
            part = 0
            # pages are read as they are needed, not a row group at once
            with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
                for group in range(file.num_row_groups):
                    for batch in file.iter_batches(count, row_groups=[group]):
                        table = pa.Table.from_batches([batch])
                        yield _key(number, part), builder._cast_table(table)
                        part += 1
        except (pa.ArrowInvalid, ValueError) as error:
            logger.error(f"Failed to read file '{path}' with error {type(error).__name__}: {error}")
            raise
