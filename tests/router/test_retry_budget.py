"""The fleet's retry budget and adaptive throttling, as a caller sees them."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry

from router_core.errors import InternalServerError, RetryBudgetExhausted, Throttled
from router_core.hooks import CallDenied
from router_core.router import Router
from router_core.simulator import Behaviour, Upstream
from router_core.state.engines import MemoryEngine
from tests.router.rig import PROMPT, Make, Seen, entry

NONE = {"ratio": 0, "min_per_second": 0}


async def test_a_denied_retry_is_the_upstream_s_error_and_says_why_it_was_not_retried(
    routers: Make, first: Upstream, second: Upstream
) -> None:
    seen = Seen()
    router = routers(
        [entry(first, "bad"), entry(second, "other", order=1)], retry_budget=NONE, hooks=[seen], disable_cooldowns=True
    )
    first.fail(500)
    with pytest.raises(InternalServerError) as caught:
        await router.acompletion("m", PROMPT)
    assert first.log.arrived + second.log.arrived == 1
    assert caught.value.deployment == "bad"
    assert [record.kind for record in caught.value.attempts] == ["server"]
    assert isinstance(caught.value.__cause__, RetryBudgetExhausted)
    assert "not tried again: the fleet's retry budget of 'm' is used up (0% of its requests" in str(caught.value)
    assert seen.of(CallDenied) == [CallDenied("m", "retry")]


@pytest.mark.slow
async def test_several_routers_share_one_budget(pool: str) -> None:
    engine, made = MemoryEngine(), []
    async with Upstream() as bad:
        bad.fail(500)
        for _ in range(4):
            router = Router(
                [entry(bad, "bad"), entry(bad, "too")],
                redis_url="memory://",
                pool=pool,
                disable_cooldowns=True,
                num_retries=1,
                retry_budget={"ratio": 0.5, "min_per_second": 0},
            )
            router.store.engine = engine
            made.append(router)
        for number in range(80):
            with pytest.raises(InternalServerError):
                await made[number % 4].acompletion("m", PROMPT)
        arrived = bad.log.arrived
        for router in made:
            await router.aclose()
    assert 80 < arrived <= 120


async def test_small_pools_never_notice_it(routers: Make, first: Upstream, second: Upstream) -> None:
    router = routers([entry(first, "bad"), entry(second, "good", order=1)], disable_cooldowns=True)
    first.fail(500)
    for _ in range(40):
        assert (await router.acompletion("m", PROMPT)).deployment == "good"


async def test_a_fallback_is_a_request_of_its_group(routers: Make, first: Upstream, second: Upstream) -> None:
    models = [entry(first, "bad", "m"), entry(second, "good", "n")]
    router = routers(models, retry_budget=NONE, fallbacks=[{"m": ["n"]}])
    first.fail(500)
    assert (await router.acompletion("m", PROMPT)).deployment == "good"


async def test_unless_it_is_to_count(routers: Make, first: Upstream, second: Upstream) -> None:
    models = [entry(first, "bad", "m"), entry(second, "good", "n")]
    router = routers(models, retry_budget={**NONE, "fallbacks": True}, fallbacks=[{"m": ["n"]}])
    first.fail(500)
    with pytest.raises(InternalServerError) as caught:
        await router.acompletion("m", PROMPT)
    assert "retry budget of 'n'" in caught.value.not_retried
    assert second.log.arrived == 0


async def test_going_elsewhere_without_an_upstream_call_is_no_retry(
    routers: Make, first: Upstream, second: Upstream
) -> None:
    models = [entry(first, "full", "m", max_parallel_requests=1), entry(second, "free", "n")]
    router = routers(models, retry_budget={**NONE, "fallbacks": True}, fallbacks=[{"m": ["n"]}], max_wait=0)
    first.behaviour = Behaviour(latency=0.5)
    stream = await router.acompletion("m", PROMPT, stream=True)
    assert (await router.acompletion("m", PROMPT)).deployment == "free"
    await stream.aclose()


async def test_without_a_budget_nothing_is_counted(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "bad")], retry_budget=False, num_retries=3, retry_after=0.001)
    for _ in range(20):
        await router.acompletion("m", PROMPT)
    assert (await router.store.snapshot()).deployments["bad"].inflight == 0
    assert not router.store._process().worker.firsts.take("m", all_of_them=True)


async def test_a_throttled_call_has_its_own_error_and_is_not_retried(routers: Make, first: Upstream) -> None:
    registry = CollectorRegistry()
    models = [entry(first, "bad"), entry(first, "too")]
    router = routers(models, adaptive_throttling={"k": 2}, disable_cooldowns=True, metrics=registry)
    first.fail(500)
    found = []
    for _ in range(60):
        with pytest.raises(InternalServerError) as caught:
            await router.acompletion("m", PROMPT, num_retries=1)
        await router.store.flush()
        found.append(caught.value)
    own = [error for error in found if isinstance(error, Throttled)]
    throttled = len(own)
    assert throttled > 30
    assert re.match(r"too many calls of 'm' fail: 9.% of them are refused", own[-1].message)
    assert own[-1].attempts == ()
    assert first.log.arrived < 60, "throttled calls are not made again, and retries are throttled too"
    value = registry.get_sample_value(
        "router_core_denied_total", {"pool": router.store.keys.pool, "group": "m", "reason": "throttled"}
    )
    assert value is not None
    assert value >= throttled


async def test_a_throttled_call_goes_to_the_group_s_fallback(routers: Make, first: Upstream, second: Upstream) -> None:
    models = [entry(first, "bad", "m"), entry(second, "good", "n")]
    router = routers(models, adaptive_throttling={"k": 2}, fallbacks=[{"m": ["n"]}], disable_cooldowns=True)
    first.fail(500)
    for _ in range(40):
        assert (await router.acompletion("m", PROMPT, num_retries=0)).deployment == "good"
    assert first.log.arrived < 30
