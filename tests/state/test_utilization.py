"""How much of a limit callers get who wait at most one slot, against one that knows all tokens before.

Recorded arrivals in virtual time. Ours reserves an estimate of the output and is corrected when the call ends;
the clairvoyant one reserves what it will use, and keeps an exact log.
"""

from __future__ import annotations

import heapq
from pathlib import Path

import pytest

from router_core.simulator.traces import Arrival, read_azure
from router_core.state.records import Lease, Refused, Rows
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, ended, tried
from tests.state.ledger import Ledger

TRACES = Path("/work/shared/data/traces/azure2023")
SLOT_MS, WINDOW = 1000, 60
CALLS = 2500
LEAST = 0.98


def arrivals(name: str) -> list[Arrival]:
    path = TRACES / f"AzureLLMInferenceTrace_{name}.csv"
    if not path.exists():
        pytest.skip("the recorded arrivals are not here")
    return read_azure(path)[:CALLS]


def duration_ms(arrival: Arrival) -> int:
    return 200 + 20 * arrival.output_tokens


class Clairvoyant:
    """An exact log of what calls use; who does not fit waits for the next release, at most one slot."""

    def __init__(self, limit: int) -> None:
        self.log, self.served = Ledger(limit, WINDOW), 0

    def play(self, calls: list[Arrival]) -> None:
        waiting: list[tuple[int, int, int, int]] = []  # when, order, until, tokens
        events = [
            (int(one.at * 1000), number, one.input_tokens + one.output_tokens) for number, one in enumerate(calls)
        ]
        for at_ms, number, tokens in events:
            while waiting and waiting[0][0] <= at_ms:
                self._try(*heapq.heappop(waiting), waiting)
            self._try(at_ms, number, at_ms + SLOT_MS, tokens, waiting)

    def _try(self, now: int, order: int, until: int, tokens: int, waiting: list[tuple[int, int, int, int]]) -> None:
        if self.log.inside(now) + tokens <= self.log.limit:
            self.log.add(now, tokens)
            self.served += tokens
            return
        releases = (entry.at_ms + WINDOW * 1000 for entry in self.log._recent(now))
        soonest = next((at_ms for at_ms in releases if at_ms > now), None)
        if soonest is not None and soonest <= until:
            heapq.heappush(waiting, (soonest, order, until, tokens))


class Ours:
    """The Store on virtual time: calls arrive, wait, and end."""

    def __init__(self, place: Place, store: Store, subjects: tuple[str, ...]) -> None:
        self.place, self.store, self.subjects = place, store, subjects
        self.served, self.mean = 0, 200.0
        self.events: list[tuple[int, int, int, object]] = []  # when, kind, order, what

    async def play(self, calls: list[Arrival]) -> None:
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


SUBJECTS = ("deployment", "account:acme", "user:alice", "group:g")


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("name", ["conv", "code"])
async def test_callers_who_wait_a_slot_get_what_a_clairvoyant_limiter_would_give(
    memory: Place, name: str, subject: str
) -> None:
    calls = arrivals(name)
    offered = sum(one.input_tokens + one.output_tokens for one in calls) / (calls[-1].at / WINDOW)
    limit = int(offered * 0.7)
    best = Clairvoyant(limit)
    best.play(calls)
    row = {f"tokens/{WINDOW}": limit}
    store = memory.store()
    own = subject == "deployment"
    await store.register([declared(account="acme", limits=row if own else {})], () if own else [Rows(subject, row)])
    ours = Ours(memory, store, ("user:alice",))
    await ours.play(calls)
    assert ours.served >= LEAST * best.served, f"{ours.served / best.served:.4f} of what one could serve"
