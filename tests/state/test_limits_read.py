"""What an operator reads of a limit besides what is used now, and raising it."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from router_core.state.records import LimitState, Refused, Rows, StateError
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, settled, tried, tries


async def pool(place: Place, **limits: int | str) -> Store:
    store = place.store()
    rows = {name.replace("_", "/", 1): amount for name, amount in limits.items()}
    await store.register([declared(limits={"requests/60": 5})], [Rows("user:alice", rows)] if rows else [])
    return store


async def read(store: Store, who: str, name: str) -> LimitState:
    return next(row for row in await store.usage(who) if row.name == name)


async def test_the_worst_window_is_remembered_after_it_has_passed(place: Place) -> None:
    store = await pool(place, requests_60=9)
    for _ in range(4):
        await store.acquire(ask(subjects=("user:alice",)))
    place.move(59_000)
    await store.acquire(ask(subjects=("user:alice",)))
    state = await read(store, "user:alice", "requests/60")
    assert (state.used, state.worst) == (5, 5)
    place.move(10_000)
    state = await read(store, "user:alice", "requests/60")
    assert (state.used, state.worst) == (1, 5)
    assert (await read(store, "a", "requests/60")).worst == 5
    assert [row.worst for row in await store.limits()] == [5, 5]
    assert (await store.snapshot()).limits == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("window", [1, 60, 3600])
async def test_the_worst_window_is_as_full_as_it_was_and_never_above_the_limit(
    memory: Place, seed: int, window: int
) -> None:
    """Bursts and pauses; as an exact log has it, where what shares a slot counts together."""
    store, random, log = await pool(memory, **{f"tokens_{window}": 500}), Random(seed), list[tuple[int, int]]()
    width = window * 1000 // (60 if window < 3600 else 240)
    for _ in range(250):
        memory.move(random.choice([0, 0, 1, width, width * random.randint(0, 12)]))
        amount = random.randint(1, 60)
        if not isinstance(await tried(store, ask(input_tokens=amount, subjects=("user:alice",))), Refused):
            log.append((memory.now_ms(), amount))
    now, span = memory.now_ms(), window * 1000
    recent = [at_ms for at_ms, _ in log if at_ms > now - span // 4]
    exact = max((sum(n for then, n in log if at_ms - span < then <= at_ms) for at_ms in recent), default=0)
    state = await read(store, "user:alice", f"tokens/{window}")
    assert state.worst is not None
    assert exact <= state.worst <= 500


async def test_a_calendars_worst_is_its_period_and_calls_in_flight_have_none(place: Place) -> None:
    store = await pool(place, **{"requests_day@UTC": 5, "concurrent": 3})
    await store.acquire(ask(subjects=("user:alice",)))
    assert (await read(store, "user:alice", "requests/day@UTC")).worst == 1
    assert (await read(store, "user:alice", "concurrent")).worst is None


async def test_an_explanation_knows_of_limits_that_came_while_a_worker_runs(place: Place) -> None:
    store, operator = await pool(place), place.store()
    call = ask(subjects=("user:alice", "team:red"))
    await store.acquire(call)
    for who in ("user:alice", "team:red"):
        await operator.set_limit(who, "requests/60", 0)
        found = await store.explain(call)
        refusal = found.candidates[0].refusal
        assert (found.chosen, refusal and refusal.reason) == (None, f"{who}/requests/60")
        await operator.set_limit(who, "requests/60", None)
    assert (await store.explain(call)).chosen == "a"


@pytest.mark.parametrize(("by", "amount"), [(3, 13), ("20%", 12), ("1%", 11), ("0", 10)])
async def test_a_limit_is_raised_from_what_is_in_force(place: Place, by: int | str, amount: int) -> None:
    store = await pool(place, requests_60="10,shadow")
    assert f"requests/60={amount},shadow" in await store.raise_limit("user:alice", "requests/60", by)
    assert (await read(store, "user:alice", "requests/60")).amount == amount
    await store.set_limit("user:alice", "requests/60", None)
    assert (await read(store, "user:alice", "requests/60")).amount == 10


async def test_those_who_raise_it_at_once_all_count(place: Place) -> None:
    store = await pool(place)
    await asyncio.gather(*(store.raise_limit("a", "requests/60", 1) for _ in range(20)))
    assert (await read(store, "a", "requests/60")).amount == 25
    leases, _ = await tries(store, ask(), 30)
    assert len(leases) == 25
    await settled(store, *leases)


@pytest.mark.parametrize(
    ("who", "row", "by", "error"),
    [
        ("user:alice", "tokens/60", 5, "UNKNOWN limit tokens/60"),
        ("user:bob", "requests/60", 5, "UNKNOWN limit"),
        ("nobody", "requests/60", 5, "UNKNOWN deployment"),
        ("a", "weight", 5, "UNKNOWN limit weight"),
        ("a", "requests/60", 2**53, "GARBLED"),
    ],
)
async def test_what_cannot_be_raised_changes_nothing(place: Place, who: str, row: str, by: int, error: str) -> None:
    store = await pool(place, requests_60=10)
    before = place.dump()
    with pytest.raises(StateError, match=error):
        await store.raise_limit(who, row, by)
    for nonsense in ("-5", "x", "5 %", "1e3", ""):
        with pytest.raises(ValueError, match="raised by"):
            await store.raise_limit("a", "requests/60", nonsense)
    assert place.dump() == before
