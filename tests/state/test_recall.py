"""What a script knows from its last run is read again when somebody else wrote, and after 100 ms in any case."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.state.records import Refused, StateError
from router_core.state.store import Store
from tests.state.kit import Place, Raw, ask, declared, edited, question, serving, settled, tries

LIMITS: dict[str, Any] = {"requests/60": 10, "concurrent": 100}
LATER = 10**15


def by_hand(place: Place, command: str, column: str, *words: str) -> None:
    """As an operator does it, who tells nobody: `place.do` does, for tests that look at once."""
    place._raw(command, place.prefix + column, *words)


def later(place: Place, ms: int) -> None:
    assert place.clock_ms is not None
    place.clock_ms += ms


async def two_releases(place: Place) -> list[Store]:
    """A worker of each, both with deployment a; their scripts have memories of their own."""
    stores = [place.store(), place.store()]
    stores[1].calls_script = edited(stores[1].calls_script, r"local REAPED = 8", "local REAPED = 9")
    for store in stores:
        await store.register([declared(limits=LIMITS)])
    return stores


async def test_two_releases_see_each_others_writes_at_once(memory: Place) -> None:
    """Time stands still, so neither forgets by itself."""
    stores = await two_releases(memory)
    leases = []
    for number in range(10):
        leases.append(await stores[number % 2].acquire(ask()))
        assert memory.inflight("a") == number + 1
    for store in stores:
        with pytest.raises(Refused, match="requests/60"):
            await store.acquire(ask())
    for number, lease in enumerate(leases):
        await settled(stores[number % 2], lease)
    assert memory.inflight("a") == 0
    assert memory.used("a/requests/60") == 10


async def test_a_weight_set_by_control_counts_for_the_next_decision(memory: Place) -> None:
    """Another script writes it: the one of calls has just read the settings."""
    store = await serving(memory, **LIMITS)
    await settled(store, await store.acquire(ask()))
    await store.control("drain", "a")
    with pytest.raises(Refused, match="drained"):
        await store.acquire(ask())


async def test_an_operators_hand_is_seen_after_a_tenth_of_a_second(memory: Place) -> None:
    store = await serving(memory, **LIMITS)
    await settled(store, await store.acquire(ask()))
    text = memory.column("settings")["a"]
    by_hand(memory, "HSET", "settings", "a", f"drained {text}")
    later(memory, 99)
    await settled(store, await store.acquire(ask()))
    later(memory, 1)
    with pytest.raises(Refused, match="drained"):
        await store.acquire(ask())


async def test_the_number_of_writes_moves_with_each_run_that_writes_and_every_ten_milliseconds(memory: Place) -> None:
    store = await serving(memory, **LIMITS)

    async def moves(asked: bool) -> bool:
        before = memory.do("HGET", "lease", "~writes")
        await (store.acquire(ask()) if asked else store.explain(ask()))
        return bool(memory.do("HGET", "lease", "~writes") != before)

    assert await moves(asked=True)
    assert not await moves(asked=False)
    later(memory, 10)
    assert await moves(asked=False)


async def test_what_is_read_all_the_time_is_read_anew_all_the_same(memory: Place) -> None:
    """Runs that follow each other closely do not put off what is due after a tenth of a second."""
    store = await serving(memory, **LIMITS)
    await settled(store, await store.acquire(ask()))
    text = memory.column("settings")["a"]
    by_hand(memory, "HSET", "settings", "a", f"drained {text}")
    for _ in range(4):
        later(memory, 20)
        await settled(store, await store.acquire(ask()))
    later(memory, 20)
    with pytest.raises(Refused, match="drained"):
        await store.acquire(ask())


async def test_a_key_that_is_replaced_before_it_is_read_again_leaves_all_others_in_step(memory: Place) -> None:
    """The run fails where it writes that key. What it holds is written all the same, and can be given back."""
    store = await serving(memory, **LIMITS)
    await settled(store, await store.acquire(ask()))
    by_hand(memory, "DEL", "used")
    by_hand(memory, "ZADD", "used", "1", "a")
    raw = Raw(memory, store)
    with pytest.raises(StateError, match="WRONGTYPE"):
        await raw.run(question("0.x.1", ask(), LATER))
    assert len(memory.held()) == memory.inflight("a") == 1
    before = memory.dump(without=("clock", "workers", "used"))
    (answer,) = await raw.run(question("0.x.2", ask(), LATER))
    assert "WRONGTYPE" in answer or answer.startswith("full "), "now it is read first"
    assert memory.dump(without=("clock", "workers", "used")) == before
    memory.do("DEL", "used")
    assert await raw.run("cancel 0.x.1 g -") == ["ok"]
    assert (memory.held(), memory.inflight("a")) == ({}, 0)


async def test_pools_on_one_server_do_not_know_each_others_deployments(memory: Place) -> None:
    """The same ids in both; the script's memory is one."""
    stores = [memory.store(), memory.store(pool=f"{memory.pool}-other")]
    for store in stores:
        await store.register([declared(limits={"concurrent": 1})])
    for store in stores:
        granted, refused = await tries(store, ask(), 2)
        assert (len(granted), len(refused)) == (1, 1)
