"""What a caller is told of the queue: its place, how many wait, when it may be served."""

from __future__ import annotations

import asyncio

import pytest

from router_core.state.records import Refused
from tests.state.kit import Place, ask, declared, tries
from tests.state.waiting_kit import one_slot, queued


async def test_who_gives_up_is_told_his_place_and_how_many_wait(place: Place) -> None:
    store, _ = await one_slot(place)
    waiting = [asyncio.create_task(store.acquire(ask(caller="abc", max_wait=20.0))) for _ in range(3)]
    await queued(place, 3)
    with pytest.raises(Refused, match="3 before it of 3 that wait") as caught:
        await store.acquire(ask(caller="abc", max_wait=0.2))
    assert (caught.value.place, caught.value.waiting, caught.value.earliest) == (3, 3, None)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_expected_wait_is_that_of_the_place(memory: Place) -> None:
    """Ten a minute, used up in two halves: five come back in 40 s, five in 60, and so on for each place."""
    store = memory.store()
    await store.register([declared(limits={"requests/60": 10})])
    await tries(store, ask(), 5)
    memory.move(20_000)
    await store.snapshot([])
    await tries(store, ask(), 5)
    waiting = [asyncio.create_task(store.acquire(ask(max_wait=300.0))) for _ in range(5)]
    await queued(memory, 5)
    with pytest.raises(Refused) as caught:
        await store.acquire(ask())
    assert caught.value.place == 5
    assert caught.value.earliest == pytest.approx(60.0, abs=0.2)
    told = await store.explain(ask(caller="other"))
    assert (told.chosen, told.place, told.waiting) == (None, 1, 5)
    assert told.earliest == pytest.approx(40.0, abs=0.2)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_full_queue_is_said_at_once(place: Place) -> None:
    store, _ = await one_slot(place)
    waiting = [asyncio.create_task(store.acquire(ask(max_wait=20.0, max_queue=2))) for _ in range(2)]
    await queued(place, 2)
    with pytest.raises(Refused) as caught:
        await store.acquire(ask(max_wait=20.0, max_queue=2))
    assert [(one.deployment, one.reason) for one in caught.value.refusals] == [("a", "queue_full")]
    assert (caught.value.place, caught.value.waiting) == (2, 2)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_call_that_does_not_wait_sees_an_empty_queue(place: Place) -> None:
    store, _ = await one_slot(place)
    with pytest.raises(Refused) as caught:
        await store.acquire(ask())
    assert (caught.value.place, caught.value.waiting) == (0, 0)
