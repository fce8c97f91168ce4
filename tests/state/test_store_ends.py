"""Callers that are cancelled, Stores that are closed: nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections.abc import Callable

import pytest

from router_core.state.records import StateError
from tests.state.counting import Counting
from tests.state.kit import Place, ask, ended, serving, settled, tries


@pytest.mark.parametrize("delay", [0.0, 0.002])
async def test_a_thousand_acquires_cancelled_at_random_points_leave_nothing(place: Place, delay: float) -> None:
    """Before it is sent, under way, while it waits, just as its answer comes."""
    dice = random.Random(5)
    store = await serving(place, place.store(engine=Counting(place.engine(), delay)), concurrent=40)
    finished = 0

    async def caller() -> None:
        nonlocal finished
        lease = await store.acquire(ask(max_wait=2.0))
        try:
            await asyncio.sleep(0.002)
            finished += 1
        finally:
            store.settle(lease, ended())

    for _ in range(10):
        tasks = [asyncio.create_task(caller()) for _ in range(100)]
        for task in tasks:
            asyncio.get_running_loop().call_later(dice.random() * 0.02, task.cancel)
        for _ in range(3):
            await asyncio.sleep(0)
            dice.choice(tasks).cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await store.flush()
    await asyncio.sleep(0.05)
    await store.flush()
    assert place.inflight("a") == 0
    assert place.column("lease") == {}
    assert place.members("held") == {}
    assert place.members("leases") == {}
    assert place.members("waiting:g") == {}


@pytest.mark.parametrize("steps", range(12))
async def test_an_acquire_cancelled_after_so_many_turns_of_the_loop_leaves_nothing(place: Place, steps: int) -> None:
    store = await serving(place)
    task = asyncio.create_task(store.acquire(ask()))
    for _ in range(steps):
        await asyncio.sleep(0)
    if not task.cancel():
        await settled(store, await task)
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.02)
    await store.flush()
    assert place.inflight("a") == 0
    assert place.held() == {}


async def test_closing_leaves_the_pool_and_sends_what_is_left(place: Place) -> None:
    store, watcher = await serving(place), await serving(place)
    leases, _ = await tries(store, ask(), 30)
    for lease in leases:
        store.settle(lease, ended())
    await store.aclose()
    await store.aclose()
    assert place.inflight("a") == 0
    assert [worker.id for worker in (await watcher.snapshot()).workers] == [watcher.worker]


async def test_a_closed_store_grants_nothing(place: Place) -> None:
    """Nobody would send heartbeats for it."""
    store = await serving(place)
    await store.aclose()
    with pytest.raises(StateError, match="closed"):
        await store.acquire(ask())
    assert place.inflight("a") == 0


async def test_a_settle_after_the_end_does_not_raise(place: Place) -> None:
    """Not in a loop and not in a thread: a stream that is collected late settles whenever it likes."""
    store = await serving(place)
    leases, _ = await tries(store, ask(), 2)
    await store.aclose()
    store.settle(leases[0], ended())
    await asyncio.to_thread(store.settle, leases[1], ended())


async def test_a_store_that_only_looks_closes_its_connection(shared: Place) -> None:
    """What a command line does: a snapshot, never a call."""
    store = await serving(shared)
    with Clients(shared) as count:
        before = count()
        for _ in range(5):
            looking = shared.store()
            await looking.snapshot()
            await looking.aclose()
        await asyncio.sleep(0.05)
        assert count() == before
    assert store.worker


class Clients:
    """How many clients of the user `router` a server has."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def __enter__(self) -> Callable[[], int]:
        import redis

        self.client = redis.Redis.from_url(self.place.url.replace("router:test-router@", "operator:test-operator@"))
        return lambda: sum(each.get("user") == "router" for each in self.client.client_list())

    def __exit__(self, *_: object) -> None:
        self.client.close()


async def test_a_store_that_is_dropped_without_closing_stops_its_heartbeats(memory: Place) -> None:
    """On memory: elsewhere the connection that nobody closed is a warning of its own."""
    place = memory
    store = await serving(place)
    threads = [thread for thread in threading.enumerate() if place.pool in thread.name]
    assert len(threads) == 1
    place.stores.remove(store)
    del store
    for _ in range(50):
        gc.collect()
        await asyncio.sleep(0.1)
        if not threads[0].is_alive():
            return
    raise AssertionError("its thread lives on")
