"""How long an answer takes: drawn once for each request."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from router_core.simulator.behaviour import Behaviour, draw
from router_core.simulator.demand import Demand
from router_core.simulator.shapes import Finish

USUAL_OUTPUT = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """Real seconds: until the headers, from there to the first content, between two tokens."""

    latency: float
    ttft: float
    interval: float

    def whole(self, output_tokens: int) -> float:
        return self.latency + self.ttft + self.interval * max(0, output_tokens - 1)


def pace(behaviour: Behaviour, rng: random.Random) -> Pace:
    factor = behaviour.slowdown / behaviour.speed
    interval = factor / behaviour.tokens_per_second if behaviour.tokens_per_second else 0.0
    return Pace(draw(behaviour.latency, rng) * factor, draw(behaviour.ttft, rng) * factor, interval)


def length(behaviour: Behaviour, demand: Demand, rng: random.Random) -> tuple[int, Finish]:
    """Output tokens and why they end: what the request states, else the behaviour's spread, else `max_tokens`."""
    most = demand.max_tokens
    if demand.kind == "embedding":
        return 0, "stop"
    if demand.output_tokens is not None:
        wanted = demand.output_tokens
    elif behaviour.output_tokens is not None:
        wanted = max(1, round(draw(behaviour.output_tokens, rng)))
    else:
        wanted = USUAL_OUTPUT if most is None else most
    if most is not None and wanted >= most:
        return most, "length"
    return wanted, "stop"


async def nap(seconds: float | None) -> None:
    """Sleep; None sleeps until the request is cancelled, and nothing at all costs no turn of the loop."""
    if seconds is None:
        await asyncio.get_running_loop().create_future()
    elif seconds > 0:
        await asyncio.sleep(seconds)
