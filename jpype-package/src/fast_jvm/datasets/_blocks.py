"""JSON by the block: Arrow parses what is beyond doubt; the rest goes row by row.

A block is whole rows. Arrow's parser takes it where that gives what ``json`` and ``_build._row`` would: the same
number of rows, no nulls, no value that the two read differently. Every doubt is a None: one too many costs time,
one too few would change data. Arrow lets go of the GIL, so some blocks are parsed at once, while others are written.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Generic,
    Iterator,
    List,
    NamedTuple,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

import numpy as np

from ._arrow_columns import arrow_columns
from ._format import Array, Column

DEEPEST = 300
"""A row of more brackets goes to ``json``, which gives up at some depth; Arrow's parser, in a field it skips, never."""
LONGEST_WAIT = 64
STRIDE = 16
AHEAD = 16 << 20
"""So many bytes at most are read and not yet written."""
THREADS = max(1, min(4, os.cpu_count() or 1))

_INF = re.compile(rb"Inf[ \t\r\n]*[,\]}]")  # Arrow's parser takes it, json wants Infinity
_MINUS_ZERO = re.compile(rb"-0[ \t\r\n]*[,\]}]")  # an int to json, so 0.0 in a column of floats
_ENDS = re.compile(rb"[ \t\r]*\n[ \t\r\n]*")
_SPACE = b" \t\r\n"
_T = TypeVar("_T")


class Block(NamedTuple):
    """Rows of a source that Arrow parsed, all of which fit."""

    batch: Any
    columns: Sequence[Column]
    values: Dict[str, Any]
    """As Writer.write takes them."""
    done: int
    """Bytes of the file that were read."""

    @property
    def rows(self) -> int:
        """How many there are."""
        count: int = self.batch.num_rows
        return count

    def behind(self, first: int) -> Dict[str, Any]:
        """Return the values of the rows from one on."""
        return _values(self.batch.slice(first), self.columns) or {}


Found = Union[Block, None]


class Parser:
    """Parses blocks into the columns of a schema; ImportError where there is no pyarrow."""

    def __init__(self, columns: Sequence[Column]) -> None:
        import pyarrow as pa
        import pyarrow.json

        self._pa, self._json, self._columns = pa, pyarrow.json, columns
        self._options = pyarrow.json.ParseOptions(
            explicit_schema=pa.schema([(column.name, self._type(column)) for column in columns]),
            unexpected_field_behavior="ignore",
        )
        # of more digits than int() takes, that many are looked at
        self._digits = getattr(sys, "get_int_max_str_digits", int)() // STRIDE
        self._threads = ThreadPoolExecutor(THREADS, "fast-jvm-parser")
        self._failed = self._wait = 0

    def _type(self, column: Column) -> Any:
        pa = self._pa
        if column.type == "string":
            return pa.string()
        # a narrow float is made of a double, as Python makes it: from the text it may be another
        dtype = np.dtype("f8") if column.dtype.kind == "f" else column.dtype
        return pa.list_(pa.from_numpy_dtype(dtype)) if column.listed else pa.from_numpy_dtype(dtype)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def lines(self, blocks: Sequence[bytes], done: int) -> List[Found]:
        """Return blocks of lines; None where one is in doubt."""
        return self._all([functools.partial(self._lines, block, done) for block in blocks])

    def elements(self, texts: Sequence[str], between: str, done: int) -> List[Found]:
        """Return elements of an array; ``between`` stands from the end of one to the first name of the next."""
        return self._all([functools.partial(self._elements, t, between, done) for t in texts])

    def _all(self, jobs: List[Callable[[], Found]]) -> List[Found]:
        if not jobs:
            return []
        if self._wait:  # block after block was in doubt: trying each is time lost
            self._wait -= 1
            return [None] * len(jobs)
        found = list(self._threads.map(lambda job: job(), jobs))
        if any(each is not None for each in found):
            self._failed = 0
        else:
            self._failed += 1
            self._wait = min(2**self._failed, LONGEST_WAIT) if self._failed > 1 else 0
        return found

    def _lines(self, block: bytes, done: int) -> Found:
        for made in _normal(block.strip(_SPACE)):
            ends = np.flatnonzero(np.frombuffer(made, "u1") == ord("\n"))
            # then no line's end lies within a row: there, "}" and "{" have a comma between them
            if made[:1] == b"{" and made[-1:] == b"}" and len(_between(made, ends)) == len(ends):
                return self._parse(made, ends, done) if self._utf8(made) else None
        return None

    def _elements(self, text: str, between: str, done: int) -> Found:
        # A newline takes the comma's place. Where that is within a string or an array, Arrow's parser raises;
        # where elements are parted in another way too, it raises or finds another number of rows.
        made = text.replace(between, "}\n" + between[between.index("{") :]).encode()
        ends = np.flatnonzero(np.frombuffer(made, "u1") == ord("\n"))
        ends = _between(made, ends)
        return self._parse(made, ends, done) if len(ends) == text.count(between) else None

    def _utf8(self, block: bytes) -> bool:
        pa = self._pa
        offsets = pa.py_buffer(np.array([0, len(block)], "i4"))
        texts = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(block)])
        with contextlib.suppress(pa.ArrowInvalid):
            return texts.cast(pa.string()) is not None
        return False

    def _parse(self, block: bytes, ends: Array, done: int) -> Found:
        """Parse rows that end at these places, and at the end."""
        if self._doubtful(block, ends):
            return None
        pa = self._pa
        try:
            table = self._json.read_json(
                pa.BufferReader(block + b"\n"),  # Arrow cuts at the last one
                read_options=self._json.ReadOptions(use_threads=False, block_size=len(block) + 1),
                parse_options=self._options,
            )
        except (pa.ArrowException, ValueError):
            return None
        if table.num_rows != len(ends) + 1:
            return None
        (batch,) = table.combine_chunks().to_batches()
        values = _values(batch, self._columns)
        if values is None or (_has_minus_zero(values) and _MINUS_ZERO.search(block)):
            return None
        return Block(batch, self._columns, values, done)

    def _doubtful(self, block: bytes, ends: Array) -> bool:
        """What Arrow's parser takes and json does not."""
        if b"\0" in block or (b"N" in block and b"-NaN" in block):
            return True
        if b"I" in block and b"Inf" in block and _INF.search(block):
            return True
        found = np.frombuffer(block, "u1")
        looked = found[::STRIDE]
        others = np.flatnonzero(looked - ord("0") > 9)
        digits = np.diff(others, prepend=-1, append=len(looked)) - 1
        if self._digits and digits.max() >= self._digits:
            return True
        opened = [np.flatnonzero(found == ord(each)) for each in "[{"]
        if sum(map(len, opened)) <= DEEPEST:
            return False
        limits = np.append(ends, len(block))
        counts = [np.diff(np.searchsorted(each, limits), prepend=0) for each in opened]
        return int((counts[0] + counts[1]).max()) > DEEPEST


def _normal(block: bytes) -> Iterator[bytes]:
    """Yield a block with nothing but an end of line between two rows, in the cheapest way first."""
    yield block
    yield block.replace(b"\r\n", b"\n")
    yield _ENDS.sub(b"\n", block)


def _between(block: bytes, ends: Array) -> Array:
    """Return those ends of lines that stand between ``}`` and ``{``."""
    found = np.frombuffer(block, "u1")
    behind = found[np.minimum(ends + 1, len(found) - 1)]
    kept: Array = ends[(found[ends - 1] == ord("}")) & (behind == ord("{"))]
    return kept


def _values(batch: Any, columns: Sequence[Column]) -> Union[Dict[str, Any], None]:
    """Return a batch as Writer.write takes it; None where a row may not fit."""
    found = arrow_columns(batch, columns)
    if found is None:
        return None
    for column in columns:
        if column.dtype.kind == "f":
            given = found[column.name]
            flat = given[0] if column.listed else given
            with np.errstate(over="ignore"):
                flat = flat.astype(column.dtype, copy=False)
            if np.isinf(flat).any():
                return None  # an int of that size is an error
            found[column.name] = (flat, given[1]) if column.listed else flat
    return found


def _has_minus_zero(values: Dict[str, Any]) -> bool:
    for given in values.values():
        flat = given[0] if isinstance(given, tuple) else given
        if flat.dtype.kind == "f" and np.signbit(flat[flat == 0]).any():
            return True
    return False


class Ahead(Generic[_T]):
    """What a generator yields, which works in a thread from now on, some bytes ahead; ``close`` ends the thread."""

    def __init__(self, source: Iterator[_T], size: Callable[[_T], int]) -> None:
        self._source, self._size = source, size
        self._changed = threading.Condition()
        self._coming: Deque[Tuple[_T, int]] = deque()
        self._bytes, self._closed = 0, False
        self._thread = ThreadPoolExecutor(1, "fast-jvm-sources")
        self._working = self._thread.submit(self._work)

    def _work(self) -> None:
        try:
            for each in self._source:
                size = self._size(each)
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or self._room(size))  # noqa: B023
                    if self._closed:
                        return
                    self._coming.append((each, size))
                    self._bytes += size
                    self._changed.notify_all()
                del each
        finally:
            getattr(self._source, "close", bool)()
            with self._changed:
                self._closed = True
                self._changed.notify_all()

    def _room(self, size: int) -> bool:
        return not self._coming or self._bytes + size <= AHEAD

    def __iter__(self) -> Iterator[_T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._coming)
                if not self._coming:
                    break
                found, size = self._coming.popleft()
                self._bytes -= size
                self._changed.notify_all()
            yield found
            del found
        self._working.result()

    def close(self) -> None:
        """Read no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.shutdown()
