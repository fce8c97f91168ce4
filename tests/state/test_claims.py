"""A session has one deployment, for the whole fleet, as long as that can serve it."""

from __future__ import annotations

import asyncio

import pytest

from router_core.state.operations import Share
from router_core.state.records import Acquire, Breaker, OutcomeKind, Pinned
from router_core.state.store import Store
from tests.state.claims_kit import IDS, TTL, of, pin
from tests.state.kit import Place, Raw, ask, declared, ended, question, settled
from tests.state.race_workers import acquire_many, together
from tests.state.waiting_kit import queued, tickets

OTHERS = {id: tuple(other for other in IDS if other != id) for id in IDS}


async def pool_of(place: Place, **limits: int) -> Store:
    store = place.store()
    await store.register([declared(id, limits=limits) for id in IDS])
    return store


async def served(store: Store, request: Acquire, outcome: OutcomeKind = "ok") -> str:
    """Who served the call, which is over."""
    lease = await store.acquire(request)
    await settled(store, lease, outcome=ended(outcome, breaker=Breaker("now", 60.0)))
    return lease.deployment


def seconds_left(place: Place, session: str = "s1") -> float:
    return int(place.do("PTTL", f"pin:g:{session}")) / 1000


async def test_all_calls_of_a_session_go_to_one_deployment(place: Place) -> None:
    store = await pool_of(place)
    for session in ("s1", "s2", "s3", "s4", "s5", "s6"):
        first = await served(store, of(session))
        assert {await served(store, of(session)) for _ in range(8)} == {first}
        assert pin(place, session) == first
        assert TTL - 60 < seconds_left(place, session) <= TTL


async def test_calls_of_one_run_agree(place: Place) -> None:
    """The later ones see what the first has claimed before anything was written."""
    store = await pool_of(place)
    operations = [question(f"1.{i}.x", of(f"s{i % 3}"), 10**15, seed=77 + i * 1000) for i in range(12)]
    answers = await Raw(place, store).run(*operations)
    served = [answer.split()[1] for answer in answers]
    for i in range(3):
        assert len(set(served[i::3])) == 1
        assert pin(place, f"s{i}") == served[i]


async def test_a_pin_lives_on_with_the_calls_of_its_session_and_no_longer(place: Place) -> None:
    store = await pool_of(place)
    first = await served(store, of())
    key = f"{place.prefix}pin:g:s1"
    place.raw("PEXPIRE", key, 5000)
    await served(store, of())
    assert seconds_left(place) <= 5, "a young pin is not written anew"
    place.move(TTL * 1000 // 5)
    if place.is_memory:
        place.raw("PEXPIRE", key, 5000)
    assert await served(store, of()) == first
    assert seconds_left(place) > TTL - 60
    place.raw("PEXPIRE", key, 1) if not place.is_memory else place.raw("DEL", key)
    await asyncio.sleep(0.01)
    await store.control("drain", first)
    again = await served(store, of())
    assert again != first
    assert pin(place) == again


async def test_a_moments_lack_of_room_does_not_move_the_pin(place: Place) -> None:
    store = await pool_of(place, concurrent=1)
    running = await store.acquire(of())
    home = running.deployment
    other = await store.acquire(of())
    assert other.deployment != home
    assert pin(place) == home
    await settled(store, running, other)
    assert await served(store, of()) == home


async def test_a_rate_limit_is_a_lack_of_room_too(place: Place) -> None:
    store = await pool_of(place)
    home = await served(store, of(), "rate_limit")
    assert await served(store, of()) != home
    assert pin(place) == home
    place.move(61_000)
    assert await served(store, of()) == home


async def test_where_nobody_has_room_the_call_waits_and_finds_its_deployment(place: Place) -> None:
    store = await pool_of(place, concurrent=1)
    home = await store.acquire(of())
    rest = [await store.acquire(ask(*OTHERS[home.deployment])) for _ in range(3)]
    waiting = asyncio.create_task(store.acquire(of(max_wait=10.0)))
    await queued(place, 1)
    await settled(store, home)
    lease = await waiting
    assert lease.deployment == home.deployment
    assert tickets(place) == 0
    await settled(store, lease, *rest)


@pytest.mark.parametrize("what", ["drained", "broken", "cooled by hand", "unknown", "garbled"])
async def test_a_deployment_that_is_gone_or_broken_loses_its_sessions(place: Place, what: str) -> None:
    store = await pool_of(place)
    home = await served(store, of(), "server" if what == "broken" else "ok")
    if what == "drained":
        await store.control("drain", home)
    elif what == "cooled by hand":
        await store.control("cool", home, ms=60000)
    elif what == "unknown":
        place.do("HDEL", "settings", home)
    elif what == "garbled":
        place.put("settings", home, "weight=x")
    moved = await served(store, of())
    assert moved != home
    assert pin(place) == moved
    assert {await served(store, of()) for _ in range(8)} == {moved}


async def test_a_call_that_may_not_go_there_leaves_the_pin(place: Place) -> None:
    """It was tried and failed once, or has another tag: that says nothing about the session's other calls."""
    store = await pool_of(place)
    home = await served(store, of())
    assert await served(store, of("s1", *OTHERS[home])) != home
    assert pin(place) == home
    assert await served(store, of()) == home


async def test_a_call_that_may_not_go_to_one_that_is_gone_claims_another(place: Place) -> None:
    store = await pool_of(place)
    home = await served(store, of())
    await store.control("drain", home)
    moved = await served(store, of("s1", *OTHERS[home]))
    assert pin(place) == moved


async def test_a_sample_without_the_deployment_is_told_its_name(place: Place) -> None:
    store = await pool_of(place)
    home = await served(store, of())
    before = place.dump()
    with pytest.raises(Pinned) as caught:
        await store.acquire(of("s1", *OTHERS[home], sampled=True, max_wait=5.0))
    assert caught.value.deployment == home
    assert place.dump() == before
    assert await served(store, of(sampled=True)) == home
    await store.control("drain", home)
    moved = await served(store, of("s1", *OTHERS[home], sampled=True))
    assert pin(place) == moved


async def test_a_pinned_deployment_goes_before_wishes_and_preferred_ones(place: Place) -> None:
    store = await pool_of(place)
    home = await served(store, of())
    other = IDS.index(OTHERS[home][0])
    assert await served(store, of(wishes=(other,), preferred=4)) == home
    assert await served(store, ask(*IDS, wishes=(other,))) == IDS[other]


async def test_a_dry_run_claims_nothing(place: Place) -> None:
    store = await pool_of(place)
    explanation = await store.explain(of())
    assert explanation.chosen is not None
    assert pin(place) is None
    home = await served(store, of())
    assert (await store.explain(of())).chosen == home


@pytest.mark.parametrize("text", ["", "a", "a b c", "nobody 5", "a -5", "a 99999999999999999999", "\x00\xff 1"])
async def test_a_garbled_pin_costs_nothing(place: Place, text: str) -> None:
    store = await pool_of(place)
    place.do("SET", "pin:g:s1", text)
    first = await served(store, of())
    assert await served(store, of()) == first
    assert pin(place) == first or text.startswith("a 9")


async def test_a_pin_of_another_type_is_replaced(place: Place) -> None:
    store = await pool_of(place)
    place.do("HSET", "pin:g:s1", "a", "b")
    assert await served(store, of()) == pin(place)


async def test_an_acquire_that_is_repeated_has_the_first_answer(place: Place) -> None:
    store = await pool_of(place)
    raw, same = Raw(place, store), question("1.same.x", of(), 10**15)
    first = await raw.run(same)
    await store.control("drain", first[0].split()[1])
    assert await raw.run(same) == first
    assert pin(place) == first[0].split()[1]


async def test_a_call_without_a_session_reads_no_pin(valkey: Place) -> None:
    store = await pool_of(valkey)
    await served(store, ask(*IDS))
    valkey.raw("CONFIG", "RESETSTAT")
    await served(store, ask(*IDS))
    commands = valkey.raw("INFO", "commandstats")
    assert "cmdstat_hmget" in commands
    assert "cmdstat_mget" not in commands
    assert "cmdstat_set:" not in commands


async def test_a_pin_whose_key_was_not_sent_is_the_error_of_its_own_call(place: Place) -> None:
    store = await pool_of(place)
    good = question("1.good.x", of(), 10**15)
    share = Share()
    line = question("1.bad.x", of(), 10**15).line(share).replace("pin=1 ", "pin=7 ")
    raw = Raw(place, store)
    answers = await raw.run(good, line)
    assert answers[0].startswith("ok ")
    assert answers[1].startswith("error ")
    assert place.inflight(answers[0].split()[1]) == 1


@pytest.mark.slow
@pytest.mark.serial
async def test_eight_processes_and_one_session_make_one_pin(shared: Place) -> None:
    store = shared.store()
    await store.register([declared(id) for id in IDS])
    told = await asyncio.to_thread(together, 8, acquire_many, shared.url, shared.pool, of("raced"), 200)
    leases = [lease for one in told for lease in one.leases]
    assert len(leases) == 8 * 200
    assert {lease.deployment for lease in leases} == {pin(shared, "raced")}
