"""One that knows the future: who is down, who will refuse, how fast each is and how loaded, how long the answer gets.

Greedy: each call goes where it ends first. Nobody can do that, so it bounds what a choice by speed can reach; it does
not look at prices, and does not plan for the calls to come. With no room anywhere it waits as long as our callers do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from router_core.errors import RateLimitError
from router_core.simulator.traces import Arrival
from tests.sim.clock import Clock
from tests.sim.upstream import Upstream
from tests.sim.world import Scenario

MAX_WAIT, STEP = 2.0, 0.05  # seconds


class Fleet:
    """See play.Fleet."""

    def __init__(self, scenario: Scenario, upstreams: Mapping[str, Upstream], clock: Clock) -> None:
        self._upstreams, self._clock = upstreams, clock

    async def call(self, worker: int, number: int, arrival: Arrival) -> AsyncIterator[str]:
        """See play.Fleet."""
        began, tokens = self._clock.now, arrival.input_tokens + arrival.output_tokens
        while not (able := [x for x in self._upstreams.values() if x.answers and x.patience(tokens) <= 0]):
            if self._clock.now - began > MAX_WAIT:
                raise RateLimitError("no room anywhere")
            await asyncio.sleep(STEP)
        chosen = min(able, key=lambda one: one.first(arrival, number) + one.rest(arrival, number))
        stream = chosen.stream(arrival, number)
        await anext(stream)
        yield chosen.facts.id
        async for _ in stream:
            pass
