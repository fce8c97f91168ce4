"""A pool that was used, for operators' hands to spoil."""

from __future__ import annotations

from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, ended, settled

LIMITS = {"concurrent": 5, "requests/60": 50, "tokens/60": 1000}


async def two(place: Place) -> Store:
    """Deployments a and b, used a little."""
    store = place.store()
    await store.register([declared(id, limits=LIMITS) for id in "ab"])
    for id in "ab":
        await settled(store, await store.acquire(ask(id, input_tokens=5)), outcome=ended("ok", 4, 2))
    return store
