"""The breaker of one deployment as a few lines of Python, for comparison: rules without windows, times in pool ms."""

from __future__ import annotations

from dataclasses import dataclass

BASE, CAP, RAMP, STABLE, ROW = 5_000, 300_000, 10_000, 60_000, 3


@dataclass
class Model:
    """`granted` and `ended` are told what happens; the fields are what the pool must then say."""

    state: str = "closed"
    generation: int = 0
    trips: int = 0
    until: int = 0
    since: int = 0
    reason: str = ""
    probe: str = ""
    row: int = 0

    def tick(self, now: int) -> None:
        """Slow start ends by itself."""
        if self.state == "ramp" and now >= self.until:
            self.state, self.since = "closed", self.until

    def refuses(self, now: int) -> tuple[str, int | None] | None:
        """Why no call may go there now, and when that changes."""
        if self.state == "open" and now < self.until:
            return "cooling", self.until
        return ("probing", None) if self.state == "half-open" else None

    def granted(self, call: str, now: int) -> bool:
        """Whether it is the probe."""
        if self.state == "open":
            self.state, self.probe, self.since = "half-open", call, now
            return True
        return False

    def ended(self, call: str, generation: int, kind: str, at_once: bool, asked: int, now: int) -> None:
        is_probe = self.state == "half-open" and self.probe == call and generation == self.generation
        asked = min(asked, CAP)
        if kind == "cancelled":
            if is_probe:
                self.state, self.until = "open", min(self.until, now)
        elif kind == "ok":
            self.row = 0
            if is_probe:
                self.state, self.since, self.until = "ramp", now, now + RAMP
        else:
            self.row += 1
            self._failed(generation, kind, is_probe, at_once or self.row >= ROW, asked, now)

    def _failed(self, generation: int, kind: str, is_probe: bool, trips: bool, asked: int, now: int) -> None:
        if self.state == "open" and asked and self.generation - generation <= 1:
            self.until = max(self.until, now + asked)
            self.reason = "retry_after" if self.reason in ("server", "timeout") else self.reason
        elif is_probe or (generation == self.generation and self.state in ("closed", "ramp") and trips):
            self._trip(kind, BASE, asked, now)
        elif generation == self.generation and self.state in ("closed", "ramp") and asked:
            self._trip(kind, 0, asked, now)

    def _trip(self, kind: str, base: int, asked: int, now: int) -> None:
        stable = self.state == "closed" and now - self.since >= STABLE
        self.trips = 1 if stable else self.trips + 1
        wait = min(max(base * 2 ** min(self.trips - 1, 30), asked), CAP)
        self.until = max(0 if self.state == "ramp" else self.until, now + wait)
        self.reason = "retry_after" if asked and kind in ("server", "timeout") else kind
        self.state, self.since, self.probe, self.generation = "open", now, "", self.generation + 1
