"""The matrix: what was tried x what came of it, printed at the end of a run and written to docs.

A test says which line it stands for with `@pytest.mark.line(section, what, outcome)`; several tests may share a line,
and what is outcome is the same for all of them. Tests marked `long` run with `--long` alone (`make matrix`).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

SECTIONS = (
    "processes",
    "surroundings",
    "security",
    "falling back",
    "Pythons and versions",
    "platforms",
    "hosts",
    "notebooks",
    "starting",
    "logs",
)
MARKERS = (
    "line(section, what, outcome): the line of the matrix that a test stands for",
    "long: takes long; runs with --long alone",
)


@dataclasses.dataclass
class Line:
    """One line: its outcome, and how its tests ended."""

    outcome: str
    passed: int = 0
    failed: int = 0
    skipped: list[str] = dataclasses.field(default_factory=list)

    @property
    def verdict(self) -> str:
        """One word for all its tests, with the reason where none could run."""
        if self.failed:
            return "FAILED"
        if self.passed:
            return "yes"
        return "not run: " + (self.skipped[0] if self.skipped else "?")


_lines: dict[tuple[str, str], Line] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """--long and --matrix."""
    parser.addoption("--long", action="store_true", help="also run what is marked long")
    parser.addoption("--matrix", type=Path, help="write the matrix to this Markdown file")


def pytest_configure(config: pytest.Config) -> None:
    """The markers."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long tests out; note each test's line where its report will carry it."""
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long")]
        if long:
            config.hook.pytest_deselected(items=long)
            items[:] = [item for item in items if item not in long]
    for item in items:
        marker = item.get_closest_marker("line")
        if marker is not None:
            section, what, outcome = marker.args
            if section not in SECTIONS:
                raise pytest.UsageError(f"{item.nodeid}: no section {section!r}")
            item.user_properties.append(("line", (section, what, outcome)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count a test once: its call, or a set-up that skipped or failed."""
    for name, value in report.user_properties:
        if name != "line" or report.when != "call" and report.outcome == "passed":
            continue
        section, what, outcome = value  # type: ignore[misc]
        line = _lines.setdefault((section, what), Line(outcome))
        if line.outcome != outcome:
            raise AssertionError(f"two outcomes of one line: {what}: {line.outcome}; {outcome}")
        if report.outcome == "skipped":
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            line.skipped.append(reason.removeprefix("Skipped: "))
        else:
            setattr(line, report.outcome, getattr(line, report.outcome) + 1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, and the file where one was asked for."""
    if not _lines:
        return
    terminalreporter.section("the matrix: what was tried, and what comes of it")
    for section in SECTIONS:
        rows = {what: line for (of, what), line in _lines.items() if of == section}
        if rows:
            terminalreporter.line(section)
        for what, line in rows.items():
            count = "%d tests" % (line.passed + line.failed) if line.passed + line.failed else ""
            terminalreporter.line(
                f"  {what:58} {line.outcome:46} {line.verdict:8} {count}".rstrip()
            )
    file = terminalreporter.config.getoption("--matrix")
    if file is not None:
        file.write_text(markdown(terminalreporter.config.getoption("--long")))


def markdown(long: bool) -> str:
    """The matrix as it stands in docs."""
    text = [
        "# What was tried, and what comes of it\n",
        "Written by `make matrix`; each line is one or more tests. “As without us” means: the same output, exit code",
        "and, where it matters, time to exit as the same run with `FAST_JVM=off`.\n",
    ]
    if not long:
        text.append("The long forms were left out of this run.\n")
    for section in SECTIONS:
        rows = {what: line for (of, what), line in _lines.items() if of == section}
        if rows:
            text += [
                f"## {section[0].upper()}{section[1:]}\n",
                "| what | outcome | holds | tests |",
                "|---|---|---|---:|",
            ]
            text += [
                f"| {what} | {line.outcome} | {line.verdict} | {line.passed + line.failed} |"
                for what, line in rows.items()
            ]
            text.append("")
    return "\n".join(text)
