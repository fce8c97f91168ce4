"""Plays the rows of health_scenarios.py: calls that end, time that is moved, what the pool then says.

A step is one line. `a` is the deployment unless `b:` … stands in front; `@2` is the second worker; times are seconds.

    server | ok x3 | timeout x2 @2 | rate_limit retry=30 | ok ms=4000     calls that end so, one a millisecond
    hold p | end p server retry=9        a call that goes on, and its end
    wait 5                               pool time is moved
    is open server 5 | is closed         state, reason, and how long still
    trips 2
    refused cooling 5 | refused probing  an acquire that names nobody else is refused, and when there is room
    grants 1 of 10                       of so many concurrent calls
    serves d | serves b c d              who serves some of 300 calls of the whole group
    dies @2 | reaped                     a worker falls silent; another's heartbeat
    counted b 60 40                      successes and failures of b stand in the minute
    cool 60 | reset | drain d            what an operator does
    asks 30 b c                          an upstream wants these accounts to be left alone
    moves cooldown half-open …           the events of `a`, the oldest first

Each outcome has the rule that the Router's configuration gives it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import pytest

from router_core.config import Breakers, Deployment, health_words
from router_core.state.records import DeploymentState, Lease, OutcomeKind, Refused
from router_core.state.store import Store
from tests.config.helpers import entry, loaded
from tests.state.health_scenarios import Scenario
from tests.state.kit import Place, ask, beat, declared, ended, settled, tries


class Player:
    """The pool of one scenario on one engine, with as many workers as its steps name."""

    def __init__(self, place: Place, scenario: Scenario) -> None:
        self.place, self.ids = place, tuple(scenario.ids)
        if place.is_memory:
            place.freeze()
        infos = [{"id": id, **(scenario.own if id == "a" else {})} for id in self.ids]
        self.settings, made = loaded(*(entry(model_info=info) for info in infos), **scenario.config)
        self.deployments: Mapping[str, Deployment] = {one.id: one for one in made}
        self.breakers = Breakers(self.settings)
        self.stores: list[Store] = []
        self.held: dict[str, tuple[Store, Lease]] = {}

    async def play(self, *steps: str) -> None:
        """All steps; a failed one is named."""
        for _ in range(max([1, *(int(step.rpartition("@")[2]) for step in steps if "@" in step)])):
            self.stores.append(self.place.store())
            await self.stores[-1].register(
                [declared(id, health=health_words(self.settings, one)) for id, one in self.deployments.items()]
            )
        for number, step in enumerate(steps, 1):
            try:
                await self._step(step)
            except (AssertionError, Refused) as wrong:
                raise AssertionError(f"step {number}, {step!r}: {wrong}") from wrong

    async def _step(self, step: str) -> None:
        id, _, rest = step.rpartition(": ")
        words = [word for word in rest.split() if word[0] != "@"]
        store = self.stores[int(rest.rpartition("@")[2]) - 1 if "@" in rest else 0]
        act = getattr(self, f"do_{words[0]}", None)
        if act is not None:
            await act(store, id or "a", *words[1:])
            return
        facts = dict(word.split("=") for word in words[1:] if "=" in word)
        for _ in range(next((int(word[1:]) for word in words if word[0] == "x"), 1)):
            await self._ends(store, await store.acquire(ask(id or "a")), words[0], facts)

    async def _ends(self, store: Store, lease: Lease, kind: str, facts: Mapping[str, str]) -> None:
        outcome = cast(OutcomeKind, kind)
        breaker = self.breakers.of(self.deployments[lease.deployment], len(self.ids), outcome)
        retry = float(facts["retry"]) if "retry" in facts else None
        total = float(facts.get("ms", 100))
        await settled(store, lease, outcome=ended(outcome, total_ms=total, retry_after=retry, breaker=breaker))
        self.place.move(1, workers=False)  # of two calls in one millisecond nobody knows which began first

    def _near(self, seconds: float, expected: float) -> bool:
        """On memory:// time stands still; elsewhere a busy machine may take a while between two steps."""
        return expected - (0.3 if self.place.is_memory else 3.0) <= seconds <= expected + 0.1

    async def _state(self, id: str) -> DeploymentState:
        return (await self.stores[0].snapshot([id])).deployments[id]

    async def do_hold(self, store: Store, id: str, name: str) -> None:
        self.held[name] = store, await store.acquire(ask(id, timeout=600))

    async def do_end(self, _: Store, __: str, name: str, kind: str, *facts: str) -> None:
        await self._ends(*self.held.pop(name), kind, dict(fact.split("=") for fact in facts))

    async def do_wait(self, _: Store, __: str, seconds: str) -> None:
        self.place.move(int(float(seconds) * 1000) + (0 if self.place.clock_ms else 10))

    async def do_is(self, _: Store, id: str, health: str, reason: str = "", seconds: str = "") -> None:
        now = await self._state(id)
        assert now.health == health
        assert not reason or now.reason == reason
        assert not seconds or self._near(now.cooling, float(seconds))

    async def do_trips(self, _: Store, id: str, trips: str) -> None:
        assert (await self._state(id)).trips == int(trips)

    async def do_refused(self, store: Store, id: str, reason: str, seconds: str = "") -> None:
        with pytest.raises(Refused) as caught:
            await store.acquire(ask(id))
        assert [refusal.reason for refusal in caught.value.refusals] == [reason]
        earliest = caught.value.earliest
        assert earliest is None if not seconds else earliest is not None and self._near(earliest, float(seconds))

    async def do_grants(self, _: Store, id: str, most: str, __: str, calls: str) -> None:
        share = int(calls) // len(self.stores)
        told = await asyncio.gather(*(tries(each, ask(id), share) for each in self.stores))
        granted = [(each, lease) for each, (leases, _) in zip(self.stores, told, strict=True) for lease in leases]
        assert len(granted) == int(most)
        for each, lease in granted:
            each.cancel(lease)
            await each.flush()

    async def do_serves(self, store: Store, _: str, *who: str) -> None:
        leases, _refused = await tries(store, ask(*self.ids), 300)
        for lease in leases:
            store.cancel(lease)
        await store.flush()
        assert {lease.deployment for lease in leases} == set(who)

    async def do_dies(self, store: Store, _: str) -> None:
        self.place.silence(store)

    async def do_reaped(self, store: Store, _: str) -> None:
        await beat(store)

    async def do_counted(self, _: Store, __: str, ids: str, ok: str, failed: str) -> None:
        slot = self.place.now_ms() // 1000
        for id in ids:
            self.place.put("used", f"{id}/ok/60", f"{ok} {slot}")
            self.place.put("used", f"{id}/failed/60", f"{failed} {slot}")

    async def do_cool(self, store: Store, id: str, seconds: str) -> None:
        await store.control("cool", id, ms=int(seconds) * 1000)

    async def do_reset(self, store: Store, id: str) -> None:
        await store.control("reset", id)

    async def do_drain(self, store: Store, _: str, id: str) -> None:
        await store.control("drain", id)

    async def do_asks(self, store: Store, _: str, seconds: str, *ids: str) -> None:
        store.pause(ids, float(seconds), 300.0)
        await store.flush()

    async def do_moves(self, store: Store, id: str, *moves: str) -> None:
        told = [event.kind for event in reversed(await store.events()) if event.deployment == id]
        assert [kind for kind in told if kind != "registered"] == list(moves)
