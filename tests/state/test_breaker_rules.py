"""Rules besides the ratio: failures in a row, slow answers, the length of a slow start; and who says so."""

from __future__ import annotations

import logging

import pytest

from router_core.state.records import Breaker, Outcome, OutcomeKind
from router_core.state.store import Store
from tests.state.health_kit import NEUTRAL, fail, pool_of, state, until
from tests.state.kit import Place, ask, ended, settled

ROW = Breaker("ratio", row=3)


async def succeed(store: Store, breaker: Breaker = ROW) -> None:
    await settled(store, await store.acquire(ask()), outcome=ended(breaker=breaker))


async def test_failures_in_a_row_cool_at_any_rate(memory: Place) -> None:
    """Ten minutes lie between them: no window of a minute ever holds two."""
    store, other = await pool_of(memory), await pool_of(memory)
    for each in (store, other):
        await fail(each, breaker=ROW)
        memory.move(600_000)
    assert (await state(store)).health == "closed"
    await fail(store, "timeout", ROW)
    now = await state(store)
    assert (now.health, now.reason) == ("open", "timeout")


async def test_a_success_between_them_begins_anew(place: Place) -> None:
    store = await pool_of(place)
    for _ in range(2):
        await fail(store, breaker=ROW)
        await fail(store, breaker=ROW)
        await succeed(store)
    assert (await state(store)).health == "closed"
    assert place.column("learned")["a"].split()[5:6] in ([], ["0"])


@pytest.mark.parametrize("kind", sorted(NEUTRAL))
async def test_the_callers_own_faults_neither_count_nor_begin_anew(memory: Place, kind: OutcomeKind) -> None:
    store = await pool_of(memory)
    kinds: list[OutcomeKind] = ["server", "server", kind, kind, kind]
    for each in kinds:
        await fail(store, each, ROW)
    assert (await state(store)).health == "closed"
    await fail(store, breaker=ROW)
    assert (await state(store)).health == "open"


async def test_the_ratio_and_its_sample_can_be_set(memory: Place) -> None:
    store, strict = await pool_of(memory), Breaker("ratio", ratio=0.1, least=2)
    for _ in range(17):
        await succeed(store, strict)
    await fail(store, breaker=strict)
    assert (await state(store)).health == "closed", "one is too small a sample"
    await fail(store, breaker=strict)
    assert (await state(store)).health == "open", "2 of 19 are more than a tenth"


@pytest.mark.parametrize(
    ("outcome", "health"),
    [
        (ended(breaker=Breaker("now", slow_ms=50)), "open"),
        (ended(breaker=Breaker("now", slow_ms=100)), "closed"),
        (ended(breaker=Breaker("now", slow_ms=99.5)), "open"),
        (ended(total_ms=0.0, breaker=Breaker("now", slow_ms=0.4)), "closed"),
        (ended(breaker=Breaker("now", slow_ms=50), stream=True, ttft_ms=20.0), "closed"),
        (ended(breaker=Breaker("now", slow_ms=50), stream=True, ttft_ms=60.0), "open"),
        (ended("caller", breaker=Breaker("now", slow_ms=50)), "closed"),
    ],
)
async def test_an_answer_that_is_too_slow_is_a_failure_of_its_own_kind(
    memory: Place, outcome: Outcome, health: str
) -> None:
    """`ended` takes 100 ms. A stream is judged by its first content: how long it goes on is the answer's length."""
    store = await pool_of(memory)
    await settled(store, await store.acquire(ask()), outcome=outcome)
    now = await state(store)
    assert (now.health, now.reason) == (health, "slow" if health == "open" else "")


async def test_a_slow_answer_is_paid_for_and_learned_from_like_any(place: Place) -> None:
    store = await pool_of(place)
    slow = ended("ok", 10, 5, cost_nano=7, breaker=Breaker("ratio", slow_ms=50))
    await settled(store, await store.acquire(ask()), outcome=slow)
    now = await state(store)
    assert (now.tokens, now.spend_nano, now.latency_ms, now.ok, now.failed) == (15, 7, 100.0, 0, 1)


async def test_a_slow_start_is_as_long_as_its_rule_says(memory: Place) -> None:
    store = await pool_of(memory)
    for ramp, health in ((40.0, "ramp"), (0.0, "closed")):
        await fail(store)
        memory.move(await until(memory) - memory.now_ms())
        await succeed(store, Breaker(ramp=ramp))
        assert ((await state(store)).health, await until(memory) - memory.now_ms()) == (health, ramp * 1000)
        memory.move(39_000)
        assert (await state(store)).health == health


async def test_each_move_is_one_event_and_one_line_in_the_log_of_the_fleet(
    memory: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Five workers, of whom many fail at once; who made it move says so."""
    caplog.set_level(logging.DEBUG, "router_core")
    stores = [await pool_of(memory) for _ in range(5)]
    leases = [await store.acquire(ask()) for store in stores for _ in range(4)]
    for store, lease in zip([s for s in stores for _ in range(4)], leases, strict=True):
        await settled(store, lease, outcome=ended("server", breaker=Breaker("ratio")))
    memory.move(5_000)
    await settled(stores[1], await stores[1].acquire(ask()), outcome=ended("caller"))
    await settled(stores[2], await stores[2].acquire(ask()))
    memory.move(10_000)
    for store in stores:
        await settled(store, await store.acquire(ask()))
    moves = ["cooldown", "half-open", "unproven", "half-open", "recovered", "closed"]
    told = [event.kind for event in reversed(await stores[0].events()) if event.deployment == "a"]
    assert [kind for kind in told if kind != "registered"] == moves
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(": a: ")[1].split(" ")[0] for line in lines if ": a: " in line] == moves
    assert any(line.endswith(": a: cooldown server trips=1 ms=5000") for line in lines)


async def test_a_pause_beyond_the_cap_stands_in_the_event(memory: Place) -> None:
    store = await pool_of(memory)
    await fail(store, "rate_limit", Breaker("now"), retry_after=4_000.0)
    assert (await store.events(1))[0].detail == "rate_limit trips=1 ms=300000 asked=4000000"
