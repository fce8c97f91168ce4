"""One of a group is back: those that went out before that are asked at once, by one call each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router_core.state.records import Breaker, Extra, OutcomeKind
from router_core.state.store import Store
from tests.state.health_kit import pool_of, refused, state
from tests.state.kit import Place, ask, ended, settled

ALL = ("a", "b", "c", "d")
SHORT, LONG = Breaker("now", 5.0), Breaker("now", 60.0)


async def fall(
    store: Store, id: str, breaker: Breaker, kind: OutcomeKind = "server", retry_after: float | None = None
) -> None:
    outcome = ended(kind, breaker=breaker, retry_after=retry_after)
    await settled(store, await store.acquire(ask(id)), outcome=outcome)


async def fleet_of(place: Place, kind: OutcomeKind = "server", retry_after: float | None = None) -> Store:
    """`b` is out for a minute, `a` was for five seconds, which are over."""
    store = await pool_of(place, "a", "b", "c", "d")
    await fall(store, "b", LONG, kind, retry_after)
    await fall(store, "a", SHORT)
    place.move(5_100)
    return store


async def comes_back(store: Store, id: str = "a") -> None:
    lease = await store.acquire(ask(id))
    assert lease.probe
    await settled(store, lease, outcome=ended(breaker=SHORT))


async def test_who_went_out_before_is_asked_by_one_call(place: Place) -> None:
    store = await fleet_of(place)
    await refused(store, "b")
    await comes_back(store)
    probe = await store.acquire(ask(*ALL))
    assert (probe.deployment, probe.probe) == ("b", True), "before any other, for it is to be known"
    for _ in range(20):
        assert (await store.acquire(ask(*ALL))).deployment != "b"
    await settled(store, probe, outcome=ended(breaker=LONG))
    assert (await state(store, "b")).health == "ramp"


async def test_one_that_fails_then_waits_as_long_as_before(place: Place) -> None:
    """And is not asked again, for it went out after the other came back."""
    store = await fleet_of(place)
    await comes_back(store)
    probe = await store.acquire(ask(*ALL))
    await settled(store, probe, outcome=ended("server", breaker=LONG))
    found = await state(store, "b")
    assert (found.health, found.trips) == ("open", 1)
    assert probe.deployment == "b"
    assert (await store.acquire(ask(*ALL))).deployment != "b"
    place.move(55_000)
    await refused(store, "b")
    place.move(6_000)
    assert (await store.acquire(ask("b"))).probe


async def test_a_call_that_failed_elsewhere_is_no_early_probe(place: Place) -> None:
    store = await fleet_of(place)
    await comes_back(store)
    again = Extra("retry", 1.0, 1000.0)
    for _ in range(20):
        assert (await store.acquire(replace(ask(*ALL), extra=again))).deployment != "b"


@pytest.mark.parametrize(("kind", "retry_after"), [("auth", None), ("rate_limit", None), ("server", 60.0)])
async def test_what_has_an_end_of_its_own_waits_for_it(
    place: Place, kind: OutcomeKind, retry_after: float | None
) -> None:
    store = await fleet_of(place, kind, retry_after)
    await comes_back(store)
    for _ in range(20):
        assert (await store.acquire(ask(*ALL))).deployment != "b"


async def test_who_went_out_after_the_other_came_back_waits(place: Place) -> None:
    store = await pool_of(place, "a", "b")
    await fall(store, "a", SHORT)
    place.move(5_100)
    await comes_back(store)
    place.move(10)
    await fall(store, "b", LONG)
    for _ in range(20):
        assert (await store.acquire(ask("a", "b"))).deployment == "a"


async def test_of_few_calls_one_asks_after_a_while_how_a_doubted_one_is(memory: Place) -> None:
    """Else the share of what failed a few times, too few for a cooldown, would be next to nothing for as long as its
    calls are few."""
    memory.freeze()
    store = await pool_of(memory, "a", "b")
    for _ in range(4):
        await settled(store, await store.acquire(ask("a")), outcome=ended("server", breaker=Breaker("never")))
    memory.move(5_000)
    served = []
    for _ in range(40):
        lease = await store.acquire(ask("a", "b"))
        served.append(lease.deployment)
        await settled(store, lease)
    assert 10 <= served.count("a") <= 30, "one asked, and its success made it as good as ever"
