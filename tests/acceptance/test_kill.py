"""A worker is killed with 50 calls in flight: what it held is free again within 15 s, and nobody else notices."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import pytest

from router_core import Router
from router_core.errors import RouterError
from router_core.simulator import Behaviour
from router_core.state.records import DeploymentState
from tests.acceptance.processes import children, upstreams
from tests.acceptance.rig import PROMPT, entry
from tests.servers import Server

KILLED, KEPT = 50, 10
LONG = 24.0  # seconds of a long call: longer than a dead worker's slots may stay taken
BOUND = 15.0


def hold(pipe: Connection, url: str, pool: str, models: list[dict[str, Any]]) -> None:
    """Long calls, until somebody kills this process."""

    async def main() -> None:
        router = Router(model_list=models, redis_url=url, pool=pool)
        calls = [asyncio.create_task(router.acompletion("long", PROMPT)) for _ in range(KILLED)]
        pipe.send("ready")
        await asyncio.gather(*calls)

    asyncio.run(main())


@dataclass(frozen=True)
class Answers:
    """What the other worker saw: how its calls ended, and the longest time (s) a quick one took."""

    long: Counter[str]
    quick: Counter[str]
    slowest: float


def go_on(pipe: Connection, url: str, pool: str, models: list[dict[str, Any]]) -> None:
    """Some long calls, and quick ones all the time; tells how they ended when it is asked."""

    async def main() -> None:
        async with Router(model_list=models, redis_url=url, pool=pool) as router:
            long = [asyncio.create_task(_ended(router, "long")) for _ in range(KEPT)]
            pipe.send("ready")
            asked, quick, slowest = asyncio.create_task(asyncio.to_thread(pipe.recv)), Counter[str](), 0.0
            while not asked.done():
                began = time.monotonic()
                quick[await _ended(router, "quick")] += 1
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.01)
            pipe.send(Answers(Counter(await asyncio.gather(*long)), quick, slowest))

    asyncio.run(main())


async def _ended(router: Router, group: str) -> str:
    try:
        return str((await router.acompletion(group, PROMPT)).deployment)
    except RouterError as error:
        return repr(error)


@pytest.mark.slow
async def test_slots_of_a_killed_worker_are_back_in_time_and_nothing_else_changes(valkey: Server, pool: str) -> None:
    with upstreams(Behaviour(latency=LONG), Behaviour(latency=0.01)) as (slow, fast):
        models = [
            entry(slow.url, "long-1", "long", max_parallel_requests=KILLED + KEPT, rpm=1000),
            entry(fast.url, "quick-1", "quick"),
        ]
        shared = (valkey.url, pool, models)
        with children((hold, *shared), (go_on, *shared)) as (victim, other):
            async with Router(model_list=models, redis_url=valkey.url, pool=pool) as router:
                assert (victim.hear(), other.hear()) == ("ready", "ready")
                before = await _until_in_flight(router, KILLED + KEPT, 10.0)
                with pytest.raises(RouterError, match="concurrent"):
                    await router.acompletion("long", PROMPT, max_wait=0)
                victim.kill()
                killed = time.monotonic()
                after = await _until_in_flight(router, KEPT, BOUND)
                print(f"\nin-flight right again after {time.monotonic() - killed:.1f} s")
                _only_that_changed(before, after)
                slow.control(behaviour={"latency": 0.5})
                free = await asyncio.gather(*(_served(router) for _ in range(KILLED + 5)))
                assert Counter(free) == {True: KILLED, False: 5}, "exactly the dead worker's slots are usable"
                other.tell("end")
                answers: Answers = await asyncio.to_thread(other.hear)
                assert answers.long == {"long-1": KEPT}
                assert set(answers.quick) == {"quick-1"}
                assert answers.slowest < 2.0
                await _until_in_flight(router, 0, 5.0)
                assert [event.kind for event in await router.store.events()].count("worker-gone") == 1


async def _until_in_flight(router: Router, wanted: int, seconds: float) -> DeploymentState:
    """Never below `wanted` on the way; TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            state = (await router.snapshot()).deployments
            if "long-1" in state and state["long-1"].inflight == wanted:
                return state["long-1"]
            assert wanted != KEPT or state["long-1"].inflight > wanted, "a live worker's slot was given away"
            await asyncio.sleep(0.05)


def _only_that_changed(before: DeploymentState, after: DeploymentState) -> None:
    """A dead caller is no failure of the deployment, and what it reserved stays charged."""
    kept = ("health", "trips", "failed", "limits", "weight", "overrides", "latency_ms", "tokens")
    assert {name: getattr(after, name) for name in kept} == {name: getattr(before, name) for name in kept}
    assert before.used == {"requests/60": KILLED + KEPT, "concurrent": KILLED + KEPT}
    assert after.used == {"requests/60": KILLED + KEPT, "concurrent": KEPT}


async def _served(router: Router) -> bool:
    try:
        await router.acompletion("long", PROMPT, max_wait=0)
    except RouterError:
        return False
    return True
