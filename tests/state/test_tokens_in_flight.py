"""Tokens of calls in flight are added once and taken back once, however a call ends, where a strategy reads them."""

from __future__ import annotations

import pytest

from router_core.state.records import Lease
from router_core.state.store import Store
from tests.state.kit import Place, Raw, ask, beat, declared, ended, question, serving, settled, tries
from tests.state.tokens_kit import COUNTING, column, weighed


async def running(store: Store, *tokens: tuple[int, int]) -> list[Lease]:
    return [await store.acquire(weighed(*one)) for one in tokens]


async def test_a_call_adds_its_tokens_and_takes_them_back_when_it_ends(place: Place) -> None:
    store = await serving(place)
    first, second = await running(store, (100, 20), (7, 3))
    assert column(place) == {"a": "107 23 2"}
    assert place.held()[first.id].split()[4] == "call:100+20"
    await settled(store, first, outcome=ended("ok", 90, 40))
    assert column(place) == {"a": "7 3 1"}, "what was added, whatever was used"
    await settled(store, first, first)
    assert column(place) == {"a": "7 3 1"}
    store.cancel(second)
    store.cancel(second)
    await store.flush()
    assert column(place) == {"a": "0 0 0"}
    assert place.inflight("a") == 0


async def test_nothing_is_counted_where_no_strategy_reads_it(place: Place) -> None:
    store = await serving(place)
    lease = await store.acquire(ask(input_tokens=100))
    assert place.held()[lease.id].split()[4] == "call"
    await settled(store, lease)
    state = (await store.snapshot()).deployments["a"]
    assert (column(place), state.input_in_flight, state.output_in_flight) == ({}, None, None)


async def test_many_calls_of_one_batch_are_counted_each(place: Place) -> None:
    store = place.store()
    await store.register([declared(id) for id in "ab"])
    leases, _ = await tries(store, weighed(10, 1, "a", "b"), 200)
    states = (await store.snapshot()).deployments
    assert [states[id].input_in_flight for id in "ab"] == [10 * states[id].inflight for id in "ab"] == [1000, 1000]
    await settled(store, *leases[:150], *leases[:150])
    states = (await store.snapshot()).deployments
    assert sum(states[id].output_in_flight or 0 for id in "ab") == 50
    await settled(store, *leases)
    assert column(place) == {"a": "0 0 0", "b": "0 0 0"}


async def test_an_acquire_repeated_with_its_id_adds_nothing(place: Place) -> None:
    store = await serving(place)
    operation = question("0.x.1", weighed(), place.now_ms() + 5000)
    operation.route = f"g {COUNTING}"
    raw = Raw(place, store)
    await raw.run(operation)
    await raw.run(*[operation] * 3)
    assert column(place) == {"a": "100 20 1"}
    assert await raw.run("cancel 0.x.1 g -") == ["ok"]
    assert column(place) == {"a": "0 0 0"}


async def test_a_dead_workers_tokens_are_released_once_and_come_back_with_its_calls(place: Place) -> None:
    dead, alive = place.store(), place.store()
    for store in (dead, alive):
        await store.register([declared()])
    lost = await running(dead, (100, 20), (50, 10))
    [staying] = await running(alive, (7, 3))
    place.silence(dead)
    await beat(alive)
    assert column(place) == {"a": "7 3 1"}
    assert place.column("lease")[lost[0].id].split()[4] == "call:100+20", "kept for those that come back"
    await settled(alive, lost[1])
    assert column(place) == {"a": "7 3 1"}, "a late settle releases nothing"
    await beat(dead)  # it was only cut off
    assert column(place) == {"a": "107 23 2"}
    await settled(dead, lost[0])
    await settled(alive, staying)
    assert column(place) == {"a": "0 0 0"}


async def test_a_worker_that_leaves_takes_its_tokens_along(place: Place) -> None:
    leaving, staying = place.store(), place.store()
    for store in (leaving, staying):
        await store.register([declared()])
    await running(leaving, (100, 20))
    await leaving.aclose()
    await beat(staying)
    assert column(place) == {"a": "0 0 0"}


async def test_drain_reset_and_an_open_breaker_change_no_tokens_and_ends_do(place: Place) -> None:
    store = await serving(place)
    leases = await running(store, (100, 20), (7, 3))
    await store.control("drain", "a")
    await store.control("reset", "a")
    await store.control("cool", "a", ms="60000")
    assert column(place) == {"a": "107 23 2"}
    await settled(store, *leases)
    assert column(place) == {"a": "0 0 0"}


async def test_the_one_probe_is_counted_like_a_call(place: Place) -> None:
    store = await serving(place)
    await store.control("cool", "a", ms="1000")
    place.move(1_100)
    lease = await store.acquire(weighed())
    assert place.held()[lease.id].split()[4] == "probe:100+20"
    assert (await store.snapshot()).deployments["a"].health == "half-open"
    await settled(store, lease)
    assert column(place) == {"a": "0 0 0"}
    assert (await store.snapshot()).deployments["a"].health == "ramp", "it is known to be the probe"


async def test_a_call_of_another_epoch_releases_nothing(place: Place) -> None:
    store = await serving(place)
    [before] = await running(store, (100, 20))
    place.forget()
    await store.register([declared()])
    [after] = await running(store, (7, 3))
    await settled(store, before)
    assert column(place) == {"a": "7 3 1"}
    await settled(store, after)
    assert column(place) == {"a": "0 0 0"}


async def test_calls_that_nobody_counted_are_taken_for_ones_like_this(place: Place) -> None:
    """Of another strategy, or granted by a release that counts none: a holds one of them, b two of few tokens."""
    store = place.store()
    await store.register([declared(id) for id in "ab"])
    await store.acquire(ask("a", input_tokens=1))
    await tries(store, weighed(1, 1, "b"), 2)
    assert (await store.acquire(weighed(9, 900, "a", "b"))).deployment == "b", "2 short calls against one of 900"
    assert (await store.acquire(weighed(9, 1, "a", "b"))).deployment == "a"


async def test_the_tokens_in_flight_decide_and_not_the_calls(place: Place) -> None:
    store = place.store()
    await store.register([declared(id) for id in "ab"])
    await store.acquire(weighed(20_000, 10, "a"))
    for _ in range(2):
        await store.acquire(weighed(10, 10, "b"))
    assert (await store.acquire(weighed(10, 10, "a", "b"))).deployment == "b"


@pytest.mark.parametrize("text", ["", "1", "x y z", "1 2", "-1 -1 -1", "1e400 0 1", "nan nan nan", "1 2 3 4"])
async def test_garbage_is_counted_anew_and_costs_nobody_anything(place: Place, text: str) -> None:
    store = await serving(place)
    before, _ = await running(store, (100, 20), (7, 3))
    place.put("tokens_in_flight", "a", text)
    await settled(store, before)
    assert column(place) == {"a": "0 0 0"}
    [after] = await running(store, (5, 2))
    assert column(place) == {"a": "5 2 1"}
    await settled(store, after)
    assert (column(place), place.inflight("a")) == ({"a": "0 0 0"}, 1)


async def test_what_a_former_release_leaves_behind_ends_with_the_calls(place: Place) -> None:
    """Its reaper gives back the slot of a dead worker's call and knows of no tokens."""
    store = await serving(place)
    lost, staying = await running(store, (1000, 200), (1000, 200))
    place.do("HDEL", "lease", lost.id)
    place.put("inflight", "a", "1")
    [more] = await running(store, (10, 20))
    assert column(place) == {"a": "1340 280 2"}, "two calls are in flight, so two are counted, of three"
    await settled(store, staying, more)
    assert (column(place), place.inflight("a")) == ({"a": "0 0 0"}, 0)


async def test_a_deployment_that_is_forgotten_leaves_nothing(memory: Place) -> None:
    """An hour after the last worker that listed it has left."""
    store, other = memory.store(), memory.store()
    await store.register([declared()])
    await other.register([declared("b")])
    await settled(store, *await running(store, (100, 20)))
    await store.aclose()
    assert column(memory) == {"a": "0 0 0"}
    for _ in range(2):
        memory.move(3_700_000)
        await beat(other)
    assert column(memory) == {}
