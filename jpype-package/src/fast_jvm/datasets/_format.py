"""What a dataset's folder holds, and the layout of its bytes; docs/datasets.md says the same in words.

All numbers are little-endian. A batch is a record of the log whose payload is: the number of its rows, u64; for each
column, in the order of the manifest, two u64, where its values begin and how many bytes they take; then the columns,
each at a multiple of eight. A column of lists has each row's number of items before it, u32, at
``values - align(4 * rows)``.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple, Union

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]
else:
    Array = np.ndarray

FORMAT = "fast-jvm dataset 1"
MANIFEST = "manifest.json"
INDEX = "index"
BATCHES = "batches"
LOG = "log"

KINDS = {
    "bool": np.dtype("?"),
    "uint8": np.dtype("u1"),
    "int8": np.dtype("i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
}
TEXTS = {"string": np.dtype("u1"), "bytes": np.dtype("u1")}

OFFSET_BITS = 40
"""A position is a segment's number and, in so many bits, an offset in its file."""
OFFSET = (1 << OFFSET_BITS) - 1
PARTED = 1 << 63
"""Marks the position of a row that lies in a record of several parts."""
LARGEST_PLAIN = (8 << 20) - 4096
"""A batch larger than this is stored in parts, bytes."""

HEAD = 8
"""Before a record's payload: CRC-32C, magic, kind, flags."""
FLAG_PARTED, FLAG_ALIGNED = 1, 4

POSITION_AND_LENGTH = 16
BATCH_ENTRY = np.dtype([("position", "<u8"), ("bytes", "<u8"), ("rows", "<u8")])
"""One of index/batches: where a batch's record lies, its payload's size, and rows up to its end."""


class DatasetError(Exception):
    """A folder that is no dataset, or one whose files are not as its index says; the text names the file."""


class Column(NamedTuple):
    """A column's name and type."""

    name: str
    type: str

    @property
    def listed(self) -> bool:
        """Whether rows differ in length: lists, strings, bytes."""
        return self.type in TEXTS or self.type.startswith("list<")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one item."""
        inner = self.type[5:-1] if self.type.startswith("list<") else self.type
        return KINDS[inner] if inner in KINDS else TEXTS[inner]

    @property
    def file(self) -> str:
        """Name of its file in ``index``: of its values, or for lists of (position, items) pairs."""
        return "%s.%s" % (self.name, "list" if self.listed else "column")


def columns(schema: Mapping[str, str]) -> List[Column]:
    """Return the columns of a schema; ValueError where a name or type is not known."""
    found = []
    for name, kind in schema.items():
        inner = kind[5:-1] if kind.startswith("list<") and kind.endswith(">") else kind
        if inner not in KINDS and (kind not in TEXTS or inner is not kind):
            known = ", ".join([*KINDS, *TEXTS])
            raise ValueError(
                f"column {name!r}: no type {kind!r}; known: {known}, and list<…> of the first eight"
            )
        if not name.isidentifier() or name == BATCHES:
            raise ValueError(f"column {name!r}: a name is an identifier, and not {BATCHES!r}")
        found.append(Column(name, kind))
    if not found:
        raise ValueError("a schema needs a column")
    return found


def align(size: int) -> int:
    """Return the next multiple of eight."""
    return (size + 7) & ~7


class Part(NamedTuple):
    """One column of a batch: its values, flat, and for lists the items of each row (u32)."""

    values: Array
    lengths: Union[Array, None]


def layout(parts: Sequence[Part]) -> Tuple[List[Any], List[int], int]:
    """Return the pieces of a batch's payload, where in it each column's values begin, and its size in bytes."""
    head = np.zeros(1 + 2 * len(parts), "<u8")
    head[0] = rows_of(parts[0])
    pieces: List[Any] = [head]
    starts = []
    at = head.nbytes
    for number, (values, lengths) in enumerate(parts):
        if lengths is not None:
            pieces += [lengths, bytes(align(lengths.nbytes) - lengths.nbytes)]
            at += align(lengths.nbytes)
        head[1 + 2 * number : 3 + 2 * number] = at, values.nbytes
        starts.append(at)
        pieces += [values, bytes(align(values.nbytes) - values.nbytes)]
        at += align(values.nbytes)
    return [piece for piece in pieces if len(piece)], starts, at


def rows_of(part: Part) -> int:
    """Return how many rows a part holds."""
    return len(part.values if part.lengths is None else part.lengths)


def read_batch(payload: Any, schema: Sequence[Column]) -> Tuple[List[int], List[Part]]:
    """Return where in a batch's payload each column's values begin, and the columns as views of it."""
    head = np.frombuffer(payload, "<u8", 1 + 2 * len(schema)).tolist()
    rows, starts, parts = head[0], head[1::2], []
    for column, at, size in zip(schema, starts, head[2::2]):
        lengths = None
        if column.listed:
            lengths = np.frombuffer(payload, "<u4", rows, at - align(4 * rows))
        values = np.frombuffer(payload, column.dtype, size // column.dtype.itemsize, at)
        parts.append(Part(values, lengths))
    return starts, parts


def lead(position: int) -> int:
    """Return how many bytes lie between a record's position and its payload, which is aligned."""
    return HEAD + 8 - ((position & OFFSET) + HEAD) % 8


def starts_of(lengths: Array) -> Array:
    """Return where each row begins, in items, and where the last one ends."""
    starts = np.zeros(len(lengths) + 1, "i8")
    np.cumsum(lengths, out=starts[1:])
    return starts


def places(part: Part, start: int, parted: Union[int, None]) -> Array:
    """Return a list column's entries of the index, (position, items) of each row.

    ``start``: position of the first item; ``parted``: position of the record where it is of several parts.
    """
    assert part.lengths is not None
    entries = np.empty((len(part.lengths), 2), "<u8")
    entries[:, 1] = part.lengths
    if parted is not None:
        entries[:, 0] = parted | PARTED
    else:
        entries[:, 0] = starts_of(part.lengths)[:-1] * part.values.itemsize + start
    return entries


def write_manifest(folder: str, content: Dict[str, Any]) -> None:
    """Put a manifest in place, whole or not at all."""
    fresh = os.path.join(folder, MANIFEST + ".part")
    with open(fresh, "w", encoding="utf-8", opener=private) as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, os.path.join(folder, MANIFEST))


def private(path: str, flags: int) -> int:
    """Open a file that nobody else may read, for ``open``."""
    return os.open(path, flags, 0o600)


def read_manifest(folder: str) -> Dict[str, Any]:
    """Return a folder's manifest; DatasetError where there is none that is known."""
    path = os.path.join(folder, MANIFEST)
    try:
        with open(path, encoding="utf-8") as file:
            content: Dict[str, Any] = json.load(file)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatasetError(f"{folder} is no dataset: there is no {MANIFEST}") from error
    except ValueError as error:
        raise DatasetError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        said = content.get("format") if isinstance(content, dict) else None
        raise DatasetError(f"{path} says {said!r}, this version reads {FORMAT!r}")
    return content


class Held:
    """A folder as it is now, kept open so that no other is taken for it: one that is compacted is replaced by another.

    OSError where there is none. Where folders cannot be opened, on Windows, they cannot be replaced either.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._file = os.open(folder, os.O_RDONLY) if os.name == "posix" else -1

    def stays(self) -> bool:
        """Say whether it still has its name."""
        if self._file < 0:
            return os.path.isdir(self.folder)
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(self.folder), os.fstat(self._file))
        return False

    def close(self) -> None:
        """Let it go."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def segment_file(folder: str, segment: int) -> str:
    """Return the path of a segment's file: Chronicle names it after the day of that number since 1970."""
    import datetime

    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=segment)
    return os.path.join(folder, LOG, "%sL.cq4" % day.strftime("%Y%m%d"))
