"""Turns under load: fair shares, waits as computed, ten thousand that wait, and a worker that dies with its tickets."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
import tracemalloc
from collections import Counter
from itertools import cycle
from random import Random
from typing import Any

import pytest

from router_core.state.records import Acquire, Lease, Refused
from router_core.state.store import Store
from tests.fresh import FRESH
from tests.state.kit import RANKS, Place, ask, declared, ended, settled, tries
from tests.state.ledger import Ledger
from tests.state.turns_kit import Slot, callers
from tests.state.waiting_kit import one_slot, queued

ORDINARY, ROUNDS = 49, 40


@pytest.mark.slow
@pytest.mark.parametrize(("at_once", "workers"), [(1, 1), (4, 1), (2, 2)])
async def test_of_fifty_callers_the_greedy_one_gets_a_fiftieth(valkey: Place, at_once: int, workers: int) -> None:
    """Two pools on one server. All keep `at_once` calls waiting, the greedy one 10 times as many: equal shares."""

    def crew(name: str) -> list[Store]:
        return [valkey.store(pool=f"{valkey.pool}-{name}", timeout=10.0) for _ in range(workers)]

    for counts in await asyncio.gather(*(_served(crew(name), at_once) for name in ("a", "b"))):
        fair = counts.total() / (ORDINARY + 1)
        assert len(counts) == ORDINARY + 1
        assert max(abs(count - fair) for count in counts.values()) <= 0.05 * fair, counts


async def _served(stores: list[Store], at_once: int) -> Counter[str]:
    """Who was served how often while everybody waited; callers have calls in all workers."""
    for store in stores:
        await store.register([declared(limits={"concurrent": 4})])
    store, turns = stores[0], cycle(stores)
    holders = [await store.acquire(ask()) for _ in range(4)]
    counts: Counter[str] = Counter()

    async def caller(name: str, store: Store) -> None:
        while counts.total() < ROUNDS * (ORDINARY + 1):
            lease = await store.acquire(ask(caller=name, max_wait=300.0))
            counts[name] += 1
            store.settle(lease, ended())

    names = ["greedy"] * 10 * at_once + [f"c{number}" for number in range(ORDINARY)] * at_once
    tasks = [asyncio.create_task(caller(name, next(turns))) for name in names]
    while (await store.snapshot()).waiting["g"] < len(names):  # noqa: ASYNC110 (the tickets are in Redis)
        await asyncio.sleep(0.01)
    for lease in holders:
        store.settle(lease, ended())
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    shares = counts.copy()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return shares


@pytest.mark.slow
@pytest.mark.serial
async def test_the_99th_percentile_of_waits_is_that_of_the_rate(valkey: Place) -> None:
    """50 a second for 200 calls that come at once: the last 50 wait for three windows, and nobody longer."""
    store = valkey.store(timeout=10.0)
    await store.register([declared(limits={"requests/1": 50})])
    granted, refused = await tries(store, ask(max_wait=30.0), 200)
    waits = sorted(lease.waited_ms for lease in granted)
    assert (len(granted), len(refused)) == (200, 0)
    assert waits[197] == pytest.approx(3000, rel=0.15)
    assert waits[98] == pytest.approx(1000, rel=0.25)


@pytest.mark.slow
@pytest.mark.serial
async def test_waits_of_calls_of_any_size_are_those_that_an_exact_log_computes(valkey: Place) -> None:
    """200 calls of 1 to 100 tokens that come at once, 3,000 tokens a second: who came first is served first."""
    store = valkey.store(timeout=10.0)
    await store.register([declared(limits={"tokens/1": 3000})])
    dice = Random(3)
    sizes = [dice.randint(1, 100) for _ in range(200)]
    leases = await asyncio.gather(*(store.acquire(ask(input_tokens=size, max_wait=30.0)) for size in sizes))
    ledger, now, computed = Ledger(3000, 1), 0, []
    for size in sizes:
        now = max(now, ledger.due(now, size) or 0)
        ledger.add(now, size)
        computed.append(now)
    waits = sorted(lease.waited_ms for lease in leases)
    told = f"p50 {waits[99]:.0f} ms of {computed[99]}, p99 {waits[197]:.0f} ms of {computed[197]}"
    print(told)
    assert waits[197] == pytest.approx(computed[197], rel=0.15), told
    assert waits[99] == pytest.approx(computed[99], abs=0.25 * 1000), told


@pytest.mark.slow
@pytest.mark.serial
async def test_ten_thousand_that_wait_take_bounded_memory(valkey: Place) -> None:
    """Of a hundred callers, in Redis and in the worker; one more is refused at once, with its place."""
    store, running = await one_slot(valkey)
    store.timeout = 10.0
    gc.collect()
    tracemalloc.start()
    requests = [ask(caller=f"{number % 100:012x}", max_wait=300.0) for number in range(10_000)]
    waiting = [asyncio.create_task(store.acquire(request)) for request in requests]
    async with asyncio.timeout(60):
        while valkey.do("ZCOUNT", "waiting:g", "-inf", 2**50) < 10_000:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.3)
    here, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    there = int(valkey.raw("MEMORY USAGE", f"{valkey.prefix}waiting:g", "SAMPLES", 0))
    started = time.monotonic()
    with pytest.raises(Refused, match="queue_full") as caught:
        await store.acquire(ask(max_wait=300.0))
    took = time.monotonic() - started
    print(f"10,000 waiters: {there / 1e6:.1f} MB in Redis, {here / 1e6:.1f} MB in the worker; one more: {took:.2f} s")
    assert (caught.value.waiting, caught.value.place) == (10_000, 100)
    assert there < 4e6
    assert here < 100e6
    store.settle(running, ended())
    assert isinstance(await waiting[0], Lease)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await store.flush()


def _wait_many(url: str, pool: str, calls: int) -> None:
    asyncio.run(_waiting(url, pool, calls))


async def _waiting(url: str, pool: str, calls: int) -> None:
    store = Store(url, pool=pool, ranks=RANKS, timeout=20.0)
    await store.register([declared(limits={"concurrent": 1})])
    await asyncio.gather(*(store.acquire(Acquire("g", ("a",), max_wait=300.0)) for _ in range(calls)))


@pytest.mark.slow
async def test_the_places_of_a_killed_worker_are_free_within_15_seconds(valkey: Place) -> None:
    """A thousand of one caller stand before the call of another process of the same caller."""
    store, running = await one_slot(valkey)
    killed: Any = FRESH.Process(target=_wait_many, args=(valkey.url, valkey.pool, 1000), daemon=True)
    killed.start()
    async with asyncio.timeout(60):
        while valkey.do("ZCARD", "waiting:g") < 1000:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await queued(valkey, 1000)
    waiting = asyncio.create_task(store.acquire(ask(max_wait=60.0)))
    await queued(valkey, 1001)
    os.kill(killed.pid, signal.SIGKILL)
    died = time.monotonic()
    await settled(store, running)
    lease = await waiting
    assert time.monotonic() - died < 15.0
    await queued(valkey, 0)
    await settled(store, lease)


async def _order(slot: Slot, *calls: tuple[str, int]) -> list[str]:
    """They come one after the other, and are served: in which order?"""
    for caller, priority in calls:
        await slot.come(slot.call(caller, priority=priority))
    order = []
    while (id := await slot.hand_on()) is not None:
        order.append(callers([id]))
    return order


PRIORITIES = [(f"p{number % 3}", number % 3) for number in range(90)]
CALLERS = [*(("greedy", 0) for _ in range(40)), *((f"c{number % 4}", 0) for number in range(16))]


@pytest.mark.slow
async def test_priorities_are_obeyed_whatever_the_turns(memory: Place) -> None:
    """Three priorities, mixed: no call of a worse priority is served while one of a better waits."""
    order = await _order(await Slot(memory).begin(), *PRIORITIES)
    assert order == ["p0"] * 30 + ["p1"] * 30 + ["p2"] * 30


async def test_who_asks_ten_times_as_often_is_served_as_often_while_others_wait(memory: Place) -> None:
    """All 40 of the greedy one were there before the first of the others."""
    counts = Counter((await _order(await Slot(memory).begin(), *CALLERS))[:20])
    assert set(counts.values()) == {4}


@pytest.mark.slow
async def test_a_script_without_priorities_or_callers_is_seen_by_these_tests(memory: Place) -> None:
    alike = await Slot(memory).begin((r"math\.min\(request\.priority or 0, WORST\)", "0"))
    assert (await _order(alike, *PRIORITIES))[:30] != ["p0"] * 30
    await alike.store.aclose()
    one = await Slot(memory).begin((r"name_of_f\(priority, caller_of\(request\)\)", 'name_of_f(priority, "")'))
    assert Counter((await _order(one, *CALLERS))[:20])["greedy"] > 4
