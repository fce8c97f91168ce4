"""Virtual time: a fleet's calls while half of a group is down, and what the deployments saw of it.

    world = World(place, stores, seed=3)
    await world.run(seconds=20); world.fall("a", "b"); await world.run(30); world.rise(); await world.run(60)
    world.errors, world.attempts / world.calls, world.probes_at_once, world.load("a")

A deployment that is down fails at once. One that comes back is cold: it fails what is beyond the few calls that it
takes at first, more with each second since its first success. So whoever sends it its whole share at once pushes it
down again. memory:// with time that stands still; calls go elsewhere after a failure, as the router's do.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

from router_core.config import breaker_for
from router_core.state.records import Denied, Extra, Lease, Outcome, OutcomeKind, Refused
from router_core.state.store import Store
from tests.config.helpers import entry, loaded
from tests.state.kit import Place, ask, declared, ended

IDS = tuple("abcdefgh")
ROOM = 20  # calls at once that each takes, by its own limit and by ours
COLD, WARM_AFTER = 2, 10.0  # calls at once of one that just came back; seconds until it is as before
RATE, SERVICE, FAILS_IN = 80.0, 0.5, 0.1
ATTEMPTS = 4  # with three, one of the first twenty calls or so may strike three dead ones before anybody can know

Event = Callable[[], Awaitable[None]]


class World:
    """Calls of several workers, each with up to three attempts; every attempt is noted."""

    def __init__(self, place: Place, stores: list[Store], seed: int) -> None:
        self.place, self.stores = place, stores
        for number, store in enumerate(stores):  # the scripts' dice too are thrown alike in each run
            store._process().worker._random = random.Random(100 * seed + number)
        self.down: set[str] = set()
        self.calls = self.attempts = self.errors = self.probes_at_once = 0
        self.failed = Counter[int]()  # attempts that failed, by second
        self.answered: dict[str, list[float]] = defaultdict(list)  # when a deployment served a call
        self._back: dict[str, float | None] = {}  # when one that was down served again first
        self._inflight, self._probing = Counter[str](), Counter[str]()
        settings, (self._deployment,) = loaded(entry())
        kinds: list[OutcomeKind] = ["ok", "server"]
        self._rules = {kind: breaker_for(settings, self._deployment, len(IDS), kind) for kind in kinds}
        self._rng, self._order = random.Random(seed), itertools.count()
        self._events: list[tuple[float, int, Event]] = []
        assert place.clock_ms is not None
        self.now, self._began = 0.0, place.clock_ms

    async def run(self, seconds: float) -> None:
        """So many seconds more."""
        end, at = self.now + seconds, self.now
        while (at := at + self._rng.expovariate(RATE)) < end:
            store = self._rng.choice(self.stores)
            self._at(at, lambda store=store: self._attempt(store, ()))  # type: ignore[misc]
        for second in range(int(seconds)):
            self._at(self.now + second, self._beat)
        while self._events and self._events[0][0] <= end:
            self.now, _, event = heapq.heappop(self._events)
            self.place.clock_ms = self._began + round(self.now * 1000)
            await event()

    def without_slow_start(self) -> None:
        """From now on one that comes back gets its whole share at once."""
        self._rules = {kind: dataclasses.replace(rule, ramp=0.0) for kind, rule in self._rules.items()}

    def fall(self, *ids: str) -> None:
        """These are down from now on."""
        self.down = set(ids)

    def rise(self) -> None:
        """Those that are down are well again, and cold."""
        self._back |= dict.fromkeys(self.down)
        self.down = set()

    def load(self, id: str, since: float, until: float) -> int:
        """How many calls it served then."""
        return sum(since <= at < until for at in self.answered[id])

    def _at(self, at: float, event: Event) -> None:
        heapq.heappush(self._events, (at, next(self._order), event))

    async def _beat(self) -> None:
        for store in self.stores:
            self.place.do("ZADD", "workers", self.place.clock_ms or 0, store.worker)

    async def _attempt(self, store: Store, tried: tuple[str, ...]) -> None:
        self.calls += not tried
        others = [id for id in IDS if id not in tried]
        extra = Extra("retry", 0.2, 1.0) if tried else None
        try:
            lease = await store.acquire(ask(*others, counted=not tried, extra=extra))
        except (Refused, Denied):
            self.errors += 1
            return
        self.attempts += 1
        id = lease.deployment
        self._inflight[id] += 1
        self._probing[id] += lease.probe
        self.probes_at_once = max(self.probes_at_once, self._probing[id])
        fails = id in self.down or self._inflight[id] > self._takes(id)
        lasts = self._rng.expovariate(1 / (FAILS_IN if fails else SERVICE))
        self._at(self.now + lasts, lambda: self._end(store, lease, (*tried, id), fails))

    def _takes(self, id: str) -> float:
        back = self._back.get(id, -WARM_AFTER)
        return COLD if back is None else COLD + (ROOM - COLD) * min(1.0, (self.now - back) / WARM_AFTER)

    async def _end(self, store: Store, lease: Lease, tried: tuple[str, ...], fails: bool) -> None:
        id = lease.deployment
        self._inflight[id] -= 1
        self._probing[id] -= lease.probe
        if fails:
            self.failed[int(self.now)] += 1
        else:
            self.answered[id].append(self.now)
            if self._back.get(id, 0.0) is None:
                self._back[id] = self.now
        store.settle(lease, self._outcome("server" if fails else "ok"))
        await store.flush()
        if fails and len(tried) < ATTEMPTS:
            await self._attempt(store, tried)
        elif fails:
            self.errors += 1

    def _outcome(self, kind: OutcomeKind) -> Outcome:
        return ended(kind, breaker=self._rules[kind])


async def world_of(place: Place, seed: int, workers: int = 3) -> World:
    """A fleet before anything happens."""
    stores = [place.store() for _ in range(workers)]
    for store in stores:
        await store.register([declared(id, limits={"concurrent": ROOM}) for id in IDS])
    return World(place, stores, seed)
