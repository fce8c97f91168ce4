"""A call whose own user's limit is full waits, but keeps nobody else from room."""

from __future__ import annotations

import asyncio

import pytest

from router_core.state.records import Acquire, Lease, Refused, Rows
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, settled, tried
from tests.state.waiting_kit import queued, tickets


def of(user: str, **more: object) -> Acquire:
    """A call of a user, who is its caller too."""
    return ask(**{"subjects": (f"user:{user}",), "caller": user, **more})


async def two(place: Place, slots: int, **limits: int | str) -> tuple[Store, Store]:
    """Two workers before a deployment with so many slots, and what alice may."""
    rows = [Rows("user:alice", {name.replace("_", "/", 1): amount for name, amount in limits.items()})]
    stores = place.store(), place.store()
    for store in stores:
        await store.register([declared(limits={"concurrent": slots})], rows)
    return stores


async def waits(place: Place, store: Store, request: Acquire, count: int) -> asyncio.Task[Lease]:
    """The call waits in the queue, where so many do then."""
    task = asyncio.create_task(store.acquire(request))
    await asyncio.sleep(0.05)
    await queued(place, count)
    return task


async def test_one_that_waits_for_its_own_limit_alone_has_no_ticket(place: Place) -> None:
    here, there = await two(place, 2, concurrent=1)
    first = await here.acquire(of("alice"))
    second = await waits(place, here, of("alice", max_wait=20.0), 0)
    assert isinstance(await tried(there, of("bob")), Lease)
    await settled(here, first)
    assert (await second).deployment == "a"


async def test_nor_has_one_that_waits_for_a_slot_too(place: Place) -> None:
    """Both are full, the deployment and alice's own limit."""
    here, there = await two(place, 2, concurrent=1)
    first, other = await here.acquire(of("alice")), await there.acquire(of("bob"))
    second = await waits(place, here, of("alice", max_wait=20.0), 0)
    await settled(there, other)
    assert isinstance(await tried(there, of("bob")), Lease), "nobody stands before him"
    await settled(here, first)
    assert (await second).deployment == "a"


async def test_a_wait_that_its_own_limit_outlasts_fails_at_once_and_says_so(place: Place) -> None:
    """Whatever else is full; and it says when his limit has room, not when a slot has."""
    here, _ = await two(place, 1, requests_3600=1)
    await here.acquire(of("alice"))
    refused = await asyncio.wait_for(tried(here, of("alice", max_wait=50.0)), 10)
    assert isinstance(refused, Refused)
    assert [one.reason for one in refused.refusals] == ["user:alice/requests/3600"]
    assert refused.earliest is not None
    assert 3500 < refused.earliest <= 3600
    assert tickets(place) == 0


@pytest.mark.parametrize("limit", [{"concurrent": 1}, {"requests_3600": 1}])
async def test_tickets_of_a_user_who_came_to_his_limit_meanwhile_keep_no_room(
    place: Place, limit: dict[str, int]
) -> None:
    here, there = await two(place, 2, **limit)
    running = [await there.acquire(of("bob")) for _ in range(2)]
    calls = [await waits(place, here, of("alice", max_wait=20.0), count) for count in (1, 2)]
    await settled(there, running.pop())
    done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert len(done) == 1
    await settled(there, running.pop())
    assert isinstance(await tried(there, of("bob")), Lease), "the other call of alice may not be served now"
    assert tickets(place) == 0
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("scope", ["team", "tag"])
@pytest.mark.parametrize("row", ["concurrent", "requests/3600", "tokens/3600"])
async def test_tickets_of_other_users_of_a_team_that_came_to_its_limit_keep_no_room(
    place: Place, scope: str, row: str
) -> None:
    """Alice is served, and with her the team is full: Carol's ticket is gone before Carol asks again."""
    shared = f"{scope}:red"
    here, there, elsewhere = place.store(), place.store(), place.store()
    for store in (here, there, elsewhere):
        await store.register([declared(limits={"concurrent": 2})], [Rows(shared, {row: 10 if "tokens" in row else 1})])

    def of_team(user: str) -> Acquire:
        return of(user, subjects=(f"user:{user}", shared), input_tokens=8, max_wait=20.0)

    running = [await there.acquire(of("bob", input_tokens=8)) for _ in range(2)]
    alice = await waits(place, here, of_team("alice"), 1)
    carol = await waits(place, elsewhere, of_team("carol"), 2)
    dave = await waits(place, here, of("dave", input_tokens=8, max_wait=20.0), 3)
    await settled(there, running.pop())
    await asyncio.wait_for(alice, 10)
    assert not any("carol" in ticket for ticket in place.members("waiting:g"))
    await settled(there, running.pop())
    assert (await asyncio.wait_for(dave, 10)).deployment == "a", "he stood behind her"
    carol.cancel()
    await asyncio.gather(carol, return_exceptions=True)
    assert tickets(place) == 0


async def test_others_who_wait_in_the_same_process_are_told_of_room(place: Place) -> None:
    """Alice's call is first in line there, and of no use to it."""
    here, there = await two(place, 2, concurrent=1)
    first, other = await there.acquire(of("alice")), await here.acquire(of("bob"))
    alice = await waits(place, here, of("alice", max_wait=20.0), 0)
    bobs = [await waits(place, here, of("bob", max_wait=20.0), count) for count in (1, 2, 3)]
    for bob in bobs:
        await settled(here, other)
        other = await bob
    assert not alice.done()
    await settled(there, first)
    assert (await alice).deployment == "a"
