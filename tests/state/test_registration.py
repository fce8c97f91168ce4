"""Many workers describe their deployments; nobody takes away another's, and what operators changed stays."""

from __future__ import annotations

import asyncio
import time

import pytest

from router_core.state.records import Declared, Refused
from router_core.state.store import Store
from tests.state.kit import Place, ask, beat, declared, ended, settled, tries


async def worker(place: Place, *deployments: Declared) -> Store:
    store = place.store()
    await store.register(deployments)
    return store


async def kinds(store: Store) -> list[str]:
    return [event.kind for event in await store.events(1000)]


async def weight(store: Store, id: str = "a") -> float:
    return (await store.snapshot()).deployments[id].weight


async def test_two_workers_with_other_deployments_have_one_pool(place: Place) -> None:
    first = await worker(place, declared("a"), declared("b"))
    second = await worker(place, declared("b"), declared("c"))
    for store in (first, second):
        assert set((await store.snapshot()).deployments) == {"a", "b", "c"}
        assert len((await store.snapshot()).workers) == 2


async def test_what_was_declared_is_what_the_snapshot_says(place: Place) -> None:
    limits = {"requests/60": 5, "tokens/86400": 10**12, "concurrent": 3}
    one = declared("openai/gpt 4|x=1%", "my group", weight=0.25, order=2, limits=limits, input_price=150, version=3)
    state = (await (await worker(place, one)).snapshot()).deployments[one.id]
    assert (state.group, state.provider, state.account) == (one.group, one.provider, one.account)
    assert (state.weight, state.order, dict(state.limits), state.input_price) == (0.25, 2, limits, 150)
    assert state.output_price is None


async def test_a_higher_version_wins_and_a_lower_one_is_ignored_with_one_event(place: Place) -> None:
    first = await worker(place, declared(weight=1, version=1))
    second = await worker(place, declared(weight=2, version=2))
    assert await weight(first) == 2
    for _ in range(5):
        await first.register([declared(weight=1, version=1)])
    assert await weight(second) == 2
    assert (await kinds(first)).count("older-version-ignored") == 1


async def test_a_difference_at_equal_versions_is_reported_once_and_changes_nothing(place: Place) -> None:
    first = await worker(place, declared(weight=1))
    others = [await worker(place, declared(weight=2)) for _ in range(4)]
    assert await weight(others[0]) == 1
    assert (await kinds(first)).count("declarations-differ") == 1


async def test_the_same_declaration_again_changes_nothing(place: Place) -> None:
    store = await worker(place, declared(limits={"requests/60": 5}))
    before = place.dump()
    await store.register([declared(limits={"requests/60": 5})])
    assert place.dump() == before


async def test_a_deployment_is_retired_when_the_last_live_worker_that_lists_it_leaves(place: Place) -> None:
    first = await worker(place, declared("a"), declared("b"))
    second = await worker(place, declared("b"))
    await first.aclose()
    assert set((await second.snapshot()).deployments) == {"b"}
    assert "retired" in await kinds(second)


async def test_a_deployment_is_retired_when_the_last_worker_that_lists_it_dies(place: Place) -> None:
    first = await worker(place, declared("a"), declared("b"))
    second = await worker(place, declared("b"))
    place.silence(first)
    await beat(second)
    assert set((await second.snapshot()).deployments) == {"b"}


async def test_workers_with_the_same_configuration_leave_one_by_one_and_it_stays_until_the_last(place: Place) -> None:
    workers = [await worker(place, declared("a"), declared("b")) for _ in range(3)]
    watcher = await worker(place, declared("z", "other"))
    for store in workers[:2]:
        await store.aclose()
        assert set((await watcher.snapshot()).deployments) == {"a", "b", "z"}
    await workers[2].aclose()
    assert set((await watcher.snapshot()).deployments) == {"z"}


async def test_a_worker_that_drops_a_deployment_from_its_configuration_retires_it(place: Place) -> None:
    store = await worker(place, declared("a"), declared("b"))
    await store.register([declared("b")])
    assert set((await store.snapshot()).deployments) == {"b"}


async def test_a_retired_deployment_keeps_its_running_calls_and_its_used_windows(place: Place) -> None:
    limits = {"requests/3600": 3, "concurrent": 3}
    store = await worker(place, declared("a", limits=limits), declared("b"))
    running, _ = await tries(store, ask("a"), 2)
    await store.register([declared("b")])
    await settled(store, running[0])
    await store.register([declared("a", limits=limits), declared("b")])
    state = (await store.snapshot()).deployments["a"]
    assert (state.inflight, state.used["requests/3600"]) == (1, 2)
    granted, refused = await tries(store, ask("a"), 3)
    assert (len(granted), len(refused)) == (1, 2)


async def test_a_retired_deployment_is_forgotten_after_an_hour(place: Place) -> None:
    store = await worker(place, declared("a", limits={"requests/60": 3}), declared("b"))
    await settled(store, await store.acquire(ask("a")), outcome=ended("ok", 1, 1, sample=(None, 9.0)))
    await store.register([declared("b")])
    place.move(3_700_000)
    await beat(store)
    for name, content in place.dump().items():
        if name not in ("events", "config"):
            assert not [field for field in content if field.split("/")[0] == "a"], name


async def test_a_retired_deployment_of_a_dead_worker_that_comes_back_serves_again(place: Place) -> None:
    first, second = await worker(place, declared("a")), await worker(place, declared("b"))
    place.silence(first)
    await beat(second)
    await beat(first)
    assert (await first.acquire(ask("a"))).deployment == "a"


async def test_overrides_survive_registration_restart_and_a_higher_version(place: Place) -> None:
    store = await worker(place, declared(weight=1, limits={"requests/60": 10}))
    await store.control("weight", "a", weight=7)
    await store.control("limits", "a", **{"requests/60": 2})
    await store.register([declared(weight=3, limits={"requests/60": 20}, version=5)])
    await store.aclose()
    again = await worker(place, declared(weight=3, limits={"requests/60": 20}, version=5))
    state = (await again.snapshot()).deployments["a"]
    assert (state.weight, state.limits["requests/60"]) == (7, 2)
    assert dict(state.overrides) == {"weight": "7", "requests/60": "2"}
    await again.control("clear", "a")
    state = (await again.snapshot()).deployments["a"]
    assert (state.weight, state.limits["requests/60"], dict(state.overrides)) == (3, 20, {})


async def test_one_override_can_be_taken_back_alone(place: Place) -> None:
    store = await worker(place, declared(weight=1, limits={"requests/60": 10}))
    await store.control("weight", "a", weight=7)
    await store.control("limits", "a", **{"requests/60": 2, "concurrent": 1})
    await store.control("limits", "a", **{"requests/60": "-"})
    state = (await store.snapshot()).deployments["a"]
    assert (state.weight, dict(state.limits)) == (7, {"requests/60": 10, "concurrent": 1})


async def test_every_worker_hears_of_a_change_with_its_next_heartbeat(place: Place) -> None:
    first, second = await worker(place, declared()), await worker(place, declared())
    await beat(second)
    before = second.settings_version
    await first.control("weight", "a", weight=9)
    await beat(second)
    assert second.settings_version > before


async def test_a_whole_new_group_starts_as_it_is_and_a_newcomer_to_it_slowly(place: Place) -> None:
    store = await worker(place, declared("a"), declared("b"))
    assert {state.health for state in (await store.snapshot()).deployments.values()} == {"closed"}
    place.move(60_000)
    await store.register([declared("a"), declared("b"), declared("c")])
    assert (await store.snapshot()).deployments["c"].health == "ramp"


async def test_a_pool_forgotten_by_redis_is_registered_again_by_whoever_calls(place: Place) -> None:
    """FLUSHALL while workers run: within a second they serve again, and an event says that the pool is new."""
    first, second = await worker(place, declared()), await worker(place, declared())
    for store in (first, second):
        await settled(store, await store.acquire(ask()))
    place.forget()
    deadline = time.monotonic() + 1
    served = 0
    while served < 2:
        assert time.monotonic() < deadline
        granted = [await tries(store, ask(), 1) for store in (first, second)]
        served = sum(len(leases) for leases, _ in granted)
        await asyncio.sleep(0.01)
    assert "pool-created" in await kinds(first)


async def test_a_rolling_deploy_with_changing_weights_under_traffic_has_no_error(place: Place) -> None:
    """Old and new configuration live at once: a leaves, c comes, b stays; a third process changes weights meanwhile."""
    old = [await worker(place, declared("a", version=1), declared("b", weight=1, version=1)) for _ in range(2)]
    operator = place.store()
    wrong: list[object] = []
    served: dict[str, int] = {"a": 0, "b": 0, "c": 0}
    stopped: set[Store] = set()

    async def caller(store: Store, *candidates: str) -> None:
        while store not in stopped:
            try:
                lease = await store.acquire(ask(*candidates))
            except Exception as error:
                wrong.append(error)
                return
            served[lease.deployment] += 1
            await asyncio.sleep(0.001)
            store.settle(lease, ended("ok", 1, 1))

    async def operate() -> None:
        for i in range(30):
            await operator.control("weight", "b", weight=1 + i % 3)
            await asyncio.sleep(0.01)

    async def replace(store: Store, callers: list[asyncio.Task[None]]) -> None:
        new = await worker(place, declared("b", weight=2, version=2), declared("c", version=2))
        running.extend(asyncio.create_task(caller(new, "b", "c")) for _ in range(5))
        fresh.append(new)
        await asyncio.sleep(0.1)
        stopped.add(store)
        await asyncio.gather(*callers)
        await store.aclose()

    running: list[asyncio.Task[None]] = []
    fresh: list[Store] = []
    callers = {store: [asyncio.create_task(caller(store, "a", "b")) for _ in range(5)] for store in old}
    operating = asyncio.create_task(operate())
    for store in old:
        await replace(store, callers[store])
    await operating
    stopped.update(fresh)
    await asyncio.gather(*running)
    for store in fresh:
        await store.flush()
    assert wrong == []
    assert all(count > 10 for count in served.values()), served
    states = (await fresh[0].snapshot()).deployments
    assert set(states) == {"b", "c"}
    assert [state.inflight for state in states.values()] == [0, 0]
    assert dict(states["b"].overrides) == {"weight": "3"}
    assert states["b"].weight == 3


async def test_a_candidate_nobody_registered_is_refused_as_unknown_and_the_others_serve(place: Place) -> None:
    store = await worker(place, declared("a"))
    granted, _ = await tries(store, ask("stranger", "a"), 20)
    assert {lease.deployment for lease in granted} == {"a"}
    with pytest.raises(Refused) as caught:
        await store.acquire(ask("stranger"))
    assert [(r.deployment, r.reason, r.ready_ms) for r in caught.value.refusals] == [("stranger", "unknown", None)]
