"""Exactly the limit is admitted, whoever asks at the same time; what is settled twice is released once.

The mutants at the end show that these checks see a script that forgets to reserve.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from router_core.state.records import Acquire, Lease, Refused
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, edited, ended, settled, tries
from tests.state.race_workers import acquire_many, settle_many, together

PROCESSES, TIMES = 8, 1000
LIMITS = {
    "requests": ({"requests/60": 500}, ask()),
    "tokens": ({"tokens/60": 50_000}, ask(input_tokens=60, output_tokens=40)),
    "concurrent": ({"concurrent": 500}, ask()),
    "all at once": (
        {"requests/60": 600, "tokens/60": 50_000, "input/60": 36_000, "output/3600": 24_000, "concurrent": 550},
        ask(input_tokens=60, output_tokens=40),
    ),
}
ADMITTED = 500  # of each of them


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.parametrize("limit", LIMITS)
async def test_eight_processes_with_a_thousand_acquires_each_admit_exactly_the_limit(shared: Place, limit: str) -> None:
    limits, request = LIMITS[limit]
    store = shared.store()
    await store.register([declared(limits=limits)])
    told = await asyncio.to_thread(together, PROCESSES, acquire_many, shared.url, shared.pool, request, TIMES)
    assert len({one.pid for one in told}) == PROCESSES
    admitted = sum(one.admitted for one in told)
    assert admitted == ADMITTED, f"{admitted} admitted, the limit has room for {ADMITTED}"
    assert sum(one.refused for one in told) == PROCESSES * TIMES - ADMITTED
    leases = [lease for one in told for lease in one.leases]
    assert len({lease.id for lease in leases}) == ADMITTED


@pytest.mark.slow
@pytest.mark.serial
async def test_leases_that_eight_processes_settle_at_the_same_time_are_released_and_charged_once(shared: Place) -> None:
    """Ten calls stay in flight: releasing a lease twice would show as fewer."""
    store = shared.store()
    await store.register([declared(limits={"concurrent": 210, "tokens/3600": 10_000_000})])
    staying, _ = await tries(store, ask(input_tokens=10), 10)
    leases, _ = await tries(store, ask(input_tokens=100, output_tokens=100), 200)
    outcome = ended("ok", 70, 50, cost_nano=3)
    await asyncio.to_thread(together, PROCESSES, settle_many, shared.url, shared.pool, tuple(leases), outcome)
    state = (await store.snapshot()).deployments["a"]
    assert state.inflight == len(staying) == 10
    assert state.tokens == 200 * 120
    assert state.spend_nano == 200 * 3
    assert state.used["tokens/3600"] == 200 * 120 + 10 * 10
    assert state.ok == 200
    assert set(shared.held()) == {lease.id for lease in staying}
    again, refused = await tries(store, ask(input_tokens=1), 300)
    assert (len(again), len(refused)) == (200, 100), "the slots that came back are those that were released"


@pytest.mark.slow
@pytest.mark.parametrize("limit", LIMITS)
async def test_eight_threads_with_a_thousand_tasks_each_admit_exactly_the_limit(memory: Place, limit: str) -> None:
    """One Store on memory://, an event loop in each thread."""
    limits, request = LIMITS[limit]
    store = memory.store()
    await store.register([declared(limits=limits)])
    start = threading.Barrier(8)

    def thread(_: int) -> tuple[int, int]:
        start.wait()
        granted, refused = asyncio.run(tries(store, request, TIMES))
        return len(granted), len(refused)

    with ThreadPoolExecutor(8) as threads:
        told = await asyncio.gather(*(asyncio.wrap_future(threads.submit(thread, i)) for i in range(8)))
    assert sum(granted for granted, _ in told) == ADMITTED
    assert sum(refused for _, refused in told) == 8 * TIMES - ADMITTED


@pytest.mark.parametrize("limit", LIMITS)
async def test_many_tasks_of_several_workers_admit_exactly_the_limit_and_then_as_much_as_came_back(
    place: Place, limit: str
) -> None:
    limits, request = LIMITS[limit]
    stores = [place.store() for _ in range(4)]
    await stores[0].register([declared(limits=limits)])
    told = await asyncio.gather(*(tries(store, request, 300) for store in stores))
    leases = [lease for granted, _ in told for lease in granted]
    assert len(leases) == ADMITTED
    stores[0].cancel(leases[0])
    stores[0].cancel(leases[1])
    await stores[0].flush()
    told = await asyncio.gather(*(tries(store, request, 10) for store in stores))
    assert sum(len(granted) for granted, _ in told) == 2


async def admitted_by(store: Store, request: Acquire) -> int:
    """How many of 1,200 are admitted, in batches of different callers."""
    granted, _ = await tries(store, request, 1200)
    return len(granted)


MUTANTS = {
    # what is broken -> limit that shows it, place in the script, what stands there instead
    "nothing is added to windows": ("requests", r"(?m)^ *window\.add\(.*\)$", ""),
    "nothing is added to windows of tokens": ("tokens", r"(?m)^ *window\.add\(.*\)$", ""),
    "in-flight does not grow": ("concurrent", r"deployment\.count\(d, 1\)", "local _ = d"),
}


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_script_that_does_not_reserve_is_seen_by_these_tests(place: Place, mutant: str) -> None:
    """The same check on the script as it is and on one without its reservation."""
    limit, pattern, instead = MUTANTS[mutant]
    limits, request = LIMITS[limit]
    sound, broken = place.store(), place.store(pool=f"{place.pool}-mutant")
    broken.calls_script = edited(sound.calls_script, pattern, instead)
    for store in (sound, broken):
        await store.register([declared(limits=limits)])
    assert await admitted_by(sound, request) == ADMITTED
    assert await admitted_by(broken, request) > ADMITTED


@pytest.mark.slow
async def test_a_script_that_releases_twice_is_seen_by_these_tests(place: Place) -> None:
    """The record of a settled lease is what makes a second settle harmless."""
    store = place.store()
    store.calls_script = edited(store.calls_script, r'(?m)^ *image\.set\("lease", lease\.id, false\)$', "")
    await store.register([declared(limits={"concurrent": 10})])
    leases, _ = await tries(store, ask(), 10)
    await settled(store, *leases[:2])
    await settled(store, *leases[:2])
    again, refused = await tries(store, ask(), 10)
    assert (len(again), len(refused)) != (2, 8)


async def test_a_request_for_two_deployments_never_takes_from_both(place: Place) -> None:
    """All or nothing: 300 calls leave exactly 300 reservations over all deployments and limits."""
    store = place.store()
    await store.register([declared(id, limits={"requests/60": 100, "tokens/60": 950}) for id in "abcd"])
    found: list[Lease | Refused] = []
    for _ in range(10):
        granted, refused = await tries(store, ask("a", "b", "c", "d", input_tokens=10), 50)
        found += [*granted, *refused]
    admitted = [x for x in found if isinstance(x, Lease)]
    assert len(admitted) == 4 * 95
    state = (await store.snapshot()).deployments
    for id in "abcd":
        mine = sum(lease.deployment == id for lease in admitted)
        assert (state[id].inflight, state[id].used["requests/60"], state[id].used["tokens/60"]) == (
            mine,
            mine,
            10 * mine,
        )
