"""Timeouts that go by what the fleet measured: of the deployment that serves, never longer than the caller's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from router_core.config.timeouts import PercentileTimeout
from router_core.errors import Timeout
from router_core.plan import Plan, Target
from router_core.router import Router
from router_core.simulator import SlowHeaders, Stall, Upstream
from router_core.timeouts import Limit
from tests.config.helpers import failure, loaded
from tests.router.percentile_kit import known, measured
from tests.router.rig import PROMPT, Make, entry, state_of

RULE = {"percentile": 99, "times": 2, "at_least": 0.05, "at_most": 30}


def limits(router: Router, deployment: str, **options: Any) -> tuple[Limit, Limit]:
    """Of a stream of group m there: of the whole call, and to its first content."""
    planner, timeouts = router._wiring.planner, router._wiring.upstream.timeouts
    plan: Plan = planner.plan("chat", "m", {"messages": PROMPT, "stream": True, **options})
    target: Target = plan.target
    total = timeouts.total(plan, target, deployment)
    return total, timeouts.first(plan, target, deployment, total)


async def test_a_deployment_that_is_slower_than_it_usually_is_has_failed(
    routers: Make, first: Upstream, second: Upstream
) -> None:
    first.behaviour = replace(first.behaviour, faults=(SlowHeaders(),))
    models = [entry(first, "slow"), entry(second, "other", order=1)]
    router = routers(models, timeout=RULE, disable_cooldowns=True)
    await measured(router, "slow", "other", seconds=0.04)
    await known(router, "slow", percent=99)
    answer = await router.acompletion("m", PROMPT)
    assert answer.deployment == "other"
    assert [(one.deployment, one.kind, one.reason) for one in answer.attempts[:1]] == [("slow", "timeout", "timeout")]
    assert (await state_of(router, "slow")).failed == 1


async def test_the_first_content_has_a_percentile_of_its_own(routers: Make, first: Upstream) -> None:
    first.behaviour = replace(first.behaviour, faults=(Stall(),))
    router = routers([entry(first, "one")], ttft_timeout=RULE, num_retries=0)
    await measured(router, "one", seconds=20.0, first=0.04)
    await known(router, "one", percent=99, stream=True)
    with pytest.raises(Timeout) as caught:
        await router.acompletion("m", PROMPT, stream=True)
    assert (caught.value.reason, caught.value.kind) == ("ttft_timeout", "timeout")


async def test_limits_follow_the_deployment_and_stay_within_their_bounds(routers: Make, first: Upstream) -> None:
    rule = {"percentile": 99, "times": 3, "at_least": 0.5, "at_most": 6}
    router = routers([entry(first, id) for id in ("a", "b", "c", "d")], timeout=rule)
    for id, seconds in (("a", 1.0), ("b", 0.01), ("c", 5.0)):
        await measured(router, id, seconds=seconds)
    await known(router, "a", "b", "c", percent=99)
    found = {id: limits(router, id)[0].seconds for id in "abcd"}
    assert found["a"] == pytest.approx(3.0, rel=0.05)
    assert (found["b"], found["c"], found["d"]) == (0.5, 6.0, 6.0), "d was not measured"


async def test_too_few_calls_are_no_percentile(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")], timeout=RULE)
    await measured(router, "one", seconds=0.04, calls=99)
    await known(router, percent=95)
    assert limits(router, "one")[0].seconds == 30


async def test_the_callers_own_timeout_is_never_exceeded(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")], timeout=RULE, ttft_timeout=RULE)
    assert limits(router, "one", timeout=0.01)[0].kind == "caller"
    total, until_first = limits(router, "one", timeout=20.0, ttft_timeout=0.02)
    assert total.seconds <= 20.0
    assert (until_first.seconds, until_first.kind) == (0.02, "caller")


async def test_calls_that_time_out_are_measured_too(routers: Make, first: Upstream) -> None:
    """Else what is usual would shrink with every call that was cut off."""
    first.behaviour = replace(first.behaviour, faults=(SlowHeaders(),))
    router = routers([entry(first, "one")], timeout={**RULE, "at_most": 0.05}, num_retries=0, disable_cooldowns=True)
    with pytest.raises(Timeout):
        await router.acompletion("m", PROMPT)
    timings = (await state_of(router, "one")).timings
    assert timings is not None
    assert timings.latency.count == 1


async def test_where_nothing_goes_by_percentiles_nothing_is_measured(routers: Make, first: Upstream) -> None:
    plain, asked = routers([entry(first, "one")]), routers([entry(first, "one")], percentiles=True)
    await plain.acompletion("m", PROMPT)
    assert (await state_of(plain, "one")).timings is None
    stream = await asked.acompletion("m", PROMPT, stream=True)
    assert [chunk async for chunk in stream]
    timings = (await state_of(asked, "one")).timings
    assert timings is not None
    assert (timings.ttft.count, timings.latency.count) == (1, 1)


def test_the_configuration_is_typed_and_errors_name_the_field() -> None:
    made = loaded(timeout={"percentile": "99"}, stream_timeout=RULE, ttft_timeout=3)[0]
    assert made.timeout == PercentileTimeout(percentile=99, times=2.0, at_least=1.0, at_most=600.0)
    assert made.ttft_timeout == 3
    assert failure(timeout={"percentile": 100}).startswith("timeout.percentile: ")
    assert failure(ttft_timeout={"percentile": 99, "times": 0}).startswith("ttft_timeout.times: ")
    assert failure(timeout={"percentile": 99, "tims": 2}) == ("timeout.tims: unknown key, did you mean 'times'?")
    assert failure(timeout={**RULE, "at_least": 31}) == "timeout.at_least: must not be more than at_most"
    assert failure(timeout="soon").startswith("timeout: ")
