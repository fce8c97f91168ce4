"""A day in moved time with faults between the Store and its engine: no leak, no wrong charge, no limit exceeded.

The faults: sends and replies lost, connections refused, batches that run twice or long after their sender gave up,
double and late settles, workers that die without a word, a server clock that steps both ways.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from random import Random

import pytest

from router_core.state.records import Lease, Outcome, OutcomeKind, Refused, StateError
from router_core.state.store import Store
from tests.state.faults import FAULTS, Faulty, Log
from tests.state.kit import Place, ask, beat, declared, ended
from tests.state.ledger import Ledger

HOUR_MS = 3_600_000
REQUESTS, TOKENS = 30, 2_000
IDS = ("a", "b", "c")
LIMITS = {"requests/60": REQUESTS, "tokens/60": TOKENS, "concurrent": 12}


class Day:
    """The fleet of three workers and the time it lives in."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place, self.dice = place, Random(seed)
        self.log = Log(REQUESTS, TOKENS)
        self.engine = Faulty(place.engine(), self.log, seed + 1, rate=0.08)
        self.workers: list[Store] = []
        self.running: list[tuple[Store, Lease, int]] = []  # and when its call ends
        self.late: list[tuple[Lease, Outcome, int]] = []  # settles that come again or too late
        self.elapsed = 0
        self.deaths = 0
        self.back_ms = 0  # how far the server's clock is behind

    async def worker(self) -> Store:
        # Lost operations are cancelled when their time is over, in real time: it must be short here.
        store = self.place.store(engine=self.engine, timeout=0.02 if self.place.is_memory else 0.3)
        await store.register([declared(id, limits=LIMITS) for id in IDS])
        self.workers.append(store)
        return store

    def outcome(self) -> Outcome:
        kinds: tuple[OutcomeKind, ...] = ("ok", "server", "cancelled")
        kind = self.dice.choices(kinds, [20, 1, 1])[0]
        return ended(kind, self.dice.randrange(150), self.dice.randrange(100))

    async def one_call(self) -> None:
        store = self.dice.choice(self.workers)
        strategy = self.dice.choice(["simple-shuffle", "least-tokens"])  # the second one counts tokens in flight
        tokens = {"input_tokens": self.dice.randrange(120), "output_tokens": self.dice.randrange(80)}
        request = ask(*IDS, strategy=strategy, timeout=120, **tokens)
        try:
            lease = await store.acquire(request)
        except (Refused, StateError):
            return
        self.running.append((store, lease, self.elapsed + self.dice.choice([0, 1_000, 8_000, 60_000, 300_000])))

    def end_calls(self) -> None:
        going = []
        for store, lease, until in self.running:
            if until > self.elapsed:
                going.append((store, lease, until))
                continue
            outcome = self.outcome()
            if self.dice.random() < 0.05:
                store.cancel(lease)
            else:
                store.settle(lease, outcome)
                if self.dice.random() < 0.1:
                    self.late.append((lease, self.outcome(), self.elapsed + self.dice.choice([0, 5_000, 600_000])))
        self.running = going
        due, self.late = [x for x in self.late if x[2] <= self.elapsed], [x for x in self.late if x[2] > self.elapsed]
        for lease, outcome, _ in due:
            self.dice.choice(self.workers).settle(lease, outcome)

    async def die(self) -> None:
        """A worker is gone: its heartbeats stop, some of its calls are settled later by nobody, some by a successor."""
        dead = self.workers.pop(self.dice.randrange(len(self.workers)))
        self.deaths += 1
        mine = [x for x in self.running if x[0] is dead]
        self.running = [x for x in self.running if x[0] is not dead]
        for _, lease, _ in mine[: len(mine) // 2]:
            self.late.append((lease, self.outcome(), self.elapsed + self.dice.choice([5_000, 30_000, 1_800_000])))
        self.engine.dead.add(dead.worker)
        await self.worker()

    async def tick(self) -> None:
        step = self.dice.choice([1_000, 5_000, 8_000, 9_000])
        self.elapsed += step
        self.place.move(step, workers=False)
        if self.dice.random() < 0.002 and self.place.is_memory:
            self.step_the_clock()
        for store in self.workers:
            with contextlib.suppress(StateError):  # a busy machine; the next one is soon
                await beat(store)
        if self.dice.random() < 0.3:
            await self.engine.deliver_late()
        await asyncio.gather(*(self.one_call() for _ in range(self.dice.choice([0, 0, 0, 1, 3]))))
        self.end_calls()
        if self.dice.random() < 0.003:
            await self.die()

    def step_the_clock(self) -> None:
        """Back by up to two hours, or, later, forward to where it was."""
        assert self.place.clock_ms is not None
        if self.back_ms:
            self.place.clock_ms += self.back_ms
            self.back_ms = 0
        else:
            self.back_ms = self.dice.randrange(1, 2 * HOUR_MS)
            self.place.clock_ms -= self.back_ms

    async def end(self) -> None:
        """All calls end, what was held back arrives, the faults stop."""
        self.engine.rate = 0.0
        self.elapsed += 10 * HOUR_MS
        self.end_calls()
        rounds = 0
        while rounds < 10 or (self.place.held() and rounds < 60):  # lost ends of calls are sent again in real time
            rounds += 1
            await asyncio.sleep(0.15)
            await self.engine.deliver_late()
            for store in self.workers:
                await store.flush()
                await beat(store)
            self.place.move(8_000, workers=False)
        await self.workers[0].snapshot()  # a window rolls when somebody looks at it


async def live(day: Day, hours: float, seconds: float) -> None:
    """So many hours of pool time, at most so many real seconds."""
    stop = time.monotonic() + seconds
    for _ in range(3):
        await day.worker()
    while day.elapsed < hours * HOUR_MS:
        await day.tick()
        assert time.monotonic() < stop, f"only {day.elapsed / HOUR_MS:.1f} hours in {seconds} s"
    await day.end()


def check(day: Day) -> None:
    place, log = day.place, day.log
    assert log.wrong == [], (len(log.wrong), log.wrong[:5])
    assert place.held() == {}, "orphans"
    assert place.members("held") == {}
    assert place.members("leases") == {}
    assert {id: place.inflight(id) for id in IDS} == dict.fromkeys(IDS, 0)
    assert place.column("tokens_in_flight") == dict.fromkeys(IDS, "0 0 0")
    expired = {id for id, text in place.column("lease").items() if text.startswith("expired ")}
    assert expired == set(place.members("expired")), "records without an end"
    totals = place.do("HMGET", "used", *(f"{id}/tokens/total" for id in IDS))
    assert [int(total or 0) for total in totals] == [log.charged[id] for id in IDS]
    now = place.now_ms()
    for id in IDS:
        for ledger, name in zip(log.of(id), ("requests", "tokens"), strict=True):
            compare(ledger, place.used(f"{id}/{name}/60"), now, f"{id}/{name}")
    assert all(day.engine.injected[fault] > 0 for fault in FAULTS)


def compare(ledger: Ledger, used: int, now: int, name: str) -> None:
    """The running sum is what the log says, give or take slots that were not dropped yet."""
    kept = sum(
        entry.amount for entry in ledger.entries if entry.at_ms >= now - ledger.span - 3 * ledger.width - 100_000
    )
    assert ledger.visible(now) <= used <= max(kept, ledger.visible(now)), name


@pytest.mark.slow
async def test_a_day_of_faults_on_memory_leaves_no_orphan_no_wrong_charge_and_no_limit_exceeded(memory: Place) -> None:
    day = Day(memory, seed=20)
    await live(day, hours=24, seconds=150)
    check(day)
    granted = sum(count for name, count in day.log.counts.items() if name == "acquire ok")
    print(f"{granted} grants, {day.deaths} deaths, {dict(day.engine.injected)}")
    assert granted > 3_000
    assert day.deaths > 10


@pytest.mark.slow
async def test_an_hour_of_faults_on_valkey_leaves_no_orphan_no_wrong_charge_and_no_limit_exceeded(
    valkey: Place,
) -> None:
    day = Day(valkey, seed=21)
    day.engine.rate = 0.2
    await live(day, hours=1.0, seconds=60)
    check(day)
