"""Virtual time: our calls and a foreign user's meet at one upstream with a quota of its own.

    life = Life(store, place, Rolling(100), limit=100, seed=7)
    await life.run(seconds=300, ours=2.0, foreign=0.8)
    life.served, life.refused_there, life.refused_here

The upstream is independent of ours: it keeps an exact log, a bucket or fixed windows, counts what arrives when it
arrives (20 to 400 ms after the reservation), and its headers reach us later. No breaker; memory:// with time that
stands still.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from router_core.state.records import Breaker, Heard, Lease
from router_core.state.store import Store
from tests.state.kit import Place, ask, ended, tried

WINDOW = 60.0
REFUSED = ended("rate_limit", breaker=Breaker("never"))
SEEN = ended("rate_limit", 0, 0, breaker=Breaker("never"))  # its headers say what was counted


class Quota(Protocol):
    """A provider's limit of requests. `strict` False: it counts all, and refuses nobody."""

    limit: int
    strict: bool

    def take(self, now: float) -> bool:
        """Count one more, if it fits."""

    def left(self, now: float) -> int:
        """What its header says."""


class Rolling:
    """An exact log."""

    def __init__(self, limit: int, strict: bool = True) -> None:
        self.limit, self.strict = limit, strict
        self._log: deque[float] = deque()

    def left(self, now: float) -> int:
        while self._log and now - self._log[0] >= WINDOW:
            self._log.popleft()
        return max(0, self.limit - len(self._log))

    def take(self, now: float) -> bool:
        fits = self.left(now) > 0 or not self.strict
        if fits:
            self._log.append(now)
        return fits


class Bucket:
    """Refilled all the time (GCRA)."""

    def __init__(self, limit: int, strict: bool = True) -> None:
        self.limit, self.strict = limit, strict
        self._level, self._at = float(limit), 0.0

    def left(self, now: float) -> int:
        self._level = min(self.limit, self._level + (now - self._at) * self.limit / WINDOW)
        self._at = now
        return max(0, int(self._level))

    def take(self, now: float) -> bool:
        fits = self.left(now) > 0 or not self.strict
        self._level -= fits
        return fits


class Fixed:
    """Empty again at each minute."""

    def __init__(self, limit: int, strict: bool = True) -> None:
        self.limit, self.strict = limit, strict
        self._minute, self._used = -1, 0

    def left(self, now: float) -> int:
        if int(now // WINDOW) != self._minute:
            self._minute, self._used = int(now // WINDOW), 0
        return max(0, self.limit - self._used)

    def take(self, now: float) -> bool:
        fits = self.left(now) > 0 or not self.strict
        self._used += fits
        return fits


Event = Callable[[], Awaitable[None]]


class Life:
    """Calls, answers and headers in the order of their times. `learns`: headers are handed over."""

    def __init__(
        self, place: Place, store: Store, quota: Quota, *, seed: int, learns: bool = True, service: float = 1.0
    ) -> None:
        self.place, self.store, self.quota = place, store, quota
        self.learns, self.service = learns, service
        self.served = self.refused_there = self.refused_here = self.foreign_served = 0
        self.most_foreign = 0
        self.longest_refusal = 0.0  # seconds in which we refused though the upstream had room all the time
        self._refusing_since: float | None = None
        self._rng = random.Random(seed)
        self._events: list[tuple[float, int, Event]] = []
        self._order = itertools.count()
        assert place.clock_ms is not None
        self._began = place.clock_ms
        self.now = 0.0
        self._told = -9.0

    async def run(self, seconds: float, ours: float, foreign: float = 0.0, burst: int = 1) -> None:
        """So many seconds more; `ours` and `foreign` are calls a second, ours in bursts."""
        end = self.now + seconds
        self._spread(end, ours / burst, self._call, burst)
        self._spread(end, foreign, self._foreign)
        self._spread(end, 1 / 3, self._beat)
        while self._events and self._events[0][0] <= end:
            self.now, _, event = heapq.heappop(self._events)
            self.place.clock_ms = self._began + round(self.now * 1000)
            await event()

    def _spread(self, end: float, rate: float, event: Event, burst: int = 1) -> None:
        at = self.now
        while rate and (at := at + self._rng.expovariate(rate)) < end:
            for i in range(burst):
                self._at(at + i * 0.001, event)

    def _at(self, at: float, event: Event) -> None:
        heapq.heappush(self._events, (at, next(self._order), event))

    async def _beat(self) -> None:
        self.place.do("ZADD", "workers", self.place.clock_ms or 0, self.store.worker)

    async def _foreign(self) -> None:
        self.foreign_served += self.quota.take(self.now)

    async def _call(self) -> None:
        lease = await tried(self.store, ask())
        if not isinstance(lease, Lease):
            self.refused_here += 1
            if self.quota.left(self.now) == 0:
                self._refusing_since = None
            elif self._refusing_since is None:
                self._refusing_since = self.now
            else:
                self.longest_refusal = max(self.longest_refusal, self.now - self._refusing_since)
            return
        self._refusing_since = None
        held = dataclasses.replace(lease, at_ms=self.place.clock_ms or 0)
        self._at(self.now + self._rng.uniform(0.02, 0.4), lambda: self._arrive(held))

    async def _arrive(self, lease: Lease) -> None:
        taken = self.quota.take(self.now)
        left = self.quota.left(self.now)
        self.served += taken
        self.refused_there += not taken
        delay = self._rng.uniform(0.01, 0.2) + (self._rng.expovariate(1 / self.service) if taken else 0.0)
        self._at(self.now + delay, lambda: self._answered(lease, taken, left))

    async def _answered(self, lease: Lease, taken: bool, left: int) -> None:
        self.store.settle(lease, ended() if taken else SEEN if self.learns else REFUSED)
        if self.learns and (not taken or self.now - self._told > 2):
            self._told = self.now
            self.store.observe(lease, [Heard("requests/60", self.quota.limit, left)], refused=not taken)
            await self.store.flush()
            self.most_foreign = max(self.most_foreign, self.foreign())

    def foreign(self) -> int:
        """What we take for others' use now."""
        text = self.place.column("observed").get("a", "")
        return sum(int(part.split(":")[1]) for part in text.split(",")[3:])
