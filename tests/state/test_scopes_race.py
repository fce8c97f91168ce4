"""Many processes on every limit there can be: (scope, resource, window)."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest

from router_core.state.records import Lease, Refused, Rows
from tests.state.kit import Place, ask, declared, tries
from tests.state.race_workers import patient, together
from tests.state.scopes_race import Target, granted_ms, race, register, targets

PROCESSES, TIMES, ADMITTED = 8, 3, 12


async def raced(place: Place, aims: list[Target], edit: tuple[str, str] = ("", "")) -> None:
    """All processes at once, and what they were admitted."""
    store = place.store(timeout=60.0, engine=patient(place.url))
    await register(store, aims)
    began = place.now_ms()
    told = await asyncio.to_thread(together, PROCESSES, race, place.url, place.pool, aims, TIMES, edit)
    span = (began, place.now_ms() + 10)  # which is up to 10 ms behind
    admitted: defaultdict[str, list[int]] = defaultdict(list)
    for deployment, at_ms in granted_ms(place):
        admitted[deployment].append(at_ms)
    assert [one.failed for one in told] == [()] * PROCESSES
    assert sum(one.admitted for one in told) == sum(map(len, admitted.values()))
    for aim in aims:
        aim.counts(admitted[aim.id], span)
    print(f"{len(aims)} rows, {PROCESSES * TIMES} acquires each: {(span[1] - span[0]) / 1000:.1f} s")


@pytest.mark.slow
@pytest.mark.serial
async def test_eight_processes_admit_exactly_the_limit_of_every_scope_resource_and_window(shared: Place) -> None:
    await raced(shared, targets(ADMITTED))


@pytest.mark.slow
@pytest.mark.serial
async def test_a_script_that_does_not_reserve_for_subjects_is_seen_by_this_race(valkey: Place) -> None:
    aims = [aim for aim in targets(ADMITTED) if aim.row in ("requests/60", "cost/day@UTC")]
    with pytest.raises(AssertionError, match="of 12"):
        await raced(
            valkey,
            aims,
            (r"(?m)^ *window\.add\(w, amounts\[i\]\)$", "if not h.limits then window.add(w, amounts[i]) end"),
        )


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
