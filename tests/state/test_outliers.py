"""Success-rate outliers by Envoy's rule: against the group, with enough hosts and results, a part of them at once."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from router_core.state.store import Store
from tests.state.health_kit import fail, state
from tests.state.kit import Place, beat, declared

RULE = "outliers=1.9,5,100,10,30000"
HOSTS = tuple("abcdefgh")
FINE = (990, 10)


async def group(place: Place, health: str = RULE, hosts: tuple[str, ...] = HOSTS) -> Store:
    store = place.store()
    await store.register([declared(id, health=health) for id in hosts])
    return store


def counted(place: Place, results: Mapping[str, tuple[int, int]]) -> None:
    """So many successes and failures stand in the minute."""
    slot = place.now_ms() // 1000
    for id, (ok, failed) in results.items():
        place.put("used", f"{id}/ok/60", f"{ok} {slot}")
        place.put("used", f"{id}/failed/60", f"{failed} {slot}")


async def looked(place: Place, store: Store, others: Mapping[str, tuple[int, int]]) -> set[str]:
    """Who is out after the next look, where all but `others` do as they should."""
    counted(place, {**dict.fromkeys(HOSTS, FINE), **others})
    await beat(store)
    states = (await store.snapshot()).deployments
    return {id for id, each in states.items() if (each.health, each.reason) == ("open", "outlier")}


async def test_who_succeeds_much_less_often_than_the_others_is_out(place: Place) -> None:
    """Forty of a hundred fail: less than half, so the ratio rule never sees it."""
    store = await group(place)
    assert await looked(place, store, {"c": (60, 40)}) == {"c"}
    now = await state(store, "c")
    assert (now.trips, round(now.cooling)) == (1, 30)


async def test_where_all_do_equally_badly_nobody_is(memory: Place) -> None:
    store = await group(memory)
    assert await looked(memory, store, dict.fromkeys(HOSTS, (60, 40))) == set()


async def test_a_spread_that_is_usual_in_the_group_is_no_outlier(memory: Place) -> None:
    store = await group(memory)
    rates = {id: (60 + 5 * i, 40 - 5 * i) for i, id in enumerate(HOSTS)}
    assert await looked(memory, store, rates) == set()


async def test_too_few_results_say_nothing(memory: Place) -> None:
    store = await group(memory)
    assert await looked(memory, store, {"c": (50, 49)}) == set()


async def test_too_few_hosts_say_nothing(memory: Place) -> None:
    store = await group(memory)
    few = dict.fromkeys(HOSTS[4:], (10, 0))
    assert await looked(memory, store, {"c": (60, 40)} | few) == set(), "four have enough results"
    memory.move(10_000)
    assert await looked(memory, store, {"c": (60, 40)} | few | {"h": FINE}) == {"c"}


async def test_a_part_of_the_group_at_once_but_always_one(memory: Place) -> None:
    store = await group(memory, "outliers=1,5,100,10,30000")
    two = {"c": (60, 40), "d": (50, 50)}
    assert await looked(memory, store, two) == {"d"}, "the worst; a second would be more than a tenth of eight"
    memory.move(10_000)
    assert await looked(memory, store, two) == {"d"}


async def test_that_part_is_declared(memory: Place) -> None:
    store = await group(memory, "outliers=1,5,100,25,30000")
    assert await looked(memory, store, {"c": (60, 40), "d": (50, 50)}) == {"c", "d"}


async def test_those_that_are_out_for_something_else_count_to_the_part(memory: Place) -> None:
    store = await group(memory)
    await fail(store)
    assert await looked(memory, store, {"c": (60, 40)}) == set()


async def test_its_time_doubles_while_it_does_not_get_better(memory: Place) -> None:
    store = await group(memory)
    waits = []
    for _ in range(5):
        await looked(memory, store, {"c": (60, 40)})
        waits.append((await state(store, "c")).cooling)
        text = memory.column("health")["c"].split(" ")
        now = memory.now_ms()
        memory.put("health", "c", " ".join(["closed", *text[1:3], str(now), str(now), *text[5:]]))
        memory.move(10_000)
    assert waits == [30, 60, 120, 240, 300]


async def test_one_look_of_the_fleet_in_ten_seconds(memory: Place) -> None:
    stores = [await group(memory) for _ in range(3)]
    assert await looked(memory, stores[0], {}) == set()
    assert await looked(memory, stores[1], {"c": (60, 40)}) == set()
    memory.move(10_000)
    assert await looked(memory, stores[2], {"c": (60, 40)}) == {"c"}


async def test_without_a_rule_nobody_looks(memory: Place) -> None:
    store = await group(memory, "")
    assert await looked(memory, store, {"c": (60, 40)}) == set()
    assert "outliers" not in memory.column("config")


async def test_when_the_rule_is_gone_nobody_looks_any_more(memory: Place) -> None:
    store = await group(memory)
    await store.register([declared(id, version=1) for id in HOSTS])
    assert await looked(memory, store, {"c": (60, 40)}) == set()
    assert "outliers" not in memory.column("config")


@pytest.mark.parametrize("text", ["x", "1", "x 1"])
async def test_garbage_of_one_leaves_the_others_to_be_compared(place: Place, text: str) -> None:
    store = await group(place)
    counted(place, dict.fromkeys(HOSTS, FINE) | {"c": (60, 40)})
    place.put("used", "a/ok/60", text)
    place.put("health", "b", "garbage")
    await beat(store)
    assert (await store.snapshot(["c"])).deployments["c"].reason == "outlier"


async def test_the_worker_whose_heartbeat_it_was_says_so(memory: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "router_core")
    store = await group(memory)
    await looked(memory, store, {"c": (60, 40)})
    assert [r.getMessage().split(": c: ")[1] for r in caplog.records if ": c: " in r.getMessage()] == [
        "cooldown outlier trips=1 ms=30000"
    ]
