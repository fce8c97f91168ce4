"""A worker that cannot connect may have a broken network of its own: of several, two must say so."""

from __future__ import annotations

import pytest

from router_core.state.records import Breaker
from router_core.state.store import Store
from tests.state.health_kit import fail, pool_of, state, until
from tests.state.kit import Place, ask, settled

QUORUM = Breaker("ratio", quorum=True)
AT_ONCE = Breaker("now", quorum=True)


async def connect_fails(store: Store, times: int = 1, breaker: Breaker = QUORUM) -> None:
    for _ in range(times):
        await fail(store, "connect", breaker)


async def test_one_of_several_workers_that_cannot_connect_is_alone_in_that(place: Place) -> None:
    """Its own network may be broken: the breaker is not for one worker to open (Polly issue 287)."""
    broken, well = await pool_of(place), await pool_of(place)
    await connect_fails(broken, 9)
    await settled(well, await well.acquire(ask()))
    now = await state(well)
    assert (now.health, now.failed) == ("closed", 0)


async def test_a_second_workers_word_makes_all_of_them_count(place: Place) -> None:
    one, two = await pool_of(place), await pool_of(place)
    await connect_fails(one, 4)
    await connect_fails(two)
    now = await state(one)
    assert (now.health, now.reason) == ("open", "connect"), "4 and 1 are the five of the ratio"


async def test_both_stay_confirmed_for_a_minute_and_no_longer(memory: Place) -> None:
    one, two = await pool_of(memory), await pool_of(memory)
    await connect_fails(one, 1, AT_ONCE)
    memory.move(59_000)
    await connect_fails(two, 1, AT_ONCE)
    assert (await state(one)).health == "open"
    await one.control("reset", "a")
    await connect_fails(one, 1, AT_ONCE)
    memory.move(62_000)
    await connect_fails(two, 1, AT_ONCE)
    assert (await state(one)).health == "closed"


async def test_a_worker_that_is_the_only_one_needs_nobodys_word(place: Place) -> None:
    one, dead = await pool_of(place), await pool_of(place)
    place.silence(dead)
    await connect_fails(one, 5)
    assert (await state(one)).health == "open"


async def test_of_a_worker_that_is_alone_a_failed_probe_waits_again_but_no_longer(memory: Place) -> None:
    one, _ = await pool_of(memory), await pool_of(memory)
    await fail(one)
    for _ in range(3):
        memory.move(await until(memory) - memory.now_ms())
        await connect_fails(one, 1)
        assert await until(memory) - memory.now_ms() == 5_000
    assert (await state(one)).trips == 1


@pytest.mark.parametrize("text", ["", "x", "1 2 3", "x - 0 - 0 0", "- 1e999 - 0", "w x w 0"])
async def test_garbage_in_the_evidence_says_nothing(place: Place, text: str) -> None:
    store, _ = await pool_of(place), await pool_of(place)
    place.put("evidence", "a", text)
    await connect_fails(store, 1, AT_ONCE)
    await fail(store, breaker=Breaker("ratio"))
    assert (await state(store)).health == "closed"
