"""What others use stands in our windows and is moved in them: any sequence of calls, answers and time leaves ours as
they are, and never lets more in than there is."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from router_core.state.records import Heard, Lease, Refused
from tests.state.kit import Place, Raw, ask, beat, declared, ended, serving, settled, tried, tries
from tests.state.ledger import Entry, Ledger
from tests.state.pool_machine import PoolMachine, play

T = TypeVar("T")
LIMIT, TOKENS = 20, 500
TIMES = [0, 1, 500, 999, 1000, 5000, 9_999, 10_000, 30_000, 59_999, 60_000, 60_001, 61_001, 76_000, 300_000]


class Others(PoolMachine):
    """A minute of requests and tokens, on memory:// with a frozen clock."""

    @initialize(start=st.integers(0, 200_000))
    def begin(self, start: int) -> None:
        self.enter("others")
        self.place.move(start)
        self.store = self.place.store()
        self.raw = Raw(self.place, self.store)
        self.ours = {"requests/60": Ledger(LIMIT, 60), "tokens/60": Ledger(TOKENS, 60)}
        self.running: list[tuple[Lease, Entry, Entry]] = []
        self.do(self.store.register([declared(limits={"requests/60": LIMIT, "tokens/60": TOKENS})]))

    @rule(tokens=st.integers(0, 100))
    def call(self, tokens: int) -> None:
        before = self.seen()
        answer = self.do(tried(self.store, ask(input_tokens=tokens)))
        if isinstance(answer, Lease):
            assert all(
                self.ours[name].fits(self.now, amount) for name, amount in zip(self.ours, (1, tokens), strict=True)
            )
            requests, used = self.ours.values()
            self.running.append((answer, requests.add(self.now, 1), used.add(self.now, tokens)))
        else:
            assert isinstance(answer, Refused)
            assert (
                any(before[name][0] + 100 > self.ours[name].limit for name in before)
                or before["requests/60"][0] >= LIMIT
            )

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 100), used=st.integers(0, 150), refused=st.booleans())
    def end(self, which: int, used: int, refused: bool) -> None:
        lease, request, tokens = self.running.pop(which % len(self.running))
        outcome = ended("rate_limit", 0, 0) if refused else ended("ok", used, 0)
        self.do(settled(self.store, lease, outcome=outcome))
        tokens.amount = 0 if refused else used
        request.amount = 0 if refused else 1

    @rule(
        name=st.sampled_from(["requests/60", "tokens/60"]),
        share=st.floats(0, 1),
        ago=st.sampled_from([0, 500, 1500, 5000, 13_000, 20_000]),
        refused=st.booleans(),
    )
    def hear(self, name: str, share: float, ago: int, refused: bool) -> None:
        limit = self.ours[name].limit
        line = f"observe a {self.now - ago} {int(refused)} {name}={limit}:{int(limit * share)}"
        assert self.do(self.raw.run(line)) == ["ok"]

    @rule(ms=st.one_of(st.integers(0, 3_000), st.sampled_from(TIMES)))
    def wait(self, ms: int) -> None:
        self.place.move(ms)

    @rule()
    def sweep(self) -> None:
        self.do(beat(self.store))

    @rule()
    def reset(self) -> None:
        for lease, _, _ in self.running:
            self.store.cancel(lease)
        self.do(self.store.flush())
        self.do(self.store.control("reset", "a"))
        self.running = []
        for log in self.ours.values():
            for entry in log.entries:
                entry.amount = 0

    def seen(self) -> dict[str, tuple[int, int]]:
        """name -> (used, what of it is others')."""
        state = self.do(self.store.snapshot()).deployments["a"]
        others = {name: found.foreign for name, found in state.observed.items()}
        return {name: (state.used[name], others.get(name, 0)) for name in self.ours}

    @invariant()
    def ours_are_as_they_were(self) -> None:
        if not hasattr(self, "store"):
            return
        for name, (used, others) in self.seen().items():
            log = self.ours[name]
            assert 0 <= others <= log.limit
            late = sum(e.amount for e in log.entries if e.at_ms + log.span + 2 * log.width > self.now)
            assert log.inside(self.now) <= used - others <= late


@pytest.mark.slow
def test_any_sequence_of_calls_answers_and_time() -> None:
    play(Others, 60)


@pytest.mark.parametrize("workers", [4])
async def test_many_workers_who_call_and_tell_at_once(shared: Place, workers: int) -> None:
    """Whoever is told what when: what is used is what was granted and what is others'."""
    stores = [await serving(shared, None, **{"requests/60": 100}) for _ in range(workers)]

    async def live(number: int) -> int:
        granted = 0
        for turn in range(10):
            leases, _ = await tries(stores[number], ask(), 5)
            granted += len(leases)
            for lease in leases:
                stores[number].observe(lease, [Heard("requests/60", 100, (turn * 37 + number * 11) % 100)])
                stores[number].settle(lease, ended())
            await stores[number].flush()
        return granted

    granted = sum(await asyncio.gather(*map(live, range(workers))))
    state = (await stores[0].snapshot()).deployments["a"]
    others = state.observed["requests/60"].foreign if state.observed else 0
    assert 0 < granted <= 100
    assert state.used["requests/60"] == granted + others
