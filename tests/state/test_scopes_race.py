"""Many processes on one shared limit, and budgets under many calls of unknown length."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from router_core.state.records import Lease, Refused, Rows
from tests.state.kit import Place, ask, declared, ended, tries
from tests.state.race_workers import acquire_many, together

PROCESSES, TIMES, ADMITTED = 8, 400, 300
CALL = {"subjects": ("tag:t", "user:alice", "team:red"), "input_tokens": 60, "output_tokens": 40}
DOLLAR = 10**9
INPUT, OUTPUT = 3_000_000_000, 15_000_000_000  # nano-dollars a million tokens
LONGEST = 4000


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.parametrize(
    ("subject", "row", "amount"),
    [
        ("account:acme", "requests/60", ADMITTED),
        ("provider:openai", "tokens/60", 100 * ADMITTED),
        ("group:g", "concurrent", ADMITTED),
        ("tag:t", "input/3600", 60 * ADMITTED),
        ("user:alice", "requests/day@UTC", ADMITTED),
        ("user:*", "concurrent", ADMITTED),
        ("team:red", "cost/60", 140 * ADMITTED),
    ],
)
async def test_eight_processes_admit_exactly_a_shared_limit(shared: Place, subject: str, row: str, amount: int) -> None:
    store = shared.store()
    deployments = [declared(id, account="acme", input_price=10**6, output_price=2 * 10**6) for id in "abc"]
    await store.register(deployments, [Rows(subject, {row: amount})])
    request = ask("a", "b", "c", **CALL)
    told = await asyncio.to_thread(together, PROCESSES, acquire_many, shared.url, shared.pool, request, TIMES)
    assert len({one.pid for one in told}) == PROCESSES
    assert sum(one.admitted for one in told) == ADMITTED
    assert sum(one.refused for one in told) == PROCESSES * TIMES - ADMITTED


def cost(input: int, output: int) -> int:
    return -(-(input * INPUT + output * OUTPUT) // 10**6)


@pytest.mark.parametrize("reserve", ["estimate", "max"])
async def test_a_budget_of_a_dollar_with_two_hundred_calls_of_unknown_output(place: Place, reserve: str) -> None:
    """Above it is at most what the calls then in flight used beyond their reservations; with an upper bound nothing."""
    store = place.store()
    amount: int | str = DOLLAR if reserve == "estimate" else f"{DOLLAR},max"
    priced = declared(input_price=INPUT, output_price=OUTPUT)
    await store.register([priced], [Rows("team:red", {"cost/86400": amount})])
    random, spent, excess = Random(7), 0, 0
    request = ask(subjects=("team:red",), input_tokens=500, output_tokens=300, max_input=900, max_output=LONGEST)
    reserved = cost(500, 300) if reserve == "estimate" else cost(900, LONGEST)
    while True:
        leases, refused = await tries(store, request, 200)
        used = [(random.randint(400, 900), random.randint(1, LONGEST)) for _ in leases]
        costs = [cost(*tokens) for tokens in used]
        spent += sum(costs)
        if spent > DOLLAR:
            excess = sum(max(0, one - reserved) for one in costs)
        for lease, (input, output), nano in zip(leases, used, costs, strict=True):
            store.settle(lease, ended("ok", input, output, cost_nano=nano))
        await store.flush()
        if refused:
            break
    assert spent - DOLLAR <= excess
    [state] = await store.usage("team:red")
    assert state.used == spent
    if reserve == "estimate":
        assert spent > 0.9 * DOLLAR, "it is used"
    else:
        while not refused or leases:  # what came back is used up too
            leases, refused = await tries(store, request, 1)
            for lease in leases:
                nano = cost(900, LONGEST)
                spent += nano
                store.settle(lease, ended("ok", 900, LONGEST, cost_nano=nano))
            await store.flush()
        assert spent <= DOLLAR
        assert spent + reserved > DOLLAR


async def test_all_or_nothing_over_many_candidates_and_scopes(place: Place) -> None:
    """What each row has counted is what was admitted, whatever was refused by another."""
    store = place.store()
    deployments = [declared(id, account=f"acc-{id in 'ab'}", limits={"requests/60": 40}) for id in "abcd"]
    limits = [Rows("account:acc-True", {"tokens/60": 5_000}), Rows("account:acc-False", {"requests/60": 30})]
    await store.register(deployments, [*limits, Rows("user:*", {"tokens/60": 6_500})])
    found: list[Lease | Refused] = []
    for user in ("alice", "bob"):
        request = ask("a", "b", "c", "d", input_tokens=60, output_tokens=40, subjects=(f"user:{user}",))
        for _ in range(4):
            granted, refused = await tries(store, request, 50)
            found += [*granted, *refused]
    leases = [one for one in found if isinstance(one, Lease)]
    used = {(state.subject, state.name): state.used for state in await store.limits()}
    first = sum(lease.deployment in "ab" for lease in leases)
    assert used["account:acc-True", "tokens/60"] == 100 * first == 5_000
    assert used["account:acc-False", "requests/60"] == len(leases) - first == 30
    for id in "abcd":
        assert used[id, "requests/60"] == sum(lease.deployment == id for lease in leases)
    for user in ("alice", "bob"):
        [state] = await store.usage(f"user:{user}")
        mine = sum(lease.subjects == (f"user:{user}",) for lease in leases)
        assert (state.used, state.inflight) == (100 * mine, mine)
