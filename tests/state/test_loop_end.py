"""Event loops come and go while their Store goes on: each takes its connection along, and loses nothing."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import psutil

from router_core.state.loop_end import LoopEnd
from router_core.state.records import Lease, Refused, StateError
from tests.state.kit import Place, ask, ended, serving, settled, tried
from tests.state.test_store_ends import Clients


def opened() -> int:
    return psutil.Process().num_fds()


async def test_a_loop_that_ends_takes_its_connection_along(shared: Place) -> None:
    """`asyncio.run(router.acompletion(...))` for each call, as a script does, must not fill the server with clients."""
    store = await serving(shared)

    async def call() -> None:
        await settled(store, await store.acquire(ask()))

    with Clients(shared) as count:
        clients, files = count(), opened()
        for _ in range(20):
            await asyncio.to_thread(asyncio.run, call())
        await asyncio.sleep(0.05)
        assert (count(), opened()) == (clients, files)


async def test_a_loop_that_ended_is_not_kept(place: Place) -> None:
    store = await serving(place)
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def call() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await settled(store, await store.acquire(ask()))

    for _ in range(5):
        await asyncio.to_thread(asyncio.run, call())
    gc.collect()
    assert [ref() for ref in loops[:4]] == [None] * 4, "the last one goes when the next one comes"


async def test_what_is_settled_while_a_loop_ends_is_not_lost(place: Place) -> None:
    """A generator of the caller's that was not read to its end: it settles at a time when nothing more can be sent."""
    store = await serving(place)
    kept: list[AsyncIterator[str]] = []  # else it would end, and settle, before the loop does

    async def answer() -> AsyncIterator[str]:
        lease = await store.acquire(ask())
        try:
            yield lease.deployment
        finally:
            store.settle(lease, ended())

    async def call() -> None:
        for _ in range(8):
            kept.append(answer())
            assert await anext(kept[-1]) == "a"

    await asyncio.to_thread(asyncio.run, call())
    for _ in range(100):
        if place.inflight("a") == 0:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{place.inflight('a')} are still running")


async def test_a_call_while_a_loop_ends_is_made_or_fails_but_does_not_hang(place: Place) -> None:
    store = await serving(place)
    kept: list[AsyncIterator[None]] = []
    answers: list[Lease | Refused | StateError] = []

    async def late() -> AsyncIterator[None]:
        try:
            yield
        finally:
            for _ in range(5):
                answers.append(await tried(store, ask()))
                await asyncio.sleep(0.01)

    async def call() -> None:
        await settled(store, await store.acquire(ask()))
        kept.append(late())
        await anext(kept[0])

    await asyncio.wait_for(asyncio.to_thread(asyncio.run, call()), 10)
    assert len(answers) == 5
    assert "has ended" in str(answers[-1])
    await settled(store, *(each for each in answers if isinstance(each, Lease)))
    assert place.inflight("a") == 0


async def test_it_is_closed_once_however_often_one_says_so() -> None:
    closed: list[str] = []

    async def close() -> None:
        closed.append("begun")
        await asyncio.sleep(0)

    end = LoopEnd(close)
    await asyncio.gather(end.aclose(), end.aclose())
    await end.aclose()
    assert closed == ["begun"]


async def test_what_nobody_holds_is_closed_too() -> None:
    closed = asyncio.Event()

    async def close() -> None:
        closed.set()

    LoopEnd(close)
    gc.collect()
    await asyncio.wait_for(closed.wait(), 5)
