"""What the racing processes run: fresh ones, so that nothing but the URL and the pool is shared with the test."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from router_core.state.engines import Engine, engine
from router_core.state.records import Acquire, Lease, Outcome, Refused
from router_core.state.store import Store
from tests.fresh import FRESH

PATIENCE = 240.0


@dataclass(frozen=True)
class Told:
    """What one process saw."""

    pid: int
    admitted: int
    refused: int
    leases: tuple[Lease, ...] = ()
    failed: tuple[str, ...] = ()  # other answers


def patient(url: str) -> Engine:
    """An engine that waits for its replies: eight processes on a busy machine are no outage."""
    return engine(url, connect_timeout=PATIENCE / 3, reply_timeout=PATIENCE / 3)


def acquire_many(url: str, pool: str, request: Acquire, times: int, start: Any, answers: Any) -> None:
    """`times` concurrent acquires, begun when all processes are ready."""
    answers.put(asyncio.run(_acquire_many(url, pool, request, times, start)))


async def _acquire_many(url: str, pool: str, request: Acquire, times: int, start: Any) -> Told:
    from tests.state.kit import RANKS

    store = Store(url, pool=pool, ranks=RANKS, timeout=60.0, engine=patient(url))
    await store.snapshot([])
    await asyncio.to_thread(start.wait, PATIENCE)
    found = await asyncio.gather(*(store.acquire(request) for _ in range(times)), return_exceptions=True)
    leases = tuple(x for x in found if isinstance(x, Lease))
    refused = sum(isinstance(x, Refused) for x in found)
    await asyncio.to_thread(start.wait, PATIENCE)  # nobody leaves before all have asked
    for lease in leases:
        store._process().worker.live.pop(lease.id, None)
    await store._process().flush()
    return Told(os.getpid(), len(leases), refused, leases)


def settle_many(url: str, pool: str, leases: tuple[Lease, ...], outcome: Outcome, start: Any, answers: Any) -> None:
    """Settle the same leases as others do at the same time."""
    answers.put(asyncio.run(_settle_many(url, pool, leases, outcome, start)))


async def _settle_many(url: str, pool: str, leases: tuple[Lease, ...], outcome: Outcome, start: Any) -> Told:
    store = Store(url, pool=pool, timeout=60.0, engine=patient(url))
    await store.snapshot([])
    await asyncio.to_thread(start.wait, PATIENCE)
    for lease in leases:
        store.settle(lease, outcome)
    await store.flush()
    return Told(os.getpid(), 0, 0)


def hold_and_hang(url: str, pool: str, request: Acquire, times: int, ready: Any) -> None:
    """Hold so many calls, say so, and wait to be killed."""

    async def main() -> None:
        from tests.state.kit import RANKS

        store = Store(url, pool=pool, ranks=RANKS)
        leases = await asyncio.gather(*(store.acquire(request) for _ in range(times)))
        ready.put((os.getpid(), len(leases)))
        await asyncio.sleep(3600)

    asyncio.run(main())


def together(processes: int, target: Callable[..., None], *args: Any, waits: bool = True) -> list[Told]:
    """Run `target(*args, start, answers)` in so many processes and collect what they tell."""
    start, answers = FRESH.Barrier(processes), FRESH.Queue()
    running = [FRESH.Process(target=target, args=(*args, start, answers)) for _ in range(processes)]
    for process in running:
        process.start()
    try:
        told: list[Told] = [answers.get(timeout=PATIENCE) for _ in running]
        for process in running:
            process.join(PATIENCE)
        assert [process.exitcode for process in running] == [0] * processes
        assert {one.pid for one in told} == {process.pid for process in running}
        return told
    finally:
        for process in running:
            if process.is_alive():
                process.kill()
            process.join()
            process.close()
        answers.close()
        answers.join_thread()
