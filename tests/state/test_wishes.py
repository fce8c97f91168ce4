"""Wishes go before what the ranks say, bounded ones only while their load allows."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router_core.state.records import Acquire, Lease, Refused
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, settled

IDS = tuple("abcd")


async def pool_of(place: Place, ids: tuple[str, ...] = IDS, **more: Any) -> Store:
    store = place.store()
    await store.register([declared(id, **more) for id in ids])
    return store


def wish(*positions: int, bounded: bool = False, candidates: tuple[str, ...] = IDS, **more: Any) -> Acquire:
    return ask(*candidates, wishes=positions, bounded=bounded, **more)


async def chosen(store: Store, request: Acquire, times: int = 1) -> list[str]:
    leases = [await store.acquire(request) for _ in range(times)]
    return [lease.deployment for lease in leases]


async def test_wishes_are_tried_in_their_order_and_then_the_ranks(place: Place) -> None:
    store = await pool_of(place, limits={"concurrent": 1})
    assert await chosen(store, wish(2, 0), 2) == ["c", "a"]
    assert set(await chosen(store, wish(2, 0), 2)) == {"b", "d"}
    with pytest.raises(Refused):
        await store.acquire(wish(2, 0))


async def test_who_may_not_serve_is_passed_over(place: Place) -> None:
    store = await pool_of(place)
    await store.control("drain", "c")
    await store.control("cool", "a", ms=60000)
    assert await chosen(store, wish(2, 0, 3), 5) == ["d"] * 5
    assert await chosen(store, wish(9)) != []  # there is no such position


async def test_a_lower_order_goes_before_any_wish(place: Place) -> None:
    store = place.store()
    await store.register([declared("a"), declared("spare", order=1)])
    assert await chosen(store, wish(1, candidates=("a", "spare")), 5) == ["a"] * 5


async def test_wishes_go_before_preferred_ones(place: Place) -> None:
    store = await pool_of(place)
    assert await chosen(store, wish(3, preferred=4), 5) == ["d"] * 5


async def test_a_bounded_wish_spills_over_to_the_next(place: Place) -> None:
    """Of calls that all want a, then b, nobody ever has more than 1.25 times the mean, to come ones included."""
    store = await pool_of(place)
    picked = Counter(await chosen(store, wish(0, 1, bounded=True), 40))
    assert picked["a"] == pytest.approx(13, abs=1)
    assert picked["a"] >= picked["b"] > max(picked["c"], picked["d"])
    assert sum(picked.values()) == 40


async def test_who_has_too_much_serves_where_nobody_else_can(place: Place) -> None:
    store = place.store()
    await store.register([declared("a"), declared("b", limits={"concurrent": 1})])
    both = ("a", "b")
    assert await chosen(store, wish(0, bounded=True, candidates=both), 4) == ["a"] * 4  # 4 <= 1.25 * (4 + 1) / 2
    assert await chosen(store, wish(0, bounded=True, candidates=both), 4) == ["b", "a", "a", "a"]


async def test_the_bound_is_by_weight(place: Place) -> None:
    store = place.store()
    await store.register([declared("a", weight=3.0), *(declared(id) for id in "bcd")])
    picked = Counter(await chosen(store, wish(0, bounded=True), 40))
    assert picked["a"] == pytest.approx(40 * 1.25 * 3 / 6, abs=2)


async def test_a_wish_of_weight_zero_waits_for_the_others(place: Place) -> None:
    store = place.store()
    await store.register([declared("a", weight=0.0), declared("b")])
    assert await chosen(store, wish(0, bounded=True, candidates=("a", "b")), 3) == ["b"] * 3


async def test_a_wish_in_slow_start_keeps_its_place_in_its_share_of_the_calls(memory: Place) -> None:
    store = await pool_of(memory)
    since = memory.now_ms() - 3_000
    memory.put("health", "a", f"ramp 1 1 {since + 10_000} {since} server -")
    picked = Counter[str]()
    for _ in range(40):
        leases = await asyncio.gather(*(store.acquire(wish(0)) for _ in range(25)))
        picked.update(lease.deployment for lease in leases)
        await settled(store, *leases)
    first = 0.3 + 0.7 * 0.3 / 3.3
    assert picked["a"] / 1000 == pytest.approx(first, abs=0.05)


def most(inflight: Mapping[str, int], weights: Mapping[str, int], id: str) -> int:
    """Mirrokni, Thorup and Zadimoghaddam: the most calls that one may have for a wish to count."""
    calls = sum(inflight.values()) + len(inflight)
    return math.ceil(Fraction(5, 4) * calls * weights[id] / sum(weights.values()))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    weights=st.lists(st.integers(1, 5), min_size=2, max_size=6),
    steps=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=40),
    seed=st.integers(0, 2**31),
)
def test_any_sequence_of_calls_keeps_to_the_bound(
    weights: list[int], steps: list[tuple[int, int, bool]], seed: int
) -> None:
    ids = tuple(f"d{i}" for i in range(len(weights)))
    by_id = dict(zip(ids, weights, strict=True))

    async def run() -> None:
        place, dice = Place("memory://", "bounds"), Random(seed)
        place.freeze()
        store = place.store()
        await store.register([declared(id, weight=float(weight)) for id, weight in by_id.items()])
        running: list[Lease] = []
        for first, second, ends in steps:
            if ends and running:
                await settled(store, running.pop(dice.randrange(len(running))))
                continue
            wanted = list(dict.fromkeys((first % len(ids), second % len(ids))))
            inflight = {id: place.inflight(id) for id in ids}
            lease = await store.acquire(wish(*wanted, bounded=True, candidates=ids))
            running.append(lease)
            fitting = [ids[i] for i in wanted if inflight[ids[i]] + 1 <= most(inflight, by_id, ids[i])]
            if fitting:
                assert lease.deployment == fitting[0]
            else:
                over = {ids[i] for i in wanted}
                assert lease.deployment not in over or over == set(ids)
        await place.aclose()

    asyncio.run(run())
