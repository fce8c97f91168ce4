"""Several calls at once: results in their places, one winner, and losers that leave nothing behind."""

from __future__ import annotations

import pytest

from router_core.errors import BadRequestError, InternalServerError
from router_core.simulator import Behaviour, Upstream
from router_core.streaming import Stream
from tests.router.rig import PROMPT, Make, entry, state_of


async def test_one_request_to_each_model(routers: Make, first: Upstream, second: Upstream) -> None:
    router = routers([entry(first, "a", "x"), entry(second, "b", "y")])
    answers = await router.abatch_completion(["x", "y"], PROMPT)
    assert [answer.deployment for answer in answers] == ["a", "b"]


async def test_each_request_to_each_model_and_a_failure_stands_in_its_place(
    routers: Make, first: Upstream, second: Upstream
) -> None:
    second.fail(500, times=10)
    router = routers([entry(first, "a", "x"), entry(second, "b", "y")], num_retries=0)
    rows = await router.abatch_completion(["x", "y"], [PROMPT, PROMPT])
    assert [row[0].deployment for row in rows] == ["a", "a"]
    assert all(isinstance(row[1], InternalServerError) for row in rows)


async def test_many_requests_to_one_model(routers: Make, first: Upstream) -> None:
    router = routers([entry(first, "a")])
    answers = await router.abatch_completion_one_model_multiple_requests("m", [PROMPT] * 3)
    assert [answer.deployment for answer in answers] == ["a"] * 3
    assert len(first.log) == 3


@pytest.mark.parametrize("stream", [False, True])
async def test_the_fastest_wins_and_the_others_are_cancelled_and_settled(
    routers: Make, first: Upstream, stream: bool
) -> None:
    async with Upstream(Behaviour(latency=30.0, ttft=30.0)) as slow:
        router = routers([entry(first, "fast", "x"), entry(slow, "slow", "y")])
        answer = await router.abatch_completion_fastest_response("y, x", PROMPT, stream=stream)
        assert answer.deployment == "fast"
        if isinstance(answer, Stream):
            assert [chunk async for chunk in answer]
        assert [(await state_of(router, id)).inflight for id in ("fast", "slow")] == [0, 0]


async def test_the_race_goes_on_without_those_that_fail(routers: Make, first: Upstream, second: Upstream) -> None:
    first.fail(500, times=10)
    router = routers([entry(first, "a", "x"), entry(second, "b", "y")], num_retries=0)
    assert (await router.abatch_completion_fastest_response(["x", "y"], PROMPT)).deployment == "b"
    second.fail(500, times=10)
    with pytest.raises(InternalServerError):
        await router.abatch_completion_fastest_response(["x", "y"], PROMPT)
    with pytest.raises(BadRequestError, match="must name"):
        await router.abatch_completion_fastest_response("x,,y", PROMPT)
