"""Equality of two runs: every row of both databases, and every final state."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Iterator, List, Tuple


def differences(left: Path, right: Path, most: int = 5) -> Tuple[int, List[str]]:
    """How many rows were compared in the two folders, and what differs (at most *most* lines of it)."""
    compared, found = 0, []  # type: Tuple[int, List[str]]
    for line in _differences(left, right):
        if isinstance(line, int):
            compared += line
        elif len(found) < most:
            found.append(line)
    return compared, found


def _differences(left: Path, right: Path) -> "Iterator[int | str]":
    first, second = (
        sqlite3.connect(str(folder / "checkpoints.sqlite")) for folder in (left, right)
    )
    schema = "SELECT name, sql FROM sqlite_master ORDER BY name"
    tables = first.execute(schema).fetchall()
    if tables != second.execute(schema).fetchall():
        yield "the schemas differ"
        return
    for table in sorted(name for name, _ in tables if not name.startswith("sqlite_")):
        columns = [row[1] for row in first.execute("PRAGMA table_info(%s)" % table)]
        keys = [row[1] for row in first.execute("PRAGMA table_info(%s)" % table) if row[5]]
        query = "SELECT %s FROM %s ORDER BY %s" % (", ".join(columns), table, ", ".join(keys))
        rows = first.execute(query), second.execute(query)
        while True:
            ours, theirs = (cursor.fetchone() for cursor in rows)
            if ours is None and theirs is None:
                break
            if ours is None or theirs is None:
                yield "%s: one has more rows than the other" % table
                break
            yield 1
            for column, one, other in zip(columns, ours, theirs):
                if type(one) is not type(other) or one != other:
                    yield "%s %s: column %s differs" % (table, ours[: len(keys)], column)
    if (left / "states.json").read_bytes() != (right / "states.json").read_bytes():
        yield "the final states differ"
