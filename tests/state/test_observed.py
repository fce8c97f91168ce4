"""What providers say is used: others on the account are seen, nothing counts twice, garbage costs itself alone."""

from __future__ import annotations

import dataclasses

import pytest

from router_core.state.records import Heard, Lease, Refused
from tests.state.kit import Place, Raw, ask, beat, ended, serving, settled, tried, tries
from tests.state.observed_kit import foreign, hears, used


async def test_our_room_is_what_the_provider_has_left(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    await tries(store, ask(), 10)
    place.move(2000)
    await hears(place, store, "requests/60", 100, 5)
    assert await foreign(store) == 85
    granted, refused = await tries(store, ask(), 20)
    assert (len(granted), len(refused)) == (5, 15)
    assert {refusal.refusals[0].reason for refusal in refused} == {"requests/60"}


async def test_what_others_use_leaves_bit_by_bit_and_ours_stays(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    place.move(1000 - place.now_ms() % 1000)  # slots are seconds: what the steps take must not end one
    await hears(place, store, "requests/60", 100, 40)
    begin = place.now_ms()
    await tries(store, ask(), 10)
    seen = [await foreign(store)]
    for step in range(1, 7):
        place.move(begin + step * 10_000 - place.now_ms())
        await settled(store, await store.acquire(ask()))
        seen.append(await foreign(store))
    assert seen == sorted(seen, reverse=True)
    assert {60, 50, 40, 30, 20} <= set(seen), "a sixth each ten seconds; a slot counts until all of it is out"
    place.move(1001)
    await settled(store, await store.acquire(ask()))
    assert (await foreign(store), await used(store)) == (0, 7)


async def test_what_others_use_does_not_take_ours_along_when_it_leaves(memory: Place) -> None:
    """A part that is put into the slot of a call of ours, as of a moment before it."""
    store = await serving(memory, None, **{"requests/60": 20})
    assert memory.clock_ms is not None
    memory.move((900 - memory.clock_ms) % 1000)
    await tries(store, ask(), 14)
    memory.move(49_200)
    await hears(memory, store, "requests/60", 20, 0)
    assert await foreign(store) == 6
    memory.move(10_000 + 799)
    assert isinstance(await tried(store, ask()), Refused)
    memory.move(1)
    granted, _ = await tries(store, ask(), 20)
    assert len(granted) == 15


async def test_nothing_is_believed_for_longer_than_five_minutes(place: Place) -> None:
    store = await serving(place, None, **{"requests/86400": 100})
    await hears(place, store, "requests/86400", 100, 0)
    assert isinstance(await tried(store, ask()), Refused)
    place.move(301_000 + 360_000)
    assert isinstance(await tried(store, ask()), Lease)
    granted, _ = await tries(store, ask(), 99)
    assert len(granted) == 99


async def test_a_later_answer_lowers_it_but_never_below_ours(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    await tries(store, ask(), 10)
    place.move(2000)
    await hears(place, store, "requests/60", 100, 20)
    assert await foreign(store) == 70
    place.move(2000)
    await hears(place, store, "requests/60", 100, 60)
    assert await foreign(store) == 30
    place.move(2000)
    await hears(place, store, "requests/60", 100, 100)
    assert (await foreign(store), await used(store)) == (0, 10)
    assert place.column("observed") == {}


async def test_what_is_on_its_way_is_not_taken_for_others(place: Place) -> None:
    """The answer has counted one of ours at least, ten at most: what others use is only known so far."""
    store = await serving(place, None, **{"requests/60": 100})
    await tries(store, ask(), 10)
    await hears(place, store, "requests/60", 100, 99)
    assert await foreign(store) == 0
    await hears(place, store, "requests/60", 100, 85)
    assert await foreign(store) == 5
    await hears(place, store, "requests/60", 100, 90)
    assert await foreign(store) == 5, "none of ours may have been counted, so ten others are possible too"


async def test_what_left_our_window_a_moment_ago_may_still_count_there(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    await tries(store, ask(), 50)
    place.move(61_500)
    assert isinstance(await tried(store, ask()), Lease)  # it was all dropped
    assert await used(store) == 1
    await hears(place, store, "requests/60", 100, 45, ago=2500)
    assert await foreign(store) == 4


async def test_the_call_that_is_told_of_too_late_says_nothing(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    await hears(place, store, "requests/60", 100, 0, ago=15_000)
    assert await foreign(store) == 0
    await hears(place, store, "requests/60", 100, 0, ago=13_000)
    assert await foreign(store) == 100


async def test_after_a_429_what_is_on_its_way_hides_nobody(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    await tries(store, ask(), 10)
    place.move(3000)
    await tries(store, ask(), 5)
    await hears(place, store, "requests/60", 100, 0, ago=3000)
    assert await foreign(store) == 85
    await hears(place, store, "requests/60", 100, 0, ago=3000, refused=1)
    assert await foreign(store) == 90


async def test_what_a_429_was_refused_for_comes_back_where_the_provider_says_so(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100, "tokens/60": 1000, "requests/86400": 500})
    first, second = [await store.acquire(ask(input_tokens=50, output_tokens=50)) for _ in range(2)]
    await settled(store, first, outcome=ended("rate_limit"))
    assert (await used(store), await used(store, "tokens/60")) == (2, 200), "it says nothing of what it counted"
    await settled(store, second, outcome=ended("rate_limit", 0, 0))
    assert (await used(store), await used(store, "requests/86400"), await used(store, "tokens/60")) == (1, 1, 100)
    third = await store.acquire(ask(input_tokens=50, output_tokens=50))
    await settled(store, third, outcome=ended("ok", 0, 0))
    assert (await used(store), await used(store, "tokens/60")) == (2, 100), "an answer is a request"


@pytest.mark.parametrize("garbage", ["requests/60=x,1,1", "requests/60=1,1,1,x:1", "requests/60=", "requests/60=1"])
async def test_a_garbled_record_costs_the_observation_alone(place: Place, garbage: str) -> None:
    store = await serving(place, None, **{"requests/60": 100, "tokens/60": 1000})
    place.put("observed", "a", garbage)
    before = place.dump()
    answer = await hears(place, store, "requests/60", 60, 1)
    after = place.dump()
    before["config"] = after["config"]  # when somebody last looked after what is stale: any run may be the one
    assert answer.startswith("error ") or garbage == "requests/60="
    assert garbage == "requests/60=" or after == before
    assert isinstance(await tried(store, ask()), Lease)
    assert (await store.snapshot()).deployments["a"].limits == {"requests/60": 100, "tokens/60": 1000}
    await store.control("limits", "a", **{"requests/60": 90})
    await store.control("reset", "a")
    assert await hears(place, store, "requests/60", 60, 1) == "ok"


@pytest.mark.parametrize("field", ["a/tokens/60", "a/tokens/60:1"])
async def test_a_garbled_window_leaves_the_others_as_they_were(place: Place, field: str) -> None:
    store = await serving(place, None, **{"requests/60": 100, "tokens/60": 1000})
    column = "window" if ":" in field else "used"
    if column == "window":
        for slot in range(76):
            place.put("window", f"a/tokens/60:{slot}", "x")
    else:
        place.put("used", field, "x")
    await beat(store)
    before = place.dump()
    observation = f"observe a {place.now_ms()} 0 requests/60=50:1 tokens/60=1000:1"
    (answer,) = await Raw(place, store).run(observation)
    assert answer.startswith("error GARBLED")
    assert place.dump() == before


async def test_what_the_pool_does_not_know(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    raw = Raw(place, store)
    assert await raw.run("observe nobody 5 0 requests/60=1:1", "observe a 5 0 input/60=1:1 concurrent=1:0") == [
        "unknown",
        "ok",
    ]
    assert [x.split()[0] for x in await raw.run("observe", "observe a x 0", "observe a 1 0 requests/60=1")] == [
        "error",
        "error",
        "ok",
    ]
    assert place.column("observed") == {}


async def test_the_store_hands_it_over(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100, "tokens/60": 1000})
    lease = await store.acquire(ask())
    assert lease.at_ms > 0
    store.observe(lease, [])
    store.observe(lease, [Heard("requests/60", 100, 40), Heard("tokens/60", 1000, 900)])
    store.observe(dataclasses.replace(lease, at_ms=lease.at_ms), [Heard("requests/60", 100, 39)], refused=True)
    await settled(store, lease)
    assert await foreign(store) == 60
    assert await foreign(store, "tokens/60") == 100
    assert store.verbs["observe"] == 2
