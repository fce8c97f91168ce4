"""What a script knows of users, teams and tags from its last run: as long as their columns live, and of few."""

from __future__ import annotations

import asyncio

import pytest

from router_core.state.records import Refused, Rows
from router_core.state.store import Store
from tests.state.kit import Place, ask, declared, edited, ended, settled, tries

ALICE = ("user:alice",)


async def pool(place: Place, *limits: Rows) -> Store:
    store = place.store()
    await store.register([declared()], limits)
    return store


def later(place: Place, ms: int) -> None:
    assert place.clock_ms is not None
    place.clock_ms += ms


def sum_of(place: Place, subject: str, row: str) -> int:
    return int(place.column(f"use:{subject}")[row].split()[0])


async def test_a_column_that_expired_meanwhile_brings_no_sum_back(memory: Place) -> None:
    """A run that adds nothing reads the column just before it goes. Were it still known in the next one, its sum would
    be written again, without the slots that would ever make it smaller."""
    store = await pool(memory, Rows("user:*", {"requests/1": 5}), Rows("team:red", {"requests/60": 1}))
    assert memory.clock_ms is not None
    later(memory, 51 - memory.clock_ms % 50)  # a slot has just begun
    for who in (ALICE, ("team:red",)):
        await settled(store, await store.acquire(ask(subjects=who)))
    later(memory, 1012)
    with pytest.raises(Refused, match="team:red"):
        await store.acquire(ask(subjects=(*ALICE, "team:red")))
    assert sum_of(memory, "user:alice", "requests/1") == 1
    later(memory, 6)  # a second and a slot after the first call: nothing is in the window, and nothing stored
    await settled(store, await store.acquire(ask(subjects=ALICE)))
    assert sum_of(memory, "user:alice", "requests/1") == 1


async def test_two_releases_see_what_the_other_takes_of_a_users_limit(memory: Place) -> None:
    """Each remembers the user; time stands still, so neither forgets him by itself."""
    store = await pool(memory, Rows("user:*", {"requests/60": 10}))
    other = memory.store()
    other.calls_script = edited(other.calls_script, r"local REAPED = 8", "local REAPED = 9")
    await other.register([declared()])
    for number in range(10):
        await settled((store, other)[number % 2], await (store, other)[number % 2].acquire(ask(subjects=ALICE)))
        assert sum_of(memory, "user:alice", "requests/60") == number + 1
    for one in (store, other):
        with pytest.raises(Refused, match="user:alice/requests/60"):
            await one.acquire(ask(subjects=ALICE))


async def test_a_correction_and_the_next_call_see_each_other(memory: Place) -> None:
    """The settle finds the window that the acquire of an earlier run has left, not one of its own."""
    store = await pool(memory, Rows("user:*", {"tokens/60": 100}))
    for used in (10, 20, 70):
        lease = await store.acquire(ask(subjects=ALICE, input_tokens=30))
        await settled(store, lease, outcome=ended(input=used, output=0))
    assert sum_of(memory, "user:alice", "tokens/60") == 100
    with pytest.raises(Refused, match="user:alice/tokens/60"):
        await store.acquire(ask(subjects=ALICE, input_tokens=1))


async def test_more_users_than_are_remembered_each_get_their_limit(memory: Place) -> None:
    """400 at the same moment, in batches; then again."""
    store = await pool(memory, Rows("user:*", {"requests/60": 1}))
    asked = [ask(subjects=(f"user:u{number}",)) for number in range(400)]
    leases = await asyncio.gather(*map(store.acquire, asked))
    assert len(leases) == 400
    for request in asked[::40]:
        granted, refused = await tries(store, request, 2)
        assert (len(granted), len(refused)) == (0, 2)


async def test_new_rows_of_a_user_count_for_the_next_call(memory: Place) -> None:
    store = await pool(memory, Rows("user:*", {"requests/60": 100}))
    await settled(store, await store.acquire(ask(subjects=ALICE)))
    await store.set_limit("user:alice", "requests/60", 1)
    with pytest.raises(Refused, match="user:alice/requests/60"):
        await store.acquire(ask(subjects=ALICE))
