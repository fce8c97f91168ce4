"""Adaptive concurrency: the limit follows what a deployment takes, within bounds, and holds for the whole fleet."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router_core.state.records import Breaker, Lease, OutcomeKind, Refused
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, ended, settled, tries

NEVER = Breaker("never")
BOUNDS = "2,50,10,0.9"


async def pool(place: Place, bounds: str = BOUNDS, **limits: int) -> Store:
    store = place.store()
    await store.register([declared(adaptive=bounds, limits=limits)])
    return store


async def take(store: Store, count: int) -> list[Lease]:
    granted, _ = await tries(store, ask(), count)
    return granted


async def end(store: Store, leases: Sequence[Lease], kind: OutcomeKind) -> None:
    await settled(store, *leases, outcome=ended(kind, breaker=NEVER, adaptive=True))


async def limit(store: Store) -> int:
    """What is in force."""
    return (await store.snapshot()).deployments["a"].limits["concurrent"]


async def test_it_begins_where_it_is_told_and_holds_like_any_limit(place: Place) -> None:
    store = await pool(place)
    granted, refused = await tries(store, ask(), 15)
    assert (len(granted), len(refused)) == (10, 5)
    assert {(one.refusals[0].deployment, one.refusals[0].reason) for one in refused} == {("a", "concurrent")}
    assert await limit(store) == 10


async def test_successes_raise_it_by_one_each_until_the_first_loss(place: Place) -> None:
    store = await pool(place)
    await end(store, await take(store, 10), "ok")
    # With 10, 9, 8 ... in flight before a limit of 10, 11, 12 ...: at least half of it is in use four times.
    assert await limit(store) == 14
    await end(store, await take(store, 6), "ok")
    assert await limit(store) == 14, "half of it was never in use"


async def test_a_loss_keeps_nine_tenths_of_it_once_for_the_calls_that_ran_together(memory: Place) -> None:
    store = await pool(memory)
    first = await take(store, 10)
    memory.move(100)
    await end(store, first[:5], "rate_limit")
    assert await limit(store) == 9
    await end(store, first[5:], "timeout")
    assert await limit(store) == 9, "they began before it was lowered"
    memory.move(100)
    later = await take(store, 1)
    memory.move(100)
    await end(store, later, "timeout")
    assert await limit(store) == 8


async def test_after_a_loss_it_grows_by_one_for_as_many_calls_as_it_is(memory: Place) -> None:
    store = await pool(memory)
    leases = await take(store, 10)
    memory.move(100)
    await end(store, leases[:1], "rate_limit")
    await end(store, leases[1:], "cancelled")
    grown = 0
    for _ in range(12):
        running = await take(store, 8)
        await end(store, running[:1], "ok")
        await end(store, running[1:], "cancelled")
        grown += 1
        if await limit(store) > 9:
            break
    assert 9 <= grown <= 10


@pytest.mark.parametrize("kind", ["server", "connect", "malformed", "auth", "caller", "cancelled"])
async def test_other_endings_say_nothing_of_it(place: Place, kind: OutcomeKind) -> None:
    store = await pool(place)
    await end(store, await take(store, 10), kind)
    assert await limit(store) == 10


async def test_it_stays_within_its_bounds(memory: Place) -> None:
    store = await pool(memory, "3,12,10,0.5")
    for _ in range(8):
        await end(store, await take(store, 50), "ok")
    assert await limit(store) == 12
    for _ in range(5):
        memory.move(10)
        leases = await take(store, 1)
        memory.move(10)
        await end(store, leases, "timeout")
    assert await limit(store) == 3


async def test_a_lower_written_limit_goes_before_it_and_an_operator_before_both(place: Place) -> None:
    store = await pool(place, concurrent=4)
    assert await limit(store) == 4
    await store.control("limits", "a", concurrent=30)
    assert await limit(store) == 30
    await store.control("limits", "a", concurrent="-")
    assert await limit(store) == 4


async def test_every_worker_has_it_at_once_and_a_new_one_too(place: Place) -> None:
    store, other = await pool(place), await pool(place)
    await end(store, await take(store, 10), "rate_limit")
    assert len(await take(other, 20)) == 9
    late = await pool(place)
    assert isinstance((await tries(late, ask(), 1))[1][0], Refused)
    assert await limit(late) == 9


async def test_a_reset_begins_anew(place: Place) -> None:
    store = await pool(place)
    await end(store, await take(store, 10), "rate_limit")
    await store.control("reset", "a")
    assert await limit(store) == 10
    assert "a" not in place.column("adaptive")


async def test_it_is_shown_as_learned(place: Place) -> None:
    store = await pool(place)
    (row,) = await store.usage("a")
    assert (row.name, row.amount, row.learned) == ("concurrent", 10, True)


@pytest.mark.parametrize("text", ["", "x", "5", "nan 1", "1 inf", "-5 0", "1e99 0"])
async def test_garbage_is_learned_anew(place: Place, text: str) -> None:
    store = await pool(place)
    place.put("adaptive", "a", text)
    await end(store, await take(store, 10), "ok")
    assert 2 <= await limit(store) <= 50
    assert place.inflight("a") == 0


async def test_what_nobody_asked_for_is_not_read(place: Place) -> None:
    store = place.store()
    await store.register([declared()])
    await end(store, await take(store, 10), "rate_limit")
    assert place.column("adaptive") == {}
    assert "concurrent" not in (await store.snapshot()).deployments["a"].limits


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(endings=st.lists(st.tuples(st.integers(1, 60), st.sampled_from(["ok", "rate_limit", "timeout"])), max_size=20))
async def test_whatever_happens_no_more_than_it_run_and_it_is_within_bounds(
    endings: list[tuple[int, OutcomeKind]],
) -> None:
    place = Place("memory://", "adaptive")
    place.freeze()
    store = await pool(place, "2,50,10,0.9")
    for count, kind in endings:
        before = await limit(store)
        leases = await take(store, count)
        assert len(leases) == min(count, before)
        place.move(7)
        await end(store, leases, kind)
        after = await limit(store)
        assert 2 <= after <= 50
        assert after >= before if kind == "ok" else after in (max(2, int(before * 0.9)), int(before * 0.9) + 1, before)
    assert place.inflight("a") == 0
    await place.aclose()


@pytest.mark.slow
async def test_it_finds_what_a_deployment_takes(memory: Place) -> None:
    """One that refuses beyond 24 calls at once: after a while the limit stays near that, and losses are rare."""
    store, takes, lost, asked = await pool(memory, "1,500,10,0.9"), 24, 0, 0
    for number in range(150):
        leases = await take(store, 100)
        memory.move(1_000)
        refused = max(0, len(leases) - takes)
        await end(store, leases[takes:], "rate_limit")
        await end(store, leases[:takes], "ok")
        if number >= 50:
            lost, asked = lost + refused, asked + len(leases)
            assert 18 <= await limit(store) <= 27
    assert lost / asked < 0.03
