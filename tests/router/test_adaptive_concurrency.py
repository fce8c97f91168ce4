"""Adaptive concurrency through the Router: what an upstream refuses lowers how many calls the fleet makes at once."""

from __future__ import annotations

import asyncio

import pytest

from router_core.errors import NoDeploymentAvailable, RateLimitError
from router_core.simulator import Behaviour, Upstream
from tests.router.rig import PROMPT, Make, entry, state_of

LEARNED = {"initial": 4, "max": 100}


async def test_successes_raise_it_and_a_429_lowers_it(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")], adaptive_concurrency=LEARNED, num_retries=0, disable_cooldowns=True)
    first.behaviour = Behaviour(latency=0.05)
    await asyncio.gather(*(router.acompletion("m", PROMPT) for _ in range(4)))
    assert (await state_of(router, "one")).limits["concurrent"] > 4
    before = (await state_of(router, "one")).limits["concurrent"]
    first.fail(429)
    with pytest.raises(RateLimitError):
        await router.acompletion("m", PROMPT)
    assert (await state_of(router, "one")).limits["concurrent"] == int(before * 0.9)


async def test_nobody_asks_for_more_at_once(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one", adaptive_concurrency={"initial": 3, "max": 3})], max_wait=0)
    first.behaviour = Behaviour(latency=0.2)
    answers = await asyncio.gather(*(router.acompletion("m", PROMPT) for _ in range(8)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, NoDeploymentAvailable)]
    assert len(refused) == 5
    assert refused[0].refusals[0].reason == "concurrent"
