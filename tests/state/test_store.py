"""The Store as its callers meet it: loops, threads, forks, cancelled callers, a Redis that goes away, its end."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from router_core.state.store import Store
from tests.state.counting import Counting
from tests.state.kit import Place, ask, declared, ended, serving, settled, tries


async def test_a_call_costs_two_operations_and_two_script_calls(place: Place) -> None:
    store = await serving(place)
    await settled(store, await store.acquire(ask()))
    before = store.operations
    for _ in range(20):
        await settled(store, await store.acquire(ask()))
    assert store.operations == (before[0] + 40, before[1] + 40)


async def test_under_load_many_operations_share_a_script_call(place: Place) -> None:
    counting = Counting(place.engine(), 0.001)
    store = await serving(place, place.store(engine=counting))
    before = store.operations

    async def caller() -> None:
        for _ in range(10):
            store.settle(await store.acquire(ask()), ended())
            await asyncio.sleep(0)

    await asyncio.gather(*(caller() for _ in range(64)))
    await store.flush()
    operations, calls = (after - b for after, b in zip(store.operations, before, strict=True))
    assert operations == 2 * 640
    assert calls < operations / 8
    assert calls == counting.runs["calls"]


async def test_a_thousand_first_calls_at_once_join_the_pool_once(place: Place) -> None:
    """A worker that comes under load must not say hello a thousand times."""
    counting = Counting(place.engine())
    first = await serving(place)
    store = place.store(engine=counting)
    granted, _ = await tries(store, ask(), 1000)
    assert len(granted) == 1000
    assert counting.runs["fleet"] <= 3
    assert first.worker != store.worker


async def test_one_store_serves_several_loops_and_threads_as_one_worker(place: Place) -> None:
    store = await serving(place)
    barrier = threading.Barrier(8)

    async def some() -> list[str]:
        leases, _ = await tries(store, ask(), 25)
        await settled(store, *leases)
        return [lease.id for lease in leases]

    def thread() -> list[str]:
        barrier.wait()
        return [id for _ in range(2) for id in asyncio.run(asyncio.wait_for(some(), 20))]

    with ThreadPoolExecutor(8) as threads:
        ids = await asyncio.gather(*(asyncio.wrap_future(threads.submit(thread)) for _ in range(8)))
    assert len({id for some_ids in ids for id in some_ids}) == 8 * 50
    await store.flush()
    assert place.inflight("a") == 0
    assert [worker.id for worker in (await store.snapshot()).workers] == [store.worker]


@pytest.mark.slow
async def test_a_flush_does_not_wait_for_a_loop_that_ends_meanwhile(place: Place) -> None:
    """Loops of other threads come and go; whoever flushes in theirs must not wait for ever."""
    store = await serving(place)
    stop = threading.Event()

    async def one() -> None:
        store.settle(await store.acquire(ask()), ended())
        await asyncio.sleep(0)

    def loops() -> None:
        while not stop.is_set():
            asyncio.run(asyncio.wait_for(one(), 10))

    threads = [threading.Thread(target=loops) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(100):
            await asyncio.wait_for(store.flush(), 5)
    finally:
        stop.set()
        for thread in threads:
            await asyncio.to_thread(thread.join, 20)


async def test_threads_that_use_a_store_first_at_the_same_time_are_one_worker(place: Place) -> None:
    """Else heartbeats of one of two would stop, and its calls be reaped while they run."""
    workers: set[str] = set()
    for _ in range(20):
        store, barrier = place.store(), threading.Barrier(8)

        def name(store: Store = store, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            return store.worker

        with ThreadPoolExecutor(8) as threads:
            workers = {future.result() for future in [threads.submit(name) for _ in range(8)]}
        assert len(workers) == 1


async def test_a_settle_from_a_thread_without_a_loop_arrives_before_the_flush_ends(place: Place) -> None:
    store = await serving(place)
    leases, _ = await tries(store, ask(), 50)

    def thread() -> None:
        for lease in leases:
            store.settle(lease, ended())

    await asyncio.to_thread(thread)
    await store.flush()
    assert place.inflight("a") == 0


def test_what_the_last_line_of_a_loop_settles_is_not_lost(any_engine: str, pool: str) -> None:
    place = Place(any_engine, pool)
    store = place.store()

    async def first() -> None:
        await serving(place, store)
        for lease in (await tries(store, ask(), 100))[0]:
            store.settle(lease, ended())

    async def second() -> None:
        for _ in range(100):
            await store.flush()
            if place.inflight("a") == 0:
                break
            await asyncio.sleep(0.02)
        assert place.inflight("a") == 0
        await place.aclose()

    asyncio.run(first())
    asyncio.run(second())


def test_a_forked_child_is_another_worker_and_both_go_on(shared_url: str, pool: str) -> None:
    place = Place(shared_url, pool)
    store = place.store()

    async def calls() -> None:
        leases, _ = await tries(store, ask(), 20)
        assert len(leases) == 20
        await settled(store, *leases)

    async def begin() -> None:
        await serving(place, store)
        await calls()

    asyncio.run(begin())
    mine, (reading, writing) = store.worker, os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            asyncio.run(calls())
            os.write(writing, store.worker.encode())
            asyncio.run(store.aclose())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    asyncio.run(calls())
    _, status = os.waitpid(child, 0)
    theirs = os.read(reading, 200).decode()
    os.close(reading)
    assert os.waitstatus_to_exitcode(status) == 0
    assert theirs
    assert theirs != mine

    async def end() -> None:
        assert place.inflight("a") == 0
        assert [worker.id for worker in (await store.snapshot()).workers] == [mine]
        await place.aclose()

    asyncio.run(end())


async def test_many_stores_in_one_process_do_not_know_each_other(place: Place) -> None:
    stores = [place.store(pool=f"{place.pool}-{i}") for i in range(20)]
    for store in stores:
        await serving(place, store, concurrent=3)
    told = await asyncio.gather(*(tries(store, ask(), 5) for store in stores))
    assert [len(granted) for granted, _ in told] == [3] * 20
    assert len({store.worker for store in stores}) == 20


async def test_an_explanation_changes_nothing_and_says_what_would_happen(place: Place) -> None:
    store = place.store()
    await store.register([declared("a", limits={"requests/60": 1}), declared("b", order=1)])
    await store.acquire(ask("a", "b"))
    before = place.dump()
    told = await store.explain(ask("a", "b", "stranger"))
    assert place.dump() == before
    assert told.chosen == "b"
    reasons = {one.deployment: one.refusal and one.refusal.reason for one in told.candidates}
    assert reasons == {"a": "requests/60", "b": None, "stranger": "unknown"}
