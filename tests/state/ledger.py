"""An exact log of reservations: what the rolling windows are compared with.

Every reservation is kept with its time. `inside` is the truth of a rolling window. `visible` is what the rule of
sub-buckets makes of it: a window of W seconds has 60 (from an hour on 240) slots, and the entries of a slot leave
together, W after the last of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Entry:
    """One reservation; `amount` changes when it is settled."""

    at_ms: int
    amount: int


@dataclass
class Ledger:
    """The reservations under one limit, in the order of time."""

    limit: int
    seconds: int
    entries: list[Entry] = field(default_factory=list)
    _first: int = 0  # entries before it are older than two windows

    @property
    def span(self) -> int:
        return self.seconds * 1000

    @property
    def width(self) -> float:
        return self.span / (60 if self.seconds < 3600 else 240)

    def add(self, at_ms: int, amount: int) -> Entry:
        """A reservation at a time not before the last one."""
        assert not self.entries or at_ms >= self.entries[-1].at_ms, "pool time went back"
        entry = Entry(at_ms, amount)
        self.entries.append(entry)
        return entry

    def _recent(self, now: int) -> list[Entry]:
        while self._first < len(self.entries) and self.entries[self._first].at_ms < now - 2 * self.span:
            self._first += 1
        return self.entries[self._first :]

    def inside(self, now: int) -> int:
        """Amount in the rolling window that ends now."""
        return sum(entry.amount for entry in self._recent(now) if entry.at_ms + self.span > now)

    def slots(self, now: int) -> Iterator[tuple[int, int]]:
        """(when its room returns, amount) of each slot that is not out, oldest first."""
        slots: dict[int, tuple[int, int]] = {}
        for entry in self._recent(now):
            slot = int(entry.at_ms // self.width)
            slots[slot] = (entry.at_ms + self.span, slots.get(slot, (0, 0))[1] + entry.amount)
        return ((due, amount) for _, (due, amount) in sorted(slots.items()) if due > now)

    def visible(self, now: int) -> int:
        """What counts: slots whose last entry is still inside."""
        return sum(amount for _, amount in self.slots(now))

    def fits(self, now: int, amount: int) -> bool:
        """Is there room?"""
        return self.visible(now) + amount <= self.limit

    def due(self, now: int, amount: int) -> int | None:
        """When there is room for so much; None where it never fits."""
        if amount > self.limit:
            return None
        missing, when = self.visible(now) + amount - self.limit, now
        for due, released in self.slots(now):
            if missing <= 0:
                break
            if released > 0:
                missing, when = missing - released, due
        return when
