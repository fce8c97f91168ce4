"""Eight processes meet one breaker at the same time: one probe, one trip, one entry in the diary."""

from __future__ import annotations

import asyncio

import pytest

from router_core.state.records import Breaker
from tests.state.health_kit import fail, pool_of, state
from tests.state.kit import Place, ask, ended, tries
from tests.state.race_workers import acquire_many, settle_many, together

PROCESSES, TIMES = 8, 200

pytestmark = [pytest.mark.slow, pytest.mark.serial]


async def test_of_the_calls_of_eight_processes_one_is_the_probe(shared: Place) -> None:
    store = await pool_of(shared)
    await fail(store)
    shared.move(6_000)
    told = await asyncio.to_thread(together, PROCESSES, acquire_many, shared.url, shared.pool, ask(), TIMES)
    leases = [lease for one in told for lease in one.leases]
    assert [lease.probe for lease in leases] == [True]
    assert sum(one.refused for one in told) == PROCESSES * TIMES - 1
    assert [event.kind for event in await store.events(1)] == ["half-open"]


async def test_failures_that_eight_processes_tell_at_the_same_time_are_one_trip(shared: Place) -> None:
    store = await pool_of(shared)
    leases, _ = await tries(store, ask(), 200)
    outcome = ended("server", breaker=Breaker("ratio", row=5))
    await asyncio.to_thread(together, PROCESSES, settle_many, shared.url, shared.pool, tuple(leases), outcome)
    now = await state(store)
    assert (now.health, now.trips, now.failed) == ("open", 1, 200), "each is counted once, and they are one outage"
    assert [event.kind for event in await store.events() if event.deployment == "a"] == ["cooldown", "registered"]
