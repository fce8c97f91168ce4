"""What comes of calls that panic let in, and who hears of it."""

from __future__ import annotations

import pytest

from router_core.state.records import Breaker, OutcomeKind
from tests.state.kit import Place, ask, beat, ended, settled, tries
from tests.state.panic_kit import FOUR, group, health, out, shares


@pytest.mark.parametrize("kind", ["server", "timeout"])
async def test_a_retry_after_stands_whatever_it_came_with(memory: Place, kind: OutcomeKind) -> None:
    store = await group(memory)
    for id in ("a", "b", "c"):
        failed = ended(kind, breaker=Breaker("now"), retry_after=30.0)
        await settled(store, await store.acquire(ask(id)), outcome=failed)
    assert (await shares(store, calls=200)).keys() == {"d"}


async def test_besides_a_probe_others_are_let_in(place: Place) -> None:
    store = await group(place)
    out(place, *FOUR, state="half-open")
    served = await shares(store, calls=200)
    assert min(served[id] for id in FOUR) > 20


async def test_a_success_of_one_that_was_let_in_brings_it_back(place: Place) -> None:
    store = await group(place)
    out(place, *FOUR)
    lease = await store.acquire(ask(*FOUR))
    assert lease.probe
    await settled(store, lease)
    assert (await health(store, lease.deployment)).health == "ramp"


async def test_a_failure_of_one_that_was_let_in_makes_nothing_longer(memory: Place) -> None:
    store = await group(memory)
    out(memory, *FOUR)
    before = memory.column("health")
    leases, _ = await tries(store, ask(*FOUR), 40)
    kinds: list[OutcomeKind] = ["server", "caller", "cancelled", "connect"]
    for kind in kinds:
        await settled(store, *(leases.pop() for _ in range(10)), outcome=ended(kind, breaker=Breaker("now")))
    assert memory.column("health") == before


async def test_but_it_may_ask_to_be_left_alone(memory: Place) -> None:
    store = await group(memory)
    out(memory, *FOUR)
    lease = await store.acquire(ask(*FOUR))
    await settled(store, lease, outcome=ended("rate_limit", breaker=Breaker("now"), retry_after=200.0))
    now = await health(store, lease.deployment)
    assert (now.reason, now.cooling, now.trips) == ("retry_after", 200.0, 1)


async def test_one_that_was_let_in_and_never_came_back_leaves_nothing(place: Place) -> None:
    dying, store = await group(place), await group(place)
    out(place, *FOUR)
    lease = await dying.acquire(ask(*FOUR))
    before = place.column("health")
    place.silence(dying)
    await beat(store)
    assert place.inflight(lease.deployment) == 0
    assert place.column("health") == before


async def test_the_diary_hears_of_it_once_a_minute_and_the_log_too(
    memory: Place, caplog: pytest.LogCaptureFixture
) -> None:
    store = await group(memory)
    out(memory, "a", "b", "c")
    for _ in range(3):
        await shares(store, calls=200)
    told = [(event.kind, event.detail) for event in await store.events() if event.kind == "panic"]
    assert told == [("panic", "g 3 of 4 out")]
    assert sum("panic" in record.getMessage() for record in caplog.records) == 1
    memory.move(60_000)
    out(memory, "a", "b", "c")
    await shares(store, calls=200)
    assert sum(event.kind == "panic" for event in await store.events()) == 2
