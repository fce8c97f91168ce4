"""Everything that is seen of a run: the upstreams' logs, and what Redis holds. Nothing of it comes from callers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from router_core.demo.fleet import Callers
from router_core.demo.ledger import Ledger
from router_core.demo.scenario import ARRIVALS, Scenario
from router_core.demo.upstreams import Upstream
from router_core.demo.verdict import Facts, Served
from router_core.simulator import Visit, worst_window
from router_core.state.records import Event, Snapshot
from router_core.state.store import Store

_LATEST, _ALL = 20, 10_000  # events
_READ_EVERY = 10.0  # seconds; the ledger asks for one reading a minute


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one upstream's log says: answers given, their share of all, seconds they took."""

    served: int
    share: float
    p50: float | None
    p99: float | None


class Witness:
    """Looks once a second; `facts` at the end."""

    def __init__(self, store: Store, ledger: Ledger, upstreams: Sequence[Upstream]) -> None:
        self._store, self.ledger, self._upstreams = store, ledger, upstreams
        self._scripts_before: tuple[int, int] | None = None
        self._read = 0.0
        self.snapshot: Snapshot | None = None
        self.events: list[Event] = []

    async def begin(self) -> None:
        """What the server had counted before. Raises StateError."""
        self._scripts_before = await self.ledger.scripts()

    async def look(self) -> bool:
        """Read what is new; False where an upstream did not answer. Raises StateError."""
        self.snapshot = await self._store.snapshot()
        self.events = await self._store.events(_LATEST)
        if time.monotonic() - self._read > _READ_EVERY:
            await self._read_ledger()
        return all([await upstream.read() for upstream in self._upstreams])

    async def _read_ledger(self) -> None:
        self._read = time.monotonic()
        await self.ledger.read()

    def traffic(self) -> dict[str, Traffic]:
        """Per deployment, so far."""
        served = {one.deployment.name: _served(one.visits) for one in self._upstreams}
        total = sum(map(len, served.values())) or 1
        return {
            name: Traffic(len(seconds), len(seconds) / total, quantile(seconds, 0.5), quantile(seconds, 0.99))
            for name, seconds in served.items()
        }

    async def facts(self, scenario: Scenario, callers: Callers, ended: bool) -> Facts:
        """The last look, after all calls ended and all settles were sent. `ended`: nobody was cut short."""
        scripts = _since(self._scripts_before, await self.ledger.scripts())
        complete = await self.look()
        await self._read_ledger()
        cooldowns = Counter(event.deployment for event in await self._store.events(_ALL) if event.kind == "cooldown")
        traffic = self.traffic()
        return Facts(
            requests=len(scenario.arrivals),
            callers=callers,
            deployments=tuple([
                await self._deployment(one, traffic[one.deployment.name], cooldowns) for one in self._upstreams
            ]),
            leases=await self.ledger.leases(),
            inflight=await self.ledger.inflight(),
            scripts=scripts,
            complete=complete and ended,
        )  # fmt: skip

    async def _deployment(self, upstream: Upstream, traffic: Traffic, cooldowns: Counter[str]) -> Served:
        deployment, visits = upstream.deployment, upstream.visits
        stats = await upstream.stats()
        admitted = [visit for visit in visits if visit.status in (0, 200)]
        requests, tokens = worst_window(((visit.at, visit.tokens) for visit in admitted), ARRIVALS)
        return Served(
            name=deployment.name,
            rpm=deployment.rpm,
            tpm=deployment.tpm,
            parallel=deployment.parallel,
            served=traffic.served,
            share=traffic.share,
            p50=traffic.p50,
            p99=traffic.p99,
            reserved_requests=self.ledger.worst(deployment.name, "requests"),
            reserved_tokens=self.ledger.worst(deployment.name, "tokens"),
            arrived_requests=requests,
            arrived_tokens=tokens,
            at_once=stats["peak_in_flight"],
            refused=sum(visit.status == 429 for visit in visits),
            cut=sum(visit.end != "finished" for visit in visits),
            running=stats["in_flight"],
            cooldowns=cooldowns[deployment.name],
        )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """None of nothing."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def _served(visits: Sequence[Visit]) -> list[float]:
    return sorted(visit.seconds for visit in visits if visit.status == 200 and visit.end == "finished")


def _since(before: tuple[int, int] | None, now: tuple[int, int] | None) -> tuple[int, int] | None:
    return None if before is None or now is None else (now[0] - before[0], now[1] - before[1])
