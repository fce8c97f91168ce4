"""Calls that have no sign of their deployment: it is doubted before any timeout is over."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from router_core.state.records import Breaker, Lease
from router_core.state.store import Store
from tests.state.health_kit import pool_of, state
from tests.state.kit import Place, ask, beat, ended, settled

USUAL = 500.0  # ms to a first content, so 1,500 of silence are too long


async def fleet_of(place: Place) -> Store:
    """Two deployments whose streams usually begin after USUAL."""
    store = await pool_of(place, "a", "b")
    for id in ("a", "b"):
        lease = await store.acquire(ask(id, stream=True))
        await settled(store, lease, outcome=ended(stream=True, total_ms=4 * USUAL, ttft_ms=USUAL))
    place.move(10)
    return store


async def hang(store: Store, calls: int, id: str = "a", stream: bool = True) -> list[Lease]:
    """Calls that go there, and have no answer yet."""
    leases = [await store.acquire(ask(id, stream=stream)) for _ in range(calls)]
    for lease in leases:
        store.listen(lease, stream)
    return leases


async def passes(place: Place, store: Store, ms: int) -> None:
    """Time, and then a heartbeat. Its worker hears of the time with the next reply."""
    place.move(ms)
    await store.snapshot()
    await beat(store)


def doubt(place: Place, id: str = "a") -> str:
    """How many calls cast doubt on it; "" for none."""
    words = place.column("health").get(id, "").split()[7:]
    return words[0].partition("@")[0] if words else ""


async def shares(store: Store, calls: int = 300) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(calls):
        lease = await store.acquire(ask("a", "b"))
        found[lease.deployment] += 1
        await settled(store, lease, outcome=ended("cancelled"))
    return found


async def test_who_accepts_calls_and_says_nothing_is_avoided_before_they_time_out(place: Place) -> None:
    store = await fleet_of(place)
    leases = await hang(store, 4)
    await passes(place, store, 1_200)
    assert doubt(place) == "", "they wait longer than usual, but not unusually long"
    await passes(place, store, 600)
    assert doubt(place) == "4"
    assert (await shares(store))["a"] < 300 / 16 * 2, "half of it, four times"
    await settled(store, *leases)
    assert doubt(place) == "4", "the successes of calls from before prove nothing"


async def test_each_call_counts_once(place: Place) -> None:
    store = await fleet_of(place)
    await hang(store, 2)
    await passes(place, store, 2_000)
    await passes(place, store, 2_000)
    assert doubt(place) == "2"
    await hang(store, 1)
    await passes(place, store, 2_000)
    assert doubt(place) == "3"


async def test_what_was_heard_of_or_is_over_is_not_silent(place: Place) -> None:
    store = await fleet_of(place)
    first, second, third = await hang(store, 3)
    store.heard_of(first)
    store.settle(second, ended("cancelled"))
    store.cancel(third)
    await passes(place, store, 60_000)
    assert doubt(place) == ""
    assert len(store._process().worker.silences) == 0


async def test_one_that_answers_a_later_call_is_as_good_as_ever(place: Place) -> None:
    store = await fleet_of(place)
    await hang(store, 3)
    await passes(place, store, 2_000)
    await settled(store, await store.acquire(ask("a")))
    assert doubt(place) == ""


@pytest.mark.slow
async def test_it_is_asked_now_and_then_by_one_call_more_seldom_each_time(memory: Place) -> None:
    """Nobody else would ever hear that it is well again: its calls are few, and say nothing."""
    memory.freeze()
    store = await fleet_of(memory)
    await hang(store, 6)
    await passes(memory, store, 2_000)
    asked: list[tuple[int, str]] = []
    for second in range(1, 60):
        memory.move(1_000)
        if (await shares(store, 60))["a"] >= 15 or doubt(memory) != (asked[-1][1] if asked else "6"):
            asked.append((second, doubt(memory)))
    assert asked == [(5, "7"), (15, "8"), (35, "9")]


async def test_whole_answers_differ_more_in_length(place: Place) -> None:
    """2,000 ms are usual for them here."""
    store = await fleet_of(place)
    await hang(store, 1, stream=False)
    await passes(place, store, 11_000)
    assert doubt(place) == ""
    await passes(place, store, 2_000)
    assert doubt(place) == "1"


async def test_of_a_deployment_nobody_knows_silence_says_nothing(place: Place) -> None:
    store = await pool_of(place, "a", "b")
    await hang(store, 3)
    await passes(place, store, 60_000)
    assert doubt(place) == ""
    assert "a" not in place.column("learned")


async def test_calls_from_before_a_cooldown_say_nothing_of_what_came_back(place: Place) -> None:
    store = await fleet_of(place)
    await hang(store, 2)
    now = Breaker("now")
    await settled(store, await store.acquire(ask("a")), outcome=ended("server", breaker=now))
    place.move(5_000)
    await settled(store, await store.acquire(ask("a")), outcome=ended(breaker=now))
    assert (await state(store)).health == "ramp"
    await passes(place, store, 100)
    assert doubt(place) == ""


async def test_a_garbled_deployment_keeps_nobody_from_the_others(place: Place) -> None:
    store = await fleet_of(place)
    await hang(store, 1, "a")
    await hang(store, 1, "b")
    place.put("health", "a", "nonsense")
    await passes(place, store, 2_000)
    assert (doubt(place, "b"), place.column("health")["a"]) == ("1", "nonsense")


async def test_of_many_calls_the_oldest_are_told(memory: Place) -> None:
    """However many there are, a heartbeat stays short."""
    store = await fleet_of(memory)
    worker = store._process().worker
    leases = await asyncio.gather(*(store.acquire(ask("a", stream=True)) for _ in range(200)))
    for lease in leases:
        store.listen(lease, True)
    text = worker.silences.text(leases[0].at_ms + 5_000.0)
    assert text.startswith("a ")
    assert text.count(",") == 15


async def test_a_lost_call_casts_doubt_where_it_waited_unusually_long(place: Place) -> None:
    """Its copy answered meanwhile: two thirds of what is too long otherwise. From the second on any counts."""
    store = await fleet_of(place)
    for ms, expected in ((900.0, ""), (3_000.0, "1"), (900.0, "2")):
        lost = ended("cancelled", total_ms=ms, stream=True, sample=(ms, None))
        await settled(store, await store.acquire(ask("a", stream=True)), outcome=lost)
        assert doubt(place) == expected
    assert ((await state(store)).failed, (await state(store)).health) == (0, "closed"), "it is no failure"


async def test_where_cooldowns_are_off_a_lost_call_casts_no_doubt(memory: Place) -> None:
    store = await fleet_of(memory)
    lost = ended("cancelled", total_ms=3_000.0, stream=True, sample=(3_000.0, None), breaker=Breaker("never", 0.0, 0.0))
    await settled(store, await store.acquire(ask("a", stream=True)), outcome=lost)
    assert doubt(memory) == ""
