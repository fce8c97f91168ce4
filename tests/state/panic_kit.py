"""A group of four of which some are out, and who then serves."""

from __future__ import annotations

from collections import Counter
from typing import Any

from router_core.state.records import DeploymentState
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, tries

FOUR = ("a", "b", "c", "d")


async def group(place: Place, *ids: str, **more: Any) -> Store:
    store = place.store()
    await store.register([declared(id, **more) for id in ids or FOUR])
    return store


def out(place: Place, *ids: str, reason: str = "server", state: str = "open") -> None:
    """These are out for a minute."""
    until = place.now_ms() + 60_000
    for id in ids:
        place.put("health", id, f"{state} 1 1 {until} {until - 60_000} {reason} {'x' if state == 'half-open' else '-'}")


async def shares(store: Store, *candidates: str, calls: int = 1_000, **more: Any) -> Counter[str]:
    """Which deployments serve so many calls, of which none fails or ends before the last began."""
    granted, refused = await tries(store, ask(*candidates or FOUR, **more), calls)
    for lease in granted:
        store.cancel(lease)
    await store.flush()
    found = Counter(lease.deployment for lease in granted)
    found["nobody"] = len(refused)
    return +found


async def health(store: Store, id: str = "a") -> DeploymentState:
    return (await store.snapshot([id])).deployments[id]
