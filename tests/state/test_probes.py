"""Probes: one worker makes them, each deployment once an interval, also while it cools; another takes over."""

from __future__ import annotations

import asyncio

import pytest

from router_core.state.probes import LEASE_MS, Due
from router_core.state.records import Breaker, Lease, OutcomeKind, StateError
from router_core.state.store import Store
from tests.state.health_kit import fail, pool_of, state
from tests.state.kit import NOW, Place, ask, beat, declared, ended, settled

EVERY = {"a": 30.0}
MINUTE = Breaker("now", cooldown=60.0)


async def due(store: Store, wanted: dict[str, float] | None = None) -> tuple[str, ...]:
    return (await store.probes.due(wanted or EVERY)).deployments


async def begin(store: Store, id: str = "a") -> Lease | str:
    return await store.probes.begin(id, "g", 10.0, 4, 1)


async def probed(store: Store, kind: OutcomeKind = "ok", id: str = "a") -> Lease:
    """One probe that ends so; it teaches no times."""
    lease = await begin(store, id)
    assert isinstance(lease, Lease)
    await settled(store, lease, outcome=ended(kind, breaker=NOW, total_ms=None))
    await store.probes.ended(id, kind, 5.0)
    return lease


async def test_one_that_was_never_used_is_due_and_then_once_an_interval(place: Place) -> None:
    store = await pool_of(place)
    assert await due(store) == ("a",)
    assert await due(store) == ()
    place.move(29_000)
    assert await due(store) == ()
    place.move(1_500)
    assert await due(store) == ("a",)


async def test_one_that_serves_calls_is_not_probed(place: Place) -> None:
    store = await pool_of(place)
    for _ in range(4):
        await settled(store, await store.acquire(ask()))
        assert await due(store) == ()
        place.move(20_000)
    place.move(11_000)
    assert await due(store) == ("a",)


async def test_only_one_worker_probes_and_another_takes_over_when_it_is_gone(place: Place) -> None:
    store, other = await pool_of(place), await pool_of(place)
    assert await due(store) == ("a",)
    place.move(31_000)
    assert await due(store) == ("a",), "the lease had run out, and is taken again"
    place.move(10_000)
    await due(store)
    found = await other.probes.due(EVERY)
    assert (found.deployments, 0 < found.again <= LEASE_MS / 1000) == ((), True)
    place.move(LEASE_MS - 1_000)
    assert await due(other) == (), "it is still the other's"
    place.move(6_000)
    assert await due(other) == ("a",)
    assert await due(store) == ()


async def test_a_worker_that_the_pool_has_given_up_keeps_nobody_from_probing(place: Place) -> None:
    store, other = await pool_of(place), await pool_of(place)
    await due(store)
    place.move(31_000)
    await due(store)
    place.silence(store)
    await beat(other)
    place.move(14_000)
    place.put("probed", "a", "0 ok 1")
    assert await due(other) == ("a",)


async def test_workers_that_list_others_probe_those_but_none_twice(place: Place) -> None:
    store, other = await pool_of(place, "a", "b"), await pool_of(place, "b", "c")
    assert await due(store, {"a": 30, "b": 30}) == ("a", "b")
    assert await due(other, {"b": 30, "c": 30}) == ("c",)


async def test_a_few_at_a_time(place: Place) -> None:
    ids = [f"d{number:02}" for number in range(20)]
    store = await pool_of(place, *ids)
    found: list[str] = []
    for _ in range(3):
        some = await due(store, dict.fromkeys(ids, 30.0))
        assert 0 < len(some) <= 8
        found += some
    assert found == ids


async def test_a_probe_goes_there_while_it_cools_and_brings_it_back_before_its_time(place: Place) -> None:
    store = await pool_of(place)
    await fail(store, breaker=MINUTE)
    place.move(31_000)
    assert await due(store) == ("a",)
    lease = await begin(store)
    assert isinstance(lease, Lease)
    assert (lease.probe, (await state(store)).health) == (True, "half-open")
    assert await begin(store) == "probing", "exactly one"
    await settled(store, lease, outcome=ended("ok", total_ms=None))
    now = await state(store)
    assert (now.health, now.inflight, now.latency_ms) == ("ramp", 0, None)
    assert (await store.acquire(ask())).deployment == "a"


async def test_one_that_fails_leaves_it_open_for_longer(place: Place) -> None:
    store = await pool_of(place)
    await fail(store, breaker=MINUTE)
    place.move(31_000)
    await due(store)
    await probed(store, "server")
    now = await state(store)
    assert (now.health, now.trips) == ("open", 2)
    assert now.cooling > 25
    place.move(31_000)
    assert await due(store) == ("a",)
    await probed(store)
    assert (await state(store)).health == "ramp"


async def test_failures_of_probes_count_like_those_of_calls(place: Place) -> None:
    store = await pool_of(place)
    lease = await probed(store, "server")
    assert not lease.probe
    now = await state(store)
    assert (now.health, now.failed, now.reason) == ("open", 1, "server")


async def test_a_probe_teaches_no_times_but_ends_doubt(place: Place) -> None:
    store = await pool_of(place)
    await fail(store, breaker=MINUTE)
    before = (await state(store)).latency_ms
    place.move(31_000)
    await due(store)
    await probed(store)
    assert (await state(store)).latency_ms == before
    assert "row" not in str(place.column("health")["a"])
    assert place.column("learned").get("a", "- - - - -").split()[5:] in ([], ["0"])


@pytest.mark.parametrize("why", ["rate_limit", "operator"])
async def test_who_asked_to_be_left_alone_is(place: Place, why: str) -> None:
    store = await pool_of(place)
    if why == "operator":
        await store.control("cool", "a", ms=60_000)
    else:
        await fail(store, "rate_limit", breaker=NOW, retry_after=60.0)
    place.move(45_000)
    assert await due(store) == ()
    place.move(16_000)
    assert await due(store) == ("a",)


async def test_a_drained_one_is_not_probed(place: Place) -> None:
    store = await pool_of(place)
    await store.control("drain", "a")
    assert await due(store) == ()
    assert await begin(store) == "drained"


async def test_limits_hold_for_probes(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits={"requests/60": 2})])
    await store.acquire(ask())
    lease = await begin(store)
    assert isinstance(lease, Lease)
    assert await begin(store) == "requests/60"
    assert place.used("a/requests/60") == 2


async def test_an_operator_s_wish_is_due_at_once_even_where_the_upstream_asks_for_a_pause(place: Place) -> None:
    store = await pool_of(place)
    await fail(store, "rate_limit", breaker=NOW, retry_after=60.0)
    await due(store)
    await store.probes.ask_for(["a"])
    assert [one.outcome for one in await store.probes.known(["a", "x"])] == ["asked", None]
    assert await due(store) == ("a",)
    await probed(store)
    (known,) = await store.probes.known(["a"])
    assert (known.deployment, known.outcome, known.ms) == ("a", "ok", 5)


async def test_an_unknown_deployment_is_never_due(place: Place) -> None:
    store = await pool_of(place)
    assert await due(store, {"x": 30.0}) == ()
    assert await begin(store, "x") == "unknown"
    await store.probes.ended("x", "ok", 1.0)
    assert "x" not in place.column("probed")


@pytest.mark.parametrize("text", ["", "x", "1 2", "nan ok 1", "-", "9" * 30 + " ok 1"])
async def test_garbage_is_as_if_it_was_never_probed(place: Place, text: str) -> None:
    store = await pool_of(place)
    place.put("probed", "a", text)
    assert (await store.probes.due(EVERY)).again <= LEASE_MS / 1000
    assert isinstance(await begin(store), Lease)


async def test_old_leases_and_retired_deployments_leave_nothing(place: Place) -> None:
    store = await pool_of(place)
    for seconds in (30.0, 40.0, 50.0):
        await due(store, {"a": seconds})
        place.move(100_000)
    await due(store)
    assert len([field for field in place.column("probed") if field.startswith("lease:")]) <= 2


async def test_a_broken_column_is_an_error_and_nothing_is_half_done(place: Place) -> None:
    store = await pool_of(place)
    place.do("DEL", "probed")
    place.do("ZADD", "probed", 1, "a")
    with pytest.raises(StateError, match="WRONGTYPE"):
        await store.probes.due(EVERY)
    assert isinstance(await begin(store), Lease), "a probe itself needs no column of its own"


async def test_many_workers_that_ask_at_once_get_each_probe_once(shared: Place) -> None:
    stores = [await pool_of(shared, "a", "b", "c") for _ in range(6)]
    wanted = dict.fromkeys("abc", 30.0)
    found: list[Due] = await asyncio.gather(*(store.probes.due(wanted) for store in stores for _ in range(5)))
    assert sorted(id for one in found for id in one.deployments) == ["a", "b", "c"]
