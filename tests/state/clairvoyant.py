"""A limiter that knows what calls will use: what ours is measured by. And the arrivals: recorded ones."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from router_core.simulator.traces import Arrival, read_azure
from tests.state.ledger import Ledger

TRACES = Path(__file__).parents[3] / "shared/data/traces/azure2023"


def arrivals(name: str, calls: int, speed: float = 1.0) -> list[Arrival]:
    """The first calls of the Azure 2023 trace `conv` or `code`; skips the test where there is none."""
    path = TRACES / f"AzureLLMInferenceTrace_{name}.csv"
    if not path.exists():
        pytest.skip(f"the Azure 2023 trace is not at {path}")
    return read_azure(path, speed=speed)[:calls]


class Call(NamedTuple):
    at_ms: int
    tokens: int


def offered(calls: Sequence[Call], window: int) -> float:
    """Tokens a window."""
    return sum(call.tokens for call in calls) * window * 1000 / (calls[-1].at_ms - calls[0].at_ms)


class Clairvoyant:
    """An exact log of what calls use; who does not fit waits for the next release, at most one slot of the window."""

    def __init__(self, limit: int, window: int) -> None:
        self.log, self.served = Ledger(limit, window), 0
        self._waiting: list[tuple[int, int, int, int]] = []  # when, order, until, tokens

    def play(self, calls: Sequence[Call]) -> int:
        """The tokens that it serves."""
        for order, call in enumerate(calls):
            while self._waiting and self._waiting[0][0] <= call.at_ms:
                self._try(*heapq.heappop(self._waiting))
            self._try(call.at_ms, order, call.at_ms + int(self.log.width), call.tokens)
        return self.served

    def _try(self, now: int, order: int, until: int, tokens: int) -> None:
        if self.log.inside(now) + tokens <= self.log.limit:
            self.log.add(now, tokens)
            self.served += tokens
            return
        releases = (entry.at_ms + self.log.span for entry in self.log._recent(now))
        soonest = next((at_ms for at_ms in releases if at_ms > now), None)
        if soonest is not None and soonest <= until:
            heapq.heappush(self._waiting, (soonest, order, until, tokens))
