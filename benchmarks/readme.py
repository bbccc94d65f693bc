"""Fills README's table from the JSON of the last full run: no number without its file and machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

from benchmarks.harness import amount

START, END = "<!-- bench:start -->", "<!-- bench:end -->"


def fill(file: Path, results: Path) -> None:
    """Replace what stands between the two marks."""
    text = file.read_text(encoding="utf-8")
    if START not in text or END not in text:
        raise SystemExit("%s has no %s … %s" % (file.name, START, END))
    before, rest = text.split(START, 1)
    after = rest.split(END, 1)[1]
    block = render(json.loads(results.read_text(encoding="utf-8")), results.name)
    file.write_text("%s%s\n%s\n%s%s" % (before, START, block, END, after), encoding="utf-8")


COLLAPSED = {"ladder": "shapes at sizes of 1 to 1e5", "texts": "texts beyond ASCII"}


SAVERS = "saver-"
"""What the groups start with that have a table of their own; their CPU times are in the JSON alone."""


def _head(title: str) -> List[str]:
    return ["| %s | original | ours | ratio | bar | met |" % title, "|---|---:|---:|---:|---:|---|"]


def render(content: Dict[str, Any], name: str) -> str:
    """The block: a table, and the machine it came from."""
    lines = _head("row")
    savers = [row for row in content["rows"] if row["group"].startswith(SAVERS)]
    apart = {*COLLAPSED, *(row["group"] for row in savers)}
    lines += [_line(row) for row in content["rows"] if row["group"] not in apart]
    for group, title in COLLAPSED.items():
        rows = [row for row in content["rows"] if row["group"] == group]
        if rows:
            lines.append(_worst(title, rows))
    if savers:
        lines += ["", *_head("savers: the original's, ours beside it")]
        lines += [_line(row) for row in savers if not row["row"].endswith(": cpu")]
    if content.get("peers"):
        lines += ["", "| other ways to store the same | store | load |", "|---|---:|---:|"]
        for peer in content["peers"]:
            times = [amount(peer.get(key)) for key in ("dumps", "loads")]
            note = (
                "" if peer.get("equal") else " (%s)" % peer.get("note", "gives back something else")
            )
            lines.append("| %s%s | %s | %s |" % (peer["name"], note, *times))
    machine, versions = content["machine"], content["versions"]
    lines += [
        "",
        "Minima of alternating runs. %s, %s cores, %s; Python %s, Java %s (%s host), langgraph %s, "
        "langgraph-checkpoint %s, langchain-core %s, pydantic %s, ormsgpack %s; %s; all figures: "
        "`benchmarks/results/%s`."
        % (
            machine["cpu"],
            machine["cores"],
            machine["system"],
            versions["python"],
            content["java"],
            content["host"],
            versions.get("langgraph"),
            versions.get("langgraph-checkpoint"),
            versions.get("langchain-core"),
            versions.get("pydantic"),
            versions.get("ormsgpack"),
            content["when"],
            name,
        ),
    ]
    return "\n".join(lines)


def _worst(title: str, rows: List[Dict[str, Any]]) -> str:
    """Many rows as one: the worst of them."""
    worst = min(rows, key=lambda row: row["ratio"] if row["equal"] and row["ratio"] else 0)
    slower = sum(1 for row in rows if not row["met"])
    return "| %d %s, the worst: %s | %s | %s | %s | never slower | %s |" % (
        len(rows),
        title,
        worst["row"],
        *_figures(worst),
        "yes" if not slower else "**no: %d**" % slower,
    )


def _line(row: Dict[str, Any]) -> str:
    met = {None: "", True: "yes", False: "**no**"}[row["met"]]
    if not row["equal"] or not row["served"]:
        met = "**not equal**" if not row["equal"] else "**not served**"
    return "| %s | %s | %s | %s | %s | %s |" % (
        row["row"].strip(),
        *_figures(row),
        row["bar"] or "",
        met,
    )


def _figures(row: Dict[str, Any]) -> "tuple[str, str, str]":
    if not row["equal"]:
        return "", "", ""
    ratio = "%.2fx" % row["ratio"] if row["ratio"] else ""
    return amount(row["original"], row["unit"]), amount(row["ours"], row["unit"]), ratio
