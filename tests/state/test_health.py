"""When a deployment is out of the choice, how it comes back, and what says nothing about it.

Times are pool times: they are moved, not slept.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from router_core.state.records import Breaker, OutcomeKind
from tests.state.health_kit import NEUTRAL, fail, pool_of, refused, state, until
from tests.state.kit import NOW, Place, ask, declared, ended, settled, tries


async def test_a_failure_that_counts_at_once_cools_the_deployment_and_says_until_when(place: Place) -> None:
    store = await pool_of(place)
    await fail(store)
    error = await refused(store)
    assert [(r.deployment, r.reason) for r in error.refusals] == [("a", "cooling")]
    assert error.refusals[0].ready_ms == await until(place)
    assert error.earliest == pytest.approx(5.0, abs=0.5)
    now = await state(store)
    assert (now.health, now.reason, now.trips) == ("open", "server", 1)
    assert now.cooling == pytest.approx(5.0, abs=0.5)
    assert (await store.events())[0].kind == "cooldown"


async def test_a_cooldown_counts_for_the_next_decision_of_every_worker(place: Place) -> None:
    """Staleness 0: the other worker has never heard of it."""
    store, other = await pool_of(place, "a", "b"), place.store()
    await other.register([declared("a"), declared("b")])
    await fail(store)
    granted, _ = await tries(other, ask("a", "b"), 50)
    assert {lease.deployment for lease in granted} == {"b"}


async def test_each_failed_probe_doubles_the_cooldown_up_to_its_cap(memory: Place) -> None:
    store = await pool_of(memory)
    waits = []
    for _ in range(8):
        await fail(store, breaker=Breaker("now", cooldown=5.0, max_cooldown=200.0))
        waits.append(await until(memory) - memory.now_ms())
        memory.move(waits[-1])
    assert waits == [5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 200_000, 200_000]


async def test_a_deployment_that_stayed_well_for_a_minute_starts_from_the_base_again(memory: Place) -> None:
    store = await pool_of(memory)
    for _ in range(3):
        await fail(store)
        memory.move(await until(memory) - memory.now_ms())
    await settled(store, await store.acquire(ask()))
    memory.move(75_000)
    await fail(store)
    assert await until(memory) - memory.now_ms() == 5_000


async def test_one_that_fails_again_soon_after_its_recovery_waits_longer(memory: Place) -> None:
    store = await pool_of(memory)
    await fail(store)
    memory.move(5_000)
    await settled(store, await store.acquire(ask()))
    memory.move(30_000)
    await fail(store)
    assert await until(memory) - memory.now_ms() == 10_000


@pytest.mark.parametrize(
    ("trip", "asked", "waits"),
    [("now", 30.0, 30_000), ("now", 2.0, 5_000), ("now", 4_000.0, 300_000), ("ratio", 2.0, 2_000)],
)
async def test_retry_after_cools_at_least_that_long_and_at_most_the_cap(
    memory: Place, trip: str, asked: float, waits: int
) -> None:
    """Where only the upstream asks for a pause, it is as long as it asks."""
    store = await pool_of(memory)
    await fail(store, "rate_limit", Breaker(trip, cooldown=5.0), retry_after=asked)
    assert await until(memory) - memory.now_ms() == waits


async def test_a_deadline_is_only_ever_extended(memory: Place) -> None:
    """Results of calls that ran at the same time come in any order."""
    store = await pool_of(memory)
    leases, _ = await tries(store, ask(), 4)
    deadlines = []
    for lease, seconds in zip(leases, [60.0, 10.0, 90.0, 1.0], strict=True):
        await settled(store, lease, outcome=ended("rate_limit", breaker=NOW, retry_after=seconds))
        deadlines.append(await until(memory) - memory.now_ms())
    assert deadlines == [60_000, 60_000, 90_000, 90_000]
    assert (await state(store)).trips == 1, "calls of one moment are one trip"


async def test_a_failure_in_slow_start_cools_no_longer_than_any_other(memory: Place) -> None:
    """The end of a slow start is not a deadline that could be extended."""
    store = await pool_of(memory)
    await fail(store)
    memory.move(await until(memory) - memory.now_ms())
    await settled(store, await store.acquire(ask()))
    assert (await state(store)).health == "ramp"
    await fail(store, breaker=Breaker("never", cooldown=5.0, max_cooldown=200.0), retry_after=1.0)
    assert await until(memory) - memory.now_ms() == 1_000


async def test_after_the_cooldown_exactly_one_call_of_all_workers_is_the_probe(place: Place) -> None:
    stores = [await pool_of(place) for _ in range(5)]
    await fail(stores[0])
    place.move(6_000)
    told = await asyncio.gather(*(tries(store, ask(), 40) for store in stores))
    probes = [lease for granted, _ in told for lease in granted]
    errors = [error for _, some in told for error in some]
    assert [lease.probe for lease in probes] == [True]
    assert {error.refusals[0].reason for error in errors} == {"probing"}
    assert (await state(stores[0])).health == "half-open"
    assert place.inflight("a") == 1


async def test_the_probe_is_taken_also_while_others_would_rank_better(place: Place) -> None:
    """Else a deployment among many would not be tried for long."""
    store = await pool_of(place, "a", "b", "c")
    await fail(store)
    place.move(6_000)
    granted, _ = await tries(store, ask("a", "b", "c", strategy="least-busy"), 10)
    assert sum(lease.deployment == "a" for lease in granted) == 1
    assert granted[0].probe


@pytest.mark.slow
async def test_a_good_probe_brings_it_back_slowly(memory: Place) -> None:
    """Slow start: the weight grows from a tenth to the whole in ten seconds."""
    store = await pool_of(memory, "a", "b")
    await fail(store)
    memory.move(5_000)
    probe = await store.acquire(ask())
    await settled(store, probe)
    assert (probe.probe, (await state(store)).health) == (True, "ramp")
    shares = []
    for _ in range(3):
        granted, _ = await tries(store, ask("a", "b"), 2000)
        shares.append(Counter(lease.deployment for lease in granted)["a"] / 2000)
        for lease in granted:
            store.cancel(lease)
        await store.flush()
        memory.move(5_000)
    assert shares[0] == pytest.approx(0.1 / 1.1, abs=0.03)
    assert shares[1] == pytest.approx(0.5 / 1.5, abs=0.05)
    assert shares[2] == pytest.approx(0.5, abs=0.05)
    assert (await state(store)).health == "closed"
    moves = [event.kind for event in await store.events(4)]
    assert moves == ["closed", "recovered", "half-open", "cooldown"], "newest first, each once"


async def test_a_failed_probe_opens_it_again_whatever_the_rule_for_its_kind(memory: Place) -> None:
    store = await pool_of(memory)
    await fail(store)
    memory.move(5_000)
    await fail(store, breaker=Breaker("ratio"))
    now = await state(store)
    assert (now.health, now.trips, now.cooling) == ("open", 2, 10.0)


@pytest.mark.parametrize("kind", sorted(NEUTRAL))
async def test_a_probe_without_a_verdict_leaves_the_next_call_to_probe(place: Place, kind: OutcomeKind) -> None:
    store = await pool_of(place)
    await fail(store)
    place.move(6_000)
    await settled(store, await store.acquire(ask()), outcome=ended(kind))
    granted, _ = await tries(store, ask(), 5)
    assert [lease.probe for lease in granted] == [True]


async def test_a_cancelled_probe_leaves_the_next_call_to_probe(place: Place) -> None:
    store = await pool_of(place)
    await fail(store)
    place.move(6_000)
    store.cancel(await store.acquire(ask()))
    await store.flush()
    assert (await store.acquire(ask())).probe


async def test_a_probe_whose_worker_died_is_taken_by_another(place: Place) -> None:
    dying, other = await pool_of(place), await pool_of(place)
    await fail(other)
    place.move(6_000)
    assert (await dying.acquire(ask())).probe
    place.silence(dying)
    assert (await other.acquire(ask())).probe
    assert place.inflight("a") == 1


async def test_a_probe_that_outlives_its_lease_is_replaced_and_its_late_result_changes_nothing(place: Place) -> None:
    store = await pool_of(place)
    await fail(store)
    place.move(6_000)
    late = await store.acquire(ask(timeout=2))
    place.move(3_000)
    probe = await store.acquire(ask())
    assert probe.probe
    await settled(store, late, outcome=ended("ok"))
    assert (await state(store)).health == "half-open"
    await settled(store, probe, outcome=ended("ok"))
    assert (await state(store)).health == "ramp"


async def test_a_result_of_an_older_generation_changes_nothing(place: Place) -> None:
    """Calls from before the outage that fail after it, or answer during it."""
    store = await pool_of(place)
    old, _ = await tries(store, ask(), 3)
    await fail(store)
    await settled(store, old[0], outcome=ended("ok"))
    assert (await state(store)).health == "open"
    place.move(6_000)
    probe = await store.acquire(ask())
    await settled(store, old[1], outcome=ended("server", breaker=NOW))
    assert (await state(store)).health == "half-open"
    await settled(store, probe)
    before = place.column("health")
    await settled(store, old[2], outcome=ended("server", breaker=NOW))
    assert place.column("health") == before
    assert probe.generation == old[0].generation + 1
