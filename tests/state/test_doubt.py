"""Failures in a row, before they are enough for a cooldown: who failed last comes last."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from router_core.state.records import Breaker, Extra
from router_core.state.store import Store
from tests.state.health_kit import pool_of, state
from tests.state.kit import Place, ask, ended, settled

NEVER = Breaker("never")  # a failure that cools nothing
CALLS = 400


async def fail_at(store: Store, id: str, times: int = 1, breaker: Breaker = NEVER) -> None:
    for _ in range(times):
        await settled(store, await store.acquire(ask(id)), outcome=ended("server", breaker=breaker))


async def shares(store: Store, *ids: str) -> Counter[str]:
    """Who serves CALLS calls that are cancelled: these prove nothing, so the doubt stays."""
    found: Counter[str] = Counter()
    for _ in range(CALLS):
        lease = await store.acquire(ask(*ids))
        found[lease.deployment] += 1
        await settled(store, lease, outcome=ended("cancelled"))
    return found


def row(place: Place, id: str = "a") -> tuple[str, str]:
    """What the columns of learned facts and of health say of it: "" where there is nothing."""
    learned, health = place.column("learned").get(id, "").split(), place.column("health").get(id, "").split()
    return " ".join(learned[5:6]), " ".join(health[7:]).partition("@")[0]


@pytest.mark.parametrize(("failures", "share"), [(1, 1 / 4), (2, 1 / 8), (9, 1 / 128)])
async def test_each_failure_in_a_row_halves_what_a_deployment_gets(place: Place, failures: int, share: float) -> None:
    """Of the calls that the draw leaves to it, it gets its half."""
    store = await pool_of(place, "a", "b")
    await fail_at(store, "a", failures)
    found = await shares(store, "a", "b")
    deviation = (CALLS * share * (1 - share)) ** 0.5
    assert abs(found["a"] - CALLS * share) < 5 * deviation + 1
    assert row(place) == (str(failures), str(min(failures, 6)))


async def test_one_success_makes_it_as_good_as_ever(place: Place) -> None:
    store = await pool_of(place, "a", "b")
    await fail_at(store, "a", 3)
    place.move(5)
    await settled(store, await store.acquire(ask("a")))
    assert row(place) == ("", "")
    assert abs((await shares(store, "a", "b"))["a"] - CALLS / 2) < 5 * (CALLS / 4) ** 0.5


async def test_a_success_of_a_call_from_before_ends_the_row_but_not_the_doubt(place: Place) -> None:
    """Long calls at once of which few fail are no failures in a row; but they began before the outage."""
    store = await pool_of(place)
    early = await store.acquire(ask())
    await fail_at(store, "a")
    await settled(store, early)
    assert row(place) == ("0", "1")
    place.move(5)
    await settled(store, await store.acquire(ask()))
    assert row(place) == ("", "")


async def test_it_serves_where_it_is_the_only_one(place: Place) -> None:
    store = await pool_of(place)
    await fail_at(store, "a", 6)
    assert (await store.acquire(ask())).deployment == "a"


async def test_where_cooldowns_are_off_nothing_is_doubted(memory: Place) -> None:
    store = await pool_of(memory, "a", "b")
    await fail_at(store, "a", 3, Breaker("never", 0.0, 0.0))
    assert row(memory) == ("", "")


async def test_a_cooldown_takes_the_place_of_the_doubt_and_its_end_begins_anew(place: Place) -> None:
    store, rule = await pool_of(place, "a", "b"), Breaker("ratio", row=3)
    await fail_at(store, "a", 3, rule)
    assert (await state(store)).health == "open"
    assert row(place) == ("3", "")
    place.move(5_000)
    await settled(store, await store.acquire(ask("a")), outcome=ended(breaker=rule))
    assert ((await state(store)).health, row(place)) == ("ramp", ("", ""))


async def test_a_failure_in_slow_start_is_doubted_and_the_slow_start_goes_on(memory: Place) -> None:
    store, rule = await pool_of(memory, "a", "b"), Breaker("ratio", row=2)
    await fail_at(store, "a", 2, rule)
    memory.move(5_000)
    await settled(store, await store.acquire(ask("a")), outcome=ended(breaker=rule))
    await fail_at(store, "a", 1, rule)
    assert ((await state(store)).health, row(memory)) == ("ramp", ("1", "1"))


async def test_reset_forgets_it(place: Place) -> None:
    store = await pool_of(place, "a", "b")
    await fail_at(store, "a", 4)
    await store.control("reset", "a")
    assert row(place) == ("", "")


async def test_a_call_that_failed_elsewhere_goes_to_whoever_does_not_fail(place: Place) -> None:
    """Not to one that failed last nor, as its probe, to one whose cooldown is over; but there rather than nowhere."""
    store, again = await pool_of(place, "a", "b", "c"), Extra("retry", 1.0, 1000.0)
    await fail_at(store, "a")
    await fail_at(store, "b", breaker=Breaker("now"))
    place.move(5_000)
    for _ in range(30):
        lease = await store.acquire(replace(ask("a", "b", "c"), extra=again))
        assert lease.deployment == "c"
        await settled(store, lease, outcome=ended("cancelled"))
    lease = await store.acquire(replace(ask("b"), extra=again))
    assert (lease.deployment, lease.probe) == ("b", True)
