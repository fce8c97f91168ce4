"""The same calls by fifty processes that know only their own: round-robin, and LiteLLM's Router as it is documented.

Kinder than the original in three things: cooldowns reach all processes at once, Retry-After sets their length, and
time to the first token is not divided by the tokens of the answer. Otherwise (LiteLLM 1.109):

shuffle    random.choices by rpm
latency    the mean of this process' last 10 times to the first token; an unseen one counts as 0, a timeout as 1000 s
usage      the fewest tokens of this process in the clock minute, within tpm and rpm as this process sees them
cooldowns  a 429 at once; more than half failing of at least 5 in a minute of this process; for 5 s, else Retry-After
retries    2, at once, among those that do not cool; if all cool the call fails
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import Random
from typing import Protocol

from router_core.errors import RateLimitError, RouterError, Timeout
from router_core.simulator.traces import Arrival
from tests.sim.clock import Clock
from tests.sim.ours import TTFT_TIMEOUT
from tests.sim.upstream import Upstream
from tests.sim.world import WORKERS, Deployment, Scenario

RETRIES, COOLDOWN, MINUTE = 2, 5.0, 60.0


class Picker(Protocol):
    """What one process knows, and whom it chooses by that."""

    def pick(self, healthy: Sequence[Deployment], arrival: Arrival, minute: int) -> Deployment | None:
        """One of them, None where nobody has room."""
        ...

    def done(self, id: str, arrival: Arrival, ttft: float, minute: int) -> None:
        """A call succeeded, or ran into the timeout (then `ttft` is 1000)."""
        ...


class RoundRobin:
    """One after the other, each process for itself."""

    def __init__(self, rng: Random) -> None:
        self._next = rng.randrange(20)

    def pick(self, healthy: Sequence[Deployment], arrival: Arrival, minute: int) -> Deployment | None:
        self._next += 1
        return healthy[self._next % len(healthy)]

    def done(self, id: str, arrival: Arrival, ttft: float, minute: int) -> None:
        pass


class Shuffle(RoundRobin):
    """simple-shuffle."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def pick(self, healthy: Sequence[Deployment], arrival: Arrival, minute: int) -> Deployment | None:
        return self._rng.choices(healthy, [one.rpm for one in healthy])[0]


class Usage:
    """usage-based-routing."""

    def __init__(self, rng: Random) -> None:
        self._rng, self._minute = rng, -1
        self._tokens: defaultdict[str, int] = defaultdict(int)
        self._requests: defaultdict[str, int] = defaultdict(int)

    def _with_room(self, healthy: Sequence[Deployment], arrival: Arrival, minute: int) -> list[Deployment]:
        if minute != self._minute:
            self._minute = minute
            self._tokens.clear()
            self._requests.clear()
        sent = arrival.input_tokens
        return [x for x in healthy if self._tokens[x.id] + sent <= x.tpm and self._requests[x.id] + 1 <= x.rpm]

    def pick(self, healthy: Sequence[Deployment], arrival: Arrival, minute: int) -> Deployment | None:
        free = self._with_room(healthy, arrival, minute)
        least = min((self._tokens[one.id] for one in free), default=0)
        equal = [one for one in free if self._tokens[one.id] == least]
        return self._rng.choice(equal) if equal else None

    def done(self, id: str, arrival: Arrival, ttft: float, minute: int) -> None:
        self._tokens[id] += arrival.input_tokens + arrival.output_tokens
        self._requests[id] += 1


class Latency(Usage):
    """latency-based-routing."""

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._seen: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=10))

    def _mean(self, id: str) -> float:
        seen = self._seen[id]
        return sum(seen) / len(seen) if seen else 0.0

    def pick(self, healthy: Sequence[Deployment], arrival: Arrival, minute: int) -> Deployment | None:
        free = self._with_room(healthy, arrival, minute)
        lowest = min((self._mean(one.id) for one in free), default=0.0)
        equal = [one for one in free if self._mean(one.id) <= lowest]
        return self._rng.choice(equal) if equal else None

    def done(self, id: str, arrival: Arrival, ttft: float, minute: int) -> None:
        super().done(id, arrival, ttft, minute)
        self._seen[id].append(ttft)


class Fleet:
    """Fifty processes, each with a picker of its own and its own count of failures."""

    def __init__(
        self, picker: Callable[[Random], Picker], scenario: Scenario, upstreams: Mapping[str, Upstream], clock: Clock
    ) -> None:
        self._pickers = [picker(Random(scenario.seed * WORKERS + number)) for number in range(WORKERS)]
        self._deployments, self._upstreams, self._clock = scenario.deployments, upstreams, clock
        self._cooling: dict[str, float] = {}
        self._results: defaultdict[tuple[int, str], deque[tuple[float, bool]]] = defaultdict(deque)

    async def call(self, worker: int, number: int, arrival: Arrival) -> AsyncIterator[str]:
        """See play.Fleet."""
        for attempt in range(RETRIES + 1):
            chosen = self._pick(worker, arrival)
            stream = self._upstreams[chosen.id].stream(arrival, number)
            began = self._clock.now
            try:
                await self._first(stream)
            except RouterError as error:
                self._failed(worker, chosen.id, arrival, error)
                if attempt == RETRIES:
                    raise
                continue
            ttft = self._clock.now - began
            yield chosen.id
            async for _ in stream:
                pass
            self._count(worker, chosen.id, True)
            self._pickers[worker].done(chosen.id, arrival, ttft, self._minute)
            return

    @property
    def _minute(self) -> int:
        return int(self._clock.now // MINUTE)

    def _pick(self, worker: int, arrival: Arrival) -> Deployment:
        now = self._clock.now
        healthy = [one for one in self._deployments if self._cooling.get(one.id, 0.0) <= now]
        chosen = self._pickers[worker].pick(healthy, arrival, self._minute) if healthy else None
        if chosen is None:
            raise RateLimitError("no deployments available")
        return chosen

    async def _first(self, stream: AsyncIterator[None]) -> None:
        try:
            async with asyncio.timeout(TTFT_TIMEOUT):
                await anext(stream)
        except TimeoutError:
            raise Timeout("no first token") from None

    def _failed(self, worker: int, id: str, arrival: Arrival, error: RouterError) -> None:
        self._count(worker, id, False)
        results = self._results[worker, id]
        failed = sum(not ok for _, ok in results)
        if error.kind == "timeout":
            self._pickers[worker].done(id, arrival, 1000.0, self._minute)
        if error.kind == "rate_limit" or (failed >= 5 and failed > len(results) / 2):
            self._cooling[id] = self._clock.now + (error.retry_after or COOLDOWN)

    def _count(self, worker: int, id: str, ok: bool) -> None:
        results, now = self._results[worker, id], self._clock.now
        results.append((now, ok))
        while results[0][0] < now - MINUTE:
            results.popleft()
