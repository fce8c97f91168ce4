"""A Redis that goes away, and what a closed Store does. Most tests have a server of their own."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator

import pytest

from router_core.state.engines import TimedOut
from router_core.state.records import Lease, Refused, StateError
from router_core.state.store import Store
from tests import servers as real
from tests.servers import Server
from tests.state.kit import RANKS, Place, ask, beat, declared, ended, serving, settled


@pytest.fixture
def own() -> Iterator[Server]:
    server = real.start("valkey")
    yield server
    server.stop()


async def within(seconds: float, store: Store) -> StateError:
    """The StateError of an acquire, and that it came in time and tells no password."""
    started = time.monotonic()
    with pytest.raises(StateError) as caught:
        await store.acquire(ask())
    assert time.monotonic() - started < seconds
    assert "test-router" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    assert "test-router" not in repr(store.engine) + repr(store)
    return caught.value


async def recovered(store: Store, seconds: float) -> Lease:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await store.acquire(ask())
        except (StateError, Refused):
            assert time.monotonic() < deadline, "it did not come back"
            await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_server_nobody_listens_at_is_a_clear_error_at_once(pool: str) -> None:
    store = Store(f"redis://router:test-router@127.0.0.1:{real.free_port()}/0", pool=pool, ranks=RANKS)
    await within(1.0, store)
    await store.aclose()


@pytest.mark.slow
async def test_a_server_that_is_killed_and_restarts_empty_is_used_again(own: Server, pool: str) -> None:
    store = Store(own.url, pool=pool, ranks=RANKS, timeout=1.0)
    await store.register([declared(limits={"concurrent": 5})])
    before = await store.acquire(ask())
    own.kill()
    await within(1.5, store)
    store.settle(before, ended())
    again = real.start("valkey", port=own.port)
    try:
        lease = await recovered(store, 3.0)
        assert lease.epoch != before.epoch
        for _ in range(20):
            await store.flush()
            await asyncio.sleep(0.05)
        assert (await store.snapshot()).deployments["a"].inflight == 1
        await store.aclose()
    finally:
        again.stop()


@pytest.mark.slow
async def test_a_server_that_hangs_is_a_timeout_and_leaves_no_lease_behind(own: Server, pool: str) -> None:
    """SIGSTOP: connections stay open, nothing answers, and what was sent runs later."""
    store = Store(own.url, pool=pool, ranks=RANKS, timeout=0.3)
    place = Place(own.url, pool)
    try:
        await store.register([declared(limits={"concurrent": 5})])
        held = await store.acquire(ask())
        own.process.send_signal(signal.SIGSTOP)
        tasks = [asyncio.create_task(within(2.5, store)) for _ in range(5)]
        errors = await asyncio.gather(*tasks)
        assert all(isinstance(error, TimedOut) for error in errors)
        store.settle(held, ended())
        own.process.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + 5
        while place.inflight("a") or place.held():
            assert time.monotonic() < deadline, place.held()
            await asyncio.sleep(0.1)
        await settled(store, await recovered(store, 2.0))
        await store.aclose()
    finally:
        await place.aclose()


@pytest.mark.slow
async def test_a_wrong_password_is_an_error_without_any(own: Server, pool: str) -> None:
    store = Store(own.url.replace("test-router", "hunter2-secret"), pool=pool, ranks=RANKS)
    with pytest.raises(StateError) as caught:
        await store.acquire(ask())
    assert "hunter2" not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    await store.aclose()


async def test_scripts_forgotten_by_the_server_are_loaded_again(shared: Place) -> None:
    store = await serving(shared)
    await store.acquire(ask())
    import redis

    with redis.Redis.from_url(shared.url.replace("router:test-router@", "operator:test-operator@")) as operator:
        operator.script_flush()
    await store.acquire(ask())
    await beat(store)
    assert shared.inflight("a") == 2
