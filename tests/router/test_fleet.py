"""What one worker is told or learns holds for the others: limits of a rolling deploy, windows, estimates, pauses."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router_core.errors import NoDeploymentAvailable
from router_core.router import Router
from router_core.simulator import Behaviour, Upstream
from tests.router.rig import PROMPT, Make, entry, state_of, until

A_DAY: dict[str, Any] = {"resource": "requests", "window": "1d"}
NOW = {"max_wait": 0.0, "num_retries": 0}


def each_user(amount: int) -> dict[str, Any]:
    return {"scope": "user", "name": "*", "amount": amount, **A_DAY}


@pytest.fixture
def fleet(routers: Make, shared_url: str) -> Make:
    """Routers of one pool on a server."""

    def make(models: list[dict[str, Any]], **more: Any) -> Router:
        return routers(models, **{"redis_url": shared_url, **NOW, **more})

    return make


async def room(router: Router, user: str, calls: int = 6) -> int:
    """How many of so many calls of a user were served."""
    found = await asyncio.gather(
        *(router.acompletion("m", PROMPT, user=user) for _ in range(calls)), return_exceptions=True
    )
    refused = [one for one in found if isinstance(one, BaseException)]
    assert all(isinstance(one, NoDeploymentAvailable) for one in refused), refused
    return calls - len(refused)


async def test_a_rolling_deploy_brings_other_limits_and_takes_some_away(fleet: Make, first: Upstream) -> None:
    """The higher config_version counts for both while both live; what only the old one lists goes with it."""
    models = [entry(first, "a")]
    team = {"scope": "team", "name": "red", "amount": 1, **A_DAY}
    old = fleet(models, limits=[each_user(2), team], config_version=1)
    assert await room(old, "alice") == 2
    new = fleet(models, limits=[each_user(4)], config_version=2)
    assert await room(new, "bob") == 4
    assert await room(old, "carol") == 4
    assert await room(old, "alice") == 2, "two more than before"
    [state] = await new.store.usage("team:red")
    assert state.amount == 1, "the old worker lists it"
    await old.aclose()
    assert await new.store.usage("team:red") == []
    assert await room(new, "dave") == 4


async def test_workers_with_equal_versions_and_other_limits_do_not_fight(fleet: Make, first: Upstream) -> None:
    one = fleet([entry(first, "a")], limits=[each_user(2)])
    assert await room(one, "alice") == 2
    other = fleet([entry(first, "a")], limits=[each_user(5)])
    assert await room(other, "bob") == 2
    kinds = [event.kind for event in await one.store.events()]
    assert kinds.count("declarations-differ") == 1


async def test_limits_that_come_in_a_running_worker_hold_at_once(fleet: Make, first: Upstream) -> None:
    """And for a call that waits meanwhile, in a worker that knew of no limits of users."""
    first.behaviour = Behaviour(latency=0.3)
    router, other = fleet([entry(first, "a", max_parallel_requests=1)]), fleet([entry(first, "a")])
    calls = [asyncio.create_task(router.acompletion("m", PROMPT, user="alice", max_wait=20.0)) for _ in range(3)]
    await until(lambda: first.log.arrived == 1)
    await other.store.set_limit("user:alice", "requests/86400", 1)
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, NoDeploymentAvailable) for one in done) == 1, "the first was before the limit"
    assert await room(other, "bob", 1) == 1


async def test_a_fresh_worker_keeps_long_calls_from_a_window_that_another_learned(
    fleet: Make, first: Upstream, second: Upstream
) -> None:
    first.behaviour = Behaviour(context_tokens=2000)
    models = [entry(first, "small"), entry(second, "large", order=1, max_input_tokens=100_000)]
    long = [{"role": "user", "content": "x" * 16_000}]
    one = fleet(models, num_retries=2)
    assert (await one.acompletion("m", long)).deployment == "large"
    assert (await state_of(one, "small")).context_tokens == 2000
    fresh = fleet(models)
    for _ in range(3):
        assert (await fresh.acompletion("m", long)).deployment == "large"
    assert first.log.arrived == 1
    assert (await fresh.acompletion("m", PROMPT)).deployment == "small"


async def test_where_no_window_is_wide_enough_the_fallback_for_that_serves(
    fleet: Make, first: Upstream, second: Upstream
) -> None:
    first.behaviour = Behaviour(context_tokens=2000)
    models = [entry(first, "small"), entry(second, "wide", group="long")]
    long = [{"role": "user", "content": "x" * 16_000}]
    for number in (1, 2):
        router = fleet(models, context_window_fallbacks=[{"m": ["long"]}])
        assert (await router.acompletion("m", long)).deployment == "wide"
        await router.store.flush()
        assert (first.log.arrived, second.log.arrived) == (1, number)


async def test_a_fresh_worker_reserves_the_hidden_prompt_that_another_learned(fleet: Make, first: Upstream) -> None:
    """The provider counts 500 tokens for a few words. What was seen once, nobody has to learn again."""
    models = [entry(first, "a", tpm=1100)]
    told: dict[str, Any] = {"extra_headers": {"x-sim-input-tokens": "500"}, "max_tokens": 10}
    one = fleet(models)
    await one.acompletion("m", PROMPT, **told)
    await one.store.flush()
    fresh = fleet(models)
    await fresh.snapshot()
    request = fresh._parts.fits.expect("m", "openai", 6, tools=False)
    assert request == pytest.approx(500, abs=10)
    await fresh.acompletion("m", PROMPT, **told)
    with pytest.raises(NoDeploymentAvailable):
        await fresh.acompletion("m", PROMPT, **told)
    assert first.log.arrived == 2


async def test_a_pause_that_a_provider_asks_for_holds_for_its_account_and_the_fleet(
    fleet: Make, first: Upstream, second: Upstream
) -> None:
    """Of one account that the configuration names; another account and another worker's choice are seen at once."""
    models = [
        entry(first, "a", info={"account": "acme"}),
        entry(second, "b", order=1, info={"account": "acme"}),
        entry(second, "c", order=2, info={"account": "other"}),
    ]
    one, other = fleet(models, num_retries=2), fleet(models)
    first.fail(429, retry_after=30)
    await one.acompletion("m", PROMPT)
    states = [await state_of(one, id) for id in "abc"]
    assert [state.health for state in states] == ["open", "open", "closed"]
    assert [28 < state.cooling <= 30 for state in states] == [True, True, False]
    assert (await other.acompletion("m", PROMPT)).deployment == "c"
    assert first.log.arrived == 1
