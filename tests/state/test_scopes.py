"""Limits of accounts, providers, groups, tags, users and teams: checked and reserved with the deployment's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router_core.state.names import subject
from router_core.state.operations import FleetOp
from router_core.state.records import Acquire, Declared, LimitState, Refused, Rows
from router_core.state.store import Store
from tests.state.kit import Place, Raw, ask, beat, declared, ended, settled, tried, tries

CLOSED = {"account": "acme", "provider": "openai", "group": "g"}
SUBJECTS = {**CLOSED, "tag": "t", "user": "alice", "team": "red"}
CALL = ("tag:t", "user:alice", "team:red")
SCOPES = pytest.mark.parametrize("scope", SUBJECTS)


def rows(who: str, **limits: Any) -> Rows:
    """`requests_60=5` as `requests/60`."""
    return Rows(who, {name.replace("_", "/", 1): amount for name, amount in limits.items()})


def whose(scope: str) -> str:
    return subject(scope, SUBJECTS[scope])  # type: ignore[arg-type]


def member(id: str = "a", **more: Any) -> Declared:
    return declared(id, **{"account": "acme", **more})


def call(*candidates: str, **more: Any) -> Acquire:
    return ask(*candidates, **{"subjects": CALL, **more})


async def pool(place: Place, *limits: Rows, deployments: tuple[Declared, ...] = (member(),)) -> Store:
    store = place.store()
    await store.register(deployments, limits)
    return store


async def row_of(store: Store, who: str, name: str) -> LimitState:
    return next(row for row in await store.usage(who) if row.name == name)


@SCOPES
async def test_a_row_of_any_scope_admits_exactly_its_amount_over_all_deployments(place: Place, scope: str) -> None:
    store = await pool(place, rows(whose(scope), requests_60=5), deployments=(member("a"), member("b")))
    granted, refused = await tries(store, call("a", "b"), 9)
    assert (len(granted), len(refused)) == (5, 4)
    assert {r.reason for one in refused for r in one.refusals} == {f"{whose(scope)}/requests/60"}
    assert all(one.earliest is not None and 0 < one.earliest <= 60 for one in refused)


@SCOPES
@pytest.mark.parametrize("name", ["requests/60", "tokens/60", "input/3600", "output/1", "cost/day@UTC", "cost/60"])
async def test_what_was_reserved_is_corrected_by_what_was_used(place: Place, scope: str, name: str) -> None:
    """10 tokens of input at 2, 20 of output at 3 nano-dollars are reserved; 15 and 5 were used."""
    deployment = member(input_price=2_000_000, output_price=3_000_000)
    store = await pool(place, Rows(whose(scope), {name: 1000}), deployments=(deployment,))
    reserved = {"requests": 1, "tokens": 30, "input": 10, "output": 20, "cost": 80}[name.partition("/")[0]]
    used = {"requests": 1, "tokens": 20, "input": 15, "output": 5, "cost": 44}[name.partition("/")[0]]
    lease = await store.acquire(call(input_tokens=10, output_tokens=20))
    state = await row_of(store, whose(scope), name)
    assert (state.used, state.reserved, state.inflight) == (reserved, reserved, 1)
    for _ in range(2):
        await settled(store, lease, outcome=ended("ok", 15, 5, cost_nano=44))
        state = await row_of(store, whose(scope), name)
        assert (state.used, state.reserved, state.inflight) == (used, 0, 0)
    lease = await store.acquire(call(input_tokens=10, output_tokens=20))
    store.cancel(lease)
    await store.flush()
    assert (await row_of(store, whose(scope), name)).used == used


@SCOPES
async def test_calls_in_flight_are_counted_released_reaped_and_held_again(place: Place, scope: str) -> None:
    store = await pool(place, rows(whose(scope), concurrent=2))
    other = place.store()
    await other.register([member()], [rows(whose(scope), concurrent=2)])
    leases, refused = await tries(store, call(), 3)
    assert len(leases) == 2
    assert refused[0].refusals[0].reason == f"{whose(scope)}/concurrent"
    await settled(store, leases[0])
    assert isinstance(await tried(store, call()), object)
    assert place.column("inflight")[whose(scope)] == "2"
    place.silence(store)
    await beat(other)
    assert place.column("inflight").get(whose(scope), "0") == "0"
    assert (whose(scope) in place.column("inflight")) == (scope in CLOSED)
    assert len((await tries(other, call(), 3))[0]) == 2
    await Raw(place, store).run(f"renew {leases[1].id} {place.now_ms() + 60_000}")
    assert place.column("inflight")[whose(scope)] == "3"


async def test_all_rows_or_none_are_reserved(place: Place) -> None:
    """The last one is full, so nothing stands in the others."""
    limits = [rows(whose(scope), requests_60=9) for scope in SUBJECTS if scope != "team"]
    store = await pool(
        place, *limits, rows("team:red", requests_60=2), deployments=(member(limits={"requests/60": 9}),)
    )
    granted, refused = await tries(store, call(), 5)
    assert (len(granted), len(refused)) == (2, 3)
    for scope in SUBJECTS:
        assert (await row_of(store, whose(scope), "requests/60")).used == 2
    assert place.used("a/requests/60") == 2


async def test_everyone_without_rows_of_his_own_has_those_of_the_star(place: Place) -> None:
    store = await pool(place, rows("user:*", requests_60=1), rows("user:bob", requests_60=3))
    for name, room in (("alice", 1), ("carol", 1), ("bob", 3)):
        granted, _ = await tries(store, call(subjects=(f"user:{name}",)), 5)
        assert len(granted) == room
    assert (await row_of(store, "user:*", "requests/60")).used is None
    assert (await row_of(store, "user:carol", "requests/60")).used == 1
    assert len((await tries(store, ask(), 5))[0]) == 5, "calls of nobody"


async def test_a_call_of_another_account_is_served_where_one_is_full(place: Place) -> None:
    store = await pool(
        place, rows("account:acme", requests_60=2), deployments=(member("a"), member("b"), member("c", account="other"))
    )
    granted, _ = await tries(store, call("a", "b", "c"), 60)
    assert len(granted) == 60
    assert sum(lease.deployment != "c" for lease in granted) == 2


async def test_a_subject_of_open_scope_has_a_key_of_its_own_that_expires(place: Place) -> None:
    store = await pool(place, rows("user:*", requests_60=5, tokens_3600=100))
    await store.acquire(call(input_tokens=5))
    assert not any("user" in field for column in ("used", "window") for field in place.column(column))
    ttl = place.do("PTTL", "use:user:alice")
    assert 3_600_000 < ttl <= 3_600_000 * 61 / 60


@pytest.mark.parametrize("shared_first", [True, False])
async def test_workers_learn_of_limits_that_come_while_they_run(place: Place, shared_first: bool) -> None:
    store, operator = await pool(place), place.store()
    assert isinstance(await tried(store, call()), object)
    await operator.set_limit("user:alice", "requests/60", 2)
    granted, refused = await tries(store, call(), 5)
    assert (len(granted), len(refused)) == (2, 3)
    await operator.set_limit("user:alice", "requests/60", None)
    assert len((await tries(store, call(), 5))[0]) == 5
    assert place.column("limits") == {}


@SCOPES
async def test_what_a_script_remembers_of_rows_goes_with_them(place: Place, scope: str) -> None:
    """Read, changed and read again within one run."""
    store = await pool(place, rows(whose(scope), requests_60=5))
    await store.usage(whose(scope))
    raw, who = Raw(place, store), whose(scope)
    use = () if scope in CLOSED else (who,)
    for name, amount in (("requests/60", "7"), ("tokens/60", "9"), ("requests/60", "1")):
        control, meters = FleetOp(f"control limits {who} {name}={amount}", subjects=use), FleetOp("meters", who, use)
        *_, told = await raw.run(meters, control, meters, script=store.fleet_script)
        found = {"=".join(line.split("\t")[1:3]) for line in told.split("\n")}
        assert f"{name}={amount}" in found
        assert found == {f"{row.name}={row.amount}" for row in await store.usage(who)}


async def test_a_row_that_is_only_counted_refuses_nothing(place: Place) -> None:
    store = await pool(place, rows("user:*", requests_60="2,shadow", concurrent="1,shadow"))
    granted, _ = await tries(store, call(), 5)
    assert len(granted) == 5
    states = {state.name: state for state in await store.usage("user:alice")}
    assert (states["requests/60"].used, states["requests/60"].exceeded) == (5, 3)
    assert (states["concurrent"].used, states["concurrent"].exceeded) == (5, 4)
    assert not states["requests/60"].enforced


async def test_money_needs_a_price(place: Place) -> None:
    cheap, unknown = member("a", input_price=10**6, output_price=10**6), member("b")
    store = await pool(place, rows("user:*", cost_60=100), deployments=(cheap, unknown))
    assert (await store.acquire(call("a", "b", input_tokens=10))).deployment == "a"
    answer = await tried(store, call("b", input_tokens=10))
    assert isinstance(answer, Refused)
    assert [r.reason for r in answer.refusals] == ["unpriced"]
    answer = await tried(store, call("a", input_tokens=200))
    assert isinstance(answer, Refused)
    [refusal] = answer.refusals
    assert (refusal.reason, refusal.amount, refusal.used, refusal.ready_ms) == ("user:alice/cost/60", 100, 10, None)


async def test_what_can_never_fit_does_not_wait(place: Place) -> None:
    store = await pool(place, rows("user:*", tokens_60=100))
    answer = await asyncio.wait_for(tried(store, call(input_tokens=101, max_wait=30.0)), 10)
    assert isinstance(answer, Refused)
    assert answer.refusals[0].reason == "user:alice/tokens/60"


async def test_an_upper_bound_is_reserved_where_a_row_says_so(place: Place) -> None:
    store = await pool(place, rows("user:*", tokens_60="100,max"))
    request = call(input_tokens=5, output_tokens=5, max_input=10, max_output=20)
    granted, _ = await tries(store, request, 9)
    assert len(granted) == 3
    await settled(store, *granted, outcome=ended("ok", 6, 4))
    assert (await row_of(store, "user:alice", "tokens/60")).used == 30
    answer = await tried(store, call(max_input=60, max_output=60))
    assert isinstance(answer, Refused), "it might use more than there is"


async def test_what_another_epoch_reserved_is_charged_where_it_would_stand_now(place: Place) -> None:
    limits = [rows("user:*", tokens_60=1000), rows("account:acme", tokens_60=1000)]
    store = await pool(place, *limits)
    lease = await store.acquire(call(input_tokens=10))
    place.forget()
    place.do("DEL", "use:user:alice")
    await store.register([member()], limits)
    for _ in range(2):
        await settled(store, lease, outcome=ended("ok", 7, 5))
        for who in ("user:alice", "account:acme"):
            assert (await row_of(store, who, "tokens/60")).used == 12


async def test_a_garbled_row_costs_its_own_calls_only(place: Place) -> None:
    store = await pool(place, rows("user:alice", requests_60=5), rows("user:bob", requests_60=5))
    place.put("limits", "user:alice", "requests/60=x")
    answer = await tried(store, call())
    assert isinstance(answer, Refused)
    assert answer.refusals[0].reason == "garbled"
    assert isinstance(await tried(store, call(subjects=("user:bob",))), object)
    assert [state.subject for state in await store.limits()] == ["user:bob"]
    await store.set_limit("user:alice", "requests/60", 1)
    assert len((await tries(store, call(), 3))[0]) == 1


async def test_rows_that_no_worker_lists_leave_and_an_operators_stay(place: Place) -> None:
    first, second = await pool(place, rows("account:acme", requests_60=5), rows("user:*", requests_60=2)), place.store()
    await second.register([member()])
    await second.set_limit("account:acme", "requests/60", 3)
    await first.aclose()
    assert place.column("limits") == {"account:acme": "requests/60=3"}
    assert (await second.limits())[0].amount == 3
    await second.set_limit("account:acme", "requests/60", None)
    assert place.column("limits") == {}
    assert len((await tries(second, call(), 9))[0]) == 9


async def test_declared_rows_follow_the_versions_of_deployments(place: Place) -> None:
    stores = [place.store() for _ in range(3)]
    for store, amount, version in zip(stores, (5, 6, 7), (1, 0, 2), strict=True):
        await store.register([member()], [Rows("user:*", {"requests/60": amount}, version)])
        assert place.column("limits")["user:*"] == f"requests/60={7 if version == 2 else 5}"
    await stores[0].set_limit("user:*", "requests/60", 1)
    await stores[1].register([member()], [Rows("user:*", {"requests/60": "9,max"}, 3)])
    assert place.column("limits")["user:*"] == "requests/60=1,max"


async def test_the_snapshot_shows_limits_that_deployments_share(place: Place) -> None:
    store = await pool(place, rows("account:acme", requests_60=2), rows("user:*", requests_60=2))
    await tries(store, call(), 2)
    [state] = (await store.snapshot()).limits
    assert (state.subject, state.name, state.amount, state.used, state.left) == ("account:acme", "requests/60", 2, 2, 0)
    assert state.ready is not None
    assert 0 < state.ready <= 60


@pytest.mark.parametrize("row", ["requests", "apples/60", "cost/day@Nowhere/City", "requests/0", "tokens/-1"])
async def test_a_row_that_is_none_changes_nothing(place: Place, row: str) -> None:
    from router_core.state.records import StateError

    store = await pool(place, rows("user:*", requests_60=2))
    before = place.dump()
    if "Nowhere" not in row:
        with pytest.raises(StateError, match="MALFORMED"):
            await store.set_limit("user:*", row, 1)
        with pytest.raises(StateError, match="MALFORMED"):
            await store.set_limit("a", row, 1)
        assert place.dump() == before


async def test_an_operator_forgets_what_a_subject_used(place: Place) -> None:
    store = await pool(place, rows("user:*", requests_60=2), rows("group:g", requests_60=2))
    await tries(store, call(), 2)
    await store.reset_usage("user:alice")
    await store.reset_usage("group:g")
    assert len((await tries(store, call(), 5))[0]) == 2
