"""How a deployment answers: slower under load, 429 with Retry-After at its own limits, and its faults."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from random import Random
from typing import NamedTuple

from router_core.errors import RateLimitError, ServiceUnavailableError
from router_core.simulator.traces import Arrival
from tests.sim.clock import Clock
from tests.sim.world import Deployment, Fault, FaultKind, Scenario

WINDOW = 60.0  # seconds in which requests and tokens count
REFUSES = 0.03  # seconds until an error is there
LONGEST = 30.0  # Retry-After at most: what providers send, though the window may be longer


class Visit(NamedTuple):
    """One call that reached a deployment."""

    at: float
    deployment: str
    call: int
    kind: str  # ok (began to answer), server, rate_limit, hang


class Upstream:
    """One deployment. `visits` is everybody's common log."""

    def __init__(self, facts: Deployment, faults: list[Fault], clock: Clock, noise: list[float], visits: list[Visit]):
        self.facts, self.running, self.busy = facts, 0, 0.0
        self._faults, self._clock, self._noise, self._visits = faults, clock, noise, visits
        self._window: deque[tuple[float, int]] = deque()
        self._tokens = 0

    def fault(self, kind: FaultKind) -> Fault | None:
        """The one of this kind that is on, if any."""
        now = self._clock.now
        return next((one for one in self._faults if one.kind == kind and one.begin <= now < one.end), None)

    @property
    def answers(self) -> bool:
        """Neither down nor hanging."""
        return not (self.fault("down") or self.fault("hang"))

    def patience(self, tokens: int) -> float:
        """Seconds until its limits have room for one more call; 0: now."""
        now, storm = self._clock.now, self.fault("storm")
        while self._window and self._window[0][0] <= now - WINDOW:
            self._tokens -= self._window.popleft()[1]
        left = 1.0 - storm.amount if storm else 1.0
        requests = len(self._window) + 1 - self.facts.rpm * left
        missing = self._tokens + tokens - self.facts.tpm * left
        if requests <= 0 and missing <= 0:
            return 0.0
        for at, amount in self._window:
            requests, missing = requests - 1, missing - amount
            if requests <= 0 and missing <= 0:
                return at + WINDOW - now
        return LONGEST

    def first(self, arrival: Arrival, call: int) -> float:
        """Seconds to the first token of a call that would begin now."""
        seconds = self.facts.ttft + arrival.input_tokens / self.facts.prefill
        return seconds * self._slowdown(self.running + 1) * self._noise[call]

    def rest(self, arrival: Arrival, call: int) -> float:
        """Seconds from there to the last token, as loaded as it is now."""
        return arrival.output_tokens / self.facts.speed * self._slowdown(max(self.running, 1)) * self._noise[call]

    def _slowdown(self, running: int) -> float:
        slow = self.fault("slow")
        return max(1.0, running / self.facts.slots) * (slow.amount if slow else 1.0)

    async def stream(self, arrival: Arrival, call: int) -> AsyncIterator[None]:
        """One item with the first token; ends with the last. Raises RateLimitError, ServiceUnavailableError."""
        await self._admit(arrival, call)
        seconds, began = self.first(arrival, call), self._clock.now
        self.running += 1
        try:
            await asyncio.sleep(seconds)
            yield
            await asyncio.sleep(self.rest(arrival, call))
        finally:
            self.running -= 1
            self.busy += self._clock.now - began

    async def _admit(self, arrival: Arrival, call: int) -> None:
        now, tokens = self._clock.now, arrival.input_tokens + arrival.output_tokens
        kind, wait = "ok", 0.0
        if self.fault("down"):
            kind = "server"
        elif self.fault("hang"):
            kind = "hang"
        elif (wait := self.patience(tokens)) > 0:
            kind = "rate_limit"
        self._visits.append(Visit(now, self.facts.id, call, kind))
        if kind == "hang":
            await asyncio.Event().wait()
        if kind != "ok":
            await asyncio.sleep(REFUSES)
        if kind == "server":
            raise ServiceUnavailableError("down")
        if kind == "rate_limit":
            raise RateLimitError("its own limit", retry_after=math.ceil(min(wait, LONGEST)))
        self._window.append((now, tokens))
        self._tokens += tokens


def upstreams(scenario: Scenario, clock: Clock, visits: list[Visit]) -> dict[str, Upstream]:
    """All of a scenario. How much a call's time differs from the expected belongs to the call, whoever serves it."""
    rng = Random(scenario.seed)
    noise = [rng.lognormvariate(0.0, 0.15) for _ in scenario.arrivals]
    return {
        one.id: Upstream(one, [fault for fault in scenario.faults if fault.deployment == one.id], clock, noise, visits)
        for one in scenario.deployments
    }
