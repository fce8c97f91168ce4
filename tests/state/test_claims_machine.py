"""Any sequence of calls, drains and cooldowns against a plain model of who has which session."""

from __future__ import annotations

from typing import TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from router_core.state.records import Lease, Refused
from router_core.state.store import Store
from tests.state.claims_kit import IDS, TTL, of, pin
from tests.state.kit import declared, settled, tried
from tests.state.pool_machine import PoolMachine, play

T = TypeVar("T")


class Sessions(PoolMachine):
    """Sessions of a pool against a plain model: who has which session, who is out, who is full."""

    @initialize()
    def begin(self) -> None:
        self.enter("sessions")
        self.stores = [self.place.store(), self.place.store()]
        for store in self.stores:
            self.do(store.register([declared(id, limits={"concurrent": 2}) for id in IDS]))
        self.pins: dict[str, str] = {}
        self.touched: dict[str, int] = {}
        self.drained: set[str] = set()
        self.cooling: dict[str, int] = {}
        self.running: list[tuple[Store, Lease]] = []

    def lost(self, id: str) -> bool:
        return id in self.drained or id in self.cooling

    def has_room(self, id: str) -> bool:
        return not self.lost(id) and sum(lease.deployment == id for _, lease in self.running) < 2

    @rule(worker=st.integers(0, 1), session=st.sampled_from(["s1", "s2", "s3"]), without=st.sampled_from(["", *IDS]))
    def call(self, worker: int, session: str, without: str) -> None:
        candidates = [id for id in IDS if id != without]
        store, request = self.stores[worker], of(session, *candidates)
        if self.touched.get(session, 0) + TTL * 1000 <= self.now:
            self.pins.pop(session, None)
        answer = self.do(tried(store, request))
        if isinstance(answer, Refused):
            assert not any(self.has_room(id) for id in candidates)
            return
        assert isinstance(answer, Lease)
        home = self.pins.get(session)
        if home in candidates and self.has_room(home):
            assert answer.deployment == home
        if home is None or self.lost(home):
            home = self.pins[session] = answer.deployment
        assert pin(self.place, session) == home
        if answer.deployment == home and self.now - self.touched.get(session, 0) >= TTL * 100:
            self.touched[session] = self.now
        self.running.append((store, answer))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 100))
    def end(self, which: int) -> None:
        store, lease = self.running.pop(which % len(self.running))
        self.do(settled(store, lease))

    @rule(id=st.sampled_from(IDS))
    def drain(self, id: str) -> None:
        self.do(self.stores[0].control("resume" if id in self.drained else "drain", id))
        self.drained ^= {id}

    @rule(id=st.sampled_from(IDS))
    def cool(self, id: str) -> None:
        if id not in self.cooling:
            self.do(self.stores[0].control("cool", id, ms=60000))
            self.cooling[id] = self.now

    @rule(id=st.sampled_from(IDS))
    def heal(self, id: str) -> None:
        if self.cooling.pop(id, None):
            self.do(self.stores[0].control("reset", id))

    @rule(ms=st.sampled_from([10, 30_000, TTL * 400, TTL * 1000]))
    def wait(self, ms: int) -> None:
        if not self.cooling:  # who comes back from a cooldown does so slowly, which is told elsewhere
            self.place.move(ms)


@pytest.mark.slow
def test_any_sequence_of_calls_drains_and_cooldowns_keeps_sessions_where_they_belong() -> None:
    play(Sessions, 40, 30, same=False)
