"""One scenario by one fleet: calls in, a log of calls and visits out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

from router_core.errors import RouterError
from router_core.simulator.traces import Arrival
from tests.sim import clock as virtual
from tests.sim.upstream import Upstream, Visit, upstreams
from tests.sim.world import WORKERS, Scenario


class Fleet(Protocol):
    """Who serves the calls."""

    def call(self, worker: int, number: int, arrival: Arrival) -> AsyncIterator[str]:
        """Yields who serves it when the first token is there; ends with the last. Raises RouterError."""
        ...


Make = Callable[[Scenario, dict[str, Upstream], virtual.Clock], Fleet]


class Done(NamedTuple):
    """A call as its caller saw it. Seconds from its arrival; `error`: kind of the error, "" if there was none."""

    number: int
    ttft: float
    duration: float
    deployment: str
    error: str


@dataclass(frozen=True)
class Log:
    """`busy`: deployment -> seconds of calls, summed."""

    scenario: Scenario
    calls: list[Done]
    visits: list[Visit]
    busy: dict[str, float]


def play(scenario: Scenario, make: Make) -> Log:
    """Everything until the last call ended."""
    clock, visits, calls = virtual.Clock(), list[Visit](), list[Done]()
    ups = upstreams(scenario, clock, visits)
    virtual.run(_play(scenario, make, ups, clock, calls), clock)
    calls.sort()
    return Log(scenario, calls, visits, {id: one.busy for id, one in ups.items()})


async def _play(
    scenario: Scenario, make: Make, ups: dict[str, Upstream], clock: virtual.Clock, calls: list[Done]
) -> None:
    fleet, rng = make(scenario, ups, clock), Random(scenario.seed)
    async with asyncio.TaskGroup() as running:
        for number, arrival in enumerate(scenario.arrivals):
            await asyncio.sleep(arrival.at - clock.now)
            running.create_task(_call(fleet, rng.randrange(WORKERS), number, arrival, clock, calls))


async def _call(
    fleet: Fleet, worker: int, number: int, arrival: Arrival, clock: virtual.Clock, calls: list[Done]
) -> None:
    ttft, deployment, error = float("nan"), "", ""
    try:
        async for serving in fleet.call(worker, number, arrival):
            deployment, ttft = serving, clock.now - arrival.at
    except RouterError as failed:
        error = failed.kind
    calls.append(Done(number, ttft, clock.now - arrival.at, deployment, error))
