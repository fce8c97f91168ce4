"""A shadow strategy is asked about the same candidates, counted, and changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router_core.state.records import Acquire, Lease, ShadowState
from router_core.state.store import Store
from tests.state.kit import Place, Raw, ask, beat, declared, ended, question, settled, tried, tries

IDS = tuple("abcd")


async def pool_of(place: Place, **limits: int) -> Store:
    store = place.store()
    await store.register([declared(id, limits=limits, weight=1.0 + (id == "a")) for id in IDS])
    return store


def shadowed(shadow: str = "least-busy", **more: Any) -> Acquire:
    return ask(*IDS, shadow=shadow, **more)


async def shadows(store: Store) -> dict[str, tuple[int, int, int]]:
    """Strategy -> calls, agreed, refused of group g."""
    found = (await store.snapshot()).shadows
    assert all(state.group == "g" for state in found)
    return {state.strategy: (state.calls, state.agreed, state.refused) for state in found}


async def test_what_another_strategy_would_have_done_is_counted(place: Place) -> None:
    store = await pool_of(place)
    for _ in range(8):
        await store.acquire(shadowed(strategy="least-busy"))
    assert await shadows(store) == {"least-busy": (8, 8, 0)}, "it agrees with itself"
    for id in "bcdbcd":
        await store.acquire(ask(id))
    lease = await store.acquire(ask(*IDS, strategy="simple-shuffle", wishes=(1,), shadow="least-busy"))
    assert lease.deployment == "b"
    calls, agreed, refused = (await shadows(store))["least-busy"]
    assert (calls, agreed, refused) == (9, 8, 0), "it would have gone to a, which has the least"


async def test_calls_of_one_run_are_counted_each(place: Place) -> None:
    store = await pool_of(place)
    leases, _ = await tries(store, shadowed(), 50)
    leases += (await tries(store, shadowed("simple-shuffle"), 30))[0]
    await settled(store, *leases)
    found = await shadows(store)
    assert (found["least-busy"][0], found["simple-shuffle"][0]) == (50, 30)
    assert found["simple-shuffle"] == (30, 30, 0), "the same dice, the same weights"
    assert place.column("shadow").keys() == {"g|least-busy", "g|simple-shuffle"}


async def test_a_call_that_nobody_can_serve_is_refused_to_both(place: Place) -> None:
    store = await pool_of(place, concurrent=1)
    _, refusals = await tries(store, shadowed(), 6)
    assert len(refusals) == 2
    calls, agreed, refused = (await shadows(store))["least-busy"]
    assert (calls, refused) == (6, 2)
    assert agreed <= 4


async def test_a_call_that_waits_is_counted_once(place: Place) -> None:
    store = await pool_of(place, concurrent=1)
    running = [await store.acquire(ask(*IDS)) for _ in IDS]
    waiting = asyncio.create_task(store.acquire(shadowed(max_wait=10.0)))
    await asyncio.sleep(0.2)
    await settled(store, running.pop())
    lease = await waiting
    assert (await shadows(store))["least-busy"] == (1, 1, 0)
    await settled(store, lease, *running)


async def test_the_shadow_walks_past_those_without_room(place: Place) -> None:
    store = place.store()
    await store.register([declared("a", limits={"requests/60": 1}), declared("b", weight=0.5)])
    await settled(store, await store.acquire(ask("a")))
    lease = await store.acquire(ask("a", "b", strategy="simple-shuffle", shadow="least-busy"))
    assert lease.deployment == "b"
    assert (await shadows(store))["least-busy"] == (1, 1, 0)


async def test_decisions_are_the_same_with_and_without_a_shadow(memory: Place) -> None:
    """The same seeds, the same state: the same choices, reservations and records."""
    dumps, chosen = [], []
    for shadow in ("", "least-busy", "latency-based-routing", "usage-based-routing", "simple-shuffle", "no-such"):
        place = Place("memory://", memory.pool)
        place.freeze()
        place.clock_ms = 1_790_000_000_000
        store = place.store()
        await store.register([declared(id, limits={"requests/60": 30, "concurrent": 12}) for id in IDS])
        raw, picked = Raw(place, store, worker="w"), []
        for i in range(20):
            operations = [
                question(f"1.{i}x{j}.x", ask(*IDS, shadow=shadow, input_tokens=5), 10**15, seed=977 * (20 * i + j) + 1)
                for j in range(5)
            ]
            picked += [answer.split()[1] for answer in await raw.run(*operations) if answer.startswith("ok")]
            place.move(300)
        chosen.append(picked)
        dumps.append(place.dump(without=("clock", "workers", "shadow", "events", "listing", "lists")))
        await place.aclose()
    assert len(chosen[0]) == 48
    assert all(other == chosen[0] for other in chosen)
    assert all(other == dumps[0] for other in dumps)


async def test_an_unknown_shadow_strategy_is_no_calls_error(place: Place) -> None:
    store = await pool_of(place)
    assert isinstance(await tried(store, shadowed("no-such-strategy")), Lease)
    assert await shadows(store) == {}


async def test_a_garbled_count_begins_anew_and_costs_nothing(place: Place) -> None:
    store = await pool_of(place)
    place.put("shadow", "g|least-busy", "many")
    place.put("shadow", "h|least-busy", "1 2 x")
    assert (await store.snapshot()).shadows == ()
    await store.acquire(shadowed())
    assert (await store.snapshot()).shadows == (ShadowState("g", "least-busy", 1, 1, 0),)


async def test_where_counts_cannot_be_written_calls_go_on(place: Place) -> None:
    store = await pool_of(place)
    place.do("DEL", "shadow")
    place.do("ZADD", "shadow", "1", "a")
    lease = await store.acquire(shadowed())
    await settled(store, lease, outcome=ended("ok", 5, 5))
    await beat(store)
    assert place.inflight(lease.deployment) == 0


async def test_names_of_groups_come_back_as_they_were(place: Place) -> None:
    store = place.store()
    await store.register([declared("a", group="my |group= %")])
    await store.acquire(Acquire("my |group= %", ("a",), shadow="least-busy"))
    assert (await store.snapshot()).shadows == (ShadowState("my |group= %", "least-busy", 1, 1, 0),)


@pytest.mark.parametrize("shadow", ["latency-based-routing", "latency-based-routing exploration=0.5 ttl=3"])
async def test_a_shadow_reads_what_its_ranks_need(place: Place, shadow: str) -> None:
    """The real strategy reads nothing that was learned; the shadow finds the fast one."""
    store = await pool_of(place)
    for id, ms in (("a", 900.0), ("b", 20.0), ("c", 900.0), ("d", 900.0)):
        for _ in range(3):
            await settled(
                store, await store.acquire(ask(id, output_tokens=50)), outcome=ended("ok", 5, 50, total_ms=ms)
            )
    for _ in range(20):
        await settled(store, await store.acquire(ask(*IDS, output_tokens=50, wishes=(1,), shadow=shadow)))
    calls, agreed, _ = (await shadows(store))["latency-based-routing"]
    assert calls == 20
    assert agreed >= 15
