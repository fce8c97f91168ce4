"""What the tests of hedges and of timeouts by percentile share: a fleet that has measured calls already."""

from __future__ import annotations

from router_core.router import Router
from router_core.state.records import Acquire, Outcome
from tests.router.rig import until


async def measured(router: Router, *ids: str, seconds: float, first: float | None = None, calls: int = 100) -> None:
    """The pool has seen so many calls of each of these deployments of group m; `first`: streams, to their content."""
    await router.snapshot()
    sample = (None if first is None else first * 1000, seconds * 1000)
    for id in ids:
        for _ in range(calls):
            lease = await router.store.acquire(Acquire("m", (id,), stream=first is not None))
            router.store.settle(lease, Outcome("ok", total_ms=seconds * 1000, sample=sample))
    await router.store.flush()


async def known(router: Router, *ids: str, percent: int = 95, stream: bool = False) -> float:
    """What the router reads of the group in the background, once it has."""
    estimates = router._parts.estimates
    found: list[float] = []

    def asked() -> bool:
        group = router._wiring.planner.groups["m"]
        value = estimates.of_group("m", group.ids, stream, percent)
        each = [estimates.of_deployment("m", group.ids, id, stream, percent) for id in ids]
        if value is not None and None not in each:
            found.append(value)
        return bool(found)

    await until(asked)
    return found[0]
