"""Every way to write a limit is kept to by a Router's calls, from the configuration to the answer, on two engines.

Each call of `CALL` has 6 tokens of input, 4 of output, and costs 10 micro-dollars.
"""

from __future__ import annotations

import asyncio
from itertools import accumulate
from typing import Any

import pytest

from router_core.errors import BudgetExceededError, ConfigurationError, NoDeploymentAvailable
from router_core.hooks import AttemptEnded, AttemptStarted
from router_core.router import Router
from router_core.simulator import Behaviour, Upstream
from router_core.state.names import subject
from tests.router.rig import PROMPT, Make, Seen, entry

CALL: dict[str, Any] = {
    "messages": PROMPT,
    "max_tokens": 4,
    "extra_headers": {"x-sim-input-tokens": "6"},
    "user": "alice",
    "metadata": {"team_id": "red", "tags": ["product:chat"]},
}
PRICES: dict[str, Any] = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}
NOW = {"max_wait": 0.0, "num_retries": 0}
AMOUNTS = {"requests": 3, "tokens": 35, "input": 20, "output": 13, "cost": 3.5e-5}  # room for three calls
BUDGET = {"max_budget": 3.5e-5, "budget_duration": "1d"}
SPELLED = {"budget_limit": 3.5e-5, "time_period": "1d"}  # as LiteLLM does
NAMES = {
    "deployment": "a", "account": "acme", "provider": "openai", "group": "m",
    "tag": "product:chat", "user": "alice", "team": "red",
}  # fmt: skip
WINDOWS = {"second": "1", "minute": "60", "1d": "86400", "month@Europe/Berlin+06:00": "month@Europe/Berlin+06:00"}


def limit(scope: str, resource: str, window: str = "1d", **more: Any) -> dict[str, Any]:
    return {
        "scope": scope,
        "name": NAMES[scope],
        "resource": resource,
        "window": window,
        "amount": AMOUNTS[resource],
    } | more


def own(resource: str, window: str, **more: Any) -> dict[str, Any]:
    """As a deployment writes it."""
    return {"limits": [{"resource": resource, "window": window, "amount": AMOUNTS[resource], **more}]}


async def served(router: Router, calls: int = 5, **changes: Any) -> tuple[int, NoDeploymentAvailable | None]:
    """How many of so many calls, one after the other, and the first refusal."""
    count, refused = 0, None
    for _ in range(calls):
        try:
            await router.acompletion("m", **{**CALL, **changes})
        except NoDeploymentAvailable as error:
            refused = refused or error
        else:
            count += 1
        await router.store.flush()
    return count, refused


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"rpm": 3}, "requests/60"),
        ({"rpd": 3}, "requests/86400"),
        ({"tpm": 35}, "tokens/60"),
        ({"tpd": 35}, "tokens/86400"),
        ({"itpm": 20}, "input/60"),
        ({"otpm": 13}, "output/60"),
        (BUDGET, "cost/86400"),
        (own("tokens", "1h"), "tokens/3600"),
        (own("input", "day@UTC"), "input/day@UTC"),
        (own("requests", "1h", scope="account"), "account:acme/requests/3600"),
        (own("output", "1h", scope="provider"), "provider:openai/output/3600"),
        (own("cost", "1w", scope="group"), "group:m/cost/604800"),
    ],
)
async def test_what_a_deployment_says_of_itself(
    routers: Make, first: Upstream, url: str, written: dict[str, Any], reason: str
) -> None:
    model = entry(first, "a", **written, **PRICES, info={"account": "acme"})
    count, refused = await served(routers([model], redis_url=url, **NOW))
    assert count == first.log.arrived == 3
    assert refused is not None
    assert [one.reason for one in refused.refusals] == [reason]
    assert refused.retry_after is not None
    assert isinstance(refused, BudgetExceededError) is ("cost" in reason)


@pytest.mark.parametrize("scope", NAMES)
@pytest.mark.parametrize("resource", AMOUNTS)
async def test_a_limit_of_the_router_whosever_it_is(
    routers: Make, first: Upstream, url: str, scope: str, resource: str
) -> None:
    """Over two deployments, where it is not of one of them."""
    models = [entry(first, "a", **PRICES, info={"account": "acme"})]
    if scope != "deployment":
        models.append(entry(first, "b", **PRICES, info={"account": "acme"}))
    count, refused = await served(routers(models, limits=[limit(scope, resource)], redis_url=url, **NOW))
    assert count == first.log.arrived == 3
    assert refused is not None
    whose = "" if scope == "deployment" else f"{subject(scope, NAMES[scope])}/"  # type: ignore[arg-type]
    assert {one.reason for one in refused.refusals} == {f"{whose}{resource}/86400"}


@pytest.mark.parametrize("window", WINDOWS)
async def test_a_limit_counts_in_the_window_that_it_names(
    routers: Make, first: Upstream, url: str, window: str
) -> None:
    router = routers([entry(first, "a")], limits=[limit("user", "requests", window, amount=2)], redis_url=url, **NOW)
    answers = await asyncio.gather(*(router.acompletion("m", **CALL) for _ in range(4)), return_exceptions=True)
    refused = [one for one in answers if isinstance(one, NoDeploymentAvailable)]
    assert len(refused) == 2
    assert refused[0].refusals[0].reason == f"user:alice/requests/{WINDOWS[window]}"
    assert 0 < (refused[0].retry_after or 0) <= {"1": 1, "60": 60, "86400": 86_400}.get(WINDOWS[window], 32 * 86_400)


@pytest.mark.parametrize("scope", NAMES)
async def test_never_more_calls_run_at_once_than_a_scope_allows(
    routers: Make, first: Upstream, url: str, scope: str
) -> None:
    first.behaviour = Behaviour(latency=0.1)
    rows = [{"scope": scope, "name": NAMES[scope], "resource": "concurrent", "amount": 2}]
    seen = Seen()
    router = routers([entry(first, "a", info={"account": "acme"})], limits=rows, redis_url=url, hooks=[seen], **NOW)
    for _ in range(2):
        answers = await asyncio.gather(*(router.acompletion("m", **CALL) for _ in range(6)), return_exceptions=True)
        assert sum(isinstance(one, NoDeploymentAvailable) for one in answers) == 4
        await router.store.flush()
    waiting = (router.acompletion("m", **{**CALL, "max_wait": 10.0}) for _ in range(6))
    assert len(await asyncio.gather(*waiting)) == 6, "who may wait is served"
    steps = [isinstance(one, AttemptStarted) - isinstance(one, AttemptEnded) for one in seen.events]
    assert max(accumulate(steps)) == 2


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"provider_budget_config": {"openai": SPELLED}}, "provider:openai/cost/86400"),
        ({"tag_budget_config": {"product:chat": BUDGET}}, "tag:product:chat/cost/86400"),
        ({"default_litellm_params": BUDGET}, "cost/86400"),
        ({"limits": [limit("user", "cost", name="*")]}, "user:alice/cost/86400"),
        ({"limits": [limit("team", "cost", "month@UTC")]}, "team:red/cost/month@UTC"),
    ],
)
async def test_a_spent_budget_says_how_much_it_was_and_when_it_comes_back(
    routers: Make, first: Upstream, url: str, written: dict[str, Any], reason: str
) -> None:
    count, refused = await served(routers([entry(first, "a", **PRICES)], redis_url=url, **NOW, **written))
    assert count == 3
    assert isinstance(refused, BudgetExceededError)
    assert (refused.max_budget, refused.current_cost) == (3.5e-5, 3e-5)
    assert refused.refusals[0].reason == reason
    assert 0 < (refused.retry_after or 0) <= 31 * 86_400
    assert "($3.5e-05, $3e-05 used)" in str(refused)


async def test_everyone_has_the_limits_of_the_star_but_who_has_his_own(
    routers: Make, first: Upstream, url: str
) -> None:
    rows = [limit("user", "requests", name="*", amount=1), limit("user", "requests", name="bob", amount=4)]
    router = routers([entry(first, "a")], limits=rows, redis_url=url, **NOW)
    for user, room in (("alice", 1), ("carol", 1), ("bob", 4)):
        assert (await served(router, user=user))[0] == room


async def test_a_trial_refuses_nothing_and_counts(routers: Make, first: Upstream, url: str) -> None:
    rows = [limit("user", "requests", name="*", amount=2, enforce=False)]
    router = routers([entry(first, "a")], limits=rows, redis_url=url, **NOW)
    assert await served(router) == (5, None)
    [state] = await router.store.usage("user:alice")
    assert (state.used, state.exceeded) == (5, 3)


async def test_one_of_another_account_serves_where_an_account_is_full(
    routers: Make, first: Upstream, second: Upstream, url: str
) -> None:
    models = [
        entry(first, "a", info={"account": "acme"}),
        entry(first, "b", info={"account": "acme"}),
        entry(second, "c", order=1, info={"account": "other"}),
    ]
    router = routers(models, limits=[limit("account", "requests")], redis_url=url, **NOW)
    assert await served(router) == (5, None)
    assert (first.log.arrived, second.log.arrived) == (3, 2)


async def test_several_limits_hold_at_once_and_none_is_charged_for_a_refused_call(
    routers: Make, first: Upstream, url: str
) -> None:
    rows = [limit(scope, "requests", amount=2 if scope == "team" else 9) for scope in NAMES]
    router = routers([entry(first, "a", rpm=9, info={"account": "acme"})], limits=rows, redis_url=url, **NOW)
    assert (await served(router))[0] == 2
    for scope in ("account", "provider", "group", "tag", "user", "team"):
        [state] = await router.store.usage(f"{scope}:{NAMES[scope]}")
        assert state.used == 2
    assert (await router.snapshot()).deployments["a"].used["requests/86400"] == 2


async def test_what_was_really_used_is_charged_not_what_was_expected(routers: Make, first: Upstream, url: str) -> None:
    """1,000 tokens of input come for 6 expected: the debt stands in every window, and the budget's."""
    rows = [limit("user", "tokens", amount=1000), limit("team", "cost", amount=1e-3)]
    router = routers([entry(first, "a", **PRICES)], limits=rows, redis_url=url, **NOW)
    count, refused = await served(router, extra_headers={"x-sim-input-tokens": "1000"})
    assert count == 1
    assert refused is not None
    [tokens] = await router.store.usage("user:alice")
    [cost] = await router.store.usage("team:red")
    assert (tokens.used, cost.used) == (1004, 1_004_000)


async def test_a_budget_over_an_unknown_price_is_a_mistake_at_the_start(routers: Make, first: Upstream) -> None:
    model = entry(first, "a", model="openai/nobody-knows-it")
    with pytest.raises(ConfigurationError, match="set input_cost_per_token and output_cost_per_token"):
        routers([model], limits=[limit("user", "cost")])


async def test_a_budget_that_an_operator_sets_refuses_whom_nobody_knows_the_price_of(
    routers: Make, first: Upstream, url: str
) -> None:
    router = routers([entry(first, "a", model="openai/nobody-knows-it")], redis_url=url, **NOW)
    assert (await served(router, 1))[0] == 1
    await router.store.set_limit("user:*", "cost/86400", 10**9)
    count, refused = await served(router, 2)
    assert count == 0
    assert refused is not None
    assert not isinstance(refused, BudgetExceededError)
    assert [one.reason for one in refused.refusals] == ["unpriced"]
