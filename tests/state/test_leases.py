"""What a call holds is released once and charged once, whatever happens to its worker, its replies or Redis."""

from __future__ import annotations

import dataclasses

from tests.state.kit import Place, Raw, ask, beat, declared, ended, question, settled, tries

LIMITS = {"concurrent": 5, "requests/3600": 100, "tokens/3600": 10_000}
HOUR_MS = 3_600_000


async def test_an_acquire_repeated_with_its_id_returns_the_first_answer_and_reserves_nothing_more(place: Place) -> None:
    store = place.store()
    await store.register([declared(id, limits=LIMITS) for id in "abc"])
    raw = Raw(place, store)
    operation = question("0.x.1", ask("a", "b", "c", input_tokens=100, remember=2), place.now_ms() + 5000)
    first = await raw.run(operation)
    before = place.dump()
    again = [await raw.run(operation) for _ in range(5)] + [await raw.run(*[operation] * 10)]
    assert {answer.split(" ")[1] for answers in again for answer in answers} == {first[0].split(" ")[1]}
    assert all(answer.startswith("ok ") for answers in again for answer in answers)
    assert place.dump() == before


async def test_an_acquire_that_comes_too_late_is_void_and_writes_nothing(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    raw = Raw(place, store)
    before = place.dump()
    assert await raw.run(question("0.x.1", ask(), place.now_ms() - 1)) == ["void"]
    assert place.dump() == before


async def test_a_repetition_after_its_time_is_void_although_the_first_ran(place: Place) -> None:
    """The rule that ends every open fate: after `valid_until` a cancel is the last word."""
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    raw = Raw(place, store)
    operation = question("0.x.1", ask(), place.now_ms() + 1000)
    assert (await raw.run(operation))[0].startswith("ok a")
    assert await raw.run("cancel 0.x.1 g -") == ["ok"]
    place.move(1_500)
    assert await raw.run(operation) == ["void"]
    assert place.inflight("a") == 0
    assert place.held() == {}


async def test_a_second_settle_changes_nothing(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    staying = await store.acquire(ask(input_tokens=5))
    lease = await store.acquire(ask(input_tokens=10))
    await settled(store, lease, outcome=ended("ok", 30, 12, cost_nano=7))
    before = place.dump()
    await settled(store, lease, lease, outcome=ended("server", 3000, 12, cost_nano=7))
    assert place.dump() == before
    assert set(place.held()) == {staying.id}
    assert place.used("a/tokens/3600") == 5 + 42
    assert place.do("HMGET", "used", "a/tokens/total", "a/cost/total") == ["42", "7"]


async def test_a_settle_and_its_repetition_in_one_batch_count_once(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    leases, _ = await tries(store, ask(input_tokens=10), 3)
    await settled(store, *leases[:2], *leases[:2], outcome=ended("ok", 20, 0))
    state = (await store.snapshot()).deployments["a"]
    assert (state.inflight, state.tokens, state.used["tokens/3600"]) == (1, 40, 50)


async def test_a_settle_without_tokens_keeps_what_was_reserved(place: Place) -> None:
    """A disconnect keeps the debit."""
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    await settled(store, await store.acquire(ask(input_tokens=10, output_tokens=20)), outcome=ended("cancelled"))
    assert place.used("a/tokens/3600") == 30
    assert place.inflight("a") == 0


async def test_a_cancel_takes_back_all_that_was_reserved(place: Place) -> None:
    limits = {**LIMITS, "input/3600": 1000, "output/86400": 1000}
    store = place.store()
    await store.register([declared(limits=limits)])
    leases, _ = await tries(store, ask(input_tokens=10, output_tokens=20), 3)
    for lease in leases[:2]:
        store.cancel(lease)
        store.cancel(lease)
    await store.flush()
    state = (await store.snapshot()).deployments["a"]
    left = {"concurrent": 1, "requests/3600": 1, "tokens/3600": 30, "input/3600": 10, "output/86400": 20}
    assert state.used == left
    assert set(place.held()) == {leases[2].id}


async def test_a_settle_after_expiry_charges_once_and_releases_not(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    lease = await store.acquire(ask(input_tokens=10, timeout=5))
    place.move(6_000)
    others, refused = await tries(store, ask(input_tokens=1), 6)
    assert (len(others), len(refused)) == (5, 1), "the expired one released its slot"
    assert place.column("lease")[lease.id].startswith("expired a ")
    assert place.used("a/tokens/3600") == 10 + 5
    await settled(store, lease, lease, outcome=ended("ok", 100, 50))
    state = (await store.snapshot()).deployments["a"]
    assert (state.inflight, state.tokens, state.used["tokens/3600"]) == (5, 150, 155)
    assert lease.id not in place.column("lease")
    assert place.members("expired") == {}


async def test_reaping_keeps_the_record_and_its_debit_for_an_hour_and_no_longer(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    lease = await store.acquire(ask(input_tokens=10, timeout=5))
    place.move(5_100)
    await beat(store)
    assert (place.inflight("a"), place.used("a/tokens/3600")) == (0, 10)
    assert list(place.members("expired")) == [lease.id]
    place.move(HOUR_MS - 2_000)
    await beat(store)
    assert list(place.members("expired")) == [lease.id]
    place.move(3_000)
    await beat(store)
    assert place.members("expired") == {}
    assert place.column("lease") == {}
    await settled(store, lease, outcome=ended("ok", 500, 0))
    assert place.do("HGET", "used", "a/tokens/total") is None


async def test_a_renewed_lease_lives_on(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    lease = await store.acquire(ask(timeout=5))
    for _ in range(10):
        place.move(4_000)
        await store.renew(lease, 5)
    await beat(store)
    assert set(place.held()) == {lease.id}
    place.move(5_100)
    await beat(store)
    assert place.held() == {}


async def test_a_renewal_after_expiry_holds_the_call_again_and_an_event_says_so(place: Place) -> None:
    """Without a room check: the excess ends with the call."""
    store = place.store()
    await store.register([declared(limits={"concurrent": 1})])
    lease = await store.acquire(ask(timeout=5))
    place.move(6_000)
    other = await store.acquire(ask())
    await store.renew(lease, 60)
    assert place.inflight("a") == 2
    await settled(store, lease, other)
    assert place.inflight("a") == 0
    assert "lease-revived" in [event.kind for event in await store.events()]


async def test_a_renewal_of_a_settled_call_brings_nothing_back(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    lease = await store.acquire(ask())
    await settled(store, lease)
    before = place.dump()
    await store.renew(lease, 60)
    assert place.dump() == before


async def test_a_settle_from_before_a_flushall_charges_and_releases_nothing(place: Place) -> None:
    """Another epoch, also where the same worker makes the pool anew: the calls in flight since then are others'."""
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    lease = await store.acquire(ask(input_tokens=10))
    place.forget()
    await store.register([declared(limits=LIMITS)])
    new = await store.acquire(ask(input_tokens=10))
    assert new.epoch != lease.epoch
    await settled(store, lease, outcome=ended("ok", 300, 0))
    state = (await store.snapshot()).deployments["a"]
    assert (state.inflight, state.tokens, state.used["tokens/3600"], state.used["requests/3600"]) == (1, 300, 310, 2)


async def test_a_settle_from_before_a_flushall_that_is_repeated_charges_once(place: Place) -> None:
    """Its reply was lost, so the same bytes came again: usage is charged exactly once."""
    store, other = place.store(), place.store()
    await store.register([declared(limits=LIMITS)])
    lease = await store.acquire(ask(input_tokens=10))
    place.forget()
    await other.register([declared(limits=LIMITS)])
    await settled(store, lease, outcome=ended("ok", 300, 0))
    await settled(store, lease, outcome=ended("ok", 300, 0))
    state = (await other.snapshot()).deployments["a"]
    assert (state.tokens, state.used["tokens/3600"], state.used["requests/3600"]) == (300, 300, 1)


async def test_a_lease_of_another_cell_or_worker_is_settled_by_whoever_holds_it(place: Place) -> None:
    """A lease is data: it may be settled by another Store of the pool."""
    first, second = place.store(), place.store()
    await first.register([declared(limits=LIMITS)])
    lease = await first.acquire(ask())
    await settled(second, dataclasses.replace(lease))
    assert place.inflight("a") == 0
    assert place.held() == {}


async def test_a_lease_nobody_ever_held_settles_to_nothing(place: Place) -> None:
    store = place.store()
    await store.register([declared(limits=LIMITS)])
    lease = await store.acquire(ask())
    before = place.dump()
    await settled(store, dataclasses.replace(lease, id="0.never.1"), outcome=ended("ok", 100, 100))
    assert place.dump() == before
