"""What ``status()`` returns, and how it prints: a table in a terminal, HTML in a notebook."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass, field
from typing import Any

from . import _boot, _registry, _settings
from ._reasons import Reason
from ._state import state

COLUMNS = ("patch", "library", "state", "calls", "declines", "callbacks", "won")


@dataclass(frozen=True)
class PatchStatus:
    """One patch: where it is in its life and what it did."""

    name: str
    distribution: str
    version: str
    state: str
    reason: str
    cure: str  # what helps against the reason
    calls: int
    declines: int
    callbacks: int
    original_calls: int
    original_ns: int
    won_ns: int | None  # estimate: calls served x what one was measured to win

    def cells(self) -> tuple[str, ...]:
        """Return the row's texts."""
        state = f"{self.state}: {self.reason}" if self.reason else self.state
        won = "-" if self.won_ns is None else f"{self.won_ns / 1e9:.3f} s"
        return (
            self.name,
            f"{self.distribution} {self.version}".strip(),
            state,
            str(self.calls),
            str(self.declines),
            str(self.callbacks),
            won,
        )


@dataclass(frozen=True)
class Status:
    """A snapshot of this process."""

    phase: str  # idle, booting, up, failed, off
    reason: str
    cure: str  # what helps against the reason
    host: str
    java: str
    java_home: str
    cache: str
    options: tuple[str, ...]
    spent_ns: int
    threshold_ns: int
    # milliseconds since the boot began, wall and CPU of the process: open, jvm, builtins, ready
    boot_ms: dict[str, float]
    boot_cpu_ms: dict[str, float]
    builtins: dict[str, Any]
    patches: tuple[PatchStatus, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    def headline(self) -> str:
        """Say in one line what runs."""
        if self.phase == "up":
            ready = (
                f", ready after {self.boot_ms['ready']:.0f} ms" if "ready" in self.boot_ms else ""
            )
            return f"Java {self.java} by {self.host}{ready}"
        return f"no Java: {self.phase}" + (f" ({self.reason})" if self.reason else "")

    def __str__(self) -> str:
        try:
            return _rich(self)
        except ImportError:
            return _plain(self)

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in patch.cells()) + "</tr>"
            for patch in self.patches
        )
        head = "".join(f"<th>{column}</th>" for column in COLUMNS)
        return f"<p>{html.escape(self.headline())}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _plain(status: Status) -> str:
    rows = [COLUMNS, *(patch.cells() for patch in status.patches)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    ]
    return "\n".join([status.headline(), *(lines if status.patches else [])])


def _rich(status: Status) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=status.headline(), title_justify="left")
    for column in COLUMNS:
        table.add_column(
            column,
            justify="right" if column in ("calls", "declines", "callbacks", "won") else "left",
            no_wrap=column != "state",
        )
    for patch in status.patches:
        table.add_row(*[Text(cell) for cell in patch.cells()])
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    with console.capture() as capture:
        console.print(table if status.patches else Text(status.headline()))
    return capture.get().rstrip("\n")


def collect() -> Status:
    """Take the snapshot; gates not looked at yet are looked at now."""
    _registry.retry_waiting()
    _registry.check_gates()
    start, start_cpu = state.times.get("start", 0.0), state.times.get("start.cpu", 0.0)
    idle = state.phase == "idle"
    off = _settings.switched_off() if idle else Reason("")
    unserved = _boot.unusable() if idle else Reason("")
    reason = off or unserved or state.reason
    return Status(
        phase="off" if off else "failed" if unserved else state.phase,
        reason=reason,
        cure=reason.cure,
        host=state.host_name,
        java=state.java,
        java_home=state.java_home,
        cache=state.cache,
        options=tuple(state.options),
        spent_ns=_boot.spent(),
        threshold_ns=_boot.THRESHOLD_NS,
        boot_ms={
            name: 1000 * (when - start)
            for name, when in state.times.items()
            if not name.endswith(".cpu")
        },
        boot_cpu_ms={
            name[:-4]: 1000 * (when - start_cpu)
            for name, when in state.times.items()
            if name.endswith(".cpu")
        },
        builtins={name: builtin.counters for name, builtin in state.builtins.items()},
        patches=tuple(_row(entry) for entry in _registry.entries()),
    )


def _row(entry: _registry.Entry) -> PatchStatus:
    patch = entry.patch
    counts = [state.builtins[name].counters for name in patch.builtins if name in state.builtins]
    if not patch.builtins:  # Python alone, which counts for itself
        counts = [(getattr(entry.replacement, "served", 0), 0, 0)]
    calls, declines, callbacks = (sum(column) for column in zip(*counts)) if counts else (0, 0, 0)
    return PatchStatus(
        patch.name, patch.distribution, entry.version, entry.state, entry.reason, entry.reason.cure, calls, declines, callbacks,
        entry.original_calls, entry.original_ns, _won(entry, calls - declines),
    )  # fmt: skip


def _won(entry: _registry.Entry, served: int) -> int | None:
    """Estimate what was won: from this process's own calls of the original where there were any."""
    measured = state.prepared.get(entry.patch.package, ("", None))[1]
    pairs = (
        [measured[name] for name in entry.patch.builtins if name in measured]
        if isinstance(measured, dict)
        else []
    )
    if not pairs:
        return None
    original_ns, java_ns = pairs[0]
    if entry.original_calls:
        mean = entry.original_ns / entry.original_calls
        return int(served * mean * (1 - java_ns / original_ns))
    return int(served * (original_ns - java_ns))
