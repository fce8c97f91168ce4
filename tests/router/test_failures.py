"""Retries, fallbacks, timeouts and cancellation: one budget, another deployment first, every lease settled."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from router_core.errors import (
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    MalformedAnswerError,
    NoDeploymentAvailable,
    RateLimitError,
    Timeout,
)
from router_core.simulator import Behaviour, Cut, Fault, Malformed, SlowHeaders, Upstream
from tests.router.rig import PROMPT, Make, entry, state_of, until


async def test_another_deployment_comes_first(routers: Make, first: Upstream, second: Upstream) -> None:
    router = routers([entry(first, "bad"), entry(second, "good", order=1)])
    first.fail(500)
    for _ in range(20):
        answer = await router.acompletion("m", PROMPT)
        assert answer.deployment == "good"
    assert first.log.arrived <= 20
    assert all(visit.status == 200 for visit in second.log.visits())


async def test_one_budget_for_the_whole_call(routers: Make, first: Upstream, second: Upstream) -> None:
    """3 groups, 2 retries, 2 fallbacks: 1 + 2 + 2 upstream calls, not 9."""
    first.fail(500)
    second.fail(500)
    router = routers(
        [entry(first, "a1", "a"), entry(second, "a2", "a"), entry(first, "b1", "b"), entry(second, "c1", "c")],
        fallbacks=[{"a": ["b"]}, {"b": ["c", "a"]}, {"c": ["a"]}],
        num_retries=2,
        disable_cooldowns=True,
    )
    with pytest.raises(InternalServerError) as caught:
        await router.acompletion("a", PROMPT)
    assert first.log.arrived + second.log.arrived == 5
    assert len(caught.value.attempts) == 5
    assert [record.deployment for record in caught.value.attempts[-2:]] == ["b1", "c1"]


async def test_the_same_deployment_is_tried_again_after_a_pause(routers: Make, first: Upstream) -> None:
    first.fail(500, times=1)
    router = routers([entry(first, "one")])
    answer = await router.acompletion("m", PROMPT)
    assert answer._hidden_params["attempted_retries"] == 1
    assert [record.kind for record in answer.attempts] == ["server", "ok"]


async def test_a_caller_may_forbid_retries(routers: Make, first: Upstream, second: Upstream) -> None:
    first.fail(500)
    second.fail(500)
    router = routers([entry(first, "one"), entry(second, "two")])
    with pytest.raises(InternalServerError):
        await router.acompletion("m", PROMPT, num_retries=0)
    assert first.log.arrived + second.log.arrived == 1


async def test_retry_policy_per_class(routers: Make, first: Upstream, second: Upstream) -> None:
    policy = {"InternalServerErrorRetries": 0, "BadRequestErrorRetries": 1}
    router = routers([entry(first, "one"), entry(second, "two")], retry_policy=policy)
    first.fail(500)
    second.fail(500)
    with pytest.raises(InternalServerError) as caught:
        await router.acompletion("m", PROMPT)
    assert len(caught.value.attempts) == 1
    first.heal()
    second.heal()
    first.fail(400)
    second.fail(400)
    with pytest.raises(BadRequestError) as refused:
        await router.acompletion("m", PROMPT)
    assert len(refused.value.attempts) == 2


async def test_a_callers_fault_is_not_repeated(routers: Make, first: Upstream, second: Upstream) -> None:
    first.fail(400)
    second.fail(400)
    router = routers([entry(first, "one"), entry(second, "two")])
    with pytest.raises(BadRequestError):
        await router.acompletion("m", PROMPT)
    assert first.log.arrived + second.log.arrived == 1


async def test_a_bad_key_fails_over_but_is_not_repeated_at_the_same_place(
    routers: Make, first: Upstream, second: Upstream
) -> None:
    router = routers([entry(first, "one"), entry(second, "two", order=1)])
    first.fail(401)
    assert (await router.acompletion("m", PROMPT)).deployment == "two"
    second.fail(401)
    with pytest.raises(AuthenticationError):
        await router.acompletion("m", PROMPT, max_wait=0)


async def test_a_429_waits_out_a_short_retry_after(routers: Make, first: Upstream) -> None:
    first.fail(429, times=1, retry_after=0.2)
    router = routers([entry(first, "one")], cooldown_time=0.1)
    began = time.monotonic()
    assert (await router.acompletion("m", PROMPT)).deployment == "one"
    assert 0.2 <= time.monotonic() - began < 2


async def test_a_wait_that_cannot_fit_fails_at_once(routers: Make, first: Upstream) -> None:
    first.fail(429, retry_after=30)
    router = routers([entry(first, "one")])
    began = time.monotonic()
    with pytest.raises(RateLimitError) as caught:
        await router.acompletion("m", PROMPT)
    assert time.monotonic() - began < 1
    assert caught.value.retry_after == pytest.approx(30, abs=1)


async def test_no_room_says_why_and_until_when(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one", rpm=1)])
    await router.acompletion("m", PROMPT)
    with pytest.raises(NoDeploymentAvailable) as caught:
        await router.acompletion("m", PROMPT)
    assert [(refusal.deployment, refusal.reason) for refusal in caught.value.refusals] == [("one", "requests/60")]
    assert caught.value.earliest == pytest.approx(60, abs=3)
    assert caught.value.status_code == 429
    assert first.log.arrived == 1


async def test_no_room_goes_to_the_fallback_without_waiting(routers: Make, first: Upstream, second: Upstream) -> None:
    router = routers([entry(first, "one", "a", rpm=1), entry(second, "two", "b")], fallbacks=[{"a": ["b"]}])
    await router.acompletion("a", PROMPT)
    began = time.monotonic()
    answer = await router.acompletion("a", PROMPT)
    assert time.monotonic() - began < 1
    assert (answer.deployment, answer._hidden_params["attempted_fallbacks"]) == ("two", 1)


async def test_which_list_an_error_chooses(routers: Make, first: Upstream, second: Upstream) -> None:
    router = routers(
        [
            entry(first, "a1", "a"),
            entry(second, "general", "b"),
            entry(second, "large", "c"),
            entry(second, "lax", "d"),
        ],
        fallbacks=[{"a": ["b"]}],
        context_window_fallbacks=[{"a": ["c"]}],
        content_policy_fallbacks=[{"*": ["d"]}],
    )
    for option, expected in (
        ("mock_testing_fallbacks", "general"),
        ("mock_testing_context_fallbacks", "large"),
        ("mock_testing_content_policy_fallbacks", "lax"),
    ):
        wish: dict[str, Any] = {option: True}
        assert (await router.acompletion("a", PROMPT, **wish)).deployment == expected
    with pytest.raises(InternalServerError):
        await router.acompletion("a", PROMPT, mock_testing_fallbacks=True, disable_fallbacks=True)
    answer = await router.acompletion("a", PROMPT, mock_testing_fallbacks=True, fallbacks=["d"])
    assert answer.deployment == "lax"
    first.behaviour = Behaviour(context_tokens=0)
    assert (await router.acompletion("a", PROMPT)).deployment == "large"


async def test_a_fallback_may_change_parameters(routers: Make, first: Upstream, second: Upstream) -> None:
    router = routers([entry(first, "a1", "a"), entry(second, "b1", "b")])
    first.fail(500)
    answer = await router.acompletion(
        "a", PROMPT, max_tokens=50, num_retries=0, fallbacks=[{"model": "b", "max_tokens": 2}]
    )
    assert (answer.deployment, answer.usage.completion_tokens) == ("b1", 2)


async def test_an_unknown_group_goes_to_the_default_fallback(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one")], default_fallbacks=["m"])
    assert (await router.acompletion("nobody-knows-it", PROMPT)).deployment == "one"


async def test_aliases_ids_and_specific_deployments(routers: Make, first: Upstream, second: Upstream) -> None:
    router = routers([entry(first, "one"), entry(second, "two")], model_group_alias={"alias": "m"})
    assert (await router.acompletion("alias", PROMPT)).deployment in ("one", "two")
    for _ in range(5):
        assert (await router.acompletion("two", PROMPT)).deployment == "two"
        assert (await router.acompletion("m", PROMPT, specific_deployment="one")).deployment == "one"
    assert (await router.acompletion("one", PROMPT, specific_deployment=True)).deployment == "one"


async def test_a_deployments_timeout_is_its_fault_and_fails_over(
    routers: Make, first: Upstream, second: Upstream
) -> None:
    first.behaviour = replace(first.behaviour, faults=(SlowHeaders(),))
    router = routers([entry(first, "slow", timeout=0.1), entry(second, "two", order=1)])
    for _ in range(4):
        assert (await router.acompletion("m", PROMPT)).deployment == "two"
    state = await state_of(router, "slow")
    assert state.failed == first.log.arrived
    assert state.inflight == 0


async def test_a_callers_own_short_timeout_is_nobodys_fault(routers: Make, first: Upstream) -> None:
    first.behaviour = replace(first.behaviour, faults=(SlowHeaders(),))
    router = routers([entry(first, "one"), entry(first, "two")])
    began = time.monotonic()
    with pytest.raises(Timeout) as caught:
        await router.acompletion("m", PROMPT, timeout=0.15)
    assert 0.1 < time.monotonic() - began < 1
    assert (caught.value.kind, len(caught.value.attempts)) == ("caller", 1)
    for id in ("one", "two"):
        state = await state_of(router, id)
        assert (state.failed, state.inflight, state.health) == (0, 0, "closed")


@pytest.mark.parametrize("fault", [Cut(after=None), Cut(after=1), Malformed()])
async def test_an_answer_that_breaks_fails_over(routers: Make, first: Upstream, second: Upstream, fault: Fault) -> None:
    first.behaviour = replace(first.behaviour, faults=(fault,))
    router = routers([entry(first, "bad"), entry(second, "good", order=1)], disable_cooldowns=True)
    for _ in range(6):
        assert (await router.acompletion("m", PROMPT)).deployment == "good"
    assert first.log.arrived > 0


async def test_an_unreadable_answer_is_an_error_of_its_own(routers: Make, first: Upstream) -> None:
    first.behaviour = replace(first.behaviour, faults=(Malformed(),))
    router = routers([entry(first, "one")], num_retries=0)
    with pytest.raises(MalformedAnswerError):
        await router.acompletion("m", PROMPT)


async def test_an_upstream_that_is_away_fails_over(routers: Make, first: Upstream, second: Upstream) -> None:
    router = routers([entry(first, "away"), entry(second, "good", order=1)])
    await first.stop()
    for _ in range(6):
        assert (await router.acompletion("m", PROMPT)).deployment == "good"


async def test_cancelled_calls_settle(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(latency=5.0)
    router = routers([entry(first, "one", max_parallel_requests=50)])
    calls = [asyncio.create_task(router.acompletion("m", PROMPT)) for _ in range(50)]
    await until(lambda: first.log.in_flight == 50)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    state = await state_of(router, "one")
    assert (state.inflight, state.failed) == (0, 0)
    await until(lambda: first.log.in_flight == 0)


@pytest.mark.slow
async def test_calls_cancelled_at_any_moment_leave_nothing(routers: Make, first: Upstream) -> None:
    first.behaviour = Behaviour(latency=0.01, ttft=0.01, tokens_per_second=500)
    router = routers([entry(first, "one", max_parallel_requests=500, rpm=100_000)])

    async def call(number: int) -> None:
        if number % 2:
            await router.acompletion("m", PROMPT, max_tokens=5)
        else:
            async for _ in await router.acompletion("m", PROMPT, max_tokens=5, stream=True):
                pass

    async def cancelled(number: int) -> None:
        task = asyncio.create_task(call(number))
        await asyncio.sleep(number % 37 / 1000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for _ in range(5):
        await asyncio.gather(*(cancelled(number) for number in range(200)))
    state = await state_of(router, "one")
    assert state.inflight == 0
    assert router.store._process().worker.live == {}


async def test_a_request_no_provider_can_take_holds_nothing(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "one", rpm=1)])
    with pytest.raises(BadRequestError):
        await router.acompletion("m", PROMPT, seed=object())
    await router.store.flush()
    assert (await router.acompletion("m", PROMPT)).deployment == "one"
