"""What could have been served: arrivals in turn, each waiting at most so long, over an exact log of each window.

It knows in advance what every call will really use, so it reserves nothing too much and gives nothing back late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

SPAN_MS = 60_000.0


@dataclass(frozen=True)
class Limit:
    """A deployment's requests and tokens a minute."""

    requests: int
    tokens: int


@dataclass
class Window:
    """The exact log of one deployment: an entry leaves a minute after it came."""

    limit: Limit
    tokens: int = 0
    entries: deque[tuple[float, int]] = field(default_factory=deque)

    def fits(self, tokens: int) -> bool:
        return len(self.entries) < self.limit.requests and self.tokens + tokens <= self.limit.tokens

    def add(self, now: float, tokens: int) -> None:
        self.entries.append((now, tokens))
        self.tokens += tokens

    def forget(self, now: float) -> None:
        while self.entries and self.entries[0][0] + SPAN_MS <= now:
            self.tokens -= self.entries.popleft()[1]

    @property
    def due(self) -> float:
        """When the next entry leaves."""
        return self.entries[0][0] + SPAN_MS if self.entries else float("inf")

    def room(self) -> float:
        """The share of the tighter limit that is free."""
        return 1 - max(len(self.entries) / self.limit.requests, self.tokens / self.limit.tokens)


def admissible(calls: Iterable[tuple[float, int]], limits: Mapping[str, Limit], wait_ms: float) -> int:
    """How many of `calls` (sent at ms, tokens) are served: in turn, but who does not fit is passed."""
    windows = [Window(limit) for limit in limits.values()]
    coming, queue, served = deque(sorted(calls)), deque[tuple[float, int]](), 0
    while coming or queue:
        now = min(coming[0][0] if coming else float("inf"), *(window.due for window in windows))
        if not coming and queue and now > queue[-1][0] + wait_ms:
            break
        for window in windows:
            window.forget(now)
        while coming and coming[0][0] <= now:
            queue.append(coming.popleft())
        while queue and queue[0][0] + wait_ms < now:
            queue.popleft()
        served += _serve(queue, windows, now)
    return served


def _serve(queue: deque[tuple[float, int]], windows: Sequence[Window], now: float) -> int:
    served = passed = 0
    while passed < len(queue) and any(len(window.entries) < window.limit.requests for window in windows):
        tokens = queue[passed][1]
        fitting = [window for window in windows if window.fits(tokens)]
        if fitting:
            max(fitting, key=Window.room).add(now, tokens)
            del queue[passed]
            served += 1
        else:
            passed += 1
    return served
