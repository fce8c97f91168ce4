"""What is shown while it runs: a live table on a terminal, else a line every 5 s."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, TextIO

from router_core.demo.fleet import Callers
from router_core.demo.scenario import Deployment
from router_core.demo.summary import ms
from router_core.demo.witness import Traffic
from router_core.state.records import DeploymentState, Snapshot

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

EVERY = 5.0
_HEAD = ("deployment", "health", "in flight", "rpm", "tpm", "share", "p50", "p99")
_COLOURS = {"closed": "green", "open": "red"}


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment: its limits, its state in Redis, its traffic by its own log. `down`: in its outage."""

    deployment: Deployment
    state: DeploymentState
    traffic: Traffic
    down: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment; `elapsed` seconds after the first arrival."""

    elapsed: float
    requests: int
    callers: Callers
    snapshot: Snapshot
    rows: tuple[Row, ...]
    events: tuple[str, ...]  # the latest, newest first


class Screen(Protocol):
    """Where progress goes."""

    def say(self, line: str) -> None: ...
    def show(self, frame: Frame) -> None: ...
    def close(self) -> None: ...


def screen(stream: TextIO = sys.stdout) -> Screen:
    """A live table where there are a terminal and rich."""
    if stream.isatty() and find_spec("rich") is not None:
        return LiveTable(stream)
    return Lines(stream)


class Lines:
    """A line every 5 s."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._due, self._seen = stream, EVERY, ""

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def show(self, frame: Frame) -> None:
        if frame.elapsed >= self._due:
            self._due += EVERY
            parts = [_progress(frame), *map(_short, frame.rows)]
            event = frame.events[0] if frame.events else ""
            if event != self._seen:
                self._seen = event
                parts.append(f"last: {event}")
            self.say(" | ".join(parts))

    def close(self) -> None:
        pass


class LiveTable:
    """The same, several times a second in one place."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream, highlight=False)
        self._live: Live | None = None

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)

    def show(self, frame: Frame) -> None:
        from rich.console import Group
        from rich.live import Live
        from rich.text import Text

        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False)
            self._live.start()
        below = [Text(f"  {event}", style="dim", no_wrap=True) for event in frame.events]
        self._live.update(Group(Text(_progress(frame)), _table(frame), Text(_pool(frame)), *below), refresh=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _table(frame: Frame) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for name in _HEAD:
        table.add_column(name, justify="left" if name in _HEAD[:2] else "right", no_wrap=True)
    for row in frame.rows:
        tokens = _used(row, "tokens")
        health = Text(_health(row), style="red" if row.down else _COLOURS.get(row.state.health, "yellow"))
        table.add_row(
            row.deployment.name, health, _of(row.state.inflight, row.deployment.parallel),
            _of(_used(row, "requests"), row.deployment.rpm), f"{_brief(tokens)}/{_brief(row.deployment.tpm)}",
            f"{row.traffic.share:.0%}", ms(row.traffic.p50), ms(row.traffic.p99),
        )  # fmt: skip
    return table


def _progress(frame: Frame) -> str:
    callers = frame.callers
    ended = callers.answered + callers.no_room + callers.errors.total()
    line = f"{frame.elapsed:3.0f} s: {callers.answered:,} of {frame.requests:,} answered"
    line += f", {callers.sent - ended} running"
    if callers.no_room:
        line += f", {callers.no_room} without room"
    return line + "".join(f", {count} {name}" for name, count in callers.errors.items())


def _pool(frame: Frame) -> str:
    snapshot, leases = frame.snapshot, sum(worker.leases for worker in frame.snapshot.workers)
    waiting = sum(snapshot.waiting.values())
    return f"{snapshot.engine}: {len(snapshot.workers)} workers with {leases} leases, {waiting} calls wait for room"


def _short(row: Row) -> str:
    return f"{row.deployment.name} {_health(row)} {_of(_used(row, 'requests'), row.deployment.rpm)} rpm"


def _health(row: Row) -> str:
    state = row.state
    if row.down:
        return f"DOWN, {state.health}"
    return f"open ({state.reason or 'unknown'})" if state.health == "open" else state.health


def _used(row: Row, resource: str) -> int:
    return row.state.used.get(f"{resource}/60", 0)


def _brief(number: int) -> str:
    return f"{number:,}" if number < 10_000 else f"{number / 1000:,.0f}k"


def _of(used: int, limit: int | None) -> str:
    return f"{used:,}" if limit is None else f"{used:,}/{limit:,}"
