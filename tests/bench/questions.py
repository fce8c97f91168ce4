"""Decisions without calls: acquires and settles of one pool, as a Router would ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from router_core.choosing.candidates import MOST, REMEMBERED, SHARED
from router_core.state.records import Acquire, Lease, Outcome, Refused
from router_core.state.store import Store
from router_core.strategies import sources
from tests.bench.stage import GROUP, SPEC, Stage, declared

OUTCOME = Outcome("ok", total_ms=100.0, input_tokens=60, output_tokens=1)


@dataclass
class Pool:
    """`size` deployments behind one Store. Of more than 32, those travel that a Router would send."""

    store: Store
    ids: Sequence[str]
    subjects: tuple[str, ...] = ()
    random: Random = field(default_factory=lambda: Random(1))
    best: tuple[str, ...] = ()
    sample: tuple[str, ...] = ()
    left: int = 0  # calls that the sample is good for

    def question(self) -> Acquire:
        if len(self.ids) <= MOST:
            return _acquire(tuple(self.ids), 0, self.subjects)
        first = self.left == 0
        if first:
            drawn = self.random.sample(self.ids, MOST)
            others = [id for id in drawn if id not in self.best]
            self.sample, self.left = (*self.best, *others)[:MOST], SHARED
        self.left -= 1
        return _acquire(self.sample, REMEMBERED if first else 0, self.subjects)

    async def acquire(self) -> Lease:
        lease = await self.store.acquire(self.question())
        self.best = lease.best or self.best
        return lease

    async def decide(self) -> None:
        """One decision: acquire and settle."""
        self.store.settle(await self.acquire(), OUTCOME)

    async def decisions(self, count: int, concurrent: int) -> None:
        """So many, all settled at the end."""
        await spread(self.decide, count, concurrent)
        await self.store.flush()

    async def refusals(self, count: int) -> None:
        """One after the other; AssertionError if there was room."""
        for _ in range(count):
            try:
                await self.acquire()
            except Refused:
                continue
            raise AssertionError("there was room where there must be none")

    async def fill(self) -> list[Lease]:
        """Take all the room there is."""
        taken: list[Lease] = []
        while True:
            try:
                taken.append(await self.acquire())
            except Refused:
                return taken


async def spread(once: Callable[[], Awaitable[object]], count: int, concurrent: int) -> None:
    """Call `once` so many times, from so many tasks."""
    left = count

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await once()

    await asyncio.gather(*(caller() for _ in range(concurrent)))


@asynccontextmanager
async def opened(where: Stage, name: str, size: int, **limits: int) -> AsyncIterator[Pool]:
    """A pool of its own, closed afterwards; see `pool`."""
    made = await pool(where.server.url, name, size, **limits)
    try:
        yield made
    finally:
        await made.store.aclose()


async def pool(url: str, name: str, size: int, **limits: int) -> Pool:
    """A pool of its own with `size` deployments; `limits` as in `stage.declared`."""
    store = Store(url, pool=name, ranks=sources())
    ids = tuple(f"dep-{number}" for number in range(size))
    await store.register(declared(ids, limits))
    return Pool(store, ids)


def _acquire(ids: tuple[str, ...], remember: int, subjects: tuple[str, ...]) -> Acquire:
    return Acquire(GROUP, ids, SPEC, input_tokens=60, output_tokens=1, remember=remember, subjects=subjects)
