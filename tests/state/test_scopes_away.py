"""A Redis that goes away while calls run with limits of accounts and users: nothing is lost, nothing counts twice."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from router_core.state.records import Lease, Refused, Rows, StateError
from router_core.state.store import Store
from tests import servers as real
from tests.servers import Server
from tests.state.kit import RANKS, Place, ask, declared, ended

ROWS = [
    Rows("account:acme", {"tokens/3600": 1000, "concurrent": 9}),
    Rows("user:*", {"tokens/3600": 1000, "concurrent": 9}),
]
CALL = ask(input_tokens=10, output_tokens=20, subjects=("user:alice",))
WHO = ("account:acme", "user:alice")


@pytest.fixture
def own() -> Iterator[Server]:
    server = real.start("valkey")
    yield server
    server.stop()


@pytest.fixture
async def place(own: Server, pool: str) -> AsyncIterator[Place]:
    made = Place(own.url, pool)
    yield made
    await made.aclose()


async def worker(own: Server, pool: str) -> Store:
    store = Store(own.url, pool=pool, ranks=RANKS, timeout=0.3)
    await store.register([declared(account="acme")], ROWS)
    return store


async def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.05)


async def used(store: Store) -> list[tuple[int | None, int | None]]:
    """Tokens and calls in flight, of the account and of alice."""
    found = [{row.name: row.used for row in await store.usage(who)} for who in WHO]
    return [(rows["tokens/3600"], rows["concurrent"]) for rows in found]


@pytest.mark.slow
async def test_what_hung_is_settled_once_in_every_limit(own: Server, pool: str, place: Place) -> None:
    """SIGSTOP: what was sent runs later, and the settle is sent again."""
    store = await worker(own, pool)
    held = await store.acquire(CALL)
    assert await used(store) == [(30, 1), (30, 1)]
    own.process.send_signal(signal.SIGSTOP)
    asked = await asyncio.gather(*(store.acquire(CALL) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, StateError) for one in asked)
    store.settle(held, ended("ok", 7, 5))
    await asyncio.sleep(0.5)
    own.process.send_signal(signal.SIGCONT)
    await until(lambda: not place.held())
    assert await used(store) == [(12, 0), (12, 0)], "calls that were given up took nothing"
    assert "user:alice" not in place.column("inflight")
    await store.aclose()


@pytest.mark.slow
async def test_after_an_empty_restart_limits_are_there_again_and_what_ran_is_charged(
    own: Server, pool: str, place: Place
) -> None:
    store = await worker(own, pool)
    held = await store.acquire(CALL)
    own.kill()
    store.settle(held, ended("ok", 7, 5))
    with pytest.raises(StateError):
        await store.acquire(CALL)
    again = real.start("valkey", port=own.port)
    try:
        lease: Lease | None = None
        while lease is None:
            try:
                lease = await store.acquire(CALL)
            except (StateError, Refused):  # not there yet, or nobody has registered yet
                await asyncio.sleep(0.05)
        for _ in range(20):
            await store.flush()
            await asyncio.sleep(0.05)
        assert [calls for _, calls in await used(store)] == [1, 1]
        # The new server may hear of the old call before it hears of the limits, and of alice's through nobody else.
        assert all(tokens in (30, 42) for tokens, _ in await used(store))
        await store.aclose()
    finally:
        again.stop()
