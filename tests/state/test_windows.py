"""Rolling windows against an exact log: never above the limit, never less than the log minus the sub-bucket rule."""

from __future__ import annotations

from typing import Any

import pytest

from router_core.state.records import Refused
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, ended, settled, tries
from tests.state.ledger import Ledger

REQUESTS, TOKENS, WINDOW = 7, 100, 60


async def full(place: Place, limits: dict[str, int], **request: Any) -> tuple[Store, int]:
    """A deployment whose limits were just filled by equal requests; how many that took."""
    store = place.store()
    await store.register([declared(limits=limits)])
    granted, _ = await tries(store, ask(**request), 200)
    return store, len(granted)


async def test_used_plus_one_up_to_the_limit_is_admitted_and_not_one_more(place: Place) -> None:
    _, requests = await full(place, {"requests/60": 13})
    assert requests == 13


@pytest.mark.parametrize("seconds", [1, 7, 60, 3600, 86400])
async def test_room_comes_back_at_its_due_time_to_the_millisecond(memory: Place, seconds: int) -> None:
    store, granted = await full(memory, {f"requests/{seconds}": 3})
    assert granted == 3
    memory.move(seconds * 1000 - 1)
    with pytest.raises(Refused) as caught:
        await store.acquire(ask())
    assert caught.value.earliest == pytest.approx(0.001, abs=0.05)
    assert caught.value.refusals[0].ready_ms == memory.now_ms() + 1
    memory.move(1)
    granted_now, refused = await tries(store, ask(), 4)
    assert (len(granted_now), len(refused)) == (3, 1)


async def test_what_is_stored_of_a_window_is_all_of_it(memory: Place) -> None:
    """Nothing is known from one run to the next here: slots are found again that were left while others came."""
    store = memory.store()
    await store.register([declared(limits={"requests/60": 5})])

    async def taken() -> int:
        granted, _ = await tries(store, ask(), 6)
        memory.put("config", "hand", "made")
        return len(granted)

    for _ in range(5):
        await store.acquire(ask())
        memory.put("config", "hand", "made")
        memory.move(1500)
    assert [await taken() for _ in range(3)] == [0, 0, 0]
    memory.move(60_000 - 5 * 1500 - 1)
    for _ in range(5):
        assert await taken() == 0
        memory.move(1)
        assert await taken() == 1
        memory.move(1499)


async def test_a_window_as_former_releases_stored_it_counts_and_is_left_in_time(memory: Place) -> None:
    """They kept the newest slot with all others."""
    store = memory.store()
    await store.register([declared(limits={"requests/60": 5})])
    await tries(store, ask(), 3)
    total, oldest, amount, last_ms = memory.column("used")["a/requests/60"].split()
    assert (total, amount) == ("3", "3")
    memory.put("used", "a/requests/60", f"{total} {oldest}")
    memory.put("window", f"a/requests/60:{int(last_ms) // 1000 % 76}", f"{amount} {last_ms}")
    memory.move(5_000)
    assert [len(granted) for granted in await tries(store, ask(), 4)] == [2, 2]
    memory.move(54_999)
    assert len((await tries(store, ask(), 1))[0]) == 0
    memory.move(1)
    assert len((await tries(store, ask(), 4))[0]) == 3


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [60, 3600])
async def test_two_bursts_at_the_boundary_of_slots_never_exceed_the_limit(memory: Place, seconds: int) -> None:
    """With a ring of n instead of n + 1 slots 167 % would fit here; a fixed window lets 199 % through."""
    store = memory.store()
    await store.register([declared(limits={f"requests/{seconds}": 60})])
    log = Ledger(60, seconds)
    step = seconds * 1000 // 120
    for _ in range(360):
        granted, _ = await tries(store, ask(), 3)
        for _ in granted:
            log.add(memory.now_ms(), 1)
        assert log.inside(memory.now_ms()) <= 60
        memory.move(step)
    assert len(log.entries) >= 3 * 55, "and it is used"


async def test_a_batch_once_per_window_is_served_in_full(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"requests/60": 50})])
    for _ in range(5):
        granted, _ = await tries(store, ask(), 50)
        assert len(granted) == 50
        memory.move(60_000)


async def test_a_debt_is_paid_before_others_are_admitted_and_ends_with_its_window(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"tokens/60": 100})])
    lease = await store.acquire(ask(input_tokens=10))
    memory.move(5_000)
    other = await store.acquire(ask(input_tokens=90))
    await settled(store, lease, outcome=ended("ok", 10, 490))
    store.cancel(other)
    await store.flush()
    assert memory.used("a/tokens/60") == 500
    with pytest.raises(Refused) as caught:
        await store.acquire(ask(input_tokens=1))
    assert caught.value.refusals[0].reason == "tokens/60"
    memory.move(55_000)
    assert len((await tries(store, ask(input_tokens=100), 2))[0]) == 1


async def test_a_settle_after_the_window_of_its_reservation_changes_no_later_window(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"tokens/60": 100})])
    late = await store.acquire(ask(input_tokens=50, timeout=600))
    memory.move(60_001)
    await store.acquire(ask(input_tokens=60))
    memory.move(1_500)
    await settled(store, late, outcome=ended("ok", 5_000, 0))
    assert memory.used("a/tokens/60") == 60
    assert (await store.snapshot()).deployments["a"].tokens == 5_000


async def test_input_above_the_limit_is_too_large_and_an_output_that_does_not_fit_takes_the_limit(
    memory: Place,
) -> None:
    store = memory.store()
    await store.register([declared(limits={"tokens/60": 100})])
    with pytest.raises(Refused) as caught:
        await store.acquire(ask(input_tokens=101, max_wait=30.0))
    assert [(r.reason, r.ready_ms) for r in caught.value.refusals] == [("too_large", None)]
    assert caught.value.earliest is None
    await store.acquire(ask(input_tokens=60, output_tokens=100))
    assert memory.used("a/tokens/60") == 100


async def test_windows_of_two_lengths_hold_at_once(memory: Place) -> None:
    store = memory.store()
    await store.register([declared(limits={"requests/60": 5, "requests/86400": 12})])
    admitted, refused = [], list[Refused]()
    for _ in range(6):
        granted, refused = await tries(store, ask(), 20)
        admitted.append(len(granted))
        memory.move(60_000)
    assert admitted == [5, 5, 2, 0, 0, 0]
    assert refused[0].refusals[0].reason == "requests/86400"


@pytest.mark.parametrize("back", [3_600_000, 90_000, 1])
async def test_a_server_clock_that_steps_back_does_not_stop_the_pools(memory: Place, back: int) -> None:
    """And when it is put right again, nothing that was refused before is forgotten wrongly."""
    store, _ = await full(memory, {"requests/60": 4})
    before = memory.now_ms()
    assert memory.clock_ms is not None
    memory.clock_ms -= back
    with pytest.raises(Refused):
        await store.acquire(ask())
    assert memory.now_ms() == before + 10, "no run was told a later time than this"
    memory.move(59_989)
    with pytest.raises(Refused):
        await store.acquire(ask())
    memory.move(1)
    assert len((await tries(store, ask(), 6))[0]) == 4
    assert before + 59_990 < memory.now_ms() <= before + 60_000


async def test_a_worker_whose_own_clock_is_wrong_is_served_alike(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """One clock, the pool's."""
    import time

    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 7_200)
    store, granted = await full(place, {"requests/60": 4})
    assert granted == 4
    with pytest.raises(Refused) as caught:
        await store.acquire(ask())
    assert caught.value.earliest is not None
    assert 55 < caught.value.earliest <= 60
