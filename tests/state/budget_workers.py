"""What the processes run that race for a budget of extra calls: spawned, like those of race_workers."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

from router_core.state.records import Acquire, Denied
from router_core.state.store import Store
from tests.state.race_workers import PATIENCE, Told


def extra_many(url: str, pool: str, request: Acquire, times: int, start: Any, answers: Any) -> None:
    """`times` requests and then as many extra calls at once, begun when all processes are ready; those that were denied
    count as refused."""
    answers.put(asyncio.run(_extra_many(url, pool, request, times, start)))


async def _extra_many(url: str, pool: str, request: Acquire, times: int, start: Any) -> Told:
    from tests.state.kit import RANKS

    store, first = Store(url, pool=pool, ranks=RANKS, timeout=20.0), replace(request, extra=None, counted=True)
    await store.snapshot([])
    await asyncio.to_thread(start.wait, PATIENCE)
    await asyncio.gather(*(store.acquire(first) for _ in range(times)))
    found = await asyncio.gather(*(store.acquire(request) for _ in range(times)), return_exceptions=True)
    denied = sum(isinstance(x, Denied) for x in found)
    assert not [x for x in found if isinstance(x, Exception) and not isinstance(x, Denied)]
    await asyncio.to_thread(start.wait, PATIENCE)  # nobody leaves before all have asked
    await store.aclose()
    return Told(os.getpid(), times - denied, denied)
