"""The fleet's budget of retries and hedges: a share of the requests and some a second, counted where all see it."""

from __future__ import annotations

import asyncio

import pytest

from router_core.state.records import Acquire, Denied, Extra
from router_core.state.store import Store
from router_core.state.worker import Firsts
from tests.state.budget_workers import extra_many
from tests.state.kit import Place, Raw, ask, beat, declared, question, settled
from tests.state.race_workers import together

FIRST = ask(counted=True)
RETRY = ask(extra=Extra("retry", 0.2))
FLOOR = ask(extra=Extra("retry", 0.0, 1.0))
HEDGED = ask(counted=True, hedged=True)
HEDGE = ask(extra=Extra("hedge", 0.05), hedged=True)
HALF_MS = 5000


async def pool(place: Place) -> Store:
    store = place.store()
    await store.register([declared()])
    return store


async def firsts(store: Store, times: int, request: Acquire = FIRST) -> None:
    for _ in range(times):
        await settled(store, await store.acquire(request))


async def granted(store: Store, request: Acquire, times: int) -> int:
    """How many of so many extra calls are let through."""
    count = 0
    for _ in range(times):
        try:
            await settled(store, await store.acquire(request))
            count += 1
        except Denied:
            continue
    return count


def aligned(place: Place, half_ms: int = HALF_MS) -> None:
    """At the beginning of a half."""
    assert place.clock_ms is not None
    place.clock_ms += half_ms - place.clock_ms % half_ms


async def test_a_fifth_of_the_requests_may_be_retries_and_no_more(place: Place) -> None:
    store = await pool(place)
    await firsts(store, 100)
    assert await granted(store, RETRY, 30) == 20
    await firsts(store, 5)
    assert await granted(store, RETRY, 3) == 1


async def test_a_denied_call_says_why_and_holds_nothing(place: Place) -> None:
    store = await pool(place)
    with pytest.raises(Denied) as caught:
        await store.acquire(RETRY)
    assert (caught.value.group, caught.value.reason) == ("g", "retry")
    assert place.inflight("a") == 0
    assert not place.held()


async def test_another_worker_s_requests_and_retries_count(place: Place) -> None:
    """All but the last few requests of each worker: it tells of eight at a time, and of all with a retry of its own."""
    one, other = await pool(place), await pool(place)
    await firsts(one, 8 * 10 + 7)
    await firsts(other, 20)
    assert await granted(other, RETRY, 30) == 20, "80 told by the one, and all 20 of its own"
    assert await granted(one, RETRY, 30) == 1, "107 requests are known now"


async def test_retries_are_no_requests(place: Place) -> None:
    store = await pool(place)
    await firsts(store, 50)
    assert await granted(store, RETRY, 40) == 10
    assert await granted(store, RETRY, 10) == 0


async def test_hedges_and_retries_have_budgets_of_their_own(place: Place) -> None:
    store = await pool(place)
    await firsts(store, 100, HEDGED)
    assert await granted(store, HEDGE, 30) == 5
    assert await granted(store, RETRY, 30) == 20


async def test_hedges_are_a_share_of_what_a_longer_while_saw(memory: Place) -> None:
    store = await pool(memory)
    aligned(memory, 60_000)
    await firsts(store, 100, HEDGED)
    assert await granted(store, HEDGE, 2) == 2
    memory.move(119_000)
    assert await granted(store, RETRY, 5) == 0
    assert await granted(store, HEDGE, 30) == 3
    memory.move(61_000)
    assert await granted(store, HEDGE, 30) == 0


async def test_where_nothing_is_hedged_nothing_is_counted_for_it(place: Place) -> None:
    store = await pool(place)
    await firsts(store, 40)
    assert await granted(store, RETRY, 1) == 1
    assert place.column("attempts").keys() == {"g"}
    assert await granted(store, HEDGE, 5) == 0


async def test_groups_have_budgets_of_their_own(place: Place) -> None:
    store = place.store()
    await store.register([declared(), declared("z", "h")])
    await firsts(store, 100)
    with pytest.raises(Denied):
        await store.acquire(ask("z", group="h", extra=Extra("retry", 0.2)))
    assert await granted(store, RETRY, 1) == 1


async def test_some_a_second_are_free_also_where_nobody_asks(memory: Place) -> None:
    """Five to ten seconds' worth, by where in its half the time is."""
    store = await pool(memory)
    aligned(memory)
    assert await granted(store, FLOOR, 30) == 5
    memory.move(2_000)
    assert await granted(store, FLOOR, 30) == 2


async def test_as_many_a_second_may_go_on_for_ever(memory: Place) -> None:
    store = await pool(memory)
    aligned(memory)
    passed = 0
    for _ in range(60):
        memory.move(1_000)
        passed += await granted(store, FLOOR, 2)
    assert 55 <= passed <= 60


async def test_what_was_counted_ten_seconds_ago_counts_no_more(memory: Place) -> None:
    store = await pool(memory)
    aligned(memory)
    await firsts(store, 104)
    assert await granted(store, RETRY, 10) == 10
    memory.move(2 * HALF_MS - 1)
    assert await granted(store, RETRY, 30) == 10, "of the half before"
    memory.move(HALF_MS + 1)
    assert await granted(store, RETRY, 30) == 0


async def test_a_call_that_found_no_room_has_spent_nothing(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits={"concurrent": 1})])
    await firsts(store, 10)
    running = await store.acquire(ask())
    answers = await asyncio.gather(*(store.acquire(RETRY) for _ in range(5)), return_exceptions=True)
    assert not [answer for answer in answers if isinstance(answer, Denied)]
    await settled(store, running)
    assert await granted(store, RETRY, 5) == 2


async def test_a_waiting_call_counts_its_requests_once(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits={"concurrent": 1})])
    await firsts(store, 8)
    running = await store.acquire(ask())
    waiting = asyncio.create_task(store.acquire(ask(counted=True, max_wait=5.0)))
    await asyncio.sleep(0.4)  # it looks again meanwhile
    await settled(store, running)
    await settled(store, await waiting)
    assert place.column("attempts")["g"].split()[1] == "8"


@pytest.mark.parametrize("text", ["", "x", "1 2 3", "-", "nan nan nan nan nan", "9" * 400])
async def test_garbage_is_counted_anew(place: Place, text: str) -> None:
    store = await pool(place)
    place.put("attempts", "g", text)
    await firsts(store, 8)
    assert await granted(store, RETRY, 5) == 1
    assert len(place.column("attempts")["g"].split()) == 5


async def test_a_column_of_another_type_denies_nobody(place: Place) -> None:
    store = await pool(place)
    place.do("DEL", "attempts")
    place.do("ZADD", "attempts", 1, "a")
    await firsts(store, 20)
    assert await granted(store, RETRY, 5) == 5


async def test_an_acquire_repeated_with_its_id_spends_once(place: Place) -> None:
    store = await pool(place)
    await firsts(store, 8)
    raw, operation = Raw(place, store), question("0.x.1", RETRY, place.now_ms() + 60_000)
    operation.firsts = 5
    answers = [await raw.run(operation), await raw.run(operation)]
    assert answers[0] == answers[1]
    assert place.column("attempts")["g"].split()[1:3] == ["5", "1"]


def test_a_worker_tells_of_eight_requests_at_a_time() -> None:
    told = Firsts()
    for _ in range(7):
        told.add("g")
    assert told.take("g", all_of_them=False) == 0
    told.add("g")
    assert (told.take("g", all_of_them=False), told.take("g", all_of_them=True)) == (8, 0)


def test_or_of_fewer_when_they_are_no_longer_of_this_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Firsts()
    told.add("g")
    monkeypatch.setattr(Firsts, "OLDEST", -1.0)
    told.add("g")
    assert (told.take("g", all_of_them=False), told.take("g", all_of_them=False)) == (2, 0)


async def test_counters_of_an_idle_group_go_away(place: Place) -> None:
    store = await pool(place)
    await firsts(store, 9)
    place.put("attempts", "gone", "12 5 0 0 0 0 0")
    place.put("attempts", "odd", "x")
    place.put("config", "attempts", "0")
    await beat(store)
    assert list(place.column("attempts")) == ["g"]
    place.move(601_000)
    await beat(store)
    assert place.column("attempts") == {}


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.parametrize(("extra", "most"), [(RETRY, 128), (HEDGE, 32)])
async def test_eight_processes_at_once_get_what_the_budget_has(shared: Place, extra: Acquire, most: int) -> None:
    """640 requests, 640 more calls: less a few that were denied while a worker had not told its last ones."""
    await pool(shared)
    told = await asyncio.to_thread(together, 8, extra_many, shared.url, shared.pool, extra, 80)
    assert most - 8 <= sum(one.admitted for one in told) <= most
