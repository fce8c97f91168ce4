"""What tests of hedging share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from router_core.router import Router
from router_core.simulator import SlowHeaders, Upstream
from tests.router.rig import entry, state_of

AT_ONCE = {"after": 0.02, "budget": 1.0}


async def clean(router: Router, *ids: str) -> None:
    """No call is in flight, here or in the pool."""
    for id in ids:
        assert (await state_of(router, id)).inflight == 0
    assert not router.store._process().worker.live


def hanging(first: Upstream, second: Upstream) -> list[dict[str, Any]]:
    """The first hangs, and is asked first."""
    first.behaviour = replace(first.behaviour, faults=(SlowHeaders(),))
    return [entry(first, "one", rpm=1000, tpm=100_000), entry(second, "two", order=1, rpm=1000, tpm=100_000)]
