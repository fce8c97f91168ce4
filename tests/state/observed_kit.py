"""What tests of observed limits share."""

from __future__ import annotations

from router_core.state.store import Store
from tests.state.kit import Place, Raw, beat


async def hears(place: Place, store: Store, name: str, limit: int, left: int, *, ago: int = 0, refused: int = 0) -> str:
    """An answer to a call reserved `ago` ms before now."""
    await beat(store)
    (answer,) = await Raw(place, store).run(f"observe a {place.now_ms() - ago} {refused} {name}={limit}:{left}")
    return answer


async def foreign(store: Store, name: str = "requests/60") -> int:
    """What others use, as the snapshot shows it."""
    observed = (await store.snapshot()).deployments["a"].observed
    return observed[name].foreign if name in observed else 0


async def used(store: Store, name: str = "requests/60") -> int:
    return (await store.snapshot()).deployments["a"].used[name]


async def in_force(store: Store) -> dict[str, int]:
    return dict((await store.snapshot()).deployments["a"].limits)
