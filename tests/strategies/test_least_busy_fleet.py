"""least-busy over a fleet: under equal weights the counts in flight are never more than one apart."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from router_core.state.records import Lease
from tests.state.kit import Place, ask, declared, settled, tries
from tests.state.race_workers import acquire_many, together

IDS = ("a", "b", "c", "d", "e")
LEAST_BUSY = ask(*IDS, strategy="least-busy")


def counts(place: Place) -> dict[str, int]:
    column = place.column("inflight")
    return {id: int(column.get(id, "0")) for id in IDS}


async def test_calls_that_come_and_go_in_many_batches_leave_the_counts_one_apart(place: Place) -> None:
    stores = [place.store() for _ in range(3)]
    await stores[0].register([declared(id) for id in IDS])
    for size in (1, 7, 100, 3, 64):
        await asyncio.gather(*(tries(store, LEAST_BUSY, size) for store in stores))
        found = counts(place).values()
        assert max(found) - min(found) <= 1, found


@pytest.mark.slow
async def test_every_pick_goes_to_one_with_the_fewest_in_flight_whatever_ends_meanwhile(memory: Place) -> None:
    store, random = memory.store(), Random(5)
    await store.register([declared(id) for id in IDS])
    running: list[Lease] = []
    for _ in range(1500):
        if running and random.random() < 0.48:
            await settled(store, running.pop(random.randrange(len(running))))
            continue
        before = counts(memory)
        lease = await store.acquire(LEAST_BUSY)
        running.append(lease)
        assert before[lease.deployment] == min(before.values())


@pytest.mark.slow
async def test_equal_load_keeps_them_one_apart(memory: Place) -> None:
    """Calls of equal length end in the order in which they began; whoever comes next finds the gap."""
    store = memory.store()
    await store.register([declared(id) for id in IDS])
    running: list[Lease] = []
    for step in range(1000):
        running.append(await store.acquire(LEAST_BUSY))
        found = counts(memory).values()
        assert max(found) - min(found) <= 1, found
        if step >= 23:
            await settled(store, running.pop(0))


@pytest.mark.slow
@pytest.mark.serial
async def test_four_processes_at_once_leave_the_counts_one_apart(shared: Place) -> None:
    store = shared.store()
    await store.register([declared(id) for id in IDS])
    told = await asyncio.to_thread(together, 4, acquire_many, shared.url, shared.pool, LEAST_BUSY, 500)
    found = counts(shared)
    assert sum(one.admitted for one in told) == sum(found.values()) == 2000
    assert max(found.values()) - min(found.values()) <= 1, found


async def test_weights_scale_what_is_in_flight(memory: Place) -> None:
    store, weights = memory.store(), dict(zip(IDS, (1.0, 1.0, 2.0, 4.0, 0.5), strict=True))
    await store.register([declared(id, weight=weight) for id, weight in weights.items()])
    await tries(store, LEAST_BUSY, 850)
    for id, found in counts(memory).items():
        assert abs(found - 100 * weights[id]) <= 1 + weights[id], counts(memory)
