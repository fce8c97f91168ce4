"""Which results cool a deployment, and what an operator does to it."""

from __future__ import annotations

from typing import get_args

import pytest

from router_core.state.records import Breaker, Lease, OutcomeKind
from tests.state.health_kit import NEUTRAL, fail, pool_of, refused, state
from tests.state.kit import NOW, Place, ask, beat, declared, ended, settled, tries

FAILURES = [kind for kind in get_args(OutcomeKind) if kind not in NEUTRAL and kind != "ok"]


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
