"""What providers say of the limits themselves: believed, discovered, overridden, forgotten."""

from __future__ import annotations

from tests.state.kit import Place, Raw, ask, beat, declared, serving, tries
from tests.state.observed_kit import foreign, hears, in_force, used

HOUR = 3_600_000


async def test_a_lower_limit_counts_once_it_was_heard_twice(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100, "tokens/60": 1000})
    await hears(place, store, "requests/60", 60, 60)
    assert await in_force(store) == {"requests/60": 100, "tokens/60": 1000}
    await hears(place, store, "requests/60", 60, 60)
    assert (await in_force(store))["requests/60"] == 100, "in the same second it may be one mistake"
    place.move(1000)
    await hears(place, store, "requests/60", 60, 60)
    assert await in_force(store) == {"requests/60": 60, "tokens/60": 1000}
    assert (await store.snapshot()).deployments["a"].observed["requests/60"].limit == 60
    assert await foreign(store) == 0, "the limit says it all now"
    granted, _ = await tries(store, ask(), 100)
    assert len(granted) == 60
    place.move(30_000)
    await hears(place, store, "requests/60", 60, 0)
    assert [(e.deployment, e.detail) for e in await store.events() if e.kind == "limit-observed"] == [
        ("a", "requests/60=60")
    ], "once a change"


async def test_limits_that_alternate_change_nothing(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    for limit in (60, 80, 60, 80, 60):
        await hears(place, store, "requests/60", limit, limit)
        place.move(5000)
    assert await in_force(store) == {"requests/60": 100}


async def test_a_higher_limit_than_ours_changes_nothing(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    for _ in range(3):
        await hears(place, store, "requests/60", 1000, 500)
        place.move(2000)
    assert await in_force(store) == {"requests/60": 100}
    assert place.column("observed") == {}, "nothing is kept"


async def test_a_provider_that_gives_more_again(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    for limit in (60, 60, 200, 200):
        await hears(place, store, "requests/60", limit, limit)
        place.move(2000)
    assert await in_force(store) == {"requests/60": 100}
    assert [e.detail for e in await store.events() if e.kind == "limit-observed"] == [
        "requests/60=100",
        "requests/60=60",
    ]


async def test_limits_are_discovered_where_that_is_wanted(place: Place) -> None:
    store = place.store()
    await store.register(
        [declared(limits={"tokens/60": 500, "concurrent": 5}, discover=True), declared("b", limits={})]
    )
    for _ in range(2):
        await hears(place, store, "requests/60", 7, 7)
        await hears(place, store, "tokens/60", 9000, 9000)
        await Raw(place, store).run(f"observe b {place.now_ms()} 0 requests/60=7:7")
        place.move(2000)
    assert await in_force(store) == {"tokens/60": 9000, "concurrent": 5, "requests/60": 7}
    assert (await store.snapshot()).deployments["b"].limits == {}
    await hears(place, store, "requests/60", 7, 3)
    assert await foreign(store) == 4


async def test_operators_have_the_last_word_and_can_forget(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    for _ in range(2):
        await hears(place, store, "requests/60", 60, 20)
        place.move(2000)
    assert (await in_force(store), await foreign(store)) == ({"requests/60": 60}, 40)
    await store.control("limits", "a", **{"requests/60": 80})
    assert (await in_force(store), await foreign(store)) == ({"requests/60": 80}, 40)
    for _ in range(2):
        await hears(place, store, "requests/60", 60, 60)
        place.move(2000)
    assert await in_force(store) == {"requests/60": 80}
    await store.control("clear", "a")
    assert await in_force(store) == {"requests/60": 60}
    await store.control("reset", "a")
    assert (await in_force(store), await foreign(store), await used(store)) == ({"requests/60": 100}, 0, 0)
    assert place.column("observed") == {}


async def test_what_was_heard_last_an_hour_ago_is_forgotten(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    for _ in range(2):
        await hears(place, store, "requests/60", 60, 60)
        place.move(2000)
    place.move(HOUR - 10_000)
    await beat(store)
    assert await in_force(store) == {"requests/60": 60}
    place.move(2 * HOUR)
    await beat(store)
    assert await in_force(store) == {"requests/60": 100}
    assert (place.column("observed"), "observed" in place.column("config")) == ({}, False)


async def test_it_survives_that_a_worker_registers_again(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    for _ in range(2):
        await hears(place, store, "requests/60", 60, 60)
        place.move(2000)
    await serving(place, place.store(), **{"requests/60": 100})
    assert await in_force(store) == {"requests/60": 60}


async def test_a_garbled_version_of_the_settings_changes_nothing_half_way(place: Place) -> None:
    store = await serving(place, None, **{"requests/60": 100})
    await hears(place, store, "requests/60", 60, 1)
    place.move(2000)
    await beat(store)
    place.put("config", "version", "x")
    before = place.dump()
    (answer,) = await Raw(place, store).run(f"observe a {place.now_ms()} 0 requests/60=60:1")
    assert answer.startswith("error GARBLED")
    assert place.dump() == before
