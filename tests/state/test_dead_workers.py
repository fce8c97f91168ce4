"""A worker that dies, is cut off, or forgets: its slots come back, its running calls stay held."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from router_core.state.records import Lease, Refused
from tests.fresh import FRESH
from tests.state.kit import Place, Raw, ask, beat, declared, ended, question, settled, tries
from tests.state.race_workers import hold_and_hang

LIMITS = {"concurrent": 5, "requests/3600": 100, "tokens/3600": 10_000}


async def test_a_dead_workers_calls_are_released_by_the_heartbeat_of_another(place: Place) -> None:
    dead, alive = place.store(), place.store()
    for store in (dead, alive):
        await store.register([declared(limits={"concurrent": 2000})])
    await tries(dead, ask(), 1200)
    staying, _ = await tries(alive, ask(), 7)
    place.silence(dead)
    await beat(alive)
    assert place.inflight("a") == 207, "up to 1,000 with one heartbeat"
    await beat(alive)
    assert place.inflight("a") == 7
    assert set(place.held()) == {lease.id for lease in staying}
    assert list(place.members("workers")) == [alive.worker]
    assert "worker-gone" in [event.kind for event in await alive.events()]


async def test_a_dead_workers_slots_are_found_by_a_call_that_would_be_refused(place: Place) -> None:
    """Without waiting for anybody's heartbeat."""
    dead, alive = place.store(), place.store()
    for store in (dead, alive):
        await store.register([declared(limits={"concurrent": 60})])
    await tries(dead, ask(), 60)
    place.silence(dead)
    granted, refused = await tries(alive, ask(), 61)
    assert (len(granted), len(refused)) == (60, 1)


async def test_a_worker_that_was_given_up_but_lives_holds_its_running_calls_again(place: Place) -> None:
    """Cut off for a while: its next heartbeat lists what it runs; its settles count once."""
    cut_off, alive = place.store(), place.store()
    for store in (cut_off, alive):
        await store.register([declared(limits={"concurrent": 10})])
    running, _ = await tries(cut_off, ask(), 4)
    place.silence(cut_off)
    await beat(alive)
    assert place.inflight("a") == 0
    await tries(alive, ask(), 8)
    await beat(cut_off)
    assert place.inflight("a") == 12
    assert set(place.held()) >= {lease.id for lease in running}
    assert cut_off.worker in place.members("workers")
    assert "lease-revived" in [event.kind for event in await alive.events()]
    await settled(cut_off, *running)
    assert place.inflight("a") == 8


async def test_a_worker_alone_in_the_pool_that_was_silent_holds_its_running_calls_again(place: Place) -> None:
    """Nobody else reaped it: it finds itself dead by its own heartbeat."""
    store = place.store()
    await store.register([declared(limits={"concurrent": 10})])
    running, _ = await tries(store, ask(), 4)
    place.silence(store)
    for _ in range(3):
        await beat(store)
    assert place.inflight("a") == 4
    assert set(place.held()) == {lease.id for lease in running}


async def test_what_a_worker_does_not_know_of_is_cancelled_after_two_heartbeats(place: Place) -> None:
    """A lease whose reply never arrived, of a worker that lives."""
    store = place.store()
    await store.register([declared(limits={"concurrent": 10})])
    known = await store.acquire(ask())
    raw = Raw(place, store)
    await raw.run(question("0.lost.1", ask(), place.now_ms() + 1000))
    assert place.inflight("a") == 2
    place.move(6_000)
    for _ in range(3):
        await beat(store)
    assert place.inflight("a") == 1
    assert set(place.held()) == {known.id}


async def test_heartbeats_of_a_busy_worker_cancel_none_of_its_calls(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits={"concurrent": 1000})])
    stop = time.monotonic() + 1.0

    async def caller() -> None:
        while time.monotonic() < stop:
            lease = await store.acquire(ask())
            await asyncio.sleep(0.005)
            store.settle(lease, ended())

    async def beats() -> None:
        while time.monotonic() < stop:
            await beat(store)
            await asyncio.sleep(0.01)

    await asyncio.gather(beats(), *(caller() for _ in range(40)))
    await store.flush()
    assert place.column("lease") == {}
    assert place.inflight("a") == 0
    assert (await store.snapshot()).deployments["a"].ok > 100
    assert "lease-revived" not in [event.kind for event in await store.events()]


async def test_a_call_that_runs_for_minutes_in_a_live_worker_keeps_its_lease(place: Place) -> None:
    """Twelve minutes in moved time, a heartbeat every three seconds, others that reap."""
    store, other = place.store(), place.store()
    for each in (store, other):
        await each.register([declared(limits=LIMITS)])
    lease = await store.acquire(ask(timeout=900))
    for _ in range(90):
        place.move(8_000, workers=False)
        await beat(store)
        await beat(other)
    assert set(place.held()) == {lease.id}
    assert place.inflight("a") == 1


async def test_leaving_the_pool_gives_back_the_slots_of_calls_that_never_ended(place: Place) -> None:
    """Closed with a call in flight (its task was killed): nobody will settle it, and nobody lives to hold it."""
    leaving, staying = place.store(), place.store()
    for store in (leaving, staying):
        await store.register([declared(limits={"concurrent": 1})])
    await leaving.acquire(ask())
    await leaving.aclose()
    await beat(staying)
    assert place.inflight("a") == 0
    assert isinstance(await staying.acquire(ask()), Lease)


@pytest.mark.slow
async def test_kill_9_with_50_calls_in_flight_is_right_again_within_15_seconds(valkey: Place) -> None:
    """Real time, the defaults, nothing else changes: the calls of the worker that lives are untouched."""
    store = valkey.store()
    await store.register([declared(limits={"concurrent": 100}), declared("b")])
    mine, _ = await tries(store, ask(), 3)
    other = await store.acquire(ask("b"))
    ready = FRESH.Queue()
    process = FRESH.Process(target=hold_and_hang, args=(valkey.url, valkey.pool, ask(), 50, ready))
    process.start()
    try:
        pid, held = await asyncio.to_thread(ready.get, True, 60)
        assert (pid, held) == (process.pid, 50)
        assert valkey.inflight("a") == 53
        await asyncio.sleep(3.2)  # it lived, and sent heartbeats
        assert valkey.inflight("a") == 53
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        while valkey.inflight("a") != 3:
            assert time.monotonic() - killed < 15, "the slots of a dead worker leaked"
            await asyncio.sleep(0.1)
    finally:
        process.kill()
        process.join()
        ready.close()
        ready.join_thread()
    assert set(valkey.held()) == {lease.id for lease in (*mine, other)}
    assert (valkey.inflight("a"), valkey.inflight("b")) == (3, 1)
    assert list(valkey.members("workers")) == [store.worker]
    assert {state.health for state in (await store.snapshot()).deployments.values()} == {"closed"}
    granted, refused = await tries(store, ask(), 98)
    assert (len(granted), len(refused)) == (97, 1)
    assert all(isinstance(error, Refused) for error in refused)
