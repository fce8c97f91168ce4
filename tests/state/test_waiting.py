"""Calls that wait for room: each in its turn, none asks more often than it must, nobody waits in vain."""

from __future__ import annotations

import asyncio
import time

import pytest

from router_core.state.records import Refused
from tests.state.kit import Place, Raw, ask, declared, ended, tries
from tests.state.waiting_kit import one_slot, queued, tickets


async def test_max_wait_0_fails_at_once(place: Place) -> None:
    store, _ = await one_slot(place)
    started = time.monotonic()
    with pytest.raises(Refused) as caught:
        await store.acquire(ask())
    assert time.monotonic() - started < 0.2
    assert [(r.deployment, r.reason) for r in caught.value.refusals] == [("a", "concurrent")]
    assert caught.value.earliest is None, "nobody can know when a call ends"
    assert tickets(place) == 0


async def test_an_earliest_room_that_lies_beyond_the_wait_fails_at_once(place: Place) -> None:
    store, _ = await one_slot(place, **{"requests/60": 1})
    started = time.monotonic()
    with pytest.raises(Refused) as caught:
        await store.acquire(ask(max_wait=20.0))
    assert time.monotonic() - started < 0.2
    assert caught.value.earliest == pytest.approx(60, abs=1)
    assert tickets(place) == 0


async def test_a_wait_that_is_over_is_a_refusal_in_time_and_leaves_no_ticket(place: Place) -> None:
    store, _ = await one_slot(place)
    started = time.monotonic()
    with pytest.raises(Refused):
        await store.acquire(ask(max_wait=0.3))
    assert 0.25 < time.monotonic() - started < 0.7
    assert tickets(place) == 0


async def test_what_can_never_be_served_does_not_wait(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits={"tokens/60": 10})])
    for request in (ask(input_tokens=11, max_wait=5.0), ask("stranger", max_wait=5.0)):
        started = time.monotonic()
        with pytest.raises(Refused):
            await store.acquire(request)
        assert time.monotonic() - started < 0.2


async def test_a_released_slot_is_usable_at_once_by_a_waiting_call_of_the_same_worker(place: Place) -> None:
    store, running = await one_slot(place)
    waiting = asyncio.create_task(store.acquire(ask(max_wait=5.0)))
    await queued(place, 1)
    started = time.monotonic()
    store.settle(running, ended())
    lease = await waiting
    assert time.monotonic() - started < 0.1
    assert lease.waited_ms > 0
    assert (place.inflight("a"), tickets(place)) == (1, 0)


async def test_a_slot_released_by_another_worker_is_found_within_half_a_second(place: Place) -> None:
    store, running = await one_slot(place)
    other = place.store()
    waiting = asyncio.create_task(other.acquire(ask(max_wait=5.0)))
    await queued(place, 1)
    started = time.monotonic()
    store.settle(running, ended())
    await waiting
    assert time.monotonic() - started < 0.5


@pytest.mark.slow
async def test_a_window_that_frees_room_serves_the_waiting_at_its_due_time(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits={"requests/1": 3})])
    started = time.monotonic()
    granted, refused = await tries(store, ask(max_wait=5.0), 9)
    assert (len(granted), len(refused)) == (9, 0)
    assert 1.9 < time.monotonic() - started < 3.5


async def test_waiting_calls_are_served_first_come_first_served(place: Place) -> None:
    """Of three workers, one slot that is handed on nine times."""
    store, running = await one_slot(place)
    stores = [store, place.store(), place.store()]
    order: list[int] = []

    async def caller(number: int) -> None:
        mine = stores[number % 3]
        lease = await mine.acquire(ask(max_wait=20.0))
        order.append(number)
        mine.settle(lease, ended())

    callers = []
    for number in range(9):
        callers.append(asyncio.create_task(caller(number)))
        await queued(place, number + 1)
        await asyncio.sleep(0.003)  # tickets of one millisecond are equal
    store.settle(running, ended())
    await asyncio.gather(*callers)
    assert order == sorted(order)


async def test_a_newcomer_does_not_pass_a_ticket_that_fits(place: Place) -> None:
    waiter, running = await one_slot(place)
    newcomer = place.store()
    waiting = asyncio.create_task(waiter.acquire(ask(max_wait=5.0)))
    await queued(place, 1)
    await Raw(place, newcomer).run(f"cancel {running.id} g -")  # room, and nobody knows
    with pytest.raises(Refused) as caught:
        await newcomer.acquire(ask())
    assert caught.value.place == 1
    await waiting


@pytest.mark.slow
async def test_a_newcomer_passes_a_ticket_that_does_not_fit_where_it_fits_itself(place: Place) -> None:
    """A large call that waits for tokens does not block small ones."""
    store = place.store()
    await store.register([declared(limits={"tokens/60": 100})])
    await store.acquire(ask(input_tokens=50))
    place.move(58_000)
    await store.snapshot()  # the worker hears of the time
    waiting = asyncio.create_task(store.acquire(ask(input_tokens=80, max_wait=10.0)))
    await queued(place, 1)
    lease = await store.acquire(ask(input_tokens=20))
    store.cancel(lease)
    await waiting


async def test_a_better_priority_goes_first_and_later_equals_behind_it(place: Place) -> None:
    store, running = await one_slot(place)
    order: list[str] = []

    async def caller(name: str, priority: int) -> None:
        lease = await store.acquire(ask(max_wait=20.0, priority=priority))
        order.append(name)
        await asyncio.sleep(0.01)
        store.settle(lease, ended())

    callers = []
    for count, (name, priority) in enumerate([("low", 5), ("mid", 2), ("high", 0), ("mid too", 2)], 1):
        callers.append(asyncio.create_task(caller(name, priority)))
        await queued(place, count)
        await asyncio.sleep(0.003)
    started = time.monotonic()
    store.settle(running, ended())
    await asyncio.gather(*callers)
    assert time.monotonic() - started < 1.5, "each ending wakes the next in line, not whoever sleeps longest"
    assert order == ["high", "mid", "mid too", "low"]


@pytest.mark.serial
async def test_a_thousand_waiting_calls_ask_only_a_few_times_each(place: Place) -> None:
    """100 a second are admitted. Without places each would ask whenever anybody's room came: 50,500 acquires."""
    store = place.store(timeout=10.0)
    await store.register([declared(limits={"requests/1": 200})])
    before, _ = store.operations
    started = time.monotonic()
    granted, refused = await tries(store, ask(max_wait=30.0), 1000)
    took = time.monotonic() - started
    operations = store.operations[0] - before
    assert (len(granted), len(refused)) == (1000, 0)
    assert took < 4 * 1.0 + 3.0, "no slower than the limit allows, by much"
    assert operations <= 5 * 1000, f"{operations / 1000:.1f} acquires per call"
    assert tickets(place) == 0


async def test_a_hundred_waiting_calls_on_one_slot_wake_one_another(place: Place) -> None:
    store, running = await one_slot(place)

    async def caller() -> None:
        store.settle(await store.acquire(ask(max_wait=5.0)), ended())

    callers = [asyncio.create_task(caller()) for _ in range(100)]
    await queued(place, 100)
    before, _ = store.operations
    started = time.monotonic()
    store.settle(running, ended())
    await asyncio.gather(*callers)
    assert time.monotonic() - started < 3.0
    assert store.operations[0] - before <= 5 * 100
    await store.flush()
    assert (place.inflight("a"), tickets(place)) == (0, 0)
