"""Percentiles of how long calls take: right within the stated error, merged, bounded, forgotten, and nobody's cost."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router_core.state.records import Outcome, Timings
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, ended, serving, settled
from tests.state.race_workers import settle_many, together

ERROR = 0.05  # as sketch.lua says
HALF = 300_000
HOUR = 3_600_000.0
PERCENTS = (1, 50, 90, 95, 99)
TIMES = st.lists(st.floats(1.0, HOUR), min_size=1, max_size=60)


def took(whole: float | None, first: float | None = None) -> Outcome:
    return ended("ok", 5, 5, stream=first is not None, sample=(first, whole))


async def calls(store: Store, id: str, times: Sequence[float]) -> None:
    """So many whole calls of a deployment, settled in few runs."""
    leases = await asyncio.gather(*(store.acquire(ask(id)) for _ in times))
    for lease, ms in zip(leases, times, strict=True):
        store.settle(lease, took(ms))
    await store.flush()


async def timings_of(store: Store, *ids: str) -> Timings:
    return (await store.timings(ids or ("a",), PERCENTS))[0]


def nearest_rank(times: Sequence[float], percent: int) -> float:
    """The smallest time that at least so many percent are not above."""
    return sorted(times)[math.ceil(len(times) * percent / 100) - 1]


def assert_near(found: Timings, times: Sequence[float]) -> None:
    assert found.latency.count == len(times)
    for percent in PERCENTS:
        exact = nearest_rank(times, percent)
        assert abs(found.latency.ms[percent] - exact) <= ERROR * exact, percent


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=TIMES, others=TIMES)
def test_quantiles_are_within_the_stated_error_alone_and_merged(times: list[float], others: list[float]) -> None:
    async def check() -> None:
        place = Place("memory://", "sketch")
        store = place.store()
        await store.register([declared("a"), declared("b")])
        await calls(store, "a", times)
        await calls(store, "b", others)
        assert_near(await timings_of(store, "a"), times)
        assert_near(await timings_of(store, "a", "b"), [*times, *others])
        await place.aclose()

    asyncio.run(check())


async def test_every_engine_counts_alike(place: Place) -> None:
    store = await serving(place)
    times = [1.09**i * shift for i in range(0, 176, 3) for shift in (0.999, 1.0, 1.001)]
    await calls(store, "a", [max(1.0, one) for one in times])
    assert_near(await timings_of(store), [max(1.0, one) for one in times])
    text = place.column("sketch")["a"]
    assert text.count(" |") == 4
    assert len({word.split(":")[0] for word in text.split(" |")[3].split()}) == len(text.split(" |")[3].split())


async def test_streams_and_whole_calls_are_kept_apart(place: Place) -> None:
    store = await serving(place)
    for first, whole in ((100.0, 2000.0), (None, 500.0), (200.0, None)):
        await settled(store, await store.acquire(ask()), outcome=took(whole, first))
    found = await timings_of(store)
    assert (found.ttft.count, found.latency.count) == (2, 2)
    assert found.ttft.ms[99] == pytest.approx(200, rel=ERROR)
    assert found.latency.ms[50] == pytest.approx(500, rel=ERROR)
    state = (await store.snapshot()).deployments["a"].timings
    assert state is not None
    assert state.ttft.ms[99] == found.ttft.ms[99]
    assert tuple(state.latency.ms) == (50, 95, 99)


async def test_the_size_is_bounded_whatever_comes(memory: Place) -> None:
    store = await serving(memory)
    times = [10 ** (exponent / 40) for exponent in range(-80, 400)]
    for _ in range(2):
        await calls(store, "a", times)
        memory.move(HALF + 1)
    counts = memory.column("sketch")["a"].split(" |")
    assert max(len(half.split()) for half in counts[1:]) <= 177
    assert len(memory.column("sketch")["a"]) < 8000
    assert set(memory.column("sketch")) == {"a"}


async def test_what_is_old_goes_in_two_steps(place: Place) -> None:
    store = await serving(place)
    await calls(store, "a", [100.0] * 9)
    place.move(HALF + 1000)
    await calls(store, "a", [1000.0])
    found = await timings_of(store)
    assert found.latency.count == 10
    assert found.latency.ms[50] == pytest.approx(100, rel=ERROR)
    place.move(HALF)
    assert (await timings_of(store)).latency.count == 1, "also where no call came since"
    await calls(store, "a", [1000.0])
    assert (await timings_of(store)).latency.count == 2
    place.move(2 * HALF + 1000)
    assert (await timings_of(store)).latency.count == 0
    assert (await store.snapshot()).deployments["a"].timings is None


async def test_where_nobody_looks_nothing_is_stored(place: Place) -> None:
    store = await serving(place)
    await settled(store, await store.acquire(ask()), outcome=ended("ok", 5, 5, stream=True, ttft_ms=3.0))
    assert place.column("sketch") == {}
    found = await timings_of(store)
    assert (found.ttft.count, dict(found.ttft.ms)) == (0, {})


@pytest.mark.parametrize("text", ["x", "5", "1 | 4:x | | |", "99999999999999 | 400:3 | | |", "1 | 5:3 | 6:1 |"])
async def test_a_garbled_sketch_counts_anew_and_costs_no_call_its_end(place: Place, text: str) -> None:
    store = await serving(place)
    lease = await store.acquire(ask())
    place.put("sketch", "a", text)
    await settled(store, lease, outcome=took(100.0))
    assert place.inflight("a") == 0
    assert (await timings_of(store)).latency.count == 1


async def test_a_key_of_another_type_costs_no_call_its_end(place: Place) -> None:
    store = await serving(place)
    lease = await store.acquire(ask())
    place.do("DEL", "sketch")
    place.do("ZADD", "sketch", "1", "a")
    await settled(store, lease, outcome=took(100.0))
    assert (place.inflight("a"), place.held()) == (0, {})


async def test_a_second_settle_counts_once(place: Place) -> None:
    store = await serving(place)
    lease = await store.acquire(ask())
    await settled(store, lease, lease, outcome=took(100.0))
    await settled(store, lease, outcome=took(100.0))
    assert (await timings_of(store)).latency.count == 1


async def test_workers_that_race_lose_no_count(shared: Place) -> None:
    stores = [await serving(shared, shared.store()) for _ in range(4)]
    await asyncio.gather(*(calls(store, "a", [50.0 + i for i in range(100)]) for store in stores))
    assert_near(await timings_of(stores[0]), [50.0 + i for i in range(100)] * 4)


async def test_an_answer_may_be_as_old_as_who_asks_allows(memory: Place) -> None:
    """Fifty workers that ask twice a second cost little more than one."""
    store, other = await serving(memory), await serving(memory, memory.store())
    await calls(store, "a", [100.0])
    assert (await store.timings(("a",), PERCENTS, age=0.4))[0].latency.count == 1
    await calls(store, "a", [100.0])
    assert (await other.timings(("a",), PERCENTS, age=0.4))[0].latency.count == 1
    assert (await other.timings(("a",), (50,), age=0.4))[0].latency.count == 2, "another question"
    assert (await timings_of(store)).latency.count == 2
    await calls(store, "a", [100.0])
    memory.move(400)
    assert (await other.timings(("a",), PERCENTS, age=0.4))[0].latency.count == 3


async def test_a_call_that_was_given_up_for_its_copy_raises_what_was_learned_and_never_lowers_it(place: Place) -> None:
    """Else a deployment that hangs would look as fast as before, and go on being chosen."""
    store = await serving(place)
    await settled(store, await store.acquire(ask(stream=True)), outcome=ended(stream=True, ttft_ms=50.0))
    for ms, ttft in ((700.0, 700.0), (300.0, 700.0)):
        given_up = ended("cancelled", total_ms=ms, stream=True, sample=(ms, None))
        await settled(store, await store.acquire(ask(stream=True)), outcome=given_up)
        assert (await store.snapshot()).deployments["a"].ttft_ms == ttft
    state = (await store.snapshot()).deployments["a"]
    assert (state.ok, state.failed, state.inflight) == (1, 0, 0), "it is no failure"
    await settled(store, await store.acquire(ask()), outcome=ended("cancelled", total_ms=9000.0))
    assert (await store.snapshot()).deployments["a"].latency_ms == 700.0, "a caller who goes away teaches nothing"


async def test_a_whole_call_that_was_given_up_says_nothing_of_first_contents(memory: Place) -> None:
    store = await serving(memory)
    await settled(store, await store.acquire(ask()), outcome=ended("cancelled", total_ms=700.0, sample=(None, 700.0)))
    state = (await store.snapshot()).deployments["a"]
    assert (state.latency_ms, state.ttft_ms) == (700.0, None)


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, HALF), st.integers(0, 3)), min_size=1, max_size=12))
def test_what_counts_is_five_to_ten_minutes_old_at_most(steps: list[tuple[int, int]]) -> None:
    async def check() -> None:
        place = Place("memory://", "sketch")
        place.freeze()
        store, times = await serving(place), list[int]()
        for wait, number in steps:
            assert place.clock_ms is not None
            place.move(wait)
            await calls(store, "a", [100.0] * number)
            times += [place.clock_ms] * number
            found = (await timings_of(store)).latency.count
            young, old = (sum(place.clock_ms - at < age for at in times) for age in (HALF, 2 * HALF))
            assert young <= found <= old
        await place.aclose()

    asyncio.run(check())


@pytest.mark.slow
@pytest.mark.serial
async def test_processes_that_settle_the_same_calls_count_each_once(shared: Place) -> None:
    store = await serving(shared)
    leases = tuple(await asyncio.gather(*(store.acquire(ask()) for _ in range(200))))
    for lease in leases:
        store._process().worker.live.pop(lease.id)
    await asyncio.to_thread(together, 4, settle_many, shared.url, shared.pool, leases, took(100.0))
    assert (await timings_of(store)).latency.count == 200
