"""Who waits with a better priority is served first."""

from __future__ import annotations

import asyncio

import pytest

from router_core.errors import BadRequestError
from router_core.router import Router
from router_core.simulator import Behaviour, Upstream
from tests.router.rig import PROMPT, Make, entry, until


async def waiting(router: Router) -> int:
    return sum((await router.store.snapshot()).waiting.values())


async def test_scheduled_calls_are_served_by_priority(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(latency=0.2)
    router = routers([entry(first, "one", max_parallel_requests=1)], default_priority=5, max_wait=20.0)
    order: list[str] = []

    async def call(name: str, priority: int | None) -> None:
        if priority is None:
            await router.acompletion("m", PROMPT)
        else:
            await router.schedule_acompletion("m", PROMPT, priority)
        order.append(name)

    calls = [asyncio.create_task(call("running", 0))]
    await until(lambda: first.log.arrived == 1)
    for count, (name, priority) in enumerate([("default", None), ("last", 9), ("first", 0), ("second", 2)], 1):
        calls.append(asyncio.create_task(call(name, priority)))
        async with asyncio.timeout(5):
            while await waiting(router) < count:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.005)
    await asyncio.gather(*calls)
    assert order == ["running", "first", "second", "default", "last"]


async def test_a_scheduled_stream_and_a_bad_priority(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")])
    async with await router.schedule_acompletion("m", PROMPT, priority=0, stream=True) as stream:
        assert [chunk async for chunk in stream]
    with pytest.raises(BadRequestError, match="priority"):
        await router.schedule_acompletion("m", PROMPT, priority=-1)
