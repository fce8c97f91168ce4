"""A deployment with one slot, and who waits for it."""

from __future__ import annotations

import asyncio

from router_core.state.records import Lease
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared


async def one_slot(place: Place, **limits: int) -> tuple[Store, Lease]:
    """A deployment with room for one call, and the call that has it."""
    store = place.store()
    await store.register([declared(limits=limits or {"concurrent": 1})])
    return store, await store.acquire(ask())


def tickets(place: Place) -> int:
    return sum(not member.startswith("=") for member in place.members("waiting:g"))


async def queued(place: Place, count: int) -> None:
    """Wait until so many tickets stand there."""
    async with asyncio.timeout(10):
        while tickets(place) != count:  # noqa: ASYNC110 (the tickets are in Redis)
            await asyncio.sleep(0.01)
