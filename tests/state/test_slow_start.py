"""A deployment that is new or back takes its growing share of the calls, also where the worker gives the order."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest

from tests.state.kit import Place, ask, declared, settled

IDS = tuple(f"d{number}" for number in range(8))
SHARE = 0.3  # of its weight that d0 has by now
CALLS = 3_000
CRITICAL = 24.3  # chi-square of 7 degrees of freedom at 0.1 %


@pytest.mark.slow
async def test_a_preferred_one_in_slow_start_keeps_its_place_in_its_share_of_the_calls(memory: Place) -> None:
    """A sampled shuffle sends its whole slice in the order to try: the worker drew it by full weights."""
    store = memory.store()
    await store.register([declared(id) for id in IDS])
    since = memory.now_ms() - 3_000
    memory.put("health", "d0", f"ramp 1 1 {since + 10_000} {since} server -")
    dice, picked = Random(5), Counter[str]()
    for _ in range(CALLS // 50):
        orders = [dice.sample(IDS, len(IDS)) for _ in range(50)]
        leases = await asyncio.gather(*(store.acquire(ask(*order, preferred=len(order))) for order in orders))
        picked.update(lease.deployment for lease in leases)
        await settled(store, *leases)
    first = CALLS / len(IDS) * SHARE
    expected = {id: first if id == "d0" else (CALLS - first) / (len(IDS) - 1) for id in IDS}
    assert sum((picked[id] - expected[id]) ** 2 / expected[id] for id in IDS) < CRITICAL, picked


async def test_the_only_candidate_serves_in_slow_start_too(memory: Place) -> None:
    store = memory.store()
    await store.register([declared("d0")])
    now = memory.now_ms()
    memory.put("health", "d0", f"ramp 1 1 {now + 10_000} {now} server -")
    leases = [await store.acquire(ask("d0", preferred=1)) for _ in range(20)]
    await settled(store, *leases)


async def test_a_new_one_starts_as_slowly_as_its_declaration_says(memory: Place) -> None:
    store = memory.store()
    await store.register([declared("old")])
    memory.move(60_000)
    await store.register([declared("old"), declared("new", health="ramp=40000"), declared("at-once", health="ramp=0")])
    memory.move(39_000)
    states = (await store.snapshot()).deployments
    assert {id: state.health for id, state in states.items()} == {"old": "closed", "new": "ramp", "at-once": "closed"}
    memory.move(2_000)
    assert (await store.snapshot()).deployments["new"].health == "closed"
