"""What the configuration says of health is what the pool does with real answers."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from router_core.errors import ConfigurationError, InternalServerError, NoDeploymentAvailable, RateLimitError
from router_core.router import Router
from router_core.simulator import Behaviour, Upstream
from tests.router.rig import PROMPT, Make, entry, state_of

ONCE: dict[str, Any] = {"num_retries": 0, "max_wait": 0}


async def failing(router: Router, times: int, error: type[Exception] = InternalServerError) -> None:
    for _ in range(times):
        with pytest.raises(error):
            await router.acompletion("m", PROMPT, **ONCE)


async def test_a_groups_rule_cools_sooner_than_the_usual_one(
    routers: Make, first: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """And says so in one line."""
    caplog.set_level(logging.WARNING, "router_core")
    router = routers([entry(first, "one")], model_group_breaker={"m": {"rules": {"server": 1}, "cooldown_time": 30}})
    first.fail(500)
    await failing(router, 2)
    now = await state_of(router, "one")
    assert (now.health, now.reason) == ("open", "server")
    await failing(router, 3, NoDeploymentAvailable)
    lines = [record.getMessage() for record in caplog.records if "one: " in record.getMessage()]
    assert [line.split("one: ")[1] for line in lines] == ["cooldown server trips=1 ms=30000"]


async def test_a_deployments_own_rule_goes_before_it(routers: Make, first: Upstream) -> None:
    own = {"breaker": {"rules": {"rate_limit": "never"}}}
    router = routers(
        [entry(first, "one", info=own), entry(first, "two", "other")], breaker={"rules": {"rate_limit": "now"}}
    )
    first.fail(429)
    await failing(router, 3, RateLimitError)
    assert (await state_of(router, "one")).health == "closed"


async def test_slow_answers_are_answers_and_failures(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(latency=0.02)
    router = routers([entry(first, "one")], breaker={"slow_call_ms": 10, "rules": {"slow": 2}})
    for _ in range(3):
        assert (await router.acompletion("m", PROMPT, **ONCE)).deployment == "one"
        await router.store.flush()
    now = await state_of(router, "one")
    assert (now.health, now.reason, now.failed) == ("open", "slow", 3)


async def test_where_most_are_out_calls_are_served_all_the_same(
    routers: Make, first: Upstream, second: Upstream
) -> None:
    """Three of four are out and well again: nobody waits for their cooldowns, and each success brings one back."""
    bad = [entry(first, id) for id in ("a", "b", "c")]
    router = routers(
        [*bad, entry(second, "d", max_parallel_requests=1)],
        breaker={"rules": {"server": "now"}},
        cooldown_time=300,
        num_retries=5,
        retry_budget=None,
    )
    first.fail(500)
    for _ in range(40):
        await router.acompletion("m", PROMPT)
        await router.store.flush()
    out = [(await state_of(router, id)).health for id in ("a", "b", "c")]
    assert out.count("open") == 3
    first.heal()
    answers = await asyncio.gather(*(router.acompletion("m", PROMPT, max_wait=0) for _ in range(30)))
    assert {answer.deployment for answer in answers} == {"a", "b", "c", "d"}


def test_what_is_wrong_is_named_by_its_place(routers: Make, first: Upstream) -> None:
    with pytest.raises(ConfigurationError, match=r"model_group_breaker\.m\.failure_ratio: must be less than 1"):
        routers([entry(first, "one")], model_group_breaker={"m": {"failure_ratio": 1}})
