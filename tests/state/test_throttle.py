"""Adaptive throttling: of a group whose calls fail a share is refused, by the formula and the run's own draw."""

from __future__ import annotations

import pytest

from router_core.state.records import Breaker, Denied, OutcomeKind
from router_core.state.store import Store
from tests.state.kit import Place, Raw, ask, declared, ended, question, settled

NEVER = Breaker("never")
ASK = ask(throttle=2.0)
TAKEN: tuple[OutcomeKind, ...] = ("caller", "content_policy", "context_window", "cancelled")
FAILED: tuple[OutcomeKind, ...] = ("server", "timeout", "rate_limit", "connect", "malformed", "auth", "not_found")
HALF_MS = 60_000
DRAWS = 400


async def pool(place: Place) -> Store:
    store = place.store()
    await store.register([declared()])
    return store


async def end(store: Store, kind: OutcomeKind, times: int) -> None:
    """So many calls that end so, none of them throttled."""
    for _ in range(times):
        await settled(store, await store.acquire(ask()), outcome=ended(kind, breaker=NEVER, throttled=True))


def stand(place: Place, requests: int, accepts: int) -> None:
    """What was counted, as if it were of this moment."""
    start = place.now_ms() // HALF_MS * HALF_MS
    place.put("attempts", "g|throttle", f"{start} {requests} {accepts} 0 0")


def counted(place: Place) -> list[int]:
    _, *counts = place.column("attempts")["g|throttle"].split()
    return [int(counts[i]) + int(counts[2 + i]) for i in (0, 1)]


async def share(place: Place, store: Store, requests: int, accepts: int) -> float:
    """The share of calls that are refused at such counts, by seeds all over their range."""
    raw, denied = Raw(place, store), 0
    for number in range(DRAWS):
        stand(place, requests, accepts)
        seed = 1 + number * (2**31 - 3) // DRAWS
        operation = question(f"0.x.{number}", ASK, place.now_ms() + 60_000, seed)
        denied += (await raw.run(operation))[0].startswith("denied throttled")
    return denied / DRAWS


@pytest.mark.parametrize(
    ("requests", "accepts", "expected"),
    [
        (0, 0, 0.0),
        (100, 100, 0.0),
        (100, 50, 0.0),
        (99, 45, 0.09),
        (99, 25, 0.49),
        (199, 10, 0.895),
        (10_000, 0, 0.98),
    ],
)
async def test_the_share_is_what_the_formula_says(memory: Place, requests: int, accepts: int, expected: float) -> None:
    store = await pool(memory)
    await end(store, "ok", 1)
    assert await share(memory, store, requests, accepts) == pytest.approx(expected, abs=0.07 if expected > 0 else 0.0)


async def test_calls_count_when_they_end_and_those_that_the_upstream_took_are_accepts(place: Place) -> None:
    store = await pool(place)
    await end(store, "ok", 3)
    for kind in (*TAKEN, *FAILED):
        await end(store, kind, 1)
    assert counted(place) == [14, 7]


async def test_a_burst_of_long_calls_is_no_failure(place: Place) -> None:
    store = await pool(place)
    leases = [await store.acquire(ASK) for _ in range(50)]
    await settled(store, *leases, outcome=ended("ok", throttled=True))
    assert counted(place) == [50, 50]


async def test_a_throttled_call_says_so_holds_nothing_and_counts(place: Place) -> None:
    store = await pool(place)
    await end(store, "ok", 1)
    stand(place, 10_000, 0)
    denied = []
    for _ in range(20):
        try:
            await settled(store, await store.acquire(ASK))
        except Denied as found:
            denied.append(found)
    assert len(denied) >= 15, "98 of a hundred"
    assert (denied[0].group, denied[0].reason, denied[0].share) == ("g", "throttled", 0.98)
    assert place.inflight("a") == 0
    assert counted(place)[0] == 10_000 + len(denied)


async def test_those_who_did_not_ask_for_it_are_not_throttled(place: Place) -> None:
    store = await pool(place)
    await end(store, "ok", 1)
    stand(place, 10_000, 0)
    for _ in range(20):
        await settled(store, await store.acquire(ask()))
    assert counted(place) == [10_000, 0], "nor counted"


async def test_after_two_minutes_nothing_is_held_against_a_group(memory: Place) -> None:
    store = await pool(memory)
    await end(store, "ok", 1)
    stand(memory, 10_000, 0)
    memory.move(2 * HALF_MS)
    for _ in range(20):
        await settled(store, await store.acquire(ASK))


async def test_who_is_let_through_does_not_depend_on_who_would_be_chosen(memory: Place) -> None:
    """The draw is another than that of the shuffle: each of two deployments serves half of those let through."""
    store = memory.store()
    await store.register([declared("a"), declared("b")])
    chosen = {"a": 0, "b": 0}
    for _ in range(600):
        stand(memory, 99, 25)
        try:
            lease = await store.acquire(ask("a", "b", throttle=2.0))
        except Denied:
            continue
        chosen[lease.deployment] += 1
        await settled(store, lease)
    assert sum(chosen.values()) == pytest.approx(306, abs=60)
    assert chosen["a"] == pytest.approx(chosen["b"], abs=80)


async def test_an_explanation_is_not_throttled_and_counts_nothing(place: Place) -> None:
    store = await pool(place)
    await end(store, "ok", 1)
    stand(place, 10_000, 0)
    for _ in range(10):
        assert (await store.explain(ASK)).chosen == "a"
    assert counted(place) == [10_000, 0]
