"""Blocks that Arrow parses give what rows give: the same values, counts, errors and rejects, wherever a file is cut."""

from __future__ import annotations

import gzip
import json
import math
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fast_jvm.datasets import Dataset, DatasetError, _build, _sources, build
from fast_jvm.datasets._blocks import DEEPEST, Block, Parser
from fast_jvm.datasets._build import REJECTS
from fast_jvm.datasets._format import columns

SCHEMA = {
    "a": "int64", "b": "bool", "f": "float32", "d": "float64", "u": "uint8", "s": "string",
    "l": "list<int32>", "m": "list<float32>", "o": "list<bool>",
}  # fmt: skip
GOOD = {"a": 1, "b": True, "f": 0.1, "d": 1e300, "u": 7, "s": "x", "l": [1, -2], "m": [0.5, 3], "o": [False]}  # fmt: skip


pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in cast")


def _value(value: Any) -> Any:
    """A value by its bytes: -0.0 is not 0.0, and a NaN is a NaN."""
    return value if isinstance(value, (str, bytes)) else (str(np.asarray(value).dtype), np.asarray(value).tobytes())  # fmt: skip


Pieces = list[Any]
EXAMPLES = 30


def _built(path: Path, blocks: bool, skip: bool, schema: dict[str, str]) -> tuple[Any, Pieces]:
    """What a build gives, and the pieces it was made of."""
    pieces: Pieces = []
    plain = _build._Work._piece

    def piece(self: Any, path: str, found: Any) -> None:
        pieces.append(found)
        plain(self, path, found)

    with tempfile.TemporaryDirectory() as base, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_build._Work, "_piece", piece)
        if not blocks:
            patch.setattr(_build, "is_json", lambda path: False)
        folder, error, done = Path(base, "set"), None, None
        try:
            # a batch is a row: what comes before an error is there, with blocks and without
            done = build(
                [path], folder, schema, on_error="skip" if skip else "raise", batch_bytes=1
            )
        except DatasetError as raised:
            error = str(raised)
        rows = [{name: _value(value) for name, value in row.items()} for row in Dataset(folder)]
        rejects = (folder / REJECTS).read_bytes() if skip else None
    return (done, error, rows, rejects), pieces


def same(name: str, content: bytes, skip: bool, size: int, schema: dict[str, str]) -> Pieces:
    """Build with blocks of a size and with none, compare, and return the pieces."""
    with tempfile.TemporaryDirectory() as base, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sources, "BLOCK", size)
        patch.setattr(_sources, "CHUNK", 2 * size)
        path = Path(base, name)
        path.write_bytes(content)
        wanted, _ = _built(path, False, skip, schema)
        found, pieces = _built(path, True, skip, schema)
    assert found == wanted
    return pieces


def _served(pieces: Pieces) -> tuple[int, int]:
    """Rows of blocks, and other pieces."""
    blocks = [piece for piece in pieces if isinstance(piece, Block)]
    return sum(block.rows for block in blocks), len(pieces) - len(blocks)


TEXT = st.text(st.sampled_from('ab}{,:[]"\\\n\t\x00\x1f\x7f\u2028é😀 NaN-Inf0') | st.characters(exclude_categories=["Cs"]), max_size=12)  # fmt: skip
NUMBER = st.integers(-(2**65), 2**65) | st.integers(-3, 300) | st.floats() | st.just(-0.0)
ANY = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.sampled_from("asl"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FITTING = {
    "a": st.integers(-(2**63), 2**63 - 1),
    "b": st.booleans(),
    "f": st.floats(allow_nan=False) | st.integers(-(2**60), 2**60) | st.floats(width=32),
    "d": st.floats() | st.integers(-(2**70), 2**70) | st.just(10**309),
    "u": st.integers(0, 255),
    "s": TEXT,
    "l": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
    "m": st.lists(st.floats(-1e38, 1e38) | st.integers(-9, 2**55), max_size=4),
    "o": st.lists(st.booleans(), max_size=3),
}
ROW = st.fixed_dictionaries(FITTING, optional={"more": ANY, "x": st.lists(st.just(GOOD), max_size=2)})  # fmt: skip
ODD = st.one_of(
    st.tuples(ROW, st.sampled_from(list(GOOD)), ANY).map(lambda t: {**t[0], t[1]: t[2]}),
    st.tuples(ROW, st.sampled_from(list(GOOD))).map(
        lambda t: {key: value for key, value in t[0].items() if key != t[1]}
    ),
)
PARTS = [
    '"a": -0', '"d": -0', '"d": -0.0', '"d": -0 ', '"d": 1e999', '"d": -1e-400', '"f": 1e39', '"f": 16777217',
    '"d": NaN', '"d": Infinity', '"d": -Infinity', '"d": Inf', '"x": Inf', '"x": -Inf ', '"x": -NaN', '"x": NaN',
    '"a": 2', '"\\u0061": 2', '"x": 1, "x": 2', '"x": 01', '"x": 1.', '"x": "\\ud800"', '"s": "\\udc00"',
    '"s": "\\ud83d\\ude00"', '"x": "a\tb"', '"x": "\\x"', '"s": "a\x00"', '"a": 1e2', '"a": "5"', '"d": "5"', '"x": {"a": 2}',
    '"x": [{"a": 1},{"a": 2}]', '"x": "},{"', '"x": "}, {\\"a\\":"', '"x": ' + "1" * 5000, '"d": ' + "1" * 400,
    '"x": ' + "[" * 400 + "]" * 400, '"x": ' + "[" * 1500 + "]" * 1500, '"l": [1, null]', '"s": "\ufeff"', '"x":',
    '"l": [-0, 1]', '"m": [-0, 1]', '"m": [-0.0]',
]  # fmt: skip


@st.composite
def _objects(draw: st.DrawFn) -> list[str]:
    """Texts of rows: most fit, so that whole blocks do; some are odd, some are no JSON."""
    count = draw(st.integers(0, 8))
    found = []
    doubts = draw(st.sampled_from([0, 0, 1, 4]))
    for _ in range(count):
        kind = draw(st.integers(0, 9)) if doubts else 9
        row = draw(ROW if kind > doubts else ODD)
        text = json.dumps(
            row, ensure_ascii=draw(st.booleans()), indent=None, separators=draw(st.sampled_from([(",", ":"), (", ", ": ")]))
        )  # fmt: skip
        if kind == 0:
            text = text[:-1] + ", " + draw(st.sampled_from(PARTS)) + "}"
        elif kind == 1 and draw(st.booleans()):
            at = draw(st.integers(0, len(text)))
            text = text[:at] + draw(st.sampled_from(["", "\x00", "}", "{", "\u2028", " ", "}{", ",", "\r"])) + text[at + 1 :]  # fmt: skip
        found.append(text)
    return found


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    rows=_objects(),
    between=st.lists(st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", " \n ", "\n\u2028\n", ""]), min_size=1, max_size=3),
    skip=st.booleans(),
    size=st.sampled_from([1, 40, 300, 1000, 1 << 20]),
    cut=st.integers(0, 60),
    bom=st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf"]),
    junk=st.sampled_from([b"", b"", b"", b"\xff", b"\xed\xa0\x80"]),
)  # fmt: skip
def test_lines(
    java: str, rows: list[str], between: list[str], skip: bool, size: int, cut: int, bom: bytes, junk: bytes
) -> None:  # fmt: skip
    text = "".join(row + between[n % len(between)] for n, row in enumerate(rows))
    content = bom + text.encode("utf-8", "surrogatepass")
    content = content[: len(content) - cut] + junk if cut > 45 else content
    same("rows.jsonl", content, skip, size, SCHEMA)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    rows=_objects(),
    between=st.lists(st.sampled_from([",", ", ", ",\n", " ,\n ", ",\n", "\n", ",,"]), min_size=1, max_size=2),
    skip=st.booleans(),
    size=st.sampled_from([1, 40, 300, 1000, 1 << 20]),
    cut=st.integers(0, 60),
    end=st.sampled_from(["]", "\n]\n", "]", "", "]]", ",]"]),
)  # fmt: skip
def test_arrays(
    java: str, rows: list[str], between: list[str], skip: bool, size: int, cut: int, end: str
) -> None:
    parted = [row + between[0 if n % 5 else -1] for n, row in enumerate(rows[:-1])]
    content = ("[" + "".join(parted) + "".join(rows[-1:]) + end).encode("utf-8", "surrogatepass")
    same("rows.json", content[: len(content) - cut] if cut > 45 else content, skip, size, SCHEMA)


def _with(part: str) -> str:
    name = part.split('"')[1]
    row = {key: value for key, value in GOOD.items() if key != name}
    return json.dumps(row)[:-1] + ", " + part + "}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def test_parts_of_lines(java: str) -> None:
    """What the two read differently, each in a block of its own; all that is said of it is the row's."""
    plain = [json.dumps(GOOD)] * 30
    rows = [row for part in PARTS for row in (*plain, _with(part))]
    served, others = _served(same("rows.jsonl", _bytes("\n".join(rows)), True, 1500, SCHEMA))
    assert served > 1000 and others > 20


@pytest.mark.parametrize("part", PARTS, ids=range(len(PARTS)))
def test_parts_of_arrays(java: str, part: str) -> None:
    rows = [json.dumps(GOOD)] * 5 + [_with(part)] + [json.dumps(GOOD)] * 5
    same("rows.json", _bytes(f"[{', '.join(rows)}]"), True, 1 << 20, SCHEMA)


def _rows(count: int) -> list[dict[str, Any]]:
    return [
        {**GOOD, "a": n, "s": 'é "},{" [%d]\u2028\x7f' % n, "f": n / 3, "d": -n / 7 if n else -0.0,
         "x": [{"b": 1}, {"b": 2}], "y": "}, {\"a\": 5", "z": "Info"}
        for n in range(count)
    ]  # fmt: skip


def _text(rows: list[dict[str, Any]], way: str) -> bytes:
    if way == "lines":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if way == "crlf":
        return b"\xef\xbb\xbf" + "\r\n \r\n".join(json.dumps(row) for row in rows).encode()
    if way == "dense":
        return json.dumps(rows, separators=(",", ":")).encode()
    return json.dumps(rows, indent=1 if way == "indented" else None, ensure_ascii=False).encode()


@pytest.mark.parametrize("way", ["lines", "crlf", "array", "dense", "indented"])
def test_what_is_in_order_is_served(java: str, way: str) -> None:
    """Or a fallback would hide behind equality."""
    name = "rows.jsonl" if way in ("lines", "crlf") else "rows.json"
    rows, size = _rows(600), 12_000
    served, others = _served(same(name, _text(rows, way), False, size, SCHEMA))
    if name == "rows.jsonl":
        assert (served, others) == (600, 0)
    else:  # the last element of what was read goes alone
        reads = len(_text(rows, way).decode()) // (2 * size) + 2
        assert 600 - 2 * reads <= served < 600


def test_elements_that_look_parted_within(java: str) -> None:
    """Arrays of objects with the row's own first name: the rows are the same, though one by one."""
    rows = [{"a": n, "x": [{"a": 1}, {"a": 2}]} for n in range(50)]
    for size in (300, 1 << 20):
        same("rows.json", json.dumps(rows).encode(), False, size, {"a": "int64"})


def test_one_bad_row_costs_its_block_alone(java: str) -> None:
    rows = _rows(600)
    rows[300]["u"] = 256
    served, others = _served(same("rows.jsonl", _text(rows, "lines"), True, 12_000, SCHEMA))
    assert 500 < served < 600 and others == 1
    served, _ = _served(same("rows.json", _text(rows, "array"), True, 12_000, SCHEMA))
    assert 450 < served < 600


def test_where_all_is_in_doubt_few_blocks_are_tried(java: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    rows = [{**row, "l": None} for row in _rows(600)]
    tried: list[int] = []
    plain = Parser._parse
    monkeypatch.setattr(
        Parser, "_parse", lambda self, *given: tried.append(1) or plain(self, *given)
    )
    for name, way in (("rows.jsonl", "lines"), ("rows.json", "array")):
        tried.clear()
        assert _served(same(name, _text(rows, way), True, 1_000, SCHEMA))[0] == 0
        assert len(tried) < 40


def test_depth(java: str) -> None:
    """Rows of many brackets, side by side or within each other, on one line or on several."""
    for deep in (DEEPEST - 40, 1500):
        nested: Any = []
        for _ in range(deep):
            nested = [nested]
        flat = [[]] * deep
        for more in ("[" * deep + "]" * deep, json.dumps(flat), "[\n" * deep + "]" * deep):
            row = json.dumps(GOOD)[:-1] + ', "x": ' + more + "}"
            content = ("[" + ", ".join([json.dumps(GOOD), row] * 2) + "]").encode()
            pieces = same("rows.json", content, True, 1 << 20, SCHEMA)
            assert (_served(pieces)[0] > 0) == (deep < DEEPEST)


@pytest.mark.parametrize("cut", [1, 100, 900])
def test_damaged_gzip(java: str, cut: int) -> None:
    packed = gzip.compress(_text(_rows(300), "lines"))
    same("rows.jsonl.gz", packed[:-cut], True, 3_000, SCHEMA)
    same("rows.jsonl.gz", packed[: -2 * cut] + b"\x00" * cut + packed[-cut:], True, 3_000, SCHEMA)
    packed = gzip.compress(_text(_rows(300), "array"))
    same("rows.json.gz", packed[:-cut], True, 3_000, SCHEMA)


def test_a_build_goes_on_amid_a_block(java: str, tmp_path: Path) -> None:
    rows = _rows(100)
    for name, way in (("rows.jsonl", "lines"), ("rows.json", "array")):
        path, folder = tmp_path / name, tmp_path / f"set-{way}"
        path.write_bytes(_text(rows, way))

        class Stop(Exception):
            pass

        write = _build.Writer.write_row
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_build, "is_json", lambda path: False)

            def some(self: Any, row: Any) -> None:
                if int(row["a"]) == 37:
                    raise Stop
                write(self, row)

            patch.setattr(_build.Writer, "write_row", some)
            with pytest.raises(Stop):
                build([path], folder, SCHEMA, batch_bytes=1)
        assert len(Dataset(folder)) == 37
        assert build([path], folder, SCHEMA) == (100, 0)
        assert Dataset(folder)["a"][:].tolist() == list(range(100))
        assert Dataset(folder)["s"][99] == rows[99]["s"]
        assert [tuple(value) for value in Dataset(folder)["l"][:]] == [(1, -2)] * 100


def _threads() -> Iterator[str]:
    return (each.name for each in threading.enumerate() if each.name.startswith("fast-jvm-"))


def test_errors_arrive_and_threads_end(
    java: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(_text(_rows(300), "lines"))
    monkeypatch.setattr(_sources, "BLOCK", 4000)
    before = list(_threads())

    def failing(*_: Any) -> Any:
        raise MemoryError("no more")

    for owner, name in ((Parser, "_parse"), (_build.Writer, "write"), (_sources, "_take")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, failing)
            with pytest.raises(MemoryError, match="no more"):
                build([path], tmp_path / f"set-{name}", SCHEMA)
        assert list(_threads()) == before


def test_without_pyarrow(java: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.json", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert _served(same("rows.jsonl", _text(_rows(20), "lines"), False, 100, SCHEMA))[0] == 0


def test_narrow_floats_are_rounded_once_more(java: str) -> None:
    """As Python does: the text's double first."""
    half = 1 + 2**-24  # between two floats of 32 bits
    text = "1.%s" % (str(int((half - 1) * 10**60)).zfill(60)) + "0000000001"
    assert math.isclose(float(text), half)
    same("rows.jsonl", ('{"f": %s}\n' % text * 3).encode(), False, 1 << 20, {"f": "float32"})


def test_columns_that_json_has_not(java: str) -> None:
    assert _served(same("rows.jsonl", b'{"r": "x"}\n', True, 100, {"r": "bytes"}))[0] == 0
    assert Parser(columns(SCHEMA)) is not None
