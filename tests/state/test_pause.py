"""A Retry-After that concerns more than the deployment that was answered: those that are metered together with it."""

from __future__ import annotations

from tests.state.health_kit import fail, pool_of, refused, state
from tests.state.kit import NOW, Place, Raw, ask, ended, settled


async def test_the_others_cool_as_long_as_the_upstream_asks(place: Place) -> None:
    store = await pool_of(place, "a", "b", "c")
    store.pause(("b", "c"), 20.0, 300.0)
    store.pause((), 20.0, 300.0)
    await store.flush()
    assert [(await state(store, id)).health for id in "abc"] == ["closed", "open", "open"]
    found = await refused(store, "b")
    assert (found.refusals[0].reason, 19 < (found.earliest or 0) <= 20) == ("cooling", True)
    assert (await state(store, "b")).reason == "rate_limit"
    place.move(20_001)
    lease = await store.acquire(ask("b"))
    assert lease.probe
    await settled(store, lease)
    assert (await state(store, "b")).health == "ramp"


async def test_no_longer_than_the_longest_cooldown(place: Place) -> None:
    store = await pool_of(place, "a", "b")
    store.pause(("b",), 86_400.0, 300.0)
    await store.flush()
    assert 299 < (await state(store, "b")).cooling <= 300


async def test_a_pause_is_only_ever_extended_and_counts_once(place: Place) -> None:
    store = await pool_of(place, "a")
    for seconds in (10.0, 30.0, 5.0, 5.0):
        store.pause(("a",), seconds, 300.0)
        await store.flush()
    now = await state(store)
    assert 29 < now.cooling <= 30
    assert now.trips == 1


async def test_a_longer_cooldown_stays(place: Place) -> None:
    store = await pool_of(place, "a")
    await fail(store, breaker=NOW, retry_after=60.0)
    store.pause(("a",), 5.0, 300.0)
    await store.flush()
    assert (await state(store)).cooling > 55
    assert (await state(store)).reason == "retry_after"


async def test_a_running_probe_shows_by_itself(place: Place) -> None:
    store = await pool_of(place, "a")
    await fail(store)
    place.move(6000)
    probe = await store.acquire(ask())
    store.pause(("a",), 60.0, 300.0)
    await store.flush()
    assert (await state(store)).health == "half-open"
    await settled(store, probe, outcome=ended())
    assert (await state(store)).health == "ramp"


async def test_unknown_and_garbled_ones_keep_nobody_from_it(place: Place) -> None:
    store = await pool_of(place, "a", "b", "c")
    place.put("health", "b", "x")
    store.pause(("nobody", "b", "c"), 20.0, 300.0)
    await store.flush()
    assert (await state(store, "c")).health == "open"
    assert place.column("health").get("nobody") is None
    assert [x.split()[0] for x in await Raw(place, store).run("pause", "pause 1 2 x")] == ["error", "error"]
