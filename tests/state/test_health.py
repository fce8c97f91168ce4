"""When a deployment is out of the choice, how it comes back, and what says nothing about it.

Times are pool times: they are moved, not slept.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import get_args

import pytest

from router_core.state.records import Breaker, DeploymentState, Lease, OutcomeKind, Refused
from router_core.state.store import Store
from tests.state.kit import NOW, Place, ask, beat, declared, ended, settled, tries

NEUTRAL = {"content_policy", "context_window", "caller", "cancelled"}
FAILURES = [kind for kind in get_args(OutcomeKind) if kind not in NEUTRAL and kind != "ok"]


async def pool_of(place: Place, *ids: str) -> Store:
    store = place.store()
    await store.register([declared(id) for id in ids or ("a",)])
    return store


async def state(store: Store, id: str = "a") -> DeploymentState:
    return (await store.snapshot()).deployments[id]


async def fail(store: Store, kind: OutcomeKind = "server", breaker: Breaker = NOW, retry_after: float | None = None) -> None:
    """One call to deployment a that fails."""
    await settled(store, await store.acquire(ask()), outcome=ended(kind, breaker=breaker, retry_after=retry_after))


async def refused(store: Store, *candidates: str) -> Refused:
    with pytest.raises(Refused) as caught:
        await store.acquire(ask(*candidates))
    return caught.value


async def until(place: Place) -> int:
    """When deployment a may be tried again, in pool time."""
    return int(place.column("health")["a"].split()[3])


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
    assert [event.kind for event in await store.events()][0] == "cooldown"


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


@pytest.mark.parametrize(("asked", "waits"), [(30.0, 30_000), (2.0, 5_000), (4_000.0, 300_000)])
async def test_retry_after_cools_at_least_that_long_and_at_most_the_cap(memory: Place, asked: float, waits: int) -> None:
    store = await pool_of(memory)
    await fail(store, "rate_limit", Breaker("ratio", cooldown=5.0), retry_after=asked)
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
    assert shares[1] == pytest.approx(0.5 / 1.5, abs=0.04)
    assert shares[2] == pytest.approx(0.5, abs=0.04)
    assert (await state(store)).health == "closed"
    assert [event.kind for event in await store.events(1)] == ["recovered"]


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


async def test_the_ratio_rule_needs_five_failures_and_more_than_half(place: Place) -> None:
    store = await pool_of(place)
    ratio = Breaker("ratio")
    for _ in range(4):
        await fail(store, breaker=ratio)
    assert (await state(store)).health == "closed", "four failures are too small a sample"
    for _ in range(5):
        await settled(store, await store.acquire(ask()))
    await fail(store, breaker=ratio)
    assert (await state(store)).health == "closed", "five of ten are not more than half"
    await fail(store, breaker=ratio)
    now = await state(store)
    assert (now.health, now.failed, now.ok) == ("open", 6, 5)


async def test_failures_older_than_a_minute_do_not_count(memory: Place) -> None:
    store = await pool_of(memory)
    for _ in range(4):
        await fail(store, breaker=Breaker("ratio"))
    memory.move(62_000)
    await fail(store, breaker=Breaker("ratio"))
    assert (await state(store)).health == "closed"
    assert (await state(store)).failed == 1


async def test_count_cools_when_more_than_so_many_failures_of_the_kind_stand_in_the_minute(memory: Place) -> None:
    store = await pool_of(memory)
    for _ in range(20):
        await settled(store, await store.acquire(ask()))
    for _ in range(3):
        await fail(store, "timeout", Breaker("count:3"))
        await fail(store, "server", Breaker("count:3"))
    assert (await state(store)).health == "closed", "each kind has its own count"
    await fail(store, "timeout", Breaker("count:3"))
    now = await state(store)
    assert (now.health, now.reason) == ("open", "timeout")


async def test_count_0_cools_with_the_first(place: Place) -> None:
    store = await pool_of(place)
    await fail(store, "timeout", Breaker("count:0"))
    assert (await state(store)).health == "open"


async def test_counted_failures_older_than_a_minute_are_forgotten(memory: Place) -> None:
    store = await pool_of(memory)
    for _ in range(6):
        await fail(store, "timeout", Breaker("count:2"))
        memory.move(31_000)
    assert (await state(store)).health == "closed"


async def test_never_means_never(place: Place) -> None:
    store = await pool_of(place)
    for _ in range(30):
        await fail(store, breaker=Breaker("never"))
    now = await state(store)
    assert (now.health, now.failed) == ("closed", 30)


async def test_a_cap_of_0_means_no_cooldowns_at_all(place: Place) -> None:
    store = await pool_of(place)
    for _ in range(10):
        await fail(store, "rate_limit", Breaker("now", cooldown=5.0, max_cooldown=0.0), retry_after=20.0)
    assert (await state(store)).health == "closed"


@pytest.mark.parametrize("kind", sorted(NEUTRAL))
async def test_what_is_the_callers_own_says_nothing_of_the_deployment(place: Place, kind: OutcomeKind) -> None:
    store = await pool_of(place)
    for _ in range(20):
        await fail(store, kind, NOW)
    now = await state(store)
    assert (now.health, now.ok, now.failed) == ("closed", 0, 0)


@pytest.mark.parametrize("kind", FAILURES)
async def test_every_other_kind_cools_with_its_name_as_the_reason(place: Place, kind: OutcomeKind) -> None:
    store = await pool_of(place)
    await fail(store, kind)
    now = await state(store)
    assert (now.health, now.reason, now.failed) == ("open", kind, 1)


async def test_a_result_of_an_expired_lease_charges_but_judges_like_any_other(place: Place) -> None:
    """A call that outlived its lease and failed is news of the deployment all the same."""
    store = await pool_of(place)
    late = await store.acquire(ask(timeout=2))
    place.move(3_000)
    await beat(store)
    await settled(store, late, outcome=ended("timeout", breaker=NOW))
    assert (await state(store)).health == "open"


async def test_an_operator_cools_and_resets(place: Place) -> None:
    store = await pool_of(place)
    await store.control("cool", "a", ms=60_000)
    assert (await refused(store)).earliest == pytest.approx(60, abs=1)
    assert (await state(store)).reason == "operator"
    await store.control("reset", "a")
    now = await state(store)
    assert (now.health, now.trips, now.failed) == ("closed", 0, 0)
    assert isinstance(await store.acquire(ask()), Lease)


async def test_a_reset_also_forgets_used_windows_and_old_results(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits={"requests/60": 2})])
    running, _ = await tries(store, ask(), 2)
    await store.control("reset", "a")
    granted, _ = await tries(store, ask(), 3)
    assert len(granted) == 2
    await settled(store, *running, outcome=ended("server", breaker=NOW))
    assert (await state(store)).health == "closed", "from before the reset"


async def test_a_drained_deployment_gets_no_call_and_its_running_ones_end_as_ever(place: Place) -> None:
    store = await pool_of(place)
    running = await store.acquire(ask())
    await store.control("drain", "a")
    assert [r.reason for r in (await refused(store)).refusals] == ["drained"]
    await settled(store, running)
    assert ((await state(store)).drained, place.inflight("a")) == (True, 0)
    await store.control("resume", "a")
    assert isinstance(await store.acquire(ask()), Lease)


async def test_all_of_a_group_out_tells_each_reason_and_the_earliest_return(place: Place) -> None:
    store = await pool_of(place, "a", "b", "c")
    await store.control("cool", "a", ms=50_000)
    await store.control("cool", "b", ms=20_000)
    await store.control("drain", "c")
    error = await refused(store, "a", "b", "c", "stranger")
    assert {r.deployment: r.reason for r in error.refusals} == {
        "a": "cooling", "b": "cooling", "c": "drained", "stranger": "unknown",
    }  # fmt: skip
    assert error.earliest == pytest.approx(20, abs=1)
