"""Waiting calls that are cancelled, whose worker died, or whose time jumped: nobody else waits for them."""

from __future__ import annotations

import asyncio
import time

import pytest

from router_core.state.records import Lease, Refused
from tests.state.kit import Place, Raw, ask, declared, ended, settled
from tests.state.waiting_kit import one_slot, queued, tickets


async def test_a_cancelled_waiting_call_gives_its_ticket_back(place: Place) -> None:
    store, _ = await one_slot(place)
    waiting = [asyncio.create_task(store.acquire(ask(max_wait=20.0))) for _ in range(20)]
    await queued(place, 20)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await store.flush()
    assert tickets(place) == 0
    assert place.inflight("a") == 1


async def test_a_cancelled_first_in_line_passes_its_turn_on(place: Place) -> None:
    store, running = await one_slot(place)
    first = asyncio.create_task(store.acquire(ask(max_wait=20.0)))
    await queued(place, 1)
    second = asyncio.create_task(store.acquire(ask(max_wait=20.0)))
    await queued(place, 2)
    store.settle(running, ended())
    first.cancel()
    started = time.monotonic()
    assert isinstance(await second, Lease)
    assert time.monotonic() - started < 0.6
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], asyncio.CancelledError)


async def test_tickets_of_a_dead_worker_hold_nobody_up(place: Place) -> None:
    dead, running = await one_slot(place)
    waiting = [asyncio.create_task(dead.acquire(ask(max_wait=60.0))) for _ in range(5)]
    await queued(place, 5)
    other = place.store()
    await other.register([declared(limits={"concurrent": 1})])
    place.silence(dead)
    await Raw(place, other).run(f"cancel {running.id} g -")
    assert isinstance(await other.acquire(ask()), Lease)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_waiting_calls_are_seen_in_the_snapshot(place: Place) -> None:
    store, running = await one_slot(place)
    waiting = [asyncio.create_task(store.acquire(ask(max_wait=5.0))) for _ in range(3)]
    await queued(place, 3)
    assert (await store.snapshot()).waiting == {"g": 3}
    store.settle(running, ended())
    started = time.monotonic()
    for task in asyncio.as_completed(waiting):
        await settled(store, await task)
    assert time.monotonic() - started < 1.0, "the slot is handed on at once"
    assert (await store.snapshot()).waiting == {"g": 0}


async def test_a_call_waits_for_the_first_deployment_that_comes_back(place: Place) -> None:
    store = place.store()
    await store.register([declared("a"), declared("b")])
    await store.control("cool", "a", ms=60_000)
    await store.control("cool", "b", ms=500)
    lease = await store.acquire(ask("a", "b", max_wait=3.0))
    assert (lease.deployment, lease.probe) == ("b", True)
    assert 300 < lease.waited_ms < 1500


async def test_calls_of_two_groups_do_not_wait_for_each_other(place: Place) -> None:
    store, _ = await one_slot(place)
    await store.register([declared(limits={"concurrent": 1}), declared("z", "h")])
    waiting = asyncio.create_task(store.acquire(ask(max_wait=5.0)))
    await queued(place, 1)
    assert (await store.acquire(ask("z", group="h"))).deployment == "z"
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_later_pool_clock_does_not_strand_the_waiting(place: Place) -> None:
    """The pool's time jumps past their end: they are refused, not forgotten."""
    store, _ = await one_slot(place)
    waiting = asyncio.create_task(store.acquire(ask(max_wait=3.0)))
    await queued(place, 1)
    place.move(60_000)
    with pytest.raises(Refused):
        await asyncio.wait_for(waiting, 4)
    assert tickets(place) == 0
