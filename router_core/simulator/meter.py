"""An upstream's own limits: an exact log of what was admitted in the rolling window, not buckets."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Full:
    """A limit without room. `wait` is seconds until this request fits; None: it never will."""

    resource: Literal["requests", "tokens"]
    limit: int
    used: int
    requested: int
    wait: float | None


class Meter:
    """What was admitted, as (time, tokens); an entry leaves exactly `window` seconds after it came."""

    def __init__(self, window: float = 60.0) -> None:
        self.window = window
        self.tokens = 0
        self._admitted: deque[tuple[float, int]] = deque()

    @property
    def requests(self) -> int:
        return len(self._admitted)

    def admit(self, now: float, tokens: int, rpm: int | None, tpm: int | None) -> Full | None:
        """Count the request, or say what stands against it and count nothing."""
        self._forget(now)
        full = self._full(now, tokens, rpm, tpm)
        if full is None:
            self._admitted.append((now, tokens))
            self.tokens += tokens
        return full

    def reset_after(self, now: float) -> float:
        """Seconds until the window is empty again, which is what OpenAI's reset headers mean."""
        return max(0.0, self._admitted[-1][0] + self.window - now) if self._admitted else 0.0

    def _full(self, now: float, tokens: int, rpm: int | None, tpm: int | None) -> Full | None:
        if rpm is not None and self.requests + 1 > rpm:
            return Full("requests", rpm, self.requests, 1, self._until_requests(now, rpm))
        if tpm is not None and self.tokens + tokens > tpm:
            return Full("tokens", tpm, self.tokens, tokens, self._until_tokens(now, tokens, tpm))
        return None

    def _until_requests(self, now: float, rpm: int) -> float | None:
        if rpm < 1:
            return None
        return self._admitted[self.requests - rpm][0] + self.window - now

    def _until_tokens(self, now: float, tokens: int, tpm: int) -> float | None:
        if tokens > tpm:
            return None
        excess = self.tokens + tokens - tpm
        for at, amount in self._admitted:
            excess -= amount
            if excess <= 0:
                return at + self.window - now
        raise AssertionError("an empty window has room for what fits the limit")

    def _forget(self, now: float) -> None:
        admitted = self._admitted
        while admitted and now - admitted[0][0] >= self.window:
            self.tokens -= admitted.popleft()[1]
