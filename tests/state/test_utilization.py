"""How much of a limit callers get who wait at most one slot, against one that knows all tokens before.

Recorded arrivals in virtual time. Ours reserves an estimate of the output and is corrected when the call ends;
the clairvoyant one reserves what it will use, and keeps an exact log.
"""

from __future__ import annotations

import heapq

import pytest

from router_core.simulator.traces import Arrival
from router_core.state.records import Lease, Refused, Rows
from router_core.state.store import Store
from tests.state.clairvoyant import Call, Clairvoyant, arrivals, offered
from tests.state.kit import Place, ask, declared, edited, ended, tried

SLOT_MS, WINDOW = 1000, 60
CALLS = 2500
LEAST = 0.98
SHARE = 0.7  # of what is offered


def duration_ms(arrival: Arrival) -> int:
    return 200 + 20 * arrival.output_tokens


class Ours:
    """The Store on virtual time: calls arrive, wait, and end."""

    def __init__(self, place: Place, store: Store, subjects: tuple[str, ...]) -> None:
        self.place, self.store, self.subjects = place, store, subjects
        self.served, self.mean = 0, 200.0
        self.events: list[tuple[int, int, int, object]] = []  # when, kind, order, what

    async def play(self, calls: list[Arrival]) -> int:
        """The tokens that it serves."""
        assert self.place.clock_ms is not None
        began = self.place.clock_ms
        self.events = [(began + int(one.at * 1000), 1, number, (one, None)) for number, one in enumerate(calls)]
        heapq.heapify(self.events)
        while self.events:
            at_ms, _, order, what = heapq.heappop(self.events)
            if at_ms > self.place.clock_ms:
                self.place.move(at_ms - self.place.clock_ms)
            if isinstance(what[0], Lease):  # type: ignore[index]
                await self._end(*what)  # type: ignore[misc]
            else:
                await self._arrive(order, *what)  # type: ignore[misc]
        return self.served

    async def _arrive(self, order: int, call: Arrival, until: int | None) -> None:
        now = self.place.clock_ms
        assert now is not None
        until = until or now + SLOT_MS
        request = ask(input_tokens=call.input_tokens, output_tokens=round(self.mean), subjects=self.subjects)
        answer = await tried(self.store, request)
        if isinstance(answer, Lease):
            self.served += call.input_tokens + call.output_tokens
            heapq.heappush(self.events, (now + duration_ms(call), 0, order, (answer, call)))
        elif isinstance(answer, Refused) and answer.refusals[0].ready_ms is not None:
            ready = int(answer.refusals[0].ready_ms)
            if now < ready <= until:
                heapq.heappush(self.events, (ready, 1, order, (call, until)))

    async def _end(self, lease: Lease, call: Arrival) -> None:
        self.mean += 0.05 * (call.output_tokens - self.mean)
        self.store.settle(lease, ended("ok", call.input_tokens, call.output_tokens))
        await self.store.flush()


async def utilization(place: Place, store: Store, name: str, subject: str) -> float:
    """What callers get of what a clairvoyant limiter would give them, where a row of `subject` has room for a part."""
    calls = arrivals(name, CALLS)
    needs = [Call(int(one.at * 1000), one.input_tokens + one.output_tokens) for one in calls]
    limit = int(SHARE * offered(needs, WINDOW))
    row = {f"tokens/{WINDOW}": limit}
    own = subject == "deployment"
    await store.register([declared(account="acme", limits=row if own else {})], () if own else [Rows(subject, row)])
    served = await Ours(place, store, ("user:alice",)).play(calls)
    best = Clairvoyant(limit, WINDOW).play(needs)
    print(f"{name}, {subject}: {served / best:.4f} of {best} tokens")
    return served / best


SUBJECTS = ("deployment", "account:acme", "user:alice", "group:g")


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("name", ["conv", "code"])
async def test_callers_who_wait_a_slot_get_what_a_clairvoyant_limiter_would_give(
    memory: Place, name: str, subject: str
) -> None:
    assert await utilization(memory, memory.store(), name, subject) >= LEAST


@pytest.mark.slow
async def test_room_that_comes_back_late_is_seen(memory: Place) -> None:
    """A script that has 6 slots instead of 60, and lets none go before it is out as a whole."""
    store = memory.store()
    coarse = edited(store.calls_script, r"seconds < 3600 and 60 or 240", "6")
    store.calls_script = edited(coarse, r"ring\.drop_oldest\(w\)", "false")
    assert await utilization(memory, store, "conv", "deployment") < LEAST
