"""Calls that fail, and what the pool makes of it."""

from __future__ import annotations

import pytest

from router_core.state.records import Breaker, DeploymentState, OutcomeKind, Refused
from router_core.state.store import Store
from tests.state.kit import NOW, Place, ask, declared, ended, settled

NEUTRAL = {"content_policy", "context_window", "caller", "cancelled"}


async def pool_of(place: Place, *ids: str) -> Store:
    store = place.store()
    await store.register([declared(id) for id in ids or ("a",)])
    return store


async def state(store: Store, id: str = "a") -> DeploymentState:
    return (await store.snapshot()).deployments[id]


async def fail(
    store: Store, kind: OutcomeKind = "server", breaker: Breaker = NOW, retry_after: float | None = None
) -> None:
    """One call to deployment a that fails."""
    await settled(store, await store.acquire(ask()), outcome=ended(kind, breaker=breaker, retry_after=retry_after))


async def refused(store: Store, *candidates: str) -> Refused:
    with pytest.raises(Refused) as caught:
        await store.acquire(ask(*candidates))
    return caught.value


async def until(place: Place) -> int:
    """When deployment a may be tried again, in pool time."""
    return int(place.column("health")["a"].split()[3])
