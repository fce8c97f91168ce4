"""Plain models of limits, each with an exact log: what any row of any scope is compared with.

Rolling windows are `ledger.Ledger`. All of them know what counts (`visible`), whether something `fits`, and when it is
`due` to fit; an entry's amount may change while it is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from router_core.calendars import boundaries
from tests.state.ledger import Entry, Ledger

SCOPES = ("deployment", "account", "provider", "group", "tag", "user", "team")
WINDOWS = ("1", "60", "3600", "86400", "2592000", "hour@UTC", "day@Europe/Berlin+06:00", "week@UTC", "month@UTC")
AMOUNTS = {"requests": 6, "tokens": 140, "input": 90, "output": 60, "cost": 150, "concurrent": 4}
WINDOWED = tuple(AMOUNTS)[:-1]
PRICES: dict[str, Any] = {
    "input_price": 1_000_000,
    "output_price": 2_000_000,
}  # nano-dollars a million tokens: 1 and 2 a token


@lru_cache(maxsize=4096)
def period(calendar: str, now: int) -> tuple[int, int]:
    """When the period that runs began, and when it ends."""
    start, finish = boundaries(calendar, now, 1)
    return start, finish


@dataclass
class Periods:
    """A limit in periods of a calendar."""

    limit: int
    calendar: str
    entries: list[Entry] = field(default_factory=list)

    def add(self, at_ms: int, amount: int) -> Entry:
        self.entries.append(Entry(at_ms, amount))
        return self.entries[-1]

    def visible(self, now: int) -> int:
        start, _ = period(self.calendar, now)
        return sum(entry.amount for entry in self.entries if entry.at_ms >= start)

    def fits(self, now: int, amount: int) -> bool:
        return self.visible(now) + amount <= self.limit

    def due(self, now: int, amount: int) -> int | None:
        return now if self.fits(now, amount) else period(self.calendar, now)[1]


@dataclass
class Flight:
    """A limit of calls in flight: nobody knows when one ends."""

    limit: int
    entries: list[Entry] = field(default_factory=list)

    def add(self, at_ms: int, amount: int) -> Entry:
        self.entries.append(Entry(at_ms, amount))
        return self.entries[-1]

    def visible(self, now: int) -> int:
        return sum(entry.amount for entry in self.entries)

    def fits(self, now: int, amount: int) -> bool:
        return self.visible(now) + amount <= self.limit

    def due(self, now: int, amount: int) -> int | None:
        return now if self.fits(now, amount) else None


Model = Ledger | Periods | Flight


def row(resource: str, window: str) -> dict[str, int]:
    """The limit of a resource; `window` is a number of seconds or a calendar."""
    return {resource if resource == "concurrent" else f"{resource}/{window}": AMOUNTS[resource]}


def model(row: str, limit: int) -> Model:
    """The model of a row."""
    resource, _, window = row.partition("/")
    if resource == "concurrent":
        return Flight(limit)
    return Periods(limit, window) if "@" in window else Ledger(limit, int(window))


def taken(row: str, input: int, output: int) -> int:
    """What a call of so many tokens takes of a row."""
    return {
        "requests": 1,
        "concurrent": 1,
        "tokens": input + output,
        "input": input,
        "output": output,
        "cost": input + 2 * output,
    }[row.partition("/")[0]]
