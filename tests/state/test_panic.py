"""Most of a group is out: health gives way, at a reduced weight; nothing else does (Envoy's panic threshold)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from router_core.state.records import Breaker, DeploymentState, OutcomeKind
from router_core.state.store import Store
from tests.state.kit import Place, ask, beat, declared, ended, settled, tries

FOUR = ("a", "b", "c", "d")
GIVES_WAY = ("server", "timeout", "connect", "slow", "outlier")
STANDS = ("rate_limit", "auth", "not_found", "malformed", "operator", "retry_after")


async def group(place: Place, *ids: str, **more: Any) -> Store:
    store = place.store()
    await store.register([declared(id, **more) for id in ids or FOUR])
    return store


def out(place: Place, *ids: str, reason: str = "server", state: str = "open") -> None:
    """These are out for a minute."""
    until = place.now_ms() + 60_000
    for id in ids:
        place.put("health", id, f"{state} 1 1 {until} {until - 60_000} {reason} {'x' if state == 'half-open' else '-'}")


async def shares(store: Store, *candidates: str, calls: int = 1_000, **more: Any) -> Counter[str]:
    """Which deployments serve so many calls, of which none fails or ends before the last began."""
    granted, refused = await tries(store, ask(*candidates or FOUR, **more), calls)
    for lease in granted:
        store.cancel(lease)
    await store.flush()
    found = Counter(lease.deployment for lease in granted)
    found["nobody"] = len(refused)
    return +found


async def health(store: Store, id: str = "a") -> DeploymentState:
    return (await store.snapshot([id])).deployments[id]


@pytest.mark.parametrize("reason", GIVES_WAY)
async def test_where_most_are_out_they_serve_a_reduced_share(memory: Place, reason: str) -> None:
    """Each of the three is beside the healthy one in a tenth of the decisions: about 0.14 of the calls are theirs."""
    store = await group(memory)
    out(memory, "a", "b", "c", reason=reason)
    served = await shares(store)
    assert 800 < served["d"] < 920
    assert {"a", "b", "c"} < served.keys()


async def test_it_does_so_on_every_engine(place: Place) -> None:
    store = await group(place)
    out(place, "a", "b", "c")
    served = await shares(store, calls=300)
    assert 200 < served["d"] < 300


async def test_half_of_a_group_is_not_most_of_it(place: Place) -> None:
    store = await group(place)
    out(place, "a", "b")
    assert (await shares(store, calls=200)).keys() == {"c", "d"}


async def test_of_three_nobody_can_say_that_most_are_out(place: Place) -> None:
    store = await group(place, "a", "b", "c")
    out(place, "a", "b")
    assert (await shares(store, "a", "b", "c", calls=200)).keys() == {"c"}


@pytest.mark.parametrize("reason", STANDS)
async def test_what_is_not_health_stands(memory: Place, reason: str) -> None:
    store = await group(memory)
    out(memory, "a", "b", "c", reason=reason)
    assert (await shares(store, calls=200)).keys() == {"d"}
    out(memory, "d", reason=reason)
    assert (await shares(store, calls=20)).keys() == {"nobody"}


async def test_those_that_stand_do_not_count_as_out(memory: Place) -> None:
    store = await group(memory)
    out(memory, "a", "b")
    out(memory, "c", reason="auth")
    assert (await shares(store, calls=200)).keys() == {"d"}


@pytest.mark.parametrize("kind", ["server", "timeout"])
async def test_a_retry_after_stands_whatever_it_came_with(memory: Place, kind: OutcomeKind) -> None:
    store = await group(memory)
    for id in ("a", "b", "c"):
        failed = ended(kind, breaker=Breaker("now"), retry_after=30.0)
        await settled(store, await store.acquire(ask(id)), outcome=failed)
    assert (await shares(store, calls=200)).keys() == {"d"}


async def test_an_account_that_is_to_be_left_alone_is_left_alone(memory: Place) -> None:
    store = await group(memory)
    out(memory, "a", "b", "c")
    store.pause(("a", "b", "c"), 30.0, 300.0)
    assert (await shares(store, calls=200)).keys() == {"d"}


async def test_drains_and_limits_stand(place: Place) -> None:
    store = await group(place, limits={"concurrent": 2})
    out(place, *FOUR)
    await store.control("drain", "a")
    assert await shares(store, calls=50) == {"b": 2, "c": 2, "d": 2, "nobody": 44}


async def test_where_nobody_is_healthy_all_serve_alike(memory: Place) -> None:
    store = await group(memory)
    out(memory, *FOUR)
    served = await shares(store, calls=400)
    assert min(served[id] for id in FOUR) > 60


async def test_what_finds_no_room_at_the_healthy_goes_to_those_that_are_out(place: Place) -> None:
    store = place.store()
    await store.register([*(declared(id) for id in ("a", "b", "c")), declared("d", limits={"concurrent": 5})])
    out(place, "a", "b", "c")
    served = await shares(store, calls=50)
    assert (served["d"], served["nobody"]) == (5, 0)


@pytest.mark.parametrize(("panic", "keys"), [("0", {"d"}), ("0.8", {"d"}), ("0.7", {*FOUR})])
async def test_the_threshold_is_declared(memory: Place, panic: str, keys: set[str]) -> None:
    store = await group(memory, health=f"panic={panic}")
    out(memory, "a", "b", "c")
    assert (await shares(store, calls=400)).keys() == keys


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


async def test_healthy_ones_of_a_later_order_go_before_those_that_are_out(memory: Place) -> None:
    store = memory.store()
    await store.register([*(declared(id) for id in ("a", "b", "c")), declared("d", order=2)])
    out(memory, "a", "b", "c")
    served = await shares(store)
    assert 800 < served["d"] < 920


async def test_the_order_of_a_sample_is_kept_in_that_share_alone(memory: Place) -> None:
    store = await group(memory)
    out(memory, "a", "b", "c")
    served = await shares(store, preferred=4)
    assert 660 < served["d"] < 800, "it is the last of them, and 0.9 ** 3 is 0.73"


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
