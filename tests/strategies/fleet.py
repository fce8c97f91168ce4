"""Processes that ask a pool again and again, and a fleet in moved time whose deployments answer as a test says."""

from __future__ import annotations

import asyncio
import heapq
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Any, cast

from router_core.choosing.candidates import Group
from router_core.config import Deployment
from router_core.state.records import Acquire, Lease, Outcome
from router_core.state.store import Store
from tests.state.kit import RANKS, Place
from tests.state.race_workers import PATIENCE, together

CALLERS = 128  # at the same time, in one process


@dataclass(frozen=True)
class Picked:
    """What one process was given."""

    pid: int
    counts: Counter[str]


def pick_many(
    url: str, pool: str, request: Acquire, weights: Mapping[str, float], times: int, start: Any, answers: Any
) -> None:
    """Acquire and settle so many times; more than 32 members travel as the router samples them."""
    answers.put(asyncio.run(_pick_many(url, pool, request, weights, times, start)))


async def _pick_many(
    url: str, pool: str, request: Acquire, weights: Mapping[str, float], times: int, start: Any
) -> Picked:
    store = Store(url, pool=pool, ranks=RANKS, timeout=20.0)
    group = Group(request.group, [_deployment(id, weight) for id, weight in weights.items()], Random(os.getpid()))
    counts: Counter[str] = Counter()
    left = iter(range(times))

    async def caller() -> None:
        for _ in left:
            part = group.slice(None, shuffle=True)
            lease = await store.acquire(replace(request, candidates=part.ids, preferred=part.preferred))
            counts[lease.deployment] += 1
            store.settle(lease, Outcome("ok", total_ms=100.0))

    await asyncio.to_thread(start.wait, PATIENCE)
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    await store.aclose()
    return Picked(os.getpid(), counts)


def _deployment(id: str, weight: float) -> Deployment:
    return Deployment(
        id=id, model_name="g", model="m", provider="openai", account=id, weight=weight, effective_weight=weight
    )


async def picks(place: Place, weights: Mapping[str, float], times: int, processes: int = 4) -> Counter[str]:
    """Where so many calls of so many processes went, by simple-shuffle."""
    request = Acquire(group="g", candidates=())
    told = await asyncio.to_thread(
        together, processes, pick_many, place.url, place.pool, request, dict(weights), times // processes
    )
    return sum((one.counts for one in cast("list[Picked]", told)), Counter[str]())


Answer = Callable[[str, float], float]  # deployment and time (s) -> ms per token, or to the first token


class Traffic:
    """Calls of one second each token or so, at a steady rate, in the moved time of memory://.

    A call takes 50 tokens; `seconds` is how long the traffic has run, `picked` (time, deployment) of every call,
    `answered` the same of every answer.
    """

    TOKENS = 50

    def __init__(
        self, place: Place, store: Store, request: Acquire, rate: float, answer: Answer, seed: int = 1
    ) -> None:
        self.place, self.store, self.request, self.answer = place, store, request, answer
        self.gap = 1 / rate
        self.seconds = 0.0
        self.picked: list[tuple[float, str]] = []
        self.answered: list[tuple[float, str]] = []
        self._random, self._next, self._moved_ms = Random(seed), 0.0, 0
        self._running: list[tuple[float, int, Lease, Outcome]] = []
        self._number = count()

    async def run(self, until: float) -> None:
        """Go on until that second; calls under way go on in the next run."""
        while True:
            due = self._running[0][0] if self._running else self._next
            if min(due, self._next) >= until:
                self.seconds = until
                return
            if self._running and due <= self._next:
                await self._end()
            else:
                await self._begin()

    def share(self, id: str, begin: float, end: float) -> float:
        """Of the calls that began in these seconds, how many went there."""
        names = [name for at, name in self.picked if begin <= at < end]
        return names.count(id) / max(1, len(names))

    async def _begin(self) -> None:
        self._advance(self._next)
        lease = await self.store.acquire(self.request)
        self.picked.append((self.seconds, lease.deployment))
        ms = self.answer(lease.deployment, self.seconds) * self._random.uniform(0.9, 1.1)
        total = ms * self.TOKENS
        ttft = ms if self.request.stream else None
        outcome = Outcome("ok", total, ttft, 10, self.TOKENS, stream=self.request.stream)
        heapq.heappush(self._running, (self.seconds + total / 1000, next(self._number), lease, outcome))
        self._next += self.gap

    async def _end(self) -> None:
        at, _, lease, outcome = heapq.heappop(self._running)
        self._advance(at)
        self.answered.append((at, lease.deployment))
        self.store.settle(lease, outcome)
        await self.store.flush()

    def _advance(self, seconds: float) -> None:
        self.seconds = seconds
        moved_ms = int(seconds * 1000)
        if moved_ms > self._moved_ms:
            self.place.move(moved_ms - self._moved_ms)
            self._moved_ms = moved_ms
