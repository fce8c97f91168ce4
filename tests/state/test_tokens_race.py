"""Eight processes whose calls count their tokens, four of them killed: nothing is left in flight."""

from __future__ import annotations

import asyncio
import os
import signal
from random import Random
from typing import Any

import pytest

from router_core.state.records import Refused
from router_core.state.store import Store
from tests.fresh import FRESH
from tests.state.kit import RANKS, Place, beat, declared, ended
from tests.state.race_workers import PATIENCE, patient
from tests.state.tokens_kit import column, sums, weighed

IDS = ("a", "b", "c")
PROCESSES, KILLED, CALLERS, CALLS = 8, 4, 20, 400


def work(url: str, pool: str, number: int, ready: Any, go_on: Any) -> None:
    """Says when it has begun; ends after so many calls, once it may."""
    asyncio.run(_work(url, pool, number, ready, go_on))


async def _work(url: str, pool: str, number: int, ready: Any, go_on: Any) -> None:
    store, dice, done = Store(url, pool=pool, ranks=RANKS, timeout=60.0, engine=patient(url)), Random(number), 0
    await store.register([declared(id, limits={"concurrent": 60}) for id in IDS])

    async def caller() -> None:
        nonlocal done
        while done < CALLS or not go_on.is_set():
            try:
                lease = await store.acquire(weighed(dice.randrange(5000), dice.randrange(900), *IDS))
            except Refused:
                await asyncio.sleep(0.01)
                continue
            await asyncio.sleep(dice.choice([0, 0.001, 0.01]))
            for _ in range(dice.choice([1, 1, 2])):
                if dice.random() < 0.2:
                    store.cancel(lease)
                else:
                    store.settle(lease, ended("ok", dice.randrange(5000), dice.randrange(900)))
            done += 1
            if done == CALLS // 4:
                ready.put(os.getpid())

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    await store.aclose()


@pytest.mark.slow
@pytest.mark.serial
async def test_eight_processes_of_which_four_are_killed_leave_no_tokens_in_flight(shared: Place) -> None:
    store = shared.store(timeout=60.0, engine=patient(shared.url))
    await store.register([declared(id, limits={"concurrent": 60}) for id in IDS])
    ready, go_on = FRESH.Queue(), FRESH.Event()
    processes = [
        FRESH.Process(target=work, args=(shared.url, shared.pool, number, ready, go_on)) for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    try:
        pids = {await asyncio.to_thread(ready.get, True, PATIENCE) for _ in processes}
        assert len(pids) == PROCESSES
        for process in processes[:KILLED]:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
        go_on.set()
        for process in processes:
            await asyncio.to_thread(process.join, PATIENCE)
        assert [process.exitcode for process in processes[KILLED:]] == [0] * (PROCESSES - KILLED)
    finally:
        for process in processes:
            process.kill()
            process.join()
        ready.close()
        ready.join_thread()
    left = shared.held()
    assert len(left) > KILLED, "calls of the killed"
    nothing = dict.fromkeys(IDS, "0 0 0")
    assert nothing | column(shared) == nothing | sums(shared), "what they hold, and nothing else"
    for worker in shared.members("workers"):
        if worker != store.worker:
            shared.do("ZADD", "workers", shared.now_ms() - 60_000, worker)
    await beat(store)
    assert (shared.held(), column(shared)) == ({}, nothing)
    assert [shared.inflight(id) for id in IDS] == [0, 0, 0]
