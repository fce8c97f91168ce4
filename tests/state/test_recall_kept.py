"""Cards and windows are kept for longer than they are known, as long as their texts stay the same; not all of them."""

from __future__ import annotations

import pytest

from router_core.state.records import Refused
from tests.state.kit import Place, ask, declared, edited, ended, settled, tries
from tests.state.test_recall import by_hand, later, two_releases

FORGOTTEN_MS = 100


async def test_two_releases_that_forget_between_their_calls_keep_to_one_limit(memory: Place) -> None:
    stores = await two_releases(memory)
    leases = []
    for number in range(10):
        leases.append(await stores[number // 2 % 2].acquire(ask()))
        later(memory, FORGOTTEN_MS)
    for store in stores:
        with pytest.raises(Refused, match="requests/60"):
            await store.acquire(ask())
    for number, lease in enumerate(leases):
        await settled(stores[number % 2], lease)
        later(memory, FORGOTTEN_MS)
    assert (memory.inflight("a"), memory.used("a/requests/60"), memory.used("a/ok/60")) == (0, 10, 10)


@pytest.mark.parametrize("cards", [0, 4, 16384])
@pytest.mark.parametrize("windows", [0, 4, 4096])
async def test_however_few_are_kept_no_call_is_lost(memory: Place, cards: int, windows: int) -> None:
    """Twelve deployments of two calls each: one after the other is forgotten and comes again."""
    store, ids = memory.store(), [f"d{number}" for number in range(12)]
    kept = f"cards = {cards}, windows = {windows}"
    store.calls_script = edited(store.calls_script, "cards = 16384, windows = 4096", kept)
    await store.register([declared(id, limits={"requests/60": 2, "concurrent": 2}) for id in ids])
    leases = []
    for number in range(24):
        leases.append(await store.acquire(ask(*ids[number % 12 :], *ids[: number % 12])))
        later(memory, 40)
    assert {id: memory.inflight(id) for id in ids} == dict.fromkeys(ids, 2)
    _, refused = await tries(store, ask(*ids), 3)
    assert len(refused) == 3
    for lease in leases:
        await settled(store, lease, outcome=ended(input=1, output=1))
        later(memory, 40)
    assert {id: (memory.inflight(id), memory.used(f"{id}/requests/60")) for id in ids} == dict.fromkeys(ids, (0, 2))


async def test_of_a_window_whose_text_is_the_same_the_older_slots_are_read_again(memory: Place) -> None:
    """Another release may have moved calls between them."""
    store = memory.store()
    await store.register([declared(limits={"requests/60": 2})])
    await store.acquire(ask())
    later(memory, 2000)
    await store.acquire(ask())

    async def earliest() -> float:
        with pytest.raises(Refused) as refused:
            await store.acquire(ask())
        assert refused.value.earliest is not None
        return refused.value.earliest

    before = await earliest()
    (slot,) = (field for field in memory.column("window") if field.startswith("a/requests/60:"))
    amount, last_ms = memory.column("window")[slot].split()
    at_its_end = int(last_ms) // 1000 * 1000 + 999  # of the slot's second
    by_hand(memory, "HSET", "window", slot, f"{amount} {at_its_end}")
    later(memory, FORGOTTEN_MS)
    assert await earliest() == pytest.approx(before + (at_its_end - int(last_ms) - FORGOTTEN_MS) / 1000, abs=0.01)


async def test_a_text_that_does_not_say_all_of_a_window_is_read_anew(memory: Place) -> None:
    """As former releases wrote it: the newest slot stands where the others do."""
    store = memory.store()
    await store.register([declared(limits={"requests/60": 3})])
    await store.acquire(ask())
    sum, oldest, amount, last_ms = memory.column("used")["a/requests/60"].split()
    slot = f"a/requests/60:{int(last_ms) // 1000 % 76}"
    for more in range(3):
        by_hand(memory, "HSET", "used", "a/requests/60", f"{int(sum) + more} {oldest}")
        by_hand(memory, "HSET", "window", slot, f"{int(amount) + more} {last_ms}")
        for _ in range(2):
            later(memory, FORGOTTEN_MS)
            assert (await store.explain(ask())).chosen == ("a" if more < 2 else None)
    later(memory, 1000)
    by_hand(memory, "HSET", "used", "a/requests/60", f"2 {oldest}")
    by_hand(memory, "HSET", "window", slot, f"2 {last_ms}")
    await store.acquire(ask())
    assert memory.used("a/requests/60") == 3
