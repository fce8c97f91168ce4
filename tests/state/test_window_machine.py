"""Rolling windows against an exact log: any sequence of reservations, refunds, debts and time."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from router_core.state.records import Acquire, Lease, Refused
from tests.servers import Server
from tests.state.kit import Place, ask, declared, ended, settled, tried
from tests.state.ledger import Entry, Ledger
from tests.state.pool_machine import PoolMachine, play

T = TypeVar("T")
REQUESTS, TOKENS, WINDOW = 7, 100, 60
LIMITS = {f"requests/{WINDOW}": REQUESTS, f"tokens/{WINDOW}": TOKENS}


def need(request: Acquire) -> int:
    return min(request.input_tokens + request.output_tokens, TOKENS)


class Windows(PoolMachine):
    """Reservations, refunds, debts and time, on memory:// with a frozen clock: answers are known to the millisecond."""

    @initialize(start=st.integers(0, 200_000))
    def begin(self, start: int) -> None:
        self.enter("windows")
        self.place.move(start)
        self.store = self.place.store()
        self.requests, self.tokens = Ledger(REQUESTS, WINDOW), Ledger(TOKENS, WINDOW)
        self.running: list[tuple[Lease, Entry, Entry]] = []
        self.do(self.store.register([declared(limits=LIMITS)]))

    @rule(tokens=st.integers(0, 60), output=st.integers(0, 60))
    def acquire(self, tokens: int, output: int) -> None:
        request = ask(input_tokens=tokens, output_tokens=output)
        amount = need(request)
        fits = self.requests.fits(self.now, 1) and self.tokens.fits(self.now, amount)
        answer = self.do(tried(self.store, request))
        if isinstance(answer, Refused):
            assert not fits, "the log has room"
            due = max(self.requests.due(self.now, 1) or 0, self.tokens.due(self.now, amount) or 0)
            assert answer.refusals[0].ready_ms == due
        else:
            assert isinstance(answer, Lease)
            assert fits, "above the limit"
            self.running.append((answer, self.requests.add(self.now, 1), self.tokens.add(self.now, amount)))
            assert self.requests.inside(self.now) <= REQUESTS

    @rule(output=st.integers(0, 60))
    def acquire_when_there_is_room_and_not_a_millisecond_before(self, output: int) -> None:
        due = max(self.requests.due(self.now, 1) or 0, self.tokens.due(self.now, output) or 0)
        if due > self.now:
            self.place.move(due - self.now - 1)
            self.acquire(0, output)
            self.place.move(1)
        assert self.requests.fits(self.now, 1)
        assert self.tokens.fits(self.now, output)
        self.acquire(0, output)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1000), used=st.integers(0, 150))
    def settle(self, which: int, used: int) -> None:
        """More than reserved is debt, less a refund: both in the window of the reservation, if it is still kept."""
        lease, _, tokens = self.running.pop(which % len(self.running))
        self.do(settled(self.store, lease, outcome=ended("ok", used, 0)))
        tokens.amount = used

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 1000))
    def cancel(self, which: int) -> None:
        lease, request, tokens = self.running.pop(which % len(self.running))
        self.store.cancel(lease)
        self.do(self.store.flush())
        request.amount = tokens.amount = 0

    @rule(
        ms=st.one_of(st.integers(0, 3_000), st.sampled_from([999, 1000, 1001, 30_000, 59_999, 60_000, 60_001, 61_001]))
    )
    def wait(self, ms: int) -> None:
        self.place.move(ms)

    @rule(ms=st.integers(60_000, 10_000_000))
    def wait_for_long(self, ms: int) -> None:
        self.place.move(ms)

    @invariant()
    def the_sum_is_never_below_the_log(self) -> None:
        if not hasattr(self, "store"):
            return
        state = self.do(self.store.snapshot()).deployments["a"]
        assert state.used[f"requests/{WINDOW}"] >= self.requests.visible(self.now)
        assert state.used[f"tokens/{WINDOW}"] >= self.tokens.visible(self.now)


@pytest.mark.slow
def test_any_sequence_of_reservations_refunds_debts_and_time_agrees_with_the_log() -> None:
    play(Windows, 50)


STEPS = st.lists(
    st.tuples(st.sampled_from(["acquire", "settle", "cancel", "move"]), st.integers(0, 70), st.integers(0, 25_000)),
    min_size=40,
    max_size=80,
)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(steps=STEPS)
def test_no_window_of_reservations_on_a_server_exceeds_its_limit(
    engine: Server, steps: list[tuple[str, int, int]]
) -> None:
    """Time goes on by itself here: what a lease's record says of its time is the log."""
    asyncio.run(replay(engine.url, f"windows-{id(steps)}", steps))


async def replay(url: str, pool: str, steps: list[tuple[str, int, int]]) -> None:
    place = Place(url, pool)
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    requests, tokens = Ledger(REQUESTS, WINDOW), Ledger(TOKENS, WINDOW)
    running: list[tuple[Lease, Entry, Entry]] = []
    for what, amount, ms in steps:
        if what == "move":
            place.move(ms)
        elif what == "acquire":
            try:
                lease = await store.acquire(ask(input_tokens=amount))
            except Refused as refused:
                ready = refused.refusals[0].ready_ms
                due = max(requests.due(place.now_ms(), 1) or 0, tokens.due(place.now_ms(), amount) or 0)
                assert ready is not None
                assert ready == due
            else:
                at_ms = int(place.column("lease")[lease.id].split()[5])
                assert requests.fits(at_ms, 1)
                assert tokens.fits(at_ms, amount)
                running.append((lease, requests.add(at_ms, 1), tokens.add(at_ms, amount)))
        elif running:
            lease, request, token = running.pop(amount % len(running))
            if what == "cancel":
                store.cancel(lease)
                request.amount = token.amount = 0
            else:
                store.settle(lease, ended("ok", amount, 0))
                token.amount = amount
            await store.flush()
    await place.aclose()
