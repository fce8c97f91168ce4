"""Rolling windows against an exact log: never above the limit, and never less than the log minus the sub-bucket rule."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from router_core.state.records import Acquire, Lease, Refused
from router_core.state.store import Store
from tests.servers import Server
from tests.state.kit import Place, ask, declared, ended, settled, tries
from tests.state.ledger import Entry, Ledger

T = TypeVar("T")
REQUESTS, TOKENS, WINDOW = 7, 100, 60
LIMITS = {f"requests/{WINDOW}": REQUESTS, f"tokens/{WINDOW}": TOKENS}


def need(request: Acquire) -> int:
    return min(request.input_tokens + request.output_tokens, TOKENS)


class Windows(RuleBasedStateMachine):
    """Reservations, refunds, debts and time, on memory:// with a frozen clock: every answer is known to the millisecond."""

    @initialize(start=st.integers(0, 200_000))
    def begin(self, start: int) -> None:
        self.runner = asyncio.Runner()
        self.place = Place("memory://", "windows")
        self.place.freeze()
        assert self.place.clock_ms is not None
        self.place.clock_ms += start
        self.store = self.place.store()
        self.requests, self.tokens = Ledger(REQUESTS, WINDOW), Ledger(TOKENS, WINDOW)
        self.running: list[tuple[Lease, Entry, Entry]] = []
        self.do(self.store.register([declared(limits=LIMITS)]))

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    @property
    def now(self) -> int:
        assert self.place.clock_ms is not None
        return self.place.clock_ms

    @rule(tokens=st.integers(0, 60), output=st.integers(0, 60))
    def acquire(self, tokens: int, output: int) -> None:
        request = ask(input_tokens=tokens, output_tokens=output)
        amount = need(request)
        fits = self.requests.fits(self.now, 1) and self.tokens.fits(self.now, amount)
        try:
            lease = self.do(self.store.acquire(request))
        except Refused as refused:
            assert not fits, "the log has room"
            due = max(self.requests.due(self.now, 1) or 0, self.tokens.due(self.now, amount) or 0)
            assert refused.refusals[0].ready_ms == due
        else:
            assert fits, "above the limit"
            self.running.append((lease, self.requests.add(self.now, 1), self.tokens.add(self.now, amount)))
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

    @rule(ms=st.one_of(st.integers(0, 3_000), st.sampled_from([999, 1000, 1001, 30_000, 59_999, 60_000, 60_001, 61_001])))
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

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.do(self.place.aclose())
            self.runner.close()


def test_any_sequence_of_reservations_refunds_debts_and_time_agrees_with_the_log() -> None:
    run_state_machine_as_test(
        Windows,
        settings=settings(
            max_examples=50,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
        ),
    )


STEPS = st.lists(
    st.tuples(st.sampled_from(["acquire", "settle", "cancel", "move"]), st.integers(0, 70), st.integers(0, 25_000)),
    min_size=40,
    max_size=80,
)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
@given(steps=STEPS)
def test_no_window_of_reservations_on_a_server_exceeds_its_limit(engine: Server, steps: list[tuple[str, int, int]]) -> None:
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


async def full(place: Place, limits: dict[str, int], **request: Any) -> tuple[Store, int]:
    """A deployment whose limits were just filled by equal requests; how many that took."""
    store = place.store()
    await store.register([declared(limits=limits)])
    granted, _ = await tries(store, ask(**request), 200)
    return store, len(granted)


async def test_used_plus_one_up_to_the_limit_is_admitted_and_not_one_more(place: Place) -> None:
    _, requests = await full(place, {"requests/60": 13})
    assert requests == 13


@pytest.mark.parametrize("seconds", [1, 7, 60, 3600, 86400])
async def test_room_comes_back_at_its_due_time_to_the_millisecond(memory: Place, seconds: int) -> None:
    store, granted = await full(memory, {f"requests/{seconds}": 3})
    assert granted == 3
    memory.move(seconds * 1000 - 1)
    with pytest.raises(Refused) as caught:
        await store.acquire(ask())
    assert caught.value.earliest == pytest.approx(0.001, abs=0.05)
    assert caught.value.refusals[0].ready_ms == memory.now_ms() + 1
    memory.move(1)
    granted_now, refused = await tries(store, ask(), 4)
    assert (len(granted_now), len(refused)) == (3, 1)


@pytest.mark.parametrize("seconds", [60, 3600])
async def test_two_bursts_at_the_boundary_of_slots_never_exceed_the_limit(memory: Place, seconds: int) -> None:
    """With a ring of n instead of n + 1 slots 167 % would fit here; a fixed window lets 199 % through."""
    store = memory.store()
    await store.register([declared(limits={f"requests/{seconds}": 60})])
    log = Ledger(60, seconds)
    step = seconds * 1000 // 120
    for _ in range(360):
        granted, _ = await tries(store, ask(), 3)
        for _ in granted:
            log.add(memory.now_ms(), 1)
        assert log.inside(memory.now_ms()) <= 60
        memory.move(step)
    assert len(log.entries) >= 3 * 55, "and it is used"


async def test_a_batch_once_per_window_is_served_in_full(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"requests/60": 50})])
    for _ in range(5):
        granted, _ = await tries(store, ask(), 50)
        assert len(granted) == 50
        memory.move(60_000)


async def test_a_debt_is_paid_before_others_are_admitted_and_ends_with_its_window(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"tokens/60": 100})])
    lease = await store.acquire(ask(input_tokens=10))
    memory.move(5_000)
    other = await store.acquire(ask(input_tokens=90))
    await settled(store, lease, outcome=ended("ok", 10, 490))
    store.cancel(other)
    await store.flush()
    assert memory.used("a/tokens/60") == 500
    with pytest.raises(Refused) as caught:
        await store.acquire(ask(input_tokens=1))
    assert caught.value.refusals[0].reason == "tokens/60"
    memory.move(55_000)
    assert len((await tries(store, ask(input_tokens=100), 2))[0]) == 1


async def test_a_settle_after_the_window_of_its_reservation_changes_no_later_window(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"tokens/60": 100})])
    late = await store.acquire(ask(input_tokens=50, timeout=600))
    memory.move(60_001)
    await store.acquire(ask(input_tokens=60))
    memory.move(1_500)
    await settled(store, late, outcome=ended("ok", 5_000, 0))
    assert memory.used("a/tokens/60") == 60
    assert (await store.snapshot()).deployments["a"].tokens == 5_000


async def test_input_above_the_limit_is_too_large_and_an_output_that_does_not_fit_takes_the_limit(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"tokens/60": 100})])
    with pytest.raises(Refused) as caught:
        await store.acquire(ask(input_tokens=101, max_wait=30.0))
    assert [(r.reason, r.ready_ms) for r in caught.value.refusals] == [("too_large", None)]
    assert caught.value.earliest is None
    await store.acquire(ask(input_tokens=60, output_tokens=100))
    assert memory.used("a/tokens/60") == 100


async def test_windows_of_two_lengths_hold_at_once(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"requests/60": 5, "requests/86400": 12})])
    admitted = []
    for _ in range(6):
        granted, refused = await tries(store, ask(), 20)
        admitted.append(len(granted))
        memory.move(60_000)
    assert admitted == [5, 5, 2, 0, 0, 0]
    assert refused[0].refusals[0].reason == "requests/86400"


@pytest.mark.parametrize("back", [3_600_000, 90_000, 1])
async def test_a_server_clock_that_steps_back_does_not_stop_the_pools(memory: Place, back: int) -> None:
    """And when it is put right again, nothing that was refused before is forgotten wrongly."""
    store, _ = await full(memory, {"requests/60": 4})
    before = memory.now_ms()
    assert memory.clock_ms is not None
    memory.clock_ms -= back
    with pytest.raises(Refused):
        await store.acquire(ask())
    assert memory.now_ms() == before
    memory.move(59_999)
    with pytest.raises(Refused):
        await store.acquire(ask())
    memory.move(1)
    assert len((await tries(store, ask(), 6))[0]) == 4
    assert memory.now_ms() == before + 60_000


async def test_a_worker_whose_own_clock_is_wrong_is_served_alike(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One clock, the pool's."""
    import time

    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 7_200)
    store, granted = await full(place, {"requests/60": 4})
    assert granted == 4
    with pytest.raises(Refused) as caught:
        await store.acquire(ask())
    assert caught.value.earliest is not None
    assert 55 < caught.value.earliest <= 60
